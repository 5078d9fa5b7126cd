/* Kafka Connect's JsonConverter the other way: bytes of a key or value in, schema and cells out.
 *
 * The inverse of convert/json.h, for what Kafka Connect of Kafka 4.1 wrote and leat writes. Numbers
 * become the typed cells that a source makes (a MicroTimestamp a TIMESTAMP, a Decimal's bytes a
 * DECIMAL), so a reader's events are those of the embedded stream. Pure; a reader is used by one
 * thread. */
#ifndef LEAT_CONVERT_JSON_READ_H
#define LEAT_CONVERT_JSON_READ_H

#include "base/err.h"
#include "base/json.h"
#include "event/schema.h"

typedef struct leat_json_read_conf {
    bool schemas;                   /* schemas.enable: {"schema":...,"payload":...} */
    bool replace_null_with_default; /* a null is the field's default, where that has one */
} leat_json_read_conf;

typedef struct leat_json_reader leat_json_reader;

/* Heap; never NULL. */
leat_json_reader *leat_json_reader_new(const leat_json_read_conf *conf);
void leat_json_reader_free(leat_json_reader *r);
/* Whether so many schemas are kept that they should be forgotten; and that. */
bool leat_json_reader_full(const leat_json_reader *r);
void leat_json_reader_forget(leat_json_reader *r);

/* Reads one text; absent, or of no bytes: a null without a schema. *schema is the reader's until it
 * forgets, the same address for the same text; NULL: there is none, and then objects are maps of
 * texts, whole numbers INT, others DECIMAL or FLOAT. Cells are in a. DATA "convert.read": it cannot
 * be read (where: the path of the field). */
leat_rc leat_json_read(leat_json_reader *r, leat_str text, leat_arena *a,
                       const leat_schema **schema, leat_value *value, leat_err *e);

#endif
