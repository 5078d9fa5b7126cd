/* Names of topics, schemas and fields. Where Debezium replaces a UTF-16 unit, so is it done here: a
 * character beyond the first 65,536 becomes two "_". Pure but for leat_topic_names, which belongs
 * to one thread. */
#include "capture/naming.h"

#include "base/json.h"
#include "config/regex.h"

static bool topic_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

unsigned leat_naming_units(const char *s, size_t *at, uint32_t u[2])
{
    unsigned char c = (unsigned char)s[*at];
    unsigned len = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    uint32_t v = len == 1 ? c : c & (0xFFu >> (len + 1));
    for (unsigned i = 1; i < len; i++) {
        unsigned char more = (unsigned char)s[*at + i];
        if ((more & 0xC0) != 0x80) {
            len = 1;
            v = c;
            break;
        }
        v = v << 6 | (more & 0x3F);
    }
    *at += len;
    u[0] = v;
    if (v < 0x10000) return 1;
    u[0] = 0xD800 + ((v - 0x10000) >> 10);
    u[1] = 0xDC00 + ((v - 0x10000) & 0x3FF);
    return 2;
}

bool leat_naming_valid(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!topic_char(*p)) return false;
    return true;
}

/* What stands for a UTF-16 unit that a name may not hold. */
static void put_escape(leat_buf *out, uint32_t u)
{
    leat_buf_printf(out, u < 0x100 ? "_u00%x" : "_u%x", u);
}

const char *leat_naming_sanitize(leat_arena *a, const char *name, bool unicode)
{
    if (strcmp(name, ".") == 0) return unicode ? "_u002e" : "_";
    if (strcmp(name, "..") == 0) return unicode ? "_u002e_u002e" : "__";
    if (strlen(name) <= LEAT_TOPIC_MAX && leat_naming_valid(name) &&
        !(unicode && strchr(name, '_')))
        return name;
    leat_buf out = {0};
    for (size_t at = 0; name[at];) {
        uint32_t u[2];
        if (topic_char(name[at]) && !(unicode && name[at] == '_')) {
            leat_buf_u8(&out, (unsigned char)name[at++]);
            continue;
        }
        unsigned units = leat_naming_units(name, &at, u);
        for (unsigned i = 0; i < units; i++)
            if (unicode)
                put_escape(&out, u[i]);
            else
                leat_buf_u8(&out, '_');
    }
    if (out.len > LEAT_TOPIC_MAX) out.len = LEAT_TOPIC_MAX;
    name = leat_arena_str(a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return name;
}

/* Only white space, as Java's isBlank. */
static bool blank(const char *s)
{
    return s == NULL || leat_str_trim(leat_str_of(s)).len == 0;
}

/* Prefix and parts, as they are. */
static const char *joined(const leat_capture_conf *c, leat_arena *a, const char *catalog,
                          const char *schema, const char *table)
{
    bool database = c->naming == LEAT_NAMING_DATABASE ||
                    c->naming == LEAT_NAMING_DATABASE_UNICODE ||
                    c->naming == LEAT_NAMING_DATABASE_REGEX;
    const char *parts[] = {database ? catalog : schema, table};
    const char *name = c->prefix;
    for (size_t i = 0; i < 2; i++)
        if (!blank(parts[i])) name = leat_arena_printf(a, "%s%s%s", name, c->delimiter, parts[i]);
    return name;
}

static bool by_regex(const leat_capture_conf *c)
{
    return c->naming == LEAT_NAMING_SCHEMA_REGEX || c->naming == LEAT_NAMING_DATABASE_REGEX;
}

const char *leat_naming_topic(const leat_capture_conf *c, leat_arena *a, const char *catalog,
                              const char *schema, const char *table)
{
    bool unicode =
        c->naming == LEAT_NAMING_SCHEMA_UNICODE || c->naming == LEAT_NAMING_DATABASE_UNICODE;
    return leat_naming_sanitize(a, joined(c, a, catalog, schema, table), unicode);
}

/* The name made over by an option's pattern, where all of it fits; else as it is. Patterns were
 * checked by leat_capture_validate. */
static leat_rc made_over(const char *option, const char *pattern, const char *replacement,
                         leat_arena *a, const char *name, const char **out, leat_err *e)
{
    leat_arena own;
    leat_regex_problem p;
    leat_str made = {0};
    leat_rc rc;
    *out = name;
    leat_arena_init(&own, 0);
    const leat_regex *x = leat_regex_new_cased(&own, leat_str_of(pattern), &p);
    if (x)
        rc = leat_regex_replace(x, leat_str_of(name), leat_str_of(replacement), &own, &made, e);
    else
        rc = leat_fail(e, LEAT_CONF, "config.invalid", option, "is no regular expression: %s",
                       p.msg);
    if (rc == LEAT_OK && made.len) *out = leat_arena_str(a, made).s;
    leat_arena_free(&own);
    return rc;
}

leat_rc leat_naming_table(const leat_capture_conf *c, leat_arena *a, const char *catalog,
                          const char *schema, const char *table, leat_naming_place *out,
                          leat_err *e)
{
    *out = (leat_naming_place){.topic = leat_naming_topic(c, a, catalog, schema, table)};
    if (!by_regex(c)) return LEAT_OK;
    const char *own = joined(c, a, catalog, schema, table), *topic = out->topic;
    out->shared = true;
    LEAT_TRY(
        made_over("topic.regex", c->topic_regex, c->topic_replacement, a, topic, &out->topic, e));
    if (!leat_naming_valid(out->topic) || strlen(out->topic) > LEAT_TOPIC_MAX)
        return leat_fail(
            e, LEAT_CONF, "capture.topic", topic,
            "topic.regex makes \"%s\" of it, which is no topic's name: letters, digits, "
            "\".\", \"-\" and \"_\" only, %d at most; change topic.replacement",
            out->topic, LEAT_TOPIC_MAX);
    if (!c->key_unique) return LEAT_OK;
    out->key_field = c->key_field;
    if (!c->key_regex || !*c->key_regex) {
        out->key_tag = own;
        return LEAT_OK;
    }
    return made_over("topic.key.field.regex", c->key_regex, c->key_replacement, a, own,
                     &out->key_tag, e);
}

const char *leat_naming_transactions(const leat_capture_conf *c, leat_arena *a)
{
    return leat_arena_printf(a, "%s%s%s", c->prefix, c->delimiter, c->transaction_topic);
}

const char *leat_naming_heartbeats(const leat_capture_conf *c, leat_arena *a)
{
    if (c->heartbeat_topic && *c->heartbeat_topic) return c->heartbeat_topic;
    return leat_arena_printf(a, "%s%s%s", c->heartbeat_prefix, c->delimiter, c->prefix);
}

const char *leat_naming_schema_changes(const leat_capture_conf *c, leat_arena *a)
{
    return leat_arena_strdup(a, c->prefix);
}

/* A UTF-16 unit may stand in an Avro name. first: as its first character. Names of schemas may hold
 * dots, those of fields not. "_" is an escape in avro_unicode, so it is not allowed there itself.
 */
static bool avro_char(uint32_t u, bool first, bool field, leat_adjust mode)
{
    if ((u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z')) return true;
    if (u == '_') return mode == LEAT_ADJUST_AVRO;
    return !first && ((u >= '0' && u <= '9') || (u == '.' && !field));
}

static const char *adjust(leat_arena *a, const char *name, leat_adjust mode, bool field)
{
    if (mode == LEAT_ADJUST_NONE) return name;
    leat_buf out = {0};
    bool first = true, changed = false;
    for (size_t at = 0; name[at];) {
        uint32_t u[2];
        unsigned units = leat_naming_units(name, &at, u);
        for (unsigned i = 0; i < units; i++, first = false) {
            if (avro_char(u[i], first, field, mode)) {
                leat_buf_u8(&out, u[i]);
                continue;
            }
            changed = true;
            if (mode == LEAT_ADJUST_AVRO_UNICODE)
                put_escape(&out, u[i]);
            else
                leat_buf_u8(&out, '_');
            /* A digit at the start stays behind its "_": 1st and 2nd must not become one. */
            if (first && mode == LEAT_ADJUST_AVRO && u[i] >= '0' && u[i] <= '9')
                leat_buf_u8(&out, u[i]);
        }
    }
    if (changed) name = leat_arena_str(a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return name;
}

const char *leat_naming_schema(const leat_capture_conf *c, leat_arena *a, const char *topic,
                               const char *suffix)
{
    const char *name = leat_arena_printf(a, "%s%s", topic, suffix);
    return adjust(a, name, (leat_adjust)c->schema_names, false);
}

const char *leat_naming_field(const leat_capture_conf *c, leat_arena *a, const char *column)
{
    return adjust(a, column, (leat_adjust)c->field_names, true);
}

/* ---- who has which topic ---- */

typedef struct leat_topic_names_entry {
    const char *topic, *table; /* topic NULL: free */
} entry;

void leat_topic_names_free(leat_topic_names *t)
{
    leat_free(t->slots);
    *t = (leat_topic_names){0};
}

/* The entry of topic, or the free one where it goes. */
static entry *slot_of(entry *slots, size_t cap, const char *topic)
{
    size_t i = leat_str_hash(leat_str_of(topic)) & (cap - 1);
    while (slots[i].topic && strcmp(slots[i].topic, topic) != 0) i = (i + 1) & (cap - 1);
    return &slots[i];
}

static void grow(leat_topic_names *t)
{
    size_t cap = t->cap ? t->cap * 2 : 64;
    entry *slots = leat_zalloc(cap, sizeof *slots);
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].topic) *slot_of(slots, cap, t->slots[i].topic) = t->slots[i];
    leat_free(t->slots);
    t->slots = slots;
    t->cap = cap;
}

leat_rc leat_topic_names_claim(leat_topic_names *t, const char *topic, const char *table,
                               leat_err *e)
{
    if (t->n * 2 >= t->cap) grow(t);
    entry *s = slot_of(t->slots, t->cap, topic);
    if (s->topic && strcmp(s->table, table) != 0)
        return leat_fail(
            e, LEAT_CONF, "capture.topic", topic,
            "the tables %s and %s would both go to this topic, because characters that "
            "no topic's name may hold are replaced or a long name is cut; rename one, leave "
            "one out by table.exclude.list, or keep letters of all scripts by "
            "topic.naming.strategy=io.debezium.schema.SchemaUnicodeTopicNamingStrategy",
            s->table, table);
    if (s->topic == NULL) {
        *s = (entry){topic, table};
        t->n++;
    }
    return LEAT_OK;
}

void leat_naming_key(const leat_capture_conf *c, leat_arena *a, const leat_naming_place *place,
                     leat_field *fields, const uint16_t *cols, uint16_t n, leat_table *t)
{
    t->key_tag = place->key_tag;
    if (t->key_tag)
        fields[n] = (leat_field){place->key_field, leat_schema_new(a, LEAT_T_STRING, false)};
    if (n == 0 && !t->key_tag) return;
    const char *name = leat_naming_schema(c, a, t->topic, ".Key");
    leat_schema *key = leat_schema_struct(a, false, name, 0, n + (t->key_tag ? 1u : 0u));
    key->fields = fields;
    t->key = key;
    t->key_cols = cols;
    t->nkey = n;
}

void leat_naming_partition(const char *prefix, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "server", prefix);
    leat_jw_end(&w);
}
