/* Rows of the log become events.
 *
 *   write    after from the new image
 *   update   before and after; a key that differs takes two numbers
 *   delete   before from the old image
 *   TRUNCATE one event, made of the statement
 *
 * With binlog_row_image=MINIMAL or NOBLOB columns are left out of images: what the new one lacks is
 * taken from the old one, else ABSENT; an old one that has the key alone is marked so.
 *
 * A row is counted as received first of all, then as filtered (table, operation or server not
 * captured), deduplicated (its transaction is durable already, or it was delivered by whom we took
 * over from) or dead (a value that is none of its column's type: a letter with the row's bytes), or
 * it becomes an event. Cells point into the event's bytes, which are in the batch's arena. Run by
 * the task's thread. */
#include "base/clock.h"
#include "base/json.h"
#include "source/mysql/reader.h"

/* ---- rows ---- */

static bool is_key(const leat_table *t, uint32_t field)
{
    for (uint16_t i = 0; i < t->nkey; i++)
        if (t->key_cols[i] == field) return true;
    return false;
}

/* The image has the key's columns and no other. */
static bool key_only(const leat_table *t, const leat_value *row)
{
    bool absent = false;
    if (t->nkey == 0) return false;
    for (uint32_t i = 0; i < t->row->nfields; i++) {
        if (row[i].kind == LEAT_ABSENT)
            absent = true;
        else if (!is_key(t, i))
            return false;
    }
    return absent;
}

static leat_rc mend(const leat_my_rel *r, leat_value *row, leat_err *e)
{
    if (!row || !r->mends) return LEAT_OK;
    for (uint32_t i = 0; i < r->table->row->nfields; i++)
        if (r->cols[i].mend && !leat_my_mend_cell(&r->cols[i], &row[i]))
            return leat_fail(e, LEAT_DATA, "mysql.value", r->whole,
                             "the value of column \"%s\" has no place in what time.precision.mode "
                             "makes of it, and the column may not be NULL: take another mode",
                             r->cols[i].name);
    return LEAT_OK;
}

/* Makes both images what an event shows. */
static leat_rc arrange(const leat_my_rel *r, leat_value *before, leat_value *after, leat_arena *a,
                       uint8_t *flags, leat_err *e)
{
    *flags = 0;
    LEAT_TRY(mend(r, before, e));
    LEAT_TRY(mend(r, after, e));
    if (before && key_only(r->table, before)) *flags = LEAT_EV_OLD_KEY_ONLY;
    if (before && after) {
        leat_table_fill_unchanged(r->table, before, after);
        if (leat_table_key_changed(r->table, before, after)) *flags |= LEAT_EV_KEY_CHANGED;
    }
    if (before) leat_rewrite_row(r->rewrite, before, *flags & LEAT_EV_OLD_KEY_ONLY, a);
    if (after) leat_rewrite_row(r->rewrite, after, false, a);
    return LEAT_OK;
}

/* ---- events ---- */

/* The next n numbers in the transaction; gives the first, in all and in the table. */
static void number(leat_my_source *s, leat_my_rel *r, leat_event *ev, uint32_t n)
{
    if (r->tx != s->tx.id) {
        r->tx = s->tx.id;
        r->tx_seq = 0;
    }
    ev->tx_seq = s->tx.seq + 1;
    s->tx.seq += n;
    ev->tx_table_seq = r->tx_seq + 1;
    r->tx_seq += n;
    leat_records_count(s->records, r->whole, n);
}

static leat_event *add(leat_my_source *s, leat_batch *b, leat_my_rel *r, leat_op op,
                       const leat_value *src)
{
    leat_event *ev = leat_batch_add(b, r->table);
    ev->op = (uint8_t)op;
    ev->ts_us = s->tx.ts_us;
    ev->seen_us = leat_now_us();
    ev->tx = s->tx.id;
    ev->src = src;
    return ev;
}

/* Of a table, so many changes were delivered. */
static leat_rc resume_table(leat_my_source *s, leat_str whole, uint32_t n, leat_err *e)
{
    leat_my_rel *r;
    leat_str name = whole, db = leat_str_cut(&name, '.');
    if (!name.s) return LEAT_OK;
    LEAT_TRY(leat_my_rel_named(s, db, name, &r, e));
    r->tx = s->tx.id;
    r->tx_seq = n;
    s->tx.seq += n;
    leat_records_count(s->records, r->whole, n);
    return LEAT_OK;
}

/* Numbers go on behind those that Debezium gave in the part that it delivered, which are in its
 * offset. Rows of that part that were read again have no others. */
static leat_rc resume_metadata(leat_my_source *s, leat_err *e)
{
    static const char prefix[] = "transaction_data_collection_order_";
    const size_t len = sizeof prefix - 1;
    const leat_json *j = NULL;
    int64_t n;
    bool first = true;
    leat_records_resume(s->records);
    if (leat_json_parse(&s->arena, s->at.counted, &j, NULL) != LEAT_OK) return LEAT_OK;
    for (const leat_json *m = j->child; m; m = m->next) {
        if (!leat_str_starts(m->name, prefix) || !leat_str_i64(m->text, &n) || n <= 0) continue;
        if (first) s->tx.seq = 0;
        first = false;
        leat_str whole = {m->name.s + len, m->name.len - len};
        LEAT_TRY(resume_table(s, whole, (uint32_t)n, e));
    }
    return LEAT_OK;
}

/* BEGIN of the transaction's metadata, before its first event. */
static leat_rc begin_metadata(leat_my_source *s, leat_batch *b, leat_err *e)
{
    if (s->tx.told || !s->conf->capture.transactions) return LEAT_OK;
    s->tx.told = true;
    if (s->tx.resumed) return resume_metadata(s, e);
    leat_records_begin(s->records, b, leat_str_of(s->tx.name), s->tx.id, s->tx.ts_us);
    return LEAT_OK;
}

static leat_tally *tally(leat_batch *b, leat_my_rel *r)
{
    return leat_tallies_get(&b->tables, leat_str_of(r->whole), &r->tally);
}

static void bury(leat_my_source *s, leat_batch *b, leat_my_rel *r, leat_str bytes, uint64_t row,
                 const leat_err *why)
{
    leat_buf place = {0};
    leat_jw w = {.out = &place};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "file", s->file);
    leat_jw_i64(&w, "pos", (int64_t)s->event_pos);
    leat_jw_i64(&w, "row", (int64_t)row);
    leat_jw_i64(&w, "seq", ++s->tx.seq);
    leat_jw_end(&w);
    leat_batch_dead(b, tally(b, r),
                    &(leat_dead){.why = *why,
                                 .bytes = bytes,
                                 .position = leat_buf_str(&place),
                                 .table = r->whole,
                                 .topic = r->table->topic,
                                 .ts_us = s->tx.ts_us});
    leat_buf_free(&place);
}

/* The rows are not wanted: counts them. */
static leat_rc count_only(leat_batch *b, leat_my_rel *r, const leat_binlog_rows *rows,
                          bool filtered, leat_err *e)
{
    leat_mysql_rows it;
    uint64_t n;
    LEAT_TRY(leat_mysql_rows_open(&it, &r->image, rows, e));
    LEAT_TRY(leat_mysql_rows_count(&it, &n, e));
    leat_tally *y = tally(b, r);
    LEAT_COUNT(b, y, received, n);
    if (filtered)
        LEAT_COUNT(b, y, filtered, n);
    else
        LEAT_COUNT(b, y, deduplicated, n);
    return LEAT_OK;
}

static leat_op op_of(const leat_binlog_rows *rows)
{
    static const leat_op ops[] = {[LEAT_BINLOG_ROWS_WRITE] = LEAT_OP_CREATE,
                                  [LEAT_BINLOG_ROWS_UPDATE] = LEAT_OP_UPDATE,
                                  [LEAT_BINLOG_ROWS_DELETE] = LEAT_OP_DELETE};
    return ops[rows->kind];
}

/* One row that was read, or could not be: its event, letter or count. */
static leat_rc give(leat_my_source *s, leat_batch *b, leat_my_rel *r, leat_op op, leat_rc rc,
                    leat_value *before, leat_value *after, leat_str raw, const leat_value *src,
                    uint64_t n, leat_err *e)
{
    uint8_t flags = 0;
    bool again = s->tx.resumed && n < s->tx.rows;
    if (rc == LEAT_OK) rc = leat_event_size_check(raw.len, s->task->max_event_bytes, r->whole, e);
    if (rc == LEAT_OK) rc = arrange(r, before, after, &b->arena, &flags, e);
    if (rc == LEAT_DATA && !again) {
        bury(s, b, r, raw, n, e);
        return LEAT_OK;
    }
    if (rc == LEAT_DATA)
        flags = 0;
    else
        LEAT_TRY(rc);
    uint32_t takes = flags & LEAT_EV_KEY_CHANGED ? 2 : 1;
    if (again) {
        leat_event gone = {0};
        number(s, r, &gone, takes);
        LEAT_COUNT(b, tally(b, r), deduplicated, 1);
        return LEAT_OK;
    }
    if (s->conf->capture.skip_unchanged && before && after && !(flags & LEAT_EV_OLD_KEY_ONLY) &&
        leat_rows_same(before, after, r->table->row->nfields)) {
        LEAT_COUNT(b, tally(b, r), filtered, 1);
        return LEAT_OK;
    }
    LEAT_TRY(begin_metadata(s, b, e));
    leat_event *ev = add(s, b, r, op, src);
    ev->before = before;
    ev->after = after;
    ev->flags = flags;
    number(s, r, ev, takes);
    return LEAT_OK;
}

/* The source block's cells of row n: those of the first, with another number. */
static const leat_value *src_of(const leat_value *first, uint64_t n, leat_arena *a)
{
    if (n == 0) return first;
    leat_value *v = leat_arena_alloc(a, LEAT_MY_SRC_N * sizeof *v, _Alignof(leat_value));
    memcpy(v, first, LEAT_MY_SRC_N * sizeof *v);
    v[LEAT_MY_SRC_ROW] = leat_int((int64_t)n);
    return v;
}

static leat_rc each_row(leat_my_source *s, leat_batch *b, leat_my_rel *r,
                        const leat_binlog_rows *rows, leat_op op, leat_err *e)
{
    leat_mysql_rows it;
    const leat_value *first = leat_my_src(s, &b->arena);
    LEAT_TRY(leat_mysql_rows_open(&it, &r->image, rows, e));
    for (uint64_t n = 0;; n++) {
        const leat_value *before = NULL, *after = NULL;
        leat_str raw = {0};
        leat_rc rc = leat_mysql_rows_next(&it, &b->arena, &before, &after, &raw, e);
        if (rc == LEAT_AGAIN) return LEAT_OK;
        if (rc != LEAT_DATA) LEAT_TRY(rc);
        LEAT_COUNT(b, tally(b, r), received, 1);
        LEAT_TRY(give(s, b, r, op, rc, (leat_value *)(uintptr_t)before,
                      (leat_value *)(uintptr_t)after, raw, src_of(first, n, &b->arena), n, e));
    }
}

static leat_rc unknown_table(uint64_t id, leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "mysql.binlog", "",
                     "the log has rows of table %llu without describing it before",
                     (unsigned long long)id);
}

leat_rc leat_my_change(leat_my_source *s, leat_batch *b, const leat_binlog_rows *rows, leat_err *e)
{
    leat_my_rel *r = leat_my_rel_find(s, rows->table);
    leat_op op = op_of(rows);
    if (!r) return rows->rows.len ? unknown_table(rows->table, e) : LEAT_OK;
    if (s->tx.known || (s->tx.resumed && s->tx.events > 0)) return count_only(b, r, rows, false, e);
    if (r->signals && op == LEAT_OP_CREATE && !s->tx.left_out)
        LEAT_TRY(leat_my_signal_rows(s, r, rows, s->tx.resumed ? s->tx.rows : 0, e));
    if (!r->captured || s->tx.left_out || leat_capture_skips(s->skipped, op))
        return count_only(b, r, rows, true, e);
    LEAT_TRY(each_row(s, b, r, rows, op, e));
    /* Also when all of them were delivered: what follows goes on behind their numbers. */
    if (s->tx.resumed) LEAT_TRY(begin_metadata(s, b, e));
    s->tx.resumed = false;
    return LEAT_OK;
}

leat_rc leat_my_truncate(leat_my_source *s, leat_batch *b, leat_my_rel *r, leat_err *e)
{
    leat_tally *y = tally(b, r);
    LEAT_COUNT(b, y, received, 1);
    if (s->tx.known) {
        LEAT_COUNT(b, y, deduplicated, 1);
        return LEAT_OK;
    }
    if (!r->captured || s->tx.left_out || leat_capture_skips(s->skipped, LEAT_OP_TRUNCATE)) {
        LEAT_COUNT(b, y, filtered, 1);
        return LEAT_OK;
    }
    if (!r->table) LEAT_TRY(leat_my_rel_version(s, r, e));
    if (!r->table) { /* it was dropped since, and had no rows here */
        LEAT_COUNT(b, y, filtered, 1);
        return LEAT_OK;
    }
    LEAT_TRY(begin_metadata(s, b, e));
    leat_event *ev = add(s, b, r, LEAT_OP_TRUNCATE, leat_my_src(s, &b->arena));
    number(s, r, ev, 1);
    return LEAT_OK;
}
