/* Who asks: headers as strangers send them, tokens, passwords, wrong ones, and the file of grants.
 */
#include "test.h"

#include "base/clock.h"
#include "hub/grants.h"
#include "hub/login.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static leat_arena a;
static char folder[64];

static int set_up(void **state)
{
    (void)state;
    leat_arena_init(&a, 0);
    snprintf(folder, sizeof folder, "/tmp/leat-test-login-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(leat_arena_printf(&a, "%s/access", folder));
    unlink(leat_arena_printf(&a, "%s/access.lock", folder));
    rmdir(folder);
    leat_arena_free(&a);
    return 0;
}

static leat_rc put(leat_grant_kind kind, const char *name, const char *hash, int64_t until,
                   leat_err *e)
{
    leat_grant g = {kind, name, LEAT_ROLE_OPERATOR, hash, leat_now_us(), until, NULL};
    return leat_grants_put(folder, &g, false, e);
}

static leat_login_result try(leat_login *l, const char *header, bool slow, leat_who *who)
{
    leat_login_try t = {.address = "192.0.2.7", .authorization = leat_str_of(header), .uid = -1};
    *who = (leat_who){.name = "nobody", .address = "192.0.2.7"};
    return leat_login_check(l, &t, slow, &a, who);
}

static void headers(void **state)
{
    static const char *const bad[] = {"",           "Basic",       "Basic ",
                                      "Basic !!!!", "Basicx",      "Basic bm9jb2xvbg==",
                                      "Bearer x",   "Basic YTpi=", "Digest username=\"x\""};
    leat_str name, password, token;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(leat_login_basic(leat_str_of(bad[i]), &a, &name, &password));
    assert_true(leat_login_basic(LEAT_STR("bAsIc  YTpiOmM="), &a, &name, &password));
    assert_true(leat_str_is(name, "a") && leat_str_is(password, "b:c"));
    assert_true(leat_login_basic(LEAT_STR("Basic Og=="), &a, &name, &password));
    assert_true(name.len == 0 && password.len == 0);
    assert_true(leat_login_bearer(LEAT_STR("bearer  leat_x "), &token));
    assert_true(leat_str_is(token, "leat_x"));
    assert_false(leat_login_bearer(LEAT_STR("Bearer "), &token));
    assert_false(leat_login_bearer((leat_str){0}, &token));
}

static void tokens(void **state)
{
    char text[LEAT_TOKEN_TEXT + 1], hash[LEAT_TOKEN_HASH];
    leat_err err = {0};
    leat_who who;
    leat_login *l = leat_login_new(folder);
    (void)state;
    assert_int_equal(leat_token_make(text, hash, &err), LEAT_OK);
    char *header = leat_arena_printf(&a, "Bearer %s", text);
    assert_int_equal(try(l, header, false, &who), LEAT_LOGIN_WRONG);
    assert_int_equal(put(LEAT_GRANT_TOKEN, "ci", hash, 0, &err), LEAT_OK);
    assert_int_equal(put(LEAT_GRANT_TOKEN, "ci", hash, 0, &err), LEAT_CONF);
    assert_string_equal(err.code, "access.taken");
    assert_int_equal(try(l, header, false, &who), LEAT_LOGIN_IN);
    assert_string_equal(who.name, "ci");
    assert_int_equal(who.role, LEAT_ROLE_OPERATOR);
    assert_int_equal(leat_grants_remove(folder, LEAT_GRANT_PASSWORD, "ci", &err), LEAT_CONF);
    assert_int_equal(leat_grants_remove(folder, LEAT_GRANT_TOKEN, "ci", &err), LEAT_OK);
    assert_int_equal(try(l, header, false, &who), LEAT_LOGIN_WRONG); /* at once */
    assert_string_equal(who.name, "nobody");
    assert_int_equal(put(LEAT_GRANT_TOKEN, "old", hash, leat_now_us() - 1, &err), LEAT_OK);
    assert_int_equal(try(l, header, false, &who), LEAT_LOGIN_WRONG);
    leat_login_free(l);
}

/* Time goes on when the test says so: hashing takes long on a busy machine. */
static int64_t now = INT64_C(1800000000000000);

static int64_t still_now(void)
{
    return now;
}

static void no_sleep(int64_t us)
{
    now += us;
}

static void passwords(void **state)
{
    static const leat_clock still = {still_now, still_now, no_sleep};
    char hash[LEAT_PASSWORD_HASH];
    leat_err err = {0};
    leat_who who;
    leat_login *l = leat_login_new(folder);
    static const char right[] = "Basic YW5uYTpodW50ZXIyMg==",
                      wrong[] = "Basic YW5uYTpodW50ZXIzMw==",
                      nobody[] = "Basic b3R0bzpodW50ZXIyMg==";
    (void)state;
    leat_clock_use(&still);
    assert_int_equal(leat_password_hash(LEAT_STR("hunter22"), hash, &err), LEAT_OK);
    assert_int_equal(put(LEAT_GRANT_PASSWORD, "a:b", hash, 0, &err), LEAT_CONF);
    assert_int_equal(put(LEAT_GRANT_PASSWORD, "anna", hash, 0, &err), LEAT_OK);
    assert_int_equal(try(l, right, false, &who), LEAT_LOGIN_SLOW);
    assert_int_equal(try(l, right, true, &who), LEAT_LOGIN_IN);
    assert_string_equal(who.how, "password");
    assert_int_equal(try(l, right, false, &who), LEAT_LOGIN_IN); /* remembered */
    for (int i = 0; i < 10; i++)
        assert_int_equal(try(l, i % 2 ? wrong : nobody, true, &who), LEAT_LOGIN_WRONG);
    assert_int_equal(try(l, wrong, true, &who), LEAT_LOGIN_WAIT);
    assert_int_equal(try(l, right, false, &who), LEAT_LOGIN_IN); /* is not locked out by others */
    now += 2000000;
    assert_int_equal(try(l, wrong, true, &who), LEAT_LOGIN_WRONG); /* one more try */
    assert_int_equal(try(l, wrong, true, &who), LEAT_LOGIN_WAIT);
    leat_clock_use(NULL);
    leat_login_free(l);
}

static void peers_and_certificates(void **state)
{
    leat_err err = {0};
    leat_who who = {0};
    leat_login *l = leat_login_new(folder);
    leat_login_try own = {.address = "unix", .uid = geteuid()},
                   other = {.address = "unix", .uid = 54321},
                   cert = {.address = "192.0.2.7", .certificate = "robot", .uid = -1};
    (void)state;
    assert_int_equal(leat_login_check(l, &own, false, &a, &who), LEAT_LOGIN_IN);
    assert_int_equal(who.role, LEAT_ROLE_ADMIN);
    assert_int_equal(leat_login_check(l, &other, false, &a, &who), LEAT_LOGIN_WRONG);
    assert_int_equal(put(LEAT_GRANT_PEER, "54321", "", 0, &err), LEAT_OK);
    assert_int_equal(leat_login_check(l, &other, false, &a, &who), LEAT_LOGIN_IN);
    assert_int_equal(who.role, LEAT_ROLE_OPERATOR);
    assert_int_equal(leat_login_check(l, &cert, false, &a, &who), LEAT_LOGIN_WRONG);
    assert_int_equal(put(LEAT_GRANT_CERTIFICATE, "robot", "", 0, &err), LEAT_OK);
    assert_int_equal(leat_login_check(l, &cert, false, &a, &who), LEAT_LOGIN_IN);
    leat_login_free(l);
}

static void who_can_log_in_at_all(void **state)
{
    leat_err err = {0};
    bool any;
    leat_login *l = leat_login_new(folder);
    (void)state;
    assert_int_equal(leat_login_any(l, true, &any, &err), LEAT_OK);
    assert_false(any);
    put(LEAT_GRANT_PEER, "x", "", 0, &err);
    put(LEAT_GRANT_CERTIFICATE, "robot", "", 0, &err);
    leat_login_any(l, false, &any, &err);
    assert_false(any);
    leat_login_any(l, true, &any, &err);
    assert_true(any);
    leat_login_free(l);
}

static void a_file_that_is_damaged(void **state)
{
    static const char *const lines[] = {
        "nonsense",
        "{}",
        "[]",
        "{\"kind\":\"token\",\"name\":\"x\",\"role\":\"god\",\"made_ms\":1}",
        "{\"kind\":\"token\",\"name\":\"\",\"role\":\"admin\",\"made_ms\":1}",
        "{\"kind\":\"token\",\"name\":\"x\",\"role\":\"admin\",\"made_ms\":9223372036854775807}"};
    leat_err err = {0};
    leat_who who;
    leat_grant *all;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        FILE *f = fopen(leat_arena_printf(&a, "%s/access", folder), "w");
        fprintf(f, "\n%s\n", lines[i]);
        fclose(f);
        assert_int_equal(leat_grants_read(folder, &a, &all, &err), LEAT_CONF);
        assert_non_null(strstr(err.msg, "line 2"));
        leat_login *l = leat_login_new(folder);
        assert_int_equal(try(l, "Bearer x", false, &who), LEAT_LOGIN_BROKEN);
        leat_login_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tokens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(passwords, set_up, tear_down),
        cmocka_unit_test_setup_teardown(peers_and_certificates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_can_log_in_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_damaged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
