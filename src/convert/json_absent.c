/* What the JSON converter shows for a cell that the source did not send (convert/json_part.h).
 *
 * PostgreSQL does not send unchanged TOAST values; Debezium shows a placeholder that is text P, or
 * what of the column's type can hold it:
 *   string, json, uuid ...          P
 *   bytes                           the bytes of P
 *   array of strings, of bytes      [P]
 *   array of uuid                   [UUID version 3 of P]
 *   array of int32, int64, date     the bytes of P as numbers, signed
 *   map; json of an hstore          {P: P}
 *   all else                        null
 */
#include "base/json.h"
#include "convert/json_part.h"

/* MD5 (RFC 1321), which name-based UUIDs of version 3 (RFC 9562) are made of. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
static const uint8_t turns[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static void md5_block(uint32_t h[4], const uint8_t *block)
{
    uint32_t m[16], a = h[0], b = h[1], c = h[2], d = h[3];
    for (unsigned i = 0; i < 16; i++)
        m[i] = (uint32_t)block[4 * i] | (uint32_t)block[4 * i + 1] << 8 |
               (uint32_t)block[4 * i + 2] << 16 | (uint32_t)block[4 * i + 3] << 24;
    for (unsigned i = 0; i < 64; i++) {
        uint32_t f;
        unsigned g;
        switch (i / 16) {
        case 0: f = (b & c) | (~b & d), g = i; break;
        case 1: f = (d & b) | (~d & c), g = (5 * i + 1) % 16; break;
        case 2: f = b ^ c ^ d, g = (3 * i + 5) % 16; break;
        default: f = c ^ (b | ~d), g = 7 * i % 16; break;
        }
        f += a + sines[i] + m[g];
        unsigned turn = turns[i / 16][i % 4];
        a = d;
        d = c;
        c = b;
        b += f << turn | f >> (32 - turn);
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
}

static void md5(leat_str text, uint8_t out[16])
{
    uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    size_t whole = text.len / 64 * 64, rest = text.len - whole;
    for (size_t i = 0; i < whole; i += 64) md5_block(h, (const uint8_t *)text.s + i);
    uint8_t tail[128] = {0};
    size_t n = rest < 56 ? 64 : 128;
    if (rest > 0) memcpy(tail, text.s + whole, rest);
    tail[rest] = 0x80;
    for (unsigned i = 0; i < 8; i++) tail[n - 8 + i] = (uint8_t)((uint64_t)text.len * 8 >> 8 * i);
    for (size_t i = 0; i < n; i += 64) md5_block(h, tail + i);
    for (unsigned i = 0; i < 16; i++) out[i] = (uint8_t)(h[i / 4] >> 8 * (i % 4));
}

static void put_uuid(leat_json_out *w)
{
    uint8_t id[16];
    leat_str rest = {(const char *)id, 16};
    static const uint8_t parts[] = {4, 2, 2, 2, 6};
    md5(w->placeholder, id);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x30);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    leat_buf *text = &w->c->scratch;
    leat_buf_clear(text);
    for (unsigned i = 0; i < sizeof(parts); i++) {
        if (i > 0) leat_buf_u8(text, '-');
        leat_buf_hex(text, (leat_str){rest.s, parts[i]});
        rest.s += parts[i];
    }
    leat_json_put_string(w, leat_buf_str(text));
}

/* {P: P} as the text of a JSON document. */
static void put_json_map(leat_json_out *w)
{
    leat_buf *text = &w->c->scratch;
    leat_buf_clear(text);
    leat_buf_u8(text, '{');
    leat_json_quote(text, w->placeholder);
    leat_buf_u8(text, ':');
    leat_json_quote(text, w->placeholder);
    leat_buf_u8(text, '}');
    leat_json_put_string(w, leat_buf_str(text));
}

static void put_numbers(leat_json_out *w)
{
    for (size_t i = 0; i < w->placeholder.len; i++) {
        if (i > 0) leat_buf_u8(w->out, ',');
        leat_buf_i64(w->out, (int8_t)w->placeholder.s[i]);
    }
}

/* The elements of an array, if Debezium has a placeholder for it. */
static bool put_elements(leat_json_out *w, const leat_schema *elem)
{
    leat_logical logical = elem != NULL ? (leat_logical)elem->logical : LEAT_L_OTHER;
    switch (elem != NULL ? (leat_type)elem->type : LEAT_T_STRUCT) {
    case LEAT_T_STRING:
        if (logical == LEAT_L_UUID)
            put_uuid(w);
        else if (logical == LEAT_L_NONE || logical == LEAT_L_JSON)
            leat_json_put_string(w, w->placeholder);
        else
            return false;
        return true;
    case LEAT_T_BYTES:
        if (logical != LEAT_L_NONE) return false;
        leat_json_put_base64(w, w->placeholder);
        return true;
    case LEAT_T_INT32:
    case LEAT_T_INT64:
        if (logical != LEAT_L_NONE && logical != LEAT_L_DATE) return false;
        put_numbers(w);
        return true;
    default: return false;
    }
}

static leat_rc put_array(leat_json_out *w, const leat_json_plan *p)
{
    size_t from = w->out->len;
    leat_buf_u8(w->out, '[');
    if (!put_elements(w, p->schema->elem)) {
        w->out->len = from;
        return leat_json_put_null(w, p);
    }
    leat_buf_u8(w->out, ']');
    return LEAT_OK;
}

leat_rc leat_json_put_absent(leat_json_out *w, const leat_json_plan *p)
{
    const leat_schema *s = p->schema;
    switch ((leat_type)s->type) {
    case LEAT_T_STRING:
        if (s->logical == LEAT_L_JSON_MAP)
            put_json_map(w);
        else
            leat_json_put_string(w, w->placeholder);
        return LEAT_OK;
    case LEAT_T_BYTES:
        if (s->logical == LEAT_L_DECIMAL) break;
        leat_json_put_base64(w, w->placeholder);
        return LEAT_OK;
    case LEAT_T_ARRAY: return put_array(w, p);
    case LEAT_T_MAP:
        if (s->key == NULL || s->key->type != LEAT_T_STRING) break;
        leat_buf_u8(w->out, '{');
        leat_json_put_string(w, w->placeholder);
        leat_buf_u8(w->out, ':');
        leat_json_put_string(w, w->placeholder);
        leat_buf_u8(w->out, '}');
        return LEAT_OK;
    default: break;
    }
    return leat_json_put_null(w, p);
}
