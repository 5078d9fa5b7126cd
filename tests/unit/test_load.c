/* Configuration files: both formats, names, what is refused, references to secrets. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/os.h"
#include "config/load.h"

typedef struct fixture {
    leat_arena a;
    leat_err e;
    leat_config *c;
    leat_rc rc;
} fixture;

static fixture f;

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    leat_arena_init(&f.a, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    leat_arena_free(&f.a);
    return 0;
}

static void json(const char *text)
{
    f.rc = leat_config_json(&f.a, leat_str_of(text), "/etc/leat/shop.v2.json", &f.c, &f.e);
}

static void refused(const char *text, const char *code, const char *msg)
{
    json(text);
    assert_int_equal(f.rc, LEAT_CONF);
    assert_string_equal(f.e.code, code);
    if (strstr(f.e.msg, msg) == NULL) fail_msg("\"%s\" lacks \"%s\"", f.e.msg, msg);
}

static const char *get(const leat_config *c, const char *name)
{
    return leat_props_get(&c->props, name);
}

static void test_json_shapes(void **state)
{
    (void)state;
    json("{\"name\":\"orders\",\"config\":{\"a\":\"x\",\"n\":5432,\"f\":1.50,\"t\":true,"
         "\"f2\":false,\"none\":null},\"tasks\":[],\"type\":\"source\"}");
    assert_int_equal(f.rc, LEAT_OK);
    assert_string_equal(f.c->name, "orders");
    assert_string_equal(get(f.c, "a"), "x");
    assert_string_equal(get(f.c, "n"), "5432");
    assert_string_equal(get(f.c, "f"), "1.50");
    assert_string_equal(get(f.c, "t"), "true");
    assert_string_equal(get(f.c, "f2"), "false");
    assert_null(get(f.c, "none"));
    assert_string_equal(get(f.c, "name"), "orders");
    assert_null(f.c->next);

    json("{\"a\":\"x\"}");
    assert_int_equal(f.rc, LEAT_OK);
    assert_string_equal(f.c->name, "shop.v2");
    assert_string_equal(get(f.c, "name"), "shop.v2");

    /* An option that happens to be called config. */
    json("{\"a\":\"x\",\"config\":\"y\"}");
    assert_int_equal(f.rc, LEAT_OK);
    assert_string_equal(get(f.c, "config"), "y");

    json("[{\"name\":\"one\",\"a\":\"1\"},{\"name\":\"two\",\"config\":{\"a\":\"2\"}}]");
    assert_int_equal(f.rc, LEAT_OK);
    assert_string_equal(f.c->name, "one");
    assert_string_equal(f.c->next->name, "two");
    assert_string_equal(get(f.c->next, "a"), "2");
    assert_null(f.c->next->next);
}

static void test_json_refused(void **state)
{
    (void)state;
    refused("{\"a\":{\"b\":\"hunter2\"}}", "config.nested", "\"a\" is an object");
    assert_null(strstr(f.e.msg, "hunter2"));
    assert_string_equal(f.e.where, "a");
    refused("{\"name\":\"n\",\"config\":{\"a\":[1]}}", "config.nested", "\"a\" is a list");
    refused("{\"a\":1,", "config.syntax", "");
    assert_string_equal(f.e.where, "/etc/leat/shop.v2.json");
    refused("\"a\"", "config.syntax", "expected an object");
    refused("[]", "config.syntax", "empty");
    refused("[1]", "config.syntax", "expected an object");
    refused("[{\"a\":\"1\"}]", "config.name", "needs a \"name\"");
    refused("[{\"name\":\"x\"},{\"name\":\"y\"},{\"name\":\"x\"}]", "config.name",
            "two connectors");
    refused("{\"name\":\"x\",\"config\":{\"name\":\"y\"}}", "config.name", "make them equal");
    refused("{\"name\":\"x\",\"config\":{},\"confg\":1}", "config.syntax",
            "unknown field \"confg\"");
    refused("{\"name\":7,\"config\":{}}", "config.syntax", "\"name\" must be");
    refused("{\"a\\u0000b\":\"1\"}", "config.syntax", "NUL");
    refused("{\"a\":\"1\\u0000\"}", "config.syntax", "NUL");
}

static void test_properties(void **state)
{
    (void)state;
    assert_int_equal(leat_config_properties(&f.a, LEAT_STR("a=1\nname= orders \n"),
                                            "x/y.properties", &f.c, &f.e),
                     LEAT_OK);
    assert_string_equal(f.c->name, "orders");
    assert_string_equal(get(f.c, "name"), "orders");
    assert_string_equal(f.c->props.file, "x/y.properties");
    assert_int_equal(leat_config_properties(&f.a, LEAT_STR("a=1"), "x/y.properties", &f.c, &f.e),
                     LEAT_OK);
    assert_string_equal(f.c->name, "y");
}

static void test_files(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/leat-test-load-%d.json", (int)getpid());
    assert_int_equal(leat_os_store(path, LEAT_STR("{\"name\":\"n\",\"a\":\"1\"}"), 0600), 0);
    assert_int_equal(leat_config_load(&f.a, path, &f.c, &f.e), LEAT_OK);
    assert_string_equal(f.c->name, "n");
    unlink(path);
    assert_int_equal(leat_config_load(&f.a, path, &f.c, &f.e), LEAT_CONF);
    assert_string_equal(f.e.code, "os.enoent");
    assert_string_equal(f.e.where, path);
}

/* Sets a=text and resolves it; what a then is, NULL when that fails. */
static const char *resolve(const char *text)
{
    leat_props p;
    leat_props_init(&p, NULL);
    leat_props_set(&p, &f.a, LEAT_STR("a"), leat_str_of(text), 0);
    f.rc = leat_config_resolve(&f.a, &p, &f.e);
    return f.rc == LEAT_OK ? leat_props_get(&p, "a") : NULL;
}

static void unresolved(const char *text, const char *msg)
{
    assert_null(resolve(text));
    assert_int_equal(f.rc, LEAT_CONF);
    assert_string_equal(f.e.code, "config.provider");
    assert_string_equal(f.e.where, "a");
    if (strstr(f.e.msg, msg) == NULL) fail_msg("\"%s\" lacks \"%s\"", f.e.msg, msg);
    assert_null(strstr(f.e.msg, "hunter2"));
}

static void test_references(void **state)
{
    (void)state;
    setenv("LEAT_TEST_SECRET", "hun${env:LEAT_TEST_SECRET}", 1);
    assert_string_equal(resolve("x${env:LEAT_TEST_SECRET}y${env:LEAT_TEST_SECRET}"),
                        "xhun${env:LEAT_TEST_SECRET}yhun${env:LEAT_TEST_SECRET}");
    assert_string_equal(resolve("$ ${ ${x} $1 ${1}"), "$ ${ ${x} $1 ${1}");
    assert_string_equal(resolve("${open:"), "${open:");
    unresolved("${env:LEAT_TEST_NOT_SET}", "not set");
    unresolved("${env::X:Y}", "not set");
    unresolved("${env:/x:Y}", "expected ${env:NAME}");
    unresolved("${vault:secret/x:y}", "no such provider");
    unresolved("${file:/nowhere/x.properties:key}", "no such file");
    unresolved("${file:key}", "expected ${file:");
    unresolved("${dir:/tmp:../etc/passwd}", "in the folder itself");
    unresolved("${dir:/tmp:..}", "in the folder itself");
    unresolved("${dir:/tmp}", "expected ${dir:");
}

static void test_reference_files(void **state)
{
    (void)state;
    char name[32], path[64], text[160];
    snprintf(name, sizeof name, "leat-test-ref-%d", (int)getpid());
    snprintf(path, sizeof path, "/tmp/%s", name);
    assert_int_equal(leat_os_store(path, LEAT_STR("pw=hunter2\nk\\:2 = v\nbad\n"), 0600), 0);
    snprintf(text, sizeof text, "<${file:%s:pw}>${file:%s:k:2}", path, path);
    assert_string_equal(resolve(text), "<hunter2>v");
    snprintf(text, sizeof text, "${file:%s:other}", path);
    unresolved(text, "no such key");
    assert_int_equal(leat_os_store(path, LEAT_STR("hunter2 \r\n"), 0600), 0);
    snprintf(text, sizeof text, "${dir:/tmp:%s}", name);
    assert_string_equal(resolve(text), "hunter2 ");
    assert_int_equal(leat_os_store(path, LEAT_STR("hunter2\0x"), 0600), 0);
    unresolved(text, "NUL");
    unlink(path);
}

static void test_write(void **state)
{
    (void)state;
    leat_buf b = {0};
    json("{\"name\":\"n\",\"database.password\":\"hunter2\",\"b\":\"1\"}");
    leat_config_write(f.c, NULL, true, &b);
    leat_buf_u8(&b, 0);
    assert_string_equal(
        b.p,
        "{\"name\":\"n\",\"config\":{\"name\":\"n\",\"database.password\":\"***\",\"b\":\"1\"}}");
    leat_buf_clear(&b);
    leat_config_write(f.c, NULL, false, &b);
    leat_buf_u8(&b, 0);
    assert_non_null(strstr(b.p, "hunter2"));
    leat_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_json_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_properties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_references, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reference_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
