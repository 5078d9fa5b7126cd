/* The options that every connector has, whatever its system: Kafka Connect's, and the engine's. */
#ifndef LEAT_CONFIG_CONNECTOR_H
#define LEAT_CONFIG_CONNECTOR_H

#include "config/opt.h"

#define LEAT_JSON_CONVERTER "org.apache.kafka.connect.json.JsonConverter"

typedef struct leat_connector_conf {
    const char *name;
    const char *klass;      /* connector.class */
    const char *connection; /* that its options come from, too; NULL: none */
    int64_t tasks_max;
    leat_opt_list topics;     /* of a sink */
    const char *topics_regex; /* or this */
    bool stream_merge;        /* of a source: old segments of small frames are merged */
    int64_t retry_limit;      /* errors.max.retries; -1: for ever */
    int64_t retry_min_ms, retry_max_ms;
    int64_t memory, max_event_bytes;    /* limits.memory; max.event.bytes */
    int64_t process_memory;             /* limits.process.memory; 0: what follows from memory */
    int64_t stalled_ms;                 /* stalled.after.ms; 0: never */
    int64_t rate_events, rate_bytes;    /* limits.rate.*, a second; 0: none */
    int64_t cpu_percent;                /* limits.cpu, of one core; 0: none */
    bool key_schemas, value_schemas;    /* *.converter.schemas.enable */
    int64_t key_decimal, value_decimal; /* *.converter.decimal.format: 0 BASE64, 1 NUMERIC */
    bool key_defaults, value_defaults;  /* *.converter.replace.null.with.default */
    const char *converters[3];          /* classes: of keys, values, headers */
    bool header_schemas;                /* header.converter.schemas.enable */
    int64_t tolerance;                  /* errors.tolerance: 0 none, 1 all */
    const char *errant_topic;           /* errors.deadletterqueue.topic.name; empty: none */
    int64_t errant_replication;         /* errors.deadletterqueue.topic.replication.factor */
    bool errant_context;                /* errors.deadletterqueue.context.headers.enable */
    int64_t parked_keys;                /* errors.parked.keys; 0: nothing waits */
    int64_t breaker_percent, breaker_window;            /* errors.breaker.*; percent 0: none */
    leat_opt_list transforms, predicates;               /* names ... */
    leat_opt_many transform_options, predicate_options; /* ... and what belongs to them */
    int64_t once;              /* exactly.once.support: 0 requested, 1 required */
    int64_t boundary;          /* transaction.boundary: 0 poll, 1 interval, 2 connector */
    int64_t boundary_ms;       /* transaction.boundary.interval.ms */
    const char *offsets_topic; /* offsets.storage.topic; NULL: the worker's */
    const char *offsets_class; /* offset.storage: where Debezium Server kept offsets */
    const char *offsets_file;  /* offset.storage.file.filename, to go on from; NULL: none */
} leat_connector_conf;

/* Ends with a row whose name is NULL; offsets into leat_connector_conf. */
extern const leat_opt leat_connector_options[];

/* Whether this can name a connector: a folder, a file and a word of a command line. CONF
 * "config.name" says what is wrong with it; the name stands in the message quoted and cut. */
leat_rc leat_connector_name_check(const char *name, leat_err *e);

#endif
