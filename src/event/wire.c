/* The binary form of values and events (event/wire.h).
 *
 *   value     tag, then by tag:
 *             00 null  01 absent  02 false  03 true
 *             04 int: zigzag            05 float: 8 bytes le      06 decimal: varint scale, blob
 *             07 text: blob             08 bytes: blob            09 date: zigzag
 *             0a-0c time                0d-0f timetz: + zigzag zone
 *             10-12 timestamp           13-15 timestamptz         (+ unit; zigzag)
 *             16 interval: zigzag months, days, us
 *             17 list  18 struct: varint n, n values              19 map: varint n, 2n values
 *             40-7f int 0..63           80-ff text of 0..127 bytes
 *   event     head: op 0-2, before 3, after 4, src 5, next change of the same transaction 6, rest 7
 *             [rest: u8 flags, u8 snapshot, varint partition]
 *             zigzag ts_us, seen_us (to the event before)
 *             [not next: zigzag tx (to the event before), varint tx_seq]  zigzag tx_table_seq -
 * tx_seq change: varint table, [src: ncells values], [before], [after: nfields values each] record:
 * topic, key schema, value schema, key, value, varint n, n headers (name, schema, value); names and
 * schemas as in wire_table.c An int among the first source cells is the difference to the event
 * before.
 *
 * Writing keeps its place in a local pointer, reading fills cells that were allocated at once: an
 * event of a few cells takes some tens of nanoseconds. Checksums, compression and the numbers of
 * tables are the stream's. No state but leat_wire_state; any thread. */
#include "event/wire_part.h"

#include <assert.h>

enum {
    T_NULL,
    T_ABSENT,
    T_FALSE,
    T_TRUE,
    T_INT,
    T_FLOAT,
    T_DECIMAL,
    T_TEXT,
    T_BYTES,
    T_DATE,
    T_TIME = 0x0a,
    T_TIMETZ = 0x0d,
    T_TIMESTAMP = 0x10,
    T_TIMESTAMPTZ = 0x13,
    T_INTERVAL = 0x16,
    T_LIST,
    T_STRUCT,
    T_MAP,
    T_SMALL_INT = 0x40,
    T_SHORT_TEXT = 0x80,
};

enum { H_OP = 7, H_BEFORE = 8, H_AFTER = 16, H_SRC = 32, H_NEXT = 64, H_REST = 128 };

enum {
    CELL_MOST = 24, /* bytes of a cell without its text */
    HEAD_MOST = 80, /* of an event without its cells */
    DELTAS = sizeof(((leat_wire_state *)0)->src) / sizeof(int64_t),
};

/* The number of an operation in the head is its place here. */
static const char ops[8] = {LEAT_OP_RECORD, LEAT_OP_READ,     LEAT_OP_CREATE,  LEAT_OP_UPDATE,
                            LEAT_OP_DELETE, LEAT_OP_TRUNCATE, LEAT_OP_MESSAGE, 0};

/* ---- writing ---- */

/* Room for n more bytes at p, which may move. */
static inline uint8_t *ensure(leat_buf *out, uint8_t *p, size_t n)
{
    size_t used = (size_t)(p - (uint8_t *)out->p);
    if (out->cap - used >= n) return p;
    out->len = used;
    return (uint8_t *)leat_buf_room(out, n);
}

static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static inline uint8_t *put_zigzag(uint8_t *p, int64_t v)
{
    return put_varint(p, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static inline uint8_t *put_int(uint8_t *p, int64_t i)
{
    if ((uint64_t)i < 64) {
        *p++ = (uint8_t)(T_SMALL_INT | i);
        return p;
    }
    *p++ = T_INT;
    return put_zigzag(p, i);
}

static inline uint8_t *put_text(leat_buf *out, uint8_t *p, const leat_value *v)
{
    p = ensure(out, p, CELL_MOST + (size_t)v->len);
    if (v->kind == LEAT_TEXT && v->len < 128) {
        *p++ = (uint8_t)(T_SHORT_TEXT | v->len);
    } else {
        *p++ = v->kind == LEAT_TEXT ? T_TEXT : v->kind == LEAT_BYTES ? T_BYTES : T_DECIMAL;
        if (v->kind == LEAT_DECIMAL) p = put_varint(p, v->scale);
        p = put_varint(p, v->len);
    }
    if (v->len > 0) memcpy(p, v->u.s, v->len);
    return p + v->len;
}

static uint8_t *put_time(uint8_t *p, const leat_value *v)
{
    uint8_t tag = T_TIMESTAMPTZ;
    if (v->kind == LEAT_TIME)
        tag = T_TIME;
    else if (v->kind == LEAT_TIMETZ)
        tag = T_TIMETZ;
    else if (v->kind == LEAT_TIMESTAMP)
        tag = T_TIMESTAMP;
    *p++ = (uint8_t)(tag + v->unit);
    p = put_zigzag(p, v->u.i);
    return v->kind == LEAT_TIMETZ ? put_zigzag(p, v->zone) : p;
}

static uint8_t *put_interval(leat_buf *out, uint8_t *p, const leat_interval *interval)
{
    p = ensure(out, p, 2 * CELL_MOST);
    *p++ = T_INTERVAL;
    p = put_zigzag(p, interval->months);
    p = put_zigzag(p, interval->days);
    return put_zigzag(p, interval->us);
}

static uint8_t *put_list(leat_buf *out, uint8_t *p, const leat_value *v, unsigned depth);

/* Expects CELL_MOST bytes of room, and leaves none for the next. */
static inline uint8_t *put_value(leat_buf *out, uint8_t *p, const leat_value *v, unsigned depth)
{
    switch ((leat_kind)v->kind) {
    case LEAT_NULL: *p++ = T_NULL; return p;
    case LEAT_ABSENT: *p++ = T_ABSENT; return p;
    case LEAT_BOOL: *p++ = v->u.i ? T_TRUE : T_FALSE; return p;
    case LEAT_INT: return put_int(p, v->u.i);
    case LEAT_FLOAT:
        *p = T_FLOAT;
        for (unsigned i = 0; i < 8; i++) p[1 + i] = (uint8_t)((uint64_t)v->u.i >> 8 * i);
        return p + 9;
    case LEAT_DECIMAL:
    case LEAT_TEXT:
    case LEAT_BYTES: return put_text(out, p, v);
    case LEAT_DATE: *p++ = T_DATE; return put_zigzag(p, v->u.i);
    case LEAT_TIME:
    case LEAT_TIMETZ:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ: return put_time(p, v);
    case LEAT_INTERVAL: return put_interval(out, p, v->u.interval);
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP: return put_list(out, p, v, depth);
    }
    assert(false && "a cell of no known kind");
    return p;
}

static uint8_t *put_list(leat_buf *out, uint8_t *p, const leat_value *v, unsigned depth)
{
    assert(depth < LEAT_WIRE_DEPTH);
    size_t n = v->kind == LEAT_MAP ? (size_t)v->len * 2 : v->len;
    *p++ = v->kind == LEAT_LIST ? T_LIST : v->kind == LEAT_STRUCT ? T_STRUCT : T_MAP;
    p = put_varint(p, v->len);
    for (size_t i = 0; i < n; i++)
        p = put_value(out, ensure(out, p, CELL_MOST), &v->u.list[i], depth + 1);
    return p;
}

static inline uint8_t *put_cells(leat_buf *out, uint8_t *p, const leat_value *cells, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) p = put_value(out, ensure(out, p, CELL_MOST), &cells[i], 0);
    return p;
}

static uint8_t *put_src(leat_buf *out, uint8_t *p, leat_wire_state *st, const leat_value *src,
                        uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        p = ensure(out, p, CELL_MOST);
        if (i < DELTAS && src[i].kind == LEAT_INT) {
            p = put_int(p, (int64_t)((uint64_t)src[i].u.i - (uint64_t)st->src[i]));
            st->src[i] = src[i].u.i;
        } else {
            p = put_value(out, p, &src[i], 0);
        }
    }
    return p;
}

static inline void end_at(leat_buf *out, const uint8_t *p)
{
    out->len = (size_t)(p - (uint8_t *)out->p);
}

void leat_wire_put_value(leat_buf *out, const leat_value *v, unsigned depth)
{
    uint8_t *p = (uint8_t *)leat_buf_room(out, CELL_MOST);
    end_at(out, put_value(out, p, v, depth));
}

static void put_record(leat_buf *out, const leat_record *r)
{
    leat_wire_put_name(out, r->topic);
    leat_wire_put_schema(out, r->key_schema, 0);
    leat_wire_put_schema(out, r->value_schema, 0);
    leat_wire_put_value(out, &r->key, 0);
    leat_wire_put_value(out, &r->value, 0);
    leat_buf_varint(out, r->nheaders);
    for (uint32_t i = 0; i < r->nheaders; i++) {
        leat_wire_put_name(out, r->headers[i].name);
        leat_wire_put_schema(out, r->headers[i].schema, 0);
        leat_wire_put_value(out, &r->headers[i].value, 0);
    }
}

static inline uint64_t minus(int64_t x, int64_t y)
{
    return (uint64_t)x - (uint64_t)y;
}

static uint8_t *put_head(uint8_t *p, leat_wire_state *st, const leat_event *ev, unsigned head)
{
    bool next = ev->tx == st->tx && ev->tx_seq == st->tx_seq + 1;
    bool rest = (ev->flags | ev->snapshot | ev->partition) != 0;
    *p++ = (uint8_t)(head | (next ? H_NEXT : 0) | (rest ? H_REST : 0));
    if (rest) {
        *p++ = ev->flags;
        *p++ = ev->snapshot;
        p = put_varint(p, ev->partition);
    }
    p = put_zigzag(p, (int64_t)minus(ev->ts_us, st->ts_us));
    p = put_zigzag(p, (int64_t)minus(ev->seen_us, st->seen_us));
    if (!next) {
        p = put_zigzag(p, (int64_t)(ev->tx - st->tx));
        p = put_varint(p, ev->tx_seq);
    }
    p = put_zigzag(p, (int64_t)ev->tx_table_seq - (int64_t)ev->tx_seq);
    st->ts_us = ev->ts_us;
    st->seen_us = ev->seen_us;
    st->tx = ev->tx;
    st->tx_seq = ev->tx_seq;
    return p;
}

static unsigned op_number(uint8_t op)
{
    for (unsigned i = 0; i < 7; i++)
        if (ops[i] == (char)op) return i;
    assert(false && "an event of no known operation");
    return 0;
}

void leat_wire_put(leat_buf *out, leat_wire_state *st, const leat_event *ev, uint32_t table)
{
    uint8_t *p = (uint8_t *)leat_buf_room(out, HEAD_MOST);
    if (ev->op == LEAT_OP_RECORD) {
        end_at(out, put_head(p, st, ev, 0));
        put_record(out, ev->record);
        return;
    }
    const leat_table *t = ev->table;
    uint32_t nfields = t->row->nfields;
    unsigned head = op_number(ev->op);
    if (ev->before != NULL) head |= H_BEFORE;
    if (ev->after != NULL) head |= H_AFTER;
    if (ev->src != NULL) head |= H_SRC;
    p = put_varint(put_head(p, st, ev, head), table);
    if (ev->src != NULL) p = put_src(out, p, st, ev->src, t->origin->ncells);
    if (ev->before != NULL) p = put_cells(out, p, ev->before, nfields);
    if (ev->after != NULL) p = put_cells(out, p, ev->after, nfields);
    end_at(out, p);
}

/* ---- reading ---- */

void leat_wire_bad(leat_wire_in *in, const char *why)
{
    if (!in->c.bad) in->why = why;
    in->c.bad = true;
}

bool leat_wire_take(leat_wire_in *in, uint64_t n)
{
    if (n > in->budget) {
        leat_wire_bad(in, "a count is larger than the bytes that follow");
        return false;
    }
    in->budget -= n;
    return true;
}

static inline uint64_t get_varint(leat_cur *c)
{
    if (c->p < c->end && *c->p < 0x80) return *c->p++;
    if (leat_cur_left(c) >= 3 && c->p[1] < 0x80) {
        c->p += 2;
        return (uint64_t)(c->p[-2] & 0x7f) | (uint64_t)c->p[-1] << 7;
    }
    return leat_cur_varint(c);
}

static inline int64_t get_zigzag(leat_cur *c)
{
    uint64_t u = get_varint(c);
    return (int64_t)(u >> 1 ^ (0 - (u & 1)));
}

static inline void get_text(leat_wire_in *in, leat_value *v, leat_kind kind, uint64_t len)
{
    const uint8_t *s = in->c.p;
    if (len > leat_cur_left(&in->c) || len > UINT32_MAX) {
        leat_wire_bad(in, "a text is longer than the bytes that follow");
        *v = leat_null();
        return;
    }
    in->c.p += len;
    *v = (leat_value){.kind = (uint8_t)kind, .len = (uint32_t)len, .u.s = (const char *)s};
    if (!in->copy) return;
    char *copy = leat_arena_alloc(in->a, len + 1, 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    v->u.s = copy;
}

static void get_decimal(leat_wire_in *in, leat_value *v)
{
    uint64_t scale = get_varint(&in->c);
    if (scale > UINT16_MAX) leat_wire_bad(in, "a decimal's scale is out of range");
    get_text(in, v, LEAT_DECIMAL, get_varint(&in->c));
    v->scale = (uint16_t)scale;
}

static void get_time(leat_wire_in *in, leat_value *v, unsigned tag)
{
    static const uint8_t kinds[] = {LEAT_TIME, LEAT_TIMETZ, LEAT_TIMESTAMP, LEAT_TIMESTAMPTZ};
    unsigned nth = tag - T_TIME;
    *v = (leat_value){.kind = kinds[nth / 3], .unit = (uint8_t)(nth % 3)};
    v->u.i = get_zigzag(&in->c);
    if (v->kind != LEAT_TIMETZ) return;
    int64_t zone = get_zigzag(&in->c);
    if (zone != (int32_t)zone) leat_wire_bad(in, "a zone is out of range");
    v->zone = (int32_t)zone;
}

static void get_interval(leat_wire_in *in, leat_value *v)
{
    leat_interval *interval = LEAT_NEW(in->a, leat_interval, 1);
    int64_t months = get_zigzag(&in->c), days = get_zigzag(&in->c);
    if (months != (int32_t)months || days != (int32_t)days)
        leat_wire_bad(in, "an interval is out of range");
    *interval = (leat_interval){(int32_t)months, (int32_t)days, get_zigzag(&in->c)};
    *v = (leat_value){.kind = LEAT_INTERVAL, .u.interval = interval};
}

static void get_list(leat_wire_in *in, leat_value *v, unsigned tag, unsigned depth)
{
    uint64_t len = get_varint(&in->c), n = tag == T_MAP && len <= UINT32_MAX ? len * 2 : len;
    *v = leat_null();
    if (depth >= LEAT_WIRE_DEPTH) leat_wire_bad(in, "values nest too deep");
    if (len > UINT32_MAX || in->c.bad || !leat_wire_take(in, n)) {
        leat_wire_bad(in, "a count is out of range");
        return;
    }
    leat_value *list = leat_arena_alloc(in->a, n * sizeof(*list), _Alignof(leat_value));
    for (uint64_t i = 0; i < n && !in->c.bad; i++) leat_wire_get_value(in, &list[i], depth + 1);
    uint8_t kind = tag == T_LIST ? LEAT_LIST : tag == T_STRUCT ? LEAT_STRUCT : LEAT_MAP;
    *v = (leat_value){.kind = kind, .len = (uint32_t)len, .u.list = list};
}

static void get_float(leat_wire_in *in, leat_value *v)
{
    uint64_t bits = leat_cur_le64(&in->c);
    *v = leat_float(0);
    memcpy(&v->u.f, &bits, sizeof(bits));
}

static void get_other(leat_wire_in *in, leat_value *v, unsigned tag, unsigned depth)
{
    *v = leat_null();
    switch (tag) {
    case T_NULL: return;
    case T_ABSENT: *v = leat_absent(); return;
    case T_FALSE:
    case T_TRUE: *v = leat_bool(tag == T_TRUE); return;
    case T_FLOAT: get_float(in, v); return;
    case T_DECIMAL: get_decimal(in, v); return;
    case T_TEXT: get_text(in, v, LEAT_TEXT, get_varint(&in->c)); return;
    case T_BYTES: get_text(in, v, LEAT_BYTES, get_varint(&in->c)); return;
    case T_DATE: *v = (leat_value){.kind = LEAT_DATE, .u.i = get_zigzag(&in->c)}; return;
    case T_INTERVAL: get_interval(in, v); return;
    case T_LIST:
    case T_STRUCT:
    case T_MAP: get_list(in, v, tag, depth); return;
    default: break;
    }
    if (tag >= T_TIME && tag < T_INTERVAL)
        get_time(in, v, tag);
    else
        leat_wire_bad(in, "a value's tag is unknown");
}

static inline void get_value(leat_wire_in *in, leat_value *v, unsigned depth)
{
    unsigned tag = leat_cur_u8(&in->c);
    if (tag >= T_SHORT_TEXT)
        get_text(in, v, LEAT_TEXT, tag - T_SHORT_TEXT);
    else if (tag >= T_SMALL_INT)
        *v = leat_int((int64_t)tag - T_SMALL_INT);
    else if (tag == T_INT)
        *v = leat_int(get_zigzag(&in->c));
    else
        get_other(in, v, tag, depth);
}

void leat_wire_get_value(leat_wire_in *in, leat_value *v, unsigned depth)
{
    get_value(in, v, depth);
}

static void get_cells(leat_wire_in *in, leat_value *cells, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) get_value(in, &cells[i], 0);
}

static void get_src(leat_wire_in *in, leat_wire_state *st, leat_value *src, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        get_value(in, &src[i], 0);
        if (i >= DELTAS || src[i].kind != LEAT_INT) continue;
        src[i].u.i = (int64_t)((uint64_t)st->src[i] + (uint64_t)src[i].u.i);
        st->src[i] = src[i].u.i;
    }
}

static const leat_record *get_record(leat_wire_in *in)
{
    leat_record *r = LEAT_NEW(in->a, leat_record, 1);
    r->topic = leat_wire_get_name(in);
    if (r->topic == NULL) leat_wire_bad(in, "a record has no topic");
    r->key_schema = leat_wire_get_schema(in, 0);
    r->value_schema = leat_wire_get_schema(in, 0);
    leat_wire_get_value(in, &r->key, 0);
    leat_wire_get_value(in, &r->value, 0);
    uint64_t n = get_varint(&in->c);
    if (n > UINT32_MAX || !leat_wire_take(in, n)) return r;
    leat_header *headers = LEAT_NEW(in->a, leat_header, n);
    for (uint64_t i = 0; i < n && !in->c.bad; i++) {
        headers[i].name = leat_wire_get_name(in);
        if (headers[i].name == NULL) leat_wire_bad(in, "a header has no name");
        headers[i].schema = leat_wire_get_schema(in, 0);
        leat_wire_get_value(in, &headers[i].value, 0);
    }
    r->headers = headers;
    r->nheaders = (uint32_t)n;
    return r;
}

static void get_head(leat_wire_in *in, leat_wire_state *st, leat_event *ev, unsigned head)
{
    leat_cur *c = &in->c;
    if (head & H_REST) {
        ev->flags = leat_cur_u8(c);
        ev->snapshot = leat_cur_u8(c);
        uint64_t partition = get_varint(c);
        if (ev->snapshot > LEAT_SNAPSHOT_INCREMENTAL || partition > UINT32_MAX)
            leat_wire_bad(in, "an event's marker or partition is out of range");
        ev->partition = (uint32_t)partition;
    }
    st->ts_us = (int64_t)((uint64_t)st->ts_us + (uint64_t)get_zigzag(c));
    st->seen_us = (int64_t)((uint64_t)st->seen_us + (uint64_t)get_zigzag(c));
    if (head & H_NEXT) {
        st->tx_seq++;
    } else {
        st->tx += (uint64_t)get_zigzag(c);
        uint64_t seq = get_varint(c);
        if (seq > UINT32_MAX) leat_wire_bad(in, "a place in a transaction is out of range");
        st->tx_seq = (uint32_t)seq;
    }
    int64_t apart = get_zigzag(c), in_table;
    if (__builtin_add_overflow((int64_t)st->tx_seq, apart, &in_table) || in_table < 0 ||
        in_table > UINT32_MAX)
        leat_wire_bad(in, "a place in a transaction is out of range");
    ev->ts_us = st->ts_us;
    ev->seen_us = st->seen_us;
    ev->tx = st->tx;
    ev->tx_seq = st->tx_seq;
    ev->tx_table_seq = (uint32_t)in_table;
    ev->op = (uint8_t)ops[head & H_OP];
}

static void get_change(leat_wire_in *in, leat_wire_state *st, leat_batch *b, leat_event *ev,
                       unsigned head, const leat_table *t)
{
    size_t nsrc = head & H_SRC ? t->origin->ncells : 0;
    size_t nbefore = head & H_BEFORE ? t->row->nfields : 0;
    size_t nafter = head & H_AFTER ? t->row->nfields : 0;
    size_t n = nsrc + nbefore + nafter;
    if (!leat_wire_take(in, n)) return;
    leat_value *cells = leat_arena_alloc(in->a, n * sizeof(*cells), _Alignof(leat_value));
    ev->table = t;
    ev->src = head & H_SRC ? cells : NULL;
    ev->before = head & H_BEFORE ? cells + nsrc : NULL;
    ev->after = head & H_AFTER ? cells + nsrc + nbefore : NULL;
    get_src(in, st, cells, (uint32_t)nsrc);
    get_cells(in, cells + nsrc, (uint32_t)(nbefore + nafter));
    if (!in->c.bad) leat_batch_pin(b, t);
}

static const leat_table *get_table(leat_wire_in *in, leat_wire_table table, void *arg)
{
    uint64_t number = get_varint(&in->c);
    const leat_table *t = number <= UINT32_MAX && !in->c.bad ? table(arg, (uint32_t)number) : NULL;
    if (t == NULL) leat_wire_bad(in, "its table is unknown");
    return t;
}

leat_rc leat_wire_get(leat_cur *c, leat_wire_state *st, leat_batch *b, leat_wire_table table,
                      void *arg, bool copy, leat_err *e)
{
    leat_wire_in in = {.c = *c, .a = &b->arena, .budget = leat_cur_left(c), .copy = copy};
    leat_event *ev = leat_batch_add(b, NULL);
    unsigned head = leat_cur_u8(&in.c);
    if ((head & H_OP) == H_OP || ((head & H_OP) == 0 && (head & (H_BEFORE | H_AFTER | H_SRC))))
        leat_wire_bad(&in, "its operation is unknown");
    get_head(&in, st, ev, head);
    if (head & H_OP) {
        const leat_table *t = get_table(&in, table, arg);
        if (t != NULL) get_change(&in, st, b, ev, head, t);
    } else {
        ev->record = get_record(&in);
    }
    if (in.c.bad) {
        b->n--;
        c->bad = true;
        return leat_fail(e, LEAT_DATA, "wire.bad", "",
                         "an event could not be read, %zu bytes before the end: %s",
                         leat_cur_left(c), in.why != NULL ? in.why : "bytes are missing");
    }
    *c = in.c;
    return LEAT_OK;
}
