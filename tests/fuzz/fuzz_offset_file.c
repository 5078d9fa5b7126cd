/* Any bytes as a file of FileOffsetBackingStore: what is taken from it is JSON. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/json.h"
#include "state/offset_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a;
    leat_err e;
    leat_stored_offset *list;
    const leat_json *j;
    leat_arena_init(&a, 0);
    if (leat_offset_file_parse(&a, (leat_str){(const char *)data, size}, "fuzz", &list, &e) ==
        LEAT_OK)
        for (const leat_stored_offset *s = list; s; s = s->next) {
            if (leat_json_parse(&a, s->pos.partition, &j, NULL) != LEAT_OK) abort();
            if (leat_json_parse(&a, s->pos.offset, &j, NULL) != LEAT_OK) abort();
        }
    leat_arena_free(&a);
    return 0;
}
