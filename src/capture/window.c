/* Notes of changes and what follows from them for a snapshot's rows; see the header.
 *
 * Each table has one log of notes, in the stream's order, that all its windows share: a window
 * begins at a place of it. A change that all windows of the table surely contain is not noted, so
 * that a stream that is far behind costs nothing. What a window needs of the log becomes a set of
 * keys when its rows go out. */
#include "capture/window.h"

#include <assert.h>

enum { RECENT = 65536 }; /* transactions, as the stream keeps */

enum { NOTE_ABSENT = 1, NOTE_ALL = 2, NOTE_UNKNOWN = 4 };

typedef struct note {
    uint64_t tx;
    uint64_t at; /* in all bytes that ever were in the log */
    uint32_t len;
    uint8_t marks;
    uint16_t identity; /* that its key is one of, by number */
} note;

/* The changes of a table since the oldest of its windows was opened. */
typedef struct note_log {
    note *notes;
    size_t n, cap;
    uint64_t first;   /* number of notes[0], among all that ever were */
    leat_buf keys;    /* bytes from ... */
    uint64_t keys_at; /* ... here on */
    leat_window *windows;
    leat_ledger_table *shown; /* its changes that are in the view are dropped; NULL: none ... */
    leat_view view;           /* ... once this is read */
    leat_arena view_arena;
} note_log;

struct leat_window {
    leat_windows *ws;
    uint32_t log;
    leat_job job;
    uint64_t start;  /* number of the first note that matters */
    uint64_t recent; /* number of the first transaction that was appended since */
    uint64_t ended;  /* those below it had ended at the stream's last safe place then: ... */
    leat_buf partition, offset; /* ... this one; empty: none */
    leat_view view;
    bool has_view, spoiled, decided;
    bool all;         /* decided: every row is superseded */
    leat_keyset keys; /* decided: rows that are */
    struct leat_window *next;
};

struct leat_windows {
    leat_ledger *l;
    const leat_view_ops *ops;
    size_t most, held;      /* bytes of notes */
    leat_keyset names;      /* of tables, numbered as logs are */
    leat_keyset identities; /* their columns, numbered */
    uint16_t identity;      /* of the change that is noted now */
    note_log *logs;
    uint32_t cap;
    uint64_t *recent; /* ring */
    uint64_t nrecent; /* ever */
    uint64_t last_tx;
    uint64_t ended; /* number of the first one that had not ended at the last safe place */
    leat_buf text, old, key;
};

leat_windows *leat_windows_new(leat_ledger *l, const leat_view_ops *ops, size_t note_bytes)
{
    leat_windows *ws = leat_zalloc(1, sizeof *ws);
    ws->l = l;
    ws->ops = ops;
    ws->most = note_bytes;
    ws->recent = leat_alloc(RECENT * sizeof *ws->recent);
    return ws;
}

void leat_windows_free(leat_windows *ws)
{
    if (!ws) return;
    for (uint32_t i = 0; i < ws->names.n; i++) {
        note_log *g = &ws->logs[i];
        while (g->windows) leat_window_close(g->windows);
        leat_free(g->notes);
        leat_buf_free(&g->keys);
        leat_arena_free(&g->view_arena);
    }
    leat_keyset_free(&ws->names);
    leat_keyset_free(&ws->identities);
    leat_free(ws->logs);
    leat_free(ws->recent);
    leat_buf_free(&ws->text);
    leat_buf_free(&ws->old);
    leat_buf_free(&ws->key);
    leat_free(ws);
}

/* The log of a table, made if it must be. */
static uint32_t log_of(leat_windows *ws, leat_str name)
{
    uint32_t had = ws->names.n, i = leat_keyset_put(&ws->names, name);
    if (i < had) return i;
    if (i >= ws->cap) {
        ws->cap = ws->cap ? ws->cap * 2 : 16;
        ws->logs = leat_realloc(ws->logs, ws->cap * sizeof *ws->logs);
    }
    ws->logs[i] = (note_log){0};
    return i;
}

/* The number of what rows of this version are told apart by: columns and their types. */
static uint16_t identity_of(leat_windows *ws, const leat_table *t)
{
    leat_buf_clear(&ws->text);
    for (uint16_t i = 0; i < t->nid; i++) {
        const leat_field *f = &t->row->fields[t->id_cols[i]];
        leat_buf_str_z(&ws->text, f->name);
        leat_buf_u8(&ws->text, 0);
        leat_buf_u8(&ws->text, f->schema->type);
    }
    return (uint16_t)leat_keyset_put(&ws->identities, leat_buf_str(&ws->text));
}

/* ---- transactions ---- */

static void add_recent(leat_windows *ws, uint64_t tx)
{
    ws->recent[ws->nrecent++ % RECENT] = tx;
}

void leat_windows_known(leat_windows *ws, const uint64_t *txs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (txs[i] != 0) add_recent(ws, txs[i]);
}

/* ---- notes ---- */

static size_t log_bytes(const note_log *g)
{
    return g->keys.len + g->n * sizeof *g->notes;
}

static leat_str note_key(const note_log *g, const note *x)
{
    return (leat_str){g->keys.p + (x->at - g->keys_at), x->len};
}

/* Every window of the table surely contains it. */
static bool needless(const leat_windows *ws, const note_log *g, uint64_t tx)
{
    for (const leat_window *w = g->windows; w; w = w->next)
        if (!w->spoiled && !(w->has_view && ws->ops->contains(&w->view, tx))) return false;
    return true;
}

static void clear_log(leat_windows *ws, note_log *g)
{
    ws->held -= log_bytes(g);
    g->first += g->n;
    g->keys_at += g->keys.len;
    g->n = 0;
    leat_buf_clear(&g->keys);
}

/* What no window of the table needs any more goes, once it is half of the log. */
static void trim_log(leat_windows *ws, note_log *g)
{
    uint64_t from = g->first + g->n;
    for (const leat_window *w = g->windows; w; w = w->next)
        if (!w->spoiled && w->start < from) from = w->start;
    size_t gone = (size_t)(from - g->first);
    if (gone == g->n) {
        clear_log(ws, g);
        return;
    }
    if (2 * gone < g->n) return;
    ws->held -= log_bytes(g);
    size_t bytes = (size_t)(g->notes[gone].at - g->keys_at);
    memmove(g->notes, g->notes + gone, (g->n - gone) * sizeof *g->notes);
    if (g->keys.len > bytes) memmove(g->keys.p, g->keys.p + bytes, g->keys.len - bytes);
    g->n -= gone;
    g->first = from;
    g->keys.len -= bytes;
    g->keys_at += bytes;
    ws->held += log_bytes(g);
}

static void spoil(leat_windows *ws, note_log *g)
{
    for (leat_window *w = g->windows; w; w = w->next)
        if (!w->decided) w->spoiled = true;
    trim_log(ws, g);
}

static void add_note(leat_windows *ws, note_log *g, uint64_t tx, leat_str key, uint8_t marks)
{
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 64;
        g->notes = leat_realloc(g->notes, g->cap * sizeof *g->notes);
    }
    g->notes[g->n++] = (note){.tx = tx,
                              .at = g->keys_at + g->keys.len,
                              .len = (uint32_t)key.len,
                              .marks = marks,
                              .identity = ws->identity};
    leat_buf_add(&g->keys, key);
    ws->held += sizeof *g->notes + key.len;
    if (ws->held > ws->most) spoil(ws, g);
}

static bool any_absent(const leat_event *ev)
{
    for (uint32_t i = 0; ev->after && i < ev->table->row->nfields; i++)
        if (ev->after[i].kind == LEAT_ABSENT) return true;
    return false;
}

/* A piece of it was read, or is. */
static bool being_read(const leat_ledger_table *t)
{
    if (t->jobs > 0 || t->again.n > 0) return !t->done;
    for (const leat_piece *p = t->pieces; p && !t->done; p = p->next)
        if (p->state == LEAT_PIECE_DONE) return true;
    return false;
}

/* The row with the key in ws->key is to be read again, by each snapshot of its table that goes on.
 */
static void read_again(leat_windows *ws, leat_str name)
{
    leat_ledger_table *t = leat_ledger_find(ws->l, name, NULL);
    for (; t; t = leat_ledger_find(ws->l, name, t))
        if (t->table && t->table->keyed && being_read(t))
            leat_ledger_again(ws->l, t, leat_buf_str(&ws->key));
}

/* The column by which an ad hoc snapshot of the table reads it. */
static const char *read_by(const note_log *g)
{
    for (const leat_window *w = g->windows; w; w = w->next)
        if (w->job.t->table->by) return w->job.t->table->by;
    return NULL;
}

/* A change of a row without identity that tells all of the old one, or an insert: rows that share
 * its key with it stay. */
static bool note_row(leat_windows *ws, note_log *g, const leat_event *ev)
{
    if (ev->table->nid > 0) return false;
    if (ev->op == LEAT_OP_CREATE) return true;
    leat_buf_clear(&ws->text);
    if (!ev->before || !leat_row_whole(ev->table, ev->before, &ws->text)) return false;
    add_note(ws, g, ev->tx, leat_buf_str(&ws->text), 0);
    return true;
}

/* One change of a table with this log. */
static void note_change(leat_windows *ws, uint32_t log, const leat_event *ev)
{
    note_log *g = &ws->logs[log];
    bool skip = needless(ws, g, ev->tx);
    if (ev->op == LEAT_OP_TRUNCATE) {
        if (!skip) add_note(ws, g, ev->tx, (leat_str){"", 0}, NOTE_ALL);
        return;
    }
    const leat_table *t = ev->table;
    bool absent = t->nid > 0 && any_absent(ev);
    if (skip && !absent) return;
    leat_buf_clear(&ws->old);
    leat_buf_clear(&ws->key);
    const char *by = t->nid == 0 ? read_by(g) : NULL;
    bool old = ev->before && leat_row_key_by(t, by, ev->before, NULL, &ws->old);
    bool key = ev->after && leat_row_key_by(t, by, ev->after, ev->before, &ws->key);
    bool moved = old && key && !leat_str_eq(leat_buf_str(&ws->old), leat_buf_str(&ws->key));
    if (moved && absent) read_again(ws, leat_keyset_at(&ws->names, log));
    if (skip || note_row(ws, g, ev)) return;
    bool lost = ev->before && !old && t->nid > 0; /* it had another identity then */
    if (lost || (ev->after && !key) || (!ev->after && !old))
        add_note(ws, g, ev->tx, (leat_str){"", 0}, NOTE_UNKNOWN);
    if (key) add_note(ws, g, ev->tx, leat_buf_str(&ws->key), absent ? NOTE_ABSENT : 0);
    if (old && (moved || !key)) add_note(ws, g, ev->tx, leat_buf_str(&ws->old), 0);
}

/* Its table's rows show the change already. */
static bool is_shown(const leat_windows *ws, const note_log *g, const leat_event *ev)
{
    return g->shown && g->view.text.s && ws->ops->contains(&g->view, ev->tx);
}

void leat_windows_note(leat_windows *ws, leat_batch *b)
{
    const leat_table *last = NULL;
    uint32_t log = 0, kept = 0, safe = b->nsafe, dropped = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const leat_event *ev = &b->ev[i];
        if (i == safe) b->safe_counts.deduplicated += dropped;
        if (i == safe && b->safe.offset.s) ws->ended = ws->nrecent;
        if (ev->tx != 0 && ev->tx != ws->last_tx) add_recent(ws, ev->tx);
        if (ev->tx != 0) ws->last_tx = ev->tx;
        if (ev->op != LEAT_OP_RECORD && ev->op != LEAT_OP_MESSAGE) {
            if (ev->table != last) {
                last = ev->table;
                leat_buf_clear(&ws->text);
                leat_table_name(last, &ws->text);
                log = log_of(ws, leat_buf_str(&ws->text));
                ws->identity = identity_of(ws, last);
            }
            if (is_shown(ws, &ws->logs[log], ev)) {
                leat_tally *y = leat_batch_tally(b, ev->table);
                y->counts.deduplicated++;
                if (i < safe) y->safe.deduplicated++;
                dropped++;
                if (i < safe) b->nsafe--;
                continue;
            }
            note_change(ws, log, ev);
        }
        if (kept < i) b->ev[kept] = *ev;
        kept++;
    }
    if (safe >= b->n) b->safe_counts.deduplicated += dropped;
    if (safe >= b->n && b->safe.offset.s) ws->ended = ws->nrecent;
    b->n = kept;
    b->counts.deduplicated += dropped;
}

size_t leat_windows_held(const leat_windows *ws)
{
    return ws->held;
}

/* ---- tables without identity ---- */

static leat_rc look_at_view(leat_windows *ws, leat_ledger_table *t, leat_position pos, leat_err *e)
{
    uint32_t log = log_of(ws, leat_str_of(t->name));
    note_log *g = &ws->logs[log];
    if (!g->shown) {
        leat_str text = leat_arena_str(&g->view_arena, leat_buf_str(&t->view));
        LEAT_TRY(ws->ops->view(text, &g->view_arena, &g->view, e));
        g->view.text = text;
        g->shown = t;
    }
    if (!pos.offset.s || !ws->ops->passed(&g->view, pos)) return LEAT_OK;
    leat_ledger_view(ws->l, t, (leat_str){0});
    g->shown = NULL;
    g->view = (leat_view){0};
    leat_arena_reset(&g->view_arena, 0);
    return LEAT_OK;
}

leat_rc leat_windows_reach(leat_windows *ws, leat_position pos, leat_err *e)
{
    for (leat_ledger_table *t = ws->l->first; t && ws->l->views > 0; t = t->next)
        if (t->view.len > 0) LEAT_TRY(look_at_view(ws, t, pos, e));
    return LEAT_OK;
}

void leat_window_keep_view(leat_window *w)
{
    leat_ledger_view(w->ws->l, w->job.t, w->view.text);
}

/* ---- windows ---- */

leat_window *leat_window_open(leat_windows *ws, const leat_job *job, leat_position pos)
{
    leat_window *w = leat_zalloc(1, sizeof *w);
    w->ws = ws;
    w->log = log_of(ws, leat_str_of(job->t->name));
    w->job = *job;
    note_log *g = &ws->logs[w->log];
    w->start = g->first + g->n;
    w->recent = ws->nrecent;
    w->ended = ws->ended;
    leat_buf_add(&w->partition, pos.partition);
    leat_buf_add(&w->offset, pos.offset);
    w->next = g->windows;
    g->windows = w;
    return w;
}

const leat_job *leat_window_job(const leat_window *w)
{
    return &w->job;
}

/* By its place: has the view what had ended when the window was opened? */
static leat_cover cover(const leat_window *w, const leat_view *view)
{
    const leat_view_ops *ops = w->ws->ops;
    leat_position pos = {leat_buf_str(&w->partition), leat_buf_str(&w->offset)};
    return ops->covers && w->offset.len > 0 ? ops->covers(view, pos) : LEAT_COVER_UNKNOWN;
}

bool leat_window_view(leat_window *w, leat_view view)
{
    const leat_windows *ws = w->ws;
    uint64_t from = ws->nrecent > RECENT ? ws->nrecent - RECENT : 0;
    leat_cover covers = cover(w, &view);
    if (covers == LEAT_COVER_LACKS) return false;
    if (covers == LEAT_COVER_ALL && from < w->ended) from = w->ended;
    for (uint64_t i = from; i < w->recent; i++)
        if (!ws->ops->contains(&view, ws->recent[i % RECENT])) return false;
    w->view = view;
    w->has_view = true;
    return true;
}

bool leat_window_spoiled(const leat_window *w)
{
    return w->spoiled;
}

bool leat_window_ready(const leat_window *w, leat_position pos)
{
    return w->has_view && pos.offset.s && w->ws->ops->passed(&w->view, pos);
}

const leat_view *leat_window_view_of(const leat_window *w)
{
    return w->has_view ? &w->view : NULL;
}

/* Which rows are superseded, now that the stream has passed the view. */
bool leat_window_decide(leat_window *w, const leat_table *rows)
{
    const note_log *g = &w->ws->logs[w->log];
    uint16_t identity = rows ? identity_of(w->ws, rows) : 0;
    uint64_t tx = 0;
    bool in = false;
    w->decided = true;
    for (size_t i = (size_t)(w->start - g->first); i < g->n; i++) {
        const note *x = &g->notes[i];
        if (x->tx != tx || i == (size_t)(w->start - g->first))
            in = w->ws->ops->contains(&w->view, x->tx);
        tx = x->tx;
        if (in) continue;
        if (x->marks & NOTE_UNKNOWN) w->spoiled = true;
        if (x->marks & NOTE_ALL) w->all = true;
        if (x->len == 0) continue;
        if (rows && x->identity != identity) w->spoiled = true;
        uint32_t k = leat_keyset_put(&w->keys, note_key(g, x));
        w->keys.entries[k].marks |= x->marks;
    }
    return !w->spoiled;
}

static leat_rc no_key(const leat_event *ev, leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "snapshot.no_key", ev->table->name,
                     "a row of %s, read for a snapshot beside the stream, has no identity to be "
                     "compared by: set snapshot.streaming=after, and report this",
                     ev->table->name);
}

/* *k: which of the window's keys it has. */
static leat_rc find_key(leat_window *w, const leat_event *ev, uint32_t *k, leat_err *e)
{
    leat_buf *key = &w->ws->key;
    leat_buf_clear(key);
    bool has = leat_row_key_by(ev->table, w->job.t->table->by, ev->after, NULL, key);
    if (has) *k = leat_keyset_find(&w->keys, leat_buf_str(key));
    if (*k != LEAT_KEYSET_NONE || ev->table->nid > 0) return LEAT_OK;
    leat_buf_clear(key);
    bool whole = leat_row_whole(ev->table, ev->after, key);
    if (whole) *k = leat_keyset_find(&w->keys, leat_buf_str(key));
    return has || whole ? LEAT_OK : no_key(ev, e);
}

leat_rc leat_window_yield(leat_window *w, leat_batch *b, leat_err *e)
{
    leat_windows *ws = w->ws;
    uint32_t kept = 0;
    assert(w->decided);
    if (!w->all && w->keys.n == 0) return LEAT_OK;
    for (uint32_t i = 0; i < b->n; i++) {
        const leat_event *ev = &b->ev[i];
        uint32_t k = LEAT_KEYSET_NONE;
        if (!w->all) LEAT_TRY(find_key(w, ev, &k, e));
        if (w->all || k != LEAT_KEYSET_NONE) {
            LEAT_COUNT(b, leat_batch_tally(b, ev->table), rows_superseded, 1);
            if (k != LEAT_KEYSET_NONE && w->keys.entries[k].marks & NOTE_ABSENT)
                leat_ledger_again(ws->l, w->job.t, leat_buf_str(&ws->key));
            continue;
        }
        if (kept < i) b->ev[kept] = *ev;
        kept++;
    }
    b->n = kept;
    return LEAT_OK;
}

void leat_window_close(leat_window *w)
{
    note_log *g = &w->ws->logs[w->log];
    leat_window **at = &g->windows;
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    trim_log(w->ws, g);
    leat_keyset_free(&w->keys);
    leat_buf_free(&w->partition);
    leat_buf_free(&w->offset);
    leat_free(w);
}
