/* The configuration of capture by PostgreSQL's notifications. */
#ifndef LEAT_SOURCE_POSTGRES_NOTIFY_CONF_H
#define LEAT_SOURCE_POSTGRES_NOTIFY_CONF_H

#include "config/opt.h"
#include "system/postgres/conn.h"

typedef struct leat_notify_conf {
    const char *url, *user, *password;
    const char *prefix;
    leat_opt_list channels;
    int64_t format;    /* leat_notify_format */
    const char *table; /* "schema.table", or a table alone; NULL: no rows are fetched */
    leat_opt_list key; /* its columns */
    const char *query; /* NULL: what was sent while nobody listened is lost */
    int64_t mark_ms;
} leat_notify_conf;

/* payload.format, in the order of its choices. */
typedef enum leat_notify_format { LEAT_NOTIFY_JSON, LEAT_NOTIFY_TEXT } leat_notify_format;

extern const leat_opt *const leat_notify_option_tables[]; /* NULL-ended */
/* For leat_source.validate. */
void leat_notify_conf_validate(const void *conf, leat_report *r);
/* Where the server is; texts in a. CONF. */
leat_rc leat_notify_conf_target(const leat_notify_conf *c, leat_arena *a, leat_pg_target *t,
                                leat_err *e);
/* "SELECT row_to_json(q)::text FROM table AS q WHERE key = $1 ...", in a; NULL: rows are not
 * fetched. */
const char *leat_notify_conf_row(const leat_notify_conf *c, leat_arena *a);

#endif
