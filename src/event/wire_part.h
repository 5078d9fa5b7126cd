/* What the two halves of the binary form share (wire.c: values and events; wire_table.c: schemas,
 * tables and origins). Not for others. */
#ifndef LEAT_EVENT_WIRE_PART_H
#define LEAT_EVENT_WIRE_PART_H

#include "event/wire.h"

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
