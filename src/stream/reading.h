/* The inside of a reader, shared by its parts: reader.c (moving and waiting), reader_seek.c (where
 * to begin), reader_frame.c (events of a frame). Nobody else includes this. */
#ifndef LEAT_STREAM_READING_H
#define LEAT_STREAM_READING_H

#include "stream/follow.h"
#include "stream/names.h"
#include "stream/reader.h"

/* A table version by its number in the stream. */
typedef struct leat_reading_table {
    leat_table *table; /* one reference */
    uint32_t number;
    uint32_t topic; /* index into names */
} leat_reading_table;

struct leat_reader {
    leat_follow follow;
    leat_walk walk;    /* walk.at: behind all that was returned; segment 0: not known yet */
    leat_walk aside;   /* to definitions of tables, in walk's file */
    leat_place within; /* of a cursor: inside of the merged frame at walk.at; number 0: none */
    leat_names names;  /* topics seen or wanted; known: wanted */
    bool all;          /* topics */
    leat_rc (*fits)(void *arg, const char *topic, bool *out, leat_err *e); /* NULL: none more */
    void *fits_arg;
    uint32_t asked; /* names that fits was asked about */
    bool verify;
    leat_from from;
    bool started;   /* the first event wanted was found */
    int64_t offset; /* OFFSET */
    int64_t time_us;
    bool bounded; /* only events from least_us to most_us */
    int64_t least_us, most_us;
    const leat_reader_tally *tally;
    leat_reading_table *tables;
    uint32_t ntables, tables_cap;
    leat_map numbers; /* number of a table to its place in tables */
    uint32_t last;    /* table asked for last */
    uint64_t frames;  /* read; stamp of names */
    leat_arena scratch;
    struct ZSTD_DCtx_s *zstd;
    char cursor[LEAT_PLACE_TEXT];
    size_t cursor_len;
};

/* Puts walk.at where conf wants to begin, or leaves its segment 0 if there is nothing yet. */
leat_rc leat_reading_seek(leat_reader *r, const leat_reader_conf *conf, leat_err *e);
/* BEGINNING, TIME and OFFSET, once there is a mark. AGAIN: there is none yet. */
leat_rc leat_reading_find(leat_reader *r, leat_err *e);
/* walk.at, of a cursor, stands in the open file as it was before it was merged, or is merged no
 * more (a copy was brought back): finds the same place in the file as it is. CONF "stream.cursor".
 */
leat_rc leat_reading_place(leat_reader *r, leat_err *e);
/* walk.at.segment is not there: to the first segment if that is what follows, else CONF
 * "stream.gap" or FATAL "stream.damaged". */
leat_rc leat_reading_missing(leat_reader *r, leat_err *e);
/* The DATA frame's events that are wanted, appended to b; walk.at stays. FATAL leaves b as it was.
 */
leat_rc leat_reading_frame(leat_reader *r, const leat_frame *f, leat_str meta, leat_batch *b,
                           leat_err *e);

#endif
