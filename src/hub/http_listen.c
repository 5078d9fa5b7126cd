/* Where the server listens: an address, and a Unix socket. Run by the thread that starts it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/os.h"
#include "hub/http_part.h"

enum { BACKLOG = 512 };

static leat_rc no_address(const char *text, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "config.listen", "--listen",
                     "expected HOST:PORT, HOST an address, such as 127.0.0.1:8083, [::1]:8083 or, "
                     "with TLS and a login, 0.0.0.0:8083; got \"%s\"",
                     text);
}

leat_rc leat_http_address(const char *text, leat_arena *a, leat_http_conf *out, leat_err *e)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (!colon || !leat_str_u64(leat_str_of(colon + 1), &port) || port > 65535)
        return no_address(text, e);
    leat_str host = {text, (size_t)(colon - text)};
    if (host.len == 0 || leat_str_ieq(host, LEAT_STR("localhost"))) host = LEAT_STR("127.0.0.1");
    if (!leat_http_host_address(host)) return no_address(text, e);
    out->local = leat_http_host_known(host);
    if (host.s[0] == '[') host = (leat_str){host.s + 1, host.len - 2};
    out->host = leat_arena_str(a, host).s;
    out->port = (unsigned)port;
    return LEAT_OK;
}

/* Fit to stand in a page: letters, digits and a few signs, as in paths and host names. */
static bool plain(leat_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !strchr("-._~:/[]", c)) return false;
    }
    return text.len > 0;
}

leat_rc leat_http_url(const char *url, leat_arena *a, leat_http_conf *out, leat_err *e)
{
    leat_str text = leat_str_of(url);
    bool tls = leat_str_starts(text, "https://");
    size_t scheme = tls ? 8 : 7;
    bool good = (tls || leat_str_starts(text, "http://")) && plain(text);
    leat_str rest = good ? (leat_str){text.s + scheme, text.len - scheme} : (leat_str){0};
    const char *slash = rest.len ? memchr(rest.s, '/', rest.len) : NULL;
    size_t host = slash ? (size_t)(slash - rest.s) : rest.len;
    if (!good || host == 0 || memmem(rest.s, rest.len, "//", 2))
        return leat_fail(e, LEAT_CONF, "config.url", "--url",
                         "expected the address that browsers ask for, such as "
                         "https://example.org/leat, got \"%s\"",
                         url);
    leat_str prefix = {rest.s + host, rest.len - host};
    while (prefix.len > 0 && prefix.s[prefix.len - 1] == '/') prefix.len--;
    out->origin = leat_arena_str(a, (leat_str){text.s, scheme + host}).s;
    out->prefix = leat_arena_str(a, prefix).s;
    return LEAT_OK;
}

leat_rc leat_http_fit(const leat_http *h, leat_err *e)
{
    const leat_http_conf *conf = &h->conf;
    bool any = false;
    if (conf->local && (!conf->login || conf->socket)) return LEAT_OK; /* who is here gets in */
    if (!conf->local && !conf->tls)
        return leat_fail(e, LEAT_CONF, "config.listen", conf->host,
                         "others can reach this address, so it needs TLS: give --tls-cert and "
                         "--tls-key, or listen on 127.0.0.1 behind a proxy that has them");
    LEAT_TRY(leat_login_any(h->login, conf->tls && leat_tls_trust(conf->tls), &any, e));
    if (any) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "config.listen", conf->host,
                     "a login is needed there and nobody has one: 'leat token create NAME --role "
                     "admin --data %s' makes a token, 'leat user set' a user with a password",
                     conf->data);
}

/* Of a TCP socket that somebody else has bound: its port, and whether it is of the loopback. 0: it
 * is none. */
static unsigned port_of(int fd, bool *local)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    char host[INET6_ADDRSTRLEN] = "";
    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0) return 0;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&at;
    bool four = at.ss_family == AF_INET;
    if (four && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host))
        *local = leat_http_host_known(leat_str_of(host));
    else
        *local = at.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    return four ? ntohs(v4->sin_port) : at.ss_family == AF_INET6 ? ntohs(v6->sin6_port) : 0;
}

leat_rc leat_http_take(leat_http_conf *conf, leat_err *e)
{
    if (conf->handed == 0) return LEAT_OK;
    unsigned asked = conf->port;
    bool local = conf->local;
    conf->port = port_of(conf->handed, &conf->local);
    if (conf->listen && conf->port > 0 && asked > 0 &&
        (asked != conf->port || local != conf->local))
        leat_log(LEAT_WARN, "http.listen",
                 "--listen %s is not used: the service manager handed over a socket (LISTEN_FDS), "
                 "which listens on port %u; ListenStream= of the socket's unit says where",
                 conf->listen, conf->port);
    if (conf->port > 0) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "http.listen", "the service's socket",
                     "it is no TCP socket: ListenStream=127.0.0.1:8083 in the socket's unit");
}

int leat_http_bind(const leat_http_conf *conf, unsigned *port)
{
    if (conf->handed != 0) {
        *port = conf->port;
        return conf->handed;
    }
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)conf->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)conf->port)};
    bool six = strchr(conf->host, ':') != NULL;
    if (inet_pton(six ? AF_INET6 : AF_INET, conf->host,
                  six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1)
        return -EINVAL;
    struct sockaddr *addr = six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t len = six ? sizeof v6 : sizeof v4;
    int on = 1, fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, addr, len) < 0 || listen(fd, BACKLOG) < 0 || getsockname(fd, addr, &len) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    *port = ntohs(six ? v6.sin6_port : v4.sin_port);
    return fd;
}

/* Folder and name of a path; name: in path. */
static const char *cut(const char *path, leat_arena *a, const char **folder)
{
    const char *slash = strrchr(path, '/');
    *folder = !slash          ? "."
              : slash == path ? "/"
                              : leat_arena_str(a, (leat_str){path, (size_t)(slash - path)}).s;
    return slash ? slash + 1 : path;
}

/* Who may come in is told by the peer's user, so the socket's own mode lets everybody try. */
int leat_http_bind_unix(const char *path)
{
    leat_arena a = {0};
    struct stat st;
    const char *folder, *name = cut(path, &a, &folder);
    int fd = -ENOTSOCK;
    if (lstat(path, &st) != 0 || S_ISSOCK(st.st_mode))
        fd = leat_os_unix_listen(folder, name, BACKLOG);
    if (fd >= 0) chmod(path, 0666);
    leat_arena_free(&a);
    return fd;
}

void leat_http_unbind_unix(const char *path)
{
    leat_os_now()->unlink(path);
}
