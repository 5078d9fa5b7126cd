/* The binary form of values and events: writing (event/wire.h).
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
 *             [not next: zigzag tx (to the event before), varint tx_seq]
 *             zigzag tx_table_seq - tx_seq
 *             change: varint table, [src: ncells values], [before], [after: nfields values each]
 *             record: topic, key schema, value schema, key, value, varint n, n headers (name,
 *             schema, value); names and schemas as in wire_table.c
 *
 * An int among the first source cells is the difference to the event before.
 *
 * This file writes, wire_get.c reads. Writing keeps its place in a local pointer: an event of a few
 * cells takes some tens of nanoseconds. Checksums, compression and the numbers of tables are the
 * stream's. No state but leat_wire_state; any thread. */
#include "event/wire_part.h"

#include <assert.h>

enum {
    CELL_MOST = 24, /* bytes of a cell without its text */
    HEAD_MOST = 80, /* of an event without its cells */
};

static const char ops[8] = WIRE_OPS;

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
        *p++ = (uint8_t)(WIRE_SMALL_INT | i);
        return p;
    }
    *p++ = WIRE_INT;
    return put_zigzag(p, i);
}

static inline uint8_t *put_text(leat_buf *out, uint8_t *p, const leat_value *v)
{
    p = ensure(out, p, CELL_MOST + (size_t)v->len);
    if (v->kind == LEAT_TEXT && v->len < 128) {
        *p++ = (uint8_t)(WIRE_SHORT_TEXT | v->len);
    } else {
        *p++ = v->kind == LEAT_TEXT ? WIRE_TEXT : v->kind == LEAT_BYTES ? WIRE_BYTES : WIRE_DECIMAL;
        if (v->kind == LEAT_DECIMAL) p = put_varint(p, v->scale);
        p = put_varint(p, v->len);
    }
    if (v->len > 0) memcpy(p, v->u.s, v->len);
    return p + v->len;
}

static uint8_t *put_time(uint8_t *p, const leat_value *v)
{
    uint8_t tag = WIRE_TIMESTAMPTZ;
    if (v->kind == LEAT_TIME)
        tag = WIRE_TIME;
    else if (v->kind == LEAT_TIMETZ)
        tag = WIRE_TIMETZ;
    else if (v->kind == LEAT_TIMESTAMP)
        tag = WIRE_TIMESTAMP;
    *p++ = (uint8_t)(tag + v->unit);
    p = put_zigzag(p, v->u.i);
    return v->kind == LEAT_TIMETZ ? put_zigzag(p, v->zone) : p;
}

static uint8_t *put_interval(leat_buf *out, uint8_t *p, const leat_interval *interval)
{
    p = ensure(out, p, 2 * CELL_MOST);
    *p++ = WIRE_INTERVAL;
    p = put_zigzag(p, interval->months);
    p = put_zigzag(p, interval->days);
    return put_zigzag(p, interval->us);
}

static uint8_t *put_list(leat_buf *out, uint8_t *p, const leat_value *v, unsigned depth);

/* Expects CELL_MOST bytes of room, and leaves none for the next. */
static inline uint8_t *put_value(leat_buf *out, uint8_t *p, const leat_value *v, unsigned depth)
{
    switch ((leat_kind)v->kind) {
    case LEAT_NULL: *p++ = WIRE_NULL; return p;
    case LEAT_ABSENT: *p++ = WIRE_ABSENT; return p;
    case LEAT_BOOL: *p++ = v->u.i ? WIRE_TRUE : WIRE_FALSE; return p;
    case LEAT_INT: return put_int(p, v->u.i);
    case LEAT_FLOAT:
        *p = WIRE_FLOAT;
        for (unsigned i = 0; i < 8; i++) p[1 + i] = (uint8_t)((uint64_t)v->u.i >> 8 * i);
        return p + 9;
    case LEAT_DECIMAL:
    case LEAT_TEXT:
    case LEAT_BYTES: return put_text(out, p, v);
    case LEAT_DATE: *p++ = WIRE_DATE; return put_zigzag(p, v->u.i);
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
    *p++ = v->kind == LEAT_LIST ? WIRE_LIST : v->kind == LEAT_STRUCT ? WIRE_STRUCT : WIRE_MAP;
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
        if (i < WIRE_DELTAS && src[i].kind == LEAT_INT) {
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

void leat_wire_put_cell(leat_buf *out, const leat_value *v)
{
    leat_wire_put_value(out, v, 0);
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
    *p++ = (uint8_t)(head | (next ? WIRE_HEAD_NEXT : 0) | (rest ? WIRE_HEAD_REST : 0));
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
    if (ev->before != NULL) head |= WIRE_HEAD_BEFORE;
    if (ev->after != NULL) head |= WIRE_HEAD_AFTER;
    if (ev->src != NULL) head |= WIRE_HEAD_SRC;
    p = put_varint(put_head(p, st, ev, head), table);
    if (ev->src != NULL) p = put_src(out, p, st, ev->src, t->origin->ncells);
    if (ev->before != NULL) p = put_cells(out, p, ev->before, nfields);
    if (ev->after != NULL) p = put_cells(out, p, ev->after, nfields);
    end_at(out, p);
}
