"""The parts with MySQL or MariaDB and Kafka: leat and the real Debezium Server, in turns.

Targets are of Debezium tuned, with its headers on each record, which leat's have then too; beside
it stand both without them, Debezium at its best, as in the parts with PostgreSQL."""

import debezium
import kafka_parts as k
from mysql_parts import Log
from servers import mysql as mysql_server

OWN = {
    "mysql": {"connector.class": "io.debezium.connector.mysql.MySqlConnector",
              "database.ssl.mode": "disabled"},
    "mariadb": {"connector.class": "io.debezium.connector.mariadb.MariaDbConnector",
                "database.ssl.mode": "disable"},
}
TOPIC = f"{debezium.PREFIX}.bench.acc"
TUNED, BEST = "Debezium, tuned", "Debezium, best"
MODES = {TUNED: debezium.TUNED_MODE, BEST: debezium.BEST}


def _debezium(log):
    """The properties of a source that reads the log's tables."""
    return lambda server: log.server.properties() | OWN[log.server.kind] | {
        "include.schema.changes": "false",
        "schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory",
        "schema.history.internal.file.filename": server.keeps("history.dat"),
        "snapshot.mode": "initial",
        "table.include.list": "bench.acc,bench.seen",
    }


def _streaming(log):
    return any("Binlog Dump" in word for row in log.server.sql("SHOW PROCESSLIST") for word in row)


def _prepare(world, broker, log):
    """What Debezium has stored when it stands right before the load."""
    server = debezium.first_start(
        world, broker, f"{debezium.PREFIX}.bench.seen", _debezium(log), lambda: _streaming(log),
        lambda: log.server.sql("INSERT INTO bench.seen VALUES (1)"))
    log.stored = [server.offsets, server.keeps("history.dat")]


def _leat(world, broker, log, run=k._run, **more):
    leat, prefix = world.leat(), f"my{next(k._numbers)}"
    topic = f"{prefix}.bench.acc"
    config = log.config(leat, **k.CREATION, **{"topic.prefix": prefix}, **more)
    cost = run(leat, broker, config)
    k._count(broker, topic, log.changes)
    broker.delete(topic)
    world.forget(leat)
    return cost


def _in_turns(world, table, part, unit, log, stored, runs, **more):
    """leat with and without headers, and both of Debezium; the costs of each."""
    import parts

    broker, n = k._broker(world), log.changes
    peers = k.Peers(table, part)
    things = {
        "leat": lambda: _leat(world, broker, log, **more),
        "leat, headers off": lambda: _leat(world, broker, log, **k.HEADERS_OFF, **more),
    }
    for name, mode in MODES.items() if stored is not None else ():
        things[name] = lambda name=name, mode=mode: peers.run(name, lambda: debezium.measured(
            world, broker, TOPIC, mode, _debezium(log), n, stored))
    costs = parts.in_turns(world.runs, things, dict.fromkeys(MODES, runs))
    for name, all_ in costs.items():
        k._add(table, part, name, all_, n, unit)
    peers.add_memory()
    return costs


def _compare(table, part, costs, faster, cheaper):
    """faster, cheaper: the targets of rate and processor time."""
    import parts

    for mine, theirs, bound in (("leat", TUNED, True), ("leat, headers off", BEST, False)):
        if theirs not in costs:
            return
        name, pairs = f"{mine} / {theirs}", (costs[mine], costs[theirs])
        table.add(part, name, parts.ratios(*pairs), "x", faster if bound else None)
        table.add(part, f"CPU, {theirs} / {mine}", [b.cpu / a.cpu for a, b in zip(*pairs)], "x",
                  cheaper if bound else None)


def _stream(world, table, kind):
    part, broker = f"kafka-{kind.kind}", k._broker(world)
    alone = k._without_debezium(table)
    log = Log(world, kind, world.scaled(1_000_000), 100,
              before=None if alone else lambda log: _prepare(world, broker, log))
    costs = _in_turns(world, table, part, "events/s", log, None if alone else log.stored,
                      world.runs)
    _compare(table, part, costs, 5.0, 12.0)
    k._add_memory(table, part, [_leat(world, broker, log, k._watched)], 48)
    log.close()


def stream(world, table):
    """A backlog of transactions of 100 rows of MySQL into Kafka, beside Debezium."""
    _stream(world, table, mysql_server.MySQL)


def stream_mariadb(world, table):
    """The same of MariaDB."""
    _stream(world, table, mysql_server.MariaDB)


def snapshot(world, table):
    """2M rows of a table of MySQL into Kafka, beside Debezium."""
    part, rows = "kafka-mysql-snapshot", {"snapshot.mode": "initial"}
    broker, alone = k._broker(world), k._without_debezium(table)
    log = Log(world, mysql_server.MySQL, world.scaled(2_000_000), 1000)
    log.server.sql("ANALYZE TABLE bench.acc")
    costs = _in_turns(world, table, part, "rows/s", log, None if alone else [], k.SNAPSHOTS,
                      **rows)
    _compare(table, part, costs, 8.0, None)
    k._add_memory(table, part, [_leat(world, broker, log, k._watched, **rows)], 64)
    log.close()


PARTS = {
    "kafka-mysql": stream,
    "kafka-mariadb": stream_mariadb,
    "kafka-mysql-snapshot": snapshot,
}
