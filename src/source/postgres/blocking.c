/* A blocking snapshot's rows: whole tables under one view, read by the plain snapshot's own
 * functions while the stream waits (capture/increment_block.c). Run by the task's thread. */
#include "base/clock.h"
#include "source/postgres/incremental.h"
#include "source/postgres/partition.h"
#include "system/postgres/quote.h"

static leat_rc put_tables(leat_pg_source *s, const leat_signal *signal, leat_pg_tables *t,
                          leat_err *e)
{
    leat_plan *plan = &s->block_plan;
    for (size_t i = 0; i < t->ncaptured; i++) {
        const leat_pg_relation *r = t->captured[i];
        const char *name = leat_arena_printf(plan->a, "%s.%s", r->schema, r->name), *filter;
        leat_buf quoted = {0};
        bool wanted;
        LEAT_TRY(leat_increment_block_wants(signal, name, &wanted, &filter, e));
        if (!wanted || leat_capture_is_signal(&s->conf->capture, r->schema, r->name)) continue;
        LEAT_TRY(leat_pg_condition_check(name, filter, e));
        leat_pg_quote_table(&quoted, r->schema, r->name);
        const char *table = leat_arena_str(plan->a, leat_buf_str(&quoted)).s;
        leat_buf_free(&quoted);
        leat_pg_plan_put(s, plan, r, leat_increment_block_statement(table, filter, plan->a));
    }
    if (plan->n == 0)
        return leat_fail(e, LEAT_CONF, "signal.table_missing", signal->id,
                         "the blocking snapshot names no table that is captured");
    return LEAT_OK;
}

static leat_rc make_plan(leat_pg_source *s, const leat_signal *signal, leat_err *e)
{
    leat_arena *a = &s->block_arena;
    leat_pg_tables t;
    leat_arena_reset(a, 1 << 12);
    s->block_plan = (leat_plan){.a = a, .tail = &s->block_plan.first};
    LEAT_TRY(leat_pg_plan_view(s, e));
    LEAT_TRY(leat_pg_rules_tables(&s->rules, &s->view, a, &t, e));
    LEAT_TRY(leat_pg_partitions_once(&s->view, s->conf, &t, a, e));
    LEAT_TRY(leat_pg_rules_snapshot(&s->rules, t.captured, &t.ncaptured, a, e));
    LEAT_TRY(put_tables(s, signal, &t, e));
    leat_pg_plan_names(s, &s->block_plan, t.captured, t.ncaptured);
    s->row_tx = s->at.tx;
    s->row_ts_us = leat_now_us();
    s->block_chunk = s->block_plan.first;
    return LEAT_OK;
}

leat_rc leat_pg_block_read(void *arg, const leat_signal *signal, leat_batch *b, leat_err *e)
{
    leat_pg_source *s = arg;
    if (!s->block_chunk) LEAT_TRY(make_plan(s, signal, e));
    while (s->block_chunk) {
        if (leat_batch_full(b)) return LEAT_AGAIN;
        leat_rc rc = leat_pg_read_chunk(s->task, s->block_chunk, b, e);
        if (rc != LEAT_OK) return rc;
        s->block_chunk = s->block_chunk->next;
    }
    return LEAT_OK;
}

void leat_pg_block_end(void *arg)
{
    leat_pg_source *s = arg;
    leat_pg_abandon(&s->view);
    leat_pg_rel_free(s->row_rel);
    s->row_rel = NULL;
    PQfreemem(s->row_held);
    s->row_held = NULL;
    s->block_chunk = NULL;
    leat_arena_reset(&s->block_arena, 1 << 12);
}
