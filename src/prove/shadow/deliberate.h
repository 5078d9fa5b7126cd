/* Where leat differs from Debezium on purpose (docs/compatibility.md), as `leat shadow` meets it in
 * a record: data, with a reason each.
 *
 * A difference is explained only where the column's type, or what the configuration does to it, and
 * both values say so. What tells that is kept of each topic from the tables that leat's events come
 * with. No I/O; one thread. */
#ifndef LEAT_PROVE_SHADOW_DELIBERATE_H
#define LEAT_PROVE_SHADOW_DELIBERATE_H

#include "base/json.h"
#include "event/table.h"

typedef enum leat_shadow_deliberate {
    LEAT_SHADOW_NAME,
    LEAT_SHADOW_ODD_ARRAY,
    LEAT_SHADOW_EARLY_DATE,
    LEAT_SHADOW_FRACTION,
    LEAT_SHADOW_MASKED,
    LEAT_SHADOW_WHOLE,
    LEAT_SHADOW_PLACEHOLDER,
    LEAT_SHADOW_PROPAGATED,
    LEAT_SHADOW_HASHED_KEY,
    LEAT_SHADOW_LABELS,
    LEAT_SHADOW_MESSAGES,
    LEAT_SHADOW_DELIBERATES,
} leat_shadow_deliberate;

typedef struct leat_shadow_purpose {
    const char *name, *what, *reason;
} leat_shadow_purpose;
extern const leat_shadow_purpose leat_shadow_purposes[LEAT_SHADOW_DELIBERATES];

/* What is known of the columns of one topic. Zeroed before its first use. */
typedef struct leat_shadow_traits {
    uint64_t last; /* fingerprint of the table seen last */
    leat_arena a;
    struct leat_shadow_trait *columns;
    leat_str placeholder; /* shown for a value that did not come */
    bool key_hashed;      /* a column of the key is */
} leat_shadow_traits;

/* Learns from a table of the topic; cheap if it is the last one. */
void leat_shadow_traits_see(leat_shadow_traits *t, const leat_table *table);
void leat_shadow_traits_fini(leat_shadow_traits *t);

/* The path of the list in the end of a transaction, which is looked at as a whole. */
#define LEAT_SHADOW_COLLECTIONS "value.data_collections"

/* Why the two may differ at path, an index into leat_shadow_purposes; -1: there is no reason. rows,
 * x, y: as leat_shadow_rule_find. t: NULL if no table of the topic was seen. */
int leat_shadow_deliberate_find(const leat_shadow_traits *t, const char *path, const leat_json *x,
                                const leat_json *y, bool rows);

#endif
