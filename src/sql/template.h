/* What ksqlDB adds to the configurations of connectors that it knows well. Pure. */
#ifndef LEAT_SQL_TEMPLATE_H
#define LEAT_SQL_TEMPLATE_H

#include "config/load.h"
#include "sql/statement.h"

/* The options of a CREATE ... CONNECTOR as the connector is to have them: those that are NULL left
 * out, its class' template applied, and its name. In a. */
leat_config *leat_sql_template(const leat_sql_statement *s, leat_arena *a);

#endif
