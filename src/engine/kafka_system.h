/* Kafka's checks among those of other systems (system/system.h). Any thread. */
#ifndef LEAT_ENGINE_KAFKA_SYSTEM_H
#define LEAT_ENGINE_KAFKA_SYSTEM_H

#include "source/source.h"
#include "stream/kafka/check.h"

/* For leat_kafka_check_conf.step: tells the step to a leat_checker, which is arg. */
void leat_kafka_step_tell(void *arg, const leat_kafka_step *s);

#endif
