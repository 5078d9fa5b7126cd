/* The options of a source connector's stream, by the words that Kafka has for topics. */
#ifndef LEAT_STREAM_OPTIONS_H
#define LEAT_STREAM_OPTIONS_H

#include "config/opt.h"
#include "stream/stream.h"

typedef struct leat_stream_conf {
    int64_t retention_ms, retention_bytes; /* -1: no limit */
    int64_t segment_bytes, segment_ms;
    int64_t free_bytes; /* -1: 2 % of the disk, at most 1 GiB */
    int64_t reserve_bytes;
    int64_t compression; /* leat_compression */
    bool force;
    int64_t spool_bytes, spool_after_ms; /* with Kafka */
    int64_t spool_other;                 /* 1: a spool goes to any cluster */
    int64_t limit_bytes, spool_limit;    /* limits.stream.bytes, limits.spool.bytes; 0: none */
} leat_stream_conf;

/* Ends with a row whose name is NULL; offsets into leat_stream_conf. */
extern const leat_opt leat_stream_options[];

/* What no row can say. */
void leat_stream_validate(const leat_stream_conf *conf, leat_report *r);
/* Most bytes of the spool; 0: there is none. */
int64_t leat_stream_spool_most(const leat_stream_conf *conf);
/* Into what the stream is opened with. */
void leat_stream_apply(const leat_stream_conf *conf, leat_embedded_conf *out);

#endif
