/* Up to where rows of a query are settled: PostgreSQL's half of the answer to rows that commit late
 * (capture/dialect.h, docs/decisions/250-rows-that-commit-late.md).
 *
 * A row's number or moment is taken when it is written and seen when it is committed; in between
 * rows with higher ones may be read. So what open transactions may still commit is kept out of what
 * is read. Who may write shows in pg_locks, to everybody: the lock on the table (or on the sequence
 * behind the column) is taken before the number is, and let go after the row can be seen.
 *
 *   numbers   what was the highest when a writer was first seen, less what came since the look
 *             before, is settled as far as that writer is concerned: its numbers are higher
 *   moments   now() is when the transaction began, which it may have done long before it wrote: so
 *             every open transaction of this database counts. Those that have written nothing are
 *             not waited for beyond late_ms, or a forgotten session held everything for ever.
 *
 * Order matters: first the highest number (the clock), then who writes, then, by the caller, the
 * rows under a view of their own. Two-phase commit renames a writer: a prepared one that is new is
 * taken for the oldest that was known. A standby does not show who writes on its primary. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "system/postgres/dialect.h"

enum {
    VXID_MOST = 32,
    /* Between a statement's arrival, which is when its transaction began, and its lock there is a
     * moment in which nothing can be seen of it. */
    SLACK_US = 250000,
};

/* A transaction that may still commit rows. */
typedef struct writer {
    char vxid[VXID_MOST]; /* "4/1234"; of a prepared one "-1/567" */
    bool known;           /* bound counts; else nothing is settled as long as it lasts */
    int64_t bound;        /* rows up to this number, or before this moment, are not its own */
    int64_t seen_us;      /* the server's clock when it was first seen */
    bool here;            /* it is in the list that is read now */
} writer;

typedef struct late {
    writer *v;
    size_t n, cap;
    bool looked;   /* at least once */
    bool has_prev; /* prev counts: */
    int64_t prev;  /* what was the highest number, or the clock, at the look before */
} late;

static late *late_of(leat_sql_settled *w)
{
    if (!w->priv) w->priv = leat_zalloc(1, sizeof(late));
    return w->priv;
}

void leat_pg_dialect_forget(leat_sql_settled *w)
{
    late *l = w->priv;
    if (!l) return;
    leat_free(l->v);
    leat_free(l);
    w->priv = NULL;
}

/* ---- who may write ---- */

#define WRITES                                                                                     \
    "l.locktype = 'relation' AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock',"          \
    " 'ExclusiveLock', 'AccessExclusiveLock') AND l.database ="                                    \
    " (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"

/* A table, what is below it, and the sequences that number their rows. */
#define RELATIONS                                                                                  \
    "WITH RECURSIVE t(oid) AS (SELECT %" PRIu64 "::pg_catalog.oid UNION"                           \
    " SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN t ON i.inhparent = t.oid) "             \
    "SELECT oid FROM t UNION SELECT d.objid FROM pg_catalog.pg_depend d JOIN t"                    \
    " ON d.refobjid = t.oid JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'"     \
    " WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"                             \
    " AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "                                 \
    "UNION SELECT d.refobjid FROM pg_catalog.pg_attrdef f JOIN t ON f.adrelid = t.oid"             \
    " JOIN pg_catalog.pg_depend d ON d.objid = f.oid"                                              \
    " AND d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass"                                \
    " AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"

/* vxid, pid, whether it has written, when it began (us; NULL: not to be seen). Of a view or a query
 * it is not known what it reads: any table counts. */
static void put_writers(const leat_sql_settled *w, leat_buf *sql)
{
    leat_buf_str_z(sql, "SELECT l.virtualtransaction, pg_catalog.min(l.pid), pg_catalog.bool_or("
                        "l.locktype = 'relation'), (extract(epoch FROM"
                        " pg_catalog.min(a.xact_start)) * 1000000)::pg_catalog.int8"
                        " FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a"
                        " ON a.pid = l.pid WHERE l.granted"
                        " AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() AND ((" WRITES);
    bool table = w->table && w->table->id > 0 && strstr(w->table->kind, "VIEW") == NULL;
    if (table)
        leat_buf_printf(sql, " AND l.relation IN (" RELATIONS ")", w->table->id);
    else
        leat_buf_str_z(sql, " AND l.relation >= 16384");
    leat_buf_u8(sql, ')');
    if (w->stamp)
        leat_buf_str_z(sql, " OR (l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock'"
                            " AND a.datname = pg_catalog.current_database())");
    leat_buf_str_z(sql, ") GROUP BY 1");
    leat_buf_u8(sql, 0);
}

static writer *find(late *l, leat_str vxid)
{
    for (size_t i = 0; i < l->n; i++)
        if (leat_str_is(vxid, l->v[i].vxid)) return &l->v[i];
    return NULL;
}

/* One that was not there at the look before. began: INT64_MIN if that cannot be seen. */
static writer *add(late *l, const leat_sql_settled *w, leat_str vxid, int64_t began, size_t nbefore,
                   int64_t clock_us)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->v = leat_realloc(l->v, l->cap * sizeof *l->v);
    }
    writer *v = &l->v[l->n++];
    *v = (writer){.known = l->has_prev, .bound = l->prev, .seen_us = clock_us};
    snprintf(v->vxid, sizeof v->vxid, LEAT_STR_FMT, LEAT_STR_ARG(vxid));
    if (!l->looked) {
        v->known = w->has_last;
        v->bound = w->stamp && w->last < INT64_MAX ? w->last + 1 : w->last;
    }
    if (w->stamp && began != INT64_MIN) {
        v->known = true;
        v->bound = v->seen_us = began;
    }
    /* It was another one's until it was prepared. */
    if (*v->vxid == '-')
        for (size_t i = 0; i < nbefore; i++) {
            v->known = v->known && l->v[i].known;
            if (l->v[i].bound < v->bound) v->bound = l->v[i].bound;
        }
    return v;
}

/* Of those that are there: what is settled, and who holds it. */
static void weigh(const leat_sql_settled *w, const writer *v, int pid, int64_t clock_us, bool *any,
                  int64_t *upto, char *holder, size_t size)
{
    if (v->known && *any && v->bound >= *upto) return;
    if (!*any) return;
    *any = v->known;
    *upto = v->bound;
    int64_t s = (clock_us - v->seen_us) / 1000000;
    if (pid > 0)
        snprintf(holder, size, "a transaction of pid %d, seen for %lld s%s", pid, (long long)s,
                 w->stamp ? "" : ", that has written to the table");
    else
        snprintf(holder, size, "a prepared transaction, seen for %lld s: pg_prepared_xacts",
                 (long long)s);
}

static leat_rc read_writers(leat_pg *c, leat_sql_settled *w, int64_t clock_us, bool *any,
                            int64_t *upto, const leat_sql_target *target, leat_err *e)
{
    late *l = late_of(w);
    leat_buf sql = {0};
    PGresult *res;
    put_writers(w, &sql);
    leat_rc rc = leat_pg_query(c, "see who writes", sql.p, 0, NULL, &res, e);
    leat_buf_free(&sql);
    if (rc != LEAT_OK) return rc;
    size_t nbefore = l->n;
    for (size_t i = 0; i < l->n; i++) l->v[i].here = false;
    for (int i = 0; i < PQntuples(res); i++) {
        leat_str vxid = leat_pg_cell(res, i, 0);
        writer *v = find(l, vxid);
        if (!v) v = add(l, w, vxid, leat_pg_cell_i64(res, i, 3, INT64_MIN), nbefore, clock_us);
        v->here = true;
        bool writes = leat_pg_cell_bool(res, i, 2);
        if (!writes && clock_us - v->seen_us > target->late_ms * 1000) continue;
        weigh(w, v, (int)leat_pg_cell_i64(res, i, 1, 0), clock_us, any, upto, w->holder,
              sizeof w->holder);
    }
    PQclear(res);
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].here) l->v[kept++] = l->v[i];
    l->n = kept;
    return LEAT_OK;
}

/* ---- the look ---- */

static leat_rc number_now(leat_pg *c, const leat_sql_settled *w, bool *any, int64_t *highest,
                          leat_err *e)
{
    leat_buf sql = {0};
    PGresult *res;
    leat_buf_printf(&sql, "SELECT pg_catalog.max(%s) FROM %s AS q", w->number, w->from);
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_pg_query(c, "read the highest number", sql.p, 0, NULL, &res, e);
    leat_buf_free(&sql);
    if (rc != LEAT_OK) return rc;
    leat_str text = leat_pg_cell(res, 0, 0);
    *any = text.s != NULL;
    if (*any && !leat_str_i64(text, highest))
        rc = leat_fail(e, LEAT_CONF, "query.number", w->number_name,
                       "the incrementing column holds " LEAT_STR_FMT
                       ", which is no whole number of 64 bits; name another one in "
                       "incrementing.column.name, or use mode=bulk",
                       LEAT_STR_ARG(text));
    PQclear(res);
    return rc;
}

static leat_rc standing_by(leat_pg *c, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(leat_pg_query(c, "see whether this is a standby",
                           "SELECT pg_catalog.pg_is_in_recovery()", 0, NULL, &res, e));
    bool yes = leat_pg_cell_bool(res, 0, 0);
    PQclear(res);
    if (!yes) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "query.standby", "late.commits",
                     "the server is a standby, which does not show who writes on its primary, so "
                     "that rows that commit late would be missed: read from the primary, or set "
                     "late.commits=ignore and, for moments, timestamp.delay.interval.ms above the "
                     "longest transaction and the standby's delay");
}

leat_rc leat_pg_dialect_look(leat_sql *s, leat_sql_settled *w, leat_err *e)
{
    leat_pg *c = &((leat_pg_query_session *)s->priv)->c;
    late *l = late_of(w);
    int64_t clock_us = 0, highest = 0;
    bool any = true;
    w->any = w->held = false;
    *w->holder = 0;
    if (!l->looked && !s->target->ignore_late) LEAT_TRY(standing_by(c, e));
    LEAT_TRY(s->dialect->clock(s, &clock_us, e));
    if (w->stamp)
        highest = clock_us - w->delay_us - (s->target->ignore_late ? 0 : SLACK_US);
    else
        LEAT_TRY(number_now(c, w, &any, &highest, e));
    bool idle = !w->stamp && (!any || (w->has_last && highest <= w->last));
    int64_t upto = highest;
    if (!idle && !s->target->ignore_late) {
        LEAT_TRY(read_writers(c, w, clock_us, &any, &upto, s->target, e));
        l->looked = true;
    }
    /* Rows with no number yet are those of later writers, all the same. */
    l->has_prev = l->looked || idle;
    l->prev = any || !idle ? highest : INT64_MIN;
    if (idle) {
        l->looked = true;
        if (w->has_last && l->prev < w->last) l->prev = w->last;
        return LEAT_OK;
    }
    if (w->stamp) {
        int64_t grain = leat_dialect_grain(w->stamp);
        if (grain > 1) upto -= (grain + 1) / 2;
    }
    w->held = !any || upto < highest;
    w->any = any && (!w->has_last || upto > w->last);
    w->upto = upto;
    return LEAT_OK;
}
