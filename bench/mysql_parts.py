"""The parts with MySQL and MariaDB: logs into the stream, beside the tool that prints logs."""

import os
import shutil

import measure
from report import progress
from servers import mysql as mysql_server

SETTINGS = {
    "innodb_buffer_pool_size": "256M",
    "innodb_flush_log_at_trx_commit": "0",
    "max_binlog_size": "1G",
}

SCHEMA = """
CREATE DATABASE bench;
USE bench;
CREATE TABLE acc (aid int PRIMARY KEY, bid int, abalance int, filler text);
CREATE TABLE seen (id int PRIMARY KEY);
CREATE TABLE nums (n int PRIMARY KEY);
INSERT INTO nums SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d FROM
  {digits} a, {digits} b, {digits} c, {digits} e;
DELIMITER //
CREATE PROCEDURE load_rows(total int, per int) BEGIN
  DECLARE t int DEFAULT 0;
  WHILE t < total DO
    INSERT INTO acc SELECT t + n, n % 100, n * 7 % 100000, {filler} FROM nums WHERE n < per;
    SET t = t + per;
  END WHILE;
END //
DELIMITER ;
"""
DIGITS = "(SELECT 0 d" + "".join(f" UNION ALL SELECT {i}" for i in range(1, 10)) + ")"
FILLERS = {
    "repeat": "REPEAT(CHAR(97 + n % 26), 84)",
    "random": "LEFT(CONCAT(SHA2(t + n, 256), SHA2(-t - n, 256)), 84)",
}


class Log:
    """A load in a binary log that every run reads from its beginning."""

    def __init__(self, world, kind, changes, per, before=None):
        """per: rows of a transaction; None: a single one. before: called with this one once its
        tables are there and no row of them in its log."""
        self.world, self.changes, self._n = world, changes, 0
        folder = os.path.join(world.folder, f"{kind.kind}{changes}{per or ''}")
        self.server = kind(folder, 77, **SETTINGS).start()
        self.server.sql(SCHEMA.format(digits=DIGITS, filler=FILLERS[world.args.text]))
        if before:
            before(self)
        progress(f"   loading {changes} rows")
        self.server.sql("FLUSH BINARY LOGS")
        self.file = self.server.sql("SHOW BINARY LOGS")[-1][0]
        one = f"CALL load_rows({changes}, {min(per or 10000, changes)})"
        self.server.sql(one if per else f"START TRANSACTION; {one}; COMMIT", "bench")

    def close(self):
        self.server.kill()
        shutil.rmtree(self.server.folder, ignore_errors=True)

    def _timed(self, fn):
        pid = self.server.process.pid
        before = measure.cpu(pid)
        cost = fn()
        cost.server_cpu = measure.cpu(pid) - before
        return cost

    def config(self, leat, **more):
        return leat.write("bench.properties", self.server.properties(
            database__include__list="bench", table__include__list="bench.acc",
            snapshot__mode="never", topic__prefix="b", database__ssl__mode="disabled",
            include__schema__changes="false", **more,
        ))

    def leat(self):
        """`leat run --once`: from exec to exit, all of it durable in the embedded stream."""
        leat = self.world.leat()
        cmd = [leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn"]
        cost = self._timed(lambda: measure.run([*cmd, self.config(leat)]))
        got = int(leat.call("read", "b.bench.acc", "--count").stdout)
        if got != self.changes:
            raise RuntimeError(f"leat read {got} changes, {self.changes} were made")
        self.world.forget(leat)
        return cost

    def peak(self):
        """Private memory of the connector's process, at most."""
        leat = self.world.leat()
        leat.run("--once", "--log-level", "warn", self.config(leat))
        memory = measure.Memory(leat.process.pid)
        status = leat.wait(1200)
        memory.stop()
        if status != 0:
            raise RuntimeError(leat.stderr)
        self.world.forget(leat)
        return memory.peak

    def tool(self):
        """The command that prints the log as text; None: it is not on this machine."""
        if self.server.kind == "mariadb":
            found = shutil.which("mariadb-binlog")
            return [found] if found else None
        loader, *rest, daemon = self.server.program()
        path = os.path.join(os.path.dirname(os.path.dirname(daemon)), "bin/mysqlbinlog")
        return [loader, *rest, path] if os.path.exists(path) else None

    def printed(self):
        """It, from the server to /dev/null."""
        cmd = [*self.tool(), "--no-defaults", "--read-from-remote-server", "-uroot"]
        cmd += [f"--host={self.server.host}", f"--port={self.server.port}"]
        cmd += ["--base64-output=never" if self.server.kind == "mariadb" else
                "--base64-output=decode-rows", "-v", "--to-last-log", self.file]
        return self._timed(lambda: measure.run(cmd))


    def polled(self, mode):
        """All rows of the table by query capture, in its first poll."""
        leat = self.world.leat()
        config = {"connector.class": "jdbc", "connection.user": "root", "mode": mode,
                  "connection.url": f"jdbc:{self.server.kind}://{self.server.host}:"
                                    f"{self.server.port}/bench",
                  "incrementing.column.name": "aid", "table.whitelist": "acc",
                  "topic.prefix": "q_"}
        file = leat.write("polled.properties", config)
        cmd = [leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn", file]
        cost = self._timed(lambda: measure.run(cmd))
        got = int(leat.call("read", "q_acc", "--count").stdout)
        if got != self.changes:
            raise RuntimeError(f"{got} rows were read, {self.changes} are there")
        self.world.forget(leat)
        return cost

    def selected(self, text):
        """The client that prints a query's rows as they come, to /dev/null."""
        cmd = self.server.client("--quick", "-e", text, "bench")
        return self._timed(lambda: measure.run(cmd))


def _query(world, table, kind):
    from parts import in_turns, ratios

    part, ordered = f"{kind.kind}-query", "SELECT * FROM acc ORDER BY aid"
    log = Log(world, kind, world.scaled(2_000_000), 10000)
    costs = in_turns(world.runs, {
        "client, all": lambda: log.selected("SELECT * FROM acc"),
        "leat, bulk": lambda: log.polled("bulk"),
        "client, in order": lambda: log.selected(ordered),
        "leat, incrementing": lambda: log.polled("incrementing"),
    })
    n = log.changes
    for name, all_ in costs.items():
        table.add(part, name, [c.rate(n) for c in all_], "rows/s",
                  cpu=[c.cpu_per_million(n) for c in all_],
                  server=[c.server_cpu / n * 1e6 for c in all_])
    for mode, yardstick in {"bulk": "client, all", "incrementing": "client, in order"}.items():
        table.add(part, f"{mode} / client", ratios(costs[f"leat, {mode}"], costs[yardstick]), "x",
                  0.5)
    log.close()


def mysql_query(world, table):
    """2M rows by query capture into the stream, beside the client that prints them."""
    _query(world, table, mysql_server.MySQL)


def mariadb_query(world, table):
    """The same of MariaDB."""
    _query(world, table, mysql_server.MariaDB)


def _stream(world, table, kind):
    part = kind.kind
    log = Log(world, kind, world.scaled(1_000_000), 100)
    things = {"leat": log.leat}
    if log.tool():
        things["mysqlbinlog"] = log.printed
    else:
        progress("   mariadb-binlog is not on this machine: leat alone")
    from parts import in_turns, ratios  # which has these parts in its table

    costs = in_turns(world.runs, things)
    n = log.changes
    for name, all_ in costs.items():
        table.add(part, name, [c.rate(n) for c in all_], "events/s",
                  cpu=[c.cpu_per_million(n) for c in all_],
                  server=[c.server_cpu / n * 1e6 for c in all_],
                  recorded="32k-42k events/s" if name == "leat" else None)
    if "mysqlbinlog" in costs:
        table.add(part, "leat / mysqlbinlog", ratios(costs["leat"], costs["mysqlbinlog"]), "x", 0.5)
    log.close()


def mysql(world, table):
    """A backlog of transactions of 100 rows of MySQL."""
    _stream(world, table, mysql_server.MySQL)


def mariadb(world, table):
    """The same of MariaDB."""
    _stream(world, table, mysql_server.MariaDB)


def big_tx(world, table):
    """Memory of one transaction of 5M rows."""
    log = Log(world, mysql_server.MySQL, world.scaled(5_000_000), None)
    peaks = [log.peak() for _ in range(min(3, world.runs))]
    table.add("mysql-big-tx", "peak", peaks, "MiB", 48, False, recorded="RSS 985-1026 MB")
    log.close()


PARTS = {
    "mysql-stream": mysql,
    "mariadb-stream": mariadb,
    "mysql-big-tx": big_tx,
    "mysql-query": mysql_query,
    "mariadb-query": mariadb_query,
}
