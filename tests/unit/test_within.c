/* Readers with bounds in time, and tallies: what they give is what a reader of all would have
 * given, of that time; whole frames and parts of them. */
#include "../test.h"

#include "stream_world.h"

enum { TXS = 300, BATCH = 50, SEEN = 20000 };

typedef struct seen {
    const char *topic;
    int64_t offset, ts_us;
    uint64_t records;
} seen;

static size_t take(world *w, leat_reader_conf conf, seen *out)
{
    leat_reader *r = world_reader(w, conf);
    leat_batch b;
    size_t n = 0;
    leat_rc rc;
    leat_batch_init(&b, 1000, 0);
    while ((rc = leat_reader_next(r, &b, 0, &w->e)) == LEAT_OK)
        for (uint32_t i = 0; i < b.n; i++) {
            unsigned topic = 0;
            assert_true(n < SEEN);
            while (strcmp(model_topic(topic), leat_event_topic(&b.ev[i])) != 0) topic++;
            out[n++] = (seen){model_topic(topic), b.ev[i].offset, b.ev[i].ts_us,
                              leat_event_records(&b.ev[i])};
        }
    assert_int_equal(rc, LEAT_AGAIN);
    leat_batch_free(&b);
    leat_reader_close(r);
    return n;
}

static bool wanted(const seen *s, const char *topic, int64_t least, int64_t most)
{
    return s->ts_us >= least && s->ts_us <= most && (!topic || strcmp(topic, s->topic) == 0);
}

/* The events of a time, of all topics or one, begun at the beginning or by the time. */
static void check_bounds(world *w, const seen *all, size_t n, const char *topic, int64_t least,
                         int64_t most, seen *got)
{
    const char *topics[] = {topic, NULL};
    for (int by_time = 0; by_time < 2; by_time++) {
        size_t m = 0, at = 0;
        leat_reader_conf conf = {.topics = topic ? topics : NULL,
                                 .from = by_time ? LEAT_FROM_TIME : LEAT_FROM_BEGINNING,
                                 .time_us = least,
                                 .within = true,
                                 .least_us = least,
                                 .most_us = most};
        m = take(w, conf, got);
        for (size_t i = 0; i < n; i++) {
            if (!wanted(&all[i], topic, least, most)) continue;
            assert_true(at < m);
            assert_string_equal(got[at].topic, all[i].topic);
            assert_int_equal(got[at].offset, all[i].offset);
            at++;
        }
        assert_int_equal(at, m);
    }
}

typedef struct counted {
    const seen *all;
    size_t n;
    int64_t unit, least, most;
    uint64_t *left; /* of the records of all, by place */
    uint64_t told;
} counted;

/* Takes so many records of the stretch off those that are not told yet. */
static void tell(void *arg, leat_str topic, int64_t from_us, uint64_t records)
{
    counted *c = arg;
    c->told += records;
    for (size_t i = 0; i < c->n && records > 0; i++) {
        const seen *s = &c->all[i];
        bool here = leat_str_is(topic, s->topic) && s->ts_us >= from_us &&
                    s->ts_us < from_us + c->unit && s->ts_us >= c->least && s->ts_us <= c->most;
        uint64_t part = !here ? 0 : c->left[i] < records ? c->left[i] : records;
        c->left[i] -= part;
        records -= part;
    }
    assert_int_equal(records, 0); /* else more was told than there is */
}

static void check_tally(world *w, const seen *all, size_t n, int64_t unit, int64_t least,
                        int64_t most, bool few, seen *got)
{
    counted c = {.all = all, .n = n, .unit = unit, .least = least, .most = most};
    const leat_reader_tally tally = {.unit_us = unit, .fn = tell, .arg = &c};
    c.left = leat_zalloc(n, sizeof *c.left);
    for (size_t i = 0; i < n; i++)
        if (wanted(&all[i], NULL, least, most)) c.left[i] = all[i].records;
    size_t m = take(w,
                    (leat_reader_conf){.from = LEAT_FROM_BEGINNING,
                                       .tally = &tally,
                                       .within = true,
                                       .least_us = least,
                                       .most_us = most},
                    got);
    if (few) assert_true(m < n / 2 && c.told > 0);
    for (size_t i = 0; i < m; i++) {
        int64_t at = got[i].ts_us - got[i].ts_us % unit;
        tell(&c, leat_str_of(got[i].topic), at, got[i].records);
    }
    for (size_t i = 0; i < n; i++) assert_int_equal(c.left[i], 0);
    leat_free(c.left);
}

static void bounds_and_tallies(void **state)
{
    world *w = *state;
    seen *all = leat_zalloc(SEEN, sizeof *all), *got = leat_zalloc(SEEN, sizeof *got);
    w->conf.segment_bytes = 64 << 10;
    w->conf.frame_bytes = 2 << 10;
    world_open(w);
    world_write(w, TXS, BATCH);
    size_t n = take(w, (leat_reader_conf){.from = LEAT_FROM_BEGINNING}, all);
    assert_true(n > TXS && world_segments(w) > 1);
    int64_t first = model_ts(1), last = model_ts(TXS), step = (last - first) / 7;
    for (uint64_t tx = 1; tx <= TXS; tx += 43)
        for (int topic = -1; topic < MODEL_TOPICS; topic++) {
            const char *name = topic < 0 ? NULL : model_topic((unsigned)topic);
            check_bounds(w, all, n, name, model_ts(tx), model_ts(tx + 12), got);
            check_bounds(w, all, n, name, model_ts(tx) + 1, model_ts(tx + 9) - 1, got);
            check_bounds(w, all, n, name, model_ts(tx), INT64_MAX, got);
        }
    check_bounds(w, all, n, NULL, last + 1, INT64_MAX, got);
    check_tally(w, all, n, (last - first) * 10, INT64_MIN, INT64_MAX, true, got);
    check_tally(w, all, n, step, INT64_MIN, INT64_MAX, true, got);
    check_tally(w, all, n, step, first + step / 2, last - step / 2, true, got);
    check_tally(w, all, n, 1, INT64_MIN, INT64_MAX, false, got);
    world_close(w);
    leat_free(all);
    leat_free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bounds_and_tallies, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
