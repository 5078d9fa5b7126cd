/* Requests as strangers send them: the whole server, with routes that take and give bodies. The
 * first byte says how the rest comes: to the Unix socket, where we may do everything, to the
 * loopback, or where a login is needed; and in how many pieces.
 *
 * Whatever is sent, each answer is one of HTTP, none says 500, and the next client is served. */
#include "fuzz.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/os.h"
#include "hub/grants.h"
#include "hub/http.h"
#include "hub/login.h"

static leat_http *servers[2]; /* open, and at the socket; with a login */
static char folder[] = "/tmp/leat-fuzz-http-XXXXXX", path[64];

static void echo(void *arg, leat_http_call *c)
{
    (void)arg;
    leat_json_write(c->json, &c->out);
}

static void tell(void *arg, leat_http_call *c)
{
    leat_jw w = {.out = &c->out};
    (void)arg;
    leat_jw_object(&w, NULL);
    leat_jw_str(&w, "first", c->param[0]);
    leat_jw_str(&w, "q", leat_http_query(c, "q"));
    leat_jw_z(&w, "who", c->who.name);
    leat_jw_z(&w, "base", c->base);
    leat_jw_end(&w);
}

static void told(void *arg, const leat_http_deed *deed)
{
    (void)arg;
    if (!leat_str_utf8(leat_str_of(deed->path)) || deed->status < 200) __builtin_trap();
}

static const leat_http_route routes[] = {
    {"GET", "/", tell, false, LEAT_ROLE_ANYONE, false},
    {"GET", "/connectors/*", tell, false, LEAT_ROLE_VIEWER, false},
    {"PUT", "/connectors/*/config", echo, true, LEAT_ROLE_ADMIN, false},
    {"POST", "/connectors/*/tasks/*/restart", tell, false, LEAT_ROLE_OPERATOR, false},
    {NULL, NULL, NULL, false, LEAT_ROLE_DEFAULT, false},
};

static void stop(void)
{
    char name[64];
    for (int i = 0; i < 2; i++) leat_http_stop(servers[i]);
    leat_err err;
    leat_grants_remove(folder, LEAT_GRANT_TOKEN, "x", &err);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/access%s", folder, i ? ".lock" : "");
        leat_os_now()->unlink(name);
    }
    leat_os_now()->rmdir(folder);
}

static void start(void)
{
    leat_err err;
    leat_grant g = {.kind = LEAT_GRANT_TOKEN, .name = "x", .role = LEAT_ROLE_VIEWER, .hash = "00"};
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    if (!mkdtemp(folder) || leat_grants_put(folder, &g, true, &err) != LEAT_OK) abort();
    snprintf(path, sizeof path, "%s/s", folder);
    for (int i = 0; i < 2; i++) {
        leat_http_conf conf = {.host = "127.0.0.1",
                               .local = true,
                               .socket = i == 0 ? path : NULL,
                               .routes = routes,
                               .data = folder,
                               .login = i == 1,
                               .hosts = "hub.example",
                               .connections = 64,
                               .arrival_s = 10,
                               .told = told};
        if (leat_http_start(&conf, &servers[i], &err) != LEAT_OK) abort();
    }
    atexit(stop);
}

/* Its end leaves nothing behind in the kernel: there are many a second. */
static int connect_to(const leat_http *h)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)leat_http_port(h))};
    struct linger at_once = {1, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) __builtin_trap();
    return fd;
}

static void check(const char *got, size_t n)
{
    if (n >= 9 && memcmp(got, "HTTP/1.1 ", 9) != 0 && memcmp(got, "HTTP/1.0 ", 9) != 0)
        __builtin_trap();
    if (n >= 12 && memcmp(got + 9, "500", 3) == 0) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char got[65536];
    leat_arena a = {0};
    leat_str name, password, token, text = {(const char *)data, size};
    if (size == 0) return 0;
    if (!servers[0]) start();
    leat_login_basic(text, &a, &name, &password);
    leat_login_bearer(text, &token);
    leat_http_host_known(text);
    leat_http_host_address(text);
    leat_arena_free(&a);
    int fd = data[0] % 3 == 0 ? leat_os_unix_connect(folder, "s", 10000)
                              : connect_to(servers[data[0] % 3 - 1]);
    if (fd < 0) __builtin_trap();
    size_t pieces = 1 + data[0] / 3 % 4, at = 1, n = 0;
    for (size_t i = 0; i < pieces; i++) {
        size_t end = i + 1 == pieces ? size : 1 + (size - 1) * (i + 1) / pieces;
        if (end > at && send(fd, data + at, end - at, MSG_NOSIGNAL) < 0) break;
        at = end;
    }
    shutdown(fd, SHUT_WR);
    for (ssize_t r; n < sizeof got && (r = recv(fd, got + n, sizeof got - n, 0)) > 0;)
        n += (size_t)r;
    close(fd);
    check(got, n);
    return 0;
}
