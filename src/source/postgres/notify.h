/* Inside of capture by PostgreSQL's notifications: what its files give each other. */
#ifndef LEAT_SOURCE_POSTGRES_NOTIFY_H
#define LEAT_SOURCE_POSTGRES_NOTIFY_H

#include "source/postgres/notify_conf.h"
#include "source/source.h"

static inline bool leat_notify_has_query(const leat_notify_conf *c)
{
    return c->query && *c->query;
}

/* ---- position.c ---- */

/* In a. */
leat_str leat_notify_partition(const leat_notify_conf *c, leat_arena *a);
/* CONF "notify.position". */
leat_rc leat_notify_offset_read(leat_str text, int64_t *us, leat_err *e);
/* For leat_source. */
leat_rc leat_notify_offset_check(const void *p, leat_position now, leat_position to, leat_arena *a,
                                 leat_position *out, const char **note, leat_err *e);
void leat_notify_offset_text(leat_str offset, leat_buf *out);

/* ---- check.c ---- */

/* To all channels. */
leat_rc leat_notify_listen(leat_pg *c, const leat_notify_conf *conf, leat_err *e);
/* Fetches the row of a key of NULLs, which is none: whether that can be done. */
leat_rc leat_notify_try_row(leat_pg *c, const leat_notify_conf *conf, const char *sql, leat_err *e);
/* Opens the cursor leat_fetch for fetch.query, whose $1 is since_us or, if not begun, -infinity. */
leat_rc leat_notify_fetch(leat_pg *c, const leat_notify_conf *conf, bool begun, int64_t since_us,
                          leat_err *e);
/* For leat_source. */
leat_rc leat_notify_check(const void *p, leat_checker *c, leat_err *e);
leat_rc leat_notify_discover(const void *p, leat_catalog *out, leat_err *e);

#endif
