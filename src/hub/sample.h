/* What the counters pages and /proc tell of all connectors at one moment. Private to hub/.
 *
 * Reading a page is reading memory: no connector is asked, none can hold this up. */
#ifndef LEAT_HUB_SAMPLE_H
#define LEAT_HUB_SAMPLE_H

#include "hub/inside.h"

typedef struct leat_sample {
    const leat_hub_connector *k;
    const char *state, *prefix;
    const char *trace;     /* what is wrong, as Kafka Connect tells it; NULL: nothing */
    const char *condition; /* the one word that matters most: Kafka Connect's, or STALLED,
                              SPOOLING, THROTTLED, SNAPSHOTTING */
    unsigned tasks, deaths;
    int pid;
    bool page; /* there is one: what follows is known */
    uint64_t received, appended, filtered, dead, deduplicated, rows, commits, retries, delivered,
        rejected, stream_bytes, memory, resident;
    int64_t lag_bytes, retained_bytes, behind_ms, since_ms; /* -1: unknown */
    int64_t retained_limit, log_until_us, log_expires_us;   /* leat_gauges */
    bool log_removed;
    double cpu; /* seconds; < 0: unknown */
    int64_t descriptors;
} leat_sample;

/* All connectors, by name, in a; their number. processes: what /proc tells too. */
size_t leat_sample_take(leat_hub *h, bool processes, leat_arena *a, leat_sample **out);
/* What holds one up whose condition is STALLED; else NONE. */
leat_stage leat_sample_stage(const leat_sample *s);
/* Processor time of s->pid. */
void leat_sample_process(leat_sample *s);

#endif
