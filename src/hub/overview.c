/* GET /hub/v1/overview and GET /hub/v1/stream: a row for each connector, once, or as they change.
 *
 * Rows are made of samples (hub/sample.h), at most one every SAMPLE_US, by whoever asks first. A
 * row carries two serial numbers: of its last change, and of the last change of its state, what is
 * wrong with it included. A feed sends changes of state at once and all others every NUMBERS_US;
 * that message comes even when nothing changed, so that its client knows that the hub is there.
 * Rates are over 5 to 10 s: a rate needs a sample of some age, so the first row of a connector has
 * none. */
#include "hub/overview.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/status.h"
#include "hub/history.h"
#include "hub/sample.h"

enum {
    SAMPLE_US = 900000,
    NUMBERS_US = 2000000,
    TURN_US = 250000,
    AGE_US = 5000000,
    HOUR_S = 3600
};

typedef struct count {
    uint64_t events;
    int64_t at_us; /* 0: none yet */
} count;

typedef struct row {
    char *name;
    leat_buf text; /* the row as JSON */
    uint64_t state_hash, serial, state_serial;
    count old, middle; /* that rates are counted from */
    struct row *next;
} row;

struct leat_overview {
    pthread_mutex_t guard; /* of all below */
    pthread_cond_t taken;  /* a sample was */
    bool sampling;         /* somebody takes one */
    int64_t sampled_us;    /* clock of the machine; 0: never */
    uint64_t serial;       /* of the last sample */
    uint64_t removed;      /* of the last sample that missed a row */
    row *first;            /* by name */
};

leat_overview *leat_overview_new(void)
{
    leat_overview *o = leat_zalloc(1, sizeof *o);
    pthread_mutex_init(&o->guard, NULL);
    pthread_cond_init(&o->taken, NULL);
    return o;
}

static void free_row(row *r)
{
    leat_buf_free(&r->text);
    leat_free(r->name);
    leat_free(r);
}

void leat_overview_free(leat_overview *o)
{
    if (!o) return;
    for (row *r = o->first, *next; r; r = next) {
        next = r->next;
        free_row(r);
    }
    pthread_cond_destroy(&o->taken);
    pthread_mutex_destroy(&o->guard);
    leat_free(o);
}

/* ---- a row ---- */

/* What it is connected to, as far as that is told without a secret. */
static const char *place_of(const leat_sample *s, const char *const names[])
{
    for (; *names; names++) {
        const char *v = leat_props_get(&s->k->config->props, *names);
        if (v) return v;
    }
    return NULL;
}

static void write_state(const leat_sample *s, leat_jw *w)
{
    static const char *const databases[] = {"database.dbname", "database.names", NULL};
    static const char *const hosts[] = {"connection", "database.hostname", NULL};
    leat_jw_z(w, "name", s->k->name);
    leat_jw_z(w, "type", leat_hub_type(s->k));
    leat_jw_z(w, "plugin",
              s->k->source ? s->k->source->name
              : s->k->sink ? s->k->sink->name
                           : NULL);
    leat_jw_z(w, "state", s->state);
    leat_jw_z(w, "condition", s->condition);
    leat_jw_z(w, "stage", leat_stage_name(leat_sample_stage(s)));
    leat_jw_z(w, "trace", s->trace);
    leat_jw_i64(w, "tasks", s->tasks);
    leat_jw_i64(w, "deaths", s->deaths);
    leat_jw_i64(w, "pid", s->pid);
    leat_jw_z(w, "host", place_of(s, hosts));
    leat_jw_z(w, "database", place_of(s, databases));
}

/* How far its snapshot is, while there is one. */
static void write_snapshot(const leat_page *p, leat_jw *w)
{
    if (!p || atomic_load(&p->snapshot_state) != 1) {
        leat_jw_null(w, "snapshot");
        return;
    }
    leat_jw_object(w, "snapshot");
    leat_jw_i64(w, "tables", atomic_load(&p->snapshot_tables));
    leat_jw_i64(w, "tables_done", atomic_load(&p->snapshot_tables_done));
    leat_jw_i64(w, "rows", (int64_t)atomic_load(&p->snapshot_rows));
    leat_jw_i64(w, "rows_total", atomic_load(&p->snapshot_total));
    leat_jw_i64(w, "left_ms", atomic_load(&p->snapshot_left_ms));
    leat_jw_end(w);
}

static uint64_t events_of(const leat_sample *s)
{
    return s->k->sink ? s->delivered : s->appended + s->rows;
}

/* rate: < 0: unknown. */
static void write_numbers(const leat_sample *s, double rate, leat_jw *w)
{
    const leat_page *p = s->k->page;
    bool spools = p && s->page && atomic_load(&p->delivery) != 0;
    leat_jw_i64(w, "events", s->page ? (int64_t)events_of(s) : -1);
    leat_jw_f64(w, "rate", rate);
    leat_jw_i64(w, "dead", s->page ? (int64_t)(s->k->sink ? s->rejected : s->dead) : 0);
    leat_jw_i64(w, "behind_ms", s->page ? s->behind_ms : -1);
    leat_jw_i64(w, "since_ms", s->page ? s->since_ms : -1);
    leat_jw_i64(w, "lag_bytes", s->page ? s->lag_bytes : -1);
    leat_jw_i64(w, "retained_bytes", s->page && s->pid ? s->retained_bytes : -1);
    leat_jw_i64(w, "retained_limit", s->page && s->pid ? s->retained_limit : -1);
    leat_status_log(s->page ? s->log_until_us : -1, s->page ? s->log_expires_us : -1,
                    s->log_removed, w);
    leat_jw_i64(w, "spool_bytes", spools ? (int64_t)atomic_load(&p->spool_bytes) : -1);
    leat_jw_i64(w, "stream_bytes", s->page ? (int64_t)s->stream_bytes : -1);
    leat_jw_i64(w, "resident_bytes", s->pid && s->page ? (int64_t)s->resident : -1);
    write_snapshot(s->page ? p : NULL, w);
}

/* Events a second since the older of the samples that are kept; one that counts anew has none. */
static double rate_of(row *r, const leat_sample *s, int64_t now)
{
    uint64_t events = events_of(s);
    if (!s->page || s->pid == 0 || events < r->old.events) {
        r->old.at_us = r->middle.at_us = 0;
        r->old.events = 0;
        if (!s->page || s->pid == 0) return -1;
    }
    if (r->old.at_us == 0) {
        r->old.events = events;
        r->old.at_us = now;
        return -1;
    }
    if (r->middle.at_us == 0 || now - r->middle.at_us >= AGE_US) {
        if (r->middle.at_us != 0) r->old = r->middle;
        r->middle.events = events;
        r->middle.at_us = now;
    }
    int64_t us = now - r->old.at_us;
    return us < SAMPLE_US / 2 ? -1 : (double)(events - r->old.events) * 1e6 / (double)us;
}

/* The guard is taken. */
static void note(leat_overview *o, row *r, const leat_sample *s, int64_t now)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    write_state(s, &w);
    uint64_t hash = leat_str_hash(leat_buf_str(&text));
    write_numbers(s, rate_of(r, s, now), &w);
    leat_jw_end(&w);
    if (r->serial == 0 || hash != r->state_hash) r->state_serial = o->serial;
    if (r->serial == 0 || !leat_str_eq(leat_buf_str(&text), leat_buf_str(&r->text)))
        r->serial = o->serial;
    r->state_hash = hash;
    leat_buf_free(&r->text);
    r->text = text;
}

/* The guard is taken. Both lists are sorted by name. */
static void merge(leat_overview *o, const leat_sample *all, size_t n, int64_t now)
{
    row **at = &o->first;
    for (size_t i = 0; i < n; i++) {
        leat_str name = leat_str_of(all[i].k->name);
        while (*at && leat_str_cmp(leat_str_of((*at)->name), name) < 0) {
            row *gone = *at;
            *at = gone->next;
            free_row(gone);
            o->removed = o->serial;
        }
        if (!*at || !leat_str_is(name, (*at)->name)) {
            row *r = leat_zalloc(1, sizeof *r);
            r->name = leat_strdup(name.s);
            r->next = *at;
            *at = r;
        }
        note(o, *at, &all[i], now);
        at = &(*at)->next;
    }
    while (*at) {
        row *gone = *at;
        *at = gone->next;
        free_row(gone);
        o->removed = o->serial;
    }
}

/* Samples are as old as SAMPLE_US at most, when it returns, or somebody takes new ones: that may
 * wait for a connector's answer, so the guard is not held meanwhile, and only the first is waited
 * for. */
static void refresh(leat_hub *h)
{
    leat_overview *o = h->overview;
    pthread_mutex_lock(&o->guard);
    while (o->sampling && o->sampled_us == 0) pthread_cond_wait(&o->taken, &o->guard);
    int64_t now = leat_mono_us();
    if (!o->sampling && (o->sampled_us == 0 || now - o->sampled_us >= SAMPLE_US)) {
        leat_arena a = {0};
        leat_sample *all;
        o->sampling = true;
        pthread_mutex_unlock(&o->guard);
        size_t n = leat_sample_take(h, false, &a, &all);
        pthread_mutex_lock(&o->guard);
        o->sampling = false;
        o->sampled_us = now;
        o->serial++;
        merge(o, all, n, now);
        pthread_cond_broadcast(&o->taken);
        leat_arena_free(&a);
    }
    pthread_mutex_unlock(&o->guard);
}

static void write_hub(const leat_hub *h, leat_jw *w)
{
    char zone[LEAT_ZONE_MAX];
    leat_jw_object(w, "hub");
    leat_jw_z(w, "id", h->id);
    leat_jw_z(w, "version", LEAT_VERSION);
    leat_jw_z(w, "worker", h->worker);
    leat_jw_i64(w, "begun_ms", h->begun_us / 1000);
    leat_jw_bool(w, "demo", h->panel != NULL);
    leat_jw_z(w, "zone", leat_zone_name(zone) ? zone : NULL);
    leat_jw_end(w);
}

/* ---- the endpoints ---- */

typedef struct follower {
    leat_hub *h;
    uint64_t seen, seen_states; /* serials of what was sent */
    int64_t numbers_us;         /* when numbers were sent last; 0: never */
} follower;

/* What changed since; empty: nothing that has to be told now. */
static void write_changes(follower *f, leat_buf *out)
{
    leat_overview *o = f->h->overview;
    leat_jw w = {.out = out};
    refresh(f->h);
    int64_t now = leat_mono_us();
    bool numbers = f->numbers_us == 0 || now - f->numbers_us >= NUMBERS_US, any = numbers;
    pthread_mutex_lock(&o->guard);
    bool whole = f->numbers_us == 0 || o->removed > f->seen_states;
    for (const row *r = o->first; r && !any; r = r->next) any = r->state_serial > f->seen_states;
    if (any || whole) {
        leat_jw_object(&w, NULL);
        leat_jw_i64(&w, "at_ms", leat_now_us() / 1000);
        leat_jw_bool(&w, "whole", whole);
        if (whole) write_hub(f->h, &w);
        leat_jw_array(&w, "rows");
        for (const row *r = o->first; r; r = r->next)
            if (whole || r->state_serial > f->seen_states || (numbers && r->serial > f->seen))
                leat_jw_raw(&w, NULL, leat_buf_str(&r->text));
        leat_jw_end(&w);
        leat_jw_end(&w);
        if (numbers || whole) f->seen = o->serial;
        if (numbers || whole) f->numbers_us = now;
    }
    f->seen_states = o->serial;
    pthread_mutex_unlock(&o->guard);
}

static void feed_changes(void *arg, leat_feed *f)
{
    follower *g = arg;
    leat_buf text = {0};
    while (!leat_feed_over(f)) {
        leat_buf_clear(&text);
        write_changes(g, &text);
        if (text.len > 0 && !leat_feed_event(f, "overview", NULL, leat_buf_str(&text))) break;
        leat_sleep_us(TURN_US);
    }
    leat_buf_free(&text);
}

void leat_hub_v1_stream(void *hub, leat_http_call *c)
{
    if (!leat_hub_wants_events(c)) {
        leat_http_fail(c, 406, "this is an event stream: ask with Accept: text/event-stream");
        return;
    }
    follower *g = leat_zalloc(1, sizeof *g);
    g->h = hub;
    leat_feed_begin(c, feed_changes, leat_free, g);
}

static void write_point(void *arg, const leat_counts_row *noted)
{
    leat_jw *w = arg;
    leat_jw_array(w, NULL);
    leat_jw_i64(w, NULL, noted->at_s);
    leat_jw_i64(w, NULL, noted->events);
    leat_jw_end(w);
}

/* Of the last hour: when, and how many events there had been by then. */
static void write_sparks(leat_hub *h, leat_http_call *c, leat_jw *w)
{
    leat_hub_connector *all;
    leat_err err;
    size_t n = leat_hub_all(h, &c->a, &all);
    int64_t from = leat_now_us() / 1000000 - HOUR_S;
    leat_jw_object(w, "sparks");
    for (size_t i = 0; h->history && i < n; i++) {
        leat_jw_array(w, all[i].name);
        if (leat_rc_failed(leat_history_each(h->history, all[i].name, from, write_point, w, &err)))
            leat_log_err(LEAT_WARN, &err);
        leat_jw_end(w);
    }
    leat_jw_end(w);
}

void leat_hub_v1_overview(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_overview *o = h->overview;
    leat_jw w = {.out = &c->out};
    refresh(h);
    leat_jw_object(&w, NULL);
    leat_jw_i64(&w, "at_ms", leat_now_us() / 1000);
    write_hub(h, &w);
    leat_jw_array(&w, "rows");
    pthread_mutex_lock(&o->guard);
    for (const row *r = o->first; r; r = r->next) leat_jw_raw(&w, NULL, leat_buf_str(&r->text));
    pthread_mutex_unlock(&o->guard);
    leat_jw_end(&w);
    if (leat_http_query_true(c, "sparks")) write_sparks(h, c, &w);
    leat_jw_end(&w);
}
