/* The dialects, by name; for the list of them alone. */
#ifndef LEAT_SINK_SQL_DIALECTS_H
#define LEAT_SINK_SQL_DIALECTS_H

#include "sink/sql/dialect.h"

extern const leat_rdb_dialect leat_rdb_mysql, leat_rdb_postgres, leat_rdb_sqlite;

#endif
