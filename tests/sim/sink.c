/* The model target and the sink's process; see sink.h. */
#include "sink.h"

#include <errno.h>
#include <stdio.h>

#include "engine/sinkrun.h"
#include "event.h"
#include "sim.h"

enum { PROCESS = 2 };

static void die(sink *k)
{
    if (k->dead) return;
    k->dead = true;
    sim_trace(ACT_SINK_DEATH, 0, 0);
    leat_sinkrun_stop(k->run);
}

/* True: it is dead, and what was to be done must not be. */
static bool sink_step(sim_act act, int64_t a)
{
    sink *k = &the_sim->sink;
    sim_trace(act, a, PROCESS);
    the_sim->mono_us += 1 + dice_below(&the_sim->dice, 40);
    if (!k->dead && k->crash_in > 0 && --k->crash_in == 0) die(k);
    if (the_sim->failed) die(k);
    return k->dead;
}

static bool fails(void)
{
    sink *k = &the_sim->sink;
    if (k->fails_in == 0 || --k->fails_in > 0) return false;
    return k->hurt = true;
}

/* ---- its disk ---- */

static int sink_open(const char *path, int flags, unsigned mode)
{
    return sink_step(ACT_OPEN, flags) || fails() ? -EIO : disk_os.open(path, flags, mode);
}

static int sink_close(int fd)
{
    if (fd >= 0) sink_step(ACT_CLOSE, fd);
    return disk_os.close(fd);
}

static int64_t sink_pread(int fd, void *p, size_t n, int64_t at)
{
    return sink_step(ACT_PREAD, at) || fails() ? -EIO : disk_os.pread(fd, p, n, at);
}

static int64_t sink_pwrite(int fd, const void *p, size_t n, int64_t at)
{
    bool was_dead = the_sim->sink.dead;
    if (!sink_step(ACT_PWRITE, at) && !fails()) return disk_os.pwrite(fd, p, n, at);
    size_t some = dice_below(&the_sim->dice, (uint32_t)n + 1);
    if (!was_dead && some > 0) disk_os.pwrite(fd, p, some, at);
    return -EIO;
}

static int sink_datasync(int fd)
{
    if (sink_step(ACT_DATASYNC, fd)) return -EIO;
    if (fails()) disk_fail_sync(the_sim->disk);
    return disk_os.datasync(fd);
}

static int sink_truncate(int fd, int64_t size)
{
    return sink_step(ACT_TRUNCATE, size) || fails() ? -EIO : disk_os.truncate(fd, size);
}

static int64_t sink_size(int fd)
{
    return sink_step(ACT_SIZE, fd) || fails() ? -EIO : disk_os.size(fd);
}

static int sink_same(int fd, const char *path)
{
    return disk_os.same(fd, path);
}

static int sink_allocate(int fd, int64_t size)
{
    return sink_step(ACT_ALLOCATE, size) || fails() ? -EIO : disk_os.allocate(fd, size);
}

static int sink_unlink(const char *path)
{
    return sink_step(ACT_UNLINK, 0) || fails() ? -EIO : disk_os.unlink(path);
}

static int sink_rmdir(const char *path)
{
    return sink_step(ACT_UNLINK, 1) || fails() ? -EIO : disk_os.rmdir(path);
}

static int sink_rename(const char *from, const char *to)
{
    return sink_step(ACT_RENAME, 0) || fails() ? -EIO : disk_os.rename(from, to);
}

static int sink_link(const char *from, const char *to)
{
    return sink_step(ACT_LINK, 0) || fails() ? -EIO : disk_os.link(from, to);
}

static int sink_mkdir(const char *path, unsigned mode)
{
    return sink_step(ACT_MKDIR, 0) || fails() ? -EIO : disk_os.mkdir(path, mode);
}

static int sink_sync_dir(const char *path)
{
    return sink_step(ACT_SYNC_DIR, 0) || fails() ? -EIO : disk_os.sync_dir(path);
}

static int sink_list(const char *path, bool (*fn)(void *arg, const char *name), void *arg)
{
    return sink_step(ACT_LIST, 0) || fails() ? -EIO : disk_os.list(path, fn, arg);
}

static int64_t sink_room(const char *path, int64_t *total)
{
    return sink_step(ACT_ROOM, 0) || fails() ? -EIO : disk_os.room(path, total);
}

static const leat_os sink_os = {
    .open = sink_open,
    .close = sink_close,
    .pread = sink_pread,
    .pwrite = sink_pwrite,
    .datasync = sink_datasync,
    .truncate = sink_truncate,
    .size = sink_size,
    .same = sink_same,
    .allocate = sink_allocate,
    .unlink = sink_unlink,
    .rmdir = sink_rmdir,
    .rename = sink_rename,
    .link = sink_link,
    .mkdir = sink_mkdir,
    .sync_dir = sink_sync_dir,
    .list = sink_list,
    .room = sink_room,
};

/* ---- the target ---- */

static bool takes(uint64_t hash)
{
    return hash % 23 != 0;
}

static int64_t next_offset(const target_topic *t)
{
    if (t->n == 0) return t->from < 0 ? 0 : t->from;
    return t->at[t->n - 1].offset + t->at[t->n - 1].records;
}

static void add(target_topic *t, const leat_event *ev, uint64_t hash)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->at = leat_realloc(t->at, t->cap * sizeof(target_event));
    }
    t->at[t->n++] = (target_event){hash, ev->offset, leat_event_records(ev), !takes(hash)};
}

static bool has(const target_topic *t, int64_t offset, uint64_t hash)
{
    uint32_t from = 0, to = t->n;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (t->at[middle].offset < offset)
            from = middle + 1;
        else
            to = middle;
    }
    return from < t->n && t->at[from].offset == offset && t->at[from].hash == hash;
}

static void receive(sink *k, const leat_event *ev, uint64_t hash)
{
    unsigned topic = event_topic(ev);
    if (topic >= k->ntopics) {
        sim_fail("sink", "an event of %s, which it did not ask for", leat_event_topic(ev));
        return;
    }
    target_topic *t = &k->topics[topic];
    bool begins = t->n == 0 && t->from < 0 && keep_on();
    if (begins || ev->offset == next_offset(t))
        add(t, ev, hash);
    else if (ev->offset > next_offset(t))
        sim_fail("sink", "%s goes on at %lld after %lld", db_topic_names[topic],
                 (long long)ev->offset, (long long)next_offset(t));
    else if (!has(t, ev->offset, hash))
        sim_fail("sink", "offset %lld of %s came again as another event", (long long)ev->offset,
                 db_topic_names[topic]);
}

static leat_rc dead(leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "sim.dead", NULL, "the process is dead");
}

static leat_rc broken(leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "sim.target", NULL, "the target is away");
}

static leat_rc target_open(leat_sink_task *t, leat_err *e)
{
    (void)t;
    sink *k = &the_sim->sink;
    if (sink_step(ACT_SINK_OPEN, k->ntopics)) return dead(e);
    return dice_one_in(&the_sim->dice, k->flaky) ? broken(e) : LEAT_OK;
}

static leat_rc target_write(leat_sink_task *t, const leat_batch *b, leat_err *e)
{
    static const leat_err why = {.rc = LEAT_DATA, .code = "sim.rejected"};
    sink *k = &the_sim->sink;
    if (sink_step(ACT_SINK_WRITE, b->n)) return dead(e);
    for (uint32_t i = 0; i < b->n && !the_sim->failed; i++) {
        if (k->flaky && dice_one_in(&the_sim->dice, k->flaky * 40)) return broken(e);
        uint64_t hash = event_hash(&b->ev[i]);
        receive(k, &b->ev[i], hash);
        if (!takes(hash)) t->reject(t, b, i, &why);
    }
    return LEAT_PENDING;
}

static leat_rc target_flush(leat_sink_task *t, int64_t deadline_us, leat_err *e)
{
    (void)t;
    (void)deadline_us;
    sink *k = &the_sim->sink;
    if (sink_step(ACT_SINK_FLUSH, 0)) return dead(e);
    if (dice_one_in(&the_sim->dice, k->flaky)) return broken(e);
    if (dice_one_in(&the_sim->dice, k->flaky)) return LEAT_PENDING;
    if (the_sim->plant == PLANT_LYING_FLUSH) return LEAT_OK;
    for (unsigned i = 0; i < DB_TOPICS; i++) k->topics[i].durable = k->topics[i].n;
    return LEAT_OK;
}

static void target_close(leat_sink_task *t)
{
    (void)t;
}

static const leat_sink target = {
    .abi = LEAT_SINK_ABI,
    .size = sizeof(leat_sink),
    .name = "sim",
    .title = "Model target",
    .help = "Of the simulator.",
    .open = target_open,
    .write = target_write,
    .flush = target_flush,
    .close = target_close,
};

/* ---- its dead letters ---- */

static bool has_letter(const sink *k, const char *position)
{
    for (uint32_t i = 0; i < k->nletters; i++)
        if (strcmp(k->letters[i].position, position) == 0) return true;
    return false;
}

static leat_rc put(leat_dead_store *d, const leat_dead *chain, leat_err *e)
{
    (void)d;
    sink *k = &the_sim->sink;
    if (sink_step(ACT_LETTERS, k->nletters)) return dead(e);
    if (dice_one_in(&the_sim->dice, k->flaky)) return broken(e);
    for (; chain; chain = chain->next) {
        char position[80];
        snprintf(position, sizeof position, LEAT_STR_FMT, LEAT_STR_ARG(chain->position));
        if (has_letter(k, position)) continue;
        if (k->nletters == k->letters_cap) {
            k->letters_cap = k->letters_cap ? k->letters_cap * 2 : 16;
            k->letters = leat_realloc(k->letters, k->letters_cap * sizeof *k->letters);
        }
        memcpy(k->letters[k->nletters++].position, position, sizeof position);
    }
    return LEAT_OK;
}

/* ---- the process ---- */

void sink_init(sink *k)
{
    k->store.put = put;
    for (unsigned i = 0; i < DB_TOPICS; i++) k->topics[i].from = -1;
    if (dice_one_in(&the_sim->dice, 3)) k->ntopics = dice_range(&the_sim->dice, 1, DB_TOPICS);
}

void sink_free(sink *k)
{
    for (unsigned i = 0; i < DB_TOPICS; i++) leat_free(k->topics[i].at);
    leat_free(k->letters);
    *k = (sink){0};
}

/* What the target had not called durable yet is there in part, or not. */
static void forget(sink *k)
{
    for (unsigned i = 0; i < DB_TOPICS; i++) {
        target_topic *t = &k->topics[i];
        t->n = t->durable + dice_below(&the_sim->dice, t->n - t->durable + 1);
        t->durable = t->n;
    }
}

static void check_topic(const sink *k, unsigned topic, uint64_t *events, uint64_t *rejected)
{
    const watch *w = &the_sim->watch;
    const target_topic *t = &k->topics[topic];
    uint32_t at = 0;
    int64_t firsts[DB_TOPICS];
    keep_firsts(firsts);
    /* what retention removed before it registered may be there again after a power cut */
    int64_t from = t->n > 0 ? t->at[0].offset : t->from >= 0 ? t->from : firsts[topic];
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->seen[i].topic != topic || w->seen[i].offset < from) continue;
        if (at == t->n || t->at[at].hash != w->seen[i].hash ||
            t->at[at].offset != w->seen[i].offset) {
            sim_fail("sink", "offset %lld of %s is not in the target", (long long)w->seen[i].offset,
                     db_topic_names[topic]);
            return;
        }
        char position[80];
        snprintf(position, sizeof position, "{\"topic\":\"%s\",\"offset\":%lld}",
                 db_topic_names[topic], (long long)t->at[at].offset);
        if (t->at[at].rejected && !has_letter(k, position))
            sim_fail("sink", "%s was rejected and is not stored", position);
        *rejected += t->at[at].rejected;
        ++*events;
        at++;
    }
    if (at < t->n) sim_fail("sink", "%u events more than %s has", t->n - at, db_topic_names[topic]);
}

static void check_end(const sink *k, const leat_sink_counts *c)
{
    uint64_t events = 0, rejected = 0;
    for (unsigned i = 0; i < k->ntopics && !the_sim->failed; i++)
        check_topic(k, i, &events, &rejected);
    if (c->read != events || c->dead != rejected || c->delivered != events - rejected)
        sim_fail("sink", "its ledger says read %llu, delivered %llu, dead %llu; it was %llu, %llu",
                 (unsigned long long)c->read, (unsigned long long)c->delivered,
                 (unsigned long long)c->dead, (unsigned long long)events,
                 (unsigned long long)rejected);
}

static void draw(sink *k, bool last)
{
    dicebox *d = &the_sim->dice;
    k->dead = k->hurt = false;
    k->naps = 0;
    k->crash_in = k->fails_in = k->flaky = 0;
    if (k->ntopics < DB_TOPICS && dice_one_in(d, 6)) k->ntopics++;
    if (last) return;
    if (dice_one_in(d, 2)) k->crash_in = dice_range(d, 1, 150);
    if (dice_one_in(d, 5)) k->fails_in = dice_range(d, 1, 100);
    if (dice_one_in(d, 3)) k->flaky = dice_range(d, 3, 12);
}

/* Since when the target is owed everything. */
static void note_registered(sink *k)
{
    int64_t firsts[DB_TOPICS];
    if (!keep_on()) return;
    keep_firsts(firsts);
    for (unsigned i = 0; i < k->ntopics; i++)
        if (k->topics[i].from < 0) k->topics[i].from = firsts[i];
}

/* Forced retention took what it had not read: it must be so. Then it begins anew. */
static void begin_anew(sink *k, const leat_err *e)
{
    if (!keep_gap("pump")) sim_fail("retention", "a gap that is none: %s", e->msg);
    for (unsigned i = 0; i < k->ntopics; i++) {
        k->topics[i].n = k->topics[i].durable = 0;
        k->topics[i].from = -1;
    }
    disk_os.unlink("/sim/connectors/shop/stream/readers/pump");
    k->anew = true;
}

static void run(sink *k, bool last)
{
    const char *topics[DB_TOPICS + 1] = {0};
    for (unsigned i = 0; i < k->ntopics; i++) topics[i] = db_topic_names[i];
    leat_sinkrun_conf conf = {.sink = &target,
                              .connector = "pump",
                              .data = "/sim",
                              .topics = topics,
                              .dead = &k->store,
                              .retry = {.max_us = 1000000, .limit = last ? 0 : 20}};
    leat_err e = {0};
    leat_run_state state;
    leat_sink_counts counts;
    k->run = leat_sinkrun_new(&conf);
    leat_sinkrun_finish(k->run);
    leat_rc rc = leat_sinkrun_run(k->run, &e);
    leat_sinkrun_status(k->run, &state, &(leat_err){0}, &counts);
    leat_sinkrun_free(k->run);
    k->run = NULL;
    bool gap = rc == LEAT_CONF && strcmp(e.code, "stream.gap") == 0 && the_sim->keep.conf.force;
    k->anew = false;
    if (gap && !k->dead) {
        begin_anew(k, &e);
        return;
    }
    if (rc == LEAT_OK && !k->dead) note_registered(k);
    bool excused = k->dead || k->hurt || (rc == LEAT_RETRY && !last);
    if (rc != LEAT_OK && !gap && (rc == LEAT_CONF || !excused))
        sim_fail("sink", "%s: %s: %s", leat_rc_name(rc), e.code, e.msg);
    if (k->dead) forget(k);
    if (last && !the_sim->failed) check_end(k, &counts);
}

void sink_live(sink *k, bool last)
{
    sim *s = the_sim;
    if (k->ntopics == 0 || s->in_watch || s->failed) return;
    const leat_os *os = leat_os_now();
    draw(k, last);
    sim_trace(ACT_SINK_LIFE, k->ntopics, last);
    s->in_watch++;
    leat_os_use(&sink_os);
    disk_process(s->disk, PROCESS);
    do run(k, last);
    while (last && k->anew && !the_sim->failed);
    const char *path = "";
    unsigned n = disk_handles(s->disk, PROCESS, &path);
    if (n > 0) sim_fail("handles", "the sink left %u files open, one is %s", n, path);
    disk_process(s->disk, 0);
    leat_os_use(os);
    s->in_watch--;
}
