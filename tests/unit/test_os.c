/* base/os: files in a folder of their own, locks, replacing the table, failures in words, waiting.
 */
#include "test.h"

#include "base/clock.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/leat-test-os-XXXXXX";
static const leat_os *os;

static const char *in(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
    return p;
}

static int set_up(void **state)
{
    (void)state;
    os = leat_os_now();
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder); /* each test leaves it empty */
}

static void test_file(void **state)
{
    (void)state;
    const char *path = in("a");
    char got[16] = {0};
    assert_int_equal(os->open(path, LEAT_O_READ, 0), -ENOENT);
    int fd = os->open(path, LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(os->open(path, LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_EXCL, 0600), -EEXIST);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(os->pwrite(fd, "0123456789", 10, 5), 10);
    assert_int_equal(os->size(fd), 15);
    assert_int_equal(os->pread(fd, got, 16, 5), 10);
    assert_string_equal(got, "0123456789");
    assert_int_equal(leat_os_read_all(fd, got, 16, 10), 5);
    assert_int_equal(leat_os_read_all(fd, got, 16, 15), 0);
    assert_int_equal(os->datasync(fd), 0);
    assert_int_equal(os->truncate(fd, 3), 0);
    assert_int_equal(os->size(fd), 3);
    int rc = os->allocate(fd, 1 << 20);
    assert_true(rc == 0 || rc == -EOPNOTSUPP);
    assert_int_equal(os->size(fd), 3);
    assert_int_equal(os->allocate(fd, 0), 0);
    assert_int_equal(os->allocate(fd, -1), -EINVAL);
    assert_int_equal(os->close(fd), 0);
    assert_int_equal(os->close(fd), -EBADF);
    assert_int_equal(os->close(-1), 0);
    assert_int_equal(os->pread(fd, got, 1, 0), -EBADF);
    assert_int_equal(os->pwrite(fd, got, 1, 0), -EBADF);
    assert_int_equal(os->size(fd), -EBADF);
    assert_int_equal(os->rename(path, in("b")), 0);
    assert_int_equal(os->unlink(path), -ENOENT);
    assert_int_equal(os->unlink(in("b")), 0);
}

static int status_of(pid_t child)
{
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_lock(void **state)
{
    (void)state;
    const char *path = in("lock");
    int flags = LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE | LEAT_O_LOCK;
    int fd = os->open(path, flags, 0600);
    assert_true(fd >= 0);
    assert_int_equal(os->open(path, flags, 0600), -EWOULDBLOCK);
    pid_t child = fork();
    if (child == 0) {
        os->close(fd);
        _exit(os->open(path, flags, 0600) == -EWOULDBLOCK ? 0 : 1);
    }
    assert_int_equal(status_of(child), 0);
    int other = os->open(path, LEAT_O_READ, 0);
    assert_true(other >= 0);
    os->close(other);
    assert_int_equal(os->open(path, flags, 0600), -EWOULDBLOCK);
    os->close(fd);
    fd = os->open(path, flags, 0600);
    assert_true(fd >= 0);
    os->close(fd);
    os->unlink(path);
}

static bool count(void *arg, const char *name)
{
    unsigned *seen = arg;
    assert_true(name[0] >= 'a' && name[0] <= 'e' && name[1] == '\0');
    *seen |= 1u << (name[0] - 'a');
    return true;
}

static bool only_one(void *arg, const char *name)
{
    (void)name;
    ++*(unsigned *)arg;
    return false;
}

static void test_folders(void **state)
{
    (void)state;
    unsigned seen = 0;
    assert_int_equal(os->list(folder, count, &seen), 0);
    assert_int_equal(seen, 0);
    for (char c = 'a'; c <= 'e'; c++) assert_int_equal(os->mkdir(in((char[]){c, 0}), 0700), 0);
    assert_int_equal(os->mkdir(in("a"), 0700), 0);
    assert_int_equal(os->mkdir(in("none/a"), 0700), -ENOENT);
    assert_int_equal(os->list(folder, count, &seen), 0);
    assert_int_equal(seen, 31);
    seen = 0;
    assert_int_equal(os->list(folder, only_one, &seen), 0);
    assert_int_equal(seen, 1);
    assert_int_equal(os->list(in("none"), only_one, &seen), -ENOENT);
    assert_int_equal(os->sync_dir(folder), 0);
    assert_int_equal(os->sync_dir(in("none")), -ENOENT);
    for (char c = 'a'; c <= 'e'; c++) assert_int_equal(rmdir(in((char[]){c, 0})), 0);
}

static void test_mkdirs(void **state)
{
    (void)state;
    assert_int_equal(leat_os_mkdirs(in("a/b//c/"), 0700), 0);
    assert_int_equal(leat_os_mkdirs(in("a/b/c"), 0700), 0);
    assert_int_equal(leat_os_mkdirs(folder, 0700), 0);
    assert_int_equal(leat_os_mkdirs("/", 0700), 0);
    assert_int_equal(leat_os_mkdirs(".", 0700), 0);
    assert_int_equal(leat_os_mkdirs("", 0700), -ENOENT);
    assert_int_equal(leat_os_store(in("a/file"), LEAT_STR("x"), 0600), 0);
    assert_int_equal(leat_os_mkdirs(in("a/file"), 0700), -ENOTDIR);
    assert_int_equal(leat_os_mkdirs(in("a/file/x"), 0700), -ENOTDIR);
    assert_int_equal(os->unlink(in("a/file")), 0);
    assert_int_equal(rmdir(in("a/b/c")) | rmdir(in("a/b")) | rmdir(in("a")), 0);
}

/* The folders that were synced, one a line, below the test's. */
static leat_buf synced;

static int note_sync(const char *path)
{
    leat_buf_printf(&synced, "%s\n", path + strlen(folder));
    return os->sync_dir(path);
}

static void assert_synced(const char *want)
{
    leat_buf_u8(&synced, 0);
    assert_string_equal(synced.p, want);
    leat_buf_clear(&synced);
}

/* What was made is made durable from the top down, once; what a process made that died before it
 * could is made up for; what holds something was durable before. */
static void test_mkdirs_durable(void **state)
{
    (void)state;
    leat_os noting = *os;
    noting.sync_dir = note_sync;
    leat_os_use(&noting);
    assert_int_equal(os->mkdir(in("a"), 0700), 0); /* and died */
    assert_int_equal(leat_os_mkdirs(in("a/b/c"), 0700), 0);
    assert_synced("\n/a\n/a/b\n");
    assert_int_equal(leat_os_mkdirs(in("a/b"), 0700), 0);
    assert_synced("");
    assert_int_equal(leat_os_mkdirs(in("a/b/c"), 0700), 0);
    assert_synced("/a/b\n");
    assert_int_equal(leat_os_mkdirs(in("a/d"), 0700), 0);
    assert_synced("/a\n");
    leat_os_use(NULL);
    leat_buf_free(&synced);
    assert_int_equal(rmdir(in("a/b/c")) | rmdir(in("a/b")) | rmdir(in("a/d")), 0);
    assert_int_equal(rmdir(in("a")), 0);
}

static void test_load_store(void **state)
{
    (void)state;
    const char *path = in("conf");
    leat_buf b = {0};
    struct stat st;
    assert_int_equal(leat_os_load(path, &b, 100), -ENOENT);
    assert_int_equal(leat_os_store(path, LEAT_STR("first"), 0600), 0);
    assert_int_equal(leat_os_store(path, LEAT_STR("second"), 0640), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    leat_buf_str_z(&b, "> ");
    assert_int_equal(leat_os_load(path, &b, 6), 0);
    assert_true(leat_str_is(leat_buf_str(&b), "> second"));
    assert_int_equal(leat_os_load(path, &b, 5), -EFBIG);
    assert_int_equal(b.len, 8);
    assert_int_equal(leat_os_store(path, (leat_str){NULL, 0}, 0600), 0);
    assert_int_equal(leat_os_load(path, &b, 0), 0);
    assert_int_equal(b.len, 8);
    assert_int_equal(leat_os_store(in("none/conf"), LEAT_STR("x"), 0600), -ENOENT);
    leat_buf_clear(&b);
    assert_int_equal(leat_os_load("/proc/self/status", &b, 1 << 20), 0);
    assert_true(b.len > 100);
    leat_buf_clear(&b);
    assert_int_equal(leat_os_load("/proc/self/status", &b, 100), -EFBIG);
    assert_int_equal(b.len, 0);
    leat_buf_free(&b);
    unsigned left = 0;
    assert_int_equal(os->unlink(path), 0);
    assert_int_equal(os->list(folder, only_one, &left), 0);
    assert_int_equal(left, 0);
}

static int64_t one_byte(int fd, const void *p, size_t n, int64_t at)
{
    (void)n;
    return os->pwrite(fd, p, 1, at);
}

static int64_t one_byte_back(int fd, void *p, size_t n, int64_t at)
{
    (void)n;
    return os->pread(fd, p, 1, at);
}

static int64_t full(int fd, const void *p, size_t n, int64_t at)
{
    return at >= 3 ? -ENOSPC : os->pwrite(fd, p, n < 3 ? n : 3, at);
}

static void *other_thread(void *arg)
{
    *(const leat_os **)arg = leat_os_now();
    return NULL;
}

/* Short writes are completed; a store on a full disk leaves the old content and no rubbish. */
static void test_replace(void **state)
{
    (void)state;
    const char *path = in("conf");
    leat_buf b = {0};
    leat_os mine = *os;
    mine.pwrite = one_byte;
    mine.pread = one_byte_back;
    leat_os_use(&mine);
    assert_ptr_equal(leat_os_now(), &mine);
    const leat_os *elsewhere = NULL;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, other_thread, &elsewhere), 0);
    pthread_join(thread, NULL);
    assert_ptr_equal(elsewhere, os);
    assert_int_equal(leat_os_store(path, LEAT_STR("content"), 0600), 0);
    assert_int_equal(leat_os_load(path, &b, 100), 0);
    assert_true(leat_str_is(leat_buf_str(&b), "content"));
    mine.pwrite = full;
    assert_int_equal(leat_os_store(path, LEAT_STR("more content"), 0600), -ENOSPC);
    leat_buf_clear(&b);
    assert_int_equal(leat_os_load(path, &b, 100), 0);
    assert_true(leat_str_is(leat_buf_str(&b), "content"));
    leat_buf_free(&b);
    leat_os_use(NULL);
    assert_ptr_equal(leat_os_now(), os);
    assert_int_equal(os->unlink(path), 0);
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(leat_os_strerror(28), "no space left on device (ENOSPC)");
    assert_string_equal(leat_os_strerror(-28), "no space left on device (ENOSPC)");
    assert_string_equal(leat_os_strerror(12345), "unknown error (12345)");
    leat_err e;
    assert_int_equal(leat_os_fail(&e, -ENOSPC, "write 4096 bytes at 8192 to", "data/1.seg"),
                     LEAT_RETRY);
    assert_string_equal(e.code, "os.enospc");
    assert_string_equal(e.where, "data/1.seg");
    assert_string_equal(e.msg,
                        "cannot write 4096 bytes at 8192 to data/1.seg: no space left on "
                        "device (ENOSPC); free space on that file system: it is tried again");
    assert_int_equal(leat_os_fail(&e, EACCES, "open", "x"), LEAT_CONF);
    assert_string_equal(e.code, "os.eacces");
    assert_int_equal(leat_os_fail(&e, 12345, "open", NULL), LEAT_CONF);
    assert_string_equal(e.code, "os.unknown");
    static const int retried[] = {ENOSPC, EDQUOT, EAGAIN, EIO, EMFILE, ENFILE, ECONNRESET};
    for (size_t i = 0; i < sizeof(retried) / sizeof(retried[0]); i++)
        assert_int_equal(leat_os_fail(NULL, retried[i], "open", "x"), LEAT_RETRY);
}

static void nothing(int signo)
{
    (void)signo;
}

static void test_wait_fd(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(leat_os_wait_fd(p[0], false, 0), 0);
    assert_int_equal(leat_os_wait_fd(p[1], true, -1), 1);
    struct sigaction sa = {.sa_handler = nothing};
    sigaction(SIGALRM, &sa, NULL);
    int64_t before = leat_mono_us();
    ualarm(10000, 0);
    assert_int_equal(leat_os_wait_fd(p[0], false, 50), 0);
    assert_true(leat_mono_us() - before >= 49000);
    assert_int_equal(write(p[1], "x", 1), 1);
    assert_int_equal(leat_os_wait_fd(p[0], false, 1000), 1);
    close(p[1]);
    char c;
    assert_int_equal(read(p[0], &c, 1), 1);
    assert_int_equal(leat_os_wait_fd(p[0], false, -1), 1);
    close(p[0]);
    assert_int_equal(leat_os_wait_fd(p[0], false, 0), -EBADF);
}

static void test_alive(void **state)
{
    (void)state;
    uint64_t start = leat_os_start_of(getpid());
    assert_true(start > 0);
    assert_true(leat_os_alive(getpid(), start));
    assert_true(leat_os_alive(getpid(), 0));
    assert_false(leat_os_alive(getpid(), start + 1));
    assert_false(leat_os_alive(0, 0));
    assert_false(leat_os_alive(-1, 0));
    assert_int_equal(leat_os_start_of(-1), 0);
    pid_t child = fork();
    if (child == 0) _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_false(leat_os_alive(child, 0));
    assert_int_equal(status_of(child), 0);
    assert_int_equal(leat_os_start_of(child), 0);
}

/* One process wakes another by a word they share. */
static void test_futex(void **state)
{
    (void)state;
    _Atomic uint32_t *word =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(word != MAP_FAILED);
    int64_t before = leat_mono_us();
    leat_os_futex_wait(word, 1, -1);
    leat_os_futex_wait(word, 0, 20000);
    assert_true(leat_mono_us() - before >= 19000);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 5000 && atomic_load(word) == 0; i++) leat_os_futex_wait(word, 0, -1);
        _exit(atomic_load(word) == 7 ? 0 : 1);
    }
    leat_sleep_us(20000);
    atomic_store(word, 7);
    leat_os_futex_wake(word);
    assert_int_equal(status_of(child), 0);
    munmap(word, 4096);
}

/* Runs the script for an instant: it does not end by itself. */
static void run_late(const char *script)
{
    leat_buf out = {0}, err = {0};
    int64_t from = leat_mono_us();
    assert_int_equal(leat_os_run(script, 300, 100, &out, &err), -ETIMEDOUT);
    assert_true(leat_mono_us() - from < 4000000);
    leat_buf_free(&out);
    leat_buf_free(&err);
}

/* Who is ended may put things in order, and leaves nothing behind. */
static void test_run_late(void **state)
{
    (void)state;
    const char *sleeper = in("sleeper");
    char script[512];
    snprintf(script, sizeof script, "trap 'mkdir %s; exit' TERM; while :; do sleep 0.05; done",
             in("ended"));
    run_late(script);
    assert_int_equal(rmdir(in("ended")), 0);
    snprintf(script, sizeof script, "(trap '' TERM; while :; do sleep 0.1; done) & echo $! >%s",
             sleeper);
    run_late(script);
    char pid[16] = {0};
    int fd = os->open(sleeper, LEAT_O_READ, 0);
    assert_true(leat_os_read_all(fd, pid, sizeof pid - 1, 0) > 0);
    os->close(fd);
    int64_t is = 0;
    assert_true(leat_str_i64(leat_str_trim(leat_str_of(pid)), &is));
    for (int i = 0; i < 100 && leat_os_alive((int)is, 0); i++) leat_sleep_us(10000);
    assert_false(leat_os_alive((int)is, 0));
    assert_int_equal(os->unlink(sleeper), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),           cmocka_unit_test(test_lock),
        cmocka_unit_test(test_folders),        cmocka_unit_test(test_mkdirs),
        cmocka_unit_test(test_mkdirs_durable), cmocka_unit_test(test_replace),
        cmocka_unit_test(test_load_store),     cmocka_unit_test(test_words),
        cmocka_unit_test(test_wait_fd),        cmocka_unit_test(test_alive),
        cmocka_unit_test(test_futex),          cmocka_unit_test(test_run_late),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
