/* URLs of MySQL and MariaDB; see the header. Pure; any thread. */
#include "system/mysql/url.h"

#include <strings.h>

/* Connector/J's words and those of MariaDB's driver. */
static const struct {
    const char *word;
    leat_my_sslmode mode;
} words[] = {
    {"PREFERRED", LEAT_MY_SSL_PREFERRED},
    {"DISABLED", LEAT_MY_SSL_DISABLED},
    {"REQUIRED", LEAT_MY_SSL_REQUIRED},
    {"VERIFY_CA", LEAT_MY_SSL_VERIFY_CA},
    {"VERIFY_IDENTITY", LEAT_MY_SSL_VERIFY_IDENTITY},
    {"disable", LEAT_MY_SSL_DISABLED},
    {"trust", LEAT_MY_SSL_REQUIRED},
    {"verify-ca", LEAT_MY_SSL_VERIFY_CA},
    {"verify-full", LEAT_MY_SSL_VERIFY_IDENTITY},
};

static bool is_true(const leat_db_url *u, const char *name)
{
    const char *v = leat_db_url_param(u, name);
    return v && strcasecmp(v, "true") == 0;
}

static leat_rc read_sslmode(const leat_db_url *u, leat_my_target *t, leat_err *e)
{
    const char *mode = leat_db_url_param(u, "sslMode"), *use = leat_db_url_param(u, "useSSL");
    if (use && strcasecmp(use, "false") == 0) t->sslmode = LEAT_MY_SSL_DISABLED;
    if (is_true(u, "requireSSL")) t->sslmode = LEAT_MY_SSL_REQUIRED;
    if (is_true(u, "verifyServerCertificate")) t->sslmode = LEAT_MY_SSL_VERIFY_CA;
    if (!mode) return LEAT_OK;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        t->sslmode = words[i].mode;
        if (strcasecmp(words[i].word, mode) == 0) return LEAT_OK;
    }
    return leat_fail(e, LEAT_CONF, "config.url", "connection.url",
                     "sslMode must be DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY "
                     "(MariaDB's: disable, trust, verify-ca, verify-full), got \"%s\"",
                     mode);
}

leat_rc leat_my_url_target(const leat_db_url *u, leat_my_target *t, leat_err *e)
{
    const char *wait = leat_db_url_param(u, "connectTimeout");
    const char *ca = leat_db_url_param(u, "serverSslCert");
    int64_t ms;
    LEAT_TRY(read_sslmode(u, t, e));
    if (u->hosts && strchr(u->hosts, ','))
        return leat_fail(e, LEAT_CONF, "config.url", "connection.url",
                         "names several hosts; one is expected");
    t->host = u->hosts ? u->hosts : "localhost";
    t->port = u->port ? u->port : 3306;
    if (u->user) t->user = u->user;
    if (u->password) t->password = u->password;
    if (*u->path && strcmp(u->path, "/") != 0) t->dbname = u->path;
    t->sslca = ca ? ca : leat_db_url_param(u, "sslrootcert");
    t->sslcert = leat_db_url_param(u, "sslcert");
    t->sslkey = leat_db_url_param(u, "sslkey");
    if (leat_my_lacks_ca(t))
        return leat_fail(e, LEAT_CONF, "config.url", "connection.url",
                         "serverSslCert must be set for this sslMode: a PEM file with the "
                         "authorities that the server's certificate is checked by");
    if (wait && leat_str_i64(leat_str_of(wait), &ms) && ms > 0 && ms <= 3600000) t->connect_ms = ms;
    return LEAT_OK;
}
