/* Reads the bytes as a table: they may not crash, and what was read must come back the same when it
 * is written and read again. */
#include <stdlib.h>

#include "event/wire.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_table *t = NULL, *same = NULL;
    leat_err e;
    if (leat_wire_get_table((leat_str){(const char *)data, size}, &t, &e) != LEAT_OK) return 0;
    leat_buf bytes = {0}, again = {0};
    leat_wire_put_table(&bytes, t);
    if (leat_wire_get_table(leat_buf_str(&bytes), &same, &e) != LEAT_OK) abort();
    leat_wire_put_table(&again, same);
    if (!leat_str_eq(leat_buf_str(&bytes), leat_buf_str(&again))) abort();
    if (t->fingerprint != same->fingerprint) abort();
    if (!leat_schema_eq(t->envelope, same->envelope)) abort();
    leat_buf_free(&bytes);
    leat_buf_free(&again);
    leat_table_unpin(t);
    leat_table_unpin(same);
    return 0;
}
