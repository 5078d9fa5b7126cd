/* A reader's session: opened with its first chunk, opened again when it was lost, closed with the
 * reader. What each chunk begins with is prepared in it. Run by the reader's thread. */
#include "source/postgres/reader_part.h"

/* Stands for all that the catalog says of table $1: asked with each chunk, in the place of five
 * questions. */
#define STAMP_SQL                                                                                  \
    "(SELECT pg_catalog.md5(pg_catalog.concat_ws(' ', c.xmin, c.relname, n.nspname,"               \
    " (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', a.attnum, a.xmin, t.xmin,"           \
    " b.xmin), ' ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a"                              \
    " LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"                                        \
    " LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype"                                     \
    " WHERE a.attrelid = c.oid AND a.attnum > 0),"                                                 \
    " (SELECT pg_catalog.string_agg(d.xmin::pg_catalog.text, ' ' ORDER BY d.adnum)"                \
    " FROM pg_catalog.pg_attrdef d WHERE d.adrelid = c.oid),"                                      \
    " (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', i.indexrelid, i.xmin), ' '"          \
    " ORDER BY i.indexrelid) FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid),"                \
    " (SELECT count(*) FROM pg_catalog.pg_enum))) FROM pg_catalog.pg_class c"                      \
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = o)"

bool leat_pg_reader_leaves(void *arg)
{
    const leat_chunk_reader *r = arg;
    return r->leaves && r->leaves(r);
}

/* The question that each chunk begins with, planned once a session: its planning takes longer than
 * its answer. */
static leat_rc prepare(leat_pg_reader *x, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_printf(&sql,
                    "PREPARE leat_view (pg_catalog.text) AS %s, o, " STAMP_SQL
                    " FROM (SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS o) AS leat_table",
                    leat_pg_view_sql);
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_pg_exec(&x->s.sql, "set the session up", sql.p, e);
    leat_buf_free(&sql);
    return rc;
}

/* Waits are bounded by us, not by settings of role or database. A part of a table is read by its
 * index, which the planner cannot know to be cheaper where statistics lack; and by one process. */
static leat_rc set_up(leat_pg_reader *x, leat_err *e)
{
    leat_pg *c = &x->s.sql;
    LEAT_TRY(leat_pg_exec(c, "set the session up", "SET max_parallel_workers_per_gather = 0", e));
    if (c->version >= 110000) LEAT_TRY(leat_pg_exec(c, "set the session up", "SET jit = off", e));
    if (c->version >= 170000)
        LEAT_TRY(leat_pg_exec(c, "set the session up", "SET transaction_timeout = 0", e));
    LEAT_TRY(leat_pg_standby_is(c, &x->standby, e));
    return prepare(x, e);
}

leat_rc leat_pg_reader_session(leat_pg_reader *x, leat_err *e)
{
    leat_pg *c = &x->s.sql;
    if (c->pg && PQstatus(c->pg) == CONNECTION_OK) return LEAT_OK;
    leat_pg_close(c);
    LEAT_TRY(leat_pg_connect(c, &x->s.conf->target, false, x->s.app, e));
    leat_rc rc = set_up(x, e);
    if (rc != LEAT_OK) leat_pg_close(c);
    return rc;
}

void leat_pg_reader_close(leat_chunk_reader *r)
{
    leat_pg_reader *x = r->priv;
    if (!x) return;
    r->priv = NULL;
    leat_pg_abandon(&x->s.sql);
    leat_pg_rels_free(&x->s);
    leat_origin_unpin(x->origin);
    leat_origin_unpin(x->row_origin);
    leat_pg_types_free(x->s.types);
    leat_topic_names_free(&x->s.topics);
    for (leat_pg_known *k = x->tables, *next; k; k = next) {
        next = k->next;
        leat_pg_rel_free(k->rel);
        leat_arena_free(&k->a);
        leat_free(k);
    }
    leat_arena_free(&x->s.arena);
    leat_free(x);
}

leat_rc leat_pg_reader_open(leat_chunk_reader *r, leat_err *e)
{
    const leat_pg_source *of = r->task->priv;
    leat_pg_reader *x = leat_zalloc(1, sizeof *x);
    leat_pg_source *s = &x->s;
    r->priv = x;
    x->r = r;
    s->task = r->task;
    s->conf = of->conf;
    s->modes = of->modes;
    s->origin = x->origin = leat_origin_pin(of->origin);
    x->row_origin = leat_origin_pin(of->row_origin);
    s->types = leat_pg_types_new();
    s->app = leat_arena_printf(&s->arena, "%s reader %u", of->app, r->id);
    s->row_binary = true;
    s->sql.leaves = leat_pg_reader_leaves;
    s->sql.arg = r;
    leat_rc rc = leat_pg_rules_new(s->conf, &s->arena, &s->rules, e);
    if (rc == LEAT_OK) rc = leat_pg_reader_session(x, e);
    if (rc == LEAT_OK) rc = leat_pg_types_read(&s->sql, s->types, e);
    if (rc == LEAT_OK) rc = leat_pg_row_xid(s, e);
    if (rc != LEAT_OK) leat_pg_reader_close(r);
    return rc;
}
