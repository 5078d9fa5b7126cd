/* Of /hub/v1: what a sink delivered, or a source's stream, compared with what the source holds
 * (docs/verify.md). */
#include "hub/inside.h"
#include "hub/verifying.h"

enum { LOAD = 10, WAIT_S = 60, MOST_S = 3600 };

/* A number of the body; false: answered. */
static bool number(leat_http_call *c, const char *name, int64_t def, int64_t most, int64_t *out)
{
    const leat_json *j = leat_json_get(c->json, name);
    *out = def;
    bool good = !j || (j->type == LEAT_JSON_NUMBER && leat_str_i64(j->text, out));
    if (good && *out >= 1 && *out <= most) return true;
    leat_http_fail(c, 400, "%s: expected a number from 1 to %lld", name, (long long)most);
    return false;
}

/* "tables":["schema.table"]; false: answered. */
static bool tables(leat_http_call *c, leat_verifying_order *o)
{
    const leat_json *list = leat_json_get(c->json, "tables");
    const char **names = LEAT_NEW(&c->a, const char *, LEAT_VERIFYING_TABLES);
    bool good = !list || list->type == LEAT_JSON_ARRAY;
    const leat_json *j = good && list ? list->child : NULL;
    for (; j && good; j = j->next) {
        good = j->type == LEAT_JSON_STRING && j->text.len > 0 && o->n < LEAT_VERIFYING_TABLES &&
               !memchr(j->text.s, 0, j->text.len);
        if (good) names[o->n++] = j->text.s;
    }
    o->tables = names;
    if (!good)
        leat_http_fail(c, 400, "tables: expected at most %d names as [\"schema.table\"]",
                       LEAT_VERIFYING_TABLES);
    return good;
}

/* {"tables":[...],"load":10,"wait":60,"seconds":3600,"repair":false}, each if it is to be so. */
void leat_hub_v1_verify_begin(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    leat_err err = {0};
    const leat_json *repair = leat_json_get(c->json, "repair");
    if (!leat_hub_need(h, c, &k)) return;
    leat_verifying_order o = {.name = k.name,
                              .repair = leat_json_get_bool(c->json, "repair", false)};
    if (!c->json || c->json->type != LEAT_JSON_OBJECT) {
        leat_http_fail(c, 400, "expected an object, such as {\"load\":%d}", LOAD);
    } else if (repair && repair->type != LEAT_JSON_TRUE && repair->type != LEAT_JSON_FALSE) {
        leat_http_fail(c, 400, "repair: expected true or false");
    } else if (!k.sink && !(k.source && k.source->compare)) {
        leat_http_fail(c, 400,
                       "%s cannot be compared: name a sink, or a source of PostgreSQL, MySQL or "
                       "MariaDB that reads its log [verify.source]",
                       k.name);
    } else if (tables(c, &o) && number(c, "load", LOAD, 100, &o.load) &&
               number(c, "wait", WAIT_S, LEAT_VERIFYING_MOST_S, &o.wait_s) &&
               number(c, "seconds", MOST_S, LEAT_VERIFYING_MOST_S, &o.most_s)) {
        c->status = 202;
        if (leat_verifying_begin(h->verifying, &o, &err) == LEAT_OK)
            leat_verifying_write(h->verifying, k.name, &c->out);
        else
            leat_http_fail(c, strcmp(err.code, "verify.running") == 0 ? 409 : 429, "%s [%s]",
                           err.msg, err.code);
    }
}

void leat_hub_v1_verify(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    if (leat_hub_need(h, c, &k)) leat_verifying_write(h->verifying, k.name, &c->out);
}

void leat_hub_v1_verify_stop(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_hub_connector k;
    if (!leat_hub_need(h, c, &k)) return;
    c->status = 204;
    if (!leat_verifying_stop(h->verifying, k.name))
        leat_http_fail(c, 409, "connector %s is not being verified", k.name);
}
