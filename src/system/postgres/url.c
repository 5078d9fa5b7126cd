/* URLs of PostgreSQL; see the header. */
#include "system/postgres/url.h"

#include <strings.h>

#include "system/postgres/quote.h"

enum { CONNECT_MOST_S = 1000000 };

static leat_rc read_sslmode(const leat_db_url *u, leat_pg_target *t, leat_err *e)
{
    const char *mode = leat_db_url_param(u, "sslmode"), *ssl = leat_props_get(&u->params, "ssl");
    if (ssl && strcasecmp(ssl, "false") != 0) t->sslmode = LEAT_PG_SSL_VERIFY_FULL;
    if (!mode) return LEAT_OK;
    for (int64_t i = 0; leat_pg_sslmodes[i]; i++) {
        t->sslmode = i;
        if (strcasecmp(leat_pg_sslmodes[i], mode) == 0) return LEAT_OK;
    }
    return leat_fail(e, LEAT_CONF, "config.url", "connection.url",
                     "sslmode must be disable, allow, prefer, require, verify-ca or verify-full, "
                     "got \"%s\"",
                     mode);
}

/* pgjdbc's names of what libpq calls target_session_attrs. */
static leat_rc read_role(const leat_db_url *u, leat_pg_target *t, leat_err *e)
{
    static const struct {
        const char *name;
        int64_t role;
    } roles[] = {{"any", LEAT_PG_ROLE_ANY},
                 {"primary", LEAT_PG_ROLE_PRIMARY},
                 {"master", LEAT_PG_ROLE_PRIMARY},
                 {"secondary", LEAT_PG_ROLE_STANDBY},
                 {"slave", LEAT_PG_ROLE_STANDBY},
                 {"preferPrimary", LEAT_PG_ROLE_ANY},
                 {"preferSecondary", LEAT_PG_ROLE_ANY},
                 {"preferSlave", LEAT_PG_ROLE_ANY}};
    const char *role = leat_db_url_param(u, "targetServerType");
    if (!role) return LEAT_OK;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        t->roles = roles[i].role;
        if (strcmp(roles[i].name, role) == 0) return LEAT_OK;
    }
    return leat_fail(e, LEAT_CONF, "config.url", "connection.url",
                     "targetServerType must be any, primary or secondary, got \"%s\"", role);
}

leat_rc leat_pg_url_target(const leat_db_url *u, leat_arena *a, leat_pg_target *t, leat_err *e)
{
    const char *schemas = leat_db_url_param(u, "currentSchema");
    const char *wait = leat_db_url_param(u, "connectTimeout");
    int64_t seconds;
    LEAT_TRY(read_sslmode(u, t, e));
    LEAT_TRY(read_role(u, t, e));
    t->host = u->hosts ? u->hosts : "localhost";
    t->port = u->port ? u->port : 5432;
    if (u->user) t->user = u->user;
    if (u->password) t->password = u->password;
    t->dbname = *u->path && strcmp(u->path, "/") != 0 ? u->path : t->user;
    t->sslcert = leat_db_url_param(u, "sslcert");
    t->sslkey = leat_db_url_param(u, "sslkey");
    t->sslpassword = leat_db_url_param(u, "sslpassword");
    t->sslrootcert = leat_db_url_param(u, "sslrootcert");
    if (wait && leat_str_i64(leat_str_of(wait), &seconds) && seconds > 0 &&
        seconds < CONNECT_MOST_S)
        t->connect_ms = seconds * 1000;
    if (!schemas) return LEAT_OK;
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "SELECT pg_catalog.set_config('search_path', ");
    leat_pg_quote_text(&sql, leat_str_of(schemas));
    leat_buf_str_z(&sql, ", false)");
    t->initial = leat_arena_str(a, leat_buf_str(&sql)).s;
    leat_buf_free(&sql);
    return LEAT_OK;
}
