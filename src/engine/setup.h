/* From a connector's configuration to what runs it: find the connector, parse, validate. */
#ifndef LEAT_ENGINE_SETUP_H
#define LEAT_ENGINE_SETUP_H

#include "config/connector.h"
#include "config/load.h"
#include "config/worker.h"
#include "engine/exchange.h"
#include "engine/wanted.h"
#include "sink/sink.h"
#include "source/source.h"
#include "state/state.h"
#include "stream/kafka/offsets.h"
#include "stream/kafka/options.h"
#include "stream/options.h"
#include "transform/transform.h"

typedef struct leat_setup {
    const leat_source *source; /* one of the two is set */
    const leat_sink *sink;
    leat_connector_conf common;  /* options that every connector has */
    leat_wanted wanted;          /* of a sink: its topics */
    leat_stream_conf stream;     /* of a source */
    bool kafka;                  /* it streams into Kafka, or reads it: it has a worker */
    leat_worker_conf worker;     /* ... whose options these are */
    leat_kafka_clients clients;  /* ... and how its clients talk to Kafka */
    leat_kafka_sink_conf intake; /* ... of a sink: with what it reads its topics */
    bool once;                   /* ... exactly once */
    leat_kafka_offsets_conf
        offsets;                  /* where Kafka Connect's offsets are written; topic NULL: not */
    const char *transactional_id; /* with exactly once: by which others are fenced */
    leat_kafka_signal_conf *signals; /* a topic through which signals come; NULL: there is none */
    const leat_exchange_conf *exchange; /* of the schema history, with Debezium's; NULL: none */
    const leat_transforms *transforms;  /* NULL: there are none */
    void *conf;                         /* the connector's own, parsed; in the arena */
} leat_setup;

/* Everything lives in a. ${providers} are resolved in a copy; config stays as written. Problems are
 * added to r; false when there was an error (then *out is not to be used). */
bool leat_setup_parse(const leat_config *config, bool strict, leat_arena *a, leat_setup *out,
                      leat_report *r);

/* The same of the connector's stored configuration; *config: that, as stored. CONF
 * "connector.unknown" if it has none: it has never been started. */
leat_rc leat_setup_stored(leat_state *state, const char *name, leat_arena *a, leat_config **config,
                          leat_setup *out, leat_err *e);

/* What it is and where its stream lies, for who only looks: options with secrets, references and
 * connections are left out, and what is wrong without them does not count. False: not even its
 * class is known. */
bool leat_setup_bare(const leat_config *config, leat_arena *a, leat_setup *out);

/* Of limits.memory: bytes that may be on their way to Kafka, as events and as records. */
size_t leat_setup_window(const leat_setup *setup);
/* All that the stream holds beside frames of events, at most; 0: it is not Kafka. */
size_t leat_setup_beside(const leat_setup *setup);

/* Only the options that every connector has, without resolving ${providers}: for commands that look
 * at a connector's configuration. */
bool leat_setup_common(const leat_config *config, leat_arena *a, leat_connector_conf *out,
                       leat_report *r);

#endif
