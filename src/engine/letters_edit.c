/* JSON values into the cells of a row, by the row's schema; see the header. Any thread. */
#include "engine/letters_edit.h"

#include <stdio.h>
#include <stdlib.h>

#include "convert/decimal.h"

enum { SHOWN = 200 }; /* bytes of a value in a message */

static leat_rc misfit(const leat_field *f, const leat_json *j, const char *expected, leat_err *e)
{
    leat_buf text = {0};
    leat_json_write(j, &text);
    size_t n = leat_str_fit(leat_buf_str(&text), SHOWN);
    leat_fail(e, LEAT_CONF, "dead_letter.edit", f->name, "column %s: expected %s, got %.*s%s",
              f->name, expected, (int)n, text.p, n < text.len ? "..." : "");
    leat_buf_free(&text);
    return LEAT_CONF;
}

static leat_rc put_integer(const leat_field *f, const leat_json *j, leat_value *out, leat_err *e)
{
    static const int bits[] = {8, 16, 32, 64};
    static const struct {
        uint8_t logical, kind, unit;
    } times[] = {
        {LEAT_L_NONE, LEAT_INT, 0},
        {LEAT_L_DATE, LEAT_DATE, 0},
        {LEAT_L_CONNECT_DATE, LEAT_DATE, 0},
        {LEAT_L_TIME, LEAT_TIME, LEAT_MS},
        {LEAT_L_CONNECT_TIME, LEAT_TIME, LEAT_MS},
        {LEAT_L_MICRO_TIME, LEAT_TIME, LEAT_US},
        {LEAT_L_NANO_TIME, LEAT_TIME, LEAT_NS},
        {LEAT_L_TIMESTAMP, LEAT_TIMESTAMP, LEAT_MS},
        {LEAT_L_CONNECT_TIMESTAMP, LEAT_TIMESTAMP, LEAT_MS},
        {LEAT_L_MICRO_TIMESTAMP, LEAT_TIMESTAMP, LEAT_US},
        {LEAT_L_NANO_TIMESTAMP, LEAT_TIMESTAMP, LEAT_NS},
    };
    int64_t i = 0, most = INT64_MAX >> (64 - bits[f->schema->type]);
    if (j->type != LEAT_JSON_NUMBER || !leat_str_i64(j->text, &i) || i > most || i < -most - 1)
        return misfit(f, j, leat_type_name((leat_type)f->schema->type), e);
    for (size_t k = 0; k < sizeof times / sizeof *times; k++)
        if (times[k].logical == f->schema->logical) {
            *out = (leat_value){.kind = times[k].kind, .unit = times[k].unit, .u.i = i};
            return LEAT_OK;
        }
    return misfit(f, j, "a type that can be edited (drop the letter, and mend the source)", e);
}

static leat_rc put_float(const leat_field *f, const leat_json *j, leat_value *out, leat_err *e)
{
    char *end = NULL;
    bool named = j->type == LEAT_JSON_STRING &&
                 (leat_str_is(j->text, "NaN") || leat_str_is(j->text, "Infinity") ||
                  leat_str_is(j->text, "-Infinity"));
    if (j->type != LEAT_JSON_NUMBER && !named)
        return misfit(f, j, "a number, or \"NaN\", \"Infinity\", \"-Infinity\"", e);
    double v = strtod(j->text.s, &end);
    *out = leat_float(f->schema->type == LEAT_T_FLOAT32 ? (double)(float)v : v);
    return LEAT_OK;
}

static leat_rc put_decimal(const leat_field *f, const leat_json *j, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    leat_decimal d;
    bool texts = j->type == LEAT_JSON_NUMBER || j->type == LEAT_JSON_STRING;
    if (!texts || memchr(j->text.s, 'e', j->text.len) || memchr(j->text.s, 'E', j->text.len) ||
        !leat_decimal_parse(j->text, &d))
        return misfit(f, j, "a decimal number without an exponent, as \"-12.50\"", e);
    leat_str text = leat_arena_str(a, j->text);
    const char *dot = memchr(text.s, '.', text.len);
    size_t scale = dot ? (size_t)(text.s + text.len - dot) - 1 : 0;
    *out = (leat_value){.kind = LEAT_DECIMAL,
                        .scale = (uint16_t)(scale < UINT16_MAX ? scale : UINT16_MAX),
                        .len = (uint32_t)text.len,
                        .u.s = text.s};
    return LEAT_OK;
}

static leat_rc put_bytes(const leat_field *f, const leat_json *j, leat_arena *a, leat_value *out,
                         leat_err *e)
{
    leat_buf bytes = {0};
    bool good = j->type == LEAT_JSON_STRING && leat_buf_unbase64(&bytes, j->text);
    if (good) *out = leat_bytes(leat_arena_str(a, leat_buf_str(&bytes)));
    leat_buf_free(&bytes);
    return good ? LEAT_OK : misfit(f, j, "bytes in base64", e);
}

static leat_rc put_text(const leat_field *f, const leat_json *j, leat_arena *a, leat_value *out,
                        leat_err *e)
{
    if (j->type != LEAT_JSON_STRING) return misfit(f, j, "a string", e);
    *out = leat_text(leat_arena_str(a, j->text));
    return LEAT_OK;
}

static leat_rc put(const leat_field *f, const leat_json *j, leat_arena *a, leat_value *out,
                   leat_err *e)
{
    const leat_schema *s = f->schema;
    if (j->type == LEAT_JSON_NULL) {
        *out = leat_null();
        return LEAT_OK;
    }
    if (s->logical == LEAT_L_DECIMAL || s->logical == LEAT_L_VARIABLE_SCALE_DECIMAL)
        return put_decimal(f, j, a, out, e);
    if (s->type <= LEAT_T_INT64) return put_integer(f, j, out, e);
    if (s->type == LEAT_T_FLOAT32 || s->type == LEAT_T_FLOAT64) return put_float(f, j, out, e);
    if (s->type == LEAT_T_BOOLEAN) {
        if (j->type != LEAT_JSON_TRUE && j->type != LEAT_JSON_FALSE)
            return misfit(f, j, "true or false", e);
        *out = leat_bool(j->type == LEAT_JSON_TRUE);
        return LEAT_OK;
    }
    if (s->type == LEAT_T_BYTES && s->logical == LEAT_L_NONE) return put_bytes(f, j, a, out, e);
    bool plain = s->logical == LEAT_L_NONE || s->logical == LEAT_L_JSON ||
                 s->logical == LEAT_L_UUID || s->logical == LEAT_L_XML || s->logical == LEAT_L_ENUM;
    if (s->type == LEAT_T_STRING && plain) return put_text(f, j, a, out, e);
    return misfit(f, j, "a type that can be edited (drop the letter, and mend the source)", e);
}

static bool of_key(const leat_table *t, int column)
{
    for (uint16_t i = 0; i < t->nkey; i++)
        if (t->key_cols[i] == column) return true;
    return false;
}

leat_rc leat_letters_patch(leat_event *ev, const leat_json *edit, leat_arena *a, leat_err *e)
{
    if (ev->op == LEAT_OP_RECORD || !ev->after)
        return leat_fail(e, LEAT_CONF, "dead_letter.edit", "after",
                         "the change (op %c) has no new row that could be edited",
                         ev->op ? ev->op : '-');
    if (edit->type != LEAT_JSON_OBJECT)
        return leat_fail(e, LEAT_CONF, "dead_letter.edit", "after",
                         "expected an object of columns and their values");
    const leat_schema *row = ev->table->row;
    leat_value *cells = leat_arena_dup(a, ev->after, row->nfields * sizeof *cells);
    for (const leat_json *j = edit->child; j; j = j->next) {
        int i = leat_schema_field(row, j->name);
        if (i < 0)
            return leat_fail(e, LEAT_CONF, "dead_letter.edit", "after",
                             "the row has no column " LEAT_STR_FMT, LEAT_STR_ARG(j->name));
        if (of_key(ev->table, i))
            return leat_fail(e, LEAT_CONF, "dead_letter.edit", row->fields[i].name,
                             "column %s is of the key, by which the change is known and others "
                             "wait for it: it cannot be edited",
                             row->fields[i].name);
        LEAT_TRY(put(&row->fields[i], j, a, &cells[i], e));
    }
    ev->after = cells;
    return LEAT_OK;
}
