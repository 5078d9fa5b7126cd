/* Up to where rows of a query are settled: the half of MySQL and MariaDB in the answer to rows that
 * commit late (capture/dialect.h, docs/decisions/233-late-rows-of-mysql.md).
 *
 * A row's number or moment is taken when it is written and seen when it is committed. Who may still
 * commit shows in INNODB_TRX, to users with the right PROCESS: transactions that have written or
 * hold locks, of whatever tables. What is settled by such a list:
 *
 * - numbers: what was the highest some time (SLACK_US) before the list was read, less what came
 *   since the list before as long as one who was not in that one lasts: between the moment a number
 *   is taken and that in which its transaction is in the list there is a gap
 * - moments: NOW() is when the statement began. So up to the clock before the list was read, less
 *   SLACK_US; and less what statements are running, by when they began (they may not have begun to
 *   write), and what transactions have written since they were first seen
 *
 * INNODB_TRX is a copy that InnoDB makes anew only if nobody has read it for a tenth of a second:
 * who reads it more often holds it back, for all. So one session of ours reads it at a time
 * (GET_LOCK), inside a transaction of its own, which is in a copy with the statement that it runs;
 * the statement tells the server's clock of a moment before it. A copy counts if one of them in it,
 * by whomever, tells no earlier one than that at which this list's sessions had been read. For
 * sessions come first: who has begun to write in between was running a statement then, or began one
 * later. What replicas apply has numbers and moments of elsewhere, so they are refused. Run by the
 * thread of the session. */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "system/mysql/dialect.h"

enum {
    SECOND_US = 1000000,
    SLACK_US = 250000,
    COPY_US = 120000, /* how long INNODB_TRX must not have been read, and a little */
    TRIES = 20,
};

/* What a look begins with; the server's clock follows. */
#define MARK "SELECT /* leat looks "
#define LOCK "'leat.looks'"

/* A transaction in the list, as one table sees it. */
typedef struct writer {
    char key[64];
    bool known;    /* bound counts; else nothing is settled as long as it lasts */
    int64_t bound; /* rows up to this number are not its own */
} writer;

typedef struct late {
    writer *v; /* numbers: those of the last list */
    size_t n;
    bool has_next, has_prev;
    int64_t next;    /* the highest number that waits for a list ... */
    int64_t next_us; /* ... and when it was read, monotonic */
    int64_t prev;    /* the highest that was compared with one */
} late;

static leat_my_query_session *session(const leat_sql *s)
{
    return s->priv;
}

static late *late_of(leat_sql_settled *w)
{
    if (!w->priv) w->priv = leat_zalloc(1, sizeof(late));
    return w->priv;
}

void leat_my_dialect_forget(leat_sql_settled *w)
{
    late *l = w->priv;
    if (!l) return;
    leat_free(l->v);
    leat_free(l);
    w->priv = NULL;
}

void leat_my_list_free(leat_my_list *list)
{
    leat_free(list->trx);
    leat_free(list->running);
    *list = (leat_my_list){0};
}

/* ---- who runs a statement ---- */

/* Replicas' threads, and those of clusters, write what was written elsewhere. */
static leat_rc refuse(leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "query.standby", "late.commits",
                     "the server applies what other servers have written (a replica, or a node of "
                     "a cluster), so that rows that commit late would be missed: read from the "
                     "server that is written to, or set late.commits=ignore and, for moments, "
                     "timestamp.delay.interval.ms above the longest transaction and delay");
}

static bool idle(leat_str command, leat_str statement)
{
    static const char *const commands[] = {"Sleep", "Daemon", "Binlog Dump", "Binlog Dump GTID"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (leat_str_is(command, commands[i])) return true;
    /* Events run in sessions that never get beyond this. */
    return leat_str_is(command, "Connect") && !statement.s;
}

static leat_rc read_running(leat_my *c, leat_my_list *now, leat_err *e)
{
    leat_my_result r;
    leat_rc rc = LEAT_OK;
    LEAT_TRY(leat_my_query(c, "see who runs statements", "SHOW PROCESSLIST", &r, e));
    int64_t second = now->clock_us / SECOND_US, own = (int64_t)mysql_thread_id(c->my);
    while (rc == LEAT_OK && leat_my_next(&r)) {
        leat_str command = leat_my_cell_named(&r, "Command");
        int64_t id = leat_my_cell_i64(&r, 0, 0), age = 0;
        if (leat_str_is(leat_my_cell_named(&r, "User"), "system user") &&
            !leat_str_is(command, "Daemon"))
            rc = refuse(e);
        if (id == own || idle(command, leat_my_cell_named(&r, "Info"))) continue;
        leat_str_i64(leat_my_cell_named(&r, "Time"), &age);
        if (now->nrunning == now->running_cap) {
            now->running_cap = now->running_cap ? now->running_cap * 2 : 16;
            now->running = leat_realloc(now->running, now->running_cap * sizeof *now->running);
        }
        now->running[now->nrunning++] = (leat_my_running){
            .thread = (uint64_t)id, .since_us = (second - (age > 0 ? age : 0)) * SECOND_US};
    }
    leat_my_result_free(&r);
    return rc;
}

leat_rc leat_my_dialect_standby(leat_sql *s, leat_err *e)
{
    leat_my_list list = {0};
    leat_rc rc = read_running(&session(s)->c, &list, e);
    leat_my_list_free(&list);
    return rc;
}

/* ---- who has written ---- */

/* What is before the first thing that a transaction wrote which was not in the list before. */
static void bound_new(const leat_my_list *was, leat_my_trx *t)
{
    t->known = was->n > 0;
    t->since_us = was->clock_us - SLACK_US;
    /* It was another one's until it was prepared. */
    for (size_t i = 0; t->thread == 0 && i < was->ntrx; i++) {
        t->known = t->known && was->trx[i].known;
        if (was->trx[i].since_us < t->since_us) t->since_us = was->trx[i].since_us;
    }
    for (size_t i = 0; i < was->nrunning; i++)
        if ((t->thread == 0 || was->running[i].thread == t->thread) &&
            was->running[i].since_us < t->since_us)
            t->since_us = was->running[i].since_us;
}

static void add_trx(const leat_my_list *was, leat_my_list *now, leat_my_trx t)
{
    bool old = false;
    for (size_t i = 0; i < was->ntrx && !old; i++) {
        old = strcmp(was->trx[i].key, t.key) == 0;
        if (old) {
            t.known = was->trx[i].known;
            t.since_us = was->trx[i].since_us;
            t.seen_us = was->trx[i].seen_us;
        }
    }
    if (!old) bound_new(was, &t);
    if (now->ntrx == now->trx_cap) {
        now->trx_cap = now->trx_cap ? now->trx_cap * 2 : 16;
        now->trx = leat_realloc(now->trx, now->trx_cap * sizeof *now->trx);
    }
    now->trx[now->ntrx++] = t;
}

/* *fresh: the copy was made behind mark_us of the server's clock. */
static leat_rc read_trx(leat_my *c, const leat_my_list *was, leat_my_list *now, int64_t mark_us,
                        bool *fresh, leat_err *e)
{
    leat_my_result r;
    char sql[512];
    snprintf(sql, sizeof sql,
             MARK "%" PRId64 " */ trx_id, trx_mysql_thread_id, trx_started,"
                  " trx_lock_structs + trx_rows_modified, trx_query LIKE '" MARK "%%'"
                  " AND CAST(SUBSTRING(trx_query, %zu, 16) AS SIGNED) BETWEEN %" PRId64
                  " AND UNIX_TIMESTAMP(NOW(6)) * 1000000"
                  " FROM information_schema.INNODB_TRX",
             mark_us, sizeof MARK, mark_us);
    LEAT_TRY(leat_my_query(c, "see which transactions are open", sql, &r, e));
    *fresh = false;
    now->ntrx = 0;
    while (leat_my_next(&r)) {
        leat_my_trx t = {.thread = (uint64_t)leat_my_cell_i64(&r, 1, 0), .seen_us = now->clock_us};
        *fresh = *fresh || leat_my_cell_i64(&r, 4, 0) == 1;
        if (leat_my_cell_i64(&r, 3, 0) == 0) continue;
        snprintf(t.key, sizeof t.key, LEAT_STR_FMT "/" LEAT_STR_FMT,
                 LEAT_STR_ARG(leat_my_cell(&r, 0)), LEAT_STR_ARG(leat_my_cell(&r, 2)));
        add_trx(was, now, t);
    }
    leat_my_result_free(&r);
    return LEAT_OK;
}

static leat_rc lock(leat_my *c, bool *mine, leat_err *e)
{
    leat_my_result r;
    LEAT_TRY(leat_my_query(c, "be the one who looks", "SELECT GET_LOCK(" LOCK ", 0)", &r, e));
    *mine = leat_my_next(&r) && leat_my_cell_i64(&r, 0, 0) == 1;
    leat_my_result_free(&r);
    return LEAT_OK;
}

/* The list as it is from now on; *fresh: it could be read. */
static leat_rc read_list(leat_sql *s, leat_my_list *now, bool *fresh, leat_err *e)
{
    leat_my *c = &session(s)->c;
    const leat_my_list *was = &session(s)->list;
    int64_t mark_us;
    bool mine = false;
    *fresh = false;
    now->n = was->n + 1;
    now->begun_us = leat_mono_us();
    LEAT_TRY(s->dialect->clock(s, &now->clock_us, e));
    LEAT_TRY(read_running(c, now, e));
    LEAT_TRY(s->dialect->clock(s, &mark_us, e));
    /* A host that is lost with the lock must not keep it for hours. */
    LEAT_TRY(leat_my_exec(c, "set how long a look may rest",
                          "SET @leat_rest = @@SESSION.wait_timeout, SESSION wait_timeout = 30", e));
    LEAT_TRY(leat_my_exec(c, "begin a look", "START TRANSACTION WITH CONSISTENT SNAPSHOT", e));
    for (int i = 0; i < TRIES && !*fresh; i++) {
        if (i > 0) leat_sleep_us(COPY_US);
        if (!mine) LEAT_TRY(lock(c, &mine, e));
        if (mine) LEAT_TRY(read_trx(c, was, now, mark_us, fresh, e));
    }
    if (mine) LEAT_TRY(leat_my_exec(c, "let others look", "DO RELEASE_LOCK(" LOCK ")", e));
    LEAT_TRY(leat_my_exec(c, "end a look", "COMMIT", e));
    session(s)->locked_out = !mine;
    return leat_my_exec(c, "let the session rest", "SET SESSION wait_timeout = @leat_rest", e);
}

/* A list that was begun not before after_us (monotonic). *fresh: there is one. */
static leat_rc refresh(leat_sql *s, int64_t after_us, bool *fresh, leat_err *e)
{
    leat_my_list *list = &session(s)->list, now = {0};
    *fresh = list->n > 0 && list->begun_us >= after_us;
    if (*fresh) return LEAT_OK;
    leat_rc rc = read_list(s, &now, fresh, e);
    if (rc == LEAT_OK && *fresh) {
        leat_my_list_free(list);
        *list = now;
    } else {
        leat_my_list_free(&now);
    }
    return rc;
}

/* ---- the look ---- */

static void held_by(leat_sql_settled *w, const leat_my_list *list, const leat_my_trx *t)
{
    int64_t seconds = (list->clock_us - t->seen_us) / SECOND_US;
    if (t->thread)
        snprintf(w->holder, sizeof w->holder,
                 "a transaction of connection %" PRIu64 ", seen for %lld s", t->thread,
                 (long long)seconds);
    else
        snprintf(w->holder, sizeof w->holder,
                 "a prepared transaction (XA RECOVER), seen for %lld s", (long long)seconds);
}

static void cannot_see(const leat_sql *s, leat_sql_settled *w)
{
    w->held = true;
    snprintf(w->holder, sizeof w->holder, "%s",
             session(s)->locked_out
                 ? "a look at INNODB_TRX, for which another session has the lock 'leat.looks'"
                 : "a look at INNODB_TRX, which somebody reads more often than each 0.1 s");
}

/* The bound that a table has for a transaction: kept as long as that is in its lists. */
static writer bound_of(const late *l, const leat_sql_settled *w, const leat_my_trx *t)
{
    writer v = {.known = l->has_prev || w->has_last, .bound = l->has_prev ? l->prev : w->last};
    snprintf(v.key, sizeof v.key, "%s", t->key);
    if (w->has_last && v.bound < w->last) v.bound = w->last;
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].key, t->key) == 0) return l->v[i];
    return v;
}

static void settle_numbers(late *l, leat_sql_settled *w, const leat_my_list *list)
{
    writer *v = leat_alloc((list->ntrx + 1) * sizeof *v);
    bool any = true;
    *w->holder = 0;
    w->upto = l->next;
    for (size_t i = 0; i < list->ntrx; i++) {
        v[i] = bound_of(l, w, &list->trx[i]);
        if (v[i].known && v[i].bound >= w->upto) continue;
        if (any) held_by(w, list, &list->trx[i]);
        any = any && v[i].known;
        if (v[i].known) w->upto = v[i].bound;
    }
    leat_free(l->v);
    l->v = v;
    l->n = list->ntrx;
    l->prev = l->next;
    l->has_prev = true;
    l->has_next = false;
    w->any = any && (!w->has_last || w->upto > w->last);
    w->held = !any || w->upto < l->prev;
}

static leat_rc highest_number(leat_sql *s, const leat_sql_settled *w, bool *any, int64_t *highest,
                              leat_err *e)
{
    leat_arena a = {0};
    leat_str text;
    const char *sql = leat_arena_printf(&a, "SELECT max(%s) FROM %s AS q", w->number, w->from);
    leat_rc rc = s->dialect->ask(s, "read the highest number", sql, &a, &text, e);
    *any = rc == LEAT_OK && text.s;
    if (*any && !leat_str_i64(text, highest))
        rc = leat_fail(e, LEAT_CONF, "query.number", w->number_name,
                       "the incrementing column holds " LEAT_STR_FMT
                       ", which is no whole number of 64 bits; name another one in "
                       "incrementing.column.name, or use mode=bulk",
                       LEAT_STR_ARG(text));
    leat_arena_free(&a);
    return rc;
}

static leat_rc look_numbers(leat_sql *s, leat_sql_settled *w, leat_err *e)
{
    late *l = late_of(w);
    bool some, fresh;
    int64_t highest = 0;
    LEAT_TRY(highest_number(s, w, &some, &highest, e));
    int64_t read_us = leat_mono_us();
    bool news = some && (!w->has_last || highest > w->last);
    if (s->target->ignore_late || !news) {
        *w->holder = 0;
        w->any = news;
        w->upto = highest;
        l->has_next = false;
        return LEAT_OK;
    }
    if (l->has_next && read_us - l->next_us >= SLACK_US) {
        LEAT_TRY(refresh(s, l->next_us + SLACK_US, &fresh, e));
        if (fresh)
            settle_numbers(l, w, &session(s)->list);
        else
            cannot_see(s, w);
    } else {
        w->held = true; /* by who held it at the look before, if there was one */
    }
    if (l->has_next) return LEAT_OK;
    l->next = highest;
    l->next_us = read_us;
    l->has_next = true;
    return LEAT_OK;
}

/* Of the list: the moments before which no row is to come. */
static void settle_moments(leat_sql *s, leat_sql_settled *w, const leat_my_list *list)
{
    bool any = true;
    *w->holder = 0;
    w->upto = list->clock_us - w->delay_us - SLACK_US;
    for (size_t i = 0; i < list->nrunning; i++) {
        int64_t since = list->running[i].since_us;
        if (list->clock_us - since > s->target->late_ms * 1000 || since >= w->upto) continue;
        w->upto = since;
        /* One that began in this second is waited for, but that is not worth a word. */
        if (list->clock_us - since < SECOND_US) continue;
        w->held = true;
        snprintf(w->holder, sizeof w->holder, "a statement of connection %" PRIu64 ", for %lld s",
                 list->running[i].thread, (long long)((list->clock_us - since) / SECOND_US));
    }
    for (size_t i = 0; i < list->ntrx; i++) {
        const leat_my_trx *t = &list->trx[i];
        bool known = t->known || w->has_last;
        int64_t since = t->known ? t->since_us : w->has_last ? w->last + 1 : 0;
        if (known && since >= w->upto) continue;
        if (any) held_by(w, list, t);
        w->held = true;
        any = any && known;
        if (known) w->upto = since;
    }
    /* Columns of whole seconds cut the rest off, or round. */
    int64_t over = w->upto % leat_dialect_grain(w->stamp);
    w->upto -= over < 0 ? over + leat_dialect_grain(w->stamp) : over;
    w->any = any && (!w->has_last || w->upto > w->last);
}

static leat_rc look_moments(leat_sql *s, leat_sql_settled *w, leat_err *e)
{
    bool fresh;
    int64_t clock_us;
    if (s->target->ignore_late) {
        LEAT_TRY(s->dialect->clock(s, &clock_us, e));
        clock_us -= w->delay_us;
        w->upto = clock_us - clock_us % leat_dialect_grain(w->stamp);
        w->any = !w->has_last || w->upto > w->last;
        return LEAT_OK;
    }
    LEAT_TRY(refresh(s, leat_mono_us() - COPY_US, &fresh, e));
    if (fresh)
        settle_moments(s, w, &session(s)->list);
    else
        cannot_see(s, w);
    return LEAT_OK;
}

leat_rc leat_my_dialect_look(leat_sql *s, leat_sql_settled *w, leat_err *e)
{
    w->any = w->held = false;
    return w->stamp ? look_moments(s, w, e) : look_numbers(s, w, e);
}
