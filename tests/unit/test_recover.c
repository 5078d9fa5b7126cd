/* stream/recover: whatever a crash leaves, what is visible then is a whole number of transactions
 * from the first on, all that was committed or seen among them, with the state that belongs to it.
 *
 * Each seed makes a history (stream_model.h), a disk that forgets (sim/disk.h), and several lives
 * of a writer on it that end by a kill, a power cut, a failed sync or in order, wherever the dice
 * say; writes are short, the disk is full, the kernel writes back early. A reader goes along and
 * outlives the writers. SEED=n runs one seed, SEEDS=n as many. */
#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sim/disk.h"
#include "base/clock.h"
#include "base/log.h"
#include "stream/page.h"
#include "stream_model.h"

enum { WRITER = 1, READER = 2, LIVES = 6, TX_MOST = 4096 };

/* ---- a world ---- */

typedef struct trial {
    dicebox dice;
    disk *disk;
    model m;
    leat_page page, older; /* older: what a power cut may bring back */
    bool with_page;
    leat_embedded_conf conf;
    leat_stream *s;
    leat_batch b;
    model_place at;     /* of the source */
    uint64_t safe;      /* last transaction appended whole */
    uint64_t committed; /* must be there after any crash */
    bool progress[TX_MOST];
    leat_reader *reader; /* NULL: closed */
    model_consumer consumer;
    uint32_t crash_in; /* steps until the process dies; 0: it does not */
    bool dead;
    uint32_t bad_sync, short_write, write_back; /* one in so many */
    uint32_t full_for;                          /* steps until there is room again */
} trial;

static trial *now;

/* ---- the disk as the writer sees it ---- */

static bool step(void)
{
    if (now->dead) return true;
    if (now->crash_in > 0 && --now->crash_in == 0) now->dead = true;
    if (now->full_for > 0 && --now->full_for == 0) disk_room(now->disk, -1);
    return now->dead;
}

static int t_open(const char *path, int flags, unsigned mode)
{
    if (now->dead || ((flags & LEAT_O_CREATE) && step())) return -EIO;
    return disk_os.open(path, flags, mode);
}

static int64_t t_pread(int fd, void *p, size_t n, int64_t at)
{
    return now->dead ? -EIO : disk_os.pread(fd, p, n, at);
}

static int64_t t_pwrite(int fd, const void *p, size_t n, int64_t at)
{
    dicebox *d = &now->dice;
    if (now->dead) return -EIO;
    if (step() || dice_one_in(d, now->short_write)) n = dice_below(d, (uint32_t)n + 1);
    if (n == 0) return now->dead ? -EIO : -ENOSPC;
    int64_t done = disk_os.pwrite(fd, p, n, at);
    if (dice_one_in(d, now->write_back)) disk_os.datasync(fd);
    return now->dead ? -EIO : done;
}

static int t_datasync(int fd)
{
    if (step()) return -EIO;
    if (dice_one_in(&now->dice, now->bad_sync)) disk_fail_sync(now->disk);
    return disk_os.datasync(fd);
}

static int t_truncate(int fd, int64_t size)
{
    return step() ? -EIO : disk_os.truncate(fd, size);
}

static int64_t t_size(int fd)
{
    return now->dead ? -EIO : disk_os.size(fd);
}

static int t_same(int fd, const char *path)
{
    return now->dead ? -EIO : disk_os.same(fd, path);
}

static int t_allocate(int fd, int64_t size)
{
    return step() ? -EIO : disk_os.allocate(fd, size);
}

static int t_unlink(const char *path)
{
    return step() ? -EIO : disk_os.unlink(path);
}

static int t_link(const char *from, const char *to)
{
    return step() ? -EIO : disk_os.link(from, to);
}

static int t_rename(const char *from, const char *to)
{
    return step() ? -EIO : disk_os.rename(from, to);
}

static int t_mkdir(const char *path, unsigned mode)
{
    return step() ? -EIO : disk_os.mkdir(path, mode);
}

static int t_sync_dir(const char *path)
{
    return step() ? -EIO : disk_os.sync_dir(path);
}

static int t_list(const char *path, bool (*fn)(void *arg, const char *name), void *arg)
{
    return now->dead ? -EIO : disk_os.list(path, fn, arg);
}

static int t_close(int fd)
{
    return disk_os.close(fd);
}

static int t_rmdir(const char *path)
{
    return step() ? -EIO : disk_os.rmdir(path);
}

static int64_t t_room(const char *path, int64_t *total)
{
    return step() ? -EIO : disk_os.room(path, total);
}

static const leat_os trial_os = {
    .open = t_open,
    .close = t_close,
    .pread = t_pread,
    .pwrite = t_pwrite,
    .datasync = t_datasync,
    .truncate = t_truncate,
    .size = t_size,
    .same = t_same,
    .allocate = t_allocate,
    .unlink = t_unlink,
    .rename = t_rename,
    .link = t_link,
    .mkdir = t_mkdir,
    .sync_dir = t_sync_dir,
    .list = t_list,
    .rmdir = t_rmdir,
    .room = t_room,
};

static int64_t t_now(void)
{
    return 1763700000000000;
}

static int64_t t_mono(void)
{
    static int64_t us;
    return us += 1000;
}

static void t_sleep(int64_t us)
{
    (void)us;
}

static const leat_clock trial_clock = {t_now, t_mono, t_sleep};

/* ---- the reader ---- */

/* It lives in a process of its own, which only a power cut ends, and no fault strikes it. */
static void look(trial *t)
{
    leat_err e;
    leat_reader_conf conf = {.data = "", .connector = "shop"};
    if (t->with_page) conf.page = &t->page;
    leat_os_use(&disk_os);
    disk_process(t->disk, READER);
    if (t->reader == NULL) {
        leat_rc rc = leat_reader_open(&conf, &t->reader, &e);
        if (rc == LEAT_OK) model_consumer_init(&t->consumer, &t->m, -1);
        if (rc != LEAT_OK && strcmp(e.code, "stream.missing") != 0)
            fail_msg("reader: %s: %s", e.code, e.msg);
    }
    if (t->reader != NULL) {
        uint64_t before = t->consumer.events, tx;
        leat_rc rc = model_drain(&t->consumer, t->reader, &e);
        if (rc != LEAT_AGAIN) fail_msg("reader: %s: %s", e.code, e.msg);
        if (!model_whole(&t->m, t->consumer.events, &tx)) fail_msg("half a transaction was seen");
        assert_true(t->consumer.events >= before);
        uint64_t least;
        for (least = tx; least > 0 && model_size(&t->m, least) == 0;) least--;
        if (t->committed < least) t->committed = least; /* seen: must stay */
    }
    disk_process(t->disk, WRITER);
    leat_os_use(&trial_os);
}

static void close_reader(trial *t)
{
    leat_os_use(&disk_os);
    leat_reader_close(t->reader);
    t->reader = NULL;
    leat_os_use(&trial_os);
}

/* ---- a life ---- */

static void check_progress(const trial *t, const leat_stream_state *st, uint64_t tx)
{
    char want[32];
    uint64_t p = tx;
    while (p > 0 && !t->progress[p]) p--;
    snprintf(want, sizeof(want), "{\"p\":%llu}", (unsigned long long)p);
    if (p == 0)
        assert_null(st->progress.s);
    else
        assert_true(leat_str_is(st->progress, want));
}

static void check_open(trial *t)
{
    const leat_stream_state *st = t->s->ops->state(t->s);
    uint64_t tx = model_reached(st);
    if (tx < t->committed)
        fail_msg("transaction %llu is visible, but %llu had been promised", (unsigned long long)tx,
                 (unsigned long long)t->committed);
    model_check_state(&t->m, st, tx);
    check_progress(t, st, tx);
    t->committed = t->safe = tx;
    t->at = (model_place){tx + 1, 0};
    memset(t->progress + tx + 1, 0, sizeof(t->progress) - tx - 1);
    look(t);
    if (t->with_page) assert_int_equal(t->consumer.events, model_events(&t->m, tx));
}

static bool died(trial *t, leat_rc rc, const leat_err *e)
{
    if (t->dead) return true;
    if (rc == LEAT_OK || rc == LEAT_RETRY) return false;
    if (rc == LEAT_FATAL && strcmp(e->code, "stream.sync_failed") == 0) return true;
    fail_msg("%s: %s", e->code, e->msg);
    return true;
}

static void append(trial *t, leat_rc *rc, leat_err *e)
{
    char text[32];
    leat_str progress = {0};
    model_place at = t->at;
    leat_batch_reset(&t->b);
    model_read(&t->m, &at, dice_steep(&t->dice, 6), &t->b);
    if (at.k == 0 && dice_one_in(&t->dice, 4)) {
        snprintf(text, sizeof(text), "{\"p\":%llu}", (unsigned long long)(at.tx - 1));
        progress = leat_str_of(text);
    }
    *rc = t->s->ops->append(t->s, &t->b, progress, e);
    if (*rc != LEAT_OK) return;
    t->at = at;
    t->safe = at.tx - 1;
    if (progress.s != NULL) t->progress[at.tx - 1] = true;
}

/* True: the process is gone. */
static bool act(trial *t)
{
    leat_err e;
    leat_rc rc = LEAT_OK;
    dicebox *d = &t->dice;
    switch (dice_below(d, 12)) {
    case 0:
    case 1:
        rc = t->s->ops->commit(t->s, &e);
        if (rc == LEAT_OK && !t->dead) {
            t->committed = t->safe;
            model_check_state(&t->m, t->s->ops->state(t->s), t->safe);
        }
        break;
    case 2:
        rc = t->s->ops->rollback(t->s, &e);
        if (rc == LEAT_OK) t->at = (model_place){t->safe + 1, 0};
        break;
    case 3: look(t); break;
    case 4:
        if (dice_one_in(d, 8)) close_reader(t);
        break;
    case 5:
        if (!dice_one_in(d, 6)) break;
        disk_room(t->disk, dice_below(d, 3000));
        t->full_for = dice_steep(d, 5);
        break;
    default: append(t, &rc, &e);
    }
    return died(t, rc, &e);
}

static void draw_life(trial *t)
{
    dicebox *d = &t->dice;
    t->dead = false;
    t->crash_in = dice_one_in(d, 4) ? 0 : dice_steep(d, 8);
    t->bad_sync = dice_one_in(d, 3) ? dice_range(d, 2, 20) : 0;
    t->short_write = dice_one_in(d, 3) ? dice_range(d, 2, 20) : 0;
    t->write_back = dice_one_in(d, 2) ? dice_range(d, 2, 10) : 0;
    t->full_for = 0;
    disk_room(t->disk, -1);
}

static void end_life(trial *t)
{
    dicebox *d = &t->dice;
    if (!t->dead && dice_one_in(d, 3)) {
        if (t->s != NULL) t->s->ops->close(t->s); /* in order */
    } else {
        t->dead = true;
        if (t->s != NULL) t->s->ops->close(t->s);
    }
    t->s = NULL;
    t->dead = false;
    t->bad_sync = t->short_write = t->crash_in = 0;
    disk_room(t->disk, -1);
    atomic_store(&t->page.pid, 0);
    disk_kill(t->disk, WRITER);
    if (dice_one_in(d, 3)) look(t);
    if (!dice_one_in(d, 2)) return;
    close_reader(t);
    disk_power_cut(t->disk, d);
    if (dice_one_in(d, 2)) t->page = t->older;
    if (dice_one_in(d, 4)) memset(&t->page, 0, sizeof(t->page));
}

static void live(trial *t, unsigned actions)
{
    leat_err e;
    if (dice_one_in(&t->dice, 2)) t->older = t->page;
    atomic_store(&t->page.pid, (int32_t)getpid());
    leat_rc rc = leat_embedded_open(&t->conf, &t->s, &e);
    if (rc != LEAT_OK) {
        t->s = NULL;
        if (!t->dead && !died(t, rc, &e) && strncmp(e.code, "os.", 3) != 0)
            fail_msg("open: %s: %s", e.code, e.msg);
    } else if (!t->dead) {
        check_open(t);
        for (unsigned i = 0; i < actions && !act(t); i++) continue;
    }
    end_life(t);
}

static void begin(trial *t, uint64_t seed)
{
    *t = (trial){.dice = {seed * 0x9e3779b97f4a7c15u}, .at = {1, 0}};
    dicebox *d = &t->dice;
    t->disk = disk_new();
    disk_mount(t->disk);
    disk_process(t->disk, WRITER);
    t->with_page = !dice_one_in(d, 4);
    t->conf = (leat_embedded_conf){
        .data = "",
        .connector = "shop",
        .page = t->with_page ? &t->page : NULL,
        .segment_bytes = 1024 << dice_below(d, 8),
        .frame_bytes = 100 << dice_below(d, 8),
        .reserve_bytes = dice_one_in(d, 2) ? 4096 : 0,
        .compression = dice_one_in(d, 6) ? LEAT_COMPRESSION_ZSTD : LEAT_COMPRESSION_LZ4,
    };
    model_init(&t->m, seed, dice_range(d, 1, 30), dice_one_in(d, 4) ? 700 : 40);
    leat_batch_init(&t->b, 1000, 1 << 20);
    now = t;
    leat_os_use(&trial_os);
    leat_clock_use(&trial_clock);
}

static void end(trial *t)
{
    close_reader(t);
    leat_os_use(NULL);
    leat_clock_use(NULL);
    leat_batch_free(&t->b);
    model_free(&t->m);
    disk_free(t->disk);
}

/* ---- tests ---- */

static uint64_t from_environment(const char *name, uint64_t def)
{
    uint64_t n = def;
    const char *text = getenv(name);
    if (text != NULL) assert_true(leat_str_u64(leat_str_of(text), &n));
    return n;
}

static uint64_t seed_now; /* for who reads that a test failed */

static int setup(void **state)
{
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    *state = calloc(1, sizeof(trial));
    return 0;
}

static int teardown(void **state)
{
    leat_os_use(NULL);
    leat_clock_use(NULL);
    if (seed_now != 0) print_message("# SEED=%llu\n", (unsigned long long)seed_now);
    seed_now = 0;
    free(*state);
    return 0;
}

/* Runs the seeds; after the last life of each, more is done with what is there. */
static void run(trial *t, uint64_t seeds, void (*more)(trial *))
{
    uint64_t first = from_environment("SEED", 1);
    uint64_t n = getenv("SEED") ? 1 : from_environment("SEEDS", seeds);
    for (uint64_t seed = first; seed < first + n; seed++) {
        seed_now = seed;
        begin(t, seed);
        for (unsigned i = 0; i < LIVES; i++) {
            draw_life(t);
            live(t, dice_steep(&t->dice, 7));
        }
        draw_life(t);
        t->crash_in = t->bad_sync = t->short_write = 0;
        more(t);
        end(t);
    }
    seed_now = 0;
}

static void open_for_good(trial *t)
{
    leat_err e;
    atomic_store(&t->page.pid, (int32_t)getpid());
    leat_rc rc = leat_embedded_open(&t->conf, &t->s, &e);
    if (rc != LEAT_OK) fail_msg("open: %s: %s", e.code, e.msg);
    check_open(t);
}

static void write_to_the_end(trial *t)
{
    leat_err e;
    leat_rc rc;
    open_for_good(t);
    for (int i = 0; i < 20; i++) {
        append(t, &rc, &e);
        assert_int_equal(rc, LEAT_OK);
    }
    assert_int_equal(t->s->ops->commit(t->s, &e), LEAT_OK);
    t->committed = t->safe;
    model_check_state(&t->m, t->s->ops->state(t->s), t->safe);
    t->s->ops->close(t->s);
    atomic_store(&t->page.pid, 0);
    look(t);
    assert_int_equal(t->consumer.events, model_events(&t->m, t->safe));
}

static void test_crashes(void **state)
{
    run(*state, 600, write_to_the_end);
}

/* Segments there are. */
static uint64_t newest_segment(uint64_t *oldest)
{
    char path[128];
    uint64_t n = 0;
    *oldest = 0;
    for (uint64_t i = 1; i < 4000; i++) {
        snprintf(path, sizeof(path), "/connectors/shop/stream/%020llu.seg", (unsigned long long)i);
        int fd = disk_os.open(path, LEAT_O_READ, 0);
        disk_os.close(fd);
        if (fd < 0) continue;
        n = i;
        if (*oldest == 0) *oldest = i;
    }
    return n;
}

/* Damages the bytes of a segment, or its length. */
static void damage(trial *t, uint64_t segment)
{
    char path[128], c;
    snprintf(path, sizeof(path), "/connectors/shop/stream/%020llu.seg",
             (unsigned long long)segment);
    int fd = disk_os.open(path, LEAT_O_READ | LEAT_O_WRITE, 0);
    int64_t size = disk_os.size(fd), at = dice_below(&t->dice, (uint32_t)size);
    uint32_t n = dice_one_in(&t->dice, 2) ? 1 : dice_range(&t->dice, 1, 700);
    bool zeros = dice_one_in(&t->dice, 3);
    if (dice_one_in(&t->dice, 6)) {
        disk_os.truncate(fd, at);
    } else {
        for (; n > 0 && at < size; n--, at++) {
            disk_os.pread(fd, &c, 1, at);
            c = zeros ? 0 : (char)(c ^ (char)(1 + dice_below(&t->dice, 255)));
            disk_os.pwrite(fd, &c, 1, at);
        }
    }
    disk_os.close(fd);
}

/* All that is told is true, up to where damage is met; and it is met, if a counters page tells how
 * far the stream went. (Without one nobody can tell an end that was taken away.) */
static void read_damaged(trial *t)
{
    leat_err e;
    leat_reader *r = NULL;
    model_consumer c;
    leat_reader_conf conf = {.data = "", .connector = "shop", .verify = true};
    if (t->with_page) conf.page = &t->page;
    leat_os_use(&disk_os);
    leat_rc rc = leat_reader_open(&conf, &r, &e);
    model_consumer_init(&c, &t->m, -1);
    if (rc == LEAT_OK) rc = model_drain(&c, r, &e);
    uint64_t tx;
    if (rc == LEAT_AGAIN) {
        assert_true(model_whole(&t->m, c.events, &tx));
        if (t->with_page) assert_int_equal(c.events, model_events(&t->m, t->committed));
    } else if (strcmp(e.code, "stream.damaged") != 0 && strcmp(e.code, "stream.version") != 0) {
        fail_msg("%s: %s", e.code, e.msg);
    }
    leat_reader_close(r);
    leat_os_use(&trial_os);
}

static void damage_and_open(trial *t)
{
    leat_err e;
    uint64_t oldest;
    write_to_the_end(t);
    close_reader(t);
    uint64_t newest = newest_segment(&oldest);
    damage(t, oldest + dice_below(&t->dice, (uint32_t)(newest - oldest + 1)));
    read_damaged(t);
    leat_rc rc = leat_embedded_open(&t->conf, &t->s, &e);
    if (rc == LEAT_OK) {
        uint64_t tx = model_reached(t->s->ops->state(t->s));
        model_check_state(&t->m, t->s->ops->state(t->s), tx);
        if (t->with_page) assert_int_equal(tx, t->committed);
        t->s->ops->close(t->s);
    } else if (strcmp(e.code, "stream.damaged") != 0 && strcmp(e.code, "stream.version") != 0) {
        fail_msg("%s: %s", e.code, e.msg);
    }
}

static void test_damage_is_never_cut(void **state)
{
    run(*state, 200, damage_and_open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_crashes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_never_cut, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
