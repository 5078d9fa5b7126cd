/* --connect URL and how to log in there, for commands that ask a Kafka Connect. */
#ifndef LEAT_CLI_CONNECT_H
#define LEAT_CLI_CONNECT_H

#include "cli/cli.h"
#include "prove/takeover/rest.h"

typedef struct leat_connect {
    const char *url, *ca, *cert, *key, *user, *token_file;
} leat_connect;

#define LEAT_ARGS_LOGIN(c)                                                                         \
    {"ca", LEAT_ARG_TEXT, &(c).ca, "FILE",                                                         \
     "of an https URL: the authority of its certificate (PEM; default: the system's)"},            \
        {"cert", LEAT_ARG_TEXT, &(c).cert, "FILE", "a certificate to log in with (PEM)"},          \
        {"key", LEAT_ARG_TEXT, &(c).key, "FILE", "its key (PEM)"},                                 \
        {"user", LEAT_ARG_TEXT, &(c).user, "NAME",                                                 \
         "log in by password, which is in the environment's LEAT_PASSWORD"},                       \
    {                                                                                              \
        "token-file", LEAT_ARG_TEXT, &(c).token_file, "FILE",                                      \
            "log in by the token in that file (or in the environment's LEAT_TOKEN)"                \
    }

#define LEAT_ARGS_CONNECT(c)                                                                       \
    {"connect", LEAT_ARG_TEXT, &(c).url, "URL", "Kafka Connect's REST: http://host:8083"},         \
        LEAT_ARGS_LOGIN(c)

/* What is to be sent; texts in a. CONF "connect.login" when it does not fit together. */
leat_rc leat_connect_login(const leat_connect *c, leat_arena *a, leat_rest_login *out, leat_err *e);

#endif
