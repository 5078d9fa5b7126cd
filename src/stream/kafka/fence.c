/* Exactly once: how a producer begins (part.h).
 *
 * It takes the transactional id, which fences who had it and ends what that left open; then the
 * offset topic is read to its end, and its mark says whether what was prepared is committed. A mark
 * that is not ours is another one's, who went on with this connector: at the start of a process the
 * topic counts then, later it is the end of this one. A producer that begins anew looks for such a
 * mark before it fences anybody. Run by the stream's thread. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "stream/kafka/part.h"

enum { INIT_MS = 20, PROGRESS_MOST = 256 << 10 };

/* ---- the mark in the offset topic ---- */

void leat_kafka_write_mark(leat_kafka *k, const leat_books *x)
{
    leat_buf *out = &k->once.mark_text;
    leat_jw w = {.out = out};
    leat_buf_clear(out);
    leat_jw_object(&w, NULL);
    leat_jw_i64(&w, "serial", (int64_t)x->mark);
    leat_jw_i64(&w, "ts_us", x->mark_us);
    if (x->open_seq > 0) {
        leat_jw_i64(&w, "tx", (int64_t)x->open_tx);
        leat_jw_i64(&w, "seq", x->open_seq);
    }
    if (x->done.has_progress && x->done.progress.len <= PROGRESS_MOST)
        leat_jw_raw(&w, "progress", leat_buf_str(&x->done.progress));
    else if (x->done.has_progress)
        leat_jw_bool(&w, "progress", false);
    if (k->once.next_held) {
        leat_jw_array(&w, "positions");
        for (size_t i = 0; i < x->done.npos; i++) {
            if (x->done.pos[i].offset.len == 0) continue;
            leat_jw_str(&w, NULL, x->done.pos[i].partition);
            leat_jw_str(&w, NULL, x->done.pos[i].offset);
        }
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
}

/* What the offset topic has: the mark, and positions of the connector. */
static leat_rc read_mark(leat_kafka *k, const leat_position *pos, size_t n, leat_mark *out,
                         leat_err *e)
{
    const leat_json *j = NULL;
    const leat_position *mine = leat_position_find(pos, n, leat_str_of(LEAT_KAFKA_MARK_PARTITION));
    *out = (leat_mark){0};
    if (!mine) return LEAT_OK;
    if (leat_json_parse(&k->once.found, mine->offset, &j, NULL) != LEAT_OK ||
        leat_json_get_i64(j, "serial", 0) <= 0)
        return leat_fail(e, LEAT_CONF, "kafka.offset", k->connector,
                         "what leat wrote of itself into the offset topic cannot be read "
                         "(" LEAT_STR_FMT "): write a null for its key [\"%s\",%s], then the "
                         "positions of state.db count",
                         LEAT_STR_ARG(mine->offset), k->connector, LEAT_KAFKA_MARK_PARTITION);
    out->serial = (uint64_t)leat_json_get_i64(j, "serial", 0);
    out->us = leat_json_get_i64(j, "ts_us", 0);
    out->tx = (uint64_t)leat_json_get_i64(j, "tx", 0);
    out->seq = (uint32_t)leat_json_get_i64(j, "seq", 0);
    out->progress = leat_json_get(j, "progress");
    out->positions = leat_json_get(j, "positions");
    return LEAT_OK;
}

static bool is_mark(const leat_mark *m, const leat_books *x)
{
    return m->serial == x->mark && (m->serial == 0 || m->us == x->mark_us);
}

/* The text, written anew: the same offset is the same text. */
static leat_str plain(leat_arena *a, leat_str text)
{
    const leat_json *j = NULL;
    leat_buf out = {0};
    if (leat_json_parse(a, text, &j, NULL) != LEAT_OK) return text;
    leat_json_write(j, &out);
    leat_str same = leat_arena_str(a, leat_buf_str(&out));
    leat_buf_free(&out);
    return same;
}

/* The positions that were committed with the mark are those that the topic has. */
static bool same_positions(leat_kafka *k, const leat_books *x, const leat_position *pos, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (leat_str_is(pos[i].partition, LEAT_KAFKA_MARK_PARTITION)) continue;
        const leat_position *ours = leat_position_find(x->done.pos, x->done.npos, pos[i].partition);
        if (!ours || !leat_str_eq(plain(&k->once.found, ours->offset), pos[i].offset)) return false;
    }
    return true;
}

/* Somebody else has written since we did. */
static bool foreign(leat_kafka *k, const leat_mark *m, const leat_position *pos, size_t n)
{
    const leat_once *o = &k->once;
    const leat_books *x = o->doubt && is_mark(m, &o->next) ? &o->next : &k->books;
    if (m->serial == 0) return false; /* nothing of leat's, or the topic was made anew */
    if (!is_mark(m, x)) return true;
    return !x->ahead && !same_positions(k, x, pos, n);
}

/* ---- who wrote last ---- */

/* Positions that another one wrote take the place of ours: state.db is older than Kafka. */
static leat_rc take_theirs(leat_kafka *k, const leat_mark *m, const leat_position *pos, size_t n,
                           leat_err *e)
{
    leat_books *x = &k->books;
    leat_buf progress = {0};
    bool any = false;
    if (m->progress && m->progress->type == LEAT_JSON_FALSE)
        return leat_fail(e, LEAT_CONF, "kafka.state_lost", k->connector,
                         "the offset topic is ahead of this data folder, and the progress of the "
                         "snapshot stands only in the folder that wrote it: bring that back, or "
                         "set the offset by hand ('leat offsets %s set')",
                         k->connector);
    if (k->spool != NULL)
        return leat_fail(e, LEAT_CONF, "kafka.state_lost", k->spool_data,
                         "the offset topic is ahead of this data folder, which holds a spool that "
                         "was not sent: another leat or Kafka Connect has gone on with this "
                         "connector. Remove the spool's folder, if what it holds is there");
    for (size_t i = 0; i < x->done.npos; i++)
        leat_reach_move(&x->done, (leat_position){x->done.pos[i].partition, {0}});
    for (size_t i = 0; i < n; i++) {
        if (leat_str_is(pos[i].partition, LEAT_KAFKA_MARK_PARTITION)) continue;
        leat_reach_move(&x->done, pos[i]);
        any = true;
    }
    for (const leat_json *at = m->positions ? m->positions->child : NULL; at && at->next && !any;
         at = at->next->next)
        leat_reach_move(&x->done, (leat_position){at->text, at->next->text});
    leat_reach_settled(&x->done);
    if (m->progress) {
        leat_json_write(m->progress, &progress);
        leat_reach_progress(&x->done, leat_buf_str(&progress));
        leat_buf_free(&progress);
    }
    if (m->serial > 0) {
        leat_kafka_forget_open(x);
        x->open_tx = m->tx;
        x->open_seq = m->seq;
        x->mark = m->serial;
        x->mark_us = m->us;
    }
    if (m->serial > k->serial) k->serial = m->serial;
    x->ahead = false;
    leat_log(LEAT_WARN, "kafka.offsets_taken",
             "the offset topic is ahead of this data folder: it goes on where the topic says");
    return LEAT_OK;
}

static leat_rc fenced(const leat_kafka *k, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "kafka.fenced", k->connector,
                     "another one has written offsets of this connector meanwhile: it runs "
                     "elsewhere too, stop one of the two");
}

/* Who wrote last is known: what follows from that. */
static leat_rc resolve(leat_kafka *k, const leat_position *pos, size_t n, leat_err *e)
{
    leat_once *o = &k->once;
    leat_mark m;
    LEAT_TRY(read_mark(k, pos, n, &m, e));
    bool next = o->doubt && is_mark(&m, &o->next), other = foreign(k, &m, pos, n);
    if (other && o->known) return fenced(k, e);
    if (next)
        leat_kafka_once_committed(k);
    else
        leat_kafka_once_not_committed(k);
    if (other) LEAT_TRY(take_theirs(k, &m, pos, n, e));
    o->nfoundpos = n;
    o->foundpos = pos;
    if (!o->known || next) {
        leat_kafka_drop_arm(k);
        k->rearm = true;
        if (!k->spool) leat_kafka_show(k);
    }
    if (!o->known)
        leat_log(LEAT_INFO, "kafka.once", "mark=%" PRIu64 " exactly once", k->books.mark);
    o->known = o->announce = true;
    k->moved_us = leat_mono_us();
    leat_kafka_once_enter(o, LEAT_ONCE_IDLE);
    return LEAT_OK;
}

/* The offset topic, to its end. */
static leat_rc read_topic(leat_kafka *k, leat_position **pos, size_t *n, leat_err *e)
{
    leat_err why = {0};
    leat_once *o = &k->once;
    leat_arena_reset(&o->found, 0);
    leat_rc rc = k->broker->ops->tx_offsets(k->broker, &o->found, pos, n, INIT_MS, &why);
    if (rc == LEAT_RETRY) {
        k->last = why;
        leat_kafka_once_pause(o);
        return LEAT_AGAIN;
    }
    if (leat_rc_failed(rc) && e != NULL) *e = why;
    return rc;
}

leat_rc leat_kafka_begin_producer(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_position *pos = NULL;
    size_t n = 0;
    leat_mark m;
    leat_err why = {0};
    leat_rc rc;
    if (o->state != LEAT_ONCE_FENCE && k->broker->ops->down(k->broker, NULL)) return LEAT_AGAIN;
    switch (o->state) {
    case LEAT_ONCE_LOOK: /* before it fences anybody */
        rc = read_topic(k, &pos, &n, e);
        if (rc != LEAT_OK) return rc;
        LEAT_TRY(read_mark(k, pos, n, &m, e));
        if (foreign(k, &m, pos, n)) return fenced(k, e);
        leat_kafka_once_enter(o, LEAT_ONCE_FENCE);
        return LEAT_AGAIN;
    case LEAT_ONCE_FENCE:
        rc = k->broker->ops->tx_init(k->broker, INIT_MS, &why);
        if (rc == LEAT_OK) leat_kafka_once_enter(o, LEAT_ONCE_READ);
        if (rc == LEAT_RETRY) {
            k->last = why;
            leat_kafka_once_pause(o);
            return LEAT_AGAIN;
        }
        if (leat_rc_failed(rc) && e != NULL) *e = why;
        return rc == LEAT_OK ? LEAT_AGAIN : rc;
    default: rc = read_topic(k, &pos, &n, e); return rc == LEAT_OK ? resolve(k, pos, n, e) : rc;
    }
}

/* Another life of the producer; what was prepared and not answered stays in doubt. */
leat_rc leat_kafka_begin_anew(leat_kafka *k, leat_err *e)
{
    leat_once *o = &k->once;
    leat_err why = {0};
    leat_log(LEAT_WARN, k->last.code[0] ? k->last.code : "kafka.fatal",
             "another producer; %zu batches wait for it. %s", k->nparcels, k->last.msg);
    leat_rc rc = k->broker->ops->reset(k->broker, &why);
    if (rc != LEAT_OK) {
        k->last = why;
        leat_kafka_once_pause(o);
        if (rc == LEAT_RETRY) return LEAT_AGAIN;
        if (e != NULL) *e = why;
        return rc;
    }
    k->resets++;
    leat_kafka_once_pause(o);
    leat_kafka_once_slower(k);
    if (!o->doubt) leat_kafka_once_not_committed(k);
    k->nrefused = 0;
    o->records = 0;
    o->reset = false;
    leat_kafka_once_enter(o, o->known ? LEAT_ONCE_LOOK : LEAT_ONCE_FENCE);
    return LEAT_AGAIN;
}

/* ---- the first start ---- */

leat_rc leat_kafka_found(leat_stream *s, const leat_position **pos, size_t *n, int64_t wait_us,
                         leat_err *e)
{
    leat_kafka *k = (leat_kafka *)(void *)s;
    leat_once *o = &k->once;
    int64_t until = leat_mono_us() + wait_us;
    *n = 0;
    if (!leat_kafka_once(k)) return LEAT_OK;
    while (!o->known) {
        leat_err why = {0};
        k->broker->ops->poll(k->broker, INIT_MS);
        leat_rc rc = leat_kafka_once_step(k, e);
        if (leat_rc_failed(rc)) return rc;
        if (o->known || leat_mono_us() < until) continue;
        k->broker->ops->down(k->broker, &why);
        leat_fail(e, LEAT_RETRY, "kafka.down", k->connector,
                  "the offset topic could not be read, so it is not known where to begin. %s",
                  why.msg[0] ? why.msg : k->last.msg);
        return LEAT_AGAIN;
    }
    if (k->books.mark != 0) return LEAT_OK;
    *pos = o->foundpos;
    *n = o->nfoundpos;
    return LEAT_OK;
}
