/* Kafka Connect's JsonConverter, and Debezium's logical values: cells in, JSON bytes out.
 *
 * Equal, byte for byte, to org.apache.kafka.connect.json.JsonConverter of Kafka 4.1 on what
 * Debezium 3.6 gives it. No I/O. A converter is used by one thread; it caches the text of the
 * schemas it has met (a schema is known by its address, so forget them when a table is unpinned).
 */
#ifndef LEAT_CONVERT_JSON_H
#define LEAT_CONVERT_JSON_H

#include "base/buf.h"
#include "event/envelope.h"

typedef struct leat_json_conf {
    bool schemas;                   /* schemas.enable: {"schema":...,"payload":...} */
    bool decimal_numeric;           /* decimal.format=NUMERIC; else BASE64 */
    bool replace_null_with_default; /* default true */
} leat_json_conf;

typedef struct leat_json_converter leat_json_converter;

/* conf is copied. Heap; never NULL. */
leat_json_converter *leat_json_converter_new(const leat_json_conf *conf);
void leat_json_converter_free(leat_json_converter *c);
/* Drops the cached schema texts. */
void leat_json_converter_forget(leat_json_converter *c);

/* Appends the bytes of a key or value. A null that Kafka Connect sends as null bytes (a tombstone,
 * the key of a keyless table) appends nothing and sets *is_null. placeholder: what ABSENT shows,
 * from the event's origin; if that is absent the field is left out, of the schema too. DATA
 * "convert.json" when a cell does not fit its schema (where: the field's path); out is then as
 * before. */
leat_rc leat_json_convert(leat_json_converter *c, const leat_schema *schema,
                          const leat_value *value, leat_str placeholder, leat_buf *out,
                          bool *is_null, leat_err *e);

/* A header's value as Kafka Connect's SimpleHeaderConverter prints it: strings bare, structs and
 * lists as JSON (but strings in them are escaped less). A null, which has no bytes, appends
 * nothing.
 */
leat_rc leat_json_header(leat_json_converter *c, const leat_header *header, leat_buf *out,
                         leat_err *e);

#endif
