/* system/postgres/pace: when gulps begin and end, and what becomes of the socket's mark. */
#include "test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/postgres/pace.h"

enum { START = 1000000, MUCH = 32 << 10 };

/* Two ends of a connection. */
static void tcp_pair(int fd[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd[0], (struct sockaddr *)&at, sizeof(at)), 0);
    fd[1] = accept(listener, NULL, NULL);
    assert_true(fd[1] >= 0);
    close(listener);
}

static void close_pair(const int fd[2])
{
    close(fd[0]);
    close(fd[1]);
}

static int mark_of(int fd)
{
    int bytes = 0;
    socklen_t len = sizeof(bytes);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, &len), 0);
    return bytes;
}

/* The pace of a reader that has just begun to gulp. */
static leat_pg_pace gulping(int fd)
{
    leat_pg_pace p = {.since_us = START};
    leat_pg_pace_took(&p, MUCH);
    leat_pg_pace_judge(&p, fd, START + 5000);
    assert_true(p.gulping);
    return p;
}

static void little(void **state)
{
    (void)state;
    int fd[2];
    tcp_pair(fd);
    leat_pg_pace p = {.since_us = START};
    for (int i = 1; i <= 1000; i++) { /* a hundred changes a second */
        leat_pg_pace_took(&p, 300);
        leat_pg_pace_judge(&p, fd[0], START + i * 10000);
        assert_false(p.gulping);
    }
    leat_pg_pace_took(&p, MUCH - 1); /* a transaction of two hundred */
    leat_pg_pace_judge(&p, fd[0], p.since_us + 1000);
    assert_false(p.gulping);
    assert_int_equal(mark_of(fd[0]), 1);
    close_pair(fd);
}

static void much_but_slowly(void **state)
{
    (void)state;
    int fd[2];
    tcp_pair(fd);
    leat_pg_pace p = {.since_us = START};
    leat_pg_pace_took(&p, 10 * MUCH);
    leat_pg_pace_judge(&p, fd[0], START + 1000000);
    assert_false(p.gulping);
    close_pair(fd);
}

static void begins_and_ends(void **state)
{
    (void)state;
    int fd[2];
    tcp_pair(fd);
    leat_pg_pace p = gulping(fd[0]);
    assert_true(p.low_water);
    assert_true(mark_of(fd[0]) > MUCH);
    int64_t now = p.since_us;
    for (int i = 0; i < 100; i++) { /* goes on while much comes */
        assert_int_equal(leat_pg_pace_gather(&p, fd[0]), 0);
        leat_pg_pace_took(&p, MUCH / 4);
        leat_pg_pace_judge(&p, fd[0], now += 2000);
        assert_true(p.gulping);
    }
    while (p.gulping) { /* less and less */
        assert_int_equal(leat_pg_pace_gather(&p, fd[0]), 0);
        leat_pg_pace_took(&p, 100);
        leat_pg_pace_judge(&p, fd[0], now += 2000);
        assert_true(now < START + 1000000);
    }
    assert_int_equal(mark_of(fd[0]), 1);
    close_pair(fd);
}

/* The end of a burst costs one gulp that brings nothing. */
static void empty_gulp(void **state)
{
    (void)state;
    int fd[2];
    tcp_pair(fd);
    leat_pg_pace p = gulping(fd[0]);
    leat_pg_pace_took(&p, 2 * MUCH);
    assert_int_equal(leat_pg_pace_gather(&p, fd[0]), 0);
    leat_pg_pace_judge(&p, fd[0], p.since_us + 2000);
    assert_false(p.gulping);
    assert_int_equal(mark_of(fd[0]), 1);
    close_pair(fd);
}

/* Bytes that are fewer than the mark are there to be read after a gulp. */
static void few_bytes(void **state)
{
    (void)state;
    int fd[2];
    char byte;
    tcp_pair(fd);
    leat_pg_pace p = gulping(fd[0]);
    assert_int_equal(write(fd[1], "x", 1), 1);
    assert_int_equal(leat_pg_pace_gather(&p, fd[0]), 0);
    assert_int_equal(recv(fd[0], &byte, 1, MSG_DONTWAIT), 1);
    leat_pg_pace_end(&p, fd[0]);
    assert_int_equal(mark_of(fd[0]), 1);
    close_pair(fd);
}

/* While the mark is reached each piece is waited for; where it is not, what is there is taken. */
static void pieces(void **state)
{
    (void)state;
    int fd[2];
    char bytes[16 << 10] = {0};
    size_t sent = 0, taken = 0;
    tcp_pair(fd);
    leat_pg_pace p = gulping(fd[0]);
    assert_false(leat_pg_pace_waits(&p));
    for (ssize_t n; (n = send(fd[1], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0;) sent += (size_t)n;
    assert_true(sent > (size_t)mark_of(fd[0]));
    assert_int_equal(leat_pg_pace_gather(&p, fd[0]), 0);
    while (leat_pg_pace_waits(&p)) {
        ssize_t n = recv(fd[0], bytes, sizeof(bytes), MSG_DONTWAIT);
        assert_true(n > 0);
        taken += (size_t)n;
        leat_pg_pace_took(&p, (size_t)n);
        assert_int_equal(leat_pg_pace_gather(&p, fd[0]), 0);
    }
    assert_true(taken < sent && taken + (size_t)mark_of(fd[0]) + sizeof(bytes) > sent);
    leat_pg_pace_end(&p, fd[0]);
    assert_false(leat_pg_pace_waits(&p));
    close_pair(fd);
}

static void unix_socket(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    leat_pg_pace p = gulping(fd[0]);
    assert_false(p.low_water);
    assert_int_equal(mark_of(fd[0]), 1);
    int64_t shortest = p.nap_us;
    for (int i = 0; i < 3; i++) { /* naps that bring little become longer ... */
        assert_int_equal(leat_pg_pace_gather(&p, fd[0]), 0);
        leat_pg_pace_took(&p, 1000);
    }
    int64_t longer = p.nap_us;
    assert_true(longer > shortest && longer <= 2000);
    for (int i = 0; i < 9; i++) { /* ... and those that bring much shorter, before it is full */
        leat_pg_pace_took(&p, MUCH);
        assert_int_equal(leat_pg_pace_gather(&p, fd[0]), 0);
    }
    assert_int_equal(p.nap_us, shortest);
    leat_pg_pace_end(&p, fd[0]);
    assert_false(p.gulping);
    close_pair(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little),          cmocka_unit_test(much_but_slowly),
        cmocka_unit_test(begins_and_ends), cmocka_unit_test(empty_gulp),
        cmocka_unit_test(few_bytes),       cmocka_unit_test(pieces),
        cmocka_unit_test(unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
