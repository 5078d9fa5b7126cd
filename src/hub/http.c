/* libmicrohttpd behind routes.
 *
 * One thread of the library reads and writes all connections (epoll). A request that has arrived
 * whole is suspended and put into a queue; a worker runs its handler and resumes it; the library
 * then sends the answer. So a handler that waits holds up nobody but the other WORKERS - 1. What is
 * wrong by its head alone is answered before its body is read. A request belongs to the library's
 * thread, but between the suspension and the resumption to the worker. */
#include "hub/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"

enum {
    WORKERS = 8,
    CONNECTIONS = 1000,
    HEAD_BYTES = 32 << 10,
    SILENCE_S = 15,
    ARRIVAL_US = 30000000,
    BACKLOG = 512,
    FEED_BYTES = 16 << 10, /* of a feed, at a time */
};

/* One request of a connection. */
typedef struct request {
    leat_http_call call;
    const leat_http_route *route; /* NULL: answered without */
    struct MHD_Connection *connection;
    leat_buf body;
    const char *allow; /* of the answer; NULL: none */
    int64_t begun_us;
    bool answered; /* the handler has run, or need not */
    struct request *next;
} request;

struct leat_http {
    leat_http_conf conf;
    unsigned port;
    struct MHD_Daemon *daemon;
    pthread_t workers[WORKERS];
    unsigned nworkers;
    pthread_mutex_t guard;
    pthread_cond_t more;
    leat_feeds *feeds;
    request *first, **tail; /* guarded, as is stopping */
    bool stopping;
};

void leat_http_fail(leat_http_call *c, int status, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    leat_str_mend(text);
    leat_buf_clear(&c->out);
    leat_jw w = {.out = &c->out};
    leat_jw_object(&w, NULL);
    leat_jw_i64(&w, "error_code", status);
    leat_jw_z(&w, "message", text);
    leat_jw_end(&w);
    c->status = status;
    c->type = NULL;
}

leat_str leat_http_query(const leat_http_call *c, const char *name)
{
    for (const leat_http_pair *p = c->query; p; p = p->next)
        if (leat_str_is(p->name, name)) return p->value;
    return (leat_str){0};
}

bool leat_http_query_true(const leat_http_call *c, const char *name)
{
    return leat_str_ieq(leat_http_query(c, name), LEAT_STR("true"));
}

/* ---- a request arrives ---- */

static leat_str header(const request *r, const char *name)
{
    return leat_str_of(MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name));
}

static bool mutates(leat_str method)
{
    return !leat_str_is(method, "GET") && !leat_str_is(method, "HEAD") &&
           !leat_str_is(method, "OPTIONS");
}

/* False: refused, and answered. */
static bool admitted(request *r)
{
    leat_http_call *c = &r->call;
    leat_str host = header(r, "Host"), site = header(r, "Sec-Fetch-Site");
    if (!leat_http_host_known(host)) {
        leat_http_fail(c, 403,
                       "Host \"%.*s\" is not known here: ask for localhost or an address of the "
                       "loopback",
                       LEAT_STR_ARG(host.s ? host : LEAT_STR("")));
        return false;
    }
    bool own = leat_http_origin_own(header(r, "Origin"), host) &&
               (!site.s || leat_str_is(site, "same-origin") || leat_str_is(site, "none"));
    if (mutates(c->method) && !own) {
        leat_http_fail(c, 403, "a page of another origin may not change anything here");
        return false;
    }
    c->base = leat_arena_printf(&c->a, "http://%.*s", LEAT_STR_ARG(host));
    return true;
}

static bool is_json(leat_str type)
{
    leat_str word = leat_str_trim(leat_str_cut(&type, ';'));
    return leat_str_ieq(word, LEAT_STR("application/json"));
}

/* The body that is announced fits the route. False: refused, and answered. */
static bool body_fits(request *r)
{
    leat_http_call *c = &r->call;
    leat_str length = header(r, "Content-Length"), type = header(r, "Content-Type");
    int64_t bytes = 0;
    bool some =
        header(r, "Transfer-Encoding").s || (length.s && leat_str_i64(length, &bytes) && bytes > 0);
    if (bytes > LEAT_HTTP_BODY) {
        leat_http_fail(c, 413, "a body takes at most %d bytes, got %lld", LEAT_HTTP_BODY,
                       (long long)bytes);
        return false;
    }
    if (!mutates(c->method) || is_json(type) || (!some && !r->route->body)) return true;
    leat_http_fail(c, 415, "HTTP 415 Unsupported Media Type");
    return false;
}

static bool routed(leat_http *h, request *r, leat_str path)
{
    leat_http_call *c = &r->call;
    switch (leat_http_route_find(h->conf.routes, path, c, &r->route)) {
    case LEAT_HTTP_FOUND: return body_fits(r);
    case LEAT_HTTP_BAD_PATH: leat_http_fail(c, 400, "HTTP 400 Bad Request: this is no path"); break;
    case LEAT_HTTP_NO_PATH: leat_http_fail(c, 404, "HTTP 404 Not Found"); break;
    case LEAT_HTTP_NO_METHOD:
        r->allow = leat_http_route_allow(h->conf.routes, path, &c->a);
        if (leat_str_is(c->method, "OPTIONS"))
            c->type = "application/json";
        else
            leat_http_fail(c, 405, "HTTP 405 Method Not Allowed");
        break;
    }
    return false;
}

/* Names and values come as they were sent. */
static enum MHD_Result add_query(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    leat_http_call *c = arg;
    leat_buf text = {0};
    leat_http_pair *p = LEAT_NEW(&c->a, leat_http_pair, 1), **at = &c->query;
    (void)kind;
    leat_http_decode(leat_str_of(name), true, &text);
    p->name = leat_arena_str(&c->a, leat_buf_str(&text));
    leat_buf_clear(&text);
    leat_http_decode(leat_str_of(value ? value : ""), true, &text);
    p->value = leat_arena_str(&c->a, leat_buf_str(&text));
    leat_buf_free(&text);
    while (*at) at = &(*at)->next;
    *at = p;
    return MHD_YES;
}

static request *begin(leat_http *h, struct MHD_Connection *connection, const char *url,
                      const char *method)
{
    request *r = leat_zalloc(1, sizeof *r);
    leat_http_call *c = &r->call;
    r->connection = connection;
    r->begun_us = leat_mono_us();
    leat_arena_init(&c->a, 0);
    c->status = 200;
    c->feeds = h->feeds;
    c->accept = header(r, "Accept");
    c->last_event_id = header(r, "Last-Event-ID");
    c->method = leat_arena_str(&c->a, leat_str_of(method));
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, c);
    r->answered = !admitted(r) || !routed(h, r, leat_str_of(url));
    return r;
}

/* False: no worker will come for it any more. */
static bool enqueue(leat_http *h, request *r)
{
    pthread_mutex_lock(&h->guard);
    bool open = !h->stopping;
    if (open) {
        MHD_suspend_connection(r->connection);
        *h->tail = r;
        h->tail = &r->next;
        pthread_cond_signal(&h->more);
    }
    pthread_mutex_unlock(&h->guard);
    if (!open) leat_http_fail(&r->call, 503, "this hub is stopping");
    return open;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value) MHD_add_response_header(response, name, value);
}

/* The next part of a feed. */
static ssize_t read_feed(void *arg, uint64_t pos, char *out, size_t room)
{
    const request *r = arg;
    (void)pos;
    long n = leat_feed_read(r->call.feed, r->connection, out, room);
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

static struct MHD_Response *response_of(request *r)
{
    leat_http_call *c = &r->call;
    if (c->feed)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, FEED_BYTES, read_feed, r, NULL);
    return MHD_create_response_from_buffer(c->out.len, c->out.p, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result answer(request *r)
{
    leat_http_call *c = &r->call;
    struct MHD_Response *response = response_of(r);
    if (!response) return MHD_NO;
    if (c->out.len > 0 || c->type)
        add_header(response, "Content-Type", c->type ? c->type : "application/json");
    add_header(response, "Location", c->location);
    add_header(response, "Allow", r->allow);
    add_header(response, "Content-Security-Policy", c->policy);
    add_header(response, "Cache-Control", "no-store");
    add_header(response, "X-Content-Type-Options", "nosniff");
    enum MHD_Result rc = MHD_queue_response(r->connection, (unsigned)c->status, response);
    MHD_destroy_response(response);
    return rc;
}

/* Called with the head, with each piece of the body, at its end, and when a worker is done. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **con)
{
    leat_http *h = arg;
    request *r = *con;
    (void)version;
    if (!r) {
        *con = r = begin(h, connection, url, method);
        return r->answered ? answer(r) : MHD_YES;
    }
    if (*size > 0) {
        bool late = leat_mono_us() - r->begun_us > ARRIVAL_US;
        if (late || r->body.len + *size > LEAT_HTTP_BODY) return MHD_NO;
        leat_buf_put(&r->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    return !r->answered && enqueue(h, r) ? MHD_YES : answer(r);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **con,
                         enum MHD_RequestTerminationCode code)
{
    request *r = *con;
    (void)arg;
    (void)connection;
    (void)code;
    if (!r) return;
    if (r->call.feed) leat_feed_release(r->call.feed);
    leat_buf_free(&r->body);
    leat_buf_free(&r->call.out);
    leat_arena_free(&r->call.a);
    leat_free(r);
    *con = NULL;
}

/* ---- the workers ---- */

static void run(const leat_http *h, request *r)
{
    leat_http_call *c = &r->call;
    leat_err err;
    if (r->route->body && leat_json_parse(&c->a, leat_buf_str(&r->body), &c->json, &err) != LEAT_OK)
        leat_http_fail(c, 400, "%s", err.msg);
    else
        r->route->handler(h->conf.arg, c);
    if (c->feed) leat_feed_run(c->feed);
}

static void *work(void *arg)
{
    leat_http *h = arg;
    pthread_mutex_lock(&h->guard);
    for (;;) {
        while (!h->first && !h->stopping) pthread_cond_wait(&h->more, &h->guard);
        request *r = h->first;
        if (!r) break;
        h->first = r->next;
        if (!h->first) h->tail = &h->first;
        pthread_mutex_unlock(&h->guard);
        run(h, r);
        r->answered = true;
        MHD_resume_connection(r->connection);
        pthread_mutex_lock(&h->guard);
    }
    pthread_mutex_unlock(&h->guard);
    return NULL;
}

/* ---- start and stop ---- */

leat_rc leat_http_address(const char *listen_at, leat_arena *a, leat_http_conf *out, leat_err *e)
{
    const char *colon = strrchr(listen_at, ':');
    uint64_t port;
    if (!colon || !leat_str_u64(leat_str_of(colon + 1), &port) || port > 65535)
        return leat_fail(e, LEAT_CONF, "config.listen", "--listen",
                         "expected HOST:PORT, such as 127.0.0.1:8083, got \"%s\"", listen_at);
    leat_str host = {listen_at, (size_t)(colon - listen_at)};
    if (host.len == 0) host = LEAT_STR("127.0.0.1");
    if (!leat_http_host_known(host))
        return leat_fail(e, LEAT_CONF, "config.listen", "--listen",
                         "%s is not an address of the loopback: others could reach it, and this "
                         "hub has neither TLS nor a login yet. Listen on 127.0.0.1:%u and put a "
                         "proxy with both before it",
                         listen_at, (unsigned)port);
    if (leat_str_ieq(host, LEAT_STR("localhost"))) host = LEAT_STR("127.0.0.1");
    if (host.s[0] == '[') host = (leat_str){host.s + 1, host.len - 2};
    out->host = leat_arena_str(a, host).s;
    out->port = (unsigned)port;
    return LEAT_OK;
}

static int bound_socket(const leat_http_conf *conf, unsigned *port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)conf->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)conf->port)};
    bool six = strchr(conf->host, ':') != NULL;
    if (inet_pton(six ? AF_INET6 : AF_INET, conf->host,
                  six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1)
        return -EINVAL;
    struct sockaddr *addr = six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t len = six ? sizeof v6 : sizeof v4;
    int on = 1, fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, addr, len) < 0 || listen(fd, BACKLOG) < 0 || getsockname(fd, addr, &len) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    *port = ntohs(six ? v6.sin6_port : v4.sin_port);
    return fd;
}

/* As it was sent: segments and parameters are decoded one by one. */
static size_t keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

/* Of a socket that somebody else has bound. 0: it is no TCP socket of this machine alone. */
static unsigned port_of(int fd)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    char host[INET6_ADDRSTRLEN] = "";
    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0) return 0;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&at;
    if (at.ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host) &&
        leat_http_host_known(leat_str_of(host)))
        return ntohs(v4->sin_port);
    if (at.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr))
        return ntohs(v6->sin6_port);
    return 0;
}

leat_rc leat_http_start(const leat_http_conf *conf, leat_http **out, leat_err *e)
{
    unsigned port = conf->handed ? port_of(conf->handed) : 0;
    if (conf->handed && port == 0)
        return leat_fail(
            e, LEAT_CONF, "http.listen", "the service's socket",
            "it is not on the loopback: others could reach it, and this hub has "
            "neither TLS nor a login. ListenStream=127.0.0.1:8083 in the socket's unit");
    int fd = conf->handed ? conf->handed : bound_socket(conf, &port);
    if (fd < 0)
        return leat_fail(e, LEAT_CONF, "http.listen", conf->host,
                         "cannot listen on port %u: %s; another program may have it: --listen "
                         "HOST:PORT takes another",
                         conf->port, leat_os_strerror(fd));
    leat_http *h = leat_zalloc(1, sizeof *h);
    h->conf = *conf;
    h->port = port;
    h->tail = &h->first;
    h->feeds = leat_feeds_new();
    pthread_mutex_init(&h->guard, NULL);
    pthread_cond_init(&h->more, NULL);
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, h,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEAD_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, h, MHD_OPTION_END);
    while (h->daemon && h->nworkers < WORKERS &&
           pthread_create(&h->workers[h->nworkers], NULL, work, h) == 0)
        h->nworkers++;
    *out = h;
    if (h->nworkers > 0) return LEAT_OK;
    if (!h->daemon) close(fd);
    leat_http_stop(h);
    *out = NULL;
    return leat_fail(e, LEAT_RETRY, "http.start", conf->host, "cannot start the threads of HTTP");
}

void leat_http_stop(leat_http *h)
{
    if (!h) return;
    int fd = h->daemon ? MHD_quiesce_daemon(h->daemon) : -1;
    pthread_mutex_lock(&h->guard);
    h->stopping = true;
    pthread_cond_broadcast(&h->more);
    pthread_mutex_unlock(&h->guard);
    for (unsigned i = 0; i < h->nworkers; i++) pthread_join(h->workers[i], NULL);
    leat_feeds_stop(h->feeds);
    if (h->daemon) MHD_stop_daemon(h->daemon);
    if (fd >= 0) close(fd);
    pthread_cond_destroy(&h->more);
    pthread_mutex_destroy(&h->guard);
    leat_feeds_free(h->feeds);
    leat_free(h);
}

unsigned leat_http_port(const leat_http *h)
{
    return h->port;
}
