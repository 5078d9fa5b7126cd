/* base/log: both forms of a line, escaping, levels, limited call sites, the tail, many threads. */
#include "test.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static int64_t virtual_us = 1795256100123456;

static int64_t virtual_now(void)
{
    return virtual_us;
}

static void virtual_sleep(int64_t us)
{
    virtual_us += us;
}

static const leat_clock frozen = {virtual_now, virtual_now, virtual_sleep};
static int out[2];

static int set_up(void **state)
{
    (void)state;
    leat_clock_use(&frozen);
    virtual_us += 60 * 1000000;
    virtual_us -= virtual_us % 1000000 - 123456;
    if (pipe(out) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0) return -1;
    return fcntl(out[1], F_SETFL, O_NONBLOCK);
}

static int tear_down(void **state)
{
    (void)state;
    leat_log_setup(LEAT_INFO, false, NULL, 2);
    leat_log_task(-1);
    close(out[0]);
    close(out[1]);
    return 0;
}

/* What was written since the last call, stamps taken off. */
static const char *written(void)
{
    static char text[65536];
    ssize_t n = read(out[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    char z[LEAT_ISO_MAX], *from = text, *to = text, *line;
    leat_iso_us(virtual_us, 3, z);
    while ((line = strstr(from, z))) {
        memmove(to, from, (size_t)(line - from));
        to += line - from;
        from = line + strlen(z);
    }
    memmove(to, from, strlen(from) + 1);
    return text;
}

static void test_logfmt(void **state)
{
    (void)state;
    leat_log_setup(LEAT_INFO, false, NULL, out[1]);
    leat_log(LEAT_INFO, "stream.opened", "segments=%d mark=%d", 3, 8123);
    assert_string_equal(written(), " INFO stream.opened segments=3 mark=8123\n");
    leat_log_setup(LEAT_INFO, false, "orders", out[1]);
    leat_log_task(0);
    errno = 17;
    leat_log(LEAT_WARN, "stream.opened", "a\n\tb\r\x1b[0m \x7f caf\xe9 \xc3\xa4");
    assert_int_equal(errno, 17);
    assert_string_equal(written(), " WARN connector=orders task=0 stream.opened "
                                   "a\\n\\tb\\r\\x1b[0m \\x7f caf? \xc3\xa4\n");
    leat_log_setup(LEAT_INFO, false, "my \"orders\"", out[1]);
    leat_log_task(-1);
    leat_log(LEAT_ERROR, "code", "%s", "");
    assert_string_equal(written(), " ERROR connector=\"my \\\"orders\\\"\" code\n");
}

static void test_json(void **state)
{
    (void)state;
    leat_log_setup(LEAT_DEBUG, true, "orders", out[1]);
    leat_log_task(2);
    leat_log(LEAT_INFO, "code", "a=1 \"b\"\n\xe9");
    assert_string_equal(written(),
                        "{\"time\":\"\",\"level\":\"INFO\",\"connector\":\"orders\","
                        "\"task\":2,\"code\":\"code\",\"text\":\"a=1 \\\"b\\\"\\n?\"}\n");
    leat_log_line(LEAT_DEBUG, "../src/base/x.c", 7, "code", "x");
    assert_non_null(strstr(written(), "\"file\":\"base/x.c\",\"line\":7,"));
    leat_err e;
    leat_fail(&e, LEAT_CONF, "postgres.slot_missing", "a \"b\"", "no slot");
    leat_log_err(LEAT_ERROR, &e);
    leat_arena a = {0};
    const leat_json *j;
    assert_int_equal(leat_json_parse(&a, leat_str_of(written()), &j, NULL), LEAT_OK);
    assert_true(leat_str_is(leat_json_get_str(j, "rc"), "conf"));
    assert_true(leat_str_is(leat_json_get_str(j, "where"), "a \"b\""));
    assert_true(leat_str_is(leat_json_get_str(j, "code"), "postgres.slot_missing"));
    assert_true(leat_str_is(leat_json_get_str(j, "text"), "no slot"));
    leat_arena_free(&a);
}

static void test_err(void **state)
{
    (void)state;
    leat_err e;
    leat_log_setup(LEAT_INFO, false, NULL, out[1]);
    leat_fail(&e, LEAT_RETRY, "os.enospc", "data/1.seg", "cannot write:\nno space");
    leat_log_err(LEAT_ERROR, &e);
    leat_log_err(LEAT_DEBUG, &e);
    leat_fail(&e, LEAT_DATA, "x.y", "a b=c", "m");
    leat_log_err(LEAT_ERROR, &e);
    leat_fail(&e, LEAT_DATA, "x.y", "", "m");
    leat_log_err(LEAT_ERROR, &e);
    assert_string_equal(written(),
                        " ERROR os.enospc rc=retry where=data/1.seg cannot write:\\nno space\n"
                        " ERROR x.y rc=data where=\"a b=c\" m\n"
                        " ERROR x.y rc=data m\n");
}

static void test_levels(void **state)
{
    (void)state;
    leat_level level = LEAT_WARN;
    assert_true(leat_log_level_parse(LEAT_STR("trace"), &level) && level == LEAT_TRACE);
    assert_true(leat_log_level_parse(LEAT_STR("DEBUG"), &level) && level == LEAT_DEBUG);
    assert_true(leat_log_level_parse(LEAT_STR("Error"), &level) && level == LEAT_ERROR);
    assert_false(leat_log_level_parse(LEAT_STR("warning"), &level));
    assert_false(leat_log_level_parse(LEAT_STR(""), &level));
    assert_int_equal(level, LEAT_ERROR);
    leat_log_setup(LEAT_WARN, false, NULL, out[1]);
    leat_log(LEAT_INFO, "code", "no");
    leat_log(LEAT_WARN, "code", "yes");
    leat_log_level(LEAT_TRACE);
    assert_int_equal(leat_log_level_now(), LEAT_TRACE);
    leat_log_line(LEAT_TRACE, "src/base/x.c", 7, "code", "x");
    leat_log_line(LEAT_DEBUG, "elsewhere/x.c", 8, "code", "x");
    assert_string_equal(written(),
                        " WARN code yes\n TRACE at=base/x.c:7 code x\n DEBUG at=x.c:8 code x\n");
}

static unsigned lines_of(const char *text)
{
    unsigned n = 0;
    for (; (text = strchr(text, '\n')); text++) n++;
    return n;
}

static void test_limit(void **state)
{
    (void)state;
    leat_log_setup(LEAT_DEBUG, false, NULL, out[1]);
    for (int round = 0; round < 2; round++) {
        leat_log_task(3);
        for (int i = 0; i < 50; i++) leat_log(LEAT_WARN, "noisy.site", "n=%d", i);
        for (int i = 0; i < 12; i++) leat_log(LEAT_DEBUG, "debug.site", "n=%d", i);
        leat_log_task(-1);
        leat_log(LEAT_INFO, "other.site", "x");
        const char *text = written();
        assert_int_equal(lines_of(text), 23);
        assert_non_null(strstr(text, "n=9\n"));
        assert_null(strstr(text, "noisy.site n=10\n"));
        assert_null(strstr(text, "log.limited"));
        virtual_us += 10 * 1000000;
        leat_log(LEAT_INFO, "other.site", "y");
        assert_string_equal(written(), " WARN task=3 log.limited of=noisy.site lines=40 not shown\n"
                                       " INFO other.site y\n");
        virtual_us += 10 * 1000000;
    }
    virtual_us -= 3600 * INT64_C(1000000);
    leat_log(LEAT_INFO, "other.site", "the clock went back");
    assert_int_equal(lines_of(written()), 1);
    for (int i = 0; i < 13; i++) leat_log(LEAT_WARN, "noisy.site", "n=%d", i);
    assert_int_equal(lines_of(written()), 10);
    for (int again = 0; again < 2; again++) leat_log_end();
    assert_string_equal(written(), " WARN log.limited of=noisy.site lines=3 not shown\n");
}

/* More sites than are remembered: the oldest gives way and tells what it swallowed. */
static void test_many_sites(void **state)
{
    (void)state;
    leat_log_setup(LEAT_INFO, false, NULL, out[1]);
    for (int i = 0; i < 15; i++) leat_log_line(LEAT_INFO, "x.c", 1, "first", "x");
    assert_int_equal(lines_of(written()), 10);
    for (int line = 2; line < 200; line++) {
        virtual_us += 1000;
        leat_log_line(LEAT_INFO, "x.c", line, "more", "x");
    }
    const char *text = written();
    assert_int_equal(lines_of(text), 199);
    assert_non_null(strstr(text, "log.limited of=first lines=5 not shown\n"));
}

static void test_tail(void **state)
{
    (void)state;
    leat_log_setup(LEAT_DEBUG, false, NULL, -1);
    leat_buf b = {0};
    for (int i = 0; i < 450; i++) leat_log(LEAT_DEBUG, "code", "n=%d", i);
    leat_log_since(0, &b);
    leat_buf_u8(&b, '\0');
    assert_int_equal(lines_of(b.p), 200);
    assert_non_null(strstr(b.p, "code n=250\n"));
    assert_null(strstr(b.p, "code n=249\n"));
    assert_true(strstr(b.p, "n=250\n") < strstr(b.p, "n=449\n"));
    leat_buf_free(&b);
    assert_string_equal(written(), "");
}

static void test_long(void **state)
{
    (void)state;
    char text[5000];
    leat_log_setup(LEAT_INFO, false, NULL, out[1]);
    for (size_t at = 1995; at < 2005; at++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + at, "\xf0\x9f\x98\x80", 4);
        text[4999] = '\0';
        virtual_us += 60 * 1000000;
        leat_log(LEAT_INFO, "code", "%s", text);
        const char *line = written();
        assert_true(leat_str_utf8(leat_str_of(line)));
        assert_null(strchr(line, '?'));
        size_t len = strlen(line) - strlen(" INFO code \n");
        assert_int_equal(len, at > 1996 && at < 2000 ? at : 2000);
    }
}

enum { THREADS = 4, LINES = 300 };

static void *write_lines(void *arg)
{
    leat_log_task(*(int *)arg);
    for (int i = 0; i < LINES; i++) leat_log(LEAT_DEBUG, "code", "n=%d end", i);
    return NULL;
}

/* Nobody reads the pipe until it is full: lines are lost there, but never torn or waited for. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    int task[THREADS];
    leat_log_setup(LEAT_DEBUG, false, NULL, out[1]);
    for (int i = 0; i < THREADS; i++) {
        task[i] = i;
        assert_int_equal(pthread_create(&thread[i], NULL, write_lines, &task[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    leat_buf b = {0};
    leat_log_since(0, &b);
    leat_str rest = leat_buf_str(&b);
    unsigned lines = 0;
    for (; rest.len > 0; lines++) {
        leat_str line = leat_str_cut(&rest, '\n');
        assert_memory_equal(line.s + 24, " DEBUG task=", 12);
        assert_memory_equal(line.s + line.len - 4, " end", 4);
    }
    assert_int_equal(lines, 200);
    leat_buf_free(&b);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_logfmt),     T(test_json), T(test_err),  T(test_levels),  T(test_limit),
        T(test_many_sites), T(test_tail), T(test_long), T(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
