/* Removing topics: claims, and a stream that nobody claims any more (stream/stream.h).
 *
 * A claim goes when its connector does not exist any more, or when nothing of the topic is held and
 * the connector does not run: else it would be made anew at once. Claims go first, each durably,
 * then the stream under its lock: a crash in between leaves a stream without claims, which the next
 * call removes. Events of one topic stand among those of the others and stay as long as the stream
 * does. Any process. */
#include <errno.h>
#include <inttypes.h>

#include "stream/readers.h"
#include "stream/stream.h"
#include "stream/topics.h"

enum { LOCK_US = 200000 };

/* ---- one topic ---- */

static bool is_running(const char *data, const char *connector, leat_arena *a)
{
    char *path = leat_arena_printf(a, "%s/connectors/%s/stream/lock", data, connector);
    int fd = leat_os_lock(path, LEAT_O_READ, LOCK_US);
    leat_os_now()->close(fd);
    return fd == -EWOULDBLOCK;
}

static leat_rc may_go(const char *data, const leat_topic *t, leat_arena *a, leat_err *e)
{
    if (!t->exists) return LEAT_OK;
    if (t->next > t->first)
        return leat_fail(e, LEAT_CONF, "topic.in_use", t->name,
                         "the topic belongs to the connector \"%s\" and holds %" PRId64
                         " records. Delete the connector first (leat delete %s), or wait until "
                         "retention has removed them",
                         t->connector, t->next - t->first, t->connector);
    if (is_running(data, t->connector, a))
        return leat_fail(e, LEAT_CONF, "topic.in_use", t->name,
                         "the connector \"%s\" runs and may write the topic again; stop it first "
                         "(leat stop %s)",
                         t->connector, t->connector);
    return LEAT_OK;
}

leat_rc leat_topics_delete(const char *data, const leat_topic *t, leat_err *e)
{
    leat_arena a = {0};
    leat_rc rc = may_go(data, t, &a, e);
    if (rc == LEAT_OK) rc = leat_topics_release(data, leat_str_of(t->name), t->connector, e);
    leat_arena_free(&a);
    return rc;
}

/* ---- a stream ---- */

/* The connector's folder holds nothing but the stream when `leat delete` has been there. */
static leat_rc remove_all(const char *data, const char *connector, leat_arena *a, leat_err *e)
{
    char *folder = leat_arena_printf(a, "%s/connectors/%s", data, connector);
    LEAT_TRY(leat_os_remove_folder(leat_arena_printf(a, "%s/stream/readers", folder), a, e));
    LEAT_TRY(leat_os_remove_folder(leat_arena_printf(a, "%s/stream", folder), a, e));
    leat_os_now()->unlink(leat_arena_printf(a, "%s/counters", folder));
    leat_os_now()->rmdir(folder); /* if nothing else is in it */
    int rc = leat_os_now()->sync_dir(leat_arena_printf(a, "%s/connectors", data));
    return rc < 0 ? leat_os_fail(e, rc, "sync", folder) : LEAT_OK;
}

leat_rc leat_stream_remove(const char *data, const char *connector, leat_err *e)
{
    leat_arena a = {0};
    char path[LEAT_PATH_MAX];
    LEAT_TRY(leat_segment_folder(data, connector, "stream/lock", path, e));
    int lock = leat_os_lock(path, LEAT_O_READ, LOCK_US);
    leat_rc rc;
    if (lock == -EWOULDBLOCK)
        rc = leat_fail(e, LEAT_CONF, "stream.locked", connector,
                       "the connector \"%s\" runs and writes its stream; stop it first", connector);
    else if (leat_readers_exists(data, connector))
        rc = leat_fail(e, LEAT_CONF, "topic.in_use", connector,
                       "the connector \"%s\" exists; delete it first (leat delete %s)", connector,
                       connector);
    else
        rc = remove_all(data, connector, &a, e);
    leat_os_now()->close(lock);
    leat_arena_free(&a);
    return rc;
}
