/* The control socket: how hub, command line and tests talk to a running connector.
 *
 * data/connectors/NAME/control.sock, a Unix stream socket of mode 0600. A request is a line of
 * JSON,
 * {"verb":"status"}; the answer is a line, {"ok":true,...} or
 * {"ok":false,"error":{"code":...,"where":...,"message":...}}; docs/control.md lists the verbs.
 * Served by a thread of its own, which never waits: slow verbs are answered by a second one, in
 * turn. A client that sends too much (64 KiB) or does not read its answers is dropped, and the most
 * silent one when there are more than 16. */
#ifndef LEAT_ENGINE_CONTROL_H
#define LEAT_ENGINE_CONTROL_H

#include "base/json.h"

#define LEAT_CONTROL_SOCKET "control.sock"

typedef struct leat_control leat_control;

/* Answers one request by adding members to reply (an open object that holds "ok"). */
typedef leat_rc (*leat_control_handler)(void *arg, leat_str verb, const leat_json *request,
                                        leat_jw *reply, leat_err *e);

typedef struct leat_control_conf {
    const char *folder; /* the connector's; copied */
    /* Called by the control thread, and must not wait; for slow verbs by the worker thread. */
    leat_control_handler handler;
    bool (*slow)(leat_str verb); /* its handler may wait; NULL: none does */
    void (*tick)(void *arg);     /* once a second by the control thread; NULL: nothing to do */
    /* By the worker thread, between slow verbs; returns after how many microseconds again. NULL:
     * there is nothing to do. */
    int64_t (*idle)(void *arg);
    void *arg;
} leat_control_conf;

/* Binds (a socket left by a dead process is replaced) and starts the threads. The caller holds the
 * connector's lock. */
leat_rc leat_control_start(const leat_control_conf *conf, leat_control **out, leat_err *e);
/* Ends the threads, once what the worker is at has returned, and removes the socket. */
void leat_control_stop(leat_control *c);

/* One request line (without its end) into one answer line. */
void leat_control_answer(leat_control_handler handler, void *arg, leat_str line, leat_buf *out);

/* Sends request (one JSON object) to the connector whose folder this is and waits for the answer,
 * at most ms. RETRY "control.not_running" when nobody listens, or it ends before it answers. An
 * answer with ok=false comes back as its error. */
leat_rc leat_control_call(const char *folder, leat_str request, int ms, leat_arena *a,
                          const leat_json **reply, leat_err *e);

#endif
