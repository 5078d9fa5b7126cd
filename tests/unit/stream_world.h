/* A data folder in a temporary place, a writer and readers of the model's history in it. */
#ifndef LEAT_TESTS_STREAM_WORLD_H
#define LEAT_TESTS_STREAM_WORLD_H

#include "stream/page.h"
#include "stream_model.h"

typedef struct world {
    char data[64];
    model m;
    leat_embedded_conf conf; /* its page is mapped by world_open, the file's */
    bool no_page;            /* unless this is set */
    leat_stream *s;
    leat_batch b;
    model_place at; /* of the source */
    leat_err e;
} world;

/* cmocka's set-up and tear-down of a test. */
int world_setup(void **state);
int world_teardown(void **state);

void world_open(world *w);
void world_close(world *w);
/* Reads up to n events from the source and appends them. */
leat_rc world_append(world *w, uint32_t n);
void world_commit(world *w);
/* Appends and commits until transaction tx is visible as a whole. */
void world_write(world *w, uint64_t tx, uint32_t batch);

leat_reader *world_reader(world *w, leat_reader_conf conf);
/* All topics from the beginning: whole transactions 1 ... tx, and nothing else. */
void world_expect(world *w, uint64_t tx);

/* A file of the stream; its name: a segment's number, or 0 for name. */
void world_path(const world *w, uint64_t segment, char out[256]);
/* Changes a byte of a segment. */
void world_flip(const world *w, uint64_t segment, int64_t at);
int64_t world_size(const world *w, uint64_t segment);
uint64_t world_segments(const world *w); /* the newest */

#endif
