/* The frames inside the copy stream of START_REPLICATION, and log sequence numbers as text.
 *
 * Pure. Times are Unix microseconds here and microseconds since 2000-01-01 UTC on the wire. */
#ifndef LEAT_SOURCE_POSTGRES_WALFRAME_H
#define LEAT_SOURCE_POSTGRES_WALFRAME_H

#include "base/err.h"
#include "base/str.h"

typedef enum leat_walframe_type {
    LEAT_WALFRAME_DATA = 'w',
    LEAT_WALFRAME_KEEPALIVE = 'k',
} leat_walframe_type;

typedef struct leat_walframe {
    char type;      /* leat_walframe_type */
    uint64_t start; /* DATA: where its WAL begins; 0 for what is not a WAL record's own */
    uint64_t end;   /* end of WAL on the server as it knew when it sent this */
    int64_t ts_us;  /* the server's clock then */
    bool reply;     /* KEEPALIVE: answer at once, or the connection is dropped */
    leat_str data;  /* DATA: the plugin's message, borrowed */
} leat_walframe;

/* Reads one CopyData payload. FATAL "postgres.protocol" when it is none of the two. */
leat_rc leat_walframe_decode(leat_str bytes, leat_walframe *out, leat_err *e);

enum { LEAT_WALFRAME_STATUS_LEN = 34 };

/* A standby status update: what was received, what is durable with us, what is applied (for a
 * logical slot the server looks at flushed only). reply: ask for a keepalive now. */
void leat_walframe_status(char out[LEAT_WALFRAME_STATUS_LEN], uint64_t written, uint64_t flushed,
                          uint64_t applied, int64_t now_us, bool reply);

enum { LEAT_LSN_TEXT = 18 }; /* "FFFFFFFF/FFFFFFFF" and NUL */

/* "0/16B3748", as the server writes it: upper-case hex without leading zeros. Returns out. */
const char *leat_lsn_print(uint64_t lsn, char out[LEAT_LSN_TEXT]);
/* The same back; either case, 1 to 8 digits on each side, nothing else around it. */
bool leat_lsn_parse(leat_str text, uint64_t *out);

/* The end of the last record, of a place where the next one goes: behind a page's header, when a
 * page was just filled, the record's end is before it. */
uint64_t leat_pg_record_end(uint64_t lsn);

/* Microseconds between 1970-01-01 and 2000-01-01, PostgreSQL's epoch. */
#define LEAT_PG_EPOCH_US INT64_C(946684800000000)

#endif
