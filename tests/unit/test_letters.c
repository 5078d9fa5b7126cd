/* Dead letters that are tried again, by a sink of the test's own. */
#include "test.h"

#include <stdlib.h>

#include "engine/letters.h"
#include "sample.h"
#include "stream/topics.h"

enum { LETTERS = 6 };

static char folder[] = "/tmp/leat-test-letters-XXXXXX";

static unsigned asked, written;
static const char *expected = "shop"; /* whose stream it is */
static leat_table *tables[LETTERS];   /* pinned, as a sink does with its plans */
static leat_buf cursor;               /* that the sink stored last */

static leat_rc sink_open(leat_sink_task *t, leat_err *e)
{
    (void)t;
    (void)e;
    return LEAT_OK;
}

static leat_rc sink_write(leat_sink_task *t, const leat_batch *b, leat_err *e)
{
    tables[written++] = leat_table_pin(b->ev[0].table);
    assert_string_equal(t->source, expected);
    return t->reach(t, &cursor, e);
}

/* As with exactly.once=false: nothing is stored in the target. */
static leat_rc sink_reached(leat_sink_task *t, const char *source, leat_arena *a, leat_str *text,
                            leat_err *e)
{
    (void)t;
    (void)source;
    (void)a;
    (void)e;
    asked++;
    *text = (leat_str){0};
    return LEAT_OK;
}

static void sink_close(leat_sink_task *t)
{
    (void)t;
    for (unsigned i = 0; i < written; i++) leat_table_unpin(tables[i]);
}

static const leat_sink sink = {
    .open = sink_open, .write = sink_write, .reached = sink_reached, .close = sink_close};

/* Letters of two tables in turn, as a sink stores them. */
static void store_letters(leat_state *s)
{
    leat_dead_store *store = leat_state_dead_store(s);
    leat_table *both[] = {sample_customers(sample_origin(), 0),
                          sample_messages(sample_origin(), 0)};
    leat_batch b = {0};
    leat_table_seal(both[0]);
    leat_batch_init(&b, LETTERS, 0);
    for (int i = 0; i < LETTERS; i++) {
        leat_event ev = {.op = LEAT_OP_CREATE, .table = both[i % 2]};
        leat_value *row = sample_row(&b, i, "first", "last", "mail");
        leat_value *pair = row + 1;
        ev.after = i % 2 ? pair : row;
        leat_buf bytes = {0};
        leat_letters_pack(&ev, &bytes);
        leat_dead letter = {.why = {.rc = LEAT_DATA, .code = "sql.check", .msg = "no"},
                            .bytes = leat_buf_str(&bytes),
                            .position = leat_str_of(leat_arena_printf(&b.arena, "%d", i)),
                            .topic = both[i % 2]->topic};
        assert_int_equal(store->put(store, &letter, NULL), LEAT_OK);
        leat_buf_free(&bytes);
    }
    leat_batch_free(&b);
    for (int i = 0; i < 2; i++) {
        leat_claims claims = {.data = folder, .connector = "shop"};
        assert_int_equal(leat_topics_claim(&claims, leat_str_of(both[i]->topic), NULL), LEAT_OK);
        leat_topics_claims_free(&claims);
        leat_table_unpin(both[i]);
    }
}

static bool take_id(void *arg, const leat_dead_letter *letter)
{
    int64_t **at = arg;
    *(*at)++ = letter->id;
    return true;
}

/* A sink keeps plans and statements by table and cursors by source: any number of letters costs no
 * more than their tables. */
static void test_letters_of_one_table_share_it(void **state)
{
    (void)state;
    leat_state *s = NULL;
    leat_buf reply = {0};
    leat_jw w = {.out = &reply};
    leat_err e = {0};
    int64_t ids[LETTERS], *at = ids;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(leat_state_open(folder, "pump", false, &s, &e), LEAT_OK);
    store_letters(s);
    assert_int_equal(leat_state_dead_each(s, 0, 0, take_id, &at, &e), LEAT_OK);
    assert_int_equal(at - ids, LETTERS);
    const leat_letters_retry r = {.sink = &sink, .connector = "pump", .data = folder, .state = s};
    leat_jw_object(&w, NULL);
    if (leat_letters_try(&r, ids, LETTERS, &w, &e) != LEAT_OK) fail_msg("%s", e.msg);
    leat_jw_end(&w);
    assert_int_equal(written, LETTERS);
    for (int i = 2; i < LETTERS; i++) assert_ptr_equal(tables[i], tables[i % 2]);
    assert_ptr_not_equal(tables[0], tables[1]);
    assert_int_equal(asked, 2);
    /* there is no file of a cursor either: what is stored is one that begins anew */
    assert_true(leat_str_is(leat_buf_str(&cursor), "{\"sink\":\"pump\",\"inputs\":[]}\n"));
    leat_buf_free(&cursor);
    leat_buf_free(&reply);
    leat_state_close(s);
}

/* No connector of leat has claimed a topic of Kafka: the lane is what the letter's position says.
 */
static void test_letters_of_kafka(void **state)
{
    (void)state;
    leat_state *s = NULL;
    leat_buf reply = {0}, bytes = {0};
    leat_jw w = {.out = &reply};
    leat_err e = {0};
    int64_t ids[1], *at = ids;
    leat_batch b = {0};
    leat_table *t = sample_customers(sample_origin(), 0);
    assert_int_equal(leat_state_open(folder, "drain", false, &s, &e), LEAT_OK);
    leat_table_seal(t);
    leat_batch_init(&b, 1, 0);
    leat_event ev = {
        .op = LEAT_OP_CREATE, .table = t, .after = sample_row(&b, 1, "first", "last", "mail")};
    leat_letters_pack(&ev, &bytes);
    leat_dead_store *store = leat_state_dead_store(s);
    leat_dead letter = {.why = {.rc = LEAT_DATA, .code = "sql.check", .msg = "no"},
                        .bytes = leat_buf_str(&bytes),
                        .position = LEAT_STR("{\"topic\":\"x\",\"partition\":3,\"offset\":9}"),
                        .topic = t->topic};
    assert_int_equal(store->put(store, &letter, NULL), LEAT_OK);
    assert_int_equal(leat_state_dead_each(s, 0, 0, take_id, &at, &e), LEAT_OK);
    const leat_letters_retry r = {
        .sink = &sink, .connector = "drain", .data = folder, .state = s, .kafka = true};
    written = 0;
    expected = leat_arena_printf(&b.arena, "%s/3", t->topic);
    leat_jw_object(&w, NULL);
    if (leat_letters_try(&r, ids, 1, &w, &e) != LEAT_OK) fail_msg("%s", e.msg);
    leat_jw_end(&w);
    assert_int_equal(written, 1);
    assert_int_equal(cursor.len, 0);
    leat_buf_free(&cursor);
    leat_buf_free(&reply);
    leat_buf_free(&bytes);
    leat_batch_free(&b);
    leat_table_unpin(t);
    leat_state_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_letters_of_one_table_share_it),
                                       cmocka_unit_test(test_letters_of_kafka)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
