/* Text of a statement -> tokens.
 *
 *     -- and #                 comment to the line's end (-- with white space or nothing behind it)
 *     / * ... * /              comment; / *! and / *!NNNNN (MariaDB also / *M!): code, if the
 * server's version is at least NNNNN 'x' and, without ANSI_QUOTES, "x"    string; doubled quotes
 * and, if not switched off, backslashes escape `x` and, with ANSI_QUOTES, "x"       name; doubled
 * quotes escape letters, digits, _ $ and bytes from 128 on    word
 */
#include "source/mysql/ddl_token.h"

static bool space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 128;
}

static bool at(const leat_ddl_lexer *x, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(x->end - x->p) >= n && memcmp(x->p, text, n) == 0;
}

static void skip_line(leat_ddl_lexer *x)
{
    while (x->p < x->end && *x->p != '\n') x->p++;
}

/* Enters a comment that is code, or skips one that is none. */
static void comment(leat_ddl_lexer *x)
{
    bool code = at(x, "/*!") || ((x->flags & LEAT_DDL_MARIADB) && at(x, "/*M!"));
    const char *p = x->p + 2;
    while (code && p[-1] != '!') p++;
    uint32_t version = 0;
    for (int n = 0; code && n < 6 && p < x->end && *p >= '0' && *p <= '9'; n++, p++)
        version = version * 10 + (uint32_t)(*p - '0');
    if (code && (x->version == 0 || version <= x->version)) {
        x->in_code = true;
        x->p = p;
        return;
    }
    const char *end = memmem(p, (size_t)(x->end - p), "*/", 2);
    x->p = end ? end + 2 : x->end;
}

static void skip(leat_ddl_lexer *x)
{
    while (x->p < x->end) {
        bool dashes = at(x, "--") && (x->end - x->p == 2 || space(x->p[2]));
        if (space(*x->p)) {
            x->p++;
        } else if (*x->p == '#' || dashes) {
            skip_line(x);
        } else if (at(x, "/*")) {
            comment(x);
        } else if (x->in_code && at(x, "*/")) {
            x->in_code = false;
            x->p += 2;
        } else {
            return;
        }
    }
}

/* Behind the closing quote; doubled: how often it stood doubled. */
static const char *closing(const leat_ddl_lexer *x, bool escapes, size_t *doubled)
{
    char quote = *x->p;
    const char *p = x->p + 1;
    *doubled = 0;
    for (; p < x->end; p++) {
        if (escapes && *p == '\\') {
            p++;
        } else if (*p == quote) {
            if (p + 1 == x->end || p[1] != quote) return p + 1;
            p++;
            ++*doubled;
        }
    }
    return NULL;
}

static leat_str undouble(leat_str text, char quote, size_t doubled, leat_arena *a)
{
    if (doubled == 0) return text;
    char *out = leat_arena_alloc(a, text.len - doubled, 1), *to = out;
    for (size_t i = 0; i < text.len; i++) {
        *to++ = text.s[i];
        if (text.s[i] == quote) i++;
    }
    return (leat_str){out, text.len - doubled};
}

static void quoted(leat_ddl_lexer *x)
{
    size_t doubled;
    char quote = *x->p;
    bool name = quote == '`' || (quote == '"' && (x->flags & LEAT_DDL_ANSI_QUOTES));
    bool escapes = !name && !(x->flags & LEAT_DDL_NO_BACKSLASH_ESCAPES);
    const char *end = closing(x, escapes, &doubled);
    size_t len = end ? (size_t)(end - x->p) - 2 : (size_t)(x->end - x->p) - 1;
    leat_str text = {x->p + 1, len};
    x->now.kind = name ? LEAT_DDL_NAME : LEAT_DDL_STRING;
    x->now.text = name && end ? undouble(text, quote, doubled, x->a) : text;
    x->p = end ? end : x->end;
}

void leat_ddl_next(leat_ddl_lexer *x)
{
    skip(x);
    x->now = (leat_ddl_token){LEAT_DDL_END, {x->end, 0}};
    if (x->p >= x->end) return;
    if (*x->p == '\'' || *x->p == '"' || *x->p == '`') {
        quoted(x);
        return;
    }
    const char *from = x->p;
    while (x->p < x->end && word_char(*x->p)) x->p++;
    bool word = x->p > from;
    if (!word) x->p++;
    x->now.kind = word ? LEAT_DDL_WORD : LEAT_DDL_PUNCT;
    x->now.text = (leat_str){from, (size_t)(x->p - from)};
}

bool leat_ddl_word(leat_ddl_lexer *x, const char *word)
{
    if (!leat_ddl_is_word(x, word)) return false;
    leat_ddl_next(x);
    return true;
}

bool leat_ddl_punct(leat_ddl_lexer *x, char c)
{
    if (!leat_ddl_is_punct(x, c)) return false;
    leat_ddl_next(x);
    return true;
}
