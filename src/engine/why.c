/* Which stage holds a connector up, from its status alone: pure. */
#include "engine/why.h"

#include <inttypes.h>
#include <stdio.h>

enum { MINUTE_S = 60 };

typedef struct subject {
    const char *name;
    const leat_json *j, *err;
    leat_str state;
    leat_buf *out;
} subject;

static leat_str member(const leat_json *j, const char *name)
{
    leat_str text = leat_json_get_str(j, name);
    return text.s ? text : LEAT_STR("?");
}

static void say_error(const subject *s)
{
    leat_buf_printf(s->out, "%.*s: %.*s [%.*s].", LEAT_STR_ARG(member(s->err, "where")),
                    LEAT_STR_ARG(member(s->err, "message")), LEAT_STR_ARG(member(s->err, "code")));
}

static bool paused(const subject *s)
{
    return leat_str_is(leat_json_get_str(leat_json_get(s->j, "desired"), "state"), "PAUSED");
}

static void say_paused(const subject *s)
{
    const leat_json *d = leat_json_get(s->j, "desired");
    leat_buf_printf(s->out, "%.*s paused it at %.*s; 'leat resume %s' lets it go on.",
                    LEAT_STR_ARG(member(d, "by")), LEAT_STR_ARG(member(d, "at")), s->name);
}

leat_stage leat_why_stage_of(const char *code)
{
    static const struct {
        const char *prefix;
        leat_stage stage;
    } known[] = {
        {"stream.sync_failed", LEAT_STAGE_DISK},
        {"os.enospc", LEAT_STAGE_DISK},
        {"os.edquot", LEAT_STAGE_DISK},
        {"os.hangs", LEAT_STAGE_DISK},
        {"stream.", LEAT_STAGE_APPENDER},
        {"kafka.", LEAT_STAGE_KAFKA},
        {"spool.", LEAT_STAGE_KAFKA},
        {"state.", LEAT_STAGE_LETTERS},
        {"sink.", LEAT_STAGE_TARGET},
        {"process.", LEAT_STAGE_PROCESS},
    };
    leat_str text = leat_str_of(code);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (leat_str_starts(text, known[i].prefix)) return known[i].stage;
    return LEAT_STAGE_NONE;
}

/* The same for a person; NULL: none of these. */
static const char *stage_of(leat_str code)
{
    static const char *const texts[] = {
        [LEAT_STAGE_APPENDER] = "the stream's appender",
        [LEAT_STAGE_DISK] = "the disk",
        [LEAT_STAGE_KAFKA] = "Kafka",
        [LEAT_STAGE_LETTERS] = "state.db",
        [LEAT_STAGE_TARGET] = "the sink",
        [LEAT_STAGE_PROCESS] = "its process",
    };
    char text[64];
    size_t n = code.len < sizeof text ? code.len : sizeof text - 1;
    memcpy(text, code.s, n);
    text[n] = 0;
    leat_stage stage = leat_why_stage_of(text);
    if (stage != LEAT_STAGE_NONE) return texts[stage];
    if (leat_str_starts(code, "os.")) return "the machine";
    if (leat_str_starts(code, "config.")) return "its configuration";
    if (leat_str_starts(code, "ledger.")) return "the ledger";
    return NULL;
}

/* A call hangs, or nothing arrives: the stage, and what is known of it. */
static bool no_progress(leat_str code)
{
    size_t n = sizeof ".hangs" - 1;
    return leat_str_is(code, "source.silent") ||
           (code.len > n && leat_str_is((leat_str){code.s + code.len - n, n}, ".hangs"));
}

/* It takes nothing from the source, for want of room, and keeps its connection. */
static void say_stalled(const subject *s)
{
    static const struct {
        const char *code, *why;
    } reasons[] = {
        {"os.enospc", "the disk is full"},
        {"os.edquot", "its user's share of the disk is full"},
        {"stream.retention_held",
         "its stream has reached its limit, and its oldest part is still needed by a sink"},
        {"stream.disk_low", "the disk has less room than is to stay free"},
        {"spool.full", "Kafka is away, and the spool has reached its limit"},
        {"kafka.down", "Kafka is away, and there is no spool"},
    };
    leat_str code = member(s->err, "code");
    const char *why = "there is no room for what it reads";
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (leat_str_is(code, reasons[i].code)) why = reasons[i].why;
    leat_buf_printf(
        s->out,
        "%s. Nothing is lost: the source keeps what comes, and it goes on by itself when there is "
        "room. ",
        why);
    say_error(s);
}

/* The source is not open yet and tells what for. */
static void say_waiting(const subject *s)
{
    leat_buf_printf(s->out, "it waits for the source, and goes on by itself when that is over. ");
    say_error(s);
}

/* Of several tasks, those that do not just run. */
static void say_tasks(const subject *s)
{
    const leat_json *tasks = leat_json_get(s->j, "tasks");
    const leat_json *first = tasks && tasks->type == LEAT_JSON_ARRAY ? tasks->child : NULL;
    bool several = first && first->next;
    for (const leat_json *t = first; t; t = t->next) {
        leat_str waits = leat_json_get_str(t, "waits_for"), state = member(t, "state");
        int64_t id = leat_json_get_i64(t, "id", 0);
        if (several && !leat_str_eq(state, s->state)) {
            leat_str code = leat_json_get_str(leat_json_get(t, "error"), "code");
            leat_buf_printf(s->out, " Task %" PRId64 " is %.*s", id, LEAT_STR_ARG(state));
            if (code.s) leat_buf_printf(s->out, " [%.*s]", LEAT_STR_ARG(code));
            leat_buf_printf(s->out, ".");
        }
        if (waits.s)
            leat_buf_printf(s->out, " Task %" PRId64 " waits for %.*s.", id, LEAT_STR_ARG(waits));
    }
}

static void say_stage(const subject *s)
{
    leat_str code = member(s->err, "code");
    const char *stage = stage_of(code);
    bool source = leat_str_is(leat_json_get_str(s->j, "kind"), "source");
    if (!source && leat_str_starts(code, "stream.")) stage = "the stream that it reads";
    leat_buf_printf(s->out, "%s blocks: ", stage ? stage : source ? "the source" : "the target");
    say_error(s);
}

/* What a sink's pattern has found. */
static void say_topics(const subject *s)
{
    enum { SHOWN = 5 };
    const leat_json *topics = leat_json_get(s->j, "topics");
    leat_str regex = leat_json_get_str(s->j, "topics_regex");
    unsigned n = 0;
    if (!regex.s || !topics) return;
    for (const leat_json *t = topics->child; t; t = t->next, n++)
        if (n < SHOWN)
            leat_buf_printf(s->out, "%s%.*s", n == 0 ? " Its topics.regex finds " : ", ",
                            LEAT_STR_ARG(t->text));
    if (n > SHOWN) leat_buf_printf(s->out, " and %u topics more", n - SHOWN);
    leat_buf_printf(s->out, n > 0 ? "."
                                  : " There is no topic whose whole name fits its topics.regex: it "
                                    "waits for one; 'leat topics' lists those there are.");
}

static void say_running(const subject *s)
{
    int64_t lag = leat_json_get_i64(s->j, "lag_bytes", -1);
    const leat_json *minute = leat_json_get(leat_json_get(s->j, "rates"), "60s");
    const leat_json *rate = leat_json_get(minute, "events_per_second");
    leat_str last = leat_json_get_str(s->j, "last_event");
    bool idle = rate && leat_str_is(rate->text, "0.000");
    int64_t seconds = leat_json_get_i64(minute, "seconds", MINUTE_S);
    const char *span = "minute";
    char text[32];
    if (seconds < MINUTE_S - 5) {
        snprintf(text, sizeof text, "%" PRId64 " second%s", seconds, seconds == 1 ? "" : "s");
        span = text;
    }
    const leat_json *trouble = leat_json_get(leat_json_get(s->j, "delivery"), "error");
    const char *it = trouble && trouble->type == LEAT_JSON_OBJECT ? "its source" : "it";
    if (seconds == 0)
        leat_buf_printf(
            s->out,
            "nothing blocks %s: it was started a moment ago, and its rate is not known yet.", it);
    else if (idle && lag > 0)
        leat_buf_printf(
            s->out,
            "nothing blocks %s, but nothing came in the last %s although the source's log "
            "goes on for %" PRId64 " bytes: those are changes of tables that are not captured, "
            "or of a transaction that has not ended.",
            it, span, lag);
    else if (idle)
        leat_buf_printf(s->out,
                        "nothing blocks %s: it has all there is, and nothing came in the last %s.",
                        it, span);
    else
        leat_buf_printf(s->out, "nothing blocks %s: it does %.*s events a second over the last %s.",
                        it, LEAT_STR_ARG(rate ? rate->text : LEAT_STR("0")), span);
    if (last.s)
        leat_buf_printf(s->out, " The newest event was committed at %.*s.", LEAT_STR_ARG(last));
}

static void say_snapshot(const subject *s)
{
    const leat_json *p = leat_json_get(s->j, "snapshot");
    leat_buf_printf(s->out,
                    "it reads the snapshot: %" PRId64 " of %" PRId64
                    " tables are done, now %.*s. Changes "
                    "come when that is done.",
                    leat_json_get_i64(p, "tables_done", 0), leat_json_get_i64(p, "tables", 0),
                    LEAT_STR_ARG(member(p, "table")));
}

/* Its process died, and comes again. */
static void say_restarting(const subject *s)
{
    int64_t deaths = leat_json_get_i64(s->j, "deaths", 0);
    leat_buf_printf(s->out, "its process has ended %" PRId64 " time%s in a row", deaths,
                    deaths == 1 ? "" : "s");
    leat_buf_printf(s->out, ", and is started again at %.*s. ",
                    LEAT_STR_ARG(member(s->j, "restart_at")));
    if (s->err) say_error(s);
}

/* It has a process, which was asked in vain. */
static bool unanswered(leat_str code)
{
    return leat_str_is(code, "process.silent") || leat_str_starts(code, "control.");
}

static void say_gone(const subject *s)
{
    leat_buf_printf(s->out, "it does not run");
    if (s->err) {
        leat_buf_printf(s->out, ": ");
        say_error(s);
    } else {
        leat_str since = leat_json_get_str(s->j, "since");
        leat_buf_printf(s->out, "; it was stopped in order%s%.*s.", since.s ? " at " : "",
                        LEAT_STR_ARG(since));
    }
    if (!paused(s)) return;
    leat_buf_printf(s->out, " When it is started it stays paused: ");
    say_paused(s);
}

/* Kafka takes nothing, or has not taken all of the spool. */
static void say_delivery(const subject *s)
{
    const leat_json *d = leat_json_get(s->j, "delivery"), *err = leat_json_get(d, "error");
    leat_str state = leat_json_get_str(d, "state"), again = leat_json_get_str(d, "retry_at");
    if (err && err->type == LEAT_JSON_OBJECT) {
        leat_buf_printf(s->out, " Kafka takes nothing since %.*s: %.*s [%.*s]. ",
                        LEAT_STR_ARG(member(d, "error_since")),
                        LEAT_STR_ARG(member(err, "message")), LEAT_STR_ARG(member(err, "code")));
        if (again.s)
            leat_buf_printf(s->out, "The next attempt is at %.*s.", LEAT_STR_ARG(again));
        else
            leat_buf_printf(
                s->out, "It is tried again all the time, with pauses of at most %" PRId64 " ms.",
                leat_json_get_i64(d, "retry_ms", 0));
    }
    if (!state.s || leat_str_is(state, "DIRECT")) return;
    leat_buf_printf(
        s->out,
        " %" PRId64 " events wait in the spool for Kafka, %" PRId64 " of %" PRId64 " bytes%s.",
        leat_json_get_i64(d, "spool_events", 0), leat_json_get_i64(d, "spool_bytes", 0),
        leat_json_get_i64(d, "spool_max_bytes", 0),
        leat_str_is(state, "DRAIN") ? ", and are being sent" : "; the source's log is let go");
}

/* Whatever its state: the server may not wait until all of its log was read. */
static void say_log(const subject *s)
{
    enum { NEAR = 4 };
    static const char cure[] = "let it go on, or have the server keep its log for longer.";
    int64_t left = leat_json_get_i64(s->j, "log_left_ms", -1);
    int64_t expires = leat_json_get_i64(s->j, "log_expires_ms", -1);
    const leat_json *removed = leat_json_get(s->j, "log_removed");
    if (removed && removed->type == LEAT_JSON_TRUE)
        leat_buf_printf(s->out,
                        " The server has removed log that was not read: unless another server "
                        "still has it, begin anew behind the gap ('leat offsets %s reset').",
                        s->name);
    else if (left == 0 && expires > 0)
        leat_buf_printf(s->out, " The server may remove log that was not read at any moment: %s",
                        cure);
    else if (left > 0 && left < expires / NEAR)
        leat_buf_printf(s->out,
                        " The server may remove log that was not read in %" PRId64
                        " s, as it keeps it for %" PRId64 " s: %s",
                        left / 1000, expires / 1000, cure);
}

/* Whatever its state: those are changes that did not arrive. */
static void say_dead(const subject *s)
{
    int64_t n = leat_json_get_i64(leat_json_get(s->j, "counts"), "dead", 0);
    if (n <= 0) return;
    leat_buf_printf(s->out,
                    " %" PRId64 " %s in the dead letters: 'leat dead-letters %s list' shows %s.", n,
                    n == 1 ? "change is" : "changes are", s->name, n == 1 ? "it" : "them");
}

static void explain(const subject *s)
{
    leat_buf_printf(s->out, "%s is %.*s: ", s->name, LEAT_STR_ARG(s->state));
    bool retrying = leat_str_is(s->state, "RETRYING");
    if (leat_str_is(s->state, "PAUSED")) {
        say_paused(s);
    } else if (leat_str_is(s->state, "SNAPSHOT")) {
        say_snapshot(s);
    } else if (leat_str_is(s->state, "RESTARTING")) {
        say_restarting(s);
    } else if (!leat_json_get(s->j, "pid")) {
        say_gone(s);
    } else if (s->err && unanswered(member(s->err, "code"))) {
        leat_buf_printf(s->out, "it does not answer: ");
        say_error(s);
    } else if (s->err && no_progress(member(s->err, "code"))) {
        say_stage(s);
    } else if (s->err && leat_str_is(s->state, "STALLED")) {
        say_stalled(s);
    } else if (s->err && leat_str_is(s->state, "STARTING") &&
               leat_json_get_i64(s->j, "attempts", 0) == 0) {
        say_waiting(s);
    } else if (s->err) {
        say_stage(s);
        if (retrying && leat_json_get_str(s->j, "retry_at").s)
            leat_buf_printf(
                s->out, " It tries again by itself: attempt %" PRId64 ", the next at %.*s.",
                leat_json_get_i64(s->j, "attempts", 0) + 1, LEAT_STR_ARG(member(s->j, "retry_at")));
        else if (retrying)
            leat_buf_printf(s->out, " It tries again by itself.");
    } else if (leat_str_is(s->state, "RUNNING")) {
        say_running(s);
    } else {
        leat_buf_printf(s->out, "it is on its way; ask again in a moment.");
    }
    if (leat_json_get(s->j, "pid")) say_tasks(s);
    say_topics(s);
    say_delivery(s);
    say_log(s);
    say_dead(s);
}

static subject subject_of(const char *name, const leat_json *status, leat_buf *out)
{
    const leat_json *error = leat_json_get(status, "error");
    return (subject){.name = name,
                     .j = status,
                     .err = error && error->type == LEAT_JSON_OBJECT ? error : NULL,
                     .state = member(status, "state"),
                     .out = out};
}

void leat_why_write(const char *name, const leat_json *status, leat_buf *out)
{
    subject s = subject_of(name, status, out);
    explain(&s);
}

const char *leat_why_stage(const leat_json *status)
{
    subject s = subject_of("", status, NULL);
    bool source = leat_str_is(leat_json_get_str(status, "kind"), "source");
    if (leat_str_is(s.state, "PAUSED")) return "a person";
    if (!s.err) return NULL;
    leat_str code = member(s.err, "code");
    const char *stage = stage_of(code);
    if (!source && leat_str_starts(code, "stream.")) return "the stream that it reads";
    return stage ? stage : source ? "the source" : "the target";
}
