/* A table and its origin as PostgreSQL's connector makes them, and a way to see values as text. */
#ifndef LEAT_TESTS_SAMPLE_H
#define LEAT_TESTS_SAMPLE_H

#include "base/buf.h"
#include "event/envelope.h"
#include "transform/transform.h"

/* Cells of the sample origin's events; sequence is of the first two. */
enum { SRC_COMMIT_LSN, SRC_LSN, SRC_TXID, SRC_CELLS };

/* Debezium's source block of PostgreSQL, two context headers, transaction id "txid:lsn". */
leat_origin *sample_origin(void);

/* crud.public.customers: id int32 default 0 (key), first_name and last_name not null, email; not
 * sealed. Unpins o. */
leat_table *sample_customers(leat_origin *o, uint16_t flags);

/* Messages as rows {prefix, content}; sealed. Unpins o. */
leat_table *sample_messages(leat_origin *o, uint16_t flags);

/* Cells in the batch's arena. */
leat_value *sample_row(leat_batch *b, int64_t id, const char *first, const char *last,
                       const char *email);
leat_value *sample_src(leat_batch *b, int64_t commit_lsn, int64_t lsn, int64_t txid);

/* An event of the customers at the end of the batch, its source cells being 1, 2, 3. */
leat_event *sample_change(leat_batch *b, leat_table *t, leat_op op, const leat_value *before,
                          const leat_value *after);

/* The chain of these options: name, value, ..., NULL. In a; what is wrong with it is in r. */
const leat_transforms *sample_transforms(const char *const *options, leat_arena *a, leat_report *r);

/* The value in a JSON-like text: ABSENT is ?, bytes are x'..', structs by the names of the schema.
 */
void sample_show(leat_buf *out, const leat_schema *s, const leat_value *v);
/* The same as text in a. */
const char *sample_text(leat_arena *a, const leat_schema *s, const leat_value *v);

/* All of both, what they point at included. */
bool sample_event_eq(const leat_event *x, const leat_event *y);

#endif
