/* MySQL and MariaDB as a side of `leat verify`; see the header.
 *
 *     SELECT COUNT(*), SUM(first), BIT_XOR(second), SUM(h IS NULL)
 *     FROM (SELECT LEFT(SHA2(CONCAT(IF(c IS NULL,'N',CONCAT(LENGTH(X),':',X)),...),256),32) AS h
 * FROM t ...) s
 *
 * X is a column's canonical text (compare_text.c). Rows have no versions that could be asked for. A
 * session of its own, in UTC and UTF-8, which only reads but where it removes a row; by the thread
 * of its owner. */
#include "system/mysql/compare.h"

#include "base/clock.h"
#include "system/mysql/catalog.h"

typedef struct side {
    leat_compare_side base;
    leat_my my;
    leat_my_target target;
    leat_my_compare_view *view;
    leat_buf sql;
} side;

static leat_rc query(side *s, const char *doing, leat_my_result *r, leat_err *e)
{
    int64_t from = leat_mono_us();
    leat_buf_u8(&s->sql, 0);
    s->my.leaves = s->base.leaves;
    s->my.arg = s->base.arg;
    leat_rc rc = leat_my_query(&s->my, doing, s->sql.p, r, e);
    s->base.spent_us += leat_mono_us() - from;
    return rc;
}

/* ---- the catalog ---- */

static leat_compare_kind kind_of(const leat_my_column *c)
{
    static const struct {
        const char *base;
        uint8_t kind;
    } kinds[] = {
        {"tinyint", LEAT_COMPARE_INT},      {"smallint", LEAT_COMPARE_INT},
        {"mediumint", LEAT_COMPARE_INT},    {"int", LEAT_COMPARE_INT},
        {"bigint", LEAT_COMPARE_INT},       {"year", LEAT_COMPARE_INT},
        {"decimal", LEAT_COMPARE_NUMBER},   {"float", LEAT_COMPARE_SINGLE},
        {"double", LEAT_COMPARE_FLOAT},     {"bit", LEAT_COMPARE_BITS},
        {"char", LEAT_COMPARE_CHAR},        {"varchar", LEAT_COMPARE_TEXT},
        {"tinytext", LEAT_COMPARE_TEXT},    {"text", LEAT_COMPARE_TEXT},
        {"mediumtext", LEAT_COMPARE_TEXT},  {"longtext", LEAT_COMPARE_TEXT},
        {"enum", LEAT_COMPARE_TEXT},        {"set", LEAT_COMPARE_TEXT},
        {"json", LEAT_COMPARE_TEXT},        {"uuid", LEAT_COMPARE_TEXT},
        {"inet4", LEAT_COMPARE_TEXT},       {"inet6", LEAT_COMPARE_TEXT},
        {"date", LEAT_COMPARE_DATE},        {"time", LEAT_COMPARE_TIME},
        {"datetime", LEAT_COMPARE_STAMP},   {"timestamp", LEAT_COMPARE_STAMPTZ},
        {"binary", LEAT_COMPARE_BYTES},     {"varbinary", LEAT_COMPARE_BYTES},
        {"tinyblob", LEAT_COMPARE_BYTES},   {"blob", LEAT_COMPARE_BYTES},
        {"mediumblob", LEAT_COMPARE_BYTES}, {"longblob", LEAT_COMPARE_BYTES},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(c->base, kinds[i].base) != 0) continue;
        bool large = c->is_unsigned && strcmp(c->base, "bigint") == 0;
        return large ? LEAT_COMPARE_UINT : (leat_compare_kind)kinds[i].kind;
    }
    return LEAT_COMPARE_OTHER;
}

/* Whether the first column of a key is of whole numbers that are none of BIGINT's: then they are
 * sorted there as they are here. The index tells it at once. */
static leat_rc fits(side *s, const leat_compare_table *t, const char *column, bool *out,
                    leat_err *e)
{
    leat_my_result r;
    leat_compare_plan p = {.table = t};
    const leat_compare_range all = {0};
    leat_buf_clear(&s->sql);
    leat_buf_str_z(&s->sql, "SELECT COALESCE(MAX(");
    leat_my_put_name(&s->sql, leat_str_of(column));
    leat_buf_str_z(&s->sql, "),0)<9223372036854775808");
    leat_my_compare_put_from(&s->sql, &p, &all);
    LEAT_TRY(query(s, "look at a key", &r, e));
    *out = leat_my_next(&r) && leat_my_cell_i64(&r, 0, 0) == 1;
    leat_my_result_free(&r);
    return LEAT_OK;
}

static leat_rc describe(leat_compare_side *base, leat_compare_table *t, leat_arena *a, leat_err *e)
{
    side *s = (side *)base;
    const leat_my_table *is = NULL;
    const char *db = t->schema ? t->schema : s->target.dbname;
    t->n = 0;
    t->rows = -1;
    LEAT_TRY(leat_my_table_read(&s->my, db, t->name, a, &is, e));
    if (!is) return LEAT_OK;
    leat_compare_column *all = LEAT_NEW(a, leat_compare_column, is->ncols);
    t->n = is->ncols;
    for (uint16_t i = 0; i < is->ncols; i++)
        all[i] = (leat_compare_column){.name = is->cols[i].name,
                                       .type = is->cols[i].type,
                                       .kind = (uint8_t)kind_of(&is->cols[i]),
                                       .required = !is->cols[i].nullable};
    for (uint16_t i = 0; i < is->nkey; i++) all[is->key[i]].key = (uint16_t)(i + 1);
    t->columns = all;
    leat_compare_column *first = is->nkey ? &all[is->key[0]] : NULL;
    bool small = false;
    if (first && first->kind == LEAT_COMPARE_UINT) LEAT_TRY(fits(s, t, first->name, &small, e));
    if (small) first->kind = LEAT_COMPARE_INT;
    return LEAT_OK;
}

/* ---- one moment ---- */

static leat_rc begin(leat_compare_side *base, leat_arena *a, leat_view *view,
                     const uint64_t **running, size_t *nrunning, leat_err *e)
{
    side *s = (side *)base;
    if (running) *running = NULL;
    if (nrunning) *nrunning = 0;
    if (!view)
        return leat_my_exec(&s->my, "begin to read",
                            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", e);
    if (s->view) return s->view(&s->my, a, view, e);
    return leat_fail(e, LEAT_CONF, "verify.view", NULL,
                     "no place in the log belongs to what this side shows");
}

static leat_rc end(leat_compare_side *base, leat_err *e)
{
    return leat_my_exec(&((side *)base)->my, "end reading", "COMMIT", e);
}

/* ---- reading ---- */

static void put_texts(leat_buf *out, const leat_compare_plan *p)
{
    for (uint16_t i = 0; i < p->nkey; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        leat_my_compare_put(out, &p->fields[i]);
    }
}

static leat_rc bound(leat_compare_side *base, const leat_compare_plan *p,
                     const leat_compare_range *r, uint64_t skip, leat_arena *a,
                     const leat_str **key, leat_err *e)
{
    side *s = (side *)base;
    leat_my_result res;
    leat_buf_clear(&s->sql);
    leat_buf_str_z(&s->sql, "SELECT ");
    put_texts(&s->sql, p);
    leat_my_compare_put_from(&s->sql, p, r);
    leat_buf_str_z(&s->sql, " ORDER BY ");
    leat_my_compare_put_keys(&s->sql, p);
    leat_buf_printf(&s->sql, " LIMIT 1 OFFSET %llu", (unsigned long long)skip);
    *key = NULL;
    LEAT_TRY(query(s, "find a bound", &res, e));
    if (leat_my_next(&res)) {
        leat_str *out = LEAT_NEW(a, leat_str, p->nkey);
        for (unsigned i = 0; i < p->nkey; i++) out[i] = leat_arena_str(a, leat_my_cell(&res, i));
        *key = out;
    }
    leat_my_result_free(&res);
    return LEAT_OK;
}

static leat_rc too_long(const leat_compare_plan *p, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "verify.too_long", p->table->name,
                     "a row of %s is longer as text than the server makes texts: raise its "
                     "max_allowed_packet to three times the largest row",
                     p->table->name);
}

static leat_rc sum(leat_compare_side *base, const leat_compare_plan *p, const leat_compare_range *r,
                   leat_compare_sum *out, leat_err *e)
{
    side *s = (side *)base;
    leat_my_result res;
    leat_buf_clear(&s->sql);
    leat_buf_printf(&s->sql,
                    "SELECT COUNT(*),COALESCE(SUM(CAST(CAST(CONV(LEFT(h,16),16,10) AS UNSIGNED) "
                    "AS SIGNED)),0),COALESCE(%s(CAST(CAST(CONV(RIGHT(h,16),16,10) AS UNSIGNED) AS "
                    "%s)),0),COALESCE(SUM(h IS NULL),0) FROM (SELECT ",
                    p->xors ? "BIT_XOR" : "SUM", p->xors ? "UNSIGNED" : "SIGNED");
    leat_my_compare_put_hash(&s->sql, p);
    leat_buf_str_z(&s->sql, " AS h");
    leat_my_compare_put_from(&s->sql, p, r);
    leat_buf_str_z(&s->sql, ") s");
    LEAT_TRY(query(s, "sum a range up", &res, e));
    leat_my_next(&res);
    out->rows = (uint64_t)leat_my_cell_i64(&res, 0, 0);
    out->sum = leat_compare_number(leat_my_cell(&res, 1));
    leat_int128 second = leat_compare_number(leat_my_cell(&res, 2));
    out->both = p->xors ? (leat_int128)(int64_t)(uint64_t)second : second;
    bool whole = leat_my_cell_i64(&res, 3, 1) == 0;
    leat_my_result_free(&res);
    return whole ? LEAT_OK : too_long(p, e);
}

static leat_rc rows(leat_compare_side *base, const leat_compare_plan *p,
                    const leat_compare_range *r, void (*fn)(void *arg, const leat_compare_row *row),
                    void *arg, leat_err *e)
{
    side *s = (side *)base;
    leat_my_result res;
    bool whole = true;
    leat_buf_clear(&s->sql);
    leat_buf_str_z(&s->sql, "SELECT ");
    leat_my_compare_put_hash(&s->sql, p);
    leat_buf_u8(&s->sql, ',');
    put_texts(&s->sql, p);
    leat_my_compare_put_from(&s->sql, p, r);
    LEAT_TRY(query(s, "read keys", &res, e));
    leat_str *key = leat_zalloc(p->nkey, sizeof *key);
    while (whole && leat_my_next(&res)) {
        leat_str hash = leat_my_cell(&res, 0);
        whole = hash.s != NULL;
        if (!whole) break;
        leat_compare_row row = {
            .key = key, .first = leat_compare_half(hash, 0), .second = leat_compare_half(hash, 16)};
        for (unsigned k = 0; k < p->nkey; k++) key[k] = leat_my_cell(&res, 1 + k);
        fn(arg, &row);
    }
    leat_free(key);
    leat_my_result_free(&res);
    return whole ? LEAT_OK : too_long(p, e);
}

static leat_rc remove_row(leat_compare_side *base, const leat_compare_plan *p,
                          const leat_compare_row *row, bool *done, leat_err *e)
{
    side *s = (side *)base;
    leat_my_result res;
    leat_compare_range one = {.keys = row->key, .nkeys = 1};
    leat_buf_clear(&s->sql);
    leat_buf_str_z(&s->sql, "DELETE");
    leat_my_compare_put_from(&s->sql, p, &one);
    leat_buf_str_z(&s->sql, " AND ");
    leat_my_compare_put_hash(&s->sql, p);
    leat_buf_printf(&s->sql, "='%016llx%016llx'", (unsigned long long)row->first,
                    (unsigned long long)row->second);
    LEAT_TRY(query(s, "remove a row", &res, e));
    *done = mysql_affected_rows(s->my.my) > 0;
    leat_my_result_free(&res);
    return LEAT_OK;
}

/* ---- the session ---- */

static leat_rc set_up(side *s, leat_err *e)
{
    leat_my_result r;
    leat_my *c = &s->my;
    LEAT_TRY(leat_my_exec(c, "set the session up",
                          "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", e));
    LEAT_TRY(leat_my_exec(c, "set the session up",
                          c->mariadb ? "SET SESSION max_statement_time=0, "
                                       "sql_select_limit=DEFAULT, autocommit=1"
                                     : "SET SESSION max_execution_time=0, "
                                       "sql_select_limit=DEFAULT, autocommit=1",
                          e));
    LEAT_TRY(leat_my_query(c, "read a setting", "SELECT @@global.lower_case_table_names", &r, e));
    s->base.folds = leat_my_next(&r) && leat_my_cell_i64(&r, 0, 0) != 0;
    leat_my_result_free(&r);
    s->base.system = c->mariadb ? "mariadb" : "mysql";
    s->base.one_zero = c->mariadb;
    return LEAT_OK;
}

static void close_side(leat_compare_side *base)
{
    side *s = (side *)base;
    leat_my_close(&s->my);
    leat_buf_free(&s->sql);
    leat_free(s);
}

leat_rc leat_my_compare_open(const leat_my_target *target, leat_my_compare_view *view,
                             leat_compare_side **out, leat_err *e)
{
    side *s = leat_zalloc(1, sizeof *s);
    s->target = *target;
    s->view = view;
    s->base = (leat_compare_side){.quote = '`',
                                  .xors = true,
                                  .value = leat_my_compare_put_value,
                                  .text = leat_my_compare_put,
                                  .where = leat_my_compare_put_where,
                                  .describe = describe,
                                  .begin = begin,
                                  .end = end,
                                  .bound = bound,
                                  .sum = sum,
                                  .rows = rows,
                                  .remove = remove_row,
                                  .close = close_side};
    leat_rc rc = leat_my_connect(&s->my, &s->target, e);
    if (rc == LEAT_OK) rc = set_up(s, e);
    if (rc == LEAT_OK)
        *out = &s->base;
    else
        close_side(&s->base);
    return rc;
}
