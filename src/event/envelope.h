/* The RECORD view of a CHANGE: Debezium's envelope, key, tombstone and headers.
 *
 * Pure. The schemas come sealed with the table; this only arranges values. ABSENT cells stay ABSENT
 * (the converter shows the placeholder), but for the columns left out of an old key
 * (LEAT_EV_OLD_KEY_ONLY): there Debezium gives NULL, or where the column is NOT NULL the zero of
 * its type ("", 0, false, empty bytes), unless the source has put another value there. */
#ifndef LEAT_EVENT_ENVELOPE_H
#define LEAT_EVENT_ENVELOPE_H

#include "event/event.h"

enum { LEAT_RECORDS_MAX = 3 };

/* Fills out with the records of ev in the order in which a consumer sees them and returns how many
 * (== leat_event_records): create, update, read, truncate, message: 1; delete: value and tombstone;
 * update of the key: delete of the old one with header __debezium.newkey, tombstone, create of the
 * new one with header __debezium.oldkey. A RECORD gives itself; so does a
 * change of a table with LEAT_TABLE_RECORD, whatever its operation. Borrowed from ev and a. */
unsigned leat_envelope_records(const leat_event *ev, leat_arena *a,
                               leat_record out[LEAT_RECORDS_MAX]);

/* The envelope schema of a table: name "<topic>.Envelope", version 2, fields before, after, source,
 * transaction, op, ts_ms, ts_us, ts_ns; of a message "...MessageValue". Called by leat_table_seal.
 */
const leat_schema *leat_envelope_schema(leat_arena *a, const leat_table *t);

#endif
