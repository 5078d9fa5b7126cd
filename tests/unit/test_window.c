/* Windows: which rows of a chunk yield to the changes that came meanwhile. Views contain what is
 * below 100, and end at 1. */
#include "../test.h"

#include "capture/window.h"

static bool contains(const leat_view *view, uint64_t tx)
{
    (void)view;
    return tx < 100;
}

static bool passed(const leat_view *view, leat_position pos)
{
    (void)view, (void)pos;
    return true;
}

static const leat_view_ops ops = {.contains = contains, .passed = passed};

enum { COLS = 3 };

typedef struct place {
    leat_ledger ledger;
    leat_windows *ws;
    leat_window *w;
    leat_origin *origin;
    leat_batch b;
} place;

/* id, k, v; its identity is the columns from `from` on, nid of them. */
static leat_table *table_of(place *p, uint16_t from, uint16_t nid, leat_type type)
{
    static const uint16_t ids[COLS] = {0, 1, 2};
    static const char *const names[COLS] = {"id", "k", "v"};
    leat_table *t = leat_table_new(p->origin);
    leat_field *fields = LEAT_NEW(&t->arena, leat_field, COLS);
    for (unsigned i = 0; i < COLS; i++)
        fields[i] = (leat_field){names[i], leat_schema_new(&t->arena, type, true)};
    leat_schema *row = leat_schema_struct(&t->arena, true, "R", 0, COLS);
    row->fields = fields;
    t->topic = t->name = t->db = "t";
    t->row = row;
    t->id_cols = &ids[from];
    t->nid = nid;
    leat_table_seal(t);
    return t;
}

static const leat_value *cells(place *p, int id, int k, int v)
{
    const leat_value row[COLS] = {id < 0 ? leat_absent() : leat_int(id),
                                  k < 0 ? leat_absent() : leat_int(k),
                                  v < 0 ? leat_absent() : leat_int(v)};
    return leat_arena_dup(&p->b.arena, row, sizeof row);
}

static leat_event *add(place *p, const leat_table *t, leat_op op, uint64_t tx)
{
    leat_event *ev = leat_batch_add(&p->b, t);
    ev->op = (uint8_t)op;
    ev->tx = tx;
    return ev;
}

/* A window of the table is open and has its view. */
static void begin(place *p, const leat_snap_table *table)
{
    leat_job job;
    *p = (place){.origin = leat_origin_new()};
    p->origin->schema = leat_schema_struct(&p->origin->arena, false, "S", 1, 0);
    leat_batch_init(&p->b, 0, 1 << 16);
    leat_ledger_init(&p->ledger);
    p->ws = leat_windows_new(&p->ledger, &ops, 1 << 20);
    leat_ledger_add(&p->ledger, table);
    assert_true(leat_ledger_next(&p->ledger, true, false, &job));
    leat_job_small(&p->ledger, &job);
    assert_true(leat_ledger_next(&p->ledger, true, false, &job));
    p->w = leat_window_open(p->ws, &job, (leat_position){0});
    assert_true(leat_window_view(p->w, (leat_view){.text = LEAT_STR("{}")}));
}

static void note(place *p)
{
    leat_windows_note(p->ws, &p->b);
    leat_batch_reset(&p->b);
}

/* The rows with these ids are read; those that stay. */
static uint32_t yield(place *p, const leat_table *t, uint32_t n)
{
    leat_err e = {0};
    assert_true(leat_window_decide(p->w, t));
    for (uint32_t i = 0; i < n; i++) add(p, t, LEAT_OP_READ, 0)->after = cells(p, (int)i, 5, 7);
    assert_int_equal(leat_window_yield(p->w, &p->b, &e), LEAT_OK);
    return p->b.n;
}

static void end(place *p)
{
    leat_windows_free(p->ws);
    leat_ledger_free(&p->ledger);
    leat_batch_free(&p->b);
    leat_origin_unpin(p->origin);
}

static const leat_snap_table keyed = {.name = "t.t", .keyed = true};
static const leat_snap_table by_k = {.name = "t.t", .keyed = true, .ask = "x", .by = "k"};

static void rows_yield_to_both_keys(void **state)
{
    (void)state;
    place p;
    begin(&p, &keyed);
    leat_table *t = table_of(&p, 0, 1, LEAT_T_INT32);
    leat_event *ev = add(&p, t, LEAT_OP_UPDATE, 100);
    ev->before = cells(&p, 1, -1, -1);
    ev->after = cells(&p, 2, 5, 8);
    add(&p, t, LEAT_OP_DELETE, 99)->before = cells(&p, 0, -1, -1); /* the view has it */
    note(&p);
    assert_int_equal(yield(&p, t, 4), 2);
    assert_int_equal(p.b.ev[0].after[0].u.i, 0);
    assert_int_equal(p.b.ev[1].after[0].u.i, 3);
    assert_int_equal(p.b.counts.rows_superseded, 2);
    leat_table_unpin(t);
    end(&p);
}

/* Without identity other rows may have the key of the change, too. */
static void rows_that_share_a_key_stay(void **state)
{
    (void)state;
    place p;
    begin(&p, &by_k);
    leat_table *t = table_of(&p, 0, 0, LEAT_T_INT32);
    add(&p, t, LEAT_OP_CREATE, 100)->after = cells(&p, 9, 5, 7);
    leat_event *ev = add(&p, t, LEAT_OP_UPDATE, 100);
    ev->before = cells(&p, 1, 5, 7);
    ev->after = cells(&p, 1, 5, 8);
    add(&p, t, LEAT_OP_DELETE, 101)->before = cells(&p, 3, 5, 7);
    note(&p);
    assert_int_equal(yield(&p, t, 5), 3);
    assert_int_equal(p.b.ev[1].after[0].u.i, 2);
    leat_table_unpin(t);
    end(&p);
}

/* ... but where the old row is not told, all of them yield. */
static void rows_yield_to_what_is_not_told(void **state)
{
    (void)state;
    place p;
    begin(&p, &by_k);
    leat_table *t = table_of(&p, 0, 0, LEAT_T_INT32);
    add(&p, t, LEAT_OP_UPDATE, 100)->after = cells(&p, 1, 5, 8);
    note(&p);
    assert_int_equal(yield(&p, t, 5), 0);
    leat_table_unpin(t);
    end(&p);
}

/* ALTER TABLE ... REPLICA IDENTITY or TYPE between a chunk's view and the change. */
static void another_identity_spoils(void **state)
{
    (void)state;
    place p;
    const struct {
        uint16_t from, nid;
        leat_type type;
    } cases[] = {{1, 1, LEAT_T_INT32}, {0, 2, LEAT_T_INT32}, {0, 1, LEAT_T_STRING}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(&p, &keyed);
        leat_table *was = table_of(&p, 0, 1, LEAT_T_INT32);
        leat_table *is = table_of(&p, cases[i].from, cases[i].nid, cases[i].type);
        add(&p, is, LEAT_OP_DELETE, 100)->before = cells(&p, 1, 5, 7);
        note(&p);
        assert_false(leat_window_decide(p.w, was));
        leat_table_unpin(was);
        leat_table_unpin(is);
        end(&p);
    }
}

/* The catalog has the new identity already, the change its old row by the former one. */
static void an_old_key_that_is_not_told_spoils(void **state)
{
    (void)state;
    place p;
    begin(&p, &keyed);
    leat_table *t = table_of(&p, 0, 1, LEAT_T_INT32);
    leat_event *ev = add(&p, t, LEAT_OP_UPDATE, 100);
    ev->before = cells(&p, -1, 5, -1);
    ev->after = cells(&p, 2, 6, 7);
    note(&p);
    assert_false(leat_window_decide(p.w, t));
    leat_table_unpin(t);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_yield_to_both_keys),
        cmocka_unit_test(rows_that_share_a_key_stay),
        cmocka_unit_test(rows_yield_to_what_is_not_told),
        cmocka_unit_test(another_identity_spoils),
        cmocka_unit_test(an_old_key_that_is_not_told_spoils),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
