/* Topics of a sink, by name or by pattern; see the header. Looks at the claims of topics, at no
 * stream. Any thread. */
#include "engine/wanted.h"

#include <stdlib.h>

#include "stream/stream.h"

enum { SHOWN = 10 };

leat_rc leat_wanted_of(const leat_connector_conf *c, leat_arena *a, leat_wanted *out, leat_err *e)
{
    leat_regex_problem p;
    *out = (leat_wanted){.names = c->topics};
    if (!c->topics_regex) return LEAT_OK;
    out->pattern = leat_regex_new_cased(a, leat_str_of(c->topics_regex), &p);
    if (out->pattern) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "config.invalid", "topics.regex",
                     "must be a regular expression: %s at character %zu", p.msg, p.offset + 1);
}

leat_rc leat_wanted_fits(const leat_regex *pattern, const char *topic, bool *out, leat_err *e)
{
    leat_err why;
    *out = false;
    leat_rc rc = leat_regex_match(pattern, leat_str_of(topic), out, &why);
    if (rc == LEAT_OK || rc == LEAT_DATA) return LEAT_OK;
    if (e) *e = why;
    return rc;
}

leat_rc leat_wanted_has(const leat_wanted *w, const char *topic, bool *out, leat_err *e)
{
    if (w->pattern) return leat_wanted_fits(w->pattern, topic, out, e);
    *out = false;
    for (size_t i = 0; i < w->names.n; i++)
        if (strcmp(w->names.v[i], topic) == 0) *out = true;
    return LEAT_OK;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

leat_rc leat_wanted_list(const leat_wanted *w, const char *data, leat_arena *a, leat_opt_list *out,
                         leat_err *e)
{
    const char **names;
    size_t n, nfit = 0;
    *out = w->names;
    if (!w->pattern) return LEAT_OK;
    LEAT_TRY(leat_topics_names(data, a, &names, &n, e));
    for (size_t i = 0; i < n; i++) {
        bool fits;
        LEAT_TRY(leat_wanted_fits(w->pattern, names[i], &fits, e));
        if (fits) names[nfit++] = names[i];
    }
    if (nfit > 1) qsort(names, nfit, sizeof *names, by_name);
    *out = (leat_opt_list){names, nfit};
    return LEAT_OK;
}

void leat_wanted_check(const leat_wanted *w, const char *data, leat_checker *c)
{
    leat_arena a = {0};
    leat_buf text = {0};
    leat_opt_list found;
    leat_err err;
    leat_step s = {.name = "topics"};
    if (!w->pattern) return;
    leat_rc rc = leat_wanted_list(w, data, &a, &found, &err);
    if (rc != LEAT_OK) {
        s.state = LEAT_STEP_FAILED;
        s.code = err.code;
        s.detail = err.msg;
    } else if (found.n == 0) {
        s.state = LEAT_STEP_WARN;
        s.code = "sink.no_topic_fits";
        s.detail = "there is no topic yet whose whole name fits topics.regex";
        s.advice = "'leat topics' lists those there are; the sink finds later ones by itself";
    } else {
        leat_buf_printf(&text, "%zu topic%s topics.regex now: ", found.n,
                        found.n == 1 ? " fits" : "s fit");
        for (size_t i = 0; i < found.n && i < SHOWN; i++)
            leat_buf_printf(&text, "%s%s", i > 0 ? ", " : "", found.v[i]);
        if (found.n > SHOWN) leat_buf_printf(&text, " and %zu more", found.n - SHOWN);
        leat_buf_u8(&text, 0);
        s.detail = text.p;
    }
    leat_check_step(c, &s);
    leat_buf_free(&text);
    leat_arena_free(&a);
}
