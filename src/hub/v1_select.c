/* POST /hub/v1/query: a SELECT over topics and state (docs/sql.md).
 *
 * The query runs in a process of its own, which a worker of the hub waits for; so that a few slow
 * ones do not take all places of those that wait, no more than RUNNING run at once. */
#include "engine/connection.h"
#include "hub/inside.h"
#include "sql/select.h"

enum { RUNNING = 2 };

/* {"sql":"SELECT ...","max_rows":N,"timeout_ms":N}; false: answered. */
static bool take(const leat_hub *h, leat_http_call *c, leat_select_conf *out)
{
    const leat_json *j = c->json;
    *out = (leat_select_conf){.data = h->conf.data,
                              .sql = leat_json_get_str(j, "sql"),
                              .max_rows = leat_json_get_i64(j, "max_rows", LEAT_SELECT_ROWS),
                              .ms = leat_json_get_i64(j, "timeout_ms", LEAT_SELECT_MS)};
    if (!out->sql.s)
        leat_http_fail(c, 400, "expected an object {\"sql\":\"SELECT ...\"}");
    else if (out->max_rows < 1 || out->max_rows > LEAT_SELECT_ROWS_MOST)
        leat_http_fail(c, 400, "max_rows: expected a number from 1 to %d", LEAT_SELECT_ROWS_MOST);
    else if (out->ms < 1 || out->ms > LEAT_SELECT_MS_MOST)
        leat_http_fail(c, 400, "timeout_ms: expected a number from 1 to %d", LEAT_SELECT_MS_MOST);
    else
        return true;
    return false;
}

/* The Kafka that is this hub's stream, if it is one. */
static leat_rc find_kafka(const leat_hub *h, leat_arena *a, leat_select_conf *out, leat_err *e)
{
    leat_config config = {0};
    leat_report r;
    leat_report_init(&r, a);
    leat_props_init(&config.props, NULL);
    leat_hub_add_worker(h, a, &config);
    if (!config.worker) return LEAT_OK;
    if (!leat_connection_expand(a, config.worker, true, &r))
        return leat_report_err(&r, "connection", e);
    LEAT_TRY(leat_config_resolve(a, config.worker, e));
    if (leat_props_get(config.worker, "bootstrap.servers")) out->kafka = config.worker;
    return LEAT_OK;
}

void leat_hub_v1_select(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_select_conf conf;
    leat_err err = {0}, no_kafka = {0};
    c->looked = true;
    if (!take(h, c, &conf)) return;
    if (find_kafka(h, &c->a, &conf, &no_kafka) != LEAT_OK) conf.no_kafka = &no_kafka;
    if (atomic_fetch_add(&h->queries, 1) >= RUNNING)
        leat_http_fail(c, 429, "%d queries run already; try again when one has ended [select.busy]",
                       RUNNING);
    else if (leat_select_apart(&conf, &c->out, &err) != LEAT_OK)
        leat_hub_fail(c, &err);
    atomic_fetch_sub(&h->queries, 1);
}
