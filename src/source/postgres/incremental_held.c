/* The rows of a chunk while they wait for the stream.
 *
 * Each row has the hash of its key in a table of buckets. A change of the table looks its keys up
 * there, unless its transaction is surely in the view; changes that come while the rows are still
 * on their way are noted, and asked when the rows are there. Run by the task's thread. */
#include <stdio.h>

#include "base/clock.h"
#include "source/postgres/incremental.h"

enum { NOTES = 100000 }; /* beyond that all keys of the chunk are taken for changed */

static uint64_t value_hash(const leat_value *v)
{
    switch ((leat_kind)v->kind) {
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_DECIMAL: return leat_str_hash(leat_value_str(v));
    case LEAT_BOOL:
    case LEAT_INT:
    case LEAT_DATE:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ: return leat_str_hash((leat_str){(const char *)&v->u.i, sizeof v->u.i});
    default: return 7; /* the comparison decides */
    }
}

/* The columns of a row by which it is found. */
static uint16_t key_of(const leat_pg_increment *inc, const leat_table *t, const leat_value *cells,
                       const leat_value *out[LEAT_PG_KEYS])
{
    uint16_t n = inc->keyed ? t->nkey : inc->nby;
    if (n > LEAT_PG_KEYS) n = LEAT_PG_KEYS;
    for (uint16_t i = 0; i < n; i++)
        out[i] = &cells[inc->keyed ? t->key_cols[i] : inc->rel->field[inc->by[i]]];
    return n;
}

static uint64_t key_hash(const leat_value *const *key, uint16_t n)
{
    uint64_t h = n;
    for (uint16_t i = 0; i < n; i++) h = (h ^ value_hash(key[i])) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static bool key_eq(const leat_value *const *x, const leat_value *const *y, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++)
        if (!leat_value_eq(x[i], y[i])) return false;
    return true;
}

bool leat_pg_increment_sees(const leat_pg_source *s, uint64_t tx)
{
    const leat_pg_increment *inc = s->inc;
    if (tx == 0 || tx < inc->xmin) return tx != 0;
    if (tx >= inc->xmax || s->server.standby) return false;
    for (size_t i = 0; i < inc->nrunning; i++)
        if (inc->running[i] == tx) return false;
    return true;
}

/* ---- what changes do ---- */

/* torn: the change does not have all of the row. */
static void let_go(leat_pg_increment *inc, const leat_value *const *key, uint16_t n, uint64_t hash,
                   bool torn)
{
    uint32_t at = inc->nbuckets ? inc->buckets[hash & (inc->nbuckets - 1)] : 0;
    for (; at; at = inc->held[at - 1].next) {
        leat_pg_held *h = &inc->held[at - 1];
        const leat_value *own[LEAT_PG_KEYS];
        if (h->hash != hash || !h->cells) continue;
        key_of(inc, inc->rel->table, h->cells, own);
        if (!key_eq(key, own, n)) continue;
        h->gone = true;
        inc->torn = inc->torn || torn;
    }
}

static void let_all_go(leat_pg_increment *inc)
{
    for (uint32_t i = 0; i < inc->nheld; i++) inc->held[i].gone = true;
}

bool leat_pg_increment_watches(const leat_pg_increment *inc, const leat_pg_rel *r)
{
    return inc->rel && inc->rel->id == r->id && inc->step >= LEAT_PG_STEP_VIEW;
}

static void note(leat_pg_increment *inc, uint64_t tx, const leat_value *const *key, uint16_t n,
                 uint64_t hash, bool torn)
{
    if (inc->nnoted == NOTES) key = NULL;
    if (inc->nnoted > NOTES) return;
    leat_pg_noted *at = LEAT_NEW(&inc->arena, leat_pg_noted, 1);
    leat_value *cells = key ? LEAT_NEW(&inc->arena, leat_value, n) : NULL;
    for (uint16_t i = 0; key && i < n; i++) cells[i] = leat_value_copy(&inc->arena, key[i]);
    *at = (leat_pg_noted){tx, hash, cells, torn, inc->noted};
    inc->noted = at;
    inc->nnoted++;
}

/* now: the row as it is since the change; else as it was before. cells NULL: any row. */
static void note_row(leat_pg_source *s, const leat_pg_rel *r, const leat_value *cells, bool now)
{
    leat_pg_increment *inc = s->inc;
    const leat_value *key[LEAT_PG_KEYS] = {NULL};
    bool rows = inc->step > LEAT_PG_STEP_ROWS, whole = true, torn = false;
    uint16_t n = 0;
    if (cells && r->table->nkey == inc->rel->table->nkey) n = key_of(inc, r->table, cells, key);
    for (uint16_t i = 0; i < n; i++) whole = whole && key[i]->kind != LEAT_ABSENT;
    if (!whole && !now) return; /* the key did not change */
    for (uint32_t i = 0; now && n && i < r->table->row->nfields; i++)
        torn = torn || cells[i].kind == LEAT_ABSENT;
    if (!whole) n = 0;
    uint64_t hash = key_hash(key, n);
    if (!rows)
        note(inc, s->tx.xid, n ? key : NULL, n, hash, torn);
    else if (n)
        let_go(inc, key, n, hash, torn);
    else
        let_all_go(inc);
}

void leat_pg_increment_note(leat_pg_source *s, const leat_pg_rel *r, const leat_value *before,
                            const leat_value *after)
{
    leat_pg_increment *inc = s->inc;
    if (inc->step > LEAT_PG_STEP_VIEW && leat_pg_increment_sees(s, s->tx.xid)) return;
    if (!before && !after) note_row(s, r, NULL, false);
    if (before) note_row(s, r, before, false);
    if (after) note_row(s, r, after, true);
}

/* ---- rows come ---- */

static leat_rc cells_of(leat_pg_source *s, const PGresult *res, int row, leat_value *cells,
                        leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_pg_rel *r = inc->rel;
    for (uint32_t i = 0; i < r->table->row->nfields; i++) cells[i] = leat_absent();
    for (uint16_t i = 0; i < r->nwire; i++) {
        uint16_t f = r->field[i];
        if (f == LEAT_PG_NO_FIELD) continue;
        leat_str text = leat_pg_cell(res, row, i);
        if (text.s) text = leat_arena_str(&inc->arena, text);
        LEAT_TRY(leat_pg_rel_cell(r, i, false, text, &inc->arena, &cells[f], e));
    }
    return LEAT_OK;
}

/* As COPY would send it, about: for the dead letters. */
static leat_str row_text(const PGresult *res, int row, leat_arena *a)
{
    leat_buf b = {0};
    for (int i = 0; i < PQnfields(res); i++) {
        leat_str text = leat_pg_cell(res, row, i);
        if (i) leat_buf_u8(&b, '\t');
        leat_buf_add(&b, text.s ? text : LEAT_STR("\\N"));
        if (b.len > LEAT_DEAD_BYTES) break;
    }
    leat_str out = leat_arena_str(a, leat_buf_str(&b));
    leat_buf_free(&b);
    return out;
}

static size_t row_bytes(const PGresult *res, int row)
{
    size_t n = 0;
    for (int i = 0; i < PQnfields(res); i++) n += (size_t)PQgetlength(res, row, i) + 1;
    return n;
}

/* A NULL that the version has no room for makes another version: all rows are read again by that.
 */
static leat_rc hold_row(leat_pg_source *s, const PGresult *res, int row, bool *again, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_pg_held *h = &inc->held[row];
    leat_arena *a = &inc->arena;
    leat_value *cells = LEAT_NEW(a, leat_value, inc->rel->table->row->nfields);
    leat_rc rc = leat_event_size_check(row_bytes(res, row), s->task->max_event_bytes,
                                       inc->rel->table->name, e);
    if (rc == LEAT_OK) rc = cells_of(s, res, row, cells, e);
    if (rc == LEAT_DATA && strcmp(e->code, "postgres.null") == 0) {
        leat_origin *usual = s->origin;
        s->origin = s->row_origin;
        rc = leat_pg_rel_loosen(s, &inc->rel, e);
        s->origin = usual;
        *again = rc == LEAT_OK;
        if (rc != LEAT_DATA) return rc;
    }
    if (rc == LEAT_DATA) {
        h->why = leat_arena_dup(a, e, sizeof *e);
        h->text = row_text(res, row, a);
        return LEAT_OK;
    }
    LEAT_TRY(rc);
    leat_rewrite_row(inc->rel->rewrite, cells, false, a);
    const leat_value *key[LEAT_PG_KEYS];
    h->cells = cells;
    h->hash = key_hash(key, key_of(inc, inc->rel->table, cells, key));
    uint32_t *bucket = &inc->buckets[h->hash & (inc->nbuckets - 1)];
    h->next = *bucket;
    *bucket = (uint32_t)row + 1;
    return LEAT_OK;
}

static void apply_notes(leat_pg_source *s)
{
    leat_pg_increment *inc = s->inc;
    uint16_t n = inc->keyed ? inc->rel->table->nkey : inc->nby;
    for (const leat_pg_noted *at = inc->noted; at; at = at->next) {
        const leat_value *key[LEAT_PG_KEYS];
        if (leat_pg_increment_sees(s, at->tx)) continue;
        for (uint16_t i = 0; at->key && i < n; i++) key[i] = &at->key[i];
        if (at->key)
            let_go(inc, key, n, at->hash, at->torn);
        else
            let_all_go(inc);
    }
    inc->noted = NULL;
    inc->nnoted = 0;
}

leat_rc leat_pg_increment_hold(leat_pg_source *s, const PGresult *res, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    uint32_t n = (uint32_t)PQntuples(res);
    bool again;
    do {
        again = false;
        inc->nbuckets = 16;
        while (inc->nbuckets < 2 * n) inc->nbuckets *= 2;
        inc->buckets = LEAT_NEW(&inc->arena, uint32_t, inc->nbuckets);
        inc->held = LEAT_NEW(&inc->arena, leat_pg_held, n);
        for (uint32_t i = 0; i < n && !again; i++) LEAT_TRY(hold_row(s, res, (int)i, &again, e));
    } while (again);
    inc->nheld = n;
    inc->rows += n;
    apply_notes(s);
    leat_java_key *end = LEAT_NEW(&inc->arena, leat_java_key, inc->nby);
    for (uint16_t i = 0; n && i < inc->nby; i++)
        end[i] =
            (leat_java_key){leat_pg_increment_key_type(inc, i),
                            leat_arena_str(&inc->arena, leat_pg_cell(res, (int)n - 1, inc->by[i]))};
    inc->end = n ? end : NULL;
    return LEAT_OK;
}

/* ---- rows go ---- */

static void bury(const leat_pg_source *s, leat_batch *b, const leat_pg_held *h, uint64_t number)
{
    const leat_table *t = s->inc->rel->table;
    char place[128];
    snprintf(place, sizeof place, "{\"lsn\":%llu,\"snapshot\":\"%s\",\"row\":%llu}",
             (unsigned long long)s->at.lsn, s->inc->chunk, (unsigned long long)number);
    leat_batch_dead_row(
        b, &(leat_dead){.why = *h->why,
                        .bytes = h->text,
                        .position = leat_str_of(place),
                        .table = leat_arena_printf(&b->arena, "%s.%s", t->schema, t->name),
                        .topic = t->topic,
                        .ts_us = leat_now_us()});
}

static void give(const leat_pg_source *s, leat_batch *b, const leat_pg_held *h, uint64_t lsn)
{
    const leat_table *t = s->inc->rel->table;
    uint32_t n = t->row->nfields;
    leat_event *ev = leat_batch_add(b, t);
    leat_value *cells = LEAT_NEW(&b->arena, leat_value, n);
    for (uint32_t i = 0; i < n; i++) cells[i] = leat_value_copy(&b->arena, &h->cells[i]);
    ev->op = LEAT_OP_READ;
    ev->after = cells;
    ev->snapshot = LEAT_SNAPSHOT_INCREMENTAL;
    ev->ts_us = ev->seen_us = leat_now_us();
    leat_value *src = LEAT_NEW(&b->arena, leat_value, LEAT_PG_SRC_N);
    for (int i = 0; i < LEAT_PG_SRC_N; i++) src[i] = leat_null();
    src[LEAT_PG_SRC_COMMIT] = s->at.commit ? leat_int((int64_t)s->at.commit) : leat_null();
    src[LEAT_PG_SRC_LSN] = leat_int((int64_t)lsn);
    ev->src = src;
}

void leat_pg_increment_release(leat_pg_source *s, leat_batch *b, uint64_t lsn)
{
    leat_pg_increment *inc = s->inc;
    if (inc->torn) { /* else what the change left out would never be told */
        inc->rows -= inc->nheld;
        inc->limit = inc->nheld / 2 + 1;
        leat_pg_increment_drop(inc);
        return;
    }
    for (uint32_t i = 0; i < inc->nheld; i++) {
        const leat_pg_held *h = &inc->held[i];
        b->counts.rows_read++;
        if (h->gone)
            b->counts.rows_superseded++;
        else if (h->why)
            bury(s, b, h, inc->rows - inc->nheld + i + 1);
        else
            give(s, b, h, lsn);
    }
    if (inc->end) {
        leat_arena keys = {0};
        leat_java_key *sent = LEAT_NEW(&keys, leat_java_key, inc->nby);
        leat_java_key *maximum = LEAT_NEW(&keys, leat_java_key, inc->nby);
        for (uint16_t i = 0; i < inc->nby; i++) {
            sent[i] = (leat_java_key){inc->end[i].type, leat_arena_str(&keys, inc->end[i].text)};
            maximum[i] =
                (leat_java_key){inc->maximum[i].type, leat_arena_str(&keys, inc->maximum[i].text)};
        }
        leat_arena_free(&inc->keys);
        inc->keys = keys;
        inc->sent = sent;
        inc->maximum = maximum;
    }
    leat_pg_increment_drop(inc);
}

void leat_pg_increment_drop(leat_pg_increment *inc)
{
    leat_arena_reset(&inc->arena, 1 << 20);
    inc->held = NULL;
    inc->buckets = NULL;
    inc->nheld = inc->nbuckets = 0;
    inc->noted = NULL;
    inc->nnoted = 0;
    inc->running = NULL;
    inc->nrunning = 0;
    inc->end = NULL;
    inc->windowed = inc->torn = false;
    inc->step = LEAT_PG_STEP_NONE;
}
