"""The relational sink out of Kafka: a topic into a table of PostgreSQL, beside Debezium's JDBC sink
on a Kafka Connect of its own, and COPY FROM of the same rows."""

import concurrent.futures
import dataclasses
import itertools
import os
import time

import kafka_parts as k
import measure
from report import progress
from servers import kafka as kafka_server
from servers.connect import JSON, Connect
from servers.process import until
from sink_parts import KINDS, NEED_MIB, Target

PART = "kafka-sink-pg"
MODES = ("insert", "upsert")
SCHEMAS = {f"{part}.converter.schemas.enable": "true" for part in ("key", "value")}
# What its documentation says makes it fast, with batches as large as leat's.
BEST = {
    "batch.size": "8192",
    "dialect.postgres.unnest.insert.enabled": "true",
    "consumer.override.max.poll.records": "8192",
    "consumer.override.max.partition.fetch.bytes": str(16 << 20),
    "consumer.override.fetch.max.bytes": str(64 << 20),
}
SETTINGS = {"default": {}, "best": BEST}
PART_OF_DEFAULT = 0.3  # its default run ends after so much of the topic
_numbers = itertools.count()


class Jdbc:
    """Debezium's JDBC sink: a connector for each run, on one worker."""

    def __init__(self, world, broker, topic, target):
        self.worker = Connect(os.path.join(world.folder, "connect"), broker, "bench", heap="2g")
        self.topic, self.target, self.peaks = topic, target, []
        self.worker.start()
        world.at_end(self.worker.process.kill)  # the broker is gone by then

    def _config(self, mode, more):
        server, db = self.target.server, self.target.db
        return {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "topics": self.topic,
            "connection.url": f"jdbc:postgresql://{server.host}:{server.port}/{db.name}"
                              "?reWriteBatchedInserts=true",
            "connection.username": server.user,
            "connection.password": "",
            "insert.mode": mode,
            "primary.key.mode": "record_key",
            "schema.evolution": "basic",
            "collection.name.format": "t1",
            "key.converter": JSON,
            "value.converter": JSON,
        } | SCHEMAS | more

    def run(self, mode, more, n):
        self.target.empty()
        name, pid = f"jdbc{next(_numbers)}", self.worker.process.pid
        peak, cpu = measure.Peak(pid), measure.cpu(pid)
        server = measure.server_cpu(self.target.server)
        self.worker.create(name, self._config(mode, more))

        def alive():
            if self.worker.state(name)[1] == ["FAILED"]:
                raise RuntimeError(f"the JDBC sink failed: {self.worker.log}")

        seconds = _behind_the_first(self.target, n, alive)
        cost = measure.Cost(seconds, measure.cpu(pid) - cpu,
                            measure.server_cpu(self.target.server) - server)
        self.worker.call("DELETE", f"/connectors/{name}")
        until(lambda: self.worker.state(name) == (None, []), 60, "the end of the JDBC sink")
        self.peaks.append(peak.stop())
        return cost


def _rows(target):
    """By the last key, which costs nothing to ask for."""
    if target.db.sql("SELECT to_regclass('t1')") == [(None,)]:
        return 0
    return target.db.sql("SELECT coalesce(max(id) + 1, 0) FROM t1")[0][0]


def _behind_the_first(target, n, alive):
    """Until n rows are there: seconds for n rows at the rate behind the first ones, so that neither
    the start of a process nor joining the group counts."""
    first = None
    until_ = time.monotonic() + max(300, n / 500)
    while (got := _rows(target)) < n:
        now = time.monotonic()
        if got and first is None:
            first, of = now, got
        if now > until_:
            raise RuntimeError(f"{got} of {n} rows are there")
        alive()
        time.sleep(0.03)
    if first is None:
        raise RuntimeError("all rows were there at once: take a larger --scale")
    return (time.monotonic() - first) * n / max(1, n - of)


def _leat(target, mode, n):
    """As the JDBC sink is timed."""
    target.empty()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        run = pool.submit(target.sink, KINDS[mode])
        seconds = _behind_the_first(target, n, lambda: run.done() and run.result())
        return dataclasses.replace(run.result(), seconds=seconds)


def _fill(world, broker, n):
    """A topic of made-up changes, with schemas: without these the JDBC sink takes none."""
    import parts

    leat, prefix = world.leat(), f"rows{next(_numbers)}"
    progress(f"   {n} records with their schemas into Kafka")
    props = parts.DATAGEN | k.CREATION | SCHEMAS | {"datagen.events": n, "topic.prefix": prefix}
    k._run(leat, broker, leat.write("gen.properties", props))
    world.forget(leat)
    return f"{prefix}.datagen.t1"


def kafka_sink_pg(world, table):
    """Rows of a topic into an empty table: leat, and Debezium's JDBC sink by default and at its
    best."""
    import parts

    broker, n = k._broker(world), world.scaled(1_000_000)
    topic, leat = _fill(world, broker, n), world.leat()
    target = Target(world, leat, topic, ("--kafka", broker.bootstrap))
    target.sink(KINDS["insert"])
    rows = target.db.sql("SELECT count(*) FROM t1")[0][0]
    assert rows == n, (rows, n)
    target.psql(f"\\copy t1 TO '{target.file}'")
    things = {f"leat, {mode}": (lambda mode=mode: _leat(target, mode, n)) for mode in MODES}
    things["COPY FROM"] = target.copy
    sizes = dict.fromkeys(things, n)
    try:
        jdbc = Jdbc(world, broker, topic, target)
    except kafka_server.Missing as e:
        table.note(f"{e}; its rows, and those that need them, are missing")
        jdbc = None
    for mode, (name, more) in itertools.product(MODES, SETTINGS.items() if jdbc else ()):
        who = f"JDBC sink, {name}, {mode}"
        sizes[who] = n if more else max(20_000, int(n * PART_OF_DEFAULT))
        things[who] = lambda mode=mode, more=more, who=who: jdbc.run(mode, more, sizes[who])
    costs = parts.in_turns(world.runs, things)
    for name, all_ in costs.items():
        table.add(PART, name, [c.rate(sizes[name]) for c in all_], "rows/s",
                  cpu=[c.cpu_per_million(sizes[name]) for c in all_],
                  server=[c.server_cpu / sizes[name] * 1e6 for c in all_])
    for mode in MODES if jdbc else ():
        mine, best = f"leat, {mode}", f"JDBC sink, best, {mode}"
        ratios = [a.rate(n) / b.rate(n) for a, b in zip(costs[mine], costs[best])]
        table.add(PART, f"leat / JDBC sink's best, {mode}", ratios, "x", 4.0)
    table.add(PART, "insert / COPY FROM", parts.ratios(costs["leat, insert"], costs["COPY FROM"]),
              "x", 0.5)
    table.add(PART, "leat, peak memory", [target.memory(KINDS[m]) for m in MODES], "MiB", NEED_MIB,
              least=False)
    if jdbc:
        table.add(PART, "JDBC sink's worker, peak of private memory", jdbc.peaks, "MiB")
    target.db.drop()
    world.forget(leat)


PARTS = {PART: kafka_sink_pg}
