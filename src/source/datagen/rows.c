/* Rows of datagen: everything about change n is a hash of seed and n, so nothing has to be
 * remembered and a restart goes on exactly where the position says. Text points into a pool that is
 * made once, by the first caller; nothing is allocated but the rows' cells. Any thread. */
#include "source/datagen/rows.h"

#include <pthread.h>

enum { POOL = 1 << 16, TEXT_MAX = POOL / 2 };

static char pool[POOL];
static pthread_once_t pool_made = PTHREAD_ONCE_INIT;

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

static void make_pool(void)
{
    for (uint64_t i = POOL; i-- > 0;) pool[i] = (char)('a' + mix(i) % 26);
}

static const struct {
    const char *name;
    leat_datagen_type type;
} TYPES[] = {
    {"int", LEAT_DATAGEN_INT},       {"bigint", LEAT_DATAGEN_BIGINT},
    {"text", LEAT_DATAGEN_TEXT},     {"boolean", LEAT_DATAGEN_BOOLEAN},
    {"double", LEAT_DATAGEN_DOUBLE}, {"timestamp", LEAT_DATAGEN_TIMESTAMP},
};

/* "text(84)", "int". */
static bool parse_column(leat_str text, leat_datagen_column *out)
{
    leat_str rest = text, name = leat_str_trim(leat_str_cut(&rest, '('));
    uint64_t length = 32;
    if (rest.s && (rest.len < 2 || rest.s[rest.len - 1] != ')' ||
                   !leat_str_u64((leat_str){rest.s, rest.len - 1}, &length) || length > TEXT_MAX))
        return false;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if (!leat_str_is(name, TYPES[i].name)) continue;
        *out = (leat_datagen_column){TYPES[i].type, (uint32_t)length};
        return rest.s == NULL || TYPES[i].type == LEAT_DATAGEN_TEXT;
    }
    return false;
}

leat_rc leat_datagen_shape_parse(const char *text, leat_datagen_shape *out, leat_err *e)
{
    leat_str rest = leat_str_of(text);
    pthread_once(&pool_made, make_pool);
    out->n = 0;
    while (rest.s) {
        leat_str part = leat_str_trim(leat_str_cut(&rest, ','));
        if (out->n == LEAT_DATAGEN_COLUMNS_MAX)
            return leat_fail(e, LEAT_CONF, "config.datagen", "datagen.columns",
                             "at most %d columns", LEAT_DATAGEN_COLUMNS_MAX);
        if (!parse_column(part, &out->col[out->n++]))
            return leat_fail(e, LEAT_CONF, "config.datagen", "datagen.columns",
                             "\"" LEAT_STR_FMT "\" is no column type; there are int, bigint, "
                             "text(N) with N up to %d, boolean, double and timestamp",
                             LEAT_STR_ARG(part), TEXT_MAX);
    }
    if (out->col[0].type != LEAT_DATAGEN_INT && out->col[0].type != LEAT_DATAGEN_BIGINT)
        return leat_fail(e, LEAT_CONF, "config.datagen", "datagen.columns",
                         "the first column is the key and must be int or bigint, got \"%s\"", text);
    return LEAT_OK;
}

static leat_schema *column_schema(leat_arena *a, const leat_datagen_column *c, bool optional)
{
    switch (c->type) {
    case LEAT_DATAGEN_INT: return leat_schema_new(a, LEAT_T_INT32, optional);
    case LEAT_DATAGEN_BIGINT: return leat_schema_new(a, LEAT_T_INT64, optional);
    case LEAT_DATAGEN_TEXT: return leat_schema_new(a, LEAT_T_STRING, optional);
    case LEAT_DATAGEN_BOOLEAN: return leat_schema_new(a, LEAT_T_BOOLEAN, optional);
    case LEAT_DATAGEN_DOUBLE: return leat_schema_new(a, LEAT_T_FLOAT64, optional);
    case LEAT_DATAGEN_TIMESTAMP:
        return leat_schema_named(a, LEAT_T_INT64, optional, "io.debezium.time.MicroTimestamp", 1);
    }
    return NULL;
}

static const char *type_text(leat_arena *a, const leat_datagen_column *c)
{
    if (c->type == LEAT_DATAGEN_TEXT) return leat_arena_printf(a, "text(%u)", c->length);
    return TYPES[c->type].name;
}

leat_origin *leat_datagen_origin(const char *connector, const char *prefix, const char *run_id)
{
    enum { VERSION, CONNECTOR, NAME, TS_MS, SNAPSHOT, DB, TS_US, TS_NS, TABLE, N, FIELDS };
    static const char *const names[FIELDS] = {"version", "connector", "name",  "ts_ms", "snapshot",
                                              "db",      "ts_us",     "ts_ns", "table", "n"};
    static const uint8_t binds[FIELDS] = {
        LEAT_BIND_CONST, LEAT_BIND_CONST, LEAT_BIND_CONST, LEAT_BIND_TS_MS, LEAT_BIND_SNAPSHOT,
        LEAT_BIND_DB,    LEAT_BIND_TS_US, LEAT_BIND_TS_NS, LEAT_BIND_TABLE, LEAT_BIND_CELL};
    leat_origin *o = leat_origin_new();
    leat_arena *a = &o->arena;
    leat_schema *s = leat_schema_struct(a, false, "leat.connector.datagen.Source", 1, FIELDS);
    leat_field *fields = LEAT_NEW(a, leat_field, FIELDS);
    leat_origin_field *from = LEAT_NEW(a, leat_origin_field, FIELDS);
    for (int i = 0; i < FIELDS; i++) {
        bool number = i == TS_MS || i == TS_US || i == TS_NS || i == N;
        fields[i] = (leat_field){names[i],
                                 leat_schema_new(a, number ? LEAT_T_INT64 : LEAT_T_STRING, false)};
        from[i] = (leat_origin_field){.bind = binds[i]};
    }
    from[VERSION].value = leat_text(LEAT_STR("1"));
    from[CONNECTOR].value = leat_text(LEAT_STR("datagen"));
    from[NAME].value = leat_text(leat_arena_str(a, leat_str_of(prefix)));
    s->fields = fields;
    o->schema = s;
    o->fields = from;
    o->ncells = 1;
    leat_param *headers = LEAT_NEW(a, leat_param, 2);
    headers[0] = (leat_param){"__debezium.context.connectorName", leat_arena_strdup(a, connector)};
    headers[1] = (leat_param){"__debezium.context.runId", leat_arena_strdup(a, run_id)};
    o->headers = headers;
    o->nheaders = 2;
    o->placeholder = LEAT_STR("__debezium_unavailable_value");
    return o;
}

leat_table *leat_datagen_table(leat_origin *origin, const char *prefix, unsigned i,
                               const leat_datagen_shape *shape)
{
    leat_table *t = leat_table_new(origin);
    leat_arena *a = &t->arena;
    t->db = "datagen";
    t->name = leat_arena_printf(a, "t%u", i);
    t->topic = leat_arena_printf(a, "%s.datagen.%s", prefix, t->name);
    leat_field *fields = LEAT_NEW(a, leat_field, shape->n);
    leat_column *cols = LEAT_NEW(a, leat_column, shape->n);
    for (uint32_t c = 0; c < shape->n; c++) {
        const char *name = c == 0 ? "id" : leat_arena_printf(a, "c%u", c);
        fields[c] = (leat_field){name, column_schema(a, &shape->col[c], c > 0)};
        cols[c] = (leat_column){.type = type_text(a, &shape->col[c]),
                                .length = -1,
                                .scale = -1,
                                .position = (uint16_t)(c + 1)};
    }
    leat_schema *row =
        leat_schema_struct(a, true, leat_arena_printf(a, "%s.Value", t->topic), 0, shape->n);
    leat_schema *key = leat_schema_struct(a, false, leat_arena_printf(a, "%s.Key", t->topic), 0, 1);
    row->fields = fields;
    key->fields = fields;
    t->row = row;
    t->key = key;
    t->key_cols = LEAT_NEW(a, uint16_t, 1);
    t->nkey = 1;
    t->cols = cols;
    t->flags = LEAT_TABLE_TOMBSTONES;
    leat_table_seal(t);
    return t;
}

static leat_value cell(const leat_datagen_column *c, uint64_t dice)
{
    switch (c->type) {
    case LEAT_DATAGEN_INT: return leat_int((int64_t)(dice & 0x7fffffff));
    case LEAT_DATAGEN_BIGINT: return leat_int((int64_t)(dice >> 1));
    case LEAT_DATAGEN_TEXT:
        return leat_text((leat_str){pool + dice % (POOL - TEXT_MAX), c->length});
    case LEAT_DATAGEN_BOOLEAN: return leat_bool(dice & 1);
    case LEAT_DATAGEN_DOUBLE: return leat_float((double)(dice >> 40) / 256.0);
    case LEAT_DATAGEN_TIMESTAMP:
        return (leat_value){.kind = LEAT_TIMESTAMP,
                            .u.i = 1700000000000000 + (int64_t)(dice % 100000000000000ull)};
    }
    return leat_null();
}

static bool deletes(const leat_datagen_shape *shape, uint64_t visit, uint64_t key)
{
    return visit % 2 == 1 && mix(shape->seed ^ mix(visit ^ mix(key))) % 1000 < shape->deletes;
}

static uint8_t operation(const leat_datagen_shape *shape, uint64_t visit, uint64_t key)
{
    if (visit == 0 || (visit % 2 == 0 && deletes(shape, visit - 1, key))) return LEAT_OP_CREATE;
    return deletes(shape, visit, key) ? LEAT_OP_DELETE : LEAT_OP_UPDATE;
}

void leat_datagen_change(const leat_datagen_shape *shape, uint64_t n, leat_arena *a, leat_event *ev)
{
    uint64_t key = shape->keys ? n % shape->keys : n;
    uint64_t visit = shape->keys ? n / shape->keys : 0;
    leat_value *row = leat_arena_alloc(a, shape->n * sizeof *row, _Alignof(leat_value));
    ev->op = operation(shape, visit, key);
    row[0] =
        leat_int((int64_t)(key & (shape->col[0].type == LEAT_DATAGEN_INT ? INT32_MAX : INT64_MAX)));
    if (ev->op == LEAT_OP_DELETE) {
        for (uint32_t c = 1; c < shape->n; c++) row[c] = leat_absent();
        ev->before = row;
        ev->flags = LEAT_EV_OLD_KEY_ONLY;
        return;
    }
    uint64_t dice = shape->seed ^ (n * 0x9e3779b97f4a7c15ull);
    for (uint32_t c = 1; c < shape->n; c++) row[c] = cell(&shape->col[c], dice = mix(dice));
    ev->after = row;
}
