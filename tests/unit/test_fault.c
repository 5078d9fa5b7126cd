/* base/fault: specs read and refused, the counted pass, stalling, killing, the environment. */
#include "test.h"

#include "base/clock.h"
#include "base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_errno(void **state)
{
    (void)state;
    assert_true(leat_fault_set("stream_sync:3:EIO, stream_sync:5:ENOSPC,state_write:0:EAGAIN"));
    static const int want[] = {0, 0, EIO, 0, ENOSPC, 0, 0};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(leat_fault_hit(LEAT_FAULT_stream_sync), want[i]);
        assert_int_equal(leat_fault_hit(LEAT_FAULT_state_write), EAGAIN);
        assert_int_equal(leat_fault_hit(LEAT_FAULT_engine_ack), 0);
    }
    assert_true(leat_fault_set("stream_sync:1:EIO"));
    assert_int_equal(leat_fault_hit(LEAT_FAULT_stream_sync), EIO);
    assert_true(leat_fault_set(NULL));
    assert_int_equal(leat_fault_hit(LEAT_FAULT_stream_sync), 0);
    assert_true(leat_fault_set(""));
}

static void test_refuse(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "stream_sync",      "stream_sync:1",       "stream_sync:x:EIO",   "stream_sync:1:",
        "stream_sync::EIO", "stream_sync:-1:EIO",  "no_such_point:1:EIO", "stream_sync:1:ENOSUCH",
        "stream_sync:1:ms", "stream_sync:1:1.5ms", "stream_sync:1:-5ms",  "stream_sync:1:EIO:2",
    };
    assert_true(leat_fault_set("source_read:0:EIO"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) assert_false(leat_fault_set(bad[i]));
    assert_int_equal(leat_fault_hit(LEAT_FAULT_source_read), EIO);
    leat_fault_set(NULL);
}

static int64_t slept;

static int64_t no_time(void)
{
    return slept;
}

static void sleep_virtually(int64_t us)
{
    slept += us;
}

static void test_stall(void **state)
{
    (void)state;
    static const leat_clock clock = {no_time, no_time, sleep_virtually};
    leat_clock_use(&clock);
    assert_true(leat_fault_set("stream_append:2:250ms"));
    for (int i = 0; i < 3; i++) assert_int_equal(leat_fault_hit(LEAT_FAULT_stream_append), 0);
    assert_int_equal(slept, 250000);
    leat_clock_use(NULL);
    leat_fault_set(NULL);
}

static int status_of(pid_t child)
{
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_kill(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        leat_fault_set("engine_ack:2:kill");
        leat_fault_hit(LEAT_FAULT_engine_ack);
        leat_fault_hit(LEAT_FAULT_engine_ack);
        _exit(0);
    }
    int status = status_of(child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

enum { THREADS = 4, PASSES = 1000 };

static void *pass_often(void *arg)
{
    int *hits = arg;
    for (int i = 0; i < PASSES; i++) *hits += leat_fault_hit(LEAT_FAULT_stream_mark) != 0;
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    int hits[THREADS] = {0}, all = 0;
    assert_true(leat_fault_set("stream_mark:3000:EIO"));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, pass_often, &hits[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        all += hits[i];
    }
    assert_int_equal(all, 1);
    leat_fault_set(NULL);
}

/* Run first: only the process's first pass reads the environment. */
static void test_environment(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        setenv("LEAT_FAULT", "control_send:1:EPIPE", 1);
        int first = leat_fault_hit(LEAT_FAULT_control_send);
        _exit(first == EPIPE && leat_fault_hit(LEAT_FAULT_control_send) == 0 ? 0 : 1);
    }
    assert_int_equal(status_of(child), 0);
    child = fork();
    if (child == 0) {
        setenv("LEAT_FAULT", "control_send", 1);
        close(STDERR_FILENO);
        leat_fault_hit(LEAT_FAULT_control_send);
        _exit(0);
    }
    int status = status_of(child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment), cmocka_unit_test(test_errno),
        cmocka_unit_test(test_refuse),      cmocka_unit_test(test_stall),
        cmocka_unit_test(test_kill),        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
