"""Snapshots beside the stream: killed at any moment under load they go on where they were, and the
stream folds to the tables. SNAP_KILLS, SNAP_ROWS and KILL_SEED: more of it."""

import json
import os
import random
import signal
import time

import psycopg
import pytest
from load import CREATE, Load, check, check_tables, properties, records
from servers.process import until
from test_standby import Pair, nudge

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
    """A key's state only moves forward (a row may repeat the change before it). How many rows and
    changes there were."""
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
            assert version > last.get(key, 0) - (value["op"] == "r"), (
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


@pytest.mark.timeout(900)
@pytest.mark.parametrize("readers,commit", [(4, "on"), (2, "off")])
def test_killed_at_any_moment(db, leat, readers, commit):
    dice = random.Random(SEED)
    rows = ROWS // (len(MORE) + 1)
    hint = f"(KILL_SEED={SEED})"
    create(db, rows)
    db.sql(f'ALTER DATABASE "{db.name}" SET synchronous_commit = {commit}')
    config = leat.write("shop.properties", config_of(db, snapshot_max_threads=readers))
    leat.run(config)
    until(lambda: connector_pid(leat), 30, "the connector")
    load = WideLoad(db, SEED, rows)
    until(lambda: snapshot_of(leat).get("state") == "running", 60, "the snapshot", every=0.02)
    kill(leat, config, dice)
    for _ in range(KILLS - 1):
        time.sleep(dice.uniform(0.1, 1.5))
        kill(leat, config, dice)
    await_snapshot(leat, max(300, ROWS // 1000))
    time.sleep(1)
    load.stop()
    assert load.commits > 20
    check(db, leat, hint, tables=("accounts", "notes", "files", *MORE))
    assert check_versions(leat, hint) > rows
    assert "resumed=true" in leat.stderr


# ---- one thing at a time

SMALL = {"limits_memory": "24m", "max_event_bytes": "1m"}  # and so small chunks


def interrupted(db, faulty, **more):
    """A snapshot of table t (60,000 rows) that was killed in its middle; its configuration."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO t SELECT g, repeat('v', 100) FROM generate_series(1, 60000) g")
    config = faulty.write("shop.properties", config_of(db, **SMALL, **more))
    faulty.run("--once", config, env={"LEAT_FAULT": "source_query:70:kill"})
    until(lambda: "child_died" in faulty.stderr, 60, "the kill")
    faulty.kill()
    assert "snapshot.beside" in faulty.stderr and "snapshot.done" not in faulty.stderr
    return config


def read_rows(leat, table="t"):
    return [r["value"] for r in leat.read(f"shop.public.{table}")]


def test_it_goes_on_where_it_was(db, faulty):
    config = interrupted(db, faulty)
    before = len(read_rows(faulty))
    assert 0 < before < 60000
    faulty.call("run", "--once", config, seconds=120)
    rows = read_rows(faulty)
    assert sorted(v["after"]["id"] for v in rows) == list(range(1, 60001)), "each row once"
    assert rows[0]["source"]["snapshot"] == "first"
    assert rows[-1]["source"]["snapshot"] == "last"


def test_a_key_that_sorts_in_another_way(db, faulty):
    config = interrupted(db, faulty)
    db.sql("ALTER TABLE t ALTER id TYPE text USING 'k' || id")
    done = faulty.call("run", "--once", config, seconds=120)
    assert "snapshot.table_again" in done.stderr and "postgres.identity_changed" in done.stderr
    keys = {v["after"]["id"] for v in read_rows(faulty) if isinstance(v["after"]["id"], str)}
    assert keys == {f"k{i}" for i in range(1, 60001)}


def test_a_key_that_grows_is_the_same(db, faulty):
    config = interrupted(db, faulty)
    db.sql("ALTER TABLE t ALTER id TYPE bigint; ALTER TABLE t RENAME id TO key")
    done = faulty.call("run", "--once", config, seconds=120)
    assert "snapshot.table_again" not in done.stderr
    after = [v["after"] for v in read_rows(faulty)]
    assert sorted(a.get("key") or a["id"] for a in after) == list(range(1, 60001))


def test_a_table_that_is_gone(db, faulty):
    config = interrupted(db, faulty)
    db.sql("CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1)")
    db.sql("DROP TABLE t")
    done = faulty.call("run", "--once", config, seconds=120)
    assert "snapshot.tables_gone" in done.stderr and "snapshot.done" in done.stderr
    assert {v["after"]["id"] for v in read_rows(faulty, "other")} == {1}


def test_a_table_that_is_written_anew_between_chunks(db, faulty):
    config = interrupted(db, faulty)
    db.sql("ALTER TABLE t ADD more int NOT NULL DEFAULT 7")
    db.sql("VACUUM FULL t")
    db.sql("ALTER TABLE t ALTER v TYPE varchar(200) USING v || '!'")
    faulty.call("run", "--once", config, seconds=120)
    after = [v["after"] for v in read_rows(faulty)]
    assert sorted(a["id"] for a in after) == list(range(1, 60001))
    assert {(a.get("more"), a["v"][-1]) for a in after} == {(None, "v"), (7, "!")}


def test_foreign_tables_are_told(db, leat):
    db.sql("CREATE EXTENSION postgres_fdw")
    db.sql("CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw")
    db.sql("CREATE FOREIGN TABLE far (id int) SERVER other")
    done = leat.call("run", "--once", leat.write("shop.properties", config_of(db)), seconds=60)
    assert "postgres.foreign_tables" in done.stderr and "public.far" in done.stderr


@pytest.mark.parametrize("keyless", [False, True])
def test_a_standby_as_the_source(leat, scratch, keyless):
    """Its views do not tell who is running: all is read before the stream."""
    pair = Pair(os.path.join(scratch, f"beside-{keyless}"), "17", fsync="off")
    try:
        db = pair.database()
        create(db, 1000)
        db.sql(f"CREATE PUBLICATION {db.name} FOR ALL TABLES")
        if keyless:
            db.sql("CREATE TABLE bare (id int, text text)")
            db.sql("ALTER TABLE bare REPLICA IDENTITY FULL")
            db.sql("INSERT INTO bare SELECT g, 'x' FROM generate_series(1, 100) g")
        pair.sync()
        more = {"snapshot.streaming": "beside", "snapshot.max.threads": "2"}
        more |= {"skipped.operations": "none", "name": "shop"}
        config = leat.write("shop.properties", pair.properties() | more)
        leat.run(config)
        nudge(pair)
        load = WideLoad(db, SEED, 1000)
        kill(leat, config, random.Random(SEED))
        await_snapshot(leat)
        load.stop()
        db.sql("INSERT INTO t0 VALUES (1000000, nextval('versions'), 'the last')")
        until(lambda: leat.alive() or any(r["key"]["id"] == 1000000
                                          for r in records(leat, "shop.public.t0")),
              60, "the last row", every=0.5)
        check_tables(db, leat, f"(KILL_SEED={SEED})", ("accounts", "notes", "files", *MORE))
        assert "postgres.standby_snapshot" in leat.stderr
        assert "snapshot.beside" not in leat.stderr
        leat.stop()
    finally:
        pair.stop()
