/* What every source has in common: finding one by name, and telling the steps of a check. */
#include "source/source.h"

const leat_source *leat_source_find(leat_str klass)
{
    for (const leat_source *const *s = leat_sources; *s; s++) {
        if (leat_str_is(klass, (*s)->name)) return *s;
        for (const char *const *c = (*s)->classes; c && *c; c++)
            if (leat_str_is(klass, *c)) return *s;
    }
    return NULL;
}

void leat_check_step(leat_checker *c, const leat_step *s)
{
    if (s->state == LEAT_STEP_FAILED) c->failed++;
    if (s->state == LEAT_STEP_WARN) c->warned++;
    c->step(c, s);
}
