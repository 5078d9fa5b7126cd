/* What the two halves of the binary form share (wire.c and wire_get.c: values and events, written
 * and read; wire_table.c: schemas, tables and origins). Not for others. */
#ifndef LEAT_EVENT_WIRE_PART_H
#define LEAT_EVENT_WIRE_PART_H

#include "event/wire.h"

/* Tags of values; the numbers stand in files. */
enum {
    WIRE_NULL,
    WIRE_ABSENT,
    WIRE_FALSE,
    WIRE_TRUE,
    WIRE_INT,
    WIRE_FLOAT,
    WIRE_DECIMAL,
    WIRE_TEXT,
    WIRE_BYTES,
    WIRE_DATE,
    WIRE_TIME, /* and the next two: by unit; so with the other times */
    WIRE_TIMETZ = 0x0d,
    WIRE_TIMESTAMP = 0x10,
    WIRE_TIMESTAMPTZ = 0x13,
    WIRE_INTERVAL = 0x16,
    WIRE_LIST,
    WIRE_STRUCT,
    WIRE_MAP,
    WIRE_SMALL_INT = 0x40,
    WIRE_SHORT_TEXT = 0x80,
};

/* The first byte of an event: its operation's number and what follows. */
enum {
    WIRE_HEAD_OP = 7,
    WIRE_HEAD_BEFORE = 8,
    WIRE_HEAD_AFTER = 16,
    WIRE_HEAD_SRC = 32,
    WIRE_HEAD_NEXT = 64,
    WIRE_HEAD_REST = 128,
};

/* Source cells that are written as the difference to the event before. */
enum { WIRE_DELTAS = sizeof(((leat_wire_state *)0)->src) / sizeof(int64_t) };

/* The number of an operation in the head is its place here. */
#define WIRE_OPS                                                                                   \
    {                                                                                              \
        LEAT_OP_RECORD, LEAT_OP_READ, LEAT_OP_CREATE, LEAT_OP_UPDATE, LEAT_OP_DELETE,              \
            LEAT_OP_TRUNCATE, LEAT_OP_MESSAGE, 0                                                   \
    }

/* Reading: the bytes, and where objects go. */
typedef struct leat_wire_in {
    leat_cur c;
    leat_arena *a;
    size_t budget;   /* children (of lists, structs, schemas) that the bytes can still hold: each
                        takes one at least, so what is allocated is bounded by what is there */
    bool copy;       /* texts of cells are copied; else they point into the bytes */
    const char *why; /* what is wrong, once c.bad is set; NULL: bytes are missing */
} leat_wire_in;

/* Marks the bytes as bad for a reason (a literal). */
void leat_wire_bad(leat_wire_in *in, const char *why);
/* Takes n children from the budget; false, and bad, when they cannot be there. */
bool leat_wire_take(leat_wire_in *in, uint64_t n);

void leat_wire_put_value(leat_buf *out, const leat_value *v, unsigned depth);
void leat_wire_get_value(leat_wire_in *in, leat_value *v, unsigned depth);

/* NULL is written as such and comes back as such. */
void leat_wire_put_schema(leat_buf *out, const leat_schema *s, unsigned depth);
const leat_schema *leat_wire_get_schema(leat_wire_in *in, unsigned depth);

/* A name: NUL-terminated text without a NUL inside, or NULL. Always copied. */
void leat_wire_put_name(leat_buf *out, const char *z);
const char *leat_wire_get_name(leat_wire_in *in);

#endif
