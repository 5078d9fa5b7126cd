/* The sums of the ledger (event/counts.h). Pure; any thread. */
#include "event/counts.h"

#include <string.h>

int64_t leat_counts_in_flight(const leat_counts *c)
{
    return (int64_t)(c->received - c->appended - c->filtered - c->dead - c->deduplicated);
}

int64_t leat_counts_rows_in_flight(const leat_counts *c)
{
    return (int64_t)(c->rows_read - c->rows_appended - c->rows_superseded - c->rows_filtered -
                     c->rows_dead);
}

bool leat_counts_none(const leat_counts *c)
{
    static const leat_counts none;
    return memcmp(c, &none, sizeof none) == 0;
}

void leat_counts_add(leat_counts *to, const leat_counts *c)
{
    to->received += c->received;
    to->appended += c->appended;
    to->filtered += c->filtered;
    to->dead += c->dead;
    to->deduplicated += c->deduplicated;
    to->rows_read += c->rows_read;
    to->rows_appended += c->rows_appended;
    to->rows_superseded += c->rows_superseded;
    to->rows_filtered += c->rows_filtered;
    to->rows_dead += c->rows_dead;
}

void leat_counts_sub(leat_counts *from, const leat_counts *c)
{
    from->received -= c->received;
    from->appended -= c->appended;
    from->filtered -= c->filtered;
    from->dead -= c->dead;
    from->deduplicated -= c->deduplicated;
    from->rows_read -= c->rows_read;
    from->rows_appended -= c->rows_appended;
    from->rows_superseded -= c->rows_superseded;
    from->rows_filtered -= c->rows_filtered;
    from->rows_dead -= c->rows_dead;
}
