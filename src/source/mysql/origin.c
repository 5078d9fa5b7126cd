/* The source block of events from MySQL and MariaDB.
 *
 * Fields, their order and their schemas are Debezium's; version is the one whose events these are
 * equal to. Made once a run: every table version points at the one origin. Run by the task's
 * thread. */
#include "source/mysql/my.h"

enum { NFIELDS = 17, NHEADERS = 4 };

/* Debezium's Enum of snapshot markers, "false" by default. */
static const leat_schema *marker_schema(leat_arena *a)
{
    leat_schema *s = leat_schema_named(a, LEAT_T_STRING, true, "io.debezium.data.Enum", 1);
    leat_schema_param(a, s, "allowed",
                      "true,first,first_in_data_collection,last_in_data_collection,last,false,"
                      "incremental");
    leat_value *def = LEAT_NEW(a, leat_value, 1);
    *def = leat_text(LEAT_STR("false"));
    s->def = def;
    return s;
}

static leat_value text_of(leat_arena *a, const char *z)
{
    return leat_text(leat_arena_str(a, leat_str_of(z)));
}

static const char *connector_of(const leat_my_source *s)
{
    return s->mariadb ? "mariadb" : "mysql";
}

static void put_headers(leat_origin *o, const leat_my_source *s)
{
    leat_arena *a = &o->arena;
    leat_param *h = LEAT_NEW(a, leat_param, NHEADERS);
    h[0] = (leat_param){"__debezium.context.connectorLogicalName",
                        leat_arena_strdup(a, s->conf->capture.prefix)};
    h[1] = (leat_param){"__debezium.context.taskId", leat_arena_printf(a, "%u", s->task->id)};
    h[2] = (leat_param){"__debezium.context.connectorName", connector_of(s)};
    h[3] = (leat_param){"__debezium.context.runId", leat_arena_strdup(a, s->task->run_id)};
    o->headers = h;
    o->nheaders = NHEADERS;
}

leat_origin *leat_my_origin_new(const leat_my_source *s)
{
    leat_origin *o = leat_origin_new();
    leat_arena *a = &o->arena;
    const leat_schema *i64 = leat_schema_new(a, LEAT_T_INT64, false);
    const leat_schema *i64_opt = leat_schema_new(a, LEAT_T_INT64, true);
    const leat_schema *i32 = leat_schema_new(a, LEAT_T_INT32, false);
    const leat_schema *text = leat_schema_new(a, LEAT_T_STRING, false);
    const leat_schema *text_opt = leat_schema_new(a, LEAT_T_STRING, true);
    const struct {
        const char *name;
        const leat_schema *schema;
        leat_origin_field field;
    } fields[NFIELDS] = {
        {"version", text, {.bind = LEAT_BIND_CONST, .value = text_of(a, s->task->source->version)}},
        {"connector", text, {.bind = LEAT_BIND_CONST, .value = text_of(a, connector_of(s))}},
        {"name", text, {.bind = LEAT_BIND_CONST, .value = text_of(a, s->conf->capture.prefix)}},
        {"ts_ms", i64, {.bind = LEAT_BIND_TS_MS}},
        {"snapshot", marker_schema(a), {.bind = LEAT_BIND_SNAPSHOT}},
        {"db", text, {.bind = LEAT_BIND_DB}},
        {"sequence", text_opt, {.bind = LEAT_BIND_CONST, .value = leat_null()}},
        {"ts_us", i64_opt, {.bind = LEAT_BIND_TS_US}},
        {"ts_ns", i64_opt, {.bind = LEAT_BIND_TS_NS}},
        {"table", text_opt, {.bind = LEAT_BIND_TABLE}},
        {"server_id", i64, {.bind = LEAT_BIND_CELL, .cell = LEAT_MY_SRC_SERVER}},
        {"gtid", text_opt, {.bind = LEAT_BIND_CELL, .cell = LEAT_MY_SRC_GTID}},
        {"file", text, {.bind = LEAT_BIND_CELL, .cell = LEAT_MY_SRC_FILE}},
        {"pos", i64, {.bind = LEAT_BIND_CELL, .cell = LEAT_MY_SRC_POS}},
        {"row", i32, {.bind = LEAT_BIND_CELL, .cell = LEAT_MY_SRC_ROW}},
        {"thread", i64_opt, {.bind = LEAT_BIND_CELL, .cell = LEAT_MY_SRC_THREAD}},
        {"query", text_opt, {.bind = LEAT_BIND_CELL, .cell = LEAT_MY_SRC_QUERY}},
    };
    leat_schema *block = leat_schema_struct(
        a, false, leat_arena_printf(a, "io.debezium.connector.%s.Source", connector_of(s)), 1,
        NFIELDS);
    leat_field *names = LEAT_NEW(a, leat_field, NFIELDS);
    leat_origin_field *binds = LEAT_NEW(a, leat_origin_field, NFIELDS);
    for (int i = 0; i < NFIELDS; i++) {
        names[i] = (leat_field){fields[i].name, fields[i].schema};
        binds[i] = fields[i].field;
    }
    block->fields = names;
    o->schema = block;
    o->fields = binds;
    o->ncells = LEAT_MY_SRC_N;
    o->tx_cells[0] = LEAT_MY_SRC_TX;
    o->ntx_cells = 1;
    o->placeholder = leat_capture_placeholder(&s->conf->capture, a);
    if (s->conf->capture.extended_headers) put_headers(o, s);
    return o;
}

static leat_value text_or_null(leat_arena *a, const char *z)
{
    return z && *z ? text_of(a, z) : leat_null();
}

leat_value *leat_my_src(const leat_my_source *s, leat_arena *a)
{
    const leat_my_tx *tx = &s->tx;
    leat_value *v = leat_arena_alloc(a, LEAT_MY_SRC_N * sizeof *v, _Alignof(leat_value));
    bool named = tx->gtid.gno || tx->has_mariadb;
    v[LEAT_MY_SRC_SERVER] = leat_int(tx->server_id);
    v[LEAT_MY_SRC_TX] = text_or_null(a, tx->name);
    v[LEAT_MY_SRC_GTID] = named ? v[LEAT_MY_SRC_TX] : leat_null();
    v[LEAT_MY_SRC_FILE] = text_of(a, s->file);
    v[LEAT_MY_SRC_POS] = leat_int((int64_t)s->event_pos);
    v[LEAT_MY_SRC_ROW] = leat_int(0);
    v[LEAT_MY_SRC_THREAD] = tx->thread >= 0 ? leat_int(tx->thread) : leat_null();
    v[LEAT_MY_SRC_QUERY] = s->conf->include_query && tx->query.len
                               ? leat_text(leat_arena_str(a, leat_buf_str(&tx->query)))
                               : leat_null();
    return v;
}
