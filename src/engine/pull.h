/* Records of Kafka that were taken at once, and the events that are made of them.
 *
 * It is filled by one thread and may be read by another; the owner sees to it that only one of them
 * has it at a time, but for `lane`, which is the first one's alone. */
#ifndef LEAT_ENGINE_PULL_H
#define LEAT_ENGINE_PULL_H

#include "convert/change.h"
#include "stream/kafka/member.h"
#include "transform/transform.h"

/* Why a record cannot be read: a leat_err of many would be larger than they are. */
typedef struct leat_pulled_fault {
    const char *code, *where, *msg;
    const char *transform; /* the class of the transform that could not take it; NULL: none */
} leat_pulled_fault;

/* A record; in the arena of the pull. */
typedef struct leat_pulled {
    leat_kafka_message m;
    void *kept;                   /* by it the member's bytes stay */
    const leat_pulled_fault *why; /* it cannot be read; NULL: it can, or was not tried */
    struct leat_pulled *next;
} leat_pulled;

/* Those of one partition. */
typedef struct leat_pull_part {
    void *lane;        /* whose; NULL: nobody's any more */
    const char *topic; /* in the arena of the pull */
    uint32_t partition;
    leat_pulled *first, **tail;
    leat_pulled *last; /* that was read; NULL: none */
    leat_pulled *stop; /* behind it, what cannot be read; NULL: all was read */
    leat_batch batch;  /* the events of those that were read */
} leat_pull_part;

typedef struct leat_pull {
    leat_arena arena;
    leat_pull_part **parts; /* the first n are in use */
    uint32_t n, cap;
    size_t bytes; /* of keys, values and headers */
    bool full;    /* it was ended by its bounds: there is more */
} leat_pull;

/* What reads them. All is borrowed. */
typedef struct leat_pull_reader {
    leat_change_reader *changes;
    leat_transform_run *transforms;
    bool tolerate;                 /* what cannot be read is passed over, else it stops its part */
    const leat_kafka_message *now; /* what is being read */
} leat_pull_reader;

void leat_pull_free(leat_pull *u);
/* Nothing is in it, and the records are let go of; some memory is kept for the next round. */
void leat_pull_clear(leat_pull *u);
/* A part for records of a partition. */
leat_pull_part *leat_pull_part_new(leat_pull *u, void *lane, const char *topic, int32_t partition);
/* Adds the record that the member's poll returned, at the part's end. */
void leat_pull_add(leat_pull *u, leat_pull_part *part, leat_kafka_member *member,
                   const leat_kafka_message *m);
/* Each record goes through the reader's transforms; before the first is read. */
void leat_pull_through(leat_pull_reader *r);
/* Reads all of it. A batch has the events and counts `filtered`; letters are the caller's. */
void leat_pull_read(leat_pull_reader *r, leat_pull *u);

/* The record's time; 0: it has none that fits. */
int64_t leat_pulled_us(const leat_kafka_message *m);

#endif
