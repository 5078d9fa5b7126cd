/* The keys behind config/seal.h. Private to config/. */
#ifndef LEAT_CONFIG_SEAL_KEY_H
#define LEAT_CONFIG_SEAL_KEY_H

#include <stdint.h>

#include "base/err.h"

enum { LEAT_SEAL_ID = 8, LEAT_SEAL_BYTES = 32 };

/* What is derived of a key; to be wiped by who asked for it. */
typedef struct leat_seal_secret {
    char id[LEAT_SEAL_ID + 1];
    uint8_t seal[LEAT_SEAL_BYTES], nonce[LEAT_SEAL_BYTES];
} leat_seal_secret;

/* The key that seals; made when there is none. */
leat_rc leat_seal_first(leat_seal_secret *out, leat_err *e);
/* The key of that id. CONF "seal.key_missing"; option: whose value wants it. */
leat_rc leat_seal_find(const char *id, const char *option, leat_seal_secret *out, leat_err *e);

#endif
