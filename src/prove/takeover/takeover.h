/* Takeover: a connector that runs on Kafka Connect goes on here, at the same slot and the same
 * offsets, and back.
 *
 * Each step is told as it happens. Until something is stopped nothing is changed anywhere; what
 * fails after that is undone: the connector runs again where it ran before. One thread. */
#ifndef LEAT_PROVE_TAKEOVER_TAKEOVER_H
#define LEAT_PROVE_TAKEOVER_TAKEOVER_H

#include "config/open.h"
#include "prove/takeover/rest.h"

typedef enum leat_takeover_state {
    LEAT_TAKEOVER_OK,
    LEAT_TAKEOVER_WARN,
    LEAT_TAKEOVER_FAILED,
    LEAT_TAKEOVER_UNDONE, /* a step that takes back what was done before */
} leat_takeover_state;

typedef struct leat_takeover_conf {
    const char *url, *name;
    leat_rest_login login;
    const char *data;
    const leat_open *open; /* --kafka and the worker's file */
    const char *file;      /* where the configuration goes; NULL: NAME.json */
    bool embedded;         /* into the embedded stream, on purpose */
    bool dry;              /* look, and change nothing */
    int64_t wait_ms;       /* for something to stop or to run */
    const char *by;        /* who, for the history */
    /* One step, for a person; texts are borrowed for the call. */
    void (*step)(void *arg, const char *name, leat_takeover_state state, const char *detail);
    void *arg;
} leat_takeover_conf;

/* Kafka Connect -> here. The connector is stopped there, its offsets are stored here, and its
 * configuration is in a file that `leat run` takes. CONF "takeover.*"; what rest.h says. */
leat_rc leat_takeover(const leat_takeover_conf *conf, leat_err *e);
/* Here -> Kafka Connect. It is stopped and paused here, and runs there. */
leat_rc leat_takeover_back(const leat_takeover_conf *conf, leat_err *e);

#endif
