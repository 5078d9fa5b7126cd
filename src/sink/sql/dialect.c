/* Finding a dialect among those of this build (the list is written by src/meson.build), and what
 * dialects share. Pure; any thread. */
#include "sink/sql/dialect.h"

/* "PostgreSqlDatabaseDialect", as Confluent's and Debezium's options have it, names the same. */
static bool is_called(const leat_rdb_dialect *d, const char *name)
{
    static const char tail[] = "DatabaseDialect";
    leat_str s = leat_str_of(name);
    size_t n = sizeof tail - 1;
    if (s.len > n && memcmp(s.s + s.len - n, tail, n) == 0) s.len -= n;
    if (leat_str_ieq(s, leat_str_of(d->name))) return true;
    for (size_t i = 0; d->schemes[i]; i++)
        if (leat_str_ieq(s, leat_str_of(d->schemes[i]))) return true;
    return false;
}

const leat_rdb_dialect *leat_rdb_dialect_find(const char *name, const char *scheme)
{
    for (size_t i = 0; leat_rdb_dialects[i]; i++)
        if (is_called(leat_rdb_dialects[i], name && *name ? name : scheme))
            return leat_rdb_dialects[i];
    return NULL;
}

const char *leat_rdb_dialect_names(leat_arena *a)
{
    const char *out = "";
    for (size_t i = 0; leat_rdb_dialects[i]; i++)
        out = leat_arena_printf(a, "%s%s%s", out, i ? ", " : "", leat_rdb_dialects[i]->name);
    return out;
}

leat_rc leat_rdb_rename_options(leat_rc rc, leat_err *e)
{
    static const char *const names[][2] = {
        {"database.hostname", "the host in connection.url"},
        {"database.port", "the port in connection.url"},
        {"database.user", "connection.username"},
        {"database.password", "connection.password"},
        {"database.dbname", "the database in connection.url"},
        {"database.query.timeout.ms", "query.timeout.ms"},
        {"database.ssl.mode", "sslMode in connection.url"},
        {"database.ssl.ca", "serverSslCert in connection.url"},
        {"database.sslmode", "sslmode in connection.url"},
        {"database.sslrootcert", "sslrootcert in connection.url"},
        {"database.sslcert", "sslcert in connection.url"},
        {"database.sslkey", "sslkey in connection.url"},
    };
    leat_buf out = {0};
    if (!leat_rc_failed(rc) || !e) return rc;
    leat_err was = *e;
    for (const char *at = was.msg; *at;) {
        size_t i = 0, n = sizeof names / sizeof *names;
        while (i < n && strncmp(at, names[i][0], strlen(names[i][0])) != 0) i++;
        if (i == n) {
            leat_buf_u8(&out, (unsigned char)*at++);
            continue;
        }
        leat_buf_str_z(&out, names[i][1]);
        at += strlen(names[i][0]);
    }
    leat_fail(e, was.rc, was.code, was.where, "%.*s", (int)out.len, out.len ? out.p : "");
    leat_buf_free(&out);
    return rc;
}

void leat_rdb_put_conflict(leat_buf *out, const leat_rdb_shape *s)
{
    unsigned n = 0;
    leat_buf_str_z(out, " ON CONFLICT (");
    for (uint16_t i = 0; i < s->nset; i++) {
        if (!s->fields[s->set[i]].key) continue;
        if (n++ > 0) leat_buf_u8(out, ',');
        leat_buf_quoted(out, leat_str_of(s->fields[s->set[i]].to->name), '"');
    }
    leat_buf_str_z(out, ") DO ");
    n = 0;
    for (uint16_t i = 0; i < s->nset; i++) {
        const leat_rdb_column *to = s->fields[s->set[i]].to;
        if (s->fields[s->set[i]].key || to->always) continue;
        leat_buf_str_z(out, n++ == 0 ? "UPDATE SET " : ",");
        leat_buf_quoted(out, leat_str_of(to->name), '"');
        leat_buf_str_z(out, "=EXCLUDED.");
        leat_buf_quoted(out, leat_str_of(to->name), '"');
    }
    if (n == 0) leat_buf_str_z(out, "NOTHING");
}

leat_rc leat_rdb_fail_no_unique(leat_err *e, const char *table, const char *doing)
{
    return leat_fail(e, LEAT_CONF, "sql.no_unique", table,
                     "could not %s: the target's table has no unique index on the key's columns, "
                     "which insert.mode=upsert needs. Add a primary key or a UNIQUE constraint on "
                     "them, or set insert.mode=insert",
                     doing);
}
