/* CRC-32C (Castagnoli), declared in base/buf.h.
 *
 * By the processor where it can (SSE 4.2, found at run time; AArch64 if compiled for it), else by
 * tables, eight bytes a step. The x86 instruction takes three cycles but one can start in each, so
 * long inputs are summed in three lanes side by side; a lane's sum is then moved over the lanes
 * behind it by a table: what a sum becomes when LANE zero bytes follow is linear in its bits. The
 * tables are made once, at first use. No state after that. Any thread. */
#include "base/buf.h"

#include <pthread.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define BY_SSE 1
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define BY_ARM 1
#endif

#define POLYNOMIAL 0x82f63b78u /* reflected */
enum { LANE_LONG = 2048, LANE_SHORT = 256 };

static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint64_t read64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* These work on the sum as it is inside: not inverted at either end. */
static uint32_t sum_soft(uint32_t crc, const uint8_t *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v = read64(p) ^ crc;
        crc = table[7][v & 0xff] ^ table[6][v >> 8 & 0xff] ^ table[5][v >> 16 & 0xff] ^
              table[4][v >> 24 & 0xff] ^ table[3][v >> 32 & 0xff] ^ table[2][v >> 40 & 0xff] ^
              table[1][v >> 48 & 0xff] ^ table[0][v >> 56];
    }
    for (; n > 0; n--, p++) crc = table[0][(crc ^ *p) & 0xff] ^ crc >> 8;
    return crc;
}

#ifdef BY_SSE
static uint32_t move_long[4][256], move_short[4][256];
static bool have_sse;

/* Which sum each sum becomes when lane zero bytes follow. */
static void make_move(uint32_t move[4][256], size_t lane)
{
    static const uint8_t zeros[LANE_LONG];
    uint32_t bit[32];
    for (unsigned i = 0; i < 32; i++) bit[i] = sum_soft(1u << i, zeros, lane);
    for (unsigned k = 0; k < 4; k++)
        for (unsigned v = 0; v < 256; v++) {
            uint32_t sum = 0;
            for (unsigned i = 0; i < 8; i++)
                if (v >> i & 1) sum ^= bit[8 * k + i];
            move[k][v] = sum;
        }
}

static uint32_t moved(uint32_t move[4][256], uint64_t crc)
{
    return move[0][crc & 0xff] ^ move[1][crc >> 8 & 0xff] ^ move[2][crc >> 16 & 0xff] ^
           move[3][crc >> 24 & 0xff];
}

__attribute__((target("sse4.2"))) static uint64_t three_lanes(uint64_t crc, const uint8_t *p,
                                                              size_t lane, uint32_t move[4][256])
{
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < lane; i += 8) {
        crc = _mm_crc32_u64(crc, read64(p + i));
        second = _mm_crc32_u64(second, read64(p + lane + i));
        third = _mm_crc32_u64(third, read64(p + 2 * lane + i));
    }
    second ^= moved(move, crc);
    return third ^ moved(move, second);
}

__attribute__((target("sse4.2"))) static uint32_t sum_hard(uint32_t sum, const uint8_t *p, size_t n)
{
    uint64_t crc = sum;
    for (; n >= 3 * LANE_LONG; n -= 3 * LANE_LONG, p += 3 * LANE_LONG)
        crc = three_lanes(crc, p, LANE_LONG, move_long);
    for (; n >= 3 * LANE_SHORT; n -= 3 * LANE_SHORT, p += 3 * LANE_SHORT)
        crc = three_lanes(crc, p, LANE_SHORT, move_short);
    for (; n >= 8; n -= 8, p += 8) crc = _mm_crc32_u64(crc, read64(p));
    for (; n > 0; n--, p++) crc = _mm_crc32_u8((uint32_t)crc, *p);
    return (uint32_t)crc;
}
#endif

#ifdef BY_ARM
static uint32_t sum_hard(uint32_t crc, const uint8_t *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) crc = __crc32cd(crc, read64(p));
    for (; n > 0; n--, p++) crc = __crc32cb(crc, *p);
    return crc;
}
#endif

static void make_tables(void)
{
    for (unsigned v = 0; v < 256; v++) {
        uint32_t crc = v;
        for (unsigned i = 0; i < 8; i++) crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][v] = crc;
    }
    for (unsigned k = 1; k < 8; k++)
        for (unsigned v = 0; v < 256; v++)
            table[k][v] = table[k - 1][v] >> 8 ^ table[0][table[k - 1][v] & 0xff];
#ifdef BY_SSE
    have_sse = __builtin_cpu_supports("sse4.2") != 0;
    make_move(move_long, LANE_LONG);
    make_move(move_short, LANE_SHORT);
#endif
}

uint32_t leat_crc32c_soft(uint32_t crc, const void *p, size_t n)
{
    pthread_once(&once, make_tables);
    return ~sum_soft(~crc, p, n);
}

uint32_t leat_crc32c(uint32_t crc, const void *p, size_t n)
{
#if defined(BY_SSE)
    pthread_once(&once, make_tables);
    return ~(have_sse ? sum_hard(~crc, p, n) : sum_soft(~crc, p, n));
#elif defined(BY_ARM)
    return ~sum_hard(~crc, p, n);
#else
    return leat_crc32c_soft(crc, p, n);
#endif
}
