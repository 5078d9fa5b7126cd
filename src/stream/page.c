/* The counters page (stream/page.h): a file of one page, mapped shared.
 *
 * The mark's three parts are kept together by its segment number, which is 0 while the others
 * change, and by reading twice. A reader that is going to sleep says so in waiters and looks at
 * the mark once more; the writer moves the mark and then looks at waiters: one of the two sees the
 * other, so no wake-up is lost, and none is paid for when nobody sleeps. One writer, any number of
 * watchers in any process. Needs real files: a simulator passes a page in its own memory. */
#include "stream/page.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"

enum { SILENT_US = 30000000 };

_Static_assert(sizeof(leat_page) <= LEAT_PAGE_SIZE, "the page is one page");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(_Atomic int32_t) == 4,
               "the layout is that of plain integers");

const char *leat_run_state_name(leat_run_state state)
{
    static const char *const names[] = {"NONE",     "STARTING", "SNAPSHOT", "RUNNING", "PAUSED",
                                        "RETRYING", "STALLED",  "STOPPED",  "FAILED"};
    return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "NONE";
}

const char *leat_stage_name(leat_stage stage)
{
    static const char *const names[] = {NULL,           "source", "appender", "disk",   "kafka",
                                        "dead_letters", "stream", "target",   "process"};
    return (size_t)stage < sizeof(names) / sizeof(names[0]) ? names[stage] : NULL;
}

static leat_rc map(int fd, const char *path, leat_page **out, leat_err *e)
{
    void *p = mmap(NULL, LEAT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return leat_fail(e, LEAT_CONF, "page.map", path,
                         "the counters page %s cannot be mapped; it must be on a local file system",
                         path);
    *out = p;
    return LEAT_OK;
}

static void begin(leat_page *p, int32_t pid)
{
    if (p->magic != LEAT_PAGE_MAGIC || p->version != LEAT_PAGE_VERSION)
        memset(p, 0, LEAT_PAGE_SIZE);
    uint64_t frame = p->mark_frame;
    uint32_t wake = p->wake, waiters = p->waiters;
    atomic_store(&p->pid, 0);
    size_t after = offsetof(leat_page, state);
    memset((char *)p + after, 0, LEAT_PAGE_SIZE - after);
    p->mark_frame = frame;
    p->wake = wake;
    p->waiters = waiters;
    p->lag_bytes = p->retained_bytes = -1;
    p->snapshot_total = p->snapshot_rate = p->snapshot_left_ms = -1;
    p->started_us = leat_now_us();
    p->program = leat_os_program(NULL);
    p->pid_start = leat_os_start_of((int)getpid());
    p->version = LEAT_PAGE_VERSION;
    p->magic = LEAT_PAGE_MAGIC;
    atomic_store(&p->pid, pid);
}

void leat_page_begin(leat_page *p)
{
    begin(p, (int32_t)getpid());
}

static leat_rc create(const char *path, int32_t pid, leat_page **out, leat_err *e)
{
    const leat_os *os = leat_os_now();
    int fault = LEAT_FAULT(page_open);
    int fd = fault ? -fault : os->open(path, LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE, 0600);
    if (fd < 0) return leat_os_fail(e, fd, "open", path);
    int64_t size = os->size(fd);
    int rc = size < 0 ? (int)size : 0;
    if (rc == 0 && size < LEAT_PAGE_SIZE) rc = os->truncate(fd, LEAT_PAGE_SIZE);
    leat_rc done = rc < 0 ? leat_os_fail(e, rc, "make", path) : map(fd, path, out, e);
    os->close(fd);
    if (done == LEAT_OK) begin(*out, pid);
    return done;
}

leat_rc leat_page_create(const char *path, leat_page **out, leat_err *e)
{
    return create(path, (int32_t)getpid(), out, e);
}

leat_rc leat_page_visit(const char *path, leat_page **out, leat_err *e)
{
    return create(path, -(int32_t)getpid(), out, e);
}

leat_rc leat_page_open(const char *path, leat_page **out, leat_err *e)
{
    const leat_os *os = leat_os_now();
    int fd = os->open(path, LEAT_O_READ | LEAT_O_WRITE, 0);
    int64_t size = fd < 0 ? 0 : os->size(fd);
    if (fd == -ENOENT || (fd >= 0 && size < LEAT_PAGE_SIZE)) {
        os->close(fd);
        return leat_fail(e, LEAT_RETRY, "page.missing", path,
                         "there is no counters page %s; it is made when the connector first runs",
                         path);
    }
    if (fd < 0) return leat_os_fail(e, fd, "open", path);
    leat_rc rc = map(fd, path, out, e);
    os->close(fd);
    if (rc != LEAT_OK) return rc;
    const leat_page *p = *out;
    if (p->magic == LEAT_PAGE_MAGIC && p->version == LEAT_PAGE_VERSION) return LEAT_OK;
    leat_page_close(*out);
    *out = NULL;
    return leat_fail(e, LEAT_RETRY, "page.missing", path,
                     "%s is no counters page of version %d; a connector that starts makes it anew",
                     path, LEAT_PAGE_VERSION);
}

void leat_page_close(leat_page *p)
{
    if (p != NULL) munmap(p, LEAT_PAGE_SIZE);
}

_Static_assert(sizeof(leat_page) % sizeof(uint64_t) == 0, "the page is whole words");

void leat_page_copy(const leat_page *from, leat_page *to)
{
    const uint64_t *in = (const uint64_t *)from;
    uint64_t *out = (uint64_t *)to;
    for (size_t i = 0; i < sizeof *from / sizeof *in; i++)
        out[i] = __atomic_load_n(&in[i], __ATOMIC_RELAXED);
}

bool leat_page_alive(const leat_page *p)
{
    int pid = atomic_load(&p->pid);
    return pid > 0 && leat_os_alive(pid, atomic_load(&p->pid_start));
}

int64_t leat_page_silent(const leat_page *p)
{
    int64_t beat = atomic_load(&p->beat_us), now = leat_mono_us();
    bool ended = atomic_load(&p->pid) == 0;
    return !ended && beat > 0 && now - beat > SILENT_US ? (now - beat) / 1000 : 0;
}

void leat_page_set_mark(leat_page *p, uint64_t segment, uint64_t offset, uint64_t frame)
{
    atomic_store(&p->mark_segment, 0);
    atomic_store(&p->mark_offset, offset);
    atomic_store(&p->mark_frame, frame);
    atomic_store(&p->mark_segment, segment);
    atomic_fetch_add(&p->wake, 1);
    if (atomic_load(&p->waiters) > 0) leat_os_futex_wake(&p->wake);
}

/* Who reads a part of the next mark finds the segment 0 after it, or the frame another one. */
bool leat_page_mark(const leat_page *p, uint64_t *segment, uint64_t *offset, uint64_t *frame)
{
    for (;;) {
        uint64_t before = atomic_load(&p->mark_segment);
        if (before == 0) return false;
        *frame = atomic_load(&p->mark_frame);
        *offset = atomic_load(&p->mark_offset);
        *segment = atomic_load(&p->mark_segment);
        if (*segment == before && atomic_load(&p->mark_frame) == *frame) return true;
    }
}

void leat_page_set_trouble(leat_page *p, const leat_page_trouble *t)
{
    uint64_t words[LEAT_PAGE_WORDS] = {0};
    char *text = (char *)words;
    if (t != NULL) {
        size_t code = strlen(t->why.code) + 1, room = sizeof words - code;
        memcpy(text, t->why.code, code);
        snprintf(text + code, room, "%s", t->why.msg);
        leat_str_mend(text + code);
    }
    atomic_fetch_add(&p->trouble_turn, 1);
    for (size_t i = 0; i < LEAT_PAGE_WORDS; i++) atomic_store(&p->trouble[i], words[i]);
    atomic_store(&p->trouble_us, t ? t->since_us : 0);
    atomic_store(&p->trouble_again_us, t ? t->again_us : 0);
    atomic_fetch_add(&p->trouble_turn, 1);
}

bool leat_page_get_trouble(const leat_page *p, leat_page_trouble *out)
{
    enum { TRIES = 1000 }; /* a writer that died in the middle never ends its turn */
    uint64_t words[LEAT_PAGE_WORDS + 1] = {0};
    const char *text = (const char *)words;
    for (int i = 0; i < TRIES; i++) {
        uint32_t turn = atomic_load(&p->trouble_turn);
        for (size_t w = 0; w < LEAT_PAGE_WORDS; w++) words[w] = atomic_load(&p->trouble[w]);
        out->since_us = atomic_load(&p->trouble_us);
        out->again_us = atomic_load(&p->trouble_again_us);
        if (turn % 2 == 0 && atomic_load(&p->trouble_turn) == turn) break;
    }
    if (out->since_us == 0) return false;
    size_t code = strlen(text) + 1;
    leat_fail(&out->why, LEAT_RETRY, text, "kafka", "%s", code < sizeof words ? text + code : "");
    return true;
}

void leat_page_wait(leat_page *p, uint64_t frame, int64_t us)
{
    uint32_t seen = atomic_load(&p->wake);
    atomic_fetch_add(&p->waiters, 1);
    if (atomic_load(&p->mark_frame) == frame) leat_os_futex_wait(&p->wake, seen, us);
    atomic_fetch_sub(&p->waiters, 1);
}
