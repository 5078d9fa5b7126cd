/* Kafka Connect's REST API, as a client of it: one request after the other, JSON in and out.
 *
 * The URL may hold a user and a password (http://user:password@host:8083); messages show it without
 * them. One thread. */
#ifndef LEAT_PROVE_TAKEOVER_REST_H
#define LEAT_PROVE_TAKEOVER_REST_H

#include "base/json.h"
#include "config/open.h"

typedef struct leat_rest leat_rest;

/* How to get in; all may be NULL. Borrowed until open has returned. */
typedef struct leat_rest_login {
    const char *ca;         /* file of the authority of its certificate (PEM); NULL: the system's */
    const char *cert, *key; /* files of a certificate of our own, for mTLS */
    const char *user, *password;
    const char *token; /* for "Authorization: Bearer" */
} leat_rest_login;

/* No I/O. CONF "connect.url". login may be NULL. */
leat_rc leat_rest_open(const char *url, const leat_rest_login *login, leat_rest **out, leat_err *e);
void leat_rest_close(leat_rest *r);
/* The URL as it may be shown. */
const char *leat_rest_url(const leat_rest *r);

/* One request, whatever is answered: path is escaped, with its query; body absent: none. The body
 * of the answer is in a. RETRY "connect.unreachable". */
leat_rc leat_rest_ask(leat_rest *r, const char *method, const char *path, leat_str body,
                      leat_arena *a, int *status, leat_str *answer, leat_err *e);
/* path: "/connectors/%s/config", whose %s is the connector's name, quoted here (NULL: none). body
 * absent: none. *reply (may be NULL) is in a, and NULL when the answer is empty. Answers of 200 to
 * 299 are OK; while the workers rebalance (409) it asks again for a while. RETRY
 * "connect.unreachable", "connect.busy"; CONF "connect.unknown" (404), "connect.login" (401, 403),
 * "connect.tls", "connect.refused" with what Kafka Connect said, "connect.answer" when that is no
 * JSON. */
leat_rc leat_rest_call(leat_rest *r, const char *method, const char *path, const char *name,
                       leat_str body, leat_arena *a, const leat_json **reply, leat_err *e);
/* The connector's configuration there, with what open adds to it (--kafka, the worker's file); in
 * a. */
leat_rc leat_rest_config(leat_rest *r, const char *name, const leat_open *open, leat_arena *a,
                         leat_config **out, leat_err *e);

#endif
