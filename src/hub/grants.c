/* Reading and writing of DATA/access. */
#include "hub/grants.h"

#include <errno.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/os.h"

enum {
    FILE_MOST = 4 << 20,
    NAME_MOST = 128,
    LOCK_US = 10000000,
    TOKEN_BYTES = 32,
    OPERATIONS = 3,
    MEMORY = 16 << 20
};

static const char TOKEN_PREFIX[] = "leat_";
static const char *const KINDS[] = {"token", "password", "certificate", "peer"};

const char *leat_grant_kind_name(leat_grant_kind kind)
{
    return KINDS[kind];
}

/* ---- the file ---- */

static bool read_grant(const leat_json *j, leat_arena *a, leat_grant *out)
{
    leat_str kind = leat_json_get_str(j, "kind"), name = leat_json_get_str(j, "name"),
             hash = leat_json_get_str(j, "hash");
    size_t k = 0;
    while (k < 4 && !leat_str_is(kind, KINDS[k])) k++;
    if (k == 4 || name.len == 0 || memchr(name.s, 0, name.len) ||
        !leat_role_parse(leat_json_get_str(j, "role"), &out->role))
        return false;
    const leat_json *made = leat_json_get(j, "made_ms"), *until = leat_json_get(j, "until_ms");
    out->kind = (leat_grant_kind)k;
    out->name = leat_arena_str(a, name).s;
    out->hash = leat_arena_str(a, hash.s ? hash : LEAT_STR("")).s;
    if (!made || !leat_str_i64(made->text, &out->made_us)) return false;
    if (until && !leat_str_i64(until->text, &out->until_us)) return false;
    if (out->made_us > INT64_MAX / 1000 || out->until_us > INT64_MAX / 1000) return false;
    out->made_us *= 1000;
    out->until_us *= 1000;
    return true;
}

static void write_grant(const leat_grant *g, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "kind", KINDS[g->kind]);
    leat_jw_z(&w, "name", g->name);
    leat_jw_z(&w, "role", leat_role_name(g->role));
    if (*g->hash) leat_jw_z(&w, "hash", g->hash);
    leat_jw_i64(&w, "made_ms", g->made_us / 1000);
    if (g->until_us) leat_jw_i64(&w, "until_ms", g->until_us / 1000);
    leat_jw_end(&w);
    leat_buf_u8(out, '\n');
}

static leat_rc parse(leat_str text, const char *path, leat_arena *a, leat_grant **out, leat_err *e)
{
    leat_err bad;
    for (int line = 1; text.s && text.len > 0; line++) {
        leat_str one = leat_str_trim(leat_str_cut(&text, '\n'));
        const leat_json *j;
        if (one.len == 0) continue;
        leat_grant *g = LEAT_NEW(a, leat_grant, 1);
        if (leat_json_parse(a, one, &j, &bad) != LEAT_OK || j->type != LEAT_JSON_OBJECT ||
            !read_grant(j, a, g))
            return leat_fail(e, LEAT_CONF, "access.damaged", path,
                             "line %d is none that 'leat token' or 'leat user' writes; until it is "
                             "mended or taken out nobody can log in",
                             line);
        *out = g;
        out = &g->next;
    }
    return LEAT_OK;
}

leat_rc leat_grants_read(const char *data, leat_arena *a, leat_grant **out, leat_err *e)
{
    leat_buf text = {0};
    char *path = leat_arena_printf(a, "%s/" LEAT_GRANTS_FILE, data);
    *out = NULL;
    int err = leat_os_load(path, &text, FILE_MOST);
    leat_rc rc = LEAT_OK;
    if (err < 0 && err != -ENOENT)
        rc = leat_os_fail(e, err, "read", path);
    else if (err == 0)
        rc = parse(leat_buf_str(&text), path, a, out, e);
    leat_buf_free(&text);
    return rc;
}

const leat_grant *leat_grants_find(const leat_grant *all, leat_grant_kind kind, leat_str name)
{
    while (all && (all->kind != kind || !leat_str_is(name, all->name))) all = all->next;
    return all;
}

static leat_rc name_fits(const leat_grant *g, leat_err *e)
{
    leat_str name = leat_str_of(g->name);
    bool good = name.len > 0 && name.len <= NAME_MOST && leat_str_utf8(name);
    for (size_t i = 0; i < name.len && good; i++)
        good = (unsigned char)name.s[i] >= ' ' && name.s[i] != 127;
    if (good && (g->kind != LEAT_GRANT_PASSWORD || !strchr(g->name, ':'))) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "access.name", KINDS[g->kind],
                     "a name has 1 to %d bytes of UTF-8 without control characters%s", NAME_MOST,
                     g->kind == LEAT_GRANT_PASSWORD ? " and without a colon" : "");
}

/* Another file: the old one without any of that kind and name, and with put behind it. */
static leat_rc replace(const char *data, leat_arena *a, const leat_grant *all,
                       const leat_grant *without, const leat_grant *put, leat_err *e)
{
    leat_buf text = {0};
    char *path = leat_arena_printf(a, "%s/" LEAT_GRANTS_FILE, data);
    for (const leat_grant *g = all; g; g = g->next)
        if (g != without) write_grant(g, &text);
    if (put) write_grant(put, &text);
    int err = leat_os_store(path, leat_buf_str(&text), 0600);
    leat_buf_free(&text);
    return err < 0 ? leat_os_fail(e, err, "write", path) : LEAT_OK;
}

static leat_rc lock_file(const char *data, leat_arena *a, int *fd, leat_err *e)
{
    int err = leat_os_mkdirs(data, 0700);
    if (err < 0) return leat_os_fail(e, err, "make the folder", data);
    char *path = leat_arena_printf(a, "%s/" LEAT_GRANTS_FILE ".lock", data);
    *fd = leat_os_lock(path, LEAT_O_WRITE | LEAT_O_CREATE, LOCK_US);
    return *fd < 0 ? leat_os_fail(e, *fd, "lock", path) : LEAT_OK;
}

static leat_rc put_locked(const char *data, leat_arena *a, const leat_grant *grant, bool replaces,
                          leat_err *e)
{
    leat_grant *all;
    LEAT_TRY(leat_grants_read(data, a, &all, e));
    const leat_grant *was = leat_grants_find(all, grant->kind, leat_str_of(grant->name));
    if (was && !replaces)
        return leat_fail(e, LEAT_CONF, "access.taken", grant->name,
                         "there is a %s of this name already; revoke it first, or take another "
                         "name",
                         KINDS[grant->kind]);
    return replace(data, a, all, was, grant, e);
}

leat_rc leat_grants_put(const char *data, const leat_grant *grant, bool replaces, leat_err *e)
{
    leat_arena a = {0};
    int fd = -1;
    LEAT_TRY(name_fits(grant, e));
    leat_rc rc = lock_file(data, &a, &fd, e);
    if (rc == LEAT_OK) rc = put_locked(data, &a, grant, replaces, e);
    leat_os_now()->close(fd);
    leat_arena_free(&a);
    return rc;
}

static leat_rc remove_locked(const char *data, leat_arena *a, leat_grant_kind kind,
                             const char *name, leat_err *e)
{
    leat_grant *all;
    LEAT_TRY(leat_grants_read(data, a, &all, e));
    const leat_grant *was = leat_grants_find(all, kind, leat_str_of(name));
    if (!was)
        return leat_fail(e, LEAT_CONF, "access.unknown", name, "there is no %s of this name in %s",
                         KINDS[kind], data);
    return replace(data, a, all, was, NULL, e);
}

leat_rc leat_grants_remove(const char *data, leat_grant_kind kind, const char *name, leat_err *e)
{
    leat_arena a = {0};
    int fd = -1;
    leat_rc rc = lock_file(data, &a, &fd, e);
    if (rc == LEAT_OK) rc = remove_locked(data, &a, kind, name, e);
    leat_os_now()->close(fd);
    leat_arena_free(&a);
    return rc;
}

/* ---- hashes ---- */

static leat_rc begin(leat_err *e)
{
    if (sodium_init() >= 0) return LEAT_OK;
    return leat_fail(e, LEAT_FATAL, "access.random", "libsodium", "there are no random numbers");
}

leat_rc leat_token_make(char text[static LEAT_TOKEN_TEXT + 1], char hash[static LEAT_TOKEN_HASH],
                        leat_err *e)
{
    uint8_t bytes[TOKEN_BYTES];
    size_t head = sizeof TOKEN_PREFIX - 1;
    LEAT_TRY(begin(e));
    randombytes_buf(bytes, sizeof bytes);
    memcpy(text, TOKEN_PREFIX, head);
    sodium_bin2base64(text + head, LEAT_TOKEN_TEXT + 1 - head, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    leat_token_hash(leat_str_of(text), hash);
    sodium_memzero(bytes, sizeof bytes);
    return LEAT_OK;
}

void leat_token_hash(leat_str text, char hash[static LEAT_TOKEN_HASH])
{
    uint8_t sum[crypto_generichash_BYTES];
    crypto_generichash(sum, sizeof sum, (const uint8_t *)text.s, text.len, NULL, 0);
    sodium_bin2hex(hash, LEAT_TOKEN_HASH, sum, sizeof sum);
}

leat_rc leat_password_hash(leat_str password, char hash[static LEAT_PASSWORD_HASH], leat_err *e)
{
    LEAT_TRY(begin(e));
    if (crypto_pwhash_str(hash, password.s, password.len, OPERATIONS, MEMORY) == 0) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "access.memory", "password",
                     "hashing a password takes %d MiB of memory, which there are not",
                     MEMORY >> 20);
}

bool leat_password_right(const char *hash, leat_str password)
{
    return crypto_pwhash_str_verify(hash, password.s, password.len) == 0;
}
