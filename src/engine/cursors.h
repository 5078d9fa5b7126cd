/* The file of a sink's cursors in one stream; engine/inputs.h says what it holds. Shared by
 * inputs.c, which reads, and inputs_edit.c, which looks and moves; nobody else includes this. */
#ifndef LEAT_ENGINE_CURSORS_H
#define LEAT_ENGINE_CURSORS_H

#include "engine/inputs.h"

enum { LEAT_CURSORS_LOCK_US = 2000000 }; /* how long the lock of the readers is waited for */

/* Of the stream of source, in a. */
char *leat_cursors_path(const char *data, const char *source, const char *sink, leat_arena *a);

/* The inputs that are stored, the first one and its siblings, in a; NULL: there is no such file, or
 * none in it. CONF "sink.cursor" when it cannot be understood. */
leat_rc leat_cursors_load(const char *path, leat_arena *a, const leat_json **inputs, leat_err *e);
/* What tells one such text from another. */
typedef struct leat_cursors_stamp {
    const char *id; /* since the sink began, or a person moved it; NULL: not given yet */
    int64_t seq;    /* grows with each text */
} leat_cursors_stamp;
/* The same with the stamp, and the whole text as from elsewhere: path stands in messages. */
leat_rc leat_cursors_load_stamped(const char *path, leat_arena *a, const leat_json **inputs,
                                  leat_cursors_stamp *stamp, leat_err *e);
leat_rc leat_cursors_parse(leat_str text, const char *path, leat_arena *a, const leat_json **inputs,
                           leat_cursors_stamp *stamp, leat_err *e);
/* Replaces the file; durable on return. */
leat_rc leat_cursors_store(const char *path, leat_str text, leat_err *e);

/* The text of such a file: begin, one object an input, which begins with its topics and ends with
 * leat_cursors_input_end, and end. stamp: NULL or without an id: none. */
void leat_cursors_begin(leat_jw *w, const char *sink, const leat_cursors_stamp *stamp);
void leat_cursors_input_end(leat_jw *w, leat_str cursor, int64_t offset, const leat_sink_counts *c);
void leat_cursors_end(leat_jw *w);

leat_sink_counts leat_cursors_counts(const leat_json *input);
void leat_sink_counts_add(leat_sink_counts *to, const leat_sink_counts *c);

#endif
