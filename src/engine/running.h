/* The inside of a connector's process, shared by process.c (a run), stopped.c (verbs of one that
 * does not run) and verbs.c (the control socket's verbs); nobody else includes this. */
#ifndef LEAT_ENGINE_RUNNING_H
#define LEAT_ENGINE_RUNNING_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/control.h"
#include "engine/intake.h"
#include "engine/process.h"
#include "engine/rates.h"
#include "engine/setup.h"
#include "engine/signals.h"
#include "engine/sinkrun.h"
#include "state/state.h"
#include "stream/kafka/broker.h"
#include "stream/tables.h"

typedef struct leat_process {
    leat_process_conf conf;
    leat_arena arena;
    leat_setup setup;
    char *folder;
    char run_id[37];
    int lock; /* of the folder: one process a connector. -1: none */
    leat_page *page;
    leat_tables *tables; /* NULL: there is no room for it */
    leat_stream *stream;
    leat_broker_events reports; /* what its producer reports to, if it is Kafka ... */
    leat_broker_events offsets; /* ... and the one that writes positions for Kafka Connect */
    leat_state *state;          /* of the task's thread */
    leat_state *notes; /* the same file, for the control worker; state itself when nothing runs */
    leat_control *control;
    leat_engine *engine; /* one of the two; neither when nothing runs */
    leat_sinkrun *sinkrun;
    leat_feed *intake;   /* of a sink that reads Kafka, else NULL ... */
    leat_errant *errant; /* ... and where it reports records; NULL: nowhere */
    atomic_bool restart; /* it was told to end and be started again */
    pthread_mutex_t guard;
    leat_desired desired; /* guarded; as stored */
    leat_rates rates;     /* of the control thread */
    uint64_t bytes, sampled_bytes;
    leat_buf noted; /* of the worker: the positions noted last, as JSON */
    int64_t noted_us;
    leat_signal_file *file;   /* of the worker; NULL: there is none */
    leat_signal_kafka *topic; /* the same */
    leat_exchange *mirror;    /* the same */
} leat_process;

/* process.c: the pieces of a start, in this order; what was opened is closed by close. asked: ends
 * the wait for the lock (PENDING); NULL: nothing does. */
leat_rc leat_process_lock(leat_process *p, const atomic_bool *asked, leat_err *e);
leat_rc leat_process_stream(leat_process *p, leat_err *e);
void leat_process_close(leat_process *p);
/* deliver.c: the stream is Kafka. p->state is open. */
leat_rc leat_process_kafka(leat_process *p, leat_err *e);
/* CONF "stream.spool": a run with Kafka left events in a spool, which the embedded stream would
 * never see. */
leat_rc leat_process_unspooled(leat_process *p, leat_err *e);
/* Tells the task to end; from a signal handler too. */
void leat_process_stop(leat_process *p);
/* A signal has asked for it, of this process. */
bool leat_process_ends(void);

/* adopt.c: at the first start of a source, offset.storage.*; the stream is open, no task is there
 * yet. CONF "adopt.store", "adopt.ambiguous", "offsets.file". */
leat_rc leat_process_adopt(leat_process *p, leat_err *e);

/* stopped.c: of a connector that does not run. parse: setup, from the configuration in p->state;
 * open: the lock, state.db, and if whole the setup. */
leat_rc leat_process_parse(leat_process *p, leat_err *e);
leat_rc leat_process_open(leat_process *p, bool whole, leat_err *e);

/* verbs.c: a leat_control_handler, and what else the control socket wants; arg is the process. */
leat_rc leat_process_verb(void *arg, leat_str verb, const leat_json *request, leat_jw *reply,
                          leat_err *e);
bool leat_process_slow(leat_str verb);
void leat_process_tick(void *arg);
int64_t leat_process_idle(void *arg);
/* Notes where it stands, if that has changed since the last note; errors are logged. By the thread
 * that has p->notes. */
void leat_process_note(leat_process *p, leat_noted noted);
/* Lets the task be paused or go on, as was stored. */
void leat_process_obey(leat_process *p);

/* verbs_letters.c: letters-drop, letters-edit, letters-retry. */
leat_rc leat_process_letters(leat_process *p, leat_str verb, const leat_json *request,
                             leat_jw *reply, leat_err *e);
/* The sink pauses by itself, as leat_sinkrun_conf.paused; arg is the process. */
void leat_process_broke(void *arg, const char *why);

/* offsets.c: the verbs offsets, offsets-history, offsets-set, offsets-reset, offsets-undo. */
leat_rc leat_process_offsets(leat_process *p, leat_str verb, const leat_json *request,
                             leat_jw *reply, leat_err *e);
/* The durable positions now, in a. */
leat_rc leat_process_positions(leat_process *p, leat_arena *a, leat_position **pos, size_t *n,
                               leat_err *e);

/* place.c: before positions are set to these n, by whoever may write the stream. What tables look
 * like behind a part of the log that is passed over is in no entry of the schema history: the one
 * that is noted says so. */
leat_rc leat_process_note_gap(leat_process *p, const leat_position *to, size_t n, leat_err *e);

#endif
