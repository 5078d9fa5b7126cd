/* The steps of `leat check` for a relational sink: connect and log in, what the server says of
 * itself, the rights to create, alter, insert, change and delete, the table of cursors. They are
 * tried in a transaction that is rolled back; where the server commits DDL at once, with a table of
 * a name of its own, which is dropped. By the caller's thread. */
#include "sink/sql/check.h"

#include "sink/sql/cursor.h"

leat_rc leat_rdb_resolve(const leat_rdb_conf *conf, leat_arena *a, const leat_rdb_dialect **dialect,
                         leat_db_url *url, leat_err *e)
{
    LEAT_TRY(leat_db_url_read(conf->url, a, url, e));
    *dialect = leat_rdb_dialect_find(conf->dialect, url->scheme);
    bool named = conf->dialect && *conf->dialect;
    if (!*dialect)
        return leat_fail(e, LEAT_CONF, "sql.dialect", named ? "dialect.name" : "connection.url",
                         "there is no dialect %s in this build; there are %s",
                         named ? conf->dialect : url->scheme, leat_rdb_dialect_names(a));
    const leat_rdb_dialect *by_url = leat_rdb_dialect_find(NULL, url->scheme);
    if (by_url && by_url != *dialect)
        return leat_fail(e, LEAT_CONF, "sql.dialect", "dialect.name",
                         "%s is not what connection.url says, which is of %s: take it out, or give "
                         "the URL of another server",
                         conf->dialect, by_url->name);
    const char *wrong = leat_db_url_wrong(url, (*dialect)->file, a);
    if (wrong) return leat_fail(e, LEAT_CONF, "config.url", "connection.url", "%s", wrong);
    if (conf->user) url->user = conf->user;
    if (conf->password) url->password = conf->password;
    return LEAT_OK;
}

leat_rc leat_rdb_connect(const leat_rdb_conf *conf, const char *app, bool trial, leat_arena *a,
                         leat_rdb_conn **out, leat_err *e)
{
    leat_db_url url;
    const leat_rdb_dialect *d;
    LEAT_TRY(leat_rdb_resolve(conf, a, &d, &url, e));
    return d->open(conf, &url, app, trial, a, out, e);
}

static void tell(leat_checker *c, const char *name, leat_rc rc, const leat_err *err,
                 const char *good, const char *advice)
{
    leat_step s = {.name = name, .detail = good};
    if (leat_rc_failed(rc))
        s = (leat_step){.name = name,
                        .state = LEAT_STEP_FAILED,
                        .code = err->code,
                        .detail = err->msg,
                        .advice = advice};
    leat_check_step(c, &s);
}

/* Ends a trial: what is left of it is taken back. made: a table that DDL has committed. The trial's
 * own error counts more than one of this. */
static leat_rc end_trial(leat_rdb_conn *c, const leat_rdb_table *made, leat_rc rc, leat_err *e)
{
    const leat_rdb_dialect *d = c->dialect;
    leat_err ignored;
    leat_err *own = rc == LEAT_OK ? e : &ignored;
    leat_rc back = d->exec(c, "roll back", "ROLLBACK", own);
    if (made && d->ddl_commits) {
        leat_buf sql = {0};
        leat_buf_str_z(&sql, "DROP TABLE ");
        leat_rdb_quote_table(d, &sql, made);
        leat_buf_u8(&sql, 0);
        leat_rc dropped = d->exec(c, "drop the table that was made to try it", sql.p, own);
        if (back == LEAT_OK) back = dropped;
        leat_buf_free(&sql);
    }
    return rc == LEAT_OK ? back : rc;
}

/* A name that no table has. */
static const char *trial_name(leat_arena *a)
{
    char id[LEAT_UUID_MAX];
    leat_uuid4(id);
    return leat_arena_printf(a, "leat_check_%.8s", id);
}

/* A table is made, changed, written and forgotten again. */
static leat_rc try_writing(leat_rdb_conn *c, leat_arena *a, leat_err *e)
{
    const leat_rdb_dialect *d = c->dialect;
    static const char *const steps[] = {
        "CREATE TABLE %s (id INTEGER NOT NULL, a VARCHAR(8), PRIMARY KEY (id))",
        "ALTER TABLE %s ADD COLUMN b VARCHAR(8)",
        "INSERT INTO %s (id, a) VALUES (1, 'x')",
        "UPDATE %s SET b = 'y' WHERE id = 1",
        "DELETE FROM %s WHERE id = 1",
    };
    leat_rdb_table table = {.name = trial_name(a)};
    bool made = false;
    LEAT_TRY(d->exec(c, "begin a transaction", "BEGIN", e));
    leat_rc rc = LEAT_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && rc == LEAT_OK; i++) {
        const char *at = strchr(steps[i], '%');
        const char *sql =
            leat_arena_printf(a, "%.*s%s%s", (int)(at - steps[i]), steps[i], table.name, at + 2);
        rc = d->exec(c, "try to make and write a table", sql, e);
        made = made || rc == LEAT_OK;
    }
    return end_trial(c, made ? &table : NULL, rc, e);
}

static leat_rc try_cursors(leat_rdb_conn *c, leat_arena *a, leat_err *e)
{
    leat_rdb_cursor k;
    bool made = false;
    LEAT_TRY(c->dialect->exec(c, "begin a transaction", "BEGIN", e));
    leat_rc rc = leat_rdb_cursor_find(&k, c, "leat check", a, e);
    if (rc == LEAT_OK && !k.table.exists) {
        if (c->dialect->ddl_commits) k.table.name = trial_name(a); /* a sink may make the other */
        rc = leat_rdb_cursor_make(&k, e);
        made = rc == LEAT_OK;
    }
    if (rc == LEAT_OK) rc = leat_rdb_cursor_take(&k, "leat check", a, &(leat_str){0}, e);
    return end_trial(c, made ? &k.table : NULL, rc, e);
}

leat_rc leat_rdb_check(const leat_rdb_conf *conf, leat_checker *c, leat_err *e)
{
    leat_arena a = {0};
    leat_rdb_conn *conn = NULL;
    leat_err err = {0};
    leat_rc rc = leat_rdb_connect(conf, "leat check", true, &a, &conn, &err);
    tell(c, "connect", rc, &err, "the target was reached, and took the user", NULL);
    if (rc != LEAT_OK) {
        leat_arena_free(&a);
        return LEAT_OK;
    }
    rc = conn->dialect->check(conn, c, e);
    if (rc == LEAT_OK && leat_rdb_may_create(conf)) {
        leat_rc tried = try_writing(conn, &a, &err);
        tell(c, "make tables", tried, &err, "a table was made, changed, written and taken back",
             "Grant the user the right to create tables in the schema, or make the tables by hand "
             "and leave auto.create off");
    }
    if (rc == LEAT_OK && conf->once) {
        leat_rc tried = try_cursors(conn, &a, &err);
        tell(c, "cursors", tried, &err, "the table of cursors is there, or can be made",
             "Make the table by hand (docs/relational.md has the statement), name another by "
             "cursor.table, or set exactly.once=false");
    }
    conn->dialect->close(conn);
    leat_arena_free(&a);
    return rc;
}
