/* The transactional id of Kafka Connect's tasks (stream/kafka/client.h). Pure. */
#include "stream/kafka/client.h"

const char *leat_kafka_transactional_id(const char *group_id, const char *connector, int task,
                                        leat_arena *a)
{
    return leat_arena_printf(a, "%s-%s-%d", group_id, connector, task);
}
