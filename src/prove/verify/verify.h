/* leat verify: proves that what was delivered equals what the source holds.
 *
 * Of a sink: the source's tables against the target's. Both sides go on meanwhile. Ranges of keys
 * are summed up by both databases; a range whose sums differ is halved down to its keys, and these
 * are looked at again once the delivery has passed the place in the source's log that belongs to
 * the view in which they were seen: only what differs there, at a place that both sides have, is a
 * difference (docs/decisions/287-verify.md). Of a source: its tables against its own stream, folded
 * to tables in this process (docs/decisions/311-a-stream-is-folded-by-a-sink.md). By one thread. */
#ifndef LEAT_PROVE_VERIFY_VERIFY_H
#define LEAT_PROVE_VERIFY_VERIFY_H

#include "base/err.h"
#include "base/str.h"

typedef enum leat_verify_kind {
    LEAT_VERIFY_MISSING,   /* the source has the row, the target does not */
    LEAT_VERIFY_EXTRA,     /* the target has it, the source does not */
    LEAT_VERIFY_DIFFERENT, /* its columns differ */
    LEAT_VERIFY_REPEATED,  /* the target has it more often, or less often */
    LEAT_VERIFY_UNDECIDED, /* it changed whenever it was looked at, until the time was over */
} leat_verify_kind;
const char *leat_verify_kind_name(leat_verify_kind kind); /* "missing" ... */

typedef struct leat_verify_difference {
    leat_verify_kind kind;
    const char *const *columns; /* nkey names of the key's columns ... */
    const leat_str *key;        /* ... and their canonical texts */
    unsigned nkey;
    bool repaired; /* a corrective change was emitted */
} leat_verify_difference;

/* What became of a table. Texts are borrowed for the call. */
typedef struct leat_verify_table {
    const char *source, *target, *topic; /* "schema.table" */
    const char *skipped;                 /* columns that are not compared, and why; "": all are */
    const char *view;       /* the source's last view, a JSON object: its "end" is the place */
    int64_t at_us, took_us; /* when that view was taken; how long it took */
    uint64_t rows, ranges;  /* of the source */
    uint64_t differences, undecided, repaired;
} leat_verify_table;

typedef struct leat_verify_load {
    int64_t source_us, target_us; /* in statements */
    int64_t slept_us, took_us;    /* asleep on purpose; all in all */
} leat_verify_load;

typedef struct leat_verify_watch {
    void (*difference)(void *arg, const leat_verify_table *t, const leat_verify_difference *d);
    void (*table)(void *arg, const leat_verify_table *t);                      /* it is done */
    void (*progress)(void *arg, const leat_verify_table *t, int64_t estimate); /* rows, or -1 */
    bool (*stop)(void *arg); /* asked between ranges; true ends it with RETRY */
    void *arg;
} leat_verify_watch;

typedef struct leat_verify_conf {
    const char *data, *name;
    const char *const *tables; /* NULL-ended, "schema.table"; NULL: all */
    int64_t load;              /* percent of the time that either database may be kept busy */
    int64_t wait_us;           /* for the delivery to pass a place; for keys that go on changing */
    bool repair;
    leat_verify_watch watch;
} leat_verify_conf;

/* One pass over all tables. OK: all of it was compared, whatever was found; *found: differences,
 * *undecided: keys that could not be decided. CONF "verify.*": it cannot be verified, and why. */
leat_rc leat_verify_run(const leat_verify_conf *conf, uint64_t *found, uint64_t *undecided,
                        leat_verify_load *load, leat_err *e);

#endif
