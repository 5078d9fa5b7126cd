/* The inside of the delivery to Kafka, shared by its parts: kafka.c (the stream's calls, open and
 * close), kafka_window.c (what is on its way), kafka_record.c (events as Kafka's records),
 * kafka_spool.c (when Kafka is away), kafka_save.c (what is delivered, and durable as that),
 * publish.c (positions for Kafka Connect). Nobody else includes this. */
#ifndef LEAT_STREAM_KAFKA_PART_H
#define LEAT_STREAM_KAFKA_PART_H

#include "stream/kafka/kafka.h"
#include "stream/kafka/left.h"
#include "stream/names.h"
#include "stream/reach.h"
#include "stream/reader.h"
#include "stream/registry.h"
#include "stream/segment.h"

/* A few numbers, ascending. */
typedef struct leat_kafka_set {
    uint32_t *v, n, cap;
} leat_kafka_set;

/* A batch on its way. Its events are kept until all their records are reported: they may have to
 * be sent again, to the spool, or to the dead letters. */
typedef struct leat_parcel {
    leat_buf wire;         /* the events (event/wire.h), tables by their row in the registry + 1 */
    uint32_t n, nsafe;     /* events; the first nsafe end at the safe place */
    uint64_t first;        /* tag of the first record */
    uint32_t records;      /* in all; of an open transaction that was taken back: those sent */
    uint32_t safe_records; /* of the first nsafe events */
    uint32_t sent;         /* records given to the producer */
    uint32_t left_safe, left_tail; /* records not reported yet, of the first nsafe and behind */
    bool safe;                     /* it ends at a safe place ... */
    bool taken;                    /* ... which was reached */
    bool cut;                      /* what is behind it was taken back: it is not sent again */
    bool spooled;     /* the spool has it too, or it comes from there: it moves no position */
    bool comes_again; /* spooled: what is behind nsafe is read from the spool once more */
    uint32_t counted; /* spooled: its events that are not in the spool once more behind it */
    bool has_progress;
    leat_buf partition, offset; /* of the safe place; no bytes: it has none, or ... */
    leat_buf progress;
    leat_counts safe_counts, counts;
    uint64_t *txs; /* transactions that ended in the first nsafe events ... */
    uint32_t ntxs, txs_cap;
    int64_t last_us, seen_us;     /* of the last event before the safe place */
    uint64_t number;              /* of the call of append; spooled: 0 */
    char cursor[LEAT_PLACE_TEXT]; /* spooled: the spool's cursor behind it ... */
    size_t cursor_len;            /* ... 0: not known */
    leat_counts moved;            /* spooled: of events that were refused since */
    leat_kafka_set dead;          /* events that were refused */
    leat_kafka_set gone;          /* the records of them that were, which are not sent again */
} leat_parcel;

/* A record that was refused and waits to be dealt with. */
typedef struct leat_refused {
    uint64_t tag;
    leat_err why;
} leat_refused;

typedef struct leat_kafka {
    leat_stream stream;
    leat_kafka_conf conf;
    char *data, *connector, *spool_data;
    leat_broker *broker;
    struct leat_page *page;
    leat_kafka_phase phase;
    int64_t since_us;
    int64_t told_us;             /* when the page was told last ... */
    leat_kafka_phase told_phase; /* ... and which phase */

    /* ---- records (kafka_record.c) ---- */
    leat_json_converter *keys, *values;               /* of changes: by schemas of pinned tables */
    leat_json_converter *record_keys, *record_values; /* of records: forgotten after each batch */
    leat_json_converter *header;                      /* NULL: headers are plain text */
    leat_registry registry;                           /* tables of events on their way, by row */
    leat_names topics;                                /* slot: the port's number */
    leat_arena scratch;
    leat_buf bytes; /* of one record: key, value, headers */
    leat_broker_header *headers;
    uint32_t headers_cap;

    /* ---- on their way (kafka_window.c) ---- */
    leat_parcel **parcels; /* ring: the oldest at first */
    size_t nparcels, parcels_cap, first;
    size_t fed; /* the oldest so many are sent whole */
    leat_parcel **spare;
    size_t nspare, spare_cap;
    size_t window_bytes; /* of the parcels' events */
    uint64_t next_tag;   /* from 1 */
    leat_batch batch;    /* events decoded from a parcel, or read from the spool ... */
    uint64_t decoded;    /* ... of the parcel with this first tag, all of them; 0: not known */
    leat_refused *refused;
    size_t nrefused, refused_cap;
    bool again;          /* some were refused or lost: all unreported ones are to be sent again */
    int64_t reset_us;    /* when the producer was reset last ... */
    int64_t reset_pause; /* ... and how long until the next one */
    uint64_t resets;
    bool reported;    /* something was delivered since the last look */
    int64_t moved_us; /* when something was reported last, or the window was empty */
    int64_t down_us;  /* when the brokers were seen to be away; 0: they are not */
    leat_err last;

    /* ---- what is delivered (kafka_save.c) ---- */
    leat_reach done;    /* all up to here is reported; totals without `popped` */
    leat_counts popped; /* of tails that are delivered while their transaction is open ... */
    uint64_t popped_events;
    uint64_t done_number; /* of the call of append that it ends with */
    bool unsaved;         /* done is ahead of what was saved */
    leat_buf txs;         /* uint64_t: of done, not saved yet */
    uint64_t serial, episode;
    int64_t saved_us;
    leat_reach shown; /* durable: state points into it */
    leat_stream_state state;
    leat_ring ring;
    uint64_t last_tx; /* of the last event appended, its end not seen; 0: none */
    uint64_t appends; /* calls of append */
    leat_counts open; /* appended behind the last safe place ... */
    uint64_t open_events;
    bool tail; /* ... and there are events among them */

    /* ---- positions for Kafka Connect (publish.c) ---- */
    leat_reach published; /* positions that were written last */
    bool publish_due;     /* there are newer ones */
    bool publish_failed;  /* and it was told */
    uint32_t publishing;  /* records not reported yet */
    int64_t published_us; /* when it was begun last, or failed */
    leat_err unpublished; /* why a record was refused */

    /* ---- the spool (kafka_spool.c) ---- */
    leat_stream *spool; /* NULL: there is none */
    struct leat_page *spool_page;
    leat_reader *reader;          /* of the spool; NULL: not open */
    bool drained;                 /* the reader was at the end */
    char cursor[LEAT_PLACE_TEXT]; /* all before it is delivered */
    size_t cursor_len;
    bool cursor_moved;       /* and that is not saved */
    leat_counts moved;       /* refused in this episode: the spool's totals do not know */
    leat_counts passed;      /* the same of parcels behind the cursor that are delivered ... */
    uint64_t passed_events;  /* ... and their events */
    uint64_t drained_events; /* in this episode, delivered ... */
    uint64_t spooled_events; /* ... of so many, uncommitted ones included */
    int64_t hold_us;         /* since when appends wait for the last reports; 0: they do not */
    int64_t next_hold_us;
    int64_t enter_us; /* of the last attempt to go to the spool */
} leat_kafka;

/* ---- kafka_record.c ---- */

/* Gives the records of n events to the producer, but the first `skip`; *sent counts all of them
 * that were given or skipped. AGAIN: the producer takes no more now. DATA: record *sent can never
 * be sent. Other errors as leat_broker_ops.produce. records: to the safe place and beyond, no more
 * are sent. */
leat_rc leat_kafka_produce(leat_kafka *k, const leat_event *ev, uint32_t n, uint64_t first_tag,
                           uint32_t skip, uint32_t records, uint32_t *sent, leat_err *e);
/* The row of the event's table in the registry, plus 1; 0 for a RECORD. */
uint32_t leat_kafka_row(leat_kafka *k, const leat_event *ev);
/* Tables that the converters know by their addresses may go. */
void leat_kafka_forget(leat_kafka *k);
void leat_kafka_records_init(leat_kafka *k);
void leat_kafka_records_fini(leat_kafka *k);

/* ---- kafka_window.c ---- */

/* A batch with progress and no position of its own is safe as a whole (leat_stream_ops.append). */
static inline bool leat_kafka_whole(const leat_batch *b, leat_str progress)
{
    return progress.s != NULL && b->safe.offset.s == NULL;
}

/* Copies a batch into the window. progress as leat_stream_ops.append. spooled: it comes from the
 * spool. */
leat_parcel *leat_kafka_push(leat_kafka *k, const leat_batch *b, leat_str progress, bool spooled);
/* The i-th, from the oldest. */
leat_parcel *leat_kafka_parcel(const leat_kafka *k, size_t i);
/* Gives the newest parcel's events, those of b, to the producer, if nothing waits before them.
 * AGAIN: some are left to feed. */
leat_rc leat_kafka_send(leat_kafka *k, leat_parcel *p, const leat_batch *b, leat_err *e);
/* Its events, from `from` on, in k->batch; they point into the parcel. */
void leat_kafka_decode(leat_kafka *k, const leat_parcel *p, uint32_t from);
void leat_kafka_pop(leat_kafka *k);
/* A port's report. */
void leat_kafka_report(void *arg, const leat_delivery_report *report);
/* Sends what was not sent yet, as long as the producer takes it. */
leat_rc leat_kafka_feed(leat_kafka *k, leat_err *e);
/* Records refused meanwhile: to the dead letters, or an error. */
leat_rc leat_kafka_settle_refused(leat_kafka *k, leat_err *e);
/* The event was counted as appended, and is dead; or the other way round. */
void leat_kafka_count_dead(leat_counts *c, const leat_event *ev, bool dead);
/* A dead producer, or records that were lost: another one, and all unreported records again. */
leat_rc leat_kafka_revive(leat_kafka *k, leat_err *e);
/* What the source will send again from its beginning is not sent on. */
void leat_kafka_take_back(leat_kafka *k);
/* Transactions that ended in a batch that does not go into the window. */
void leat_kafka_note_txs(leat_kafka *k, const leat_batch *b, uint32_t nsafe, bool safe);
/* The window has no room for more. */
bool leat_kafka_full(const leat_kafka *k);
void leat_kafka_window_fini(leat_kafka *k);

/* ---- kafka_save.c ---- */

/* Parcels of which all is reported, from the oldest on: done moves. */
void leat_kafka_advance(leat_kafka *k);
/* Saves done, or the spool's cursor. */
leat_rc leat_kafka_save(leat_kafka *k, leat_err *e);
/* It is time to. */
bool leat_kafka_save_due(const leat_kafka *k);
leat_rc leat_kafka_load(leat_kafka *k, leat_err *e);
/* state is what the store has; what the spool has. */
void leat_kafka_show(leat_kafka *k);
void leat_kafka_show_spool(leat_kafka *k);

/* ---- publish.c ---- */

/* Writes positions that moved, if it is time to. */
void leat_kafka_publish(leat_kafka *k);
void leat_kafka_publish_report(void *arg, const leat_delivery_report *report);
/* Writes the last ones. */
void leat_kafka_publish_end(leat_kafka *k, int64_t until_us);

/* ---- kafka_spool.c ---- */

/* At the open: a spool that is in force is gone on with, another removed. */
leat_rc leat_kafka_spool_find(leat_kafka *k, leat_err *e);
/* Something is on its way, and nothing was reported for so long that Kafka must be away. */
bool leat_kafka_away(const leat_kafka *k);
leat_rc leat_kafka_spool_enter(leat_kafka *k, leat_err *e);
/* Its events that are not delivered yet; about, while the window's are on their way. */
uint64_t leat_kafka_spool_events(const leat_kafka *k);
/* What it takes on the disk, about. */
int64_t leat_kafka_spool_bytes(const leat_kafka *k);
/* As leat_stream_ops.append, of the spool. RETRY "spool.full" when the budget is used up;
 * "spool.transaction": by an open transaction, and all else is delivered: it is to be read again.
 */
leat_rc leat_kafka_spool_append(leat_kafka *k, const leat_batch *b, leat_str progress, leat_err *e);
/* As leat_stream_ops.commit. */
leat_rc leat_kafka_spool_commit(leat_kafka *k, leat_err *e);
/* Reads on in the spool while the window has room; ends the episode when all is delivered. */
leat_rc leat_kafka_spool_drain(leat_kafka *k, leat_err *e);
/* Appends should wait a moment: then the spool is empty. */
bool leat_kafka_spool_hold(leat_kafka *k);
/* After a save of the cursor: what is before it may be removed. */
void leat_kafka_spool_release(leat_kafka *k);
void leat_kafka_spool_close(leat_kafka *k);

#endif
