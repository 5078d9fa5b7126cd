/* Named fault points: places where a test build can fail, stall or kill on purpose.
 *
 * `LEAT_FAULT(stream_sync)` evaluates to 0 normally, else to the errno that the call behind it
 * should pretend. Builds without LEAT_FAULTS compile it to 0. Set from a test by leat_fault_set, or
 * by the environment: LEAT_FAULT="stream_sync:3:EIO,engine_ack:1:kill" = the third pass fails with
 * EIO, the first acknowledgement kills the process (SIGKILL). Actions: an errno name, kill, or a
 * number of milliseconds to sleep ("250ms"). A count of 0 means every pass. A point may stand in
 * the spec several times. A pass that is struck is told on stderr, so that a test can see that it
 * broke what it wanted to; with a count of 0 only the first. */
#ifndef LEAT_BASE_FAULT_H
#define LEAT_BASE_FAULT_H

#include <stdbool.h>

/* The list: name, what it stands for. One line each; DEVELOPING.md explains them in groups, and
 * tests/e2e/test_faults.py strikes each. */
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
    X(stream_cut, "before what stands above the mark is cut off its segment")                      \
    X(stream_read, "before a segment is opened for reading")                                       \
    X(page_open, "before the counters page is made")                                               \
    X(state_open, "before state.db is opened for writing")                                         \
    X(state_write, "before state.db is written")                                                   \
    X(dead_letter, "before dead letters are stored")                                               \
    X(topic_claim, "before a topic's claim is written")                                            \
    X(cursor_read, "before a sink's cursor is read")                                               \
    X(cursor_store, "before a sink's cursor is stored")                                            \
    X(file_rename, "after a small file was written aside, before it takes the old one's place")    \
    X(engine_ack, "after the mark moved, before the source is acknowledged")                       \
    X(source_connect, "before a session to the source is opened")                                  \
    X(source_query, "before a statement is sent to the source")                                    \
    X(source_read, "before the source is read")                                                    \
    X(source_receive, "before the source's log is received from its connection")                   \
    X(source_send, "before feedback is sent to the source")                                        \
    X(sink_write, "before a batch is given to the sink")                                           \
    X(sink_flush, "before the sink is asked whether the batch is durable")                         \
    X(sink_apply, "before rows are given to a relational target")                                  \
    X(sink_lose, "before rows are given to a relational target: the last of them is lost")         \
    X(sink_applied, "after they were, inside the target's transaction")                            \
    X(sink_cursor, "before the cursor is stored in the target")                                    \
    X(sink_commit, "before the target's transaction is committed")                                 \
    X(sink_committed, "after it was, before that is known here")                                   \
    X(control_open, "before the control socket is made")                                           \
    X(control_read, "before a request is read from the control socket")                            \
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
