/* JSON: writing; declared in base/json.h.
 *
 * Everything is appended to a leat_buf; nothing is checked but the nesting. Strings are written as
 * Jackson (what Kafka Connect uses) writes them, byte for byte. One writer a buffer. */
#include "base/json.h"

#include <assert.h>
#include <math.h>

static void put_escape(leat_buf *out, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char brief[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char both = c >= 0x20 ? (char)c : brief[c];
    if (both) {
        leat_buf_put(out, (char[]){'\\', both}, 2);
    } else {
        leat_buf_put(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

/* How many bytes at the beginning need no care, by eights: none is below 0x20, a quote or a
 * backslash. */
static size_t plain(leat_str text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t i = 0;
    for (; i + 8 <= text.len; i += 8) {
        uint64_t u;
        memcpy(&u, text.s + i, 8);
        uint64_t quote = u ^ ones * '"', slash = u ^ ones * '\\';
        uint64_t low = (u - ones * 0x20) & ~u;
        uint64_t any = low | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
        if (any & ones * 0x80) break;
    }
    return i;
}

void leat_json_quote(leat_buf *out, leat_str text)
{
    leat_buf_room(out, text.len + 2);
    leat_buf_u8(out, '"');
    size_t from = 0;
    for (size_t i = plain(text); i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        if (i > from) leat_buf_put(out, text.s + from, i - from);
        put_escape(out, c);
        from = i + 1;
    }
    if (text.len > from) leat_buf_put(out, text.s + from, text.len - from);
    leat_buf_u8(out, '"');
}

static void write_members(const leat_json *j, leat_buf *out, unsigned depth);

static void write_value(const leat_json *j, leat_buf *out, unsigned depth)
{
    switch (j->type) {
    case LEAT_JSON_NULL: leat_buf_add(out, LEAT_STR("null")); break;
    case LEAT_JSON_FALSE: leat_buf_add(out, LEAT_STR("false")); break;
    case LEAT_JSON_TRUE: leat_buf_add(out, LEAT_STR("true")); break;
    case LEAT_JSON_NUMBER: leat_buf_add(out, j->text); break;
    case LEAT_JSON_STRING: leat_json_quote(out, j->text); break;
    case LEAT_JSON_ARRAY:
    case LEAT_JSON_OBJECT: write_members(j, out, depth + 1); break;
    }
}

static void write_members(const leat_json *j, leat_buf *out, unsigned depth)
{
    bool object = j->type == LEAT_JSON_OBJECT;
    assert(depth <= LEAT_JSON_DEPTH);
    leat_buf_u8(out, object ? '{' : '[');
    for (const leat_json *child = j->child; child; child = child->next) {
        if (child != j->child) leat_buf_u8(out, ',');
        if (object) {
            leat_json_quote(out, child->name);
            leat_buf_u8(out, ':');
        }
        write_value(child, out, depth);
    }
    leat_buf_u8(out, object ? '}' : ']');
}

void leat_json_write(const leat_json *j, leat_buf *out)
{
    write_value(j, out, 0);
}

leat_str leat_json_text(const leat_json *j, leat_arena *a)
{
    leat_buf text = {0};
    leat_json_write(j, &text);
    leat_str out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

/* What stands before a value: comma and name. */
static void begin(leat_jw *w, const char *name)
{
    bool in_object = w->depth > 0 && (w->is_object >> (w->depth - 1) & 1);
    assert(in_object == (name != NULL));
    if (w->comma) leat_buf_u8(w->out, ',');
    w->comma = true;
    if (!name) return;
    leat_json_quote(w->out, leat_str_of(name));
    leat_buf_u8(w->out, ':');
}

static void open_container(leat_jw *w, const char *name, bool object)
{
    begin(w, name);
    assert(w->depth < LEAT_JSON_DEPTH);
    uint64_t bit = UINT64_C(1) << w->depth++;
    w->is_object = object ? w->is_object | bit : w->is_object & ~bit;
    w->comma = false;
    leat_buf_u8(w->out, object ? '{' : '[');
}

void leat_jw_object(leat_jw *w, const char *name)
{
    open_container(w, name, true);
}

void leat_jw_array(leat_jw *w, const char *name)
{
    open_container(w, name, false);
}

void leat_jw_end(leat_jw *w)
{
    assert(w->depth > 0);
    w->depth--;
    leat_buf_u8(w->out, w->is_object >> w->depth & 1 ? '}' : ']');
    w->comma = true;
}

void leat_jw_str(leat_jw *w, const char *name, leat_str v)
{
    begin(w, name);
    if (v.s)
        leat_json_quote(w->out, v);
    else
        leat_buf_add(w->out, LEAT_STR("null"));
}

void leat_jw_z(leat_jw *w, const char *name, const char *v)
{
    leat_jw_str(w, name, leat_str_of(v));
}

void leat_jw_i64(leat_jw *w, const char *name, int64_t v)
{
    begin(w, name);
    leat_buf_i64(w->out, v);
}

void leat_jw_bool(leat_jw *w, const char *name, bool v)
{
    begin(w, name);
    leat_buf_str_z(w->out, v ? "true" : "false");
}

void leat_jw_null(leat_jw *w, const char *name)
{
    leat_jw_str(w, name, (leat_str){NULL, 0});
}

/* Not by printf, whose decimal point is the locale's. */
void leat_jw_f64(leat_jw *w, const char *name, double v)
{
    double size = fabs(v);
    begin(w, name);
    if (!isfinite(v)) {
        leat_buf_add(w->out, LEAT_STR("null"));
    } else if (size >= 9e15) {
        leat_buf_printf(w->out, "%.0f", v);
    } else {
        uint64_t thousandths = (uint64_t)(size * 1000 + 0.5);
        uint64_t rest = thousandths % 1000;
        if (v < 0 && thousandths > 0) leat_buf_u8(w->out, '-');
        leat_buf_u64(w->out, thousandths / 1000);
        leat_buf_put(w->out,
                     (char[]){'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                              (char)('0' + rest % 10)},
                     4);
    }
}

void leat_jw_raw(leat_jw *w, const char *name, leat_str json)
{
    leat_jw_name(w, name);
    leat_buf_add(w->out, json);
}

void leat_jw_name(leat_jw *w, const char *name)
{
    begin(w, name);
}
