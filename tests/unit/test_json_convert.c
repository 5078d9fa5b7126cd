/* convert/json: each kind of cell under each schema that can show it, what is not there, and what
 * does not fit. Expected texts are from recorded events where such were recorded. */
#include "../test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "convert/json.h"

static leat_arena a;
static leat_buf out;
static leat_err e;
static leat_json_converter *c;
static leat_json_conf conf;

static void use(leat_json_conf with)
{
    leat_json_converter_free(c);
    conf = with;
    c = leat_json_converter_new(&conf);
}

static int setup(void **state)
{
    (void)state;
    use((leat_json_conf){.replace_null_with_default = true});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    leat_json_converter_free(c);
    c = NULL;
    leat_buf_free(&out);
    leat_arena_free(&a);
    return 0;
}

static const char *shown(const leat_schema *s, leat_value v)
{
    bool is_null = false;
    leat_buf_clear(&out);
    leat_buf_u8(&out, '>'); /* it appends, and takes back what failed */
    leat_rc rc = leat_json_convert(c, s, &v, LEAT_STR("gone"), &out, &is_null, &e);
    if (rc == LEAT_OK) {
        if (is_null) return "(null)";
        leat_buf_u8(&out, 0);
        return out.p + 1;
    }
    assert_int_equal(rc, LEAT_DATA);
    assert_string_equal(e.code, "convert.json");
    assert_int_equal(out.len, 1);
    return "(error)";
}

static leat_schema *plain(leat_type type)
{
    return leat_schema_new(&a, type, false);
}

static leat_schema *named(leat_type type, const char *name)
{
    return leat_schema_named(&a, type, false, name, 1);
}

#define DEBEZIUM_TIME "io.debezium.time."
#define CONNECT "org.apache.kafka.connect.data."

static leat_schema *decimal_schema(const char *scale)
{
    leat_schema *s = named(LEAT_T_BYTES, CONNECT "Decimal");
    leat_schema_param(&a, s, "scale", scale);
    return s;
}

static leat_value decimal(const char *text)
{
    return (leat_value){.kind = LEAT_DECIMAL, .len = (uint32_t)strlen(text), .u.s = text};
}

static leat_value timed(leat_kind kind, leat_unit unit, int64_t i)
{
    return (leat_value){.kind = (uint8_t)kind, .unit = (uint8_t)unit, .u.i = i};
}

static leat_value text(const char *z)
{
    return leat_text(leat_str_of(z));
}

static leat_value list(leat_kind kind, const leat_value *v, uint32_t len)
{
    return (leat_value){.kind = (uint8_t)kind, .len = len, .u.list = v};
}

static void test_scalars(void **state)
{
    (void)state;
    assert_string_equal(shown(plain(LEAT_T_INT8), leat_int(-128)), "-128");
    assert_string_equal(shown(plain(LEAT_T_INT8), leat_int(128)), "(error)");
    assert_string_equal(shown(plain(LEAT_T_INT16), leat_int(-32769)), "(error)");
    assert_string_equal(shown(plain(LEAT_T_INT32), leat_int(INT32_MIN)), "-2147483648");
    assert_string_equal(shown(plain(LEAT_T_INT32), leat_int(INT64_C(1) << 31)), "(error)");
    assert_string_equal(shown(plain(LEAT_T_INT64), leat_int(INT64_MIN)), "-9223372036854775808");
    assert_string_equal(shown(plain(LEAT_T_INT64), decimal("18446744073709551615")), "(error)");
    assert_string_equal(shown(plain(LEAT_T_INT64), decimal("42")), "42");
    assert_string_equal(shown(plain(LEAT_T_BOOLEAN), leat_bool(true)), "true");
    assert_string_equal(shown(plain(LEAT_T_BOOLEAN), leat_bool(false)), "false");
    assert_string_equal(shown(plain(LEAT_T_BOOLEAN), leat_int(1)), "(error)");
    assert_string_equal(shown(plain(LEAT_T_STRING), leat_int(1)), "(error)");
    assert_string_equal(shown(plain(LEAT_T_INT32), text("1")), "(error)");
    assert_string_equal(shown(plain(LEAT_T_BYTES), leat_bytes(LEAT_STR("\xde\xad\xbe\xef"))),
                        "\"3q2+7w==\"");
    assert_string_equal(shown(plain(LEAT_T_BYTES), leat_bytes(LEAT_STR(""))), "\"\"");
    assert_string_equal(shown(plain(LEAT_T_BYTES), text("a")), "\"YQ==\"");
}

static void test_binary_handling(void **state)
{
    (void)state;
    leat_schema *s = plain(LEAT_T_STRING);
    const leat_value bytes = leat_bytes(LEAT_STR("\xfb\xff\xbf"));
    assert_string_equal(shown(s, bytes), "(error)");
    s->logical = LEAT_L_HEX;
    assert_string_equal(shown(s, bytes), "\"fbffbf\"");
    s->logical = LEAT_L_BASE64;
    assert_string_equal(shown(s, bytes), "\"+/+/\"");
    s->logical = LEAT_L_BASE64_URL;
    assert_string_equal(shown(s, bytes), "\"-_-_\"");
}

static void test_floats(void **state)
{
    (void)state;
    const leat_schema *d = plain(LEAT_T_FLOAT64), *f = plain(LEAT_T_FLOAT32);
    assert_string_equal(shown(d, leat_float(0.1)), "0.1");
    assert_string_equal(shown(f, leat_float((double)0.1f)), "0.1");
    assert_string_equal(shown(d, leat_float((double)0.1f)), "0.10000000149011612");
    assert_string_equal(shown(f, leat_float((double)FLT_MAX)), "3.4028235E38");
    assert_string_equal(shown(d, leat_float(1e21)), "1.0E21");
    assert_string_equal(shown(d, leat_float(NAN)), "\"NaN\"");
    assert_string_equal(shown(f, leat_float(INFINITY)), "\"Infinity\"");
    assert_string_equal(shown(d, leat_float(-INFINITY)), "\"-Infinity\"");
    assert_string_equal(shown(d, leat_int(7)), "7.0");
    /* decimal.handling.mode=double */
    assert_string_equal(shown(d, decimal("-12345678901234567890.123456789")),
                        "-1.2345678901234567E19");
    assert_string_equal(shown(d, decimal("92233720368547758.07")), "9.223372036854776E16");
    assert_string_equal(shown(d, decimal("NaN")), "\"NaN\"");
    assert_string_equal(shown(d, decimal("-Infinity")), "\"-Infinity\"");
}

static void test_decimals(void **state)
{
    (void)state;
    const leat_schema *two = decimal_schema("2"), *ten = decimal_schema("10");
    assert_string_equal(shown(two, decimal("-12345678.99")), "\"tmn9JQ==\"");
    assert_string_equal(shown(two, decimal("1.5")), "\"AJY=\"");
    assert_string_equal(shown(ten, decimal("-1234567890123456789012345678.0123456789")),
                        "\"9rZPCQ/9zOw7tm+xM5i66w==\"");
    assert_string_equal(shown(two, decimal("1.505")), "(error)");
    assert_non_null(strstr(e.msg, "1.505"));
    assert_string_equal(shown(two, decimal("1e5")), "(error)");
    assert_string_equal(shown(two, decimal("NaN")), "(error)"); /* required */
    assert_string_equal(shown(two, leat_int(3)), "\"ASw=\"");
    assert_string_equal(shown(two, leat_bytes(LEAT_STR("\x01"))), "\"AQ==\"");
    assert_string_equal(shown(decimal_schema("-2"), decimal("12300")), "\"ew==\"");
    assert_string_equal(shown(named(LEAT_T_BYTES, CONNECT "Decimal"), decimal("1.5")), "\"Dw==\"");
    leat_schema *optional = decimal_schema("2");
    optional->optional = true;
    assert_string_equal(shown(optional, decimal("NaN")), "null");
    const leat_value nan = decimal("NaN"), one = decimal("1");
    optional->def = &nan; /* no default to fall back on */
    assert_string_equal(shown(optional, decimal("Infinity")), "null");
    optional->def = &one;
    assert_string_equal(shown(optional, decimal("Infinity")), "\"ZA==\"");
    /* decimal.handling.mode=string */
    assert_string_equal(shown(plain(LEAT_T_STRING), decimal("100.500")), "\"100.500\"");
    assert_string_equal(shown(plain(LEAT_T_STRING), decimal("NaN")), "\"NAN\"");
    assert_string_equal(shown(plain(LEAT_T_STRING), decimal("Infinity")), "\"POSITIVE_INFINITY\"");
}

static void test_variable_scale(void **state)
{
    (void)state;
    leat_schema *s = named(LEAT_T_STRUCT, "io.debezium.data.VariableScaleDecimal");
    s->nfields = 2;
    const leat_field fields[] = {{"scale", plain(LEAT_T_INT32)}, {"value", plain(LEAT_T_BYTES)}};
    s->fields = fields;
    assert_string_equal(shown(s, decimal("-12345678901234567890.123456789")),
                        "{\"scale\":9,\"value\":\"2BvkzblBNk6Rxn7r\"}");
    assert_string_equal(shown(s, decimal("100.500")), "{\"scale\":1,\"value\":\"A+0=\"}");
    assert_string_equal(shown(s, decimal("100000000000000000000")),
                        "{\"scale\":0,\"value\":\"BWvHXi1jEAAA\"}");
    assert_string_equal(shown(s, decimal("0.00")), "{\"scale\":0,\"value\":\"AA==\"}");
    assert_string_equal(shown(s, decimal("0.00001")), "{\"scale\":5,\"value\":\"AQ==\"}");
    const leat_value raw[] = {leat_int(1), leat_bytes(LEAT_STR("\x0f"))};
    assert_string_equal(shown(s, list(LEAT_STRUCT, raw, 2)), "{\"scale\":1,\"value\":\"Dw==\"}");
    s->optional = true;
    assert_string_equal(shown(s, decimal("NaN")), "null");
    use((leat_json_conf){.decimal_numeric = true});
    assert_string_equal(shown(s, decimal("1.5")), "{\"scale\":1,\"value\":\"Dw==\"}");
    assert_string_equal(shown(decimal_schema("2"), decimal("1.5")), "1.50");
    assert_string_equal(shown(decimal_schema("10"), decimal("0.0000000001")), "1E-10");
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        leat_type type;
        leat_kind kind;
        leat_unit unit;
        int64_t i;
        const char *shown;
    } rows[] = {
        {DEBEZIUM_TIME "Date", LEAT_T_INT32, LEAT_DATE, LEAT_US, 19782, "19782"},
        {CONNECT "Date", LEAT_T_INT32, LEAT_DATE, LEAT_US, -719162, "-719162"},
        {DEBEZIUM_TIME "Date", LEAT_T_INT32, LEAT_DATE, LEAT_US, INT64_MAX, "-2147472692"},
        {DEBEZIUM_TIME "Date", LEAT_T_INT32, LEAT_DATE, LEAT_US, INT64_MIN, "-2147472691"},
        {DEBEZIUM_TIME "Time", LEAT_T_INT32, LEAT_TIME, LEAT_US, 47655123456, "47655123"},
        {CONNECT "Time", LEAT_T_INT32, LEAT_TIME, LEAT_US, 86400000000, "86400000"},
        {DEBEZIUM_TIME "MicroTime", LEAT_T_INT64, LEAT_TIME, LEAT_US, 47655123456, "47655123456"},
        {DEBEZIUM_TIME "NanoTime", LEAT_T_INT64, LEAT_TIME, LEAT_US, 1, "1000"},
        {DEBEZIUM_TIME "Timestamp", LEAT_T_INT64, LEAT_TIMESTAMP, LEAT_US, -1, "-1"},
        {CONNECT "Timestamp", LEAT_T_INT64, LEAT_TIMESTAMP, LEAT_US, 1709212455123456,
         "1709212455123"},
        {DEBEZIUM_TIME "MicroTimestamp", LEAT_T_INT64, LEAT_TIMESTAMP, LEAT_MS, 1709212455123,
         "1709212455123000"},
        {DEBEZIUM_TIME "NanoTimestamp", LEAT_T_INT64, LEAT_TIMESTAMP, LEAT_US, 1709212455123456,
         "1709212455123456000"},
        {DEBEZIUM_TIME "Timestamp", LEAT_T_INT64, LEAT_TIMESTAMP, LEAT_US, INT64_MAX,
         "9223372036825200"},
        {DEBEZIUM_TIME "MicroTimestamp", LEAT_T_INT64, LEAT_TIMESTAMP, LEAT_US, INT64_MIN,
         "-9223372036832400000"},
        {DEBEZIUM_TIME "NanoTimestamp", LEAT_T_INT64, LEAT_TIMESTAMP, LEAT_US, INT64_MAX,
         "9223372036854775807"},
        {DEBEZIUM_TIME "ZonedTimestamp", LEAT_T_STRING, LEAT_TIMESTAMPTZ, LEAT_US, 1709204055123456,
         "\"2024-02-29T10:54:15.123456Z\""},
        {DEBEZIUM_TIME "ZonedTimestamp", LEAT_T_STRING, LEAT_TIMESTAMPTZ, LEAT_US, INT64_MIN,
         "\"-infinity\""},
        {DEBEZIUM_TIME "IsoDate", LEAT_T_STRING, LEAT_DATE, LEAT_US, 19782, "\"2024-02-29Z\""},
        {DEBEZIUM_TIME "IsoTime", LEAT_T_STRING, LEAT_TIME, LEAT_US, 47655123000,
         "\"13:14:15.123Z\""},
        {DEBEZIUM_TIME "IsoTime", LEAT_T_STRING, LEAT_TIME, LEAT_US, 86400000000, "\"00:00:00Z\""},
        {DEBEZIUM_TIME "IsoTimestamp", LEAT_T_STRING, LEAT_TIMESTAMP, LEAT_US, 1709212455120000,
         "\"2024-02-29T13:14:15.12Z\""},
        {DEBEZIUM_TIME "IsoTimestamp", LEAT_T_STRING, LEAT_TIMESTAMP, LEAT_US, INT64_MAX,
         "\"+294247-01-10T04:00:25.2Z\""},
        {DEBEZIUM_TIME "MicroTimestamp", LEAT_T_INT64, LEAT_TIME, LEAT_US, 1, "(error)"},
        {DEBEZIUM_TIME "MicroTime", LEAT_T_INT64, LEAT_TIMESTAMP, LEAT_US, 1, "(error)"},
        {DEBEZIUM_TIME "Date", LEAT_T_INT32, LEAT_TIMESTAMP, LEAT_US, 1, "(error)"},
        {DEBEZIUM_TIME "IsoDate", LEAT_T_STRING, LEAT_DATE, LEAT_US, INT64_MAX - 1, "(error)"},
        {"no.such.Meaning", LEAT_T_INT64, LEAT_TIMESTAMP, LEAT_US, 1, "(error)"},
        {DEBEZIUM_TIME "MicroTimestamp", LEAT_T_INT64, LEAT_INT, LEAT_US, 5, "5"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(
            shown(named(rows[i].type, rows[i].name), timed(rows[i].kind, rows[i].unit, rows[i].i)),
            rows[i].shown);
}

static void test_digits(void **state)
{
    (void)state;
    leat_schema *s = named(LEAT_T_STRING, DEBEZIUM_TIME "ZonedTimestamp");
    const leat_value v = timed(LEAT_TIMESTAMPTZ, LEAT_US, 1709204055100000);
    assert_string_equal(shown(s, v), "\"2024-02-29T10:54:15.1Z\"");
    s->digits = 3;
    assert_string_equal(shown(s, v), "\"2024-02-29T10:54:15.100Z\"");
    s->digits = 6;
    assert_string_equal(shown(s, v), "\"2024-02-29T10:54:15.100000Z\"");
    assert_string_equal(shown(s, text("as it came")), "\"as it came\"");
}

static void test_zones(void **state)
{
    (void)state;
    const leat_schema *s = named(LEAT_T_STRING, DEBEZIUM_TIME "ZonedTime");
    leat_value v = timed(LEAT_TIMETZ, LEAT_US, 47655123456);
    v.zone = 7200;
    assert_string_equal(shown(s, v), "\"11:14:15.123456Z\"");
    v = timed(LEAT_TIMETZ, LEAT_US, 0);
    v.zone = -11 * 3600;
    assert_string_equal(shown(s, v), "\"11:00:00Z\"");
    v.zone = 3600;
    assert_string_equal(shown(s, v), "\"23:00:00Z\"");
    v = timed(LEAT_TIMETZ, LEAT_MS, 86400000);
    assert_string_equal(shown(s, v), "\"24:00:00Z\"");
    v = timed(LEAT_TIMETZ, LEAT_NS, INT64_MIN);
    v.zone = INT32_MAX;
    assert_int_not_equal(shown(s, v)[0], '('); /* whatever it is, it is a time */
}

static void test_intervals(void **state)
{
    (void)state;
    static const leat_interval i = {14, 3, 14706789010};
    const leat_value v = {.kind = LEAT_INTERVAL, .u.interval = &i};
    assert_string_equal(shown(named(LEAT_T_INT64, DEBEZIUM_TIME "MicroDuration"), v),
                        "37091106789010");
    assert_string_equal(shown(named(LEAT_T_INT64, DEBEZIUM_TIME "NanoDuration"), v),
                        "37091106789010000");
    assert_string_equal(shown(named(LEAT_T_STRING, DEBEZIUM_TIME "Interval"), v),
                        "\"P1Y2M3DT4H5M6.78901S\"");
    assert_string_equal(shown(plain(LEAT_T_INT64), v), "(error)");
}

static void test_text(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", "\"\""},
        {"plain text that is longer than eight", "\"plain text that is longer than eight\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\b\t\n\f\r\x01\x1f\x7f", "\"\\b\\t\\n\\f\\r\\u0001\\u001F\x7f\""},
        {"\xc3\xa9 \xe2\x82\xac \xe2\x80\xa8", "\"\xc3\xa9 \xe2\x82\xac \xe2\x80\xa8\""},
        {"\xf0\x9f\x98\x80", "\"\\uD83D\\uDE00\""},
        {"\xf4\x8f\xbf\xbf", "\"\\uDBFF\\uDFFF\""},
        {"a\xff"
         "b",
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* overlong */
        {"\xe2\x82x", "\"\xef\xbf\xbdx\""},                           /* cut short */
        {"\xe2\x82", "\"\xef\xbf\xbd\""},                             /* ... by the end */
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
        {"\xf4\x90\x80\x80",
         "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* beyond U+10FFFF */
        {"1234567\"", "\"1234567\\\"\""},
        {"12345678\n", "\"12345678\\n\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(shown(plain(LEAT_T_STRING), text(rows[i].in)), rows[i].out);
    assert_string_equal(shown(plain(LEAT_T_STRING), leat_text((leat_str){"a\0b", 3})),
                        "\"a\\u0000b\"");
    /* Everything needs care: the buffer grows on the way. */
    char *many = leat_arena_alloc(&a, 1000, 1);
    memset(many, 1, 1000);
    shown(plain(LEAT_T_STRING), leat_text((leat_str){many, 1000}));
    assert_int_equal(out.len, 1 + 2 + 6 * 1000 + 1);
}

static void test_lists(void **state)
{
    (void)state;
    leat_schema *ints = leat_schema_array(&a, true, leat_schema_new(&a, LEAT_T_INT32, true));
    const leat_value v[] = {leat_int(1), leat_null(), leat_int(3), text("b")};
    assert_string_equal(shown(ints, list(LEAT_LIST, v, 3)), "[1,null,3]");
    assert_string_equal(shown(ints, list(LEAT_LIST, v, 0)), "[]");
    assert_string_equal(shown(ints, list(LEAT_LIST, v, 4)), "(error)");
    assert_string_equal(shown(ints, list(LEAT_MAP, v, 1)), "(error)");
    leat_schema *map = plain(LEAT_T_MAP);
    map->key = plain(LEAT_T_STRING);
    map->elem = leat_schema_new(&a, LEAT_T_STRING, true);
    const leat_value pairs[] = {text("a"), text("1"), text("q\""), leat_null()};
    assert_string_equal(shown(map, list(LEAT_MAP, pairs, 2)), "{\"a\":\"1\",\"q\\\"\":null}");
    assert_string_equal(shown(map, list(LEAT_MAP, pairs, 0)), "{}");
    map->key = plain(LEAT_T_INT32);
    leat_json_converter_forget(c);
    const leat_value numbered[] = {leat_int(7), text("1"), leat_int(8), leat_null()};
    assert_string_equal(shown(map, list(LEAT_MAP, numbered, 2)), "[[7,\"1\"],[8,null]]");
}

static void test_structs(void **state)
{
    (void)state;
    leat_schema *inner = leat_schema_struct(&a, true, "inner", 0, 1);
    const leat_field one[] = {{"number", plain(LEAT_T_INT8)}};
    inner->fields = one;
    leat_schema *s = leat_schema_struct(&a, false, "outer", 0, 2);
    const leat_field fields[] = {{"in\"ner", inner}, {"t", plain(LEAT_T_STRING)}};
    s->fields = fields;
    const leat_value number[] = {leat_int(5)}, large[] = {leat_int(500)};
    leat_value v[] = {list(LEAT_STRUCT, number, 1), text("x")};
    assert_string_equal(shown(s, list(LEAT_STRUCT, v, 2)),
                        "{\"in\\\"ner\":{\"number\":5},\"t\":\"x\"}");
    assert_string_equal(shown(s, list(LEAT_STRUCT, v, 1)), "(error)"); /* cells are missing */
    assert_string_equal(shown(leat_schema_struct(&a, false, "none", 0, 0), list(LEAT_STRUCT, v, 0)),
                        "{}");
    v[0] = list(LEAT_STRUCT, large, 1);
    assert_string_equal(shown(s, list(LEAT_STRUCT, v, 2)), "(error)");
    assert_string_equal(e.where, "in\"ner.number");
    assert_non_null(strstr(e.msg, "500"));
}

/* The converter keeps what it wrote last of a field: what comes next need not be the same. */
static void test_fields_again(void **state)
{
    static const int64_t numbers[] = {1763760000000,
                                      1763760000000,
                                      -1763760000000,
                                      1763760000001,
                                      999999,
                                      1000000,
                                      INT64_MAX,
                                      INT64_MIN,
                                      INT64_MIN,
                                      0,
                                      -1,
                                      1763760000000};
    (void)state;
    leat_value seven = leat_int(7000000);
    leat_schema *n = plain(LEAT_T_INT64), *d = leat_schema_new(&a, LEAT_T_INT64, true);
    d->def = &seven;
    leat_schema *s = leat_schema_struct(&a, false, NULL, 0, 4);
    leat_field fields[] = {{"a field with a long name", n},
                           {"b", n},
                           {"d", d},
                           {"t", leat_schema_new(&a, LEAT_T_STRING, true)}};
    s->fields = fields;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char want[200];
        bool odd = i % 2;
        leat_value cells[] = {leat_int(numbers[i]), leat_int(numbers[11 - i]),
                              odd ? leat_int(8000000) : leat_null(),
                              odd ? text("12345678abc\"") : leat_null()};
        snprintf(want, sizeof want,
                 "{\"a field with a long name\":%lld,\"b\":%lld,\"d\":%d,\"t\":%s}",
                 (long long)numbers[i], (long long)numbers[11 - i], odd ? 8000000 : 7000000,
                 odd ? "\"12345678abc\\\"\"" : "null");
        assert_string_equal(shown(s, list(LEAT_STRUCT, cells, 4)), want);
    }
    use((leat_json_conf){.replace_null_with_default = false});
    leat_value cells[] = {leat_int(1), leat_int(2), leat_null(), leat_null()};
    assert_string_equal(shown(s, list(LEAT_STRUCT, cells, 4)),
                        "{\"a field with a long name\":1,\"b\":2,\"d\":null,\"t\":null}");
}

static void test_nulls(void **state)
{
    (void)state;
    const leat_value seven = leat_int(7);
    leat_schema *s = plain(LEAT_T_INT32);
    assert_string_equal(shown(NULL, leat_null()), "(null)");
    assert_string_equal(shown(s, leat_null()), "(error)");
    s->optional = true;
    assert_string_equal(shown(s, leat_null()), "null");
    s->def = &seven;
    assert_string_equal(shown(s, leat_null()), "7");
    s->optional = false;
    assert_string_equal(shown(s, leat_null()), "7");
    use((leat_json_conf){.replace_null_with_default = false});
    assert_string_equal(shown(s, leat_null()), "(error)");
    s->optional = true;
    assert_string_equal(shown(s, leat_null()), "null");
    use((leat_json_conf){.schemas = true, .replace_null_with_default = true});
    assert_string_equal(shown(NULL, leat_null()), "(null)");
    assert_string_equal(shown(NULL, seven), "{\"schema\":null,\"payload\":7}");
    assert_string_equal(shown(s, leat_null()),
                        "{\"schema\":{\"type\":\"int32\",\"optional\":true,\"default\":7},"
                        "\"payload\":7}");
}

/* What is shown for what was not sent: recorded with the placeholder "__TOASTED__", here "gone". */
static void test_absent(void **state)
{
    (void)state;
    leat_schema *json_map = leat_schema_named(&a, LEAT_T_STRING, true, "io.debezium.data.Json", 1);
    json_map->logical = LEAT_L_JSON_MAP;
    leat_schema *map = leat_schema_new(&a, LEAT_T_MAP, true);
    map->key = map->elem = plain(LEAT_T_STRING);
    leat_schema *number = leat_schema_new(&a, LEAT_T_INT32, true);
    const struct {
        const leat_schema *s;
        const char *shown;
    } rows[] = {
        {plain(LEAT_T_STRING), "\"gone\""},
        {named(LEAT_T_STRING, "io.debezium.data.Json"), "\"gone\""},
        {json_map, "\"{\\\"gone\\\":\\\"gone\\\"}\""},
        {plain(LEAT_T_BYTES), "\"Z29uZQ==\""},
        {map, "{\"gone\":\"gone\"}"},
        {number, "null"},
        {plain(LEAT_T_INT32), "(error)"},
        {decimal_schema("2"), "(error)"},
        {leat_schema_array(&a, true, plain(LEAT_T_STRING)), "[\"gone\"]"},
        {leat_schema_array(&a, true, plain(LEAT_T_BYTES)), "[\"Z29uZQ==\"]"},
        {leat_schema_array(&a, true, number), "[103,111,110,101]"},
        {leat_schema_array(&a, true, plain(LEAT_T_INT64)), "[103,111,110,101]"},
        {leat_schema_array(&a, true, named(LEAT_T_INT32, DEBEZIUM_TIME "Date")),
         "[103,111,110,101]"},
        {leat_schema_array(&a, true, named(LEAT_T_STRING, "io.debezium.data.Uuid")),
         "[\"50c1f58b-e7f5-347e-8f53-d64c094783c2\"]"},
        {leat_schema_array(&a, true, plain(LEAT_T_INT16)), "null"},
        {leat_schema_array(&a, true, decimal_schema("2")), "null"},
        {leat_schema_array(&a, true, named(LEAT_T_INT64, DEBEZIUM_TIME "MicroTime")), "null"},
        {leat_schema_array(&a, false, plain(LEAT_T_FLOAT64)), "(error)"},
        {NULL, "\"gone\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(shown(rows[i].s, leat_absent()), rows[i].shown);
}

/* The hash of a placeholder of each length around a block: UUID.nameUUIDFromBytes of that many x.
 */
static void test_uuid(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *uuid;
    } rows[] = {
        {0, "d41d8cd9-8f00-3204-a980-0998ecf8427e"},
        {55, "04364420-e25c-312f-9958-a70738aa8f72"},
        {56, "668a72d5-ba17-308e-a2da-bcafad6db14b"},
        {200, "30a83621-ce54-32fb-9fdd-539777458c78"},
    };
    char many[200];
    memset(many, 'x', sizeof(many));
    const leat_schema *s =
        leat_schema_array(&a, true, named(LEAT_T_STRING, "io.debezium.data.Uuid"));
    const leat_value v = leat_absent();
    for (size_t i = 0; i < 4; i++) {
        bool is_null;
        leat_buf_clear(&out);
        assert_int_equal(
            leat_json_convert(c, s, &v, (leat_str){many, rows[i].n}, &out, &is_null, NULL),
            LEAT_OK);
        assert_memory_equal(out.p + 2, rows[i].uuid, 36);
    }
}

static void test_schemaless(void **state)
{
    (void)state;
    static const leat_interval i = {14, 3, 14706780000};
    const leat_value pairs[] = {text("k"), leat_int(1), leat_int(2), leat_null()};
    assert_string_equal(shown(NULL, leat_bool(true)), "true");
    assert_string_equal(shown(NULL, leat_int(-1)), "-1");
    assert_string_equal(shown(NULL, leat_float(NAN)), "\"NaN\"");
    assert_string_equal(shown(NULL, decimal("1.50")), "1.50");
    assert_string_equal(shown(NULL, decimal("NaN")), "\"NaN\"");
    assert_string_equal(shown(NULL, decimal("x")), "(error)");
    assert_string_equal(shown(NULL, leat_bytes(LEAT_STR("a"))), "\"YQ==\"");
    assert_string_equal(shown(NULL, list(LEAT_LIST, pairs, 4)), "[\"k\",1,2,null]");
    assert_string_equal(shown(NULL, list(LEAT_MAP, pairs, 1)), "{\"k\":1}");
    assert_string_equal(shown(NULL, list(LEAT_MAP, pairs, 2)), "[[\"k\",1],[2,null]]");
    assert_string_equal(shown(NULL, list(LEAT_STRUCT, pairs, 1)), "(error)");
    assert_string_equal(shown(NULL, timed(LEAT_DATE, LEAT_US, 0)), "\"1970-01-01\"");
    assert_string_equal(shown(NULL, timed(LEAT_TIMESTAMP, LEAT_US, 0)), "\"1970-01-01T00:00:00\"");
    assert_string_equal(shown(NULL, timed(LEAT_TIMESTAMPTZ, LEAT_US, 0)),
                        "\"1970-01-01T00:00:00Z\"");
    assert_string_equal(shown(NULL, (leat_value){.kind = LEAT_INTERVAL, .u.interval = &i}),
                        "\"P1Y2M3DT4H5M6.78S\"");
}

/* Order of the parts, and a schema that comes again. */
static void test_schema_text(void **state)
{
    (void)state;
    use((leat_json_conf){.schemas = true, .replace_null_with_default = true});
    leat_schema *map = leat_schema_new(&a, LEAT_T_MAP, true);
    map->key = plain(LEAT_T_STRING);
    map->elem = leat_schema_array(&a, true, decimal_schema("2"));
    leat_schema *s = leat_schema_struct(&a, true, "n\"", 3, 1);
    const leat_field fields[] = {{"m", map}};
    s->fields = fields;
    s->doc = "what";
    leat_schema_param(&a, s, "p", "1");
    leat_schema_param(&a, s, "q", "2");
    const char *expected =
        "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"map\",\"keys\":{\"type\":"
        "\"string\",\"optional\":false},\"values\":{\"type\":\"array\",\"items\":{\"type\":"
        "\"bytes\",\"optional\":false,\"name\":\"org.apache.kafka.connect.data.Decimal\","
        "\"version\":1,\"parameters\":{\"scale\":\"2\"}},\"optional\":true},\"optional\":true,"
        "\"field\":\"m\"}],\"optional\":true,\"name\":\"n\\\"\",\"version\":3,\"doc\":\"what\","
        "\"parameters\":{\"p\":\"1\",\"q\":\"2\"}},\"payload\":null}";
    assert_string_equal(shown(s, leat_null()), expected);
    assert_string_equal(shown(s, leat_null()), expected);
    s->doc = NULL; /* another schema at the same place: it has to be forgotten */
    leat_json_converter_forget(c);
    assert_null(strstr(shown(s, leat_null()), "what"));
    /* More schemas than there are slots at first. */
    for (int i = 0; i < 500; i++)
        assert_string_equal(shown(plain(LEAT_T_INT8), leat_int(1)),
                            "{\"schema\":{\"type\":\"int8\",\"optional\":false},\"payload\":1}");
}

static const char *header(const leat_schema *s, leat_value v)
{
    const leat_header h = {"h", s, v};
    leat_buf_clear(&out);
    if (leat_json_header(c, &h, &out, &e) != LEAT_OK) return "(error)";
    leat_buf_u8(&out, 0);
    return out.p;
}

static void test_headers(void **state)
{
    (void)state;
    const leat_value def = text("d");
    leat_schema *with_default = leat_schema_new(&a, LEAT_T_STRING, true);
    with_default->def = &def;
    leat_schema *key = leat_schema_struct(&a, false, "k.Key", 0, 3);
    const leat_field fields[] = {
        {"id", plain(LEAT_T_INT32)}, {"t", plain(LEAT_T_STRING)}, {"d", with_default}};
    key->fields = fields;
    const leat_value cells[] = {leat_int(100), text("a\"b\\c\n\xc3\xa9"), leat_null()};
    assert_string_equal(header(plain(LEAT_T_STRING), text("bare \"text\"")), "bare \"text\"");
    assert_string_equal(header(NULL, text("bare")), "bare");
    assert_string_equal(header(plain(LEAT_T_STRING), leat_null()), "");
    assert_string_equal(header(plain(LEAT_T_INT64), leat_int(5)), "5");
    assert_string_equal(header(plain(LEAT_T_FLOAT64), leat_float(NAN)), "NaN");
    assert_string_equal(header(plain(LEAT_T_BYTES), leat_bytes(LEAT_STR("a"))), "YQ==");
    assert_string_equal(header(decimal_schema("2"), decimal("1.5")), "1.50");
    assert_string_equal(header(plain(LEAT_T_STRING), decimal("1.5")), "1.5");
    assert_string_equal(header(key, list(LEAT_STRUCT, cells, 3)),
                        "{\"id\":100,\"t\":\"a\\\"b\\\\c\n\xc3\xa9\",\"d\":\"d\"}");
    assert_string_equal(header(NULL, list(LEAT_LIST, cells, 2)), "[100,\"a\\\"b\\\\c\n\xc3\xa9\"]");
    assert_string_equal(header(NULL, list(LEAT_MAP, cells, 1)), "{100:\"a\\\"b\\\\c\n\xc3\xa9\"}");
    assert_string_equal(header(named(LEAT_T_INT32, CONNECT "Date"), timed(LEAT_DATE, LEAT_US, 2)),
                        "1970-01-03");
    assert_string_equal(header(named(LEAT_T_INT32, CONNECT "Time"), leat_int(1)), "00:00:00.001Z");
    assert_string_equal(header(named(LEAT_T_INT64, CONNECT "Timestamp"), leat_int(86400001)),
                        "1970-01-02T00:00:00.001Z");
    assert_string_equal(header(plain(LEAT_T_INT32), text("x")), "(error)");
    assert_int_equal(out.len, 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_scalars),      TEST(test_binary_handling), TEST(test_floats),
        TEST(test_decimals),     TEST(test_variable_scale),  TEST(test_times),
        TEST(test_digits),       TEST(test_zones),           TEST(test_intervals),
        TEST(test_text),         TEST(test_lists),           TEST(test_structs),
        TEST(test_nulls),        TEST(test_absent),          TEST(test_uuid),
        TEST(test_schemaless),   TEST(test_schema_text),     TEST(test_headers),
        TEST(test_fields_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
