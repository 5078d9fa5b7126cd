/* Output of commands that may print for long (cli/lines.h). */
#include "cli/lines.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/os.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    (void)sig;
    interrupted = 1;
}

void leat_lines_signals(void)
{
    interrupted = 0;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
}

bool leat_lines_interrupted(void)
{
    return interrupted;
}

void leat_lines_flush(leat_lines *l)
{
    leat_str rest = leat_buf_str(&l->out);
    while (rest.len > 0 && !l->closed) {
        ssize_t n = write(STDOUT_FILENO, rest.s, rest.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            l->closed = true;
            if (errno != EPIPE) l->failed = errno;
            break;
        }
        rest.s += n;
        rest.len -= (size_t)n;
    }
    leat_buf_clear(&l->out);
}

leat_rc leat_lines_result(const leat_lines *l, leat_err *e)
{
    return l->failed ? leat_os_fail(e, l->failed, "write to", "standard output") : LEAT_OK;
}
