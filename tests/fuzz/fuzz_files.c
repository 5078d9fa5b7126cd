/* The small files that others leave in a data folder, each in turn with any bytes in it, beside a
 * good stream on a disk in memory: a sink's cursors, a topic's claim, a cursor alone, a counters
 * page. A reader, a sink's inputs and a writer start on them: they work or say why
 * not, and the stream is whole afterwards. The first byte says which. */
#include "fuzz.h"
#include "still.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "engine/inputs.h"
#include "stream/page.h"
#include "stream/stream.h"
#include "stream/topics.h"
/* a target is built from one file */
#include "../sim/disk.c"

enum { CURSORS, CLAIM, CURSOR, PAGE, KINDS };

static leat_page page;

/* n records, or as many as the claim lets pass: none. */
static bool write_some(unsigned n)
{
    leat_err e;
    leat_stream *s;
    leat_batch b;
    static const leat_schema text = {.type = LEAT_T_STRING};
    leat_embedded_conf conf = {
        .data = "", .connector = "c", .page = &page, .segment_bytes = 4096, .frame_bytes = 100};
    leat_rc rc = leat_embedded_open(&conf, &s, &e);
    if (rc == LEAT_CONF) return false; /* another connector has the claim, or it is no claim */
    if (rc != LEAT_OK) abort();
    leat_batch_init(&b, 100, 1 << 20);
    for (unsigned i = 0; i < n; i++) {
        leat_record *r = LEAT_NEW(&b.arena, leat_record, 1);
        *r = (leat_record){.topic = "t", .value_schema = &text, .value = leat_text(LEAT_STR("x"))};
        leat_batch_add(&b, NULL)->record = r;
    }
    leat_batch_safe(&b, (leat_position){LEAT_STR("p"), LEAT_STR("o")});
    rc = s->ops->append(s, &b, (leat_str){0}, &e);
    if (rc == LEAT_OK && s->ops->commit(s, &e) != LEAT_OK) abort();
    leat_batch_free(&b);
    s->ops->close(s);
    return rc == LEAT_OK;
}

static unsigned read_from(leat_reader_conf conf)
{
    leat_err e;
    leat_reader *r;
    leat_batch b;
    unsigned n = 0;
    conf.data = "";
    conf.connector = "c";
    conf.page = &page;
    if (leat_reader_open(&conf, &r, &e) != LEAT_OK) return 0;
    leat_batch_init(&b, 100, 1 << 20);
    while (leat_reader_next(r, &b, 0, &e) == LEAT_OK) n += b.n;
    leat_reader_at_end(r);
    leat_batch_free(&b);
    leat_reader_close(r);
    return n;
}

static void look_as_sink(void)
{
    static const char *const topics[] = {"t", "other", NULL};
    leat_shaper *shaper = leat_shaper_new(NULL, false);
    leat_inputs in = {.feed = {.ops = &leat_inputs_ops},
                      .data = "",
                      .sink = "out",
                      .topics = topics,
                      .shaper = shaper};
    leat_feed *feed = &in.feed;
    leat_err e;
    leat_batch b;
    leat_batch_init(&b, 100, 1 << 20);
    if (feed->ops->look(feed, true, 0, &e) == LEAT_OK && feed->first)
        feed->ops->next(feed, feed->first, &b, 0, &e);
    leat_feed_counts(feed);
    feed->ops->close(feed);
    leat_batch_free(&b);
    leat_shaper_free(shaper);
}

static void put(const char *path, leat_str text)
{
    if (leat_os_store(path, text, 0600) < 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    leat_str text = {(const char *)data + 1, size - 1};
    unsigned kind = data[0] % KINDS;
    leat_log_setup(LEAT_ERROR, false, NULL, -1);
    leat_clock_use(&still);
    disk *d = disk_new();
    disk_mount(d);
    leat_os_use(&disk_os);
    page = (leat_page){.magic = LEAT_PAGE_MAGIC, .version = LEAT_PAGE_VERSION};
    if (!write_some(3) || read_from((leat_reader_conf){0}) != 3) abort();
    if (leat_os_mkdirs("/connectors/c/stream/readers", 0700) < 0) abort();
    if (kind == CURSORS) put("/connectors/c/stream/readers/out", text);
    if (kind == CLAIM) put("/topics/t", text);
    if (kind == CURSOR) read_from((leat_reader_conf){.from = LEAT_FROM_CURSOR, .cursor = text});
    if (kind == PAGE) {
        size_t n = text.len < LEAT_PAGE_SIZE ? text.len : sizeof page;
        memcpy((char *)&page, text.s, n < sizeof page ? n : sizeof page);
        atomic_store(&page.mark_frame, 0); /* more would be evidence of damage, and rightly so */
        leat_page_alive(&page);
    }
    look_as_sink();
    if (kind != CLAIM && !write_some(2)) abort();
    if (kind == CLAIM) write_some(2);
    unsigned n = read_from((leat_reader_conf){0});
    if (n != 5 && !(kind == CLAIM && n == 3)) abort();
    leat_os_use(NULL);
    leat_clock_use(NULL);
    disk_free(d);
    return 0;
}
