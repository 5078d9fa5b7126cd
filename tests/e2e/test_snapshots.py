"""Snapshots beside the stream: killed at any moment under load they go on where they were, and the
stream folds to the tables. SNAP_KILLS, SNAP_ROWS and KILL_SEED: more of it."""

import os
import random
import threading
import time

import psycopg
import pytest
from load import CREATE, Load, await_snapshot, check, check_tables, properties, records
from servers.process import until
from test_kills import connector_pid, kill_leat
from test_standby import Pair, nudge

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
KILLS = int(os.environ.get("SNAP_KILLS", "5"))
ROWS = int(os.environ.get("SNAP_ROWS", "200000"))  # in all
STANDBY_KILLS = int(os.environ.get("SNAP_STANDBY_KILLS", "1"))
STANDBY_ROWS = int(os.environ.get("SNAP_STANDBY_ROWS", "18000"))
MORE = [f"t{i}" for i in range(16)]
TABLES = ("accounts", "notes", "files", "bank", *MORE)

TABLE = """
CREATE TABLE {0} (id bigint PRIMARY KEY, version bigint NOT NULL, text text, body text);
ALTER TABLE {0} ALTER body SET STORAGE EXTERNAL;
INSERT INTO {0} SELECT g, nextval('versions'), repeat(chr(97 + g % 26), 50),
    CASE WHEN g % 50 = 0 THEN repeat(md5(g::text), 100) END FROM generate_series(1, {1}) g;
"""

BANK = """
CREATE TABLE bank (id bigint PRIMARY KEY, amount bigint NOT NULL, text text);
ALTER TABLE bank ALTER text SET STORAGE EXTERNAL;
INSERT INTO bank SELECT g, 100, CASE WHEN g % 50 = 0 THEN repeat(md5(g::text), 100) END
    FROM generate_series(1, {0}) g;
"""


class WideLoad(Load):
    """Beside load.py's changes, others in many tables, each with a version that only grows: updates
    that leave a long value unsent, keys that move far, deletes and inserts of the same key,
    truncates, transactions that run for long; and of `bank` some that leave its sum as it is."""

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
        for _ in range(self.dice.randrange(4)):
            self._pay(c, self.dice.randrange(self.rows), self.dice.randrange(self.rows))
        if self.dice.random() < 0.01:
            c.execute(f"TRUNCATE {self.dice.choice(MORE[-3:])}")
        if self.dice.random() < 0.05:
            time.sleep(self.dice.uniform(0, 0.5))  # others' views do not see this one
        c.rollback() if self.dice.random() < 0.05 else c.commit()

    def _pay(self, c, key, other):
        what = self.dice.randrange(4)
        if what == 0:
            c.execute(
                "UPDATE bank SET id = %s WHERE id = %s"
                " AND NOT EXISTS (SELECT FROM bank WHERE id = %s)",
                (other, key, other),
            )
        elif what == 1:
            gone = c.execute("DELETE FROM bank WHERE id = %s RETURNING amount", (key,)).fetchone()
            if gone:
                c.execute(
                    "INSERT INTO bank VALUES (%s, %s) ON CONFLICT (id)"
                    " DO UPDATE SET amount = bank.amount + excluded.amount",
                    (other, gone[0]),
                )
        elif key != other:
            c.execute(
                "UPDATE bank SET amount = amount + CASE id WHEN %s THEN 7 ELSE -7 END WHERE id IN"
                " (%s, %s) AND (SELECT count(*) FROM bank WHERE id IN (%s, %s)) = 2",
                (key, key, other, key, other),
            )

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
    db.sql(BANK.format(rows))
    db.sql("INSERT INTO accounts SELECT -g, g, 'old' FROM generate_series(1, %s) g", rows)


def config_of(db, **more):
    return properties(db, **more)


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


def check_sums(leat, total, hint):
    """Behind the last row the stream folded is the table at each end of a transaction. How many
    ends there were."""
    told = [r for r in records(leat, "shop.public.bank") if r["value"]]
    last = max(i for i, r in enumerate(told) if r["value"]["op"] == "r")
    amounts, tx, ends = {}, None, 0
    for i, r in enumerate(told):
        value, now = r["value"], r["value"]["source"]["txId"]
        if i > last and now != tx:
            assert sum(amounts.values()) == total, f"before transaction {now} of bank {hint}"
            ends += 1
        tx = now
        if value["op"] == "d":
            amounts.pop(value["before"]["id"], None)
        else:
            amounts[value["after"]["id"]] = value["after"]["amount"]
    assert sum(amounts.values()) == total, f"at the end of bank {hint}"
    return ends


@pytest.mark.timeout(900 + ROWS // 500)
@pytest.mark.parametrize("readers,commit", [(4, "on"), (2, "off")])
def test_killed_at_any_moment(db, leat, faulty, readers, commit):
    """The first processes die at a statement that is inside of the snapshot on any machine, so that
    it surely goes on; the others when the dice say."""
    dice = random.Random(SEED)
    rows = ROWS // (len(MORE) + 2)
    hint = f"(KILL_SEED={SEED})"
    create(db, rows)
    db.sql(f'ALTER DATABASE "{db.name}" SET synchronous_commit = {commit}')
    config = leat.write("shop.properties", config_of(db, snapshot_max_threads=readers))
    load = WideLoad(db, SEED, rows)
    faulty.run(config, env={"LEAT_FAULT": "source_query:200:kill"})
    until(lambda: "resumed=true" in faulty.stderr, 120, "a snapshot that goes on")
    faulty.kill()
    leat.run(config)
    until(lambda: connector_pid(leat), 60, "the connector")
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.1, 1.5))
        kill_leat(leat, [config], dice)
    await_snapshot(leat, max(300, ROWS // 1000))
    done = load.commits
    until(lambda: load.commits > done + 30 or load.error, 300, "transactions behind its rows")
    load.stop()
    check(db, leat, hint, tables=TABLES)
    assert check_versions(leat, hint) > rows
    assert check_sums(leat, 100 * rows, hint) > 1


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


KINDS = """
CREATE TABLE bare (id int, v text); ALTER TABLE bare REPLICA IDENTITY FULL;
CREATE TABLE pairs (a text COLLATE "C", id int, v text, PRIMARY KEY (a, id));
CREATE TABLE words (k text PRIMARY KEY, id int, v text);
CREATE TABLE uuids (k uuid PRIMARY KEY, id int, v text);
CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (7000);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
CREATE TABLE chosen (id int PRIMARY KEY, v text);
INSERT INTO bare SELECT g, repeat('b', 100) FROM generate_series(1, 3000) g;
INSERT INTO pairs SELECT 'k' || g % 7, g, repeat('p', 100) FROM generate_series(1, 15000) g;
INSERT INTO words SELECT 'Wä-' || md5(g::text), g, repeat('w', 100)
    FROM generate_series(1, 15000) g;
INSERT INTO uuids SELECT md5(g::text)::uuid, g, repeat('u', 100) FROM generate_series(1, 15000) g;
INSERT INTO parts SELECT g, repeat('q', 100) FROM generate_series(1, 15000) g;
INSERT INTO chosen SELECT g, repeat('c', 100) FROM generate_series(1, 15000) g;
CREATE VIEW halves AS SELECT * FROM chosen WHERE id % 2 = 0;
"""


def test_kinds_of_tables(db, faulty):
    """Keys of several columns, texts and uuids, a table without a key, one by its partitions, one
    by a statement that reads a view: killed in the middle, in the end each is whole."""
    db.sql(KINDS)
    db.sql(f"CREATE PUBLICATION {db.name} FOR ALL TABLES WITH (publish_via_partition_root = true)"
           if db.server.version >= 13 else f"CREATE PUBLICATION {db.name} FOR ALL TABLES")
    more = {"snapshot.select.statement.overrides": "public.chosen",
            "snapshot.select.statement.overrides.public.chosen": "SELECT * FROM halves;"}
    config = faulty.write("shop.properties", config_of(db, **SMALL) | more)
    faulty.run("--once", config, env={"LEAT_FAULT": "source_query:70:kill"})
    until(lambda: "child_died" in faulty.stderr, 60, "the kill")
    faulty.kill()
    assert "snapshot.done" not in faulty.stderr
    faulty.call("run", "--once", config, seconds=120)
    names = [t["topic"].split(".")[2] for t in faulty.topics()]
    read = {name: [v["after"]["id"] for v in read_rows(faulty, name)] for name in names}
    whole = list(range(1, 15001))
    assert set(read.pop("bare")) == set(range(1, 3001))
    assert sorted(read.pop("chosen")) == whole[1::2]
    parts = [i for name in list(read) if name.startswith("parts") for i in read.pop(name)]
    assert sorted(parts) == whole
    assert read.keys() == {"pairs", "words", "uuids"}
    for name, ids in read.items():
        assert sorted(ids) == whole, name


def test_a_table_without_a_key_begins_again(db, faulty):
    """Interrupted, it is read from its beginning; what follows is there once."""
    db.sql("CREATE TABLE bare (id int, v text); ALTER TABLE bare REPLICA IDENTITY FULL")
    db.sql("INSERT INTO bare SELECT g, repeat('b', 100) FROM generate_series(1, 60000) g")
    config = faulty.write("shop.properties", config_of(db, **SMALL))
    faulty.run("--once", config, env={"LEAT_FAULT": "stream_append:4:kill"})
    until(lambda: "child_died" in faulty.stderr, 60, "the kill")
    faulty.kill()
    db.sql("UPDATE bare SET v = 'new' WHERE id <= 10")
    faulty.call("run", "--once", config, seconds=120)
    values = read_rows(faulty, "bare")
    rows = [v["after"] for v in values if v["op"] == "r"]
    assert sorted(r["id"] for r in rows[-60000:]) == list(range(1, 60001)) and len(rows) > 60000
    assert [r["v"] for r in rows if r["id"] == 3][-1] == "new"


def test_a_table_that_loses_its_key(db, leat):
    """In the middle of it, under changes: it is read again, as one without a key."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO t SELECT g, repeat('v', 100) FROM generate_series(1, 20000) g")
    lock = "CASE id WHEN 10000 THEN pg_advisory_xact_lock_shared(42) IS NOT NULL ELSE true END"
    config = config_of(db, **SMALL) | {
        "snapshot.select.statement.overrides": "public.t",
        "snapshot.select.statement.overrides.public.t": f"SELECT * FROM t WHERE {lock}"}
    over = threading.Event()

    def alter():
        with db.connect() as c:
            c.execute("ALTER TABLE t DROP CONSTRAINT t_pkey, REPLICA IDENTITY FULL")
            while not over.wait(0.05):
                c.execute("UPDATE t SET v = 'new' WHERE id <= 10")

    writer = threading.Thread(target=alter)
    with db.connect() as c:
        c.execute("SELECT pg_advisory_lock(42)")
        leat.run(leat.write("shop.properties", config))
        waits = ("SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE"
                 " datname = current_database() AND NOT granted AND ")
        until(lambda: leat.alive() or db.sql(waits + "locktype = 'advisory'")[0][0] == 1, 60,
              "a reader that waits")
        writer.start()
        try:
            until(lambda: db.sql(waits + "mode = 'AccessExclusiveLock'")[0][0] == 1, 60,
                  "a statement that waits for it")
            c.execute("SELECT pg_advisory_unlock(42)")
            await_snapshot(leat, 120)
        finally:
            over.set()
            writer.join()
    assert "postgres.identity_lost" in leat.stderr
    rows = [v["after"]["id"] for v in read_rows(leat) if v["op"] == "r"]
    assert set(rows) == set(range(1, 20001))


def test_one_transaction_at_a_time(db, leat):
    """While a table without a key is read no other transaction is open, which would hold vacuum
    back for as long as the stream waits: not even the one that the new slot came with."""
    db.sql("CREATE TABLE bare (id int); ALTER TABLE bare REPLICA IDENTITY FULL;"
           "INSERT INTO bare VALUES (1); CREATE TABLE k (id int PRIMARY KEY);"
           "INSERT INTO k SELECT generate_series(1, 100)")
    config = config_of(db) | {
        "snapshot.select.statement.overrides": "public.bare",
        "snapshot.select.statement.overrides.public.bare":
            "SELECT * FROM bare WHERE pg_advisory_xact_lock_shared(42) IS NOT NULL"}
    with db.connect() as c:
        c.execute("SELECT pg_advisory_lock(42)")
        leat.run(leat.write("shop.properties", config))
        until(lambda: leat.alive() or db.sql(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
            [0][0] == 1, 60, "a reader that waits")
        idle = db.sql("SELECT application_name, query FROM pg_stat_activity WHERE datname ="
                      " current_database() AND state LIKE 'idle in transaction%'")
        assert idle == []
        c.execute("SELECT pg_advisory_unlock(42)")
    await_snapshot(leat, 60)
    assert len(read_rows(leat, "bare")) == 1 and len(read_rows(leat, "k")) == 100


@pytest.mark.parametrize("streaming", ["beside", "after"])
def test_the_first_table_is_empty(db, leat, streaming):
    """Then no row is the first of all, as in Debezium."""
    db.sql("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);"
           "CREATE TABLE c (id int PRIMARY KEY); INSERT INTO b SELECT generate_series(1, 2);"
           "INSERT INTO c SELECT generate_series(1, 2)")
    config = config_of(db) | {"snapshot.streaming": streaming}
    leat.call("run", "--once", leat.write("shop.properties", config))
    marks = [v["source"]["snapshot"] for t in "bc" for v in read_rows(leat, t)]
    assert marks == ["first_in_data_collection", "last_in_data_collection",
                     "first_in_data_collection", "last"]


def test_the_rows_of_each_table_are_told(db, leat):
    db.sql("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);"
           "INSERT INTO a SELECT generate_series(1, 5); INSERT INTO b SELECT generate_series(1, 3)")
    config = config_of(db) | {"snapshot.streaming": "after", "table.include.list": "public[.][ab]"}
    said = leat.call("run", "--once", leat.write("shop.properties", config)).stderr
    assert 'snapshot.table_done table="public.a" done=1 of=2 rows=5' in said
    assert 'snapshot.table_done table="public.b" done=2 of=2 rows=3' in said


def test_what_is_told_of_it(db, leat):
    """Notifications of tables with rows and without, and the rows' `snapshot`."""
    db.sql("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);"
           "CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE d (id int PRIMARY KEY);"
           "INSERT INTO a VALUES (1); INSERT INTO b SELECT generate_series(1, 3);"
           "INSERT INTO c SELECT generate_series(1, 2)")
    more = {"notification.enabled.channels": "sink,log",
            "notification.sink.topic.name": "shop.notes", "table.include.list": "public[.][a-d]"}
    config = config_of(db) | more
    del config["snapshot.streaming"]  # it is the default
    assert "snapshot.beside" in leat.call(
        "run", "--once", leat.write("shop.properties", config)).stderr
    marks = [v["source"]["snapshot"] for t in "abc" for v in read_rows(leat, t)]
    assert marks == ["first", "first_in_data_collection", "true", "last_in_data_collection",
                     "first_in_data_collection", "last"]
    told = [r["value"] for r in leat.read("shop.notes")]
    names = ",".join(f"public.{t}" for t in "abcd")
    steps = []
    for v in told:
        more = v["additional_data"]
        assert v["aggregate_type"] == "Initial Snapshot" and more["connector_name"] == "shop"
        table = more.get("scanned_collection") or more.get("current_collection_in_progress")
        steps.append((v["type"], table and table[7:], more.get("total_rows_scanned")))
        assert not table or sorted(more["data_collections"].split(",")) == names.split(",")
    assert (steps[0], steps[-1]) == (("STARTED", None, None), ("COMPLETED", None, None))
    for table, rows in zip("abcd", "1320"):
        begin = steps.index(("IN_PROGRESS", table, None))
        assert begin < steps.index(("TABLE_SCAN_COMPLETED", table, rows))
    assert len(steps) == 10 and leat.stderr.count("type=TABLE_SCAN_COMPLETED") in (0, 4)


@pytest.mark.timeout(900 + STANDBY_ROWS // 500)
@pytest.mark.parametrize("keyless", [False, True])
def test_a_standby_as_the_source(leat, scratch, keyless):
    """Its views do not tell who is running; and a table without a key is read before the stream."""
    dice, hint = random.Random(SEED), f"(KILL_SEED={SEED})"
    rows = STANDBY_ROWS // (len(MORE) + 2)
    pair = Pair(os.path.join(scratch, f"beside-{keyless}"), "17", fsync="off")
    try:
        db = pair.database()
        create(db, rows)
        db.sql(f"CREATE PUBLICATION {db.name} FOR ALL TABLES")
        if keyless:
            db.sql("CREATE TABLE bare (id int, text text)")
            db.sql("ALTER TABLE bare REPLICA IDENTITY FULL")
            db.sql("INSERT INTO bare SELECT g, 'x' FROM generate_series(1, 100) g")
        pair.sync(max(60, STANDBY_ROWS // 2000))
        more = {"snapshot.streaming": "beside", "snapshot.max.threads": "2"}
        more |= {"skipped.operations": "none", "name": "shop"}
        config = leat.write("shop.properties", pair.properties() | more)
        leat.run(config)
        nudge(pair)
        load = WideLoad(db, SEED, rows)
        kill_leat(leat, [config], dice)
        for _ in range(STANDBY_KILLS - 1):
            time.sleep(dice.uniform(0.1, 1.5))
            kill_leat(leat, [config], dice)
        await_snapshot(leat, max(300, STANDBY_ROWS // 1000))
        until(lambda: load.commits > 20 or load.error, 300, "twenty transactions")
        load.stop()
        db.sql("INSERT INTO t0 VALUES (1000000, nextval('versions'), 'the last')")
        until(lambda: leat.alive() or any(r["key"]["id"] == 1000000
                                          for r in records(leat, "shop.public.t0")),
              180, "the last row", every=0.5)
        check_tables(db, leat, hint, TABLES)
        if not keyless:  # there a change may follow the row that shows it already
            assert check_versions(leat, hint) > rows
            assert check_sums(leat, 100 * rows, hint) > 1
        assert ("postgres.standby_keyless" in leat.stderr) == keyless
        assert ("snapshot.beside" in leat.stderr) != keyless
        leat.stop()
    finally:
        pair.stop()
