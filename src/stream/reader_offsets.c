/* Readers: what a cursor means in offsets (stream/reader.h).
 *
 * A segment's first frame says the next offset of every topic, the frames behind it how many
 * records they took: the same as what recovery finds at the mark, at another place. Any thread. */
#include "stream/reading.h"

static void fill(const leat_names *names, const char *const *topics, int64_t *next)
{
    for (size_t i = 0; topics[i]; i++) {
        uint32_t at = leat_names_find(names, leat_str_of(topics[i]));
        if (at != LEAT_MAP_NONE) next[i] = names->next[at];
    }
}

/* The segment's beginning: place.number may be unknown. */
static leat_rc at_opening(const char *dir, uint64_t segment, const char *const *topics,
                          int64_t *next, leat_err *e)
{
    leat_arena a = {0};
    leat_frame_segment s = {0};
    leat_rc rc = leat_recover_opening(dir, segment, &a, &s, NULL, e);
    for (uint32_t i = 0; rc == LEAT_OK && i < s.ntopics; i++)
        for (size_t k = 0; topics[k]; k++)
            if (leat_str_is(s.topics[i].name, topics[k])) next[k] = s.topics[i].next;
    leat_arena_free(&a);
    return rc;
}

static leat_rc at_place(const char *dir, const leat_place *place, const char *const *topics,
                        int64_t *next, leat_err *e)
{
    leat_restored has;
    if (place->offset == 0) return at_opening(dir, place->segment, topics, next, e);
    leat_restored_init(&has);
    leat_rc rc = leat_recover_state(dir, place, &has, e);
    if (rc == LEAT_OK) fill(&has.names, topics, next);
    leat_restored_free(&has);
    return rc;
}

leat_rc leat_reader_offsets(const char *data, const char *connector, leat_str cursor,
                            const char *const *topics, int64_t *next, leat_err *e)
{
    char dir[LEAT_PATH_MAX];
    leat_place place = {0};
    for (size_t i = 0; topics[i]; i++) next[i] = 0;
    LEAT_TRY(leat_segment_folder(data, connector, "stream", dir, e));
    if (cursor.len > 0 && !leat_place_parse(cursor, &place))
        return leat_fail(e, LEAT_CONF, "stream.cursor", connector,
                         "the cursor \"%.*s\" cannot be read", LEAT_STR_ARG(cursor));
    leat_arena a = {0};
    uint64_t *numbers = NULL;
    size_t n = 0;
    leat_rc rc = leat_segment_list(dir, &a, &numbers, &n, e);
    uint64_t first = n > 0 ? numbers[0] : 0, last = n > 0 ? numbers[n - 1] : 0;
    leat_arena_free(&a);
    LEAT_TRY(rc);
    if (place.segment == 0) place = (leat_place){.segment = first};
    if (first == 0) return LEAT_OK;
    if (place.segment > last)
        return leat_fail(e, LEAT_CONF, "stream.cursor", connector,
                         "the cursor \"%.*s\" lies behind the end: the stream is another one now",
                         LEAT_STR_ARG(cursor));
    if (place.segment < first) place = (leat_place){.segment = first};
    rc = at_place(dir, &place, topics, next, e);
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}
