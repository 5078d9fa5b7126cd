/* Takeover from Kafka Connect (prove/takeover/takeover.h).
 *
 * Looked at first: configuration, stream, what is here, offsets. Then, with an undo of each step:
 * the connector is stopped there; the offsets are read again, for they are final only now; they are
 * stored here; the configuration is written to a file. REST tells nothing of the worker: its
 * converters come from the worker's file, or from the connector that names its own. */
#include <stdio.h>
#include <unistd.h>

#include "base/os.h"
#include "engine/process.h"
#include "prove/takeover/part.h"
#include "state/state.h"

/* ---- looking ---- */

static leat_rc read_config(leat_takeover_run *t, leat_err *e)
{
    LEAT_TRY(leat_rest_config(t->rest, t->conf->name, t->conf->open, &t->a, &t->config, e));
    leat_takeover_tell(t, "configuration", LEAT_TAKEOVER_OK, "%s, %s",
                       leat_props_get(&t->config->props, "connector.class"),
                       t->config->worker ? leat_arena_printf(&t->a, "into Kafka at %s",
                                                             leat_props_get(t->config->worker,
                                                                            "bootstrap.servers"))
                                         : "into the embedded stream");
    return LEAT_OK;
}

/* Where the records went must be said: REST does not know the brokers. */
static leat_rc check_stream(const leat_takeover_run *t, leat_err *e)
{
    bool kafka = t->conf->open->kafka || t->conf->open->worker;
    if (kafka && t->conf->embedded)
        return leat_fail(e, LEAT_CONF, "config.stream", "--embedded",
                         "either --embedded, or --kafka and a worker's file");
    if (!kafka && !t->conf->embedded)
        return leat_fail(e, LEAT_CONF, "config.stream", t->conf->name,
                         "Kafka Connect does not tell which Kafka it writes to: name its worker's "
                         "file behind the connector, or give --kafka BROKERS; --embedded is for "
                         "leat's own stream");
    return LEAT_OK;
}

/* Into Kafka the records must look as before, so both converters must be known. */
static leat_rc check_converters(const leat_takeover_run *t, leat_err *e)
{
    static const char *const names[] = {"key.converter", "value.converter"};
    for (size_t i = 0; t->config->worker && i < 2; i++)
        if (!leat_props_get(&t->config->props, names[i]))
            return leat_fail(
                e, LEAT_CONF, "config.converter", t->conf->name,
                "the connector names no %s, so its worker's counts, which Kafka Connect "
                "does not tell: name the worker's file behind the connector",
                names[i]);
    return LEAT_OK;
}

static void tell_report(leat_takeover_run *t, const leat_report *r)
{
    for (const leat_problem *p = r ? r->first : NULL; p; p = p->next)
        if (p->warning)
            leat_takeover_tell(t, "option", LEAT_TAKEOVER_WARN, "%s: %s",
                               p->option ? p->option : t->conf->name, p->msg);
}

static leat_rc parse(leat_takeover_run *t, leat_err *e)
{
    leat_report r;
    leat_report_init(&r, &t->a);
    bool good = leat_setup_parse(t->config, false, &t->a, &t->setup, &r);
    tell_report(t, t->config->told);
    tell_report(t, &r);
    if (!good) return leat_report_err(&r, t->conf->name, e);
    if (t->setup.source) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "takeover.sink", t->conf->name,
                     "only sources can be taken over: a sink's offsets are those of its group of "
                     "consumers");
}

/* A connector of the name here: only one that was given back. */
static leat_rc check_here(leat_takeover_run *t, leat_err *e)
{
    leat_state *s = NULL;
    leat_desired desired = {0};
    leat_err err;
    leat_rc rc = leat_state_open(t->conf->data, t->conf->name, true, &s, &err);
    t->made = rc != LEAT_OK && strcmp(err.code, "connector.unknown") == 0;
    if (rc != LEAT_OK && !t->made) *e = err;
    if (rc == LEAT_OK) rc = leat_state_desired_get(s, &desired, e);
    leat_state_close(s);
    if (t->made) return LEAT_OK;
    LEAT_TRY(rc);
    if (desired.paused && strstr(desired.by, "takeover")) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "takeover.exists", t->conf->name,
                     "there is a connector of this name in %s, and it was not given back by 'leat "
                     "takeover --back': delete it, or use another --data folder",
                     t->conf->data);
}

/* One of Kafka Connect's as the source stores it. */
static leat_rc take_offset(leat_takeover_run *t, const leat_json *j, leat_err *e)
{
    const leat_source *source = t->setup.source;
    const leat_json *partition = leat_json_get(j, "partition"),
                    *offset = leat_json_get(j, "offset");
    if (!partition || partition->type != LEAT_JSON_OBJECT || !offset ||
        offset->type != LEAT_JSON_OBJECT)
        return leat_fail(e, LEAT_CONF, "connect.answer", t->conf->name,
                         "Kafka Connect gave an offset that is none: " LEAT_STR_FMT,
                         LEAT_STR_ARG(leat_json_text(j, &t->a)));
    leat_position pos = {leat_json_text(partition, &t->a), leat_json_text(offset, &t->a)},
                  out = pos;
    leat_position none = {pos.partition, {0}};
    const char *note;
    leat_rc rc = source->offset_check
                     ? source->offset_check(t->setup.conf, none, pos, &t->a, &out, &note, e)
                     : LEAT_OK;
    if (rc == LEAT_PENDING) rc = e->rc = LEAT_CONF;
    LEAT_TRY(rc);
    t->pos[t->n++] = out;
    return LEAT_OK;
}

static leat_rc read_offsets(leat_takeover_run *t, leat_err *e)
{
    const leat_json *j, *list;
    size_t n = 0;
    LEAT_TRY(leat_rest_call(t->rest, "GET", "/connectors/%s/offsets", t->conf->name, (leat_str){0},
                            &t->a, &j, e));
    list = leat_json_get(j, "offsets");
    for (const leat_json *k = list ? list->child : NULL; k; k = k->next) n++;
    if (n == 0)
        return leat_fail(e, LEAT_CONF, "takeover.no_offsets", t->conf->name,
                         "Kafka Connect has no offsets of it, so there is nothing to go on from: "
                         "start its configuration here after deleting it there");
    t->pos = LEAT_NEW(&t->a, leat_position, n);
    t->n = 0;
    for (const leat_json *k = list->child; k; k = k->next)
        if (!leat_json_get(leat_json_get(k, "partition"), "leat")) /* what leat noted there */
            LEAT_TRY(take_offset(t, k, e));
    leat_buf text = {0};
    const leat_source *source = t->setup.source;
    for (size_t i = 0; i < t->n; i++) {
        leat_buf_add(&text, t->pos[i].partition);
        leat_buf_str_z(&text, " at ");
        if (source->offset_text)
            source->offset_text(t->pos[i].offset, &text);
        else
            leat_buf_add(&text, t->pos[i].offset);
        if (i + 1 < t->n) leat_buf_str_z(&text, "; ");
    }
    leat_takeover_tell(t, "offsets", LEAT_TAKEOVER_OK, "%.*s", LEAT_STR_ARG(leat_buf_str(&text)));
    leat_buf_free(&text);
    return LEAT_OK;
}

static leat_rc look(leat_takeover_run *t, leat_err *e)
{
    LEAT_TRY(check_stream(t, e));
    LEAT_TRY(leat_takeover_reach(t, e));
    LEAT_TRY(read_config(t, e));
    LEAT_TRY(check_converters(t, e));
    LEAT_TRY(parse(t, e));
    LEAT_TRY(check_here(t, e));
    return read_offsets(t, e);
}

/* ---- doing ---- */

static leat_rc stop_there(leat_takeover_run *t, leat_err *e)
{
    t->stopped = true; /* even a request that failed may have been heard */
    LEAT_TRY(leat_rest_call(t->rest, "PUT", "/connectors/%s/stop", t->conf->name, LEAT_STR(""),
                            &t->a, NULL, e));
    LEAT_TRY(leat_takeover_wait(t, true, e));
    leat_takeover_tell(t, "stop", LEAT_TAKEOVER_OK,
                       "it is STOPPED on Kafka Connect, without tasks");
    return LEAT_OK;
}

static const char *file_of(leat_takeover_run *t)
{
    if (t->conf->file) return t->conf->file;
    return leat_arena_printf(&t->a, "%s.json", t->conf->name);
}

static leat_rc write_file(leat_takeover_run *t, leat_err *e)
{
    leat_buf json = {0};
    leat_config_write(t->config, NULL, false, &json);
    leat_buf_u8(&json, '\n');
    int err = leat_os_store(file_of(t), leat_buf_str(&json), 0600);
    leat_buf_free(&json);
    if (err < 0) return leat_os_fail(e, err, "write the configuration to", file_of(t));
    leat_takeover_tell(t, "file", LEAT_TAKEOVER_OK,
                       "%s (mode 600: it holds what secrets the configuration held)", file_of(t));
    return LEAT_OK;
}

static leat_rc store_here(leat_takeover_run *t, leat_err *e)
{
    char *by =
        leat_arena_printf(&t->a, "%s: takeover from %s", t->conf->by, leat_rest_url(t->rest));
    LEAT_TRY(leat_process_place(t->conf->data, t->config, t->pos, t->n, by, e));
    leat_takeover_tell(t, "store", LEAT_TAKEOVER_OK, "offsets and configuration are in %s",
                       t->conf->data);
    return LEAT_OK;
}

/* What was done is taken back; what cannot be is told. */
static void undo(leat_takeover_run *t)
{
    leat_err err = {0};
    const leat_process_deleting how = {0};
    if (!t->stopped) return;
    if (t->made) {
        leat_rc rc = leat_process_delete(t->conf->data, t->conf->name, how, &err);
        if (rc != LEAT_OK && strcmp(err.code, "connector.unknown") != 0)
            leat_takeover_tell(t, "undo", LEAT_TAKEOVER_FAILED,
                               "what was stored here could not be removed: %s", err.msg);
    }
    leat_rc rc = leat_rest_call(t->rest, "PUT", "/connectors/%s/resume", t->conf->name,
                                LEAT_STR(""), &t->a, NULL, &err);
    if (rc == LEAT_OK)
        leat_takeover_tell(t, "undo", LEAT_TAKEOVER_UNDONE, "it was resumed on Kafka Connect");
    else
        leat_takeover_tell(t, "undo", LEAT_TAKEOVER_FAILED,
                           "it may be STOPPED on Kafka Connect still, resume it there (PUT "
                           "/connectors/%s/resume): %s",
                           t->conf->name, err.msg);
}

static leat_rc act(leat_takeover_run *t, leat_err *e)
{
    LEAT_TRY(stop_there(t, e));
    LEAT_TRY(read_offsets(t, e));
    LEAT_TRY(store_here(t, e));
    return write_file(t, e);
}

leat_rc leat_takeover(const leat_takeover_conf *conf, leat_err *e)
{
    leat_takeover_run t = {.conf = conf};
    leat_arena_init(&t.a, 0);
    leat_rc rc = look(&t, e);
    if (rc == LEAT_OK && !conf->dry) {
        rc = act(&t, e);
        if (rc != LEAT_OK) undo(&t);
    }
    leat_rest_close(t.rest);
    leat_arena_free(&t.a);
    return rc;
}
