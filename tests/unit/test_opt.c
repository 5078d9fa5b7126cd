/* Option tables: reading values, telling every problem, and showing the tables. */
#include "../test.h"

#include <stdio.h>

#include "config/load.h"

typedef struct conf {
    const char *host, *password, *pattern;
    int64_t port, mode, wait, size;
    bool on;
    leat_opt_list list, ops, patterns;
    leat_opt_many cut, hash;
} conf;

static const char *const modes[] = {"initial", "no_data", "always", NULL};
static const char *const ops[] = {"c", "u", "d", NULL};

static const leat_opt rows[] = {
    {.name = "db.host",
     .label = "Host",
     .group = "Connection",
     .help = "The server.",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_REQUIRED,
     .off = LEAT_OPT_AT(conf, host, const char *)},
    {.name = "db.port",
     .label = "Port",
     .group = "Connection",
     .help = "Its <port> | number.",
     .type = LEAT_OPT_INT,
     .off = LEAT_OPT_AT(conf, port, int64_t),
     .def = "5432",
     .min = 1,
     .max = 65535},
    {.name = "db.password",
     .label = "Password",
     .group = "Connection",
     .help = "Secret word.",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_SECRET,
     .off = LEAT_OPT_AT(conf, password, const char *),
     .was = "db.pass"},
    {.name = "pin",
     .label = "Pin",
     .group = "Connection",
     .help = "Secret number.",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_SECRET | LEAT_OPT_NO_EFFECT},
    {.name = "mode",
     .label = "Mode",
     .group = "Work",
     .help = "How: `a|b_c`, 2 * 3.",
     .type = LEAT_OPT_ENUM,
     .off = LEAT_OPT_AT(conf, mode, int64_t),
     .def = "initial",
     .choices = modes},
    {.name = "wait.ms",
     .label = "Wait",
     .group = "Work",
     .help = "How long.",
     .type = LEAT_OPT_MS,
     .off = LEAT_OPT_AT(conf, wait, int64_t),
     .def = "5s",
     .min = 0,
     .max = INT64_MAX,
     .was = "delay, delay.ms"},
    {.name = "size",
     .label = "Size",
     .group = "Work",
     .help = "How much.",
     .type = LEAT_OPT_BYTES,
     .flags = LEAT_OPT_ADVANCED,
     .off = LEAT_OPT_AT(conf, size, int64_t),
     .def = "64k",
     .min = 1024,
     .max = 1 << 30},
    {.name = "on",
     .label = "On",
     .group = "Work",
     .help = "Whether.",
     .type = LEAT_OPT_BOOL,
     .flags = LEAT_OPT_FIXED,
     .off = LEAT_OPT_AT(conf, on, bool),
     .def = "true"},
    {.name = "list",
     .label = "List",
     .group = "Work",
     .help = "Which.",
     .type = LEAT_OPT_LIST,
     .off = LEAT_OPT_AT(conf, list, leat_opt_list)},
    {.name = "ops",
     .label = "Ops",
     .group = "Work",
     .help = "Which.",
     .type = LEAT_OPT_LIST,
     .off = LEAT_OPT_AT(conf, ops, leat_opt_list),
     .def = "c,u",
     .choices = ops},
    {.name = "pattern",
     .label = "Pattern",
     .group = "Work",
     .help = "Which.",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_REGEX,
     .off = LEAT_OPT_AT(conf, pattern, const char *)},
    {.name = "patterns",
     .label = "Patterns",
     .group = "Work",
     .help = "Which.",
     .type = LEAT_OPT_LIST,
     .flags = LEAT_OPT_REGEX,
     .off = LEAT_OPT_AT(conf, patterns, leat_opt_list)},
    {.name = "cut.to.*.chars",
     .label = "Cut",
     .group = "Work",
     .help = "Which.",
     .type = LEAT_OPT_MANY,
     .flags = LEAT_OPT_REGEX,
     .off = LEAT_OPT_AT(conf, cut, leat_opt_many)},
    {.name = "hash.*.with.salt.*",
     .label = "Hash",
     .group = "Work",
     .help = "Which.",
     .type = LEAT_OPT_MANY,
     .flags = LEAT_OPT_REGEX | LEAT_OPT_SECRET,
     .off = LEAT_OPT_AT(conf, hash, leat_opt_many)},
    {.name = "queue.size",
     .label = "Queue",
     .group = "Old",
     .help = "Of a queue.",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_NO_EFFECT,
     .def = "8192"},
    {.name = "queue.*",
     .label = "Queue",
     .group = "Old",
     .help = "Of a queue.",
     .type = LEAT_OPT_MANY,
     .flags = LEAT_OPT_NO_EFFECT},
    {.name = "transforms",
     .label = "Transforms",
     .group = "Old",
     .help = "Steps.",
     .type = LEAT_OPT_LIST,
     .flags = LEAT_OPT_MISSING,
     .def = ""},
    {.name = "post.processors",
     .label = "Post processors",
     .group = "Old",
     .help = "Steps.",
     .type = LEAT_OPT_LIST,
     .flags = LEAT_OPT_MISSING},
    {0},
};
static const leat_opt *const tables[] = {rows, NULL};

typedef struct fixture {
    leat_arena a;
    leat_props props;
    leat_report r;
    conf conf;
    bool good;
} fixture;

static fixture *setup(const char *text, bool strict)
{
    static fixture f;
    leat_err e;
    memset(&f, 0, sizeof f);
    leat_arena_init(&f.a, 0);
    leat_props_init(&f.props, "x.properties");
    if (leat_props_read(&f.a, leat_str_of(text), &f.props, &e) != LEAT_OK) fail_msg("%s", e.msg);
    leat_report_init(&f.r, &f.a);
    f.good = leat_opts_parse(tables, &f.props, strict, &f.a, &f.conf, &f.r);
    return &f;
}

static void teardown(fixture *f)
{
    leat_arena_free(&f->a);
}

/* The message about an option (errors before warnings), "" if there is none. */
static const char *said(const fixture *f, const char *option, bool warning)
{
    for (const leat_problem *p = f->r.first; p; p = p->next)
        if (p->warning == warning && p->option && strcmp(p->option, option) == 0) return p->msg;
    return "";
}

#define HAS(text, part)                                                                            \
    do {                                                                                           \
        if (strstr((text), (part)) == NULL) fail_msg("\"%s\" lacks \"%s\"", (text), (part));       \
    } while (0)

static void test_defaults(void **state)
{
    (void)state;
    fixture *f = setup("db.host=h", true);
    assert_true(f->good);
    assert_int_equal(f->r.errors + f->r.warnings, 0);
    assert_string_equal(f->conf.host, "h");
    assert_null(f->conf.password);
    assert_int_equal(f->conf.port, 5432);
    assert_int_equal(f->conf.mode, 0);
    assert_int_equal(f->conf.wait, 5000);
    assert_int_equal(f->conf.size, 65536);
    assert_true(f->conf.on);
    assert_int_equal(f->conf.list.n, 0);
    assert_int_equal(f->conf.ops.n, 2);
    assert_string_equal(f->conf.ops.v[1], "u");
    teardown(f);
}

static void test_values(void **state)
{
    (void)state;
    fixture *f = setup("db.host= h.example \ndb.port = 6543 \ndb.password= pw \nmode=NO_DATA\n"
                       "wait.ms=2m\nsize=1M\non=FALSE\nlist= a , b\\\\,c ,, d\\\\\\\\e\n"
                       "ops=D\npattern=a|b\npatterns=public\\\\..*, x[0-9]{2\\\\,3}\n",
                       true);
    assert_true(f->good);
    assert_string_equal(f->conf.host, "h.example");
    assert_string_equal(f->conf.password, "pw "); /* a secret is not trimmed */
    assert_int_equal(f->conf.port, 6543);
    assert_int_equal(f->conf.mode, 1);
    assert_int_equal(f->conf.wait, 120000);
    assert_int_equal(f->conf.size, 1048576);
    assert_false(f->conf.on);
    assert_int_equal(f->conf.list.n, 3);
    assert_string_equal(f->conf.list.v[0], "a");
    assert_string_equal(f->conf.list.v[1], "b,c");
    assert_string_equal(f->conf.list.v[2], "d\\\\e");
    assert_int_equal(f->conf.ops.n, 1);
    assert_int_equal(f->conf.patterns.n, 2);
    assert_string_equal(f->conf.patterns.v[1], "x[0-9]{2,3}");
    teardown(f);
}

static void test_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {{"0", 0},
                 {"7", 7},
                 {"250ms", 250},
                 {"5s", 5000},
                 {"2M", 120000},
                 {"1h", 3600000},
                 {"3d", 259200000},
                 {"+5", 5},
                 {"5 s", -1},
                 {"s", -1},
                 {"", -1},
                 {"1.5s", -1},
                 {"-1", -1},
                 {"9223372036854775807", INT64_MAX},
                 {"9223372036854775808", -1},
                 {"9223372036854775807s", -1},
                 {"18446744073709552s", -1},
                 {"5sec", -1},
                 {"0x10", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        leat_arena a;
        leat_arena_init(&a, 0);
        leat_props props;
        leat_props_init(&props, NULL);
        leat_props_set(&props, &a, LEAT_STR("db.host"), LEAT_STR("h"), 0);
        leat_props_set(&props, &a, LEAT_STR("wait.ms"), leat_str_of(cases[i].text), 0);
        leat_report r;
        leat_report_init(&r, &a);
        conf c = {0};
        bool good = leat_opts_parse(tables, &props, true, &a, &c, &r);
        if (good != (cases[i].ms >= 0)) fail_msg("\"%s\"", cases[i].text);
        if (good) assert_int_equal(c.wait, cases[i].ms);
        leat_arena_free(&a);
    }
}

/* A row that is not built, or without effect, and has no default: an empty value sets nothing. */
static void test_empty_sets_nothing(void **state)
{
    (void)state;
    fixture *f = setup("db.host=h\npost.processors= \nqueue.one=\n", false);
    assert_true(f->good);
    assert_null(f->r.first);
    teardown(f);
    f = setup("db.host=h\npost.processors=x\n", false);
    assert_false(f->good);
    HAS(said(f, "post.processors", false), "not built yet");
    teardown(f);
}

static void test_all_errors_at_once(void **state)
{
    (void)state;
    fixture *f = setup("db.port=abc\nmode=sometimes\nwait.ms=5x\nsize=1\non=yes\nops=c,x\n"
                       "pattern=a(b\npatterns=ok,[z-a]\ncut.to.5.chars=(\ntransforms=unwrap\n",
                       false);
    assert_false(f->good);
    assert_int_equal(f->r.errors, 11);
    HAS(said(f, "db.host", false), "required, but not set");
    HAS(said(f, "db.port", false), "a whole number from 1 to 65535, got \"abc\"");
    HAS(said(f, "mode", false), "must be one of: initial, no_data, always, got \"sometimes\"");
    HAS(said(f, "wait.ms", false), "5s, 2m, 1h, 1d) of at least 0, got \"5x\"");
    HAS(said(f, "size", false), "from 1024 to 1073741824, got \"1\"");
    HAS(said(f, "on", false), "true or false, got \"yes\"");
    HAS(said(f, "ops", false), "must be a list of: c, u, d, got \"x\"");
    HAS(said(f, "pattern", false), "missing closing parenthesis at character 4");
    HAS(said(f, "patterns", false), "range out of order");
    HAS(said(f, "cut.to.5.chars", false), "parenthesis");
    HAS(said(f, "transforms", false), "not built yet");
    leat_err e;
    assert_int_equal(leat_report_err(&f->r, "shop", &e), LEAT_CONF);
    assert_string_equal(e.code, "config.invalid");
    assert_string_equal(e.where, "shop");
    HAS(e.msg, "db.host: is required, but not set\ndb.port: must be");
    HAS(e.msg, "(line 1)\nmode:");
    HAS(e.msg, "more");
    teardown(f);

    f = setup("db.host=h", false);
    assert_int_equal(leat_report_err(&f->r, "shop", &e), LEAT_OK);
    teardown(f);
}

static void test_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *name, *near; /* NULL: none is near */
    } cases[] = {{"db.hots", "db.host"},        {"DB_HOST", "db.host"},
                 {"dbhost", "db.host"},         {"patern", "pattern"},
                 {"db.passwrd", "db.password"}, {"whatever.else", NULL},
                 {"transform", "transforms"},   {"mdoe", "mode"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[80];
        snprintf(text, sizeof text, "db.host=h\n%s=1", cases[i].name);
        fixture *f = setup(text, false);
        assert_true(f->good);
        const char *msg = said(f, cases[i].name, true);
        HAS(msg, "is not an option");
        if (cases[i].near)
            HAS(msg, cases[i].near);
        else
            assert_null(strstr(msg, "did you mean"));
        teardown(f);
        f = setup(text, true);
        assert_false(f->good);
        assert_int_equal(f->r.errors, 1);
        teardown(f);
    }
}

static void test_former_names(void **state)
{
    (void)state;
    fixture *f = setup("db.host=h\ndb.pass=a\ndelay.ms=7", true);
    assert_true(f->good);
    assert_string_equal(f->conf.password, "a");
    assert_int_equal(f->conf.wait, 7);
    HAS(said(f, "db.pass", true), "now called db.password");
    teardown(f);
    f = setup("db.host=h\ndb.pass=a\ndb.password=b", true);
    assert_true(f->good);
    assert_string_equal(f->conf.password, "b");
    HAS(said(f, "db.pass", true), "ignored");
    teardown(f);
}

static void test_classes(void **state)
{
    (void)state;
    /* At their default they are silent. */
    fixture *f = setup("db.host=h\nqueue.size=8192\ntransforms=", true);
    assert_true(f->good);
    assert_int_equal(f->r.warnings, 0);
    teardown(f);
    f = setup("db.host=h\nqueue.size=1\nqueue.other=2\ntransforms=a,b", true);
    assert_false(f->good);
    assert_int_equal(f->r.errors, 1);
    assert_int_equal(f->r.warnings, 2);
    HAS(said(f, "queue.size", true), "no effect");
    HAS(said(f, "queue.other", true), "no effect");
    teardown(f);
    f = setup("db.host=h\nqueue.sise=1", true);
    HAS(said(f, "queue.sise", true), "no effect here; did you mean queue.size?");
    teardown(f);
    f = setup("db.host=h\ntransforms=a,b", true);
    assert_false(f->good);
    HAS(said(f, "transforms", false), "would change the data");
    teardown(f);
}

static void test_many(void **state)
{
    (void)state;
    fixture *f = setup("db.host=h\ncut.to.10.chars= a\\\\.b \ncut.to.20.chars=c\n"
                       "hash.SHA-256.with.salt.s.with.salt.t=a\nhash.MD5.with.salt.x=b\n",
                       true);
    assert_true(f->good);
    assert_int_equal(f->conf.cut.n, 2);
    assert_string_equal(f->conf.cut.v[0].star[0], "10");
    assert_string_equal(f->conf.cut.v[0].value, "a\\.b");
    assert_null(f->conf.cut.v[0].star[1]);
    assert_int_equal(f->conf.cut.v[1].line, 3);
    assert_int_equal(f->conf.hash.n, 2);
    assert_string_equal(f->conf.hash.v[0].star[0], "SHA-256");
    assert_string_equal(f->conf.hash.v[0].star[1], "s.with.salt.t");
    assert_string_equal(f->conf.hash.v[1].star[1], "x");
    teardown(f);
    /* Nothing where the star is: unknown. */
    f = setup("db.host=h\ncut.to..chars=a", true);
    assert_false(f->good);
    teardown(f);
}

static void test_secrets_stay_secret(void **state)
{
    (void)state;
    fixture *f = setup("db.host=h\ndb.pasword=hunter2\nmy.token=hunter2\npin=hunter2\n"
                       "hash.MD5.with.salt.hunter2=(hunter2\n",
                       true);
    assert_false(f->good);
    assert_int_equal(f->r.errors, 3);
    for (const leat_problem *p = f->r.first; p; p = p->next) {
        if (p->option) assert_null(strstr(p->option, "hunter2"));
        if (strstr(p->msg, "hunter2")) fail_msg("%s: %s", p->option, p->msg);
    }
    teardown(f);
    assert_true(leat_opts_is_secret(tables, LEAT_STR("db.password")));
    assert_true(leat_opts_is_secret(tables, LEAT_STR("db.pass"))); /* by its row */
    assert_false(leat_opts_is_secret(tables, LEAT_STR("db.host")));
    assert_true(leat_opts_is_secret(tables, LEAT_STR("queue.password"))); /* one of many */
    assert_false(leat_opts_is_secret(tables, LEAT_STR("queue.other")));
    assert_true(leat_opts_is_secret(NULL, LEAT_STR("producer.override.sasl.JAAS.config")));
    assert_true(leat_opts_is_secret(NULL, LEAT_STR("aws.secret_access_key")));
    assert_true(leat_opts_is_secret(NULL, LEAT_STR("tls-private-key")));
    assert_false(leat_opts_is_secret(NULL, LEAT_STR("database.user")));
}

static void test_two_sets(void **state)
{
    (void)state;
    static const leat_opt more_rows[] = {
        {.name = "tasks.max", .type = LEAT_OPT_INT, .flags = LEAT_OPT_NO_EFFECT}, {0}};
    static const leat_opt *const more[] = {more_rows, NULL};
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_props props;
    leat_props_init(&props, NULL);
    leat_props_set(&props, &a, LEAT_STR("db.host"), LEAT_STR("h"), 0);
    leat_props_set(&props, &a, LEAT_STR("tasks.max"), LEAT_STR("1"), 0);
    leat_props_set(&props, &a, LEAT_STR("task.max"), LEAT_STR("1"), 0);
    leat_report r;
    leat_report_init(&r, &a);
    conf c = {0};
    assert_true(leat_opts_values(tables, &props, &a, &c, &r));
    leat_opt_tables sets[] = {tables, more};
    assert_false(leat_opts_unknown(sets, 2, &props, true, &r));
    assert_int_equal(r.errors, 1);
    HAS(r.first->msg, "tasks.max");
    leat_arena_free(&a);
}

static void test_json(void **state)
{
    (void)state;
    leat_buf b = {0};
    leat_opts_json(tables, &b);
    leat_buf_u8(&b, 0);
    HAS(b.p, "{\"name\":\"db.port\",\"label\":\"Port\",\"group\":\"Connection\",\"help\":\"Its "
             "<port> | number.\",\"type\":\"int\",\"default\":\"5432\",\"required\":false,"
             "\"secret\":false,\"advanced\":false,\"fixed\":false,\"regex\":false,\"min\":1,"
             "\"max\":65535,\"choices\":[],\"former\":[],\"class\":\"supported\"}");
    HAS(b.p, "\"min\":0,\"max\":null,\"choices\":[],\"former\":[\"delay\",\"delay.ms\"]");
    HAS(b.p, "\"choices\":[\"initial\",\"no_data\",\"always\"]");
    HAS(b.p, "\"class\":\"missing\"");
    leat_arena a;
    leat_arena_init(&a, 0);
    const leat_json *j;
    assert_int_equal(leat_json_parse(&a, (leat_str){b.p, b.len - 1}, &j, NULL), LEAT_OK);
    leat_arena_free(&a);
    leat_buf_free(&b);
}

static void test_markdown(void **state)
{
    (void)state;
    leat_buf b = {0};
    leat_opts_markdown(tables, &b);
    leat_buf_u8(&b, 0);
    HAS(b.p, "### Connection\n\n| Option | Type | Default | Meaning |\n| --- | --- | --- | --- |\n"
             "| `db.host` | string | **required** | The server. |\n"
             "| `db.port` | int | `5432` | Its &lt;port> \\| number. From 1 to 65535. |\n"
             "| `db.password` | string |  | Secret word. *Secret: shown nowhere.* *Formerly "
             "`db.pass`.* |\n\n### Work\n\n");
    HAS(b.p,
        "| `mode` | enum | `initial` | How: `a\\|b_c`, 2 \\* 3. One of `initial`, `no_data`, `always`. |\n");
    HAS(b.p, "| `size` | size | `64k` | How much. From 1k to 1g. |\n");
    HAS(b.p, "### Accepted without effect");
    HAS(b.p, "### Not built yet");
    assert_null(strstr(b.p, "### Old"));
    leat_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_empty_sets_nothing),
        cmocka_unit_test(test_all_errors_at_once),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_former_names),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_secrets_stay_secret),
        cmocka_unit_test(test_two_sets),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_markdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
