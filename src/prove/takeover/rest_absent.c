/* Kafka Connect's REST in a build without libcurl (prove/takeover/rest.h): its absence is told. */
#include "prove/takeover/rest.h"

leat_rc leat_rest_open(const char *url, const leat_rest_login *login, leat_rest **out, leat_err *e)
{
    (void)login;
    *out = NULL;
    return leat_fail(e, LEAT_CONF, "connect.not_built", url,
                     "this build has no client of Kafka Connect's REST (libcurl was missing): name "
                     "the file of the connector's configuration instead");
}

void leat_rest_close(leat_rest *r)
{
    (void)r;
}

leat_rc leat_rest_config(leat_rest *r, const char *name, const leat_open *open, leat_arena *a,
                         leat_config **out, leat_err *e)
{
    (void)r;
    (void)open;
    (void)a;
    (void)out;
    return leat_fail(e, LEAT_CONF, "connect.not_built", name, "there is no REST in this build");
}
