/* leat sql: statements to a hub, or to a Kafka Connect, from a terminal, a file or the command
 * line.
 *
 * The statements are carried out here, by requests to the REST API of whoever is named by
 * --connect: a hub knows all of them, Kafka Connect those that it can do. PRINT asks for records
 * again and again. Exit status 3 when a test found something wrong, 2 when a statement cannot be
 * read, 1 when one failed: those behind it are not carried out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "cli/cli.h"
#include "cli/connect.h"
#include "cli/lines.h"
#include "cli/read_kafka.h"
#include "cli/sql_line.h"
#include "cli/sql_select.h"
#include "cli/sql_show.h"
#include "prove/takeover/rest.h"
#include "sql/parse.h"
#include "sql/run.h"
#include "sql/token.h"

enum { TEXT_MOST = 1 << 20, PRINT_WAIT_US = 200000, PRINT_MAX = 1000 };

typedef struct console {
    leat_common common;
    leat_connect connect;
    const char *statement, *file, *define;
    const char *data;     /* a SELECT reads it itself; NULL: the hub is asked */
    int64_t seconds, max; /* of a SELECT; 0: as ever */
    leat_rest *rest;
    leat_sql_host host;
    leat_arena session; /* what variables stand for, and statements that were read */
    const leat_sql_var *vars;
    leat_lines lines;
    bool found; /* a test has failed */
} console;

static leat_rc ask(void *arg, const char *method, const char *path, leat_str body, leat_arena *a,
                   int *status, leat_str *answer, leat_err *e)
{
    const console *g = arg;
    return leat_rest_ask(g->rest, method, path, body, a, status, answer, e);
}

/* ---- failures ---- */

static int failed(console *g, const leat_sql_failure *f)
{
    leat_buf text = {0};
    if (g->common.json) {
        leat_sql_failure_write(f, &text);
        leat_buf_add(&g->lines.out, leat_buf_str(&text));
        leat_buf_u8(&g->lines.out, '\n');
        leat_lines_flush(&g->lines);
    } else {
        fprintf(stderr, "leat sql: %s\n", f->message);
    }
    leat_buf_free(&text);
    return f->code == 40001 ? LEAT_EXIT_USAGE : LEAT_EXIT_FAILED;
}

/* ---- PRINT ---- */

/* Where to begin: "beginning", or the offset behind the last record. NULL: told. */
static const char *print_from(console *g, const leat_sql_statement *s, leat_arena *a, int *status)
{
    leat_str answer = {0};
    const leat_json *list = NULL;
    leat_err err = {0};
    int code = 0;
    if (s->beginning) return "beginning";
    if (ask(g, "GET", "/hub/v1/topics", (leat_str){0}, a, &code, &answer, &err) != LEAT_OK) {
        *status = leat_cli_fail(&err);
        return NULL;
    }
    leat_json_parse(a, answer, &list, &err);
    for (const leat_json *j = code == 200 && list ? list->child : NULL; j; j = j->next)
        if (leat_str_eq(leat_json_get_str(j, "topic"), s->name))
            return leat_arena_printf(a, "%" PRId64, leat_json_get_i64(j, "next_offset", 0));
    return "beginning"; /* whether there is one at all, the next request tells */
}

static void print_records(console *g, const leat_json *events, leat_arena *a)
{
    for (const leat_json *j = events ? events->child : NULL; j; j = j->next) {
        if (g->common.json) {
            leat_json_write(j, &g->lines.out);
            leat_buf_u8(&g->lines.out, '\n');
        } else {
            leat_sql_show_record(j, a, &g->lines.out);
        }
    }
    leat_lines_flush(&g->lines);
}

static int print(console *g, const leat_sql_statement *s)
{
    leat_arena a = {0};
    leat_buf path = {0};
    int status = LEAT_EXIT_OK, code = 0;
    int64_t left = s->limit;
    const char *from = print_from(g, s, &g->session, &status);
    while (from && left != 0 && !leat_lines_interrupted() && !g->lines.closed) {
        leat_str answer = {0};
        const leat_json *j = NULL;
        leat_err err = {0};
        leat_arena_reset(&a, 1 << 20);
        leat_buf_clear(&path);
        leat_buf_str_z(&path, "/hub/v1/topics/");
        leat_buf_url(&path, s->name);
        leat_buf_printf(&path, "/events?from=%s&max=%" PRId64, from,
                        left > 0 && left < PRINT_MAX ? left : PRINT_MAX);
        leat_rc rc = ask(g, "GET", leat_arena_str(&a, leat_buf_str(&path)).s, (leat_str){0}, &a,
                         &code, &answer, &err);
        if (rc == LEAT_OK && code == 200) rc = leat_json_parse(&a, answer, &j, &err);
        if (rc != LEAT_OK) {
            status = leat_cli_fail(&err);
            break;
        }
        if (code != 200) {
            const leat_sql_failure f = {
                .status = code,
                .code = code * 100,
                .message =
                    leat_arena_printf(&a, "Failed to print topic: %.*s", LEAT_STR_ARG(answer))};
            status = failed(g, &f);
            break;
        }
        const leat_json *events = leat_json_get(j, "events");
        print_records(g, events, &a);
        for (const leat_json *one = events ? events->child : NULL; one && left > 0; one = one->next)
            left--;
        int64_t next = leat_json_get_i64(j, "next_offset", -1);
        if (next >= 0) from = leat_arena_printf(&g->session, "%" PRId64, next);
        if (leat_json_get_bool(j, "at_end", false) && left != 0) leat_sleep_us(PRINT_WAIT_US);
    }
    leat_buf_free(&path);
    leat_arena_free(&a);
    return status;
}

/* ---- SELECT ---- */

static int select_rows(console *g, const leat_sql_statement *s)
{
    leat_props worker;
    leat_sql_asking asking = {.rest = g->rest,
                              .query = {.data = g->data,
                                        .kafka = g->common.kafka ? &worker : NULL,
                                        .sql = s->value,
                                        .max_rows = g->max ? g->max : LEAT_SELECT_ROWS,
                                        .ms = g->seconds ? g->seconds * 1000 : LEAT_SELECT_MS}};
    leat_arena a = {0};
    const leat_json *answer = NULL;
    leat_sql_failure failure;
    leat_err err = {0};
    int status = LEAT_EXIT_OK;
    bool ready =
        !g->common.kafka || leat_read_kafka_worker(g->common.kafka, &a, &worker, &err) == LEAT_OK;
    if (!ready) leat_sql_select_failure(&err, &a, &failure);
    if (!ready || !leat_sql_select_ask(&asking, &a, &answer, &failure))
        status = failed(g, &failure);
    else if (g->common.json)
        leat_sql_select_write(answer, &g->lines.out);
    else
        leat_sql_select_show(answer, isatty(STDOUT_FILENO), &g->lines.out);
    leat_lines_flush(&g->lines);
    if (leat_json_get_bool(answer, "more", false))
        fprintf(stderr,
                "leat sql: there are more rows; narrow the query, or ask for more with --max\n");
    leat_arena_free(&a);
    return status;
}

/* ---- one statement after the other ---- */

static void show(console *g, leat_str entities, leat_arena *a)
{
    const leat_json *list = NULL;
    leat_err err;
    if (leat_json_parse(a, entities, &list, &err) != LEAT_OK) return;
    for (const leat_json *j = list->child; j; j = j->next) {
        leat_str type = leat_json_get_str(j, "@type");
        bool test = leat_str_is(type, "connector_test") || leat_str_is(type, "connection_test");
        if (test && !leat_json_get_bool(j, "ok", false)) g->found = true;
        if (g->common.json) {
            leat_json_write(j, &g->lines.out);
            leat_buf_u8(&g->lines.out, '\n');
        } else {
            leat_sql_show(j, &g->lines.out);
        }
    }
    leat_lines_flush(&g->lines);
}

static int carry_out(console *g, const leat_sql_statement *s)
{
    leat_sql_statement alone = *s;
    leat_sql_failure failure;
    leat_arena a = {0};
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    int status = LEAT_EXIT_OK;
    alone.next = NULL;
    if (s->kind == LEAT_SQL_PRINT) return print(g, s);
    if (s->kind == LEAT_SQL_SELECT) return select_rows(g, s);
    if (s->kind == LEAT_SQL_SET || s->kind == LEAT_SQL_UNSET)
        fprintf(stderr, "leat sql: properties of streams are accepted without effect\n");
    leat_jw_array(&w, NULL);
    if (leat_sql_run(&g->host, &alone, &a, &w, &failure)) {
        leat_jw_end(&w);
        show(g, leat_arena_str(&a, leat_buf_str(&text)), &a);
    } else {
        status = failed(g, &failure);
    }
    leat_buf_free(&text);
    leat_arena_free(&a);
    return status;
}

/* All of a text is read before the first of it is carried out. */
static int run_text(console *g, leat_str text)
{
    leat_sql_statement *list = NULL;
    leat_sql_failure failure;
    leat_err err = {0};
    const leat_sql_var *vars = g->vars;
    int status = LEAT_EXIT_OK;
    if (leat_sql_parse(&g->session, text, &vars, &list, &err) != LEAT_OK) {
        leat_sql_failure_of(&err, text, &g->session, &failure);
        return failed(g, &failure);
    }
    for (; list && status == LEAT_EXIT_OK && !leat_lines_interrupted(); list = list->next)
        status = carry_out(g, list);
    if (status == LEAT_EXIT_OK) g->vars = vars;
    return status;
}

static int run_file(console *g)
{
    leat_buf text = {0};
    leat_err err = {0};
    int rc = leat_os_load(g->file, &text, TEXT_MOST), status;
    if (rc < 0) {
        leat_os_fail(&err, rc, "read the file", g->file);
        status = leat_cli_fail(&err);
    } else {
        status = run_text(g, leat_buf_str(&text));
    }
    leat_buf_free(&text);
    return status;
}

/* The last semicolon of a command line may be left out. */
static int run_words(console *g)
{
    leat_str rest = leat_str_of(g->statement);
    while (leat_sql_cut(&rest).s) {}
    bool whole = leat_sql_blank(rest);
    return run_text(
        g, leat_str_of(leat_arena_printf(&g->session, "%s%s", g->statement, whole ? "" : "\n;")));
}

/* ---- the console ---- */

static const char *const words[] = {
    "BEGINNING", "CONNECTOR", "CONNECTORS", "EXISTS",  "FOR",  "FROM", "IF",
    "LIMIT",     "NOT",       "OFFSETS",    "PLUGINS", "SET",  "SINK", "SOURCE",
    "TABLES",    "TOPICS",    "VARIABLES",  "WHERE",   "WITH",
};

/* Those that begin as the word does, in any case. */
typedef struct choices {
    leat_str begun;
    const char **v;
    size_t n;
} choices;

enum { CHOICES_MOST = 200 };

/* as: how it is to be written. */
static void add_word(choices *c, const char *word, const char *as)
{
    leat_str text = leat_str_of(word);
    if (c->n == CHOICES_MOST || text.len < c->begun.len) return;
    if (leat_str_ieq((leat_str){text.s, c->begun.len}, c->begun)) c->v[c->n++] = as;
}

/* A word in capitals, which needs no quotes. */
static bool plain(leat_str name)
{
    leat_sql_lexer l;
    leat_sql_lexer_init(&l, name);
    leat_sql_token t = leat_sql_next(&l);
    if (t.kind != LEAT_SQL_WORD || t.text.len != name.len) return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.s[i] >= 'a' && name.s[i] <= 'z') return false;
    return true;
}

static void add_names(console *g, choices *c, bool quoted, leat_arena *a)
{
    leat_str answer = {0};
    const leat_json *list = NULL;
    leat_err err;
    int code = 0;
    if (ask(g, "GET", "/connectors", (leat_str){0}, a, &code, &answer, &err) != LEAT_OK ||
        code != 200 || leat_json_parse(a, answer, &list, &err) != LEAT_OK)
        return;
    for (const leat_json *j = list->child; j; j = j->next) {
        const char *name = leat_arena_str(a, j->text).s;
        add_word(c, name, quoted || plain(j->text) ? name : leat_arena_printf(a, "`%s`", name));
    }
}

static size_t complete(void *arg, leat_str word, bool quoted, bool first, leat_arena *a,
                       const char ***out)
{
    choices c = {.begun = word, .v = LEAT_NEW(a, const char *, CHOICES_MOST)};
    for (size_t i = 0; first && leat_sql_first_word(i); i++)
        add_word(&c, leat_sql_first_word(i), leat_sql_first_word(i));
    for (size_t i = 0; !first && !quoted && i < sizeof words / sizeof *words; i++)
        add_word(&c, words[i], words[i]);
    if (!first) add_names(arg, &c, quoted, a);
    *out = c.v;
    return c.n;
}

static const char help[] =
    "Statements end with ; and may have several lines. Among them:\n"
    "  CREATE SOURCE|SINK CONNECTOR [IF NOT EXISTS] name WITH ('option' = 'value', ...);\n"
    "  SHOW CONNECTORS; SHOW CONNECTOR PLUGINS; SHOW TOPICS; SHOW VARIABLES;\n"
    "  DESCRIBE CONNECTOR name; TEST CONNECTOR name; ALTER CONNECTOR name SET ('option' = 'value');\n"
    "  PAUSE|RESUME|STOP|RESTART CONNECTOR name; DROP CONNECTOR [IF EXISTS] name;\n"
    "  SHOW|RESET OFFSETS FOR CONNECTOR name; SNAPSHOT CONNECTOR name TABLES schema.table;\n"
    "  SELECT ts, op, after->>'$.id' FROM \"topic\" WHERE ts > datetime('now', '-1 hour');\n"
    "  PRINT topic [FROM BEGINNING] [LIMIT n]; DEFINE name = 'value'; UNDEFINE name;\n"
    "Names are in capitals unless they stand in \"...\" or `...`. exit, or Ctrl-D, ends.\n";

/* One of the words that need no semicolon, at the beginning of a statement. */
static bool command(leat_str line, bool *ends)
{
    leat_str word = leat_str_trim(line);
    while (word.len > 0 && word.s[word.len - 1] == ';') word.len--;
    *ends = leat_str_ieq(word, LEAT_STR("exit")) || leat_str_ieq(word, LEAT_STR("quit"));
    bool helps = leat_str_ieq(word, LEAT_STR("help"));
    if (helps) fputs(help, stdout);
    return helps || *ends;
}

/* It has values that may be secret. Those that a SELECT compares with are none of an option. */
static bool sets_values(leat_str statement)
{
    leat_buf masked = {0};
    leat_sql_lexer l;
    leat_sql_lexer_init(&l, statement);
    leat_sql_token first = leat_sql_next(&l);
    leat_sql_mask_text(statement, &masked);
    bool hides = !leat_str_eq(leat_buf_str(&masked), statement);
    leat_buf_free(&masked);
    return hides && !leat_sql_token_is(&first, "SELECT") && !leat_sql_token_is(&first, "WITH");
}

/* Carries out what is whole in typed, and leaves the rest. */
static void run_typed(console *g, leat_sql_line *l, leat_buf *typed)
{
    leat_str rest = leat_buf_str(typed), statement;
    leat_arena a = {0};
    while ((statement = leat_sql_cut(&rest)).s) {
        leat_sql_line_note(l, statement, sets_values(statement));
        leat_lines_signals();
        run_text(g, leat_arena_str(&g->session, statement));
    }
    rest = leat_arena_str(&a, rest);
    leat_buf_clear(typed);
    if (!leat_sql_blank(rest)) leat_buf_add(typed, rest);
    leat_arena_free(&a);
}

static int interactive(console *g)
{
    const char *home = getenv("HOME");
    leat_buf typed = {0}, line = {0};
    const char *history =
        home ? leat_arena_printf(&g->session, "%s/.leat_sql_history", home) : NULL;
    leat_sql_line *l = leat_sql_line_open(history, complete, g);
    bool ends = false;
    printf("leat " LEAT_VERSION ", %s; help says more\n", leat_rest_url(g->rest));
    while (!ends) {
        leat_buf_clear(&line);
        leat_sql_read read = leat_sql_line_next(l, typed.len > 0, &line);
        if (read == LEAT_SQL_READ_END) break;
        if (read == LEAT_SQL_READ_CANCEL) {
            leat_buf_clear(&typed);
            continue;
        }
        if (typed.len == 0 && command(leat_buf_str(&line), &ends)) continue;
        leat_buf_add(&typed, leat_buf_str(&line));
        run_typed(g, l, &typed);
    }
    leat_sql_line_close(l);
    leat_buf_free(&typed);
    leat_buf_free(&line);
    return LEAT_EXIT_OK;
}

static int run_input(console *g)
{
    char part[1 << 14];
    leat_buf text = {0};
    size_t n;
    while ((n = fread(part, 1, sizeof part, stdin)) > 0 && text.len <= TEXT_MOST)
        leat_buf_put(&text, part, n);
    int status = text.len > TEXT_MOST ? leat_cli_usage("sql", "a text takes at most 1 MiB")
                                      : run_text(g, leat_buf_str(&text));
    leat_buf_free(&text);
    return status;
}

/* --define NAME=VALUE */
static int define(console *g)
{
    leat_str value = leat_str_of(g->define), name = leat_str_cut(&value, '=');
    leat_sql_lexer l;
    leat_sql_lexer_init(&l, name);
    leat_sql_token t = leat_sql_next(&l);
    if (!value.s || t.kind != LEAT_SQL_WORD || t.text.len != name.len)
        return leat_cli_usage("sql", "--define NAME=VALUE, got \"%s\"", g->define);
    g->vars = leat_sql_var_set(g->vars, &g->session, name, value);
    return LEAT_EXIT_OK;
}

static int run(console *g)
{
    leat_err err = {0};
    leat_rest_login login;
    leat_rc rc = leat_connect_login(&g->connect, &g->session, &login, &err);
    if (rc == LEAT_OK) rc = leat_rest_open(g->connect.url, &login, &g->rest, &err);
    if (rc != LEAT_OK) return leat_cli_fail(&err);
    g->host = (leat_sql_host){.ask = ask, .arg = g};
    leat_lines_signals();
    int status = g->define ? define(g) : LEAT_EXIT_OK;
    if (status == LEAT_EXIT_OK)
        status = g->statement           ? run_words(g)
                 : g->file              ? run_file(g)
                 : isatty(STDIN_FILENO) ? interactive(g)
                                        : run_input(g);
    leat_lines_flush(&g->lines);
    if (leat_rc_failed(leat_lines_result(&g->lines, &err))) status = leat_cli_fail(&err);
    if (status == LEAT_EXIT_OK && g->found) status = LEAT_EXIT_FOUND;
    leat_rest_close(g->rest);
    leat_buf_free(&g->lines.out);
    leat_arena_free(&g->session);
    return status;
}

int leat_cli_sql(int argc, char **argv)
{
    const char *env = getenv("LEAT_CONNECT");
    console g = {.connect.url = env && *env ? env : "http://127.0.0.1:8083"};
    const leat_arg args[] = {
        {"connect", LEAT_ARG_TEXT, &g.connect.url, "URL",
         "a hub, or a Kafka Connect (default: LEAT_CONNECT, else http://127.0.0.1:8083)"},
        LEAT_ARGS_LOGIN(g.connect),
        {"e", LEAT_ARG_TEXT, &g.statement, "STATEMENT", "carry out these statements"},
        {"f", LEAT_ARG_TEXT, &g.file, "FILE", "carry out the statements of a file"},
        {"define", LEAT_ARG_TEXT, &g.define, "NAME=VALUE", "a variable: ${NAME}"},
        {"data", LEAT_ARG_TEXT, &g.data, "DIR", "SELECT reads this data folder, without a hub"},
        {"kafka", LEAT_ARG_TEXT, &g.common.kafka, "BROKERS",
         "with --data: SELECT reads topics of this Kafka too (host:port, or a worker's file)"},
        {"timeout", LEAT_ARG_INT, &g.seconds, "SECONDS", "that a SELECT may take (default: 30)"},
        {"max", LEAT_ARG_INT, &g.max, "N", "rows that a SELECT may give (default: 10000)"},
        LEAT_ARG_JSON(g.common),
        {0},
    };
    const char *names[1];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, names, 0, &nwords, &status)) return status;
    if (g.statement && g.file) return leat_cli_usage(argv[0], "either -e or -f");
    if (g.seconds * 1000 > LEAT_SELECT_MS_MOST || g.seconds < 0)
        return leat_cli_usage(argv[0], "--timeout takes 1 to %d seconds",
                              LEAT_SELECT_MS_MOST / 1000);
    if (g.max > LEAT_SELECT_ROWS_MOST || g.max < 0)
        return leat_cli_usage(argv[0], "--max takes 1 to %d rows", LEAT_SELECT_ROWS_MOST);
    if (g.common.kafka && !g.data)
        return leat_cli_usage(argv[0], "--kafka goes with --data; a hub knows its own Kafka");
    return run(&g);
}
