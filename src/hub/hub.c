/* Life of the hub.
 *
 * Signals are taken over first, then connectors start or are adopted, then HTTP listens. */
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
#include "engine/kept.h"
#include "hub/history.h"
#include "hub/inside.h"
#include "hub/overview.h"
#include "hub/panel.h"
#include "hub/upgrade.h"
#include "hub/verifying.h"

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
    LEAT_TRY(leat_hub_list_load(h, e));
    return h->conf.demo ? leat_panel_connectors(h, h->conf.demo, e) : LEAT_OK;
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
    if (h->conf.demo) h->panel = leat_panel_start(h, h->conf.demo);
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
    h.verifying = leat_verifying_new(conf->data);
    pthread_mutex_init(&h.guard, NULL);
    pthread_cond_init(&h.given, NULL);
    pthread_mutex_init(&h.audit_guard, NULL);
    int left = -1;
    leat_rc rc = begin(&h, &left, e);
    leat_upgrade *upgrade = h.upgrade;
    leat_panel_stop(h.panel);
    leat_verifying_free(h.verifying);
    leat_supervisor_free(h.supervisor);
    leat_overview_free(h.overview);
    leat_nursery_free(h.nursery);
    leat_hubdb_close(h.db);
    leat_hubdb_close(h.audit);
    leat_tls_free(h.tls);
    leat_os_now()->close(h.lock);
    leat_hub_list_free(&h);
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
