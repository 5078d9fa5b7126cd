/* A program or a file that gives the password: tokens of IAM, Entra ID and the like last for
 * minutes, and a connector that comes back after hours needs a new one. Any thread. */
#include "system/postgres/password.h"

#include <errno.h>
#include <stdio.h>

#include "base/os.h"

enum { LONGEST = 65536 }; /* Entra ID's tokens have some thousand bytes */

bool leat_pg_password_asked(const leat_pg_target *t)
{
    return t->password_command || t->password_file;
}

/* The first line alone; RETRY or CONF if there is none. */
static leat_rc settle(leat_buf *out, leat_rc rc, const char *option, leat_err *e)
{
    leat_str rest = leat_buf_str(out);
    leat_str line = leat_str_trim(leat_str_cut(&rest, '\n'));
    if (line.len == 0 || leat_str_trim(rest).len || memchr(line.s, 0, line.len))
        return leat_fail(e, rc, "postgres.password", option,
                         line.len == 0 ? "gave no password: one line of text is expected"
                                       : "gave more than one line, or a zero byte: one line of "
                                         "text is expected, the password");
    memmove(out->p, line.s, line.len);
    out->len = line.len;
    leat_buf_u8(out, 0);
    return LEAT_OK;
}

/* By which the command ended, as a person says it. */
static leat_rc fail_command(int status, const leat_buf *err, int64_t ms, leat_err *e)
{
    char how[96];
    leat_str rest = leat_buf_str(err);
    leat_str said = leat_str_trim(leat_str_cut(&rest, '\n'));
    if (status == -ETIMEDOUT)
        snprintf(how, sizeof how, "took longer than %lld ms (connect.timeout.ms)", (long long)ms);
    else if (status == -EFBIG)
        snprintf(how, sizeof how, "printed more than %d bytes", LONGEST);
    else if (status < 0)
        snprintf(how, sizeof how, "could not be run: %s", leat_os_strerror(status));
    else if (status > 128)
        snprintf(how, sizeof how, "was ended by signal %d", status - 128);
    else
        snprintf(how, sizeof how, "ended with status %d", status);
    return leat_fail(e, LEAT_RETRY, "postgres.password", "database.password.command",
                     "the command that gives the password %s%s" LEAT_STR_FMT
                     ". It has to print it and end with status 0: try it by hand, as leat's user",
                     how, said.len ? ": " : "", LEAT_STR_ARG(said));
}

leat_rc leat_pg_password_ask(const leat_pg_target *t, leat_buf *out, leat_err *e)
{
    leat_buf err = {0};
    if (t->password_file) {
        int rc = leat_os_load(t->password_file, out, LONGEST);
        if (rc != 0) return leat_os_fail(e, rc, "read the password in", t->password_file);
        return settle(out, LEAT_CONF, "database.password.file", e);
    }
    int status = leat_os_run(t->password_command, t->connect_ms, LONGEST, out, &err);
    leat_rc rc = status == 0 ? settle(out, LEAT_RETRY, "database.password.command", e)
                             : fail_command(status, &err, t->connect_ms, e);
    leat_buf_free(&err);
    return rc;
}
