/* Inputs of a sink, looked at and moved while nobody reads them; see inputs.h.
 *
 * A topic that is moved gets an input of its own, which begins at the segment that holds the
 * wanted offset and passes over what stands before it there. A time is the offset of the first
 * record that was committed then or later. Run by the sink's thread, or under the
 * lock of a sink that does not run. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/os.h"
#include "engine/cursors.h"
#include "stream/readers.h"
#include "stream/stream.h"

/* One topic of the sink. */
typedef struct topic {
    const char *name;
    const char *source;  /* NULL: nobody has it yet */
    int64_t first, next; /* held */
    int64_t at;          /* next to be delivered; -1: the sink has no cursor for it */
} topic;

/* ---- looking ---- */

static bool has_topic(const leat_json *input, const char *name)
{
    const leat_json *topics = leat_json_get(input, "topics");
    for (const leat_json *t = topics ? topics->child : NULL; t; t = t->next)
        if (leat_str_is(t->text, name)) return true;
    return false;
}

static leat_rc place(const char *data, const char *sink, topic *t, leat_arena *a, leat_err *e)
{
    const leat_json *inputs;
    const char *const one[] = {t->name, NULL};
    LEAT_TRY(leat_cursors_load(leat_cursors_path(data, t->source, sink, a), a, &inputs, e));
    for (const leat_json *i = inputs; i; i = i->next) {
        if (!has_topic(i, t->name)) continue;
        LEAT_TRY(
            leat_reader_offsets(data, t->source, leat_json_get_str(i, "cursor"), one, &t->at, e));
        int64_t offset = leat_json_get_i64(i, "offset", 0);
        if (offset > t->at) t->at = offset;
        if (t->at < t->first) t->at = t->first;
        return LEAT_OK;
    }
    return LEAT_OK;
}

static leat_rc look(const char *data, const char *sink, const leat_opt_list *names, leat_arena *a,
                    topic **out, leat_err *e)
{
    leat_topic *held = NULL;
    LEAT_TRY(leat_topics_list(data, a, &held, e));
    topic *all = LEAT_NEW(a, topic, names->n + 1);
    for (size_t i = 0; i < names->n; i++) {
        all[i] = (topic){.name = names->v[i], .at = -1};
        for (const leat_topic *h = held; h; h = h->link) {
            if (strcmp(h->name, names->v[i]) != 0) continue;
            all[i].source = h->connector;
            all[i].first = h->first;
            all[i].next = h->next;
        }
        if (all[i].source) LEAT_TRY(place(data, sink, &all[i], a, e));
    }
    *out = all;
    return LEAT_OK;
}

static leat_str offset_text(int64_t offset, leat_arena *a)
{
    return leat_str_of(leat_arena_printf(a, "{\"kafka_offset\":%" PRId64 "}", offset));
}

static leat_position position_of(const topic *t, leat_arena *a)
{
    leat_buf text = {0};
    leat_position pos;
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "kafka_topic", t->name);
    leat_jw_i64(&w, "kafka_partition", 0);
    leat_jw_end(&w);
    pos.partition = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    pos.offset = offset_text(t->at, a);
    return pos;
}

leat_rc leat_inputs_positions(const char *data, const char *sink, const leat_opt_list *topics,
                              leat_arena *a, leat_position **pos, size_t *n, leat_err *e)
{
    topic *all;
    LEAT_TRY(look(data, sink, topics, a, &all, e));
    *pos = LEAT_NEW(a, leat_position, topics->n + 1);
    *n = 0;
    for (size_t i = 0; i < topics->n; i++)
        if (all[i].at >= 0) (*pos)[(*n)++] = position_of(&all[i], a);
    return LEAT_OK;
}

leat_rc leat_inputs_write(const char *data, const char *sink, const leat_opt_list *topics,
                          leat_jw *w, leat_err *e)
{
    leat_arena a = {0};
    topic *all = NULL;
    leat_rc rc = look(data, sink, topics, &a, &all, e);
    leat_jw_array(w, "topics");
    for (size_t i = 0; rc == LEAT_OK && i < topics->n; i++) {
        const topic *t = &all[i];
        int64_t at = t->at < 0 ? t->first : t->at;
        leat_jw_object(w, NULL);
        leat_jw_z(w, "topic", t->name);
        leat_jw_z(w, "source", t->source);
        leat_jw_i64(w, "offset", at);
        leat_jw_i64(w, "first", t->first);
        leat_jw_i64(w, "next", t->next);
        leat_jw_i64(w, "behind", t->next > at ? t->next - at : 0);
        leat_jw_end(w);
    }
    leat_jw_end(w);
    leat_arena_free(&a);
    return rc;
}

/* ---- checks ---- */

/* A whole number of a member, at least 0. */
static bool whole(const leat_json *j, const char *name, int64_t *out)
{
    const leat_json *m = leat_json_get(j, name);
    return m && m->type == LEAT_JSON_NUMBER && leat_str_i64(m->text, out) && *out >= 0;
}

/* Where a topic is to stand. */
typedef struct target {
    leat_str name;
    int64_t offset; /* -1: at the beginning */
    bool by_time;   /* or at that time instead */
    int64_t time_us;
} target;

/* What a position says. */
static leat_rc parse(leat_position pos, leat_arena *a, target *out, leat_err *e)
{
    const leat_json *p = NULL, *o = NULL;
    int64_t partition = -1;
    leat_str *name = &out->name;
    *out = (target){.offset = -1};
    LEAT_TRY(leat_json_parse(a, pos.partition, &p, e));
    *name = leat_json_get_str(p, "kafka_topic");
    if (!name->s || !whole(p, "kafka_partition", &partition) || partition != 0)
        return leat_fail(e, LEAT_CONF, "offsets.topic", "partition",
                         "\"" LEAT_STR_FMT "\" is no partition of a sink; expected "
                         "{\"kafka_topic\":TOPIC,\"kafka_partition\":0}: an embedded topic has one",
                         LEAT_STR_ARG(pos.partition));
    if (!pos.offset.s) return LEAT_OK;
    LEAT_TRY(leat_json_parse(a, pos.offset, &o, e));
    leat_str time = leat_json_get_str(o, "time");
    out->by_time = time.s && leat_iso_parse(time, &out->time_us);
    if (out->by_time || (!time.s && whole(o, "kafka_offset", &out->offset))) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "offsets.range", leat_arena_str(a, *name).s,
                     "\"" LEAT_STR_FMT "\" is no offset of a sink; expected {\"kafka_offset\":N}, "
                     "the offset of the first record to deliver, or {\"time\":"
                     "\"2026-01-31T10:00:00Z\"}, when that was committed",
                     LEAT_STR_ARG(pos.offset));
}

/* Of the first record that was committed then or later; behind the last: none was. */
static leat_rc offset_at(const char *data, const topic *t, int64_t time_us, int64_t *out,
                         leat_err *e)
{
    const char *const topics[] = {t->name, NULL};
    const leat_reader_conf conf = {.data = data,
                                   .connector = t->source,
                                   .topics = topics,
                                   .from = LEAT_FROM_TIME,
                                   .time_us = time_us};
    leat_reader *r = NULL;
    leat_batch b;
    *out = t->next;
    LEAT_TRY(leat_reader_open(&conf, &r, e));
    leat_batch_init(&b, 1, 1 << 20);
    leat_rc rc;
    do {
        rc = leat_reader_next(r, &b, 0, e);
    } while (rc == LEAT_OK && b.n == 0);
    if (rc == LEAT_OK && b.ev[0].offset < t->next) *out = b.ev[0].offset;
    leat_batch_free(&b);
    leat_reader_close(r);
    return leat_rc_failed(rc) ? rc : LEAT_OK;
}

/* A time becomes an offset, of what is held. */
static leat_rc find_time(const char *data, const topic *t, target *to, leat_position *pos,
                         leat_arena *a, leat_err *e)
{
    if (!to->by_time || !t->source) return LEAT_OK;
    LEAT_TRY(offset_at(data, t, to->time_us, &to->offset, e));
    pos->offset = offset_text(to->offset, a);
    return LEAT_OK;
}

static leat_rc check_one(const topic *t, int64_t offset, leat_arena *a, const char **note,
                         leat_err *e)
{
    if (!t->source)
        return leat_fail(e, LEAT_CONF, "offsets.topic", t->name,
                         "no connector has written this topic yet; there is nowhere to move to");
    if (offset >= 0 && (offset < t->first || offset > t->next))
        return leat_fail(e, LEAT_CONF, "offsets.range", t->name,
                         "offset %" PRId64 " is not held: the topic holds %" PRId64
                         " up to %" PRId64 " (%" PRId64 " is behind its last record)",
                         offset, t->first, t->next, t->next);
    int64_t to = offset < 0 ? t->first : offset, at = t->at < 0 ? t->first : t->at;
    *note = NULL;
    if (to > at)
        *note = leat_arena_printf(
            a, "%" PRId64 " records of %s are skipped: the sink will not deliver them", to - at,
            t->name);
    if (to < at)
        *note =
            leat_arena_printf(a, "%" PRId64 " records of %s are delivered again", at - to, t->name);
    return LEAT_OK;
}

leat_rc leat_inputs_check(const char *data, const char *sink, const leat_opt_list *topics,
                          leat_position *to, size_t n, leat_arena *a, const char **notes,
                          leat_err *e)
{
    topic *all;
    LEAT_TRY(look(data, sink, topics, a, &all, e));
    const topic **named = LEAT_NEW(a, const topic *, n);
    for (size_t i = 0; i < n; i++) {
        target want;
        const topic *t = NULL;
        LEAT_TRY(parse(to[i], a, &want, e));
        for (size_t k = 0; k < topics->n; k++)
            if (leat_str_is(want.name, all[k].name)) t = &all[k];
        if (!t)
            return leat_fail(e, LEAT_CONF, "offsets.topic", sink,
                             "the sink does not read the topic \"" LEAT_STR_FMT
                             "\"; its option topics or topics.regex says which it does",
                             LEAT_STR_ARG(want.name));
        for (size_t k = 0; k < i; k++)
            if (named[k] == t)
                return leat_fail(e, LEAT_CONF, "offsets.topic", t->name, "it is named twice");
        named[i] = t;
        to[i].partition = position_of(t, a).partition;
        LEAT_TRY(find_time(data, t, &want, &to[i], a, e));
        LEAT_TRY(check_one(t, want.offset, a, &notes[i], e));
    }
    return LEAT_OK;
}

/* ---- moving ---- */

typedef struct move {
    const char *topic, *source;
    int64_t offset; /* -1: the beginning */
} move;

/* The input's topics without those that move; false: none is left. */
static bool write_kept(const leat_json *input, const move *moves, size_t n, leat_jw *w)
{
    const leat_json *topics = leat_json_get(input, "topics");
    bool any = false;
    for (const leat_json *t = topics ? topics->child : NULL; t; t = t->next) {
        bool moved = false;
        for (size_t i = 0; i < n; i++) moved |= leat_str_is(t->text, moves[i].topic);
        if (moved) continue;
        any = true;
        if (w) leat_jw_str(w, NULL, t->text);
    }
    return any;
}

/* The moved topic's input; it takes over the counts of inputs that are given up. */
static leat_rc write_moved(const char *data, const move *m, leat_sink_counts *counts, leat_jw *w,
                           leat_err *e)
{
    const char *const topics[] = {m->topic, NULL};
    leat_reader *r = NULL;
    if (m->offset > 0) {
        leat_reader_conf conf = {.data = data,
                                 .connector = m->source,
                                 .topics = topics,
                                 .from = LEAT_FROM_OFFSET,
                                 .offset = m->offset};
        LEAT_TRY(leat_reader_open(&conf, &r, e));
    }
    leat_jw_object(w, NULL);
    leat_jw_array(w, "topics");
    leat_jw_z(w, NULL, m->topic);
    leat_jw_end(w);
    leat_cursors_input_end(w, r ? leat_reader_cursor(r) : LEAT_STR(""), m->offset, counts);
    *counts = (leat_sink_counts){0};
    leat_reader_close(r);
    return LEAT_OK;
}

static leat_rc write_inputs(const char *data, const char *source, const leat_json *inputs,
                            const move *moves, size_t n, leat_jw *w, leat_err *e)
{
    leat_sink_counts left = {0};
    for (const leat_json *i = inputs; i; i = i->next) {
        leat_sink_counts counts = leat_cursors_counts(i);
        if (!write_kept(i, moves, n, NULL)) {
            leat_sink_counts_add(&left, &counts);
            continue;
        }
        leat_jw_object(w, NULL);
        leat_jw_array(w, "topics");
        write_kept(i, moves, n, w);
        leat_jw_end(w);
        leat_cursors_input_end(w, leat_json_get_str(i, "cursor"), leat_json_get_i64(i, "offset", 0),
                               &counts);
    }
    for (size_t i = 0; i < n; i++)
        if (strcmp(moves[i].source, source) == 0)
            LEAT_TRY(write_moved(data, &moves[i], &left, w, e));
    return LEAT_OK;
}

static leat_rc rewrite_locked(const char *data, const char *sink, const char *source,
                              const move *moves, size_t n, leat_arena *a, leat_err *e)
{
    const leat_json *inputs;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    const char *path = leat_cursors_path(data, source, sink, a);
    LEAT_TRY(leat_cursors_load(path, a, &inputs, e));
    leat_cursors_begin(&w, sink, NULL);
    leat_rc rc = write_inputs(data, source, inputs, moves, n, &w, e);
    leat_cursors_end(&w);
    if (rc == LEAT_OK) rc = leat_cursors_store(path, leat_buf_str(&text), e);
    leat_buf_free(&text);
    return rc;
}

/* No segment is removed between the look at what is held and the stored cursor. */
static leat_rc rewrite(const char *data, const char *sink, const char *source, const move *moves,
                       size_t n, leat_arena *a, leat_err *e)
{
    int lock = -1;
    char *stream = leat_arena_printf(a, "%s/connectors/%s/stream", data, source);
    LEAT_TRY(leat_readers_lock(stream, LEAT_CURSORS_LOCK_US, &lock, e));
    leat_rc rc = rewrite_locked(data, sink, source, moves, n, a, e);
    leat_os_now()->close(lock);
    return rc;
}

leat_rc leat_inputs_move(const char *data, const char *sink, const leat_position *to, size_t n,
                         leat_err *e)
{
    leat_arena a = {0};
    leat_rc rc = LEAT_OK;
    move *moves = LEAT_NEW(&a, move, n);
    for (size_t i = 0; rc == LEAT_OK && i < n; i++) {
        target want;
        rc = parse(to[i], &a, &want, e);
        moves[i].offset = want.offset;
        moves[i].topic = leat_arena_str(&a, want.name).s;
        if (rc == LEAT_OK && want.by_time)
            rc = leat_fail(e, LEAT_CONF, "offsets.range", moves[i].topic,
                           "\"" LEAT_STR_FMT "\" is no offset yet: only a plan takes a time",
                           LEAT_STR_ARG(to[i].offset));
        if (rc == LEAT_OK) rc = leat_topics_owner(data, moves[i].topic, &a, &moves[i].source, e);
    }
    for (size_t i = 0; rc == LEAT_OK && i < n; i++) {
        bool done = false;
        for (size_t k = 0; k < i; k++) done |= strcmp(moves[k].source, moves[i].source) == 0;
        if (!done) rc = rewrite(data, sink, moves[i].source, moves, n, &a, e);
    }
    leat_arena_free(&a);
    return rc;
}
