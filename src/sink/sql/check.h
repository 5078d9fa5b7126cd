/* Connecting by configuration, and the steps of `leat check` for a relational sink. */
#ifndef LEAT_SINK_SQL_CHECK_H
#define LEAT_SINK_SQL_CHECK_H

#include "sink/sql/dialect.h"

/* The dialect and the URL that connection.url and dialect.name lead to, with user and password; in
 * a. CONF "config.url", "sql.dialect", at connection.url: also when it names a local file that it
 * may not. */
leat_rc leat_rdb_resolve(const leat_rdb_conf *conf, leat_arena *a, const leat_rdb_dialect **dialect,
                         leat_db_url *url, leat_err *e);
/* app: the connector's name; trial: as the dialect's open. What the connection borrows is in a. */
leat_rc leat_rdb_connect(const leat_rdb_conf *conf, const char *app, bool trial, leat_arena *a,
                         leat_rdb_conn **out, leat_err *e);
/* For leat_sink.check: changes nothing that stays. */
leat_rc leat_rdb_check(const leat_rdb_conf *conf, leat_checker *c, leat_err *e);

#endif
