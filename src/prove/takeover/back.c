/* Giving back to Kafka Connect (prove/takeover/takeover.h).
 *
 * The connector is still defined there, STOPPED, as the takeover left it. It is stopped here, and
 * paused, so that nobody starts it beside the other; its offsets go there by PATCH, are read back
 * and compared; then it is resumed there. What fails after the stop is undone: stopped there, not
 * paused here. */
#include <stdio.h>

#include "base/clock.h"
#include "engine/control.h"
#include "engine/exchange.h"
#include "engine/process.h"
#include "prove/takeover/part.h"
#include "state/state.h"

enum { ASK_MS = 5000 };

/* A request to the connector that does not run. */
static leat_rc ask(leat_takeover_run *t, const char *verb, const leat_json **reply, leat_err *e)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "verb", verb);
    leat_jw_z(&w, "by", leat_arena_printf(&t->a, "%s: takeover --back", t->conf->by));
    leat_jw_end(&w);
    leat_rc rc =
        leat_process_stopped(t->conf->data, t->conf->name, leat_buf_str(&text), &t->a, reply, e);
    leat_buf_free(&text);
    return rc;
}

/* ---- looking ---- */

static leat_rc look_there(leat_takeover_run *t, leat_err *e)
{
    leat_str state, trace;
    unsigned tasks, running;
    LEAT_TRY(leat_takeover_status(t, &state, &tasks, &running, &trace, e));
    if (!leat_str_is(state, "STOPPED"))
        return leat_fail(e, LEAT_CONF, "takeover.running", t->conf->name,
                         "it is %.*s on Kafka Connect, and offsets can be set only while it is "
                         "STOPPED: it was not taken over from there, or somebody resumed it",
                         LEAT_STR_ARG(state));
    leat_takeover_tell(t, "there", LEAT_TAKEOVER_OK, "it is STOPPED on Kafka Connect");
    return LEAT_OK;
}

/* The connector here, and whether it runs. */
static leat_rc look_here(leat_takeover_run *t, bool *runs, leat_err *e)
{
    leat_state *s = NULL;
    leat_str json = {0};
    const leat_json *j = NULL;
    leat_report r;
    LEAT_TRY(leat_state_open(t->conf->data, t->conf->name, true, &s, e));
    leat_rc rc = leat_state_config_get(s, &t->a, &json, e);
    leat_state_close(s);
    LEAT_TRY(rc);
    LEAT_TRY(leat_config_json(&t->a, json, t->conf->name, &t->config, e));
    leat_report_init(&r, &t->a);
    if (!leat_setup_parse(t->config, false, &t->a, &t->setup, &r))
        return leat_report_err(&r, t->conf->name, e);
    if (!t->setup.source)
        return leat_fail(e, LEAT_CONF, "takeover.sink", t->conf->name, "it is a sink");
    char *folder = leat_arena_printf(&t->a, "%s/connectors/%s", t->conf->data, t->conf->name);
    *runs = leat_control_call(folder, LEAT_STR("{\"verb\":\"status\"}"), ASK_MS, &t->a, &j, NULL) ==
            LEAT_OK;
    leat_takeover_tell(t, "here", LEAT_TAKEOVER_OK,
                       *runs ? "it runs here" : "it does not run here");
    if (!t->setup.kafka)
        leat_takeover_tell(t, "stream", LEAT_TAKEOVER_WARN,
                           "it wrote into the embedded stream: Kafka's topics do not have what was "
                           "read here");
    return LEAT_OK;
}

/* ---- doing ---- */

/* Ends the process, and takes its lock until it is gone. */
static leat_rc stop_here(leat_takeover_run *t, bool runs, leat_err *e)
{
    const leat_json *j;
    char *folder = leat_arena_printf(&t->a, "%s/connectors/%s", t->conf->data, t->conf->name);
    int64_t until = leat_mono_us() + t->conf->wait_ms * 1000;
    if (runs)
        LEAT_TRY(leat_control_call(folder, LEAT_STR("{\"verb\":\"stop\"}"), ASK_MS, &t->a, &j, e));
    leat_rc rc;
    do rc = ask(t, "pause", &j, e);
    while (rc == LEAT_CONF && strcmp(e->code, "connector.locked") == 0 && leat_mono_us() < until);
    LEAT_TRY(rc);
    t->stopped = true;
    leat_takeover_tell(t, "stop", LEAT_TAKEOVER_OK,
                       "it is stopped here, and paused: a start would change nothing");
    return LEAT_OK;
}

/* {"offsets":[{"partition","offset"}]} as Kafka Connect takes it. */
static leat_rc offsets_of(leat_takeover_run *t, leat_buf *out, leat_err *e)
{
    const leat_json *reply = NULL;
    LEAT_TRY(ask(t, "offsets", &reply, e));
    const leat_json *list = leat_json_get(reply, "offsets");
    int64_t spooled = leat_json_get_i64(reply, "spooled", 0);
    if (spooled > 0)
        return leat_fail(e, LEAT_CONF, "takeover.spool", t->conf->name,
                         "%lld changes are in the spool of this machine and not in Kafka yet, and "
                         "would be lost to it: start it here, let it send them, then give it back",
                         (long long)spooled);
    if (leat_json_get_bool(reply, "in_doubt", false))
        return leat_fail(e, LEAT_CONF, "takeover.doubt", t->conf->name,
                         "whether its last transaction is committed in Kafka is not known, since "
                         "it died meanwhile: start it here, which finds out, then give it back");
    if (leat_json_get_bool(reply, "inside", false))
        return leat_fail(e, LEAT_CONF, "takeover.inside", t->conf->name,
                         "it stopped inside a transaction of the source, of which Kafka has the "
                         "beginning, and Kafka Connect would send that again: start it here, let "
                         "the transaction come to its end, then give it back");
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_array(&w, "offsets");
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        leat_buf part = {0}, offset = {0};
        const leat_json *to = leat_json_get(j, "offset");
        if (!to || to->type != LEAT_JSON_OBJECT) continue;
        leat_json_write(leat_json_get(j, "partition"), &part);
        leat_json_write(to, &offset);
        leat_jw_object(&w, NULL);
        leat_jw_raw(&w, "partition", leat_buf_str(&part));
        leat_jw_raw(&w, "offset", leat_buf_str(&offset));
        leat_jw_end(&w);
        leat_takeover_tell(t, "offsets", LEAT_TAKEOVER_OK, "%.*s at %.*s",
                           LEAT_STR_ARG(leat_buf_str(&part)), LEAT_STR_ARG(leat_buf_str(&offset)));
        leat_buf_free(&part);
        leat_buf_free(&offset);
        t->n++;
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
    if (t->n > 0) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "takeover.no_offsets", t->conf->name,
                     "it has no offsets here: there is nothing to give back");
}

/* The members of want are in have, whatever their order. */
static bool holds(const leat_json *have, const leat_json *want)
{
    bool same = true;
    for (const leat_json *m = want->child; m && same; m = m->next) {
        leat_buf x = {0}, y = {0};
        const leat_json *other = NULL;
        for (const leat_json *k = have->child; k && !other; k = k->next)
            if (leat_str_eq(k->name, m->name)) other = k;
        if (other) leat_json_write(other, &x);
        leat_json_write(m, &y);
        same = other && leat_str_eq(leat_buf_str(&x), leat_buf_str(&y));
        leat_buf_free(&x);
        leat_buf_free(&y);
    }
    return same;
}

/* Each offset that was sent is what Kafka Connect has now. */
static leat_rc compare(leat_takeover_run *t, leat_str sent, leat_err *e)
{
    const leat_json *j, *want, *have;
    LEAT_TRY(leat_json_parse(&t->a, sent, &want, e));
    LEAT_TRY(leat_rest_call(t->rest, "GET", "/connectors/%s/offsets", t->conf->name, (leat_str){0},
                            &t->a, &j, e));
    have = leat_json_get(j, "offsets");
    want = leat_json_get(want, "offsets");
    for (const leat_json *m = want->child; m; m = m->next) {
        bool found = false;
        for (const leat_json *k = have ? have->child : NULL; k && !found; k = k->next) {
            const leat_json *offset = leat_json_get(k, "offset");
            found = holds(leat_json_get(k, "partition"), leat_json_get(m, "partition")) && offset &&
                    holds(offset, leat_json_get(m, "offset"));
        }
        if (!found)
            return leat_fail(e, LEAT_CONF, "takeover.offsets", t->conf->name,
                             "Kafka Connect took the offsets and has others now");
    }
    leat_takeover_tell(t, "write", LEAT_TAKEOVER_OK, "Kafka Connect has these offsets now");
    return LEAT_OK;
}

/* Debezium reads its schema history at its start: what was noted here must stand in it by then. */
static leat_rc write_history(leat_takeover_run *t, leat_err *e)
{
    const leat_setup *setup = &t->setup;
    leat_state *state = NULL;
    if (!setup->source->history) return LEAT_OK;
    char *folder = leat_arena_printf(&t->a, "%s/connectors/%s", t->conf->data, t->conf->name);
    leat_exchange *x =
        leat_exchange_new(setup->exchange, setup->source, setup->conf, t->conf->name, folder);
    if (!x) {
        leat_takeover_tell(
            t, "history", LEAT_TAKEOVER_WARN,
            "Debezium's schema history lacks the statements that were read here: if "
            "a table was altered meanwhile its rows get wrong columns there, or stop "
            "it. schema.history.exchange=mirror writes them");
        return LEAT_OK;
    }
    leat_rc rc = leat_state_open(t->conf->data, t->conf->name, true, &state, e);
    if (rc == LEAT_OK) rc = leat_exchange_finish(x, state, t->conf->wait_ms, e);
    leat_state_close(state);
    leat_exchange_free(x);
    if (rc == LEAT_OK)
        leat_takeover_tell(t, "history", LEAT_TAKEOVER_OK,
                           "the statements that were read here are in Debezium's schema history");
    return rc;
}

static leat_rc write_there(leat_takeover_run *t, leat_err *e)
{
    leat_buf body = {0};
    leat_rc rc = offsets_of(t, &body, e);
    if (rc == LEAT_OK) rc = write_history(t, e);
    if (rc == LEAT_OK)
        rc = leat_rest_call(t->rest, "PATCH", "/connectors/%s/offsets", t->conf->name,
                            leat_buf_str(&body), &t->a, NULL, e);
    if (rc == LEAT_OK) rc = compare(t, leat_buf_str(&body), e);
    leat_buf_free(&body);
    return rc;
}

static leat_rc resume_there(leat_takeover_run *t, leat_err *e)
{
    LEAT_TRY(leat_rest_call(t->rest, "PUT", "/connectors/%s/resume", t->conf->name, LEAT_STR(""),
                            &t->a, NULL, e));
    LEAT_TRY(leat_takeover_wait(t, false, e));
    leat_takeover_tell(t, "resume", LEAT_TAKEOVER_OK, "it runs on Kafka Connect");
    return LEAT_OK;
}

static void undo(leat_takeover_run *t)
{
    leat_err err = {0};
    const leat_json *reply;
    if (!t->stopped) return;
    leat_rc rc = leat_rest_call(t->rest, "PUT", "/connectors/%s/stop", t->conf->name, LEAT_STR(""),
                                &t->a, NULL, &err);
    if (rc != LEAT_OK) {
        leat_takeover_tell(t, "undo", LEAT_TAKEOVER_FAILED,
                           "it could not be stopped on Kafka Connect, so it stays paused here: %s",
                           err.msg);
        return;
    }
    if (ask(t, "resume", &reply, &err) == LEAT_OK)
        leat_takeover_tell(t, "undo", LEAT_TAKEOVER_UNDONE,
                           "it is STOPPED on Kafka Connect and not paused here: start it again");
    else
        leat_takeover_tell(t, "undo", LEAT_TAKEOVER_FAILED, "it stays paused here: %s", err.msg);
}

leat_rc leat_takeover_back(const leat_takeover_conf *conf, leat_err *e)
{
    leat_takeover_run t = {.conf = conf};
    bool runs = false;
    leat_arena_init(&t.a, 0);
    leat_rc rc = leat_takeover_reach(&t, e);
    if (rc == LEAT_OK) rc = look_there(&t, e);
    if (rc == LEAT_OK) rc = look_here(&t, &runs, e);
    if (rc == LEAT_OK && !conf->dry) {
        rc = stop_here(&t, runs, e);
        if (rc == LEAT_OK) rc = write_there(&t, e);
        if (rc == LEAT_OK) rc = resume_there(&t, e);
        if (rc != LEAT_OK) undo(&t);
    }
    leat_rest_close(t.rest);
    leat_arena_free(&t.a);
    return rc;
}
