/* The ledger's counts table by table.
 *
 * A tally is found by the table's name; whoever counts many changes of a table keeps a hint, the
 * number of its tally, so that no name is hashed for each. A table keeps its tally, and so its
 * number, when all are cleared: a batch that is used again looks at the hint alone. What is counted
 * stands behind a safe place until the next one is marked. Pure; one thread at a time. */
#ifndef LEAT_EVENT_TALLY_H
#define LEAT_EVENT_TALLY_H

#include "base/str.h"
#include "event/counts.h"

typedef struct leat_tally {
    char *table;      /* "schema.table"; of a sink: the topic */
    const void *of;   /* whose name that is: what was looked for last; NULL: not known */
    leat_counts safe; /* of counts, what stands before the last safe place */
    leat_counts counts;
    bool used, behind; /* something was counted: since it was cleared, behind the safe place */
} leat_tally;

enum { LEAT_TALLIES_NEAR = 256 }; /* a power of two */

typedef struct leat_tallies {
    leat_tally *v;
    uint32_t n, cap;
    uint32_t *slots, nslots; /* by name: a number + 1; 0: free */
    uint32_t *used, nused;   /* the numbers of those that are used ... */
    uint32_t *behind, nbehind;
    uint32_t near[LEAT_TALLIES_NEAR]; /* found by leat_tallies_known, by the pointer's bits */
} leat_tallies;

/* A zeroed one is empty. */
void leat_tallies_free(leat_tallies *s);
/* All counts are zero. */
void leat_tallies_clear(leat_tallies *s);
/* The tally of that name, made if there is none; it is used from now on. hint: where it was last,
 * and is; NULL: there is none. Valid until the next. */
leat_tally *leat_tallies_get(leat_tallies *s, leat_str table, uint32_t *hint);
/* That of which `of` was noted since all were cleared; NULL: there is none. */
leat_tally *leat_tallies_known(leat_tallies *s, const void *of);
/* NULL: there is none of that name. */
leat_tally *leat_tallies_find(leat_tallies *s, leat_str table);
/* All that was counted stands before a safe place. */
void leat_tallies_safe(leat_tallies *s);

#endif
