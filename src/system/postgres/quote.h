/* Names and texts inside SQL and replication commands. Pure. */
#ifndef LEAT_SYSTEM_POSTGRES_QUOTE_H
#define LEAT_SYSTEM_POSTGRES_QUOTE_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends name in double quotes, and text as a literal in single quotes (E'' where a backslash is
 * in it, so that standard_conforming_strings does not matter). */
void leat_pg_quote_name(leat_buf *out, leat_str name);
void leat_pg_quote_text(leat_buf *out, leat_str text);
/* Appends "schema"."name". */
void leat_pg_quote_table(leat_buf *out, const char *schema, const char *name);

/* The text is whole by itself, whatever stands around it: no parenthesis, quote or comment (but the
 * rest of a line) is left open, none closes what it did not open, and it ends no statement. */
bool leat_pg_is_whole(leat_str sql);

/* "12 B", "3.4 MiB": an amount of log, for a person. Returns out. */
enum { LEAT_PG_SIZE_MAX = 32 };
char *leat_pg_size_text(uint64_t bytes, char out[LEAT_PG_SIZE_MAX]);

/* "schema.table" for messages, in a: with quotes only where a dot in a name would mislead. */
const char *leat_pg_table_label(leat_arena *a, const char *schema, const char *table);

#endif
