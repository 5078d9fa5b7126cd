/* From a worker's file and a connector's configuration to what the clients of Kafka are told
 * (stream/kafka/options.h).
 *
 * For each kind of client the properties that concern it are laid over each other (what all clients
 * have, the worker's for this kind, the connector's override) and parsed once. A problem is told
 * under the name that stands in the file, once, even where it concerns all three. Pure. */
#include "stream/kafka/options.h"

typedef struct role_name {
    const char *worker, *connector; /* prefixes */
} role_name;

static const role_name ROLES[3] = {
    [LEAT_KAFKA_PRODUCER] = {"producer.", "producer.override."},
    [LEAT_KAFKA_CONSUMER] = {"consumer.", "consumer.override."},
    [LEAT_KAFKA_ADMIN] = {"admin.", "admin.override."},
};

static const char CREATION[] = "topic.creation.";
static const char ENABLE[] = "topic.creation.enable";
static const char GROUPS[] = "topic.creation.groups";
static const char DEFAULT[] = "default";

/* ---- clients ---- */

/* Where each property of a layered set was written: the name in the file, by the bare one. */
typedef struct layers {
    leat_arena *a;
    leat_props props;   /* bare name -> value */
    leat_props written; /* bare name -> name in the file */
} layers;

static void lay(layers *l, const char *bare, const leat_prop *p)
{
    leat_props_set(&l->props, l->a, leat_str_of(bare), leat_str_of(p->value), p->line)->brought =
        p->brought;
    leat_props_set(&l->written, l->a, leat_str_of(bare), leat_str_of(p->name), p->line);
}

static void lay_prefixed(layers *l, const leat_props *from, const char *prefix)
{
    size_t len = strlen(prefix);
    for (const leat_prop *p = from ? from->first : NULL; p; p = p->next)
        if (leat_str_starts(leat_str_of(p->name), prefix) && p->name[len]) lay(l, p->name + len, p);
}

/* What a worker says to all clients by names without a prefix. */
static void lay_shared(layers *l, const leat_props *worker)
{
    const leat_opt *const shared[] = {leat_kafka_client_options[LEAT_KAFKA_ADMIN][0], NULL};
    for (const leat_prop *p = worker ? worker->first : NULL; p; p = p->next)
        if (leat_opts_find(shared, leat_str_of(p->name))) lay(l, p->name, p);
}

static bool told_already(const leat_report *r, const leat_problem *until, const leat_problem *p)
{
    for (const leat_problem *q = r->first; q && q != until; q = q->next)
        if (q->option && p->option && strcmp(q->option, p->option) == 0 && q->line == p->line &&
            strcmp(q->msg, p->msg) == 0)
            return true;
    return false;
}

/* The problems of one client under the names that were written. */
static void pass_on(const leat_report *from, const layers *l, leat_report *r)
{
    for (const leat_problem *p = from->first; p; p = p->next) {
        leat_problem as = *p;
        const char *name = p->option ? leat_props_get(&l->written, p->option) : NULL;
        if (name) as.option = name;
        if (told_already(r, NULL, &as)) continue;
        leat_report_add(r, as.warning, as.option, as.line, "%s", as.msg);
    }
}

/* Empty layers, and a report for what is wrong in them. */
static void begin(layers *l, const leat_props *worker, leat_arena *a, leat_arena *said,
                  leat_report *own)
{
    *l = (layers){.a = a};
    leat_props_init(&l->props, NULL);
    leat_props_init(&l->written, NULL);
    leat_report_init(own, said);
    lay_shared(l, worker);
}

static void read_client(const leat_props *worker, const leat_props *connector, leat_kafka_role role,
                        bool strict, leat_arena *a, leat_kafka_client *out, leat_report *r)
{
    layers l;
    leat_report own;
    begin(&l, worker, a, r->a, &own);
    lay_prefixed(&l, worker, ROLES[role].worker);
    lay_prefixed(&l, connector, ROLES[role].connector);
    leat_opts_parse(leat_kafka_client_options[role], &l.props, strict, a, out, &own);
    pass_on(&own, &l, r);
}

bool leat_kafka_options_signals(const leat_props *worker, const leat_props *connector, bool strict,
                                leat_arena *a, leat_kafka_signal_conf *out, leat_report *r)
{
    unsigned before = r->errors;
    layers l;
    leat_report own;
    begin(&l, worker, a, r->a, &own);
    lay_prefixed(&l, worker, ROLES[LEAT_KAFKA_CONSUMER].worker);
    if (worker) lay_prefixed(&l, connector, ROLES[LEAT_KAFKA_CONSUMER].connector);
    lay_prefixed(&l, connector, "signal.consumer.");
    leat_opts_parse(leat_kafka_signal_options, &l.props, strict, a, out, &own);
    pass_on(&own, &l, r);
    return r->errors == before;
}

bool leat_kafka_options_sink(const leat_props *worker, const leat_props *connector, bool strict,
                             leat_arena *a, leat_kafka_sink_conf *out, leat_report *r)
{
    unsigned before = r->errors;
    layers l;
    leat_report own;
    begin(&l, worker, a, r->a, &own);
    lay_prefixed(&l, worker, ROLES[LEAT_KAFKA_CONSUMER].worker);
    lay_prefixed(&l, connector, ROLES[LEAT_KAFKA_CONSUMER].connector);
    leat_opts_parse(leat_kafka_sink_options, &l.props, strict, a, out, &own);
    out->resets = leat_props_get(&l.props, "auto.offset.reset") != NULL;
    pass_on(&own, &l, r);
    return r->errors == before;
}

/* ---- topic.creation ---- */

typedef struct creating {
    const leat_props *props;
    leat_arena *a;
    leat_report *r;
} creating;

static const leat_prop *find(const leat_props *props, const char *name)
{
    for (const leat_prop *p = props ? props->first : NULL; p; p = p->next)
        if (strcmp(p->name, name) == 0) return p;
    return NULL;
}

static const leat_prop *find_of(const creating *c, const char *alias, const char *what)
{
    return find(c->props, leat_arena_printf(c->a, "%s%s.%s", CREATION, alias, what));
}

/* Java's patterns of topics mind the case of letters. */
static const leat_regex *const *patterns(const creating *c, const leat_prop *p, size_t *n)
{
    *n = 0;
    if (p == NULL) return NULL;
    leat_opt_list list = leat_opt_list_of(p->value, c->a);
    const leat_regex **v = LEAT_NEW(c->a, const leat_regex *, list.n + 1);
    for (size_t i = 0; i < list.n; i++) {
        leat_regex_problem why;
        const char *text = leat_arena_printf(c->a, "(?-i)%s", list.v[i]);
        if (leat_regex_check(leat_str_of(list.v[i]), &why))
            v[(*n)++] = leat_regex_new(c->a, leat_str_of(text), &why);
        else
            leat_report_add(c->r, false, p->name, p->line,
                            "must be regular expressions: %s at character %zu of \"%s\"", why.msg,
                            why.offset + 1, list.v[i]);
    }
    return v;
}

/* A count of 1 or more, or -1; of the group, else of the default one. */
static int64_t count_of(const creating *c, const char *alias, const char *what, int64_t most)
{
    const leat_prop *p = find_of(c, alias, what);
    int64_t n = -1;
    if (p == NULL) p = find_of(c, DEFAULT, what);
    if (p == NULL) {
        leat_report_add(c->r, false, leat_arena_printf(c->a, "%s%s.%s", CREATION, DEFAULT, what), 0,
                        "is required, but not set: other options of topic.creation are; -1 leaves "
                        "it to the broker");
    } else if (!leat_str_i64(leat_str_trim(leat_str_of(p->value)), &n) || n == 0 || n < -1 ||
               n > most) {
        leat_report_add(c->r, false, p->name, p->line,
                        "must be -1 (the broker's default) or from 1 to %lld, got \"%s\"",
                        (long long)most, p->value);
        n = -1;
    }
    return n;
}

static bool is_own(const char *rest)
{
    static const char *const OWN[] = {"include", "exclude", "replication.factor", "partitions"};
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++)
        if (strcmp(rest, OWN[i]) == 0) return true;
    return false;
}

static void read_group(const creating *c, const char *alias, leat_kafka_group *g)
{
    enum { COPIES_MOST = 32767, PARTITIONS_MOST = 100000 };
    const char *prefix = leat_arena_printf(c->a, "%s%s.", CREATION, alias);
    bool is_default = strcmp(alias, DEFAULT) == 0;
    const leat_prop *include = find_of(c, alias, "include");
    *g = (leat_kafka_group){.alias = leat_arena_strdup(c->a, alias)};
    if (is_default && include)
        leat_report_add(c->r, true, include->name, include->line,
                        "ignored: the group default has all topics that fit no other");
    else if (!is_default && include == NULL)
        leat_report_add(c->r, false, leat_arena_printf(c->a, "%sinclude", prefix), 0,
                        "is required, but not set: the group is named in %s", GROUPS);
    else
        g->include = patterns(c, include, &g->ninclude);
    g->exclude = patterns(c, find_of(c, alias, "exclude"), &g->nexclude);
    g->replication = count_of(c, alias, "replication.factor", COPIES_MOST);
    g->partitions = count_of(c, alias, "partitions", PARTITIONS_MOST);
    leat_props_init(&g->configs, NULL);
    for (const leat_prop *p = c->props->first; p; p = p->next) {
        if (!leat_str_starts(leat_str_of(p->name), prefix)) continue;
        const char *rest = p->name + strlen(prefix);
        if (!is_own(rest))
            leat_props_set(&g->configs, c->a, leat_str_of(rest),
                           leat_str_trim(leat_str_of(p->value)), p->line);
    }
}

/* Options of groups that topic.creation.groups does not name. */
static void tell_strays(const creating *c, const leat_kafka_clients *out)
{
    for (const leat_prop *p = c->props->first; p; p = p->next) {
        if (!leat_str_starts(leat_str_of(p->name), CREATION) || strcmp(p->name, GROUPS) == 0 ||
            strcmp(p->name, ENABLE) == 0)
            continue;
        bool known = false;
        for (size_t i = 0; i < out->ngroups && !known; i++) {
            size_t len = strlen(out->groups[i].alias);
            const char *rest = p->name + strlen(CREATION);
            known = strncmp(rest, out->groups[i].alias, len) == 0 && rest[len] == '.';
        }
        if (!known)
            leat_report_add(c->r, true, p->name, p->line, "ignored: its group is not named in %s",
                            GROUPS);
    }
}

/* Kafka Connect makes topics only for connectors that say something about them. */
static bool says_something(const leat_props *connector)
{
    for (const leat_prop *p = connector ? connector->first : NULL; p; p = p->next)
        if (leat_str_starts(leat_str_of(p->name), CREATION) && strcmp(p->name, ENABLE) != 0)
            return true;
    return false;
}

static void read_creation(const leat_props *worker, const leat_props *connector, leat_arena *a,
                          leat_kafka_clients *out, leat_report *r)
{
    const creating c = {connector, a, r};
    const leat_prop *enable = find(worker, ENABLE);
    bool wanted = true;
    if (enable) {
        leat_str text = leat_str_trim(leat_str_of(enable->value));
        wanted = leat_str_ieq(text, LEAT_STR("true"));
        if (!wanted && !leat_str_ieq(text, LEAT_STR("false")))
            leat_report_add(r, false, ENABLE, enable->line, "must be true or false, got \"%s\"",
                            enable->value);
    }
    if (!says_something(connector)) return;
    if (!wanted) {
        leat_report_add(r, true, "topic.creation.*", 0,
                        "have no effect: %s is false in the worker's file", ENABLE);
        return;
    }
    const leat_prop *named = find(connector, GROUPS);
    leat_opt_list aliases = leat_opt_list_of(named ? named->value : "", a);
    out->creation = true;
    out->groups = LEAT_NEW(a, leat_kafka_group, aliases.n + 1);
    for (size_t i = 0; i < aliases.n; i++)
        if (strcmp(aliases.v[i], DEFAULT) != 0)
            read_group(&c, aliases.v[i], &out->groups[out->ngroups++]);
    read_group(&c, DEFAULT, &out->groups[out->ngroups++]);
    tell_strays(&c, out);
}

bool leat_kafka_options_read(const leat_props *worker, const leat_props *connector, bool strict,
                             leat_arena *a, leat_kafka_clients *out, leat_report *r)
{
    unsigned before = r->errors;
    *out = (leat_kafka_clients){0};
    for (int role = LEAT_KAFKA_PRODUCER; role <= LEAT_KAFKA_ADMIN; role++)
        read_client(worker, connector, (leat_kafka_role)role, strict, a, &out->client[role], r);
    read_creation(worker, connector, a, out, r);
    return r->errors == before;
}

static leat_rc fits(const leat_regex *const *v, size_t n, leat_str topic, bool *hit, leat_err *e)
{
    *hit = false;
    for (size_t i = 0; i < n && !*hit; i++) LEAT_TRY(leat_regex_match(v[i], topic, hit, e));
    return LEAT_OK;
}

leat_rc leat_kafka_group_of(const leat_kafka_clients *c, leat_str topic,
                            const leat_kafka_group **out, leat_err *e)
{
    *out = NULL;
    for (size_t i = 0; i < c->ngroups; i++) {
        const leat_kafka_group *g = &c->groups[i];
        bool in = true, not_in = false;
        if (i + 1 < c->ngroups) LEAT_TRY(fits(g->include, g->ninclude, topic, &in, e));
        if (in && i + 1 < c->ngroups) LEAT_TRY(fits(g->exclude, g->nexclude, topic, &not_in, e));
        if (!in || not_in) continue;
        *out = g;
        return LEAT_OK;
    }
    return LEAT_OK;
}
