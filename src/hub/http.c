/* libmicrohttpd behind routes.
 *
 * For each place it listens at, one thread of the library reads and writes all connections (epoll).
 * A request that has arrived whole is suspended and put into a queue; a worker runs its handler and
 * resumes it; the library then sends the answer. Handlers that may wait take at
 * most LEAT_HTTP_WAITERS of the LEAT_HTTP_WORKERS (http_queue.c). What is wrong by its head alone
 * is answered before its body is read (http_admit.c). One more thread, the watcher, looks every
 * second for connections that take too long, requests that wait too long and another certificate,
 * and tells of what was refused. */
#include "hub/http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "hub/http_part.h"

enum {
    HEAD_BYTES = 32 << 10,
    SILENCE_S = 15,
    READING_US = 60000000, /* of an answer, and a second more for each 16 KiB of it */
    TICK_US = 1000000,
    REFUSALS = 64, /* that wait to be told */
    PATH_TOLD = 512,
    SPARE_DESCRIPTORS = 2048, /* half of them for topics that are followed */
    FEED_BYTES = 16 << 10,    /* of a feed, at a time */
};

typedef leat_http_request request;

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

/* Names and values come as they were sent. */
static enum MHD_Result add_query(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    leat_http_call *c = arg;
    leat_buf text = {0};
    leat_http_pair *p = LEAT_NEW(&c->a, leat_http_pair, 1), **at = &c->query;
    (void)kind;
    leat_buf_unurl(&text, leat_str_of(name), true);
    p->name = leat_arena_str(&c->a, leat_buf_str(&text));
    leat_buf_clear(&text);
    leat_buf_unurl(&text, leat_str_of(value ? value : ""), true);
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
    r->peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    leat_arena_init(&c->a, 0);
    c->status = 200;
    c->feeds = h->feeds;
    c->accept = leat_http_header(r, "Accept");
    c->encodings = leat_http_header(r, "Accept-Encoding");
    c->last_event_id = leat_http_header(r, "Last-Event-ID");
    c->method = leat_arena_str(&c->a, leat_str_of(method));
    c->path = leat_arena_str(&c->a, leat_str_of(url));
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, c);
    leat_http_admit(h, r);
    return r;
}

/* False: no worker will come for it any more. */
static bool enqueue(leat_http *h, request *r)
{
    pthread_mutex_lock(&h->guard);
    bool open = !h->stopping;
    if (open) {
        leat_watch_due(h->watch, r->peer, false, 0);
        MHD_suspend_connection(r->connection);
        leat_http_queue_put(h, r);
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

/* Of a feed nobody knows how long it takes. */
static void bound_reading(leat_http *h, const request *r)
{
    const leat_http_call *c = &r->call;
    bool feed = c->type && strcmp(c->type, "text/event-stream") == 0;
    int64_t us = READING_US + (int64_t)(c->out.len >> 14) * 1000000;
    leat_watch_due(h->watch, r->peer, false, feed ? 0 : us);
}

static enum MHD_Result answer(leat_http *h, request *r)
{
    leat_http_call *c = &r->call;
    struct MHD_Response *response = response_of(r);
    if (!response) return MHD_NO;
    if (c->out.len > 0 || c->type)
        add_header(response, "Content-Type", c->type ? c->type : "application/json");
    add_header(response, "Location", c->location);
    add_header(response, "Allow", r->allow);
    add_header(response, "Content-Security-Policy", c->policy);
    add_header(response, "Content-Encoding", c->encoding);
    add_header(response, "Cache-Control", c->cache ? c->cache : "no-store");
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "X-Frame-Options", "DENY");
    if (r->challenge) {
        add_header(response, "WWW-Authenticate", "Bearer realm=\"leat\"");
        add_header(response, "WWW-Authenticate", "Basic realm=\"leat\", charset=\"UTF-8\"");
    }
    if (r->wait) add_header(response, "Retry-After", "2");
    if (h->conf.tls && r->peer->uid < 0)
        add_header(response, "Strict-Transport-Security", "max-age=31536000");
    bound_reading(h, r);
    enum MHD_Result rc = MHD_queue_response(r->connection, (unsigned)c->status, response);
    MHD_destroy_response(response);
    return rc;
}

/* ---- deeds ---- */

static leat_http_deed deed_of(const leat_http_call *c, leat_arena *a)
{
    leat_str path = c->path;
    if (path.len > PATH_TOLD) path.len = leat_str_fit(path, PATH_TOLD);
    char *text = leat_arena_strdup(a, leat_arena_str(a, path).s);
    leat_str_mend(text);
    return (leat_http_deed){
        .who = {.name = leat_arena_strdup(a, c->who.name),
                .how = c->who.how,
                .address = leat_arena_strdup(a, c->who.address),
                .role = c->who.role},
        .method = leat_arena_str(a, c->method).s,
        .path = text,
        .status = c->status,
        .changed = c->changed.s ? leat_arena_str(a, c->changed) : (leat_str){0},
    };
}

/* Changes are told, and who was refused; a GET of what is not there is neither, nor is a look that
 * has to wait for its turn. */
static bool is_deed(const leat_http_call *c)
{
    bool refused = c->status == 401 || c->status == 403 || (c->status == 429 && !c->looked);
    return refused || (leat_http_mutates(c->method) && !c->looked);
}

/* By a thread that may not wait: the watcher tells it. Strangers may send many. */
static void note_refusal(leat_http *h, const leat_http_call *c)
{
    if (!h->conf.told || !is_deed(c)) return;
    pthread_mutex_lock(&h->guard);
    if (h->nrefusals == REFUSALS) {
        h->dropped++;
    } else {
        leat_http_refusal *one = leat_zalloc(1, sizeof *one), **at = &h->refusals;
        one->deed = deed_of(c, &one->a);
        while (*at) at = &(*at)->next;
        *at = one;
        h->nrefusals++;
    }
    pthread_mutex_unlock(&h->guard);
}

static void tell_refusals(leat_http *h)
{
    pthread_mutex_lock(&h->guard);
    leat_http_refusal *all = h->refusals;
    unsigned dropped = h->dropped;
    h->refusals = NULL;
    h->nrefusals = h->dropped = 0;
    pthread_mutex_unlock(&h->guard);
    for (leat_http_refusal *next; all; all = next) {
        next = all->next;
        h->conf.told(h->conf.arg, &all->deed);
        leat_arena_free(&all->a);
        leat_free(all);
    }
    if (dropped > 0)
        leat_log(LEAT_WARN, "http.refused", "more=%u requests were refused and are not listed",
                 dropped);
}

/* ---- the library's calls ---- */

/* A piece of the body. What is refused is read on without being kept, since an answer that comes
 * before the end is lost on most clients; false: it goes on for too long for that. */
static bool take_body(leat_http *h, request *r, const char *data, size_t size)
{
    leat_http_call *c = &r->call;
    if (r->answered) return (r->passed += size) <= LEAT_HTTP_PASSED;
    bool large = r->body.len + size > LEAT_HTTP_BODY;
    if (!large && atomic_load(&h->bodies) + size <= LEAT_HTTP_BODIES) {
        atomic_fetch_add(&h->bodies, size);
        leat_buf_put(&r->body, data, size);
        return true;
    }
    atomic_fetch_sub(&h->bodies, r->body.len);
    leat_buf_free(&r->body);
    if (large)
        leat_http_fail(c, 413, "a body takes at most %d bytes, and this one has more",
                       LEAT_HTTP_BODY);
    else
        leat_http_fail(c, 503, "requests that are on their way take all of %d bytes; ask again",
                       LEAT_HTTP_BODIES);
    note_refusal(h, c);
    r->answered = true;
    return true;
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
        if (!r->answered) return MHD_YES;
        note_refusal(h, &r->call);
        return answer(h, r);
    }
    if (*size > 0) {
        bool taken = take_body(h, r, data, *size);
        *size = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    return !r->answered && enqueue(h, r) ? MHD_YES : answer(h, r);
}

static int64_t arrival_us(const leat_http *h)
{
    return (int64_t)h->conf.arrival_s * 1000000;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **con,
                         enum MHD_RequestTerminationCode code)
{
    leat_http *h = arg;
    request *r = *con;
    (void)connection;
    (void)code;
    if (!r) return;
    if (r->call.feed) leat_feed_release(r->call.feed);
    leat_watch_due(h->watch, r->peer, true, arrival_us(h));
    atomic_fetch_sub(&h->bodies, r->body.len);
    leat_buf_free(&r->body);
    leat_buf_free(&r->call.out);
    leat_arena_free(&r->call.a);
    leat_free(r);
    *con = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **peer,
                          enum MHD_ConnectionNotificationCode code)
{
    leat_http *h = arg;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        leat_watch_end(h->watch, *peer);
        return;
    }
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection,
                                                                 MHD_CONNECTION_INFO_CONNECTION_FD),
                                   *from = MHD_get_connection_info(
                                       connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    leat_watched *one = leat_watch_begin(h->watch, fd->connect_fd, from ? from->client_addr : NULL);
    leat_watch_due(h->watch, one, true, arrival_us(h));
    *peer = one;
}

/* ---- the workers ---- */

static void run(leat_http *h, request *r)
{
    leat_http_call *c = &r->call;
    leat_err err;
    if (r->slow && !leat_http_admit_slow(h, r)) return;
    if (r->route->body && leat_json_parse(&c->a, leat_buf_str(&r->body), &c->json, &err) != LEAT_OK)
        leat_http_fail(c, 400, "%s", err.msg);
    else
        r->route->handler(h->conf.arg, c);
    if (c->feed) leat_feed_run(c->feed);
}

/* To the library, which sends the answer. */
static void give_back(leat_http *h, request *r)
{
    if (h->conf.told && is_deed(&r->call)) {
        leat_http_deed deed = deed_of(&r->call, &r->call.a);
        h->conf.told(h->conf.arg, &deed);
    }
    r->answered = true;
    MHD_resume_connection(r->connection);
}

static void *work(void *arg)
{
    leat_http *h = arg;
    pthread_mutex_lock(&h->guard);
    for (;;) {
        request *r;
        while (!(r = leat_http_queue_take(h)) && !h->stopping)
            pthread_cond_wait(&h->more, &h->guard);
        if (!r) break;
        pthread_mutex_unlock(&h->guard);
        run(h, r);
        pthread_mutex_lock(&h->guard);
        leat_http_queue_done(h, r);
        pthread_mutex_unlock(&h->guard);
        give_back(h, r);
        pthread_mutex_lock(&h->guard);
    }
    pthread_mutex_unlock(&h->guard);
    return NULL;
}

/* ---- the watcher ---- */

static void refuse_late(leat_http *h)
{
    for (;;) {
        pthread_mutex_lock(&h->guard);
        request *r = leat_http_queue_late(h);
        pthread_mutex_unlock(&h->guard);
        if (!r) return;
        r->wait = true;
        leat_http_fail(&r->call, 503,
                       "%d calls wait for other systems or for connectors already, and no more may "
                       "at a time; ask again in a moment",
                       LEAT_HTTP_WAITERS);
        give_back(h, r);
    }
}

static void look_after(leat_http *h)
{
    refuse_late(h);
    unsigned late = leat_watch_sweep(h->watch);
    if (late > 0)
        leat_log(LEAT_DEBUG, "http.late", "connections=%u took too long and were cut off", late);
    bool asked = h->conf.reload && atomic_exchange(h->conf.reload, false);
    if (h->conf.tls) leat_tls_refresh(h->conf.tls, asked);
    if (h->conf.told) tell_refusals(h);
}

static void *watch(void *arg)
{
    leat_http *h = arg;
    pthread_mutex_lock(&h->guard);
    while (!h->stopping) {
        int64_t at = leat_now_us() + TICK_US;
        struct timespec until = {at / 1000000, at % 1000000 * 1000};
        pthread_cond_timedwait(&h->tick, &h->guard, &until);
        pthread_mutex_unlock(&h->guard);
        look_after(h);
        pthread_mutex_lock(&h->guard);
    }
    pthread_mutex_unlock(&h->guard);
    return NULL;
}

/* ---- start and stop ---- */

/* As it was sent: segments and parameters are decoded one by one. */
static size_t keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *listen_at(leat_http *h, int fd, bool local)
{
    const leat_tls *tls = local ? NULL : h->conf.tls;
    struct MHD_OptionItem options[8] = {
        {MHD_OPTION_CONNECTION_LIMIT, h->conf.connections, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_BYTES, NULL},
    };
    size_t n = 3;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (!local && !h->conf.local && h->conf.per_address)
        options[n++] =
            (struct MHD_OptionItem){MHD_OPTION_PER_IP_CONNECTION_LIMIT, h->conf.per_address, NULL};
    if (tls) {
        flags |= MHD_USE_TLS;
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
                                               (void *)(uintptr_t)leat_tls_retrieve};
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                               (void *)(uintptr_t)leat_tls_priorities(tls)};
        if (leat_tls_trust(tls))
            options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0,
                                                   (void *)(uintptr_t)leat_tls_trust(tls)};
    }
    options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_ARRAY, options, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, h, MHD_OPTION_END);
}

/* Each connection is a descriptor, and so is much else. */
static void room_for(unsigned connections)
{
    struct rlimit now;
    rlim_t want = (rlim_t)connections * 2 + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur >= want) return;
    now.rlim_cur = want < now.rlim_max ? want : now.rlim_max;
    setrlimit(RLIMIT_NOFILE, &now);
}

static leat_rc listen_all(leat_http *h, leat_err *e)
{
    const leat_http_conf *conf = &h->conf;
    LEAT_TRY(leat_http_take(&h->conf, e));
    LEAT_TRY(leat_http_fit(h, e));
    int fd = leat_http_bind(conf, &h->port);
    if (fd < 0)
        return leat_fail(e, LEAT_CONF, "http.listen", conf->host,
                         "cannot listen on port %u: %s; another program may have it: --listen "
                         "HOST:PORT takes another",
                         conf->port, leat_os_strerror(fd));
    h->daemon[0] = listen_at(h, fd, false);
    if (!h->daemon[0]) close(fd);
    if (h->daemon[0] && conf->socket) {
        fd = leat_http_bind_unix(conf->socket);
        if (fd < 0)
            return leat_fail(e, LEAT_CONF, "http.listen", conf->socket,
                             "cannot listen at this socket: %s", leat_os_strerror(fd));
        h->daemon[1] = listen_at(h, fd, true);
        if (!h->daemon[1]) close(fd);
    }
    if (h->daemon[0] && (h->daemon[1] || !conf->socket)) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "http.start", conf->host, "cannot start the threads of HTTP");
}

leat_rc leat_http_start(const leat_http_conf *conf, leat_http **out, leat_err *e)
{
    leat_http *h = leat_zalloc(1, sizeof *h);
    h->conf = *conf;
    leat_http_queue_init(h);
    h->feeds = leat_feeds_new();
    h->login = leat_login_new(conf->data);
    h->watch = leat_watch_new(conf->rate);
    pthread_mutex_init(&h->guard, NULL);
    pthread_cond_init(&h->more, NULL);
    pthread_cond_init(&h->tick, NULL);
    room_for(conf->connections);
    leat_rc rc = listen_all(h, e);
    while (rc == LEAT_OK && h->nworkers < LEAT_HTTP_WORKERS &&
           pthread_create(&h->workers[h->nworkers], NULL, work, h) == 0)
        h->nworkers++;
    h->watching = rc == LEAT_OK && pthread_create(&h->watcher, NULL, watch, h) == 0;
    if (rc == LEAT_OK && (h->nworkers == 0 || !h->watching))
        rc = leat_fail(e, LEAT_RETRY, "http.start", conf->host, "cannot start the threads of HTTP");
    *out = rc == LEAT_OK ? h : NULL;
    if (rc != LEAT_OK) leat_http_stop(h);
    return rc;
}

/* Returns the address's socket if it is kept, else -1. */
static int end(leat_http *h, bool keep)
{
    int fd[LEAT_HTTP_PLACES];
    for (int i = 0; i < LEAT_HTTP_PLACES; i++)
        fd[i] = h->daemon[i] ? MHD_quiesce_daemon(h->daemon[i]) : -1;
    pthread_mutex_lock(&h->guard);
    h->stopping = true;
    pthread_cond_broadcast(&h->more);
    pthread_cond_broadcast(&h->tick);
    pthread_mutex_unlock(&h->guard);
    for (unsigned i = 0; i < h->nworkers; i++) pthread_join(h->workers[i], NULL);
    leat_feeds_stop(h->feeds);
    if (h->watching) pthread_join(h->watcher, NULL);
    for (int i = 0; i < LEAT_HTTP_PLACES; i++) {
        if (h->daemon[i]) MHD_stop_daemon(h->daemon[i]);
        if (fd[i] >= 0 && !(keep && i == 0)) close(fd[i]);
    }
    if (h->daemon[1]) leat_http_unbind_unix(h->conf.socket);
    if (h->conf.told) tell_refusals(h);
    leat_watch_free(h->watch);
    leat_login_free(h->login);
    pthread_cond_destroy(&h->tick);
    pthread_cond_destroy(&h->more);
    pthread_mutex_destroy(&h->guard);
    leat_feeds_free(h->feeds);
    leat_free(h);
    return keep ? fd[0] : -1;
}

void leat_http_stop(leat_http *h)
{
    if (h) end(h, false);
}

int leat_http_hand_over(leat_http *h)
{
    return end(h, true);
}

unsigned leat_http_port(const leat_http *h)
{
    return h->port;
}
