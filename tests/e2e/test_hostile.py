"""Clients that mean no good, by raw sockets: half requests, huge heads, thousands of connections,
bodies that never end, answers that nobody reads. The hub goes on answering others, and its memory
and descriptors stay bounded."""

import contextlib
import os
import random
import resource
import socket
import time

import pytest
from hub import Hub
from servers.process import until

CONNECTIONS = 2000


@pytest.fixture
def many_files():
    """Descriptors for both ends' sake."""
    was = resource.getrlimit(resource.RLIMIT_NOFILE)
    if was[1] < CONNECTIONS + 500:
        pytest.skip(f"only {was[1]} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(was[0], CONNECTIONS + 500), was[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, was)


@contextlib.contextmanager
def connection(hub, seconds=60):
    with socket.create_connection(("127.0.0.1", hub.port), timeout=seconds) as s:
        yield s


def send(hub, data, seconds=60):
    """What comes back until the hub ends the connection; absent bytes are a fault of its own."""
    got = b""
    with connection(hub, seconds) as s:
        try:
            s.sendall(data)
            while piece := s.recv(65536):
                got += piece
                if b"\r\n\r\n" in got and b"close" not in got.lower():
                    break
        except (ConnectionResetError, BrokenPipeError):
            pass  # it would not read all of that
    return got


def memory(leat):
    with open(f"/proc/{leat.process.pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def descriptors(hub):
    lines = hub.ask("GET", "/metrics").text.split("\n")
    return int(next(line for line in lines if line.startswith("process_open_fds ")).split()[1])


def test_thousands_of_connections_and_half_requests(leat, many_files, scratch):
    at = os.path.join(scratch, "hostile.sock")
    hub = Hub(leat, "--max-connections", "500", "--socket", at)
    halves = [b"", b"G", b"GET /conn", b"GET / HTTP/1.1\r\n",
              b"GET / HTTP/1.1\r\nHost: localhost\r\n",
              b"POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"]
    held = []
    before = descriptors(hub)
    for i in range(CONNECTIONS):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", hub.port))
        held.append(s)
    for i, s in enumerate(held):
        with contextlib.suppress(OSError):
            s.send(halves[i % len(halves)])
    # Whoever sits at the machine still gets in.
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(120)
        s.connect(at)
        s.sendall(b"GET /connectors HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200")
    assert memory(leat) < 400 << 20
    for s in held:
        s.close()
    assert hub.ask("GET", "/connectors", seconds=120).status == 200
    until(lambda: descriptors(hub) <= before + 20, 120, "the connections to be gone")
    assert leat.stop() == 0


def test_heads_and_lines_that_are_too_long(leat):
    hub = Hub(leat)
    long = b"x" * (1 << 20)
    for data in (
        b"GET /" + long + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + long + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 100000 + b"\r\n",
        b"GET /?" + b"a=b&" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        long,
    ):
        answer = send(hub, data)
        assert answer == b"" or answer.split()[1] in (b"400", b"413", b"414", b"431"), answer[:100]
    assert hub.get("/connectors") == []
    assert memory(leat) < 300 << 20
    assert leat.stop() == 0


def test_bodies_that_lie(leat):
    hub = Hub(leat)
    head = b"POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    lies = {
        b"Content-Length: 99999999999999999999\r\n\r\n": (b"400", b"413"),
        b"Content-Length: -1\r\n\r\n": (b"400", b"413"),
        b"Content-Length: 2\r\nContent-Length: 5\r\nConnection: close\r\n\r\n{}": (b"400",),
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n": (b"400",),
        b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b" " * 65536 + b"\r\n": (),
        b"Content-Length: 5\r\nConnection: close\r\n\r\n{\"a\"": (),
    }
    for lie, right in lies.items():
        with connection(hub) as s:
            s.sendall(head + lie)
            if right:
                got = s.recv(65536)
                assert got == b"" or got.split()[1] in right, (lie, got)
    # More than a body may have, in chunks that do not say how many they are.
    with connection(hub) as s:
        s.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(1000):
                s.sendall(b"8000\r\n" + b" " * 0x8000 + b"\r\n")
    assert hub.get("/connectors") == []
    assert leat.stop() == 0


def test_clients_that_drip_are_cut_off(leat):
    """One byte a second is never silence; the whole must arrive in time."""
    hub = Hub(leat, "--request-timeout", "3")
    begun = time.monotonic()
    with connection(hub) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        with pytest.raises(OSError):
            while time.monotonic() < begun + 240:
                s.sendall(b"x")
                s.settimeout(1)
                try:
                    if s.recv(1) == b"":
                        raise ConnectionResetError
                except TimeoutError:
                    pass
    assert hub.get("/connectors") == []


def test_noise(leat):
    """Bytes at random, and requests with some of them changed: an answer of the 400s, or none."""
    hub = Hub(leat)
    dice = random.Random(8)
    good = (f"PUT /connectors/x/config?a=b HTTP/1.1\r\nHost: {hub.worker}\r\nAuthorization: Basic "
            "eDp5\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n"
            "\r\n{}").encode()
    for i in range(150):
        data = bytearray(good if i % 3 else dice.randbytes(dice.randrange(1, 3000)))
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with connection(hub) as s:
            s.sendall(data)
            s.settimeout(0.5)  # one that waits for more of it is not waited for
            with contextlib.suppress(ConnectionResetError, TimeoutError):
                got = s.recv(65536)
                status = int(got.split()[1]) if got else 400
                assert 200 <= status < 500, (bytes(data), got)
    assert hub.get("/connectors") == []
    assert leat.stop() == 0
