/* The model database's tables as a source hands them on: origin, versions, cells (db.h). */
#include "db.h"

const char *const db_topic_names[DB_TOPICS] = {"shop.orders", "shop.items", "shop.audit",
                                               "shop.message", "shop.transaction"};

/* A column's name and type, by table and version; the key columns stand first. */
typedef struct column {
    const char *name;
    leat_type type;
} column;

enum { COLUMNS = 4 };
static const column shapes[3][DB_VERSIONS][COLUMNS + 1] = {
    {
        {{"id", LEAT_T_INT64}, {"stamp", LEAT_T_INT64}, {"note", LEAT_T_STRING}},
        {{"id", LEAT_T_INT64},
         {"stamp", LEAT_T_INT64},
         {"note", LEAT_T_STRING},
         {"extra", LEAT_T_INT32}},
        {{"id", LEAT_T_INT64}, {"stamp", LEAT_T_INT64}, {"extra", LEAT_T_INT32}},
    },
    {
        {{"shelf", LEAT_T_INT32},
         {"name", LEAT_T_STRING},
         {"stamp", LEAT_T_INT64},
         {"note", LEAT_T_STRING}},
    },
    {
        {{"stamp", LEAT_T_INT64}, {"note", LEAT_T_STRING}},
    },
};
static const uint8_t keys[3] = {1, 2, 0};

unsigned db_ncells(unsigned table, unsigned version)
{
    unsigned n = 0;
    while (shapes[table][version][n].name) n++;
    return n;
}

static leat_origin *make_origin(void)
{
    leat_origin *o = leat_origin_new();
    leat_schema *s = leat_schema_struct(&o->arena, false, "sim.Source", 0, 3);
    static const char *const names[] = {"lsn", "view", "snapshot"};
    static const leat_origin_field fields[] = {
        {.bind = LEAT_BIND_CELL, .cell = 0},
        {.bind = LEAT_BIND_CELL, .cell = 1},
        {.bind = LEAT_BIND_SNAPSHOT},
    };
    leat_field *f = LEAT_NEW(&o->arena, leat_field, 3);
    for (unsigned i = 0; i < 3; i++) {
        leat_type type = i == 2 ? LEAT_T_STRING : LEAT_T_INT64;
        f[i] = (leat_field){names[i], leat_schema_new(&o->arena, type, true)};
    }
    s->fields = f;
    o->schema = s;
    o->fields = fields;
    o->ncells = 2;
    o->placeholder = LEAT_STR("__unavailable");
    return o;
}

static leat_schema *make_struct(leat_arena *a, const char *name, const column *c, unsigned n,
                                bool optional)
{
    leat_schema *s = leat_schema_struct(a, optional, name, 0, n);
    leat_field *f = LEAT_NEW(a, leat_field, n);
    for (unsigned i = 0; i < n; i++)
        f[i] = (leat_field){c[i].name, leat_schema_new(a, c[i].type, optional)};
    s->fields = f;
    return s;
}

static leat_table *make_table(leat_origin *o, unsigned table, unsigned version)
{
    static const char *const names[] = {"orders", "items", "audit"};
    static const uint16_t cols[] = {0, 1};
    const column *c = shapes[table][version];
    unsigned n = db_ncells(table, version);
    leat_table *t = leat_table_new(o);
    leat_arena *a = &t->arena;
    t->topic = db_topic_names[table];
    t->db = "shop";
    t->schema = "public";
    t->name = names[table];
    t->row = make_struct(a, leat_arena_printf(a, "%s.Value", t->topic), c, n, true);
    if (keys[table])
        t->key = make_struct(a, leat_arena_printf(a, "%s.Key", t->topic), c, keys[table], false);
    t->key_cols = cols;
    t->nkey = keys[table];
    t->flags = table == DB_ORDERS ? LEAT_TABLE_TOMBSTONES : 0;
    leat_column *columns = LEAT_NEW(a, leat_column, n);
    for (unsigned i = 0; i < n; i++)
        columns[i] = (leat_column){.type = c[i].type == LEAT_T_STRING ? "text" : "bigint",
                                   .length = -1,
                                   .scale = -1,
                                   .position = (uint16_t)(i + 1)};
    t->cols = columns;
    leat_table_seal(t);
    return t;
}

static leat_table *make_message(leat_origin *o)
{
    static const column c[] = {{"prefix", LEAT_T_STRING}, {"content", LEAT_T_BYTES}};
    leat_table *t = leat_table_new(o);
    t->topic = db_topic_names[DB_MESSAGE];
    t->db = "shop";
    t->schema = "";
    t->name = "";
    t->row = make_struct(&t->arena, "sim.Message", c, 2, true);
    t->key = make_struct(&t->arena, "sim.MessageKey", c, 1, false);
    static const uint16_t cols[] = {0};
    t->key_cols = cols;
    t->nkey = 1;
    t->flags = LEAT_TABLE_MESSAGE;
    leat_column *columns = LEAT_NEW(&t->arena, leat_column, 2);
    for (unsigned i = 0; i < 2; i++)
        columns[i] =
            (leat_column){.type = "", .length = -1, .scale = -1, .position = (uint16_t)(i + 1)};
    t->cols = columns;
    leat_table_seal(t);
    return t;
}

void db_schema_make(db_schema *s)
{
    *s = (db_schema){.origin = make_origin()};
    for (unsigned t = 0; t < 3; t++)
        for (unsigned v = 0; v < DB_VERSIONS; v++)
            if (shapes[t][v][0].name) s->tables[t][v] = make_table(s->origin, t, v);
    s->message = make_message(s->origin);
}

void db_schema_free(db_schema *s)
{
    for (unsigned t = 0; t < 3; t++)
        for (unsigned v = 0; v < DB_VERSIONS; v++) leat_table_unpin(s->tables[t][v]);
    leat_table_unpin(s->message);
    leat_origin_unpin(s->origin);
    *s = (db_schema){0};
}

leat_value *db_cells(leat_arena *a, unsigned table, unsigned version, unsigned key, db_row row,
                     bool key_only, bool toast)
{
    unsigned n = db_ncells(table, version);
    leat_value *v = LEAT_NEW(a, leat_value, n);
    for (unsigned i = 0; i < n; i++) {
        const char *name = shapes[table][version][i].name;
        if (key_only && i >= keys[table])
            v[i] = leat_absent();
        else if (strcmp(name, "id") == 0)
            v[i] = leat_int((int64_t)key + 1);
        else if (strcmp(name, "shelf") == 0)
            v[i] = leat_int(key / 4);
        else if (strcmp(name, "name") == 0)
            v[i] = leat_text(db_item_name(key));
        else if (strcmp(name, "stamp") == 0)
            v[i] = leat_int(row.stamp);
        else if (strcmp(name, "extra") == 0)
            v[i] = row.stamp % 5 == 0 ? leat_null() : leat_int(row.stamp % 1000);
        else
            v[i] = toast ? leat_absent() : leat_text(db_text(row));
    }
    return v;
}
