/* URLs of databases; see the header. */
#include "config/db_url.h"

#include "config/files.h"

#define HALF_ENCODED "it holds a % that no two hex digits follow"

static leat_rc bad(leat_err *e, const char *what)
{
    return leat_fail(e, LEAT_CONF, "config.url", "connection.url",
                     "%s; expected one such as jdbc:postgresql://HOST:5432/DATABASE?NAME=VALUE&... "
                     "or jdbc:sqlite:/folder/file.db",
                     what);
}

static leat_rc decode(leat_str text, leat_arena *a, const char **out, leat_err *e)
{
    leat_buf buf = {0};
    bool good = leat_buf_unurl(&buf, text, false);
    if (good) *out = leat_arena_str(a, leat_buf_str(&buf)).s;
    leat_buf_free(&buf);
    return good ? LEAT_OK : bad(e, HALF_ENCODED);
}

static leat_rc read_params(leat_str text, leat_arena *a, leat_db_url *out, leat_err *e)
{
    while (text.s) {
        leat_str value = leat_str_cut(&text, '&'), name = leat_str_cut(&value, '=');
        const char *n, *v = "";
        if (name.len == 0) continue;
        LEAT_TRY(decode(name, a, &n, e));
        if (value.s) LEAT_TRY(decode(value, a, &v, e));
        leat_props_set(&out->params, a, leat_str_of(n), leat_str_of(v), 0);
    }
    return LEAT_OK;
}

/* One host, with or without a port; [::1] has brackets. */
static leat_rc read_host(leat_str part, leat_buf *hosts, leat_db_url *out, leat_err *e)
{
    leat_str host, port = part;
    int64_t number = 0;
    bool brackets = part.len > 0 && *part.s == '[';
    if (brackets) {
        host = leat_str_cut(&port, ']');
        if (!port.s) return bad(e, "an address that begins with [ lacks its ]");
        host = (leat_str){host.s + 1, host.len - 1};
        if (leat_str_cut(&port, ':').len > 0)
            return bad(e, "a host in brackets goes on behind them");
    } else {
        host = leat_str_cut(&port, ':');
    }
    if (port.s && (!leat_str_i64(port, &number) || number < 1 || number > 65535))
        return bad(e, "a port is none from 1 to 65535");
    if (hosts->len > 0 && number != out->port)
        return bad(e, "several hosts have to share one port");
    out->port = number;
    if (hosts->len > 0) leat_buf_u8(hosts, ',');
    size_t before = hosts->len;
    if (leat_buf_unurl(hosts, host, false)) return LEAT_OK;
    if (!brackets) return bad(e, HALF_ENCODED);
    hosts->len = before; /* a zone as people write it: fe80::1%eth0 */
    leat_buf_add(hosts, host);
    return LEAT_OK;
}

/* USER:PASSWORD@HOST,HOST */
static leat_rc read_authority(leat_str text, leat_arena *a, leat_db_url *out, leat_err *e)
{
    const char *sign = text.len ? memrchr(text.s, '@', text.len) : NULL;
    leat_buf hosts = {0};
    leat_rc rc = LEAT_OK;
    if (sign) {
        leat_str password = {text.s, (size_t)(sign - text.s)}, user = leat_str_cut(&password, ':');
        LEAT_TRY(decode(user, a, &out->user, e));
        if (password.s) LEAT_TRY(decode(password, a, &out->password, e));
        text = (leat_str){sign + 1, (size_t)(text.s + text.len - sign - 1)};
    }
    while (rc == LEAT_OK && text.s) rc = read_host(leat_str_cut(&text, ','), &hosts, out, e);
    if (hosts.len > 0) out->hosts = leat_arena_str(a, leat_buf_str(&hosts)).s;
    leat_buf_free(&hosts);
    return rc;
}

leat_rc leat_db_url_read(const char *url, leat_arena *a, leat_db_url *out, leat_err *e)
{
    leat_str params = leat_str_trim(leat_str_of(url ? url : ""));
    *out = (leat_db_url){0};
    leat_props_init(&out->params, NULL);
    if (leat_str_starts(params, "jdbc:")) params = (leat_str){params.s + 5, params.len - 5};
    leat_str scheme = leat_str_cut(&params, ':');
    if (!params.s || scheme.len == 0) return bad(e, "it names no kind of database");
    if (leat_str_is(scheme, "postgres")) scheme = LEAT_STR("postgresql");
    out->scheme = leat_arena_str(a, scheme).s;
    leat_str path = leat_str_cut(&params, '?');
    if (leat_str_starts(path, "//") && !leat_str_is(scheme, "sqlite")) {
        leat_str rest = {path.s + 2, path.len - 2};
        LEAT_TRY(read_authority(leat_str_cut(&rest, '/'), a, out, e));
        path = rest.s ? rest : LEAT_STR("");
    }
    LEAT_TRY(decode(path, a, &out->path, e));
    if (params.s) LEAT_TRY(read_params(params, a, out, e));
    if (!out->user) out->user = leat_db_url_param(out, "user");
    if (!out->password) out->password = leat_db_url_param(out, "password");
    return LEAT_OK;
}

const char *leat_db_url_wrong(const leat_db_url *u, bool file, leat_arena *a)
{
    static const char *const files[] = {"sslrootcert", "sslcert", "sslkey", "serverSslCert"};
    if (file && (*u->path == 0 || strstr(u->path, ":memory:") || strncmp(u->path, "file:", 5) == 0))
        return "must name a file, as in jdbc:sqlite:/var/lib/shop.db";
    const char *wrong = file ? leat_files_wrong(u->path, a) : NULL;
    for (size_t i = 0; !wrong && i < sizeof files / sizeof *files; i++) {
        const char *path = leat_db_url_param(u, files[i]);
        if (!path || strcmp(path, "system") == 0) continue; /* the machine's authorities */
        wrong = leat_files_wrong(path, a);
        if (wrong) wrong = leat_arena_printf(a, "%s %s", files[i], wrong);
    }
    return wrong;
}

leat_rc leat_db_url_login(const char *url, const char *user, const char *password, leat_arena *a,
                          leat_db_url *out, leat_err *e)
{
    LEAT_TRY(leat_db_url_read(url, a, out, e));
    const char *wrong = leat_db_url_wrong(out, false, a);
    if (wrong) return leat_fail(e, LEAT_CONF, "config.url", "connection.url", "%s", wrong);
    if (user && *user) out->user = user;
    if (password && *password) out->password = password;
    return LEAT_OK;
}

leat_rc leat_db_url_nobody(const char *code, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, code, "connection.user",
                     "is required, but not set: the user to log in as, here or in the URL "
                     "(?user=NAME)");
}

const char *leat_db_url_param(const leat_db_url *u, const char *name)
{
    const char *v = leat_props_get(&u->params, name);
    return v && *v ? v : NULL;
}

/* ---- putting one together ---- */

/* Encoded, but for references. */
static void put(leat_buf *out, leat_str text)
{
    while (text.len > 0) {
        const char *end = leat_str_starts(text, "${") ? memchr(text.s, '}', text.len) : NULL;
        leat_str part = {text.s, end ? (size_t)(end - text.s) + 1 : 1};
        if (end)
            leat_buf_add(out, part);
        else
            leat_buf_url(out, part);
        text = (leat_str){text.s + part.len, text.len - part.len};
    }
}

void leat_db_url_begin(leat_buf *out, const char *kind, const char *hosts, const char *port,
                       const char *path)
{
    leat_str rest = leat_str_of(hosts);
    leat_buf_printf(out, "jdbc:%s:", kind);
    for (const char *before = "//"; rest.s; before = ",") {
        leat_str host = leat_str_trim(leat_str_cut(&rest, ','));
        bool colons =
            host.len > 0 && !leat_str_starts(host, "${") && memchr(host.s, ':', host.len) != NULL;
        leat_buf_printf(out, colons ? "%s[" : "%s", before);
        put(out, host);
        leat_buf_str_z(out, colons ? "]:" : ":");
        put(out, leat_str_of(port));
    }
    leat_buf_u8(out, '/');
    put(out, leat_str_of(path));
}

void leat_db_url_add(leat_buf *out, const char *name, const char *value)
{
    if (!value || !*value) return;
    leat_buf_printf(out, "%c%s=", memchr(out->p, '?', out->len) ? '&' : '?', name);
    put(out, leat_str_of(value));
}
