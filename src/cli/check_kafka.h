/* The part of leat check that is about Kafka as the stream, or as what a sink reads. */
#ifndef LEAT_CLI_CHECK_KAFKA_H
#define LEAT_CLI_CHECK_KAFKA_H

#include "engine/setup.h"

/* Whether the source's records can be delivered: to the topics of the tables that it captures, as
 * far as it can tell. Steps go to c. */
leat_rc leat_check_kafka(const leat_setup *setup, leat_checker *c, leat_err *e);
/* Whether the sink's topics are there. */
void leat_check_intake(const leat_setup *setup, leat_checker *c);
/* Whether signals can come through the topic of signals, if there is to be one. */
void leat_check_signals(const leat_setup *setup, leat_checker *c);

#endif
