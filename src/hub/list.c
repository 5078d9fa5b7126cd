/* The hub's list of connectors, and who is changing which.
 *
 * hub.db is the truth of which there are, their configuration and whether they are stopped; the
 * list mirrors it. state.db of each, made with it, holds the rest; one that lacks it was deleted by
 * others. Any thread. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/open.h"
#include "engine/kept.h"
#include "hub/inside.h"

enum { LOOK_US = 200000 };

/* ---- what is made of a configuration: never changed, shared by those who ask ---- */

struct leat_hub_made {
    atomic_uint users; /* the list's row, and arenas */
    leat_arena a;      /* holds k's parts */
    leat_hub_connector k;
};

static leat_hub_made *make_of(const leat_hub *h, const leat_hubdb_row *from)
{
    leat_hub_made *m = leat_zalloc(1, sizeof *m);
    leat_hub_connector *k = &m->k;
    leat_config *config;
    leat_buf shown = {0};
    leat_jw w = {.out = &shown};
    atomic_init(&m->users, 1);
    k->name = leat_arena_strdup(&m->a, from->name);
    leat_config_json(&m->a, leat_arena_str(&m->a, from->config), k->name, &config, NULL);
    leat_hub_add_worker(h, &m->a, config);
    k->config = config;
    k->klass = leat_props_get(&config->props, "connector.class");
    k->source = leat_source_find(leat_str_of(k->klass));
    k->sink = leat_sink_find(leat_str_of(k->klass));
    const char *max = leat_props_get(&config->props, "tasks.max");
    k->splits = k->source && k->source->tasks && max && strcmp(max, "1") != 0;
    leat_jw_object(&w, NULL);
    leat_hub_write_members(k, &w);
    leat_jw_end(&w);
    k->shown = leat_arena_str(&m->a, leat_buf_str(&shown));
    leat_buf_free(&shown);
    return m;
}

static void let_go(void *made)
{
    leat_hub_made *m = made;
    if (atomic_fetch_sub(&m->users, 1) != 1) return;
    leat_arena_free(&m->a);
    leat_free(m);
}

/* ---- the list; the guard is taken ---- */

static leat_hub_row **place_of(leat_hub *h, leat_str name)
{
    leat_hub_row **at = &h->first;
    while (*at && leat_str_cmp(leat_str_of((*at)->name), name) < 0) at = &(*at)->next;
    return at;
}

static leat_hub_row *row_of(leat_hub *h, leat_str name)
{
    leat_hub_row *row = *place_of(h, name);
    return row && leat_str_is(name, row->name) ? row : NULL;
}

static void remove_row(leat_hub *h, leat_str name)
{
    leat_hub_row **at = place_of(h, name), *row = *at;
    if (!row || !leat_str_is(name, row->name)) return;
    *at = row->next;
    leat_page_close(row->page);
    let_go(row->made);
    leat_free(row);
}

/* made: the row's from now on. */
static void put_made(leat_hub *h, const leat_hubdb_row *from, leat_hub_made *made)
{
    leat_str name = leat_str_of(from->name);
    remove_row(h, name);
    leat_hub_row **at = place_of(h, name), *row = leat_zalloc(1, sizeof *row);
    row->made = made;
    row->name = row->made->k.name;
    row->stopped = from->stopped;
    row->next = *at;
    *at = row;
}

void leat_hub_add_worker(const leat_hub *h, leat_arena *a, leat_config *config)
{
    config->worker = NULL;
    if (h->conf.open) leat_open_finish(a, h->conf.open, config);
}

/* ---- for handlers ---- */

/* A copy of its counters in a; NULL: there are none. The file stays mapped while a process writes
 * it; where none does, another one may take its place. The guard is taken. */
static const leat_page *counters_of(const leat_hub *h, leat_hub_row *row, leat_arena *a)
{
    leat_page *copy = LEAT_NEW(a, leat_page, 1);
    char *path = row->page
                     ? NULL
                     : leat_arena_printf(a, "%s/connectors/%s/counters", h->conf.data, row->name);
    if (path && leat_page_open(path, &row->page, NULL) != LEAT_OK) return NULL;
    leat_page_copy(row->page, copy);
    if (atomic_load(&copy->pid) != 0) return copy;
    leat_page_close(row->page);
    row->page = NULL;
    return copy;
}

/* Somebody else may have deleted it; looked up at most every LOOK_US. The guard is taken. */
static bool seen_lately(leat_hub_row *row)
{
    int64_t now = leat_mono_us();
    bool lately = row->looked_us > 0 && now - row->looked_us < LOOK_US;
    if (!lately) row->looked_us = now;
    return lately;
}

static bool has_state(const leat_hub *h, const char *name, leat_arena *a)
{
    return access(leat_arena_printf(a, "%s/connectors/%s/state.db", h->conf.data, name), F_OK) == 0;
}

/* Somebody else has deleted it. */
static void forget_deleted(leat_hub *h, const char *name)
{
    leat_err err;
    leat_log(LEAT_INFO, "hub.deleted", "connector=%s it was deleted by another command", name);
    if (h->supervisor) leat_supervisor_remove(h->supervisor, name); /* at its start it has none */
    if (leat_rc_failed(leat_hub_forget(h, name, &err))) leat_log_err(LEAT_WARN, &err);
}

/* A row, shared, with a copy of its counters; true: it was looked for lately. The guard is taken.
 */
static bool take(leat_hub *h, leat_hub_row *row, leat_arena *a, leat_hub_connector *out)
{
    atomic_fetch_add(&row->made->users, 1);
    leat_arena_defer(a, let_go, row->made);
    *out = row->made->k;
    out->stopped = row->stopped;
    out->page = counters_of(h, row, a);
    return seen_lately(row);
}

bool leat_hub_find(leat_hub *h, leat_str name, leat_arena *a, leat_hub_connector *out)
{
    pthread_mutex_lock(&h->guard);
    leat_hub_row *row = row_of(h, name);
    bool sure = row && take(h, row, a, out);
    pthread_mutex_unlock(&h->guard);
    if (!row || sure || has_state(h, out->name, a)) return row != NULL;
    forget_deleted(h, out->name);
    return false;
}

size_t leat_hub_all(leat_hub *h, leat_arena *a, leat_hub_connector **out)
{
    size_t n = 0, i = 0, kept = 0;
    pthread_mutex_lock(&h->guard);
    for (const leat_hub_row *row = h->first; row; row = row->next) n++;
    leat_hub_connector *all = LEAT_NEW(a, leat_hub_connector, n + 1);
    bool *sure = LEAT_NEW(a, bool, n + 1);
    for (leat_hub_row *row = h->first; row; row = row->next, i++)
        sure[i] = take(h, row, a, &all[i]);
    pthread_mutex_unlock(&h->guard);
    for (i = 0; i < n; i++) {
        if (sure[i] || has_state(h, all[i].name, a))
            all[kept++] = all[i];
        else
            forget_deleted(h, all[i].name);
    }
    *out = all;
    return kept;
}

static bool claimed(const leat_hub *h, const char *name)
{
    for (const leat_hub_claim *c = h->claims; c; c = c->next)
        if (strcmp(c->name, name) == 0) return true;
    return false;
}

void leat_hub_claim_name(leat_hub *h, leat_hub_claim *claim, const char *name)
{
    pthread_mutex_lock(&h->guard);
    while (claimed(h, name)) pthread_cond_wait(&h->given, &h->guard);
    *claim = (leat_hub_claim){.name = name, .next = h->claims};
    h->claims = claim;
    pthread_mutex_unlock(&h->guard);
}

void leat_hub_give_back(leat_hub *h, leat_hub_claim *claim)
{
    pthread_mutex_lock(&h->guard);
    leat_hub_claim **at = &h->claims;
    while (*at != claim) at = &(*at)->next;
    *at = claim->next;
    pthread_cond_broadcast(&h->given);
    pthread_mutex_unlock(&h->guard);
}

leat_rc leat_hub_store(leat_hub *h, const leat_config *config, bool stopped, const char *who,
                       leat_err *e)
{
    leat_buf text = {0};
    leat_config own = *config;
    own.worker = NULL;
    leat_rc rc = leat_kept_write(&own, &text, e);
    leat_hubdb_row row = {.name = config->name, .config = leat_buf_str(&text), .stopped = stopped};
    if (rc == LEAT_OK) {
        leat_hub_made *made = make_of(h, &row);
        pthread_mutex_lock(&h->guard);
        const leat_hub_row *was = row_of(h, leat_str_of(row.name));
        if (who) row.shown = made->k.shown;
        if (was) row.before = was->made->k.shown;
        row.who = who;
        rc = leat_hubdb_put(h->db, &row, e);
        if (rc == LEAT_OK)
            put_made(h, &row, made);
        else
            let_go(made);
        pthread_mutex_unlock(&h->guard);
    }
    leat_buf_free(&text);
    return rc;
}

leat_rc leat_hub_stopped_set(leat_hub *h, const char *name, bool stopped, leat_err *e)
{
    pthread_mutex_lock(&h->guard);
    leat_hub_row *row = row_of(h, leat_str_of(name));
    leat_rc rc = leat_hubdb_stopped_set(h->db, name, stopped, e);
    if (rc == LEAT_OK && row) row->stopped = stopped;
    pthread_mutex_unlock(&h->guard);
    return rc;
}

leat_rc leat_hub_forget(leat_hub *h, const char *name, leat_err *e)
{
    pthread_mutex_lock(&h->guard);
    leat_rc rc = leat_hubdb_delete(h->db, name, e);
    if (rc == LEAT_OK) remove_row(h, leat_str_of(name));
    pthread_mutex_unlock(&h->guard);
    return rc;
}

/* ---- its beginning and its end: of the thread that serves, while there is no other ---- */

static void load_row(void *arg, const leat_hubdb_row *row)
{
    put_made(arg, row, make_of(arg, row));
}

leat_rc leat_hub_list_load(leat_hub *h, leat_err *e)
{
    return leat_hubdb_each(h->db, load_row, h, e);
}

void leat_hub_list_free(leat_hub *h)
{
    while (h->first) remove_row(h, leat_str_of(h->first->name));
}
