/* Dropping, editing and trying dead letters again; see engine/letters.h.
 *
 * A letter is written into the target by the sink itself, as a batch of one event, and removed once
 * that is durable: after a crash between the two it is written once more. A sink that keeps its
 * cursor in the target stores there what stood there. By the thread that has the sink. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/os.h"
#include "engine/cursors.h"
#include "engine/letters.h"
#include "engine/letters_edit.h"
#include "stream/topics.h"

enum { CURSOR_MOST = 1 << 20 }; /* bytes of a cursor's file */

/* ---- which ---- */

typedef struct choice {
    leat_arena *a;
    int64_t *ids;
    size_t n, cap;
    leat_str table, topic, code; /* absent: any */
} choice;

static void take(choice *g, int64_t id)
{
    if (g->n == g->cap) {
        int64_t *more = LEAT_NEW(g->a, int64_t, g->cap ? g->cap * 2 : 64);
        if (g->n > 0) memcpy(more, g->ids, g->n * sizeof *more);
        g->ids = more;
        g->cap = g->cap ? g->cap * 2 : 64;
    }
    g->ids[g->n++] = id;
}

static bool wanted(leat_str want, const char *is)
{
    return !want.s || (is && leat_str_is(want, is));
}

static bool choose(void *arg, const leat_dead_letter *letter)
{
    choice *g = arg;
    if (wanted(g->table, letter->table) && wanted(g->topic, letter->topic) &&
        wanted(g->code, letter->code))
        take(g, letter->id);
    return true;
}

static leat_rc unknown(const char *connector, int64_t id, leat_err *e)
{
    return leat_fail(
        e, LEAT_CONF, "dead_letter.unknown", connector,
        "there is no dead letter %lld; 'leat dead-letters %s list' shows what there is",
        (long long)id, connector);
}

static int by_number(const void *x, const void *y)
{
    const int64_t *i = x, *k = y;
    return (*i > *k) - (*i < *k);
}

static leat_rc choose_ids(leat_state *s, const char *connector, const leat_json *list, choice *g,
                          leat_err *e)
{
    for (const leat_json *j = list->child; j; j = j->next) {
        int64_t id = 0;
        size_t before = g->n;
        if (j->type != LEAT_JSON_NUMBER || !leat_str_i64(j->text, &id) || id <= 0)
            return leat_fail(e, LEAT_CONF, "control.request", "ids",
                             "expected an array of ids, which are numbers above 0");
        LEAT_TRY(leat_state_dead_each(s, 0, id, choose, g, e));
        if (g->n == before) return unknown(connector, id, e);
    }
    if (g->n == 0) return LEAT_OK;
    qsort(g->ids, g->n, sizeof *g->ids, by_number);
    size_t n = 1;
    for (size_t i = 1; i < g->n; i++)
        if (g->ids[i] != g->ids[i - 1]) g->ids[n++] = g->ids[i];
    g->n = n;
    return LEAT_OK;
}

leat_rc leat_letters_chosen(leat_state *s, const char *connector, const leat_json *request,
                            leat_arena *a, int64_t **ids, size_t *n, leat_err *e)
{
    choice g = {.a = a};
    const leat_json *list = leat_json_get(request, "ids");
    bool all = leat_json_get_bool(request, "all", false);
    if (all == (list != NULL) || (list && list->type != LEAT_JSON_ARRAY))
        return leat_fail(e, LEAT_CONF, "control.request", "ids",
                         "expected {\"ids\":[1,2,...]} or {\"all\":true}, the latter with "
                         "\"table\", \"topic\" or \"code\" if only some are meant");
    if (all) {
        g.table = leat_json_get_str(request, "table");
        g.topic = leat_json_get_str(request, "topic");
        g.code = leat_json_get_str(request, "code");
        LEAT_TRY(leat_state_dead_each(s, 0, 0, choose, &g, e));
    } else {
        LEAT_TRY(choose_ids(s, connector, list, &g, e));
    }
    *ids = g.ids;
    *n = g.n;
    return LEAT_OK;
}

/* ---- drop, edit ---- */

leat_rc leat_letters_drop(leat_state *s, const int64_t *ids, size_t n, int64_t *done, leat_err *e)
{
    *done = 0;
    for (size_t i = 0; i < n; i++) {
        leat_rc rc = leat_state_dead_end(s, ids[i], false, e);
        LEAT_TRY(rc);
        *done += rc == LEAT_OK;
    }
    return LEAT_OK;
}

/* One letter, while it is looked at. */
typedef struct editing {
    const leat_json *after;
    leat_jw *w; /* NULL: only whether the edit fits */
    bool found;
    leat_err err;
} editing;

static bool fits(void *arg, const leat_dead_letter *letter)
{
    editing *g = arg;
    leat_batch b = {0};
    leat_letters_table *tables = NULL;
    leat_dead_letter plain = *letter;
    g->found = true;
    plain.edit = NULL;
    leat_batch_init(&b, 1, 0);
    leat_rc rc = leat_letters_unpack(&plain, &tables, &b, &g->err);
    if (rc == LEAT_OK && g->after->type != LEAT_JSON_NULL)
        leat_letters_patch(&b.ev[0], g->after, &b.arena, &g->err);
    leat_batch_free(&b);
    leat_letters_tables_free(tables);
    return false;
}

static bool show(void *arg, const leat_dead_letter *letter)
{
    editing *g = arg;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_letters_write(letter, true, &w);
    leat_jw_raw(g->w, "letter", leat_buf_str(&text));
    leat_buf_free(&text);
    return false;
}

leat_rc leat_letters_edit(leat_state *s, const char *connector, const leat_json *request,
                          leat_jw *w, leat_err *e)
{
    int64_t id = leat_json_get_i64(request, "id", 0);
    editing g = {.after = leat_json_get(request, "after"), .w = w};
    leat_buf text = {0};
    if (id <= 0 || !g.after)
        return leat_fail(e, LEAT_CONF, "control.request", "after",
                         "expected {\"id\":1,\"after\":{\"column\":value,...}}, or null to take an "
                         "edit back");
    LEAT_TRY(leat_state_dead_each(s, 0, id, fits, &g, e));
    if (!g.found) return unknown(connector, id, e);
    if (leat_rc_failed(g.err.rc)) {
        if (e) *e = g.err;
        return g.err.rc;
    }
    bool none = g.after->type == LEAT_JSON_NULL;
    leat_json_write(g.after, &text);
    leat_buf_u8(&text, 0);
    leat_rc rc = leat_state_dead_edit(s, id, none ? NULL : text.p, e);
    leat_buf_free(&text);
    LEAT_TRY(rc);
    return leat_state_dead_each(s, 0, id, show, &g, e);
}

/* ---- trying again ---- */

/* Whose a topic is. */
typedef struct origin {
    struct origin *next;
    const char *topic, *source;
    int64_t partition; /* of Kafka; -1: it is of an embedded stream */
    leat_str cursor;   /* of the source, as the target has it */
} origin;

typedef struct trying {
    const leat_letters_retry *r;
    leat_sink_task task;
    leat_batch batch;
    leat_arena arena;
    leat_letters_table *tables;
    origin *origins;    /* asked for so far */
    const origin *from; /* of the letter that is tried */
    leat_err why;       /* the sink has rejected it */
    leat_fate fate;     /* what else it says of it */
    int64_t done, failed;
    leat_jw *w;
    leat_err stop; /* nothing more can be tried */
    bool found;
} trying;

static void reject(leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why)
{
    trying *g = t->engine;
    (void)b;
    (void)i;
    g->why = *why;
}

static void take_fate(leat_sink_task *t, const leat_batch *b, uint32_t i, leat_fate fate)
{
    trying *g = t->engine;
    (void)b;
    (void)i;
    g->fate = fate;
}

/* A letter of which the sink says nothing would be gone. */
static leat_rc balance(const trying *g, leat_err *e)
{
    if (!g->r->sink->tells || g->fate != LEAT_FATE_NONE || leat_rc_failed(g->why.rc))
        return LEAT_OK;
    return leat_fail(e, LEAT_FATAL, "ledger.mismatch", g->from->topic,
                     "the sink does not say what became of the letter, which stays: report this");
}

static leat_rc reach(leat_sink_task *t, leat_buf *text, leat_err *e)
{
    trying *g = t->engine;
    LEAT_TRY(balance(g, e));
    leat_buf_clear(text);
    leat_buf_add(text, g->from->cursor);
    return LEAT_OK;
}

/* The target has none yet: what the file says; without one the sink begins anew. */
static leat_rc read_cursor(trying *g, origin *o, leat_err *e)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    char *path = leat_cursors_path(g->r->data, o->source, g->r->connector, &g->arena);
    int err = leat_os_load(path, &text, CURSOR_MOST);
    if (err == -ENOENT) {
        leat_cursors_begin(&w, g->r->connector, NULL);
        leat_cursors_end(&w);
        err = 0;
    }
    if (err >= 0) o->cursor = leat_arena_str(&g->arena, leat_buf_str(&text));
    leat_buf_free(&text);
    return err < 0 ? leat_os_fail(e, err, "read the cursor in", path) : LEAT_OK;
}

/* What the sink reads of Kafka is a lane a partition (engine/intake.h). A cursor that the target
 * has not yet is stored as nothing: the intake takes that for none. */
static leat_rc ask_partition(trying *g, origin *o, leat_err *e)
{
    o->source = leat_arena_printf(&g->arena, "%s/%lld", o->topic, (long long)o->partition);
    return g->r->sink->reached ? g->r->sink->reached(&g->task, o->source, &g->arena, &o->cursor, e)
                               : LEAT_OK;
}

static leat_rc ask_origin(trying *g, origin *o, leat_err *e)
{
    if (o->partition >= 0) return ask_partition(g, o, e);
    leat_rc rc = leat_topics_claimed(g->r->data, leat_str_of(o->topic), &g->arena, &o->source, e);
    LEAT_TRY(rc);
    if (rc != LEAT_OK)
        return leat_fail(e, LEAT_CONF, "dead_letter.topic", o->topic,
                         "no connector has the topic any more");
    if (!g->r->sink->reached) return LEAT_OK;
    LEAT_TRY(g->r->sink->reached(&g->task, o->source, &g->arena, &o->cursor, e));
    return o->cursor.s ? LEAT_OK : read_cursor(g, o, e);
}

/* The partition of Kafka that the letter was read of; -1: it was not. */
static int64_t partition_of(trying *g, const leat_dead_letter *letter)
{
    const leat_json *j = NULL;
    if (!g->r->kafka || leat_json_parse(&g->batch.arena, letter->position, &j, NULL) != LEAT_OK)
        return -1;
    return leat_json_get_i64(j, "partition", -1);
}

static leat_rc take_origin(trying *g, const leat_dead_letter *letter, leat_err *e)
{
    const char *topic = leat_event_topic(&g->batch.ev[0]);
    int64_t partition = partition_of(g, letter);
    origin *o = g->origins;
    while (o && (o->partition != partition || strcmp(o->topic, topic) != 0)) o = o->next;
    if (!o) {
        o = LEAT_NEW(&g->arena, origin, 1);
        *o = (origin){.next = g->origins,
                      .topic = leat_arena_strdup(&g->arena, topic),
                      .partition = partition};
        LEAT_TRY(ask_origin(g, o, e));
        g->origins = o;
    }
    g->from = o;
    g->task.source = o->source;
    return LEAT_OK;
}

/* Into the target, durably. DATA: it is rejected. */
static leat_rc write_one(trying *g, const leat_dead_letter *letter, leat_err *e)
{
    g->why = (leat_err){0};
    g->fate = LEAT_FATE_NONE;
    leat_batch_reset(&g->batch);
    LEAT_TRY(leat_letters_unpack(letter, &g->tables, &g->batch, e));
    LEAT_TRY(take_origin(g, letter, e));
    leat_rc rc = g->r->sink->write(&g->task, &g->batch, e);
    LEAT_TRY(rc);
    LEAT_TRY(balance(g, e));
    if (rc == LEAT_PENDING && g->r->sink->flush) rc = g->r->sink->flush(&g->task, INT64_MAX, e);
    LEAT_TRY(rc);
    if (!leat_rc_failed(g->why.rc)) return LEAT_OK;
    if (e) *e = g->why;
    return LEAT_DATA;
}

static leat_rc may(trying *g, const leat_dead_letter *letter, leat_err *e)
{
    int64_t before = 0;
    if (letter->superseded)
        return leat_fail(e, LEAT_DATA, "dead_letter.superseded", g->r->connector,
                         "its table was emptied (TRUNCATE) after this change: written now it would "
                         "bring back a row that is not there. Drop it");
    if (letter->key.s) LEAT_TRY(leat_state_dead_before(g->r->state, letter, &before, e));
    if (before == 0) return LEAT_OK;
    return leat_fail(e, LEAT_DATA, LEAT_LETTER_WAITS, g->r->connector,
                     "letter %lld is an earlier change of the same row: try that first, or drop it",
                     (long long)before);
}

static void tell(trying *g, int64_t id, const leat_err *why)
{
    bool ok = !leat_rc_failed(why->rc);
    leat_jw_object(g->w, NULL);
    leat_jw_i64(g->w, "id", id);
    leat_jw_bool(g->w, "ok", ok);
    leat_jw_z(g->w, "code", ok ? NULL : why->code);
    leat_jw_z(g->w, "reason", ok ? NULL : why->msg);
    leat_jw_end(g->w);
    *(ok ? &g->done : &g->failed) += 1;
}

static bool try_one(void *arg, const leat_dead_letter *letter)
{
    trying *g = arg;
    leat_err why = {0};
    g->found = true;
    leat_rc rc = may(g, letter, &why);
    if (rc == LEAT_OK) rc = write_one(g, letter, &why);
    bool ours = rc == LEAT_DATA || strncmp(why.code, "dead_letter.", 12) == 0;
    if (leat_rc_failed(rc) && !ours) {
        g->stop = why;
        return false;
    }
    tell(g, letter->id, &why);
    return false;
}

/* The handle is free for writing again behind the look. */
static leat_rc settle(trying *g, int64_t id, int64_t done, leat_err *e)
{
    if (leat_rc_failed(g->stop.rc)) {
        if (e) *e = g->stop;
        return g->stop.rc;
    }
    if (g->done > done) return leat_state_dead_end(g->r->state, id, true, e);
    if (leat_rc_failed(g->why.rc)) return leat_state_dead_failed(g->r->state, id, &g->why, e);
    return LEAT_OK;
}

static leat_rc try_all(trying *g, const int64_t *ids, size_t n, leat_err *e)
{
    for (size_t i = 0; i < n; i++) {
        int64_t done = g->done;
        g->why = (leat_err){0};
        LEAT_TRY(leat_state_dead_each(g->r->state, 0, ids[i], try_one, g, e));
        LEAT_TRY(settle(g, ids[i], done, e));
    }
    return LEAT_OK;
}

leat_rc leat_letters_try(const leat_letters_retry *r, const int64_t *ids, size_t n, leat_jw *w,
                         leat_err *e)
{
    trying g = {.r = r, .w = w};
    g.task = (leat_sink_task){.sink = r->sink,
                              .conf = r->conf,
                              .connector = r->connector,
                              .reject = reject,
                              .reach = reach,
                              .tell = take_fate,
                              .tolerate = true,
                              .engine = &g};
    leat_jw_array(w, "letters");
    if (n > 0) LEAT_TRY(r->sink->open(&g.task, e));
    leat_batch_init(&g.batch, 1, 0);
    leat_rc rc = try_all(&g, ids, n, e);
    leat_batch_free(&g.batch);
    leat_arena_free(&g.arena);
    if (n > 0) r->sink->close(&g.task);
    leat_letters_tables_free(g.tables);
    leat_jw_end(w);
    leat_jw_i64(w, "retried", g.done);
    leat_jw_i64(w, "failed", g.failed);
    leat_log(LEAT_INFO, "sink.letters_tried", "retried=%lld failed=%lld", (long long)g.done,
             (long long)g.failed);
    return rc;
}
