/* Programs that options name (LEAT_OPT_CODE), and our own for what is to be kept apart: run to
 * their end, with their output. Declared in base/os.h.
 *
 * The program runs in a process group of its own, so that what it started ends with it when it is
 * too late, and has none of our descriptors. Not virtual. Any thread; its signals are unblocked. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"

enum {
    ERR_MAX = 1024,
    NAP_MS = 5,
    GRACE_US = 5000000, /* to put things in order, before it is killed */
};

/* A file in memory that holds the text, at its beginning; or -errno. */
static int input_file(leat_str text)
{
    int fd = memfd_create("leat-input", MFD_CLOEXEC), err = fd < 0 ? -errno : 0;
    if (err == 0 && text.len > 0) err = leat_os_write_all(fd, text.s, text.len, 0);
    if (err < 0 && fd >= 0) close(fd);
    return err < 0 ? err : fd;
}

static int start(const leat_os_program_call *call, int out, int err, pid_t *pid)
{
    char *const nothing[] = {NULL};
    int in = input_file(call->input);
    if (in < 0) return in;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, pipes;
    sigemptyset(&none);
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, err, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &pipes);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF);
    int rc = posix_spawn(pid, call->path, &files, &how, call->argv, call->bare ? nothing : environ);
    close(in);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return -rc;
}

/* Takes what stands in the pipe; false at its end. What is more than max is counted only. */
static bool take(int fd, leat_buf *to, size_t max, size_t *seen)
{
    char part[4096];
    ssize_t n = read(fd, part, sizeof part);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    *seen += (size_t)n;
    size_t room = max > to->len ? max - to->len : 0;
    leat_buf_put(to, part, (size_t)n < room ? (size_t)n : room);
    return n > 0;
}

/* Until both pipes have ended: 0, -ETIMEDOUT, or -ECANCELED. */
static int listen_to(const leat_os_program_call *call, int out_fd, int err_fd, int64_t deadline,
                     size_t max, leat_buf *out, leat_buf *err, size_t *seen)
{
    struct pollfd p[2] = {{.fd = out_fd, .events = POLLIN}, {.fd = err_fd, .events = POLLIN}};
    size_t ignored = 0;
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        int64_t left = deadline - leat_mono_us();
        if (left <= 0) return -ETIMEDOUT;
        int n = poll(p, 2, left > 1000000 ? 1000 : (int)(left / 1000 + 1));
        if (n < 0 && errno != EINTR) return -errno;
        if (n > 0 && p[0].revents && !take(p[0].fd, out, max, seen)) p[0].fd = -1;
        if (n > 0 && p[1].revents && !take(p[1].fd, err, ERR_MAX, &ignored)) p[1].fd = -1;
        if (call->heard && !call->heard(call->arg, out)) return -ECANCELED;
    }
    return 0;
}

/* Asks it to end, then kills what is left of its group. Until it is waited for, its id is that of
 * no other group. */
static void end(pid_t pid)
{
    int64_t until = leat_mono_us() + GRACE_US;
    siginfo_t is = {0};
    kill(-pid, SIGTERM);
    while (is.si_pid != pid && leat_mono_us() < until) {
        if (waitid(P_PID, (id_t)pid, &is, WEXITED | WNOHANG | WNOWAIT) != 0 && errno != EINTR)
            break;
        if (is.si_pid != pid) poll(NULL, 0, NAP_MS);
    }
    kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
}

/* Its exit status; 128 and the signal; -ETIMEDOUT when it had to be ended; 0 when another part of
 * this process, a supervisor, has taken note of its end: then its output is what counts. */
static int wait_for(pid_t pid, int64_t deadline)
{
    int status;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid) break;
        if (got < 0 && errno != EINTR) return errno == ECHILD ? 0 : -errno;
        if (leat_mono_us() >= deadline) {
            end(pid);
            return -ETIMEDOUT;
        }
        poll(NULL, 0, NAP_MS);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int leat_os_run(const char *command, int64_t ms, size_t max, leat_buf *out, leat_buf *err)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)command, NULL};
    const leat_os_program_call call = {.path = "/bin/sh", .argv = argv};
    return leat_os_run_program(&call, ms, max, out, err);
}

int leat_os_run_program(const leat_os_program_call *call, int64_t ms, size_t max, leat_buf *out,
                        leat_buf *err)
{
    int to[2], errors[2], rc;
    pid_t pid;
    size_t seen = 0;
    int64_t deadline = leat_mono_us() + ms * 1000;
    if (pipe2(to, O_CLOEXEC) != 0) return -errno;
    if (pipe2(errors, O_CLOEXEC) != 0) {
        rc = -errno;
        close(to[0]), close(to[1]);
        return rc;
    }
    rc = start(call, to[1], errors[1], &pid);
    close(to[1]);
    close(errors[1]);
    if (rc == 0) {
        rc = listen_to(call, to[0], errors[0], deadline, max, out, err, &seen);
        if (rc == 0)
            rc = wait_for(pid, deadline);
        else
            end(pid);
        if (rc == 0 && seen > max) rc = -EFBIG;
    }
    close(to[0]);
    close(errors[0]);
    return rc;
}
