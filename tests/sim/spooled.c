/* Planted bugs of the spool (stream/kafka/spool.c): each leaves out one of the rules that it keeps
 * (docs/decisions/171-each-rule-of-the-spool-has-a-plant.md). Those of its disk are in faults.c,
 * that of its cursor ends in delivered.c. */
#include "sim.h"
#include "stream/embedded.h"
#include "stream/kafka/part.h"

leat_rc __wrap_leat_embedded_open(const leat_embedded_conf *conf, leat_stream **out, leat_err *e);
leat_rc __real_leat_embedded_open(const leat_embedded_conf *conf, leat_stream **out, leat_err *e);
uint64_t __wrap_leat_kafka_left_episode(const leat_position *pos, size_t n);
uint64_t __real_leat_kafka_left_episode(const leat_position *pos, size_t n);
bool __wrap_leat_reader_at_end(leat_reader *r);
bool __real_leat_reader_at_end(leat_reader *r);
leat_str __wrap_leat_reader_cursor(const leat_reader *r);
leat_str __real_leat_reader_cursor(const leat_reader *r);

leat_rc __wrap_leat_kafka_spool_enter(leat_kafka *k, leat_err *e);
leat_rc __real_leat_kafka_spool_enter(leat_kafka *k, leat_err *e);

static bool planted(sim_plant p)
{
    return the_sim->plant == p;
}

bool spooled_is_on(const char *path)
{
    return strstr(path, "/spool/") != NULL;
}

/* That the budget has no room for what is on its way is told to nobody else. */
leat_rc __wrap_leat_kafka_spool_enter(leat_kafka *k, leat_err *e)
{
    leat_err why = {0};
    leat_rc rc = __real_leat_kafka_spool_enter(k, &why);
    if (rc == LEAT_RETRY && strcmp(why.code, "spool.full") == 0) cover(MEET_BUDGET);
    if (leat_rc_failed(rc) && e) *e = why;
    return rc;
}

/* ---- what is on its way does not get there ---- */

static leat_stream_ops forgetful;
static bool moving; /* the window, until the first commit */

static leat_rc forget(leat_stream *s, const leat_batch *b, leat_str progress, leat_err *e)
{
    if (moving) return LEAT_OK;
    return leat_embedded_ops.append(s, b, progress, e);
}

static leat_rc moved(leat_stream *s, leat_err *e)
{
    moving = false;
    return leat_embedded_ops.commit(s, e);
}

leat_rc __wrap_leat_embedded_open(const leat_embedded_conf *conf, leat_stream **out, leat_err *e)
{
    leat_rc rc = __real_leat_embedded_open(conf, out, e);
    if (rc != LEAT_OK || !planted(PLANT_SPOOL_WINDOW) || !spooled_is_on(conf->data)) return rc;
    forgetful = leat_embedded_ops;
    forgetful.append = forget;
    forgetful.commit = moved;
    moving = the_sim->kafka_stream != NULL; /* at the open of the stream there is no window */
    (*out)->ops = &forgetful;
    return rc;
}

/* ---- one that was only begun counts ---- */

uint64_t __wrap_leat_kafka_left_episode(const leat_position *pos, size_t n)
{
    if (planted(PLANT_SPOOL_BEGUN)) return the_sim->shelf.row.d.episode;
    return __real_leat_kafka_left_episode(pos, n);
}

/* ---- its end, its cursor ---- */

bool __wrap_leat_reader_at_end(leat_reader *r)
{
    return __real_leat_reader_at_end(r) || planted(PLANT_SPOOL_LEFT);
}

leat_str __wrap_leat_reader_cursor(const leat_reader *r)
{
    leat_str at = __real_leat_reader_cursor(r);
    shelf *h = &the_sim->shelf;
    if (planted(PLANT_SPOOL_CURSOR) && at.len < sizeof h->read) {
        memcpy(h->read, at.s, at.len);
        h->read_len = at.len;
    }
    return at;
}
