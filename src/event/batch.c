/* Batches: events, the tables they use, and the places that are safe (event/event.h).
 *
 * The arrays of events and pins grow on the heap and stay for the next round; every other byte is
 * in the arena, of which a reset keeps at most half of max_bytes, so that an empty batch is never
 * full. Run by the one thread that owns the batch at the time. */
#include "event/event.h"

enum { EVENTS_FIRST = 64, BLOCK_MOST = 64 * 1024, KEEP = 1 << 20 };

void leat_batch_init(leat_batch *b, uint32_t max_events, size_t max_bytes)
{
    *b = (leat_batch){.max_events = max_events, .max_bytes = max_bytes};
    size_t block = max_bytes / 8;
    leat_arena_init(&b->arena, max_bytes > 0 && block < BLOCK_MOST ? block : BLOCK_MOST);
    b->dead_tail = &b->dead;
}

static void release(leat_batch *b)
{
    for (uint32_t i = 0; i < b->npins; i++) leat_table_unpin(b->pins[i]);
    b->npins = 0;
}

void leat_batch_free(leat_batch *b)
{
    release(b);
    leat_arena_free(&b->arena);
    leat_free(b->ev);
    leat_free(b->pins);
    leat_tallies_free(&b->tables);
    *b = (leat_batch){0};
}

void leat_batch_reset(leat_batch *b)
{
    release(b);
    leat_arena_reset(&b->arena, b->max_bytes > 0 ? b->max_bytes / 2 : KEEP);
    b->n = 0;
    b->nsafe = 0;
    b->safe = (leat_position){0};
    b->safe_counts = (leat_counts){0};
    b->counts = (leat_counts){0};
    leat_tallies_clear(&b->tables);
    b->row_bytes = 0;
    b->dead = NULL;
    b->dead_tail = &b->dead;
    b->tx_open = false;
}

void leat_batch_swap(leat_batch *x, leat_batch *y)
{
    leat_batch was = *x;
    *x = *y;
    *y = was;
    if (!x->dead) x->dead_tail = &x->dead;
    if (!y->dead) y->dead_tail = &y->dead;
}

/* Events come in runs of one table, and a batch has few tables: the newest pin is looked at first.
 */
void leat_batch_pin(leat_batch *b, const leat_table *table)
{
    for (uint32_t i = b->npins; i-- > 0;)
        if (b->pins[i] == table) return;
    if (b->npins == b->pins_cap) {
        b->pins_cap = b->pins_cap > 0 ? b->pins_cap * 2 : 8;
        b->pins = leat_realloc(b->pins, b->pins_cap * sizeof(leat_table *));
    }
    b->pins[b->npins++] = leat_table_pin(table);
}

leat_event *leat_batch_add(leat_batch *b, const leat_table *table)
{
    if (b->n == b->cap) {
        b->cap = b->cap > 0 ? b->cap * 2 : EVENTS_FIRST;
        b->ev = leat_realloc(b->ev, b->cap * sizeof(leat_event));
    }
    if (table != NULL && (b->n == 0 || b->ev[b->n - 1].table != table)) leat_batch_pin(b, table);
    leat_event *ev = &b->ev[b->n++];
    *ev = (leat_event){.table = table};
    return ev;
}

bool leat_batch_full(const leat_batch *b)
{
    return (b->max_events > 0 && b->n >= b->max_events) ||
           (b->max_bytes > 0 && b->arena.held >= b->max_bytes);
}

void leat_batch_safe(leat_batch *b, leat_position pos)
{
    leat_batch_safe_mark(b);
    leat_batch_safe_position(b, pos);
}

void leat_batch_safe_mark(leat_batch *b)
{
    b->nsafe = b->n;
    b->safe_counts = b->counts;
    leat_tallies_safe(&b->tables);
    b->tx_open = false;
}

void leat_batch_safe_position(leat_batch *b, leat_position pos)
{
    bool same = b->safe.partition.s != NULL && leat_str_eq(b->safe.partition, pos.partition);
    if (!same) b->safe.partition = leat_arena_str(&b->arena, pos.partition);
    b->safe.offset = leat_arena_str(&b->arena, pos.offset);
}

static void keep_letter(leat_batch *b, const leat_dead *letter)
{
    leat_dead *copy = LEAT_NEW(&b->arena, leat_dead, 1);
    *copy = *letter;
    leat_str bytes = letter->bytes;
    if (bytes.len > LEAT_DEAD_BYTES && strcmp(letter->why.code, "event.too_large") == 0)
        bytes.len = LEAT_DEAD_BYTES;
    copy->bytes = leat_arena_str(&b->arena, bytes);
    copy->position = leat_arena_str(&b->arena, letter->position);
    copy->table = letter->table != NULL ? leat_arena_strdup(&b->arena, letter->table) : NULL;
    copy->topic = letter->topic != NULL ? leat_arena_strdup(&b->arena, letter->topic) : NULL;
    copy->next = NULL;
    *b->dead_tail = copy;
    b->dead_tail = &copy->next;
}

leat_tally *leat_batch_tally(leat_batch *b, const leat_table *table)
{
    leat_tally *y = leat_tallies_known(&b->tables, table);
    if (y) return y;
    leat_buf name = {0};
    leat_table_name(table, &name);
    y = leat_tallies_get(&b->tables, leat_buf_str(&name), NULL);
    y->of = table;
    leat_buf_free(&name);
    return y;
}

void leat_batch_dead(leat_batch *b, leat_tally *of, const leat_dead *letter)
{
    keep_letter(b, letter);
    LEAT_COUNT(b, of, dead, 1);
}

void leat_batch_dead_row(leat_batch *b, leat_tally *of, const leat_dead *letter)
{
    keep_letter(b, letter);
    LEAT_COUNT(b, of, rows_dead, 1);
}
