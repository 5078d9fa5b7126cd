/* Events of the model database: made once for the source, and again for the one who compares. */
#ifndef LEAT_TESTS_SIM_EVENT_H
#define LEAT_TESTS_SIM_EVENT_H

#include "db.h"

/* Adds the event of operation n of a transaction, or of its RECORD if n is its count. */
leat_event *event_add(leat_batch *b, const db_schema *schema, const db *d, const db_tx *tx,
                      uint32_t n);
/* Adds a snapshot's row. */
leat_event *event_add_row(leat_batch *b, const db_schema *schema, unsigned table, unsigned version,
                          unsigned key, db_row row, unsigned view, int64_t lsn);
/* NULL if all but offset and partition is equal, else what is not. */
const char *event_differs(const leat_event *x, const leat_event *y);
/* Of all content. */
uint64_t event_hash(const leat_event *ev);
/* DB_TOPICS: none of ours. */
unsigned event_topic(const leat_event *ev);

#endif
