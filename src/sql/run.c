/* Statements in their order, and how failures are told; see the header. */
#include <stdarg.h>
#include <stdio.h>

#include "sql/run_part.h"

enum { BAD_STATEMENT = 40001, QUERY_ENDPOINT = 40002 };

/* ---- failures ---- */

static const char *masked(const leat_sql_statement *s, leat_arena *a)
{
    leat_buf text = {0};
    leat_sql_mask(s, &text);
    const char *out = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return out;
}

bool leat_sql_fail(leat_sql_turn *t, int status, const char *fmt, ...)
{
    leat_buf text = {0};
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    size_t len = n > 0 ? (size_t)n : 0;
    vsnprintf(leat_buf_room(&text, len + 1), len + 1, fmt, again);
    va_end(again);
    text.len = len;
    *t->out = (leat_sql_failure){.status = status,
                                 .code = status * 100,
                                 .message = leat_arena_str(t->a, leat_buf_str(&text)).s};
    leat_buf_free(&text);
    return false;
}

void leat_sql_failure_of(const leat_err *err, leat_str text, leat_arena *a, leat_sql_failure *out)
{
    leat_buf shown = {0};
    leat_sql_mask_text(text, &shown);
    *out = (leat_sql_failure){.status = 400,
                              .code = BAD_STATEMENT,
                              .message = leat_arena_strdup(a, err->msg),
                              .statement = leat_arena_str(a, leat_buf_str(&shown)).s};
    leat_buf_free(&shown);
}

void leat_sql_failure_write(const leat_sql_failure *f, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "@type", f->statement ? "statement_error" : "generic_error");
    leat_jw_i64(&w, "error_code", f->code);
    leat_jw_z(&w, "message", f->message);
    if (f->statement) {
        leat_jw_z(&w, "statementText", f->statement);
        leat_jw_array(&w, "entities");
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
}

/* ---- requests ---- */

bool leat_sql_ask(leat_sql_turn *t, const char *method, const char *path, leat_str body,
                  leat_sql_answer *out)
{
    leat_err err = {0};
    *out = (leat_sql_answer){0};
    if (t->host->ask(t->host->arg, method, path, body, t->a, &out->status, &out->body, &err) !=
        LEAT_OK)
        return leat_sql_fail(t, 500, "%s%s%s [%s]", err.where, *err.where ? ": " : "", err.msg,
                             err.code);
    if (out->body.len == 0 ||
        leat_json_parse(t->a, leat_arena_str(t->a, out->body), &out->json, &err) != LEAT_OK)
        out->json = NULL;
    return true;
}

bool leat_sql_need(leat_sql_turn *t, const char *method, const char *path, leat_str body,
                   const char *failed, leat_sql_answer *out)
{
    if (!leat_sql_ask(t, method, path, body, out)) return false;
    if (leat_sql_good(out)) return true;
    return leat_sql_fail(t, out->status, "%s: %.*s", failed, LEAT_STR_ARG(out->body));
}

leat_str leat_sql_body(leat_sql_turn *t, leat_buf *text)
{
    leat_str out = leat_arena_str(t->a, leat_buf_str(text));
    leat_buf_free(text);
    return out;
}

const char *leat_sql_path(leat_sql_turn *t, const char *before, const char *after)
{
    leat_buf path = {0};
    leat_buf_str_z(&path, before);
    leat_buf_url(&path, t->s->name);
    leat_buf_str_z(&path, after);
    return leat_sql_body(t, &path).s;
}

/* ---- entities ---- */

void leat_sql_entity(leat_sql_turn *t, const char *type)
{
    leat_jw_object(t->w, NULL);
    leat_jw_z(t->w, "@type", type);
    leat_jw_z(t->w, "statementText", masked(t->s, t->a));
}

bool leat_sql_acted(leat_sql_turn *t, const char *action, leat_str id)
{
    leat_sql_entity(t, "connector_action");
    leat_jw_str(t->w, "connectorName", t->s->name);
    leat_jw_z(t->w, "action", action);
    if (id.s) leat_jw_str(t->w, "id", id);
    leat_sql_entity_end(t, NULL);
    return true;
}

void leat_sql_entity_end(leat_sql_turn *t, const char *text)
{
    leat_jw_array(t->w, "warnings");
    if (text) {
        leat_jw_object(t->w, NULL);
        leat_jw_z(t->w, "message", text);
        leat_jw_end(t->w);
    }
    leat_jw_end(t->w);
    leat_jw_end(t->w);
}

void leat_sql_member(leat_sql_turn *t, const char *name, const leat_json *j)
{
    leat_jw_raw(t->w, name, j ? leat_json_text(j, t->a) : LEAT_STR("null"));
}

bool leat_sql_warn(leat_sql_turn *t, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    leat_str_mend(text);
    leat_sql_entity(t, "warning_entity");
    leat_jw_z(t->w, "message", text);
    leat_sql_entity_end(t, NULL);
    return true;
}

/* ---- the run ---- */

/* What is known to be wrong before anything is done. */
static bool validate(leat_sql_turn *t)
{
    if (t->s->kind == LEAT_SQL_CREATE_CONNECTOR) return leat_sql_validate_create(t);
    if (t->s->kind != LEAT_SQL_PRINT && t->s->kind != LEAT_SQL_SELECT) return true;
    *t->out = (leat_sql_failure){
        .status = 400,
        .code = QUERY_ENDPOINT,
        .message = "The following statement types should be issued to the websocket endpoint "
                   "'/query':\n\t* PRINT\n\t* SELECT",
        .statement = masked(t->s, t->a)};
    return false;
}

static bool carry_out(leat_sql_turn *t)
{
    switch (t->s->kind) {
    case LEAT_SQL_CREATE_CONNECTOR: return leat_sql_create(t);
    case LEAT_SQL_ALTER_CONNECTOR: return leat_sql_alter(t);
    case LEAT_SQL_DROP_CONNECTOR: return leat_sql_drop(t);
    case LEAT_SQL_DESCRIBE_CONNECTOR: return leat_sql_describe(t);
    case LEAT_SQL_TEST_CONNECTOR: return leat_sql_test(t);
    case LEAT_SQL_CREATE_CONNECTION: return leat_sql_connection_create(t);
    case LEAT_SQL_ALTER_CONNECTION: return leat_sql_connection_alter(t);
    case LEAT_SQL_DROP_CONNECTION: return leat_sql_connection_drop(t);
    case LEAT_SQL_DESCRIBE_CONNECTION: return leat_sql_connection_describe(t);
    case LEAT_SQL_TEST_CONNECTION: return leat_sql_connection_test(t);
    case LEAT_SQL_LIST_CONNECTIONS: return leat_sql_connection_list(t);
    case LEAT_SQL_LIST_CONNECTORS: return leat_sql_list(t);
    case LEAT_SQL_LIST_PLUGINS: return leat_sql_plugins(t);
    case LEAT_SQL_PAUSE:
    case LEAT_SQL_RESUME:
    case LEAT_SQL_STOP:
    case LEAT_SQL_RESTART: return leat_sql_act(t);
    case LEAT_SQL_SNAPSHOT: return leat_sql_snapshot(t);
    case LEAT_SQL_LIST_OFFSETS:
    case LEAT_SQL_ALTER_OFFSETS:
    case LEAT_SQL_RESET_OFFSETS: return leat_sql_offsets(t);
    case LEAT_SQL_LIST_LETTERS:
    case LEAT_SQL_RETRY_LETTERS:
    case LEAT_SQL_DROP_LETTERS:
    case LEAT_SQL_ALTER_LETTER: return leat_sql_letters(t);
    case LEAT_SQL_LIST_TOPICS: return leat_sql_topics(t);
    case LEAT_SQL_LIST_VARIABLES: return leat_sql_variables(t);
    case LEAT_SQL_LIST_PROPERTIES: return leat_sql_properties(t);
    case LEAT_SQL_PRINT:
    case LEAT_SQL_SELECT: return validate(t);
    case LEAT_SQL_DEFINE:
    case LEAT_SQL_UNDEFINE:
    case LEAT_SQL_SET:
    case LEAT_SQL_UNSET: break;
    }
    return true;
}

bool leat_sql_run(const leat_sql_host *host, const leat_sql_statement *list, leat_arena *a,
                  leat_jw *w, leat_sql_failure *out)
{
    leat_sql_turn t = {.host = host, .a = a, .w = w, .out = out};
    for (t.s = list; t.s; t.s = t.s->next)
        if (!validate(&t)) return false;
    for (t.s = list; t.s; t.s = t.s->next)
        if (!carry_out(&t)) return false;
    return true;
}
