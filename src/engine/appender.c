/* The appender; see the header. */
#include "engine/appender.h"

#include "base/os.h"

void leat_appender_init(leat_appender *ap, leat_stream *stream)
{
    *ap = (leat_appender){.stream = stream, .owner = -1};
    pthread_mutex_init(&ap->lock, NULL);
}

void leat_appender_fini(leat_appender *ap)
{
    pthread_mutex_destroy(&ap->lock);
}

bool leat_appender_owns(const leat_appender *ap, unsigned task)
{
    return atomic_load(&ap->owner) == (int)task;
}

leat_rc leat_appender_take(leat_appender *ap, unsigned task, leat_appender_use use)
{
    leat_rc rc = LEAT_OK;
    pthread_mutex_lock(&ap->lock);
    int owner = atomic_load(&ap->owner);
    if (use == LEAT_APPENDER_APPEND && owner >= 0 && owner != (int)task)
        rc = LEAT_PENDING;
    else if (ap->busy)
        rc = LEAT_AGAIN;
    else
        ap->busy = true;
    pthread_mutex_unlock(&ap->lock);
    return rc;
}

void leat_appender_give(leat_appender *ap)
{
    pthread_mutex_lock(&ap->lock);
    ap->busy = false;
    pthread_mutex_unlock(&ap->lock);
    leat_appender_wake(ap);
}

void leat_appender_wake(leat_appender *ap)
{
    atomic_fetch_add(&ap->given, 1);
    if (atomic_load(&ap->waiters) > 0) leat_os_futex_wake(&ap->given);
}

void leat_appender_wait(leat_appender *ap, uint32_t given, int64_t us)
{
    atomic_fetch_add(&ap->waiters, 1);
    leat_os_futex_wait(&ap->given, given, us);
    atomic_fetch_sub(&ap->waiters, 1);
}

leat_rc leat_appender_append(leat_appender *ap, unsigned task, const leat_batch *b,
                             leat_str progress, bool open, leat_err *e)
{
    leat_rc rc = ap->stream->ops->append(ap->stream, b, progress, e);
    if (rc != LEAT_OK) return rc;
    atomic_store(&ap->owner, open ? (int)task : -1);
    atomic_fetch_add(&ap->appended, 1);
    return LEAT_OK;
}

leat_rc leat_appender_commit(leat_appender *ap, leat_err *e)
{
    uint64_t appended = atomic_load(&ap->appended);
    leat_rc rc = ap->stream->ops->commit(ap->stream, e);
    LEAT_TRY(rc);
    if (rc == LEAT_AGAIN) appended = ap->stream->ops->state(ap->stream)->settled;
    atomic_store(&ap->durable, appended);
    return rc;
}

leat_rc leat_appender_rollback(leat_appender *ap, unsigned task, leat_err *e)
{
    if (!leat_appender_owns(ap, task)) return LEAT_OK;
    LEAT_TRY(ap->stream->ops->rollback(ap->stream, e));
    atomic_store(&ap->owner, -1);
    return LEAT_OK;
}
