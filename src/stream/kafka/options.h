/* How leat talks to Kafka: the options of its clients, and how topics are made.
 *
 * By the names that Java's clients and Kafka Connect have for them. A worker's file sets
 * `bootstrap.servers` and what all clients share (security.*, sasl.*, ssl.*), and what one kind of
 * client has under `producer.`, `consumer.` and `admin.`; a connector overrides that under
 * `producer.override.` and the like, and says under `topic.creation.` how its topics are made. Each
 * name is mapped to librdkafka's (kafka_conf.h), accepted without effect, or refused. Pure. */
#ifndef LEAT_STREAM_KAFKA_OPTIONS_H
#define LEAT_STREAM_KAFKA_OPTIONS_H

#include "config/opt.h"
#include "config/regex.h"

typedef enum leat_kafka_protocol {
    LEAT_KAFKA_PLAINTEXT,
    LEAT_KAFKA_SSL,
    LEAT_KAFKA_SASL_PLAINTEXT,
    LEAT_KAFKA_SASL_SSL,
} leat_kafka_protocol;

typedef enum leat_kafka_role {
    LEAT_KAFKA_PRODUCER,
    LEAT_KAFKA_CONSUMER,
    LEAT_KAFKA_ADMIN
} leat_kafka_role;

/* One kind of client, as parsed; absent texts are NULL. Names are those of the options. */
typedef struct leat_kafka_client {
    leat_opt_list bootstrap;
    const char *client_id, *client_rack;
    int64_t protocol; /* leat_kafka_protocol */
    const char *mechanism, *jaas, *callback, *token_url, *oauth_id, *oauth_secret, *oauth_scope;
    const char *kerberos_service, *kinit;
    int64_t relogin_ms;
    const char *truststore_type, *truststore, *truststore_password, *truststore_pem;
    const char *keystore_type, *keystore, *keystore_password;
    const char *key_password, *key_pem, *chain_pem;
    const char *identification; /* "https" or empty: the certificate's name does not matter */
    int64_t request_ms, metadata_age_ms, reconnect_ms, reconnect_max_ms, retry_ms, idle_ms,
        setup_ms;
    int64_t send_buffer, receive_buffer; /* -1: the system's */
    /* The producer's. */
    int64_t compression; /* none, gzip, snappy, lz4, zstd */
    int64_t gzip_level, lz4_level, zstd_level;
    int64_t linger_ms, batch_bytes, buffer_bytes, request_bytes, in_flight, transaction_ms;
} leat_kafka_client;

/* Topics whose names fit are made alike. */
typedef struct leat_kafka_group {
    const char *alias; /* "default" for those that fit no other */
    const leat_regex *const *include, *const *exclude;
    size_t ninclude, nexclude;
    int64_t replication, partitions; /* -1: as the broker's defaults say */
    leat_props configs;              /* of the topic: cleanup.policy and the like */
} leat_kafka_group;

typedef struct leat_kafka_clients {
    leat_kafka_client client[3]; /* by role */
    /* Whether topics are made before their first record; else the broker's
     * auto.create.topics.enable decides. In the order in which names are tried, default last. */
    bool creation;
    leat_kafka_group *groups;
    size_t ngroups;
} leat_kafka_clients;

/* auto.offset.reset */
typedef enum leat_kafka_reset {
    LEAT_KAFKA_RESET_EARLIEST,
    LEAT_KAFKA_RESET_LATEST
} leat_kafka_reset;

/* What a sink reads its topics with. */
typedef struct leat_kafka_sink_conf {
    leat_kafka_client client;
    const char *group;    /* group.id; NULL: connect-NAME */
    const char *instance; /* group.instance.id; NULL: none */
    int64_t reset;        /* leat_kafka_reset: where to begin where the group has no place */
    bool resets;          /* it was said: also where what is wanted is not there any more */
    int64_t isolation;    /* 0: read_uncommitted, 1: read_committed */
    int64_t session_ms, heartbeat_ms, poll_ms;
} leat_kafka_sink_conf;

/* The topic through which signals come (stream/kafka/signals.h). */
typedef struct leat_kafka_signal_conf {
    leat_kafka_client client;
    const char *topic;
    const char *group; /* under whose name its place is kept */
    int64_t reset;     /* leat_kafka_reset: where to begin without such a place */
} leat_kafka_signal_conf;

/* Tables of the three roles, NULL-ended; offsets into leat_kafka_client. The first table of each is
 * what all clients have. */
extern const leat_opt *const *const leat_kafka_client_options[3];
/* That of a consumer of signals: the first one is its own, and what it has goes before the others'.
 * Offsets into leat_kafka_signal_conf. */
extern const leat_opt *const leat_kafka_signal_options[];
/* The same of a sink's consumer; offsets into leat_kafka_sink_conf. */
extern const leat_opt *const leat_kafka_sink_options[];
/* What a connector says: topic.creation.*, producer.override.*, consumer.override.*,
 * admin.override.*; for docs and for telling known names. Ends with a row whose name is NULL; no
 * offsets. */
extern const leat_opt leat_kafka_connector_options[];

/* worker: a worker's file, of which it takes what is of clients and `topic.creation.enable`, and
 * leaves the rest; connector: a connector's configuration; either may be NULL. Everything in a.
 * Each problem is reported under its name as written; false if there was an error. With neither
 * `bootstrap.servers` nor an override of it, the list is empty and no error. */
bool leat_kafka_options_read(const leat_props *worker, const leat_props *connector, bool strict,
                             leat_arena *a, leat_kafka_clients *out, leat_report *r);

/* Fills the client, and group and reset where they are said, of a topic of signals: from
 * signal.consumer.* of the connector, laid over what the worker and the connector say to all of
 * their consumers; a worker of NULL has nothing to say. As leat_kafka_options_read. */
bool leat_kafka_options_signals(const leat_props *worker, const leat_props *connector, bool strict,
                                leat_arena *a, leat_kafka_signal_conf *out, leat_report *r);

/* Fills what a sink reads with, from consumer.* of the worker and consumer.override.* of the
 * connector. As leat_kafka_options_read. */
bool leat_kafka_options_sink(const leat_props *worker, const leat_props *connector, bool strict,
                             leat_arena *a, leat_kafka_sink_conf *out, leat_report *r);

/* The group of a topic; NULL: topics are not made here. CONF "regex.limit". */
leat_rc leat_kafka_group_of(const leat_kafka_clients *c, leat_str topic,
                            const leat_kafka_group **out, leat_err *e);

#endif
