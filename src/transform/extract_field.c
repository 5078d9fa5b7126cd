/* org.apache.kafka.connect.transforms.ExtractField$Key and $Value: one field of the structure takes
 * its place; null stays null. Without a schema: what an object has under the name, or null. */
#include "transform/transform.h"

typedef struct conf {
    const char *field;
    bool defaults;
} conf;

typedef struct plan {
    bool filled;
    uint32_t at;
    const leat_schema *schema;
} plan;

static const void *make(leat_transform_options *o)
{
    conf *c = LEAT_NEW(o->a, conf, 1);
    c->field = leat_transform_option(o, "field", "");
    c->defaults = leat_transform_flag(o, "replace.null.with.default", true);
    const char *syntax = leat_transform_option(o, "field.syntax.version", "V1");
    if (!*c->field) leat_transform_wrong(o, "field", "is required: the field to take out");
    if (strcmp(syntax, "V1") != 0)
        leat_transform_wrong(o, "field.syntax.version",
                             "must be V1: paths into nested structures are not built yet; use two "
                             "transforms, one behind the other");
    return c;
}

static leat_rc take(const conf *c, leat_transform_record *t, const leat_schema **schema,
                    leat_value *v, leat_err *e)
{
    bool is_new;
    leat_arena *keep;
    const leat_schema *s = *schema;
    if (!s && v->kind == LEAT_NULL) return LEAT_OK;
    if (!s && v->kind == LEAT_MAP) {
        const leat_value *member = leat_transform_member(v, c->field);
        *v = member ? *member : leat_null();
        return LEAT_OK;
    }
    if (!s || s->type != LEAT_T_STRUCT || (v->kind != LEAT_STRUCT && v->kind != LEAT_NULL))
        return leat_fail(e, LEAT_DATA, "transform.failed", "",
                         "only a structure has a field %s to take out, and it is %s%s", c->field,
                         leat_kind_name((leat_kind)v->kind), s ? "" : " without a schema");
    plan *p = leat_transform_plan(t, s, sizeof *p, &is_new, &keep);
    if (!p->filled) {
        int at = leat_schema_field(s, leat_str_of(c->field));
        if (at < 0)
            return leat_fail(e, LEAT_DATA, "transform.failed", "",
                             "Unknown field: %s; the first is %s", c->field,
                             s->nfields ? s->fields[0].name : "missing");
        *p = (plan){true, (uint32_t)at, s->fields[at].schema};
    }
    if (v->kind == LEAT_STRUCT) *v = v->u.list[p->at];
    if (v->kind == LEAT_NULL && p->schema->def && c->defaults)
        *v = leat_value_copy(t->a, p->schema->def);
    *schema = p->schema;
    return LEAT_OK;
}

static leat_rc apply_key(const void *p, leat_transform_record *t, leat_err *e)
{
    return take(p, t, &t->r->key_schema, &t->r->key, e);
}

static leat_rc apply_value(const void *p, leat_transform_record *t, leat_err *e)
{
    return take(p, t, &t->r->value_schema, &t->r->value, e);
}

const leat_transform_type leat_transform_extract_key = {
    .klass = "org.apache.kafka.connect.transforms.ExtractField$Key",
    .make = make,
    .apply = apply_key,
};
const leat_transform_type leat_transform_extract_value = {
    .klass = "org.apache.kafka.connect.transforms.ExtractField$Value",
    .make = make,
    .apply = apply_value,
};
