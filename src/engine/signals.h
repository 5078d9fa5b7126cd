/* Signals of channels that are not the source's own: the control socket, a file, a topic of Kafka.
 *
 * Whoever brings one puts it into the engine's queue and looks from time to time what became of it.
 * The task's thread gives it to the source while the stream is read; it is done with once a
 * position that holds what came of it is durable. An attempt that ends before has forgotten it: the
 * next one gets it again. So a signal that was reported as done survives a crash. */
#ifndef LEAT_ENGINE_SIGNALS_H
#define LEAT_ENGINE_SIGNALS_H

#include "engine/engine.h"
#include "stream/kafka/options.h"

/* Takes a signal (an object of JSON, capture/signal.h); *ticket: to look at it. CONF when it cannot
 * be understood, or the source takes no signals; RETRY "engine.ended". Any thread. */
leat_rc leat_signals_put(leat_engine *g, leat_str json, uint64_t *ticket, leat_err *e);
/* OK: done and durable; PENDING: not yet; RETRY "engine.ended"; else it was refused. A ticket is
 * good until one of the others was given. Any thread. */
leat_rc leat_signals_look(leat_engine *g, uint64_t ticket, leat_err *e);

/* The file of signals of a connector: looked at by one thread, now and then. */
typedef struct leat_signal_file leat_signal_file;

/* NULL: this configuration has none. Heap. */
leat_signal_file *leat_signal_file_new(const leat_source *source, const void *conf);
void leat_signal_file_free(leat_signal_file *f);
/* If it is time: puts the lines that are there into the queue, and takes them out of the file when
 * they are done. What goes wrong is logged. */
void leat_signal_file_turn(leat_signal_file *f, leat_engine *g);

/* The topic of signals: the same. */
typedef struct leat_signal_kafka leat_signal_kafka;

/* kafka NULL: this configuration has none, and the answer is NULL. conf, kafka: outlive it. */
leat_signal_kafka *leat_signal_kafka_new(const leat_source *source, const void *conf,
                                         const leat_kafka_signal_conf *kafka,
                                         const char *connector);
void leat_signal_kafka_free(leat_signal_kafka *k);
/* Puts what has come into the queue, and commits what is done. Never waits for long; what goes
 * wrong is logged. */
void leat_signal_kafka_turn(leat_signal_kafka *k, leat_engine *g);

#endif
