/* Trust stores and key stores of Java's clients, as OpenSSL can read them. */
#ifndef LEAT_STREAM_KAFKA_STORES_H
#define LEAT_STREAM_KAFKA_STORES_H

#include "base/arena.h"
#include "base/err.h"

typedef enum leat_kafka_form { LEAT_KAFKA_PEM, LEAT_KAFKA_PKCS12 } leat_kafka_form;

/* What a store's file is, by what it begins with; option names it in errors. CONF
 * "kafka.store": Java's own form JKS (with the command that converts it), or no store at all;
 * "os.*": it cannot be read. */
leat_rc leat_kafka_store_form(const char *path, const char *option, leat_kafka_form *out,
                              leat_err *e);
/* The certificates of a PKCS12 file as PEM, in a. CONF "kafka.store": another password, no
 * certificates, a cipher that OpenSSL has retired. */
leat_rc leat_kafka_store_certificates(const char *path, const char *password, const char *option,
                                      leat_arena *a, const char **pem, leat_err *e);

#endif
