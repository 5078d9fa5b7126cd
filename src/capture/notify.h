/* Notifications: what a connector tells about its snapshots, in Debezium's records.
 *
 * notification.enabled.channels says where they go: sink, as RECORDs to the topic
 * notification.sink.topic.name in the order of what they are about; log, as lines of the log. They
 * are no changes and count in no ledger. One thread. */
#ifndef LEAT_CAPTURE_NOTIFY_H
#define LEAT_CAPTURE_NOTIFY_H

#include "capture/chunk.h"
#include "capture/conf.h"

#define LEAT_NOTIFY_INITIAL "Initial Snapshot"
#define LEAT_NOTIFY_INCREMENTAL "Incremental Snapshot"

/* additional_data's members; absent ones (NULL) are left out. Texts are copied. */
typedef struct leat_notice {
    const char *aggregate; /* LEAT_NOTIFY_... */
    const char *type;    /* STARTED, IN_PROGRESS, TABLE_SCAN_COMPLETED, COMPLETED, ABORTED, SKIPPED,
                            PAUSED, RESUMED */
    const char *id;      /* of the signal; NULL: a UUID is made */
    const char *current; /* current_collection_in_progress */
    const char *scanned; /* scanned_collection, with ... */
    int64_t rows;        /* ... total_rows_scanned */
    const char *maximum_key, *last_key; /* maximum_key, last_processed_key */
    const char *tables;                 /* data_collections, see leat_notify_tables */
    const char *status;                 /* SUCCEEDED, EMPTY, NO_PRIMARY_KEY ... */
} leat_notice;

typedef struct leat_notify leat_notify;

/* NULL when no channel is enabled. Heap; c outlives it. */
leat_notify *leat_notify_new(const leat_capture_conf *c);
void leat_notify_free(leat_notify *n);

/* Tells; n may be NULL: nothing. */
void leat_notify_put(leat_notify *n, leat_batch *b, const leat_notice *notice);

/* Tells of a snapshot beside the stream. table, rows: of the news of one; tables: those that are
 * read; captured: all (leat_notify_tables). */
void leat_notify_news(leat_notify *n, leat_batch *b, leat_snap_news news, const char *table,
                      uint64_t rows, const char *tables, const char *captured);

enum { LEAT_NOTIFY_TABLES = 1000 }; /* names in a list; behind them stands ",... (17 more)" */

/* "a,b,c" in a, of n names ("schema.table"). hashed: not in their order, but in that in which a
 * Java HashMap gives them: Debezium's notifications of tables in progress have it so. */
const char *leat_notify_tables(leat_arena *a, const char *const *names, size_t n, bool hashed);

#endif
