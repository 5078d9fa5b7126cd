/* What printing and patching of binary JSON share. Not for others. */
#ifndef LEAT_SOURCE_MYSQL_JSONBIN_PART_H
#define LEAT_SOURCE_MYSQL_JSONBIN_PART_H

#include "base/buf.h"
#include "source/mysql/jsonbin.h"

typedef enum leat_jsonbin_type {
    LEAT_JSONBIN_SMALL_OBJECT = 0,
    LEAT_JSONBIN_LARGE_OBJECT = 1,
    LEAT_JSONBIN_SMALL_ARRAY = 2,
    LEAT_JSONBIN_LARGE_ARRAY = 3,
    LEAT_JSONBIN_LITERAL = 4,
    LEAT_JSONBIN_INT16 = 5,
    LEAT_JSONBIN_UINT16 = 6,
    LEAT_JSONBIN_INT32 = 7,
    LEAT_JSONBIN_UINT32 = 8,
    LEAT_JSONBIN_INT64 = 9,
    LEAT_JSONBIN_UINT64 = 10,
    LEAT_JSONBIN_DOUBLE = 11,
    LEAT_JSONBIN_STRING = 12,
    LEAT_JSONBIN_OPAQUE = 15,
} leat_jsonbin_type;

enum { LEAT_JSONBIN_DEPTH = 100 }; /* the server's own bound */

/* A value in a document: its type and its bytes, up to the end of what it stands in. */
typedef struct leat_jsonbin_value {
    uint8_t type; /* leat_jsonbin_type */
    leat_str data;
} leat_jsonbin_value;

/* An object or array, its head read. */
typedef struct leat_jsonbin_container {
    bool object, large;
    uint32_t n;    /* members */
    leat_str data; /* all of it, from its head on */
} leat_jsonbin_container;

bool leat_jsonbin_open(leat_jsonbin_value v, leat_jsonbin_container *out);
/* The member i, below n; key for objects. False: malformed. */
bool leat_jsonbin_member(const leat_jsonbin_container *c, uint32_t i, leat_str *key,
                         leat_jsonbin_value *out);
static inline bool leat_jsonbin_is_container(leat_jsonbin_value v)
{
    return v.type <= LEAT_JSONBIN_LARGE_ARRAY;
}
/* Appends the text; depth: how many containers it stands in. False: malformed, too deep, or more
 * than most bytes in out. */
bool leat_jsonbin_print(leat_jsonbin_value v, unsigned depth, size_t most, leat_buf *out);
/* The longest text that so many bytes can be: a double of nine bytes is up to 1,100 digits. */
static inline size_t leat_jsonbin_most(size_t bytes)
{
    return 4096 + bytes * 256;
}
/* A member's name with its quotes. */
void leat_jsonbin_quote(leat_str text, leat_buf *out);
/* The first byte is the type. */
bool leat_jsonbin_root(leat_str bytes, leat_jsonbin_value *out);
leat_rc leat_jsonbin_fail(const char *what, size_t len, leat_err *e);

#endif
