/* Comparing two records (prove/shadow/compare.h). Equal bytes are equal; else both are parsed and
 * walked side by side. Members that stand in another order are a difference of their object. */
#include "prove/shadow/compare.h"

#include "prove/shadow/deliberate.h"

typedef struct walk {
    leat_buf path; /* ends with a NUL that is not counted */
    leat_arena *a;
    leat_shadow_found found;
    void *arg;
} walk;

static void differ(walk *w, const leat_json *x, const leat_json *y)
{
    leat_buf_room(&w->path, 1)[0] = 0;
    w->found(w->arg, w->path.p, x, y);
}

static void pair(walk *w, const leat_json *x, const leat_json *y);

/* A member: its name is added to the path for the call. */
static void member(walk *w, leat_str name, const leat_json *x, const leat_json *y)
{
    size_t len = w->path.len;
    leat_buf_u8(&w->path, '.');
    leat_buf_add(&w->path, name);
    if (x && y)
        pair(w, x, y);
    else
        differ(w, x, y);
    w->path.len = len;
}

static const leat_json *named(const leat_json *object, leat_str name)
{
    for (const leat_json *j = object->child; j; j = j->next)
        if (leat_str_eq(j->name, name)) return j;
    return NULL;
}

static void objects(walk *w, const leat_json *x, const leat_json *y)
{
    const leat_json *p = x->child, *q = y->child;
    while (p && q && leat_str_eq(p->name, q->name)) {
        member(w, p->name, p, q);
        p = p->next;
        q = q->next;
    }
    if (!p && !q) return;
    bool missing = false;
    for (const leat_json *j = p; j; j = j->next) {
        const leat_json *other = named(y, j->name);
        missing = missing || !other;
        member(w, j->name, j, other);
    }
    for (const leat_json *j = q; j; j = j->next) {
        if (named(x, j->name)) continue;
        missing = true;
        member(w, j->name, NULL, j);
    }
    if (!missing) member(w, LEAT_STR("(order)"), NULL, q);
}

/* The list of a transaction's tables is told as a whole. */
static bool told_whole(walk *w, const leat_json *x, const leat_json *y)
{
    if (!leat_str_is(leat_buf_str(&w->path), LEAT_SHADOW_COLLECTIONS)) return false;
    leat_arena *a = w->a;
    if (!leat_str_eq(leat_json_text(x, a), leat_json_text(y, a))) differ(w, x, y);
    return true;
}

static void arrays(walk *w, const leat_json *x, const leat_json *y)
{
    unsigned i = 0;
    if (told_whole(w, x, y)) return;
    for (const leat_json *p = x->child, *q = y->child; p || q; i++) {
        size_t len = w->path.len;
        leat_buf_printf(&w->path, "[%u]", i);
        if (p && q)
            pair(w, p, q);
        else
            differ(w, p, q);
        w->path.len = len;
        p = p ? p->next : NULL;
        q = q ? q->next : NULL;
    }
}

static void pair(walk *w, const leat_json *x, const leat_json *y)
{
    if (x->type != y->type) {
        differ(w, x, y);
    } else if (x->type == LEAT_JSON_OBJECT) {
        objects(w, x, y);
    } else if (x->type == LEAT_JSON_ARRAY) {
        arrays(w, x, y);
    } else if (!leat_str_eq(x->text, y->text)) {
        differ(w, x, y);
    }
}

static leat_rc part(walk *w, const char *name, leat_str left, leat_str right, leat_err *e)
{
    const leat_json *x = NULL, *y = NULL, *xs = NULL, *ys = NULL;
    if ((left.s == NULL) == (right.s == NULL) && leat_str_eq(left, right)) return LEAT_OK;
    if (left.s) LEAT_TRY(leat_json_parse(w->a, left, &x, e));
    if (right.s) LEAT_TRY(leat_json_parse(w->a, right, &y, e));
    if (x) x = leat_shadow_payload(x, &xs);
    if (y) y = leat_shadow_payload(y, &ys);
    leat_buf_clear(&w->path);
    leat_buf_str_z(&w->path, name);
    if (!x || !y) {
        differ(w, x, y);
        return LEAT_OK;
    }
    pair(w, x, y);
    if (xs && ys) member(w, LEAT_STR("schema"), xs, ys);
    return LEAT_OK;
}

/* Lists of [name, text]. */
static leat_rc headers(walk *w, leat_str left, leat_str right, leat_err *e)
{
    const leat_json *x, *y;
    if (leat_str_eq(left, right)) return LEAT_OK;
    LEAT_TRY(leat_json_parse(w->a, left, &x, e));
    LEAT_TRY(leat_json_parse(w->a, right, &y, e));
    leat_buf_clear(&w->path);
    leat_buf_str_z(&w->path, "header");
    const leat_json *p = x->child, *q = y->child;
    for (; p && q; p = p->next, q = q->next) {
        if (!leat_str_eq(p->child->text, q->child->text)) break;
        member(w, p->child->text, p->child->next, q->child->next);
    }
    if (p || q) differ(w, p, q);
    return LEAT_OK;
}

leat_rc leat_shadow_compare(const leat_shadow_text *leat, const leat_shadow_text *debezium,
                            leat_arena *a, leat_shadow_found found, void *arg, leat_err *e)
{
    walk w = {.a = a, .found = found, .arg = arg};
    leat_rc rc = part(&w, "key", leat->key, debezium->key, e);
    if (rc == LEAT_OK) rc = part(&w, "value", leat->value, debezium->value, e);
    if (rc == LEAT_OK) rc = headers(&w, leat->headers, debezium->headers, e);
    leat_buf_free(&w.path);
    return rc;
}
