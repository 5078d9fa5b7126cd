/* Grants in memory, remembered passwords, and addresses that were wrong.
 *
 * The file is looked at with each login (one stat), so that what is revoked is refused at once. */
#include "hub/login.h"

#include <pthread.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hub/grants.h"

enum {
    REMEMBERED = 64,
    ADDRESSES = 1024,
    WRONG_MOST = 10,
    PARDON_US = 2000000, /* a wrong one is forgotten after this long each */
    PROOF = 32,
};

typedef struct wrongs {
    uint64_t address; /* its hash; 0: nobody */
    int64_t n, at_us;
} wrongs;

struct leat_login {
    char *path;
    char *data;
    uint8_t key[crypto_generichash_KEYBYTES]; /* of proofs */
    pthread_mutex_t hashing;                  /* one password at a time */
    pthread_mutex_t guard;                    /* of all below */
    leat_arena a;                             /* of the grants */
    leat_grant *grants;
    struct stat seen; /* of the file they were read from; zeroes: there was none */
    bool read, broken;
    uint8_t proof[REMEMBERED][PROOF];
    unsigned next_proof;
    wrongs wrong[ADDRESSES];
};

leat_login *leat_login_new(const char *data)
{
    leat_login *l = leat_zalloc(1, sizeof *l);
    leat_arena a = {0};
    if (sodium_init() < 0) leat_log(LEAT_ERROR, "access.random", "there are no random numbers");
    l->data = leat_strdup(data);
    l->path = leat_strdup(leat_arena_printf(&a, "%s/" LEAT_GRANTS_FILE, data));
    leat_arena_free(&a);
    randombytes_buf(l->key, sizeof l->key);
    pthread_mutex_init(&l->guard, NULL);
    pthread_mutex_init(&l->hashing, NULL);
    return l;
}

void leat_login_free(leat_login *l)
{
    if (!l) return;
    leat_arena_free(&l->a);
    pthread_mutex_destroy(&l->guard);
    pthread_mutex_destroy(&l->hashing);
    leat_free(l->path);
    leat_free(l->data);
    leat_free(l);
}

/* ---- the guard is taken ---- */

static bool same_file(const struct stat *x, const struct stat *y)
{
    return x->st_ino == y->st_ino && x->st_size == y->st_size &&
           x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec;
}

/* Reads the file if it is another than it was. One that cannot be read grants nothing. */
static leat_rc refresh(leat_login *l, leat_err *e)
{
    struct stat now = {0};
    if (stat(l->path, &now) != 0) now = (struct stat){0};
    if (l->read && same_file(&now, &l->seen) && !l->broken) return LEAT_OK;
    leat_arena_reset(&l->a, 0);
    l->grants = NULL;
    l->seen = now;
    leat_rc rc = leat_grants_read(l->data, &l->a, &l->grants, e);
    bool told = l->broken;
    l->broken = rc != LEAT_OK;
    l->read = true;
    if (l->broken) l->grants = NULL;
    if (l->broken && !told) leat_log_err(LEAT_ERROR, e);
    return rc;
}

static bool counts(const leat_grant *g)
{
    return g->until_us == 0 || g->until_us > leat_now_us();
}

static const leat_grant *granted(const leat_login *l, leat_grant_kind kind, leat_str name)
{
    const leat_grant *g = leat_grants_find(l->grants, kind, name);
    return g && counts(g) ? g : NULL;
}

static wrongs *wrongs_of(leat_login *l, const char *address)
{
    uint64_t hash = leat_str_hash(leat_str_of(address)) | 1;
    wrongs *w = &l->wrong[hash % ADDRESSES];
    int64_t now = leat_mono_us(), pardoned = (now - w->at_us) / PARDON_US;
    if (w->address != hash && w->n - pardoned > 0 && w->address != 0)
        return w; /* shares its fate */
    if (w->address != hash) *w = (wrongs){hash, 0, now};
    if (pardoned > 0) {
        w->n = w->n > pardoned ? w->n - pardoned : 0;
        w->at_us = now;
    }
    return w;
}

static void enter(const leat_grant *g, const char *how, leat_arena *a, leat_who *who)
{
    who->name = leat_arena_strdup(a, g->name);
    who->how = how;
    who->role = g->role;
}

/* ---- kinds ---- */

static leat_login_result by_token(leat_login *l, leat_str token, leat_arena *a, leat_who *who)
{
    char hash[LEAT_TOKEN_HASH];
    leat_token_hash(token, hash);
    for (const leat_grant *g = l->grants; g; g = g->next) {
        if (g->kind != LEAT_GRANT_TOKEN || strlen(g->hash) != LEAT_TOKEN_HASH - 1) continue;
        if (sodium_memcmp(g->hash, hash, LEAT_TOKEN_HASH - 1) != 0 || !counts(g)) continue;
        enter(g, "token", a, who);
        return LEAT_LOGIN_IN;
    }
    return LEAT_LOGIN_WRONG;
}

static void prove(const leat_login *l, leat_str name, leat_str password, const char *hash,
                  uint8_t out[PROOF])
{
    crypto_generichash_state st;
    crypto_generichash_init(&st, l->key, sizeof l->key, PROOF);
    crypto_generichash_update(&st, (const uint8_t *)name.s, name.len);
    crypto_generichash_update(&st, (const uint8_t *)"\0", 1);
    crypto_generichash_update(&st, (const uint8_t *)hash, strlen(hash) + 1);
    crypto_generichash_update(&st, (const uint8_t *)password.s, password.len);
    crypto_generichash_final(&st, out, PROOF);
}

static bool remembered(const leat_login *l, const uint8_t proof[PROOF])
{
    bool found = false;
    for (size_t i = 0; i < REMEMBERED; i++) found |= sodium_memcmp(l->proof[i], proof, PROOF) == 0;
    return found;
}

/* The guard is taken, and given back while the password is hashed. An unknown name takes as long as
 * a known one. */
static leat_login_result by_password(leat_login *l, leat_str name, leat_str password, bool slow,
                                     leat_arena *a, leat_who *who)
{
    static const char nobody[] = "$argon2id$v=19$m=16384,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    uint8_t proof[PROOF];
    const leat_grant *g = granted(l, LEAT_GRANT_PASSWORD, name);
    const char *hash = leat_arena_strdup(a, g ? g->hash : nobody);
    if (g) enter(g, "password", a, who);
    prove(l, name, password, hash, proof);
    if (g && remembered(l, proof)) return LEAT_LOGIN_IN;
    if (!slow) return LEAT_LOGIN_SLOW;
    pthread_mutex_unlock(&l->guard);
    pthread_mutex_lock(&l->hashing);
    bool right = leat_password_right(hash, password) && g;
    pthread_mutex_unlock(&l->hashing);
    pthread_mutex_lock(&l->guard);
    if (!right) return LEAT_LOGIN_WRONG;
    memcpy(l->proof[l->next_proof++ % REMEMBERED], proof, PROOF);
    return LEAT_LOGIN_IN;
}

/* The hub's own user and root may do everything. */
static leat_login_result by_peer(leat_login *l, int64_t uid, leat_arena *a, leat_who *who)
{
    char text[4096];
    struct passwd entry, *found = NULL;
    getpwuid_r((uid_t)uid, &entry, text, sizeof text, &found);
    const char *name =
        found ? leat_arena_strdup(a, entry.pw_name) : leat_arena_printf(a, "%lld", (long long)uid);
    const leat_grant *g = granted(l, LEAT_GRANT_PEER, leat_str_of(name));
    bool own = uid == 0 || uid == (int64_t)geteuid();
    if (!own && !g) return LEAT_LOGIN_WRONG;
    *who = (leat_who){name, "peer", who->address, own ? LEAT_ROLE_ADMIN : g->role};
    return LEAT_LOGIN_IN;
}

static leat_login_result by_header(leat_login *l, const leat_login_try *t, bool slow, leat_arena *a,
                                   leat_who *who)
{
    leat_str token, name, password;
    if (leat_login_bearer(t->authorization, &token)) return by_token(l, token, a, who);
    if (!leat_login_basic(t->authorization, a, &name, &password)) return LEAT_LOGIN_WRONG;
    if (wrongs_of(l, t->address)->n >= WRONG_MOST) {
        leat_login_result fast = by_password(l, name, password, false, a, who);
        return fast == LEAT_LOGIN_SLOW ? LEAT_LOGIN_WAIT : fast;
    }
    return by_password(l, name, password, slow, a, who);
}

static leat_login_result look(leat_login *l, const leat_login_try *t, bool slow, leat_arena *a,
                              leat_who *who)
{
    leat_err err;
    if (refresh(l, &err) != LEAT_OK && t->uid < 0) return LEAT_LOGIN_BROKEN;
    if (t->authorization.s) return by_header(l, t, slow, a, who);
    if (t->uid >= 0) return by_peer(l, t->uid, a, who);
    if (!t->certificate) return LEAT_LOGIN_NOTHING;
    const leat_grant *g = granted(l, LEAT_GRANT_CERTIFICATE, leat_str_of(t->certificate));
    if (g) enter(g, "certificate", a, who);
    return g ? LEAT_LOGIN_IN : LEAT_LOGIN_WRONG;
}

/* ---- hub/login.h ---- */

leat_login_result leat_login_check(leat_login *l, const leat_login_try *t, bool slow, leat_arena *a,
                                   leat_who *who)
{
    leat_who none = *who;
    pthread_mutex_lock(&l->guard);
    leat_login_result result = look(l, t, slow, a, who);
    if (result == LEAT_LOGIN_WRONG) {
        wrongs *w = wrongs_of(l, t->address);
        if (w->n >= WRONG_MOST)
            result = LEAT_LOGIN_WAIT;
        else
            w->n++;
    }
    pthread_mutex_unlock(&l->guard);
    if (result != LEAT_LOGIN_IN) *who = none;
    return result;
}

leat_rc leat_login_any(leat_login *l, bool certificates, bool *any, leat_err *e)
{
    *any = false;
    pthread_mutex_lock(&l->guard);
    leat_rc rc = refresh(l, e);
    for (const leat_grant *g = l->grants; g; g = g->next) {
        if (!counts(g)) continue;
        if (g->kind == LEAT_GRANT_TOKEN || g->kind == LEAT_GRANT_PASSWORD) *any = true;
        if (g->kind == LEAT_GRANT_CERTIFICATE && certificates) *any = true;
    }
    pthread_mutex_unlock(&l->guard);
    return rc;
}
