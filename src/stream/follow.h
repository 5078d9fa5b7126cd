/* Where a stream's mark is, for those who only read: readers and lists.
 *
 * While a writer lives, its counters page says. Where none does, the frames say, and what stands
 * between the last proven mark and the last intact safe frame is made durable first (recover.h), so
 * that nobody sees what a crash could still take away. One thread. */
#ifndef LEAT_STREAM_FOLLOW_H
#define LEAT_STREAM_FOLLOW_H

#include "stream/page.h"
#include "stream/recover.h"

typedef struct leat_follow {
    char dir[LEAT_PATH_MAX], page_path[LEAT_PATH_MAX];
    int lock;                 /* the stream's lock file, which tells this stream from another that
                                 is made in its place; negative: none was there */
    leat_page *page;          /* NULL: none there */
    bool own;                 /* page was mapped here */
    leat_place mark;          /* segment 0: nothing is visible; crc 0: not known */
    int32_t known_pid;        /* writer of the page that was once seen alive, 0: none ... */
    bool alive;               /* ... and whether it was, at the last look */
    uint64_t settled_segment; /* what was looked at last in the frames: newest segment, ... */
    int64_t settled_size;     /* ... its size, ... */
    bool settled_gone;        /* ... and whether a writer lived */
} leat_follow;

/* page: to follow instead of the connector's file, or NULL. RETRY "stream.missing": there is no
 * stream. */
leat_rc leat_follow_open(leat_follow *f, const char *data, const char *connector, leat_page *page,
                         leat_err *e);
void leat_follow_close(leat_follow *f);
/* Moves f->mark forward if it can. RETRY "stream.anew": see below. */
leat_rc leat_follow_look(leat_follow *f, leat_err *e);
/* What a reader's failure was: while its stream is removed it meets files that are missing, and
 * where another was made in its place, another's. rc; or RETRY "stream.missing", or "stream.anew":
 * it was deleted and made anew. */
leat_rc leat_follow_failed(const leat_follow *f, leat_rc rc, leat_err *e);
/* Sleeps until the mark may have moved, at most us. */
void leat_follow_wait(leat_follow *f, int64_t us);
/* What stands at the mark now, as the frames tell it: totals, positions, next offsets. Where the
 * writer's last moments are of interest this is the truth; the counters page stays behind it when a
 * process ended between a frame and its sync, since those who read prove such a frame themselves.
 * out: initialized, not used before. RETRY "stream.missing"; AGAIN: nothing is visible yet. */
leat_rc leat_follow_state(const char *data, const char *connector, leat_restored *out, leat_err *e);

#endif
