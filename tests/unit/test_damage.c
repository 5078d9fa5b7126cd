/* stream/recover, stream/topics: what is found in files that were changed, cut, or left by a dying
 * writer; and claims. Cases made by hand, for test_recover.c has those that the dice make. */
#include "../test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/os.h"
#include "stream/readers.h"
#include "stream/recover.h"
#include "stream/topics.h"
#include "stream_world.h"

static void reopen(world *w, leat_rc want, const char *code)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/connectors/shop/counters", w->data);
    if (!w->no_page) assert_int_equal(leat_page_create(path, &w->conf.page, &w->e), LEAT_OK);
    leat_rc rc = leat_embedded_open(&w->conf, &w->s, &w->e);
    if (rc != want) print_message("%s: %s\n", w->e.code, w->e.msg);
    assert_int_equal(rc, want);
    if (leat_rc_failed(want)) {
        assert_string_equal(w->e.code, code);
        w->s = NULL;
        if (w->conf.page != NULL) atomic_store(&w->conf.page->pid, 0); /* its process ends */
        leat_page_close(w->conf.page);
        w->conf.page = NULL;
    }
}

/* A copy of the stream's files as they are now: what a process that is killed leaves. */
static void kill_writer(world *w)
{
    char path[256];
    uint64_t n = world_segments(w);
    leat_buf files[16] = {0};
    for (uint64_t i = 1; i <= n; i++) {
        world_path(w, i, path);
        assert_int_equal(leat_os_load(path, &files[i], 1 << 24), 0);
    }
    world_close(w);
    for (uint64_t i = 1; i <= n; i++) {
        world_path(w, i, path);
        assert_int_equal(leat_os_store(path, leat_buf_str(&files[i]), 0600), 0);
        leat_buf_free(&files[i]);
    }
}

static void cut_file(const world *w, uint64_t segment, int64_t size)
{
    char path[256];
    world_path(w, segment, path);
    assert_int_equal(truncate(path, size), 0);
}

static void append_bytes(const world *w, uint64_t segment, leat_str bytes)
{
    char path[256];
    world_path(w, segment, path);
    int fd = leat_os_now()->open(path, LEAT_O_READ | LEAT_O_WRITE, 0);
    leat_os_write_all(fd, bytes.s, bytes.len, world_size(w, segment));
    leat_os_now()->close(fd);
}

/* ---- torn ends ---- */

static void test_a_torn_end_is_cut(void **state)
{
    world *w = *state;
    w->no_page = true; /* so that nothing but the frames tells */
    world_open(w);
    world_write(w, 20, 5);
    int64_t whole = world_size(w, 1);
    assert_int_equal(world_append(w, 30), LEAT_OK);
    world_commit(w);
    uint64_t tx = model_reached(w->s->ops->state(w->s));
    int64_t longer = world_size(w, 1);
    kill_writer(w);
    cut_file(w, 1, longer - 1);
    world_expect(w, 20);
    reopen(w, LEAT_OK, "");
    model_check_state(&w->m, w->s->ops->state(w->s), 20);
    assert_int_equal(world_size(w, 1), whole);
    assert_int_equal(world_segments(w), 2); /* not written over: a new one */
    w->at = (model_place){21, 0};
    world_write(w, tx, 5);
    world_close(w);
    world_expect(w, tx);
}

static void test_rubbish_behind_the_end_is_cut(void **state)
{
    world *w = *state;
    static const char *const rubbish[] = {
        "rubbish", "\xf1lt\x01 and more that begins like a frame but is none",
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"};
    static const size_t len[] = {7, 50, 37};
    world_open(w);
    world_write(w, 10, 5);
    for (unsigned i = 0; i < 3; i++) {
        world_close(w);
        append_bytes(w, world_segments(w), (leat_str){rubbish[i], len[i]});
        world_expect(w, 10 + i);
        reopen(w, LEAT_OK, "");
        assert_int_equal(world_segments(w), 2 + i);
        world_write(w, 11 + i, 5);
    }
    world_expect(w, 13);
}

static void test_a_segment_that_was_never_begun(void **state)
{
    world *w = *state;
    world_open(w);
    world_write(w, 10, 5);
    world_close(w);
    char path[256];
    world_path(w, 2, path);
    assert_int_equal(leat_os_store(path, LEAT_STR("half of a checkpoint"), 0600), 0);
    world_expect(w, 10);
    reopen(w, LEAT_OK, "");
    world_write(w, 12, 5);
    world_expect(w, 12);
    world_close(w);
    cut_file(w, 1, 0); /* and the very first one */
    unlink(path);
}

static void test_a_first_start_that_was_cut_short(void **state)
{
    world *w = *state;
    w->no_page = true;
    world_open(w);
    world_close(w);
    cut_file(w, 1, 20);
    leat_reader *r = world_reader(w, (leat_reader_conf){0});
    assert_int_equal(leat_reader_next(r, &w->b, 0, &w->e), LEAT_AGAIN);
    reopen(w, LEAT_OK, "");
    world_write(w, 5, 5);
    world_close(w);
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    assert_int_equal(model_drain(&c, r, &w->e), LEAT_AGAIN);
    assert_int_equal(c.events, model_events(&w->m, 5));
    leat_reader_close(r);
}

static void add_text(leat_batch *b, const char *text)
{
    static const leat_schema string = {.type = LEAT_T_STRING};
    leat_event *ev = leat_batch_add(b, NULL);
    leat_record *r = LEAT_NEW(&b->arena, leat_record, 1);
    *r = (leat_record){.topic = "t", .value_schema = &string};
    r->value = leat_text(leat_str_of(text));
    ev->record = r;
    ev->tx = 7;
    ev->tx_seq = b->n;
}

/* Frames of a batch that failed stay in the file behind the place where the next ones go. If a
 * frame there is as long as the former one, what follows it in the file would be of the failed
 * batch: number and checksum fit, only the chain tells. */
static void test_frames_of_a_failed_batch_do_not_follow(void **state)
{
    world *w = *state;
    static const leat_position pos = {{"{}", 2}, {"1", 1}};
    w->no_page = true;
    w->conf.frame_bytes = 1;
    world_open(w);
    leat_batch_reset(&w->b); /* [wrong] [wrong END] and the third frame fails */
    for (unsigned i = 0; i < 4; i++) {
        add_text(&w->b, "wrong");
        if (i == 1) leat_batch_safe(&w->b, pos);
    }
    leat_fault_set("stream_append:3:ENOSPC");
    assert_int_equal(w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e), LEAT_RETRY);
    leat_fault_set(NULL);
    leat_batch_reset(&w->b); /* [right] is written, the second waits in memory */
    add_text(&w->b, "right");
    add_text(&w->b, "right");
    leat_batch_safe(&w->b, pos);
    assert_int_equal(w->s->ops->append(w->s, &w->b, (leat_str){0}, &w->e), LEAT_OK);
    kill_writer(w);
    leat_reader *r = world_reader(w, (leat_reader_conf){0});
    assert_int_equal(leat_reader_next(r, &w->b, 0, &w->e), LEAT_AGAIN);
    leat_reader_close(r);
    reopen(w, LEAT_OK, "");
    assert_int_equal(w->s->ops->state(w->s)->events, 0);
}

/* ---- damage ---- */

static void expect_damage(world *w)
{
    reopen(w, LEAT_FATAL, "stream.damaged");
    assert_non_null(strstr(w->e.where, ".seg"));
    leat_reader *r = NULL;
    leat_reader_conf conf = {.data = w->data, .connector = "shop"};
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    leat_rc rc = leat_reader_open(&conf, &r, &w->e);
    if (rc == LEAT_OK) rc = model_drain(&c, r, &w->e);
    assert_int_equal(rc, LEAT_FATAL);
    assert_string_equal(w->e.code, "stream.damaged");
    leat_reader_close(r);
}

/* Offsets of the frames of a segment. */
static unsigned frames_of(const world *w, uint64_t segment, int64_t *at, unsigned most)
{
    char dir[256];
    leat_walk k;
    leat_frame f;
    leat_str meta;
    leat_seen seen = LEAT_SEEN_BAD;
    unsigned n = 0;
    snprintf(dir, sizeof(dir), "%s/connectors/shop/stream", w->data);
    leat_walk_init(&k);
    assert_int_equal(leat_walk_open(&k, dir, segment, NULL), LEAT_OK);
    while (n < most && leat_walk_peek(&k, &f, &meta, &seen, NULL) == LEAT_OK &&
           seen == LEAT_SEEN_FRAME) {
        at[n++] = k.at.offset;
        leat_walk_pass(&k, &f);
    }
    leat_walk_free(&k);
    return n;
}

/* Only the frames tell: each but the last two is below a mark that a later one names. */
static void test_damage_is_known_from_later_frames(void **state)
{
    world *w = *state;
    int64_t at[100];
    w->no_page = true;
    world_open(w);
    world_write(w, 30, 5);
    world_close(w);
    unsigned n = frames_of(w, 1, at, 100);
    assert_true(n > 10);
    for (unsigned i = 0; i < n - 1; i++) {
        static const int64_t where[] = {0, 3, 8, 17, 26, 33, 37};
        int64_t byte = at[i] + where[i % 7];
        world_flip(w, 1, byte);
        reopen(w, LEAT_FATAL, "stream.damaged");
        if (i > 0) assert_non_null(strstr(w->e.msg, "offset"));
        world_flip(w, 1, byte);
    }
    reopen(w, LEAT_OK, "");
    model_check_state(&w->m, w->s->ops->state(w->s), 30);
}

static void test_damage_is_known_from_the_page(void **state)
{
    world *w = *state;
    world_open(w);
    world_write(w, 30, 5);
    world_close(w);
    int64_t size = world_size(w, 1), at[100];
    unsigned n = frames_of(w, 1, at, 100);
    world_flip(w, 1, at[n - 1] + 5); /* the last frame of all */
    expect_damage(w);
    world_flip(w, 1, at[n - 1] + 5);
    leat_buf whole = {0};
    char path[256];
    world_path(w, 1, path);
    leat_os_load(path, &whole, 1 << 20);
    cut_file(w, 1, size - 1);
    expect_damage(w);
    cut_file(w, 1, at[n - 1]);
    expect_damage(w);
    unlink(path);
    reopen(w, LEAT_FATAL, "stream.damaged"); /* all is gone */
    leat_os_store(path, leat_buf_str(&whole), 0600);
    leat_buf_free(&whole);
    reopen(w, LEAT_OK, "");
    model_check_state(&w->m, w->s->ops->state(w->s), 30);
}

static void test_damage_of_old_segments_is_met_by_readers(void **state)
{
    world *w = *state;
    int64_t at[100];
    w->conf.segment_bytes = 4096;
    w->conf.frame_bytes = 400;
    world_open(w);
    world_write(w, 200, 10);
    assert_true(world_segments(w) > 4);
    unsigned n = frames_of(w, 2, at, 100);
    for (unsigned i = 0; i < n; i++) {
        world_flip(w, 2, at[i] + 40);
        leat_reader *r = world_reader(w, (leat_reader_conf){.verify = true});
        model_consumer c;
        model_consumer_init(&c, &w->m, -1);
        assert_int_equal(model_drain(&c, r, &w->e), LEAT_FATAL);
        assert_string_equal(w->e.code, "stream.damaged");
        assert_non_null(strstr(w->e.where, "00000000000000000002.seg"));
        assert_true(c.events > 0 && c.events < model_events(&w->m, 200));
        leat_rc rc = leat_reader_next(r, &w->b, 0, &w->e); /* and again */
        assert_int_equal(rc, LEAT_FATAL);
        leat_reader_close(r);
        world_flip(w, 2, at[i] + 40);
    }
    world_expect(w, 200);
    cut_file(w, 2, at[n - 1]); /* at a frame's end: the next segment's first frame tells */
    leat_reader *r = world_reader(w, (leat_reader_conf){0});
    model_consumer c;
    model_consumer_init(&c, &w->m, -1);
    assert_int_equal(model_drain(&c, r, &w->e), LEAT_FATAL);
    assert_string_equal(w->e.code, "stream.damaged");
    leat_reader_close(r);
    world_close(w);
    char path[256];
    world_path(w, 3, path);
    unlink(path);
    reopen(w, LEAT_FATAL, "stream.damaged"); /* a hole */
}

static void test_streams_of_a_newer_leat_are_left_alone(void **state)
{
    world *w = *state;
    char path[256], c;
    world_open(w);
    world_write(w, 5, 5);
    world_close(w);
    world_path(w, 1, path);
    int fd = leat_os_now()->open(path, LEAT_O_READ | LEAT_O_WRITE, 0);
    leat_os_read_all(fd, &c, 1, 3);
    c = LEAT_FRAME_VERSION + 1;
    leat_os_write_all(fd, &c, 1, 3); /* the version of its first frame */
    leat_os_now()->close(fd);
    int64_t size = world_size(w, 1);
    reopen(w, LEAT_CONF, "stream.version");
    assert_int_equal(world_size(w, 1), size);
}

/* ---- claims ---- */

static void test_names_of_claims(void **state)
{
    (void)state;
    static const char *const names[] = {"a.b-c_D9", ".",  "..",       ".hidden",    "x/y", "%41",
                                        "a b",      "\n", "\xc3\xa4", "orders.tmp", "tmp"};
    leat_buf file = {0}, back = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        file.len = back.len = 0;
        leat_topics_escape(&file, leat_str_of(names[i]));
        *leat_buf_room(&file, 1) = '\0';
        assert_null(strpbrk(file.p, "/ \n"));
        assert_true(file.p[0] != '.');
        assert_true(file.len < 4 || strcmp(file.p + file.len - 4, ".tmp") != 0);
        assert_true(leat_topics_unescape(&back, leat_buf_str(&file)));
        assert_true(leat_str_is(leat_buf_str(&back), names[i]));
    }
    assert_string_equal((leat_buf_clear(&file), leat_topics_escape(&file, LEAT_STR("a.b-c_D9")),
                         leat_buf_u8(&file, 0), file.p),
                        "a.b-c_D9");
    static const char *const none[] = {"%", "%4", "%zz", "a b", ".a", "a/b"};
    for (size_t i = 0; i < 6; i++) assert_false(leat_topics_unescape(&back, leat_str_of(none[i])));
    leat_buf_free(&file);
    leat_buf_free(&back);
}

static void test_claims(void **state)
{
    world *w = *state;
    leat_arena a = {0};
    const char *owner;
    char path[256], name[300];
    leat_str topic = LEAT_STR("t/1");
    leat_claims me = {.data = w->data, .connector = "me"},
                you = {.data = w->data, .connector = "you"};
    assert_int_equal(leat_topics_claimed(w->data, topic, &a, &owner, &w->e), LEAT_AGAIN);
    assert_int_equal(leat_topics_owner(w->data, "t/1", &a, &owner, &w->e), LEAT_CONF);
    assert_non_null(strstr(w->e.msg, "no connector has written any yet"));
    assert_int_equal(leat_topics_claim(&me, topic, &w->e), LEAT_OK);
    assert_int_equal(leat_topics_claim(&me, topic, &w->e), LEAT_OK);
    assert_int_equal(leat_topics_claim(&you, topic, &w->e), LEAT_CONF);
    assert_string_equal(w->e.code, "topic.claimed");
    assert_int_equal(leat_topics_owner(w->data, "t/1", &a, &owner, &w->e), LEAT_OK);
    assert_string_equal(owner, "me");
    snprintf(path, sizeof(path), "%s/topics/t%%2F1", w->data);
    leat_buf text = {0};
    assert_int_equal(leat_os_load(path, &text, 100), 0);
    assert_true(leat_str_is(leat_buf_str(&text), "{\"connector\":\"me\"}\n"));
    assert_int_equal(leat_os_store(path, LEAT_STR("{}"), 0600), 0);
    assert_int_equal(leat_topics_claim(&me, topic, &w->e), LEAT_CONF);
    assert_string_equal(w->e.code, "topic.bad_claim");
    memset(name, 'x', sizeof(name));
    assert_int_equal(leat_topics_claim(&me, (leat_str){name, 300}, &w->e), LEAT_CONF);
    assert_string_equal(w->e.code, "topic.name");
    assert_int_equal(leat_topics_claim(&me, LEAT_STR(""), &w->e), LEAT_CONF);
    leat_buf_free(&text);
    leat_arena_free(&a);
    leat_topics_claims_free(&me);
    leat_topics_claims_free(&you);
}

static const leat_os *real;
static unsigned syncs;

static int count_sync_dir(const char *path)
{
    syncs++;
    return real->sync_dir(path);
}

static int count_datasync(int fd)
{
    syncs++;
    return real->datasync(fd);
}

static int no_link(const char *from, const char *to)
{
    (void)from;
    (void)to;
    return -EMLINK;
}

static void claim_many(world *w, leat_claims *c, const char *prefix, int n)
{
    char name[32];
    syncs = 0;
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "%s%d", prefix, i);
        assert_int_equal(leat_topics_claim(c, leat_str_of(name), &w->e), LEAT_OK);
    }
}

static void assert_owner(world *w, const char *topic, const char *want)
{
    leat_arena a = {0};
    const char *owner;
    assert_int_equal(leat_topics_claimed(w->data, leat_str_of(topic), &a, &owner, &w->e), LEAT_OK);
    assert_string_equal(owner, want);
    leat_arena_free(&a);
}

/* Many topics cost a few syncs, and what stands in a claim is never somebody else's. */
static void test_claims_share_a_sync(void **state)
{
    world *w = *state;
    char path[256];
    leat_claims me = {.data = w->data, .connector = "me"};
    real = leat_os_now();
    leat_os counting = *real;
    counting.sync_dir = count_sync_dir;
    counting.datasync = count_datasync;
    leat_os_use(&counting);
    assert_int_equal(leat_topics_settle(&me, &w->e), LEAT_OK);
    assert_int_equal(syncs, 0);
    claim_many(w, &me, "a", 100);
    assert_int_equal(syncs, 4); /* the first: two folders, its content, its name */
    assert_int_equal(leat_topics_settle(&me, &w->e), LEAT_OK);
    assert_int_equal(syncs, 5);
    assert_int_equal(leat_topics_settle(&me, &w->e), LEAT_OK);
    assert_int_equal(syncs, 5);
    assert_owner(w, "a99", "me");
    claim_many(w, &me, "a", 100); /* they may be of one that died */
    assert_int_equal(leat_topics_settle(&me, &w->e), LEAT_OK);
    assert_int_equal(syncs, 1);
    snprintf(path, sizeof(path), "%s/topics/a99", w->data); /* removed, and claimed by another */
    assert_int_equal(leat_os_store(path, LEAT_STR("{\"connector\":\"you\"}"), 0600), 0);
    claim_many(w, &me, "b", 2);
    assert_owner(w, "b1", "me");
    assert_owner(w, "a98", "me");
    counting.link = no_link;
    claim_many(w, &me, "c", 3);
    assert_int_equal(syncs, 6);
    assert_owner(w, "c2", "me");
    leat_os_use(NULL);
    leat_topics_claims_free(&me);
}

/* A process made the folder of the readers and died: the cursors that go there would be gone
 * with it when the machine dies too. */
static void test_readers_are_durable(void **state)
{
    world *w = *state;
    char stream[200], path[256];
    int lock = -1;
    snprintf(stream, sizeof(stream), "%s/connectors/sad/stream", w->data);
    snprintf(path, sizeof(path), "%s/readers", stream);
    assert_int_equal(leat_os_mkdirs(stream, 0700), 0);
    assert_int_equal(leat_os_now()->mkdir(path, 0700), 0);
    real = leat_os_now();
    leat_os counting = *real;
    counting.sync_dir = count_sync_dir;
    syncs = 0;
    leat_os_use(&counting);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(leat_readers_lock(stream, 0, &lock, &w->e), LEAT_OK);
        leat_os_now()->close(lock);
        assert_int_equal(syncs, 1);
    }
    leat_os_use(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_torn_end_is_cut),
        TEST(rubbish_behind_the_end_is_cut),
        TEST(a_segment_that_was_never_begun),
        TEST(a_first_start_that_was_cut_short),
        TEST(frames_of_a_failed_batch_do_not_follow),
        TEST(damage_is_known_from_later_frames),
        TEST(damage_is_known_from_the_page),
        TEST(damage_of_old_segments_is_met_by_readers),
        TEST(streams_of_a_newer_leat_are_left_alone),
        TEST(names_of_claims),
        TEST(claims),
        TEST(claims_share_a_sync),
        TEST(readers_are_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
