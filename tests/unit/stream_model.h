/* A history of source transactions in which every event follows from its number, so that what comes
 * out of a stream can be judged without remembering what went in. And a consumer that judges.
 *
 * Transaction t (1, 2, 3...) has model_size(m, t) events; some have none. Its events go to three
 * tables (one of which gets a new version every 40 transactions) and a topic of RECORDs; deletes
 * and changes of keys take several offsets. Of the changes received some are filtered. */
#ifndef LEAT_TESTS_STREAM_MODEL_H
#define LEAT_TESTS_STREAM_MODEL_H

#include "event/event.h"
#include "stream/reader.h"
#include "stream/stream.h"

enum { MODEL_TOPICS = 4, MODEL_VERSIONS = 64 };

typedef struct model {
    uint64_t seed;
    uint32_t most;      /* events of a transaction, about; one in 16 has 8 times as many */
    uint32_t text_most; /* bytes of an event's text */
    leat_table *tables[2];
    leat_table *versions[MODEL_VERSIONS];
} model;

void model_init(model *m, uint64_t seed, uint32_t most, uint32_t text_most);
void model_free(model *m);
uint32_t model_size(const model *m, uint64_t tx);
/* Events of all transactions up to tx. */
uint64_t model_events(const model *m, uint64_t tx);
/* So many events are those of whole transactions: tx is the last of them, with those after it that
 * have none. */
bool model_whole(const model *m, uint64_t events, uint64_t *tx);
/* What the ledger says behind tx. */
leat_counts model_totals(const model *m, uint64_t tx);
const char *model_topic(unsigned topic);
/* The topic of an event, 0 ... MODEL_TOPICS - 1, and the records it is. */
unsigned model_topic_of(const model *m, uint64_t tx, uint32_t k);
unsigned model_records_of(const model *m, uint64_t tx, uint32_t k);
int64_t model_ts(uint64_t tx);

/* Where a source is: event k of transaction tx comes next. */
typedef struct model_place {
    uint64_t tx;
    uint32_t k;
} model_place;

/* Appends up to n events from *at on to b; whole transactions move the batch's safe place. */
void model_read(const model *m, model_place *at, uint32_t n, leat_batch *b);
/* The transaction that a position of the stream's state stands behind, 0: none. */
uint64_t model_reached(const leat_stream_state *st);
/* The state is that behind the transaction: position, totals, number of events. */
void model_check_state(const model *m, const leat_stream_state *st, uint64_t tx);

/* A consumer of all topics, or of one. */
typedef struct model_consumer {
    const model *m;
    int only;                   /* topic, -1: all */
    model_place at;             /* what must come next */
    int64_t next[MODEL_TOPICS]; /* offsets */
    uint64_t events;
} model_consumer;

void model_consumer_init(model_consumer *c, const model *m, int only);
/* The batch is what must come next. */
void model_consume(model_consumer *c, const leat_batch *b);
/* Reads all that is visible. Returns the rc that ended it: AGAIN at the end. */
leat_rc model_drain(model_consumer *c, leat_reader *r, leat_err *e);

#endif
