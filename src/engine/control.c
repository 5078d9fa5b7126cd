/* Control socket: a poll loop over at most CLIENTS connections, and the client's call.
 *
 * Requests are answered in the loop; the handlers only look at memory or set flags. */
#include "engine/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"

#define SOCKET_NAME "control.sock"

enum { CLIENTS = 16, LINE_MAX_BYTES = 64 * 1024, SEND_MS = 2000 };

typedef struct client {
    int fd;          /* -1: free */
    int64_t last_us; /* when it was taken, or sent something */
    leat_buf in;
} client;

struct leat_control {
    char *folder;
    int fd, wake;
    pthread_t thread;
    leat_control_handler handler;
    void *arg;
    client clients[CLIENTS];
};

/* All of text within ms; false when the peer does not take it. */
static bool send_all(int fd, leat_str text, int ms)
{
    if (LEAT_FAULT(control_send)) return false;
    while (text.len > 0) {
        ssize_t n = send(fd, text.s, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            text.s += n;
            text.len -= (size_t)n;
        } else if (errno == EAGAIN) {
            if (leat_os_wait_fd(fd, true, ms) <= 0) return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void write_error(leat_jw *w, const leat_err *err)
{
    leat_jw_object(w, "error");
    leat_jw_z(w, "code", err->code);
    leat_jw_z(w, "where", err->where);
    leat_jw_z(w, "message", err->msg);
    leat_jw_end(w);
}

/* One request line into one answer line. */
static void answer(leat_control *c, leat_str line, leat_buf *out)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    const leat_json *request = NULL;
    leat_err err = {0};
    leat_buf body = {0};
    leat_jw w = {.out = &body};
    leat_jw_object(&w, NULL);
    leat_jw_bool(&w, "ok", true);
    leat_rc rc = leat_json_parse(&a, line, &request, &err);
    leat_str verb = leat_json_get_str(request, "verb");
    if (rc == LEAT_OK && !verb.s)
        rc = leat_fail(&err, LEAT_CONF, "control.request", "",
                       "a request is an object with a verb, such as {\"verb\":\"status\"}");
    if (rc == LEAT_OK) rc = c->handler(c->arg, verb, request, &w, &err);
    if (leat_rc_failed(rc)) {
        leat_buf_clear(&body);
        w = (leat_jw){.out = &body};
        leat_jw_object(&w, NULL);
        leat_jw_bool(&w, "ok", false);
        write_error(&w, &err);
    }
    leat_jw_end(&w);
    leat_buf_add(out, leat_buf_str(&body));
    leat_buf_u8(out, '\n');
    leat_buf_free(&body);
    leat_arena_free(&a);
}

static void drop(client *k)
{
    close(k->fd);
    k->fd = -1;
    leat_buf_free(&k->in);
}

/* Reads what is there and answers each whole line. */
static void serve(leat_control *c, client *k)
{
    errno = LEAT_FAULT(control_read);
    ssize_t n = errno ? -1 : recv(k->fd, leat_buf_room(&k->in, 4096), 4096, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        drop(k);
        return;
    }
    k->in.len += (size_t)n;
    k->last_us = leat_mono_us();
    leat_buf out = {0};
    const char *nl;
    bool good = true;
    while (good && (nl = memchr(k->in.p, '\n', k->in.len)) != NULL) {
        size_t len = (size_t)(nl - k->in.p);
        leat_buf_clear(&out);
        answer(c, (leat_str){k->in.p, len}, &out);
        memmove(k->in.p, nl + 1, k->in.len - len - 1);
        k->in.len -= len + 1;
        good = send_all(k->fd, leat_buf_str(&out), SEND_MS);
    }
    leat_buf_free(&out);
    if (!good || k->in.len > LINE_MAX_BYTES) drop(k);
}

/* When all places are taken, whoever has been silent for longest makes room. */
static void take(leat_control *c)
{
    int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    client *k = &c->clients[0];
    for (int i = 0; i < CLIENTS && k->fd >= 0; i++)
        if (c->clients[i].fd < 0 || c->clients[i].last_us < k->last_us) k = &c->clients[i];
    if (k->fd >= 0) drop(k);
    k->fd = fd;
    k->last_us = leat_mono_us();
}

static void *loop(void *arg)
{
    leat_control *c = arg;
    for (;;) {
        struct pollfd p[CLIENTS + 2] = {{.fd = c->wake, .events = POLLIN},
                                        {.fd = c->fd, .events = POLLIN}};
        for (int i = 0; i < CLIENTS; i++)
            p[i + 2] = (struct pollfd){.fd = c->clients[i].fd, .events = POLLIN};
        if (poll(p, CLIENTS + 2, -1) < 0 && errno != EINTR) return NULL;
        if (p[0].revents) return NULL;
        for (int i = 0; i < CLIENTS; i++)
            if (c->clients[i].fd >= 0 && p[i + 2].fd >= 0 && p[i + 2].revents)
                serve(c, &c->clients[i]);
        if (p[1].revents & POLLIN) take(c);
    }
}

static void release(leat_control *c)
{
    for (int i = 0; i < CLIENTS; i++)
        if (c->clients[i].fd >= 0) drop(&c->clients[i]);
    if (c->fd >= 0) close(c->fd);
    if (c->wake >= 0) close(c->wake);
    leat_free(c->folder);
    leat_free(c);
}

leat_rc leat_control_start(const char *folder, leat_control_handler handler, void *arg,
                           leat_control **out, leat_err *e)
{
    leat_control *c = leat_zalloc(1, sizeof *c);
    c->folder = leat_strdup(folder);
    c->handler = handler;
    c->arg = arg;
    for (int i = 0; i < CLIENTS; i++) c->clients[i].fd = -1;
    int fault = LEAT_FAULT(control_open);
    c->fd = fault ? -fault : leat_os_unix_listen(folder, SOCKET_NAME, CLIENTS);
    c->wake = eventfd(0, EFD_CLOEXEC);
    int err = c->fd < 0 ? c->fd : c->wake < 0 ? -errno : 0;
    if (err == 0) err = -pthread_create(&c->thread, NULL, loop, c);
    if (err < 0) {
        release(c);
        return leat_os_fail(e, err, "listen on control.sock in", folder);
    }
    *out = c;
    return LEAT_OK;
}

void leat_control_stop(leat_control *c)
{
    if (!c) return;
    uint64_t one = 1;
    if (write(c->wake, &one, sizeof one) == sizeof one) pthread_join(c->thread, NULL);
    char path[4096];
    snprintf(path, sizeof path, "%s/" SOCKET_NAME, c->folder);
    leat_os_now()->unlink(path);
    release(c);
}

/* Reads one line into in: 1; 0: not in time; -1: the connection was closed. */
static int receive_line(int fd, int ms, leat_buf *in)
{
    int64_t until = leat_mono_us() + (int64_t)ms * 1000;
    for (;;) {
        if (in->len > 0 && in->p[in->len - 1] == '\n') return 1;
        int64_t left = (until - leat_mono_us()) / 1000;
        if (left <= 0 || leat_os_wait_fd(fd, false, (int)left) <= 0) return 0;
        ssize_t n = recv(fd, leat_buf_room(in, 4096), 4096, 0);
        if (n == 0 || (n < 0 && errno != EINTR)) return -1;
        if (n > 0) in->len += (size_t)n;
    }
}

static leat_rc unpack(leat_str line, const char *folder, leat_arena *a, const leat_json **reply,
                      leat_err *e)
{
    LEAT_TRY(leat_json_parse(a, line, reply, e));
    if (leat_json_get_bool(*reply, "ok", false)) return LEAT_OK;
    const leat_json *err = leat_json_get(*reply, "error");
    leat_str code = leat_json_get_str(err, "code"), where = leat_json_get_str(err, "where");
    leat_str msg = leat_json_get_str(err, "message");
    return leat_fail(e, LEAT_CONF, code.s ? code.s : "control.answer", where.s ? where.s : folder,
                     "%s", msg.s ? msg.s : "the connector's answer is not understood");
}

leat_rc leat_control_call(const char *folder, leat_str request, int ms, leat_arena *a,
                          const leat_json **reply, leat_err *e)
{
    int fd = leat_os_unix_connect(folder, SOCKET_NAME);
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ECONNREFUSED)
        return leat_fail(e, LEAT_RETRY, "control.not_running", folder,
                         "the connector is not running (%s)", leat_os_strerror(fd));
    if (fd < 0) return leat_os_fail(e, fd, "ask the connector in", folder);
    leat_buf buf = {0};
    leat_buf_add(&buf, request);
    leat_buf_u8(&buf, '\n');
    int got = send_all(fd, leat_buf_str(&buf), ms) ? 1 : -1;
    leat_buf_clear(&buf);
    if (got > 0) got = receive_line(fd, ms, &buf);
    leat_rc rc;
    if (got > 0)
        rc = unpack(leat_arena_str(a, leat_buf_str(&buf)), folder, a, reply, e);
    else if (got < 0)
        rc = leat_fail(e, LEAT_RETRY, "control.not_running", folder,
                       "the connector ended, or closed the connection, before it answered");
    else
        rc = leat_fail(e, LEAT_RETRY, "control.timeout", folder,
                       "no answer within %d ms; the process may be stuck: look at its log", ms);
    leat_buf_free(&buf);
    close(fd);
    return rc;
}
