/* What both directions of a takeover do (prove/takeover/part.h): telling, reaching Kafka Connect,
 * waiting for a state there. */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "prove/takeover/part.h"

enum { LOOK_US = 200000 };

void leat_takeover_tell(leat_takeover_run *t, const char *name, leat_takeover_state state,
                        const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    leat_str_mend(text);
    t->conf->step(t->conf->arg, name, state, text);
}

leat_rc leat_takeover_reach(leat_takeover_run *t, leat_err *e)
{
    const leat_json *j;
    LEAT_TRY(leat_rest_open(t->conf->url, &t->conf->login, &t->rest, e));
    LEAT_TRY(leat_rest_call(t->rest, "GET", "/", NULL, (leat_str){0}, &t->a, &j, e));
    leat_str version = leat_json_get_str(j, "version");
    if (!version.s)
        return leat_fail(e, LEAT_CONF, "connect.answer", leat_rest_url(t->rest),
                         "what answers there is no Kafka Connect: it tells no version");
    leat_takeover_tell(t, "connect", LEAT_TAKEOVER_OK, "Kafka Connect %.*s at %s",
                       LEAT_STR_ARG(version), leat_rest_url(t->rest));
    return LEAT_OK;
}

leat_rc leat_takeover_status(leat_takeover_run *t, leat_str *state, unsigned *tasks,
                             unsigned *running, leat_str *trace, leat_err *e)
{
    const leat_json *j, *list;
    LEAT_TRY(leat_rest_call(t->rest, "GET", "/connectors/%s/status", t->conf->name, (leat_str){0},
                            &t->a, &j, e));
    const leat_json *connector = leat_json_get(j, "connector");
    *state = leat_json_get_str(connector, "state");
    *trace = leat_json_get_str(connector, "trace");
    *tasks = *running = 0;
    list = leat_json_get(j, "tasks");
    for (const leat_json *k = list ? list->child : NULL; k; k = k->next) {
        ++*tasks;
        if (leat_str_is(leat_json_get_str(k, "state"), "RUNNING")) ++*running;
        if (leat_str_is(leat_json_get_str(k, "state"), "FAILED") && !trace->s)
            *trace = leat_json_get_str(k, "trace");
    }
    if (state->s) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "connect.answer", t->conf->name,
                     "Kafka Connect tells no state of the connector");
}

leat_rc leat_takeover_wait(leat_takeover_run *t, bool stopped, leat_err *e)
{
    int64_t until = leat_mono_us() + t->conf->wait_ms * 1000;
    for (;;) {
        leat_str state, trace;
        unsigned tasks, running;
        LEAT_TRY(leat_takeover_status(t, &state, &tasks, &running, &trace, e));
        if (stopped && leat_str_is(state, "STOPPED") && tasks == 0) return LEAT_OK;
        if (!stopped && leat_str_is(state, "RUNNING") && tasks > 0 && running == tasks)
            return LEAT_OK;
        if (!stopped && trace.s) {
            leat_str rest = trace, first = leat_str_cut(&rest, '\n');
            return leat_fail(e, LEAT_CONF, "takeover.failed", t->conf->name,
                             "it failed on Kafka Connect: %.*s", LEAT_STR_ARG(first));
        }
        if (leat_mono_us() >= until)
            return leat_fail(
                e, LEAT_RETRY, "takeover.waiting", t->conf->name,
                "after %lld s it is %.*s on Kafka Connect, with %u tasks (%u running); "
                "--wait says how long to wait",
                (long long)(t->conf->wait_ms / 1000), LEAT_STR_ARG(state), tasks, running);
        leat_sleep_us(LOOK_US);
    }
}
