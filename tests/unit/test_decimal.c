/* convert/decimal: expected bytes and texts are those of java.math.BigInteger and BigDecimal. */
#include "../test.h"

#include "base/arena.h"
#include "convert/decimal.h"

static leat_buf out, scratch, hex;

static int teardown(void **state)
{
    (void)state;
    leat_buf_free(&out);
    leat_buf_free(&scratch);
    leat_buf_free(&hex);
    return 0;
}

static leat_decimal parse(const char *text)
{
    leat_decimal d;
    assert_true(leat_decimal_parse(leat_str_of(text), &d));
    return d;
}

/* The bytes of text * 10^scale in hex; "none" when it is no whole number. */
static const char *bytes(const char *text, int32_t scale)
{
    leat_decimal d = parse(text);
    leat_buf_clear(&out);
    leat_buf_clear(&hex);
    if (!leat_decimal_unscaled(&d, scale, &scratch, &out)) {
        assert_int_equal(out.len, 0);
        return "none";
    }
    leat_buf_hex(&hex, leat_buf_str(&out));
    leat_buf_u8(&hex, 0);
    return hex.p;
}

static const char *text(const char *from, int32_t scale)
{
    leat_decimal d = parse(from);
    leat_buf_clear(&out);
    leat_buf_add(&out, LEAT_STR("|")); /* it appends */
    if (!leat_decimal_text(&d, scale, &out)) return "none";
    leat_buf_u8(&out, 0);
    assert_int_equal(out.p[0], '|');
    return out.p + 1;
}

static void test_parse(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      "-",  "+",  ".",   "-.",       "1e5", "NaN",
                                      "1.2.3", "1 ", " 1", "0x1", "Infinity", "1,5", "--1"};
    leat_decimal d;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(leat_decimal_parse(leat_str_of(bad[i]), &d));
    d = parse("-0012.50");
    assert_true(d.negative);
    assert_true(leat_str_is(d.whole, "12"));
    assert_true(leat_str_is(d.fraction, "50"));
    leat_decimal_strip(&d);
    assert_true(leat_str_is(d.fraction, "5"));
    d = parse("+.00");
    leat_decimal_strip(&d);
    assert_int_equal(d.whole.len + d.fraction.len, 0);
    assert_false(d.negative);
}

/* Where the number of bytes changes, on both sides of zero and of the short ways. */
static void test_bytes(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"0", "00"},
        {"-0.0", "00"},
        {"127", "7f"},
        {"128", "0080"},
        {"-128", "80"},
        {"-129", "ff7f"},
        {"255", "00ff"},
        {"256", "0100"},
        {"-256", "ff00"},
        {"32768", "008000"},
        {"-32768", "8000"},
        {"-32769", "ff7fff"},
        {"9223372036854775807", "7fffffffffffffff"},
        {"-9223372036854775808", "8000000000000000"},
        {"9223372036854775808", "008000000000000000"},
        {"-9223372036854775809", "ff7fffffffffffffff"},
        {"170141183460469231731687303715884105727", "7fffffffffffffffffffffffffffffff"},
        {"-170141183460469231731687303715884105728", "80000000000000000000000000000000"},
        {"170141183460469231731687303715884105728", "0080000000000000000000000000000000"},
        {"-1234567890123456789012345678901234567890", "fc5f36df8a3f240c475343a06931c0f52e"},
        {"99999999999999999999999999999999999999", "4b3b4ca85a86c47a098a223fffffffff"},
        {"100000000000000000000000000000000000000", "4b3b4ca85a86c47a098a224000000000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(bytes(rows[i][0], 0), rows[i][1]);
}

static void test_scale(void **state)
{
    (void)state;
    assert_string_equal(bytes("1.50", 2), "0096");
    assert_string_equal(bytes("1.5", 2), "0096");
    assert_string_equal(bytes("1.500", 2), "0096");
    assert_string_equal(bytes(".5", 1), "05");
    assert_string_equal(bytes("1.505", 2), "none");
    assert_string_equal(bytes("12300", -2), "7b");
    assert_string_equal(bytes("-12300.00", -2), "85");
    assert_string_equal(bytes("12310", -2), "none");
    assert_string_equal(bytes("12", -3), "none");
    assert_string_equal(bytes("0", -3), "00");
    assert_string_equal(bytes("1", LEAT_SCALE_MOST + 1), "none");
    assert_string_equal(bytes("1", INT32_MIN), "none");
}

/* Digits of any number: 2^n is 1 and n/8 zero bytes, and one less is all ones. */
static void test_long(void **state)
{
    (void)state;
    enum { DIGITS = 3000, BITS = 9960 };
    char digits[DIGITS + 1];
    unsigned char number[DIGITS] = {1}; /* least digit first */
    for (int bit = 0; bit < BITS; bit++)
        for (int i = 0, carry = 0; i < DIGITS; i++) {
            carry += 2 * number[i];
            number[i] = (unsigned char)(carry % 10);
            carry /= 10;
        }
    for (int minus_one = 0; minus_one < 2; minus_one++) {
        if (minus_one) number[0]--; /* powers of two end in 2, 4, 6 or 8 */
        for (int i = 0; i < DIGITS; i++) digits[i] = (char)('0' + number[DIGITS - 1 - i]);
        digits[DIGITS] = 0;
        const char *got = bytes(digits, 0);
        assert_int_equal(out.len, BITS / 8 + 1);
        assert_int_equal((unsigned char)out.p[0], minus_one ? 0x00 : 0x01);
        for (size_t i = 1; i < out.len; i++)
            assert_int_equal((unsigned char)out.p[i], minus_one ? 0xff : 0x00);
        assert_int_not_equal(got[0], 'n');
    }
}

static void test_text(void **state)
{
    (void)state;
    assert_string_equal(text("0", 0), "0");
    assert_string_equal(text("-0", 0), "0");
    assert_string_equal(text("0", 2), "0.00");
    assert_string_equal(text("-0.00", 2), "0.00");
    assert_string_equal(text("1.5", 2), "1.50");
    assert_string_equal(text("-0.01", 2), "-0.01");
    assert_string_equal(text("0.000001", 6), "0.000001");
    assert_string_equal(text("0.0000001", 7), "1E-7");
    assert_string_equal(text("-0.00000012345", 11), "-1.2345E-7");
    assert_string_equal(text("0.00000012", 8), "1.2E-7");
    assert_string_equal(text("0", 6), "0.000000");
    assert_string_equal(text("0", 7), "0E-7");
    assert_string_equal(text("1000", -3), "1E+3");
    assert_string_equal(text("-12000", -3), "-1.2E+4");
    assert_string_equal(text("12345678901234567890.12", 2), "12345678901234567890.12");
    assert_string_equal(text("12345678901234567890.12", 1), "none");
}

/* The text of bytes at a scale; "none" when there is none. */
static const char *scaled(leat_str number, int32_t scale)
{
    leat_buf_clear(&out);
    if (!leat_decimal_scaled(number, scale, &out)) return "none";
    leat_buf_u8(&out, 0);
    return out.p;
}

static void test_scaled(void **state)
{
    (void)state;
    assert_string_equal(scaled(LEAT_STR("\0"), 0), "0");
    assert_string_equal(scaled(LEAT_STR("\0"), 3), "0.000");
    assert_string_equal(scaled(LEAT_STR("\0"), -2), "0");
    assert_string_equal(scaled(LEAT_STR("\x7b"), 2), "1.23");
    assert_string_equal(scaled(LEAT_STR("\x85"), 2), "-1.23");
    assert_string_equal(scaled(LEAT_STR("\x80"), 0), "-128");
    assert_string_equal(scaled(LEAT_STR("\0\x80"), 5), "0.00128");
    assert_string_equal(scaled(LEAT_STR("\x0c"), -3), "12000");
    assert_string_equal(scaled(LEAT_STR("\xff\xff\xff\xff\xff"), 1), "-0.1");
    assert_string_equal(scaled(LEAT_STR(""), 0), "none");
    assert_string_equal(scaled(LEAT_STR("\x01"), LEAT_SCALE_MOST + 1), "none");
    static const char *const texts[] = {"12345678901234567890123456789012345678.0123456789",
                                        "-99999999999999999999999999999999999.9999999999",
                                        "1000000000.0000000000", "-0.0000000001"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        leat_buf number = {0};
        leat_decimal d = parse(texts[i]);
        assert_true(leat_decimal_unscaled(&d, 10, &scratch, &number));
        assert_string_equal(scaled(leat_buf_str(&number), 10), texts[i]);
        leat_buf_free(&number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_bytes), cmocka_unit_test(test_scale),
        cmocka_unit_test(test_long),  cmocka_unit_test(test_text),  cmocka_unit_test(test_scaled),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
