/* The rows of what leat's clients of Kafka can be told (stream/kafka/options.h): ProducerConfig,
 * ConsumerConfig, AdminClientConfig, SaslConfigs and SslConfigs of Kafka 4.1 by their names.
 *
 * What only restates a promise that leat keeps anyway (acks, retries, idempotence) has no effect;
 * what would weaken or change what is sent, and librdkafka cannot do, is missing. Pure. */
#include "stream/kafka/options.h"

#include "config/rows.h"

#define ROWS_OF leat_kafka_client
#define ROWS_GROUP "Kafka client"

enum { DAY_MS = 86400000, MINUTES_MS = 300000, BUFFER_MOST = 100000000, BYTES_MOST = 1000000000 };

/* In the order of leat_kafka_protocol. */
static const char *const PROTOCOLS[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", NULL};
static const char *const COMPRESSIONS[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};

/* clang-format off */
static const leat_opt all_clients[] = {
    {.name = "bootstrap.servers", .label = "Brokers", .group = "Kafka client", .type = LEAT_OPT_LIST,
     AT(bootstrap, leat_opt_list),
     .help = "Brokers to begin with, as `host:port`, separated by commas. The others are found "
             "through them."},
    TEXT("client.id", client_id, NULL, LEAT_OPT_ADVANCED,
         "Name of the client in the brokers' logs and quotas. By default one that names the "
         "connector."),
    {.name = "security.protocol", .label = "Security", .group = "Kafka client",
     .type = LEAT_OPT_ENUM, AT(protocol, int64_t), .def = "PLAINTEXT", .choices = PROTOCOLS,
     .help = "How to talk to the brokers: with TLS (`SSL`), with a log-in (`SASL_`), with both."},
    TEXT("sasl.mechanism", mechanism, "GSSAPI", 0,
         "How to log in: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER` or `GSSAPI`."),
    TEXT("sasl.jaas.config", jaas, NULL, LEAT_OPT_SECRET,
         "Who logs in, as Java's clients write it: `org.apache.kafka.common.security.scram."
         "ScramLoginModule required username=\"alice\" password=\"...\";`. Also the login modules "
         "of PLAIN, OAUTHBEARER and Kerberos."),
    TEXT("sasl.login.callback.handler.class", callback, NULL, LEAT_OPT_ADVANCED,
         "For OAUTHBEARER: a class `...OAuthBearerLoginCallbackHandler` says that tokens are fetched "
         "from sasl.oauthbearer.token.endpoint.url. No other is known."),
    TEXT("sasl.oauthbearer.token.endpoint.url", token_url, NULL, 0,
         "For OAUTHBEARER: where a token is to be had for clientId and clientSecret."),
    TEXT("sasl.oauthbearer.client.credentials.client.id", oauth_id, NULL, 0,
         "For OAUTHBEARER: the client's id, unless sasl.jaas.config says clientId."),
    TEXT("sasl.oauthbearer.client.credentials.client.secret", oauth_secret, NULL, LEAT_OPT_SECRET,
         "For OAUTHBEARER: its secret, unless sasl.jaas.config says clientSecret."),
    TEXT("sasl.oauthbearer.scope", oauth_scope, NULL, LEAT_OPT_ADVANCED,
         "For OAUTHBEARER: the scope that is asked for, unless sasl.jaas.config says scope."),
    TEXT("sasl.kerberos.service.name", kerberos_service, NULL, 0,
         "For GSSAPI: the brokers' principal without its host, unless sasl.jaas.config says it."),
    TEXT("sasl.kerberos.kinit.cmd", kinit, NULL, LEAT_OPT_ADVANCED | LEAT_OPT_CODE,
         "For GSSAPI: the command that fetches a ticket for the key table, `kinit` by default."),
    NUMBER("sasl.kerberos.min.time.before.relogin", relogin_ms, LEAT_OPT_MS, "60000", 0, DAY_MS,
           "For GSSAPI: least time between two calls of sasl.kerberos.kinit.cmd."),
    TEXT("ssl.truststore.type", truststore_type, "JKS", LEAT_OPT_ADVANCED,
         "Form of the trust store: `PEM` or `PKCS12`. A file's form is seen from the file itself; "
         "Java's old form JKS cannot be read."),
    TEXT("ssl.truststore.location", truststore, NULL, LEAT_OPT_FILE,
         "File of the certificates that sign the brokers' ones: PEM or PKCS12. By default those that "
         "the system trusts."),
    TEXT("ssl.truststore.password", truststore_password, NULL, LEAT_OPT_SECRET,
         "Password of a trust store in PKCS12."),
    TEXT("ssl.truststore.certificates", truststore_pem, NULL, 0,
         "The certificates themselves, in PEM, instead of a file."),
    TEXT("ssl.keystore.type", keystore_type, "JKS", LEAT_OPT_ADVANCED,
         "Form of the key store: `PEM` or `PKCS12`. A file's form is seen from the file itself; "
         "Java's old form JKS cannot be read."),
    TEXT("ssl.keystore.location", keystore, NULL, LEAT_OPT_FILE,
         "File of the client's own key and certificates, for brokers that want one: PEM or PKCS12."),
    TEXT("ssl.keystore.password", keystore_password, NULL, LEAT_OPT_SECRET,
         "Password of a key store in PKCS12."),
    TEXT("ssl.key.password", key_password, NULL, LEAT_OPT_SECRET,
         "Password of an encrypted key in PEM."),
    TEXT("ssl.keystore.key", key_pem, NULL, LEAT_OPT_SECRET,
         "The key itself, in PEM, instead of a file."),
    TEXT("ssl.keystore.certificate.chain", chain_pem, NULL, 0,
         "The certificates of ssl.keystore.key, in PEM."),
    TEXT("ssl.endpoint.identification.algorithm", identification, "https", LEAT_OPT_ADVANCED,
         "`https`: a broker's certificate must name its host. Empty: any certificate that the trust "
         "store signs will do."),
    NUMBER("request.timeout.ms", request_ms, LEAT_OPT_MS, "30000", 10, MINUTES_MS,
           "How long a request to a broker may take before its connection is given up and the request "
           "is sent again."),
    NUMBER("metadata.max.age.ms", metadata_age_ms, LEAT_OPT_MS, "300000", 1, DAY_MS,
           "After so long topics, partitions and brokers are asked for again."),
    NUMBER("reconnect.backoff.ms", reconnect_ms, LEAT_OPT_MS, "50", 0, DAY_MS,
           "Pause before a broker that was lost is tried again; it doubles each time."),
    NUMBER("reconnect.backoff.max.ms", reconnect_max_ms, LEAT_OPT_MS, "1000", 0, DAY_MS,
           "The pause between attempts grows up to this."),
    NUMBER("retry.backoff.ms", retry_ms, LEAT_OPT_MS, "100", 1, MINUTES_MS,
           "Pause before a request that failed is sent again."),
    NUMBER("connections.max.idle.ms", idle_ms, LEAT_OPT_MS, "540000", 0, DAY_MS,
           "Connections that nobody used so long are closed. 0: never."),
    NUMBER("socket.connection.setup.timeout.ms", setup_ms, LEAT_OPT_MS, "10000", 1000, MINUTES_MS,
           "How long connecting, TLS and the log-in may take together."),
    NUMBER("send.buffer.bytes", send_buffer, LEAT_OPT_BYTES, "-1", -1, BUFFER_MOST,
           "The system's buffer of a connection. -1: as the system has it."),
    NUMBER("receive.buffer.bytes", receive_buffer, LEAT_OPT_BYTES, "-1", -1, BUFFER_MOST,
           "The system's buffer of a connection. -1: as the system has it."),
    IGNORED("client.dns.lookup", "use_all_dns_ips", "All addresses of a name are tried."),
    IGNORED("retries", "2147483647", "A request is repeated until it is done."),
    IGNORED("retry.backoff.max.ms", "1000", "The pause is retry.backoff.ms each time."),
    IGNORED("socket.connection.setup.timeout.max.ms", "30000",
            "Each attempt has socket.connection.setup.timeout.ms."),
    IGNORED("ssl.protocol", "TLSv1.3", "The newest protocol that both sides know is taken."),
    IGNORED("ssl.provider", NULL, "TLS is OpenSSL's."),
    IGNORED("ssl.keymanager.algorithm", NULL, "TLS is OpenSSL's."),
    IGNORED("ssl.trustmanager.algorithm", NULL, "TLS is OpenSSL's."),
    IGNORED("ssl.secure.random.implementation", NULL, "TLS is OpenSSL's."),
    IGNORED("security.providers", NULL, "TLS is OpenSSL's."),
    MISSING("ssl.enabled.protocols", "TLSv1.2,TLSv1.3", "Protocols that may be used."),
    MISSING("ssl.cipher.suites", "", "Ciphers that may be used, by Java's names."),
    MISSING("ssl.engine.factory.class", "", "A Java class."),
    MISSING("sasl.client.callback.handler.class", "", "A Java class."),
    MISSING("sasl.login.class", "", "A Java class."),
    IGNORED_ALL("sasl.login.*", "When tokens and tickets are renewed is decided by librdkafka."),
    MISSING("sasl.oauthbearer.jwt.retriever.class", "", "A Java class."),
    IGNORED_ALL("sasl.oauthbearer.*", "Of how brokers check tokens."),
    IGNORED_ALL("sasl.kerberos.*", "When tickets are renewed is decided by librdkafka."),
    IGNORED_ALL("metrics.*", "Java's metrics; see leat status."),
    IGNORED_ALL("metric.*", "Java's metrics; see leat status."),
    IGNORED("auto.include.jmx.reporter", NULL, "Java's metrics; see leat status."),
    IGNORED("enable.metrics.push", "true", "No metrics are pushed to the brokers."),
    IGNORED("metadata.recovery.strategy", "rebootstrap", "bootstrap.servers are tried again too."),
    IGNORED("metadata.recovery.rebootstrap.trigger.ms", "300000",
            "bootstrap.servers are tried again too."),
    {.name = NULL},
};

static const leat_opt producer[] = {
    {.name = "compression.type", .label = "Compression", .group = "Producer", .type = LEAT_OPT_ENUM,
     AT(compression, int64_t), .def = "none", .choices = COMPRESSIONS,
     .help = "How batches of records are compressed."},
    NUMBER("compression.gzip.level", gzip_level, LEAT_OPT_INT, "-1", -1, 9,
           "1 is fast, 9 is small, -1 the usual one."),
    NUMBER("compression.lz4.level", lz4_level, LEAT_OPT_INT, "0", 0, 12,
           "0 is fast, 12 is small."),
    NUMBER("compression.zstd.level", zstd_level, LEAT_OPT_INT, "3", -1, 12,
           "1 is fast, 12 is small."),
    NUMBER("linger.ms", linger_ms, LEAT_OPT_MS, "0", 0, 60000,
           "How long a record waits for others to share a request with. 0: it goes at once when "
           "nothing is on its way; under load records are sent together all the same."),
    NUMBER("batch.size", batch_bytes, LEAT_OPT_BYTES, "1000000", 1, 1 << 30,
           "Most bytes of one batch of a partition."),
    NUMBER("buffer.memory", buffer_bytes, LEAT_OPT_BYTES, "33554432", 1 << 20, BYTES_MOST,
           "Most bytes of records that the producer holds. Bounded by limits.memory too."),
    NUMBER("max.request.size", request_bytes, LEAT_OPT_BYTES, "1048576", 1000, BYTES_MOST,
           "Largest record. The topic's max.message.bytes must allow it too."),
    NUMBER("max.in.flight.requests.per.connection", in_flight, LEAT_OPT_INT, "5", 1, 5,
           "Requests on their way to one broker. Order is kept with up to 5."),
    NUMBER("transaction.timeout.ms", transaction_ms, LEAT_OPT_MS, "60000", 1000, 900000,
           "With exactly once: after so long a broker aborts a transaction whose producer is gone."),
    IGNORED("acks", "all", "A record is done when all replicas in sync have it, always."),
    IGNORED("enable.idempotence", "true", "Repeats are recognized by the broker, always."),
    IGNORED("delivery.timeout.ms", "2147483647",
            "A record is sent until it is acknowledged; while Kafka is away, records are spooled."),
    IGNORED("max.block.ms", NULL, "While Kafka is away, records are spooled."),
    IGNORED("key.serializer", NULL, "Keys are made by key.converter."),
    IGNORED("value.serializer", NULL, "Values are made by value.converter."),
    IGNORED("transactional.id", NULL, "With exactly once it is that of Kafka Connect."),
    IGNORED("metadata.max.idle.ms", "300000", "Topics are known as long as the connector runs."),
    IGNORED("partitioner.adaptive.partitioning.enable", "true",
            "Records without a key go to any partition."),
    IGNORED("partitioner.availability.timeout.ms", "0",
            "Records without a key go to any partition."),
    MISSING("partitioner.class", "", "Another partitioner than Java's default one."),
    MISSING("partitioner.ignore.keys", "false", "Records with a key go to any partition."),
    MISSING("interceptor.classes", "", "Java classes."),
    MISSING("transaction.two.phase.commit.enable", "false", "Transactions that another commits."),
    {.name = NULL},
};

static const leat_opt consumer[] = {
    TEXT("client.rack", client_rack, NULL, LEAT_OPT_ADVANCED,
         "Where this client is; a broker near to it may then answer."),
    MISSING("interceptor.classes", "", "Java classes."),
    IGNORED("isolation.level", NULL, "leat decides, by what it reads."),
    IGNORED("allow.auto.create.topics", NULL, "Reading makes no topic."),
    IGNORED("check.crcs", "true", "Checksums are looked at."),
    IGNORED("key.deserializer", NULL, "leat reads bytes."),
    IGNORED("value.deserializer", NULL, "leat reads bytes."),
    IGNORED("default.api.timeout.ms", NULL, "Each step has a bound of its own."),
    IGNORED_ALL("group.*", "leat is in no consumer group."),
    IGNORED_ALL("auto.*", "leat is in no consumer group."),
    IGNORED_ALL("enable.*", "leat is in no consumer group."),
    IGNORED_ALL("exclude.*", "leat is in no consumer group."),
    IGNORED_ALL("partition.*", "leat is in no consumer group."),
    IGNORED_ALL("fetch.*", "What is read at once is bounded by leat."),
    IGNORED_ALL("max.*", "What is read at once is bounded by leat."),
    IGNORED("session.timeout.ms", NULL, "leat is in no consumer group."),
    IGNORED("heartbeat.interval.ms", NULL, "leat is in no consumer group."),
    {.name = NULL},
};

static const char *const RESETS[] = {"earliest", "latest", NULL};

/* A consumer of signals only: before those of all consumers. */
static const leat_opt signals[] = {
    {.name = "group.id", .label = "group.id", .group = "Kafka client", .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_ADVANCED, .off = LEAT_OPT_AT(leat_kafka_signal_conf, group, const char *),
     .help = "The group under whose name the place in the topic is kept."},
    {.name = "auto.offset.reset", .label = "auto.offset.reset", .group = "Kafka client",
     .type = LEAT_OPT_ENUM, .flags = LEAT_OPT_ADVANCED,
     .off = LEAT_OPT_AT(leat_kafka_signal_conf, reset, int64_t), .def = "earliest",
     .choices = RESETS, .help = "Where to begin where the group has no place."},
    IGNORED("enable.auto.commit", NULL, "A signal's place is committed when it is done."),
    {.name = NULL},
};

static const char *const ISOLATIONS[] = {"read_uncommitted", "read_committed", NULL};

#define OF_SINK(field, type) .off = LEAT_OPT_AT(leat_kafka_sink_conf, field, type)

/* The consumer of a sink only: before those of all consumers. */
static const leat_opt sink[] = {
    {.name = "group.id", .label = "group.id", .group = "Kafka client", .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_ADVANCED, OF_SINK(group, const char *),
     .help = "The consumer group of a sink. By default `connect-` and the connector's name, as "
             "Kafka Connect calls it."},
    {.name = "group.instance.id", .label = "group.instance.id", .group = "Kafka client",
     .type = LEAT_OPT_STR, .flags = LEAT_OPT_ADVANCED, OF_SINK(instance, const char *),
     .help = "A name for this member of the group: a short restart then moves no partitions."},
    {.name = "auto.offset.reset", .label = "auto.offset.reset", .group = "Kafka client",
     .type = LEAT_OPT_ENUM, .flags = LEAT_OPT_ADVANCED, OF_SINK(reset, int64_t),
     .def = "earliest", .choices = RESETS,
     .help = "Where a sink begins in a partition of which the group has no place. Where it is "
             "written down, a sink whose next records were removed from the topic goes on there "
             "too, and tells what it lacks; where it is not, it stops."},
    {.name = "isolation.level", .label = "isolation.level", .group = "Kafka client",
     .type = LEAT_OPT_ENUM, .flags = LEAT_OPT_ADVANCED, OF_SINK(isolation, int64_t),
     .def = "read_uncommitted", .choices = ISOLATIONS,
     .help = "`read_committed`: a sink sees no records of transactions that were aborted or are "
             "open."},
    {.name = "session.timeout.ms", .label = "session.timeout.ms", .group = "Kafka client",
     .type = LEAT_OPT_MS, .flags = LEAT_OPT_ADVANCED, OF_SINK(session_ms, int64_t),
     .def = "45000", .min = 1, .max = 3600000,
     .help = "A sink that the brokers have not heard of for so long loses its partitions."},
    {.name = "heartbeat.interval.ms", .label = "heartbeat.interval.ms", .group = "Kafka client",
     .type = LEAT_OPT_MS, .flags = LEAT_OPT_ADVANCED, OF_SINK(heartbeat_ms, int64_t),
     .def = "3000", .min = 1, .max = 3600000, .help = "How often they hear of it."},
    {.name = "max.poll.interval.ms", .label = "max.poll.interval.ms", .group = "Kafka client",
     .type = LEAT_OPT_MS, .flags = LEAT_OPT_ADVANCED, OF_SINK(poll_ms, int64_t),
     .def = "300000", .min = 1, .max = DAY_MS,
     .help = "A sink whose target has held it up for so long loses its partitions."},
    IGNORED("enable.auto.commit", NULL, "What the target has is committed, nothing else."),
    IGNORED("max.poll.records", NULL, "What is read at once is bounded by leat."),
    IGNORED("partition.assignment.strategy", NULL, "Partitions are given by ranges."),
    {.name = NULL},
};

static const leat_opt admin[] = {
    IGNORED("default.api.timeout.ms", NULL, "Each step has a bound of its own."),
    IGNORED("bootstrap.controllers", NULL, "leat asks the brokers."),
    {.name = NULL},
};

const leat_opt leat_kafka_connector_options[] = {
    ROW("topic.creation.groups", "", LEAT_OPT_LIST, 0,
        "Names of groups of topics, tried in this order. Topics that fit none are of the group "
        "`default`."),
    ROW("topic.creation.*.include", NULL, LEAT_OPT_MANY, LEAT_OPT_REGEX,
        "Regular expressions of the group's topics; one must fit the whole name."),
    ROW("topic.creation.*.exclude", NULL, LEAT_OPT_MANY, LEAT_OPT_REGEX,
        "Regular expressions of topics that are not of the group all the same."),
    ROW("topic.creation.*.replication.factor", NULL, LEAT_OPT_MANY, 0,
        "Copies of each partition; -1: as the broker's default says. Required for the group "
        "`default`; other groups have it from there."),
    ROW("topic.creation.*.partitions", NULL, LEAT_OPT_MANY, 0,
        "Partitions of a new topic; -1: as the broker's default says. Required for the group "
        "`default`; other groups have it from there."),
    ROW("topic.creation.*.*", NULL, LEAT_OPT_MANY, 0,
        "Any option of a topic, such as `cleanup.policy`, for those that are made."),
    ROW("producer.override.*", NULL, LEAT_OPT_MANY, 0,
        "An option of the producer, for this connector."),
    ROW("consumer.override.*", NULL, LEAT_OPT_MANY, 0,
        "An option of the consumer, for this connector: of a sink the one that reads its topics, "
        "of a source the one that reads offsets."),
    ROW("admin.override.*", NULL, LEAT_OPT_MANY, 0,
        "An option of the client that makes topics, for this connector."),
    {.name = NULL},
};
/* clang-format on */

static const leat_opt *const of_producer[] = {all_clients, producer, NULL};
static const leat_opt *const of_consumer[] = {all_clients, consumer, NULL};
const leat_opt *const leat_kafka_signal_options[] = {signals, all_clients, consumer, NULL};
const leat_opt *const leat_kafka_sink_options[] = {sink, all_clients, consumer, NULL};
static const leat_opt *const of_admin[] = {all_clients, admin, NULL};

const leat_opt *const *const leat_kafka_client_options[3] = {
    [LEAT_KAFKA_PRODUCER] = of_producer,
    [LEAT_KAFKA_CONSUMER] = of_consumer,
    [LEAT_KAFKA_ADMIN] = of_admin,
};
