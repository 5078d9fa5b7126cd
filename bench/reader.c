/* The tuned bare reader: what a reader of PostgreSQL's log could do at best if it did nothing.
 *
 *     reader CONNINFO SLOT PUBLICATION END-LSN
 *
 * Starts replication by pgoutput as leat does, counts inserts, updates and deletes, throws all
 * away, tells the server nothing until the end, and ends when the stream has passed END-LSN. Over
 * TCP it asks for a large receive buffer and to be woken only when LOW_WATER bytes are there: the
 * walsender sends message by message, and each wake-up of the reader costs it time. Prints the
 * number of changes. One thread. */
#include <endian.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RECEIVE_BUFFER = 4 << 20, LOW_WATER = 128 << 10, WAIT_MS = 10, FRAME_HEAD = 25 };

static _Noreturn void fail(PGconn *pg, const char *doing)
{
    fprintf(stderr, "reader: could not %s: %s", doing, PQerrorMessage(pg));
    exit(1);
}

static uint64_t be64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return be64toh(v);
}

static bool parse_lsn(const char *text, uint64_t *out)
{
    unsigned high, low;
    if (sscanf(text, "%X/%X", &high, &low) != 2) return false;
    *out = (uint64_t)high << 32 | low;
    return true;
}

static PGconn *start(char **argv)
{
    char command[512];
    PGconn *pg = PQconnectdb(argv[1]);
    if (PQstatus(pg) != CONNECTION_OK) fail(pg, "connect");
    snprintf(command, sizeof(command),
             "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (proto_version '1', publication_names "
             "'\"%s\"')",
             argv[2], argv[3]);
    PGresult *res = PQexec(pg, command);
    if (PQresultStatus(res) != PGRES_COPY_BOTH) fail(pg, "start replication");
    PQclear(res);
    int buffer = RECEIVE_BUFFER, low = LOW_WATER;
    setsockopt(PQsocket(pg), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    setsockopt(PQsocket(pg), SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
    return pg;
}

/* Waits for LOW_WATER bytes, WAIT_MS at most: then for what there is. */
static void wait_more(PGconn *pg)
{
    struct pollfd p = {.fd = PQsocket(pg), .events = POLLIN};
    poll(&p, 1, WAIT_MS);
    if (!PQconsumeInput(pg)) fail(pg, "read the stream");
}

/* The server's end, or the end of a commit, as the frame tells it. */
static uint64_t count(const char *row, int len, uint64_t *changes)
{
    if (row[0] == 'k') return be64(row + 1);
    if (len <= FRAME_HEAD) return 0;
    char type = row[FRAME_HEAD];
    if (type == 'I' || type == 'U' || type == 'D') ++*changes;
    return type == 'C' ? be64(row + FRAME_HEAD + 10) : 0;
}

int main(int argc, char **argv)
{
    uint64_t end, changes = 0;
    if (argc != 5 || !parse_lsn(argv[4], &end)) {
        fprintf(stderr, "usage: reader CONNINFO SLOT PUBLICATION END-LSN\n");
        return 2;
    }
    PGconn *pg = start(argv);
    for (uint64_t at = 0; at < end;) {
        char *row;
        int n = PQgetCopyData(pg, &row, 1);
        if (n < 0) fail(pg, "read the stream");
        if (n == 0) {
            wait_more(pg);
            continue;
        }
        at = count(row, n, &changes);
        PQfreemem(row);
    }
    PQfinish(pg);
    printf("%" PRIu64 "\n", changes);
    return 0;
}
