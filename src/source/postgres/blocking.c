/* A blocking snapshot: whole tables under one view, while the stream waits.
 *
 * The tables are read by the plain snapshot's own functions, with its markers and notifications.
 * The signal stands in the position until the last row is given out, so an interrupted one begins
 * again. A condition is a whole SELECT, as Debezium wants it, or what stands behind WHERE. Run by
 * the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/incremental.h"
#include "source/postgres/partition.h"
#include "system/postgres/quote.h"

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

void leat_pg_block_begin(leat_pg_source *s, const leat_signal *signal)
{
    leat_arena *a = &s->inc->queue;
    leat_pg_block *block = LEAT_NEW(a, leat_pg_block, 1), **at = &s->inc->block;
    block->signal = signal_text(signal, a);
    while (*at) at = &(*at)->next;
    *at = block;
    leat_log(LEAT_INFO, "signal.blocking", "id=\"%s\" tables=%zu the stream waits meanwhile",
             signal->id, signal->ntables);
}

static leat_rc hit_any(const leat_signal *signal, leat_str name, bool *hit, leat_err *e)
{
    *hit = false;
    for (size_t i = 0; i < signal->ntables && !*hit; i++)
        LEAT_TRY(leat_signal_table_hit(&signal->tables[i], name, hit, e));
    return LEAT_OK;
}

/* The statement whose rows are read; NULL: the table's all. */
static const char *statement(const leat_pg_relation *r, const char *filter, leat_arena *a)
{
    leat_buf b = {0};
    if (!filter) return NULL;
    leat_str word = {filter, strcspn(filter, " \t\r\n(")};
    if (leat_str_ieq(word, LEAT_STR("select")) || leat_str_ieq(word, LEAT_STR("with")))
        return filter;
    leat_buf_str_z(&b, "SELECT * FROM ");
    leat_pg_quote_table(&b, r->schema, r->name);
    leat_buf_str_z(&b, " WHERE ");
    leat_buf_str_z(&b, filter);
    leat_str text = leat_arena_str(a, leat_buf_str(&b));
    leat_buf_free(&b);
    return text.s;
}

static leat_rc put_tables(leat_pg_source *s, const leat_signal *signal, leat_pg_tables *t,
                          leat_err *e)
{
    leat_plan *plan = &s->inc->plan;
    for (size_t i = 0; i < t->ncaptured; i++) {
        const leat_pg_relation *r = t->captured[i];
        leat_str name = leat_str_of(leat_arena_printf(plan->a, "%s.%s", r->schema, r->name));
        const char *filter;
        bool hit;
        LEAT_TRY(hit_any(signal, name, &hit, e));
        if (!hit || leat_capture_is_signal(&s->conf->capture, r->schema, r->name)) continue;
        LEAT_TRY(leat_signal_filter(signal, name, &filter, e));
        leat_pg_plan_put(s, plan, r, statement(r, filter, plan->a));
    }
    if (plan->n == 0)
        return leat_fail(e, LEAT_CONF, "signal.table_missing", signal->id,
                         "the blocking snapshot names no table that is captured");
    return LEAT_OK;
}

static leat_rc make_plan(leat_pg_source *s, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_arena *a = &inc->plan_arena;
    const leat_signal *signal;
    leat_pg_tables t;
    leat_arena_reset(a, 1 << 12);
    inc->plan = (leat_plan){.a = a, .tail = &inc->plan.first};
    LEAT_TRY(leat_signal_parse_object(a, leat_str_of(inc->block->signal), &signal, e));
    LEAT_TRY(leat_pg_plan_view(s, e));
    LEAT_TRY(leat_pg_rules_tables(&s->rules, &s->view, a, &t, e));
    LEAT_TRY(leat_pg_partitions_once(&s->view, s->conf, &t, a, e));
    LEAT_TRY(leat_pg_rules_snapshot(&s->rules, t.captured, &t.ncaptured, a, e));
    LEAT_TRY(put_tables(s, signal, &t, e));
    leat_pg_plan_names(s, &inc->plan, t.captured, t.ncaptured);
    s->row_tx = s->at.tx;
    s->row_ts_us = leat_now_us();
    inc->reading = inc->plan.first;
    return LEAT_OK;
}

static void end(leat_pg_source *s, leat_batch *b)
{
    leat_pg_increment *inc = s->inc;
    leat_pg_close(&s->view);
    leat_arena_reset(&inc->plan_arena, 1 << 12);
    inc->reading = NULL;
    inc->block = inc->block->next;
    leat_pg_safe_here(s, b);
}

/* What a person must mend does not stop the stream. */
static leat_rc give_up(leat_pg_source *s, leat_batch *b, leat_rc rc, leat_err *e)
{
    if (rc == LEAT_RETRY || rc == LEAT_FATAL) return rc;
    leat_log(LEAT_WARN, e->code, "the blocking snapshot is given up: where=\"%s\" %s", e->where,
             e->msg);
    leat_notify_put(s->notify, b,
                    &(leat_notice){.aggregate = LEAT_NOTIFY_INITIAL, .type = "ABORTED"});
    leat_pg_rel_free(s->row_rel);
    s->row_rel = NULL;
    PQfreemem(s->row_held);
    s->row_held = NULL;
    end(s, b);
    return LEAT_OK;
}

leat_rc leat_pg_block_turn(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_rc rc = inc->reading ? LEAT_OK : make_plan(s, e);
    while (rc == LEAT_OK && inc->reading && !leat_batch_full(b)) {
        rc = leat_pg_read_chunk(s->task, inc->reading, b, e);
        if (rc == LEAT_OK) inc->reading = inc->reading->next;
    }
    if (leat_rc_failed(rc)) return give_up(s, b, rc, e);
    if (!inc->reading)
        end(s, b);
    else if (b->n > 0)
        leat_pg_safe_here(s, b); /* it begins again, so its rows may stand there twice */
    return LEAT_OK;
}
