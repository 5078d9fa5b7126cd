/* Ranges of a table's rows: where they are cut, and their conditions in SQL; see the header.
 *
 * The server has no sample of a table to be had cheaply, so bounds are found by walking the
 * identity's index, a part at a time and a few parts a call: what is behind the last bound is cut
 * when its turn comes.
 *
 * Rows of columns are compared column by column, for the optimizer makes no range of (a, b) >=
 * (x, y). Labels of ENUM and SET are compared by their numbers, as they are sorted. */
#include "source/mysql/ranges.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"

enum {
    ROWS_LEAST = 100,      /* a part of fewer is not cut further */
    ROW_BYTES = 200,       /* where the server does not know */
    COUNT_MOST = 10000000, /* rows counted to find the middle */
};

#define DAY_US INT64_C(86400000000)

/* ---- columns ---- */

typedef enum sort { SORT_NONE, SORT_NUMBER, SORT_LABEL, SORT_TEXT, SORT_BYTES } sort;

static sort sort_of(const leat_my_column *c)
{
    static const struct {
        const char *base;
        sort sort;
    } sorts[] = {
        {"tinyint", SORT_NUMBER}, {"smallint", SORT_NUMBER}, {"mediumint", SORT_NUMBER},
        {"int", SORT_NUMBER},     {"bigint", SORT_NUMBER},   {"decimal", SORT_NUMBER},
        {"year", SORT_NUMBER},    {"enum", SORT_LABEL},      {"set", SORT_LABEL},
        {"date", SORT_TEXT},      {"time", SORT_TEXT},       {"datetime", SORT_TEXT},
        {"timestamp", SORT_TEXT}, {"char", SORT_TEXT},       {"varchar", SORT_TEXT},
        {"tinytext", SORT_TEXT},  {"text", SORT_TEXT},       {"mediumtext", SORT_TEXT},
        {"longtext", SORT_TEXT},  {"uuid", SORT_TEXT},       {"inet4", SORT_TEXT},
        {"inet6", SORT_TEXT},     {"binary", SORT_BYTES},    {"varbinary", SORT_BYTES},
        {"tinyblob", SORT_BYTES}, {"blob", SORT_BYTES},      {"mediumblob", SORT_BYTES},
        {"longblob", SORT_BYTES},
    };
    bool bytes = c->charset && strcmp(c->charset, "binary") == 0;
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
        if (strcmp(sorts[i].base, c->base) == 0)
            return bytes && sorts[i].sort == SORT_TEXT ? SORT_BYTES : sorts[i].sort;
    return SORT_NONE;
}

bool leat_my_range_fits(const leat_my_column *c)
{
    return sort_of(c) != SORT_NONE;
}

static int column_of(const leat_my_table *t, const char *name)
{
    for (uint16_t i = 0; i < t->ncols; i++)
        if (strcmp(t->cols[i].name, name) == 0) return i;
    return -1;
}

const leat_my_identity *leat_my_identity_of(const leat_my_table *t, const char *const *by,
                                            uint16_t nby, leat_arena *a)
{
    leat_my_identity *id = LEAT_NEW(a, leat_my_identity, 1);
    uint16_t n = by ? nby : t->nkey;
    const leat_my_column **cols = LEAT_NEW(a, const leat_my_column *, n);
    leat_buf order = {0};
    bool fits = n > 0;
    for (uint16_t i = 0; i < n && fits; i++) {
        int at = by ? column_of(t, by[i]) : t->key[i];
        fits = at >= 0 && leat_my_range_fits(&t->cols[at]);
        if (!fits) break;
        cols[i] = &t->cols[at];
        if (i) leat_buf_str_z(&order, ", ");
        leat_buf_printf(&order, "%s %s%s%s", cols[i]->name, cols[i]->type,
                        cols[i]->collation ? " " : "",
                        cols[i]->collation ? cols[i]->collation : "");
    }
    *id = (leat_my_identity){.cols = cols,
                             .n = n,
                             .primary = !by && t->primary,
                             .order = leat_arena_str(a, leat_buf_str(&order)).s};
    leat_buf_free(&order);
    return fits ? id : NULL;
}

/* What is compared and sorted by. */
static void put_sorted(leat_buf *sql, const leat_my_column *c)
{
    leat_my_put_name(sql, leat_str_of(c->name));
    if (sort_of(c) == SORT_LABEL) leat_buf_str_z(sql, "+0");
}

/* What a bound has of it. */
static void put_bound_column(leat_buf *sql, const leat_my_column *c)
{
    bool bytes = sort_of(c) == SORT_BYTES;
    if (bytes) leat_buf_str_z(sql, "HEX(");
    put_sorted(sql, c);
    if (bytes) leat_buf_u8(sql, ')');
}

void leat_my_range_order(leat_buf *sql, const leat_my_identity *id, bool last_first)
{
    leat_buf_str_z(sql, " ORDER BY ");
    for (uint16_t i = 0; i < id->n; i++) {
        if (i) leat_buf_str_z(sql, ", ");
        put_sorted(sql, id->cols[i]);
        if (last_first) leat_buf_str_z(sql, " DESC");
    }
}

/* ---- constants ---- */

static bool made_of(leat_str text, const char *chars)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr(chars, text.s[i])) return false;
    return text.len > 0;
}

/* A bound's value; false: it is none of the column's. */
static bool put_bound_value(leat_buf *sql, const leat_my_column *c, leat_str value)
{
    switch (sort_of(c)) {
    case SORT_NUMBER:
    case SORT_LABEL:
        if (!made_of(value, "0123456789+-.")) return false;
        leat_buf_add(sql, value);
        return true;
    case SORT_BYTES:
        if (value.len && !made_of(value, "0123456789ABCDEFabcdef")) return false;
        leat_buf_printf(sql, "X'%.*s'", LEAT_STR_ARG(value));
        return true;
    case SORT_TEXT: leat_my_put_text(sql, value); return true;
    default: return false;
    }
}

static void put_time(leat_buf *sql, int64_t us)
{
    int64_t t = us < 0 ? -us : us;
    leat_buf_printf(sql, "'%s%02" PRId64 ":%02d:%02d.%06d'", us < 0 ? "-" : "",
                    t / INT64_C(3600000000), (int)(t / 60000000 % 60), (int)(t / 1000000 % 60),
                    (int)(t % 1000000));
}

/* Days and what is left of a time since 1970, as sums: so no calendar is needed here. */
static void put_moment(leat_buf *sql, int64_t us)
{
    int64_t days = us / DAY_US, rest = us % DAY_US;
    leat_buf_printf(sql,
                    "(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL %" PRId64 " DAY + INTERVAL %" PRId64
                    " MICROSECOND)",
                    days, rest);
}

/* A cell of a change; false: a kind that no identity has. */
static bool put_cell(leat_buf *sql, const leat_my_column *c, const leat_value *v)
{
    switch ((leat_kind)v->kind) {
    case LEAT_INT:
        if (c->is_unsigned)
            leat_buf_printf(sql, "%" PRIu64, (uint64_t)v->u.i);
        else
            leat_buf_i64(sql, v->u.i);
        return true;
    case LEAT_DECIMAL: leat_buf_add(sql, leat_value_str(v)); return true;
    case LEAT_TEXT: leat_my_put_text(sql, leat_value_str(v)); return true;
    case LEAT_BYTES:
        leat_buf_str_z(sql, "X'");
        leat_buf_hex(sql, leat_value_str(v));
        leat_buf_u8(sql, '\'');
        return true;
    case LEAT_DATE:
        leat_buf_printf(sql, "(DATE'1970-01-01' + INTERVAL %" PRId64 " DAY)", v->u.i);
        return true;
    case LEAT_TIME: put_time(sql, v->u.i); return true;
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ: put_moment(sql, v->u.i); return true;
    default: return false;
    }
}

/* ---- bounds ---- */

static leat_rc changed(const leat_my_identity *id, leat_err *e)
{
    return leat_fail(e, LEAT_DATA, "mysql.identity_changed", id ? id->order : "",
                     "the table was cut by another key, or the server sorts it in another way now: "
                     "what was read of it is read again");
}

/* ---- conditions ---- */

static bool put_one(leat_buf *sql, const leat_my_column *c, const char *how, leat_str value)
{
    put_sorted(sql, c);
    leat_buf_str_z(sql, how);
    return put_bound_value(sql, c, value);
}

/* a > x OR (a = x AND (b > y OR (b = y AND c >= z))), with a >= x before it, by which the server
 * finds the range of the index. */
static bool put_compare(leat_buf *sql, const leat_my_identity *id, bool from,
                        const leat_str *values, bool behind)
{
    static const char *const last[2][2] = {{" < ", " <= "}, {" >= ", " > "}};
    const char *beyond = from ? " > " : " < ";
    bool good = true;
    leat_buf_u8(sql, '(');
    if (id->n > 1) {
        good &= put_one(sql, id->cols[0], from ? " >= " : " <= ", values[0]);
        leat_buf_str_z(sql, " AND (");
    }
    for (uint16_t i = 0; i + 1 < id->n; i++) {
        good &= put_one(sql, id->cols[i], beyond, values[i]);
        leat_buf_str_z(sql, " OR (");
        good &= put_one(sql, id->cols[i], " = ", values[i]);
        leat_buf_str_z(sql, " AND (");
    }
    good &= put_one(sql, id->cols[id->n - 1], last[from][behind], values[id->n - 1]);
    for (uint16_t i = 0; i + 1 < id->n; i++) leat_buf_str_z(sql, "))");
    if (id->n > 1) leat_buf_u8(sql, ')');
    leat_buf_u8(sql, ')');
    return good;
}

static leat_rc put_bound(leat_buf *sql, const leat_my_identity *id, bool from, leat_str bound,
                         leat_err *e)
{
    leat_arena a = {0};
    bool behind;
    const leat_str *values = leat_bound_read(id->order, id->n, bound, &a, &behind);
    bool good = values && put_compare(sql, id, from, values, behind);
    leat_arena_free(&a);
    return good ? LEAT_OK : changed(id, e);
}

static leat_rc put_keys(leat_buf *sql, const leat_my_identity *id, const leat_range *range,
                        leat_err *e)
{
    if (range->nid != id->n) return changed(id, e);
    leat_buf_u8(sql, '(');
    for (uint32_t k = 0; k < range->nkeys; k++) {
        leat_buf_str_z(sql, k ? " OR (" : "(");
        for (uint16_t i = 0; i < id->n; i++) {
            if (i) leat_buf_str_z(sql, " AND ");
            leat_my_put_name(sql, leat_str_of(id->cols[i]->name));
            leat_buf_str_z(sql, " = ");
            if (!put_cell(sql, id->cols[i], &range->keys[(size_t)k * id->n + i]))
                return changed(id, e);
        }
        leat_buf_u8(sql, ')');
    }
    leat_buf_u8(sql, ')');
    return LEAT_OK;
}

leat_rc leat_my_range_put(leat_buf *sql, const leat_my_identity *id, const leat_range *range,
                          leat_err *e)
{
    bool all = !range->from.s && !range->to.s && range->nkeys == 0;
    if (all) leat_buf_str_z(sql, "TRUE");
    if (all) return LEAT_OK;
    if (!id) return changed(id, e);
    if (range->nkeys > 0) return put_keys(sql, id, range, e);
    if (range->from.s) LEAT_TRY(put_bound(sql, id, true, range->from, e));
    if (range->from.s && range->to.s) leat_buf_str_z(sql, " AND ");
    return range->to.s ? put_bound(sql, id, false, range->to, e) : LEAT_OK;
}

/* ---- cutting ---- */

static void put_from(leat_buf *sql, const leat_my_cut *t)
{
    leat_buf_str_z(sql, " FROM ");
    leat_my_put_table(sql, leat_str_of(t->db), leat_str_of(t->name));
    if (t->identity->primary) leat_buf_str_z(sql, " FORCE INDEX (PRIMARY)");
}

static leat_rc put_where(leat_buf *sql, const leat_my_cut *t, const leat_range *range, leat_err *e)
{
    leat_buf_str_z(sql, " WHERE ");
    LEAT_TRY(leat_my_range_put(sql, t->identity, range, e));
    if (t->where) leat_buf_printf(sql, " AND (%s\n)", t->where);
    return LEAT_OK;
}

/* One number that a statement gives; the statement is freed. */
static leat_rc ask_number(leat_my *c, leat_buf *sql, int64_t *out, leat_err *e)
{
    leat_my_result r = {0};
    leat_buf_u8(sql, 0);
    leat_rc rc = leat_my_query(c, "cut a table", sql->p, &r, e);
    *out = rc == LEAT_OK && leat_my_next(&r) ? leat_my_cell_i64(&r, 0, -1) : -1;
    leat_my_result_free(&r);
    leat_buf_free(sql);
    return rc;
}

/* How many rows have about so many bytes. */
static leat_rc rows_of(leat_my *c, const leat_my_cut *t, uint64_t bytes, uint64_t *rows,
                       leat_err *e)
{
    leat_buf sql = {0};
    int64_t width;
    leat_buf_str_z(&sql, "SELECT CAST(DATA_LENGTH / NULLIF(TABLE_ROWS, 0) AS SIGNED) FROM "
                         "information_schema.TABLES WHERE TABLE_SCHEMA = ");
    leat_my_put_text(&sql, leat_str_of(t->db));
    leat_buf_str_z(&sql, " AND TABLE_NAME = ");
    leat_my_put_text(&sql, leat_str_of(t->name));
    LEAT_TRY(ask_number(c, &sql, &width, e));
    *rows = bytes / (uint64_t)(width > 0 ? width : ROW_BYTES);
    if (*rows < ROWS_LEAST) *rows = ROWS_LEAST;
    return LEAT_OK;
}

/* Half of the rows there are. 0: it is not to be cut. */
static leat_rc half_of(leat_my *c, const leat_my_cut *t, const leat_range *range, uint64_t *rows,
                       leat_err *e)
{
    leat_buf sql = {0};
    int64_t count;
    leat_buf_str_z(&sql, "SELECT COUNT(*) FROM (SELECT 1");
    put_from(&sql, t);
    leat_rc rc = put_where(&sql, t, range, e);
    leat_buf_printf(&sql, " LIMIT %d) AS leat_rows", COUNT_MOST);
    if (rc == LEAT_OK) rc = ask_number(c, &sql, &count, e);
    leat_buf_free(&sql);
    LEAT_TRY(rc);
    *rows = count > 1 ? (uint64_t)count / 2 : 0;
    return LEAT_OK;
}

/* The identity of the row that has so many before it (or of the last one) as a bound; absent: there
 * is none. */
static leat_rc find_bound(leat_my *c, const leat_my_cut *t, const leat_range *range, uint64_t skip,
                          bool last, leat_arena *a, leat_str *bound, leat_err *e)
{
    const leat_my_identity *id = t->identity;
    leat_buf sql = {0};
    leat_my_result r = {0};
    *bound = (leat_str){0};
    leat_buf_str_z(&sql, "SELECT ");
    for (uint16_t i = 0; i < id->n; i++) {
        if (i) leat_buf_str_z(&sql, ", ");
        put_bound_column(&sql, id->cols[i]);
    }
    put_from(&sql, t);
    leat_rc rc = put_where(&sql, t, range, e);
    leat_my_range_order(&sql, id, last);
    leat_buf_printf(&sql, " LIMIT 1 OFFSET %" PRIu64, skip);
    leat_buf_u8(&sql, 0);
    if (rc == LEAT_OK) rc = leat_my_query(c, "cut a table", sql.p, &r, e);
    leat_buf_free(&sql);
    LEAT_TRY(rc);
    if (leat_my_next(&r)) {
        leat_str *values = LEAT_NEW(a, leat_str, id->n);
        for (uint16_t i = 0; i < id->n; i++) values[i] = leat_my_cell(&r, i);
        *bound = leat_bound_write(id->order, id->n, values, t->rows > 0, a);
    }
    leat_my_result_free(&r);
    return LEAT_OK;
}

/* Bounds up to which there are so many rows each, as long as some follow. */
static leat_rc walk(leat_my *c, const leat_my_cut *t, leat_range left, uint64_t rows, unsigned most,
                    leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    uint64_t skip = t->rows ? rows - 1 : rows;
    while (*n < most) {
        if (t->leaves && t->leaves(t->arg))
            return leat_fail(e, LEAT_RETRY, "mysql.stopped", t->name, "the reader ends");
        leat_str bound;
        LEAT_TRY(find_bound(c, t, &left, skip, false, a, &bound, e));
        if (!bound.s || (left.to.s && leat_str_eq(bound, left.to))) return LEAT_OK;
        left.from = bounds[(*n)++] = bound;
    }
    return LEAT_OK;
}

leat_rc leat_my_range_cut(leat_my *c, const leat_my_cut *t, const leat_range *range, uint64_t bytes,
                          unsigned most, leat_arena *a, leat_str *bounds, unsigned *n, leat_err *e)
{
    uint64_t rows = t->rows;
    leat_range left = *range;
    leat_str end = {0};
    *n = 0;
    if (most == 1)
        LEAT_TRY(half_of(c, t, range, &rows, e));
    else if (rows == 0)
        LEAT_TRY(rows_of(c, t, bytes, &rows, e));
    if (rows == 0) return LEAT_OK;
    if (t->rows > 0 && most > 1 && !range->to.s) {
        LEAT_TRY(find_bound(c, t, range, 0, true, a, &end, e));
        if (!end.s) return LEAT_OK;
        left.to = end;
        most--;
    }
    LEAT_TRY(walk(c, t, left, rows, most, a, bounds, n, e));
    if (end.s) bounds[(*n)++] = end;
    return LEAT_OK;
}
