/* What a token endpoint answers, and the trouble that a counters page tells. */
#include "../test.h"

#include <stdio.h>

#include "base/buf.h"
#include "stream/kafka/oauth.h"
#include "stream/page.h"

enum { NOW_S = 1700000000 };
static const leat_kafka_oauth SOURCE = {"http://tokens", "me", "geheim", NULL};

typedef struct read_out {
    leat_arena a;
    leat_kafka_token token;
    leat_err e;
    leat_rc rc;
} read_out;

static read_out read_answer(long status, const char *answer)
{
    read_out r = {0};
    r.rc = leat_kafka_token_read(&SOURCE, status, leat_str_of(answer), NOW_S * INT64_C(1000), &r.a,
                                 &r.token, &r.e);
    return r;
}

/* head.CLAIMS.signature */
static const char *jwt(leat_arena *a, const char *claims)
{
    leat_buf text = {0};
    leat_buf_str_z(&text, "e30.");
    leat_buf_base64(&text, leat_str_of(claims), true);
    while (text.len > 0 && text.p[text.len - 1] == '=') text.len--;
    leat_buf_str_z(&text, ".sig");
    const char *out = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return out;
}

static void test_claims(void **state)
{
    static const struct {
        const char *claims, *principal;
        int64_t until_s;
    } all[] = {
        {"{\"sub\":\"alice\",\"exp\":1700000100}", "alice", 1700000100},
        {"{\"sub\":\"al\",\"exp\":1700000100.5}", "al", NOW_S + 60}, /* no whole number */
        {"{\"sub\":\"ali\"}", "ali", NOW_S + 60},
        {"{\"exp\":1700000100}", "me", 1700000100},
        {"[1]", "me", NOW_S + 60},
        {"{\"sub\":\"\"}", "me", NOW_S + 60},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        leat_arena a = {0};
        read_out r = read_answer(200, leat_arena_printf(&a,
                                                        "{\"access_token\":\"%s\",\"token_type\":"
                                                        "\"Bearer\",\"expires_in\":60}",
                                                        jwt(&a, all[i].claims)));
        assert_int_equal(r.rc, LEAT_OK);
        assert_string_equal(r.token.principal, all[i].principal);
        assert_string_equal(r.token.value, jwt(&a, all[i].claims));
        assert_int_equal(r.token.until_ms, all[i].until_s * 1000);
        leat_arena_free(&r.a);
        leat_arena_free(&a);
    }
}

static void test_no_jwt(void **state)
{
    static const char *const tokens[] = {"opaque", "a.b.c", "..", "a.%.b", "e30.e30", "e30.A.x"};
    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        leat_arena a = {0};
        read_out r =
            read_answer(200, leat_arena_printf(&a, "{\"access_token\":\"%s\"}", tokens[i]));
        assert_int_equal(r.rc, LEAT_OK);
        assert_string_equal(r.token.principal, "me");
        assert_int_equal(r.token.until_ms, (NOW_S + 3600) * INT64_C(1000));
        leat_arena_free(&r.a);
        leat_arena_free(&a);
    }
}

static void test_refused(void **state)
{
    static const struct {
        long status;
        const char *answer, *says;
    } all[] = {
        {401, "{\"error\":\"invalid_client\",\"error_description\":\"who?\"}",
         "invalid_client: who?"},
        {401, "", "clientSecret"},
        {400, "{\"error\":\"invalid_scope\"}", "look at scope"},
        {404, "<html>nothing</html>", "token.endpoint.url"},
        {200, "{}", "no token"},
        {200, "", "no token"},
        {200, "{\"access_token\":\"\"}", "no token"},
        {500, "{\"access_token\":\"x\"}", "HTTP 500"},
        {200, "{\"access_token\":\"e30.eyJleHAiOjE2MDAwMDAwMDB9.x\"}", "clocks"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        read_out r = read_answer(all[i].status, all[i].answer);
        assert_int_equal(r.rc, LEAT_RETRY);
        assert_string_equal(r.e.code, "kafka.token");
        if (!strstr(r.e.msg, all[i].says)) fail_msg("%zu: %s", i, r.e.msg);
        assert_null(strstr(r.e.msg, "geheim"));
        leat_arena_free(&r.a);
    }
}

static void test_trouble(void **state)
{
    leat_page *p = leat_zalloc(1, LEAT_PAGE_SIZE);
    leat_page_trouble t = {.since_us = 5, .again_us = 7}, got;
    char long_text[700];
    (void)state;
    leat_page_begin(p);
    assert_false(leat_page_get_trouble(p, &got));
    leat_fail(&t.why, LEAT_RETRY, "kafka.down", "kafka", "nobody answers");
    leat_page_set_trouble(p, &t);
    assert_true(leat_page_get_trouble(p, &got));
    assert_string_equal(got.why.code, "kafka.down");
    assert_string_equal(got.why.msg, "nobody answers");
    assert_int_equal(got.since_us, 5);
    assert_int_equal(got.again_us, 7);
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    leat_fail(&t.why, LEAT_RETRY, "kafka.down", "kafka", "%s", long_text);
    leat_page_set_trouble(p, &t);
    assert_true(leat_page_get_trouble(p, &got));
    assert_string_equal(got.why.code, "kafka.down");
    assert_in_range(strlen(got.why.msg), 500, 639);
    leat_page_set_trouble(p, NULL);
    assert_false(leat_page_get_trouble(p, &got));
    leat_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_no_jwt),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
