/* Java's stores (stream/kafka/stores.h). Since Java 9 keytool writes PKCS12, whatever the file is
 * called; JKS is an older form that only Java reads. Any thread. */
#include "stream/kafka/stores.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "base/os.h"

enum { STORE_MAX = 4 << 20 };

static leat_rc load(const char *path, leat_buf *out, leat_err *e)
{
    int err = leat_os_load(path, out, STORE_MAX);
    return err < 0 ? leat_os_fail(e, err, "read", path) : LEAT_OK;
}

static bool begins(leat_str s, const char *magic)
{
    return s.len >= 4 && memcmp(s.s, magic, 4) == 0;
}

leat_rc leat_kafka_store_form(const char *path, const char *option, leat_kafka_form *out,
                              leat_err *e)
{
    leat_buf content = {0};
    leat_rc rc = load(path, &content, e);
    leat_str s = leat_buf_str(&content);
    if (rc != LEAT_OK) {
        leat_buf_free(&content);
        return rc;
    }
    if (begins(s, "\xFE\xED\xFE\xED") || begins(s, "\xCE\xCE\xCE\xCE"))
        rc =
            leat_fail(e, LEAT_CONF, "kafka.store", option,
                      "%s is a store in Java's own form JKS, which only Java can read; convert it: "
                      "keytool -importkeystore -srckeystore %s -destkeystore %s.p12 "
                      "-deststoretype PKCS12, and name the new file here",
                      path, path, path);
    else if (s.len && memmem(s.s, s.len, "-----BEGIN ", 11))
        *out = LEAT_KAFKA_PEM;
    else if (s.len && (unsigned char)s.s[0] == 0x30) /* DER's sequence */
        *out = LEAT_KAFKA_PKCS12;
    else
        rc = leat_fail(e, LEAT_CONF, "kafka.store", option,
                       "%s is neither PEM (there is no -----BEGIN line) nor PKCS12", path);
    leat_buf_free(&content);
    return rc;
}

static leat_rc refuse(const char *path, const char *option, const char *what, leat_err *e)
{
    unsigned long code = ERR_peek_last_error();
    char why[160] = "";
    if (code) ERR_error_string_n(code, why, sizeof why);
    ERR_clear_error();
    return leat_fail(e, LEAT_CONF, "kafka.store", option, "%s: %s%s%s", path, what,
                     *why ? ": " : "", why);
}

static bool add(BIO *out, X509 *certificate)
{
    return certificate == NULL || PEM_write_bio_X509(out, certificate);
}

static leat_rc write_all(PKCS12 *store, const char *path, const char *password, const char *option,
                         BIO *out, leat_err *e)
{
    EVP_PKEY *key = NULL;
    X509 *own = NULL;
    STACK_OF(X509) *others = NULL;
    if (!PKCS12_parse(store, password ? password : "", &key, &own, &others))
        return refuse(path, option, "its certificates cannot be read (a wrong password?)", e);
    bool good = add(out, own);
    for (int i = 0; others && good && i < sk_X509_num(others); i++)
        good = add(out, sk_X509_value(others, i));
    EVP_PKEY_free(key);
    X509_free(own);
    sk_X509_pop_free(others, X509_free);
    char *p;
    if (!good) return refuse(path, option, "its certificates cannot be written as PEM", e);
    if (BIO_get_mem_data(out, &p) <= 0) return refuse(path, option, "it holds no certificates", e);
    return LEAT_OK;
}

leat_rc leat_kafka_store_certificates(const char *path, const char *password, const char *option,
                                      leat_arena *a, const char **pem, leat_err *e)
{
    leat_buf content = {0};
    leat_rc rc = load(path, &content, e);
    BIO *out = BIO_new(BIO_s_mem());
    const unsigned char *at = (const unsigned char *)content.p;
    PKCS12 *store = rc == LEAT_OK ? d2i_PKCS12(NULL, &at, (long)content.len) : NULL;
    if (rc == LEAT_OK)
        rc = store ? write_all(store, path, password, option, out, e)
                   : refuse(path, option, "it is no PKCS12 file", e);
    if (rc == LEAT_OK) {
        char *p;
        long n = BIO_get_mem_data(out, &p);
        *pem = leat_arena_str(a, (leat_str){p, (size_t)n}).s;
    }
    PKCS12_free(store);
    BIO_free(out);
    leat_buf_free(&content);
    return rc;
}
