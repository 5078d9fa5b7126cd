/* Verifications of sinks, as the page shows them: each a process of its own (`leat verifying`), and
 * the report that it leaves. Private to hub/.
 *
 * A report is kept until the next one of that connector, or until the hub ends: it is about that
 * moment, and made again at any time. */
#ifndef LEAT_HUB_VERIFYING_H
#define LEAT_HUB_VERIFYING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

typedef struct leat_verifying leat_verifying;

enum {
    LEAT_VERIFYING_MOST = 2,     /* at a time: each keeps two databases busy */
    LEAT_VERIFYING_TABLES = 200, /* that are named */
    LEAT_VERIFYING_SHOWN = 1000, /* differences that a report names */
    LEAT_VERIFYING_MOST_S = 86400,
};

/* What is asked for. Texts are copied. */
typedef struct leat_verifying_order {
    const char *name;
    const char *const *tables; /* n of them, "schema.table"; none: all */
    size_t n;
    int64_t load, wait_s, most_s; /* after most_s it is ended */
    bool repair;
} leat_verifying_order;

/* Heap; never NULL. data: the hub's, which outlives it. */
leat_verifying *leat_verifying_new(const char *data);
/* Ends what runs. */
void leat_verifying_free(leat_verifying *v);
/* Any thread. RETRY "verify.running", "verify.busy": it cannot begin now. */
leat_rc leat_verifying_begin(leat_verifying *v, const leat_verifying_order *order, leat_err *e);
/* Tells it to end; false: none runs. */
bool leat_verifying_stop(leat_verifying *v, const char *name);
/* The report, an object: of a connector that was never verified one that says so. */
void leat_verifying_write(leat_verifying *v, const char *name, leat_buf *out);
/* How the last one of a connector went, or goes; all zero: there was none. */
typedef struct leat_verifying_outcome {
    int64_t begun_us, ended_us; /* ended_us 0: it runs */
    bool done;                  /* it was through: what follows is known */
    bool equal;
    int64_t tables, rows, differences, repaired;
} leat_verifying_outcome;
void leat_verifying_last(leat_verifying *v, const char *name, leat_verifying_outcome *out);
/* The connector was deleted. */
void leat_verifying_forget(leat_verifying *v, const char *name);

#endif
