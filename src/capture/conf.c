/* What no row of the option tables can say about capturing tables, and small readings of it.
 *
 * Validation reports all it finds; the modules that use the options (filter.c, keys.c, columns.c)
 * find the same again as an error when they are made from a conf that was not validated. Pure. */
#include "capture/conf.h"

#include "capture/columns.h"
#include "capture/keys.h"
#include "capture/naming.h"
#include "config/regex.h"

/* Not both lists of a kind. */
static void exclusive(leat_report *r, const leat_opt_list *in, const leat_opt_list *out,
                      const char *in_name, const char *out_name)
{
    if (in->n == 0 || out->n == 0) return;
    leat_report_add(r, false, out_name, 0, "cannot be set together with %s; take one of them out",
                    in_name);
}

/* A part of a topic's name. */
static void topic_part(leat_report *r, const char *option, const char *text)
{
    if (text == NULL || leat_naming_valid(text)) return;
    leat_report_add(r, false, option, 0,
                    "may hold letters, digits, \".\", \"-\" and \"_\" only, got \"%s\"", text);
}

/* A pattern and what it makes of a name: both or none. */
static void check_replacement(leat_report *r, const char *pattern_name, const char *pattern,
                              const char *name, const char *text)
{
    leat_regex_problem p;
    bool one = pattern && *pattern, other = text && *text;
    if (!one && !other) return;
    if (one != other) {
        leat_report_add(r, false, one ? name : pattern_name, 0, "must be set together with %s",
                        one ? pattern_name : name);
        return;
    }
    const leat_regex *x = leat_regex_new_cased(r->a, leat_str_of(pattern), &p);
    const char *wrong = x ? leat_regex_replacement_check(x, leat_str_of(text), r->a) : NULL;
    if (wrong) leat_report_add(r, false, name, 0, "%s", wrong);
}

static void check_naming(const leat_capture_conf *c, leat_report *r)
{
    bool regex = c->naming == LEAT_NAMING_SCHEMA_REGEX || c->naming == LEAT_NAMING_DATABASE_REGEX;
    if (regex && !(c->topic_regex && *c->topic_regex))
        leat_report_add(r, false, "topic.regex", 0,
                        "must be set for this topic.naming.strategy, and topic.replacement");
    if (!regex && c->topic_regex)
        leat_report_add(r, true, "topic.regex", 0,
                        "has no effect: set topic.naming.strategy to "
                        "io.debezium.schema.SchemaRegexTopicNamingStrategy");
    if (!regex) return;
    check_replacement(r, "topic.regex", c->topic_regex, "topic.replacement", c->topic_replacement);
    check_replacement(r, "topic.key.field.regex", c->key_regex, "topic.key.field.replacement",
                      c->key_replacement);
    if (c->key_unique && !(c->key_field && *c->key_field))
        leat_report_add(r, false, "topic.key.field.name", 0, "must not be empty");
}

static void check_skipped(const leat_capture_conf *c, leat_report *r)
{
    for (size_t i = 0; i < c->skipped.n; i++)
        if (c->skipped.n > 1 && leat_str_ieq(leat_str_of(c->skipped.v[i]), LEAT_STR("none")))
            leat_report_add(r, false, "skipped.operations", 0,
                            "\"none\" cannot be set together with operations");
}

static bool listed(const leat_opt_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->v[i], name) == 0) return true;
    return false;
}

bool leat_capture_channel(const leat_capture_conf *c, const char *channel)
{
    return listed(&c->signal_channels, channel);
}

bool leat_capture_is_signal(const leat_capture_conf *c, const char *schema, const char *table)
{
    for (size_t i = 0; i < c->signal_tables.n; i++) {
        leat_str rest = leat_str_of(c->signal_tables.v[i]);
        if (!leat_str_starts(rest, schema)) continue;
        rest = (leat_str){rest.s + strlen(schema), rest.len - strlen(schema)};
        if (rest.len > 1 && *rest.s == '.' && strcmp(rest.s + 1, table) == 0) return true;
    }
    return false;
}

static void check_channels(const leat_capture_conf *c, leat_report *r)
{
    static const char *const java[] = {"jmx", "in-process"};
    if (listed(&c->notify_channels, "sink") && !c->notify_topic)
        leat_report_add(r, false, "notification.sink.topic.name", 0,
                        "must be set for the channel sink of notification.enabled.channels");
    topic_part(r, "notification.sink.topic.name", c->notify_topic);
    for (size_t i = 0; i < 2; i++)
        if (listed(&c->signal_channels, java[i]))
            leat_report_add(r, true, "signal.enabled.channels", 0,
                            "the channel %s is Java's and does nothing here; 'leat signal' and the "
                            "control socket take its place",
                            java[i]);
    if (listed(&c->notify_channels, "jmx"))
        leat_report_add(r, true, "notification.enabled.channels", 0,
                        "the channel jmx is Java's and does nothing here");
    if (c->signal_tables.n > 1)
        leat_report_add(r, false, "signal.data.collection", 0,
                        "names %zu tables; this connector reads one database and has one",
                        c->signal_tables.n);
}

static void check_overrides(const leat_capture_conf *c, leat_report *r)
{
    for (size_t i = 0; i < c->overrides.n; i++) {
        bool found = false;
        for (size_t k = 0; k < c->override_texts.n && !found; k++)
            found = strcmp(c->overrides.v[i], c->override_texts.v[k].star[0]) == 0;
        if (!found)
            leat_report_add(r, false, "snapshot.select.statement.overrides", 0,
                            "names %s, but there is no snapshot.select.statement.overrides.%s with "
                            "its statement",
                            c->overrides.v[i], c->overrides.v[i]);
    }
    for (size_t i = 0; i < c->override_texts.n; i++) {
        const leat_opt_match *text = &c->override_texts.v[i];
        if (listed(&c->overrides, text->star[0])) continue;
        leat_report_add(r, true, text->name, 0,
                        "has no effect: snapshot.select.statement.overrides does not name %s",
                        text->star[0]);
    }
}

void leat_capture_validate(const leat_capture_conf *c, leat_report *r)
{
    check_overrides(c, r);
    leat_err e;
    const leat_keys *keys;
    const leat_columns *columns;
    exclusive(r, &c->schema_include, &c->schema_exclude, "schema.include.list",
              "schema.exclude.list");
    exclusive(r, &c->table_include, &c->table_exclude, "table.include.list", "table.exclude.list");
    exclusive(r, &c->column_include, &c->column_exclude, "column.include.list",
              "column.exclude.list");
    topic_part(r, "topic.prefix", c->prefix);
    topic_part(r, "topic.delimiter", c->delimiter);
    topic_part(r, "topic.transaction", c->transaction_topic);
    topic_part(r, "topic.heartbeat.prefix", c->heartbeat_prefix);
    topic_part(r, "topic.heartbeat.name", c->heartbeat_topic);
    check_naming(c, r);
    check_skipped(c, r);
    check_channels(c, r);
    if (leat_rc_failed(leat_keys_new(r->a, c, &keys, &e)))
        leat_report_add(r, false, "message.key.columns", 0, "%s", e.msg);
    if (leat_rc_failed(leat_columns_new(r->a, c, &columns, &e)))
        leat_report_add(r, false, e.where, 0, "%s", e.msg);
    if (c->placeholder && leat_str_starts(leat_str_of(c->placeholder), "hex:")) {
        leat_buf b = {0};
        if (!leat_buf_unhex(&b, leat_str_of(c->placeholder + 4)))
            leat_report_add(r, false, "unavailable.value.placeholder", 0,
                            "hex: must be followed by pairs of hexadecimal digits");
        leat_buf_free(&b);
    }
}

uint32_t leat_capture_skipped(const leat_capture_conf *c)
{
    uint32_t set = 0;
    for (size_t i = 0; i < c->skipped.n; i++) {
        char letter = c->skipped.v[i][0] | 0x20;
        if (c->skipped.v[i][1] == '\0' && letter >= 'a' && letter <= 'z')
            set |= 1u << (letter - 'a');
    }
    return set;
}

leat_str leat_capture_placeholder(const leat_capture_conf *c, leat_arena *a)
{
    leat_str text = leat_str_of(c->placeholder ? c->placeholder : "");
    if (!leat_str_starts(text, "hex:")) return leat_arena_str(a, text);
    leat_buf b = {0};
    if (leat_buf_unhex(&b, (leat_str){text.s + 4, text.len - 4})) text = leat_buf_str(&b);
    leat_str copy = leat_arena_str(a, text);
    leat_buf_free(&b);
    return copy;
}
