/* Single message transforms: Kafka Connect's `transforms`, in order, on records.
 *
 * A chain is made of a configuration once and never changes; who applies it, one thread, has a
 * leat_transform_run of its own, which keeps what was worked out for a schema. Schemas that are
 * made live as long as those they are made of: in the run's place for their table. Pure.
 *
 * To add one: a file with its leat_transform_type, and a line in transform.c. */
#ifndef LEAT_TRANSFORM_TRANSFORM_H
#define LEAT_TRANSFORM_TRANSFORM_H

#include "config/connector.h"
#include "event/envelope.h"

typedef struct leat_transform leat_transform;
typedef struct leat_transforms leat_transforms;

/* What follows from the schemas of one table's records: pinned with it, or of one record alone. */
typedef struct leat_transform_place leat_transform_place;

/* One record on its way. */
typedef struct leat_transform_record {
    leat_record *r; /* changed in place; what it points at is never changed */
    leat_arena *a;  /* for values */
    leat_transform_place *place;
    unsigned step; /* which of the chain */
} leat_transform_record;

/* The plan of this step for a schema; *is_new: it is zeroed, of size bytes, and to be filled;
 * schemas go to *keep. */
void *leat_transform_plan(leat_transform_record *t, const leat_schema *schema, size_t size,
                          bool *is_new, leat_arena **keep);

/* What a map of texts, as JSON without a schema gives it, has under a name; NULL: nothing. */
const leat_value *leat_transform_member(const leat_value *map, const char *name);

/* The value of a named option of a transform or predicate; its default if it is not set. */
typedef struct leat_transform_options {
    const char *prefix; /* "transforms.NAME." or "predicates.NAME." */
    leat_opt_many all;  /* of all transforms, or predicates */
    leat_report *r;
    leat_arena *a;
    const char *seen[16]; /* names that were asked for; the others are not known */
    unsigned nseen;
} leat_transform_options;
const char *leat_transform_option(leat_transform_options *o, const char *name, const char *def);
/* The same of "true" and "false"; else a problem is reported. */
bool leat_transform_flag(leat_transform_options *o, const char *name, bool def);
/* A problem of an option. */
void leat_transform_wrong(leat_transform_options *o, const char *name, const char *why);

typedef struct leat_transform_type {
    const char *klass;
    /* Reads its options into a conf of its own, in o->a; problems are reported. */
    const void *(*make)(leat_transform_options *o);
    /* DATA "transform.failed" says what is wrong with the record. */
    leat_rc (*apply)(const void *conf, leat_transform_record *t, leat_err *e);
} leat_transform_type;

typedef struct leat_predicate_type {
    const char *klass;
    const void *(*make)(leat_transform_options *o);
    leat_rc (*test)(const void *conf, const leat_record *r, bool *hit, leat_err *e);
} leat_predicate_type;

extern const leat_transform_type leat_transform_value_to_key, leat_transform_extract_key,
    leat_transform_extract_value;
extern const leat_predicate_type leat_predicate_topic, leat_predicate_header,
    leat_predicate_tombstone;

/* The chain of a configuration, in a; NULL: there are no transforms, or the problems are in r. */
const leat_transforms *leat_transforms_new(const leat_connector_conf *c, leat_arena *a,
                                           leat_report *r);

/* What a thread keeps. Heap. chain NULL: records stay as they are. */
typedef struct leat_transform_run leat_transform_run;
leat_transform_run *leat_transform_run_new(const leat_transforms *chain);
void leat_transform_run_free(leat_transform_run *run);
/* Between two batches: what is kept is dropped where it is too much. True: it was. */
bool leat_transform_run_tidy(leat_transform_run *run);
/* All that is kept is dropped, with the schemas that were made. */
void leat_transform_run_forget(leat_transform_run *run);

/* The events made of one, in a: a change's first record keeps its operation, place and time, so
 * that it is counted once; others are RECORDs with LEAT_EV_OF_CHANGE. DATA "transform.failed", with
 * the transform's name, and the topic as where: none is made. */
leat_rc leat_transform_event(leat_transform_run *run, const leat_event *ev, leat_arena *a,
                             leat_event out[LEAT_RECORDS_MAX], unsigned *n, leat_err *e);
/* The n records of an event (leat_envelope_records), in place. Of a change, schemas that are made
 * live until what is kept is dropped; of a RECORD, in a. DATA as above. */
leat_rc leat_transform_records(leat_transform_run *run, const leat_event *ev, leat_record *records,
                               unsigned n, leat_arena *a, leat_err *e);
/* A record that is of no event, in place. Its schemas live as long as those that are made of them:
 * until what is kept is dropped. */
leat_rc leat_transform_one(leat_transform_run *run, leat_record *r, leat_arena *a, leat_err *e);
/* The class of the transform that failed last. */
const char *leat_transform_failed(const leat_transform_run *run);

#endif
