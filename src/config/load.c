/* Configuration files: from bytes to a list of named sets of properties, and back to JSON.
 *
 * Says nothing about which options there are: that is opt.c's. Two formats, told apart by the
 * file's ending (.json, else properties). In JSON a value that is a number or boolean is taken as
 * its text, null means "not set", and nested objects and lists are errors that name the key: Kafka
 * Connect's options are flat. Any thread. */
#include "config/seal.h"

#include <stdio.h>

#include "base/os.h"

enum { CONFIG_FILE_MAX = 1 << 20 }; /* bytes */

/* "/etc/leat/shop.properties" -> "shop". */
static leat_str base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    leat_str s = leat_str_of(slash ? slash + 1 : path);
    for (size_t i = s.len; i > 1; i--) {
        if (s.s[i - 1] != '.') continue;
        s.len = i - 1;
        break;
    }
    return s;
}

static leat_config *config_new(leat_arena *a, const char *file)
{
    leat_config *c = LEAT_NEW(a, leat_config, 1);
    leat_props_init(&c->props, file ? leat_arena_strdup(a, file) : NULL);
    return c;
}

/* Settles the name: the option, or def, which then becomes the option. */
static void name_config(leat_config *c, leat_arena *a, leat_str def)
{
    const char *name = leat_props_get(&c->props, "name");
    leat_str n = leat_str_trim(leat_str_of(name));
    if (n.len == 0) n = def;
    leat_props_set(&c->props, a, LEAT_STR("name"), n, 0);
    c->name = leat_props_get(&c->props, "name");
}

leat_rc leat_config_properties(leat_arena *a, leat_str text, const char *name, leat_config **out,
                               leat_err *e)
{
    leat_config *c = config_new(a, name);
    LEAT_TRY(leat_props_read(a, text, &c->props, e));
    name_config(c, a, base_name(name ? name : "connector"));
    *out = c;
    return LEAT_OK;
}

/* A JSON document being read. */
typedef struct reader {
    leat_arena *a;
    const char *name; /* of the file, for messages */
    leat_err *e;
} reader;

/* The members of an object into props. */
static leat_rc take_options(const reader *r, const leat_json *object, leat_props *props)
{
    for (const leat_json *j = object->child; j; j = j->next) {
        leat_str text = j->text;
        switch (j->type) {
        case LEAT_JSON_NULL: continue;
        case LEAT_JSON_TRUE: text = LEAT_STR("true"); break;
        case LEAT_JSON_FALSE: text = LEAT_STR("false"); break;
        case LEAT_JSON_NUMBER:
        case LEAT_JSON_STRING: break;
        case LEAT_JSON_ARRAY:
        case LEAT_JSON_OBJECT:
            return leat_fail(r->e, LEAT_CONF, "config.nested", leat_arena_str(r->a, j->name).s,
                             "%s: the value of \"" LEAT_STR_FMT "\" is %s; options are flat: give "
                             "it a text, a number or a boolean",
                             r->name, LEAT_STR_ARG(j->name),
                             j->type == LEAT_JSON_ARRAY ? "a list" : "an object");
        }
        if (j->name.len == 0 || memchr(j->name.s, '\0', j->name.len) ||
            (text.len > 0 && memchr(text.s, '\0', text.len)))
            return leat_fail(r->e, LEAT_CONF, "config.syntax", r->name,
                             "an option with an empty name, or with a NUL in name or value");
        leat_props_set(props, r->a, j->name, text, 0);
    }
    return LEAT_OK;
}

static leat_rc take_worker(const reader *r, const leat_json *worker, leat_config *c)
{
    if (worker == NULL || worker->type == LEAT_JSON_NULL) return LEAT_OK;
    if (worker->type != LEAT_JSON_OBJECT)
        return leat_fail(r->e, LEAT_CONF, "config.syntax", r->name,
                         "\"worker\" must be an object of options");
    c->worker = LEAT_NEW(r->a, leat_props, 1);
    leat_props_init(c->worker, c->props.file);
    return take_options(r, worker, c->worker);
}

/* The wrapping {"name":..., "config":{...}}: all but these and the worker may be what GET
 * /connectors/NAME adds (tasks, type) or POST takes (initial_state). */
static leat_rc take_wrapped(const reader *r, const leat_json *j, leat_config *c)
{
    static const char *const known[] = {"name",  "config", "worker",
                                        "tasks", "type",   "initial_state"};
    for (const leat_json *m = j->child; m; m = m->next) {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && !leat_str_is(m->name, known[i])) i++;
        if (i == sizeof known / sizeof known[0])
            return leat_fail(r->e, LEAT_CONF, "config.syntax", r->name,
                             "unknown field \"" LEAT_STR_FMT "\" beside \"config\"; options go "
                             "inside \"config\"",
                             LEAT_STR_ARG(m->name));
    }
    LEAT_TRY(take_options(r, leat_json_get(j, "config"), &c->props));
    LEAT_TRY(take_worker(r, leat_json_get(j, "worker"), c));
    const leat_json *name = leat_json_get(j, "name");
    if (name == NULL || name->type == LEAT_JSON_NULL) return LEAT_OK;
    leat_str outer = leat_str_trim(leat_json_get_str(j, "name"));
    if (outer.len == 0 || memchr(outer.s, '\0', outer.len))
        return leat_fail(r->e, LEAT_CONF, "config.syntax", r->name,
                         "\"name\" must be a text that is not empty");
    const char *inner = leat_props_get(&c->props, "name");
    if (inner && !leat_str_eq(leat_str_trim(leat_str_of(inner)), outer))
        return leat_fail(r->e, LEAT_CONF, "config.name", r->name,
                         "\"name\" is \"" LEAT_STR_FMT
                         "\" outside of \"config\" and \"%s\" inside; "
                         "make them equal",
                         LEAT_STR_ARG(outer), inner);
    leat_props_set(&c->props, r->a, LEAT_STR("name"), outer, 0);
    return LEAT_OK;
}

/* One connector. def: its name if it does not say; absent when it has to. */
static leat_rc take_config(const reader *r, const leat_json *j, leat_str def, leat_config **out)
{
    if (j->type != LEAT_JSON_OBJECT)
        return leat_fail(r->e, LEAT_CONF, "config.syntax", r->name,
                         "expected an object {\"name\":..., \"config\":{...}}, an object of "
                         "options, or a list of these");
    leat_config *c = config_new(r->a, r->name);
    const leat_json *config = leat_json_get(j, "config");
    if (config && config->type == LEAT_JSON_OBJECT)
        LEAT_TRY(take_wrapped(r, j, c));
    else
        LEAT_TRY(take_options(r, j, &c->props));
    const char *name = leat_props_get(&c->props, "name");
    if (def.s == NULL && (name == NULL || leat_str_trim(leat_str_of(name)).len == 0))
        return leat_fail(r->e, LEAT_CONF, "config.name", r->name,
                         "each connector of a list needs a \"name\"");
    name_config(c, r->a, def);
    *out = c;
    return LEAT_OK;
}

static leat_rc take_list(const reader *r, const leat_json *list, leat_config **out)
{
    leat_config **tail = out;
    *out = NULL;
    for (const leat_json *j = list->child; j; j = j->next) {
        LEAT_TRY(take_config(r, j, (leat_str){NULL, 0}, tail));
        for (const leat_config *c = *out; c != *tail; c = c->next)
            if (strcmp(c->name, (*tail)->name) == 0)
                return leat_fail(r->e, LEAT_CONF, "config.name", r->name,
                                 "two connectors are named \"%s\"", c->name);
        tail = &(*tail)->next;
    }
    if (*out == NULL)
        return leat_fail(r->e, LEAT_CONF, "config.syntax", r->name, "the list is empty");
    return LEAT_OK;
}

leat_rc leat_config_json(leat_arena *a, leat_str text, const char *name, leat_config **out,
                         leat_err *e)
{
    leat_err scratch;
    reader r = {a, name ? name : "configuration", e ? e : &scratch};
    const leat_json *j;
    if (leat_str_starts(text, "\xEF\xBB\xBF")) text = (leat_str){text.s + 3, text.len - 3};
    leat_rc rc = leat_json_parse(a, text, &j, r.e);
    if (leat_rc_failed(rc)) {
        char msg[sizeof r.e->msg];
        snprintf(msg, sizeof msg, "%s", r.e->msg);
        return leat_fail(r.e, LEAT_CONF, "config.syntax", r.name, "%s", msg);
    }
    if (j->type == LEAT_JSON_ARRAY) return take_list(&r, j, out);
    return take_config(&r, j, base_name(name ? name : "connector"), out);
}

leat_rc leat_config_load(leat_arena *a, const char *path, leat_config **out, leat_err *e)
{
    leat_buf text = {0};
    int err = leat_os_load(path, &text, CONFIG_FILE_MAX);
    leat_rc rc;
    size_t len = strlen(path);
    if (err < 0)
        rc = leat_os_fail(e, err, "read the configuration file", path);
    else if (len > 5 && leat_str_ieq((leat_str){path + len - 5, 5}, LEAT_STR(".json")))
        rc = leat_config_json(a, leat_buf_str(&text), path, out, e);
    else
        rc = leat_config_properties(a, leat_buf_str(&text), path, out, e);
    leat_buf_free(&text);
    return rc;
}

static void write_props(leat_jw *w, const char *name, const leat_props *props,
                        leat_opt_tables tables, bool mask)
{
    leat_jw_object(w, name);
    for (const leat_prop *p = props->first; p; p = p->next) {
        bool hide = mask && leat_config_secret(tables, p->name, p->value);
        leat_jw_z(w, p->name, hide ? "***" : p->value);
    }
    leat_jw_end(w);
}

void leat_config_write(const leat_config *c, leat_opt_tables tables, bool mask, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "name", c->name);
    if (c->worker) write_props(&w, "worker", c->worker, NULL, mask);
    write_props(&w, "config", &c->props, tables, mask);
    leat_jw_end(&w);
}
