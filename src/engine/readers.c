/* Readers and their threads; see the header.
 *
 * One lock guards all readings that wait or run, the queue and the spare batches; it is let go
 * around each call of the source. A reader that has nothing to do sleeps on the condition. */
#include "engine/readers.h"

#include "base/os.h"

enum { SPARES_MOST = 8 };

typedef struct reader {
    leat_chunk_reader r;
    leat_readers *rs;
    pthread_t thread;
    bool started, open, begun;
    size_t batch;     /* bytes of the batch that it filled last; about those of the one it fills */
    leat_reading *at; /* NULL: none */
} reader;

struct leat_readers {
    leat_task *task;
    const leat_source_chunks *chunks;
    bool threads;
    uint32_t batch_events;
    size_t batch_bytes;
    atomic_bool quit;
    unsigned n;
    reader *readers;
    pthread_mutex_t lock; /* guards what follows, and each reader's `at` */
    pthread_cond_t work;
    leat_reading *first, **tail; /* that wait */
    leat_held *spare;
    unsigned nspare;
    size_t held_bytes, spare_bytes;
};

static bool is_dropped(reader *x)
{
    pthread_mutex_lock(&x->rs->lock);
    bool dropped = x->at && x->at->drop;
    pthread_mutex_unlock(&x->rs->lock);
    return dropped;
}

/* A statement may take long, and what it is for may not be wanted any more. */
static bool leaves(const leat_chunk_reader *r)
{
    reader *x = r->host;
    return atomic_load(&x->rs->quit) || is_dropped(x) ||
           (x->rs->task->leaves && x->rs->task->leaves(x->rs->task));
}

leat_readers *leat_readers_new(leat_task *task, unsigned n, bool threads, uint32_t batch_events,
                               size_t batch_bytes)
{
    leat_readers *rs = leat_zalloc(1, sizeof *rs);
    *rs = (leat_readers){.task = task,
                         .chunks = task->source->chunks,
                         .threads = threads,
                         .batch_events = batch_events,
                         .batch_bytes = batch_bytes,
                         .n = n ? n : 1};
    rs->tail = &rs->first;
    rs->readers = leat_zalloc(rs->n, sizeof *rs->readers);
    pthread_mutex_init(&rs->lock, NULL);
    pthread_cond_init(&rs->work, NULL);
    for (unsigned i = 0; i < rs->n; i++) {
        reader *x = &rs->readers[i];
        x->rs = rs;
        x->r = (leat_chunk_reader){
            .task = task, .id = i, .memory = batch_bytes, .leaves = leaves, .host = x};
    }
    return rs;
}

unsigned leat_readers_count(const leat_readers *rs)
{
    return rs->n;
}

/* ---- batches ---- */

static leat_held *held_new(leat_readers *rs)
{
    leat_held *h = rs->spare;
    if (h) {
        rs->spare = h->next;
        rs->nspare--;
        rs->spare_bytes -= leat_batch_held(&h->b);
    } else {
        h = leat_zalloc(1, sizeof *h);
        leat_batch_init(&h->b, rs->batch_events, rs->batch_bytes);
    }
    h->next = NULL;
    return h;
}

static void held_free(leat_held *h)
{
    leat_batch_free(&h->b);
    leat_free(h);
}

/* The lock is held. What a giant needed is given back. */
static void spare(leat_readers *rs, leat_held *h)
{
    leat_batch_reset(&h->b);
    if (rs->nspare >= SPARES_MOST) {
        held_free(h);
        return;
    }
    h->next = rs->spare;
    rs->spare = h;
    rs->nspare++;
    rs->spare_bytes += leat_batch_held(&h->b);
}

static void add_held(leat_readers *rs, leat_reading *g, leat_held *h)
{
    size_t bytes = leat_batch_held(&h->b);
    *g->held_tail = h;
    g->held_tail = &h->next;
    g->held_bytes += bytes;
    g->rows += h->b.counts.rows_read;
    rs->held_bytes += bytes;
}

static leat_held *take_held(leat_readers *rs, leat_reading *g)
{
    leat_held *h = g->held;
    if (!h) return NULL;
    g->held = h->next;
    if (!g->held) g->held_tail = &g->held;
    h->next = NULL;
    size_t bytes = leat_batch_held(&h->b);
    g->held_bytes -= bytes;
    rs->held_bytes -= bytes;
    return h;
}

/* ---- calls of the source, without the lock ---- */

static leat_rc open_reader(reader *x, leat_err *e)
{
    if (x->open) return LEAT_OK;
    LEAT_TRY(x->rs->chunks->open(&x->r, e));
    x->open = true;
    return LEAT_OK;
}

/* Ends the reading with rc; what had begun is let go. */
static void end(reader *x, leat_reading *g, leat_rc rc, leat_err *err)
{
    leat_readers *rs = x->rs;
    leat_err why = {0};
    if (x->begun) {
        x->begun = false;
        leat_rc dropped = rs->chunks->drop(&x->r, &why);
        if (leat_rc_failed(dropped) && !leat_rc_failed(rc)) {
            rc = dropped;
            *err = why;
        }
    }
    if (leat_rc_failed(rc) && x->open) { /* its connection may be what is wrong */
        rs->chunks->close(&x->r);
        x->open = false;
    }
    pthread_mutex_lock(&rs->lock);
    if (rc == LEAT_RETRY && g->drop) rc = LEAT_OK; /* it was ended for that */
    g->rc = rc;
    if (leat_rc_failed(rc)) g->err = *err;
    g->state = LEAT_READING_OVER;
    x->at = NULL;
}

/* Returns with the lock held, as all below. */
static void cut(reader *x, leat_reading *g)
{
    leat_err err = {0};
    leat_rc rc = x->rs->chunks->cut(&x->r, &g->range, g->bytes, g->most, &g->arena, g->bounds,
                                    &g->nbounds, &err);
    end(x, g, rc, &err);
}

static void begin(reader *x, leat_reading *g)
{
    leat_err err = {0};
    leat_view view = {0};
    leat_rc rc = x->rs->chunks->begin(&x->r, &g->range, &g->arena, &view, &err);
    if (rc != LEAT_OK) {
        end(x, g, rc, &err);
        return;
    }
    x->begun = true;
    pthread_mutex_lock(&x->rs->lock);
    g->view = view;
}

static void read_rows(reader *x, leat_reading *g, leat_held *h)
{
    leat_readers *rs = x->rs;
    leat_err err = {0};
    leat_rc rc = rs->chunks->read(&x->r, &h->b, &err);
    if (rc == LEAT_OK) x->begun = false;
    if (rc == LEAT_OK || rc == LEAT_AGAIN) {
        pthread_mutex_lock(&rs->lock);
        x->batch = leat_batch_held(&h->b);
        if (h->b.counts.rows_read > 0)
            add_held(rs, g, h);
        else
            spare(rs, h);
        bool many = g->rows > 1; /* one alone cannot be halved */
        bool large = g->bound > 0 && !g->still && many && g->held_bytes > g->bound;
        if (large) g->halve = g->drop = true;
        if (rc == LEAT_AGAIN) return;
        pthread_mutex_unlock(&rs->lock);
    } else {
        pthread_mutex_lock(&rs->lock);
        spare(rs, h);
        pthread_mutex_unlock(&rs->lock);
    }
    end(x, g, rc, &err);
}

/* The lock is held before and after. False: there is nothing to do now. */
static bool step(reader *x)
{
    leat_readers *rs = x->rs;
    leat_reading *g = x->at;
    leat_err err = {0};
    if (!g && (g = rs->first)) {
        rs->first = g->next_waiting;
        if (!rs->first) rs->tail = &rs->first;
        g->state = LEAT_READING_RUNS;
        x->at = g;
    }
    if (!g) return false;
    bool drop = g->drop, begun = g->view.text.s != NULL;
    if (!drop && begun && g->still && g->bound > 0 && g->held_bytes > g->bound) return false;
    leat_held *h = !drop && begun ? held_new(rs) : NULL;
    pthread_mutex_unlock(&rs->lock);
    leat_rc rc = drop ? LEAT_OK : open_reader(x, &err);
    if (rc == LEAT_OK && h)
        read_rows(x, g, h);
    else if (rc != LEAT_OK || drop)
        end(x, g, rc, &err);
    else if (g->job.kind == LEAT_JOB_CUT)
        cut(x, g);
    else
        begin(x, g);
    return true;
}

static void *run(void *arg)
{
    reader *x = arg;
    leat_readers *rs = x->rs;
    pthread_mutex_lock(&rs->lock);
    while (!atomic_load(&rs->quit))
        if (!step(x)) pthread_cond_wait(&rs->work, &rs->lock);
    pthread_mutex_unlock(&rs->lock);
    return NULL;
}

/* ---- the task's side ---- */

/* A thread for a job that waits, as long as there are readers without one. */
static leat_rc start_thread(leat_readers *rs, leat_err *e)
{
    for (unsigned i = 0; i < rs->n; i++) {
        reader *x = &rs->readers[i];
        if (x->started) continue;
        int rc = pthread_create(&x->thread, NULL, run, x);
        if (rc == 0) x->started = true;
        /* One reader is enough to go on. */
        return rc == 0 || i > 0
                   ? LEAT_OK
                   : leat_os_fail(e, rc, "start a thread for a reader of", rs->task->connector);
    }
    return LEAT_OK;
}

leat_rc leat_readers_give(leat_readers *rs, leat_reading *g, leat_err *e)
{
    if (rs->threads) LEAT_TRY(start_thread(rs, e));
    pthread_mutex_lock(&rs->lock);
    g->state = LEAT_READING_WAITS;
    g->next_waiting = NULL;
    *rs->tail = g;
    rs->tail = &g->next_waiting;
    pthread_cond_signal(&rs->work);
    pthread_mutex_unlock(&rs->lock);
    return LEAT_OK;
}

leat_reading_state leat_readers_look(leat_readers *rs, leat_reading *g, bool *view)
{
    pthread_mutex_lock(&rs->lock);
    leat_reading_state state = g->state;
    *view = g->view.text.s != NULL;
    pthread_mutex_unlock(&rs->lock);
    return state;
}

void leat_readers_drop(leat_readers *rs, leat_reading *g)
{
    pthread_mutex_lock(&rs->lock);
    g->drop = true;
    pthread_cond_broadcast(&rs->work);
    pthread_mutex_unlock(&rs->lock);
}

leat_held *leat_readers_take(leat_readers *rs, leat_reading *g)
{
    pthread_mutex_lock(&rs->lock);
    leat_held *h = take_held(rs, g);
    if (g->still) pthread_cond_broadcast(&rs->work);
    pthread_mutex_unlock(&rs->lock);
    return h;
}

bool leat_reading_has_rows(leat_readers *rs, leat_reading *g)
{
    pthread_mutex_lock(&rs->lock);
    bool any = g->held != NULL;
    pthread_mutex_unlock(&rs->lock);
    return any;
}

void leat_readers_put_back(leat_readers *rs, leat_held *h)
{
    pthread_mutex_lock(&rs->lock);
    spare(rs, h);
    pthread_mutex_unlock(&rs->lock);
}

void leat_readers_step(leat_readers *rs, unsigned i)
{
    pthread_mutex_lock(&rs->lock);
    step(&rs->readers[i]);
    pthread_mutex_unlock(&rs->lock);
}

size_t leat_readers_held(leat_readers *rs)
{
    pthread_mutex_lock(&rs->lock);
    size_t bytes = rs->held_bytes + rs->spare_bytes;
    for (unsigned i = 0; i < rs->n; i++)
        if (rs->readers[i].at) bytes += rs->readers[i].batch;
    pthread_mutex_unlock(&rs->lock);
    return bytes;
}

leat_reading *leat_reading_new(const leat_job *job)
{
    leat_reading *g = leat_zalloc(1, sizeof *g);
    g->job = *job;
    g->held_tail = &g->held;
    leat_arena_init(&g->arena, 0);
    return g;
}

void leat_reading_free(leat_readers *rs, leat_reading *g)
{
    for (leat_held *h; (h = leat_readers_take(rs, g));) leat_readers_put_back(rs, h);
    leat_arena_free(&g->arena);
    leat_free(g);
}

void leat_readers_stop(leat_readers *rs)
{
    pthread_mutex_lock(&rs->lock);
    atomic_store(&rs->quit, true);
    pthread_cond_broadcast(&rs->work);
    pthread_mutex_unlock(&rs->lock);
    for (unsigned i = 0; i < rs->n; i++) {
        reader *x = &rs->readers[i];
        if (x->started) pthread_join(x->thread, NULL);
        if (x->open) rs->chunks->close(&x->r);
        x->started = x->open = false;
    }
}

void leat_readers_free(leat_readers *rs)
{
    for (leat_held *h = rs->spare, *next; h; h = next) {
        next = h->next;
        held_free(h);
    }
    pthread_cond_destroy(&rs->work);
    pthread_mutex_destroy(&rs->lock);
    leat_free(rs->readers);
    leat_free(rs);
}
