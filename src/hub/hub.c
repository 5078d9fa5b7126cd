/* Life of the hub, and its list of connectors.
 *
 * hub.db is the truth of which there are, their configuration and whether they are stopped; the
 * list mirrors it. state.db of each, made with it, holds the rest; one that lacks it was deleted by
 * others. Signals are taken over first, then connectors start or are adopted, then HTTP listens. */
#include "hub/hub.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/group.h"
#include "base/log.h"
#include "base/os.h"
#include "config/files.h"
#include "config/open.h"
#include "engine/kept.h"
#include "hub/history.h"
#include "hub/inside.h"
#include "hub/overview.h"
#include "hub/upgrade.h"

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

static void put_row(leat_hub *h, const leat_hubdb_row *from)
{
    put_made(h, from, make_of(h, from));
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

const char *leat_hub_type(const leat_hub_connector *k)
{
    return k->source ? "source" : k->sink ? "sink" : "unknown";
}

leat_str leat_hub_request(const char *verb, leat_arena *a)
{
    return leat_str_of(leat_arena_printf(a, "{\"verb\":\"%s\",\"by\":\"REST\"}", verb));
}

void leat_hub_missing(leat_http_call *c, const char *before, const char *after)
{
    leat_http_fail(c, 404, "%s%.*s%s", before, LEAT_STR_ARG(c->param[0]), after);
}

void leat_hub_fail(leat_http_call *c, const leat_err *err)
{
    int status = err->rc == LEAT_CONF ? 400 : err->rc == LEAT_RETRY ? 503 : 500;
    leat_http_fail(c, status, "%s%s%s [%s]", err->where, *err->where ? ": " : "", err->msg,
                   err->code);
}

/* ---- life ---- */

/* By the supervisor's thread: what a person did at the command line is wanted here too. */
static void on_event(void *arg, const char *connector, const char *what)
{
    leat_hub *h = arg;
    leat_err err;
    if (!connector) {
        leat_upgrade_begin(h->upgrade);
        return;
    }
    bool ended = strcmp(what, "ended") == 0;
    if (strcmp(what, "failed") == 0 || (ended && leat_supervisor_stopping(h->supervisor))) return;
    if (leat_rc_failed(leat_hub_stopped_set(h, connector, ended, &err)))
        leat_log_err(LEAT_WARN, &err);
}

static void load_row(void *arg, const leat_hubdb_row *row)
{
    put_row(arg, row);
}

static leat_rc open_hub(leat_hub *h, leat_err *e)
{
    const char *data = h->conf.data;
    int err = leat_os_mkdirs(data, 0700);
    if (err < 0) return leat_os_fail(e, err, "make the folder", data);
    char *path = leat_arena_printf(&h->a, "%s/hub.lock", data);
    h->lock = leat_os_now()->open(path, LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_LOCK, 0600);
    if (h->lock == -EWOULDBLOCK)
        return leat_fail(e, LEAT_CONF, "hub.locked", data,
                         "another 'leat serve' has this data folder; stop that one, or name "
                         "another folder by --data");
    if (h->lock < 0) return leat_os_fail(e, h->lock, "lock", path);
    char *pid = leat_arena_printf(&h->a, "%010d", (int)getpid()); /* always as many bytes */
    err = leat_os_write_all(h->lock, pid, strlen(pid), 0);
    if (err < 0) return leat_os_fail(e, err, "write", path);
    LEAT_TRY(leat_hubdb_open(data, &h->db, e));
    LEAT_TRY(leat_hubdb_open(data, &h->audit, e));
    LEAT_TRY(leat_hubdb_id(h->db, &h->a, &h->id, e));
    return leat_hubdb_each(h->db, load_row, h, e);
}

/* Secrets that an older leat left open, in hub.db and in state.db of those that will not start. */
static leat_rc seal_old(leat_hub *h, leat_err *e)
{
    leat_hub_connector *all;
    leat_arena a = {0};
    leat_rc rc = LEAT_OK;
    unsigned sealed = 0;
    size_t n = leat_hub_all(h, &a, &all);
    for (size_t i = 0; i < n && rc == LEAT_OK; i++) {
        leat_state *s = NULL;
        leat_config own = *all[i].config;
        own.worker = NULL;
        if (!leat_config_bare(&own, leat_hub_tables(&all[i]))) continue;
        rc = leat_state_open(h->conf.data, all[i].name, false, &s, e);
        if (rc == LEAT_OK) rc = leat_kept_store(s, all[i].config, e);
        leat_state_close(s);
        if (rc == LEAT_OK) rc = leat_hub_store(h, all[i].config, all[i].stopped, NULL, e);
        sealed++;
    }
    if (rc == LEAT_OK && sealed > 0) rc = leat_hubdb_scrub(h->db, e);
    if (rc == LEAT_OK && sealed > 0)
        leat_log(LEAT_INFO, "hub.sealed", "connectors=%u their secrets lay open and are sealed now",
                 sealed);
    leat_arena_free(&a);
    return rc;
}

/* Those that are to run, and those whose process has outlived the last hub. */
static void start_all(leat_hub *h)
{
    leat_hub_connector *all;
    leat_arena a = {0};
    size_t n = leat_hub_all(h, &a, &all);
    for (size_t i = 0; i < n; i++) {
        leat_child_config child = {.config = all[i].config, .sink = all[i].sink != NULL};
        leat_supervisor_put(h->supervisor, &child, !all[i].stopped);
    }
    leat_arena_free(&a);
}

/* The socket of a service manager, if it has one for us. */
static leat_rc handed_over(leat_http_conf *conf, leat_err *e)
{
    int fd = leat_os_service_socket();
    if (fd < 0 && fd != -ENOENT)
        return leat_fail(e, LEAT_CONF, "hub.socket", "LISTEN_FDS",
                         "the service manager has to hand over one listening socket: %s",
                         leat_os_strerror(fd));
    if (fd >= 0) conf->handed = fd;
    return LEAT_OK;
}

static atomic_bool reload; /* SIGHUP came */

static void on_hangup(int sig)
{
    (void)sig;
    atomic_store(&reload, true);
}

/* With a certificate that can be read again, SIGHUP asks for that; else it stops, as elsewhere. */
static leat_rc open_tls(leat_hub *h, leat_http_conf *conf, leat_err *e)
{
    const leat_tls_conf *tls = &h->conf.tls;
    struct sigaction act = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    if (!tls->certificate != !tls->key || (tls->client_ca && !tls->certificate))
        return leat_fail(e, LEAT_CONF, "config.tls", "--tls-cert",
                         "--tls-cert and --tls-key belong together, and --tls-client-ca to both");
    if (!tls->certificate) return LEAT_OK;
    LEAT_TRY(leat_tls_open(tls, &h->tls, e));
    conf->tls = h->tls;
    conf->reload = &reload;
    sigaction(SIGHUP, &act, NULL);
    return LEAT_OK;
}

/* *left: the listening socket, if another program is to go on with it. */
static leat_rc serve(leat_hub *h, int *left, leat_err *e)
{
    leat_http *http;
    leat_http_conf conf = {.routes = leat_hub_routes,
                           .arg = h,
                           .data = h->conf.data,
                           .socket = h->conf.socket,
                           .hosts = h->conf.hosts,
                           .login = h->conf.login,
                           .connections = (unsigned)h->conf.connections,
                           .per_address = (unsigned)h->conf.per_address,
                           .rate = (unsigned)h->conf.rate,
                           .arrival_s = (unsigned)h->conf.arrival_s,
                           .told = leat_hub_told};
    leat_supervisor_conf sup = {.data = h->conf.data,
                                .upgrades = true,
                                .outlive = !h->conf.bound,
                                .stop_ms = LEAT_HUB_STOP_MS,
                                .log_level = h->conf.log_level,
                                .log_json = h->conf.log_json,
                                .nursery = h->nursery,
                                .event = on_event,
                                .arg = h};
    const char *listen = h->conf.listen ? h->conf.listen : "127.0.0.1:8083";
    conf.listen = h->conf.listen;
    LEAT_TRY(leat_http_address(listen, &h->a, &conf, e));
    LEAT_TRY(handed_over(&conf, e));
    if (h->conf.url) LEAT_TRY(leat_http_url(h->conf.url, &h->a, &conf, e));
    if (conf.local && h->conf.default_rate) conf.rate = 0;
    LEAT_TRY(leat_files_restrict(h->conf.files, h->conf.data, h->conf.code, e));
    LEAT_TRY(open_tls(h, &conf, e));
    LEAT_TRY(open_hub(h, e));
    h->upgrade = leat_upgrade_new(h);
    h->overview = leat_overview_new();
    LEAT_TRY(seal_old(h, e));
    sup.keep_hangup = conf.tls != NULL;
    LEAT_TRY(leat_supervisor_new(&sup, &h->supervisor, e));
    LEAT_TRY(leat_http_start(&conf, &http, e));
    bool six = strchr(conf.host, ':') != NULL;
    snprintf(h->worker, sizeof h->worker, "%s%s%s:%u", six ? "[" : "", conf.host, six ? "]" : "",
             leat_http_port(http));
    start_all(h);
    if (h->conf.history_s > 0 &&
        leat_rc_failed(leat_history_start(h, h->conf.history_s, &h->history, e)))
        leat_log_err(LEAT_WARN, e);
    leat_log(LEAT_INFO, "hub.listening",
             "url=http%s://%s data=%s%s%s connectors and their REST API", conf.tls ? "s" : "",
             h->worker, h->conf.data, conf.socket ? " socket=" : "",
             conf.socket ? conf.socket : "");
    leat_os_service_tell("READY=1");
    leat_upgrade_go_on(h->upgrade);
    leat_supervisor_serve(h->supervisor);
    if (leat_upgrade_end(h->upgrade))
        *left = leat_http_hand_over(http);
    else
        leat_http_stop(http);
    leat_history_stop(h->history);
    leat_log(LEAT_INFO, "hub.stopped", *left >= 0 ? "for another program" : "in order");
    return LEAT_OK;
}

/* The group is divided, and the nursery made, before there are secrets, locks and threads. */
static leat_rc begin(leat_hub *h, int *left, leat_err *e)
{
    int err = leat_group_prepare();
    leat_log(
        LEAT_INFO, "hub.limits", "by=%s%s%s", err == 0 ? "cgroup" : "rlimit",
        err == 0 ? "" : " no control groups to divide: ", err == 0 ? "" : leat_os_strerror(err));
    if (leat_rc_failed(leat_nursery_start(&h->nursery, e))) leat_log_err(LEAT_WARN, e);
    return serve(h, left, e);
}

leat_rc leat_hub_serve(const leat_hub_conf *conf, leat_err *e)
{
    leat_hub h = {.conf = *conf, .lock = -1, .begun_us = leat_now_us()};
    pthread_mutex_init(&h.guard, NULL);
    pthread_cond_init(&h.given, NULL);
    pthread_mutex_init(&h.audit_guard, NULL);
    int left = -1;
    leat_rc rc = begin(&h, &left, e);
    leat_upgrade *upgrade = h.upgrade;
    leat_supervisor_free(h.supervisor);
    leat_overview_free(h.overview);
    leat_nursery_free(h.nursery);
    leat_hubdb_close(h.db);
    leat_hubdb_close(h.audit);
    leat_tls_free(h.tls);
    leat_os_now()->close(h.lock);
    while (h.first) remove_row(&h, leat_str_of(h.first->name));
    for (leat_hub_level *l = h.levels, *next; l; l = next) {
        next = l->next;
        leat_free(l->logger);
        leat_free(l);
    }
    if (left >= 0) rc = leat_upgrade_become(upgrade, left, e);
    leat_upgrade_free(upgrade);
    leat_arena_free(&h.a);
    pthread_cond_destroy(&h.given);
    pthread_mutex_destroy(&h.guard);
    pthread_mutex_destroy(&h.audit_guard);
    return rc;
}
