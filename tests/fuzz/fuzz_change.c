/* convert/change: any bytes are a key and a value that are an event, nothing or refused; an event
 * can be kept and has its records. The first two bytes say how many of the rest are the key, the
 * third whether schemas stand beside. */
#include "fuzz.h"

#include <stdlib.h>

#include "convert/change.h"
#include "event/envelope.h"

static void check(const leat_event *ev, leat_arena *a)
{
    leat_record out[LEAT_RECORDS_MAX];
    unsigned n = leat_envelope_records(ev, a, out);
    if (n == 0 || n > LEAT_RECORDS_MAX) abort();
    if (ev->op == LEAT_OP_RECORD) return;
    if (!ev->table || ev->table->nkey > ev->table->row->nfields) abort();
    for (uint16_t i = 0; i < ev->table->nkey; i++)
        if (ev->table->key_cols[i] >= ev->table->row->nfields) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a = {0};
    leat_batch b;
    leat_err e;
    if (size < 3) return 0;
    size_t n = (size_t)data[0] << 8 | data[1];
    if (n > size - 3) n = size - 3;
    const leat_json_read_conf conf = {.schemas = data[2] & 1,
                                      .replace_null_with_default = data[2] & 2};
    leat_str key = {(const char *)data + 3, n}, value = {(const char *)data + 3 + n, size - 3 - n};
    leat_change_reader *r = leat_change_reader_new(&conf, &conf);
    leat_batch_init(&b, 0, 0);
    for (int i = 0; i < 3; i++) { /* the second time by what is known, the third a tombstone */
        leat_rc rc = leat_change_read(r, "a.b.c", key, i < 2 ? value : (leat_str){0}, &b, &e);
        if (rc != LEAT_OK && rc != LEAT_AGAIN && rc != LEAT_DATA) abort();
        if (rc == LEAT_OK) check(&b.ev[b.n - 1], &a);
    }
    leat_batch_free(&b);
    leat_change_reader_free(r);
    leat_arena_free(&a);
    return 0;
}
