/* A line an event, for a person who watches.
 *
 *   12:04:05.123 u shop.public.orders  id=42      status: new -> paid
 *                c shop.public.payments id=9f0c1d2e.. order_id=42 method=card amount=59.90 ...
 *
 * The time is when the source committed; the changes of one transaction show it once. Values are
 * those of the source's cells, not what a consumer gets (`leat read` shows that); long ones are
 * cut. What comes from the database is cleaned of control characters: a terminal obeys them. Pure
 * but for the local time zone; one thread. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "cli/demo.h"

enum { VALUE_MAX = 48, KEY_VALUE_MAX = 13, TOPIC_WIDTH_MAX = 40, KEY_WIDTH_MAX = 32, SHOWN = 8 };

#define DIM "\033[2m"
#define PLAIN "\033[0m"

/* Writes columns until the line is full. */
typedef struct pen {
    leat_buf *out;
    size_t left; /* columns */
} pen;

/* One column a character; control characters (C0, DEL, C1) become a blank. */
static void put(pen *p, leat_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.s[i];
        bool inside = (c & 0xc0) == 0x80;
        if (!inside && p->left == 0) return;
        if (!inside) p->left--;
        if (c == 0xc2 && i + 1 < s.len && (unsigned char)s.s[i + 1] < 0xa0) {
            c = ' ';
            i++;
        }
        leat_buf_u8(p->out, c < 0x20 || c == 0x7f ? ' ' : c);
    }
}

static void put_z(pen *p, const char *z)
{
    put(p, leat_str_of(z));
}

/* Colours take no column. */
static void colour(const leat_demo_style *style, pen *p, const char *code)
{
    if (style->colour) leat_buf_str_z(p->out, code);
}

/* Filled with blanks up to the widest so far (at most max), and one blank more. */
static void put_padded(pen *p, leat_str s, size_t *widest, size_t max)
{
    size_t columns = 0;
    for (size_t i = 0; i < s.len; i++) columns += (s.s[i] & 0xc0) != 0x80;
    if (columns > *widest) *widest = columns < max ? columns : max;
    put(p, s);
    for (; columns < *widest; columns++) put_z(p, " ");
    put_z(p, " ");
}

/* ---- values as text ---- */

static void add_cut(leat_buf *out, leat_str s, size_t max)
{
    size_t n = leat_str_fit(s, max);
    leat_buf_put(out, s.s, n);
    if (n < s.len) leat_buf_str_z(out, "..");
}

/* Quoted when it would not stand as one word. */
static void add_text(leat_buf *out, leat_str s, bool bare, size_t max)
{
    bool quote = s.len == 0 || (!bare && memchr(s.s, ' ', s.len));
    if (quote) leat_buf_u8(out, '"');
    add_cut(out, s, max);
    if (quote) leat_buf_u8(out, '"');
}

static int64_t to_us(int64_t i, unsigned unit)
{
    return unit == LEAT_MS ? i * 1000 : unit == LEAT_NS ? i / 1000 : i;
}

static void add_instant(leat_buf *out, const leat_value *v)
{
    char iso[LEAT_ISO_MAX];
    if (v->u.i == LEAT_TIME_INFINITY || v->u.i == LEAT_TIME_MINUS_INFINITY) {
        leat_buf_str_z(out, v->u.i == LEAT_TIME_INFINITY ? "infinity" : "-infinity");
        return;
    }
    bool day = v->kind == LEAT_DATE;
    leat_iso_us(day ? v->u.i * INT64_C(86400000000) : to_us(v->u.i, v->unit), day ? 0 : 3, iso);
    leat_str text = leat_str_of(iso);
    if (day) text = leat_str_cut(&text, 'T');
    leat_buf_add(out, text);
}

static void add_time(leat_buf *out, const leat_value *v)
{
    int64_t us = to_us(v->u.i, v->unit), s = us / 1000000;
    leat_buf_printf(out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64, s / 3600,
                    s / 60 % 60, s % 60, us / 1000 % 1000);
}

static void add_value(leat_buf *out, const leat_schema *schema, const leat_value *v, size_t max);

static void add_list(leat_buf *out, const leat_schema *schema, const leat_value *v, size_t max)
{
    leat_buf_u8(out, '[');
    for (uint32_t i = 0; i < v->len && i < SHOWN; i++) {
        if (i) leat_buf_u8(out, ',');
        add_value(out, schema->elem, &v->u.list[i], max);
    }
    leat_buf_str_z(out, v->len > SHOWN ? ",..]" : "]");
}

static void add_value(leat_buf *out, const leat_schema *schema, const leat_value *v, size_t max)
{
    switch ((leat_kind)v->kind) {
    case LEAT_NULL: leat_buf_str_z(out, "null"); break;
    case LEAT_BOOL: leat_buf_str_z(out, v->u.i ? "true" : "false"); break;
    case LEAT_INT: leat_buf_i64(out, v->u.i); break;
    case LEAT_FLOAT: leat_buf_printf(out, "%.9g", v->u.f); break;
    case LEAT_DECIMAL: leat_buf_add(out, leat_value_str(v)); break;
    case LEAT_TEXT:
        add_text(out, leat_value_str(v), schema && schema->logical == LEAT_L_JSON, max);
        break;
    case LEAT_BYTES: leat_buf_printf(out, "<%" PRIu32 " bytes>", v->len); break;
    case LEAT_DATE:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ: add_instant(out, v); break;
    case LEAT_TIME:
    case LEAT_TIMETZ: add_time(out, v); break;
    case LEAT_INTERVAL:
        leat_buf_printf(out, "%" PRId32 "mo%" PRId32 "d%" PRId64 "s", v->u.interval->months,
                        v->u.interval->days, v->u.interval->us / 1000000);
        break;
    case LEAT_LIST:
        if (schema && schema->elem) {
            add_list(out, schema, v, max);
            break;
        } /* fall through */
    case LEAT_STRUCT:
    case LEAT_MAP: leat_buf_printf(out, "<%s>", leat_kind_name((leat_kind)v->kind)); break;
    case LEAT_ABSENT: leat_buf_str_z(out, "?"); break;
    }
}

/* ---- the parts of a line ---- */

static bool is_key(const leat_table *t, uint32_t col)
{
    for (uint16_t i = 0; i < t->nkey; i++)
        if (t->key_cols[i] == col) return true;
    return false;
}

static void add_key(leat_buf *out, const leat_event *ev)
{
    const leat_table *t = ev->table;
    const leat_value *row = ev->after ? ev->after : ev->before;
    for (uint16_t i = 0; row && i < t->nkey; i++) {
        const leat_field *field = &t->row->fields[t->key_cols[i]];
        leat_buf_printf(out, "%s%s=", i ? " " : "", field->name);
        size_t max = field->schema->logical == LEAT_L_UUID ? 8 : KEY_VALUE_MAX;
        add_value(out, field->schema, &row[t->key_cols[i]], max);
    }
}

/* "status: new -> paid" of all that differs. */
static void add_difference(leat_buf *out, const leat_event *ev)
{
    const leat_schema *row = ev->table->row;
    size_t before = out->len;
    for (uint32_t i = 0; i < row->nfields; i++) {
        const leat_value *old = &ev->before[i], *new = &ev->after[i];
        if (new->kind == LEAT_ABSENT || leat_value_eq(old, new)) continue;
        leat_buf_printf(out, "%s%s: ", out->len > before ? ", " : "", row->fields[i].name);
        add_value(out, row->fields[i].schema, old, VALUE_MAX);
        leat_buf_str_z(out, " -> ");
        add_value(out, row->fields[i].schema, new, VALUE_MAX);
    }
    if (out->len == before) leat_buf_str_z(out, "(nothing differs)");
}

/* Columns that are NULL are left out, and those of the key. */
static void add_row(leat_buf *out, const leat_event *ev, const leat_value *row)
{
    const leat_table *t = ev->table;
    for (uint32_t i = 0; i < t->row->nfields; i++) {
        if (row[i].kind == LEAT_ABSENT || row[i].kind == LEAT_NULL || is_key(t, i)) continue;
        leat_buf_printf(out, "%s=", t->row->fields[i].name);
        add_value(out, t->row->fields[i].schema, &row[i], VALUE_MAX);
        leat_buf_u8(out, ' ');
    }
}

static void add_change(leat_buf *out, const leat_event *ev)
{
    bool whole = ev->before && !(ev->flags & LEAT_EV_OLD_KEY_ONLY);
    if (ev->op == LEAT_OP_UPDATE && whole && ev->after)
        add_difference(out, ev);
    else if (ev->after)
        add_row(out, ev, ev->after);
    else if (whole)
        add_row(out, ev, ev->before);
    else if (ev->op == LEAT_OP_TRUNCATE)
        leat_buf_str_z(out, "(all rows)");
}

/* "12:04:05.123", local time; blank within a transaction. */
static void put_time(pen *p, const leat_demo_style *style, const leat_event *ev)
{
    char text[32] = "            ";
    struct tm tm;
    int64_t ms = (ev->ts_us ? ev->ts_us : ev->seen_us) / 1000;
    time_t seconds = (time_t)(ms / 1000);
    bool same = ev->tx != 0 && ev->tx == style->tx;
    if (!same && localtime_r(&seconds, &tm))
        snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
                 (int)(ms % 1000));
    colour(style, p, DIM);
    put_z(p, text);
    colour(style, p, PLAIN);
    put_z(p, " ");
}

static const char *colour_of(uint8_t op)
{
    switch ((leat_op)op) {
    case LEAT_OP_CREATE: return "\033[32m";
    case LEAT_OP_UPDATE: return "\033[33m";
    case LEAT_OP_DELETE:
    case LEAT_OP_TRUNCATE: return "\033[31m";
    case LEAT_OP_READ: return "\033[36m";
    case LEAT_OP_MESSAGE:
    case LEAT_OP_RECORD: break;
    }
    return "\033[35m";
}

void leat_demo_line(leat_demo_style *style, const leat_event *ev, leat_buf *out)
{
    pen p = {out, style->width ? style->width : SIZE_MAX};
    char op[2] = {ev->op ? (char)ev->op : '-', 0};
    put_time(&p, style, ev);
    style->tx = ev->tx;
    colour(style, &p, colour_of(ev->op));
    put_z(&p, op);
    put_z(&p, " ");
    put_padded(&p, leat_str_of(leat_event_topic(ev)), &style->topic, TOPIC_WIDTH_MAX);
    colour(style, &p, PLAIN);
    if (ev->op != LEAT_OP_RECORD) {
        leat_buf_clear(&style->text);
        add_key(&style->text, ev);
        put_padded(&p, leat_buf_str(&style->text), &style->key, KEY_WIDTH_MAX);
        leat_buf_clear(&style->text);
        add_change(&style->text, ev);
        put(&p, leat_str_trim(leat_buf_str(&style->text)));
    }
    while (out->len > 0 && out->p[out->len - 1] == ' ') out->len--;
    leat_buf_u8(out, '\n');
}
