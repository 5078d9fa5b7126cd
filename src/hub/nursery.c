/* Orders over a pair of sockets, one packet each with the configuration's descriptor.
 *
 *   hub -> nursery     connector NUL data NUL log level NUL flags NUL    (flags: j JSON, o outlive)
 *   nursery -> hub     int32: pid, or -errno
 *
 * The answer comes from the process in the middle, the one forked first, which then ends; the
 * connector's waits for that, so that it sees the hub as its parent. */
#include "hub/nursery.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/process.h"
#include "hub/child_run.h"
#include "hub/supervisor.h"

enum {
    FIRST_FD = 3,
    ORDER_BYTES = 16384,
    WORDS = 4,
    ANSWER_MS = 60000,
    STEP_US = 50,
    STAT_BYTES = 4096
};

struct leat_nursery {
    int fd;
    pid_t pid;
};

/* Room for one descriptor beside a packet. */
typedef union ancillary {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
} ancillary;

/* ---- how it is called in lists of processes ---- */

/* Where the kernel finds the arguments, and the environment behind them. */
static struct title {
    char *at;
    size_t size;
} title;

/* The environment moves away, for its place belongs to the title. */
static void title_begin(void)
{
    leat_buf text = {0};
    unsigned long first = 0, end = 0, env = 0, last = 0;
    if (leat_os_load("/proc/self/stat", &text, STAT_BYTES) == 0) {
        leat_buf_u8(&text, 0);
        char *at = strrchr(text.p, ')');
        for (int field = 3; at && field <= 48; field++) at = strchr(at + 1, ' ');
        bool found = at && sscanf(at, " %lu %lu %lu %lu", &first, &end, &env, &last) == 4;
        if (!found || end != env) first = 0;
    }
    leat_buf_free(&text);
    if (first == 0 || last <= first) return;
    for (char **one = environ; one && *one; one++) *one = leat_strdup(*one);
    title.at = (char *)first; /* NOLINT(performance-no-int-to-ptr) */
    title.size = last - first;
}

static void title_set(const char *text)
{
    if (title.size == 0) return;
    memset(title.at, 0, title.size);
    snprintf(title.at, title.size, "%s", text);
}

/* ---- in the nursery ---- */

/* A packet, cut into words; false: there is none any more. */
static bool receive(int fd, char text[ORDER_BYTES], const char *word[WORDS], int *config)
{
    ancillary room;
    struct iovec part = {.iov_base = text, .iov_len = ORDER_BYTES - 1};
    struct msghdr msg = {.msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = room.bytes,
                         .msg_controllen = sizeof room.bytes};
    ssize_t n;
    while ((n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) continue;
    const struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (!head || head->cmsg_type != SCM_RIGHTS) return false;
    memcpy(config, CMSG_DATA(head), sizeof *config);
    text[n] = 0;
    const char *at = text, *end = text + n;
    for (int i = 0; i < WORDS; i++) {
        word[i] = at < end ? at : "";
        if (at < end) at += strlen(at) + 1;
    }
    return true;
}

static _Noreturn void run(const char *const word[WORDS], int config, pid_t middle, pid_t hub)
{
    leat_arena a = {0};
    while (getppid() == middle) leat_sleep_us(STEP_US);
    if (!strchr(word[3], 'o')) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != hub) _exit(LEAT_CHILD_DONE);
    }
    title_set(leat_arena_printf(&a, "leat connector %s --data %s", word[0], word[1]));
    leat_arena_free(&a);
    leat_level level = LEAT_INFO;
    if (*word[2]) leat_log_level_parse(leat_str_of(word[2]), &level);
    leat_log_setup(level, strchr(word[3], 'j') != NULL, word[0], STDERR_FILENO);
    leat_process_conf conf = {.data = word[1], .name = word[0]};
    exit(leat_child_run(&conf, config));
}

/* One connector's process, by way of one that ends at once. */
static void bring_up(int fd, const char *const word[WORDS], int config, pid_t hub)
{
    int32_t answer;
    pid_t middle = fork();
    if (middle == 0) {
        pid_t self = getpid(), pid = fork();
        if (pid == 0) {
            close(fd);
            run(word, config, self, hub);
        }
        answer = pid < 0 ? -errno : pid;
        (void)!send(fd, &answer, sizeof answer, MSG_NOSIGNAL);
        _exit(0);
    }
    answer = -errno;
    if (middle < 0) (void)!send(fd, &answer, sizeof answer, MSG_NOSIGNAL);
    while (middle > 0 && waitpid(middle, NULL, 0) < 0 && errno == EINTR) continue;
}

/* What stops the hub is not for the nursery: it stays blocked here and in what it forks, which
 * takes it over once it can handle it. */
static _Noreturn void nurse(int fd, pid_t hub)
{
    static char text[ORDER_BYTES];
    const char *word[WORDS];
    int config;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGCHLD, SIG_DFL);
    /* What a service manager handed over is the hub's. */
    if (fd > FIRST_FD) close_range(FIRST_FD, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0u, 0);
    unsetenv("NOTIFY_SOCKET");
    title_begin();
    title_set("leat nursery");
    while (receive(fd, text, word, &config)) {
        bring_up(fd, word, config, hub);
        close(config);
    }
    _exit(0);
}

/* ---- in the hub ---- */

leat_rc leat_nursery_start(leat_nursery **out, leat_err *e)
{
    int fds[2];
    pid_t hub = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return leat_os_fail(e, errno, "make a pair of sockets for", "the nursery");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        nurse(fds[1], hub);
    }
    int err = errno;
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return leat_os_fail(e, err, "fork", "the nursery");
    }
    *out = leat_zalloc(1, sizeof **out);
    **out = (leat_nursery){.fd = fds[0], .pid = pid};
    return LEAT_OK;
}

/* 0 or -errno. */
static int order_out(int fd, leat_str text, int config)
{
    ancillary room = {.bytes = {0}};
    struct iovec part = {.iov_base = (char *)text.s, .iov_len = text.len};
    struct msghdr msg = {.msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = room.bytes,
                         .msg_controllen = sizeof room.bytes};
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof config);
    memcpy(CMSG_DATA(head), &config, sizeof config);
    ssize_t n;
    while ((n = sendmsg(fd, &msg, MSG_NOSIGNAL)) < 0 && errno == EINTR) continue;
    return n < 0 ? -errno : 0;
}

/* It is no more, or hangs: no more orders. */
static pid_t give_up(leat_nursery *n, bool hangs)
{
    close(n->fd);
    n->fd = -1;
    if (hangs) kill(n->pid, SIGKILL);
    n->pid = 0;
    leat_log(LEAT_WARN, "nursery.gone", "%s: connectors are started by exec from now on",
             hangs ? "it does not answer" : "its process has ended");
    return -EPIPE;
}

pid_t leat_nursery_fork(leat_nursery *n, const leat_nursery_order *order, int config)
{
    leat_buf text = {0};
    int32_t answer = 0;
    const char *words[] = {order->connector, order->data, order->log_level ? order->log_level : ""};
    if (n->fd < 0) return -EPIPE;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        leat_buf_put(&text, words[i], strlen(words[i]) + 1);
    if (order->log_json) leat_buf_u8(&text, 'j');
    if (order->outlive) leat_buf_u8(&text, 'o');
    leat_buf_u8(&text, 0);
    int err = text.len < ORDER_BYTES ? order_out(n->fd, leat_buf_str(&text), config) : -E2BIG;
    leat_buf_free(&text);
    if (err == -E2BIG) return err;
    int ready = err < 0 ? 1 : leat_os_wait_fd(n->fd, false, ANSWER_MS);
    if (err < 0 || ready <= 0 || recv(n->fd, &answer, sizeof answer, 0) != (ssize_t)sizeof answer)
        return give_up(n, ready <= 0);
    return answer;
}

/* The nursery sees the end of its socket. */
void leat_nursery_free(leat_nursery *n)
{
    if (!n) return;
    if (n->fd >= 0) close(n->fd);
    if (n->pid > 0) waitpid(n->pid, NULL, 0);
    leat_free(n);
}
