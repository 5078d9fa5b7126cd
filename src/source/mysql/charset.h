/* Character sets of MySQL and MariaDB: what a column's bytes are in UTF-8.
 *
 * Pure but for the multi-byte sets of East Asia, which the C library's iconv converts; a descriptor
 * is the caller's for one call. The tables of 8-bit sets are the servers' own (cp1252 is not quite
 * what they call latin1). Any thread. */
#ifndef LEAT_SOURCE_MYSQL_CHARSET_H
#define LEAT_SOURCE_MYSQL_CHARSET_H

#include "base/arena.h"
#include "base/err.h"

enum { LEAT_COLLATION_BINARY = 63 };

typedef struct leat_charset leat_charset;

/* Of a collation's id, in both servers' numbering; NULL: not known. */
const leat_charset *leat_charset_of_collation(uint16_t collation);
/* Of its name: "latin1", "utf8mb4"; NULL: not known. */
const leat_charset *leat_charset_of_name(leat_str name);
const char *leat_charset_name(const leat_charset *cs);
bool leat_charset_is_binary(const leat_charset *cs);
bool leat_charset_is_utf8(const leat_charset *cs);

/* The text in UTF-8: the bytes themselves where they are it already, else in a. DATA
 * "mysql.charset" when they are none of the set's. */
leat_rc leat_charset_utf8(const leat_charset *cs, leat_str bytes, leat_arena *a, leat_str *out,
                          leat_err *e);

#endif
