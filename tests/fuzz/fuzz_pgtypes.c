/* system/postgres/types: any bytes are a value of any type, or refused; what was parsed passes the
 * JSON converter, and survives as a default.
 *
 * The first byte picks a column, the second the modes, the rest is the text, and the binary form.
 * Columns are those of the table below, then one of each type that has a rule, then one of its
 * arrays: so no parser is without.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "convert/json.h"
#include "system/postgres/types_part.h"

enum {
    RULES = 30000, /* oids of the rules' types that have none of their own, and of their arrays */
    ARRAYS = 40000,
    MOOD = 20000,
    MOODS,
    HSTORE,
    VECTOR,
    SPARSE,
    GEOMETRY,
    COMP,
    NUMERIC_10_2 = (10 << 16 | 2) + 4,
};

typedef struct column {
    uint32_t oid;
    int32_t typmod, ndims;
} column;

static const column columns[] = {
    {16, -1, 0},     {17, -1, 0},       {21, -1, 0},    {23, -1, 0},     {20, -1, 0},
    {26, -1, 0},     {700, -1, 0},      {701, -1, 0},   {1700, -1, 0},   {1700, NUMERIC_10_2, 0},
    {790, -1, 0},    {25, -1, 0},       {2950, -1, 0},  {1560, 1, 0},    {1562, -1, 0},
    {1082, -1, 0},   {1083, 3, 0},      {1266, -1, 0},  {1114, -1, 0},   {1184, -1, 0},
    {1186, -1, 0},   {600, -1, 0},      {22, -1, 0},    {1007, -1, 1},   {1009, -1, 1},
    {1007, -1, 3},   {1231, -1, 2},     {1115, -1, 1},  {1001, -1, 1},   {603, -1, 0},
    {1020, -1, 1},   {MOOD, -1, 0},     {MOODS, -1, 1}, {HSTORE, -1, 0}, {VECTOR, -1, 0},
    {SPARSE, -1, 0}, {GEOMETRY, -1, 0}, {COMP, -1, 0},  {30, -1, 0},     {1561, 1, 1},
};

static void add(leat_pg_types *types, uint32_t oid, const char *name, char kind, uint32_t elem)
{
    static const char *const labels[] = {"sad", "ok"};
    leat_pg_type t = {.oid = oid,
                      .name = name,
                      .kind = kind,
                      .category = elem ? 'A' : 'U',
                      .delim = ',',
                      .elem = elem,
                      .typmod = -1,
                      .nlabels = kind == 'e' ? 2 : 0,
                      .labels = labels};
    leat_pg_types_put(types, &t);
}

static leat_pg_modes modes_of(unsigned bits)
{
    return (leat_pg_modes){.decimal = (uint8_t)(bits % 3),
                           .time = (uint8_t)(bits % 6),
                           .binary = (uint8_t)(bits % 4),
                           .hstore_map = bits & 16,
                           .interval_string = bits & 32,
                           .include_unknown = bits & 64,
                           .debezium_faults = bits & 128,
                           .money_digits = (uint8_t)(bits % 19)};
}

static void one(const leat_pg_col *col, leat_pg_parser *parse, leat_str text, leat_arena *a)
{
    leat_err e = {0};
    leat_value v;
    leat_rc rc = parse(col, text, a, &v, &e);
    if (rc == LEAT_OK) {
        leat_value copy = leat_value_copy(a, &v);
        if (!leat_value_eq(&v, &copy)) abort();
        leat_json_converter *json = leat_json_converter_new(&(leat_json_conf){.schemas = true});
        leat_buf out = {0};
        bool is_null;
        leat_json_convert(json, col->schema, &v, LEAT_STR(""), &out, &is_null, &e);
        leat_buf_free(&out);
        leat_json_converter_free(json);
    } else if (rc != LEAT_DATA || !leat_str_utf8(leat_str_of(e.msg))) {
        abort();
    }
}

/* The i-th column behind the table; its type is made known if it has to be. */
static column by_rule(leat_pg_types *types, size_t i)
{
    size_t n = i % leat_pg_nrules;
    const leat_pg_rule *r = &leat_pg_rules[n];
    uint32_t oid = r->oid ? r->oid : RULES + (uint32_t)n;
    if (r->oid == 0) add(types, oid, r->name, 'b', 0);
    if (i < leat_pg_nrules) return (column){oid, -1, 0};
    uint32_t array = r->array ? r->array : ARRAYS + (uint32_t)n;
    if (r->array == 0) add(types, array, "_of", 'b', oid);
    return (column){array, -1, 1};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    leat_arena a = {0};
    leat_pg_types *types = leat_pg_types_new();
    add(types, MOOD, "mood", 'e', 0);
    add(types, MOODS, "_mood", 'b', MOOD);
    add(types, HSTORE, "hstore", 'b', 0);
    add(types, VECTOR, "vector", 'b', 0);
    add(types, SPARSE, "sparsevec", 'b', 0);
    add(types, GEOMETRY, "geometry", 'b', 0);
    add(types, COMP, "comp", 'c', 0);
    leat_pg_modes modes = modes_of(data[1]);
    enum { TABLE = sizeof columns / sizeof *columns };
    size_t i = data[0] % (TABLE + 2 * leat_pg_nrules);
    column picked = i < TABLE ? columns[i] : by_rule(types, i - TABLE);
    leat_str text = {(const char *)data + 2, size - 2};
    leat_pg_attr attr = {.table = "t",
                         .name = "c",
                         .type = picked.oid,
                         .typmod = picked.typmod,
                         .ndims = picked.ndims,
                         .def = text};
    leat_pg_col col;
    if (leat_pg_plan(types, &modes, &attr, &a, &col, NULL) != LEAT_OK) abort();
    leat_value v;
    if (col.schema) one(&col, col.parse, text, &a);
    if (col.binary) one(&col, col.binary, text, &a);
    if (col.schema) leat_pg_default(&col, text, &a, &v);
    leat_pg_types_free(types);
    leat_arena_free(&a);
    return 0;
}
