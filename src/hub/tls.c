/* GnuTLS, which libmicrohttpd speaks.
 *
 * What is in use is one struct, replaced whole; the old ones are kept until the end, since
 * handshakes may still hold them (there is one for each renewal). */
#include "hub/tls.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/os.h"

enum { FILE_MOST = 1 << 20, CHAIN_MOST = 16, NAME_MOST = 256 };

/* What was read at one time. */
typedef struct material {
    gnutls_pcert_st chain[CHAIN_MOST];
    unsigned nchain;
    gnutls_privkey_t key;
    gnutls_x509_crt_t leaf;
    struct material *older;
} material;

struct leat_tls {
    leat_tls_conf conf;
    leat_buf trust;        /* NUL-ended */
    struct stat seen[2];   /* of certificate and key */
    pthread_mutex_t guard; /* of current */
    material *current;
};

static leat_tls *the_one; /* of this process; set before connections come, cleared behind them */

static leat_rc load(const char *path, leat_buf *out, leat_err *e)
{
    int err = leat_os_load(path, out, FILE_MOST);
    if (err < 0) return leat_os_fail(e, err, "read", path);
    leat_buf_u8(out, 0);
    return LEAT_OK;
}

static leat_rc bad(const char *path, int err, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "tls.certificate", path, "cannot be used: %s",
                     gnutls_strerror(err));
}

static void free_material(material *m)
{
    for (unsigned i = 0; i < m->nchain; i++) gnutls_pcert_deinit(&m->chain[i]);
    if (m->key) gnutls_privkey_deinit(m->key);
    if (m->leaf) gnutls_x509_crt_deinit(m->leaf);
    leat_free(m);
}

/* Whether key and certificate belong together. */
static leat_rc matches(const leat_tls_conf *conf, const gnutls_datum_t *cert,
                       const gnutls_datum_t *key, leat_err *e)
{
    gnutls_certificate_credentials_t both;
    gnutls_certificate_allocate_credentials(&both);
    int err = gnutls_certificate_set_x509_key_mem(both, cert, key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(both);
    if (err >= 0) return LEAT_OK;
    if (err == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return leat_fail(e, LEAT_CONF, "tls.certificate", conf->certificate,
                         "it is not the certificate of the key in %s", conf->key);
    return bad(conf->certificate, err, e);
}

static leat_rc parse(const leat_tls_conf *conf, const leat_buf *cert, const leat_buf *key,
                     material *m, leat_err *e)
{
    gnutls_datum_t c = {(unsigned char *)cert->p, (unsigned)cert->len - 1},
                   k = {(unsigned char *)key->p, (unsigned)key->len - 1};
    unsigned n = CHAIN_MOST;
    int err = gnutls_pcert_list_import_x509_raw(m->chain, &n, &c, GNUTLS_X509_FMT_PEM, 0);
    if (err < 0) return bad(conf->certificate, err, e);
    m->nchain = n;
    if ((err = gnutls_privkey_init(&m->key)) < 0 ||
        (err = gnutls_privkey_import_x509_raw(m->key, &k, GNUTLS_X509_FMT_PEM, NULL, 0)) < 0)
        return bad(conf->key, err, e);
    if ((err = gnutls_x509_crt_init(&m->leaf)) < 0 ||
        (err = gnutls_x509_crt_import(m->leaf, &m->chain[0].cert, GNUTLS_X509_FMT_DER)) < 0)
        return bad(conf->certificate, err, e);
    return matches(conf, &c, &k, e);
}

/* Which files are there now, before they are read. */
static void look(const leat_tls *t, struct stat seen[2])
{
    const char *paths[] = {t->conf.certificate, t->conf.key};
    for (int i = 0; i < 2; i++)
        if (stat(paths[i], &seen[i]) != 0) seen[i] = (struct stat){0};
}

static leat_rc read_material(const leat_tls *t, material **out, leat_err *e)
{
    leat_buf cert = {0}, key = {0};
    material *m = leat_zalloc(1, sizeof *m);
    leat_rc rc = load(t->conf.certificate, &cert, e);
    if (rc == LEAT_OK) rc = load(t->conf.key, &key, e);
    if (rc == LEAT_OK) rc = parse(&t->conf, &cert, &key, m, e);
    if (key.p) gnutls_memset(key.p, 0, key.cap);
    leat_buf_free(&cert);
    leat_buf_free(&key);
    if (rc == LEAT_OK)
        *out = m;
    else
        free_material(m);
    return rc;
}

leat_rc leat_tls_open(const leat_tls_conf *conf, leat_tls **out, leat_err *e)
{
    if (strcmp(conf->least, "1.2") != 0 && strcmp(conf->least, "1.3") != 0)
        return leat_fail(e, LEAT_CONF, "config.tls", "--tls-min-version",
                         "expected 1.2 or 1.3, got \"%s\"", conf->least);
    leat_tls *t = leat_zalloc(1, sizeof *t);
    t->conf = *conf;
    pthread_mutex_init(&t->guard, NULL);
    look(t, t->seen);
    leat_rc rc = read_material(t, &t->current, e);
    if (rc == LEAT_OK && conf->client_ca) rc = load(conf->client_ca, &t->trust, e);
    if (rc == LEAT_OK && conf->client_ca && !strstr(t->trust.p, "-----BEGIN CERTIFICATE"))
        rc = leat_fail(e, LEAT_CONF, "tls.certificate", conf->client_ca,
                       "there is no certificate in PEM in it");
    if (rc != LEAT_OK) {
        leat_tls_free(t);
        return rc;
    }
    *out = the_one = t;
    return LEAT_OK;
}

void leat_tls_free(leat_tls *t)
{
    if (!t) return;
    if (the_one == t) the_one = NULL;
    for (material *m = t->current, *older; m; m = older) {
        older = m->older;
        free_material(m);
    }
    leat_buf_free(&t->trust);
    pthread_mutex_destroy(&t->guard);
    leat_free(t);
}

static bool same(const struct stat *x, const struct stat *y)
{
    return x->st_ino == y->st_ino && x->st_size == y->st_size &&
           x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec;
}

void leat_tls_refresh(leat_tls *t, bool always)
{
    struct stat now[2];
    material *m;
    leat_err err;
    look(t, now);
    if (!always && same(&now[0], &t->seen[0]) && same(&now[1], &t->seen[1])) return;
    memcpy(t->seen, now, sizeof now);
    if (read_material(t, &m, &err) != LEAT_OK) {
        leat_log_err(LEAT_ERROR, &err);
        return;
    }
    pthread_mutex_lock(&t->guard);
    m->older = t->current;
    t->current = m;
    pthread_mutex_unlock(&t->guard);
    leat_log(LEAT_INFO, "tls.reloaded", "certificate=%s", t->conf.certificate);
}

int leat_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int n,
                      const gnutls_pk_algorithm_t *algorithms, int nalgorithms,
                      gnutls_pcert_st **certificates, unsigned *ncertificates,
                      gnutls_privkey_t *key)
{
    (void)session;
    (void)authorities;
    (void)n;
    (void)algorithms;
    (void)nalgorithms;
    pthread_mutex_lock(&the_one->guard);
    material *m = the_one->current;
    pthread_mutex_unlock(&the_one->guard);
    *certificates = m->chain;
    *ncertificates = m->nchain;
    *key = m->key;
    return 0;
}

const char *leat_tls_priorities(const leat_tls *t)
{
    return strcmp(t->conf.least, "1.3") == 0 ? "NORMAL:-VERS-ALL:+VERS-TLS1.3"
                                             : "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
}

const char *leat_tls_trust(const leat_tls *t)
{
    return t->trust.p;
}

/* ---- clients ---- */

static const char *common_name(const gnutls_datum_t *der, leat_arena *a)
{
    gnutls_x509_crt_t crt;
    char name[NAME_MOST];
    size_t size = sizeof name - 1;
    const char *out = NULL;
    if (gnutls_x509_crt_init(&crt) < 0) return NULL;
    if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) >= 0 &&
        gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) >= 0 &&
        !memchr(name, 0, size))
        out = leat_arena_str(a, (leat_str){name, size}).s;
    gnutls_x509_crt_deinit(crt);
    return out;
}

const char *leat_tls_client(gnutls_session_t session, leat_arena *a, bool *bad_one)
{
    unsigned n = 0, status = 0;
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
    const gnutls_datum_t *sent = gnutls_certificate_get_peers(session, &n);
    *bad_one = false;
    if (!sent || n == 0) return NULL;
    *bad_one = gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0 || status != 0;
    const char *name = *bad_one ? NULL : common_name(&sent[0], a);
    if (!name) *bad_one = true;
    return name;
}

bool leat_tls_names(leat_tls *t, leat_str host)
{
    leat_arena a = {0};
    pthread_mutex_lock(&t->guard);
    bool fits = gnutls_x509_crt_check_hostname(t->current->leaf, leat_arena_str(&a, host).s) != 0;
    pthread_mutex_unlock(&t->guard);
    leat_arena_free(&a);
    return fits;
}
