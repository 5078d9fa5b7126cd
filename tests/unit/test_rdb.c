/* The pure parts of the relational sinks: URLs, texts of cells, names of tables, reducing. */
#include "test.h"

#include <math.h>

#include "base/clock.h"
#include "sink/sql/my.h"
#include "sink/sql/pg.h"
#include "sink/sql/plan.h"
#include "sink/sql/reduce.h"
#include "sink/sql/text.h"
#include "system/mysql/url.h"

static leat_arena a;

static int reset(void **state)
{
    (void)state;
    leat_arena_free(&a);
    return 0;
}

static void test_urls(void **state)
{
    (void)state;
    leat_db_url u;
    leat_err e;
    assert_int_equal(
        leat_db_url_read("jdbc:postgresql://h:1/d%20b?user=x&password=a%26b&ssl", &a, &u, &e),
        LEAT_OK);
    assert_string_equal(u.scheme, "postgresql");
    assert_string_equal(u.hosts, "h");
    assert_int_equal(u.port, 1);
    assert_string_equal(u.path, "d b");
    assert_string_equal(u.user, "x");
    assert_string_equal(u.password, "a&b");
    assert_string_equal(leat_props_get(&u.params, "ssl"), "");
    assert_null(leat_db_url_param(&u, "sslmode"));
    assert_int_equal(leat_db_url_read("postgres://me:p%40w@[::1]:5433,h2:5433/db", &a, &u, &e),
                     LEAT_OK);
    assert_string_equal(u.scheme, "postgresql");
    assert_string_equal(u.hosts, "::1,h2");
    assert_int_equal(u.port, 5433);
    assert_string_equal(u.password, "p@w");
    assert_int_equal(leat_db_url_read("jdbc:sqlite:/a/b.db", &a, &u, &e), LEAT_OK);
    assert_string_equal(u.path, "/a/b.db");
    assert_int_equal(leat_db_url_read("jdbc:postgresql:db", &a, &u, &e), LEAT_OK);
    assert_string_equal(u.path, "db");
    assert_null(u.hosts);
}

static void test_urls_that_are_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "jdbc:",
                                        "postgresql",
                                        "postgresql://h:0/db",
                                        "postgresql://h:x/db",
                                        "postgresql://h:99999/db",
                                        "postgresql://[::1/db",
                                        "postgresql://h:1,g:2/db"};
    leat_db_url u;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        leat_err e = {0};
        assert_int_equal(leat_db_url_read(wrong[i], &a, &u, &e), LEAT_CONF);
        assert_string_equal(e.code, "config.url");
    }
}

static void test_certificates_are_checked_by_something(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        leat_rc rc;
    } cases[] = {
        {"sslMode=VERIFY_CA", LEAT_CONF},
        {"sslMode=verify-full", LEAT_CONF},
        {"verifyServerCertificate=true", LEAT_CONF},
        {"sslMode=VERIFY_CA&serverSslCert=/ca.pem", LEAT_OK},
        {"verifyServerCertificate=true&sslrootcert=/ca.pem", LEAT_OK},
        {"sslMode=REQUIRED", LEAT_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_db_url u;
        leat_my_target t = {0};
        leat_err e = {0};
        char *url = leat_arena_printf(&a, "jdbc:mysql://h/db?%s", cases[i].params);
        assert_int_equal(leat_db_url_read(url, &a, &u, &e), LEAT_OK);
        assert_int_equal(leat_my_url_target(&u, &t, &e), cases[i].rc);
        if (cases[i].rc == LEAT_CONF) assert_non_null(strstr(e.msg, "serverSslCert"));
    }
}

#define ASSERT_TEXT(call, expected)                                                                \
    do {                                                                                           \
        leat_buf out = {0};                                                                        \
        call;                                                                                      \
        leat_buf_u8(&out, 0);                                                                      \
        assert_string_equal(out.p, expected);                                                      \
        leat_buf_free(&out);                                                                       \
    } while (0)

static void test_times(void **state)
{
    (void)state;
    int64_t bc = leat_days_of(-43, 3, 15);
    ASSERT_TEXT(leat_rdb_text_date(&out, 0, true), "1970-01-01");
    ASSERT_TEXT(leat_rdb_text_date(&out, bc, true), "0044-03-15");
    ASSERT_TEXT(leat_rdb_text_date(&out, bc, false), "-0043-03-15");
    ASSERT_TEXT(leat_rdb_text_timestamp(&out, -1, LEAT_US, true, "+00"),
                "1969-12-31 23:59:59.999999+00");
    ASSERT_TEXT(leat_rdb_text_timestamp(&out, bc * 86400000, LEAT_MS, true, ""),
                "0044-03-15 00:00:00 BC");
    ASSERT_TEXT(leat_rdb_text_clock(&out, INT64_C(86400000000), LEAT_US), "24:00:00");
    ASSERT_TEXT(leat_rdb_text_clock(&out, 1, LEAT_NS), "00:00:00.000000001");
    ASSERT_TEXT(leat_rdb_text_clock(&out, 120, LEAT_MS), "00:00:00.12");
    ASSERT_TEXT(leat_rdb_text_clock(&out, INT64_C(-5400500), LEAT_MS), "-01:30:00.5");
    ASSERT_TEXT(leat_rdb_text_clock(&out, INT64_C(-3020399000000), LEAT_US), "-838:59:59");
    ASSERT_TEXT(leat_rdb_text_clock(&out, INT64_MIN, LEAT_US), "-2562047788:00:54.775808");
    ASSERT_TEXT(leat_rdb_text_zone(&out, -12600), "-03:30");
    ASSERT_TEXT(leat_rdb_text_zone(&out, 3661), "+01:01:01");
}

static void test_times_without_end(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {LEAT_DATE, LEAT_TIMESTAMP, LEAT_TIMESTAMPTZ};
    for (size_t i = 0; i < sizeof kinds; i++) {
        leat_value both[] = {{.kind = kinds[i], .u.i = LEAT_TIME_INFINITY},
                             {.kind = kinds[i], .u.i = LEAT_TIME_MINUS_INFINITY}};
        leat_value list = {.kind = LEAT_LIST, .len = 2, .u.list = both};
        ASSERT_TEXT(leat_rdb_text_cell(&out, NULL, &both[1]), "-infinity");
        ASSERT_TEXT(leat_rdb_text_json(&out, NULL, &list), "[\"infinity\",\"-infinity\"]");
    }
}

static void test_numbers_and_bits(void **state)
{
    (void)state;
    ASSERT_TEXT(leat_rdb_text_float(&out, (double)0.1f, true), "0.1");
    ASSERT_TEXT(leat_rdb_text_float(&out, 0.1, false), "0.1");
    ASSERT_TEXT(leat_rdb_text_float(&out, (double)0.1f, false), "0.10000000149011612");
    ASSERT_TEXT(leat_rdb_text_float(&out, 1e16, false), "10000000000000000");
    ASSERT_TEXT(leat_rdb_text_float(&out, (double)-123456789.0f, true), "-123456792");
    ASSERT_TEXT(leat_rdb_text_float(&out, 1e22, false), "1.0E22");
    ASSERT_TEXT(leat_rdb_text_float(&out, 2.5e-7, false), "2.5E-7");
    ASSERT_TEXT(leat_rdb_text_float(&out, -0.0, false), "-0");
    ASSERT_TEXT(leat_rdb_text_float(&out, -HUGE_VAL, false), "-Infinity");
    static const struct {
        const char *length, *bytes, *text;
    } bits[] = {{"9", "\1\1", "100000001"},
                {"3", "", "000"},
                {"2147483647", "\5", "101"},
                {NULL, "\5", "101"}};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        leat_schema *s = leat_schema_named(&a, LEAT_T_BYTES, true, "io.debezium.data.Bits", 1);
        if (bits[i].length) leat_schema_param(&a, s, "length", bits[i].length);
        ASSERT_TEXT(leat_rdb_text_bits(&out, s, leat_str_of(bits[i].bytes)), bits[i].text);
    }
}

static void test_names(void **state)
{
    (void)state;
    leat_table t = {.topic = "shop.public.Orders", .schema = "public", .name = "Orders"};
    static const struct {
        const char *dotted, *plain, *schema, *name;
    } cases[] = {
        {NULL, "${topic}", NULL, "shop_public_Orders"},
        {NULL, "cdc_${source.table}", NULL, "cdc_Orders"},
        {NULL, "${source.schema}.x", "public", "x"},
        {"${topic}", NULL, "public", "Orders"},
        {"${source.table}", NULL, NULL, "Orders"},
        {"${source.schema}.${source.table}", NULL, "public", "Orders"},
        {"all.${unknown", NULL, "all", "${unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_rdb_conf conf = {.table_dotted = cases[i].dotted, .table_format = cases[i].plain};
        const char *schema, *name;
        leat_rdb_name(&conf, &t, &a, &schema, &name);
        assert_string_equal(name, cases[i].name);
        if (cases[i].schema)
            assert_string_equal(schema, cases[i].schema);
        else
            assert_null(schema);
    }
}

static void test_wrong_names(void **state)
{
    (void)state;
    assert_null(leat_rdb_name_wrong("${source.db}_${source.schema}.${topic}-$x{}", &a));
    assert_non_null(strstr(leat_rdb_name_wrong("", &a), "empty"));
    assert_non_null(strstr(leat_rdb_name_wrong("a${topic", &a), "no } behind \"${topic\""));
    assert_non_null(strstr(leat_rdb_name_wrong("${topic}${source.tabel}", &a), "source.tabel"));
}

/* ---- MySQL's constants and types ---- */

/* The cell as a constant of a column of this type; NULL: refused. */
static const char *constant(const char *type, const leat_schema *schema, leat_value v)
{
    leat_rdb_column to = {.name = "c", .type = type};
    leat_rdb_field f = {.to = &to, .schema = schema};
    leat_buf out = {0};
    leat_err e = {0};
    to.form = (uint8_t)leat_rdb_my_form_of(leat_str_of(type));
    leat_rc rc = leat_rdb_my_put(&out, &f, &v, &e);
    const char *text = rc == LEAT_OK ? leat_arena_str(&a, leat_buf_str(&out)).s : NULL;
    leat_buf_free(&out);
    if (rc == LEAT_OK) return text;
    assert_int_equal(rc, LEAT_DATA);
    assert_string_equal(e.code, "sql.range");
    assert_non_null(strstr(e.msg, "column c"));
    return NULL;
}

static leat_value at(leat_kind kind, int64_t t, leat_unit unit)
{
    return (leat_value){.kind = (uint8_t)kind, .unit = (uint8_t)unit, .u.i = t};
}

static leat_value decimal(const char *text)
{
    leat_value v = leat_text(leat_str_of(text));
    v.kind = LEAT_DECIMAL;
    return v;
}

static void test_constants_of_mysql(void **state)
{
    (void)state;
    leat_schema *s = leat_schema_new(&a, LEAT_T_STRING, true);
    leat_schema *bits = leat_schema_named(&a, LEAT_T_BYTES, true, "io.debezium.data.Bits", 1);
    leat_schema_param(&a, bits, "length", "9");
    assert_string_equal(constant("int(11)", s, leat_null()), "NULL");
    assert_string_equal(constant("int unsigned", s, leat_int(-5)), "-5");
    assert_string_equal(constant("varchar(9)", s, leat_int(-5)), "'-5'");
    assert_string_equal(constant("tinyint(1)", s, leat_bool(true)), "1");
    assert_string_equal(constant("text", s, leat_bool(true)), "'true'");
    assert_string_equal(constant("double", s, leat_float(-0.0)), "-0e0");
    assert_string_equal(constant("float", s, leat_float(1e300)), "1.0E300");
    assert_string_equal(constant("double", s, leat_float(0.1)), "0.1e0");
    assert_string_equal(constant("decimal(9,2)", s, decimal("-1.50")), "-1.50");
    assert_string_equal(constant("longtext", s, decimal("NaN")), "'NaN'");
    assert_string_equal(constant("varchar(9)", s, leat_text(LEAT_STR("it's"))), "'it''s'");
    assert_string_equal(constant("varchar(9)", s, leat_text(LEAT_STR("a\\"))), "_utf8mb4 X'615c'");
    assert_string_equal(constant("blob", s, leat_bytes(LEAT_STR("\1\xff"))), "X'01ff'");
    assert_string_equal(constant("bit(9)", bits, leat_bytes(LEAT_STR("\1\1"))), "b'100000001'");
    assert_string_equal(constant("text", bits, leat_bytes(LEAT_STR("\1\1"))), "'100000001'");
    assert_string_equal(constant("datetime(6)", s, at(LEAT_TIMESTAMPTZ, -1, LEAT_US)),
                        "'1969-12-31 23:59:59.999999'");
    assert_string_equal(constant("time", s, at(LEAT_TIME, INT64_C(86400000), LEAT_MS)),
                        "'24:00:00'");
    assert_string_equal(constant("date", s, at(LEAT_DATE, leat_days_of(9999, 12, 31), LEAT_US)),
                        "'9999-12-31'");
}

static void test_constants_that_mysql_has_not(void **state)
{
    (void)state;
    leat_schema *s = leat_schema_new(&a, LEAT_T_STRING, true);
    assert_null(constant("double", s, leat_float(NAN)));
    assert_null(constant("decimal(9,2)", s, decimal("-Infinity")));
    assert_null(constant("date", s, at(LEAT_DATE, LEAT_TIME_INFINITY, LEAT_US)));
    assert_null(constant("date", s, at(LEAT_DATE, leat_days_of(0, 12, 31), LEAT_US)));
    int64_t last = leat_days_of(10000, 1, 1) * INT64_C(86400000000);
    assert_non_null(constant("datetime(6)", s, at(LEAT_TIMESTAMP, last - 1, LEAT_US)));
    assert_null(constant("datetime(6)", s, at(LEAT_TIMESTAMP, last, LEAT_US)));
    assert_string_equal(constant("text", s, at(LEAT_TIMESTAMP, LEAT_TIME_MINUS_INFINITY, LEAT_US)),
                        "'-infinity'");
}

static void test_places_of_mysql(void **state)
{
    (void)state;
    const char *const params[] = {"x'y", "?"};
    ASSERT_TEXT(leat_rdb_my_fill(&out, "SET `a?`=? WHERE \"?\"='?' AND b=?", 2, params),
                "SET `a?`='x''y' WHERE \"?\"='?' AND b='?'");
}

static void test_types_of_mysql(void **state)
{
    (void)state;
    static const struct {
        leat_type type;
        const char *name, *param, *value;
        bool key;
        const char *made;
    } cases[] = {
        {LEAT_T_STRING, NULL, NULL, NULL, false, "LONGTEXT"},
        {LEAT_T_STRING, NULL, NULL, NULL, true, "VARCHAR(255)"},
        {LEAT_T_BYTES, NULL, NULL, NULL, true, "VARBINARY(255)"},
        {LEAT_T_INT64, "io.debezium.time.MicroTimestamp", NULL, NULL, false, "DATETIME(6)"},
        {LEAT_T_STRING, "io.debezium.time.ZonedTime", NULL, NULL, false, "LONGTEXT"},
        {LEAT_T_STRING, "io.debezium.data.Uuid", NULL, NULL, true, "CHAR(36)"},
        {LEAT_T_BYTES, "io.debezium.data.Bits", "length", "64", false, "BIT(64)"},
        {LEAT_T_BYTES, "io.debezium.data.Bits", "length", "65", false, "LONGTEXT"},
        {LEAT_T_BYTES, "org.apache.kafka.connect.data.Decimal", "scale", "30", false,
         "DECIMAL(65,30)"},
        {LEAT_T_BYTES, "org.apache.kafka.connect.data.Decimal", "scale", "31", false, "LONGTEXT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_schema *s = cases[i].name
                             ? leat_schema_named(&a, cases[i].type, true, cases[i].name, 1)
                             : leat_schema_new(&a, cases[i].type, true);
        if (cases[i].param) leat_schema_param(&a, s, cases[i].param, cases[i].value);
        ASSERT_TEXT(leat_rdb_my_type(&out, s, NULL, cases[i].key), cases[i].made);
    }
}

/* Parameters of a record's schema are whoever wrote the record's. */
static void test_types_of_postgres(void **state)
{
    (void)state;
    static const struct {
        const char *precision, *scale, *made;
    } cases[] = {
        {"10", "2", "numeric(10,2)"},
        {"1000", "1000", "numeric(1000,1000)"},
        {NULL, "2", "numeric"},
        {"10", NULL, "numeric"},
        {"10", "-1", "numeric"},
        {"1001", "0", "numeric"},
        {"2", "3", "numeric"},
        {"0", "0", "numeric"},
        {"10", "2)); DROP TABLE t; --", "numeric"},
        {"1,0)); DROP TABLE t; --", "2", "numeric"},
        {"99999999999999999999", "2", "numeric"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_schema *s =
            leat_schema_named(&a, LEAT_T_BYTES, true, "org.apache.kafka.connect.data.Decimal", 1);
        if (cases[i].scale) leat_schema_param(&a, s, "scale", cases[i].scale);
        if (cases[i].precision)
            leat_schema_param(&a, s, "connect.decimal.precision", cases[i].precision);
        ASSERT_TEXT(leat_rdb_pg_type(&out, s, NULL, false), cases[i].made);
    }
}

/* A struct of a record is whoever's who wrote it: only what looks like one is a point, a vector. */
static void test_structs_of_postgres(void **state)
{
    (void)state;
    static const struct {
        const char *name, *second;
        leat_rdb_pg_form form;
        leat_value cells[2];
        const char *text;
    } cases[] = {
#define POINT "io.debezium.data.geometry.Point"
#define CELL(its_kind, ...) {.kind = its_kind, .u = {__VA_ARGS__}}
        {POINT,
         "y",
         LEAT_RDB_PG_PLAIN,
         {CELL(LEAT_FLOAT, .f = 1), CELL(LEAT_FLOAT, .f = 2)},
         "(1,2)"},
        {POINT,
         "z",
         LEAT_RDB_PG_PLAIN,
         {CELL(LEAT_FLOAT, .f = 1), CELL(LEAT_FLOAT, .f = 2)},
         "{\"x\":1,\"z\":2}"},
        {POINT,
         "y",
         LEAT_RDB_PG_PLAIN,
         {CELL(LEAT_FLOAT, .f = 1), CELL(LEAT_INT, .i = 2)},
         "{\"x\":1,\"y\":2}"},
        {"mine",
         "y",
         LEAT_RDB_PG_PLAIN,
         {CELL(LEAT_INT, .i = 1), CELL(LEAT_INT, .i = 2)},
         "{\"x\":1,\"y\":2}"},
        {"mine",
         "wkb",
         LEAT_RDB_PG_PLAIN,
         {CELL(LEAT_INT, .i = 1), CELL(LEAT_INT, .i = 2)},
         "{\"x\":1,\"wkb\":2}"},
        {"mine",
         "y",
         LEAT_RDB_PG_VECTOR,
         {CELL(LEAT_INT, .i = 1), {.kind = LEAT_TEXT, .len = 1, .u.s = "b"}},
         "{\"x\":1,\"y\":\"b\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_schema *s = leat_schema_struct(&a, true, cases[i].name, 1, 2);
        leat_field list[] = {{"x", leat_schema_new(&a, LEAT_T_FLOAT64, true)},
                             {cases[i].second, leat_schema_new(&a, LEAT_T_FLOAT64, true)}};
        leat_value v = {.kind = LEAT_STRUCT, .len = 2, .u.list = cases[i].cells};
        leat_rdb_column to = {.form = (uint8_t)cases[i].form};
        leat_rdb_field f = {.to = &to, .schema = s};
        bool nul;
        s->fields = list;
        ASSERT_TEXT(leat_rdb_pg_put(&out, &f, &v, &nul), cases[i].text);
    }
}

/* ---- plans ---- */

/* A target of one table, whose columns are those of `there`; NULL: there is no table. DDL gives it
 * those of `made`. */
static const char *const *there, *const *made;
static unsigned ddl;
static bool refuses;            /* it refuses DDL, and has the columns of `made` all the same, */
static const char *const *last; /* ... and of these after the next */

static leat_rc describe(leat_rdb_conn *c, leat_rdb_table *t, leat_arena *at, leat_err *e)
{
    (void)c;
    (void)e;
    t->exists = there != NULL;
    t->ncolumns = 0;
    t->columns = LEAT_NEW(at, leat_rdb_column, 4);
    for (; there && there[t->ncolumns]; t->ncolumns++)
        t->columns[t->ncolumns] = (leat_rdb_column){.name = there[t->ncolumns]};
    return LEAT_OK;
}

static leat_rc count_ddl(leat_rdb_conn *c, const char *doing, const char *sql, leat_err *e)
{
    (void)c;
    (void)doing;
    if (strstr(sql, "SAVEPOINT") || strcmp(sql, "ROLLBACK") == 0 || strcmp(sql, "BEGIN") == 0)
        return LEAT_OK;
    ddl++;
    there = made;
    if (!refuses) return LEAT_OK;
    made = last;
    return leat_fail(e, LEAT_CONF, "test.refused", NULL, "no");
}

static void quote_not(leat_buf *out, leat_str name)
{
    leat_buf_add(out, name);
}

static const char *const schemes[] = {NULL};
static const leat_rdb_dialect plain = {.schemes = schemes,
                                       .quote = quote_not,
                                       .type = leat_rdb_pg_type,
                                       .exec = count_ddl,
                                       .describe = describe};
static leat_rdb_conn plain_conn = {.dialect = &plain};
static const leat_rdb_dialect commits = {.schemes = schemes,
                                         .ddl_commits = true,
                                         .quote = quote_not,
                                         .type = leat_rdb_pg_type,
                                         .exec = count_ddl,
                                         .describe = describe};
static leat_rdb_conn commits_conn = {.dialect = &commits};

/* Of rows with these columns, all in the key; of tombstones: KEYS. */
static leat_table *table_of(const char *const *names, uint16_t flags)
{
    leat_origin *o = leat_origin_new();
    o->schema = leat_schema_struct(&o->arena, false, NULL, 0, 0);
    leat_table *t = leat_table_new(o);
    leat_origin_unpin(o);
    uint32_t n = 0;
    while (names[n]) n++;
    leat_field *list = LEAT_NEW(&t->arena, leat_field, n);
    uint16_t *cols = LEAT_NEW(&t->arena, uint16_t, n);
    for (uint16_t i = 0; i < n; i++) {
        list[i] = (leat_field){names[i], leat_schema_new(&t->arena, LEAT_T_INT32, true)};
        cols[i] = i;
    }
    leat_schema *row = leat_schema_struct(&t->arena, false, NULL, 0, n);
    row->fields = list;
    t->topic = t->name = "t";
    t->row = t->key = row;
    t->key_cols = cols;
    t->nkey = (uint16_t)n;
    t->flags = flags;
    leat_table_seal(t);
    return t;
}

static leat_rdb_plan *plan_for(leat_rdb_target *t, const leat_table *source)
{
    leat_rdb_plan *out = NULL;
    leat_err e = {0};
    if (leat_rdb_plan_of(t, source, &out, &e) != LEAT_OK) fail_msg("%s", e.msg);
    return out;
}

/* A tombstone before there is a table, rows that make it, tombstones again. */
static void test_tombstones_before_their_table(void **state)
{
    (void)state;
    static const char *const id[] = {"id", NULL};
    const leat_rdb_conf conf = {
        .pk = LEAT_RDB_PK_KEY, .insert = LEAT_RDB_UPSERT, .create = true, .table_format = "t"};
    leat_rdb_target t = {.conn = &plain_conn, .conf = &conf};
    leat_table *keys = table_of(id, LEAT_TABLE_KEYS), *rows = table_of(id, 0);
    there = NULL;
    made = id;
    assert_int_equal(plan_for(&t, keys)->nkey, 0);
    assert_int_equal(ddl, 0);
    assert_int_equal(plan_for(&t, rows)->nkey, 1);
    assert_int_equal(ddl, 1);
    assert_int_equal(plan_for(&t, keys)->nkey, 1);
    leat_rdb_target_close(&t);
    leat_table_unpin(keys);
    leat_table_unpin(rows);
}

/* A version that was forgotten and made again has the plan that it had. */
static void test_plans_of_the_same_version(void **state)
{
    (void)state;
    static const char *const id[] = {"id", NULL}, *const both[] = {"id", "text", NULL};
    const leat_rdb_conf conf = {
        .pk = LEAT_RDB_PK_KEY, .insert = LEAT_RDB_UPSERT, .table_format = "t"};
    leat_rdb_target t = {.conn = &plain_conn, .conf = &conf};
    there = both;
    leat_table *first = table_of(id, 0), *other = table_of(both, 0);
    leat_rdb_plan *p = plan_for(&t, first);
    assert_ptr_not_equal(plan_for(&t, other), p);
    leat_table_unpin(first);
    for (int i = 0; i < 3; i++) {
        leat_table *again = table_of(id, 0);
        assert_ptr_equal(plan_for(&t, again), p);
        assert_true(leat_rdb_plan_is(p, again));
        assert_false(leat_rdb_plan_is(p, other));
        leat_table_unpin(again);
    }
    leat_rdb_target_close(&t);
    leat_table_unpin(other);
}

/* Of a tombstone's key no column is added, and what it lacks is not taken for any. */
static void test_keys_of_tombstones(void **state)
{
    (void)state;
    static const char *const id[] = {"id", NULL}, *const more[] = {"id", "moved", NULL};
    static const char *const other[] = {"other", NULL}, *const both[] = {"id", "text", NULL};
    static const struct {
        const char *const *key;
        bool by_value;
        uint16_t nkey;
    } cases[] = {{id, false, 1},   {more, false, 1}, {other, false, 0},
                 {both, false, 2}, {id, true, 0},    {both, true, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const char *const names[] = {"id", "text"};
        leat_rdb_conf conf = {
            .pk = LEAT_RDB_PK_KEY, .insert = LEAT_RDB_UPSERT, .evolve = true, .table_format = "t"};
        if (cases[i].by_value) conf.pk = LEAT_RDB_PK_VALUE;
        if (cases[i].by_value) conf.pk_fields = (leat_opt_list){.v = names, .n = 2};
        leat_rdb_target t = {.conn = &plain_conn, .conf = &conf};
        leat_table *keys = table_of(cases[i].key, LEAT_TABLE_KEYS);
        there = both;
        ddl = 0;
        leat_rdb_plan *p = plan_for(&t, keys);
        assert_int_equal(p->nkey, cases[i].nkey);
        assert_int_equal(p->bad.rc, cases[i].nkey > 0 ? LEAT_OK : LEAT_DATA);
        assert_int_equal(ddl, 0);
        leat_rdb_target_close(&t);
        leat_table_unpin(keys);
    }
}

static const char *const col_id[] = {"id", NULL}, *const col_c1[] = {"id", "c1", NULL},
                         *const cols_all[] = {"id", "c1", "c2", NULL};

/* A plan is looked into once a second: as if that had passed. */
static leat_rc later(leat_rdb_target *t, leat_rdb_plan *p, leat_err *e)
{
    p->looked_us = leat_mono_us() - 2000000;
    return leat_rdb_plan_of(t, p->source, &p, e);
}

/* Another sink adds the first column as this one tries to: the second is missing no less. */
static void test_columns_that_others_add(void **state)
{
    (void)state;
    const leat_rdb_conf conf = {
        .pk = LEAT_RDB_PK_KEY, .insert = LEAT_RDB_UPSERT, .evolve = true, .table_format = "t"};
    static const struct {
        const char *const *last;
        leat_rc rc;
        uint16_t nfields;
    } cases[] = {{cols_all, LEAT_OK, 3}, {col_c1, LEAT_DATA, 2}};
    for (size_t i = 0; i < 2; i++) {
        leat_rdb_target t = {.conn = &plain_conn, .conf = &conf};
        leat_table *rows = table_of(cols_all, 0);
        there = col_id;
        made = col_c1;
        last = cases[i].last;
        refuses = true;
        ddl = 0;
        leat_rdb_plan *p = plan_for(&t, rows);
        refuses = false;
        assert_int_equal(ddl, 2);
        assert_int_equal(p->bad.rc, cases[i].rc);
        assert_int_equal(p->nfields, cases[i].nfields);
        if (cases[i].rc == LEAT_DATA) assert_non_null(strstr(p->bad.msg, "c2"));
        leat_rdb_target_close(&t);
        leat_table_unpin(rows);
    }
}

/* A column that was added by hand before the source had it is not missing; nor does a plan stay bad
 * whose table was looked up for another one meanwhile. */
static void test_columns_that_were_added_by_hand(void **state)
{
    (void)state;
    const leat_rdb_conf conf = {
        .pk = LEAT_RDB_PK_KEY, .insert = LEAT_RDB_UPSERT, .table_format = "t"};
    leat_rdb_target t = {.conn = &plain_conn, .conf = &conf};
    leat_table *rows[] = {table_of(col_id, 0), table_of(col_c1, 0), table_of(cols_all, 0)};
    leat_err e;
    there = col_id;
    plan_for(&t, rows[0]);
    leat_rdb_plan *all = plan_for(&t, rows[2]);
    assert_string_equal(all->bad.code, "sql.column_missing");
    there = cols_all;
    assert_int_equal(plan_for(&t, rows[1])->bad.rc, LEAT_OK);
    assert_int_equal(later(&t, all, &e), LEAT_OK);
    assert_int_equal(all->bad.rc, LEAT_OK);
    assert_int_equal(all->nfields, 3);
    assert_int_equal(leat_rdb_plan_holds(&t, all, &e), LEAT_OK);
    there = col_c1;
    assert_int_equal(leat_rdb_plan_holds(&t, all, &e), LEAT_RETRY);
    assert_int_equal(leat_rdb_plan_holds(&t, all, &e), LEAT_RETRY); /* though it was looked up */
    assert_int_equal(leat_rdb_plan_holds(&t, plan_for(&t, rows[1]), &e), LEAT_OK);
    leat_rdb_target_close(&t);
    for (int i = 0; i < 3; i++) leat_table_unpin(rows[i]);
}

/* The table was dropped, and the source has a new version: nothing is refused for that. */
static void test_a_table_that_was_dropped(void **state)
{
    (void)state;
    const leat_rdb_conf conf = {
        .pk = LEAT_RDB_PK_KEY, .insert = LEAT_RDB_UPSERT, .evolve = true, .table_format = "t"};
    leat_rdb_target t = {.conn = &commits_conn, .conf = &conf};
    leat_table *old = table_of(col_id, 0), *new = table_of(col_c1, 0);
    leat_rdb_plan *p;
    leat_err e = {0};
    there = col_id;
    ddl = 0;
    plan_for(&t, old);
    there = NULL;
    assert_int_equal(leat_rdb_plan_of(&t, new, &p, &e), LEAT_RETRY);
    assert_string_equal(e.code, "sql.table_changed");
    assert_int_equal(ddl, 0);
    leat_rdb_target_close(&t);
    leat_table_unpin(old);
    leat_table_unpin(new);
}

/* DDL that was refused is not tried again amid a transaction that it would take back. */
static void test_refused_tables_beside_held_rows(void **state)
{
    (void)state;
    const leat_rdb_conf conf = {
        .pk = LEAT_RDB_PK_KEY, .insert = LEAT_RDB_UPSERT, .create = true, .table_format = "t"};
    leat_rdb_target t = {.conn = &commits_conn, .conf = &conf};
    leat_table *rows = table_of(col_id, 0);
    leat_err e = {0};
    there = made = last = NULL;
    refuses = true;
    ddl = 0;
    leat_rdb_plan *p = plan_for(&t, rows);
    assert_string_equal(p->bad.code, "sql.table_missing");
    t.held = true;
    assert_int_equal(later(&t, p, &e), LEAT_OK);
    assert_int_equal(ddl, 1);
    t.held = false;
    assert_int_equal(later(&t, p, &e), LEAT_OK);
    assert_int_equal(ddl, 2);
    t.held = true;
    there = col_id;
    assert_int_equal(later(&t, p, &e), LEAT_RETRY);
    assert_string_equal(e.code, "sql.table_changed");
    refuses = false;
    leat_rdb_target_close(&t);
    leat_table_unpin(rows);
}

/* A refusal that lasts takes no memory. */
static void test_refusals_that_last(void **state)
{
    (void)state;
    const leat_rdb_conf conf = {
        .pk = LEAT_RDB_PK_KEY, .insert = LEAT_RDB_UPSERT, .evolve = true, .table_format = "t"};
    leat_rdb_target t = {.conn = &plain_conn, .conf = &conf};
    leat_table *rows = table_of(col_c1, 0);
    leat_err e = {0};
    there = made = last = col_id;
    refuses = true;
    leat_rdb_plan *p = plan_for(&t, rows);
    later(&t, p, &e);
    const void *before = leat_arena_alloc(&t.arena, 1, 1);
    for (int i = 0; i < 3; i++) assert_int_equal(later(&t, p, &e), LEAT_OK);
    const void *after = leat_arena_alloc(&t.arena, 1, 1);
    refuses = false;
    assert_string_equal(p->bad.code, "sql.column_missing");
    assert_true((const char *)after - (const char *)before <= 64);
    leat_rdb_target_close(&t);
    leat_table_unpin(rows);
}

/* Of a list for several tables a record's key need not have all columns, if all of it is named. */
static void test_keys_of_several_tables(void **state)
{
    (void)state;
    static const char *const names[] = {"id", "order_id"}, *const wrong[] = {"id", "cl"};
    static const struct {
        const char *const *names, *const *row;
        leat_rc rc;
    } cases[] = {{names, col_id, LEAT_OK}, {wrong, col_c1, LEAT_DATA}};
    for (size_t i = 0; i < 2; i++) {
        leat_rdb_conf conf = {.pk = LEAT_RDB_PK_KEY,
                              .insert = LEAT_RDB_UPSERT,
                              .pk_fields = {.v = cases[i].names, .n = 2},
                              .table_format = "t"};
        leat_rdb_target t = {.conn = &plain_conn, .conf = &conf};
        leat_table *rows = table_of(cases[i].row, 0);
        there = cols_all;
        assert_int_equal(plan_for(&t, rows)->bad.rc, cases[i].rc);
        leat_rdb_target_close(&t);
        leat_table_unpin(rows);
    }
}

/* ---- reducing ---- */

static leat_rdb_table tables[2];
static leat_rdb_column key = {.name = "id"};
static leat_rdb_field fields[2];

static leat_rdb_shape shape(leat_rdb_kind kind, int table)
{
    fields[0] = (leat_rdb_field){.to = &key, .key = true};
    return (leat_rdb_shape){.kind = kind, .table = &tables[table], .fields = fields};
}

static void test_the_last_of_a_key_stays(void **state)
{
    (void)state;
    leat_rdb_shape up = shape(LEAT_RDB_ROW_UPSERT, 0), del = shape(LEAT_RDB_ROW_DELETE, 0);
    leat_rdb_shape other = shape(LEAT_RDB_ROW_UPSERT, 1);
    leat_value v[] = {leat_int(1), leat_int(2), leat_int(3)};
    leat_rdb_row rows[] = {
        {.shape = &up, .cells = &v[0], .event = 0},
        {.shape = &other, .cells = &v[0], .event = 1},
        {.shape = &up, .cells = &v[1], .event = 2},
        {.shape = &del, .old = &v[0], .event = 3},
        {.shape = &up, .cells = &v[1], .event = 4},
        {.shape = &up, .cells = &v[2], .event = 5},
        {.shape = &other, .cells = &v[0], .event = 6},
    };
    leat_rdb_row *out;
    uint32_t n;
    leat_rdb_reduce(rows, 7, &a, &out, &n);
    const uint32_t wanted[] = {3, 4, 5, 6}; /* deletes first, then the other table */
    assert_int_equal(n, 4);
    for (uint32_t i = 0; i < n; i++) assert_int_equal(out[i].event, wanted[i]);
}

static void test_rows_that_depend_keep_their_order(void **state)
{
    (void)state;
    leat_rdb_shape up = shape(LEAT_RDB_ROW_UPSERT, 0), part = shape(LEAT_RDB_ROW_UPDATE, 0);
    leat_rdb_shape del = shape(LEAT_RDB_ROW_DELETE, 0);
    leat_value v[] = {leat_int(1), leat_int(2)};
    leat_rdb_row rows[] = {
        {.shape = &up, .cells = &v[0], .event = 0},
        {.shape = &part, .cells = &v[0], .old = &v[0], .event = 1},
        {.shape = &del, .old = &v[1], .event = 2},
        {.shape = &up, .cells = &v[0], .event = 3},
    };
    leat_rdb_row *out;
    uint32_t n;
    leat_rdb_reduce(rows, 4, &a, &out, &n);
    assert_int_equal(n, 4);
    for (uint32_t i = 0; i < n; i++) assert_int_equal(out[i].event, i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_urls, reset),
        cmocka_unit_test_teardown(test_urls_that_are_none, reset),
        cmocka_unit_test_teardown(test_certificates_are_checked_by_something, reset),
        cmocka_unit_test_teardown(test_times, reset),
        cmocka_unit_test_teardown(test_times_without_end, reset),
        cmocka_unit_test_teardown(test_numbers_and_bits, reset),
        cmocka_unit_test_teardown(test_names, reset),
        cmocka_unit_test_teardown(test_wrong_names, reset),
        cmocka_unit_test_teardown(test_constants_of_mysql, reset),
        cmocka_unit_test_teardown(test_constants_that_mysql_has_not, reset),
        cmocka_unit_test_teardown(test_places_of_mysql, reset),
        cmocka_unit_test_teardown(test_types_of_mysql, reset),
        cmocka_unit_test_teardown(test_types_of_postgres, reset),
        cmocka_unit_test_teardown(test_structs_of_postgres, reset),
        cmocka_unit_test_teardown(test_tombstones_before_their_table, reset),
        cmocka_unit_test_teardown(test_keys_of_tombstones, reset),
        cmocka_unit_test_teardown(test_plans_of_the_same_version, reset),
        cmocka_unit_test_teardown(test_columns_that_others_add, reset),
        cmocka_unit_test_teardown(test_columns_that_were_added_by_hand, reset),
        cmocka_unit_test_teardown(test_a_table_that_was_dropped, reset),
        cmocka_unit_test_teardown(test_refused_tables_beside_held_rows, reset),
        cmocka_unit_test_teardown(test_refusals_that_last, reset),
        cmocka_unit_test_teardown(test_keys_of_several_tables, reset),
        cmocka_unit_test_teardown(test_the_last_of_a_key_stays, reset),
        cmocka_unit_test_teardown(test_rows_that_depend_keep_their_order, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
