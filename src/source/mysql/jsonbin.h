/* MySQL's binary JSON becomes text, as Debezium prints it; diffs are applied to it.
 *
 * Debezium's text has no white space, members in the stored order (by length, then bytes), numbers
 * in plain digits, opaque values in base64. Pure; any thread. */
#ifndef LEAT_SOURCE_MYSQL_JSONBIN_H
#define LEAT_SOURCE_MYSQL_JSONBIN_H

#include "base/arena.h"
#include "base/err.h"

/* The text, in a. Empty bytes are "null". DATA "mysql.json" when malformed or deeper than the
 * server allows (100 levels). */
leat_rc leat_jsonbin_text(leat_str bytes, leat_arena *a, leat_str *out, leat_err *e);

/* The text of the document that the diffs (of a PARTIAL_UPDATE_ROWS column) make of bytes. DATA
 * "mysql.json" when they are malformed or do not fit the document. */
leat_rc leat_jsonbin_patch(leat_str bytes, leat_str diffs, leat_arena *a, leat_str *out,
                           leat_err *e);

#endif
