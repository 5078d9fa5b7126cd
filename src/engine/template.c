/* Templates from the tables of systems, or, for a connector of no system, from its option table;
 * see the header.
 *
 * Values to be chosen by a person are shown as examples, with a word of help where the format has
 * comments. */
#include "engine/template.h"

#include "engine/connection_part.h"
#include "sink/sink.h"

/* A line on its way out. */
typedef struct line {
    const char *option, *value, *help; /* help: NULL: none */
    bool choose;
    struct line *next;
} line;

typedef struct lines {
    leat_arena *a;
    line *first, **tail;
} lines;

static void add(lines *l, const char *option, const char *value, const char *help, bool choose)
{
    line *one = LEAT_NEW(l->a, line, 1);
    *one = (line){option, value, help, choose, NULL};
    *l->tail = one;
    l->tail = &one->next;
}

bool leat_template_format_of(leat_str word, leat_template_format *out)
{
    static const char *const words[] = {"properties", "json", "sql"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!leat_str_ieq(word, leat_str_of(words[i]))) continue;
        *out = (leat_template_format)i;
        return true;
    }
    return false;
}

/* ---- what it says ---- */

static const leat_opt *parameter_of(const leat_system *s, const char *name)
{
    return leat_opts_find(s->parameters, leat_str_of(name));
}

static bool mapped(const leat_system_face *face, const char *option)
{
    for (const leat_system_map *m = face->map; m && m->parameter; m++)
        if (strcmp(m->option, option) == 0) return true;
    return false;
}

/* What the connector's own table says of an option. */
static const char *help_of(const leat_system_face *face, const char *option)
{
    const leat_source *source = leat_source_find(leat_str_of(face->connector));
    const leat_sink *sink = source ? NULL : leat_sink_find(leat_str_of(face->connector));
    if (!source && !sink) return NULL;
    const leat_opt *o =
        leat_opts_find(source ? source->options : sink->options, leat_str_of(option));
    return o ? o->help : NULL;
}

/* Address and log-in without a connection: what a person fills in, secrets by a reference. */
static void add_address(lines *l, const leat_system *s, const leat_system_face *face)
{
    leat_props parameters, options;
    leat_props_init(&parameters, NULL);
    leat_system_defaults(s, &parameters, l->a);
    leat_system_options(face, &parameters, l->a, &options);
    for (const leat_prop *p = options.first; p; p = p->next)
        if (!mapped(face, p->name)) add(l, p->name, p->value, help_of(face, p->name), true);
    for (const leat_system_map *m = face->map; m && m->parameter; m++) {
        const leat_opt *o = parameter_of(s, m->parameter);
        const char *value = leat_props_get(&options, m->option);
        if (!o || o->flags & LEAT_OPT_ADVANCED) continue;
        bool secret = (o->flags & LEAT_OPT_SECRET) != 0;
        if (!value && o->flags & LEAT_OPT_REQUIRED) value = "leat";
        if (!value && !secret) continue;
        add(l, m->option, secret ? "${env:PASSWORD}" : value, o->help, true);
    }
}

static void add_strategy(lines *l, const leat_strategy *strategy, const char *name)
{
    for (const leat_template_line *t = strategy->lines; t && t->option; t++)
        add(l, t->option, leat_connection_filled(l->a, t->value, name), t->help, t->choose);
}

/* A connector of no system: what is required, and what has no default but is no more than a few. */
static void add_required(lines *l, const char *connector, leat_opt_tables tables)
{
    add(l, "connector.class", connector, NULL, false);
    for (leat_opt_tables t = tables; *t; t++)
        for (const leat_opt *o = *t; o->name; o++)
            if (o->flags & LEAT_OPT_REQUIRED)
                add(l, o->name, o->def ? o->def : connector, o->help, true);
}

static leat_rc collect(lines *l, const char *connector, const leat_connection *k, bool *sink,
                       leat_err *e)
{
    const leat_source *source = leat_source_find(leat_str_of(connector));
    const leat_sink *to = source ? NULL : leat_sink_find(leat_str_of(connector));
    const char *name = k ? k->name : connector;
    *sink = to != NULL;
    for (const leat_system *const *s = leat_systems; *s; s++) {
        const leat_strategy *strategy = leat_system_carried(*s, connector);
        const leat_system_face *face = leat_system_face_of(*s, connector);
        if (!strategy || !face || !strategy->lines || (k && k->system != *s)) continue;
        if (k && k->strategy->connector && strcmp(k->strategy->connector, connector) == 0)
            strategy = k->strategy;
        add_strategy(l, strategy, name);
        if (k)
            add(l, LEAT_CONNECTION_OPTION, k->name, "Address and log-in.", false);
        else
            add_address(l, *s, face);
        return LEAT_OK;
    }
    if (k)
        return leat_fail(e, LEAT_CONF, "template.system", k->name,
                         "the connection leads to %s, which is nothing for the connector %s",
                         k->system->label, connector);
    if (!source && !to)
        return leat_fail(e, LEAT_CONF, "template.none", connector,
                         "there is no connector \"%s\" in this build", connector);
    add_required(l, source ? source->name : to->name, source ? source->options : to->options);
    if (to) add(l, "topics", "topic", "Topics that are read, separated by commas.", true);
    return LEAT_OK;
}

/* ---- how it says it ---- */

/* A value of .properties: a backslash is doubled, a line goes on in the next one. */
static void put_property(leat_buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\') leat_buf_u8(out, '\\');
        leat_buf_u8(out, (unsigned char)*value);
    }
}

static void write_properties(const line *l, const char *name, leat_buf *out)
{
    leat_buf_printf(out, "name=%s\n", name);
    for (; l; l = l->next) {
        if (l->help)
            leat_buf_printf(out, "# %s%s\n", l->choose ? "To be filled in: " : "", l->help);
        leat_buf_printf(out, "%s=", l->option);
        put_property(out, l->value);
        leat_buf_u8(out, '\n');
    }
}

static void write_json(const line *l, const char *name, leat_buf *out)
{
    leat_buf_str_z(out, "{\n  \"name\": ");
    leat_json_quote(out, leat_str_of(name));
    leat_buf_str_z(out, ",\n  \"config\": {\n");
    for (; l; l = l->next) {
        leat_buf_str_z(out, "    ");
        leat_json_quote(out, leat_str_of(l->option));
        leat_buf_str_z(out, ": ");
        leat_json_quote(out, leat_str_of(l->value));
        leat_buf_str_z(out, l->next ? ",\n" : "\n");
    }
    leat_buf_str_z(out, "  }\n}\n");
}

static void write_sql(const line *l, const char *name, bool sink, leat_buf *out)
{
    leat_buf_printf(out, "CREATE %s CONNECTOR ", sink ? "SINK" : "SOURCE");
    leat_buf_quoted(out, leat_str_of(name), '"');
    leat_buf_str_z(out, " WITH (\n");
    for (; l; l = l->next) {
        if (l->help)
            leat_buf_printf(out, "    -- %s%s\n", l->choose ? "To be filled in: " : "", l->help);
        leat_buf_str_z(out, "    ");
        leat_buf_quoted(out, leat_str_of(l->option), '\'');
        leat_buf_str_z(out, " = ");
        leat_buf_quoted(out, leat_str_of(l->value), '\'');
        leat_buf_str_z(out, l->next ? ",\n" : "\n");
    }
    leat_buf_str_z(out, ");\n");
}

leat_rc leat_template_write(const char *connector, const leat_connection *k,
                            leat_template_format format, leat_buf *out, leat_err *e)
{
    leat_arena a = {0};
    bool sink = false;
    lines l = {.a = &a};
    l.tail = &l.first;
    const char *name = k ? k->name : connector;
    leat_rc rc = collect(&l, connector, k, &sink, e);
    if (rc == LEAT_OK && format == LEAT_TEMPLATE_PROPERTIES) write_properties(l.first, name, out);
    if (rc == LEAT_OK && format == LEAT_TEMPLATE_JSON) write_json(l.first, name, out);
    if (rc == LEAT_OK && format == LEAT_TEMPLATE_SQL) write_sql(l.first, name, sink, out);
    leat_arena_free(&a);
    return rc;
}
