/* Tokens in a build without libcurl (stream/kafka/oauth.h). */
#include "stream/kafka/oauth.h"

bool leat_kafka_token_built(void)
{
    return false;
}

leat_rc leat_kafka_token_fetch(const leat_kafka_oauth *o, leat_arena *a, leat_kafka_token *out,
                               leat_err *e)
{
    (void)a;
    (void)out;
    return leat_fail(e, LEAT_CONF, "kafka.not_built", o->url,
                     "tokens cannot be fetched by this build: libcurl was missing");
}
