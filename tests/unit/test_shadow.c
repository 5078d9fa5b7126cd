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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
