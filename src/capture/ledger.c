/* The pieces of tables, and which comes next; see the header. The stored form is in ledger_text.c.
 * Pieces and their texts are on the heap: they come and go while a large table is read. */
#include "capture/ledger.h"

enum {
    KEYS_MOST = 256,      /* of one job */
    AGAIN_MOST = 1 << 20, /* bytes of keys to be read again: beyond, all of the table is */
};

void leat_ledger_init(leat_ledger *l)
{
    *l = (leat_ledger){.tail = &l->first};
}

/* ---- pieces ---- */

static void free_piece(leat_piece *p)
{
    leat_free(p->from);
    leat_free(p->to);
    leat_free(p);
}

static void free_pieces(leat_ledger_table *t)
{
    for (leat_piece *p = t->pieces, *next; p; p = next) {
        next = p->next;
        free_piece(p);
    }
    t->pieces = NULL;
}

/* Absent: NULL. */
static char *text_of(leat_str s)
{
    if (!s.s) return NULL;
    char *z = leat_alloc(s.len + 1);
    memcpy(z, s.s, s.len);
    z[s.len] = '\0';
    return z;
}

void leat_ledger_end(leat_ledger_table *t, leat_str end)
{
    leat_free(t->end);
    t->end = text_of(end);
}

leat_piece *leat_piece_after(leat_ledger_table *t, leat_piece *prev, leat_str from, leat_str to)
{
    leat_piece *p = leat_zalloc(1, sizeof *p);
    p->from = text_of(from);
    p->to = text_of(to);
    p->prev = prev;
    p->next = prev ? prev->next : t->pieces;
    if (p->next) p->next->prev = p;
    if (prev)
        prev->next = p;
    else
        t->pieces = p;
    return p;
}

leat_piece *leat_piece_join(leat_piece *p)
{
    leat_piece *gone = p->next;
    leat_free(p->to);
    p->to = gone->to;
    gone->to = NULL;
    p->next = gone->next;
    if (p->next) p->next->prev = p;
    free_piece(gone);
    return p;
}

static void settle_piece(leat_piece *p)
{
    p->state = LEAT_PIECE_DONE;
    if (p->next && p->next->state == LEAT_PIECE_DONE) leat_piece_join(p);
    if (p->prev && p->prev->state == LEAT_PIECE_DONE) leat_piece_join(p->prev);
}

static void free_table(leat_ledger_table *t)
{
    free_pieces(t);
    leat_keyset_free(&t->again);
    leat_keyset_free(&t->busy);
    leat_buf_free(&t->view);
    leat_free(t->name);
    leat_free(t->where);
    leat_free(t->ask);
    leat_free(t->end);
    leat_free(t);
}

void leat_ledger_free(leat_ledger *l)
{
    for (leat_ledger_table *t = l->first, *next; t; t = next) {
        next = t->next;
        free_table(t);
    }
    leat_ledger_init(l);
}

/* ---- tables ---- */

leat_ledger_table *leat_ledger_table_new(leat_ledger *l, leat_str name, leat_str where,
                                         leat_str ask)
{
    leat_ledger_table *t = leat_zalloc(1, sizeof *t);
    t->name = text_of(name);
    t->where = text_of(where);
    t->ask = text_of(ask);
    *l->tail = t;
    l->tail = &t->next;
    l->n += t->ask == NULL;
    return t;
}

static bool same_text(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

static bool same(const leat_ledger_table *t, const leat_snap_table *table)
{
    return strcmp(t->name, table->name) == 0 && same_text(t->where, table->where) &&
           same_text(t->ask, table->ask);
}

static bool all_read(const leat_ledger_table *t)
{
    const leat_piece *p = t->pieces;
    bool all = p && !p->next && p->state == LEAT_PIECE_DONE;
    return all && t->again.n == 0 && t->busy.n == 0 && t->jobs == 0;
}

static void look(leat_ledger *l, leat_ledger_table *t)
{
    bool done = all_read(t);
    if (!t->ask) l->ndone += (unsigned)done - (unsigned)t->done;
    t->done = done;
    l->changed = true;
}

/* An ad hoc table that another process began: up to `from` it had read it all. */
static void begin_at(leat_ledger *l, leat_ledger_table *t, leat_str from)
{
    leat_piece *p = from.s ? t->pieces : NULL;
    while (p && !(p->to && leat_str_is(from, p->to))) p = p->next;
    if (!p) return;
    while (t->pieces != p) p = leat_piece_join(p->prev);
    settle_piece(p);
    look(l, t);
}

leat_ledger_table *leat_ledger_add(leat_ledger *l, const leat_snap_table *table)
{
    leat_ledger_table *t = l->first;
    while (t && !(same(t, table) && !t->table)) t = t->next;
    if (!t) {
        t = leat_ledger_table_new(l, leat_str_of(table->name), leat_str_of(table->where),
                                  leat_str_of(table->ask));
        leat_piece_after(t, NULL, table->from, table->to);
        leat_ledger_end(t, table->to);
    }
    t->table = table;
    if (!t->done) begin_at(l, t, table->from);
    if (!t->done && !table->keyed) { /* it has none, or has lost it: one piece again */
        free_pieces(t);
        leat_piece *p = leat_piece_after(t, NULL, (leat_str){0}, (leat_str){0});
        p->cut = p->whole = true;
    }
    l->changed = true;
    return t;
}

void leat_ledger_remove(leat_ledger *l, leat_ledger_table *t)
{
    leat_ledger_table **at = &l->first;
    while (*at != t) at = &(*at)->next;
    *at = t->next;
    if (!t->next) l->tail = at;
    l->n -= t->ask == NULL;
    l->ndone -= t->done && t->ask == NULL;
    l->views -= t->view.len > 0;
    l->changed = true;
    free_table(t);
}

unsigned leat_ledger_drop_unknown(leat_ledger *l, bool asked)
{
    unsigned dropped = 0;
    for (leat_ledger_table *t = l->first, *next; t; t = next) {
        next = t->next;
        if (t->table || (t->ask != NULL) != asked) continue;
        leat_ledger_remove(l, t);
        dropped++;
    }
    return dropped;
}

leat_str leat_ledger_upto(const leat_ledger_table *t)
{
    const leat_piece *p = t->pieces;
    bool read = p && p->state == LEAT_PIECE_DONE && t->again.n == 0 && t->busy.n == 0;
    return leat_str_of(read ? p->to : NULL);
}

leat_ledger_table *leat_ledger_find(leat_ledger *l, leat_str name, const leat_ledger_table *t)
{
    for (leat_ledger_table *at = t ? t->next : l->first; at; at = at->next)
        if (leat_str_is(name, at->name)) return at;
    return NULL;
}

void leat_ledger_settle(leat_ledger *l, leat_ledger_table *t)
{
    if (t->jobs > 0 || !(t->gone || t->restart)) return;
    free_pieces(t);
    leat_piece *p = leat_piece_after(t, NULL, (leat_str){0}, (leat_str){0});
    leat_ledger_end(t, (leat_str){0});
    if (t->gone) p->state = LEAT_PIECE_DONE;
    leat_keyset_clear(&t->again);
    leat_keyset_clear(&t->busy);
    t->begun = true;
    t->restart = false;
    look(l, t);
}

void leat_ledger_view(leat_ledger *l, leat_ledger_table *t, leat_str view)
{
    l->views -= t->view.len > 0;
    leat_buf_clear(&t->view);
    leat_buf_add(&t->view, view);
    l->views += t->view.len > 0;
    l->changed = true;
    l->urgent |= view.len > 0;
}

bool leat_ledger_done(const leat_ledger *l)
{
    return l->ndone == l->n && l->views == 0;
}

/* ---- what comes next ---- */

static leat_piece *to_do(const leat_ledger_table *t)
{
    leat_piece *p = t->pieces;
    while (p && p->state != LEAT_PIECE_TODO) p = p->next;
    return p;
}

static bool keys_to_do(const leat_ledger_table *t)
{
    return t->again.n > 0 && t->busy.n == 0;
}

/* The first keys of the table become its busy ones. */
static void take_keys(leat_ledger_table *t)
{
    leat_keyset rest = {0};
    uint32_t most = t->keys ? t->keys : KEYS_MOST;
    for (uint32_t i = 0; i < t->again.n; i++)
        leat_keyset_put(i < most ? &t->busy : &rest, leat_keyset_at(&t->again, i));
    leat_keyset_free(&t->again);
    t->again = rest;
}

static bool better(const leat_ledger_table *t, const leat_ledger_table *than, bool turns)
{
    if (!than) return true;
    if (keys_to_do(t) != keys_to_do(than)) return keys_to_do(t);
    if (t->table->priority != than->table->priority)
        return t->table->priority > than->table->priority;
    return turns && t->turn < than->turn;
}

bool leat_ledger_bare(const leat_ledger *l)
{
    const leat_ledger_table *t = l->first;
    while (t && (!t->table || t->table->keyed || t->done || t->gone)) t = t->next;
    return t != NULL;
}

bool leat_ledger_next(leat_ledger *l, bool keyed, bool turns, leat_job *job)
{
    leat_ledger_table *best = NULL;
    for (leat_ledger_table *t = l->first; t; t = t->next) {
        if (t->restart) leat_ledger_settle(l, t);
        if (!t->table || t->done || t->gone || t->restart || t->rests) continue;
        if (t->table->keyed != keyed) continue;
        if (!keys_to_do(t) && !to_do(t)) continue;
        if (better(t, best, turns)) best = t;
    }
    if (!best) return false;
    *job = (leat_job){.t = best};
    if (keys_to_do(best)) {
        job->kind = LEAT_JOB_KEYS;
        take_keys(best);
    } else {
        job->piece = to_do(best);
        job->kind = job->piece->cut ? LEAT_JOB_READ : LEAT_JOB_CUT;
        job->piece->state = LEAT_PIECE_BUSY;
    }
    best->jobs++;
    best->turn = ++l->turns;
    return true;
}

leat_range leat_job_range(const leat_job *job, leat_arena *a)
{
    const leat_ledger_table *t = job->t;
    leat_range range = {.table = t->table};
    if (job->kind != LEAT_JOB_KEYS) {
        range.from = leat_str_of(job->piece->from);
        range.to = leat_str_of(job->piece->to);
        range.last = job->piece->next == NULL;
        return range;
    }
    leat_value *cells = NULL;
    uint16_t width = 0;
    bool even = true;
    for (uint32_t i = 0; i < t->busy.n && even; i++) {
        uint16_t n = 0;
        leat_value *key = leat_row_key_cells(leat_keyset_at(&t->busy, i), a, &n);
        if (!cells) {
            width = n;
            cells = LEAT_NEW(a, leat_value, (size_t)n * t->busy.n);
        }
        even = key && n == width;
        if (even) memcpy(&cells[(size_t)n * i], key, n * sizeof *key);
    }
    range.nid = even ? width : 0;
    range.nkeys = t->busy.n;
    range.keys = cells;
    return range;
}

bool leat_job_ends_table(const leat_job *job)
{
    const leat_ledger_table *t = job->t;
    if (t->jobs > 1 || t->again.n > 0) return false;
    for (const leat_piece *p = t->pieces; p; p = p->next)
        if (p != job->piece && p->state != LEAT_PIECE_DONE) return false;
    return true;
}

/* ---- how a job ended ---- */

static void job_over(leat_ledger *l, const leat_job *job)
{
    job->t->jobs--;
    look(l, job->t);
}

/* How many bounds are left: the open end of an ad hoc table, cut for the first time, is at the last
 * one, where it stays; without one there are no rows. */
static unsigned close_end(leat_ledger_table *t, leat_piece *p, const leat_str *bounds, unsigned n)
{
    if (!t->ask || p->to || n == 0) return n;
    leat_ledger_end(t, bounds[n - 1]);
    p->to = text_of(bounds[n - 1]);
    return n - 1;
}

void leat_job_cut(leat_ledger *l, const leat_job *job, const leat_str *bounds, unsigned n,
                  unsigned most, bool walked)
{
    leat_piece *p = job->piece;
    bool ad_hoc = job->t->ask != NULL, small = n < most || p->halvings > 0;
    bool all_but_last = ad_hoc || walked;
    bool none = ad_hoc && !p->to && n == 0;
    p->state = LEAT_PIECE_TODO;
    n = close_end(job->t, p, bounds, n);
    p->cut = small || (all_but_last && n > 0);
    p->whole = n == 0 && p->halvings > 0;
    for (unsigned i = n; i-- > 0;) { /* from the last bound: each cuts off the end of p */
        leat_piece *q = leat_piece_after(job->t, p, bounds[i], leat_str_of(p->to));
        q->cut = small || (all_but_last && i + 1 < n);
        q->halvings = p->halvings;
        leat_free(p->to);
        p->to = leat_strdup(q->from);
    }
    job->t->begun |= ad_hoc;
    if (none) settle_piece(p);
    job_over(l, job);
}

void leat_job_small(leat_ledger *l, const leat_job *job)
{
    job->piece->cut = true;
    leat_job_back(l, job);
}

void leat_job_back(leat_ledger *l, const leat_job *job)
{
    leat_ledger_table *t = job->t;
    if (job->kind != LEAT_JOB_KEYS) {
        job->piece->state = LEAT_PIECE_TODO;
    } else {
        for (uint32_t i = 0; i < t->busy.n; i++)
            leat_keyset_put(&t->again, leat_keyset_at(&t->busy, i));
        leat_keyset_clear(&t->busy);
    }
    job_over(l, job);
}

void leat_job_halve(leat_ledger *l, const leat_job *job)
{
    if (job->kind == LEAT_JOB_READ && !job->piece->whole) {
        job->piece->halvings++;
        job->piece->cut = false;
    }
    if (job->kind == LEAT_JOB_KEYS) job->t->keys = (job->t->busy.n + 1) / 2;
    leat_job_back(l, job);
}

void leat_job_done(leat_ledger *l, const leat_job *job, uint64_t rows)
{
    leat_ledger_table *t = job->t;
    t->begun = true;
    t->rows += rows;
    if (job->kind == LEAT_JOB_KEYS) {
        leat_keyset_clear(&t->busy);
        t->keys = 0;
    } else {
        t->pieces_done++;
        settle_piece(job->piece);
    }
    job_over(l, job);
}

/* ---- keys ---- */

static size_t again_bytes(const leat_ledger_table *t)
{
    return t->again.bytes.len + t->busy.bytes.len;
}

void leat_ledger_again(leat_ledger *l, leat_ledger_table *t, leat_str key)
{
    if (!t->restart) leat_keyset_put(&t->again, key);
    t->begun = true;
    l->urgent = true;
    if (again_bytes(t) > AGAIN_MOST) t->restart = true;
    look(l, t);
}
