/* What the server's catalog says about tables, columns and types.
 *
 * One statement for each question, always with pg_catalog's names written out so that a search_path
 * does not matter. Works from version 10 on; what newer versions added is asked through expressions
 * chosen by the server's version. A table is found by its oid: renaming it does not matter,
 * dropping it gives no table. Nothing is cached here. Run by the task's thread. */
#include "system/postgres/catalog.h"

#include <stdlib.h>

#include "base/buf.h"

static const char *text_of(leat_arena *a, const PGresult *res, int row, int col)
{
    leat_str text = leat_pg_cell(res, row, col);
    return text.s ? leat_arena_str(a, text).s : NULL;
}

static char char_of(const PGresult *res, int row, int col)
{
    leat_str text = leat_pg_cell(res, row, col);
    return text.len ? text.s[0] : 0;
}

static double real_of(const PGresult *res, int row, int col)
{
    leat_str text = leat_pg_cell(res, row, col);
    return text.s ? strtod(text.s, NULL) : -1;
}

/* Tables that are read, sorted by oid, and how the server is asked for them. */
typedef struct some {
    leat_pg_table **t;
    size_t n;
    const char *oids; /* "{1,2,3}" */
} some;

/* The table that this row's first column names, at or behind *i. */
static leat_pg_table *table_of(const some *x, const PGresult *res, int row, size_t *i)
{
    uint32_t oid = (uint32_t)leat_pg_cell_i64(res, row, 0, 0);
    while (*i < x->n && x->t[*i]->oid < oid) ++*i;
    return *i < x->n && x->t[*i]->oid == oid ? x->t[*i] : NULL;
}

/* How many rows from this one on are of the same table. */
static int rows_of(const PGresult *res, int row)
{
    int n = 1;
    leat_str oid = leat_pg_cell(res, row, 0);
    while (row + n < PQntuples(res) && leat_str_eq(leat_pg_cell(res, row + n, 0), oid)) n++;
    return n;
}

/* One that is not there stays without a name. */
static leat_rc read_heads(leat_pg *c, const some *x, leat_arena *a, leat_err *e)
{
    static const char sql[] =
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident, c.reltuples,"
        " c.relispartition, CASE WHEN c.relkind = 'r' AND NOT c.relhassubclass AND c.relpages > 0"
        " THEN (c.relpages + COALESCE(t.relpages, 0))::pg_catalog.int8"
        " * pg_catalog.current_setting('block_size')::pg_catalog.int8 ELSE -1 END"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid"
        " WHERE c.oid = ANY ($1::pg_catalog.oid[]) ORDER BY c.oid";
    PGresult *res;
    size_t at = 0;
    LEAT_TRY(leat_pg_query(c, "read tables from the catalog", sql, 1, &x->oids, &res, e));
    for (size_t i = 0; i < x->n; i++) x->t[i]->name = NULL;
    for (int i = 0; i < PQntuples(res); i++) {
        leat_pg_table *t = table_of(x, res, i, &at);
        if (!t) continue;
        t->schema = text_of(a, res, i, 1);
        t->name = text_of(a, res, i, 2);
        t->kind = char_of(res, i, 3);
        t->replica_identity = char_of(res, i, 4);
        t->rows = real_of(res, i, 5);
        t->partition = leat_pg_cell_bool(res, i, 6);
        t->bytes = leat_pg_cell_i64(res, i, 7, -1);
    }
    PQclear(res);
    return LEAT_OK;
}

static void take_columns(leat_pg_table *t, const PGresult *res, int row, int n, leat_arena *a)
{
    leat_pg_column *cols = LEAT_NEW(a, leat_pg_column, n);
    for (int i = 0; i < n; i++, row++) {
        cols[i] = (leat_pg_column){
            .number = (uint16_t)leat_pg_cell_i64(res, row, 1, 0),
            .name = text_of(a, res, row, 2),
            .type = (uint32_t)leat_pg_cell_i64(res, row, 3, 0),
            .typmod = (int32_t)leat_pg_cell_i64(res, row, 4, -1),
            .ndims = (int32_t)leat_pg_cell_i64(res, row, 5, 0),
            .not_null = leat_pg_cell_bool(res, row, 6),
            .generated = leat_pg_cell_bool(res, row, 7),
            .identity = leat_pg_cell_bool(res, row, 8),
        };
        leat_str def = leat_pg_cell(res, row, 9);
        if (def.s) cols[i].def = leat_arena_str(a, def);
        cols[i].output = text_of(a, res, row, 10);
    }
    t->cols = cols;
    t->ncols = (uint16_t)n;
}

static leat_rc read_columns(leat_pg *c, const some *x, leat_arena *a, leat_err *e)
{
    static const char sql[] =
        "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attndims,"
        " a.attnotnull OR t.typtype = 'd' AND t.typnotnull, %s, a.attidentity <> '',"
        " pg_catalog.pg_get_expr(d.adbin, d.adrelid),"
        " pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname)"
        " FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d"
        " ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
        " JOIN pg_catalog.pg_proc p ON p.oid = t.typoutput"
        " JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
        " WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped"
        " ORDER BY a.attrelid, a.attnum";
    const char *generated = c->version >= 120000 ? "a.attgenerated <> ''" : "false";
    PGresult *res;
    size_t at = 0;
    LEAT_TRY(leat_pg_query(c, "read columns from the catalog", leat_arena_printf(a, sql, generated),
                           1, &x->oids, &res, e));
    for (int i = 0, n; i < PQntuples(res); i += n) {
        leat_pg_table *t = table_of(x, res, i, &at);
        n = rows_of(res, i);
        if (t) take_columns(t, res, i, n, a);
    }
    PQclear(res);
    return LEAT_OK;
}

/* The index of table %s that is its key: the primary key's, else the unique one whose name sorts
 * first. */
#define KEY_INDEX(table)                                                                           \
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"               \
    " WHERE i.indrelid = " table " AND i.indisunique AND i.indisvalid"                             \
    " AND i.indpred IS NULL AND i.indexprs IS NULL"                                                \
    " ORDER BY i.indisprimary DESC, x.relname LIMIT 1"

#define EACH_TABLE " FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o(id) CROSS JOIN LATERAL"

static leat_rc read_keys(leat_pg *c, const some *x, leat_arena *a, leat_err *e)
{
    static const char sql[] =
        "SELECT o.id, a.attname, b.indisprimary" EACH_TABLE
        " (SELECT i.indexrelid, i.indrelid, i.indkey, %s AS n, i.indisprimary" KEY_INDEX(
            "o.id") ") AS b CROSS JOIN LATERAL pg_catalog.unnest(b.indkey::pg_catalog.int2[])"
                    " WITH ORDINALITY AS k(attnum, place)"
                    " JOIN pg_catalog.pg_attribute a ON a.attrelid = b.indrelid AND a.attnum = k.attnum"
                    " WHERE k.place <= b.n ORDER BY o.id, k.place";
    const char *columns = c->version >= 110000 ? "i.indnkeyatts" : "i.indnatts";
    PGresult *res;
    size_t at = 0;
    LEAT_TRY(leat_pg_query(c, "read keys from the catalog", leat_arena_printf(a, sql, columns), 1,
                           &x->oids, &res, e));
    for (int i = 0, n; i < PQntuples(res); i += n) {
        leat_pg_table *t = table_of(x, res, i, &at);
        n = rows_of(res, i);
        if (!t) continue;
        const char **key = LEAT_NEW(a, const char *, n);
        for (int k = 0; k < n; k++) key[k] = text_of(a, res, i + k, 1);
        t->primary = leat_pg_cell_bool(res, i, 2);
        t->key = key;
        t->nkey = (uint16_t)n;
    }
    PQclear(res);
    return LEAT_OK;
}

/* Types whose values sort alike stand for each other: a column may grow from one to the other. */
#define SORTS_AS                                                                                   \
    "CASE base.oid WHEN 20 THEN 'int' WHEN 21 THEN 'int' WHEN 23 THEN 'int' WHEN 1043 THEN"        \
    " 'text' ELSE pg_catalog.format_type(base.oid, -1) END"

static const leat_pg_identity *take_identity(const PGresult *res, int row, int n, leat_arena *a)
{
    const char **names = LEAT_NEW(a, const char *, n), **types = LEAT_NEW(a, const char *, n);
    const char *order = "";
    for (int i = 0; i < n; i++, row++) {
        names[i] = text_of(a, res, row, 1);
        types[i] = text_of(a, res, row, 2);
        order = leat_arena_printf(a, "%s%s%s", order, i ? ", " : "", PQgetvalue(res, row, 3));
    }
    leat_pg_identity *id = LEAT_NEW(a, leat_pg_identity, 1);
    *id = (leat_pg_identity){(uint16_t)n, names, types, order};
    return id;
}

/* What is read of the columns that `b` names for table o: b.indrelid, b.cols, b.n of those. */
#define IDENTITY_COLUMNS                                                                           \
    "SELECT o.id, a.attname, pg_catalog.format_type(base.oid, -1),"                                \
    " pg_catalog.concat_ws(' ', a.attnum, " SORTS_AS ", NULLIF(a.attcollation, 0),"                \
    " pg_catalog.pg_collation_actual_version(NULLIF(a.attcollation, 0))%s)"
#define IDENTITY_JOINS                                                                             \
    " CROSS JOIN LATERAL pg_catalog.unnest(b.cols) WITH ORDINALITY AS k(num, place)"               \
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = b.indrelid AND a.attnum = k.num"              \
    " CROSS JOIN LATERAL (WITH RECURSIVE d AS ("                                                   \
    "SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid"               \
    " UNION ALL SELECT t.oid, t.typbasetype FROM d"                                                \
    " JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype)"                                         \
    " SELECT d.oid FROM d WHERE d.typbasetype = 0) AS base"                                        \
    " WHERE k.place <= b.n ORDER BY o.id, k.place"

/* Version of the database's own collation, where the server knows it. */
static const char *default_version(const leat_pg *c)
{
    static const char of_database[] =
        ", CASE a.attcollation WHEN 100 THEN"
        " (SELECT pg_catalog.pg_database_collation_actual_version(b.oid)"
        " FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database()) END";
    return c->version >= 150000 ? of_database : "";
}

static leat_rc read_identities(leat_pg *c, const some *x, leat_arena *a, leat_err *e)
{
    static const char sql[] = IDENTITY_COLUMNS EACH_TABLE
        " (SELECT i.indrelid, i.indkey::pg_catalog.int2[] AS cols, %s AS n"
        " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
        " JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
        " WHERE i.indrelid = o.id AND i.indisunique AND i.indisvalid"
        " AND i.indpred IS NULL AND i.indexprs IS NULL"
        " AND (t.relreplident <> 'i' OR i.indisreplident)"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid"
        " AND (NOT a.attnotnull OR %s)"
        " AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:%s - 1]))"
        " ORDER BY i.indisprimary DESC, x.relname LIMIT 1) AS b" IDENTITY_JOINS;
    const char *n = c->version >= 110000 ? "i.indnkeyatts" : "i.indnatts";
    const char *generated = c->version >= 120000 ? "a.attgenerated <> ''" : "false";
    const char *version = default_version(c);
    PGresult *res;
    size_t at = 0;
    LEAT_TRY(leat_pg_query(c, "read identities from the catalog",
                           leat_arena_printf(a, sql, version, n, generated, n), 1, &x->oids, &res,
                           e));
    for (int i = 0, rows; i < PQntuples(res); i += rows) {
        leat_pg_table *t = table_of(x, res, i, &at);
        rows = rows_of(res, i);
        if (t) t->identity = take_identity(res, i, rows, a);
    }
    PQclear(res);
    return LEAT_OK;
}

static int by_oid(const void *x, const void *y)
{
    uint32_t one = (*(leat_pg_table *const *)x)->oid, other = (*(leat_pg_table *const *)y)->oid;
    return one < other ? -1 : one > other;
}

/* Tables with these oids and nothing else, in their order; x: the same sorted. */
static leat_pg_table *tables_new(const uint32_t *oids, size_t n, leat_arena *a, some *x)
{
    leat_pg_table *t = LEAT_NEW(a, leat_pg_table, n);
    leat_buf text = {0};
    *x = (some){LEAT_NEW(a, leat_pg_table *, n), n, NULL};
    leat_buf_u8(&text, '{');
    for (size_t i = 0; i < n; i++) {
        t[i].oid = oids[i];
        x->t[i] = &t[i];
        leat_buf_printf(&text, "%s%u", i ? "," : "", oids[i]);
    }
    leat_buf_u8(&text, '}');
    x->oids = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    if (n > 1) qsort(x->t, n, sizeof(leat_pg_table *), by_oid);
    return t;
}

leat_rc leat_pg_identity_read(leat_pg *c, uint32_t oid, leat_arena *a, const leat_pg_identity **out,
                              leat_err *e)
{
    some x;
    const leat_pg_table *t = tables_new(&oid, 1, a, &x);
    LEAT_TRY(read_identities(c, &x, a, e));
    *out = t->identity;
    return LEAT_OK;
}

leat_rc leat_pg_identity_of(leat_pg *c, uint32_t oid, const char *const *names, uint16_t n,
                            leat_arena *a, const leat_pg_identity **out, leat_err *e)
{
    leat_buf sql = {0};
    PGresult *res;
    *out = NULL;
    leat_buf_printf(&sql, IDENTITY_COLUMNS, default_version(c));
    leat_buf_printf(&sql,
                    " FROM (SELECT %u::pg_catalog.oid AS id) AS o CROSS JOIN LATERAL"
                    " (SELECT o.id AS indrelid, %u AS n, ARRAY[",
                    oid, n);
    for (uint16_t i = 0; i < n; i++)
        leat_buf_printf(&sql,
                        "%s(SELECT attnum FROM pg_catalog.pg_attribute WHERE attrelid = o.id"
                        " AND attname = $%u AND NOT attisdropped)",
                        i ? ", " : "", i + 1u);
    leat_buf_str_z(&sql, "] AS cols) AS b" IDENTITY_JOINS);
    leat_buf_u8(&sql, 0);
    leat_rc rc =
        leat_pg_query(c, "read a table's identity from the catalog", sql.p, n, names, &res, e);
    leat_buf_free(&sql);
    LEAT_TRY(rc);
    if (PQntuples(res) == n) *out = take_identity(res, 0, n, a);
    PQclear(res);
    return LEAT_OK;
}

leat_rc leat_pg_tables_read(leat_pg *c, const uint32_t *oids, size_t n, leat_arena *a,
                            const leat_pg_table **out, leat_err *e)
{
    some x;
    const leat_pg_table *t = tables_new(oids, n, a, &x);
    bool bare = false;
    for (size_t i = 0; i < n; i++) out[i] = NULL;
    if (n == 0) return LEAT_OK;
    LEAT_TRY(read_heads(c, &x, a, e));
    LEAT_TRY(read_columns(c, &x, a, e));
    LEAT_TRY(read_keys(c, &x, a, e));
    LEAT_TRY(read_identities(c, &x, a, e));
    for (size_t i = 0; i < n; i++) bare = bare || (t[i].name && !t[i].ncols);
    if (bare) LEAT_TRY(read_heads(c, &x, a, e)); /* dropped in between? */
    for (size_t i = 0; i < n; i++)
        if (t[i].name) out[i] = &t[i];
    return LEAT_OK;
}

leat_rc leat_pg_table_read(leat_pg *c, uint32_t oid, leat_arena *a, const leat_pg_table **out,
                           leat_err *e)
{
    return leat_pg_tables_read(c, &oid, 1, a, out, e);
}

leat_rc leat_pg_name_check(leat_str name, const char *what, const char *where, leat_err *e)
{
    if (leat_str_utf8(name)) return LEAT_OK;
    leat_buf hex = {0};
    leat_buf_hex(&hex, name);
    leat_rc rc = leat_fail(e, LEAT_CONF, "postgres.encoding", where,
                           "the name of a %s is no UTF-8: its bytes are " LEAT_STR_FMT
                           " (hexadecimal). Events can have no such name: ALTER ... RENAME it",
                           what, LEAT_STR_ARG(leat_buf_str(&hex)));
    leat_buf_free(&hex);
    return rc;
}

/* persistence: 'p' logged, 'u' unlogged. */
static leat_rc relations(leat_pg *c, const char *persistence, leat_arena *a, leat_pg_relation **out,
                         size_t *n, leat_err *e)
{
    static const char sql[] =
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident, c.relispartition,"
        " EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary),"
        " pg_catalog.has_table_privilege(c.oid, 'SELECT'),"
        " pg_catalog.has_schema_privilege(n.oid, 'USAGE'),"
        " pg_catalog.pg_has_role(c.relowner, 'USAGE'), c.reltuples,"
        " pg_catalog.pg_get_userbyid(c.relowner),"
        " CASE WHEN c.relispartition THEN (SELECT h.inhparent FROM pg_catalog.pg_inherits h"
        " WHERE h.inhrelid = c.oid) END,"
        " c.relreplident = 'i' AND (SELECT i.indisreplident" KEY_INDEX(
            "c.oid") ") IS NOT TRUE,"
                     " c.relrowsecurity AND pg_catalog.row_security_active(c.oid)"
                     " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                     " WHERE c.relkind IN ('r', 'p') AND c.relpersistence = $1"
                     " AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_)'"
                     " ORDER BY (n.nspname || '.' || c.relname) COLLATE \"C\"";
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "list the tables", sql, 1, &persistence, &res, e));
    int rows = PQntuples(res);
    leat_pg_relation *r = LEAT_NEW(a, leat_pg_relation, rows);
    for (int i = 0; i < rows; i++)
        r[i] = (leat_pg_relation){
            .oid = (uint32_t)leat_pg_cell_i64(res, i, 0, 0),
            .schema = text_of(a, res, i, 1),
            .name = text_of(a, res, i, 2),
            .kind = char_of(res, i, 3),
            .replica_identity = char_of(res, i, 4),
            .partition = leat_pg_cell_bool(res, i, 5),
            .has_key = leat_pg_cell_bool(res, i, 6),
            .can_select = leat_pg_cell_bool(res, i, 7),
            .can_use = leat_pg_cell_bool(res, i, 8),
            .owned = leat_pg_cell_bool(res, i, 9),
            .rows = real_of(res, i, 10),
            .owner = text_of(a, res, i, 11),
            .parent = (uint32_t)leat_pg_cell_i64(res, i, 12, 0),
            .strange = leat_pg_cell_bool(res, i, 13),
            .hides = leat_pg_cell_bool(res, i, 14),
        };
    PQclear(res);
    *out = r;
    *n = (size_t)rows;
    for (int i = 0; i < rows; i++) {
        LEAT_TRY(leat_pg_name_check(leat_str_of(r[i].schema), "schema", "", e));
        LEAT_TRY(leat_pg_name_check(leat_str_of(r[i].name), "table", r[i].schema, e));
    }
    return LEAT_OK;
}

leat_rc leat_pg_relations(leat_pg *c, leat_arena *a, leat_pg_relation **out, size_t *n, leat_err *e)
{
    return relations(c, "p", a, out, n, e);
}

leat_rc leat_pg_unlogged(leat_pg *c, leat_arena *a, leat_pg_relation **out, size_t *n, leat_err *e)
{
    return relations(c, "u", a, out, n, e);
}

leat_rc leat_pg_types_read(leat_pg *c, leat_pg_types *types, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(
        leat_pg_query(c, "read the types from the catalog", leat_pg_types_sql, 0, NULL, &res, e));
    leat_rc rc = LEAT_OK;
    for (int i = 0; rc == LEAT_OK && i < PQntuples(res); i++) {
        leat_str cols[LEAT_PG_TYPES_COLS];
        for (int k = 0; k < LEAT_PG_TYPES_COLS; k++) cols[k] = leat_pg_cell(res, i, k);
        rc = leat_pg_types_row(types, cols, e);
    }
    PQclear(res);
    return rc;
}
