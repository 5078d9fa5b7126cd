/* A record as `leat shadow` sees it: its bytes, and what tells it from others.
 *
 * Pure. Both sides are read from JSON, as Kafka Connect's JsonConverter writes it, with schemas or
 * without. */
#ifndef LEAT_PROVE_SHADOW_RECORD_H
#define LEAT_PROVE_SHADOW_RECORD_H

#include "prove/shadow/rules.h"

/* The bytes; key and value absent: null. headers: a JSON list of [name, text]. */
typedef struct leat_shadow_text {
    leat_str key, value, headers;
} leat_shadow_text;

/* Which topics and records are compared. */
typedef struct leat_shadow_scope {
    const char *name;              /* topic.prefix */
    const char *heartbeats;        /* what topics of heartbeats begin with; NULL: none */
    const char *notification;      /* NULL: none */
    const char *signal;            /* NULL: none */
    bool rows;                     /* rows of the snapshot too */
    const char *const *unlogged;   /* topics of tables that are not in the log, n of them */
    const char *const *partitions; /* of partitions, npartitions of them */
    size_t nunlogged, npartitions;
} leat_shadow_scope;

/* What a record is known by: the same on both sides, if they are equal. */
typedef struct leat_shadow_id {
    uint64_t place; /* of topic, place in the log, transaction, operation; of a snapshot's row its
                       key instead */
    uint64_t topic, spot; /* of the topic's name; of place in the log and transaction */
    uint64_t key;         /* of the key */
    uint64_t row, after;  /* of before and after; of after alone */
    int64_t commit;       /* grows along the log: end of the last transaction before it, of a binary
                             log its place; -1: not known */
    int64_t ts_us;        /* when it was committed; 0: not known */
    leat_shadow_skip skip;
    bool change; /* of a table; else one of transaction metadata */
    bool rows;   /* a row of a snapshot: these have no order */
    bool blank;  /* a delete whose key's members are all zeros, or nothing */
    bool known;  /* false: the first record seen of its partition was a tombstone */
} leat_shadow_id;

/* Reads it. last: of the record before it in its partition, which a tombstone belongs to. DATA
 * "shadow.json": key or value is no JSON, or not Debezium's. */
leat_rc leat_shadow_identify(const leat_shadow_scope *scope, const char *topic,
                             const leat_shadow_text *text, const leat_shadow_id *last,
                             leat_arena *a, leat_shadow_id *out, leat_err *e);

/* The place of a change with that operation ('c', 'u'...), and of the tombstone behind it. */
uint64_t leat_shadow_place(uint64_t topic, uint64_t spot, char op);
uint64_t leat_shadow_tombstone(uint64_t place);
/* spot, above: of a source block, or of a dead letter's position. */
uint64_t leat_shadow_spot(const leat_json *at);

/* The payload of {"schema","payload"}, and the schema (NULL: there is none); else j itself. */
const leat_json *leat_shadow_payload(const leat_json *j, const leat_json **schema);

#endif
