/* Kafka Connect's REST API by libcurl (prove/takeover/rest.h).
 *
 * A request has a bound of its own; what Kafka Connect answers to an error, {"error_code",
 * "message"}, becomes the error's message. */
#include "prove/takeover/rest.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/clock.h"

enum {
    CONNECT_MS = 10000,
    REQUEST_MS = 90000,      /* Kafka Connect gives its own requests 90 s */
    REBALANCE_US = 60000000, /* how long 409 is taken for a rebalance */
    PAUSE_US = 250000,
    ANSWER_MOST = 16 << 20,
};

struct leat_rest {
    CURL *curl;
    char *url;             /* without a slash at its end */
    char *shown;           /* without user and password */
    leat_rest_login login; /* its texts in a */
    leat_arena a;
};

/* scheme://user:password@host -> scheme://host */
static char *without_user(const char *url)
{
    const char *host = strstr(url, "://");
    char *out = leat_strdup(url);
    if (!host) return out;
    host += 3;
    size_t len = strcspn(host, "/?#");
    const char *at = NULL;
    for (size_t i = 0; i < len; i++)
        if (host[i] == '@') at = host + i;
    if (at) memmove(out + (host - url), at + 1, strlen(at + 1) + 1);
    return out;
}

static const char *kept(leat_arena *a, const char *text)
{
    return text ? leat_arena_strdup(a, text) : NULL;
}

leat_rc leat_rest_open(const char *url, const leat_rest_login *login, leat_rest **out, leat_err *e)
{
    leat_str text = leat_str_of(url);
    if (!leat_str_starts(text, "http://") && !leat_str_starts(text, "https://"))
        return leat_fail(e, LEAT_CONF, "connect.url", "--connect",
                         "expected the URL of Kafka Connect's REST, such as http://host:8083");
    leat_rest *r = leat_zalloc(1, sizeof *r);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    r->curl = curl_easy_init();
    r->url = leat_strdup(url);
    for (size_t n = strlen(r->url); n > 0 && r->url[n - 1] == '/'; n--) r->url[n - 1] = 0;
    r->shown = without_user(r->url);
    if (login)
        r->login = (leat_rest_login){.ca = kept(&r->a, login->ca),
                                     .cert = kept(&r->a, login->cert),
                                     .key = kept(&r->a, login->key),
                                     .user = kept(&r->a, login->user),
                                     .password = kept(&r->a, login->password),
                                     .token = kept(&r->a, login->token)};
    *out = r;
    return LEAT_OK;
}

void leat_rest_close(leat_rest *r)
{
    if (!r) return;
    curl_easy_cleanup(r->curl);
    curl_global_cleanup();
    leat_free(r->url);
    leat_free(r->shown);
    leat_arena_free(&r->a);
    leat_free(r);
}

const char *leat_rest_url(const leat_rest *r)
{
    return r->shown;
}

static size_t take(char *p, size_t size, size_t n, void *arg)
{
    leat_buf *out = arg;
    if (out->len + size * n > ANSWER_MOST) return 0;
    leat_buf_put(out, p, size * n);
    return size * n;
}

static char *url_of(const leat_rest *r, const char *path, const char *name, leat_arena *a)
{
    const char *star = name ? strstr(path, "%s") : NULL;
    if (!star) return leat_arena_printf(a, "%s%s", r->url, path);
    char *quoted = curl_easy_escape(r->curl, name, 0);
    char *out = leat_arena_printf(a, "%s%.*s%s%s", r->url, (int)(star - path), path,
                                  quoted ? quoted : "", star + 2);
    curl_free(quoted);
    return out;
}

/* A redirect is not followed, so nothing of this goes elsewhere. */
static void log_in(CURL *c, const leat_rest_login *login)
{
    if (login->ca) curl_easy_setopt(c, CURLOPT_CAINFO, login->ca);
    if (login->cert) curl_easy_setopt(c, CURLOPT_SSLCERT, login->cert);
    if (login->key) curl_easy_setopt(c, CURLOPT_SSLKEY, login->key);
    if (login->token) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, login->token);
    } else if (login->user) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERNAME, login->user);
        curl_easy_setopt(c, CURLOPT_PASSWORD, login->password ? login->password : "");
    }
}

/* What is wrong between the two is no matter of waiting. */
static leat_rc no_tls(const leat_rest *r, CURLcode code, const char *why, leat_err *e)
{
    bool authority = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
    return leat_fail(e, LEAT_CONF, "connect.tls", r->shown,
                     "TLS to Kafka Connect could not be agreed on: %s; %s", why,
                     authority
                         ? "--ca FILE names the authority that signed its certificate, and "
                           "the URL has to have the name that stands in it"
                         : "--cert and --key name a certificate of your own, if it wants one");
}

/* One request; *status 0 and an error when there was no answer. */
static leat_rc perform(leat_rest *r, const char *method, const char *url, leat_str body,
                       long *status, leat_buf *answer, leat_err *e)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    if (body.s) headers = curl_slist_append(headers, "Content-Type: application/json");
    char why[CURL_ERROR_SIZE] = "";
    CURL *c = r->curl;
    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, answer);
    log_in(c, &r->login);
    if (body.s) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.s);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    }
    CURLcode code = curl_easy_perform(c);
    *status = 0;
    if (code == CURLE_OK) curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
    curl_slist_free_all(headers);
    if (code == CURLE_OK) return LEAT_OK;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
        code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CONNECT_ERROR)
        return no_tls(r, code, *why ? why : curl_easy_strerror(code), e);
    return leat_fail(e, LEAT_RETRY, "connect.unreachable", r->shown,
                     "Kafka Connect does not answer: %s; look whether it runs, and whether this is "
                     "its REST address (listeners of its worker)",
                     *why ? why : curl_easy_strerror(code));
}

/* What an answer that is no success says, in a. */
static const char *message_of(const leat_json *answer, const leat_buf *text, leat_arena *a)
{
    enum { SHOWN = 300 };
    leat_str said = leat_json_get_str(answer, "message");
    if (!said.s) said = leat_buf_str(text);
    said.len = leat_str_fit(said, SHOWN);
    return leat_arena_str(a, said.len ? said : LEAT_STR("nothing more")).s;
}

static leat_rc judge(const leat_rest *r, const char *method, const char *path, const char *name,
                     long status, const leat_json *answer, const leat_buf *text, leat_arena *a,
                     leat_err *e)
{
    const char *said = message_of(answer, text, a), *star = strstr(path, "%s");
    if (star)
        path =
            leat_arena_printf(a, "%.*s%s%s", (int)(star - path), path, name ? name : "", star + 2);
    if (status == 409)
        return leat_fail(e, LEAT_RETRY, "connect.busy", r->shown,
                         "Kafka Connect's workers do not come to rest: %s; try again later", said);
    if (status == 401 || status == 403)
        return leat_fail(e, LEAT_CONF, "connect.login", r->shown,
                         "Kafka Connect answered %ld to %s %s: %s; %s", status, method, path, said,
                         status == 401 ? "--user NAME or --token-file FILE log in"
                                       : "this login may not do that");
    if (status == 404)
        return leat_fail(e, LEAT_CONF, "connect.unknown", name ? name : r->shown,
                         "Kafka Connect answered 404 to %s %s: %s", method, path, said);
    return leat_fail(e, status >= 500 ? LEAT_RETRY : LEAT_CONF, "connect.refused",
                     name ? name : r->shown, "Kafka Connect answered %ld to %s %s: %s", status,
                     method, path, said);
}

leat_rc leat_rest_ask(leat_rest *r, const char *method, const char *path, leat_str body,
                      leat_arena *a, int *status, leat_str *answer, leat_err *e)
{
    leat_buf text = {0};
    long code = 0;
    leat_rc rc =
        perform(r, method, leat_arena_printf(a, "%s%s", r->url, path), body, &code, &text, e);
    *status = (int)code;
    *answer = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return rc;
}

leat_rc leat_rest_call(leat_rest *r, const char *method, const char *path, const char *name,
                       leat_str body, leat_arena *a, const leat_json **reply, leat_err *e)
{
    leat_buf text = {0};
    const leat_json *answer = NULL;
    long status = 0;
    char *url = url_of(r, path, name, a);
    int64_t until = leat_mono_us() + REBALANCE_US;
    leat_rc rc;
    for (;;) {
        leat_buf_clear(&text);
        rc = perform(r, method, url, body, &status, &text, e);
        if (rc != LEAT_OK || status != 409 || leat_mono_us() >= until) break;
        leat_sleep_us(PAUSE_US);
    }
    bool good = rc == LEAT_OK && status >= 200 && status < 300;
    bool json =
        rc == LEAT_OK && text.len > 0 &&
        leat_json_parse(a, leat_arena_str(a, leat_buf_str(&text)), &answer, NULL) == LEAT_OK;
    if (!json) answer = NULL;
    if (good && text.len > 0 && !json)
        rc = leat_fail(e, LEAT_CONF, "connect.answer", r->shown,
                       "what answers there is no Kafka Connect: no JSON to %s %s", method, path);
    else if (rc == LEAT_OK && !good)
        rc = judge(r, method, path, name, status, answer, &text, a, e);
    leat_buf_free(&text);
    if (reply) *reply = rc == LEAT_OK ? answer : NULL;
    return rc;
}

leat_rc leat_rest_config(leat_rest *r, const char *name, const leat_open *open, leat_arena *a,
                         leat_config **out, leat_err *e)
{
    const leat_json *j;
    leat_buf text = {0};
    LEAT_TRY(leat_rest_call(r, "GET", "/connectors/%s/config", name, (leat_str){0}, a, &j, e));
    leat_json_write(j, &text);
    leat_rc rc = leat_config_json(a, leat_arena_str(a, leat_buf_str(&text)), name, out, e);
    leat_buf_free(&text);
    if (rc == LEAT_OK) leat_open_finish(a, open, *out);
    return rc;
}
