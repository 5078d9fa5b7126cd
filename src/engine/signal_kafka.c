/* The channel kafka: records of a topic whose key is topic.prefix are signals.
 *
 * They are put into the engine's queue in their order. The place in the topic is committed behind
 * those that are durable or were refused, never before: after a crash the others are done again.
 * Records with another key are others' signals. By the control's worker. */
#include "engine/signals.h"

#include "base/log.h"
#include "stream/kafka/signals.h"

enum { WAIT_MOST = 256 };

/* A record that came. */
typedef struct brought {
    int64_t offset;
    uint64_t ticket; /* 0: there is nothing to wait for */
} brought;

struct leat_signal_kafka {
    const leat_kafka_signal_conf *conf;
    leat_arena arena;
    const char *prefix, *client;
    leat_kafka_signals *from; /* NULL: not opened yet */
    bool failed;              /* it cannot be */
    brought wait[WAIT_MOST];  /* a ring: those that are not committed, in their order */
    unsigned first, n;
};

leat_signal_kafka *leat_signal_kafka_new(const leat_source *source, const void *conf,
                                         const leat_kafka_signal_conf *kafka, const char *connector)
{
    if (!kafka) return NULL;
    leat_signal_kafka *k = leat_zalloc(1, sizeof *k);
    k->conf = kafka;
    k->prefix = source->capture(conf)->prefix;
    k->client = leat_arena_printf(&k->arena, "leat-%s-signals", connector);
    return k;
}

void leat_signal_kafka_free(leat_signal_kafka *k)
{
    if (!k) return;
    leat_kafka_signals_close(k->from);
    leat_arena_free(&k->arena);
    leat_free(k);
}

static void put(leat_signal_kafka *k, leat_engine *g, const leat_kafka_message *m)
{
    leat_err e;
    brought *b = &k->wait[(k->first + k->n++) % WAIT_MOST];
    *b = (brought){.offset = m->offset};
    if (!m->key.s || !leat_str_eq(m->key, leat_str_of(k->prefix))) {
        leat_log(LEAT_DEBUG, "signal.other", "topic=\"%s\" offset=%lld is not for %s", m->topic,
                 (long long)m->offset, k->prefix);
        return;
    }
    if (leat_str_trim(m->value).len == 0) return;
    if (leat_signals_put(g, m->value, &b->ticket, &e) == LEAT_OK) return;
    b->ticket = 0;
    leat_log(LEAT_WARN, e.code, "topic=\"%s\" offset=%lld %s", m->topic, (long long)m->offset,
             e.msg);
}

/* Lets go of those at the beginning that are done; refusals were logged by the task. */
static void commit(leat_signal_kafka *k, leat_engine *g)
{
    int64_t upto = -1;
    while (k->n > 0) {
        const brought *b = &k->wait[k->first];
        leat_rc rc = b->ticket ? leat_signals_look(g, b->ticket, NULL) : LEAT_OK;
        if (rc == LEAT_PENDING || rc == LEAT_RETRY) break; /* RETRY: the engine has ended */
        upto = b->offset;
        k->first = (k->first + 1) % WAIT_MOST;
        k->n--;
    }
    if (upto >= 0) leat_kafka_signals_done(k->from, upto);
}

void leat_signal_kafka_turn(leat_signal_kafka *k, leat_engine *g)
{
    leat_err e;
    leat_kafka_message m;
    if (!k || !g || k->failed) return;
    leat_rc rc = k->from ? LEAT_OK : leat_kafka_signals_open(k->conf, k->client, &k->from, &e);
    k->failed = rc != LEAT_OK;
    if (k->failed) leat_log_err(LEAT_ERROR, &e);
    if (k->failed) return;
    commit(k, g);
    while (k->n < WAIT_MOST && (rc = leat_kafka_signals_next(k->from, &m, &e)) != LEAT_AGAIN) {
        if (rc == LEAT_OK)
            put(k, g, &m);
        else
            leat_log_err(LEAT_WARN, &e);
    }
    commit(k, g);
}
