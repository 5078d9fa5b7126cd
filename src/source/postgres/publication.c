/* The publication: what the server sends at all.
 *
 * By publication.autocreate.mode, as Debezium: all_tables makes one FOR ALL TABLES; filtered one of
 * exactly the captured tables, which at each start is brought to what is captured then; no_tables
 * an empty one, filled by a person; disabled none. A publication that exists is only changed in
 * filtered mode, and only when its tables differ: each change makes the server describe every table
 * again. A publication FOR ALL TABLES is left alone: filters apply here too. Where publication.name
 * lists several, what they send together counts, and those that exist are a person's: none of them
 * is changed. Run by the task's thread. */
#include "source/postgres/publication.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "system/postgres/quote.h"

enum { NAMED = 10 }; /* tables named in one warning */

/* Comment on the publications made here: forget drops no other. */
#define MADE_BY "made by leat"

leat_rc leat_pg_publication_read(leat_pg *c, const char *name, leat_pg_publication *out,
                                 leat_err *e)
{
    static const char sql[] = "SELECT puballtables, pubinsert, pubupdate, pubdelete, %s, %s,"
                              " pg_catalog.pg_has_role(pubowner, 'USAGE')"
                              " FROM pg_catalog.pg_publication WHERE pubname = $1";
    char text[256];
    snprintf(text, sizeof text, sql, c->version >= 110000 ? "pubtruncate" : "false",
             c->version >= 130000 ? "pubviaroot" : "false");
    PGresult *res;
    *out = (leat_pg_publication){0};
    LEAT_TRY(leat_pg_query(c, "look the publication up", text, 1, &name, &res, e));
    if (PQntuples(res) == 1)
        *out = (leat_pg_publication){
            .exists = true,
            .all_tables = leat_pg_cell_bool(res, 0, 0),
            .inserts = leat_pg_cell_bool(res, 0, 1),
            .updates = leat_pg_cell_bool(res, 0, 2),
            .deletes = leat_pg_cell_bool(res, 0, 3),
            .truncates = leat_pg_cell_bool(res, 0, 4),
            .via_root = leat_pg_cell_bool(res, 0, 5),
            .owned = leat_pg_cell_bool(res, 0, 6),
        };
    PQclear(res);
    return LEAT_OK;
}

/* A table of a publication. */
typedef struct member {
    uint32_t oid;
    bool listed;            /* by its own name, not by its schema's */
    leat_pg_relation named; /* of its names only */
} member;

/* The tables that are in it by name or schema (not their partitions), sorted by oid. */
static leat_rc read_members(leat_pg *c, const char *name, leat_arena *a, member **out, size_t *n,
                            leat_err *e)
{
    static const char sql[] =
        "SELECT c.oid, r.oid IS NOT NULL, n.nspname, c.relname FROM pg_catalog.pg_publication p"
        " CROSS JOIN pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid"
        " WHERE p.pubname = $1 AND c.relkind IN ('r', 'p') AND (r.oid IS NOT NULL%s)"
        " ORDER BY c.oid";
    static const char by_schema[] = " OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s"
                                    " WHERE s.pnpubid = p.oid AND s.pnnspid = n.oid)";
    char text[sizeof sql + sizeof by_schema];
    snprintf(text, sizeof text, sql, c->version >= 150000 ? by_schema : "");
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "read the publication's tables", text, 1, &name, &res, e));
    *n = (size_t)PQntuples(res);
    *out = LEAT_NEW(a, member, *n);
    for (int i = 0; i < (int)*n; i++)
        (*out)[i] = (member){
            .oid = (uint32_t)leat_pg_cell_i64(res, i, 0, 0),
            .listed = leat_pg_cell_bool(res, i, 1),
            .named = {.schema = leat_arena_str(a, leat_pg_cell(res, i, 2)).s,
                      .name = leat_arena_str(a, leat_pg_cell(res, i, 3)).s},
        };
    PQclear(res);
    return LEAT_OK;
}

static void put_tables(leat_buf *out, const leat_pg_relation *const *tables, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        leat_buf_str_z(out, i ? ", " : "");
        leat_pg_quote_table(out, tables[i]->schema, tables[i]->name);
    }
}

void leat_pg_publication_put(leat_buf *out, const char *name, leat_pg_autocreate mode,
                             const leat_pg_relation *const *tables, size_t n, bool via_root)
{
    leat_buf_str_z(out, "CREATE PUBLICATION ");
    leat_pg_quote_name(out, leat_str_of(name));
    if (mode == LEAT_PG_ALL_TABLES) leat_buf_str_z(out, " FOR ALL TABLES");
    if (mode == LEAT_PG_FILTERED && n) {
        leat_buf_str_z(out, " FOR TABLE ");
        put_tables(out, tables, n);
    }
    if (via_root) leat_buf_str_z(out, " WITH (publish_via_partition_root = true)");
}

static leat_rc run(leat_pg *c, const char *doing, leat_buf *sql, leat_err *e)
{
    leat_buf_u8(sql, 0);
    leat_rc rc = leat_pg_exec(c, doing, sql->p, e);
    leat_buf_free(sql);
    return rc;
}

static int by_number(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

/* "'a', 'b'" */
static void put_names(leat_buf *out, const leat_opt_list *names)
{
    for (size_t i = 0; i < names->n; i++) {
        leat_buf_str_z(out, i ? ", " : "");
        leat_pg_quote_text(out, leat_str_of(names->v[i]));
    }
}

const char *leat_pg_publications_text(const leat_opt_list *names, leat_arena *a)
{
    leat_buf text = {0};
    for (size_t i = 0; i < names->n; i++)
        leat_buf_printf(&text, "%s%s", i ? ", " : "", names->v[i]);
    const char *z = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return z;
}

/* Asks about names: before, their list, after. */
static leat_rc ask_names(leat_pg *c, const char *doing, const char *before,
                         const leat_opt_list *names, const char *after, PGresult **out, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, before);
    put_names(&sql, names);
    leat_buf_str_z(&sql, after);
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_pg_query(c, doing, sql.p, 0, NULL, out, e);
    leat_buf_free(&sql);
    return rc;
}

leat_rc leat_pg_publications_missing(leat_pg *c, const leat_opt_list *names, const char **missing,
                                     leat_err *e)
{
    PGresult *res;
    *missing = NULL;
    LEAT_TRY(ask_names(c, "look the publications up",
                       "SELECT pubname FROM pg_catalog.pg_publication WHERE pubname IN (", names,
                       ")", &res, e));
    for (size_t i = 0; i < names->n && !*missing; i++) {
        *missing = names->v[i];
        for (int k = 0; k < PQntuples(res) && *missing; k++)
            if (leat_str_is(leat_pg_cell(res, k, 0), names->v[i])) *missing = NULL;
    }
    PQclear(res);
    return LEAT_OK;
}

leat_rc leat_pg_publications_lack(leat_pg *c, const leat_opt_list *names, bool via_root,
                                  const leat_pg_relation *const *tables, size_t n, leat_arena *a,
                                  const leat_pg_relation ***out, size_t *nout, leat_err *e)
{
    static const char sql[] =
        "SELECT DISTINCT c.oid FROM pg_catalog.pg_publication_tables t"
        " JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"
        " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename"
        " WHERE t.pubname IN (";
    PGresult *res;
    *out = LEAT_NEW(a, const leat_pg_relation *, n);
    *nout = 0;
    LEAT_TRY(
        ask_names(c, "read what the publication sends", sql, names, ") ORDER BY c.oid", &res, e));
    size_t sent = (size_t)PQntuples(res);
    uint32_t *oids = LEAT_NEW(a, uint32_t, sent);
    for (size_t i = 0; i < sent; i++) oids[i] = (uint32_t)leat_pg_cell_i64(res, (int)i, 0, 0);
    PQclear(res);
    for (size_t i = 0; i < n; i++) {
        const leat_pg_relation *t = tables[i];
        /* Changes come either from the partitions or from their root, and the others send none. */
        bool elsewhere = via_root ? t->partition : t->kind == 'p';
        if (elsewhere || bsearch(&t->oid, oids, sent, sizeof *oids, by_number)) continue;
        (*out)[(*nout)++] = t;
    }
    return LEAT_OK;
}

leat_rc leat_pg_publications_partial(leat_pg *c, const leat_opt_list *names, leat_arena *a,
                                     const leat_pg_partial **out, size_t *n, leat_err *e)
{
    PGresult *res;
    *out = NULL;
    *n = 0;
    if (c->version < 150000) return LEAT_OK;
    /* A row that one of them lets pass is sent. */
    LEAT_TRY(ask_names(c, "read which rows the publication sends",
                       "SELECT schemaname, tablename,"
                       " pg_catalog.string_agg(DISTINCT rowfilter, ' OR ' ORDER BY rowfilter)"
                       " FROM pg_catalog.pg_publication_tables WHERE pubname IN (",
                       names,
                       ") GROUP BY 1, 2 HAVING pg_catalog.bool_and(rowfilter IS NOT NULL)"
                       " ORDER BY 1, 2",
                       &res, e));
    *n = (size_t)PQntuples(res);
    leat_pg_partial *v = LEAT_NEW(a, leat_pg_partial, *n);
    for (int i = 0; i < (int)*n; i++)
        v[i] = (leat_pg_partial){leat_arena_str(a, leat_pg_cell(res, i, 0)).s,
                                 leat_arena_str(a, leat_pg_cell(res, i, 1)).s,
                                 leat_arena_str(a, leat_pg_cell(res, i, 2)).s};
    *out = v;
    PQclear(res);
    return LEAT_OK;
}

/* Tables that are captured but not sent would be missed in silence. */
static leat_rc warn_lacking(leat_pg *c, const leat_opt_list *names, bool via_root,
                            const leat_pg_relation *const *tables, size_t n, leat_err *e)
{
    leat_arena a;
    const leat_pg_relation **lacking;
    size_t k;
    leat_arena_init(&a, 0);
    leat_rc rc = leat_pg_publications_lack(c, names, via_root, tables, n, &a, &lacking, &k, e);
    if (rc == LEAT_OK && k)
        leat_log(LEAT_WARN, "postgres.publication_table",
                 "publication=\"%s\" tables=%zu first=\"%s.%s\" are captured but not sent by the "
                 "server: ALTER PUBLICATION ... ADD TABLE, or publication.autocreate.mode=filtered "
                 "with one publication of its own",
                 leat_pg_publications_text(names, &a), k, lacking[0]->schema, lacking[0]->name);
    leat_arena_free(&a);
    return rc;
}

/* Makes it, as *out tells then. Connectors that share it may start at the same moment: one is
 * refused then, and finds the other's. */
static leat_rc create(leat_pg *c, const char *name, leat_pg_autocreate mode,
                      const leat_pg_relation *const *tables, size_t n, bool via_root,
                      leat_pg_publication *out, leat_err *e)
{
    leat_buf sql = {0};
    leat_err refused;
    if (mode == LEAT_PG_FILTERED && n == 0)
        return leat_fail(e, LEAT_CONF, "postgres.no_tables", "table.include.list",
                         "no table of the database is captured, so the publication \"%s\" would be "
                         "empty: check schema.include.list, table.include.list and their exclude "
                         "lists (regular expressions for whole names, \"schema.table\"), and that "
                         "the tables exist",
                         name);
    leat_pg_publication_put(&sql, name, mode, tables, n, via_root);
    leat_buf_str_z(&sql, "; COMMENT ON PUBLICATION ");
    leat_pg_quote_name(&sql, leat_str_of(name));
    leat_buf_str_z(&sql, " IS '" MADE_BY "'");
    leat_rc rc = run(c, "create the publication", &sql, &refused);
    if (rc == LEAT_OK) {
        leat_log(LEAT_INFO, "postgres.publication_created", "publication=%s mode=%s tables=%zu",
                 name, mode == LEAT_PG_ALL_TABLES ? "all_tables" : "listed",
                 mode == LEAT_PG_FILTERED ? n : 0);
        *out = (leat_pg_publication){
            .exists = true, .all_tables = mode == LEAT_PG_ALL_TABLES, .via_root = via_root};
        return LEAT_OK;
    }
    if (rc == LEAT_CONF) LEAT_TRY(leat_pg_publication_read(c, name, out, e));
    if (out->exists) return LEAT_OK;
    *e = refused;
    return rc;
}

/* What was done to them before is not sent. */
static void warn_added(const char *name, const leat_pg_relation *const *tables, size_t n)
{
    leat_buf added = {0};
    for (size_t i = 0; i < n && i < NAMED; i++)
        leat_buf_printf(&added, "%s%s.%s", i ? ", " : "", tables[i]->schema, tables[i]->name);
    if (n)
        leat_log(LEAT_WARN, "postgres.publication_added",
                 "publication=\"%s\" tables=%zu added=\"" LEAT_STR_FMT "%s\" they are read from "
                 "now on; what was committed in them before is not sent",
                 name, n, LEAT_STR_ARG(leat_buf_str(&added)), n > NAMED ? ", ..." : "");
    leat_buf_free(&added);
}

static int by_oid(const void *x, const void *y)
{
    const member *a = x, *b = y;
    return (a->oid > b->oid) - (a->oid < b->oid);
}

/* What is to be put into a publication, and to be taken out. */
typedef struct difference {
    const leat_pg_relation **more, **less;
    size_t nmore, nless;
} difference;

static difference compare(leat_arena *a, const member *has, size_t nhas,
                          const leat_pg_relation *const *tables, size_t n)
{
    difference d = {.more = LEAT_NEW(a, const leat_pg_relation *, n),
                    .less = LEAT_NEW(a, const leat_pg_relation *, nhas)};
    bool *wanted = leat_arena_zalloc(a, nhas, sizeof *wanted, _Alignof(bool));
    for (size_t i = 0; i < n; i++) {
        const member key = {.oid = tables[i]->oid};
        const member *hit = nhas ? bsearch(&key, has, nhas, sizeof *has, by_oid) : NULL;
        if (hit)
            wanted[hit - has] = true;
        else
            d.more[d.nmore++] = tables[i];
    }
    for (size_t i = 0; i < nhas; i++)
        if (has[i].listed && !wanted[i]) d.less[d.nless++] = &has[i].named;
    return d;
}

static void put_alter(leat_buf *out, const char *name, const char *verb,
                      const leat_pg_relation *const *tables, size_t n)
{
    if (n == 0) return;
    leat_buf_str_z(out, "ALTER PUBLICATION ");
    leat_pg_quote_name(out, leat_str_of(name));
    leat_buf_printf(out, " %s TABLE ", verb);
    put_tables(out, tables, n);
    leat_buf_u8(out, ';');
}

/* Brings the tables of an existing publication to those captured now, both steps in one
 * transaction. Those that stay are not touched: SET TABLE would take away the column lists, row
 * filters and schemas that a person has given it. */
static leat_rc update(leat_pg *c, const char *name, const leat_pg_relation *const *tables, size_t n,
                      leat_err *e)
{
    leat_arena a;
    member *has;
    size_t nhas;
    leat_arena_init(&a, 0);
    leat_rc rc = read_members(c, name, &a, &has, &nhas, e);
    difference d = {0};
    if (rc == LEAT_OK && n) d = compare(&a, has, nhas, tables, n);
    if (d.nmore || d.nless) {
        leat_buf sql = {0};
        put_alter(&sql, name, "ADD", d.more, d.nmore);
        put_alter(&sql, name, "DROP", d.less, d.nless);
        rc = run(c, "bring the publication up to date", &sql, e);
        if (rc == LEAT_OK) {
            leat_log(LEAT_INFO, "postgres.publication_changed",
                     "publication=%s tables=%zu before=%zu", name, nhas + d.nmore - d.nless, nhas);
            warn_added(name, d.more, d.nmore);
        }
    }
    leat_arena_free(&a);
    return rc;
}

static leat_rc fail_missing(const char *name, const leat_pg_relation *const *tables, size_t n,
                            bool via_root, leat_err *e)
{
    leat_buf sql = {0};
    leat_pg_publication_put(&sql, name, LEAT_PG_FILTERED, tables, n < 3 ? n : 3, via_root);
    leat_rc rc =
        leat_fail(e, LEAT_CONF, "postgres.publication_missing", name,
                  "there is no publication \"%s\", and "
                  "publication.autocreate.mode=disabled says not to make it. As the "
                  "tables' owner run " LEAT_STR_FMT "%s; or set the mode to filtered or all_tables",
                  name, LEAT_STR_ARG(leat_buf_str(&sql)), n > 3 ? ", ..." : "");
    leat_buf_free(&sql);
    return rc;
}

static void warn_root(const leat_pg_publish *how, const char *name, const leat_pg_publication *p)
{
    if (how->via_root == p->via_root) return;
    leat_log(LEAT_WARN, "postgres.publication_root",
             "publication=\"%s\" publish_via_partition_root is %s there and "
             "publish.via.partition.root is %s here: the publication's stands",
             name, p->via_root ? "true" : "false", how->via_root ? "true" : "false");
}

leat_rc leat_pg_publications_settled(leat_pg *c, const leat_pg_publish *how, bool *settled,
                                     leat_err *e)
{
    leat_pg_publication p;
    *settled = false;
    if (how->mode == LEAT_PG_FILTERED || how->names->n != 1) return LEAT_OK;
    LEAT_TRY(leat_pg_publication_read(c, how->names->v[0], &p, e));
    *settled = p.exists && p.all_tables;
    if (*settled) warn_root(how, how->names->v[0], &p);
    return LEAT_OK;
}

leat_rc leat_pg_publications_ensure(leat_pg *c, const leat_pg_publish *how,
                                    const leat_pg_relation *const *tables, size_t n,
                                    const char **made, leat_err *e)
{
    bool all_tables = false, root = false;
    *made = NULL;
    for (size_t i = 0; i < how->names->n; i++) {
        leat_pg_publication p;
        const char *name = how->names->v[i];
        LEAT_TRY(leat_pg_publication_read(c, name, &p, e));
        if (!p.exists && how->mode == LEAT_PG_DISABLED)
            return fail_missing(name, tables, n, how->via_root, e);
        if (!p.exists) {
            LEAT_TRY(create(c, name, how->mode, tables, n, how->via_root, &p, e));
            if (!*made) *made = name;
        }
        warn_root(how, name, &p);
        all_tables |= p.all_tables;
        root |= p.via_root;
    }
    if (all_tables) return LEAT_OK;
    if (how->mode == LEAT_PG_FILTERED && how->names->n == 1)
        return update(c, how->names->v[0], tables, n, e);
    return warn_lacking(c, how->names, root, tables, n, e);
}

leat_rc leat_pg_publication_drop(leat_pg *c, const char *name, leat_err *e)
{
    static const char made[] =
        "SELECT pg_catalog.obj_description(oid, 'pg_publication') = '" MADE_BY "'"
        " FROM pg_catalog.pg_publication WHERE pubname = $1";
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "see who made the publication", made, 1, &name, &res, e));
    bool ours = PQntuples(res) == 1 && leat_pg_cell_bool(res, 0, 0);
    PQclear(res);
    if (!ours) return LEAT_OK;
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "DROP PUBLICATION ");
    leat_pg_quote_name(&sql, leat_str_of(name));
    LEAT_TRY(run(c, "drop the publication", &sql, e));
    leat_log(LEAT_INFO, "postgres.publication_dropped", "publication=%s", name);
    return LEAT_OK;
}
