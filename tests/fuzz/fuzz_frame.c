/* Reads the bytes as a frame's head and meta, and as the meta of each type without a checksum: none
 * may crash, and each meta that is read must come back the same when it is written and read again.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "stream/frame.h"

static void check_data(leat_str meta, leat_frame f, leat_arena *a)
{
    leat_frame_data d, part;
    leat_buf first = {0}, second = {0};
    if (!leat_frame_get_data(meta, &f, true, a, &d)) return;
    if (!leat_frame_get_data(meta, &f, false, a, &part) || part.ntopics != d.ntopics) abort();
    if (leat_frame_mark(meta, &f) != d.mark) abort();
    leat_frame_put_data(&first, &f, &d);
    if (!leat_frame_get_data(leat_buf_str(&first), &f, true, a, &d)) abort();
    leat_frame_put_data(&second, &f, &d);
    if (!leat_str_eq(leat_buf_str(&first), leat_buf_str(&second))) abort();
    leat_buf_free(&first);
    leat_buf_free(&second);
}

static void check_segment(leat_str meta, leat_frame f, leat_arena *a)
{
    leat_frame_segment s;
    leat_buf first = {0}, second = {0};
    f.type = LEAT_FRAME_SEGMENT;
    if (!leat_frame_get_segment(meta, &f, a, &s)) return;
    if (leat_frame_mark(meta, &f) != s.mark) abort();
    leat_frame_put_segment(&first, &f, &s);
    if (!leat_frame_get_segment(leat_buf_str(&first), &f, a, &s)) abort();
    leat_frame_put_segment(&second, &f, &s);
    if (!leat_str_eq(leat_buf_str(&first), leat_buf_str(&second))) abort();
    leat_buf_free(&first);
    leat_buf_free(&second);
}

static void check_others(leat_str bytes, leat_arena *a)
{
    const uint64_t *txs;
    uint32_t n, number;
    uint64_t fingerprint;
    leat_buf again = {0};
    if (leat_frame_get_table(bytes, &number, &fingerprint)) {
        leat_frame_put_table(&again, number, fingerprint);
        if (again.len > bytes.len) abort();
    }
    leat_buf_clear(&again);
    if (leat_frame_get_txs(bytes, a, &txs, &n)) {
        leat_frame_put_txs(&again, txs, n);
        if (again.len > bytes.len) abort();
    }
    leat_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_str bytes = {(const char *)data, size};
    leat_arena a = {0};
    leat_frame f;
    size_t need = 0;
    const char *why = NULL;
    leat_seen seen = leat_frame_read(bytes, &f, &need, &why);
    if (seen == LEAT_SEEN_SHORT && need <= size) abort();
    if (seen == LEAT_SEEN_BAD && why == NULL) abort();
    leat_frame_foreign(bytes);
    if (size >= 2) {
        leat_str meta = {bytes.s + 2, size - 2};
        f = (leat_frame){.type = LEAT_FRAME_DATA, .number = 1 + (uint64_t)data[0] * 1000};
        f.flags = data[1] % 16;
        f.body_len = data[0];
        check_data(meta, f, &a);
        check_segment(meta, f, &a);
        check_others(meta, &a);
    }
    leat_arena_free(&a);
    return 0;
}
