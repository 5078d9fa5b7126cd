/* The hub's certificate, read again when its file changes, and those of clients.
 *
 * One a process: the library's call for a certificate says nothing of whose it is. The server's
 * certificate and key can be replaced while it serves; connections that stand keep what they began
 * with. The authority of clients' certificates is read once. */
#ifndef LEAT_HUB_TLS_H
#define LEAT_HUB_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

typedef struct leat_tls_conf {
    const char *certificate,
        *key;              /* files, PEM; the certificate with those between it and its root */
    const char *client_ca; /* a file of authorities of clients' certificates; NULL: none */
    const char *least;     /* "1.2" or "1.3" */
} leat_tls_conf;

typedef struct leat_tls leat_tls;

/* CONF "tls.certificate" with what is wrong with which file, "config.tls" for a wrong version. conf
 * is kept. */
leat_rc leat_tls_open(const leat_tls_conf *conf, leat_tls **out, leat_err *e);
void leat_tls_free(leat_tls *t);
/* Reads certificate and key again if their files have changed, or always. One that cannot be used
 * is logged and the old one stays. Called by one thread. */
void leat_tls_refresh(leat_tls *t, bool always);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK. */
int leat_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int n,
                      const gnutls_pk_algorithm_t *algorithms, int nalgorithms,
                      gnutls_pcert_st **certificates, unsigned *ncertificates,
                      gnutls_privkey_t *key);
/* For MHD_OPTION_HTTPS_PRIORITIES. */
const char *leat_tls_priorities(const leat_tls *t);
/* PEM for MHD_OPTION_HTTPS_MEM_TRUST; NULL: clients need no certificate. */
const char *leat_tls_trust(const leat_tls *t);

/* The common name of the client's certificate in a, if it has one that is good; else NULL. *bad: it
 * has one that is not. */
const char *leat_tls_client(gnutls_session_t session, leat_arena *a, bool *bad);
/* The server's certificate is for this host. Any thread. */
bool leat_tls_names(leat_tls *t, leat_str host);

#endif
