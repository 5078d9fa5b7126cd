/* Readers of a snapshot, with their threads: what they read arrives, bounds and drops hold, and
 * they end when they are told to. The source is made of numbers: the rows of a range [from, to). */
#include "../test.h"

#include "base/clock.h"
#include "engine/readers.h"

enum { BATCH = 10 };

static leat_table *table;
static atomic_int opened, closed, fails;

typedef struct place {
    int at, to;
} place;

static leat_rc open_reader(leat_chunk_reader *r, leat_err *e)
{
    if (atomic_load(&fails) > 0 && atomic_fetch_sub(&fails, 1) > 0)
        return leat_fail(e, LEAT_RETRY, "test.closed", "", "closed");
    r->priv = leat_zalloc(1, sizeof(place));
    atomic_fetch_add(&opened, 1);
    return LEAT_OK;
}

static leat_rc cut(leat_chunk_reader *r, const leat_range *range, uint64_t bytes, unsigned most,
                   leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    (void)r, (void)range, (void)bytes, (void)e;
    for (*n = 0; *n < most && *n < 3; ++*n)
        bounds[*n] = leat_str_of(leat_arena_printf(a, "%u", *n * 100 + 100));
    return LEAT_OK;
}

static leat_rc begin(leat_chunk_reader *r, const leat_range *range, leat_arena *a, leat_view *view,
                     leat_err *e)
{
    place *x = r->priv;
    (void)e;
    int64_t from = 0, to = 1000;
    leat_str_i64(range->from, &from);
    leat_str_i64(range->to, &to);
    x->at = (int)from;
    x->to = (int)to;
    view->text = leat_str_of(leat_arena_strdup(a, "{}"));
    return LEAT_OK;
}

static leat_rc read_rows(leat_chunk_reader *r, leat_batch *b, leat_err *e)
{
    place *x = r->priv;
    (void)e;
    for (unsigned i = 0; i < BATCH && x->at < x->to; i++, x->at++) {
        leat_event *ev = leat_batch_add(b, table);
        ev->op = LEAT_OP_READ;
        ev->tx_seq = (uint32_t)x->at;
        leat_arena_alloc(&b->arena, 1000, 1);
        b->counts.rows_read++;
    }
    return x->at < x->to ? LEAT_AGAIN : LEAT_OK;
}

static leat_rc drop(leat_chunk_reader *r, leat_err *e)
{
    (void)r, (void)e;
    return LEAT_OK;
}

static void close_reader(leat_chunk_reader *r)
{
    leat_free(r->priv);
    atomic_fetch_add(&closed, 1);
}

static const leat_source_chunks chunks = {.open = open_reader,
                                          .cut = cut,
                                          .begin = begin,
                                          .read = read_rows,
                                          .drop = drop,
                                          .close = close_reader};
static const leat_source source = {.name = "test", .chunks = &chunks};
static const leat_snap_table snap = {.name = "t", .keyed = true};
static leat_task task = {.source = &source, .connector = "test"};
static leat_ledger_table ledger_table = {.table = &snap};

static leat_reading *give(leat_readers *rs, leat_job_kind kind, const char *from, const char *to)
{
    leat_err e = {0};
    leat_job job = {.kind = kind, .t = &ledger_table};
    leat_reading *g = leat_reading_new(&job);
    g->range = (leat_range){.table = &snap, .from = leat_str_of(from), .to = leat_str_of(to)};
    return leat_readers_give(rs, g, &e) == LEAT_OK ? g : NULL;
}

static void await(leat_readers *rs, leat_reading *g)
{
    bool view;
    while (leat_readers_look(rs, g, &view) != LEAT_READING_OVER) leat_sleep_us(100);
}

/* Takes all batches: their rows are these, in order. */
static void expect_rows(leat_readers *rs, leat_reading *g, uint32_t from, uint32_t to)
{
    for (leat_held *h; (h = leat_readers_take(rs, g));) {
        for (uint32_t i = 0; i < h->b.n; i++) assert_int_equal(h->b.ev[i].tx_seq, from++);
        leat_readers_put_back(rs, h);
    }
    assert_int_equal(from, to);
}

static int set_up(void **state)
{
    (void)state;
    leat_origin *o = leat_origin_new();
    o->schema = leat_schema_struct(&o->arena, false, "S", 1, 0);
    table = leat_table_new(o);
    leat_origin_unpin(o);
    table->topic = table->name = table->db = "t";
    table->row = leat_schema_struct(&table->arena, true, "R", 0, 0);
    leat_table_seal(table);
    opened = closed = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    leat_table_unpin(table);
    assert_int_equal(opened, closed);
    return 0;
}

static void test_many(void **state)
{
    (void)state;
    static const char *const bounds[] = {"0", "100", "200", "300", "400", "500", "600", "700"};
    leat_readers *rs = leat_readers_new(&task, 4, true, 0, 64 << 10);
    leat_reading *g[7];
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 7; i++) g[i] = give(rs, LEAT_JOB_READ, bounds[i], bounds[i + 1]);
        for (unsigned i = 7; i-- > 0;) {
            await(rs, g[i]);
            assert_int_equal(g[i]->rc, LEAT_OK);
            assert_int_equal(g[i]->rows, 100);
            expect_rows(rs, g[i], i * 100, i * 100 + 100);
            leat_reading_free(rs, g[i]);
        }
        assert_in_range(leat_readers_held(rs), 1, 8 * 100000); /* batches for the next rows */
    }
    leat_readers_stop(rs);
    leat_readers_free(rs);
    assert_in_range(opened, 1, 4);
}

static void test_cut(void **state)
{
    (void)state;
    leat_readers *rs = leat_readers_new(&task, 1, true, 0, 64 << 10);
    leat_str bounds[2];
    leat_err e = {0};
    leat_job job = {.kind = LEAT_JOB_CUT, .t = &ledger_table};
    leat_reading *g = leat_reading_new(&job);
    g->range.table = &snap;
    g->most = 2;
    g->bounds = bounds;
    assert_int_equal(leat_readers_give(rs, g, &e), LEAT_OK);
    await(rs, g);
    assert_int_equal(g->nbounds, 2);
    assert_true(leat_str_is(bounds[1], "200"));
    leat_reading_free(rs, g);
    leat_readers_stop(rs);
    leat_readers_free(rs);
}

/* A chunk that is too large ends early; one whose rows are taken meanwhile waits instead. */
static void test_bounds(void **state)
{
    (void)state;
    leat_readers *rs = leat_readers_new(&task, 1, true, 0, 64 << 10);
    leat_err e = {0};
    for (unsigned still = 0; still < 2; still++) {
        leat_job job = {.kind = LEAT_JOB_READ, .t = &ledger_table};
        leat_reading *g = leat_reading_new(&job);
        g->range.table = &snap;
        g->bound = 100000;
        g->still = still;
        assert_int_equal(leat_readers_give(rs, g, &e), LEAT_OK);
        uint32_t rows = 0;
        bool view;
        while (leat_readers_look(rs, g, &view) != LEAT_READING_OVER || g->held) {
            assert_in_range(leat_readers_held(rs), 0, 300000);
            leat_held *h = still ? leat_readers_take(rs, g) : NULL;
            if (!h && !still && leat_readers_look(rs, g, &view) == LEAT_READING_OVER) break;
            if (!h) {
                leat_sleep_us(100);
                continue;
            }
            rows += h->b.n;
            leat_readers_put_back(rs, h);
        }
        assert_int_equal(g->halve, !still);
        assert_int_equal(rows, still ? 1000 : 0);
        leat_reading_free(rs, g);
    }
    leat_readers_stop(rs);
    leat_readers_free(rs);
}

static void test_errors_and_ends(void **state)
{
    (void)state;
    leat_readers *rs = leat_readers_new(&task, 2, true, 0, 64 << 10);
    fails = 1;
    leat_reading *g = give(rs, LEAT_JOB_READ, "0", "10");
    await(rs, g);
    assert_int_equal(g->rc, LEAT_RETRY);
    assert_string_equal(g->err.code, "test.closed");
    leat_reading_free(rs, g);
    leat_reading *dropped = give(rs, LEAT_JOB_READ, "0", "1000000");
    leat_readers_drop(rs, dropped);
    await(rs, dropped);
    assert_int_equal(dropped->rc, LEAT_OK);
    leat_reading *running = give(rs, LEAT_JOB_READ, "0", "1000000000");
    leat_readers_stop(rs); /* in the middle of it */
    leat_reading_free(rs, running);
    leat_reading_free(rs, dropped);
    leat_readers_free(rs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_errors_and_ends, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}
