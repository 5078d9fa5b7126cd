/* The doctor where the server lets nobody in: what of it an administrator mends by a statement, or
 * by a line of pg_hba.conf, as the server's words say.
 *
 * There is no session to ask, so a script for a role that is not there gives it what this kind of
 * connector needs in this database. Run by any thread. */
#include "source/postgres/check.h"
#include "source/postgres/publication.h"
#include "system/postgres/quote.h"

static const char *user_of(leat_pg_exam *x)
{
    return leat_pg_quoted(x, x->conf->target.user);
}

static const char *database_of(leat_pg_exam *x)
{
    return leat_pg_quoted(x, x->conf->target.dbname);
}

/* ---- a role that is not there ---- */

/* For each schema that is not the server's own. */
static void put_grants(leat_pg_exam *x, leat_buf *sql)
{
    leat_buf user = {0};
    leat_pg_quote_text(&user, leat_str_of(x->conf->target.user));
    const char *name = leat_pg_taken(x, &user);
    leat_buf_printf(sql,
                    "DO $leat$ DECLARE s name; BEGIN\n"
                    "  FOR s IN SELECT nspname FROM pg_catalog.pg_namespace"
                    " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP\n"
                    "    EXECUTE format('GRANT USAGE ON SCHEMA %%I TO %%I', s, %s);\n"
                    "    EXECUTE format('GRANT %s ON ALL TABLES IN SCHEMA %%I TO %%I', s, %s);\n"
                    "  END LOOP;\n"
                    "END $leat$;",
                    name, x->writes ? "INSERT, UPDATE, DELETE" : "SELECT", name);
}

/* A publication of all tables that have a primary key, as one that the user cannot make itself. */
static void put_publication(leat_pg_exam *x, const char *name, leat_buf *sql)
{
    leat_buf text = {0};
    leat_pg_quote_text(&text, leat_str_of(name));
    const char *quoted = leat_pg_taken(x, &text);
    leat_buf_printf(sql,
                    "\nDO $leat$ DECLARE t text; BEGIN\n"
                    "  SELECT string_agg(c.oid::regclass::text, ', ') INTO t"
                    " FROM pg_catalog.pg_class c"
                    " JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary\n"
                    "    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                    "    WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'"
                    " AND NOT c.relispartition\n"
                    "      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema';\n"
                    "  IF t IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication"
                    " WHERE pubname = %s) THEN\n"
                    "    EXECUTE format('CREATE PUBLICATION %%I FOR TABLE %%s', %s, t);\n"
                    "  END IF;\n"
                    "END $leat$;",
                    quoted, quoted);
}

static void role_missing(leat_pg_exam *x, leat_step *step)
{
    leat_buf sql = {0}, undo = {0};
    const leat_opt_list *names = &x->conf->publications;
    leat_buf_printf(&sql, "CREATE ROLE %s LOGIN%s;\nGRANT CONNECT ON DATABASE %s TO %s;\n",
                    user_of(x), x->log ? " REPLICATION" : "", database_of(x), user_of(x));
    put_grants(x, &sql);
    bool makes = x->log && x->conf->autocreate == LEAT_PG_FILTERED;
    for (size_t i = 0; makes && i < names->n; i++) {
        put_publication(x, names->v[i], &sql);
        leat_buf_printf(&undo, "DROP PUBLICATION IF EXISTS %s;\n", leat_pg_quoted(x, names->v[i]));
    }
    leat_buf_printf(&undo, "DROP OWNED BY %s;\nDROP ROLE %s;", user_of(x), user_of(x));
    step->code = "postgres.role_missing";
    step->advice = leat_arena_printf(
        x->a,
        "check database.user; if the role is to be new, run the statements in %s as a superuser, "
        "and give it its password (ALTER ROLE ... PASSWORD)",
        database_of(x));
    step->sql = leat_pg_taken(x, &sql);
    step->undo = leat_pg_taken(x, &undo);
}

/* ---- pg_hba.conf ---- */

/* The line that is lacking, by the server's words: host "10.0.0.7", user ..., no encryption. */
static void no_entry(leat_pg_exam *x, const char *at, leat_step *step)
{
    static const char before[] = "host \"";
    const char *host = strstr(at, before);
    leat_str address = leat_str_of(host ? host + sizeof before - 1 : "");
    address.len = strcspn(address.s, "\"");
    bool six = memchr(address.s, ':', address.len) != NULL;
    bool tls = strstr(at, "no encryption") == NULL && strstr(at, "SSL off") == NULL;
    bool local = address.len == 0 || strstr(at, "[local]") != NULL;
    const char *line =
        local ? leat_arena_printf(x->a, "local %s %s scram-sha-256", database_of(x), user_of(x))
              : leat_arena_printf(x->a, "%s %s %s %.*s/%s scram-sha-256", tls ? "hostssl" : "host",
                                  database_of(x), user_of(x), LEAT_STR_ARG(address),
                                  six ? "128" : "32");
    step->advice = leat_arena_printf(
        x->a,
        "add this line to pg_hba.conf (SHOW hba_file names it), before the one that turns it "
        "away, and run SELECT pg_reload_conf(): %s",
        line);
}

/* ---- the step ---- */

static const struct {
    const char *words; /* of the server */
    const char *code, *advice, *sql, *undo;
} simple[] = {
    {"is not permitted to log in", "postgres.nologin", "run the statement as a superuser",
     "ALTER ROLE %u LOGIN;", "ALTER ROLE %u NOLOGIN;"},
    {"permission denied for database", "postgres.privilege",
     "run the statement as the database's owner", "GRANT CONNECT ON DATABASE %d TO %u;",
     "REVOKE CONNECT ON DATABASE %d FROM %u;"},
    {"too many connections for role", "postgres.too_many_connections",
     "close other sessions of the role, or give it room for three of a connector; its limit now is "
     "in pg_roles.rolconnlimit",
     "ALTER ROLE %u CONNECTION LIMIT -1;", NULL},
    {"too many connections for database", "postgres.too_many_connections",
     "close other sessions of the database, or raise its limit; the one now is in "
     "pg_database.datconnlimit",
     "ALTER DATABASE %d CONNECTION LIMIT -1;", NULL},
};

/* %u and %d are user and database, quoted. */
static const char *filled(leat_pg_exam *x, const char *text)
{
    leat_buf out = {0};
    if (!text) return NULL;
    for (; *text; text++) {
        if (*text == '%' && (text[1] == 'u' || text[1] == 'd'))
            leat_buf_str_z(&out, *++text == 'u' ? user_of(x) : database_of(x));
        else
            leat_buf_u8(&out, (unsigned char)*text);
    }
    return leat_pg_taken(x, &out);
}

void leat_pg_login_refused(leat_pg_exam *x, const char *name, const leat_err *e)
{
    leat_step step = {.name = name,
                      .state = LEAT_STEP_FAILED,
                      .code = leat_arena_strdup(x->a, e->code),
                      .detail = leat_arena_strdup(x->a, e->msg)};
    const char *entry = strstr(e->msg, "no pg_hba.conf entry for");
    const char *role = strstr(e->msg, "role \"");
    if (entry) {
        no_entry(x, entry, &step);
    } else if (role && strstr(role, "\" does not exist")) {
        role_missing(x, &step);
    } else if (strcmp(e->code, "postgres.database_missing") == 0) {
        step.advice = "check database.dbname, or make the database if it is to be new";
        step.sql = leat_arena_printf(x->a, "CREATE DATABASE %s;", database_of(x));
    }
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
        if (entry || !strstr(e->msg, simple[i].words)) continue;
        step.code = simple[i].code;
        step.advice = filled(x, simple[i].advice);
        step.sql = filled(x, simple[i].sql);
        step.undo = filled(x, simple[i].undo);
        break;
    }
    leat_check_step(x->c, &step);
}
