/* The binary form of events, tables and origins: what stands in the stream's frames.
 *
 * Pure: bytes in, objects out, both ways; fuzzed. Version byte LEAT_WIRE_VERSION stands in the
 * frame. Tables are written once a segment and named by small numbers in events. Compact (varints,
 * deltas of times, positions and transaction numbers to the event before) but not compressed. */
#ifndef LEAT_EVENT_WIRE_H
#define LEAT_EVENT_WIRE_H

#include "base/buf.h"
#include "event/event.h"

enum { LEAT_WIRE_VERSION = 1 };

/* Lists, structs, maps and schemas nest at most so deep: JSON's 64 and room for what is put around
 * it. Deeper bytes are bad; to write deeper is a bug and ends the process. */
enum { LEAT_WIRE_DEPTH = 80 };

/* State that one frame's events share; zero it at the start of each frame. */
typedef struct leat_wire_state {
    int64_t ts_us, seen_us;
    uint64_t tx;
    uint32_t tx_seq;
    int64_t src[8]; /* last integer of each of the first source cells */
} leat_wire_state;

/* Appends one event, all of it but its offset, which is the stream's. table: the number under which
 * its table stands in the stream (0 for a RECORD). */
void leat_wire_put(leat_buf *out, leat_wire_state *st, const leat_event *ev, uint32_t table);

/* Tables of a reader by their number: returns NULL if unknown. */
typedef const leat_table *(*leat_wire_table)(void *arg, uint32_t number);

/* Reads one event into b (arena of b; texts are copied only if copy is set, else they point into
 * the cursor's bytes, which must then outlive the batch). DATA "wire.bad" when the bytes are wrong;
 * then b is as before. */
leat_rc leat_wire_get(leat_cur *c, leat_wire_state *st, leat_batch *b, leat_wire_table table,
                      void *arg, bool copy, leat_err *e);

/* One cell, as it stands in events; and all cells that bytes are made of, in a (texts copied).
 * NULL: they are no cells. */
void leat_wire_put_cell(leat_buf *out, const leat_value *v);
leat_value *leat_wire_get_cells(leat_str bytes, leat_arena *a, size_t *n);

/* A table with its origin, complete. The reader gets it with one reference, sealed. */
void leat_wire_put_table(leat_buf *out, const leat_table *t);
leat_rc leat_wire_get_table(leat_str bytes, leat_table **out, leat_err *e);

#endif
