/* system/postgres/pace: when gulps begin and end, and what becomes of the receive window. */
#include "test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
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

/* Bytes that the socket takes before the sender has to stop. */
static int room_of(int fd)
{
    int bytes = 0;
    socklen_t len = sizeof(bytes);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len), 0);
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

/* To the end of a gulp. */
static void nap(leat_pg_pace *p)
{
    while (!leat_pg_pace_gather(p)) continue;
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
    assert_true(p.narrow);
    int narrow = room_of(fd[0]);
    assert_true(narrow <= 400 << 10);
    int64_t now = p.since_us;
    for (int i = 0; i < 100; i++) { /* goes on while much comes */
        nap(&p);
        leat_pg_pace_took(&p, MUCH / 4);
        leat_pg_pace_judge(&p, fd[0], now += 2000);
        assert_true(p.gulping);
    }
    while (p.gulping) { /* less and less */
        nap(&p);
        leat_pg_pace_took(&p, 100);
        leat_pg_pace_judge(&p, fd[0], now += 2000);
        assert_true(now < START + 1000000);
    }
    assert_false(p.narrow);
    assert_true(room_of(fd[0]) > narrow);
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
    assert_false(leat_pg_pace_gather(&p)); /* the server is told of the room ... */
    assert_true(p.told);
    assert_true(leat_pg_pace_gather(&p)); /* ... before it is waited for */
    assert_false(p.told);
    leat_pg_pace_judge(&p, fd[0], p.since_us + 2000);
    assert_false(p.gulping);
    close_pair(fd);
}

/* After a nap, look after look until one brings little. */
static void drains(void **state)
{
    (void)state;
    int fd[2];
    tcp_pair(fd);
    leat_pg_pace p = gulping(fd[0]);
    nap(&p);
    size_t before = p.before;
    for (int i = 0; i < 50; i++) {
        leat_pg_pace_took(&p, MUCH / 2);
        assert_true(leat_pg_pace_gather(&p));
        assert_int_equal(p.before, before);
    }
    leat_pg_pace_took(&p, 100);
    assert_false(leat_pg_pace_gather(&p)); /* the server is told ... */
    leat_pg_pace_took(&p, MUCH);
    assert_true(leat_pg_pace_gather(&p));
    leat_pg_pace_took(&p, 100);
    assert_false(leat_pg_pace_gather(&p)); /* ... of what became room since, too */
    nap(&p);
    assert_int_equal(p.before, p.taken);
    leat_pg_pace_end(&p, fd[0]);
    close_pair(fd);
}

/* The more comes the longer are the naps, and shorter again. */
static void naps(void **state)
{
    (void)state;
    int fd[2];
    tcp_pair(fd);
    leat_pg_pace p = gulping(fd[0]);
    int64_t shortest = p.nap_us;
    nap(&p);
    for (int i = 0; i < 8; i++) {
        leat_pg_pace_took(&p, 1 << 20);
        assert_true(leat_pg_pace_gather(&p));
        nap(&p);
    }
    assert_true(p.nap_us > 4 * shortest && p.nap_us <= 16000);
    for (int i = 0; i < 8; i++) {
        leat_pg_pace_took(&p, 1000);
        nap(&p);
    }
    assert_int_equal(p.nap_us, shortest);
    leat_pg_pace_end(&p, fd[0]);
    close_pair(fd);
}

/* Whatever the sender's packets were before, a narrow window lets all through, and fast. */
static void narrow_window(void **state)
{
    (void)state;
    enum { BYTES = 64 << 20 }; /* with a timer of 200 ms for each window: 100 s */
    static char bytes[256 << 10];
    int fd[2];
    size_t sent = 0, taken = 0;
    bool narrow = false;
    tcp_pair(fd);
    int64_t begun = leat_mono_us();
    leat_pg_pace p = {.since_us = begun};
    while (taken < BYTES) {
        for (ssize_t n; sent < BYTES; sent += (size_t)n)
            if ((n = send(fd[1], bytes, sizeof(bytes), MSG_DONTWAIT)) <= 0) break;
        ssize_t n = recv(fd[0], bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n > 0) leat_pg_pace_took(&p, (size_t)n);
        if (n > 0) taken += (size_t)n;
        leat_pg_pace_judge(&p, fd[0], leat_mono_us());
        narrow |= p.narrow;
        if (p.gulping && !leat_pg_pace_gather(&p))
            assert_int_equal(send(fd[0], "u", 1, 0), 1); /* a status update */
        assert_true(leat_mono_us() - begun < 60000000);
    }
    assert_true(narrow);
    close_pair(fd);
}

static void unix_socket(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    leat_pg_pace p = gulping(fd[0]);
    assert_false(p.tcp || p.narrow);
    int64_t shortest = p.nap_us;
    for (int i = 0; i < 3; i++) { /* naps that bring little become longer ... */
        leat_pg_pace_gather(&p);
        leat_pg_pace_took(&p, 1000);
    }
    int64_t longer = p.nap_us;
    assert_true(longer > shortest && longer <= 2000);
    for (int i = 0; i < 9; i++) { /* ... and those that bring much shorter, before it is full */
        leat_pg_pace_took(&p, MUCH);
        leat_pg_pace_gather(&p);
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
        cmocka_unit_test(drains),          cmocka_unit_test(naps),
        cmocka_unit_test(narrow_window),   cmocka_unit_test(unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
