/* From what a request brings (a header, a client's certificate, the peer of a socket) to who asks.
 *
 * Tokens cost one hash. A password costs 20 ms and 16 MiB, one at a time, so it is left to a thread
 * that may wait, and one that was right is remembered by a hash of its own as long as it is
 * granted. Who is wrong ten times from one address is told to wait: one more try every two seconds.
 * Any thread. */
#ifndef LEAT_HUB_LOGIN_H
#define LEAT_HUB_LOGIN_H

#include "base/arena.h"
#include "base/err.h"
#include "hub/access.h"

typedef struct leat_login leat_login;

/* data: whose grants count (hub/grants.h). */
leat_login *leat_login_new(const char *data);
void leat_login_free(leat_login *l);
/* Somebody can log in over the network: there is a token, or a password, or a certificate where
 * those are asked for. An error: the grants cannot be read. */
leat_rc leat_login_any(leat_login *l, bool certificates, bool *any, leat_err *e);

/* What a request brings; absent or NULL: not there. */
typedef struct leat_login_try {
    const char *address;
    leat_str authorization;  /* the header */
    const char *certificate; /* common name of a certificate that was verified */
    int64_t uid;             /* of the socket's peer; -1: none */
} leat_login_try;

typedef enum leat_login_result {
    LEAT_LOGIN_IN,
    LEAT_LOGIN_NOTHING, /* nothing was brought */
    LEAT_LOGIN_WRONG,   /* what was brought is not granted, or no more */
    LEAT_LOGIN_SLOW,    /* a password, and this thread cannot wait: ask again with slow */
    LEAT_LOGIN_WAIT,    /* too many were wrong from this address */
    LEAT_LOGIN_BROKEN,  /* the grants cannot be read: logged */
} leat_login_result;

/* who's texts are in a, but its address, which is the try's. */
leat_login_result leat_login_check(leat_login *l, const leat_login_try *t, bool slow, leat_arena *a,
                                   leat_who *who);

/* login_header.c, pure. "Bearer TEXT": the text. */
bool leat_login_bearer(leat_str header, leat_str *token);
/* "Basic BASE64" of name:password; both in a. */
bool leat_login_basic(leat_str header, leat_arena *a, leat_str *name, leat_str *password);

#endif
