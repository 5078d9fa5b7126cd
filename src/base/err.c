/* Errors: filling a leat_err.
 *
 * The texts are formed in a local copy first, so that they may come from the error that is being
 * overwritten. Nothing is allocated, nothing is logged. Any thread. */
#include "base/err.h"

#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void copy(char *out, size_t cap, const char *z)
{
    size_t n = leat_str_fit(leat_str_of(z), cap - 1);
    if (n > 0) memcpy(out, z, n);
    out[n] = '\0';
}

leat_rc leat_fail(leat_err *e, leat_rc rc, const char *code, const char *where, const char *fmt,
                  ...)
{
    int saved = errno;
    if (e) {
        leat_err made = {.rc = rc};
        copy(made.code, sizeof(made.code), code);
        copy(made.where, sizeof(made.where), where);
        va_list args;
        va_start(args, fmt);
        int n = vsnprintf(made.msg, sizeof(made.msg), fmt, args);
        va_end(args);
        if (n < 0) {
            copy(made.msg, sizeof(made.msg), fmt);
        } else if ((size_t)n >= sizeof(made.msg)) {
            leat_str whole = {made.msg, sizeof(made.msg) - 1};
            made.msg[leat_str_fit(whole, sizeof(made.msg) - 2)] = '\0';
        }
        leat_str_mend(made.code);
        leat_str_mend(made.where);
        leat_str_mend(made.msg);
        *e = made;
    }
    errno = saved;
    return rc;
}

const char *leat_rc_name(leat_rc rc)
{
    switch (rc) {
    case LEAT_OK: return "ok";
    case LEAT_AGAIN: return "again";
    case LEAT_PENDING: return "pending";
    case LEAT_RETRY: return "retry";
    case LEAT_DATA: return "data";
    case LEAT_CONF: return "conf";
    case LEAT_FATAL: return "fatal";
    }
    return "unknown";
}
