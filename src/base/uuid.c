/* Random UUIDs (RFC 9562). The kernel gives the random bits; where it has none yet, the time does.
 * Any thread. */
#include "base/uuid.h"

#include <sys/random.h>

#include "base/clock.h"

static void fill(uint8_t u[16])
{
    int64_t now = leat_now_us(), mono = leat_mono_us();
    if (getrandom(u, 16, 0) == 16) return;
    memcpy(u, &mono, sizeof mono);
    memcpy(u + 8, &now, sizeof now);
}

static char *print(uint8_t u[16], unsigned version, char out[LEAT_UUID_MAX])
{
    static const char hex[] = "0123456789abcdef";
    char *at = out;
    u[6] = (uint8_t)(version << 4 | (u[6] & 0x0f));
    u[8] = (uint8_t)(0x80 | (u[8] & 0x3f));
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        *at++ = hex[u[i] >> 4];
        *at++ = hex[u[i] & 15];
    }
    *at = 0;
    return out;
}

char *leat_uuid4(char out[LEAT_UUID_MAX])
{
    uint8_t u[16];
    fill(u);
    return print(u, 4, out);
}

char *leat_uuid7(char out[LEAT_UUID_MAX])
{
    uint8_t u[16];
    uint64_t ms = (uint64_t)(leat_now_us() / 1000);
    fill(u);
    for (int i = 0; i < 6; i++) u[i] = (uint8_t)(ms >> (40 - 8 * i));
    return print(u, 7, out);
}
