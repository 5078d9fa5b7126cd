/* Fetching a token, by libcurl (stream/kafka/oauth.h). */
#include "stream/kafka/oauth.h"

#include <curl/curl.h>

#include "base/buf.h"
#include "base/clock.h"

enum { CONNECT_MS = 10000, REQUEST_MS = 20000, ANSWER_MOST = 1 << 20 };

bool leat_kafka_token_built(void)
{
    return true;
}

static size_t take(char *p, size_t size, size_t n, void *arg)
{
    leat_buf *out = arg;
    if (out->len + size * n > ANSWER_MOST) return 0;
    leat_buf_put(out, p, size * n);
    return size * n;
}

/* grant_type=client_credentials, and the scope. */
static void put_body(const leat_kafka_oauth *o, CURL *curl, leat_buf *out)
{
    leat_buf_str_z(out, "grant_type=client_credentials");
    if (!o->scope || !*o->scope) return;
    char *scope = curl_easy_escape(curl, o->scope, 0);
    leat_buf_printf(out, "&scope=%s", scope ? scope : "");
    curl_free(scope);
}

static leat_rc ask(const leat_kafka_oauth *o, CURL *curl, leat_buf *answer, long *status,
                   leat_err *e)
{
    char why[CURL_ERROR_SIZE] = "";
    leat_buf body = {0};
    put_body(o, curl, &body);
    leat_buf_u8(&body, 0);
    curl_easy_setopt(curl, CURLOPT_URL, o->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, o->id);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, o->secret);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    CURLcode code = curl_easy_perform(curl);
    leat_buf_free(&body);
    if (code != CURLE_OK)
        return leat_fail(e, LEAT_RETRY, "kafka.token", o->url,
                         "the token endpoint cannot be asked: %s; look at "
                         "sasl.oauthbearer.token.endpoint.url",
                         *why ? why : curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    return LEAT_OK;
}

leat_rc leat_kafka_token_fetch(const leat_kafka_oauth *o, leat_arena *a, leat_kafka_token *out,
                               leat_err *e)
{
    long status = 0;
    leat_buf answer = {0};
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return leat_fail(e, LEAT_RETRY, "kafka.token", o->url, "libcurl does not begin");
    leat_rc rc = ask(o, curl, &answer, &status, e);
    if (rc == LEAT_OK)
        rc = leat_kafka_token_read(o, status, leat_buf_str(&answer), leat_now_us() / 1000, a, out,
                                   e);
    curl_easy_cleanup(curl);
    leat_buf_free(&answer);
    return rc;
}
