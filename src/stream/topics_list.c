/* Topics of a data folder: who owns which, and what is held of each (stream/stream.h).
 *
 * Claims name the connectors; each of these is asked once what stands at the mark of its stream and
 * where its oldest segment begins. A claim whose stream is not there yet is listed with nothing
 * held. Takes no lock that lasts. Any process. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "stream/follow.h"
#include "stream/readers.h"
#include "stream/stream.h"
#include "stream/topics.h"

enum { NEAR_MOST = 3, NAME_MOST = 250 };

/* A name of that folder that is no claim: the lock, or a file that is just being written. */
static bool is_other(const char *name)
{
    size_t len = strlen(name);
    return name[0] == '.' || (len > 4 && strcmp(name + len - 4, ".tmp") == 0);
}

/* ---- offsets ---- */

static void fill_next(leat_topic *topics, const char *connector, const leat_names *names)
{
    for (leat_topic *t = topics; t != NULL; t = t->link) {
        uint32_t i = LEAT_MAP_NONE;
        if (strcmp(t->connector, connector) == 0) i = leat_names_find(names, leat_str_of(t->name));
        if (i != LEAT_MAP_NONE) t->next = names->next[i];
    }
}

static void fill_first(leat_topic *topics, const char *connector, const leat_frame_segment *s)
{
    for (leat_topic *t = topics; t != NULL; t = t->link)
        for (uint32_t i = 0; i < s->ntopics && strcmp(t->connector, connector) == 0; i++)
            if (leat_str_is(s->topics[i].name, t->name)) t->first = s->topics[i].next;
}

/* The segments' bytes, divided by how many records are held of each topic. */
static void fill_bytes(leat_topic *topics, const char *connector, const char *dir,
                       const uint64_t *numbers, size_t n)
{
    const leat_os *os = leat_os_now();
    double bytes = 0, records = 0;
    for (size_t i = 0; i < n; i++) {
        char path[LEAT_PATH_MAX];
        leat_segment_path(dir, numbers[i], path);
        int fd = os->open(path, LEAT_O_READ, 0);
        int64_t size = fd < 0 ? 0 : os->size(fd);
        os->close(fd);
        if (size > 0) bytes += (double)size;
    }
    for (const leat_topic *t = topics; t != NULL; t = t->link)
        if (strcmp(t->connector, connector) == 0) records += (double)(t->next - t->first);
    for (leat_topic *t = topics; t != NULL && records > 0; t = t->link)
        if (strcmp(t->connector, connector) == 0)
            t->bytes = (int64_t)(bytes * ((double)(t->next - t->first) / records));
}

static leat_rc fill_from(leat_topic *topics, leat_follow *f, const char *connector, leat_arena *a,
                         leat_err *e)
{
    leat_restored has;
    leat_frame_segment s;
    uint64_t *numbers;
    size_t n;
    LEAT_TRY(leat_follow_look(f, e));
    if (f->mark.segment == 0) return LEAT_OK;
    leat_restored_init(&has);
    leat_rc rc = leat_recover_state(f->dir, &f->mark, &has, e);
    if (rc == LEAT_OK) fill_next(topics, connector, &has.names);
    leat_restored_free(&has);
    LEAT_TRY(rc);
    LEAT_TRY(leat_segment_list(f->dir, a, &numbers, &n, e));
    if (n == 0) return LEAT_OK;
    rc = leat_recover_opening(f->dir, numbers[0], a, &s, NULL, e);
    if (rc == LEAT_OK) fill_first(topics, connector, &s);
    if (rc == LEAT_OK) fill_bytes(topics, connector, f->dir, numbers, n);
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}

leat_rc leat_topics_look(leat_topic *topics, const char *data, const char *connector, leat_arena *a,
                         leat_err *e)
{
    leat_follow f;
    leat_err why;
    bool exists = leat_readers_exists(data, connector);
    for (leat_topic *t = topics; t != NULL; t = t->link) {
        if (strcmp(t->connector, connector) != 0) continue;
        t->exists = exists;
        t->looked = true;
    }
    leat_rc rc = leat_follow_open(&f, data, connector, NULL, &why);
    if (rc == LEAT_RETRY && strcmp(why.code, "stream.missing") == 0) return LEAT_OK;
    if (rc == LEAT_OK) {
        rc = fill_from(topics, &f, connector, a, &why);
        leat_follow_close(&f);
    }
    if (rc != LEAT_OK && e != NULL) *e = why;
    return rc;
}

/* ---- the list ---- */

static int by_name(const void *x, const void *y)
{
    const leat_topic *const *a = x, *const *b = y;
    return strcmp((*a)->name, (*b)->name);
}

static void sort(leat_topic **topics, size_t n, leat_arena *a)
{
    leat_topic **all = LEAT_NEW(a, leat_topic *, n);
    size_t i = 0;
    for (leat_topic *t = *topics; t != NULL; t = t->link) all[i++] = t;
    if (n > 1) qsort(all, n, sizeof(*all), by_name);
    for (i = 0; i < n; i++) all[i]->link = i + 1 < n ? all[i + 1] : NULL;
    *topics = n > 0 ? all[0] : NULL;
}

leat_rc leat_topics_names(const char *data, leat_arena *a, const char ***out, size_t *n,
                          leat_err *e)
{
    const char **files = NULL;
    size_t nfiles = 0;
    char *folder = leat_arena_printf(a, "%s/topics", data);
    int err = leat_os_names(folder, a, &files, &nfiles);
    if (err < 0 && err != -ENOENT) return leat_os_fail(e, err, "list", folder);
    *out = LEAT_NEW(a, const char *, nfiles);
    *n = 0;
    for (size_t i = 0; i < nfiles; i++) {
        leat_buf name = {0};
        if (!is_other(files[i]) && leat_topics_unescape(&name, leat_str_of(files[i])))
            (*out)[(*n)++] = leat_arena_str(a, leat_buf_str(&name)).s;
        leat_buf_free(&name);
    }
    return LEAT_OK;
}

leat_rc leat_topics_owners(const char *data, leat_arena *a, leat_topic **out, leat_err *e)
{
    const char **names;
    size_t nnames, n = 0;
    *out = NULL;
    LEAT_TRY(leat_topics_names(data, a, &names, &nnames, e));
    for (size_t i = 0; i < nnames; i++) {
        leat_topic *t = LEAT_NEW(a, leat_topic, 1);
        t->name = names[i];
        leat_rc rc = leat_topics_claimed(data, leat_str_of(t->name), a, &t->connector, e);
        LEAT_TRY(rc);
        if (rc == LEAT_AGAIN) continue; /* removed meanwhile */
        t->link = *out;
        *out = t;
        n++;
    }
    sort(out, n, a);
    return LEAT_OK;
}

leat_rc leat_topics_list(const char *data, leat_arena *a, leat_topic **out, leat_err *e)
{
    LEAT_TRY(leat_topics_owners(data, a, out, e));
    for (leat_topic *t = *out; t != NULL; t = t->link)
        if (!t->looked) LEAT_TRY(leat_topics_look(*out, data, t->connector, a, e));
    return LEAT_OK;
}

/* ---- owners ---- */

/* Changes of a character that make one of the other (Levenshtein), at most NAME_MOST long. */
static unsigned distance(const char *x, const char *y)
{
    unsigned row[NAME_MOST + 1];
    size_t n = strlen(x), m = strlen(y);
    if (n > NAME_MOST || m > NAME_MOST) return NAME_MOST;
    for (size_t j = 0; j <= m; j++) row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = corner + (x[i - 1] != y[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            corner = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

static bool near_to(const char *wanted, const char *name)
{
    if (strstr(name, wanted) != NULL) return true;
    return distance(wanted, name) <= 1 + strlen(wanted) / 4;
}

static leat_rc unknown(const char *data, const char *topic, leat_arena *a, leat_err *e)
{
    leat_topic *topics = NULL;
    leat_buf near = {0};
    unsigned n = 0;
    LEAT_TRY(leat_topics_owners(data, a, &topics, e));
    for (leat_topic *t = topics; t != NULL && n < NEAR_MOST; t = t->link)
        if (near_to(topic, t->name))
            leat_buf_printf(&near, "%s%s", n++ == 0 ? "; near to it: " : ", ", t->name);
    leat_buf_u8(&near, 0);
    const char *none = topics == NULL ? "; no connector has written any yet" : "; see leat topics";
    leat_rc rc = leat_fail(e, LEAT_CONF, "topic.unknown", topic, "there is no topic \"%s\" in %s%s",
                           topic, data, n > 0 ? near.p : none);
    leat_buf_free(&near);
    return rc;
}

leat_rc leat_topics_owner(const char *data, const char *topic, leat_arena *a,
                          const char **connector, leat_err *e)
{
    leat_rc rc = leat_topics_claimed(data, leat_str_of(topic), a, connector, e);
    return rc == LEAT_AGAIN ? unknown(data, topic, a, e) : rc;
}
