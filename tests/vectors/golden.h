/* Recorded records of a real Debezium read back: the inverse of the JSON converter, for its tests.
 *
 * Numbers become the typed cells that a source would have made (a MicroTimestamp a TIMESTAMP, a
 * Decimal's bytes a DECIMAL), so that writing them again shows both ways. */
#ifndef LEAT_TESTS_GOLDEN_H
#define LEAT_TESTS_GOLDEN_H

#include "base/json.h"
#include "event/event.h"

typedef struct golden_record {
    const char *topic;
    leat_str key, value;     /* as recorded; s is NULL for null */
    const leat_json *header; /* first of a list of [name, value] */
} golden_record;

typedef struct golden_file {
    leat_arena a;
    char name[64]; /* "crud.schema.jsonl" */
    golden_record *records;
    size_t n;
} golden_file;

/* Calls fn with each recorded file whose name ends so, in order of names; returns how many. */
size_t golden_each(const char *ending, void (*fn)(golden_file *f, void *arg), void *arg);

/* Of the text of a key or value: its schema and its payload, {"schema":...,"payload":...}; false if
 * it is no such thing. */
bool golden_parts(leat_arena *a, leat_str text, const leat_json **schema,
                  const leat_json **payload);

const leat_schema *golden_schema(leat_arena *a, const leat_json *j);
leat_value golden_value(leat_arena *a, const leat_schema *s, const leat_json *j);

#endif
