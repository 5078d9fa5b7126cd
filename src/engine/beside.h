/* Snapshots beside the stream, as a task drives them. By the task's thread. */
#ifndef LEAT_ENGINE_BESIDE_H
#define LEAT_ENGINE_BESIDE_H

#include "base/json.h"
#include "engine/run.h"

/* The plan says `beside`: what was done before stands in stored (the ledger's array; NULL:
 * nothing). r->beside is there from now on, also after an error; the plan's arena lives as long. */
leat_rc leat_beside_begin(leat_run *r, const leat_plan *plan, const leat_json *stored, leat_err *e);
/* A step, when nothing of the task waits to be appended. took: that was the turn; else the stream
 * is to be read. r->beside is NULL once the snapshot is done. */
leat_rc leat_beside_turn(leat_run *r, bool *took, leat_err *e);
/* Whether the source asks for an ad hoc snapshot now: r->beside is there as long as it does. When
 * nothing of the task waits to be appended. */
leat_rc leat_beside_asked(leat_run *r, leat_err *e);
/* Nothing is taken for now. RETRY "snapshot.let_go": the view of a table that is read while the
 * stream stands still has rested for too long. */
leat_rc leat_beside_idle(const leat_run *r, leat_err *e);
/* All that it has to do is an ad hoc snapshot that rests. */
bool leat_beside_rests(const leat_run *r);
/* It reads, or has read, an ad hoc snapshot's table. */
bool leat_beside_ad_hoc(const leat_run *r);
/* The task's batch was read from the stream and is offered next. */
void leat_beside_note(leat_run *r);
/* What the ledger says must be stored with the task's next safe place. */
bool leat_beside_urgent(const leat_run *r);
/* Appends the ledger's array. The appender is taken. */
void leat_beside_write(leat_run *r, leat_buf *out);
/* The attempt ends: readers too. r->beside may be NULL. */
void leat_beside_end(leat_run *r);

#endif
