/* What every source has in common: finding one by name, and telling the steps of a check. */
#include "source/source.h"

#include "base/clock.h"

bool leat_class_is(const char *const *classes, leat_str klass)
{
    static const char ending[] = "Connector";
    for (const char *const *c = classes; c && *c; c++) {
        const char *dot = strrchr(*c, '.');
        leat_str simple = leat_str_of(dot ? dot + 1 : *c), pruned = simple;
        size_t n = sizeof ending - 1;
        if (pruned.len > n && memcmp(pruned.s + pruned.len - n, ending, n) == 0) pruned.len -= n;
        if (leat_str_is(klass, *c) || leat_str_eq(klass, simple) || leat_str_eq(klass, pruned))
            return true;
    }
    return false;
}

const leat_source *leat_source_find(leat_str klass)
{
    for (const leat_source *const *s = leat_sources; *s; s++) {
        if (leat_str_is(klass, (*s)->name)) return *s;
        if (leat_class_is((*s)->classes, klass)) return *s;
    }
    return NULL;
}

void leat_check_step(leat_checker *c, const leat_step *s)
{
    if (s->state == LEAT_STEP_FAILED) c->failed++;
    if (s->state == LEAT_STEP_WARN) c->warned++;
    c->step(c, s);
}

leat_rc leat_source_delay(leat_task *t, int64_t ms, leat_err *e)
{
    int64_t until = leat_mono_us() + ms * 1000;
    leat_err why;
    if (ms == 0) return LEAT_OK;
    leat_fail(&why, LEAT_RETRY, "snapshot.delay", t->connector, "waits for snapshot.delay.ms=%lld",
              (long long)ms);
    if (t->waits) t->waits(t, &why);
    while (leat_mono_us() < until) {
        if (t->leaves && t->leaves(t))
            return leat_fail(e, LEAT_RETRY, "snapshot.stopped", t->connector,
                             "stopped before the snapshot");
        leat_sleep_us(50000);
    }
    if (t->waits) t->waits(t, NULL);
    return LEAT_OK;
}
