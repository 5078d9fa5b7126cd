/* The inside of the HTTP server, shared by http.c, http_admit.c, http_listen.c and
 * http_queue.c; nobody else includes this.
 *
 * A request belongs to the library's thread, but between its suspension and its resumption to a
 * worker. */
#ifndef LEAT_HUB_HTTP_PART_H
#define LEAT_HUB_HTTP_PART_H

#include <microhttpd.h>
#include <pthread.h>

#include "hub/http.h"
#include "hub/login.h"
#include "hub/watch.h"

enum { LEAT_HTTP_PLACES = 2 };

/* Bytes of a body that is refused while it comes, until the connection is ended all the same. */
enum { LEAT_HTTP_PASSED = 16 << 20 };

/* One request of a connection. */
typedef struct leat_http_request {
    leat_http_call call;
    const leat_http_route *route; /* NULL: answered without */
    struct MHD_Connection *connection;
    leat_watched *peer;
    leat_buf body;
    const char *allow; /* of the answer; NULL: none */
    bool challenge;    /* the answer asks for a login */
    bool wait;         /* the answer says when to try again */
    bool slow;         /* a password must be hashed before it is admitted */
    bool answered;     /* the handler has run, or need not */
    int64_t since_us;  /* that it is in a line */
    size_t passed;     /* bytes of a body that is too large, read and not kept */
    struct leat_http_request *next;
} leat_http_request;

/* Requests that have arrived, the oldest first. */
typedef struct leat_http_line {
    leat_http_request *first, **tail;
} leat_http_line;

/* A deed of a request that was refused, until it is told. */
typedef struct leat_http_refusal {
    leat_http_deed deed; /* texts owned by a */
    leat_arena a;
    struct leat_http_refusal *next;
} leat_http_refusal;

struct leat_http {
    leat_http_conf conf;
    unsigned port;
    leat_login *login;
    leat_watch *watch;
    leat_feeds *feeds;
    struct MHD_Daemon *daemon[LEAT_HTTP_PLACES]; /* of the address, of the Unix socket */
    pthread_t workers[LEAT_HTTP_WORKERS], watcher;
    unsigned nworkers;
    bool watching;
    atomic_size_t bodies; /* bytes of all that are arriving */
    pthread_mutex_t guard;
    pthread_cond_t more, tick;
    leat_http_line quick, waits; /* guarded, as is what follows */
    unsigned waiting;            /* of waits, those that run */
    int64_t moved_us;            /* that one of these has ended */
    leat_http_refusal *refusals;
    unsigned nrefusals, dropped;
    bool stopping;
};

/* ---- http_admit.c: by the library's thread ---- */

/* Who asks, and whether they may ask for that path; else it is answered. */
void leat_http_admit(leat_http *h, leat_http_request *r);
/* The same for one that is slow, by a worker; false: answered. */
bool leat_http_admit_slow(leat_http *h, leat_http_request *r);
leat_str leat_http_header(const leat_http_request *r, const char *name);

/* ---- http_queue.c: the guard is taken ---- */

void leat_http_queue_init(leat_http *h);
void leat_http_queue_put(leat_http *h, leat_http_request *r);
/* The next that may run; NULL: none may. Who takes one says when it is done. */
leat_http_request *leat_http_queue_take(leat_http *h);
void leat_http_queue_done(leat_http *h, const leat_http_request *r);
/* One that waited too long for a place, taken out of its line; NULL: none. */
leat_http_request *leat_http_queue_late(leat_http *h);

/* ---- http_listen.c ---- */

/* What is to be known of a socket that was handed over. CONF "http.listen": it is none. */
leat_rc leat_http_take(leat_http_conf *conf, leat_err *e);
/* Of the Unix socket, or -errno. */
int leat_http_bind_unix(const char *path);
void leat_http_unbind_unix(const char *path);
/* CONF "config.listen": others can reach the address and it is not fit for that. */
leat_rc leat_http_fit(const leat_http *h, leat_err *e);

#endif
