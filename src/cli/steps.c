/* Each step is printed as it happens; see the header. */
#include "cli/steps.h"

#include <stdio.h>

static void print_json(const leat_step *s, const char *state)
{
    leat_buf out = {0};
    leat_step_write(s, state, &out);
    printf("%.*s\n", (int)out.len, out.p);
    fflush(stdout);
    leat_buf_free(&out);
}

static void print_text(const leat_steps *g, const leat_step *s, const char *state)
{
    static const char *const colours[] = {"\033[32m", "\033[31m", "\033[33m", "\033[2m"};
    printf("%s%-7s%s %-22s %s%s%s%s\n", g->colour ? colours[s->state] : "", state,
           g->colour ? "\033[0m" : "", s->name, s->detail ? s->detail : "", s->code ? " [" : "",
           s->code ? s->code : "", s->code ? "]" : "");
    if (s->advice) printf("        -> %s\n", s->advice);
    if (s->sql) printf("        SQL: %s\n", s->sql);
    fflush(stdout);
}

void leat_steps_step(leat_checker *c, const leat_step *s)
{
    static const char *const states[] = {"ok", "FAILED", "warn", "skipped"};
    leat_steps *g = c->arg;
    leat_doctor_add(&g->doctor, s);
    if (leat_steps_script(g)) return;
    if (g->json)
        print_json(s, states[s->state]);
    else
        print_text(g, s, states[s->state]);
}

void leat_steps_end(leat_steps *g, const char *of)
{
    leat_buf text = {0};
    if (g->sql) leat_doctor_script(&g->doctor, of, &text);
    if (g->undo) leat_doctor_undo(&g->doctor, of, &text);
    printf("%.*s", LEAT_STR_ARG(leat_buf_str(&text)));
    fflush(stdout);
    leat_buf_free(&text);
    leat_doctor_free(&g->doctor);
    g->doctor = (leat_doctor){0};
}
