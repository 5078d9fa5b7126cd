/* leat verify: what was delivered (of a source: its stream) equals what the source holds, or which
 * keys differ.
 *
 * With --json a line each: a difference, a table, at the end the result. Else differences and
 * tables on stdout, progress on stderr. A hub's child (`leat verifying`) tells progress and errors
 * as lines of JSON, too, and gets the keys of secrets on standard input. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/os.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "config/seal.h"
#include "prove/verify/verify.h"

enum {
    TABLES_MAX = 256,
    PROGRESS_US = 1000000,
    WAIT_MAX_S = 86400,
    PAUSE_STEP_US = 100000,
    KEYS_MAX = 1 << 16,
};

typedef struct verifying {
    leat_common common;
    bool repair, continuous;
    bool hub; /* it is a hub's child */
    const char *load;
    int64_t wait, every, most;
    uint64_t shown;
    int64_t told_us; /* progress */
    uint64_t tables, rows, repaired;
} verifying;

static void print_line(leat_buf *text)
{
    printf("%.*s\n", LEAT_STR_ARG(leat_buf_str(text)));
    fflush(stdout);
    leat_buf_free(text);
}

static void difference(void *arg, const leat_verify_table *t, const leat_verify_difference *d)
{
    verifying *g = arg;
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    if (g->shown++ >= (uint64_t)g->most) return;
    if (g->common.json) {
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "difference", leat_verify_kind_name(d->kind));
        leat_jw_z(&w, "table", t->source);
        leat_jw_z(&w, "target", t->target);
        leat_jw_object(&w, "key");
        for (unsigned i = 0; i < d->nkey; i++) leat_jw_str(&w, d->columns[i], d->key[i]);
        leat_jw_end(&w);
        leat_jw_bool(&w, "repaired", d->repaired);
        leat_jw_end(&w);
    } else {
        leat_buf_printf(&text, "%-10s %s", leat_verify_kind_name(d->kind), t->source);
        for (unsigned i = 0; i < d->nkey; i++)
            leat_buf_printf(&text, "%s%s=%.*s", i > 0 ? ", " : "  ", d->columns[i],
                            LEAT_STR_ARG(d->key[i]));
        if (d->repaired) leat_buf_str_z(&text, "  (repaired)");
    }
    print_line(&text);
    if (g->shown == (uint64_t)g->most)
        fprintf(stderr, "further differences are counted only (--max-differences)\n");
}

/* The place of a view, as the source writes it: an end, or a file and a place in it; "" if it has
 * none. */
static leat_str place_of(const leat_verify_table *t, leat_arena *a)
{
    const leat_json *j = NULL;
    if (leat_json_parse(a, leat_str_of(t->view), &j, NULL) != LEAT_OK) return LEAT_STR("");
    leat_str end = leat_json_get_str(j, "end"), file = leat_json_get_str(j, "file");
    if (file.s)
        return leat_str_of(leat_arena_printf(a, LEAT_STR_FMT ":%" PRId64, LEAT_STR_ARG(file),
                                             leat_json_get_i64(j, "pos", 0)));
    return end.s ? end : LEAT_STR("");
}

static void table(void *arg, const leat_verify_table *t)
{
    verifying *g = arg;
    char iso[LEAT_ISO_MAX];
    leat_arena a = {0};
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_str place = place_of(t, &a);
    bool equal = t->differences + t->undecided == 0;
    g->tables++;
    g->rows += t->rows;
    g->repaired += t->repaired;
    leat_iso_us(t->at_us, 3, iso);
    if (g->common.json) {
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "table", t->source);
        leat_jw_z(&w, "target", t->target);
        leat_jw_z(&w, "topic", t->topic);
        leat_jw_bool(&w, "equal", equal);
        leat_jw_i64(&w, "rows", (int64_t)t->rows);
        leat_jw_i64(&w, "ranges", (int64_t)t->ranges);
        leat_jw_i64(&w, "differences", (int64_t)t->differences);
        leat_jw_i64(&w, "undecided", (int64_t)t->undecided);
        leat_jw_i64(&w, "repaired", (int64_t)t->repaired);
        leat_jw_str(&w, "position", place);
        leat_jw_z(&w, "at", iso);
        leat_jw_i64(&w, "took_ms", t->took_us / 1000);
        leat_jw_z(&w, "not_compared", t->skipped);
        leat_jw_end(&w);
    } else {
        leat_buf_printf(&text,
                        "%-10s %s -> %s: %" PRIu64 " rows, %" PRIu64 " differ, %" PRIu64
                        " undecided, at %.*s of %s",
                        equal            ? "equal"
                        : t->differences ? "differs"
                                         : "undecided",
                        t->source, t->target, t->rows, t->differences, t->undecided,
                        LEAT_STR_ARG(place), iso);
        if (*t->skipped) leat_buf_printf(&text, "; not compared: %s", t->skipped);
    }
    print_line(&text);
    leat_arena_free(&a);
}

static void progress(void *arg, const leat_verify_table *t, int64_t estimate)
{
    verifying *g = arg;
    int64_t now = leat_mono_us();
    if (now - g->told_us < PROGRESS_US) return;
    g->told_us = now;
    if (g->hub) {
        leat_buf text = {0};
        leat_jw w = {.out = &text};
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "progress", t->source);
        leat_jw_i64(&w, "rows", (int64_t)t->rows);
        leat_jw_i64(&w, "ranges", (int64_t)t->ranges);
        leat_jw_i64(&w, "estimate", estimate);
        leat_jw_end(&w);
        print_line(&text);
        return;
    }
    fprintf(stderr, "%s: %" PRIu64 " rows in %" PRIu64 " ranges", t->source, t->rows, t->ranges);
    if (estimate > 0) fprintf(stderr, ", of about %" PRId64, estimate);
    fputc('\n', stderr);
}

static bool stop(void *arg)
{
    (void)arg;
    return leat_lines_interrupted();
}

static double percent(int64_t part, int64_t of)
{
    return of > 0 ? 100.0 * (double)part / (double)of : 0;
}

static void result(verifying *g, uint64_t found, uint64_t undecided, const leat_verify_load *l)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    double source = percent(l->source_us, l->took_us), target = percent(l->target_us, l->took_us);
    if (!g->common.json) {
        fprintf(stderr,
                "%" PRIu64 " tables, %" PRIu64 " rows: %" PRIu64 " differences, %" PRIu64
                " undecided, %" PRIu64 " repaired, in %.1f s; the source was busy %.1f %%, the "
                "target %.1f %% of it, %.1f s were slept\n",
                g->tables, g->rows, found, undecided, g->repaired, (double)l->took_us / 1e6, source,
                target, (double)l->slept_us / 1e6);
        return;
    }
    leat_jw_object(&w, NULL);
    leat_jw_bool(&w, "equal", found + undecided == 0);
    leat_jw_i64(&w, "tables", (int64_t)g->tables);
    leat_jw_i64(&w, "rows", (int64_t)g->rows);
    leat_jw_i64(&w, "differences", (int64_t)found);
    leat_jw_i64(&w, "undecided", (int64_t)undecided);
    leat_jw_i64(&w, "repaired", (int64_t)g->repaired);
    leat_jw_i64(&w, "took_ms", l->took_us / 1000);
    leat_jw_i64(&w, "slept_ms", l->slept_us / 1000);
    leat_jw_i64(&w, "source_ms", l->source_us / 1000);
    leat_jw_i64(&w, "target_ms", l->target_us / 1000);
    leat_jw_f64(&w, "source_percent", source);
    leat_jw_f64(&w, "target_percent", target);
    leat_jw_end(&w);
    print_line(&text);
}

/* "10" or "10%"; 0: it is none. */
static int64_t load_of(const char *text)
{
    int64_t n = 0;
    leat_str s = leat_str_of(text);
    if (s.len > 0 && s.s[s.len - 1] == '%') s.len--;
    return leat_str_i64(s, &n) && n >= 1 && n <= 100 ? n : 0;
}

static int failed(const verifying *g, const leat_err *err)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    if (!g->hub) return leat_cli_fail(err);
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "error", err->code);
    leat_jw_z(&w, "where", err->where);
    leat_jw_z(&w, "message", err->msg);
    leat_jw_end(&w);
    print_line(&text);
    return LEAT_EXIT_FAILED;
}

static int run(verifying *g, const leat_verify_conf *conf)
{
    bool any = false, again;
    leat_lines_signals();
    leat_log_setup(LEAT_ERROR, false, NULL, STDERR_FILENO);
    do {
        leat_err err = {0};
        leat_verify_load load;
        uint64_t found = 0, undecided = 0;
        g->tables = g->rows = g->repaired = g->shown = 0;
        leat_rc rc = leat_verify_run(conf, &found, &undecided, &load, &err);
        any = any || found > 0;
        again = g->continuous && (rc == LEAT_OK || rc == LEAT_RETRY) && !leat_lines_interrupted();
        if (rc == LEAT_OK) result(g, found, undecided, &load);
        bool ended = rc != LEAT_OK && g->continuous && leat_lines_interrupted();
        if (rc != LEAT_OK && !ended) {
            int status = failed(g, &err);
            if (!again) return any && status == LEAT_EXIT_FAILED ? LEAT_EXIT_FOUND : status;
        }
        if (!again && !any && undecided > 0) return LEAT_EXIT_FAILED;
        int64_t until = leat_mono_us() + g->every * 1000000;
        while (again && leat_mono_us() < until && !leat_lines_interrupted())
            leat_sleep_us(PAUSE_STEP_US);
    } while (again && !leat_lines_interrupted());
    return any ? LEAT_EXIT_FOUND : LEAT_EXIT_OK;
}

static int begin(int argc, char **argv, bool hub)
{
    verifying g = {.common = {.data = leat_cli_data(), .json = hub},
                   .hub = hub,
                   .load = "100",
                   .wait = 60,
                   .every = 60,
                   .most = 10000};
    const leat_arg args[] = {
        LEAT_ARG_DATA(g.common),
        LEAT_ARG_JSON(g.common),
        {"repair", LEAT_ARG_FLAG, &g.repair, NULL, "correct what differs: corrective changes"},
        {"continuous", LEAT_ARG_FLAG, &g.continuous, NULL, "again and again, until Ctrl-C"},
        {"every", LEAT_ARG_INT, &g.every, "SECONDS", "pause between those (60)"},
        {"load", LEAT_ARG_TEXT, &g.load, "PERCENT",
         "of its time that either database is kept busy at most (100)"},
        {"wait", LEAT_ARG_INT, &g.wait, "SECONDS",
         "for the delivery, and for keys that go on changing (60)"},
        {"max-differences", LEAT_ARG_INT, &g.most, "N", "print so many (10000)"},
        {0}};
    const char *words[TABLES_MAX + 2];
    int n, status;
    if (!leat_cli_parse(argc, argv, args, words, TABLES_MAX + 1, &n, &status)) return status;
    if (n == 0)
        return leat_cli_usage(argv[0],
                              "NAME of a sink or a source, and tables (schema.table) if not all");
    if (!leat_cli_names(argv[0], words, 1, &status)) return status;
    if (load_of(g.load) == 0) return leat_cli_usage(argv[0], "--load: 1%% to 100%%");
    if (g.wait < 1 || g.wait > WAIT_MAX_S || g.every > WAIT_MAX_S)
        return leat_cli_usage(argv[0], "--wait, --every: at most %d seconds", WAIT_MAX_S);
    words[n] = NULL;
    const leat_verify_conf conf = {.data = g.common.data,
                                   .name = words[0],
                                   .tables = n > 1 ? words + 1 : NULL,
                                   .load = load_of(g.load),
                                   .wait_us = g.wait * 1000000,
                                   .repair = g.repair,
                                   .watch = {difference, table, progress, stop, &g}};
    return run(&g, &conf);
}

int leat_cli_verify(int argc, char **argv)
{
    return begin(argc, argv, false);
}

int leat_cli_verifying(int argc, char **argv)
{
    leat_err err = {0};
    leat_buf keys = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int read = leat_cli_load("-", &keys, KEYS_MAX);
    leat_rc rc = read < 0 ? leat_os_fail(&err, read, "read", "the keys")
                          : leat_seal_hand(leat_buf_str(&keys), &err);
    leat_buf_free(&keys);
    return rc == LEAT_OK ? begin(argc, argv, true) : leat_cli_fail(&err);
}
