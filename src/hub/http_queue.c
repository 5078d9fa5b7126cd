/* Requests that have arrived, until a worker takes them: two lines, of quick ones and of those that
 * may wait for something outside (leat_http_route.waits).
 *
 * Of the second at most LEAT_HTTP_WAITERS run at a time, whatever place they came to, so that a
 * system that never answers takes no worker from the quick ones. While places become free the
 * others wait for one; when none has for PATIENCE_US, they are told to come again. The guard is
 * taken for all of these. */
#include "base/clock.h"
#include "hub/http_part.h"

enum { PATIENCE_US = 5000000 };

void leat_http_queue_init(leat_http *h)
{
    h->quick.tail = &h->quick.first;
    h->waits.tail = &h->waits.first;
}

static leat_http_request *pop(leat_http_line *line)
{
    leat_http_request *r = line->first;
    line->first = r->next;
    if (!line->first) line->tail = &line->first;
    r->next = NULL;
    return r;
}

void leat_http_queue_put(leat_http *h, leat_http_request *r)
{
    leat_http_line *line = r->route && r->route->waits ? &h->waits : &h->quick;
    r->since_us = leat_mono_us();
    *line->tail = r;
    line->tail = &r->next;
    pthread_cond_signal(&h->more);
}

leat_http_request *leat_http_queue_take(leat_http *h)
{
    const leat_http_request *quick = h->quick.first, *waits = h->waits.first;
    bool place = waits && h->waiting < LEAT_HTTP_WAITERS;
    if (place && (!quick || waits->since_us <= quick->since_us)) {
        h->waiting++;
        return pop(&h->waits);
    }
    return quick ? pop(&h->quick) : NULL;
}

/* A place of its kind is free, and perhaps everybody sleeps. */
void leat_http_queue_done(leat_http *h, const leat_http_request *r)
{
    if (!r->route || !r->route->waits) return;
    h->waiting--;
    h->moved_us = leat_mono_us();
    pthread_cond_signal(&h->more);
}

leat_http_request *leat_http_queue_late(leat_http *h)
{
    const leat_http_request *r = h->waits.first;
    if (!r || h->waiting < LEAT_HTTP_WAITERS) return NULL;
    int64_t begun = r->since_us > h->moved_us ? r->since_us : h->moved_us;
    return leat_mono_us() - begun > PATIENCE_US ? pop(&h->waits) : NULL;
}
