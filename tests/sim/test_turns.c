/* Several tasks over one stream: whatever order their turns come in, whatever fails meanwhile and
 * wherever a process dies, each table's changes are visible in their order, once, in whole
 * transactions, and all of them in the end.
 *
 * Each seed makes a disk that forgets (disk.h) and several lives of an engine on it whose tasks
 * share out datagen's tables; all turns are taken on one thread, in the dice's order, on a virtual
 * clock. Between engine and source, and engine and stream, stand wrappers that count steps, fail
 * and judge. SEED=n runs one seed, SEEDS=n as many. The plants are bugs that some seed must find.
 */
#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "disk.h"
#include "engine/run.h"
#include "stream/reader.h"

enum { LIVES = 5, TABLES_MOST = 6, PLANT_SEEDS = 300 };
/* Of the engine under test, and what a batch may take: a block of an arena beyond its part, and a
 * transaction of up to 1024 changes is never cut. */
enum { BUDGET = 4 << 20, BATCH_MOST = 768 << 10 };

typedef enum plant {
    NONE,
    INTRUDER,    /* a task appends inside another's open transaction */
    FOREIGN_ACK, /* a task is acknowledged another's partition */
    NO_ROLLBACK, /* what a task left open is not taken back */
    NO_BUDGET,   /* batches have no bound */
    EARLY_ACK,   /* a task is told that what was only appended is durable */
    PLANTS
} plant;
static const char *const plants[] = {"none",        "intruder",  "foreign-ack",
                                     "no-rollback", "no-budget", "early-ack"};

typedef struct world {
    dicebox dice;
    plant plant;
    disk *disk;
    int64_t now;
    uint64_t steps;
    leat_arena arena;
    leat_page page; /* nobody's: readers find the mark in the frames */
    leat_engine *engine;
    leat_stream base, *real;
    unsigned tables, tasks, size;
    bool mixed; /* lives have different numbers of tasks */
    uint64_t events;
    const void *conf;
    /* this life */
    bool dead, last;
    uint32_t crash_in, stop_in, pause_in, paused_left, full_in, full_left, flaky, failures,
        bad_sync;
    uint64_t committed;                   /* events that must stay */
    uint64_t durable[TABLES_MOST], whole; /* positions that are durable */
    /* the verdict */
    char why[400];
} world;

static world *w;

__attribute__((format(printf, 1, 2))) static void complain(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!*w->why) vsnprintf(w->why, sizeof w->why, fmt, args);
    va_end(args);
    w->dead = true;
    if (w->engine) leat_engine_stop(w->engine);
}

static bool due(uint32_t *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

/* True: the process is dead. */
static bool step(void)
{
    if (w->dead) return true;
    w->now += 1 + dice_below(&w->dice, 50);
    if (++w->steps > 300000) complain("no end");
    if (due(&w->full_in)) {
        disk_room(w->disk, dice_below(&w->dice, 200000));
        w->full_left = dice_range(&w->dice, 3, 60);
    }
    if (due(&w->full_left)) disk_room(w->disk, -1);
    if (due(&w->stop_in) && w->engine) leat_engine_stop(w->engine);
    if (due(&w->pause_in) && w->engine) {
        leat_engine_pause(w->engine, true);
        w->paused_left = dice_range(&w->dice, 1, 40);
    }
    if (due(&w->crash_in)) {
        w->dead = true;
        if (w->engine) leat_engine_stop(w->engine);
    }
    return w->dead;
}

static leat_rc dead(leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "sim.dead", NULL, "the process is dead");
}

/* ---- clock ---- */

static int64_t clock_now(void)
{
    return w->now += 1;
}

static void clock_sleep(int64_t us)
{
    w->now += us;
    step();
    if (due(&w->paused_left) && w->engine) leat_engine_pause(w->engine, false);
}

static unsigned pick(unsigned n)
{
    return dice_below(&w->dice, n);
}

/* ---- the disk of a process that may be dead ---- */

static int d_open(const char *path, int flags, unsigned mode)
{
    return w->dead ? -EIO : disk_os.open(path, flags, mode);
}
static int64_t d_pwrite(int fd, const void *p, size_t n, int64_t at)
{
    return step() ? -EIO : disk_os.pwrite(fd, p, n, at);
}
static int d_datasync(int fd)
{
    if (step()) return -EIO;
    if (dice_one_in(&w->dice, w->bad_sync)) disk_fail_sync(w->disk);
    return disk_os.datasync(fd);
}
static int d_truncate(int fd, int64_t size)
{
    return step() ? -EIO : disk_os.truncate(fd, size);
}
static int d_allocate(int fd, int64_t size)
{
    return w->dead ? -EIO : disk_os.allocate(fd, size);
}
static int d_unlink(const char *path)
{
    return step() ? -EIO : disk_os.unlink(path);
}
static int d_link(const char *from, const char *to)
{
    return step() ? -EIO : disk_os.link(from, to);
}

static int d_rename(const char *from, const char *to)
{
    return step() ? -EIO : disk_os.rename(from, to);
}
static int d_sync_dir(const char *path)
{
    return step() ? -EIO : disk_os.sync_dir(path);
}

/* ---- the source ---- */

/* Of the "t1" at name, which something that is no digit ends. */
static int number_of(const char *name)
{
    int n = 0;
    while (*++name >= '0' && *name <= '9') n = 10 * n + (*name - '0');
    return n - 1;
}

static int table_of(leat_str partition)
{
    const char *at = memmem(partition.s, partition.len, "\"table\":\"t", 10);
    return at ? number_of(at + 9) : -1;
}

static uint64_t n_of(leat_str offset)
{
    return strtoull(offset.s + 5, NULL, 10); /* {"n":N} */
}

/* So often and no more: a long transaction in small batches must end once. */
static bool flaky(void)
{
    if (w->failures == 0 || !dice_one_in(&w->dice, w->flaky)) return false;
    w->failures--;
    return true;
}

static leat_rc broken(leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "sim.broken", NULL, "the connection broke");
}

static leat_rc s_open(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    if (step()) return dead(e);
    if (flaky()) return broken(e);
    return leat_source_find(LEAT_STR("datagen"))->open(t, pos, n, e);
}

static leat_rc s_read(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    if (step()) return dead(e);
    if (w->plant == NO_BUDGET) b->max_bytes = b->max_events = 0;
    leat_rc rc = leat_source_find(LEAT_STR("datagen"))->read(t, b, wait_ms, e);
    if (flaky()) return broken(e);
    if (rc == LEAT_OK && w->plant == INTRUDER) atomic_store(&w->engine->appender.owner, -1);
    return rc;
}

static leat_rc s_ack(leat_task *t, leat_position pos, leat_err *e)
{
    if (step()) return dead(e);
    int table = table_of(pos.partition);
    if ((table < 0) != (t->of == 1) || (table >= 0 && (unsigned)table % t->of != t->id))
        complain("task %u of %u is acknowledged " LEAT_STR_FMT, t->id, t->of,
                 LEAT_STR_ARG(pos.partition));
    else if (n_of(pos.offset) > (table < 0 ? w->whole : w->durable[table]))
        complain("task %u is acknowledged " LEAT_STR_FMT ", which is not durable", t->id,
                 LEAT_STR_ARG(pos.offset));
    return flaky() ? broken(e) : LEAT_OK;
}

static leat_rc s_beat(leat_task *t, leat_err *e)
{
    (void)t;
    return step() ? dead(e) : LEAT_OK;
}

static void s_close(leat_task *t)
{
    leat_source_find(LEAT_STR("datagen"))->close(t);
}

/* ---- the stream ---- */

static leat_rc st_append(leat_stream *s, const leat_batch *b, leat_str progress, leat_err *e)
{
    (void)s;
    if (step()) return dead(e);
    if (b->arena.held > BATCH_MOST) complain("a batch holds %zu bytes", b->arena.held);
    LEAT_TRY(w->real->ops->append(w->real, b, progress, e));
    leat_run *r = &w->engine->runs[dice_below(&w->dice, w->engine->n)];
    if (w->plant == FOREIGN_ACK && b->safe.offset.s && dice_one_in(&w->dice, 8))
        leat_run_own(r, b->safe.partition);
    if (w->plant == EARLY_ACK && b->safe.offset.s && r->task.priv)
        for (unsigned i = 0; i < w->engine->n; i++) {
            r = &w->engine->runs[i];
            if (r->task.priv && &r->batch == b) LEAT_TRY(s_ack(&r->task, b->safe, e));
        }
    return LEAT_OK;
}

static leat_rc st_commit(leat_stream *s, leat_err *e)
{
    (void)s;
    if (step()) return dead(e);
    LEAT_TRY(w->real->ops->commit(w->real, e));
    const leat_stream_state *st = w->real->ops->state(w->real);
    if (w->dead) return dead(e);
    for (size_t i = 0; i < st->npos; i++) {
        int table = table_of(st->pos[i].partition);
        uint64_t n = n_of(st->pos[i].offset), *was = table < 0 ? &w->whole : &w->durable[table];
        if (n < *was) complain("a position went back from %llu to %llu", *was + 0ull, n + 0ull);
        *was = n;
    }
    if (st->totals.received != st->events || st->totals.appended != st->events)
        complain("%llu events are visible, %llu were received and %llu appended", st->events + 0ull,
                 st->totals.received + 0ull, st->totals.appended + 0ull);
    w->committed = st->events;
    return LEAT_OK;
}

static leat_rc st_rollback(leat_stream *s, leat_err *e)
{
    (void)s;
    if (step()) return dead(e);
    return w->plant == NO_ROLLBACK ? LEAT_OK : w->real->ops->rollback(w->real, e);
}

static size_t st_pending(const leat_stream *s)
{
    (void)s;
    return w->real->ops->pending(w->real);
}

static const leat_stream_state *st_state(const leat_stream *s)
{
    (void)s;
    return w->real->ops->state(w->real);
}

static leat_rc no_letters(leat_dead_store *d, const leat_dead *letters, leat_err *e)
{
    (void)d;
    (void)letters;
    (void)e;
    return LEAT_OK;
}

/* ---- a consumer of all ---- */

/* Number of the table's next change. */
static uint64_t next_of(unsigned table, uint64_t n)
{
    while (n % w->tables != table) n++;
    return n;
}

static void consume(const leat_event *ev, uint64_t next[TABLES_MOST])
{
    unsigned table = (unsigned)number_of(ev->table->name);
    uint64_t n = (uint64_t)ev->src[0].u.i, want = next_of(table, next[table]);
    if (n != want)
        complain("table %u: change %llu is visible where %llu should be", table + 1, n + 0ull,
                 want + 0ull);
    next[table] = n + 1;
}

/* All that is visible, in its order; at the end of the history all there is. */
static void read_all(bool end)
{
    leat_reader_conf conf = {.data = "/sim", .connector = "gen", .page = &w->page};
    leat_reader *r = NULL;
    leat_err e = {0};
    leat_batch b;
    uint64_t next[TABLES_MOST] = {0}, n = 0;
    uint32_t seq[TABLES_MOST] = {0};
    leat_rc rc = leat_reader_open(&conf, &r, &e);
    if (rc == LEAT_RETRY && w->committed == 0) return;
    leat_batch_init(&b, 0, 0);
    while (rc == LEAT_OK && (rc = leat_reader_next(r, &b, 0, &e)) == LEAT_OK) {
        for (uint32_t i = 0; i < b.n; i++) {
            consume(&b.ev[i], next);
            seq[(unsigned)number_of(b.ev[i].table->name)] = b.ev[i].tx_seq;
        }
        n += b.n;
    }
    if (rc != LEAT_AGAIN) complain("reading: %s: %s", e.code, e.msg);
    if (n < w->committed)
        complain("%llu events are visible, %llu were", n + 0ull, w->committed + 0ull);
    if (end && n != w->events)
        complain("%llu events are visible, there are %llu", n + 0ull, w->events + 0ull);
    for (unsigned t = 0; t < w->tables && !w->mixed && w->tasks > 1; t++)
        if (seq[t] != 0 && seq[t] != w->size && next_of(t, next[t]) < w->events)
            complain("table %u: half a transaction is visible, %u of %u", t + 1, seq[t], w->size);
    leat_batch_free(&b);
    leat_reader_close(r);
}

/* ---- lives ---- */

static void live(void)
{
    static const leat_stream_ops ops = {.name = "sim",
                                        .append = st_append,
                                        .commit = st_commit,
                                        .rollback = st_rollback,
                                        .pending = st_pending,
                                        .state = st_state};
    static leat_source source;
    source = *leat_source_find(LEAT_STR("datagen"));
    source.open = s_open;
    source.read = s_read;
    source.ack = s_ack;
    source.beat = s_beat;
    source.close = s_close;
    leat_dead_store letters = {no_letters};
    leat_embedded_conf stream = {.data = "/sim",
                                 .connector = "gen",
                                 .segment_bytes = 1 << 19,
                                 .frame_bytes = 4096u << dice_below(&w->dice, 5)};
    leat_err e = {0};
    if (leat_embedded_open(&stream, &w->real, &e) != LEAT_OK) {
        if (w->last) complain("open: %s: %s", e.code, e.msg);
        return;
    }
    w->base.ops = &ops;
    leat_engine_conf conf = {.source = &source,
                             .conf = w->conf,
                             .connector = "gen",
                             .run_id = "r",
                             .stream = &w->base,
                             .dead = &letters,
                             .tasks = w->tasks,
                             .pick = pick,
                             .once = true,
                             .batch_events = dice_steep(&w->dice, 10),
                             .memory = BUDGET,
                             .retry = {.max_us = 1000000, .limit = -1}};
    w->engine = leat_engine_new(&conf);
    leat_rc rc = leat_engine_run(w->engine, &e);
    leat_engine_status st;
    leat_engine_status_get(w->engine, &st);
    if (w->last && !w->dead && rc != LEAT_OK) complain("run: %s: %s", e.code, e.msg);
    if (!w->dead && rc == LEAT_OK && st.all.state != LEAT_RUN_STOPPED)
        complain("it ended as %s", leat_run_state_name(st.all.state));
    if (strcmp(e.code, "ledger.mismatch") == 0) complain("%s", e.msg);
    leat_engine_free(w->engine);
    w->engine = NULL;
    w->real->ops->close(w->real);
}

static void draw_life(bool last)
{
    dicebox *d = &w->dice;
    w->dead = false;
    w->last = last;
    w->crash_in = w->stop_in = w->pause_in = w->full_in = w->flaky = w->bad_sync = 0;
    w->failures = 40;
    w->full_left = w->paused_left = 0;
    disk_room(w->disk, -1);
    if (w->mixed) w->tasks = dice_range(d, 1, w->tables);
    if (dice_one_in(d, 3)) w->pause_in = dice_steep(d, 7);
    if (last) return;
    if (!dice_one_in(d, 4)) w->crash_in = dice_steep(d, 9);
    if (dice_one_in(d, 4)) w->stop_in = dice_steep(d, 8);
    if (dice_one_in(d, 3)) w->full_in = dice_steep(d, 7);
    if (dice_one_in(d, 2)) w->flaky = dice_range(d, 5, 40);
    if (dice_one_in(d, 6)) w->bad_sync = dice_range(d, 3, 20);
}

static void bury(void)
{
    leat_os_use(&disk_os);
    disk_room(w->disk, -1);
    if (w->dead && !*w->why && dice_one_in(&w->dice, 2))
        disk_power_cut(w->disk, &w->dice);
    else if (w->dead)
        disk_kill(w->disk, 0);
    if (!*w->why) read_all(w->last);
}

static void make_conf(void)
{
    const leat_source *source = leat_source_find(LEAT_STR("datagen"));
    leat_props props;
    leat_report r;
    leat_props_init(&props, NULL);
    leat_report_init(&r, &w->arena);
    char text[4][24];
    snprintf(text[0], sizeof text[0], "%u", w->tables);
    snprintf(text[1], sizeof text[1], "%u", w->size);
    snprintf(text[2], sizeof text[2], "%llu", w->events + 0ull);
    leat_props_set(&props, &w->arena, LEAT_STR("datagen.tables"), leat_str_of(text[0]), 0);
    leat_props_set(&props, &w->arena, LEAT_STR("datagen.transaction.size"), leat_str_of(text[1]),
                   0);
    leat_props_set(&props, &w->arena, LEAT_STR("datagen.events"), leat_str_of(text[2]), 0);
    leat_props_set(&props, &w->arena, LEAT_STR("datagen.rate"), LEAT_STR("0"), 0);
    leat_props_set(&props, &w->arena, LEAT_STR("datagen.columns"), LEAT_STR("bigint,text(8)"), 0);
    void *conf = leat_arena_zalloc(&w->arena, 1, source->conf_size, _Alignof(max_align_t));
    leat_opts_parse(source->options, &props, true, &w->arena, conf, &r);
    assert_int_equal(r.errors, 0);
    w->conf = conf;
}

static bool run_seed(uint64_t seed, plant p)
{
    static const leat_clock clock = {clock_now, clock_now, clock_sleep};
    leat_os os = disk_os;
    os.open = d_open;
    os.pwrite = d_pwrite;
    os.datasync = d_datasync;
    os.truncate = d_truncate;
    os.allocate = d_allocate;
    os.unlink = d_unlink;
    os.rename = d_rename;
    os.link = d_link;
    os.sync_dir = d_sync_dir;
    *w = (world){.dice = {seed * 0x2545f4914f6cdd1du}, .plant = p, .now = 1000000};
    dicebox *d = &w->dice;
    leat_arena_init(&w->arena, 0);
    w->disk = disk_new();
    disk_mount(w->disk);
    leat_clock_use(&clock);
    w->tables = dice_range(d, 2, TABLES_MOST);
    w->tasks = dice_range(d, 2, w->tables);
    w->mixed = dice_one_in(d, 3);
    w->size = dice_one_in(d, 2) ? dice_range(d, 1025, 1500) : dice_steep(d, 6);
    w->events = w->size * dice_range(d, 1, 3) * w->tables + dice_below(d, w->size);
    make_conf();
    unsigned lives = dice_below(d, LIVES);
    for (unsigned i = 0; i <= lives && !*w->why; i++) {
        draw_life(i == lives);
        leat_os_use(&os);
        live();
        bury();
    }
    leat_os_use(NULL);
    leat_clock_use(NULL);
    disk_free(w->disk);
    leat_arena_free(&w->arena);
    return !*w->why;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_seeds(void **state)
{
    (void)state;
    uint64_t one = number("SEED", 0), most = number("SEEDS", 500);
    for (uint64_t seed = one ? one : 1; seed <= (one ? one : most); seed++)
        if (!run_seed(seed, NONE)) fail_msg("SEED=%llu: %s", seed + 0ull, w->why);
}

static void test_plants(void **state)
{
    (void)state;
    for (plant p = NONE + 1; p < PLANTS; p++) {
        uint64_t seed = 1;
        while (seed <= PLANT_SEEDS && run_seed(seed, p)) seed++;
        if (seed > PLANT_SEEDS) fail_msg("%s is not found in %d seeds", plants[p], PLANT_SEEDS);
        print_message("%s is found: seed %llu, %s\n", plants[p], seed + 0ull, w->why);
    }
}

static void test_replay(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run_seed(seed, NONE);
        uint64_t steps = w->steps;
        int64_t now = w->now;
        run_seed(seed, NONE);
        assert_int_equal(steps, w->steps);
        assert_int_equal(now, w->now);
    }
}

int main(void)
{
    static world the_world;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_plants),
        cmocka_unit_test(test_replay),
    };
    w = &the_world;
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
