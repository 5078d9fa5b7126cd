/* Parked keys, and the breaker; see the header.
 *
 * The set holds canonical bytes of keys (leat_letters_key). It is bounded by errors.parked.keys: a
 * sink that has more than that pauses after the batch. */
#include "engine/parking.h"

#include "engine/letters.h"

enum { WAITS_NO_MORE = 1 };

void leat_parking_free(leat_parking *p)
{
    leat_keyset_free(&p->keys);
    leat_buf_free(&p->key);
    leat_buf_free(&p->old);
}

static bool parks(const leat_parking *p)
{
    return p->conf.state && p->conf.keys_most > 0;
}

static void put(leat_parking *p, leat_str key)
{
    if (key.len == 0) return;
    uint32_t n = p->keys.n, i = leat_keyset_put(&p->keys, key);
    if (i == n || p->keys.entries[i].marks) p->waiting++;
    p->keys.entries[i].marks = 0;
}

static void put_stored(void *arg, leat_str key)
{
    put(arg, key);
}

leat_rc leat_parking_load(leat_parking *p, leat_err *e)
{
    leat_keyset_clear(&p->keys);
    p->waiting = 0;
    p->seen = p->bad = 0;
    return parks(p) ? leat_state_dead_keys(p->conf.state, put_stored, p, e) : LEAT_OK;
}

static bool keys_of(leat_parking *p, const leat_event *ev)
{
    leat_buf_clear(&p->key);
    leat_buf_clear(&p->old);
    return parks(p) && leat_letters_key(ev, &p->key, &p->old);
}

void leat_parking_add(leat_parking *p, const leat_event *ev)
{
    if (!keys_of(p, ev)) return;
    put(p, leat_buf_str(&p->key));
    put(p, leat_buf_str(&p->old));
}

static bool has(const leat_parking *p, leat_str key)
{
    uint32_t i = key.len > 0 ? leat_keyset_find(&p->keys, key) : LEAT_KEYSET_NONE;
    return i != LEAT_KEYSET_NONE && p->keys.entries[i].marks == 0;
}

bool leat_parking_holds(leat_parking *p, const leat_event *ev)
{
    if (p->waiting == 0 || !keys_of(p, ev)) return false;
    return has(p, leat_buf_str(&p->key)) || has(p, leat_buf_str(&p->old));
}

leat_rc leat_parking_emptied(leat_parking *p, const char *topic, leat_err *e)
{
    leat_str name = {topic, strlen(topic) + 1}; /* a 0 ends the topic in keys */
    bool any = false;
    for (uint32_t i = 0; i < p->keys.n; i++) {
        leat_str key = leat_keyset_at(&p->keys, i);
        if (p->keys.entries[i].marks || key.len < name.len || memcmp(key.s, name.s, name.len) != 0)
            continue;
        p->keys.entries[i].marks = WAITS_NO_MORE;
        p->waiting--;
        any = true;
    }
    return any ? leat_state_dead_supersede(p->conf.state, topic, e) : LEAT_OK;
}

bool leat_parking_full(leat_parking *p, uint64_t events, uint64_t refused, leat_arena *a,
                       const char **why)
{
    const leat_parking_conf *c = &p->conf;
    p->seen += events;
    p->bad += refused;
    if (parks(p) && p->waiting > (uint64_t)c->keys_most) {
        *why = leat_arena_printf(a, "errors.parked.keys: changes of %u rows wait for dead letters",
                                 p->waiting);
        return true;
    }
    if (c->percent == 0 || p->seen < (uint64_t)c->window) return false;
    bool open = p->bad * 100 >= p->seen * (uint64_t)c->percent;
    if (open)
        *why =
            leat_arena_printf(a, "errors.breaker.percent: the target refused %llu of %llu events",
                              (unsigned long long)p->bad, (unsigned long long)p->seen);
    p->seen = p->bad = 0;
    return open;
}
