/* Letters of a sink as bytes, keys and JSON; see the header.
 *
 *     bytes of a letter   "leat\1", the table as a blob, the event (event/wire.h)
 *     key                 topic, 0, the key's cells (event/wire.h)
 */
#include "engine/letters.h"

#include "base/clock.h"
#include "convert/json.h"
#include "engine/letters_edit.h"
#include "event/wire.h"

static const char MAGIC[] = "leat\1";
enum { MAGIC_LEN = sizeof MAGIC - 1 };

void leat_letters_pack(const leat_event *ev, leat_buf *out)
{
    leat_buf table = {0};
    leat_wire_state st = {0};
    leat_buf_put(out, MAGIC, MAGIC_LEN);
    if (ev->op != LEAT_OP_RECORD) leat_wire_put_table(&table, ev->table);
    leat_buf_blob(out, leat_buf_str(&table));
    leat_wire_put(out, &st, ev, ev->op != LEAT_OP_RECORD);
    leat_buf_free(&table);
}

static const leat_table *the_table(void *arg, uint32_t number)
{
    return number == 1 ? arg : NULL;
}

struct leat_letters_table {
    leat_letters_table *next;
    leat_table *table; /* pinned */
    size_t len;
    char def[]; /* its bytes in the letters */
};

void leat_letters_tables_free(leat_letters_table *tables)
{
    while (tables) {
        leat_letters_table *next = tables->next;
        leat_table_unpin(tables->table);
        leat_free(tables);
        tables = next;
    }
}

static leat_rc find_table(leat_letters_table **tables, leat_str def, leat_table **out, leat_err *e)
{
    leat_letters_table *t = *tables;
    while (t && !leat_str_eq((leat_str){t->def, t->len}, def)) t = t->next;
    if (!t) {
        LEAT_TRY(leat_wire_get_table(def, out, e));
        t = leat_zalloc(1, sizeof *t + def.len);
        t->next = *tables;
        t->table = *out;
        t->len = def.len;
        memcpy(t->def, def.s, def.len);
        *tables = t;
    }
    *out = t->table;
    return LEAT_OK;
}

/* Borrowed from the letter until the batch is reset. */
static leat_rc unpack(leat_str bytes, leat_letters_table **tables, leat_batch *b, leat_err *e)
{
    leat_cur c = leat_cur_of(bytes);
    leat_wire_state st = {0};
    leat_table *table = NULL;
    bool ours = leat_str_starts(bytes, MAGIC);
    if (!ours)
        return leat_fail(e, LEAT_CONF, "dead_letter.source", "letter",
                         "it holds bytes that could not be read, and no event: it can be dropped, "
                         "not edited or tried again. Mend the cause, and have the rows read again "
                         "(leat signal NAME snapshot TABLE), or their records written to the topic "
                         "again, of a sink that reads Kafka");
    leat_cur_bytes(&c, MAGIC_LEN);
    leat_str def = leat_cur_blob(&c);
    if (def.len > 0) LEAT_TRY(find_table(tables, def, &table, e));
    return leat_wire_get(&c, &st, b, the_table, table, true, e);
}

leat_rc leat_letters_unpack(const leat_dead_letter *letter, leat_letters_table **tables,
                            leat_batch *b, leat_err *e)
{
    LEAT_TRY(unpack(letter->bytes, tables, b, e));
    if (!letter->edit) return LEAT_OK;
    const leat_json *edit;
    LEAT_TRY(leat_json_parse(&b->arena, leat_str_of(letter->edit), &edit, e));
    return leat_letters_patch(&b->ev[b->n - 1], edit, &b->arena, e);
}

/* ---- keys ---- */

static bool put_key(const leat_table *t, const leat_value *cells, const leat_value *other,
                    leat_buf *out)
{
    leat_buf_add(out, leat_str_of(t->topic));
    leat_buf_u8(out, 0);
    for (uint16_t i = 0; i < t->nkey; i++) {
        const leat_value *v = &cells[t->key_cols[i]];
        if (v->kind == LEAT_ABSENT && other) v = &other[t->key_cols[i]];
        leat_wire_put_cell(out, v);
    }
    return true;
}

bool leat_letters_key(const leat_event *ev, leat_buf *key, leat_buf *old)
{
    const leat_table *t = ev->table;
    if (ev->op == LEAT_OP_RECORD || !t || t->nkey == 0 || (!ev->after && !ev->before)) return false;
    if (!ev->after) return put_key(t, ev->before, NULL, key);
    put_key(t, ev->after, ev->before, key);
    if (!ev->before) return true;
    put_key(t, ev->before, ev->after, old);
    if (leat_str_eq(leat_buf_str(old), leat_buf_str(key))) leat_buf_clear(old);
    return true;
}

/* ---- as JSON ---- */

static void write_row(const char *name, const leat_table *t, const leat_value *cells, leat_jw *w)
{
    leat_buf text = {0};
    const leat_json_conf conf = {.decimal_numeric = true};
    leat_json_converter *json = leat_json_converter_new(&conf);
    leat_value row = {.kind = LEAT_STRUCT, .len = t->row->nfields, .u.list = cells};
    bool is_null = true;
    leat_rc rc = LEAT_DATA;
    if (cells) rc = leat_json_convert(json, t->row, &row, (leat_str){0}, &text, &is_null, NULL);
    if (rc == LEAT_OK && !is_null)
        leat_jw_raw(w, name, leat_buf_str(&text));
    else
        leat_jw_null(w, name);
    leat_buf_free(&text);
    leat_json_converter_free(json);
}

/* The change, as it is written once it is tried: with what was edited. */
static void write_event(const leat_dead_letter *letter, leat_jw *w)
{
    leat_batch b = {0};
    leat_letters_table *tables = NULL;
    leat_err err;
    leat_batch_init(&b, 1, 0);
    bool good = leat_letters_unpack(letter, &tables, &b, &err) == LEAT_OK;
    if (good && b.ev[0].op != LEAT_OP_RECORD) {
        char op[] = {(char)b.ev[0].op, 0};
        leat_jw_z(w, "op", op);
        write_row("before", b.ev[0].table, b.ev[0].before, w);
        write_row("after", b.ev[0].table, b.ev[0].after, w);
    }
    leat_batch_free(&b);
    leat_letters_tables_free(tables);
}

static void write_tries(const leat_dead_letter *letter, leat_jw *w)
{
    char iso[LEAT_ISO_MAX];
    bool waits = strcmp(letter->code, LEAT_LETTER_WAITS) == 0;
    leat_jw_z(w, "state", letter->superseded ? "superseded" : waits ? "waits" : "failed");
    leat_jw_bool(w, "retriable", leat_str_starts(letter->bytes, MAGIC));
    leat_jw_i64(w, "tries", letter->tries);
    leat_jw_z(w, "tried", letter->tries ? leat_iso_us(letter->tried_us, 3, iso) : NULL);
    if (letter->edit)
        leat_jw_raw(w, "edit", leat_str_of(letter->edit));
    else
        leat_jw_null(w, "edit");
}

void leat_letters_write(const leat_dead_letter *letter, bool whole, leat_jw *w)
{
    char iso[LEAT_ISO_MAX];
    leat_buf bytes = {0};
    leat_jw_object(w, NULL);
    leat_jw_i64(w, "id", letter->id);
    leat_jw_z(w, "stored", leat_iso_us(letter->at_us, 3, iso));
    leat_jw_i64(w, "ts_us", letter->ts_us);
    leat_jw_z(w, "code", letter->code);
    leat_jw_z(w, "reason", letter->reason);
    leat_jw_z(w, "where", letter->where);
    leat_jw_z(w, "table", letter->table);
    leat_jw_z(w, "topic", letter->topic);
    leat_jw_str(w, "position", letter->position);
    leat_jw_i64(w, "size", (int64_t)letter->bytes.len);
    write_tries(letter, w);
    if (whole) {
        leat_buf_hex(&bytes, letter->bytes);
        leat_jw_str(w, "bytes_hex", leat_buf_str(&bytes));
        write_event(letter, w);
    }
    leat_jw_end(w);
    leat_buf_free(&bytes);
}
