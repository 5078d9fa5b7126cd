/* See the header. The bars stand at the bottom, and the cursor behind their last line; before
 * anything else is written they are wiped away. Lines are cut to the terminal's width, since one
 * that is wrapped could not be. */
#include "cli/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "cli/show.h"
#include "engine/control.h"
#include "stream/page.h"

enum {
    BARS_US = 1000000,
    LINES_US = 5000000, /* then twice as much each time, up to ... */
    LINES_MOST_US = 60000000,
    ASK_MS = 200,
    ROUND_US = 500000, /* of asking: what is written waits meanwhile */
    READ = 1 << 16,
    TABLES = 8, /* of a connector */
    COLUMNS = 80,
    ROWS = 24,
};

struct leat_cli_progress {
    leat_cli_progress_conf conf;
    pthread_t thread;
    int wake;         /* eventfd: the end */
    int terminal;     /* what standard error was; -1: no bars */
    int from;         /* what is written to it comes from here */
    leat_buf written; /* the beginning of a line */
    leat_buf bars;    /* as they should stand there ... */
    unsigned shown;   /* ... and how many lines do */
};

/* ---- asking ---- */

static bool snapshot_runs(const char *folder, leat_arena *a)
{
    leat_page *page;
    if (leat_page_open(leat_arena_printf(a, "%s/counters", folder), &page, NULL) != LEAT_OK)
        return false;
    bool runs = atomic_load(&page->snapshot_state) == 1 && leat_page_alive(page);
    leat_page_close(page);
    return runs;
}

/* The member of its status; NULL: it does not run, or there is nothing to tell. Signals' snapshots
 * are not on the page. */
static const leat_json *snapshot_of(const leat_cli_progress *p, const char *name, leat_arena *a)
{
    const leat_json *status = NULL;
    char *folder = leat_arena_printf(a, "%s/connectors/%s", p->conf.data, name);
    if (p->terminal < 0 && !snapshot_runs(folder, a)) return NULL;
    if (leat_control_call(folder, LEAT_STR("{\"verb\":\"status\"}"), ASK_MS, a, &status, NULL) !=
        LEAT_OK)
        return NULL;
    return leat_json_get(status, "snapshot");
}

/* ---- lines ---- */

static void put_known(leat_buf *out, const char *what, int64_t v)
{
    if (v >= 0) leat_buf_printf(out, " %s=%" PRId64, what, v);
}

static void put_counts(const leat_json *j, leat_buf *out)
{
    int64_t left = leat_json_get_i64(j, "milliseconds_left", -1);
    put_known(out, "rows", leat_json_get_i64(j, "rows", 0));
    put_known(out, "rows_total", leat_json_get_i64(j, "rows_total", -1));
    put_known(out, "bytes", leat_json_get_i64(j, "bytes", -1));
    put_known(out, "rows_per_second", leat_json_get_i64(j, "rows_per_second", -1));
    put_known(out, "seconds_left", left < 0 ? -1 : (left + 999) / 1000);
    leat_buf_u8(out, 0);
}

static void log_snapshot(const char *name, const leat_json *snapshot)
{
    leat_buf line = {0};
    unsigned shown = 0;
    bool runs = leat_str_is(leat_json_get_str(snapshot, "state"), "running");
    if (!runs) return;
    put_counts(snapshot, &line);
    leat_log(LEAT_INFO, "snapshot.progress", "connector=%s tables=%" PRId64 " done=%" PRId64 "%s",
             name, leat_json_get_i64(snapshot, "tables", 0),
             leat_json_get_i64(snapshot, "tables_done", 0), line.p);
    const leat_json *tables = leat_json_get(snapshot, "table_progress");
    for (const leat_json *t = tables ? tables->child : NULL; t && shown < TABLES; t = t->next) {
        if (!leat_show_reads(t, runs)) continue;
        leat_buf_clear(&line);
        put_counts(t, &line);
        leat_log(LEAT_INFO, "snapshot.table", "connector=%s table=\"%.*s\"%s", name,
                 LEAT_STR_ARG(leat_json_get_str(t, "table")), line.p);
        shown++;
    }
    leat_buf_free(&line);
}

/* ---- bars ---- */

static void size_of(const leat_cli_progress *p, unsigned *columns, unsigned *rows)
{
    struct winsize size = {0};
    bool known = ioctl(p->terminal, TIOCGWINSZ, &size) == 0;
    *columns = known && size.ws_col > 0 ? size.ws_col : COLUMNS;
    *rows = known && size.ws_row > 0 ? size.ws_row : ROWS;
}

/* As much of a line as has so many characters. */
static leat_str cut(leat_str line, unsigned columns)
{
    size_t at = 0;
    for (unsigned n = 0; at < line.len; at++)
        if (((unsigned char)line.s[at] & 0xC0) != 0x80 && n++ == columns) break;
    return (leat_str){line.s, at};
}

/* Nobody can be told when the terminal has gone. */
static void write_out(const leat_cli_progress *p, const leat_buf *out)
{
    for (size_t done = 0; done < out->len;) {
        ssize_t n = write(p->terminal, out->p + done, out->len - done);
        if (n > 0) done += (size_t)n;
        if (n < 0 && errno == EAGAIN) leat_os_wait_fd(p->terminal, true, -1);
        if (n < 0 && errno != EAGAIN && errno != EINTR) return;
    }
}

static void put_wipe(leat_cli_progress *p, leat_buf *out)
{
    if (p->shown == 0) return;
    leat_buf_u8(out, '\r');
    if (p->shown > 1) leat_buf_printf(out, "\033[%uA", p->shown - 1);
    leat_buf_str_z(out, "\033[J");
    p->shown = 0;
}

/* The bars, behind what stands in out; and all of it to the terminal. */
static void draw(leat_cli_progress *p, leat_buf *out)
{
    unsigned columns, rows;
    size_of(p, &columns, &rows);
    for (leat_str rest = leat_buf_str(&p->bars); rest.len > 0 && p->shown + 2 < rows;) {
        if (p->shown++ > 0) leat_buf_u8(out, '\n');
        leat_buf_add(out, cut(leat_str_cut(&rest, '\n'), columns - 1));
    }
    write_out(p, out);
    leat_buf_free(out);
}

/* What was written to standard error: whole lines, above the bars. */
static void pass_on(leat_cli_progress *p, bool all)
{
    leat_buf out = {0};
    size_t len = p->written.len;
    while (!all && len > 0 && p->written.p[len - 1] != '\n') len--;
    if (len == 0) return;
    put_wipe(p, &out);
    leat_buf_put(&out, p->written.p, len);
    leat_buf rest = {0};
    leat_buf_put(&rest, p->written.p + len, p->written.len - len);
    leat_buf_free(&p->written);
    p->written = rest;
    draw(p, &out);
}

/* False: there was nothing. */
static bool take(leat_cli_progress *p)
{
    char bytes[READ];
    ssize_t n = read(p->from, bytes, sizeof bytes);
    if (n > 0) leat_buf_put(&p->written, bytes, (size_t)n);
    if (n > 0) pass_on(p, p->written.len > READ);
    return n > 0 || (n < 0 && errno == EINTR);
}

/* ---- the thread ---- */

static void look(leat_cli_progress *p)
{
    leat_buf out = {0};
    int64_t until = leat_mono_us() + ROUND_US;
    leat_buf_clear(&p->bars);
    for (size_t i = 0; i < p->conf.n && leat_mono_us() < until; i++) {
        leat_arena a = {0};
        leat_buf lines = {0};
        const leat_json *snapshot = snapshot_of(p, p->conf.names[i], &a);
        if (snapshot && p->terminal < 0) log_snapshot(p->conf.names[i], snapshot);
        if (snapshot && p->terminal >= 0) leat_show_snapshot(true, snapshot, TABLES, &lines);
        for (leat_str rest = leat_buf_str(&lines); rest.len > 0;) {
            leat_str line = leat_str_cut(&rest, '\n');
            leat_buf_printf(&p->bars, "%s: " LEAT_STR_FMT "\n", p->conf.names[i],
                            LEAT_STR_ARG(line));
        }
        leat_buf_free(&lines);
        leat_arena_free(&a);
    }
    if (p->terminal < 0 || (p->bars.len == 0 && p->shown == 0)) return;
    put_wipe(p, &out);
    draw(p, &out);
}

static void *run(void *arg)
{
    leat_cli_progress *p = arg;
    int64_t every = p->terminal < 0 ? LINES_US : BARS_US, next = leat_mono_us() + every;
    for (;;) {
        int64_t left = next - leat_mono_us();
        struct pollfd fds[] = {{.fd = p->wake, .events = POLLIN},
                               {.fd = p->from, .events = POLLIN}};
        poll(fds, 2, left > 0 ? (int)(left / 1000) + 1 : 0);
        if (fds[0].revents) return NULL;
        if (fds[1].revents) take(p);
        if (leat_mono_us() < next) continue;
        look(p);
        if (p->terminal < 0) every = every * 2 > LINES_MOST_US ? LINES_MOST_US : every * 2;
        next = leat_mono_us() + every;
    }
}

/* ---- begin and end ---- */

/* Standard error becomes a pipe. */
static leat_rc turn_aside(leat_cli_progress *p, leat_err *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return leat_os_fail(e, errno, "make a pipe for", "the log");
    p->terminal = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    p->from = ends[0];
    fcntl(p->from, F_SETFL, O_NONBLOCK);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    return LEAT_OK;
}

/* It is the terminal again, which gets what is left in the pipe: its writers have ended. */
static void turn_back(leat_cli_progress *p)
{
    leat_buf out = {0};
    dup2(p->terminal, STDERR_FILENO);
    leat_buf_clear(&p->bars);
    while (take(p)) continue;
    pass_on(p, true);
    put_wipe(p, &out);
    draw(p, &out);
    close(p->from);
    close(p->terminal);
}

leat_rc leat_cli_progress_start(const leat_cli_progress_conf *conf, leat_cli_progress **out,
                                leat_err *e)
{
    sigset_t all, before;
    leat_cli_progress *p = leat_zalloc(1, sizeof *p);
    *p = (leat_cli_progress){.conf = *conf, .terminal = -1, .from = -1};
    p->wake = eventfd(0, EFD_CLOEXEC);
    leat_rc rc = p->wake < 0 ? leat_os_fail(e, errno, "make an event for", "progress") : LEAT_OK;
    if (rc == LEAT_OK && conf->bars && isatty(STDERR_FILENO)) rc = turn_aside(p, e);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (rc == LEAT_OK && (errno = pthread_create(&p->thread, NULL, run, p)) != 0)
        rc = leat_os_fail(e, errno, "make a thread for", "progress");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *out = rc == LEAT_OK ? p : NULL;
    if (rc == LEAT_OK) return rc;
    if (p->terminal >= 0) turn_back(p);
    if (p->wake >= 0) close(p->wake);
    leat_free(p);
    return rc;
}

void leat_cli_progress_end(leat_cli_progress *p)
{
    if (!p) return;
    uint64_t one = 1;
    (void)!write(p->wake, &one, sizeof one);
    pthread_join(p->thread, NULL);
    if (p->terminal >= 0) turn_back(p);
    close(p->wake);
    leat_buf_free(&p->written);
    leat_buf_free(&p->bars);
    leat_free(p);
}
