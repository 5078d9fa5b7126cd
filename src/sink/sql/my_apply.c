/* Rows into MySQL and MariaDB: many of one shape a statement, many statements a packet.
 *
 * Neighbours of one shape become INSERT ... VALUES (...),(...) [ON DUPLICATE KEY UPDATE ...] or
 * DELETE ... WHERE ... OR ...; an UPDATE is a statement by itself. Statements stand in the rows'
 * order and go together (leat_my_script); the server ends with the first that fails, and takes that
 * one back alone. If it had several rows, its halves are tried until the culprit is known.
 *
 * ON DUPLICATE KEY UPDATE changes whatever row has the same value in any unique index. So a table
 * with several gets an UPDATE by the key, and an INSERT where that found nothing. By the sink's
 * thread. */
#include "base/fault.h"
#include "base/os.h"
#include "sink/sql/my.h"

enum {
    ROWS_MOST = 1000,       /* of an INSERT */
    KEYS_MOST = 200,        /* of a DELETE: more are looked up worse */
    SCRIPT_BYTES = 1 << 20, /* of a packet, unless one row is longer */
};

static const char doing[] = "write rows";

typedef struct state {
    leat_rdb_my *c;
    const leat_rdb_row *rows;
    int64_t *affected;
    uint32_t done; /* rows that are in the target */
    leat_err *e;
} state;

/* ---- upserts ---- */

/* leat_rdb_shape.prepared, once it is known how the shape's rows are written. */
static char plainly, carefully;

static leat_rc look_at_indexes(leat_rdb_shape *s, leat_err *e)
{
    const leat_rdb_table *t = s->table;
    uint32_t columns = 0, keys = 0;
    bool fits = t->uniques > 0;
    for (uint32_t i = 0; i < t->ncolumns; i++) columns += t->columns[i].unique;
    for (const leat_rdb_field *f = s->fields; f->key; f++, keys++)
        if (t->uniques == 1 && !f->to->unique) fits = false;
    if (!fits || (t->uniques == 1 && keys != columns))
        return leat_rdb_fail_no_unique(e, t->label, doing);
    s->prepared = t->uniques == 1 || keys == s->nset ? &plainly : &carefully;
    return LEAT_OK;
}

/* ---- statements ---- */

static leat_rc put_set(leat_buf *out, const leat_rdb_row *row, leat_err *e)
{
    const leat_rdb_shape *s = row->shape;
    leat_buf_u8(out, '(');
    for (uint16_t i = 0; i < s->nset; i++) {
        const leat_rdb_field *f = &s->fields[s->set[i]];
        if (i > 0) leat_buf_u8(out, ',');
        LEAT_TRY(leat_rdb_my_put(out, f, &row->cells[f->from], e));
    }
    leat_buf_u8(out, ')');
    return LEAT_OK;
}

static leat_rc put_pair(leat_buf *out, const leat_rdb_field *f, const leat_value *cells,
                        leat_err *e)
{
    leat_my_put_name(out, leat_str_of(f->to->name));
    leat_buf_u8(out, '=');
    return leat_rdb_my_put(out, f, &cells[f->from], e);
}

static leat_rc put_key(leat_buf *out, const leat_rdb_row *row, leat_err *e)
{
    const leat_value *cells = row->old ? row->old : row->cells;
    for (const leat_rdb_field *f = row->shape->fields; f->key; f++) {
        if (f != row->shape->fields) leat_buf_str_z(out, " AND ");
        LEAT_TRY(put_pair(out, f, cells, e));
    }
    return LEAT_OK;
}

static leat_rc put_update(const leat_rdb_my *c, leat_buf *out, const leat_rdb_row *row, leat_err *e)
{
    const leat_rdb_shape *s = row->shape;
    unsigned n = 0;
    leat_buf_str_z(out, "UPDATE ");
    leat_rdb_quote_table(c->base.dialect, out, s->table);
    for (uint16_t i = 0; i < s->nset; i++) {
        const leat_rdb_field *f = &s->fields[s->set[i]];
        if (f->key && s->kind == LEAT_RDB_ROW_UPSERT) continue;
        leat_buf_str_z(out, n++ == 0 ? " SET " : ",");
        LEAT_TRY(put_pair(out, f, row->cells, e));
    }
    leat_buf_str_z(out, " WHERE ");
    return put_key(out, row, e);
}

/* The row as the first of a statement, or one more of it. */
static leat_rc put_row(const leat_rdb_my *c, leat_buf *out, const leat_rdb_row *row, bool first,
                       leat_err *e)
{
    const leat_rdb_dialect *d = c->base.dialect;
    switch (row->shape->kind) {
    case LEAT_RDB_ROW_INSERT:
    case LEAT_RDB_ROW_UPSERT:
        if (first) leat_rdb_put_insert(d, out, row->shape);
        leat_buf_str_z(out, first ? " VALUES " : ",");
        return put_set(out, row, e);
    case LEAT_RDB_ROW_DELETE:
        if (first) {
            leat_buf_str_z(out, "DELETE FROM ");
            leat_rdb_quote_table(d, out, row->shape->table);
        }
        leat_buf_str_z(out, first ? " WHERE " : " OR ");
        return put_key(out, row, e);
    case LEAT_RDB_ROW_UPDATE: return put_update(c, out, row, e);
    default:
        leat_buf_str_z(out, d->truncate);
        leat_rdb_quote_table(d, out, row->shape->table);
        return LEAT_OK;
    }
}

static uint32_t most_of(leat_rdb_kind kind)
{
    if (kind == LEAT_RDB_ROW_DELETE) return KEYS_MOST;
    return kind == LEAT_RDB_ROW_INSERT || kind == LEAT_RDB_ROW_UPSERT ? ROWS_MOST : 1;
}

static void end_statement(leat_rdb_my *c, const leat_rdb_shape *shape, uint32_t end)
{
    if (shape->kind == LEAT_RDB_ROW_UPSERT) c->base.dialect->upsert(&c->script, shape);
    if (c->nends == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->ends = leat_realloc(c->ends, c->cap * sizeof *c->ends);
        c->counts = leat_realloc(c->counts, c->cap * sizeof *c->counts);
    }
    c->ends[c->nends++] = end;
}

/* ---- scripts ---- */

static bool is_careful(const leat_rdb_row *row)
{
    return row->shape->prepared == &carefully;
}

/* One more row behind what the script has; *full: it has no room for it, nothing was added. DATA:
 * the row can never be sent, nothing was added. */
static leat_rc add_row(leat_rdb_my *c, const leat_rdb_row *row, bool first, bool *full, leat_err *e)
{
    size_t at = c->script.len, most = c->packet - c->packet / 16; /* the rest of the statement */
    if (first && at > 0) leat_buf_u8(&c->script, ';');
    leat_rc rc = put_row(c, &c->script, row, first, e);
    *full = rc == LEAT_OK && c->script.len > most;
    if (*full && at == 0) {
        rc = leat_fail(e, LEAT_DATA, "sql.too_large", row->shape->table->label,
                       "the row takes %zu bytes of a statement, and the server takes up to %zu "
                       "(max_allowed_packet): raise that on the server",
                       c->script.len, c->packet);
        *full = false;
    }
    if (rc != LEAT_OK || *full) c->script.len = at;
    return rc;
}

/* Makes the script of rows from s->done on, up to `to` or what a packet takes. DATA: the row behind
 * those that it has cannot be sent. */
static leat_rc make_script(state *s, uint32_t to, leat_err *e)
{
    leat_rdb_my *c = s->c;
    uint32_t i = s->done;
    leat_rc rc = LEAT_OK;
    bool full = false;
    leat_buf_clear_to(&c->script, SCRIPT_BYTES * 2);
    c->nends = 0;
    while (i < to && rc == LEAT_OK && !full && c->script.len < SCRIPT_BYTES) {
        leat_rdb_shape *shape = s->rows[i].shape;
        uint32_t from = i, most = most_of(shape->kind);
        if (shape->kind == LEAT_RDB_ROW_UPSERT && !shape->prepared)
            LEAT_TRY(look_at_indexes(shape, e));
        if (is_careful(&s->rows[i])) break;
        for (; i < to && i - from < most && s->rows[i].shape == shape; i++) {
            if (i > from && c->script.len >= SCRIPT_BYTES) break;
            rc = add_row(c, &s->rows[i], i == from, &full, e);
            if (rc != LEAT_OK || full) break;
        }
        if (i > from) end_statement(c, shape, i);
    }
    return rc;
}

/* Runs it; s->done moves behind the statements that were good. *end: behind the last row of the one
 * that was not. */
static leat_rc run_script(state *s, uint32_t *end)
{
    leat_rdb_my *c = s->c;
    uint32_t good = 0;
    leat_rc rc =
        leat_my_script(&c->my, doing, leat_buf_str(&c->script), c->nends, c->counts, &good, s->e);
    for (uint32_t i = 0; i < good; i++)
        while (s->done < c->ends[i]) {
            bool counts = s->rows[s->done].shape->kind == LEAT_RDB_ROW_UPDATE;
            s->affected[s->done++] = counts ? c->counts[i] : 1;
        }
    if (rc == LEAT_OK) return rc;
    *end = good < c->nends ? c->ends[good] : s->done;
    return leat_rdb_my_fail(rc, c, s->e);
}

static leat_rc run_one(state *s, int64_t *count)
{
    uint32_t good;
    leat_rdb_my *c = s->c;
    leat_rc rc = leat_my_script(&c->my, doing, leat_buf_str(&c->script), 1, count, &good, s->e);
    return rc == LEAT_OK ? rc : leat_rdb_my_fail(rc, c, s->e);
}

static leat_rc upsert_carefully(state *s)
{
    leat_rdb_my *c = s->c;
    const leat_rdb_row *row = &s->rows[s->done];
    int64_t found = 0;
    leat_buf_clear(&c->script);
    LEAT_TRY(put_update(c, &c->script, row, s->e));
    LEAT_TRY(run_one(s, &found));
    if (found == 0) {
        leat_buf_clear(&c->script);
        leat_rdb_put_insert(c->base.dialect, &c->script, row->shape);
        leat_buf_str_z(&c->script, " VALUES ");
        LEAT_TRY(put_set(&c->script, row, s->e));
        LEAT_TRY(run_one(s, &found));
    }
    s->affected[s->done++] = 1;
    return LEAT_OK;
}

/* Rows from s->done up to `to`. */
static leat_rc give(state *s, uint32_t to)
{
    while (s->done < to) {
        leat_err why = {0};
        leat_rc rc = make_script(s, to, &why);
        if (leat_rc_failed(rc) && rc != LEAT_DATA) {
            if (s->e) *s->e = why;
            return rc;
        }
        uint32_t end = 0;
        leat_rc ran = s->c->nends > 0 ? run_script(s, &end) : LEAT_OK;
        if (ran == LEAT_DATA && end > s->done + 1) {
            LEAT_TRY(give(s, s->done + (end - s->done) / 2));
            LEAT_TRY(give(s, end));
            continue;
        }
        LEAT_TRY(ran);
        if (rc != LEAT_OK) {
            if (s->e) *s->e = why;
            return rc;
        }
        if (s->done < to && is_careful(&s->rows[s->done])) LEAT_TRY(upsert_carefully(s));
    }
    return LEAT_OK;
}

leat_rc leat_rdb_my_apply(leat_rdb_conn *conn, const leat_rdb_row *rows, uint32_t n,
                          int64_t *affected, uint32_t *done, leat_err *e)
{
    leat_rdb_my *c = (leat_rdb_my *)conn;
    state s = {.c = c, .rows = rows, .affected = affected, .e = e};
    int fault = LEAT_FAULT(sink_apply);
    if (fault) return leat_os_fail(e, fault, doing, c->target.host);
    leat_rc rc = give(&s, n);
    *done = s.done;
    return rc;
}
