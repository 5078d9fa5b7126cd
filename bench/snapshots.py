"""The parts about snapshots: rows into the stream, planning, and the stream's latency meanwhile."""

import json
import os
import subprocess
import threading
import time

import measure
from leat import ROOT
from report import progress
from servers.process import until

BESIDE = {"snapshot.mode": "initial", "snapshot.streaming": "beside"}
CHUNK = 2 << 20  # bytes of rows, as the engine asks for with the default limits.memory


def _psql(backlog, sql):
    """To /dev/null: what the server and its own client need."""
    server = backlog.server
    cmd = [os.path.join(server.bin, "psql"), "-h", server.host, "-p", server.port, "-U", "postgres"]
    before = measure.server_cpu(server)
    cost = measure.run([*cmd, "-d", backlog.db.name, "-qc", sql, "-o", "/dev/null"])
    cost.server_cpu = measure.server_cpu(server) - before
    return cost


def _rows(world, backlog, readers, peaks=None):
    """A slot is made for it, since rows are read beside what that sends."""
    leat = world.leat()
    name = f"{backlog.db.name}_rows"
    config = backlog.config(leat, name, **BESIDE, **{"snapshot.max.threads": readers})
    before = measure.server_cpu(backlog.server)
    cmd = [leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn", config]
    cost = measure.run(cmd)
    cost.server_cpu = measure.server_cpu(backlog.server) - before
    got = int(leat.call("read", "b.public.acc", "--count").stdout)
    if got != backlog.changes:
        raise RuntimeError(f"{got} rows were read, {backlog.changes} are there")
    if peaks is not None:
        peaks.append(_peak(world, leat, backlog, name, readers))
    backlog.db.sql("SELECT pg_drop_replication_slot(%s)", name)
    world.forget(leat)
    return cost


def _peak(world, leat, backlog, name, readers):
    """Private memory, in a run of its own: looking at it costs time."""
    backlog.db.sql("SELECT pg_drop_replication_slot(%s)", name)
    world.forget(leat)
    other = world.leat()
    config = backlog.config(other, name, **BESIDE, **{"snapshot.max.threads": readers})
    other.run("--once", "--log-level", "warn", config)
    memory = measure.Memory(other.process.pid)
    status = other.wait(600)
    memory.stop()
    if status != 0:
        raise RuntimeError(other.stderr)
    world.forget(other)
    return memory.peak


def snapshot(world, table):
    """2M rows of a table into the stream, beside COPY to /dev/null."""
    from parts import in_turns

    backlog = world.backlog(world.scaled(2_000_000), 1000)
    backlog.db.sql("VACUUM ANALYZE acc")
    n, peaks = backlog.changes, []
    things = {
        "COPY TO STDOUT": lambda: _psql(backlog, "COPY acc TO STDOUT"),
        "COPY, binary": lambda: _psql(backlog, "COPY acc TO STDOUT (FORMAT binary)"),
        "leat, 1 reader": lambda: _rows(world, backlog, 1),
        "leat, 2 readers": lambda: _rows(world, backlog, 2),
        "leat, 4 readers": lambda: _rows(world, backlog, 4, peaks),
    }
    costs = in_turns(world.runs, things)
    for name, all_ in costs.items():
        table.add("snapshot", name, [c.rate(n) for c in all_], "rows/s",
                  cpu=[c.cpu_per_million(n) for c in all_],
                  server=[c.server_cpu / n * 1e6 for c in all_])
    copies = costs["COPY TO STDOUT"]
    ratios = [b.seconds / a.seconds for a, b in zip(costs["leat, 1 reader"], copies)]
    table.add("snapshot", "leat, 1 reader / COPY", ratios, "x", 0.5)
    table.add("snapshot", "peak of memory, 4 readers", peaks, "MiB", 64, False)
    backlog.close()


def _polled(world, backlog, mode):
    """All rows of the table by query capture, in its first poll."""
    leat, server = world.leat(), backlog.server
    url = f"jdbc:postgresql://{server.host}:{server.port}/{backlog.db.name}"
    config = {"connector.class": "jdbc", "connection.url": url, "connection.user": "postgres",
              "mode": mode, "incrementing.column.name": "aid", "table.whitelist": "acc",
              "topic.prefix": "q_"}
    file = leat.write("polled.properties", config)
    before = measure.server_cpu(server)
    cmd = [leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn", file]
    cost = measure.run(cmd)
    cost.server_cpu = measure.server_cpu(server) - before
    got = int(leat.call("read", "q_acc", "--count").stdout)
    if got != backlog.changes:
        raise RuntimeError(f"{got} rows were read, {backlog.changes} are there")
    world.forget(leat)
    return cost


def query(world, table):
    """2M rows by query capture into the stream, beside COPY of the same query to /dev/null."""
    from parts import in_turns

    backlog = world.backlog(world.scaled(2_000_000), 1000)
    backlog.db.sql("VACUUM ANALYZE acc")
    n, ordered = backlog.changes, "COPY (SELECT * FROM acc ORDER BY aid) TO STDOUT"
    things = {
        "COPY of all": lambda: _psql(backlog, "COPY (SELECT * FROM acc) TO STDOUT"),
        "leat, bulk": lambda: _polled(world, backlog, "bulk"),
        "COPY in order": lambda: _psql(backlog, ordered),
        "leat, incrementing": lambda: _polled(world, backlog, "incrementing"),
    }
    costs = in_turns(world.runs, things)
    for name, all_ in costs.items():
        table.add("query", name, [c.rate(n) for c in all_], "rows/s",
                  cpu=[c.cpu_per_million(n) for c in all_],
                  server=[c.server_cpu / n * 1e6 for c in all_])
    for name, yardstick in {"bulk": "COPY of all", "incrementing": "COPY in order"}.items():
        pairs = zip(costs[f"leat, {name}"], costs[yardstick])
        table.add("query", f"{name} / COPY", [b.seconds / a.seconds for a, b in pairs], "x", 0.5)
    backlog.close()


def planning(world, table):
    """How long cutting a table of 10M rows takes."""
    ninja = ["ninja", "-C", os.path.join(ROOT, "build"), "bench/chunks"]
    subprocess.run(ninja, check=True, stdout=subprocess.DEVNULL)
    backlog = world.backlog(world.scaled(10_000_000), 10_000)
    backlog.db.sql("VACUUM ANALYZE acc")
    leat, ms = world.leat(), []
    config = backlog.config(leat, f"{backlog.db.name}_cut", **BESIDE)
    for _ in range(max(3, world.runs)):
        cmd = [os.path.join(ROOT, "build/bench/chunks"), config, "cut", CHUNK, 1024]
        done = subprocess.run(list(map(str, cmd)), check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        progress(f"   {told['bounds']} bounds in {told['ms']} ms")
        ms.append(told["ms"])
    name = f"{backlog.changes / 1e6:.0f}M rows cut into chunks"
    table.add("planning", name, ms, "ms", 1000, False)
    world.forget(leat)
    backlog.close()


def beside(world, table):
    """The stream's latency while a snapshot runs: other rows at 100 commits a second."""
    from parts import Follower, _commits

    backlog = world.backlog(world.scaled(2_000_000), 1000)
    backlog.db.sql("CREATE TABLE few (aid int PRIMARY KEY, bid int, abalance int, filler text)")
    backlog.db.sql("ALTER PUBLICATION bench ADD TABLE few")
    backlog.db.sql("INSERT INTO few VALUES (0, 0, 0, '')")
    leat = world.leat()
    name = f"{backlog.db.name}_beside"
    config = backlog.config(leat, name, **BESIDE)
    leat.run("--log-level", "warn", config)
    until(lambda: leat.call("read", "b.public.few", ok=None).stdout, 60, "the snapshot", every=0.05)
    follower = Follower(leat, "b.public.few")
    times, going = {}, threading.Event()

    def write():
        with backlog.db.connect() as c:
            first = 1
            while not going.is_set():
                times.update(_commits(c, 50, 0.01, first, "few"))
                first += 50

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: '"state":"done"' in leat.call("status", "--json", ok=None).stdout, 600,
          "the end of the snapshot", every=0.1)
    going.set()
    writer.join()
    until(lambda: times.keys() <= follower.seen.keys(), 60, "the last events")
    ms = [(follower.seen[k] - sent) * 1e3 for k, (sent, _) in times.items()]
    follower.close()
    table.add("beside", "commit to read --follow during a snapshot, p50",
              [measure.percentile(ms, 0.5)], "ms")
    table.add("beside", "commit to read --follow during a snapshot, p99",
              [measure.percentile(ms, 0.99)], "ms", 50, False)
    world.forget(leat)
    time.sleep(0.1)
    backlog.db.server.drop_slots(backlog.db.name)
    backlog.close()
