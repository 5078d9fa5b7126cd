/* What is told to the server, and when: status updates of a replication connection.
 *
 * "Written" is what we have read, so that the server does not ping for it; "flushed" and "applied"
 * are what is durable in the stream, never more: the server drops log up to there, and a commit
 * that waits for us as a synchronous standby is released by it. Sends do not block: what the socket
 * does not take stays in libpq's buffer and goes out with the next call. Run by the task's thread.
 */
#include "source/postgres/feedback.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/os.h"
#include "source/postgres/walframe.h"

enum { PROMPT_US = 20000 };

static bool due(const leat_pg_feedback *f, int64_t now, bool ask)
{
    if (f->wanted || ask || f->sent_us == 0) return true;
    if (f->acked != f->sent_acked && now - f->sent_us >= PROMPT_US) return true;
    return now - f->sent_us >= f->interval_us;
}

int leat_pg_feedback_wait(const leat_pg_feedback *f, int wait_ms)
{
    int64_t next = f->acked != f->sent_acked ? PROMPT_US : f->interval_us;
    int64_t left = f->sent_us + next - leat_mono_us();
    if (left <= 0) left = PROMPT_US; /* it is due, but the socket is full */
    return left < (int64_t)wait_ms * 1000 ? (int)(left / 1000 + 1) : wait_ms;
}

leat_rc leat_pg_feedback_send(leat_pg_feedback *f, leat_pg *wal, bool ask, leat_err *e)
{
    static const char doing[] = "send a status update";
    int64_t now = leat_mono_us();
    if (f->unflushed) {
        int left = PQflush(wal->pg);
        if (left < 0) return leat_pg_fail(e, wal, NULL, doing);
        f->unflushed = left > 0;
        if (f->unflushed) return LEAT_OK;
    }
    if (!due(f, now, ask)) return LEAT_OK;
    int fault = LEAT_FAULT(source_send);
    if (fault) return leat_os_fail(e, fault, doing, "replication connection");
    char update[LEAT_WALFRAME_STATUS_LEN];
    uint64_t flushed = f->manual ? 0 : f->acked;
    leat_walframe_status(update, f->received, flushed, flushed, leat_now_us(), ask);
    int put = PQputCopyData(wal->pg, update, sizeof update);
    if (put == 0) return LEAT_OK;
    int left = put < 0 ? -1 : PQflush(wal->pg);
    if (left < 0) return leat_pg_fail(e, wal, NULL, doing);
    f->unflushed = left > 0;
    f->wanted = false;
    f->sent_acked = f->acked;
    f->sent_us = now;
    return LEAT_OK;
}
