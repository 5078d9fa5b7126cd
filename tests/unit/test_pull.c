/* engine/pull and engine/aside: records that one thread takes and another reads meanwhile. The
 * member is this file's. */
#include "test.h"

#include "engine/aside.h"
#include "engine/pull.h"

#define VALUE(id)                                                                                  \
    LEAT_STR(                                                                                      \
        "{\"schema\":{\"type\":\"struct\",\"optional\":false,\"fields\":[{\"type\":\"int32\","     \
        "\"optional\":false,\"field\":\"id\"}]},\"payload\":{\"id\":" id "}}")

enum { ROUNDS = 50, RECORDS = 40, BROKEN = 7 };

static int kept, let_go;

void *leat_kafka_member_keep(leat_kafka_member *m)
{
    (void)m;
    kept++;
    return &kept;
}

void leat_kafka_member_let_go(void *x)
{
    assert_ptr_equal(x, &kept);
    let_go++;
}

static const leat_kafka_header headers[] = {{"h", {"12", 2}}};

/* Of two partitions by turns. */
static void fill(leat_pull *u, int64_t from)
{
    leat_pull_part *parts[2];
    leat_pull_clear(u);
    for (int32_t i = 0; i < 2; i++) parts[i] = leat_pull_part_new(u, u, "a.b.c", i);
    size_t bytes = 0;
    for (int64_t i = 0; i < RECORDS; i++) {
        leat_kafka_message m = {.topic = "a.b.c",
                                .partition = (int32_t)(i % 2),
                                .offset = from + i,
                                .timestamp_ms = 1,
                                .value = i == BROKEN ? LEAT_STR("{") : VALUE("1"),
                                .headers = headers,
                                .nheaders = 1};
        leat_pull_add(u, parts[i % 2], NULL, &m);
        bytes += m.value.len + 3;
    }
    assert_int_equal(u->bytes, bytes);
}

typedef struct reading {
    leat_pull_reader reader;
    leat_pull *pull;
} reading;

static void read_all(void *arg)
{
    reading *x = arg;
    leat_pull_read(&x->reader, x->pull);
}

static void check(const leat_pull *u, int64_t from, bool tolerate)
{
    const leat_pull_part *even = u->parts[0], *odd = u->parts[1];
    assert_int_equal(even->batch.n, RECORDS / 2);
    assert_int_equal(even->batch.ev[1].offset, from + 2);
    assert_int_equal(even->last->m.offset, from + RECORDS - 2);
    assert_null(even->stop);
    assert_int_equal(odd->batch.n, tolerate ? RECORDS / 2 - 1 : BROKEN / 2);
    assert_int_equal(odd->last->m.offset, from + (tolerate ? RECORDS - 1 : BROKEN - 2));
    const leat_pulled *broken = odd->first;
    while (broken->m.offset != from + BROKEN) broken = broken->next;
    assert_string_equal(broken->why->code, "convert.value");
    assert_null(broken->why->transform);
    assert_true(odd->stop == (tolerate ? NULL : broken));
}

static void take_and_read(bool tolerate)
{
    const leat_json_read_conf conf = {.schemas = true};
    leat_pull pulls[2] = {{.n = 0}, {.n = 0}};
    leat_aside *thread;
    reading x = {.reader = {.changes = leat_change_reader_new(&conf, &conf), .tolerate = tolerate}};
    kept = let_go = 0;
    assert_int_equal(leat_aside_new(&thread, NULL), LEAT_OK);
    fill(&pulls[0], 0);
    for (int i = 0; i < ROUNDS; i++) {
        leat_pull *now = &pulls[i % 2];
        x.pull = now;
        leat_aside_run(thread, read_all, &x);
        fill(&pulls[(i + 1) % 2], (i + 1) * RECORDS);
        leat_aside_wait(thread);
        check(now, i * RECORDS, tolerate);
    }
    x.pull = &pulls[ROUNDS % 2];
    leat_aside_run(thread, read_all, &x);
    leat_aside_free(thread);
    check(x.pull, ROUNDS * RECORDS, tolerate);
    for (size_t i = 0; i < 2; i++) leat_pull_free(&pulls[i]);
    assert_int_equal(kept, (ROUNDS + 1) * RECORDS);
    assert_int_equal(let_go, kept);
    leat_change_reader_free(x.reader.changes);
}

static void test_read_aside(void **state)
{
    (void)state;
    take_and_read(true);
}

static void test_stops(void **state)
{
    (void)state;
    take_and_read(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_aside),
        cmocka_unit_test(test_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
