/* The embedded stream's inside, shared by its appending part (embedded.c) and its opening and
 * closing one (embedded_open.c); nobody else includes this. */
#ifndef LEAT_STREAM_EMBEDDED_H
#define LEAT_STREAM_EMBEDDED_H

#include "stream/merger.h"
#include "stream/stream.h"
#include "stream/writer.h"

/* What going back brings back, beside the writer's place and the topics' offsets. */
typedef struct leat_embedded_books {
    leat_counts counts;       /* counted since the last safe place */
    uint64_t events;          /* appended since the last safe place */
    uint64_t last_tx;         /* of the last event, its end not seen yet; 0: none */
    uint64_t pending;         /* bytes of frames written since the last commit */
    int64_t last_us, seen_us; /* of the last event */
    bool dirty;               /* the safe place moved since the last END frame */
    bool tail;                /* something was appended behind the last safe place */
} leat_embedded_books;

typedef struct leat_embedded_save {
    leat_embedded_books books;
    leat_writer_save place;
    int64_t *next; /* offsets of topics */
    uint32_t n, cap;
} leat_embedded_save;

typedef struct leat_embedded {
    leat_stream stream;
    char *data, *connector, *lock_path;
    struct leat_page *page; /* may be NULL */
    int lock;               /* descriptor, -1: not taken */
    leat_writer w;          /* w.has.reach: at the last safe place appended */
    leat_draft d;
    size_t frame_bytes; /* a frame is written when its events are that large */
    leat_reach visible; /* at the mark; state points into it */
    leat_stream_state state;
    leat_embedded_books now;
    leat_embedded_save batch; /* before the batch that is appended now */
    leat_embedded_save safe;  /* at the last safe place; valid if now.tail */
    leat_embedded_save fresh; /* the same, while the batch may still fail */
    leat_reach before;        /* w.has.reach before the batch; valid if moved */
    bool moved, tail_began;   /* by this batch */
    bool mixed;               /* the draft holds what was there before the batch */
    bool framed;              /* something was written since the open */
    int64_t tended_us;        /* leat_mono_us of the last housekeeping ... */
    int64_t claimed_us;       /* ... and look at the claims */
    uint64_t purged;          /* segment in which table versions were last forgotten */
    uint64_t last_print;      /* fingerprint of the last event's table ... */
    uint32_t last_row;        /* ... and its row of the registry; LEAT_MAP_NONE: look it up */
    size_t event_bytes;       /* moving average */
    leat_merger *merger;      /* NULL: nothing is merged */
    uint64_t merged_bytes;    /* less than the segments had when they were written */
} leat_embedded;

extern const leat_stream_ops leat_embedded_ops;

leat_rc leat_embedded_commit(leat_embedded *s, leat_err *e);
/* What the merger has ready is put in place. */
void leat_embedded_put_merged(leat_embedded *s);
leat_rc leat_embedded_rollback(leat_embedded *s, leat_err *e);
leat_rc leat_embedded_edit(leat_stream *stream, const leat_position *pos, size_t n,
                           leat_str progress, leat_err *e);
/* Fills state and page from what stands at w.mark. */
void leat_embedded_show(leat_embedded *s);
void leat_embedded_close(leat_embedded *s);

#endif
