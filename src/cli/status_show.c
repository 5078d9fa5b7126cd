/* leat status: a table of connectors, once or each second; JSON with --json.
 *
 * On a terminal numbers are rounded for reading; elsewhere they are whole, and columns are apart by
 * blanks. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/show.h"
#include "state/state.h"

enum { TABLES = 10 }; /* that are shown while they are read */

typedef struct showing {
    leat_common common;
    bool tables;              /* the ledger table by table, of one */
    bool watch, human, named; /* named: a person asked for these, and all must exist */
    const char *const *names; /* NULL: all there are */
    size_t n;
} showing;

/* ---- numbers ---- */

#define DAY_US INT64_C(86400000000)

static int64_t rate_of(const leat_json *j, const char *window, const char *member)
{
    const leat_json *r = leat_json_get(leat_json_get(leat_json_get(j, "rates"), window), member);
    int64_t whole = -1;
    if (!r || r->type != LEAT_JSON_NUMBER) return -1;
    leat_str text = r->text;
    return leat_str_i64(leat_str_cut(&text, '.'), &whole) ? whole : -1;
}

/* ---- lines ---- */

static void print_head(const showing *s)
{
    printf("%-20s %-10s %10s %8s %10s %10s %10s %10s %10s %6s\n", "CONNECTOR", "STATE", "EVENTS",
           "PER S", s->human ? "RATE" : "BYTES/S", s->human ? "LAG" : "LAG BYTES",
           s->human ? "BEHIND" : "BEHIND MS", "RETAINED", "MEMORY", "DEAD");
}

static const leat_json *first_task(const leat_json *j)
{
    const leat_json *tasks = leat_json_get(j, "tasks");
    return tasks && tasks->type == LEAT_JSON_ARRAY ? tasks->child : NULL;
}

/* What the task waits for; of several each one's state and error, too. */
static void print_tasks(const leat_json *j)
{
    const leat_json *first = first_task(j);
    bool several = first && first->next;
    for (const leat_json *t = first; t; t = t->next) {
        const leat_json *err = leat_json_get(t, "error");
        leat_str waits = leat_json_get_str(t, "waits_for");
        leat_str msg = leat_json_get_str(err, "message"), code = leat_json_get_str(err, "code");
        leat_str retry = leat_json_get_str(t, "retry_at");
        if (!several && !waits.s) continue;
        printf("    ");
        if (several)
            printf("task %" PRId64 ": %.*s%s", leat_json_get_i64(t, "id", 0),
                   LEAT_STR_ARG(leat_json_get_str(t, "state")), waits.s ? ", " : "");
        if (waits.s) printf("waits for %.*s", LEAT_STR_ARG(waits));
        if (retry.s) printf(", tries again at %.*s", LEAT_STR_ARG(retry));
        if (several && msg.s) printf(": %.*s [%.*s]", LEAT_STR_ARG(msg), LEAT_STR_ARG(code));
        printf("\n");
    }
}

/* Registered readers that a person should know of: they keep the stream from shrinking. */
static void print_readers(const leat_json *readers)
{
    for (const leat_json *r = readers ? readers->child : NULL; r; r = r->next) {
        int64_t oldest_us = INT64_MAX;
        leat_str sink = leat_json_get_str(r, "sink");
        leat_str oldest = leat_json_get_str(r, "oldest_unread");
        if (oldest.s && !leat_iso_parse(oldest, &oldest_us)) oldest_us = INT64_MAX;
        if (!leat_json_get_bool(r, "exists", true))
            printf("    the stream is kept for %.*s, which is no connector any more\n",
                   LEAT_STR_ARG(sink));
        else if (oldest_us < leat_now_us() - DAY_US)
            printf("    the stream is kept for %.*s, which has %" PRId64
                   " events to read, the oldest of %.*s\n",
                   LEAT_STR_ARG(sink), leat_json_get_i64(r, "events_behind", 0),
                   LEAT_STR_ARG(oldest));
    }
}

/* What a sink's pattern has found. */
static void print_topics(const leat_json *j)
{
    const leat_json *topics = leat_json_get(j, "topics");
    leat_str regex = leat_json_get_str(j, "topics_regex");
    if (!regex.s) return;
    printf("    topics that fit %.*s:", LEAT_STR_ARG(regex));
    if (!topics || !topics->child) printf(" none yet");
    for (const leat_json *t = topics ? topics->child : NULL; t; t = t->next)
        printf("%s %.*s", t == topics->child ? "" : ",", LEAT_STR_ARG(t->text));
    printf("\n");
}

/* Why Kafka takes nothing. */
static void print_trouble(const leat_json *d)
{
    const leat_json *err = leat_json_get(d, "error");
    leat_str msg = leat_json_get_str(err, "message"), again = leat_json_get_str(d, "retry_at");
    if (!msg.s) return;
    printf("    Kafka, since %.*s: %.*s [%.*s]; ",
           LEAT_STR_ARG(leat_json_get_str(d, "error_since")), LEAT_STR_ARG(msg),
           LEAT_STR_ARG(leat_json_get_str(err, "code")));
    if (again.s)
        printf("tried again at %.*s\n", LEAT_STR_ARG(again));
    else
        printf("tried again all the time, with pauses of at most %" PRId64 " ms\n",
               leat_json_get_i64(d, "retry_ms", 0));
}

static void print_once(const leat_json *once)
{
    if (!once) return;
    printf("    exactly once: %.*s since %.*s, %" PRId64 " transactions committed, %" PRId64
           " aborted%s\n",
           LEAT_STR_ARG(leat_json_get_str(once, "state")),
           LEAT_STR_ARG(leat_json_get_str(once, "since")), leat_json_get_i64(once, "commits", 0),
           leat_json_get_i64(once, "aborts", 0),
           leat_json_get_bool(once, "in_doubt", false) ? "; the last one's end is not known yet"
                                                       : "");
}

/* Kafka does not take what it is given, or not all of it yet. */
static void print_delivery(const leat_json *d, bool named)
{
    print_trouble(d);
    leat_str state = leat_json_get_str(d, "state"), full = leat_json_get_str(d, "spool_full_at");
    if (named) print_once(leat_json_get(d, "once"));
    if (!state.s || leat_str_is(state, "DIRECT")) return;
    leat_str since = leat_json_get_str(d, "since");
    if (!since.s) { /* it does not run */
        printf("    %" PRId64 " events in the spool, which Kafka gets when it runs\n",
               leat_json_get_i64(d, "spool_events", 0));
        return;
    }
    printf("    %s: %" PRId64 " events in the spool, %" PRId64 " of %" PRId64 " bytes, since %.*s",
           leat_str_is(state, "SPOOL") ? "Kafka is away" : "Kafka takes the spool",
           leat_json_get_i64(d, "spool_events", 0), leat_json_get_i64(d, "spool_bytes", 0),
           leat_json_get_i64(d, "spool_max_bytes", 0), LEAT_STR_ARG(since));
    if (full.s) printf("; full at %.*s if it goes on so", LEAT_STR_ARG(full));
    printf("\n");
}

/* What a table has no room for, indented. */
static void print_more(const showing *s, const leat_json *j)
{
    char cell[LEAT_SHOW_CELL];
    const leat_json *snapshot = leat_json_get(j, "snapshot"), *err = leat_json_get(j, "error");
    const leat_json *desired = leat_json_get(j, "desired");
    leat_str text = leat_json_get_str(j, "position_text");
    leat_str msg = leat_json_get_str(err, "message"), code = leat_json_get_str(err, "code");
    int64_t growth = rate_of(j, "60s", "retained_bytes_per_second");
    if (s->named && text.s) printf("    at %.*s\n", LEAT_STR_ARG(text));
    if (s->named) print_topics(j);
    print_delivery(leat_json_get(j, "delivery"), s->named);
    leat_buf lines = {0};
    leat_show_snapshot(s->human, snapshot, TABLES, &lines);
    for (leat_str rest = leat_buf_str(&lines); rest.len > 0;) {
        leat_str line = leat_str_cut(&rest, '\n');
        printf("    %.*s\n", LEAT_STR_ARG(line));
    }
    leat_buf_free(&lines);
    if (growth > 0)
        printf("    the server's log kept for it grows by %s a second\n",
               leat_show_number(s->human, growth, true, cell));
    if (leat_str_is(leat_json_get_str(desired, "state"), "PAUSED"))
        printf("    paused by %.*s at %.*s\n", LEAT_STR_ARG(leat_json_get_str(desired, "by")),
               LEAT_STR_ARG(leat_json_get_str(desired, "at")));
    if (leat_json_get(j, "deaths"))
        printf("    its process has ended %" PRId64
               " times in a row, and is started again at %.*s\n",
               leat_json_get_i64(j, "deaths", 0), LEAT_STR_ARG(leat_json_get_str(j, "restart_at")));
    print_tasks(j);
    bool told = first_task(j) && first_task(j)->next && leat_json_get(j, "pid");
    if (msg.s && !told) printf("    %.*s [%.*s]\n", LEAT_STR_ARG(msg), LEAT_STR_ARG(code));
    print_readers(leat_json_get(j, "readers"));
}

static void print_line(const showing *s, const leat_json *j)
{
    char cell[7][LEAT_SHOW_CELL];
    const leat_json *counts = leat_json_get(j, "counts");
    int64_t events = leat_json_get_i64(counts, "appended", 0) +
                     leat_json_get_i64(counts, "rows_appended", 0) +
                     leat_json_get_i64(counts, "delivered", 0);
    printf("%-20.*s %-10.*s %10s %8s %10s %10s %10s %10s %10s %6" PRId64 "\n",
           LEAT_STR_ARG(leat_json_get_str(j, "name")), LEAT_STR_ARG(leat_json_get_str(j, "state")),
           leat_show_number(s->human, events, false, cell[0]),
           leat_show_number(s->human, rate_of(j, "1s", "events_per_second"), false, cell[1]),
           leat_show_number(s->human, rate_of(j, "1s", "bytes_per_second"), true, cell[2]),
           leat_show_number(s->human, leat_json_get_i64(j, "lag_bytes", -1), true, cell[3]),
           leat_show_duration(s->human, leat_json_get_i64(j, "milliseconds_behind_source", -1),
                              cell[4]),
           leat_show_number(s->human, leat_json_get_i64(j, "retained_bytes", -1), true, cell[5]),
           leat_show_number(s->human, leat_json_get_i64(j, "memory_bytes", -1), true, cell[6]),
           leat_json_get_i64(counts, "dead", 0));
    print_more(s, j);
}

/* ---- all of them ---- */

/* JSON is an array, of one that was asked for its object alone. Returns the exit status. */
static int show_once(const showing *s, const char *const *names, size_t n, leat_arena *a)
{
    leat_buf out = {0}, one = {0};
    bool array = s->common.json && !(s->named && n == 1);
    int status = LEAT_EXIT_OK;
    if (!s->common.json) print_head(s);
    for (size_t i = 0; i < n; i++) {
        leat_err err;
        const leat_json *j = NULL;
        leat_buf_clear(&one);
        leat_rc rc = leat_look_status(s->common.data, names[i], a, &one, &err);
        if (one.len == 0) {
            if (s->named) status = leat_cli_fail(&err);
            continue;
        }
        if (rc != LEAT_OK) status = LEAT_EXIT_FAILED;
        if (s->common.json) {
            if (out.len > 0) leat_buf_u8(&out, ',');
            leat_buf_add(&out, leat_buf_str(&one));
        } else if (leat_json_parse(a, leat_buf_str(&one), &j, NULL) == LEAT_OK) {
            print_line(s, j);
        }
    }
    if (array || out.len > 0)
        printf("%s%.*s%s\n", array ? "[" : "", LEAT_STR_ARG(leat_buf_str(&out)), array ? "]" : "");
    leat_buf_free(&out);
    leat_buf_free(&one);
    return status;
}

/* ---- the ledger table by table ---- */

typedef struct ledger_column {
    const char *head, *member;
} ledger_column;

static const ledger_column of_source[] = {
    {"RECEIVED", "received"},  {"APPENDED", "appended"},          {"FILTERED", "filtered"},
    {"DEAD", "dead"},          {"DEDUP", "deduplicated"},         {"ROWS READ", "rows_read"},
    {"ROWS", "rows_appended"}, {"SUPERSEDED", "rows_superseded"}, {0}};
static const ledger_column of_sink[] = {
    {"READ", "read"}, {"WRITTEN", "delivered"}, {"FILTERED", "filtered"}, {"DEAD", "dead"}, {0}};

static void print_ledger(const leat_json *j)
{
    bool sink = leat_str_is(leat_json_get_str(j, "kind"), "sink");
    const ledger_column *columns = sink ? of_sink : of_source;
    const leat_json *tables = leat_json_get(j, "tables");
    int64_t sums[8] = {0};
    int wide = 5;
    for (const leat_json *t = tables->child; t; t = t->next) {
        leat_str name = leat_json_get_str(t, sink ? "topic" : "table");
        if ((int)name.len > wide) wide = (int)name.len;
    }
    if (wide < 9) wide = 9; /* "(others)" */
    printf("%-*s", wide, sink ? "TOPIC" : "TABLE");
    for (const ledger_column *c = columns; c->head; c++) printf(" %11s", c->head);
    printf("\n");
    for (const leat_json *t = tables->child; t; t = t->next) {
        leat_str name = leat_json_get_str(t, sink ? "topic" : "table");
        if (!name.s) name = LEAT_STR("(others)");
        printf("%-*.*s", wide, LEAT_STR_ARG(name));
        for (int i = 0; columns[i].head; i++) {
            int64_t n = leat_json_get_i64(leat_json_get(t, "counts"), columns[i].member, 0);
            sums[i] += n;
            printf(" %11" PRId64, n);
        }
        printf("\n");
    }
    printf("%-*s", wide, "total");
    for (int i = 0; columns[i].head; i++) printf(" %11" PRId64, sums[i]);
    printf("\n");
}

/* Returns the exit status. */
static int show_ledger(const showing *s, const char *name, leat_arena *a)
{
    leat_err err;
    leat_buf out = {0};
    const leat_json *j = NULL;
    leat_state *state = NULL;
    leat_rc rc = leat_state_open(s->common.data, name, true, &state, &err);
    leat_state_close(state);
    if (rc == LEAT_OK) rc = leat_look_tables(s->common.data, name, a, &out, &err);
    if (rc == LEAT_OK && s->common.json)
        printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(&out)));
    else if (rc == LEAT_OK && leat_json_parse(a, leat_buf_str(&out), &j, NULL) == LEAT_OK)
        print_ledger(j);
    leat_buf_free(&out);
    return rc == LEAT_OK ? LEAT_EXIT_OK : leat_cli_fail(&err);
}

static int round_of(const showing *s)
{
    leat_arena a;
    leat_err err = {0};
    const char **names = NULL;
    size_t n = 0;
    int status;
    leat_arena_init(&a, 0);
    leat_rc rc = s->named ? LEAT_OK : leat_look_names(s->common.data, &a, &names, &n, &err);
    if (rc != LEAT_OK) {
        status = leat_cli_fail(&err);
    } else if (s->tables) {
        status = show_ledger(s, s->names[0], &a);
    } else {
        if (!s->named && n == 0)
            fprintf(stderr, "leat: there are no connectors in %s\n", s->common.data);
        status = show_once(s, s->named ? s->names : names, s->named ? s->n : n, &a);
    }
    leat_arena_free(&a);
    return status;
}

static volatile sig_atomic_t enough;

static void on_signal(int sig)
{
    (void)sig;
    enough = 1;
}

/* Until Ctrl-C, or nobody reads any more. */
static int watch(const showing *s)
{
    int status = LEAT_EXIT_OK;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    while (!enough) {
        if (s->human) printf("\033[H\033[J");
        status = round_of(s);
        if (fflush(stdout) != 0 || (s->named && status == LEAT_EXIT_FAILED && !s->human)) break;
        for (int i = 0; i < 20 && !enough; i++) leat_sleep_us(50000);
    }
    return status;
}

int leat_cli_status(int argc, char **argv)
{
    showing s = {.common = {.data = leat_cli_data()}};
    const leat_arg args[] = {
        LEAT_ARG_DATA(s.common),
        LEAT_ARG_JSON(s.common),
        {"tables", LEAT_ARG_FLAG, &s.tables, NULL,
         "what became of the changes of each table (of a sink: of each topic)"},
        {"watch", LEAT_ARG_FLAG, &s.watch, NULL, "show it each second, until Ctrl-C"},
        {0},
    };
    const char *words[LEAT_NAMES_MAX];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, LEAT_NAMES_MAX, &nwords, &status)) return status;
    if (!leat_cli_names(argv[0], words, nwords, &status)) return status;
    if (s.tables && nwords != 1) {
        fprintf(stderr, "leat status: --tables wants the name of one connector\n");
        return LEAT_EXIT_USAGE;
    }
    s.human = !s.common.json && isatty(STDOUT_FILENO);
    s.named = nwords > 0;
    s.names = words;
    s.n = (size_t)nwords;
    return s.watch ? watch(&s) : round_of(&s);
}
