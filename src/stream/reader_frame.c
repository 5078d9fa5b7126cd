/* Readers: the events of one frame (stream/reading.h).
 *
 * The body is put, uncompressed, into the batch's arena, and the events' texts point into it.
 * Tables are loaded when a frame that is decoded names them, from the place in the segment that its
 * meta gives; equal versions under several numbers are kept apart. What is not wanted is decoded
 * too (events are differences to the one before) and dropped. Run by the reader's thread. */
#include <inttypes.h>
#include <lz4.h>
#include <stdio.h>
#include <zstd.h>

#include "event/wire.h"
#include "stream/reading.h"

/* What a compressed byte can become at most: bounds what a faulty length makes us allocate. */
enum { LZ4_RATIO = 256, ZSTD_RATIO = 40000 };

static leat_rc damaged(leat_reader *r, const char *what, leat_err *e)
{
    snprintf(r->walk.why, sizeof(r->walk.why), "%.*s", (int)sizeof(r->walk.why) - 1, what);
    return leat_walk_damaged(&r->walk, e);
}

/* ---- tables ---- */

static leat_rc load_table(leat_reader *r, const leat_frame_table *t, leat_err *e)
{
    leat_walk *w = &r->aside;
    leat_frame f;
    leat_str meta, body;
    leat_seen seen;
    uint32_t number;
    uint64_t fingerprint;
    leat_err why;
    leat_walk_beside(w, &r->walk, t->offset);
    LEAT_TRY(leat_walk_peek(w, &f, &meta, &seen, e));
    if (seen == LEAT_SEEN_FRAME) LEAT_TRY(leat_walk_load(w, &f, &meta, &body, &seen, e));
    if (seen != LEAT_SEEN_FRAME) return leat_walk_damaged(w, e);
    if (f.type != LEAT_FRAME_TABLE || !leat_frame_get_table(meta, &number, &fingerprint) ||
        number != t->number)
        return damaged(r, "it names a table whose definition is not where it says", e);
    leat_reading_table entry = {.number = number};
    if (leat_wire_get_table(body, &entry.table, &why) != LEAT_OK) return damaged(r, why.msg, e);
    entry.topic = leat_names_put(&r->names, leat_str_of(entry.table->topic));
    if (r->ntables == r->tables_cap) {
        r->tables_cap = r->tables_cap > 0 ? r->tables_cap * 2 : 16;
        r->tables = leat_realloc(r->tables, r->tables_cap * sizeof(leat_reading_table));
    }
    leat_map_put(&r->numbers, number, r->ntables);
    r->tables[r->ntables++] = entry;
    return LEAT_OK;
}

static leat_rc load_tables(leat_reader *r, const leat_frame_data *d, leat_err *e)
{
    for (uint32_t i = 0; i < d->ntables; i++)
        if (leat_map_get(&r->numbers, d->tables[i].number) == LEAT_MAP_NONE)
            LEAT_TRY(load_table(r, &d->tables[i], e));
    return LEAT_OK;
}

static const leat_table *table_of(void *arg, uint32_t number)
{
    leat_reader *r = arg;
    if (r->last < r->ntables && r->tables[r->last].number == number)
        return r->tables[r->last].table;
    uint32_t i = leat_map_get(&r->numbers, number);
    if (i == LEAT_MAP_NONE) return NULL;
    r->last = i;
    return r->tables[i].table;
}

/* ---- events ---- */

static bool uncompress(leat_reader *r, const leat_frame *f, leat_str body, char *raw, size_t len)
{
    if (f->flags & LEAT_FRAME_ZSTD) {
        if (r->zstd == NULL) r->zstd = ZSTD_createDCtx();
        return ZSTD_decompressDCtx(r->zstd, raw, len, body.s, body.len) == len;
    }
    return LZ4_decompress_safe(body.s, raw, (int)body.len, (int)len) == (int)len;
}

static leat_rc raw_of(leat_reader *r, const leat_frame *f, leat_str body, size_t len, leat_batch *b,
                      leat_str *raw, leat_err *e)
{
    bool compressed = (f->flags & (LEAT_FRAME_LZ4 | LEAT_FRAME_ZSTD)) != 0;
    size_t ratio = f->flags & LEAT_FRAME_ZSTD ? ZSTD_RATIO : LZ4_RATIO;
    if (compressed && len / ratio > body.len)
        return damaged(r, "its events are longer than they can be", e);
    char *to = leat_arena_alloc(&b->arena, len, 1);
    *raw = (leat_str){to, len};
    if (!compressed && len > 0) memcpy(to, body.s, len);
    if (compressed && !uncompress(r, f, body, to, len))
        return damaged(r, "its events cannot be uncompressed", e);
    return LEAT_OK;
}

static uint32_t topic_of(leat_reader *r, const leat_event *ev)
{
    if (ev->op == LEAT_OP_RECORD) return leat_names_find(&r->names, leat_str_of(ev->record->topic));
    return r->tables[r->last].topic;
}

/* What the caller asked to begin with was not reached before this event. */
static bool too_early(leat_reader *r, const leat_event *ev, unsigned records)
{
    if (r->started) return false;
    if (r->from == LEAT_FROM_TIME && ev->ts_us < r->time_us) return true;
    if (r->from == LEAT_FROM_OFFSET && ev->offset + (int64_t)records <= r->offset) return true;
    r->started = true;
    return false;
}

static bool outside(const leat_reader *r, int64_t least_us, int64_t most_us)
{
    return r->bounded && (most_us < r->least_us || least_us > r->most_us);
}

/* How many of a frame's events a cursor that stands inside of it is behind. */
static leat_rc behind(leat_reader *r, const leat_frame *f, const leat_frame_parts *parts,
                      uint64_t *out, leat_err *e)
{
    uint32_t crc;
    *out = 0;
    if (r->within.number == 0) return LEAT_OK;
    if (!leat_frame_part(parts, f, r->within.number, out, &crc))
        return damaged(r, "it cannot be told which frames it stands for", e);
    if (crc == r->within.crc) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "stream.cursor", r->walk.path,
                     "the cursor names frame %" PRIu64 " with checksum %08" PRIx32
                     ", here it has %08" PRIx32 ": the stream is another one now; read from the "
                     "beginning or the end instead",
                     r->within.number, r->within.crc, crc);
}

/* Without the first skip of the frame's events. */
static leat_rc put_events(leat_reader *r, const leat_frame_data *d, leat_frame_topic *topics,
                          leat_str raw, uint64_t skip, leat_batch *b, leat_err *e)
{
    leat_cur c = leat_cur_of(raw);
    leat_wire_state st = {0};
    leat_err why;
    for (uint64_t i = 0; i < d->events; i++) {
        if (leat_wire_get(&c, &st, b, table_of, r, false, &why) != LEAT_OK)
            return damaged(r, why.msg, e);
        leat_event *ev = &b->ev[b->n - 1];
        uint32_t topic = topic_of(r, ev);
        if (topic == LEAT_MAP_NONE || r->names.v[topic].mark != r->frames)
            return damaged(r, "an event of a topic that its meta does not name", e);
        leat_frame_topic *t = &topics[r->names.v[topic].slot];
        unsigned records = leat_event_records(ev);
        ev->offset = t->first;
        t->first += records;
        bool wanted = r->all || r->names.v[topic].known;
        if (i < skip || !wanted || outside(r, ev->ts_us, ev->ts_us) || too_early(r, ev, records))
            b->n--;
    }
    return leat_cur_left(&c) == 0 ? LEAT_OK : damaged(r, "bytes behind its last event", e);
}

/* Which of the topics that are met for the first time are wanted. */
static leat_rc ask_fits(leat_reader *r, const leat_frame_data *d, leat_err *e)
{
    if (!r->fits) return LEAT_OK;
    for (uint32_t i = 0; i < d->ntopics; i++) leat_names_put(&r->names, d->topics[i].name);
    for (; r->asked < r->names.n; r->asked++) {
        leat_name *name = &r->names.v[r->asked];
        if (name->known) continue;
        LEAT_TRY(r->fits(r->fits_arg, name->name.s, &name->known, e));
        if (name->known) r->names.next[r->asked] = -1;
    }
    return LEAT_OK;
}

/* Stamps the frame's topics; true if one of them is wanted, from where the caller wants it. */
static bool note_topics(leat_reader *r, const leat_frame_data *d)
{
    bool wanted = false;
    r->frames++;
    for (uint32_t i = 0; i < d->ntopics; i++) {
        const leat_frame_topic *t = &d->topics[i];
        uint32_t topic = leat_names_put(&r->names, t->name);
        leat_name *name = &r->names.v[topic];
        name->mark = r->frames;
        name->slot = i;
        r->names.next[topic] = t->first + (int64_t)t->records;
        if (!r->all && !name->known) continue;
        if (outside(r, t->min_us, t->max_us)) continue;
        if (!r->started && r->from == LEAT_FROM_TIME && t->max_us < r->time_us) continue;
        if (!r->started && r->from == LEAT_FROM_OFFSET &&
            t->first + (int64_t)t->records <= r->offset)
            continue;
        wanted = true;
    }
    return wanted;
}

static int64_t stretch(const leat_reader *r, int64_t us)
{
    int64_t unit = r->tally->unit_us, rest = us % unit;
    return us - (rest < 0 ? rest + unit : rest);
}

/* All wanted topics of the frame lie in one stretch of time each, which is told; else false: its
 * events have to be looked at. */
static bool told(leat_reader *r, const leat_frame_data *d)
{
    if (r->tally == NULL || !r->started || r->within.number > 0) return false;
    for (int turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < d->ntopics; i++) {
            const leat_frame_topic *t = &d->topics[i];
            uint32_t topic = leat_names_find(&r->names, t->name);
            bool wanted = r->all || r->names.v[topic].known;
            if (!wanted || outside(r, t->min_us, t->max_us)) continue;
            bool part = r->bounded && (t->min_us < r->least_us || t->max_us > r->most_us);
            int64_t from = stretch(r, t->min_us);
            if (turn == 0 && (part || from != stretch(r, t->max_us))) return false;
            if (turn == 1) r->tally->fn(r->tally->arg, r->names.v[topic].name, from, t->records);
        }
    }
    return true;
}

static leat_rc decode(leat_reader *r, const leat_frame *f, leat_str body, const leat_frame_data *d,
                      leat_batch *b, leat_err *e)
{
    leat_str raw = {0};
    leat_frame_parts parts;
    uint64_t skip;
    LEAT_TRY(load_tables(r, d, e));
    LEAT_TRY(raw_of(r, f, body, d->raw_len, b, &raw, e));
    if (!leat_frame_get_parts(&raw, f, &parts))
        return damaged(r, "it cannot be told which frames it stands for", e);
    LEAT_TRY(behind(r, f, &parts, &skip, e));
    leat_frame_topic *topics =
        leat_arena_dup(&r->scratch, d->topics, d->ntopics * sizeof(leat_frame_topic));
    bool started = r->started;
    uint32_t n = b->n;
    leat_rc rc = put_events(r, d, topics, raw, skip, b, e);
    if (rc != LEAT_OK) {
        b->n = n;
        r->started = started;
    }
    return rc;
}

leat_rc leat_reading_frame(leat_reader *r, const leat_frame *f, leat_str meta, leat_batch *b,
                           leat_err *e)
{
    leat_frame_data d;
    leat_str body, again;
    leat_seen seen;
    leat_arena_reset(&r->scratch, 1 << 16);
    if (f->events > LEAT_WIRE_VERSION) return leat_walk_foreign(&r->walk, e);
    if (!leat_frame_get_data(meta, f, false, &r->scratch, &d))
        return damaged(r, "its meta cannot be read", e);
    LEAT_TRY(ask_fits(r, &d, e));
    bool wanted = note_topics(r, &d);
    if (wanted && told(r, &d)) wanted = false;
    if (!wanted && !r->verify) return LEAT_OK;
    LEAT_TRY(leat_walk_load(&r->walk, f, &again, &body, &seen, e));
    if (seen != LEAT_SEEN_FRAME) return leat_walk_damaged(&r->walk, e);
    if (!wanted) return LEAT_OK;
    if (again.s != meta.s && !leat_frame_get_data(again, f, false, &r->scratch, &d))
        return damaged(r, "its meta cannot be read", e);
    return decode(r, f, body, &d, b, e);
}
