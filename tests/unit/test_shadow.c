/* prove/shadow: what two connectors made of the same changes is paired and compared. */
#include "../test.h"

#include "prove/shadow/compare.h"
#include "prove/shadow/pairs.h"

enum { LEAT = LEAT_SHADOW_LEAT, DEBEZIUM = LEAT_SHADOW_DEBEZIUM };

static const leat_shadow_scope SCOPE = {.name = "shop", .heartbeats = "__debezium-heartbeat."};

typedef struct heard {
    unsigned n;
    leat_shadow_kind kind;
    char path[64], leat[64], debezium[64];
} heard;

static void keep_text(char *out, size_t size, leat_str text)
{
    snprintf(out, size, "%.*s", text.s ? (int)text.len : 1, text.s ? text.s : "-");
}

static void hear(void *arg, const leat_shadow_difference *d)
{
    heard *h = arg;
    h->n++;
    h->kind = d->kind;
    keep_text(h->path, sizeof h->path, leat_str_of(d->path));
    keep_text(h->leat, sizeof h->leat, d->leat);
    keep_text(h->debezium, sizeof h->debezium, d->debezium);
}

/* Transaction tx, whose predecessor ended at commit, changed row id at lsn; what: its value. */
static void put(leat_shadow_pairs *p, leat_shadow_side side, int64_t offset, int id, int lsn,
                int tx, int commit, const char *what)
{
    char key[64], value[512];
    snprintf(key, sizeof key, "{\"id\":%d}", id);
    snprintf(value, sizeof value,
             "{\"before\":null,\"after\":{\"id\":%d,\"v\":%s},\"source\":{\"name\":\"shop\","
             "\"ts_ms\":5,\"snapshot\":\"false\",\"sequence\":\"[\\\"%d\\\",\\\"%d\\\"]\","
             "\"txId\":%d,\"lsn\":%d},\"op\":\"c\",\"ts_ms\":%d}",
             id, what, side == LEAT ? 0 : commit, lsn, tx, lsn, side);
    const leat_shadow_text text = {leat_str_of(key), leat_str_of(value), LEAT_STR("[]")};
    leat_shadow_add(p, side, "shop.t", 0, offset, &text);
}

static void both(leat_shadow_pairs *p, int64_t offset, int id, int lsn, int tx, int commit)
{
    put(p, LEAT, offset, id, lsn, tx, commit, "1");
    put(p, DEBEZIUM, offset, id, lsn, tx, commit, "1");
}

static leat_shadow_pairs *begin(heard *h)
{
    *h = (heard){0};
    return leat_shadow_pairs_new(&SCOPE, 1 << 20, 1000000, hear, h);
}

static void test_equal_but_what_may_differ(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    for (int i = 1; i <= 10; i++) both(p, i, i, 100 * i, i, 100 * i - 50);
    leat_shadow_end(p);
    const leat_shadow_counts *c = leat_shadow_counted(p);
    assert_int_equal(c->compared, 10);
    assert_int_equal(c->equal, 10);
    assert_int_equal(h.n, 0);
    uint64_t ruled = 0;
    for (int i = 0; i < LEAT_SHADOW_RULES_MAX; i++) ruled += c->ruled[i];
    assert_int_equal(ruled, 20); /* ts_ms and the first member of sequence, each time */
    leat_shadow_pairs_free(p);
}

static void test_content(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    put(p, DEBEZIUM, 1, 1, 100, 1, 50, "1.0");
    put(p, LEAT, 1, 1, 100, 1, 50, "1.00");
    assert_int_equal(h.n, 1);
    assert_int_equal(h.kind, LEAT_SHADOW_CONTENT);
    assert_string_equal(h.path, "value.after.v");
    assert_string_equal(h.leat, "1.00");
    assert_string_equal(h.debezium, "1.0");
    assert_int_equal(leat_shadow_counted(p)->equal, 0);
    leat_shadow_pairs_free(p);
}

static void test_order(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    put(p, LEAT, 1, 1, 100, 1, 50, "1");
    put(p, LEAT, 2, 2, 110, 1, 50, "1");
    put(p, DEBEZIUM, 1, 2, 110, 1, 50, "1");
    put(p, DEBEZIUM, 2, 1, 100, 1, 50, "1");
    assert_int_equal(h.n, 1);
    assert_int_equal(h.kind, LEAT_SHADOW_ORDER);
    leat_shadow_pairs_free(p);
}

/* What Debezium lacks is told once it has passed the place, for as long as is waited. */
static void test_missing(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    put(p, LEAT, 1, 1, 100, 1, 50, "1");
    both(p, 2, 2, 200, 2, 150);
    leat_shadow_judge(p, 1000000, true);
    assert_int_equal(h.n, 0);
    leat_shadow_judge(p, 2100000, false); /* not all of Kafka was read */
    assert_int_equal(h.n, 0);
    leat_shadow_judge(p, 2200000, true);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.kind, LEAT_SHADOW_MISSING);
    leat_shadow_pairs_free(p);
}

/* What leat lacks, once it has given a later transaction; but not what was before its slot. */
static void test_extra_and_before(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    put(p, DEBEZIUM, 0, 9, 90, 1, 10, "1");
    both(p, 1, 1, 100, 2, 95);
    put(p, DEBEZIUM, 2, 2, 200, 3, 150, "1");
    leat_shadow_judge(p, 1, true);
    assert_int_equal(h.n, 0);
    both(p, 3, 3, 300, 4, 250);
    leat_shadow_judge(p, 2, true);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.kind, LEAT_SHADOW_EXTRA);
    put(p, DEBEZIUM, 4, 4, 400, 5, 350, "1");
    leat_shadow_end(p);
    assert_int_equal(h.n, 1);
    const leat_shadow_counts *c = leat_shadow_counted(p);
    assert_int_equal(c->skipped[LEAT_SHADOW_SKIP_BEFORE], 1);
    assert_int_equal(c->skipped[LEAT_SHADOW_SKIP_AFTER], 1);
    leat_shadow_pairs_free(p);
}

static void test_repeats(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    both(p, 1, 1, 100, 1, 50);
    both(p, 2, 2, 200, 2, 150);
    put(p, DEBEZIUM, 3, 1, 100, 1, 50, "1");
    put(p, DEBEZIUM, 4, 2, 200, 2, 150, "1");
    leat_shadow_end(p);
    assert_int_equal(h.n, 0);
    assert_int_equal(leat_shadow_counted(p)->skipped[LEAT_SHADOW_SKIP_REPEAT], 2);
    leat_shadow_pairs_free(p);
}

/* Rows of one COPY share a place: their keys tell them apart, whatever partitions they are in. */
static void test_one_place(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    for (int i = 1; i <= 3; i++) put(p, LEAT, i, i, 100, 1, 50, "1");
    for (int i = 3; i >= 1; i--) put(p, DEBEZIUM, 4 - i, i, 100, 1, 50, "1");
    assert_int_equal(leat_shadow_counted(p)->compared, 3);
    assert_int_equal(h.kind, LEAT_SHADOW_ORDER);
    assert_int_equal(h.n, 2);
    leat_shadow_pairs_free(p);
}

/* A tombstone belongs to what stands before it; one at the very beginning to nothing. */
static void test_tombstones(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    const leat_shadow_text none = {LEAT_STR("{\"id\":1}"), {0}, LEAT_STR("[]")};
    const leat_shadow_text other = {LEAT_STR("{\"id\":2}"), {0}, LEAT_STR("[]")};
    leat_shadow_add(p, DEBEZIUM, "shop.t", 0, 0, &none);
    both(p, 1, 1, 100, 1, 50);
    leat_shadow_add(p, LEAT, "shop.t", 0, 2, &none);
    leat_shadow_add(p, DEBEZIUM, "shop.t", 0, 2, &other);
    assert_int_equal(leat_shadow_counted(p)->compared, 2);
    assert_int_equal(h.n, 1);
    assert_string_equal(h.path, "key.id");
    assert_int_equal(leat_shadow_counted(p)->skipped[LEAT_SHADOW_SKIP_BEFORE], 1);
    leat_shadow_pairs_free(p);
}

/* Both are full of what does not meet: neither stands still for ever. */
static void test_full(void **state)
{
    (void)state;
    heard h = {0};
    leat_shadow_pairs *p = leat_shadow_pairs_new(&SCOPE, 4000, 1000000, hear, &h);
    for (int i = 1; !leat_shadow_full(p, LEAT); i++) put(p, LEAT, i, i, 100 * i, 1, 50, "1");
    for (int i = 1; !leat_shadow_full(p, DEBEZIUM); i++)
        put(p, DEBEZIUM, i, i, 100 * i + 1, 2, 50, "1");
    leat_shadow_judge(p, 1, true);
    assert_false(leat_shadow_full(p, LEAT));
    assert_false(leat_shadow_full(p, DEBEZIUM));
    assert_true(h.n > 0);
    leat_shadow_pairs_free(p);
}

static void test_unreadable(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    const leat_shadow_text avro = {LEAT_STR("{\"id\":1}"), LEAT_STR("\0\0\0\0\1"), LEAT_STR("[]")};
    const leat_shadow_text bare = {LEAT_STR("{\"id\":1}"), LEAT_STR("{\"id\":1}"), LEAT_STR("[]")};
    leat_shadow_add(p, DEBEZIUM, "shop.t", 0, 1, &avro);
    assert_int_equal(h.kind, LEAT_SHADOW_UNREADABLE);
    leat_shadow_add(p, DEBEZIUM, "shop.u", 0, 1, &bare);
    assert_int_equal(h.n, 2);
    leat_shadow_pairs_free(p);
}

/* ---- comparing ---- */

static void found(void *arg, const char *path, const leat_json *leat, const leat_json *debezium)
{
    leat_buf *out = arg;
    leat_buf_printf(out, "%s%s%s ", path, leat ? "" : "+", debezium ? "" : "-");
}

static void expect(const char *leat, const char *debezium, const char *paths)
{
    leat_arena a;
    leat_err err;
    leat_buf out = {0};
    leat_arena_init(&a, 0);
    const leat_shadow_text x = {{0}, leat_str_of(leat), LEAT_STR("[[\"h\",\"1\"]]")};
    const leat_shadow_text y = {{0}, leat_str_of(debezium), LEAT_STR("[[\"h\",\"1\"]]")};
    assert_int_equal(leat_shadow_compare(&x, &y, &a, found, &out, &err), LEAT_OK);
    leat_buf_u8(&out, 0);
    assert_string_equal(out.p, paths);
    leat_buf_free(&out);
    leat_arena_free(&a);
}

static void test_compare(void **state)
{
    (void)state;
    expect("{\"a\":1}", "{\"a\":1}", "");
    expect("{\"a\":1}", "{ \"a\" : 1 }", "");
    expect("{\"a\":1}", "{\"a\":1.0}", "value.a ");
    expect("{\"a\":1}", "{\"a\":\"1\"}", "value.a ");
    expect("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "value.(order)+ ");
    expect("{\"a\":1,\"b\":2}", "{\"a\":1}", "value.b- ");
    expect("{\"a\":1}", "{\"b\":2}", "value.a- value.b+ ");
    expect("{\"a\":[1,2]}", "{\"a\":[1,3,4]}", "value.a[1] value.a[2]+ ");
    expect("{\"schema\":1,\"payload\":{\"a\":1}}", "{\"a\":2}", "value.a ");
    expect("{\"schema\":{\"x\":1},\"payload\":{\"a\":1}}",
           "{\"schema\":{\"x\":2},\"payload\":{\"a\":1}}", "value.schema.x ");
    expect(NULL, "{\"a\":1}", "value+ ");
}

static void test_rules(void **state)
{
    (void)state;
    leat_json n = {.type = LEAT_JSON_NUMBER};
    assert_true(leat_shadow_glob("a*c*", "abcd"));
    assert_false(leat_shadow_glob("a*c", "abcd"));
    assert_true(leat_shadow_rule_find("value.ts_ms", &n, &n, false) >= 0);
    assert_int_equal(leat_shadow_rule_find("value.source.ts_ms", &n, &n, false), -1);
    assert_true(leat_shadow_rule_find("value.source.ts_ms", &n, &n, true) >= 0);
    assert_int_equal(leat_shadow_rule_find("value.after.ts_ms", &n, &n, true), -1);
    assert_true(leat_shadow_rule_find("value.schema.fields[0].default", &n, &n, false) >= 0);
    assert_int_equal(leat_shadow_rule_find("value.schema.fields[0].default", &n, NULL, false), -1);
}

/* ---- what differs on purpose ---- */

/* Topic shop.t, whose column v is of that type; param: what the configuration does to it. */
static leat_table *table_of(const char *type, const char *param, bool more)
{
    leat_origin *origin = leat_origin_new();
    leat_table *t = leat_table_new(origin);
    leat_arena *a = &t->arena;
    static const uint16_t key[] = {0};
    leat_field *fields = LEAT_NEW(a, leat_field, 2);
    leat_column *cols = LEAT_NEW(a, leat_column, 2);
    origin->placeholder = LEAT_STR("__debezium_unavailable_value");
    leat_schema *v = leat_schema_new(a, LEAT_T_STRING, true);
    if (param) leat_schema_param(a, v, param, "true");
    if (more) leat_schema_param(a, v, "__debezium.source.column.type", "TEXT");
    fields[0] = (leat_field){"id", leat_schema_new(a, LEAT_T_INT32, false)};
    fields[1] = (leat_field){"v", v};
    cols[0] = (leat_column){.type = "integer"};
    cols[1] = (leat_column){.type = leat_arena_strdup(a, type)};
    leat_schema *row = leat_schema_struct(a, true, "shop.t.Value", 0, 2);
    row->fields = fields;
    t->topic = "shop.t";
    t->schema = "public";
    t->name = "t";
    t->row = row;
    t->cols = cols;
    t->key_cols = key;
    t->nkey = 1;
    leat_table_seal(t);
    leat_origin_unpin(origin);
    return t;
}

static void test_on_purpose(void **state)
{
    (void)state;
    enum { NONE = -1 };
    static const char AFTER[] = "value.after.v", HOLE[] = "\"__debezium_unavailable_value\"";
    static const struct {
        const char *type, *param, *path, *leat, *debezium;
        bool more, rows;
        int expected;
    } cases[] = {
        {"name", NULL, AFTER, "\"n\"", "null", false, false, LEAT_SHADOW_NAME},
        {"name", NULL, AFTER, "\"n\"", "\"m\"", false, false, NONE},
        {"name", NULL, "value.after.id", "\"n\"", "null", false, false, NONE},
        {"text", NULL, AFTER, "\"n\"", "null", false, false, NONE},
        {"bit(3)[]", NULL, AFTER, "[1]", "null", false, false, LEAT_SHADOW_ODD_ARRAY},
        {"bit(3)[]", NULL, "value.before.v[0]", "[1]", "null", false, false, LEAT_SHADOW_ODD_ARRAY},
        {"int2vector", NULL, AFTER, "[1]", NULL, false, false, LEAT_SHADOW_ODD_ARRAY},
        {"int2vector", NULL, AFTER, "[1]", "[2]", false, false, NONE},
        {"bit(3)[]", NULL, "value.schema.fields[1].fields[1].type", "\"array\"", "\"bytes\"", false,
         false, LEAT_SHADOW_ODD_ARRAY},
        {"bit(3)[]", NULL, "value.schema.fields[1].fields[0].type", "\"array\"", "\"bytes\"", false,
         false, NONE},
        {"bit(3)[]", NULL, "value.schema.fields[2].fields[1].type", "\"array\"", "\"bytes\"", false,
         false, NONE},
        {"date", NULL, AFTER, "-2440550", "1001860", false, true, LEAT_SHADOW_EARLY_DATE},
        {"date", NULL, AFTER, "-2440550", "1001860", false, false, NONE},
        {"date", NULL, AFTER, "19000", "19001", false, true, NONE},
        {"time(6) without time zone[]", NULL, "value.after.v[1]", "36610123456", "36610000000",
         false, false, LEAT_SHADOW_FRACTION},
        {"time(6) without time zone[]", NULL, "value.after.v[1]", "36610123456", "36610000001",
         false, false, NONE},
        {"time with time zone[]", NULL, "value.after.v[0]", "\"10:10:10.5Z\"", "\"10:10:10Z\"",
         false, false, LEAT_SHADOW_FRACTION},
        {"time with time zone[]", NULL, "value.after.v[0]", "\"10:10:10.5Z\"", "\"10:10:11Z\"",
         false, false, NONE},
        {"uuid", "masked", AFTER, "\"***\"", "\"a0ee\"", false, false, LEAT_SHADOW_MASKED},
        {"uuid", NULL, AFTER, "\"***\"", "\"a0ee\"", false, false, NONE},
        {"character varying(9)", "masked", AFTER, "\"***\"", "\"a\"", false, false, NONE},
        {"character varying(9)", "masked", AFTER, "\"***\"", "\"a\"", true, false,
         LEAT_SHADOW_PROPAGATED},
        {"character varying(9)", "masked", AFTER, HOLE, "\"18f5\"", false, false,
         LEAT_SHADOW_PLACEHOLDER},
        {"text", "truncateLength", AFTER, HOLE, "\"__deb\"", false, false, LEAT_SHADOW_PLACEHOLDER},
        {"numeric(6,2)", "truncateLength", AFTER, "\"1234.56\"", "\"123\"", false, false,
         LEAT_SHADOW_WHOLE},
        {"text", "truncateLength", AFTER, "\"1234.56\"", "\"123\"", false, false, NONE},
        {"text", "masked", "key.v", "\"18f5\"", "\"a\"", false, false, LEAT_SHADOW_HASHED_KEY},
        {"text", NULL, "key.v", "\"18f5\"", "\"a\"", false, false, NONE},
        {"mood", NULL, "value.schema.fields[1].fields[1].parameters.allowed", "\"a,b,c\"",
         "\"a,c\"", false, false, LEAT_SHADOW_LABELS},
        {"mood", NULL, "value.schema.fields[1].fields[1].parameters.allowed", "\"a,b,c\"",
         "\"c,a\"", false, false, NONE},
        {"mood", NULL, "value.schema.fields[1].fields[1].parameters.allowed", "\"a,b\"", "\"a,d\"",
         false, false, NONE},
        {"text", "masked", "value.schema.fields[0].fields[1].parameters.masked", "\"true\"", NULL,
         true, false, LEAT_SHADOW_PROPAGATED},
        {"text", "masked", "value.schema.fields[0].fields[1].parameters.masked", "\"true\"", NULL,
         false, false, NONE},
        {"uuid", "masked", "value.source.v", "\"***\"", "\"a0ee\"", false, false, NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_shadow_traits traits = {0};
        leat_arena a;
        leat_table *t = table_of(cases[i].type, cases[i].param, cases[i].more);
        const leat_json *x = NULL, *y = NULL;
        leat_arena_init(&a, 0);
        leat_shadow_traits_see(&traits, t);
        if (cases[i].leat)
            assert_int_equal(leat_json_parse(&a, leat_str_of(cases[i].leat), &x, NULL), LEAT_OK);
        if (cases[i].debezium)
            assert_int_equal(leat_json_parse(&a, leat_str_of(cases[i].debezium), &y, NULL),
                             LEAT_OK);
        int got = leat_shadow_deliberate_find(&traits, cases[i].path, x, y, cases[i].rows);
        if (got != cases[i].expected) print_error("case %zu: %s\n", i, cases[i].type);
        assert_int_equal(got, cases[i].expected);
        leat_shadow_traits_fini(&traits);
        leat_table_unpin(t);
        leat_arena_free(&a);
    }
}

/* The tables of a transaction in their order, and as many messages. */
static void test_messages_of_a_transaction(void **state)
{
    (void)state;
#define ONE(name, n) "{\"data_collection\":\"" name "\",\"event_count\":" #n "}"
#define MESSAGE                                                                                    \
    "io.debezium.connector.postgresql.LogicalDecodingMessageMonitor$LogicalDecodingMessageId@"
    static const struct {
        const char *leat, *debezium;
        int expected;
    } cases[] = {
        {"[" ONE("a", 1) "," ONE("LOGICAL_DECODING_MESSAGE", 2) "," ONE("b", 3) "]",
         "[" ONE(MESSAGE "1", 1) "," ONE("a", 1) "," ONE("b", 3) "," ONE(MESSAGE "2", 1) "]",
         LEAT_SHADOW_MESSAGES},
        {"[" ONE("a", 1) "," ONE("LOGICAL_DECODING_MESSAGE", 1) "]",
         "[" ONE(MESSAGE "1", 1) "," ONE("a", 1) "," ONE(MESSAGE "2", 1) "]", -1},
        {"[" ONE("a", 2) "," ONE("LOGICAL_DECODING_MESSAGE", 1) "]",
         "[" ONE("a", 1) "," ONE(MESSAGE "2", 1) "]", -1},
        {"[" ONE("a", 2) "," ONE("b", 1) "]", "[" ONE("b", 1) "," ONE("a", 2) "]", -1},
        {"[" ONE("a", 2) "]", "[" ONE("a", 2) "," ONE("b", 1) "]", -1},
    };
#undef ONE
#undef MESSAGE
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_arena a;
        const leat_json *x, *y;
        leat_arena_init(&a, 0);
        assert_int_equal(leat_json_parse(&a, leat_str_of(cases[i].leat), &x, NULL), LEAT_OK);
        assert_int_equal(leat_json_parse(&a, leat_str_of(cases[i].debezium), &y, NULL), LEAT_OK);
        assert_int_equal(leat_shadow_deliberate_find(NULL, LEAT_SHADOW_COLLECTIONS, x, y, false),
                         cases[i].expected);
        leat_arena_free(&a);
    }
    expect("{\"data_collections\":[1,2]}", "{\"data_collections\":[1,3]}",
           "value.data_collections ");
    expect("{\"data_collections\":[1,2]}", "{\"data_collections\":[1,2], \"a\":1}", "value.a+ ");
}

/* Told once, counted always, and no difference. */
static void test_explained(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    leat_table *t = table_of("uuid", "masked", false);
    leat_shadow_describe(p, t);
    for (int i = 1; i <= 3; i++) {
        put(p, LEAT, i, i, 100 * i, i, 100 * i - 50, "\"***\"");
        put(p, DEBEZIUM, i, i, 100 * i, i, 100 * i - 50, "\"a0ee\"");
    }
    put(p, LEAT, 4, 4, 400, 4, 350, "\"***\"");
    put(p, DEBEZIUM, 5, 4, 400, 4, 350, "\"***\"");
    leat_shadow_end(p);
    const leat_shadow_counts *c = leat_shadow_counted(p);
    assert_int_equal(h.n, 1);
    assert_string_equal(h.path, "value.after.v");
    assert_int_equal(c->compared, 4);
    assert_int_equal(c->explained, 3);
    assert_int_equal(c->equal, 1);
    assert_int_equal(c->deliberate[LEAT_SHADOW_MASKED], 3);
    assert_int_equal(c->differences[LEAT_SHADOW_CONTENT], 0);
    leat_shadow_pairs_free(p);
    leat_table_unpin(t);
}

/* What leat could not show is no surprise; the change behind it is. */
static void test_dead_letters(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    both(p, 1, 1, 100, 2, 95);
    put(p, DEBEZIUM, 2, 2, 200, 3, 150, "1");
    put(p, DEBEZIUM, 3, 3, 210, 3, 150, "1");
    leat_shadow_letter(p, "shop.t", LEAT_STR("{\"lsn\":200,\"txId\":3,\"seq\":1}"));
    both(p, 4, 4, 300, 4, 250);
    leat_shadow_judge(p, 1, true);
    assert_int_equal(leat_shadow_counted(p)->skipped[LEAT_SHADOW_SKIP_LETTER], 1);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.kind, LEAT_SHADOW_EXTRA);
    leat_shadow_pairs_free(p);
}

/* A row of a statement in a binary log. */
static void logged(leat_shadow_pairs *p, leat_shadow_side side, int64_t offset, int id, int log,
                   int pos, int row)
{
    char key[64], value[512];
    snprintf(key, sizeof key, "{\"id\":%d}", id);
    snprintf(
        value, sizeof value,
        "{\"before\":null,\"after\":{\"id\":%d},\"source\":{\"name\":\"shop\",\"ts_ms\":5,"
        "\"snapshot\":\"false\",\"sequence\":null,\"file\":\"a.b.%06d\",\"pos\":%d,\"row\":%d},"
        "\"op\":\"c\",\"ts_ms\":%d}",
        id, log, pos, row, side);
    const leat_shadow_text text = {leat_str_of(key), leat_str_of(value), LEAT_STR("[]")};
    leat_shadow_add(p, side, "shop.t", 0, offset, &text);
}

/* By file, position and row: what is before the first pair is no surprise, what the log has between
 * two pairs is, and logs are in the order of their numbers. */
static void test_binary_log(void **state)
{
    (void)state;
    heard h;
    leat_shadow_pairs *p = begin(&h);
    logged(p, DEBEZIUM, 1, 1, 999999, 100, 0);
    for (int side = 0; side < 2; side++) {
        logged(p, side == 0 ? LEAT : DEBEZIUM, 2, 2, 999999, 200, 0);
        logged(p, side == 0 ? LEAT : DEBEZIUM, 3, 3, 999999, 200, 1);
    }
    logged(p, DEBEZIUM, 4, 4, 999999, 300, 0);
    logged(p, DEBEZIUM, 5, 5, 1000000, 4, 0);
    leat_shadow_letter(p, "shop.t", LEAT_STR("{\"file\":\"a.b.1000000\",\"pos\":4,\"row\":0}"));
    logged(p, LEAT, 6, 6, 1000000, 9, 0);
    logged(p, DEBEZIUM, 6, 6, 1000000, 9, 0);
    leat_shadow_judge(p, 1, true);
    const leat_shadow_counts *n = leat_shadow_counted(p);
    assert_int_equal(n->equal, 3);
    assert_int_equal(n->skipped[LEAT_SHADOW_SKIP_BEFORE], 1);
    assert_int_equal(n->skipped[LEAT_SHADOW_SKIP_LETTER], 1);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.kind, LEAT_SHADOW_EXTRA);
    leat_shadow_pairs_free(p);
}

/* A change of shop.t at lsn 200; after: JSON. */
static void change(leat_shadow_pairs *p, leat_shadow_side side, int64_t offset, const char *op,
                   int key, const char *after)
{
    char id[32], value[512];
    snprintf(id, sizeof id, "{\"id\":%d}", key);
    snprintf(value, sizeof value,
             "{\"before\":null,\"after\":%s,\"source\":{\"name\":\"shop\",\"ts_ms\":5,"
             "\"snapshot\":\"false\",\"sequence\":\"[\\\"150\\\",\\\"200\\\"]\",\"txId\":3,"
             "\"lsn\":200},\"op\":\"%s\",\"ts_ms\":6}",
             after, op);
    const leat_shadow_text text = {leat_str_of(id), leat_str_of(value), LEAT_STR("[]")};
    leat_shadow_add(p, side, "shop.t", 0, offset, &text);
}

/* An update for which Debezium makes a delete of key 0 and a create. */
static void test_identity_not_key(void **state)
{
    (void)state;
    static const struct {
        int gone;
        const char *after;
        unsigned differences;
    } cases[] = {{0, "{\"id\":7}", 0}, {6, "{\"id\":7}", 4}, {0, "{\"id\":8}", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heard h;
        leat_shadow_pairs *p = begin(&h);
        const leat_shadow_text none = {LEAT_STR("{\"id\":0}"), {0}, LEAT_STR("[]")};
        both(p, 1, 1, 100, 2, 95);
        change(p, DEBEZIUM, 2, "d", cases[i].gone, "null");
        leat_shadow_add(p, DEBEZIUM, "shop.t", 0, 3, &none);
        change(p, LEAT, 2, "u", 7, cases[i].after);
        leat_shadow_judge(p, 1, false);
        assert_int_equal(h.n, 0);
        change(p, DEBEZIUM, 4, "c", 7, "{\"id\":7}");
        both(p, 5, 4, 300, 4, 250);
        leat_shadow_end(p);
        assert_int_equal(h.n, cases[i].differences);
        if (cases[i].differences == 0)
            assert_int_equal(leat_shadow_counted(p)->skipped[LEAT_SHADOW_SKIP_IDENTITY], 3);
        leat_shadow_pairs_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_but_what_may_differ),
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_extra_and_before),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_one_place),
        cmocka_unit_test(test_tombstones),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_on_purpose),
        cmocka_unit_test(test_messages_of_a_transaction),
        cmocka_unit_test(test_explained),
        cmocka_unit_test(test_dead_letters),
        cmocka_unit_test(test_binary_log),
        cmocka_unit_test(test_identity_not_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
