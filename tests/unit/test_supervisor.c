/* The supervisor with this program as its children: `PROGRAM connector NAME ...`, as it starts
 * leat. What a child does is in its configuration; what it saw it writes into the data folder. */
#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "hub/supervisor.h"

static char data[64];

/* ---- the child ---- */

static volatile sig_atomic_t told;

static void on_signal(int sig)
{
    told = sig;
}

static void note(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dprintf(fd, "%s", text);
    close(fd);
}

/* How often this child was started. */
static unsigned starts(const char *folder, const char *name)
{
    char path[256];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s.starts", folder, name);
    return stat(path, &st) == 0 ? (unsigned)st.st_size : 0;
}

/* Lives until a signal, and ends as a connector does. The signals were blocked by who started it:
 * it takes its time before it can handle them. */
static int serve(const char *folder, const char *name, bool stubborn)
{
    struct sigaction act = {.sa_handler = on_signal};
    sigset_t set;
    leat_sleep_us(100000);
    sigaction(SIGTERM, &act, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    note(folder, name, "up\n");
    int64_t until = leat_mono_us() + 30000000;
    while ((stubborn || !told) && leat_mono_us() < until) leat_sleep_us(5000);
    note(folder, name, told ? "stopped\n" : "forgotten\n");
    return LEAT_CHILD_DONE;
}

/* A file in the folder of a connector, as its process and commands know it. */
static void file_of(const char *folder, const char *name, const char *file, char out[200])
{
    snprintf(out, 200, "%s/connectors/%s", folder, name);
    leat_os_mkdirs(out, 0700);
    snprintf(out, 200, "%s/connectors/%s/%s", folder, name, file);
}

static void note_supervisor(const char *folder, const char *name, pid_t pid)
{
    char at[200], text[16];
    file_of(folder, name, LEAT_CHILD_NOTE, at);
    snprintf(text, sizeof text, "%010d", (int)pid);
    leat_os_store(at, leat_str_of(text), 0600);
}

/* Is deleted, and dies. */
static int be_deleted(const char *folder, const char *name)
{
    char at[200];
    if (starts(folder, name) > 1) return LEAT_CHILD_DONE;
    note_supervisor(folder, name, getppid());
    leat_sleep_us(1500000); /* the supervisor looks each half a second */
    file_of(folder, name, LEAT_CHILD_NOTE, at);
    unlink(at);
    raise(SIGKILL);
    return 1;
}

/* argv: PROGRAM connector NAME --data DIR [--once] ... */
static int child(int argc, char **argv)
{
    const char *name = argv[2], *folder = argv[4];
    char count[64], text[4096];
    ssize_t n = pread(3, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    snprintf(count, sizeof count, "%s.starts", name);
    note(folder, count, "x");
    for (int i = 5; i < argc; i++) note(folder, name, argv[i]);
    if (strstr(text, "\"do\":\"exit\"")) {
        const char *status = strstr(text, "\"status\":\"");
        return status ? (int)strtol(status + strlen("\"status\":\""), NULL, 10) : 1;
    }
    if (strstr(text, "\"do\":\"note\"")) {
        note_supervisor(folder, name, getppid());
        return LEAT_CHILD_DONE;
    }
    if (strstr(text, "\"do\":\"be deleted\"")) return be_deleted(folder, name);
    if (strstr(text, "\"do\":\"die\"")) raise(SIGKILL);
    if (strstr(text, "\"do\":\"die twice\"") && starts(folder, name) < 3) raise(SIGKILL);
    if (strstr(text, "\"do\":\"die first\"")) {
        if (starts(folder, name) == 1) raise(SIGKILL);
        return serve(folder, name, false);
    }
    if (strstr(text, "\"do\":\"serve\"")) return serve(folder, name, false);
    if (strstr(text, "\"do\":\"hang\"")) return serve(folder, name, true);
    return LEAT_CHILD_DONE;
}

/* ---- the supervisor ---- */

static leat_arena a;
static leat_child_config children[4];
static size_t nchildren;
static char told_events[400];

static void on_event(void *arg, const char *connector, const char *what)
{
    (void)arg;
    size_t n = strlen(told_events);
    snprintf(told_events + n, sizeof told_events - n, "%s %s,", connector, what);
}

static void add(const char *name, const char *what, const char *status)
{
    leat_config *config = NULL;
    char *text = leat_arena_printf(&a, "name=%s\ndo=%s\nstatus=%s\nsecret=hunter2\n", name, what,
                                   status ? status : "");
    assert_int_equal(leat_config_properties(&a, leat_str_of(text), name, &config, NULL), LEAT_OK);
    children[nchildren++] = (leat_child_config){.config = config};
}

static int supervise(bool once, int stop_ms)
{
    leat_supervisor_conf conf = {.data = data, .once = once, .stop_ms = stop_ms, .event = on_event};
    int status = -1;
    leat_err err = {0};
    assert_int_equal(leat_supervisor_run(&conf, children, nchildren, &status, &err), LEAT_OK);
    return status;
}

/* A process that sends sig to this one when the child of that name has written a line, and again
 * once more after ms. */
static pid_t signal_when_up(const char *name, int sig, int again_ms)
{
    pid_t self = getpid(), pid = fork();
    if (pid != 0) return pid;
    char path[256];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", data, name);
    for (int i = 0; i < 2000 && (stat(path, &st) < 0 || st.st_size == 0); i++) leat_sleep_us(5000);
    kill(self, sig);
    if (again_ms > 0) {
        leat_sleep_us(again_ms * 1000);
        kill(self, sig);
    }
    _exit(0);
}

static bool wrote(const char *name, const char *words)
{
    char path[256];
    leat_buf text = {0};
    snprintf(path, sizeof path, "%s/%s", data, name);
    bool found = leat_os_load(path, &text, 65536) == 0;
    leat_buf_u8(&text, 0);
    found = found && strstr(text.p, words);
    leat_buf_free(&text);
    return found;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    nchildren = 0;
    told_events[0] = 0;
    snprintf(data, sizeof data, "/tmp/leat-test-supervisor-XXXXXX");
    return mkdtemp(data) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    leat_arena_reset(&a, 0);
    while (waitpid(-1, NULL, 0) > 0) continue;
    return nftw(data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- tests ---- */

static void test_all_end(void **state)
{
    (void)state;
    add("one", "nothing", NULL);
    add("two", "exit", "0");
    assert_int_equal(supervise(true, 0), 0);
    assert_int_equal(starts(data, "one"), 1);
    assert_int_equal(starts(data, "two"), 1);
    assert_true(wrote("one", "--once"));
    assert_non_null(strstr(told_events, "one started,"));
    assert_non_null(strstr(told_events, "two ended,"));
}

static void test_one_fails_the_other_goes_on(void **state)
{
    (void)state;
    add("bad", "exit", "70");
    add("good", "serve", NULL);
    signal_when_up("good", SIGTERM, 0);
    assert_int_equal(supervise(false, 0), 1);
    assert_int_equal(starts(data, "bad"), 1);
    assert_true(wrote("good", "stopped"));
    assert_non_null(strstr(told_events, "bad failed,"));
    assert_non_null(strstr(told_events, "good ended,"));
}

static void test_configuration(void **state)
{
    (void)state;
    add("bad", "exit", "78");
    add("worse", "exit", "70");
    assert_int_equal(supervise(false, 0), 2);
    assert_int_equal(starts(data, "bad"), 1);
}

static void test_who_dies_is_started_again(void **state)
{
    (void)state;
    add("weak", "die twice", NULL);
    int64_t began = leat_mono_us();
    assert_int_equal(supervise(true, 0), 0);
    assert_int_equal(starts(data, "weak"), 3);
    assert_true(leat_mono_us() - began >= 250000); /* with pauses that grow */
}

static void test_who_asks_is_started_again(void **state)
{
    (void)state;
    add("unsure", "exit", "75");
    assert_int_equal(supervise(true, 0), 1); /* and given up in the end, where one waits for it */
    assert_int_equal(starts(data, "unsure"), 6);
    assert_non_null(strstr(told_events, "unsure failed,"));
}

/* Leaves a wish; true when it is taken in time. */
static bool wish(const char *name, int ms)
{
    char at[200];
    file_of(data, name, LEAT_CHILD_WISH, at);
    leat_os_store(at, LEAT_STR(""), 0600);
    for (int i = 0; i < ms / 5 && access(at, F_OK) == 0; i++) leat_sleep_us(5000);
    return unlink(at) != 0;
}

/* Only who started it last starts one again that has ended. */
static void test_wishes(void **state)
{
    (void)state;
    add("one", "note", NULL);
    add("good", "serve", NULL);
    pid_t self = getpid();
    if (fork() == 0) {
        for (int i = 0; i < 2000 && !wrote("good", "up"); i++) leat_sleep_us(5000);
        note(data, "said", wish("one", 10000) ? "taken," : "left,");
        for (int i = 0; i < 2000 && starts(data, "one") < 2; i++) leat_sleep_us(5000);
        leat_sleep_us(300000); /* it has ended again */
        note_supervisor(data, "one", self + 1);
        note(data, "said", wish("one", 1500) ? "taken," : "left,");
        kill(self, SIGTERM);
        _exit(0);
    }
    assert_int_equal(supervise(false, 0), 0);
    assert_true(wrote("said", "taken,left,"));
    assert_int_equal(starts(data, "one"), 2);
}

static void test_deleted_while_it_waits_to_start_again(void **state)
{
    (void)state;
    add("gone", "be deleted", NULL);
    assert_int_equal(supervise(false, 0), 0);
    assert_int_equal(starts(data, "gone"), 1);
    assert_non_null(strstr(told_events, "gone ended,"));
}

static void test_signals(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        char name[16];
        nchildren = 0;
        snprintf(name, sizeof name, "child%zu", i);
        add(name, "serve", NULL);
        signal_when_up(name, signals[i], 0);
        assert_int_equal(supervise(false, 0), 0);
        assert_true(wrote(name, "stopped"));
    }
}

/* The child is told before it can handle signals: it is not killed, and stops in order. */
static void test_a_signal_during_the_start(void **state)
{
    (void)state;
    add("slow", "serve", NULL);
    signal_when_up("slow.starts", SIGTERM, 0);
    assert_int_equal(supervise(false, 0), 0);
    assert_true(wrote("slow", "stopped"));
}

static void test_who_hangs_is_killed(void **state)
{
    (void)state;
    add("stuck", "hang", NULL);
    add("good", "serve", NULL);
    signal_when_up("stuck", SIGTERM, 0);
    int64_t began = leat_mono_us();
    assert_int_equal(supervise(false, 700), 1);
    assert_true(leat_mono_us() - began < 5000000);
    assert_false(wrote("stuck", "stopped"));
    assert_true(wrote("good", "stopped"));
}

static void test_a_second_signal_kills(void **state)
{
    (void)state;
    add("stuck", "hang", NULL);
    signal_when_up("stuck", SIGTERM, 200);
    int64_t began = leat_mono_us();
    assert_int_equal(supervise(false, 20000), 1);
    assert_true(leat_mono_us() - began < 5000000);
}

static void test_stopped_while_it_waits_to_start_again(void **state)
{
    (void)state;
    add("weak", "die", NULL);
    add("good", "serve", NULL);
    signal_when_up("good", SIGTERM, 0);
    assert_int_equal(supervise(false, 0), 1);
    assert_true(wrote("good", "stopped"));
}

static void test_inherited_settings(void **state)
{
    (void)state;
    void (*was)(int) = signal(SIGCHLD, SIG_IGN); /* children would vanish unseen */
    add("one", "die first", NULL);
    signal_when_up("one", SIGTERM, 0);
    assert_int_equal(supervise(false, 0), 0);
    assert_int_equal(starts(data, "one"), 2);
    signal(SIGCHLD, was);
}

/* As under nohup. */
static void test_an_ignored_signal(void **state)
{
    (void)state;
    void (*was)(int) = signal(SIGHUP, SIG_IGN);
    add("one", "serve", NULL);
    signal_when_up("one", SIGHUP, 0);
    signal_when_up("one.later", SIGTERM, 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 2000 && !wrote("one", "up"); i++) leat_sleep_us(5000);
        leat_sleep_us(500000); /* the child would be gone by now */
        note(data, "one.later", wrote("one", "stopped") ? "too early" : "in time");
        _exit(0);
    }
    assert_int_equal(supervise(false, 0), 0);
    signal(SIGHUP, was);
    assert_true(wrote("one.later", "in time"));
    assert_true(wrote("one", "stopped"));
}

/* Children end when the supervisor is killed. */
static void test_killed_itself(void **state)
{
    (void)state;
    add("good", "serve", NULL);
    pid_t pid = fork();
    if (pid == 0) {
        supervise(false, 0);
        _exit(0);
    }
    for (int i = 0; i < 2000 && !wrote("good", "up"); i++) leat_sleep_us(5000);
    kill(pid, SIGKILL);
    for (int i = 0; i < 2000 && !wrote("good", "stopped"); i++) leat_sleep_us(5000);
    assert_true(wrote("good", "stopped"));
}

static void test_no_secret_on_the_command_line(void **state)
{
    (void)state;
    add("one", "nothing", NULL);
    assert_int_equal(supervise(false, 0), 0);
    assert_false(wrote("one", "hunter2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    if (argc > 4 && strcmp(argv[1], "connector") == 0) return child(argc, argv);
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    signal(SIGHUP, SIG_DFL); /* whatever who runs the tests has asked for */
    signal(SIGINT, SIG_DFL);
    const struct CMUnitTest tests[] = {
        TEST(test_all_end),
        TEST(test_one_fails_the_other_goes_on),
        TEST(test_configuration),
        TEST(test_who_dies_is_started_again),
        TEST(test_who_asks_is_started_again),
        TEST(test_wishes),
        TEST(test_deleted_while_it_waits_to_start_again),
        TEST(test_signals),
        TEST(test_a_signal_during_the_start),
        TEST(test_who_hangs_is_killed),
        TEST(test_a_second_signal_kills),
        TEST(test_stopped_while_it_waits_to_start_again),
        TEST(test_inherited_settings),
        TEST(test_an_ignored_signal),
        TEST(test_killed_itself),
        TEST(test_no_secret_on_the_command_line),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    leat_arena_free(&a);
    return failed;
}
