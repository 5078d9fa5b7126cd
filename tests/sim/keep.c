/* Retention in a run, and planted bugs of it; see keep.h. */
#include "keep.h"

#include <errno.h>

#include "event.h"
#include "sim.h"
#include "stream/readers.h"
#include "stream/reading.h"

static const char STREAM[] = "/sim/connectors/shop/stream";
static const char WATCH[] = "/sim/connectors/shop/stream/readers/watch";

bool __wrap_leat_readers_need(const leat_stream_reader *r, uint64_t segment, uint64_t last);
bool __real_leat_readers_need(const leat_stream_reader *r, uint64_t segment, uint64_t last);
leat_rc __wrap_leat_reading_missing(leat_reader *r, leat_err *e);
leat_rc __real_leat_reading_missing(leat_reader *r, leat_err *e);

/* Planted: nobody asks who needs it. */
bool __wrap_leat_readers_need(const leat_stream_reader *r, uint64_t segment, uint64_t last)
{
    if (the_sim->plant == PLANT_NOT_ASKED || the_sim->plant == PLANT_KAFKA_NOT_ASKED) return false;
    return __real_leat_readers_need(r, segment, last);
}

/* Planted: what is missing is passed over. */
leat_rc __wrap_leat_reading_missing(leat_reader *r, leat_err *e)
{
    leat_arena a = {0};
    uint64_t *numbers = NULL;
    size_t n = 0;
    if (the_sim->plant != PLANT_GAP_SKIPPED) return __real_leat_reading_missing(r, e);
    leat_rc rc = leat_segment_list(r->follow.dir, &a, &numbers, &n, e);
    if (rc == LEAT_OK && n > 0) r->walk.at = (leat_place){.segment = numbers[0]};
    leat_arena_free(&a);
    return rc;
}

bool keep_on(void)
{
    const leat_retention_conf *conf = &the_sim->keep.conf;
    return conf->ms > 0 || conf->bytes > 0 || conf->free_bytes > 0;
}

void keep_draw(sim *s)
{
    dicebox *d = &s->dice;
    keep *k = &s->keep;
    if (!dice_one_in(d, 3)) return;
    if (!dice_one_in(d, 4)) k->conf.bytes = s->segment_bytes * dice_range(d, 2, 5);
    if (dice_one_in(d, 3)) k->conf.ms = dice_steep(d, 12);
    if (dice_one_in(d, 3)) k->conf.free_bytes = dice_range(d, 1, 4000);
    k->conf.segment_ms = dice_one_in(d, 2) ? 1000 : 0;
    k->conf.force = dice_one_in(d, 4);
    k->watched = keep_on() && !k->conf.force && dice_one_in(d, 2);
    if (!k->watched) return;
    leat_buf folder = {0};
    leat_buf_printf(&folder, "%s/readers%c", STREAM, '\0');
    leat_os_mkdirs(folder.p, 0700);
    leat_buf_free(&folder);
    keep_note_watch((leat_str){"", 0});
}

void keep_note_watch(leat_str cursor)
{
    leat_buf text = {0};
    if (!the_sim->keep.watched) return;
    leat_buf_printf(&text, "{\"inputs\":[{\"cursor\":\"%.*s\"}]}\n", LEAT_STR_ARG(cursor));
    int rc = leat_os_store(WATCH, leat_buf_str(&text), 0600);
    if (rc < 0 && rc != -ENOSPC) /* on a full disk the cursor before stays */
        sim_fail("retention", "the consumer cannot store its cursor: %d", rc);
    leat_buf_free(&text);
}

static bool segment_of(const char *path, uint64_t *number)
{
    size_t n = strlen(path);
    return n > 24 && strcmp(path + n - 4, ".seg") == 0 &&
           leat_str_u64((leat_str){path + n - 24, 20}, number);
}

/* A running engine removes what is old, or takes back what nobody has seen. */
const char *keep_unlink(const char *path)
{
    static char other[LEAT_PATH_MAX];
    sim *s = the_sim;
    uint64_t number, segment, offset, frame;
    if (!s->engine || s->dead || s->life.no_page || !segment_of(path, &number)) return path;
    if (!leat_page_mark(s->page, &segment, &offset, &frame)) return path;
    if (number > segment) return path;
    if (number == segment) sim_fail("retention", "segment %d of the mark is removed", (int)number);
    watch_look(&s->watch, false);
    s->unlinked = true;
    if (!s->life.last && dice_one_in(&s->dice, 8)) { /* it dies while it removes */
        s->life.crash_act = ACT_COUNT;
        s->life.crash_in = dice_range(&s->dice, 1, 8);
        s->life.power = true;
    }
    if (s->plant != PLANT_NEWEST_REMOVED) return path;
    leat_segment_path(STREAM, segment, other);
    return other;
}

void keep_sync_dir(void)
{
    sim *s = the_sim;
    if (s->unlinked && s->plant == PLANT_UNLINK_UNSYNCED) disk_lie_sync_dir(s->disk);
    s->unlinked = false;
}

void keep_sleep(void)
{
    sim *s = the_sim;
    leat_engine_status st;
    if (!s->engine || s->dead || !keep_on()) return;
    leat_engine_status_get(s->engine, &st);
    if (st.all.state != LEAT_RUN_STALLED) return;
    if (dice_one_in(&s->dice, 4)) watch_look(&s->watch, false);
    if (dice_one_in(&s->dice, 4)) sink_live(&s->sink, false);
}

void keep_firsts(int64_t firsts[])
{
    leat_arena a = {0};
    leat_topic *topics = NULL;
    leat_err e = {0};
    const leat_os *os = leat_os_now();
    for (unsigned i = 0; i < DB_TOPICS; i++) firsts[i] = -1;
    leat_os_use(&disk_os);
    if (leat_topics_list("/sim", &a, &topics, &e) != LEAT_OK)
        sim_fail("retention", "the topics cannot be listed: %s", e.msg);
    for (const leat_topic *t = topics; t; t = t->link)
        for (unsigned i = 0; i < DB_TOPICS; i++)
            if (strcmp(t->name, db_topic_names[i]) == 0) firsts[i] = t->first;
    leat_os_use(os);
    leat_arena_free(&a);
}

bool keep_gap(const char *sink)
{
    leat_arena a = {0};
    const leat_os *os = leat_os_now();
    uint64_t *numbers = NULL;
    size_t n = 0;
    bool gap = false;
    leat_stream_reader *r = NULL;
    leat_os_use(&disk_os);
    if (leat_segment_list(STREAM, &a, &numbers, &n, NULL) != LEAT_OK ||
        leat_readers_list(STREAM, &a, &r, NULL) != LEAT_OK)
        sim_fail("retention", "the stream cannot be listed");
    for (; r; r = r->next)
        for (size_t i = 0; i < r->n && strcmp(r->sink, sink) == 0; i++)
            gap |= n > 0 && r->at[i].segment < numbers[0];
    leat_os_use(os);
    leat_arena_free(&a);
    return gap;
}

/* Of the first event that a reader gives; n: it gives none. */
static uint32_t first_read(const watch *w)
{
    leat_reader_conf conf = {.data = "/sim", .connector = "shop"};
    leat_reader *r = NULL;
    leat_err e = {0};
    leat_rc rc = leat_reader_open(&conf, &r, &e);
    if (rc != LEAT_OK) return w->n;
    leat_batch *b = &the_sim->watch.scratch;
    do rc = leat_reader_next(r, b, 0, &e);
    while (rc == LEAT_AGAIN && !leat_reader_at_end(r));
    uint32_t at = 0;
    if (rc > LEAT_RETRY) sim_fail("retention", "from the beginning: %s: %s", e.code, e.msg);
    if (rc == LEAT_OK)
        while (at < w->n && (w->seen[at].topic != event_topic(&b->ev[0]) ||
                             w->seen[at].offset != b->ev[0].offset))
            at++;
    leat_reader_close(r);
    return rc == LEAT_OK ? at : w->n;
}

uint32_t keep_first_seen(void)
{
    const watch *w = &the_sim->watch;
    int64_t firsts[DB_TOPICS], want[DB_TOPICS];
    if (!keep_on()) return 0;
    uint32_t at = first_read(w);
    for (unsigned i = 0; i < DB_TOPICS; i++) want[i] = w->next[i];
    for (uint32_t i = w->n; i-- > at;) want[w->seen[i].topic] = w->seen[i].offset;
    keep_firsts(firsts);
    for (unsigned i = 0; i < DB_TOPICS; i++)
        if (firsts[i] >= 0 && firsts[i] != want[i])
            sim_fail("retention", "the first offset of %s is said to be %lld, it is %lld",
                     db_topic_names[i], (long long)firsts[i], (long long)want[i]);
    return at;
}
