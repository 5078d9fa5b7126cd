/* engine/exchange: adopting is whole and costs a line at a time; the mirror holds nobody up. */
#include "test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/exchange.h"

enum { LINES = 300, WORK = 1 << 20, STEP_US = 50000 };

typedef struct place {
    leat_arena a;
    char data[40], folder[80];
    const char *file, *mirrored;
    leat_state *state;
    leat_source source;
    leat_source_history history;
    leat_exchange_conf conf;
    int silent; /* a socket that listens, and says nothing */
    int said[2];
} place;

/* ---- a source whose lines take much to read ---- */

static size_t most; /* that was held when a line came */

static leat_rc read_line(const void *conf, leat_str line, leat_arena *a,
                         leat_schema_entry **entries, size_t *n, leat_err *e)
{
    (void)conf, (void)e;
    if (a->held > most) most = a->held;
    leat_arena_alloc(a, WORK, 1);
    *entries = LEAT_NEW(a, leat_schema_entry, 1);
    (*entries)[0] = (leat_schema_entry){.db = LEAT_STR("shop"),
                                        .table = leat_arena_str(a, line),
                                        .place = leat_arena_str(a, LEAT_STR("{}")),
                                        .what = LEAT_STR("create")};
    *n = 1;
    return LEAT_OK;
}

static void write_line(const void *conf, const leat_schema_entry *entry, leat_buf *out)
{
    (void)conf;
    leat_buf_add(out, entry->table);
}

/* ---- a clock that goes on with each look ---- */

static int64_t passed_us;

static int64_t stepping(void)
{
    return passed_us += STEP_US;
}

static void asleep(int64_t us)
{
    passed_us += us;
}

static const leat_clock clock_of_looks = {stepping, stepping, asleep};

/* ---- set-up ---- */

static void listen_silently(place *p, char address[32])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    p->silent = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(p->silent, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(p->silent, 16), 0);
    assert_int_equal(getsockname(p->silent, (struct sockaddr *)&at, &len), 0);
    snprintf(address, 32, "127.0.0.1:%d", ntohs(at.sin_port));
}

static void make_file(place *p)
{
    leat_buf text = {0};
    for (int i = 0; i < LINES; i++) leat_buf_printf(&text, "t%d\n", i);
    p->file = leat_arena_printf(&p->a, "%s/history.dat", p->data);
    assert_true(leat_os_store(p->file, leat_buf_str(&text), 0600) >= 0);
    leat_buf_free(&text);
}

static int set_up(void **state)
{
    place *p = leat_zalloc(1, sizeof *p);
    char address[32];
    leat_props worker, none;
    leat_report r;
    leat_err e;
    snprintf(p->data, sizeof p->data, "/tmp/leat-test-exchange-XXXXXX");
    if (!mkdtemp(p->data) || pipe(p->said) < 0) return -1;
    if (fcntl(p->said[0], F_SETFL, O_NONBLOCK) < 0) return -1;
    if (leat_state_open(p->data, "shop", false, &p->state, &e) != LEAT_OK) fail_msg("%s", e.msg);
    snprintf(p->folder, sizeof p->folder, "%s/connectors/shop", p->data);
    p->mirrored = leat_arena_printf(&p->a, "%s/schemas.mirrored", p->folder);
    p->history = (leat_source_history){.read = read_line, .write = write_line};
    p->source.history = &p->history;
    listen_silently(p, address);
    leat_report_init(&r, &p->a);
    leat_props_init(&worker, NULL);
    leat_props_init(&none, NULL);
    leat_props_set(&worker, &p->a, LEAT_STR("bootstrap.servers"), leat_str_of(address), 0);
    p->conf = (leat_exchange_conf){.mirror = true, .topic = "history"};
    leat_kafka_options_read(&worker, &none, false, &p->a, &p->conf.kafka, &r);
    make_file(p);
    leat_log_setup(LEAT_INFO, false, NULL, p->said[1]);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    leat_clock_use(NULL);
    leat_log_setup(LEAT_INFO, false, NULL, 2);
    leat_state_close(p->state);
    close(p->silent);
    close(p->said[0]);
    close(p->said[1]);
    leat_arena_free(&p->a);
    leat_free(p);
    return 0;
}

static leat_rc adopt(place *p, leat_err *e)
{
    const leat_exchange_conf conf = {.file = p->file};
    return leat_exchange_adopt(&conf, &p->source, NULL, p->state, "shop", p->folder, e);
}

static bool is_empty(place *p)
{
    leat_schema_store *store = leat_state_schema_store(p->state);
    bool empty;
    leat_err e;
    assert_int_equal(store->empty(store, &empty, &e), LEAT_OK);
    return empty;
}

/* What a line is read with is let go before the next one. */
static void a_line_at_a_time(void **state)
{
    place *p = *state;
    leat_err e;
    most = 0;
    assert_int_equal(adopt(p, &e), LEAT_OK);
    assert_false(is_empty(p));
    assert_true(most < 4 * (size_t)WORK);
}

/* Where the number cannot be kept nothing is adopted; so the next start adopts. */
static void the_number_comes_first(void **state)
{
    place *p = *state;
    leat_buf text = {0};
    leat_err e;
    assert_int_equal(mkdir(p->mirrored, 0700), 0);
    assert_true(leat_rc_failed(adopt(p, &e)));
    assert_true(is_empty(p));
    assert_int_equal(rmdir(p->mirrored), 0);
    assert_int_equal(adopt(p, &e), LEAT_OK);
    assert_false(is_empty(p));
    assert_true(leat_os_load(p->mirrored, &text, 64) >= 0);
    assert_true(leat_str_is(leat_buf_str(&text), "0\n")); /* of a file no topic has anything */
    leat_buf_free(&text);
}

static void run_sql(place *p, const char *sql)
{
    sqlite3 *db;
    const char *path = leat_arena_printf(&p->a, "%s/state.db", p->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Brokers that say nothing: a turn ends soon all the same, and the write fails in its own time; by
 * the end it is tried again. What is broken is told, once. */
static void nobody_waits(void **state)
{
    place *p = *state;
    leat_err e;
    assert_int_equal(adopt(p, &e), LEAT_OK);
    run_sql(p, "UPDATE schemas SET what = 'x' WHERE id = 7");
    leat_clock_use(&clock_of_looks);
    leat_exchange *x = leat_exchange_new(&p->conf, &p->source, NULL, "shop", p->folder);
    unsigned broken = 0, failed = 0;
    for (int i = 0; i < 8; i++) {
        char text[1 << 14];
        int64_t begun = passed_us;
        leat_exchange_turn(x, p->state);
        assert_true(passed_us - begun < 1000000);
        passed_us += 10000000;
        ssize_t n = read(p->said[0], text, sizeof text - 1);
        text[n > 0 ? n : 0] = '\0';
        broken += strstr(text, "schema.broken") != NULL;
        failed += strstr(text, "kafka.timeout") != NULL;
    }
    leat_exchange_free(x);
    assert_int_equal(broken, 1);
    assert_int_equal(failed, 1);
}

/* Where nothing is left to write a turn leaves the disk alone, and the end is there at once; where
 * brokers say nothing it is not. */
static void to_the_end(void **state)
{
    place *p = *state;
    leat_err e;
    leat_schema_store *store = leat_state_schema_store(p->state);
    const leat_schema_entry en = {.db = LEAT_STR("shop"),
                                  .table = LEAT_STR("t"),
                                  .place = LEAT_STR("{}"),
                                  .what = LEAT_STR("create")};
    leat_clock_use(&clock_of_looks);
    leat_exchange *x = leat_exchange_new(&p->conf, &p->source, NULL, "shop", p->folder);
    leat_exchange_turn(x, p->state);
    assert_int_equal(leat_exchange_finish(x, p->state, 1000, &e), LEAT_OK);
    assert_int_not_equal(access(p->mirrored, F_OK), 0);
    assert_int_equal(store->add(store, &en, 1, &e), LEAT_OK);
    int64_t begun = passed_us;
    assert_int_equal(leat_exchange_finish(x, p->state, 1000, &e), LEAT_RETRY);
    assert_true(passed_us - begun < 60000000);
    leat_exchange_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_number_comes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(to_the_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
