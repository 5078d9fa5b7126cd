/* TLS of connections to PostgreSQL: what libpq does not do or say.
 *
 * libpq only tells that verifying the server's certificate failed: a person then does not know
 * whether it has expired, or another authority signed it. So a second connection is made that
 * verifies nothing and gets no further than the handshake (no user, no password is sent), and the
 * certificate it finds is held against database.sslrootcert here. Run by any thread. */
#include "system/postgres/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"

enum { NAME_MOST = 80 };

void leat_pg_tls_setup(void)
{
    PQsetSSLKeyPassHook_OpenSSL(PQdefaultSSLKeyPassHook_OpenSSL);
}

const char *leat_pg_tls_authorities(const leat_pg_target *t)
{
    const char *const places[] = {getenv(X509_get_default_cert_file_env()),
                                  X509_get_default_cert_file(),
                                  "/etc/ssl/certs/ca-certificates.crt",
                                  "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    if (!t->sslrootcert || strcmp(t->sslrootcert, LEAT_PG_SYSTEM_AUTHORITIES) != 0)
        return t->sslrootcert;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i] && access(places[i], R_OK) == 0) return places[i];
    return "/etc/ssl/certs/ca-certificates.crt"; /* libpq says that it is not there */
}

const char *leat_pg_tls_text(const leat_pg *c, leat_arena *a)
{
    if (!c->pg || !PQsslInUse(c->pg)) return NULL;
    const char *protocol = PQsslAttribute(c->pg, "protocol");
    const char *cipher = PQsslAttribute(c->pg, "cipher");
    return leat_arena_printf(a, "%s, %s", protocol ? protocol : "TLS", cipher ? cipher : "?");
}

/* libpq has OpenSSL free its buffer whenever it is empty; here it would be made again for each. */
void leat_pg_tls_read_ahead(const leat_pg *c)
{
    SSL *ssl = PQsslStruct(c->pg, "OpenSSL");
    if (!ssl) return;
    SSL_set_read_ahead(ssl, 1);
    SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
}

bool leat_pg_tls_drained(const leat_pg *c)
{
    const SSL *ssl = PQsslStruct(c->pg, "OpenSSL");
    return !ssl || SSL_want_read(ssl);
}

/* ---- a look at the certificate ---- */

/* A connection behind its handshake; NULL: it does not come so far. */
static PGconn *shake_hands(const leat_pg_target *t, int64_t deadline, SSL **ssl)
{
    char port[24];
    snprintf(port, sizeof port, "%lld", (long long)t->port);
    /* A file of authorities that cannot exist: else libpq would verify by its default one. */
    const char *names[] = {"host", "port", "sslmode", "sslrootcert", "sslcert", NULL};
    const char *values[] = {t->host, port, "require", "/dev/null/none", "/dev/null/none", NULL};
    PGconn *pg = PQconnectStartParams(names, values, 0);
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    while (pg && PQstatus(pg) != CONNECTION_BAD && want != PGRES_POLLING_FAILED) {
        *ssl = PQsslStruct(pg, "OpenSSL");
        if (*ssl && SSL_is_init_finished(*ssl)) return pg;
        int64_t left = deadline - leat_mono_us();
        if (left <= 0 || want == PGRES_POLLING_OK) break;
        int ready = leat_os_wait_fd(PQsocket(pg), want == PGRES_POLLING_WRITING,
                                    left > 1000000 ? 1000 : (int)(left / 1000 + 1));
        if (ready < 0) break;
        if (ready > 0) want = PQconnectPoll(pg);
    }
    PQfinish(pg);
    return NULL;
}

/* X509_V_OK, or why the certificate is not accepted. */
static int verify(const leat_pg_target *t, X509 *cert, STACK_OF(X509) * chain)
{
    int found = X509_V_ERR_UNSPECIFIED;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (store && ctx && t->sslrootcert &&
        X509_STORE_load_file(store, leat_pg_tls_authorities(t)) == 1 &&
        X509_STORE_CTX_init(ctx, store, cert, chain) == 1) {
        X509_verify_cert(ctx);
        found = X509_STORE_CTX_get_error(ctx);
    }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return found;
}

static void put_time(const ASN1_TIME *at, char out[24])
{
    struct tm tm;
    if (ASN1_TIME_to_tm(at, &tm) != 1 || strftime(out, 24, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        memcpy(out, "?", 2);
}

static void describe(X509 *cert, int found, char why[LEAT_PG_TLS_WHY])
{
    char subject[NAME_MOST], issuer[NAME_MOST], from[24], until[24];
    X509_NAME_oneline(X509_get_subject_name(cert), subject, sizeof subject);
    X509_NAME_oneline(X509_get_issuer_name(cert), issuer, sizeof issuer);
    put_time(X509_get0_notBefore(cert), from);
    put_time(X509_get0_notAfter(cert), until);
    snprintf(why, LEAT_PG_TLS_WHY, "%s: the server's is of %s, issued by %s, valid from %s to %s",
             X509_verify_cert_error_string(found), subject, issuer, from, until);
}

static const char *advice(int found)
{
    switch (found) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "Have the server's certificate renewed";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "Compare the clocks of this machine and the server";
    case X509_V_ERR_CERT_REVOKED: return "The server needs another certificate";
    default:
        return "Set database.sslrootcert to a file (PEM) with the certificate of the authority "
               "that issued it";
    }
}

bool leat_pg_tls_why(const leat_pg_target *target, leat_str message, int64_t deadline,
                     char why[LEAT_PG_TLS_WHY], leat_pg_verdict *v)
{
    static const char unsaid[] = "certificate verify failed";
    SSL *ssl = NULL;
    if (!memmem(message.s, message.len, unsaid, sizeof unsaid - 1)) return false;
    PGconn *pg = shake_hands(target, deadline, &ssl);
    if (!pg) return false;
    X509 *cert = SSL_get1_peer_certificate(ssl);
    int found = cert ? verify(target, cert, SSL_get_peer_cert_chain(ssl)) : X509_V_OK;
    if (found != X509_V_OK) {
        describe(cert, found, why);
        *v = (leat_pg_verdict){LEAT_CONF, "postgres.tls", advice(found)};
    }
    X509_free(cert);
    PQfinish(pg);
    return found != X509_V_OK;
}
