/* Verbs of a connector that does not run: the same code as of a running one, under its lock.
 *
 * What it is, its configuration and its stream are opened as a start would, and closed in order.
 * Run by a command's thread. */
#include "base/clock.h"
#include "engine/running.h"

leat_rc leat_process_parse(leat_process *p, leat_err *e)
{
    leat_config *config = NULL;
    leat_rc rc = leat_setup_stored(p->state, p->conf.name, &p->arena, &config, &p->setup, e);
    p->conf.config = config;
    return rc;
}

/* Whether there is such a connector; nothing is made. */
static leat_rc look(const leat_process *p, leat_err *e)
{
    leat_state *s = NULL;
    LEAT_TRY(leat_state_open(p->conf.data, p->conf.name, true, &s, e));
    leat_state_close(s);
    return LEAT_OK;
}

leat_rc leat_process_open(leat_process *p, bool whole, leat_err *e)
{
    LEAT_TRY(look(p, e));
    LEAT_TRY(leat_process_lock(p, NULL, e));
    LEAT_TRY(leat_state_open(p->conf.data, p->conf.name, false, &p->state, e));
    p->notes = p->state;
    LEAT_TRY(leat_state_desired_get(p->state, &p->desired, e));
    return whole ? leat_process_parse(p, e) : LEAT_OK;
}

/* Looking at offsets, and taking an edit of them back where the stream is here, asks no system: it
 * needs no secrets. */
static bool needs_no_secrets(leat_process *p, leat_str verb)
{
    bool reads = leat_str_is(verb, "offsets") || leat_str_is(verb, "offsets-history");
    if (!p->conf.config || (!reads && !leat_str_is(verb, "offsets-undo"))) return false;
    return leat_setup_bare(p->conf.config, &p->arena, &p->setup) && (reads || !p->setup.kafka);
}

leat_rc leat_process_stopped(const char *data, const char *name, leat_str request, leat_arena *a,
                             const leat_json **reply, leat_err *e)
{
    leat_process p = {.conf = {.data = data, .name = name}, .lock = -1};
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    const leat_json *j = NULL;
    leat_arena_init(&p.arena, 0);
    pthread_mutex_init(&p.guard, NULL);
    leat_rc rc = leat_json_parse(a, request, &j, e);
    leat_str verb = leat_json_get_str(j, "verb");
    bool whole = leat_str_starts(verb, "offsets") || leat_str_starts(verb, "letters");
    if (rc == LEAT_OK) rc = leat_process_open(&p, false, e);
    if (rc == LEAT_OK && whole) rc = leat_process_parse(&p, e);
    if (rc == LEAT_CONF && whole && needs_no_secrets(&p, verb)) rc = LEAT_OK;
    leat_jw_object(&w, NULL);
    leat_jw_bool(&w, "ok", true);
    if (rc == LEAT_OK) rc = leat_process_verb(&p, verb, j, &w, e);
    if (rc == LEAT_OK) {
        leat_jw_end(&w);
        rc = leat_json_parse(a, leat_arena_str(a, leat_buf_str(&text)), reply, e);
    }
    leat_buf_free(&text);
    leat_process_close(&p);
    return rc;
}
