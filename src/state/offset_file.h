/* The file in which Debezium Server, Debezium's engine and connect-standalone keep offsets: what
 * FileOffsetBackingStore writes by Java's object serialization, a HashMap of byte[] to byte[].
 *
 * The parser knows just that, and is strict: whatever else Java could write is an error that names
 * the byte. Pure; any thread. */
#ifndef LEAT_STATE_OFFSET_FILE_H
#define LEAT_STATE_OFFSET_FILE_H

#include "event/event.h"

/* One entry, in the order of the file. */
typedef struct leat_stored_offset {
    leat_str connector; /* whose it is: the connector's name, or the engine's ("kafka": the sink's
                           type, in Debezium Server) */
    leat_position pos;
    struct leat_stored_offset *next;
} leat_stored_offset;

/* All entries that hold an offset; everything in a. name: of the file, for messages. CONF
 * "offsets.file". */
leat_rc leat_offset_file_parse(leat_arena *a, leat_str bytes, const char *name,
                               leat_stored_offset **out, leat_err *e);

#endif
