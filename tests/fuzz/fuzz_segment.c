/* Puts the bytes into the files of a stream on a disk in memory, then recovers, reads and writes:
 * nothing may crash, hang, or leave a stream that the next start cannot open.
 *
 * The first byte: bit 0 makes the bytes look right (checksums, numbers and the chain are put in
 * where heads stand, so that metas and bodies are what is wrong), bit 1 spreads them over two
 * segments, the rest tells the counters page's mark. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "fuzz.h"
#include "still.h"
#include "stream/frame.h"
#include "stream/page.h"
#include "stream/reader.h"
#include "stream/stream.h"
/* a target is built from one file */
#include "../sim/disk.c"

enum { FRAMES_MOST = 2000 };

/* Heads in p get what makes them frames that follow each other. */
static void make_right(char *p, size_t n, uint64_t *number, uint32_t *crc)
{
    for (size_t at = 0; n - at >= LEAT_FRAME_HEAD;) {
        uint32_t meta, body;
        memcpy(&meta, p + at + 8, 4);
        memcpy(&body, p + at + 12, 4);
        size_t left = n - at - LEAT_FRAME_HEAD;
        if (meta > left || body > left - meta) return;
        bool merged = p[at + 6] & LEAT_FRAME_MERGED; /* its lead says how many it stands for */
        leat_cur lead = leat_cur_of((leat_str){p + at + LEAT_FRAME_HEAD, meta});
        *number += 1 + (merged ? leat_cur_varint(&lead) % 1000 : 0);
        uint32_t name = leat_cur_le32(&lead);
        leat_frame f = {.type = (uint8_t)p[at + 4],
                        .flags = (uint16_t)((uint8_t)p[at + 6]),
                        .number = *number,
                        .prev = *crc,
                        .meta_len = meta,
                        .body_len = body};
        leat_frame_seal(p + at, &f);
        *crc = merged ? name : f.crc;
        at += leat_frame_size(&f);
    }
}

static void store(unsigned segment, const char *p, size_t n)
{
    char path[128];
    snprintf(path, sizeof(path), "/connectors/c/stream/%020u.seg", segment);
    if (leat_os_store(path, (leat_str){p, n}, 0600) < 0) abort();
}

static void read_all(leat_page *page)
{
    leat_err e;
    leat_reader *r;
    leat_batch b;
    leat_reader_conf conf = {.data = "", .connector = "c", .page = page, .verify = true};
    if (leat_reader_open(&conf, &r, &e) != LEAT_OK) return;
    leat_batch_init(&b, 100, 1 << 20);
    for (unsigned i = 0; i < FRAMES_MOST && leat_reader_next(r, &b, 0, &e) == LEAT_OK; i++)
        for (uint32_t k = 0; k < b.n; k++) leat_event_records(&b.ev[k]);
    leat_reader_at_end(r);
    leat_batch_free(&b);
    leat_reader_close(r);
}

/* Opens, writes and reads what was written. */
static bool write_some(leat_page *page)
{
    leat_err e;
    leat_stream *s;
    leat_batch b;
    static const leat_schema text = {.type = LEAT_T_STRING};
    leat_embedded_conf conf = {
        .data = "",
        .connector = "c",
        .page = page,
        .segment_bytes = 2048,
        .frame_bytes = 100,
        .merge = LEAT_MERGING_STEPS,
        .merge_gain = -1,
    };
    if (leat_embedded_open(&conf, &s, &e) != LEAT_OK) return false;
    uint64_t frame = s->ops->state(s)->frame;
    leat_batch_init(&b, 100, 1 << 20);
    for (unsigned i = 0; i < 3; i++) {
        leat_record *r = LEAT_NEW(&b.arena, leat_record, 1);
        *r = (leat_record){.topic = "t", .value_schema = &text, .value = leat_text(LEAT_STR("x"))};
        leat_batch_add(&b, NULL)->record = r;
    }
    leat_batch_safe(&b, (leat_position){LEAT_STR("p"), LEAT_STR("o")});
    if (s->ops->append(s, &b, (leat_str){0}, &e) != LEAT_OK) abort();
    if (s->ops->commit(s, &e) != LEAT_OK) abort();
    if (s->ops->state(s)->frame <= frame) abort();
    for (unsigned i = 0; i < FRAMES_MOST && leat_embedded_merge(s); i++) {}
    if (s->ops->commit(s, &e) != LEAT_OK) abort();
    leat_batch_free(&b);
    s->ops->close(s);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    static leat_page page;
    unsigned how = data[0];
    char *bytes = leat_alloc(size);
    memcpy(bytes, data, size);
    size_t half = how & 2 ? size / 2 : size;
    uint64_t number = 0;
    uint32_t crc = 0;
    if (how & 1) {
        make_right(bytes + 1, half - 1, &number, &crc);
        if (half > 0 && half < size) make_right(bytes + half, size - half, &number, &crc);
    }
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    leat_clock_use(&still);
    disk *d = disk_new();
    disk_mount(d);
    leat_os_use(&disk_os);
    if (leat_os_mkdirs("/connectors/c/stream", 0700) < 0) abort();
    if (half > 0) store(1, bytes + 1, half - 1);
    if (half < size) store(2, bytes + half, size - half);
    page = (leat_page){.magic = LEAT_PAGE_MAGIC, .version = LEAT_PAGE_VERSION};
    page.mark_frame = how >> 4;
    read_all(&page);
    if (write_some(&page) && !write_some(&page)) abort();
    read_all(&page);
    leat_os_use(NULL);
    leat_clock_use(NULL);
    disk_free(d);
    leat_free(bytes);
    return 0;
}
