/* URLs of databases: JDBC's and plain ones. Pure, but for the look at files; any thread. */
#ifndef LEAT_CONFIG_DB_URL_H
#define LEAT_CONFIG_DB_URL_H

#include "config/opt.h"

/* What a URL says. Texts are decoded (%XX), in the arena. */
typedef struct leat_db_url {
    const char *scheme; /* "postgresql", "sqlite": without "jdbc:"; "postgres" is the first */
    const char *hosts;  /* names alone, separated by commas; NULL: none */
    int64_t port;       /* of all of them; 0: none */
    const char *path;   /* the database, or a file; "" if there is none */
    const char *user, *password; /* before an @, or of the parameters; NULL: not given */
    leat_props params;           /* those behind the question mark */
} leat_db_url;

/* jdbc:postgresql://h1:5432,h2:5432/db?user=x, jdbc:postgresql:db, postgres://user:password@h/db,
 * jdbc:sqlite:/folder/file.db. CONF "config.url" at connection.url says what is wrong without the
 * URL, which may hold a password. */
leat_rc leat_db_url_read(const char *url, leat_arena *a, leat_db_url *out, leat_err *e);
/* What is wrong with the local files that it names, in a; NULL: nothing. file: the database is one,
 * which the dialect knows; certificates and keys are files always. Which files go: config/files.h.
 */
const char *leat_db_url_wrong(const leat_db_url *u, bool file, leat_arena *a);
/* The URL of a server, by the options connection.url, connection.user and connection.password;
 * those that are set count for more than what it says. CONF "config.url" at connection.url. */
leat_rc leat_db_url_login(const char *url, const char *user, const char *password, leat_arena *a,
                          leat_db_url *out, leat_err *e);
/* CONF code at connection.user: neither names a user. */
leat_rc leat_db_url_nobody(const char *code, leat_err *e);
/* NULL: not given, or empty. */
const char *leat_db_url_param(const leat_db_url *u, const char *name);

/* A URL put together: "jdbc:KIND://host:port,host:port/path", then its parameters, of which those
 * without a value are left out. Texts are encoded, but for references such as ${env:HOST}, which
 * are resolved later. hosts: separated by commas. */
void leat_db_url_begin(leat_buf *out, const char *kind, const char *hosts, const char *port,
                       const char *path);
void leat_db_url_add(leat_buf *out, const char *name, const char *value);

#endif
