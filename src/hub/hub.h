/* The hub, `leat serve`: connectors that hub.db holds, a process each by the supervisor, and Kafka
 * Connect's REST API over them (docs/rest.md). One hub a data folder. */
#ifndef LEAT_HUB_HUB_H
#define LEAT_HUB_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "hub/tls.h"

/* 1,000 connections of 32 KiB each are what a small machine has to spare. */
enum {
    LEAT_HUB_CONNECTIONS = 1000,
    LEAT_HUB_PER_ADDRESS = 100,
    LEAT_HUB_RATE = 200,
    LEAT_HUB_ARRIVAL_S = 45,
};

typedef struct leat_hub_conf {
    const char *data;
    const char *listen;           /* ADDRESS:PORT; port 0: any that is free; NULL: 127.0.0.1:8083 */
    const char *socket;           /* path of a Unix socket to listen at, too; NULL: none */
    const struct leat_open *open; /* --kafka and the worker's file; NULL: the embedded stream */
    const char *hosts;            /* names it is called by, separated by commas; NULL: none */
    const char *url;              /* by which browsers reach it through a proxy; NULL: none */
    bool login;                   /* the loopback needs a login, too */
    leat_tls_conf tls;            /* certificate NULL: none */
    bool code;                    /* connectors may run programs */
    const char *files; /* files that connectors may name must lie below; NULL: none may */
    int64_t connections, per_address, rate, arrival_s; /* hub/http.h */
    bool default_rate;     /* nobody asked for that rate: there is none on the loopback */
    bool bound;            /* connectors end when the hub is killed; else they go on */
    const char *log_level; /* of the connectors; NULL: default */
    bool log_json;
    int64_t history_s;                  /* counters are noted every so many seconds; 0: never */
    const struct leat_panel_conf *demo; /* hub/panel.h; NULL: this is no demo */
} leat_hub_conf;

/* Serves until a signal asks to stop, then stops all connectors in order. CONF "hub.locked":
 * another hub has the data folder. */
leat_rc leat_hub_serve(const leat_hub_conf *conf, leat_err *e);

#endif
