/* SELECT of `leat sql`; see the header.
 *
 * Rows may hold what anybody wrote: what would steer the terminal is shown as a question mark. */
#include "cli/sql_select.h"

#include <inttypes.h>

#include "cli/sql_show.h"

enum { CELL_MOST = 80 }; /* characters of a cell on a terminal */

/* ---- asking ---- */

static bool failed(leat_sql_failure *out, int status, const char *message)
{
    *out = (leat_sql_failure){.status = status, .code = status * 100, .message = message};
    return false;
}

void leat_sql_select_failure(const leat_err *err, leat_arena *a, leat_sql_failure *out)
{
    failed(out, err->rc == LEAT_CONF ? 400 : 503,
           leat_arena_printf(a, "%s%s%s [%s]", err->where, *err->where ? ": " : "", err->msg,
                             err->code));
}

static bool ask_folder(const leat_sql_asking *g, leat_arena *a, leat_str *text,
                       leat_sql_failure *out)
{
    leat_buf answer = {0};
    leat_err err = {0};
    bool ok = leat_select_apart(&g->query, &answer, &err) == LEAT_OK;
    if (ok)
        *text = leat_arena_str(a, leat_buf_str(&answer));
    else
        leat_sql_select_failure(&err, a, out);
    leat_buf_free(&answer);
    return ok;
}

/* What a hub or another server says when it refuses. */
static const char *said(leat_str answer, int status, leat_arena *a)
{
    const leat_json *j = NULL;
    leat_err err;
    leat_json_parse(a, answer, &j, &err);
    leat_str message = leat_json_get_str(j, "message");
    if (status == 404 || status == 405)
        return "SELECT is carried out by leat's own hub; this server has no /hub/v1/query";
    return message.s ? leat_arena_str(a, message).s
                     : leat_arena_printf(a, "HTTP %d: %.*s", status, LEAT_STR_ARG(answer));
}

static bool ask_hub(const leat_sql_asking *g, leat_arena *a, leat_str *text, leat_sql_failure *out)
{
    leat_buf body = {0};
    leat_jw w = {.out = &body};
    leat_err err = {0};
    int status = 0;
    leat_jw_object(&w, NULL);
    leat_jw_str(&w, "sql", g->query.sql);
    leat_jw_i64(&w, "max_rows", g->query.max_rows);
    leat_jw_i64(&w, "timeout_ms", g->query.ms);
    leat_jw_end(&w);
    leat_rc rc = leat_rest_ask(g->rest, "POST", "/hub/v1/query", leat_buf_str(&body), a, &status,
                               text, &err);
    leat_buf_free(&body);
    if (rc != LEAT_OK)
        return failed(out, 503,
                      leat_arena_printf(a, "%s [%s]; --data DIR reads a data folder without a hub",
                                        err.msg, err.code));
    return status == 200 || failed(out, status, said(*text, status, a));
}

bool leat_sql_select_ask(const leat_sql_asking *g, leat_arena *a, const leat_json **answer,
                         leat_sql_failure *out)
{
    leat_str text = {0};
    leat_err err = {0};
    if (!(g->query.data ? ask_folder(g, a, &text, out) : ask_hub(g, a, &text, out))) return false;
    if (leat_json_parse(a, text, answer, &err) == LEAT_OK) return true;
    return failed(out, 500, leat_arena_printf(a, "the answer cannot be read: %s", err.msg));
}

/* ---- lines of JSON ---- */

void leat_sql_select_write(const leat_json *answer, leat_buf *out)
{
    const leat_json *columns = leat_json_get(answer, "columns"),
                    *rows = leat_json_get(answer, "rows");
    for (const leat_json *row = rows ? rows->child : NULL; row; row = row->next) {
        const leat_json *name = columns->child;
        leat_buf_u8(out, '{');
        for (const leat_json *cell = row->child; cell; cell = cell->next, name = name->next) {
            if (cell != row->child) leat_buf_u8(out, ',');
            leat_json_quote(out, name->text);
            leat_buf_u8(out, ':');
            leat_json_write(cell, out);
        }
        leat_buf_str_z(out, "}\n");
    }
}

/* ---- a table ---- */

static leat_str text_of(const leat_json *cell, bool narrow, leat_arena *a)
{
    leat_str s = cell->type == LEAT_JSON_NULL     ? LEAT_STR("NULL")
                 : cell->type == LEAT_JSON_STRING ? leat_arena_str(a, cell->text)
                                                  : leat_json_text(cell, a);
    size_t characters = 0, i = 0;
    for (char *p = (char *)s.s; (p = memchr(p, '\n', (size_t)(s.s + s.len - p)));) *p = ' ';
    if (!narrow) return s;
    for (; i < s.len; i++)
        if (((unsigned char)s.s[i] & 0xC0) != 0x80 && ++characters > CELL_MOST) break;
    return i == s.len ? s : leat_str_of(leat_arena_printf(a, "%.*s...", (int)i, s.s));
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

void leat_sql_select_show(const leat_json *answer, bool narrow, leat_buf *out)
{
    const leat_json *columns = leat_json_get(answer, "columns"),
                    *rows = leat_json_get(answer, "rows");
    size_t n = 0, count = 0;
    leat_arena a = {0};
    for (const leat_json *c = columns ? columns->child : NULL; c; c = c->next) n++;
    for (const leat_json *r = rows ? rows->child : NULL; r; r = r->next) count++;
    leat_str *cells = LEAT_NEW(&a, leat_str, n * (count + 1) + 1);
    size_t at = 0;
    for (const leat_json *c = columns ? columns->child : NULL; c; c = c->next)
        cells[at++] = c->text;
    for (const leat_json *r = rows ? rows->child : NULL; r; r = r->next)
        for (const leat_json *c = r->child; c; c = c->next) cells[at++] = text_of(c, narrow, &a);
    leat_sql_show_cells(cells, n, count, out);
    leat_buf_printf(out, "%zu row%s, %" PRId64 " events read, %" PRId64 " ms\n", count,
                    plural(count), leat_json_get_i64(answer, "events", 0),
                    leat_json_get_i64(answer, "ms", 0));
    leat_arena_free(&a);
}
