/* source/mysql: binary logs of real servers against what the servers say of them.
 *
 * CASE.bin is a file of the binary log, CASE.json has the events that SHOW BINLOG EVENTS shows and
 * the changes of the table `vec.t` that SELECTs saw (record_mysqlbinlog.py). Each file is decoded
 * and compared; then damaged, which must be noticed or at least harmless. */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "source/mysql/ddl.h"
#include "source/mysql/gtid.h"
#include "vectors/mysqlbinlog.h"

#define FOLDER TESTS_DIR "/vectors/mysqlbinlog/"

typedef struct seen {
    const char *name;
    leat_arena a;
    leat_str file;
    const leat_json *columns; /* the first column */
    const leat_json *event;   /* the next one expected */
    const leat_json *change;
    leat_mysql_image image;
    leat_binlog_table table;
    uint64_t table_id;
    bool minimal, payload; /* rows may lack columns; inside of a payload */
    unsigned rows,
        unknown; /* unknown: of this row, absent though changed; diffs of what is not there */
} seen;

static leat_str load(leat_arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s cannot be opened", path);
    fseek(f, 0, SEEK_END);
    size_t n = (size_t)ftell(f);
    rewind(f);
    char *p = leat_arena_alloc(a, n + 1, 1);
    assert_int_equal(fread(p, 1, n, f), n);
    fclose(f);
    return (leat_str){p, n};
}

/* ---- cells ---- */

static void put_moment(leat_buf *b, int64_t us, unsigned digits, bool date)
{
    int64_t days = us / INT64_C(86400000000), rest = us % INT64_C(86400000000);
    if (rest < 0) days--, rest += INT64_C(86400000000);
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;
    leat_buf_printf(b, "%04d-%02d-%02d", (int)(yoe + era * 400 + (m <= 2)), (int)m, (int)d);
    if (date) return;
    leat_buf_printf(b, " %02d:%02d:%02d", (int)(rest / 3600000000), (int)(rest / 60000000 % 60),
                    (int)(rest / 1000000 % 60));
    char fraction[8];
    snprintf(fraction, sizeof fraction, ".%06d", (int)(rest % 1000000));
    if (digits) leat_buf_printf(b, "%.*s", (int)digits + 1, fraction);
}

static void put_time(leat_buf *b, int64_t us, unsigned digits)
{
    uint64_t u = us < 0 ? (uint64_t)-us : (uint64_t)us;
    char fraction[8];
    snprintf(fraction, sizeof fraction, ".%06u", (unsigned)(u % 1000000));
    leat_buf_printf(b, "%s%02u:%02u:%02u", us < 0 ? "-" : "", (unsigned)(u / 3600000000),
                    (unsigned)(u / 60000000 % 60), (unsigned)(u / 1000000 % 60));
    if (digits) leat_buf_printf(b, "%.*s", (int)digits + 1, fraction);
}

static void put_hex(leat_buf *b, leat_str bytes, bool turned)
{
    for (size_t i = 0; i < bytes.len; i++)
        leat_buf_printf(b, "%02X", (uint8_t)bytes.s[turned ? bytes.len - 1 - i : i]);
}

static void put_struct(leat_buf *b, const leat_value *v)
{
    const leat_value *srid = &v->u.list[v->len - 1];
    uint32_t n = srid->kind == LEAT_INT ? (uint32_t)srid->u.i : 0;
    put_hex(b, (leat_str){(const char *)&n, 4}, false);
    put_hex(b, leat_value_str(&v->u.list[v->len - 2]), false);
}

/* As the server shows it. */
static void put_cell(leat_buf *b, const leat_json *col, const leat_value *v)
{
    leat_str type = leat_json_get_str(col, "type");
    unsigned digits = (unsigned)leat_json_get_i64(col, "digits", 0);
    switch ((leat_kind)v->kind) {
    case LEAT_INT:
        if (leat_str_is(type, "bigint") && leat_json_get_bool(col, "unsigned", false))
            leat_buf_u64(b, (uint64_t)v->u.i);
        else if (leat_str_is(type, "year"))
            leat_buf_printf(b, "%04d", (int)v->u.i);
        else
            leat_buf_i64(b, v->u.i);
        break;
    case LEAT_BOOL: leat_buf_printf(b, "%02d", (int)v->u.i); break;
    case LEAT_DATE: put_moment(b, v->u.i * INT64_C(86400000000), 0, true); break;
    case LEAT_TIME: put_time(b, v->u.i, digits); break;
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ: put_moment(b, v->u.i, digits, false); break;
    case LEAT_DECIMAL:
    case LEAT_TEXT: leat_buf_add(b, leat_value_str(v)); break;
    case LEAT_BYTES: put_hex(b, leat_value_str(v), leat_str_is(type, "bit")); break;
    case LEAT_STRUCT: put_struct(b, v); break;
    case LEAT_LIST:
        for (uint32_t i = 0; i < v->len; i++) {
            float f = (float)v->u.list[i].u.f;
            put_hex(b, (leat_str){(const char *)&f, sizeof f}, false);
        }
        break;
    default: fail_msg("a cell of kind %s", leat_kind_name((leat_kind)v->kind));
    }
}

/* other: the same cell of the other image; a minimal one may lack what is equal in both. */
static void check_cell(seen *s, const leat_json *col, const leat_value *v, const leat_json *want,
                       const leat_json *other)
{
    const char *name = leat_json_get_str(col, "name").s;
    if (v->kind == LEAT_ABSENT) {
        bool same = other && other->type == want->type && leat_str_eq(other->text, want->text);
        if (!s->minimal) fail_msg("%s %u %s: absent", s->name, s->rows, name);
        bool diffs = leat_str_is(leat_json_get_str(col, "type"), "json");
        if (other && !same && !diffs)
            fail_msg("%s %u %s: changed, but absent", s->name, s->rows, name);
        if (other && !same) s->unknown++;
        if (!other && want->type != LEAT_JSON_NULL)
            fail_msg("%s %u %s: inserted, but absent", s->name, s->rows, name);
        return;
    }
    if ((v->kind == LEAT_NULL) != (want->type == LEAT_JSON_NULL))
        fail_msg("%s %u %s: NULL or not", s->name, s->rows, name);
    if (v->kind == LEAT_NULL) return;
    if (v->kind == LEAT_FLOAT) {
        double d = strtod(want->text.s, NULL);
        bool is_float = leat_str_is(leat_json_get_str(col, "type"), "float");
        if (is_float ? (float)d != (float)v->u.f : d != v->u.f)
            fail_msg("%s %u %s: %.17g, not %.17g", s->name, s->rows, name, v->u.f, d);
        return;
    }
    leat_buf got = {0};
    put_cell(&got, col, v);
    if (!leat_str_eq(leat_buf_str(&got), want->text))
        fail_msg("%s %u %s: got %.*s, expected %.*s", s->name, s->rows, name, (int)got.len, got.p,
                 (int)want->text.len, want->text.s);
    leat_buf_free(&got);
}

/* before: the image is the one before; of a minimal one only the key is sure. */
static void check_image(seen *s, const leat_value *cells, const leat_json *want,
                        const leat_json *other, bool before)
{
    assert_non_null(cells);
    want = want->child;
    other = other && other->type == LEAT_JSON_ARRAY ? other->child : NULL;
    uint32_t i = 0;
    for (const leat_json *col = s->columns; col; col = col->next, want = want->next, i++) {
        bool lacking = before && s->minimal && cells[i].kind == LEAT_ABSENT;
        if (lacking) assert_true(i > 0);
        if (!lacking) check_cell(s, col, &cells[i], want, other);
        other = other ? other->next : NULL;
    }
}

static void check_row(seen *s, char op, const leat_value *before, const leat_value *after)
{
    const leat_json *c = s->change;
    if (!c) fail_msg("%s: more than %u changes", s->name, s->rows);
    assert_int_equal(op, leat_json_get_str(c, "op").s[0]);
    const leat_json *old = leat_json_get(c, "before"), *now = leat_json_get(c, "after");
    if (op != 'c') check_image(s, before, old, now, true);
    if (op != 'd') check_image(s, after, now, op == 'u' ? old : NULL, false);
    assert_true((op == 'c') == (before == NULL) && (op == 'd') == (after == NULL));
    s->change = c->next;
    s->rows++;
}

/* ---- the table ---- */

static uint8_t as_of(leat_str type)
{
    if (leat_str_is(type, "inet4")) return LEAT_MYSQL_AS_INET4;
    if (leat_str_is(type, "inet6")) return LEAT_MYSQL_AS_INET6;
    if (leat_str_is(type, "uuid")) return LEAT_MYSQL_AS_UUID;
    return leat_str_is(type, "point") ? LEAT_MYSQL_AS_POINT : LEAT_MYSQL_AS_WIRE;
}

static uint32_t labels_of(seen *s, const leat_json *col, const leat_str **out)
{
    uint32_t n = 0;
    const leat_json *all = leat_json_get(col, "labels");
    for (const leat_json *l = all->child; l; l = l->next) n++;
    leat_str *labels = LEAT_NEW(&s->a, leat_str, n);
    n = 0;
    for (const leat_json *l = all->child; l; l = l->next) labels[n++] = l->text;
    *out = labels;
    return n;
}

/* What the TABLE_MAP says beyond types is what the catalogue says. */
static void check_metadata(seen *s, const leat_binlog_column *w, const leat_mysql_want *want,
                           const leat_json *col)
{
    uint8_t has = s->table.has;
    if (has & LEAT_BINLOG_HAS_NAMES) assert_true(leat_str_is(w->name, want->name));
    if (has & LEAT_BINLOG_HAS_SIGNS)
        if (w->is_unsigned != want->is_unsigned &&
            !leat_str_is(leat_json_get_str(col, "type"), "year"))
            fail_msg("%s %s: unsigned %d", s->name, want->name, w->is_unsigned);
    bool label = w->type == LEAT_MYSQL_ENUM || w->type == LEAT_MYSQL_SET;
    bool charset = has & (label ? LEAT_BINLOG_HAS_LABEL_CHARSETS : LEAT_BINLOG_HAS_CHARSETS);
    if (charset && want->collation && !want->as)
        if (w->collation != want->collation)
            fail_msg("%s %s: collation %u, not %u", s->name, want->name, w->collation,
                     want->collation);
    if (!(has & LEAT_BINLOG_HAS_LABELS) || !label) return;
    assert_int_equal(w->nlabels, want->nlabels);
    for (uint32_t i = 0; i < w->nlabels; i++) {
        leat_str text;
        assert_int_equal(leat_charset_utf8(leat_charset_of_collation(want->collation), w->labels[i],
                                           &s->a, &text, NULL),
                         LEAT_OK);
        assert_true(leat_str_eq(text, want->labels[i]));
    }
}

static leat_rc plan_table(seen *s, leat_err *e)
{
    leat_mysql_col *cols = LEAT_NEW(&s->a, leat_mysql_col, s->table.ncols);
    uint32_t i = 0;
    for (const leat_json *col = s->columns; col; col = col->next, i++) {
        assert_true(i < s->table.ncols);
        leat_mysql_want want = {
            .table = "vec.t",
            .name = leat_json_get_str(col, "name").s,
            .is_unsigned = leat_json_get_bool(col, "unsigned", false),
            .collation = (uint16_t)leat_json_get_i64(col, "collation", 0),
            .as = as_of(leat_json_get_str(col, "type")),
        };
        want.nlabels = labels_of(s, col, &want.labels);
        check_metadata(s, &s->table.cols[i], &want, col);
        LEAT_TRY(leat_mysql_col_plan(&s->table.cols[i], &want, &cols[i], e));
    }
    assert_int_equal(i, s->table.ncols);
    s->image = (leat_mysql_image){cols, i, i};
    return LEAT_OK;
}

static leat_rc see_rows(seen *s, const leat_binlog_rows *rows, leat_err *e)
{
    static const char op[] = {[LEAT_BINLOG_ROWS_WRITE] = 'c',
                              [LEAT_BINLOG_ROWS_UPDATE] = 'u',
                              [LEAT_BINLOG_ROWS_DELETE] = 'd'};
    leat_mysql_rows r;
    const leat_value *before, *after;
    uint64_t n, k = 0;
    if (rows->table != s->table_id) return LEAT_OK;
    LEAT_TRY(leat_mysql_rows_open(&r, &s->image, rows, e));
    LEAT_TRY(leat_mysql_rows_count(&r, &n, e));
    leat_rc rc;
    for (; (rc = leat_mysql_rows_next(&r, &s->a, &before, &after, NULL, e)) == LEAT_OK; k++) {
        s->unknown = 0;
        check_row(s, op[rows->kind], before, after);
        assert_int_equal(r.unknown, s->unknown);
    }
    if (rc == LEAT_AGAIN) assert_int_equal(k, n);
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}

/* ---- events ---- */

static const char *shown_as(uint8_t type)
{
    switch (type) {
    case LEAT_BINLOG_FORMAT_DESCRIPTION: return "Format_desc";
    case LEAT_BINLOG_MARIADB_GTID:
    case LEAT_BINLOG_GTID: return "Gtid";
    case LEAT_BINLOG_MARIADB_GTID_LIST: return "Gtid_list";
    case LEAT_BINLOG_PARTIAL_UPDATE_ROWS: return "Update_rows_partial";
    case LEAT_BINLOG_GTID_TAGGED: return "Gtid_tagged_log_event";
    default: return leat_binlog_type_name(type);
    }
}

static void check_info(const seen *s, const leat_binlog_event *ev, leat_str info)
{
    char id[LEAT_GTID_TEXT], text[512];
    const char *want = NULL;
    leat_buf set = {0};
    if (ev->type == LEAT_BINLOG_GTID || ev->type == LEAT_BINLOG_GTID_TAGGED)
        want = leat_gtid_print(&ev->gtid.id, id);
    if (ev->type == LEAT_BINLOG_MARIADB_GTID)
        want = leat_mariadb_gtid_print(&ev->mariadb_gtid.id, id);
    if (ev->type == LEAT_BINLOG_TABLE_MAP) {
        snprintf(text, sizeof text, "table_id: %llu (%.*s.%.*s)", (unsigned long long)ev->table.id,
                 LEAT_STR_ARG(ev->table.db), LEAT_STR_ARG(ev->table.name));
        want = text;
    }
    if (ev->type == LEAT_BINLOG_XID) {
        snprintf(text, sizeof text, "COMMIT /* xid=%llu */", (unsigned long long)ev->xid);
        want = text;
    }
    if (ev->type == LEAT_BINLOG_ROTATE) {
        snprintf(text, sizeof text, "%.*s;pos=%llu", LEAT_STR_ARG(ev->rotate.file),
                 (unsigned long long)ev->rotate.pos);
        want = text;
    }
    if (ev->type == LEAT_BINLOG_QUERY || ev->type == LEAT_BINLOG_QUERY_COMPRESSED) {
        snprintf(text, sizeof text, "%.*s",
                 (int)(ev->query.sql.len > 200 ? 200 : ev->query.sql.len), ev->query.sql.s);
        want = text;
    }
    if (ev->type == LEAT_BINLOG_ROWS_QUERY || ev->type == LEAT_BINLOG_ANNOTATE_ROWS) {
        snprintf(text, sizeof text, "%.*s",
                 (int)(ev->statement.len > 200 ? 200 : ev->statement.len), ev->statement.s);
        want = text;
    }
    if (ev->type == LEAT_BINLOG_PREVIOUS_GTIDS) {
        leat_gtid_set gtids = {0}, again = {0};
        leat_buf bytes = {0};
        leat_err e;
        assert_int_equal(leat_gtid_set_decode(&gtids, ev->previous_gtids, &e), LEAT_OK);
        leat_gtid_set_encode(&gtids, &bytes);
        assert_true(leat_str_eq(leat_buf_str(&bytes), ev->previous_gtids));
        assert_int_equal(leat_gtid_set_parse(&again, info, &e), LEAT_OK);
        assert_true(leat_gtid_set_eq(&gtids, &again));
        leat_gtid_set_print(&gtids, &set);
        leat_buf_free(&bytes);
        leat_gtid_set_free(&gtids);
        leat_gtid_set_free(&again);
    }
    if (want && !memmem(info.s, info.len, want, strlen(want)))
        fail_msg("%s at %u: %s: got %s, expected %.*s", s->name, ev->end_pos,
                 leat_binlog_type_name(ev->type), want, LEAT_STR_ARG(info));
    leat_buf_free(&set);
}

static void check_event(seen *s, const leat_binlog_event *ev, bool inside)
{
    const leat_json *want = s->event;
    if (!want) fail_msg("%s: more events than shown", s->name);
    const char *type = shown_as(ev->type);
    if (!leat_str_ieq(leat_json_get_str(want, "type"), leat_str_of(type)))
        fail_msg("%s at %u: %s, shown as %s", s->name, ev->end_pos, type,
                 leat_json_get_str(want, "type").s);
    if (!inside) assert_int_equal(ev->end_pos, leat_json_get_i64(want, "end", 0));
    check_info(s, ev, leat_json_get_str(want, "info"));
    s->event = want->next;
}

static leat_rc see(void *ctx, const leat_binlog_event *ev, bool inside, leat_err *e)
{
    seen *s = ctx;
    check_event(s, ev, inside);
    if (ev->skip) return LEAT_OK;
    if (ev->type == LEAT_BINLOG_TABLE_MAP) {
        bool ours = leat_str_is(ev->table.db, "vec") && leat_str_is(ev->table.name, "t");
        if (!ours) return LEAT_OK;
        s->table = ev->table;
        s->table_id = ev->table.id;
        return plan_table(s, e);
    }
    bool rows = strstr(leat_binlog_type_name(ev->type), "_rows") &&
                ev->type != LEAT_BINLOG_ANNOTATE_ROWS && ev->type != LEAT_BINLOG_ROWS_QUERY;
    return rows || ev->type == LEAT_BINLOG_PARTIAL_UPDATE_ROWS ? see_rows(s, &ev->rows, e)
                                                               : LEAT_OK;
}

static void run_case(const char *name)
{
    seen s = {.name = name};
    const leat_json *j;
    leat_err e = {0};
    leat_binlog_format f;
    char path[512];
    snprintf(path, sizeof path, FOLDER "%s.bin", name);
    s.file = load(&s.a, path);
    snprintf(path, sizeof path, FOLDER "%s.json", name);
    if (leat_json_parse(&s.a, load(&s.a, path), &j, &e) != LEAT_OK) fail_msg("%s: %s", name, e.msg);
    s.columns = leat_json_get(j, "columns")->child;
    s.event = leat_json_get(j, "events")->child;
    s.change = leat_json_get(j, "changes")->child;
    s.minimal = strstr(name, "minimal") || strstr(name, "noblob");
    if (leat_walk_binlog(s.file, &f, &s.a, see, &s, &e) != LEAT_OK)
        fail_msg("%s: %s: %s", name, e.code, e.msg);
    if (s.event) fail_msg("%s: %s was not there", name, leat_json_get_str(s.event, "type").s);
    if (s.change) fail_msg("%s: only %u changes", name, s.rows);
    assert_int_equal(f.mariadb, leat_str_is(leat_json_get_str(j, "server"), "mariadb"));
    assert_true(s.rows > 0);
    leat_arena_free(&s.a);
}

static void each_case(void (*fn)(const char *name))
{
    DIR *d = opendir(FOLDER);
    assert_non_null(d);
    unsigned n = 0;
    for (struct dirent *entry; (entry = readdir(d));) {
        char name[256];
        snprintf(name, sizeof name, "%s", entry->d_name);
        char *dot = strrchr(name, '.');
        if (!dot || strcmp(dot, ".bin") != 0) continue;
        *dot = '\0';
        const char *only = getenv("CASE");
        if (!only || strcmp(only, name) == 0) fn(name);
        n++;
    }
    closedir(d);
    assert_true(n >= 25);
}

static void test_what_servers_say(void **state)
{
    (void)state;
    each_case(run_case);
}

/* ---- damage ---- */

static leat_rc ignore(void *ctx, const leat_binlog_event *ev, bool inside, leat_err *e)
{
    (void)ctx;
    (void)ev;
    (void)inside;
    (void)e;
    return LEAT_OK;
}

/* Every byte with one bit turned, but for the length of an event: the checksum sees it. */
static void damage(const char *name)
{
    leat_arena a = {0};
    leat_binlog_format f;
    leat_err e;
    char path[512];
    snprintf(path, sizeof path, FOLDER "%s.bin", name);
    leat_str file = load(&a, path);
    if (file.len > 8000) file.len = 8000;
    char *p = (char *)(uintptr_t)file.s;
    bool checksums = !strstr(name, "nochecksum");
    for (size_t i = LEAT_BINLOG_MAGIC; i + 30 < file.len; i += 7) {
        leat_arena scratch = {0};
        p[i] = (char)(p[i] ^ 16);
        leat_rc rc = leat_walk_binlog(file, &f, &scratch, ignore, NULL, &e);
        if (rc == LEAT_OK && checksums) fail_msg("%s: damage at %zu was not seen", name, i);
        assert_true(rc == LEAT_OK || rc == LEAT_FATAL);
        p[i] = (char)(p[i] ^ 16);
        leat_arena_free(&scratch);
    }
    leat_arena_free(&a);
}

static void test_damage_is_noticed(void **state)
{
    (void)state;
    damage("my_numbers");
    damage("ma_numbers");
    damage("my_nochecksum");
    damage("my_compressed");
    damage("ma_compressed");
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_what_servers_say),
        cmocka_unit_test(test_damage_is_noticed),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
