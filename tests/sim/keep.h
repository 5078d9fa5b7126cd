/* Retention in a run: small bounds, readers that sleep and come back, removals that a crash cuts
 * short.
 *
 * In some runs the model consumer is a registered reader, and nothing it needs may go; in the
 * others it reads what is visible just before a segment is removed, so that it always knows all
 * that was there. Oracles: retention (what is removed lies below the mark; what is held is the end
 * of what was seen; the topics' first offsets are those of the first events held; a gap that a sink
 * complains of is real), and those of watch and sink, which lose nothing that they are registered
 * for. */
#ifndef LEAT_TESTS_SIM_KEEP_H
#define LEAT_TESTS_SIM_KEEP_H

#include "disk.h"
#include "stream/stream.h"

struct sim;

typedef struct keep {
    leat_retention_conf conf; /* zeroed: nothing is ever removed */
    bool watched;             /* the model consumer is registered */
} keep;

/* Draws it from the seed; after the disk is mounted. */
void keep_draw(struct sim *s);
bool keep_on(void);
/* The model consumer is registered, and has come to this place. */
void keep_note_watch(leat_str cursor);
/* The process is going to unlink this; the path that it does (a planted bug's is another one). */
const char *keep_unlink(const char *path);
/* It says it syncs a folder. */
void keep_sync_dir(void);
/* The process sleeps: who holds a full stream has the turn now and then. */
void keep_sleep(void);

/* The offset of the first record held of each topic; -1: the topic is not claimed. */
void keep_firsts(int64_t firsts[]);
/* A registered reader's cursor lies before what is held. */
bool keep_gap(const char *sink);
/* The index of the first event of those seen that is still held; checks the topics' first offsets.
 */
uint32_t keep_first_seen(void);

#endif
