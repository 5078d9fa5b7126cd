/* The channel file: each line of signal.file is a signal.
 *
 * What is there is read up to its last newline (a last line without one is taken when the next look
 * finds it unchanged) and put into the engine's queue. When all of it is done, or was refused,
 * those bytes are taken out of the file; what was appended meanwhile stays. A crash in between:
 * they are done again. By the control's worker. */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/signals.h"

enum { MOST = 1 << 20 };

struct leat_signal_file {
    const char *path;
    int64_t every_us, next_us;
    uint64_t *tickets; /* heap: of the lines that are under way */
    size_t n, left;
    leat_buf taken; /* their bytes */
    size_t torn;    /* size of the file when its last line had no end; 0: it had */
    int failed;     /* the error that was told last */
};

leat_signal_file *leat_signal_file_new(const leat_source *source, const void *conf)
{
    const leat_capture_conf *c = source->capture ? source->capture(conf) : NULL;
    if (!c || !leat_capture_channel(c, "file") || !c->signal_file) return NULL;
    leat_signal_file *f = leat_zalloc(1, sizeof *f);
    f->path = c->signal_file;
    f->every_us = c->signal_poll_ms * 1000;
    return f;
}

void leat_signal_file_free(leat_signal_file *f)
{
    if (!f) return;
    leat_free(f->tickets);
    leat_buf_free(&f->taken);
    leat_free(f);
}

static void tell(leat_signal_file *f, int err, const char *doing)
{
    leat_err e;
    if (err == f->failed) return;
    f->failed = err;
    if (err == 0 || err == -ENOENT) return;
    leat_os_fail(&e, err, doing, f->path);
    leat_log_err(LEAT_WARN, &e);
}

/* The lines that were taken, out of the file. */
static void take_out(leat_signal_file *f)
{
    leat_buf now = {0};
    int err = leat_os_load(f->path, &now, MOST);
    leat_str all = leat_buf_str(&now), gone = leat_buf_str(&f->taken);
    bool same = err == 0 && all.len >= gone.len && memcmp(all.s, gone.s, gone.len) == 0;
    if (same) {
        leat_str rest = {all.s + gone.len, all.len - gone.len};
        int fd = leat_os_now()->open(f->path, LEAT_O_WRITE, 0);
        err = fd < 0 ? fd : leat_os_write_all(fd, rest.s, rest.len, 0);
        if (err >= 0) err = leat_os_now()->truncate(fd, (int64_t)rest.len);
        if (fd >= 0) leat_os_now()->close(fd);
    }
    tell(f, err < 0 ? err : 0, "empty");
    leat_buf_clear(&f->taken);
    leat_buf_free(&now);
}

/* One line into the queue. */
static void put(leat_signal_file *f, leat_engine *g, leat_str line, unsigned number)
{
    leat_err e;
    line = leat_str_trim(line);
    if (line.len == 0) return;
    f->tickets = leat_realloc(f->tickets, (f->n + 1) * sizeof *f->tickets);
    if (leat_signals_put(g, line, &f->tickets[f->n], &e) == LEAT_OK)
        f->n++;
    else
        leat_log(LEAT_WARN, e.code, "file=\"%s\" line=%u %s", f->path, number, e.msg);
}

static void read_lines(leat_signal_file *f, leat_engine *g)
{
    leat_buf now = {0};
    int err = leat_os_load(f->path, &now, MOST);
    tell(f, err, "read");
    leat_str all = leat_buf_str(&now);
    if (err == 0 && all.len > 0) {
        size_t len = all.len;
        if (all.s[len - 1] != '\n' && f->torn != len) {
            f->torn = len;
            while (len > 0 && all.s[len - 1] != '\n') len--;
        } else {
            f->torn = 0;
        }
        leat_buf_put(&f->taken, all.s, len);
        leat_str rest = {all.s, len};
        for (unsigned i = 1; rest.s && len; i++) put(f, g, leat_str_cut(&rest, '\n'), i);
        f->left = f->n;
        if (len && f->n == 0) take_out(f);
    }
    leat_buf_free(&now);
}

void leat_signal_file_turn(leat_signal_file *f, leat_engine *g)
{
    int64_t now = leat_mono_us();
    if (!f || !g) return;
    for (size_t i = 0; i < f->n; i++) { /* refusals are logged by the task */
        leat_rc rc = f->tickets[i] ? leat_signals_look(g, f->tickets[i], NULL) : LEAT_PENDING;
        if (rc == LEAT_RETRY) return; /* the engine has ended: the next process finds them */
        if (rc == LEAT_PENDING) continue;
        f->tickets[i] = 0;
        f->left--;
    }
    if (f->n > 0 && f->left == 0) {
        f->n = 0;
        take_out(f);
    }
    if (f->n > 0 || now < f->next_us) return;
    f->next_us = now + f->every_us;
    read_lines(f, g);
}
