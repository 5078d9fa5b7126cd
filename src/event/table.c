/* Versions of tables and their origin: making, sealing, counting references (event/table.h).
 *
 * Reference counts are atomic, everything else is written before leat_table_seal by the one thread
 * that makes it and never after. The fingerprint is the hash of the wire form (event/wire.h), so
 * what the wire form holds and what makes two versions differ cannot drift apart. */
#include "event/table.h"

#include "event/envelope.h"
#include "event/wire.h"

enum { BLOCK = 2048 };

leat_origin *leat_origin_new(void)
{
    leat_origin *o = leat_zalloc(1, sizeof(*o));
    atomic_init(&o->refs, 1);
    leat_arena_init(&o->arena, BLOCK);
    return o;
}

leat_table *leat_table_new(leat_origin *origin)
{
    leat_table *t = leat_zalloc(1, sizeof(*t));
    atomic_init(&t->refs, 1);
    leat_arena_init(&t->arena, BLOCK);
    t->origin = leat_origin_pin(origin);
    return t;
}

void leat_table_seal(leat_table *t)
{
    leat_buf bytes = {0};
    t->envelope = leat_envelope_schema(&t->arena, t);
    leat_wire_put_table(&bytes, t);
    t->fingerprint = leat_str_hash(leat_buf_str(&bytes));
    leat_buf_free(&bytes);
}

leat_table *leat_table_pin(const leat_table *t)
{
    leat_table *mine = (leat_table *)(uintptr_t)t;
    atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

void leat_table_unpin(leat_table *t)
{
    if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) return;
    leat_origin_unpin(t->origin);
    leat_arena_free(&t->arena);
    leat_free(t);
}

leat_origin *leat_origin_pin(const leat_origin *o)
{
    leat_origin *mine = (leat_origin *)(uintptr_t)o;
    atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

void leat_origin_unpin(leat_origin *o)
{
    if (o == NULL || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1) return;
    leat_arena_free(&o->arena);
    leat_free(o);
}

/* ---- both rows of an update ---- */

void leat_table_fill_unchanged(const leat_table *t, const leat_value *before, leat_value *after)
{
    for (uint32_t i = 0; i < t->row->nfields; i++)
        if (after[i].kind == LEAT_ABSENT && before[i].kind != LEAT_ABSENT) after[i] = before[i];
}

bool leat_table_key_changed(const leat_table *t, const leat_value *before, const leat_value *after)
{
    for (uint16_t i = 0; i < t->nkey; i++) {
        const leat_value *x = &before[t->key_cols[i]], *y = &after[t->key_cols[i]];
        if (x->kind == LEAT_ABSENT || y->kind == LEAT_ABSENT) return false;
        if (!leat_value_eq(x, y)) return true;
    }
    return false;
}

void leat_table_name(const leat_table *t, leat_buf *out)
{
    const char *first = t->schema ? t->schema : t->db;
    if ((t->flags & LEAT_TABLE_MESSAGE) || !*t->name) {
        leat_buf_str_z(out, "(messages)");
        return;
    }
    if (first) {
        leat_buf_str_z(out, first);
        leat_buf_u8(out, '.');
    }
    leat_buf_str_z(out, t->name);
}
