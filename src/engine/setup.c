/* Setup of a connector: the engine's options and the connector's own are parsed apart, each name
 * going to the table that knows it, so that neither has to know the other's conf struct. */
#include "engine/setup.h"

#include "config/seal.h"
#include "engine/connection.h"
#include "stream/kafka/client.h"

/* Of limits.memory: what frames take, and the batches of a task; the largest event that it always
 * has room for. */
enum { FRAMES = 6 << 20, BATCHES = 2 << 20, LEAST_EVENT = 256 << 10 };
enum { PROCESS_LEAST = 64 << 20 }; /* of limits.process.memory, beside limits.memory */
/* Into Kafka: the part of limits.memory that is on its way. */
enum { WINDOW_PART = 4, WINDOW_LEAST = 1 << 20, WINDOW_MOST = 16 << 20 };

static const leat_opt *const COMMON[] = {leat_connector_options, NULL};
static const leat_opt *const STREAM[] = {leat_stream_options, NULL};
static const leat_opt *const WORKER[] = {leat_worker_options, NULL};
static const leat_opt *const CLIENTS[] = {leat_kafka_connector_options, NULL};

/* The properties of in that a set of tables knows, and the rest. */
static void split(const leat_props *in, leat_opt_tables tables, leat_arena *a, leat_props *known,
                  leat_props *rest)
{
    leat_props_init(known, in->file);
    leat_props_init(rest, in->file);
    for (const leat_prop *p = in->first; p; p = p->next) {
        leat_str name = leat_str_of(p->name);
        leat_props_copy(leat_opts_find(tables, name) ? known : rest, a, p);
    }
}

static void copy_props(const leat_props *in, leat_arena *a, leat_props *out)
{
    leat_props_init(out, in->file);
    for (const leat_prop *p = in->first; p; p = p->next) leat_props_copy(out, a, p);
}

size_t leat_setup_window(const leat_setup *setup)
{
    size_t window = (size_t)setup->common.memory / WINDOW_PART;
    if (window < WINDOW_LEAST) window = WINDOW_LEAST;
    return window > WINDOW_MOST ? WINDOW_MOST : window;
}

/* The window is closed to new events when both together fill it; what is in it already may be given
 * to the producer later, up to its own bound, which is the same. */
size_t leat_setup_beside(const leat_setup *setup)
{
    return setup->kafka ? 2 * leat_setup_window(setup) : 0;
}

/* An event is held up to twice by each task, and twice in the stream, beside batches and frames;
 * and on its way to Kafka once more, as its record while that is made, and by the producer. */
static void fit_events(leat_setup *setup, leat_report *r)
{
    leat_connector_conf *c = &setup->common;
    unsigned most_tasks = (unsigned)c->tasks_max;
    int64_t tasks = setup->source->tasks ? setup->source->tasks(setup->conf, most_tasks) : 1;
    int64_t beside = FRAMES + tasks * BATCHES + (int64_t)leat_setup_beside(setup);
    int64_t times = 2 * tasks + 2 + (setup->kafka ? 3 : 0);
    int64_t room = (c->memory - beside) / times, most = c->max_event_bytes;
    if (room < LEAST_EVENT) room = LEAST_EVENT;
    if (most > room)
        leat_report_add(r, false, "limits.memory", 0,
                        "%lld bytes have no room for events of max.event.bytes=%lld%s: set it to "
                        "%lldm or more, or lower max.event.bytes",
                        (long long)c->memory, (long long)most, tasks > 1 ? " in each task" : "",
                        (long long)((most * times + beside + (1 << 20) - 1) >> 20));
    if (most == 0) c->max_event_bytes = room;
}

/* What no row can say about the options that every connector has. */
static void validate_common(leat_setup *setup, leat_report *r)
{
    leat_err err;
    if (setup->common.name && leat_rc_failed(leat_connector_name_check(setup->common.name, &err)))
        leat_report_add(r, false, "name", 0, "%s", err.msg);
    int64_t whole = setup->common.process_memory, least = setup->common.memory + PROCESS_LEAST;
    if (whole > 0 && whole < least)
        leat_report_add(r, false, "limits.process.memory", 0,
                        "%lld bytes have no room for a process with limits.memory=%lld: set it to "
                        "%lldm or more",
                        (long long)whole, (long long)setup->common.memory,
                        (long long)((least + (1 << 20) - 1) >> 20));
}

/* As Kafka Connect has it: one of the two, and what is wrong is told at both. */
static void find_wanted(const leat_props *common, leat_setup *setup, leat_arena *a, leat_report *r)
{
    static const char *const options[] = {"topics", "topics.regex"};
    const char *regex = leat_props_get(common, "topics.regex");
    bool names = setup->common.topics.n > 0;
    bool pattern = regex && leat_str_trim(leat_str_of(regex)).len > 0;
    leat_err err;
    if (names && pattern)
        for (size_t i = 0; i < 2; i++)
            leat_report_add(
                r, false, options[i], 0,
                "topics and topics.regex are mutually exclusive options, but both are set.");
    if (!names && !pattern)
        for (size_t i = 0; i < 2; i++)
            leat_report_add(r, false, options[i], 0,
                            "Must configure one of topics or topics.regex");
    if (leat_rc_failed(leat_wanted_of(&setup->common, a, &setup->wanted, &err)))
        leat_report_add_err(r, err.where, &err);
}

/* A name that stands twice in a file: Java takes the later one without a word. */
static void tell_twice(const leat_props *props, leat_report *r)
{
    for (const leat_prop *p = props->first; p; p = p->next)
        if (p->was > 0)
            leat_report_add(r, true, p->name, p->line,
                            "stands in line %d too; the value of line %d counts", p->was, p->line);
}

/* Which connector connector.class names. */
static bool find(const char *klass, leat_setup *out, leat_report *r)
{
    leat_str name = leat_str_of(klass);
    out->source = leat_source_find(name);
    out->sink = leat_sink_find(name);
    if (out->source || out->sink) return true;
    for (const leat_not_built *m = leat_connectors_missing; m->name; m++) {
        if (!leat_str_is(name, m->name)) continue;
        leat_report_add(r, false, "connector.class", 0, "%s is not in this build: %s", klass,
                        m->reason);
        return false;
    }
    leat_report_add(r, false, "connector.class", 0,
                    "there is no connector \"%s\" in this build; 'leat plugins' lists them", klass);
    return false;
}

/* A source's stream; takes what is the stream's out of own. */
static void parse_stream(leat_props *own, bool strict, leat_arena *a, leat_setup *out,
                         leat_report *r)
{
    leat_props stream, rest;
    unsigned before = r->errors;
    split(own, STREAM, a, &stream, &rest);
    leat_opts_parse(STREAM, &stream, strict, a, &out->stream, r);
    if (r->errors == before) leat_stream_validate(&out->stream, r);
    *own = rest;
}

/* A copy whose sealed values are opened, which has what its connection says, and whose ${providers}
 * are resolved. name: the connector's. */
static bool resolve(const char *name, const leat_props *props, bool worker, leat_arena *a,
                    leat_props *out, leat_report *r)
{
    leat_err err = {0};
    copy_props(props, a, out);
    leat_rc rc = leat_config_unseal(a, name, out, &err);
    if (rc == LEAT_OK && !leat_connection_expand(a, out, worker, r)) return false;
    if (rc == LEAT_OK) rc = leat_config_resolve(a, out, &err);
    if (rc == LEAT_OK) leat_report_hide(r, out);
    if (rc == LEAT_OK) return true;
    leat_report_add_err(r, *err.where ? leat_arena_strdup(a, err.where) : NULL, &err);
    return false;
}

/* Exactly once, as Kafka Connect decides: the worker's option is for all connectors, the
 * connector's for itself. */
static void find_once(leat_setup *out, leat_arena *a)
{
    const leat_worker_conf *w = &out->worker;
    const char *topic = out->common.offsets_topic;
    if (!out->kafka || !out->source) return;
    out->once = w->eos == LEAT_EOS_ENABLED || out->common.once != 0;
    if (!topic) topic = w->offsets_topic;
    if (!topic && out->once) topic = "connect-offsets";
    out->offsets = (leat_kafka_offsets_conf){topic, w->offsets_partitions, w->offsets_replication};
    if (!w->offsets_topic)
        out->offsets.replication = -1; /* no worker's file says how many brokers there are */
    out->transactional_id =
        leat_kafka_transactional_id(w->group ? w->group : "leat", out->common.name, 0, a);
}

/* All but what is of the consumer, which a sink reads by rows of its own. */
static leat_props without_consumer(const leat_props *in, leat_arena *a)
{
    leat_props out;
    leat_props_init(&out, in->file);
    for (const leat_prop *p = in->first; p; p = p->next)
        if (!leat_str_starts(leat_str_of(p->name), "consumer.")) leat_props_copy(&out, a, p);
    return out;
}

/* How a sink's consumer is set up, and its producer of refused records. */
static bool parse_intake(const leat_props *worker, const leat_props *all, const char *name,
                         bool strict, leat_arena *a, leat_setup *out, leat_report *r)
{
    leat_props w = without_consumer(worker, a), c = without_consumer(all, a);
    bool good = leat_kafka_options_sink(worker, all, strict, a, &out->intake, r);
    good = leat_kafka_options_read(&w, &c, strict, a, &out->clients, r) && good;
    if (!out->intake.group) out->intake.group = leat_arena_printf(a, "connect-%s", name);
    return good;
}

/* The worker, and what only counts with one: how Kafka's clients are set up. Takes what is of these
 * out of all, the connector's options. */
static bool parse_worker(const leat_config *config, bool strict, leat_arena *a, leat_props *all,
                         leat_props *worker, leat_setup *out, leat_report *r)
{
    const leat_opt_tables known[] = {WORKER, leat_kafka_client_options[LEAT_KAFKA_ADMIN]};
    leat_props clients, rest;
    out->kafka = config->worker != NULL;
    if (!out->kafka) return true;
    tell_twice(config->worker, r);
    if (!resolve(config->name, config->worker, true, a, worker, r)) return false;
    bool good = leat_opts_values(WORKER, worker, a, &out->worker, r);
    good = leat_opts_unknown(known, 2, worker, strict, r) && good;
    const char *klass = leat_props_get(all, "connector.class");
    if (klass && leat_sink_find(leat_str_of(klass)))
        good = parse_intake(worker, all, config->name, strict, a, out, r) && good;
    else
        good = leat_kafka_options_read(worker, all, strict, a, &out->clients, r) && good;
    split(all, CLIENTS, a, &clients, &rest);
    *all = rest;
    return good;
}

/* The topic of signals. Brokers that it names are others than the worker's, of which they have
 * nothing then. */
static void parse_signals(const leat_props *connector, const leat_props *worker, bool strict,
                          leat_arena *a, leat_setup *out, leat_report *r)
{
    const leat_capture_conf *c = out->source->capture ? out->source->capture(out->conf) : NULL;
    if (!c || !leat_capture_channel(c, "kafka")) return;
    leat_kafka_signal_conf *k = LEAT_NEW(a, leat_kafka_signal_conf, 1);
    if (c->signal_brokers.n > 0) worker = NULL;
    if (!leat_kafka_options_signals(worker, connector, strict, a, k, r)) return;
    if (k->client.bootstrap.n == 0) k->client.bootstrap = c->signal_brokers;
    if (!k->group) k->group = c->signal_group;
    k->topic = c->signal_topic ? c->signal_topic : leat_arena_printf(a, "%s-signal", c->prefix);
    if (k->client.bootstrap.n == 0)
        leat_report_add(r, false, "signal.kafka.bootstrap.servers", 0,
                        "is required, but not set: signal.enabled.channels has kafka, and the "
                        "stream is not Kafka, whose brokers it would be; host:port, several "
                        "separated by commas");
    out->signals = k;
}

/* The classes of converters: into Kafka they decide what is written, out of it what is read. */
static void check_converters(const leat_setup *setup, leat_report *r)
{
    static const char json[] = LEAT_JSON_CONVERTER;
    static const char simple[] = "org.apache.kafka.connect.storage.SimpleHeaderConverter";
    static const char *const names[] = {"key.converter", "value.converter", "header.converter"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *klass = setup->common.converters[i];
        bool known = strcmp(klass, json) == 0 || (i == 2 && strcmp(klass, simple) == 0);
        if (known) continue;
        if (setup->sink && i == 2)
            leat_report_add(r, true, names[i], 0,
                            "accepted, but has no effect here: of headers a sink looks at the "
                            "names alone");
        else if (setup->kafka)
            leat_report_add(r, false, names[i], 0,
                            "is %s, which is not built yet, and another one would change the "
                            "records; there is %s%s%s",
                            klass, json, i == 2 ? " and " : "", i == 2 ? simple : "");
        else
            leat_report_add(r, true, names[i], 0,
                            "accepted, but has no effect here: the embedded stream keeps events "
                            "typed; they are converted where they leave it");
    }
}

/* The option of a name that a reference in the list brought in: with the list as it was written. */
static const char *named_as_written(const leat_config *config, const char *list, const char *option,
                                    leat_arena *a)
{
    const char *written = leat_props_get(&config->props, list), *last = strrchr(option, '.');
    size_t n = strlen(list);
    bool of_list = strncmp(option, list, n) == 0 && option[n] == '.' && last > option + n;
    if (!of_list || !written || !strstr(written, "${")) return option;
    if (leat_props_get(&config->props, option)) return option; /* a person wrote it */
    return leat_arena_printf(a, "%s.%s%s", list, written, last);
}

/* No message shows what references stand for, in names of options neither. */
static const leat_transforms *read_transforms(const leat_config *config, const leat_setup *setup,
                                              leat_arena *a, leat_report *r)
{
    leat_problem **from = r->tail;
    const leat_transforms *out = leat_transforms_new(&setup->common, a, r);
    for (leat_problem *p = *from; p; p = p->next) {
        if (!p->option) continue;
        p->option = named_as_written(config, "transforms", p->option, a);
        p->option = named_as_written(config, "predicates", p->option, a);
    }
    return out;
}

bool leat_setup_parse(const leat_config *config, bool strict, leat_arena *a, leat_setup *out,
                      leat_report *r)
{
    leat_props all, given, worker, common, own;
    *out = (leat_setup){0};
    tell_twice(&config->props, r);
    if (!resolve(config->name, &config->props, false, a, &all, r)) return false;
    unsigned before = r->errors;
    given = all;
    if (!parse_worker(config, strict, a, &all, &worker, out, r)) return false;
    split(&all, COMMON, a, &common, &own);
    leat_opts_parse(COMMON, &common, strict, a, &out->common, r);
    if (!out->common.klass || !find(out->common.klass, out, r)) return false;
    validate_common(out, r);
    if (out->sink) find_wanted(&common, out, a, r);
    find_once(out, a);
    if (out->source || out->kafka) check_converters(out, r);
    out->transforms = read_transforms(config, out, a, r);
    if (out->source) parse_stream(&own, strict, a, out, r);
    leat_opt_tables tables = out->source ? out->source->options : out->sink->options;
    size_t size = out->source ? out->source->conf_size : out->sink->conf_size;
    out->conf = leat_arena_zalloc(a, 1, size, _Alignof(max_align_t));
    leat_opts_parse(tables, &own, strict, a, out->conf, r);
    if (out->source && out->source->validate) out->source->validate(out->conf, r);
    if (out->sink && out->sink->validate) out->sink->validate(out->conf, r);
    if (out->source && r->errors == before)
        parse_signals(&given, out->kafka ? &worker : NULL, strict, a, out, r);
    if (out->source && r->errors == before)
        leat_exchange_parse(out->source, out->conf, &given, strict, a, &out->exchange, r);
    if (out->source && r->errors == before) fit_events(out, r);
    return r->errors == before;
}

bool leat_setup_common(const leat_config *config, leat_arena *a, leat_connector_conf *out,
                       leat_report *r)
{
    leat_props common, own;
    *out = (leat_connector_conf){0};
    split(&config->props, COMMON, a, &common, &own);
    return leat_opts_parse(COMMON, &common, false, a, out, r);
}

static void bare_props(const leat_props *in, leat_arena *a, leat_props *out)
{
    leat_props_init(out, in->file);
    for (const leat_prop *p = in->first; p; p = p->next)
        if (!leat_seal_is(p->value) && !strstr(p->value, "${") &&
            strcmp(p->name, "connection") != 0)
            leat_props_copy(out, a, p);
}

bool leat_setup_bare(const leat_config *config, leat_arena *a, leat_setup *out)
{
    leat_config bare = *config;
    leat_props worker;
    leat_report r;
    bare_props(&config->props, a, &bare.props);
    if (config->worker) {
        bare_props(config->worker, a, &worker);
        bare.worker = &worker;
    }
    leat_report_init(&r, a);
    leat_setup_parse(&bare, false, a, out, &r);
    return out->conf != NULL;
}

leat_rc leat_setup_stored(leat_state *state, const char *name, leat_arena *a, leat_config **config,
                          leat_setup *out, leat_err *e)
{
    leat_str json;
    leat_report r;
    *config = NULL;
    LEAT_TRY(leat_state_config_get(state, a, &json, e));
    if (!json.s)
        return leat_fail(e, LEAT_CONF, "connector.unknown", name,
                         "it has no stored configuration: it has never been started");
    LEAT_TRY(leat_config_json(a, json, name, config, e));
    leat_report_init(&r, a);
    return leat_setup_parse(*config, false, a, out, &r) ? LEAT_OK : leat_report_err(&r, name, e);
}
