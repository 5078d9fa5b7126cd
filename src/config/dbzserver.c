/* Debezium Server's application.properties (config/dbzserver.h): the rows of its names, and where
 * each goes. How values come about is in dbzserver_value.c. */
#include "config/dbzserver.h"

#include "config/connector.h"
#include "config/dbzserver_value.h"
#include "config/rows.h"

#define ROWS_OF server_conf
#define ROWS_GROUP "Debezium Server"

enum { KEY, VALUE, HEADER, PARTS };
static const char *const CONVERTERS[PARTS] = {"key.converter", "value.converter",
                                              "header.converter"};

typedef struct server_conf {
    const char *sink;
    const char *format[PARTS];
    leat_opt_many source, producer, of_format[PARTS], of_all, transforms, predicates;
    const char *transform_names, *predicate_names, *profile;
} server_conf;

/* clang-format off */
const leat_opt leat_dbzserver_options[] = {
    MANY("debezium.source.*", source, 0, "An option of the connector, under its own name."),
    TEXT("debezium.sink.type", sink, NULL, 0,
         "`kafka`: selects the stream kafka. Of other sinks there is none yet."),
    MANY("debezium.sink.kafka.producer.*", producer, 0,
         "An option of Kafka's producer. `bootstrap.servers`, `security.*`, `sasl.*` and `ssl.*` "
         "hold for the clients that make topics and read offsets too."),
    IGNORED("debezium.sink.kafka.wait.message.delivery.timeout.ms", NULL,
            "A record is sent until it is acknowledged; while Kafka is away, records are spooled."),
    TEXT("debezium.format.key", format[KEY], "json", 0,
         "`json`, or `jsonbytearray`, which is the same in Kafka."),
    TEXT("debezium.format.value", format[VALUE], "json", 0,
         "`json`, or `jsonbytearray`, which is the same in Kafka."),
    TEXT("debezium.format.header", format[HEADER], "json", 0,
         "`json`, or `jsonbytearray`, which is the same in Kafka."),
    MANY("debezium.format.key.*", of_format[KEY], 0, "An option of the keys' converter."),
    MANY("debezium.format.value.*", of_format[VALUE], 0, "An option of the values' converter."),
    MANY("debezium.format.header.*", of_format[HEADER], 0, "An option of the headers' converter."),
    MANY("debezium.format.*", of_all, 0, "An option of all three converters."),
    TEXT("debezium.transforms", transform_names, NULL, 0, "Single message transforms, by name."),
    MANY("debezium.transforms.*", transforms, 0, "An option of a transform."),
    TEXT("debezium.predicates", predicate_names, NULL, 0, "Predicates of transforms, by name."),
    MANY("debezium.predicates.*", predicates, 0, "An option of a predicate."),
    IGNORED("debezium.termination.wait", NULL, "A connector is stopped in order; see leat stop."),
    IGNORED("debezium.engine.factory", NULL, "A Java class."),
    IGNORED_ALL("debezium.api.*", "leat run serves no REST; see docs/control.md."),
    IGNORED_ALL("debezium.quarkus.*", "Belongs to Quarkus; `leat run --log-level` is for logs."),
    TEXT("quarkus.profile", profile, "prod", 0,
         "Profiles whose `%PROFILE.NAME` count; QUARKUS_PROFILE of the environment goes before."),
    IGNORED_ALL("quarkus.*", "Belongs to Quarkus; `leat run --log-level` is for logs."),
    IGNORED_ALL("debezium.sink.*", "Belongs to another sink than the one that debezium.sink.type "
                "names."),
    {.name = NULL},
};
/* clang-format on */

static const leat_opt *const TABLES[] = {leat_dbzserver_options, NULL};

bool leat_dbzserver_is(const leat_props *props)
{
    for (const leat_prop *p = props->first; p; p = p->next) {
        leat_str name = leat_str_of(p->name);
        if (leat_str_starts(name, "%")) leat_str_cut(&name, '.');
        if (!name.s) continue;
        if (leat_str_starts(name, "debezium.source.") || leat_str_starts(name, "debezium.sink."))
            return true;
    }
    return false;
}

/* ---- where a property goes ---- */

typedef struct server {
    leat_arena *a;
    const leat_props *props; /* effective */
    leat_config *out;
    leat_report *r;
} server;

/* m as name in props; what it says there already stays, unless over. The value as it was written:
 * blanks behind a password belong to it. */
static void put(const server *s, leat_props *props, const char *name, const leat_opt_match *m,
                bool over)
{
    if (!over && leat_props_get(props, name)) return;
    const char *value = leat_props_get(s->props, m->name);
    leat_prop *p = leat_props_set(props, s->a, leat_str_of(name), leat_str_of(value), m->line);
    p->said = leat_arena_strdup(s->a, m->name);
}

static void put_all(const server *s, leat_props *props, const char *prefix,
                    const leat_opt_many *many, bool over)
{
    for (size_t i = 0; i < many->n; i++)
        put(s, props, leat_arena_printf(s->a, "%s%s", prefix, many->v[i].star[0]), &many->v[i],
            over);
}

static void put_producer(const server *s, const leat_opt_many *many)
{
    static const char *const shared[] = {"security.",         "sasl.", "ssl.", "bootstrap.servers",
                                         "client.dns.lookup", NULL};
    for (size_t i = 0; i < many->n; i++) {
        const char *name = many->v[i].star[0];
        bool all = false;
        for (size_t k = 0; shared[k] && !all; k++)
            all = leat_str_starts(leat_str_of(name), shared[k]);
        put(s, s->out->worker, all ? name : leat_arena_printf(s->a, "producer.%s", name),
            &many->v[i], true);
    }
    if (!leat_props_get(s->out->worker, "bootstrap.servers"))
        leat_report_add(s->r, false, "debezium.sink.kafka.producer.bootstrap.servers", 0,
                        "is required, but not set: the brokers, as host:port");
}

/* debezium.transforms and its like: the list, then what belongs to its members. */
static void put_list(const server *s, const char *name, const char *names,
                     const leat_opt_many *many)
{
    if (!names) return;
    leat_opt_match m = {.name = leat_arena_printf(s->a, "debezium.%s", name)};
    put(s, &s->out->props, name, &m, true);
    put_all(s, &s->out->props, leat_arena_printf(s->a, "%s.", name), many, true);
}

static void check_format(const server *s, const char *format, const char *option)
{
    static const char *const good[] = {"json", "jsonbytearray", NULL};
    static const char *const known[] = {"cloudevents",  "avro",    "protobuf",       "binary",
                                        "simplestring", "connect", "clientprovided", NULL};
    for (size_t i = 0; good[i]; i++)
        if (strcmp(format, good[i]) == 0) return;
    bool is_known = false;
    for (size_t i = 0; known[i] && !is_known; i++) is_known = strcmp(format, known[i]) == 0;
    leat_report_add(s->r, false, option, 0, "is \"%s\": %s; json and jsonbytearray are there",
                    format,
                    is_known ? "a format that is not built yet, and another one would change the "
                               "data"
                             : "no format that Debezium Server has");
}

static void put_formats(const server *s, const server_conf *conf)
{
    static const char *const options[PARTS] = {"debezium.format.key", "debezium.format.value",
                                               "debezium.format.header"};
    for (size_t i = 0; i < PARTS; i++) {
        const char *prefix = leat_arena_printf(s->a, "%s.", CONVERTERS[i]);
        check_format(s, conf->format[i], options[i]);
        leat_props_set(&s->out->props, s->a, leat_str_of(CONVERTERS[i]),
                       LEAT_STR(LEAT_JSON_CONVERTER), 0);
        put_all(s, &s->out->props, prefix, &conf->of_format[i], true);
        put_all(s, &s->out->props, prefix, &conf->of_all, false);
    }
}

static void check_sink(const server *s, const char *type)
{
    if (!type)
        leat_report_add(s->r, false, "debezium.sink.type", 0,
                        "is required, but not set; there is kafka");
    else if (strcmp(type, "kafka") != 0)
        leat_report_add(
            s->r, false, "debezium.sink.type", 0,
            "is \"%s\", and of Debezium Server's sinks there is only kafka yet. To read "
            "the source into the embedded stream, give `leat run` the options behind "
            "debezium.source. as a connector's file",
            type);
}

/* Names that no row has, but for those that an expression uses. */
static void tell_unknown(const server *s, bool strict)
{
    const leat_opt_tables sets[] = {TABLES};
    leat_props rest;
    leat_props_init(&rest, s->props->file);
    for (const leat_prop *p = s->props->first; p; p = p->next)
        if (!p->used)
            leat_props_set(&rest, s->a, leat_str_of(p->name), leat_str_of(p->value), p->line);
    leat_opts_unknown(sets, 1, &rest, strict, s->r);
}

void leat_dbzserver_read(leat_arena *a, const leat_props *file, const char *const *env, bool strict,
                         leat_config *out)
{
    server_conf conf = {0};
    leat_props props;
    out->told = LEAT_NEW(a, leat_report, 1);
    out->worker = LEAT_NEW(a, leat_props, 1);
    leat_report_init(out->told, a);
    leat_props_init(&out->props, file->file);
    leat_props_init(out->worker, file->file);
    server s = {a, &props, out, out->told};
    leat_dbzserver_values(a, file, env, &props, out->told);
    leat_opts_values(TABLES, &props, a, &conf, out->told);
    tell_unknown(&s, strict);
    check_sink(&s, conf.sink);
    put_all(&s, &out->props, "", &conf.source, true);
    put_formats(&s, &conf);
    put_list(&s, "transforms", conf.transform_names, &conf.transforms);
    put_list(&s, "predicates", conf.predicate_names, &conf.predicates);
    if (conf.sink && strcmp(conf.sink, "kafka") == 0) put_producer(&s, &conf.producer);
}
