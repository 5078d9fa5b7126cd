"""Every fault point of base/fault.h, struck by an error of the disk, a full disk, a kill, a delay:
afterwards, without it, every change is there once, the ledger balances, and nothing that was
acknowledged is missing. A point without a row here fails test_every_point_has_a_row."""

import contextlib
import dataclasses
import glob
import json
import os
import re
import sqlite3

import pytest
from datagen import cursor, keys, sink, source, state
from leat import ROOT
from servers.process import until
from target import PostgresTarget

# FAULT_ACTIONS=all: every action at every point, which takes some minutes.
FEW, ALL = ("ENOSPC", "kill"), ("EIO", "ENOSPC", "kill", "200ms")
ACTIONS = ALL if os.environ.get("FAULT_ACTIONS") == "all" else FEW
EACH = 300  # changes that each action adds


@dataclasses.dataclass
class Row:
    """How a point is struck."""

    at: int = 1  # pass
    heals: bool = True  # after an error the same run gets to the end by itself
    fresh: bool = False  # passed by a connector's first run only: a new one for each action
    before: object = None  # what the data folder needs for it


def torn_tail(leat):
    """Bytes behind the last frame, as of a write that a power cut broke off."""
    with open(max(glob.glob(f"{leat.data}/connectors/gen/stream/*.seg")), "ab") as f:
        f.write(b"\x5a" * 100)


def empty_segment(leat):
    """A segment that was made and never written."""
    last = max(glob.glob(f"{leat.data}/connectors/gen/stream/*.seg"))
    folder, name = os.path.split(last)
    number = int(name[:-4]) + 1
    open(os.path.join(folder, f"{number:0{len(name) - 4}d}.seg"), "wb").close()


TABLE = {
    "stream_append": Row(heals=False),
    "stream_sync": Row(at=3, heals=False),
    "stream_mark": Row(heals=False),
    "stream_segment": Row(fresh=True, heals=False),
    "stream_unlink": Row(before=empty_segment, heals=False),
    "stream_cut": Row(before=torn_tail, heals=False),
    "stream_read": Row(heals=False),
    "page_open": Row(heals=False),
    "state_open": Row(heals=False),
    "state_write": Row(heals=False),
    "dead_letter": Row(),
    "topic_claim": Row(fresh=True),
    "cursor_read": Row(),
    "cursor_store": Row(),
    "file_rename": Row(),
    "engine_ack": Row(),
    "source_read": Row(at=2),
    "sink_write": Row(),
    "sink_flush": Row(),
    "control_open": Row(heals=False),
    "control_read": Row(),
    "control_send": Row(),
}

# With a real source: those that only it passes, and those where an acknowledgement may go wrong.
POSTGRES = {
    "source_connect": (Row(at=2), ACTIONS),
    "source_query": (Row(at=3), ACTIONS),
    "source_receive": (Row(at=2), ACTIONS),
    "source_send": (Row(), ACTIONS),
    "stream_append": (Row(heals=False), ("kill",)),
    "stream_sync": (Row(at=2, heals=False), ("EIO", "kill")),
    "stream_mark": (Row(heals=False), ("kill",)),
    "engine_ack": (Row(), ("EIO", "kill")),
}

# With a relational target, which stores the cursor itself: rows that are only inserted would be
# there twice.
TARGET = ("sink_apply", "sink_applied", "sink_cursor", "sink_commit", "sink_committed")

# A row that a sink loses: see test_a_loss_is_seen.
LOSS = {"sink_lose"}

# Struck by tests/unit/test_merge.c, which has closed segments to merge.
MERGING = {"merge_create", "merge_write", "merge_sync", "merge_rename"}


def test_every_point_has_a_row():
    with open(os.path.join(ROOT, "src/base/fault.h"), encoding="utf-8") as f:
        points = re.findall(r"^    X\((\w+), \"([^\"]+)\"\)", f.read(), re.M)
    assert points and {name for name, _ in points} == (
        set(TABLE) | set(POSTGRES) | set(TARGET) | LOSS | MERGING)
    with open(os.path.join(ROOT, "DEVELOPING.md"), encoding="utf-8") as f:
        told = f.read()
    assert "".join(f"| `{name}` | {what} |\n" for name, what in points) in told


def strike(leat, files, point, row, action, done):
    """Runs files until the fault was met and, where that is to be expected, all was done."""
    before = leat.stderr.count(f"fault {point}:")
    deaths = leat.stderr.count("supervisor.child_died")
    leat.run(*files, "--log-level", "warn", env={"LEAT_FAULT": f"{point}:{row.at}:{action}"})

    def struck():
        leat.alive()
        if point.startswith("control"):
            leat.call("status", ok=None)
        return leat.stderr.count(f"fault {point}:") > before

    until(struck, 60, f"{point} is passed")
    if action == "kill":
        until(lambda: leat.stderr.count("supervisor.child_died") > deaths, 30, "its death")
        leat.kill()
        return
    if action == "200ms" or row.heals:
        until(lambda: leat.alive() or done(), 60, f"the end after {action}")
    leat.stop()


@pytest.mark.parametrize("point", sorted(TABLE))
def test_point(faulty, point):
    row, retry = TABLE[point], {"errors_retry_delay_initial_ms": 10}
    sources = {}
    for i, action in enumerate(ACTIONS):
        name = f"gen{i}" if row.fresh else "gen"
        sources[name] = EACH if row.fresh else EACH * (i + 1)
        topics = ",".join(f"{s}.datagen.t1" for s in sources)
        files = [source(faulty, name, datagen_events=sources[name], **retry),
                 sink(faulty, topics=topics, null_reject_every=100, **retry)]
        if row.before:
            faulty.call("run", "--once", *files)  # there must be a stream
            row.before(faulty)
        strike(faulty, files, point, row, action,
               lambda n=name: cursor(faulty, source=n)["read"] == sources[n])
    every = [source(faulty, name, datagen_events=n) for name, n in sources.items()]
    faulty.call("run", "--once", *every, files[-1])
    for name, n in sources.items():
        assert keys(faulty, f"{name}.datagen.t1") == list(range(n))
        counts = state(faulty, name)["counts"]
        assert (counts["received"], counts["appended"], counts["in_flight"]) == (n, n, 0)
        read = cursor(faulty, source=name)
        assert read["read"] == read["delivered"] + read["dead"] == n


def insert(db, step):
    db.sql("INSERT INTO t SELECT g, 'x' FROM generate_series(%s::int, %s::int) g",
           step * EACH, (step + 1) * EACH - 1)


def test_a_truncate_while_a_table_is_begun(faulty, db):
    """It waits for the snapshot's lock on the table, and the snapshot's other session would wait
    behind it: neither may wait for long. The stalls make the moment long enough to be met."""
    db.sql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)")  # then it looks at t
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text DEFAULT 'x')")
    insert(db, 0)
    config = faulty.write("shop.properties", db.properties(name="shop"))
    faulty.run(config, env={"LEAT_FAULT": "source_query:0:200ms"})
    with db.connect() as watcher, db.connect(options="-c statement_timeout=20s") as user:
        held = ("SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE"
                " l.relation = 't'::regclass AND a.application_name = 'leat shop'")
        until(lambda: faulty.alive() or "done=1 of=2" in faulty.stderr, 60, "a", every=0.005)
        until(lambda: faulty.alive() or watcher.execute(held).rowcount, 60, "the lock", every=0.005)
        user.execute("TRUNCATE t")
        user.execute("INSERT INTO t VALUES (1000)")
    until(lambda: faulty.alive() or any(r["value"]["after"]["id"] == 1000 for r in faulty.read(
        "shop.public.t", ok=None)), 60, "what came after it")
    assert "postgres.table_wanted" in faulty.stderr
    assert "postgres.timeout" not in faulty.stderr


@pytest.mark.parametrize("point", sorted(POSTGRES))
def test_point_with_postgres(faulty, db, point):
    row, actions = POSTGRES[point]
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    insert(db, 0)
    config = faulty.write("shop.properties", db.properties(
        name="shop", errors_retry_delay_initial_ms=10, heartbeat_interval_ms=100))
    faulty.call("run", "--once", config)
    for step, action in enumerate(actions, 1):
        insert(db, step)
        end = (step + 1) * EACH
        strike(faulty, [config], point, row, action,
               lambda n=end: state(faulty, "shop").get("counts", {}).get("appended") == n - EACH)
    faulty.call("run", "--once", config)
    lines = faulty.call("read", "shop.public.t", "--format", "native").stdout.splitlines()
    ids = [json.loads(line)["after"]["id"] for line in lines]
    assert sorted(ids) == list(range((len(actions) + 1) * EACH))
    counts = state(faulty, "shop")["counts"]
    assert counts["in_flight"] == 0 and counts["appended"] == len(actions) * EACH


@pytest.mark.parametrize("point", TARGET)
def test_point_with_a_target(faulty, tmp_path, point):
    retry, path = {"errors_retry_delay_initial_ms": 10}, str(tmp_path / "target.db")
    out = sink(faulty, topics="gen.datagen.t1", **retry, **{
        "connector_class": "sql", "connection_url": f"jdbc:sqlite:{path}",
        "insert_mode": "insert", "primary_key_mode": "none", "delete_enabled": "false"})

    def held():
        if not os.path.exists(path):
            return 0
        with contextlib.closing(sqlite3.connect(path, timeout=60)) as db:
            tables = db.execute("SELECT name FROM sqlite_master WHERE name = 't1'").fetchall()
            return db.execute("SELECT count(*) FROM t1").fetchone()[0] if tables else 0

    for i, action in enumerate(ACTIONS, 1):
        files = [source(faulty, "gen", datagen_events=EACH * i, **retry), out]
        strike(faulty, files, point, Row(), action, lambda n=EACH * i: held() == n)
    faulty.call("run", "--once", *files)
    assert held() == EACH * len(ACTIONS)
    read = cursor(faulty, source="gen")
    assert read["read"] == read["delivered"] == EACH * len(ACTIONS)


@pytest.mark.parametrize("apply", ["batch", "transaction"])
def test_a_loss_is_seen(faulty, postgres, apply):
    """A row that the sink loses on its way: it is not committed, the sink says which one and stops,
    and its cursor stays. Nothing is missing afterwards, and nothing there twice."""
    copy = PostgresTarget(postgres)
    end = EACH * 4
    gen = source(faulty, "gen", datagen_events=end)
    out = sink(faulty, topics="gen.datagen.t1", **{
        "connector_class": "sql", "connection_url": copy.url, "insert_mode": "insert",
        "primary_key_mode": "none", "delete_enabled": "false", "apply_mode": apply})
    faulty.call("run", "--once", gen)
    faulty.run(out, env={"LEAT_FAULT": "sink_lose:1:EIO"})
    until(lambda: "ledger.mismatch" in faulty.stderr, 30, "the sink to see it")
    faulty.wait()
    assert "gen.datagen.t1 offset" in faulty.stderr, faulty.stderr[-2000:]
    held = copy.sql("SELECT count(*) FROM information_schema.tables WHERE table_name = 't1'")[0][0]
    assert held == 0 or copy.sql("SELECT count(*) FROM t1")[0][0] == 0
    assert cursor(faulty, source="gen")["read"] == 0
    faulty.call("run", "--once", gen, out)
    assert copy.sql("SELECT count(*) FROM t1")[0][0] == end
    read = cursor(faulty, source="gen")
    assert read["read"] == read["delivered"] == end
    copy.drop()
