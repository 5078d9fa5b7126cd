/* Records that a source makes itself: heartbeats, and the begin and end of transactions.
 *
 * RECORDs in Debezium's schemas, without headers. They are no changes: they count in no ledger. A
 * source that has heartbeat.interval.ms or provide.transaction.metadata keeps one leat_records from
 * open to close; the schemas of what it makes live in it. One thread. */
#ifndef LEAT_CAPTURE_RECORDS_H
#define LEAT_CAPTURE_RECORDS_H

#include "capture/conf.h"

typedef struct leat_records leat_records;

/* Heap; never NULL. c outlives it. */
leat_records *leat_records_new(const leat_capture_conf *c);
void leat_records_free(leat_records *r);

/* Adds a heartbeat to b if heartbeat.interval.ms has passed since the last one (or since new) by
 * now_us, the time of day; true when it did. Have it followed by leat_batch_safe only where that is
 * right anyway. */
bool leat_records_heartbeat(leat_records *r, leat_batch *b, int64_t now_us);

/* The three do nothing unless provide.transaction.metadata is set. id is copied; ts_us: the
 * transaction's commit time.
 *
 * begin: before the transaction's first event. count: each event made for a table ("schema.table",
 * must live until end); a change of key is two. end: behind the last, with what was counted, tables
 * in the order in which they came first; nothing if begin was not told. */
void leat_records_begin(leat_records *r, leat_batch *b, leat_str id, uint64_t tx, int64_t ts_us);
/* Instead of begin, for a transaction whose begin was written before. */
void leat_records_resume(leat_records *r);
void leat_records_count(leat_records *r, const char *table, unsigned n);
/* A logical message of the transaction: an event of the collection LEAT_RECORDS_MESSAGES. */
#define LEAT_RECORDS_MESSAGES "LOGICAL_DECODING_MESSAGE"
void leat_records_message(leat_records *r);
void leat_records_end(leat_records *r, leat_batch *b, leat_str id, uint64_t tx, int64_t ts_us);

#endif
