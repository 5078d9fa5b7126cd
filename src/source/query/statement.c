/* The statements of query capture, put together of what the dialect knows.
 *
 *   bulk                     SELECT columns FROM item AS q
 *   incrementing             ... WHERE n > last AND n <= settled ORDER BY n
 *   timestamp                ... WHERE m > last AND m < settled ORDER BY m
 *   timestamp+incrementing   ... WHERE m >= last AND (m > last OR n > number) AND m < settled
 *                            ORDER BY m, n
 *
 * item is a table, or the query in brackets, so that the query may have conditions and an order of
 * its own. query.suffix stands at the end; where a mode has an order it is used to learn where the
 * page ends, and then all rows up to there are read, those that share the last moment or number
 * too: what is left behind of them would be before the position. Run by the task's thread. */
#include <inttypes.h>

#include "source/query/query.h"

const char *leat_query_from(const leat_query_conf *c, const leat_dialect *d,
                            const leat_sql_table *t, leat_arena *a)
{
    leat_buf out = {0};
    const char *query = leat_query_conf_query(c, a);
    bool bulk = c->mode == LEAT_QUERY_BULK && c->suffix && *c->suffix;
    if (query) leat_buf_printf(&out, "(%s%s%s\n)", query, bulk ? "\n" : "", bulk ? c->suffix : "");
    if (!query && bulk) leat_buf_str_z(&out, "(SELECT * FROM ");
    const char *space = leat_sql_table_space(t);
    if (!query && space) {
        leat_dialect_quote(d, true, leat_str_of(space), &out);
        leat_buf_u8(&out, '.');
    }
    if (!query) leat_dialect_quote(d, true, leat_str_of(t->name), &out);
    if (!query && bulk) leat_buf_printf(&out, " %s\n)", c->suffix);
    const char *text = leat_arena_str(a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text;
}

static void put_number(const leat_query_shape *shape, const char *op, int64_t number, leat_buf *out)
{
    leat_buf_printf(out, "%s %s %" PRId64, shape->number_quoted, op, number);
}

static void put_moment(leat_query_source *s, const leat_query_shape *shape, const char *op,
                       int64_t us, bool bound, leat_buf *out)
{
    const leat_dialect *d = s->sql.dialect;
    d->put_stamp(&s->sql, &shape->stamp, out);
    leat_buf_printf(out, " %s ", op);
    (bound ? d->put_bound : d->put_moment)(&s->sql, &shape->stamp, us, out);
}

/* What is not read yet, and settled. */
static void put_conditions(leat_query_source *s, const leat_query_table *t, leat_buf *out)
{
    const leat_query_shape *shape = t->shape;
    const leat_query_offset *at = &t->at;
    if (!shape->stamp.n) {
        put_number(shape, "<=", t->settled.upto, out);
        if (at->has_number) leat_buf_str_z(out, " AND ");
        if (at->has_number) put_number(shape, ">", at->number, out);
        return;
    }
    put_moment(s, shape, "<", t->settled.upto, true, out);
    if (!at->has_moment) return;
    bool pairs = shape->number != SIZE_MAX && at->has_number;
    leat_buf_str_z(out, " AND ");
    put_moment(s, shape, pairs ? ">=" : ">", at->moment_us, false, out);
    if (!pairs) return;
    leat_buf_str_z(out, " AND (");
    put_moment(s, shape, ">", at->moment_us, false, out);
    leat_buf_str_z(out, " OR ");
    put_number(shape, ">", at->number, out);
    leat_buf_u8(out, ')');
}

void leat_query_put_behind(leat_query_source *s, const leat_query_table *t, leat_buf *out)
{
    const leat_query_shape *shape = t->shape;
    const leat_query_offset *at = &t->at;
    if (!shape->stamp.n) {
        put_number(shape, "<=", at->number, out);
        return;
    }
    bool pairs = shape->number != SIZE_MAX && at->has_number;
    put_moment(s, shape, "<=", at->moment_us, false, out);
    if (!pairs) return;
    leat_buf_str_z(out, " AND (");
    put_moment(s, shape, "<", at->moment_us, false, out);
    leat_buf_str_z(out, " OR ");
    put_number(shape, "<=", at->number, out);
    leat_buf_u8(out, ')');
}

static void put_order(leat_query_source *s, const leat_query_shape *shape, leat_buf *out)
{
    leat_buf_str_z(out, " ORDER BY ");
    if (shape->stamp.n) s->sql.dialect->put_stamp(&s->sql, &shape->stamp, out);
    if (shape->stamp.n && shape->number != SIZE_MAX) leat_buf_str_z(out, ", ");
    if (shape->number != SIZE_MAX) leat_buf_str_z(out, shape->number_quoted);
}

void leat_query_statement(leat_query_source *s, const leat_query_table *t, int64_t page,
                          leat_buf *out)
{
    const leat_query_shape *shape = t->shape;
    leat_buf_printf(out, "%s %s AS q", shape->select, t->from);
    if (s->conf->mode != LEAT_QUERY_BULK) {
        leat_buf_str_z(out, " WHERE ");
        put_conditions(s, t, out);
        if (page != INT64_MIN) leat_buf_str_z(out, " AND ");
        if (page != INT64_MIN && shape->stamp.n)
            put_moment(s, shape, "<=", page, false, out);
        else if (page != INT64_MIN)
            put_number(shape, "<=", page, out);
        put_order(s, shape, out);
    }
    leat_buf_u8(out, 0);
}

static void put_greatest(leat_query_source *s, const leat_query_shape *shape, leat_buf *out)
{
    if (shape->stamp.n)
        s->sql.dialect->put_latest(&s->sql, &shape->stamp, out);
    else
        leat_buf_printf(out, "max(%s)", shape->number_quoted);
}

static leat_rc ask_number(leat_query_source *s, const char *doing, leat_buf *sql, bool *any,
                          int64_t *out, leat_err *e)
{
    leat_arena a = {0};
    leat_str text = {0};
    leat_buf_u8(sql, 0);
    leat_rc rc = s->sql.dialect->ask(&s->sql, doing, sql->p, &a, &text, e);
    *any = rc == LEAT_OK && text.s != NULL;
    if (*any && !leat_str_i64(text, out))
        rc = leat_fail(e, LEAT_CONF, "query.number", doing,
                       LEAT_STR_FMT " is no whole number of 64 bits", LEAT_STR_ARG(text));
    leat_arena_free(&a);
    leat_buf_free(sql);
    return rc;
}

leat_rc leat_query_page(leat_query_source *s, const leat_query_table *t, bool *any, int64_t *last,
                        leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "SELECT ");
    put_greatest(s, t->shape, &sql);
    leat_buf_printf(&sql, " FROM (SELECT * FROM %s AS q WHERE ", t->from);
    put_conditions(s, t, &sql);
    put_order(s, t->shape, &sql);
    leat_buf_printf(&sql, " %s\n) AS q", s->conf->suffix);
    return ask_number(s, "learn where a page ends", &sql, any, last, e);
}

/* Of the rows of the last moment the highest number. */
static leat_rc last_number(leat_query_source *s, const leat_query_table *t, leat_query_offset *out,
                           leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_printf(&sql, "SELECT max(%s) FROM %s AS q WHERE ", t->shape->number_quoted, t->from);
    put_moment(s, t->shape, "=", out->moment_us, false, &sql);
    return ask_number(s, "read the end of a table", &sql, &out->has_number, &out->number, e);
}

leat_rc leat_query_latest(leat_query_source *s, const leat_query_table *t, bool *any,
                          leat_query_offset *out, leat_err *e)
{
    leat_buf sql = {0};
    int64_t now_us = 0, last = 0;
    const leat_query_shape *shape = t->shape;
    leat_buf_str_z(&sql, "SELECT ");
    put_greatest(s, shape, &sql);
    leat_buf_printf(&sql, " FROM %s AS q", t->from);
    if (shape->stamp.n) {
        leat_rc rc = s->sql.dialect->clock(&s->sql, &now_us, e);
        if (rc != LEAT_OK) {
            leat_buf_free(&sql);
            return rc;
        }
        leat_buf_str_z(&sql, " WHERE ");
        put_moment(s, shape, "<", now_us - s->conf->delay_ms * 1000, false, &sql);
    }
    LEAT_TRY(ask_number(s, "read the end of a table", &sql, any, &last, e));
    *out = (leat_query_offset){.has_moment = shape->stamp.n > 0, .has_number = !shape->stamp.n};
    if (shape->stamp.n)
        out->moment_us = last;
    else
        out->number = last;
    bool pairs = *any && shape->stamp.n > 0 && shape->number != SIZE_MAX;
    return pairs ? last_number(s, t, out, e) : LEAT_OK;
}
