/* Option tables: from names and texts to a conf struct, and every problem on the way.
 *
 * The rows are walked, not the properties, so that problems come in the order of the docs; what is
 * left over are the unknown names, which are compared with the known ones by edit distance: most
 * are typing errors. A row that is missing or without effect is not read at all, only compared with
 * its default. Pure; any thread. */
#include "base/near.h"
#include "config/files.h"
#include "config/opt_value.h"

/* What goes through all rows of one call. */
typedef struct parse {
    leat_opt_tables tables;
    const leat_props *props;
    leat_arena *a; /* of what conf points at */
    void *conf;
    leat_report *r;
} parse;

static bool many(const leat_opt *o)
{
    return o->type == LEAT_OPT_MANY;
}

static bool is_former(const leat_opt *o, leat_str name)
{
    leat_str rest = leat_str_of(o->was);
    while (rest.s)
        if (leat_str_eq(leat_str_trim(leat_str_cut(&rest, ',')), name)) return true;
    return false;
}

const leat_opt *leat_opts_find(leat_opt_tables tables, leat_str name)
{
    const leat_opt *former = NULL, *starred = NULL;
    for (leat_opt_tables t = tables; t && *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            if (leat_str_is(name, o->name) && !many(o)) return o;
            if (former == NULL && is_former(o, name)) former = o;
            if (starred == NULL && many(o) && leat_opt_fits(o->name, name, NULL)) starred = o;
        }
    }
    return former ? former : starred;
}

static const leat_prop *find_prop(const leat_props *props, leat_str name)
{
    for (const leat_prop *p = props->first; p; p = p->next)
        if (leat_str_is(name, p->name)) return p;
    return NULL;
}

/* The property that sets this row; a former name is told. */
static const leat_prop *prop_of(const leat_opt *o, const leat_props *props, leat_report *r)
{
    const leat_prop *p = find_prop(props, leat_str_of(o->name));
    leat_str rest = leat_str_of(o->was);
    while (rest.s) {
        leat_str name = leat_str_trim(leat_str_cut(&rest, ','));
        const leat_prop *old = find_prop(props, name);
        if (old == NULL) continue;
        if (p == NULL) {
            leat_report_add(r, true, old->name, old->line, "is now called %s; still accepted",
                            o->name);
            p = old;
        } else {
            leat_report_add(r, true, old->name, old->line,
                            "ignored: it is the former name of %s, which is set too", o->name);
        }
    }
    return p;
}

/* The known name that name was most likely meant to be; NULL if none is near. */
static const char *nearest(const leat_opt_tables *sets, size_t n, leat_str name)
{
    const char *found = NULL;
    unsigned best = leat_near_limit(name);
    for (size_t i = 0; i < n; i++) {
        for (leat_opt_tables t = sets[i]; *t; t++) {
            for (const leat_opt *o = *t; o->name; o++) {
                unsigned d = leat_near(name, leat_str_of(o->name));
                if (d >= best || many(o)) continue;
                best = d;
                found = o->name;
            }
        }
    }
    return found;
}

/* A MANY row may have its secret in the name (a salt): then the row's own name is shown. */
static const char *shown_name(const leat_opt *o, const leat_prop *p)
{
    return many(o) && (o->flags & LEAT_OPT_SECRET) ? o->name : p->name;
}

/* NO_EFFECT and MISSING rows: what to say about p; nothing if it is at its default, or empty where
 * there is none. */
static void report_unsupported(const parse *c, const leat_opt *o, const leat_prop *p)
{
    leat_report *r = c->r;
    bool empty = !o->def && leat_str_trim(leat_str_of(p->value)).len == 0;
    if (empty || (o->def && leat_opt_same(o, p->value, o->def, r->a))) return;
    const char *name = shown_name(o, p);
    if (o->flags & LEAT_OPT_NO_EFFECT) {
        /* A typing error may look like one of many. */
        const char *near = many(o) ? nearest(&c->tables, 1, leat_str_of(p->name)) : NULL;
        if (near)
            leat_report_add(r, true, name, p->line,
                            "accepted, but has no effect here; did you mean %s?", near);
        else
            leat_report_add(r, true, name, p->line, "accepted, but has no effect here. %s",
                            o->help);
        return;
    }
    leat_report_add(r, false, name, p->line,
                    "is known but not built yet, and going on without it would change the data; "
                    "take it out%s%s%s. %s",
                    o->def && *o->def ? " or leave it at its default, \"" : "",
                    o->def ? o->def : "", o->def && *o->def ? "\"" : "", o->help);
}

/* The next property from p on that belongs to this MANY row: it fits, and no other row has it. */
static const leat_prop *next_match(const parse *c, const leat_opt *o, const leat_prop *p)
{
    while (p && leat_opts_find(c->tables, leat_str_of(p->name)) != o) p = p->next;
    return p;
}

static void read_match(const parse *c, const leat_opt *o, const leat_prop *p, leat_opt_match *out)
{
    leat_str star[LEAT_OPT_STARS];
    leat_opt_fits(o->name, leat_str_of(p->name), star);
    out->name = leat_arena_strdup(c->a, p->name);
    out->value = leat_arena_str(c->a, leat_str_trim(leat_str_of(p->value))).s;
    out->line = p->line;
    for (unsigned i = 0; i < LEAT_OPT_STARS; i++)
        if (star[i].s) out->star[i] = leat_arena_str(c->a, star[i]).s;
    if (o->flags & LEAT_OPT_REGEX) {
        leat_opt as_list = *o;
        as_list.type = LEAT_OPT_LIST;
        if (p->brought) as_list.flags |= LEAT_OPT_SECRET;
        const char *wrong = leat_opt_check(&as_list, p->value, c->r->a);
        if (wrong) leat_report_add(c->r, false, shown_name(o, p), p->line, "%s", wrong);
    }
}

static void read_many(const parse *c, const leat_opt *o)
{
    const leat_prop *first = next_match(c, o, c->props->first);
    if (o->flags & (LEAT_OPT_NO_EFFECT | LEAT_OPT_MISSING)) {
        for (const leat_prop *p = first; p; p = next_match(c, o, p->next))
            report_unsupported(c, o, p);
        return;
    }
    leat_opt_many out = {NULL, 0};
    for (const leat_prop *p = first; p; p = next_match(c, o, p->next)) out.n++;
    if (out.n > 0) {
        leat_opt_match *v = LEAT_NEW(c->a, leat_opt_match, out.n);
        out.v = v;
        for (const leat_prop *p = first; p; p = next_match(c, o, p->next)) read_match(c, o, p, v++);
    }
    memcpy((char *)c->conf + o->off, &out, sizeof out);
}

/* What this process lets nobody name; NULL: nothing is wrong. */
static const char *out_of_reach(const leat_opt *o, leat_str text, leat_arena *a)
{
    if (o->flags & LEAT_OPT_SYSTEM && leat_str_eq(text, LEAT_STR("system"))) return NULL;
    if (o->flags & LEAT_OPT_FILE) return leat_files_wrong(leat_arena_str(a, text).s, a);
    return o->flags & LEAT_OPT_CODE ? leat_files_code_wrong() : NULL;
}

static void read_row(const parse *c, const leat_opt *o)
{
    const leat_prop *p = prop_of(o, c->props, c->r);
    if (o->flags & (LEAT_OPT_NO_EFFECT | LEAT_OPT_MISSING)) {
        if (p) report_unsupported(c, o, p);
        return;
    }
    const char *text = p ? p->value : o->def;
    bool empty = text == NULL || leat_str_trim(leat_str_of(text)).len == 0;
    if (empty && (o->flags & LEAT_OPT_REQUIRED)) {
        leat_report_add(c->r, false, o->name, p ? p->line : 0,
                        p ? "is required, but empty" : "is required, but not set");
        return;
    }
    if (text == NULL) return;
    leat_opt_value v;
    leat_opt row = *o;
    bool brought = p && p->brought;
    if (brought) row.flags |= LEAT_OPT_SECRET;
    const char *wrong = leat_opt_read(&row, text, c->a, &v);
    if (!wrong && p && !empty) wrong = out_of_reach(o, leat_str_trim(leat_str_of(text)), c->a);
    if (wrong == NULL)
        leat_opt_store(o, &v, c->conf);
    else
        leat_report_add(c->r, false, o->name, p ? p->line : 0, "%s%s", wrong,
                        brought ? "; what its reference stands for is not"
                        : p     ? ""
                                : " (its default: this is a bug)");
}

bool leat_opts_values(leat_opt_tables tables, const leat_props *props, leat_arena *a, void *conf,
                      leat_report *r)
{
    unsigned before = r->errors;
    parse c = {tables, props, a, conf, r};
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            if (many(o))
                read_many(&c, o);
            else
                read_row(&c, o);
        }
    }
    return r->errors == before;
}

/* The row that hides values and that the name, which is no option, was probably meant for. */
static const leat_opt *hiding(const leat_opt_tables *sets, size_t n, leat_str name)
{
    for (size_t i = 0; i < n; i++)
        for (leat_opt_tables t = sets[i]; *t; t++)
            for (const leat_opt *o = *t; o->name; o++) {
                if (!(o->flags & LEAT_OPT_HIDES)) continue;
                size_t words = (size_t)(strchr(strchr(o->name, '.') + 1, '.') + 1 - o->name);
                if (name.len >= words && memcmp(name.s, o->name, words) == 0) return o;
            }
    return NULL;
}

bool leat_opts_unknown(const leat_opt_tables *sets, size_t n, const leat_props *props, bool strict,
                       leat_report *r)
{
    unsigned before = r->errors;
    for (const leat_prop *p = props->first; p; p = p->next) {
        bool known = false;
        for (size_t i = 0; i < n && !known; i++)
            known = leat_opts_find(sets[i], leat_str_of(p->name)) != NULL;
        if (known) continue;
        const leat_opt *o = hiding(sets, n, leat_str_of(p->name));
        if (o) {
            leat_report_add(r, false, o->name, p->line,
                            "the option in this line is named like this one, but is not of its "
                            "form, and ignoring it would show what it is to hide");
            continue;
        }
        const char *near = nearest(sets, n, leat_str_of(p->name));
        leat_report_add(r, !strict, p->name, p->line, "is not an option%s%s%s%s",
                        near ? "; did you mean " : "", near ? near : "", near ? "?" : "",
                        strict ? "" : " (ignored)");
    }
    return r->errors == before;
}

bool leat_opts_parse(leat_opt_tables tables, const leat_props *props, bool strict, leat_arena *a,
                     void *conf, leat_report *r)
{
    bool good = leat_opts_values(tables, props, a, conf, r);
    return leat_opts_unknown(&tables, 1, props, strict, r) && good;
}

bool leat_opts_is_secret(leat_opt_tables tables, leat_str name)
{
    static const char *const words[] = {"password",     "passwd",     "passphrase",  "secret",
                                        "token",        "credential", "private.key", "privatekey",
                                        "api.key",      "apikey",     "access.key",  "jaas",
                                        "keystore.key", "user.info",  "pwd"};
    const leat_opt *o = leat_opts_find(tables, name);
    if (o && (o->flags & LEAT_OPT_SECRET)) return true;
    if (o && !many(o)) return false;
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        size_t len = strlen(words[w]);
        for (size_t at = 0; at + len <= name.len; at++) {
            size_t i = 0;
            while (i < len && leat_near_plain(name.s[at + i]) == words[w][i]) i++;
            if (i == len) return true;
        }
    }
    return false;
}
