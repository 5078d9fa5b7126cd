/* The connections of a server: how long each may take, and how often one address may ask.
 *
 * The library ends connections that are silent. One that sends a byte now and then is never silent:
 * each has a time by which its request must have arrived, or its answer been read, and what is late
 * is cut off. Any thread. */
#ifndef LEAT_HUB_WATCH_H
#define LEAT_HUB_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { LEAT_WATCH_ADDRESS = 48 };

typedef struct leat_watch leat_watch;

typedef struct leat_watched {
    char address[LEAT_WATCH_ADDRESS]; /* "192.0.2.7", "unix" */
    int64_t uid;                      /* of a Unix socket's peer; -1: none, or unknown */
    int fd;                           /* borrowed */
    int64_t due_us;                   /* guarded, as is what follows; 0: no bound */
    bool arriving;                    /* it waits for a request */
    bool ended;                       /* nothing more came from there at the last look */
    struct leat_watched *next, **at;
} leat_watched;

/* rate: requests a second of one address, twice as many at once; 0: no bound. */
leat_watch *leat_watch_new(unsigned rate);
void leat_watch_free(leat_watch *w);
/* A connection begins; ended before its descriptor is closed. */
leat_watched *leat_watch_begin(leat_watch *w, int fd, const struct sockaddr *from);
void leat_watch_end(leat_watch *w, leat_watched *one);
/* It must be done with what it does within so long; 0: there is no bound. arriving: what it does is
 * to send a request. */
void leat_watch_due(leat_watch *w, leat_watched *one, bool arriving, int64_t us);
/* Cuts off those that are late, and those that will send no more of a request that is not whole,
 * which the library overlooks when the end comes with the last bytes. Called every second; how many
 * were late. */
unsigned leat_watch_sweep(leat_watch *w);
/* One more request of that address; false: it asks too often. */
bool leat_watch_rate(leat_watch *w, const leat_watched *one);

#endif
