"""The parts: each measures its things in turns and adds rows to the table."""

import json
import os
import subprocess
import threading
import time

import hub_parts
import kafka_mysql_parts
import kafka_parts
import kafka_sink_parts
import measure
import mysql_parts
import page_parts
import select_parts
import sink_parts
import verify_parts
from leat import ROOT
import snapshots
from report import progress
from servers.process import until

MIB = 1 << 20
DATAGEN = {
    "connector.class": "datagen",
    "datagen.rate": 0,
    "datagen.columns": "int,int,int,text(84)",
    "datagen.transaction.size": 100,
}


def in_turns(runs, things, fewer=None):
    """name -> costs: A B C A B C ...; fewer: of some things, name -> runs at most."""
    costs = {name: [] for name in things}
    for i in range(runs):
        for name, fn in things.items():
            if i >= (fewer or {}).get(name, runs):
                continue
            cost = fn()
            costs[name].append(cost)
            said = f"{cost.seconds:.2f} s, cpu {cost.cpu:.2f} s"
            progress(f"   {i + 1}/{runs} {name}: {said}, server {cost.server_cpu:.2f} s")
    return costs


def build_tool(name):
    ninja = ["ninja", "-C", os.path.join(ROOT, "build"), name]
    subprocess.run(ninja, check=True, stdout=subprocess.DEVNULL)


def ratios(ours, theirs):
    """Of rates, pair by pair."""
    return [b.seconds / a.seconds for a, b in zip(ours, theirs)]


# ---- PostgreSQL's log into the stream


def _compare(world, table, part, backlog, unix, things, recorded):
    n = backlog.changes
    fns = {name: (lambda f=fn: f(unix)) for name, fn in things.items()}
    costs = in_turns(world.runs, fns)
    for name, all_ in costs.items():
        table.add(
            part,
            name,
            [c.rate(n) for c in all_],
            "events/s",
            cpu=[c.cpu_per_million(n) for c in all_],
            server=[c.server_cpu / n * 1e6 for c in all_],
            recorded=recorded if name == "leat" else None,
        )
    return costs


def _small(world, table, part, unix, targets):
    backlog = world.backlog(world.scaled(1_000_000), 100)
    things = {"leat": backlog.leat, "pg_recvlogical": backlog.recvlogical, "reader": backlog.bare}
    costs = _compare(world, table, part, backlog, unix, things, "26k-48k events/s")
    for name, target in targets.items():
        pairs = ratios(costs["leat"], costs[name])
        table.add(part, f"leat / {name}", pairs, "x", target)
    backlog.close()


def pg_tcp(world, table):
    """A backlog of transactions of 100 rows over TCP."""
    _small(world, table, "pg-tcp", False, {"pg_recvlogical": 1.0, "reader": 0.9})


def pg_unix(world, table):
    """The same over a Unix socket."""
    _small(world, table, "pg-unix", True, {"pg_recvlogical": 0.9, "reader": None})


def pg_big_tx(world, table):
    """One transaction of 5M rows over TCP."""
    backlog = world.backlog(world.scaled(5_000_000))
    things = {"leat": backlog.leat, "pg_recvlogical": backlog.recvlogical}
    costs = _compare(world, table, "pg-big-tx", backlog, False, things, "31k-38k events/s")
    pairs = ratios(costs["leat"], costs["pg_recvlogical"])
    table.add("pg-big-tx", "leat / pg_recvlogical", pairs, "x", 0.95)
    backlog.close()


# ---- latency


class Follower:
    """`leat read TOPIC --follow`: notes when each key came."""

    def __init__(self, leat, topic, *args):
        cmd = [leat.binary, "read", topic, "--follow", "--data", leat.data, *args]
        self.seen = {}
        self.child = subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        rest = b""
        while chunk := os.read(self.child.stdout.fileno(), 1 << 16):
            now = time.monotonic()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.seen[json.loads(line)["key"]["aid"]] = now

    def close(self):
        self.child.terminate()
        self.child.wait()
        self.thread.join()
        self.child.stdout.close()


INSERT = "INSERT INTO {} VALUES (%s, 1, 1, repeat('x', 84))"


def _commits(connection, n, every, first, into="acc"):
    """n commits, one every so many seconds: key -> (COMMIT sent, COMMIT answered)."""
    times, start = {}, time.monotonic()
    for i in range(n):
        if (wait := start + i * every - time.monotonic()) > 0:
            time.sleep(wait)
        connection.execute("BEGIN")
        connection.execute(INSERT.format(into), (first + i,), prepare=True)
        sent = time.monotonic()
        connection.execute("COMMIT")
        times[first + i] = (sent, time.monotonic())
    return times


def _wait_for(follower, backlog, connection):
    """It begins at the end as that is when it looks: rows are sent until it shows one."""

    def one_seen():
        connection.execute(INSERT.format("acc"), (backlog.keys(1),), prepare=True)
        return follower.seen

    until(one_seen, 60, "the follower's first line")


def measure_latency(world, table, part, backlog, follower, reader, commits=1000, recorded=None):
    """reader: its name, and the targets of p50 and p99 in ms. recorded: as Report.add has it, of
    each. Closes the follower."""
    n = max(200, int(commits * world.args.scale))
    recorded50, recorded99 = recorded or (None, None)
    name, target50, target99 = reader
    p50, p99, own50, own99 = [], [], [], []
    with backlog.db.connect() as c:
        _wait_for(follower, backlog, c)
        for i in range(world.runs + 1):  # the first warms up
            times = _commits(c, n if i else 100, 0.01, backlog.keys(n))
            until(lambda t=times: t.keys() <= follower.seen.keys(), 60, "the last events")
            if i == 0:
                continue
            ms = [(follower.seen[k] - sent) * 1e3 for k, (sent, _) in times.items()]
            own = [(done - sent) * 1e3 for sent, done in times.values()]
            p50.append(measure.percentile(ms, 0.5))
            p99.append(measure.percentile(ms, 0.99))
            own50.append(measure.percentile(own, 0.5))
            own99.append(measure.percentile(own, 0.99))
    follower.close()
    table.add(part, f"commit to {name}, p50", p50, "ms", target50, False, recorded=recorded50)
    table.add(part, f"commit to {name}, p99", p99, "ms", target99, False, recorded=recorded99)
    return own50, own99


def latency(world, table):
    """From sending COMMIT to the line of `leat read --follow`, at 100 commits a second."""
    backlog = world.backlog(1000, 100)
    leat = world.leat()
    leat.run("--log-level", "warn", backlog.config(leat, backlog.slot()))
    leat.read_until("b.public.acc", 1000)
    follower = Follower(leat, "b.public.acc", "--from", "end")
    own50, own99 = measure_latency(world, table, "latency", backlog, follower,
                                   ("read --follow", 2.0, 8.0),
                                   recorded=("17 ms (tuned), 655 ms", "43 ms (tuned), 981 ms"))
    table.add("latency", "the commit's own time, p50", own50, "ms")
    table.add("latency", "the commit's own time, p99", own99, "ms")
    world.forget(leat)
    backlog.close()


# ---- memory


def _watched(world, backlog):
    """Private memory of the connector while it reads the backlog."""
    leat = world.leat()
    leat.run("--once", "--log-level", "warn", backlog.config(leat, backlog.slot()))
    memory = measure.Memory(leat.process.pid)
    status = leat.wait(600)
    memory.stop()
    if status != 0:
        raise RuntimeError(leat.stderr)
    world.forget(leat)
    return memory


LARGE = """
INSERT INTO acc SELECT g, 1, 1,
    (SELECT string_agg(md5(g || ' ' || i), '') FROM generate_series(1, 32768) i)
    FROM generate_series(1, {}) g
"""


def memory(world, table):
    """Private memory of the connector's process: rows of 100 bytes, and of 1 MiB."""
    import world as w

    small = world.backlog(world.scaled(500_000), 100)
    found = [_watched(world, small) for _ in range(min(3, world.runs))]
    table.add("memory", "rows of 100 bytes, usual", [m.usual for m in found], "MiB", 16, False,
              recorded="RSS 436-1418 MB")
    table.add("memory", "rows of 100 bytes, peak", [m.peak for m in found], "MiB", 48, False)
    small.close()
    n = max(20, int(200 * world.args.scale))
    progress(f"   loading {n} rows of 1 MiB")
    large = w.Backlog(world, n, sql=LARGE.format(n))
    found = [_watched(world, large) for _ in range(min(3, world.runs))]
    table.add("memory", "rows of 1 MiB, peak", [m.peak for m in found], "MiB", 48, False)
    table.add("memory", "rows of 1 MiB, peak of RSS", [m.resident for m in found], "MiB")
    large.close()
    idle = world.backlog(1000, 100)
    leat = world.leat()
    leat.run("--log-level", "warn", idle.config(leat, idle.slot()))
    leat.read_until("b.public.acc", 1000)
    time.sleep(2)
    used = [measure.private_bytes(p) / MIB for p in measure.children(leat.process.pid)[1:]]
    table.add("memory", "idle", [sum(used)], "MiB", 16, False, recorded="RSS 303-318 MB")
    world.forget(leat)
    idle.close()


# ---- start


def start(world, table):
    """From exec to the first event durable: the slot exists, under 1 MiB of log behind it."""
    backlog = world.backlog(1000, 100)
    leat = world.leat()
    config = backlog.config(leat, backlog.slot())
    cmd = ["run", "--once", "--log-level", "warn", config]
    leat.call(*cmd)
    first, whole = [], []
    follower = Follower(leat, "b.public.acc", "--from", "end")
    for i in range(world.runs + 1):
        key = 5_000_000 + i
        backlog.db.sql(INSERT.format("acc"), key)
        begun = time.monotonic()
        leat.call(*cmd)
        ended = time.monotonic()
        until(lambda k=key: k in follower.seen, 10, "the event")
        if i:
            first.append((follower.seen[key] - begun) * 1e3)
            whole.append((ended - begun) * 1e3)
    follower.close()
    table.add("start", "exec to first event durable", first, "ms", 100, False,
              recorded="4.1-4.6 s")
    table.add("start", "run --once, exec to exit", whole, "ms")
    world.forget(leat)
    backlog.close()


# ---- without a database


def _generate(world, leat, n):
    config = leat.write("gen.properties", DATAGEN | {"datagen.events": n})
    cmd = [leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn", config]
    return measure.run(cmd)


def datagen(world, table):
    """Made-up changes into the stream: what engine and stream can take."""
    n = world.scaled(5_000_000)

    def one():
        leat = world.leat()
        cost = _generate(world, leat, n)
        world.forget(leat)
        return cost

    costs = in_turns(world.runs, {"datagen": one})["datagen"]
    table.add("datagen", "datagen into the stream", [c.rate(n) for c in costs], "events/s",
              1_500_000, cpu=[c.cpu_per_million(n) for c in costs])


def read(world, table):
    """The stream read from its beginning."""
    n = world.scaled(5_000_000)
    leat = world.leat()
    _generate(world, leat, n)
    topic = "datagen.datagen.t1"

    def reading(*args):
        return measure.run([leat.binary, "read", topic, "--data", leat.data, *args], keep=False)

    things = {
        "read --count": lambda: reading("--count"),
        "read, as JSON": lambda: reading(),
        "read --format native": lambda: reading("--format", "native"),
    }
    costs = in_turns(world.runs, things)
    for name, all_ in costs.items():
        table.add("read", name, [c.rate(n) for c in all_], "events/s",
                  3_000_000 if name == "read --count" else None,
                  cpu=[c.cpu_per_million(n) for c in all_])
    world.forget(leat)


PARTS = {
    "pg-tcp": pg_tcp,
    "pg-unix": pg_unix,
    "pg-big-tx": pg_big_tx,
    "latency": latency,
    "memory": memory,
    "start": start,
    "datagen": datagen,
    "read": read,
    "snapshot": snapshots.snapshot,
    "query": snapshots.query,
    "planning": snapshots.planning,
    "beside": snapshots.beside,
} | select_parts.PARTS | sink_parts.PARTS | hub_parts.PARTS | kafka_parts.PARTS
PARTS |= mysql_parts.PARTS | kafka_mysql_parts.PARTS | page_parts.PARTS
LONG = page_parts.LONG
PARTS |= kafka_sink_parts.PARTS | verify_parts.PARTS
GROUPS = {
    "kafka": [*kafka_parts.PARTS, *kafka_mysql_parts.PARTS, *kafka_sink_parts.PARTS],
    "mysql": [*mysql_parts.PARTS, *kafka_mysql_parts.PARTS],
}
