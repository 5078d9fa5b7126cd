/* Who may ask the hub, and what: the file DATA/access, a line of JSON for each, mode 0600.
 *
 *   token        known by a random text that its user sends; only its hash is kept
 *   password     a user's; kept as an Argon2id hash
 *   certificate  the common name of a client's certificate
 *   peer         a user of this machine, at the Unix socket
 *
 * The hub reads it again when it changes; `leat token` and `leat user` change it under a lock,
 * whole and durable. Any thread. */
#ifndef LEAT_HUB_GRANTS_H
#define LEAT_HUB_GRANTS_H

#include "base/arena.h"
#include "base/err.h"
#include "hub/access.h"

#define LEAT_GRANTS_FILE "access"

typedef enum leat_grant_kind {
    LEAT_GRANT_TOKEN,
    LEAT_GRANT_PASSWORD,
    LEAT_GRANT_CERTIFICATE,
    LEAT_GRANT_PEER,
} leat_grant_kind;
const char *leat_grant_kind_name(leat_grant_kind kind); /* "token" ... */

typedef struct leat_grant {
    leat_grant_kind kind;
    const char *name; /* one of a kind */
    leat_role role;
    const char *hash; /* of token or password; else empty */
    int64_t made_us;
    int64_t until_us; /* it counts no more from then on; 0: for ever */
    struct leat_grant *next;
} leat_grant;

/* All, in the order of the file, in a; NULL when there is none. CONF "access.damaged" with the
 * line. */
leat_rc leat_grants_read(const char *data, leat_arena *a, leat_grant **out, leat_err *e);
/* Adds one, or replaces that of its kind and name when replace, else CONF "access.taken". CONF
 * "access.name" for what is no name: 1 to 128 bytes of UTF-8 without control characters; in a
 * password's no colon. */
leat_rc leat_grants_put(const char *data, const leat_grant *grant, bool replace, leat_err *e);
/* CONF "access.unknown" when there is none. */
leat_rc leat_grants_remove(const char *data, leat_grant_kind kind, const char *name, leat_err *e);
const leat_grant *leat_grants_find(const leat_grant *all, leat_grant_kind kind, leat_str name);

enum { LEAT_TOKEN_TEXT = 48, LEAT_TOKEN_HASH = 65, LEAT_PASSWORD_HASH = 128 };
/* A new token: what is sent ("leat_" and 43 letters, digits, - and _), and its hash in hex. */
leat_rc leat_token_make(char text[static LEAT_TOKEN_TEXT + 1], char hash[static LEAT_TOKEN_HASH],
                        leat_err *e);
void leat_token_hash(leat_str text, char hash[static LEAT_TOKEN_HASH]);
/* Takes some 20 ms and 16 MiB, as does checking one. */
leat_rc leat_password_hash(leat_str password, char hash[static LEAT_PASSWORD_HASH], leat_err *e);
bool leat_password_right(const char *hash, leat_str password);

#endif
