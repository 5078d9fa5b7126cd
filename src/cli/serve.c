/* leat serve: the hub; hub/hub.h. */
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "config/open.h"
#include "hub/hub.h"

enum { CONNECTIONS_MOST = 100000 };

static bool sensible(const char *command, const leat_hub_conf *conf, leat_level *level,
                     int *exit_status)
{
    *exit_status = LEAT_EXIT_USAGE;
    if (conf->log_level && !leat_log_level_parse(leat_str_of(conf->log_level), level)) {
        leat_cli_usage(command, "--log-level: trace, debug, info, warn or error, got \"%s\"",
                       conf->log_level);
        return false;
    }
    if (conf->history_s < 0 || conf->history_s > 3600)
        leat_cli_usage(command, "--history takes 0 to 3600 seconds, got %lld",
                       (long long)conf->history_s);
    else if (conf->connections < 1 || conf->connections > CONNECTIONS_MOST)
        leat_cli_usage(command, "--max-connections: 1 to %d", CONNECTIONS_MOST);
    else if (conf->arrival_s < 1 || conf->arrival_s > 3600)
        leat_cli_usage(command, "--request-timeout: 1 to 3600 seconds");
    else
        return true;
    return false;
}

/* The worker's file, and --kafka. */
static leat_rc open_worker(leat_open *o, leat_arena *a, const char *path, leat_err *e)
{
    leat_config *list = NULL;
    if (path) LEAT_TRY(leat_open_file(a, o, path, &list, e));
    if (!list) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "config.worker", path,
                     "this is no worker's configuration: it names a connector, which is made by "
                     "REST (POST /connectors), or it names no bootstrap.servers");
}

/* worker: its file; NULL: none. */
static int serve(leat_hub_conf *conf, const char *kafka, const char *worker, leat_level level,
                 bool only_try)
{
    leat_err err = {0};
    leat_arena a = {0};
    leat_open open = {.kafka = kafka, .env = (const char *const *)environ};
    leat_rc rc = open_worker(&open, &a, worker, &err);
    conf->open = &open;
    conf->default_rate = conf->rate < 0;
    if (conf->default_rate) conf->rate = LEAT_HUB_RATE;
    if (rc == LEAT_OK && !only_try) {
        leat_log_setup(level, conf->log_json, NULL, STDERR_FILENO);
        rc = leat_hub_serve(conf, &err);
    }
    leat_arena_free(&a);
    return leat_rc_failed(rc) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}

int leat_cli_serve(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    leat_hub_conf conf = {.tls = {.least = "1.2"},
                          .connections = LEAT_HUB_CONNECTIONS,
                          .per_address = LEAT_HUB_PER_ADDRESS,
                          .rate = -1,
                          .history_s = 60,
                          .arrival_s = LEAT_HUB_ARRIVAL_S};
    bool only_try = false;
    const leat_arg args[] = {
        LEAT_ARG_DATA(common),
        LEAT_ARG_KAFKA(common),
        {"listen", LEAT_ARG_TEXT, &conf.listen, "ADDRESS:PORT",
         "where REST and page are served (default: 127.0.0.1:8083); any but the loopback needs TLS "
         "and a login"},
        {"socket", LEAT_ARG_TEXT, &conf.socket, "PATH",
         "also at this Unix socket, where users are known by their processes"},
        {"tls-cert", LEAT_ARG_TEXT, &conf.tls.certificate, "FILE",
         "certificate (PEM, with those that link it to its root); read again when it changes, or at "
         "SIGHUP"},
        {"tls-key", LEAT_ARG_TEXT, &conf.tls.key, "FILE", "its key (PEM)"},
        {"tls-client-ca", LEAT_ARG_TEXT, &conf.tls.client_ca, "FILE",
         "authorities of clients' certificates, by which they log in ('leat user')"},
        {"tls-min-version", LEAT_ARG_TEXT, &conf.tls.least, "VERSION", "1.2 (default) or 1.3"},
        {"host", LEAT_ARG_TEXT, &conf.hosts, "NAMES",
         "names this hub is called by, separated by commas; those of its certificate are known"},
        {"url", LEAT_ARG_TEXT, &conf.url, "URL",
         "by which browsers reach this hub through a proxy, as https://example.org/leat"},
        {"require-login", LEAT_ARG_FLAG, &conf.login, NULL, "on the loopback, too"},
        {"files-root", LEAT_ARG_TEXT, &conf.files, "DIR",
         "connectors may name files below it (certificates, ${file:..}); without it none"},
        {"allow-code", LEAT_ARG_FLAG, &conf.code, NULL, "connectors may run programs"},
        {"max-connections", LEAT_ARG_INT, &conf.connections, "N", "at once (default: 1000)"},
        {"max-connections-per-address", LEAT_ARG_INT, &conf.per_address, "N",
         "at once, but on the loopback (default: 100; 0: no bound)"},
        {"max-rate", LEAT_ARG_INT, &conf.rate, "N",
         "requests a second of one address (default: 200, on the loopback no bound, which is 0)"},
        {"request-timeout", LEAT_ARG_INT, &conf.arrival_s, "SECONDS",
         "for a request to arrive (default: 45)"},
        {"bound", LEAT_ARG_FLAG, &conf.bound, NULL,
         "connectors end when the hub is killed; else they go on, and the next hub takes them over"},
        {"try", LEAT_ARG_FLAG, &only_try, NULL,
         "begin nothing: whether these arguments are understood ('leat upgrade' asks)"},
        {"history", LEAT_ARG_INT, &conf.history_s, "SECONDS",
         "how often counters are noted, for a day (default: 60; 0: never)"},
        {"log-level", LEAT_ARG_TEXT, &conf.log_level, "LEVEL", "trace, debug, info, warn or error"},
        {"log-json", LEAT_ARG_FLAG, &conf.log_json, NULL, "log lines as JSON objects"},
        {0},
    };
    const char *words[1];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 1, &nwords, &status)) return status;
    leat_level level = LEAT_INFO;
    if (!sensible(argv[0], &conf, &level, &status)) return status;
    conf.data = common.data;
    return serve(&conf, common.kafka, nwords ? words[0] : NULL, level, only_try);
}
