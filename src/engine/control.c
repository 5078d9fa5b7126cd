/* Control socket, the serving side: a poll loop over at most CLIENTS connections, and a worker.
 *
 * The loop answers what only looks at memory or sets flags. A line with a slow verb becomes its
 * client's job: the worker takes the jobs in the order in which they came, the loop sends what came
 * of them. A client with a job is not read meanwhile. Answers that a client does not take wait in
 * its buffer, so that nobody waits for it; after SEND_MS it is dropped, once it has no job. */
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

enum {
    CLIENTS = 16,
    LINE_MAX_BYTES = 64 * 1024,
    OUT_MAX_BYTES = 16 << 20,
    SEND_MS = 2000,
    TICK_US = 1000000,
    REST_US = 50000
};

typedef enum job_state { JOB_NONE, JOB_WAITS, JOB_RUNS, JOB_DONE } job_state;

typedef struct client {
    int fd;           /* -1: free */
    int64_t last_us;  /* when it was taken, or sent something */
    int64_t stuck_us; /* since when it takes nothing of out; 0: it does */
    leat_buf in, out;
    /* the slow request; guarded by the control's lock, the texts belong to who has the job */
    job_state job;
    bool gone;       /* it is dropped when the job is done */
    uint64_t ticket; /* jobs are taken in this order */
    leat_buf line, answer;
} client;

struct leat_control {
    leat_control_conf conf;
    char *folder;
    int fd;
    int wake, jobs; /* eventfds: for the loop, for the worker */
    pthread_t loop, worker;
    bool looping, working; /* the threads were started */
    int64_t ticked_us;
    bool resting; /* from accepting, until the next tick */
    client clients[CLIENTS];
    pthread_mutex_t lock; /* guards jobs and the two below */
    uint64_t tickets;
    bool ending;
};

/* ---- the worker ---- */

/* The oldest waiting job, as running; NULL: none. Under the lock. */
static client *next_job(leat_control *c)
{
    client *next = NULL;
    for (int i = 0; i < CLIENTS; i++) {
        client *k = &c->clients[i];
        if (k->job == JOB_WAITS && (!next || k->ticket < next->ticket)) next = k;
    }
    if (next) next->job = JOB_RUNS;
    return next;
}

static void ring(int bell)
{
    uint64_t one = 1;
    while (write(bell, &one, sizeof one) < 0 && errno == EINTR) continue;
}

static void hear(int bell)
{
    uint64_t n;
    while (read(bell, &n, sizeof n) < 0 && errno == EINTR) continue;
}

static void *work(void *arg)
{
    leat_control *c = arg;
    int64_t idle_us = leat_mono_us(); /* when idle is due */
    pthread_mutex_lock(&c->lock);
    while (!c->ending) {
        client *k = next_job(c);
        int64_t left = c->conf.idle ? idle_us - leat_mono_us() : TICK_US;
        pthread_mutex_unlock(&c->lock);
        if (k)
            leat_control_answer(c->conf.handler, c->conf.arg, leat_buf_str(&k->line), &k->answer);
        else if (left <= 0)
            idle_us = leat_mono_us() + c->conf.idle(c->conf.arg);
        else if (leat_os_wait_fd(c->jobs, false, (int)((left + 999) / 1000)) > 0)
            hear(c->jobs);
        pthread_mutex_lock(&c->lock);
        if (k) {
            k->job = JOB_DONE;
            ring(c->wake);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static job_state job_of(leat_control *c, const client *k)
{
    pthread_mutex_lock(&c->lock);
    job_state job = k->job;
    pthread_mutex_unlock(&c->lock);
    return job;
}

static void give_job(leat_control *c, client *k, leat_str line)
{
    leat_buf_clear(&k->line);
    leat_buf_clear(&k->answer);
    leat_buf_add(&k->line, line);
    pthread_mutex_lock(&c->lock);
    k->ticket = ++c->tickets;
    k->job = JOB_WAITS;
    pthread_mutex_unlock(&c->lock);
    ring(c->jobs);
}

/* ---- clients ---- */

static void drop(client *k)
{
    close(k->fd);
    k->fd = -1;
    k->gone = false;
    k->stuck_us = 0;
    leat_buf_free(&k->in);
    leat_buf_free(&k->out);
    leat_buf_free(&k->line);
    leat_buf_free(&k->answer);
}

/* Drops it, or has collect do so: while there is a job the worker has its texts. */
static void let_go(leat_control *c, client *k)
{
    k->gone = true;
    if (job_of(c, k) == JOB_NONE) drop(k);
}

/* Sends what it takes; false when it has gone, or takes nothing for too long. */
static bool flush(client *k)
{
    if (k->gone || (k->out.len > 0 && LEAT_FAULT(control_send))) return false;
    size_t sent = 0;
    ssize_t n = 0;
    while (sent < k->out.len) {
        n = send(k->fd, k->out.p + sent, k->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) sent += (size_t)n;
        if (n < 0 && errno != EINTR) break;
    }
    if (n < 0 && errno != EAGAIN) return false;
    if (sent > 0) memmove(k->out.p, k->out.p + sent, k->out.len - sent);
    k->out.len -= sent;
    int64_t now = leat_mono_us();
    if (k->out.len == 0 || sent > 0) k->stuck_us = 0;
    if (k->out.len > 0 && k->stuck_us == 0) k->stuck_us = now;
    return k->out.len <= OUT_MAX_BYTES &&
           (k->stuck_us == 0 || now - k->stuck_us < (int64_t)SEND_MS * 1000);
}

/* The worker is to answer this line. */
static bool is_slow(const leat_control *c, leat_str line)
{
    if (!c->conf.slow) return false;
    leat_arena a = {0};
    const leat_json *request = NULL;
    bool slow = leat_json_parse(&a, line, &request, NULL) == LEAT_OK;
    leat_str verb = leat_json_get_str(request, "verb");
    slow = slow && verb.s && c->conf.slow(verb);
    leat_arena_free(&a);
    return slow;
}

/* Answers each whole line, up to one that the worker is to answer. */
static void answer_lines(leat_control *c, client *k)
{
    const char *nl;
    while (job_of(c, k) == JOB_NONE && k->in.len > 0 &&
           (nl = memchr(k->in.p, '\n', k->in.len)) != NULL) {
        leat_str line = {k->in.p, (size_t)(nl - k->in.p)};
        if (is_slow(c, line))
            give_job(c, k, line);
        else
            leat_control_answer(c->conf.handler, c->conf.arg, line, &k->out);
        size_t used = line.len + 1;
        memmove(k->in.p, k->in.p + used, k->in.len - used);
        k->in.len -= used;
    }
}

/* Reads what is there and answers it. */
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
    answer_lines(c, k);
    if (!flush(k) || k->in.len > LINE_MAX_BYTES) let_go(c, k);
}

/* What the worker has done goes out, and the client is read again. */
static void collect(leat_control *c)
{
    for (int i = 0; i < CLIENTS; i++) {
        client *k = &c->clients[i];
        if (job_of(c, k) != JOB_DONE) continue;
        pthread_mutex_lock(&c->lock);
        k->job = JOB_NONE;
        pthread_mutex_unlock(&c->lock);
        leat_buf_add(&k->out, leat_buf_str(&k->answer));
        if (!k->gone) answer_lines(c, k);
        if (!flush(k)) let_go(c, k);
    }
}

/* When all places are taken, whoever has been silent for longest makes room; those that wait for
 * the worker are not silent. */
static client *place_for(leat_control *c)
{
    client *to = NULL;
    for (int i = 0; i < CLIENTS && !(to && to->fd < 0); i++) {
        client *k = &c->clients[i];
        if (k->fd >= 0 && job_of(c, k) != JOB_NONE) continue;
        if (!to || k->fd < 0 || k->last_us < to->last_us) to = k;
    }
    return to;
}

/* No descriptor is left for it: it waits until the next tick, and is not asked about before. */
static void take(leat_control *c)
{
    int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
    c->resting = fd < 0 && errno != EINTR && errno != ECONNABORTED;
    if (fd < 0) return;
    client *to = place_for(c);
    if (!to) {
        close(fd);
        return;
    }
    if (to->fd >= 0) drop(to);
    to->fd = fd;
    to->last_us = leat_mono_us();
}

/* ---- the loop ---- */

/* What the loop waits for: to be woken, connections, and what each client may do; nothing of those
 * with a job. Holds no empty places: poll refuses more than there may be descriptors. */
typedef struct watched {
    struct pollfd p[CLIENTS + 2];
    client *of[CLIENTS + 2];
    nfds_t n;
} watched;

static void watch(leat_control *c, watched *w)
{
    w->p[0] = (struct pollfd){.fd = c->wake, .events = POLLIN};
    w->p[1] = (struct pollfd){.fd = c->resting ? -1 : c->fd, .events = POLLIN};
    w->n = 2;
    for (int i = 0; i < CLIENTS; i++) {
        client *k = &c->clients[i];
        if (k->fd < 0 || job_of(c, k) != JOB_NONE) continue;
        short events = (short)(POLLIN | (k->out.len > 0 ? POLLOUT : 0));
        w->of[w->n] = k;
        w->p[w->n++] = (struct pollfd){.fd = k->fd, .events = events};
    }
}

static void tick(leat_control *c)
{
    int64_t now = leat_mono_us();
    if (now - c->ticked_us < TICK_US) return;
    c->ticked_us = now;
    c->resting = false;
    if (c->conf.tick) c->conf.tick(c->conf.arg);
    for (int i = 0; i < CLIENTS; i++) {
        client *k = &c->clients[i];
        if (k->out.len > 0 && !flush(k)) let_go(c, k);
    }
}

static void *loop(void *arg)
{
    leat_control *c = arg;
    for (;;) {
        watched w;
        watch(c, &w);
        if (poll(w.p, w.n, TICK_US / 1000) < 0) { /* what it could not say is not looked at */
            if (errno != EINTR) leat_sleep_us(REST_US);
            w.n = 2;
            w.p[0].revents = w.p[1].revents = 0;
        }
        if (w.p[0].revents & POLLIN) hear(c->wake);
        pthread_mutex_lock(&c->lock);
        bool ending = c->ending;
        pthread_mutex_unlock(&c->lock);
        if (ending) return NULL;
        for (nfds_t i = 2; i < w.n; i++) {
            if ((w.p[i].revents & POLLOUT) && !flush(w.of[i]))
                drop(w.of[i]);
            else if (w.p[i].revents & ~POLLOUT)
                serve(c, w.of[i]);
        }
        collect(c);
        if (w.p[1].revents & POLLIN) take(c);
        tick(c);
    }
}

/* ---- start, stop ---- */

static void release(leat_control *c)
{
    for (int i = 0; i < CLIENTS; i++)
        if (c->clients[i].fd >= 0) drop(&c->clients[i]);
    if (c->fd >= 0) close(c->fd);
    if (c->wake >= 0) close(c->wake);
    if (c->jobs >= 0) close(c->jobs);
    pthread_mutex_destroy(&c->lock);
    leat_free(c->folder);
    leat_free(c);
}

static void join(leat_control *c)
{
    pthread_mutex_lock(&c->lock);
    c->ending = true;
    pthread_mutex_unlock(&c->lock);
    ring(c->jobs);
    ring(c->wake);
    if (c->working) pthread_join(c->worker, NULL);
    if (c->looping) pthread_join(c->loop, NULL);
}

leat_rc leat_control_start(const leat_control_conf *conf, leat_control **out, leat_err *e)
{
    leat_control *c = leat_zalloc(1, sizeof *c);
    c->conf = *conf;
    c->folder = leat_strdup(conf->folder);
    c->conf.folder = c->folder;
    c->ticked_us = leat_mono_us();
    pthread_mutex_init(&c->lock, NULL);
    for (int i = 0; i < CLIENTS; i++) c->clients[i].fd = -1;
    int fault = LEAT_FAULT(control_open);
    c->fd = fault ? -fault : leat_os_unix_listen(c->folder, LEAT_CONTROL_SOCKET, CLIENTS);
    c->wake = eventfd(0, EFD_CLOEXEC);
    c->jobs = eventfd(0, EFD_CLOEXEC);
    int err = c->fd < 0 ? c->fd : c->wake < 0 || c->jobs < 0 ? -EMFILE : 0;
    if (err == 0) err = -pthread_create(&c->loop, NULL, loop, c);
    c->looping = err == 0;
    if (err == 0) err = -pthread_create(&c->worker, NULL, work, c);
    c->working = c->looping && err == 0;
    if (err < 0) {
        join(c);
        leat_rc rc = leat_os_fail(e, err, "listen on " LEAT_CONTROL_SOCKET " in", c->folder);
        release(c);
        return rc;
    }
    *out = c;
    return LEAT_OK;
}

void leat_control_stop(leat_control *c)
{
    if (!c) return;
    join(c);
    collect(c);
    char path[4096];
    snprintf(path, sizeof path, "%s/" LEAT_CONTROL_SOCKET, c->folder);
    leat_os_now()->unlink(path);
    release(c);
}
