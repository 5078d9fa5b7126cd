/* One table: ranges of keys, summed up by both sides; those that differ are halved down to keys.
 *
 * Each range is read in one transaction a side, the source's with a view: the place in the log
 * behind all that it shows. Ranges are as large as a statement of a tenth of a second takes; where
 * keys cannot be cut by an index they are few and large. */
#include "base/clock.h"
#include "prove/verify/part.h"

enum {
    SIZE_FIRST = 5000, /* rows of a range */
    SIZE_LEAST = 500,
    SIZE_MOST = 200000,
    PARTS = 16,       /* ranges of a table that each cost a scan */
    BY_KEY = 500,     /* rows that are compared one by one */
    SUSPECTS = 10000, /* keys that are settled together */
    STEP_US = 50000,
    SLOW_US = 200000,
    QUICK_US = 50000,
};

/* ---- keys ---- */

leat_str leat_verify_key_put(leat_verify *v, const leat_str *key)
{
    leat_buf_clear(&v->key);
    for (uint16_t i = 0; i < v->splan.nkey; i++) leat_buf_blob(&v->key, key[i]);
    return leat_buf_str(&v->key);
}

const leat_str *leat_verify_key_get(const leat_verify *v, leat_str bytes, leat_arena *a)
{
    leat_str *key = LEAT_NEW(a, leat_str, v->splan.nkey);
    leat_cur c = leat_cur_of(bytes);
    for (uint16_t i = 0; i < v->splan.nkey; i++) key[i] = leat_arena_str(a, leat_cur_blob(&c));
    return key;
}

void leat_verify_view_put(leat_verify *v)
{
    leat_buf_clear(&v->view_text);
    leat_buf_add(&v->view_text, v->view.text);
    leat_buf_u8(&v->view_text, 0);
    v->told.view = v->view_text.p;
}

void leat_verify_seen_add(leat_verify_seen *s, const leat_compare_row *row)
{
    s->n++;
    s->first += row->first;
    s->second += row->second;
    s->version += row->version;
}

/* ---- load ---- */

leat_rc leat_verify_goes_on(const leat_verify *v, leat_err *e)
{
    const leat_verify_watch *w = &v->conf->watch;
    if (!w->stop || !w->stop(w->arg)) return LEAT_OK;
    return leat_fail(e, LEAT_RETRY, "verify.stopped", v->conf->name, "it was told to end");
}

leat_rc leat_verify_pace(leat_verify *v, leat_err *e)
{
    int64_t spent = v->source->spent_us;
    if (!v->fold && v->target->spent_us > spent) spent = v->target->spent_us;
    int64_t due = v->conf->load >= 100 ? 0 : v->paced_us + spent * 100 / v->conf->load;
    for (;;) {
        LEAT_TRY(leat_verify_goes_on(v, e));
        if (leat_mono_us() >= due) return LEAT_OK;
        if (v->fold) LEAT_TRY(leat_verify_fold_on(v, 0, e));
        int64_t now = leat_mono_us(), left = due - now;
        if (left <= 0) return LEAT_OK;
        leat_sleep_us(left < STEP_US ? left : STEP_US);
        v->slept_us += leat_mono_us() - now;
    }
}

/* ---- key by key ---- */

static leat_verify_suspect *room(leat_verify_suspect **all, uint32_t *cap, uint32_t i)
{
    if (i >= *cap) {
        uint32_t was = *cap;
        *cap = *cap ? *cap * 2 : 1024;
        *all = leat_realloc(*all, *cap * sizeof **all);
        memset(*all + was, 0, (*cap - was) * sizeof **all);
    }
    return &(*all)[i];
}

static leat_verify_suspect *of_row(leat_verify *v, const leat_compare_row *row)
{
    uint32_t n = v->range_keys.n,
             i = leat_keyset_put(&v->range_keys, leat_verify_key_put(v, row->key));
    leat_verify_suspect *s = room(&v->range, &v->range_cap, i);
    if (i == n) *s = (leat_verify_suspect){0};
    return s;
}

static void of_source(void *arg, const leat_compare_row *row)
{
    leat_verify_seen_add(&of_row(arg, row)->source, row);
}

static void of_target(void *arg, const leat_compare_row *row)
{
    leat_verify_seen_add(&of_row(arg, row)->target, row);
}

static leat_rc by_key(leat_verify *v, const leat_compare_range *r, leat_err *e)
{
    leat_keyset_clear(&v->range_keys);
    LEAT_TRY(v->source->rows(v->source, &v->splan, r, of_source, v, e));
    LEAT_TRY(v->target->rows(v->target, &v->tplan, r, of_target, v, e));
    for (uint32_t i = 0; i < v->range_keys.n; i++) {
        const leat_verify_suspect *s = &v->range[i];
        if (leat_verify_same(&s->source, &s->target)) continue;
        uint32_t at = leat_keyset_put(&v->keys, leat_keyset_at(&v->range_keys, i));
        *room(&v->suspects, &v->cap, at) = *s;
    }
    return LEAT_OK;
}

/* ---- ranges ---- */

static bool same_sum(const leat_compare_sum *x, const leat_compare_sum *y)
{
    return x->rows == y->rows && x->sum == y->sum && x->both == y->both;
}

static leat_rc sums(leat_verify *v, const leat_compare_range *r, leat_compare_sum *s,
                    leat_compare_sum *t, leat_err *e)
{
    LEAT_TRY(v->source->sum(v->source, &v->splan, r, s, e));
    return v->target->sum(v->target, &v->tplan, r, t, e);
}

static bool same_key(const leat_verify *v, const leat_str *x, const leat_str *y)
{
    for (uint16_t i = 0; i < v->splan.nkey; i++)
        if (!leat_str_eq(x[i], y[i])) return false;
    return true;
}

/* The range's sums differ: its halves, down to its keys. */
static leat_rc halve(leat_verify *v, leat_compare_range r, uint64_t s, uint64_t t, leat_err *e)
{
    uint64_t most = s > t ? s : t;
    const leat_str *mid = NULL;
    leat_compare_side *side = s > t ? v->source : v->target;
    const leat_compare_plan *plan = s > t ? &v->splan : &v->tplan;
    if (most > BY_KEY) LEAT_TRY(side->bound(side, plan, &r, most / 2 - 1, &v->scratch, &mid, e));
    if (!mid || (r.hi && same_key(v, mid, r.hi))) return by_key(v, &r, e);
    const leat_compare_range halves[] = {{.lo = r.lo, .hi = mid}, {.lo = mid, .hi = r.hi}};
    for (int i = 0; i < 2; i++) {
        leat_compare_sum a, b;
        LEAT_TRY(sums(v, &halves[i], &a, &b, e));
        if (!same_sum(&a, &b)) LEAT_TRY(halve(v, halves[i], a.rows, b.rows, e));
    }
    return LEAT_OK;
}

static leat_rc compare_range(leat_verify *v, const leat_str *lo, const leat_str **hi, leat_err *e)
{
    leat_compare_sum s, t;
    leat_compare_range r = {.lo = lo};
    int64_t spent = v->source->spent_us + v->target->spent_us;
    LEAT_TRY(v->source->bound(v->source, &v->splan, &r, v->size - 1, &v->scratch, hi, e));
    r.hi = *hi;
    LEAT_TRY(sums(v, &r, &s, &t, e));
    int64_t took = v->source->spent_us + v->target->spent_us - spent;
    if (took > SLOW_US && v->size >= 2 * SIZE_LEAST) v->size /= 2;
    if (took < QUICK_US && v->size < SIZE_MOST) v->size *= 2;
    v->told.rows += s.rows;
    v->told.ranges++;
    return same_sum(&s, &t) ? LEAT_OK : halve(v, r, s.rows, t.rows, e);
}

/* Suspects keep the view of the last of them, which shows more than those before. */
static leat_rc one_range(leat_verify *v, const leat_str *lo, const leat_str **hi, leat_err *e)
{
    const uint64_t *running;
    size_t nrunning;
    leat_err ignored;
    leat_arena_reset(&v->view_arena, 1 << 16);
    LEAT_TRY(v->source->begin(v->source, &v->view_arena, &v->view, &running, &nrunning, e));
    v->told.at_us = leat_now_us();
    leat_verify_view_put(v);
    leat_rc rc = v->target->begin(v->target, NULL, NULL, NULL, NULL, e);
    if (rc == LEAT_OK) {
        rc = compare_range(v, lo, hi, e);
        leat_rc end = v->target->end(v->target, rc == LEAT_OK ? e : &ignored);
        if (rc == LEAT_OK) rc = end;
    }
    leat_rc end = v->source->end(v->source, rc == LEAT_OK ? e : &ignored);
    return rc == LEAT_OK ? end : rc;
}

/* A key that only a scan can cut is cut in few parts. */
static uint64_t first_size(const leat_verify *v, int64_t estimate)
{
    bool indexed = true;
    for (uint16_t i = 0; i < v->splan.nkey; i++) indexed = indexed && v->splan.fields[i].native;
    if (indexed) return SIZE_FIRST;
    return estimate > SIZE_MOST * PARTS ? (uint64_t)(estimate / PARTS) : SIZE_MOST;
}

leat_rc leat_verify_table_run(leat_verify *v, int64_t estimate, leat_err *e)
{
    leat_arena bounds = {0};
    const leat_str *lo = NULL, *hi = NULL;
    leat_rc rc = LEAT_OK;
    leat_err ignored;
    int64_t from = leat_mono_us();
    v->size = first_size(v, estimate);
    leat_keyset_clear(&v->keys);
    do {
        leat_arena_reset(&v->scratch, 1 << 20);
        /* What changed since would be suspects, and all at once at the end. */
        if (v->fold) rc = leat_verify_fold_on(v, 0, e);
        if (rc == LEAT_OK) rc = one_range(v, lo, &hi, e);
        if (rc == LEAT_OK && hi) { /* it outlives the scratch */
            leat_str *copy = LEAT_NEW(&bounds, leat_str, v->splan.nkey);
            for (uint16_t i = 0; i < v->splan.nkey; i++) copy[i] = leat_arena_str(&bounds, hi[i]);
            lo = copy;
        }
        if (rc == LEAT_OK && v->conf->watch.progress)
            v->conf->watch.progress(v->conf->watch.arg, &v->told, estimate);
        if (rc == LEAT_OK && (v->keys.n >= SUSPECTS || !hi)) rc = leat_verify_settle(v, e);
        if (rc == LEAT_OK) rc = leat_verify_pace(v, e);
    } while (rc == LEAT_OK && hi);
    /* What was told as repaired, or removed, is sent, even when it ends here. */
    leat_rc mend = leat_verify_mend(v, rc == LEAT_OK ? e : &ignored);
    if (rc == LEAT_OK) rc = mend;
    v->told.took_us = leat_mono_us() - from;
    leat_arena_free(&bounds);
    return rc;
}
