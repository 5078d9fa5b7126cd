/* Rows of a snapshot beside changes of the stream: which rows may still be told.
 *
 * Streamed changes are never dropped; rows yield. A window is opened before its chunk's view is
 * taken and closed when the chunk's rows have been appended, which is not before the stream has
 * passed the end of that view. In between every change of the table that is not surely in the view
 * is noted by its keys. A row with such a key is superseded: what the stream told of it is newer,
 * or will be. So a consumer sees a key's state move forward only, whatever else happens.
 *
 *   open      notes begin; what was appended before is known by the stream's last transactions
 *   view      false: it lacks a transaction that was appended before: take another
 *   ready     the stream has passed the view
 *   decide    which rows are superseded; from here to close no change is noted
 *   yield     takes superseded rows out of a batch
 *
 * Where a change that superseded a row left a column out (unchanged TOAST), and where a row got
 * another key and a column was left out, the row's key goes to the ledger, to be read again. A
 * TRUNCATE that is not surely in the view supersedes all. Notes are bounded by bytes: beyond, the
 * table's windows are spoiled, and their chunks read again in halves. So is a window whose rows
 * have another identity than a change (ALTER TABLE in between): keys of two kinds are never equal.
 *
 * Rows without identity, read for an ad hoc snapshot by a column that they may share, yield to a
 * change that tells the whole old row only where they are equal to it; to an insert none yields.
 *
 * A table without identity is read while the stream stands still, before it began; then its changes
 * that the rows show already are dropped and counted as deduplicated, until the stream has passed
 * the view.
 *
 * Pure; by the task's thread. */
#ifndef LEAT_CAPTURE_WINDOW_H
#define LEAT_CAPTURE_WINDOW_H

#include "capture/ledger.h"

/* What a source says of its views (leat_source_chunks). */
typedef struct leat_view_ops {
    bool (*contains)(const leat_view *view, uint64_t tx);
    leat_cover (*covers)(const leat_view *view, leat_position pos); /* or NULL */
    bool (*passed)(const leat_view *view, leat_position pos);
    leat_rc (*view)(leat_str text, leat_arena *a, leat_view *out, leat_err *e);
} leat_view_ops;

typedef struct leat_windows leat_windows; /* of one task */
typedef struct leat_window leat_window;   /* of one chunk */

/* note_bytes: of all notes. Heap; never NULL. */
leat_windows *leat_windows_new(leat_ledger *l, const leat_view_ops *ops, size_t note_bytes);
void leat_windows_free(leat_windows *ws);

/* Transactions that were appended before, as the stream has them. */
void leat_windows_known(leat_windows *ws, const uint64_t *txs, size_t n);
/* The changes of b are appended next: notes them, and takes those out that rows of a table without
 * identity show already. */
void leat_windows_note(leat_windows *ws, leat_batch *b);
/* pos is appended: what it makes superfluous goes. CONF "snapshot.progress": a stored view cannot
 * be read. */
leat_rc leat_windows_reach(leat_windows *ws, leat_position pos, leat_err *e);
/* Bytes that notes take. */
size_t leat_windows_held(const leat_windows *ws);

/* pos: the last safe place appended; offset absent: none. */
leat_window *leat_window_open(leat_windows *ws, const leat_job *job, leat_position pos);
const leat_job *leat_window_job(const leat_window *w);
/* view lives until close. False: it is behind the stream. */
bool leat_window_view(leat_window *w, leat_view view);
/* The notes were too many: close it, and leat_job_halve. */
bool leat_window_spoiled(const leat_window *w);
/* pos: the last safe place appended. */
bool leat_window_ready(const leat_window *w, leat_position pos);
const leat_view *leat_window_view_of(const leat_window *w); /* NULL: none yet */
/* rows: the version that all rows of the chunk have; NULL: there are none. False: it is spoiled. */
bool leat_window_decide(leat_window *w, const leat_table *rows);
/* FATAL "snapshot.no_key": a row has no identity. */
leat_rc leat_window_yield(leat_window *w, leat_batch *b, leat_err *e);
/* All rows of a table without identity are appended with this batch: remembers the view. */
void leat_window_keep_view(leat_window *w);
void leat_window_close(leat_window *w);

#endif
