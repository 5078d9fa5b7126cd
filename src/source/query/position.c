/* Positions of query capture: Kafka Connect's, as the JDBC connector stores them.
 *
 *   partition   {"protocol":"1","table":"schema.table"}; {"query":"query"}; of bulk:
 *               {"table":"table"}
 *
 *   offset      {"timestamp_nanos":N,"incrementing":N,"timestamp":MS}, those that the mode has;
 *               timestamp_nanos is the fraction of the second. Of bulk, which the JDBC connector
 *               keeps none of: {"polls":N}
 *
 * Of looks for deleted rows, which the JDBC connector does not have: {"deletes":"schema.table"} and
 * {"looks":N,"told":N}.
 *
 * Members are written in the order in which Java's maps give them, and read in any. Pure; any
 * thread. */
#include <inttypes.h>

#include "base/clock.h"
#include "source/query/query.h"

enum { SECOND_US = 1000000 };

static leat_rc bad(leat_err *e, leat_str text, const char *why)
{
    return leat_fail(e, LEAT_CONF, "query.position", "offset",
                     LEAT_STR_FMT
                     " is no offset of this connector: %s; expected {\"incrementing\":N}, "
                     "{\"timestamp\":MILLISECONDS,\"timestamp_nanos\":N}, both, or of mode=bulk "
                     "{\"polls\":N}",
                     LEAT_STR_ARG(text), why);
}

static int64_t floor_div(int64_t x, int64_t by)
{
    return x / by - (x % by < 0);
}

static bool is_number(const leat_json *j, int64_t *out)
{
    return j->type == LEAT_JSON_NUMBER && leat_str_i64(j->text, out);
}

static leat_rc read_members(const leat_json *j, leat_str text, leat_query_offset *out, leat_err *e)
{
    int64_t ms = 0, nanos = -1, polls = 0;
    for (const leat_json *m = j->child; m; m = m->next) {
        int64_t v = 0;
        if (!is_number(m, &v)) return bad(e, text, "a member is no whole number");
        if (leat_str_is(m->name, "incrementing")) {
            out->has_number = true;
            out->number = v;
        } else if (leat_str_is(m->name, "timestamp")) {
            out->has_moment = true;
            ms = v;
        } else if (leat_str_is(m->name, "timestamp_nanos")) {
            if (v < 0 || v > 999999999) return bad(e, text, "timestamp_nanos is none");
            nanos = v;
        } else if (leat_str_is(m->name, "polls") && v >= 0) {
            polls = v;
        } else {
            return bad(e, text, "it has a member that is not known");
        }
    }
    if (nanos >= 0 && !out->has_moment) return bad(e, text, "timestamp is missing");
    if (ms > INT64_MAX / 1000 || ms < INT64_MIN / 1000) return bad(e, text, "timestamp is none");
    out->polls = (uint64_t)polls;
    out->moment_us = nanos < 0 ? ms * 1000 : floor_div(ms, 1000) * SECOND_US + nanos / 1000;
    return LEAT_OK;
}

leat_rc leat_query_offset_read(leat_str text, leat_query_offset *out, leat_err *e)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    *out = (leat_query_offset){0};
    leat_rc rc = leat_json_parse(&a, text, &j, e);
    if (rc == LEAT_OK && j->type != LEAT_JSON_OBJECT) rc = bad(e, text, "it is no object");
    if (rc == LEAT_OK) rc = read_members(j, text, out, e);
    leat_arena_free(&a);
    return rc;
}

void leat_query_offset_write(const leat_query_offset *o, leat_buf *out)
{
    leat_jw w = {.out = out};
    int64_t second = floor_div(o->moment_us, SECOND_US);
    leat_jw_object(&w, NULL);
    if (o->has_moment)
        leat_jw_i64(&w, "timestamp_nanos", (o->moment_us - second * SECOND_US) * 1000);
    if (o->has_number) leat_jw_i64(&w, "incrementing", o->number);
    if (o->has_moment) leat_jw_i64(&w, "timestamp", floor_div(o->moment_us, 1000));
    if (!o->has_moment && !o->has_number) leat_jw_i64(&w, "polls", (int64_t)o->polls);
    leat_jw_end(&w);
}

static leat_rc bad_looked(leat_err *e, leat_str text)
{
    return leat_fail(e, LEAT_CONF, "query.position", "offset",
                     LEAT_STR_FMT " is no offset of looks for deleted rows; expected "
                                  "{\"looks\":N,\"told\":N}",
                     LEAT_STR_ARG(text));
}

leat_rc leat_query_looked_read(leat_str text, leat_query_looked *out, leat_err *e)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    *out = (leat_query_looked){0};
    bool good = leat_json_parse(&a, text, &j, NULL) == LEAT_OK && j->type == LEAT_JSON_OBJECT;
    for (const leat_json *m = good ? j->child : NULL; m && good; m = m->next) {
        int64_t v = -1;
        bool looks = leat_str_is(m->name, "looks"), told = leat_str_is(m->name, "told");
        good = is_number(m, &v) && v >= 0 && (looks || told);
        if (looks) out->looks = (uint64_t)v;
        if (told) out->told = (uint64_t)v;
    }
    leat_arena_free(&a);
    return good ? LEAT_OK : bad_looked(e, text);
}

void leat_query_looked_write(const leat_query_looked *l, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_i64(&w, "looks", (int64_t)l->looks);
    leat_jw_i64(&w, "told", (int64_t)l->told);
    leat_jw_end(&w);
}

/* ---- partitions ---- */

static bool same(const leat_json *j, const leat_json *k)
{
    unsigned n = 0, m = 0;
    for (const leat_json *x = j->child; x; x = x->next, n++) {
        const leat_json *y = k->child;
        while (y && !leat_str_eq(y->name, x->name)) y = y->next;
        if (!y || y->type != x->type || !leat_str_eq(y->text, x->text)) return false;
    }
    for (const leat_json *y = k->child; y; y = y->next) m++;
    return n == m;
}

static bool same_text(leat_arena *a, leat_str x, leat_str y)
{
    const leat_json *j, *k;
    if (leat_str_eq(x, y)) return true;
    return leat_json_parse(a, x, &j, NULL) == LEAT_OK &&
           leat_json_parse(a, y, &k, NULL) == LEAT_OK && j->type == LEAT_JSON_OBJECT &&
           k->type == LEAT_JSON_OBJECT && same(j, k);
}

static leat_str object_of(leat_arena *a, const char *name, const char *value, bool protocol)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    if (protocol) leat_jw_z(&w, "protocol", "1");
    leat_jw_z(&w, name, value);
    leat_jw_end(&w);
    leat_str out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

leat_str leat_query_partition(const leat_query_conf *c, const char *table, leat_arena *a)
{
    if (!table) return object_of(a, "query", "query", false);
    return object_of(a, "table", table, c->mode != LEAT_QUERY_BULK);
}

leat_str leat_query_looked_partition(const char *table, leat_arena *a)
{
    return object_of(a, "deletes", table, false);
}

const leat_position *leat_query_position(const leat_position *pos, size_t n, leat_str partition,
                                         const char *name)
{
    leat_arena a = {0};
    const leat_position *found = NULL;
    leat_str old = name ? object_of(&a, "table", name, false) : (leat_str){0};
    for (size_t i = 0; i < n && !found; i++)
        if (pos[i].offset.s && same_text(&a, pos[i].partition, partition)) found = &pos[i];
    for (size_t i = 0; i < n && !found && name; i++)
        if (pos[i].offset.s && same_text(&a, pos[i].partition, old)) found = &pos[i];
    leat_arena_free(&a);
    return found;
}

/* ---- edits ---- */

static leat_rc own_partition(const leat_query_conf *c, leat_str text, leat_arena *a, leat_str *out,
                             leat_err *e)
{
    const leat_json *j = NULL;
    bool query = leat_query_has_query(c);
    if (leat_json_parse(a, text, &j, NULL) == LEAT_OK && j->type == LEAT_JSON_OBJECT) {
        leat_str table = leat_json_get_str(j, "table");
        bool old = table.s && same_text(a, text, object_of(a, "table", table.s, false));
        *out = leat_query_partition(c, query ? NULL : table.s, a);
        if (same_text(a, text, *out)) return LEAT_OK;
        *out = leat_arena_str(a, text);
        if (!query && old) return LEAT_OK;
    }
    return leat_fail(
        e, LEAT_CONF, "query.position", "partition",
        LEAT_STR_FMT " is no partition of this connector; expected %s", LEAT_STR_ARG(text),
        query                        ? "{\"query\":\"query\"}"
        : c->mode == LEAT_QUERY_BULK ? "{\"table\":\"schema.table\"}"
                                     : "{\"protocol\":\"1\",\"table\":\"schema.table\"}");
}

static bool of_looks(leat_str partition, leat_arena *a)
{
    const leat_json *j = NULL;
    return leat_json_parse(a, partition, &j, NULL) == LEAT_OK && j->type == LEAT_JSON_OBJECT &&
           leat_json_get_str(j, "deletes").s != NULL;
}

/* Batches up to "told" are forgotten by the file of keys: none may be among them that the stream
 * does not have. */
static leat_rc check_looked(leat_position now, leat_position to, leat_err *e)
{
    leat_query_looked was, looked;
    LEAT_TRY(leat_query_looked_read(to.offset, &looked, e));
    if (!now.offset.s) return LEAT_OK;
    LEAT_TRY(leat_query_looked_read(now.offset, &was, e));
    if (looked.told <= was.told) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "query.position", "offset",
                     LEAT_STR_FMT " would forget deletes that are not in the stream yet: \"told\" "
                                  "cannot be set higher than it is, %" PRIu64,
                     LEAT_STR_ARG(to.offset), was.told);
}

leat_rc leat_query_offset_check(const void *conf, leat_position now, leat_position to,
                                leat_arena *a, leat_position *out, const char **note, leat_err *e)
{
    const leat_query_conf *c = conf;
    leat_query_offset o;
    leat_buf text = {0};
    *note = NULL;
    *out = to;
    if (of_looks(to.partition, a)) {
        if (to.offset.s) LEAT_TRY(check_looked(now, to, e));
        *note = "deletes that were told may be told again";
        return LEAT_OK;
    }
    LEAT_TRY(own_partition(c, to.partition, a, &out->partition, e));
    if (!to.offset.s) {
        *note = "all rows of it are read again";
        return LEAT_OK;
    }
    LEAT_TRY(leat_query_offset_read(to.offset, &o, e));
    bool number = leat_query_by_number(c), moment = leat_query_by_moment(c);
    if ((o.has_number && !number) || (o.has_moment && !moment) ||
        (!o.has_number && !o.has_moment && (number || moment)))
        return bad(e, to.offset, "the mode has other members");
    leat_query_offset_write(&o, &text);
    out->offset = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    if (c->mode != LEAT_QUERY_BULK) *note = "rows behind it are read next, read before or not";
    return LEAT_OK;
}

void leat_query_offset_text(leat_str offset, leat_buf *out)
{
    leat_query_offset o;
    char iso[LEAT_ISO_MAX];
    leat_query_looked looked;
    if (leat_query_looked_read(offset, &looked, NULL) == LEAT_OK && offset.len > 2)
        leat_buf_printf(out, "looked %" PRIu64 " times for deleted rows", looked.looks);
    if (leat_rc_failed(leat_query_offset_read(offset, &o, NULL))) return;
    if (o.has_moment) leat_buf_printf(out, "rows of %s", leat_iso_us(o.moment_us, 6, iso));
    if (o.has_number)
        leat_buf_printf(out, "%s%" PRId64, o.has_moment ? ", number " : "number ", o.number);
    if (!o.has_moment && !o.has_number) leat_buf_printf(out, "read %" PRIu64 " times", o.polls);
}
