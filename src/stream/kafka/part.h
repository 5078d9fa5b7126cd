/* The inside of the delivery to Kafka, shared by its parts: kafka.c (the stream's calls, open and
 * close), window.c (what is on its way), record.c (events as Kafka's records), cluster.c (whose the
 * brokers are), spool.c (when Kafka is away), save.c (what is delivered, and durable as that),
 * once.c, fence.c and repeats.c (exactly once), publish.c (positions for Kafka Connect). Nobody
 * else includes this. */
#ifndef LEAT_STREAM_KAFKA_PART_H
#define LEAT_STREAM_KAFKA_PART_H

#include "stream/kafka/kafka.h"
#include "stream/kafka/left.h"
#include "stream/names.h"
#include "stream/reach.h"
#include "stream/reader.h"
#include "stream/registry.h"
#include "stream/segment.h"

enum { LEAT_KAFKA_CLUSTER = 128 }; /* bytes of a cluster's id; Kafka's have 22 */

/* A few numbers, ascending. */
typedef struct leat_kafka_set {
    uint32_t *v, n, cap;
} leat_kafka_set;

/* Under which the offset topic has leat's mark: {"serial":N,"ts_us":N,...}. */
#define LEAT_KAFKA_MARK_PARTITION "{\"leat\":\"delivery\"}"
/* Tag of positions: of no parcel. */
#define LEAT_KAFKA_OFFSET_TAG UINT64_MAX

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

    /* ---- exactly once ---- */
    uint64_t end_tx;  /* of the last change behind the safe place ... */
    uint32_t end_seq; /* ... its number; 0: not known, or there is none */
    uint32_t skip;    /* the first so many events are delivered ... */
    uint32_t drop_to; /* ... and up to here those of this transaction */
    uint64_t drop_tx;
    uint64_t drop_dead; /* of them refused, and counted here as that ... */
    bool drop_safe;     /* ... before the safe place */
    bool past_open;     /* what is delivered of an open transaction is behind us */
    bool whole;         /* the open transaction came again from its beginning */
} leat_parcel;

/* A record that was refused and waits to be dealt with. */
typedef struct leat_refused {
    uint64_t tag;
    leat_err why;
    bool sent; /* the broker has refused it, not the client */
} leat_refused;

/* What is delivered, and what was counted of it. */
typedef struct leat_books {
    leat_reach done;    /* all up to here is reported; totals without `popped` */
    leat_counts popped; /* of tails that are delivered while their transaction is open ... */
    uint64_t popped_events;
    uint64_t done_number;         /* of the call of append that it ends with */
    leat_buf txs;                 /* uint64_t: of done, not saved yet */
    char cursor[LEAT_PLACE_TEXT]; /* of the spool: all before it is delivered */
    size_t cursor_len;
    leat_counts moved;       /* refused in this episode: the spool's totals do not know */
    leat_counts passed;      /* the same of parcels behind the cursor that are delivered ... */
    uint64_t passed_events;  /* ... and their events */
    uint64_t drained_events; /* of the spool's, in this episode */
    uint64_t skip;           /* exactly once: so many events behind the cursor are delivered */
    uint64_t open_tx;   /* exactly once: of the transaction behind done this one is delivered */
    uint32_t open_seq;  /* ... up to this change; 0: nothing */
    uint64_t open_dead; /* ... of which so many were refused */
    uint32_t part_seq;  /* the spool has only what begins here of that; 0: all, or nothing ... */
    uint64_t part_dead; /* ... with so many that were refused */
    uint64_t mark;      /* exactly once: of the Kafka transaction that ended with this */
    int64_t mark_us;
    bool ahead; /* the positions are not those that the offset topic has: a person's, a spool's */
} leat_books;

/* Where the producer is in its transactions (once.c). The first three: it only begins. */
typedef enum leat_once_state {
    LEAT_ONCE_LOOK,    /* after a death: whether another one wrote meanwhile is looked up */
    LEAT_ONCE_FENCE,   /* our transactional id is taken from who had it */
    LEAT_ONCE_READ,    /* the offset topic is read */
    LEAT_ONCE_IDLE,    /* no transaction is open */
    LEAT_ONCE_OPEN,    /* records go into it */
    LEAT_ONCE_OFFSETS, /* the positions do */
    LEAT_ONCE_COMMIT,  /* the answer is awaited */
    LEAT_ONCE_ABORT,
} leat_once_state;

/* What leat wrote into the offset topic last. */
typedef struct leat_mark {
    uint64_t serial; /* 0: nothing */
    int64_t us;
    uint64_t tx; /* as leat_books.open_tx, open_seq */
    uint32_t seq;
    const struct leat_json *progress;  /* NULL: none; false: too large to be there */
    const struct leat_json *positions; /* partitions and offsets in turn; NULL: in the topic */
} leat_mark;

typedef struct leat_once {
    leat_once_state state;
    int64_t since_us, shown_us; /* since when: monotonic, and for a person */
    bool known;                 /* what the offset topic had at the open was looked at */
    bool doubt;                 /* whether `next` is committed is not known */
    bool apart;                 /* ... and its parcels are not in the window any more */
    bool announce;              /* a mark is to be written, so that who is fenced can see it */
    bool reset;                 /* the producer is of no use, though it does not say so */
    bool quiet;                 /* the abort is our own wish */
    bool held, next_held;       /* positions stand in the mark alone, as a snapshot runs */
    bool more;                  /* the source has more at hand */
    leat_books next;            /* as it will be */
    size_t parcels;             /* the oldest so many are in the transaction that ends */
    uint64_t records;           /* sent in it */
    leat_buf mark_text;
    leat_arena put, found;
    const leat_position *putpos, *foundpos; /* to be written; what the topic had */
    size_t nput, at, nfoundpos;
    int64_t pause_us, again_us;
    int64_t open_us; /* when the transaction began */
    int64_t took_us, committed_us, appended_us;
    size_t fits; /* bytes of parcels that one may hold, since more took too long; 0: all */
    uint64_t commits, aborts;
} leat_once;

typedef struct leat_kafka {
    leat_stream stream;
    leat_kafka_conf conf;
    char *data, *connector, *spool_data;
    leat_broker *broker;
    struct leat_page *page;
    char cluster[LEAT_KAFKA_CLUSTER]; /* whose position this is; "": not known */
    bool met;                         /* that is the one which can be reached, or need not be */
    bool compared;                    /* since the open, an id was ... */
    bool sure; /* ... and it is still that one: what is reported counts; true before the first */
    leat_kafka_phase phase;
    int64_t since_us;
    int64_t told_us;             /* when the page was told last ... */
    leat_kafka_phase told_phase; /* ... and which phase */

    /* ---- records (record.c) ---- */
    leat_json_converter *keys, *values;               /* of changes: by schemas of pinned tables */
    leat_json_converter *record_keys, *record_values; /* of records: forgotten after each batch */
    leat_json_converter *header;                      /* NULL: headers are plain text */
    leat_table *made;       /* pinned: of the last change that transforms made records of */
    leat_registry registry; /* tables of events on their way, by row */
    leat_names topics;      /* slot: the port's number */
    leat_arena scratch;
    leat_buf bytes; /* of one record: key, value, headers */
    leat_broker_header *headers;
    uint32_t headers_cap;

    /* ---- on their way (window.c) ---- */
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
    bool reported;        /* something was delivered since the last look */
    int64_t moved_us;     /* when something was reported last, or the window was empty */
    int64_t down_us;      /* since when the brokers are seen to be away; 0: they are not */
    int64_t seen_down_us; /* when they were seen so last */
    leat_err last;
    leat_err offsets_why; /* why positions are refused; rc OK: they are not */

    /* ---- exactly once (once.c) ---- */
    leat_once once;
    uint64_t drop_tx;   /* of this transaction nothing is sent ... */
    uint32_t drop_seq;  /* ... up to this change; 0: of none */
    uint32_t drop_seen; /* ... of which this one was met last */
    bool drop_counted;  /* what was refused of it is */
    bool drop_whole;    /* it comes from its beginning */
    bool rearm;         /* at the next append that is to be looked up in the books */
    uint64_t to_skip;   /* of the spool's events, those read next */

    /* ---- what is delivered (save.c) ---- */
    leat_books books;
    bool unsaved; /* they are ahead of what was saved */
    uint64_t serial, episode;
    int64_t saved_us;
    leat_reach shown; /* durable: state points into it */
    leat_stream_state state;
    leat_ring ring;
    uint64_t last_tx; /* of the last event appended, its end not seen; 0: none */
    uint64_t appends; /* calls of append */
    leat_counts open; /* appended behind the last safe place ... */
    uint64_t open_events;
    bool tail;     /* ... and there are events among them */
    bool straight; /* a transaction that the spool has no room for comes again, past the spool */

    /* ---- positions for Kafka Connect (publish.c) ---- */
    leat_reach published; /* positions that were written last */
    bool publish_due;     /* there are newer ones */
    bool publish_failed;  /* and it was told */
    uint32_t publishing;  /* records not reported yet */
    int64_t published_us; /* when it was begun last, or failed */
    leat_err unpublished; /* why a record was refused */

    /* ---- the spool (spool.c) ---- */
    leat_stream *spool; /* NULL: there is none */
    struct leat_page *spool_page;
    leat_reader *reader;     /* of the spool; NULL: not open */
    bool drained;            /* the reader was at the end */
    bool cursor_moved;       /* the books' cursor, and that is not saved */
    bool unkept;             /* it is noted to be needed from further back than the cursor */
    uint64_t spooled_events; /* in this episode, uncommitted ones included */
    int64_t hold_us;         /* since when appends wait for the last reports; 0: they do not */
    int64_t next_hold_us;
    int64_t enter_us; /* of the last attempt to go to the spool ... */
    leat_err unbegun; /* ... for which it had no room; rc OK: it had, or failed otherwise */
    bool begun;       /* a spool that is not to be in force may be there */
} leat_kafka;

/* ---- record.c ---- */

/* Gives the records of the parcel's n events to the producer, from p->sent on up to `to`;
 * *sent counts all of them that were given or need not be. AGAIN: the producer takes no more now,
 * or it is not known whether the cluster is the right one.
 * DATA: record *sent can never be sent. Other errors as leat_broker_ops.produce. */
leat_rc leat_kafka_produce(leat_kafka *k, const leat_parcel *p, const leat_event *ev, uint32_t n,
                           uint32_t to, uint32_t *sent, leat_err *e);
/* The row of the event's table in the registry, plus 1; 0 for a RECORD. */
uint32_t leat_kafka_row(leat_kafka *k, const leat_event *ev);
/* What stands for a value that the source did not send, in the event's records. */
leat_str leat_kafka_placeholder(const leat_kafka *k, const leat_event *ev);
/* Tables that the converters know by their addresses may go. */
void leat_kafka_forget(leat_kafka *k);
void leat_kafka_records_init(leat_kafka *k);
void leat_kafka_records_fini(leat_kafka *k);

/* ---- cluster.c ---- */

/* Whether it is the cluster that it was: k->met, until which nothing is given to the producer, and
 * k->sure. CONF "kafka.other_cluster": a spool of another one is in force, or it changed while the
 * connector ran. */
leat_rc leat_kafka_cluster_look(leat_kafka *k, leat_err *e);

/* ---- window.c ---- */

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
/* The whole window is to be sent, as if none of it had been. */
void leat_kafka_rewind(leat_kafka *k);
/* A dead producer, or records that were lost: another one, and all unreported records again. */
leat_rc leat_kafka_revive(leat_kafka *k, leat_err *e);
/* What the source will send again from its beginning is not sent on. */
void leat_kafka_take_back(leat_kafka *k);
/* Transactions that ended in a batch that does not go into the window. */
void leat_kafka_note_txs(leat_kafka *k, const leat_batch *b, uint32_t nsafe, bool safe);
/* The window has no room for more. */
bool leat_kafka_full(const leat_kafka *k);
void leat_kafka_window_fini(leat_kafka *k);

/* ---- once.c ---- */

/* Records and positions go in transactions. */
bool leat_kafka_once(const leat_kafka *k);
/* In place of leat_kafka_revive: what the producer is at goes on. */
leat_rc leat_kafka_once_step(leat_kafka *k, leat_err *e);
/* OK: records may be produced, a transaction is open. */
leat_rc leat_kafka_once_ready(leat_kafka *k, leat_err *e);
/* The transaction is to be aborted, if one is open; why NULL: nothing is wrong. */
void leat_kafka_once_abort(leat_kafka *k, const leat_err *why);
/* Something is not committed, or not known to be. */
bool leat_kafka_once_behind(const leat_kafka *k);
/* The store puts the spool in force, that has the whole window. */
leat_rc leat_kafka_once_to_spool(leat_kafka *k, leat_err *e);
/* ... and so the window is let go. */
void leat_kafka_once_spooled(leat_kafka *k);
leat_rc leat_kafka_once_load(leat_kafka *k, leat_arena *a, leat_err *e);
/* At the end of the process: what is open is aborted. */
void leat_kafka_once_close(leat_kafka *k);
void leat_kafka_once_free(leat_kafka *k);
/* The oldest parcels' transaction is committed; it is not. */
void leat_kafka_once_committed(leat_kafka *k);
void leat_kafka_once_not_committed(leat_kafka *k);
/* The open transaction has room for another parcel. */
bool leat_kafka_once_takes(const leat_kafka *k);
/* Before what was sent is forgotten: if the brokers ended the transaction because it took too long,
 * the next one holds less. */
void leat_kafka_once_slower(leat_kafka *k);
void leat_kafka_once_enter(leat_once *o, leat_once_state state);
/* Nothing is tried for a while, longer each time. */
void leat_kafka_once_pause(leat_once *o);

/* ---- fence.c ---- */

/* One step of a producer that begins: fences, looks what was committed. OK: transactions can begin.
 */
leat_rc leat_kafka_begin_producer(leat_kafka *k, leat_err *e);
/* Another life of the producer; what was prepared and not answered stays in doubt. */
leat_rc leat_kafka_begin_anew(leat_kafka *k, leat_err *e);
/* As text into k->once.mark_text. */
void leat_kafka_write_mark(leat_kafka *k, const leat_books *x);

/* ---- repeats.c ---- */

/* Which of the batch's events are delivered already. */
void leat_kafka_find_repeats(leat_kafka *k, leat_parcel *p, const leat_batch *b);
/* The i-th event of the parcel is one of them. */
bool leat_kafka_dropped(const leat_parcel *p, uint32_t i, const leat_event *ev);
/* What comes again from its beginning is compared with the books. */
void leat_kafka_drop_arm(leat_kafka *k);
/* Nothing of an open transaction is delivered. */
void leat_kafka_forget_open(leat_books *x);
/* next is in doubt, and its window goes to the spool: what was is not in there. */
void leat_kafka_part_open(const leat_books *was, leat_books *next);
/* What the parcel does to the place inside a transaction. */
void leat_kafka_take_open(leat_books *x, const leat_parcel *p);

/* ---- save.c ---- */

void leat_books_init(leat_books *x);
void leat_books_free(leat_books *x);
void leat_books_copy(leat_books *to, const leat_books *from);
void leat_kafka_books_load(leat_kafka *k, leat_books *x, const leat_delivered *d);
/* The parcel is delivered. */
void leat_kafka_take(leat_books *x, const leat_parcel *p);
/* As it is stored; texts in x, k and a. */
leat_delivered leat_kafka_delivered(const leat_kafka *k, const leat_books *x, uint64_t serial,
                                    leat_arena *a);
/* The books are. */
void leat_kafka_saved(leat_kafka *k);

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

/* As progress says: who began at a position now would leave out what is not read yet. */
bool leat_kafka_in_snapshot(leat_str progress);
/* Writes positions that moved, if it is time to. */
void leat_kafka_publish(leat_kafka *k);
void leat_kafka_publish_report(void *arg, const leat_delivery_report *report);
/* Writes the last ones. */
void leat_kafka_publish_end(leat_kafka *k, int64_t until_us);

/* ---- spool.c ---- */

/* At the open: a spool that is in force is gone on with, another removed. */
leat_rc leat_kafka_spool_find(leat_kafka *k, leat_err *e);
/* Something is on its way, and nothing was reported for so long that Kafka must be away. */
bool leat_kafka_away(const leat_kafka *k);
leat_rc leat_kafka_spool_enter(leat_kafka *k, leat_err *e);
/* Its events that are not delivered yet; about, while the window's are on their way. */
uint64_t leat_kafka_spool_events(const leat_kafka *k);
/* So many frames of it are durable and visible. */
uint64_t leat_kafka_spool_frames(const leat_kafka *k);
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
/* Removes those that are not in force, once the store says that none is. */
void leat_kafka_spool_clear(leat_kafka *k);

#endif
