/* Option tables to JSON (REST, the page's form) and to Markdown (docs/connectors/NAME.md).
 *
 * Nothing here knows a connector. The Markdown is GitHub's: one section a group in the order in
 * which groups first appear, what is advanced after the rest, and at the end what is accepted
 * without effect or missing, by name and default only. Pure; any thread. */
#include <stdio.h>

#include "config/opt.h"

static const char *const type_names[] = {
    [LEAT_OPT_STR] = "string", [LEAT_OPT_INT] = "int",     [LEAT_OPT_BOOL] = "boolean",
    [LEAT_OPT_ENUM] = "enum",  [LEAT_OPT_MS] = "duration", [LEAT_OPT_BYTES] = "size",
    [LEAT_OPT_LIST] = "list",  [LEAT_OPT_MANY] = "many",
};

const char *leat_opt_type_name(leat_opt_type type)
{
    return type_names[type];
}

const char *leat_opt_class_name(const leat_opt *o)
{
    if (o->flags & LEAT_OPT_NO_EFFECT) return "no_effect";
    return o->flags & LEAT_OPT_MISSING ? "missing" : "supported";
}

static bool ranged(const leat_opt *o)
{
    return o->min != 0 || o->max != 0;
}

static void row_json(const leat_opt *o, leat_jw *w)
{
    leat_jw_object(w, NULL);
    leat_jw_z(w, "name", o->name);
    leat_jw_z(w, "label", o->label);
    leat_jw_z(w, "group", o->group);
    leat_jw_z(w, "help", o->help);
    leat_jw_z(w, "type", leat_opt_type_name(o->type));
    leat_jw_z(w, "default", o->def);
    leat_jw_bool(w, "required", o->flags & LEAT_OPT_REQUIRED);
    leat_jw_bool(w, "secret", o->flags & LEAT_OPT_SECRET);
    leat_jw_bool(w, "advanced", o->flags & LEAT_OPT_ADVANCED);
    leat_jw_bool(w, "fixed", o->flags & LEAT_OPT_FIXED);
    leat_jw_bool(w, "regex", o->flags & LEAT_OPT_REGEX);
    if (ranged(o))
        leat_jw_i64(w, "min", o->min);
    else
        leat_jw_null(w, "min");
    if (ranged(o) && o->max != INT64_MAX)
        leat_jw_i64(w, "max", o->max);
    else
        leat_jw_null(w, "max");
    leat_jw_array(w, "choices");
    for (const char *const *c = o->choices; c && *c; c++) leat_jw_z(w, NULL, *c);
    leat_jw_end(w);
    leat_jw_array(w, "former");
    leat_str rest = leat_str_of(o->was);
    while (rest.s) leat_jw_str(w, NULL, leat_str_trim(leat_str_cut(&rest, ',')));
    leat_jw_end(w);
    leat_jw_z(w, "class", leat_opt_class_name(o));
    leat_jw_end(w);
}

void leat_opts_json(leat_opt_tables tables, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_array(&w, NULL);
    for (leat_opt_tables t = tables; *t; t++)
        for (const leat_opt *o = *t; o->name; o++) row_json(o, &w);
    leat_jw_end(&w);
}

/* Prose in a table's cell: nothing in it is markup but code between backticks. */
static void cell_text(leat_buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        const char *close = *p == '`' ? strchr(p + 1, '`') : NULL;
        if (close) {
            for (; p < close; p++) leat_buf_str_z(out, *p == '|' ? "\\|" : (char[]){*p, 0});
            leat_buf_u8(out, '`');
        } else if (*p == '\n') {
            leat_buf_str_z(out, "<br>");
        } else if (*p == '<') {
            leat_buf_str_z(out, "&lt;");
        } else if (*p == '&') {
            leat_buf_str_z(out, "&amp;");
        } else {
            if (strchr("|*_`[]\\", *p)) leat_buf_u8(out, '\\');
            leat_buf_u8(out, (unsigned char)*p);
        }
    }
}

/* Code in a table's cell. A backtick or bar cannot stand in it in all places, so HTML where one is.
 */
static void cell_code(leat_buf *out, const char *text)
{
    if (strpbrk(text, "`|") == NULL) {
        leat_buf_printf(out, "`%s`", text);
        return;
    }
    leat_buf_str_z(out, "<code>");
    for (const char *p = text; *p; p++) {
        if (*p == '|' || *p == '`' || *p == '<' || *p == '&')
            leat_buf_printf(out, "&#%d;", *p);
        else
            leat_buf_u8(out, (unsigned char)*p);
    }
    leat_buf_str_z(out, "</code>");
}

static void default_cell(const leat_opt *o, leat_buf *out)
{
    if (o->flags & LEAT_OPT_REQUIRED)
        leat_buf_str_z(out, "**required**");
    else if (o->def && *o->def)
        cell_code(out, o->def);
}

/* A number of the row's type as a person would write it: 65536 bytes as 64k, 60000 ms as 1m. */
static void number(const leat_opt *o, int64_t v, leat_buf *out)
{
    static const struct {
        const char *name;
        int64_t factor;
    } ms[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 1}},
      bytes[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {NULL, 1}}, none[] = {{NULL, 1}};
    unsigned u = 0;
    bool time = o->type == LEAT_OPT_MS, size = o->type == LEAT_OPT_BYTES;
    const char *unit = "";
    int64_t factor = 1;
    for (; v != 0; u++) {
        unit = time ? ms[u].name : size ? bytes[u].name : none[u].name;
        factor = time ? ms[u].factor : size ? bytes[u].factor : 1;
        if (unit == NULL || v % factor == 0) break;
    }
    leat_buf_printf(out, "%lld%s", (long long)(v / factor), unit ? unit : "");
}

/* What a value may be, after the help. A bound that is only the type's is not told. */
static void bounds_text(const leat_opt *o, leat_buf *out)
{
    if (o->choices && o->choices[0]) {
        leat_buf_str_z(out, o->type == LEAT_OPT_LIST ? " Any of " : " One of ");
        for (const char *const *c = o->choices; *c; c++) {
            if (c != o->choices) leat_buf_str_z(out, ", ");
            cell_code(out, *c);
        }
        leat_buf_str_z(out, ".");
    }
    bool least = ranged(o) && o->min > INT32_MIN, most = ranged(o) && o->max < INT32_MAX;
    if (!least && !most) return;
    leat_buf_str_z(out, !least ? " At most " : !most ? " At least " : " From ");
    if (least) number(o, o->min, out);
    if (least && most) leat_buf_str_z(out, " to ");
    if (most) number(o, o->max, out);
    leat_buf_str_z(out, ".");
}

static void row_markdown(const leat_opt *o, leat_buf *out)
{
    leat_buf_str_z(out, "| ");
    cell_code(out, o->name);
    leat_buf_printf(out, " | %s | ", leat_opt_type_name(o->type));
    default_cell(o, out);
    leat_buf_str_z(out, " | ");
    cell_text(out, o->help);
    bounds_text(o, out);
    if (o->flags & LEAT_OPT_SECRET) leat_buf_str_z(out, " *Secret: shown nowhere.*");
    if (o->flags & LEAT_OPT_FIXED) leat_buf_str_z(out, " *Fixed once the connector exists.*");
    if (o->was) {
        leat_buf_str_z(out, " *Formerly ");
        leat_str rest = leat_str_of(o->was);
        for (const char *sep = ""; rest.s; sep = ", ") {
            leat_str name = leat_str_trim(leat_str_cut(&rest, ','));
            leat_buf_printf(out, "%s`" LEAT_STR_FMT "`", sep, LEAT_STR_ARG(name));
        }
        leat_buf_str_z(out, ".*");
    }
    leat_buf_str_z(out, " |\n");
}

enum { UNSUPPORTED = LEAT_OPT_NO_EFFECT | LEAT_OPT_MISSING };

/* The supported rows of one group, plain ones or advanced ones. */
static void group_rows(leat_opt_tables tables, const char *group, bool advanced, leat_buf *out)
{
    for (leat_opt_tables t = tables; *t; t++)
        for (const leat_opt *o = *t; o->name; o++)
            if (!(o->flags & UNSUPPORTED) && strcmp(o->group, group) == 0 &&
                (o->flags & LEAT_OPT_ADVANCED) == (advanced ? LEAT_OPT_ADVANCED : 0))
                row_markdown(o, out);
}

/* o is the first supported row of its group. */
static bool opens_group(leat_opt_tables tables, const leat_opt *o)
{
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *p = *t; p->name; p++) {
            if (p == o) return true;
            if (!(p->flags & UNSUPPORTED) && strcmp(p->group, o->group) == 0) return false;
        }
    }
    return true;
}

static void unsupported(leat_opt_tables tables, unsigned flag, const char *heading, leat_buf *out)
{
    bool any = false;
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            if (!(o->flags & flag)) continue;
            if (!any)
                leat_buf_printf(
                    out, "\n%s\n\n| Option | Default | Meaning |\n| --- | --- | --- |\n", heading);
            any = true;
            leat_buf_str_z(out, "| ");
            cell_code(out, o->name);
            leat_buf_str_z(out, " | ");
            default_cell(o, out);
            leat_buf_str_z(out, " | ");
            cell_text(out, o->help);
            leat_buf_str_z(out, " |\n");
        }
    }
}

void leat_opts_markdown(leat_opt_tables tables, leat_buf *out)
{
    bool first = true;
    for (leat_opt_tables t = tables; *t; t++) {
        for (const leat_opt *o = *t; o->name; o++) {
            if ((o->flags & UNSUPPORTED) || !opens_group(tables, o)) continue;
            leat_buf_printf(out,
                            "%s### %s\n\n| Option | Type | Default | Meaning |\n"
                            "| --- | --- | --- | --- |\n",
                            first ? "" : "\n", o->group);
            first = false;
            group_rows(tables, o->group, false, out);
            group_rows(tables, o->group, true, out);
        }
    }
    unsupported(
        tables, LEAT_OPT_NO_EFFECT,
        "### Accepted without effect\n\nKnown from other products; a warning says that they "
        "do nothing here.",
        out);
    unsupported(tables, LEAT_OPT_MISSING,
                "### Not built yet\n\nThese would change the data, so setting one to anything but "
                "its default is an error.",
                out);
}
