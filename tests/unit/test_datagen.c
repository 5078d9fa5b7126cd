/* The datagen source: the same changes for the same seed, also after a restart at any safe place;
 * and the null sink, which fails and rejects as told. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sink/sink.h"
#include "source/source.h"

extern const leat_source leat_source_datagen;
extern const leat_sink leat_sink_null;
static const leat_source *const source = &leat_source_datagen;
static const leat_sink *const sink = &leat_sink_null;

static int64_t clock_us; /* virtual */

static int64_t clock_now(void)
{
    return clock_us;
}
static void clock_sleep(int64_t us)
{
    clock_us += us;
}
static const leat_clock virtual_clock = {clock_now, clock_now, clock_sleep};

typedef struct fixture {
    leat_arena a;
    void *conf;
    leat_task t;
    leat_batch b;
    leat_report r;
    leat_err e;
} fixture;

static void *parse(leat_arena *a, leat_report *r, leat_opt_tables tables, size_t size,
                   const char *text)
{
    leat_props props;
    leat_props_init(&props, NULL);
    leat_str rest = leat_str_of(text);
    while (rest.s && rest.len) {
        leat_str value = leat_str_cut(&rest, ' '), name = leat_str_cut(&value, '=');
        leat_props_set(&props, a, name, value, 0);
    }
    leat_report_init(r, a);
    void *conf = leat_arena_zalloc(a, 1, size, _Alignof(max_align_t));
    leat_opts_parse(tables, &props, true, a, conf, r);
    return conf;
}

static void setup(fixture *f, const char *text)
{
    memset(f, 0, sizeof *f);
    leat_arena_init(&f->a, 0);
    f->conf = parse(&f->a, &f->r, source->options, source->conf_size, text);
    if (f->r.errors == 0) source->validate(f->conf, &f->r);
    f->t = (leat_task){.source = source, .conf = f->conf, .connector = "c", .run_id = "r"};
    leat_batch_init(&f->b, 64, 1 << 20);
}

static void teardown(fixture *f)
{
    leat_batch_free(&f->b);
    leat_arena_free(&f->a);
}

/* What one change looks like, in a line of text. */
static void describe(const leat_event *ev, leat_buf *out)
{
    const leat_value *row = ev->after ? ev->after : ev->before;
    leat_buf_printf(out, "%s %c %llu.%u %lld", ev->table->name, ev->op, (unsigned long long)ev->tx,
                    ev->tx_seq, (long long)ev->src[0].u.i);
    for (uint32_t i = 0; i < ev->table->row->nfields; i++) {
        if (row[i].kind == LEAT_TEXT)
            leat_buf_printf(out, " %.*s", (int)row[i].len, row[i].u.s);
        else
            leat_buf_printf(out, " %d:%lld", row[i].kind, (long long)row[i].u.i);
    }
    leat_buf_u8(out, '\n');
}

/* Reads to the end, reopening at the last safe place after every stop reads (0: never). Changes
 * that were read beyond the safe place are thrown away, as a crash does. */
static void read_all(fixture *f, unsigned stop, leat_buf *out)
{
    leat_position pos = {0};
    leat_rc rc = LEAT_OK;
    assert_int_equal(source->open(&f->t, NULL, 0, &f->e), LEAT_OK);
    for (unsigned reads = 1; rc != LEAT_PENDING; reads++) {
        leat_batch_reset(&f->b);
        rc = source->read(&f->t, &f->b, 100, &f->e);
        assert_false(leat_rc_failed(rc));
        assert_int_equal(f->b.counts.received, f->b.n);
        for (uint32_t i = 0; i < f->b.nsafe; i++) describe(&f->b.ev[i], out);
        if (f->b.safe.offset.s)
            pos = (leat_position){leat_arena_str(&f->a, f->b.safe.partition),
                                  leat_arena_str(&f->a, f->b.safe.offset)};
        if (stop == 0 || reads % stop != 0) {
            assert_int_equal(f->b.nsafe, f->b.n); /* small transactions are never cut */
            continue;
        }
        source->close(&f->t);
        assert_int_equal(source->open(&f->t, &pos, 1, &f->e), LEAT_OK);
    }
    source->close(&f->t);
}

static const char shape[] =
    "datagen.rate=0 datagen.events=1003 datagen.keys=50 datagen.deletes=300 "
    "datagen.tables=2 datagen.transaction.size=7 "
    "datagen.columns=int,bigint,text(5),boolean,double,timestamp";

static void test_same_after_restart(void **state)
{
    (void)state;
    fixture f;
    leat_buf once = {0}, again = {0}, other = {0};
    setup(&f, shape);
    assert_int_equal(f.r.errors, 0);
    read_all(&f, 0, &once);
    read_all(&f, 1, &again);
    assert_int_equal(once.len, again.len);
    assert_memory_equal(once.p, again.p, once.len);
    teardown(&f);
    char text[300];
    snprintf(text, sizeof text, "%s datagen.seed=2", shape);
    setup(&f, text);
    read_all(&f, 0, &other);
    assert_false(leat_str_eq(leat_buf_str(&once), leat_buf_str(&other)));
    teardown(&f);
    leat_buf_free(&once);
    leat_buf_free(&again);
    leat_buf_free(&other);
}

/* Folded, the changes make sense: a key is created only when absent, changed only when there. */
static void test_changes_fold(void **state)
{
    (void)state;
    fixture f;
    bool there[50] = {0};
    unsigned ops[256] = {0}, n = 0;
    uint64_t tx = 0;
    uint32_t table_seq[2] = {0};
    setup(&f, shape);
    assert_int_equal(source->open(&f.t, NULL, 0, &f.e), LEAT_OK);
    for (;;) {
        leat_batch_reset(&f.b);
        if (source->read(&f.t, &f.b, 100, &f.e) == LEAT_PENDING) break;
        for (uint32_t i = 0; i < f.b.n; i++) {
            const leat_event *ev = &f.b.ev[i];
            int64_t key = (ev->after ? ev->after : ev->before)[0].u.i;
            assert_true(key >= 0 && key < 50);
            assert_int_equal(there[key], ev->op != LEAT_OP_CREATE);
            there[key] = ev->op != LEAT_OP_DELETE;
            assert_true(ev->tx == tx ? ev->tx_seq > 1 : ev->tx == tx + 1 && ev->tx_seq == 1);
            if (ev->tx != tx) table_seq[0] = table_seq[1] = 0;
            assert_int_equal(ev->tx_table_seq, ++table_seq[ev->table->name[1] - '1']);
            tx = ev->tx;
            ops[ev->op]++;
            n++;
        }
    }
    source->close(&f.t);
    assert_int_equal(n, 1003);
    assert_int_equal(tx, 144); /* 143 of seven and one of two */
    assert_true(ops['c'] > 50 && ops['u'] > 100 && ops['d'] > 50);
    teardown(&f);
}

/* A transaction larger than a batch comes in pieces; only its end is a safe place. */
static void test_big_transactions(void **state)
{
    (void)state;
    fixture f;
    uint64_t n = 0, safe = 0;
    setup(&f, "datagen.rate=0 datagen.events=5000 datagen.transaction.size=2000");
    assert_int_equal(source->open(&f.t, NULL, 0, &f.e), LEAT_OK);
    for (;;) {
        leat_batch_reset(&f.b);
        if (source->read(&f.t, &f.b, 100, &f.e) == LEAT_PENDING) break;
        n += f.b.n;
        assert_true(f.b.n <= 64);
        assert_int_equal(f.b.tx_open, f.b.nsafe < f.b.n);
        if (f.b.nsafe == 0) continue;
        safe = n - f.b.n + f.b.nsafe;
        assert_true(safe % 2000 == 0 || safe == 5000);
    }
    source->close(&f.t);
    assert_int_equal(n, 5000);
    assert_int_equal(safe, 5000);
    teardown(&f);
}

static void test_rate(void **state)
{
    (void)state;
    fixture f;
    uint64_t n = 0;
    clock_us = 1000000;
    leat_clock_use(&virtual_clock);
    setup(&f, "datagen.rate=50 datagen.transaction.size=1");
    assert_int_equal(source->open(&f.t, NULL, 0, &f.e), LEAT_OK);
    while (clock_us < 11000000) {
        leat_batch_reset(&f.b);
        leat_rc rc = source->read(&f.t, &f.b, 10, &f.e);
        assert_true(rc == LEAT_OK ? f.b.n > 0 : rc == LEAT_AGAIN && f.b.n == 0);
        n += f.b.n;
    }
    assert_in_range(n, 499, 501);
    source->close(&f.t);
    teardown(&f);
    leat_clock_use(NULL);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *option, *msg;
    } cases[] = {
        {"datagen.columns=bigint,money", "datagen.columns", "\"money\" is no column type"},
        {"datagen.columns=bigint,", "datagen.columns", "\"\" is no column type"},
        {"datagen.columns=text(5)", "datagen.columns", "must be int or bigint"},
        {"datagen.columns=int,text(99999999)", "datagen.columns", "is no column type"},
        {"datagen.columns=int(3)", "datagen.columns", "is no column type"},
        {"datagen.rate=-1", "datagen.rate", "from 0 to"},
        {"datagen.tables=0", "datagen.tables", "from 1 to 10000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        setup(&f, cases[i].text);
        const leat_problem *p = f.r.first;
        if (p == NULL) fail_msg("%s: accepted", cases[i].text);
        assert_string_equal(p->option, cases[i].option);
        if (!strstr(p->msg, cases[i].msg)) fail_msg("%s: %s", cases[i].text, p->msg);
        teardown(&f);
    }
    fixture f;
    setup(&f, "");
    leat_position pos = {LEAT_STR("{\"datagen\":\"datagen\"}"), LEAT_STR("{\"lsn\":5}")};
    assert_int_equal(source->open(&f.t, &pos, 1, &f.e), LEAT_CONF);
    assert_string_equal(f.e.code, "datagen.position");
    teardown(&f);
}

/* ---- null ---- */

static unsigned rejected;

static void reject(leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why)
{
    (void)t;
    assert_true(i < b->n);
    assert_int_equal(why->rc, LEAT_DATA);
    rejected++;
}

static unsigned told;

static void tell(leat_sink_task *t, const leat_batch *b, uint32_t i, leat_fate fate)
{
    (void)t;
    assert_true(i < b->n);
    assert_int_equal(fate, LEAT_FATE_WRITTEN);
    told++;
}

static void test_null(void **state)
{
    (void)state;
    fixture f;
    leat_report r;
    setup(&f, "datagen.rate=0 datagen.transaction.size=1");
    void *conf = parse(&f.a, &r, sink->options, sink->conf_size,
                       "null.delay.ms=1s null.fail.every=3 null.reject.every=10");
    assert_int_equal(r.errors, 0);
    leat_sink_task k = {
        .sink = sink, .conf = conf, .connector = "k", .reject = reject, .tell = tell};
    clock_us = 0;
    leat_clock_use(&virtual_clock);
    assert_int_equal(source->open(&f.t, NULL, 0, &f.e), LEAT_OK);
    assert_int_equal(source->read(&f.t, &f.b, 100, &f.e), LEAT_OK);
    assert_int_equal(f.b.n, 64);
    assert_int_equal(sink->open(&k, &f.e), LEAT_OK);
    rejected = told = 0;
    for (int i = 1; i <= 6; i++)
        assert_int_equal(sink->write(&k, &f.b, &f.e), i % 3 == 0 ? LEAT_RETRY : LEAT_OK);
    assert_string_equal(f.e.code, "null.failed");
    assert_int_equal(rejected, 4 * 64 / 10);
    assert_int_equal(told, 4 * 64 - rejected);
    assert_int_equal(clock_us, 6000000);
    sink->close(&k);
    source->close(&f.t);
    leat_clock_use(NULL);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_after_restart),
        cmocka_unit_test(test_changes_fold),
        cmocka_unit_test(test_big_transactions),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
