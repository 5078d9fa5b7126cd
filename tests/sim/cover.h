/* What the delivery to Kafka has met: each phase of the hand-over to the spool and back, and each
 * state of a transaction, counted with each thing that may happen in it, over all runs of the
 * program; so that it is known what no seed reaches. */
#ifndef LEAT_TESTS_SIM_COVER_H
#define LEAT_TESTS_SIM_COVER_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_MEETS(X)                                                                               \
    X(KILL, "a kill")                                                                              \
    X(POWER, "a power cut")                                                                        \
    X(STOP, "a stop")                                                                              \
    X(AWAY, "Kafka going away")                                                                    \
    X(FATAL, "a producer's death")                                                                 \
    X(TOPIC, "a topic that is gone")                                                               \
    X(LARGE, "a record that is too large")                                                         \
    X(BUDGET, "a spool without room")                                                              \
    X(DISK, "a full disk")                                                                         \
    X(SYNC, "a sync that fails")                                                                   \
    X(REPORT, "a report")                                                                          \
    X(TIMEOUT, "a transaction that times out")                                                     \
    X(OTHER, "another cluster's answer")
typedef enum sim_meet {
/* clang-format off */
#define X(name, text) MEET_##name,
    SIM_MEETS(X)
#undef X
    MEET_COUNT
    /* clang-format on */
} sim_meet;

/* It happens now. */
void cover(sim_meet what);
/* Prints what was counted, a line each, as the lines of a table. */
void cover_show(bool once);
/* Whether each phase that can has met it, with exactly once or without; text: how often. */
bool cover_judge(sim_meet what, bool once, char *text, unsigned size);
const char *cover_name(sim_meet what);

#endif
