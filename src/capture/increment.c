/* Snapshots by signal: what was asked for, in which order, and what is told about it.
 *
 * Signals wait for the end of the transaction that is being read, so that their effect stands in
 * one position with their cause. Tables are read one after the other, as they were asked for. Run
 * by the task's thread. */
#include "capture/increment.h"

#include "base/clock.h"
#include "base/log.h"
#include "capture/keyset.h"

enum { RETRY_US = 2000000 }; /* after a failure */

static const char new_table[] = "snapshot.new.tables"; /* in the place of a signal's id */

leat_increment *leat_increment_new(const leat_capture_conf *c, const leat_increment_calls *calls,
                                   void *arg, leat_notify *notify, leat_str offset)
{
    leat_increment *inc = leat_zalloc(1, sizeof *inc);
    inc->conf = c;
    inc->calls = calls;
    inc->arg = arg;
    inc->notify = notify;
    inc->waiting_tail = &inc->waiting;
    inc->tail = &inc->first;
    if (offset.s) leat_increment_recall(inc, offset);
    if (inc->first || inc->block)
        leat_log(LEAT_INFO, "signal.snapshot_goes_on", "table=\"%s\"%s%s",
                 inc->first ? inc->first->name : "", inc->paused ? " it is paused" : "",
                 inc->block ? " a blocking snapshot begins again" : "");
    return inc;
}

void leat_increment_free(leat_increment *inc)
{
    if (!inc) return;
    leat_increment_asks_free(inc);
    leat_arena_free(&inc->queue);
    leat_arena_free(&inc->signals);
    leat_arena_free(&inc->block_arena);
    leat_free(inc);
}

bool leat_increment_runs(const leat_increment *inc)
{
    return inc->waiting || inc->block || (inc->first && !inc->paused);
}

bool leat_increment_windows(const leat_increment *inc)
{
    return inc->conf->signal_tables.n > 0 && !inc->conf->read_only && !atomic_load(&inc->no_writes);
}

bool leat_increment_busy(const leat_increment *inc)
{
    return inc->waiting || inc->block || (inc->first && !inc->ask && inc->retry_us == 0);
}

/* ---- notifications ---- */

static const char *tables_text(const leat_increment *inc, leat_arena *a)
{
    size_t n = 0;
    for (const leat_wanted *w = inc->first; w; w = w->next) n++;
    const char **names = LEAT_NEW(a, const char *, n);
    n = 0;
    for (const leat_wanted *w = inc->first; w; w = w->next) names[n++] = w->name;
    return leat_notify_tables(a, names, n, false);
}

void leat_increment_tell(leat_increment *inc, leat_batch *b, leat_notice notice, bool tables)
{
    if (!inc->notify) return;
    notice.aggregate = LEAT_NOTIFY_INCREMENTAL;
    if (!notice.id && inc->first) notice.id = inc->first->id;
    if (tables) notice.tables = tables_text(inc, &b->arena);
    leat_notify_put(inc->notify, b, &notice);
}

/* ---- which tables ---- */

/* What one signal puts into the queue. */
typedef struct adding {
    const leat_signal *signal;
    leat_keyset names; /* of its tables so far; a blocking one's are noted here alone */
    leat_wanted *first;
} adding;

/* Puts a table behind the others. */
static leat_wanted *append(leat_increment *inc, const char *name, const char *filter,
                           const char *surrogate, const char *id)
{
    leat_arena *a = &inc->queue;
    leat_buf place = {0};
    inc->calls->place(inc->arg, &place);
    leat_wanted *w = LEAT_NEW(a, leat_wanted, 1);
    *w = (leat_wanted){.name = leat_arena_strdup(a, name),
                       .filter = filter ? leat_arena_strdup(a, filter) : NULL,
                       .surrogate = surrogate ? leat_arena_strdup(a, surrogate) : NULL,
                       .id = leat_arena_strdup(a, id),
                       .asked = leat_arena_printf(a, LEAT_STR_FMT "-%u",
                                                  LEAT_STR_ARG(leat_buf_str(&place)), ++inc->asks)};
    leat_buf_free(&place);
    *inc->tail = w;
    inc->tail = &w->next;
    return w;
}

/* Once for each signal. */
static leat_rc put_wanted(leat_increment *inc, adding *x, const char *name, leat_err *e)
{
    const leat_signal *signal = x->signal;
    const char *filter;
    if (leat_keyset_find(&x->names, leat_str_of(name)) != LEAT_KEYSET_NONE) return LEAT_OK;
    leat_keyset_put(&x->names, leat_str_of(name));
    if (signal->blocking) return LEAT_OK;
    LEAT_TRY(leat_signal_filter(signal, leat_str_of(name), &filter, e));
    leat_wanted *w = append(inc, name, filter, signal->surrogate, signal->id);
    if (!x->first) x->first = w;
    return LEAT_OK;
}

leat_wanted *leat_increment_want(leat_increment *inc, leat_batch *b, const char *name)
{
    bool idle = inc->first == NULL;
    if (idle && !inc->block) leat_arena_reset(&inc->queue, 1 << 16);
    leat_wanted *w = append(inc, name, NULL, NULL, new_table);
    if (idle) leat_increment_tell(inc, b, (leat_notice){.type = "STARTED"}, true);
    inc->calls->safe(inc->arg, b);
    return w;
}

bool leat_wanted_new(const leat_wanted *w)
{
    return strcmp(w->id, new_table) == 0;
}

static bool is_signal_table(const leat_increment *inc, const char *name)
{
    for (size_t i = 0; i < inc->conf->signal_tables.n; i++)
        if (strcmp(inc->conf->signal_tables.v[i], name) == 0) return true;
    return false;
}

/* The captured tables by that name, else those that fit it as a pattern; none: the name itself. */
static leat_rc expand(leat_increment *inc, adding *x, const leat_signal_table *t,
                      const char *const *captured, size_t n, leat_err *e)
{
    bool any = false;
    for (int exact = 1; exact >= 0 && !any; exact--)
        for (size_t i = 0; i < n; i++) {
            bool hit = strcmp(captured[i], t->text) == 0;
            if (!exact) LEAT_TRY(leat_signal_table_hit(t, leat_str_of(captured[i]), &hit, e));
            if (!hit || is_signal_table(inc, captured[i])) continue;
            any = true;
            LEAT_TRY(put_wanted(inc, x, captured[i], e));
        }
    return any ? LEAT_OK : put_wanted(inc, x, t->text, e);
}

/* Conditions that are of none of the tables. */
static leat_rc tell_conditions(const adding *x, leat_err *e)
{
    for (size_t i = 0; i < x->signal->nconditions; i++) {
        const leat_signal_table *t = &x->signal->conditions[i].table;
        bool hit = false;
        for (uint32_t k = 0; k < x->names.n && !hit; k++)
            LEAT_TRY(leat_signal_table_hit(t, leat_keyset_at(&x->names, k), &hit, e));
        if (!hit)
            leat_log(
                LEAT_WARN, "signal.condition_unused",
                "id=\"%s\" table=\"%s\" additional-conditions has a filter for it, but no table "
                "of the signal's data-collections is called so: the filter has no effect",
                x->signal->id, t->text);
    }
    return LEAT_OK;
}

/* *added: the first of them. */
static leat_rc add_tables(leat_increment *inc, const leat_signal *signal, leat_wanted **added,
                          leat_err *e)
{
    adding x = {.signal = signal};
    leat_arena a = {0};
    const char **names;
    size_t n;
    leat_rc rc = inc->calls->captured(inc->arg, &a, &names, &n, e);
    for (size_t i = 0; rc == LEAT_OK && i < signal->ntables; i++)
        rc = expand(inc, &x, &signal->tables[i], names, n, e);
    if (rc == LEAT_OK) rc = tell_conditions(&x, e);
    *added = x.first;
    leat_keyset_free(&x.names);
    leat_arena_free(&a);
    return rc;
}

/* ---- signals ---- */

static leat_rc execute(leat_increment *inc, leat_batch *b, const leat_signal *signal, leat_err *e)
{
    bool idle = inc->first == NULL;
    leat_wanted *added = NULL;
    if (idle && !inc->block) leat_arena_reset(&inc->queue, 1 << 16);
    if (idle) atomic_store(&inc->no_writes, false); /* each snapshot tries */
    LEAT_TRY(add_tables(inc, signal, &added, e));
    if (signal->blocking) {
        leat_increment_block_begin(inc, signal);
        return LEAT_OK;
    }
    for (const leat_wanted *w = added; w; w = w->next)
        leat_log(LEAT_INFO, "signal.snapshot", "id=\"%s\" table=\"%s\"%s%s%s", signal->id, w->name,
                 w->filter ? " where=\"" : "", w->filter ? w->filter : "", w->filter ? "\"" : "");
    if (idle) leat_increment_tell(inc, b, (leat_notice){.type = "STARTED"}, true);
    return LEAT_OK;
}

/* Takes what a stop names out of the queue; *first: the table that is being read is among it. */
static leat_rc take_out(leat_increment *inc, const leat_signal *signal, bool *first, leat_err *e)
{
    leat_wanted **at = &inc->first;
    while (*at) {
        bool hit = signal->ntables == 0;
        for (size_t i = 0; i < signal->ntables && !hit; i++)
            LEAT_TRY(leat_signal_table_hit(&signal->tables[i], leat_str_of((*at)->name), &hit, e));
        if (hit && at == &inc->first) *first = true;
        if (hit)
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
    inc->tail = at;
    return LEAT_OK;
}

static leat_rc stop(leat_increment *inc, leat_batch *b, const leat_signal *signal, leat_err *e)
{
    bool first = false;
    if (signal->blocking ? !inc->block : !inc->first) {
        leat_log(LEAT_WARN, "signal.no_snapshot",
                 "id=\"%s\" no%s snapshot runs that could be stopped", signal->id,
                 signal->blocking ? " blocking" : "");
        return LEAT_OK;
    }
    if (signal->blocking) {
        leat_increment_block_stop(inc, b, signal);
        return LEAT_OK;
    }
    leat_notice notice = {.type = "ABORTED", .id = inc->first->id};
    leat_arena *a = &b->arena;
    const char **names = LEAT_NEW(a, const char *, signal->ntables);
    for (size_t i = 0; i < signal->ntables; i++) names[i] = signal->tables[i].text;
    if (signal->ntables) notice.tables = leat_notify_tables(a, names, signal->ntables, false);
    LEAT_TRY(take_out(inc, signal, &first, e));
    if (first) leat_increment_let_go(inc);
    if (!inc->first) inc->paused = false;
    leat_log(LEAT_INFO, "signal.snapshot_stopped", "id=\"%s\" left=\"%s\"", signal->id,
             tables_text(inc, a));
    leat_increment_tell(inc, b, notice, false);
    return LEAT_OK;
}

static void pause_or_resume(leat_increment *inc, leat_batch *b, const leat_signal *signal)
{
    bool pause = signal->type == LEAT_SIGNAL_PAUSE;
    if (!inc->first || inc->paused == pause) {
        leat_log(LEAT_WARN, "signal.no_snapshot", "id=\"%s\" no snapshot %s", signal->id,
                 pause ? "runs that could be paused" : "is paused");
        return;
    }
    inc->paused = pause;
    leat_log(LEAT_INFO, pause ? "signal.snapshot_paused" : "signal.snapshot_resumed",
             "id=\"%s\" table=\"%s\"", signal->id, inc->first->name);
    leat_increment_tell(inc, b, (leat_notice){.type = pause ? "PAUSED" : "RESUMED"}, true);
}

static leat_rc run_signal(leat_increment *inc, leat_batch *b, const leat_signal *signal,
                          leat_err *e)
{
    leat_buf text = {0};
    switch (signal->type) {
    case LEAT_SIGNAL_LOG:
        leat_signal_log(signal, inc->calls->position(inc->arg, &text).offset);
        leat_buf_free(&text);
        return LEAT_OK;
    case LEAT_SIGNAL_EXECUTE: return execute(inc, b, signal, e);
    case LEAT_SIGNAL_STOP: return stop(inc, b, signal, e);
    case LEAT_SIGNAL_PAUSE:
    case LEAT_SIGNAL_RESUME: pause_or_resume(inc, b, signal); return LEAT_OK;
    default: return LEAT_OK;
    }
}

static void take(leat_increment *inc, const leat_signal *signal)
{
    leat_signal_waiting *w = LEAT_NEW(&inc->signals, leat_signal_waiting, 1);
    w->signal = signal;
    *inc->waiting_tail = w;
    inc->waiting_tail = &w->next;
}

leat_rc leat_increment_signal(leat_increment *inc, leat_str json, leat_err *e)
{
    const leat_signal *signal;
    LEAT_TRY(leat_signal_parse_object(&inc->signals, json, &signal, e));
    take(inc, signal);
    return LEAT_OK;
}

/* ---- the signal table ---- */

/* The row that closes a window: "ID-close". */
static void note_closed(leat_increment *inc, leat_str id)
{
    static const char end[] = "-close";
    size_t tail = sizeof end - 1;
    char *to = inc->closed[inc->nclosed % LEAT_INCREMENT_CLOSED];
    if (id.len <= tail || id.len - tail >= sizeof inc->closed[0]) return;
    if (memcmp(id.s + id.len - tail, end, tail) != 0) return;
    memcpy(to, id.s, id.len - tail);
    to[id.len - tail] = 0;
    inc->nclosed++;
}

void leat_increment_row(leat_increment *inc, leat_str id, leat_str type, leat_str data)
{
    const leat_signal *signal;
    leat_err why;
    if (leat_str_is(type, leat_signal_type_name(LEAT_SIGNAL_WINDOW_CLOSE)))
        note_closed(inc, id);
    else if (leat_str_is(type, leat_signal_type_name(LEAT_SIGNAL_WINDOW_OPEN)) ||
             !leat_capture_channel(inc->conf, "source"))
        return;
    else if (leat_signal_parse(&inc->signals, id, type, data, &signal, &why) == LEAT_OK)
        take(inc, signal);
    else
        leat_log_err(LEAT_WARN, &why);
}

/* ---- turns ---- */

/* One that cannot be done is told and forgotten, but for what passes. */
leat_rc leat_increment_signals(leat_increment *inc, leat_batch *b, leat_err *e)
{
    if (!inc->waiting) return LEAT_OK;
    for (const leat_signal_waiting *w = inc->waiting; w; w = w->next) {
        leat_err why;
        leat_rc rc = run_signal(inc, b, w->signal, &why);
        if (rc == LEAT_RETRY || rc == LEAT_FATAL) {
            *e = why;
            return rc;
        }
        if (leat_rc_failed(rc)) leat_log_err(LEAT_WARN, &why);
    }
    inc->waiting = NULL;
    inc->waiting_tail = &inc->waiting;
    leat_arena_reset(&inc->signals, 1 << 12);
    inc->calls->safe(inc->arg, b);
    return LEAT_OK;
}

leat_rc leat_increment_turn(leat_increment *inc, leat_batch *b, bool *waits, leat_err *e)
{
    leat_err why;
    *waits = false;
    LEAT_TRY(leat_increment_signals(inc, b, e));
    if (inc->block) {
        LEAT_TRY(leat_increment_block_turn(inc, b, e));
        *waits = inc->block != NULL;
        return LEAT_OK;
    }
    if (inc->retry_us && leat_mono_us() < inc->retry_us) return LEAT_OK;
    inc->retry_us = 0;
    if (!leat_rc_failed(leat_increment_ask(inc, b, &why))) return LEAT_OK;
    leat_log_err(LEAT_WARN, &why); /* it does not stop the stream */
    inc->retry_us = leat_mono_us() + RETRY_US;
    return LEAT_OK;
}
