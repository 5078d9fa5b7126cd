/* A run: DATA frames that follow each other and become one; for stream/merge.c alone.
 *
 * A run ends at a safe place or holds frames of an open transaction only, as any frame. Events are
 * read and written again as one row (each is a difference to the one before); what was written is
 * read back and compared with what was there, byte for byte. One thread. */
#ifndef LEAT_STREAM_MERGE_RUN_H
#define LEAT_STREAM_MERGE_RUN_H

#include "stream/draft.h"
#include "stream/reach.h"

/* A version that the segment defines. */
typedef struct leat_merge_table {
    leat_table *table; /* one reference */
    uint32_t number;
    int64_t offset; /* of its frame in the new file */
    uint64_t run;   /* last one with events of it: draft.id */
} leat_merge_table;

typedef struct leat_merge_run {
    leat_frame f;       /* that it becomes: first, number, prev, name, END; number 0: it is empty */
    leat_frame_data d;  /* mark, open */
    leat_draft draft;   /* events, topics, transactions */
    leat_names names;   /* with the offsets behind the run */
    leat_reach reach;   /* what the run changes: positions, progress */
    leat_wire_state at; /* of reading back */
    leat_buf counts, crcs; /* of the frames */
    leat_merge_table *tables;
    uint32_t ntables, tables_cap;
    leat_map numbers; /* of tables, to their place */
    uint32_t last;    /* table asked for last */
    leat_frame_table *used;
    uint32_t nused, used_cap;
    leat_batch batch;
    leat_buf again;
    leat_arena scratch;
    struct ZSTD_CCtx_s *zstd;
} leat_merge_run;

void leat_merge_run_init(leat_merge_run *r);
void leat_merge_run_free(leat_merge_run *r);
/* For another segment. */
void leat_merge_run_reset(leat_merge_run *r);

/* As a TABLE frame defines it. DATA: the bytes are wrong. */
leat_rc leat_merge_run_define(leat_merge_run *r, uint32_t number, leat_str body, int64_t offset,
                              leat_err *e);
/* The tables of a frame get the places of the new file; arrays in a. False: one is not known. */
bool leat_merge_run_places(leat_merge_run *r, leat_frame_data *d, leat_arena *a);
/* The frame's offsets follow what stands before it in its topics, which they move on. */
bool leat_merge_run_follows(leat_merge_run *r, const leat_frame_data *d);

/* The frame may join the run, as far as safe places and what memory holds allow. */
bool leat_merge_run_fits(const leat_merge_run *r, const leat_frame *f);
/* Adds the frame with its events, uncompressed. DATA: they cannot be read, or would not be the same
 * afterwards; the run is void then. */
leat_rc leat_merge_run_add(leat_merge_run *r, const leat_frame *f, const leat_frame_data *d,
                           leat_str raw, leat_err *e);
/* Appends the run as one frame to out and empties it. */
void leat_merge_run_form(leat_merge_run *r, leat_buf *out);

/* Appends the frame's head, to be sealed, and its lead. Returns where it begins. */
size_t leat_merge_put_head(leat_buf *out, const leat_frame *f);

#endif
