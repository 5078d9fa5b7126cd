/* Connections to Kafka, as the stream of connectors: their parameters, and a test by what
 * `leat check` asks of brokers. A worker's file takes one by `connection=NAME`.
 *
 * Tables, and one function that puts user and password into sasl.jaas.config. Any thread. */
#include "engine/kafka_system.h"
#include "config/worker.h"
#include "stream/kafka/check.h"
#include "system/system.h"

static const char *const protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", NULL};

#define ROW(option, title, kind, flag, text)                                                       \
    .name = option, .label = title, .group = "Connection", .type = kind, .flags = flag, .help = text

static const leat_opt parameters[] = {
    {ROW("bootstrap.servers", "Brokers", LEAT_OPT_LIST, LEAT_OPT_REQUIRED,
         "Brokers to begin with, as `host:port`, separated by commas.")},
    {ROW("security.protocol", "Security Protocol", LEAT_OPT_ENUM, 0,
         "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."),
     .def = "PLAINTEXT", .choices = protocols},
    {ROW("sasl.mechanism", "Mechanism", LEAT_OPT_STR, 0,
         "How to log in: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `GSSAPI` or `OAUTHBEARER`.")},
    {ROW("username", "Username", LEAT_OPT_STR, 0, "For PLAIN and SCRAM.")},
    {ROW("password", "Password", LEAT_OPT_STR, LEAT_OPT_SECRET, "For PLAIN and SCRAM.")},
    {ROW("sasl.jaas.config", "JAAS", LEAT_OPT_STR, LEAT_OPT_SECRET | LEAT_OPT_ADVANCED,
         "The log-in as Java's clients have it, instead of user and password.")},
    {ROW("ssl.truststore.location", "Authorities", LEAT_OPT_STR, LEAT_OPT_FILE | LEAT_OPT_ADVANCED,
         "File of the authorities that brokers' certificates are checked by: PEM or PKCS12.")},
    {ROW("ssl.truststore.password", "Its password", LEAT_OPT_STR,
         LEAT_OPT_SECRET | LEAT_OPT_ADVANCED, "Password of a PKCS12 file.")},
    {ROW("ssl.keystore.location", "Client certificate", LEAT_OPT_STR,
         LEAT_OPT_FILE | LEAT_OPT_ADVANCED, "File of the client's key and certificates.")},
    {ROW("ssl.keystore.password", "Its password", LEAT_OPT_STR, LEAT_OPT_SECRET | LEAT_OPT_ADVANCED,
         "Password of a PKCS12 file.")},
    {ROW("ssl.key.password", "Key's password", LEAT_OPT_STR, LEAT_OPT_SECRET | LEAT_OPT_ADVANCED,
         "Password of an encrypted key in PEM.")},
    {.name = NULL},
};
static const leat_opt *const tables[] = {parameters, NULL};

static const leat_system_map map[] = {
    {"bootstrap.servers", "bootstrap.servers"},
    {"security.protocol", "security.protocol"},
    {"sasl.mechanism", "sasl.mechanism"},
    {"sasl.jaas.config", "sasl.jaas.config"},
    {"ssl.truststore.location", "ssl.truststore.location"},
    {"ssl.truststore.password", "ssl.truststore.password"},
    {"ssl.keystore.location", "ssl.keystore.location"},
    {"ssl.keystore.password", "ssl.keystore.password"},
    {"ssl.key.password", "ssl.key.password"},
    {NULL, NULL},
};

/* A value of JAAS in double quotes. */
static void put_quoted(leat_buf *out, const char *text)
{
    leat_buf_u8(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') leat_buf_u8(out, '\\');
        leat_buf_u8(out, (unsigned char)*text);
    }
    leat_buf_u8(out, '"');
}

static void put(const leat_props *given, leat_arena *a, leat_props *options)
{
    const char *user = leat_props_get(given, "username"),
               *password = leat_props_get(given, "password");
    leat_str mechanism = leat_str_of(leat_props_get(given, "sasl.mechanism"));
    leat_buf jaas = {0};
    if (!user || leat_props_get(options, "sasl.jaas.config")) return;
    leat_buf_printf(&jaas, "org.apache.kafka.common.security.%s required username=",
                    leat_str_starts(mechanism, "SCRAM") ? "scram.ScramLoginModule"
                                                        : "plain.PlainLoginModule");
    put_quoted(&jaas, user);
    leat_buf_str_z(&jaas, " password=");
    put_quoted(&jaas, password ? password : "");
    leat_buf_u8(&jaas, ';');
    leat_props_set(options, a, LEAT_STR("sasl.jaas.config"), leat_buf_str(&jaas), 0);
    leat_buf_free(&jaas);
}

static const leat_system_face faces[] = {
    {.connector = "worker", .map = map, .put = put},
    {.connector = NULL},
};

static leat_rc check(const leat_trial *t, leat_checker *c, leat_err *e)
{
    static const char *const topics[] = {NULL};
    leat_props worker, connector;
    leat_kafka_clients clients = {0};
    leat_report r;
    leat_report_init(&r, t->a);
    leat_props_init(&connector, NULL);
    leat_system_options(&faces[0], t->parameters, t->a, &worker);
    if (!leat_kafka_options_read(&worker, &connector, false, t->a, &clients, &r))
        return leat_report_err(&r, "the connection", e);
    const leat_kafka_check_conf conf = {.kafka = &clients,
                                        .connector = "leat-check",
                                        .topics = topics,
                                        .step = leat_kafka_step_tell,
                                        .arg = c};
    return leat_kafka_check(&conf, e);
}

static const leat_strategy strategies[] = {
    {.name = "stream",
     .label = "By Stream",
     .help = "Topics of Kafka as the stream of connectors: a worker's file names the connection.",
     .check = check},
    {.name = NULL},
};

const leat_system leat_system_kafka = {
    .abi = LEAT_SYSTEM_ABI,
    .size = sizeof(leat_system),
    .name = "kafka",
    .label = "Kafka",
    .help = "Apache Kafka, as the stream that connectors write to and read from.",
    .parameters = tables,
    .faces = faces,
    .strategies = strategies,
    .strategy = "stream",
};

void leat_kafka_step_tell(void *arg, const leat_kafka_step *s)
{
    static const leat_step_state STATES[] = {
        [LEAT_KAFKA_STEP_OK] = LEAT_STEP_OK,
        [LEAT_KAFKA_STEP_FAILED] = LEAT_STEP_FAILED,
        [LEAT_KAFKA_STEP_WARN] = LEAT_STEP_WARN,
        [LEAT_KAFKA_STEP_SKIPPED] = LEAT_STEP_SKIPPED,
    };
    leat_check_step(arg, &(leat_step){.name = s->name,
                                      .state = STATES[s->state],
                                      .code = s->code,
                                      .detail = s->detail,
                                      .advice = s->advice});
}
