/* Growing byte buffer (writer) and bounded cursor (reader) for wire formats and text.
 *
 * The cursor has a sticky error: reading past the end gives zeros and sets bad, so a decoder checks
 * once per message and can neither crash nor take zeros for data. Multi-byte integers: be = network
 * order (PostgreSQL's wire), le = ours on disk; varints are LEB128, signed ones zigzag. */
#ifndef LEAT_BASE_BUF_H
#define LEAT_BASE_BUF_H

#include "base/str.h"

typedef struct leat_buf {
    char *p;    /* heap; may move at each write */
    size_t len; /* bytes written */
    size_t cap;
} leat_buf;

/* A zeroed leat_buf is a valid empty one. */
void leat_buf_free(leat_buf *b);
static inline void leat_buf_clear(leat_buf *b)
{
    b->len = 0;
}
/* The same, and memory beyond keep bytes is given back. */
void leat_buf_clear_to(leat_buf *b, size_t keep);
static inline leat_str leat_buf_str(const leat_buf *b)
{
    return (leat_str){b->p ? b->p : "", b->len};
}
void leat_buf_grow(leat_buf *b, size_t more);

/* Room for n more bytes; returns where they go. The caller adds to len what it used. There is
 * always one byte more than was asked, so that a NUL fits behind. */
static inline char *leat_buf_room(leat_buf *b, size_t n)
{
    if (b->cap - b->len <= n) leat_buf_grow(b, n);
    return b->p + b->len;
}

static inline void leat_buf_put(leat_buf *b, const void *p, size_t n)
{
    if (n == 0) return;
    memcpy(leat_buf_room(b, n), p, n);
    b->len += n;
}
static inline void leat_buf_u8(leat_buf *b, unsigned v)
{
    *leat_buf_room(b, 1) = (char)(unsigned char)v;
    b->len++;
}
void leat_buf_str_z(leat_buf *b, const char *z);
static inline void leat_buf_add(leat_buf *b, leat_str s)
{
    leat_buf_put(b, s.s, s.len);
}
/* The text between two marks, each mark in it doubled: a name or a constant of SQL. */
void leat_buf_quoted(leat_buf *b, leat_str s, char mark);
void leat_buf_le32(leat_buf *b, uint32_t v);
void leat_buf_le64(leat_buf *b, uint64_t v);
/* Slow path of leat_buf_varint; not for others. */
void leat_buf_varint_more(leat_buf *b, uint64_t v);
static inline void leat_buf_varint(leat_buf *b, uint64_t v)
{
    if (v < 0x80)
        leat_buf_u8(b, (unsigned)v);
    else
        leat_buf_varint_more(b, v);
}
static inline void leat_buf_zigzag(leat_buf *b, int64_t v)
{
    leat_buf_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}
/* varint length, then the bytes. An absent string (s == NULL) is written as empty. */
void leat_buf_blob(leat_buf *b, leat_str s);
/* 10^0 to 10^19: all that fit. */
extern const uint64_t leat_ten_to[20];
/* Decimal digits, without printf. */
void leat_buf_i64(leat_buf *b, int64_t v);
void leat_buf_u64(leat_buf *b, uint64_t v);
void leat_buf_printf(leat_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

typedef struct leat_cur {
    const uint8_t *p, *end;
    bool bad; /* something was read that was not there; sticky */
} leat_cur;

static inline leat_cur leat_cur_of(leat_str s)
{
    const uint8_t *p = (const uint8_t *)(s.s ? s.s : "");
    return (leat_cur){p, p + s.len, false};
}
static inline size_t leat_cur_left(const leat_cur *c)
{
    return (size_t)(c->end - c->p);
}
static inline bool leat_cur_need(leat_cur *c, size_t n)
{
    if (!c->bad && (size_t)(c->end - c->p) >= n) return true;
    c->bad = true;
    return false;
}
static inline uint8_t leat_cur_u8(leat_cur *c)
{
    return leat_cur_need(c, 1) ? *c->p++ : 0;
}
uint16_t leat_cur_be16(leat_cur *c);
uint32_t leat_cur_be32(leat_cur *c);
uint64_t leat_cur_be64(leat_cur *c);
uint32_t leat_cur_le32(leat_cur *c);
uint64_t leat_cur_le64(leat_cur *c);
/* Slow path of leat_cur_varint; not for others. */
uint64_t leat_cur_varint_more(leat_cur *c);
/* More than ten bytes, or bits beyond the 64th, are bad. */
static inline uint64_t leat_cur_varint(leat_cur *c)
{
    if (!c->bad && c->p < c->end && *c->p < 0x80) return *c->p++;
    return leat_cur_varint_more(c);
}
static inline int64_t leat_cur_zigzag(leat_cur *c)
{
    uint64_t v = leat_cur_varint(c);
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}
/* n bytes, borrowed from the input. */
leat_str leat_cur_bytes(leat_cur *c, size_t n);
/* As written by leat_buf_blob. */
leat_str leat_cur_blob(leat_cur *c);
/* Up to the next NUL, which is skipped. */
leat_str leat_cur_cstr(leat_cur *c);

/* CRC-32C (Castagnoli), of what was summed before (0 at first) and these bytes. Hardware where the
 * processor has it. */
uint32_t leat_crc32c(uint32_t crc, const void *p, size_t n);
/* The same without the processor's help; leat_crc32c falls back to it. */
uint32_t leat_crc32c_soft(uint32_t crc, const void *p, size_t n);

/* Appends base64 (RFC 4648, padded), or its URL-safe alphabet. */
void leat_buf_base64(leat_buf *b, leat_str bytes, bool url_safe);
/* Appends the bytes of base64 (RFC 4648, padded); false: it is none, out is as before. */
bool leat_buf_unbase64(leat_buf *b, leat_str text);
/* Appends text as a segment of a URL's path: %XX for all but letters, digits, - . _ and ~. */
void leat_buf_url(leat_buf *b, leat_str text);
/* Appends what such a text stands for, + as a blank if `plus`, up to its end or to a % that no two
 * hex digits follow, or a NUL: then false. */
bool leat_buf_unurl(leat_buf *b, leat_str text, bool plus);
/* Appends lower-case hex. */
void leat_buf_hex(leat_buf *b, leat_str bytes);
/* Appends the bytes of hex text (either case); false (nothing appended) when it is none. */
bool leat_buf_unhex(leat_buf *b, leat_str hex);

#endif
