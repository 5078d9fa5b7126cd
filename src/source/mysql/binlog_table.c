/* TABLE_MAP: the columns of the table that rows events name by its id.
 *
 *     u48 id, u16 flags, u8 length, database, NUL, u8 length, table, NUL, lenenc n, n x u8 type,
 *     lenenc length, metadata of the types, bits: nullable, { u8 kind, lenenc length, value }
 *
 *     types' metadata
 *         1 byte    FLOAT DOUBLE: size; BLOB and kin, JSON, GEOMETRY, VECTOR: bytes of the length;
 *                   TIME2 DATETIME2 TIMESTAMP2: fraction digits
 *         2 bytes   VARCHAR: most bytes; BIT: u8 bits, u8 bytes; NEWDECIMAL: u8 precision, u8
 * scale; STRING: u8 type (CHAR, ENUM or SET), u8 length; bits 4 and 5 of the first are, inverted,
 * bits 8 and 9 of the length none      the others
 *
 *     kinds (bits: the highest of the first byte is the first; numbers are lenenc)
 *         1 signedness         bit: unsigned; a number column
 *         2 default charset    collation of all text columns, then { index among them, collation }
 *         3 column charset     collation; a text column
 *         4 column name        length, text; a column
 *         5 set values         count, count x (length, text); a SET column
 *         6 enum values        the same; an ENUM column
 *         7 geometry type      number; a GEOMETRY column
 *         8 primary key        column's index; a part
 *         9 primary key        column's index, prefix in characters; a part
 *         10, 11               as 2 and 3, of ENUM and SET columns
 *         12 visibility        bit; a column
 *         13 vector dimension  number; a VECTOR column
 *
 * Kinds that are not known are passed over. */
#include "source/mysql/binlog_part.h"

enum {
    OLD_FIXED = 6,
    COLUMNS_MOST = 4096,
    META_SIGNS = 1,
    META_DEFAULT_CHARSET = 2,
    META_CHARSETS = 3,
    META_NAMES = 4,
    META_SET = 5,
    META_ENUM = 6,
    META_GEOMETRY = 7,
    META_KEY = 8,
    META_KEY_PREFIX = 9,
    META_LABEL_DEFAULT_CHARSET = 10,
    META_LABEL_CHARSETS = 11,
    META_VISIBILITY = 12,
    META_VECTOR = 13,
    STRING_TYPE = 0x30, /* bits that all types of a STRING have */
};

typedef bool of_kind(const leat_binlog_column *col);

static bool is_number(const leat_binlog_column *col)
{
    switch (col->type) {
    case LEAT_MYSQL_TINY:
    case LEAT_MYSQL_SHORT:
    case LEAT_MYSQL_INT24:
    case LEAT_MYSQL_LONG:
    case LEAT_MYSQL_LONGLONG:
    case LEAT_MYSQL_FLOAT:
    case LEAT_MYSQL_DOUBLE:
    case LEAT_MYSQL_NEWDECIMAL:
    case LEAT_MYSQL_YEAR: return true;
    default: return false;
    }
}
static bool is_text(const leat_binlog_column *col)
{
    switch (col->type) {
    case LEAT_MYSQL_STRING:
    case LEAT_MYSQL_VAR_STRING:
    case LEAT_MYSQL_VARCHAR:
    case LEAT_MYSQL_TINY_BLOB:
    case LEAT_MYSQL_MEDIUM_BLOB:
    case LEAT_MYSQL_LONG_BLOB:
    case LEAT_MYSQL_BLOB:
    case LEAT_MARIADB_BLOB_COMPRESSED:
    case LEAT_MARIADB_VARCHAR_COMPRESSED: return true;
    default: return false;
    }
}
static bool is_enum(const leat_binlog_column *col)
{
    return col->type == LEAT_MYSQL_ENUM;
}
static bool is_set(const leat_binlog_column *col)
{
    return col->type == LEAT_MYSQL_SET;
}
static bool is_label(const leat_binlog_column *col)
{
    return is_enum(col) || is_set(col);
}
static bool is_geometry(const leat_binlog_column *col)
{
    return col->type == LEAT_MYSQL_GEOMETRY;
}
static bool is_vector(const leat_binlog_column *col)
{
    return col->type == LEAT_MYSQL_VECTOR;
}
static bool is_any(const leat_binlog_column *col)
{
    (void)col;
    return true;
}

/* ---- types ---- */

static unsigned meta_bytes(uint8_t type)
{
    switch (type) {
    case LEAT_MYSQL_FLOAT:
    case LEAT_MYSQL_DOUBLE:
    case LEAT_MYSQL_TINY_BLOB:
    case LEAT_MYSQL_MEDIUM_BLOB:
    case LEAT_MYSQL_LONG_BLOB:
    case LEAT_MYSQL_BLOB:
    case LEAT_MARIADB_BLOB_COMPRESSED:
    case LEAT_MYSQL_JSON:
    case LEAT_MYSQL_GEOMETRY:
    case LEAT_MYSQL_VECTOR:
    case LEAT_MYSQL_TIME2:
    case LEAT_MYSQL_DATETIME2:
    case LEAT_MYSQL_TIMESTAMP2: return 1;
    case LEAT_MYSQL_VARCHAR:
    case LEAT_MARIADB_VARCHAR_COMPRESSED:
    case LEAT_MYSQL_VAR_STRING:
    case LEAT_MYSQL_STRING:
    case LEAT_MYSQL_ENUM:
    case LEAT_MYSQL_SET:
    case LEAT_MYSQL_BIT:
    case LEAT_MYSQL_NEWDECIMAL: return 2;
    default: return 0;
    }
}

/* CHAR, ENUM and SET all come as STRING. */
static void resolve_string(leat_binlog_column *col)
{
    unsigned type = col->meta & 0xff, length = col->meta >> 8;
    if ((type & STRING_TYPE) != STRING_TYPE) {
        length |= ((type & STRING_TYPE) ^ STRING_TYPE) << 4;
        type |= STRING_TYPE;
    }
    bool known = type == LEAT_MYSQL_ENUM || type == LEAT_MYSQL_SET || type == LEAT_MYSQL_STRING;
    if (known) col->type = (uint8_t)type;
    col->meta = (uint16_t)length;
}

static void read_types(leat_cur *c, leat_binlog_column *cols, uint32_t n)
{
    leat_str types = leat_cur_bytes(c, n);
    leat_cur meta = leat_cur_of(leat_cur_bytes(c, leat_binlog_lenenc(c)));
    leat_str nullable = leat_cur_bytes(c, (n + 7) / 8);
    for (uint32_t i = 0; i < n && !c->bad; i++) {
        cols[i].type = (uint8_t)types.s[i];
        unsigned bytes = meta_bytes(cols[i].type);
        cols[i].meta = bytes ? (uint16_t)leat_binlog_le(&meta, bytes) : 0;
        cols[i].nullable = (uint8_t)nullable.s[i / 8] >> i % 8 & 1;
        cols[i].visible = true;
        if (cols[i].type == LEAT_MYSQL_STRING) resolve_string(&cols[i]);
    }
    if (meta.bad || leat_cur_left(&meta)) c->bad = true;
}

/* ---- optional metadata ---- */

static leat_binlog_column *next_of(leat_binlog_table *t, of_kind *kind, uint32_t *i)
{
    leat_binlog_column *cols = (leat_binlog_column *)(uintptr_t)t->cols;
    while (*i < t->ncols)
        if (kind(&cols[(*i)++])) return &cols[*i - 1];
    return NULL;
}

static uint32_t count_of(leat_binlog_table *t, of_kind *kind)
{
    uint32_t n = 0, i = 0;
    while (next_of(t, kind, &i)) n++;
    return n;
}

/* Who counts a YEAR as a number differs: the length says it where it can. */
static void read_signs(leat_cur *c, leat_binlog_table *t)
{
    uint32_t i = 0, k = 0;
    leat_str bits = leat_binlog_rest(c);
    if (bits.len < (count_of(t, is_number) + 7) / 8) c->bad = true;
    if (c->bad) return;
    for (leat_binlog_column *col; (col = next_of(t, is_number, &i)); k++)
        col->is_unsigned = (uint8_t)bits.s[k / 8] >> (7 - k % 8) & 1;
}

static void read_visibility(leat_cur *c, leat_binlog_table *t)
{
    uint32_t i = 0, k = 0;
    leat_str bits = leat_cur_bytes(c, (t->ncols + 7) / 8);
    if (c->bad) return;
    for (leat_binlog_column *col; (col = next_of(t, is_any, &i)); k++)
        col->visible = (uint8_t)bits.s[k / 8] >> (7 - k % 8) & 1;
}

static void read_charsets(leat_cur *c, leat_binlog_table *t, of_kind *kind)
{
    uint32_t i = 0;
    for (leat_binlog_column *col; (col = next_of(t, kind, &i)) && !c->bad;)
        col->collation = (uint16_t)leat_binlog_lenenc(c);
}

static void read_default_charset(leat_cur *c, leat_binlog_table *t, of_kind *kind)
{
    uint32_t i = 0, k = 0;
    uint16_t most = (uint16_t)leat_binlog_lenenc(c);
    bool more = leat_cur_left(c) > 0;
    uint64_t other = more ? leat_binlog_lenenc(c) : UINT64_MAX;
    for (leat_binlog_column *col; (col = next_of(t, kind, &i)) && !c->bad; k++) {
        col->collation = most;
        if (k != other) continue;
        col->collation = (uint16_t)leat_binlog_lenenc(c);
        other = leat_cur_left(c) ? leat_binlog_lenenc(c) : UINT64_MAX;
    }
}

static void read_names(leat_cur *c, leat_binlog_table *t)
{
    uint32_t i = 0;
    for (leat_binlog_column *col; (col = next_of(t, is_any, &i)) && !c->bad;)
        col->name = leat_cur_bytes(c, leat_binlog_lenenc(c));
}

static void read_labels(leat_cur *c, leat_arena *a, leat_binlog_table *t, of_kind *kind)
{
    uint32_t i = 0;
    for (leat_binlog_column *col; (col = next_of(t, kind, &i)) && !c->bad;) {
        uint64_t n = leat_binlog_lenenc(c);
        if (!leat_binlog_room(c, n, 1)) return;
        leat_str *labels = LEAT_NEW(a, leat_str, n);
        for (uint64_t k = 0; k < n; k++) labels[k] = leat_cur_bytes(c, leat_binlog_lenenc(c));
        col->labels = labels;
        col->nlabels = (uint32_t)n;
    }
}

static void read_numbers(leat_cur *c, leat_binlog_table *t, of_kind *kind)
{
    uint32_t i = 0;
    for (leat_binlog_column *col; (col = next_of(t, kind, &i)) && !c->bad;) {
        uint64_t v = leat_binlog_lenenc(c);
        if (kind == is_geometry) col->geometry = (uint8_t)v;
        if (kind == is_vector) col->dimension = (uint32_t)v;
    }
}

static void read_key(leat_cur *c, leat_arena *a, leat_binlog_table *t, bool prefix)
{
    leat_binlog_column *cols = (leat_binlog_column *)(uintptr_t)t->cols;
    uint16_t *key = LEAT_NEW(a, uint16_t, t->ncols);
    uint32_t n = 0;
    while (leat_cur_left(c) && !c->bad) {
        uint64_t i = leat_binlog_lenenc(c);
        uint64_t most = prefix ? leat_binlog_lenenc(c) : 0;
        if (i >= t->ncols || n == t->ncols) c->bad = true;
        if (c->bad) return;
        cols[i].is_key = true;
        cols[i].key_prefix = (uint16_t)most;
        key[n++] = (uint16_t)i;
    }
    t->key = key;
    t->nkey = n;
}

/* One kind; what it brings, 0 for one that is not known. */
static uint8_t read_meta(leat_cur *c, unsigned kind, leat_arena *a, leat_binlog_table *t)
{
    switch (kind) {
    case META_SIGNS: read_signs(c, t); return LEAT_BINLOG_HAS_SIGNS;
    case META_DEFAULT_CHARSET: read_default_charset(c, t, is_text); return LEAT_BINLOG_HAS_CHARSETS;
    case META_CHARSETS: read_charsets(c, t, is_text); return LEAT_BINLOG_HAS_CHARSETS;
    case META_NAMES: read_names(c, t); return LEAT_BINLOG_HAS_NAMES;
    case META_SET: read_labels(c, a, t, is_set); return LEAT_BINLOG_HAS_LABELS;
    case META_ENUM: read_labels(c, a, t, is_enum); return LEAT_BINLOG_HAS_LABELS;
    case META_GEOMETRY: read_numbers(c, t, is_geometry); return LEAT_BINLOG_HAS_GEOMETRY;
    case META_KEY: read_key(c, a, t, false); return LEAT_BINLOG_HAS_KEY;
    case META_KEY_PREFIX: read_key(c, a, t, true); return LEAT_BINLOG_HAS_KEY;
    case META_LABEL_DEFAULT_CHARSET:
        read_default_charset(c, t, is_label);
        return LEAT_BINLOG_HAS_LABEL_CHARSETS;
    case META_LABEL_CHARSETS: read_charsets(c, t, is_label); return LEAT_BINLOG_HAS_LABEL_CHARSETS;
    case META_VISIBILITY: read_visibility(c, t); return LEAT_BINLOG_HAS_VISIBILITY;
    case META_VECTOR: read_numbers(c, t, is_vector); return 0;
    default: return 0;
    }
}

void leat_binlog_read_table(leat_cur *c, const leat_binlog_format *f, leat_arena *a,
                            leat_binlog_event *out)
{
    leat_binlog_table *t = &out->table;
    bool old = f->known && out->type <= f->npost && f->post[out->type] == OLD_FIXED;
    t->id = leat_binlog_le(c, old ? 4 : 6);
    t->flags = (uint16_t)leat_binlog_le16(c);
    t->wire = (leat_str){(const char *)c->p, leat_cur_left(c)};
    t->db = leat_cur_bytes(c, leat_cur_u8(c));
    leat_cur_u8(c);
    t->name = leat_cur_bytes(c, leat_cur_u8(c));
    leat_cur_u8(c);
    uint64_t n = leat_binlog_lenenc(c);
    if (n > COLUMNS_MOST || !leat_binlog_room(c, n, 1)) c->bad = true;
    if (c->bad) return;
    leat_binlog_column *cols = LEAT_NEW(a, leat_binlog_column, n);
    t->cols = cols;
    t->ncols = (uint32_t)n;
    read_types(c, cols, t->ncols);
    while (leat_cur_left(c) && !c->bad) {
        unsigned kind = leat_cur_u8(c);
        leat_cur v = leat_cur_of(leat_cur_bytes(c, leat_binlog_lenenc(c)));
        if (c->bad) return;
        t->has |= read_meta(&v, kind, a, t);
        if (v.bad) c->bad = true;
    }
}
