/* The hub, `leat serve`: connectors that hub.db holds, a process each by the supervisor, and Kafka
 * Connect's REST API over them (docs/rest.md). One hub a data folder. */
#ifndef LEAT_HUB_HUB_H
#define LEAT_HUB_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct leat_hub_conf {
    const char *data;
    const char *listen;    /* HOST:PORT of the loopback; port 0: any that is free */
    bool bound;            /* connectors end when the hub is killed; else they go on */
    const char *log_level; /* of the connectors; NULL: default */
    bool log_json;
    int64_t history_s; /* counters are noted every so many seconds; 0: never */
} leat_hub_conf;

/* Serves until a signal asks to stop, then stops all connectors in order. CONF "hub.locked":
 * another hub has the data folder. */
leat_rc leat_hub_serve(const leat_hub_conf *conf, leat_err *e);

#endif
