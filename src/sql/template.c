/* Templates; see the header.
 *
 * JDBC's: "key"='column' becomes two transforms, by which that column of the value is the record's
 * key (ValueToKey makes a structure of it, ExtractField$Key takes it out again); tasks.max is 1 if
 * nothing else is said. */
#include "sql/template.h"

#define TRANSFORMS "org.apache.kafka.connect.transforms."

static void set(leat_config *config, leat_arena *a, const char *name, const char *value)
{
    leat_props_set(&config->props, a, leat_str_of(name), leat_str_of(value), 0);
}

static void jdbc_source(leat_config *config, leat_arena *a)
{
    leat_props *props = &config->props;
    const char *key = leat_props_get(props, "key"),
               *transforms = leat_props_get(props, "transforms");
    if (key) {
        leat_prop **at = &props->first;
        while (strcmp((*at)->name, "key") != 0) at = &(*at)->next;
        if (props->tail == &(*at)->next) props->tail = at;
        *at = (*at)->next;
        set(config, a, "transforms",
            transforms ? leat_arena_printf(a, "%s,ksqlCreateKey,ksqlExtractString", transforms)
                       : "ksqlCreateKey,ksqlExtractString");
        set(config, a, "transforms.ksqlCreateKey.type", TRANSFORMS "ValueToKey");
        set(config, a, "transforms.ksqlCreateKey.fields", key);
        set(config, a, "transforms.ksqlExtractString.type", TRANSFORMS "ExtractField$Key");
        set(config, a, "transforms.ksqlExtractString.field", key);
    }
    if (!leat_props_get(props, "tasks.max")) set(config, a, "tasks.max", "1");
}

static const struct {
    const char *klass;
    void (*apply)(leat_config *config, leat_arena *a);
} templates[] = {
    {"io.confluent.connect.jdbc.JdbcSourceConnector", jdbc_source},
};

leat_config *leat_sql_template(const leat_sql_statement *s, leat_arena *a)
{
    leat_config *config = LEAT_NEW(a, leat_config, 1);
    leat_props_init(&config->props, NULL);
    for (const leat_sql_prop *p = s->props; p; p = p->next)
        if (p->value.s) leat_props_set(&config->props, a, p->name, p->value, (int)p->line);
    const char *klass = leat_props_get(&config->props, "connector.class");
    for (size_t i = 0; klass && i < sizeof templates / sizeof *templates; i++)
        if (strcmp(klass, templates[i].klass) == 0) templates[i].apply(config, a);
    config->name = leat_arena_str(a, s->name).s;
    leat_props_set(&config->props, a, LEAT_STR("name"), s->name, (int)s->line);
    return config;
}
