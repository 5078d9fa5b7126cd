/* leat serve: the hub; hub/hub.h. */
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "hub/hub.h"

int leat_cli_serve(int argc, char **argv)
{
    leat_common common = {.data = leat_cli_data()};
    leat_hub_conf conf = {.listen = "127.0.0.1:8083", .history_s = 60};
    const leat_arg args[] = {
        LEAT_ARG_DATA(common),
        {"listen", LEAT_ARG_TEXT, &conf.listen, "HOST:PORT",
         "where REST and page are served (default: 127.0.0.1:8083)"},
        {"bound", LEAT_ARG_FLAG, &conf.bound, NULL,
         "connectors end when the hub is killed; else they go on, and the next hub takes them over"},
        {"history", LEAT_ARG_INT, &conf.history_s, "SECONDS",
         "how often counters are noted, for a day (default: 60; 0: never)"},
        {"log-level", LEAT_ARG_TEXT, &conf.log_level, "LEVEL", "trace, debug, info, warn or error"},
        {"log-json", LEAT_ARG_FLAG, &conf.log_json, NULL, "log lines as JSON objects"},
        {0},
    };
    const char *words[1];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 0, &nwords, &status)) return status;
    leat_level level = LEAT_INFO;
    if (conf.log_level && !leat_log_level_parse(leat_str_of(conf.log_level), &level))
        return leat_cli_usage(argv[0], "--log-level: trace, debug, info, warn or error, got \"%s\"",
                              conf.log_level);
    if (conf.history_s < 0 || conf.history_s > 3600)
        return leat_cli_usage(argv[0], "--history takes 0 to 3600 seconds, got %lld",
                              (long long)conf.history_s);
    leat_log_setup(level, conf.log_json, NULL, STDERR_FILENO);
    leat_err err = {0};
    conf.data = common.data;
    return leat_rc_failed(leat_hub_serve(&conf, &err)) ? leat_cli_fail(&err) : LEAT_EXIT_OK;
}
