/* Failed system calls in words: declared in base/os.h.
 *
 * One table says which errors pass by themselves and what a person can do about the common ones.
 * Knows nothing of files. Any thread. */
#include "base/os.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static const char *text_of(int err)
{
    const char *text = strerrordesc_np(err);
    return text ? text : "unknown error";
}

const char *leat_os_strerror(int err)
{
    static _Thread_local char out[128];
    if (err < 0) err = -err;
    const char *text = text_of(err), *name = strerrorname_np(err);
    /* "No space left", but "RPC version wrong" */
    bool lower = text[0] && islower((unsigned char)text[1]);
    char first = (char)(lower ? tolower((unsigned char)text[0]) : text[0]);
    if (name)
        snprintf(out, sizeof(out), "%c%s (%s)", first, text + 1, name);
    else
        snprintf(out, sizeof(out), "%c%s (%d)", first, text + 1, err);
    return out;
}

static bool passes(int err)
{
    switch (err) {
    case EAGAIN:
    case EBUSY:
    case ECONNABORTED:
    case ECONNREFUSED:
    case ECONNRESET:
    case EDQUOT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EINTR:
    case EIO:
    case EMFILE:
    case ENETDOWN:
    case ENETRESET:
    case ENETUNREACH:
    case ENFILE:
    case ENOBUFS:
    case ENOLCK:
    case ENOMEM:
    case ENOSPC:
    case ENOTCONN:
    case EPIPE:
    case ESTALE:
    case ETIMEDOUT: return true;
    default: return false;
    }
}

static const char *advice(int err)
{
    switch (err) {
    case EACCES:
    case EPERM: return "; let the user that runs leat do this, or name another place";
    case EAGAIN: return "; if another process holds it, stop that one first";
    case EDQUOT: return "; raise the quota or free space: it is tried again";
    case EIO: return "; look at the kernel's log for the disk's errors";
    case EMFILE:
    case ENFILE: return "; raise the limit of open files (ulimit -n)";
    case ENOSPC: return "; free space on that file system: it is tried again";
    case EROFS: return "; mount the file system for writing, or name another place";
    default: return "";
    }
}

leat_rc leat_os_fail(leat_err *e, int err, const char *doing, const char *path)
{
    if (err < 0) err = -err;
    char code[48] = "os.";
    const char *name = strerrorname_np(err);
    size_t n = strlen(code);
    if (!name) name = "unknown";
    for (; *name && n < sizeof(code) - 1; name++) code[n++] = (char)tolower((unsigned char)*name);
    return leat_fail(e, passes(err) ? LEAT_RETRY : LEAT_CONF, code, path, "cannot %s %s: %s%s",
                     doing, path ? path : "(no name)", leat_os_strerror(err), advice(err));
}
