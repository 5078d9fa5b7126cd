/* Sealing and opening of values; config/seal_key.c has the keys.
 *
 * The value is padded to a multiple of 32 bytes, so that its length does not show. */
#include "config/seal.h"

#include <sodium.h>
#include <stdio.h>

#include "config/seal_key.h"

enum {
    PAD = 32,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

static const char PREFIX[] = "${sealed:";

bool leat_seal_is(const char *value)
{
    size_t len = strlen(value), head = sizeof PREFIX - 1;
    if (strncmp(value, PREFIX, head) != 0 || value[len - 1] != '}') return false;
    if (len < head + LEAT_SEAL_ID + 2 || value[head + LEAT_SEAL_ID] != ':') return false;
    return strchr(value, '}') == value + len - 1;
}

/* What is authenticated with a value. */
static void write_bound(const char *connector, const char *option, leat_buf *out)
{
    leat_buf_str_z(out, "leat seal 1");
    leat_buf_blob(out, leat_str_of(connector));
    leat_buf_blob(out, leat_str_of(option));
}

static void make_nonce(const leat_seal_secret *k, const leat_buf *bound, const leat_buf *text,
                       uint8_t out[NONCE])
{
    crypto_generichash_state st;
    crypto_generichash_init(&st, k->nonce, sizeof k->nonce, NONCE);
    crypto_generichash_update(&st, (const uint8_t *)bound->p, bound->len);
    crypto_generichash_update(&st, (const uint8_t *)text->p, text->len);
    crypto_generichash_final(&st, out, NONCE);
}

leat_rc leat_seal_value(const char *connector, const char *option, leat_str value, leat_buf *out,
                        leat_err *e)
{
    leat_seal_secret k;
    LEAT_TRY(leat_seal_first(&k, e));
    leat_buf bound = {0}, text = {0}, sealed = {0};
    uint8_t nonce[NONCE];
    size_t padded;
    write_bound(connector, option, &bound);
    leat_buf_add(&text, value);
    leat_buf_room(&text, PAD + 1);
    sodium_pad(&padded, (uint8_t *)text.p, value.len, PAD, text.cap);
    text.len = padded;
    make_nonce(&k, &bound, &text, nonce);
    leat_buf_put(&sealed, nonce, NONCE);
    uint8_t *to = (uint8_t *)leat_buf_room(&sealed, text.len + TAG);
    crypto_aead_xchacha20poly1305_ietf_encrypt(to, NULL, (const uint8_t *)text.p, text.len,
                                               (const uint8_t *)bound.p, bound.len, NULL, nonce,
                                               k.seal);
    sealed.len += text.len + TAG;
    size_t size = sodium_base64_encoded_len(sealed.len, VARIANT);
    leat_buf_printf(out, "%s%s:", PREFIX, k.id);
    sodium_bin2base64(leat_buf_room(out, size), size, (const uint8_t *)sealed.p, sealed.len,
                      VARIANT);
    out->len += size - 1;
    leat_buf_u8(out, '}');
    sodium_memzero(text.p, text.cap);
    sodium_memzero(&k, sizeof k);
    leat_buf_free(&bound);
    leat_buf_free(&text);
    leat_buf_free(&sealed);
    return LEAT_OK;
}

static leat_rc damaged(const char *option, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "seal.damaged", option,
                     "the sealed value was changed, or was sealed for another connector or option; "
                     "set the option again");
}

/* sealed: nonce, then the box. */
static bool open_box(const leat_seal_secret *k, const leat_buf *sealed, const leat_buf *bound,
                     leat_buf *out)
{
    const uint8_t *p = (const uint8_t *)sealed->p;
    if (sealed->len < NONCE + TAG + PAD) return false;
    size_t box = sealed->len - NONCE, plain = box - TAG, len;
    uint8_t *to = (uint8_t *)leat_buf_room(out, plain);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(to, NULL, NULL, p + NONCE, box,
                                                   (const uint8_t *)bound->p, bound->len, p,
                                                   k->seal) != 0 ||
        sodium_unpad(&len, to, plain, PAD) != 0)
        return false;
    out->len += len;
    return true;
}

leat_rc leat_seal_open(const char *connector, const char *option, const char *value, leat_buf *out,
                       leat_err *e)
{
    char id[LEAT_SEAL_ID + 1] = {0};
    leat_seal_secret k;
    if (!leat_seal_is(value)) return damaged(option, e);
    memcpy(id, value + sizeof PREFIX - 1, LEAT_SEAL_ID);
    LEAT_TRY(leat_seal_find(id, option, &k, e));
    const char *text = value + sizeof PREFIX - 1 + LEAT_SEAL_ID + 1;
    size_t len = strlen(text) - 1, n = 0;
    leat_buf bound = {0}, sealed = {0};
    write_bound(connector, option, &bound);
    bool good = sodium_base642bin((uint8_t *)leat_buf_room(&sealed, len + 1), len + 1, text, len,
                                  NULL, &n, NULL, VARIANT) == 0;
    sealed.len = n;
    good = good && open_box(&k, &sealed, &bound, out);
    sodium_memzero(&k, sizeof k);
    leat_buf_free(&bound);
    leat_buf_free(&sealed);
    return good ? LEAT_OK : damaged(option, e);
}

/* ---- configurations ---- */

/* The whole value is one reference to a provider: it says where a secret is, and is none. */
static bool is_reference(const char *value)
{
    static const char *const providers[] = {"${env:", "${file:", "${dir:", "${directory:"};
    size_t len = strlen(value);
    if (len < 3 || strchr(value, '}') != value + len - 1) return false;
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
        if (strncmp(value, providers[i], strlen(providers[i])) == 0) return true;
    return false;
}

/* scheme://user:password@host, whatever the option is called. */
static bool has_login(const char *value)
{
    for (const char *at = value; (at = strstr(at, "://")) != NULL;) {
        at += 3;
        size_t n = strcspn(at, "/?# ,");
        const char *host = memchr(at, '@', n);
        if (host && memchr(at, ':', (size_t)(host - at))) return true;
    }
    return false;
}

/* scheme://host?password=..., as JDBC and libpq take it; some divide by ";". */
static bool has_password(const char *value)
{
    for (const char *at = strstr(value, "://"); at && (at = strpbrk(at, "?&;")) != NULL;) {
        at++;
        if (strncasecmp(at, "ssl", 3) == 0) at += 3;
        if (strncasecmp(at, "password=", 9) == 0) return true;
    }
    return false;
}

bool leat_config_secret(leat_opt_tables tables, const char *name, const char *value)
{
    if (leat_seal_is(value)) return true;
    if (*value == 0 || is_reference(value)) return false;
    return leat_opts_is_secret(tables, leat_str_of(name)) || has_login(value) ||
           has_password(value);
}

bool leat_config_bare(const leat_config *c, leat_opt_tables tables)
{
    for (const leat_prop *p = c->props.first; p; p = p->next)
        if (leat_config_secret(tables, p->name, p->value) && !leat_seal_is(p->value)) return true;
    for (const leat_prop *p = c->worker ? c->worker->first : NULL; p; p = p->next)
        if (leat_config_secret(NULL, p->name, p->value) && !leat_seal_is(p->value)) return true;
    return false;
}

static leat_rc keep_props(const char *connector, const leat_props *props, leat_opt_tables tables,
                          bool anew, leat_jw *w, leat_err *e)
{
    leat_buf text = {0}, clear = {0};
    leat_rc rc = LEAT_OK;
    for (const leat_prop *p = props->first; p && rc == LEAT_OK; p = p->next) {
        bool sealed = leat_seal_is(p->value);
        leat_buf_clear(&text);
        leat_buf_clear(&clear);
        if (!leat_config_secret(tables, p->name, p->value) || (sealed && !anew)) {
            leat_jw_z(w, p->name, p->value);
            continue;
        }
        if (sealed) rc = leat_seal_open(connector, p->name, p->value, &clear, e);
        leat_str value = sealed ? leat_buf_str(&clear) : leat_str_of(p->value);
        if (rc == LEAT_OK) rc = leat_seal_value(connector, p->name, value, &text, e);
        if (rc == LEAT_OK) leat_jw_str(w, p->name, leat_buf_str(&text));
    }
    if (clear.p) sodium_memzero(clear.p, clear.cap);
    leat_buf_free(&clear);
    leat_buf_free(&text);
    return rc;
}

leat_rc leat_config_keep(const leat_config *c, leat_opt_tables tables, bool anew, leat_buf *out,
                         leat_err *e)
{
    leat_jw w = {.out = out};
    leat_rc rc = LEAT_OK;
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "name", c->name);
    if (c->worker) {
        leat_jw_object(&w, "worker");
        rc = keep_props(c->name, c->worker, NULL, anew, &w, e);
        leat_jw_end(&w);
    }
    leat_jw_object(&w, "config");
    if (rc == LEAT_OK) rc = keep_props(c->name, &c->props, tables, anew, &w, e);
    leat_jw_end(&w);
    leat_jw_end(&w);
    return rc;
}

leat_rc leat_config_unseal(leat_arena *a, const char *name, leat_props *props, leat_err *e)
{
    leat_buf out = {0};
    leat_rc rc = LEAT_OK;
    for (leat_prop *p = props->first; p && rc == LEAT_OK; p = p->next) {
        if (!leat_seal_is(p->value)) continue;
        leat_buf_clear(&out);
        rc = leat_seal_open(name, p->name, p->value, &out, e);
        if (rc == LEAT_OK) p->value = leat_arena_str(a, leat_buf_str(&out)).s;
    }
    if (out.p) sodium_memzero(out.p, out.cap);
    leat_buf_free(&out);
    return rc;
}
