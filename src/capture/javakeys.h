/* Keys of rows as Debezium keeps them in its offsets: a Java Object[], serialized, in hex.
 *
 * So an incremental snapshot can be taken over in its middle, and handed back. Whole numbers and
 * texts are known; a key of another type is written as text, which Debezium reads but may not be
 * able to compare. Pure. */
#ifndef LEAT_CAPTURE_JAVAKEYS_H
#define LEAT_CAPTURE_JAVAKEYS_H

#include "base/arena.h"
#include "base/buf.h"

typedef enum leat_java_type {
    LEAT_JAVA_NULL,
    LEAT_JAVA_TEXT,  /* java.lang.String */
    LEAT_JAVA_SHORT, /* java.lang.Short and so on */
    LEAT_JAVA_INT,
    LEAT_JAVA_LONG,
} leat_java_type;

/* One column of a key; numbers by their digits. */
typedef struct leat_java_key {
    leat_java_type type;
    leat_str text;
} leat_java_key;

/* Appends the hex; v NULL: of no array at all. A text of more than 65,535 bytes, or digits that do
 * not fit their type, are written as null and as text. */
void leat_java_keys_write(const leat_java_key *v, size_t n, leat_buf *out);

/* Reads it back into a; *v NULL with *n 0: there was no array. False when it is none, or holds
 * objects of other classes. */
bool leat_java_keys_read(leat_arena *a, leat_str hex, leat_java_key **v, size_t *n);

#endif
