"""Load, and what happens to machines in a year: after each the stream is the tables, every change
is there once, the ledger balances and the server may let its log go. Kills and a broken network are
the tests of every day, more often; so are the fault points, with every action."""

import contextlib
import os
import signal
import socket
import time

import pytest
from load import CREATE, Load, check, properties
from servers.process import sh, until
from test_faults import test_point, test_point_with_postgres  # noqa: F401
from test_kills import SEED, connector_pid, test_kills  # noqa: F401
from test_network import moves, proxy, test_network  # noqa: F401
from test_snapshots import test_a_standby_as_the_source, test_killed_at_any_moment  # noqa: F401

HINT = f"(KILL_SEED={SEED})"
RETRY = {"errors_retry_delay_initial_ms": 50, "errors_retry_delay_max_ms": 1000}


@pytest.fixture
def start(db, leat):
    """Starts leat and a load, waits until something has arrived; gives (load, configuration)."""
    loads = []

    def begin(*args, **more):
        db.sql(CREATE)
        config = leat.write("shop.properties", properties(db, **{**RETRY, **more}))
        leat.run(config, *args)
        until(lambda: connector_pid(leat), 30, "the connector")
        loads.append(Load(db, SEED, wild=True, rest_s=0.005))
        moves(leat)
        return loads[-1], config

    yield begin
    for load in loads:
        load.going = False


def finish(db, leat, load):
    load.stop()
    check(db, leat, HINT)


def code_of(leat):
    """Of the error that the connector tells now."""
    return (leat.status("shop").get("error") or {}).get("code")


def test_full_disk(db, leat, disk, start):
    """More than a segment of what cannot be compressed, on a disk with room for one. It is full
    inside of a segment, or at its end, where some bytes are to stay free."""
    full = ("os.enospc", "stream.disk_low")
    load, _ = start()
    db.sql("INSERT INTO notes (text) SELECT string_agg(md5(random()::text), '') FROM"
           " generate_series(1, 2400000) g GROUP BY g / 100")
    until(lambda: code_of(leat) in full, 120, "the full disk", every=0.2)
    time.sleep(3)
    disk("size=500m")
    moves(leat)
    finish(db, leat, load)


def test_read_only_disk(db, leat, disk, start):
    """Found read-only at the start, as after an error of the file system."""
    load, config = start()
    assert leat.stop() == 0
    disk("ro")
    leat.run(config)
    with contextlib.suppress(Exception):
        leat.wait(30)
    assert "EROFS" in leat.stderr or "read-only" in leat.stderr.lower()
    leat.kill()
    disk("rw")
    leat.run(config)
    until(lambda: connector_pid(leat), 30, "the connector")
    moves(leat)
    finish(db, leat, load)


def test_clock(db, leat, clock, start):
    """An hour back, a day forward, and back to the truth; what waits then, waits no longer."""
    load, _ = start()
    for seconds in (-3600, 86400, 0, -86400, 0):
        clock(seconds)
        moves(leat)
        db.server.restart("immediate")  # back-off and connecting under the new time
        moves(leat)
    finish(db, leat, load)


@pytest.mark.parametrize("server_timeout", ["60s", "5s"])
def test_stopped_processes(db, leat, start, server_timeout):
    """SIGSTOP for half a minute: with the shorter time-out the server gives the session up."""
    db.server.set(wal_sender_timeout=server_timeout)
    load, _ = start()
    os.killpg(leat.process.pid, signal.SIGSTOP)
    time.sleep(30)
    os.killpg(leat.process.pid, signal.SIGCONT)
    moves(leat)
    finish(db, leat, load)
    db.server.set(wal_sender_timeout="60s")


def test_no_descriptors(db, leat, proxy, start):
    """None is left when the connection breaks, and clients of the control socket want some too."""
    load, _ = start(database_port=proxy.port)
    pid = str(connector_pid(leat))
    highest = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    sh("prlimit", "--pid", pid, f"--nofile={highest + 1}:")
    folder = os.open(os.path.join(leat.data, "connectors/shop"), os.O_DIRECTORY)
    clients = []
    for _ in range(12):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(f"/proc/self/fd/{folder}/control.sock")
        clients.append(s)
    before = sum(map(int, open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13]))
    time.sleep(3)
    after = sum(map(int, open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13]))
    assert after - before < 150, "the process spins"  # of 300 hundredths of a second
    proxy.reset()
    time.sleep(2)
    for s in clients:
        s.close()
    os.close(folder)
    sh("prlimit", "--pid", pid, "--nofile=1024:")
    moves(leat)
    assert connector_pid(leat) == int(pid)
    finish(db, leat, load)


@pytest.mark.parametrize("seconds", [5, 45])
def test_cable(db, leat, link, start, seconds):
    """Out for less and for more than TCP waits."""
    load, _ = start(database_hostname=link.address)
    link("down")
    time.sleep(seconds)
    link("up")
    moves(leat)
    finish(db, leat, load)


def test_slow_network(db, leat, proxy, start):
    """A fifth of a second each way: slow, and nothing else."""
    load, _ = start(database_port=proxy.port)
    proxy.delay(0.2)
    time.sleep(20)
    moves(leat)
    proxy.mend()
    finish(db, leat, load)


def test_server_that_swallows(db, leat, proxy, start):
    """A minute of silence, then the same address answers again."""
    load, _ = start(database_port=proxy.port)
    proxy.swallow()
    time.sleep(60)
    proxy.mend()
    moves(leat)
    finish(db, leat, load)
