/* Texts of dates and times as Debezium's strings show them, read back: the inverse of
 * convert/time_text.h. Each is false when the text is no such thing, out is then not to be used.
 * Pure. */
#ifndef LEAT_CONVERT_TIME_READ_H
#define LEAT_CONVERT_TIME_READ_H

#include "event/value.h"

/* "2024-02-29", with a zone Z behind it or none. */
bool leat_read_date(leat_str text, leat_value *out);
/* "13:14:15.123456": a TIME; with a zone, Z or +02:00, a TIMETZ. */
bool leat_read_time(leat_str text, leat_value *out);
/* "2024-02-29T13:14:15.123456": a TIMESTAMP; with a zone a TIMESTAMPTZ; "infinity" too, which is
 * the latter. In nanoseconds where there are more than six digits. */
bool leat_read_timestamp(leat_str text, leat_value *out);
/* "P1Y2M3DT4H5M6.78S". */
bool leat_read_interval(leat_str text, leat_interval *out);

#endif
