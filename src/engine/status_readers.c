/* Who reads a source's stream, for its status: asked of the files, so that any thread may. */
#include "base/clock.h"
#include "engine/status.h"
#include "stream/readers.h"

static void write_one(const char *data, const char *dir, const leat_stream_reader *r,
                      uint64_t visible, leat_jw *w)
{
    leat_behind behind;
    char iso[LEAT_ISO_MAX];
    leat_jw_object(w, NULL);
    leat_jw_z(w, "sink", r->sink);
    leat_jw_bool(w, "exists", leat_readers_exists(data, r->sink));
    if (r->fault) leat_jw_z(w, "fault", r->fault);
    if (leat_readers_behind(dir, r, visible, &behind, NULL) == LEAT_OK) {
        leat_jw_i64(w, "events_behind", (int64_t)behind.events);
        leat_jw_i64(w, "bytes_behind", behind.bytes);
        bool none = behind.oldest_us == INT64_MIN;
        leat_jw_z(w, "oldest_unread", none ? NULL : leat_iso_us(behind.oldest_us, 6, iso));
    }
    leat_jw_end(w);
}

void leat_status_readers(const char *data, const char *source, uint64_t visible, leat_jw *w)
{
    char dir[LEAT_PATH_MAX];
    leat_arena a = {0};
    leat_stream_reader *readers = NULL;
    leat_jw_array(w, "readers");
    if (leat_segment_folder(data, source, "stream", dir, NULL) == LEAT_OK)
        leat_readers_list(dir, &a, &readers, NULL);
    for (const leat_stream_reader *r = readers; r; r = r->next) write_one(data, dir, r, visible, w);
    leat_jw_end(w);
    leat_arena_free(&a);
}
