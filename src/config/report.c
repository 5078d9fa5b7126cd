/* The list of what is wrong with a configuration, and that list as one error.
 *
 * Nothing is printed here and nothing is sorted: problems stand in the order of the tables, as the
 * user reads them in the docs. Not thread-safe. */
#include <stdarg.h>
#include <stdio.h>

#include "config/opt.h"

void leat_report_init(leat_report *r, leat_arena *a)
{
    *r = (leat_report){.a = a};
    r->tail = &r->first;
}

void leat_report_add(leat_report *r, bool warning, const char *option, int line, const char *fmt,
                     ...)
{
    enum { MSG_MAX = 4096 };
    char msg[MSG_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    if (n < 0) msg[0] = '\0';

    leat_problem *p = LEAT_NEW(r->a, leat_problem, 1);
    p->option = option ? leat_arena_strdup(r->a, option) : NULL;
    p->warning = warning;
    p->code = NULL;
    p->line = line;
    p->msg = leat_arena_strdup(r->a, leat_report_shown(r, msg));
    *r->tail = p;
    r->tail = &p->next;
    if (warning)
        r->warnings++;
    else
        r->errors++;
}

void leat_report_add_err(leat_report *r, const char *option, const leat_err *err)
{
    leat_problem **at = r->tail;
    leat_report_add(r, false, option, 0, "%s", err->msg);
    (*at)->code = leat_arena_strdup(r->a, err->code);
}

/* The code of a report with one error. */
static const char *code_of(const leat_report *r)
{
    for (const leat_problem *p = r->first; p && r->errors == 1; p = p->next)
        if (!p->warning && p->code) return p->code;
    return "config.invalid";
}

void leat_report_hide(leat_report *r, const leat_props *props)
{
    for (const leat_prop *p = props->first; p; p = p->next) {
        if (!p->brought || strlen(p->value) < LEAT_HIDDEN_LEAST) continue;
        leat_hidden *one = LEAT_NEW(r->a, leat_hidden, 1);
        *one = (leat_hidden){leat_arena_strdup(r->a, p->value), r->hidden};
        r->hidden = one;
    }
}

const char *leat_report_shown(const leat_report *r, const char *text)
{
    static const char mask[] = "***";
    for (const leat_hidden *one = r->hidden; text && one; one = one->next) {
        size_t len = strlen(one->value);
        for (const char *at = text; (at = strstr(at, one->value)) != NULL;) {
            size_t before = (size_t)(at - text);
            text = leat_arena_printf(r->a, "%.*s%s%s", (int)before, text, mask, at + len);
            at = text + before + sizeof mask - 1;
        }
    }
    return text;
}

leat_rc leat_report_err(const leat_report *r, const char *where, leat_err *e)
{
    /* Room is left for the last line, which says how many were cut. */
    enum { LAST_LINE = 64 };
    char text[sizeof e->msg];
    size_t len = 0;
    unsigned shown = 0;
    if (r->errors == 0) return LEAT_OK;
    for (const leat_problem *p = r->first; p; p = p->next) {
        if (p->warning) continue;
        char line[24] = "";
        if (p->line > 0) snprintf(line, sizeof line, " (line %d)", p->line);
        int n = snprintf(text + len, sizeof text - len, "%s%s%s%s%s", shown ? "\n" : "",
                         p->option ? p->option : "", p->option ? ": " : "", p->msg, line);
        if (n < 0 || (shown > 0 && len + (size_t)n >= sizeof text - LAST_LINE)) break;
        len = len + (size_t)n < sizeof text ? len + (size_t)n : sizeof text - 1;
        shown++;
        if (len >= sizeof text - LAST_LINE) break;
    }
    if (shown == 1 && len > sizeof text - LAST_LINE && r->errors > 1) len = sizeof text - LAST_LINE;
    text[len] = '\0';
    if (shown == r->errors) return leat_fail(e, LEAT_CONF, code_of(r), where, "%s", text);
    return leat_fail(e, LEAT_CONF, "config.invalid", where, "%s\n... and %u more", text,
                     r->errors - shown);
}
