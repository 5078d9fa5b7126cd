/* A borrowed piece of text or bytes, and the few things done with one. */
#ifndef LEAT_BASE_STR_H
#define LEAT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Not owned, not NUL-terminated. s == NULL: absent (as different from empty). */
typedef struct leat_str {
    const char *s;
    size_t len;
} leat_str;

/* Of a literal; and for printf("%.*s"). */
#define LEAT_STR(lit) ((leat_str){"" lit, sizeof(lit) - 1})
#define LEAT_STR_FMT "%.*s"
#define LEAT_STR_ARG(str) (int)(str).len, (str).s

static inline leat_str leat_str_of(const char *z)
{
    return (leat_str){z, z ? strlen(z) : 0};
}

static inline bool leat_str_eq(leat_str x, leat_str y)
{
    return x.len == y.len && (x.len == 0 || memcmp(x.s, y.s, x.len) == 0);
}

static inline bool leat_str_is(leat_str x, const char *z)
{
    return leat_str_eq(x, leat_str_of(z));
}

/* Byte order, shorter first when one begins the other: <0, 0, >0. */
int leat_str_cmp(leat_str x, leat_str y);

/* The value of a hex digit of either case; -1: it is none. */
int leat_hex_digit(char c);

/* ASCII letters only; locale never matters. */
bool leat_str_ieq(leat_str x, leat_str y);
bool leat_str_starts(leat_str x, const char *prefix);

/* Without leading and trailing ASCII white space. */
leat_str leat_str_trim(leat_str x);

/* Cuts *rest at the first sep and returns what stood before it; at the end returns all and leaves
 * rest->s NULL. Loop: `while (rest.s) { part = leat_str_cut(&rest, ','); ... }`. */
leat_str leat_str_cut(leat_str *rest, char sep);

/* Strict numbers: the whole text, optional sign (u64: + only), no white space, no overflow; false
 * otherwise, and *out is left as it was. */
bool leat_str_i64(leat_str x, int64_t *out);
bool leat_str_u64(leat_str x, uint64_t *out);

/* How many of the first max bytes can stay without cutting a UTF-8 character in two. */
size_t leat_str_fit(leat_str x, size_t max);

/* True when x is valid UTF-8 (no surrogates, no overlong forms). */
bool leat_str_utf8(leat_str x);

/* Makes it valid UTF-8, in place: a question mark for each byte that is not. */
void leat_str_mend(char *z);

/* 64-bit hash: XXH64 with seed 0. Not cryptographic; stable between versions and machines, so it
 * may be stored. */
uint64_t leat_str_hash(leat_str x);

#endif
