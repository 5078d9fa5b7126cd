/* What the server's catalog says about tables, columns and types.
 *
 * One statement for each question, always with pg_catalog's names written out so that a search_path
 * does not matter. Works from version 10 on; what newer versions added is asked through expressions
 * chosen by the server's version. A table is found by its oid: renaming it does not matter,
 * dropping it gives no table. Nothing is cached here. Run by the task's thread. */
#include "system/postgres/catalog.h"

#include "base/buf.h"

#include <stdlib.h>

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

static leat_rc read_head(leat_pg *c, const char *oid, leat_arena *a, leat_pg_table *t, bool *there,
                         leat_err *e)
{
    static const char sql[] =
        "SELECT n.nspname, c.relname, c.relkind, c.relreplident, c.reltuples, c.relispartition"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid = $1::pg_catalog.oid";
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "read a table from the catalog", sql, 1, &oid, &res, e));
    *there = PQntuples(res) == 1;
    if (*there) {
        t->schema = text_of(a, res, 0, 0);
        t->name = text_of(a, res, 0, 1);
        t->kind = char_of(res, 0, 2);
        t->replica_identity = char_of(res, 0, 3);
        t->rows = real_of(res, 0, 4);
        t->partition = leat_pg_cell_bool(res, 0, 5);
    }
    PQclear(res);
    return LEAT_OK;
}

static leat_rc read_columns(leat_pg *c, const char *oid, leat_arena *a, leat_pg_table *t,
                            leat_err *e)
{
    static const char sql[] =
        "SELECT a.attnum, a.attname, a.atttypid, a.atttypmod, a.attndims, a.attnotnull,"
        " %s, a.attidentity <> '', pg_catalog.pg_get_expr(d.adbin, d.adrelid),"
        " pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname)"
        " FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d"
        " ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
        " JOIN pg_catalog.pg_proc p ON p.oid = t.typoutput"
        " JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
        " WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " ORDER BY a.attnum";
    const char *generated = c->version >= 120000 ? "a.attgenerated <> ''" : "false";
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "read a table's columns from the catalog",
                           leat_arena_printf(a, sql, generated), 1, &oid, &res, e));
    int n = PQntuples(res);
    leat_pg_column *cols = LEAT_NEW(a, leat_pg_column, n);
    for (int i = 0; i < n; i++) {
        cols[i] = (leat_pg_column){
            .number = (uint16_t)leat_pg_cell_i64(res, i, 0, 0),
            .name = text_of(a, res, i, 1),
            .type = (uint32_t)leat_pg_cell_i64(res, i, 2, 0),
            .typmod = (int32_t)leat_pg_cell_i64(res, i, 3, -1),
            .ndims = (int32_t)leat_pg_cell_i64(res, i, 4, 0),
            .not_null = leat_pg_cell_bool(res, i, 5),
            .generated = leat_pg_cell_bool(res, i, 6),
            .identity = leat_pg_cell_bool(res, i, 7),
        };
        leat_str def = leat_pg_cell(res, i, 8);
        if (def.s) cols[i].def = leat_arena_str(a, def);
        cols[i].output = text_of(a, res, i, 9);
    }
    PQclear(res);
    t->cols = cols;
    t->ncols = (uint16_t)n;
    return LEAT_OK;
}

/* The index of table %s that is its key: the primary key's, else the unique one whose name sorts
 * first. */
#define KEY_INDEX(table)                                                                           \
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"               \
    " WHERE i.indrelid = " table " AND i.indisunique AND i.indisvalid"                             \
    " AND i.indpred IS NULL AND i.indexprs IS NULL"                                                \
    " ORDER BY i.indisprimary DESC, x.relname LIMIT 1"

static leat_rc read_key(leat_pg *c, const char *oid, leat_arena *a, leat_pg_table *t, leat_err *e)
{
    static const char sql[] =
        "WITH best AS (SELECT i.indexrelid, i.indrelid, i.indkey, %s AS n, i.indisprimary" KEY_INDEX(
            "$1::pg_catalog.oid") ")"
                                  " SELECT a.attname, b.indisprimary FROM best b"
                                  " CROSS JOIN LATERAL pg_catalog.unnest(b.indkey::pg_catalog.int2[])"
                                  " WITH ORDINALITY AS k(attnum, place)"
                                  " JOIN pg_catalog.pg_attribute a ON a.attrelid = b.indrelid AND a.attnum = k.attnum"
                                  " WHERE k.place <= b.n ORDER BY k.place";
    const char *columns = c->version >= 110000 ? "i.indnkeyatts" : "i.indnatts";
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "read a table's key from the catalog",
                           leat_arena_printf(a, sql, columns), 1, &oid, &res, e));
    int n = PQntuples(res);
    const char **key = LEAT_NEW(a, const char *, n);
    for (int i = 0; i < n; i++) key[i] = text_of(a, res, i, 0);
    t->primary = n > 0 && leat_pg_cell_bool(res, 0, 1);
    PQclear(res);
    t->key = key;
    t->nkey = (uint16_t)n;
    return LEAT_OK;
}

/* Types whose values sort alike stand for each other: a column may grow from one to the other. */
#define SORTS_AS                                                                                   \
    "CASE base.oid WHEN 20 THEN 'int' WHEN 21 THEN 'int' WHEN 23 THEN 'int' WHEN 1043 THEN"        \
    " 'text' ELSE pg_catalog.format_type(base.oid, -1) END"

/* Columns of a table as an identity: `best` is a query of indrelid, cols (an array of their
 * numbers) and n (how many of those). *out NULL: it has no row. */
static leat_rc read_identity(leat_pg *c, const char *best, int nparams, const char *const *params,
                             leat_arena *a, const leat_pg_identity **out, leat_err *e)
{
    static const char sql[] =
        "WITH best AS (%s)"
        " SELECT a.attname, pg_catalog.format_type(base.oid, -1),"
        " pg_catalog.concat_ws(' ', a.attnum, " SORTS_AS ", NULLIF(a.attcollation, 0),"
        " pg_catalog.pg_collation_actual_version(NULLIF(a.attcollation, 0))%s)"
        " FROM best b CROSS JOIN LATERAL pg_catalog.unnest(b.cols) WITH ORDINALITY AS k(num, place)"
        " JOIN pg_catalog.pg_attribute a ON a.attrelid = b.indrelid AND a.attnum = k.num"
        " CROSS JOIN LATERAL (WITH RECURSIVE d AS ("
        "SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid"
        " UNION ALL SELECT t.oid, t.typbasetype FROM d"
        " JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype)"
        " SELECT d.oid FROM d WHERE d.typbasetype = 0) AS base"
        " WHERE k.place <= b.n ORDER BY k.place";
    static const char of_database[] =
        ", CASE a.attcollation WHEN 100 THEN"
        " (SELECT pg_catalog.pg_database_collation_actual_version(b.oid)"
        " FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database()) END";
    const char *version = c->version >= 150000 ? of_database : "";
    PGresult *res;
    *out = NULL;
    LEAT_TRY(leat_pg_query(c, "read a table's identity from the catalog",
                           leat_arena_printf(a, sql, best, version), nparams, params, &res, e));
    int rows = PQntuples(res);
    const char **names = LEAT_NEW(a, const char *, rows), **types = LEAT_NEW(a, const char *, rows);
    const char *order = "";
    for (int i = 0; i < rows; i++) {
        names[i] = text_of(a, res, i, 0);
        types[i] = text_of(a, res, i, 1);
        order = leat_arena_printf(a, "%s%s%s", order, i ? ", " : "", PQgetvalue(res, i, 2));
    }
    PQclear(res);
    if (rows == 0) return LEAT_OK;
    leat_pg_identity *id = LEAT_NEW(a, leat_pg_identity, 1);
    *id = (leat_pg_identity){(uint16_t)rows, names, types, order};
    *out = id;
    return LEAT_OK;
}

leat_rc leat_pg_identity_read(leat_pg *c, uint32_t oid, leat_arena *a, const leat_pg_identity **out,
                              leat_err *e)
{
    static const char best[] =
        "SELECT i.indrelid, i.indkey::pg_catalog.int2[] AS cols, %s AS n"
        " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
        " JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
        " WHERE i.indrelid = $1::pg_catalog.oid AND i.indisunique AND i.indisvalid"
        " AND i.indpred IS NULL AND i.indexprs IS NULL"
        " AND (t.relreplident <> 'i' OR i.indisreplident)"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid"
        " AND (NOT a.attnotnull OR %s)"
        " AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:%s - 1]))"
        " ORDER BY i.indisprimary DESC, x.relname LIMIT 1";
    const char *n = c->version >= 110000 ? "i.indnkeyatts" : "i.indnatts";
    const char *generated = c->version >= 120000 ? "a.attgenerated <> ''" : "false";
    const char *param = leat_arena_printf(a, "%u", oid);
    return read_identity(c, leat_arena_printf(a, best, n, generated, n), 1, &param, a, out, e);
}

leat_rc leat_pg_identity_of(leat_pg *c, uint32_t oid, const char *const *names, uint16_t n,
                            leat_arena *a, const leat_pg_identity **out, leat_err *e)
{
    leat_buf best = {0};
    leat_buf_printf(&best, "SELECT %u::pg_catalog.oid AS indrelid, ARRAY[", oid);
    for (uint16_t i = 0; i < n; i++)
        leat_buf_printf(&best,
                        "%s(SELECT attnum FROM pg_catalog.pg_attribute WHERE attrelid = %u"
                        " AND attname = $%u AND NOT attisdropped)",
                        i ? ", " : "", oid, i + 1u);
    leat_buf_printf(&best, "] AS cols, %u AS n", n);
    leat_buf_u8(&best, 0);
    leat_rc rc = read_identity(c, best.p, n, names, a, out, e);
    leat_buf_free(&best);
    if (rc == LEAT_OK && *out && (*out)->n != n) *out = NULL;
    return rc;
}

leat_rc leat_pg_table_read(leat_pg *c, uint32_t oid, leat_arena *a, const leat_pg_table **out,
                           leat_err *e)
{
    const char *number = leat_arena_printf(a, "%u", oid);
    leat_pg_table *t = LEAT_NEW(a, leat_pg_table, 1);
    bool there;
    *out = NULL;
    t->oid = oid;
    LEAT_TRY(read_head(c, number, a, t, &there, e));
    if (!there) return LEAT_OK;
    LEAT_TRY(read_columns(c, number, a, t, e));
    LEAT_TRY(read_key(c, number, a, t, e));
    LEAT_TRY(leat_pg_identity_read(c, oid, a, &t->identity, e));
    if (!t->ncols) LEAT_TRY(read_head(c, number, a, t, &there, e)); /* dropped in between? */
    if (there) *out = t;
    return LEAT_OK;
}

leat_rc leat_pg_relations(leat_pg *c, leat_arena *a, leat_pg_relation **out, size_t *n, leat_err *e)
{
    static const char sql[] =
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident, c.relispartition,"
        " EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary),"
        " pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
        " AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),"
        " pg_catalog.has_schema_privilege(n.oid, 'USAGE'),"
        " pg_catalog.pg_has_role(c.relowner, 'USAGE'), c.reltuples,"
        " pg_catalog.pg_get_userbyid(c.relowner),"
        " CASE WHEN c.relispartition THEN (SELECT h.inhparent FROM pg_catalog.pg_inherits h"
        " WHERE h.inhrelid = c.oid) END,"
        " c.relreplident = 'i' AND (SELECT i.indisreplident" KEY_INDEX(
            "c.oid") ") IS NOT TRUE"
                     " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                     " WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'"
                     " AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_)'"
                     " ORDER BY (n.nspname || '.' || c.relname) COLLATE \"C\"";
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "list the tables", sql, 0, NULL, &res, e));
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
        };
    PQclear(res);
    *out = r;
    *n = (size_t)rows;
    return LEAT_OK;
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
