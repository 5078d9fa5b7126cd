/* A place in a binary log as a position that can be stored: Debezium's offset.
 *
 *   {"ts_sec":1795252410,"file":"mysql-bin.000001","pos":1926,"gtids":"2ec757f5-...:1-5",
 *    "server_id":223355,"log_server":"2ec757f5-..."}
 *
 * of which log_server alone is ours: file and pos mean something in that server's log only.
 * It stands at the end of a transaction. One of Debezium's may stand inside of one: then file, pos
 * and gtids are those of its beginning, and event and row say how much of it was delivered. */
#ifndef LEAT_SOURCE_MYSQL_POSITION_H
#define LEAT_SOURCE_MYSQL_POSITION_H

#include "base/buf.h"
#include "event/event.h"

enum { LEAT_MY_FILE = 256 }; /* room for a log's name */

typedef struct leat_my_position {
    char file[LEAT_MY_FILE]; /* name of the log; "": none yet */
    uint64_t pos;            /* byte in it */
    leat_str gtids;          /* all before it, as text; absent: not known */
    uint64_t events;         /* of the next transaction: so many events were dealt with, the one
                                that begins it included ... */
    uint64_t rows;           /* ... and so many rows of the one that follows */
    leat_str counted;        /* inside of a transaction: the offset itself, which has numbers of its
                                changes so far; absent else */
    int64_t ts_sec;          /* commit time of the last transaction; 0: not known */
    uint32_t server_id;      /* of the server that wrote it; 0: not known */
    leat_str server;         /* whose log file and pos are of; absent: not known */
} leat_my_position;

/* There is one. */
static inline bool leat_my_position_is(const leat_my_position *p)
{
    return p->file[0] != '\0' || p->gtids.len > 0;
}

/* Appends the offset. */
void leat_my_position_write(const leat_my_position *p, leat_buf *out);
/* The position of the partition of that server (topic.prefix) among n; texts in a. Empty if there
 * is none. CONF "mysql.position" for one that cannot be read, CONF "mysql.other_prefix" when all of
 * them are of another prefix. */
leat_rc leat_my_position_find(const char *server, const leat_position *pos, size_t n, leat_arena *a,
                              leat_my_position *out, leat_err *e);
/* Reads an offset; texts in a. */
leat_rc leat_my_position_read(leat_str offset, leat_arena *a, leat_my_position *out, leat_err *e);

/* Logs are compared by the number at the end of their names: <0, 0, >0. */
uint64_t leat_my_log_number(const char *file); /* 0: there is none */
/* The place behind pos of which an event tells the lower 32 bits; 0: it is one of the file's
 * beginning, sent once more. */
uint64_t leat_my_place_unfold(uint64_t pos, uint32_t low);
int leat_my_place_cmp(const char *file, uint64_t pos, const char *other, uint64_t other_pos);

#endif
