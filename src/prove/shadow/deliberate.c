/* Deliberate differences (prove/shadow/deliberate.h).
 *
 * Each has a trait, which says which columns can show it, and a test of the two values. Traits are
 * of any version of the table that was seen: a column that is dropped and made anew with another
 * type has both. A type is known by its name in SQL, without modifiers; what masks a column by the
 * parameters that this gives its schema. */
#include "prove/shadow/deliberate.h"

#include <stdio.h>

enum trait {
    TRAIT_NAME = 1,        /* type name */
    TRAIT_ODD_ARRAY = 2,   /* types of which Debezium's stream shows no elements */
    TRAIT_DATE = 4,        /* date */
    TRAIT_CLOCKS = 8,      /* time[], timetz[] */
    TRAIT_TEXT = 16,       /* what JDBC calls text: Debezium masks, hashes and cuts it */
    TRAIT_MASKED = 32,     /* masked or hashed */
    TRAIT_CUT = 64,        /* truncated */
    TRAIT_PROPAGATED = 128 /* its type is told */
};

struct leat_shadow_trait {
    const char *field;
    unsigned traits;
    uint64_t places; /* bits of those that it has had in the row, modulo 64 */
    struct leat_shadow_trait *next;
};
typedef struct leat_shadow_trait trait;

const leat_shadow_purpose leat_shadow_purposes[LEAT_SHADOW_DELIBERATES] = {
    [LEAT_SHADOW_NAME] = {"name", "columns of type name in the stream",
                          "Debezium shows null, leat the value"},
    [LEAT_SHADOW_ODD_ARRAY] = {"odd array", "columns of type bit[], oidvector, int2vector",
                               "Debezium shows nulls or leaves them out, leat shows the values"},
    [LEAT_SHADOW_EARLY_DATE] = {"early date", "dates BC and infinite dates in a snapshot",
                                "Debezium's snapshot shows other numbers than its stream"},
    [LEAT_SHADOW_FRACTION] = {"fraction", "fractions of seconds in time[], timetz[]",
                              "Debezium drops them"},
    [LEAT_SHADOW_MASKED] = {"masked", "masked or hashed columns that are no text in the database",
                            "Debezium shows them as they are, though the schema says masked"},
    [LEAT_SHADOW_WHOLE] = {"whole", "truncated columns that are no text in the database",
                           "Debezium cuts the text of a time, of a number, of base64"},
    [LEAT_SHADOW_PLACEHOLDER] = {"placeholder",
                                 "values that did not come, in columns that are "
                                 "truncated or hashed",
                                 "Debezium truncates or hashes the placeholder"},
    [LEAT_SHADOW_PROPAGATED] = {"propagated", "masked columns whose type is told",
                                "column.propagate.source.type switches a mask off in Debezium"},
    [LEAT_SHADOW_HASHED_KEY] = {"hashed key", "hashed columns in the key",
                                "Debezium's key shows them as they are"},
    [LEAT_SHADOW_LABELS] = {"labels", "the labels of an enum that got more of them",
                            "Debezium tells those of its start, leat those that the type has when "
                            "the server describes the table anew"},
    [LEAT_SHADOW_MESSAGES] =
        {"messages", "logical messages in the list of a transaction's events",
         "Debezium lists each by the address of an object, leat all of them as "
         "LOGICAL_DECODING_MESSAGE"},
};

/* ---- what columns can show ---- */

/* "numeric" of "numeric(10,2)", "time[]" of "time(3) without time zone[]". */
static leat_str plain_type(const char *type, char *buf, size_t size)
{
    size_t n = 0;
    bool inside = false;
    for (const char *p = type; *p && n + 1 < size; p++) {
        inside = inside || *p == '(';
        if (!inside) buf[n++] = *p;
        if (*p == ')') inside = false;
    }
    buf[n] = 0;
    return (leat_str){buf, n};
}

static unsigned of_type(const char *type)
{
    static const struct {
        const char *type;
        unsigned traits;
    } types[] = {
        {"name", TRAIT_NAME | TRAIT_TEXT},
        {"bit[]", TRAIT_ODD_ARRAY},
        {"oidvector", TRAIT_ODD_ARRAY},
        {"int2vector", TRAIT_ODD_ARRAY},
        {"oidvector[]", TRAIT_ODD_ARRAY},
        {"int2vector[]", TRAIT_ODD_ARRAY},
        {"date", TRAIT_DATE},
        {"time[]", TRAIT_CLOCKS},
        {"timetz[]", TRAIT_CLOCKS},
        {"time without time zone[]", TRAIT_CLOCKS},
        {"time with time zone[]", TRAIT_CLOCKS},
        {"text", TRAIT_TEXT},
        {"varchar", TRAIT_TEXT},
        {"character varying", TRAIT_TEXT},
        {"bpchar", TRAIT_TEXT},
        {"char", TRAIT_TEXT},
        {"character", TRAIT_TEXT},
        {"\"char\"", TRAIT_TEXT},
    };
    char buf[128];
    leat_str plain = plain_type(type ? type : "", buf, sizeof buf);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (leat_str_is(plain, types[i].type)) return types[i].traits;
    return 0;
}

static unsigned traits_of(const leat_schema *s, const leat_column *column)
{
    unsigned traits = of_type(column->type);
    if (s->logical == LEAT_L_ENUM) traits |= TRAIT_TEXT;
    if (leat_schema_param_get(s, "masked")) traits |= TRAIT_MASKED;
    if (leat_schema_param_get(s, "truncateLength")) traits |= TRAIT_CUT;
    if (leat_schema_param_get(s, "__debezium.source.column.type")) traits |= TRAIT_PROPAGATED;
    return traits;
}

static void add(leat_shadow_traits *t, const char *field, unsigned traits, uint32_t place)
{
    trait *c = t->columns;
    while (c && strcmp(c->field, field) != 0) c = c->next;
    if (!c) {
        c = LEAT_NEW(&t->a, trait, 1);
        *c = (trait){leat_arena_strdup(&t->a, field), 0, 0, t->columns};
        t->columns = c;
    }
    c->traits |= traits;
    c->places |= UINT64_C(1) << place % 64;
}

void leat_shadow_traits_see(leat_shadow_traits *t, const leat_table *table)
{
    if (t->last == table->fingerprint) return;
    t->last = table->fingerprint;
    for (uint32_t i = 0; i < table->row->nfields; i++) {
        const leat_field *f = &table->row->fields[i];
        unsigned traits = traits_of(f->schema, &table->cols[i]);
        if (traits) add(t, f->name, traits, i);
        for (uint16_t k = 0; k < table->nkey; k++)
            if (table->key_cols[k] == i && (traits & TRAIT_MASKED)) t->key_hashed = true;
    }
    if (table->origin->placeholder.s && !t->placeholder.s)
        t->placeholder = leat_arena_str(&t->a, table->origin->placeholder);
}

void leat_shadow_traits_fini(leat_shadow_traits *t)
{
    leat_arena_free(&t->a);
    *t = (leat_shadow_traits){0};
}

/* ---- what two values show ---- */

typedef struct pair {
    unsigned traits;
    const leat_json *x, *y; /* NULL: not there */
    bool rows;
    leat_str placeholder;
} pair;

static bool is(const leat_json *j, leat_json_type type)
{
    return j && j->type == type;
}

static bool shown(const pair *p)
{
    return is(p->x, LEAT_JSON_STRING) && (p->traits & TRAIT_NAME) && is(p->y, LEAT_JSON_NULL);
}

static bool odd_array(const pair *p)
{
    return (p->traits & TRAIT_ODD_ARRAY) && p->x && (!p->y || p->y->type == LEAT_JSON_NULL);
}

/* Before the year 1, or infinite, which leat shows as days or as text with a sign. */
static bool early_date(const pair *p)
{
    enum { YEAR_ONE = -719162 };
    int64_t days;
    if (!p->rows || !(p->traits & TRAIT_DATE) || !p->x || !p->y || p->x->type != p->y->type)
        return false;
    if (p->x->type == LEAT_JSON_STRING) return p->x->text.len && p->x->text.s[0] == '-';
    return p->x->type == LEAT_JSON_NUMBER && leat_str_i64(p->x->text, &days) && days < YEAR_ONE;
}

/* Debezium's is leat's without its fraction of a second. */
static bool fraction(const pair *p)
{
    enum { SECONDS_TEXT = 8, SECOND_NS = 1000000000 };
    int64_t x, y;
    if (!(p->traits & TRAIT_CLOCKS) || !p->x || !p->y || p->x->type != p->y->type) return false;
    if (p->x->type == LEAT_JSON_STRING)
        return p->x->text.len > SECONDS_TEXT && p->y->text.len >= SECONDS_TEXT &&
               p->x->text.s[SECONDS_TEXT] == '.' &&
               memcmp(p->x->text.s, p->y->text.s, SECONDS_TEXT) == 0;
    return p->x->type == LEAT_JSON_NUMBER && leat_str_i64(p->x->text, &x) &&
           leat_str_i64(p->y->text, &y) && y % 1000 == 0 && x > y && x - y < SECOND_NS;
}

static bool placeholder(const pair *p)
{
    return (p->traits & (TRAIT_MASKED | TRAIT_CUT)) && is(p->x, LEAT_JSON_STRING) &&
           leat_str_eq(p->x->text, p->placeholder) && is(p->y, LEAT_JSON_STRING);
}

static bool masked(const pair *p)
{
    return (p->traits & TRAIT_MASKED) && !(p->traits & TRAIT_TEXT) && is(p->x, LEAT_JSON_STRING);
}

static bool propagated(const pair *p)
{
    return (p->traits & TRAIT_MASKED) && (p->traits & TRAIT_PROPAGATED) &&
           is(p->x, LEAT_JSON_STRING);
}

/* Of text both cut the same. */
static bool whole(const pair *p)
{
    return (p->traits & TRAIT_CUT) && !(p->traits & TRAIT_TEXT) && is(p->x, LEAT_JSON_STRING) &&
           is(p->y, LEAT_JSON_STRING) && p->y->text.len < p->x->text.len;
}

static const struct {
    leat_shadow_deliberate which;
    bool (*shows)(const pair *p);
} tests[] = {
    {LEAT_SHADOW_NAME, shown},
    {LEAT_SHADOW_ODD_ARRAY, odd_array},
    {LEAT_SHADOW_EARLY_DATE, early_date},
    {LEAT_SHADOW_FRACTION, fraction},
    {LEAT_SHADOW_PLACEHOLDER, placeholder},
    {LEAT_SHADOW_PROPAGATED, propagated},
    {LEAT_SHADOW_MASKED, masked},
    {LEAT_SHADOW_WHOLE, whole},
};

/* ---- where ---- */

/* What stands behind prefix in path; NULL: it does not begin so. */
static const char *behind(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(path, prefix, n) == 0 ? path + n : NULL;
}

/* Of the column that the rest of a path begins with; names may contain dots. */
static unsigned traits_at(const leat_shadow_traits *t, const char *rest)
{
    size_t best = 0;
    unsigned traits = 0;
    for (const trait *c = t->columns; c; c = c->next) {
        const char *end = behind(rest, c->field);
        size_t n = strlen(c->field);
        if (!end || n < best || (*end && *end != '.' && *end != '[')) continue;
        best = n;
        traits = c->traits;
    }
    return traits;
}

/* Debezium's list is leat's without some labels. */
static bool fewer_labels(const leat_json *x, const leat_json *y)
{
    if (!is(x, LEAT_JSON_STRING) || !is(y, LEAT_JSON_STRING)) return false;
    leat_str all = x->text, rest = y->text;
    while (rest.s) {
        leat_str one = leat_str_cut(&rest, ',');
        bool found = false;
        while (all.s && !found) found = leat_str_eq(leat_str_cut(&all, ','), one);
        if (!found) return false;
    }
    return x->text.len > y->text.len;
}

/* In the schema of a column of before or after that is such an array: Debezium's is its element's.
 */
static bool of_odd_array(const leat_shadow_traits *t, const char *path)
{
    unsigned row, place;
    if (sscanf(path, "value.schema.fields[%u].fields[%u].", &row, &place) != 2 || row > 1)
        return false;
    for (const trait *c = t->columns; c; c = c->next)
        if ((c->traits & TRAIT_ODD_ARRAY) && (c->places & UINT64_C(1) << place % 64)) return true;
    return false;
}

/* Of the schemas: the labels of enums, what propagation takes away, odd arrays. */
static int of_schema(const leat_shadow_traits *t, const char *path, const leat_json *x,
                     const leat_json *y)
{
    static const char allowed[] = ".parameters.allowed", masks[] = ".parameters.masked";
    size_t n = strlen(path), na = sizeof allowed - 1, nm = sizeof masks - 1;
    if (n > na && strcmp(path + n - na, allowed) == 0 && fewer_labels(x, y))
        return LEAT_SHADOW_LABELS;
    if (n > nm && strcmp(path + n - nm, masks) == 0 && x && !y)
        for (const trait *c = t->columns; c; c = c->next)
            if ((c->traits & TRAIT_MASKED) && (c->traits & TRAIT_PROPAGATED))
                return LEAT_SHADOW_PROPAGATED;
    return of_odd_array(t, path) ? LEAT_SHADOW_ODD_ARRAY : -1;
}

/* ---- the end of a transaction ---- */

static bool is_message(const leat_json *one, bool debezium)
{
    leat_str name = leat_json_get_str(one, "data_collection");
    return debezium
               ? leat_str_starts(name, "io.debezium.connector.postgresql."
                                       "LogicalDecodingMessageMonitor$LogicalDecodingMessageId@")
               : leat_str_is(name, "LOGICAL_DECODING_MESSAGE");
}

/* The next that is no message; what messages count is added to *n. */
static const leat_json *next_table(const leat_json *one, bool debezium, int64_t *n)
{
    for (; one && is_message(one, debezium); one = one->next)
        *n += leat_json_get_i64(one, "event_count", 0);
    return one;
}

/* The same tables in the same order, and as many messages. */
static bool same_collections(const leat_json *x, const leat_json *y)
{
    int64_t nx = 0, ny = 0;
    if (!is(x, LEAT_JSON_ARRAY) || !is(y, LEAT_JSON_ARRAY)) return false;
    x = next_table(x->child, false, &nx);
    y = next_table(y->child, true, &ny);
    while (x && y) {
        if (!leat_str_eq(leat_json_get_str(x, "data_collection"),
                         leat_json_get_str(y, "data_collection")) ||
            leat_json_get_i64(x, "event_count", -1) != leat_json_get_i64(y, "event_count", -1))
            return false;
        x = next_table(x->next, false, &nx);
        y = next_table(y->next, true, &ny);
    }
    return !x && !y && nx == ny;
}

int leat_shadow_deliberate_find(const leat_shadow_traits *t, const char *path, const leat_json *x,
                                const leat_json *y, bool rows)
{
    if (strcmp(path, LEAT_SHADOW_COLLECTIONS) == 0)
        return same_collections(x, y) ? LEAT_SHADOW_MESSAGES : -1;
    if (!t) return -1;
    const char *rest = behind(path, "key.");
    bool key = rest != NULL;
    if (behind(path, "value.schema.") || behind(path, "key.schema."))
        return of_schema(t, path, x, y);
    if (behind(path, "header.__debezium.newkey") || behind(path, "header.__debezium.oldkey"))
        return t->key_hashed ? LEAT_SHADOW_HASHED_KEY : -1;
    if (!rest) rest = behind(path, "value.before.");
    if (!rest) rest = behind(path, "value.after.");
    if (!rest) return -1;
    const pair p = {traits_at(t, rest), x, y, rows, t->placeholder};
    if (key && (p.traits & TRAIT_MASKED) && is(x, LEAT_JSON_STRING)) return LEAT_SHADOW_HASHED_KEY;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (tests[i].shows(&p)) return (int)tests[i].which;
    return -1;
}
