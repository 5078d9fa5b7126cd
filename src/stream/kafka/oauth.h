/* Tokens for OAUTHBEARER: fetched from a token endpoint for a client's id and secret (OAuth 2,
 * client credentials), as org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallback-
 * Handler does it. */
#ifndef LEAT_STREAM_KAFKA_OAUTH_H
#define LEAT_STREAM_KAFKA_OAUTH_H

#include "base/arena.h"
#include "base/err.h"

typedef struct leat_kafka_oauth {
    const char *url, *id, *secret;
    const char *scope; /* NULL: none is asked for */
} leat_kafka_oauth;

typedef struct leat_kafka_token {
    const char *value;
    const char *principal; /* its claim sub, else the client's id */
    int64_t until_ms;      /* its end, in ms since 1970 */
} leat_kafka_token;

/* The answer of an endpoint, of HTTP status `status`; now_ms since 1970. Texts are in a. RETRY
 * "kafka.token": it has no token, or refuses; the secret is never repeated. Pure. */
leat_rc leat_kafka_token_read(const leat_kafka_oauth *o, long status, leat_str answer,
                              int64_t now_ms, leat_arena *a, leat_kafka_token *out, leat_err *e);

/* Asks the endpoint, for at most some seconds. RETRY "kafka.token". CONF "kafka.not_built" in a
 * build without libcurl. Any thread. */
leat_rc leat_kafka_token_fetch(const leat_kafka_oauth *o, leat_arena *a, leat_kafka_token *out,
                               leat_err *e);
/* Whether this build can. */
bool leat_kafka_token_built(void);

#endif
