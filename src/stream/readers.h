/* The registered readers of a stream: sinks, each with the places it has reached.
 *
 * A sink keeps its places in STREAM/readers/SINK (engine/inputs.h writes it, replaced by rename).
 * What one of them still needs is not removed. A sink that registers, or goes back, does so under
 * the lock of the folder, and so does who removes segments: none is removed between a look at the
 * places and the removal. Any process; one thread a call. */
#ifndef LEAT_STREAM_READERS_H
#define LEAT_STREAM_READERS_H

#include "stream/segment.h"

typedef struct leat_stream_reader {
    const char *sink;
    leat_place *at; /* behind what it has read, n places */
    size_t n;
    const char *fault; /* why its file cannot be understood: it counts as needing all; NULL: good */
    struct leat_stream_reader *next;
} leat_stream_reader;

/* All that are registered in the stream's folder, by name, in a. A fault of one is no error. */
leat_rc leat_readers_list(const char *dir, leat_arena *a, leat_stream_reader **out, leat_err *e);

/* Waits for the lock at most us; *fd is to be closed. RETRY "stream.readers_locked". Makes the
 * folder if there is none. */
leat_rc leat_readers_lock(const char *dir, int64_t us, int *fd, leat_err *e);

/* The reader still needs something of a segment, whose last frame is number last (0: not known). */
bool leat_readers_need(const leat_stream_reader *r, uint64_t segment, uint64_t last);

/* How far it is behind the end. */
typedef struct leat_behind {
    uint64_t events;
    int64_t bytes;
    int64_t
        oldest_us; /* commit time of the first event it has not read; INT64_MIN: there is none */
} leat_behind;

/* Of its place that is furthest behind. visible: events up to the mark. Reads the heads of a frame
 * or a few behind the place; where the segment was merged since, of that segment's frames. */
leat_rc leat_readers_behind(const char *dir, const leat_stream_reader *r, uint64_t visible,
                            leat_behind *out, leat_err *e);

/* The sink is a connector of the data folder. */
bool leat_readers_exists(const char *data, const char *sink);

#endif
