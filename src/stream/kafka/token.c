/* What a token endpoint answers (stream/kafka/oauth.h): RFC 6749, 5.1 and 5.2.
 *
 * {"access_token", "expires_in"}, or {"error", "error_description"}. The token is the broker's
 * affair; of a JWT (three parts with dots between, the second one JSON in base64 of URLs) the
 * claims exp and sub are looked at, as Java's client does. Pure. */
#include <inttypes.h>

#include "base/buf.h"
#include "base/json.h"
#include "stream/kafka/oauth.h"

enum { LIFE_MS = 3600000, SHOWN_MOST = 200 }; /* of a token that does not say how long it is good */

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-' || c == '+') return 62;
    return c == '_' || c == '/' ? 63 : -1;
}

/* False: it is no base64. */
static bool decode(leat_str in, leat_buf *out)
{
    uint32_t bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < in.len && in.s[i] != '='; i++) {
        int d = digit(in.s[i]);
        if (d < 0) return false;
        bits = bits << 6 | (uint32_t)d;
        if (++n % 4 == 0) {
            leat_buf_u8(out, bits >> 16 & 0xff);
            leat_buf_u8(out, bits >> 8 & 0xff);
            leat_buf_u8(out, bits & 0xff);
            bits = 0;
        }
    }
    if (n % 4 == 1) return false;
    if (n % 4 == 2) leat_buf_u8(out, bits >> 4 & 0xff);
    if (n % 4 == 3) {
        leat_buf_u8(out, bits >> 10 & 0xff);
        leat_buf_u8(out, bits >> 2 & 0xff);
    }
    return true;
}

/* The claims of a JWT; NULL: it is none. */
static const leat_json *claims_of(leat_str token, leat_arena *a)
{
    leat_buf text = {0};
    const leat_json *j = NULL;
    leat_str rest = token;
    leat_str_cut(&rest, '.');
    leat_str middle = leat_str_cut(&rest, '.');
    bool good = middle.len > 0 && decode(middle, &text);
    if (!good || leat_json_parse(a, leat_arena_str(a, leat_buf_str(&text)), &j, NULL) != LEAT_OK)
        j = NULL;
    leat_buf_free(&text);
    return j && j->type == LEAT_JSON_OBJECT ? j : NULL;
}

static leat_rc refuse(const leat_kafka_oauth *o, long status, leat_str answer, const leat_json *j,
                      leat_err *e)
{
    leat_str error = leat_json_get_str(j, "error"), why = leat_json_get_str(j, "error_description");
    bool client = leat_str_is(error, "invalid_client") || leat_str_is(error, "unauthorized_client");
    const char *advice = client || status == 401
                             ? "look at clientId and clientSecret in sasl.jaas.config"
                         : leat_str_is(error, "invalid_scope") ? "look at scope in sasl.jaas.config"
                         : status == 404 ? "look at sasl.oauthbearer.token.endpoint.url"
                                         : "look at sasl.oauthbearer.token.endpoint.url and the "
                                           "endpoint's log";
    if (error.s)
        return leat_fail(e, LEAT_RETRY, "kafka.token", o->url,
                         "the token endpoint refuses (HTTP %ld): %.*s%s%.*s; %s", status,
                         LEAT_STR_ARG(error), why.s ? ": " : "", LEAT_STR_ARG(why), advice);
    if (answer.len > SHOWN_MOST) answer.len = leat_str_fit(answer, SHOWN_MOST);
    return leat_fail(e, LEAT_RETRY, "kafka.token", o->url,
                     "the token endpoint gives no token (HTTP %ld)%s%.*s; %s", status,
                     status >= 300 && answer.len ? ": " : "", status >= 300 ? (int)answer.len : 0,
                     answer.s ? answer.s : "", advice);
}

leat_rc leat_kafka_token_read(const leat_kafka_oauth *o, long status, leat_str answer,
                              int64_t now_ms, leat_arena *a, leat_kafka_token *out, leat_err *e)
{
    const leat_json *j = NULL;
    if (leat_json_parse(a, answer, &j, NULL) != LEAT_OK || j->type != LEAT_JSON_OBJECT) j = NULL;
    leat_str token = leat_json_get_str(j, "access_token");
    if (status != 200 || token.len == 0) return refuse(o, status, answer, j, e);
    const leat_json *claims = claims_of(token, a);
    leat_str sub = leat_json_get_str(claims, "sub");
    int64_t lives_s = leat_json_get_i64(j, "expires_in", 0);
    int64_t until_s = leat_json_get_i64(claims, "exp", 0);
    if (until_s <= 0 || until_s > INT64_MAX / 1000) until_s = 0;
    *out = (leat_kafka_token){
        .value = leat_arena_str(a, token).s,
        .principal = sub.len > 0 ? leat_arena_str(a, sub).s : o->id,
        .until_ms = until_s > 0                          ? until_s * 1000
                    : lives_s > 0 && lives_s < INT32_MAX ? now_ms + lives_s * 1000
                                                         : now_ms + LIFE_MS,
    };
    if (out->until_ms > now_ms) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "kafka.token", o->url,
                     "the token that the endpoint gave is over since %" PRId64
                     " s: compare the clocks of this machine and of the endpoint",
                     (now_ms - out->until_ms) / 1000);
}
