/* The Authorization header: pure functions on texts that strangers send. Any thread. */
#include <sodium.h>

#include "hub/login.h"

enum { BASIC_MOST = 4096 };

/* What follows the scheme, whose case does not matter. */
static bool after(leat_str header, leat_str scheme, leat_str *rest)
{
    if (!header.s || header.len <= scheme.len || header.s[scheme.len] != ' ') return false;
    if (!leat_str_ieq((leat_str){header.s, scheme.len}, scheme)) return false;
    *rest = leat_str_trim((leat_str){header.s + scheme.len, header.len - scheme.len});
    return rest->len > 0;
}

bool leat_login_bearer(leat_str header, leat_str *token)
{
    return after(header, LEAT_STR("Bearer"), token);
}

bool leat_login_basic(leat_str header, leat_arena *a, leat_str *name, leat_str *password)
{
    leat_str text;
    size_t n = 0;
    if (!after(header, LEAT_STR("Basic"), &text) || text.len > BASIC_MOST) return false;
    char *out = leat_arena_alloc(a, text.len + 1, 1);
    if (sodium_base642bin((uint8_t *)out, text.len, text.s, text.len, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    leat_str both = {out, n};
    if (!memchr(out, ':', n)) return false;
    *name = leat_str_cut(&both, ':');
    *password = both;
    return true;
}
