/* The list of keys of this process, read when it is first needed.
 *
 * The file is made by a temporary name and a link, so that of several processes that make it at
 * once one wins and all read that one. It is read again when a value names a key that is not known,
 * for another process may have added one. */
#include "config/seal_key.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/os.h"
#include "config/seal.h"

enum { KEYS_MAX = 16, FILE_MAX = 64 << 10, HEX = 2 * LEAT_SEAL_BYTES };

typedef struct key {
    uint8_t bytes[LEAT_SEAL_BYTES];
    char id[LEAT_SEAL_ID + 1];
} key;

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static key keys[KEYS_MAX];
static size_t nkeys;
static bool read_once; /* the file was looked for */
static bool given;     /* they came from the environment, not from a file */
static char *folder;   /* of the data; NULL: nobody has said */

static void name_key(key *k)
{
    uint8_t hash[LEAT_SEAL_ID / 2];
    crypto_generichash_state st;
    crypto_generichash_init(&st, k->bytes, sizeof k->bytes, crypto_generichash_BYTES_MIN);
    crypto_generichash_update(&st, (const uint8_t *)"leat key", 8);
    uint8_t whole[crypto_generichash_BYTES_MIN];
    crypto_generichash_final(&st, whole, sizeof whole);
    memcpy(hash, whole, sizeof hash);
    sodium_bin2hex(k->id, sizeof k->id, hash, sizeof hash);
}

/* Never holds the text: it may be most of a key. */
static leat_rc no_key(const char *where, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "seal.key", where,
                     "expected keys of %d hex digits, at most %d of them, one a line (in LEAT_KEY: "
                     "separated by commas); 'openssl rand -hex 32' makes one",
                     HEX, KEYS_MAX);
}

static bool read_key(leat_str word, key *out)
{
    size_t len;
    if (word.len != HEX ||
        sodium_hex2bin(out->bytes, LEAT_SEAL_BYTES, word.s, word.len, NULL, &len, NULL) != 0)
        return false;
    name_key(out);
    return len == LEAT_SEAL_BYTES;
}

/* Replaces the list by those of a text. */
static leat_rc parse(leat_str text, const char *where, leat_err *e)
{
    size_t n = 0;
    nkeys = 0;
    while (text.s) {
        leat_str line = leat_str_trim(leat_str_cut(&text, '\n'));
        if (line.len == 0 || line.s[0] == '#') continue;
        while (line.s) {
            leat_str word = leat_str_trim(leat_str_cut(&line, ','));
            if (word.len == 0) continue;
            if (n == KEYS_MAX || !read_key(word, &keys[n])) return no_key(where, e);
            n++;
        }
    }
    nkeys = n;
    return LEAT_OK;
}

/* In a. */
static const char *file_path(leat_arena *a)
{
    const char *named = getenv("LEAT_KEY_FILE");
    if (named && *named) return leat_arena_strdup(a, named);
    return leat_arena_printf(a, "%s/" LEAT_SEAL_FILE, folder ? folder : ".");
}

/* Whether there is a file or not. */
static leat_rc load(leat_err *e)
{
    leat_arena a = {0};
    leat_buf text = {0};
    leat_rc rc = LEAT_OK;
    const char *path = file_path(&a);
    int err = leat_os_load(path, &text, FILE_MAX);
    if (err < 0 && err != -ENOENT)
        rc = leat_os_fail(e, err, "read the key file", path);
    else if (err == 0)
        rc = parse(leat_buf_str(&text), path, e);
    else
        nkeys = 0;
    read_once = rc == LEAT_OK;
    if (text.p) sodium_memzero(text.p, text.cap);
    leat_buf_free(&text);
    leat_arena_free(&a);
    return rc;
}

static leat_rc ready(leat_err *e)
{
    if (sodium_init() < 0)
        return leat_fail(e, LEAT_FATAL, "seal.random", "libsodium", "there are no random numbers");
    return given || read_once ? LEAT_OK : load(e);
}

static void write_keys(const key *list, size_t n, char sep, leat_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        leat_buf_hex(out, (leat_str){(const char *)list[i].bytes, LEAT_SEAL_BYTES});
        leat_buf_u8(out, (unsigned char)sep);
    }
}

static void write_file(const key *list, size_t n, leat_buf *out)
{
    leat_buf_str_z(out,
                   "# Keys of the secrets in this folder: the first seals, all open. Without\n"
                   "# them the secrets are lost: keep a copy, apart from copies of the folder.\n");
    write_keys(list, n, '\n', out);
}

/* Makes the file with one new key, unless another process has. */
static leat_rc make_file(leat_err *e)
{
    leat_arena a = {0};
    leat_buf text = {0};
    key k;
    const char *path = file_path(&a);
    char *temp = leat_arena_printf(&a, "%s.%d.new", path, (int)getpid());
    randombytes_buf(k.bytes, sizeof k.bytes);
    name_key(&k);
    write_file(&k, 1, &text);
    int err = folder ? leat_os_mkdirs(folder, 0700) : 0;
    if (err == 0) err = leat_os_store(temp, leat_buf_str(&text), 0600);
    if (err == 0) err = leat_os_now()->link(temp, path);
    bool made = err == 0;
    leat_os_now()->unlink(temp);
    if (err == -EEXIST) err = 0;
    const char *slash = strrchr(path, '/');
    if (err == 0)
        err = leat_os_now()->sync_dir(
            slash ? leat_arena_str(&a, (leat_str){path, (size_t)(slash - path)}).s : ".");
    leat_rc rc = err < 0 ? leat_os_fail(e, err, "make the key file", path) : load(e);
    if (made && rc == LEAT_OK)
        leat_log(LEAT_INFO, "seal.key_made",
                 "file=%s key=%s keep a copy of it, apart from copies "
                 "of the data folder",
                 path, keys[0].id);
    sodium_memzero(&k, sizeof k);
    sodium_memzero(text.p, text.cap);
    leat_buf_free(&text);
    leat_arena_free(&a);
    return rc;
}

static void derive(const key *k, leat_seal_secret *out)
{
    memcpy(out->id, k->id, sizeof out->id);
    crypto_kdf_derive_from_key(out->seal, sizeof out->seal, 1, "leatseal", k->bytes);
    crypto_kdf_derive_from_key(out->nonce, sizeof out->nonce, 2, "leatseal", k->bytes);
}

leat_rc leat_seal_first(leat_seal_secret *out, leat_err *e)
{
    pthread_mutex_lock(&guard);
    leat_rc rc = ready(e);
    if (rc == LEAT_OK && nkeys == 0) rc = make_file(e);
    if (rc == LEAT_OK && nkeys == 0) rc = no_key("LEAT_KEY", e);
    if (rc == LEAT_OK) derive(&keys[0], out);
    pthread_mutex_unlock(&guard);
    return rc;
}

static const key *known(const char *id)
{
    for (size_t i = 0; i < nkeys; i++)
        if (strcmp(keys[i].id, id) == 0) return &keys[i];
    return NULL;
}

leat_rc leat_seal_find(const char *id, const char *option, leat_seal_secret *out, leat_err *e)
{
    leat_arena a = {0};
    pthread_mutex_lock(&guard);
    leat_rc rc = ready(e);
    const key *k = rc == LEAT_OK ? known(id) : NULL;
    if (rc == LEAT_OK && !k && !given) {
        rc = load(e);
        k = rc == LEAT_OK ? known(id) : NULL;
    }
    if (k)
        derive(k, out);
    else if (rc == LEAT_OK)
        rc = leat_fail(e, LEAT_CONF, "seal.key_missing", option,
                       "its value is sealed with key %s, which %s does not hold%s; bring that key "
                       "back (nothing is lost until then), or set the option again",
                       id, given ? "LEAT_KEY" : file_path(&a),
                       nkeys == 0 ? " (there is no key at all)" : "");
    pthread_mutex_unlock(&guard);
    leat_arena_free(&a);
    return rc;
}

/* ---- config/seal.h ---- */

const char *leat_seal_data(leat_arena *a)
{
    pthread_mutex_lock(&guard);
    const char *out = folder ? leat_arena_strdup(a, folder) : NULL;
    pthread_mutex_unlock(&guard);
    return out;
}

void leat_seal_folder(const char *data)
{
    pthread_mutex_lock(&guard);
    if (!folder || strcmp(folder, data) != 0) {
        leat_free(folder);
        folder = leat_strdup(data);
        if (!given) read_once = false;
    }
    pthread_mutex_unlock(&guard);
}

leat_rc leat_seal_hand(leat_str text, leat_err *e)
{
    if (text.len == 0) return LEAT_OK;
    if (sodium_init() < 0)
        return leat_fail(e, LEAT_FATAL, "seal.random", "libsodium", "there are no random numbers");
    pthread_mutex_lock(&guard);
    leat_rc rc = parse(text, "LEAT_KEY", e);
    if (rc == LEAT_OK && nkeys == 0) rc = no_key("LEAT_KEY", e);
    given = rc == LEAT_OK;
    pthread_mutex_unlock(&guard);
    return rc;
}

leat_rc leat_seal_take_env(leat_err *e)
{
    char *text = getenv("LEAT_KEY");
    if (!text) return LEAT_OK;
    leat_rc rc = *text ? leat_seal_hand(leat_str_of(text), e) : LEAT_OK;
    sodium_memzero(text, strlen(text)); /* what /proc shows of the environment is this memory */
    unsetenv("LEAT_KEY");
    return rc;
}

const char *leat_seal_handed(leat_arena *a)
{
    leat_buf text = {0};
    pthread_mutex_lock(&guard);
    if (given) write_keys(keys, nkeys, ',', &text);
    pthread_mutex_unlock(&guard);
    const char *out = leat_arena_str(a, leat_buf_str(&text)).s;
    if (text.p) sodium_memzero(text.p, text.cap);
    leat_buf_free(&text);
    return out;
}

leat_rc leat_seal_keys(leat_arena *a, const leat_seal_key **out, size_t *n, const char **where,
                       leat_err *e)
{
    pthread_mutex_lock(&guard);
    leat_rc rc = ready(e);
    leat_seal_key *list = LEAT_NEW(a, leat_seal_key, nkeys + 1);
    for (size_t i = 0; i < nkeys; i++) {
        memcpy(list[i].id, keys[i].id, sizeof list[i].id);
        list[i].seals = i == 0;
    }
    *out = list;
    *n = nkeys;
    *where = given ? "LEAT_KEY" : file_path(a);
    pthread_mutex_unlock(&guard);
    return rc;
}

/* The file with these keys, durable, and the list read from it. */
static leat_rc replace_file(const key *list, size_t n, leat_err *e)
{
    leat_arena a = {0};
    leat_buf text = {0};
    const char *path = file_path(&a);
    write_file(list, n, &text);
    int err = leat_os_store(path, leat_buf_str(&text), 0600);
    leat_rc rc = err < 0 ? leat_os_fail(e, err, "write the key file", path) : load(e);
    sodium_memzero(text.p, text.cap);
    leat_buf_free(&text);
    leat_arena_free(&a);
    return rc;
}

static leat_rc of_file(leat_err *e)
{
    LEAT_TRY(ready(e));
    if (!given) return load(e);
    return leat_fail(e, LEAT_CONF, "seal.key", "LEAT_KEY",
                     "the keys come from the environment, where leat cannot change them");
}

leat_rc leat_seal_add(leat_err *e)
{
    key list[KEYS_MAX];
    pthread_mutex_lock(&guard);
    leat_rc rc = of_file(e);
    if (rc == LEAT_OK && nkeys == KEYS_MAX) rc = no_key("the key file", e);
    if (rc == LEAT_OK) {
        randombytes_buf(list[0].bytes, sizeof list[0].bytes);
        memcpy(list + 1, keys, nkeys * sizeof *list);
        rc = replace_file(list, nkeys + 1, e);
    }
    sodium_memzero(list, sizeof list);
    pthread_mutex_unlock(&guard);
    return rc;
}

leat_rc leat_seal_drop(leat_err *e)
{
    pthread_mutex_lock(&guard);
    leat_rc rc = of_file(e);
    if (rc == LEAT_OK && nkeys > 1) rc = replace_file(keys, 1, e);
    pthread_mutex_unlock(&guard);
    return rc;
}
