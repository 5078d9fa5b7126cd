/* The counters page: a small file mapped by a connector (its one writer) and by anyone who watches.
 *
 * Watching costs nothing: no request, no lock. Readers of the stream sleep on `wake` by futex. The
 * page mirrors; it is never the truth (frames are), and after a crash it may be behind. Words are
 * written with release and read with acquire order; single values are right, several together may
 * be a moment apart. Layout is fixed by LEAT_PAGE_VERSION: new fields go into `spare` only. */
#ifndef LEAT_STREAM_PAGE_H
#define LEAT_STREAM_PAGE_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

enum { LEAT_PAGE_VERSION = 1, LEAT_PAGE_SIZE = 4096, LEAT_PAGE_WORDS = 80 };
#define LEAT_PAGE_MAGIC 0x6c65617470616765ull

typedef enum leat_run_state {
    LEAT_RUN_NONE,
    LEAT_RUN_STARTING,
    LEAT_RUN_SNAPSHOT,
    LEAT_RUN_RUNNING,
    LEAT_RUN_PAUSED,
    LEAT_RUN_RETRYING,
    LEAT_RUN_STALLED,
    LEAT_RUN_STOPPED,
    LEAT_RUN_FAILED,
} leat_run_state;
const char *leat_run_state_name(leat_run_state state); /* "RUNNING" ... */

/* Where a connector is, or what holds it up. */
typedef enum leat_stage {
    LEAT_STAGE_NONE,
    LEAT_STAGE_SOURCE,   /* a call of the source's */
    LEAT_STAGE_APPENDER, /* the stream takes events */
    LEAT_STAGE_DISK,     /* ... and makes them durable there */
    LEAT_STAGE_KAFKA,    /* ... or there */
    LEAT_STAGE_LETTERS,  /* dead letters are stored */
    LEAT_STAGE_STREAM,   /* of a sink: what it reads */
    LEAT_STAGE_TARGET,   /* of a sink: what it writes to */
    LEAT_STAGE_PROCESS,  /* its process does nothing at all */
} leat_stage;
const char *leat_stage_name(leat_stage stage); /* "source" ...; NONE: NULL */

/* What leat_page.fatal tells beside the numbers of signals. */
enum { LEAT_PAGE_MEMORY = 1000 };

/* Limits that hold a connector back for a while: what throttled_by and throttled_us tell of. */
typedef enum leat_limit { LEAT_LIMIT_EVENTS, LEAT_LIMIT_BYTES, LEAT_LIMIT_CPU } leat_limit;
enum { LEAT_LIMIT_RATES = 3, LEAT_LIMITS = 6 };

typedef struct leat_page {
    uint64_t magic;
    uint32_t version;
    _Atomic uint32_t wake;      /* counts marks; futex word of waiting readers */
    _Atomic uint32_t waiters;   /* sleeping readers: no wake-up call when 0 */
    _Atomic uint32_t state;     /* leat_run_state */
    _Atomic int32_t pid;        /* writer; 0: stopped in order; negative: of a command that has
                                   its stream open while it does not run */
    _Atomic uint64_t pid_start; /* its start time, /proc/PID/stat field 22 */
    _Atomic int64_t started_us;
    _Atomic uint64_t
        mark_segment; /* the mark: segment number and the byte behind the last visible */
    _Atomic uint64_t mark_offset; /*   frame; read segment, offset, segment again */
    _Atomic uint64_t mark_frame;
    _Atomic uint64_t head_bytes; /* appended, visible or not */
    _Atomic uint64_t received, appended, filtered, dead, deduplicated;
    _Atomic uint64_t rows_read, rows_appended, rows_total;
    _Atomic uint64_t commits; /* syncs */
    _Atomic uint64_t retries;
    _Atomic int64_t last_event_us; /* commit time at the source of the last visible event */
    _Atomic int64_t last_seen_us;  /* when it was read */
    _Atomic int64_t lag_bytes, retained_bytes; /* leat_gauges; -1: unknown */
    _Atomic uint64_t memory_bytes;             /* held by arenas and buffers */
    _Atomic uint64_t stream_bytes;
    _Atomic uint64_t delivered, sink_rejected; /* sinks */
    _Atomic uint64_t memory_peak_bytes;        /* most of memory_bytes so far */
    _Atomic uint64_t resident_bytes;           /* of the process, as the kernel counts it */
    _Atomic uint32_t delivery;         /* leat_kafka_phase + 1; 0: the stream is not Kafka */
    _Atomic int64_t delivery_since_us; /* when that began */
    _Atomic uint64_t window_bytes;     /* on their way to Kafka */
    _Atomic uint64_t spool_bytes, spool_events, spool_max_bytes; /* leat_kafka_status */
    _Atomic int64_t spool_full_us; /* when the spool will be full; 0: not foreseen */
    _Atomic uint64_t producers;    /* that died */
    _Atomic int64_t beat_us;       /* clock of the machine: the process looked after itself; 0:
                                      not yet */
    _Atomic uint32_t throttled_by; /* leat_limit + 1 that holds it now; 0: none */
    _Atomic uint64_t throttled_us[LEAT_LIMIT_RATES]; /* waited for each, by leat_limit */
    _Atomic int64_t limits[LEAT_LIMITS]; /* as configured: events and bytes a second, percent of a
                                     core, bytes of memory, stream, spool; 0: none */
    _Atomic uint64_t queue_events, queue_most; /* of the batch that waits, and of a full one */
    _Atomic int64_t descriptors;               /* open ones of the process; 0: unknown */
    _Atomic uint32_t snapshot_state;           /* 0: none, 1: it runs, 2: it is done */
    _Atomic uint32_t snapshot_tables, snapshot_tables_done;
    _Atomic uint64_t snapshot_rows; /* of its tables, read so far */
    _Atomic int64_t snapshot_total, snapshot_rate, snapshot_left_ms; /* rows, rows a second; -1 */
    _Atomic uint32_t trouble_turn; /* odd: the next three are being written */
    _Atomic int64_t trouble_us;    /* nothing was acknowledged since then; 0: there is no trouble */
    _Atomic int64_t trouble_again_us;          /* when it is tried again; 0: all the time */
    _Atomic uint64_t trouble[LEAT_PAGE_WORDS]; /* code and message, with a 0 behind each */
    _Atomic uint32_t stage;    /* leat_stage that holds it up, while it is STALLED */
    _Atomic uint32_t fatal;    /* noted by its supervisor, how its process was ended: a signal;
                                  LEAT_PAGE_MEMORY: limits.process.memory was used up; 0: unknown */
    _Atomic uint64_t program;  /* leat_os_program of its process; 0: one that did not tell */
    _Atomic uint32_t tx_state; /* exactly once: leat_once_state + 1; 0: at least once */
    _Atomic uint32_t tx_doubt; /* 1: whether the last commit is done is not known */
    _Atomic int64_t tx_us;     /* since when it has been in that state */
    _Atomic uint64_t tx_commits, tx_aborts;
    _Atomic uint32_t deaths;    /* noted by its supervisor: so often its process has ended, one time
                                   after the other, and it is to be started again; 0: it is not */
    _Atomic int32_t restart_by; /* pid of that supervisor */
    _Atomic int64_t restart_us; /* when */
    _Atomic int64_t retained_limit;               /* leat_gauges' + 1; 0: unknown */
    _Atomic int64_t log_until_us, log_expires_us; /* the same; of one that ended in order, too */
    _Atomic uint32_t log_removed;                 /* 1: leat_gauges' */
} leat_page;

/* Why a stream elsewhere does not take what it is given. */
typedef struct leat_page_trouble {
    leat_err why;               /* code and message */
    int64_t since_us, again_us; /* as on the page */
} leat_page_trouble;

/* Maps data/connectors/NAME/counters, made if missing, for its writer: pid and times are set, the
 * number of the frame at the mark stays (it is evidence for recovery; there is no mark until the
 * stream is open), the other counters begin at zero. The writer stores pid = 0 before it closes the
 * page in order. */
leat_rc leat_page_create(const char *path, leat_page **out, leat_err *e);
/* The same for a command's process, which nobody may take for the connector's. */
leat_rc leat_page_visit(const char *path, leat_page **out, leat_err *e);
/* What create does to its file, to LEAT_PAGE_SIZE bytes of the caller's: for a stream that only its
 * own process reads. */
void leat_page_begin(leat_page *p);
/* Maps it for watching (the futex words are writable). RETRY "page.missing" if there is none yet.
 */
leat_rc leat_page_open(const char *path, leat_page **out, leat_err *e);
void leat_page_close(leat_page *p);
/* What it tells now, word by word; to is the caller's. */
void leat_page_copy(const leat_page *from, leat_page *to);
/* The writer the page names is alive. */
bool leat_page_alive(const leat_page *p);
/* Milliseconds since its process, which is not ended, has last looked after itself, if that is so
 * long ago that it hangs or was stopped; else 0. */
int64_t leat_page_silent(const leat_page *p);

/* Shows a new mark and wakes who waits for it. For the stream's writer, after the sync. */
void leat_page_set_mark(leat_page *p, uint64_t segment, uint64_t offset, uint64_t frame);
/* The mark, its three parts belonging together; false: none was shown yet, or it changes just now.
 */
bool leat_page_mark(const leat_page *p, uint64_t *segment, uint64_t *offset, uint64_t *frame);
/* Shows a trouble; NULL: there is none. A message that is too long is cut. By the writer. */
void leat_page_set_trouble(leat_page *p, const leat_page_trouble *t);
/* False: there is none. */
bool leat_page_get_trouble(const leat_page *p, leat_page_trouble *out);
/* Sleeps until the mark moves away from frame, at most us; may return early. */
void leat_page_wait(leat_page *p, uint64_t frame, int64_t us);

#endif
