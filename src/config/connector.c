/* The rows of the options that every connector has: Kafka Connect's ConnectorConfig,
 * SourceConnectorConfig and SinkConnectorConfig by their names, and how leat takes each; and which
 * names a connector can have. */
#include "config/connector.h"

#include "config/rows.h"

#define ROWS_OF leat_connector_conf
#define ROWS_GROUP "Kafka Connect"

#define CONVERTER(option, i, default_value, text)                                                  \
    {                                                                                              \
        .name = option, .label = option, .group = "Converter", .type = LEAT_OPT_STR,               \
        .flags = LEAT_OPT_ADVANCED, AT(converters[i], const char *), .def = default_value,         \
        .help = text                                                                               \
    }

enum { NAME_MOST = 200, NAME_SHOWN = 60 }; /* bytes */

static const char *const DECIMAL_FORMATS[] = {"BASE64", "NUMERIC", NULL};
static const char *const TOLERANCES[] = {"none", "all", NULL};
static const char *const SUPPORTS[] = {"requested", "required", NULL};
static const char *const BOUNDARIES[] = {"poll", "interval", "connector", NULL};

const leat_opt leat_connector_options[] = {
    {.name = "name",
     .label = "Name",
     .group = "Connector",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_REQUIRED | LEAT_OPT_FIXED,
     AT(name, const char *),
     .help =
         "Name of the connector: of its folder, in logs and in commands. By default the name of "
         "the configuration file."},
    {.name = "connector.class",
     .label = "Connector",
     .group = "Connector",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_REQUIRED | LEAT_OPT_FIXED,
     AT(klass, const char *),
     .help =
         "Which connector: a name that 'leat plugins' lists, or the Java class of the connector "
         "that it stands for."},
    {.name = "connection",
     .label = "Connection",
     .group = "Connector",
     .type = LEAT_OPT_STR,
     AT(connection, const char *),
     .help = "Name of a saved connection: address and log-in come from there, at each start, "
             "unless an option here says otherwise. `leat connection list` names them."},
    {.name = "tasks.max",
     .label = "Tasks",
     .group = "Connector",
     .type = LEAT_OPT_INT,
     AT(tasks_max, int64_t),
     .def = "1",
     .min = 1,
     .max = 1000,
     .help = "Most tasks to split the work into. Connectors that read one log always have one."},
    {.name = "topics",
     .label = "Topics",
     .group = "Connector",
     .type = LEAT_OPT_LIST,
     AT(topics, leat_opt_list),
     .help = "Topics that a sink reads, separated by commas. A sink has these or topics.regex."},
    {.name = "topics.regex",
     .label = "Topics, by a pattern",
     .group = "Connector",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_REGEX,
     AT(topics_regex, const char *),
     .help = "Instead of topics: a Java regular expression. The sink reads each topic whose whole "
             "name fits, also those that come while it runs."},
    {.name = "stream.merge",
     .label = "Merge small batches",
     .group = "Stream",
     .type = LEAT_OPT_BOOL,
     .flags = LEAT_OPT_ADVANCED,
     AT(stream_merge, bool),
     .def = "true",
     .help =
         "Of a source: old segments of its stream that consist of many small batches are written "
         "anew in large ones, compressed by zstd, in the background. Events and offsets stay as "
         "they are."},
    {.name = "key.converter.schemas.enable",
     .label = "Schemas in keys",
     .group = "Converter",
     .type = LEAT_OPT_BOOL,
     AT(key_schemas, bool),
     .def = "true",
     .help = "Put the schema beside each key in JSON."},
    {.name = "value.converter.schemas.enable",
     .label = "Schemas in values",
     .group = "Converter",
     .type = LEAT_OPT_BOOL,
     AT(value_schemas, bool),
     .def = "true",
     .help = "Put the schema beside each value in JSON."},
    {.name = "key.converter.decimal.format",
     .label = "Decimals in keys",
     .group = "Converter",
     .type = LEAT_OPT_ENUM,
     .flags = LEAT_OPT_ADVANCED,
     AT(key_decimal, int64_t),
     .choices = DECIMAL_FORMATS,
     .def = "BASE64",
     .help = "How JSON shows exact decimals in keys: as base64 of the unscaled number, or as a "
             "number."},
    {.name = "value.converter.decimal.format",
     .label = "Decimals in values",
     .group = "Converter",
     .type = LEAT_OPT_ENUM,
     .flags = LEAT_OPT_ADVANCED,
     AT(value_decimal, int64_t),
     .choices = DECIMAL_FORMATS,
     .def = "BASE64",
     .help = "How JSON shows exact decimals in values: as base64 of the unscaled number, or as a "
             "number."},
    {.name = "key.converter.replace.null.with.default",
     .label = "Defaults for NULL in keys",
     .group = "Converter",
     .type = LEAT_OPT_BOOL,
     .flags = LEAT_OPT_ADVANCED,
     AT(key_defaults, bool),
     .def = "true",
     .help = "Show a key's NULL as the column's default where it has one, as Kafka Connect does."},
    {.name = "value.converter.replace.null.with.default",
     .label = "Defaults for NULL in values",
     .group = "Converter",
     .type = LEAT_OPT_BOOL,
     .flags = LEAT_OPT_ADVANCED,
     AT(value_defaults, bool),
     .def = "true",
     .help = "Show a NULL as the column's default where it has one, as Kafka Connect does. False "
             "shows what is in the database."},
    {.name = "errors.max.retries",
     .label = "Retries",
     .group = "Errors",
     .type = LEAT_OPT_INT,
     AT(retry_limit, int64_t),
     .def = "-1",
     .min = -1,
     .max = 1000000000,
     .help = "Attempts without progress after which the connector fails. -1: it never gives up."},
    {.name = "errors.retry.delay.initial.ms",
     .label = "First pause",
     .group = "Errors",
     .type = LEAT_OPT_MS,
     .flags = LEAT_OPT_ADVANCED,
     AT(retry_min_ms, int64_t),
     .def = "300",
     .min = 1,
     .max = 3600000,
     .help = "Pause before the second attempt; it doubles each time."},
    {.name = "errors.retry.delay.max.ms",
     .label = "Longest pause",
     .group = "Errors",
     .type = LEAT_OPT_MS,
     .flags = LEAT_OPT_ADVANCED,
     AT(retry_max_ms, int64_t),
     .def = "10000",
     .min = 1,
     .max = 86400000,
     .help = "The pause between attempts grows up to this."},
    {.name = "stalled.after.ms",
     .label = "Stalled after",
     .group = "Errors",
     .type = LEAT_OPT_MS,
     .flags = LEAT_OPT_ADVANCED,
     AT(stalled_ms, int64_t),
     .def = "60000",
     .min = 0,
     .max = 86400000,
     .help = "A connector is STALLED when a call of its driver, of the stream or of the target has "
             "not returned for so long, or when the source's log goes on and nothing of it has "
             "arrived for so long. 0: never."},
    {.name = "header.converter.schemas.enable",
     .label = "Schemas in headers",
     .group = "Converter",
     .type = LEAT_OPT_BOOL,
     .flags = LEAT_OPT_ADVANCED,
     AT(header_schemas, bool),
     .def = "true",
     .help = "Put the schema beside each header, where header.converter makes JSON."},
    {.name = "limits.memory",
     .label = "Memory",
     .group = "Limits",
     .type = LEAT_OPT_BYTES,
     AT(memory, int64_t),
     .def = "256m",
     .min = 4 << 20,
     .max = INT64_C(1) << 40,
     .help = "What the connector may hold for events: batches, frames on their way to the stream, "
             "and what its driver buffers. The sizes of batches and frames follow from it."},
    {.name = "limits.process.memory",
     .label = "Memory of the process",
     .group = "Limits",
     .type = LEAT_OPT_BYTES,
     AT(process_memory, int64_t),
     .def = "0",
     .min = 0,
     .max = INT64_C(1) << 40,
     .help =
         "What the connector's process may have in all, at least 64m more than limits.memory: a "
         "process that wants more is ended and started again. By a control group where the "
         "machine allows it, else by RLIMIT_DATA, where 2m for the stack of each thread count "
         "too. 0: limits.memory and a quarter, and 2304m, since a driver may hold a message of "
         "1g and doubles its buffer."},
    {.name = "limits.rate.events",
     .label = "Events a second",
     .group = "Limits",
     .type = LEAT_OPT_INT,
     AT(rate_events, int64_t),
     .def = "0",
     .min = 0,
     .max = 1000000000,
     .help =
         "Of a source: most changes and rows it reads in a second, over its tasks. It then waits, and the rest stays where it is. 0: no limit."},
    {.name = "limits.rate.bytes",
     .label = "Bytes a second",
     .group = "Limits",
     .type = LEAT_OPT_BYTES,
     AT(rate_bytes, int64_t),
     .def = "0",
     .min = 0,
     .max = INT64_C(1) << 40,
     .help =
         "Of a source: most bytes of events it reads in a second, over its tasks, as they lie in memory. 0: no limit."},
    {.name = "limits.cpu",
     .label = "Processor",
     .group = "Limits",
     .type = LEAT_OPT_INT,
     AT(cpu_percent, int64_t),
     .def = "0",
     .min = 0,
     .max = 100000,
     .help =
         "Processor time the connector may take, in percent of one core: 50 is half of one. A source waits before it reads on; a driver that spins is held by a control group where the machine allows it, else by a timer, a quarter above. 0: no limit."},
    {.name = "max.event.bytes",
     .label = "Largest event",
     .group = "Limits",
     .type = LEAT_OPT_BYTES,
     AT(max_event_bytes, int64_t),
     .def = "0",
     .min = 0,
     .max = INT64_C(1) << 30,
     .help =
         "A change that the source sends in more bytes goes to the dead letters, which keep its "
         "first 64 KiB, its size and its position. An event is held up to four times on its "
         "way (twice more for each further task), so limits.memory must be at least four times "
         "this and 8m more; into Kafka seven times, and 40m more. 0: what limits.memory has room "
         "for, which is 62m by default, and 30m into Kafka."},
    {.name = "offset.storage.file.filename",
     .label = "Offsets to go on from",
     .group = "Adoption",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE,
     AT(offsets_file, const char *),
     .help = "File in which Debezium Server, Debezium's engine or connect-standalone kept offsets. "
             "A connector that starts for the first time goes on where it stands there; from then "
             "on its own offsets count. The file is only read."},
    {.name = "offset.storage",
     .label = "Store of these offsets",
     .group = "Adoption",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_ADVANCED,
     AT(offsets_class, const char *),
     .def = "org.apache.kafka.connect.storage.FileOffsetBackingStore",
     .help =
         "Class that kept the offsets. Only the file's store can be read; with any other one the "
         "first start is refused until the offset was set by `leat offsets NAME set`."},
    /* clang-format off */
    IGNORED("offset.flush.interval.ms", "60000",
            "Offsets are durable as soon as their records are."),
    IGNORED("offset.flush.timeout.ms", "5000", "Offsets are durable as soon as their records are."),
    IGNORED("offset.commit.policy", NULL, "Offsets are durable as soon as their records are."),
    IGNORED_ALL("offset.storage.*", "Belongs to another store of offsets."),
    IGNORED_ALL("record.processing.*", "Belongs to Debezium's engine."),
    IGNORED("task.management.timeout.ms", "180000", "Belongs to Debezium's engine."),
    CONVERTER("key.converter", 0, LEAT_JSON_CONVERTER,
              "Class of the keys' converter: into Kafka, JSON. The embedded stream keeps events "
              "typed; they are converted where they leave it."),
    CONVERTER("value.converter", 1, LEAT_JSON_CONVERTER,
              "Class of the values' converter: into Kafka, JSON. The embedded stream keeps events "
              "typed; they are converted where they leave it."),
    CONVERTER("header.converter", 2, "org.apache.kafka.connect.storage.SimpleHeaderConverter",
              "Class of the headers' converter: into Kafka, plain text or "
              "`org.apache.kafka.connect.json.JsonConverter`, as Debezium Server has it."),
    IGNORED("key.converter.schemas.cache.size", "1000",
            "Schema texts are kept as long as their table."),
    IGNORED("value.converter.schemas.cache.size", "1000",
            "Schema texts are kept as long as their table."),
    IGNORED_ALL("key.converter.*", "Options of another converter."),
    IGNORED_ALL("value.converter.*", "Options of another converter."),
    IGNORED_ALL("header.converter.*", "Options of the headers' converter."),
    IGNORED("connector.plugin.version", NULL, "There is one version of a connector in a build."),
    IGNORED("tasks.max.enforce", "true", "A connector never makes more tasks than tasks.max."),
    IGNORED("config.action.reload", "restart", "Configuration providers are read at each start."),
    {.name = "errors.tolerance",
     .label = "Records that cannot be taken",
     .group = "Errors",
     .type = LEAT_OPT_ENUM,
     AT(tolerance, int64_t),
     .choices = TOLERANCES,
     .def = "none",
     .help = "Into Kafka: a record that the brokers never take, because it is too large or invalid, "
             "stops the connector (`none`), or its change goes to the dead letters (`all`). So "
             "does one that a transform cannot take. A change that cannot be decoded goes to the "
             "dead letters always. Of a relational sink: the same for rows that the target never "
             "takes, and for records of Kafka that cannot be read."},
    {.name = "errors.parked.keys",
     .label = "Rows that may wait",
     .group = "Errors",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_ADVANCED,
     AT(parked_keys, int64_t),
     .def = "10000",
     .min = 0,
     .max = 10000000,
     .help = "Of a sink: while a change is in the dead letters the later changes of the same row "
             "wait behind it, as dead letters too, so that they are written in order once it is "
             "tried again. With more rows than this waiting the sink pauses. 0: nothing waits, and "
             "later changes overtake it."},
    {.name = "errors.breaker.percent",
     .label = "Pause at so many refused",
     .group = "Errors",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_ADVANCED,
     AT(breaker_percent, int64_t),
     .def = "0",
     .min = 0,
     .max = 100,
     .help = "Of a sink with errors.tolerance=all: when the target refuses this many percent of "
             "the events of a window, something else is wrong than a row, and the sink pauses "
             "until a person resumes it. 0: never."},
    {.name = "errors.breaker.window",
     .label = "Window of that",
     .group = "Errors",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_ADVANCED,
     AT(breaker_window, int64_t),
     .def = "1000",
     .min = 1,
     .max = 1000000,
     .help = "Events of a window of errors.breaker.percent, rounded up to whole batches."},
    IGNORED("errors.retry.timeout", "0", "Attempts are bounded by errors.max.retries."),
    IGNORED("errors.log.enable", "false", "Errors are always logged."),
    IGNORED("errors.log.include.messages", "false", "Row data is never logged."),
    {.name = "errors.deadletterqueue.topic.name",
     .label = "Topic of dead letters",
     .group = "Errors",
     .type = LEAT_OPT_STR,
     AT(errant_topic, const char *),
     .def = "",
     .help = "Of a sink that reads Kafka, with errors.tolerance=all: records that cannot be read or "
             "that the target never takes are written to this topic as they are, as Kafka Connect "
             "does, beside the connector's own dead letters."},
    {.name = "errors.deadletterqueue.topic.replication.factor",
     .label = "Copies of that topic",
     .group = "Errors",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_ADVANCED,
     AT(errant_replication, int64_t),
     .def = "3",
     .min = -1,
     .max = 32767,
     .help = "Of that topic, if it has to be made; -1: as the broker's default says."},
    {.name = "errors.deadletterqueue.context.headers.enable",
     .label = "What happened, in headers",
     .group = "Errors",
     .type = LEAT_OPT_BOOL,
     .flags = LEAT_OPT_ADVANCED,
     AT(errant_context, bool),
     .def = "false",
     .help = "Give these records the headers `__connect.errors.*`, which say where each was read "
             "and what is wrong with it."},
    {.name = "exactly.once.support",
     .label = "Exactly once",
     .group = "Kafka Connect",
     .type = LEAT_OPT_ENUM,
     .flags = LEAT_OPT_ADVANCED,
     AT(once, int64_t),
     .choices = SUPPORTS,
     .def = "requested",
     .help = "Into Kafka: with `required` records and their position are written in one "
             "transaction, so that a reader with isolation.level=read_committed sees each change "
             "once; with `requested` only where the worker has exactly.once.source.support=enabled. "
             "In the embedded stream each change and its position are written together, always."},
    {.name = "transaction.boundary",
     .label = "End of transactions",
     .group = "Kafka Connect",
     .type = LEAT_OPT_ENUM,
     .flags = LEAT_OPT_ADVANCED,
     AT(boundary, int64_t),
     .choices = BOUNDARIES,
     .def = "poll",
     .help = "Where Kafka's transactions end, with exactly once: `poll`, as soon as the source has "
             "nothing more at hand, under load after some milliseconds; `interval`, after "
             "transaction.boundary.interval.ms; `connector`, where a transaction of the source "
             "does, unless it is larger than what may be on its way."},
    {.name = "transaction.boundary.interval.ms",
     .label = "Interval of transactions",
     .group = "Kafka Connect",
     .type = LEAT_OPT_MS,
     .flags = LEAT_OPT_ADVANCED,
     AT(boundary_ms, int64_t),
     .def = "60000",
     .min = 1,
     .max = INT64_C(86400000),
     .help = "How long a transaction stays open with transaction.boundary=interval, at most. It "
             "ends earlier where what may be on its way is used up, before "
             "transaction.timeout.ms, and when nothing came for a second."},
    {.name = "offsets.storage.topic",
     .label = "Topic of offsets",
     .group = "Kafka Connect",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_ADVANCED,
     AT(offsets_topic, const char *),
     .help = "Into Kafka: topic of this connector's offsets, instead of the worker's "
             "offset.storage.topic. With exactly once it is connect-offsets if neither is given."},
    IGNORED("topic.creation.enable", "true",
            "Topics of the embedded stream are made when first used."),
    IGNORED("topic.creation.groups", "", "Topics of the embedded stream are all alike."),
    IGNORED_ALL("topic.creation.*",
                "Topics of the embedded stream have one partition and no replicas."),
    IGNORED_ALL("producer.override.*", "The embedded stream has no Kafka producer."),
    IGNORED_ALL("consumer.override.*", "The embedded stream has no Kafka consumer."),
    IGNORED_ALL("admin.override.*", "The embedded stream has no Kafka client."),
    {.name = "transforms",
     .label = "Transforms",
     .group = "Transforms",
     .type = LEAT_OPT_LIST,
     AT(transforms, leat_opt_list),
     .help = "Names of single message transforms that records go through, in order: a source's "
             "before they are appended, a sink's before they are written."},
    {.name = "transforms.*",
     .label = "Options of transforms",
     .group = "Transforms",
     .type = LEAT_OPT_MANY,
     AT(transform_options, leat_opt_many),
     .help = "Of a transform: `transforms.NAME.type`, its class; `transforms.NAME.predicate` and "
             "`transforms.NAME.negate`, which records it is for; and its own options. There are "
             "`org.apache.kafka.connect.transforms.ValueToKey` (`fields`), `ExtractField$Key` and "
             "`ExtractField$Value` (`field`)."},
    {.name = "predicates",
     .label = "Predicates",
     .group = "Transforms",
     .type = LEAT_OPT_LIST,
     AT(predicates, leat_opt_list),
     .help = "Names of predicates that transforms can have."},
    {.name = "predicates.*",
     .label = "Options of predicates",
     .group = "Transforms",
     .type = LEAT_OPT_MANY,
     AT(predicate_options, leat_opt_many),
     .help = "Of a predicate: `predicates.NAME.type`, its class, and its own options. There are "
             "`org.apache.kafka.connect.transforms.predicates.TopicNameMatches` (`pattern`), "
             "`HasHeaderKey` (`name`) and `RecordIsTombstone`."},
    /* clang-format on */
    {.name = NULL},
};

/* What is wrong with a name; NULL: nothing. A folder is called so, so are files beside which
 * temporary ones ("X.tmp") are stored, and a person types it behind a command. */
static const char *fault_of(leat_str name)
{
    if (name.len == 0) return "it is empty";
    if (name.len > NAME_MOST) return "it is longer than 200 bytes";
    if (!leat_str_utf8(name)) return "it is not valid UTF-8";
    if (name.s[0] == '.' || name.s[0] == '-') return "it begins with a point or a dash";
    if (name.s[0] == ' ' || name.s[name.len - 1] == ' ') return "it begins or ends with a blank";
    if (name.len > 4 && leat_str_is((leat_str){name.s + name.len - 4, 4}, ".tmp"))
        return "it ends with .tmp";
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.s[i];
        if (c == '/') return "it holds a slash";
        if (c < ' ' || c == 0x7f) return "it holds a control character";
    }
    return NULL;
}

leat_rc leat_connector_name_check(const char *name, leat_err *e)
{
    leat_str n = leat_str_of(name);
    const char *fault = fault_of(n);
    if (!fault) return LEAT_OK;
    leat_buf shown = {0};
    size_t cut = leat_str_fit(n, NAME_SHOWN);
    if (leat_str_utf8(n)) leat_json_quote(&shown, (leat_str){n.s ? n.s : "", cut});
    leat_rc rc =
        leat_fail(e, LEAT_CONF, "config.name", "name",
                  "%.*s%s cannot name a connector: %s. Use 1 to 200 bytes, such as letters, "
                  "digits, points, dashes and underscores, the first a letter or digit",
                  LEAT_STR_ARG(leat_buf_str(&shown)), cut < n.len ? "..." : "", fault);
    leat_buf_free(&shown);
    return rc;
}
