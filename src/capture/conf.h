/* The options that all connectors have that capture tables: Debezium's names and defaults.
 *
 * A connector's conf struct begins with a leat_capture_conf, and its set of tables holds
 * leat_capture_options and leat_capture_signal_options (and leat_capture_schema_options where the
 * system has schemas, leat_capture_time_options unless its time.precision.mode has another
 * default). What differs from system to system (snapshot.mode and
 * its kin) stands in the connector's own table. The values here are texts and numbers; filter.h,
 * keys.h, columns.h and naming.h make something of them. */
#ifndef LEAT_CAPTURE_CONF_H
#define LEAT_CAPTURE_CONF_H

#include "config/opt.h"
#include "event/event.h"

/* topic.naming.strategy: which parts of a table's name follow the prefix. */
typedef enum leat_naming_strategy {
    LEAT_NAMING_SCHEMA,   /* io.debezium.schema.SchemaTopicNamingStrategy: schema and table */
    LEAT_NAMING_DATABASE, /* io.debezium.schema.DefaultTopicNamingStrategy: catalog and table */
    LEAT_NAMING_SCHEMA_UNICODE, /* the same two, but characters that no topic's name may hold become
                                   _u and their number, the underscore too */
    LEAT_NAMING_DATABASE_UNICODE,
    LEAT_NAMING_SCHEMA_REGEX, /* the same two, then made over by topic.regex */
    LEAT_NAMING_DATABASE_REGEX,
} leat_naming_strategy;

/* schema.name.adjustment.mode, field.name.adjustment.mode */
typedef enum leat_adjust {
    LEAT_ADJUST_NONE,
    LEAT_ADJUST_AVRO,
    LEAT_ADJUST_AVRO_UNICODE
} leat_adjust;

/* snapshot.streaming */
typedef enum leat_snapshot_streaming {
    LEAT_SNAPSHOT_BESIDE, /* changes are read while rows are */
    LEAT_SNAPSHOT_AFTER,  /* all rows first */
} leat_snapshot_streaming;

/* decimal.handling.mode */
typedef enum leat_decimal_mode {
    LEAT_DECIMAL_PRECISE,
    LEAT_DECIMAL_DOUBLE,
    LEAT_DECIMAL_STRING,
} leat_decimal_mode;

/* time.precision.mode */
typedef enum leat_time_mode {
    LEAT_TIME_ADAPTIVE,
    LEAT_TIME_ADAPTIVE_TIME_MICROSECONDS,
    LEAT_TIME_CONNECT,
    LEAT_TIME_ISOSTRING,
    LEAT_TIME_MICROSECONDS,
    LEAT_TIME_NANOSECONDS,
} leat_time_mode;

/* binary.handling.mode */
typedef enum leat_binary_mode {
    LEAT_BINARY_BYTES,
    LEAT_BINARY_BASE64,
    LEAT_BINARY_BASE64_URL_SAFE,
    LEAT_BINARY_HEX,
} leat_binary_mode;

/* schema.history.exchange */
typedef enum leat_exchange_way {
    LEAT_EXCHANGE_OFF,
    LEAT_EXCHANGE_ADOPT,
    LEAT_EXCHANGE_MIRROR
} leat_exchange_way;

/* incremental.snapshot.watermarking.strategy */
typedef enum leat_watermarks { LEAT_WATERMARKS_INSERT, LEAT_WATERMARKS_DELETE } leat_watermarks;

typedef struct leat_capture_conf {
    const char *prefix;                          /* topic.prefix */
    const char *delimiter;                       /* topic.delimiter */
    int64_t naming;                              /* leat_naming_strategy */
    const char *topic_regex, *topic_replacement; /* topic.regex, topic.replacement; NULL: none */
    bool key_unique;                             /* topic.key.enforce.uniqueness */
    const char *key_field;                       /* topic.key.field.name */
    const char *key_regex, *key_replacement;     /* topic.key.field.regex, .replacement; or NULL */
    const char *transaction_topic;               /* topic.transaction: what follows the prefix */
    const char *heartbeat_prefix;                /* topic.heartbeat.prefix */
    const char *heartbeat_topic; /* topic.heartbeat.name: the whole name; NULL: made */
    int64_t schema_names;        /* leat_adjust */
    int64_t field_names;         /* leat_adjust */

    leat_opt_list schema_include, schema_exclude;
    leat_opt_list table_include, table_exclude;
    leat_opt_list column_include, column_exclude;
    leat_opt_list snapshot_include; /* snapshot.include.collection.list */
    bool ignore_builtin;            /* table.ignore.builtin */
    int64_t snapshot_streaming;     /* leat_snapshot_streaming */
    int64_t snapshot_threads;       /* snapshot.max.threads */
    int64_t snapshot_hold_ms;       /* snapshot.hold.ms; 0: no bound */
    int64_t snapshot_new;           /* snapshot.new.tables: 0: off, 1: parallel */
    /* snapshot.mode.configuration.based.*: what such a snapshot.mode does */
    bool based_data, based_stream, based_on_error;
    int64_t snapshot_order;       /* leat_snapshot_order (snapshots.h) */
    leat_opt_list overrides;      /* tables that have a select of their own ... */
    leat_opt_many override_texts; /* ... their statements, by table; see snapshots.h */

    int64_t snapshot_delay_ms;  /* snapshot.delay.ms */
    int64_t streaming_delay_ms; /* streaming.delay.ms */
    int64_t guard_max;          /* guardrail.collections.max; 0: none */
    int64_t guard_action;       /* 0: warn, 1: fail */

    const char *key_columns;            /* message.key.columns; NULL: none */
    leat_opt_many truncate, mask, hash; /* column.truncate.to..., .mask.with..., .mask.hash... */
    leat_opt_list propagate_columns, propagate_types;

    leat_opt_list skipped;       /* skipped.operations: see leat_capture_skipped */
    bool skip_unchanged;         /* skip.messages.without.change */
    bool tombstones;             /* tombstones.on.delete */
    bool transactions;           /* provide.transaction.metadata */
    bool schema_changes;         /* include.schema.changes, of sources that have it */
    bool extended_headers;       /* extended.headers.enabled */
    int64_t heartbeat_ms;        /* heartbeat.interval.ms; 0: none */
    const char *heartbeat_query; /* heartbeat.action.query, to be run as often; NULL: none */

    int64_t decimal; /* leat_decimal_mode */
    int64_t time;    /* leat_time_mode */
    int64_t binary;  /* leat_binary_mode */
    const char
        *placeholder; /* unavailable.value.placeholder as written; see leat_capture_placeholder */

    leat_opt_list signal_tables;   /* signal.data.collection */
    leat_opt_list signal_channels; /* signal.enabled.channels */
    const char *signal_file;       /* signal.file, looked at every ... */
    int64_t signal_poll_ms;        /* ... signal.poll.interval.ms */
    const char *signal_topic;      /* signal.kafka.topic; NULL: made of the prefix */
    leat_opt_list signal_brokers;  /* signal.kafka.bootstrap.servers */
    const char *signal_group;      /* signal.kafka.groupId */
    leat_opt_many signal_consumer; /* signal.consumer.*; stream/kafka/options.h reads them */
    bool read_only;                /* read.only */
    int64_t chunk_rows;            /* incremental.snapshot.chunk.size */
    int64_t watermarks;            /* leat_watermarks */
    leat_opt_list notify_channels; /* notification.enabled.channels */
    const char *notify_topic;      /* notification.sink.topic.name */

    int64_t history_exchange;                         /* leat_exchange_way */
    const char *history_class;                        /* schema.history.internal */
    const char *history_file;                         /* ... .file.filename */
    leat_opt_list history_brokers;                    /* ... .kafka.bootstrap.servers */
    const char *history_topic;                        /* ... .kafka.topic */
    leat_opt_many history_consumer, history_producer; /* engine/exchange.h reads them */
} leat_capture_conf;

extern const leat_opt leat_capture_options[];         /* all but time.precision.mode */
extern const leat_opt leat_capture_schema_options[];  /* schemas of systems that have them, and what
                                                         MySQL has in another way */
extern const leat_opt leat_capture_time_options[];    /* time.precision.mode, default adaptive */
extern const leat_opt leat_capture_signal_options[];  /* signals, notifications */
extern const leat_opt leat_capture_history_options[]; /* of sources with a schema history */
extern const leat_opt leat_capture_snapshot_options[]; /* snapshots of sources that read a log */
/* The choices of time.precision.mode, for a connector whose default is another. */
extern const char *const leat_capture_time_modes[];

/* What no row can say: lists that exclude each other, names that no topic can have, rules for keys
 * and masks that cannot be read. For leat_source.validate. */
void leat_capture_validate(const leat_capture_conf *c, leat_report *r);

/* The operations to skip, as a set to be asked by leat_capture_skips. */
uint32_t leat_capture_skipped(const leat_capture_conf *c);
static inline bool leat_capture_skips(uint32_t set, leat_op op)
{
    return set & (1u << (op - 'a'));
}

/* The channel is among signal.enabled.channels. */
bool leat_capture_channel(const leat_capture_conf *c, const char *channel);
/* The table is signal.data.collection. */
bool leat_capture_is_signal(const leat_capture_conf *c, const char *schema, const char *table);

/* The bytes shown for a value that the source did not send: the option's text, or after "hex:" what
 * its digits say. In a. */
leat_str leat_capture_placeholder(const leat_capture_conf *c, leat_arena *a);

#endif
