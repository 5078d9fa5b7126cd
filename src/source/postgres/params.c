/* slot.stream.params: what is told to pgoutput beside what leat tells it itself.
 *
 * Debezium passes any text on. Here only what leaves the form of the stream alone is: origin, and
 * messages (which leat sets itself unless told otherwise). What would change the form is refused by
 * name, and so are the parameters of other plugins, which pgoutput would refuse as well. Pure; run
 * by any thread. */
#include "source/postgres/params.h"

typedef struct param {
    const char *name;
    const char *values[3]; /* what it can be; none: it is refused */
    int since;             /* server_version_num */
    const char *why;       /* it is refused */
} param;

static const param params[] = {
    {"origin", {"any", "none"}, 160000, NULL},
    {"messages", {"true", "false"}, 140000, NULL},
    {"proto_version", {NULL}, 0, "the stream is read as protocol 1"},
    {"publication_names", {NULL}, 0, "publication.name says which publications are read"},
    {"binary", {NULL}, 0, "values are read in their text form"},
    {"streaming", {NULL}, 0, "transactions are read whole, after their commit"},
    {"two_phase", {NULL}, 0, "prepared transactions are read when they are committed"},
};

static const param *find(leat_str name)
{
    for (size_t i = 0; i < sizeof params / sizeof *params; i++)
        if (leat_str_is(name, params[i].name)) return &params[i];
    return NULL;
}

/* The next part of *rest; false at the end. */
static bool next(leat_str *rest, leat_str *name, leat_str *value)
{
    while (rest->s) {
        leat_str part = leat_str_trim(leat_str_cut(rest, ';'));
        if (part.len == 0) continue;
        *name = leat_str_trim(leat_str_cut(&part, '='));
        *value = part.s ? leat_str_trim(part) : (leat_str){0};
        return true;
    }
    return false;
}

static bool fits(const param *p, leat_str value)
{
    for (size_t i = 0; p->values[i]; i++)
        if (leat_str_is(value, p->values[i])) return true;
    return false;
}

void leat_pg_params_check(const char *text, leat_report *r)
{
    static const char option[] = "slot.stream.params";
    leat_str rest = text ? leat_str_of(text) : (leat_str){0}, name, value;
    while (next(&rest, &name, &value)) {
        const param *p = find(name);
        if (!p)
            leat_report_add(r, false, option, 0,
                            "\"" LEAT_STR_FMT "\" is no parameter of pgoutput, which refuses it: "
                            "remove it. (add-tables, include-lsn and the like are of other "
                            "plugins; publication.name and table.include.list choose tables)",
                            LEAT_STR_ARG(name));
        else if (p->why)
            leat_report_add(r, false, option, 0, "%s cannot be set: %s. Remove it", p->name,
                            p->why);
        else if (!fits(p, value))
            leat_report_add(r, false, option, 0, "%s must be %s or %s, got \"" LEAT_STR_FMT "\"",
                            p->name, p->values[0], p->values[1], LEAT_STR_ARG(value));
    }
}

leat_rc leat_pg_params_put(const char *text, int version, leat_buf *out, leat_err *e)
{
    leat_str rest = text ? leat_str_of(text) : (leat_str){0}, name, value;
    bool messages = false;
    while (next(&rest, &name, &value)) {
        const param *p = find(name);
        if (!p || !fits(p, value) || version < p->since)
            return leat_fail(e, LEAT_CONF, "postgres.option", "slot.stream.params",
                             "the server is too old for slot.stream.params=" LEAT_STR_FMT
                             "=" LEAT_STR_FMT " (PostgreSQL %d or later has it): remove it",
                             LEAT_STR_ARG(name), LEAT_STR_ARG(value), p ? p->since / 10000 : 0);
        messages |= leat_str_is(name, "messages");
        leat_buf_printf(out, ", %s '" LEAT_STR_FMT "'", p->name, LEAT_STR_ARG(value));
    }
    if (!messages && version >= 140000) leat_buf_str_z(out, ", messages 'true'");
    return LEAT_OK;
}
