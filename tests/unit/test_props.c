/* Java's .properties format: each rule of java.util.Properties.load, and what is refused. */
#include "../test.h"

#include "config/load.h"

typedef struct fixture {
    leat_arena a;
    leat_props props;
    leat_err e;
    leat_rc rc;
} fixture;

static void read_bytes(fixture *f, const char *text, size_t len)
{
    leat_arena_init(&f->a, 0);
    leat_props_init(&f->props, "x.properties");
    f->rc = leat_props_read(&f->a, (leat_str){text, len}, &f->props, &f->e);
}

/* text gives exactly these pairs (name, value, name, value, NULL). */
static void gives(const char *text, const char *const *pairs)
{
    fixture f;
    read_bytes(&f, text, strlen(text));
    if (f.rc != LEAT_OK) fail_msg("%s: %s", text, f.e.msg);
    const leat_prop *p = f.props.first;
    for (; *pairs; pairs += 2, p = p->next) {
        if (p == NULL) fail_msg("%s: %s is missing", text, pairs[0]);
        assert_string_equal(p->name, pairs[0]);
        assert_string_equal(p->value, pairs[1]);
    }
    if (p) fail_msg("%s: unexpected %s", text, p->name);
    leat_arena_free(&f.a);
}
#define GIVES(text, ...) gives(text, (const char *const[]){__VA_ARGS__, NULL})

static void refuses(const char *text, size_t len, const char *where, const char *msg)
{
    fixture f;
    read_bytes(&f, text, len);
    assert_int_equal(f.rc, LEAT_CONF);
    assert_string_equal(f.e.code, "config.syntax");
    assert_string_equal(f.e.where, where);
    if (strstr(f.e.msg, msg) == NULL) fail_msg("\"%s\" lacks \"%s\"", f.e.msg, msg);
    leat_arena_free(&f.a);
}
#define REFUSES(text, where, msg) refuses(text, sizeof(text) - 1, where, msg)

static void test_separators(void **state)
{
    (void)state;
    GIVES("a=1\nb:2\nc 3\nd = 4\ne : 5\nf\t=\t6\n", "a", "1", "b", "2", "c", "3", "d", "4", "e",
          "5", "f", "6");
    GIVES("a==1\nb=:2\nc:=3\nd =  = 4", "a", "=1", "b", ":2", "c", "=3", "d", "= 4");
    GIVES("alone\nempty=\nspace   \n", "alone", "", "empty", "", "space", "");
    GIVES("  \t\f a=b c  ", "a", "b c  ");
}

static void test_line_ends(void **state)
{
    (void)state;
    GIVES("a=1\rb=2\r\nc=3\n\r\n\n\nd=4", "a", "1", "b", "2", "c", "3", "d", "4");
}

static void test_comments(void **state)
{
    (void)state;
    GIVES("# one\n! two \\\na=1\n   # three\nb=2#no comment\n#", "a", "1", "b", "2#no comment");
}

static void test_continuation(void **state)
{
    (void)state;
    GIVES("fruits apple, banana, \\\n       pear, \\\r\n  kiwi", "fruits",
          "apple, banana, pear, kiwi");
    GIVES("a=1\\\\\nb=2", "a", "1\\", "b", "2");
    GIVES("a=1\\\\\\\n2", "a", "1\\2");
    GIVES("a=1\\\n\nb=2", "a", "1", "b", "2");          /* an empty line ends it */
    GIVES("a=1\\\n# no comment", "a", "1# no comment"); /* within a pair */
    GIVES("a=1\\", "a", "1");
    GIVES("a\\\n  b = \\\n c", "ab", "c");
    GIVES("\\\n# comment\na=1", "a", "1"); /* nothing yet, so it is a comment */
}

static void test_escapes(void **state)
{
    (void)state;
    GIVES("a\\=b\\:c\\ d=1", "a=b:c d", "1");
    GIVES("t=a\\tb\\nc\\rd\\fe", "t", "a\tb\nc\rd\fe");
    GIVES("x=\\q\\\\\\#\\z", "x", "q\\#z");
    GIVES("u=\\u0041\\u00e9\\u20AC\\uD83D\\uDE00", "u", "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    GIVES("\\u0061b=c", "ab", "c");
    GIVES("u=\\u003d\\u005c", "u", "=\\"); /* an escape that makes a backslash escapes nothing */
}

static void test_encodings(void **state)
{
    (void)state;
    GIVES("\xEF\xBB\xBFgr\xC3\xBC\xC3\x9F=\xE2\x82\xAC", "gr\xC3\xBC\xC3\x9F", "\xE2\x82\xAC");
    GIVES("name=M\xFCller", "name", "M\xC3\xBCller"); /* Latin-1, as Java reads it */
}

static void test_last_wins(void **state)
{
    (void)state;
    GIVES("a=1\nb=2\na=3", "a", "3", "b", "2");
    GIVES("", NULL);
}

static void test_lines(void **state)
{
    (void)state;
    fixture f;
    const char *text = "# c\n\na=1\nb=\\\n 2\\\n 3\n\rc=4\r\nd=5";
    read_bytes(&f, text, strlen(text));
    const leat_prop *p = f.props.first;
    assert_int_equal(p->line, 3);
    assert_int_equal((p = p->next)->line, 4);
    assert_int_equal((p = p->next)->line, 8);
    assert_int_equal((p = p->next)->line, 9);
    leat_arena_free(&f.a);
}

static void test_refused(void **state)
{
    (void)state;
    REFUSES("a=1\nb=\\u12\n", "x.properties:2", "four hexadecimal");
    REFUSES("a=\\uzzzz", "x.properties:1", "four hexadecimal");
    REFUSES("a=\\uD83D", "x.properties:1", "surrogate");
    REFUSES("a=\\uDE00\\uD83D", "x.properties:1", "surrogate");
    REFUSES("a=\\uD83D\\u0041", "x.properties:1", "surrogate");
    REFUSES("a=\\u0000", "x.properties:1", "u0000");
    REFUSES("a=1\n\n = 2", "x.properties:3", "must begin with a name");
    REFUSES("a=1\0\n", "x.properties:1", "NUL");
    /* The value may be a secret. */
    fixture f;
    const char *text = "database.password=hunter2\\u";
    read_bytes(&f, text, strlen(text));
    assert_int_equal(f.rc, LEAT_CONF);
    assert_null(strstr(f.e.msg, "hunter2"));
    leat_arena_free(&f.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_separators), cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_comments),   cmocka_unit_test(test_continuation),
        cmocka_unit_test(test_escapes),    cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_last_wins),  cmocka_unit_test(test_lines),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
