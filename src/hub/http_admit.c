/* Who may ask for what, decided by a request's head, before its body is read.
 *
 * In this order: the Host is known; the address does not ask too often; who asks (a password that
 * must be hashed is left to a worker); the path has a route; its role is enough; a page of another
 * origin sent no change; the body is what the route takes. */
#include "hub/http_part.h"

leat_str leat_http_header(const leat_http_request *r, const char *name)
{
    return leat_str_of(MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name));
}

/* ---- where from ---- */

static bool listed(const char *names, leat_str host)
{
    leat_str rest = leat_str_of(names);
    while (rest.s)
        if (leat_str_ieq(leat_str_trim(leat_str_cut(&rest, ',')), host)) return true;
    return false;
}

/* A name that a stranger's name server may have turned to this machine is not known. */
static bool known_host(const leat_http *h, leat_str host)
{
    leat_str name = leat_http_host_name(host);
    if (leat_http_host_known(host)) return true;
    if (name.len == 0) return false;
    if (h->conf.origin &&
        leat_str_ieq(name, leat_http_host_name(leat_str_of(strstr(h->conf.origin, "//") + 2))))
        return true;
    if (h->conf.hosts && listed(h->conf.hosts, name)) return true;
    if (h->conf.local) return false;
    return leat_http_host_address(host) || (h->conf.tls && leat_tls_names(h->conf.tls, name));
}

/* False: refused, and answered. */
static bool from_here(leat_http *h, leat_http_request *r)
{
    leat_http_call *c = &r->call;
    leat_str host = leat_http_header(r, "Host");
    bool at_socket = r->peer->uid >= 0;
    if (!at_socket && !known_host(h, host)) {
        leat_http_fail(c, 403, "Host \"%.*s\" is not known here: ask for an address of this hub%s",
                       LEAT_STR_ARG(host.s ? host : LEAT_STR("")),
                       h->conf.local ? " or localhost" : ", or start it with --host NAME");
        return false;
    }
    bool tls = h->conf.tls && !at_socket;
    c->base = leat_arena_printf(&c->a, "%s://%.*s", tls ? "https" : "http",
                                LEAT_STR_ARG(host.len ? host : LEAT_STR("localhost")));
    if (leat_watch_rate(h->watch, r->peer)) return true;
    r->wait = true;
    leat_http_fail(c, 429, "more than %u requests a second from %s", h->conf.rate,
                   r->peer->address);
    return false;
}

/* A page of another origin may look at nothing it is told, but what it sends arrives. */
static bool own_page(const leat_http *h, leat_http_request *r)
{
    leat_http_call *c = &r->call;
    leat_str host = leat_http_header(r, "Host"), site = leat_http_header(r, "Sec-Fetch-Site");
    leat_str origin = leat_http_header(r, "Origin");
    bool proxied = h->conf.origin && leat_str_ieq(origin, leat_str_of(h->conf.origin));
    bool own = (proxied || leat_http_origin_own(origin, h->conf.tls != NULL, host)) &&
               (!site.s || leat_str_is(site, "same-origin") || leat_str_is(site, "none"));
    if (own || !leat_http_mutates(c->method)) return true;
    leat_http_fail(c, 403, "a page of another origin may not change anything here");
    return false;
}

/* ---- who ---- */

/* The name in the client's certificate; false: it has one that is no good, and was answered. */
static bool certificate(leat_http_request *r, const char **name)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    bool bad = false;
    *name = info ? leat_tls_client(info->tls_session, &r->call.a, &bad) : NULL;
    if (!bad) return true;
    leat_http_fail(&r->call, 401,
                   "the client's certificate is not valid here: it must be in date, for clients, "
                   "signed by an authority of --tls-client-ca, and have a common name");
    return false;
}

static bool refuse(leat_http_request *r, leat_login_result why)
{
    leat_http_call *c = &r->call;
    if (why == LEAT_LOGIN_WAIT) {
        r->wait = true;
        leat_http_fail(c, 429, "too many wrong logins from %s; try again later", r->peer->address);
    } else if (why == LEAT_LOGIN_BROKEN) {
        leat_http_fail(c, 503, "who may ask cannot be read; the hub's log says why");
    } else {
        r->challenge = true;
        leat_http_fail(c, 401, "%s",
                       why == LEAT_LOGIN_WRONG
                           ? "this login is not, or no longer, granted"
                           : "a login is needed: a token (Authorization: Bearer "
                             "...), or a name and password (Basic)");
    }
    return false;
}

/* False: refused, and answered. slow: this thread may wait. */
static bool logged_in(leat_http *h, leat_http_request *r, bool slow)
{
    leat_http_call *c = &r->call;
    leat_login_try t = {.address = r->peer->address,
                        .authorization = leat_http_header(r, "Authorization"),
                        .uid = r->peer->uid};
    bool open = h->conf.local && !h->conf.login && r->peer->uid < 0;
    bool anyone = leat_http_route_role(r->route, c->method) == LEAT_ROLE_ANYONE;
    c->who = (leat_who){.name = "anonymous", .how = "none", .address = r->peer->address};
    if (h->conf.tls && r->peer->uid < 0 && leat_tls_trust(h->conf.tls) &&
        !certificate(r, &t.certificate))
        return false;
    leat_login_result result = leat_login_check(h->login, &t, slow, &c->a, &c->who);
    if (result == LEAT_LOGIN_NOTHING && open) c->who.role = LEAT_ROLE_ADMIN;
    r->slow = result == LEAT_LOGIN_SLOW;
    if (result == LEAT_LOGIN_IN || r->slow || (result == LEAT_LOGIN_NOTHING && (open || anyone)))
        return true;
    return refuse(r, result);
}

static bool allowed(leat_http_request *r)
{
    leat_http_call *c = &r->call;
    leat_role need = leat_http_route_role(r->route, c->method);
    if (r->slow || need == LEAT_ROLE_ANYONE || c->who.role >= need) return true;
    leat_http_fail(c, 403, "this needs the role %s; %s has %s", leat_role_name(need), c->who.name,
                   leat_role_name(c->who.role));
    return false;
}

/* ---- for what ---- */

static bool is_json(leat_str type)
{
    leat_str word = leat_str_trim(leat_str_cut(&type, ';'));
    return leat_str_ieq(word, LEAT_STR("application/json")) ||
           leat_str_ieq(word, LEAT_STR("application/vnd.ksql.v1+json"));
}

/* The body that is announced fits the route. False: refused, and answered. */
static bool body_fits(leat_http_request *r)
{
    leat_http_call *c = &r->call;
    leat_str length = leat_http_header(r, "Content-Length"),
             type = leat_http_header(r, "Content-Type");
    int64_t bytes = 0;
    bool some = leat_http_header(r, "Transfer-Encoding").s ||
                (length.s && leat_str_i64(length, &bytes) && bytes > 0);
    if (bytes > LEAT_HTTP_BODY) {
        leat_http_fail(c, 413, "a body takes at most %d bytes, got %lld", LEAT_HTTP_BODY,
                       (long long)bytes);
        return false;
    }
    if (!leat_http_mutates(c->method) || is_json(type) || (!some && !r->route->body)) return true;
    leat_http_fail(c, 415, "HTTP 415 Unsupported Media Type");
    return false;
}

static void no_route(const leat_http *h, leat_http_request *r, leat_http_match match)
{
    leat_http_call *c = &r->call;
    switch (match) {
    case LEAT_HTTP_FOUND: break;
    case LEAT_HTTP_BAD_PATH: leat_http_fail(c, 400, "HTTP 400 Bad Request: this is no path"); break;
    case LEAT_HTTP_NO_PATH: leat_http_fail(c, 404, "HTTP 404 Not Found"); break;
    case LEAT_HTTP_NO_METHOD:
        r->allow = leat_http_route_allow(h->conf.routes, c->path, &c->a);
        if (leat_str_is(c->method, "OPTIONS"))
            c->type = "application/json";
        else
            leat_http_fail(c, 405, "HTTP 405 Method Not Allowed");
        break;
    }
}

/* A proxy may send the path as the browser did. */
static void without_prefix(const leat_http *h, leat_http_call *c)
{
    c->prefix = h->conf.prefix ? h->conf.prefix : "";
    size_t n = strlen(c->prefix);
    if (n == 0 || !leat_str_starts(c->path, c->prefix)) return;
    if (c->path.len == n)
        c->path = LEAT_STR("/");
    else if (c->path.s[n] == '/')
        c->path = (leat_str){c->path.s + n, c->path.len - n};
}

void leat_http_admit(leat_http *h, leat_http_request *r)
{
    leat_http_call *c = &r->call;
    r->answered = true;
    c->who = (leat_who){.name = "anonymous", .how = "none", .address = r->peer->address};
    without_prefix(h, c);
    if (!from_here(h, r)) return;
    leat_http_match match = leat_http_route_find(h->conf.routes, c->path, c, &r->route);
    if (match != LEAT_HTTP_FOUND) r->route = NULL;
    if (!logged_in(h, r, false) || !own_page(h, r)) return;
    if (match != LEAT_HTTP_FOUND && !r->slow) {
        no_route(h, r, match);
        return;
    }
    r->answered = match == LEAT_HTTP_FOUND && (!allowed(r) || !body_fits(r));
}

/* Of a path without a route only who asks was left open. */
bool leat_http_admit_slow(leat_http *h, leat_http_request *r)
{
    leat_http_call *c = &r->call;
    if (!logged_in(h, r, true) || !allowed(r)) return false;
    if (r->route) return true;
    no_route(h, r, leat_http_route_find(h->conf.routes, c->path, c, &r->route));
    return false;
}
