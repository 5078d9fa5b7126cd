/* Routes, escapes, hosts and origins: what decides who is answered, by what. */
#include "test.h"

#include "hub/http.h"

static void nothing(void *arg, leat_http_call *c)
{
    (void)arg;
    (void)c;
}

static const leat_http_route routes[] = {
    {"GET", "/", nothing, false, LEAT_ROLE_VIEWER, false},
    {"GET", "/connectors", nothing, false, LEAT_ROLE_VIEWER, false},
    {"POST", "/connectors", nothing, true, LEAT_ROLE_VIEWER, false},
    {"GET", "/connectors/*", nothing, false, LEAT_ROLE_VIEWER, false},
    {"POST", "/connectors/*/tasks/*/restart", nothing, false, LEAT_ROLE_VIEWER, false},
    {"GET", "/ui", nothing, false, LEAT_ROLE_VIEWER, false},
    {"GET", "/ui/**", nothing, false, LEAT_ROLE_VIEWER, false},
    {NULL, NULL, NULL, false, LEAT_ROLE_DEFAULT, false},
};

static leat_http_call call;

static leat_http_match look(const char *method, const char *path, const leat_http_route **route)
{
    leat_arena_free(&call.a);
    call = (leat_http_call){.method = leat_str_of(method)};
    *route = NULL;
    return leat_http_route_find(routes, leat_str_of(path), &call, route);
}

static void test_find(void **state)
{
    const leat_http_route *r;
    (void)state;
    assert_int_equal(look("GET", "/", &r), LEAT_HTTP_FOUND);
    assert_ptr_equal(r, &routes[0]);
    assert_int_equal(look("POST", "/connectors/", &r), LEAT_HTTP_FOUND);
    assert_ptr_equal(r, &routes[2]);
    assert_int_equal(look("HEAD", "/connectors", &r), LEAT_HTTP_FOUND);
    assert_ptr_equal(r, &routes[1]);
    assert_int_equal(look("POST", "/connectors/a%20b/tasks/7/restart", &r), LEAT_HTTP_FOUND);
    assert_true(leat_str_is(call.param[0], "a b"));
    assert_true(leat_str_is(call.param[1], "7"));
    assert_int_equal(look("GET", "/connectors/%C3%A4", &r), LEAT_HTTP_FOUND);
    assert_true(leat_str_is(call.param[0], "\xC3\xA4"));
    assert_int_equal(look("GET", "/connectors/%2e%2e", &r), LEAT_HTTP_FOUND);
    assert_int_equal(look("DELETE", "/connectors", &r), LEAT_HTTP_NO_METHOD);
    assert_int_equal(look("GET", "/nope", &r), LEAT_HTTP_NO_PATH);
    assert_int_equal(look("GET", "/1/2/3/4/5/6/7/8/9/10", &r), LEAT_HTTP_NO_PATH);
    leat_arena_free(&call.a);
}

static void test_rest_of_a_path(void **state)
{
    static const char *const below[] = {"/ui/a", "/ui/c/x/status", "/ui/1/2/3/4/5/6/7/8/9/10"};
    const leat_http_route *r;
    (void)state;
    assert_int_equal(look("GET", "/ui/", &r), LEAT_HTTP_FOUND);
    assert_ptr_equal(r, &routes[5]);
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        assert_int_equal(look("GET", below[i], &r), LEAT_HTTP_FOUND);
        assert_ptr_equal(r, &routes[6]);
    }
    assert_int_equal(look("POST", "/ui/a", &r), LEAT_HTTP_NO_METHOD);
    assert_int_equal(look("GET", "/uia", &r), LEAT_HTTP_NO_PATH);
    assert_int_equal(look("GET", "/ui/%2f", &r), LEAT_HTTP_BAD_PATH);
    leat_arena_free(&call.a);
}

/* origin NULL: it is refused. */
static void check_url(const char *url, const char *origin, const char *prefix)
{
    leat_arena a = {0};
    leat_err err = {0};
    leat_http_conf conf = {0};
    leat_rc rc = leat_http_url(url, &a, &conf, &err);
    if (origin) {
        assert_int_equal(rc, LEAT_OK);
        assert_string_equal(conf.origin, origin);
        assert_string_equal(conf.prefix, prefix);
    } else {
        assert_int_equal(rc, LEAT_CONF);
        assert_string_equal(err.code, "config.url");
    }
    leat_arena_free(&a);
}

static void test_urls(void **state)
{
    static const char *const bad[] = {"",
                                      "example.org",
                                      "ftp://example.org",
                                      "https://",
                                      "https:///leat",
                                      "https://example.org//evil.example",
                                      "https://example.org/\"><script>",
                                      "https://a b",
                                      "https://example.org/?x=1"};
    (void)state;
    check_url("https://example.org", "https://example.org", "");
    check_url("http://10.0.0.1:8080/", "http://10.0.0.1:8080", "");
    check_url("https://example.org/tools/leat/", "https://example.org", "/tools/leat");
    check_url("https://[::1]:443/x", "https://[::1]:443", "/x");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) check_url(bad[i], NULL, NULL);
}

static void test_bad_paths(void **state)
{
    static const char *const paths[] = {"",        "x",      "/connectors/%", "/connectors/%4",
                                        "/%zz",    "/a%2Fb", "/a%00b",        "/connectors/%ff",
                                        "/%c3/%a4"};
    const leat_http_route *r;
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(look("GET", paths[i], &r), LEAT_HTTP_BAD_PATH);
    leat_arena_free(&call.a);
}

static void test_allow(void **state)
{
    leat_arena a = {0};
    (void)state;
    assert_string_equal(leat_http_route_allow(routes, LEAT_STR("/connectors"), &a),
                        "POST,HEAD,GET,OPTIONS");
    assert_string_equal(leat_http_route_allow(routes, LEAT_STR("/nope"), &a), "OPTIONS");
    leat_arena_free(&a);
}

static void test_hosts(void **state)
{
    static const char *const known[] = {"localhost",      "LOCALHOST:8083", "127.0.0.1",
                                        "127.0.0.1:8083", "127.9.8.7:1",    "[::1]:8083",
                                        "[::1]"};
    static const char *const others[] = {"",
                                         "example.org",
                                         "localhost.example.org",
                                         "127.0.0.1.example.org",
                                         "127.0.0.256",
                                         "127.0.0.1x",
                                         "128.0.0.1",
                                         "[::1]x",
                                         "[::2]",
                                         "[::1",
                                         "0.0.0.0"};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(leat_http_host_known(leat_str_of(known[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(leat_http_host_known(leat_str_of(others[i])));
    assert_false(leat_http_host_known((leat_str){0}));
}

static void test_origins(void **state)
{
    leat_str host = LEAT_STR("127.0.0.1:8083");
    (void)state;
    assert_true(leat_http_origin_own((leat_str){0}, false, host));
    assert_true(leat_http_origin_own(LEAT_STR("http://127.0.0.1:8083"), false, host));
    assert_false(leat_http_origin_own(LEAT_STR(""), false, host));
    assert_false(leat_http_origin_own(LEAT_STR("null"), false, host));
    assert_false(leat_http_origin_own(LEAT_STR("http://127.0.0.1:80"), false, host));
    assert_false(leat_http_origin_own(LEAT_STR("https://127.0.0.1:8083"), false, host));
    assert_false(leat_http_origin_own(LEAT_STR("http://127.0.0.1:8083.evil.example"), false, host));
}

int main(void)
{
    static const struct CMUnitTest all[] = {
        cmocka_unit_test(test_find),    cmocka_unit_test(test_bad_paths),
        cmocka_unit_test(test_allow),   cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_origins), cmocka_unit_test(test_rest_of_a_path),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
