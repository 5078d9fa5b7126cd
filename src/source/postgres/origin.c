/* The source block of events from PostgreSQL, and the "table" of logical messages.
 *
 * Fields, their order and their schemas are Debezium's; version is the one whose events these are
 * equal to. What differs from event to event stands in six cells (pg.h). Made once a run: every
 * table version points at the one origin. Run by the task's thread. */
#include "source/postgres/pg.h"

#define CONNECTOR "io.debezium.connector.postgresql."

enum { NFIELDS = 16, NHEADERS = 4 };

static const leat_schema *string_of(leat_arena *a, bool optional)
{
    return leat_schema_new(a, LEAT_T_STRING, optional);
}

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

static void put_headers(leat_origin *o, const leat_pg_source *s)
{
    leat_arena *a = &o->arena;
    leat_param *h = LEAT_NEW(a, leat_param, NHEADERS);
    h[0] = (leat_param){"__debezium.context.connectorLogicalName",
                        leat_arena_strdup(a, s->conf->capture.prefix)};
    h[1] = (leat_param){"__debezium.context.taskId", leat_arena_printf(a, "%u", s->task->id)};
    h[2] = (leat_param){"__debezium.context.connectorName", "postgresql"};
    h[3] = (leat_param){"__debezium.context.runId", leat_arena_strdup(a, s->task->run_id)};
    o->headers = h;
    o->nheaders = NHEADERS;
}

leat_origin *leat_pg_origin_new(const leat_pg_source *s, bool rows)
{
    /* The cell stays for the sequence; that of the transaction is null then. */
    uint8_t lsn = rows ? LEAT_PG_SRC_TX : LEAT_PG_SRC_LSN;
    leat_origin *o = leat_origin_new();
    leat_arena *a = &o->arena;
    const leat_schema *i64 = leat_schema_new(a, LEAT_T_INT64, false);
    const leat_schema *i64_opt = leat_schema_new(a, LEAT_T_INT64, true);
    const leat_schema *text = string_of(a, false), *text_opt = string_of(a, true);
    const struct {
        const char *name;
        const leat_schema *schema;
        leat_origin_field field;
    } fields[NFIELDS] = {
        {"version", text, {.bind = LEAT_BIND_CONST, .value = text_of(a, s->task->source->version)}},
        {"connector", text, {.bind = LEAT_BIND_CONST, .value = text_of(a, "postgresql")}},
        {"name", text, {.bind = LEAT_BIND_CONST, .value = text_of(a, s->conf->capture.prefix)}},
        {"ts_ms", i64, {.bind = LEAT_BIND_TS_MS}},
        {"snapshot", marker_schema(a), {.bind = LEAT_BIND_SNAPSHOT}},
        {"db", text, {.bind = LEAT_BIND_DB}},
        {"sequence", text_opt, {.bind = LEAT_BIND_SEQUENCE, .cell = LEAT_PG_SRC_COMMIT}},
        {"ts_us", i64_opt, {.bind = LEAT_BIND_TS_US}},
        {"ts_ns", i64_opt, {.bind = LEAT_BIND_TS_NS}},
        {"schema", text, {.bind = LEAT_BIND_SCHEMA}},
        {"table", text, {.bind = LEAT_BIND_TABLE}},
        {"txId", i64_opt, {.bind = LEAT_BIND_CELL, .cell = LEAT_PG_SRC_TX}},
        {"lsn", i64_opt, {.bind = LEAT_BIND_CELL, .cell = lsn}},
        {"xmin", i64_opt, {.bind = LEAT_BIND_CELL, .cell = LEAT_PG_SRC_XMIN}},
        {"origin", text_opt, {.bind = LEAT_BIND_CELL, .cell = LEAT_PG_SRC_ORIGIN}},
        {"origin_lsn", i64_opt, {.bind = LEAT_BIND_CELL, .cell = LEAT_PG_SRC_ORIGIN_LSN}},
    };
    leat_schema *block = leat_schema_struct(a, false, CONNECTOR "Source", 1, NFIELDS);
    leat_field *names = LEAT_NEW(a, leat_field, NFIELDS);
    leat_origin_field *binds = LEAT_NEW(a, leat_origin_field, NFIELDS);
    for (int i = 0; i < NFIELDS; i++) {
        names[i] = (leat_field){fields[i].name, fields[i].schema};
        binds[i] = fields[i].field;
    }
    block->fields = names;
    o->schema = block;
    o->fields = binds;
    o->ncells = LEAT_PG_SRC_N;
    o->tx_cells[0] = LEAT_PG_SRC_TX;
    o->tx_cells[1] = LEAT_PG_SRC_LSN;
    o->ntx_cells = 2;
    if (s->conf->toast != LEAT_PG_TOAST_DROP_FIELD)
        o->placeholder = leat_capture_placeholder(&s->conf->capture, a);
    if (s->conf->capture.extended_headers) put_headers(o, s);
    return o;
}

leat_rc leat_pg_message_table(leat_pg_source *s, leat_err *e)
{
    enum { BYTEA = 17 };
    leat_table *t = s->message = leat_table_new(s->origin);
    leat_arena *a = &t->arena;
    const leat_capture_conf *c = &s->conf->capture;
    const leat_pg_attr content = {
        .table = "message", .name = "content", .type = BYTEA, .typmod = -1};
    LEAT_TRY(leat_pg_plan(s->types, &s->modes, &content, a, &s->content, e));
    leat_field *fields = LEAT_NEW(a, leat_field, 2);
    fields[0] = (leat_field){"prefix", string_of(a, true)};
    fields[1] = (leat_field){"content", s->content.schema};
    leat_schema *row = leat_schema_struct(a, false, CONNECTOR "Message", 1, 2);
    row->fields = fields;
    leat_schema *key = leat_schema_struct(a, false, CONNECTOR "MessageKey", 1, 1);
    key->fields = fields;
    leat_column *cols = LEAT_NEW(a, leat_column, 2);
    cols[0] = (leat_column){.type = "text", .length = -1, .scale = -1, .position = 1};
    cols[1] =
        (leat_column){.type = "bytea", .oid = BYTEA, .length = -1, .scale = -1, .position = 2};
    uint16_t *key_cols = LEAT_NEW(a, uint16_t, 1);
    leat_naming_place place;
    LEAT_TRY(leat_naming_table(c, a, NULL, NULL, "message", &place, e));
    t->topic = place.topic;
    t->db = leat_arena_strdup(a, s->conf->target.dbname);
    t->schema = t->name = "";
    t->row = row;
    t->key = key;
    t->key_cols = key_cols;
    t->nkey = 1;
    t->cols = cols;
    t->flags = LEAT_TABLE_MESSAGE | (c->transactions ? LEAT_TABLE_TX_BLOCK : 0);
    leat_table_seal(t);
    return LEAT_OK;
}
