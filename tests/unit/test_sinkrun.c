/* The loop of a sink over real streams: what is delivered, repeated, rejected and remembered when
 * target, dead letters, cursors and topics fail, come late or change. */
#include "test.h"

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/sinkrun.h"
#include "source/datagen/rows.h"
#include "stream/stream.h"
#include "stream/topics.h"

enum { TABLES = 3, SEEN_MOST = 4096 };

/* ---- a source's stream ---- */

typedef struct stream {
    leat_stream *s;
    leat_page *page; /* readers learn by it what is visible */
    const char *name;
    leat_table *tables[TABLES];
    leat_datagen_shape shape;
    uint64_t n; /* events so far: each one's key */
} stream;

static char data[64];
static leat_err err;

static void stream_open(stream *g, const char *name)
{
    char path[128];
    *g = (stream){.name = name};
    snprintf(path, sizeof path, "%s/connectors/%s", data, name);
    assert_int_equal(leat_os_mkdirs(path, 0700), 0);
    snprintf(path, sizeof path, "%s/connectors/%s/counters", data, name);
    assert_int_equal(leat_page_create(path, &g->page, &err), LEAT_OK);
    leat_embedded_conf conf = {.data = data, .connector = name, .page = g->page};
    assert_int_equal(leat_datagen_shape_parse("bigint,int", &g->shape, &err), LEAT_OK);
    leat_origin *o = leat_datagen_origin(name, name, "run");
    for (unsigned i = 0; i < TABLES; i++)
        g->tables[i] = leat_datagen_table(o, name, i + 1, &g->shape);
    leat_origin_unpin(o);
    assert_int_equal(leat_embedded_open(&conf, &g->s, &err), LEAT_OK);
}

static void stream_close(stream *g)
{
    g->s->ops->close(g->s);
    leat_page_close(g->page);
    for (unsigned i = 0; i < TABLES; i++) leat_table_unpin(g->tables[i]);
}

/* n events into the topic NAME.datagen.t(table + 1), durable. */
static void put(stream *g, unsigned table, unsigned n)
{
    leat_batch b;
    char offset[40];
    leat_batch_init(&b, 4096, 1 << 20);
    for (unsigned i = 0; i < n; i++) {
        leat_event *ev = leat_batch_add(&b, g->tables[table]);
        leat_value *src = leat_arena_alloc(&b.arena, sizeof *src, _Alignof(leat_value));
        *src = leat_int((int64_t)g->n);
        leat_datagen_change(&g->shape, g->n++, &b.arena, ev);
        ev->src = src;
        b.counts.received++;
        b.counts.appended++;
    }
    snprintf(offset, sizeof offset, "{\"n\":%llu}", (unsigned long long)g->n);
    leat_batch_safe(&b, (leat_position){LEAT_STR("{}"), leat_str_of(offset)});
    assert_int_equal(g->s->ops->append(g->s, &b, (leat_str){0}, &err), LEAT_OK);
    assert_int_equal(g->s->ops->commit(g->s, &err), LEAT_OK);
    leat_batch_free(&b);
}

/* ---- a target ---- */

static struct target {
    int64_t seen[SEEN_MOST]; /* keys in the order of their delivery */
    pthread_mutex_t lock;    /* guards seen and n */
    unsigned n;
    unsigned opens, closes, writes, flushes, polls;
    unsigned fail_write, fail_flush, fail_open; /* so many of the next ones fail */
    leat_rc fail_as;                            /* 0: RETRY */
    unsigned pending;                           /* polls until it is durable */
    bool says_pending;
    int64_t reject; /* the key that is refused; -1: none */
    unsigned reject_times;
    leat_sinkrun *run;        /* whose target it is; NULL: unknown */
    leat_run_state states[4]; /* its state at the first writes */
    const char *folder;       /* made by a write; NULL: none */
} target = {.lock = PTHREAD_MUTEX_INITIALIZER};

static leat_rc fail_now(leat_err *e, const char *code)
{
    return leat_fail(e, target.fail_as ? target.fail_as : LEAT_RETRY, code, "target", "as told");
}

static leat_rc target_open(leat_sink_task *t, leat_err *e)
{
    (void)t;
    if (target.fail_open > 0) {
        target.fail_open--;
        return fail_now(e, "test.open");
    }
    target.opens++;
    return LEAT_OK;
}

static leat_rc target_write(leat_sink_task *t, const leat_batch *b, leat_err *e)
{
    leat_err last;
    leat_sink_counts counts;
    if (target.run && target.writes < 4)
        leat_sinkrun_status(target.run, &target.states[target.writes], &last, &counts);
    target.writes++;
    if (target.folder) assert_int_equal(leat_os_mkdirs(target.folder, 0700), 0);
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t key = b->ev[i].after[0].u.i;
        leat_err why;
        leat_fail(&why, LEAT_DATA, "test.refused", "target", "as told");
        bool refused = key == target.reject;
        for (unsigned k = 0; refused && k < target.reject_times; k++) t->reject(t, b, i, &why);
        pthread_mutex_lock(&target.lock);
        if (!refused && target.n < SEEN_MOST) target.seen[target.n++] = key;
        pthread_mutex_unlock(&target.lock);
    }
    if (target.fail_write > 0) {
        target.fail_write--;
        return fail_now(e, "test.write");
    }
    return target.says_pending ? LEAT_PENDING : LEAT_OK;
}

static leat_rc target_poll(leat_sink_task *t, int wait_ms, leat_err *e)
{
    (void)t;
    (void)wait_ms;
    (void)e;
    target.polls++;
    if (target.pending == 0) return LEAT_OK;
    target.pending--;
    return LEAT_PENDING;
}

static leat_rc target_flush(leat_sink_task *t, int64_t deadline_us, leat_err *e)
{
    (void)t;
    assert_true(deadline_us > leat_mono_us());
    target.flushes++;
    if (target.fail_flush == 0) return LEAT_OK;
    target.fail_flush--;
    return fail_now(e, "test.flush");
}

static void target_close(leat_sink_task *t)
{
    (void)t;
    target.closes++;
}

static const leat_sink plain = {.abi = LEAT_SINK_ABI,
                                .size = sizeof(leat_sink),
                                .name = "target",
                                .open = target_open,
                                .write = target_write,
                                .close = target_close};
static leat_sink flushing, polling;

/* ---- dead letters ---- */

static struct {
    unsigned fail, puts, letters;
    char position[100];
} dead;

static leat_rc dead_put(leat_dead_store *d, const leat_dead *letters, leat_err *e)
{
    (void)d;
    dead.puts++;
    if (dead.fail > 0) {
        dead.fail--;
        return leat_fail(e, LEAT_RETRY, "test.dead", "letters", "as told");
    }
    for (const leat_dead *l = letters; l; l = l->next) {
        snprintf(dead.position, sizeof dead.position, "%.*s", LEAT_STR_ARG(l->position));
        dead.letters++;
    }
    return LEAT_OK;
}
static leat_dead_store dead_store = {.put = dead_put};

/* ---- runs ---- */

static leat_sinkrun_conf conf_of(const leat_sink *sink, const char *const *topics)
{
    return (leat_sinkrun_conf){.sink = sink,
                               .connector = "out",
                               .data = data,
                               .topics = topics,
                               .dead = &dead_store,
                               .retry = {.min_us = 1000, .max_us = 2000, .limit = 5}};
}

static leat_rc run_conf(const leat_sinkrun_conf *conf, leat_sink_counts *counts)
{
    leat_sinkrun *k = leat_sinkrun_new(conf);
    leat_run_state state;
    leat_err last;
    target.run = k;
    leat_sinkrun_finish(k);
    memset(&err, 0, sizeof err);
    leat_rc rc = leat_sinkrun_run(k, &err);
    leat_sinkrun_status(k, &state, &last, counts);
    assert_int_equal(state, rc == LEAT_OK ? LEAT_RUN_STOPPED : LEAT_RUN_FAILED);
    target.run = NULL;
    leat_sinkrun_free(k);
    assert_int_equal(target.opens, target.closes);
    return rc;
}

/* To the end of what is there; the counts afterwards. */
static leat_rc run(const leat_sink *sink, const char *const *topics, leat_sink_counts *counts)
{
    leat_sinkrun_conf conf = conf_of(sink, topics);
    return run_conf(&conf, counts);
}

/* The same with a pattern, in p. */
static const char *const NONE[] = {NULL};
static leat_arena p;

static leat_sinkrun_conf fitting(const char *pattern)
{
    leat_sinkrun_conf conf = conf_of(&plain, NONE);
    conf.pattern = leat_regex_new_cased(&p, leat_str_of(pattern), NULL);
    assert_non_null(conf.pattern);
    return conf;
}

static leat_rc run_fitting(const char *pattern, leat_sink_counts *counts)
{
    leat_sinkrun_conf conf = fitting(pattern);
    return run_conf(&conf, counts);
}

static void saw(int64_t from, int64_t to)
{
    assert_int_equal(target.n, to - from);
    for (unsigned i = 0; i < target.n; i++) assert_int_equal(target.seen[i], from + i);
}

static const char *const ONE[] = {"a.datagen.t1", NULL};
static const char *const TWO[] = {"a.datagen.t1", "a.datagen.t2", NULL};
static const char *const MANY[] = {"a.datagen.t1", "b.datagen.t1", "nowhere", NULL};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(data, sizeof data, "/tmp/leat-test-sinkrun-XXXXXX");
    if (!mkdtemp(data)) return -1;
    pthread_mutex_t lock = target.lock;
    memset(&target, 0, sizeof target);
    target.lock = lock;
    target.reject = -1;
    target.reject_times = 1;
    memset(&dead, 0, sizeof dead);
    flushing = polling = plain;
    flushing.flush = target_flush;
    polling.poll = target_poll;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    leat_arena_free(&p);
    return nftw(data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- tests ---- */

static void test_delivers_and_remembers(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 100);
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    saw(0, 100);
    assert_int_equal(c.read, 100);
    assert_int_equal(c.delivered, 100);
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    saw(0, 100);
    assert_int_equal(c.delivered, 100);
    put(&a, 0, 50);
    target.n = 0;
    assert_int_equal(run(&flushing, ONE, &c), LEAT_OK);
    saw(100, 150);
    assert_int_equal(c.delivered, 150);
    assert_int_equal(target.flushes, target.writes - 1);
    stream_close(&a);
}

static void test_repeats_what_failed(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 10);
    target.fail_write = 2;
    target.fail_flush = 1;
    target.fail_open = 1;
    assert_int_equal(run(&flushing, ONE, &c), LEAT_OK);
    assert_int_equal(target.n, 40); /* the whole batch each time */
    for (unsigned i = 0; i < 40; i++) assert_int_equal(target.seen[i], i % 10);
    assert_int_equal(c.read, 10);
    assert_int_equal(c.delivered, 10);
    assert_int_equal(target.opens, 4);
    assert_int_equal(target.states[0], LEAT_RUN_RETRYING); /* the first open failed */
    assert_int_equal(target.states[3], LEAT_RUN_RETRYING); /* until a round went well */
    stream_close(&a);
}

static void test_gives_up_and_skips_nothing(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 10);
    target.fail_write = 100;
    assert_int_equal(run(&plain, ONE, &c), LEAT_RETRY);
    assert_string_equal(err.code, "test.write");
    assert_int_equal(target.writes, 6);
    static const leat_rc for_good[] = {LEAT_CONF, LEAT_FATAL, LEAT_DATA};
    for (size_t i = 0; i < 3; i++) {
        target.fail_as = for_good[i];
        target.writes = 0;
        assert_int_equal(run(&plain, ONE, &c), for_good[i]);
        assert_int_equal(target.writes, 1);
        assert_int_equal(c.delivered, 0);
    }
    target.fail_write = target.n = 0;
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    saw(0, 10);
    stream_close(&a);
}

static void test_pending_is_not_done(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 10);
    target.says_pending = true;
    assert_int_equal(run(&plain, ONE, &c), LEAT_RETRY); /* it can never say so */
    assert_string_equal(err.code, "sink.not_durable");
    assert_int_equal(c.delivered, 0);
    target.n = 0;
    target.pending = 3;
    assert_int_equal(run(&polling, ONE, &c), LEAT_OK);
    assert_int_equal(target.polls, 4);
    saw(0, 10);
    assert_int_equal(c.delivered, 10);
    stream_close(&a);
}

static void test_a_rejected_event_is_kept_first(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 10);
    target.reject = 7;
    dead.fail = 2;
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    assert_int_equal(target.writes, 3); /* no letter, no cursor: all of it again */
    assert_int_equal(dead.puts, 3);
    assert_int_equal(dead.letters, 1);
    assert_string_equal(dead.position, "{\"topic\":\"a.datagen.t1\",\"offset\":7}");
    assert_int_equal(c.read, 10);
    assert_int_equal(c.delivered, 9);
    assert_int_equal(c.dead, 1);
    dead.fail = 100;
    put(&a, 0, 1);
    target.reject = 10;
    assert_int_equal(run(&plain, ONE, &c), LEAT_RETRY);
    assert_string_equal(err.code, "test.dead");
    assert_int_equal(c.read, 10);
    stream_close(&a);
}

static void test_a_write_that_fails_rejects_nothing(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 10);
    target.reject = 7;
    target.fail_write = 1;
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    assert_int_equal(dead.letters, 1);
    assert_int_equal(c.dead, 1);
    stream_close(&a);
}

static void test_a_ledger_that_cannot_be(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 3);
    target.reject = 1;
    target.reject_times = 4;
    assert_int_equal(run(&plain, ONE, &c), LEAT_FATAL);
    assert_string_equal(err.code, "ledger.mismatch");
    assert_int_equal(c.read, 0);
    stream_close(&a);
}

static void test_a_cursor_that_cannot_be_stored(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    char in_the_way[128];
    stream_open(&a, "a");
    put(&a, 0, 10);
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    put(&a, 0, 10);
    snprintf(in_the_way, sizeof in_the_way, "%s/connectors/a/stream/readers/out.tmp", data);
    target.folder = in_the_way;
    target.n = 0;
    assert_true(leat_rc_failed(run(&plain, ONE, &c)));
    assert_non_null(strstr(err.msg, "readers/out"));
    saw(10, 20);
    assert_int_equal(c.read, 10); /* delivered, but not known to be */
    target.folder = NULL;
    assert_true(leat_rc_failed(run(&plain, ONE, &c)));
    assert_int_equal(target.n, 10); /* it does not even begin */
    assert_int_equal(rmdir(in_the_way), 0);
    target.n = 0;
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    saw(10, 20);
    assert_int_equal(c.read, 20);
    stream_close(&a);
}

static void test_a_cursor_that_is_damaged(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    char path[128];
    static const char *const texts[] = {"", "{", "[]", "{\"sink\":\"out\"}", "{\"inputs\":5}"};
    stream_open(&a, "a");
    put(&a, 0, 10);
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    snprintf(path, sizeof path, "%s/connectors/a/stream/readers/out", data);
    for (size_t i = 0; i < 5; i++) {
        target.n = 0;
        assert_int_equal(leat_os_store(path, leat_str_of(texts[i]), 0600), 0);
        assert_int_equal(run(&plain, ONE, &c), LEAT_CONF);
        assert_string_equal(err.code, "sink.cursor");
        assert_int_equal(target.n, 0);
    }
    stream_close(&a);
}

static void test_two_streams_and_a_topic_that_is_none(void **state)
{
    (void)state;
    stream a, b;
    leat_sink_counts c;
    stream_open(&a, "a");
    stream_open(&b, "b");
    put(&a, 0, 10);
    put(&b, 0, 20);
    assert_int_equal(run(&plain, MANY, &c), LEAT_OK);
    assert_int_equal(c.delivered, 30);
    put(&b, 0, 5);
    put(&b, 1, 5); /* not wanted */
    assert_int_equal(run(&plain, MANY, &c), LEAT_OK);
    assert_int_equal(c.delivered, 35);
    assert_int_equal(target.n, 35);
    stream_close(&a);
    stream_close(&b);
}

/* t2 is wanted before it exists; its first events come between two of t1. */
static void test_a_topic_that_comes_later_in_the_stream(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 10);
    assert_int_equal(run(&plain, TWO, &c), LEAT_OK);
    put(&a, 1, 10);
    put(&a, 0, 10);
    put(&a, 1, 10);
    assert_int_equal(run(&plain, TWO, &c), LEAT_OK);
    saw(0, 40); /* in the stream's order */
    assert_int_equal(c.read, 40);
    stream_close(&a);
}

static void test_a_topic_that_is_added(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 10);
    put(&a, 1, 10);
    put(&a, 0, 10);
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    assert_int_equal(c.read, 20);
    target.n = 0;
    assert_int_equal(run(&plain, TWO, &c), LEAT_OK);
    saw(10, 20); /* only what was not delivered before */
    assert_int_equal(c.read, 30);
    put(&a, 1, 5);
    put(&a, 0, 5);
    target.n = 0;
    assert_int_equal(run(&plain, TWO, &c),
                     LEAT_OK); /* one reader again: both had come to the end */
    saw(30, 40);
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    put(&a, 1, 3);
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    target.n = 0;
    assert_int_equal(run(&plain, TWO, &c), LEAT_OK);
    assert_int_equal(target.n, 18); /* taken up again: repeated from its beginning, not skipped */
    stream_close(&a);
}

/* ---- with a pattern ---- */

/* Also of one that comes while the sink is away, or reads another topic of the stream. */
static void test_topics_that_fit(void **state)
{
    (void)state;
    stream a, b;
    leat_sink_counts c;
    stream_open(&a, "a");
    assert_int_equal(run_fitting("a\\.datagen\\.t[12]", &c), LEAT_OK);
    assert_int_equal(target.n, 0);
    put(&a, 0, 10);
    put(&a, 2, 10); /* does not fit */
    assert_int_equal(run_fitting("a\\.datagen\\.t[12]", &c), LEAT_OK);
    saw(0, 10);
    put(&a, 1, 10);
    put(&a, 0, 10);
    put(&a, 1, 10);
    target.n = 0;
    assert_int_equal(run_fitting("a\\.datagen\\.t[12]", &c), LEAT_OK);
    saw(20, 50); /* in the stream's order */
    assert_int_equal(c.read, 40);
    stream_open(&b, "b");
    put(&b, 0, 10);
    target.n = 0;
    assert_int_equal(run_fitting("a\\.datagen\\.t[12]", &c), LEAT_OK);
    assert_int_equal(target.n, 0);
    assert_int_equal(run_fitting("[ab]\\.datagen\\.t[12]", &c), LEAT_OK);
    saw(0, 10);
    assert_int_equal(c.read, 50);
    stream_close(&a);
    stream_close(&b);
}

/* What the pattern did not take before is read from its beginning, as a topic that is added. */
static void test_a_pattern_that_changes(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    stream_open(&a, "a");
    put(&a, 0, 10);
    put(&a, 1, 10);
    put(&a, 0, 10);
    assert_int_equal(run(&plain, ONE, &c), LEAT_OK);
    put(&a, 1, 5); /* is the new input's, not that of the one that stands before it */
    target.n = 0;
    assert_int_equal(run_fitting(".*", &c), LEAT_OK);
    assert_int_equal(target.n, 15);
    for (unsigned i = 0; i < 15; i++) assert_int_equal(target.seen[i], i < 10 ? 10 + i : 20 + i);
    put(&a, 2, 5);
    put(&a, 1, 5);
    put(&a, 0, 5);
    target.n = 0;
    assert_int_equal(run_fitting(".*", &c), LEAT_OK);
    saw(35, 50); /* one reader again */
    assert_int_equal(c.read, 50);
    assert_int_equal(run_fitting(".*t1", &c), LEAT_OK);
    put(&a, 2, 3);
    assert_int_equal(run_fitting(".*t1", &c), LEAT_OK);
    target.n = 0;
    assert_int_equal(run_fitting(".*t[13]", &c), LEAT_OK);
    assert_int_equal(target.n, 8); /* taken up again: repeated from its beginning, not skipped */
    target.n = 0;
    assert_int_equal(run_fitting(".*t[13]", &c), LEAT_OK);
    assert_int_equal(target.n, 0);
    stream_close(&a);
}

/* What was read is not read again when its claim was removed for a while. */
static void test_a_claim_that_goes_and_comes(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    char claim[128];
    stream_open(&a, "a");
    put(&a, 0, 10);
    put(&a, 1, 10);
    assert_int_equal(run_fitting(".*", &c), LEAT_OK);
    saw(0, 20);
    snprintf(claim, sizeof claim, "%s/topics/a.datagen.t2", data);
    assert_int_equal(unlink(claim), 0);
    put(&a, 0, 10);
    target.n = 0;
    assert_int_equal(run_fitting(".*", &c), LEAT_OK);
    saw(20, 30);
    leat_claims claims = {.data = data, .connector = "a"};
    assert_int_equal(leat_topics_claim(&claims, LEAT_STR("a.datagen.t2"), &err), LEAT_OK);
    leat_topics_claims_free(&claims);
    target.n = 0;
    assert_int_equal(run_fitting(".*", &c), LEAT_OK);
    assert_int_equal(target.n, 0);
    assert_int_equal(c.read, 30);
    stream_close(&a);
}

/* One that works for ever on some name is no "no". */
static void test_a_pattern_beyond_its_limits(void **state)
{
    (void)state;
    stream a;
    leat_sink_counts c;
    char name[64];
    snprintf(name, sizeof name, "%.*s", 40, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    stream_open(&a, name);
    put(&a, 0, 10);
    assert_int_equal(run_fitting("(a+)+b|((a|a)*)*c", &c), LEAT_CONF);
    assert_string_equal(err.code, "regex.limit");
    assert_int_equal(target.n, 0);
    stream_close(&a);
}

/* ---- while it runs ---- */

static void *run_thread(void *arg)
{
    leat_err e;
    return leat_sinkrun_run(arg, &e) == LEAT_OK ? NULL : arg;
}

static unsigned seen_now(void)
{
    pthread_mutex_lock(&target.lock);
    unsigned n = target.n;
    pthread_mutex_unlock(&target.lock);
    return n;
}

static void wait_for(unsigned n)
{
    int64_t until = leat_mono_us() + 20000000;
    while (seen_now() < n && leat_mono_us() < until) leat_sleep_us(1000);
    assert_int_equal(seen_now(), n);
}

static void test_topics_that_come_while_it_runs(void **state)
{
    (void)state;
    stream a, b;
    pthread_t thread;
    void *failed;
    leat_sinkrun_conf conf = conf_of(&plain, MANY);
    leat_sinkrun *k = leat_sinkrun_new(&conf);
    assert_int_equal(pthread_create(&thread, NULL, run_thread, k), 0);
    leat_sleep_us(20000);
    stream_open(&a, "a");
    put(&a, 0, 10);
    wait_for(10);
    stream_open(&b, "b");
    put(&b, 0, 10);
    put(&a, 0, 10);
    wait_for(30);
    int64_t began = leat_mono_us();
    leat_sinkrun_stop(k);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_true(leat_mono_us() - began < 10000000);
    leat_sinkrun_free(k);
    stream_close(&a);
    stream_close(&b);
}

/* The first topic of a stream that is read already comes at once, one of another stream at the next
 * look. */
static void test_fitting_topics_that_come_while_it_runs(void **state)
{
    (void)state;
    stream a, b;
    pthread_t thread;
    void *failed;
    leat_sinkrun_conf conf = fitting(".*\\.datagen\\.t[12]");
    leat_sinkrun *k = leat_sinkrun_new(&conf);
    assert_int_equal(pthread_create(&thread, NULL, run_thread, k), 0);
    leat_sleep_us(20000);
    stream_open(&a, "a");
    put(&a, 0, 10);
    wait_for(10);
    int64_t began = leat_mono_us();
    put(&a, 1, 10);
    put(&a, 2, 10); /* does not fit */
    wait_for(20);
    assert_true(leat_mono_us() - began < 900000);
    stream_open(&b, "b");
    put(&b, 2, 10);
    put(&b, 1, 10);
    put(&a, 0, 10);
    wait_for(40);
    leat_sinkrun_stop(k);
    pthread_join(thread, &failed);
    assert_null(failed);
    leat_sinkrun_free(k);
    stream_close(&a);
    stream_close(&b);
}

/* What was put just before finish is read, even if nobody had looked for the topic yet. */
static void test_finish_looks_once_more(void **state)
{
    (void)state;
    stream a;
    pthread_t thread;
    void *failed;
    leat_sinkrun_conf conf = conf_of(&plain, ONE);
    leat_sinkrun *k = leat_sinkrun_new(&conf);
    assert_int_equal(pthread_create(&thread, NULL, run_thread, k), 0);
    leat_sleep_us(100000); /* it has looked, and will again in a second */
    stream_open(&a, "a");
    put(&a, 0, 10);
    leat_sinkrun_finish(k);
    pthread_join(thread, &failed);
    assert_null(failed);
    saw(0, 10);
    leat_sinkrun_free(k);
    stream_close(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    leat_log_level(LEAT_ERROR);
    const struct CMUnitTest tests[] = {
        TEST(test_delivers_and_remembers),
        TEST(test_repeats_what_failed),
        TEST(test_gives_up_and_skips_nothing),
        TEST(test_pending_is_not_done),
        TEST(test_a_rejected_event_is_kept_first),
        TEST(test_a_write_that_fails_rejects_nothing),
        TEST(test_a_ledger_that_cannot_be),
        TEST(test_a_cursor_that_cannot_be_stored),
        TEST(test_a_cursor_that_is_damaged),
        TEST(test_two_streams_and_a_topic_that_is_none),
        TEST(test_a_topic_that_comes_later_in_the_stream),
        TEST(test_a_topic_that_is_added),
        TEST(test_topics_that_fit),
        TEST(test_a_pattern_that_changes),
        TEST(test_a_claim_that_goes_and_comes),
        TEST(test_a_pattern_beyond_its_limits),
        TEST(test_topics_that_come_while_it_runs),
        TEST(test_fitting_topics_that_come_while_it_runs),
        TEST(test_finish_looks_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
