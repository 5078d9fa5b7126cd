"""A load that has what breaks captures, and what must hold when it has ended.

Big transactions, rolled-back ones, savepoints, changes of keys, deletes and inserts of the same
key; `wild` adds truncates, columns that come and go, and values that PostgreSQL stores apart. At
the end the stream is folded, record by record, and must be the tables; no change of a transaction
may be missing or there twice; the ledger balances; the server may let its log go.
"""

import json
import random
import subprocess
import tempfile
import threading
import time

import psycopg
from servers.process import until

ABSENT = "__debezium_unavailable_value"
CREATE = """
    CREATE TABLE accounts (id bigint PRIMARY KEY, balance int NOT NULL, owner text);
    CREATE TABLE notes (id serial PRIMARY KEY, text text);
    CREATE TABLE files (id int PRIMARY KEY, version int NOT NULL, body text);
    ALTER TABLE files ALTER body SET STORAGE EXTERNAL;
    INSERT INTO accounts SELECT g, g, 'first' FROM generate_series(1, 100) g
"""
TABLES = ("accounts", "notes", "files")
TOPICS = [f"shop.public.{table}" for table in TABLES]


def properties(db, **more):
    """A connector `shop` that captures CREATE's tables, truncates too."""
    more = {"snapshot_streaming": "beside"} | more
    return db.properties(name="shop", skipped_operations="none", **more)


def snapshot_of(leat):
    return leat.told("shop").get("snapshot") or {}


def await_snapshot(leat, seconds=300):
    until(lambda: leat.alive() or snapshot_of(leat).get("state") == "done", seconds,
          "the end of the snapshot", every=0.3)


class Load:
    """Writes to the tables until told to stop; goes on when the server comes back."""

    def __init__(self, db, seed, wild=False, rest_s=0.0, big=0.03):
        self.db = db
        self.dice = random.Random(seed)
        self.wild = wild
        self.rest_s = rest_s  # between transactions
        self.big = big  # which part of them is of thousands of rows
        self.going = True
        self.commits = 0
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        self.going = False
        self.thread.join(60)
        assert not self.thread.is_alive()
        if self.error:
            raise self.error

    def _run(self):
        while self.going:
            try:
                with self.db.connect(autocommit=False) as c:
                    while self.going:
                        self._transaction(c)
                        time.sleep(self.rest_s)
            except psycopg.OperationalError:
                time.sleep(0.2)  # it is being killed; the transaction is committed or not
            except Exception as e:  # told by stop()
                self.error = e
                return

    def _transaction(self, c):
        kind = self.dice.random()
        if kind < self.big:
            first = self.dice.randrange(10**9)
            c.execute(
                "INSERT INTO accounts SELECT g, g %% 100, 'big' FROM"
                " generate_series(%s::bigint, %s::bigint) g ON CONFLICT DO NOTHING",
                (first, first + self.dice.randrange(1000, 15000)),
            )
        elif kind < 0.1 and self.wild:
            self._wild_change(c)
        for _ in range(self.dice.randrange(1, 20)):
            self._change(c)
        if kind > 0.9:
            c.rollback()
        else:
            c.commit()
            self.commits += 1

    def _wild_change(self, c):
        what = self.dice.randrange(6)
        if what == 0:
            c.execute("TRUNCATE notes")
        elif what == 1:
            c.execute("TRUNCATE notes, files")
        elif what == 2:
            c.execute("ALTER TABLE notes ADD COLUMN IF NOT EXISTS extra int")
        elif what == 3:
            c.execute("ALTER TABLE notes DROP COLUMN IF EXISTS extra")
        else:  # the big rows would pile up
            c.execute("DELETE FROM accounts WHERE owner = 'big'")

    def _change(self, c):
        key, other = self.dice.randrange(200), self.dice.randrange(200)
        what = self.dice.randrange(8)
        if what == 0:
            c.execute("DELETE FROM accounts WHERE id = %s", (key,))
        elif what == 1:
            c.execute(
                "UPDATE accounts SET id = %s WHERE id = %s AND NOT EXISTS"
                " (SELECT FROM accounts WHERE id = %s)",
                (other, key, other),
            )
        elif what == 2:
            c.execute("SAVEPOINT s")
            c.execute("INSERT INTO notes (text) SELECT 'undone' FROM generate_series(1, 30)")
            c.execute("ROLLBACK TO s" if self.dice.random() < 0.6 else "RELEASE s")
        elif what == 3:
            c.execute("INSERT INTO notes (text) VALUES (%s)", ("x" * self.dice.randrange(3000),))
        elif what == 4:
            c.execute("DELETE FROM notes WHERE id IN (SELECT id FROM notes ORDER BY id LIMIT 2)")
        elif what == 5:
            self._file(c, key % 20)
        else:
            c.execute(
                "INSERT INTO accounts VALUES (%s, %s, 'o') ON CONFLICT (id)"
                " DO UPDATE SET balance = accounts.balance + 1",
                (key, other),
            )

    def _file(self, c, key):
        """A long value is written, or the rest of its row, whose events then lack it."""
        if self.dice.random() < 0.3:
            body = f"{self.dice.random()} " * self.dice.randrange(200, 500)
            c.execute(
                "INSERT INTO files VALUES (%s, 1, %s) ON CONFLICT (id)"
                " DO UPDATE SET version = files.version + 1, body = excluded.body",
                (key, body),
            )
        else:
            c.execute("UPDATE files SET version = version + 1 WHERE id = %s", (key,))


def records(leat, topic, *args):
    """As Leat.read, one after the other; nothing where nobody has written the topic."""
    if topic not in {t["topic"] for t in leat.topics()}:
        return
    if hasattr(leat, "records"):  # read already, from elsewhere
        yield from leat.records[topic]
        return
    cmd = [leat.binary, "read", "--data", leat.data, topic, *args]
    with tempfile.TemporaryFile("w+") as told:
        with subprocess.Popen(
            cmd, stdout=subprocess.PIPE, stderr=told, text=True, cwd=leat.folder
        ) as reader:
            for line in reader.stdout:
                yield json.loads(line)
        told.seek(0)
        status, why = reader.returncode, told.read()
    assert status == 0, f"leat read {topic}: exit status {status}: {why}"


def fold(leat, table):
    """The table as its topic tells it: key -> row as a dict. What a change left out is what the row
    had before, under its old key if it got another one."""
    rows, was = {}, {}
    for r in records(leat, f"shop.public.{table}"):
        value, key = r["value"], r["key"] and r["key"]["id"]
        if value is None:
            rows.pop(key, None)
        elif value["op"] == "t":
            rows.clear()
        elif value["op"] == "d":
            was = rows.get(key, {})
        elif value["after"] is not None:
            moved = any(h[0] == "__debezium.oldkey" for h in r["headers"])
            row, before = value["after"], was if moved else rows.get(key, {})
            rows[key] = {k: before.get(k) if v == ABSENT else v for k, v in row.items()}
    return rows


def check_tables(db, leat, hint="", tables=TABLES):
    for table in tables:
        with db.connect(row_factory=psycopg.rows.dict_row) as c:
            rows = {r["id"]: r for r in c.execute(f"SELECT * FROM {table}")}
        got = fold(leat, table)
        assert sorted(got) == sorted(rows), f"the keys of {table} differ {hint}"
        for key, row in rows.items():
            mine = {name: got[key].get(name) for name in row}
            assert mine == row, f"{table} {key}: {str(mine)[:300]} is {str(row)[:300]} {hint}"


def check_once(leat, hint="", tables=TABLES):
    """No change of a transaction is missing or there twice. How many events there are."""
    seen, n = {}, 0  # transaction -> its numbers as bits
    topics = [f"shop.public.{table}" for table in tables]
    for r in (r for topic in topics for r in records(leat, topic, "--format", "native")):
        n += 1
        if r["snapshot"] == "false":
            mine = (3 if r["key_changed"] else 1) << (r["tx_seq"] - 1)  # a delete and an insert
            before = seen.get(r["tx"], 0)
            assert before & mine == 0, f"transaction {r['tx']} has {r['tx_seq']} twice {hint}"
            seen[r["tx"]] = before | mine
    for tx, bits in seen.items():
        assert bits & (bits + 1) == 0, f"transaction {tx} has changes {bits:b} only {hint}"
    return n


def position(leat):
    done = leat.call("status", "shop", "--json", ok=None)
    at = (json.loads(done.stdout).get("position") if done.returncode == 0 else None) or {}
    return max(at.get("lsn_proc") or 0, at.get("lsn") or 0)


def check(db, leat, hint="", tables=TABLES):
    """Waits until leat has all that the server holds, then compares; the number of events."""
    end = db.sql("SELECT pg_current_wal_lsn() - '0/0'")[0][0]
    until(lambda: leat.alive() or position(leat) >= end, 180, f"the end of the stream {hint}",
          every=0.3)

    def released():
        told = db.sql("SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots"
                      " WHERE slot_name = %s", db.name)
        return told[0][0] >= end

    until(released, 60, f"the release of the server's log {hint}", every=0.3)
    check_tables(db, leat, hint, tables)
    n = check_once(leat, hint, tables)
    counts = leat.status("shop")["counts"]
    assert counts["in_flight"] == counts["rows_in_flight"] == 0, (counts, hint)
    return n
