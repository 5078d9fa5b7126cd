/* Rows of COPY in a real server's two forms, of all types: both give the same cells, and a row that
 * is cut or too long is refused, never a crash. pgrows.json is written by record_pgrows.py. */
#include "test.h"

#include "base/json.h"
#include "base/os.h"
#include "source/postgres/pg.h"

enum { COLUMNS_MOST = 256 };

typedef struct world {
    leat_arena a;
    leat_buf text;
    leat_pg_types *types;
    leat_pg_modes modes;
    const leat_json *all;
    leat_origin *origin;
    leat_table *table;
    leat_pg_rel rel;
    leat_pg_col cols[COLUMNS_MOST];
    uint16_t field[COLUMNS_MOST];
    unsigned nexact;
} world;

static void read_types(world *w)
{
    for (const leat_json *t = leat_json_get(w->all, "types")->child; t; t = t->next) {
        leat_err e = {0};
        leat_str row[LEAT_PG_TYPES_COLS] = {{0}};
        size_t n = 0;
        for (const leat_json *c = t->child; c; c = c->next, n++)
            if (c->type == LEAT_JSON_STRING) row[n] = c->text;
        assert_int_equal(n, LEAT_PG_TYPES_COLS);
        if (leat_pg_types_row(w->types, row, &e) != LEAT_OK) fail_msg("%s", e.msg);
    }
}

static int64_t number(const leat_json *j)
{
    int64_t n = 0;
    assert_true(leat_str_i64(j->text, &n));
    return n;
}

/* [name, type, oid, typmod, ndims, exact] */
static void plan(world *w, const leat_json *column, uint16_t i)
{
    leat_err e = {0};
    const leat_json *type = column->child->next, *oid = type->next, *typmod = oid->next,
                    *ndims = typmod->next, *exact = ndims->next;
    leat_pg_attr attr = {.table = "public.t",
                         .name = column->child->text.s,
                         .type = (uint32_t)number(oid),
                         .typmod = (int32_t)number(typmod),
                         .ndims = (int32_t)number(ndims)};
    if (leat_pg_plan(w->types, &w->modes, &attr, &w->a, &w->cols[i], &e) != LEAT_OK)
        fail_msg("%s: %s", type->text.s, e.msg);
    if (!w->cols[i].schema) fail_msg("%s has no schema", type->text.s);
    if ((exact->type == LEAT_JSON_TRUE) != (w->cols[i].binary != NULL))
        fail_msg("%s: the vectors have it in another form than leat asks for", type->text.s);
    w->nexact += w->cols[i].binary != NULL;
    w->field[i] = i;
}

static void open_world(world *w, unsigned modes)
{
    leat_err e = {0};
    *w = (world){.types = leat_pg_types_new(),
                 .modes = {.decimal = (uint8_t)(modes % 3),
                           .time = (uint8_t)(modes % 6),
                           .binary = (uint8_t)(modes % 4),
                           .include_unknown = true,
                           .debezium_faults = modes & 1,
                           .money_digits = 2}};
    if (leat_os_load(TESTS_DIR "/vectors/pgrows.json", &w->text, 1 << 24) != 0)
        fail_msg("cannot read pgrows.json");
    if (leat_json_parse(&w->a, leat_buf_str(&w->text), &w->all, &e) != LEAT_OK)
        fail_msg("%s", e.msg);
    read_types(w);
    uint16_t n = 0;
    for (const leat_json *c = leat_json_get(w->all, "columns")->child; c; c = c->next)
        plan(w, c, n++);
    assert_true(n > 70 && n <= COLUMNS_MOST);
    w->origin = leat_origin_new();
    w->table = leat_table_new(w->origin);
    leat_schema *row = leat_schema_struct(&w->table->arena, true, "t.Value", 0, n);
    leat_field *fields = LEAT_NEW(&w->table->arena, leat_field, n);
    for (uint16_t i = 0; i < n; i++) fields[i] = (leat_field){"c", w->cols[i].schema};
    row->fields = fields;
    w->table->row = row;
    w->table->topic = w->table->db = w->table->schema = w->table->name = "t";
    w->rel = (leat_pg_rel){.table = w->table, .cols = w->cols, .field = w->field, .nwire = n};
}

static void close_world(world *w)
{
    leat_table_unpin(w->table);
    leat_origin_unpin(w->origin);
    leat_pg_types_free(w->types);
    leat_buf_free(&w->text);
    leat_arena_free(&w->a);
}

/* In memory of its own size, so that a byte read behind it is noticed. */
static leat_rc decode(world *w, leat_str bytes, bool binary, leat_value *cells, leat_err *e)
{
    char *exact = leat_alloc(bytes.len + 1);
    memcpy(exact, bytes.s, bytes.len);
    leat_rc rc = leat_pg_row_cells(&w->rel, binary, (leat_str){exact, bytes.len}, &w->a, cells, e);
    leat_free(exact);
    return rc;
}

static void compare(world *w, const leat_json *row)
{
    leat_value x[COLUMNS_MOST], y[COLUMNS_MOST];
    leat_err ex = {0}, ey = {0};
    leat_buf bytes = {0};
    assert_true(leat_buf_unhex(&bytes, row->child->next->text));
    leat_rc rx = decode(w, row->child->text, false, x, &ex);
    leat_rc ry = decode(w, leat_buf_str(&bytes), true, y, &ey);
    if (rx != ry || strcmp(ex.msg, ey.msg) != 0)
        fail_msg("text: %d %s, binary: %d %s", rx, ex.msg, ry, ey.msg);
    if (rx != LEAT_OK) fail_msg("%s: %s", ex.where, ex.msg);
    for (uint16_t i = 0; i < w->rel.nwire; i++)
        if (x[i].kind != y[i].kind || x[i].unit != y[i].unit || !leat_value_eq(&x[i], &y[i]))
            fail_msg("%s: the two forms differ", w->cols[i].type);
    leat_buf_free(&bytes);
}

static void both_forms_give_the_same_cells(void **state)
{
    (void)state;
    for (unsigned modes = 0; modes < 12; modes++) {
        world w;
        open_world(&w, modes);
        unsigned n = 0;
        for (const leat_json *r = leat_json_get(w.all, "rows")->child; r; r = r->next, n++)
            compare(&w, r);
        assert_true(n > 10 && w.nexact > 20);
        close_world(&w);
    }
}

static void what_is_cut_or_longer_is_refused(void **state)
{
    (void)state;
    world w;
    open_world(&w, 0);
    for (const leat_json *r = leat_json_get(w.all, "rows")->child; r; r = r->next) {
        leat_buf bytes = {0};
        leat_value cells[COLUMNS_MOST];
        leat_err e;
        assert_true(leat_buf_unhex(&bytes, r->child->next->text));
        for (size_t len = 0; len < bytes.len; len += len < 64 ? 1 : 37)
            if (decode(&w, (leat_str){bytes.p, len}, true, cells, &e) == LEAT_OK)
                fail_msg("%zu of %zu bytes are taken", len, bytes.len);
        leat_buf_u8(&bytes, 0);
        assert_int_equal(decode(&w, leat_buf_str(&bytes), true, cells, &e), LEAT_FATAL);
        leat_buf_free(&bytes);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_give_the_same_cells),
        cmocka_unit_test(what_is_cut_or_longer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
