/* The stream: where a connector's events go, and what they reached.
 *
 * append takes a batch, commit makes everything appended durable up to the last safe place and
 * moves the mark there. Positions, ledger totals and snapshot progress travel with the events, so
 * after a crash they are those of exactly the events that are visible: "exactly once, by
 * construction". Implementations: embedded.c (segments in a folder), kafka.c (topics of a cluster).
 * One thread appends and commits. */
#ifndef LEAT_STREAM_STREAM_H
#define LEAT_STREAM_STREAM_H

#include "event/event.h"

typedef struct leat_stream leat_stream;

/* What stands at the mark; filled by open, kept by the stream. */
typedef struct leat_stream_state {
    const leat_position *pos; /* one a partition */
    size_t npos;
    leat_counts totals;  /* ledger, since the connector's first start */
    leat_str progress;   /* the engine's JSON about snapshots; absent: none yet */
    uint64_t frame;      /* number of the last visible frame, 0: none */
    uint64_t events;     /* visible events */
    uint64_t bytes;      /* of all segments */
    const uint64_t *txs; /* the source transactions appended last (visible or not), in no order: */
    size_t ntxs;         /* at most 65,536 */
    uint64_t settled;    /* how many calls of append need no commit any more, where commit can say
                            AGAIN */
} leat_stream_state;

typedef struct leat_stream_ops {
    const char *name; /* "embedded", "kafka" */
    /* Takes the batch's events in order: [0, nsafe) end at a safe place with b->safe and
     * b->safe_counts, the rest belongs to an open transaction and stays invisible until a later
     * batch ends it. progress: the engine's JSON that holds from the batch's safe place on, absent:
     * as before; with it, a batch without a position is safe as a whole. Copies all it
     * needs. RETRY "os.enospc", "stream.retention_held", "stream.disk_low", "spool.full",
     * "kafka.down": nothing of the batch was appended, until a crash (an end of it may then be
     * found whole): the same call will do when there is room. AGAIN: the same, and there will be
     * room soon. FATAL: end the process. */
    leat_rc (*append)(leat_stream *s, const leat_batch *b, leat_str progress, leat_err *e);
    /* Durable up to the last safe place appended, then visible. OK also when there was nothing.
     * AGAIN: that is under way; state tells how far it is, call again. RETRY (the disk is full):
     * nothing moved and nothing is lost, call again. After FATAL (a sync failed) the process must
     * end: what was written is not known. */
    leat_rc (*commit)(leat_stream *s, leat_err *e);
    /* Forgets everything appended behind the last safe place appended (the source went away in the
     * middle of a transaction and will send it again from its beginning). */
    leat_rc (*rollback)(leat_stream *s, leat_err *e);
    /* Housekeeping, to be called again and again while nothing is at hand; cheap when nothing is
     * due. May be NULL. FATAL as commit; CONF "topic.claimed": another connector has one of the
     * topics now. */
    leat_rc (*tend)(leat_stream *s, leat_err *e);
    /* Bytes appended and not yet committed, for grouping. SIZE_MAX: commit takes no time, call it
     * often. */
    size_t (*pending)(const leat_stream *s);
    const leat_stream_state *(*state)(const leat_stream *s);
    /* What was not committed is dropped, or visible after the next open; never in part. */
    void (*close)(leat_stream *s);
    /* What a person decided, instead of what was reached: n positions are replaced, those with an
     * absent offset forgotten, the others stay; progress as in append. Durable and visible on
     * return, totals unchanged. What was appended before is committed, an open transaction rolled
     * back. No source is open. RETRY: nothing was changed. */
    leat_rc (*edit)(leat_stream *s, const leat_position *pos, size_t n, leat_str progress,
                    leat_err *e);
    /* What was committed is where it is to go: nothing waits here to be sent on. May be NULL: that
     * is always so. */
    bool (*arrived)(const leat_stream *s);
    /* False: what was committed is still being looked up, and state may change: no source goes on
     * from it; commit is to be called again. May be NULL: it is known. */
    bool (*known)(const leat_stream *s);
    /* Bytes held in memory by its buffers, about. May be NULL. */
    size_t (*memory)(const leat_stream *s);
} leat_stream_ops;

struct leat_stream {
    const leat_stream_ops *ops;
};

/* How long what is in the stream is kept. Zeroed: for ever. */
typedef struct leat_retention_conf {
    int64_t ms;         /* segments closed longer ago are removed; 0: age does not matter */
    int64_t bytes;      /* of all segments together, the room of the newest included; 0: no bound */
    int64_t free_bytes; /* what stays free on the disk; 0: nothing; -1: 2 %, at most 1 GiB */
    int64_t segment_ms; /* the newest segment is closed after so long; 0: only when it is full */
    bool force;         /* registered readers do not count */
    bool own;           /* its one reader is its writer: nobody is told of readers that sleep */
} leat_retention_conf;

typedef enum leat_compression {
    LEAT_COMPRESSION_LZ4,
    LEAT_COMPRESSION_ZSTD,
    LEAT_COMPRESSION_NONE
} leat_compression;

/* Whether old segments of small frames are merged (stream/merge.h). */
typedef enum leat_merging {
    LEAT_MERGING_OFF,
    LEAT_MERGING_ON,    /* by a thread of the stream's own */
    LEAT_MERGING_STEPS, /* by leat_embedded_merge: for a world without threads */
} leat_merging;

typedef struct leat_embedded_conf {
    const char *data;       /* the data folder; topics are claimed in data/topics */
    const char *connector;  /* name; the stream is data/connectors/NAME/stream */
    struct leat_page *page; /* counters page to mirror the mark to; may be NULL */
    int64_t segment_bytes;  /* 0: 64 MiB */
    int64_t frame_bytes;    /* events of a frame before they are compressed, about; 0: 1 MiB */
    int64_t reserve_bytes;  /* of the file that is freed first when the disk is full; 0: none */
    uint64_t first; /* 0: 1. Number of the first segment and frame of a stream that is made here */
    leat_compression compression;
    leat_retention_conf retention;
    leat_merging merge;
    int64_t merge_small; /* leat_merge_conf.small; 0: as there */
    int merge_gain;      /* leat_merge_conf.gain; 0: as there */
} leat_embedded_conf;

/* Opens for writing: takes the lock data/connectors/NAME/stream/lock (CONF "stream.locked"),
 * recovers (cuts what lies above the mark, after a sync), or creates. conf is copied but page. */
leat_rc leat_embedded_open(const leat_embedded_conf *conf, leat_stream **out, leat_err *e);

/* The stream is a spool: what it reached is what to says, not what it says itself (positions that
 * to does not name stay), and open was counted behind that place, of open_events. As ops->edit, but
 * nothing else is appended. */
leat_rc leat_embedded_restate(leat_stream *s, const leat_stream_state *to, const leat_counts *open,
                              uint64_t open_events, leat_err *e);

/* One piece of merging, for LEAT_MERGING_STEPS. What is ready is put in place by the next commit.
 * False: there is nothing to do now. */
bool leat_embedded_merge(leat_stream *s);

/* ---- topics of the data folder ---- */

typedef struct leat_topic {
    const char *name, *connector; /* whose stream holds it */
    int64_t first, next;          /* offsets: oldest held, and of the next record */
    int64_t bytes;                /* about: its part, by records, of what the stream holds */
    bool exists;                  /* the connector does: it was not deleted */
    bool looked;                  /* first to exists are filled in */
    struct leat_topic *link;
} leat_topic;

/* Names of the claimed topics, n of them in no order, in a: a look at one folder. */
leat_rc leat_topics_names(const char *data, leat_arena *a, const char ***out, size_t *n,
                          leat_err *e);
/* All claimed topics, by name; reading needs no lock. */
leat_rc leat_topics_list(const char *data, leat_arena *a, leat_topic **out, leat_err *e);
/* The same, but nothing is said of what is held: no stream is looked at. */
leat_rc leat_topics_owners(const char *data, leat_arena *a, leat_topic **out, leat_err *e);
/* Fills in what is held of those topics of such a list that are the connector's. */
leat_rc leat_topics_look(leat_topic *topics, const char *data, const char *connector, leat_arena *a,
                         leat_err *e);
/* Removes the topic's claim, as leat_topics_list gave it. CONF "topic.in_use": its connector
 * exists, and records are held or it runs. */
leat_rc leat_topics_delete(const char *data, const leat_topic *t, leat_err *e);
/* Removes the stream of a connector that does not exist any more, with all its topics' events. CONF
 * "topic.in_use", "stream.locked". */
leat_rc leat_stream_remove(const char *data, const char *connector, leat_err *e);
/* The connector that owns a topic; CONF "topic.unknown" with names that are near. */
leat_rc leat_topics_owner(const char *data, const char *topic, leat_arena *a,
                          const char **connector, leat_err *e);

#endif
