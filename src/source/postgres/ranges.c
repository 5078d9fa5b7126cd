/* Ranges of a table's rows: where they are cut, and their conditions in SQL.
 *
 * A whole table is cut by a sample of its pages (TABLESAMPLE SYSTEM), thinned, sorted by the server
 * and divided into equal parts; only the cuts come here. A page's rows are often neighbours in the
 * identity's order too, so the number of pages decides how equal the parts get; the number of rows,
 * how long sorting takes. Both have limits of their own, so that a table of 10^9 rows is cut as
 * quickly as one of 10^7. A part of a table is cut by walking its index from the beginning.
 *
 * A condition compares rows, (a, b) >= (x, y): the server walks the identity's index by it.
 * Literals have the column's type by name, since the type of a bare literal is guessed. Run by any
 * thread, one at a time a connection. */
#include "source/postgres/ranges.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "system/postgres/quote.h"
#include "system/postgres/types_part.h"

enum {
    PAGES_MOST = 4096,
    PAGES_LEAST = 128,
    PAGES_A_PART = 64,
    ROWS_A_PART = 64,
    ROWS_A_PAGE = 100, /* where the server does not know */
    ROWS_LEAST = 100,  /* a part of fewer is not cut further */
    ROWS_WIDE = 16,    /* the same where rows are wide, and their number is bounded */
};

#define AIM 0.6 /* which part of what was asked for */

/* ---- literals ---- */

bool leat_pg_range_fits(const leat_pg_col *col)
{
    return col->schema && (col->binary || col->parse == leat_pg_parse_text);
}

static void put_clock(leat_buf *sql, int64_t us)
{
    leat_buf_printf(sql, "%02" PRId64 ":%02d:%02d.%06d", us / INT64_C(3600000000),
                    (int)(us / 60000000 % 60), (int)(us / 1000000 % 60), (int)(us % 1000000));
}

static void put_interval(leat_buf *sql, const leat_interval *v)
{
    leat_buf_printf(sql, "%d mons %d days ", v->months, v->days);
    if (v->us < 0) leat_buf_u8(sql, '-');
    uint64_t us = v->us < 0 ? 0 - (uint64_t)v->us : (uint64_t)v->us;
    leat_buf_printf(sql, "%" PRIu64 ":%02d:%02d.%06d", us / UINT64_C(3600000000),
                    (int)(us / 60000000 % 60), (int)(us / 1000000 % 60), (int)(us % 1000000));
}

static void put_float(leat_buf *sql, double v)
{
    if (isnan(v))
        leat_buf_str_z(sql, "NaN");
    else if (isinf(v))
        leat_buf_str_z(sql, v < 0 ? "-Infinity" : "Infinity");
    else
        leat_buf_printf(sql, "%.17g", v);
}

/* What stands between the quotes of a literal; false: a kind that no identity has. */
static bool put_text_of(leat_buf *text, const leat_value *v)
{
    switch ((leat_kind)v->kind) {
    case LEAT_BOOL: leat_buf_u8(text, v->u.i ? 't' : 'f'); return true;
    case LEAT_INT: leat_buf_i64(text, v->u.i); return true;
    case LEAT_FLOAT: put_float(text, v->u.f); return true;
    case LEAT_TEXT:
    case LEAT_DECIMAL: leat_buf_add(text, leat_value_str(v)); return true;
    case LEAT_BYTES:
        leat_buf_str_z(text, "\\x");
        leat_buf_hex(text, leat_value_str(v));
        return true;
    case LEAT_TIME: put_clock(text, v->u.i); return true;
    case LEAT_TIMETZ:
        put_clock(text, v->u.i);
        leat_buf_printf(text, "%c%02d:%02d:%02d", v->zone < 0 ? '-' : '+', abs(v->zone) / 3600,
                        abs(v->zone) / 60 % 60, abs(v->zone) % 60);
        return true;
    case LEAT_INTERVAL: put_interval(text, v->u.interval); return true;
    default: return false;
    }
}

/* Days and what is left of a time since 1970, as sums: so no calendar is needed here. */
static bool put_moment(leat_buf *sql, const leat_value *v, const char *type)
{
    bool date = v->kind == LEAT_DATE;
    if (!date && v->kind != LEAT_TIMESTAMP && v->kind != LEAT_TIMESTAMPTZ) return false;
    if (v->u.i == LEAT_TIME_INFINITY || v->u.i == LEAT_TIME_MINUS_INFINITY) {
        leat_buf_printf(sql, "'%sinfinity'::%s", v->u.i < 0 ? "-" : "", type);
        return true;
    }
    const int64_t day_us = INT64_C(86400000000);
    int64_t days = date ? v->u.i : v->u.i / day_us, us = date ? 0 : v->u.i % day_us;
    leat_buf_printf(sql, "('1970-01-01'::%s + ", type);
    if (date)
        leat_buf_printf(sql, "'%" PRId64 "'::pg_catalog.int4)", days);
    else
        leat_buf_printf(sql,
                        "'%" PRId64 " days'::pg_catalog.interval + '%" PRId64
                        " microseconds'::pg_catalog.interval)",
                        days, us);
    return true;
}

static bool put_value(leat_buf *sql, const leat_value *v, const char *type)
{
    if (put_moment(sql, v, type)) return true;
    leat_buf text = {0};
    bool good = put_text_of(&text, v);
    if (good) {
        leat_pg_quote_text(sql, leat_buf_str(&text));
        leat_buf_str_z(sql, "::");
        leat_buf_str_z(sql, type);
    }
    leat_buf_free(&text);
    return good;
}

/* ---- conditions ---- */

static void put_names(leat_buf *sql, const leat_pg_identity *id)
{
    for (uint16_t i = 0; i < id->n; i++) {
        if (i) leat_buf_str_z(sql, ", ");
        leat_pg_quote_name(sql, leat_str_of(id->names[i]));
    }
}

/* Of one column without parentheses. */
static void open_row(leat_buf *sql, const leat_pg_identity *id)
{
    if (id->n > 1) leat_buf_u8(sql, '(');
}

static void close_row(leat_buf *sql, const leat_pg_identity *id)
{
    if (id->n > 1) leat_buf_u8(sql, ')');
}

static leat_rc changed(const leat_pg_identity *id, leat_err *e)
{
    return leat_fail(e, LEAT_DATA, "postgres.identity_changed", id ? id->order : "",
                     "the table was cut by another identity, or the server sorts it in another way "
                     "now: what was read of it is read again");
}

/* from: else it is compared as the end of a range. */
static leat_rc put_compare(leat_buf *sql, const leat_pg_identity *id, bool from, leat_str bound,
                           leat_err *e)
{
    static const char *const how[2][2] = {{" < ", " <= "}, {" >= ", " > "}};
    leat_arena a = {0};
    bool behind;
    const leat_str *values = leat_bound_read(id->order, id->n, bound, &a, &behind);
    if (values) {
        open_row(sql, id);
        put_names(sql, id);
        close_row(sql, id);
        leat_buf_str_z(sql, how[from][behind]);
        open_row(sql, id);
        for (uint16_t i = 0; i < id->n; i++) {
            if (i) leat_buf_str_z(sql, ", ");
            leat_pg_quote_text(sql, values[i]);
            leat_buf_str_z(sql, "::");
            leat_buf_str_z(sql, id->types[i]);
        }
        close_row(sql, id);
    }
    leat_arena_free(&a);
    return values ? LEAT_OK : changed(id, e);
}

static leat_rc put_keys(leat_buf *sql, const leat_pg_identity *id, const leat_range *range,
                        leat_err *e)
{
    if (range->nid != id->n) return changed(id, e);
    open_row(sql, id);
    put_names(sql, id);
    close_row(sql, id);
    leat_buf_str_z(sql, " IN (");
    for (uint32_t k = 0; k < range->nkeys; k++) {
        if (k) leat_buf_str_z(sql, ", ");
        open_row(sql, id);
        for (uint16_t i = 0; i < id->n; i++) {
            const leat_value *v = &range->keys[(size_t)k * id->n + i];
            if (i) leat_buf_str_z(sql, ", ");
            if (!put_value(sql, v, id->types[i])) return changed(id, e);
        }
        close_row(sql, id);
    }
    leat_buf_u8(sql, ')');
    return LEAT_OK;
}

leat_rc leat_pg_range_put(leat_buf *sql, const leat_pg_identity *id, const leat_range *range,
                          leat_err *e)
{
    bool all = !range->from.s && !range->to.s && range->nkeys == 0;
    if (all) leat_buf_str_z(sql, "TRUE");
    if (all) return LEAT_OK;
    if (!id) return changed(id, e);
    if (range->nkeys > 0) return put_keys(sql, id, range, e);
    if (range->from.s) LEAT_TRY(put_compare(sql, id, true, range->from, e));
    if (range->from.s && range->to.s) leat_buf_str_z(sql, " AND ");
    return range->to.s ? put_compare(sql, id, false, range->to, e) : LEAT_OK;
}

/* ---- sizes ---- */

/* A table as the server knows it, with those below it. */
typedef struct extent {
    int64_t pages;
    double rows, bytes; /* rows: the planner's estimate, or a guess */
} extent;

static leat_rc read_extent(leat_pg *c, const leat_pg_cut *t, leat_arena *a, extent *x, leat_err *e)
{
    static const char sql[] =
        "WITH RECURSIVE tree(oid) AS (SELECT $1::pg_catalog.oid UNION"
        " SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid%s)"
        " SELECT COALESCE(sum(pg_catalog.pg_relation_size(oid)), 0)::pg_catalog.int8"
        " / pg_catalog.current_setting('block_size')::pg_catalog.int8,"
        " COALESCE(sum(pg_catalog.pg_table_size(oid)), 0)::pg_catalog.int8,"
        " COALESCE(sum(CASE WHEN c.relpages > 0 AND c.reltuples > 0 THEN c.reltuples / c.relpages"
        " ELSE $2::pg_catalog.float8 END * pg_catalog.pg_relation_size(oid))"
        " / pg_catalog.current_setting('block_size')::pg_catalog.int8, 0)::pg_catalog.int8"
        " FROM tree JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind = 'r'";
    const char *params[] = {leat_arena_printf(a, "%u", t->oid),
                            leat_arena_printf(a, "%d", ROWS_A_PAGE)};
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "read a table's size",
                           leat_arena_printf(a, sql, t->only ? " WHERE FALSE" : ""), 2, params,
                           &res, e));
    *x = (extent){leat_pg_cell_i64(res, 0, 0, 0), (double)leat_pg_cell_i64(res, 0, 2, 0),
                  (double)leat_pg_cell_i64(res, 0, 1, 0)};
    PQclear(res);
    return LEAT_OK;
}

static int64_t between(int64_t least, double v, int64_t most)
{
    return v <= (double)least ? least : v >= (double)most ? most : (int64_t)v;
}

/* ---- bounds ---- */

static void put_table(leat_buf *sql, const leat_pg_cut *t)
{
    leat_buf_str_z(sql, t->only ? "ONLY " : "");
    leat_pg_quote_table(sql, t->schema, t->name);
}

/* Identities with their place in the server's order. */
static void put_numbered(leat_buf *sql, const leat_pg_cut *t)
{
    leat_buf_str_z(sql, "SELECT ");
    put_names(sql, t->identity);
    leat_buf_str_z(sql, ", pg_catalog.row_number() OVER (ORDER BY ");
    put_names(sql, t->identity);
    leat_buf_str_z(sql, ") AS leat_place");
}

static leat_str bound_of(const PGresult *res, int row, const leat_pg_cut *t, leat_arena *a)
{
    leat_str *values = LEAT_NEW(a, leat_str, t->identity->n);
    for (int i = 0; i < t->identity->n; i++) values[i] = leat_pg_cell(res, row, i);
    return leat_bound_write(t->identity->order, t->identity->n, values, t->rows > 0, a);
}

/* Runs sql, whose rows are bounds, in their order. It has parameters, so that the server takes one
 * statement and no more: the condition on rows came with a signal. */
static leat_rc take_bounds(leat_pg *c, const leat_pg_cut *t, leat_buf *sql, int nparams,
                           const char *const *params, leat_arena *a, leat_str *bounds, unsigned *n,
                           leat_err *e)
{
    PGresult *res;
    leat_buf_u8(sql, 0);
    LEAT_TRY(leat_pg_query_until(c, "cut a table", sql->p, nparams, params, t->ms, &res, e));
    *n = 0;
    for (int i = 0; i < PQntuples(res); i++) {
        leat_str bound = bound_of(res, i, t, a);
        /* What a SQL_ASCII database holds may be no UTF-8, and bounds are JSON: two parts are one
         * then. */
        if (leat_str_utf8(bound)) bounds[(*n)++] = bound;
    }
    PQclear(res);
    return LEAT_OK;
}

/* $1: rows that a row of the sample stands for; $2: rows of a part; $3: most parts. */
static void put_sample(leat_buf *sql, const leat_pg_cut *t, double percent, double kept)
{
    leat_buf_str_z(sql, "WITH s AS (SELECT ");
    put_names(sql, t->identity);
    leat_buf_str_z(sql, " FROM ");
    put_table(sql, t);
    leat_buf_printf(sql, " TABLESAMPLE SYSTEM (%.7f)", percent);
    if (kept < 1) leat_buf_printf(sql, " WHERE pg_catalog.random() < %.9f", kept);
    leat_buf_str_z(sql, "), o AS (");
    put_numbered(sql, t);
    leat_buf_str_z(sql, ", count(*) OVER () AS leat_all FROM s), p AS (SELECT *,"
                        " LEAST($3::pg_catalog.int8, pg_catalog.ceil(leat_all"
                        " * $1::pg_catalog.float8 / $2::pg_catalog.float8)::pg_catalog.int8)"
                        " AS leat_parts FROM o) SELECT ");
    put_names(sql, t->identity);
    leat_buf_str_z(sql, " FROM p WHERE leat_place < leat_all AND leat_place * leat_parts / leat_all"
                        " > (leat_place - 1) * leat_parts / leat_all ORDER BY leat_place");
}

static leat_rc cut_whole(leat_pg *c, const leat_pg_cut *t, const extent *x, double part_rows,
                         unsigned most, leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    int64_t parts = between(2, x->rows / part_rows, (int64_t)most + 1);
    int64_t pages = between(PAGES_LEAST, (double)parts * PAGES_A_PART, PAGES_MOST);
    double share = pages >= x->pages ? 1.0 : (double)pages / (double)x->pages;
    double kept = (double)(parts * ROWS_A_PART) / (x->rows * share);
    if (kept > 1) kept = 1;
    const char *params[] = {leat_arena_printf(a, "%.17g", 1 / share / kept),
                            leat_arena_printf(a, "%.17g", part_rows),
                            leat_arena_printf(a, "%u", most + 1)};
    leat_buf sql = {0};
    put_sample(&sql, t, share * 100, kept);
    leat_rc rc = take_bounds(c, t, &sql, 3, params, a, bounds, n, e);
    leat_buf_free(&sql);
    return rc;
}

static void put_range(leat_buf *sql, const leat_pg_cut *t, const char *condition)
{
    leat_buf_str_z(sql, " FROM ");
    put_table(sql, t);
    leat_buf_str_z(sql, " WHERE ");
    leat_buf_str_z(sql, condition);
}

/* The last row of the range, as a bound behind it. */
static leat_rc cut_end(leat_pg *c, const leat_pg_cut *t, const char *condition, leat_arena *a,
                       leat_str *bounds, unsigned *n, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "SELECT ");
    put_names(&sql, t->identity);
    put_range(&sql, t, condition);
    leat_buf_str_z(&sql, " ORDER BY ");
    for (uint16_t i = 0; i < t->identity->n; i++) {
        if (i) leat_buf_str_z(&sql, ", ");
        leat_pg_quote_name(&sql, leat_str_of(t->identity->names[i]));
        leat_buf_str_z(&sql, " DESC");
    }
    leat_buf_str_z(&sql, " LIMIT $1::pg_catalog.int8");
    const char *params[] = {"1"};
    leat_rc rc = take_bounds(c, t, &sql, 1, params, a, bounds, n, e);
    leat_buf_free(&sql);
    return rc;
}

/* The one bound that halves a range, which was too large, however few rows it has. */
static leat_rc cut_half(leat_pg *c, const leat_pg_cut *t, const char *condition, leat_arena *a,
                        leat_str *bounds, unsigned *n, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "WITH h AS (SELECT count(*) / 2 AS leat_half");
    put_range(&sql, t, condition);
    leat_buf_str_z(&sql, ") SELECT ");
    put_names(&sql, t->identity);
    put_range(&sql, t, condition);
    leat_buf_str_z(&sql, " AND (SELECT leat_half FROM h) > 0 ORDER BY ");
    put_names(&sql, t->identity);
    leat_buf_printf(&sql, " OFFSET (SELECT leat_half - %d FROM h) LIMIT $1::pg_catalog.int8",
                    t->rows > 0);
    const char *params[] = {"1"};
    leat_rc rc = take_bounds(c, t, &sql, 1, params, a, bounds, n, e);
    leat_buf_free(&sql);
    return rc;
}

/* A bound behind each so many rows, as long as one follows; or before the one that comes next, as
 * long as half of that follows. $1: rows, $2: most bounds, $3: rows behind a bound where one of
 * those that must follow is, $4: rows of the next part that a bound's row counts for. */
static leat_rc cut_each(leat_pg *c, const leat_pg_cut *t, const char *condition, uint64_t rows,
                        unsigned most, leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    bool behind = t->rows > 0;
    const char *params[] = {
        leat_arena_printf(a, "%" PRIu64, rows), leat_arena_printf(a, "%u", most),
        leat_arena_printf(a, "%" PRIu64, behind ? 1 : rows / 2), behind ? "0" : "1"};
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "WITH o AS (");
    put_numbered(&sql, t);
    put_range(&sql, t, condition);
    leat_buf_str_z(&sql,
                   "), m AS (SELECT *, (leat_place - $4::pg_catalog.int8) % $1::pg_catalog.int8"
                   " AS leat_rest FROM o WHERE (leat_place - $4::pg_catalog.int8)"
                   " % $1::pg_catalog.int8 IN (0, $3::pg_catalog.int8 % $1::pg_catalog.int8)"
                   " AND leat_place > $4::pg_catalog.int8 LIMIT 2 * $2::pg_catalog.int8 + 2),"
                   " f AS (SELECT *, pg_catalog.lead(leat_place) OVER (ORDER BY leat_place)"
                   " AS leat_next FROM m) SELECT ");
    put_names(&sql, t->identity);
    leat_buf_str_z(&sql, " FROM f WHERE leat_rest = 0 AND leat_next IS NOT NULL"
                         " ORDER BY leat_place LIMIT $2::pg_catalog.int8");
    leat_rc rc = take_bounds(c, t, &sql, 4, params, a, bounds, n, e);
    leat_buf_free(&sql);
    return rc;
}

static leat_rc condition_of(const leat_pg_cut *t, const leat_range *range, leat_arena *a,
                            const char **out, leat_err *e)
{
    leat_buf sql = {0};
    leat_rc rc = leat_pg_range_put(&sql, t->identity, range, e);
    if (t->where) leat_buf_printf(&sql, " AND (%s\n)", t->where); /* behind a comment, too */
    *out = leat_arena_str(a, leat_buf_str(&sql)).s;
    leat_buf_free(&sql);
    return rc;
}

/* The rows of a part: as many as are wanted, less where they are wide. */
static uint64_t rows_of(const leat_pg_cut *t, const extent *x, uint64_t bytes)
{
    double fit = x->bytes > 0 ? x->rows * (double)bytes / x->bytes : (double)t->rows;
    uint64_t least = t->rows < ROWS_WIDE ? t->rows : ROWS_WIDE;
    if (fit >= (double)t->rows) return t->rows;
    return fit < (double)least ? least : (uint64_t)fit;
}

/* Drops bounds that divide nothing: rows by a column that is not unique may share their value. */
static void drop_equal(const leat_range *range, leat_str *bounds, unsigned *n)
{
    leat_str last = range->from;
    unsigned kept = 0;
    for (unsigned i = 0; i < *n; i++) {
        bool end = range->to.s && leat_str_eq(bounds[i], range->to);
        if (end || (last.s && leat_str_eq(bounds[i], last))) continue;
        last = bounds[kept++] = bounds[i];
    }
    *n = kept;
}

static leat_rc find_bounds(leat_pg *c, const leat_pg_cut *t, const leat_range *range,
                           uint64_t bytes, unsigned most, leat_arena *a, leat_str *bounds,
                           unsigned *n, leat_err *e)
{
    extent x;
    const char *condition;
    LEAT_TRY(condition_of(t, range, a, &condition, e));
    if (most == 1) return cut_half(c, t, condition, a, bounds, n, e);
    LEAT_TRY(read_extent(c, t, a, &x, e));
    if (t->rows > 0) {
        leat_str end;
        unsigned ends = 0;
        if (!range->to.s) LEAT_TRY(cut_end(c, t, condition, a, &end, &ends, e));
        if (!range->to.s && ends == 0) return LEAT_OK;
        uint64_t rows = rows_of(t, &x, bytes);
        LEAT_TRY(cut_each(c, t, condition, rows, most - ends, a, bounds, n, e));
        if (ends) bounds[(*n)++] = end;
        return LEAT_OK;
    }
    bool whole = !range->from.s && !range->to.s;
    if (whole && x.bytes <= (double)bytes) return LEAT_OK;
    /* Parts of a sample are unequal: few are to be larger than what was asked for. */
    double part_rows = x.bytes > 0 ? x.rows * AIM * (double)bytes / x.bytes : ROWS_LEAST;
    if (part_rows < ROWS_LEAST) part_rows = ROWS_LEAST;
    return whole ? cut_whole(c, t, &x, part_rows, most, a, bounds, n, e)
                 : cut_each(c, t, condition, (uint64_t)(part_rows / AIM), most, a, bounds, n, e);
}

leat_rc leat_pg_range_cut(leat_pg *c, const leat_pg_cut *t, const leat_range *range, uint64_t bytes,
                          unsigned most, leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    *n = 0;
    if (most == 0) return LEAT_OK;
    LEAT_TRY(find_bounds(c, t, range, bytes, most, a, bounds, n, e));
    drop_equal(range, bounds, n);
    return LEAT_OK;
}
