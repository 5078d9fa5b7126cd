/* An answer that goes on: server-sent events (text/event-stream), written by a thread of its own.
 *
 * A handler that has something to tell for a while begins a feed and returns; its feeder then runs
 * in a thread, and what it writes goes out as it comes. It ends when the feeder returns; a feeder
 * whose client has gone, or whose hub stops, is told so by the next write. A client that reads
 * slowly holds up its own feeder alone: at most LEAT_FEED_BYTES wait for it. */
#ifndef LEAT_HUB_FEED_H
#define LEAT_HUB_FEED_H

#include "base/buf.h"

enum { LEAT_FEED_BYTES = 1 << 20, LEAT_FEEDS_MAX = 64 };

typedef struct leat_feed leat_feed;
struct leat_http_call;

/* fn: the feeder; free_arg: called with arg when all is over, also if fn never ran. False: there
 * are too many feeds, and 503 was answered; arg was freed. */
bool leat_feed_begin(struct leat_http_call *c, void (*fn)(void *arg, leat_feed *f),
                     void (*free_arg)(void *arg), void *arg);

/* ---- for feeders ---- */

/* event: its type; id: NULL for none; data: one line or several. False: nobody listens any more.
 * Waits while too much has not been read. */
bool leat_feed_event(leat_feed *f, const char *event, const char *id, leat_str data);
/* Nobody listens any more. Sends a comment now and then, by which that shows. */
bool leat_feed_over(leat_feed *f);

/* ---- for the server ---- */

/* All feeds of a server: how many there may be, and their end. */
typedef struct leat_feeds leat_feeds;
leat_feeds *leat_feeds_new(void);
/* Tells all feeders to end, and waits for them; the server sends what is left. */
void leat_feeds_stop(leat_feeds *all);
void leat_feeds_free(leat_feeds *all);

/* The answer's body: bytes copied; 0: none yet, and the library's connection was suspended until
 * there are; -1 at the end. */
long leat_feed_read(leat_feed *f, void *connection, char *out, size_t room);
/* The server needs it no more. */
void leat_feed_release(leat_feed *f);
/* Starts the feeder; false: there is no thread for it, and nothing will come. */
bool leat_feed_run(leat_feed *f);

#endif
