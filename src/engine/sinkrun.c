/* The loop of a sink: one reader per source stream, batches in the stream's order, cursor last.
 *
 * A sink never meets a source: it knows streams by their topics' claims only. Several streams are
 * read in turn; a topic that does not exist yet is looked for once a second. Errors: RETRY closes
 * the sink, backs off and goes on from the stored cursors. Run by the task's thread. */
#include "engine/sinkrun.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/os.h"
#include "stream/reader.h"

enum {
    WAIT_US = 200000,
    LOOK_US = 1000000,
    FLUSH_US = 30000000,
    BATCH_EVENTS = 8192,
    BATCH_BYTES = 4 << 20
};

/* One source connector's stream as this sink reads it. */
typedef struct input {
    char *source;        /* the connector that owns it */
    const char **topics; /* NULL-ended; of those wanted */
    char *file;          /* cursor and counts */
    leat_reader *reader;
    leat_sink_counts counts; /* as stored */
    struct input *next;
} input;

struct leat_sinkrun {
    leat_sinkrun_conf conf;
    leat_sink_task task;
    leat_arena arena; /* inputs of one attempt */
    leat_batch batch;
    input *inputs;
    unsigned found, wanted; /* topics */
    int64_t look_at_us;
    uint64_t rejected; /* of the batch being written */
    atomic_bool stop, finish;
    pthread_mutex_t lock; /* guards the three below */
    leat_run_state state;
    leat_err error;
    leat_sink_counts totals;
};

static void reject(leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why);

leat_sinkrun *leat_sinkrun_new(const leat_sinkrun_conf *conf)
{
    leat_sinkrun *k = leat_zalloc(1, sizeof *k);
    k->conf = *conf;
    k->task = (leat_sink_task){.sink = conf->sink,
                               .conf = conf->conf,
                               .connector = conf->connector,
                               .reject = reject,
                               .engine = k};
    while (conf->topics[k->wanted]) k->wanted++;
    leat_arena_init(&k->arena, 0);
    leat_batch_init(&k->batch, BATCH_EVENTS, BATCH_BYTES);
    pthread_mutex_init(&k->lock, NULL);
    return k;
}

void leat_sinkrun_free(leat_sinkrun *k)
{
    if (!k) return;
    leat_batch_free(&k->batch);
    leat_arena_free(&k->arena);
    pthread_mutex_destroy(&k->lock);
    leat_free(k);
}

void leat_sinkrun_stop(leat_sinkrun *k)
{
    atomic_store(&k->stop, true);
}

void leat_sinkrun_finish(leat_sinkrun *k)
{
    atomic_store(&k->finish, true);
}

void leat_sinkrun_status(leat_sinkrun *k, leat_run_state *state, leat_err *err,
                         leat_sink_counts *counts)
{
    pthread_mutex_lock(&k->lock);
    *state = k->state;
    *err = k->error;
    *counts = k->totals;
    pthread_mutex_unlock(&k->lock);
}

static void set_state(leat_sinkrun *k, leat_run_state state, const leat_err *err)
{
    pthread_mutex_lock(&k->lock);
    k->state = state;
    k->error = err ? *err : (leat_err){0};
    pthread_mutex_unlock(&k->lock);
    if (k->conf.page) atomic_store(&k->conf.page->state, (uint32_t)state);
}

static void reject(leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why)
{
    leat_sinkrun *k = t->engine;
    const leat_event *ev = &b->ev[i];
    char position[320];
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "topic", leat_event_topic(ev));
    leat_jw_i64(&w, "offset", ev->offset);
    leat_jw_end(&w);
    size_t n = text.len < sizeof position ? text.len : sizeof position;
    memcpy(position, text.p, n);
    leat_buf_free(&text);
    leat_dead letter = {.why = *why,
                        .position = {position, n},
                        .bytes = LEAT_STR(""),
                        .topic = leat_event_topic(ev),
                        .ts_us = ev->ts_us};
    leat_err err;
    k->rejected++;
    if (leat_rc_failed(k->conf.dead->put(k->conf.dead, &letter, &err)))
        leat_log_err(LEAT_ERROR, &err);
}

/* What the file of an earlier run says; nothing stored: from the beginning. */
static leat_rc load_cursor(leat_sinkrun *k, input *in, leat_reader_conf *conf, leat_err *e)
{
    leat_buf text = {0};
    const leat_json *j = NULL;
    int err = leat_os_load(in->file, &text, 1 << 16);
    leat_rc rc = LEAT_OK;
    if (err == 0) {
        rc = leat_json_parse(&k->arena, leat_arena_str(&k->arena, leat_buf_str(&text)), &j, e);
        conf->from = LEAT_FROM_CURSOR;
        conf->cursor = leat_json_get_str(j, "cursor");
        in->counts.read = (uint64_t)leat_json_get_i64(j, "read", 0);
        in->counts.delivered = (uint64_t)leat_json_get_i64(j, "delivered", 0);
        in->counts.dead = (uint64_t)leat_json_get_i64(j, "dead", 0);
    } else if (err != -2) { /* ENOENT */
        rc = leat_os_fail(e, err, "read the cursor in", in->file);
    }
    leat_buf_free(&text);
    return rc;
}

static leat_rc store_cursor(leat_sinkrun *k, input *in, leat_err *e)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "sink", k->conf.connector);
    leat_jw_str(&w, "cursor", leat_reader_cursor(in->reader));
    leat_jw_i64(&w, "read", (int64_t)in->counts.read);
    leat_jw_i64(&w, "delivered", (int64_t)in->counts.delivered);
    leat_jw_i64(&w, "dead", (int64_t)in->counts.dead);
    leat_jw_end(&w);
    int err = leat_os_store(in->file, leat_buf_str(&text), 0600);
    leat_buf_free(&text);
    return err < 0 ? leat_os_fail(e, err, "store the cursor in", in->file) : LEAT_OK;
}

static leat_rc open_input(leat_sinkrun *k, input *in, leat_err *e)
{
    char *folder =
        leat_arena_printf(&k->arena, "%s/connectors/%s/stream/readers", k->conf.data, in->source);
    int err = leat_os_mkdirs(folder, 0700);
    if (err < 0) return leat_os_fail(e, err, "make the folder", folder);
    in->file = leat_arena_printf(&k->arena, "%s/%s", folder, k->conf.connector);
    leat_reader_conf conf = {.data = k->conf.data,
                             .connector = in->source,
                             .topics = in->topics,
                             .from = LEAT_FROM_BEGINNING};
    LEAT_TRY(load_cursor(k, in, &conf, e));
    LEAT_TRY(leat_reader_open(&conf, &in->reader, e));
    return LEAT_OK;
}

static input *input_of(leat_sinkrun *k, const char *source)
{
    for (input *in = k->inputs; in; in = in->next)
        if (strcmp(in->source, source) == 0) return in;
    input *in = LEAT_NEW(&k->arena, input, 1);
    in->source = leat_arena_strdup(&k->arena, source);
    in->topics = LEAT_NEW(&k->arena, const char *, k->wanted + 1);
    in->next = k->inputs;
    k->inputs = in;
    return in;
}

static void close_inputs(leat_sinkrun *k)
{
    for (input *in = k->inputs; in; in = in->next) leat_reader_close(in->reader);
    k->inputs = NULL;
    k->found = 0;
    leat_arena_reset(&k->arena, 0);
}

/* Finds the streams of the wanted topics; when new ones appeared all are opened anew. */
static leat_rc look(leat_sinkrun *k, leat_err *e)
{
    if (k->found == k->wanted || leat_mono_us() < k->look_at_us) return LEAT_OK;
    k->look_at_us = leat_mono_us() + LOOK_US;
    unsigned found = 0;
    const char *source;
    for (unsigned i = 0; i < k->wanted; i++)
        if (leat_topics_owner(k->conf.data, k->conf.topics[i], &k->arena, &source, NULL) == LEAT_OK)
            found++;
    if (found == k->found) return LEAT_OK;
    close_inputs(k);
    for (unsigned i = 0; i < k->wanted; i++) {
        if (leat_topics_owner(k->conf.data, k->conf.topics[i], &k->arena, &source, NULL) != LEAT_OK)
            continue;
        input *in = input_of(k, source);
        unsigned n = 0;
        while (in->topics[n]) n++;
        in->topics[n] = k->conf.topics[i];
        k->found++;
    }
    for (input *in = k->inputs; in; in = in->next) LEAT_TRY(open_input(k, in, e));
    return LEAT_OK;
}

static void account(leat_sinkrun *k)
{
    leat_sink_counts all = {0};
    for (input *in = k->inputs; in; in = in->next) {
        all.read += in->counts.read;
        all.delivered += in->counts.delivered;
        all.dead += in->counts.dead;
    }
    pthread_mutex_lock(&k->lock);
    k->totals = all;
    pthread_mutex_unlock(&k->lock);
    if (!k->conf.page) return;
    atomic_store(&k->conf.page->delivered, all.delivered);
    atomic_store(&k->conf.page->sink_rejected, all.dead);
}

/* Writes the batch and waits until it is durable in the target. */
static leat_rc deliver(leat_sinkrun *k, input *in, leat_err *e)
{
    const leat_sink *sink = k->conf.sink;
    k->rejected = 0;
    leat_rc rc = sink->write(&k->task, &k->batch, e);
    LEAT_TRY(rc);
    if (sink->flush) LEAT_TRY(sink->flush(&k->task, leat_mono_us() + FLUSH_US, e));
    in->counts.read += k->batch.n;
    in->counts.dead += k->rejected;
    in->counts.delivered += k->batch.n - k->rejected;
    LEAT_TRY(store_cursor(k, in, e));
    account(k);
    return LEAT_OK;
}

/* One round over the streams. AGAIN: nothing new in any. */
static leat_rc turn(leat_sinkrun *k, leat_err *e)
{
    LEAT_TRY(look(k, e));
    bool one = k->inputs && !k->inputs->next, any = false;
    for (input *in = k->inputs; in; in = in->next) {
        bool finishing = atomic_load(&k->finish);
        leat_rc rc = leat_reader_next(in->reader, &k->batch, one && !finishing ? WAIT_US : 0, e);
        LEAT_TRY(rc);
        if (rc == LEAT_AGAIN) continue;
        any = true;
        LEAT_TRY(deliver(k, in, e));
    }
    return any ? LEAT_OK : LEAT_AGAIN;
}

/* Nothing is left in any of the streams. */
static bool all_read(leat_sinkrun *k)
{
    for (input *in = k->inputs; in; in = in->next)
        if (!leat_reader_at_end(in->reader)) return false;
    return true;
}

static leat_rc attempt(leat_sinkrun *k, leat_err *e)
{
    k->look_at_us = 0;
    LEAT_TRY(k->conf.sink->open(&k->task, e));
    set_state(k, LEAT_RUN_RUNNING, NULL);
    leat_rc rc = LEAT_OK;
    while (!atomic_load(&k->stop) && !leat_rc_failed(rc)) {
        bool finishing = atomic_load(&k->finish);
        rc = turn(k, e);
        if (rc != LEAT_AGAIN) continue;
        if (finishing && all_read(k)) break;
        if (!k->inputs || k->inputs->next) leat_sleep_us(WAIT_US / 10);
    }
    close_inputs(k);
    k->conf.sink->close(&k->task);
    return leat_rc_failed(rc) ? rc : LEAT_OK;
}

leat_rc leat_sinkrun_run(leat_sinkrun *k, leat_err *e)
{
    leat_retry retry = k->conf.retry;
    for (;;) {
        leat_err err = {0};
        int64_t pause_us;
        uint64_t before = k->totals.read;
        leat_rc rc = attempt(k, &err);
        if (!leat_rc_failed(rc)) break;
        if (!leat_retry_next(&retry, rc, k->totals.read != before, &pause_us)) {
            set_state(k, LEAT_RUN_FAILED, &err);
            if (e) *e = err;
            return rc;
        }
        set_state(k, LEAT_RUN_RETRYING, &err);
        leat_log(LEAT_WARN, err.code, "retry_in_ms=%lld where=\"%s\" %s",
                 (long long)(pause_us / 1000), err.where, err.msg);
        if (leat_retry_sleep(pause_us, &k->stop)) break;
    }
    set_state(k, LEAT_RUN_STOPPED, NULL);
    return LEAT_OK;
}
