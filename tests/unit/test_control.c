/* The control socket: requests and answers, bad ones, many clients, a folder with a long name. */
#include "test.h"

#include "base/clock.h"
#include "base/os.h"
#include "engine/control.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[512] = "/tmp/leat-test-control-XXXXXX";
static leat_control *control;

static atomic_bool go_on;
static atomic_int ticks, idles;

static void tick(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ticks, 1);
}

static int64_t idle(void *arg)
{
    (void)arg;
    atomic_fetch_add(&idles, 1);
    return 1000000;
}

static bool is_slow(leat_str verb)
{
    return leat_str_is(verb, "dawdle");
}

static leat_rc handle(void *arg, leat_str verb, const leat_json *request, leat_jw *reply,
                      leat_err *e)
{
    (void)arg;
    if (leat_str_is(verb, "dawdle")) {
        while (!atomic_load(&go_on)) leat_sleep_us(1000);
        leat_jw_bool(reply, "slow", true);
        return LEAT_OK;
    }
    if (leat_str_is(verb, "flood")) {
        leat_buf much = {0};
        memset(leat_buf_room(&much, 1 << 20), 'x', 1 << 20);
        leat_jw_str(reply, "said", (leat_str){much.p, 1 << 20});
        leat_buf_free(&much);
        return LEAT_OK;
    }
    if (!leat_str_is(verb, "echo"))
        return leat_fail(e, LEAT_CONF, "control.verb", "verb", "no such verb");
    leat_jw_str(reply, "said", leat_json_get_str(request, "say"));
    return LEAT_OK;
}

static leat_rc start(const char *where, leat_control **out)
{
    leat_control_conf conf = {
        .folder = where, .handler = handle, .slow = is_slow, .tick = tick, .idle = idle};
    return leat_control_start(&conf, out, NULL);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    size_t n = strlen(folder);
    snprintf(folder + n, sizeof folder - n, "/%0200d", 7); /* longer than a socket's path may be */
    if (leat_os_mkdirs(folder, 0700) < 0) return -1;
    return start(folder, &control) == LEAT_OK ? 0 : -1;
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
    assert_int_equal(leat_control_call(folder, request, 10000, &a, &reply, &err), LEAT_OK);
    assert_true(leat_str_is(leat_json_get_str(reply, "said"), "a \"b\""));
    leat_arena_free(&a);
}

/* As all slow verbs before it have been. */
static void slow_answers(void)
{
    leat_arena a = {0};
    leat_err err = {0};
    const leat_json *reply;
    leat_str request = LEAT_STR("{\"verb\":\"dawdle\"}");
    assert_int_equal(leat_control_call(folder, request, 60000, &a, &reply, &err), LEAT_OK);
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
    int fd = leat_os_unix_connect(folder, "control.sock", 2000);
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
    for (int i = 0; i < 40; i++) fd[i] = leat_os_unix_connect(folder, "control.sock", 2000);
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
        fd[i] = leat_os_unix_connect(folder, "control.sock", 2000);
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

/* Waits for a line, at most ten seconds; its length, 0: none came. */
static size_t receive(int fd, char *to, size_t size)
{
    size_t n = 0;
    while (n < size && leat_os_wait_fd(fd, false, 10000) > 0) {
        ssize_t got = recv(fd, to + n, size - n, 0);
        if (got <= 0) break;
        n += (size_t)got;
        if (to[n - 1] == '\n') return n;
    }
    return 0;
}

/* While the worker is at a slow verb, others are answered; its client gets its answers in order. */
static void slow_verbs_hold_nobody_up(void **state)
{
    (void)state;
    char text[256];
    int fd = leat_os_unix_connect(folder, "control.sock", 2000);
    const char both[] = "{\"verb\":\"dawdle\"}\n{\"verb\":\"echo\",\"say\":\"then\"}\n";
    atomic_store(&go_on, false);
    assert_int_equal(send(fd, both, strlen(both), 0), strlen(both));
    for (int i = 0; i < 5; i++) answers(NULL);
    assert_int_equal(leat_os_wait_fd(fd, false, 50), 0);
    atomic_store(&go_on, true);
    size_t n = receive(fd, text, sizeof text);
    assert_true(n > 0 && strncmp(text, "{\"ok\":true,\"slow\":true}\n", 24) == 0);
    if (n == 24) n += receive(fd, text + n, sizeof text - n);
    text[n] = 0;
    assert_string_equal(text + 24, "{\"ok\":true,\"said\":\"then\"}\n");
    close(fd);
}

/* A client that goes away while the worker is at its verb is forgotten; one too many is refused,
 * perhaps before it has sent anything. */
static void slow_verbs_outlive_their_clients(void **state)
{
    (void)state;
    atomic_store(&go_on, false);
    for (int i = 0; i < 20; i++) {
        int fd = leat_os_unix_connect(folder, "control.sock", 2000);
        assert_true(fd >= 0);
        bool sent = send(fd, "{\"verb\":\"dawdle\"}\n", 18, MSG_NOSIGNAL) > 0;
        assert_true(sent || i >= 16);
        close(fd);
    }
    atomic_store(&go_on, true);
    leat_sleep_us(50000);
    answers(NULL);
}

/* One that does not take its answers holds nobody up, and is dropped. */
static void unread_answers_hold_nobody_up(void **state)
{
    (void)state;
    int fd = leat_os_unix_connect(folder, "control.sock", 2000);
    for (int i = 0; i < 4; i++)
        assert_true(send(fd, "{\"verb\":\"flood\"}\n", 17, MSG_NOSIGNAL) > 0);
    int64_t began = leat_mono_us();
    for (int i = 0; i < 5; i++) answers(NULL);
    assert_true(leat_mono_us() - began < 2000000); /* it is dropped after so long */
    while (send(fd, "\n", 1, MSG_NOSIGNAL) == 1 && leat_mono_us() - began < 10000000)
        leat_sleep_us(20000);
    assert_true(leat_mono_us() - began < 10000000);
    close(fd);
}

/* Nor while the worker is at its verb: what the worker has is taken back from it later. */
static void unread_answers_of_a_slow_verb(void **state)
{
    (void)state;
    int fd = leat_os_unix_connect(folder, "control.sock", 2000), ticked = atomic_load(&ticks);
    const char both[] = "{\"verb\":\"flood\"}\n{\"verb\":\"dawdle\"}\n";
    atomic_store(&go_on, false);
    assert_int_equal(send(fd, both, strlen(both), 0), strlen(both));
    int64_t until = leat_mono_us() + 20000000;
    while (atomic_load(&ticks) < ticked + 5 && leat_mono_us() < until) leat_sleep_us(10000);
    answers(NULL);
    atomic_store(&go_on, true);
    while (send(fd, "\n", 1, MSG_NOSIGNAL) == 1 && leat_mono_us() < until) leat_sleep_us(20000);
    assert_true(leat_mono_us() < until);
    close(fd);
    answers(NULL);
}

/* Who asks something quick and something slow, and is gone before the first answer. */
static void slow_verbs_behind_a_broken_answer(void **state)
{
    (void)state;
    const char both[] = "{\"verb\":\"echo\"}\n{\"verb\":\"dawdle\"}\n";
    for (int i = 0; i < 20; i++) {
        atomic_store(&go_on, false);
        int fd = leat_os_unix_connect(folder, "control.sock", 2000);
        ssize_t sent = fd < 0 ? -1 : send(fd, both, strlen(both), MSG_NOSIGNAL);
        if (fd >= 0) close(fd);
        leat_sleep_us(1000);
        atomic_store(&go_on, true); /* whatever failed: the others need it */
        assert_int_equal(sent, strlen(both));
        slow_answers(); /* behind the one before */
        answers(NULL);
    }
}

/* A process that takes no connections any more (SIGSTOP) is told in time, however many asked. */
static void nobody_takes_the_connection(void **state)
{
    (void)state;
    char where[] = "/tmp/leat-test-control-XXXXXX";
    assert_non_null(mkdtemp(where));
    int listening = leat_os_unix_listen(where, "control.sock", 1), n = 0, fd[20];
    while (n < 20 && (fd[n] = leat_os_unix_connect(where, "control.sock", 50)) >= 0) n++;
    assert_true(n > 0 && n < 20 && fd[n] == -ETIMEDOUT);
    leat_arena a = {0};
    leat_err err = {0};
    const leat_json *reply;
    leat_rc rc = leat_control_call(where, LEAT_STR("{\"verb\":\"echo\"}"), 50, &a, &reply, &err);
    assert_int_equal(rc, LEAT_RETRY);
    assert_string_equal(err.code, "control.timeout");
    while (n > 0) close(fd[--n]);
    close(listening);
    leat_arena_free(&a);
}

/* poll refuses more places than a process may have descriptors. */
static void few_descriptors(void **state)
{
    (void)state;
    struct rlimit was, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = was;
    few.rlim_cur = 10;
    int ticked = atomic_load(&ticks);
    int64_t until = leat_mono_us() + 10000000;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (atomic_load(&ticks) < ticked + 2 && leat_mono_us() < until) leat_sleep_us(10000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_true(atomic_load(&ticks) >= ticked + 2);
    answers(NULL);
}

static void clocks_tick(void **state)
{
    (void)state;
    int ticked = atomic_load(&ticks), idled = atomic_load(&idles);
    int64_t until = leat_mono_us() + 10000000;
    while ((atomic_load(&ticks) == ticked || atomic_load(&idles) == idled) &&
           leat_mono_us() < until)
        leat_sleep_us(10000);
    assert_true(atomic_load(&ticks) > ticked && atomic_load(&idles) > idled);
}

/* What is no request is answered with what it should be. */
static void bad_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line, *code;
    } bad[] = {{"", "json.syntax"},
               {"[]", "control.request"},
               {"7", "control.request"},
               {"{\"verb\":7}", "control.request"},
               {"{\"verb\":null}", "control.request"},
               {"{\"verb\":\"\"}", "control.verb"},
               {"{\"verb\":\"echo\"} x", "json.syntax"},
               {"\x00\xff", "json.syntax"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leat_buf out = {0};
        leat_arena at;
        const leat_json *j;
        leat_arena_init(&at, 0);
        leat_control_answer(handle, NULL, leat_str_of(bad[i].line), &out);
        assert_true(out.len > 0 && out.p[out.len - 1] == '\n');
        assert_int_equal(leat_json_parse(&at, leat_str_trim(leat_buf_str(&out)), &j, NULL),
                         LEAT_OK);
        assert_false(leat_json_get_bool(j, "ok", true));
        assert_true(leat_str_is(leat_json_get_str(leat_json_get(j, "error"), "code"), bad[i].code));
        leat_buf_free(&out);
        leat_arena_free(&at);
    }
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
        cmocka_unit_test(slow_verbs_hold_nobody_up),
        cmocka_unit_test(slow_verbs_outlive_their_clients),
        cmocka_unit_test(unread_answers_hold_nobody_up),
        cmocka_unit_test(unread_answers_of_a_slow_verb),
        cmocka_unit_test(slow_verbs_behind_a_broken_answer),
        cmocka_unit_test(nobody_takes_the_connection),
        cmocka_unit_test(few_descriptors),
        cmocka_unit_test(clocks_tick),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(nobody_listens),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
