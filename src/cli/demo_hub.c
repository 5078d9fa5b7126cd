/* leat demo with the page: a hub captures the shop and copies it into a SQLite file, and its panel
 * breaks things.
 *
 * What makes the target refuse a row is a trigger in that file, as an owner of a real target would
 * have a constraint there. Run by the keeper's child, whose panel calls from the hub's threads. */
#include <errno.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/demo.h"
#include "hub/hub.h"
#include "hub/panel.h"

enum { PORT = 8083, BUSY_MS = 10000, HISTORY_S = 5 };

/* The port, or another one if it is taken. */
static unsigned free_port(unsigned wanted)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)wanted)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    bool bound = bind(fd, (const struct sockaddr *)&at, len) == 0;
    at.sin_port = 0;
    if (!bound) bound = bind(fd, (const struct sockaddr *)&at, len) == 0;
    if (bound) getsockname(fd, (struct sockaddr *)&at, &len);
    close(fd);
    return bound ? ntohs(at.sin_port) : wanted;
}

/* The address is told before the hub listens, so port 0 is one that is free now. */
const char *leat_demo_listen(const char *given, leat_arena *a)
{
    if (!given) return leat_arena_printf(a, "127.0.0.1:%u", free_port(PORT));
    const char *port = strrchr(given, ':');
    if (!port || strcmp(port, ":0") != 0) return given;
    return leat_arena_printf(a, "%.*s:%u", (int)(port - given), given, free_port(0));
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
