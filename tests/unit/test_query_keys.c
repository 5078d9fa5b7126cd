/* source/query/keys: what was told stays over crashes, ranges and sums of it. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/query/keys.h"

static const leat_compare_field fields[] = {
    {.name = "n", .kind = LEAT_COMPARE_INT, .native = true},
    {.name = "t", .kind = LEAT_COMPARE_TEXT},
};
static const leat_compare_plan plan = {.fields = fields, .n = 2, .nkey = 2, .xors = true};

typedef struct fixture {
    char folder[64], path[96];
    leat_query_keys *k;
    leat_arena a;
} fixture;

static void open_as(fixture *f, const char *signature, uint64_t told)
{
    leat_err e;
    leat_query_keys_close(f->k);
    f->k = NULL;
    leat_rc rc = leat_query_keys_open(f->path, &plan, signature, told, &f->k, &e);
    if (rc != LEAT_OK) fail_msg("%s", e.msg);
}

static fixture *start(void)
{
    fixture *f = leat_zalloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/leat-keys-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/t.db", f->folder);
    open_as(f, "1", 0);
    return f;
}

static void end(fixture *f)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    char path[128];
    leat_query_keys_close(f->k);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(path, sizeof path, "%s%s", f->path, tails[i]);
        unlink(path);
    }
    rmdir(f->folder);
    leat_arena_free(&f->a);
    leat_free(f);
}

static void put(fixture *f, const char *n, const char *t, const char *cells)
{
    const leat_str key[] = {leat_str_of(n), leat_str_of(t)};
    assert_int_equal(leat_query_keys_put(f->k, key, leat_str_of(cells), NULL), LEAT_OK);
}

static void leave(fixture *f, const char *n, const char *t, uint64_t batch)
{
    const leat_str key[] = {leat_str_of(n), leat_str_of(t)};
    assert_int_equal(leat_query_keys_leave(f->k, key, batch, NULL), LEAT_OK);
}

static void commit(fixture *f)
{
    assert_int_equal(leat_query_keys_commit(f->k, NULL), LEAT_OK);
}

static void show(void *arg, const leat_str *key, leat_str cells)
{
    leat_buf_printf(arg, LEAT_STR_FMT "/" LEAT_STR_FMT "=" LEAT_STR_FMT " ", LEAT_STR_ARG(key[0]),
                    LEAT_STR_ARG(key[1]), LEAT_STR_ARG(cells));
}

static const char *within(fixture *f, const leat_str *lo, const leat_str *hi)
{
    const leat_compare_range r = {.lo = lo, .hi = hi};
    leat_buf out = {0};
    leat_err e;
    leat_rc rc = leat_query_keys_each(f->k, &r, show, &out, &e);
    if (rc != LEAT_OK) fail_msg("%s", e.msg);
    const char *text = leat_arena_str(&f->a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text ? text : "";
}

static const char *all(fixture *f)
{
    return within(f, NULL, NULL);
}

static const char *again(fixture *f)
{
    leat_buf out = {0};
    leat_err e;
    leat_rc rc = leat_query_keys_again(f->k, 10, show, &out, &e);
    if (rc != LEAT_OK) fail_msg("%s", e.msg);
    const char *text = leat_arena_str(&f->a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text ? text : "";
}

/* Numbers by themselves, texts by their bytes; what is told again has its newer cells, unless these
 * are none. */
static void test_order(void **state)
{
    fixture *f = start();
    (void)state;
    put(f, "10", "a", "1");
    put(f, "-9", "b", "2");
    put(f, "10", "B", "3");
    put(f, "9", "a ", "4");
    put(f, "9", "a", "5");
    put(f, "9", "a", "6");
    put(f, "9", "a", "");
    commit(f);
    assert_string_equal(all(f), "-9/b=2 9/a=6 9/a =4 10/B=3 10/a=1 ");
    const leat_str lo[] = {LEAT_STR("9"), LEAT_STR("a")}, hi[] = {LEAT_STR("10"), LEAT_STR("B")};
    assert_string_equal(within(f, lo, hi), "9/a =4 10/B=3 ");
    const leat_compare_range rest = {.lo = lo};
    const leat_str *key;
    assert_int_equal(leat_query_keys_bound(f->k, &rest, 1, &f->a, &key, NULL), LEAT_OK);
    assert_true(leat_str_is(key[0], "10") && leat_str_is(key[1], "B"));
    assert_int_equal(leat_query_keys_bound(f->k, &rest, 3, &f->a, &key, NULL), LEAT_OK);
    assert_null(key);
    end(f);
}

/* Unsigned numbers from 2^63 on: neighbours are two, in their order and as they were given. */
static void test_large_numbers(void **state)
{
    fixture *f = start();
    leat_compare_sum sum;
    const leat_compare_range whole = {0};
    int64_t first, second;
    (void)state;
    put(f, "18446744073709551615", "a", "1");
    put(f, "9223372036854775808", "a", "2");
    put(f, "9223372036854775809", "a", "3");
    put(f, "9223372036854775807", "a", "4");
    put(f, "0", "a", "5");
    commit(f);
    assert_string_equal(all(f), "0/a=5 9223372036854775807/a=4 9223372036854775808/a=2 "
                                "9223372036854775809/a=3 18446744073709551615/a=1 ");
    const leat_str lo[] = {LEAT_STR("9223372036854775808"), LEAT_STR("a")},
                   hi[] = {LEAT_STR("9223372036854775809"), LEAT_STR("a")};
    assert_string_equal(within(f, lo, hi), "9223372036854775809/a=3 ");
    leave(f, "9223372036854775808", "a", 1);
    leave(f, "9223372036854775807", "a", 1);
    leave(f, "0", "a", 1);
    leave(f, "18446744073709551615", "a", 1);
    assert_string_equal(all(f), "9223372036854775809/a=3 ");
    leat_compare_hash(LEAT_STR("19:92233720368547758091:a"), false, &first, &second);
    assert_int_equal(leat_query_keys_sum(f->k, &whole, &sum, NULL), LEAT_OK);
    assert_true(sum.sum == first && sum.both == second);
    end(f);
}

/* As a database sums the same keys up: SELECT md5('1:7' || '1:x') and so on. */
static void test_sums(void **state)
{
    fixture *f = start();
    const leat_compare_range whole = {0};
    leat_compare_sum sum;
    int64_t a, b, c, d;
    (void)state;
    put(f, "7", "x", "1");
    put(f, "-70", "", "2");
    leat_compare_hash(LEAT_STR("1:71:x"), false, &a, &b);
    leat_compare_hash(LEAT_STR("3:-700:"), false, &c, &d);
    assert_int_equal(leat_query_keys_sum(f->k, &whole, &sum, NULL), LEAT_OK);
    assert_int_equal(sum.rows, 2);
    assert_true(sum.sum == (leat_int128)a + c);
    assert_true(sum.both == (b ^ d));
    end(f);
}

static bool leave_now(void *arg)
{
    return *(bool *)arg;
}

/* Reading many keys ends once it is told to; what was put is still kept. */
static void test_told_to_end(void **state)
{
    enum { KEYS = 30000 };
    fixture *f = start();
    const leat_compare_range whole = {0};
    const leat_str *key;
    leat_compare_sum sum;
    leat_err e = {0};
    bool leaves = true;
    char n[16];
    (void)state;
    for (int i = 0; i < KEYS; i++) {
        snprintf(n, sizeof n, "%d", i);
        put(f, n, "a", "1");
    }
    leat_query_keys_leaves(f->k, leave_now, &leaves);
    assert_int_equal(leat_query_keys_sum(f->k, &whole, &sum, &e), LEAT_RETRY);
    assert_string_equal(e.code, "query.stopped");
    assert_int_equal(leat_query_keys_bound(f->k, &whole, KEYS - 1, &f->a, &key, &e), LEAT_RETRY);
    assert_string_equal(e.code, "query.stopped");
    commit(f);
    leaves = false;
    assert_int_equal(leat_query_keys_sum(f->k, &whole, &sum, &e), LEAT_OK);
    assert_int_equal(sum.rows, KEYS);
    end(f);
}

/* A delete goes once its batch is durable; one that is not when it is opened again is taken back,
 * as is what was not committed. */
static void test_deletes_that_were_told(void **state)
{
    fixture *f = start();
    (void)state;
    put(f, "1", "a", "1");
    put(f, "2", "a", "2");
    put(f, "3", "a", "3");
    commit(f);
    leave(f, "1", "a", 5);
    leave(f, "2", "a", 6);
    commit(f);
    assert_string_equal(all(f), "3/a=3 ");
    put(f, "2", "a", "new");
    commit(f);
    put(f, "4", "a", "4");
    open_as(f, "1", 5);
    assert_string_equal(all(f), "2/a=new 3/a=3 ");
    leave(f, "2", "a", 6);
    leave(f, "3", "a", 7);
    commit(f);
    assert_int_equal(leat_query_keys_forget(f->k, 6, NULL), LEAT_OK);
    commit(f);
    open_as(f, "1", 0);
    assert_string_equal(all(f), "3/a=3 ");
    end(f);
}

/* Those behind the position as well: a batch that is not durable leaves its keys to be asked for.
 */
static void test_to_be_asked_again(void **state)
{
    fixture *f = start();
    const leat_str two[] = {LEAT_STR("2"), LEAT_STR("a")}, three[] = {LEAT_STR("3"), LEAT_STR("a")};
    (void)state;
    put(f, "1", "a", "1");
    put(f, "2", "a", "2");
    put(f, "3", "a", "3");
    assert_int_equal(leat_query_keys_came(f->k, two, 5, NULL), LEAT_OK);
    assert_int_equal(leat_query_keys_came(f->k, three, 6, NULL), LEAT_OK);
    leave(f, "1", "a", 7);
    commit(f);
    assert_string_equal(again(f), "");
    open_as(f, "1", 5);
    assert_string_equal(again(f), "1/a=1 3/a=3 ");
    assert_string_equal(all(f), "1/a=1 2/a=2 3/a=3 ");
    open_as(f, "1", 7);
    assert_string_equal(again(f), "1/a=1 3/a=3 ");
    leave(f, "1", "a", 8);
    assert_int_equal(leat_query_keys_asked(f->k, three, NULL), LEAT_OK);
    assert_string_equal(again(f), "");
    end(f);
}

/* Texts of another form are of no use, nor are the notes beside them. */
static void test_another_signature(void **state)
{
    fixture *f = start();
    leat_str note;
    (void)state;
    put(f, "1", "a", "1");
    assert_int_equal(leat_query_keys_note_set(f->k, "whole", LEAT_STR("yes"), NULL), LEAT_OK);
    commit(f);
    open_as(f, "1", 0);
    assert_int_equal(leat_query_keys_note(f->k, "whole", &f->a, &note, NULL), LEAT_OK);
    assert_true(leat_str_is(note, "yes"));
    assert_string_equal(all(f), "1/a=1 ");
    open_as(f, "2", 0);
    assert_int_equal(leat_query_keys_note(f->k, "whole", &f->a, &note, NULL), LEAT_OK);
    assert_null(note.s);
    assert_string_equal(all(f), "");
    end(f);
}

static void test_a_damaged_file(void **state)
{
    fixture *f = start();
    leat_err e;
    (void)state;
    leat_query_keys_close(f->k);
    f->k = NULL;
    FILE *file = fopen(f->path, "w");
    fputs("this is no database, it is a text that is longer than a head of one would be, is it "
          "not, and so on and on",
          file);
    fclose(file);
    assert_int_equal(leat_query_keys_open(f->path, &plan, "1", 0, &f->k, &e), LEAT_CONF);
    assert_string_equal(e.code, "query.keys");
    assert_non_null(strstr(e.msg, "remove it"));
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_large_numbers),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_told_to_end),
        cmocka_unit_test(test_deletes_that_were_told),
        cmocka_unit_test(test_to_be_asked_again),
        cmocka_unit_test(test_another_signature),
        cmocka_unit_test(test_a_damaged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
