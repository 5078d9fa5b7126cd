/* The rows of the options about signals, notifications and the snapshots that signals ask for:
 * Debezium 3.6's names and defaults. No code here. */
#include "capture/conf.h"

#define AT(field, type) .off = LEAT_OPT_AT(leat_capture_conf, field, type)
#define TEXT .type = LEAT_OPT_STR
#define BOOL .type = LEAT_OPT_BOOL
#define MS .type = LEAT_OPT_MS
#define LIST .type = LEAT_OPT_LIST
#define ADVANCED .flags = LEAT_OPT_ADVANCED
#define SIGNALS .group = "Signals and notifications"
#define NO_EFFECT .group = "Compatibility", .flags = LEAT_OPT_NO_EFFECT | LEAT_OPT_ADVANCED

static const char *const channels[] = {"source", "kafka", "file", "jmx", "in-process", NULL};
static const char *const notify_channels[] = {"sink", "log", "jmx", NULL};
static const char *const watermarks[] = {"insert_insert", "insert_delete", NULL};

/* clang-format off */
const leat_opt leat_capture_signal_options[] = {
    {.name = "signal.data.collection", .label = "Signal table", SIGNALS, LIST,
     AT(signal_tables, leat_opt_list),
     .help = "Table (schema.table) through which signals come: three columns, id, type and data, all "
             "texts, in this order; a row that is inserted is a signal. Its rows are captured as those "
             "of other tables; snapshots leave it out. Incremental snapshots also write their "
             "watermarks to it, as Debezium's do, unless read.only is true. `leat signal` and the file "
             "need no table."},
    {.name = "signal.enabled.channels", .label = "Signal channels", SIGNALS, LIST,
     AT(signal_channels, leat_opt_list), .def = "source", .choices = channels,
     .help = "Where signals come from: source, the table signal.data.collection; kafka, the topic "
             "signal.kafka.topic; file, the lines of signal.file. (jmx and in-process are Java's; `leat signal` takes their place, and always "
             "works.)"},
    {.name = "signal.file", .label = "Signal file", SIGNALS, TEXT,
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE, AT(signal_file, const char *), .def = "file-signals.txt",
     .help = "File whose lines are signals, each an object of JSON with id, type and data. It is looked "
             "at every signal.poll.interval.ms, and emptied when its signals are durable; a line "
             "that is no signal is told in the log. Where its name does not begin with a slash it is "
             "in the folder that leat was started in."},
    {.name = "signal.poll.interval.ms", .label = "Signal interval", SIGNALS, MS, ADVANCED,
     AT(signal_poll_ms, int64_t), .def = "5000", .min = 100, .max = INT64_C(86400000),
     .help = "How often signal.file is looked at."},
    {.name = "signal.kafka.topic", .label = "Signal topic", SIGNALS, TEXT, ADVANCED,
     AT(signal_topic, const char *),
     .help = "Topic of the channel kafka; by default topic.prefix with `-signal` behind it. A record "
             "whose key is topic.prefix is a signal, an object of JSON with id, type and data; others "
             "are passed over. It needs one partition: only the first is read."},
    {.name = "signal.kafka.bootstrap.servers", .label = "Signal brokers", SIGNALS, LIST, ADVANCED,
     AT(signal_brokers, leat_opt_list),
     .help = "Brokers of that topic, as `host:port`. By default those that the connector streams into, "
             "with their log-in."},
    {.name = "signal.kafka.groupId", .label = "Signal group", SIGNALS, TEXT, ADVANCED,
     AT(signal_group, const char *), .def = "kafka-signal",
     .help = "Consumer group under whose name it is kept how far the topic's signals are done. "
             "Connectors that share a topic need a group each."},
    {.name = "signal.consumer.*", .label = "Signal consumer", SIGNALS, .type = LEAT_OPT_MANY, ADVANCED,
     AT(signal_consumer, leat_opt_many),
     .help = "An option of the consumer of that topic, such as `signal.consumer.security.protocol`; "
             "`auto.offset.reset` says where it begins where the group has no place yet: earliest (the "
             "default) or latest."},
    {.name = "read.only", .label = "Read only", SIGNALS, BOOL, ADVANCED, AT(read_only, bool),
     .def = "false",
     .help = "true: nothing is written to the signal table; incremental snapshots find out by the "
             "server's own transaction ids what their rows may replace."},
    {.name = "incremental.snapshot.chunk.size", .label = "Chunk size", SIGNALS, .type = LEAT_OPT_INT,
     ADVANCED, AT(chunk_rows, int64_t), .def = "1024", .min = 1, .max = 1000000,
     .help = "Most rows that an incremental snapshot reads at a time. A chunk of wide rows is smaller: "
             "its rows are held in memory until the stream has passed them."},
    {.name = "incremental.snapshot.watermarking.strategy", .label = "Watermarks", SIGNALS,
     .type = LEAT_OPT_ENUM, ADVANCED, AT(watermarks, int64_t), .def = "insert_insert",
     .choices = watermarks,
     .help = "What is written to the signal table around a chunk: insert_insert a row at its begin and "
             "one at its end; insert_delete deletes the first one at the end, so that the table does "
             "not grow."},
    {.name = "incremental.snapshot.allow.schema.changes", .label = "Schema changes in chunks",
     NO_EFFECT, BOOL, .def = "false",
     .help = "A chunk whose table changed meanwhile is read again, always."},
    {.name = "notification.enabled.channels", .label = "Notification channels", SIGNALS, LIST,
     AT(notify_channels, leat_opt_list), .choices = notify_channels,
     .help = "Where notifications about snapshots go: sink, to the topic notification.sink.topic.name; "
             "log, to the connector's log. (jmx is Java's: `leat status` shows a snapshot's progress.)"},
    {.name = "notification.sink.topic.name", .label = "Notification topic", SIGNALS, TEXT,
     AT(notify_topic, const char *),
     .help = "Topic of the notifications; needed for the channel sink."},

    {.name = "signal.emit.failure.max.retries", .label = "Signal retries", NO_EFFECT,
     .type = LEAT_OPT_INT,
     .help = "A watermark that cannot be written is an error like others: errors.max.retries."},
    {.name = "signal.emit.failure.backoff.ms", .label = "Signal back-off", NO_EFFECT, MS,
     .help = "See errors.retry.delay.initial.ms."},
    {.name = "signal.kafka.poll.timeout.ms", .label = "Signal wait", NO_EFFECT, MS, .def = "100",
     .help = "The topic is looked at every second, without waiting."},
    {0},
};
/* clang-format on */
