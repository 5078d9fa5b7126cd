/* Texts of points and of PostGIS's types -> the structs that Debezium makes of them.
 *
 *     point     (x,y)                       -> {x, y, wkb, srid}   wkb: ours, little-endian; no
 * srid geometry  EWKB in hex digits          -> {wkb, srid}         wkb: the EWKB as it is EWKB u8
 * order (1: little-endian), u32 type with flags, [i32 srid, if type & 0x20000000], ...
 *
 * Nothing behind the srid is looked at. Pure. */
#include "base/buf.h"
#include "system/postgres/types_part.h"

enum { WKB_POINT_LEN = 21, EWKB_MIN = 9, EWKB_SRID = 0x20000000 };

static leat_value struct_of(leat_value *fields, uint32_t n)
{
    return (leat_value){.kind = LEAT_STRUCT, .len = n, .u.list = fields};
}

static void put_double(char *p, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++) p[i] = (char)(bits >> 8 * i);
}

leat_rc leat_pg_parse_point(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                            leat_err *e)
{
    bool ok = text.len >= 2 && text.s[0] == '(' && text.s[text.len - 1] == ')';
    leat_str y = ok ? (leat_str){text.s + 1, text.len - 2} : (leat_str){0};
    leat_str x = leat_str_cut(&y, ',');
    double px, py;
    if (!ok || y.s == NULL || !leat_pg_float8(x, &px) || !leat_pg_float8(y, &py))
        return leat_pg_value_fail(col, text, "expected a point such as (1.5,2)", e);
    char *wkb = leat_arena_alloc(a, WKB_POINT_LEN, 1);
    memcpy(wkb, "\1\1\0\0\0", 5);
    put_double(wkb + 5, px);
    put_double(wkb + 13, py);
    leat_value *fields = leat_arena_alloc(a, 4 * sizeof *fields, _Alignof(leat_value));
    fields[0] = leat_float(px);
    fields[1] = leat_float(py);
    fields[2] = leat_bytes((leat_str){wkb, WKB_POINT_LEN});
    fields[3] = leat_null();
    *out = struct_of(fields, 4);
    return LEAT_OK;
}

leat_rc leat_pg_parse_geometry(const leat_pg_col *col, leat_str text, leat_arena *a,
                               leat_value *out, leat_err *e)
{
    char *wkb = leat_arena_alloc(a, text.len / 2, 1);
    leat_str ewkb = {wkb, text.len / 2};
    if (!leat_pg_unhex(text, wkb) || ewkb.len < EWKB_MIN)
        return leat_pg_value_fail(col, text, "expected EWKB in hexadecimal digits", e);
    leat_cur c = leat_cur_of(ewkb);
    bool little = leat_cur_u8(&c) != 0;
    uint32_t type = little ? leat_cur_le32(&c) : leat_cur_be32(&c);
    uint32_t srid = little ? leat_cur_le32(&c) : leat_cur_be32(&c);
    leat_value *fields = leat_arena_alloc(a, 2 * sizeof *fields, _Alignof(leat_value));
    fields[0] = leat_bytes(ewkb);
    fields[1] = type & EWKB_SRID ? leat_int((int32_t)srid) : leat_null();
    *out = struct_of(fields, 2);
    return LEAT_OK;
}
