/* The stored form of a snapshot's ledger; see ledger.h. */
#include "capture/ledger.h"

/* ---- reading ---- */

static leat_rc bad(const char *what, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "snapshot.progress", what,
                     "the stored progress of the snapshot cannot be read: %s. It was written by "
                     "another version; begin the snapshot again: leat offsets NAME reset",
                     what);
}

/* A bound: text, or null. */
static bool get_bound(const leat_json *j, leat_str *out)
{
    *out = (leat_str){0};
    if (!j || (j->type != LEAT_JSON_STRING && j->type != LEAT_JSON_NULL)) return false;
    if (j->type == LEAT_JSON_STRING) *out = j->text;
    return true;
}

/* What is done, and between it what is to do. */
static leat_rc get_ranges(leat_ledger_table *t, const leat_json *ranges, leat_err *e)
{
    leat_piece *last = NULL;
    leat_str at = {0}, from, to;
    bool end = false;
    for (const leat_json *r = ranges ? ranges->child : NULL; r; r = r->next) {
        const leat_json *to_json = r->child ? r->child->next : NULL;
        if (end || r->type != LEAT_JSON_ARRAY || !get_bound(r->child, &from) ||
            !get_bound(to_json, &to) || (last && !from.s))
            return bad("done", e);
        if (from.s && !(last && leat_str_eq(from, at))) last = leat_piece_after(t, last, at, from);
        last = leat_piece_after(t, last, from, to);
        last->state = LEAT_PIECE_DONE;
        if (last->prev && last->prev->state == LEAT_PIECE_DONE) last = leat_piece_join(last->prev);
        at = to;
        end = !to.s;
    }
    if (!end && !(last && t->end && leat_str_is(at, t->end)))
        leat_piece_after(t, last, at, leat_str_of(t->end));
    return LEAT_OK;
}

static leat_rc get_keys(leat_ledger_table *t, const leat_json *keys, leat_err *e)
{
    leat_buf key = {0};
    leat_rc rc = LEAT_OK;
    for (const leat_json *k = keys ? keys->child : NULL; k && rc == LEAT_OK; k = k->next) {
        leat_buf_clear(&key);
        if (k->type != LEAT_JSON_STRING || !leat_buf_unhex(&key, k->text))
            rc = bad("keys", e);
        else
            leat_keyset_put(&t->again, leat_buf_str(&key));
    }
    leat_buf_free(&key);
    return rc;
}

static leat_rc get_table(leat_ledger *l, const leat_json *j, leat_err *e)
{
    leat_str name = leat_json_get_str(j, "table");
    if (!name.s) return bad("table", e);
    leat_ledger_table *t =
        leat_ledger_table_new(l, name, leat_json_get_str(j, "where"), leat_json_get_str(j, "ask"));
    leat_ledger_end(t, leat_json_get_str(j, "end"));
    t->begun = true;
    t->rows = (uint64_t)leat_json_get_i64(j, "rows", 0);
    if (leat_str_is(leat_json_get_str(j, "state"), "done")) {
        leat_piece_after(t, NULL, (leat_str){0}, (leat_str){0})->state = LEAT_PIECE_DONE;
        t->done = true;
        l->ndone += t->ask == NULL;
    } else {
        LEAT_TRY(get_ranges(t, leat_json_get(j, "done"), e));
        LEAT_TRY(get_keys(t, leat_json_get(j, "keys"), e));
    }
    const leat_json *view = leat_json_get(j, "view");
    if (view) leat_json_write(view, &t->view);
    l->views += view != NULL;
    return LEAT_OK;
}

leat_rc leat_ledger_load(leat_ledger *l, const leat_json *tables, leat_err *e)
{
    for (const leat_json *j = tables ? tables->child : NULL; j; j = j->next)
        LEAT_TRY(get_table(l, j, e));
    return LEAT_OK;
}

/* ---- writing ---- */

static void put_ranges(const leat_ledger_table *t, leat_jw *w)
{
    bool any = false;
    for (const leat_piece *p = t->pieces; p; p = p->next) {
        if (p->state != LEAT_PIECE_DONE) continue;
        if (!any) leat_jw_array(w, "done");
        any = true;
        leat_jw_array(w, NULL);
        leat_jw_str(w, NULL, leat_str_of(p->from));
        leat_jw_str(w, NULL, leat_str_of(p->to));
        leat_jw_end(w);
    }
    if (any) leat_jw_end(w);
}

static void put_keys(const leat_keyset *k, leat_buf *hex, leat_jw *w)
{
    for (uint32_t i = 0; i < k->n; i++) {
        leat_buf_clear(hex);
        leat_buf_hex(hex, leat_keyset_at(k, i));
        leat_jw_str(w, NULL, leat_buf_str(hex));
    }
}

static void put_table(const leat_ledger_table *t, leat_buf *hex, leat_jw *w)
{
    leat_jw_object(w, NULL);
    leat_jw_z(w, "table", t->name);
    if (t->where) leat_jw_z(w, "where", t->where);
    if (t->ask) leat_jw_z(w, "ask", t->ask);
    if (t->end) leat_jw_z(w, "end", t->end);
    leat_jw_i64(w, "rows", (int64_t)t->rows);
    if (t->done) {
        leat_jw_z(w, "state", "done");
    } else if (!t->restart) {
        put_ranges(t, w);
        if (t->again.n + t->busy.n > 0) {
            leat_jw_array(w, "keys");
            put_keys(&t->busy, hex, w);
            put_keys(&t->again, hex, w);
            leat_jw_end(w);
        }
    }
    if (t->view.len > 0) leat_jw_raw(w, "view", leat_buf_str(&t->view));
    leat_jw_end(w);
}

void leat_ledger_write(leat_ledger *l, leat_jw *w, const char *name)
{
    leat_buf hex = {0};
    leat_jw_array(w, name);
    for (const leat_ledger_table *t = l->first; t; t = t->next)
        if (t->begun) put_table(t, &hex, w);
    leat_jw_end(w);
    leat_buf_free(&hex);
    l->changed = l->urgent = false;
}
