/* Sealed values: what opens them and what does not, where keys come from, and their change. */
#include "test.h"

#include "config/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static leat_arena a;
static char folder[64];

/* A data folder of its own for each test. */
static int set_up(void **state)
{
    (void)state;
    leat_arena_init(&a, 0);
    snprintf(folder, sizeof folder, "/tmp/leat-test-seal-XXXXXX");
    unsetenv("LEAT_KEY_FILE");
    if (!mkdtemp(folder)) return -1;
    leat_seal_folder(folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(leat_arena_printf(&a, "%s/secret.key", folder));
    rmdir(folder);
    leat_arena_free(&a);
    return 0;
}

static const char *seal(const char *connector, const char *option, const char *value)
{
    leat_buf out = {0};
    leat_err err = {0};
    if (leat_seal_value(connector, option, leat_str_of(value), &out, &err) != LEAT_OK)
        fail_msg("%s", err.msg);
    const char *text = leat_arena_str(&a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text;
}

/* The code of the error; NULL: opened, into *value. */
static const char *opened(const char *connector, const char *option, const char *sealed,
                          const char **value)
{
    leat_buf out = {0};
    static leat_err err;
    leat_rc rc = leat_seal_open(connector, option, sealed, &out, &err);
    *value = leat_arena_str(&a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return rc == LEAT_OK ? NULL : err.code;
}

static void round_trip(void **state)
{
    static const char *const values[] = {"", "x", "hunter2", "a value of thirty-two characters",
                                         "ä"};
    const char *back;
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *text = seal("shop", "database.password", values[i]);
        assert_true(leat_seal_is(text));
        assert_string_equal(text, seal("shop", "database.password", values[i]));
        assert_null(opened("shop", "database.password", text, &back));
        assert_string_equal(back, values[i]);
    }
    assert_int_equal(strlen(seal("c", "o", "x")), strlen(seal("c", "o", "hunter2hunter2")));
}

static void bound_to_connector_and_option(void **state)
{
    const char *text = seal("shop", "database.password", "hunter2"), *back;
    (void)state;
    assert_string_not_equal(text, seal("shop2", "database.password", "hunter2"));
    assert_string_equal(opened("shop2", "database.password", text, &back), "seal.damaged");
    assert_string_equal(opened("shop", "topic.prefix", text, &back), "seal.damaged");
    assert_string_equal(back, "");
}

static void damage(void **state)
{
    const char *text = seal("shop", "password", "hunter2"), *back;
    (void)state;
    for (size_t i = strlen("${sealed:12345678:"); text[i + 1]; i++) {
        char *other = leat_arena_strdup(&a, text);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        assert_string_equal(opened("shop", "password", other, &back), "seal.damaged");
    }
    const char *other_key = "${sealed:12345678:}";
    assert_string_equal(opened("shop", "password", other_key, &back), "seal.key_missing");
    assert_string_equal(opened("shop", "password", "${sealed:}", &back), "seal.damaged");
    assert_false(leat_seal_is("${sealed:12345678:x}y}"));
    assert_false(leat_seal_is("${sealed:1234567:xx}"));
}

static void keys_that_are_missing(void **state)
{
    const char *text = seal("shop", "password", "hunter2"), *back;
    char *path = leat_arena_printf(&a, "%s/secret.key", folder),
         *away = leat_arena_printf(&a, "%s.away", path);
    struct stat st;
    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    rename(path, away);
    leat_seal_folder("/nonexistent");
    leat_seal_folder(folder); /* as in another process */
    assert_string_equal(opened("shop", "password", text, &back), "seal.key_missing");
    assert_int_not_equal(stat(path, &st), 0); /* opening makes no key */
    rename(away, path);
    assert_null(opened("shop", "password", text, &back));
    assert_string_equal(back, "hunter2");
}

static void keys_that_are_none(void **state)
{
    static const char *const texts[] = {"hunter2", "00",
                                        "zz00000000000000000000000000000000000000"
                                        "0000000000000000000000000"};
    char *path = leat_arena_printf(&a, "%s/secret.key", folder);
    leat_buf out = {0};
    leat_err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        FILE *f = fopen(path, "w");
        fprintf(f, "# a comment, with a comma\n%s\n", texts[i]);
        fclose(f);
        assert_int_equal(leat_seal_value("c", "o", LEAT_STR("x"), &out, &err), LEAT_CONF);
        assert_string_equal(err.code, "seal.key");
        assert_null(strstr(err.msg, texts[i]));
    }
    leat_buf_free(&out);
}

static void rotation(void **state)
{
    const char *old = seal("shop", "password", "hunter2"), *back, *where;
    const leat_seal_key *keys;
    size_t n;
    leat_err err = {0};
    (void)state;
    assert_int_equal(leat_seal_add(&err), LEAT_OK);
    const char *anew = seal("shop", "password", "hunter2");
    assert_string_not_equal(old, anew);
    assert_null(opened("shop", "password", old, &back));
    assert_int_equal(leat_seal_keys(&a, &keys, &n, &where, &err), LEAT_OK);
    assert_int_equal(n, 2);
    assert_true(keys[0].seals && !keys[1].seals);
    assert_int_equal(leat_seal_drop(&err), LEAT_OK);
    assert_null(opened("shop", "password", anew, &back));
    assert_string_equal(opened("shop", "password", old, &back), "seal.key_missing");
}

static const leat_config *config_of(const char *json)
{
    leat_config *c;
    leat_err err = {0};
    if (leat_config_json(&a, leat_str_of(json), "shop", &c, &err) != LEAT_OK)
        fail_msg("%s", err.msg);
    return c;
}

static void configurations(void **state)
{
    const leat_config *c =
        config_of("{\"name\":\"shop\",\"config\":{\"database.password\":\"hunter2\",\"host\":\"h\","
                  "\"url\":\"http://u:hunter2@h/\",\"api.token\":\"${env:X}\",\"x.secret\":\"\"}}");
    leat_buf kept = {0}, again = {0};
    leat_err err = {0};
    (void)state;
    assert_true(leat_config_bare(c, NULL));
    assert_int_equal(leat_config_keep(c, NULL, false, &kept, &err), LEAT_OK);
    leat_buf_u8(&kept, 0);
    assert_null(strstr(kept.p, "hunter2"));
    assert_non_null(strstr(kept.p, "\"api.token\":\"${env:X}\""));
    leat_config *stored = (leat_config *)config_of(kept.p);
    assert_false(leat_config_bare(stored, NULL));
    assert_int_equal(leat_config_keep(stored, NULL, false, &again, &err), LEAT_OK);
    assert_true(leat_str_is(leat_buf_str(&again), kept.p));
    assert_int_equal(leat_config_unseal(&a, "shop", &stored->props, &err), LEAT_OK);
    assert_string_equal(leat_props_get(&stored->props, "database.password"), "hunter2");
    assert_string_equal(leat_props_get(&stored->props, "url"), "http://u:hunter2@h/");
    leat_buf_free(&kept);
    leat_buf_free(&again);
}

static void what_is_secret(void **state)
{
    (void)state;
    assert_true(leat_config_secret(NULL, "database.password", "x"));
    assert_true(leat_config_secret(NULL, "database.password", "${hunter2}"));
    assert_true(leat_config_secret(NULL, "database.password", "x${env:A}"));
    assert_true(leat_config_secret(NULL, "ssl.keystore.key", "x"));
    assert_true(leat_config_secret(NULL, "basic.auth.user.info", "u:p"));
    assert_true(leat_config_secret(NULL, "any", "a,http://u:p@h:1/x"));
    assert_false(leat_config_secret(NULL, "any", "http://h:1/u:p@x"));
    assert_true(leat_config_secret(NULL, "any", "jdbc:postgresql://h/d?user=u&Password=p"));
    assert_true(leat_config_secret(NULL, "any", "postgresql://h/d?sslpassword=p"));
    assert_true(leat_config_secret(NULL, "any", "jdbc:sqlserver://h:1;user=u;password=p"));
    assert_false(leat_config_secret(NULL, "any", "jdbc:postgresql://h/d?sslmode=require"));
    assert_false(leat_config_secret(NULL, "any", "SELECT 1 WHERE a=1;password=2"));
    assert_false(leat_config_secret(NULL, "database.password", "${env:A}"));
    assert_false(leat_config_secret(NULL, "database.password", "${file:/a:b}"));
    assert_false(leat_config_secret(NULL, "database.hostname", "x"));
    assert_true(leat_config_secret(NULL, "database.hostname", "${sealed:12345678:xx}"));
}

/* Last: keys that were handed on stay for the whole process. */
static void handed(void **state)
{
    const char *text = seal("shop", "password", "hunter2"), *back, *key = "";
    leat_err err = {0};
    (void)state;
    assert_string_equal(leat_seal_handed(&a), "");
    char key_text[65];
    memset(key_text, 'a', 64);
    key_text[64] = 0;
    setenv("LEAT_KEY", key_text, 1);
    key = getenv("LEAT_KEY");
    assert_int_equal(leat_seal_take_env(&err), LEAT_OK);
    assert_null(getenv("LEAT_KEY"));
    assert_int_equal(key[0], 0); /* wiped where /proc shows it */
    assert_string_equal(opened("shop", "password", text, &back), "seal.key_missing");
    const char *own = seal("shop", "password", "hunter2");
    assert_int_equal(leat_seal_hand(leat_str_of(leat_seal_handed(&a)), &err), LEAT_OK);
    assert_null(opened("shop", "password", own, &back));
    assert_int_equal(leat_seal_add(&err), LEAT_CONF);
    setenv("LEAT_KEY", "hunter2", 1);
    assert_int_equal(leat_seal_take_env(&err), LEAT_CONF);
    assert_null(strstr(err.msg, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bound_to_connector_and_option, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_are_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_that_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rotation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(configurations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(handed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
