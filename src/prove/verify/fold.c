/* A stream folded: what its changes, one behind the other, make of its tables. The target of a
 * verification that has none: what every consumer of the stream would hold.
 *
 * The relational sink applies the stream to a scratch target (leat_sink_compare.scratch), from its
 * first record on and further whenever the verification waits for the delivery. So a fold knows
 * nothing of keys, truncates or columns that a change does not carry: the sink does. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "prove/verify/part.h"
#include "stream/follow.h"
#include "stream/reader.h"

enum {
    BATCH_EVENTS = 8192,
    BATCH_BYTES = 4 << 20,
    HELD = 65536, /* events of a transaction of the scratch target */
    LOOK_US = 20000,
};

/* A topic with a change that has no place in a table. */
typedef struct refusal {
    struct refusal *next;
    const char *topic;
    leat_err why;
} refusal;

struct leat_verify_fold {
    leat_sink_task task;
    leat_reader *reader;
    leat_batch batch;
    leat_arena arena;
    refusal *refused; /* the newest first */
    uint32_t held;
    uint64_t events;
};

/* ---- the sink's host ---- */

static const refusal *find(const leat_verify_fold *f, const char *topic)
{
    const refusal *r = f->refused;
    while (r && strcmp(r->topic, topic) != 0) r = r->next;
    return r;
}

static void reject(leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why)
{
    leat_verify_fold *f = t->engine;
    const leat_event *ev = &b->ev[i];
    if (find(f, leat_event_topic(ev))) return;
    refusal *r = LEAT_NEW(&f->arena, refusal, 1);
    *r = (refusal){.next = f->refused, .topic = leat_arena_strdup(&f->arena, leat_event_topic(ev))};
    f->refused = r;
    leat_fail(&r->why, LEAT_CONF, "verify.fold", r->topic,
              "its stream cannot be folded: the change at offset %lld has no place in a table: "
              "%.300s [%s]. Name the tables that are to be compared without it",
              (long long)ev->offset, why->msg, why->code);
}

static void tell(leat_sink_task *t, const leat_batch *b, uint32_t i, leat_fate fate)
{
    (void)t;
    (void)b;
    (void)i;
    (void)fate;
}

static leat_rc reach(leat_sink_task *t, leat_buf *text, leat_err *e)
{
    (void)t;
    (void)e;
    leat_buf_clear(text);
    return LEAT_OK;
}

leat_rc leat_verify_fold_open(leat_verify *v, leat_err *e)
{
    const leat_sink *sink = leat_sink_find(LEAT_STR("sql"));
    if (!sink || !sink->compare->scratch)
        return leat_fail(e, LEAT_CONF, "verify.no_fold", v->conf->name,
                         "this build has no relational sinks, which fold a stream");
    leat_verify_fold *f = v->fold = leat_zalloc(1, sizeof *f);
    leat_batch_init(&f->batch, BATCH_EVENTS, BATCH_BYTES);
    f->task = (leat_sink_task){.sink = sink,
                               .connector = "leat verify",
                               .reject = reject,
                               .tell = tell,
                               .tolerate = true,
                               .source = v->conf->name,
                               .reach = reach,
                               .engine = f};
    LEAT_TRY(sink->compare->scratch(&f->task, &v->target, e));
    v->sink_setup.sink = sink;
    v->sink_setup.conf = (void *)f->task.conf;
    return LEAT_OK;
}

/* Where SQLite keeps a database without a name, by its own rule. */
static const char *temporary(void)
{
    const char *const folders[] = {getenv("SQLITE_TMPDIR"), getenv("TMPDIR"), "/var/tmp",
                                   "/usr/tmp", "/tmp"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (folders[i] && access(folders[i], W_OK | X_OK) == 0) return folders[i];
    return ".";
}

leat_rc leat_verify_fold_failed(const leat_verify *v, leat_rc rc, leat_err *e)
{
    static const char *const codes[] = {"sql.full", "sql.disk", "sql.open"};
    bool failed = v->fold && e && leat_rc_failed(rc);
    for (size_t i = 0; failed && i < sizeof codes / sizeof *codes; i++)
        if (strcmp(e->code, codes[i]) == 0)
            return leat_fail(e, LEAT_CONF, "verify.scratch", temporary(),
                             "the folded tables do not fit there: %.300s [%s]. Make room in this "
                             "folder, or set SQLITE_TMPDIR to one that has it",
                             e->msg, codes[i]);
    return rc;
}

void leat_verify_fold_free(leat_verify *v)
{
    leat_verify_fold *f = v->fold;
    if (!f) return;
    if (f->task.priv) f->task.sink->close(&f->task);
    leat_reader_close(f->reader);
    leat_batch_free(&f->batch);
    leat_arena_free(&f->arena);
    leat_free(f);
    v->fold = NULL;
}

/* ---- the stream ---- */

bool leat_verify_fold_lacks(const leat_verify *v, const char *topic)
{
    return v->fold && find(v->fold, topic);
}

leat_rc leat_verify_fold_refused(const leat_verify *v, leat_err *e)
{
    const refusal *r = v->fold ? v->fold->refused : NULL;
    leat_buf others = {0};
    if (!r) return LEAT_OK;
    for (const refusal *o = r->next; o; o = o->next) leat_buf_printf(&others, ", %s", o->topic);
    leat_fail(e, LEAT_CONF, r->why.code, r->topic, "%s%s%.*s", r->why.msg,
              others.len > 0 ? ". The same of others" : "", LEAT_STR_ARG(leat_buf_str(&others)));
    leat_buf_free(&others);
    return LEAT_CONF;
}

static leat_rc commit(leat_verify_fold *f, leat_err *e)
{
    f->held = 0;
    return f->task.sink->flush(&f->task, 0, e);
}

static leat_rc apply(leat_verify *v, leat_err *e)
{
    leat_verify_fold *f = v->fold;
    f->batch.tx_open = true; /* several batches are one transaction here */
    leat_rc rc = f->task.sink->write(&f->task, &f->batch, e);
    if (leat_rc_failed(rc)) return rc;
    f->held += f->batch.n;
    f->events += f->batch.n;
    if (v->told.topic && leat_verify_fold_lacks(v, v->told.topic))
        return leat_verify_fold_refused(v, e); /* what was found there may not be so */
    if (f->held >= HELD) LEAT_TRY(commit(f, e));
    return LEAT_OK;
}

/* What comes next, if there is something. */
static leat_rc step(leat_verify *v, leat_err *e)
{
    leat_verify_fold *f = v->fold;
    LEAT_TRY(leat_verify_goes_on(v, e));
    leat_rc rc = leat_reader_next(f->reader, &f->batch, LOOK_US, e);
    if (leat_rc_failed(rc)) return rc;
    return rc == LEAT_OK && f->batch.n > 0 ? apply(v, e) : LEAT_OK;
}

static void tell_progress(leat_verify *v)
{
    const leat_verify_watch *w = &v->conf->watch;
    v->told.rows = v->fold->events;
    if (w->progress) w->progress(w->arg, &v->told, -1);
}

/* The stream's end is noted at first: it may grow faster than it is folded. Of a table that is
 * compared meanwhile the progress is its own. */
leat_rc leat_verify_fold_on(leat_verify *v, int64_t until, leat_err *e)
{
    leat_verify_fold *f = v->fold;
    uint64_t end;
    LEAT_TRY(leat_reader_end(f->reader, &end, e));
    while (!leat_reader_passed(f->reader, end)) {
        LEAT_TRY(step(v, e));
        if (until > 0 && leat_mono_us() > until)
            return leat_verify_behind(v, v->conf->name, "its stream is not folded up to there", e);
        if (!v->told.topic) tell_progress(v);
    }
    return commit(f, e);
}

int64_t leat_verify_fold_at(const leat_verify *v)
{
    int64_t next = leat_reader_offset(v->fold->reader, v->told.topic);
    return next > 0 ? next : 0;
}

/* ---- whether it can be folded ---- */

/* The rows that were there before the first change are in the stream, too. By what the frames tell,
 * which is there whether the source runs or not. */
static leat_rc refuse_unread(leat_verify *v, leat_err *e)
{
    const leat_verify_conf *c = v->conf;
    leat_restored at;
    const leat_json *progress = NULL;
    leat_restored_init(&at);
    leat_rc rc = leat_follow_state(c->data, c->name, &at, e);
    if (rc == LEAT_OK && at.reach.has_progress)
        rc = leat_json_parse(&v->arena, leat_buf_str(&at.reach.progress), &progress, e);
    const leat_json *snapshot = leat_json_get(progress, "snapshot");
    bool done = leat_str_is(leat_json_get_str(snapshot, "state"), "done");
    leat_restored_free(&at);
    if (leat_rc_failed(rc) || done) return rc;
    return leat_fail(e, LEAT_RETRY, "verify.snapshot", c->name,
                     "its snapshot is not done: rows that it has not read yet are not in the "
                     "stream. Verify again when 'leat status %s' says that it is",
                     c->name);
}

/* The stream holds its first record of each topic. Asked when the reader has begun: what is removed
 * from then on it misses, and says so. */
static leat_rc refuse_cut(leat_verify *v, const char *const *topics, size_t n, leat_err *e)
{
    int64_t *next = LEAT_NEW(&v->arena, int64_t, n + 1);
    LEAT_TRY(leat_reader_offsets(v->conf->data, v->conf->name, (leat_str){0}, topics, next, e));
    for (size_t i = 0; i < n; i++)
        if (next[i] > 0)
            return leat_fail(e, LEAT_CONF, "verify.retention", topics[i],
                             "its stream begins at offset %lld: retention removed what was before, "
                             "and what is left of it does not make the whole table",
                             (long long)next[i]);
    return LEAT_OK;
}

leat_rc leat_verify_fold_begin(leat_verify *v, const char *const *topics, size_t n, leat_err *e)
{
    const leat_reader_conf conf = {
        .data = v->conf->data, .connector = v->conf->name, .topics = topics};
    leat_verify_fold *f = v->fold;
    uint64_t end;
    LEAT_TRY(refuse_unread(v, e));
    LEAT_TRY(leat_reader_open(&conf, &f->reader, e));
    LEAT_TRY(leat_reader_end(f->reader, &end, e));
    do {
        LEAT_TRY(step(v, e));
    } while (f->events == 0 && !leat_reader_passed(f->reader, end));
    LEAT_TRY(refuse_cut(v, topics, n, e));
    v->told = (leat_verify_table){
        .source = leat_arena_printf(&v->arena, "the stream of %s", v->conf->name)};
    return leat_verify_fold_on(v, 0, e);
}
