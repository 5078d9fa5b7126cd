/* engine: the order of things on which "nothing is lost" stands, told by what it calls.
 *
 * A scripted source, a stream and a store of letters that only remember; every call adds a word to
 * one line, and that line is what is compared. The simulator (tests/sim) runs the real stream. */
#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine_world.h"

/* ---- the order of things ---- */

static void test_order(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 2, .dead = 1, .safe = 10}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read letters(1) append(2,10) commit ack(10) "
                                 "read append(1,11) commit ack(11) close");
    assert_int_equal(w->state.totals.received, 4);
    assert_int_equal(w->state.totals.appended, 3);
    assert_int_equal(w->state.totals.dead, 1);
}

static void test_full_batches_share_a_commit(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 2, .safe = 10, .fill = true}, {.events = 2, .safe = 11, .fill = true},
           {.events = 1, .safe = 12});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(2,10) read append(2,11) "
                                 "read append(1,12) commit ack(12) close");
}

static void test_idle_position(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_AGAIN}, {.safe = 30}, {.rc = LEAT_AGAIN}, {.rc = LEAT_AGAIN});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read read append(0,30) commit ack(30) read read close");
}

static void test_commit_that_fails(void **state)
{
    (void)state;
    leat_err e = {0};
    w->commit_rc[1] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .safe = 11}, {.events = 1, .safe = 12});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    /* 11 is in the stream: it is made durable before the source goes on behind it. */
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) "
                                 "read append(1,11) commit close "
                                 "commit open(11) read append(1,12) commit ack(12) close");
}

static void test_append_that_fails(void **state)
{
    (void)state;
    leat_err e = {0};
    w->append_rc[1] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .safe = 11}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) "
                                 "read append(1,11) close "
                                 "open(10) read append(1,11) commit ack(11) close");
}

static void test_letters_that_fail(void **state)
{
    (void)state;
    leat_err e = {0};
    w->put_rc[0] = LEAT_RETRY;
    SCRIPT({.dead = 2, .safe = 10}, {.dead = 2, .safe = 10});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read letters(2) close "
                                 "open(-) read letters(2) append(0,10) commit ack(10) "
                                 "close");
    assert_int_equal(w->state.totals.dead, 2);
}

static void test_ack_that_fails(void **state)
{
    (void)state;
    leat_err e = {0};
    w->ack_rc[0] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) close "
                                 "open(10) read append(0,11) commit ack(11) close");
}

static void test_fatal_commit_ends(void **state)
{
    (void)state;
    leat_err e = {0};
    w->commit_rc[0] = LEAT_FATAL;
    SCRIPT({.events = 1, .safe = 10});
    assert_int_equal(world_run_plain(&e), LEAT_FATAL);
    assert_string_equal(e.code, "test.failed");
    assert_string_equal(w->line, "open(-) read append(1,10) commit close");
}

static void test_conf_ends(void **state)
{
    (void)state;
    leat_err e = {0};
    w->open_rc[0] = LEAT_CONF;
    assert_int_equal(world_run_plain(&e), LEAT_CONF);
    assert_string_equal(w->line, "open(-)");
    assert_int_equal(w->sleeps, 0);
}

/* ---- the ledger ---- */

static void test_mismatch_stops(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .lost = 1, .dead = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_FATAL);
    assert_string_equal(e.code, "ledger.mismatch");
    assert_non_null(strstr(e.msg, "(1 unaccounted for)"));
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) read close");
}

static void test_open_transaction_balances_at_its_end(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .filtered = 1, .safe = 10, .after = 2}, {.filtered = 3},
           {.events = 1, .dead = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(3,10) commit ack(10) "
                                 "read append(0,0) read letters(1) append(1,11) commit ack(11) "
                                 "close");
    assert_int_equal(w->state.totals.received, 9);
    assert_int_equal(w->state.totals.appended, 4);
    assert_int_equal(w->state.totals.filtered, 4);
    assert_int_equal(leat_counts_in_flight(&w->state.totals), 0);
}

static void test_mismatch_behind_the_safe_place(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10}, {.lost = 2}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_FATAL);
    assert_string_equal(e.code, "ledger.mismatch");
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) "
                                 "read append(0,0) read close rollback");
}

static void test_broken_transaction_counts_once(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10, .after = 2}, {.lost = 1, .fill = true},
           {.filtered = 2, .rc = LEAT_RETRY}, {.events = 3, .filtered = 2, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(3,10) commit ack(10) "
                                 "read append(0,0) read close "
                                 "rollback open(10) read append(3,11) commit ack(11) close");
    assert_int_equal(w->state.totals.received, 6);
    assert_int_equal(w->state.totals.appended, 4);
}

static void test_rows_must_balance(void **state)
{
    (void)state;
    leat_err e = {0};
    leat_source source = world_plain;
    source.plan = world_plan;
    source.read_chunk = world_read_chunk;
    w->chunks = 1;
    w->rows[0] = (step){.rows = 2, .lost = 1};
    assert_int_equal(world_run(&source, false, -1, NULL, &e), LEAT_FATAL);
    assert_string_equal(e.code, "ledger.mismatch");
    assert_string_equal(w->line, "open(-) plan rows close");
}

/* ---- trying again ---- */

static void test_back_off(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY}, {.rc = LEAT_RETRY}, {.after = 1}, {.rc = LEAT_RETRY},
           {.events = 1, .safe = 10}, {.rc = LEAT_RETRY});
    int64_t begun = w->now;
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    /* 200, 400 and 800 ms, since an open transaction is no progress; then 200 again; each from half
     * of it on. */
    int64_t took = w->now - begun;
    assert_in_range(took, 800000, 1600000);
    assert_int_equal(w->opens, 5);
}

static void test_limit(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY}, {.rc = LEAT_RETRY}, {.rc = LEAT_RETRY});
    assert_int_equal(world_run(&world_plain, false, 2, NULL, &e), LEAT_RETRY);
    assert_int_equal(w->opens, 3);
    assert_string_equal(e.code, "test.failed");
}

static void test_stop_while_waiting(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY, .stop = true});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read close");
    assert_int_equal(w->sleeps, 0);
}

/* Paused at once, not at the end of the pause between attempts; nothing is tried meanwhile, and
 * that time goes on. */
static void test_pause_while_waiting(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY, .pause = true}, {.events = 1, .safe = 10});
    w->look_at = 2;
    w->unpause_at = 1;
    int64_t begun = w->now;
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_int_equal(w->looked.all.state, LEAT_RUN_RETRYING);
    assert_true(w->looked.all.retry_at_us > 0);
    assert_in_range(w->now - begun, 100000, 200000);
    assert_int_equal(w->opens, 2);
}

static void test_long_pause_while_waiting(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY, .pause = true}, {.events = 1, .safe = 10});
    w->look_at = 1;
    w->unpause_at = 40;
    int64_t begun = w->now;
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_int_equal(w->looked.all.state, LEAT_RUN_PAUSED);
    assert_string_equal(w->line, "open(-) read close on open(-) read append(1,10) commit ack(10) "
                                 "close");
    assert_int_equal(w->now - begun, 40 * 50000);
}

static void test_error_is_told_and_forgotten(void **state)
{
    (void)state;
    leat_err e = {0};
    leat_page page = {0};
    w->open_rc[0] = w->open_rc[1] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .safe = 11});
    assert_int_equal(world_run(&world_plain, false, -1, &page, &e), LEAT_OK);
    assert_int_equal(w->status.all.state, LEAT_RUN_RUNNING);
    assert_int_equal(w->status.all.error.rc, LEAT_OK);
    assert_int_equal(w->status.all.attempts, 0);
    assert_string_equal(w->status.position, "10");
    assert_int_equal(page.retries, 2);
    assert_int_equal(page.appended, 2);
    assert_int_equal(page.state, LEAT_RUN_STOPPED);
}

/* ---- stop, pause, once ---- */

static void test_stop_commits(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10, .after = 1, .fill = true, .stop = true}, {.events = 1});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(2,10) commit ack(10) close rollback");
}

static void test_pause(void **state)
{
    (void)state;
    leat_err e = {0};
    w->unpause_at = 70;
    SCRIPT({.events = 1, .safe = 10, .fill = true, .pause = true}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) on "
                                 "read append(1,11) commit ack(11) close");
    assert_in_range(w->beats, 3, 5); /* of 3.5 seconds */
}

static void test_once(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 19}, {.rc = LEAT_RETRY}, {.events = 1, .after = 1, .fill = true},
           {.events = 1, .safe = 20}, {.events = 1, .safe = 21});
    assert_int_equal(world_run(&world_plain, true, -1, NULL, &e), LEAT_OK);
    assert_string_equal(w->line, "open(-) end read append(1,19) commit ack(19) read close "
                                 "open(19) read append(2,0) "
                                 "read append(1,20) commit ack(20) close");
}

/* Nothing more need come, and nobody commits. */
static void test_once_where_the_end_is(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 20});
    assert_int_equal(world_run(&world_plain, true, -1, NULL, &e), LEAT_OK);
    w->line[0] = '\0';
    assert_int_equal(world_run(&world_plain, true, -1, NULL, &e), LEAT_OK);
    assert_string_equal(w->line, "open(20) end close");
}

/* ---- no room ---- */

static void test_full_disk(void **state)
{
    (void)state;
    leat_err e = {0};
    for (unsigned i = 0; i < 6; i++) w->append_rc[i] = LEAT_PENDING;
    w->commit_rc[0] = LEAT_PENDING;
    SCRIPT({.events = 1, .dead = 1, .safe = 10}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    /* The source stays open, its letters are stored once. */
    assert_string_equal(w->line,
                        "open(-) read letters(1) append(1,10) append(1,10) append(1,10) "
                        "append(1,10) append(1,10) append(1,10) append(1,10) commit commit "
                        "ack(10) read append(1,11) commit ack(11) close");
    assert_in_range(w->beats, 5, 7); /* of 6.4 seconds */
    assert_int_equal(w->beaten.all.state, LEAT_RUN_STALLED);
    assert_string_equal(w->beaten.all.error.code, "os.enospc");
    assert_int_equal(w->status.all.state, LEAT_RUN_RUNNING);
    assert_int_equal(w->status.all.error.rc, LEAT_OK);
}

/* What holds it is told, but it reads nothing more; what waited goes in once there is room. */
static void test_pause_on_a_full_disk(void **state)
{
    (void)state;
    leat_err e = {0};
    for (unsigned i = 0; i < 3; i++) w->append_rc[i] = LEAT_PENDING;
    w->look_at = 4;
    w->unpause_at = 60;
    SCRIPT({.events = 1, .safe = 10, .pause = true}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) append(1,10) append(1,10) append(1,10) "
                                 "commit ack(10) on read append(1,11) commit ack(11) close");
    assert_int_equal(w->looked.all.state, LEAT_RUN_PAUSED);
    assert_string_equal(w->looked.all.error.code, "os.enospc");
    assert_int_equal(w->status.all.state, LEAT_RUN_RUNNING);
}

static void test_stop_on_a_full_disk(void **state)
{
    (void)state;
    leat_err e = {0};
    w->append_rc[0] = LEAT_PENDING;
    SCRIPT({.events = 1, .safe = 10, .stop = true});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) close");
}

/* ---- the exclusive section ---- */

static void test_between(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10, .after = 1, .fill = true, .between = true},
           {.events = 2, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(2,10) commit ack(10) close "
                                 "rollback between open(10) "
                                 "read append(2,11) commit ack(11) close");
    assert_int_equal(w->asked_rc, LEAT_OK);
}

static void test_between_while_paused(void **state)
{
    (void)state;
    leat_err e = {0};
    w->ask_at = 3;
    w->unpause_at = 9;
    SCRIPT({.events = 1, .safe = 10, .fill = true, .pause = true}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) close "
                                 "between on open(10) "
                                 "read append(1,11) commit ack(11) close");
    assert_int_equal(w->asked_rc, LEAT_OK);
    assert_true(w->sleeps >= 9);
}

/* Paused before it begins: nothing is opened until it is resumed. */
static void test_begins_paused(void **state)
{
    (void)state;
    leat_err e = {0};
    w->begin_paused = true;
    w->unpause_at = 5;
    SCRIPT({.events = 1, .safe = 10});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "on open(-) read append(1,10) commit ack(10) close");
    assert_int_equal(w->sleeps, 5);
}

static void test_between_ends_the_back_off(void **state)
{
    (void)state;
    leat_err e = {0};
    w->ask_at = 1;
    SCRIPT({.events = 1, .safe = 10, .after = 1, .fill = true}, {.rc = LEAT_RETRY},
           {.events = 2, .safe = 11});
    int64_t begun = w->now;
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) read append(2,10) read close "
                                 "rollback commit between open(10) "
                                 "read append(2,11) commit ack(11) close");
    assert_int_equal(w->asked_rc, LEAT_OK);
    assert_true(w->now - begun <= 100000);
}

static void test_between_in_a_snapshot(void **state)
{
    (void)state;
    leat_err e = {0};
    leat_source source = world_plain;
    source.plan = world_plan;
    source.read_chunk = world_read_chunk;
    w->chunks = 1;
    w->unpause_at = 8;
    w->ask_at = 2;
    w->rows[0] = (step){.rows = 3, .pause = true, .rc = LEAT_AGAIN};
    w->rows[1] = (step){.rows = 4};
    assert_int_equal(world_run(&source, false, -1, NULL, &e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) commit close "
                                 "between on open(-) plan rows append(4,0,p) "
                                 "append(0,5,p) commit ack(5) close");
    assert_int_equal(w->asked_rc, LEAT_OK);
}

static void test_between_what_fn_says(void **state)
{
    (void)state;
    leat_err e = {0};
    w->fn_rc = LEAT_CONF;
    SCRIPT({.events = 1, .safe = 10, .between = true}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_int_equal(w->asked_rc, LEAT_CONF);
    assert_string_equal(w->asked_err.code, "test.failed");
    assert_int_equal(w->mark, 11);
}

static void test_between_fatal_ends(void **state)
{
    (void)state;
    leat_err e = {0};
    w->fn_rc = LEAT_FATAL;
    SCRIPT({.events = 1, .safe = 10, .between = true}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_FATAL);
    assert_int_equal(w->asked_rc, LEAT_FATAL);
    assert_int_equal(w->opens, 1);
}

/* What was read cannot be made durable: fn is not called, the engine tries again. */
static void test_between_not_durable(void **state)
{
    (void)state;
    leat_err e = {0};
    w->ask_at = 1;
    w->commit_rc[0] = w->commit_rc[1] = LEAT_RETRY;
    SCRIPT({.events = 1, .safe = 10}, {.events = 1, .safe = 11});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_int_equal(w->asked_rc, LEAT_RETRY);
    assert_string_equal(w->asked_err.code, "test.failed");
    assert_null(strstr(w->line, "between"));
    assert_int_equal(w->mark, 11);
}

static void test_between_when_it_ends(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.events = 1, .safe = 10, .stop = true, .between = true});
    assert_int_equal(world_run_plain(&e), LEAT_OK);
    assert_int_equal(w->asked_rc, LEAT_RETRY);
    assert_string_equal(w->asked_err.code, "engine.ended");
    assert_string_equal(w->line, "open(-) read append(1,10) commit ack(10) close");
}

/* ---- snapshot ---- */

static leat_rc run_snapshot(leat_err *e)
{
    leat_source source = world_plain;
    source.plan = world_plan;
    source.read_chunk = world_read_chunk;
    return world_run(&source, false, -1, NULL, e);
}

static void test_snapshot(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 2;
    w->rows[0] = (step){.rows = 3, .rc = LEAT_AGAIN};
    w->rows[1] = (step){.rows = 1};
    w->rows[2] = (step){.rows = 2};
    SCRIPT({.events = 1, .safe = 10});
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) "
                                 "rows append(1,0,p) rows append(2,0,p) "
                                 "append(0,5,p) commit ack(5) "
                                 "read append(1,10) commit ack(10) close");
    assert_non_null(strstr(w->progress, "\"state\":\"done\""));
    assert_non_null(strstr(w->progress, "\"rows\":6"));
    assert_int_equal(w->state.totals.rows_appended, 6);
}

static void test_snapshot_is_taken_again_whole(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 2;
    w->rows[0] = (step){.rows = 3};
    w->rows[1] = (step){.rc = LEAT_RETRY};
    w->rows[2] = (step){.rows = 4};
    w->rows[3] = (step){.rows = 1};
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) rows close commit "
                                 "open(-) plan rows append(4,0,p) "
                                 "rows append(1,0,p) append(0,5,p) commit ack(5) close");
    assert_int_equal(w->state.totals.rows_appended, 8);
}

static void test_snapshot_done_is_not_repeated(void **state)
{
    (void)state;
    leat_err e = {0};
    SCRIPT({.rc = LEAT_RETRY}, {.events = 1, .safe = 10});
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan append(0,5,p) commit ack(5) read close "
                                 "open(5) read append(1,10) commit ack(10) close");
}

static void test_snapshot_stopped(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 2;
    w->rows[0] = (step){.rows = 3, .stop = true};
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) commit close");
    assert_non_null(strstr(w->progress, "\"state\":\"running\""));
}

static void test_snapshot_paused(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 1;
    w->unpause_at = 30;
    w->rows[0] = (step){.rows = 3, .pause = true, .rc = LEAT_AGAIN};
    w->rows[1] = (step){.rows = 1};
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) commit on "
                                 "rows append(1,0,p) append(0,5,p) commit ack(5) close");
    assert_true(w->beats > 0);
    assert_int_equal(w->state.totals.rows_appended, 4);
}

static void test_snapshot_only(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 1;
    w->skip_stream = true;
    w->rows[0] = (step){.rows = 3};
    SCRIPT({.events = 1, .safe = 10});
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(3,0,p) "
                                 "append(0,5,p) commit ack(5) close");
}

/* Chunks that come fast share a sync; who comes 20 ms after the first of them makes it due. */
static void test_snapshot_is_committed_in_time(void **state)
{
    (void)state;
    leat_err e = {0};
    w->chunks = 5;
    w->rows[0] = w->rows[1] = w->rows[3] = w->rows[4] = (step){.rows = 1, .ms = 9};
    w->rows[2] = (step){.rows = 1, .ms = 11};
    assert_int_equal(run_snapshot(&e), LEAT_OK);
    assert_string_equal(w->line, "open(-) plan rows append(1,0,p) rows append(1,0,p) "
                                 "rows append(1,0,p) commit rows append(1,0,p) "
                                 "rows append(1,0,p) append(0,5,p) commit ack(5) close");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),
        TEST(test_full_batches_share_a_commit),
        TEST(test_idle_position),
        TEST(test_commit_that_fails),
        TEST(test_append_that_fails),
        TEST(test_letters_that_fail),
        TEST(test_ack_that_fails),
        TEST(test_fatal_commit_ends),
        TEST(test_conf_ends),
        TEST(test_mismatch_stops),
        TEST(test_open_transaction_balances_at_its_end),
        TEST(test_mismatch_behind_the_safe_place),
        TEST(test_broken_transaction_counts_once),
        TEST(test_rows_must_balance),
        TEST(test_back_off),
        TEST(test_limit),
        TEST(test_stop_while_waiting),
        TEST(test_pause_while_waiting),
        TEST(test_long_pause_while_waiting),
        TEST(test_error_is_told_and_forgotten),
        TEST(test_stop_commits),
        TEST(test_pause),
        TEST(test_once),
        TEST(test_once_where_the_end_is),
        TEST(test_full_disk),
        TEST(test_pause_on_a_full_disk),
        TEST(test_stop_on_a_full_disk),
        TEST(test_between),
        TEST(test_between_while_paused),
        TEST(test_begins_paused),
        TEST(test_between_ends_the_back_off),
        TEST(test_between_in_a_snapshot),
        TEST(test_between_what_fn_says),
        TEST(test_between_fatal_ends),
        TEST(test_between_not_durable),
        TEST(test_between_when_it_ends),
        TEST(test_snapshot),
        TEST(test_snapshot_is_taken_again_whole),
        TEST(test_snapshot_done_is_not_repeated),
        TEST(test_snapshot_stopped),
        TEST(test_snapshot_paused),
        TEST(test_snapshot_only),
        TEST(test_snapshot_is_committed_in_time),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
