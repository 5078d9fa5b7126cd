/* state.db: configuration, ending, positions, dead letters; migrations and refusals. */
#include "test.h"

#include "base/clock.h"
#include "base/os.h"
#include "state/state.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[] = "/tmp/leat-test-state-XXXXXX";
static leat_arena a;

static int set_up(void **state)
{
    (void)state;
    leat_arena_init(&a, 0);
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    leat_arena_free(&a);
    return 0;
}

static leat_state *open_one(const char *name)
{
    leat_state *s = NULL;
    leat_err err = {0};
    if (leat_state_open(folder, name, false, &s, &err) != LEAT_OK) fail_msg("%s", err.msg);
    return s;
}

static void config_round_trip(void **state)
{
    (void)state;
    leat_state *s = open_one("config");
    leat_str json;
    assert_int_equal(leat_state_config_get(s, &a, &json, NULL), LEAT_OK);
    assert_null(json.s);
    assert_int_equal(leat_state_config_set(s, LEAT_STR("{\"a\":1}"), NULL), LEAT_OK);
    assert_int_equal(leat_state_config_set(s, LEAT_STR("{\"b\":2}"), NULL), LEAT_OK);
    leat_state_close(s);
    assert_int_equal(leat_state_open(folder, "config", true, &s, NULL), LEAT_OK);
    assert_int_equal(leat_state_config_get(s, &a, &json, NULL), LEAT_OK);
    assert_true(leat_str_is(json, "{\"b\":2}"));
    leat_state_close(s);
}

static void ending_round_trip(void **state)
{
    (void)state;
    leat_state *s = open_one("ending");
    leat_str how;
    leat_err stored, err = {0};
    int64_t at;
    assert_int_equal(leat_state_end_get(s, &a, &how, &at, &stored, NULL), LEAT_OK);
    assert_null(how.s);
    leat_fail(&err, LEAT_CONF, "x.y", "there", "what and why");
    assert_int_equal(leat_state_end_set(s, "FAILED", &err, NULL), LEAT_OK);
    assert_int_equal(leat_state_end_get(s, &a, &how, &at, &stored, NULL), LEAT_OK);
    assert_true(leat_str_is(how, "FAILED"));
    assert_int_equal(stored.rc, LEAT_CONF);
    assert_string_equal(stored.code, "x.y");
    assert_string_equal(stored.where, "there");
    assert_string_equal(stored.msg, "what and why");
    assert_true(at > 0);
    leat_state_close(s);
}

static bool count(void *arg, const leat_dead_letter *letter)
{
    int *n = arg;
    assert_true(leat_str_eq(letter->bytes, (leat_str){"\0\1\2", 3}));
    assert_string_equal(letter->code, "pg.value");
    (*n)++;
    return true;
}

/* The same position again, as after a crash, doubles nothing; another table is another letter. */
static void dead_letters_repeat(void **state)
{
    (void)state;
    leat_state *s = open_one("dead");
    leat_dead_store *store = leat_state_dead_store(s);
    leat_dead second = {
        .bytes = {"\0\1\2", 3}, .position = LEAT_STR("{\"lsn\":2}"), .table = "p.b"};
    leat_dead first = {.bytes = {"\0\1\2", 3},
                       .position = LEAT_STR("{\"lsn\":1}"),
                       .table = "p.a",
                       .next = &second};
    leat_fail(&first.why, LEAT_DATA, "pg.value", "p.a", "bad");
    second.why = first.why;
    for (int i = 0; i < 3; i++) assert_int_equal(store->put(store, &first, NULL), LEAT_OK);
    int n = 0;
    int64_t counted;
    assert_int_equal(leat_state_dead_each(s, 0, 0, count, &n, NULL), LEAT_OK);
    assert_int_equal(n, 2);
    assert_int_equal(leat_state_dead_count(s, &counted, NULL), LEAT_OK);
    assert_int_equal(counted, 2);
    leat_state_close(s);
}

typedef struct seen_notes {
    int n, edits;
    int64_t newest, oldest;
    int64_t at_us;  /* of the newest */
    int together;   /* notes of that time */
    bool forgotten; /* the newest says so */
    char by[64];
} seen_notes;

static bool see(void *arg, const leat_note *note)
{
    seen_notes *seen = arg;
    if (seen->n++ == 0) {
        seen->newest = note->id;
        seen->at_us = note->at_us;
        seen->forgotten = note->pos.offset.s == NULL;
        snprintf(seen->by, sizeof seen->by, "%s", note->by);
    }
    seen->oldest = note->id;
    seen->together += note->at_us == seen->at_us;
    seen->edits += note->noted == LEAT_NOTED_EDIT;
    return true;
}

static void positions_are_kept_and_bounded(void **state)
{
    (void)state;
    leat_state *s = open_one("positions");
    leat_position pos[2] = {{LEAT_STR("{\"server\":\"x\"}"), LEAT_STR("{\"lsn\":1}")},
                            {LEAT_STR("{\"server\":\"y\"}"), {0}}};
    for (int i = 0; i < 520; i++)
        assert_int_equal(leat_state_positions_add(s, pos, 1, LEAT_NOTED_RUN, NULL, NULL), LEAT_OK);
    for (int i = 0; i < 260; i++)
        assert_int_equal(leat_state_positions_add(s, pos, 2, LEAT_NOTED_EDIT, "me: reset", NULL),
                         LEAT_OK);
    seen_notes seen = {0};
    assert_int_equal(leat_state_positions_each(s, see, &seen, NULL), LEAT_OK);
    assert_int_equal(seen.n, 1000);
    assert_int_equal(seen.edits, 520);
    assert_int_equal(seen.newest, 1040);
    assert_int_equal(seen.oldest, 41);
    assert_true(seen.forgotten);
    assert_string_equal(seen.by, "me: reset");
    leat_state_close(s);
}

/* What was noted at once is known by its time. */
static void positions_of_a_note_have_a_time(void **state)
{
    (void)state;
    enum { MANY = 200 };
    leat_state *s = open_one("times");
    leat_position pos[MANY];
    for (int i = 0; i < MANY; i++) pos[i] = (leat_position){LEAT_STR("{}"), LEAT_STR("{}")};
    assert_int_equal(leat_state_positions_add(s, pos, 1, LEAT_NOTED_RUN, NULL, NULL), LEAT_OK);
    leat_sleep_us(10);
    assert_int_equal(leat_state_positions_add(s, pos, MANY, LEAT_NOTED_BEFORE, "me", NULL),
                     LEAT_OK);
    seen_notes seen = {0};
    assert_int_equal(leat_state_positions_each(s, see, &seen, NULL), LEAT_OK);
    assert_int_equal(seen.n, MANY + 1);
    assert_int_equal(seen.together, MANY);
    leat_state_close(s);
}

static void a_pause_is_kept(void **state)
{
    (void)state;
    leat_state *s = open_one("desired");
    leat_desired now;
    assert_int_equal(leat_state_desired_get(s, &now, NULL), LEAT_OK);
    assert_true(!now.paused && now.at_us == 0 && !*now.by);
    assert_int_equal(leat_state_desired_set(s, true, "ada", NULL), LEAT_OK);
    leat_state_close(s);
    s = open_one("desired");
    assert_int_equal(leat_state_desired_get(s, &now, NULL), LEAT_OK);
    assert_true(now.paused && now.at_us > 0);
    assert_string_equal(now.by, "ada");
    assert_int_equal(leat_state_desired_set(s, false, "bob", NULL), LEAT_OK);
    assert_int_equal(leat_state_desired_get(s, &now, NULL), LEAT_OK);
    assert_true(!now.paused);
    leat_state_close(s);
}

/* A file of the first version, as 0.1.0 made it, is brought forward and keeps what it has. */
static void old_files_are_migrated(void **state)
{
    (void)state;
    leat_state *s = open_one("old");
    assert_int_equal(leat_state_config_set(s, LEAT_STR("{}"), NULL), LEAT_OK);
    leat_state_close(s);
    char path[256];
    snprintf(path, sizeof path, "%s/connectors/old/state.db", folder);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TABLE desired; DROP TABLE positions;"
                                  "DROP TABLE delivered; DROP TABLE delivered_positions;"
                                  "DROP TABLE delivered_txs;"
                                  "DROP TABLE prepared; DROP TABLE prepared_positions;"
                                  "DROP TABLE prepared_txs; DROP TABLE schemas;"
                                  "DROP TABLE dead_letters; DROP TABLE letters_gone;"
                                  "CREATE TABLE dead_letters (id INTEGER PRIMARY KEY, tab TEXT);"
                                  "CREATE TABLE positions (id INTEGER PRIMARY KEY, part TEXT);"
                                  "PRAGMA user_version = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    s = open_one("old");
    leat_str json;
    leat_desired now;
    assert_int_equal(leat_state_config_get(s, &a, &json, NULL), LEAT_OK);
    assert_true(leat_str_is(json, "{}"));
    assert_int_equal(leat_state_desired_get(s, &now, NULL), LEAT_OK);
    leat_position pos = {LEAT_STR("{}"), LEAT_STR("{}")};
    assert_int_equal(leat_state_positions_add(s, &pos, 1, LEAT_NOTED_START, NULL, NULL), LEAT_OK);
    leat_state_close(s);
}

/* Newest first, with those of the database and of all; one that was changed is told. */
typedef struct seen {
    int64_t ids[8];
    bool broken[8];
    size_t n;
} seen;

static bool see_entry(void *arg, const leat_schema_entry *en)
{
    seen *s = arg;
    s->ids[s->n] = en->id;
    s->broken[s->n++] = en->broken;
    return s->n < 8;
}

static void schemas_are_kept_by_table(void **state)
{
    (void)state;
    leat_state *s = open_one("schemas");
    leat_schema_store *store = leat_state_schema_store(s);
    const leat_str place = LEAT_STR("{}"), what = LEAT_STR("alter");
    const leat_schema_entry list[] = {
        {.db = LEAT_STR("d"), .table = LEAT_STR("t"), .place = place, .what = what},
        {.db = LEAT_STR("d"), .table = LEAT_STR("u"), .place = place, .what = what},
        {.db = LEAT_STR("d"), .place = place, .what = what},
        {.place = place, .what = what, .sql = LEAT_STR("x")},
        {.db = LEAT_STR("d"),
         .table = LEAT_STR("t"),
         .place = place,
         .what = what,
         .def = LEAT_STR("{}")},
    };
    bool empty = false;
    assert_int_equal(store->empty(store, &empty, NULL), LEAT_OK);
    assert_true(empty);
    assert_int_equal(store->add(store, list, 3, NULL), LEAT_OK);
    assert_int_equal(store->add(store, list + 3, 2, NULL), LEAT_OK);
    assert_int_equal(store->empty(store, &empty, NULL), LEAT_OK);
    assert_false(empty);
    seen got = {0}, all = {0};
    assert_int_equal(store->each(store, LEAT_STR("d"), LEAT_STR("t"), see_entry, &got, NULL),
                     LEAT_OK);
    const int64_t want[] = {5, 4, 3, 1};
    assert_int_equal(got.n, 4);
    assert_memory_equal(got.ids, want, sizeof want);
    for (size_t i = 0; i < got.n; i++) assert_false(got.broken[i]);
    leat_state_close(s);

    char path[256];
    snprintf(path, sizeof path, "%s/connectors/schemas/state.db", folder);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DELETE FROM schemas WHERE id = 2;"
                                  "UPDATE schemas SET sql = 'y' WHERE id = 4",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    s = open_one("schemas");
    assert_int_equal(leat_state_schemas_each(s, see_entry, &all, NULL), LEAT_OK);
    const bool broken[] = {false, true, true, false};
    assert_int_equal(all.n, 4);
    assert_memory_equal(all.broken, broken, sizeof broken);
    assert_int_equal(leat_state_schemas_clear(s, NULL), LEAT_OK);
    store = leat_state_schema_store(s);
    assert_int_equal(store->empty(store, &empty, NULL), LEAT_OK);
    assert_true(empty);
    leat_state_close(s);
}

static void delivered_is_as_saved(void **state)
{
    (void)state;
    static uint64_t txs[3000];
    leat_state *s = open_one("delivered");
    leat_delivered_store *store = leat_state_delivered_store(s);
    leat_delivered d, got;
    assert_int_equal(store->load(store, &a, &got, NULL), LEAT_OK);
    assert_int_equal(got.episode, 1);
    assert_int_equal(got.npos, 0);
    assert_null(got.cursor.s);
    leat_position pos[2] = {{LEAT_STR("{\"a\":1}"), LEAT_STR("{\"lsn\":7}")},
                            {LEAT_STR("{\"a\":2}"), LEAT_STR("{\"lsn\":8}")}};
    for (uint64_t i = 1; i <= 64; i++) {
        for (size_t t = 0; t < 3000; t++) txs[t] = i * 3000 + t;
        d = (leat_delivered){.pos = pos,
                             .npos = i % 2 ? 2 : 1,
                             .totals = {.received = UINT64_MAX, .appended = i},
                             .events = i,
                             .serial = i,
                             .progress = LEAT_STR("{}"),
                             .episode = 4,
                             .cursor = i == 64 ? LEAT_STR("1:2:3:4") : (leat_str){0},
                             .cluster = LEAT_STR("bGVhdC10ZXN0LWthZmthMQ"),
                             .drained = 5,
                             .moved = {.appended = UINT64_MAX, .dead = 1},
                             .txs = txs,
                             .ntxs = 3000};
        assert_int_equal(store->save(store, &d, NULL), LEAT_OK);
    }
    leat_state_close(s);
    s = open_one("delivered");
    store = leat_state_delivered_store(s);
    assert_int_equal(store->load(store, &a, &got, NULL), LEAT_OK);
    assert_memory_equal(&got.totals, &d.totals, sizeof d.totals);
    assert_memory_equal(&got.moved, &d.moved, sizeof d.moved);
    assert_int_equal(got.serial, 64);
    assert_int_equal(got.drained, 5);
    assert_int_equal(got.npos, 1);
    assert_true(leat_str_is(got.pos[0].offset, "{\"lsn\":7}"));
    assert_true(leat_str_is(got.cursor, "1:2:3:4"));
    assert_true(leat_str_is(got.cluster, "bGVhdC10ZXN0LWthZmthMQ"));
    assert_int_equal(got.ntxs, 65536);
    assert_int_equal(got.txs[65535], 64 * 3000 + 2999);
    leat_state_close(s);
}

static void newer_and_damaged_are_refused(void **state)
{
    (void)state;
    leat_state *s = open_one("newer");
    leat_state_close(s);
    char path[256];
    snprintf(path, sizeof path, "%s/connectors/newer/state.db", folder);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    leat_err err = {0};
    assert_int_equal(leat_state_open(folder, "newer", false, &s, &err), LEAT_CONF);
    assert_string_equal(err.code, "state.newer");

    snprintf(path, sizeof path, "%s/connectors/damaged", folder);
    assert_int_equal(leat_os_mkdirs(path, 0700), 0);
    snprintf(path, sizeof path, "%s/connectors/damaged/state.db", folder);
    assert_int_equal(leat_os_store(path,
                                   LEAT_STR("this is no database, it is a text, and long"
                                            "enough that nobody takes it for one: -------"),
                                   0600),
                     0);
    assert_int_equal(leat_state_open(folder, "damaged", false, &s, &err), LEAT_FATAL);
    assert_string_equal(err.code, "state.damaged");
}

static void reading_makes_nothing(void **state)
{
    (void)state;
    leat_state *s;
    leat_err err = {0};
    assert_int_equal(leat_state_open(folder, "nobody", true, &s, &err), LEAT_CONF);
    assert_string_equal(err.code, "connector.unknown");
    char path[256];
    snprintf(path, sizeof path, "%s/connectors/nobody", folder);
    assert_true(leat_os_now()->unlink(path) < 0);
}

/* Passwords stand in it. SQLite's other files take their mode from it. */
static void others_cannot_read(void **state)
{
    (void)state;
    mode_t was = umask(0);
    leat_state *s = open_one("private");
    umask(was);
    assert_int_equal(leat_state_config_set(s, LEAT_STR("{}"), NULL), LEAT_OK);
    static const char *const files[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[256];
        struct stat st;
        snprintf(path, sizeof path, "%s/connectors/private/state.db%s", folder, files[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    leat_state_close(s);
}

static void names_that_are_none(void **state)
{
    (void)state;
    leat_state *s;
    leat_err err = {0};
    static const char *const names[] = {"", "..", "a/b", "../x", "-x"};
    for (size_t i = 0; i < 5; i++)
        for (int reading = 0; reading < 2; reading++) {
            assert_int_equal(leat_state_open(folder, names[i], reading, &s, &err), LEAT_CONF);
            assert_string_equal(err.code, "config.name");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_round_trip),
        cmocka_unit_test(ending_round_trip),
        cmocka_unit_test(dead_letters_repeat),
        cmocka_unit_test(positions_are_kept_and_bounded),
        cmocka_unit_test(positions_of_a_note_have_a_time),
        cmocka_unit_test(a_pause_is_kept),
        cmocka_unit_test(old_files_are_migrated),
        cmocka_unit_test(schemas_are_kept_by_table),
        cmocka_unit_test(delivered_is_as_saved),
        cmocka_unit_test(newer_and_damaged_are_refused),
        cmocka_unit_test(reading_makes_nothing),
        cmocka_unit_test(others_cannot_read),
        cmocka_unit_test(names_that_are_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
