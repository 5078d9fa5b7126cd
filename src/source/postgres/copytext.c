/* Rows as COPY ... TO STDOUT sends them in text form.
 *
 *     row    = [ column { TAB column } ] LF
 *     column = "\N"                              NULL
 *            | { octet | "\" letter }            text in the client's encoding
 *     letter = b f n r t v                       the control character
 *            | any other                         itself (a backslash is doubled)
 *
 * The octal and hexadecimal forms that COPY FROM reads are never sent. Works in place, since text
 * only becomes shorter. Pure; run by any thread. */
#include "source/postgres/copytext.h"

static char unescaped(char letter)
{
    switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    default: return letter;
    }
}

bool leat_pg_copy_column(char **rest, char *end, leat_str *out)
{
    char *from = *rest, *tab = memchr(from, '\t', (size_t)(end - from));
    char *stop = tab ? tab : end;
    *rest = tab ? tab + 1 : NULL;
    if (stop - from == 2 && from[0] == '\\' && from[1] == 'N') {
        *out = (leat_str){0};
        return true;
    }
    char *escape = memchr(from, '\\', (size_t)(stop - from));
    if (!escape) {
        *out = (leat_str){from, (size_t)(stop - from)};
        return true;
    }
    char *to = escape;
    for (char *at = escape; at < stop; at++) {
        if (*at == '\\') {
            if (++at == stop) return false;
            *to++ = unescaped(*at);
        } else {
            *to++ = *at;
        }
    }
    *out = (leat_str){from, (size_t)(to - from)};
    return true;
}
