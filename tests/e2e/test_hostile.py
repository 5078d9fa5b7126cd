"""Clients that mean no good, by raw sockets: half requests, huge heads, thousands of connections,
bodies that never end, answers that nobody reads. The hub goes on answering others, and its memory
and descriptors stay bounded."""

import contextlib
import copy
import json
import os
import random
import resource
import socket
import time
import urllib.parse

import pytest
import routes
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


# ---- bodies and parameters that make no sense, for every route there is

ODD = [None, True, False, 0, -1, 1.5, 1e308, 2**63, -(2**63), "", " ", "x", "\0", "a\0b", "\u2028",
       "\U0001f600", "${", "${env:HOME}", "${nope:x}", "../..", "/", "%00", "***", "y" * 5000, [],
       {}, [[]], [{}], {"": ""}, {"a": {"b": [None]}}, "1", "true", "-1", "9" * 30,
       "1970-01-01T00:00:00Z"]
BODIES = {
    "NewConnector": {"name": "n", "initial_state": "STOPPED", "config": {
        "connector.class": "datagen", "topic.prefix": "n", "tasks.max": "1"}},
    "Config": {"connector.class": "datagen", "topic.prefix": "g", "datagen.rate": "10",
               "name": "gen"},
    "ConfigPatch": {"datagen.rate": "20", "limits.cpu": None},
    "DemoDeed": {"do": "kill", "rate": 20},
    "NewVerification": {"tables": ["public.t"], "load": 10, "wait": 1, "repair": False},
    "Offsets": {"offsets": [{"partition": {"datagen": "g"}, "offset": {"n": 1}}]},
    "OffsetsPreview": {"offsets": [{"partition": {"datagen": "g"}, "offset": {"n": 1}}],
                       "reset": False},
    "LoggerLevel": {"level": "INFO"},
    "Statements": {"ksql": "SHOW CONNECTORS; DESCRIBE CONNECTOR gen;",
                   "streamsProperties": {}, "sessionVariables": {"a": "b"}},
    "Query": {"sql": "SELECT op, count(*) FROM events GROUP BY op", "max_rows": 10,
              "timeout_ms": 2000},
    "Trial": {"name": "gen", "config": {"connector.class": "datagen", "topic.prefix": "g"},
              "connection": "c1", "strategy": "wal"},
    "NewConnection": {"name": "c2", "type": "postgres", "strategy": "wal",
                      "parameters": {"port": 1, "host": "127.0.0.1"}},
    "ConnectionPatch": {"strategy": "query", "parameters": {"port": 2, "password": None}},
    "NewGrant": {"kind": "token", "name": "t", "role": "viewer", "days": 7, "password": "12345678"},
    "DeadLetterEdit": {"after": {"id": 1, "name": "x"}},
    "DeadLetterChoice": {"ids": [1, 2], "all": False, "table": "a.b", "topic": "t", "code": "c"},
    "Signal": {"id": "1", "type": "log", "data": {"message": "x", "data-collections": ["a.b"]}},
}


def places(value, at=()):
    """Where something stands in it, as a list of steps."""
    yield at
    steps = value.items() if isinstance(value, dict) else enumerate(
        value if isinstance(value, list) else [])
    for step, inner in steps:
        yield from places(inner, (*at, step))


def bent(dice, body):
    """A copy with something else in one or two places, or without something, or with more."""
    body = copy.deepcopy(body)
    for _ in range(dice.randrange(1, 3)):
        at = dice.choice(list(places(body)))
        if not at:
            if dice.random() < 0.2:
                return dice.choice(ODD)
            continue
        inner = body
        for step in at[:-1]:
            inner = inner[step]
        how = dice.randrange(4)
        if how == 0:
            del inner[at[-1]]
        elif how == 1 and isinstance(inner, dict):
            inner[str(dice.choice(ODD))[:200]] = dice.choice(ODD)
        else:
            inner[at[-1]] = dice.choice(ODD)
    return body


def sent(dice, body):
    """As text; now and then cut off, or with bytes changed."""
    text = json.dumps(body, ensure_ascii=dice.random() < 0.5)
    if dice.random() < 0.1:
        return text[: dice.randrange(len(text))]
    if dice.random() < 0.1:
        return text.replace(dice.choice(text), dice.choice('{}[],:"\\x'), 1)
    return text


def test_no_body_or_parameter_is_a_fault_of_the_hubs(leat):
    """Each answer is one of the 200s or 400s, of JSON and with a message; nothing hangs or dies.
    SEED and ROUNDS in the environment: others, and more of them."""
    dice = random.Random(int(os.environ.get("SEED", "8")))
    hub = Hub(leat)
    hub.make("gen", datagen_events="100", datagen_stay="true", topic_prefix="g")
    hub.wait_events("gen", 1)
    saved = {"name": "c1", "type": "postgres", "parameters": {"port": 1}}
    assert hub.ask("POST", "/hub/v1/connections?test=false", saved).status == 201
    names = {"connector": "gen", "task": 0, "plugin": "datagen", "logger": "root", "id": 1,
             "system": "postgres", "connection": "c1", "topic": "g.datagen.t1"}
    document, kind = hub.get("/hub/v1/openapi.json"), {"Content-Type": "application/json"}
    tried = [r for r in routes.all_of(document, names)
             if not r[1].endswith("/upgrade") and (r[0] != "DELETE" or "offsets" in r[1])]
    assert {body for *_, body in tried if body} == set(BODIES)
    for i in range(int(os.environ.get("ROUNDS", "400"))):
        method, path, query, schema = tried[i % len(tried)]
        body = sent(dice, bent(dice, BODIES[schema])).encode() if schema else None
        if dice.random() < 0.2:
            parts = path.split("/")
            odd = str(dice.choice(ODD))[:100]
            parts[dice.randrange(1, len(parts))] = urllib.parse.quote(odd, safe="")
            path = "/".join(parts)
        if query and dice.random() < 0.7:
            path += "?" + urllib.parse.urlencode({q: str(dice.choice(ODD))[:500] for q in query})
        told = (i, method, path, body)
        try:
            answer = hub.ask(method, path, body, kind if schema else None, seconds=180)
        except OSError as e:
            raise AssertionError(f"{told}: {e!r}, the hub: {leat.process.status}") from e
        told = (*told, answer.status, answer.text[:500])
        assert answer.status < 500 or answer.status == 503, told
        if answer.status >= 400 and answer.headers.get("content-type") == "application/json":
            assert answer.json["message"] and "error_code" in answer.json, told
    assert hub.state("gen") in ("RUNNING", "PAUSED", "STOPPED", "FAILED", "UNASSIGNED",
                                "RESTARTING")
    assert leat.stop() == 0
