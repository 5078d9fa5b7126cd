/* Looking at a connector's offsets, and editing them: Kafka Connect's shape in and out.
 *
 * An edit is: what is wanted (from the request, or the history), checked by the source against what
 * is there, and applied while no source is open, by the engine's thread or, where nothing runs,
 * under the connector's lock. The history notes what was replaced before the edit, and what with
 * behind it. A sink's offsets are its cursors, one a topic (inputs.h). */
#include "base/clock.h"
#include "base/log.h"
#include "engine/inputs.h"
#include "engine/running.h"
#include "stream/asof.h"
#include "stream/kafka/kafka.h"

/* One request, while it is answered. */
typedef struct edit {
    leat_process *p;
    leat_arena a;
    leat_position *now; /* where it stands ... */
    size_t nnow;
    leat_position *was, *to; /* ... and the n partitions that change: before, after */
    const char **notes;      /* what follows from each; NULL: nothing */
    size_t n;
    leat_str progress; /* of the stream, absent: stays */
    const char *what;  /* "set", "reset", "undo" */
    const char *by;    /* for the history */
} edit;

static leat_position find(const leat_position *pos, size_t n, leat_str partition)
{
    for (size_t i = 0; i < n; i++)
        if (leat_str_eq(pos[i].partition, partition)) return pos[i];
    return (leat_position){partition, {0}};
}

/* ---- where it stands ---- */

leat_rc leat_process_positions(leat_process *p, leat_arena *a, leat_position **pos, size_t *n,
                               leat_err *e)
{
    if (p->setup.sink && p->setup.kafka)
        return leat_fail(e, LEAT_CONF, "offsets.kafka", p->conf.name,
                         "the sink reads Kafka, as the consumer group %s: Kafka's own tools show "
                         "its offsets (kafka-consumer-groups --describe). A relational target has "
                         "them in its table of cursors, and those count",
                         p->setup.intake.group);
    if (p->setup.sink) {
        leat_opt_list topics;
        LEAT_TRY(leat_wanted_list(&p->setup.wanted, p->conf.data, a, &topics, e));
        return leat_inputs_positions(p->conf.data, p->conf.name, &topics, a, pos, n, e);
    }
    if (p->engine) {
        leat_engine_positions(p->engine, a, pos, n);
        return LEAT_OK;
    }
    LEAT_TRY(leat_process_stream(p, e));
    const leat_stream_state *st = p->stream->ops->state(p->stream);
    *n = st->npos;
    *pos = LEAT_NEW(a, leat_position, st->npos);
    for (size_t i = 0; i < st->npos; i++)
        (*pos)[i] = (leat_position){leat_arena_str(a, st->pos[i].partition),
                                    leat_arena_str(a, st->pos[i].offset)};
    return LEAT_OK;
}

/* ---- JSON ---- */

static void write_text(const leat_process *p, leat_str offset, leat_jw *w)
{
    leat_buf text = {0};
    if (p->setup.source && p->setup.source->offset_text && offset.s)
        p->setup.source->offset_text(offset, &text);
    if (text.len > 0) leat_jw_str(w, "text", leat_buf_str(&text));
    leat_buf_free(&text);
}

static void write_position(const leat_process *p, leat_position pos, leat_jw *w)
{
    leat_jw_raw(w, "partition", pos.partition);
    if (pos.offset.s)
        leat_jw_raw(w, "offset", pos.offset);
    else
        leat_jw_null(w, "offset");
    write_text(p, pos.offset, w);
}

static void write_positions(const leat_process *p, const char *name, const leat_position *pos,
                            size_t n, leat_jw *w)
{
    leat_jw_array(w, name);
    for (size_t i = 0; i < n; i++) {
        leat_jw_object(w, NULL);
        write_position(p, pos[i], w);
        leat_jw_end(w);
    }
    leat_jw_end(w);
}

static leat_rc bad_request(const char *where, const char *what, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "offsets.request", where,
                     "%s; expected {\"offsets\":[{\"partition\":{...},\"offset\":{...} or null}]}, "
                     "as 'leat offsets NAME --json' shows them",
                     what);
}

/* Appends a partition that is to change. */
static void want(edit *d, leat_position to)
{
    leat_position *was = LEAT_NEW(&d->a, leat_position, d->n + 1);
    leat_position *all = LEAT_NEW(&d->a, leat_position, d->n + 1);
    if (d->n > 0) {
        memcpy(was, d->was, d->n * sizeof *was);
        memcpy(all, d->to, d->n * sizeof *all);
    }
    was[d->n] = find(d->now, d->nnow, to.partition);
    all[d->n++] = to;
    d->was = was;
    d->to = all;
}

/* ---- what is wanted ---- */

static leat_rc want_one(edit *d, const leat_json *j, leat_err *e)
{
    const leat_json *partition = leat_json_get(j, "partition"),
                    *offset = leat_json_get(j, "offset");
    if (!partition || partition->type != LEAT_JSON_OBJECT)
        return bad_request("partition", "an entry of \"offsets\" has no object \"partition\"", e);
    if (!offset || (offset->type != LEAT_JSON_OBJECT && offset->type != LEAT_JSON_NULL))
        return bad_request("offset", "an entry's \"offset\" is neither an object nor null", e);
    leat_position to = {.partition = leat_json_text(partition, &d->a)};
    if (offset->type == LEAT_JSON_OBJECT) to.offset = leat_json_text(offset, &d->a);
    want(d, to);
    return LEAT_OK;
}

static leat_rc want_set(edit *d, const leat_json *request, leat_err *e)
{
    const leat_json *offsets = leat_json_get(request, "offsets");
    if (!offsets || offsets->type != LEAT_JSON_ARRAY)
        return bad_request("offsets", "there is no array \"offsets\"", e);
    if (!offsets->child) return bad_request("offsets", "\"offsets\" is empty", e);
    for (const leat_json *j = offsets->child; j; j = j->next) LEAT_TRY(want_one(d, j, e));
    return LEAT_OK;
}

static void want_reset(edit *d)
{
    for (size_t i = 0; i < d->nnow; i++) want(d, (leat_position){d->now[i].partition, {0}});
}

/* The newest edit of the history, and what it replaced. */
typedef struct undoing {
    edit *d;
    bool met_edit, done;
    int64_t before_us; /* of the group of notes that is taken */
} undoing;

static bool undo_note(void *arg, const leat_note *note)
{
    undoing *u = arg;
    if (note->noted == LEAT_NOTED_EDIT) {
        if (u->before_us) return false;
        u->met_edit = true;
    } else if (note->noted == LEAT_NOTED_BEFORE && u->met_edit) {
        if (u->before_us && note->at_us != u->before_us) return false;
        u->before_us = note->at_us;
        want(u->d, (leat_position){leat_arena_str(&u->d->a, note->pos.partition),
                                   note->pos.offset.s ? leat_arena_str(&u->d->a, note->pos.offset)
                                                      : (leat_str){0}});
    } else if (u->before_us) {
        return false;
    }
    return true;
}

static leat_rc want_undo(edit *d, leat_err *e)
{
    undoing u = {.d = d};
    LEAT_TRY(leat_state_positions_each(d->p->notes, undo_note, &u, e));
    if (d->n > 0) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "offsets.no_edit", d->p->conf.name,
                     "nobody has edited the offsets of this connector: there is nothing to undo "
                     "('leat offsets %s history' shows what is known)",
                     d->p->conf.name);
}

/* ---- checks ---- */

/* What is replaced, in d->a. */
static void stand(edit *d, const leat_position *pos, size_t n)
{
    for (size_t i = 0; i < d->n; i++) {
        leat_position now = find(pos, n, d->to[i].partition);
        d->was[i].offset = now.offset.s ? leat_arena_str(&d->a, now.offset) : (leat_str){0};
    }
}

/* {"time":"2026-01-31T10:00:00Z"} instead of an offset. */
static leat_rc read_time(edit *d, leat_position to, bool *yes, int64_t *us, leat_err *e)
{
    const leat_json *j = NULL;
    *yes = false;
    if (!to.offset.s) return LEAT_OK;
    LEAT_TRY(leat_json_parse(&d->a, to.offset, &j, e));
    const leat_json *time = leat_json_get(j, "time");
    *yes = time && j->child == time && !time->next;
    if (!*yes || leat_iso_parse(leat_json_get_str(j, "time"), us)) return LEAT_OK;
    return bad_request("time", "\"time\" is no moment such as 2026-01-31T10:00:00Z", e);
}

static void add_note(edit *d, size_t i, const char *note)
{
    d->notes[i] = d->notes[i] ? leat_arena_printf(&d->a, "%s; %s", d->notes[i], note) : note;
}

/* A time becomes the place that the stream recorded then; *note: of that; NULL: it is none. */
static leat_rc find_time(edit *d, size_t i, const char **note, leat_err *e)
{
    const leat_process *p = d->p;
    char iso[LEAT_ISO_MAX];
    leat_position *pos;
    size_t n;
    int64_t us, newest;
    bool yes;
    *note = NULL;
    LEAT_TRY(read_time(d, d->to[i], &yes, &us, e));
    if (!yes) return LEAT_OK;
    if (p->setup.kafka)
        return leat_fail(e, LEAT_CONF, "offsets.time", p->conf.name,
                         "where the source was at a time is recorded by an embedded stream only, "
                         "and this connector's is Kafka: give the offset itself");
    if (p->engine)
        return leat_fail(e, LEAT_CONF, "offsets.time", p->conf.name,
                         "its stream is being written: stop the connector first");
    LEAT_TRY(leat_asof(p->conf.data, p->conf.name, us, &d->a, &pos, &n, &newest, e));
    if (n > 1)
        return leat_fail(e, LEAT_CONF, "offsets.time", p->conf.name,
                         "it has %zu partitions, and the times of one do not tell where another "
                         "was: give the offsets themselves",
                         n);
    const leat_position *found = leat_position_find(pos, n, d->to[i].partition);
    if (!found)
        return leat_fail(e, LEAT_CONF, "offsets.range", "partition",
                         "no place of this partition was recorded by then");
    d->to[i].offset = found->offset;
    *note = newest == INT64_MIN
                ? "it is in front of all that its stream holds, which is captured again"
                : leat_arena_printf(&d->a,
                                    "it is behind what was committed up to %s, and what came later "
                                    "is captured again",
                                    leat_iso_us(newest, 3, iso));
    return LEAT_OK;
}

static leat_rc check_source(edit *d, size_t i, leat_err *e)
{
    const leat_source *source = d->p->setup.source;
    if (!source->offset_check) return LEAT_OK;
    leat_position out = d->to[i];
    leat_rc rc =
        source->offset_check(d->p->setup.conf, d->was[i], d->to[i], &d->a, &out, &d->notes[i], e);
    if (rc == LEAT_PENDING) rc = e->rc = LEAT_CONF;
    LEAT_TRY(rc);
    d->to[i] = out;
    d->was[i] = find(d->now, d->nnow, out.partition);
    return LEAT_OK;
}

/* The server may know that nobody can go on there. That it cannot be asked is no reason to refuse.
 */
static leat_rc ask_source(edit *d, size_t i, leat_err *e)
{
    const leat_source *source = d->p->setup.source;
    const char *note = NULL;
    leat_err why = {0};
    if (!source->offset_ask || !d->to[i].offset.s) return LEAT_OK;
    leat_rc rc = source->offset_ask(d->p->setup.conf, d->to[i], &d->a, &note, &why);
    if (rc == LEAT_CONF && strcmp(why.where, "offset") == 0) {
        *e = why;
        return rc;
    }
    if (leat_rc_failed(rc))
        note = leat_arena_printf(&d->a, "whether the source's log has that place is not known: %s",
                                 why.msg);
    if (note) add_note(d, i, note);
    return LEAT_OK;
}

/* Each partition once. As the source writes it: JSON has many spellings. */
static leat_rc check_twice(const edit *d, size_t i, leat_err *e)
{
    for (size_t k = 0; k < i; k++)
        if (leat_str_eq(d->to[k].partition, d->to[i].partition))
            return bad_request("partition", "a partition is named twice", e);
    return LEAT_OK;
}

/* Whether any position is left behind the edit. */
static bool any_left(const edit *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->to[i].offset.s) return true;
    for (size_t i = 0; i < d->nnow; i++) {
        bool named = false;
        for (size_t k = 0; k < d->n && !named; k++)
            named = leat_str_eq(d->to[k].partition, d->now[i].partition);
        if (!named && d->now[i].offset.s) return true;
    }
    return false;
}

static leat_rc check(edit *d, leat_err *e)
{
    d->notes = LEAT_NEW(&d->a, const char *, d->n + 1);
    if (d->p->setup.sink) {
        const leat_process *p = d->p;
        leat_opt_list topics;
        LEAT_TRY(leat_wanted_list(&p->setup.wanted, p->conf.data, &d->a, &topics, e));
        LEAT_TRY(leat_inputs_check(p->conf.data, p->conf.name, &topics, d->to, d->n, &d->a,
                                   d->notes, e));
        stand(d, d->now, d->nnow);
        return LEAT_OK;
    }
    for (size_t i = 0; i < d->n; i++) {
        const char *note;
        LEAT_TRY(find_time(d, i, &note, e));
        LEAT_TRY(check_source(d, i, e));
        if (note) add_note(d, i, note);
        LEAT_TRY(check_twice(d, i, e));
        LEAT_TRY(ask_source(d, i, e));
    }
    d->progress = any_left(d) ? LEAT_STR("{\"snapshot\":{\"state\":\"done\"}}") : LEAT_STR("{}");
    return LEAT_OK;
}

/* ---- the edit ---- */

/* The edit is durable: the history may lack it, but nobody is told that it failed. */
static void note_edit(const edit *d)
{
    leat_err err;
    leat_rc rc = leat_state_positions_add(d->p->state, d->to, d->n, LEAT_NOTED_EDIT, d->by, &err);
    if (!leat_rc_failed(rc)) return;
    leat_log_err(LEAT_WARN, &err);
    leat_log(LEAT_WARN, "offsets.not_noted",
             "by=\"%s\" the offsets are edited; their history shows what was before, and lacks "
             "this edit",
             d->by);
}

/* By whoever may write the stream: no source is open, and it stands still. It did not while the
 * plan was read. */
static leat_rc apply_source(void *arg, leat_stream *s, leat_err *e)
{
    edit *d = arg;
    leat_process *p = d->p;
    const leat_stream_state *st = s->ops->state(s);
    stand(d, st->pos, st->npos);
    LEAT_TRY(leat_state_positions_add(p->state, d->was, d->n, LEAT_NOTED_BEFORE, d->by, e));
    LEAT_TRY(leat_process_note_gap(p, d->to, d->n, e));
    LEAT_TRY(s->ops->edit(s, d->to, d->n, d->progress, e));
    note_edit(d);
    return LEAT_OK;
}

/* By whoever may write the cursors: no input is open. */
static leat_rc apply_sink(void *arg, leat_err *e)
{
    edit *d = arg;
    leat_process *p = d->p;
    LEAT_TRY(leat_process_positions(p, &d->a, &d->now, &d->nnow, e));
    stand(d, d->now, d->nnow);
    LEAT_TRY(leat_state_positions_add(p->state, d->was, d->n, LEAT_NOTED_BEFORE, d->by, e));
    LEAT_TRY(leat_inputs_move(p->conf.data, p->conf.name, d->to, d->n, e));
    note_edit(d);
    return LEAT_OK;
}

static leat_rc apply(edit *d, leat_err *e)
{
    leat_process *p = d->p;
    leat_rc rc;
    if (p->engine)
        rc = leat_engine_between(p->engine, apply_source, d, e);
    else if (p->sinkrun)
        rc = leat_sinkrun_between(p->sinkrun, apply_sink, d, e);
    else
        rc = p->setup.sink ? apply_sink(d, e) : apply_source(d, p->stream, e);
    if (rc == LEAT_OK)
        leat_log(LEAT_WARN, "offsets.edited", "by=\"%s\" partitions=%zu", d->by, d->n);
    return rc;
}

static void write_plan(const edit *d, leat_jw *w)
{
    leat_jw_array(w, "changes");
    for (size_t i = 0; i < d->n; i++) {
        leat_jw_object(w, NULL);
        leat_jw_raw(w, "partition", d->to[i].partition);
        leat_position *pair[] = {&d->was[i], &d->to[i]};
        for (int k = 0; k < 2; k++) {
            leat_jw_object(w, k == 0 ? "before" : "after");
            write_position(d->p, *pair[k], w);
            leat_jw_end(w);
        }
        leat_jw_z(w, "note", d->notes[i]);
        leat_jw_end(w);
    }
    leat_jw_end(w);
    bool again = d->p->setup.source && leat_str_is(d->progress, "{}");
    leat_jw_bool(w, "first_start", again);
}

static leat_rc edit_offsets(leat_process *p, const leat_json *request, const char *what,
                            leat_jw *reply, leat_err *e)
{
    edit d = {.p = p, .what = what};
    leat_str by = leat_json_get_str(request, "by");
    bool dry = leat_json_get_bool(request, "dry", false);
    d.by = leat_arena_printf(&d.a, "%.*s: %s", LEAT_STR_ARG(by.s ? by : LEAT_STR("unknown")), what);
    leat_rc rc = leat_process_positions(p, &d.a, &d.now, &d.nnow, e);
    if (rc == LEAT_OK && strcmp(what, "set") == 0) rc = want_set(&d, request, e);
    if (rc == LEAT_OK && strcmp(what, "reset") == 0) want_reset(&d);
    if (rc == LEAT_OK && strcmp(what, "undo") == 0) rc = want_undo(&d, e);
    if (rc == LEAT_OK) rc = check(&d, e);
    if (rc == LEAT_OK && !dry) rc = apply(&d, e);
    if (rc == LEAT_OK) write_plan(&d, reply);
    leat_arena_free(&d.a);
    return rc;
}

/* ---- looking ---- */

static leat_rc look(leat_process *p, leat_jw *reply, leat_err *e)
{
    leat_arena a = {0};
    leat_position *pos = NULL;
    size_t n = 0;
    leat_rc rc = leat_process_positions(p, &a, &pos, &n, e);
    if (rc == LEAT_OK) write_positions(p, "offsets", pos, n, reply);
    leat_opt_list topics;
    if (rc == LEAT_OK && p->setup.sink)
        rc = leat_wanted_list(&p->setup.wanted, p->conf.data, &a, &topics, e);
    if (rc == LEAT_OK && p->setup.sink)
        rc = leat_inputs_write(p->conf.data, p->conf.name, &topics, reply, e);
    if (rc == LEAT_OK && p->setup.kafka && p->stream && !p->engine) {
        leat_kafka_status kafka;
        leat_kafka_status_get(p->stream, &kafka);
        leat_jw_i64(reply, "spooled", (int64_t)kafka.spool_events);
        leat_jw_bool(reply, "in_doubt", kafka.doubt);
        leat_jw_bool(reply, "inside", kafka.inside);
    }
    leat_arena_free(&a);
    return rc;
}

typedef struct showing {
    const leat_process *p;
    leat_jw *w;
    int64_t left;
} showing;

static bool show_note(void *arg, const leat_note *note)
{
    showing *s = arg;
    char iso[LEAT_ISO_MAX];
    if (s->left-- == 0) return false;
    leat_jw_object(s->w, NULL);
    leat_jw_i64(s->w, "id", note->id);
    leat_jw_z(s->w, "at", leat_iso_us(note->at_us, 3, iso));
    leat_jw_z(s->w, "noted", leat_noted_name(note->noted));
    leat_jw_z(s->w, "by", *note->by ? note->by : NULL);
    write_position(s->p, note->pos, s->w);
    leat_jw_end(s->w);
    return true;
}

static leat_rc history(leat_process *p, const leat_json *request, leat_jw *reply, leat_err *e)
{
    showing s = {.p = p, .w = reply, .left = leat_json_get_i64(request, "max", 1000)};
    leat_jw_array(reply, "history");
    LEAT_TRY(leat_state_positions_each(p->notes, show_note, &s, e));
    leat_jw_end(reply);
    return LEAT_OK;
}

leat_rc leat_process_offsets(leat_process *p, leat_str verb, const leat_json *request,
                             leat_jw *reply, leat_err *e)
{
    if (leat_str_is(verb, "offsets")) return look(p, reply, e);
    if (leat_str_is(verb, "offsets-history")) return history(p, request, reply, e);
    const char *what = leat_str_is(verb, "offsets-set")     ? "set"
                       : leat_str_is(verb, "offsets-reset") ? "reset"
                                                            : "undo";
    return edit_offsets(p, request, what, reply, e);
}
