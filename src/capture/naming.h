/* Names of topics, schemas and fields, as Debezium makes them.
 *
 * Topic of a table: the prefix and the parts of its name, those that are empty left out, joined by
 * the delimiter; each character that no topic's name may hold becomes "_", and what is longer than
 * 249 is cut. So two tables can come to one topic: leat_topic_names tells. By the Unicode
 * strategies such a character becomes "_u" and its number, and "_" is one of them; by the Regex
 * strategies a name is made over by topic.regex, and tables may share one on purpose. */
#ifndef LEAT_CAPTURE_NAMING_H
#define LEAT_CAPTURE_NAMING_H

#include "capture/conf.h"

enum { LEAT_TOPIC_MAX = 249 }; /* bytes of a topic's name; Kafka's limit */

/* Where a table's records go. */
typedef struct leat_naming_place {
    const char *topic;
    const char
        *key_field;      /* a field at the end of each key (topic.key.field.name), and its value; */
    const char *key_tag; /* NULL: none */
    bool shared;         /* other tables may have the same topic */
} leat_naming_place;

/* The place of a table, in a; parts as for leat_naming_topic. CONF "capture.topic" when topic.regex
 * makes no topic's name of it, or what leat_regex_replace says. */
leat_rc leat_naming_table(const leat_capture_conf *c, leat_arena *a, const char *catalog,
                          const char *schema, const char *table, leat_naming_place *out,
                          leat_err *e);
/* Topic of a table before topic.regex, in a. catalog: what stands before the schema where the
 * system has that (NULL for PostgreSQL, the database for MySQL); any part may be NULL. */
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
/* The key of t, which has its topic: these n fields (room for one more), from columns of the row,
 * and the field that tells the table where tables share a topic. */
void leat_naming_key(const leat_capture_conf *c, leat_arena *a, const leat_naming_place *place,
                     leat_field *fields, const uint16_t *cols, uint16_t n, leat_table *t);
/* Appends the partition of a log's positions: {"server":"shop"}, of topic.prefix. */
void leat_naming_partition(const char *prefix, leat_buf *out);
/* Name of a field, adjusted by field.name.adjustment.mode. In a, or column itself. */
const char *leat_naming_field(const leat_capture_conf *c, leat_arena *a, const char *column);

/* A text made into a topic's name: in a, or name itself when nothing had to change. unicode: as the
 * Unicode strategies do it. */
const char *leat_naming_sanitize(leat_arena *a, const char *name, bool unicode);
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

/* The next UTF-16 units of UTF-8 text: their number (2 for a character beyond U+FFFF), units in u;
 * *at moves on. A byte that is no UTF-8 counts as one unit. */
unsigned leat_naming_units(const char *s, size_t *at, uint32_t u[2]);

#endif
