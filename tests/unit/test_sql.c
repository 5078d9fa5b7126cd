/* SQL: words, statements, ksqlDB's rules of case and quotes, variables, what may be shown. */
#include "../test.h"

#include "sql/file.h"
#include "sql/parse.h"
#include "sql/run.h"
#include "sql/template.h"
#include "sql/token.h"

typedef struct fixture {
    leat_arena a;
    leat_sql_statement *list;
    const leat_sql_var *vars;
    leat_err e;
    leat_rc rc;
} fixture;

static void parse(fixture *f, const char *text)
{
    *f = (fixture){0};
    f->rc = leat_sql_parse(&f->a, leat_str_of(text), &f->vars, &f->list, &f->e);
}

static leat_sql_statement *parsed(fixture *f, const char *text)
{
    parse(f, text);
    if (f->rc != LEAT_OK) fail_msg("%s: %s", text, f->e.msg);
    assert_non_null(f->list);
    return f->list;
}

static void same(leat_str got, const char *want)
{
    if (!want)
        assert_null(got.s);
    else if (!leat_str_is(got, want))
        fail_msg("expected \"%s\", got \"%.*s\"", want, LEAT_STR_ARG(got));
}

/* ---- words ---- */

static void words(void **state)
{
    static const struct {
        leat_sql_token_kind kind;
        const char *text;
        unsigned line, column;
    } want[] = {
        {LEAT_SQL_WORD, "a_1@b", 1, 1},
        {LEAT_SQL_DIGITS, "1abc", 1, 7},
        {LEAT_SQL_NUMBER, "1e5", 1, 12},
        {LEAT_SQL_NUMBER, ".5", 1, 16},
        {LEAT_SQL_NUMBER, "1.", 1, 19},
        {LEAT_SQL_STRING, "'it''s'", 2, 1},
        {LEAT_SQL_QUOTED, "\"a\"\"b\"", 3, 4},
        {LEAT_SQL_BACKQUOTED, "`\xc3\xa4`", 3, 11},
        {LEAT_SQL_VARIABLE, "${x}", 3, 15}, /* columns are characters */
        {LEAT_SQL_SYMBOL, "$", 3, 20},
        {LEAT_SQL_SYMBOL, "{", 3, 21},
        {LEAT_SQL_SYMBOL, "-", 3, 22},
        {LEAT_SQL_NUMBER, "7", 3, 23},
        {LEAT_SQL_SYMBOL, "\xe2\x82\xac", 3, 24},
        {LEAT_SQL_END, "", 3, 25},
        {LEAT_SQL_END, "", 3, 25},
    };
    leat_sql_lexer l;
    (void)state;
    leat_sql_lexer_init(&l,
                        LEAT_STR("a_1@b 1abc 1e5 .5 1. -- no ' word ;\n'it''s'/* ' \n */\"a\"\"b\" "
                                 "`\xc3\xa4` ${x} ${-7\xe2\x82\xac"));
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        leat_sql_token t = leat_sql_next(&l);
        same(t.text, want[i].text);
        assert_int_equal(t.kind, want[i].kind);
        assert_int_equal(t.line, want[i].line);
        assert_int_equal(t.column, want[i].column);
    }
}

static void statements_are_cut_at_semicolons(void **state)
{
    leat_str rest = LEAT_STR("a ';' -- ; \n \"; ;\" ; b /* ; */ ; c 'open ;");
    (void)state;
    same(leat_sql_cut(&rest), "a ';' -- ; \n \"; ;\" ;");
    same(leat_sql_cut(&rest), " b /* ; */ ;");
    same(leat_sql_cut(&rest), NULL);
    same(rest, " c 'open ;");
    assert_true(leat_sql_blank(LEAT_STR(" -- all\n /* of it */ ")));
    assert_false(leat_sql_blank(LEAT_STR(" ; ")));
    assert_false(leat_sql_blank(LEAT_STR("/* open")));
}

/* ---- statements ---- */

static void create(void **state)
{
    fixture f;
    const leat_sql_statement *s =
        parsed(&f, "create sink connector if not exists jdbc_01 with (\n"
                   "'a'='x''y', \"b\"=-1.5, `c`=TRUE, d=NULL, 'e'= '${file:/p:k}');\n"
                   "CREATE SOURCE CONNECTOR `mixed Case` WITH ('connector.class'='x');");
    (void)state;
    assert_int_equal(s->kind, LEAT_SQL_CREATE_CONNECTOR);
    assert_int_equal(s->side, LEAT_SQL_SINK);
    assert_true(s->exists);
    same(s->name, "JDBC_01");
    const char *const want[] = {"a",    "x'y", "b",  "-1.5", "c",
                                "true", "D",   NULL, "e",    "${file:/p:k}"};
    const leat_sql_prop *p = s->props;
    for (size_t i = 0; i < sizeof want / sizeof *want; i += 2, p = p->next) {
        assert_non_null(p);
        same(p->name, want[i]);
        same(p->value, want[i + 1]);
        assert_int_equal(p->line, 2);
    }
    assert_null(p);
    s = s->next;
    assert_int_equal(s->line, 3);
    assert_int_equal(s->side, LEAT_SQL_SOURCE);
    assert_false(s->exists);
    same(s->name, "mixed Case");
    assert_null(s->next);
    leat_arena_free(&f.a);
}

static void kinds(void **state)
{
    static const struct {
        const char *text, *name;
        leat_sql_kind kind;
    } want[] = {
        {"drop connector if exists \"x\";", "x", LEAT_SQL_DROP_CONNECTOR},
        {"DROP CONNECTOR x DELETE OFFSETS FORGET;", "X", LEAT_SQL_DROP_CONNECTOR},
        {"DESCRIBE CONNECTOR 1st;", "1ST", LEAT_SQL_DESCRIBE_CONNECTOR},
        {"SHOW CONNECTORS;", NULL, LEAT_SQL_LIST_CONNECTORS},
        {"list sink connectors;", NULL, LEAT_SQL_LIST_CONNECTORS},
        {"LIST CONNECTOR PLUGINS;", NULL, LEAT_SQL_LIST_PLUGINS},
        {"SHOW ALL TOPICS EXTENDED;", NULL, LEAT_SQL_LIST_TOPICS},
        {"SHOW VARIABLES;", NULL, LEAT_SQL_LIST_VARIABLES},
        {"SHOW PROPERTIES;", NULL, LEAT_SQL_LIST_PROPERTIES},
        {"SHOW OFFSETS FOR CONNECTOR x;", "X", LEAT_SQL_LIST_OFFSETS},
        {"ALTER OFFSETS FOR CONNECTOR x SET '[]';", "X", LEAT_SQL_ALTER_OFFSETS},
        {"RESET OFFSETS FOR CONNECTOR x;", "X", LEAT_SQL_RESET_OFFSETS},
        {"SHOW DEAD LETTERS FOR CONNECTOR x;", "X", LEAT_SQL_LIST_LETTERS},
        {"LIST DEAD LETTERS 1, 2 FOR CONNECTOR x;", "X", LEAT_SQL_LIST_LETTERS},
        {"RETRY DEAD LETTERS 7 FOR CONNECTOR x;", "X", LEAT_SQL_RETRY_LETTERS},
        {"DROP DEAD LETTERS 7,8 FOR CONNECTOR `x`;", "x", LEAT_SQL_DROP_LETTERS},
        {"ALTER DEAD LETTERS 7 FOR CONNECTOR x SET '{}';", "X", LEAT_SQL_ALTER_LETTER},
        {"ALTER CONNECTOR x SET ('a'='b');", "X", LEAT_SQL_ALTER_CONNECTOR},
        {"PAUSE CONNECTOR x;", "X", LEAT_SQL_PAUSE},
        {"RESUME CONNECTOR x;", "X", LEAT_SQL_RESUME},
        {"STOP CONNECTOR x;", "X", LEAT_SQL_STOP},
        {"RESTART CONNECTOR x;", "X", LEAT_SQL_RESTART},
        {"TEST CONNECTOR x;", "X", LEAT_SQL_TEST_CONNECTOR},
        {"SNAPSHOT CONNECTOR x TABLES public.a, 'public.b' WHERE 'id > 1' BLOCKING;", "X",
         LEAT_SQL_SNAPSHOT},
        {"PRINT 'a.b' FROM BEGINNING LIMIT 3;", "a.b", LEAT_SQL_PRINT},
        {"PRINT a;", "A", LEAT_SQL_PRINT},
        {"DEFINE x='y';", "x", LEAT_SQL_DEFINE},
        {"UNDEFINE limit;", "limit", LEAT_SQL_UNDEFINE},
        {"SET 'auto.offset.reset'='earliest';", "auto.offset.reset", LEAT_SQL_SET},
        {"UNSET 'a';", "a", LEAT_SQL_UNSET},
    };
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        fixture f;
        const leat_sql_statement *s = parsed(&f, want[i].text);
        if (s->kind != want[i].kind) fail_msg("%s: kind %d", want[i].text, s->kind);
        same(s->name, want[i].name);
        same(s->text, want[i].text);
        leat_arena_free(&f.a);
    }
}

static void parts(void **state)
{
    fixture f;
    const leat_sql_statement *s =
        parsed(&f, "SNAPSHOT CONNECTOR x TABLES public.Ab, 'c.d' WHERE 'id > 1' BLOCKING;"
                   "PRINT t FROM BEGINNING LIMIT 3; PRINT t; DROP CONNECTOR x DELETE OFFSETS;"
                   "DROP CONNECTOR IF EXISTS x FORGET;");
    (void)state;
    same(s->tables->name, "public.Ab"); /* a table keeps its case */
    same(s->tables->next->name, "c.d");
    same(s->value, "id > 1");
    assert_true(s->blocking);
    s = s->next;
    assert_true(s->beginning);
    assert_int_equal(s->limit, 3);
    s = s->next;
    assert_false(s->beginning);
    assert_int_equal(s->limit, -1);
    s = s->next;
    assert_true(s->delete_offsets && !s->forget && !s->exists);
    s = s->next;
    assert_true(!s->delete_offsets && s->forget && s->exists);
    leat_arena_free(&f.a);
}

static void refuses(const char *text, const char *msg)
{
    fixture f;
    parse(&f, text);
    assert_int_equal(f.rc, LEAT_CONF);
    assert_string_equal(f.e.code, "sql.syntax");
    if (!strstr(f.e.msg, msg)) fail_msg("%s: \"%s\" is not in \"%s\"", text, msg, f.e.msg);
    leat_arena_free(&f.a);
}

static void what_is_wrong(void **state)
{
    (void)state;
    refuses("SHWO CONNECTORS;",
            "line 1:1: Syntax Error\nUnknown statement 'SHWO'\nDid you mean 'SHOW'?");
    refuses("SHOW\n  CONECTORS;", "line 2:3: Syntax Error\nExpecting 'CONNECTORS'");
    refuses("SHOW CONNECTORS", "line 1:16: Syntax Error\nExpecting ';', got the end of the text");
    refuses("CREATE SOURCE CONNECTOR x;", "line 1:26: Syntax Error\nExpecting 'WITH', got ';'");
    refuses("CREATE SOURCE CONNECTOR x WITH ('a'='b'", "Expecting ')', got the end of the text");
    refuses("CREATE SOURCE CONNECTOR x WITH ();", "Expecting the name of an option, got ')'");
    refuses("CREATE SOURCE CONNECTOR x WITH ('a'=b);", "Expecting a value");
    refuses("CREATE SOURCE CONNECTOR x WITH ('a'='1','a'='2');", "line 1:41: Duplicate key a");
    refuses("CREATE SOURCE CONNECTOR with WITH ('a'='1');", "\"with\" is a reserved keyword");
    refuses("CREATE SOURCE CONNECTOR 'x' WITH ('a'='1');", "got a text in single quotes");
    refuses("CREATE SOURCE CONNECTOR `` WITH ('a'='1');", "Expecting a name");
    refuses("ALTER x;", "'CONNECTOR', 'CONNECTION', 'OFFSETS' or 'DEAD LETTERS'");
    refuses("SHOW x;", "'OFFSETS', 'DEAD LETTERS', 'TOPICS'");
    refuses("PRINT t LIMIT 0;", "a number of records");
    refuses("PRINT t LIMIT 99999999999999999999;", "a number of records");
    refuses("DROP CONNECTOR x 'secret", "got a quote without its end");
    refuses("/* DROP CONNECTOR x;", "got a comment without its end");
    refuses("CREATE SOURCE CONNECTOR x WITH ('\xff'='1');", "not UTF-8");
}

static void secrets_are_not_told(void **state)
{
    static const char *const texts[] = {
        "CREATE SOURCE CONNECTOR x WITH ('a'='hunter2' 'b'='c');",
        "CREATE SOURCE CONNECTOR x WITH ('a' 'hunter2');",
        "CREATE SOURCE CONNECTOR x WITH ('a'='b', 'password'='hunter2;",
        "SHOW 'hunter2';",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fixture f;
        parse(&f, texts[i]);
        assert_int_equal(f.rc, LEAT_CONF);
        assert_null(strstr(f.e.msg, "hunter2"));
        leat_arena_free(&f.a);
    }
}

/* ---- variables ---- */

static void variables(void **state)
{
    fixture f;
    const leat_sql_statement *s =
        parsed(&f, "DEFINE n='3'; DEFINE q='''x''y'''; DEFINE c='conn'; DEFINE i='`Conn`';"
                   "CREATE SOURCE CONNECTOR ${C} WITH ('a'=${n}, 'b'=${q}, 'c'='<${c}> ${none} ${"
                   "file:/p:k}');"
                   "UNDEFINE c; DROP CONNECTOR ${i}; SHOW VARIABLES;");
    const leat_sql_var **all;
    (void)state;
    s = s->next->next->next->next;
    same(s->name, "CONN"); /* any case; a word without quotes is in capitals */
    same(s->props->value, "3");
    same(s->props->next->value, "x'y");
    same(s->props->next->next->value, "<conn> ${none} ${file:/p:k}");
    s = s->next->next;
    same(s->name, "Conn");
    s = s->next;
    assert_int_equal(leat_sql_var_list(s->vars, &f.a, &all), 3);
    same(all[0]->name, "i");
    same(leat_sql_var_get(f.vars, LEAT_STR("c")), NULL);
    leat_arena_free(&f.a);
}

static void a_variable_is_one_word(void **state)
{
    (void)state;
    refuses("DEFINE c='x WITH (''a''=''b''); DROP CONNECTOR y'; DROP CONNECTOR ${c};",
            "Identifier names cannot start with '@'");
    refuses("DEFINE v='b'', ''c''=''d'; CREATE SOURCE CONNECTOR x WITH ('a'=${v});",
            "is no quoted text, number or boolean");
    refuses("DROP CONNECTOR ${none};", "Got: '${none}'");
    refuses("CREATE SOURCE CONNECTOR x WITH ('a'=${none});", "is not defined");
    refuses("DEFINE a='0123456789012345678901234567890123456789012345678901234567890123';"
            "DEFINE a='${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}';"
            "DEFINE a='${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}';"
            "DEFINE a='${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}';"
            "DEFINE a='${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}';"
            "DEFINE a='${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}';",
            "more than 1 MiB");
}

/* ---- what may be shown ---- */

static void masked(const char *text, const char *want)
{
    fixture f;
    leat_buf out = {0};
    leat_sql_mask(parsed(&f, text), &out);
    same(leat_buf_str(&out), want);
    leat_buf_free(&out);
    leat_arena_free(&f.a);
}

static void masks(void **state)
{
    leat_buf out = {0};
    (void)state;
    masked("create  source connector if not exists x with ('connector.class' = 'k', \"p\"=12);",
           "CREATE SOURCE CONNECTOR IF NOT EXISTS x WITH ('connector.class'='k', "
           "\"p\"='[string]');");
    masked("ALTER CONNECTOR `y` SET ('p'='s');", "ALTER CONNECTOR `y` SET ('p'='[string]');");
    masked("show  connectors ;", "show  connectors ;");
    masked("DEFINE a = 's';", "DEFINE a = '[string]';");
    masked("TEST CONNECTION c WITH ('p.password'='s');",
           "TEST CONNECTION c WITH ('p.password'='[string]');");
    leat_sql_mask_text(LEAT_STR("CREATE x WITH ('p'='s', 'q' = 'open"), &out);
    same(leat_buf_str(&out), "CREATE x WITH ('p'='[string]', 'q' = '[string]'");
    leat_buf_free(&out);
}

/* ---- templates, files ---- */

#define JDBC "'connector.class'='io.confluent.connect.jdbc.JdbcSourceConnector'"

static void jdbc_keys(void **state)
{
    fixture f;
    leat_config *c = leat_sql_template(
        parsed(&f, "CREATE SOURCE CONNECTOR x WITH ('key'='id', " JDBC ", 'transforms'='t');"),
        &f.a);
    (void)state;
    assert_null(leat_props_get(&c->props, "key"));
    assert_string_equal(leat_props_get(&c->props, "transforms"),
                        "t,ksqlCreateKey,ksqlExtractString");
    assert_string_equal(leat_props_get(&c->props, "transforms.ksqlCreateKey.fields"), "id");
    assert_string_equal(leat_props_get(&c->props, "transforms.ksqlExtractString.type"),
                        "org.apache.kafka.connect.transforms.ExtractField$Key");
    assert_string_equal(leat_props_get(&c->props, "tasks.max"), "1");
    assert_string_equal(leat_props_get(&c->props, "name"), "X");
    leat_arena_free(&f.a);
    c = leat_sql_template(parsed(&f, "CREATE SOURCE CONNECTOR x WITH (" JDBC ", \"key\"='id');"),
                          &f.a);
    assert_string_equal(leat_props_get(&c->props, "transforms"), "ksqlCreateKey,ksqlExtractString");
    leat_arena_free(&f.a);
    c = leat_sql_template(
        parsed(&f, "CREATE SOURCE CONNECTOR x WITH ('key'='id', 'connector.class'='o', 'n'=NULL);"),
        &f.a);
    assert_string_equal(leat_props_get(&c->props, "key"), "id");
    assert_null(leat_props_get(&c->props, "tasks.max"));
    assert_null(leat_props_get(&c->props, "n"));
    leat_arena_free(&f.a);
}

static void files(void **state)
{
    leat_arena a = {0};
    leat_config *list;
    leat_err e;
    (void)state;
    assert_int_equal(
        leat_sql_configs(&a,
                         LEAT_STR("\xEF\xBB\xBF-- two\nSET 'a'='b'; DEFINE p='t';\n"
                                  "CREATE SOURCE CONNECTOR a WITH ('topic.prefix'='${p}');\n"
                                  "CREATE SOURCE CONNECTOR IF NOT EXISTS a WITH ('x'='y');\n"
                                  "CREATE SINK CONNECTOR \"b\" WITH ('x'='y');"),
                         "f.sql", &list, &e),
        LEAT_OK);
    assert_string_equal(list->name, "A");
    assert_string_equal(leat_props_get(&list->props, "topic.prefix"), "t");
    assert_string_equal(list->next->name, "b");
    assert_null(list->next->next);
    assert_int_equal(leat_sql_configs(&a, LEAT_STR("\nSHOW CONNECTORS;"), "f.sql", &list, &e),
                     LEAT_CONF);
    assert_string_equal(e.code, "config.sql");
    assert_string_equal(e.where, "f.sql:2");
    assert_int_equal(leat_sql_configs(&a,
                                      LEAT_STR("CREATE SOURCE CONNECTOR a WITH ('x'='y');"
                                               "CREATE SOURCE CONNECTOR A WITH ('x'='y');"),
                                      "f.sql", &list, &e),
                     LEAT_CONF);
    assert_string_equal(e.code, "config.name");
    assert_int_equal(leat_sql_configs(&a, LEAT_STR("-- nothing"), "f.sql", &list, &e), LEAT_CONF);
    leat_arena_free(&a);
}

/* ---- the run, against a server that is a list of answers ---- */

typedef struct exchange {
    const char *method, *path;
    int status;
    const char *answer;
} exchange;

typedef struct server {
    const exchange *next;
    leat_buf bodies;
} server;

static leat_rc ask(void *arg, const char *method, const char *path, leat_str body, leat_arena *a,
                   int *status, leat_str *answer, leat_err *e)
{
    server *s = arg;
    (void)e;
    if (!s->next->method) fail_msg("unexpected %s %s", method, path);
    assert_string_equal(method, s->next->method);
    assert_string_equal(path, s->next->path);
    if (body.s) leat_buf_printf(&s->bodies, "%.*s\n", LEAT_STR_ARG(body));
    *status = s->next->status;
    *answer = leat_arena_str(a, leat_str_of(s->next->answer));
    s->next++;
    return LEAT_OK;
}

/* want: the entities, or the failure. */
static void runs(const char *text, const exchange *exchanges, const char *want)
{
    fixture f;
    server s = {.next = exchanges};
    const leat_sql_host host = {.ask = ask, .arg = &s};
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_sql_failure failure;
    leat_jw_array(&w, NULL);
    if (leat_sql_run(&host, parsed(&f, text), &f.a, &w, &failure)) {
        leat_jw_end(&w);
    } else {
        leat_buf_clear(&out);
        leat_buf_printf(&out, "%d ", failure.status);
        leat_sql_failure_write(&failure, &out);
    }
    same(leat_buf_str(&out), want);
    if (s.next->method) fail_msg("%s %s was not asked for", s.next->method, s.next->path);
    leat_buf_free(&s.bodies);
    leat_buf_free(&out);
    leat_arena_free(&f.a);
}
#define RUNS(text, want, ...)                                                                      \
    runs(text, (const exchange[]){__VA_ARGS__, {NULL, NULL, 0, NULL}}, want)

static void lists(void **state)
{
    (void)state;
    RUNS(
        "SHOW SOURCE CONNECTORS;",
        "[{\"@type\":\"connector_list\",\"statementText\":\"SHOW SOURCE CONNECTORS;\",\"connectors\":"
        "[{\"name\":\"a\",\"type\":\"source\",\"className\":\"k\",\"state\":\"RUNNING (1/2 tasks "
        "RUNNING)\"},{\"name\":\"b\",\"type\":\"source\",\"className\":\"k\",\"state\":\"WARNING "
        "(0/1 tasks RUNNING)\"},{\"name\":\"c\",\"type\":\"source\",\"className\":\"k\",\"state\":"
        "\"FAILED\"}],\"warnings\":[]}]",
        {"GET", "/connectors?expand=info&expand=status", 200,
         "{\"a\":{\"info\":{\"type\":\"source\",\"config\":{\"connector.class\":\"k\"}},\"status\":{"
         "\"connector\":{\"state\":\"RUNNING\"},\"tasks\":[{\"state\":\"RUNNING\"},{\"state\":"
         "\"FAILED\"}]}},\"b\":{\"info\":{\"type\":\"source\",\"config\":{\"connector.class\":"
         "\"k\"}},\"status\":{\"connector\":{\"state\":\"RUNNING\"},\"tasks\":[{\"state\":\"FAILED\"}]"
         "}},\"s\":{\"info\":{\"type\":\"sink\",\"config\":{}},\"status\":{}},\"c\":{\"info\":{"
         "\"type\":\"source\",\"config\":{\"connector.class\":\"k\"}},\"status\":{\"connector\":{"
         "\"state\":\"FAILED\"},\"tasks\":[]}}}"});
}

/* No more are listed than REST gives, which is told. */
static void letters(void **state)
{
    leat_buf list = {0}, want = {0};
    (void)state;
    for (int i = 0; i < 1000; i++) leat_buf_printf(&list, "%c{\"id\":%d}", i ? ',' : '[', i + 1);
    leat_buf_str_z(&list, "]");
    leat_buf_printf(
        &want,
        "[{\"@type\":\"connector_dead_letters\",\"statementText\":\"SHOW DEAD LETTERS FOR "
        "CONNECTOR x;\",\"connectorName\":\"X\",\"deadLetters\":%.*s,\"warnings\":[{\"message\":"
        "\"These are the first 1,000, there may be more: SELECT ... FROM dead_letters "
        "looks at all of them\"}]}]",
        LEAT_STR_ARG(leat_buf_str(&list)));
    leat_buf_u8(&list, 0);
    leat_buf_u8(&want, 0);
    RUNS("SHOW DEAD LETTERS FOR CONNECTOR x;", want.p,
         {"GET", "/hub/v1/connectors/X/dead-letters?max=1000", 200, list.p});
    leat_buf_free(&list);
    leat_buf_free(&want);
}

static void creates(void **state)
{
    static const char text[] = "CREATE SOURCE CONNECTOR `a/b` WITH ('connector.class'='k');";
    (void)state;
    RUNS(
        text,
        "[{\"@type\":\"connector_info\",\"statementText\":\"CREATE SOURCE CONNECTOR `a/b` WITH "
        "('connector.class'='k');\",\"info\":{\"name\":\"a/b\",\"type\":\"source\"},\"warnings\":[]}]",
        {"GET", "/connectors", 200, "[\"x\"]"},
        {"PUT", "/connector-plugins/k/config/validate", 200, "{\"configs\":[]}"},
        {"POST", "/connectors", 201, "{\"name\":\"a/b\",\"type\":\"source\"}"});
    RUNS(
        text,
        "409 {\"@type\":\"generic_error\",\"error_code\":40900,\"message\":\"Connector a/b already "
        "exists\"}",
        {"GET", "/connectors", 200, "[\"A/B\"]"});
    RUNS(
        "CREATE SOURCE CONNECTOR IF NOT EXISTS a WITH ('connector.class'='k');",
        "[{\"@type\":\"warning_entity\",\"statementText\":\"CREATE SOURCE CONNECTOR IF NOT EXISTS a "
        "WITH ('connector.class'='k');\",\"message\":\"Connector A already exists\",\"warnings\":[]}"
        "]",
        {"PUT", "/connector-plugins/k/config/validate", 200, "{\"configs\":[]}"},
        {"GET", "/connectors", 200, "[\"a\"]"});
    RUNS(
        text,
        "400 {\"@type\":\"generic_error\",\"error_code\":40000,\"message\":\"Validation error: o - "
        "one. two\\np - three\"}",
        {"GET", "/connectors", 200, "[]"},
        {"PUT", "/connector-plugins/k/config/validate", 200,
         "{\"configs\":[{\"value\":{\"name\":\"o\",\"errors\":[\"one\",\"two\"]}},{\"value\":{"
         "\"name\":\"q\",\"errors\":[]}},{\"value\":{\"name\":\"p\",\"errors\":[\"three\"]}}]}"});
    RUNS("CREATE SOURCE CONNECTOR a WITH ('x'='y');",
         "400 {\"@type\":\"generic_error\",\"error_code\":40000,\"message\":\"Validation error: "
         "Connector config contains no connector type: 'connector.class' is missing\"}",
         {"GET", "/connectors", 200, "[]"});
}

static void drops(void **state)
{
    (void)state;
    RUNS("DROP CONNECTOR a;",
         "[{\"@type\":\"drop_connector\",\"statementText\":\"DROP CONNECTOR a;\",\"connectorName\":"
         "\"A\",\"warnings\":[]}]",
         {"GET", "/connectors/A", 200, "{}"}, {"DELETE", "/connectors/A", 204, ""});
    RUNS("DROP CONNECTOR a;",
         "404 {\"@type\":\"generic_error\",\"error_code\":40400,\"message\":\"Failed to drop "
         "connector: gone\"}",
         {"GET", "/connectors/A", 404, "gone"});
    RUNS(
        "DROP CONNECTOR IF EXISTS a;",
        "[{\"@type\":\"warning_entity\",\"statementText\":\"DROP CONNECTOR IF EXISTS a;\",\"message\":"
        "\"Connector 'A' does not exist.\",\"warnings\":[]}]",
        {"GET", "/connectors/A", 404, "gone"});
    RUNS(
        "DROP CONNECTOR a FORGET;",
        "400 {\"@type\":\"generic_error\",\"error_code\":40000,\"message\":\"FORGET is leat's; what "
        "answers here is Kafka Connect 4.1.0\"}",
        {"GET", "/", 200, "{\"version\":\"4.1.0\",\"commit\":\"13f70256db3c994c\"}"});
}

/* Nothing is done where one of them is known to fail. */
static void looks_first(void **state)
{
    (void)state;
    static const exchange none = {NULL, NULL, 0, NULL};
    runs("DROP CONNECTOR a; PRINT t;", &none,
         "400 {\"@type\":\"statement_error\",\"error_code\":40002,\"message\":\"The following "
         "statement types should be issued to the websocket endpoint '/query':\\n\\t* PRINT\\n\\t* "
         "SELECT\",\"statementText\":\"PRINT t;\",\"entities\":[]}");
}

/* A SELECT is taken whole, up to its semicolon; variables stay one value each. */
static void selects(void **state)
{
    fixture f;
    (void)state;
    leat_sql_statement *s = parsed(&f, "select a->>'$.x;y', \"b;\" /* ; */ from t; SHOW TOPICS;");
    assert_int_equal(s->kind, LEAT_SQL_SELECT);
    same(s->value, "select a->>'$.x;y', \"b;\" /* ; */ from t");
    assert_int_equal(s->next->kind, LEAT_SQL_LIST_TOPICS);
    leat_arena_free(&f.a);
    s = parsed(&f, "DEFINE n = 'it''s ${x}'; DEFINE i = '7';"
                   "WITH q AS (SELECT 1) SELECT '${n}', ${i}, '${gone}' FROM q;");
    s = s->next->next;
    assert_int_equal(s->kind, LEAT_SQL_SELECT);
    same(s->value, "WITH q AS (SELECT 1) SELECT 'it''s ${x}', 7, '${gone}' FROM q");
    leat_arena_free(&f.a);
    s = parsed(&f, "DEFINE n = '''o'' OR ''1''=''1'''; SELECT ${n};")->next;
    same(s->value, "SELECT 'o'' OR ''1''=''1'");
    leat_arena_free(&f.a);
    parse(&f, "DEFINE n = '1; DROP'; SELECT ${n};");
    assert_int_equal(f.rc, LEAT_CONF);
    leat_arena_free(&f.a);
    parse(&f, "SELECT 'open;");
    assert_int_equal(f.rc, LEAT_CONF);
    leat_arena_free(&f.a);
    static const exchange none = {NULL, NULL, 0, NULL};
    runs("SELECT 1;", &none,
         "400 {\"@type\":\"statement_error\",\"error_code\":40002,\"message\":\"The following "
         "statement types should be issued to the websocket endpoint '/query':\\n\\t* PRINT\\n\\t* "
         "SELECT\",\"statementText\":\"SELECT 1;\",\"entities\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(statements_are_cut_at_semicolons),
        cmocka_unit_test(create),
        cmocka_unit_test(kinds),
        cmocka_unit_test(parts),
        cmocka_unit_test(what_is_wrong),
        cmocka_unit_test(secrets_are_not_told),
        cmocka_unit_test(variables),
        cmocka_unit_test(a_variable_is_one_word),
        cmocka_unit_test(masks),
        cmocka_unit_test(jdbc_keys),
        cmocka_unit_test(files),
        cmocka_unit_test(lists),
        cmocka_unit_test(letters),
        cmocka_unit_test(creates),
        cmocka_unit_test(drops),
        cmocka_unit_test(looks_first),
        cmocka_unit_test(selects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
