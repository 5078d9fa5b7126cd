/* The panel of a demo; see the header. The thread and the handlers share the incidents, under the
 * guard; what a button does is done outside it. */
#include "hub/panel.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/look.h"
#include "hub/inside.h"
#include "hub/sample.h"
#include "hub/verifying.h"

enum {
    TURN_US = 50000,
    VERIFY_US = 10000000, /* between two verifications when nothing happens */
    CALM_US = 1000000,    /* it runs again when it has run for so long */
    INCIDENTS = 8,        /* that are kept */
    LINES = 8,
    TEXT = 400,
    LOAD = 50,
    WAIT_S = 30,
    MOST_S = 300,
};

typedef enum deed { KILL, DROP_SLOT, POISON, RIGHT, DEEDS } deed;
static const char *const deeds[] = {"kill", "drop-slot", "poison", "right"};

/* Where an incident is. */
typedef enum step { HAPPENED, NOTICED, RUNS, OVER } step;

typedef struct incident {
    int64_t id; /* from 1; 0: none */
    deed what;
    step step;
    int pid;           /* of the source, when it happened */
    uint64_t rejected; /* by the sink until then */
    int64_t since_us;  /* when it came to this step */
    int64_t calm_us;   /* since when the source runs; 0: it does not */
    unsigned n;
    struct {
        int64_t at_us;
        char text[TEXT];
    } lines[LINES];
} incident;

struct leat_panel {
    leat_hub *h;
    const leat_panel_conf *conf;
    pthread_t thread;
    atomic_bool stop;
    pthread_mutex_t guard; /* of all below */
    incident incidents[INCIDENTS];
    int64_t last; /* id */
};

leat_rc leat_panel_connectors(leat_hub *h, const leat_panel_conf *conf, leat_err *e)
{
    const leat_config *const both[] = {conf->source, conf->sink};
    leat_arena a = {0};
    leat_hub_connector k;
    leat_rc rc = LEAT_OK;
    for (size_t i = 0; i < 2 && rc == LEAT_OK; i++)
        if (!leat_hub_find(h, leat_str_of(both[i]->name), &a, &k))
            rc = leat_hub_add(h, both[i], false, false, "demo", e);
    leat_arena_free(&a);
    return rc;
}

/* ---- incidents; the guard is taken ---- */

static void say(incident *i, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(incident *i, const char *fmt, ...)
{
    va_list args;
    if (i->n == LINES) return;
    va_start(args, fmt);
    vsnprintf(i->lines[i->n].text, TEXT, fmt, args);
    va_end(args);
    i->lines[i->n++].at_us = leat_now_us();
}

static void go_to(incident *i, step to)
{
    i->step = to;
    i->since_us = leat_now_us();
}

static incident *open_one(leat_panel *p, deed what)
{
    for (size_t k = 0; k < INCIDENTS; k++)
        if (p->incidents[k].id && p->incidents[k].what == what && p->incidents[k].step != OVER)
            return &p->incidents[k];
    return NULL;
}

/* The oldest one that is over, if not a free place: for a new one. There are more places than
 * deeds, each of which is open once. */
static incident *place(leat_panel *p)
{
    incident *oldest = NULL;
    for (incident *i = p->incidents; i < p->incidents + INCIDENTS; i++) {
        if (i->id && i->step != OVER) continue;
        if (!oldest || i->id < oldest->id) oldest = i;
    }
    return oldest;
}
_Static_assert((int)INCIDENTS > (int)DEEDS, "a place is free");

/* The newest of those before an id. */
static const incident *newest(const leat_panel *p, int64_t before)
{
    const incident *found = NULL;
    for (const incident *i = p->incidents; i < p->incidents + INCIDENTS; i++)
        if (i->id && i->id < before && (!found || i->id > found->id)) found = i;
    return found;
}

/* ---- what is seen of them ---- */

typedef struct sight {
    leat_sample source, sink;
    leat_verifying_outcome proof;
} sight;

/* False: one of the two was deleted. */
static bool look(leat_panel *p, leat_arena *a, sight *out)
{
    leat_sample *all;
    size_t n = leat_sample_take(p->h, false, a, &all), found = 0;
    for (size_t i = 0; i < n; i++) {
        bool source = strcmp(all[i].k->name, p->conf->source->name) == 0;
        if (!source && strcmp(all[i].k->name, p->conf->sink->name) != 0) continue;
        *(source ? &out->source : &out->sink) = all[i];
        found++;
    }
    leat_verifying_last(p->h->verifying, p->conf->sink->name, &out->proof);
    return found == 2;
}

static bool runs(const leat_sample *s)
{
    return s->page && s->pid > 0 && strcmp(s->condition, "RUNNING") == 0 && !s->trace;
}

/* The first line of what is wrong. */
static leat_str first_line(const char *text)
{
    leat_str rest = leat_str_of(text ? text : "");
    return leat_str_cut(&rest, '\n');
}

static void notice(incident *i, const sight *s)
{
    if (i->what == KILL && s->source.pid > 0 && s->source.pid != i->pid) {
        say(i, "Noticed and started again as process %d; it goes on from its last durable position",
            s->source.pid);
        go_to(i, NOTICED);
    } else if (i->what == DROP_SLOT && !runs(&s->source)) {
        leat_str why = first_line(s->source.trace);
        say(i, "Noticed: %s%s%.*s", s->source.condition, why.len ? ": " : "", LEAT_STR_ARG(why));
        go_to(i, NOTICED);
    } else if (i->what == POISON && s->sink.rejected > i->rejected) {
        say(i, "Noticed: the target refused the row, which is a dead letter now; all others go on, "
               "and later changes of this row wait behind it");
        go_to(i, NOTICED);
    }
}

/* It runs when it has run for a while. A poisoned row waits for a person. */
static void recover(incident *i, const sight *s, int64_t now)
{
    if (i->what == POISON) return;
    if (!runs(&s->source)) {
        i->calm_us = 0;
        return;
    }
    if (i->calm_us == 0) i->calm_us = now;
    if (now - i->calm_us < CALM_US) return;
    if (i->what == DROP_SLOT)
        say(i,
            "The cure (snapshot.mode=when_needed): a new slot, and all rows read again, %" PRIu64,
            (uint64_t)atomic_load(&s->source.k->page->snapshot_rows));
    else
        say(i, "It runs, and reads what came meanwhile");
    go_to(i, RUNS);
}

/* The verification was begun behind it. */
static void prove(incident *i, const sight *s)
{
    const leat_verifying_outcome *v = &s->proof;
    if (v->begun_us < i->since_us || !v->done) return;
    if (v->equal) {
        say(i, "Proven equal again: %" PRId64 " tables, %" PRId64 " rows. Lost: 0. Twice: 0",
            v->tables, v->rows);
        go_to(i, OVER);
    } else if (v->repaired > 0) {
        say(i,
            "Rows that differed, such as those deleted while nobody listened, corrected: %" PRId64,
            v->repaired);
        go_to(i, RUNS);
    }
}

/* Verifications go on while all is calm, and only look: what is lost then is to be seen. What an
 * incident waits for comes at once, and repairs what it has found at first. */
static void verify(leat_panel *p, const sight *s, bool calm, int64_t waits_since, int64_t now)
{
    leat_err err;
    const leat_verifying_outcome *v = &s->proof;
    bool running = v->begun_us > 0 && v->ended_us == 0;
    bool due = waits_since > 0 ? v->begun_us < waits_since || !v->done || !v->equal
                               : calm && now - v->ended_us > VERIFY_US;
    if (running || !due || !runs(&s->source) || !runs(&s->sink)) return;
    if (waits_since > 0 && v->begun_us >= waits_since && now - v->ended_us < CALM_US) return;
    bool found = waits_since > 0 && v->begun_us >= waits_since && v->done;
    const leat_verifying_order order = {.name = p->conf->sink->name,
                                        .load = LOAD,
                                        .wait_s = WAIT_S,
                                        .most_s = MOST_S,
                                        .repair = found};
    leat_verifying_begin(p->h->verifying, &order, &err); /* else at the next turn */
}

static void turn(leat_panel *p)
{
    leat_arena a = {0};
    sight s = {0};
    int64_t now = leat_now_us(), waits_since = 0;
    if (look(p, &a, &s)) {
        pthread_mutex_lock(&p->guard);
        const incident *poisoned = open_one(p, POISON);
        bool clean = !poisoned || poisoned->step == RUNS, calm = true;
        for (size_t k = 0; k < INCIDENTS; k++) {
            incident *i = &p->incidents[k];
            if (i->id == 0 || i->step == OVER) continue;
            calm = false;
            if (i->step == HAPPENED) notice(i, &s);
            if (i->step == NOTICED) recover(i, &s, now);
            if (i->step == RUNS && clean) prove(i, &s);
            if (i->step == RUNS && clean && i->since_us > waits_since) waits_since = i->since_us;
        }
        pthread_mutex_unlock(&p->guard);
        verify(p, &s, calm, waits_since, now);
    }
    leat_arena_free(&a);
}

static void *watch(void *arg)
{
    leat_panel *p = arg;
    while (!atomic_load(&p->stop)) {
        turn(p);
        leat_sleep_us(TURN_US);
    }
    return NULL;
}

leat_panel *leat_panel_start(leat_hub *h, const leat_panel_conf *conf)
{
    leat_panel *p = leat_zalloc(1, sizeof *p);
    p->h = h;
    p->conf = conf;
    pthread_mutex_init(&p->guard, NULL);
    int err = pthread_create(&p->thread, NULL, watch, p);
    if (err == 0) return p;
    leat_log(LEAT_WARN, "hub.panel", "there is no thread for the demo's panel: %s",
             leat_os_strerror(err));
    pthread_mutex_destroy(&p->guard);
    leat_free(p);
    return NULL;
}

void leat_panel_stop(leat_panel *p)
{
    if (!p) return;
    atomic_store(&p->stop, true);
    pthread_join(p->thread, NULL);
    pthread_mutex_destroy(&p->guard);
    leat_free(p);
}

/* ---- the endpoints ---- */

static void write_panel(leat_panel *p, leat_buf *out)
{
    leat_jw w = {.out = out};
    char at[LEAT_ISO_MAX];
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "source", p->conf->source->name);
    leat_jw_z(&w, "sink", p->conf->sink->name);
    leat_jw_i64(&w, "rate", atomic_load(p->conf->rate));
    leat_jw_i64(&w, "rate_most", p->conf->rate_most);
    leat_jw_array(&w, "incidents");
    pthread_mutex_lock(&p->guard);
    const incident *i = newest(p, INT64_MAX);
    for (; i; i = newest(p, i->id)) {
        leat_jw_object(&w, NULL);
        leat_jw_i64(&w, "id", i->id);
        leat_jw_z(&w, "what", deeds[i->what]);
        leat_jw_bool(&w, "open", i->step != OVER);
        leat_jw_array(&w, "lines");
        for (unsigned n = 0; n < i->n; n++) {
            leat_jw_object(&w, NULL);
            leat_jw_z(&w, "at", leat_iso_us(i->lines[n].at_us, 3, at));
            leat_jw_z(&w, "text", i->lines[n].text);
            leat_jw_end(&w);
        }
        leat_jw_end(&w);
        leat_jw_end(&w);
    }
    pthread_mutex_unlock(&p->guard);
    leat_jw_end(&w);
    leat_jw_end(&w);
}

static leat_panel *panel(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    if (!h->panel) leat_http_fail(c, 404, "this hub runs no demo; 'leat demo' does");
    return h->panel;
}

void leat_hub_v1_demo(void *hub, leat_http_call *c)
{
    leat_panel *p = panel(hub, c);
    if (p) write_panel(p, &c->out);
}

/* Notes it before it is done: what comes of it may be quick. */
static incident *note(leat_panel *p, deed what, const sight *s)
{
    pthread_mutex_lock(&p->guard);
    incident *i = open_one(p, what) ? NULL : place(p);
    if (i) {
        *i = (incident){.id = ++p->last,
                        .what = what,
                        .pid = s->source.pid,
                        .rejected = s->sink.rejected,
                        .since_us = leat_now_us()};
        if (what == KILL)
            say(i, "The process of %s, %d, is killed (signal 9)", p->conf->source->name, i->pid);
        else if (what == DROP_SLOT)
            say(i, "The slot of %s is dropped at the server: what it had not sent is gone",
                p->conf->source->name);
        else
            say(i, "A row comes that the target refuses");
    }
    pthread_mutex_unlock(&p->guard);
    return i;
}

static leat_rc break_it(leat_panel *p, deed what, const sight *s, leat_err *e)
{
    const leat_panel_conf *conf = p->conf;
    if (what == DROP_SLOT) return conf->drop_slot(conf->arg, e);
    if (what == POISON) return conf->poison(conf->arg, true, e);
    if (s->source.pid > 0 && kill(s->source.pid, SIGKILL) == 0) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "demo.no_process", conf->source->name, "it does not run now");
}

static void do_it(leat_panel *p, leat_http_call *c, deed what)
{
    leat_err err = {0};
    sight s = {0};
    if (!look(p, &c->a, &s)) {
        leat_http_fail(c, 409, "a connector of the demo was deleted; start the demo again");
        return;
    }
    incident *i = note(p, what, &s);
    if (!i) {
        leat_http_fail(c, 409, "this was done just now, and is not over yet");
    } else if (break_it(p, what, &s, &err) != LEAT_OK) {
        pthread_mutex_lock(&p->guard);
        say(i, "It could not be done: %s", err.msg);
        go_to(i, OVER);
        pthread_mutex_unlock(&p->guard);
        leat_http_fail(c, 503, "%s [%s]", err.msg, err.code);
    }
}

/* The target refuses nothing any more, what it had refused is written, what failed is started. */
static void put_right(leat_panel *p, leat_http_call *c)
{
    leat_err err = {0};
    sight s = {0};
    const leat_json *reply = NULL;
    leat_str retry = LEAT_STR("{\"verb\":\"letters-retry\",\"by\":\"demo\",\"all\":true}");
    leat_rc rc = p->conf->poison(p->conf->arg, false, &err);
    if (rc == LEAT_OK)
        rc = leat_look_ask(p->h->conf.data, p->conf->sink->name, retry, LEAT_HUB_EDIT_MS, &c->a,
                           &reply, NULL, &err);
    if (rc != LEAT_OK) {
        leat_hub_fail(c, &err);
        return;
    }
    if (look(p, &c->a, &s) && strcmp(s.source.state, "FAILED") == 0)
        leat_supervisor_restart(p->h->supervisor, p->conf->source->name);
    pthread_mutex_lock(&p->guard);
    incident *i = open_one(p, POISON);
    if (i && i->step != RUNS) {
        say(i,
            "The cure: the target takes it now, and the dead letters were tried again: %" PRId64
            " written",
            leat_json_get_i64(reply, "retried", 0));
        go_to(i, RUNS);
    }
    pthread_mutex_unlock(&p->guard);
}

/* {"do":"kill"}, or {"rate":20}, or both. */
void leat_hub_v1_demo_post(void *hub, leat_http_call *c)
{
    leat_panel *p = panel(hub, c);
    const leat_json *rate = leat_json_get(c->json, "rate"), *verb = leat_json_get(c->json, "do");
    int64_t to = -1;
    size_t what = 0;
    if (!p) return;
    while (verb && what < DEEDS && !leat_str_is(verb->text, deeds[what])) what++;
    if ((!rate && !verb) || what == DEEDS || (verb && verb->type != LEAT_JSON_STRING)) {
        leat_http_fail(c, 400, "do: expected kill, drop-slot, poison or right");
        return;
    }
    if (rate && (rate->type != LEAT_JSON_NUMBER || !leat_str_i64(rate->text, &to) || to < 0 ||
                 to > p->conf->rate_most)) {
        leat_http_fail(c, 400, "rate: expected a number from 0 to %d", p->conf->rate_most);
        return;
    }
    if (rate) atomic_store(p->conf->rate, (int)to);
    if (verb && what == RIGHT) put_right(p, c);
    if (verb && what != RIGHT) do_it(p, c, (deed)what);
    if (c->status == 200) write_panel(p, &c->out);
}
