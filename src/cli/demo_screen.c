/* The demo's screen: event lines that scroll, a status line that stays below them.
 *
 * On a terminal every write first clears the status line and ends by drawing it again, so the two
 * never mix. Where events come faster than anyone reads, only the last of each round are shown, and
 * how many were left out. Elsewhere than on a terminal all lines are written as they are, without
 * colour. Run by the command's one thread. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/demo.h"

enum { LINES_A_ROUND = 24, SUB_BITS = 5, SUB = 1 << SUB_BITS, COLUMNS = 80 };

struct leat_demo_screen {
    leat_demo_style style;
    leat_buf line, out;
    size_t starts[LINES_A_ROUND]; /* of the lines taken last, in out; a ring */
    uint64_t taken;               /* lines of this round */
    bool terminal;
    char status[200]; /* what stands on the status line; empty: there is none */
};

/* ---- lags ---- */

/* Up to 32 us a bucket a microsecond, then 32 for each doubling. */
static unsigned bucket_of(int64_t us)
{
    if (us < SUB) return us < 0 ? 0 : (unsigned)us;
    unsigned high = 63 - (unsigned)__builtin_clzll((unsigned long long)us);
    unsigned index =
        (high - SUB_BITS + 1) * SUB + ((unsigned)(us >> (high - SUB_BITS)) & (SUB - 1));
    return index < LEAT_DEMO_BUCKETS ? index : LEAT_DEMO_BUCKETS - 1;
}

/* The middle of a bucket. */
static double value_of(unsigned bucket)
{
    if (bucket < SUB) return bucket;
    unsigned shift = bucket / SUB - 1;
    return ((double)(SUB + bucket % SUB) + 0.5) * (double)(UINT64_C(1) << shift);
}

void leat_demo_lag_add(leat_demo_lags *lags, int64_t us)
{
    lags->bucket[bucket_of(us)]++;
    lags->n++;
}

double leat_demo_lag_ms(const leat_demo_lags *lags, double part)
{
    uint64_t seen = 0, wanted = (uint64_t)ceil(part * (double)lags->n);
    for (unsigned i = 0; i < LEAT_DEMO_BUCKETS; i++) {
        seen += lags->bucket[i];
        if (seen > 0 && seen >= wanted) return value_of(i) / 1000;
    }
    return NAN;
}

/* ---- the screen ---- */

leat_demo_screen *leat_demo_screen_new(bool terminal)
{
    leat_demo_screen *s = leat_zalloc(1, sizeof *s);
    const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
    s->terminal = terminal && term && strcmp(term, "dumb") != 0;
    s->style.colour = s->terminal && !(plain && *plain);
    return s;
}

void leat_demo_screen_free(leat_demo_screen *s)
{
    if (!s) return;
    leat_buf_free(&s->style.text);
    leat_buf_free(&s->line);
    leat_buf_free(&s->out);
    leat_free(s);
}

/* The terminal may change its size at any time. */
static size_t columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS;
}

void leat_demo_screen_add(leat_demo_screen *s, const leat_event *ev)
{
    if (s->terminal && s->taken == 0) s->style.width = columns();
    s->starts[s->taken++ % LINES_A_ROUND] = s->out.len;
    leat_demo_line(&s->style, ev, &s->out);
}

bool leat_demo_put(leat_str text)
{
    while (text.len > 0) {
        ssize_t n = write(STDOUT_FILENO, text.s, text.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text.s += n;
        text.len -= (size_t)n;
    }
    return true;
}

/* What of the round is shown on a terminal. */
static leat_str shown(leat_demo_screen *s)
{
    leat_str lines = leat_buf_str(&s->out);
    if (s->taken <= LINES_A_ROUND) return lines;
    size_t from = s->starts[s->taken % LINES_A_ROUND];
    leat_buf_printf(&s->line, "%s             .. %llu more%s\n", s->style.colour ? "\033[2m" : "",
                    (unsigned long long)(s->taken - LINES_A_ROUND),
                    s->style.colour ? "\033[0m" : "");
    return (leat_str){lines.s + from, lines.len - from};
}

/* Everything of a round on a terminal. */
static void draw(leat_demo_screen *s, const char *status)
{
    leat_str text = leat_str_of(status);
    leat_buf_clear(&s->line);
    if (*s->status) leat_buf_str_z(&s->line, "\r\033[K");
    leat_buf_add(&s->line, shown(s));
    if (text.len > 0) {
        leat_buf_str_z(&s->line, s->style.colour ? "\033[7m" : "");
        leat_buf_put(&s->line, text.s, leat_str_fit(text, columns() - 1));
        leat_buf_str_z(&s->line, s->style.colour ? "\033[0m" : "");
    }
    snprintf(s->status, sizeof s->status, "%s", status);
}

bool leat_demo_screen_show(leat_demo_screen *s, const char *status)
{
    bool good = true;
    if (!s->terminal) {
        good = leat_demo_put(leat_buf_str(&s->out));
    } else if (s->taken > 0 || strcmp(status, s->status) != 0) {
        draw(s, status);
        good = leat_demo_put(leat_buf_str(&s->line));
    }
    leat_buf_clear(&s->out);
    s->taken = 0;
    return good;
}
