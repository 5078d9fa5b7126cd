/* See stream_world.h. */
#include "../test.h"

#include "stream_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/os.h"

int world_setup(void **state)
{
    world *w = test_calloc(1, sizeof(*w));
    snprintf(w->data, sizeof(w->data), "/tmp/leat-stream-XXXXXX");
    assert_non_null(mkdtemp(w->data));
    leat_log_setup(LEAT_ERROR, false, NULL, 2);
    model_init(&w->m, 7, 6, 60);
    w->conf = (leat_embedded_conf){.data = w->data, .connector = "shop"};
    w->at = (model_place){1, 0};
    leat_batch_init(&w->b, 1000, 1 << 20);
    *state = w;
    return 0;
}

static bool remove_one(void *arg, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", (const char *)arg, name);
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        leat_os_now()->list(path, remove_one, path);
        rmdir(path);
    } else {
        unlink(path);
    }
    return true;
}

int world_teardown(void **state)
{
    world *w = *state;
    leat_fault_set(NULL);
    if (w->s != NULL) world_close(w);
    leat_os_now()->list(w->data, remove_one, w->data);
    rmdir(w->data);
    leat_batch_free(&w->b);
    model_free(&w->m);
    test_free(w);
    return 0;
}

void world_open(world *w)
{
    char path[256];
    if (!w->no_page && w->conf.page == NULL) {
        snprintf(path, sizeof(path), "%s/connectors/%s", w->data, w->conf.connector);
        assert_int_equal(leat_os_mkdirs(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/connectors/%s/counters", w->data, w->conf.connector);
        assert_int_equal(leat_page_create(path, &w->conf.page, &w->e), LEAT_OK);
    }
    leat_rc rc = leat_embedded_open(&w->conf, &w->s, &w->e);
    if (rc != LEAT_OK) fail_msg("%s: %s", w->e.code, w->e.msg);
}

void world_close(world *w)
{
    w->s->ops->close(w->s);
    w->s = NULL;
    if (w->conf.page != NULL) atomic_store(&w->conf.page->pid, 0);
    leat_page_close(w->conf.page);
    w->conf.page = NULL;
}

leat_rc world_append(world *w, uint32_t n)
{
    model_place before = w->at;
    leat_batch_reset(&w->b);
    model_read(&w->m, &w->at, n, &w->b);
    leat_rc rc = w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e);
    if (rc != LEAT_OK) w->at = before;
    return rc;
}

void world_commit(world *w)
{
    leat_rc rc = w->s->ops->commit(w->s, &w->e);
    if (rc != LEAT_OK) fail_msg("%s: %s", w->e.code, w->e.msg);
}

/* What model_read counts to the end of tx. */
static uint32_t left_to(const world *w, uint64_t tx)
{
    uint32_t n = 0;
    for (uint64_t t = w->at.tx; t <= tx; t++) {
        uint32_t size = model_size(&w->m, t);
        n += size > 0 ? size : 1;
    }
    return n > 0 ? n - w->at.k : 0;
}

void world_write(world *w, uint64_t tx, uint32_t batch)
{
    for (uint32_t left; (left = left_to(w, tx)) > 0;) {
        leat_rc rc = world_append(w, left < batch ? left : batch);
        if (rc != LEAT_OK) fail_msg("%s: %s", w->e.code, w->e.msg);
        world_commit(w);
    }
    model_check_state(&w->m, w->s->ops->state(w->s), tx);
}

leat_reader *world_reader(world *w, leat_reader_conf conf)
{
    leat_reader *r = NULL;
    conf.data = w->data;
    if (conf.connector == NULL) conf.connector = w->conf.connector;
    leat_rc rc = leat_reader_open(&conf, &r, &w->e);
    if (rc != LEAT_OK) fail_msg("%s: %s", w->e.code, w->e.msg);
    return r;
}

void world_expect(world *w, uint64_t tx)
{
    leat_reader *r = world_reader(w, (leat_reader_conf){.verify = true});
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    leat_rc rc = model_drain(&c, r, &w->e);
    if (rc != LEAT_AGAIN) fail_msg("%s: %s", w->e.code, w->e.msg);
    assert_int_equal(c.events, model_events(&w->m, tx));
    assert_true(leat_reader_at_end(r));
    leat_reader_close(r);
}

void world_path(const world *w, uint64_t segment, char out[256])
{
    snprintf(out, 256, "%s/connectors/%s/stream/%020llu.seg", w->data, w->conf.connector,
             (unsigned long long)segment);
}

void world_flip(const world *w, uint64_t segment, int64_t at)
{
    char path[256], c;
    world_path(w, segment, path);
    int fd = leat_os_now()->open(path, LEAT_O_READ | LEAT_O_WRITE, 0);
    assert_true(fd >= 0);
    assert_int_equal(leat_os_read_all(fd, &c, 1, at), 1);
    c = (char)~c;
    assert_int_equal(leat_os_write_all(fd, &c, 1, at), 0);
    leat_os_now()->close(fd);
}

int64_t world_size(const world *w, uint64_t segment)
{
    char path[256];
    struct stat st;
    world_path(w, segment, path);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

uint64_t world_segments(const world *w)
{
    uint64_t first = w->conf.first > 0 ? w->conf.first : 1, n = first;
    while (world_size(w, n) < 0 && n < first + 1000) n++;
    while (world_size(w, n + 1) >= 0) n++;
    return n;
}
