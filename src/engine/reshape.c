/* A batch through the connector's transforms, before it is counted and appended.
 *
 * What a transform cannot take ends the task with the record named, and nothing of the batch is
 * kept: once the configuration is mended it is read again. With errors.tolerance=all its change
 * goes to the dead letters instead. Run by the task's thread. */
#include "base/log.h"
#include "engine/record.h"
#include "engine/run.h"

/* The engine has counted it as appended, of its table. */
static void put_letter(leat_batch *b, const leat_event *ev, const leat_err *why, bool safe)
{
    leat_buf text = {0};
    leat_record view[LEAT_RECORDS_MAX];
    leat_envelope_records(ev, &b->arena, view);
    leat_record_text(ev, &view[0], &text);
    leat_str bytes = leat_buf_str(&text);
    leat_dead letter = {.why = *why,
                        .bytes = bytes,
                        .position = leat_event_place(ev, bytes, &b->arena),
                        .table = ev->op ? ev->table->name : NULL,
                        .topic = leat_event_topic(ev),
                        .ts_us = ev->ts_us};
    leat_tally none = {0}, *y = ev->op ? leat_batch_tally(b, ev->table) : &none;
    leat_counts was = b->counts, mine = y->counts;
    if (ev->op == LEAT_OP_READ)
        leat_batch_dead_row(b, y, &letter);
    else
        leat_batch_dead(b, y, &letter);
    if (ev->op == LEAT_OP_RECORD) b->counts = was; /* it is no change, and not counted */
    y->counts.appended -= y->counts.dead - mine.dead;
    y->counts.rows_appended -= y->counts.rows_dead - mine.rows_dead;
    if (safe) {
        leat_counts more = b->counts, of_table = y->counts;
        leat_counts_sub(&more, &was);
        leat_counts_sub(&of_table, &mine);
        leat_counts_add(&b->safe_counts, &more);
        leat_counts_add(&y->safe, &of_table);
    }
    leat_buf_free(&text);
}

static leat_rc stop(const leat_event *ev, const leat_err *why, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, why->code, why->where,
                     "%.400s (%s tx %llu, number %u). Mend the transform and start again, or set "
                     "errors.tolerance=all: such changes then go to the dead letters",
                     why->msg, ev->op ? "a change of" : "a record,", (unsigned long long)ev->tx,
                     ev->tx_seq);
}

leat_rc leat_run_reshape(leat_run *r, leat_err *e)
{
    leat_batch *b = &r->batch;
    leat_event made[LEAT_RECORDS_MAX];
    uint32_t n = 0, nsafe = 0, cap = 0;
    leat_event *out = NULL;
    leat_rc rc = LEAT_OK;
    leat_transform_run_tidy(r->transforms);
    for (uint32_t i = 0; i < b->n && rc == LEAT_OK; i++) {
        leat_err why;
        unsigned more = 0;
        if (i == b->nsafe) nsafe = n;
        if (cap - n < LEAT_RECORDS_MAX) {
            cap = cap ? cap * 2 : b->n + LEAT_RECORDS_MAX;
            out = leat_realloc(out, cap * sizeof *out);
        }
        rc = leat_transform_event(r->transforms, &b->ev[i], &b->arena, made, &more, &why);
        if (rc != LEAT_OK && r->g->conf.tolerate) {
            put_letter(b, &b->ev[i], &why, i < b->nsafe);
            rc = LEAT_OK;
        } else if (rc != LEAT_OK) {
            rc = stop(&b->ev[i], &why, e);
        }
        for (unsigned k = 0; k < more && rc == LEAT_OK; k++) {
            if (made[k].table) leat_batch_pin(b, made[k].table);
            out[n++] = made[k];
        }
    }
    if (b->nsafe >= b->n) nsafe = n;
    if (rc == LEAT_OK && b->n > 0) {
        leat_free(b->ev);
        b->ev = out;
        b->cap = cap;
        b->n = n;
        b->nsafe = nsafe;
        return LEAT_OK;
    }
    leat_free(out);
    return rc;
}
