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
    p->line = line;
    p->msg = leat_arena_strdup(r->a, msg);
    *r->tail = p;
    r->tail = &p->next;
    if (warning)
        r->warnings++;
    else
        r->errors++;
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
    if (shown == r->errors) return leat_fail(e, LEAT_CONF, "config.invalid", where, "%s", text);
    return leat_fail(e, LEAT_CONF, "config.invalid", where, "%s\n... and %u more", text,
                     r->errors - shown);
}
