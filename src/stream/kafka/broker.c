/* Names of what became of a record (stream/kafka/broker.h). Pure. */
#include "stream/kafka/broker.h"

const char *leat_delivery_name(leat_delivery delivery)
{
    static const char *const names[] = {"delivered", "too_large", "invalid", "topic",
                                        "auth",      "timeout",   "lost"};
    return (unsigned)delivery < sizeof names / sizeof *names ? names[delivery] : "unknown";
}
