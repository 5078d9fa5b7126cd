/* Cursors in the target; see the header.
 *
 *     leat_cursors   sink, source: the connectors' names, its key; owner: of the session that took
 *                    it last; position: what leat stored, a JSON text
 *
 * A process that was thought dead and still writes finds that it is not the owner any more when it
 * commits, and commits nothing. */
#include "sink/sql/cursor.h"

#include "base/fault.h"
#include "base/os.h"

/* Fills SQL in: $T is the table, $L the type of long text, $E what ends CREATE TABLE, $1 ... are
 * places. */
static const char *fill(const leat_rdb_cursor *k, leat_buf *out, const char *format)
{
    const leat_rdb_dialect *d = k->conn->dialect;
    leat_buf_clear(out);
    for (; *format; format++) {
        if (format[0] != '$') {
            leat_buf_u8(out, (unsigned char)*format);
            continue;
        }
        format++;
        if (*format == 'T')
            leat_rdb_quote_table(d, out, &k->table);
        else if (*format == 'L')
            leat_buf_str_z(out, d->long_text);
        else if (*format != 'E')
            d->place(out, (unsigned)(*format - '0'));
        else if (d->table_end)
            d->table_end(out, k->conn);
    }
    leat_buf_u8(out, 0);
    return out->p;
}

leat_rc leat_rdb_cursor_find(leat_rdb_cursor *k, leat_rdb_conn *c, const char *sink, leat_arena *a,
                             leat_err *e)
{
    leat_str table = leat_str_of(c->conf->cursor_table), schema = {0};
    const char *dot = memrchr(table.s, '.', table.len);
    if (dot) {
        schema = (leat_str){table.s, (size_t)(dot - table.s)};
        table = (leat_str){dot + 1, (size_t)(table.s + table.len - dot - 1)};
    }
    *k = (leat_rdb_cursor){.conn = c, .sink = sink};
    k->table.schema = schema.s ? leat_arena_str(a, schema).s : NULL;
    k->table.name = leat_arena_str(a, table).s;
    k->table.label = c->conf->cursor_table;
    leat_uuid4(k->owner);
    return c->dialect->describe(c, &k->table, a, e);
}

leat_rc leat_rdb_cursor_make(leat_rdb_cursor *k, leat_err *e)
{
    leat_buf sql = {0};
    leat_rc rc = k->conn->dialect->exec(
        k->conn, "create the table of cursors (cursor.table)",
        fill(k, &sql,
             "CREATE TABLE $T (sink VARCHAR(255) NOT NULL, source VARCHAR(255) NOT NULL, owner "
             "VARCHAR(64), position $L, PRIMARY KEY (sink, source))$E"),
        e);
    leat_buf_free(&sql);
    return rc;
}

leat_rc leat_rdb_cursor_open(leat_rdb_cursor *k, leat_rdb_conn *c, const char *sink, leat_arena *a,
                             leat_err *e)
{
    leat_err why = {0};
    LEAT_TRY(leat_rdb_cursor_find(k, c, sink, a, e));
    if (k->table.exists) return LEAT_OK;
    leat_rc rc = leat_rdb_cursor_make(k, &why);
    if (rc == LEAT_OK) return rc;
    /* Another sink may have made it meanwhile. */
    LEAT_TRY(c->dialect->describe(c, &k->table, a, e));
    if (k->table.exists) return LEAT_OK;
    if (e != NULL) *e = why;
    return rc;
}

static leat_rc ask(leat_rdb_cursor *k, const char *doing, const char *format, int n,
                   const char *const *params, leat_arena *a, leat_str *out, int64_t *affected,
                   leat_err *e)
{
    leat_buf sql = {0};
    leat_rc rc = k->conn->dialect->ask(k->conn, doing, fill(k, &sql, format), n, params, a, out,
                                       affected, e);
    leat_buf_free(&sql);
    return rc;
}

leat_rc leat_rdb_cursor_take(leat_rdb_cursor *k, const char *source, leat_arena *a, leat_str *text,
                             leat_err *e)
{
    const char *const params[] = {k->owner, k->sink, source};
    const char *const names[] = {k->sink, source};
    int64_t taken = 0;
    LEAT_TRY(ask(k, "take the cursor over", "UPDATE $T SET owner=$1 WHERE sink=$2 AND source=$3", 3,
                 params, a, NULL, &taken, e));
    if (taken == 0)
        LEAT_TRY(ask(k, "begin a cursor", "INSERT INTO $T (owner,sink,source) VALUES ($1,$2,$3)", 3,
                     params, a, NULL, NULL, e));
    return ask(k, "read the cursor", "SELECT position FROM $T WHERE sink=$1 AND source=$2", 2,
               names, a, text, NULL, e);
}

leat_rc leat_rdb_cursor_put(leat_rdb_cursor *k, const char *source, const char *text, leat_err *e)
{
    const char *const params[] = {text, k->sink, source, k->owner};
    int64_t stored = 0;
    int fault = LEAT_FAULT(sink_cursor);
    if (fault) return leat_os_fail(e, fault, "store the cursor in", k->table.label);
    LEAT_TRY(ask(k, "store the cursor",
                 "UPDATE $T SET position=$1 WHERE sink=$2 AND source=$3 AND owner=$4", 4, params,
                 NULL, NULL, &stored, e));
    if (stored == 1) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "sql.taken_over", k->table.label,
                     "another process has taken the sink %s over since this one opened it, or its "
                     "row of %s was removed; nothing is committed here. If two of that name run, "
                     "give one another name",
                     k->sink, k->table.label);
}
