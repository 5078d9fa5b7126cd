/* A list of connections, and buckets of addresses. */
#include "hub/watch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"

enum {
    BUCKETS = 1024,
    SLICE = 100,   /* connections that are looked at in one go ... */
    REST_US = 100, /* ... and the pause between two, for those who wait for the guard */
};

typedef struct bucket {
    double room; /* requests that may still come */
    int64_t at_us;
} bucket;

struct leat_watch {
    unsigned rate;
    pthread_mutex_t guard; /* of all below */
    leat_watched *first;
    bucket buckets[BUCKETS]; /* addresses of one hash share one */
};

leat_watch *leat_watch_new(unsigned rate)
{
    leat_watch *w = leat_zalloc(1, sizeof *w);
    w->rate = rate;
    pthread_mutex_init(&w->guard, NULL);
    for (int i = 0; i < BUCKETS; i++) w->buckets[i].room = 2.0 * rate;
    return w;
}

void leat_watch_free(leat_watch *w)
{
    if (!w) return;
    while (w->first) leat_watch_end(w, w->first);
    pthread_mutex_destroy(&w->guard);
    leat_free(w);
}

static void name_address(const struct sockaddr *from, char out[LEAT_WATCH_ADDRESS])
{
    const struct sockaddr_in *v4 = (const void *)from;
    const struct sockaddr_in6 *v6 = (const void *)from;
    const char *text = NULL;
    if (from && from->sa_family == AF_INET)
        text = inet_ntop(AF_INET, &v4->sin_addr, out, LEAT_WATCH_ADDRESS);
    else if (from && from->sa_family == AF_INET6)
        text = inet_ntop(AF_INET6, &v6->sin6_addr, out, LEAT_WATCH_ADDRESS);
    if (!text) snprintf(out, LEAT_WATCH_ADDRESS, "unix");
}

/* The guard is taken, of these two. */
static void put_in(leat_watched *one, leat_watched **at)
{
    one->next = *at;
    one->at = at;
    if (one->next) one->next->at = &one->next;
    *at = one;
}

static void take_out(leat_watched *one)
{
    *one->at = one->next;
    if (one->next) one->next->at = one->at;
}

leat_watched *leat_watch_begin(leat_watch *w, int fd, const struct sockaddr *from)
{
    leat_watched *one = leat_zalloc(1, sizeof *one);
    struct ucred peer;
    socklen_t len = sizeof peer;
    one->fd = fd;
    one->uid = -1;
    name_address(from, one->address);
    if (strcmp(one->address, "unix") == 0 &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        one->uid = (int64_t)peer.uid;
    pthread_mutex_lock(&w->guard);
    put_in(one, &w->first);
    pthread_mutex_unlock(&w->guard);
    return one;
}

void leat_watch_end(leat_watch *w, leat_watched *one)
{
    pthread_mutex_lock(&w->guard);
    take_out(one);
    pthread_mutex_unlock(&w->guard);
    leat_free(one);
}

void leat_watch_due(leat_watch *w, leat_watched *one, bool arriving, int64_t us)
{
    pthread_mutex_lock(&w->guard);
    one->arriving = arriving;
    one->ended = false;
    one->due_us = us ? leat_mono_us() + us : 0;
    pthread_mutex_unlock(&w->guard);
}

/* Twice in a row: at the first look the request may just have been read. */
static bool gone_away(leat_watched *one)
{
    char byte;
    bool was = one->ended;
    one->ended = one->arriving && recv(one->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    return was && one->ended;
}

/* True: it was late. */
static bool look_at(leat_watched *one, int64_t now)
{
    if (gone_away(one)) shutdown(one->fd, SHUT_RDWR);
    if (one->due_us == 0 || one->due_us > now) return false;
    shutdown(one->fd, SHUT_RDWR);
    one->due_us = 0;
    return true;
}

/* Under the guard no connection of the list can have been closed. It is given back now and then,
 * since requests wait for it; a mark in the list tells where to go on. */
unsigned leat_watch_sweep(leat_watch *w)
{
    leat_watched mark = {.fd = -1};
    int64_t now = leat_mono_us();
    unsigned late = 0;
    pthread_mutex_lock(&w->guard);
    put_in(&mark, &w->first);
    while (mark.next) {
        leat_watched *one = NULL;
        leat_watched **at = mark.at;
        take_out(&mark);
        for (unsigned i = 0; i < SLICE && (one = *at); i++, at = &one->next)
            late += look_at(one, now);
        put_in(&mark, at);
        if (!mark.next) break;
        pthread_mutex_unlock(&w->guard);
        leat_sleep_us(REST_US);
        pthread_mutex_lock(&w->guard);
    }
    take_out(&mark);
    pthread_mutex_unlock(&w->guard);
    return late;
}

bool leat_watch_rate(leat_watch *w, const leat_watched *one)
{
    if (w->rate == 0) return true;
    bucket *b = &w->buckets[leat_str_hash(leat_str_of(one->address)) % BUCKETS];
    int64_t now = leat_mono_us();
    pthread_mutex_lock(&w->guard);
    if (b->at_us) b->room += (double)(now - b->at_us) * w->rate / 1e6;
    if (b->room > 2.0 * w->rate) b->room = 2.0 * w->rate;
    b->at_us = now;
    bool good = b->room >= 1;
    if (good) b->room -= 1;
    pthread_mutex_unlock(&w->guard);
    return good;
}
