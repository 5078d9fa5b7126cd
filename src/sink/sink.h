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

typedef struct leat_sink_task {
    const struct leat_sink *sink;
    const void *conf;
    const char *connector;
    unsigned id;
    /* Set by the engine: an event that can never be taken goes to the dead letters and does not
     * fail the batch. i: index into the batch given to write. */
    void (*reject)(struct leat_sink_task *t, const leat_batch *b, uint32_t i, const leat_err *why);
    void *engine; /* the engine's, for reject */
    void *priv;
} leat_sink_task;

typedef struct leat_sink {
    uint32_t abi, size; /* LEAT_SINK_ABI, sizeof(leat_sink) */
    const char *name, *title, *help;
    const char *const *classes;
    leat_opt_tables options;
    size_t conf_size;

    void (*validate)(const void *conf, leat_report *r); /* optional */
    leat_rc (*check)(const void *conf, leat_checker *c, leat_err *e);
    leat_rc (*open)(leat_sink_task *t, leat_err *e);
    /* OK: all of b is durable there. PENDING: taken; poll or flush tells when it is. */
    leat_rc (*write)(leat_sink_task *t, const leat_batch *b, leat_err *e);
    /* PENDING while something written is not durable yet, OK when all is. Optional. */
    leat_rc (*poll)(leat_sink_task *t, int wait_ms, leat_err *e);
    /* Makes everything written durable by the deadline (leat_mono_us), or says why not. Optional.
     */
    leat_rc (*flush)(leat_sink_task *t, int64_t deadline_us, leat_err *e);
    void (*close)(leat_sink_task *t);
} leat_sink;

extern const leat_sink *const leat_sinks[]; /* NULL-ended; written by the build */
const leat_sink *leat_sink_find(leat_str klass);

#endif
