/* A record as a line of JSON, as `leat read` and `leat demo --json` print it. */
#ifndef LEAT_ENGINE_RECORD_H
#define LEAT_ENGINE_RECORD_H

#include "base/json.h"
#include "convert/json.h"
#include "stream/kafka/fetch.h"

/* How the records of one connector are written. */
typedef struct leat_record_form {
    leat_json_converter *keys, *values;
    leat_buf scratch;
} leat_record_form;

/* Converters as the connector's configuration sets them; Kafka Connect's defaults when that is not
 * known. schemas: {"schema":...,"payload":...}. */
void leat_record_form_init(leat_record_form *f, const char *data, const char *connector,
                           bool schemas);
void leat_record_form_fini(leat_record_form *f);
/* After each batch: what is cached of its schemas is dropped. */
void leat_record_form_forget(leat_record_form *f);

/* Appends {"topic","partition","offset","timestamp" (ms),"key","value","headers"} and a newline.
 * DATA "convert.json". */
leat_rc leat_record_write(leat_record_form *f, const leat_event *ev, const leat_record *record,
                          int64_t offset, leat_buf *out, leat_err *e);
/* Adds one member: a key, a value, or a cell; c is f->keys or f->values. */
leat_rc leat_record_part(leat_json_converter *c, leat_jw *w, const char *name,
                         const leat_schema *schema, const leat_value *value, leat_str placeholder,
                         leat_err *e);
/* Appends the value of a record of the event as JSON without schemas, its key where that is null:
 * what a dead letter shows. */
void leat_record_text(const leat_event *ev, const leat_record *r, leat_buf *out);
/* Adds a row as an object, without its ABSENT cells; null when there is none. */
leat_rc leat_record_row(leat_json_converter *c, leat_jw *w, const char *name,
                        const leat_schema *row, const leat_value *cells, leat_err *e);

/* What is shown of a value of Kafka that is JSON: of Kafka Connect's {"schema","payload"} the
 * payload, else itself. */
const leat_json *leat_record_payload(const leat_json *j);
/* Adds a key or value of Kafka, where they are bytes: what is JSON as it is (schemas: with its
 * schema), other text as a string, what is neither as {"$base64":"..."}. a: scratch. */
void leat_record_bytes(leat_jw *w, leat_arena *a, const char *name, leat_str bytes, bool schemas);
/* Adds its headers as pairs: [["name","value"], ...]. */
void leat_record_headers(leat_jw *w, leat_arena *a, const char *name, const leat_kafka_message *m);

#endif
