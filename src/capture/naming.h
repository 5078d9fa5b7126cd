/* Names of topics, schemas and fields, as Debezium makes them.
 *
 * Topic of a table: the prefix and the parts of its name, those that are empty left out, joined by
 * the delimiter; each character that no topic's name may hold becomes "_", and what is longer than
 * 249 is cut. So two tables can come to one topic: leat_topic_names tells. */
#ifndef LEAT_CAPTURE_NAMING_H
#define LEAT_CAPTURE_NAMING_H

#include "capture/conf.h"

enum { LEAT_TOPIC_MAX = 249 }; /* bytes of a topic's name; Kafka's limit */

/* Topic of a table, in a. catalog: what stands before the schema where the system has that (NULL
 * for PostgreSQL, the database for MySQL); any part may be NULL. */
const char *leat_naming_topic(const leat_capture_conf *c, leat_arena *a, const char *catalog,
                              const char *schema, const char *table);
/* "<prefix>.transaction", "__debezium-heartbeat.<prefix>", "<prefix>" (schema changes). In a. */
const char *leat_naming_transactions(const leat_capture_conf *c, leat_arena *a);
const char *leat_naming_heartbeats(const leat_capture_conf *c, leat_arena *a);
const char *leat_naming_schema_changes(const leat_capture_conf *c, leat_arena *a);

/* Name of a schema: topic and suffix (".Value", ".Key", ".Envelope"; may be ""), adjusted by
 * schema.name.adjustment.mode. In a. */
const char *leat_naming_schema(const leat_capture_conf *c, leat_arena *a, const char *topic,
                               const char *suffix);
/* Name of a field, adjusted by field.name.adjustment.mode. In a, or column itself. */
const char *leat_naming_field(const leat_capture_conf *c, leat_arena *a, const char *column);

/* A text made into a topic's name: in a, or name itself when nothing had to change. */
const char *leat_naming_sanitize(leat_arena *a, const char *name);
/* Nothing in it would have to change. */
bool leat_naming_valid(const char *name);

/* Which table has which topic, to find two that have the same. Zero it; names are borrowed. */
typedef struct leat_topic_names {
    struct leat_topic_names_entry *slots; /* heap; open addressing */
    size_t n, cap;
} leat_topic_names;
void leat_topic_names_free(leat_topic_names *t);
/* Notes that table (its whole name) goes to topic. LEAT_OK too if that is known already; CONF
 * "capture.topic" naming both tables when another one has it. */
leat_rc leat_topic_names_claim(leat_topic_names *t, const char *topic, const char *table,
                               leat_err *e);

#endif
