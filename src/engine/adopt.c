/* Adoption: the first start of a connector goes on where Debezium Server or connect-standalone
 * stood.
 *
 * Only at the first start: as soon as anything stands in the stream, or the history of positions
 * knows anything, the connector's own offsets count, also after they were reset. The entry is found
 * by its partition, as the source knows its own; by the connector's name if several have that one.
 * It is stored like an edit by hand, so that `leat offsets NAME history` tells where it came from.
 * The file is only read. Run by the task's thread before there is a task. */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "engine/running.h"
#include "state/offset_file.h"
#include "stream/kafka/kafka.h"

enum { FILE_MOST = 64 << 20, LOOK_US = 200000, TOPIC_WAIT_US = 60000000 };

static const char FILE_STORE[] = "org.apache.kafka.connect.storage.FileOffsetBackingStore";
static const char MEMORY_STORE[] = "org.apache.kafka.connect.storage.MemoryOffsetBackingStore";

static bool any(void *arg, const leat_note *note)
{
    (void)note;
    *(bool *)arg = true;
    return false;
}

/* Whether the connector has never had a position here. */
static leat_rc first_start(leat_process *p, bool *first, leat_err *e)
{
    const leat_stream_state *st = p->stream->ops->state(p->stream);
    bool noted = false;
    LEAT_TRY(leat_state_positions_each(p->state, any, &noted, e));
    *first = !noted && st->npos == 0 && st->events == 0 && !st->progress.s;
    return LEAT_OK;
}

static leat_rc refuse_store(const leat_process *p, const char *klass, leat_err *e)
{
    return leat_fail(
        e, LEAT_CONF, "adopt.store", "offset.storage",
        "the offsets are kept by %s, which this leat cannot read, and to begin without "
        "them would be a gap or a second snapshot. Set them: 'leat offsets %s set', with "
        "what stands there; or take offset.storage out to begin with a snapshot",
        klass, p->conf.name);
}

/* One entry as the source would store it. PENDING: it is of a snapshot that had not ended. */
static leat_rc check(const leat_process *p, leat_position pos, leat_arena *a, leat_position *out,
                     leat_err *e)
{
    const leat_source *source = p->setup.source;
    const char *note;
    *out = pos;
    if (!source->offset_check) return LEAT_OK;
    leat_position none = {pos.partition, {0}};
    return source->offset_check(p->setup.conf, none, pos, a, out, &note, e);
}

typedef struct choice {
    const leat_stored_offset *entry;
    leat_position pos; /* as it is to be stored */
    leat_rc rc;        /* OK, or PENDING */
} choice;

static leat_rc ambiguous(const leat_process *p, const char *path, const choice *x,
                         const leat_stored_offset *y, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "adopt.ambiguous", path,
                     "it has an offset of " LEAT_STR_FMT " for the connector \"" LEAT_STR_FMT
                     "\" and another one for \"" LEAT_STR_FMT
                     "\": give this connector (\"%s\") the name of the one that it goes on from",
                     LEAT_STR_ARG(x->pos.partition), LEAT_STR_ARG(x->entry->connector),
                     LEAT_STR_ARG(y->connector), p->conf.name);
}

/* The entry of this connector; out->entry NULL: there is none. */
static leat_rc choose(const leat_process *p, const char *path, const leat_stored_offset *list,
                      leat_arena *a, choice *out, leat_err *e)
{
    const leat_stored_offset *other = NULL;
    bool found = false;
    *out = (choice){0};
    for (const leat_stored_offset *s = list; s; s = s->next) {
        choice x = {.entry = s};
        leat_err why;
        x.rc = check(p, s->pos, a, &x.pos, &why);
        if (x.rc != LEAT_OK && x.rc != LEAT_PENDING) {
            /* Of another connector; but what bears this one's name must be readable. */
            if (strcmp(why.where, "partition") == 0 || !leat_str_is(s->connector, p->conf.name))
                continue;
            *e = why;
            return x.rc;
        }
        bool named = leat_str_is(s->connector, p->conf.name);
        if (named || !out->entry)
            *out = x;
        else
            other = s;
        found = named;
        if (found) break;
    }
    return other && !found ? ambiguous(p, path, out, other, e) : LEAT_OK;
}

static leat_rc store(leat_process *p, const char *path, const choice *x, leat_err *e)
{
    leat_buf text = {0};
    const leat_source *source = p->setup.source;
    LEAT_TRY(p->stream->ops->edit(p->stream, &x->pos, 1,
                                  LEAT_STR("{\"snapshot\":{\"state\":\"done\"}}"), e));
    const char *by = leat_arena_printf(&p->arena, "adopted from %s", path);
    LEAT_TRY(leat_state_positions_add(p->state, &x->pos, 1, LEAT_NOTED_EDIT, by, e));
    if (source->offset_text) source->offset_text(x->pos.offset, &text);
    leat_log(LEAT_INFO, "adopt.offsets",
             "file=%s connector=\"" LEAT_STR_FMT "\" at=\"%.*s\" it goes on there, without a "
             "snapshot; from now on its own offsets count",
             path, LEAT_STR_ARG(x->entry->connector), LEAT_STR_ARG(leat_buf_str(&text)));
    leat_buf_free(&text);
    return LEAT_OK;
}

static leat_rc take(leat_process *p, const char *path, leat_str bytes, leat_err *e)
{
    leat_stored_offset *list = NULL;
    choice x;
    LEAT_TRY(leat_offset_file_parse(&p->arena, bytes, path, &list, e));
    LEAT_TRY(choose(p, path, list, &p->arena, &x, e));
    if (!x.entry)
        leat_log(LEAT_WARN, "adopt.none",
                 "file=%s it holds no offset of this connector (%s" LEAT_STR_FMT
                 "): it begins as a new one",
                 path, list ? "but one of " : "nothing at all",
                 LEAT_STR_ARG(list ? list->pos.partition : LEAT_STR("")));
    else if (x.rc == LEAT_PENDING)
        leat_log(LEAT_WARN, "adopt.snapshot",
                 "file=%s the snapshot had not ended: it is begun anew, as Debezium does", path);
    else
        return store(p, path, &x, e);
    return LEAT_OK;
}

/* The offset topic's positions, in p's arena. */
static leat_rc read_topic(leat_process *p, leat_position **out, size_t *n, leat_err *e)
{
    const leat_position *pos = NULL;
    leat_rc rc;
    int64_t until = leat_mono_us() + TOPIC_WAIT_US;
    do rc = leat_kafka_found(p->stream, &pos, n, LOOK_US, e);
    while (rc == LEAT_AGAIN && !leat_process_ends() && leat_mono_us() < until);
    if (rc == LEAT_AGAIN) return LEAT_RETRY;
    LEAT_TRY(rc);
    *out = LEAT_NEW(&p->arena, leat_position, *n + 1);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = (leat_position){leat_arena_str(&p->arena, pos[i].partition),
                                    leat_arena_str(&p->arena, pos[i].offset)};
    return LEAT_OK;
}

/* With exactly once: where Kafka Connect's offset topic says that this connector stands. */
static leat_rc adopt_topic(leat_process *p, leat_err *e)
{
    leat_position *pos = NULL;
    size_t n = 0;
    bool first = false;
    if (!p->setup.once) return LEAT_OK;
    LEAT_TRY(first_start(p, &first, e));
    if (!first) return LEAT_OK;
    LEAT_TRY(read_topic(p, &pos, &n, e));
    for (size_t i = 0; i < n; i++) {
        const leat_stored_offset entry = {.pos = pos[i], .connector = leat_str_of(p->conf.name)};
        choice x = {.entry = &entry};
        leat_err why;
        x.rc = check(p, pos[i], &p->arena, &x.pos, &why);
        if (x.rc == LEAT_OK) return store(p, p->setup.offsets.topic, &x, e);
        bool other = x.rc != LEAT_PENDING && strcmp(why.where, "partition") == 0;
        if (other) continue; /* of the time when it had another topic.prefix */
        if (x.rc != LEAT_PENDING && e != NULL) *e = why;
        if (x.rc != LEAT_PENDING) return x.rc;
        leat_log(LEAT_WARN, "adopt.snapshot",
                 "topic=%s the snapshot had not ended: it is begun anew, as Debezium does",
                 p->setup.offsets.topic);
    }
    return LEAT_OK;
}

leat_rc leat_process_adopt(leat_process *p, leat_err *e)
{
    const char *path = p->setup.common.offsets_file, *klass = p->setup.common.offsets_class;
    bool file = strcmp(klass, FILE_STORE) == 0, first = false;
    LEAT_TRY(adopt_topic(p, e)); /* what the topic does not have the file may */
    if ((file && !path) || strcmp(klass, MEMORY_STORE) == 0) return LEAT_OK;
    LEAT_TRY(first_start(p, &first, e));
    if (!first) return LEAT_OK;
    if (!file) return refuse_store(p, klass, e);
    leat_buf bytes = {0};
    int err = leat_os_load(path, &bytes, FILE_MOST);
    leat_rc rc = LEAT_OK;
    if (err == -ENOENT)
        leat_log(LEAT_WARN, "adopt.none",
                 "file=%s there is no such file (a relative path is looked for in the folder where "
                 "leat was started): the connector begins as a new one",
                 path);
    else if (err < 0)
        rc = leat_os_fail(e, err, "read the offsets in", path);
    else
        rc = take(p, path, leat_buf_str(&bytes), e);
    leat_buf_free(&bytes);
    return rc;
}
