"""The relational sinks: a stream into a table of PostgreSQL, beside COPY FROM of the same rows, and
how long a commit takes from the source to the target."""

import itertools
import os
import subprocess
import threading
import time

import measure
from servers.process import until
from target import PostgresTarget, sink

KINDS = {
    "insert": {"insert.mode": "insert"},
    "upsert": {"insert.mode": "upsert"},
    "upsert, by batch": {"insert.mode": "upsert", "apply.mode": "batch"},
}
NEED_MIB = 48


def _generate(leat, n):
    conf = {
        "name": "gen",
        "connector.class": "datagen",
        "topic.prefix": "gen",
        "datagen.rate": 0,
        "datagen.events": n,
        "datagen.columns": "int,int,int,text(84)",
        "datagen.transaction.size": 100,
    }
    command = [leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn"]
    measure.run([*command, leat.write("gen.properties", conf)])


class Target:
    """An empty table for each run, of the sink's making or like it. args: what else the command
    needs."""

    def __init__(self, world, leat, topic="gen.datagen.t1", args=()):
        self.server, self.leat, self.numbers = world.postgres, leat, itertools.count()
        self.topic, self.args, self.db = topic, args, self.server.database()
        self.file = os.path.join(world.folder, "rows.copy")

    def empty(self):
        self.db.sql("DROP TABLE IF EXISTS t1")

    def command(self, more):
        """A sink that has not read anything yet, and no table."""
        self.empty()
        name = f"sink{next(self.numbers)}"
        at = f"{self.server.host}:{self.server.port}/{self.db.name}?user={self.server.user}"
        conf = {
            "name": name,
            "connector.class": "sql",
            "topics": self.topic,
            "table.name.format": "t1",
            "connection.url": f"jdbc:postgresql://{at}",
        }
        command = [self.leat.binary, "run", "--once", "--data", self.leat.data]
        conf = self.leat.write(f"{name}.properties", conf | more)
        return [str(c) for c in [*command, "--log-level", "warn", *self.args, conf]]

    def timed(self, command):
        before = measure.server_cpu(self.server)
        cost = measure.run(command)
        cost.server_cpu = measure.server_cpu(self.server) - before
        return cost

    def sink(self, more):
        return self.timed(self.command(more))

    def psql(self, text):
        command = [os.path.join(self.server.bin, "psql"), "-qX", "-h", self.server.host]
        command += ["-p", self.server.port, "-U", self.server.user, "-d", self.db.name]
        return self.timed([*command, "-c", text])

    def copy(self):
        self.db.sql("CREATE TABLE IF NOT EXISTS yard (LIKE t1 INCLUDING ALL)")
        self.db.sql("TRUNCATE yard")
        return self.psql(f"\\copy yard FROM '{self.file}'")

    def memory(self, more):
        """MiB at most, of a run that is not timed."""
        with subprocess.Popen(self.command(more), stdout=subprocess.DEVNULL) as child:
            memory = measure.Memory(child.pid)
            child.wait()
            memory.stop()
        return memory.resident


def sink_pg(world, table):
    """A million rows in transactions of 100, out of the stream into an empty table."""
    n = world.scaled(1_000_000)
    leat = world.leat()
    _generate(leat, n)
    target = Target(world, leat)
    target.sink(KINDS["insert"])
    rows = target.db.sql("SELECT count(*) FROM t1")[0][0]
    assert rows == n, (rows, n)
    target.psql(f"\\copy t1 TO '{target.file}'")
    things = {name: (lambda more=more: target.sink(more)) for name, more in KINDS.items()}
    things["COPY FROM"] = target.copy
    costs = {name: [] for name in things}
    for _ in range(world.runs):
        for name, fn in things.items():
            costs[name].append(fn())
    for name, all_ in costs.items():
        table.add("sink-pg", name, [c.rate(n) for c in all_], "rows/s",
                  cpu=[c.cpu_per_million(n) for c in all_],
                  server=[c.server_cpu / n * 1e6 for c in all_])
    for name in KINDS:
        pairs = [b.seconds / a.seconds for a, b in zip(costs[name], costs["COPY FROM"])]
        table.add("sink-pg", f"{name} / COPY FROM", pairs, "x", 0.5 if name == "insert" else None)
    table.add("sink-pg", "peak memory", [target.memory(more) for more in KINDS.values()], "MiB",
              NEED_MIB, least=False)
    target.db.drop()
    world.forget(leat)


# ---- latency


class Watcher:
    """Asks the target for new rows all the time: notes when each key was visible."""

    def __init__(self, db):
        self.db, self.seen, self.done = db, {}, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        with self.db.connect() as c:
            last = c.execute("SELECT max(aid) FROM acc").fetchone()[0]
            while not self.done.is_set():
                rows = c.execute("SELECT aid FROM acc WHERE aid > %s", (last,),
                                 prepare=True).fetchall()
                now = time.monotonic()
                for aid, in rows:
                    self.seen[aid] = now
                    last = max(last, aid)
                time.sleep(0.0005)

    def close(self):
        self.done.set()
        self.thread.join()


def sink_latency(world, table):
    """From sending COMMIT at the source to the row in another database of the server, at 100
    commits a second."""
    import parts

    backlog = world.backlog(1000, 100)
    target, leat = PostgresTarget(world.postgres), world.leat()
    pump = leat.write("pump.properties", sink(target, ["b.public.acc"]))
    leat.run("--log-level", "warn", backlog.config(leat, backlog.slot()), pump)

    def all_there():
        leat.alive()
        there = target.sql("SELECT to_regclass('acc')") != [(None,)]
        return there and target.rows("acc", "count(*)") == [(1000,)]

    until(all_there, 60, "the backlog in the target")
    own50, own99 = parts.measure_latency(world, table, "sink-latency", backlog,
                                         Watcher(target.db), ("the target's row", None, 25.0))
    table.add("sink-latency", "the commit's own time, p50", own50, "ms")
    table.add("sink-latency", "the commit's own time, p99", own99, "ms")
    world.forget(leat)
    target.drop()
    backlog.close()


PARTS = {"sink-pg": sink_pg, "sink-latency": sink_latency}
