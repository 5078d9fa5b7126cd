/* Unix sockets of base/os.h: bound and reached through /proc/self/fd/N of their folder, so that a
 * folder's path may be longer than sun_path. Any thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/os.h"

/* The folder, and a socket whose address in it is filled in; -errno when one of them fails. */
static int prepare(const char *folder, const char *name, int *dir, struct sockaddr_un *addr)
{
    *dir = open(folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (*dir < 0) return -errno;
    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(addr->sun_path, sizeof addr->sun_path, "/proc/self/fd/%d/%s", *dir, name);
    int fd = n < (int)sizeof addr->sun_path ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd >= 0) return fd;
    int err = n < (int)sizeof addr->sun_path ? errno : ENAMETOOLONG;
    close(*dir);
    return -err;
}

static int finish(int fd, int dir, int rc)
{
    int err = rc < 0 ? errno : 0;
    close(dir);
    if (err == 0) return fd;
    close(fd);
    return -err;
}

int leat_os_unix_listen(const char *folder, const char *name, int backlog)
{
    int dir;
    struct sockaddr_un addr;
    int fd = prepare(folder, name, &dir, &addr);
    if (fd < 0) return fd;
    unlinkat(dir, name, 0);
    int rc = bind(fd, (struct sockaddr *)&addr, sizeof addr);
    if (rc == 0) rc = fchmodat(dir, name, 0600, 0);
    if (rc == 0) rc = listen(fd, backlog);
    return finish(fd, dir, rc);
}

/* A process that does not take its connections any more (stopped, stuck) has a full queue of them
 * after a while: a plain connect would then wait for ever. */
int leat_os_unix_connect(const char *folder, const char *name, int ms)
{
    int dir, rc;
    struct sockaddr_un addr;
    int fd = prepare(folder, name, &dir, &addr);
    if (fd < 0) return fd;
    struct timeval most = {ms / 1000, ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    while ((rc = connect(fd, (struct sockaddr *)&addr, sizeof addr)) < 0 && errno == EINTR)
        continue;
    if (rc < 0 && errno == EAGAIN) errno = ETIMEDOUT;
    return finish(fd, dir, rc);
}
