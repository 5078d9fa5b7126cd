"""Round trips from PostgreSQL into each of PostgreSQL, MySQL, MariaDB and SQLite, while every part
is killed again and again: `leat verify` says that the target is the source, and so do their own
clients.

The load is that of load.py and a trade beside it: rows with foreign keys, keys that change and
take others with them, columns that come, and money that moves between two tables, of which a reader
of the target sees no part of a transaction. ROUND_TRIP_CHANGES and KILL_SEED change how much, and
when who is killed."""

import contextlib
import os
import random
import signal
import sqlite3
import threading
import time

import psycopg
import pytest
from load import CREATE, TABLES, Load, await_snapshot, position
from load import properties as loaded
from servers.process import until
from target import sink
from test_kills import kill_server
from test_sink_sql import make_target, same
from test_verify import verify

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
CHANGES = int(os.environ.get("ROUND_TRIP_CHANGES", "50000"))
SECONDS = 180 + CHANGES // 300

# In words that all four understand.
TRADE = (
    "CREATE TABLE customers (id bigint PRIMARY KEY, name varchar(60) NOT NULL)",
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL, total numeric(12,2),"
    " FOREIGN KEY (customer) REFERENCES customers (id) ON UPDATE CASCADE ON DELETE CASCADE)",
    "CREATE TABLE items (id bigint PRIMARY KEY, place bigint NOT NULL, n int,"
    " FOREIGN KEY (place) REFERENCES orders (id) ON UPDATE CASCADE ON DELETE CASCADE)",
    "CREATE TABLE debits (id int PRIMARY KEY, n bigint NOT NULL)",
    "CREATE TABLE credits (id int PRIMARY KEY, n bigint NOT NULL)",
)
TRADED = ("customers", "orders", "items", "debits", "credits")
ACCOUNTS = 1000
MOVED = 10**9  # keys that changed are above it


class Trade(Load):
    """What load.py does, and in the same transactions the trade."""

    def __init__(self, db, seed):
        self.next = 1
        super().__init__(db, seed, rest_s=0.01, big=0.1)

    def _transaction(self, c):
        one = self.dice.randrange(1, self.next + 1)
        what = self.dice.randrange(20)
        if what < 8:
            self._sell(c)
        elif what < 11:
            c.execute("UPDATE customers SET id = id + %s WHERE id = %s", (MOVED, one))
        elif what < 13:
            c.execute("DELETE FROM customers WHERE id = %s", (one,))
        elif what < 14:
            column = f"extra{self.dice.randrange(3)}"
            c.execute(f"ALTER TABLE orders ADD COLUMN IF NOT EXISTS {column} text")
            self._sell(c, column)
        elif what < 15:
            self._move(c, ">= %s", 1)
        else:
            self._move(c, "= %s", self.dice.randrange(ACCOUNTS))
        super()._transaction(c)

    def _sell(self, c, column="id"):
        first = self.next
        self.next += self.dice.randrange(2, 12)
        value = "g" if column == "id" else "'x' || g"
        c.execute("INSERT INTO customers VALUES (%s, 'ünï ' || %s)", (first, first))
        names = "id, customer, total" + (f", {column}" if column != "id" else "")
        more = f", {value}" if column != "id" else ""
        c.execute(f"INSERT INTO orders ({names}) SELECT g, %s, g / 100.0{more}"
                  " FROM generate_series(%s::int, %s::int) g", (first, first, self.next - 1))
        c.execute("INSERT INTO items SELECT g, g, g %% 7 FROM generate_series(%s::int, %s::int) g",
                  (first, self.next - 1))

    def _move(self, c, which, account):
        by = self.dice.randrange(1, 100)
        c.execute(f"UPDATE debits SET n = n - %s WHERE id {which}", (by, account))
        c.execute(f"UPDATE credits SET n = n + %s WHERE id {which}", (by, account))


class Watcher:
    """Asks the target for the sums, as fast as it answers."""

    ASKS = ("SELECT (SELECT sum(n) FROM debits), (SELECT sum(n) FROM credits),"
            " (SELECT count(*) FROM orders WHERE customer NOT IN (SELECT id FROM customers))")
    AWAY = (psycopg.Error, sqlite3.Error, AssertionError)  # killed, or without its tables yet

    def __init__(self, target):
        self.target, self.going, self.seen = target, True, set()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while self.going:
            with contextlib.suppress(*self.AWAY):
                row = self.target.sql(self.ASKS)[0]
                self.seen.add(tuple(int(v) if v not in (None, "NULL") else 0 for v in row))
            time.sleep(0.01)

    def stop(self):
        self.going = False
        self.thread.join(60)
        assert len(self.seen) > 3, "it has not seen anything move"
        broken = [row for row in self.seen if row[0] + row[1] != 0 or row[2] != 0]
        assert not broken, (broken[:3], SEED)


def settled(db, leat, target, tables, hint):
    """Waits until the target has what the source has, by their own clients."""
    end = db.sql("SELECT pg_current_wal_lsn() - '0/0'")[0][0]
    until(lambda: leat.alive() or position(leat) >= end, SECONDS, f"the end of the stream {hint}",
          every=0.3)

    def equal():
        leat.alive()
        try:
            for table in tables:
                same(db, target, table)
            return True
        except (AssertionError, psycopg.Error, sqlite3.Error):  # a table is not there yet
            return False

    until(equal, SECONDS, f"a target that is the source {hint}", every=1)


def kill_one(name, leat, files):
    """A connector; None: all of leat."""
    pid = leat.told(name).get("pid") if name else None
    if not pid:
        leat.kill()
        leat.run(*files)
        return
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, signal.SIGKILL)


def kill(victim, db, leat, target, files, dice):
    if victim == "source":
        kill_server(db, dice)
    elif victim == "target":
        target.server.kill()
        target.server.start()
    else:
        kill_one(victim, leat, files)


def received(leat):
    return (leat.told("shop").get("counts") or {}).get("received", 0)


def dumped(db):
    """Its rows; sequences are the source's alone."""
    lines = db.dump("--data-only", "--exclude-table=leat_cursors")
    return [line for line in lines if "pg_catalog.setval" not in line]


@pytest.mark.timeout(120 + 5 * SECONDS)
@pytest.mark.parametrize("kind, mode", [
    ("postgresql", "transaction"), ("postgresql", "batch"), ("sqlite", "transaction"),
    ("mysql", "transaction"), ("mariadb", "batch"),
])
def test_every_part_is_killed(request, db, leat, kind, mode):
    """Nothing is lost, nothing doubled; with transactions none is ever seen in part, and the target
    holds the sink to its foreign keys."""
    dice, hint = random.Random(SEED), f"(KILL_SEED={SEED})"
    target = make_target(request, kind)
    request.addfinalizer(target.drop)
    db.sql(CREATE)
    for statement in TRADE:
        db.sql(statement)
        if mode == "transaction":  # SQLite's numeric would be doubles
            exact = "text" if kind == "sqlite" else "numeric(12,2)"
            target.sql(statement.replace("numeric(12,2)", exact))
    for table in ("debits", "credits"):
        db.sql(f"INSERT INTO {table} SELECT g, 0 FROM generate_series(1, {ACCOUNTS}) g")
    tables = (*TABLES, *TRADED)
    quick = {"errors_retry_delay_initial_ms": "100"}
    files = [leat.write("shop.properties", loaded(db, **quick)),
             leat.write("pump.properties", sink(target, [f"shop.public.{t}" for t in tables],
                                                apply_mode=mode, **quick))]
    leat.run(*files)
    await_snapshot(leat)
    load = Trade(db, SEED)
    watcher = Watcher(target) if mode == "transaction" else None
    victims = ["shop", "pump", "pump", None, "source"]
    victims += ["target"] if kind in ("mysql", "mariadb") else ["pump"]
    dice.shuffle(victims)
    for victim in victims * max(1, CHANGES // 250_000):
        time.sleep(dice.uniform(0.5, 2))
        kill(victim, db, leat, target, files, dice)
    until(lambda: leat.alive() or received(leat) >= CHANGES, SECONDS, f"{CHANGES} changes {hint}")
    load.stop()
    settled(db, leat, target, tables, hint)
    if watcher:
        watcher.stop()
    if kind == "postgresql":
        only = sorted(set(dumped(db)) ^ set(dumped(target.db)))
        assert not only, (only[:4], hint)
    told, compared, found = verify(leat)
    assert told["equal"] and not found and compared.keys() == set(tables), (told, hint)
    assert leat.status("pump")["counts"]["dead"] == 0, hint


def test_giant_transactions(db, leat, copy):
    """apply.mode=transaction: money moves between three tables, also in transactions of more bytes
    than a frame; whoever reads the target sees a sum of zero, always, also while leat is killed."""
    dice = random.Random(SEED)
    for t in "abc":
        for place in (db, copy):
            place.sql(f"CREATE TABLE {t} (id int PRIMARY KEY, n bigint NOT NULL, wide text)")
    for t in "abc":
        db.sql(f"INSERT INTO {t} SELECT g, 0, repeat('w', 300) FROM generate_series(1, 10000) g")
    topics = [f"shop.public.{t}" for t in "abc"]
    files = [leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(copy, topics, apply_mode="transaction"))]
    leat.run(*files)
    until(lambda: leat.alive() or sum(copy.rows(t, "count(*)")[0][0] for t in "abc") == 30000, 120,
          "the snapshot")
    seen, going = [], [True]

    def watch():
        with copy.db.connect() as c:
            while going[0]:
                sums = c.execute("SELECT (SELECT sum(n) FROM a), (SELECT sum(n) FROM b),"
                                 " (SELECT sum(n) FROM c)").fetchone()
                seen.append(sums)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    with db.connect(autocommit=False) as c:
        for i in range(40):
            many = i % 10 == 5  # then it is 30,000 changes, of which each table is a part
            x = 1 if many else dice.randrange(1, 10000)
            c.execute(f"UPDATE a SET n = n + 2 WHERE id {'>=' if many else '='} %s", (x,))
            c.execute(f"UPDATE b SET n = n - 1 WHERE id {'>=' if many else '='} %s", (x,))
            c.execute(f"UPDATE c SET n = n - 1 WHERE id {'>=' if many else '='} %s", (x,))
            c.commit()
            if i % 20 == 6:
                kill_one(dice.choice(["shop", "pump", None]), leat, files)
    settled(db, leat, copy, "abc", f"(KILL_SEED={SEED})")
    going[0] = False
    watcher.join(60)
    assert len(set(seen)) > 3, "the watcher has seen it move"
    broken = [s for s in seen if sum(s) != 0]
    assert not broken, (broken[:3], SEED)
