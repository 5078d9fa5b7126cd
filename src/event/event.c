/* Events: what can be said of one without looking at its cells (event/event.h). Pure; any thread.
 */
#include "event/event.h"

#include <inttypes.h>

const char *leat_snapshot_name(leat_snapshot snapshot)
{
    static const char *const names[] = {
        "false", "true",        "first", "first_in_data_collection", "last_in_data_collection",
        "last",  "incremental",
    };
    return (size_t)snapshot < sizeof(names) / sizeof(names[0]) ? names[snapshot] : "false";
}

unsigned leat_event_records(const leat_event *ev)
{
    if (ev->op == LEAT_OP_RECORD || (ev->table->flags & LEAT_TABLE_RECORD)) return 1;
    unsigned tombstone = (ev->table->flags & LEAT_TABLE_TOMBSTONES) != 0;
    if (ev->op == LEAT_OP_DELETE) return 1 + tombstone;
    if (ev->op == LEAT_OP_UPDATE && (ev->flags & LEAT_EV_KEY_CHANGED)) return 2 + tombstone;
    return 1;
}

const char *leat_event_topic(const leat_event *ev)
{
    return ev->op == LEAT_OP_RECORD ? ev->record->topic : ev->table->topic;
}

leat_str leat_event_place(const leat_event *ev, leat_str bytes, leat_arena *a)
{
    bool numbered = ev->op != LEAT_OP_RECORD && ev->tx != 0 && ev->tx_seq != 0;
    return leat_str_of(
        numbered
            ? leat_arena_printf(a, "{\"tx\":%" PRIu64 ",\"seq\":%" PRIu32 "}", ev->tx, ev->tx_seq)
            : leat_arena_printf(a, "{\"ts_us\":%" PRId64 ",\"record\":\"%016" PRIx64 "\"}",
                                ev->ts_us, leat_str_hash(bytes)));
}

leat_rc leat_event_size_check(size_t bytes, size_t most, const char *table, leat_err *e)
{
    if (most == 0 || bytes <= most) return LEAT_OK;
    return leat_fail(e, LEAT_DATA, "event.too_large", table,
                     "a change of %zu bytes is larger than max.event.bytes=%zu; the letter keeps "
                     "the first %d bytes. The row is in the source: raise max.event.bytes (and "
                     "limits.memory to four times that and 8m) and change the row once more",
                     bytes, most, bytes < LEAT_DEAD_BYTES ? (int)bytes : LEAT_DEAD_BYTES);
}

const leat_position *leat_position_find(const leat_position *pos, size_t n, leat_str partition)
{
    for (size_t i = 0; i < n; i++)
        if (pos[i].offset.s && leat_str_eq(pos[i].partition, partition)) return &pos[i];
    return NULL;
}
