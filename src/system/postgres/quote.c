/* Names and texts inside SQL and replication commands.
 *
 * Pure functions without state; run by any thread. Quoting here is for names and texts that we put
 * into SQL or replication commands; values of rows never pass through it. */
#include "system/postgres/quote.h"

#include <stdio.h>

void leat_pg_quote_name(leat_buf *out, leat_str name)
{
    leat_buf_quoted(out, name, '"');
}

void leat_pg_quote_text(leat_buf *out, leat_str text)
{
    if (!text.len || !memchr(text.s, '\\', text.len)) {
        leat_buf_quoted(out, text, '\'');
        return;
    }
    leat_buf_str_z(out, "E'");
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] == '\'' || text.s[i] == '\\') leat_buf_u8(out, (unsigned char)text.s[i]);
        leat_buf_u8(out, (unsigned char)text.s[i]);
    }
    leat_buf_u8(out, '\'');
}

void leat_pg_quote_table(leat_buf *out, const char *schema, const char *name)
{
    leat_pg_quote_name(out, leat_str_of(schema));
    leat_buf_u8(out, '.');
    leat_pg_quote_name(out, leat_str_of(name));
}

/* ---- expressions of others ---- */

static bool in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* Behind what opens at i, s.len + 1: it is left open. A doubled mark stands for one inside. */
static size_t skip_quoted(leat_str s, size_t i)
{
    char mark = s.s[i];
    bool escapes =
        mark == '\'' && i > 0 && (s.s[i - 1] | 0x20) == 'e' && (i == 1 || !in_name(s.s[i - 2]));
    for (i++; i < s.len; i++) {
        if (escapes && s.s[i] == '\\')
            i++;
        else if (s.s[i] == mark && i + 1 < s.len && s.s[i + 1] == mark)
            i++;
        else if (s.s[i] == mark)
            return i + 1;
    }
    return s.len + 1;
}

/* $tag$ ... $tag$; a $ that begins none is passed over. */
static size_t skip_dollars(leat_str s, size_t i)
{
    size_t end = i + 1;
    if (i > 0 && (in_name(s.s[i - 1]) || s.s[i - 1] == '$')) return end;
    if (end < s.len && s.s[end] >= '0' && s.s[end] <= '9') return end;
    while (end < s.len && in_name(s.s[end])) end++;
    if (end >= s.len || s.s[end] != '$') return i + 1;
    size_t tag = ++end - i;
    const char *close = end < s.len ? memmem(s.s + end, s.len - end, s.s + i, tag) : NULL;
    return close ? (size_t)(close - s.s) + tag : s.len + 1;
}

static size_t skip_comment(leat_str s, size_t i)
{
    size_t depth = 0;
    for (; i + 1 < s.len; i++) {
        bool open = s.s[i] == '/' && s.s[i + 1] == '*', close = s.s[i] == '*' && s.s[i + 1] == '/';
        if (!open && !close) continue;
        depth += open ? 1 : (size_t)-1;
        i++;
        if (depth == 0) return i + 1;
    }
    return s.len + 1;
}

static size_t skip_line(leat_str s, size_t i)
{
    while (i < s.len && s.s[i] != '\n' && s.s[i] != '\r') i++;
    return i;
}

bool leat_pg_is_whole(leat_str s)
{
    size_t depth = 0, i = 0;
    while (i < s.len) {
        char c = s.s[i], next = i + 1 < s.len ? s.s[i + 1] : 0;
        if (c == '\'' || c == '"')
            i = skip_quoted(s, i);
        else if (c == '$')
            i = skip_dollars(s, i);
        else if (c == '/' && next == '*')
            i = skip_comment(s, i);
        else if (c == '-' && next == '-')
            i = skip_line(s, i);
        else if (c == ';' || (c == ')' && depth == 0))
            return false;
        else {
            depth += c == '(' ? 1 : c == ')' ? (size_t)-1 : 0;
            i++;
        }
    }
    return depth == 0 && i == s.len;
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
