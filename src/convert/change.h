/* Records of Kafka read back into what a source made of them: Debezium's envelope into a CHANGE.
 *
 * The inverse of event/envelope.h over convert/json.h, so that a sink gets of a topic of Kafka what
 * it gets of the embedded stream. A row that stands alone, with a schema and without an envelope
 * (ExtractNewRecordState, or a source that has no envelopes), is a CREATE of that row, an UPDATE
 * where cells are not sent, its tombstone a DELETE. What is neither is a RECORD. Pure; one thread.
 */
#ifndef LEAT_CONVERT_CHANGE_H
#define LEAT_CONVERT_CHANGE_H

#include "convert/json_read.h"
#include "event/event.h"

typedef struct leat_change_reader leat_change_reader;

/* Heap; never NULL. */
leat_change_reader *leat_change_reader_new(const leat_json_read_conf *key,
                                           const leat_json_read_conf *value);
void leat_change_reader_free(leat_change_reader *r);
/* Each record goes through fn before it becomes an event; values that it makes are in a, schemas
 * live until the reader forgets. Its error is that of the read. */
void leat_change_reader_through(leat_change_reader *r,
                                leat_rc (*fn)(void *arg, leat_record *record, leat_arena *a,
                                              leat_err *e),
                                void *arg);
/* Between two batches: what is kept of schemas is bounded. True: it was forgotten. */
bool leat_change_reader_trim(leat_change_reader *r);
void leat_change_reader_forget(leat_change_reader *r);

/* Appends the event of one record to b. AGAIN: it has none, being the tombstone behind a delete, or
 * a record of nothing. DATA "convert.key", "convert.value" (where: the path of a field): it cannot
 * be read; b is as before. */
leat_rc leat_change_read(leat_change_reader *r, const char *topic, leat_str key, leat_str value,
                         leat_batch *b, leat_err *e);
/* The same of a record that needs no reading. Its schemas are known by their addresses until the
 * reader forgets. DATA "convert.value". */
leat_rc leat_change_take(leat_change_reader *r, const leat_record *record, leat_batch *b,
                         leat_err *e);

/* Of one change of key, which became the delete of the old row and then the new row: where this
 * lacks cells that were not sent, made becomes an update of the row that is there. True: it did,
 * and the delete is not to be done. Cells are in a. */
bool leat_change_join(const leat_event *gone, leat_event *made, leat_arena *a);

#endif
