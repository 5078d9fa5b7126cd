/* Paths to routes, and who may ask: pure functions on texts that strangers send.
 *
 * Any thread. A path is compared segment by segment, each decoded by itself, so that an escaped
 * slash never makes two of one. A trailing slash does not matter. */
#include <arpa/inet.h>
#include <stdio.h>

#include "hub/http.h"

enum { SEGMENTS = 8 };

/* The decoded segments of a path; -1: it cannot be one. More than SEGMENTS: none is as long. */
static int split(leat_str path, leat_arena *a, leat_str out[SEGMENTS + 1])
{
    int n = 0;
    if (path.len == 0 || path.s[0] != '/') return -1;
    leat_str rest = {path.s + 1, path.len - 1};
    if (rest.len > 0 && rest.s[rest.len - 1] == '/') rest.len--;
    while (rest.s && rest.len > 0 && n <= SEGMENTS) {
        leat_buf text = {0};
        bool good = leat_buf_unurl(&text, leat_str_cut(&rest, '/'), false);
        leat_str segment = leat_buf_str(&text);
        good = good && leat_str_utf8(segment) && !memchr(segment.s, '/', segment.len);
        out[n++] = leat_arena_str(a, segment);
        leat_buf_free(&text);
        if (!good) return -1;
    }
    return n;
}

static bool fits(const char *pattern, const leat_str *segment, int n, leat_str *param)
{
    leat_str rest = leat_str_of(pattern + 1);
    int at = 0, params = 0;
    while (rest.s && rest.len > 0) {
        leat_str want = leat_str_cut(&rest, '/');
        if (at == n) return false;
        if (leat_str_is(want, "**")) return true;
        if (!leat_str_is(want, "*")) {
            if (!leat_str_eq(want, segment[at])) return false;
        } else if (params < LEAT_HTTP_PARAMS) {
            param[params++] = segment[at];
        }
        at++;
    }
    return at == n;
}

leat_http_match leat_http_route_find(const leat_http_route *routes, leat_str path,
                                     leat_http_call *c, const leat_http_route **route)
{
    leat_str segment[SEGMENTS + 1];
    int n = split(path, &c->a, segment);
    if (n < 0) return LEAT_HTTP_BAD_PATH;
    bool found = false, head = leat_str_is(c->method, "HEAD");
    for (const leat_http_route *r = routes; r->method; r++) {
        if (!fits(r->path, segment, n, c->param)) continue;
        found = true;
        if (!leat_str_is(c->method, r->method) && !(head && strcmp(r->method, "GET") == 0))
            continue;
        *route = r;
        return LEAT_HTTP_FOUND;
    }
    return found ? LEAT_HTTP_NO_METHOD : LEAT_HTTP_NO_PATH;
}

char *leat_http_route_allow(const leat_http_route *routes, leat_str path, leat_arena *a)
{
    leat_str segment[SEGMENTS + 1], param[LEAT_HTTP_PARAMS];
    int n = split(path, a, segment);
    char *out = leat_arena_strdup(a, "OPTIONS");
    for (const leat_http_route *r = routes; n >= 0 && r->method; r++) {
        if (!fits(r->path, segment, n, param)) continue;
        bool get = strcmp(r->method, "GET") == 0;
        out = leat_arena_printf(a, "%s%s,%s", get ? "HEAD," : "", r->method, out);
    }
    return out;
}

leat_str leat_http_host_name(leat_str host)
{
    if (host.len > 0 && host.s[0] == '[') {
        const char *end = memchr(host.s, ']', host.len);
        size_t len = end ? (size_t)(end - host.s) + 1 : 0;
        if (len == 0 || (len < host.len && host.s[len] != ':')) return (leat_str){"", 0};
        return (leat_str){host.s, len};
    }
    return leat_str_cut(&host, ':');
}

bool leat_http_host_address(leat_str host)
{
    leat_str name = leat_http_host_name(host);
    char text[INET6_ADDRSTRLEN + 1];
    struct in6_addr addr;
    bool six = name.len > 2 && name.s[0] == '[';
    if (six) name = (leat_str){name.s + 1, name.len - 2};
    if (name.len == 0 || name.len >= sizeof text) return false;
    memcpy(text, name.s, name.len);
    text[name.len] = 0;
    return inet_pton(six ? AF_INET6 : AF_INET, text, &addr) == 1;
}

bool leat_http_host_known(leat_str host)
{
    leat_str name = leat_http_host_name(host);
    if (leat_str_ieq(name, LEAT_STR("localhost")) || leat_str_is(name, "[::1]")) return true;
    unsigned part[4];
    char text[16], rest;
    if (name.len == 0 || name.len >= sizeof text) return false;
    memcpy(text, name.s, name.len);
    text[name.len] = 0;
    return sscanf(text, "%3u.%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &part[3], &rest) == 4 &&
           part[0] == 127 && part[1] < 256 && part[2] < 256 && part[3] < 256;
}

bool leat_http_origin_own(leat_str origin, bool tls, leat_str host)
{
    const char *scheme = tls ? "https://" : "http://";
    size_t len = strlen(scheme);
    if (!origin.s) return true;
    if (!leat_str_starts(origin, scheme)) return false;
    return leat_str_ieq((leat_str){origin.s + len, origin.len - len}, host);
}

bool leat_http_mutates(leat_str method)
{
    return !leat_str_is(method, "GET") && !leat_str_is(method, "HEAD") &&
           !leat_str_is(method, "OPTIONS");
}

leat_role leat_http_route_role(const leat_http_route *route, leat_str method)
{
    if (route && route->role != LEAT_ROLE_DEFAULT) return route->role;
    return leat_http_mutates(method) ? LEAT_ROLE_ADMIN : LEAT_ROLE_VIEWER;
}
