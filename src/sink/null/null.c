/* The sink that delivers nowhere: counts what it gets, as slowly and unreliably as it is told.
 *
 * For tests of the engine, for benches, and for users who want to see a stream being read. Nothing
 * of it touches a system. Run by the task's thread. */
#include "base/clock.h"
#include "sink/sink.h"

typedef struct null_conf {
    int64_t delay_ms;     /* per batch */
    int64_t fail_every;   /* batches; 0: never */
    int64_t reject_every; /* events; 0: never */
} null_conf;

typedef struct null_sink {
    int64_t batches, events;
} null_sink;

static const leat_opt options[] = {
    {.name = "null.delay.ms",
     .label = "Delay",
     .group = "Behaviour",
     .type = LEAT_OPT_MS,
     .off = LEAT_OPT_AT(null_conf, delay_ms, int64_t),
     .def = "0",
     .min = 0,
     .max = 10000,
     .help = "How long each batch takes, to see what a slow target does."},
    {.name = "null.fail.every",
     .label = "Fail",
     .group = "Behaviour",
     .type = LEAT_OPT_INT,
     .off = LEAT_OPT_AT(null_conf, fail_every, int64_t),
     .def = "0",
     .min = 0,
     .max = INT32_MAX,
     .help = "Every so many batches one fails and is tried again. 0 is never."},
    {.name = "null.reject.every",
     .label = "Reject",
     .group = "Behaviour",
     .type = LEAT_OPT_INT,
     .off = LEAT_OPT_AT(null_conf, reject_every, int64_t),
     .def = "0",
     .min = 0,
     .max = INT32_MAX,
     .help = "Every so many events one is refused and goes to the dead letters. 0 is never."},
    {.name = NULL},
};
static const leat_opt *const tables[] = {options, NULL};

static leat_rc check(const void *conf, leat_checker *c, leat_err *e)
{
    (void)conf;
    (void)e;
    leat_check_step(c, &(leat_step){.name = "nothing", .detail = "there is nothing to reach"});
    return LEAT_OK;
}

static leat_rc open_sink(leat_sink_task *t, leat_err *e)
{
    (void)e;
    t->priv = leat_zalloc(1, sizeof(null_sink));
    return LEAT_OK;
}

static leat_rc write_batch(leat_sink_task *t, const leat_batch *b, leat_err *e)
{
    const null_conf *conf = t->conf;
    null_sink *k = t->priv;
    if (conf->delay_ms > 0) leat_sleep_us(conf->delay_ms * 1000);
    if (conf->fail_every > 0 && ++k->batches % conf->fail_every == 0)
        return leat_fail(e, LEAT_RETRY, "null.failed", "null.fail.every",
                         "batch %lld fails because it was told to", (long long)k->batches);
    for (uint32_t i = 0; i < b->n; i++) {
        if (conf->reject_every == 0 || ++k->events % conf->reject_every != 0) {
            t->tell(t, b, i, LEAT_FATE_WRITTEN);
            continue;
        }
        leat_err why;
        leat_fail(&why, LEAT_DATA, "null.rejected", "null.reject.every",
                  "event %lld is refused because it was told to", (long long)k->events);
        t->reject(t, b, i, &why);
    }
    return LEAT_OK;
}

static void close_sink(leat_sink_task *t)
{
    leat_free(t->priv);
    t->priv = NULL;
}

const leat_sink leat_sink_null = {
    .abi = LEAT_SINK_ABI,
    .size = sizeof(leat_sink),
    .name = "null",
    .title = "Null",
    .help = "Reads topics and throws them away, counted. For tests, benches and trying things out.",
    .options = tables,
    .conf_size = sizeof(null_conf),
    .tells = true,
    .check = check,
    .open = open_sink,
    .write = write_batch,
    .close = close_sink,
};
