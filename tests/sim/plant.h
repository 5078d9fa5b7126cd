/* Planted bugs: faults of the product that the simulator must find, made by wrapping its parts. */
#ifndef LEAT_TESTS_SIM_PLANT_H
#define LEAT_TESTS_SIM_PLANT_H

#include "stream/stream.h"

#define SIM_PLANTS(X)                                                                              \
    X(NONE, "none", "nothing")                                                                     \
    X(LYING_SYNC, "ack-before-fsync", "a commit acknowledges what was not synced")                 \
    X(EARLY_MARK, "early-mark", "the mark moves when a frame is appended")                         \
    X(NO_CRC, "frame-not-checked", "checksums of frames are not compared")                         \
    X(NO_ROLLBACK, "no-rollback", "an open transaction is not taken back before it comes again")   \
    X(LATE_LETTERS, "late-dead-letter", "dead letters are stored after the position")              \
    X(MISCOUNT, "miscount", "a change is counted twice")                                           \
    X(LOST_COUNT, "lost-count", "a filtered change is not counted by the source")                  \
    X(NO_PROVE, "sync-not-proven", "recovery trusts what a failed sync left in memory")            \
    X(KEPT_TAIL, "kept-tail", "recovery does not cut what stands above the mark")                  \
    X(KEEPALIVE, "keepalive-in-flight", "a keepalive's position is taken inside a transaction")    \
    X(RESUMED, "snapshot-resumed", "an interrupted snapshot goes on where it was")                 \
    X(NO_SYNC_DIR, "name-not-synced", "folders are not synced")                                    \
    X(CLAIM_UNSYNCED, "claim-not-synced", "topics' claims are not durable before their events")    \
    X(SHORT_WRITE, "short-write", "a short write counts as a whole one")                           \
    X(SYNC_AGAIN, "sync-believed", "a sync that failed counts as one that did not")                \
    X(ACK_APPENDED, "ack-appended", "the source is acknowledged what was only appended")           \
    X(REOPEN_AT_MARK, "resume-at-mark", "after an error, frames above the mark come again")        \
    X(LYING_FLUSH, "cursor-before-target", "a sink's cursor moves before its target is durable")   \
    X(READER_SKIPS, "reader-skips", "the reader loses an event at a frame's end")                  \
    X(LOST_EDIT, "edit-not-synced", "an edited position is told to be done before it is durable")  \
    X(STALE_CURSOR, "stale-cursor", "the reader's cursor is sometimes not stored")                 \
    X(NOT_ASKED, "cursor-not-asked", "segments are removed that a sink still needs")               \
    X(NEWEST_REMOVED, "newest-removed", "the segment of the mark is removed, not the oldest")      \
    X(UNLINK_UNSYNCED, "unlink-not-synced", "the folder is not synced after a removal")            \
    X(GAP_SKIPPED, "gap-skipped", "a reader passes over segments that were removed")               \
    X(MERGE_UNSYNCED, "merge-not-synced", "a merged segment is put in place before it is synced")  \
    X(MERGE_SHIFTED, "merge-shifts", "the offsets of a merged frame are one too high")             \
    X(MERGE_NO_END, "merge-loses-end", "safe places are lost where frames are merged")             \
    X(MERGE_NO_PARTS, "merge-skips", "a cursor inside of a merged frame is taken for its end")     \
    X(KAFKA_EARLY, "report-before-log", "records are reported delivered before the log has them")  \
    X(KAFKA_ORDER, "retry-reorders", "a record passes others of its partition by")                 \
    X(KAFKA_LOST, "lost-is-delivered", "records of a dead producer are reported delivered")        \
    X(KAFKA_UNSAVED, "save-not-durable", "what was delivered is told to be saved before it is")    \
    X(KAFKA_NO_FIND, "spool-not-found", "a restart does not look for a spool")                     \
    X(KAFKA_NO_BACK, "kafka-no-rollback", "what is open is not taken back from the window")        \
    X(KAFKA_REFUSED, "refused-dropped", "a record that is refused is passed over")                 \
    X(KAFKA_AGAIN, "refused-again", "a record that was refused is sent again")                     \
    X(KAFKA_NOT_ASKED, "spool-not-kept", "segments of the spool go that were not delivered")       \
    X(SPOOL_TORN, "spool-torn-tail", "what a crash tore off at the spool's end is not cut")        \
    X(SPOOL_UNSYNCED, "spool-not-synced", "the log is let go by what the spool has not synced")    \
    X(SPOOL_WINDOW, "window-not-spooled", "what is on its way does not get into the spool")        \
    X(SPOOL_BEGUN, "spool-only-begun", "a spool that was never in force is taken for one")         \
    X(SPOOL_CURSOR, "spool-cursor-early", "the spool's cursor passes what is not reported")        \
    X(SPOOL_LEFT, "spool-left-early", "the spool is left before its end")                          \
    X(KAFKA_OTHER, "other-cluster-counts", "another cluster's reports are taken for this one's")   \
    X(KAFKA_ANYBODY, "sent-to-anybody", "it is not waited for who the brokers are")                \
    X(ONCE_NO_FENCE, "zombie-not-fenced",                                                          \
      "a producer that begins leaves the old transaction open")                                    \
    X(ONCE_STALE, "offsets-read-early", "the offset topic is read before its end")                 \
    X(ONCE_UNPREPARED, "commit-not-prepared", "a commit is asked for before its row is durable")   \
    X(ONCE_UNMARKED, "positions-not-in", "the positions are sometimes not in the transaction")     \
    X(ONCE_NO_DROP, "repeats-are-sent", "what comes again of an open transaction is sent again")   \
    X(ONCE_NO_ABORT, "tail-not-aborted", "what was taken back is committed")                       \
    X(ONCE_NO_AWAIT, "commit-not-awaited", "a source goes on while a commit is in doubt")          \
    X(ONCE_NO_SKIP, "doubt-not-skipped", "what was in doubt is sent again from the spool")
typedef enum sim_plant {
/* clang-format off */
#define X(name, word, what) PLANT_##name,
    SIM_PLANTS(X)
#undef X
    PLANT_COUNT,
    PLANT_KAFKA = PLANT_KAFKA_EARLY, /* from here on: with Kafka as the stream ... */
    PLANT_ONCE = PLANT_ONCE_NO_FENCE /* ... and exactly once */
    /* clang-format on */
} sim_plant;

const char *plant_word(sim_plant p);
const char *plant_what(sim_plant p);
/* PLANT_COUNT: no such bug. */
sim_plant plant_of(const char *word);

/* The stream between the engine and the real one: traces, checks, and plants. */
typedef struct plant_stream {
    leat_stream base;
    leat_stream *real;
    bool deaf; /* the next commit is not heard */
} plant_stream;
leat_stream *plant_wrap(plant_stream *p, leat_stream *real);

#endif
