/* What the server's binary log is like, where it ends, and whether it still has our position.
 *
 * Names of statements and variables differ between the two servers and their versions: each is
 * asked for in the way that it knows. Run by the task's thread. */
#include <stdio.h>
#include <strings.h>

#include "source/mysql/my.h"

enum { TRIES = 20 };

/* The one cell of a query, in a; absent if it is NULL, or there is no row. */
static leat_rc one_cell(leat_my *c, const char *doing, const char *sql, leat_arena *a,
                        leat_str *out, leat_err *e)
{
    leat_my_result r;
    *out = (leat_str){0};
    LEAT_TRY(leat_my_query(c, doing, sql, &r, e));
    if (leat_my_next(&r) && leat_my_cell(&r, 0).s) *out = leat_arena_str(a, leat_my_cell(&r, 0));
    leat_my_result_free(&r);
    return LEAT_OK;
}

/* The set without the line ends that the server puts into it. */
static leat_str one_line(leat_str text)
{
    char *p = (char *)(uintptr_t)text.s;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        if (p[i] != '\n' && p[i] != '\r') p[n++] = p[i];
    return (leat_str){text.s, n};
}

const char *leat_my_server_status_sql(const leat_my *c)
{
    if (c->mariadb) return c->version >= 100502 ? "SHOW BINLOG STATUS" : "SHOW MASTER STATUS";
    return c->version >= 80200 ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
}

static leat_rc no_log(const leat_my_source *s, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "mysql.log_bin", s->target.host,
                     "the server writes no binary log: start it with log_bin (%s)",
                     s->sql.mariadb ? "and log_slave_updates, if it is a replica"
                                    : "and log_replica_updates, if it is a replica");
}

leat_rc leat_my_server_name(leat_my *c, leat_arena *a, leat_str *out, leat_err *e)
{
    /* MariaDB has no identity of its own. */
    return one_cell(c, "read the server's identity",
                    c->mariadb ? "SELECT CONCAT(@@hostname, ':', @@port, ':', @@server_id)"
                               : "SELECT @@server_uuid",
                    a, out, e);
}

static leat_rc read_end(leat_my_source *s, leat_arena *a, leat_my_position *out, leat_err *e)
{
    leat_my_result r;
    *out = (leat_my_position){0};
    LEAT_TRY(leat_my_query(&s->sql, "read the end of the binary log",
                           leat_my_server_status_sql(&s->sql), &r, e));
    if (!leat_my_next(&r)) {
        leat_my_result_free(&r);
        return no_log(s, e);
    }
    snprintf(out->file, sizeof out->file, LEAT_STR_FMT, LEAT_STR_ARG(leat_my_cell(&r, 0)));
    out->pos = (uint64_t)leat_my_cell_i64(&r, 1, 4);
    leat_str set = leat_my_cell_named(&r, "Executed_Gtid_Set");
    if (s->gtid && !s->mariadb) out->gtids = one_line(leat_arena_str(a, set));
    leat_my_result_free(&r);
    return LEAT_OK;
}

leat_rc leat_my_server_gtids_at(leat_my *c, leat_str file, uint64_t pos, leat_arena *a,
                                leat_str *out, leat_err *e)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "SELECT BINLOG_GTID_POS(");
    leat_my_put_text(&sql, file);
    leat_buf_printf(&sql, ", %llu)", (unsigned long long)pos);
    leat_buf_u8(&sql, 0);
    leat_rc rc = one_cell(c, "read the GTIDs of a place in the binary log", sql.p, a, out, e);
    leat_buf_free(&sql);
    return rc;
}

/* MariaDB tells place and GTIDs apart: they belong together if nothing was written between. */
static leat_rc read_end_mariadb(leat_my_source *s, leat_arena *a, leat_my_position *out,
                                leat_err *e)
{
    leat_my_position again;
    for (int i = 0; i < TRIES; i++) {
        LEAT_TRY(read_end(s, a, out, e));
        LEAT_TRY(one_cell(&s->sql, "read the end of the binary log",
                          "SELECT @@global.gtid_binlog_pos", a, &out->gtids, e));
        LEAT_TRY(read_end(s, a, &again, e));
        if (leat_my_place_cmp(out->file, out->pos, again.file, again.pos) == 0) return LEAT_OK;
    }
    return leat_my_server_gtids_at(&s->sql, leat_str_of(out->file), out->pos, a, &out->gtids, e);
}

leat_rc leat_my_server_end(leat_my_source *s, leat_arena *a, leat_my_position *out, leat_err *e)
{
    LEAT_TRY(leat_my_source_sql(s, e));
    return s->gtid && s->mariadb ? read_end_mariadb(s, a, out, e) : read_end(s, a, out, e);
}

/* ---- what it must be like ---- */

static leat_rc other_kind(const leat_my_source *s, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "mysql.other_kind", "connector.class",
                     "the server is %s %s, and this connector reads %s: take connector.class=%s",
                     s->sql.mariadb ? "MariaDB" : "MySQL", s->sql.told,
                     s->mariadb ? "MariaDB" : "MySQL", s->sql.mariadb ? "mariadb" : "mysql");
}

leat_rc leat_my_server_ready(leat_my_source *s, leat_err *e)
{
    leat_my_result r;
    leat_arena a = {0};
    if (s->sql.mariadb != s->mariadb) return other_kind(s, e);
    LEAT_TRY(leat_my_query(&s->sql, "read the server's settings",
                           "SELECT @@global.log_bin, @@global.binlog_format, "
                           "@@global.lower_case_table_names",
                           &r, e));
    bool row = leat_my_next(&r), on = row && leat_my_cell_i64(&r, 0, 0) == 1;
    bool rows = row && strcasecmp(leat_arena_str(&a, leat_my_cell(&r, 1)).s, "ROW") == 0;
    s->folds = row && leat_my_cell_i64(&r, 2, 0) != 0;
    const char *format = row ? leat_arena_str(&a, leat_my_cell(&r, 1)).s : "unknown";
    leat_my_result_free(&r);
    leat_rc rc = LEAT_OK;
    if (!on) rc = no_log(s, e);
    if (on && !rows)
        rc = leat_fail(e, LEAT_CONF, "mysql.binlog_format", s->target.host,
                       "the server logs changes as %s, which do not tell what the rows are: set "
                       "binlog_format=ROW (SET GLOBAL binlog_format = 'ROW', and in the server's "
                       "configuration; sessions that are open keep the old one)",
                       format);
    leat_arena_free(&a);
    if (rc != LEAT_OK || !s->conf->use_gtid) return rc;
    s->gtid = s->mariadb;
    if (s->mariadb || s->sql.version < 50600) return LEAT_OK;
    LEAT_TRY(
        leat_my_query(&s->sql, "read the server's settings", "SELECT @@global.gtid_mode", &r, e));
    s->gtid = leat_my_next(&r) && leat_str_ieq(leat_my_cell(&r, 0), LEAT_STR("ON"));
    leat_my_result_free(&r);
    return LEAT_OK;
}

/* ---- whether it has our position ---- */

static leat_rc purged(const leat_my_source *s, const char *gap, leat_err *e)
{
    return leat_fail(
        e, LEAT_CONF, "mysql.binlog_purged", s->target.host,
        "the server has removed a part of its log that was not read yet: %s. The changes in it are "
        "lost to this connector. If another server still has them (a replica that logs what it "
        "replicates), name that one as database.hostname; else begin anew behind the gap (`leat "
        "offsets NAME reset`) and fill the targets' gap by other means. To prevent it raise "
        "binlog_expire_logs_seconds (MariaDB, old servers: expire_logs_days)",
        gap);
}

static leat_rc diverged(const leat_my_source *s, const char *what, leat_err *e)
{
    return leat_fail(
        e, LEAT_CONF, "mysql.other_server", s->target.host,
        "the stored position is not one of this server: %s. It was restored from a "
        "backup, had its log reset, or is another server (gtid.source.includes says "
        "which servers' transactions count). Point database.hostname at the right one, "
        "or begin anew (`leat offsets NAME reset`)",
        what);
}

static leat_rc read_set(leat_my_source *s, const char *sql, leat_gtid_set *out, leat_err *e)
{
    leat_arena a = {0};
    leat_str text;
    leat_rc rc = one_cell(&s->sql, "read the server's GTIDs", sql, &a, &text, e);
    if (rc == LEAT_OK && text.s) rc = leat_gtid_set_parse(out, text, e);
    leat_arena_free(&a);
    return rc;
}

/* What x has and y has not, as text. */
static const char *missing_text(const leat_gtid_set *x, const leat_gtid_set *y, leat_arena *a)
{
    leat_gtid_set left = {0};
    leat_buf text = {0};
    leat_gtid_set_copy(&left, x);
    leat_gtid_set_subtract(&left, y);
    leat_gtid_set_print(&left, &text);
    const char *out = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    leat_gtid_set_free(&left);
    return out;
}

/* Transactions of servers that do not count are taken for read. */
static void take_uncounted(leat_my_source *s, const leat_gtid_set *executed)
{
    leat_gtid_set counted = {0}, rest = {0};
    if (!s->gtid_rules) return;
    leat_gtid_set_copy(&counted, executed);
    leat_gtid_set_filter(&counted, leat_my_gtid_counts, s->gtid_rules);
    leat_gtid_set_copy(&rest, executed);
    leat_gtid_set_subtract(&rest, &counted);
    leat_gtid_set_filter(&s->gtids, leat_my_gtid_counts, s->gtid_rules);
    leat_gtid_set_union(&s->gtids, &rest);
    leat_gtid_set_free(&counted);
    leat_gtid_set_free(&rest);
}

static leat_rc compare_sets(leat_my_source *s, leat_err *e)
{
    leat_gtid_set gone = {0}, executed = {0};
    leat_rc rc = read_set(s, "SELECT @@global.gtid_purged", &gone, e);
    if (rc == LEAT_OK) rc = read_set(s, "SELECT @@global.gtid_executed", &executed, e);
    if (rc == LEAT_OK) take_uncounted(s, &executed);
    if (rc == LEAT_OK && !leat_gtid_set_contains(&s->gtids, &gone))
        rc = purged(s, missing_text(&gone, &s->gtids, &s->scratch), e);
    if (rc == LEAT_OK && !leat_gtid_set_contains(&executed, &s->gtids))
        rc = diverged(s,
                      leat_arena_printf(&s->scratch, "it has not executed %s",
                                        missing_text(&s->gtids, &executed, &s->scratch)),
                      e);
    leat_gtid_set_free(&gone);
    leat_gtid_set_free(&executed);
    return rc;
}

/* The logs that there are: the first one, and the size of ours (-1: it is not there). */
static leat_rc read_logs(leat_my_source *s, const char *file, char first[LEAT_MY_FILE],
                         int64_t *size, leat_err *e)
{
    leat_my_result r;
    *size = -1;
    first[0] = '\0';
    LEAT_TRY(leat_my_query(&s->sql, "read the list of binary logs", "SHOW BINARY LOGS", &r, e));
    while (leat_my_next(&r)) {
        leat_str name = leat_my_cell(&r, 0);
        if (!first[0]) snprintf(first, LEAT_MY_FILE, LEAT_STR_FMT, LEAT_STR_ARG(name));
        if (leat_str_is(name, file)) *size = leat_my_cell_i64(&r, 1, 0);
    }
    leat_my_result_free(&r);
    return LEAT_OK;
}

static leat_rc purged_up_to(leat_my_source *s, const char *first, leat_err *e)
{
    const char *gap = leat_arena_printf(&s->scratch, "from %s, %llu up to the beginning of %s",
                                        s->at.file, (unsigned long long)s->at.pos, first);
    return purged(s, gap, e);
}

static leat_rc compare_files(leat_my_source *s, leat_err *e)
{
    char first[LEAT_MY_FILE];
    int64_t size;
    LEAT_TRY(read_logs(s, s->at.file, first, &size, e));
    if (size >= (int64_t)s->at.pos) return LEAT_OK;
    if (size >= 0)
        return diverged(s,
                        leat_arena_printf(&s->scratch, "%s has %lld bytes, and it is at %llu",
                                          s->at.file, (long long)size,
                                          (unsigned long long)s->at.pos),
                        e);
    if (leat_my_place_cmp(s->at.file, 0, first, 0) < 0) return purged_up_to(s, first, e);
    return diverged(s, leat_arena_printf(&s->scratch, "it has no log called %s", s->at.file), e);
}

/* The log of the position is not one that was removed. */
static leat_rc compare_first(leat_my_source *s, leat_err *e)
{
    char first[LEAT_MY_FILE];
    int64_t size;
    LEAT_TRY(read_logs(s, s->at.file, first, &size, e));
    if (size >= 0 || leat_my_place_cmp(s->at.file, 0, first, 0) >= 0) return LEAT_OK;
    return purged_up_to(s, first, e);
}

leat_rc leat_my_server_compare(leat_my_source *s, leat_err *e)
{
    if (!s->by_gtid) return compare_files(s, e);
    if (!s->mariadb) return compare_sets(s, e);
    /* Of another server MariaDB tells by itself when the dump is asked for. */
    return leat_str_eq(s->at.server, s->server) ? compare_first(s, e) : LEAT_OK;
}

leat_rc leat_my_server_first(leat_my_source *s, leat_err *e)
{
    int64_t size;
    LEAT_TRY(read_logs(s, "", s->at.file, &size, e));
    s->at.pos = 4;
    if (!s->at.file[0]) return no_log(s, e);
    if (s->gtid && !s->mariadb) return read_set(s, "SELECT @@global.gtid_purged", &s->gtids, e);
    return LEAT_OK;
}
