/* The PostgreSQL source: opening, acknowledging, closing; the connector's table of calls.
 *
 * open makes everything ready but starts nothing: sessions, publication, slot, the comparison of
 * position, slot and server; with snapshot.mode=initial_only there is no slot. A slot that it
 * creates exports its snapshot, which plan then reads; the stream starts with the first read, so
 * that the slot is not held while rows are copied. What was made on the server (slot, publication)
 * stays when the connector closes; forget removes it. Run by the task's thread; check, discover and
 * forget by any, with sessions of their own. */
#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/identity.h"
#include "source/postgres/incremental.h"
#include "source/postgres/publication.h"
#include "source/postgres/reader.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

enum {
    LIBPQ_BUFFER = 16 << 10,
    SLOT_LOOK_US = 200000, /* between looks at a slot that is in use */
};

/* The server's clock in microseconds, as types_us is. */
#define CLOCK "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::pg_catalog.int8"

leat_rc leat_pg_source_sql(leat_pg_source *s, leat_err *e)
{
    if (s->sql.pg && PQstatus(s->sql.pg) == CONNECTION_OK) return LEAT_OK;
    leat_pg_close(&s->sql);
    return leat_pg_connect(&s->sql, &s->conf->target, false, s->app, e);
}

static leat_rc read_types(leat_pg_source *s, int64_t now_us, leat_err *e)
{
    s->types_us = now_us;
    s->types_old = false;
    return leat_pg_types_read(&s->sql, s->types, e);
}

leat_rc leat_pg_source_types(leat_pg_source *s, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(leat_pg_source_sql(s, e));
    LEAT_TRY(leat_pg_query(&s->sql, "read the server's clock", "SELECT " CLOCK, 0, NULL, &res, e));
    int64_t now_us = leat_pg_cell_i64(res, 0, 0, 0);
    PQclear(res);
    return read_types(s, now_us, e);
}

/* ---- open ---- */

/* What the server must have and what time it is there, in one question: a start is to be quick. */
static leat_rc read_server(leat_pg_source *s, leat_err *e)
{
    static const char sql[] =
        "SELECT pg_catalog.current_setting('wal_level'),"
        " pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()), " CLOCK ","
        " (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout')";
    PGresult *res;
    LEAT_TRY(leat_pg_query(&s->sql, "read the server's settings", sql, 0, NULL, &res, e));
    leat_str level = leat_pg_cell(res, 0, 0);
    leat_rc rc = LEAT_OK;
    s->xid_near = (uint64_t)leat_pg_cell_i64(res, 0, 1, 0);
    s->types_us = leat_pg_cell_i64(res, 0, 2, 0);
    s->patience_ms = leat_pg_cell_i64(res, 0, 3, 0);
    if (!leat_str_is(level, "logical"))
        rc = leat_fail(e, LEAT_CONF, "postgres.wal_level", s->conf->target.host,
                       "the server writes too little to its log: wal_level is " LEAT_STR_FMT
                       " and must be logical. Run ALTER SYSTEM SET wal_level = 'logical' and "
                       "restart the server (on a managed service set its parameter, for example "
                       "rds.logical_replication = 1)",
                       LEAT_STR_ARG(level));
    PQclear(res);
    return rc;
}

/* The slot is ahead of us, and the user has said that it is right: the range is left out. */
static void trust_slot(leat_pg_source *s, const leat_pg_slot *slot)
{
    char from[LEAT_LSN_TEXT], to[LEAT_LSN_TEXT];
    bool trusted =
        s->conf->mismatch == LEAT_PG_TRUST_SLOT || s->conf->mismatch == LEAT_PG_TRUST_GREATER_LSN;
    if (!trusted || !s->at.lsn || slot->confirmed <= s->at.lsn) return;
    leat_log(LEAT_WARN, "postgres.gap_skipped",
             "slot=%s from=%s to=%s changes in between were not read and will not be: "
             "offset.mismatch.strategy says to go on at the slot",
             s->conf->slot, leat_lsn_print(s->at.lsn, from), leat_lsn_print(slot->confirmed, to));
    s->at.lsn = slot->confirmed;
}

/* when_needed: the position is of no use any more, and the rows make up for what was missed. */
static bool begin_afresh(leat_pg_source *s, leat_pg_slot *slot, leat_err *e)
{
    static const char *const codes[] = {"postgres.slot_missing",  "postgres.wal_removed",
                                        "postgres.gap",           "postgres.other_server",
                                        "postgres.server_behind", "postgres.diverged"};
    bool fits = false;
    if (!leat_pg_reads_if_needed(s->conf) || s->needed) return false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        fits = fits || strcmp(e->code, codes[i]) == 0;
    if (!fits) return false;
    leat_log(LEAT_WARN, "postgres.snapshot_needed",
             "code=%s all rows are read again, as snapshot.mode wants it: changes up to there that "
             "were not read are not told one by one. %s",
             e->code, e->msg);
    s->needed = true;
    s->resumed = false;
    s->at = (leat_pg_position){0};
    if (!slot->exists || (!slot->invalid && strcmp(e->code, "postgres.wal_removed") != 0))
        return true;
    return leat_pg_slot_drop(&s->sql, s->conf->slot, e) == LEAT_OK;
}

/* Looks until the slot is free: slot.max.retries times slot.retry.delay.ms. */
leat_rc leat_pg_source_slot(leat_pg_source *s, leat_pg_slot *slot, leat_err *e)
{
    const leat_pg_conf *conf = s->conf;
    int64_t begun = leat_mono_us(), delay = conf->slot_delay_ms * 1000, told = 0;
    for (;;) {
        LEAT_TRY(leat_pg_slot_read(&s->sql, conf->slot, 0, &s->arena, slot, e));
        trust_slot(s, slot);
        leat_rc rc =
            leat_pg_slot_judge(conf->slot, conf->target.dbname, slot, &s->server, &s->at, e);
        int64_t waited = leat_mono_us() - begun, tries = delay ? waited / delay : INT64_MAX;
        bool stopped = s->task->leaves && s->task->leaves(s->task);
        if (rc == LEAT_CONF && begin_afresh(s, slot, e)) continue;
        bool in_use = rc == LEAT_RETRY && strcmp(e->code, "postgres.slot_in_use") == 0;
        if (!in_use || tries >= conf->slot_retries || stopped) {
            if (told && s->task->waits) s->task->waits(s->task, NULL);
            return rc;
        }
        if (s->task->waits) s->task->waits(s->task, e);
        if (tries >= told) {
            leat_log(LEAT_WARN, e->code, "retry=%lld of=%lld delay_ms=%lld %s", (long long)told + 1,
                     (long long)conf->slot_retries, (long long)conf->slot_delay_ms, e->msg);
            told = tries + 1;
        }
        leat_sleep_us(delay < SLOT_LOOK_US ? delay : SLOT_LOOK_US);
    }
}

/* The slot exists, and s->at is where it goes on. */
static leat_rc ready_slot(leat_pg_source *s, leat_err *e)
{
    const leat_pg_conf *conf = s->conf;
    leat_pg_slot slot;
    LEAT_TRY(leat_pg_source_slot(s, &slot, e));
    if (!slot.exists) leat_pg_standby_tell_slot(s);
    if (!slot.exists) {
        LEAT_TRY(leat_pg_slot_create(s->task, &s->wal, &s->sql, conf->slot, conf->failover,
                                     &s->arena, &s->at.lsn, &s->snapshot, e));
        s->made = true;
        return LEAT_OK;
    }
    if (!s->at.lsn) s->at.lsn = slot.confirmed ? slot.confirmed : slot.restart;
    leat_pg_watch_slot(s, &slot);
    s->asked_us = leat_mono_us();
    if (slot.wal_status && strcmp(slot.wal_status, "unreserved") == 0)
        leat_log(LEAT_WARN, "postgres.slot_unreserved",
                 "slot=%s the server may remove log that the slot needs at its next checkpoint: "
                 "max_slot_wal_keep_size is too small for how far the slot is behind",
                 conf->slot);
    return LEAT_OK;
}

static leat_rc connect_all(leat_pg_source *s, leat_err *e)
{
    LEAT_TRY(leat_pg_connect(&s->sql, &s->conf->target, false, s->app, e));
    if (s->sql.version < 100000)
        return leat_fail(e, LEAT_CONF, "postgres.version", s->conf->target.host,
                         "the server is PostgreSQL %d.%d, which has no pgoutput: version 10 or "
                         "later is needed",
                         s->sql.version / 10000, s->sql.version / 100 % 100);
    LEAT_TRY(read_server(s, e));
    LEAT_TRY(leat_pg_connect(&s->wal, &s->conf->target, true, s->app, e));
    LEAT_TRY(leat_pg_server_identify(&s->wal, &s->server, e));
    return leat_pg_standby_look(s, e);
}

/* Tables that would come to one topic: told at the first start, before a slot is made for them. */
static leat_rc ready_topics(const leat_pg_source *s, const leat_pg_tables *t, leat_arena *a,
                            leat_err *e)
{
    leat_topic_names names = {0};
    leat_rc rc = LEAT_OK;
    for (size_t i = 0; i < t->ncaptured && rc == LEAT_OK && !s->resumed; i++) {
        const leat_pg_relation *r = t->captured[i];
        leat_naming_place place;
        rc = leat_naming_table(&s->conf->capture, a, NULL, r->schema, r->name, &place, e);
        if (rc == LEAT_OK && !place.shared)
            rc = leat_topic_names_claim(&names, place.topic,
                                        leat_pg_table_label(a, r->schema, r->name), e);
    }
    leat_topic_names_free(&names);
    return rc;
}

/* Who named an unlogged table would wait for its changes for ever. */
static leat_rc tell_unlogged(leat_pg_source *s, leat_err *e)
{
    enum { NAMED = 10 };
    leat_pg_tables t;
    leat_arena a;
    leat_buf names = {0};
    leat_arena_init(&a, 0);
    leat_rc rc = leat_pg_rules_unlogged(&s->rules, &s->sql, &a, &t, e);
    for (size_t i = 0; i < t.ncaptured && i < NAMED; i++)
        leat_buf_printf(&names, "%s%s.%s", i ? ", " : "", t.captured[i]->schema,
                        t.captured[i]->name);
    if (t.ncaptured)
        leat_log(LEAT_WARN, "postgres.unlogged",
                 "tables=\"" LEAT_STR_FMT "\"%s are unlogged: their changes are in no log, and "
                 "they are not captured; ALTER TABLE ... SET LOGGED changes that",
                 LEAT_STR_ARG(leat_buf_str(&names)), t.ncaptured > NAMED ? " and others" : "");
    leat_buf_free(&names);
    leat_arena_free(&a);
    return rc;
}

/* The captured tables, as options want them to be. */
static leat_rc ready_tables(leat_pg_source *s, leat_err *e)
{
    const leat_pg_conf *conf = s->conf;
    leat_pg_tables t;
    leat_arena a;
    LEAT_TRY(tell_unlogged(s, e));
    if (s->resumed && conf->capture.guard_max == 0 && conf->identities.n == 0) return LEAT_OK;
    leat_arena_init(&a, 0);
    leat_rc rc = leat_pg_rules_tables(&s->rules, &s->sql, &a, &t, e);
    if (rc == LEAT_OK) rc = leat_pg_guardrail(&conf->capture, t.ncaptured, e);
    if (rc == LEAT_OK) rc = ready_topics(s, &t, &a, e);
    if (rc == LEAT_OK && conf->identities.n && !s->server.standby)
        rc = leat_pg_identities_set(&s->sql, &conf->identities, t.captured, t.ncaptured, &a, e);
    leat_arena_free(&a);
    return rc;
}

static leat_rc ready(leat_pg_source *s, const leat_position *pos, size_t n, leat_err *e)
{
    LEAT_TRY(leat_pg_rules_new(s->conf, &s->arena, &s->rules, e));
    LEAT_TRY(leat_pg_position_find(s->conf->capture.prefix, pos, n, &s->at, e));
    s->resumed = s->at.lsn != 0;
    uint32_t timeline = s->at.timeline;
    LEAT_TRY(connect_all(s, e));
    if (timeline && timeline != s->server.timeline)
        LEAT_TRY(leat_pg_server_history(&s->wal, timeline, &s->server, e));
    LEAT_TRY(ready_tables(s, e));
    if (leat_pg_streams(s->conf)) {
        LEAT_TRY(s->server.standby ? leat_pg_standby_publication(s, e)
                                   : leat_pg_ready_publications(s, e));
        LEAT_TRY(ready_slot(s, e));
    } else if (!s->resumed) {
        s->at.lsn = s->server.written;
    }
    s->at.systemid = s->server.systemid;
    s->at.timeline = s->server.timeline;
    if (timeline && timeline != s->server.timeline)
        leat_log(LEAT_WARN, "postgres.timeline", "was=%u is=%u a standby was promoted since",
                 timeline, s->server.timeline);
    s->types = leat_pg_types_new();
    LEAT_TRY(read_types(s, s->types_us, e));
    s->origin = leat_pg_origin_new(s, false);
    s->row_origin = leat_pg_origin_new(s, true);
    s->records = leat_records_new(&s->conf->capture);
    s->notify = leat_notify_new(&s->conf->capture);
    const leat_position *own = leat_position_find(pos, n, s->partition);
    s->inc = leat_increment_new(&s->conf->capture, &leat_pg_increment_calls, s, s->notify,
                                own && !s->needed ? own->offset : (leat_str){0});
    LEAT_TRY(leat_pg_message_table(s, e));
    /* Before the stream: its changes may matter to rows. What does not pass is told later. */
    return leat_increment_ask(s->inc, NULL, e) == LEAT_RETRY ? LEAT_RETRY : LEAT_OK;
}

/* slot.drop.on.stop, or a start that failed for good. Failing costs a slot that stays, which is the
 * usual case. */
static void drop_slot(leat_pg_source *s)
{
    leat_err e;
    s->sql.leaves = NULL;
    leat_rc rc = leat_pg_source_sql(s, &e);
    if (rc == LEAT_OK) rc = leat_pg_slot_drop(&s->sql, s->conf->slot, &e);
    if (rc != LEAT_OK) leat_log_err(LEAT_WARN, &e);
}

static void close_source(leat_task *t)
{
    leat_pg_source *s = t->priv;
    if (!s) return;
    t->priv = NULL;
    leat_pg_action_end(s);
    leat_increment_free(s->inc);
    leat_pg_news_free(s->news);
    leat_pg_hurry_end(s);
    leat_pg_abandon(&s->view);
    leat_pg_close(&s->wal);
    bool useless = s->made && t->failed && t->fresh; /* it would keep the server's log for nobody */
    if (useless || (t->stopping && s->conf->drop_on_stop)) drop_slot(s);
    leat_pg_close(&s->sql);
    leat_pg_rels_free(s);
    leat_pg_rel_free(s->row_rel);
    PQfreemem(s->row_held);
    if (s->message) leat_table_unpin(s->message);
    if (s->origin) leat_origin_unpin(s->origin);
    if (s->row_origin) leat_origin_unpin(s->row_origin);
    if (s->types) leat_pg_types_free(s->types);
    leat_topic_names_free(&s->topics);
    if (s->records) leat_records_free(s->records);
    leat_notify_free(s->notify);
    leat_buf_free(&s->origin_name);
    leat_arena_free(&s->block_arena);
    leat_arena_free(&s->scratch);
    leat_arena_free(&s->arena);
    leat_free(s);
}

/* For the sessions: the task's. */
static bool leaves(void *arg)
{
    leat_task *t = arg;
    return t->leaves(t);
}

static leat_rc open_source(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    leat_pg_source *s = leat_zalloc(1, sizeof *s);
    s->task = t;
    s->conf = t->conf;
    s->modes = leat_pg_conf_modes(s->conf);
    s->retained = s->retained_limit = -1;
    if (t->leaves) {
        s->sql.leaves = s->wal.leaves = s->view.leaves = s->hurry.c.leaves = leaves;
        s->sql.arg = s->wal.arg = s->view.arg = s->hurry.c.arg = t;
    }
    s->tx.ts_us = leat_now_us();
    leat_arena_init(&s->arena, 0);
    leat_arena_init(&s->scratch, 0);
    s->app = leat_arena_printf(&s->arena, "leat %s", t->connector);
    leat_buf text = {0};
    leat_naming_partition(s->conf->capture.prefix, &text);
    s->partition = leat_arena_str(&s->arena, leat_buf_str(&text));
    leat_buf_free(&text);
    t->priv = s;
    leat_rc rc = ready(s, pos, n, e);
    if (rc == LEAT_OK) {
        s->feedback.acked = s->resumed ? s->at.lsn : 0;
        return LEAT_OK;
    }
    t->failed = rc == LEAT_CONF || rc == LEAT_FATAL;
    close_source(t);
    t->failed = false;
    return rc;
}

/* ---- running ---- */

static leat_rc read_source(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    const leat_pg_source *s = t->priv;
    if (!leat_pg_streams(s->conf)) return LEAT_PENDING;
    return leat_pg_stream_read(t->priv, b, wait_ms, e);
}

static leat_rc ack_source(leat_task *t, leat_position pos, leat_err *e)
{
    leat_pg_source *s = t->priv;
    uint64_t lsn = leat_pg_position_lsn(pos.offset);
    if (lsn > s->feedback.acked) s->feedback.acked = lsn;
    leat_pg_news_acked(s, pos.offset);
    return s->streaming ? leat_pg_feedback_send(&s->feedback, &s->wal, false, e) : LEAT_OK;
}

/* Nothing is read meanwhile, so the server's questions are not seen: the interval is short enough
 * for it not to mind. */
static leat_rc beat_source(leat_task *t, leat_err *e)
{
    leat_pg_source *s = t->priv;
    LEAT_TRY(leat_pg_view_rest(s, e));
    return s->streaming ? leat_pg_feedback_send(&s->feedback, &s->wal, false, e) : LEAT_OK;
}

/* The end of what is written now, flushed or not: a commit may be visible before it is flushed. */
static leat_rc end_source(leat_task *t, leat_arena *a, leat_str *end, leat_err *e)
{
    leat_pg_source *s = t->priv;
    PGresult *res;
    char text[LEAT_LSN_TEXT];
    uint64_t lsn;
    LEAT_TRY(leat_pg_source_sql(s, e));
    LEAT_TRY(leat_pg_query(&s->sql, "read the end of the log",
                           "SELECT CASE WHEN pg_catalog.pg_is_in_recovery()"
                           " THEN pg_catalog.pg_last_wal_replay_lsn()"
                           " ELSE pg_catalog.pg_current_wal_insert_lsn() END",
                           0, NULL, &res, e));
    bool good = leat_lsn_parse(leat_pg_cell(res, 0, 0), &lsn);
    PQclear(res);
    if (!good)
        return leat_fail(e, LEAT_RETRY, "postgres.protocol", "",
                         "the server told no end of its log");
    s->once_end = leat_pg_record_end(lsn);
    *end = leat_arena_str(a, leat_str_of(leat_lsn_print(s->once_end, text)));
    return LEAT_OK;
}

static bool passed_source(leat_task *t, leat_str end, const leat_position *pos, size_t n)
{
    const leat_pg_source *s = t->priv;
    const leat_position *own = leat_position_find(pos, n, s->partition);
    uint64_t lsn;
    if (leat_increment_runs(s->inc)) return false;
    return own && leat_lsn_parse(end, &lsn) && leat_pg_position_lsn(own->offset) >= lsn;
}

static void gauges_source(leat_task *t, leat_gauges *g)
{
    const leat_pg_source *s = t->priv;
    const leat_pg_feedback *f = &s->feedback;
    uint64_t log_end = f->server_end > s->log_end ? f->server_end : s->log_end;
    bool known = s->streaming && f->acked && log_end >= f->acked;
    g->lag_bytes = known ? (int64_t)(log_end - f->acked) : -1;
    g->retained_bytes = s->retained;
    g->retained_limit = s->retained_limit;
    /* libpq's buffers double up to what the largest message needs. */
    g->held_bytes =
        s->arena.held + s->scratch.held + s->row_len + 3 * LIBPQ_BUFFER + 2 * s->largest;
    leat_lsn_print(f->received ? f->received : s->at.lsn, g->position);
    leat_lsn_print(f->acked, g->acked);
}

/* ---- without a task ---- */

static bool again_source(leat_task *t, bool first)
{
    const leat_pg_source *s = t->priv;
    return s->needed || (first && leat_pg_reads_always(s->conf));
}

/* ---- signals ---- */

static const leat_capture_conf *capture_source(const void *conf)
{
    return &((const leat_pg_conf *)conf)->capture;
}

static leat_rc signal_source(leat_task *t, leat_str json, leat_err *e)
{
    return leat_increment_signal(((leat_pg_source *)t->priv)->inc, json, e);
}

static const char *const classes[] = {"postgresql",
                                      "io.debezium.connector.postgresql.PostgresConnector", NULL};

const leat_source leat_source_postgres = {
    .abi = LEAT_SOURCE_ABI,
    .size = sizeof(leat_source),
    .name = "postgres",
    .title = "PostgreSQL",
    .help = "Reads the changes of a PostgreSQL database from its log (logical decoding with "
            "pgoutput), after a snapshot of the tables.",
    .classes = classes,
    .version = "3.6.0.Final",
    .options = leat_pg_option_tables,
    .conf_size = sizeof(leat_pg_conf),
    .validate = leat_pg_conf_validate,
    .check = leat_pg_check,
    .discover = leat_pg_discover,
    .open = open_source,
    .plan = leat_pg_plan_tables,
    .read_chunk = leat_pg_read_chunk,
    .read = read_source,
    .ack = ack_source,
    .beat = beat_source,
    .end = end_source,
    .passed = passed_source,
    .gauges = gauges_source,
    .close = close_source,
    .forget = leat_pg_forget,
    .offset_check = leat_pg_offset_check,
    .offset_ask = leat_pg_offset_ask,
    .offset_text = leat_pg_offset_text,
    .leaves = leat_pg_leaves,
    .chunks = &leat_pg_chunks,
    .again = again_source,
    .capture = capture_source,
    .signal = signal_source,
    .compare = leat_pg_source_compare,
};
