/* What every sink has in common: finding one by name. */
#include "sink/sink.h"

const leat_sink *leat_sink_find(leat_str klass)
{
    for (const leat_sink *const *k = leat_sinks; *k; k++) {
        if (leat_str_is(klass, (*k)->name)) return *k;
        for (const char *const *c = (*k)->classes; c && *c; c++)
            if (leat_str_is(klass, *c)) return *k;
    }
    return NULL;
}
