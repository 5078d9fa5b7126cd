/* Of /hub/v1: topics, and the streams that hold them. */
#include "hub/inside.h"
#include "stream/readers.h"
#include "stream/segment.h"
#include "stream/stream.h"

static void write_topic(const leat_topic *t, leat_jw *w)
{
    leat_jw_object(w, NULL);
    leat_jw_z(w, "topic", t->name);
    leat_jw_z(w, "connector", t->connector);
    leat_jw_i64(w, "partitions", 1);
    leat_jw_i64(w, "first_offset", t->first);
    leat_jw_i64(w, "next_offset", t->next);
    leat_jw_i64(w, "bytes", t->bytes);
    leat_jw_bool(w, "connector_exists", t->exists);
    leat_jw_end(w);
}

static bool list_topics(leat_hub *h, leat_http_call *c, leat_topic **topics)
{
    leat_err err = {0};
    if (!leat_rc_failed(leat_topics_list(h->conf.data, &c->a, topics, &err))) return true;
    leat_hub_fail(c, &err);
    return false;
}

void leat_hub_v1_topics(void *hub, leat_http_call *c)
{
    leat_topic *topics = NULL;
    leat_jw w = {.out = &c->out};
    if (!list_topics(hub, c, &topics)) return;
    leat_jw_array(&w, NULL);
    for (const leat_topic *t = topics; t; t = t->link) write_topic(t, &w);
    leat_jw_end(&w);
}

static void write_readers(const leat_hub *h, const char *connector, leat_arena *a, leat_jw *w)
{
    char dir[LEAT_PATH_MAX];
    leat_stream_reader *r = NULL;
    leat_jw_array(w, "readers");
    if (leat_segment_folder(h->conf.data, connector, "stream", dir, NULL) == LEAT_OK &&
        leat_readers_list(dir, a, &r, NULL) == LEAT_OK)
        for (; r; r = r->next) leat_jw_z(w, NULL, r->sink);
    leat_jw_end(w);
}

/* One for each connector that has topics; they come with the topics of one together. */
void leat_hub_v1_streams(void *hub, leat_http_call *c)
{
    leat_hub *h = hub;
    leat_topic *topics = NULL;
    leat_jw w = {.out = &c->out};
    if (!list_topics(h, c, &topics)) return;
    leat_jw_array(&w, NULL);
    for (const leat_topic *first = topics; first; first = first->link) {
        const leat_topic *before = topics;
        while (strcmp(before->connector, first->connector) != 0) before = before->link;
        if (before != first) continue;
        int64_t bytes = 0, records = 0;
        leat_jw_object(&w, NULL);
        leat_jw_z(&w, "connector", first->connector);
        leat_jw_bool(&w, "connector_exists", first->exists);
        leat_jw_array(&w, "topics");
        for (const leat_topic *t = first; t; t = t->link) {
            if (strcmp(t->connector, first->connector) != 0) continue;
            leat_jw_z(&w, NULL, t->name);
            bytes += t->bytes;
            records += t->next - t->first;
        }
        leat_jw_end(&w);
        leat_jw_i64(&w, "records", records);
        leat_jw_i64(&w, "bytes", bytes);
        write_readers(h, first->connector, &c->a, &w);
        leat_jw_end(&w);
    }
    leat_jw_end(&w);
}
