/* A blocking snapshot: whole tables under one view, while the stream waits.
 *
 * The tables are read by the source as its plain snapshot is, with its markers and notifications.
 * The signal stands in the position until the last row is given out, so an interrupted one begins
 * again. A condition is a whole SELECT, as Debezium wants it, or what stands behind WHERE. Run by
 * the task's thread. */
#include "base/log.h"
#include "capture/increment.h"

/* The signal as text again, to be kept. */
static const char *signal_text(const leat_signal *signal, leat_arena *a)
{
    leat_buf b = {0};
    leat_jw w = {.out = &b};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "id", signal->id);
    leat_jw_z(&w, "type", leat_signal_type_name(signal->type));
    leat_jw_object(&w, "data");
    leat_jw_z(&w, "type", "blocking");
    leat_jw_array(&w, "data-collections");
    for (size_t i = 0; i < signal->ntables; i++) leat_jw_z(&w, NULL, signal->tables[i].text);
    leat_jw_end(&w);
    leat_jw_array(&w, "additional-conditions");
    for (size_t i = 0; i < signal->nconditions; i++) {
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "data-collection", signal->conditions[i].table.text);
        leat_jw_z(&w, "filter", signal->conditions[i].filter);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_str text = leat_arena_str(a, leat_buf_str(&b));
    leat_buf_free(&b);
    return text.s;
}

void leat_increment_block_begin(leat_increment *inc, const leat_signal *signal)
{
    leat_arena *a = &inc->queue;
    leat_increment_block *block = LEAT_NEW(a, leat_increment_block, 1), **at = &inc->block;
    block->signal = signal_text(signal, a);
    while (*at) at = &(*at)->next;
    *at = block;
    leat_log(LEAT_INFO, "signal.blocking", "id=\"%s\" tables=%zu the stream waits meanwhile",
             signal->id, signal->ntables);
}

leat_rc leat_increment_block_wants(const leat_signal *signal, const char *name, bool *wanted,
                                   const char **filter, leat_err *e)
{
    leat_str whole = leat_str_of(name);
    *wanted = false;
    *filter = NULL;
    for (size_t i = 0; i < signal->ntables && !*wanted; i++)
        LEAT_TRY(leat_signal_table_hit(&signal->tables[i], whole, wanted, e));
    return *wanted ? leat_signal_filter(signal, whole, filter, e) : LEAT_OK;
}

const char *leat_increment_block_statement(const char *quoted, const char *filter, leat_arena *a)
{
    if (!filter) return NULL;
    leat_str word = {filter, strcspn(filter, " \t\r\n(")};
    if (leat_str_ieq(word, LEAT_STR("select")) || leat_str_ieq(word, LEAT_STR("with")))
        return filter;
    return leat_arena_printf(a, "SELECT * FROM %s WHERE %s", quoted, filter);
}

/* The first is over. */
static void end(leat_increment *inc, leat_batch *b)
{
    inc->calls->block_end(inc->arg);
    leat_arena_reset(&inc->block_arena, 1 << 12);
    inc->block_signal = NULL;
    inc->block = inc->block->next;
    inc->calls->safe(inc->arg, b);
}

/* The first is over before its end. */
static void abort_first(leat_increment *inc, leat_batch *b)
{
    leat_notify_put(inc->notify, b,
                    &(leat_notice){.aggregate = LEAT_NOTIFY_INITIAL, .type = "ABORTED"});
    end(inc, b);
}

/* What a person must mend does not stop the stream. */
static leat_rc give_up(leat_increment *inc, leat_batch *b, leat_rc rc, leat_err *e)
{
    if (rc == LEAT_RETRY || rc == LEAT_FATAL) return rc;
    leat_log(LEAT_WARN, e->code, "the blocking snapshot is given up: where=\"%s\" %s", e->where,
             e->msg);
    abort_first(inc, b);
    return LEAT_OK;
}

void leat_increment_block_stop(leat_increment *inc, leat_batch *b, const leat_signal *signal)
{
    leat_log(LEAT_INFO, "signal.blocking_stopped",
             "id=\"%s\" the blocking snapshot is given up, and the stream goes on", signal->id);
    while (inc->block) abort_first(inc, b);
}

leat_rc leat_increment_block_turn(leat_increment *inc, leat_batch *b, leat_err *e)
{
    leat_rc rc = LEAT_OK;
    if (!inc->block_signal)
        rc = leat_signal_parse_object(&inc->block_arena, leat_str_of(inc->block->signal),
                                      &inc->block_signal, e);
    if (rc == LEAT_OK) rc = inc->calls->block_read(inc->arg, inc->block_signal, b, e);
    if (leat_rc_failed(rc)) return give_up(inc, b, rc, e);
    if (rc == LEAT_OK)
        end(inc, b);
    else if (b->n > 0)
        inc->calls->safe(inc->arg, b); /* it begins again, so its rows may stand there twice */
    return LEAT_OK;
}
