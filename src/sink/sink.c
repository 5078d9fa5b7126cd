/* What every sink has in common: finding one by name. */
#include "sink/sink.h"

const leat_sink *leat_sink_find(leat_str klass)
{
    for (const leat_sink *const *k = leat_sinks; *k; k++) {
        if (leat_str_is(klass, (*k)->name)) return *k;
        if (leat_class_is((*k)->classes, klass)) return *k;
    }
    return NULL;
}
