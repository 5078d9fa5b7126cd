/* Named fault points: places where a test build can fail, stall or kill on purpose.
 *
 * `LEAT_FAULT(stream_sync)` evaluates to 0 normally, else to the errno that the call behind it
 * should pretend. Builds without LEAT_FAULTS compile it to 0. Set from a test by leat_fault_set, or
 * by the environment: LEAT_FAULT="stream_sync:3:EIO,engine_ack:1:kill" = the third pass fails with
 * EIO, the first acknowledgement kills the process (SIGKILL). Actions: an errno name, kill, or a
 * number of milliseconds to sleep ("250ms"). A count of 0 means every pass. A point may stand in
 * the spec several times. */
#ifndef LEAT_BASE_FAULT_H
#define LEAT_BASE_FAULT_H

#include <stdbool.h>

/* The list: name, what it stands for. One line each; documented from here. */
#define LEAT_FAULT_LIST(X)                                                                         \
    X(stream_append, "before a frame is written to its segment")                                   \
    X(stream_sync, "before a segment is synced")                                                   \
    X(stream_mark, "after the sync, before the mark moves")                                        \
    X(stream_segment, "before a new segment is created")                                           \
    X(stream_unlink, "before a segment is unlinked")                                               \
    X(merge_create, "before the file of a merged segment is created")                              \
    X(merge_write, "before a merged segment is written to")                                        \
    X(merge_sync, "before a merged segment is synced")                                             \
    X(merge_rename, "before a merged segment is put in place")                                     \
    X(state_write, "before state.db is written")                                                   \
    X(engine_ack, "after the mark moved, before the source is acknowledged")                       \
    X(source_read, "before the source is read")                                                    \
    X(source_send, "before feedback is sent to the source")                                        \
    X(control_send, "before an answer goes out on the control socket")

typedef enum leat_fault_id {
/* clang-format off */
#define X(name, what) LEAT_FAULT_##name,
    LEAT_FAULT_LIST(X)
#undef X
    LEAT_FAULT_COUNT
    /* clang-format on */
} leat_fault_id;

/* Behind the macro: counts the pass and does what the spec says. Thread-safe. A faulty spec in the
 * environment ends the process: a test that breaks nothing must not pass. */
int leat_fault_hit(leat_fault_id id);

#ifdef LEAT_FAULTS
#define LEAT_FAULT(name) leat_fault_hit(LEAT_FAULT_##name)
#else
#define LEAT_FAULT(name) 0
#endif

/* spec as in the environment variable, which it replaces; passes are counted from here. False when
 * it cannot be read: then nothing changes. NULL clears all. */
bool leat_fault_set(const char *spec);

#endif
