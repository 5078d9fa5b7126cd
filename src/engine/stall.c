/* Stalls, from samples of a task; see the header. */
#include "engine/stall.h"

#include <inttypes.h>

static void begin(leat_stall *w, const leat_stall_sample *s)
{
    *w = (leat_stall){.begun = true,
                      .turns = s->turns,
                      .done = s->done,
                      .turned_us = s->now_us,
                      .done_us = s->now_us,
                      .lag = s->lag};
}

/* What stands still is noted with the time; what moved begins anew. */
static void note(leat_stall *w, const leat_stall_sample *s)
{
    if (w->turns != s->turns) {
        w->turns = s->turns;
        w->turned_us = s->now_us;
    }
    bool behind = s->lag > 0 && w->lag >= 0;
    if (w->done != s->done || !behind || s->lag < w->lag) {
        w->done = s->done;
        w->done_us = s->now_us;
        w->lag = s->lag;
    }
}

bool leat_stall_look(leat_stall *w, const leat_stall_sample *s, int64_t after_us)
{
    leat_stage was = w->stage;
    if (!w->begun || !s->watched || after_us <= 0) {
        begin(w, s);
        return was != LEAT_STAGE_NONE;
    }
    note(w, s);
    bool hangs = s->now_us - w->turned_us >= after_us;
    w->silent = !hangs && s->now_us - w->done_us >= after_us && s->lag > w->lag;
    w->stage = hangs ? s->stage : w->silent ? LEAT_STAGE_SOURCE : LEAT_STAGE_NONE;
    w->since_us = hangs ? w->turned_us : w->done_us;
    return w->stage != was;
}

void leat_stall_err(const leat_stall *w, const char *where, int64_t now_us, leat_err *out)
{
    static const struct {
        const char *code, *what;
    } hangs[] = {
        [LEAT_STAGE_NONE] = {"engine.hangs", "the task itself takes no turn"},
        [LEAT_STAGE_SOURCE] = {"source.hangs", "a call of the source's has not returned"},
        [LEAT_STAGE_APPENDER] = {"stream.hangs", "an append to the stream has not returned"},
        [LEAT_STAGE_DISK] = {"os.hangs", "the disk has not said that what was written is there"},
        [LEAT_STAGE_KAFKA] = {"kafka.hangs", "Kafka's client has not returned"},
        [LEAT_STAGE_LETTERS] = {"state.hangs", "dead letters are not stored"},
        [LEAT_STAGE_STREAM] = {"stream.hangs", "a read of its stream has not returned"},
        [LEAT_STAGE_TARGET] = {"sink.hangs", "a call of the target's has not returned"},
    };
    int64_t s = (now_us - w->since_us) / 1000000;
    size_t i = (size_t)w->stage < sizeof hangs / sizeof *hangs ? w->stage : 0;
    if (w->silent)
        leat_fail(out, LEAT_RETRY, "source.silent", where,
                  "the source's log goes on, and nothing of it has arrived for %" PRId64
                  " s: look at the server's process that sends it, and at the network",
                  s);
    else
        leat_fail(out, LEAT_RETRY, hangs[i].code, where,
                  "%s for %" PRId64 " s; if it does not by itself, `leat restart` ends it within "
                  "the time it has to stop, and it goes on from its last durable position",
                  hangs[i].what, s);
}

void leat_stall_silent(int pid, int64_t ms, const char *where, leat_err *out)
{
    leat_fail(out, LEAT_RETRY, "process.silent", where,
              "its process %d has not looked after itself for %" PRId64
              " s: was it stopped (SIGSTOP, a debugger), or is the machine out of memory? A "
              "restart ends it",
              pid, ms / 1000);
}
