/* Logs of the model cluster, and what must stand in them; see cluster.h. */
#include "cluster.h"

#include "event.h"
#include "sim.h"

/* ---- what must come ---- */

static void want(cluster *c, unsigned topic, unsigned part, uint64_t hash, uint32_t tx)
{
    cluster_part *p = &c->parts[topic][part];
    if (p->nwant == p->want_cap) {
        p->want_cap = p->want_cap ? p->want_cap * 2 : 64;
        p->want = leat_realloc(p->want, p->want_cap * sizeof *p->want);
    }
    p->want[p->nwant++] = (cluster_want){hash, tx};
}

typedef struct forms {
    leat_json_converter *keys, *values;
    leat_arena a;
    leat_batch b;
} forms;

/* How a record looks in Kafka. */
static void form(forms *f, const leat_event *ev, const leat_record *r, leat_buf *key,
                 leat_buf *value, leat_buf *heads, bool null[2], leat_broker_header *h)
{
    leat_str placeholder = ev->op ? ev->table->origin->placeholder : (leat_str){0};
    leat_err e;
    leat_buf_clear(key);
    leat_buf_clear(value);
    leat_json_convert(f->keys, r->key_schema, &r->key, placeholder, key, &null[0], &e);
    leat_json_convert(f->values, r->value_schema, &r->value, placeholder, value, &null[1], &e);
    for (uint32_t i = 0; i < r->nheaders; i++) {
        leat_buf_clear(&heads[i]);
        leat_json_header(f->keys, &r->headers[i], &heads[i], &e);
        h[i] = (leat_broker_header){r->headers[i].name, leat_buf_str(&heads[i])};
    }
}

/* The records of an event; false: one of them is never taken. */
static bool want_event(cluster *c, forms *f, const leat_event *ev, uint32_t tx, bool count)
{
    leat_record view[LEAT_RECORDS_MAX];
    leat_buf key = {0}, value = {0}, heads[8] = {0};
    leat_broker_header h[8];
    bool null[2], fits = true;
    leat_arena_reset(&f->a, 0);
    unsigned n = leat_envelope_records(ev, &f->a, view);
    for (unsigned i = 0; i < n; i++) {
        form(f, ev, &view[i], &key, &value, heads, null, h);
        leat_str k = null[0] ? (leat_str){0} : leat_buf_str(&key);
        leat_str v = null[1] ? (leat_str){0} : leat_buf_str(&value);
        if (c->max_bytes && k.len + v.len > c->max_bytes) {
            fits = false;
            continue;
        }
        uint64_t hash = cluster_hash(k, v, h, view[i].nheaders);
        if (count)
            want(c, cluster_topic(view[i].topic), cluster_partition(c, k), hash, tx);
        else
            fits = fits && (c->rows[hash / 64 % 4096] >> (hash % 64) & 1);
    }
    leat_buf_free(&key);
    leat_buf_free(&value);
    for (unsigned i = 0; i < 8; i++) leat_buf_free(&heads[i]);
    return fits;
}

static void open_forms(forms *f, const cluster *c)
{
    *f = (forms){.keys = leat_json_converter_new(&c->conf),
                 .values = leat_json_converter_new(&c->conf)};
    leat_batch_init(&f->b, 0, 0);
}

static void close_forms(forms *f)
{
    leat_json_converter_free(f->keys);
    leat_json_converter_free(f->values);
    leat_arena_free(&f->a);
    leat_batch_free(&f->b);
}

static void want_history(cluster *c, const db *d)
{
    forms f;
    open_forms(&f, c);
    c->refused = leat_zalloc(d->ntxs + 1, sizeof *c->refused);
    for (uint32_t i = 0; i < d->ntxs; i++) {
        const db_tx *tx = &d->txs[i];
        if (tx->rolled_back) continue;
        for (uint32_t n = 0; n < tx->n + tx->meta; n++) {
            if (n < tx->n && d->ops[tx->first + n].fate != DB_KEPT) continue;
            leat_batch_reset(&f.b);
            leat_json_converter_forget(f.keys);
            leat_json_converter_forget(f.values);
            leat_event *ev = event_add(&f.b, sim_schema(0), d, tx, n);
            if (!want_event(c, &f, ev, i, true) && n < tx->n) c->refused[i]++;
        }
    }
    close_forms(&f);
}

void cluster_init(cluster *c, sim *s)
{
    dicebox *d = &s->dice;
    *c = (cluster){.nparts = 1 + dice_below(d, CLUSTER_PARTS)};
    c->conf = (leat_json_conf){dice_one_in(d, 6), false, true};
    if (dice_one_in(d, 3)) c->max_bytes = c->conf.schemas ? 6000 : dice_range(d, 700, 1500);
    c->early = dice_one_in(d, 2);
    c->ends = !c->early && dice_one_in(d, 2);
    c->outage = dice_one_in(d, 4) ? 0 : 20u << dice_below(d, 6);
    c->deaths = dice_one_in(d, 2) ? 0 : 50u << dice_below(d, 5);
    c->strange = dice_one_in(d, 2) ? 0 : 1 + dice_below(d, 16);
    for (unsigned t = 0; t < DB_TOPICS; t++)
        for (unsigned p = 0; p < CLUSTER_PARTS; p++) c->parts[t][p].at = c->parts[t][p].best = -1;
    want_history(c, &s->db);
}

void cluster_free(cluster *c)
{
    for (unsigned t = 0; t < DB_TOPICS; t++)
        for (unsigned p = 0; p < CLUSTER_PARTS; p++) leat_free(c->parts[t][p].want);
    cluster_abort(c);
    leat_free(c->pending);
    for (unsigned i = 0; i < CLUSTER_OFFSETS; i++) {
        leat_free(c->partitions[i]);
        leat_free(c->offsets[i]);
        leat_free(c->before[i]);
    }
    leat_free(c->refused);
    *c = (cluster){0};
}

/* ---- records ---- */

unsigned cluster_topic(const char *name)
{
    unsigned i = 0;
    while (i < DB_TOPICS && strcmp(name, db_topic_names[i]) != 0) i++;
    return i;
}

unsigned cluster_partition(const cluster *c, leat_str key)
{
    return key.s ? (unsigned)(leat_str_hash(key) % c->nparts) : 0;
}

uint64_t cluster_hash(leat_str key, leat_str value, const leat_broker_header *h, uint32_t n)
{
    uint64_t sum = key.s ? leat_str_hash(key) : 7;
    sum = sum * 31 + (value.s ? leat_str_hash(value) : 11);
    for (uint32_t i = 0; i < n; i++)
        sum = (sum * 31 + leat_str_hash(leat_str_of(h[i].name))) * 31 +
              (h[i].value.s ? leat_str_hash(h[i].value) : 13);
    return sum;
}

/* Before the first record that the connector can have. */
static void begin_part(cluster_part *p)
{
    if (p->begun) return;
    p->begun = true;
    while (p->at + 1 < p->nwant && p->want[p->at + 1].tx < the_sim->server.from) p->at++;
    p->best = p->at;
}

void cluster_append(cluster *c, unsigned topic, unsigned part, uint64_t hash, bool row)
{
    cluster_part *p = &c->parts[topic][part];
    begin_part(p);
    p->records++;
    c->sent++;
    if (row) {
        c->rows[hash / 64 % 4096] |= UINT64_C(1) << (hash % 64);
        return;
    }
    int64_t at = p->at + 1;
    if (at >= p->nwant) at = (int64_t)p->nwant - 1;
    while (at >= 0 && p->want[at].hash != hash) at--;
    if (at < 0) {
        int64_t ahead = p->at + 1;
        while (ahead < p->nwant && p->want[ahead].hash != hash) ahead++;
        sim_fail("log", "%s/%u: record %llu is %s; the last was %lld of %u", db_topic_names[topic],
                 part, (unsigned long long)p->records,
                 ahead < p->nwant ? "too early: a gap" : "none of the history", (long long)p->at,
                 p->nwant);
        return;
    }
    sim_trace(ACT_LOGGED, (int64_t)(topic * CLUSTER_PARTS + part), at);
    c->repeats += at <= p->best;
    if (c->once && at <= p->best)
        sim_fail("twice", "%s/%u: record %lld came again", db_topic_names[topic], part,
                 (long long)at);
    p->at = at;
    if (at > p->best) p->best = at;
}

uint32_t cluster_refused(const cluster *c, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) n += c->refused[i];
    return n;
}

/* ---- what happens to it ---- */

bool cluster_up(const cluster *c)
{
    return the_sim->mono_us >= c->up_us;
}

bool cluster_lost(const cluster *c)
{
    return !cluster_up(c) || (c->once && c->other);
}

void cluster_live(cluster *c, bool last)
{
    sim *s = the_sim;
    if (c->open && s->mono_us - c->open_us >= s->timeout_us) {
        cover(MEET_TIMEOUT);
        sim_trace(ACT_FAULT, 13, 0); /* the transaction timed out: its producer is fenced */
        cluster_abort(c);
        c->epoch++;
    }
    if (last || !cluster_up(c)) return;
    if (dice_one_in(&s->dice, c->outage)) {
        c->up_us = s->mono_us + (1000 << dice_below(&s->dice, 14));
        c->outages++;
        c->other = c->other || (c->told && dice_one_in(&s->dice, c->strange));
        cover(MEET_AWAY);
        sim_trace(ACT_FAULT, 10, c->up_us - s->mono_us); /* it is away */
    }
    if (c->deaths && s->mono_us >= c->gone_us && dice_one_in(&s->dice, c->deaths * 4)) {
        c->gone = dice_below(&s->dice, DB_TOPICS);
        c->gone_us = s->mono_us + (1000 << dice_below(&s->dice, 12));
        sim_trace(ACT_FAULT, 11, c->gone); /* a topic is away */
    }
}

/* ---- the end ---- */

static void check_rows(cluster *c)
{
    sim *s = the_sim;
    forms f;
    if (s->done_view == 0) return;
    const sim_view *v = &s->views[s->done_view - 1];
    open_forms(&f, c);
    for (unsigned k = 0; k < 3 * DB_KEYS && !s->failed; k++) {
        unsigned table = k / DB_KEYS, key = k % DB_KEYS;
        db_row row = v->image.rows[table][key];
        if (row.stamp == 0 || sim_row_fate(row) != ROW_KEPT || c->max_bytes) continue;
        leat_batch_reset(&f.b);
        leat_event *ev =
            event_add_row(&f.b, sim_schema(0), table, table == DB_ORDERS ? v->version : 0, key, row,
                          s->done_view, db_before(&s->db, v->head));
        if (!want_event(c, &f, ev, 0, false))
            sim_fail("lost", "row %u of table %u, view %u, is in no log", key, table, s->done_view);
        leat_json_converter_forget(f.keys);
        leat_json_converter_forget(f.values);
    }
    close_forms(&f);
}

static void check_letters(const cluster *c)
{
    sim *s = the_sim;
    unsigned got = 0, want = cluster_refused(c, s->server.from, s->db.ntxs);
    for (unsigned i = 0; i < s->letters.n; i++) {
        bool change = strncmp(s->letters.at[i].position, "{\"tx\":", 6) == 0;
        got += change;
    }
    if (got != want)
        sim_fail("refused", "%u changes are never taken, %u are dead letters", want, got);
}

void cluster_check_end(cluster *c)
{
    sim *s = the_sim;
    for (unsigned t = 0; t < DB_TOPICS && !s->failed; t++) {
        for (unsigned i = 0; i < c->nparts && !s->failed; i++) {
            cluster_part *p = &c->parts[t][i];
            begin_part(p);
            if (p->best + 1 < p->nwant)
                sim_fail("lost", "%s/%u: %lld of %u records are there", db_topic_names[t], i,
                         (long long)p->best + 1, p->nwant);
        }
    }
    if (!s->failed) check_rows(c);
    if (!s->failed) check_letters(c);
}
