/* The stream's options (stream/options.h). Pure. */
#include "stream/options.h"

#define AT(field, type) .off = LEAT_OPT_AT(leat_stream_conf, field, type)

enum { LEAST_MS = 1000 };

static const char *const COMPRESSIONS[] = {
    [LEAT_COMPRESSION_LZ4] = "lz4",
    [LEAT_COMPRESSION_ZSTD] = "zstd",
    [LEAT_COMPRESSION_NONE] = "none",
    NULL,
};

static const char *const OTHER[] = {"refuse", "deliver", NULL};

const leat_opt leat_stream_options[] = {
    {.name = "retention.ms",
     .label = "Kept for",
     .group = "Stream",
     .type = LEAT_OPT_MS,
     AT(retention_ms, int64_t),
     .def = "604800000",
     .min = -1,
     .max = INT64_C(3153600000000),
     .help =
         "How long events are kept, by this machine's clock: a segment is removed so long after "
         "it was closed. The default is 7 days; -1 is for ever. What a sink has not read yet "
         "is kept longer."},
    {.name = "retention.bytes",
     .label = "Kept bytes",
     .group = "Stream",
     .type = LEAT_OPT_BYTES,
     AT(retention_bytes, int64_t),
     .def = "-1",
     .min = -1,
     .max = INT64_C(1) << 50,
     .help = "Most bytes that the connector's stream takes on the disk, all its topics together. "
             "The oldest segments are removed for newer ones. While a sink still needs the oldest "
             "one, the source waits (`STALLED`) and goes on by itself when the sink has moved. -1 "
             "is no bound; then `stream.free.bytes` alone protects the disk. At least twice "
             "`segment.bytes`."},
    {.name = "retention.force",
     .label = "Do not wait for sinks",
     .group = "Stream",
     .type = LEAT_OPT_BOOL,
     AT(force, bool),
     .def = "false",
     .help = "Remove what is too old or too much even when a sink has not read it. That sink then "
             "fails and names what it lost; the source never waits for sinks."},
    {.name = "segment.bytes",
     .label = "Segment",
     .group = "Stream",
     .type = LEAT_OPT_BYTES,
     .flags = LEAT_OPT_ADVANCED,
     AT(segment_bytes, int64_t),
     .def = "67108864",
     .min = 1 << 20,
     .max = 1 << 30,
     .help = "Size of the stream's files. Events are removed a whole file at a time, and a start "
             "reads one file. So much is reserved on the disk for the newest one."},
    {.name = "segment.ms",
     .label = "Segment's age",
     .group = "Stream",
     .type = LEAT_OPT_MS,
     .flags = LEAT_OPT_ADVANCED,
     AT(segment_ms, int64_t),
     .def = "86400000",
     .min = -1,
     .max = INT64_C(3153600000000),
     .help = "The newest file is closed after so long although it is not full, so that the events "
             "of a slow source get old too. Never later than `retention.ms`. The default is 1 day; "
             "-1 is only when it is full."},
    {.name = "compression.type",
     .label = "Compression",
     .group = "Stream",
     .type = LEAT_OPT_ENUM,
     AT(compression, int64_t),
     .choices = COMPRESSIONS,
     .def = "lz4",
     .help =
         "How events are compressed on the disk: `lz4` is fast, `zstd` takes less room and more "
         "CPU time. It holds for what is written from now on."},
    {.name = "stream.free.bytes",
     .label = "Free on the disk",
     .group = "Stream",
     .type = LEAT_OPT_BYTES,
     .flags = LEAT_OPT_ADVANCED,
     AT(free_bytes, int64_t),
     .def = "-1",
     .min = -1,
     .max = INT64_C(1) << 50,
     .help =
         "Bytes of the disk that the stream leaves free. Before a segment would take of them, "
         "the oldest segments that no sink needs are removed before their time; if there are "
         "none, the source waits (`STALLED`). -1 is 2 % of the disk, at most 1 GiB; 0 is none."},
    {.name = "stream.reserve.bytes",
     .label = "Reserve",
     .group = "Stream",
     .type = LEAT_OPT_BYTES,
     .flags = LEAT_OPT_ADVANCED,
     AT(reserve_bytes, int64_t),
     .def = "1048576",
     .min = 0,
     .max = 1 << 30,
     .help = "Size of a file that is given up first when the disk is full all the same: what waits "
             "to be written, dead letters, cursors and state get its room. It is made again when "
             "there is room. 0 is none."},
    {.name = "spool.max.bytes",
     .label = "Spool",
     .group = "Stream",
     .type = LEAT_OPT_BYTES,
     AT(spool_bytes, int64_t),
     .def = "1073741824",
     .min = 0,
     .max = INT64_C(1) << 50,
     .help = "Into Kafka: most bytes that this machine's disk holds while Kafka is away, so that "
             "the source's server may let its log go. When they are used up the source waits "
             "(`STALLED`). 0 is no spool: then the source waits as soon as Kafka is away."},
    {.name = "spool.after.ms",
     .label = "Spool after",
     .group = "Stream",
     .type = LEAT_OPT_MS,
     .flags = LEAT_OPT_ADVANCED,
     AT(spool_after_ms, int64_t),
     .def = "10000",
     .min = 100,
     .max = 3600000,
     .help = "Into Kafka: when nothing was acknowledged for so long, it is taken to be away. Two "
             "seconds are enough when no broker can be reached."},
    {.name = "spool.other.cluster",
     .label = "Spool of another cluster",
     .group = "Stream",
     .type = LEAT_OPT_ENUM,
     .flags = LEAT_OPT_ADVANCED,
     AT(spool_other, int64_t),
     .choices = OTHER,
     .def = "refuse",
     .help = "Into Kafka: what becomes of a spool when the brokers are of another cluster than the "
             "one that has what came before it. `refuse` stops the connector before anything is "
             "sent; `deliver` sends it to the new one, since the old one is lost."},
    {.name = "limits.stream.bytes",
     .label = "Stream on disk",
     .group = "Limits",
     .type = LEAT_OPT_BYTES,
     AT(limit_bytes, int64_t),
     .def = "0",
     .min = 0,
     .max = INT64_C(1) << 50,
     .help =
         "Most bytes its stream takes on the disk. The oldest part is removed, as by retention.bytes, of which the lower counts; what a sink still needs is not: the source stops then (STALLED) and goes on when there is room. 0: no limit."},
    {.name = "limits.spool.bytes",
     .label = "Spool on disk",
     .group = "Limits",
     .type = LEAT_OPT_BYTES,
     AT(spool_limit, int64_t),
     .def = "0",
     .min = 0,
     .max = INT64_C(1) << 50,
     .help =
         "With Kafka: most bytes that are kept while it is away; with spool.max.bytes the lower counts. 0: no limit."},
    {.name = NULL},
};

void leat_stream_validate(const leat_stream_conf *conf, leat_report *r)
{
    if (conf->retention_bytes >= 0 && conf->retention_bytes < 2 * conf->segment_bytes)
        leat_report_add(r, false, "retention.bytes", 0,
                        "must be -1 or at least twice segment.bytes (2 x %lld), got %lld: one "
                        "segment is written while another is read; lower segment.bytes or raise it",
                        (long long)conf->segment_bytes, (long long)conf->retention_bytes);
    if (conf->limit_bytes > 0 && conf->limit_bytes < 2 * conf->segment_bytes)
        leat_report_add(r, false, "limits.stream.bytes", 0,
                        "must be 0 or at least twice segment.bytes (2 x %lld), got %lld: one "
                        "segment is written while another is read; lower segment.bytes or raise it",
                        (long long)conf->segment_bytes, (long long)conf->limit_bytes);
    if (conf->retention_ms >= 0 && conf->retention_ms < LEAST_MS)
        leat_report_add(r, false, "retention.ms", 0, "must be -1 or at least %d ms, got %lld",
                        LEAST_MS, (long long)conf->retention_ms);
    if (conf->segment_ms >= 0 && conf->segment_ms < LEAST_MS)
        leat_report_add(r, false, "segment.ms", 0, "must be -1 or at least %d ms, got %lld",
                        LEAST_MS, (long long)conf->segment_ms);
    if (conf->force && conf->retention_bytes < 0 && conf->retention_ms < 0 && conf->free_bytes == 0)
        leat_report_add(r, true, "retention.force", 0,
                        "has no effect: nothing is ever removed with retention.ms=-1, "
                        "retention.bytes=-1 and stream.free.bytes=0");
}

static int64_t or_none(int64_t limit)
{
    return limit > 0 ? limit : 0;
}

/* The lower of two bounds; 0: none. */
static int64_t lower(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

int64_t leat_stream_spool_most(const leat_stream_conf *conf)
{
    return conf->spool_bytes > 0 ? lower(conf->spool_bytes, conf->spool_limit) : 0;
}

void leat_stream_apply(const leat_stream_conf *conf, leat_embedded_conf *out)
{
    out->segment_bytes = conf->segment_bytes;
    out->reserve_bytes = conf->reserve_bytes;
    out->compression = (leat_compression)conf->compression;
    out->retention = (leat_retention_conf){
        .ms = or_none(conf->retention_ms),
        .bytes = lower(or_none(conf->retention_bytes), conf->limit_bytes),
        .free_bytes = conf->free_bytes,
        .segment_ms = or_none(conf->segment_ms),
        .force = conf->force,
    };
}
