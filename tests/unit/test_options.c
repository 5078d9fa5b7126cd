/* Walks the option tables of all connectors in this build, and of what they share: what a table
 * promises to the form, the docs and the parser must be kept by every row. */
#include "../test.h"

#include <ctype.h>

#include "capture/conf.h"
#include "config/connector.h"
#include "sink/sink.h"
#include "source/source.h"

static const leat_opt *const common[] = {leat_connector_options, NULL};
static const leat_opt *const capture[] = {
    leat_capture_options,        leat_capture_schema_options,   leat_capture_time_options,
    leat_capture_signal_options, leat_capture_snapshot_options, NULL};

/* Calls fn for each set of tables: its owner's name, and the size of its conf struct (0: unknown).
 */
static void each(void (*fn)(const char *owner, leat_opt_tables tables, size_t conf_size))
{
    fn("common", common, sizeof(leat_connector_conf));
    fn("capture", capture, sizeof(leat_capture_conf));
    for (const leat_source *const *s = leat_sources; *s; s++)
        fn((*s)->name, (*s)->options, (*s)->conf_size);
    for (const leat_sink *const *k = leat_sinks; *k; k++)
        fn((*k)->name, (*k)->options, (*k)->conf_size);
}

#define BAD(owner, o, ...)                                                                         \
    do {                                                                                           \
        print_error("%s: %s: ", owner, (o)->name);                                                 \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        fail();                                                                                    \
    } while (0)

static bool capital(const char *s)
{
    return s && (isupper((unsigned char)*s) || isdigit((unsigned char)*s));
}

static void texts(const char *owner, leat_opt_tables tables, size_t conf_size)
{
    (void)conf_size;
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            size_t label = o->label ? strlen(o->label) : 0;
            if (label == 0 || label > 60 || o->label[label - 1] == '.') BAD(owner, o, "label");
            if (!capital(o->group)) BAD(owner, o, "group");
            if (o->help == NULL || strlen(o->help) < 10) BAD(owner, o, "help is missing");
            size_t end = strlen(o->help) - (o->help[strlen(o->help) - 1] == ')');
            if (o->help[end - 1] != '.') BAD(owner, o, "help ends without a period");
            if (strchr(o->help, '\n') || strstr(o->help, "  ")) BAD(owner, o, "help is no prose");
        }
    }
}

/* Words of letters, digits and hyphens joined by dots; Debezium has a few with capitals. */
static bool name_good(const char *name, bool many)
{
    char before = '.';
    for (const char *p = name; *p; p++) {
        bool word = islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '-' ||
                    *p == '_' || (many && *p == '*') || (isupper((unsigned char)*p) && p != name);
        if (!word && (*p != '.' || before == '.')) return false;
        before = *p;
    }
    return before != '.';
}

static void names(const char *owner, leat_opt_tables tables, size_t conf_size)
{
    (void)conf_size;
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            unsigned stars = 0;
            for (const char *p = o->name; *p; p++) stars += *p == '*';
            if (!name_good(o->name, o->type == LEAT_OPT_MANY)) BAD(owner, o, "name");
            if ((stars > 0) != (o->type == LEAT_OPT_MANY)) BAD(owner, o, "stars and MANY");
            if (stars > LEAT_OPT_STARS) BAD(owner, o, "too many stars");
            if (leat_opts_find(tables, leat_str_of(o->name)) != o && stars == 0)
                BAD(owner, o, "another row has this name");
            leat_str rest = leat_str_of(o->was);
            while (rest.s) {
                leat_str was = leat_str_trim(leat_str_cut(&rest, ','));
                if (leat_opts_find(tables, was) != o) BAD(owner, o, "former name is taken");
            }
        }
    }
}

static size_t stored_size(const leat_opt *o)
{
    switch (o->type) {
    case LEAT_OPT_STR: return sizeof(const char *);
    case LEAT_OPT_BOOL: return sizeof(bool);
    case LEAT_OPT_LIST: return sizeof(leat_opt_list);
    case LEAT_OPT_MANY: return sizeof(leat_opt_many);
    default: return sizeof(int64_t);
    }
}

static void values(const char *owner, leat_opt_tables tables, size_t conf_size)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            const char *wrong = o->def ? leat_opt_check(o, o->def, &a) : NULL;
            unsigned unsupported = o->flags & (LEAT_OPT_NO_EFFECT | LEAT_OPT_MISSING);
            bool number =
                o->type == LEAT_OPT_INT || o->type == LEAT_OPT_MS || o->type == LEAT_OPT_BYTES;
            if (wrong) BAD(owner, o, "default: %s", wrong);
            if (o->def && (o->flags & LEAT_OPT_REQUIRED)) BAD(owner, o, "required, with a default");
            if (o->def && (o->flags & LEAT_OPT_SECRET)) BAD(owner, o, "secret, with a default");
            if (o->def && o->type == LEAT_OPT_MANY) BAD(owner, o, "MANY with a default");
            if (o->min > o->max || ((o->min || o->max) && !number)) BAD(owner, o, "range");
            if (number && !unsupported && !o->min && !o->max)
                BAD(owner, o, "number without a range");
            if (number && !unsupported && !o->def && !(o->flags & LEAT_OPT_REQUIRED))
                BAD(owner, o, "number without a default");
            if (o->type == LEAT_OPT_BOOL && !o->def) BAD(owner, o, "boolean without a default");
            if (unsupported == (LEAT_OPT_NO_EFFECT | LEAT_OPT_MISSING))
                BAD(owner, o, "two classes");
            if (!unsupported && o->off + stored_size(o) > conf_size) BAD(owner, o, "offset");
        }
    }
    leat_arena_free(&a);
}

static void choices(const char *owner, leat_opt_tables tables, size_t conf_size)
{
    (void)conf_size;
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            if (o->type == LEAT_OPT_ENUM && (!o->choices || !o->choices[0] || !o->choices[1]))
                BAD(owner, o, "less than two choices");
            if (o->choices && o->type != LEAT_OPT_ENUM && o->type != LEAT_OPT_LIST)
                BAD(owner, o, "choices of another type");
            for (const char *const *c = o->choices; c && *c; c++)
                for (const char *const *d = c + 1; *d; d++)
                    if (leat_str_ieq(leat_str_of(*c), leat_str_of(*d)))
                        BAD(owner, o, "%s twice", *c);
        }
    }
}

/* Two rows that store to one place: the later would win. */
static void places(const char *owner, leat_opt_tables tables, size_t conf_size)
{
    enum { MOST = 1024 };
    static const leat_opt *used[MOST * 8];
    memset(used, 0, sizeof used);
    assert_true(conf_size <= sizeof used / sizeof used[0]);
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            if (o->flags & (LEAT_OPT_NO_EFFECT | LEAT_OPT_MISSING)) continue;
            for (size_t i = o->off; i < o->off + stored_size(o); i++) {
                if (used[i]) BAD(owner, o, "stored over %s", used[i]->name);
                used[i] = o;
            }
        }
    }
}

/* What looks like a secret is flagged, and nothing of one is ever shown. */
static void secrets(const char *owner, leat_opt_tables tables, size_t conf_size)
{
    (void)conf_size;
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            bool flagged = o->flags & LEAT_OPT_SECRET;
            bool looks = leat_opts_is_secret(NULL, leat_str_of(o->name));
            if (looks && !flagged) BAD(owner, o, "not flagged as secret");
            if (!flagged || o->type == LEAT_OPT_MANY) continue;
            leat_arena a;
            leat_arena_init(&a, 0);
            const char *wrong = leat_opt_check(o, "hunter2", &a);
            if (wrong && strstr(wrong, "hunter2")) BAD(owner, o, "told in a message");
            leat_arena_free(&a);
        }
    }
}

static void shown(const char *owner, leat_opt_tables tables, size_t conf_size)
{
    (void)conf_size;
    leat_buf out = {0};
    leat_arena a;
    const leat_json *j;
    leat_err e;
    leat_arena_init(&a, 0);
    leat_opts_json(tables, &out);
    if (leat_json_parse(&a, leat_buf_str(&out), &j, &e) != LEAT_OK)
        fail_msg("%s: %s", owner, e.msg);
    leat_buf_clear(&out);
    leat_opts_markdown(tables, &out);
    leat_buf_u8(&out, 0);
    for (leat_opt_tables t = tables; *t; t++)
        for (const leat_opt *o = *t; o->name; o++)
            if (strstr(out.p, o->name) == NULL) BAD(owner, o, "not in the docs");
    leat_arena_free(&a);
    leat_buf_free(&out);
}

static void test_texts(void **state)
{
    (void)state;
    each(texts);
}
static void test_names(void **state)
{
    (void)state;
    each(names);
}
static void test_values(void **state)
{
    (void)state;
    each(values);
}
static void test_choices(void **state)
{
    (void)state;
    each(choices);
}
static void test_places(void **state)
{
    (void)state;
    each(places);
}
static void test_secrets(void **state)
{
    (void)state;
    each(secrets);
}
static void test_shown(void **state)
{
    (void)state;
    each(shown);
}

/* An option of a connector that all connectors have would never reach it. */
static void own_names(const char *owner, leat_opt_tables tables, size_t conf_size)
{
    (void)conf_size;
    if (tables == common) return;
    for (leat_opt_tables t = tables; *t; t++)
        for (const leat_opt *o = *t; o->name; o++)
            if (leat_opts_find(common, leat_str_of(o->name)))
                BAD(owner, o, "is an option of every connector");
}
static void test_own_names(void **state)
{
    (void)state;
    each(own_names);
}

/* Names and classes lead to one connector. */
static void test_found(void **state)
{
    (void)state;
    for (const leat_source *const *s = leat_sources; *s; s++) {
        assert_int_equal((*s)->abi, LEAT_SOURCE_ABI);
        assert_int_equal((*s)->size, sizeof(leat_source));
        assert_ptr_equal(leat_source_find(leat_str_of((*s)->name)), *s);
        for (const char *const *c = (*s)->classes; c && *c; c++)
            assert_ptr_equal(leat_source_find(leat_str_of(*c)), *s);
        assert_true(capital((*s)->title) && (*s)->help[strlen((*s)->help) - 1] == '.');
    }
    for (const leat_sink *const *k = leat_sinks; *k; k++) {
        assert_int_equal((*k)->abi, LEAT_SINK_ABI);
        assert_int_equal((*k)->size, sizeof(leat_sink));
        assert_ptr_equal(leat_sink_find(leat_str_of((*k)->name)), *k);
        for (const char *const *c = (*k)->classes; c && *c; c++)
            assert_ptr_equal(leat_sink_find(leat_str_of(*c)), *k);
        assert_true(capital((*k)->title) && (*k)->help[strlen((*k)->help) - 1] == '.');
    }
    assert_null(leat_source_find(LEAT_STR("")));
    assert_null(leat_sink_find(LEAT_STR("nothing")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_values), cmocka_unit_test(test_choices),
        cmocka_unit_test(test_places), cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_shown),  cmocka_unit_test(test_own_names),
        cmocka_unit_test(test_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
