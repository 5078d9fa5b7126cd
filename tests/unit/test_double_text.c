/* base/double_text: expected texts are those of Java 25's Double.toString and Float.toString. */
#include "../test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/double_text.h"

static const char *of_double(double d)
{
    static char text[LEAT_DOUBLE_MAX + 1];
    text[leat_double_text(d, text)] = 0;
    return text;
}

static const char *of_float(float f)
{
    static char text[LEAT_DOUBLE_MAX + 1];
    text[leat_float_text(f, text)] = 0;
    return text;
}

static void test_doubles(void **state)
{
    (void)state;
    static const struct {
        double d;
        const char *text;
    } rows[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-1, "-1.0"},
        {0.001, "0.001"},
        {0.00099999, "9.9999E-4"},
        {1e7, "1.0E7"},
        {9999999, "9999999.0"},
        {9999999.5, "9999999.5"},
        {123456789.123456789, "1.2345678912345679E8"},
        {1e21, "1.0E21"},
        {1e23, "1.0E23"},
        {2e23, "2.0E23"},
        {9.007199254740993e15, "9.007199254740992E15"},
        {4.35, "4.35"},
        {2.2250738585072014E-308, "2.2250738585072014E-308"},
        {DBL_MAX, "1.7976931348623157E308"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100.0"},
        {12345678, "1.2345678E7"},
        {0.1 + 0.2, "0.30000000000000004"},
        {8.41E21, "8.41E21"},
        {9.5E-3, "0.0095"},
        {2e-44, "2.0E-44"},
        {5.684341886080802E-14, "5.684341886080802E-14"}, /* 2^-44 */
        {5e-324, "4.9E-324"},
        {1e-323, "9.9E-324"},
        {1.5e-323, "1.5E-323"},
        {2e-323, "2.0E-323"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(of_double(rows[i].d), rows[i].text);
}

static void test_floats(void **state)
{
    (void)state;
    static const char *const tiny[] = {"1.4E-45", "2.8E-45", "4.2E-45", "5.6E-45",
                                       "7.0E-45", "8.4E-45", "9.8E-45", "1.1E-44",
                                       "1.3E-44", "1.4E-44", "1.5E-44", "1.7E-44"};
    for (uint32_t bits = 1; bits <= 12; bits++) {
        float f;
        memcpy(&f, &bits, sizeof(f));
        assert_string_equal(of_float(f), tiny[bits - 1]);
    }
    assert_string_equal(of_float(-1.5e-10f), "-1.5E-10");
    assert_string_equal(of_float(FLT_MAX), "3.4028235E38");
    assert_string_equal(of_float(0.1f), "0.1");
    assert_string_equal(of_float(1e10f), "1.0E10");
    assert_string_equal(of_float(123456789.0f), "1.2345679E8");
    assert_string_equal(of_float(9999999.5f), "1.0E7");
    assert_string_equal(of_float(16777216.0f), "1.6777216E7");
    assert_string_equal(of_float(-0.0f), "-0.0");
}

static uint64_t seed = 88172645463325252ull;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Digits of a text: what stands before the E, without sign, point and zeros around them. */
static int digits(const char *text)
{
    int n = 0, zeros = 0;
    for (; *text != 0 && *text != 'E'; text++) {
        if (*text < '0' || *text > '9' || (n == 0 && *text == '0')) continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        n++;
    }
    return n - zeros;
}

/* It reads back as the same number, and printf needs as many digits to do so. */
static void test_random(void **state)
{
    (void)state;
    char shorter[40];
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = rnd();
        if (i % 4 == 0) bits &= UINT64_C(0xfff0000000000000); /* powers of two */
        double d;
        memcpy(&d, &bits, sizeof(d));
        if (i % 4 == 1) d = (double)(rnd() % 1000000) / 100;
        if (!isfinite(d) || d == 0) continue;
        const char *text = of_double(d);
        assert_true(strtod(text, NULL) == d);
        int n = digits(text);
        if (n <= 2) continue;
        snprintf(shorter, sizeof(shorter), "%.*e", n - 2, d);
        assert_true(strtod(shorter, NULL) != d);
        float f = (float)d;
        if (!isfinite(f) || f == 0) continue;
        text = of_float(f);
        assert_true(strtof(text, NULL) == f);
        n = digits(text);
        if (n <= 2) continue;
        snprintf(shorter, sizeof(shorter), "%.*e", n - 2, (double)f);
        assert_true(strtof(shorter, NULL) != f);
    }
}

/* ---- the table, computed again with long arithmetic ---- */

enum { LIMBS = 40 };
typedef struct number {
    uint32_t limb[LIMBS]; /* least first */
} number;

static void times_ten(number *n)
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)n->limb[i] * 10;
        n->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_int_equal(carry, 0);
}

static int bit_length(const number *n)
{
    for (int i = LIMBS * 32; i-- > 0;)
        if (n->limb[i / 32] >> i % 32 & 1) return i + 1;
    return 0;
}

static void twice(number *n)
{
    for (int i = LIMBS; i-- > 1;) n->limb[i] = n->limb[i] << 1 | n->limb[i - 1] >> 31;
    n->limb[0] <<= 1;
}

/* Takes y off x if it is not larger. */
static bool take(number *x, const number *y)
{
    number rest;
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t u = (uint64_t)x->limb[i] - y->limb[i] - borrow;
        rest.limb[i] = (uint32_t)u;
        borrow = u >> 63;
    }
    if (borrow == 0) *x = rest;
    return borrow == 0;
}

static void push(leat_pow10 *g, unsigned bit)
{
    g->high = g->high << 1 | (g->low >> 62 & 1);
    g->low = (g->low << 1 | bit) & (((uint64_t)1 << 63) - 1);
}

/* The first 126 bits of ten^e, or of 1/ten^e, plus one. */
static leat_pow10 first_bits(const number *power, bool inverse)
{
    leat_pow10 g = {0, 0};
    int n = bit_length(power), got = 0;
    number rest = {{1}};
    for (int i = n - 1; !inverse && got < 126; i--, got++)
        push(&g, i >= 0 ? power->limb[i / 32] >> i % 32 & 1 : 0);
    while (inverse && got < 126) {
        unsigned bit = take(&rest, power);
        twice(&rest);
        if (bit || got > 0) {
            push(&g, bit);
            got++;
        }
    }
    if (++g.low >> 63) {
        g.low = 0;
        g.high++;
    }
    return g;
}

static void test_table(void **state)
{
    (void)state;
    number power = {{1}};
    for (int e = 0; e <= -LEAT_POW10_FIRST; e++) {
        leat_pow10 g = first_bits(&power, false), t = leat_pow10_table[-e - LEAT_POW10_FIRST];
        assert_true(g.high == t.high && g.low == t.low);
        if (e > 0 && e <= LEAT_POW10_LAST) {
            g = first_bits(&power, true);
            t = leat_pow10_table[e - LEAT_POW10_FIRST];
            assert_true(g.high == t.high && g.low == t.low);
        }
        times_ten(&power);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
