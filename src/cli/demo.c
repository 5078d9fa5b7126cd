/* leat demo: everything on this machine, with sample data.
 *
 * A private PostgreSQL in a scratch folder, a small shop's traffic on it, and the capture of its
 * changes as `leat run` does it, all owned by the keeper (demo_keeper.c). The command reads the
 * topics as any consumer would and shows what comes: a line an event, and below them rate and lag;
 * or records as JSON. Lag is the time from the commit in PostgreSQL until the event is here. One
 * thread; a signal only sets a flag. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "cli/cli.h"
#include "cli/demo.h"
#include "engine/record.h"
#include "source/source.h"
#include "stream/page.h"
#include "stream/reader.h"

enum {
    RATE = 20,
    SECONDS_MAX = 31536000,
    WAIT_US = 50000,
    SHOW_US = 50000,     /* between two rounds on a terminal */
    SECOND_US = 1000000, /* what "now" means in the status line */
    PROGRESS_US = 5000000,
    START_US = 60000000, /* for the first event */
};

typedef struct demo {
    const char *data, *postgres, *listen;
    int64_t seconds, rate; /* seconds 0: until Ctrl-C */
    bool json, keep, terminal, no_page;
    leat_demo_lab lab;
    leat_demo_keeper keeper;
    leat_demo_screen *screen;
    leat_record_form form;
    leat_reader *reader;
    leat_page *page;
    leat_buf out;
    uint64_t events;
    int64_t first_us, last_us; /* of showing: the first event, now; monotonic */
    int64_t live_us;           /* the first event, by the wall clock */
    leat_demo_lags lags;
    /* The second before. */
    leat_demo_lags recent;
    int64_t recent_us;
    uint64_t recent_events;
    int64_t shown_us, told_us;
    char status[200];
    bool ready, over;
    leat_demo_message failed;
} demo;

static volatile sig_atomic_t interrupts;

static void on_signal(int sig)
{
    (void)sig;
    interrupts = interrupts + 1;
}

/* ---- what is said ---- */

static void introduce(const demo *g)
{
    const char *leat = program_invocation_name, *data = g->lab.data;
    char psql[512];
    snprintf(psql, sizeof psql, "%s/psql", g->lab.bin);
    fprintf(stderr,
            "leat demo: a small shop on a PostgreSQL of its own (%s),\n"
            "its changes read from the write-ahead log into topics in %s\n\n"
            "%s%s%s"
            "Try in another terminal:\n"
            "  %s read shop.public.orders --data %s --follow\n"
            "  %s status --data %s\n",
            g->lab.bin, data,
            g->lab.listen ? "The page, with buttons that break things:  http://" : "",
            g->lab.listen ? g->lab.listen : "", g->lab.listen ? "/ui/\n\n" : "", leat, data, leat,
            data);
    if (access(psql, X_OK) == 0) fprintf(stderr, "  %s -h %s -U shop shop\n", psql, g->lab.socket);
    if (!g->json)
        fprintf(stderr, "\nA line is: time of commit, operation (r read, c create, u update, "
                        "d delete), topic, key, change.\n");
    if (g->seconds > 0)
        fprintf(stderr, "Ends after %" PRId64 " s.\n\n", g->seconds);
    else
        fprintf(stderr, "Ctrl-C ends it.\n\n");
}

static void put_ms(char out[32], double ms)
{
    if (isnan(ms))
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, ms < 10 ? "%.1f ms" : "%.0f ms", ms);
}

static void put_bytes(char out[32], int64_t n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double x = (double)n;
    unsigned unit = 0;
    for (; x >= 1024 && unit < 4; unit++) x /= 1024;
    if (n < 0)
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, unit && x < 10 ? "%.1f %s" : "%.0f %s", x, units[unit]);
}

/* What the slot keeps; as long as the connector has not looked, what it has not acknowledged. */
static int64_t wal_held(const demo *g)
{
    int64_t held = g->page ? atomic_load(&g->page->retained_bytes) : -1;
    return held < 0 && g->page ? atomic_load(&g->page->lag_bytes) : held;
}

/* Once a second: the status line from what came since the last time. */
static void tick(demo *g, int64_t now)
{
    int64_t us = now - g->recent_us;
    if (us < SECOND_US) return;
    char lag[32], held[32];
    int64_t s = (now - g->first_us) / 1000000;
    put_ms(lag, leat_demo_lag_ms(&g->recent, 0.5));
    put_bytes(held, wal_held(g));
    snprintf(g->status, sizeof g->status,
             " %" PRIu64 " events | %.0f/s | lag p50 %s | WAL held %s | %" PRId64 ":%02" PRId64
             " | Ctrl-C ends ",
             g->events, (double)g->recent_events * 1e6 / (double)us, lag, held, s / 60, s % 60);
    g->recent = (leat_demo_lags){0};
    g->recent_events = 0;
    g->recent_us = now;
    if (g->terminal || g->json || now - g->told_us < PROGRESS_US) return;
    g->told_us = now;
    fprintf(stderr, "leat:%s\n", g->status);
}

static void sum_up(demo *g)
{
    double seconds = g->first_us ? (double)(g->last_us - g->first_us) / 1e6 : 0;
    double rate = seconds > 0 ? (double)g->events / seconds : 0;
    double p50 = leat_demo_lag_ms(&g->lags, 0.5), p99 = leat_demo_lag_ms(&g->lags, 0.99);
    if (g->json) {
        leat_jw w = {.out = &g->out};
        leat_buf_clear(&g->out);
        leat_jw_object(&w, NULL);
        leat_jw_i64(&w, "events", (int64_t)g->events);
        leat_jw_f64(&w, "seconds", seconds);
        leat_jw_f64(&w, "rate", rate);
        leat_jw_f64(&w, "lag_ms_p50", p50);
        leat_jw_f64(&w, "lag_ms_p99", p99);
        leat_jw_end(&w);
        leat_buf_u8(&g->out, '\n');
        leat_demo_put(leat_buf_str(&g->out));
        return;
    }
    char half[32], most[32];
    put_ms(half, p50);
    put_ms(most, p99);
    fprintf(stderr, "leat: %" PRIu64 " events in %.1f s (%.1f/s), lag p50 %s, p99 %s\n", g->events,
            seconds, rate, half, most);
}

/* ---- the keeper's messages ---- */

static void hear(demo *g, int ms)
{
    leat_demo_message m;
    bool gone = false;
    while (leat_demo_keeper_hear(&g->keeper, ms, &m, &gone)) {
        ms = 0;
        switch (m.news) {
        case LEAT_DEMO_STEP: snprintf(g->status, sizeof g->status, " %.100s ... ", m.text); break;
        case LEAT_DEMO_READY: g->ready = true; break;
        case LEAT_DEMO_ENDED:
            fprintf(stderr, "\nleat: the connector was stopped, so the demo ends\n");
            g->over = true;
            break;
        case LEAT_DEMO_FAILED:
            g->failed = m;
            g->over = true;
            break;
        }
    }
    if (!gone || g->over) return;
    g->over = true;
    leat_fail(&g->failed.err, LEAT_FATAL, "demo.keeper", "",
              "the process that owns the demo's server was killed");
}

/* ---- events ---- */

static leat_rc take(demo *g, leat_batch *b, const leat_event *ev, int64_t now_us, leat_err *e)
{
    /* What was committed before has waited for the connector's start. */
    bool live = ev->op != LEAT_OP_READ && ev->op != LEAT_OP_RECORD && ev->ts_us > g->live_us;
    if (live) {
        leat_demo_lag_add(&g->lags, now_us - ev->ts_us);
        leat_demo_lag_add(&g->recent, now_us - ev->ts_us);
    }
    unsigned n = leat_event_records(ev);
    g->events += n;
    g->recent_events += n;
    if (!g->json) {
        leat_demo_screen_add(g->screen, ev);
        return LEAT_OK;
    }
    leat_record records[LEAT_RECORDS_MAX];
    n = leat_envelope_records(ev, &b->arena, records);
    for (unsigned i = 0; i < n; i++)
        LEAT_TRY(leat_record_write(&g->form, ev, &records[i], ev->offset + i, &g->out, e));
    return LEAT_OK;
}

/* The first batch is there, and so the configuration in state.db. */
static void first(demo *g, int64_t now_us)
{
    g->live_us = now_us;
    g->first_us = g->recent_us = g->told_us = g->last_us;
    if (g->json) leat_record_form_init(&g->form, g->lab.data, LEAT_DEMO_CONNECTOR, false);
}

/* Not more often than an eye can follow, but at once when it was quiet. */
static void show(demo *g, bool last)
{
    int64_t now = leat_mono_us();
    bool read;
    if (g->terminal && !last && now - g->shown_us < SHOW_US) return;
    g->shown_us = now;
    if (g->json) {
        read = leat_demo_put(leat_buf_str(&g->out));
        leat_buf_clear(&g->out);
    } else {
        read = leat_demo_screen_show(g->screen, last ? "" : g->status);
    }
    if (!read) g->over = true; /* like any filter whose reader has gone */
}

static bool time_is_up(demo *g)
{
    if (g->over || interrupts) return true;
    return g->seconds > 0 && g->first_us && g->last_us - g->first_us >= g->seconds * 1000000;
}

/* Events, until it is time to stop. */
static leat_rc follow(demo *g, leat_err *e)
{
    leat_batch b;
    leat_rc rc = LEAT_OK;
    int64_t began = leat_mono_us();
    leat_batch_init(&b, 0, 0);
    while (!time_is_up(g) && !leat_rc_failed(rc)) {
        rc = leat_reader_next(g->reader, &b, WAIT_US, e);
        int64_t now_us = leat_now_us();
        g->last_us = leat_mono_us();
        if (rc == LEAT_OK && b.n > 0 && !g->first_us) first(g, now_us);
        for (uint32_t i = 0; rc == LEAT_OK && i < b.n; i++) rc = take(g, &b, &b.ev[i], now_us, e);
        if (g->json && g->first_us) leat_record_form_forget(&g->form);
        if (g->first_us) tick(g, g->last_us);
        show(g, false);
        hear(g, 0);
        if (!g->first_us && g->last_us - began > START_US)
            rc = leat_fail(e, LEAT_RETRY, "demo.no_events", g->lab.data,
                           "no event came within %d s", START_US / 1000000);
    }
    show(g, true);
    leat_batch_free(&b);
    return leat_rc_failed(rc) ? rc : LEAT_OK;
}

/* Waits until the connector has made its stream; OK without a reader: it is over before. */
static leat_rc open_reader(demo *g, leat_err *e)
{
    leat_reader_conf conf = {.data = g->lab.data, .connector = LEAT_DEMO_CONNECTOR};
    int64_t until = leat_mono_us() + START_US;
    while (!g->over && !interrupts) {
        show(g, false);
        hear(g, WAIT_US / 1000);
        leat_rc rc = g->ready ? leat_reader_open(&conf, &g->reader, e) : LEAT_AGAIN;
        if (rc == LEAT_OK) break;
        if (leat_mono_us() > until)
            return leat_rc_failed(rc)
                       ? rc
                       : leat_fail(e, LEAT_RETRY, "demo.slow", g->lab.scratch,
                                   "PostgreSQL was not ready within %d s", START_US / 1000000);
    }
    return LEAT_OK;
}

static leat_rc watch(demo *g, leat_err *e)
{
    LEAT_TRY(open_reader(g, e));
    if (!g->reader) return LEAT_OK;
    char path[512];
    snprintf(path, sizeof path, "%s/connectors/" LEAT_DEMO_CONNECTOR "/counters", g->lab.data);
    if (leat_page_open(path, &g->page, NULL) != LEAT_OK) g->page = NULL;
    leat_rc rc = follow(g, e);
    if (g->json && g->first_us) leat_record_form_fini(&g->form);
    leat_page_close(g->page);
    leat_reader_close(g->reader);
    return rc;
}

/* ---- beginning and end ---- */

/* A hub of another demo, or of the user's own, would start all that it holds. */
static leat_rc refuse_used(const char *data, leat_arena *a, leat_err *e)
{
    static const char *const used[] = {"hub.db", ("connectors/" LEAT_DEMO_CONNECTOR),
                                       "connectors/warehouse"};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        if (access(leat_arena_printf(a, "%s/%s", data, used[i]), F_OK) == 0)
            return leat_fail(e, LEAT_CONF, "demo.data_used", data,
                             "this data folder holds %s already, of another demo or of your own; "
                             "name an empty folder",
                             used[i]);
    return LEAT_OK;
}

static leat_rc prepare(demo *g, leat_arena *a, leat_err *e)
{
    if (!leat_source_find(LEAT_STR("postgres")))
        return leat_fail(e, LEAT_CONF, "demo.no_connector", "postgres",
                         "the demo needs the PostgreSQL connector, which is not in this build; "
                         "'leat plugins' says why");
    if (g->data) LEAT_TRY(refuse_used(g->data, a, e));
    LEAT_TRY(leat_demo_postgres_find(g->postgres, a, &g->lab.bin, e));
    LEAT_TRY(leat_demo_user(&g->lab, e));
    LEAT_TRY(leat_demo_scratch_make(&g->lab, a, e));
    g->lab.rate =
        mmap(NULL, sizeof *g->lab.rate, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (g->lab.rate == MAP_FAILED) {
        leat_rc no = leat_os_fail(e, errno, "map memory for", "the demo");
        leat_demo_scratch_remove(&g->lab);
        return no;
    }
    atomic_store(g->lab.rate, (int)g->rate);
    g->lab.keep = g->keep;
    g->lab.target = leat_arena_printf(a, "%s/warehouse.db", g->lab.scratch);
    if (!g->json && !g->no_page) g->lab.listen = leat_demo_listen(g->listen, a);
    g->lab.data = g->data ? g->data : leat_arena_printf(a, "%s/data", g->lab.scratch);
    leat_rc rc = leat_demo_keeper_start(&g->lab, &g->keeper, e);
    if (leat_rc_failed(rc)) leat_demo_scratch_remove(&g->lab);
    return rc;
}

static void print_tail(const char *text)
{
    leat_str rest = leat_str_of(text);
    if (*text) fprintf(stderr, "leat: the end of its log:\n");
    while (*text && rest.s) {
        leat_str line = leat_str_cut(&rest, '\n');
        if (line.len > 0) fprintf(stderr, "    " LEAT_STR_FMT "\n", LEAT_STR_ARG(line));
    }
}

static int finish(demo *g, leat_rc rc, const leat_err *err)
{
    leat_err why = leat_rc_failed(rc) ? *err : g->failed.err;
    if (leat_rc_failed(rc) && !leat_rc_failed(g->failed.err.rc))
        leat_demo_log_tail(&g->lab, "leat", g->failed.text, sizeof g->failed.text);
    if (!leat_rc_failed(why.rc)) sum_up(g);
    leat_demo_keeper_stop(&g->keeper);
    bool in_order = leat_demo_keeper_wait(&g->lab, &g->keeper, &interrupts);
    if (g->keep)
        fprintf(stderr, "leat: kept %s\n", g->lab.scratch);
    else if (access(g->lab.scratch, F_OK) == 0)
        fprintf(stderr, "leat: %s could not be removed\n", g->lab.scratch);
    if (!leat_rc_failed(why.rc)) return in_order ? LEAT_EXIT_OK : LEAT_EXIT_FAILED;
    print_tail(g->failed.text);
    return leat_cli_fail(&why);
}

static void catch_signals(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int leat_cli_demo(int argc, char **argv)
{
    demo g = {.rate = RATE};
    const leat_arg args[] = {
        {"seconds", LEAT_ARG_INT, &g.seconds, "N", "end N seconds after the first event"},
        {"json", LEAT_ARG_FLAG, &g.json, NULL, "records as 'leat read' prints them, then a total"},
        {"rate", LEAT_ARG_INT, &g.rate, "N", "the shop's transactions a second (20)"},
        {"listen", LEAT_ARG_TEXT, &g.listen, "ADDRESS:PORT",
         "of the page (127.0.0.1:8083, else another port)"},
        {"no-page", LEAT_ARG_FLAG, &g.no_page, NULL, "without page and target, as with --json"},
        {"data", LEAT_ARG_TEXT, &g.data, "DIR", "topics go to DIR and stay; else to the scratch"},
        {"keep", LEAT_ARG_FLAG, &g.keep, NULL, "leave the scratch folder behind"},
        {"postgres", LEAT_ARG_TEXT, &g.postgres, "DIR", "folder of initdb and postgres"},
        {0},
    };
    const char *words[1];
    int nwords, status;
    if (!leat_cli_parse(argc, argv, args, words, 1, &nwords, &status)) return status;
    if (nwords > 0) return leat_cli_usage(argv[0], "takes no name; got \"%s\"", words[0]);
    if (g.seconds < 0 || g.seconds > SECONDS_MAX)
        return leat_cli_usage(argv[0], "--seconds: 1 to %d, got %" PRId64, SECONDS_MAX, g.seconds);
    if (g.rate < 1 || g.rate > LEAT_DEMO_RATE_MAX)
        return leat_cli_usage(argv[0], "--rate: 1 to %d, got %" PRId64, LEAT_DEMO_RATE_MAX, g.rate);
    leat_arena a;
    leat_err err = {0};
    leat_arena_init(&a, 0);
    catch_signals();
    leat_rc rc = prepare(&g, &a, &err);
    if (leat_rc_failed(rc)) {
        status = leat_cli_fail(&err);
    } else {
        introduce(&g);
        g.terminal = !g.json && isatty(STDOUT_FILENO);
        g.screen = leat_demo_screen_new(g.terminal);
        rc = watch(&g, &err);
        status = finish(&g, rc, &err);
        leat_demo_screen_free(g.screen);
    }
    leat_buf_free(&g.out);
    leat_arena_free(&a);
    return status;
}
