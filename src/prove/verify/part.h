/* The inside of verify: run.c (what is compared), columns.c (how), table.c (ranges down to keys),
 * settle.c (keys until it is known), flow.c (the delivery), fold.c (a stream as a target). Nobody
 * else includes this. */
#ifndef LEAT_PROVE_VERIFY_PART_H
#define LEAT_PROVE_VERIFY_PART_H

#include "capture/compare.h"
#include "capture/keyset.h"
#include "engine/setup.h"
#include "prove/verify/verify.h"

/* What a key's rows look like on one side: none, one, or more with sums of their hashes. */
typedef struct leat_verify_seen {
    uint64_t n, version;
    leat_int128 first, second;
} leat_verify_seen;

static inline bool leat_verify_same(const leat_verify_seen *x, const leat_verify_seen *y)
{
    return x->n == y->n && x->first == y->first && x->second == y->second;
}

/* A key that differs for now. */
typedef struct leat_verify_suspect {
    leat_verify_seen source, target;  /* as seen last ... */
    leat_verify_seen before, tbefore; /* ... and before that */
    unsigned rounds;                  /* it was looked at since it was found */
    unsigned holds;                   /* round in which it was proven first; 0: not */
    unsigned stays;                   /* rounds in a row in which neither side's changed */
    bool done;
} leat_verify_suspect;

typedef struct leat_verify_fold leat_verify_fold;

typedef struct leat_verify {
    const leat_verify_conf *conf;
    leat_verify_fold *fold; /* the target is the source's stream, folded; NULL: it is a sink's */
    leat_arena arena;       /* of the run */
    leat_arena scratch;     /* of a range, or a round */
    leat_setup source_setup, sink_setup;
    const char *source_name;
    leat_compare_side *source, *target;
    const struct leat_filter *filter;
    const struct leat_columns *columns; /* NULL: none is truncated or masked */
    leat_compare_plan splan, tplan;     /* of the table */
    leat_verify_table told;
    leat_buf skipped, view_text;
    leat_keyset keys; /* suspects' keys; suspects[i] is that of key i */
    leat_verify_suspect *suspects;
    uint32_t cap;
    leat_keyset range_keys; /* of a range that is compared key by key ... */
    leat_verify_suspect *range;
    uint32_t range_cap;
    leat_view view; /* in which the suspects were seen last; in view_arena */
    leat_arena view_arena;
    uint64_t size; /* rows of a range */
    int64_t began_us, slept_us;
    int64_t paced_us; /* conf.load holds from then on */
    uint64_t found, undecided;
    leat_buf key;  /* of a row */
    leat_buf mend; /* keys of the table that are to be read again, as SQL */
} leat_verify;

/* columns.c: pairs the columns of both tables, in v->scratch's owner v->arena; what is left out
 * goes to v->skipped. CONF "verify.no_key". */
leat_rc leat_verify_columns(leat_verify *v, const leat_compare_table *source,
                            const leat_compare_table *target, leat_err *e);

/* table.c */
leat_rc leat_verify_table_run(leat_verify *v, int64_t estimate, leat_err *e);
/* RETRY "verify.stopped": it was told to end. */
leat_rc leat_verify_goes_on(const leat_verify *v, leat_err *e);
/* Sleeps as conf.load wants it. RETRY "verify.stopped". */
leat_rc leat_verify_pace(leat_verify *v, leat_err *e);
/* The bytes of a key, in v->key; and back, in a. */
leat_str leat_verify_key_put(leat_verify *v, const leat_str *key);
const leat_str *leat_verify_key_get(const leat_verify *v, leat_str bytes, leat_arena *a);
/* Keeps the view's text for the report. */
void leat_verify_view_put(leat_verify *v);
void leat_verify_seen_add(leat_verify_seen *s, const leat_compare_row *row);

/* settle.c: until all suspects are decided, or the time is over; tells them. Empties the set. */
leat_rc leat_verify_settle(leat_verify *v, leat_err *e);

/* flow.c: waits until the delivery into the target has passed the view. RETRY
 * "verify.behind", CONF "verify.not_running". */
leat_rc leat_verify_passed(leat_verify *v, const leat_view *view, leat_err *e);
leat_rc leat_verify_behind(const leat_verify *v, const char *who, const char *what, leat_err *e);
/* Where the delivery is; zeroed before its first use. Of a source whose rows have no versions. */
typedef struct leat_verify_mark {
    leat_arena arena;
    const struct leat_json *offsets; /* what the source says of its stream */
    int64_t next;                    /* of the table's topic */
} leat_verify_mark;
leat_rc leat_verify_mark_take(leat_verify *v, leat_verify_mark *m, leat_err *e);
/* Whether the view shows all that the stream had by then. */
leat_cover leat_verify_mark_in(const leat_verify *v, const leat_verify_mark *m,
                               const leat_view *view);
/* Corrects the key: a row that is too much is removed from the target if it is still what was seen,
 * others are noted for leat_verify_mend. *done: so it was. */
leat_rc leat_verify_repair(leat_verify *v, const leat_verify_suspect *s, const leat_str *key,
                           bool *done, leat_err *e);
/* Has the source read those keys again, which go through its stream to all its sinks. */
leat_rc leat_verify_mend(leat_verify *v, leat_err *e);

/* fold.c. Makes the target and its reader: v->target, v->sink_setup. CONF "verify.no_fold". */
leat_rc leat_verify_fold_open(leat_verify *v, leat_err *e);
/* These n topics, NULL-ended, from the first record to the stream's end. CONF "verify.snapshot",
 * "verify.retention": their tables cannot be known by the stream. */
leat_rc leat_verify_fold_begin(leat_verify *v, const char *const *topics, size_t n, leat_err *e);
/* A change of the topic had no place in a table, which is not compared; CONF "verify.fold" of all
 * such. */
bool leat_verify_fold_lacks(const leat_verify *v, const char *topic);
leat_rc leat_verify_fold_refused(const leat_verify *v, leat_err *e);
/* To the stream's end as it is now. RETRY "verify.behind"; until 0: it takes what it takes. */
leat_rc leat_verify_fold_on(leat_verify *v, int64_t until, leat_err *e);
/* The offset behind all that was folded of the table's topic. */
int64_t leat_verify_fold_at(const leat_verify *v);
/* rc, or CONF "verify.scratch": the folder of the folded tables is full, or takes none. */
leat_rc leat_verify_fold_failed(const leat_verify *v, leat_rc rc, leat_err *e);
/* The target's reader is closed before. */
void leat_verify_fold_free(leat_verify *v);

#endif
