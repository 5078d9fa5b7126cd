/* Sets of global transaction ids: MySQL's (uuid[:tag]:interval...), MariaDB's (domain-server-seq).
 *
 * Pure. One thread a set. Texts that are none are CONF "mysql.gtid", with the place in the text. */
#ifndef LEAT_SOURCE_MYSQL_GTID_H
#define LEAT_SOURCE_MYSQL_GTID_H

#include "source/mysql/binlog.h"

/* ---- MySQL ---- */

/* [first, last]; in order, never touching each other. */
typedef struct leat_gtid_range {
    uint64_t first, last;
} leat_gtid_range;

/* All of one server and tag. */
typedef struct leat_gtid_source {
    uint8_t uuid[16];
    char tag[LEAT_GTID_TAG + 1]; /* "": none */
    uint32_t n, cap;
    leat_gtid_range *ranges; /* heap */
} leat_gtid_source;

/* A zeroed one is the empty set. Sorted by uuid and tag, without empty members. */
typedef struct leat_gtid_set {
    uint32_t n, cap;
    leat_gtid_source *sources; /* heap */
} leat_gtid_set;

void leat_gtid_set_free(leat_gtid_set *s); /* empty again */
void leat_gtid_set_copy(leat_gtid_set *to, const leat_gtid_set *s);
/* Adds what the text says to s: "" is the empty set; white space, commas and line ends as the
 * server allows them; any case. On error s is as it was. */
leat_rc leat_gtid_set_parse(leat_gtid_set *s, leat_str text, leat_err *e);
/* As the server prints it, but with "," alone between members (Debezium's offsets). */
void leat_gtid_set_print(const leat_gtid_set *s, leat_buf *out);
void leat_gtid_set_add(leat_gtid_set *s, const leat_gtid *id);
void leat_gtid_set_add_range(leat_gtid_set *s, const uint8_t uuid[16], const char *tag,
                             leat_gtid_range range);
bool leat_gtid_set_has(const leat_gtid_set *s, const leat_gtid *id);
/* All of sub is in s. */
bool leat_gtid_set_contains(const leat_gtid_set *s, const leat_gtid_set *sub);
bool leat_gtid_set_eq(const leat_gtid_set *x, const leat_gtid_set *y);
void leat_gtid_set_union(leat_gtid_set *s, const leat_gtid_set *more);
void leat_gtid_set_subtract(leat_gtid_set *s, const leat_gtid_set *less);
uint64_t leat_gtid_set_count(const leat_gtid_set *s);
/* Keeps the servers for which keep says so (gtid.source.includes/excludes). uuid: its text, 36
 * characters and a NUL. */
void leat_gtid_set_filter(leat_gtid_set *s, bool (*keep)(void *ctx, const char *uuid), void *ctx);

/* The binary form, of PREVIOUS_GTIDS and of COM_BINLOG_DUMP_GTID. Decoding adds to s; FATAL
 * "mysql.binlog" when it is malformed. Encoding has the form with tags only where s has one. */
leat_rc leat_gtid_set_decode(leat_gtid_set *s, leat_str bytes, leat_err *e);
void leat_gtid_set_encode(const leat_gtid_set *s, leat_buf *out);

/* One id: "2ec757f5-e589-11f1-a599-02fc00000001:5", "...:tag:5". */
enum { LEAT_GTID_TEXT = 36 + 1 + LEAT_GTID_TAG + 1 + 20 + 1, LEAT_UUID_TEXT = 37 };
const char *leat_gtid_print(const leat_gtid *id, char text[LEAT_GTID_TEXT]);
const char *leat_gtid_uuid_print(const uint8_t uuid[16], char text[LEAT_UUID_TEXT]);
bool leat_gtid_uuid_parse(leat_str text, uint8_t uuid[16]);

/* ---- MariaDB ---- */

/* The last id of each domain and server in it, sorted by domain; what a replica has. With several
 * servers in a domain the one that came last stands last in it. A zeroed one is empty. */
typedef struct leat_mariadb_gtids {
    uint32_t n, cap;
    leat_mariadb_gtid *ids; /* heap; one a domain */
} leat_mariadb_gtids;

void leat_mariadb_gtids_free(leat_mariadb_gtids *s);
void leat_mariadb_gtids_copy(leat_mariadb_gtids *to, const leat_mariadb_gtids *s);
/* "0-1-100,1-2-3"; adds to s. A domain twice in the text is an error, as it is to the server. */
leat_rc leat_mariadb_gtids_parse(leat_mariadb_gtids *s, leat_str text, leat_err *e);
/* gtid_binlog_state: the last id of each server of each domain; s is no position then, and good for
 * leat_mariadb_gtids_surely_has, or as sub. */
leat_rc leat_mariadb_state_parse(leat_mariadb_gtids *s, leat_str text, leat_err *e);
void leat_mariadb_gtids_print(const leat_mariadb_gtids *s, leat_buf *out);
/* The domain's position is now this one, whatever it was. */
void leat_mariadb_gtids_set(leat_mariadb_gtids *s, const leat_mariadb_gtid *id);
/* NULL: nothing of this domain. */
const leat_mariadb_gtid *leat_mariadb_gtids_get(const leat_mariadb_gtids *s, uint32_t domain);
/* A sequence number of its domain at or below the position: it was seen, as numbers only grow. */
bool leat_mariadb_gtids_has(const leat_mariadb_gtids *s, const leat_mariadb_gtid *id);
/* An id of its domain and server at or below one there, for where numbers grow for each server
 * alone (gtid_strict_mode=OFF): nothing is sure of a server that has none there. */
bool leat_mariadb_gtids_surely_has(const leat_mariadb_gtids *s, const leat_mariadb_gtid *id);
bool leat_mariadb_gtids_contains(const leat_mariadb_gtids *s, const leat_mariadb_gtids *sub);
bool leat_mariadb_gtids_eq(const leat_mariadb_gtids *x, const leat_mariadb_gtids *y);
/* In each domain the higher of both. */
void leat_mariadb_gtids_union(leat_mariadb_gtids *s, const leat_mariadb_gtids *more);
/* Leaves the domains in which s is beyond less. */
void leat_mariadb_gtids_subtract(leat_mariadb_gtids *s, const leat_mariadb_gtids *less);

enum { LEAT_MARIADB_GTID_TEXT = 10 + 1 + 10 + 1 + 20 + 1 };
const char *leat_mariadb_gtid_print(const leat_mariadb_gtid *id, char text[LEAT_MARIADB_GTID_TEXT]);

/* ---- of either server ---- */

/* All that the text names is in the set, or with mariadb in the state; not for a text that is none.
 */
bool leat_my_gtids_in(bool mariadb, const leat_gtid_set *set, const leat_mariadb_gtids *state,
                      leat_str text);
/* The same of two texts. */
bool leat_my_gtids_in_text(bool mariadb, leat_str all, leat_str text);

#endif
