/* Snapshots by signal: what was asked for, in which order, and what is told about it.
 *
 * Signals wait for the end of the transaction that is being read, so that their effect stands in
 * one position with their cause. Tables are read one after the other, as they were asked for. Run
 * by the task's thread. */
#include "source/postgres/incremental.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/walframe.h"

enum { RETRY_US = 2000000 }; /* after a failure */

static const char new_table[] = "snapshot.new.tables"; /* in the place of a signal's id */

leat_pg_increment *leat_pg_increment_new(leat_pg_source *s, leat_str offset)
{
    leat_pg_increment *inc = leat_zalloc(1, sizeof *inc);
    inc->waiting_tail = &inc->waiting;
    (void)s;
    if (offset.s) leat_pg_increment_recall(inc, offset);
    if (inc->first || inc->block)
        leat_log(LEAT_INFO, "signal.snapshot_goes_on", "table=\"%s\"%s%s",
                 inc->first ? inc->first->name : "", inc->paused ? " it is paused" : "",
                 inc->block ? " a blocking snapshot begins again" : "");
    return inc;
}

void leat_pg_increment_free(leat_pg_increment *inc)
{
    if (!inc) return;
    leat_pg_asks_free(inc);
    leat_arena_free(&inc->queue);
    leat_arena_free(&inc->signals);
    leat_arena_free(&inc->plan_arena);
    leat_free(inc);
}

bool leat_pg_increment_runs(const leat_pg_increment *inc)
{
    return inc->waiting || inc->block || (inc->first && !inc->paused);
}

bool leat_pg_increment_busy(const leat_pg_increment *inc)
{
    return inc->waiting || inc->block || (inc->first && !inc->ask && inc->retry_us == 0);
}

/* ---- notifications ---- */

static const char *tables_text(const leat_pg_increment *inc, leat_arena *a)
{
    size_t n = 0;
    for (const leat_pg_wanted *w = inc->first; w; w = w->next) n++;
    const char **names = LEAT_NEW(a, const char *, n);
    n = 0;
    for (const leat_pg_wanted *w = inc->first; w; w = w->next) names[n++] = w->name;
    return leat_notify_tables(a, names, n, false);
}

void leat_pg_increment_tell(leat_pg_source *s, leat_batch *b, leat_notice notice, bool tables)
{
    if (!s->notify) return;
    notice.aggregate = LEAT_NOTIFY_INCREMENTAL;
    if (!notice.id && s->inc->first) notice.id = s->inc->first->id;
    if (tables) notice.tables = tables_text(s->inc, &b->arena);
    leat_notify_put(s->notify, b, &notice);
}

/* ---- which tables ---- */

static bool wanted_already(const leat_pg_wanted *from, const char *name)
{
    for (const leat_pg_wanted *w = from; w; w = w->next)
        if (strcmp(w->name, name) == 0) return true;
    return false;
}

/* Puts a table behind the others. */
static leat_pg_wanted *append(leat_pg_source *s, const char *name, const char *filter,
                              const char *surrogate, const char *id)
{
    leat_pg_increment *inc = s->inc;
    leat_arena *a = &inc->queue;
    char place[LEAT_LSN_TEXT];
    leat_pg_wanted *w = LEAT_NEW(a, leat_pg_wanted, 1), **at = &inc->first;
    *w = (leat_pg_wanted){
        .name = leat_arena_strdup(a, name),
        .filter = filter ? leat_arena_strdup(a, filter) : NULL,
        .surrogate = surrogate ? leat_arena_strdup(a, surrogate) : NULL,
        .id = leat_arena_strdup(a, id),
        .asked = leat_arena_printf(a, "%s-%u", leat_lsn_print(s->at.lsn, place), ++inc->asks)};
    while (*at) at = &(*at)->next;
    return *at = w;
}

/* Once for each signal. */
static leat_rc put_wanted(leat_pg_source *s, const leat_signal *signal, const char *name,
                          leat_pg_wanted **added, leat_err *e)
{
    const char *filter;
    if (wanted_already(*added, name)) return LEAT_OK;
    LEAT_TRY(leat_signal_filter(signal, leat_str_of(name), &filter, e));
    leat_pg_wanted *w = append(s, name, filter, signal->surrogate, signal->id);
    if (!*added) *added = w;
    return LEAT_OK;
}

const leat_pg_wanted *leat_pg_increment_want(leat_pg_source *s, leat_batch *b, const char *name)
{
    leat_pg_increment *inc = s->inc;
    bool idle = inc->first == NULL;
    if (idle && !inc->block) leat_arena_reset(&inc->queue, 1 << 16);
    const leat_pg_wanted *w = append(s, name, NULL, NULL, new_table);
    if (idle) leat_pg_increment_tell(s, b, (leat_notice){.type = "STARTED"}, true);
    leat_pg_safe_here(s, b);
    return w;
}

bool leat_pg_wanted_new(const leat_pg_wanted *w)
{
    return strcmp(w->id, new_table) == 0;
}

/* The captured tables by that name, else those that fit it as a pattern; none: the name itself. */
static leat_rc expand(leat_pg_source *s, const leat_signal *signal, const leat_signal_table *t,
                      const leat_pg_relation **captured, size_t n, leat_pg_wanted **added,
                      leat_err *e)
{
    bool any = false;
    for (int exact = 1; exact >= 0 && !any; exact--)
        for (size_t i = 0; i < n; i++) {
            const char *name =
                leat_arena_printf(&s->scratch, "%s.%s", captured[i]->schema, captured[i]->name);
            bool hit = strcmp(name, t->text) == 0;
            if (!exact) LEAT_TRY(leat_signal_table_hit(t, leat_str_of(name), &hit, e));
            if (!hit) continue;
            if (leat_capture_is_signal(&s->conf->capture, captured[i]->schema, captured[i]->name))
                continue;
            any = true;
            LEAT_TRY(put_wanted(s, signal, name, added, e));
        }
    return any ? LEAT_OK : put_wanted(s, signal, t->text, added, e);
}

static leat_rc add_tables(leat_pg_source *s, const leat_signal *signal, leat_pg_wanted **added,
                          leat_err *e)
{
    leat_arena a = {0};
    leat_pg_tables t;
    leat_rc rc = leat_pg_source_sql(s, e);
    if (rc == LEAT_OK) rc = leat_pg_rules_tables(&s->rules, &s->sql, &a, &t, e);
    for (size_t i = 0; rc == LEAT_OK && i < signal->ntables; i++)
        rc = expand(s, signal, &signal->tables[i], t.captured, t.ncaptured, added, e);
    leat_arena_free(&a);
    return rc;
}

/* ---- signals ---- */

static leat_rc execute(leat_pg_source *s, leat_batch *b, const leat_signal *signal, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    bool idle = inc->first == NULL;
    leat_pg_wanted *added = NULL;
    if (idle && !inc->block) leat_arena_reset(&inc->queue, 1 << 16);
    if (signal->blocking) {
        leat_pg_block_begin(s, signal);
        return LEAT_OK;
    }
    LEAT_TRY(add_tables(s, signal, &added, e));
    for (const leat_pg_wanted *w = added; w; w = w->next)
        leat_log(LEAT_INFO, "signal.snapshot", "id=\"%s\" table=\"%s\"%s%s%s", signal->id, w->name,
                 w->filter ? " where=\"" : "", w->filter ? w->filter : "", w->filter ? "\"" : "");
    if (idle) leat_pg_increment_tell(s, b, (leat_notice){.type = "STARTED"}, true);
    return LEAT_OK;
}

/* Takes what a stop names out of the queue; *first: the table that is being read is among it. */
static leat_rc take_out(leat_pg_increment *inc, const leat_signal *signal, bool *first, leat_err *e)
{
    for (leat_pg_wanted **at = &inc->first; *at;) {
        bool hit = signal->ntables == 0;
        for (size_t i = 0; i < signal->ntables && !hit; i++)
            LEAT_TRY(leat_signal_table_hit(&signal->tables[i], leat_str_of((*at)->name), &hit, e));
        if (hit && at == &inc->first) *first = true;
        if (hit)
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
    return LEAT_OK;
}

static leat_rc stop(leat_pg_source *s, leat_batch *b, const leat_signal *signal, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    bool first = false;
    if (!inc->first) {
        leat_log(LEAT_WARN, "signal.no_snapshot",
                 "id=\"%s\" no snapshot runs that could be stopped", signal->id);
        return LEAT_OK;
    }
    leat_notice notice = {.type = "ABORTED", .id = inc->first->id};
    leat_arena *a = &b->arena;
    const char **names = LEAT_NEW(a, const char *, signal->ntables);
    for (size_t i = 0; i < signal->ntables; i++) names[i] = signal->tables[i].text;
    if (signal->ntables) notice.tables = leat_notify_tables(a, names, signal->ntables, false);
    LEAT_TRY(take_out(inc, signal, &first, e));
    if (first) leat_pg_ask_let_go(inc);
    if (!inc->first) inc->paused = false;
    leat_log(LEAT_INFO, "signal.snapshot_stopped", "id=\"%s\" left=\"%s\"", signal->id,
             tables_text(inc, a));
    leat_pg_increment_tell(s, b, notice, false);
    return LEAT_OK;
}

static void pause_or_resume(leat_pg_source *s, leat_batch *b, const leat_signal *signal)
{
    leat_pg_increment *inc = s->inc;
    bool pause = signal->type == LEAT_SIGNAL_PAUSE;
    if (!inc->first || inc->paused == pause) {
        leat_log(LEAT_WARN, "signal.no_snapshot", "id=\"%s\" no snapshot %s", signal->id,
                 pause ? "runs that could be paused" : "is paused");
        return;
    }
    inc->paused = pause;
    leat_log(LEAT_INFO, pause ? "signal.snapshot_paused" : "signal.snapshot_resumed",
             "id=\"%s\" table=\"%s\"", signal->id, inc->first->name);
    leat_pg_increment_tell(s, b, (leat_notice){.type = pause ? "PAUSED" : "RESUMED"}, true);
}

static leat_rc run_signal(leat_pg_source *s, leat_batch *b, const leat_signal *signal, leat_err *e)
{
    leat_buf text = {0};
    switch (signal->type) {
    case LEAT_SIGNAL_LOG:
        leat_signal_log(signal, leat_pg_stream_position(s, &text).offset);
        leat_buf_free(&text);
        return LEAT_OK;
    case LEAT_SIGNAL_EXECUTE: return execute(s, b, signal, e);
    case LEAT_SIGNAL_STOP: return stop(s, b, signal, e);
    case LEAT_SIGNAL_PAUSE:
    case LEAT_SIGNAL_RESUME: pause_or_resume(s, b, signal); return LEAT_OK;
    default: return LEAT_OK;
    }
}

static void take(leat_pg_increment *inc, const leat_signal *signal)
{
    leat_pg_signal *w = LEAT_NEW(&inc->signals, leat_pg_signal, 1);
    w->signal = signal;
    *inc->waiting_tail = w;
    inc->waiting_tail = &w->next;
}

leat_rc leat_pg_increment_signal(leat_pg_source *s, leat_str json, leat_err *e)
{
    const leat_signal *signal;
    leat_pg_increment *inc = s->inc;
    LEAT_TRY(leat_signal_parse_object(&inc->signals, json, &signal, e));
    take(inc, signal);
    return LEAT_OK;
}

/* ---- the signal table ---- */

static leat_str cell(const leat_pgoutput_tuple *row, uint16_t i)
{
    if (i >= row->n || row->cells[i].kind != LEAT_PGOUTPUT_TEXT) return (leat_str){0};
    return row->cells[i].data;
}

/* The row that closes a window: "ID-close". */
static void note_closed(leat_pg_increment *inc, leat_str id)
{
    static const char end[] = "-close";
    size_t tail = sizeof end - 1;
    char *to = inc->closed[inc->nclosed % LEAT_PG_CLOSED];
    if (id.len <= tail || id.len - tail >= sizeof inc->closed[0]) return;
    if (memcmp(id.s + id.len - tail, end, tail) != 0) return;
    memcpy(to, id.s, id.len - tail);
    to[id.len - tail] = 0;
    inc->nclosed++;
}

void leat_pg_increment_row(leat_pg_source *s, const leat_pgoutput_tuple *row)
{
    const leat_signal *signal;
    leat_err why;
    leat_str id = cell(row, 0), type = cell(row, 1);
    if (leat_str_is(type, leat_signal_type_name(LEAT_SIGNAL_WINDOW_CLOSE)))
        note_closed(s->inc, id);
    else if (leat_str_is(type, leat_signal_type_name(LEAT_SIGNAL_WINDOW_OPEN)) ||
             !leat_capture_channel(&s->conf->capture, "source"))
        return;
    else if (leat_signal_parse(&s->inc->signals, id, type, cell(row, 2), &signal, &why) == LEAT_OK)
        take(s->inc, signal);
    else
        leat_log_err(LEAT_WARN, &why);
}

/* ---- turns ---- */

/* One that cannot be done is told and forgotten, but for what passes. */
leat_rc leat_pg_increment_signals(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    if (!inc->waiting) return LEAT_OK;
    for (const leat_pg_signal *w = inc->waiting; w; w = w->next) {
        leat_err why;
        leat_rc rc = run_signal(s, b, w->signal, &why);
        if (rc == LEAT_RETRY || rc == LEAT_FATAL) {
            *e = why;
            return rc;
        }
        if (leat_rc_failed(rc)) leat_log_err(LEAT_WARN, &why);
    }
    inc->waiting = NULL;
    inc->waiting_tail = &inc->waiting;
    leat_arena_reset(&inc->signals, 1 << 12);
    leat_pg_safe_here(s, b);
    return LEAT_OK;
}

leat_rc leat_pg_increment_turn(leat_pg_source *s, leat_batch *b, bool *waits, leat_err *e)
{
    leat_pg_increment *inc = s->inc;
    leat_err why;
    *waits = false;
    LEAT_TRY(leat_pg_increment_signals(s, b, e));
    if (inc->block) {
        LEAT_TRY(leat_pg_block_turn(s, b, e));
        *waits = inc->block != NULL;
        return LEAT_OK;
    }
    if (inc->retry_us && leat_mono_us() < inc->retry_us) return LEAT_OK;
    inc->retry_us = 0;
    if (!leat_rc_failed(leat_pg_ask_first(s, b, &why))) return LEAT_OK;
    leat_log_err(LEAT_WARN, &why); /* it does not stop the stream */
    inc->retry_us = leat_mono_us() + RETRY_US;
    return LEAT_OK;
}
