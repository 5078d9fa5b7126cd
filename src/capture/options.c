/* The rows of the options that all connectors have that capture tables.
 *
 * Names and defaults are those of Debezium 3.6's RelationalDatabaseConnectorConfig and
 * CommonConnectorConfig; what an option does here is said by its help. What Debezium has for its
 * own working (queues, fetch sizes, class names) is accepted without effect; what would change the
 * records and is not built is marked so. No code here. */
#include "capture/conf.h"

#define AT(field, type) .off = LEAT_OPT_AT(leat_capture_conf, field, type)
#define TEXT .type = LEAT_OPT_STR
#define INT .type = LEAT_OPT_INT
#define BOOL .type = LEAT_OPT_BOOL
#define MS .type = LEAT_OPT_MS
#define ENUM .type = LEAT_OPT_ENUM
#define LIST .type = LEAT_OPT_LIST
#define NAMES .type = LEAT_OPT_LIST, .flags = LEAT_OPT_REGEX
#define MANY .type = LEAT_OPT_MANY
#define ADVANCED .flags = LEAT_OPT_ADVANCED
#define NO_EFFECT .group = "Compatibility", .flags = LEAT_OPT_NO_EFFECT | LEAT_OPT_ADVANCED
#define MISSING .group = "Compatibility", .flags = LEAT_OPT_MISSING | LEAT_OPT_ADVANCED

static const char *const strategies[] = {
    "io.debezium.schema.SchemaTopicNamingStrategy",
    "io.debezium.schema.DefaultTopicNamingStrategy",
    "io.debezium.schema.SchemaUnicodeTopicNamingStrategy",
    "io.debezium.schema.DefaultUnicodeTopicNamingStrategy",
    "io.debezium.schema.SchemaRegexTopicNamingStrategy",
    "io.debezium.schema.DefaultRegexTopicNamingStrategy",
    NULL,
};
static const char *const adjustments[] = {"none", "avro", "avro_unicode", NULL};
static const char *const operations[] = {"r", "c", "u", "d", "t", "none", NULL};
static const char *const guards[] = {"warn", "fail", NULL};
static const char *const decimals[] = {"precise", "double", "string", NULL};
static const char *const binaries[] = {"bytes", "base64", "base64-url-safe", "hex", NULL};
const char *const leat_capture_time_modes[] = {
    "adaptive", "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds",
    NULL,
};

/* clang-format off */
const leat_opt leat_capture_time_options[] = {
    {.name = "time.precision.mode", .label = "Times", .group = "Values", ENUM,
     AT(time, int64_t), .def = "adaptive", .choices = leat_capture_time_modes,
     .help = "How dates and times are shown: adaptive takes milliseconds, microseconds or "
             "nanoseconds as the column's precision needs; adaptive_time_microseconds the same, but "
             "times of day always in microseconds; connect Kafka Connect's own types, to the "
             "millisecond; isostring texts; microseconds and nanoseconds that unit throughout."},
    {0},
};

const leat_opt leat_capture_options[] = {
    {.name = "topic.prefix", .label = "Topic prefix", .group = "Topics", TEXT,
     .flags = LEAT_OPT_REQUIRED | LEAT_OPT_FIXED, AT(prefix, const char *),
     .help = "First part of the names of all topics of this connector, and the name of the source in "
             "its records and positions. Letters, digits, dots, hyphens and underscores. Another "
             "prefix means other topics and a new start, so it does not change. No two connectors "
             "share one."},
    {.name = "topic.delimiter", .label = "Delimiter", .group = "Topics", TEXT, ADVANCED,
     AT(delimiter, const char *), .def = ".",
     .help = "What stands between the parts of a topic's name."},
    {.name = "topic.naming.strategy", .label = "Topic naming", .group = "Topics", ENUM, ADVANCED,
     AT(naming, int64_t), .def = "io.debezium.schema.SchemaTopicNamingStrategy",
     .choices = strategies,
     .help = "What follows the prefix in a table's topic: schema and table, or, by the Default "
             "strategies, database and table (for PostgreSQL the table alone). A character that no "
             "topic's name may hold becomes _, or, by the Unicode strategies, _u and its number (the "
             "underscore too), so that no two names meet. The Regex strategies make names over by "
             "topic.regex, and tables may share a topic."},
    {.name = "topic.regex", .label = "Topic pattern", .group = "Topics", TEXT,
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_REGEX, AT(topic_regex, const char *),
     .help = "With a Regex strategy of topic.naming.strategy: topics whose whole name fits this "
             "regular expression get the name that topic.replacement says."},
    {.name = "topic.replacement", .label = "Topic replacement", .group = "Topics", TEXT, ADVANCED,
     AT(topic_replacement, const char *),
     .help = "Name of the topics that topic.regex fits: $1 or ${name} is what a group caught."},
    {.name = "topic.key.enforce.uniqueness", .label = "Keys tell the table", .group = "Topics", BOOL,
     ADVANCED, AT(key_unique, bool), .def = "true",
     .help = "With a Regex strategy: put a field into each key that tells the table's own topic, so "
             "that rows of several tables in one topic do not have the same key. Keyless tables get "
             "a key of that field alone. false: where keys are unique over all of them."},
    {.name = "topic.key.field.name", .label = "Key field's name", .group = "Topics", TEXT, ADVANCED,
     AT(key_field, const char *), .def = "__dbz__physicalTableIdentifier",
     .help = "Name of that field."},
    {.name = "topic.key.field.regex", .label = "Key field's pattern", .group = "Topics", TEXT,
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_REGEX, AT(key_regex, const char *),
     .help = "That field shows what topic.key.field.replacement makes of a topic's own name that "
             "fits this; else the name."},
    {.name = "topic.key.field.replacement", .label = "Key field's replacement", .group = "Topics",
     TEXT, ADVANCED, AT(key_replacement, const char *),
     .help = "See topic.key.field.regex; $1 or ${name} is what a group caught."},
    {.name = "topic.transaction", .label = "Transaction topic", .group = "Topics", TEXT, ADVANCED,
     AT(transaction_topic, const char *), .def = "transaction",
     .help = "What follows the prefix in the name of the topic of provide.transaction.metadata."},
    {.name = "topic.heartbeat.prefix", .label = "Heartbeat topic's prefix", .group = "Topics", TEXT,
     ADVANCED, AT(heartbeat_prefix, const char *), .def = "__debezium-heartbeat",
     .help = "What stands before topic.prefix in the name of the heartbeats' topic."},
    {.name = "topic.heartbeat.name", .label = "Heartbeat topic", .group = "Topics", TEXT, ADVANCED,
     AT(heartbeat_topic, const char *),
     .help = "Whole name of the heartbeats' topic, instead of the one made of both prefixes."},
    {.name = "schema.name.adjustment.mode", .label = "Schema names", .group = "Topics", ENUM,
     ADVANCED, AT(schema_names, int64_t), .def = "none", .choices = adjustments,
     .help = "How names of schemas are made fit for Avro: not at all; each character that Avro does "
             "not allow becomes _; or it becomes _u and its number in hex."},
    {.name = "field.name.adjustment.mode", .label = "Field names", .group = "Topics", ENUM, ADVANCED,
     AT(field_names, int64_t), .def = "none", .choices = adjustments,
     .help = "How names of columns are made fit for Avro, as schema.name.adjustment.mode does it for "
             "schemas."},

    {.name = "table.include.list", .label = "Tables", .group = "Tables and columns", NAMES,
     AT(table_include, leat_opt_list),
     .help = "Tables to capture, all others not: regular expressions, separated by commas, each "
             "compared with the whole of schema.table in any case. Not together with "
             "table.exclude.list."},
    {.name = "table.exclude.list", .label = "Tables left out", .group = "Tables and columns", NAMES,
     AT(table_exclude, leat_opt_list),
     .help = "Tables not to capture, all others are; as table.include.list."},
    {.name = "column.include.list", .label = "Columns", .group = "Tables and columns", NAMES,
     AT(column_include, leat_opt_list),
     .help = "Columns to put into records, all others not: regular expressions, separated by commas, "
             "each compared with the whole of schema.table.column in any case. Name the key columns "
             "too. Not together with column.exclude.list."},
    {.name = "column.exclude.list", .label = "Columns left out", .group = "Tables and columns", NAMES,
     AT(column_exclude, leat_opt_list),
     .help = "Columns to leave out of records, all others are in; as column.include.list."},
    {.name = "table.ignore.builtin", .label = "Ignore system tables", .group = "Tables and columns",
     BOOL, ADVANCED, AT(ignore_builtin, bool), .def = "true",
     .help = "Never capture the database's own tables, whatever the lists say."},
    {.name = "message.key.columns", .label = "Key columns", .group = "Keys", TEXT,
     AT(key_columns, const char *),
     .help = "Columns that make the key of a table's records instead of its primary key: "
             "schema.table:column,column; and so on for more tables. Table and column are regular "
             "expressions. Name columns whose values are unique together."},
    {.name = "tombstones.on.delete", .label = "Tombstones", .group = "Keys", BOOL,
     AT(tombstones, bool), .def = "true",
     .help = "Follow the record of a deleted row by one with its key and no value, so that compacted "
             "topics forget the row."},

    {.name = "skipped.operations", .label = "Skipped operations", .group = "Events", LIST,
     AT(skipped, leat_opt_list), .def = "t", .choices = operations,
     .help = "Operations that make no records: c inserts, u updates, d deletes, t truncates; none "
             "skips nothing. Rows of a snapshot (r) are never skipped, as with Debezium: "
             "snapshot.mode says whether they are read."},
    {.name = "guardrail.collections.max", .label = "Most tables", .group = "Tables and columns", INT,
     ADVANCED, AT(guard_max, int64_t), .def = "0", .min = 0, .max = INT32_MAX,
     .help = "Number of captured tables beyond which the start does what "
             "guardrail.collections.limit.action says; 0: there is no bound. For lists that fit more "
             "than was meant."},
    {.name = "guardrail.collections.limit.action", .label = "Too many tables",
     .group = "Tables and columns", ENUM, ADVANCED, AT(guard_action, int64_t), .def = "warn",
     .choices = guards,
     .help = "warn: a line in the log; fail: the connector does not start."},
    {.name = "skip.messages.without.change", .label = "Skip what changes nothing",
     .group = "Events", BOOL, AT(skip_unchanged, bool), .def = "false",
     .help = "Make no record of an update in which no captured column changed. Needs the whole old "
             "row from the server (PostgreSQL: REPLICA IDENTITY FULL)."},
    {.name = "provide.transaction.metadata", .label = "Transaction metadata", .group = "Events", BOOL,
     AT(transactions, bool), .def = "false",
     .help = "Tell in each record its transaction and its place in it, and write a record for each "
             "begin and end to a topic of their own."},
    {.name = "extended.headers.enabled", .label = "Context headers", .group = "Events", BOOL,
     ADVANCED, AT(extended_headers, bool), .def = "true",
     .help = "Put headers on each record that name connector, task and run "
             "(__debezium.context.*)."},
    {.name = "heartbeat.interval.ms", .label = "Heartbeats every", .group = "Events", MS,
     AT(heartbeat_ms, int64_t), .def = "0", .min = 0, .max = INT32_MAX,
     .help = "How often to write a record to the heartbeats' topic; 0 for never. Positions move "
             "without heartbeats too."},
    {.name = "heartbeat.action.query", .label = "Heartbeat statement", .group = "Events", TEXT,
     ADVANCED, AT(heartbeat_query, const char *),
     .help = "Statement that the connector runs on the database every heartbeat.interval.ms, in a "
             "session of its own. That it fails is logged, once for each cause, and stops nothing. After "
             "a minute, or the connector's time-out for statements if that is less, it is "
             "cancelled."},

    {.name = "decimal.handling.mode", .label = "Decimals", .group = "Values", ENUM,
     AT(decimal, int64_t), .def = "precise", .choices = decimals,
     .help = "How exact decimals are shown: precise as Kafka Connect's Decimal; double as floating "
             "point, which may lose digits; string as text."},
    {.name = "binary.handling.mode", .label = "Binary data", .group = "Values", ENUM,
     AT(binary, int64_t), .def = "bytes", .choices = binaries,
     .help = "How binary columns are shown: as bytes, or as text in base64, URL-safe base64 or "
             "hex."},
    {.name = "unavailable.value.placeholder", .label = "Placeholder", .group = "Values", TEXT,
     ADVANCED, AT(placeholder, const char *), .def = "__debezium_unavailable_value",
     .help = "What stands for a value that the database did not send because it did not change (a "
             "TOASTed one in PostgreSQL). After hex: the digits of its bytes."},
    {.name = "column.truncate.to.*.chars", .label = "Truncate", .group = "Masking", MANY,
     .flags = LEAT_OPT_HIDES | LEAT_OPT_REGEX, AT(truncate, leat_opt_many),
     .help = "Columns whose text (or bytes) is cut after so many characters (bytes). Regular "
             "expressions for schema.table.column, separated by commas."},
    {.name = "column.mask.with.*.chars", .label = "Mask", .group = "Masking", MANY,
     .flags = LEAT_OPT_HIDES | LEAT_OPT_REGEX, AT(mask, leat_opt_many),
     .help = "Text columns that show so many asterisks instead of their values, NULL included. "
             "Regular expressions for schema.table.column, separated by commas."},
    {.name = "column.mask.hash.*.with.salt.*", .label = "Mask by hash", .group = "Masking", MANY,
     .flags = LEAT_OPT_HIDES | LEAT_OPT_REGEX | LEAT_OPT_SECRET, AT(hash, leat_opt_many),
     .help = "Text columns that show a hash of their values, in hex, cut to the column's length: the "
             "algorithm (SHA-256, SHA-512, MD5...) and a salt are part of the option's name. With v2. "
             "before the algorithm the text's own bytes are hashed; without it the text as Java "
             "serializes it. Regular expressions for schema.table.column, separated by commas."},
    {.name = "column.propagate.source.type", .label = "Tell column types", .group = "Masking",
     .type = LEAT_OPT_LIST, .flags = LEAT_OPT_REGEX | LEAT_OPT_ADVANCED,
     AT(propagate_columns, leat_opt_list),
     .help = "Columns whose type, length and scale in the database are told by parameters of their "
             "schemas. Regular expressions for schema.table.column."},
    {.name = "datatype.propagate.source.type", .label = "Tell types by type", .group = "Masking",
     .type = LEAT_OPT_LIST, .flags = LEAT_OPT_REGEX | LEAT_OPT_ADVANCED,
     AT(propagate_types, leat_opt_list),
     .help = "The same by the type of the column: regular expressions for schema.table.type, such as "
             ".+\\.varchar."},

    {.name = "max.batch.size", .label = "Batch size", NO_EFFECT, INT, .def = "2048",
     .help = "Batches are bounded by the connector's memory budget."},
    {.name = "max.queue.size", .label = "Queue size", NO_EFFECT, INT, .def = "8192",
     .help = "There is no queue of records."},
    {.name = "max.queue.size.in.bytes", .label = "Queue bytes", NO_EFFECT, INT, .def = "0",
     .help = "There is no queue of records."},
    {.name = "queue.provider.type", .label = "Queue", NO_EFFECT, TEXT,
     .help = "There is no queue of records."},
    {.name = "poll.interval.ms", .label = "Poll interval", NO_EFFECT, MS, .def = "500",
     .help = "Changes are read as they come."},
    {.name = "poll.dispatch.interval.ms", .label = "Dispatch interval", NO_EFFECT, MS,
     .help = "Changes are read as they come."},
    {.name = "heartbeat.topics.prefix", .label = "Heartbeat prefix", NO_EFFECT, TEXT,
     .def = "__debezium-heartbeat",
     .help = "Debezium 3.6 does not use it either: topic.heartbeat.prefix does what it says."},
    {.name = "topic.cache.size", .label = "Topic cache", NO_EFFECT, INT, .def = "10000",
     .help = "A table keeps its topic's name."},
    {.name = "snapshot.fetch.size", .label = "Snapshot fetch size", NO_EFFECT, INT,
     .help = "Rows are fetched as the memory budget allows."},
    {.name = "query.fetch.size", .label = "Query fetch size", NO_EFFECT, INT, .def = "0",
     .help = "Rows are fetched as the memory budget allows."},
    {.name = "snapshot.max.threads.multiplier", .label = "Snapshot chunks", NO_EFFECT, INT,
     .def = "1", .help = "The engine decides how a table is cut into chunks."},
    {.name = "legacy.snapshot.max.threads", .label = "Threads by table", NO_EFFECT, BOOL,
     .def = "false", .help = "The engine decides how many chunks are read at a time."},
    {.name = "snapshot.lock.timeout.ms", .label = "Snapshot lock time-out", NO_EFFECT, MS,
     .def = "10000", .help = "Snapshots take no locks on tables."},
    {.name = "retriable.restart.connector.wait.ms", .label = "Restart wait", NO_EFFECT, MS,
     .def = "10000",
     .help = "After an error that passes the connector starts again by itself: errors.max.retries, "
             "errors.retry.delay.initial.ms and errors.retry.delay.max.ms say how often and when."},
    {.name = "connection.validation.timeout.ms", .label = "Validation time-out", NO_EFFECT, MS,
     .def = "60000",
     .help = "`leat check` tries a connection step by step; connect.timeout.ms bounds it."},
    {.name = "executor.shutdown.timeout.ms", .label = "Shutdown time-out", NO_EFFECT, MS,
     .def = "4000", .help = "A connector is a process of its own."},
    {.name = "event.processing.failure.handling.mode", .label = "Failures", NO_EFFECT, TEXT,
     .def = "fail",
     .help = "A change that cannot be handled goes to the dead letters, whole, and the others go on: "
             "nothing stops, nothing is skipped unseen."},
    {.name = "event.converting.failure.handling.mode", .label = "Conversion failures", NO_EFFECT,
     TEXT, .help = "A change that cannot be handled goes to the dead letters."},
    {.name = "statistics.metrics.enabled", .label = "Statistics", NO_EFFECT, BOOL, .def = "true",
     .help = "Counters are always kept."},
    {.name = "custom.metric.tags", .label = "Metric tags", NO_EFFECT, LIST,
     .help = "There are no MBeans to name."},
    {.name = "custom.sanitize.pattern", .label = "Masked options", NO_EFFECT, TEXT,
     .help = "Secrets are never shown; which options hold them is known."},
    {.name = "openlineage.integration.*", .label = "OpenLineage", NO_EFFECT, MANY,
     .help = "Lineage is not told to others."},
    {.name = "memory.management.*.class", .label = "Storage classes", NO_EFFECT, MANY,
     .help = "Names of Java classes."},
    {.name = "driver.*", .label = "JDBC driver", NO_EFFECT, MANY, .help = "There is no JDBC driver."},
    {.name = "internal.*", .label = "Internal", NO_EFFECT, MANY,
     .help = "Internal switches of Debezium."},

    {.name = "post.processors", .label = "Post processors", MISSING, TEXT,
     .help = "Names Java classes that change records. For ReselectColumnsPostProcessor set "
             "toast.mode=reselect, which fills in what the server did not send."},
    {.name = "transaction.metadata.factory", .label = "Transaction classes", MISSING, TEXT,
     .def = "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory",
     .help = "Names a Java class that makes transaction metadata; provide.transaction.metadata has "
             "Debezium's own form."},
    {.name = "snapshot.mode.custom.name", .label = "Custom snapshot mode", MISSING, TEXT,
     .help = "Java class that decides about snapshots."},
    {.name = "snapshot.query.mode", .label = "Snapshot query", MISSING, TEXT, .def = "select_all",
     .help = "Where the snapshot's statements come from."},
    {.name = "snapshot.query.mode.custom.name", .label = "Custom snapshot query", MISSING, TEXT,
     .help = "Java class that makes the snapshot's statements."},
    {.name = "snapshot.locking.mode.custom.name", .label = "Custom snapshot locks", MISSING, TEXT,
     .help = "Java class that locks tables for a snapshot."},
    {0},
};

const leat_opt leat_capture_schema_options[] = {
    {.name = "schema.include.list", .label = "Schemas", .group = "Tables and columns", NAMES,
     AT(schema_include, leat_opt_list),
     .help = "Schemas to capture, all others not: regular expressions (Java's), separated by commas, "
             "each compared with a schema's whole name in any case. A comma inside of one is written "
             "as \\,. Not together with schema.exclude.list."},
    {.name = "schema.exclude.list", .label = "Schemas left out", .group = "Tables and columns", NAMES,
     AT(schema_exclude, leat_opt_list),
     .help = "Schemas not to capture, all others are; as schema.include.list."},
    {.name = "include.schema.comments", .label = "Comments", NO_EFFECT, BOOL, .def = "false",
     .help = "Debezium's PostgreSQL connector does not show comments in schemas either."},
    {.name = "converters", .label = "Custom converters", MISSING, TEXT,
     .help = "Names Java classes that convert columns. What they are mostly used for are options "
             "here: time.precision.mode=isostring for dates and times as text, "
             "decimal.handling.mode, binary.handling.mode; a generated column or a view's text on the "
             "server does the rest."},
    {0},
};
/* clang-format on */
