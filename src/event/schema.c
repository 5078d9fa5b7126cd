/* Schemas in Kafka Connect's model: making, copying, comparing (event/schema.h).
 *
 * The meaning of a name is looked up once, when a schema is made, in a sorted table. No state: any
 * thread may use different arenas. */
#include "event/schema.h"

#include <stdlib.h>

typedef struct known {
    const char *name;
    leat_logical logical;
} known;

/* Sorted by name. */
static const known names[] = {
    {"io.debezium.data.Bits", LEAT_L_BITS},
    {"io.debezium.data.Enum", LEAT_L_ENUM},
    {"io.debezium.data.Json", LEAT_L_JSON},
    {"io.debezium.data.Uuid", LEAT_L_UUID},
    {"io.debezium.data.VariableScaleDecimal", LEAT_L_VARIABLE_SCALE_DECIMAL},
    {"io.debezium.data.Xml", LEAT_L_XML},
    {"io.debezium.time.Date", LEAT_L_DATE},
    {"io.debezium.time.Interval", LEAT_L_INTERVAL},
    {"io.debezium.time.IsoDate", LEAT_L_ISO_DATE},
    {"io.debezium.time.IsoTime", LEAT_L_ISO_TIME},
    {"io.debezium.time.IsoTimestamp", LEAT_L_ISO_TIMESTAMP},
    {"io.debezium.time.MicroDuration", LEAT_L_MICRO_DURATION},
    {"io.debezium.time.MicroTime", LEAT_L_MICRO_TIME},
    {"io.debezium.time.MicroTimestamp", LEAT_L_MICRO_TIMESTAMP},
    {"io.debezium.time.NanoDuration", LEAT_L_NANO_DURATION},
    {"io.debezium.time.NanoTime", LEAT_L_NANO_TIME},
    {"io.debezium.time.NanoTimestamp", LEAT_L_NANO_TIMESTAMP},
    {"io.debezium.time.Time", LEAT_L_TIME},
    {"io.debezium.time.Timestamp", LEAT_L_TIMESTAMP},
    {"io.debezium.time.ZonedTime", LEAT_L_ZONED_TIME},
    {"io.debezium.time.ZonedTimestamp", LEAT_L_ZONED_TIMESTAMP},
    {"org.apache.kafka.connect.data.Date", LEAT_L_CONNECT_DATE},
    {"org.apache.kafka.connect.data.Decimal", LEAT_L_DECIMAL},
    {"org.apache.kafka.connect.data.Time", LEAT_L_CONNECT_TIME},
    {"org.apache.kafka.connect.data.Timestamp", LEAT_L_CONNECT_TIMESTAMP},
};

static int known_cmp(const void *name, const void *row)
{
    return strcmp(name, ((const known *)row)->name);
}

leat_logical leat_schema_logical(const char *name)
{
    if (name == NULL) return LEAT_L_NONE;
    const known *row =
        bsearch(name, names, sizeof(names) / sizeof(names[0]), sizeof(names[0]), known_cmp);
    return row != NULL ? row->logical : LEAT_L_OTHER;
}

leat_schema *leat_schema_new(leat_arena *a, leat_type type, bool optional)
{
    leat_schema *s = LEAT_NEW(a, leat_schema, 1);
    s->type = (uint8_t)type;
    s->optional = optional;
    return s;
}

leat_schema *leat_schema_named(leat_arena *a, leat_type type, bool optional, const char *name,
                               int32_t version)
{
    leat_schema *s = leat_schema_new(a, type, optional);
    s->name = name != NULL ? leat_arena_strdup(a, name) : NULL;
    s->version = version;
    s->logical = (uint8_t)leat_schema_logical(name);
    return s;
}

leat_schema *leat_schema_struct(leat_arena *a, bool optional, const char *name, int32_t version,
                                uint32_t n)
{
    leat_schema *s = leat_schema_named(a, LEAT_T_STRUCT, optional, name, version);
    s->nfields = n;
    s->fields = LEAT_NEW(a, leat_field, n);
    return s;
}

leat_schema *leat_schema_of(leat_arena *a, const char *name, bool optional,
                            const leat_field_spec *fields, uint32_t n)
{
    leat_schema *s = leat_schema_struct(a, optional, name, name ? 1 : 0, n);
    leat_field *v = LEAT_NEW(a, leat_field, n);
    for (uint32_t i = 0; i < n; i++) {
        const leat_field_spec *f = &fields[i];
        v[i] =
            (leat_field){f->name, f->schema ? f->schema : leat_schema_new(a, f->type, f->optional)};
    }
    s->fields = v;
    return s;
}

leat_schema *leat_schema_array(leat_arena *a, bool optional, const leat_schema *elem)
{
    leat_schema *s = leat_schema_new(a, LEAT_T_ARRAY, optional);
    s->elem = elem;
    return s;
}

void leat_schema_param(leat_arena *a, leat_schema *s, const char *key, const char *value)
{
    leat_param *params = LEAT_NEW(a, leat_param, s->nparams + 1);
    if (s->nparams > 0) memcpy(params, s->params, s->nparams * sizeof(*params));
    params[s->nparams].key = leat_arena_strdup(a, key);
    params[s->nparams].value = leat_arena_strdup(a, value);
    s->params = params;
    s->nparams++;
}

const char *leat_schema_param_get(const leat_schema *s, const char *key)
{
    for (uint32_t i = 0; i < s->nparams; i++)
        if (strcmp(s->params[i].key, key) == 0) return s->params[i].value;
    return NULL;
}

int leat_schema_field(const leat_schema *s, leat_str name)
{
    char first =
        name.len > 0 ? *name.s : '\0'; /* most names differ there: no length is asked for */
    for (uint32_t i = 0; i < s->nfields; i++)
        if (*s->fields[i].name == first && leat_str_is(name, s->fields[i].name)) return (int)i;
    return -1;
}

static const char *text_copy(leat_arena *a, const char *z)
{
    return z != NULL ? leat_arena_strdup(a, z) : NULL;
}

leat_schema *leat_schema_copy(leat_arena *a, const leat_schema *s)
{
    leat_schema *copy = LEAT_NEW(a, leat_schema, 1);
    *copy = *s;
    copy->name = text_copy(a, s->name);
    copy->doc = text_copy(a, s->doc);
    leat_param *params = LEAT_NEW(a, leat_param, s->nparams);
    for (uint32_t i = 0; i < s->nparams; i++)
        params[i] = (leat_param){text_copy(a, s->params[i].key), text_copy(a, s->params[i].value)};
    copy->params = s->nparams > 0 ? params : NULL;
    leat_field *fields = LEAT_NEW(a, leat_field, s->nfields);
    for (uint32_t i = 0; i < s->nfields; i++)
        fields[i] =
            (leat_field){text_copy(a, s->fields[i].name), leat_schema_copy(a, s->fields[i].schema)};
    copy->fields = s->nfields > 0 ? fields : NULL;
    copy->key = s->key != NULL ? leat_schema_copy(a, s->key) : NULL;
    copy->elem = s->elem != NULL ? leat_schema_copy(a, s->elem) : NULL;
    if (s->def != NULL) {
        leat_value *def = LEAT_NEW(a, leat_value, 1);
        *def = leat_value_copy(a, s->def);
        copy->def = def;
    }
    return copy;
}

static bool text_eq(const char *x, const char *y)
{
    return x == y || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

static bool part_eq(const leat_schema *x, const leat_schema *y)
{
    return x == y || (x != NULL && y != NULL && leat_schema_eq(x, y));
}

static bool params_eq(const leat_schema *x, const leat_schema *y)
{
    if (x->nparams != y->nparams) return false;
    for (uint32_t i = 0; i < x->nparams; i++)
        if (!text_eq(x->params[i].key, y->params[i].key) ||
            !text_eq(x->params[i].value, y->params[i].value))
            return false;
    return true;
}

bool leat_schema_eq(const leat_schema *x, const leat_schema *y)
{
    if (x == y) return true;
    if (x->type != y->type || x->logical != y->logical || x->digits != y->digits ||
        x->optional != y->optional || x->version != y->version || x->nfields != y->nfields)
        return false;
    if (!text_eq(x->name, y->name) || !text_eq(x->doc, y->doc) || !params_eq(x, y)) return false;
    if ((x->def == NULL) != (y->def == NULL) || (x->def != NULL && !leat_value_eq(x->def, y->def)))
        return false;
    for (uint32_t i = 0; i < x->nfields; i++)
        if (!text_eq(x->fields[i].name, y->fields[i].name) ||
            !part_eq(x->fields[i].schema, y->fields[i].schema))
            return false;
    return part_eq(x->key, y->key) && part_eq(x->elem, y->elem);
}

const char *leat_type_name(leat_type type)
{
    static const char *const texts[] = {
        "int8",    "int16",  "int32", "int64", "float", "double",
        "boolean", "string", "bytes", "array", "map",   "struct",
    };
    return (size_t)type < sizeof(texts) / sizeof(texts[0]) ? texts[type] : "unknown";
}
