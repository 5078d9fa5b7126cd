/* The rows of a worker's options (config/worker.h): WorkerConfig, StandaloneConfig and
 * DistributedConfig of Kafka Connect 4.1 by their names, and what connectors have from them. */
#include "config/worker.h"

#include <stdio.h>

#include "config/rows.h"

#define ROWS_OF leat_worker_conf
#define ROWS_GROUP "Kafka Connect worker"

#define CLIENTS(option, i, text)                                                                   \
    {                                                                                              \
        .name = option, .label = option, .group = "Kafka's clients", .type = LEAT_OPT_MANY,        \
        .flags = LEAT_OPT_ADVANCED, AT(clients[i], leat_opt_many), .help = text                    \
    }

/* In the order of leat_worker_eos. */
static const char *const EOS[] = {"disabled", "preparing", "enabled", NULL};

/* clang-format off */
const leat_opt leat_worker_options[] = {
    {.name = "connection", .label = "Connection", .group = "Kafka Connect worker",
     .type = LEAT_OPT_STR, AT(connection, const char *),
     .help = "Name of a saved connection to Kafka: brokers and log-in come from there, unless a "
             "line here says otherwise. `leat connection list` names them."},
    {.name = "bootstrap.servers", .label = "Brokers", .group = "Kafka Connect worker",
     .type = LEAT_OPT_LIST, .flags = LEAT_OPT_REQUIRED, AT(brokers, leat_opt_list),
     .help = "Brokers of the Kafka that the connectors stream into, as `host:port`, separated by "
             "commas. `--kafka` says others."},
    {.name = "group.id", .label = "Group", .group = "Kafka Connect worker", .type = LEAT_OPT_STR,
     AT(group, const char *),
     .help = "Name of the cluster of workers. It is part of the transactional ids, so that a worker "
             "of Kafka Connect and leat fence each other."},
    {.name = "offset.storage.topic", .label = "Topic of offsets", .group = "Kafka Connect worker",
     .type = LEAT_OPT_STR, AT(offsets_topic, const char *),
     .help = "Topic in which Kafka Connect keeps offsets. leat writes there, too, what Kafka has "
             "acknowledged, so that a worker of Kafka Connect can go on with the connector."},
    {.name = "offset.flush.interval.ms", .label = "Time between offsets",
     .group = "Kafka Connect worker", .type = LEAT_OPT_MS, .flags = LEAT_OPT_ADVANCED,
     AT(offsets_ms, int64_t), .def = "60000", .min = 1, .max = 86400000,
     .help = "How often offsets are written to offset.storage.topic, and at the end. leat itself "
             "goes on from what it has noted on its disk, which is not behind."},
    {.name = "offset.storage.partitions", .label = "Partitions of offsets",
     .group = "Kafka Connect worker", .type = LEAT_OPT_INT, .flags = LEAT_OPT_ADVANCED,
     AT(offsets_partitions, int64_t), .def = "25", .min = -1, .max = 100000,
     .help = "Of that topic, if it is made. -1: as the broker's default says."},
    {.name = "offset.storage.replication.factor", .label = "Copies of offsets",
     .group = "Kafka Connect worker", .type = LEAT_OPT_INT, .flags = LEAT_OPT_ADVANCED,
     AT(offsets_replication, int64_t), .def = "3", .min = -1, .max = 32767,
     .help = "Of that topic, if it is made. -1: as the broker's default says."},
    {.name = "exactly.once.source.support", .label = "Exactly once",
     .group = "Kafka Connect worker", .type = LEAT_OPT_ENUM, .flags = LEAT_OPT_ADVANCED,
     AT(eos, int64_t), .def = "disabled", .choices = EOS,
     .help = "`enabled`: records and their offset are written in one Kafka transaction."},
    CLIENTS("producer.*", 0, "Options of the producer of all connectors."),
    CLIENTS("consumer.*", 1, "Options of the consumer that reads offsets."),
    CLIENTS("admin.*", 2, "Options of the client that makes topics."),
    {.name = "topic.creation.enable", .label = "Make topics", .group = "Kafka Connect worker",
     .type = LEAT_OPT_BOOL, .flags = LEAT_OPT_ADVANCED, AT(creation, bool), .def = "true",
     .help = "Topics are made as topic.creation.* of their connector says, before their first "
             "record."},
    TEXT("key.converter", handed[0], NULL, LEAT_OPT_ADVANCED,
         "Class of the keys' converter, for connectors that name none."),
    TEXT("value.converter", handed[1], NULL, LEAT_OPT_ADVANCED,
         "Class of the values' converter, for connectors that name none."),
    TEXT("header.converter", handed[2], NULL, LEAT_OPT_ADVANCED,
         "Class of the headers' converter, for connectors that name none."),
    TEXT("offset.storage.file.filename", handed[3], NULL, LEAT_OPT_ADVANCED,
           "File in which connect-standalone keeps offsets. A connector that starts here for the "
           "first time goes on where it stands there; the file is only read."),
    MANY("key.converter.*", options[0], LEAT_OPT_ADVANCED, "Options of the keys' converter."),
    MANY("value.converter.*", options[1], LEAT_OPT_ADVANCED, "Options of the values' converter."),
    MANY("header.converter.*", options[2], LEAT_OPT_ADVANCED, "Options of the headers' converter."),
    IGNORED("topic.tracking.enable", "true", "Which topics a connector has is always known."),
    IGNORED("topic.tracking.allow.reset", "true", "Which topics a connector has is always known."),
    IGNORED("connector.client.config.override.policy", "All",
            "Connectors may override what they like."),
    IGNORED("config.providers", NULL, "`env`, `file` and `dir` are there; a reference to any other "
            "one is an error where it stands."),
    IGNORED_ALL("config.providers.*", "`env`, `file` and `dir` are there; a reference to any other "
                "one is an error where it stands."),
    IGNORED("plugin.path", NULL, "Connectors are built in; leat plugins lists them."),
    IGNORED("plugin.discovery", "hybrid_warn", "Connectors are built in."),
    IGNORED("task.shutdown.graceful.timeout.ms", "5000",
            "A task is stopped in order and never left behind."),
    IGNORED("offset.flush.timeout.ms", "5000", "Offsets are durable as soon as their records are."),
    IGNORED("config.storage.topic", NULL, "Configurations are files, and state in the data folder."),
    IGNORED("config.storage.replication.factor", "3",
            "Configurations are files, and state in the data folder."),
    IGNORED_ALL("config.storage.*", "Configurations are files, and state in the data folder."),
    IGNORED("status.storage.topic", NULL, "leat status tells."),
    IGNORED("status.storage.replication.factor", "3", "leat status tells."),
    IGNORED("status.storage.partitions", "5", "leat status tells."),
    IGNORED_ALL("status.storage.*", "leat status tells."),
    IGNORED_ALL("offset.storage.*", "Of the topic of offsets, if it were made."),
    IGNORED("listeners", "http://:8083", "leat run serves no REST."),
    IGNORED_ALL("listeners.*", "leat run serves no REST."),
    IGNORED("admin.listeners", NULL, "leat run serves no REST."),
    IGNORED_ALL("admin.listeners.*", "leat run serves no REST."),
    IGNORED_ALL("rest.*", "leat run serves no REST."),
    IGNORED_ALL("access.control.allow.*", "leat run serves no REST."),
    IGNORED_ALL("response.http.*", "leat run serves no REST."),
    IGNORED_ALL("inter.worker.*", "One process runs all connectors of the command line."),
    IGNORED("connect.protocol", "sessioned", "One process runs all connectors of the command line."),
    IGNORED("session.timeout.ms", "10000", "leat is in no group of workers."),
    IGNORED("heartbeat.interval.ms", "3000", "leat is in no group of workers."),
    IGNORED("rebalance.timeout.ms", "60000", "leat is in no group of workers."),
    IGNORED("scheduled.rebalance.max.delay.ms", "300000", "leat is in no group of workers."),
    IGNORED_ALL("worker.*", "leat is in no group of workers."),
    {.name = NULL},
};
/* clang-format on */

bool leat_worker_is(const leat_props *props)
{
    static const char *const signs[] = {
        "bootstrap.servers",    "connection",           "offset.storage.file.filename",
        "offset.storage.topic", "config.storage.topic", NULL};
    if (leat_props_get(props, "connector.class")) return false;
    for (size_t i = 0; signs[i]; i++)
        if (leat_props_get(props, signs[i])) return true;
    return false;
}

/* The options of a converter go with its class: a connector that names no class has the worker's
 * converter as the worker set it up. */
static void inherit_converter(const leat_props *worker, const char *name, leat_props *connector,
                              leat_arena *a, leat_report *r)
{
    char prefix[40];
    const char *klass = leat_props_get(worker, name);
    snprintf(prefix, sizeof prefix, "%s.", name);
    if (leat_props_get(connector, name) || !klass) return;
    for (leat_prop **at = &connector->first; *at;) {
        leat_prop *p = *at;
        if (!leat_str_starts(leat_str_of(p->name), prefix)) {
            at = &p->next;
            continue;
        }
        leat_report_add(
            r, true, p->name, p->line,
            "does not count: the connector sets no %s, so the worker's one is used with "
            "the worker's options, as in Kafka Connect; set %s here too",
            name, name);
        *at = p->next;
    }
    connector->tail = &connector->first;
    while (*connector->tail) connector->tail = &(*connector->tail)->next;
    leat_props_set(connector, a, leat_str_of(name), leat_str_of(klass), 0);
    for (const leat_prop *p = worker->first; p; p = p->next)
        if (leat_str_starts(leat_str_of(p->name), prefix))
            leat_props_set(connector, a, leat_str_of(p->name), leat_str_of(p->value), 0);
}

void leat_worker_inherit(const leat_props *worker, leat_props *connector, leat_arena *a,
                         leat_report *r)
{
    static const char *const converters[] = {"key.converter", "value.converter",
                                             "header.converter"};
    static const char file[] = "offset.storage.file.filename";
    for (size_t i = 0; i < sizeof converters / sizeof *converters; i++)
        inherit_converter(worker, converters[i], connector, a, r);
    if (leat_props_get(worker, file) && !leat_props_get(connector, file))
        leat_props_set(connector, a, leat_str_of(file), leat_str_of(leat_props_get(worker, file)),
                       0);
}
