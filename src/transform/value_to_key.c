/* org.apache.kafka.connect.transforms.ValueToKey: some of the value's fields are the key, a
 * structure of them. Without a schema: an object of what the value has under these names, or null.
 */
#include "transform/transform.h"

typedef struct conf {
    leat_opt_list fields;
    bool defaults;
} conf;

typedef struct plan {
    const leat_schema *key;
    const uint32_t *from; /* fields of the value, one for each of the key */
} plan;

static const void *make(leat_transform_options *o)
{
    conf *c = LEAT_NEW(o->a, conf, 1);
    c->fields = leat_opt_list_of(leat_transform_option(o, "fields", ""), o->a);
    c->defaults = leat_transform_flag(o, "replace.null.with.default", true);
    if (c->fields.n == 0)
        leat_transform_wrong(o, "fields", "is required: fields of the value, by commas");
    return c;
}

/* Of keep, which lives long, nothing is taken for a value that lacks a field. */
static leat_rc fill(const conf *c, const leat_schema *value, plan *p, leat_arena *keep, leat_err *e)
{
    uint32_t n = (uint32_t)c->fields.n;
    for (uint32_t i = 0; i < n; i++)
        if (leat_schema_field(value, leat_str_of(c->fields.v[i])) < 0)
            return leat_fail(e, LEAT_DATA, "transform.failed", "",
                             "Field does not exist: %s; the value's first is %s", c->fields.v[i],
                             value->nfields ? value->fields[0].name : "missing");
    uint32_t *from = LEAT_NEW(keep, uint32_t, n);
    leat_schema *key = leat_schema_struct(keep, false, NULL, 0, n);
    leat_field *fields = LEAT_NEW(keep, leat_field, n);
    for (uint32_t i = 0; i < n; i++) {
        from[i] = (uint32_t)leat_schema_field(value, leat_str_of(c->fields.v[i]));
        fields[i] = value->fields[from[i]];
    }
    key->fields = fields;
    p->from = from;
    p->key = key;
    return LEAT_OK;
}

static void take_members(const conf *c, leat_transform_record *t)
{
    leat_record *r = t->r;
    uint32_t n = (uint32_t)c->fields.n;
    leat_value *cells = LEAT_NEW(t->a, leat_value, 2 * (size_t)n);
    for (uint32_t i = 0; i < n; i++) {
        const leat_value *member = leat_transform_member(&r->value, c->fields.v[i]);
        cells[2 * i] = leat_text(leat_str_of(c->fields.v[i]));
        cells[2 * i + 1] = member ? *member : leat_null();
    }
    r->key_schema = NULL;
    r->key = (leat_value){.kind = LEAT_MAP, .len = n, .u.list = cells};
}

/* A delete has no value, but the fields may be in its key already, as in those of other records. */
static bool is_delete(const leat_record *r)
{
    return !r->value_schema && r->value.kind == LEAT_NULL && r->key_schema &&
           r->key.kind == LEAT_STRUCT;
}

static leat_rc apply(const void *p, leat_transform_record *t, leat_err *e)
{
    const conf *c = p;
    leat_record *r = t->r;
    bool is_new;
    leat_arena *keep;
    const leat_schema *s = is_delete(r) ? r->key_schema : r->value_schema;
    const leat_value *from = is_delete(r) ? &r->key : &r->value;
    if (!s && r->value.kind == LEAT_MAP) {
        take_members(c, t);
        return LEAT_OK;
    }
    if (from->kind != LEAT_STRUCT || !s || s->type != LEAT_T_STRUCT)
        return leat_fail(e, LEAT_DATA, "transform.failed", "",
                         "only a structure has fields to copy to the key, and the value is %s; a "
                         "predicate can leave such records out",
                         leat_kind_name((leat_kind)r->value.kind));
    plan *to = leat_transform_plan(t, s, sizeof *to, &is_new, &keep);
    if (is_new || !to->key) LEAT_TRY(fill(c, s, to, keep, e));
    uint32_t n = to->key->nfields;
    leat_value *cells = leat_arena_alloc(t->a, n * sizeof *cells, _Alignof(leat_value));
    for (uint32_t i = 0; i < n; i++) {
        const leat_value *def = to->key->fields[i].schema->def;
        cells[i] = from->u.list[to->from[i]];
        if (cells[i].kind == LEAT_NULL && def && c->defaults) cells[i] = leat_value_copy(t->a, def);
    }
    r->key_schema = to->key;
    r->key = (leat_value){.kind = LEAT_STRUCT, .len = n, .u.list = cells};
    return LEAT_OK;
}

const leat_transform_type leat_transform_value_to_key = {
    .klass = "org.apache.kafka.connect.transforms.ValueToKey",
    .make = make,
    .apply = apply,
};
