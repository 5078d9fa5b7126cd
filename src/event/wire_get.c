/* The binary form of values and events: reading (event/wire.h); its grammar stands in wire.c.
 *
 * The cursor's sticky error is looked at once an event; counts are taken from a budget before
 * anything is allocated for them. The cells of an event are allocated at once and filled in place,
 * as is the event in its batch. No state but leat_wire_state; any thread. */
#include "event/wire_part.h"

static const char ops[8] = WIRE_OPS;

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
    unsigned nth = tag - WIRE_TIME;
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
    uint64_t len = get_varint(&in->c), n = tag == WIRE_MAP && len <= UINT32_MAX ? len * 2 : len;
    *v = leat_null();
    if (depth >= LEAT_WIRE_DEPTH) leat_wire_bad(in, "values nest too deep");
    if (len > UINT32_MAX || in->c.bad || !leat_wire_take(in, n)) {
        leat_wire_bad(in, "a count is out of range");
        return;
    }
    leat_value *list = leat_arena_alloc(in->a, n * sizeof(*list), _Alignof(leat_value));
    for (uint64_t i = 0; i < n && !in->c.bad; i++) leat_wire_get_value(in, &list[i], depth + 1);
    uint8_t kind = tag == WIRE_LIST ? LEAT_LIST : tag == WIRE_STRUCT ? LEAT_STRUCT : LEAT_MAP;
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
    case WIRE_NULL: return;
    case WIRE_ABSENT: *v = leat_absent(); return;
    case WIRE_FALSE:
    case WIRE_TRUE: *v = leat_bool(tag == WIRE_TRUE); return;
    case WIRE_FLOAT: get_float(in, v); return;
    case WIRE_DECIMAL: get_decimal(in, v); return;
    case WIRE_TEXT: get_text(in, v, LEAT_TEXT, get_varint(&in->c)); return;
    case WIRE_BYTES: get_text(in, v, LEAT_BYTES, get_varint(&in->c)); return;
    case WIRE_DATE: *v = (leat_value){.kind = LEAT_DATE, .u.i = get_zigzag(&in->c)}; return;
    case WIRE_INTERVAL: get_interval(in, v); return;
    case WIRE_LIST:
    case WIRE_STRUCT:
    case WIRE_MAP: get_list(in, v, tag, depth); return;
    default: break;
    }
    if (tag >= WIRE_TIME && tag < WIRE_INTERVAL)
        get_time(in, v, tag);
    else
        leat_wire_bad(in, "a value's tag is unknown");
}

static inline void get_value(leat_wire_in *in, leat_value *v, unsigned depth)
{
    unsigned tag = leat_cur_u8(&in->c);
    if (tag >= WIRE_SHORT_TEXT)
        get_text(in, v, LEAT_TEXT, tag - WIRE_SHORT_TEXT);
    else if (tag >= WIRE_SMALL_INT)
        *v = leat_int((int64_t)tag - WIRE_SMALL_INT);
    else if (tag == WIRE_INT)
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

leat_value *leat_wire_get_cells(leat_str bytes, leat_arena *a, size_t *n)
{
    const uint8_t *p = (const uint8_t *)bytes.s;
    leat_wire_in in = {.c = {.p = p, .end = p + bytes.len}, .a = a, .copy = true};
    in.budget = bytes.len;
    leat_value *cells = LEAT_NEW(a, leat_value, bytes.len); /* each takes a byte at least */
    for (*n = 0; leat_cur_left(&in.c) > 0 && !in.c.bad; ++*n) get_value(&in, &cells[*n], 0);
    return in.c.bad ? NULL : cells;
}

static void get_src(leat_wire_in *in, leat_wire_state *st, leat_value *src, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        get_value(in, &src[i], 0);
        if (i >= WIRE_DELTAS || src[i].kind != LEAT_INT) continue;
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
    if (head & WIRE_HEAD_REST) {
        ev->flags = leat_cur_u8(c);
        ev->snapshot = leat_cur_u8(c);
        uint64_t partition = get_varint(c);
        if (ev->snapshot > LEAT_SNAPSHOT_INCREMENTAL || partition > UINT32_MAX)
            leat_wire_bad(in, "an event's marker or partition is out of range");
        ev->partition = (uint32_t)partition;
    }
    st->ts_us = (int64_t)((uint64_t)st->ts_us + (uint64_t)get_zigzag(c));
    st->seen_us = (int64_t)((uint64_t)st->seen_us + (uint64_t)get_zigzag(c));
    if (head & WIRE_HEAD_NEXT) {
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
    ev->op = (uint8_t)ops[head & WIRE_HEAD_OP];
}

static void get_change(leat_wire_in *in, leat_wire_state *st, leat_batch *b, leat_event *ev,
                       unsigned head, const leat_table *t)
{
    size_t nsrc = head & WIRE_HEAD_SRC ? t->origin->ncells : 0;
    size_t nbefore = head & WIRE_HEAD_BEFORE ? t->row->nfields : 0;
    size_t nafter = head & WIRE_HEAD_AFTER ? t->row->nfields : 0;
    size_t n = nsrc + nbefore + nafter;
    if (!leat_wire_take(in, n)) return;
    leat_value *cells = leat_arena_alloc(in->a, n * sizeof(*cells), _Alignof(leat_value));
    ev->table = t;
    ev->src = head & WIRE_HEAD_SRC ? cells : NULL;
    ev->before = head & WIRE_HEAD_BEFORE ? cells + nsrc : NULL;
    ev->after = head & WIRE_HEAD_AFTER ? cells + nsrc + nbefore : NULL;
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
    if ((head & WIRE_HEAD_OP) == WIRE_HEAD_OP ||
        ((head & WIRE_HEAD_OP) == 0 &&
         (head & (WIRE_HEAD_BEFORE | WIRE_HEAD_AFTER | WIRE_HEAD_SRC))))
        leat_wire_bad(&in, "its operation is unknown");
    get_head(&in, st, ev, head);
    if (head & WIRE_HEAD_OP) {
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
