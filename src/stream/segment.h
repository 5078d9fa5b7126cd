/* Segments: the files of a stream's folder, and walking through the frames of one.
 *
 * Segments are numbered 1, 2, 3... and never renumbered. A walk reads through base/os.h with
 * read-ahead; it never looks behind its limit, because what lies above the mark may still change.
 * One thread a walk. */
#ifndef LEAT_STREAM_SEGMENT_H
#define LEAT_STREAM_SEGMENT_H

#include "base/os.h"
#include "stream/frame.h"

enum { LEAT_PATH_MAX = 4096 };

/* data/connectors/NAME/tail ("stream", "lock", "counters") into out; CONF "stream.name" when the
 * name is not fit for a folder or the path too long. */
leat_rc leat_segment_folder(const char *data, const char *connector, const char *tail,
                            char out[LEAT_PATH_MAX], leat_err *e);
/* dir/NUMBER.seg; dir came from leat_segment_folder. */
void leat_segment_path(const char *dir, uint64_t segment, char out[LEAT_PATH_MAX]);
/* The numbers of the segments that are there, ascending, in a. RETRY "stream.missing" when there is
 * no such folder. */
leat_rc leat_segment_list(const char *dir, leat_arena *a, uint64_t **out, size_t *n, leat_err *e);
/* The same of other files named by a segment's number. */
leat_rc leat_segment_files(const char *dir, const char *suffix, leat_arena *a, uint64_t **out,
                           size_t *n, leat_err *e);

/* Behind a frame: where the next one stands and what it must look like. Zeros: unknown. */
typedef struct leat_place {
    uint64_t segment;
    int64_t offset;
    uint64_t number; /* of the last frame before this place */
    uint32_t crc;    /* of that frame */
} leat_place;

/* A place as text, and back: "segment:offset:frame:checksum". */
enum { LEAT_PLACE_TEXT = 96 };
size_t leat_place_write(const leat_place *at, char out[LEAT_PLACE_TEXT]);
bool leat_place_parse(leat_str text, leat_place *out);

typedef struct leat_walk {
    char path[LEAT_PATH_MAX]; /* of the segment */
    int fd;                   /* -1: none is open */
    leat_place at;            /* behind the last frame passed */
    bool lent;                /* fd belongs to another walk */
    bool foreign;             /* the first frame is of a newer format */
    bool chained;             /* the next frame must follow at.number and at.crc */
    int64_t limit;            /* nothing at or behind this offset is looked at */
    char *window;             /* bytes of the file from window_at on */
    size_t window_len, window_cap, ahead;
    int64_t window_at;
    char why[160]; /* BAD: what is wrong with what stands at at.offset, for a person */
} leat_walk;

void leat_walk_init(leat_walk *w);
void leat_walk_free(leat_walk *w);
/* To the beginning of a segment; the frame there may be any. AGAIN: there is no such file. */
leat_rc leat_walk_open(leat_walk *w, const char *dir, uint64_t segment, leat_err *e);
/* To a place of the file that another walk has open, which may have another name by now or none. It
 * stays the owner's: open or free this walk before the owner's is closed. */
void leat_walk_beside(leat_walk *w, const leat_walk *owner, int64_t offset);
/* To another place of the open segment. */
void leat_walk_seek(leat_walk *w, int64_t offset);
/* The frame that stands next: FRAME, BLANK (nothing more was written) or BAD (why is set). Head and
 * meta are checked; meta (without
 * its lead) is valid until the next call for w. */
leat_rc leat_walk_peek(leat_walk *w, leat_frame *f, leat_str *meta, leat_seen *seen, leat_err *e);
/* The same frame with its body, checked too. */
leat_rc leat_walk_load(leat_walk *w, const leat_frame *f, leat_str *meta, leat_str *body,
                       leat_seen *seen, leat_err *e);
/* Behind the frame. */
void leat_walk_pass(leat_walk *w, const leat_frame *f);
/* To the next place, from here on, where an intact head stands, whatever comes before it; BLANK:
 * there is none to the end. The chain is not asked for. */
leat_rc leat_walk_find(leat_walk *w, leat_frame *f, leat_str *meta, leat_seen *seen, leat_err *e);
/* Forgets what was read ahead: it may have changed. */
void leat_walk_refresh(leat_walk *w);

/* FATAL "stream.damaged": what stands at w->at cannot be right, and had been promised. Or it is of
 * a newer format: CONF "stream.version". */
leat_rc leat_walk_damaged(const leat_walk *w, leat_err *e);
/* CONF "stream.version". */
leat_rc leat_walk_foreign(const leat_walk *w, leat_err *e);

#endif
