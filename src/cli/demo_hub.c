/* leat demo with the page: a hub captures the shop and copies it into a SQLite file, and its panel
 * breaks things.
 *
 * What makes the target refuse a row is a trigger in that file, as an owner of a real target would
 * have a constraint there. Run by the keeper's child, whose panel calls from the hub's threads. */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/demo.h"
#include "hub/http.h"
#include "hub/hub.h"
#include "hub/panel.h"

#define LISTEN "127.0.0.1:8083"

enum { BUSY_MS = 10000, HISTORY_S = 5 };

/* Its port, or another one there if that is taken. */
static unsigned free_port(leat_http_conf *conf)
{
    unsigned port = conf->port;
    int fd = leat_http_bind(conf, &port);
    conf->port = 0;
    if (fd < 0) fd = leat_http_bind(conf, &port);
    if (fd >= 0) close(fd);
    return port;
}

/* The address is told before the hub listens, so port 0 is one that is free now. What is no address
 * the hub refuses. */
const char *leat_demo_listen(const char *given, leat_arena *a)
{
    const char *listen = given ? given : LISTEN;
    leat_http_conf conf = {0};
    if (leat_http_address(listen, a, &conf, NULL) != LEAT_OK || (given && conf.port > 0))
        return given;
    return leat_arena_printf(a, "%.*s:%u", (int)(strrchr(listen, ':') - listen), listen,
                             free_port(&conf));
}

static leat_rc drop_slot(const void *arg, leat_err *e)
{
    return leat_demo_slot_drop(arg, e);
}

static leat_rc poison(const void *arg, bool on, leat_err *e)
{
    static const char refuse[] = "CREATE TRIGGER IF NOT EXISTS refuse BEFORE INSERT ON customers"
                                 " WHEN NEW.name = '" LEAT_DEMO_POISON "'"
                                 " BEGIN SELECT RAISE(ABORT, 'the warehouse takes no poison'); END";
    const leat_demo_lab *lab = arg;
    sqlite3 *db = NULL;
    leat_rc rc = LEAT_OK;
    bool done = sqlite3_open_v2(lab->target, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK &&
                sqlite3_exec(db, on ? refuse : "DROP TRIGGER IF EXISTS refuse", NULL, NULL, NULL) ==
                    SQLITE_OK;
    if (!done)
        rc = leat_fail(e, LEAT_RETRY, "demo.target", lab->target, "%s",
                       db ? sqlite3_errmsg(db) : "there is no memory");
    sqlite3_close(db);
    return rc == LEAT_OK && on ? leat_demo_poison(lab, e) : rc;
}

/* The configuration a user would write in warehouse.properties. */
static leat_rc target(const leat_demo_lab *lab, leat_arena *a, leat_config **out, leat_err *e)
{
    const char *text = leat_arena_printf(a,
                                         "connector.class=sql\n"
                                         "connection.url=jdbc:sqlite:%s\n"
                                         "topics.regex=" LEAT_DEMO_CONNECTOR "\\\\.public\\\\..*\n"
                                         "errors.tolerance=all\n",
                                         lab->target);
    return leat_config_properties(a, leat_str_of(text), "warehouse", out, e);
}

int leat_demo_hub(const leat_demo_lab *lab)
{
    leat_arena a = {0};
    leat_err err = {0};
    leat_config *source = NULL, *sink = NULL;
    leat_log_setup(LEAT_INFO, false, NULL, STDERR_FILENO);
    leat_rc rc = leat_demo_source(lab, &a, &source, &err);
    if (rc == LEAT_OK) rc = target(lab, &a, &sink, &err);
    const leat_panel_conf panel = {.source = source,
                                   .sink = sink,
                                   .rate = lab->rate,
                                   .rate_most = LEAT_DEMO_RATE_MAX / 2,
                                   .drop_slot = drop_slot,
                                   .poison = poison,
                                   .arg = lab};
    const leat_hub_conf conf = {.data = lab->data,
                                .listen = lab->listen,
                                .tls = {.least = "1.2"},
                                .files = lab->scratch,
                                .connections = LEAT_HUB_CONNECTIONS,
                                .per_address = LEAT_HUB_PER_ADDRESS,
                                .rate = LEAT_HUB_RATE,
                                .default_rate = true,
                                .arrival_s = LEAT_HUB_ARRIVAL_S,
                                .history_s = HISTORY_S,
                                .bound = true,
                                .demo = &panel};
    if (rc == LEAT_OK) rc = leat_hub_serve(&conf, &err);
    if (leat_rc_failed(rc)) leat_log_err(LEAT_ERROR, &err);
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? 1 : 0;
}
