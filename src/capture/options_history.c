/* The rows of the options about the exchange of the schema history with Debezium's. No code here.
 */
#include "capture/conf.h"

#define AT(field, type) .off = LEAT_OPT_AT(leat_capture_conf, field, type)
#define TEXT .type = LEAT_OPT_STR
#define LIST .type = LEAT_OPT_LIST
#define ADVANCED .flags = LEAT_OPT_ADVANCED
#define HISTORY .group = "Schema history"

static const char *const exchanges[] = {"off", "adopt", "mirror", NULL};

/* clang-format off */
const leat_opt leat_capture_history_options[] = {
    {.name = "schema.history.exchange", .label = "Debezium's schema history", HISTORY,
     .type = LEAT_OPT_ENUM, ADVANCED, AT(history_exchange, int64_t), .def = "off", .choices = exchanges,
     .help = "leat keeps its own schema history, and needs none of Debezium's. adopt: a connector that "
             "has none yet takes over what stands in Debezium's topic (or file) before it reads its "
             "first row: for one that goes on from Debezium's offsets. mirror: that, and what is noted "
             "from then on is written to the topic, too, so that Debezium can go on from leat's "
             "offsets. off: neither, and the options below do nothing."},
    {.name = "schema.history.internal", .label = "Kind of Debezium's history", HISTORY, TEXT, ADVANCED,
     AT(history_class, const char *),
     .def = "io.debezium.storage.kafka.history.KafkaSchemaHistory",
     .help = "With schema.history.exchange: io.debezium.storage.kafka.history.KafkaSchemaHistory, or "
             "io.debezium.storage.file.history.FileSchemaHistory, which can be adopted only."},
    {.name = "schema.history.internal.file.filename", .label = "History file", HISTORY, TEXT,
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE, AT(history_file, const char *),
     .help = "Debezium's file, for schema.history.exchange=adopt with FileSchemaHistory."},
    {.name = "schema.history.internal.kafka.bootstrap.servers", .label = "History brokers", HISTORY,
     LIST, ADVANCED, AT(history_brokers, leat_opt_list),
     .help = "Brokers that have Debezium's topic, as `host:port`."},
    {.name = "schema.history.internal.kafka.topic", .label = "History topic", HISTORY, TEXT, ADVANCED,
     AT(history_topic, const char *), .help = "Debezium's topic. It has one partition."},
    {.name = "schema.history.internal.consumer.*", .label = "History consumer", HISTORY,
     .type = LEAT_OPT_MANY, ADVANCED, AT(history_consumer, leat_opt_many),
     .help = "An option of the client that reads it, such as "
             "`schema.history.internal.consumer.security.protocol`."},
    {.name = "schema.history.internal.producer.*", .label = "History producer", HISTORY,
     .type = LEAT_OPT_MANY, ADVANCED, AT(history_producer, leat_opt_many),
     .help = "An option of the client that writes to it."},
    {0},
};
/* clang-format on */
