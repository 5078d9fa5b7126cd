/* Of /hub/v1: dead letters; engine/letters.h says what they are. */
#include "engine/letters.h"

#include "engine/look.h"
#include "hub/inside.h"

enum { LETTERS_MAX = 1000, LETTERS_DEFAULT = 100 };

typedef struct letters {
    leat_jw w;
    int64_t n, max;
    bool whole;
} letters;

static bool write_letter(void *arg, const leat_dead_letter *letter)
{
    letters *g = arg;
    if (g->n++ >= g->max) return false;
    leat_letters_write(letter, g->whole, &g->w);
    return true;
}

/* id 0: all behind after. */
static leat_rc each_letter(const leat_hub *h, const char *name, int64_t after, int64_t id,
                           letters *g, leat_err *e)
{
    leat_state *s = NULL;
    leat_rc rc = leat_state_open(h->conf.data, name, true, &s, e);
    if (rc == LEAT_OK) rc = leat_state_dead_each(s, after, id, write_letter, g, e);
    leat_state_close(s);
    return rc;
}

void leat_hub_v1_letters(void *hub, leat_http_call *c)
{
    leat_hub_connector k;
    leat_err err = {0};
    int64_t after = 0;
    letters g = {.w = {.out = &c->out}, .max = LETTERS_DEFAULT};
    if (!leat_hub_need(hub, c, &k) || !leat_hub_number(c, "after", 0, INT64_MAX, &after) ||
        !leat_hub_number(c, "max", 1, LETTERS_MAX, &g.max))
        return;
    leat_jw_array(&g.w, NULL);
    if (leat_rc_failed(each_letter(hub, k.name, after, 0, &g, &err)))
        leat_hub_fail(c, &err);
    else
        leat_jw_end(&g.w);
}

/* The id of the path, 0: it is none. */
static int64_t id_of(const leat_http_call *c)
{
    int64_t id = 0;
    return leat_str_i64(c->param[1], &id) && id > 0 ? id : 0;
}

static void missing(leat_http_call *c, const leat_hub_connector *k)
{
    leat_http_fail(c, 404, "connector %s has no dead letter %.*s", k->name,
                   LEAT_STR_ARG(c->param[1]));
}

void leat_hub_v1_letter(void *hub, leat_http_call *c)
{
    leat_hub_connector k;
    leat_err err = {0};
    int64_t id = id_of(c);
    letters g = {.w = {.out = &c->out}, .max = 1, .whole = true};
    if (!leat_hub_need(hub, c, &k)) return;
    if (id > 0 && leat_rc_failed(each_letter(hub, k.name, 0, id, &g, &err)))
        leat_hub_fail(c, &err);
    else if (g.n == 0)
        missing(c, &k);
}

/* ---- what is done with them ---- */

/* The verb's request, with a member of the body's text; text is freed. NULL: it failed, which is
 * answered. */
static const leat_json *told(leat_hub *h, leat_http_call *c, leat_buf *text)
{
    leat_hub_connector k;
    leat_hub_claim claim;
    leat_err err = {0};
    const leat_json *reply = NULL;
    leat_rc rc = LEAT_OK;
    leat_hub_claim_name(h, &claim, leat_arena_str(&c->a, c->param[0]).s);
    if (!leat_hub_need(h, c, &k))
        rc = LEAT_CONF;
    else
        rc = leat_look_ask(h->conf.data, k.name, leat_buf_str(text), LEAT_HUB_EDIT_MS, &c->a,
                           &reply, NULL, &err);
    leat_hub_give_back(h, &claim);
    leat_buf_free(text);
    if (leat_rc_failed(err.rc) && strcmp(err.code, "dead_letter.unknown") == 0)
        leat_http_fail(c, 404, "%s", err.msg);
    else if (leat_rc_failed(err.rc) && strcmp(err.code, "dead_letter.source") == 0)
        leat_http_fail(c, 409, "%s", err.msg);
    else if (leat_rc_failed(err.rc))
        leat_hub_fail(c, &err);
    return rc == LEAT_OK ? reply : NULL;
}

static void begin_request(leat_http_call *c, leat_jw *w, const char *verb)
{
    leat_jw_object(w, NULL);
    leat_jw_z(w, "verb", verb);
    leat_jw_z(w, "by", c->who.name);
}

/* {"after":{column: value}}; null takes an edit back. */
void leat_hub_v1_letter_patch(void *hub, leat_http_call *c)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    const leat_json *after = leat_json_get(c->json, "after");
    if (!after || (after->type != LEAT_JSON_OBJECT && after->type != LEAT_JSON_NULL)) {
        leat_http_fail(c, 400,
                       "expected {\"after\":{\"column\":value,...}}, or null to take an "
                       "edit back");
        return;
    }
    begin_request(c, &w, "letters-edit");
    leat_jw_i64(&w, "id", id_of(c) > 0 ? id_of(c) : INT64_MAX);
    leat_jw_raw(&w, "after", leat_json_text(after, &c->a));
    leat_jw_end(&w);
    const leat_json *reply = told(hub, c, &text);
    if (reply) leat_json_write(leat_json_get(reply, "letter"), &c->out);
}

void leat_hub_v1_letter_delete(void *hub, leat_http_call *c)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    begin_request(c, &w, "letters-drop");
    leat_jw_array(&w, "ids");
    leat_jw_i64(&w, NULL, id_of(c) > 0 ? id_of(c) : INT64_MAX);
    leat_jw_end(&w);
    leat_jw_end(&w);
    if (told(hub, c, &text)) c->status = 204;
}

/* {"ids":[...]}, or {"all":true} with "table", "topic" or "code". */
static void act(leat_hub *h, leat_http_call *c, const char *verb)
{
    static const char *const members[] = {"ids", "all", "table", "topic", "code"};
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    begin_request(c, &w, verb);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const leat_json *j = leat_json_get(c->json, members[i]);
        if (j) leat_jw_raw(&w, members[i], leat_json_text(j, &c->a));
    }
    leat_jw_end(&w);
    const leat_json *reply = told(h, c, &text);
    if (!reply) return;
    leat_jw out = {.out = &c->out};
    leat_jw_object(&out, NULL);
    for (const leat_json *j = reply->child; j; j = j->next)
        if (!leat_str_is(j->name, "ok"))
            leat_jw_raw(&out, leat_arena_str(&c->a, j->name).s, leat_json_text(j, &c->a));
    leat_jw_end(&out);
}

void leat_hub_v1_letters_retry(void *hub, leat_http_call *c)
{
    act(hub, c, "letters-retry");
}

void leat_hub_v1_letters_drop(void *hub, leat_http_call *c)
{
    act(hub, c, "letters-drop");
}
