"""leat and PostgreSQL killed at random moments under load: nothing is lost, nothing is doubled.

The load has what breaks captures: big transactions, rolled-back ones, savepoints, changes of keys,
deletes and inserts of the same key. At the end the stream is folded, record by record, and must be
the tables; and no change of a transaction may be missing or there twice.
"""

import json
import os
import random
import signal
import threading
import time

import psycopg
import pytest
from servers.process import until

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)


class Load:
    """Writes to accounts and notes until told to stop; goes on when the server comes back."""

    def __init__(self, db, seed):
        self.db = db
        self.dice = random.Random(seed)
        self.going = True
        self.commits = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        self.going = False
        self.thread.join(60)
        assert not self.thread.is_alive()

    def _run(self):
        while self.going:
            try:
                with self.db.connect(autocommit=False) as c:
                    while self.going:
                        self._transaction(c)
            except psycopg.Error:
                time.sleep(0.2)  # it is being killed; the transaction is committed or not

    def _transaction(self, c):
        kind = self.dice.random()
        if kind < 0.03:
            first = self.dice.randrange(10**9)
            c.execute(
                "INSERT INTO accounts SELECT g, g % 100, 'big' FROM"
                " generate_series(%s::bigint, %s::bigint) g ON CONFLICT DO NOTHING",
                (first, first + self.dice.randrange(1000, 15000)),
            )
        for _ in range(self.dice.randrange(1, 20)):
            self._change(c)
        if kind > 0.9:
            c.rollback()
        else:
            c.commit()
            self.commits += 1

    def _change(self, c):
        key, other = self.dice.randrange(200), self.dice.randrange(200)
        what = self.dice.randrange(7)
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
        else:
            c.execute(
                "INSERT INTO accounts VALUES (%s, %s, 'o') ON CONFLICT (id)"
                " DO UPDATE SET balance = accounts.balance + 1",
                (key, other),
            )


TABLES = {"accounts": "id, balance, owner", "notes": "id, text"}


def fold(leat, table):
    """The table as its topic tells it: key -> row."""
    rows = {}
    for line in leat.call("read", f"shop.public.{table}", seconds=300).stdout.split("\n")[:-1]:
        r = json.loads(line)
        if r["value"] is None:
            rows.pop(r["key"]["id"], None)
        elif r["value"]["after"] is not None:
            rows[r["key"]["id"]] = tuple(r["value"]["after"].values())
    return rows


def changes(leat):
    """transaction -> the numbers of its changes, over all topics."""
    seen = {}
    for table in TABLES:
        topic = f"shop.public.{table}"
        out = leat.call("read", topic, "--format", "native", seconds=300).stdout
        for line in out.split("\n")[:-1]:
            r = json.loads(line)
            if r["snapshot"] == "false":
                seen.setdefault(r["tx"], []).append((r["tx_seq"], r["key_changed"]))
    return seen


def connector_pid(leat):
    done = leat.call("status", "shop", "--json", ok=None)
    return json.loads(done.stdout).get("pid") if done.returncode == 0 else None


def kill_leat(leat, config, dice):
    if dice.random() < 0.5:
        pid = connector_pid(leat)
        if pid:
            os.kill(pid, signal.SIGKILL)  # the supervisor starts it again
    else:
        leat.kill()
        leat.run(config)


def check(db, leat):
    end = db.sql("SELECT pg_current_wal_lsn() - '0/0'")[0][0]

    def passed():
        done = leat.call("status", "shop", "--json", ok=None)
        position = (json.loads(done.stdout).get("position") if done.returncode == 0 else None) or {}
        return max(position.get("lsn_proc") or 0, position.get("lsn") or 0) >= end

    until(passed, 120, "the end of the stream", every=0.3)
    for table, columns in TABLES.items():
        rows = {r[0]: r for r in db.sql(f"SELECT {columns} FROM {table}")}
        got = fold(leat, table)
        assert len(got) == len(rows) and got == rows, f"{table} differs (KILL_SEED={SEED})"
    for tx, numbers in changes(leat).items():
        wanted, n = [], 1
        for number, key_changed in sorted(numbers):
            wanted.append(n)
            n += 2 if key_changed else 1
        assert [number for number, _ in sorted(numbers)] == wanted, (
            f"transaction {tx} has changes {sorted(numbers)[:50]} (KILL_SEED={SEED})"
        )


@pytest.mark.parametrize("leats, servers", [(10, 5)])
def test_kills(db, leat, leats, servers):
    dice = random.Random(SEED)
    db.sql(
        "CREATE TABLE accounts (id bigint PRIMARY KEY, balance int NOT NULL, owner text);"
        "CREATE TABLE notes (id serial PRIMARY KEY, text text);"
        "INSERT INTO accounts SELECT g, g, 'first' FROM generate_series(1, 100) g"
    )
    config = leat.write("shop.properties", db.properties(name="shop"))
    leat.run(config)
    until(lambda: connector_pid(leat), 30, "the connector")
    load = Load(db, SEED)
    victims = ["leat"] * leats + ["server"] * servers
    dice.shuffle(victims)
    for victim in victims:
        time.sleep(dice.uniform(0.3, 1.5))
        if victim == "leat":
            kill_leat(leat, config, dice)
        else:
            db.server.kill() if dice.random() < 0.5 else db.server.stop("immediate")
            time.sleep(dice.uniform(0, 0.5))
            db.server.start()
    time.sleep(1)
    load.stop()
    assert load.commits > 20
    check(db, leat)
