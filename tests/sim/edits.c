/* Edits of the position by a person, and the oracle about them; see sim.h. */
#include <stdio.h>

#include "sim.h"

static bool snapshot_done(const leat_stream_state *st)
{
    static const char done[] = "\"state\":\"done\"";
    return st->progress.s && memmem(st->progress.s, st->progress.len, done, sizeof done - 1);
}

unsigned sim_edit_of(leat_str offset)
{
    leat_str rest = {offset.s, offset.len > 0 ? offset.len - 1 : 0};
    int64_t number = 0;
    leat_str_cut(&rest, ',');
    if (!rest.s || !leat_str_starts(rest, "\"edit\":")) return 0;
    rest = (leat_str){rest.s + 7, rest.len - 7};
    return leat_str_i64(rest, &number) ? (unsigned)number : 0;
}

/* Who sets a position gets again what is behind it, so where a transaction is delivered in part, or
 * may be, an edit would be a repeat by wish. */
static bool inside(const sim *s)
{
    leat_kafka_status st;
    if (!s->once) return false;
    leat_kafka_status_get(s->kafka_stream, &st);
    return st.inside || st.doubt;
}

/* Only where the source will not say the same place again by itself: behind a snapshot. */
void sim_edit(leat_stream *stream)
{
    sim *s = the_sim;
    leat_err e;
    char text[64];
    if (s->dead || s->failed) return;
    if (stream->ops->rollback(stream, &e) != LEAT_OK) return;
    leat_rc rc = stream->ops->commit(stream, &e);
    s->edits.unseen = true;
    if (rc != LEAT_OK || s->dead) return;
    const leat_stream_state *st = stream->ops->state(stream);
    if (st->npos != 1 || !snapshot_done(st) || inside(s)) return;
    int64_t lsn = sim_position_lsn(st->pos[0].offset);
    unsigned number = ++s->edits.tried;
    snprintf(text, sizeof text, "{\"lsn\":%lld,\"edit\":%u}", (long long)lsn, number);
    leat_position to = {sim_partition, leat_str_of(text)};
    if (stream->ops->edit(stream, &to, 1, (leat_str){0}, &e) != LEAT_OK || s->dead) return;
    s->edits.confirmed = number;
    s->edits.lsn = lsn;
}

void sim_check_edit(leat_str offset)
{
    sim *s = the_sim;
    unsigned number = sim_edit_of(offset);
    if (sim_position_lsn(offset) == s->edits.lsn && number < s->edits.confirmed)
        sim_fail("edit", "edit %u of %lld was confirmed, and %u is in force", s->edits.confirmed,
                 (long long)s->edits.lsn, number);
    if (number > s->edits.tried)
        sim_fail("edit", "edit %u is in force, %u were made", number, s->edits.tried);
}
