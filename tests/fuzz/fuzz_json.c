/* base/json: what is read and written must read again as the same, byte for byte. */
#include "fuzz.h"

#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a = {0};
    leat_buf once = {0}, twice = {0};
    const leat_json *j;
    leat_err e;
    leat_rc rc = leat_json_parse(&a, (leat_str){(const char *)data, size}, &j, &e);
    if (rc == LEAT_OK) {
        leat_json_write(j, &once);
        if (!leat_str_utf8(leat_buf_str(&once))) abort();
        if (leat_json_parse(&a, leat_buf_str(&once), &j, &e) != LEAT_OK) abort();
        leat_json_write(j, &twice);
        if (!leat_str_eq(leat_buf_str(&once), leat_buf_str(&twice))) abort();
    } else if (rc != LEAT_CONF || !leat_str_utf8(leat_str_of(e.msg))) {
        abort();
    }
    leat_buf_free(&once);
    leat_buf_free(&twice);
    leat_arena_free(&a);
    return 0;
}
