/* What is done to the captured tables before anything is read of them: guardrail.collections.max is
 * looked after, and replica.identity.autoset.values carried out.
 *
 *   rules  = rule { "," rule }
 *   rule   = tables ":" identity         tables: a regular expression for schema.table
 *   identity = "DEFAULT" | "FULL" | "NOTHING" | "INDEX" name
 *
 * A table keeps its identity where that is the wanted one already, so a start that finds all in
 * order takes no lock. ALTER TABLE waits LOCK_MS for its lock at most: behind it all others would
 * wait too. Failing stops the start (Debezium logs it and goes on with other events than were asked
 * for). Run by the task's thread, once at open. */
#include "source/postgres/identity.h"

#include "base/log.h"
#include "system/postgres/quote.h"

enum { LOCK_MS = 5000 };

typedef struct rule {
    const leat_regex *tables;
    const char *text;  /* as it was written */
    char identity;     /* as relreplident has it */
    const char *index; /* 'i' */
} rule;

/* "FULL" -> 'f'; 0: none of them. index: "INDEX name" -> name. */
static char identity_of(leat_str text, leat_arena *a, const char **index)
{
    static const char *const names[] = {"DEFAULT", "FULL", "NOTHING"};
    *index = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (leat_str_ieq(text, leat_str_of(names[i]))) return (char)(names[i][0] | 0x20);
    if (text.len < 7 || !leat_str_ieq((leat_str){text.s, 6}, LEAT_STR("INDEX "))) return 0;
    leat_str name = leat_str_trim((leat_str){text.s + 6, text.len - 6});
    if (name.len == 0) return 0;
    *index = leat_arena_str(a, name).s;
    return 'i';
}

/* NULL: out is the rule; else what is wrong with it, in a. */
static const char *read_rule(const char *text, leat_arena *a, rule *out)
{
    leat_regex_problem p;
    const char *colon = strrchr(text, ':');
    *out = (rule){.text = text};
    if (colon) out->identity = identity_of(leat_str_trim(leat_str_of(colon + 1)), a, &out->index);
    if (!out->identity || colon == text)
        return leat_arena_printf(a,
                                 "must be rules like schema.table:FULL, separated by commas, with "
                                 "DEFAULT, FULL, NOTHING or INDEX and its name behind the colon, "
                                 "got \"%s\"",
                                 text);
    leat_str tables = leat_str_trim((leat_str){text, (size_t)(colon - text)});
    out->tables = leat_regex_new(a, tables, &p);
    if (out->tables) return NULL;
    return leat_arena_printf(a, "\"" LEAT_STR_FMT "\" is no regular expression: %s",
                             LEAT_STR_ARG(tables), p.msg);
}

void leat_pg_identities_check(const leat_opt_list *list, leat_report *r)
{
    rule ignored;
    for (size_t i = 0; i < list->n; i++) {
        const char *wrong = read_rule(list->v[i], r->a, &ignored);
        if (wrong) leat_report_add(r, false, "replica.identity.autoset.values", 0, "%s", wrong);
    }
}

/* The rule of a table, NULL if none fits it. */
static leat_rc rule_of(const rule *rules, size_t n, const char *table, const rule **out,
                       leat_err *e)
{
    *out = NULL;
    for (size_t i = 0; i < n; i++) {
        bool hit;
        LEAT_TRY(leat_regex_match(rules[i].tables, leat_str_of(table), &hit, e));
        if (!hit) continue;
        if (*out)
            return leat_fail(e, LEAT_CONF, "config.invalid", "replica.identity.autoset.values",
                             "\"%s\" and \"%s\" both fit the table %s; make them exclude each "
                             "other",
                             (*out)->text, rules[i].text, table);
        *out = &rules[i];
    }
    return LEAT_OK;
}

/* Its identity is that index already. */
static leat_rc has_index(leat_pg *c, const leat_pg_relation *t, const char *index, bool *has,
                         leat_err *e)
{
    char oid[16];
    const char *params[] = {oid, index};
    PGresult *res;
    snprintf(oid, sizeof oid, "%u", t->oid);
    LEAT_TRY(leat_pg_query(c, "read a table's replica identity",
                           "SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid ="
                           " i.indexrelid WHERE i.indrelid = $1::pg_catalog.oid"
                           " AND i.indisreplident AND x.relname = $2",
                           2, params, &res, e));
    *has = PQntuples(res) == 1;
    PQclear(res);
    return LEAT_OK;
}

static leat_rc alter(leat_pg *c, const leat_pg_relation *t, const rule *r, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "ALTER TABLE ONLY ");
    leat_pg_quote_table(&sql, t->schema, t->name);
    leat_buf_str_z(&sql, " REPLICA IDENTITY ");
    if (r->identity == 'i') {
        leat_buf_str_z(&sql, "USING INDEX ");
        leat_pg_quote_name(&sql, leat_str_of(r->index));
    } else {
        leat_buf_str_z(&sql, r->identity == 'f'   ? "FULL"
                             : r->identity == 'n' ? "NOTHING"
                                                  : "DEFAULT");
    }
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_pg_exec(c, "set a table's replica identity", sql.p, e);
    if (rc == LEAT_OK)
        leat_log(LEAT_INFO, "postgres.replica_identity", "table=\"%s.%s\" %s", t->schema, t->name,
                 sql.p);
    leat_buf_free(&sql);
    return rc;
}

static leat_rc set_one(leat_pg *c, const leat_pg_relation *t, const rule *rules, size_t n,
                       leat_arena *a, leat_err *e)
{
    const rule *r;
    bool same;
    LEAT_TRY(rule_of(rules, n, leat_arena_printf(a, "%s.%s", t->schema, t->name), &r, e));
    if (!r) return LEAT_OK;
    same = r->identity == t->replica_identity;
    if (same && r->identity == 'i') LEAT_TRY(has_index(c, t, r->index, &same, e));
    return same ? LEAT_OK : alter(c, t, r, e);
}

leat_rc leat_pg_identities_set(leat_pg *c, const leat_opt_list *list,
                               const leat_pg_relation *const *tables, size_t n, leat_arena *a,
                               leat_err *e)
{
    rule *rules = LEAT_NEW(a, rule, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const char *wrong = read_rule(list->v[i], a, &rules[i]);
        if (wrong)
            return leat_fail(e, LEAT_CONF, "config.invalid", "replica.identity.autoset.values",
                             "%s", wrong);
    }
    LEAT_TRY(leat_pg_exec(c, "bound the wait for locks",
                          leat_arena_printf(a, "SET lock_timeout = %d", LOCK_MS), e));
    leat_rc rc = LEAT_OK;
    for (size_t i = 0; rc == LEAT_OK && i < n; i++)
        rc = set_one(c, tables[i], rules, list->n, a, e);
    if (rc == LEAT_OK) rc = leat_pg_exec(c, "wait for locks again", "SET lock_timeout = 0", e);
    return rc;
}

leat_rc leat_pg_guardrail(const leat_capture_conf *c, size_t n, leat_err *e)
{
    if (c->guard_max == 0 || n <= (size_t)c->guard_max) return LEAT_OK;
    if (c->guard_action == 1)
        return leat_fail(e, LEAT_CONF, "capture.guardrail", "guardrail.collections.max",
                         "%zu tables would be captured, %lld are allowed; narrow "
                         "table.include.list, or raise guardrail.collections.max",
                         n, (long long)c->guard_max);
    leat_log(LEAT_WARN, "capture.guardrail",
             "tables=%zu allowed=%lld more tables are captured than guardrail.collections.max says",
             n, (long long)c->guard_max);
    return LEAT_OK;
}
