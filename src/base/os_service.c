/* What a service manager of systemd's kind tells and is told (base/os.h): two environment variables
 * and datagrams, which is all of libsystemd that is needed. One thread, before others begin. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/os.h"
#include "base/str.h"

enum { FIRST_FD = 3 };

/* An address that begins with @ is of the abstract kind. */
void leat_os_service_tell(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof to.sun_path) return;
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@') to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}

int leat_os_service_socket(void)
{
    const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
    int64_t process = 0, count = 0;
    bool ours = pid && n && leat_str_i64(leat_str_of(pid), &process) && process == getpid() &&
                leat_str_i64(leat_str_of(n), &count) && count > 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (!ours) return -ENOENT;
    int listening = 0;
    socklen_t len = sizeof listening;
    if (count > 1) return -E2BIG;
    if (getsockopt(FIRST_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0) return -errno;
    if (!listening) return -EINVAL;
    fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
    return FIRST_FD;
}

int leat_os_service_leave(int fd)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (fd == FIRST_FD ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, FIRST_FD) < 0) return -errno;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    return 0;
}
