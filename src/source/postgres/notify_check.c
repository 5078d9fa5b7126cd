/* What capture by notifications asks the server to do, and trying a configuration: sessions of
 * their own there, any thread. */
#include "base/clock.h"
#include "capture/naming.h"
#include "source/postgres/notify.h"
#include "system/postgres/quote.h"

leat_rc leat_notify_listen(leat_pg *c, const leat_notify_conf *conf, leat_err *e)
{
    leat_rc rc = LEAT_OK;
    leat_buf sql = {0};
    for (size_t i = 0; rc == LEAT_OK && i < conf->channels.n; i++) {
        leat_buf_clear(&sql);
        leat_buf_str_z(&sql, "LISTEN ");
        leat_pg_quote_name(&sql, leat_str_of(conf->channels.v[i]));
        leat_buf_u8(&sql, 0);
        rc = leat_pg_exec(c, "listen", sql.p, e);
    }
    leat_buf_free(&sql);
    return rc;
}

/* The statement stays whole on the server: rows come by pages, and no transaction stays open, in
 * which no notification would come. */
leat_rc leat_notify_fetch(leat_pg *c, const leat_notify_conf *conf, bool begun, int64_t since_us,
                          leat_err *e)
{
    leat_buf sql = {0};
    PGresult *res = NULL;
    char since[LEAT_ISO_MAX] = "-infinity";
    const char *params[] = {since};
    if (begun) leat_iso_us(since_us, 6, since);
    leat_buf_printf(&sql, "DECLARE leat_fetch NO SCROLL CURSOR WITH HOLD FOR\n%s\n", conf->query);
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_pg_query(c, "run fetch.query", sql.p, strstr(conf->query, "$1") ? 1 : 0,
                               params, &res, e);
    PQclear(res);
    leat_buf_free(&sql);
    return rc;
}

leat_rc leat_notify_try_row(leat_pg *c, const leat_notify_conf *conf, const char *sql, leat_err *e)
{
    PGresult *res = NULL;
    const char **keys = leat_zalloc(conf->key.n, sizeof *keys);
    leat_rc rc = leat_pg_query(c, "read row.table", sql, (int)conf->key.n, keys, &res, e);
    PQclear(res);
    leat_free(keys);
    return rc;
}

/* ---- for people ---- */

static void step(leat_checker *c, const char *name, leat_rc rc, const leat_err *e,
                 const char *detail)
{
    bool good = rc == LEAT_OK;
    leat_check_step(c, &(leat_step){.name = name,
                                    .state = good ? LEAT_STEP_OK : LEAT_STEP_FAILED,
                                    .code = good ? NULL : e->code,
                                    .detail = good ? detail : e->msg});
}

leat_rc leat_notify_check(const void *p, leat_checker *c, leat_err *e)
{
    const leat_notify_conf *conf = p;
    leat_arena a = {0};
    leat_pg_target target;
    leat_pg pg = {0};
    leat_err err;
    const char *row = leat_notify_conf_row(conf, &a);
    (void)e;
    leat_rc rc = leat_notify_conf_target(conf, &a, &target, &err);
    if (rc == LEAT_OK) rc = leat_pg_connect(&pg, &target, false, "leat check", &err);
    step(c, "connect", rc, &err, rc == LEAT_OK ? "a primary, and the log-in" : NULL);
    if (rc == LEAT_OK) {
        rc = leat_notify_listen(&pg, conf, &err);
        step(c, "listen", rc, &err, "the session may LISTEN");
    }
    if (rc == LEAT_OK && row)
        step(c, "row.table", leat_notify_try_row(&pg, conf, row, &err), &err, "can be read");
    if (rc == LEAT_OK && leat_notify_has_query(conf))
        step(c, "fetch.query", leat_notify_fetch(&pg, conf, true, leat_now_us(), &err), &err,
             "can be run");
    if (rc == LEAT_OK && !leat_notify_has_query(conf))
        leat_check_step(c, &(leat_step){.name = "fetch.query",
                                        .state = LEAT_STEP_WARN,
                                        .code = "notify.gap",
                                        .detail = "notifications that are sent while nobody "
                                                  "listens are lost",
                                        .advice = "Set fetch.query"});
    leat_pg_close(&pg);
    leat_arena_free(&a);
    return LEAT_OK;
}

leat_rc leat_notify_discover(const void *p, leat_catalog *out, leat_err *e)
{
    const leat_notify_conf *conf = p;
    (void)e;
    for (size_t i = 0; i < conf->channels.n; i++) {
        leat_catalog_table *t = LEAT_NEW(out->a, leat_catalog_table, 1);
        const char *topic = leat_arena_printf(out->a, "%s.%s", conf->prefix, conf->channels.v[i]);
        *t = (leat_catalog_table){.name = conf->channels.v[i],
                                  .kind = "channel",
                                  .rows = -1,
                                  .captured = true,
                                  .topic = leat_naming_sanitize(out->a, topic, false)};
        *out->tail = t;
        out->tail = &t->next;
    }
    return LEAT_OK;
}
