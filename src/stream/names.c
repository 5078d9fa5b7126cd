/* The topics of one stream (stream/names.h): a map of hashes; names with equal hashes are chained.
 * Pure; one thread. */
#include "stream/names.h"

void leat_names_free(leat_names *s)
{
    leat_arena_free(&s->arena);
    leat_map_free(&s->map);
    leat_free(s->v);
    leat_free(s->next);
    *s = (leat_names){0};
}

static uint32_t find(const leat_names *s, leat_str name, uint64_t hash)
{
    uint32_t i = leat_map_get(&s->map, hash);
    while (i != LEAT_MAP_NONE && !leat_str_eq(s->v[i].name, name)) i = s->v[i].link - 1;
    return i;
}

uint32_t leat_names_find(const leat_names *s, leat_str name)
{
    return find(s, name, leat_str_hash(name));
}

uint32_t leat_names_put(leat_names *s, leat_str name)
{
    uint64_t hash = leat_str_hash(name);
    uint32_t i = find(s, name, hash);
    if (i != LEAT_MAP_NONE) return i;
    if (s->n == s->cap) {
        s->cap = s->cap > 0 ? s->cap * 2 : 16;
        s->v = leat_realloc(s->v, s->cap * sizeof(leat_name));
        s->next = leat_realloc(s->next, s->cap * sizeof(int64_t));
    }
    uint32_t former = leat_map_get(&s->map, hash);
    i = s->n++;
    s->v[i] = (leat_name){.name = leat_arena_str(&s->arena, name), .link = former + 1};
    s->next[i] = 0;
    leat_map_put(&s->map, hash, i);
    return i;
}
