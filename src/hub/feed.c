/* A buffer between a feeder's thread and the library's.
 *
 * The library asks for bytes; when there are none the connection is suspended, and the feeder's
 * next write resumes it. Both under the feed's guard, so that no wake-up is lost. A feed is freed
 * by the later of the two, by a count. Feeds of a server are counted under its own guard, which
 * also holds the flag that ends them. */
#include "hub/feed.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/os.h"
#include "hub/http.h"

enum { BEAT_US = 5000000, STACK_BYTES = 512 << 10 };

struct leat_feeds {
    pthread_mutex_t guard;
    pthread_cond_t fewer;
    unsigned n;
    atomic_bool stopping;
};

struct leat_feed {
    leat_feeds *all;
    void (*fn)(void *arg, leat_feed *f);
    void (*free_arg)(void *arg);
    void *arg;
    int64_t told_us;       /* of the feeder: when it wrote last */
    pthread_mutex_t guard; /* of all below */
    pthread_cond_t room;
    leat_buf out;
    size_t at; /* what lies before it was sent */
    struct MHD_Connection *connection;
    bool suspended, ended, gone;
    int holders; /* the server, and the feeder once it runs */
};

leat_feeds *leat_feeds_new(void)
{
    leat_feeds *all = leat_zalloc(1, sizeof *all);
    pthread_mutex_init(&all->guard, NULL);
    pthread_cond_init(&all->fewer, NULL);
    return all;
}

void leat_feeds_stop(leat_feeds *all)
{
    atomic_store(&all->stopping, true);
    pthread_mutex_lock(&all->guard);
    while (all->n > 0) pthread_cond_wait(&all->fewer, &all->guard);
    pthread_mutex_unlock(&all->guard);
}

void leat_feeds_free(leat_feeds *all)
{
    if (!all) return;
    pthread_cond_destroy(&all->fewer);
    pthread_mutex_destroy(&all->guard);
    leat_free(all);
}

static bool take_place(leat_feeds *all)
{
    pthread_mutex_lock(&all->guard);
    bool room = all->n < LEAT_FEEDS_MAX && !atomic_load(&all->stopping);
    all->n += room;
    pthread_mutex_unlock(&all->guard);
    return room;
}

static void give_place(leat_feeds *all)
{
    pthread_mutex_lock(&all->guard);
    all->n--;
    pthread_cond_signal(&all->fewer);
    pthread_mutex_unlock(&all->guard);
}

/* One of the two is done with it. */
static void let_go(leat_feed *f)
{
    pthread_mutex_lock(&f->guard);
    bool last = --f->holders == 0;
    pthread_mutex_unlock(&f->guard);
    if (!last) return;
    leat_buf_free(&f->out);
    pthread_cond_destroy(&f->room);
    pthread_mutex_destroy(&f->guard);
    leat_free(f);
}

bool leat_feed_begin(leat_http_call *c, void (*fn)(void *arg, leat_feed *f),
                     void (*free_arg)(void *arg), void *arg)
{
    if (!take_place(c->feeds)) {
        free_arg(arg);
        leat_http_fail(c, 503, "at most %d event streams at a time: close one, or ask again",
                       LEAT_FEEDS_MAX);
        return false;
    }
    leat_feed *f = leat_zalloc(1, sizeof *f);
    *f = (leat_feed){.all = c->feeds,
                     .fn = fn,
                     .free_arg = free_arg,
                     .arg = arg,
                     .holders = 1,
                     .told_us = leat_mono_us()};
    pthread_mutex_init(&f->guard, NULL);
    pthread_cond_init(&f->room, NULL);
    c->feed = f;
    c->type = "text/event-stream";
    return true;
}

/* ---- the feeder's side; the guard is taken ---- */

static void resume(leat_feed *f)
{
    if (!f->suspended) return;
    f->suspended = false;
    MHD_resume_connection(f->connection);
}

static bool dead(const leat_feed *f)
{
    return f->gone || atomic_load(&f->all->stopping);
}

/* Waits for room; a server that stops is seen within a moment. */
static void wait_room(leat_feed *f)
{
    while (!dead(f) && f->out.len - f->at > LEAT_FEED_BYTES) {
        struct timespec until;
        int64_t us = leat_now_us() + 200000;
        until.tv_sec = us / 1000000;
        until.tv_nsec = us % 1000000 * 1000;
        pthread_cond_timedwait(&f->room, &f->guard, &until);
    }
}

static bool put(leat_feed *f, leat_str text)
{
    pthread_mutex_lock(&f->guard);
    wait_room(f);
    bool listens = !dead(f);
    if (listens) {
        leat_buf_add(&f->out, text);
        resume(f);
    }
    pthread_mutex_unlock(&f->guard);
    f->told_us = leat_mono_us();
    return listens;
}

bool leat_feed_event(leat_feed *f, const char *event, const char *id, leat_str data)
{
    leat_buf text = {0};
    leat_buf_printf(&text, "event: %s\n", event);
    if (id) leat_buf_printf(&text, "id: %s\n", id);
    do {
        leat_str line = leat_str_cut(&data, '\n');
        leat_buf_str_z(&text, "data: ");
        leat_buf_add(&text, line);
        leat_buf_u8(&text, '\n');
    } while (data.s && data.len > 0);
    leat_buf_u8(&text, '\n');
    bool listens = put(f, leat_buf_str(&text));
    leat_buf_free(&text);
    return listens;
}

bool leat_feed_over(leat_feed *f)
{
    if (leat_mono_us() - f->told_us > BEAT_US) return !put(f, LEAT_STR(": still here\n\n"));
    pthread_mutex_lock(&f->guard);
    bool over = dead(f);
    pthread_mutex_unlock(&f->guard);
    return over;
}

static void *feeder(void *arg)
{
    leat_feed *f = arg;
    leat_feeds *all = f->all;
    f->fn(f->arg, f);
    f->free_arg(f->arg);
    pthread_mutex_lock(&f->guard);
    f->ended = true;
    resume(f);
    pthread_mutex_unlock(&f->guard);
    let_go(f);
    give_place(all);
    return NULL;
}

/* ---- the server's side ---- */

bool leat_feed_run(leat_feed *f)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    f->holders++;
    bool runs = pthread_create(&thread, &attr, feeder, f) == 0;
    pthread_attr_destroy(&attr);
    if (runs) return true;
    f->holders--;
    f->ended = true;
    f->free_arg(f->arg);
    give_place(f->all);
    return false;
}

long leat_feed_read(leat_feed *f, void *connection, char *out, size_t room)
{
    long n = 0;
    pthread_mutex_lock(&f->guard);
    size_t there = f->out.len - f->at;
    if (there > 0) {
        size_t take = there < room ? there : room;
        memcpy(out, f->out.p + f->at, take);
        f->at += take;
        n = (long)take;
        if (f->at == f->out.len) {
            leat_buf_clear(&f->out);
            f->at = 0;
        }
        pthread_cond_signal(&f->room);
    } else if (f->ended) {
        n = -1;
    } else {
        f->connection = connection;
        f->suspended = true;
        MHD_suspend_connection(connection);
    }
    pthread_mutex_unlock(&f->guard);
    return n;
}

void leat_feed_release(leat_feed *f)
{
    pthread_mutex_lock(&f->guard);
    f->gone = true;
    f->suspended = false;
    pthread_cond_signal(&f->room);
    pthread_mutex_unlock(&f->guard);
    let_go(f);
}
