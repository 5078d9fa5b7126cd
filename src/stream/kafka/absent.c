/* Kafka in a build without librdkafka: each way to it says that it is not there. */
#include "stream/kafka/check.h"
#include "stream/kafka/client.h"
#include "stream/kafka/fetch.h"
#include "stream/kafka/member.h"
#include "stream/kafka/signals.h"

static leat_rc absent(leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "kafka.not_built", "kafka",
                     "Kafka is not in this build: librdkafka was missing or disabled when it was "
                     "configured ('leat plugins' says which); install librdkafka-dev, make clean, "
                     "make build");
}

const char *leat_kafka_version(void)
{
    return NULL;
}

leat_rc leat_kafka_client_open(const leat_kafka_client_conf *conf, leat_broker **out, leat_err *e)
{
    (void)conf;
    (void)out;
    return absent(e);
}

leat_rc leat_kafka_check(const leat_kafka_check_conf *conf, leat_err *e)
{
    (void)conf;
    return absent(e);
}

leat_rc leat_kafka_fetch_open(const leat_kafka_fetch_conf *conf, leat_kafka_fetch **out,
                              leat_err *e)
{
    (void)conf;
    (void)out;
    return absent(e);
}

void leat_kafka_fetch_close(leat_kafka_fetch *f)
{
    (void)f;
}

leat_rc leat_kafka_fetch_topic(leat_kafka_fetch *f, const char *topic, int32_t partition,
                               leat_kafka_from from, int64_t at, int ms, leat_err *e)
{
    (void)f;
    (void)topic;
    (void)partition;
    (void)from;
    (void)at;
    (void)ms;
    return absent(e);
}

leat_rc leat_kafka_fetch_next(leat_kafka_fetch *f, leat_kafka_message *out, int ms, leat_err *e)
{
    (void)f;
    (void)out;
    (void)ms;
    return absent(e);
}

void leat_kafka_fetch_leave(leat_kafka_fetch *f)
{
    (void)f;
}

void leat_kafka_fetch_skip(leat_kafka_fetch *f)
{
    (void)f;
}

int64_t *leat_kafka_fetch_ends(const leat_kafka_fetch *f, leat_arena *a, size_t *n)
{
    (void)f;
    (void)a;
    *n = 0;
    return NULL;
}

bool leat_kafka_fetch_at_end(const leat_kafka_fetch *f)
{
    (void)f;
    return true;
}

const char *leat_kafka_fetch_trouble(const leat_kafka_fetch *f)
{
    (void)f;
    return NULL;
}

leat_rc leat_kafka_fetch_topics(leat_kafka_fetch *f, leat_arena *a, leat_kafka_topic_info **out,
                                int ms, leat_err *e)
{
    (void)f;
    (void)a;
    (void)out;
    (void)ms;
    return absent(e);
}

leat_rc leat_kafka_fetch_names(leat_kafka_fetch *f, leat_arena *a, const char ***out, size_t *n,
                               int ms, leat_err *e)
{
    (void)f;
    (void)a;
    (void)out;
    (void)n;
    (void)ms;
    return absent(e);
}

leat_rc leat_kafka_signals_open(const leat_kafka_signal_conf *conf, const char *name,
                                leat_kafka_signals **out, leat_err *e)
{
    (void)conf;
    (void)name;
    (void)out;
    return absent(e);
}

leat_rc leat_kafka_signals_next(leat_kafka_signals *s, leat_kafka_message *out, leat_err *e)
{
    (void)s;
    (void)out;
    return absent(e);
}

void leat_kafka_signals_done(leat_kafka_signals *s, int64_t offset)
{
    (void)s;
    (void)offset;
}

void leat_kafka_signals_close(leat_kafka_signals *s)
{
    (void)s;
}

leat_rc leat_kafka_signals_look(const leat_kafka_signal_conf *conf, const char *name, int ms,
                                leat_kafka_signals_found *out, leat_err *e)
{
    (void)conf;
    (void)name;
    (void)ms;
    (void)out;
    return absent(e);
}

leat_rc leat_kafka_member_open(const leat_kafka_member_conf *conf, leat_kafka_member **out,
                               leat_err *e)
{
    (void)conf;
    (void)out;
    return absent(e);
}

void leat_kafka_member_close(leat_kafka_member *m)
{
    (void)m;
}

leat_rc leat_kafka_member_poll(leat_kafka_member *m, leat_kafka_message *out, int ms, leat_err *e)
{
    (void)m;
    (void)out;
    (void)ms;
    return absent(e);
}

void *leat_kafka_member_keep(leat_kafka_member *m)
{
    (void)m;
    return NULL;
}

void leat_kafka_member_let_go(void *kept)
{
    (void)kept;
}

bool leat_kafka_member_settled(const leat_kafka_member *m)
{
    (void)m;
    return false;
}

leat_rc leat_kafka_member_join(leat_kafka_member *m, const char *const *topics, leat_err *e)
{
    (void)m;
    (void)topics;
    return absent(e);
}

leat_rc leat_kafka_member_names(leat_kafka_member *m, leat_arena *a, const char ***out, size_t *n,
                                leat_err *e)
{
    (void)m;
    (void)a;
    (void)out;
    (void)n;
    return absent(e);
}

leat_rc leat_kafka_member_seek(leat_kafka_member *m, const char *topic, int32_t partition,
                               int64_t from, leat_err *e)
{
    (void)m;
    (void)topic;
    (void)partition;
    (void)from;
    return absent(e);
}

void leat_kafka_member_done(leat_kafka_member *m, const char *topic, int32_t partition,
                            int64_t next)
{
    (void)m;
    (void)topic;
    (void)partition;
    (void)next;
}

void leat_kafka_member_commit(leat_kafka_member *m)
{
    (void)m;
}
