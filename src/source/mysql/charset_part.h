/* The tables behind charset.h. Not for others. */
#ifndef LEAT_SOURCE_MYSQL_CHARSET_PART_H
#define LEAT_SOURCE_MYSQL_CHARSET_PART_H

#include "source/mysql/charset.h"

typedef enum leat_charset_kind {
    LEAT_CHARSET_EIGHT, /* one byte a character */
    LEAT_CHARSET_ICONV, /* below 128 ASCII, the rest by iconv */
    LEAT_CHARSET_UTF8MB3,
    LEAT_CHARSET_UTF8MB4,
    LEAT_CHARSET_BINARY,
    LEAT_CHARSET_UCS2, /* the highest byte first, as in the next ones but UTF16LE */
    LEAT_CHARSET_UTF16,
    LEAT_CHARSET_UTF16LE,
    LEAT_CHARSET_UTF32,
} leat_charset_kind;

struct leat_charset {
    const char *name;
    uint8_t kind;          /* leat_charset_kind */
    const uint16_t *upper; /* EIGHT: code points of 128 to 255; 0: none */
    const uint16_t *lower; /* EIGHT: of 0 to 127; NULL: ASCII */
    const char *iconv;     /* ICONV: its name there */
};

extern const leat_charset leat_charsets[];
extern const size_t leat_ncharsets;

/* Collations first to last are of leat_charsets[charset]; sorted. */
typedef struct leat_collations {
    uint16_t first, last, charset;
} leat_collations;
extern const leat_collations leat_collation_ranges[];
extern const size_t leat_ncollation_ranges;

#endif
