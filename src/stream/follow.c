/* Following a stream's mark (stream/follow.h).
 *
 * Without a living writer the newest segments are read (recover.h), and then the stream's lock is
 * tried for an instant. In that order: if nobody holds the lock after the bytes were read, who
 * wrote them is gone, and a writer that starts now recovers from the same bytes to the same mark or
 * a later one; so the frames up to it may be proven and shown. If the lock is held by a writer
 * without a page, its frames tell which mark it had last reached.
 *
 * Damage is believed only if it is seen twice and no writer lives: a frame that is being written
 * looks torn. Which stream it is, is told by the file of its lock, held open: what is made anew at
 * the same path is another file. Run by the reader's thread. */
#include "stream/follow.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"

enum { ALIVE_US = 200000, POLL_US = 20000, LOCK_PATH_MAX = LEAT_PATH_MAX + 8 };

static void lock_path(const leat_follow *f, char out[LOCK_PATH_MAX])
{
    snprintf(out, LOCK_PATH_MAX, "%s/lock", f->dir);
}

void leat_follow_close(leat_follow *f)
{
    if (f->own) leat_page_close(f->page);
    f->page = NULL;
    leat_os_now()->close(f->lock);
    f->lock = -1;
}

leat_rc leat_follow_open(leat_follow *f, const char *data, const char *connector, leat_page *page,
                         leat_err *e)
{
    leat_arena a = {0};
    char path[LOCK_PATH_MAX];
    uint64_t *numbers;
    size_t n;
    *f = (leat_follow){.lock = -1, .page = page};
    LEAT_TRY(leat_segment_folder(data, connector, "stream", f->dir, e));
    LEAT_TRY(leat_segment_folder(data, connector, "counters", f->page_path, e));
    lock_path(f, path);
    f->lock = leat_os_now()->open(path, LEAT_O_READ, 0);
    if (f->lock < 0 && f->lock != -ENOENT) return leat_os_fail(e, f->lock, "open", path);
    leat_rc rc = leat_segment_list(f->dir, &a, &numbers, &n, e);
    leat_arena_free(&a);
    if (rc != LEAT_OK) leat_follow_close(f);
    return rc;
}

/* 1: it is the stream that was opened; 0: another one; -ENOENT: there is none. */
static int is_this(const leat_follow *f)
{
    char path[LOCK_PATH_MAX];
    if (f->lock < 0) return 1;
    lock_path(f, path);
    return leat_os_now()->same(f->lock, path);
}

static leat_rc anew(const leat_follow *f, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "stream.anew", f->dir,
                     "the stream was deleted and made anew; what the new one holds is to be read "
                     "from its beginning");
}

leat_rc leat_follow_failed(const leat_follow *f, leat_rc rc, leat_err *e)
{
    int is = is_this(f);
    if (is == 0) return anew(f, e);
    if (is != -ENOENT) return rc;
    return leat_fail(e, LEAT_RETRY, "stream.missing", f->dir, "the stream was deleted");
}

/* True if that moved the mark. */
static bool look_at_page(leat_follow *f)
{
    uint64_t segment, offset, frame;
    if (!leat_page_mark(f->page, &segment, &offset, &frame)) return false;
    if (frame <= f->mark.number || offset > INT64_MAX) return false;
    f->mark = (leat_place){segment, (int64_t)offset, frame, 0};
    return true;
}

/* Nothing was written since the last look at the frames. */
static bool unchanged(const leat_follow *f)
{
    const leat_os *os = leat_os_now();
    char path[LEAT_PATH_MAX];
    if (f->settled_segment == 0) return false;
    leat_segment_path(f->dir, f->settled_segment + 1, path);
    int fd = os->open(path, LEAT_O_READ, 0);
    os->close(fd);
    if (fd >= 0) return false;
    leat_segment_path(f->dir, f->settled_segment, path);
    fd = os->open(path, LEAT_O_READ, 0);
    int64_t size = fd < 0 ? -1 : os->size(fd);
    os->close(fd);
    return size == f->settled_size;
}

static void note_size(leat_follow *f, const leat_found *found, bool gone)
{
    const leat_os *os = leat_os_now();
    char path[LEAT_PATH_MAX];
    leat_segment_path(f->dir, found->last, path);
    int fd = os->open(path, LEAT_O_READ, 0);
    f->settled_segment = fd < 0 ? 0 : found->last;
    f->settled_size = fd < 0 ? -1 : os->size(fd);
    f->settled_gone = gone;
    os->close(fd);
}

/* Nobody writes now. */
static bool writer_gone(const leat_follow *f)
{
    char path[LOCK_PATH_MAX];
    lock_path(f, path);
    int fd = leat_os_now()->open(path, LEAT_O_READ | LEAT_O_LOCK, 0);
    leat_os_now()->close(fd);
    return fd >= 0 || fd == -ENOENT;
}

static void move(leat_follow *f, const leat_place *to)
{
    if (to->segment != 0 && to->number > f->mark.number) f->mark = *to;
}

/* The page may be another file by now. */
static void reopen_page(leat_follow *f)
{
    if (!f->own) return;
    leat_page_close(f->page);
    f->page = NULL;
    f->own = false;
    f->known_pid = 0;
}

static leat_rc prove(leat_follow *f, const leat_found *found, leat_err *e)
{
    leat_err why;
    leat_rc rc = leat_recover_prove(f->dir, found, &why);
    if (rc == LEAT_OK || strcmp(why.code, "os.erofs") == 0) {
        move(f, &found->mark); /* what nobody can write stays as it is */
        return LEAT_OK;
    }
    move(f, &found->proven);
    if (strcmp(why.code, "os.eacces") == 0 || strcmp(why.code, "os.eperm") == 0) return LEAT_OK;
    if (e != NULL) *e = why;
    return rc;
}

static leat_rc settle(leat_follow *f, leat_err *e)
{
    leat_found found;
    uint64_t promised = f->page != NULL ? atomic_load(&f->page->mark_frame) : 0;
    if (unchanged(f) && (f->settled_gone || !writer_gone(f))) return LEAT_OK;
    leat_rc rc = leat_recover_find(f->dir, promised, &found, e);
    bool gone = writer_gone(f);
    if (rc == LEAT_FATAL && gone) {
        rc = leat_recover_find(f->dir, promised, &found, e);
        gone = writer_gone(f);
    }
    if (!gone) {
        if (rc == LEAT_OK) move(f, &found.proven);
        if (rc == LEAT_OK) note_size(f, &found, false);
        reopen_page(f);
        return LEAT_OK;
    }
    if (rc == LEAT_AGAIN) return LEAT_OK;
    LEAT_TRY(rc);
    LEAT_TRY(prove(f, &found, e));
    note_size(f, &found, true);
    return LEAT_OK;
}

/* A page is believed if its writer was seen alive: what a power cut kept of a page may be half of
 * it, but no power was cut since. While a writer that has begun looks for its mark, or moves it,
 * the page has none: the frames tell. */
leat_rc leat_follow_look(leat_follow *f, leat_err *e)
{
    if (f->page == NULL) f->own = leat_page_open(f->page_path, &f->page, NULL) == LEAT_OK;
    int32_t pid = f->page != NULL ? atomic_load(&f->page->pid) : 0;
    if (pid != 0 && pid == f->known_pid && look_at_page(f)) return LEAT_OK;
    f->alive = pid != 0 && leat_page_alive(f->page);
    bool shown = f->alive && atomic_load(&f->page->mark_segment) != 0;
    leat_rc rc = shown ? LEAT_OK : settle(f, e);
    if (is_this(f) == 0) return anew(f, e);
    if (!shown) return rc;
    f->known_pid = pid;
    f->settled_segment = 0;
    look_at_page(f);
    return LEAT_OK;
}

void leat_follow_wait(leat_follow *f, int64_t us)
{
    if (f->alive && f->page != NULL)
        leat_page_wait(f->page, f->mark.number, us < ALIVE_US ? us : ALIVE_US);
    else
        leat_sleep_us(us < POLL_US ? us : POLL_US);
}

leat_rc leat_follow_state(const char *data, const char *connector, leat_restored *out, leat_err *e)
{
    leat_follow f;
    LEAT_TRY(leat_follow_open(&f, data, connector, NULL, e));
    leat_rc rc = leat_follow_look(&f, e);
    if (rc == LEAT_OK && f.mark.segment == 0) rc = LEAT_AGAIN;
    if (rc == LEAT_OK) rc = leat_recover_state(f.dir, &f.mark, out, e);
    leat_follow_close(&f);
    return rc;
}
