/* Row images: framing of columns, and cells by the columns' plans.
 *
 *     rows   = { [before image], [after image] }     by the event's kind
 *     image  = [options], bits: NULL, one for each column present, lowest bit first, values
 *     value  = bytes as column.c has it; none for NULL
 *     options, in after images of PARTIAL_UPDATE_ROWS alone: lenenc flags (1: diffs follow
 * somewhere), [bits: one for each JSON column of the table: its value is diffs]
 *
 * A value's bytes are found by its column's plan alone, before they are looked at: a value that
 * makes no cell spoils its row and not the next one. */
#include "source/mysql/rowimage.h"
#include "source/mysql/binlog_part.h"
#include "source/mysql/cell.h"
#include "source/mysql/jsonbin.h"

enum { PARTIAL_JSON = 1 };

typedef struct one_image {
    leat_str present; /* a bit a column */
    uint32_t npresent;
    leat_str partial; /* a bit a JSON column; absent: none is partial */
    leat_str *json;   /* by column: bytes of JSON values; kept in before images where there may be
                         diffs behind, else NULL */
} one_image;

static inline bool bit(leat_str bits, uint32_t i)
{
    return (uint8_t)bits.s[i / 8] >> i % 8 & 1;
}

static uint32_t count(leat_str bits, uint32_t n)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += bit(bits, i);
    return sum;
}

static leat_rc malformed(const leat_mysql_rows *r, leat_err *e)
{
    const char *table = r->image->ncols ? r->image->cols[0].table : "";
    return leat_fail(
        e, LEAT_FATAL, "mysql.binlog", table,
        "a row of the binary log does not fit the table's %u columns: malformed at byte "
        "%zu of %zu; the table may have another version than the TABLE_MAP before it",
        r->image->ncols, r->ev->rows.len - leat_cur_left(&r->at), r->ev->rows.len);
}

leat_rc leat_mysql_rows_open(leat_mysql_rows *r, const leat_mysql_image *image,
                             const leat_binlog_rows *ev, leat_err *e)
{
    *r = (leat_mysql_rows){.image = image, .ev = ev, .at = leat_cur_of(ev->rows)};
    if (ev->ncols != image->ncols)
        return leat_fail(
            e, LEAT_FATAL, "mysql.binlog", image->ncols ? image->cols[0].table : "",
            "a rows event has %u columns, the table has %u; the table's version here is "
            "not that of the event",
            ev->ncols, image->ncols);
    if (ev->before.s) r->nbefore = count(ev->before, ev->ncols);
    if (ev->after.s) r->nafter = count(ev->after, ev->ncols);
    return LEAT_OK;
}

/* ---- one value ---- */

static inline bool value_bytes(const leat_mysql_col *col, leat_cur *c, leat_str *out)
{
    size_t left = (size_t)(c->end - c->p), n = col->width;
    const uint8_t *p = c->p;
    if (col->prefix) {
        if (left < col->prefix) return false;
        n = *p;
        for (unsigned i = 1; i < col->prefix; i++) n |= (size_t)p[i] << 8 * i;
        p += col->prefix;
        left -= col->prefix;
    }
    if (left < n) return false;
    *out = (leat_str){(const char *)p, n};
    c->p = p + n;
    return true;
}

static leat_rc patched(leat_mysql_rows *r, const leat_mysql_col *col, const leat_str *before,
                       leat_str diffs, leat_arena *a, leat_value *out, leat_err *e)
{
    leat_str text;
    leat_err why;
    *out = leat_absent();
    if (!before || !before->s) { /* its old value is not here */
        r->unknown++;
        return LEAT_OK;
    }
    if (leat_jsonbin_patch(*before, diffs, a, &text, &why) != LEAT_OK)
        return leat_cell_fail(col, diffs, why.msg, e);
    *out = leat_text(text);
    return LEAT_OK;
}

/* ---- one image ---- */

static bool read_options(leat_cur *c, const leat_mysql_image *image, leat_str *partial)
{
    uint32_t n = 0;
    uint64_t flags = leat_binlog_lenenc(c);
    if (flags & ~(uint64_t)PARTIAL_JSON) return false;
    if (!(flags & PARTIAL_JSON)) return !c->bad;
    for (uint32_t i = 0; i < image->ncols; i++) n += image->cols[i].type == LEAT_MYSQL_JSON;
    *partial = leat_cur_bytes(c, (n + 7) / 8);
    return !c->bad;
}

/* cells: NULL to walk over them. The first value that makes no cell is told when all were walked.
 */
static leat_rc read_image(leat_mysql_rows *r, const one_image *im, leat_arena *a, leat_value *cells,
                          leat_err *e)
{
    const leat_mysql_image *image = r->image;
    leat_str nulls = leat_cur_bytes(&r->at, (im->npresent + 7) / 8), bytes;
    if (r->at.bad) return malformed(r, e);
    bool all = im->npresent == image->ncols;
    leat_rc rc = LEAT_OK;
    uint32_t k = 0, json = 0;
    leat_value *cell = cells;
    for (uint32_t i = 0; i < image->ncols; i++) {
        const leat_mysql_col *col = &image->cols[i];
        bool wanted = col->parse && cells && rc == LEAT_OK, diffs = false;
        if (im->partial.s && col->type == LEAT_MYSQL_JSON) diffs = bit(im->partial, json++);
        if (!all && !bit(im->present, i)) {
            if (wanted) *cell++ = leat_absent();
            continue;
        }
        if (bit(nulls, k++)) {
            if (wanted) *cell++ = leat_null();
            continue;
        }
        if (!value_bytes(col, &r->at, &bytes)) return malformed(r, e);
        if (im->json && !im->partial.s && col->type == LEAT_MYSQL_JSON) im->json[i] = bytes;
        if (!wanted) continue;
        rc = diffs ? patched(r, col, im->json ? &im->json[i] : NULL, bytes, a, cell, e)
                   : col->parse(col, bytes, a, cell, e);
        cell++;
    }
    return rc;
}

static leat_rc read_before(leat_mysql_rows *r, leat_arena *a, leat_value *cells, leat_str *json,
                           leat_err *e)
{
    one_image im = {.present = r->ev->before, .npresent = r->nbefore, .json = json};
    return read_image(r, &im, a, cells, e);
}

static leat_rc read_after(leat_mysql_rows *r, leat_arena *a, leat_value *cells, leat_str *json,
                          leat_err *e)
{
    one_image im = {.present = r->ev->after, .npresent = r->nafter};
    if (r->ev->partial && !read_options(&r->at, r->image, &im.partial)) return malformed(r, e);
    if (im.partial.s) im.json = json;
    return read_image(r, &im, a, cells, e);
}

/* ---- one row ---- */

/* a: NULL to walk over it. Walks on to the row's end behind an error of DATA. */
static leat_rc read_row(leat_mysql_rows *r, leat_arena *a, leat_value *before, leat_value *after,
                        leat_err *e)
{
    leat_rc first = LEAT_OK;
    bool diffs = a && r->ev->partial;
    leat_str *json = diffs ? LEAT_NEW(a, leat_str, r->image->ncols) : NULL;
    if (r->ev->before.s) first = read_before(r, a, before, json, e);
    if (first == LEAT_FATAL || !r->ev->after.s) return first;
    if (first == LEAT_OK) return read_after(r, a, after, json, e);
    return read_after(r, NULL, NULL, NULL, NULL) == LEAT_OK ? first : malformed(r, e);
}

leat_rc leat_mysql_rows_next(leat_mysql_rows *r, leat_arena *a, const leat_value **before,
                             const leat_value **after, leat_str *raw, leat_err *e)
{
    const uint8_t *from = r->at.p;
    *before = *after = NULL;
    r->unknown = 0;
    if (leat_cur_left(&r->at) == 0) return LEAT_AGAIN;
    size_t n = r->image->ncells;
    bool both = r->ev->before.s && r->ev->after.s;
    leat_value *cells =
        leat_arena_alloc(a, (both ? 2 : 1) * n * sizeof *cells, _Alignof(leat_value));
    leat_value *old = r->ev->before.s ? cells : NULL;
    leat_value *now = !r->ev->after.s ? NULL : both ? cells + n : cells;
    leat_rc rc = read_row(r, a, old, now, e);
    if (rc == LEAT_OK && r->at.p == from) rc = malformed(r, e); /* no columns: it would never end */
    if (rc == LEAT_OK) {
        *before = old;
        *after = now;
    }
    if (raw) *raw = (leat_str){(const char *)from, (size_t)(r->at.p - from)};
    return rc;
}

leat_rc leat_mysql_rows_count(const leat_mysql_rows *r, uint64_t *n, leat_err *e)
{
    leat_mysql_rows walk = *r;
    for (*n = 0; leat_cur_left(&walk.at); ++*n) {
        const uint8_t *from = walk.at.p;
        LEAT_TRY(read_row(&walk, NULL, NULL, NULL, e));
        if (walk.at.p == from) return malformed(&walk, e);
    }
    return LEAT_OK;
}
