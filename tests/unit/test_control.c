/* The control socket: requests and answers, bad ones, many clients, a folder with a long name. */
#include "test.h"

#include "base/clock.h"
#include "base/os.h"
#include "engine/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[512] = "/tmp/leat-test-control-XXXXXX";
static leat_control *control;

static leat_rc handle(void *arg, leat_str verb, const leat_json *request, leat_jw *reply,
                      leat_err *e)
{
    (void)arg;
    if (!leat_str_is(verb, "echo"))
        return leat_fail(e, LEAT_CONF, "control.verb", "verb", "no such verb");
    leat_jw_str(reply, "said", leat_json_get_str(request, "say"));
    return LEAT_OK;
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    size_t n = strlen(folder);
    snprintf(folder + n, sizeof folder - n, "/%0200d", 7); /* longer than a socket's path may be */
    if (leat_os_mkdirs(folder, 0700) < 0) return -1;
    return leat_control_start(folder, handle, NULL, &control, NULL) == LEAT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    leat_control_stop(control);
    return 0;
}

static void answers(void **state)
{
    (void)state;
    leat_arena a;
    leat_arena_init(&a, 0);
    const leat_json *reply;
    leat_err err = {0};
    leat_str request = LEAT_STR("{\"verb\":\"echo\",\"say\":\"a \\\"b\\\"\"}");
    assert_int_equal(leat_control_call(folder, request, 2000, &a, &reply, &err), LEAT_OK);
    assert_true(leat_str_is(leat_json_get_str(reply, "said"), "a \"b\""));
    leat_arena_free(&a);
}

static void errors_come_back(void **state)
{
    (void)state;
    leat_arena a;
    leat_arena_init(&a, 0);
    const leat_json *reply;
    leat_err err = {0};
    assert_int_equal(
        leat_control_call(folder, LEAT_STR("{\"verb\":\"dance\"}"), 2000, &a, &reply, &err),
        LEAT_CONF);
    assert_string_equal(err.code, "control.verb");
    assert_int_equal(leat_control_call(folder, LEAT_STR("{}"), 2000, &a, &reply, &err), LEAT_CONF);
    assert_string_equal(err.code, "control.request");
    assert_int_equal(leat_control_call(folder, LEAT_STR("{bad"), 2000, &a, &reply, &err),
                     LEAT_CONF);
    assert_string_equal(err.code, "json.syntax");
    leat_arena_free(&a);
}

/* A client that sends without end is dropped, and others are still served. */
static void floods_are_dropped(void **state)
{
    (void)state;
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    int fd = leat_os_unix_connect(folder, "control.sock");
    assert_true(fd >= 0);
    ssize_t n = 1;
    for (int i = 0; i < 1000 && n > 0; i++) n = send(fd, junk, sizeof junk, MSG_NOSIGNAL);
    assert_true(n < 0);
    close(fd);
    answers(NULL);
}

static void more_clients_than_places(void **state)
{
    (void)state;
    int fd[40];
    for (int i = 0; i < 40; i++) fd[i] = leat_os_unix_connect(folder, "control.sock");
    for (int i = 0; i < 40; i++)
        if (fd[i] >= 0) close(fd[i]);
    answers(NULL);
}

/* Connections that say nothing do not keep others out. */
static void silent_clients_make_room(void **state)
{
    (void)state;
    int fd[20];
    for (int i = 0; i < 20; i++) {
        fd[i] = leat_os_unix_connect(folder, "control.sock");
        assert_true(fd[i] >= 0);
    }
    for (int i = 0; i < 20; i++) answers(NULL);
    for (int i = 0; i < 20; i++) close(fd[i]);
}

/* One that ends before it answers is not called stuck. */
static void ends_before_it_answers(void **state)
{
    (void)state;
    char where[] = "/tmp/leat-test-control-XXXXXX";
    assert_non_null(mkdtemp(where));
    int fd = leat_os_unix_listen(where, "control.sock", 1);
    assert_true(fd >= 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(accept(fd, NULL, NULL));
        _exit(0);
    }
    leat_arena a;
    leat_arena_init(&a, 0);
    const leat_json *reply;
    leat_err err = {0};
    int64_t began = leat_mono_us();
    assert_int_equal(leat_control_call(where, LEAT_STR("{}"), 5000, &a, &reply, &err), LEAT_RETRY);
    assert_string_equal(err.code, "control.not_running");
    assert_true(leat_mono_us() - began < 4000000);
    leat_arena_free(&a);
    close(fd);
    waitpid(pid, NULL, 0);
    char path[64];
    snprintf(path, sizeof path, "%s/control.sock", where);
    unlink(path);
    rmdir(where);
}

static void nobody_listens(void **state)
{
    (void)state;
    leat_arena a;
    leat_arena_init(&a, 0);
    const leat_json *reply;
    leat_err err = {0};
    assert_int_equal(leat_control_call("/tmp", LEAT_STR("{}"), 100, &a, &reply, &err), LEAT_RETRY);
    assert_string_equal(err.code, "control.not_running");
    leat_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(errors_come_back),
        cmocka_unit_test(floods_are_dropped),
        cmocka_unit_test(more_clients_than_places),
        cmocka_unit_test(silent_clients_make_room),
        cmocka_unit_test(ends_before_it_answers),
        cmocka_unit_test(nobody_listens),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
