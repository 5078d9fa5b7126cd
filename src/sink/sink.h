/* The contract of a sink connector: how the engine writes to any system.
 *
 * A connector exports one symbol, `const leat_sink leat_sink_NAME`. All calls but check are made by
 * the one thread that runs the task. A batch is read-only; events come in the stream's order.
 * "Done" means durable in the target. */
#ifndef LEAT_SINK_SINK_H
#define LEAT_SINK_SINK_H

#include "config/opt.h"
#include "event/event.h"
#include "source/source.h"

enum { LEAT_SINK_ABI = 1 };

/* What became of an event that was given to write. */
typedef enum leat_fate {
    LEAT_FATE_NONE, /* nobody has said so: it is lost */
    LEAT_FATE_WRITTEN,
    LEAT_FATE_FILTERED, /* left out, as its options say */
    LEAT_FATE_DEAD,     /* rejected, or it waits; the engine's */
} leat_fate;

typedef struct leat_sink_task {
    const struct leat_sink *sink;
    const void *conf;
    const char *connector;
    unsigned id;
    /* Set by the engine: an event that can never be taken goes to the dead letters and does not
     * fail the batch. i: index into the batch given to write. */
    void (*reject)(struct leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why);
    /* Set by the engine: whether event i, which comes behind one that was rejected in this write,
     * has to wait for it. Then it is with the dead letters, and the sink leaves it out. To be asked
     * once for each such event. NULL: nothing waits. */
    bool (*waits)(struct leat_sink_task *t, const leat_batch *b, uint32_t i);
    /* Set by the engine, for a sink that `tells`: event i was given to the target, or is left out.
     */
    void (*tell)(struct leat_sink_task *t, const leat_batch *b, uint32_t i, leat_fate fate);
    bool tolerate;      /* errors.tolerance=all: what can never be taken is rejected; else the sink
                           stops at it */
    const char *source; /* the connector whose stream the batch is of; set before each write */
    /* For a sink with `reached`, before it commits: the dead letters are durable then, and text
     * (what it holds is replaced) is what has to be stored in the same transaction as the events.
     */
    leat_rc (*reach)(struct leat_sink_task *t, leat_buf *text, leat_err *e);
    void *engine; /* the engine's, for reject and reach */
    void *priv;
} leat_sink_task;

/* How `leat verify` reads the target. */
typedef struct leat_sink_compare {
    leat_rc (*open)(const void *conf, const char *app, leat_arena *a, leat_compare_side **out,
                    leat_err *e);
    /* Where changes of the table go, by its topic and names; in a. Pure. */
    void (*table)(const void *conf, const leat_table *source, leat_arena *a, const char **schema,
                  const char **name);
    /* Opens t, with a conf of its own, over a target that is in this process alone and gone with
     * it: made as changes need it, of a size that memory does not bound. out reads it, and is
     * closed before t is. Optional. */
    leat_rc (*scratch)(leat_sink_task *t, leat_compare_side **out, leat_err *e);
} leat_sink_compare;

typedef struct leat_sink {
    uint32_t abi, size; /* LEAT_SINK_ABI, sizeof(leat_sink) */
    const char *name, *title, *help;
    const char *const *classes;
    leat_opt_tables options;
    size_t conf_size;
    bool tells; /* it tells of each event what became of it, before write returns or it calls
                   `reach`: the ledger's other side */

    void (*validate)(const void *conf, leat_report *r); /* optional */
    leat_rc (*check)(const void *conf, leat_checker *c, leat_err *e);
    leat_rc (*open)(leat_sink_task *t, leat_err *e);
    /* OK: all of b is durable there. PENDING: taken; poll or flush tells when it is. */
    leat_rc (*write)(leat_sink_task *t, const leat_batch *b, leat_err *e);
    /* What was stored last for the stream of this source (leat_sink_task.reach), in a; absent:
     * nothing. Optional: a sink that has it delivers exactly once, and its PENDING means that the
     * batch is held in the target's open transaction, since b->tx_open. Then batches of the same
     * stream follow until write returns OK, or flush, which commits when the stream ends there;
     * close without it takes all of that back. */
    leat_rc (*reached)(leat_sink_task *t, const char *source, leat_arena *a, leat_str *text,
                       leat_err *e);
    /* PENDING while something written is not durable yet, OK when all is. Optional. */
    leat_rc (*poll)(leat_sink_task *t, int wait_ms, leat_err *e);
    /* Makes everything written durable by the deadline (leat_mono_us), or says why not. Optional.
     */
    leat_rc (*flush)(leat_sink_task *t, int64_t deadline_us, leat_err *e);
    void (*close)(leat_sink_task *t);
    const leat_sink_compare *compare; /* NULL: its target cannot be read */
} leat_sink;

extern const leat_sink *const leat_sinks[]; /* NULL-ended; written by the build */
const leat_sink *leat_sink_find(leat_str klass);

#endif
