/* A run: a world is made, the process lives in it several times, and the end is compared. */
#include "sim.h"

#include "base/clock.h"

enum { LIVES_MOST = 8 };

/* ---- what is drawn from the seed ---- */

static void draw_kafka(sim *s)
{
    dicebox *d = &s->dice;
    s->keep = (keep){0};
    s->merges = false;
    s->window_bytes = 512u << dice_below(d, 9);
    s->away_us = 20000 << dice_below(d, 8);
    s->spool_bytes = dice_one_in(d, 5) ? 0 : dice_one_in(d, 3) ? 5000 << dice_below(d, 6) : 1 << 28;
    if (s->once) {
        s->timeout_us = INT64_C(4000000) << dice_below(d, 5);
        s->interval_us = 1000 << dice_below(d, 11);
        s->boundary = (leat_boundary)dice_below(d, 3);
    }
    cluster_init(&s->cluster, s);
    s->cluster.once = s->once;
    shelf_init(&s->shelf);
}

static void draw_world(sim *s)
{
    dicebox *d = &s->dice;
    db_plan plan = {
        .txs = 2 + dice_steep(d, 6),
        .giant = dice_one_in(d, 4) ? 400 : 60,
        .text_max = dice_one_in(d, 3) ? 600 : 60,
        .dead = dice_one_in(d, 2),
    };
    db_make(&s->db, &plan, d);
    s->server.rewinds = dice_one_in(d, 3);
    s->server.snapshot = dice_one_in(d, 2);
    s->server.no_start = dice_one_in(d, 5);
    s->server.head = dice_below(d, plan.txs / 2 + 1);
    s->segment_bytes = 2048 << dice_below(d, 6);
    s->frame_bytes = 256 << dice_below(d, 8);
    s->reserve_bytes = dice_one_in(d, 2) ? 4096 : 0;
    s->compression = dice_one_in(d, 3);
    keep_draw(s);
    s->merges = dice_one_in(d, 2);
    if (s->kafka) draw_kafka(s);
}

static void draw_crash(life *l, dicebox *d)
{
    static const sim_act acts[] = {
        ACT_PWRITE, ACT_PWRITE,   ACT_DATASYNC, ACT_DATASYNC, ACT_DATASYNC,  ACT_ACK,
        ACT_ACK,    ACT_LETTERS,  ACT_APPEND,   ACT_COMMIT,   ACT_COMMITTED, ACT_TRUNCATE,
        ACT_UNLINK, ACT_SYNC_DIR, ACT_OPEN,     ACT_ROWS,     ACT_RENAME,    ACT_PRODUCE,
        ACT_REPORT, ACT_SAVE,     ACT_SAVE,     ACT_PREPARE,  ACT_COMMIT_TX, ACT_COMMIT_TX,
        ACT_BEGIN,  ACT_ABORT_TX, ACT_POSITION, ACT_OFFSETS,
    };
    unsigned once = 7, kafka = 4;
    unsigned nacts = sizeof acts / sizeof *acts - (the_sim->once ? 0 : once);
    if (!the_sim->kafka) nacts -= kafka;
    l->power = !dice_one_in(d, 3);
    l->crash_act = ACT_COUNT;
    if (dice_one_in(d, 4)) return; /* it stops in order */
    l->crash_late = !dice_one_in(d, 5);
    l->crash_in = dice_range(d, 1, dice_one_in(d, 4) ? 600 : 120);
    if (dice_one_in(d, 2)) {
        l->crash_act = acts[dice_below(d, nacts)];
        l->crash_in = dice_range(d, 1, dice_one_in(d, 4) ? 30 : 8);
    }
}

static life draw_life(sim *s, bool last)
{
    dicebox *d = &s->dice;
    life l = {.crash_act = ACT_COUNT, .last = last, .retry_limit = -1};
    l.batch_events = dice_one_in(d, 3) ? 4096 : dice_steep(d, 7);
    l.batch_bytes = dice_one_in(d, 3) ? 1 << 20 : 1024u << dice_below(d, 6);
    l.once = dice_one_in(d, 3);
    l.watch_in = dice_one_in(d, 4) ? 5 : 60;
    if (dice_one_in(d, 4)) l.jump_in = dice_range(d, 1, 50);
    if (dice_one_in(d, 3)) l.pause_in = dice_steep(d, 9);
    l.no_allocate = dice_one_in(d, 4);
    l.no_page = dice_one_in(d, 8) && !keep_on(); /* without one a stalled mark is not seen */
    if (last) return l;
    draw_crash(&l, d);
    l.stop_in = 50 + dice_steep(d, 11);
    if (dice_one_in(d, 4)) l.full_in = dice_steep(d, 8);
    if (dice_one_in(d, 6)) l.eio_in = dice_steep(d, 5);
    if (dice_one_in(d, 6)) l.any_eio_in = dice_steep(d, 8);
    if (dice_one_in(d, 5)) l.bad_sync_in = dice_steep(d, 4);
    if (dice_one_in(d, 4)) l.short_in = dice_range(d, 2, 8);
    if (dice_one_in(d, 3)) l.flaky = dice_range(d, 4, 40);
    if (dice_one_in(d, 6)) l.retry_limit = dice_below(d, 4);
    return l;
}

/* ---- one life ---- */

/* What the engine says of itself after it ended. */
static void check_status(sim *s, leat_rc rc)
{
    leat_engine_status st;
    leat_engine_status_get(s->engine, &st);
    leat_run_state want = rc == LEAT_OK ? LEAT_RUN_STOPPED : LEAT_RUN_FAILED;
    bool early = s->once && st.position[0] == '\0'; /* stopped before it was known */
    bool there = early || !sim_known(s) || s->edits.unseen || s->ledger.lsn < 0 || rc != LEAT_OK ||
                 sim_position_lsn(leat_str_of(st.position)) == s->ledger.lsn;
    if (st.all.state != want || !there)
        sim_fail("status", "after %s it says %s at %s, the mark is at %lld", leat_rc_name(rc),
                 leat_run_state_name(st.all.state), st.position, (long long)s->ledger.lsn);
}

static leat_rc run_engine(sim *s, leat_stream *stream, leat_err *e)
{
    leat_engine_conf conf = {
        .source = &sim_source,
        .connector = "shop",
        .run_id = "0190f0f0-0000-7000-8000-000000000000",
        .stream = stream,
        .dead = &s->letters.store,
        .page = s->life.no_page ? NULL : s->page,
        .once = s->life.once,
        .batch_events = s->life.batch_events,
        .batch_bytes = s->life.batch_bytes,
        .retry = {.max_us = 2000000, .limit = s->life.retry_limit},
    };
    s->engine = leat_engine_new(&conf);
    leat_rc rc = leat_engine_run(s->engine, e);
    if (!s->dead) check_status(s, rc);
    leat_engine_free(s->engine);
    s->engine = NULL;
    return rc;
}

/* What may end a life that no fault has struck: only the engine's own OK. */
static void judge(sim *s, leat_rc rc, const leat_err *e, const char *what)
{
    if (s->dead || rc == LEAT_OK) return;
    if (s->cluster.other && rc == LEAT_CONF && strcmp(e->code, "kafka.other_cluster") == 0) return;
    bool hurt = s->life.hurt || (rc == LEAT_RETRY && s->life.flaky);
    if (rc == LEAT_CONF || !hurt)
        sim_fail("engine", "%s: %s: %s: %s", what, leat_rc_name(rc), e->code, e->msg);
    else if (strcmp(e->code, "stream.damaged") == 0 || strcmp(e->code, "ledger.mismatch") == 0)
        sim_fail("engine", "%s: %s: %s", what, e->code, e->msg);
}

void sim_merge(sim *s)
{
    if (!s->merges || s->bare == NULL || s->dead) return;
    unsigned pieces = 1 + dice_below(&s->dice, 6);
    for (unsigned i = 0; i < pieces; i++) {
        if (sim_step(ACT_MERGE, i, 0)) return;
        if (!leat_embedded_merge(s->bare)) return;
    }
}

static leat_rc open_kafka(sim *s, leat_stream **out, leat_err *e)
{
    static leat_broker_events events;
    leat_kafka_conf conf = {
        .data = "/sim",
        .connector = "shop",
        .broker = broker_new(&events),
        .events = &events,
        .store = &s->shelf.store,
        .dead = &s->letters.store,
        .page = s->life.no_page ? NULL : s->page,
        .key = s->cluster.conf,
        .value = s->cluster.conf,
        .window_bytes = s->window_bytes,
        .away_us = s->away_us,
        .spool_bytes = s->spool_bytes,
        .segment_bytes = s->segment_bytes,
        .frame_bytes = s->frame_bytes,
        .once = s->once,
        .boundary = s->boundary,
        .interval_us = s->interval_us,
        .timeout_us = s->timeout_us,
        .tolerate = true,
    };
    return leat_kafka_open(&conf, out, e);
}

/* At the end of the history nothing stays in the spool. */
static void drain(sim *s, leat_stream *stream, const leat_stream *real)
{
    leat_kafka_status st;
    leat_err e = {0};
    for (unsigned i = 0; i < 20000 && !s->dead; i++) {
        leat_kafka_status_get(real, &st);
        if (st.phase == LEAT_KAFKA_DIRECT && st.window_events == 0 && !st.doubt) return;
        judge(s, stream->ops->tend(stream, &e), &e, "drain");
        leat_sleep_us(5000);
    }
    if (!s->dead) sim_fail("lost", "the spool does not become empty");
}

/* The same with Kafka as the stream. */
static void live_kafka(sim *s)
{
    leat_stream *real = NULL;
    leat_err e = {0};
    plant_stream wrap;
    s->cluster.other = s->cluster.told = false;
    leat_rc rc = open_kafka(s, &real, &e);
    judge(s, rc, &e, "open");
    if (rc != LEAT_OK) return;
    s->kafka_stream = real;
    if (!s->dead) sim_check_state(real->ops->state(real));
    leat_stream *stream = plant_wrap(&wrap, real);
    s->stream = stream;
    if (dice_one_in(&s->dice, 3)) sim_edit(stream); /* as to a stopped connector */
    rc = run_engine(s, stream, &e);
    judge(s, rc, &e, "run");
    if (s->life.last && rc == LEAT_OK) drain(s, stream, real);
    if (s->dead) broker_kill();
    stream->ops->close(stream);
    s->stream = s->kafka_stream = NULL;
}

/* The process opens its stream and runs. */
static void live(sim *s)
{
    if (s->kafka) {
        live_kafka(s);
        return;
    }
    leat_embedded_conf conf = {
        .data = "/sim",
        .connector = "shop",
        .page = s->life.no_page ? NULL : s->page,
        .segment_bytes = s->segment_bytes,
        .frame_bytes = s->frame_bytes,
        .reserve_bytes = s->reserve_bytes,
        .compression = s->compression,
        .retention = s->keep.conf,
        .merge = s->merges ? LEAT_MERGING_STEPS : LEAT_MERGING_OFF,
        .merge_gain = -1,
    };
    leat_stream *real = NULL;
    leat_err e = {0};
    plant_stream wrap;
    leat_rc rc = leat_embedded_open(&conf, &real, &e);
    judge(s, rc, &e, "open");
    if (rc != LEAT_OK) return;
    if (!s->dead) {
        sim_check_state(real->ops->state(real));
        watch_look(&s->watch, true);
        if (!s->life.no_page) sim_check_promises();
    }
    s->bare = real;
    leat_stream *stream = plant_wrap(&wrap, real);
    s->stream = stream;
    if (dice_one_in(&s->dice, 3)) sim_edit(stream); /* as to a stopped connector */
    rc = run_engine(s, stream, &e);
    judge(s, rc, &e, "run");
    if (!s->dead && rc == LEAT_OK) watch_look(&s->watch, true);
    stream->ops->close(stream);
    s->stream = s->bare = NULL;
}

static void check_handles(sim *s)
{
    const char *path = "";
    unsigned n = disk_handles(s->disk, 0, &path);
    if (n > 0) sim_fail("handles", "%u files are open after all was closed, one is %s", n, path);
}

static void bury(sim *s)
{
    bool power = s->dead && s->life.power;
    if (s->dead) *s->page = *s->page_then;
    check_handles(s);
    s->alive = false;
    if (!s->dead) s->page->pid = 0;
    disk_room(s->disk, -1);
    if (power) {
        sim_trace(ACT_POWER, s->lives, 0);
        watch_close(&s->watch);
        disk_power_cut(s->disk, &s->dice);
        sim_page_power_cut(s);
    }
    if (s->failed || s->kafka) return;
    watch_claims(&s->watch);
    if (dice_one_in(&s->dice, 3)) watch_look(&s->watch, false);
    if (dice_one_in(&s->dice, 3)) sink_live(&s->sink, false);
    if (s->merges) watch_frames(&s->watch);
    if (dice_one_in(&s->dice, 4)) watch_cursors(&s->watch);
    if (dice_one_in(&s->dice, 6)) watch_again(&s->watch, dice_one_in(&s->dice, 2));
    if (dice_one_in(&s->dice, 8)) *s->page_old = *s->page;
}

static void one_life(sim *s, bool last)
{
    s->life = draw_life(s, last);
    s->lives++;
    s->dead = false;
    s->server.open = false;
    sim_trace(ACT_LIFE, s->lives, last);
    if (s->life.no_page)
        s->page_there = false;
    else
        sim_page_begin(s);
    s->alive = true;
    leat_os_use(&sim_os);
    live(s);
    leat_os_use(&disk_os);
    bury(s);
}

/* ---- the run ---- */

static void begin(sim *s, uint64_t seed, sim_plant plant, sim_world world, bool verbose)
{
    *s = (sim){.seed = seed, .dice = {seed * 0x2545f4914f6cdd1du}, .plant = plant};
    s->verbose = verbose;
    s->kafka = world != SIM_EMBEDDED;
    s->once = world == SIM_ONCE;
    s->ledger.lsn = -1;
    s->disk = disk_new();
    s->page = leat_zalloc(1, sizeof *s->page);
    s->page_then = leat_zalloc(1, sizeof *s->page);
    s->page_old = leat_zalloc(1, sizeof *s->page);
    the_sim = s;
    watch_init(&s->watch);
    sim_letters_init(&s->letters);
    disk_mount(s->disk);
    leat_clock_use(&sim_clock);
    leat_os_use(&disk_os);
    draw_world(s);
    if (!s->kafka) sink_init(&s->sink);
}

static void end(sim *s)
{
    watch_free(&s->watch);
    sink_free(&s->sink);
    cluster_free(&s->cluster);
    shelf_free(&s->shelf);
    disk_free(s->disk);
    db_free(&s->db);
    leat_free(s->page);
    leat_free(s->page_then);
    leat_free(s->page_old);
    leat_free(s->views);
    leat_free(s->letters.at);
    leat_free(s->ledger.places);
    leat_os_use(NULL);
    leat_clock_use(NULL);
    the_sim = NULL;
}

/* What the lives have left. */
static void compare(sim *s)
{
    watch_again(&s->watch, true);
    sim_check_end();
    if (dice_one_in(&s->dice, 2)) watch_parts(&s->watch);
    if (!s->failed) watch_cursors(&s->watch);
    if (!s->failed) watch_fold(&s->watch);
    sink_live(&s->sink, true);
}

bool sim_run(sim *s, uint64_t seed, sim_plant plant, sim_world world, bool verbose)
{
    begin(s, seed, plant, world, verbose);
    unsigned lives = dice_below(&s->dice, LIVES_MOST);
    for (unsigned i = 0; i <= lives && !s->failed; i++) one_life(s, i == lives);
    if (!s->failed && s->kafka) cluster_check_end(&s->cluster);
    if (!s->failed && !s->kafka) compare(s);
    sim_trace(ACT_END, s->failed, s->watch.n);
    end(s);
    return !s->failed;
}
