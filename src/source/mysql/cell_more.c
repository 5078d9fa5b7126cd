/* Geometries, vectors, and the types that MariaDB has beyond the wire's.
 *
 *     GEOMETRY  u32 srid, WKB
 *     VECTOR    4 bytes an element: IEEE 754, little-endian
 *     INET4     4 bytes; INET6 16 bytes: as they are on the network
 *     UUID      16 bytes: the groups of its text from the last to the first, but for versions 6 and
 *               higher and other variants, which stand as printed
 *
 * As BINARY, the last three come without zeros at the end. */
#include <arpa/inet.h>
#include <math.h>

#include "source/mysql/cell.h"

enum { SRID = 4, WKB_HEAD = 5, WKB_POINT = 1, WKB_POINT_LEN = 21, UUID = 16, UUID_TEXT = 36 };

/* ---- geometries ---- */

static leat_value srid_of(leat_str bytes)
{
    uint32_t srid = (uint32_t)leat_cell_le(bytes.s, SRID);
    return srid ? leat_int((int32_t)srid) : leat_null();
}

static leat_value *fields_of(leat_arena *a, uint32_t n, leat_value *out)
{
    leat_value *fields = leat_arena_alloc(a, n * sizeof *fields, _Alignof(leat_value));
    *out = (leat_value){.kind = LEAT_STRUCT, .len = n, .u.list = fields};
    return fields;
}

leat_rc leat_cell_geometry(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                           leat_value *out, leat_err *e)
{
    if (bytes.len < SRID + WKB_HEAD) return leat_cell_fail(col, bytes, "no geometry", e);
    leat_value *fields = fields_of(a, 2, out);
    fields[0] = leat_bytes((leat_str){bytes.s + SRID, bytes.len - SRID});
    fields[1] = srid_of(bytes);
    return LEAT_OK;
}

leat_rc leat_cell_point(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                        leat_err *e)
{
    const char *wkb = bytes.s + SRID;
    double x, y;
    if (bytes.len != SRID + WKB_POINT_LEN || wkb[0] != 1 || leat_cell_le(wkb + 1, 4) != WKB_POINT)
        return leat_cell_fail(col, bytes, "no point", e);
    memcpy(&x, wkb + WKB_HEAD, sizeof x);
    memcpy(&y, wkb + WKB_HEAD + sizeof x, sizeof y);
    leat_value *fields = fields_of(a, 4, out);
    fields[0] = leat_float(x);
    fields[1] = leat_float(y);
    fields[2] = leat_bytes((leat_str){wkb, WKB_POINT_LEN});
    fields[3] = srid_of(bytes);
    return LEAT_OK;
}

leat_rc leat_cell_vector(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    if (bytes.len % sizeof(float)) return leat_cell_fail(col, bytes, "no vector", e);
    uint32_t n = (uint32_t)(bytes.len / sizeof(float));
    leat_value *list = leat_arena_alloc(a, n * sizeof *list, _Alignof(leat_value));
    for (uint32_t i = 0; i < n; i++) {
        float v;
        memcpy(&v, bytes.s + i * sizeof v, sizeof v);
        list[i] = leat_float(isnan(v) ? (double)NAN : (double)v);
    }
    *out = (leat_value){.kind = LEAT_LIST, .len = n, .u.list = list};
    return LEAT_OK;
}

/* ---- MariaDB's ---- */

/* The bytes with the zeros at their end again. */
static bool fill(leat_str bytes, char *full, size_t n)
{
    if (bytes.len > n) return false;
    memcpy(full, bytes.s, bytes.len);
    memset(full + bytes.len, 0, n - bytes.len);
    return true;
}

static leat_rc address(int family, const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                       leat_value *out, leat_err *e)
{
    char full[16], text[INET6_ADDRSTRLEN];
    if (!fill(bytes, full, family == AF_INET ? 4 : 16) ||
        !inet_ntop(family, full, text, sizeof text))
        return leat_cell_fail(col, bytes, "no address", e);
    *out = leat_text(leat_arena_str(a, leat_str_of(text)));
    return LEAT_OK;
}

leat_rc leat_cell_inet4(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                        leat_err *e)
{
    return address(AF_INET, col, bytes, a, out, e);
}

leat_rc leat_cell_inet6(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                        leat_err *e)
{
    return address(AF_INET6, col, bytes, a, out, e);
}

leat_rc leat_cell_uuid(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    static const uint8_t group[] = {4, 2, 2, 2, 6};
    static const uint8_t from_turned[] = {12, 10, 8, 6, 0};
    char raw[UUID], *text = leat_arena_alloc(a, UUID_TEXT, 1), *p = text;
    if (!fill(bytes, raw, UUID)) return leat_cell_fail(col, bytes, "no UUID", e);
    /* Turned, the variant is in byte 6 and the version in byte 8: the server's own rule. */
    bool turned = ((uint8_t)raw[6] & 0x80) && raw[8] > 0 && raw[8] < 0x60;
    unsigned at = 0;
    for (unsigned g = 0; g < 5; g++) {
        const char *b = turned ? raw + from_turned[g] : raw + at;
        if (g) *p++ = '-';
        for (unsigned i = 0; i < group[g]; i++) {
            *p++ = "0123456789abcdef"[(uint8_t)b[i] >> 4];
            *p++ = "0123456789abcdef"[b[i] & 15];
        }
        at += group[g];
    }
    *out = leat_text((leat_str){text, UUID_TEXT});
    return LEAT_OK;
}
