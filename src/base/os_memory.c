/* How much memory the process has, from the kernel (base/os.h). Any thread. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/os.h"

/* Second number of statm: resident pages. */
size_t leat_os_resident(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    char *at = strchr(text, ' ');
    long page = sysconf(_SC_PAGESIZE);
    return at && page > 0 ? strtoul(at, NULL, 10) * (size_t)page : 0;
}
