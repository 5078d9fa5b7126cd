/* What the files of the chain of transforms share. Not for others. */
#ifndef LEAT_TRANSFORM_PART_H
#define LEAT_TRANSFORM_PART_H

#include "transform/transform.h"

typedef struct leat_predicate {
    const char *name;
    const leat_predicate_type *type;
    const void *conf;
} leat_predicate;

struct leat_transform {
    const char *name;
    const leat_transform_type *type;
    const void *conf;
    const leat_predicate *predicate; /* NULL: it is for all records */
    bool negate;
};

struct leat_transforms {
    const leat_transform *steps;
    unsigned n;
    const leat_predicate *predicates;
    unsigned npredicates;
};

/* One record through the whole chain. */
leat_rc leat_transforms_record(const leat_transforms *chain, leat_transform_record *t, leat_err *e);

#endif
