/* The codec of frames; the grammar stands in stream/frame.h.
 *
 * A head is believed only if its checksum fits, which covers the meta too: so lengths are bounded
 * before they are used, and all fields are right or the frame is none. The body has a checksum of
 * its own, so that a reader can pass over it unread. Counts are checked against the bytes left
 * before anything is allocated. Pure; any thread. */
#include "stream/frame.h"

#include "event/wire.h"

static const uint8_t magic[3] = {LEAT_FRAME_MAGIC, 'l', 't'};

enum { CRC_AT = 32, OFFSET_BITS = 62, PART_BYTES = 4 };
enum { PLAIN_VERSION = 1, MERGED_VERSION = 2 };

static void put_le(char *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) p[i] = (char)(unsigned char)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

void leat_frame_seal(char *p, leat_frame *f)
{
    f->body_crc = leat_crc32c(0, p + LEAT_FRAME_HEAD + f->meta_len, f->body_len);
    leat_frame_seal_head(p, f);
}

void leat_frame_seal_head(char *p, leat_frame *f)
{
    f->version = f->flags & LEAT_FRAME_MERGED ? MERGED_VERSION : PLAIN_VERSION;
    f->events = LEAT_WIRE_VERSION;
    memcpy(p, magic, sizeof(magic));
    put_le(p + 3, f->version, 1);
    put_le(p + 4, f->type, 1);
    put_le(p + 5, f->events, 1);
    put_le(p + 6, f->flags, 2);
    put_le(p + 8, f->meta_len, 4);
    put_le(p + 12, f->body_len, 4);
    put_le(p + 16, f->number, 8);
    put_le(p + 24, f->prev, 4);
    put_le(p + 28, f->body_crc, 4);
    f->crc = leat_crc32c(0, p, CRC_AT);
    f->crc = leat_crc32c(f->crc, p + LEAT_FRAME_HEAD, f->meta_len);
    put_le(p + CRC_AT, f->crc, 4);
}

static leat_seen bad(const char **why, const char *what)
{
    *why = what;
    return LEAT_SEEN_BAD;
}

static void read_head(const uint8_t *p, leat_frame *f)
{
    *f = (leat_frame){
        .version = p[3],
        .type = p[4],
        .events = p[5],
        .flags = (uint16_t)get_le(p + 6, 2),
        .meta_len = (uint32_t)get_le(p + 8, 4),
        .body_len = (uint32_t)get_le(p + 12, 4),
        .number = get_le(p + 16, 8),
        .prev = (uint32_t)get_le(p + 24, 4),
        .body_crc = (uint32_t)get_le(p + 28, 4),
        .crc = (uint32_t)get_le(p + CRC_AT, 4),
    };
    f->first = f->number;
    f->name = f->crc;
}

/* What MERGED adds; without it the frame stands for itself. */
static bool read_lead(const uint8_t *p, leat_frame *f)
{
    bool merged = (f->flags & LEAT_FRAME_MERGED) != 0;
    if (merged != (f->version == MERGED_VERSION)) return false;
    if (!merged) return true;
    leat_cur c = leat_cur_of((leat_str){(const char *)p + LEAT_FRAME_HEAD, f->meta_len});
    uint64_t back = leat_cur_varint(&c);
    f->name = leat_cur_le32(&c);
    if (c.bad || back >= f->number || (back > 0 && f->type != LEAT_FRAME_DATA)) return false;
    f->first = f->number - back;
    f->lead = f->meta_len - (uint32_t)leat_cur_left(&c);
    return true;
}

leat_seen leat_frame_read(leat_str bytes, leat_frame *f, size_t *need, const char **why)
{
    static const uint8_t blank[LEAT_FRAME_HEAD];
    const uint8_t *p = (const uint8_t *)bytes.s;
    size_t n = bytes.len < LEAT_FRAME_HEAD ? bytes.len : LEAT_FRAME_HEAD;
    *f = (leat_frame){0};
    if (n > 0 && p[0] != 0 && memcmp(p, magic, n < 3 ? n : 3) != 0)
        return bad(why, "no frame begins here");
    if (n < LEAT_FRAME_HEAD) {
        *need = LEAT_FRAME_HEAD;
        return LEAT_SEEN_SHORT;
    }
    if (memcmp(p, blank, LEAT_FRAME_HEAD) == 0) return LEAT_SEEN_BLANK;
    if (memcmp(p, magic, 3) != 0) return bad(why, "no frame begins here");
    read_head(p, f);
    if (f->version < PLAIN_VERSION || f->version > LEAT_FRAME_VERSION)
        return bad(why, "a format that is not known");
    if (f->meta_len > LEAT_FRAME_META_MAX || f->body_len > LEAT_FRAME_RAW_MAX)
        return bad(why, "impossible lengths in its head");
    if (bytes.len - LEAT_FRAME_HEAD < f->meta_len) {
        *need = (size_t)LEAT_FRAME_HEAD + f->meta_len;
        return LEAT_SEEN_SHORT;
    }
    uint32_t crc = leat_crc32c(0, p, CRC_AT);
    crc = leat_crc32c(crc, p + LEAT_FRAME_HEAD, f->meta_len);
    if (crc != f->crc) return bad(why, "the checksum of its head does not fit");
    if (f->type < LEAT_FRAME_SEGMENT || f->type > LEAT_FRAME_DATA)
        return bad(why, "a type that is not known");
    if (!read_lead(p, f)) return bad(why, "it cannot be told which frames it stands for");
    return LEAT_SEEN_FRAME;
}

bool leat_frame_foreign(leat_str bytes)
{
    if (bytes.len < LEAT_FRAME_HEAD || memcmp(bytes.s, magic, 3) != 0) return false;
    return (uint8_t)bytes.s[3] > LEAT_FRAME_VERSION || (uint8_t)bytes.s[5] > LEAT_WIRE_VERSION;
}

/* ---- meta: writing ---- */

static void put_back(leat_buf *out, const leat_frame *f, uint64_t number)
{
    leat_buf_varint(out, number == 0 ? 0 : f->number - number);
}

static void put_reach(leat_buf *out, const leat_frame *f, const leat_frame_reach *reach)
{
    const leat_counts *c = &reach->totals;
    const uint64_t counts[] = {c->received,      c->appended,  c->filtered,      c->dead,
                               c->deduplicated,  c->rows_read, c->rows_appended, c->rows_superseded,
                               c->rows_filtered, c->rows_dead};
    leat_buf_varint(out, reach->npos);
    for (size_t i = 0; i < reach->npos; i++) {
        leat_buf_blob(out, reach->pos[i].partition);
        leat_buf_blob(out, reach->pos[i].offset);
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) leat_buf_varint(out, counts[i]);
    leat_buf_varint(out, reach->visible);
    if (f->flags & LEAT_FRAME_PROGRESS) leat_buf_blob(out, reach->progress);
}

void leat_frame_put_lead(leat_buf *out, const leat_frame *f)
{
    leat_buf_varint(out, f->number - f->first);
    leat_buf_le32(out, f->name);
}

void leat_frame_put_parts(leat_buf *out, const leat_frame_parts *parts)
{
    leat_buf_add(out, parts->events);
    leat_buf_add(out, parts->crcs);
    leat_buf_le32(out, (uint32_t)(parts->events.len + parts->crcs.len));
}

void leat_frame_put_txs(leat_buf *out, const uint64_t *txs, size_t n)
{
    leat_buf_varint(out, n);
    uint64_t before = 0;
    for (size_t i = 0; i < n; i++) {
        leat_buf_zigzag(out, (int64_t)(txs[i] - before));
        before = txs[i];
    }
}

void leat_frame_put_data(leat_buf *out, const leat_frame *f, const leat_frame_data *d)
{
    put_back(out, f, d->mark);
    put_back(out, f, d->open);
    leat_buf_varint(out, d->events);
    leat_buf_varint(out, d->raw_len);
    leat_buf_varint(out, d->ntables);
    for (uint32_t i = 0; i < d->ntables; i++) {
        leat_buf_varint(out, d->tables[i].number);
        leat_buf_varint(out, (uint64_t)d->tables[i].offset);
    }
    leat_buf_varint(out, d->ntopics);
    for (uint32_t i = 0; i < d->ntopics; i++) {
        const leat_frame_topic *t = &d->topics[i];
        leat_buf_blob(out, t->name);
        leat_buf_varint(out, (uint64_t)t->first);
        leat_buf_varint(out, t->records);
        leat_buf_zigzag(out, t->min_us);
        leat_buf_varint(out, (uint64_t)t->max_us - (uint64_t)t->min_us);
    }
    leat_frame_put_txs(out, d->txs, d->ntxs);
    if (f->flags & LEAT_FRAME_END) put_reach(out, f, &d->reach);
}

void leat_frame_put_segment(leat_buf *out, const leat_frame *f, const leat_frame_segment *s)
{
    leat_buf_varint(out, s->segment);
    leat_buf_blob(out, s->connector);
    leat_buf_zigzag(out, s->created_us);
    put_back(out, f, s->mark);
    put_back(out, f, s->open);
    leat_buf_varint(out, s->next_table);
    leat_buf_zigzag(out, s->last_us);
    put_reach(out, f, &s->reach);
    leat_buf_varint(out, s->ntopics);
    for (uint32_t i = 0; i < s->ntopics; i++) {
        leat_buf_blob(out, s->topics[i].name);
        leat_buf_varint(out, (uint64_t)s->topics[i].next);
    }
}

void leat_frame_put_table(leat_buf *out, uint32_t number, uint64_t fingerprint)
{
    leat_buf_varint(out, number);
    leat_buf_le64(out, fingerprint);
}

/* ---- meta: reading ---- */

/* A distance back to a frame; 0: there is none. */
static uint64_t get_back(leat_cur *c, const leat_frame *f)
{
    uint64_t back = leat_cur_varint(c);
    if (back >= f->number) c->bad = c->bad || back > 0;
    return back == 0 || c->bad ? 0 : f->number - back;
}

/* How many follow, each of at least size bytes. */
static uint32_t get_count(leat_cur *c, size_t size)
{
    uint64_t n = leat_cur_varint(c);
    if (n > leat_cur_left(c) / size || n > UINT32_MAX / 64) c->bad = true;
    return c->bad ? 0 : (uint32_t)n;
}

static uint32_t get_u32(leat_cur *c)
{
    uint64_t v = leat_cur_varint(c);
    if (v > UINT32_MAX) c->bad = true;
    return c->bad ? 0 : (uint32_t)v;
}

static uint32_t get_table_number(leat_cur *c)
{
    uint32_t number = get_u32(c);
    if (number == 0 || number > INT32_MAX) c->bad = true;
    return number;
}

static int64_t get_offset(leat_cur *c)
{
    uint64_t v = leat_cur_varint(c);
    if (v >> OFFSET_BITS != 0) c->bad = true;
    return c->bad ? 0 : (int64_t)v;
}

static void get_reach(leat_cur *c, const leat_frame *f, leat_arena *a, leat_frame_reach *reach)
{
    uint32_t n = get_count(c, 2);
    leat_position *pos = LEAT_NEW(a, leat_position, n);
    for (uint32_t i = 0; i < n; i++) {
        pos[i].partition = leat_cur_blob(c);
        pos[i].offset = leat_cur_blob(c);
    }
    uint64_t counts[10];
    for (size_t i = 0; i < 10; i++) counts[i] = leat_cur_varint(c);
    reach->pos = pos;
    reach->npos = n;
    reach->totals = (leat_counts){
        .received = counts[0],
        .appended = counts[1],
        .filtered = counts[2],
        .dead = counts[3],
        .deduplicated = counts[4],
        .rows_read = counts[5],
        .rows_appended = counts[6],
        .rows_superseded = counts[7],
        .rows_filtered = counts[8],
        .rows_dead = counts[9],
    };
    reach->visible = leat_cur_varint(c);
    if (f->flags & LEAT_FRAME_PROGRESS) reach->progress = leat_cur_blob(c);
}

static const uint64_t *get_txs(leat_cur *c, leat_arena *a, uint32_t *n)
{
    *n = get_count(c, 1);
    uint64_t *txs = LEAT_NEW(a, uint64_t, *n), before = 0;
    for (uint32_t i = 0; i < *n; i++) txs[i] = before += (uint64_t)leat_cur_zigzag(c);
    return txs;
}

bool leat_frame_get_txs(leat_str body, leat_arena *a, const uint64_t **txs, uint32_t *n)
{
    leat_cur c = leat_cur_of(body);
    *txs = get_txs(&c, a, n);
    return !c.bad && leat_cur_left(&c) == 0;
}

static void get_topics(leat_cur *c, leat_arena *a, leat_frame_data *d)
{
    d->ntopics = get_count(c, 5);
    leat_frame_topic *topics = LEAT_NEW(a, leat_frame_topic, d->ntopics);
    for (uint32_t i = 0; i < d->ntopics; i++) {
        topics[i].name = leat_cur_blob(c);
        topics[i].first = get_offset(c);
        topics[i].records = (uint64_t)get_offset(c);
        topics[i].min_us = leat_cur_zigzag(c);
        uint64_t span = leat_cur_varint(c);
        topics[i].max_us = (int64_t)((uint64_t)topics[i].min_us + span);
        if (topics[i].max_us < topics[i].min_us) c->bad = true;
    }
    d->topics = topics;
}

bool leat_frame_get_data(leat_str meta, const leat_frame *f, bool whole, leat_arena *a,
                         leat_frame_data *d)
{
    leat_cur c = leat_cur_of(meta);
    *d = (leat_frame_data){0};
    d->mark = get_back(&c, f);
    d->open = get_back(&c, f);
    d->events = leat_cur_varint(&c);
    d->raw_len = get_u32(&c);
    bool compressed = (f->flags & (LEAT_FRAME_LZ4 | LEAT_FRAME_ZSTD)) != 0;
    if (d->raw_len > LEAT_FRAME_RAW_MAX || d->events > d->raw_len ||
        (!compressed && d->raw_len != f->body_len))
        return false;
    d->ntables = get_count(&c, 2);
    leat_frame_table *tables = LEAT_NEW(a, leat_frame_table, d->ntables);
    for (uint32_t i = 0; i < d->ntables; i++) {
        tables[i].number = get_table_number(&c);
        tables[i].offset = get_offset(&c);
    }
    d->tables = tables;
    get_topics(&c, a, d);
    if (!whole) return !c.bad;
    d->txs = get_txs(&c, a, &d->ntxs);
    if (f->flags & LEAT_FRAME_END) get_reach(&c, f, a, &d->reach);
    return !c.bad && leat_cur_left(&c) == 0;
}

bool leat_frame_get_segment(leat_str meta, const leat_frame *f, leat_arena *a,
                            leat_frame_segment *s)
{
    leat_cur c = leat_cur_of(meta);
    *s = (leat_frame_segment){0};
    s->segment = leat_cur_varint(&c);
    s->connector = leat_cur_blob(&c);
    s->created_us = leat_cur_zigzag(&c);
    s->mark = get_back(&c, f);
    s->open = get_back(&c, f);
    s->next_table = get_table_number(&c);
    s->last_us = leat_cur_zigzag(&c);
    get_reach(&c, f, a, &s->reach);
    s->ntopics = get_count(&c, 2);
    leat_frame_next *topics = LEAT_NEW(a, leat_frame_next, s->ntopics);
    for (uint32_t i = 0; i < s->ntopics; i++) {
        topics[i].name = leat_cur_blob(&c);
        topics[i].next = get_offset(&c);
    }
    s->topics = topics;
    return !c.bad && leat_cur_left(&c) == 0;
}

bool leat_frame_get_table(leat_str meta, uint32_t *number, uint64_t *fingerprint)
{
    leat_cur c = leat_cur_of(meta);
    *number = get_table_number(&c);
    *fingerprint = leat_cur_le64(&c);
    return !c.bad && leat_cur_left(&c) == 0;
}

bool leat_frame_get_parts(leat_str *raw, const leat_frame *f, leat_frame_parts *parts)
{
    *parts = (leat_frame_parts){0};
    if (f->first == f->number) return true;
    if (raw->len < PART_BYTES) return false;
    leat_cur c = leat_cur_of((leat_str){raw->s + raw->len - PART_BYTES, PART_BYTES});
    uint64_t len = leat_cur_le32(&c), n = f->number - f->first + 1;
    raw->len -= PART_BYTES;
    if (len > raw->len || n > len / (PART_BYTES + 1)) return false;
    raw->len -= len;
    parts->events = (leat_str){raw->s + raw->len, len - n * PART_BYTES};
    parts->crcs = (leat_str){parts->events.s + parts->events.len, n * PART_BYTES};
    return true;
}

bool leat_frame_part(const leat_frame_parts *parts, const leat_frame *f, uint64_t number,
                     uint64_t *events, uint32_t *crc)
{
    if (number < f->first || number >= f->number) return false;
    leat_cur c = leat_cur_of(parts->events), crcs = leat_cur_of(parts->crcs);
    *events = 0;
    for (uint64_t n = f->first; n <= number; n++) {
        *events += leat_cur_varint(&c);
        *crc = leat_cur_le32(&crcs);
    }
    return !c.bad && !crcs.bad;
}

uint64_t leat_frame_mark(leat_str meta, const leat_frame *f)
{
    leat_cur c = leat_cur_of(meta);
    if (f->type == LEAT_FRAME_TABLE) return 0;
    if (f->type == LEAT_FRAME_SEGMENT) {
        leat_cur_varint(&c);
        leat_cur_blob(&c);
        leat_cur_zigzag(&c);
    }
    return get_back(&c, f);
}
