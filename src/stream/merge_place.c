/* Merging segments (stream/merge.h): the names of the new files, and putting one in place.
 *
 * A rename makes the new file the segment. Its content is on the disk by then, so it does not
 * matter whether a crash keeps the old name's meaning or the new one's; the folder is synced so
 * that the room of the old file is given back for certain. Run by the thread that appends, under
 * the stream's lock. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "stream/merge.h"

static const char SUFFIX[] = ".merge";

void leat_merge_path(const char *dir, uint64_t segment, char out[LEAT_PATH_MAX])
{
    int n = snprintf(out, LEAT_PATH_MAX, "%s/%020" PRIu64 "%s", dir, segment, SUFFIX);
    if (n < 0 || n >= LEAT_PATH_MAX) out[0] = '\0';
}

leat_rc leat_merge_install(const char *dir, const leat_merged *merged, leat_err *e)
{
    const leat_os *os = leat_os_now();
    char from[LEAT_PATH_MAX], to[LEAT_PATH_MAX];
    leat_merge_path(dir, merged->segment, from);
    leat_segment_path(dir, merged->segment, to);
    int fd = os->open(to, LEAT_O_READ, 0);
    int rc = fd < 0 ? fd : 0;
    os->close(fd);
    if (rc == 0) rc = LEAT_FAULT(merge_rename);
    if (rc == 0) rc = os->rename(from, to);
    if (rc != 0) {
        os->unlink(from);
        return rc == -ENOENT ? LEAT_AGAIN
                             : leat_os_fail(e, rc, "put the merged file in place of", to);
    }
    rc = os->sync_dir(dir);
    return rc != 0 ? leat_os_fail(e, rc, "sync", dir) : LEAT_OK;
}

leat_rc leat_merge_clean(const char *dir, leat_err *e)
{
    char path[LEAT_PATH_MAX];
    uint64_t *numbers = NULL;
    size_t n = 0;
    leat_arena a = {0};
    leat_rc rc = leat_segment_files(dir, SUFFIX, &a, &numbers, &n, e);
    for (size_t i = 0; i < n && rc == LEAT_OK; i++) {
        leat_merge_path(dir, numbers[i], path);
        int err = leat_os_now()->unlink(path);
        if (err != 0 && err != -ENOENT) rc = leat_os_fail(e, err, "remove", path);
    }
    leat_arena_free(&a);
    return rc;
}
