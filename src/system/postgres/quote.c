/* Names and texts inside SQL and replication commands.
 *
 * Pure functions without state; run by any thread. Quoting here is for names and texts that we put
 * into SQL or replication commands; values of rows never pass through it. */
#include "system/postgres/quote.h"

#include <stdio.h>

static void quote(leat_buf *out, leat_str s, char mark)
{
    leat_buf_u8(out, (unsigned char)mark);
    for (size_t i = 0; i < s.len; i++) {
        if (s.s[i] == mark || (mark == '\'' && s.s[i] == '\\'))
            leat_buf_u8(out, (unsigned char)s.s[i]);
        leat_buf_u8(out, (unsigned char)s.s[i]);
    }
    leat_buf_u8(out, (unsigned char)mark);
}

void leat_pg_quote_name(leat_buf *out, leat_str name)
{
    quote(out, name, '"');
}

void leat_pg_quote_text(leat_buf *out, leat_str text)
{
    if (text.len && memchr(text.s, '\\', text.len)) leat_buf_u8(out, 'E');
    quote(out, text, '\'');
}

void leat_pg_quote_table(leat_buf *out, const char *schema, const char *name)
{
    leat_pg_quote_name(out, leat_str_of(schema));
    leat_buf_u8(out, '.');
    leat_pg_quote_name(out, leat_str_of(name));
}

char *leat_pg_size_text(uint64_t bytes, char out[LEAT_PG_SIZE_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    uint64_t whole = bytes, rest = 0;
    while (whole >= 1024) {
        rest = whole % 1024;
        whole /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(out, LEAT_PG_SIZE_MAX, "%u B", (unsigned)whole);
    else
        snprintf(out, LEAT_PG_SIZE_MAX, "%u.%u %s", (unsigned)whole, (unsigned)(rest * 10 / 1024),
                 units[unit]);
    return out;
}

const char *leat_pg_table_label(leat_arena *a, const char *schema, const char *table)
{
    if (!strchr(schema, '.') && !strchr(table, '.'))
        return leat_arena_printf(a, "%s.%s", schema, table);
    leat_buf text = {0};
    leat_pg_quote_table(&text, schema, table);
    const char *label = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return label;
}
