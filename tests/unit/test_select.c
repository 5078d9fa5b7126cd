/* SELECT over what stands in a connector's folder: its bounds of time and memory. */
#include "../test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/select.h"
#include "state/state.h"

enum { LETTERS = 20, LETTER = 15 << 20 }; /* together more than a query may have */

static char folder[] = "/tmp/leat-test-select-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    leat_state *s = NULL;
    if (leat_state_open(folder, "gen", false, &s, NULL) != LEAT_OK) return -1;
    leat_dead_store *store = leat_state_dead_store(s);
    char *bytes = leat_zalloc(1, LETTER), position[32];
    for (int i = 0; i < LETTERS; i++) {
        snprintf(position, sizeof position, "{\"lsn\":%d}", i);
        leat_dead one = {.bytes = {bytes, LETTER}, .position = leat_str_of(position)};
        leat_fail(&one.why, LEAT_DATA, "pg.value", "p.a", "bad");
        if (store->put(store, &one, NULL) != LEAT_OK) return -1;
    }
    leat_free(bytes);
    leat_state_close(s);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st, (void)type, (void)f;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static leat_rc run(const char *sql, int64_t ms, leat_buf *out, leat_err *e)
{
    const leat_select_conf conf = {
        .data = folder, .sql = leat_str_of(sql), .max_rows = LEAT_SELECT_ROWS, .ms = ms};
    return leat_select_run(&conf, out, e);
}

static void fails(const char *sql, int64_t ms, const char *code)
{
    leat_buf out = {0};
    leat_err err = {0};
    assert_int_not_equal(run(sql, ms, &out, &err), LEAT_OK);
    assert_string_equal(err.code, code);
    leat_buf_free(&out);
}

/* Letters that were read too late are no answer that looks whole. */
static void a_list_cut_short_is_told(void **state)
{
    (void)state;
    fails("SELECT id FROM dead_letters", 0, "select.time");
}

/* What a query does not ask for takes no memory of it; what it does ask for has a bound. */
static void letters_have_a_bound(void **state)
{
    leat_buf out = {0};
    leat_err err = {0};
    (void)state;
    assert_int_equal(
        run("SELECT count(*), sum(size) FROM dead_letters", LEAT_SELECT_MS, &out, &err), LEAT_OK);
    leat_buf_u8(&out, 0);
    assert_non_null(strstr(out.p, "\"rows\":[[20,314572800]]"));
    leat_buf_free(&out);
    fails("SELECT sum(length(bytes)) FROM dead_letters", LEAT_SELECT_MS, "select.memory");
}

/* A value that is too large is no fault of the statement's words. */
static void a_large_value(void **state)
{
    (void)state;
    fails("SELECT zeroblob(1000000000)", LEAT_SELECT_MS, "select.large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_cut_short_is_told),
        cmocka_unit_test(letters_have_a_bound),
        cmocka_unit_test(a_large_value),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
