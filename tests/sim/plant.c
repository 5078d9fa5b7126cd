/* What stands between the engine and the real stream, and the planted bugs that live there or are
 * linked in between (--wrap). See plant.h; others are in faults.c, server.c, letters.c, watch.c. */
#include "plant.h"

#include "sim.h"
#include "stream/merge_run.h"
#include "stream/segment.h"

static const struct {
    const char *word, *what;
} plants[] = {
#define X(name, word, what) {word, what},
    SIM_PLANTS(X)
#undef X
};

const char *plant_word(sim_plant p)
{
    return plants[p].word;
}

const char *plant_what(sim_plant p)
{
    return plants[p].what;
}

sim_plant plant_of(const char *word)
{
    unsigned i = 0;
    while (i < PLANT_COUNT && strcmp(plants[i].word, word) != 0) i++;
    return (sim_plant)i;
}

static bool planted(sim_plant p)
{
    return the_sim->plant == p;
}

static leat_stream *real_of(const leat_stream *s)
{
    return ((const plant_stream *)s)->real;
}

static leat_rc dead(leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "sim.dead", NULL, "the process is dead");
}

/* Who appends is told that the spool's budget is used up. */
static leat_rc note_budget(leat_rc rc, const leat_err *e)
{
    if (rc == LEAT_RETRY && leat_str_starts(leat_str_of(e->code), "spool.")) cover(MEET_BUDGET);
    if (rc == LEAT_RETRY && strcmp(e->code, "spool.transaction") == 0) the_sim->life.hurt = true;
    return rc;
}

/* Calls of a stream whose state moves by itself. */
static void look(leat_stream *s)
{
    if (the_sim->kafka && !the_sim->dead) sim_check_state(real_of(s)->ops->state(real_of(s)));
}

static leat_rc stream_append(leat_stream *s, const leat_batch *b, leat_str progress, leat_err *e)
{
    if (sim_step(ACT_APPEND, b->n, b->nsafe)) return dead(e);
    leat_batch copy = *b;
    bool safe = b->safe.offset.s || progress.s;
    if (planted(PLANT_MISCOUNT) && safe && dice_one_in(&the_sim->dice, 8)) {
        copy.safe_counts.appended++;
        copy.counts.appended++;
    }
    leat_rc rc = note_budget(real_of(s)->ops->append(real_of(s), &copy, progress, e), e);
    look(s);
    if (rc != LEAT_OK) return rc;
    if (planted(PLANT_ACK_APPENDED) && b->safe.offset.s) LEAT_TRY(sim_source.ack(NULL, b->safe, e));
    return LEAT_OK;
}

static leat_rc stream_commit(leat_stream *s, leat_err *e)
{
    plant_stream *p = (plant_stream *)s;
    if (dice_one_in(&the_sim->dice, 6)) sim_merge(the_sim);
    if (sim_step(ACT_COMMIT, (int64_t)real_of(s)->ops->pending(real_of(s)), 0)) return dead(e);
    if (p->deaf) {
        p->deaf = false;
        return LEAT_OK;
    }
    the_sim->edits.unseen = false;
    leat_rc rc = note_budget(real_of(s)->ops->commit(real_of(s), e), e);
    if (leat_rc_failed(rc)) look(s);
    LEAT_TRY(rc);
    const leat_stream_state *st = real_of(s)->ops->state(real_of(s));
    if (the_sim->dead) return rc;
    sim_check_state(st);
    sim_step(ACT_COMMITTED, (int64_t)st->frame, (int64_t)st->events);
    return rc;
}

static leat_rc stream_rollback(leat_stream *s, leat_err *e)
{
    if (sim_step(ACT_ROLLBACK, 0, 0)) return dead(e);
    if (planted(PLANT_NO_ROLLBACK)) return LEAT_OK;
    ((plant_stream *)s)->deaf = planted(PLANT_REOPEN_AT_MARK);
    return real_of(s)->ops->rollback(real_of(s), e);
}

static leat_rc stream_edit(leat_stream *s, const leat_position *pos, size_t n, leat_str progress,
                           leat_err *e)
{
    if (sim_step(ACT_EDIT, (int64_t)n, the_sim->edits.tried)) return dead(e);
    the_sim->edits.lying = planted(PLANT_LOST_EDIT);
    leat_rc rc = real_of(s)->ops->edit(real_of(s), pos, n, progress, e);
    the_sim->edits.lying = false;
    LEAT_TRY(rc);
    if (!the_sim->dead) sim_check_state(real_of(s)->ops->state(real_of(s)));
    return LEAT_OK;
}

/* ---- planted: merging that loses something ---- */

void __wrap_leat_frame_put_data(leat_buf *out, const leat_frame *f, const leat_frame_data *d);
void __real_leat_frame_put_data(leat_buf *out, const leat_frame *f, const leat_frame_data *d);
bool __wrap_leat_merge_run_fits(const leat_merge_run *r, const leat_frame *f);
bool __real_leat_merge_run_fits(const leat_merge_run *r, const leat_frame *f);
bool __wrap_leat_frame_part(const leat_frame_parts *parts, const leat_frame *f, uint64_t number,
                            uint64_t *events, uint32_t *crc);
bool __real_leat_frame_part(const leat_frame_parts *parts, const leat_frame *f, uint64_t number,
                            uint64_t *events, uint32_t *crc);

void __wrap_leat_frame_put_data(leat_buf *out, const leat_frame *f, const leat_frame_data *d)
{
    leat_frame_topic topics[DB_TOPICS];
    leat_frame_data copy = *d;
    if (planted(PLANT_MERGE_SHIFTED) && (f->flags & LEAT_FRAME_MERGED)) {
        for (uint32_t i = 0; i < d->ntopics; i++) {
            topics[i] = d->topics[i];
            topics[i].first++;
        }
        copy.topics = topics;
    }
    __real_leat_frame_put_data(out, f, &copy);
}

bool __wrap_leat_merge_run_fits(const leat_merge_run *r, const leat_frame *f)
{
    return __real_leat_merge_run_fits(r, f) || planted(PLANT_MERGE_NO_END);
}

bool __wrap_leat_frame_part(const leat_frame_parts *parts, const leat_frame *f, uint64_t number,
                            uint64_t *events, uint32_t *crc)
{
    bool ok = __real_leat_frame_part(parts, f, number, events, crc);
    if (planted(PLANT_MERGE_NO_PARTS)) *events = UINT64_MAX;
    return ok;
}

/* ---- the stream ---- */

static leat_rc stream_tend(leat_stream *s, leat_err *e)
{
    if (the_sim->dead) return dead(e);
    leat_rc rc = note_budget(real_of(s)->ops->tend(real_of(s), e), e);
    look(s);
    return rc;
}

static size_t stream_pending(const leat_stream *s)
{
    return real_of(s)->ops->pending(real_of(s));
}

static bool stream_arrived(const leat_stream *s)
{
    const leat_stream *real = real_of(s);
    return the_sim->dead || !real->ops->arrived || real->ops->arrived(real);
}

static bool stream_known(const leat_stream *s)
{
    const leat_stream *real = real_of(s);
    return the_sim->dead || !real->ops->known || real->ops->known(real);
}

static const leat_stream_state *stream_state(const leat_stream *s)
{
    return real_of(s)->ops->state(real_of(s));
}

static void stream_close(leat_stream *s)
{
    real_of(s)->ops->close(real_of(s));
}

leat_stream *plant_wrap(plant_stream *p, leat_stream *real)
{
    static const leat_stream_ops ops = {
        .name = "sim",
        .append = stream_append,
        .commit = stream_commit,
        .rollback = stream_rollback,
        .tend = stream_tend,
        .edit = stream_edit,
        .pending = stream_pending,
        .arrived = stream_arrived,
        .known = stream_known,
        .state = stream_state,
        .close = stream_close,
    };
    *p = (plant_stream){.base = {.ops = &ops}, .real = real};
    return &p->base;
}
