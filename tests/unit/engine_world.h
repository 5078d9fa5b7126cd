/* The engine's world in tests: a scripted source, a stream and a store of letters that only
 * remember. Every call adds a word to one line, and that line is what is compared. */
#ifndef LEAT_TESTS_ENGINE_WORLD_H
#define LEAT_TESTS_ENGINE_WORLD_H

#include <pthread.h>

#include "engine/engine.h"

/* What one read (or read_chunk) does, in this order. */
typedef struct step {
    unsigned events, filtered, dead; /* received and ... */
    int64_t safe;                    /* a safe place; 0: none */
    unsigned after;                  /* events behind it */
    unsigned lost;                   /* received, and nothing became of it */
    unsigned rows;
    leat_rc rc;
    unsigned ms;      /* a chunk: how long it takes */
    bool fill;        /* as if the batch were full */
    bool stop, pause; /* somebody says so meanwhile */
    bool between;     /* somebody asks for the exclusive section meanwhile */
} step;

enum { STEPS = 16, PARTITION_LEN = 12 };

typedef struct world {
    leat_stream stream;
    leat_dead_store letters;
    leat_stream_state state;
    leat_position pos;
    char offset[32], progress[128];
    int64_t mark, appended; /* positions; 0: none */
    bool dirty;             /* something safe is not committed */
    char appended_progress[128];
    leat_counts counts, tail; /* appended up to the safe place; behind it */
    step reads[STEPS], rows[STEPS];
    unsigned nreads, nrows, chunks;
    bool skip_stream;
    leat_rc open_rc[STEPS], append_rc[STEPS], commit_rc[STEPS], ack_rc[STEPS], put_rc[STEPS];
    unsigned opens, appends, commits, acks, puts, beats;
    int64_t passes_at; /* `once` */
    int64_t now;
    unsigned sleeps, unpause_at;
    unsigned look_at;          /* after this sleep ... */
    leat_engine_status looked; /* ... it was so */
    bool begin_paused;
    char line[4000];
    leat_engine *g;
    leat_engine_status status; /* while it read for the second time */
    leat_engine_status beaten; /* at the first beat */
    unsigned read_calls;
    pthread_t asker;   /* of the exclusive section */
    bool asking;       /* there is one, not joined yet ... */
    atomic_bool heard; /* ... whose fn ran, or which was answered */
    unsigned ask_at;   /* it comes at this sleep; 0: never */
    leat_rc fn_rc, asked_rc;
    leat_err asked_err;
} world;

extern world *w; /* of the test that runs */
/* A source that streams only; tests add what they need to a copy of it. */
extern const leat_source world_plain;

/* cmocka's set-up and tear-down of a test. */
int world_setup(void **state);
int world_teardown(void **state);
/* What the reads do, in turn. */
void world_script(const step *steps, unsigned n);
#define SCRIPT(...)                                                                                \
    do {                                                                                           \
        const step steps_[] = {__VA_ARGS__};                                                       \
        world_script(steps_, sizeof steps_ / sizeof steps_[0]);                                    \
    } while (0)

/* Runs with the reads given; what it did stands in w->line. */
leat_rc world_run(const leat_source *source, bool once, int64_t limit, leat_page *page,
                  leat_err *e);
leat_rc world_run_plain(leat_err *e);
/* For a source with a snapshot. */
leat_rc world_plan(leat_task *t, leat_plan *plan, leat_err *e);
leat_rc world_read_chunk(leat_task *t, leat_chunk *chunk, leat_batch *b, leat_err *e);

#endif
