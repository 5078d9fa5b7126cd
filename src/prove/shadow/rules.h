/* What may differ between two connectors that read the same database: data, with a reason each.
 *
 * Pure. `leat shadow --rules` prints both lists. Nothing else is passed over. */
#ifndef LEAT_PROVE_SHADOW_RULES_H
#define LEAT_PROVE_SHADOW_RULES_H

#include "base/json.h"

/* When a rule counts. */
typedef enum leat_shadow_when {
    LEAT_SHADOW_ALWAYS,
    LEAT_SHADOW_ROWS,     /* in a row of a snapshot */
    LEAT_SHADOW_SEQUENCE, /* the last member of both JSON lists is the same */
    LEAT_SHADOW_KIND,     /* both are there and of one JSON type */
} leat_shadow_when;

/* A place in a record whose difference says nothing. */
typedef struct leat_shadow_rule {
    const char *name;
    const char
        *path; /* key.*, value.*, header.*, and *.schema.* of both; a * stands for any text */
    leat_shadow_when when;
    const char *reason;
} leat_shadow_rule;

/* A kind of record that is not compared at all. */
typedef enum leat_shadow_skip {
    LEAT_SHADOW_TAKE, /* it is compared */
    LEAT_SHADOW_SKIP_HEARTBEAT,
    LEAT_SHADOW_SKIP_NOTIFICATION,
    LEAT_SHADOW_SKIP_SIGNAL,
    LEAT_SHADOW_SKIP_INCREMENTAL,
    LEAT_SHADOW_SKIP_ROWS,
    LEAT_SHADOW_SKIP_OTHER,
    LEAT_SHADOW_SKIP_BEFORE,
    LEAT_SHADOW_SKIP_REPEAT,
    LEAT_SHADOW_SKIP_AFTER,
    LEAT_SHADOW_SKIP_LETTER,
    LEAT_SHADOW_SKIP_IDENTITY,
    LEAT_SHADOW_SKIP_UNLOGGED,
    LEAT_SHADOW_SKIP_PARTITION,
    LEAT_SHADOW_SKIPS,
} leat_shadow_skip;

typedef struct leat_shadow_skipped {
    const char *name, *what, *reason;
} leat_shadow_skipped;

extern const leat_shadow_rule leat_shadow_rules[]; /* ends with name NULL */
extern const leat_shadow_skipped leat_shadow_skips[LEAT_SHADOW_SKIPS];

/* The rule by which the two may differ at path, as an index into the rules; -1: there is none.
 * rows: the record is a row of a snapshot. x, y: leat's and Debezium's; NULL: not there. */
int leat_shadow_rule_find(const char *path, const leat_json *x, const leat_json *y, bool rows);

/* Whether text is what pattern, in which * stands for any text, describes. */
bool leat_shadow_glob(const char *pattern, const char *text);

#endif
