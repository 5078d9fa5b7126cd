/* Output of `leat shadow` (cli/shadow_show.h). Differences and the result go to stdout; progress
 * and prose to stderr, but with --json all of it is JSON objects on stdout, one a line. */
#include "cli/shadow_show.h"

#include <inttypes.h>
#include <stdio.h>

enum { EVERY_S = 10 }; /* a line of progress where there is no terminal */

static void print(leat_buf *out)
{
    leat_buf_u8(out, '\n');
    fwrite(out->p, 1, out->len, stdout);
    fflush(stdout);
    leat_buf_free(out);
}

/* Ends a line of progress that stands on the terminal. */
static void clear(leat_shadow_show *w)
{
    if (w->open) fprintf(stderr, "\r\033[K");
    w->open = false;
}

uint64_t leat_shadow_differences(const leat_shadow_counts *c)
{
    uint64_t n = 0;
    for (int i = 0; i < LEAT_SHADOW_KINDS; i++) n += c->differences[i];
    return n;
}

void leat_shadow_show_step(void *arg, const char *step, const char *text)
{
    leat_shadow_show *w = arg;
    if (!w->json) {
        clear(w);
        fprintf(stderr, "%-8s %s\n", step, text);
        return;
    }
    leat_buf out = {0};
    leat_jw j = {.out = &out};
    leat_jw_object(&j, NULL);
    leat_jw_z(&j, "event", step);
    leat_jw_z(&j, "text", text);
    leat_jw_end(&j);
    print(&out);
}

/* ---- differences ---- */

static void difference_json(const leat_shadow_difference *d)
{
    leat_buf out = {0};
    leat_jw j = {.out = &out};
    leat_jw_object(&j, NULL);
    leat_jw_z(&j, "event", d->purpose ? "deliberate" : "difference");
    leat_jw_z(&j, "kind", d->purpose ? d->purpose->name : leat_shadow_kind_names[d->kind]);
    leat_jw_z(&j, "topic", d->topic);
    if (d->offset >= 0) leat_jw_i64(&j, "partition", d->partition);
    if (d->offset >= 0) leat_jw_i64(&j, "offset", d->offset);
    if (d->leat_offset >= 0) leat_jw_i64(&j, "leat_offset", d->leat_offset);
    leat_jw_str(&j, "key", d->key);
    if (d->path) leat_jw_z(&j, "path", d->path);
    leat_jw_str(&j, "leat", d->leat);
    leat_jw_str(&j, "debezium", d->debezium);
    leat_jw_end(&j);
    print(&out);
}

static void side(const char *name, leat_str text, const char *none)
{
    printf("    %-9s %.*s\n", name, text.s ? (int)text.len : (int)strlen(none),
           text.s ? text.s : none);
}

static void difference_text(const leat_shadow_difference *d)
{
    static const char *const said[LEAT_SHADOW_KINDS] = {
        [LEAT_SHADOW_CONTENT] = "differ",
        [LEAT_SHADOW_ORDER] = "stands behind a later one in Debezium's partition",
        [LEAT_SHADOW_MISSING] = "is leat's alone: Debezium has none",
        [LEAT_SHADOW_EXTRA] = "is Debezium's alone: leat has none",
        [LEAT_SHADOW_UNREADABLE] = "cannot be read as a record of Debezium's",
    };
    printf("%s", d->topic);
    if (d->offset >= 0) printf(", partition %" PRId32 ", offset %" PRId64, d->partition, d->offset);
    printf(", key %.*s: %s %s\n", d->key.s ? (int)d->key.len : 4, d->key.s ? d->key.s : "null",
           d->path ? d->path : "it", d->path ? "differs" : said[d->kind]);
    if (d->path || d->leat.s) side("leat", d->leat, d->path ? "(not there)" : "null");
    if (d->path || d->debezium.s) side("debezium", d->debezium, d->path ? "(not there)" : "null");
    fflush(stdout);
}

void leat_shadow_show_difference(void *arg, const leat_shadow_difference *d)
{
    leat_shadow_show *w = arg;
    if (!d->purpose && w->shown++ >= w->most) return;
    clear(w);
    if (d->purpose && !w->json)
        printf("on purpose, told once: %s: %s\n", d->purpose->what, d->purpose->reason);
    if (w->json)
        difference_json(d);
    else
        difference_text(d);
    if (!d->purpose && w->shown == w->most && !w->json)
        fprintf(stderr, "further differences are counted only (--max-differences)\n");
}

/* ---- progress and result ---- */

static void put_counts(leat_jw *j, const leat_shadow_counts *c)
{
    leat_jw_i64(j, "compared", (int64_t)c->compared);
    leat_jw_i64(j, "equal", (int64_t)c->equal);
    leat_jw_i64(j, "explained", (int64_t)c->explained);
    leat_jw_object(j, "differences");
    for (int i = 0; i < LEAT_SHADOW_KINDS; i++)
        leat_jw_i64(j, leat_shadow_kind_names[i], (int64_t)c->differences[i]);
    leat_jw_end(j);
    leat_jw_object(j, "not_compared");
    for (int i = 1; i < LEAT_SHADOW_SKIPS; i++)
        if (c->skipped[i]) leat_jw_i64(j, leat_shadow_skips[i].name, (int64_t)c->skipped[i]);
    leat_jw_end(j);
    leat_jw_object(j, "waiting");
    leat_jw_i64(j, "leat", (int64_t)c->waiting[LEAT_SHADOW_LEAT]);
    leat_jw_i64(j, "debezium", (int64_t)c->waiting[LEAT_SHADOW_DEBEZIUM]);
    leat_jw_end(j);
}

static void progress_json(const leat_shadow_status *s)
{
    leat_buf out = {0};
    leat_jw j = {.out = &out};
    leat_jw_object(&j, NULL);
    leat_jw_z(&j, "event", "progress");
    leat_jw_i64(&j, "seconds", s->seconds);
    put_counts(&j, s->counts);
    static const char *const names[] = {"leat", "debezium"};
    leat_jw_object(&j, "behind");
    for (int i = 0; i < 2; i++) {
        leat_jw_object(&j, names[i]);
        leat_jw_i64(&j, "records", (int64_t)s->lag[i].records);
        leat_jw_i64(&j, "ms", s->lag[i].us / 1000);
        leat_jw_end(&j);
    }
    leat_jw_end(&j);
    if (s->retained_bytes >= 0) leat_jw_i64(&j, "slot_holds_bytes", s->retained_bytes);
    if (s->trouble) leat_jw_z(&j, "trouble", s->trouble);
    leat_jw_end(&j);
    print(&out);
}

static void lag_text(char *out, size_t size, const char *name, const leat_shadow_lag *lag)
{
    *out = 0;
    if (lag->records == 0) return;
    snprintf(out, size, ", %s is %" PRIu64 " records (%.1f s) behind", name, lag->records,
             (double)lag->us / 1e6);
}

void leat_shadow_show_progress(void *arg, const leat_shadow_status *s)
{
    leat_shadow_show *w = arg;
    char leat[96], debezium[96], slot[48] = "";
    if (!w->tty && s->seconds < w->told + EVERY_S) return;
    w->told = s->seconds;
    if (w->json) {
        progress_json(s);
        return;
    }
    lag_text(leat, sizeof leat, "leat", &s->lag[LEAT_SHADOW_LEAT]);
    lag_text(debezium, sizeof debezium, "Debezium", &s->lag[LEAT_SHADOW_DEBEZIUM]);
    if (s->retained_bytes >= 0)
        snprintf(slot, sizeof slot, ", slot holds %.1f MiB", (double)s->retained_bytes / 1048576);
    clear(w);
    fprintf(stderr, "%" PRId64 " s: %" PRIu64 " compared, %" PRIu64 " differences%s%s%s%s%s%s",
            s->seconds, s->counts->compared, leat_shadow_differences(s->counts), leat, debezium,
            slot, s->trouble ? ", Kafka: " : "", s->trouble ? s->trouble : "", w->tty ? "" : "\n");
    fflush(stderr);
    w->open = w->tty;
}

static void result_text(const leat_shadow_counts *c)
{
    printf("%" PRIu64 " records compared, %" PRIu64 " equal, %" PRIu64
           " differ on purpose, %" PRIu64 " unexplained differences\n",
           c->compared, c->equal, c->explained, leat_shadow_differences(c));
    for (int i = 0; i < LEAT_SHADOW_KINDS; i++)
        if (c->differences[i])
            printf("  %-12s %10" PRIu64 "\n", leat_shadow_kind_names[i], c->differences[i]);
    for (int i = 0; i < LEAT_SHADOW_DELIBERATES; i++)
        if (c->deliberate[i])
            printf("on purpose: %" PRIu64 " times %s: %s\n", c->deliberate[i],
                   leat_shadow_purposes[i].what, leat_shadow_purposes[i].reason);
    for (int i = 1; i < LEAT_SHADOW_SKIPS; i++)
        if (c->skipped[i])
            printf("not compared: %" PRIu64 " %s: %s\n", c->skipped[i], leat_shadow_skips[i].what,
                   leat_shadow_skips[i].reason);
    for (int i = 0; leat_shadow_rules[i].name; i++)
        if (c->ruled[i])
            printf("passed over: %" PRIu64 " times %s: %s\n", c->ruled[i],
                   leat_shadow_rules[i].path, leat_shadow_rules[i].reason);
}

void leat_shadow_show_result(leat_shadow_show *w, const leat_shadow_counts *c, bool finished)
{
    clear(w);
    if (!w->json) {
        result_text(c);
        if (c->compared == 0)
            fprintf(stderr, "nothing was compared: no change was made while both were read, or the "
                            "two do not read the same tables\n");
        fflush(stdout);
        return;
    }
    leat_buf out = {0};
    leat_jw j = {.out = &out};
    leat_jw_object(&j, NULL);
    leat_jw_z(&j, "event", "result");
    leat_jw_bool(&j, "finished", finished);
    put_counts(&j, c);
    leat_jw_object(&j, "passed_over");
    for (int i = 0; leat_shadow_rules[i].name; i++)
        if (c->ruled[i]) leat_jw_i64(&j, leat_shadow_rules[i].path, (int64_t)c->ruled[i]);
    leat_jw_end(&j);
    leat_jw_object(&j, "on_purpose");
    for (int i = 0; i < LEAT_SHADOW_DELIBERATES; i++)
        if (c->deliberate[i])
            leat_jw_i64(&j, leat_shadow_purposes[i].name, (int64_t)c->deliberate[i]);
    leat_jw_end(&j);
    leat_jw_end(&j);
    print(&out);
}

/* ---- rules ---- */

static void rules_json(void)
{
    leat_buf out = {0};
    leat_jw j = {.out = &out};
    leat_jw_object(&j, NULL);
    leat_jw_array(&j, "passed_over");
    for (const leat_shadow_rule *r = leat_shadow_rules; r->name; r++) {
        static const char *const when[] = {"always", "rows", "same second member", "same type"};
        leat_jw_object(&j, NULL);
        leat_jw_z(&j, "rule", r->name);
        leat_jw_z(&j, "path", r->path);
        leat_jw_z(&j, "when", when[r->when]);
        leat_jw_z(&j, "reason", r->reason);
        leat_jw_end(&j);
    }
    leat_jw_end(&j);
    leat_jw_array(&j, "on_purpose");
    for (int i = 0; i < LEAT_SHADOW_DELIBERATES; i++) {
        leat_jw_object(&j, NULL);
        leat_jw_z(&j, "rule", leat_shadow_purposes[i].name);
        leat_jw_z(&j, "what", leat_shadow_purposes[i].what);
        leat_jw_z(&j, "reason", leat_shadow_purposes[i].reason);
        leat_jw_end(&j);
    }
    leat_jw_end(&j);
    leat_jw_array(&j, "not_compared");
    for (int i = 1; i < LEAT_SHADOW_SKIPS; i++) {
        leat_jw_object(&j, NULL);
        leat_jw_z(&j, "records", leat_shadow_skips[i].what);
        leat_jw_z(&j, "reason", leat_shadow_skips[i].reason);
        leat_jw_end(&j);
    }
    leat_jw_end(&j);
    leat_jw_end(&j);
    print(&out);
}

void leat_shadow_show_rules(bool json)
{
    static const char *const when[] = {"", " (of a snapshot's row)", " (its first member)",
                                       " (both given)"};
    if (json) {
        rules_json();
        return;
    }
    printf("What may differ:\n");
    for (const leat_shadow_rule *r = leat_shadow_rules; r->name; r++)
        printf("  %s%s: %s\n", r->path, when[r->when], r->reason);
    printf("What differs on purpose:\n");
    for (int i = 0; i < LEAT_SHADOW_DELIBERATES; i++)
        printf("  %s: %s\n", leat_shadow_purposes[i].what, leat_shadow_purposes[i].reason);
    printf("What is not compared:\n");
    for (int i = 1; i < LEAT_SHADOW_SKIPS; i++)
        printf("  %s: %s\n", leat_shadow_skips[i].what, leat_shadow_skips[i].reason);
}
