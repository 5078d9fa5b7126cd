/* One SELECT, from its text to its answer as JSON; see the header. */
#include "sql/select.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/os.h"
#include "sql/select_part.h"
#include "sql/token.h"

enum {
    NESTED_MOST = LEAT_JSON_DEPTH - 8, /* of JSON in a cell */
    TABLES_MOST = 100,                 /* topics of Kafka in a statement */
};

int leat_select_table_new(leat_select *q, const char *declared, const void *of, sqlite3_vtab **out)
{
    int rc = leat_select_declare(q, declared);
    if (rc != SQLITE_OK) return rc;
    leat_select_table *t = leat_zalloc(1, sizeof *t);
    t->of = of;
    *out = &t->base;
    return SQLITE_OK;
}

int leat_select_table_free(sqlite3_vtab *t)
{
    leat_free(t);
    return SQLITE_OK;
}

int leat_select_told(leat_select *q, sqlite3_vtab *t, leat_rc rc, const leat_err *err)
{
    if (rc == LEAT_OK) return SQLITE_OK;
    q->err = *err;
    sqlite3_free(t->zErrMsg);
    t->zErrMsg = sqlite3_mprintf("%s", err->msg);
    return SQLITE_ERROR;
}

static leat_rc look(leat_select *q, const char *topic, leat_err *e)
{
    for (leat_topic *t = q->topics; t; t = t->link) {
        bool wanted = !topic || strcmp(t->name, topic) == 0;
        if (wanted && !t->looked)
            LEAT_TRY(leat_topics_look(q->topics, q->conf->data, t->connector, &q->a, e));
    }
    return LEAT_OK;
}

int leat_select_connect(leat_select *q, const char *topic, char **text)
{
    leat_err err = {0};
    if (look(q, topic, &err) == LEAT_OK) return SQLITE_OK;
    q->err = err;
    *text = sqlite3_mprintf("%s", err.msg);
    return SQLITE_ERROR;
}

/* ---- what went wrong ---- */

/* What often helps with SQLite's message. */
static const char *hint(const char *msg)
{
    if (strncmp(msg, "unknown database", 16) == 0 || strncmp(msg, "near \".\"", 8) == 0)
        return "; the name of a topic that has dots stands in double quotes";
    if (strncmp(msg, "no such table", 13) == 0 && strchr(msg, '.'))
        return "; the name of a topic that has dots stands in double quotes (SHOW TOPICS)";
    if (strncmp(msg, "no such table", 13) == 0)
        return "; there are events, minutes, topics, connectors, counters, dead_letters, kafka where "
               "that is the stream, and each topic by its name (SHOW TOPICS)";
    if (strncmp(msg, "malformed JSON", 14) == 0)
        return "; keys and values in Kafka may be plain text: WHERE json_valid(value)";
    if (strncmp(msg, "no such column", 14) == 0)
        return "; columns of a row are taken from its JSON: after->>'$.id'. Texts stand in single "
               "quotes";
    return "";
}

leat_rc leat_select_stopped(int64_t ms, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "select.time", "",
                     "the query was stopped after %" PRId64 " s; narrow it by topic and ts, or "
                     "give it more time (--timeout, timeout_ms)",
                     ms / 1000);
}

leat_rc leat_select_late(const leat_select *q, leat_err *e)
{
    return leat_mono_us() < q->until_us ? LEAT_OK : leat_select_stopped(q->conf->ms, e);
}

leat_rc leat_select_full(leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "select.memory", "",
                     "the query needs more than %d MiB; narrow it by topic and ts, or sort and "
                     "group less",
                     LEAT_SELECT_MEMORY >> 20);
}

static leat_rc failed(leat_select *q, int rc, leat_err *e)
{
    const char *msg = sqlite3_errmsg(q->db);
    if (q->err.rc) {
        if (e) *e = q->err;
        return q->err.rc;
    }
    if (*q->refused)
        return leat_fail(e, LEAT_CONF, "select.refused", "",
                         "%s is refused: a query only reads topics, connectors, counters and dead "
                         "letters",
                         q->refused);
    if (strstr(msg, "may not be modified"))
        return leat_fail(e, LEAT_CONF, "select.refused", "", "%s: a query only reads", msg);
    switch (rc & 0xff) {
    case SQLITE_INTERRUPT: return leat_select_stopped(q->conf->ms, e);
    case SQLITE_NOMEM: return leat_select_full(e);
    case SQLITE_TOOBIG:
        return leat_fail(e, LEAT_CONF, "select.large", "",
                         "a text or blob of the query is larger than %d MiB; take parts of it",
                         LEAT_SELECT_BYTES >> 20);
    default: return leat_fail(e, LEAT_CONF, "select.syntax", "", "%s%s", msg, hint(msg));
    }
}

/* ---- rows ---- */

static void put_bytes(leat_jw *w, leat_str s)
{
    leat_buf hex = {0};
    leat_buf_str_z(&hex, "\\x");
    leat_buf_hex(&hex, s);
    leat_jw_str(w, NULL, leat_buf_str(&hex));
    leat_buf_free(&hex);
}

static void put_double(leat_jw *w, double d)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", d);
    if (isfinite(d))
        leat_jw_raw(w, NULL, leat_str_of(text));
    else
        leat_jw_z(w, NULL, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
}

static bool nests(const leat_json *j, int most)
{
    for (const leat_json *c = j->child; c; c = c->next)
        if (most == 0 || !nests(c, most - 1)) return false;
    return true;
}

/* It is JSON that can stand in the answer. Of a column that is declared so another part of a UNION
 * may give anything. */
static bool is_json(leat_str text)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    leat_err err;
    bool yes = leat_json_parse(&a, text, &j, &err) == LEAT_OK && nests(j, NESTED_MOST);
    leat_arena_free(&a);
    return yes;
}

static void put_text(leat_jw *w, sqlite3_stmt *st, int i)
{
    leat_str text = {(const char *)sqlite3_column_text(st, i), (size_t)sqlite3_column_bytes(st, i)};
    const char *type = sqlite3_column_decltype(st, i); /* of a column as it is */
    if (!text.s) text = LEAT_STR("");
    if (type && strcmp(type, "JSON") == 0 && is_json(text))
        leat_jw_raw(w, NULL, text);
    else if (leat_str_utf8(text))
        leat_jw_str(w, NULL, text);
    else
        put_bytes(w, text);
}

/* False: it is larger than an answer can be. */
static bool put_row(leat_jw *w, sqlite3_stmt *st)
{
    leat_jw_array(w, NULL);
    for (int i = 0; i < sqlite3_column_count(st); i++) {
        if (w->out->len > 2 * LEAT_SELECT_BYTES) return false;
        switch (sqlite3_column_type(st, i)) {
        case SQLITE_INTEGER: leat_jw_i64(w, NULL, sqlite3_column_int64(st, i)); break;
        case SQLITE_FLOAT: put_double(w, sqlite3_column_double(st, i)); break;
        case SQLITE_TEXT: put_text(w, st, i); break;
        case SQLITE_BLOB:
            put_bytes(w,
                      (leat_str){sqlite3_column_blob(st, i), (size_t)sqlite3_column_bytes(st, i)});
            break;
        default: leat_jw_null(w, NULL); break;
        }
    }
    leat_jw_end(w);
    return w->out->len <= 2 * LEAT_SELECT_BYTES;
}

/* Two that have one name get a number: rows are shown as objects, too. */
static void put_names(leat_jw *w, sqlite3_stmt *st, leat_arena *a)
{
    int n = sqlite3_column_count(st);
    const char **names = LEAT_NEW(a, const char *, n);
    leat_jw_array(w, "columns");
    for (int i = 0; i < n; i++) {
        const char *name = sqlite3_column_name(st, i);
        int again = 0;
        for (int k = 0; k < i; k++) again += strcmp(names[k], name) == 0;
        names[i] = leat_arena_strdup(a, name);
        leat_jw_z(w, NULL, again ? leat_arena_printf(a, "%s_%d", name, again + 1) : name);
    }
    leat_jw_end(w);
}

static leat_rc put_answer(leat_select *q, sqlite3_stmt *st, leat_buf *out, leat_err *e)
{
    leat_jw w = {.out = out};
    int64_t rows = 0, began_us = leat_mono_us();
    bool more = false;
    int rc;
    leat_jw_object(&w, NULL);
    put_names(&w, st, &q->a);
    leat_jw_array(&w, "rows");
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        more = rows == q->conf->max_rows || out->len >= LEAT_SELECT_BYTES;
        if (more) break;
        if (!put_row(&w, st))
            return leat_fail(e, LEAT_CONF, "select.large", "",
                             "a row is larger than %d MiB; take fewer columns, or parts of them",
                             LEAT_SELECT_BYTES >> 20);
        rows++;
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) return failed(q, rc, e);
    leat_jw_end(&w);
    leat_jw_bool(&w, "more", more);
    leat_jw_i64(&w, "events", (int64_t)q->events);
    leat_jw_i64(&w, "ms", (leat_mono_us() - began_us) / 1000);
    leat_jw_end(&w);
    return LEAT_OK;
}

/* ---- the query ---- */

/* With Kafka tables of topics are made once they are named. *name: of the one that SQLite misses,
 * and has been given now; NULL: there is none, or it was given before: SQLite reads a name with
 * dots, unless it is quoted, as one in another database. */
static leat_rc make_missing(leat_select *q, const char **name, leat_err *e)
{
    static const char missing[] = "no such table: ";
    const char *msg = sqlite3_errmsg(q->db);
    const char *before = *name;
    bool made = false;
    *name = NULL;
    if (strncmp(msg, missing, sizeof missing - 1) != 0) return LEAT_OK;
    msg = leat_arena_strdup(&q->a, msg + sizeof missing - 1);
    if (before && strcmp(msg, before) == 0) return LEAT_OK;
    if (q->cluster) LEAT_TRY(leat_select_kafka_topic(q, msg, &made, e));
    int rc = made ? SQLITE_OK : leat_select_events_topic(q, msg, &made);
    if (rc != SQLITE_OK) return failed(q, rc, e);
    if (made) *name = msg;
    if (!made && q->no_kafka.rc != LEAT_OK) *e = q->no_kafka;
    return made ? LEAT_OK : q->no_kafka.rc;
}

static leat_rc prepare(leat_select *q, sqlite3_stmt **st, leat_err *e)
{
    const char *made = NULL, *tail = NULL;
    int rc = SQLITE_OK;
    leat_str sql = q->conf->sql;
    if (sql.len >= LEAT_SELECT_TEXT)
        return leat_fail(e, LEAT_CONF, "select.refused", "",
                         "the statement has %zu bytes; it may have %d", sql.len, LEAT_SELECT_TEXT);
    if (!leat_str_utf8(sql)) /* names of columns are of its text */
        return leat_fail(e, LEAT_CONF, "select.syntax", "", "the statement is not UTF-8");
    for (int i = 0; i < TABLES_MOST; i++) {
        rc = sqlite3_prepare_v2(q->db, sql.s, (int)sql.len, st, &tail);
        if (rc == SQLITE_OK) made = NULL;
        if (rc != SQLITE_OK) LEAT_TRY(make_missing(q, &made, e));
        if (!made) break;
    }
    if (made)
        return leat_fail(e, LEAT_CONF, "select.refused", "",
                         "the statement names more than %d topics", TABLES_MOST);
    if (rc != SQLITE_OK) return failed(q, rc, e);
    leat_str rest = {tail, (size_t)(sql.s + sql.len - tail)};
    if (!*st || !leat_sql_blank(rest))
        return leat_fail(e, LEAT_CONF, "select.syntax", "", "%s: a query is one SELECT",
                         *st ? "there is more than one" : "it is empty");
    if (sqlite3_column_count(*st) == 0 || !sqlite3_stmt_readonly(*st))
        return leat_fail(e, LEAT_CONF, "select.refused", "",
                         "this is no SELECT: a query only reads");
    return LEAT_OK;
}

static leat_rc open_tables(leat_select *q, leat_err *e)
{
    const char **files;
    size_t n;
    int there = leat_os_names(q->conf->data, &q->a, &files, &n);
    if (there < 0) return leat_os_fail(e, there, "read the data folder", q->conf->data);
    LEAT_TRY(leat_topics_owners(q->conf->data, &q->a, &q->topics, e));
    int rc = sqlite3_open_v2(":memory:", &q->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_exec(q->db, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_collation(q->db, "moment", SQLITE_UTF8, NULL, leat_select_moments);
    if (rc == SQLITE_OK) rc = leat_select_events(q);
    if (rc == SQLITE_OK) rc = leat_select_lists(q);
    if (rc == SQLITE_OK) rc = leat_select_kafka(q);
    if (rc != SQLITE_OK) return failed(q, rc, e);
    leat_select_guard(q);
    return LEAT_OK;
}

leat_rc leat_select_run(const leat_select_conf *conf, leat_buf *out, leat_err *e)
{
    leat_select q = {.conf = conf, .until_us = leat_mono_us() + conf->ms * 1000};
    sqlite3_stmt *st = NULL;
    size_t before = out->len;
    if (conf->no_kafka) q.no_kafka = *conf->no_kafka;
    leat_rc rc = open_tables(&q, e);
    if (rc == LEAT_OK) rc = prepare(&q, &st, e);
    if (rc == LEAT_OK) rc = put_answer(&q, st, out, e);
    if (rc != LEAT_OK) out->len = before;
    sqlite3_finalize(st);
    sqlite3_close(q.db);
    leat_select_kafka_end(&q);
    leat_arena_free(&q.a);
    return rc;
}
