/* Lines of the control socket: a request into its answer, and the client's call.
 *
 * Run by any thread. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "engine/control.h"

static void write_error(leat_jw *w, const leat_err *err)
{
    leat_jw_object(w, "error");
    leat_jw_z(w, "code", err->code);
    leat_jw_z(w, "where", err->where);
    leat_jw_z(w, "message", err->msg);
    leat_jw_end(w);
}

void leat_control_answer(leat_control_handler handler, void *arg, leat_str line, leat_buf *out)
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
    if (rc == LEAT_OK) rc = handler(arg, verb, request, &w, &err);
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

/* ---- the client ---- */

/* All of text within ms; false when the peer does not take it. */
static bool send_all(int fd, leat_str text, int ms)
{
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

static leat_rc fail_timeout(const char *folder, int ms, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "control.timeout", folder,
                     "no answer within %d ms; the process may be stuck: look at its log", ms);
}

leat_rc leat_control_call(const char *folder, leat_str request, int ms, leat_arena *a,
                          const leat_json **reply, leat_err *e)
{
    int fd = leat_os_unix_connect(folder, LEAT_CONTROL_SOCKET, ms);
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ECONNREFUSED)
        return leat_fail(e, LEAT_RETRY, "control.not_running", folder,
                         "the connector is not running (%s)", leat_os_strerror(fd));
    if (fd == -ETIMEDOUT) return fail_timeout(folder, ms, e);
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
        rc = fail_timeout(folder, ms, e);
    leat_buf_free(&buf);
    close(fd);
    return rc;
}
