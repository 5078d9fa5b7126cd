/* Appending frames to segments: forming, compressing, writing, rotating, syncing, going back.
 *
 * Below the embedded stream's rules about transactions and above the files. A failed write leaves
 * the writer as it was; a failed sync breaks it for good: what is on the disk is not known then,
 * and nothing may be written or synced again. One thread. */
#ifndef LEAT_STREAM_WRITER_H
#define LEAT_STREAM_WRITER_H

#include "stream/draft.h"
#include "stream/recover.h"
#include "stream/retention.h"

typedef struct leat_writer {
    char dir[LEAT_PATH_MAX];
    const char *connector; /* borrowed */
    int64_t segment_bytes, reserve_bytes;
    leat_compression compression;
    leat_retention keep;  /* what is removed before a segment is begun */
    int fd;               /* the newest segment */
    leat_place at;        /* behind the last frame */
    leat_place end;       /* behind the last safe frame */
    leat_place mark;      /* behind the last frame that is durable and visible */
    uint64_t open;        /* frame in which the open transaction began, 0: none is open */
    uint64_t older_bytes; /* of the segments before the newest, keep.removed_bytes included */
    int64_t body;         /* offset behind the newest segment's first frame */
    bool reserve;         /* the reserve file is there */
    int64_t need;         /* bytes that are to go into the segment that is begun next */
    bool broken;          /* a sync failed */
    leat_restored has;    /* reach: at the end of what was appended */
    leat_buf out;         /* frames on their way to the file */
    leat_frame_table *tables;
    uint32_t tables_cap;
    leat_arena scratch;
    void *lz4; /* LZ4_stream_t-sized state */
    struct ZSTD_CCtx_s *zstd_ctx;
} leat_writer;

/* What a failed batch, or a transaction that will come again, goes back to. */
typedef struct leat_writer_save {
    leat_place at, end;
    uint64_t open, older_bytes;
    int64_t body, newest_us;
    size_t ring_n, ring_at;
} leat_writer_save;

void leat_writer_init(leat_writer *w);
void leat_writer_free(leat_writer *w);

/* Goes on at the mark in the segment that holds it. */
leat_rc leat_writer_resume(leat_writer *w, const leat_place *mark, uint64_t older_bytes,
                           leat_err *e);
/* Begins the next segment, the one before being cut off and synced. d: what waits to be framed
 * (it is left out of the checkpoint), may be NULL. RETRY leaves all as it was. */
leat_rc leat_writer_rotate(leat_writer *w, const leat_draft *d, leat_err *e);
/* Writes the draft as a frame, begins a segment first if it does not fit. end: it ends at the safe
 * place that w->has.reach says. The draft is as before when this fails, else cleared. */
leat_rc leat_writer_frame(leat_writer *w, leat_draft *d, bool end, leat_err *e);
/* The reserve file is there again, if there is room for it. Quiet. */
void leat_writer_mend_reserve(leat_writer *w);
/* Syncs; then all that is written is durable. FATAL "stream.sync_failed": w is broken. */
leat_rc leat_writer_sync(leat_writer *w, leat_err *e);

leat_writer_save leat_writer_here(const leat_writer *w);
/* Frames behind the save are void; offsets and positions are the caller's. FATAL: w is broken. */
leat_rc leat_writer_back(leat_writer *w, const leat_writer_save *save, leat_err *e);

/* FATAL, for every call after a failed sync. */
leat_rc leat_writer_broken(const leat_writer *w, leat_err *e);

#endif
