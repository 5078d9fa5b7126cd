/* Between source and target: how far the delivery has come, and corrective changes. Asks the
 * connectors' processes. */
#include "base/clock.h"
#include "engine/look.h"
#include "prove/verify/part.h"

enum { ASK_MS = 5000, LOOK_US = 20000, SIGNAL_MS = 60000 };

leat_rc leat_verify_behind(const leat_verify *v, const char *who, const char *what, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "verify.behind", who,
                     "after %lld s (--wait) it has not come to the place that was looked at: %s. "
                     "'leat why %s' tells what holds it up",
                     (long long)(v->conf->wait_us / 1000000), what, who);
}

static leat_rc ask(const leat_verify *v, const char *who, leat_arena *a, const leat_json **reply,
                   leat_err *e)
{
    bool running = true;
    LEAT_TRY(leat_look_ask(v->conf->data, who, LEAT_STR("{\"verb\":\"offsets\"}"), ASK_MS, a, reply,
                           &running, e));
    if (running) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "verify.not_running", who,
                     "it does not run: what the source holds now would never be delivered. Start "
                     "it, and verify while it runs");
}

static leat_rc source_passed(leat_verify *v, const leat_view *view, int64_t until, leat_err *e)
{
    const leat_source *source = v->source_setup.source;
    for (;;) {
        leat_arena a = {0};
        const leat_json *reply = NULL;
        bool passed = false;
        leat_rc rc = ask(v, v->source_name, &a, &reply, e);
        const leat_json *list = leat_json_get(reply, "offsets");
        for (const leat_json *j = list ? list->child : NULL; j && !passed; j = j->next) {
            const leat_json *part = leat_json_get(j, "partition"), *at = leat_json_get(j, "offset");
            if (!part || !at || at->type != LEAT_JSON_OBJECT) continue;
            passed = source->chunks->passed(
                view, (leat_position){leat_json_text(part, &a), leat_json_text(at, &a)});
        }
        leat_arena_free(&a);
        LEAT_TRY(rc);
        if (passed) return LEAT_OK;
        if (leat_mono_us() > until)
            return leat_verify_behind(v, v->source_name, "its stream is behind the database", e);
        LEAT_TRY(leat_verify_goes_on(v, e));
        leat_sleep_us(LOOK_US);
    }
}

/* Of the sink's cursor in the table's topic: where it stands, and the next offset of the stream. */
static leat_rc sink_at(leat_verify *v, int64_t *at, int64_t *next, leat_err *e)
{
    leat_arena a = {0};
    const leat_json *reply = NULL;
    if (v->fold) {
        *at = *next = leat_verify_fold_at(v);
        return LEAT_OK;
    }
    leat_rc rc = ask(v, v->conf->name, &a, &reply, e);
    const leat_json *list = leat_json_get(reply, "topics");
    *at = *next = 0;
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        if (!leat_str_is(leat_json_get_str(j, "topic"), v->told.topic)) continue;
        *at = leat_json_get_i64(j, "offset", 0);
        *next = leat_json_get_i64(j, "next", 0);
    }
    leat_arena_free(&a);
    return rc;
}

static leat_rc sink_passed(leat_verify *v, int64_t until, leat_err *e)
{
    int64_t at, next, wanted;
    if (v->fold) return leat_verify_fold_on(v, until, e);
    LEAT_TRY(sink_at(v, &at, &wanted, e));
    while (at < wanted) {
        if (leat_mono_us() > until)
            return leat_verify_behind(v, v->conf->name, "it is behind its stream", e);
        LEAT_TRY(leat_verify_goes_on(v, e));
        leat_sleep_us(LOOK_US);
        LEAT_TRY(sink_at(v, &at, &next, e));
    }
    return LEAT_OK;
}

leat_rc leat_verify_mark_take(leat_verify *v, leat_verify_mark *m, leat_err *e)
{
    int64_t at;
    m->offsets = NULL;
    leat_arena_reset(&m->arena, 1 << 16);
    /* In this order: a view that has all of the offsets has all below next, too. */
    LEAT_TRY(sink_at(v, &at, &m->next, e));
    return ask(v, v->source_name, &m->arena, &m->offsets, e);
}

leat_cover leat_verify_mark_in(const leat_verify *v, const leat_verify_mark *m,
                               const leat_view *view)
{
    const leat_source_chunks *chunks = v->source_setup.source->chunks;
    const leat_json *list = leat_json_get(m->offsets, "offsets");
    leat_arena a = {0};
    leat_cover all = LEAT_COVER_ALL;
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        const leat_json *part = leat_json_get(j, "partition"), *at = leat_json_get(j, "offset");
        if (!part || !at || at->type != LEAT_JSON_OBJECT) continue;
        leat_cover one =
            chunks->covers(view, (leat_position){leat_json_text(part, &a), leat_json_text(at, &a)});
        if (one == LEAT_COVER_LACKS || all == LEAT_COVER_ALL) all = one;
    }
    leat_arena_free(&a);
    return all;
}

leat_rc leat_verify_passed(leat_verify *v, const leat_view *view, leat_err *e)
{
    int64_t until = leat_mono_us() + v->conf->wait_us;
    LEAT_TRY(source_passed(v, view, until, e));
    return sink_passed(v, until, e);
}

/* ---- corrective changes ---- */

static void note(leat_verify *v, const leat_str *key)
{
    leat_buf_str_z(&v->mend, v->mend.len > 0 ? ",(" : "(");
    for (uint16_t i = 0; i < v->splan.nkey; i++) {
        if (i > 0) leat_buf_u8(&v->mend, ',');
        if (v->source->value)
            v->source->value(&v->mend, &v->splan.fields[i], key[i]);
        else
            leat_buf_quoted(&v->mend, key[i], '\'');
    }
    leat_buf_u8(&v->mend, ')');
}

leat_rc leat_verify_repair(leat_verify *v, const leat_verify_suspect *s, const leat_str *key,
                           bool *done, leat_err *e)
{
    bool much = s->target.n > s->source.n;
    *done = false;
    if (much && v->target->remove && s->target.n > 0) {
        leat_compare_row row = {.key = key,
                                .first = (int64_t)(s->target.first / (leat_int128)s->target.n),
                                .second = (int64_t)(s->target.second / (leat_int128)s->target.n)};
        LEAT_TRY(v->target->remove(v->target, &v->tplan, &row, done, e));
    }
    /* What was removed may have come back at the source just then, as what it was. */
    if (s->source.n == 0 && !*done) return LEAT_OK;
    note(v, key);
    *done = true;
    return v->mend.len > 32 << 10 ? leat_verify_mend(v, e) : LEAT_OK;
}

/* An incremental snapshot of these keys: their rows go through the stream as all others do. */
static void write_signal(const leat_verify *v, leat_buf *out)
{
    leat_buf filter = {0};
    leat_jw w = {.out = out};
    leat_buf_u8(&filter, '(');
    for (uint16_t i = 0; i < v->splan.nkey; i++) {
        if (i > 0) leat_buf_u8(&filter, ',');
        leat_buf_quoted(&filter, leat_str_of(v->splan.fields[i].name), v->source->quote);
    }
    leat_buf_str_z(&filter, ") IN (");
    leat_buf_add(&filter, leat_buf_str(&v->mend));
    leat_buf_u8(&filter, ')');
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "verb", "signal");
    leat_jw_z(&w, "type", "execute-snapshot");
    leat_jw_object(&w, "data");
    leat_jw_z(&w, "type", "incremental");
    leat_jw_array(&w, "data-collections");
    leat_jw_z(&w, NULL, v->told.source);
    leat_jw_end(&w);
    leat_jw_array(&w, "additional-conditions");
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "data-collection", v->told.source);
    leat_jw_str(&w, "filter", leat_buf_str(&filter));
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_buf_free(&filter);
}

leat_rc leat_verify_mend(leat_verify *v, leat_err *e)
{
    leat_buf text = {0};
    leat_arena a = {0};
    const leat_json *reply = NULL;
    if (v->mend.len == 0) return LEAT_OK;
    write_signal(v, &text);
    leat_rc rc = leat_look_ask(v->conf->data, v->source_name, leat_buf_str(&text), SIGNAL_MS, &a,
                               &reply, NULL, e);
    leat_buf_clear(&v->mend);
    leat_buf_free(&text);
    leat_arena_free(&a);
    return rc;
}
