/* Texts of PostgreSQL's other scalar types -> cells: what is true or false, bits, bytes and text.
 *
 * Each parser accepts what the type's output function writes under LEAT_PG_SESSION and nothing
 * else. Texts are borrowed, and what the server calls text is not looked into. Pure; any thread.
 *
 *     bool     t | f
 *     bit      (0 | 1)*
 *     bytea    \x hex digits | bytes with \\ for a backslash and \ooo for others
 *     uuid     8-4-4-4-12 hex digits
 *     others   text, as it is */
#include "system/postgres/types_part.h"

enum { PLACE_MAX = 256 }; /* schema, table and column have at most 63 bytes each */

/* "schema.table.column" */
static const char *place_of(const leat_pg_col *col, char out[PLACE_MAX])
{
    size_t n = 0;
    for (const char *p = col->table; *p && n < PLACE_MAX - 2; p++) out[n++] = *p;
    out[n++] = '.';
    for (const char *p = col->name; *p && n < PLACE_MAX - 1; p++) out[n++] = *p;
    out[n] = '\0';
    return out;
}

leat_rc leat_pg_value_fail(const leat_pg_col *col, leat_str text, const char *why, leat_err *e)
{
    char place[PLACE_MAX];
    return leat_fail(e, LEAT_DATA, "postgres.value", place_of(col, place),
                     "the server sent a value of %zu bytes that is no %s: %s; are the session's "
                     "styles (DateStyle, IntervalStyle, bytea_output, lc_monetary) as leat sets "
                     "them?",
                     text.len, col->type, why);
}

leat_rc leat_pg_range_fail(const leat_pg_col *col, const char *why, leat_err *e)
{
    char place[PLACE_MAX];
    return leat_fail(e, LEAT_DATA, "postgres.value", place_of(col, place),
                     "the column (%s) holds %s. Change the row, or leave the column out by "
                     "column.exclude.list",
                     col->type, why);
}

leat_rc leat_pg_null_fail(const leat_pg_col *col, leat_err *e)
{
    char place[PLACE_MAX];
    return leat_fail(e, LEAT_DATA, LEAT_PG_NULL, place_of(col, place),
                     "a NULL in the column (%s), whose schema requires a value", col->type);
}

leat_rc leat_pg_text_check(const leat_pg_col *col, leat_str text, leat_err *e)
{
    char place[PLACE_MAX];
    if (leat_str_utf8(text)) return LEAT_OK;
    return leat_fail(
        e, LEAT_DATA, "postgres.encoding", place_of(col, place),
        "the column (%s) holds %zu bytes that are no UTF-8; the database is SQL_ASCII, "
        "which keeps whatever was written to it. Write the row anew, as UTF-8",
        col->type, text.len);
}

leat_rc leat_pg_parse_bool(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    (void)a;
    if (text.len != 1 || (text.s[0] != 't' && text.s[0] != 'f'))
        return leat_pg_value_fail(col, text, "expected t or f", e);
    *out = leat_bool(text.s[0] == 't');
    return LEAT_OK;
}

leat_rc leat_pg_parse_bit(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                          leat_err *e)
{
    (void)a;
    if (text.len != 1 || (text.s[0] != '0' && text.s[0] != '1'))
        return leat_pg_value_fail(col, text, "expected 0 or 1", e);
    *out = leat_bool(text.s[0] == '1');
    return LEAT_OK;
}

leat_rc leat_pg_parse_bits(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    size_t zeros = 0;
    while (zeros < text.len && text.s[zeros] == '0') zeros++;
    size_t nbits = text.len - zeros;
    size_t n = (nbits + 7) / 8;
    char *bytes = leat_arena_zalloc(a, n, 1, 1);
    for (size_t i = 0; i < nbits; i++) {
        char c = text.s[text.len - 1 - i];
        if (c != '0' && c != '1') return leat_pg_value_fail(col, text, "expected 0s and 1s", e);
        if (c == '1') bytes[i / 8] = (char)(bytes[i / 8] | 1 << i % 8);
    }
    *out = leat_bytes((leat_str){bytes, n});
    return LEAT_OK;
}

leat_rc leat_pg_parse_text(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    (void)col, (void)a, (void)e;
    *out = leat_text(text);
    return LEAT_OK;
}

/* Value of a hex digit, or 16. */
static unsigned nibble(char c)
{
    static const uint8_t of[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };
    return (of[(unsigned char)c] - 1U) & 31U;
}

bool leat_pg_unhex(leat_str hex, char *out)
{
    unsigned all = 0;
    for (size_t i = 0; i < hex.len / 2; i++) {
        unsigned high = nibble(hex.s[2 * i]), low = nibble(hex.s[2 * i + 1]);
        all |= high | low;
        out[i] = (char)(high << 4 | low);
    }
    return hex.len % 2 == 0 && all < 16;
}

leat_rc leat_pg_parse_uuid(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    (void)a;
    enum { UUID_LEN = 36 };
    unsigned wrong = text.len != UUID_LEN;
    for (size_t i = 0; !wrong && i < UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        wrong = dash ? text.s[i] != '-' : nibble(text.s[i]) & 16;
    }
    if (wrong) return leat_pg_value_fail(col, text, "expected 32 hexadecimal digits in groups", e);
    *out = leat_text(text);
    return LEAT_OK;
}

/* bytea_output = escape: a backslash is doubled, what is no ASCII text is \ and 3 octal digits. */
static bool unescape(leat_str text, char *out, size_t *len)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len;) {
        char c = text.s[i];
        if (c != '\\') {
            out[n++] = c;
            i++;
        } else if (i + 1 < text.len && text.s[i + 1] == '\\') {
            out[n++] = '\\';
            i += 2;
        } else {
            if (text.len - i < 4) return false;
            unsigned v = 0;
            for (size_t k = 1; k <= 3; k++) {
                unsigned digit = (unsigned)(unsigned char)text.s[i + k] - '0';
                if (digit > 7) return false;
                v = v * 8 + digit;
            }
            if (v > UINT8_MAX) return false;
            out[n++] = (char)v;
            i += 4;
        }
    }
    *len = n;
    return true;
}

leat_rc leat_pg_parse_bytea(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                            leat_err *e)
{
    bool hex = leat_str_starts(text, "\\x");
    size_t len = hex ? (text.len - 2) / 2 : text.len;
    char *bytes = leat_arena_alloc(a, len, 1);
    bool ok = hex ? leat_pg_unhex((leat_str){text.s + 2, text.len - 2}, bytes)
                  : unescape(text, bytes, &len);
    if (!ok) return leat_pg_value_fail(col, text, "expected \\x and hexadecimal digits", e);
    *out = leat_bytes((leat_str){bytes, len});
    return LEAT_OK;
}

leat_rc leat_pg_parse_unknown(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                              leat_err *e)
{
    (void)col, (void)a, (void)e;
    *out = leat_bytes(text);
    return LEAT_OK;
}
