/* What a sink reads: the streams that hold its topics, and how far it has come in each.
 *
 * The cursors stand in data/connectors/SOURCE/stream/readers/SINK, one file a stream:
 * {"sink":NAME,"inputs":[{"topics":[...],"next":[...],"cursor":...,"read":n,"delivered":n,"filtered":n,
 * "dead":n}]};
 * next are the topics' next offsets, -1: nothing of it was read. While that file is there the
 * stream keeps what lies behind the cursors; it is first written under the lock of its folder
 * (stream/readers.h). An input is a reader of some topics of one stream. With "offset" (one topic,
 * set by a person) what its topic holds below that offset is passed over, until something was
 * delivered. There is one a stream, until a topic is added to the sink that the stream has held for
 * longer: this gets an input of its own, which begins at the beginning, since the cursor of the
 * others has passed it by. Inputs that have come to the same place are joined when they are opened.
 * With a pattern one input of each stream that has a topic that fits takes all later ones, too, and
 * the file lists a topic from the first event on: what is not listed has none before that cursor,
 * unless the pattern was another one. One thread at a time. */
#ifndef LEAT_ENGINE_INPUTS_H
#define LEAT_ENGINE_INPUTS_H

#include "base/buf.h"
#include "base/json.h"
#include "config/opt.h"
#include "config/regex.h"
#include "engine/feed.h"
#include "engine/shaper.h"
#include "stream/reader.h"

typedef struct leat_input {
    leat_lane lane;       /* source: the connector whose stream it is */
    const char **topics;  /* NULL-ended: those wanted of this stream, and those nobody has yet */
    int64_t *next_offset; /* of topics, as stored; -1: none was read */
    unsigned ntopics, cap;
    struct leat_inputs *rest; /* with a pattern: it takes what fits and is in no other input of the
                                 stream; NULL: it does not */
    leat_reader *reader;
    leat_buf cursor; /* as stored; empty: at the beginning */
    int64_t offset;  /* of its one topic, to begin with; 0: that of the cursor */
    const char *id;  /* of the file (engine/cursors.h); NULL: it has none */
} leat_input;

typedef struct leat_inputs {
    leat_feed feed; /* ops: leat_inputs_ops; its lanes are leat_inputs, of one stream or several */
    const char *data, *sink;   /* borrowed; sink: the connector's name */
    const char *const *topics; /* borrowed, NULL-ended: all that are wanted */
    const leat_regex *pattern; /* borrowed; instead of them: all that fit; NULL: the names */
    leat_shaper *shaper;       /* borrowed; what is read goes through it */
    int64_t seq;               /* of the text made last */
    leat_arena arena;          /* of the inputs, from look to close */
    unsigned found;            /* topics that exist */
    uint64_t claims;   /* with a pattern: stands for the claims as they were at the last look */
    int64_t looked_us; /* leat_mono_us of the last look; 0: look at the next call */
    bool told;         /* the missing topics were logged */
} leat_inputs;

/* The feed of embedded streams. look: at most once a second unless now, and opens the inputs (all
 * anew) when what exists has changed; with a pattern, when a stream has come that has a topic that
 * fits. CONF "sink.cursor" when a cursor's file cannot be understood, "stream.gap" when what is
 * next was removed, which names topics and offsets. Of the file's and the target's text with the
 * same id the later one counts. */
extern const leat_feed_ops leat_inputs_ops;

/* ---- looking and editing, while no inputs are open: inputs_edit.c ---- */

/* Where the sink stands: one position a topic that has a cursor, in Kafka Connect's shape,
 * {"kafka_topic":T,"kafka_partition":0} and {"kafka_offset":N}; in a. */
leat_rc leat_inputs_positions(const char *data, const char *sink, const leat_opt_list *topics,
                              leat_arena *a, leat_position **pos, size_t *n, leat_err *e);
/* Adds "topics": of each its name, source, offset, first and next that are held, and how many
 * records the sink is behind. */
leat_rc leat_inputs_write(const char *data, const char *sink, const leat_opt_list *topics,
                          leat_jw *w, leat_err *e);
/* Whether each of n positions can be moved to (an absent offset: the beginning of what is held);
 * notes[i]: what follows; their partitions become what leat_inputs_positions writes. Both in a.
 * CONF "offsets.topic", "offsets.range". */
leat_rc leat_inputs_check(const char *data, const char *sink, const leat_opt_list *topics,
                          leat_position *to, size_t n, leat_arena *a, const char **notes,
                          leat_err *e);
/* Moves them; durable on return. What leat_inputs_check let pass. */
leat_rc leat_inputs_move(const char *data, const char *sink, const leat_position *to, size_t n,
                         leat_err *e);

#endif
