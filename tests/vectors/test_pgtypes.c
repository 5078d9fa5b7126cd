/* system/postgres/types against a real Debezium: the texts that a server sends for a row must give,
 * through plan, parsers and JSON converter, the schema and the payload that Debezium 3.6 made of
 * the same row.
 *
 * Texts and columns: pgtypes/CASE.texts.json (record_pgtypes.py). Records: CASE.schema.jsonl and
 * the configuration CASE.json, in golden/postgres or, of more cases, in pgtypes. Compared are the
 * fields of "after", each with its schema. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/os.h"
#include "convert/json.h"
#include "system/postgres/types.h"

enum { COLUMNS_MOST = 200, TABLES_MOST = 4 };

/* Where Debezium is at fault, or nothing can be the same: what is not compared, and why. */
static const struct exception {
    const char *cases, *field; /* cases: a prefix */
    const char *part;          /* "schema", "payload" */
    const char *why;
    char when; /* d: differs; f: unless debezium_faults is on; v: may differ */
} exceptions[] = {
    {"types_char", "nm", "payload", "a streamed name is null there", 'd'},
    {"types_arrays", "m2", "schema", "arrays of arrays lose their content there", 'f'},
    {"types_arrays", "m2", "payload", "arrays of arrays lose their content there", 'f'},
    {"types_numeric_negscale", "n", "schema", "scale -2 is taken for 2046 there", 'f'},
    {"types_numeric_negscale", "n", "payload", "scale -2 is taken for 2046 there", 'f'},
    {"defaults", "tq", "schema", "a default ends at a doubled quote there", 'f'},
    {"defaults", "dc", "payload", "the day it was recorded", 'v'},
    {"defaults", "tsn", "payload", "the time it was recorded", 'v'},
    {"defaults", "ug", "payload", "random", 'v'},
    {"more_types", "b1", "schema", "arrays of bits are taken for bits there", 'd'},
    {"more_types", "b1", "payload", "arrays of bits are taken for bits there", 'd'},
    {"more_types", "b5", "schema", "arrays of bits are taken for bits there", 'd'},
    {"more_types", "b5", "payload", "arrays of bits are taken for bits there", 'd'},
    {"more_types", "oidv", "payload", "vectors of oids are empty there", 'd'},
    {"more_types", "i2v", "payload", "vectors of integers are empty there", 'd'},
    {"more_types", "numa", "schema", "arrays of arrays lose their content there", 'f'},
    {"more_types", "numa", "payload", "arrays of arrays lose their content there", 'f'},
    {"more_times", "ttza", "payload", "arrays of times lose their fractions there", 'd'},
    {"more_times", "ta", "payload", "arrays of times lose their microseconds there", 'd'},
    {"more_defaults", "*", "payload", "many are random or of the moment", 'v'},
    {"more_defaults", "c7", "schema", "a function's name is taken for text there", 'f'},
    {"more_defaults", "c13", "schema", "a function's name is taken for text there", 'f'},
    {"more_defaults", "c8", "schema", "the first constant of an expression there", 'f'},
    {"more_defaults", "c10", "schema", "a default ends at a doubled quote there", 'f'},
    {"more_defaults", "c11", "schema", "a default with a line end is not seen there", 'f'},
    {"more_defaults", "d4", "schema", "an expression is taken for false there", 'f'},
    {"more_defaults", "e1", "schema", "infinity as a number that is another's", 'd'},
    {"more_defaults", "e9", "schema", "infinity as a number that is another's", 'd'},
    {"more_defaults", "e18", "schema", "the first constant of an expression there", 'f'},
    {"more_defaults", "e24", "schema", "24:00 loses a microsecond there", 'd'},
    {"more_defaults", "f2", "schema", "a default ends at a doubled quote there", 'f'},
    {"more_defaults", "g5", "schema", "an expression is taken for a constant there", 'd'},
    {"more_defaults", "h3", "schema", "a doubled quote stays doubled in an enum there", 'f'},
    {"more_defaults", "k11", "schema", "the first constant of an expression there", 'f'},
};

typedef struct world {
    const char *name;
    leat_arena a;
    leat_pg_types *types;
    leat_pg_modes modes;
    leat_json_converter *json;
    leat_buf text, config, records;
    const leat_json *texts;
    /* of each table met: its plan, and the record compared last */
    struct table {
        leat_str name;
        size_t ncols;
        leat_pg_col cols[COLUMNS_MOST];
        bool generated[COLUMNS_MOST];
        leat_str rest;
    } tables[TABLES_MOST];
    unsigned compared, skipped[sizeof exceptions / sizeof *exceptions];
} world;

static const char *folder_of(const char *name)
{
    return strncmp(name, "more_", 5) == 0 ? TESTS_DIR "/vectors/pgtypes/"
                                          : TESTS_DIR "/golden/postgres/";
}

static void load(leat_buf *out, const char *folder, const char *name, const char *suffix)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s%s", folder, name, suffix);
    if (leat_os_load(path, out, 1 << 24) != 0) fail_msg("cannot read %s", path);
}

static const leat_json *parse(leat_arena *a, leat_str text)
{
    const leat_json *j;
    leat_err e = {0};
    if (leat_json_parse(a, text, &j, &e) != LEAT_OK) fail_msg("%s: %s", e.code, e.msg);
    return j;
}

static uint8_t choice(const leat_json *config, const char *option, const char *const *words)
{
    leat_str value = leat_json_get_str(config, option);
    if (value.s == NULL) return 0;
    for (uint8_t i = 0; words[i]; i++)
        if (leat_str_is(value, words[i])) return i;
    fail_msg("%s=" LEAT_STR_FMT, option, LEAT_STR_ARG(value));
    return 0;
}

static void configure(world *w, bool faults)
{
    static const char *const decimal[] = {"precise", "double", "string", NULL};
    static const char *const binary[] = {"bytes", "base64", "base64-url-safe", "hex", NULL};
    static const char *const hstore[] = {"json", "map", NULL};
    static const char *const interval[] = {"numeric", "string", NULL};
    static const char *const time[] = {"adaptive",
                                       "adaptive_time_microseconds",
                                       "connect",
                                       "isostring",
                                       "microseconds",
                                       "nanoseconds",
                                       NULL};
    static const char *const boolean[] = {"false", "true", NULL};
    const leat_json *c = leat_json_get(parse(&w->a, leat_buf_str(&w->config)), "connector_config");
    w->modes = (leat_pg_modes){
        .decimal = choice(c, "decimal.handling.mode", decimal),
        .binary = choice(c, "binary.handling.mode", binary),
        .time = choice(c, "time.precision.mode", time),
        .hstore_map = choice(c, "hstore.handling.mode", hstore),
        .interval_string = choice(c, "interval.handling.mode", interval),
        .include_unknown = choice(c, "include.unknown.datatypes", boolean),
        .debezium_faults = faults,
        .money_digits = 2,
    };
    leat_str digits = leat_json_get_str(c, "money.fraction.digits");
    if (digits.s) w->modes.money_digits = (uint8_t)(digits.s[0] - '0');
    leat_str replace = leat_json_get_str(c, "value.converter.replace.null.with.default");
    w->json = leat_json_converter_new(&(leat_json_conf){
        .schemas = true, .replace_null_with_default = !leat_str_is(replace, "false")});
}

static leat_str text_of(const leat_json *j)
{
    return j->type == LEAT_JSON_STRING ? j->text : (leat_str){0};
}

static int64_t number_of(const leat_json *j)
{
    int64_t v = 0;
    assert_true(leat_str_i64(text_of(j), &v));
    return v;
}

/* columns: [name, type, typmod, ndims, not_null, generated, default] each */
static void plan(world *w, struct table *t, const leat_json *columns)
{
    t->ncols = 0;
    for (const leat_json *c = columns->child; c; c = c->next) {
        const leat_json *m[7];
        size_t n = 0;
        for (const leat_json *x = c->child; x && n < 7; x = x->next) m[n++] = x;
        assert_int_equal(n, 7);
        assert_true(t->ncols < COLUMNS_MOST);
        leat_pg_attr attr = {.table = "public.t",
                             .name = text_of(m[0]).s,
                             .type = (uint32_t)number_of(m[1]),
                             .typmod = (int32_t)number_of(m[2]),
                             .ndims = (int32_t)number_of(m[3]),
                             .not_null = leat_str_is(text_of(m[4]), "t"),
                             .generated = leat_str_is(text_of(m[5]), "t"),
                             .def = text_of(m[6])};
        leat_err e = {0};
        t->generated[t->ncols] = attr.generated;
        if (leat_pg_plan(w->types, &w->modes, &attr, &w->a, &t->cols[t->ncols++], &e) != LEAT_OK)
            fail_msg("%s: %s: %s", w->name, e.code, e.msg);
    }
}

static struct table *table_of(world *w, leat_str name)
{
    for (size_t i = 0; i < TABLES_MOST; i++) {
        struct table *t = &w->tables[i];
        if (t->name.s == NULL) {
            t->name = name;
            t->rest = leat_str_trim(leat_buf_str(&w->records));
        }
        if (leat_str_eq(t->name, name)) return t;
    }
    fail_msg("%s: too many tables", w->name);
    return NULL;
}

/* The next record of the table with a row after the change: its value. */
static const leat_json *next_record(world *w, struct table *t)
{
    char *suffix = leat_arena_printf(&w->a, ".public." LEAT_STR_FMT, LEAT_STR_ARG(t->name));
    while (t->rest.s) {
        const leat_json *r = parse(&w->a, leat_str_cut(&t->rest, '\n'));
        const char *at = strstr(leat_json_get_str(r, "topic").s, suffix);
        leat_str value = leat_json_get_str(r, "value");
        if (at == NULL || strcmp(at, suffix) != 0 || value.s == NULL) continue;
        const leat_json *v = parse(&w->a, value);
        const leat_json *after = leat_json_get(leat_json_get(v, "payload"), "after");
        if (after && after->type == LEAT_JSON_OBJECT) return v;
    }
    fail_msg("%s: there is no record for a row", w->name);
    return NULL;
}

static const leat_json *fields_of_after(const leat_json *record)
{
    const leat_json *f = leat_json_get(leat_json_get(record, "schema"), "fields")->child;
    while (f && !leat_str_is(leat_json_get_str(f, "field"), "after")) f = f->next;
    return leat_json_get(f, "fields");
}

static bool excepted(world *w, leat_str field, const char *part)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        const struct exception *x = &exceptions[i];
        if (strncmp(w->name, x->cases, strlen(x->cases)) != 0 || strcmp(part, x->part) != 0)
            continue;
        if (x->field[0] != '*' && !leat_str_is(field, x->field)) continue;
        if (x->when == 'f' && w->modes.debezium_faults) continue;
        w->skipped[i]++;
        return true;
    }
    return false;
}

static void same(world *w, leat_str field, const char *part, const leat_json *got,
                 const leat_json *want)
{
    leat_buf x = {0}, y = {0};
    leat_json_write(got, &x);
    leat_json_write(want, &y);
    if (!leat_str_eq(leat_buf_str(&x), leat_buf_str(&y)) && !excepted(w, field, part))
        fail_msg("%s, %s of " LEAT_STR_FMT ":\n got " LEAT_STR_FMT "\nwant " LEAT_STR_FMT, w->name,
                 part, LEAT_STR_ARG(field), LEAT_STR_ARG(leat_buf_str(&x)),
                 LEAT_STR_ARG(leat_buf_str(&y)));
    leat_buf_free(&x);
    leat_buf_free(&y);
    w->compared++;
}

/* The row as {"schema":...,"payload":...} of its columns that are in fields. */
static const leat_json *convert(world *w, const struct table *t, const leat_json *row,
                                const leat_json *fields)
{
    leat_schema *s = leat_schema_struct(&w->a, true, "V", 1, COLUMNS_MOST);
    leat_value *cells = LEAT_NEW(&w->a, leat_value, COLUMNS_MOST);
    uint32_t n = 0;
    const leat_json *f = fields->child, *text = row->child;
    for (size_t i = 0; i < t->ncols; i++, text = text->next) {
        const leat_pg_col *col = &t->cols[i];
        if (col->schema == NULL) continue;
        bool wanted = f && leat_str_is(leat_json_get_str(f, "field"), col->name);
        if (!wanted && t->generated[i]) continue; /* not streamed */
        if (!wanted) fail_msg("%s: field %s is too many", w->name, col->name);
        leat_err e = {0};
        if (text_of(text).s && leat_pg_parse(col, text_of(text), &w->a, &cells[n], &e) != LEAT_OK)
            fail_msg("%s: %s: %s: %s", w->name, e.where, e.code, e.msg);
        ((leat_field *)s->fields)[n++] = (leat_field){col->name, col->schema};
        f = f->next;
    }
    if (f)
        fail_msg("%s: field " LEAT_STR_FMT " is missing", w->name,
                 LEAT_STR_ARG(leat_json_get_str(f, "field")));
    s->nfields = n;
    leat_value v = {.kind = LEAT_STRUCT, .len = n, .u.list = cells};
    leat_buf out = {0};
    bool is_null;
    leat_err e = {0};
    if (leat_json_convert(w->json, s, &v, LEAT_STR(""), &out, &is_null, &e) != LEAT_OK)
        fail_msg("%s: %s: %s: %s", w->name, e.where, e.code, e.msg);
    const leat_json *j = parse(&w->a, leat_arena_str(&w->a, leat_buf_str(&out)));
    leat_buf_free(&out);
    return j;
}

static void compare(world *w, const leat_json *event)
{
    struct table *t = table_of(w, leat_json_get_str(event, "table"));
    const leat_json *columns = leat_json_get(event, "columns");
    if (columns) plan(w, t, columns);
    const leat_json *record = next_record(w, t);
    const leat_json *fields = fields_of_after(record);
    const leat_json *got = convert(w, t, leat_json_get(event, "row"), fields);
    const leat_json *g = leat_json_get(leat_json_get(got, "schema"), "fields")->child;
    const leat_json *gp = leat_json_get(got, "payload")->child;
    const leat_json *wp = leat_json_get(leat_json_get(record, "payload"), "after")->child;
    for (const leat_json *f = fields->child; f; f = f->next) {
        leat_str name = leat_json_get_str(f, "field");
        same(w, name, "schema", g, f);
        same(w, name, "payload", gp, wp);
        g = g->next, gp = gp->next, wp = wp->next;
    }
}

static void run(const char *name, bool faults, unsigned *skipped)
{
    world *w = leat_zalloc(1, sizeof *w);
    w->name = name;
    leat_arena_init(&w->a, 1 << 16);
    load(&w->text, TESTS_DIR "/vectors/pgtypes/", name, ".texts.json");
    load(&w->config, folder_of(name), name, ".json");
    load(&w->records, folder_of(name), name, ".schema.jsonl");
    configure(w, faults);
    w->types = leat_pg_types_new();
    w->texts = parse(&w->a, leat_buf_str(&w->text));
    for (const leat_json *t = leat_json_get(w->texts, "types")->child; t; t = t->next) {
        leat_str cols[LEAT_PG_TYPES_COLS];
        size_t n = 0;
        for (const leat_json *c = t->child; c; c = c->next) cols[n++] = text_of(c);
        leat_err e = {0};
        if (leat_pg_types_row(w->types, cols, &e) != LEAT_OK) fail_msg("%s: %s", name, e.msg);
    }
    for (const leat_json *x = leat_json_get(w->texts, "events")->child; x; x = x->next)
        compare(w, x);
    assert_true(w->compared > 0);
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) skipped[i] += w->skipped[i];
    leat_json_converter_free(w->json);
    leat_pg_types_free(w->types);
    leat_buf_free(&w->text), leat_buf_free(&w->config), leat_buf_free(&w->records);
    leat_arena_free(&w->a);
    leat_free(w);
}

static const char *const cases[] = {"pgvector",
                                    "postgis",
                                    "types_arrays",
                                    "types_arrays_safe",
                                    "types_bytea_base64",
                                    "types_bytea_base64_url_safe",
                                    "types_bytea_bytes",
                                    "types_bytea_hex",
                                    "types_char",
                                    "types_hstore_json",
                                    "types_hstore_map",
                                    "types_misc",
                                    "types_misc_unknown",
                                    "types_misc_unknown_included",
                                    "types_money_scale",
                                    "types_not_null",
                                    "types_not_null_modes",
                                    "types_numeric_double",
                                    "types_numeric_nan_double",
                                    "types_numeric_nan_precise",
                                    "types_numeric_negscale",
                                    "types_numeric_precise",
                                    "types_numeric_string",
                                    "types_temporal_adaptive",
                                    "types_temporal_adaptive_time_microseconds",
                                    "types_temporal_connect",
                                    "types_temporal_isostring",
                                    "types_temporal_microseconds",
                                    "types_temporal_nanoseconds",
                                    "defaults",
                                    "defaults_no_replace_null",
                                    "generated_identity",
                                    "more_defaults",
                                    "more_defaults_text",
                                    "more_hstore",
                                    "more_times",
                                    "more_times_iso",
                                    "more_types",
                                    "more_types_unknown",
                                    "more_years"};

static void all(bool faults)
{
    unsigned skipped[sizeof exceptions / sizeof *exceptions] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run(cases[i], faults, skipped);
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (skipped[i] == 0 && exceptions[i].when == (faults ? 'd' : 'f'))
            fail_msg("%s of %s in %s is no exception any more", exceptions[i].part,
                     exceptions[i].field, exceptions[i].cases);
}

static void test_right(void **state)
{
    (void)state;
    all(false);
}

static void test_faults(void **state)
{
    (void)state;
    all(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_right), cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
