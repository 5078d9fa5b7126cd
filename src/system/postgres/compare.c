/* PostgreSQL as a side of `leat verify`; see the header.
 *
 *     SELECT count(*), sum(first), bit_xor(second)
 *     FROM (SELECT md5(coalesce(octet_length(X)||':'||X,'N')||...) AS h FROM t WHERE ...) s
 *
 * X is a column's canonical text: what the type's output function shows (concat does not cast, so
 * blanks at the end of char(n) stay), under settings that are the same everywhere: ISO dates, UTC,
 * floats that come back as they were. Keys that are not ordered by the server's own order are
 * ordered by the bytes of their texts in UTF-8. A session of its own, read only; by the thread of
 * its owner. */
#include "system/postgres/compare.h"

#include <stdio.h>

#include "base/clock.h"
#include "system/postgres/quote.h"

typedef struct side {
    leat_compare_side base;
    leat_pg pg;
    leat_pg_target target;
    const leat_pg_compare_view *view;
    leat_buf sql;
} side;

static leat_rc query(side *s, const char *doing, const char *sql, int n, const char *const *params,
                     PGresult **res, leat_err *e)
{
    int64_t from = leat_mono_us();
    s->pg.leaves = s->base.leaves;
    s->pg.arg = s->base.arg;
    leat_rc rc = leat_pg_query(&s->pg, doing, sql, n, params, res, e);
    s->base.spent_us += leat_mono_us() - from;
    return rc;
}

static leat_rc exec(side *s, const char *doing, const char *sql, leat_err *e)
{
    PGresult *res = NULL;
    leat_rc rc = query(s, doing, sql, 0, NULL, &res, e);
    PQclear(res);
    return rc;
}

/* ---- the catalog ---- */

/* Domains may be of domains: a column's type is the one below all of them. */
static const char columns_sql[] =
    "SELECT a.attname, pg_catalog.format_type(b.oid, b.typmod), b.typname, b.typcategory,"
    " coalesce(k.place, 0), c.reltuples::pg_catalog.int8"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
    " CROSS JOIN LATERAL (WITH RECURSIVE d AS (SELECT t.oid, t.typname, t.typcategory,"
    " t.typbasetype, t.typtypmod, a.atttypmod AS typmod FROM pg_catalog.pg_type t"
    " WHERE t.oid = a.atttypid UNION ALL SELECT t.oid, t.typname, t.typcategory, t.typbasetype,"
    " t.typtypmod, d.typtypmod FROM d JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype)"
    " SELECT * FROM d WHERE d.typbasetype = 0) b"
    " LEFT JOIN (SELECT i.indrelid, u.attnum, u.place FROM pg_catalog.pg_index i,"
    " unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY u (attnum, place) WHERE i.indisprimary) k"
    " ON k.indrelid = a.attrelid AND k.attnum = a.attnum"
    " WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attnum";

static leat_compare_kind kind_of(leat_str name, char category)
{
    static const struct {
        const char *name;
        uint8_t kind;
    } kinds[] = {
        {"int2", LEAT_COMPARE_INT},          {"int4", LEAT_COMPARE_INT},
        {"int8", LEAT_COMPARE_INT},          {"oid", LEAT_COMPARE_INT},
        {"bool", LEAT_COMPARE_BOOL},         {"numeric", LEAT_COMPARE_NUMBER},
        {"money", LEAT_COMPARE_MONEY},       {"float4", LEAT_COMPARE_FLOAT},
        {"float8", LEAT_COMPARE_FLOAT},      {"bpchar", LEAT_COMPARE_CHAR},
        {"bytea", LEAT_COMPARE_BYTES},       {"date", LEAT_COMPARE_DATE},
        {"time", LEAT_COMPARE_TIME},         {"timetz", LEAT_COMPARE_TIME},
        {"timestamp", LEAT_COMPARE_STAMP},   {"timestamptz", LEAT_COMPARE_STAMPTZ},
        {"interval", LEAT_COMPARE_INTERVAL}, {"bit", LEAT_COMPARE_BITS},
        {"varbit", LEAT_COMPARE_VARBITS},    {"hstore", LEAT_COMPARE_OTHER},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (leat_str_is(name, kinds[i].name)) return (leat_compare_kind)kinds[i].kind;
    bool odd = category == 'A' || category == 'C' || category == 'G';
    return odd ? LEAT_COMPARE_OTHER : LEAT_COMPARE_TEXT;
}

static leat_rc describe(leat_compare_side *base, leat_compare_table *t, leat_arena *a, leat_err *e)
{
    side *s = (side *)base;
    PGresult *res = NULL;
    leat_buf name = {0};
    if (t->schema)
        leat_pg_quote_table(&name, t->schema, t->name);
    else
        leat_pg_quote_name(&name, leat_str_of(t->name));
    leat_buf_u8(&name, 0);
    const char *const params[] = {name.p};
    leat_rc rc = query(s, "look a table up", columns_sql, 1, params, &res, e);
    leat_buf_free(&name);
    LEAT_TRY(rc);
    t->n = (uint32_t)PQntuples(res);
    t->rows = t->n ? leat_pg_cell_i64(res, 0, 5, -1) : -1;
    leat_compare_column *all = LEAT_NEW(a, leat_compare_column, t->n + 1);
    for (int i = 0; i < (int)t->n; i++)
        all[i] = (leat_compare_column){
            .name = leat_arena_str(a, leat_pg_cell(res, i, 0)).s,
            .type = leat_arena_str(a, leat_pg_cell(res, i, 1)).s,
            .kind = (uint8_t)kind_of(leat_pg_cell(res, i, 2), *leat_pg_cell(res, i, 3).s),
            .key = (uint16_t)leat_pg_cell_i64(res, i, 4, 0)};
    t->columns = all;
    PQclear(res);
    return LEAT_OK;
}

/* ---- one moment ---- */

/* The ids behind the second colon of a snapshot's text. */
static void take_running(leat_str text, leat_arena *a, const uint64_t **out, size_t *n)
{
    uint64_t *ids = LEAT_NEW(a, uint64_t, text.len / 2 + 1);
    leat_str_cut(&text, ':');
    leat_str_cut(&text, ':');
    *n = 0;
    while (text.s && text.len > 0 && leat_str_u64(leat_str_cut(&text, ','), &ids[*n])) ++*n;
    *out = ids;
}

static leat_rc take_view(side *s, leat_arena *a, leat_view *view, const uint64_t **running,
                         size_t *nrunning, leat_err *e)
{
    enum { COLS_MOST = 8 };
    leat_str cols[COLS_MOST];
    PGresult *res = NULL;
    LEAT_TRY(query(s, "take a view", s->view->sql, 0, NULL, &res, e));
    for (int i = 0; i < s->view->ncols; i++) cols[i] = leat_pg_cell(res, 0, i);
    take_running(cols[0], a, running, nrunning);
    leat_rc rc = s->view->make(cols, a, view, e);
    PQclear(res);
    return rc;
}

static leat_rc begin(leat_compare_side *base, leat_arena *a, leat_view *view,
                     const uint64_t **running, size_t *nrunning, leat_err *e)
{
    side *s = (side *)base;
    LEAT_TRY(exec(s, "begin to read", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", e));
    if (!view) return LEAT_OK;
    if (s->view) return take_view(s, a, view, running, nrunning, e);
    return leat_fail(e, LEAT_CONF, "verify.view", NULL,
                     "no place in the log belongs to what this side shows");
}

static leat_rc end(leat_compare_side *base, leat_err *e)
{
    return exec((side *)base, "end reading", "COMMIT", e);
}

/* ---- SQL ---- */

/* Of a float's text: sign, digits without zeros at either end, exponent of the last one. */
static void put_real(leat_buf *out, leat_str x, bool zero)
{
    leat_buf t = {0}, all = {0};
    leat_buf_printf(&t, "((%.*s)::float8%s)::text", LEAT_STR_ARG(x), zero ? "+0" : "");
    leat_str is = leat_buf_str(&t);
    leat_buf_printf(&all, "replace(split_part(ltrim(%.*s,'-'),'e',1),'.','')", LEAT_STR_ARG(is));
    leat_str digits = leat_buf_str(&all);
    leat_buf_printf(out,
                    "CASE WHEN left(%.*s,1)='-' THEN '-' ELSE '' END||trim(both '0' from %.*s)||'e'"
                    "||(coalesce(nullif(split_part(%.*s,'e',2),''),'0')::int4"
                    "-length(split_part(split_part(%.*s,'e',1),'.',2))+length(%.*s)"
                    "-length(rtrim(%.*s,'0')))",
                    LEAT_STR_ARG(is), LEAT_STR_ARG(digits), LEAT_STR_ARG(is), LEAT_STR_ARG(is),
                    LEAT_STR_ARG(digits), LEAT_STR_ARG(digits));
    leat_buf_free(&t);
    leat_buf_free(&all);
}

/* The forms that no text around the name makes. */
static bool put_special(leat_buf *out, const leat_compare_field *f, leat_str x)
{
    bool zoned = f->kind == LEAT_COMPARE_STAMPTZ;
    if (f->canon == LEAT_CANON_REAL || f->canon == LEAT_CANON_REAL0)
        put_real(out, x, f->canon == LEAT_CANON_REAL0);
    else if (f->canon == LEAT_CANON_MOMENT && zoned)
        leat_buf_printf(out, "concat((%.*s) AT TIME ZONE 'UTC')", LEAT_STR_ARG(x));
    else
        return false;
    return true;
}

/* The column's canonical text. */
static void put_canon(leat_buf *out, const leat_compare_field *f)
{
    static const char *const forms[][2] = {
        [LEAT_CANON_TEXT] = {"concat(", ")"},
        [LEAT_CANON_BOOL] = {"CASE WHEN concat(", ") IN ('t','1') THEN 'true' ELSE 'false' END"},
        [LEAT_CANON_NUMBER] = {"regexp_replace((", ")::numeric::text,'(\\.0+|(\\..*[^0])0+)$',"
                                                   "'\\2')"},
        [LEAT_CANON_DECIMAL] = {"(", ")::numeric::text"},
        [LEAT_CANON_FLOAT] = {"CASE WHEN (", NULL},
        [LEAT_CANON_FLOAT0] = {"CASE WHEN (", NULL},
        [LEAT_CANON_TRIMMED] = {"rtrim(concat(", "),' ')"},
        [LEAT_CANON_STAMP] = {"concat(", ")"},
        [LEAT_CANON_INTERVAL] = {"(extract(year from ", NULL},
        [LEAT_CANON_BITS] = {"ltrim(concat(", "),'0')"},
        [LEAT_CANON_JSON] = {"(", ")::jsonb::text"},
        [LEAT_CANON_SIGNED] = {"concat(", ")"},
        [LEAT_CANON_MOMENT] = {"regexp_replace(concat(", "),'[+]00$','')"},
    };
    leat_buf name = {0};
    leat_pg_quote_name(&name, leat_str_of(f->name));
    int n = (int)name.len;
    const char *x = name.p;
    if (put_special(out, f, leat_buf_str(&name))) {
        leat_buf_free(&name);
        return;
    }
    leat_buf_str_z(out, forms[f->canon][0]);
    leat_buf_put(out, x, name.len);
    if (forms[f->canon][1])
        leat_buf_str_z(out, forms[f->canon][1]);
    else if (f->canon == LEAT_CANON_INTERVAL)
        leat_buf_printf(out,
                        ")*12+extract(month from %.*s))::int8||' '||extract(day from "
                        "%.*s)::int8||' '||(extract(hour from %.*s)::numeric*3600000000+"
                        "extract(minute from %.*s)::numeric*60000000+extract(microseconds from "
                        "%.*s)::numeric)::int8",
                        n, x, n, x, n, x, n, x, n, x);
    else
        leat_buf_printf(out,
                        ")::float8='NaN' THEN 'NaN' ELSE encode(float8send((%.*s)::float8%s)"
                        ",'hex') END",
                        n, x, f->canon == LEAT_CANON_FLOAT0 ? "+0" : "");
    leat_buf_free(&name);
}

/* Of a whole row. */
static void put_hash(leat_buf *out, const leat_compare_plan *p)
{
    leat_buf x = {0};
    leat_buf_str_z(out, p->sha ? "left(encode(sha256(convert_to(" : "md5(");
    for (uint16_t i = 0; i < p->n; i++) {
        leat_buf_clear(&x);
        put_canon(&x, &p->fields[i]);
        leat_buf_str_z(out, i > 0 ? "||CASE WHEN " : "CASE WHEN ");
        leat_pg_quote_name(out, leat_str_of(p->fields[i].name));
        leat_buf_printf(out, "::text IS NULL THEN 'N' ELSE octet_length(%s%.*s%s)||':'||%.*s END",
                        p->sha ? "convert_to(" : "", (int)x.len, x.p, p->sha ? ",'UTF8')" : "",
                        (int)x.len, x.p);
    }
    leat_buf_str_z(out, p->sha ? ",'UTF8')),'hex'),32)" : ")");
    leat_buf_free(&x);
}

/* The bytes of a database of another encoding have another order than those of UTF-8. */
static void put_key(leat_buf *out, const leat_compare_plan *p, const leat_compare_field *f)
{
    if (f->native) {
        leat_pg_quote_name(out, leat_str_of(f->name));
        return;
    }
    if (p->sha) leat_buf_str_z(out, "convert_to(");
    put_canon(out, f);
    leat_buf_str_z(out, p->sha ? ",'UTF8')" : " COLLATE \"C\"");
}

static void put_keys(leat_buf *out, const leat_compare_plan *p)
{
    for (uint16_t i = 0; i < p->nkey; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        put_key(out, p, &p->fields[i]);
    }
}

static void put_texts(leat_buf *out, const leat_compare_plan *p)
{
    for (uint16_t i = 0; i < p->nkey; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        put_canon(out, &p->fields[i]);
    }
}

/* As a constant, which convert_to() of one is not. */
static void put_bytes(leat_buf *out, leat_str text)
{
    leat_buf hex = {0};
    leat_buf_str_z(&hex, "\\x");
    leat_buf_hex(&hex, text);
    leat_pg_quote_text(out, leat_buf_str(&hex));
    leat_buf_free(&hex);
}

static void put_literals(leat_buf *out, const leat_compare_plan *p, const leat_str *key)
{
    leat_buf_u8(out, '(');
    for (uint16_t i = 0; i < p->nkey; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        (p->sha && !p->fields[i].native ? put_bytes : leat_pg_quote_text)(out, key[i]);
    }
    leat_buf_u8(out, ')');
}

static void put_bound(leat_buf *out, const leat_compare_plan *p, const char *op,
                      const leat_str *key)
{
    leat_buf_str_z(out, " AND (");
    put_keys(out, p);
    leat_buf_printf(out, ")%s", op);
    put_literals(out, p, key);
}

static void put_where(leat_buf *out, const leat_compare_plan *p, const leat_compare_range *r)
{
    if (r->lo) put_bound(out, p, ">", r->lo);
    if (r->hi) put_bound(out, p, "<=", r->hi);
    if (r->nkeys == 0) return;
    leat_buf_str_z(out, " AND (");
    put_keys(out, p);
    leat_buf_str_z(out, ") IN (");
    for (uint32_t i = 0; i < r->nkeys; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        put_literals(out, p, r->keys + (size_t)i * p->nkey);
    }
    leat_buf_u8(out, ')');
}

static void put_from(leat_buf *out, const leat_compare_plan *p, const leat_compare_range *r)
{
    leat_buf_str_z(out, " FROM ");
    if (p->table->schema)
        leat_pg_quote_table(out, p->table->schema, p->table->name);
    else
        leat_pg_quote_name(out, leat_str_of(p->table->name));
    leat_buf_str_z(out, " WHERE true");
    put_where(out, p, r);
}

static const char *sql_of(side *s)
{
    leat_buf_u8(&s->sql, 0);
    return s->sql.p;
}

/* ---- reading ---- */

static leat_rc bound(leat_compare_side *base, const leat_compare_plan *p,
                     const leat_compare_range *r, uint64_t skip, leat_arena *a,
                     const leat_str **key, leat_err *e)
{
    side *s = (side *)base;
    PGresult *res = NULL;
    leat_buf_clear(&s->sql);
    leat_buf_str_z(&s->sql, "SELECT ");
    put_texts(&s->sql, p);
    put_from(&s->sql, p, r);
    leat_buf_str_z(&s->sql, " ORDER BY ");
    put_keys(&s->sql, p);
    leat_buf_printf(&s->sql, " OFFSET %llu LIMIT 1", (unsigned long long)skip);
    LEAT_TRY(query(s, "find a bound", sql_of(s), 0, NULL, &res, e));
    *key = NULL;
    if (PQntuples(res) > 0) {
        leat_str *out = LEAT_NEW(a, leat_str, p->nkey);
        for (int i = 0; i < p->nkey; i++) out[i] = leat_arena_str(a, leat_pg_cell(res, 0, i));
        *key = out;
    }
    PQclear(res);
    return LEAT_OK;
}

static leat_rc sum(leat_compare_side *base, const leat_compare_plan *p, const leat_compare_range *r,
                   leat_compare_sum *out, leat_err *e)
{
    side *s = (side *)base;
    PGresult *res = NULL;
    leat_buf_clear(&s->sql);
    leat_buf_printf(&s->sql,
                    "SELECT count(*),coalesce(sum(('x'||left(h,16))::bit(64)::int8),0)::text,"
                    "coalesce(%s(('x'||right(h,16))::bit(64)::int8),0)::text FROM (SELECT ",
                    p->xors ? "bit_xor" : "sum");
    put_hash(&s->sql, p);
    leat_buf_str_z(&s->sql, " AS h");
    put_from(&s->sql, p, r);
    leat_buf_str_z(&s->sql, ") s");
    LEAT_TRY(query(s, "sum a range up", sql_of(s), 0, NULL, &res, e));
    out->rows = (uint64_t)leat_pg_cell_i64(res, 0, 0, 0);
    out->sum = leat_compare_number(leat_pg_cell(res, 0, 1));
    out->both = leat_compare_number(leat_pg_cell(res, 0, 2));
    PQclear(res);
    return LEAT_OK;
}

static leat_rc rows(leat_compare_side *base, const leat_compare_plan *p,
                    const leat_compare_range *r, void (*fn)(void *arg, const leat_compare_row *row),
                    void *arg, leat_err *e)
{
    side *s = (side *)base;
    PGresult *res = NULL;
    leat_buf_clear(&s->sql);
    leat_buf_str_z(&s->sql, "SELECT ");
    put_hash(&s->sql, p);
    leat_buf_str_z(&s->sql, ",xmin::text,");
    put_texts(&s->sql, p);
    put_from(&s->sql, p, r);
    LEAT_TRY(query(s, "read keys", sql_of(s), 0, NULL, &res, e));
    leat_str *key = leat_zalloc(p->nkey, sizeof *key);
    for (int i = 0; i < PQntuples(res); i++) {
        leat_str hash = leat_pg_cell(res, i, 0);
        leat_compare_row row = {.key = key,
                                .first = leat_compare_half(hash, 0),
                                .second = leat_compare_half(hash, 16),
                                .version = (uint64_t)leat_pg_cell_i64(res, i, 1, 0)};
        for (int k = 0; k < p->nkey; k++) key[k] = leat_pg_cell(res, i, 2 + k);
        fn(arg, &row);
    }
    leat_free(key);
    PQclear(res);
    return LEAT_OK;
}

static leat_rc remove_row(leat_compare_side *base, const leat_compare_plan *p,
                          const leat_compare_row *row, bool *done, leat_err *e)
{
    side *s = (side *)base;
    PGresult *res = NULL;
    leat_compare_range one = {.keys = row->key, .nkeys = 1};
    leat_buf_clear(&s->sql);
    leat_buf_str_z(&s->sql, "DELETE");
    put_from(&s->sql, p, &one);
    leat_buf_str_z(&s->sql, " AND ");
    put_hash(&s->sql, p);
    leat_buf_printf(&s->sql, "='%016llx%016llx'", (unsigned long long)row->first,
                    (unsigned long long)row->second);
    LEAT_TRY(query(s, "remove a row", sql_of(s), 0, NULL, &res, e));
    *done = strcmp(PQcmdTuples(res), "0") != 0;
    PQclear(res);
    return LEAT_OK;
}

/* ---- the session ---- */

static void close_side(leat_compare_side *base)
{
    side *s = (side *)base;
    leat_pg_close(&s->pg);
    leat_buf_free(&s->sql);
    leat_free(s);
}

/* No helper processes and no compiled expressions: where the statistics are old, starting them
 * costs more than the range does, and more processors than one are more than `--load` knows of. */
static const char settings[] =
    "SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC';"
    " SET extra_float_digits = 3; SET bytea_output = 'hex'; SET lc_monetary = 'C';"
    " SET xmloption = 'content';"
    " SELECT pg_catalog.set_config(name, CASE name WHEN 'jit' THEN 'off' ELSE '0' END, false)"
    " FROM pg_catalog.pg_settings WHERE name IN ('jit', 'max_parallel_workers_per_gather')";

leat_rc leat_pg_compare_open(const leat_pg_target *target, const char *app,
                             const leat_pg_compare_view *view, leat_compare_side **out, leat_err *e)
{
    side *s = leat_zalloc(1, sizeof *s);
    s->target = *target;
    s->view = view;
    s->base = (leat_compare_side){.system = "postgresql",
                                  .quote = '"',
                                  .versions = true,
                                  .text = put_canon,
                                  .where = put_where,
                                  .describe = describe,
                                  .begin = begin,
                                  .end = end,
                                  .bound = bound,
                                  .sum = sum,
                                  .rows = rows,
                                  .remove = remove_row,
                                  .close = close_side};
    leat_rc rc = leat_pg_connect(&s->pg, &s->target, false, app, e);
    if (rc == LEAT_OK) rc = exec(s, "set the session up", settings, e);
    s->base.xors = s->pg.version >= 140000;
    const char *encoding = rc == LEAT_OK ? PQparameterStatus(s->pg.pg, "server_encoding") : NULL;
    s->base.recodes = encoding && strcmp(encoding, "UTF8") != 0 && !s->pg.raw;
    if (rc == LEAT_OK)
        *out = &s->base;
    else
        close_side(&s->base);
    return rc;
}
