/* Frames: what a segment of the embedded stream consists of. Pure: bytes in, fields out, both ways.
 *
 * A frame is a head of 36 bytes, a meta part (never compressed, so that a frame can be judged
 * without its body) and a body. Multi-byte integers of the head are little-endian; varint, zigzag
 * and blob are those of base/buf.h.
 *
 *   head   0  3  magic f1 6c 74            16  8  number: 1, 2, 3... through all segments
 *          3  1  version of the format     24  4  crc of the frame before (0: the first ever)
 *          4  1  type                      28  4  CRC32C of the body
 *          5  1  version of the events     32  4  CRC32C of bytes 0-31 and the meta: "the frame's
 *          6  2  flags                            crc", by which the next one names it
 *          8  4  length of meta
 *         12  4  length of body
 *
 *   SEGMENT (1): opens each segment; what stands here is what all before it reached
 *     meta   varint segment, blob connector, zigzag created_us, varint number - mark,
 *            varint number - open, varint next table number, zigzag last_us, REACH,
 *            varint n, n x (blob topic, varint next offset)
 *     body   TXS: the last 65,536 transactions appended
 *   TABLE (2): a table version; stands in each segment whose events use it
 *     meta   varint table number, 8 bytes fingerprint
 *     body   leat_wire_put_table
 *   DATA (3): events and what they reach
 *     meta   varint number - mark, varint number - open, varint events,
 *            varint raw length, varint n, n x (varint table number, varint offset of its TABLE
 * frame in this segment), varint n, n x (blob topic, varint first offset, varint records, zigzag
 * min ts_us, varint max - min), TXS, with END: REACH body   leat_wire_put of each event, compressed
 * as LZ4 or ZSTD says REACH    varint n, n x (blob partition, blob offset), ten varints of
 * leat_counts, varint events visible, with PROGRESS: blob progress. In DATA: positions that
 * changed (an empty offset: the partition was forgotten), totals since ever TXS      varint n, n x
 * zigzag difference to the one before
 *
 * A segment that was merged (stream/merge.h) consists of frames that stand for others: each has the
 * flag MERGED, version 2, and stands for the frames first ... number, one if they are equal.
 *   lead   varint number - first, 4 bytes crc by which the next frame names it: that of the last
 *          frame it stands for. In front of the meta; the meta itself is as above
 *   tail   of the uncompressed body of DATA, if it stands for several: varint events of each,
 *          4 bytes crc of each, 4 bytes length of all that. By it a place between two is found
 *
 * So numbers and the chain of checksums are those of the frames before they were merged.
 *
 * number - mark: how far back the last frame is that was durable *and* visible when this one was
 * written: evidence, for recovery, that a frame now damaged had been promised. number - open: how
 * far back the frame is in which the transaction began that is open where this one begins; 0: none.
 */
#ifndef LEAT_STREAM_FRAME_H
#define LEAT_STREAM_FRAME_H

#include "base/buf.h"
#include "event/event.h"

enum {
    LEAT_FRAME_VERSION = 2, /* the newest known: of frames with MERGED; others are of 1 */
    LEAT_FRAME_HEAD = 36,
    LEAT_FRAME_MAGIC = 0xf1,         /* its first byte */
    LEAT_FRAME_META_MAX = 1 << 28,   /* bytes; longer is damage */
    LEAT_FRAME_RAW_MAX = 0x7e000000, /* of a body, compressed or not: what lz4 takes */
};

typedef enum leat_frame_type {
    LEAT_FRAME_SEGMENT = 1,
    LEAT_FRAME_TABLE = 2,
    LEAT_FRAME_DATA = 3,
} leat_frame_type;

enum {
    LEAT_FRAME_END = 1,      /* a safe place: behind it no source transaction is open */
    LEAT_FRAME_PROGRESS = 2, /* the meta carries snapshot progress */
    LEAT_FRAME_LZ4 = 4,      /* the body is compressed */
    LEAT_FRAME_ZSTD = 8,
    LEAT_FRAME_MERGED = 16, /* stands for the frames first ... number of before */
};

/* A head, read. */
typedef struct leat_frame {
    uint8_t type;    /* leat_frame_type */
    uint8_t version; /* of the format */
    uint8_t events;  /* version of the events in it: LEAT_WIRE_VERSION */
    uint16_t flags;
    uint32_t meta_len, body_len; /* meta_len: with the lead */
    uint64_t number;
    uint32_t prev, body_crc, crc;
    uint64_t first; /* MERGED: of the frames it stands for, else number */
    uint32_t name;  /* MERGED: the crc by which the next frame names it, else crc */
    uint32_t lead;  /* bytes in front of the meta */
} leat_frame;

static inline uint64_t leat_frame_size(const leat_frame *f)
{
    return (uint64_t)LEAT_FRAME_HEAD + f->meta_len + f->body_len;
}

/* The meta of the frame that begins at p, without its lead. */
static inline leat_str leat_frame_meta(const char *p, const leat_frame *f)
{
    return (leat_str){p + LEAT_FRAME_HEAD + f->lead, f->meta_len - f->lead};
}

typedef enum leat_seen {
    LEAT_SEEN_FRAME, /* head and meta are intact */
    LEAT_SEEN_SHORT, /* it takes *need bytes to tell */
    LEAT_SEEN_BLANK, /* zeros: nothing was written here */
    LEAT_SEEN_BAD,   /* none, or damaged: *why */
} leat_seen;

/* Reads head and meta at the start of bytes; f is set when a head was read at all. need: how many
 * bytes are wanted (SHORT). why: a phrase for a person (BAD). */
leat_seen leat_frame_read(leat_str bytes, leat_frame *f, size_t *need, const char **why);
/* The bytes carry the magic of a format that this version cannot read. */
bool leat_frame_foreign(leat_str bytes);

/* Writes the head at p, behind which f->meta_len bytes of meta and f->body_len of body stand
 * already; fills version, events, body_crc and crc. */
void leat_frame_seal(char *p, leat_frame *f);
/* The same where the body stands elsewhere and f->body_crc is known. */
void leat_frame_seal_head(char *p, leat_frame *f);

/* ---- meta ---- */

typedef struct leat_frame_topic {
    leat_str name;
    int64_t first;          /* offset of its first record here */
    uint64_t records;       /* offsets taken */
    int64_t min_us, max_us; /* commit times of its events */
} leat_frame_topic;

typedef struct leat_frame_table {
    uint32_t number;
    int64_t offset; /* of its TABLE frame in this segment */
} leat_frame_table;

/* What is reached at a place. */
typedef struct leat_frame_reach {
    const leat_position *pos;
    size_t npos;
    leat_counts totals;
    uint64_t visible;  /* events up to here */
    leat_str progress; /* absent: as before */
} leat_frame_reach;

typedef struct leat_frame_data {
    uint64_t mark; /* number of the last frame that was promised when this was written; 0: none */
    uint64_t open; /* number of the frame where the open transaction began, 0: none is open */
    uint64_t events;
    uint32_t raw_len; /* of the body, uncompressed */
    const leat_frame_table *tables;
    uint32_t ntables;
    const leat_frame_topic *topics;
    uint32_t ntopics;
    const uint64_t *txs; /* source transactions whose end was seen in it */
    uint32_t ntxs;
    leat_frame_reach reach; /* END */
} leat_frame_data;

typedef struct leat_frame_next {
    leat_str name;
    int64_t next; /* offset of the topic's next record */
} leat_frame_next;

typedef struct leat_frame_segment {
    uint64_t segment;
    leat_str connector;
    int64_t created_us;
    uint64_t mark, open;
    uint32_t next_table; /* table numbers from here on were never used */
    int64_t last_us;     /* newest commit time of an event before it; INT64_MIN: none */
    leat_frame_reach reach;
    const leat_frame_next *topics;
    uint32_t ntopics;
} leat_frame_segment;

/* In front of the meta of a frame with MERGED: f gives number, first and name. */
void leat_frame_put_lead(leat_buf *out, const leat_frame *f);
/* f gives number and flags (END, PROGRESS); the flag PROGRESS must be set if reach.progress is. */
void leat_frame_put_data(leat_buf *out, const leat_frame *f, const leat_frame_data *d);
void leat_frame_put_segment(leat_buf *out, const leat_frame *f, const leat_frame_segment *s);
void leat_frame_put_table(leat_buf *out, uint32_t number, uint64_t fingerprint);
void leat_frame_put_txs(leat_buf *out, const uint64_t *txs, size_t n);

/* The frames that a DATA frame stands for. */
typedef struct leat_frame_parts {
    leat_str events; /* varints: one a frame */
    leat_str crcs;   /* 4 bytes each */
} leat_frame_parts;
void leat_frame_put_parts(leat_buf *out, const leat_frame_parts *parts);
/* Takes the tail off raw, the uncompressed body; no parts where the frame stands for itself. */
bool leat_frame_get_parts(leat_str *raw, const leat_frame *f, leat_frame_parts *parts);
/* How many of the events stand before the end of frame number, which is one of the parts but the
 * last, and that frame's crc. */
bool leat_frame_part(const leat_frame_parts *parts, const leat_frame *f, uint64_t number,
                     uint64_t *events, uint32_t *crc);

/* Texts are borrowed from meta, arrays are in a. False: the bytes are wrong. whole = false stops
 * before TXS and REACH, which only recovery wants. */
bool leat_frame_get_data(leat_str meta, const leat_frame *f, bool whole, leat_arena *a,
                         leat_frame_data *d);
bool leat_frame_get_segment(leat_str meta, const leat_frame *f, leat_arena *a,
                            leat_frame_segment *s);
bool leat_frame_get_table(leat_str meta, uint32_t *number, uint64_t *fingerprint);
bool leat_frame_get_txs(leat_str body, leat_arena *a, const uint64_t **txs, uint32_t *n);

/* Only how far the mark was when the frame was written, of any type; 0 if that cannot be told. */
uint64_t leat_frame_mark(leat_str meta, const leat_frame *f);

#endif
