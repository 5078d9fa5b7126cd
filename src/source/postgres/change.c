/* Changes of the wire become events.
 *
 *   insert   after from the new row
 *
 *   update   after from the new row; before from the old one, if the server sent it: all columns
 *            (REPLICA IDENTITY FULL) or the key alone, which it sends when the key changed
 *
 *   delete   before from the old row
 *
 *   truncate one event a captured relation
 *
 * What the new row leaves out as unchanged (TOAST) is taken from the old one, else ABSENT.
 *
 * A change is counted as received first of all, then as filtered (table or operation not captured),
 * deduplicated (its transaction is durable already, or it was delivered by whom we took over from)
 * or dead (a value that is none of its column's type: a letter with the message's bytes), or it
 * becomes an event. Cells point into the message's bytes, which the caller has put into the batch's
 * arena. Run by the task's thread. */
#include "base/clock.h"
#include "base/json.h"
#include "source/postgres/incremental.h"

/* ---- source block ---- */

static leat_value number_or_null(uint64_t v)
{
    return v ? leat_int((int64_t)v) : leat_null();
}

const leat_value *leat_pg_src(const leat_pg_source *s, leat_arena *a, uint64_t lsn, uint64_t tx)
{
    leat_value *v = leat_arena_alloc(a, LEAT_PG_SRC_N * sizeof *v, _Alignof(leat_value));
    v[LEAT_PG_SRC_TX] = number_or_null(tx);
    v[LEAT_PG_SRC_COMMIT] = number_or_null(s->at.commit);
    v[LEAT_PG_SRC_LSN] = number_or_null(lsn);
    v[LEAT_PG_SRC_XMIN] = number_or_null((uint64_t)s->xmin);
    v[LEAT_PG_SRC_ORIGIN] =
        s->tx.origin.s ? leat_text(leat_arena_str(a, s->tx.origin)) : leat_null();
    v[LEAT_PG_SRC_ORIGIN_LSN] = number_or_null(s->tx.origin_lsn);
    return v;
}

/* ---- rows ---- */

static leat_rc bad_width(const leat_pg_rel *r, uint16_t n, leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "postgres.protocol", r->table->topic,
                     "a row of relation %u has %u columns, but the server described %u", r->id, n,
                     r->nwire);
}

/* old_key: columns outside the replica identity were sent as NULL and are not known. */
static leat_rc row_of(leat_pg_rel *r, const leat_pgoutput_tuple *t, bool old_key, leat_arena *a,
                      leat_value **out, leat_err *e)
{
    uint32_t n = r->table->row->nfields;
    leat_value *row = leat_arena_alloc(a, n * sizeof *row, _Alignof(leat_value));
    if (t->n != r->nwire) return bad_width(r, t->n, e);
    for (uint32_t i = 0; i < n; i++) row[i] = leat_absent();
    for (uint16_t i = 0; i < t->n; i++) {
        const leat_pgoutput_cell *cell = &t->cells[i];
        uint16_t f = r->field[i];
        if (f == LEAT_PG_NO_FIELD || (old_key && !r->identity[i])) continue;
        if (cell->kind == LEAT_PGOUTPUT_NULL || cell->kind == LEAT_PGOUTPUT_TEXT)
            LEAT_TRY(leat_pg_rel_cell(r, i, false, cell->data, a, &row[f], e));
        else if (cell->kind == LEAT_PGOUTPUT_BINARY)
            return leat_fail(e, LEAT_FATAL, "postgres.protocol", r->table->topic,
                             "the server sent a binary value, which was not asked for");
    }
    *out = row;
    return LEAT_OK;
}

/* What stands for NOT NULL columns that an old row with the key alone does not have, where their
 * schemas do not say. */
static void fill_old(const leat_pg_rel *r, leat_value *old)
{
    for (uint32_t i = 0; i < r->table->row->nfields; i++)
        if (old[i].kind == LEAT_ABSENT && r->cols[i].old) old[i] = *r->cols[i].old;
}

/* Both rows of a change; flags: LEAT_EV_*. */
static leat_rc rows_of(leat_pg_rel *r, const leat_pgoutput_msg *m, leat_arena *a,
                       leat_value **before, leat_value **after, uint8_t *flags, leat_err *e)
{
    bool old_key = m->change.old_kind == 'K';
    *before = *after = NULL;
    *flags = old_key ? LEAT_EV_OLD_KEY_ONLY : 0;
    if (m->change.old_kind) LEAT_TRY(row_of(r, &m->change.old, old_key, a, before, e));
    if (m->type == LEAT_PGOUTPUT_DELETE) return LEAT_OK;
    LEAT_TRY(row_of(r, &m->change.now, false, a, after, e));
    if (!*before) return LEAT_OK;
    leat_table_fill_unchanged(r->table, *before, *after);
    if (leat_table_key_changed(r->table, *before, *after)) *flags |= LEAT_EV_KEY_CHANGED;
    return LEAT_OK;
}

/* An update that changed no captured column, of a table whose old rows are whole. */
static bool unchanged(const leat_pg_source *s, const leat_pg_rel *r, const leat_pgoutput_msg *m,
                      const leat_value *before, const leat_value *after)
{
    return s->conf->capture.skip_unchanged && m->change.old_kind == 'O' && before && after &&
           leat_rows_same(before, after, r->table->row->nfields);
}

/* ---- events ---- */

/* The next n numbers in the transaction; gives the first, in all and in the table (r NULL: of a
 * message, each of which is the first of its own for Debezium). */
static void number(leat_pg_source *s, leat_pg_rel *r, leat_event *ev, uint32_t n)
{
    if (r && r->tx != s->tx.xid) {
        r->tx = s->tx.xid;
        r->tx_seq = 0;
    }
    ev->tx_seq = s->tx.seq + 1;
    s->tx.seq += n;
    ev->tx_table_seq = 1;
    if (!r) leat_records_message(s->records);
    if (!r) return;
    ev->tx_table_seq = r->tx_seq + 1;
    r->tx_seq += n;
    leat_records_count(s->records, r->whole, n);
}

/* A change that was delivered before: its numbers are taken, but nothing is made of it. */
static void skip(leat_pg_source *s, leat_batch *b, leat_tally *y, leat_pg_rel *r, uint32_t n)
{
    leat_event gone = {0};
    number(s, r, &gone, n);
    LEAT_COUNT(b, y, deduplicated, 1);
}

/* The relation's, one change more of which has come in. */
static leat_tally *received(leat_batch *b, leat_pg_rel *r)
{
    leat_tally *y = leat_tallies_get(&b->tables, leat_str_of(r->whole), &r->tally);
    LEAT_COUNT(b, y, received, 1);
    return y;
}

static leat_event *add(leat_pg_source *s, leat_batch *b, leat_pg_rel *r, leat_op op, uint64_t lsn)
{
    leat_event *ev = leat_batch_add(b, r->table);
    ev->op = (uint8_t)op;
    ev->ts_us = s->tx.ts_us;
    ev->seen_us = leat_now_us();
    ev->tx = s->tx.xid;
    ev->src = leat_pg_src(s, &b->arena, lsn, s->tx.xid);
    return ev;
}

/* A letter for the dead: found again by the LSN and the number in the transaction. */
static void bury(leat_pg_source *s, leat_batch *b, leat_tally *y, const leat_table *t,
                 leat_str bytes, uint64_t lsn, const leat_err *why)
{
    leat_buf place = {0};
    leat_jw w = {.out = &place};
    leat_jw_object(&w, NULL);
    leat_jw_i64(&w, "lsn", (int64_t)lsn);
    leat_jw_i64(&w, "txId", (int64_t)s->tx.xid);
    leat_jw_i64(&w, "seq", ++s->tx.seq);
    leat_jw_end(&w);
    leat_batch_dead(b, y,
                    &(leat_dead){.why = *why,
                                 .bytes = bytes,
                                 .position = leat_buf_str(&place),
                                 .table = leat_arena_printf(&b->arena, "%s.%s", t->schema, t->name),
                                 .topic = t->topic,
                                 .ts_us = s->tx.ts_us});
    leat_buf_free(&place);
}

static leat_rc unknown_relation(uint32_t id, leat_err *e)
{
    return leat_fail(e, LEAT_FATAL, "postgres.protocol", "",
                     "the server sent a change of relation %u without describing it before", id);
}

leat_rc leat_pg_change(leat_pg_source *s, leat_batch *b, const leat_pgoutput_msg *m, leat_str bytes,
                       uint64_t lsn, leat_err *e)
{
    leat_op op = m->type == LEAT_PGOUTPUT_INSERT   ? LEAT_OP_CREATE
                 : m->type == LEAT_PGOUTPUT_UPDATE ? LEAT_OP_UPDATE
                                                   : LEAT_OP_DELETE;
    leat_pg_rel *r = leat_pg_rel_find(s, m->change.relation);
    if (!r) return unknown_relation(m->change.relation, e);
    leat_tally *y = received(b, r);
    if (s->tx.known) {
        LEAT_COUNT(b, y, deduplicated, 1);
        return LEAT_OK;
    }
    bool again = leat_pg_sent_before(s, lsn);
    bool skipped = leat_capture_skips(s->rules.skipped, op);
    if (!r->captured || skipped) {
        if (r->signals && op == LEAT_OP_CREATE && !again) leat_pg_increment_row(s, &m->change.now);
        LEAT_COUNT(b, y, filtered, 1);
        return LEAT_OK;
    }
    leat_value *before = NULL, *after = NULL;
    uint8_t flags = 0;
    leat_rc rc = leat_event_size_check(bytes.len, s->task->max_event_bytes, r->table->name, e);
    bool fits = rc == LEAT_OK;
    if (fits) rc = rows_of(r, m, &b->arena, &before, &after, &flags, e);
    while (fits && rc == LEAT_DATA && (rc = leat_pg_rel_loosen(s, &r, e)) == LEAT_OK)
        rc = rows_of(r, m, &b->arena, &before, &after, &flags, e);
    if (rc == LEAT_DATA) {
        if (again)
            skip(s, b, y, r, 1);
        else
            bury(s, b, y, r->table, bytes, lsn, e);
        return LEAT_OK;
    }
    LEAT_TRY(rc);
    if (unchanged(s, r, m, before, after)) {
        LEAT_COUNT(b, y, filtered, 1);
        return LEAT_OK;
    }
    if (again) {
        skip(s, b, y, r, flags & LEAT_EV_KEY_CHANGED ? 2 : 1);
        return LEAT_OK;
    }
    if (after && s->conf->toast == LEAT_PG_TOAST_RESELECT)
        LEAT_TRY(leat_pg_reselect(s, r, &m->change.now, &b->arena, after, e));
    if (before) leat_rewrite_row(r->rewrite, before, flags & LEAT_EV_OLD_KEY_ONLY, &b->arena);
    if (after) leat_rewrite_row(r->rewrite, after, false, &b->arena);
    if (before && flags & LEAT_EV_OLD_KEY_ONLY) fill_old(r, before);
    leat_event *ev = add(s, b, r, op, lsn);
    ev->before = before;
    ev->after = after;
    ev->flags = flags;
    number(s, r, ev, flags & LEAT_EV_KEY_CHANGED ? 2 : 1);
    if (r->signals && op == LEAT_OP_CREATE) leat_pg_increment_row(s, &m->change.now);
    return LEAT_OK;
}

leat_rc leat_pg_truncate(leat_pg_source *s, leat_batch *b, const leat_pgoutput_msg *m, uint64_t lsn,
                         leat_err *e)
{
    for (uint32_t i = 0; i < m->truncate.n; i++) {
        leat_pg_rel *r = leat_pg_rel_find(s, m->truncate.relations[i]);
        if (!r) return unknown_relation(m->truncate.relations[i], e);
        leat_tally *y = received(b, r);
        bool again = !s->tx.known && leat_pg_sent_before(s, lsn);
        if (s->tx.known) {
            LEAT_COUNT(b, y, deduplicated, 1);
            continue;
        }
        if (!r->captured || leat_capture_skips(s->rules.skipped, LEAT_OP_TRUNCATE)) {
            LEAT_COUNT(b, y, filtered, 1);
        } else if (again) {
            skip(s, b, y, r, 1);
        } else {
            leat_event *ev = add(s, b, r, LEAT_OP_TRUNCATE, lsn);
            number(s, r, ev, 1);
        }
    }
    return LEAT_OK;
}

/* The content as binary.handling.mode wants bytes: by way of bytea's text. */
static leat_rc content_of(const leat_pg_source *s, leat_str content, leat_arena *a, leat_value *out,
                          leat_err *e)
{
    leat_buf text = {0};
    leat_buf_str_z(&text, "\\x");
    leat_buf_hex(&text, content);
    leat_str hex = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return leat_pg_parse(&s->content, hex, a, out, e);
}

/* A prefix that is no UTF-8, which a SQL_ASCII database lets through, can be no key. */
static bool bad_prefix(const leat_pg_source *s, leat_str prefix, leat_err *why)
{
    if (!s->sql.raw || leat_str_utf8(prefix)) return false;
    leat_fail(why, LEAT_DATA, "postgres.encoding", "",
              "the prefix of a logical message is no UTF-8");
    return true;
}

leat_rc leat_pg_message(leat_pg_source *s, leat_batch *b, const leat_pgoutput_msg *m, uint64_t lsn,
                        leat_err *e)
{
    leat_err why;
    bool inside = m->message.transactional, wanted;
    uint64_t tx = inside ? s->tx.xid : 0;
    leat_arena *a = &b->arena;
    leat_tally *y = leat_batch_tally(b, s->message);
    LEAT_COUNT(b, y, received, 1);
    if (inside ? s->tx.known : lsn <= s->at.lsn) {
        LEAT_COUNT(b, y, deduplicated, 1);
        return LEAT_OK;
    }
    bool again = inside && leat_pg_sent_before(s, lsn);
    /* Outside of transactions the message's LSN is the end of its record, and a place by itself. */
    if (!inside) s->at.lsn = s->at.commit = lsn;
    bool bad = bad_prefix(s, m->message.prefix, &why);
    wanted = !bad;
    if (!bad) LEAT_TRY(leat_pg_rules_prefix(&s->rules, m->message.prefix, &wanted, e));
    if (bad && !again) {
        bury(s, b, y, s->message, m->message.content, lsn, &why);
    } else if ((wanted || bad) && again) {
        skip(s, b, y, NULL, 1);
    } else if (wanted) {
        leat_value *row = LEAT_NEW(a, leat_value, 2);
        row[0] = leat_text(m->message.prefix);
        LEAT_TRY(content_of(s, m->message.content, a, &row[1], e));
        leat_event *ev = leat_batch_add(b, s->message);
        ev->op = LEAT_OP_MESSAGE;
        ev->after = row;
        ev->ts_us = s->tx.ts_us;
        ev->seen_us = leat_now_us();
        ev->tx = tx;
        ev->src = leat_pg_src(s, a, lsn, tx);
        if (inside) number(s, NULL, ev, 1);
    } else {
        LEAT_COUNT(b, y, filtered, 1);
    }
    if (!inside) leat_pg_safe_here(s, b);
    return LEAT_OK;
}
