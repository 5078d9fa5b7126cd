"""Snapshots beside the stream: killed at any moment under load they go on where they were, and the
stream folds to the tables. SNAP_KILLS, SNAP_ROWS and KILL_SEED: more of it."""

import json
import os
import random
import signal
import time

import psycopg
import pytest
from load import CREATE, Load, check, properties, records
from servers.process import until

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
KILLS = int(os.environ.get("SNAP_KILLS", "5"))
ROWS = int(os.environ.get("SNAP_ROWS", "200000"))  # in all
MORE = [f"t{i}" for i in range(17)]

TABLE = """
CREATE TABLE {0} (id bigint PRIMARY KEY, version bigint NOT NULL, text text, body text);
ALTER TABLE {0} ALTER body SET STORAGE EXTERNAL;
INSERT INTO {0} SELECT g, nextval('versions'), repeat(chr(97 + g % 26), 50),
    CASE WHEN g % 50 = 0 THEN repeat(md5(g::text), 100) END FROM generate_series(1, {1}) g;
"""


class WideLoad(Load):
    """Beside load.py's changes, others in many tables, each with a version that only grows: updates
    that leave a long value unsent, keys that move far, deletes and inserts of the same key,
    truncates, transactions that run for long."""

    def __init__(self, db, seed, rows, **options):
        self.rows = rows
        super().__init__(db, seed, **options)

    def _transaction(self, c):
        super()._transaction(c)
        table = self.dice.choice(MORE)
        key, other = self.dice.randrange(self.rows), self.dice.randrange(self.rows)
        for _ in range(self.dice.randrange(1, 30)):
            key = (key + self.dice.randrange(50)) % self.rows
            self._more(c, table, key, other)
        if self.dice.random() < 0.01:
            c.execute(f"TRUNCATE {self.dice.choice(MORE[-3:])}")
        if self.dice.random() < 0.05:
            time.sleep(self.dice.uniform(0, 0.5))  # others' views do not see this one
        c.rollback() if self.dice.random() < 0.05 else c.commit()

    def _more(self, c, table, key, other):
        what = self.dice.randrange(6)
        if what == 0:
            c.execute(f"DELETE FROM {table} WHERE id = %s", (key,))
        elif what == 1:
            c.execute(
                f"UPDATE {table} SET id = %s, version = nextval('versions') WHERE id = %s"
                f" AND NOT EXISTS (SELECT FROM {table} WHERE id = %s)",
                (other, key, other),
            )
        elif what == 2:
            c.execute(
                f"INSERT INTO {table} VALUES (%s, nextval('versions'), 'new', %s)"
                f" ON CONFLICT (id) DO UPDATE SET version = nextval('versions'), text = 'again'",
                (key, "b" * self.dice.randrange(5000)),
            )
        else:
            c.execute(
                f"UPDATE {table} SET version = nextval('versions'), text = 'u' || %s"
                f" WHERE id = %s",
                (other, key),
            )


def create(db, rows):
    db.sql(CREATE)
    db.sql("CREATE SEQUENCE versions")
    for table in MORE:
        db.sql(TABLE.format(table, rows))
    db.sql("INSERT INTO accounts SELECT -g, g, 'old' FROM generate_series(1, %s) g", rows)


def config_of(db, **more):
    return properties(db, snapshot_streaming="beside", **more)


def check_versions(leat, hint):
    """A key's state only moves forward. How many rows and changes there were."""
    n = 0
    for table in MORE:
        last = {}
        for r in records(leat, f"shop.public.{table}"):
            n += 1
            value = r["value"]
            after = value and value["after"]
            if not after:
                continue
            key, version = after["id"], after["version"]
            assert version > last.get(key, 0), (
                f"{table} {key}: version {version} ({value['op']}) comes behind {last[key]} {hint}"
            )
            last[key] = version
    return n


def snapshot_of(leat):
    done = leat.call("status", "shop", "--json", ok=None)
    status = json.loads(done.stdout) if done.returncode == 0 else {}
    return status.get("snapshot") or {}


def connector_pid(leat):
    done = leat.call("status", "shop", "--json", ok=None)
    return json.loads(done.stdout).get("pid") if done.returncode == 0 else None


def await_snapshot(leat, seconds=300):
    until(lambda: leat.alive() or snapshot_of(leat).get("state") == "done", seconds,
          "the end of the snapshot", every=0.3)


def kill(leat, config, dice):
    pid = connector_pid(leat)
    if pid and dice.random() < 0.5:
        os.kill(pid, signal.SIGKILL)  # the supervisor starts it again
    else:
        leat.kill()
        leat.run(config)


@pytest.mark.parametrize("readers,commit", [(4, "on"), (2, "off")])
def test_killed_at_any_moment(db, leat, readers, commit):
    dice = random.Random(SEED)
    rows = ROWS // (len(MORE) + 1)
    hint = f"(KILL_SEED={SEED})"
    create(db, rows)
    db.sql(f'ALTER DATABASE "{db.name}" SET synchronous_commit = {commit}')
    # Little memory makes small chunks.
    more = {"limits_memory": "24m", "max_event_bytes": "1m"}
    config = leat.write("shop.properties", config_of(db, snapshot_max_threads=readers, **more))
    leat.run(config)
    until(lambda: connector_pid(leat), 30, "the connector")
    load = WideLoad(db, SEED, rows)
    resumed = 0
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.1, 1.5))
        resumed += snapshot_of(leat).get("state") == "running"
        kill(leat, config, dice)
    await_snapshot(leat)
    time.sleep(1)
    load.stop()
    assert load.commits > 20
    assert resumed > 0, "the snapshot was over before the first kill"
    check(db, leat, hint, tables=("accounts", "notes", "files", *MORE))
    assert check_versions(leat, hint) > rows
    assert "resumed=true" in leat.stderr
