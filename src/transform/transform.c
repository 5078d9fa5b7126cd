/* The chain of transforms of a configuration (transform/transform.h): read from options, applied to
 * one record after the other. Making runs in any thread; a run belongs to one. */
#include "transform/transform.h"

#include <strings.h>

#include "transform/part.h"

static const leat_transform_type *const types[] = {
    &leat_transform_value_to_key, &leat_transform_extract_key, &leat_transform_extract_value, NULL};
static const leat_predicate_type *const predicate_types[] = {
    &leat_predicate_topic, &leat_predicate_header, &leat_predicate_tombstone, NULL};

/* ---- options ---- */

static const char *full_name(const leat_transform_options *o, const char *name)
{
    return leat_arena_printf(o->a, "%s%s", o->prefix, name);
}

const char *leat_transform_option(leat_transform_options *o, const char *name, const char *def)
{
    const char *full = full_name(o, name);
    if (o->nseen < sizeof o->seen / sizeof *o->seen) o->seen[o->nseen++] = name;
    for (size_t i = 0; i < o->all.n; i++)
        if (strcmp(o->all.v[i].name, full) == 0) return o->all.v[i].value;
    return def;
}

void leat_transform_wrong(leat_transform_options *o, const char *name, const char *why)
{
    leat_report_add(o->r, false, full_name(o, name), 0, "%s", why);
}

bool leat_transform_flag(leat_transform_options *o, const char *name, bool def)
{
    const char *text = leat_transform_option(o, name, NULL);
    if (!text) return def;
    if (strcasecmp(text, "true") == 0) return true;
    if (strcasecmp(text, "false") != 0) leat_transform_wrong(o, name, "must be true or false");
    return false;
}

/* Options of this one that nothing asked for. */
static void tell_unknown(const leat_transform_options *o)
{
    size_t n = strlen(o->prefix);
    for (size_t i = 0; i < o->all.n; i++) {
        const char *name = o->all.v[i].name;
        bool known = strncmp(name, o->prefix, n) != 0;
        for (unsigned k = 0; k < o->nseen && !known; k++) known = strcmp(name + n, o->seen[k]) == 0;
        if (!known)
            leat_report_add(o->r, true, name, o->all.v[i].line, "is not known, and has no effect");
    }
}

static leat_transform_options options_of(const char *kind, const char *name, leat_opt_many all,
                                         leat_arena *a, leat_report *r)
{
    return (leat_transform_options){
        .prefix = leat_arena_printf(a, "%s.%s.", kind, name), .all = all, .a = a, .r = r};
}

/* ---- making ---- */

/* The class's whole name, or what stands behind its last point. */
static bool is_class(const char *text, const char *klass)
{
    return strcmp(text, klass) == 0 || strcmp(text, strrchr(klass, '.') + 1) == 0;
}

static void make_predicate(const char *name, const leat_connector_conf *c, leat_arena *a,
                           leat_report *r, leat_predicate *out)
{
    leat_transform_options o = options_of("predicates", name, c->predicate_options, a, r);
    const char *klass = leat_transform_option(&o, "type", "");
    *out = (leat_predicate){.name = name};
    for (size_t i = 0; predicate_types[i]; i++)
        if (is_class(klass, predicate_types[i]->klass)) out->type = predicate_types[i];
    if (!out->type) {
        leat_transform_wrong(
            &o, "type",
            "must be org.apache.kafka.connect.transforms.predicates."
            "TopicNameMatches, .HasHeaderKey or .RecordIsTombstone: others are not "
            "built yet");
        return;
    }
    out->conf = out->type->make(&o);
    tell_unknown(&o);
}

static void make_step(const char *name, const leat_connector_conf *c, const leat_transforms *chain,
                      leat_arena *a, leat_report *r, leat_transform *out)
{
    leat_transform_options o = options_of("transforms", name, c->transform_options, a, r);
    const char *klass = leat_transform_option(&o, "type", "");
    const char *predicate = leat_transform_option(&o, "predicate", NULL);
    *out = (leat_transform){.name = name, .negate = leat_transform_flag(&o, "negate", false)};
    for (unsigned i = 0; predicate && i < chain->npredicates; i++)
        if (strcmp(chain->predicates[i].name, predicate) == 0)
            out->predicate = &chain->predicates[i];
    if (predicate && !out->predicate)
        leat_transform_wrong(&o, "predicate", "is not among those that `predicates` names");
    for (size_t i = 0; types[i]; i++)
        if (is_class(klass, types[i]->klass)) out->type = types[i];
    if (!out->type) {
        leat_transform_wrong(&o, "type",
                             *klass ? "is not built yet: there are org.apache.kafka.connect."
                                      "transforms.ValueToKey, .ExtractField$Key and "
                                      ".ExtractField$Value"
                                    : "is required: the class of the transform");
        return;
    }
    out->conf = out->type->make(&o);
    tell_unknown(&o);
}

static bool twice(const leat_opt_list *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(list->v[k], list->v[i]) == 0) return true;
    return false;
}

const leat_transforms *leat_transforms_new(const leat_connector_conf *c, leat_arena *a,
                                           leat_report *r)
{
    if (c->transforms.n == 0) return NULL;
    unsigned before = r->errors;
    leat_transforms *chain = LEAT_NEW(a, leat_transforms, 1);
    leat_predicate *predicates = LEAT_NEW(a, leat_predicate, c->predicates.n);
    leat_transform *steps = LEAT_NEW(a, leat_transform, c->transforms.n);
    for (size_t i = 0; i < c->predicates.n; i++)
        make_predicate(c->predicates.v[i], c, a, r, &predicates[i]);
    chain->predicates = predicates;
    chain->npredicates = (unsigned)c->predicates.n;
    for (size_t i = 0; i < c->transforms.n; i++) {
        if (twice(&c->transforms, i))
            leat_report_add(r, false, "transforms", 0, "names one twice, the %zu. of them", i + 1);
        make_step(c->transforms.v[i], c, chain, a, r, &steps[i]);
    }
    chain->steps = steps;
    chain->n = (unsigned)c->transforms.n;
    return r->errors == before ? chain : NULL;
}

/* ---- applying ---- */

const leat_value *leat_transform_member(const leat_value *map, const char *name)
{
    for (uint32_t i = 0; i < map->len; i++) {
        const leat_value *key = &map->u.list[2 * i];
        if (key->kind == LEAT_TEXT && leat_str_is(leat_value_str(key), name)) return key + 1;
    }
    return NULL;
}

static leat_rc step(const leat_transform *s, leat_transform_record *t, leat_err *e)
{
    bool hit = true;
    if (s->predicate) {
        LEAT_TRY(s->predicate->type->test(s->predicate->conf, t->r, &hit, e));
        if (hit == s->negate) return LEAT_OK;
    }
    return s->type->apply(s->conf, t, e);
}

leat_rc leat_transforms_record(const leat_transforms *chain, leat_transform_record *t, leat_err *e)
{
    leat_err why;
    for (unsigned i = 0; i < chain->n; i++) {
        t->step = i;
        leat_rc rc = step(&chain->steps[i], t, &why);
        if (leat_rc_failed(rc))
            return leat_fail(e, LEAT_DATA, "transform.failed", t->r->topic,
                             "transforms.%s (%s): %s", chain->steps[i].name,
                             strrchr(chain->steps[i].type->klass, '.') + 1, why.msg);
    }
    return LEAT_OK;
}
