/* source/mysql/jsonbin: any bytes are a document, or refused; a text that comes out is JSON. The
 * first two bytes say how many of the rest are the document; what is left are diffs. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/json.h"
#include "source/mysql/jsonbin.h"

/* A document may name a member twice, be deeper than our reader goes or hold numbers of any size:
 * only its bytes are looked at. */
static void looked_at(leat_str text)
{
    if (text.len == 0 || !leat_str_utf8(text)) abort();
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.s[i] < 32) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a = {0};
    leat_str text;
    leat_err e;
    if (size < 2) return 0;
    size_t n = (size_t)data[0] << 8 | data[1];
    if (n > size - 2) n = size - 2;
    leat_str document = {(const char *)data + 2, n},
             diffs = {(const char *)data + 2 + n, size - 2 - n};
    leat_rc rc = leat_jsonbin_text(document, &a, &text, &e);
    if (rc == LEAT_OK)
        looked_at(text);
    else if (rc != LEAT_DATA)
        abort();
    leat_str before = text;
    bool known = rc == LEAT_OK;
    rc = leat_jsonbin_patch(document, diffs, &a, &text, &e);
    if (rc == LEAT_OK)
        looked_at(text);
    else if (rc != LEAT_DATA)
        abort();
    if (known && diffs.len == 0 && (rc != LEAT_OK || !leat_str_eq(before, text))) abort();
    leat_arena_free(&a);
    return 0;
}
