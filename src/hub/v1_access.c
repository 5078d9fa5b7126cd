/* Of /hub/v1: who may ask (hub/grants.h), seen and changed by those who logged in, and what this
 * hub is.
 *
 * Who came without a login sees the list and changes nothing of it: else whoever reaches the
 * loopback once could leave a token behind that is good for ever. */
#include "base/clock.h"
#include "base/os.h"
#include "config/open.h"
#include "hub/grants.h"
#include "hub/inside.h"

enum { DAYS_MOST = 36500, PASSWORD_LEAST = 8 };

static void write_grant(const leat_grant *g, const char *token, leat_jw *w)
{
    char at[LEAT_ISO_MAX];
    leat_jw_object(w, NULL);
    leat_jw_z(w, "kind", leat_grant_kind_name(g->kind));
    leat_jw_z(w, "name", g->name);
    leat_jw_z(w, "role", leat_role_name(g->role));
    leat_jw_z(w, "made", leat_iso_us(g->made_us, 0, at));
    leat_jw_z(w, "until", g->until_us ? leat_iso_us(g->until_us, 0, at) : NULL);
    leat_jw_bool(w, "ended", g->until_us && g->until_us <= leat_now_us());
    if (token) leat_jw_z(w, "token", token);
    leat_jw_end(w);
}

void leat_hub_v1_access(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    leat_grant *all = NULL;
    leat_err err = {0};
    leat_jw w = {.out = &c->out};
    if (leat_grants_read(h->conf.data, &c->a, &all, &err) != LEAT_OK) {
        leat_hub_fail(c, &err);
        return;
    }
    leat_jw_array(&w, NULL);
    for (const leat_grant *g = all; g; g = g->next) write_grant(g, NULL, &w);
    leat_jw_end(&w);
}

/* ---- changes ---- */

/* False: answered. */
static bool logged_in(leat_http_call *c)
{
    if (strcmp(c->who.how, "none") != 0) return true;
    leat_http_fail(c, 403,
                   "who may ask is changed by those who logged in; without a login use "
                   "`leat token` and `leat user` on this machine");
    return false;
}

static bool kind_of(leat_str text, leat_grant_kind *out)
{
    for (int k = LEAT_GRANT_TOKEN; k <= LEAT_GRANT_PEER; k++) {
        if (!leat_str_is(text, leat_grant_kind_name((leat_grant_kind)k))) continue;
        *out = (leat_grant_kind)k;
        return true;
    }
    return false;
}

static void fail(leat_http_call *c, const leat_err *err)
{
    int status = strcmp(err->code, "access.taken") == 0     ? 409
                 : strcmp(err->code, "access.unknown") == 0 ? 404
                                                            : 0;
    if (status)
        leat_http_fail(c, status, "%s", err->msg);
    else
        leat_hub_fail(c, err);
}

/* {"kind","name","role","days","password"}; false: answered. */
static bool read_grant(leat_http_call *c, leat_grant *out, leat_str *password)
{
    leat_str name = leat_json_get_str(c->json, "name");
    const leat_json *days = leat_json_get(c->json, "days");
    int64_t n = 0;
    *password = leat_json_get_str(c->json, "password");
    if (!kind_of(leat_json_get_str(c->json, "kind"), &out->kind)) {
        leat_http_fail(c, 400, "\"kind\": expected token, password, certificate or peer");
    } else if (name.len == 0 || memchr(name.s, 0, name.len)) {
        leat_http_fail(c, 400, "\"name\": expected a text");
    } else if (!leat_role_parse(leat_json_get_str(c->json, "role"), &out->role)) {
        leat_http_fail(c, 400, "\"role\": expected viewer, operator or admin");
    } else if (days && days->type != LEAT_JSON_NULL &&
               (days->type != LEAT_JSON_NUMBER || !leat_str_i64(days->text, &n) || n < 1 ||
                n > DAYS_MOST)) {
        leat_http_fail(c, 400, "\"days\": expected a whole number from 1 to %d, or null: for ever",
                       DAYS_MOST);
    } else if (out->kind == LEAT_GRANT_PASSWORD && password->len < PASSWORD_LEAST) {
        leat_http_fail(c, 400, "\"password\": expected %d characters or more", PASSWORD_LEAST);
    } else {
        out->name = leat_arena_str(&c->a, name).s;
        out->made_us = leat_now_us();
        out->until_us = n ? out->made_us + n * 86400 * 1000000 : 0;
        return true;
    }
    return false;
}

void leat_hub_v1_access_post(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    char token[LEAT_TOKEN_TEXT + 1], hash[LEAT_PASSWORD_HASH] = "";
    leat_grant g = {.hash = hash};
    leat_str password;
    leat_err err = {0};
    leat_jw w = {.out = &c->out};
    leat_rc rc = LEAT_OK;
    if (!logged_in(c) || !read_grant(c, &g, &password)) return;
    if (g.kind == LEAT_GRANT_TOKEN) rc = leat_token_make(token, hash, &err);
    if (g.kind == LEAT_GRANT_PASSWORD) rc = leat_password_hash(password, hash, &err);
    if (rc == LEAT_OK) rc = leat_grants_put(h->conf.data, &g, false, &err);
    if (rc != LEAT_OK) {
        fail(c, &err);
        return;
    }
    c->status = 201;
    write_grant(&g, g.kind == LEAT_GRANT_TOKEN ? token : NULL, &w);
}

void leat_hub_v1_access_delete(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    leat_grant_kind kind;
    leat_err err = {0};
    if (!logged_in(c)) return;
    c->status = 204;
    if (!kind_of(c->param[0], &kind))
        leat_http_fail(c, 404, "there is no kind \"%.*s\"", LEAT_STR_ARG(c->param[0]));
    else if (leat_grants_remove(h->conf.data, kind, leat_arena_str(&c->a, c->param[1]).s, &err) !=
             LEAT_OK)
        fail(c, &err);
}

/* ---- the hub itself ---- */

void leat_hub_v1_about(void *hub, leat_http_call *c)
{
    const leat_hub *h = hub;
    char at[LEAT_ISO_MAX];
    leat_jw w = {.out = &c->out};
    int64_t total = -1, free_bytes = leat_os_now()->room(h->conf.data, &total);
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "id", h->id);
    leat_jw_z(&w, "version", LEAT_VERSION);
    leat_jw_z(&w, "address", h->worker);
    leat_jw_z(&w, "url", h->conf.url);
    leat_jw_z(&w, "since", leat_iso_us(h->begun_us, 0, at));
    leat_jw_z(&w, "data", h->conf.data);
    leat_jw_i64(&w, "disk_free_bytes", free_bytes < 0 ? -1 : free_bytes);
    leat_jw_i64(&w, "disk_bytes", free_bytes < 0 ? -1 : total);
    leat_jw_bool(&w, "tls", h->tls != NULL);
    leat_jw_bool(&w, "login", strcmp(c->who.how, "none") != 0);
    leat_jw_bool(&w, "programs", h->conf.code);
    leat_jw_z(&w, "files_root", h->conf.files);
    const leat_open *open = h->conf.open;
    leat_jw_z(&w, "stream", open && (open->kafka || open->worker) ? "kafka" : "embedded");
    leat_jw_i64(&w, "history_seconds", h->conf.history_s);
    leat_jw_end(&w);
}
