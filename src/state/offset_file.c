/* Offsets out of a file of Java's object serialization (state/offset_file.h).
 *
 *   file   = AC ED 00 05  73  map  { key value }  78
 *   map    = 72 "java.util.HashMap" uid(8) 03  0002 'F' "loadFactor" 'I' "threshold"  78 70
 *            loadFactor(4) threshold(4)  77 08  buckets(4) size(4)
 *   key    = bytes: JSON [connector, partition]
 *   value  = bytes: JSON offset | 70 (null: the offset was deleted)
 *   bytes  = 75 class length(4) ...
 *   class  = 72 "[B" uid(8) 02 0000 78 70      the first time
 *          | 71 00 7E 00 02                    later: the handle of the first
 *
 * All big-endian; "text" is a length (2) and bytes; size pairs follow. Keys and values are what
 * Kafka Connect's JsonConverter made without schemas. */
#include "state/offset_file.h"

#include <stdio.h>

#include "base/json.h"

enum {
    TC_NULL = 0x70,
    TC_REFERENCE = 0x71,
    TC_CLASSDESC = 0x72,
    TC_OBJECT = 0x73,
    TC_ARRAY = 0x75,
    TC_BLOCKDATA = 0x77,
    TC_ENDBLOCKDATA = 0x78,
    BYTES_HANDLE = 0x7E0002, /* 0: the map's class, 1: the map */
};
#define MAGIC UINT32_C(0xACED0005)
#define MAP_UID UINT64_C(0x0507DAC1C31660D1)
#define BYTES_UID UINT64_C(0xACF317F8060854E0)

typedef struct reader {
    leat_cur c;
    const uint8_t *from;
    leat_arena *a;
    const char *name;
    bool classes; /* the class of byte[] was described */
    leat_err *e;
} reader;

static leat_rc refuse(const reader *r, const char *what)
{
    return leat_fail(
        r->e, LEAT_CONF, "offsets.file", r->name,
        "this is no file of offsets as Debezium Server or connect-standalone writes it: "
        "%s at byte %zu; nothing was taken from it",
        what, (size_t)(r->c.p - r->from));
}

static leat_rc expect(reader *r, unsigned byte, const char *what)
{
    leat_cur before = r->c;
    if (leat_cur_u8(&r->c) == byte && !r->c.bad) return LEAT_OK;
    r->c = before;
    return refuse(r, what);
}

static bool text_is(reader *r, const char *want)
{
    leat_str text = leat_cur_bytes(&r->c, leat_cur_be16(&r->c));
    return !r->c.bad && leat_str_is(text, want);
}

static leat_rc map_class(reader *r)
{
    LEAT_TRY(expect(r, TC_CLASSDESC, "no description of a class"));
    bool good = text_is(r, "java.util.HashMap") && leat_cur_be64(&r->c) == MAP_UID &&
                leat_cur_u8(&r->c) == 3 && leat_cur_be16(&r->c) == 2 && leat_cur_u8(&r->c) == 'F' &&
                text_is(r, "loadFactor") && leat_cur_u8(&r->c) == 'I' && text_is(r, "threshold");
    if (!good || r->c.bad) return refuse(r, "the object is no java.util.HashMap");
    LEAT_TRY(expect(r, TC_ENDBLOCKDATA, "the map's class does not end"));
    return expect(r, TC_NULL, "the map's class has a parent");
}

static leat_rc map_head(reader *r, uint32_t *size)
{
    if (leat_cur_be32(&r->c) != MAGIC || r->c.bad)
        return refuse(r, "it does not begin as a Java object does");
    LEAT_TRY(expect(r, TC_OBJECT, "no object"));
    LEAT_TRY(map_class(r));
    leat_cur_be64(&r->c); /* loadFactor, threshold */
    LEAT_TRY(expect(r, TC_BLOCKDATA, "no size of the map"));
    LEAT_TRY(expect(r, 8, "no size of the map"));
    leat_cur_be32(&r->c); /* buckets */
    *size = leat_cur_be32(&r->c);
    if (r->c.bad || *size > INT32_MAX) return refuse(r, "no size of the map");
    return LEAT_OK;
}

static leat_rc bytes_class(reader *r)
{
    if (r->classes) {
        LEAT_TRY(expect(r, TC_REFERENCE, "an array of something else than bytes"));
        if (leat_cur_be32(&r->c) == BYTES_HANDLE && !r->c.bad) return LEAT_OK;
        return refuse(r, "an array of something else than bytes");
    }
    LEAT_TRY(expect(r, TC_CLASSDESC, "an array of something else than bytes"));
    bool good = text_is(r, "[B") && leat_cur_be64(&r->c) == BYTES_UID && leat_cur_u8(&r->c) == 2 &&
                leat_cur_be16(&r->c) == 0;
    if (!good || r->c.bad) return refuse(r, "an array of something else than bytes");
    r->classes = true;
    LEAT_TRY(expect(r, TC_ENDBLOCKDATA, "the class of byte[] does not end"));
    return expect(r, TC_NULL, "the class of byte[] has a parent");
}

/* A byte[]; absent: null. */
static leat_rc bytes(reader *r, leat_str *out)
{
    *out = (leat_str){0};
    if (leat_cur_left(&r->c) > 0 && *r->c.p == TC_NULL) {
        leat_cur_u8(&r->c);
        return LEAT_OK;
    }
    LEAT_TRY(expect(r, TC_ARRAY, "no byte[]"));
    LEAT_TRY(bytes_class(r));
    uint32_t len = leat_cur_be32(&r->c);
    *out = leat_cur_bytes(&r->c, len);
    return r->c.bad ? refuse(r, "a byte[] ends too early") : LEAT_OK;
}

static leat_rc entry_of(reader *r, leat_str key, leat_str value, leat_stored_offset **out)
{
    const leat_json *k, *v;
    if (leat_json_parse(r->a, key, &k, NULL) != LEAT_OK || k->type != LEAT_JSON_ARRAY ||
        !k->child || k->child->type != LEAT_JSON_STRING || !k->child->next ||
        k->child->next->type != LEAT_JSON_OBJECT || k->child->next->next)
        return refuse(r, "before this, a key that is not [\"connector\",{partition}]");
    if (leat_json_parse(r->a, value, &v, NULL) != LEAT_OK || v->type != LEAT_JSON_OBJECT)
        return refuse(r, "before this, an offset that is no JSON object");
    leat_stored_offset *s = LEAT_NEW(r->a, leat_stored_offset, 1);
    s->connector = k->child->text;
    s->pos = (leat_position){leat_json_text(k->child->next, r->a), leat_json_text(v, r->a)};
    *out = s;
    return LEAT_OK;
}

leat_rc leat_offset_file_parse(leat_arena *a, leat_str file, const char *name,
                               leat_stored_offset **out, leat_err *e)
{
    leat_err scratch;
    reader r = {.c = leat_cur_of(file), .a = a, .name = name, .e = e ? e : &scratch};
    uint32_t size = 0;
    r.from = r.c.p;
    *out = NULL;
    LEAT_TRY(map_head(&r, &size));
    for (uint32_t i = 0; i < size; i++) {
        leat_str key, value;
        LEAT_TRY(bytes(&r, &key));
        LEAT_TRY(bytes(&r, &value));
        if (!key.s) return refuse(&r, "before this, an entry without a key");
        if (!value.s) continue;
        LEAT_TRY(entry_of(&r, key, value, out));
        out = &(*out)->next;
    }
    LEAT_TRY(expect(&r, TC_ENDBLOCKDATA, "the map does not end where it should"));
    return leat_cur_left(&r.c) == 0 ? LEAT_OK : refuse(&r, "something stands behind the map,");
}
