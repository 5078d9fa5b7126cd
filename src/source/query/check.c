/* Trying a configuration of query capture, and listing what it could read: sessions of their own,
 * any thread. */
#include "source/query/query.h"

static void told(leat_checker *c, const char *name, const char *detail)
{
    leat_check_step(c, &(leat_step){.name = name, .state = LEAT_STEP_OK, .detail = detail});
}

static void failed(leat_checker *c, const char *name, const leat_err *e)
{
    leat_check_step(
        c,
        &(leat_step){.name = name, .state = LEAT_STEP_FAILED, .code = e->code, .detail = e->msg});
}

/* What a task would read, described: columns and rights are tried on each. */
static leat_rc check_table(leat_query_source *s, leat_query_table *t, leat_checker *c, leat_err *e)
{
    leat_err err;
    leat_arena a = {0};
    leat_buf sql = {0};
    leat_str cell;
    const char *name = leat_arena_printf(&a, "table %s", t->label);
    leat_rc rc = leat_query_tables_describe(s, t, &err);
    if (rc == LEAT_OK) {
        leat_buf_printf(&sql, "%s %s AS q LIMIT 1", t->shape->select, t->from);
        leat_buf_u8(&sql, 0);
        rc = s->sql.dialect->ask(&s->sql, "read a row of it", sql.p, &a, &cell, &err);
    }
    if (rc == LEAT_OK)
        told(c, name, leat_arena_printf(&a, "%zu columns, to topic %s", t->shape->n, t->topic));
    else
        failed(c, name, &err);
    leat_buf_free(&sql);
    leat_arena_free(&a);
    if (rc != LEAT_RETRY) return LEAT_OK;
    *e = err;
    return rc;
}

static leat_rc check_rights(leat_query_source *s, leat_checker *c, leat_err *e)
{
    leat_sql_doubts d = {0};
    if (s->conf->mode == LEAT_QUERY_BULK) return LEAT_OK;
    LEAT_TRY(s->sql.dialect->doubts(&s->sql, leat_query_by_moment(s->conf), &s->arena, &d, e));
    leat_step step = {.name = "late commits",
                      .state = !d.text   ? LEAT_STEP_OK
                               : d.stops ? LEAT_STEP_FAILED
                                         : LEAT_STEP_WARN,
                      .code = d.text ? "query.late_commits" : NULL,
                      .detail = d.text ? d.text : "can be told",
                      .sql = d.mend,
                      .undo = d.undo};
    if (s->conf->late != 0) {
        step.state = LEAT_STEP_WARN;
        step.code = "query.late_commits";
        step.detail = "rows that commit late are missed";
        step.advice = "Set late.commits=wait";
    }
    leat_check_step(c, &step);
    return LEAT_OK;
}

static leat_rc check_tables(leat_query_source *s, leat_checker *c, leat_err *e)
{
    leat_rc rc = leat_query_tables_find(s, e);
    if (rc == LEAT_CONF) {
        failed(c, "tables", e);
        return LEAT_OK;
    }
    if (rc != LEAT_OK) return rc;
    if (s->ntables == 0)
        leat_check_step(c, &(leat_step){.name = "tables",
                                        .state = LEAT_STEP_FAILED,
                                        .code = "query.no_tables",
                                        .detail = "no table is captured by this configuration",
                                        .advice = "See table.whitelist, schema.pattern and "
                                                  "table.types; names are as the database spells "
                                                  "them"});
    for (size_t i = 0; i < s->ntables; i++) LEAT_TRY(check_table(s, s->tables[i], c, e));
    return LEAT_OK;
}

/* A source that is never opened as a task: with what finding and describing tables needs. */
static leat_rc open_for(const void *conf, leat_task *task, leat_query_source *s, leat_err *e)
{
    *task = (leat_task){.conf = conf, .connector = "check", .of = 1};
    *s = (leat_query_source){.task = task, .conf = conf};
    s->told_none = true;
    s->origin = leat_origin_new();
    s->origin->schema = leat_schema_struct(&s->origin->arena, false, "leat.check", 1, 0);
    return leat_query_connect(conf, &s->sql, &s->target, "leat check", e);
}

static void close_for(leat_query_source *s)
{
    leat_query_tables_free(s);
    if (s->side) s->side->close(s->side);
    if (s->sql.priv) s->sql.dialect->close(&s->sql);
    leat_origin_unpin(s->origin);
    leat_arena_free(&s->arena);
}

leat_rc leat_query_check(const void *conf, leat_checker *c, leat_err *e)
{
    leat_task task;
    leat_query_source s;
    const char *text = NULL;
    leat_err err;
    leat_rc rc = open_for(conf, &task, &s, &err);
    if (rc != LEAT_OK) {
        failed(c, "connect", &err);
        close_for(&s);
        return LEAT_OK;
    }
    rc = s.sql.dialect->about(&s.sql, &s.arena, &text, e);
    if (rc == LEAT_OK) told(c, "connect", text);
    if (rc == LEAT_OK) rc = check_rights(&s, c, e);
    if (rc == LEAT_OK) rc = check_tables(&s, c, e);
    close_for(&s);
    return rc;
}

static leat_rc list(leat_query_source *s, leat_catalog *out, leat_err *e)
{
    leat_sql_table *found;
    size_t n;
    const leat_sql_wanted w = {s->conf->catalog, s->conf->schema, s->conf->types};
    LEAT_TRY(s->sql.dialect->tables(&s->sql, &w, out->a, &found, &n, e));
    for (size_t i = 0; i < n; i++) {
        bool in = false;
        unsigned task;
        if (!leat_query_has_query(s->conf))
            LEAT_TRY(leat_query_tables_wanted(s->conf, &found[i], 1, &in, &task, out->a, e));
        leat_catalog_table *t = LEAT_NEW(out->a, leat_catalog_table, 1);
        *t = (leat_catalog_table){.db = found[i].db,
                                  .schema = found[i].schema,
                                  .name = found[i].name,
                                  .kind = found[i].kind,
                                  .rows = -1,
                                  .captured = in};
        if (in) t->topic = leat_arena_printf(out->a, "%s%s", s->conf->prefix, found[i].name);
        *out->tail = t;
        out->tail = &t->next;
    }
    return LEAT_OK;
}

leat_rc leat_query_discover(const void *conf, leat_catalog *out, leat_err *e)
{
    leat_task task;
    leat_query_source s;
    leat_rc rc = open_for(conf, &task, &s, e);
    if (rc == LEAT_OK) rc = list(&s, out, e);
    close_for(&s);
    return rc;
}
