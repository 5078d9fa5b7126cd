"""leat and its MySQL or MariaDB killed at random moments under load with DDL in the middle, and a
failover between two servers: each committed change once, in order. KILLS and KILL_SEED change how
often and when."""

import os
import random
import threading
import time

import pytest
from binlog import mark, restart, stream
from servers import mysql as mysql_server
from servers.process import until

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
KILLS = int(os.environ.get("KILLS", "0"))  # 0: the few of every day
TABLE = "CREATE TABLE t (id int PRIMARY KEY, v varchar(20));"
TABLE += "CREATE TABLE zz_end (id int PRIMARY KEY)"
BATCH = 20


class Load:
    """A thread that inserts rows with growing ids and adds a column now and then. What a statement
    did that its server's death interrupted, it finds out from the table."""

    def __init__(self, server):
        self.server, self.stopping = server, threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set():
            try:
                self._batch()
            except AssertionError:  # the server was killed
                time.sleep(0.2)

    def _batch(self):
        next_id = int(self.server.sql("SELECT COUNT(*) FROM t", "shop")[0][0])
        columns = len(self.server.sql("SHOW COLUMNS FROM t", "shop")) - 2
        text = []
        if next_id // (5 * BATCH) > columns:
            text.append(f"ALTER TABLE t ADD COLUMN c{columns} int DEFAULT {columns}")
        rows = list(range(next_id, next_id + BATCH))
        text.append(f"INSERT INTO t (id, v) VALUES ({rows[0]}, 'x')")
        many = ", ".join(f"({i}, 'y')" for i in rows[1:6])
        text.append(f"BEGIN; INSERT INTO t (id, v) VALUES {many}; COMMIT")
        text += [f"INSERT INTO t (id, v) VALUES ({i}, 'z')" for i in rows[6:]]
        self.server.sql(";".join(text), "shop")

    def stop(self):
        self.stopping.set()
        self.thread.join()


def config(server, **more):
    return server.properties(
        database__include__list="shop", errors__retry__delay__initial__ms="100", **more
    )


def values(leat):
    return [r["value"]["after"] for r in leat.read("shop.shop.t") if r["value"] is not None]


def check(server, leat):
    """What came is what the table has, in order, and each row has the columns of its time."""
    count = int(server.sql("SELECT COUNT(*) FROM t", "shop")[0][0])
    got = values(leat)
    assert [v["id"] for v in got] == list(range(count)), f"(KILL_SEED={SEED})"
    added = 0
    for v in got:
        columns = [c for c in v if c.startswith("c")]
        assert len(columns) >= added and all(v[c] == int(c[1:]) for c in columns), v
        added = len(columns)
    assert added == len(server.sql("SHOW COLUMNS FROM t", "shop")) - 2


def kill_server(server, dice):
    server.kill()
    time.sleep(dice.uniform(0, 0.5))
    server.start()


@pytest.mark.parametrize("gtid", ["true", "false"])
def test_kills(gtid, binlog, leat):
    dice = random.Random(SEED)
    binlog.sql(TABLE, "shop")
    file = leat.write("shop.properties", config(binlog, binlog__gtid=gtid))
    stream(leat, file)
    load = Load(binlog)
    few = 5 if gtid == "true" else 2
    victims = ["leat"] * (KILLS or few) + ["server"] * (KILLS or few)
    dice.shuffle(victims)
    try:
        for victim in victims:
            time.sleep(dice.uniform(0.2, 1.2))
            if victim == "leat":
                leat.kill()
                leat.run(file)
            else:
                kill_server(binlog, dice)
    finally:
        load.stop()
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    check(binlog, leat)


def replicate(server, source):
    """server follows source by GTID."""
    if server.kind == "mysql":
        server.sql(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='{source.host}', SOURCE_PORT={source.port}, "
            "SOURCE_USER='root', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1,"
            "SOURCE_CONNECT_RETRY=1; START REPLICA"
        )
    else:
        server.sql(
            f"CHANGE MASTER TO MASTER_HOST='{source.host}', MASTER_PORT={source.port}, "
            "MASTER_USER='root', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE"
        )


def executed(server):
    what = "gtid_executed" if server.kind == "mysql" else "gtid_binlog_pos"
    return server.sql(f"SELECT @@global.{what}")


def test_failover(binlog_process, tmp_path, leat):
    """The primary dies under load, its replica takes over: leat goes on there by GTIDs, with
    what it had not read yet."""
    kind = type(binlog_process)
    more = {"log_slave_updates": "ON"} if binlog_process.kind == "mariadb" else {}
    servers = [kind(tmp_path / f"s{i}", 31 + i, **more) for i in (0, 1)]
    primary, replica = servers
    try:
        primary.start()
        replica.start()
        replicate(replica, primary)
        primary.sql(f"CREATE DATABASE shop; USE shop; {TABLE}")
        until(lambda: executed(primary) == executed(replica), 120, "the replica")
        file = leat.write("shop.properties", config(primary))
        stream(leat, file)
        load = Load(primary)
        leat.read_until("shop.shop.t", 100, seconds=120)
        leat.kill()
        time.sleep(1)
        load.stop()
        until(lambda: executed(primary) == executed(replica), 120, "the replica's end")
        primary.kill()
        replica.sql("STOP SLAVE" if replica.kind == "mariadb" else "STOP REPLICA")
        load = Load(replica)
        file = leat.write("shop.properties", config(replica))
        restart(leat, file)
        behind = len(values(leat))
        leat.read_until("shop.shop.t", behind + 100, seconds=120)
        load.stop()
        mark(replica, leat, "shop.shop.zz_end", database="shop")
        check(replica, leat)
    finally:
        for server in servers:
            server.kill()


def test_server_id_twice(binlog, leat, tmp_path):
    """Two readers with one database.server.id: the server ends one of them, and it says why."""
    binlog.sql(TABLE, "shop")
    file = leat.write("shop.properties", config(binlog))
    stream(leat, file)
    other = type(leat)(tmp_path / "other")
    try:
        stream(other, other.write("shop.properties", config(binlog)))
        until(
            lambda: "mysql.server_id_taken" in leat.stderr + other.stderr, 60, "the collision",
        )
    finally:
        other.kill()
    line = next(
        one for one in (leat.stderr + other.stderr).splitlines() if "server_id_taken" in one
    )
    assert "database.server.id" in line
