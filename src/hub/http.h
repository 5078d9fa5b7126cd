/* A small HTTP/1.1 server: routes, JSON in and out, and who may ask for what.
 *
 * libmicrohttpd reads and writes on a thread for each place it listens at; handlers run on a few
 * others and may wait. A request needs a Host that is known and, where a login is needed, a role
 * that its route asks for; one that changes something must not come from a web page of another
 * origin, and its body must be JSON. Bounds: LEAT_HTTP_BODY bytes of body and LEAT_HTTP_BODIES of
 * all together, 32 KiB of request head, connections in all and of one address, requests a second of
 * one address, time for a request to arrive, 15 s of silence, a minute and more for an answer to be
 * read. */
#ifndef LEAT_HUB_HTTP_H
#define LEAT_HUB_HTTP_H

#include <stdatomic.h>

#include "base/json.h"
#include "hub/access.h"
#include "hub/feed.h"
#include "hub/tls.h"

enum { LEAT_HTTP_WORKERS = 8, LEAT_HTTP_WAITERS = 4 };
enum { LEAT_HTTP_PARAMS = 2, LEAT_HTTP_BODY = 1 << 20, LEAT_HTTP_BODIES = 64 << 20 };

typedef struct leat_http_pair {
    leat_str name, value; /* decoded */
    struct leat_http_pair *next;
} leat_http_pair;

/* A request and its answer. What the handler adds lives in a. */
typedef struct leat_http_call leat_http_call;
struct leat_http_call {
    leat_arena a;
    leat_str method, path;            /* path: as it was sent */
    leat_who who;                     /* its role is enough for the route */
    leat_str param[LEAT_HTTP_PARAMS]; /* what each * of the route's path stands for, decoded */
    leat_http_pair *query;
    const leat_json *json; /* of routes that take a body; never NULL there */
    const char *base;      /* "http://127.0.0.1:8083", as the client calls us */
    int status;            /* 200 unless the handler says otherwise */
    leat_buf out;
    const char *type;       /* of out; NULL: application/json */
    const char *location;   /* NULL: none */
    const char *policy;     /* Content-Security-Policy of a page; NULL: none */
    const char *encoding;   /* Content-Encoding of out; NULL: none */
    const char *cache;      /* Cache-Control; NULL: no-store */
    leat_str accept;        /* the Accept header; absent: there is none */
    leat_str encodings;     /* Accept-Encoding; absent: there is none */
    const char *prefix;     /* leat_http_conf.prefix */
    leat_str last_event_id; /* of a client that was cut off a feed; absent: none */
    leat_feeds *feeds;      /* the server's */
    leat_str changed;       /* for the audit: {"option":[before,after]}; absent: nothing to tell */
    bool looked;            /* nothing was changed, whatever the method: this is no deed */
    leat_feed *feed;        /* the answer goes on; out is not used (leat_feed_begin) */
};

typedef void (*leat_http_handler)(void *arg, leat_http_call *c);

typedef struct leat_http_route {
    const char *method, *path; /* "/connectors/ * /status" without the blanks: a * is one segment,
                                ** at the end is one or more */
    leat_http_handler handler;
    bool body;      /* it takes a JSON body */
    leat_role role; /* the least that is needed */
    bool waits; /* it may wait for something outside: a system, another process. Of these at most
                   LEAT_HTTP_WAITERS run at a time; who finds no place soon is told to come again */
} leat_http_route;

typedef struct leat_http leat_http;

/* What somebody did or tried to do: a request that changes something, or one that was refused. */
typedef struct leat_http_deed {
    leat_who who;
    const char *method, *path;
    int status;
    leat_str changed; /* of the call */
} leat_http_deed;

typedef struct leat_http_conf {
    const char *host;              /* an address */
    unsigned port;                 /* 0: any that is free */
    const char *listen;            /* the address as somebody asked for it; NULL: nobody did */
    int handed;                    /* a socket that listens already; 0: none */
    bool local;                    /* host is of the loopback */
    const char *socket;            /* path of a Unix socket to listen at, too; NULL: none */
    const leat_http_route *routes; /* ends with method NULL; more than one may have the same path */
    void *arg;                     /* of the handlers */
    const char *data;              /* whose grants count: hub/grants.h */
    bool login;                    /* the loopback needs one, too */
    const char *hosts;    /* names clients may call it by, separated by commas; NULL: none */
    const char *origin;   /* of pages that a proxy in front serves, "https://example.org"; NULL */
    const char *prefix;   /* path below which browsers see this hub there, "/leat"; "": at / */
    leat_tls *tls;        /* borrowed; NULL: none */
    unsigned connections; /* at most */
    unsigned per_address; /* of one address, unless the host is local; 0: no bound */
    unsigned rate;        /* requests a second of one address; 0: no bound */
    unsigned arrival_s;   /* for a request to arrive, from the end of the one before */
    atomic_bool *reload;  /* set from outside: the certificate is read again */
    /* Told of each deed, by a thread that may wait. May be NULL. */
    void (*told)(void *arg, const leat_http_deed *deed);
} leat_http_conf;

/* "HOST:PORT", ":PORT" or "[::1]:PORT"; host is in a. CONF "config.listen". */
leat_rc leat_http_address(const char *listen, leat_arena *a, leat_http_conf *out, leat_err *e);
/* A listening socket of the address, and its port; or -errno. */
int leat_http_bind(const leat_http_conf *conf, unsigned *port);
/* The address by which browsers reach it through a proxy, "https://example.org/leat": origin and
 * prefix of out, in a. CONF "config.url". */
leat_rc leat_http_url(const char *url, leat_arena *a, leat_http_conf *out, leat_err *e);
/* Listens and serves. CONF "http.listen" when the port is taken, "config.listen" for an address
 * that others can reach without TLS, or when nobody could log in there. */
leat_rc leat_http_start(const leat_http_conf *conf, leat_http **out, leat_err *e);
/* Takes no more requests, lets those that are running end. */
void leat_http_stop(leat_http *h);
/* The same for another program that takes this process over: the listening socket of the address,
 * which stays open, so that nobody is refused meanwhile. */
int leat_http_hand_over(leat_http *h);
unsigned leat_http_port(const leat_http *h);

/* The answer {"error_code":status,"message":...}. */
void leat_http_fail(leat_http_call *c, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The first query parameter of that name; absent: there is none. */
leat_str leat_http_query(const leat_http_call *c, const char *name);
/* ?name=true */
bool leat_http_query_true(const leat_http_call *c, const char *name);

/* http_route.c, without I/O. FOUND: *route, params and query are set. */
typedef enum leat_http_match {
    LEAT_HTTP_FOUND,
    LEAT_HTTP_NO_PATH,
    LEAT_HTTP_NO_METHOD,
    LEAT_HTTP_BAD_PATH, /* an escape that is none, a slash or NUL in a segment */
} leat_http_match;
leat_http_match leat_http_route_find(const leat_http_route *routes, leat_str path,
                                     leat_http_call *c, const leat_http_route **route);
/* The methods of a path, as an Allow header names them. */
char *leat_http_route_allow(const leat_http_route *routes, leat_str path, leat_arena *a);
/* A Host header, or the part of an Origin that is one, without its port; empty: it is none. */
leat_str leat_http_host_name(leat_str host);
/* Host names this machine alone by an address of the loopback or as localhost; its port does not
 * matter. */
bool leat_http_host_known(leat_str host);
/* It is an address, which no name server was asked for. */
bool leat_http_host_address(leat_str host);
/* A page of this server sent it, or no page did. host: the request's; origin: absent if it has
 * none. */
bool leat_http_origin_own(leat_str origin, bool tls, leat_str host);
/* The least role that a request needs of this route. */
leat_role leat_http_route_role(const leat_http_route *route, leat_str method);
/* GET and its like change nothing. */
bool leat_http_mutates(leat_str method);

#endif
