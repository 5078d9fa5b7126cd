/* Reading topics of Kafka as a member of a consumer group, whose members share the partitions.
 *
 * The place of each partition is the reader's: told when the group gives it the partition,
 * committed to the group when what lies before it is done with. Nothing is committed by itself.
 * Calls and callbacks are one thread's; librdkafka has threads of its own. */
#ifndef LEAT_STREAM_KAFKA_MEMBER_H
#define LEAT_STREAM_KAFKA_MEMBER_H

#include "stream/kafka/fetch.h"

typedef struct leat_kafka_member leat_kafka_member;

/* Where a partition is begun. */
enum {
    LEAT_KAFKA_AT_RESET = -1, /* as auto.offset.reset says */
    LEAT_KAFKA_AT_FIRST = -2, /* at what is held first */
    LEAT_KAFKA_AT_NEXT = -3,  /* behind all that is held */
};

/* All are called inside poll. */
typedef struct leat_kafka_member_events {
    /* The partition is the reader's from now on. *from: where the group stands, AT_RESET if that is
     * nowhere; and then where to begin. */
    leat_rc (*given)(void *arg, const char *topic, int32_t partition, int64_t *from, leat_err *e);
    /* It is not any more; what is said to be done with inside is still committed,
     * unless others have it already. */
    void (*taken)(void *arg, const char *topic, int32_t partition);
    /* All that there is now was returned; next: the offset behind it. */
    void (*ended)(void *arg, const char *topic, int32_t partition, int64_t next);
    /* What is wanted next is not there: the topic holds [first, next). Where to go on. */
    leat_rc (*missing)(void *arg, const char *topic, int32_t partition, int64_t first, int64_t next,
                       int64_t *from, leat_err *e);
} leat_kafka_member_events;

typedef struct leat_kafka_member_conf {
    const leat_kafka_sink_conf *kafka;      /* borrowed for the open */
    const char *name;                       /* of the client, for the brokers' logs */
    const leat_kafka_member_events *events; /* borrowed */
    void *arg;
} leat_kafka_member_conf;

/* No I/O. CONF as leat_kafka_conf_make; "kafka.not_built" in a build without librdkafka. */
leat_rc leat_kafka_member_open(const leat_kafka_member_conf *conf, leat_kafka_member **out,
                               leat_err *e);
/* Leaves the group, once what was committed is known there. */
void leat_kafka_member_close(leat_kafka_member *m);

/* The next record, valid until the next call; AGAIN: none within ms. Brokers that are away are
 * waited for. Errors of the callbacks; CONF "kafka.denied"; RETRY what the client cannot mend. */
leat_rc leat_kafka_member_poll(leat_kafka_member *m, leat_kafka_message *out, int ms, leat_err *e);
/* The record that poll returned last stays valid, but for its list of headers, until what this
 * returns is let go of, by any thread, before the member is closed. */
void *leat_kafka_member_keep(leat_kafka_member *m);
void leat_kafka_member_let_go(void *kept);
/* Joins the group, anew if it has joined before, to read the NULL-ended topics; those that are not
 * there yet are waited for. Given partitions are taken back before, in a call of poll. */
leat_rc leat_kafka_member_join(leat_kafka_member *m, const char *const *topics, leat_err *e);
/* Partitions were given, even if none, since then. */
bool leat_kafka_member_settled(const leat_kafka_member *m);
/* Names of all topics but Kafka's own, in a; asks the brokers, for some seconds at most. */
leat_rc leat_kafka_member_names(leat_kafka_member *m, leat_arena *a, const char ***out, size_t *n,
                                leat_err *e);
/* Reads the partition on from there. */
leat_rc leat_kafka_member_seek(leat_kafka_member *m, const char *topic, int32_t partition,
                               int64_t from, leat_err *e);
/* All before next is done with; commit tells the group of all that is, and does not wait. */
void leat_kafka_member_done(leat_kafka_member *m, const char *topic, int32_t partition,
                            int64_t next);
void leat_kafka_member_commit(leat_kafka_member *m);

#endif
