"""Snapshots of MySQL and MariaDB beside the stream: killed at any moment under load they go on
where they were, and the stream folds to the tables. SNAP_KILLS, SNAP_ROWS and KILL_SEED: more."""

import collections
import json
import os
import random
import threading
import time

import pytest
from binlog import mark
from load import await_snapshot, records
from servers.process import until
from test_kills import connector_pid, kill_leat

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
KILLS = int(os.environ.get("SNAP_KILLS", "3"))
ROWS = int(os.environ.get("SNAP_ROWS", "24000"))  # in all
SMALL = {"limits__memory": "24m", "max__event__bytes": "1m"}  # and so small chunks
KEYED = {
    "t0": ("id",),
    "t1": ("id",),
    "names": ("first", "last"),
}
KEYLESS = ("bare", "old")

TABLES = """
CREATE TABLE t0 (id bigint PRIMARY KEY, version bigint NOT NULL, text varchar(200), body longtext);
CREATE TABLE t1 (id bigint unsigned PRIMARY KEY, version bigint NOT NULL, text varchar(200),
    body longtext);
CREATE TABLE names (first varchar(20) COLLATE utf8mb4_general_ci, last varbinary(20),
    version bigint NOT NULL, text varchar(200), PRIMARY KEY (first, last));
CREATE TABLE bare (a int, b varchar(50));
CREATE TABLE old (a int, b varchar(50)) ENGINE=MyISAM;
CREATE TABLE zz_end (id int PRIMARY KEY);
"""


def numbers(server, n):
    """A SELECT of 1 to n, as table s."""
    limit = "cte_max_recursion_depth" if server.kind == "mysql" else "max_recursive_iterations"
    return f"SET SESSION {limit} = 10000000;", (
        f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {n})"
    )


def create(server, rows):
    limit, s = numbers(server, rows)
    server.sql(TABLES, "shop")
    for t in ("t0", "t1"):
        server.sql(
            f"{limit} INSERT INTO {t} {s} SELECT n, 1, REPEAT('x', n % 60),"
            " IF(n % 50 = 0, REPEAT(HEX(n + 100000), 100), NULL) FROM s",
            "shop",
        )
    server.sql(
        f"{limit} INSERT INTO names {s} SELECT CONCAT('N', n % 97), n, 1, 'first' FROM s;"
        f"INSERT INTO bare {s} SELECT n % 100, 'b' FROM s LIMIT 2000;"
        f"INSERT INTO old {s} SELECT n % 100, 'o' FROM s LIMIT 500",
        "shop",
    )


class Writer:
    """Writes until told to stop, or the test has failed, in batches; rows have a version that only
    grows. truncates: how likely a transaction empties t1."""

    def __init__(self, server, seed, rows, truncates=0.01):
        self.server, self.rows, self.truncates = server, rows, truncates
        self.dice = random.Random(seed)
        self.version = 1
        self.going, self.batches, self.error = True, 0, None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        self.going = False
        self.thread.join(120)
        assert not self.thread.is_alive()
        if self.error and not failed:
            raise self.error

    def _run(self):
        try:
            while self.going:
                self.server.sql("".join(self._transaction() for _ in range(10)), "shop", force=True)
                self.batches += 1
        except Exception as e:  # told by stop()
            self.error = e

    def _transaction(self):
        text = "".join(self._change() for _ in range(self.dice.randrange(1, 15)))
        if self.dice.random() < self.truncates:
            text += "TRUNCATE t1;"
        return f"BEGIN;{text}{'ROLLBACK' if self.dice.random() < 0.05 else 'COMMIT'};"

    def _change(self):
        self.version += 1
        v, dice = self.version, self.dice
        key, other = dice.randrange(self.rows), dice.randrange(self.rows)
        t = dice.choice(("t0", "t1"))
        name = f"first = 'n{key % 97}' AND last = '{key}'"
        return dice.choice(
            [
                f"DELETE FROM {t} WHERE id = {key};",
                f"UPDATE IGNORE {t} SET id = {other}, version = {v} WHERE id = {key};",
                f"UPDATE {t} SET version = {v}, text = 'u{other}' WHERE id = {key};",
                f"UPDATE {t} SET version = {v} WHERE id BETWEEN {key} AND {key + 20};",
                f"REPLACE INTO {t} VALUES ({key}, {v}, 'new', REPEAT('b', {other % 3000}));",
                f"UPDATE names SET version = {v}, text = 'u' WHERE {name};",
                f"UPDATE IGNORE names SET first = 'Z{other % 9}', version = {v} WHERE {name};",
                f"DELETE FROM names WHERE {name};",
                f"INSERT INTO bare VALUES ({key}, 'i{v}');",
                f"UPDATE bare SET b = 'u{v}' WHERE a = {key} LIMIT 1;",
                f"DELETE FROM bare WHERE a = {key} LIMIT 1;",
                f"INSERT INTO old VALUES ({key}, 'i{v}');",
                f"DELETE FROM old WHERE a = {key} LIMIT 1;",
            ]
        )


# ---- what must hold


def rows_of(server, table):
    """All rows as JSON, by the server."""
    columns = [r[0] for r in server.sql(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'shop' AND"
        f" table_name = '{table}' ORDER BY ordinal_position")]
    pairs = ", ".join(
        f"'{c}', {'TO_BASE64(`last`)' if c == 'last' else f'`{c}`'}" for c in columns)
    return [json.loads(r[0].replace("\\\\", "\\"))
            for r in server.sql(f"SELECT JSON_OBJECT({pairs}) FROM {table}", "shop")]


def key_of(table, row):
    return tuple(row[c] for c in KEYED[table])


def fold(leat, table, hint):
    """The table as its topic tells it, and that no row's version ever goes back."""
    rows, last = {}, {}
    for r in records(leat, f"shop.shop.{table}"):
        value = r["value"]
        if value is None:
            continue
        if value["op"] == "t":
            rows.clear()
        elif value["op"] == "d":
            rows.pop(key_of(table, value["before"]), None)
        else:
            row = value["after"]
            key = key_of(table, row)
            before = last.get(key, 0) - (value["op"] == "r")
            assert row["version"] > before, (
                f"{table} {key}: version {row['version']} ({value['op']}) is behind {before} {hint}"
            )
            last[key] = row["version"]
            rows[key] = row
    return rows


def fold_bag(leat, table, hint):
    """The rows of a table without a key, each as often as it is there."""
    bag = collections.Counter()
    for r in records(leat, f"shop.shop.{table}"):
        value = r["value"]
        for part, n in (("before", -1), ("after", 1)):
            row = value and value[part]
            if row and not (part == "before" and value["op"] == "r"):
                bag[json.dumps(row, sort_keys=True)] += n
        assert min(bag.values(), default=0) >= 0, f"{table}: {value} of a row not there {hint}"
    return +bag


def check(server, leat, hint, keyless=KEYLESS):
    mark(server, leat, "shop.shop.zz_end", database="shop")
    for table in KEYED:
        mine = fold(leat, table, hint)
        theirs = {key_of(table, r): r for r in rows_of(server, table)}
        assert sorted(mine) == sorted(theirs), f"the keys of {table} {hint}"
        for key, row in theirs.items():
            assert mine[key] == row, f"{table} {key} {hint}"
    for table in keyless:
        theirs = collections.Counter(json.dumps(r, sort_keys=True) for r in rows_of(server, table))
        assert fold_bag(leat, table, hint) == theirs, f"{table} {hint}"
    counts = leat.status("shop")["counts"]
    assert counts["in_flight"] == counts["rows_in_flight"] == 0, (counts, hint)


def config_of(server, **more):
    config = server.properties(database__include__list="shop", **SMALL, **more)
    del config["snapshot.mode"]
    return config | {"skipped.operations": "none"}


@pytest.mark.timeout(900 + ROWS // 100)
@pytest.mark.parametrize("gtid,readers", [("true", 2), ("false", 1)])
def test_killed_at_any_moment(gtid, readers, binlog, leat, faulty):
    """The first process dies at a statement that is inside of the snapshot on any machine, so that
    it surely goes on; the others when the dice say."""
    dice, hint = random.Random(SEED), f"(KILL_SEED={SEED})"
    rows = ROWS // len(KEYED)
    create(binlog, rows)
    config = leat.write(
        "shop.properties",
        config_of(binlog, binlog__gtid=gtid, snapshot__max__threads=readers),
    )
    with Writer(binlog, SEED, rows) as writer:
        faulty.run(config, env={"LEAT_FAULT": "source_query:120:kill"})
        until(lambda: "resumed=true" in faulty.stderr, 300, "a snapshot that goes on")
        faulty.kill()
        leat.run(config)
        until(lambda: connector_pid(leat), 120, "the connector")
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.1, 1.5))
            kill_leat(leat, [config], dice)
        await_snapshot(leat, max(600, ROWS // 100))
        seen = writer.batches
        until(lambda: writer.batches > seen + 2 or writer.error, 300, "changes behind the snapshot")
    check(binlog, leat, hint)


def test_it_goes_on_where_it_was(binlog, faulty):
    """Each row once, although it was killed in the middle; marked as Debezium marks them."""
    limit, s = numbers(binlog, 60000)
    binlog.sql(f"CREATE TABLE t (id int PRIMARY KEY, v text); {limit}"
               f"INSERT INTO t {s} SELECT n, REPEAT('v', 100) FROM s", "shop")
    config = faulty.write("shop.properties", config_of(binlog))
    faulty.run("--once", config, env={"LEAT_FAULT": "source_query:200:kill"})
    until(lambda: "child_died" in faulty.stderr, 300, "the kill")
    faulty.kill()
    assert "snapshot.beside" in faulty.stderr and "snapshot.done" not in faulty.stderr
    before = len(faulty.read("shop.shop.t"))
    assert 0 < before < 60000
    faulty.call("run", "--once", config, seconds=400)
    rows = [r["value"] for r in faulty.read("shop.shop.t")]
    assert sorted(v["after"]["id"] for v in rows) == list(range(1, 60001)), "each row once"
    assert rows[0]["source"]["snapshot"] == "first"
    assert rows[-1]["source"]["snapshot"] == "last"
