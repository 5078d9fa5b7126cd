/* Sets of MySQL's GTIDs: text, binary form, and what sets do.
 *
 *     text    = { uuid, { ':' range | ':' tag } } with ',' between; range = first ['-' last];
 *               a tag holds for the ranges behind it: "uuid:1-3:tag:1-2"
 *
 *     binary  = u64 count, { 16 bytes uuid, u64 ranges, { u64 first, u64 last + 1 } }
 *
 *     tagged  = u8 1, u48 count, u8 1, { 16 bytes uuid, varlen length (one byte: twice it), tag,
 *               u64 ranges, { u64 first, u64 last + 1 } }
 *
 * Sources are sorted by uuid, then tag; ranges by number, none touching the next. Adding the next
 * number of a source, which is what a stream does, costs two binary searches. */
#include "source/mysql/gtid.h"

#include <stdio.h>
#include <stdlib.h>

enum { UUID = 16, UUID_CHARS = 36, RANGE = 16, SOURCE_LEAST = UUID + 8, TAGGED = 1 };

/* ---- memory ---- */

void leat_gtid_set_free(leat_gtid_set *s)
{
    for (uint32_t i = 0; i < s->n; i++) leat_free(s->sources[i].ranges);
    leat_free(s->sources);
    *s = (leat_gtid_set){0};
}

static void copy_source(leat_gtid_source *to, const leat_gtid_source *from)
{
    *to = *from;
    to->cap = from->n;
    to->ranges = leat_alloc(from->n * sizeof *to->ranges);
    memcpy(to->ranges, from->ranges, from->n * sizeof *to->ranges);
}

void leat_gtid_set_copy(leat_gtid_set *to, const leat_gtid_set *s)
{
    leat_gtid_set copy = {.n = s->n, .cap = s->n};
    if (s->n) copy.sources = leat_zalloc(s->n, sizeof *copy.sources);
    for (uint32_t i = 0; i < s->n; i++) copy_source(&copy.sources[i], &s->sources[i]);
    leat_gtid_set_free(to);
    *to = copy;
}

/* ---- sources and ranges ---- */

static int order(const leat_gtid_source *src, const uint8_t uuid[16], const char *tag)
{
    int c = memcmp(src->uuid, uuid, UUID);
    return c ? c : strcmp(src->tag, tag);
}

/* Where it stands or would stand. */
static uint32_t place_of(const leat_gtid_set *s, const uint8_t uuid[16], const char *tag,
                         bool *found)
{
    uint32_t low = 0, high = s->n;
    *found = false;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int c = order(&s->sources[mid], uuid, tag);
        if (c == 0) {
            *found = true;
            return mid;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static const leat_gtid_source *source_of(const leat_gtid_set *s, const uint8_t uuid[16],
                                         const char *tag)
{
    bool found;
    uint32_t at = place_of(s, uuid, tag, &found);
    return found ? &s->sources[at] : NULL;
}

static leat_gtid_source *make_source(leat_gtid_set *s, const uint8_t uuid[16], const char *tag)
{
    bool found;
    uint32_t at = place_of(s, uuid, tag, &found);
    if (found) return &s->sources[at];
    if (s->n == s->cap) {
        s->cap = s->cap * 2 + 4;
        s->sources = leat_realloc(s->sources, s->cap * sizeof *s->sources);
    }
    memmove(s->sources + at + 1, s->sources + at, (s->n - at) * sizeof *s->sources);
    s->n++;
    leat_gtid_source *src = &s->sources[at];
    *src = (leat_gtid_source){0};
    memcpy(src->uuid, uuid, UUID);
    snprintf(src->tag, sizeof src->tag, "%s", tag);
    return src;
}

static void drop_source(leat_gtid_set *s, uint32_t at)
{
    leat_free(s->sources[at].ranges);
    memmove(s->sources + at, s->sources + at + 1, (s->n - at - 1) * sizeof *s->sources);
    s->n--;
}

/* The first range that ends at number or above. */
static uint32_t range_at(const leat_gtid_source *src, uint64_t number)
{
    uint32_t low = 0, high = src->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (src->ranges[mid].last < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void room_for_range(leat_gtid_source *src)
{
    if (src->n < src->cap) return;
    src->cap = src->cap * 2 + 2;
    src->ranges = leat_realloc(src->ranges, src->cap * sizeof *src->ranges);
}

static void add_range(leat_gtid_source *src, leat_gtid_range r)
{
    uint32_t from = range_at(src, r.first - 1), to = from;
    while (to < src->n && src->ranges[to].first <= r.last + 1) {
        if (src->ranges[to].first < r.first) r.first = src->ranges[to].first;
        if (src->ranges[to].last > r.last) r.last = src->ranges[to].last;
        to++;
    }
    if (to == from) {
        room_for_range(src);
        memmove(src->ranges + from + 1, src->ranges + from, (src->n - from) * sizeof r);
        src->n++;
    } else {
        memmove(src->ranges + from + 1, src->ranges + to, (src->n - to) * sizeof r);
        src->n -= to - from - 1;
    }
    src->ranges[from] = r;
}

static void take_range(leat_gtid_source *src, leat_gtid_range r)
{
    uint32_t i = range_at(src, r.first);
    while (i < src->n && src->ranges[i].first <= r.last) {
        leat_gtid_range was = src->ranges[i];
        bool head = was.first<r.first, tail = was.last> r.last;
        if (head && tail) {
            room_for_range(src);
            memmove(src->ranges + i + 1, src->ranges + i, (src->n - i) * sizeof r);
            src->n++;
            src->ranges[i].last = r.first - 1;
            src->ranges[i + 1].first = r.last + 1;
            return;
        }
        if (head) src->ranges[i++].last = r.first - 1;
        if (tail) src->ranges[i++].first = r.last + 1;
        if (head || tail) continue;
        memmove(src->ranges + i, src->ranges + i + 1, (src->n - i - 1) * sizeof r);
        src->n--;
    }
}

/* ---- what sets do ---- */

void leat_gtid_set_add_range(leat_gtid_set *s, const uint8_t uuid[16], const char *tag,
                             leat_gtid_range range)
{
    add_range(make_source(s, uuid, tag), range);
}

void leat_gtid_set_add(leat_gtid_set *s, const leat_gtid *id)
{
    if (id->gno) add_range(make_source(s, id->uuid, id->tag), (leat_gtid_range){id->gno, id->gno});
}

static bool has_range(const leat_gtid_source *src, leat_gtid_range r)
{
    uint32_t i = src ? range_at(src, r.first) : 0;
    return src && i < src->n && src->ranges[i].first <= r.first && src->ranges[i].last >= r.last;
}

bool leat_gtid_set_has(const leat_gtid_set *s, const leat_gtid *id)
{
    return has_range(source_of(s, id->uuid, id->tag), (leat_gtid_range){id->gno, id->gno});
}

bool leat_gtid_set_contains(const leat_gtid_set *s, const leat_gtid_set *sub)
{
    for (uint32_t i = 0; i < sub->n; i++) {
        const leat_gtid_source *want = &sub->sources[i];
        const leat_gtid_source *src = source_of(s, want->uuid, want->tag);
        for (uint32_t k = 0; k < want->n; k++)
            if (!has_range(src, want->ranges[k])) return false;
    }
    return true;
}

bool leat_gtid_set_eq(const leat_gtid_set *x, const leat_gtid_set *y)
{
    return leat_gtid_set_contains(x, y) && leat_gtid_set_contains(y, x);
}

void leat_gtid_set_union(leat_gtid_set *s, const leat_gtid_set *more)
{
    for (uint32_t i = 0; i < more->n; i++)
        for (uint32_t k = 0; k < more->sources[i].n; k++)
            leat_gtid_set_add_range(s, more->sources[i].uuid, more->sources[i].tag,
                                    more->sources[i].ranges[k]);
}

void leat_gtid_set_subtract(leat_gtid_set *s, const leat_gtid_set *less)
{
    for (uint32_t i = s->n; i-- > 0;) {
        const leat_gtid_source *src = source_of(less, s->sources[i].uuid, s->sources[i].tag);
        for (uint32_t k = 0; src && k < src->n; k++) take_range(&s->sources[i], src->ranges[k]);
        if (s->sources[i].n == 0) drop_source(s, i);
    }
}

uint64_t leat_gtid_set_count(const leat_gtid_set *s)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t k = 0; k < s->sources[i].n; k++)
            n += s->sources[i].ranges[k].last - s->sources[i].ranges[k].first + 1;
    return n;
}

void leat_gtid_set_filter(leat_gtid_set *s, bool (*keep)(void *ctx, const char *uuid), void *ctx)
{
    char text[LEAT_UUID_TEXT];
    for (uint32_t i = s->n; i-- > 0;)
        if (!keep(ctx, leat_gtid_uuid_print(s->sources[i].uuid, text))) drop_source(s, i);
}

/* ---- text ---- */

const char *leat_gtid_uuid_print(const uint8_t uuid[16], char text[LEAT_UUID_TEXT])
{
    char *p = text;
    for (unsigned i = 0; i < UUID; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *p++ = '-';
        *p++ = "0123456789abcdef"[uuid[i] >> 4];
        *p++ = "0123456789abcdef"[uuid[i] & 15];
    }
    *p = '\0';
    return text;
}

const char *leat_gtid_print(const leat_gtid *id, char text[LEAT_GTID_TEXT])
{
    char uuid[LEAT_UUID_TEXT];
    snprintf(text, LEAT_GTID_TEXT, "%s%s%s:%llu", leat_gtid_uuid_print(id->uuid, uuid),
             *id->tag ? ":" : "", id->tag, (unsigned long long)id->gno);
    return text;
}

void leat_gtid_set_print(const leat_gtid_set *s, leat_buf *out)
{
    char uuid[LEAT_UUID_TEXT];
    for (uint32_t i = 0; i < s->n; i++) {
        const leat_gtid_source *src = &s->sources[i];
        bool same = i > 0 && memcmp(src->uuid, s->sources[i - 1].uuid, UUID) == 0;
        if (!same && i > 0) leat_buf_u8(out, ',');
        if (!same) leat_buf_str_z(out, leat_gtid_uuid_print(src->uuid, uuid));
        if (*src->tag) leat_buf_printf(out, ":%s", src->tag);
        for (uint32_t k = 0; k < src->n; k++) {
            leat_buf_printf(out, ":%llu", (unsigned long long)src->ranges[k].first);
            if (src->ranges[k].last > src->ranges[k].first)
                leat_buf_printf(out, "-%llu", (unsigned long long)src->ranges[k].last);
        }
    }
}

bool leat_gtid_uuid_parse(leat_str text, uint8_t uuid[16])
{
    if (text.len != UUID_CHARS) return false;
    size_t at = 0;
    for (unsigned i = 0; i < UUID; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text.s[at++] != '-') return false;
        int high = leat_hex_digit(text.s[at]), low = leat_hex_digit(text.s[at + 1]);
        if (high < 0 || low < 0) return false;
        uuid[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return true;
}

/* Letters, digits and _, not a digit first; made lower case. */
static bool tag_of(leat_str text, char tag[LEAT_GTID_TAG + 1])
{
    if (text.len == 0 || text.len > LEAT_GTID_TAG) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9' && i > 0;
        if (!letter && !digit) return false;
        tag[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    tag[text.len] = '\0';
    return true;
}

/* "5" or "5-9"; first above last is empty, as it is to the server. */
static bool range_of(leat_str text, leat_gtid_range *r)
{
    leat_str rest = text, first = leat_str_trim(leat_str_cut(&rest, '-'));
    if (first.len == 0 || first.s[0] == '+' || !leat_str_u64(first, &r->first)) return false;
    r->last = r->first;
    if (rest.s) {
        rest = leat_str_trim(rest);
        if (rest.len == 0 || rest.s[0] == '+' || !leat_str_u64(rest, &r->last)) return false;
    }
    return r->first > 0 && r->last < INT64_MAX && r->first < INT64_MAX;
}

/* One server's part. False: at is where it is none. */
static bool parse_server(leat_gtid_set *s, leat_str part, leat_str *at)
{
    uint8_t uuid[UUID];
    char tag[LEAT_GTID_TAG + 1] = "";
    leat_gtid_range r;
    *at = leat_str_trim(leat_str_cut(&part, ':'));
    if (!leat_gtid_uuid_parse(*at, uuid) || !part.s) return false;
    while (part.s) {
        *at = leat_str_trim(leat_str_cut(&part, ':'));
        if (range_of(*at, &r)) {
            if (r.first <= r.last) leat_gtid_set_add_range(s, uuid, tag, r);
        } else if (!part.s || !tag_of(*at, tag)) {
            return false;
        }
    }
    return true;
}

leat_rc leat_gtid_set_parse(leat_gtid_set *s, leat_str text, leat_err *e)
{
    leat_gtid_set more = {0};
    leat_str rest = text, at = {0};
    while (rest.s) {
        leat_str part = leat_str_trim(leat_str_cut(&rest, ','));
        if (part.len == 0 || parse_server(&more, part, &at)) continue;
        leat_gtid_set_free(&more);
        size_t n = leat_str_fit(at, 60);
        return leat_fail(e, LEAT_CONF, "mysql.gtid", "",
                         "no set of GTIDs: at character %zu, got \"%.*s\", expected "
                         "uuid[:tag]:first[-last]..., such as "
                         "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7, with commas between servers",
                         (size_t)(at.s - text.s) + 1, (int)n, at.s);
    }
    leat_gtid_set_union(s, &more);
    leat_gtid_set_free(&more);
    return LEAT_OK;
}

/* ---- binary form ---- */

static uint64_t le48(leat_cur *c)
{
    uint64_t low = leat_cur_le32(c);
    low |= (uint64_t)leat_cur_u8(c) << 32;
    return low | (uint64_t)leat_cur_u8(c) << 40;
}

static void decode_source(leat_gtid_set *s, leat_cur *c, bool tagged)
{
    leat_str uuid = leat_cur_bytes(c, UUID), text = LEAT_STR("");
    char tag[LEAT_GTID_TAG + 1] = "";
    if (tagged) text = leat_cur_bytes(c, leat_cur_u8(c) / 2);
    if (text.len && !tag_of(text, tag)) c->bad = true;
    uint64_t n = leat_cur_le64(c);
    if (c->bad || n > leat_cur_left(c) / RANGE) {
        c->bad = true;
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        leat_gtid_range r = {.first = leat_cur_le64(c)};
        r.last = leat_cur_le64(c);
        if (r.first == 0 || r.last <= r.first || r.last > INT64_MAX) c->bad = true;
        if (c->bad) return;
        r.last--;
        leat_gtid_set_add_range(s, (const uint8_t *)uuid.s, tag, r);
    }
}

leat_rc leat_gtid_set_decode(leat_gtid_set *s, leat_str bytes, leat_err *e)
{
    leat_gtid_set more = {0};
    leat_cur c = leat_cur_of(bytes);
    bool tagged = bytes.len >= 8 && bytes.s[7] == TAGGED;
    uint64_t n;
    if (tagged) {
        leat_cur_u8(&c);
        n = le48(&c);
        leat_cur_u8(&c);
    } else {
        n = leat_cur_le64(&c);
    }
    if (n > leat_cur_left(&c) / SOURCE_LEAST) c.bad = true;
    for (uint64_t i = 0; i < n && !c.bad; i++) decode_source(&more, &c, tagged);
    bool ok = !c.bad && leat_cur_left(&c) == 0;
    if (ok) leat_gtid_set_union(s, &more);
    leat_gtid_set_free(&more);
    return ok ? LEAT_OK
              : leat_fail(e, LEAT_FATAL, "mysql.binlog", "",
                          "a malformed set of GTIDs in the binary log (%zu bytes)", bytes.len);
}

void leat_gtid_set_encode(const leat_gtid_set *s, leat_buf *out)
{
    bool tagged = false;
    for (uint32_t i = 0; i < s->n; i++) tagged |= *s->sources[i].tag != '\0';
    uint64_t head = s->n;
    if (tagged) head = TAGGED | head << 8 | (uint64_t)TAGGED << 56;
    leat_buf_le64(out, head);
    for (uint32_t i = 0; i < s->n; i++) {
        const leat_gtid_source *src = &s->sources[i];
        size_t len = strlen(src->tag);
        leat_buf_put(out, src->uuid, UUID);
        if (tagged) leat_buf_u8(out, (unsigned)len * 2);
        if (tagged) leat_buf_put(out, src->tag, len);
        leat_buf_le64(out, src->n);
        for (uint32_t k = 0; k < src->n; k++) {
            leat_buf_le64(out, src->ranges[k].first);
            leat_buf_le64(out, src->ranges[k].last + 1);
        }
    }
}
