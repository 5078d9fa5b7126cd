/* The effective properties of Debezium Server: profiles, environment, expressions. Private to
 * config/. */
#ifndef LEAT_CONFIG_DBZSERVER_VALUE_H
#define LEAT_CONFIG_DBZSERVER_VALUE_H

#include "config/load.h"

/* The names that count, each with its value; in a. Those that only an expression uses have used
 * set. Problems: an expression that stands for nothing. A value that selects something (the sink's
 * type, a format) is what the environment says, not a reference. */
void leat_dbzserver_values(leat_arena *a, const leat_props *file, const char *const *env,
                           leat_props *out, leat_report *r);

#endif
