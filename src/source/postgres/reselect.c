/* toast.mode=reselect: what the server did not send, since it did not change, is asked for.
 *
 * One statement a change that lacks something, by the table's key, on the ordinary session. The
 * answer is of the present: it may be newer than the change, whose own later events then follow, as
 * with Debezium's ReselectColumnsPostProcessor. Where the row is gone, has no key, or does not fit
 * the table as it was any more, the value stays ABSENT and the placeholder is shown; that is told
 * once a table version. Run by the task's thread. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/pg.h"
#include "system/postgres/quote.h"

enum { ASK_US = 5000, ASK_MOST = 400 };

/* One question. */
typedef struct question {
    leat_buf sql;
    const char **keys; /* texts of the key's values, as the server sent them */
    uint16_t *cols;    /* columns of the wire that are asked for */
    uint16_t n;
} question;

static uint16_t wire_of(const leat_pg_rel *r, uint16_t field)
{
    for (uint16_t i = 0; i < r->nwire; i++)
        if (r->field[i] == field) return i;
    return LEAT_PG_NO_FIELD;
}

/* False: a value of the key is not known, or there is no key. */
static bool put_key(const leat_pg_rel *r, const leat_pgoutput_tuple *now, leat_arena *a,
                    question *q)
{
    const leat_table *t = r->table;
    q->keys = LEAT_NEW(a, const char *, t->nkey);
    leat_buf_str_z(&q->sql, " FROM ");
    leat_pg_quote_table(&q->sql, t->schema, t->name);
    for (uint16_t i = 0; i < t->nkey; i++) {
        uint16_t col = wire_of(r, t->key_cols[i]);
        if (col >= now->n || now->cells[col].kind != LEAT_PGOUTPUT_TEXT) return false;
        leat_buf_str_z(&q->sql, i ? " AND " : " WHERE ");
        leat_pg_quote_name(&q->sql, leat_str_of(r->cols[t->key_cols[i]].name));
        leat_buf_printf(&q->sql, " = $%u", i + 1);
        q->keys[i] = leat_arena_str(a, now->cells[col].data).s;
    }
    leat_buf_str_z(&q->sql, " LIMIT 1");
    leat_buf_u8(&q->sql, 0);
    return t->nkey > 0;
}

/* The columns that after lacks; false: none. */
static bool put_columns(const leat_pg_rel *r, const leat_value *after, leat_arena *a, question *q)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < r->table->row->nfields; i++) missing += after[i].kind == LEAT_ABSENT;
    if (missing == 0) return false;
    q->cols = LEAT_NEW(a, uint16_t, missing);
    leat_buf_str_z(&q->sql, "SELECT ");
    for (uint16_t i = 0; i < r->nwire; i++) {
        uint16_t f = r->field[i];
        if (f == LEAT_PG_NO_FIELD || after[f].kind != LEAT_ABSENT) continue;
        if (q->n) leat_buf_str_z(&q->sql, ", ");
        leat_pg_quote_name(&q->sql, leat_str_of(r->cols[f].name));
        q->cols[q->n++] = i;
    }
    return q->n > 0;
}

/* Once a version. why: a sentence's end. */
static void tell(leat_pg_rel *r, const char *why)
{
    if (r->told) return;
    r->told = true;
    leat_log(LEAT_WARN, "postgres.not_reselected",
             "table=\"%s.%s\" values that the server did not send are not there to be read again: "
             "%s; unavailable.value.placeholder stands for them",
             r->table->schema, r->table->name, why);
}

/* The table is not what it was when the change was made. */
static bool table_differs(const leat_err *e)
{
    return strcmp(e->code, "postgres.table_missing") == 0 ||
           strcmp(e->code, "postgres.column_missing") == 0;
}

static void take(leat_pg_rel *r, const question *q, const PGresult *res, leat_arena *a,
                 leat_value *after)
{
    for (uint16_t k = 0; k < q->n; k++) {
        leat_value v;
        leat_err e;
        leat_str text = leat_pg_cell(res, 0, k);
        if (text.s) text = leat_arena_str(a, text);
        if (leat_pg_rel_cell(r, q->cols[k], false, text, a, &v, &e) == LEAT_OK)
            after[r->field[q->cols[k]]] = v;
        else
            tell(r, "a column has another type now");
    }
}

/* The server sends a transaction as soon as its commit is written, and shows it to other sessions a
 * moment later: until it holds the lock of its id no more. */
static leat_rc unseen(leat_pg_source *s, bool *is, leat_err *e)
{
    static const char sql[] = "SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND"
                              " transactionid::text = $1 LIMIT 1";
    char xid[16];
    PGresult *res = NULL;
    snprintf(xid, sizeof xid, "%u", (unsigned)(uint32_t)s->tx.xid);
    const char *params[] = {xid};
    leat_rc rc =
        leat_pg_query(&s->sql, "see whether a transaction has ended", sql, 1, params, &res, e);
    *is = rc == LEAT_OK && PQntuples(res) > 0;
    PQclear(res);
    return rc;
}

/* The row as it is now; res has none: there is none. */
static leat_rc ask(leat_pg_source *s, const leat_pg_rel *r, const question *q, PGresult **res,
                   leat_err *e)
{
    bool again = true;
    for (unsigned i = 0; i < ASK_MOST; i++) {
        PQclear(*res);
        *res = NULL;
        LEAT_TRY(leat_pg_query(&s->sql, "read values again that were not sent", q->sql.p,
                               r->table->nkey, q->keys, res, e));
        if (PQntuples(*res) > 0 || !again) break;
        LEAT_TRY(unseen(s, &again, e));
        if (again) leat_sleep_us(ASK_US); /* else it may have been shown since */
    }
    return LEAT_OK;
}

leat_rc leat_pg_reselect(leat_pg_source *s, leat_pg_rel *r, const leat_pgoutput_tuple *now,
                         leat_arena *a, leat_value *after, leat_err *e)
{
    question q = {0};
    PGresult *res = NULL;
    leat_rc rc = LEAT_OK;
    if (!put_columns(r, after, a, &q)) goto out;
    if (!put_key(r, now, a, &q)) {
        tell(r, "the table has no key");
        goto out;
    }
    rc = leat_pg_source_sql(s, e);
    if (rc == LEAT_OK) rc = ask(s, r, &q, &res, e);
    if (rc != LEAT_OK && table_differs(e)) {
        tell(r, "the table was altered or dropped since");
        rc = LEAT_OK;
    } else if (rc == LEAT_OK && PQntuples(res) == 0) {
        tell(r, "a row was deleted since, or has another key");
    } else if (rc == LEAT_OK) {
        take(r, &q, res, a, after);
    }
    PQclear(res);
out:
    leat_buf_free(&q.sql);
    return rc;
}
