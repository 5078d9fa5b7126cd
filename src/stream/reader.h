/* Reading an embedded stream, from any process, up to the mark.
 *
 * A reader maps segments, skips frames that hold none of its topics, and sleeps on the counters
 * page. Where no writer lives it finds the mark from the frames themselves (and syncs what it
 * relies on). One thread a reader. */
#ifndef LEAT_STREAM_READER_H
#define LEAT_STREAM_READER_H

#include "event/event.h"

typedef struct leat_reader leat_reader;

typedef enum leat_from {
    LEAT_FROM_BEGINNING,
    LEAT_FROM_END,
    LEAT_FROM_OFFSET,
    LEAT_FROM_TIME,
    LEAT_FROM_CURSOR
} leat_from;

/* Counting without reading: how many records of a topic lie in which stretch of time. */
typedef struct leat_reader_tally {
    int64_t unit_us; /* length of a stretch; they begin at multiples of it */
    /* records of a frame that lie in the stretch that begins at from_us; the topic ends with NUL
       and lasts as long as the reader */
    void (*fn)(void *arg, leat_str topic, int64_t from_us, uint64_t records);
    void *arg;
} leat_reader_tally;

typedef struct leat_reader_conf {
    const char *data, *connector;
    struct leat_page *page; /* counters page to follow; NULL: the connector's file (a simulator has
                             * none and passes the writer's) */
    const char *const *topics; /* NULL-ended; NULL: all of the stream's */
    /* Whether a topic that is not among them is wanted, too: asked once, before the first event of
     * it is returned; leat_reader_next returns its error, and asks again. NULL: none is. */
    leat_rc (*fits)(void *arg, const char *topic, bool *out, leat_err *e);
    void *fits_arg;
    leat_from from;
    int64_t offset;  /* OFFSET, and CURSOR if not 0 (one topic): of the first record wanted */
    int64_t time_us; /* TIME: from the first event on that was committed then or later */
    leat_str cursor; /* CURSOR: as leat_reader_cursor gave it */
    bool verify;     /* check the CRC of skipped frames too */
    bool within; /* only events committed from least_us to most_us, both included: frames that */
    int64_t least_us, most_us;      /* hold none are passed over unread */
    const leat_reader_tally *tally; /* frames whose topics need not be looked into are told to it
                                       and not returned; NULL: all are returned */
} leat_reader_conf;

/* RETRY "stream.missing": the connector has no stream yet. CONF "stream.gap": what is asked for was
 * removed; "stream.cursor": the cursor is not of this stream. */
leat_rc leat_reader_open(const leat_reader_conf *conf, leat_reader **out, leat_err *e);
/* Resets b and fills it with the visible events of at least one frame, offsets set, order kept.
 * AGAIN after wait_us without any. FATAL "stream.damaged" names segment, offset and what was found;
 * CONF "stream.gap" when what was asked for has been removed by retention. Events stay valid until
 * the next call. */
leat_rc leat_reader_next(leat_reader *r, leat_batch *b, int64_t wait_us, leat_err *e);
/* Whether it is still there. Else RETRY "stream.missing"; "stream.anew": it was deleted and made
 * anew, as leat_reader_next says it, too; a reader that is opened then reads the new one. */
leat_rc leat_reader_still(const leat_reader *r, leat_err *e);
/* Behind everything returned so far, as text for FROM_CURSOR; valid until the next call. */
leat_str leat_reader_cursor(const leat_reader *r);
/* The offset behind the topic's last record that it passed; -1: it passed none. */
int64_t leat_reader_offset(const leat_reader *r, const char *topic);
/* Where a cursor stands (empty: at the beginning of what is held): the offset of the next record of
 * each of the NULL-ended topics, 0 for one that the stream did not hold by then. */
leat_rc leat_reader_offsets(const char *data, const char *connector, leat_str cursor,
                            const char *const *topics, int64_t *next, leat_err *e);
/* Nothing visible is left to return now. */
bool leat_reader_at_end(leat_reader *r);
/* Where it ends now, for leat_reader_passed, by which a reader stops though the stream grows. */
leat_rc leat_reader_end(leat_reader *r, uint64_t *end, leat_err *e);
/* What was visible when `end` was asked for was returned, or passed over. */
bool leat_reader_passed(const leat_reader *r, uint64_t end);
void leat_reader_close(leat_reader *r);

#endif
