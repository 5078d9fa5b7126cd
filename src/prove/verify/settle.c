/* Keys that differ for now, until it is known.
 *
 * A round: the delivery has passed the view before (its place in the log); then the target's rows
 * are read, then the source's in a view of now. With s the source's row in the view before, S in
 * this one, and T the target's row between:
 *
 *     T = s, or T = S                  equal
 *     s = S, same version of the row   the source had it all the time, so at the place where T was
 *                                      read, too, and T is something else: a difference
 *     no s, no S                       it may have come and gone between; but if T was the same in
 *                                      the round before, it was so at the place of s: a difference
 *     else                             it changes; another round
 *
 * A transaction can be in the log, and so delivered, and not yet be seen by the source's views
 * (synchronous replication): a difference counts only once all that ran when it was first proven
 * has ended, and it still holds. What goes on changing until the time is over is undecided.
 *
 * Where rows have no versions (MySQL), s = S does not say that nothing was between. There a round
 * counts unless the source's view lacks what the stream had when the target was read. It proves a
 * difference if the views surely have all of that and the table's topic got nothing since the round
 * before, or once all was the same over several rounds
 * (docs/decisions/213-rows-without-versions.md).
 */
#include "base/clock.h"
#include "prove/verify/part.h"

enum { AT_ONCE = 500, ROUND_US = 100000, STAYS = 6 };

typedef struct running {
    const uint64_t *ids;
    size_t n;
} running;

typedef struct settling {
    leat_verify *v;
    bool target;    /* rows of which side come */
    unsigned round; /* from 1 */
    running first;  /* when something was proven first: in this arena */
    unsigned first_round;
    leat_arena first_arena;
    running now;
    leat_arena arenas[2];  /* views of this round and the one before take turns */
    leat_verify_mark mark; /* without versions: when the target was read ... */
    int64_t before;        /* ... its next of the round before; -1: none that was surely seen */
    bool quiet;            /* the topic got nothing since */
} settling;

static void take(void *arg, const leat_compare_row *row)
{
    settling *g = arg;
    uint32_t i = leat_keyset_find(&g->v->keys, leat_verify_key_put(g->v, row->key));
    if (i == LEAT_KEYSET_NONE) return;
    leat_verify_suspect *s = &g->v->suspects[i];
    leat_verify_seen_add(g->target ? &s->target : &s->source, row);
}

/* All suspects that are not decided, some at once. */
static leat_rc fetch(settling *g, leat_err *e)
{
    leat_verify *v = g->v;
    leat_compare_side *side = g->target ? v->target : v->source;
    const leat_compare_plan *plan = g->target ? &v->tplan : &v->splan;
    uint16_t nkey = v->splan.nkey;
    leat_arena_reset(&v->scratch, 1 << 20);
    leat_str *keys = LEAT_NEW(&v->scratch, leat_str, (size_t)AT_ONCE * nkey);
    leat_compare_range r = {.keys = keys};
    for (uint32_t i = 0; i < v->keys.n; i++) {
        leat_verify_suspect *s = &v->suspects[i];
        if (!s->done) {
            *(g->target ? &s->tbefore : &s->before) = g->target ? s->target : s->source;
            *(g->target ? &s->target : &s->source) = (leat_verify_seen){0};
            const leat_str *key = leat_verify_key_get(v, leat_keyset_at(&v->keys, i), &v->scratch);
            memcpy(keys + (size_t)r.nkeys++ * nkey, key, nkey * sizeof *key);
        }
        if (r.nkeys == AT_ONCE || (i + 1 == v->keys.n && r.nkeys > 0)) {
            LEAT_TRY(side->rows(side, plan, &r, take, g, e));
            r.nkeys = 0;
        }
    }
    return LEAT_OK;
}

static leat_rc look(settling *g, bool target, leat_err *e)
{
    leat_verify *v = g->v;
    leat_compare_side *side = target ? v->target : v->source;
    leat_arena *a = &g->arenas[g->round % 2];
    leat_err ignored;
    g->target = target;
    if (!target) leat_arena_reset(a, 1 << 16);
    leat_view *view = target ? NULL : &v->view;
    LEAT_TRY(side->begin(side, a, view, &g->now.ids, &g->now.n, e));
    leat_rc rc = fetch(g, e);
    leat_rc end = side->end(side, rc == LEAT_OK ? e : &ignored);
    return rc == LEAT_OK ? end : rc;
}

/* ---- what is known ---- */

/* Without versions. */
static bool stays(const settling *g, leat_verify_suspect *s)
{
    bool same = leat_verify_same(&s->source, &s->before);
    bool both = same && s->rounds >= 2 && leat_verify_same(&s->target, &s->tbefore);
    s->stays = both ? s->stays + 1 : 0;
    return g->quiet ? same : s->stays >= STAYS;
}

static bool holds(const settling *g, leat_verify_suspect *s)
{
    if (!g->v->source->versions) return stays(g, s);
    if (s->source.n > 0 || s->before.n > 0)
        return leat_verify_same(&s->source, &s->before) && s->source.version == s->before.version;
    return s->rounds >= 2 && leat_verify_same(&s->target, &s->tbefore) &&
           s->target.version == s->tbefore.version;
}

/* Of those that ran when something was proven first, none does any more. */
static bool ended(const settling *g)
{
    for (size_t i = 0; i < g->first.n; i++)
        for (size_t k = 0; k < g->now.n; k++)
            if (g->first.ids[i] == g->now.ids[k]) return false;
    return true;
}

static void remember(settling *g)
{
    uint64_t *ids = LEAT_NEW(&g->first_arena, uint64_t, g->now.n + 1);
    if (g->now.n > 0) memcpy(ids, g->now.ids, g->now.n * sizeof *ids);
    g->first = (running){ids, g->now.n};
    g->first_round = g->round;
}

static leat_verify_kind kind_of(const leat_verify_suspect *s)
{
    if (s->target.n == 0) return LEAT_VERIFY_MISSING;
    if (s->source.n == 0) return LEAT_VERIFY_EXTRA;
    return s->source.n == s->target.n ? LEAT_VERIFY_DIFFERENT : LEAT_VERIFY_REPEATED;
}

static leat_rc tell(settling *g, uint32_t i, bool undecided, leat_err *e)
{
    leat_verify *v = g->v;
    const leat_verify_watch *w = &v->conf->watch;
    leat_verify_suspect *s = &v->suspects[i];
    leat_arena a = {0};
    const char **columns = LEAT_NEW(&a, const char *, v->splan.nkey);
    const leat_str *key = leat_verify_key_get(v, leat_keyset_at(&v->keys, i), &a);
    for (uint16_t k = 0; k < v->splan.nkey; k++) columns[k] = v->splan.fields[k].name;
    leat_verify_difference d = {.kind = undecided ? LEAT_VERIFY_UNDECIDED : kind_of(s),
                                .columns = columns,
                                .key = key,
                                .nkey = v->splan.nkey};
    leat_rc rc = LEAT_OK;
    s->done = true;
    *(undecided ? &v->told.undecided : &v->told.differences) += 1;
    if (v->conf->repair && !undecided) rc = leat_verify_repair(v, s, key, &d.repaired, e);
    v->told.repaired += d.repaired;
    if (rc == LEAT_OK && w->difference) w->difference(w->arg, &v->told, &d);
    leat_arena_free(&a);
    return rc;
}

/* *open: how many are not decided yet. */
static leat_rc judge(settling *g, uint32_t *open, leat_err *e)
{
    leat_verify *v = g->v;
    *open = 0;
    for (uint32_t i = 0; i < v->keys.n; i++) {
        leat_verify_suspect *s = &v->suspects[i];
        if (s->done) continue;
        s->rounds++;
        s->done =
            leat_verify_same(&s->target, &s->before) || leat_verify_same(&s->target, &s->source);
        if (s->done) continue;
        if (!holds(g, s)) {
            s->holds = 0;
        } else {
            if (g->first_round == 0) remember(g);
            if (s->holds == 0) s->holds = g->round;
            bool late = s->holds > g->first_round && g->now.n > 0;
            if (!late && ended(g)) {
                LEAT_TRY(tell(g, i, false, e));
                continue;
            }
        }
        ++*open;
    }
    /* Those that were proven later wait for those that run now. */
    if (g->first_round != 0 && ended(g)) {
        leat_arena_reset(&g->first_arena, 1 << 16);
        if (*open > 0) remember(g);
    }
    return LEAT_OK;
}

/* Before the source's view is taken: what the stream has by now is in what was read of the target,
 * or more. */
static leat_rc mark(settling *g, leat_err *e)
{
    return g->v->source->versions ? LEAT_OK : leat_verify_mark_take(g->v, &g->mark, e);
}

/* The round says something; of the view that was taken behind the mark. */
static bool counts(settling *g)
{
    if (g->v->source->versions) return true;
    leat_cover cover = leat_verify_mark_in(g->v, &g->mark, &g->v->view);
    g->quiet = cover == LEAT_COVER_ALL && g->mark.next == g->before;
    g->before = cover == LEAT_COVER_ALL ? g->mark.next : -1;
    return cover != LEAT_COVER_LACKS;
}

static leat_rc rounds(settling *g, leat_err *e)
{
    leat_verify *v = g->v;
    int64_t until = leat_mono_us() + v->conf->wait_us;
    uint32_t open = v->keys.n;
    while (open > 0) {
        if (g->round > 0) leat_sleep_us(ROUND_US);
        LEAT_TRY(leat_verify_passed(v, &v->view, e));
        g->round++;
        LEAT_TRY(look(g, true, e));
        LEAT_TRY(mark(g, e));
        LEAT_TRY(look(g, false, e));
        if (counts(g)) LEAT_TRY(judge(g, &open, e));
        LEAT_TRY(leat_verify_pace(v, e));
        if (leat_mono_us() > until) break;
    }
    for (uint32_t i = 0; i < v->keys.n; i++)
        if (!v->suspects[i].done) LEAT_TRY(tell(g, i, true, e));
    return LEAT_OK;
}

leat_rc leat_verify_settle(leat_verify *v, leat_err *e)
{
    settling g = {.v = v, .before = -1};
    if (v->keys.n == 0) return LEAT_OK;
    leat_rc rc = rounds(&g, e);
    leat_keyset_clear(&v->keys);
    leat_verify_view_put(v);
    leat_arena_free(&g.first_arena);
    /* The view lives in one of these two. */
    v->view = (leat_view){0};
    leat_arena_free(&g.mark.arena);
    leat_arena_free(&g.arenas[0]);
    leat_arena_free(&g.arenas[1]);
    return rc;
}
