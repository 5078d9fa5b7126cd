/* Keys in Java's serialization (Object Serialization Stream Protocol, version 5).
 *
 *   stream = AC ED 00 05 (70 | array)
 *   array  = 75 class{[Ljava.lang.Object;} be32 n, n times item
 *   item   = 70                                     null
 *          | 74 be16 n, n bytes                     a text (Java's UTF-8)
 *          | 73 class{java.lang.Integer} value      a number: 2, 4 or 8 bytes, big end first
 *          | 71 be32 handle                         a text that stood before
 *   class  = 72 be16 n, name, be64 uid, 02, fields, 78, (class | 70)    of its parent
 *          | 71 be32 handle                                             one that stood before
 *   fields = be16 n, n times (letter, be16 n, name)
 *
 * Classes, arrays, texts and numbers get handles from 7E0000 on, in the order in which they stand
 * there. Pure; any thread. */
#include "capture/javakeys.h"

enum {
    NULL_ = 0x70,
    REFERENCE = 0x71,
    CLASS = 0x72,
    OBJECT = 0x73,
    STRING = 0x74,
    ARRAY = 0x75,
    END = 0x78,
    SERIALIZABLE = 2,
    HANDLES = 0x7E0000,
    MOST = 64, /* columns of a key: PostgreSQL allows 32 */
};

typedef struct number {
    const char *name;
    uint64_t uid;
    char letter;
    unsigned bytes;
    int64_t min, max;
} number;

static const number numbers[] = {
    [LEAT_JAVA_SHORT] = {"java.lang.Short", 0x684D37133460DA52, 'S', 2, INT16_MIN, INT16_MAX},
    [LEAT_JAVA_INT] = {"java.lang.Integer", 0x12E2A0A4F7818738, 'I', 4, INT32_MIN, INT32_MAX},
    [LEAT_JAVA_LONG] = {"java.lang.Long", 0x3B8BE490CC8F23DF, 'J', 8, INT64_MIN, INT64_MAX},
};
#define MAGIC 0xACED0005u
#define OBJECTS "[Ljava.lang.Object;"
#define OBJECTS_UID 0x90CE589F1073296C
#define NUMBER "java.lang.Number"
#define NUMBER_UID 0x86AC951D0B94E08B

/* ---- writing ---- */

typedef struct writer {
    leat_buf out;
    uint32_t next;                      /* handle */
    uint32_t known[LEAT_JAVA_LONG + 1]; /* handles of the numbers' classes; 0: not yet */
    uint32_t parent;
} writer;

static void be(leat_buf *b, uint64_t v, unsigned bytes)
{
    while (bytes > 0) leat_buf_u8(b, (unsigned)(v >> (8 * --bytes)) & 0xff);
}

static void name(leat_buf *b, const char *z)
{
    be(b, strlen(z), 2);
    leat_buf_str_z(b, z);
}

/* A class without fields and parent. */
static void plain_class(writer *w, const char *z, uint64_t uid)
{
    leat_buf_u8(&w->out, CLASS);
    name(&w->out, z);
    be(&w->out, uid, 8);
    leat_buf_u8(&w->out, SERIALIZABLE);
    be(&w->out, 0, 2);
    leat_buf_u8(&w->out, END);
    leat_buf_u8(&w->out, NULL_);
    w->next++;
}

static void reference(writer *w, uint32_t handle)
{
    leat_buf_u8(&w->out, REFERENCE);
    be(&w->out, handle, 4);
}

static void number_class(writer *w, leat_java_type type)
{
    const number *n = &numbers[type];
    leat_buf *b = &w->out;
    if (w->known[type]) {
        reference(w, w->known[type]);
        return;
    }
    leat_buf_u8(b, CLASS);
    name(b, n->name);
    be(b, n->uid, 8);
    leat_buf_u8(b, SERIALIZABLE);
    be(b, 1, 2);
    leat_buf_u8(b, (unsigned char)n->letter);
    name(b, "value");
    leat_buf_u8(b, END);
    w->known[type] = w->next++;
    if (w->parent) {
        reference(w, w->parent);
        return;
    }
    w->parent = w->next;
    plain_class(w, NUMBER, NUMBER_UID);
}

static void put_item(writer *w, const leat_java_key *k)
{
    int64_t v = 0;
    leat_java_type type = k->type;
    if (type >= LEAT_JAVA_SHORT &&
        (!leat_str_i64(k->text, &v) || v < numbers[type].min || v > numbers[type].max))
        type = LEAT_JAVA_TEXT;
    if (type >= LEAT_JAVA_SHORT) {
        leat_buf_u8(&w->out, OBJECT);
        number_class(w, type);
        be(&w->out, (uint64_t)v, numbers[type].bytes);
        w->next++;
    } else if (type == LEAT_JAVA_TEXT && k->text.len <= UINT16_MAX) {
        leat_buf_u8(&w->out, STRING);
        be(&w->out, k->text.len, 2);
        leat_buf_add(&w->out, k->text);
        w->next++;
    } else {
        leat_buf_u8(&w->out, NULL_);
    }
}

void leat_java_keys_write(const leat_java_key *v, size_t n, leat_buf *out)
{
    writer w = {.next = HANDLES};
    be(&w.out, MAGIC, 4);
    if (v) {
        leat_buf_u8(&w.out, ARRAY);
        plain_class(&w, OBJECTS, OBJECTS_UID);
        w.next++; /* the array */
        be(&w.out, n, 4);
        for (size_t i = 0; i < n; i++) put_item(&w, &v[i]);
    } else {
        leat_buf_u8(&w.out, NULL_);
    }
    leat_buf_hex(out, leat_buf_str(&w.out));
    leat_buf_free(&w.out);
}

/* ---- reading ---- */

/* What stands behind a handle. */
typedef struct thing {
    leat_java_type type; /* of a number's class; TEXT: a text; NULL: something else */
    bool is_class;
    leat_str text;
} thing;

typedef struct reader {
    leat_cur c;
    thing things[4 * MOST];
    uint32_t n;
} reader;

static thing *put_thing(reader *r, thing t)
{
    if (r->n == sizeof r->things / sizeof *r->things) {
        r->c.bad = true;
        return &r->things[0];
    }
    r->things[r->n] = t;
    return &r->things[r->n++];
}

static const thing *get_thing(reader *r)
{
    uint32_t handle = leat_cur_be32(&r->c);
    if (!r->c.bad && handle >= HANDLES && handle - HANDLES < r->n)
        return &r->things[handle - HANDLES];
    r->c.bad = true;
    return &r->things[0];
}

static leat_str text(reader *r)
{
    return leat_cur_bytes(&r->c, leat_cur_be16(&r->c));
}

static leat_java_type type_of(leat_str name)
{
    for (leat_java_type t = LEAT_JAVA_SHORT; t <= LEAT_JAVA_LONG; t++)
        if (leat_str_is(name, numbers[t].name)) return t;
    return LEAT_JAVA_NULL;
}

/* Gives the class' type; those of its fields are known by its name. */
static leat_java_type read_class(reader *r, unsigned depth)
{
    uint8_t tag = leat_cur_u8(&r->c);
    if (tag == NULL_) return LEAT_JAVA_NULL;
    if (tag == REFERENCE) {
        const thing *t = get_thing(r);
        if (!t->is_class) r->c.bad = true;
        return t->type;
    }
    if (tag != CLASS || depth > 1) r->c.bad = true;
    if (r->c.bad) return LEAT_JAVA_NULL;
    leat_java_type type = type_of(text(r));
    put_thing(r, (thing){.type = type, .is_class = true});
    leat_cur_be64(&r->c);
    leat_cur_u8(&r->c);
    unsigned fields = leat_cur_be16(&r->c);
    if (fields > 1 || (fields == 1) != (type != LEAT_JAVA_NULL)) r->c.bad = true;
    if (fields == 1) {
        leat_cur_u8(&r->c);
        text(r);
    }
    if (leat_cur_u8(&r->c) != END) r->c.bad = true;
    if (!r->c.bad) read_class(r, depth + 1);
    return type;
}

static void read_number(reader *r, leat_arena *a, leat_java_key *k)
{
    int64_t v;
    k->type = read_class(r, 0);
    switch (k->type) {
    case LEAT_JAVA_SHORT: v = (int16_t)leat_cur_be16(&r->c); break;
    case LEAT_JAVA_INT: v = (int32_t)leat_cur_be32(&r->c); break;
    case LEAT_JAVA_LONG: v = (int64_t)leat_cur_be64(&r->c); break;
    default: r->c.bad = true; return;
    }
    k->text = leat_str_of(leat_arena_printf(a, "%lld", (long long)v));
    put_thing(r, (thing){0});
}

static void read_item(reader *r, leat_arena *a, leat_java_key *k)
{
    const thing *t;
    switch (leat_cur_u8(&r->c)) {
    case NULL_: *k = (leat_java_key){0}; break;
    case OBJECT: read_number(r, a, k); break;
    case STRING:
        *k = (leat_java_key){LEAT_JAVA_TEXT, leat_arena_str(a, text(r))};
        put_thing(r, (thing){.type = LEAT_JAVA_TEXT, .text = k->text});
        break;
    case REFERENCE:
        t = get_thing(r);
        *k = (leat_java_key){LEAT_JAVA_TEXT, t->text};
        if (t->is_class || t->type != LEAT_JAVA_TEXT) r->c.bad = true;
        break;
    default: r->c.bad = true;
    }
}

static void read_array(reader *r, leat_arena *a, leat_java_key **v, size_t *n)
{
    read_class(r, 0);
    put_thing(r, (thing){0});
    uint32_t items = leat_cur_be32(&r->c);
    if (r->c.bad || items > MOST) {
        r->c.bad = true;
        return;
    }
    *v = LEAT_NEW(a, leat_java_key, items);
    for (*n = 0; *n < items && !r->c.bad; ++*n) read_item(r, a, &(*v)[*n]);
}

bool leat_java_keys_read(leat_arena *a, leat_str hex, leat_java_key **v, size_t *n)
{
    leat_buf bytes = {0};
    reader r = {0};
    *v = NULL;
    *n = 0;
    bool good = leat_buf_unhex(&bytes, hex);
    if (good) {
        r.c = leat_cur_of(leat_buf_str(&bytes));
        if (leat_cur_be32(&r.c) != MAGIC) r.c.bad = true;
        uint8_t tag = leat_cur_u8(&r.c);
        if (tag == ARRAY)
            read_array(&r, a, v, n);
        else if (tag != NULL_)
            r.c.bad = true;
        good = !r.c.bad && leat_cur_left(&r.c) == 0;
    }
    leat_buf_free(&bytes);
    return good;
}
