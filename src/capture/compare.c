/* The hash of a row, as the databases compute it (capture/compare.h). Pure. */
#include "capture/compare.h"

#include <openssl/evp.h>

static int64_t half(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v = v << 8 | p[i];
    return (int64_t)v;
}

void leat_compare_hash(leat_str texts, bool sha, int64_t *first, int64_t *second)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    EVP_Digest(texts.s, texts.len, hash, NULL, sha ? EVP_sha256() : EVP_md5(), NULL);
    *first = half(hash);
    *second = half(hash + 8);
}
