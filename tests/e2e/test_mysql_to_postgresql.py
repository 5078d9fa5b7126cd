"""Round trips from MySQL and MariaDB into PostgreSQL: what each server's own client says of it.
ROUND_TRIP_CHANGES and KILL_SEED as in test_round_trips."""

import os
import random
import threading
import time

import pytest
from servers.process import until
from target import PostgresTarget, sink
from test_verify import verify

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
CHANGES = int(os.environ.get("ROUND_TRIP_CHANGES", "0"))
SECONDS = 120 + CHANGES // 300

# type: [(literal, PostgreSQL's text of it; None: the literal without quotes)]
TYPES = {
    "tinyint": ["-128", "127"],
    "tinyint unsigned": ["0", "255"],
    "smallint unsigned": ["0", "65535"],
    "mediumint": ["-8388608", "8388607"],
    "int unsigned": ["0", "4294967295"],
    "bigint unsigned": ["0", "18446744073709551615"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "decimal(10,3)": ["-1234567.891", "0.000"],
    "decimal(65,30)": ["-" + "9" * 35 + "." + "9" * 30, "0." + "0" * 29 + "1"],
    "float": ["1.5", "-0.1"],
    "double": ["1.7976931348623157e+308", "-0.1"],
    "boolean": ["0", "1"],
    "char(5)": ["'ab'", "''"],
    "varchar(20)": ["'ü€😀'", "'a\\'b \\\\ '"],
    "text": ["'x\\ny\\tz'", "''"],
    "date": ["'2024-02-29'", "'9999-12-31'"],
    "time(6)": [("'12:34:56.123456'", "12:34:56.123456"), ("'00:00:00'", "00:00:00")],
    "time": [("'23:59:59'", "23:59:59")],
    "datetime": ["'1970-01-01 00:00:01'", "'9999-12-31 23:59:59'", "'1000-01-01 00:00:00'"],
    "datetime(6)": ["'2024-02-29 13:14:15.123456'"],
    "timestamp(3) NULL": [("'2024-02-29 13:14:15.123'", "2024-02-29 13:14:15.123+00")],
    "year": ["1901", "2155"],
    "json": [("'{\"a\": [1, null]}'", '{"a": [1, null]}')],
    "enum('x','y z')": ["'y z'"],
    "set('a','b')": ["'a,b'", "''"],
    "varbinary(20)": [("x'00ff10'", "\\x00ff10"), ("''", "\\x")],
    "blob": [("x'00ff5c'", "\\x00ff5c")],
    "binary(4)": [("x'0102'", "\\x01020000")],
    "bit(1)": [("b'1'", "true"), ("b'0'", "false")],
    "bit(10)": [("b'1000000001'", "1000000001")],
    "point": [("ST_GeomFromText('POINT(1 2.5)')", '{"x": 1, "y": 2.5, "wkb": '
               '"AQEAAAAAAAAAAADwPwAAAAAAAARA", "srid": null}')],
    "geometry": [("ST_GeomFromText('LINESTRING(1 1, 2 2)')", '{"wkb": "AQIAAAACAAAAAAAAAAAA8D8AAAA'
                  'AAADwPwAAAAAAAABAAAAAAAAAAEA=", "srid": null}')],
}


@pytest.fixture
def copy(postgres):
    one = PostgresTarget(postgres)
    one.sql(f"ALTER DATABASE {one.db.name} SET timezone = 'UTC'")
    yield one
    one.drop()


def text_of(value):
    literal, shown = value if isinstance(value, tuple) else (value, None)
    if shown is None:
        shown = literal[1:-1] if literal[0] == "'" else literal
        for a, b in (("\\'", "'"), ("\\n", "\n"), ("\\t", "\t"), ("\\\\", "\\")):
            shown = shown.replace(a, b)
    return literal, shown


@pytest.mark.parametrize("many", [False, True], ids=["single", "COPY"])
def test_types(binlog, leat, copy, many):
    """NULLs and extremes of each type, by the snapshot and by the log, row by row and by COPY."""
    names = [f"c{i}" for i in range(len(TYPES))]
    columns = ", ".join(f"{n} {t}" for n, t in zip(names, TYPES))
    binlog.sql(f"CREATE TABLE kinds (id int PRIMARY KEY, {columns})", "shop")
    most = max(len(v) for v in TYPES.values())
    want = {}

    def fill(first):
        for i in range(100 if many else most):
            row = [text_of(v[i % len(v)]) for v in TYPES.values()]
            values = ", ".join(literal for literal, _ in row)
            statements.append(f"INSERT INTO kinds VALUES ({first + i}, {values})")
            want[first + i] = [shown for _, shown in row]
        statements.append(f"INSERT INTO kinds (id) VALUES ({first + 999})")
        want[first + 999] = [None] * len(TYPES)
        binlog.sql("SET time_zone = '+00:00'; BEGIN;" + ";".join(statements) + ";COMMIT", "shop")
        statements.clear()

    statements = []
    fill(0)
    files = [leat.write("shop.properties", binlog.properties(
        snapshot__mode="initial", database__include__list="shop",
        bigint__unsigned__handling__mode="precise")),
        leat.write("pump.properties", sink(copy, ["shop.shop.kinds"]))]
    leat.run(*files)

    def got():
        leat.alive()
        try:
            shown = ", ".join(f"{n}::text" for n in names)
            return {row[0]: list(row[1:]) for row in copy.rows("kinds", f"id, {shown}")}
        except Exception:  # it is not there yet
            return {}

    until(lambda: len(got()) == len(want), 60, "the snapshot")
    fill(10000)
    until(lambda: len(got()) == len(want), 60, "the stream")
    has = got()
    wrong = {(t, has[i][k], want[i][k]) for i in want for k, t in enumerate(TYPES)
             if has[i][k] != want[i][k]}
    assert not wrong, sorted(wrong, key=str)


# ---- a load of all kinds, with kills

SHOP = """
    CREATE TABLE owners (id int PRIMARY KEY, name varchar(60), n bigint NOT NULL DEFAULT 0);
    CREATE TABLE orders (id int PRIMARY KEY, owner int NOT NULL, price decimal(12,2), note text,
        FOREIGN KEY (owner) REFERENCES owners (id))
"""


class Load:
    """A thread with transactions of inserts, updates, deletes and changes of keys; a big one now
    and then, and a column that comes."""

    def __init__(self, server, seed):
        self.server, self.dice, self.next = server, random.Random(seed), 1
        self.changes = 0  # at least
        self.stopping, self.failed = threading.Event(), None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            turn = 0
            while turn < 10 or not self.stopping.is_set() or self.changes < CHANGES:
                turn += 1
                if turn == 5:
                    self.server.sql("ALTER TABLE orders ADD COLUMN place varchar(20)", "shop")
                text = [self._transaction(5) for _ in range(20)]
                if turn % 8 == 3:
                    text.append(self._transaction(3000))
                self.server.sql(";".join(text), "shop")
        except AssertionError as e:
            self.failed = e

    def _transaction(self, rows):
        dice, first = self.dice, self.next
        self.next += rows
        self.changes += 2 * rows
        out = ["BEGIN"]
        owners = ", ".join(f"({i}, 'n{i}', {i})" for i in range(first, self.next))
        orders = ", ".join(f"({i}, {dice.randint(first, i)}, {i}.25, REPEAT('ü', {i % 50}))"
                           for i in range(first, self.next))
        out.append(f"INSERT INTO owners VALUES {owners}")
        out.append(f"INSERT INTO orders (id, owner, price, note) VALUES {orders}")
        at = dice.randint(1, first)
        out.append(f"UPDATE orders SET price = price - 0.01 WHERE id BETWEEN {at} AND {at + 5}")
        out.append(f"UPDATE owners SET n = -n WHERE id = {at}")
        if dice.random() < 0.3:
            out.append(f"DELETE FROM orders WHERE id = {dice.randint(1, first)}")
        if dice.random() < 0.3:  # negative keys are its alone: none is there twice
            out.append(f"UPDATE orders SET id = -id WHERE id = {dice.randint(1, first)}")
        return ";".join(out + ["COMMIT"])

    def stop(self):
        self.stopping.set()
        self.thread.join(SECONDS)
        if self.failed:
            raise self.failed
        assert not self.thread.is_alive()


def rows(place, table, columns):
    """As texts."""
    if isinstance(place, PostgresTarget):
        shown = ", ".join(f"coalesce({c}::text, '-')" for c in columns)
        return [list(r) for r in place.sql(f"SELECT {shown} FROM {table} ORDER BY id")]
    shown = ", ".join(f"IFNULL({c}, '-')" for c in columns)
    return place.sql(f"SELECT {shown} FROM {table} ORDER BY id", "shop")


@pytest.mark.timeout(120 + 3 * SECONDS)
@pytest.mark.parametrize("mode", ["transaction", "batch"])
def test_kills(binlog, leat, copy, mode):
    """Source and sink are killed under it: nothing is lost, nothing doubled, as both servers' own
    clients say and `leat verify`; with transaction no order is ever seen without its owner."""
    dice, hint = random.Random(SEED), f"(KILL_SEED={SEED})"
    binlog.sql(SHOP, "shop")
    if mode == "transaction":  # the target holds it to that
        copy.sql("CREATE TABLE owners (id int PRIMARY KEY, name text, n bigint);"
                 "CREATE TABLE orders (id int PRIMARY KEY, owner int REFERENCES owners,"
                 " price numeric(12,2), note text)")
    files = [leat.write("shop.properties", binlog.properties(
        database__include__list="shop", errors__retry__delay__initial__ms="100")),
        leat.write("pump.properties", sink(copy, ["shop.shop.owners", "shop.shop.orders"],
                                           apply_mode=mode, errors_retry_delay_initial_ms="100"))]
    leat.run(*files)
    until(lambda: leat.alive() or leat.told("shop").get("state") == "RUNNING", 60, "the start")
    load = Load(binlog, SEED)
    try:
        for victim in ("shop", "pump", None, "pump", "shop", None) * max(1, CHANGES // 250_000):
            time.sleep(dice.uniform(0.5, 2))
            pid = leat.told(victim).get("pid") if victim else None
            if pid:
                os.kill(pid, 9)
            else:
                leat.kill()
                leat.run(*files)
    finally:
        load.stop()
    tables = {"owners": ["id", "name", "n"], "orders": ["id", "owner", "price", "note", "place"]}
    want = {t: rows(binlog, t, c) for t, c in tables.items()}

    def equal():
        leat.alive()
        try:
            return all(rows(copy, t, c) == want[t] for t, c in tables.items())
        except Exception:  # the table, or the column, is not there yet
            return False

    until(equal, SECONDS, f"a target that is the source {hint}", every=0.5)
    told, compared, found = verify(leat)
    assert told["equal"] and not found and len(compared) == len(tables), (told, hint)
    counts = leat.status("pump")["counts"]
    assert counts["dead"] == 0 and len(want["orders"]) > 1000, (counts, hint)
