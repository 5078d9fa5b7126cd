/* Inputs of a sink: from names of topics to readers, and their cursors; see the header.
 *
 * A topic that nobody has claimed yet may become any stream's, and its first event will lie behind
 * wherever the readers of that stream are now. So it is read along in each stream, and nothing is
 * missed between its claim and the next look. Run by the sink's thread. */
#include "engine/inputs.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/uuid.h"
#include "engine/cursors.h"
#include "engine/wanted.h"
#include "stream/readers.h"
#include "stream/segment.h"
#include "stream/stream.h"
#include "stream/topics.h"

enum { LOOK_US = 1000000, GAPS_SHOWN = 3 };

/* Where a wanted topic is. */
typedef struct place {
    const char *topic;
    const char *source; /* NULL: nobody has it */
    bool taken;         /* by an input of the stream being opened */
} place;

typedef struct places {
    place *v;
    unsigned n, found;
} places;

static void make_room(leat_inputs *s, leat_input *in)
{
    const char **topics = in->topics;
    int64_t *next_offset = in->next_offset;
    in->cap = in->cap > 0 ? in->cap * 2 : 16;
    in->topics = LEAT_NEW(&s->arena, const char *, in->cap);
    in->next_offset = LEAT_NEW(&s->arena, int64_t, in->cap);
    for (unsigned i = 0; i < in->ntopics; i++) {
        in->topics[i] = topics[i];
        in->next_offset[i] = next_offset[i];
    }
}

static leat_input *first_of(const leat_inputs *s)
{
    return (leat_input *)s->feed.first;
}

static leat_input *next_input(const leat_input *in)
{
    return (leat_input *)in->lane.next;
}

static leat_input *add_input(leat_inputs *s, const char *source)
{
    leat_input *in = LEAT_NEW(&s->arena, leat_input, 1);
    leat_lane **at = &s->feed.first;
    while (*at) at = &(*at)->next;
    *at = &in->lane;
    in->lane.source = source;
    make_room(s, in);
    return in;
}

static void add_name(leat_inputs *s, leat_input *in, const char *topic, int64_t next)
{
    if (in->ntopics + 1 == in->cap) make_room(s, in);
    in->topics[in->ntopics] = leat_arena_strdup(&s->arena, topic);
    in->next_offset[in->ntopics++] = next;
}

static void add_topic(leat_inputs *s, leat_input *in, place *p, int64_t next)
{
    add_name(s, in, p->topic, next);
    p->taken = true;
}

static bool is_of(const leat_input *in, const char *source)
{
    return strcmp(in->lane.source, source) == 0;
}

/* ---- the file ---- */

static int64_t next_of(const leat_input *in, size_t topic, bool moved)
{
    int64_t now = moved ? leat_reader_offset(in->reader, in->topics[topic]) : -1;
    return now >= 0 ? now : in->next_offset[topic];
}

static void write_input(const leat_input *in, bool moved, leat_str cursor, int64_t offset,
                        const leat_sink_counts *c, leat_jw *w)
{
    leat_jw_object(w, NULL);
    leat_jw_array(w, "topics");
    for (const char **t = in->topics; *t; t++) leat_jw_z(w, NULL, *t);
    leat_jw_end(w);
    leat_jw_array(w, "next");
    for (size_t i = 0; in->topics[i]; i++) leat_jw_i64(w, NULL, next_of(in, i, moved));
    leat_jw_end(w);
    leat_cursors_input_end(w, cursor, offset, c);
}

/* What is left of the offset to begin with: once something was delivered the cursor says it all. */
static int64_t offset_at(const leat_input *in, const leat_sink_counts *c)
{
    return c->read == in->lane.counts.read ? in->offset : 0;
}

/* All inputs of the lane's stream: the others as they were stored last. */
static void text_of(leat_feed *f, leat_lane *l, const leat_sink_counts *c, leat_buf *out)
{
    leat_inputs *s = (leat_inputs *)f;
    leat_input *moved = (leat_input *)l;
    leat_jw w = {.out = out};
    leat_cursors_stamp stamp = {moved->id, ++s->seq};
    leat_buf_clear(out);
    leat_cursors_begin(&w, s->sink, &stamp);
    for (const leat_input *in = first_of(s); in; in = next_input(in)) {
        if (in == moved)
            write_input(in, true, leat_reader_cursor(in->reader), offset_at(in, c), c, &w);
        else if (is_of(in, moved->lane.source))
            write_input(in, false, leat_buf_str(&in->cursor), in->offset, &in->lane.counts, &w);
    }
    leat_cursors_end(&w);
}

static leat_rc store(leat_feed *f, leat_lane *l, const leat_sink_counts *counts, leat_err *e)
{
    leat_inputs *s = (leat_inputs *)f;
    leat_input *in = (leat_input *)l;
    leat_arena a = {0};
    leat_buf text = {0};
    LEAT_TRY(leat_reader_still(in->reader, e)); /* no other stream gets this one's cursor */
    text_of(f, l, counts, &text);
    leat_rc rc = leat_cursors_store(leat_cursors_path(s->data, in->lane.source, s->sink, &a),
                                    leat_buf_str(&text), e);
    if (rc == LEAT_OK) {
        leat_buf_clear(&in->cursor);
        leat_buf_add(&in->cursor, leat_reader_cursor(in->reader));
        for (size_t i = 0; in->topics[i]; i++) in->next_offset[i] = next_of(in, i, true);
        in->offset = offset_at(in, counts);
        in->lane.counts = *counts;
    }
    leat_buf_free(&text);
    leat_arena_free(&a);
    return rc;
}

/* ---- opening ---- */

static bool wants(const place *p, const char *source)
{
    return !p->taken && (!p->source || strcmp(p->source, source) == 0);
}

/* An earlier input of the stream at the same place; NULL: none. */
static leat_input *twin_of(leat_inputs *s, const char *source, leat_str cursor)
{
    for (leat_input *in = first_of(s); in; in = next_input(in))
        if (is_of(in, source) && in->offset == 0 && leat_str_eq(leat_buf_str(&in->cursor), cursor))
            return in;
    return NULL;
}

/* With a pattern: a topic of the file whose claim is gone. It may come again, and has been read. */
static leat_rc keep_fitting(leat_inputs *s, leat_input *in, leat_str topic, int64_t next,
                            leat_err *e)
{
    bool fit;
    const char *name = leat_arena_str(&s->arena, topic).s;
    LEAT_TRY(leat_wanted_fits(s->pattern, name, &fit, e));
    if (fit) add_name(s, in, name, next);
    return LEAT_OK;
}

/* What the file says of one input, with those of its topics that are still wanted. */
static leat_rc take_stored(leat_inputs *s, const char *source, const leat_json *j, places *all,
                           leat_err *e)
{
    leat_str cursor = leat_json_get_str(j, "cursor");
    const leat_json *topics = leat_json_get(j, "topics");
    int64_t offset = leat_json_get_i64(j, "offset", 0);
    leat_input *in = offset > 0 ? NULL : twin_of(s, source, cursor);
    if (!in) {
        in = add_input(s, source);
        in->offset = offset;
        leat_buf_add(&in->cursor, cursor);
    }
    leat_sink_counts counts = leat_cursors_counts(j);
    leat_sink_counts_add(&in->lane.counts, &counts);
    const leat_json *next = leat_json_get(j, "next");
    if (next) next = next->child;
    for (const leat_json *t = topics ? topics->child : NULL; t; t = t->next) {
        int64_t known = -1;
        if (next && !leat_str_i64(next->text, &known)) known = -1;
        bool there = false;
        for (unsigned i = 0; i < all->n; i++) {
            if (!leat_str_is(t->text, all->v[i].topic)) continue;
            there = true;
            if (wants(&all->v[i], source)) add_topic(s, in, &all->v[i], known);
        }
        if (s->pattern && !there) LEAT_TRY(keep_fitting(s, in, t->text, known, e));
        if (next) next = next->next;
    }
    return LEAT_OK;
}

/* Topics that the file does not know: those the stream holds already are read from its beginning,
 * those nobody has are read along. */
static void take_new(leat_inputs *s, const char *source, places *all)
{
    leat_input *along = twin_of(s, source, (leat_str){"", 0}), *fresh = along;
    for (leat_input *in = first_of(s); in && !along; in = next_input(in))
        if (is_of(in, source) && in->offset == 0) along = in;
    for (unsigned i = 0; i < all->n; i++) {
        place *p = &all->v[i];
        if (!wants(p, source)) continue;
        if (!along || (p->source && !fresh)) fresh = add_input(s, source);
        if (!along) along = fresh;
        add_topic(s, p->source ? fresh : along, p, -1);
    }
}

/* The offsets of all that lie before the cursor of in, which begins at the beginning without. */
static leat_rc passed_by(leat_inputs *s, const leat_input *in, const places *all, int64_t *next,
                         leat_err *e)
{
    const char **topics = LEAT_NEW(&s->arena, const char *, all->n + 1);
    for (unsigned i = 0; i < all->n; i++) topics[i] = all->v[i].topic;
    if (in->cursor.len == 0) return LEAT_OK;
    return leat_reader_offsets(s->data, in->lane.source, leat_buf_str(&in->cursor), topics, next,
                               e);
}

/* The same with a pattern: an input that is somewhere takes what has no event before that place,
 * and whatever comes later. So what a source writes in one transaction stays together. */
static leat_rc take_fitting(leat_inputs *s, const char *source, places *all, leat_err *e)
{
    leat_input *along = NULL, *fresh = NULL;
    int64_t *next = LEAT_NEW(&s->arena, int64_t, all->n + 1);
    for (leat_input *in = first_of(s); in && !along; in = next_input(in))
        if (is_of(in, source) && in->offset == 0) along = in;
    if (!along) along = add_input(s, source);
    along->rest = s;
    LEAT_TRY(passed_by(s, along, all, next, e));
    for (unsigned i = 0; i < all->n; i++) {
        place *p = &all->v[i];
        if (!wants(p, source)) continue;
        if (next[i] > 0 && !fresh) fresh = twin_of(s, source, (leat_str){"", 0});
        if (next[i] > 0 && !fresh) fresh = add_input(s, source);
        add_topic(s, next[i] > 0 ? fresh : along, p, -1);
    }
    return LEAT_OK;
}

static bool has_topic(const leat_input *in, const char *topic)
{
    for (const char *const *t = in->topics; *t; t++)
        if (strcmp(*t, topic) == 0) return true;
    return false;
}

/* Asked by the reader of such an input, when it meets a topic. */
static leat_rc fits(void *arg, const char *topic, bool *out, leat_err *e)
{
    leat_input *in = arg;
    *out = false;
    for (const leat_input *other = first_of(in->rest); other; other = next_input(other))
        if (is_of(other, in->lane.source) && has_topic(other, topic)) return LEAT_OK;
    LEAT_TRY(leat_wanted_fits(in->rest->pattern, topic, out, e));
    if (!*out) return LEAT_OK;
    add_name(in->rest, in, topic, -1);
    leat_log(LEAT_INFO, "sink.topic_found", "topic=\"%s\" source=\"%s\"", topic, in->lane.source);
    return LEAT_OK;
}

/* What is new begins at the beginning; where that is, is then its cursor: from here on a segment
 * that is missing is a gap, not another beginning. */
static leat_rc open_one(leat_inputs *s, leat_input *in, leat_err *e)
{
    leat_reader_conf conf = {
        .data = s->data, .connector = in->lane.source, .topics = in->topics, .offset = in->offset};
    if (in->cursor.len == 0) {
        LEAT_TRY(leat_reader_open(&conf, &in->reader, e));
        leat_buf_add(&in->cursor, leat_reader_cursor(in->reader));
        leat_reader_close(in->reader);
        in->reader = NULL;
    }
    if (in->rest) {
        conf.fits = fits;
        conf.fits_arg = in;
    }
    conf.from = LEAT_FROM_CURSOR;
    conf.cursor = leat_buf_str(&in->cursor);
    return leat_reader_open(&conf, &in->reader, e);
}

/* Inputs whose topics nobody wants any more. */
static void drop_empty(leat_inputs *s)
{
    for (leat_lane **at = &s->feed.first; *at;) {
        leat_input *in = (leat_input *)*at;
        if (in->topics[0] || in->rest) {
            at = &in->lane.next;
        } else {
            leat_buf_free(&in->cursor);
            *at = in->lane.next;
        }
    }
}

/* What the file says, or the target if that came further: it commits before the file is written.
 * What is not of the same id there is of a sink that was deleted or moved since. */
static leat_rc load(leat_inputs *s, const char *source, const char *path, const leat_json **stored,
                    const char **id, leat_err *e)
{
    leat_cursors_stamp file, target = {0};
    const leat_json *there = NULL;
    leat_str text = {0};
    char fresh[LEAT_UUID_MAX];
    LEAT_TRY(leat_cursors_load_stamped(path, &s->arena, stored, &file, e));
    *id = file.id;
    if (!s->feed.reached) return LEAT_OK;
    if (!file.id) *id = leat_arena_strdup(&s->arena, leat_uuid4(fresh));
    LEAT_TRY(s->feed.reached(s->feed.reached_arg, source, &s->arena, &text, e));
    if (text.s) LEAT_TRY(leat_cursors_parse(text, path, &s->arena, &there, &target, e));
    bool same = file.id && target.id && strcmp(file.id, target.id) == 0;
    if (same && target.seq > file.seq) *stored = there;
    if (file.seq > s->seq) s->seq = file.seq;
    if (same && target.seq > s->seq) s->seq = target.seq;
    return LEAT_OK;
}

/* Stores the cursor at once: from then on the stream keeps what this sink needs. */
static leat_rc register_all(leat_inputs *s, const char *source, places *all, leat_err *e)
{
    const leat_json *stored;
    const char *id, *path = leat_cursors_path(s->data, source, s->sink, &s->arena);
    LEAT_TRY(load(s, source, path, &stored, &id, e));
    for (; stored; stored = stored->next) LEAT_TRY(take_stored(s, source, stored, all, e));
    if (s->pattern)
        LEAT_TRY(take_fitting(s, source, all, e));
    else
        take_new(s, source, all);
    drop_empty(s);
    leat_input *last = NULL;
    for (leat_input *in = first_of(s); in; in = next_input(in)) {
        if (!is_of(in, source)) continue;
        in->id = id;
        LEAT_TRY(open_one(s, in, e));
        last = in;
    }
    return last ? store(&s->feed, &last->lane, &last->lane.counts, e) : LEAT_OK;
}

/* Topics are claimed by streams that hold something. Without it there is nothing to wait at: its
 * folder was removed, and nothing is made in its place. */
static leat_rc stream_exists(leat_inputs *s, const char *stream, const char *source, leat_err *e)
{
    uint64_t *numbers = NULL;
    size_t n = 0;
    LEAT_TRY(leat_segment_list(stream, &s->arena, &numbers, &n, e));
    if (n > 0) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "stream.missing", stream,
                     "the connector %s has written topics that are wanted, and its stream holds no "
                     "segment now; it is made anew when the connector runs",
                     source);
}

/* No segment is removed between the look at what is held and the stored cursor. */
static leat_rc open_stream(leat_inputs *s, const char *source, places *all, leat_err *e)
{
    int lock = -1;
    char *stream = leat_arena_printf(&s->arena, "%s/connectors/%s/stream", s->data, source);
    for (unsigned i = 0; i < all->n; i++) all->v[i].taken = false;
    LEAT_TRY(stream_exists(s, stream, source, e));
    LEAT_TRY(leat_readers_lock(stream, LEAT_CURSORS_LOCK_US, &lock, e));
    leat_rc rc = register_all(s, source, all, e);
    leat_os_now()->close(lock);
    return rc;
}

static bool is_open(const leat_inputs *s, const char *source)
{
    for (const leat_input *in = first_of(s); in; in = next_input(in))
        if (is_of(in, source)) return true;
    return false;
}

static leat_rc open_all(leat_inputs *s, places *all, leat_err *e)
{
    for (unsigned i = 0; i < all->n; i++) {
        const char *source = all->v[i].source;
        if (source && !is_open(s, source))
            LEAT_TRY(open_stream(s, leat_arena_strdup(&s->arena, source), all, e));
    }
    s->found = all->found;
    return LEAT_OK;
}

static leat_rc find(const leat_inputs *s, leat_arena *a, places *out, leat_err *e)
{
    *out = (places){0};
    while (s->topics[out->n]) out->n++;
    out->v = LEAT_NEW(a, place, out->n);
    for (unsigned i = 0; i < out->n; i++) {
        leat_err err = {0};
        place *p = &out->v[i];
        p->topic = s->topics[i];
        leat_rc rc = leat_topics_owner(s->data, p->topic, a, &p->source, &err);
        if (rc == LEAT_OK) {
            out->found++;
            continue;
        }
        p->source = NULL;
        if (strcmp(err.code, "topic.unknown") != 0) {
            if (e) *e = err;
            return rc;
        }
        if (!s->told)
            leat_log(LEAT_WARN, "sink.topic_missing", "topic=\"%s\" waiting for it: %s", p->topic,
                     err.msg);
    }
    return LEAT_OK;
}

/* The topics that fit, of those that are claimed. Whose they are is asked, and a pattern matched,
 * only when the claims are others than at the last look: out is empty otherwise. */
static leat_rc find_fitting(const leat_inputs *s, leat_arena *a, places *out, uint64_t *claims,
                            leat_err *e)
{
    const char **names;
    size_t n;
    *out = (places){0};
    *claims = 1;
    LEAT_TRY(leat_topics_names(s->data, a, &names, &n, e));
    for (size_t i = 0; i < n; i++) *claims += leat_str_hash(leat_str_of(names[i]));
    if (*claims == s->claims) return LEAT_OK;
    out->v = LEAT_NEW(a, place, n);
    for (size_t i = 0; i < n; i++) {
        bool fit;
        place *p = &out->v[out->n];
        p->topic = names[i];
        LEAT_TRY(leat_wanted_fits(s->pattern, names[i], &fit, e));
        if (!fit) continue;
        leat_rc rc = leat_topics_claimed(s->data, leat_str_of(names[i]), a, &p->source, e);
        LEAT_TRY(rc);
        if (rc == LEAT_OK) out->n++; /* else it was removed meanwhile */
    }
    out->found = out->n;
    return LEAT_OK;
}

/* What is found makes other inputs than there are. A stream that is read brings its later topics
 * that fit by itself. */
static bool is_news(const leat_inputs *s, const places *all)
{
    if (!s->pattern) return all->found != s->found || (!s->feed.first && all->found > 0);
    for (unsigned i = 0; i < all->n; i++)
        if (!is_open(s, all->v[i].source)) return true;
    return false;
}

static void close_all(leat_feed *f)
{
    leat_inputs *s = (leat_inputs *)f;
    for (leat_input *in = first_of(s); in; in = next_input(in)) {
        leat_reader_close(in->reader);
        leat_buf_free(&in->cursor);
    }
    f->first = NULL;
    s->found = 0;
    s->claims = 0;
    s->looked_us = 0;
    leat_arena_free(&s->arena);
}

static leat_rc look(leat_feed *f, bool now, int64_t wait_us, leat_err *e)
{
    leat_inputs *s = (leat_inputs *)f;
    (void)wait_us;
    bool due = s->looked_us == 0 || leat_mono_us() - s->looked_us >= LOOK_US;
    bool all_there = s->feed.first && !s->pattern && !s->topics[s->found];
    if (all_there || (!due && !now)) return LEAT_OK;
    leat_arena a = {0};
    places all;
    uint64_t claims = 0;
    leat_rc rc = s->pattern ? find_fitting(s, &a, &all, &claims, e) : find(s, &a, &all, e);
    s->looked_us = leat_mono_us();
    if (rc == LEAT_OK && s->pattern && all.n == 0 && !s->told)
        leat_log(LEAT_WARN, "sink.no_topic_fits",
                 "topics.regex=\"" LEAT_STR_FMT "\" waiting for a topic whose whole name fits",
                 LEAT_STR_ARG(leat_regex_text(s->pattern)));
    s->told = true;
    if (rc == LEAT_OK && is_news(s, &all)) {
        close_all(f);
        s->looked_us = leat_mono_us();
        rc = open_all(s, &all, e);
    }
    if (rc == LEAT_OK) s->claims = claims;
    leat_arena_free(&a);
    return rc;
}

/* ---- gaps ---- */

static void put_gap(const leat_topic *t, int64_t next, unsigned n, leat_buf *out)
{
    leat_buf_str_z(out, n == 0 ? "" : "; ");
    if (next < 0)
        leat_buf_printf(out, "%s up to offset %lld", t->name, (long long)(t->first - 1));
    else
        leat_buf_printf(out, "%s from offset %lld to %lld (%lld records)", t->name, (long long)next,
                        (long long)(t->first - 1), (long long)(t->first - next));
}

/* Makes of in's "stream.gap" one that names topics and offsets. */
static leat_rc fail_gap(const leat_inputs *s, const leat_input *in, leat_err *e)
{
    leat_arena a = {0};
    leat_topic *topics = NULL;
    leat_buf what = {0};
    unsigned n = 0;
    if (leat_topics_list(s->data, &a, &topics, NULL) != LEAT_OK) topics = NULL;
    for (const leat_topic *t = topics; t; t = t->link)
        for (size_t i = 0; in->topics[i]; i++) {
            if (strcmp(t->name, in->topics[i]) != 0 || !is_of(in, t->connector)) continue;
            if (t->first > in->next_offset[i] && t->first > 0 && n < GAPS_SHOWN)
                put_gap(t, in->next_offset[i], n, &what);
            n += t->first > in->next_offset[i] && t->first > 0;
        }
    if (n > GAPS_SHOWN) leat_buf_printf(&what, "; and %u topics more", n - GAPS_SHOWN);
    leat_rc rc = leat_fail(
        e, LEAT_CONF, "stream.gap", in->lane.source,
        "the stream of %s holds no more what this sink had not read: %.*s. It was removed by "
        "retention.force or by hand. To go on from what is held, remove "
        "%s/connectors/%s/stream/readers/%s while the sink is stopped, and take what is missing by "
        "a snapshot",
        in->lane.source,
        LEAT_STR_ARG(n > 0 ? leat_buf_str(&what) : LEAT_STR("no records of its topics")), s->data,
        in->lane.source, s->sink);
    leat_buf_free(&what);
    leat_arena_free(&a);
    return rc;
}

/* ---- the feed ---- */

static leat_rc next(leat_feed *f, leat_lane *l, leat_batch *b, int64_t wait_us, leat_err *e)
{
    const leat_inputs *s = (leat_inputs *)f;
    leat_input *in = (leat_input *)l;
    leat_err why = {0};
    leat_rc rc = leat_reader_next(in->reader, b, wait_us, &why);
    if (rc == LEAT_OK) return leat_shaper_batch(s->shaper, b, e);
    if (!leat_rc_failed(rc)) return rc;
    if (strcmp(why.code, "stream.gap") == 0) return fail_gap(s, in, e);
    if (e) *e = why;
    return rc;
}

static bool at_end(leat_feed *f, leat_lane *l)
{
    (void)f;
    return leat_reader_at_end(((leat_input *)l)->reader);
}

static bool all_read(leat_feed *f)
{
    for (leat_lane *l = f->first; l; l = l->next)
        if (!at_end(f, l)) return false;
    return true;
}

/* The segment that a cursor begins with. */
static leat_str segment_of(leat_str cursor)
{
    return leat_str_cut(&cursor, ':');
}

/* Readers that passed over others' frames: the stream need not keep those for us. At once where a
 * whole segment was left: the source may be waiting for that. */
static leat_rc rest(leat_feed *f, const leat_lane *held, bool due, leat_err *e)
{
    for (leat_lane *l = f->first; l; l = l->next) {
        const leat_input *in = (leat_input *)l;
        if (l == held) continue;
        leat_str at = leat_reader_cursor(in->reader), was = leat_buf_str(&in->cursor);
        bool left = !leat_str_eq(segment_of(at), segment_of(was));
        if (left || (due && !leat_str_eq(at, was))) LEAT_TRY(store(f, l, &l->counts, e));
    }
    return LEAT_OK;
}

const leat_feed_ops leat_inputs_ops = {
    .look = look,
    .next = next,
    .at_end = at_end,
    .all_read = all_read,
    .text = text_of,
    .store = store,
    .rest = rest,
    .close = close_all,
};
