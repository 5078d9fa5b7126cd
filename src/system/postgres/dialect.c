/* PostgreSQL as query capture sees it (capture/dialect.h).
 *
 * Rows come by COPY in binary form, as snapshots have them: columns whose binary form is not exact
 * are cast to text. A result's columns are those that the server tells of an empty one; where they
 * come from a table, its catalog says which may be NULL. Types are those that pgjdbc tells; what it
 * has no JDBC type for (domains, arrays, ranges, intervals, addresses) the JDBC connector leaves
 * out. Run by the thread of its session. */
#include "system/postgres/dialect.h"

#include "base/clock.h"
#include "system/postgres/catalog.h"
#include "system/postgres/compare.h"
#include "system/postgres/quote.h"
#include "system/postgres/types_oid.h"
#include "system/postgres/url.h"

enum { HEAD = 19, TRAILER = 2, NUMERIC_HEAD = 4, SCALE_BITS = 11, CONNECT_MS = 10000 };

static const char doing[] = "read rows of a query";

static leat_pg_query_session *session(leat_sql *s)
{
    return s->priv;
}

/* ---- getting there ---- */

/* How a new session is isolated, behind where it looks for unqualified names. */
static const char *initial_of(const leat_sql_target *q, const char *before, leat_arena *a)
{
    if (q->isolation <= 0) return before;
    leat_buf sql = {0};
    if (before) leat_buf_printf(&sql, "%s;", before);
    leat_buf_str_z(&sql, "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL ");
    for (const char *c = leat_sql_isolations[q->isolation]; *c; c++)
        leat_buf_u8(&sql, *c == '_' ? ' ' : (unsigned char)*c);
    const char *out = leat_arena_str(a, leat_buf_str(&sql)).s;
    leat_buf_free(&sql);
    return out;
}

static leat_rc read_target(const leat_sql_target *q, leat_arena *a, leat_pg_target *t, leat_err *e)
{
    leat_db_url url;
    *t = (leat_pg_target){.roles = LEAT_PG_ROLE_ANY,
                          .sslmode = LEAT_PG_SSL_PREFER,
                          .keepalive = true,
                          .connect_ms = q->connect_ms ? q->connect_ms : CONNECT_MS,
                          .query_ms = q->query_ms};
    LEAT_TRY(leat_db_url_login(q->url, q->user, q->password, a, &url, e));
    LEAT_TRY(leat_pg_url_target(&url, a, t, e));
    t->initial = initial_of(q, t->initial, a);
    return t->user ? LEAT_OK : leat_db_url_nobody("query.user", e);
}

static void validate(const leat_sql_target *q, leat_report *r)
{
    leat_pg_target t;
    leat_err err;
    if (leat_rc_failed(read_target(q, r->a, &t, &err)))
        leat_report_add(r, false, leat_arena_strdup(r->a, err.where), 0, "%s", err.msg);
}

static void close_session(leat_sql *s)
{
    leat_pg_query_session *x = session(s);
    if (!x) return;
    if (x->reading)
        leat_pg_abandon(&x->c);
    else
        leat_pg_close(&x->c);
    if (x->types) leat_pg_types_free(x->types);
    leat_arena_free(&x->arena);
    leat_free(x);
    s->priv = NULL;
}

static leat_rc connect_session(leat_sql *s, const char *app, leat_err *e)
{
    leat_pg_query_session *x = leat_zalloc(1, sizeof *x);
    s->priv = x;
    x->c.leaves = s->leaves;
    x->c.arg = s->arg;
    x->types = leat_pg_types_new();
    leat_rc rc = read_target(s->target, &x->arena, &x->target, e);
    if (rc == LEAT_OK) rc = leat_pg_connect(&x->c, &x->target, false, app, e);
    if (rc == LEAT_OK) rc = leat_pg_types_read(&x->c, x->types, e);
    if (rc != LEAT_OK) close_session(s);
    return rc;
}

/* ---- what is there ---- */

static leat_rc list_tables(leat_sql *s, const leat_sql_wanted *w, leat_arena *a,
                           leat_sql_table **out, size_t *n, leat_err *e)
{
    static const char sql[] =
        "SELECT c.oid, pg_catalog.current_database(), n.nspname, c.relname,"
        " CASE WHEN n.nspname IN ('pg_catalog', 'information_schema') THEN"
        "  CASE c.relkind WHEN 'v' THEN 'SYSTEM VIEW' ELSE 'SYSTEM TABLE' END"
        " WHEN c.relpersistence = 't' THEN 'TEMPORARY TABLE'"
        " WHEN c.relkind = 'r' THEN 'TABLE' WHEN c.relkind = 'p' THEN 'PARTITIONED TABLE'"
        " WHEN c.relkind = 'v' THEN 'VIEW' WHEN c.relkind = 'm' THEN 'MATERIALIZED VIEW'"
        " ELSE 'FOREIGN TABLE' END AS kind"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_(toast|temp_)'"
        " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";
    PGresult *res;
    LEAT_TRY(leat_pg_query(&session(s)->c, "list the tables", sql, 0, NULL, &res, e));
    leat_sql_table *t = LEAT_NEW(a, leat_sql_table, PQntuples(res));
    *out = t;
    *n = 0;
    for (int i = 0; i < PQntuples(res); i++) {
        leat_str schema = leat_pg_cell(res, i, 2), kind = leat_pg_cell(res, i, 4);
        bool in = w->catalog == NULL || *w->catalog == 0 ||
                  leat_dialect_like(leat_pg_cell(res, i, 1), w->catalog);
        in = in && (w->schema == NULL || leat_dialect_like(schema, w->schema));
        bool typed = false;
        for (size_t k = 0; k < w->types.n; k++)
            typed = typed || leat_str_ieq(kind, leat_str_of(w->types.v[k]));
        if (!in || !typed) continue;
        t[(*n)++] = (leat_sql_table){.id = (uint64_t)leat_pg_cell_i64(res, i, 0, 0),
                                     .db = leat_arena_str(a, leat_pg_cell(res, i, 1)).s,
                                     .schema = leat_arena_str(a, schema).s,
                                     .name = leat_arena_str(a, leat_pg_cell(res, i, 3)).s,
                                     .kind = leat_arena_str(a, kind).s};
    }
    PQclear(res);
    return LEAT_OK;
}

/* What pgjdbc tells of a type. */
static leat_sql_type type_of(const leat_pg_type *t, int32_t typmod)
{
    switch (t->oid) {
    case LEAT_PG_OID_BOOL: return LEAT_SQL_BOOLEAN;
    case LEAT_PG_OID_BIT: return typmod == 1 ? LEAT_SQL_BOOLEAN : LEAT_SQL_NONE;
    case LEAT_PG_OID_INT2: return LEAT_SQL_INT16;
    case LEAT_PG_OID_INT4: return LEAT_SQL_INT32;
    case LEAT_PG_OID_INT8:
    case LEAT_PG_OID_OID: return LEAT_SQL_INT64;
    case LEAT_PG_OID_FLOAT4: return LEAT_SQL_FLOAT32;
    case LEAT_PG_OID_FLOAT8:
    case LEAT_PG_OID_MONEY: return LEAT_SQL_FLOAT64;
    case LEAT_PG_OID_NUMERIC: return LEAT_SQL_NUMERIC;
    case LEAT_PG_OID_CHAR:
    case LEAT_PG_OID_BPCHAR:
    case LEAT_PG_OID_VARCHAR:
    case LEAT_PG_OID_TEXT:
    case LEAT_PG_OID_NAME:
    case LEAT_PG_OID_JSON:
    case LEAT_PG_OID_JSONB:
    case LEAT_PG_OID_UUID:
    case LEAT_PG_OID_XML: return LEAT_SQL_STRING;
    case LEAT_PG_OID_BYTEA: return LEAT_SQL_BYTES;
    case LEAT_PG_OID_DATE: return LEAT_SQL_DATE;
    case LEAT_PG_OID_TIME:
    case LEAT_PG_OID_TIMETZ: return LEAT_SQL_TIME;
    case LEAT_PG_OID_TIMESTAMP:
    case LEAT_PG_OID_TIMESTAMPTZ: return LEAT_SQL_TIMESTAMP;
    default: return t->kind == 'e' ? LEAT_SQL_STRING : LEAT_SQL_NONE;
    }
}

static void limits_of(uint32_t oid, int32_t typmod, leat_sql_column *c)
{
    static const int64_t grains[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    c->grain_us = typmod >= 0 && typmod <= 6 ? grains[typmod] : 1;
    if (oid != LEAT_PG_OID_NUMERIC || typmod < NUMERIC_HEAD) return;
    int32_t scale = (typmod - NUMERIC_HEAD) & ((1 << SCALE_BITS) - 1);
    c->precision = ((typmod - NUMERIC_HEAD) >> 16) & 0xffff;
    c->scale = scale < 1 << (SCALE_BITS - 1) ? scale : scale - (1 << SCALE_BITS);
}

/* In words of the catalog, with the function by which values are read. */
static leat_rc plan_column(leat_pg_query_session *x, bool all, uint32_t oid, int32_t typmod,
                           leat_arena *a, leat_sql_column *c, leat_err *e)
{
    const leat_pg_modes modes = {.time = LEAT_PG_CONNECT, .money_digits = 2};
    leat_pg_col *col = LEAT_NEW(a, leat_pg_col, 1);
    leat_pg_attr attr = {.table = "query", .name = c->name, .type = oid, .typmod = typmod};
    const leat_pg_type *t = leat_pg_types_get(x->types, oid);
    c->optional = true;
    c->plan = col;
    c->type = t ? type_of(t, typmod) : LEAT_SQL_NONE;
    c->native = t ? t->name : leat_arena_printf(a, "type %u", oid);
    c->zoned = oid == LEAT_PG_OID_TIMESTAMPTZ;
    limits_of(oid, typmod, c);
    if (c->type == LEAT_SQL_NONE) {
        if (!all) return LEAT_OK;
        c->type = LEAT_SQL_STRING;
        attr.type = LEAT_PG_OID_TEXT;
        attr.typmod = -1;
    }
    if (c->type == LEAT_SQL_TIMESTAMP) attr.type = c->zoned ? oid : LEAT_PG_OID_TIMESTAMP;
    LEAT_TRY(leat_pg_plan(x->types, &modes, &attr, a, col, e));
    if (attr.type == oid) {
        c->native = col->type;
        return LEAT_OK;
    }
    col->binary = NULL; /* what is read is a cast's text */
    return LEAT_OK;
}

/* What the tables that columns come from say of them. */
static leat_rc read_origins(leat_pg_query_session *x, const PGresult *head, leat_sql_column *cols,
                            leat_err *e)
{
    static const char sql[] =
        "SELECT a.attrelid, a.attnum, a.attnotnull, a.attidentity <> ''"
        " OR coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') LIKE '%nextval(%'"
        " FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d"
        " ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        " WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0";
    leat_buf oids = {0};
    PGresult *res;
    for (int i = 0; i < PQnfields(head); i++)
        leat_buf_printf(&oids, "%c%u", i ? ',' : '{', PQftable(head, i));
    leat_buf_str_z(&oids, oids.len ? "}" : "{}");
    leat_buf_u8(&oids, 0);
    const char *params[] = {oids.p};
    leat_rc rc = leat_pg_query(&x->c, "read the columns' tables", sql, 1, params, &res, e);
    leat_buf_free(&oids);
    if (rc != LEAT_OK) return rc;
    for (int i = 0; i < PQnfields(head); i++) {
        for (int r = 0; r < PQntuples(res); r++) {
            if (leat_pg_cell_i64(res, r, 0, 0) != PQftable(head, i) ||
                leat_pg_cell_i64(res, r, 1, 0) != PQftablecol(head, i))
                continue;
            cols[i].optional = !leat_pg_cell_bool(res, r, 2);
            cols[i].increments = leat_pg_cell_bool(res, r, 3);
        }
    }
    PQclear(res);
    return LEAT_OK;
}

static leat_rc describe(leat_sql *s, const char *from, leat_arena *a, leat_sql_column **out,
                        size_t *n, leat_err *e)
{
    leat_pg_query_session *x = session(s);
    PGresult *head;
    const char *sql = leat_arena_printf(a, "SELECT * FROM %s AS q LIMIT 0", from);
    LEAT_TRY(leat_pg_query(&x->c, "learn a query's columns", sql, 0, NULL, &head, e));
    leat_rc rc = LEAT_OK;
    *n = (size_t)PQnfields(head);
    *out = LEAT_NEW(a, leat_sql_column, *n);
    /* Types that were made after the session was opened. */
    for (size_t i = 0; rc == LEAT_OK && i < *n; i++)
        if (!leat_pg_types_get(x->types, PQftype(head, (int)i))) {
            rc = leat_pg_types_read(&x->c, x->types, e);
            break;
        }
    for (size_t i = 0; rc == LEAT_OK && i < *n; i++) {
        (*out)[i].name = leat_arena_strdup(a, PQfname(head, (int)i));
        rc = plan_column(x, s->target->all_types, PQftype(head, (int)i), PQfmod(head, (int)i), a,
                         &(*out)[i], e);
    }
    if (rc == LEAT_OK) rc = read_origins(x, head, *out, e);
    PQclear(head);
    return rc;
}

static leat_rc ask(leat_sql *s, const char *what, const char *sql, leat_arena *a, leat_str *out,
                   leat_err *e)
{
    PGresult *res;
    LEAT_TRY(leat_pg_query(&session(s)->c, what, sql, 0, NULL, &res, e));
    leat_str text = {0};
    if (PQntuples(res) > 0 && PQnfields(res) > 0) text = leat_pg_cell(res, 0, 0);
    *out = text.s ? leat_arena_str(a, text) : (leat_str){0};
    PQclear(res);
    return LEAT_OK;
}

static leat_rc ask_clock(leat_sql *s, int64_t *us, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(leat_pg_query(&session(s)->c, "read the server's clock",
                           "SELECT (extract(epoch FROM pg_catalog.clock_timestamp())"
                           " * 1000000)::pg_catalog.int8",
                           0, NULL, &res, e));
    *us = leat_pg_cell_i64(res, 0, 0, 0);
    PQclear(res);
    return LEAT_OK;
}

/* ---- how things stand in a statement ---- */

static bool is_utc(const char *zone)
{
    static const char *const names[] = {"UTC", "Z", "GMT", "UCT", "Etc/UTC", "Etc/GMT", "Zulu"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(zone, names[i]) == 0) return true;
    return false;
}

/* Java's "+02:00" and "UTC+2" are east of Greenwich, which PostgreSQL's names of that form are not.
 */
static void put_zone(const char *zone, leat_buf *out)
{
    const char *offset = zone;
    if (strncmp(zone, "UTC", 3) == 0 || strncmp(zone, "GMT", 3) == 0) offset += 3;
    bool east = *offset == '+' || *offset == '-';
    if (east) leat_buf_str_z(out, "INTERVAL ");
    leat_pg_quote_text(out, leat_str_of(east ? offset : zone));
    if (east && !strchr(offset, ':')) {
        out->len--;
        leat_buf_str_z(out, ":00'");
    }
}

static void put_at_zone(leat_sql *s, const char *what, leat_buf *out)
{
    leat_buf_printf(out, "(%s AT TIME ZONE ", what);
    put_zone(s->target->zone, out);
    leat_buf_u8(out, ')');
}

static void put_column(leat_sql *s, const leat_sql_column *c, const char *quoted, leat_buf *out)
{
    const leat_pg_col *col = c->plan;
    bool local = c->type == LEAT_SQL_TIMESTAMP && !c->zoned && !is_utc(s->target->zone);
    if (local) {
        leat_buf_str_z(out, "(");
        put_at_zone(s, quoted, out);
        leat_buf_str_z(out, " AT TIME ZONE 'UTC')");
    } else {
        leat_buf_str_z(out, quoted);
        if (!col->binary) leat_buf_str_z(out, "::pg_catalog.text");
    }
}

/* Its values are instants, or of a clock that says UTC. */
static bool stamp_zoned(leat_sql *s, const leat_sql_stamp *stamp)
{
    return stamp->n > 1 || stamp->cols[0]->zoned || is_utc(s->target->zone);
}

static void put_stamp(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out)
{
    if (stamp->n == 1) {
        leat_buf_str_z(out, stamp->quoted[0]);
        return;
    }
    leat_buf_str_z(out, "COALESCE(");
    for (size_t i = 0; i < stamp->n; i++) {
        if (i > 0) leat_buf_str_z(out, ", ");
        if (stamp->cols[i]->zoned)
            leat_buf_str_z(out, stamp->quoted[i]);
        else
            put_at_zone(s, stamp->quoted[i], out);
    }
    leat_buf_u8(out, ')');
}

void leat_pg_put_instant(int64_t us, leat_buf *out)
{
    static const int64_t first = INT64_C(-62135596800000000), last = INT64_C(253402300799999999);
    char text[LEAT_ISO_MAX];
    if (us >= first && us <= last)
        leat_buf_printf(out, "'%s'::pg_catalog.timestamptz", leat_iso_us(us, 6, text));
    else
        leat_buf_printf(out,
                        "('epoch'::pg_catalog.timestamptz + INTERVAL '%lld seconds' + INTERVAL "
                        "'%lld microseconds')",
                        (long long)(us / 1000000), (long long)(us % 1000000));
}

static void put_moment(leat_sql *s, const leat_sql_stamp *stamp, int64_t us, leat_buf *out)
{
    bool plain = stamp->n > 1 || stamp->cols[0]->zoned;
    if (!plain) leat_buf_u8(out, '(');
    leat_pg_put_instant(us, out);
    if (plain) return;
    leat_buf_str_z(out, " AT TIME ZONE ");
    put_zone(is_utc(s->target->zone) ? "UTC" : s->target->zone, out);
    leat_buf_u8(out, ')');
}

/* Where clocks are put back, an hour comes twice: rows of its first time wait until no row of its
 * second can be before them. Zones change at quarters of an hour. */
static void put_bound(leat_sql *s, const leat_sql_stamp *stamp, int64_t us, leat_buf *out)
{
    leat_buf now = {0};
    if (stamp_zoned(s, stamp)) {
        put_moment(s, stamp, us, out);
        return;
    }
    leat_pg_put_instant(us, &now);
    leat_buf_u8(&now, 0);
    leat_buf_str_z(out, "(SELECT pg_catalog.min(");
    put_at_zone(s, "x.t", out);
    leat_buf_printf(out,
                    ") FROM (SELECT %s AS t UNION ALL SELECT pg_catalog.generate_series("
                    "pg_catalog.date_trunc('hour', %s), %s + INTERVAL '3 hours',"
                    " INTERVAL '15 minutes')) AS x WHERE x.t >= %s)",
                    now.p, now.p, now.p, now.p);
    leat_buf_free(&now);
}

static void put_latest(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out)
{
    leat_buf most = {0};
    leat_buf_str_z(&most, "pg_catalog.max(");
    put_stamp(s, stamp, &most);
    leat_buf_str_z(&most, ")");
    leat_buf_u8(&most, 0);
    leat_buf_str_z(out, "(extract(epoch FROM ");
    if (stamp_zoned(s, stamp))
        leat_buf_str_z(out, most.p);
    else
        put_at_zone(s, most.p, out);
    leat_buf_str_z(out, ") * 1000000)::pg_catalog.int8");
    leat_buf_free(&most);
}

/* ---- reading ---- */

static leat_rc begin(leat_sql *s, const char *sql, const leat_sql_column *const *cols, size_t n,
                     leat_err *e)
{
    leat_pg_query_session *x = session(s);
    leat_buf copy = {0};
    leat_buf_printf(&copy, "COPY (%s\n) TO STDOUT (FORMAT binary)", sql);
    leat_buf_u8(&copy, 0);
    leat_rc rc = leat_pg_copy(&x->c, doing, copy.p, PGRES_COPY_OUT, x->c.target->query_ms, e);
    leat_buf_free(&copy);
    if (rc != LEAT_OK) return rc;
    x->cols = cols;
    x->ncols = n;
    x->reading = true;
    x->headed = false;
    return LEAT_OK;
}

static leat_rc bad_row(leat_err *e, const char *why)
{
    return leat_fail(e, LEAT_FATAL, "postgres.protocol", "", "a COPY in binary form %s", why);
}

static leat_rc take_head(leat_pg_query_session *x, leat_str *row, leat_err *e)
{
    static const char signature[11] = "PGCOPY\n\377\r\n";
    leat_cur c = leat_cur_of(*row);
    if (row->len < HEAD || memcmp(row->s, signature, sizeof signature) != 0)
        return bad_row(e, "begins with no head of one");
    leat_cur_bytes(&c, HEAD - 4);
    leat_cur_bytes(&c, leat_cur_be32(&c));
    if (c.bad) return bad_row(e, "has a broken head");
    *row = (leat_str){(const char *)c.p, leat_cur_left(&c)};
    x->headed = true;
    return LEAT_OK;
}

/* All cells, so that the row's end is checked, whatever the first error in it is. */
static leat_rc take_cells(const leat_pg_query_session *x, leat_str row, leat_arena *a,
                          leat_value *cells, leat_err *e)
{
    leat_cur c = leat_cur_of(row);
    leat_rc rc = LEAT_OK;
    if (leat_cur_be16(&c) != x->ncols) return bad_row(e, "has another number of columns");
    for (size_t i = 0; i < x->ncols; i++) {
        const leat_pg_col *col = x->cols[i]->plan;
        uint32_t len = leat_cur_be32(&c);
        cells[i] = leat_null();
        if (len == UINT32_MAX) continue;
        leat_str bytes = leat_cur_bytes(&c, len);
        if (c.bad) break;
        if (rc != LEAT_OK) continue;
        rc = (col->binary ? col->binary : col->parse)(col, bytes, a, &cells[i], e);
    }
    if (c.bad || leat_cur_left(&c) > 0) return bad_row(e, "has a row that is not whole");
    return rc;
}

static leat_rc read_row(leat_sql *s, int wait_ms, leat_arena *a, leat_value *cells, leat_str *raw,
                        leat_err *e)
{
    leat_pg_query_session *x = session(s);
    for (;;) {
        char *bytes;
        size_t len;
        leat_rc rc = leat_pg_copy_row(&x->c, doing, wait_ms, &bytes, &len, e);
        if (rc == LEAT_PENDING) x->reading = false;
        if (rc != LEAT_OK) return rc;
        leat_str row = {bytes, len};
        if (!x->headed) rc = take_head(x, &row, e);
        bool none = row.len == 0 || (row.len == TRAILER && memcmp(row.s, "\377\377", 2) == 0);
        if (rc == LEAT_OK && !none) *raw = leat_arena_str(a, row);
        PQfreemem(bytes);
        if (rc != LEAT_OK) return rc;
        if (!none) return take_cells(x, *raw, a, cells, e);
    }
}

static leat_rc end_rows(leat_sql *s, leat_err *e)
{
    leat_pg_query_session *x = session(s);
    if (!x->reading) return LEAT_OK;
    x->reading = false;
    leat_pg_cancel(&x->c);
    return x->c.pg ? LEAT_OK
                   : leat_fail(e, LEAT_RETRY, "postgres.closed", "",
                               "the session was lost while a query was ended");
}

static leat_rc beat(leat_sql *s, leat_err *e)
{
    leat_pg_query_session *x = session(s);
    return x->reading ? LEAT_OK : leat_pg_exec(&x->c, "stay connected", "SELECT 1", e);
}

static leat_rc compare(leat_sql *s, const char *app, leat_compare_side **out, leat_err *e)
{
    return leat_pg_compare_open(&session(s)->target, app, NULL, out, e);
}

/* ---- for a check ---- */

static leat_rc about(leat_sql *s, leat_arena *a, const char **text, leat_err *e)
{
    leat_str version;
    LEAT_TRY(ask(s, "read the server's version", "SHOW server_version", a, &version, e));
    *text = leat_arena_printf(a, "PostgreSQL " LEAT_STR_FMT, LEAT_STR_ARG(version));
    return LEAT_OK;
}

static leat_rc doubts(leat_sql *s, bool moments, leat_arena *a, leat_sql_doubts *d, leat_err *e)
{
    leat_str sees, name = leat_str_of(session(s)->target.user);
    leat_buf sql = {0};
    if (!moments || s->target->ignore_late) return LEAT_OK;
    LEAT_TRY(ask(s, "read this user's rights",
                 "SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')::pg_catalog.text", a,
                 &sees, e));
    if (leat_str_is(sees, "true")) return LEAT_OK;
    d->text =
        "does not see when other users' transactions began: until those that were open at the "
        "connector's start have ended, rows wait for them";
    leat_pg_quote_name(&sql, name);
    leat_buf_u8(&sql, 0);
    d->mend = leat_arena_printf(a, "GRANT pg_read_all_stats TO %s;", sql.p);
    d->undo = leat_arena_printf(a, "REVOKE pg_read_all_stats FROM %s;", sql.p);
    leat_buf_free(&sql);
    return LEAT_OK;
}

static const char *const protocols[] = {"postgresql", NULL};

const leat_dialect leat_dialect_postgres = {
    .protocols = protocols,
    .klass = "PostgreSqlDatabaseDialect",
    .title = "PostgreSQL",
    .open_quote = '"',
    .close_quote = '"',
    .validate = validate,
    .connect = connect_session,
    .close = close_session,
    .tables = list_tables,
    .describe = describe,
    .ask = ask,
    .clock = ask_clock,
    .put_column = put_column,
    .put_stamp = put_stamp,
    .put_moment = put_moment,
    .put_bound = put_bound,
    .put_latest = put_latest,
    .look = leat_pg_dialect_look,
    .forget = leat_pg_dialect_forget,
    .begin = begin,
    .row = read_row,
    .end = end_rows,
    .beat = beat,
    .compare = compare,
    .about = about,
    .doubts = doubts,
};
