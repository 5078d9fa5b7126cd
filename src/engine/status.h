/* The status of a running connector as JSON: what the control socket answers. */
#ifndef LEAT_ENGINE_STATUS_H
#define LEAT_ENGINE_STATUS_H

#include "base/json.h"
#include "engine/rates.h"
#include "engine/setup.h"
#include "engine/sinkrun.h"
#include "state/state.h"

/* Adds members to an open object: name, kind, class, pid, state, since, error, position, counts,
 * snapshot, lag_bytes, retained_bytes, retained_limit, stream, memory_bytes. One of g and k is set;
 * p may be NULL. Any thread. */
void leat_status_write(const char *name, const leat_setup *setup, leat_engine *g, leat_sinkrun *k,
                       const leat_page *p, leat_jw *w);

/* Adds "readers" of a source's stream: sink, exists (the sink is a connector), events_behind,
 * bytes_behind, oldest_unread (commit time, or null), fault (its cursor cannot be understood).
 * visible: events in the stream. Any thread. */
void leat_status_readers(const char *data, const char *source, uint64_t visible, leat_jw *w);
/* Adds "topics" of a sink, and "topics_regex", which finds them; null: they are named. data NULL:
 * what fits is not known here. Any thread. */
void leat_status_topics(const leat_wanted *wanted, const char *data, leat_jw *w);
/* Adds "rates": events and, of a source, bytes a second and the growth of the server's log, over
 * the last second and minute. */
void leat_status_rates(const leat_rates *r, bool source, leat_jw *w);
/* Adds "desired": {"state","by","at"}: whether a person has paused it, who and when. */
void leat_status_desired(const leat_desired *d, leat_jw *w);
/* Adds leat_gauges' log_*: "log_left_ms" (as long the server surely keeps what was not read; -1:
 * not known, or for ever), "log_expires_ms", "log_removed". */
void leat_status_log(int64_t until_us, int64_t expires_us, bool removed, leat_jw *w);
/* Adds "error": action, code, where, message; null: there is none. */
void leat_status_error(const leat_err *err, leat_jw *w);
/* Adds "counts" of a source, of a sink. */
void leat_status_counts(const leat_counts *c, leat_jw *w);
void leat_status_sink_counts(const leat_sink_counts *c, leat_jw *w);

#endif
