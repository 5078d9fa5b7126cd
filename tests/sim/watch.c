/* The model consumer; see watch.h. Its reader works on the disk directly: nothing fails for it. */
#include "watch.h"

#include "event.h"
#include "sim.h"

#include <stdio.h>

enum { EVENTS = 1 << 20, BYTES = 1 << 26, AT_ONCE = 10000 };

void watch_init(watch *w)
{
    leat_batch_init(&w->batch, EVENTS, BYTES);
    leat_batch_init(&w->scratch, EVENTS, BYTES);
}

void watch_free(watch *w)
{
    watch_close(w);
    leat_batch_free(&w->batch);
    leat_batch_free(&w->scratch);
    leat_buf_free(&w->cursor);
    leat_free(w->seen);
    leat_free(w->audit);
    leat_free(w->frames);
    *w = (watch){0};
}

void watch_close(watch *w)
{
    leat_reader_close(w->reader);
    w->reader = NULL;
}

/* ---- what must come next ---- */

static const db_tx *next_tx(const watch *w)
{
    return w->tx < the_sim->db.ntxs ? &the_sim->db.txs[w->tx] : NULL;
}

/* To the next thing that is to be seen. */
static void skip_unseen(watch *w)
{
    const db *d = &the_sim->db;
    for (const db_tx *tx; (tx = next_tx(w)); w->tx++, w->op = 0) {
        if (!tx->rolled_back) {
            while (w->op < tx->n && d->ops[tx->first + w->op].fate != DB_KEPT) w->op++;
            if (w->op < tx->n + tx->meta) return;
        }
        w->mid = false;
    }
}

bool watch_passed(const watch *w, uint32_t tx)
{
    watch copy = *w;
    if (!copy.begun) return tx <= the_sim->server.from;
    skip_unseen(&copy);
    return copy.tx >= tx;
}

/* ---- the fold ---- */

static unsigned key_of(unsigned table, const leat_value *row)
{
    if (table == DB_ORDERS) return (unsigned)row[0].u.i - 1;
    for (unsigned i = 0; i < 4; i++)
        if (leat_str_eq(leat_value_str(&row[1]), db_item_name(i)))
            return (unsigned)row[0].u.i * 4 + i;
    return DB_KEYS;
}

static void fold_audit(watch *w, const leat_event *ev)
{
    if (ev->op == LEAT_OP_TRUNCATE) w->naudit = 0;
    if (!ev->after) return;
    for (uint32_t i = 0; i < w->naudit; i++)
        if (w->audit[i] == ev->after[0].u.i) return;
    if (w->naudit == w->audit_cap) {
        w->audit_cap = w->audit_cap ? w->audit_cap * 2 : 64;
        w->audit = leat_realloc(w->audit, w->audit_cap * sizeof(int64_t));
    }
    w->audit[w->naudit++] = ev->after[0].u.i;
}

static void fold(watch *w, const leat_event *ev, unsigned topic)
{
    if (topic == DB_AUDIT) fold_audit(w, ev);
    if (topic != DB_ORDERS && topic != DB_ITEMS) return;
    db_row *rows = w->fold.rows[topic];
    unsigned stamp = topic == DB_ORDERS ? 1 : 2;
    if (ev->op == LEAT_OP_TRUNCATE) memset(rows, 0, sizeof w->fold.rows[0]);
    if (ev->before && key_of(topic, ev->before) < DB_KEYS)
        rows[key_of(topic, ev->before)] = (db_row){0};
    if (ev->after && key_of(topic, ev->after) < DB_KEYS)
        rows[key_of(topic, ev->after)].stamp = ev->after[stamp].u.i;
}

static bool in_audit(const watch *w, int64_t stamp)
{
    for (uint32_t i = 0; i < w->naudit; i++)
        if (w->audit[i] == stamp) return true;
    return false;
}

void watch_fold(watch *w)
{
    const db *d = &the_sim->db;
    db_image *end = leat_alloc(sizeof *end);
    db_view(d, d->ntxs, end);
    /* Without a snapshot what was never touched is not known. */
    for (unsigned t = 0; t < 3; t++) {
        for (unsigned k = 0; k < DB_KEYS; k++) {
            int64_t is = end->rows[t][k].stamp, got = w->fold.rows[t][k].stamp;
            if (t == DB_AUDIT) got = in_audit(w, is) ? is : 0;
            if (d->tainted[t][k] || is == got) continue;
            db_image *start = leat_alloc(sizeof *start);
            db_view(d, the_sim->server.from, start);
            bool known = the_sim->done_view > 0 || is == 0 || start->rows[t][k].stamp != is;
            leat_free(start);
            if (known)
                sim_fail("fold", "table %u, key %u: the events make it row %lld, it is %lld", t, k,
                         (long long)got, (long long)is);
        }
    }
    leat_free(end);
}

/* ---- seeing ---- */

static void remember(watch *w, const leat_event *ev, unsigned topic)
{
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 256;
        w->seen = leat_realloc(w->seen, w->cap * sizeof(watch_seen));
    }
    uint32_t records = leat_event_records(ev);
    w->seen[w->n++] = (watch_seen){event_hash(ev), ev->offset, ev->ts_us, records, (uint8_t)topic};
    if (ev->offset != w->next[topic])
        sim_fail("offsets", "event %u of %s has offset %lld, expected %lld", w->n,
                 db_topic_names[topic], (long long)ev->offset, (long long)w->next[topic]);
    w->next[topic] = ev->offset + records;
}

/* The row that comes next in the view, or DB_KEYS * DB_TABLES. */
static uint32_t skip_rows(const sim_view *v, uint32_t at)
{
    for (; at < 3 * DB_KEYS; at++) {
        db_row row = v->image.rows[at / DB_KEYS][at % DB_KEYS];
        if (row.stamp != 0 && sim_row_fate(row) == ROW_KEPT) break;
    }
    return at;
}

static void see_row(watch *w, const leat_event *ev)
{
    int64_t number = ev->src && ev->src[1].kind == LEAT_INT ? ev->src[1].u.i : 0;
    if (w->changes || number < (int64_t)w->view || number > (int64_t)the_sim->nviews ||
        number == 0) {
        sim_fail("snapshot", "a row of view %lld after view %u%s", (long long)number, w->view,
                 w->changes ? " and after changes" : "");
        return;
    }
    if (number != (int64_t)w->view) w->at = w->in_view = 0;
    w->view = (unsigned)number;
    const sim_view *v = &the_sim->views[number - 1];
    w->at = skip_rows(v, w->at);
    if (w->at >= 3 * DB_KEYS) {
        sim_fail("snapshot", "one row more than view %u has", w->view);
        return;
    }
    unsigned table = w->at / DB_KEYS, key = w->at % DB_KEYS;
    leat_event *want =
        event_add_row(&w->scratch, sim_schema(0), table, table == DB_ORDERS ? v->version : 0, key,
                      v->image.rows[table][key], w->view, db_before(&the_sim->db, v->head));
    const char *why = event_differs(ev, want);
    if (why)
        sim_fail("snapshot", "view %u, table %u, key %u: %s differs", w->view, table, key, why);
    w->at++;
    w->in_view++;
    w->rows++;
}

/* The snapshot that was finished is all there. */
static void check_snapshot(watch *w)
{
    unsigned view = the_sim->done_view;
    if (!the_sim->server.snapshot) return;
    if (view == 0) {
        sim_fail("snapshot", "a change came before the snapshot was done");
        return;
    }
    uint32_t want = the_sim->views[view - 1].visible, got = w->view == view ? w->in_view : 0;
    if (want != got)
        sim_fail("snapshot", "view %u was finished with %u of its %u rows visible", view, got,
                 want);
}

static void see_change(watch *w, const leat_event *ev)
{
    const db *d = &the_sim->db;
    if (!w->changes) check_snapshot(w);
    w->changes = true;
    skip_unseen(w);
    const db_tx *tx = next_tx(w);
    if (!tx) {
        sim_fail("order", "an event of transaction %llu, behind the end of the history",
                 (unsigned long long)ev->tx);
        return;
    }
    leat_event *want = event_add(&w->scratch, sim_schema(0), d, tx, w->op);
    const char *why = event_differs(ev, want);
    if (why)
        sim_fail("order", "expected change %u of transaction %llu, got %u of %llu: %s differs",
                 w->op + 1, (unsigned long long)tx->id, ev->tx_seq, (unsigned long long)ev->tx,
                 why);
    w->mid = true;
    w->op++;
    skip_unseen(w);
}

static void see(watch *w, const leat_event *ev)
{
    unsigned topic = event_topic(ev);
    if (topic == DB_TOPICS) {
        sim_fail("order", "an event of an unknown topic, %s", leat_event_topic(ev));
        return;
    }
    leat_batch_reset(&w->scratch);
    if (ev->op == LEAT_OP_READ)
        see_row(w, ev);
    else
        see_change(w, ev);
    fold(w, ev, topic);
    remember(w, ev, topic);
}

/* ---- reading ---- */

static leat_rc open_reader(const leat_reader_conf *conf, leat_reader **out)
{
    leat_err e = {0};
    leat_rc rc = leat_reader_open(conf, out, &e);
    if (rc > LEAT_RETRY) sim_fail("reader", "open: %s: %s", e.code, e.msg);
    return rc;
}

/* AGAIN only if all that is visible was read. */
static leat_rc next(leat_reader *r, leat_batch *b, leat_err *e)
{
    leat_rc rc;
    do rc = leat_reader_next(r, b, 0, e);
    while (rc == LEAT_AGAIN && !leat_reader_at_end(r));
    return rc;
}

static bool ensure_open(watch *w)
{
    if (w->reader) return true;
    leat_reader_conf conf = {.data = "/sim", .connector = "shop"};
    if (w->has_cursor) {
        conf.from = LEAT_FROM_CURSOR;
        conf.cursor = leat_buf_str(&w->cursor);
    }
    conf.verify = dice_one_in(&the_sim->dice, 2);
    if (open_reader(&conf, &w->reader) == LEAT_OK) return true;
    w->reader = NULL;
    return false;
}

static void store_cursor(watch *w)
{
    leat_str cursor = leat_reader_cursor(w->reader);
    leat_buf_clear(&w->cursor);
    leat_buf_add(&w->cursor, cursor);
    w->has_cursor = cursor.s != NULL;
    keep_note_watch(cursor);
}

static void note_place(watch *w)
{
    watch_place *p = &w->places[dice_below(&the_sim->dice, WATCH_PLACES)];
    if (w->nplaces < WATCH_PLACES) p = &w->places[w->nplaces++];
    snprintf(p->cursor, sizeof p->cursor, LEAT_STR_FMT,
             LEAT_STR_ARG(leat_reader_cursor(w->reader)));
    p->n = w->n;
}

static void read_all(watch *w)
{
    leat_err e = {0};
    bool stale = the_sim->plant == PLANT_STALE_CURSOR;
    for (unsigned i = 0; i < AT_ONCE && !the_sim->failed; i++) {
        leat_rc rc = next(w->reader, &w->batch, &e);
        if (rc > LEAT_RETRY) sim_fail("reader", "next: %s: %s", e.code, e.msg);
        if (rc == LEAT_AGAIN && keep_on()) store_cursor(w); /* frames without events were passed */
        if (rc != LEAT_OK) break;
        bool skip = the_sim->plant == PLANT_READER_SKIPS && w->batch.n > 3;
        sim_trace(ACT_SEEN, w->batch.n, (int64_t)w->batch.ev[0].tx);
        for (uint32_t k = 0; k + skip < w->batch.n && !the_sim->failed; k++)
            see(w, &w->batch.ev[k]);
        if (!stale || !dice_one_in(&the_sim->dice, 4)) store_cursor(w);
        note_place(w);
    }
}

/* The consumer's process has the turn. */
static const leat_os *enter(void)
{
    const leat_os *os = leat_os_now();
    leat_os_use(&disk_os);
    disk_process(the_sim->disk, 1);
    the_sim->in_watch++;
    return os;
}

static void leave(const leat_os *os)
{
    the_sim->in_watch--;
    disk_process(the_sim->disk, 0);
    leat_os_use(os);
}

void watch_look(watch *w, bool settled)
{
    if (the_sim->in_watch || the_sim->failed || the_sim->kafka) return;
    const leat_os *os = enter();
    sim_trace(ACT_WATCH, settled, w->n);
    if (!w->begun && the_sim->server.slot) {
        w->begun = true;
        w->tx = the_sim->server.from;
    }
    if (ensure_open(w)) read_all(w);
    if (w->mid && !the_sim->failed)
        sim_fail("half", "nothing more is visible, in the middle of transaction %u, at change %u",
                 w->tx, w->op + 1);
    if (dice_one_in(&the_sim->dice, 16)) watch_close(w);
    leave(os);
}

/* ---- reading again ---- */

static bool wanted(const watch_seen *s, unsigned topic)
{
    return topic == DB_TOPICS || s->topic == topic;
}

/* The first event that conf asks for. */
static uint32_t first_wanted(const watch *w, unsigned topic, const leat_reader_conf *conf)
{
    uint32_t at = 0;
    for (; at < w->n; at++) {
        const watch_seen *s = &w->seen[at];
        if (!wanted(s, topic)) continue;
        if (conf->from == LEAT_FROM_OFFSET && s->offset + s->records <= conf->offset) continue;
        if (conf->from == LEAT_FROM_TIME && s->ts_us < conf->time_us) continue;
        break;
    }
    return at;
}

/* What the reader gives with conf equals what was seen from the event at on. */
static void compare_from(watch *w, unsigned topic, const leat_reader_conf *conf, uint32_t at,
                         const char *what)
{
    leat_reader *r = NULL;
    leat_err e = {0};
    leat_rc rc;
    if (the_sim->failed) return;
    if (open_reader(conf, &r) != LEAT_OK) {
        if (w->n > 0) sim_fail("stable", "%s: the stream is gone", what);
        return;
    }
    while ((rc = next(r, &w->scratch, &e)) == LEAT_OK && !the_sim->failed) {
        for (uint32_t i = 0; i < w->scratch.n && !the_sim->failed; i++, at++) {
            const leat_event *ev = &w->scratch.ev[i];
            while (at < w->n && !wanted(&w->seen[at], topic)) at++;
            if (at == w->n || w->seen[at].hash != event_hash(ev) ||
                w->seen[at].offset != ev->offset)
                sim_fail("stable", "%s: event %u of %u is another one than before", what, at + 1,
                         w->n);
        }
    }
    while (at < w->n && !wanted(&w->seen[at], topic)) at++;
    if (rc > LEAT_RETRY) sim_fail("reader", "%s: %s: %s", what, e.code, e.msg);
    if (at < w->n)
        sim_fail("stable", "%s: %u of %u events are there no more", what, w->n - at, w->n);
    leat_reader_close(r);
}

static void compare(watch *w, unsigned topic, const leat_reader_conf *conf, const char *what)
{
    uint32_t at = first_wanted(w, topic, conf), held = keep_first_seen();
    compare_from(w, topic, conf, at > held ? at : held, what);
}

void watch_cursors(watch *w)
{
    if (keep_on()) return; /* what they stand at may have been removed */
    watch_look(w, false);
    const leat_os *os = enter();
    for (unsigned i = 0; i < 6 && w->nplaces > 0; i++) {
        const watch_place *p = &w->places[dice_below(&the_sim->dice, w->nplaces)];
        leat_reader_conf conf = {.data = "/sim",
                                 .connector = "shop",
                                 .from = LEAT_FROM_CURSOR,
                                 .cursor = leat_str_of(p->cursor)};
        compare_from(w, DB_TOPICS, &conf, p->n, p->cursor);
    }
    leave(os);
}

void watch_again(watch *w, bool verify)
{
    watch_close(w); /* one that is open may think for a moment that a dead writer lives */
    watch_look(w, false);
    const leat_os *os = enter();
    leat_reader_conf conf = {.data = "/sim", .connector = "shop", .verify = verify};
    compare(w, DB_TOPICS, &conf, "from the beginning");
    leave(os);
}

void watch_parts(watch *w)
{
    const leat_os *os = enter();
    uint32_t held = keep_first_seen();
    if (held >= w->n) {
        leave(os);
        return;
    }
    const watch_seen *one = &w->seen[held + dice_below(&the_sim->dice, w->n - held)];
    const char *topics[] = {db_topic_names[one->topic], NULL};
    leat_reader_conf conf = {.data = "/sim", .connector = "shop", .topics = topics};
    compare(w, one->topic, &conf, "one topic");
    conf.from = LEAT_FROM_OFFSET;
    conf.offset = one->offset + dice_below(&the_sim->dice, one->records);
    compare(w, one->topic, &conf, "one topic from an offset");
    conf.from = LEAT_FROM_TIME;
    conf.time_us = one->ts_us - dice_below(&the_sim->dice, 2);
    compare(w, one->topic, &conf, "one topic from a time");
    conf.topics = NULL;
    compare(w, DB_TOPICS, &conf, "from a time");
    leave(os);
}

void watch_claims(const watch *w)
{
    leat_arena a = {0};
    leat_err e = {0};
    const leat_os *os = enter();
    for (unsigned i = 0; i < DB_TOPICS && !the_sim->failed; i++) {
        const char *owner = "nobody";
        if (w->next[i] == 0) continue;
        leat_rc rc = leat_topics_owner("/sim", db_topic_names[i], &a, &owner, &e);
        if (rc != LEAT_OK || strcmp(owner, "shop") != 0)
            sim_fail("claims", "%s has events and belongs to %s: %s", db_topic_names[i], owner,
                     e.msg);
    }
    leave(os);
    leat_arena_free(&a);
}
