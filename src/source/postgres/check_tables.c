/* The doctor's steps about tables and publication.
 *
 * Which tables are captured, whether they can be read, what the log will hold of their old rows,
 * and whether the publication sends them, or can be made by this user. Findings of one kind are one
 * step with the statements for all tables concerned. Run by any thread. */
#include "capture/snapshots.h"
#include "source/postgres/check.h"
#include "source/postgres/partition.h"
#include "source/postgres/publication.h"
#include "system/postgres/quote.h"

enum { NAMED = 10 }; /* tables named in one step */

static void tell_ok(leat_pg_exam *x, const char *name, const char *detail)
{
    leat_pg_tell(x, name, LEAT_STEP_OK, NULL, detail, NULL);
}

/* ---- tables ---- */

bool leat_pg_check_captured(leat_pg_exam *x)
{
    leat_err e;
    leat_rc rc = leat_pg_rules_new(x->conf, x->a, &x->rules, &e);
    if (rc == LEAT_OK) rc = leat_pg_rules_tables(&x->rules, &x->sql, x->a, &x->tables, &e);
    if (rc != LEAT_OK) {
        leat_pg_tell_err(x, "tables", &e);
        return false;
    }
    const char *detail =
        leat_arena_printf(x->a, "%zu of %zu are captured", x->tables.ncaptured, x->tables.nall);
    if (x->tables.ncaptured) {
        tell_ok(x, "tables", detail);
        return true;
    }
    leat_pg_tell(x, "tables", LEAT_STEP_WARN, "postgres.no_tables", detail,
                 "check schema.include.list, table.include.list and their exclude lists: regular "
                 "expressions for whole names, \"schema.table\"");
    return false;
}

void leat_pg_find(leat_pg_findings *f, const leat_pg_relation *t)
{
    if (f->n < NAMED) leat_buf_printf(&f->names, "%s%s.%s", f->n ? ", " : "", t->schema, t->name);
    f->n++;
}

void leat_pg_tell_findings(leat_pg_exam *x, const char *name, leat_step_state state,
                           const char *code, const char *what, const char *advice,
                           leat_pg_findings *f)
{
    if (f->n > NAMED) leat_buf_printf(&f->names, " and %zu more", f->n - NAMED);
    if (f->sql.len && f->sql.p[f->sql.len - 1] == '\n') f->sql.len--;
    if (f->undo.len && f->undo.p[f->undo.len - 1] == '\n') f->undo.len--;
    const char *names = leat_pg_taken(x, &f->names);
    leat_check_step(x->c, &(leat_step){.name = name,
                                       .state = state,
                                       .code = code,
                                       .detail = leat_arena_printf(x->a, "%s: %s", what, names),
                                       .advice = advice,
                                       .sql = f->sql.len ? leat_pg_taken(x, &f->sql) : NULL,
                                       .undo = f->undo.len ? leat_pg_taken(x, &f->undo) : NULL});
}

void leat_pg_put_right(leat_pg_exam *x, leat_buf *out, bool give, const char *what,
                       const leat_pg_relation *t, bool schema)
{
    const char *user = leat_pg_quoted(x, x->conf->target.user);
    const char *verb = give ? "GRANT" : "REVOKE", *to = give ? "TO" : "FROM";
    if (schema) {
        leat_buf_printf(out, "%s USAGE ON SCHEMA ", verb);
        leat_pg_quote_name(out, leat_str_of(t->schema));
        leat_buf_printf(out, " %s %s;\n", to, user);
    }
    if (!*what) return;
    leat_buf_printf(out, "%s %s ON ", verb, what);
    leat_pg_quote_table(out, t->schema, t->name);
    leat_buf_printf(out, " %s %s;\n", to, user);
}

void leat_pg_check_select(leat_pg_exam *x)
{
    leat_pg_findings f = {0};
    const char *said = ""; /* the schema granted last: tables come by schema */
    for (size_t i = 0; i < x->tables.ncaptured; i++) {
        const leat_pg_relation *t = x->tables.captured[i];
        bool schema = !t->can_use && strcmp(said, t->schema) != 0;
        const char *what = t->can_select ? "" : "SELECT"; /* only the schema is lacking */
        if (t->can_select && t->can_use) continue;
        leat_pg_find(&f, t);
        leat_pg_put_right(x, &f.sql, true, what, t, schema);
        leat_pg_put_right(x, &f.undo, false, what, t, schema);
        if (schema) said = t->schema;
    }
    if (f.n == 0) {
        tell_ok(x, "select", "every captured table can be read");
        return;
    }
    leat_pg_tell_findings(x, "select", LEAT_STEP_FAILED, "postgres.privilege",
                          "the user may not read", "run the statements as the tables' owner", &f);
}

/* Tables of which this user may not see all rows: no error says so. */
static void row_security(leat_pg_exam *x)
{
    leat_pg_findings f = {0};
    const char *user = leat_pg_quoted(x, x->conf->target.user);
    for (size_t i = 0; i < x->tables.ncaptured; i++)
        if (x->tables.captured[i]->hides) leat_pg_find(&f, x->tables.captured[i]);
    if (f.n == 0) return;
    leat_buf_printf(&f.sql, "ALTER ROLE %s BYPASSRLS;\n", user);
    leat_buf_printf(&f.undo, "ALTER ROLE %s NOBYPASSRLS;\n", user);
    leat_pg_tell_findings(
        x, "row security", LEAT_STEP_WARN, "postgres.row_security",
        "row-level security may hide rows from the user",
        "a snapshot does not read what is hidden, and the stream has its changes all the same: run "
        "the statement as a superuser",
        &f);
}

static void put_identity(leat_buf *out, const leat_pg_relation *t, const char *identity)
{
    leat_buf_str_z(out, "ALTER TABLE ");
    leat_pg_quote_table(out, t->schema, t->name);
    leat_buf_printf(out, " REPLICA IDENTITY %s;\n", identity);
}

void leat_pg_put_logged(leat_buf *out, const leat_pg_relation *t, bool logged)
{
    leat_buf_str_z(out, "ALTER TABLE ");
    leat_pg_quote_table(out, t->schema, t->name);
    leat_buf_printf(out, " SET %s;\n", logged ? "LOGGED" : "UNLOGGED");
}

/* Tables without a replica identity: their updates and deletes fail once they are published. */
static void identities(leat_pg_exam *x)
{
    leat_pg_findings none = {0}, full = {0}, strange = {0};
    for (size_t i = 0; i < x->tables.ncaptured; i++) {
        const leat_pg_relation *t = x->tables.captured[i];
        bool nothing = t->replica_identity == 'n';
        if (nothing || (t->replica_identity == 'd' && !t->has_key)) {
            leat_pg_find(&none, t);
            put_identity(&none.sql, t, t->has_key ? "DEFAULT" : "FULL");
            put_identity(&none.undo, t, nothing ? "NOTHING" : "DEFAULT");
        }
        if (t->replica_identity == 'f') leat_pg_find(&full, t);
        if (!t->strange) continue;
        leat_pg_find(&strange, t);
        put_identity(&strange.sql, t, t->has_key ? "DEFAULT" : "FULL");
    }
    if (none.n)
        leat_pg_tell_findings(
            x, "replica identity", LEAT_STEP_WARN, "postgres.replica_identity",
            "no primary key, or REPLICA IDENTITY NOTHING",
            "the server refuses updates and deletes of such a table as long as a "
            "publication sends them: give it a primary key, or run the statement (FULL "
            "writes whole old rows to the log)",
            &none);
    if (strange.n)
        leat_pg_tell_findings(
            x, "replica identity index", LEAT_STEP_WARN, "postgres.replica_identity",
            "the replica identity is an index that is not the key (or was dropped)",
            "deletes, and updates of the index's columns, do not tell the key: events "
            "show zeros in its place, as Debezium's do, and a sink that reads them from Kafka, or "
            "behind transforms of the source, deletes the row with the key 0. Run the statement",
            &strange);
    if (full.n)
        leat_pg_tell_findings(x, "replica identity full", LEAT_STEP_OK, NULL,
                              "whole old rows are in the log (complete events, more log)", NULL,
                              &full);
    if (!none.n && !full.n && !strange.n)
        tell_ok(x, "replica identity", "every captured table has its primary key");
}

/* ---- partitions ---- */

/* Rows of a foreign table never come to this server's log. */
static void foreign_partitions(leat_pg_exam *x)
{
    PGresult *res =
        leat_pg_ask(x, "foreign partitions",
                    "SELECT pg_catalog.string_agg(c.oid::pg_catalog.regclass::pg_catalog.text, ', '"
                    " ORDER BY c.oid) FROM pg_catalog.pg_class c"
                    " WHERE c.relkind = 'f' AND c.relispartition",
                    0, NULL);
    if (!res) return;
    if (leat_pg_cell(res, 0, 0).len)
        leat_pg_tell(x, "foreign partitions", LEAT_STEP_WARN, "postgres.partition_foreign",
                     leat_arena_strdup(x->a, PQgetvalue(res, 0, 0)),
                     "their rows are kept by another server: a snapshot of the partitioned table "
                     "reads them, but their changes are not in this server's log");
    PQclear(res);
}

static void partitions(leat_pg_exam *x)
{
    leat_pg_missed missed;
    leat_pg_findings f = {0};
    leat_err e;
    if (leat_pg_partitions_missed(&x->sql, x->conf, &x->tables, x->a, &missed, &e) != LEAT_OK) {
        leat_pg_tell_err(x, "partitions", &e);
        return;
    }
    for (size_t i = 0; i < missed.n; i++) leat_pg_find(&f, missed.tables[i]);
    if (missed.n)
        leat_pg_tell_findings(x, "partitions", LEAT_STEP_WARN, "postgres.partition", missed.why,
                              missed.advice, &f);
    foreign_partitions(x);
}

/* ---- the publication ---- */

/* Why this user cannot make the publication as configured; NULL: it can. */
static const char *cannot_make(leat_pg_exam *x)
{
    if (x->standby) return "the server is a standby: it has to be made on the primary";
    PGresult *res = leat_pg_ask(x, "publication",
                                "SELECT rolsuper, pg_catalog.has_database_privilege("
                                "pg_catalog.current_database(), 'CREATE')"
                                " FROM pg_catalog.pg_roles WHERE rolname = current_user",
                                0, NULL);
    if (!res) return NULL;
    bool super = PQntuples(res) == 1 && leat_pg_cell_bool(res, 0, 0);
    bool create = PQntuples(res) == 1 && leat_pg_cell_bool(res, 0, 1);
    PQclear(res);
    if (super) return NULL;
    if (x->conf->autocreate == LEAT_PG_ALL_TABLES)
        return "only a superuser may make a publication for all tables";
    if (!create) return "the user may not create in this database";
    for (size_t i = 0; x->conf->autocreate == LEAT_PG_FILTERED && i < x->tables.ncaptured; i++)
        if (!x->tables.captured[i]->owned)
            return leat_arena_printf(x->a, "the user does not own %s.%s (its owner is %s)",
                                     x->tables.captured[i]->schema, x->tables.captured[i]->name,
                                     x->tables.captured[i]->owner);
    return NULL;
}

static void publication_missing(leat_pg_exam *x, const char *name)
{
    const leat_pg_conf *conf = x->conf;
    bool disabled = conf->autocreate == LEAT_PG_DISABLED;
    const char *why = disabled ? "publication.autocreate.mode is disabled" : cannot_make(x);
    leat_buf sql = {0};
    if (!why) {
        tell_ok(x, "publication",
                leat_arena_printf(x->a, "%s is not there yet; it will be made", name));
        return;
    }
    leat_pg_publication_put(&sql, name, LEAT_PG_FILTERED, x->tables.captured, x->tables.ncaptured,
                            conf->via_root);
    leat_buf_str_z(&sql, ";");
    leat_check_step(
        x->c,
        &(leat_step){.name = "publication",
                     .state = LEAT_STEP_FAILED,
                     .code = "postgres.publication_missing",
                     .detail = leat_arena_printf(x->a, "%s does not exist, and %s", name, why),
                     .advice = "run the statement as the tables' owner or a superuser, or "
                               "choose another publication.autocreate.mode",
                     .sql = leat_pg_taken(x, &sql),
                     .undo =
                         leat_arena_printf(x->a, "DROP PUBLICATION %s;", leat_pg_quoted(x, name))});
}

/* Captured tables that the server will not send. */
static void publication_tables(leat_pg_exam *x, bool via_root)
{
    leat_pg_findings f = {0};
    const leat_opt_list *names = &x->conf->publications;
    const char *name = leat_pg_publications_text(names, x->a),
               *pub = leat_pg_quoted(x, names->v[0]);
    const leat_pg_relation **lacking;
    size_t n;
    leat_err e;
    if (leat_pg_publications_lack(&x->sql, names, via_root, x->tables.captured, x->tables.ncaptured,
                                  x->a, &lacking, &n, &e) != LEAT_OK) {
        leat_pg_tell_err(x, "publication", &e);
        return;
    }
    if (n == 0 || (x->conf->autocreate == LEAT_PG_FILTERED && names->n == 1)) {
        tell_ok(x, "publication",
                leat_arena_printf(x->a, "%s %s", name,
                                  n ? "will be brought up to date" : "has every captured table"));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        leat_pg_find(&f, lacking[i]);
        leat_buf_printf(&f.sql, "ALTER PUBLICATION %s ADD TABLE ", pub);
        leat_pg_quote_table(&f.sql, lacking[i]->schema, lacking[i]->name);
        leat_buf_str_z(&f.sql, ";\n");
        leat_buf_printf(&f.undo, "ALTER PUBLICATION %s DROP TABLE ", pub);
        leat_pg_quote_table(&f.undo, lacking[i]->schema, lacking[i]->name);
        leat_buf_str_z(&f.undo, ";\n");
    }
    leat_pg_tell_findings(
        x, "publication", LEAT_STEP_FAILED, "postgres.publication_table",
        leat_arena_printf(x->a, "%s lacks captured tables", name),
        "their changes are not sent: run the statements as the publication's owner, or "
        "set publication.autocreate.mode=filtered",
        &f);
}

/* "insert, update" */
static const char *operations_of(leat_pg_exam *x, const leat_pg_publication *p)
{
    const struct {
        bool sent;
        const char *word;
    } all[] = {{p->inserts, "insert"},
               {p->updates, "update"},
               {p->deletes, "delete"},
               {p->truncates, "truncate"}};
    const char *out = "";
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].sent)
            out = leat_arena_printf(x->a, "%s%s%s", out, *out ? ", " : "", all[i].word);
    return out;
}

static void publication_operations(leat_pg_exam *x, const char *name, const leat_pg_publication *p)
{
    if (p->inserts && p->updates && p->deletes) return;
    leat_check_step(
        x->c,
        &(leat_step){
            .name = "publication operations",
            .state = LEAT_STEP_WARN,
            .code = "postgres.publication_partial",
            .detail = leat_arena_printf(x->a, "%s does not send inserts, updates and deletes alike",
                                        name),
            .advice = "run the statement if all changes are wanted",
            .sql = leat_arena_printf(
                x->a, "ALTER PUBLICATION %s SET (publish = 'insert, update, delete, truncate');",
                leat_pg_quoted(x, name)),
            .undo = leat_arena_printf(x->a, "ALTER PUBLICATION %s SET (publish = '%s');",
                                      leat_pg_quoted(x, name), operations_of(x, p))});
}

/* What gives a snapshot the rows of the publication alone. */
static const char *override_of(leat_pg_exam *x, const leat_pg_partial *p)
{
    leat_buf text = {0};
    leat_buf_printf(&text, "snapshot.select.statement.overrides.%s.%s=SELECT * FROM ", p->schema,
                    p->name);
    leat_pg_quote_table(&text, p->schema, p->name);
    leat_buf_printf(&text, " WHERE %s", p->condition);
    return leat_pg_taken(x, &text);
}

/* Tables of which the stream has only some rows, and a snapshot all. */
static void publication_rows(leat_pg_exam *x)
{
    const leat_pg_partial *v;
    leat_pg_findings f = {0};
    size_t n;
    leat_err e;
    const char *first = NULL;
    if (leat_pg_publications_partial(&x->sql, &x->conf->publications, x->a, &v, &n, &e) !=
        LEAT_OK) {
        leat_pg_tell_err(x, "publication rows", &e);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bool in = false;
        for (size_t k = 0; k < x->tables.ncaptured && !in; k++)
            in = strcmp(x->tables.captured[k]->schema, v[i].schema) == 0 &&
                 strcmp(x->tables.captured[k]->name, v[i].name) == 0;
        if (!in || leat_snapshot_override(&x->conf->capture, v[i].schema, v[i].name)) continue;
        leat_pg_find(&f, &(leat_pg_relation){.schema = v[i].schema, .name = v[i].name});
        if (!first) first = override_of(x, &v[i]);
    }
    if (f.n > 0)
        leat_pg_tell_findings(
            x, "publication rows", LEAT_STEP_WARN, "postgres.publication_rows",
            "a WHERE of the publication leaves rows out of the stream",
            leat_arena_printf(x->a,
                              "a snapshot reads all rows, as Debezium's does, and of those that "
                              "are left out no change will come. Where they are not wanted, name "
                              "the tables in snapshot.select.statement.overrides too: %s",
                              first),
            &f);
}

static void publications(leat_pg_exam *x)
{
    const leat_opt_list *names = &x->conf->publications;
    leat_pg_publication p = {0};
    leat_err e;
    bool all = true, via_root = false;
    for (size_t i = 0; i < names->n; i++) {
        if (leat_pg_publication_read(&x->sql, names->v[i], &p, &e) != LEAT_OK) {
            leat_pg_tell_err(x, "publication", &e);
            return;
        }
        if (!p.exists) publication_missing(x, names->v[i]);
        if (p.exists) publication_operations(x, names->v[i], &p);
        all &= p.exists;
        via_root |= p.via_root;
    }
    if (all) publication_tables(x, via_root);
    if (all) publication_rows(x);
}

/* Tables whose names come to one topic: the run would stop at the second. */
static void topics(leat_pg_exam *x)
{
    const leat_capture_conf *conf = &x->conf->capture;
    leat_topic_names names = {0};
    unsigned n = 0;
    bool shared = false;
    for (size_t i = 0; i < x->tables.ncaptured; i++) {
        const leat_pg_relation *t = x->tables.captured[i];
        const char *label = leat_pg_table_label(x->a, t->schema, t->name);
        leat_naming_place place;
        leat_err e;
        leat_rc rc = leat_naming_table(conf, x->a, NULL, t->schema, t->name, &place, &e);
        if (rc == LEAT_OK && !place.shared)
            rc = leat_topic_names_claim(&names, place.topic, label, &e);
        shared |= rc == LEAT_OK && place.shared;
        if (rc == LEAT_OK) continue;
        if (n++ < NAMED) leat_pg_tell_err(x, "topics", &e);
    }
    if (n > NAMED)
        leat_pg_tell(x, "topics", LEAT_STEP_FAILED, "capture.topic",
                     leat_arena_printf(x->a, "and %u more", n - NAMED), NULL);
    if (n == 0)
        tell_ok(x, "topics",
                shared ? "as topic.regex says; tables may share one"
                       : "every captured table has its own");
    leat_topic_names_free(&names);
}

void leat_pg_check_tables(leat_pg_exam *x)
{
    bool some = leat_pg_check_captured(x);
    if (x->tables.all) leat_pg_check_names(x);
    if (some) {
        topics(x);
        leat_pg_check_select(x);
        row_security(x);
        identities(x);
        partitions(x);
    }
    publications(x);
}
