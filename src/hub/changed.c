/* What a change of a configuration changed, for the audit: options with their values before and
 * after, as they are shown to people. A secret that was replaced is told as its mask, twice. */
#include <stdio.h>

#include "hub/inside.h"

enum { NAME_TOLD = 256, VALUE_TOLD = 1024, TOLD = 16 << 10 };

static void write_value(const leat_json *shown, const char *name, leat_jw *w)
{
    leat_str value = leat_json_get_str(shown, name);
    if (!value.s) {
        leat_jw_null(w, NULL);
        return;
    }
    if (value.len > VALUE_TOLD) value.len = leat_str_fit(value, VALUE_TOLD);
    leat_jw_str(w, NULL, value);
}

static void write_both(const char *name, const leat_json *before, const leat_json *after,
                       leat_jw *w)
{
    char shown[NAME_TOLD + 1];
    snprintf(shown, sizeof shown, "%.*s", (int)leat_str_fit(leat_str_of(name), NAME_TOLD), name);
    leat_jw_array(w, shown);
    write_value(before, name, w);
    write_value(after, name, w);
    leat_jw_end(w);
}

/* False: it was too much for a row, "..." stands for it and the rest. */
static bool write_option(const char *name, const leat_json *before, const leat_json *after,
                         leat_jw *w)
{
    const leat_jw was = *w;
    size_t len = w->out->len;
    write_both(name, before, after, w);
    if (w->out->len <= TOLD) return true;
    *w = was;
    w->out->len = len;
    write_both("...", NULL, NULL, w);
    return false;
}

static const leat_json *shown_of(const leat_hub_side *side, leat_arena *a)
{
    const leat_json *j = NULL;
    if (side->props) leat_json_parse(a, side->shown, &j, NULL);
    return j;
}

static const char *get(const leat_hub_side *side, const char *name)
{
    return side->props ? leat_props_get(side->props, name) : NULL;
}

static const leat_prop *first(const leat_hub_side *side)
{
    return side->props ? side->props->first : NULL;
}

void leat_hub_changed(leat_http_call *c, leat_hub_side was, leat_hub_side now)
{
    const leat_json *before = shown_of(&was, &c->a), *after = shown_of(&now, &c->a);
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    bool room = true;
    leat_jw_object(&w, NULL);
    for (const leat_prop *p = first(&was); p && room; p = p->next) {
        const char *value = get(&now, p->name);
        if (!value || strcmp(value, p->value) != 0) room = write_option(p->name, before, after, &w);
    }
    for (const leat_prop *p = first(&now); p && room; p = p->next)
        if (!get(&was, p->name)) room = write_option(p->name, before, after, &w);
    leat_jw_end(&w);
    c->changed = leat_arena_str(&c->a, leat_buf_str(&text));
    leat_buf_free(&text);
}
