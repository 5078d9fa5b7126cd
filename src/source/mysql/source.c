/* The MySQL and MariaDB sources: opening, acknowledging, closing.
 *
 * open makes everything ready but asks for no dump: a session for the catalogue, the server's
 * settings, the comparison of position and server; the stream starts with the first read. Nothing
 * is made on the server, and nothing is told it: it keeps its logs as it is set to. Run by the
 * task's thread; check and discover by any, with sessions of their own. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/mysql/reader.h"

leat_rc leat_my_source_sql(leat_my_source *s, leat_err *e)
{
    if (leat_my_is_open(&s->sql) && mysql_ping(s->sql.my) == 0) return LEAT_OK;
    return leat_my_connect(&s->sql, &s->target, e);
}

/* ---- open ---- */

/* A UUID that stays the same for a connector: a session of before is then ended by the server. */
static void make_uuid(leat_my_source *s)
{
    uint64_t hash[2];
    char *text = leat_arena_printf(&s->arena, "%s %s %lld", s->task->connector,
                                   s->conf->capture.prefix, (long long)s->conf->server_id);
    hash[0] = leat_str_hash(leat_str_of(text));
    text[0] ^= 1;
    hash[1] = leat_str_hash(leat_str_of(text));
    leat_gtid_uuid_print((const uint8_t *)hash, s->uuid);
}

/* The texts of s->at become sets. */
static leat_rc read_position(leat_my_source *s, leat_err *e)
{
    leat_str gtids = s->at.gtids;
    s->at.gtids = (leat_str){0};
    if (!gtids.len && s->resumed) s->gtid = false; /* what was read before has no names */
    s->by_gtid = s->gtid && gtids.len > 0;
    if (!gtids.len) return LEAT_OK;
    if (s->mariadb) return leat_mariadb_gtids_parse(&s->state, gtids, e);
    return leat_gtid_set_parse(&s->gtids, gtids, e);
}

/* snapshot.mode=when_needed: what was lost is made up for by reading all rows again. */
static bool begin_anew(leat_my_source *s, const leat_err *why)
{
    static const char *const codes[] = {"mysql.binlog_purged", "mysql.other_server"};
    bool fits = false;
    if (!leat_my_reads_if_needed(s->conf)) return false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        fits = fits || strcmp(why->code, codes[i]) == 0;
    if (!fits) return false;
    leat_log(LEAT_WARN, "mysql.snapshot_needed",
             "code=%s all rows are read again, as snapshot.mode wants it: changes up to there that "
             "were not read are not told one by one. %s",
             why->code, why->msg);
    s->needed = true;
    s->resumed = s->by_gtid = false;
    s->at = (leat_my_position){0};
    leat_gtid_set_free(&s->gtids);
    leat_mariadb_gtids_free(&s->state);
    return true;
}

leat_rc leat_my_begin_at(leat_my_source *s, const leat_my_viewed *v, leat_err *e)
{
    leat_gtid_set_free(&s->gtids);
    leat_mariadb_gtids_free(&s->state);
    s->at = (leat_my_position){.pos = v->pos, .server = s->server};
    snprintf(s->at.file, sizeof s->at.file, LEAT_STR_FMT, LEAT_STR_ARG(v->file));
    if (s->gtid) s->at.gtids = v->gtids;
    return read_position(s, e);
}

static leat_rc resume(leat_my_source *s, leat_err *e)
{
    LEAT_TRY(read_position(s, e));
    return leat_my_server_compare(s, e);
}

static leat_rc ready_position(leat_my_source *s, leat_err *e)
{
    leat_err why = {0};
    if (s->resumed) {
        leat_rc resumed = resume(s, &why);
        if (resumed == LEAT_OK) return LEAT_OK;
        if (!begin_anew(s, &why)) {
            *e = why;
            return resumed;
        }
    }
    leat_rc rc = s->conf->snapshot == LEAT_MY_SNAPSHOT_NEVER
                     ? leat_my_server_first(s, e)
                     : leat_my_server_end(s, &s->arena, &s->at, e);
    s->at.server = s->server;
    LEAT_TRY(rc);
    return s->conf->snapshot == LEAT_MY_SNAPSHOT_NEVER ? LEAT_OK : read_position(s, e);
}

/* snapshot.mode=recovery: what the catalogue says is noted once more, at the stored position. */
static leat_rc recover(leat_my_source *s, leat_err *e)
{
    if (!s->resumed)
        return leat_fail(e, LEAT_CONF, "mysql.nothing_to_recover", "snapshot.mode",
                         "recovery notes again what tables looked like at the position that was "
                         "stored, and none is: take initial or no_data for a first start");
    s->begins = true;
    leat_log(LEAT_INFO, "mysql.recovery",
             "what the captured tables look like is noted again; take snapshot.mode back to what "
             "it was for later starts");
    return LEAT_OK;
}

static leat_rc ready(leat_my_source *s, const leat_position *pos, size_t n, leat_err *e)
{
    const leat_capture_conf *c = &s->conf->capture;
    LEAT_TRY(leat_filter_new(&s->arena, c, &s->filter, e));
    LEAT_TRY(leat_keys_new(&s->arena, c, &s->keys, e));
    LEAT_TRY(leat_columns_new(&s->arena, c, &s->columns, e));
    LEAT_TRY(leat_my_gtid_rules_new(s->conf, &s->arena, &s->gtid_rules, e));
    s->skipped = leat_capture_skipped(c);
    LEAT_TRY(leat_my_position_find(c->prefix, pos, n, &s->arena, &s->at, e));
    s->resumed = leat_my_position_is(&s->at);
    s->begins = !s->resumed;
    if (s->resumed && s->task->schemas)
        LEAT_TRY(s->task->schemas->empty(s->task->schemas, &s->begins, e));
    if (leat_my_recovers(s->conf)) LEAT_TRY(recover(s, e));
    LEAT_TRY(leat_my_connect(&s->sql, &s->target, e));
    LEAT_TRY(leat_my_server_ready(s, e));
    LEAT_TRY(leat_my_server_name(&s->sql, &s->arena, &s->server, e));
    LEAT_TRY(ready_position(s, e));
    make_uuid(s);
    s->origin = leat_my_origin_new(s);
    s->records = leat_records_new(c);
    s->notify = leat_notify_new(c);
    s->history = leat_my_history_new(s);
    const leat_position *own = leat_position_find(pos, n, s->partition);
    s->inc = leat_increment_new(c, &leat_my_increment_calls, s, s->notify,
                                own && s->resumed ? own->offset : (leat_str){0});
    /* Before the stream: its changes may matter to rows. What does not pass is told later. */
    return leat_increment_ask(s->inc, NULL, e) == LEAT_RETRY ? LEAT_RETRY : LEAT_OK;
}

void leat_my_close_source(leat_task *t)
{
    leat_my_source *s = t->priv;
    if (!s) return;
    t->priv = NULL;
    leat_my_plain_end(s);
    leat_increment_free(s->inc);
    leat_my_close(&s->dump);
    leat_my_close(&s->sql);
    leat_my_rels_free(s);
    if (s->unpacking) leat_binlog_unpack_fini(&s->unpack);
    leat_buf_free(&s->packed);
    leat_buf_free(&s->tx.query);
    leat_gtid_set_free(&s->gtids);
    leat_mariadb_gtids_free(&s->state);
    leat_topic_names_free(&s->topics);
    if (s->records) leat_records_free(s->records);
    leat_notify_free(s->notify);
    leat_my_history_free(s->history);
    leat_my_beginning_free(s->beginning);
    leat_my_ahead_free(s->ahead);
    leat_my_retained_free(s);
    if (s->origin) leat_origin_unpin(s->origin);
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

leat_rc leat_my_open_source(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    leat_my_source *s = leat_zalloc(1, sizeof *s);
    leat_buf text = {0};
    s->task = t;
    s->conf = t->conf;
    s->target = leat_my_conf_target(s->conf);
    s->mariadb = strcmp(t->source->name, "mariadb") == 0;
    s->modes = leat_my_conf_modes(s->conf);
    s->comments = s->conf->comments || s->mariadb;
    s->modes.comments = s->comments;
    if (t->leaves) {
        s->sql.leaves = s->dump.leaves = leaves;
        s->sql.arg = s->dump.arg = t;
    }
    leat_naming_partition(s->conf->capture.prefix, &text);
    s->partition = leat_arena_str(&s->arena, leat_buf_str(&text));
    leat_buf_free(&text);
    t->priv = s;
    leat_rc rc = ready(s, pos, n, e);
    if (rc != LEAT_OK) leat_my_close_source(t);
    return rc;
}

/* ---- running ---- */

leat_rc leat_my_read_source(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    const leat_my_source *s = t->priv;
    /* Rows want the stream beside them. */
    if (!leat_my_streams(s->conf) && !s->beside) return LEAT_PENDING;
    return leat_my_stream_read(t->priv, b, wait_ms, e);
}

leat_rc leat_my_ack_source(leat_task *t, leat_position pos, leat_err *e)
{
    leat_my_source *s = t->priv;
    leat_arena a = {0};
    leat_rc rc = leat_my_position_read(pos.offset, &a, &s->acked, e);
    s->acked_here = leat_str_eq(s->acked.server, s->server);
    s->acked.gtids = s->acked.server = (leat_str){0};
    leat_arena_free(&a);
    return rc;
}

/* The server's end as an offset. */
leat_rc leat_my_end_source(leat_task *t, leat_arena *a, leat_str *end, leat_err *e)
{
    leat_my_position p;
    leat_buf text = {0};
    const leat_my_source *s = t->priv;
    LEAT_TRY(leat_my_server_end(t->priv, a, &p, e));
    p.server = s->server;
    leat_my_position_write(&p, &text);
    *end = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return LEAT_OK;
}

static bool equal(leat_str x, leat_str y)
{
    leat_mariadb_gtids p = {0}, q = {0};
    leat_err e;
    bool eq = leat_mariadb_gtids_parse(&p, x, &e) == LEAT_OK &&
              leat_mariadb_gtids_parse(&q, y, &e) == LEAT_OK && leat_mariadb_gtids_eq(&p, &q);
    leat_mariadb_gtids_free(&p);
    leat_mariadb_gtids_free(&q);
    return eq;
}

/* Numbers of a domain need not grow in a MariaDB's log, places do. Behind the last transaction
 * there may be more in it that makes no place. */
static bool reached(bool mariadb, const leat_my_position *at, const leat_my_position *to)
{
    bool gtids = at->gtids.len && to->gtids.len;
    bool place = leat_my_place_cmp(at->file, at->pos, to->file, to->pos) >= 0;
    if (!gtids) return place;
    if (mariadb && at->server.len && leat_str_eq(at->server, to->server))
        return place || equal(at->gtids, to->gtids);
    return leat_my_gtids_in_text(mariadb, at->gtids, to->gtids);
}

/* Files and places are of one server's log. Without GTIDs nothing tells what another's are to them,
 * and with a MariaDB's alone nobody knows whether numbers grow (gtid_strict_mode). */
bool leat_my_skips(leat_position was, leat_position to, bool *doubt)
{
    leat_arena a = {0};
    leat_my_position from, at;
    leat_err e;
    bool skips = to.offset.s != NULL;
    *doubt = false;
    if (skips && was.offset.s && leat_my_position_read(was.offset, &a, &from, &e) == LEAT_OK &&
        leat_my_position_read(to.offset, &a, &at, &e) == LEAT_OK) {
        bool mysql = at.gtids.len && memchr(at.gtids.s, ':', at.gtids.len);
        bool gtids = from.gtids.len && at.gtids.len;
        bool same = from.server.len && leat_str_eq(from.server, at.server);
        *doubt = !same && !(gtids && mysql);
        skips = *doubt ? !(gtids && equal(from.gtids, at.gtids)) : !reached(!mysql, &from, &at);
    }
    leat_arena_free(&a);
    return skips;
}

bool leat_my_passed_source(leat_task *t, leat_str end, const leat_position *pos, size_t n)
{
    const leat_my_source *s = t->priv;
    const leat_position *own = leat_position_find(pos, n, s->partition);
    leat_arena a = {0};
    leat_my_position at, to;
    leat_err e;
    /* What tables look like where it begins is still to be noted, and told. */
    if (s->begins && leat_my_streams(s->conf)) return false;
    if (leat_increment_runs(s->inc)) return false;
    bool yes = own && leat_my_position_read(own->offset, &a, &at, &e) == LEAT_OK &&
               leat_my_position_read(end, &a, &to, &e) == LEAT_OK;
    yes = yes && reached(s->mariadb, &at, &to);
    leat_arena_free(&a);
    return yes;
}

void leat_my_gauges_source(leat_task *t, leat_gauges *g)
{
    const leat_my_source *s = t->priv;
    leat_my_retained_gauge(s, g);
    g->held_bytes = s->arena.held + s->scratch.held + s->packed.cap + s->unpack.buf.cap;
    snprintf(g->position, sizeof g->position, "%.40s:%llu", s->file[0] ? s->file : s->at.file,
             (unsigned long long)(s->file[0] ? s->pos : s->at.pos));
    if (s->acked.file[0])
        snprintf(g->acked, sizeof g->acked, "%.40s:%llu", s->acked.file,
                 (unsigned long long)s->acked.pos);
    else
        g->acked[0] = '\0';
}

/* ---- without a task ---- */

leat_rc leat_my_offset_check(const void *conf, leat_position now, leat_position to, leat_arena *a,
                             leat_position *out, const char **note, leat_err *e)
{
    const leat_my_conf *c = conf;
    leat_my_position p;
    leat_position one = {to.partition, {0}};
    (void)now;
    *note = NULL;
    *out = to;
    if (leat_my_position_find(c->capture.prefix, &one, 1, a, &p, e) != LEAT_OK)
        return leat_fail(e, LEAT_CONF, "mysql.position", "partition",
                         "the partition is not this connector's: expected {\"server\":\"%s\"}",
                         c->capture.prefix);
    if (!to.offset.s) {
        *note = "The connector begins anew, as snapshot.mode says.";
        return LEAT_OK;
    }
    LEAT_TRY(leat_my_position_read(to.offset, a, &p, e));
    if (!leat_my_position_is(&p))
        return leat_fail(e, LEAT_PENDING, "mysql.position", "offset",
                         "the offset stands inside a snapshot that was not finished");
    return LEAT_OK;
}

void leat_my_offset_text(leat_str offset, leat_buf *out)
{
    leat_arena a = {0};
    leat_my_position p;
    leat_err e;
    if (leat_my_position_read(offset, &a, &p, &e) == LEAT_OK && leat_my_position_is(&p)) {
        leat_buf_printf(out, "%s:%llu", p.file, (unsigned long long)p.pos);
        if (p.gtids.s) leat_buf_printf(out, ", %.*s", LEAT_STR_ARG(p.gtids));
    }
    leat_arena_free(&a);
}

leat_rc leat_my_signal_source(leat_task *t, leat_str json, leat_err *e)
{
    return leat_increment_signal(((leat_my_source *)t->priv)->inc, json, e);
}

const leat_capture_conf *leat_my_capture_source(const void *conf)
{
    return &((const leat_my_conf *)conf)->capture;
}
