/* Moments in statements of query capture: instants, and clocks of db.timezone (dialect.h).
 *
 *   TIMESTAMP           instants; the session's clock is UTC, so they are told as they are
 *   DATETIME            of db.timezone's clock. An offset is added; a zone by name is the server's
 *                       to convert, by tables that have to be loaded, and from 1970 to 2037: beyond
 *                       CONVERT_TZ changes nothing, so the offset of those years' ends is taken
 *
 * Run by the thread of the session. */
#include "base/clock.h"
#include "system/mysql/dialect.h"

/* What CONVERT_TZ surely converts, on either side of it. */
#define FIRST "1970-01-02"
#define LAST "2037-12-31"
static const int64_t first_us = INT64_C(86400000000), last_us = INT64_C(2145830400000000);
static const int64_t year_1_us = INT64_C(-62135596800000000);
static const int64_t year_9999_us = INT64_C(253402300799999999);
static const int64_t quarter_us = INT64_C(900000000), second_us = 1000000;

enum { QUARTERS = 12 }; /* for which a clock that is put back is looked for */

static const leat_my_query_session *session(const leat_sql *s)
{
    return s->priv;
}

leat_rc leat_my_zone_read(leat_sql *s, leat_err *e)
{
    leat_my_query_session *x = s->priv;
    leat_my_zone *z = &x->zone;
    leat_buf sql = {0};
    leat_my_result r;
    int64_t offset;
    if (leat_dialect_offset(s->target->zone, &offset)) {
        z->offset_s = offset / second_us;
        return LEAT_OK;
    }
    leat_my_put_text(&sql, leat_str_of(s->target->zone));
    z->sql = leat_arena_str(&x->arena, leat_buf_str(&sql)).s;
    z->named = true;
    leat_buf_clear(&sql);
    leat_buf_printf(&sql,
                    "SELECT TIMESTAMPDIFF(SECOND, '" FIRST "', CONVERT_TZ('" FIRST
                    "', '+00:00', %s)), TIMESTAMPDIFF(SECOND, '" LAST "', CONVERT_TZ('" LAST
                    "', '+00:00', %s))",
                    z->sql, z->sql);
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_my_query(&x->c, "learn the offsets of db.timezone", sql.p, &r, e);
    leat_buf_free(&sql);
    if (rc != LEAT_OK) return rc;
    bool known = leat_my_next(&r) && leat_my_cell(&r, 0).s;
    z->before_s = leat_my_cell_i64(&r, 0, 0);
    z->after_s = leat_my_cell_i64(&r, 1, 0);
    leat_my_result_free(&r);
    if (known) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "query.zone", "db.timezone",
                     "\"%s\" is no zone that the server knows: load its tables of zones "
                     "(mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql mysql), or name an offset "
                     "such as +02:00, or UTC",
                     s->target->zone);
}

bool leat_my_local(const leat_sql *s, const leat_sql_column *c)
{
    const leat_my_zone *z = &session(s)->zone;
    return c->type == LEAT_SQL_TIMESTAMP && !c->zoned && (z->named || z->offset_s != 0);
}

/* Zeros, which no arithmetic takes, stay what they are. */
void leat_my_put_utc(const leat_my_zone *z, const char *expr, leat_buf *out)
{
    if (!z->named) {
        leat_buf_printf(out, "IFNULL(%s - INTERVAL %lld SECOND, %s)", expr, (long long)z->offset_s,
                        expr);
        return;
    }
    leat_buf_printf(out,
                    "IFNULL(IF(%s BETWEEN '" FIRST "' AND '" LAST "', CONVERT_TZ(%s, %s, "
                    "'+00:00'), %s - INTERVAL IF(%s < '" LAST "', %lld, %lld) SECOND), %s)",
                    expr, expr, z->sql, expr, expr, (long long)z->before_s, (long long)z->after_s,
                    expr);
}

static void put_literal(int64_t us, leat_buf *out)
{
    char text[LEAT_ISO_MAX];
    us = us < year_1_us ? year_1_us : us > year_9999_us ? year_9999_us : us;
    leat_iso_us(us, 6, text);
    *strchr(text, 'T') = ' ';
    leat_buf_printf(out, "TIMESTAMP'%.*s'", (int)strlen(text) - 1, text);
}

/* What db.timezone's clock says at that moment. */
static void put_local(const leat_my_zone *z, int64_t us, leat_buf *out)
{
    if (z->named && us >= first_us && us <= last_us) {
        leat_buf_str_z(out, "CONVERT_TZ(");
        put_literal(us, out);
        leat_buf_printf(out, ", '+00:00', %s)", z->sql);
        return;
    }
    int64_t offset_s = !z->named ? z->offset_s : us < first_us ? z->before_s : z->after_s;
    if (__builtin_add_overflow(us, offset_s * second_us, &us)) us = year_9999_us;
    put_literal(us, out);
}

/* Of several columns all are told in UTC. */
static bool stamp_local(leat_sql *s, const leat_sql_stamp *stamp)
{
    return stamp->n == 1 && leat_my_local(s, stamp->cols[0]);
}

void leat_my_put_stamp(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out)
{
    if (stamp->n == 1) {
        leat_buf_str_z(out, stamp->quoted[0]);
        return;
    }
    leat_buf_str_z(out, "COALESCE(");
    for (size_t i = 0; i < stamp->n; i++) {
        if (i > 0) leat_buf_str_z(out, ", ");
        if (leat_my_local(s, stamp->cols[i]))
            leat_my_put_utc(&session(s)->zone, stamp->quoted[i], out);
        else
            leat_buf_str_z(out, stamp->quoted[i]);
    }
    leat_buf_u8(out, ')');
}

void leat_my_put_moment(leat_sql *s, const leat_sql_stamp *stamp, int64_t us, leat_buf *out)
{
    if (stamp_local(s, stamp))
        put_local(&session(s)->zone, us, out);
    else
        put_literal(us, out);
}

/* Where clocks are put back, an hour comes twice: rows of its first time wait until no row of its
 * second can be before them. Zones change at quarters of an hour. */
void leat_my_put_bound(leat_sql *s, const leat_sql_stamp *stamp, int64_t us, leat_buf *out)
{
    const leat_my_zone *z = &session(s)->zone;
    if (!stamp_local(s, stamp) || !z->named) {
        leat_my_put_moment(s, stamp, us, out);
        return;
    }
    leat_buf_str_z(out, "LEAST(");
    put_local(z, us, out);
    int64_t next = us - us % quarter_us;
    for (int i = 0; i < QUARTERS; i++) {
        next += quarter_us;
        leat_buf_str_z(out, ", ");
        put_local(z, next, out);
    }
    leat_buf_u8(out, ')');
}

void leat_my_put_latest(leat_sql *s, const leat_sql_stamp *stamp, leat_buf *out)
{
    leat_buf most = {0};
    leat_buf_str_z(&most, "max(");
    leat_my_put_stamp(s, stamp, &most);
    leat_buf_str_z(&most, ")");
    leat_buf_u8(&most, 0);
    leat_buf_str_z(out, "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ");
    if (stamp_local(s, stamp))
        leat_my_put_utc(&session(s)->zone, most.p, out);
    else
        leat_buf_str_z(out, most.p);
    leat_buf_u8(out, ')');
    leat_buf_free(&most);
}
