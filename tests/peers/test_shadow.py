"""`leat shadow` beside a real Debezium, over a workload from a seed: all records are the same.

SHADOW_EVENTS: how many changes (default 1,000,000); SHADOW_SEED: of that workload. What leat does
otherwise on purpose (docs/compatibility.md) and a workload meets is named in KNOWN, with a reason.
"""

import os
import random
import re

import pytest
from servers.process import until
from shadow import Shadow, describe
from workload import Workload

EVENTS = int(os.environ.get("SHADOW_EVENTS", "1000000"))
SEED = int(os.environ.get("SHADOW_SEED", "0")) or random.randrange(1 << 30)

# (path of a difference, reason): leat's way is the better one, and documented.
KNOWN = []


def unexplained(shadow):
    return [
        d
        for d in shadow.events("difference")
        if not any(re.fullmatch(path, d.get("path", d["kind"])) for path, _ in KNOWN)
    ]


def debezium(db, connect, name, **more):
    """A connector there, streaming; its configuration."""
    config = {
        **db.properties(),
        "topic.prefix": name,
        "publication.autocreate.mode": "all_tables",
        "slot.drop.on.stop": "false",
        "snapshot.mode": "no_data",
        "skipped.operations": "none",
        **more,
    }
    connect.create(name, config)
    until(lambda: any(active for *_, active in slots(db)), 120, "Debezium's slot", every=0.2)
    return config


def slots(db):
    return db.sql(
        "SELECT slot_name, active FROM pg_replication_slots WHERE database = current_database()"
    )


@pytest.fixture
def gone(connect):
    """Connectors that are deleted at the end."""
    names = []
    yield names
    for name in names:
        connect.call("DELETE", f"/connectors/{name}")


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("schemas", ["false", "true"])
def test_the_same_records(db, leat, kafka, connect, gone, schemas):
    """In rounds; between two of them the tables change, once all was compared."""
    events = EVENTS if schemas == "false" else max(EVENTS // 50, 2000)
    name = f"load{schemas}"
    print(f"SHADOW_SEED={SEED}")
    load = Workload(db, SEED)
    gone.append(name)
    converters = {
        f"{part}.converter{option}": value
        for part in ("key", "value")
        for option, value in (
            ("", "org.apache.kafka.connect.json.JsonConverter"),
            (".schemas.enable", schemas),
        )
    }
    debezium(db, connect, name, **converters, **{"provide.transaction.metadata": schemas})
    shadow = Shadow(leat, "--connect", connect.url, "--wait", "120", name, connect.file).ready()
    round_of = max(1000, min(50000, events // 8))
    while load.changes < events:
        load.round(min(round_of, events - load.changes))
        shadow.rest()
        load.clear()
        shadow.rest()
        load.alter()
        shadow.rest()
    status, result = shadow.end(seconds=900)
    found = unexplained(shadow)
    assert not found, f"SHADOW_SEED={SEED}\n{describe(shadow)}"
    assert result and result["finished"], describe(shadow)
    assert status in ((0, 3) if KNOWN else (0,)), describe(shadow)
    assert result["compared"] >= events * 0.9
    assert [name for name, _ in slots(db)] == [db.name], "the shadow's slot"


def test_a_fault_is_found(db, leat, kafka, connect, gone):
    """Debezium is told to hash a column that leat shows: each row is a difference, and so is one
    that Debezium leaves out."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    gone.append("fault")
    config = debezium(db, connect, "fault", **{"column.mask.with.4.chars": "public.t.v"})
    for option in ("column.mask.with.4.chars", "topic.prefix"):
        config.pop(option)
    file = leat.write("fault.properties", {**config, "topic.prefix": "fault", "name": "fault"})
    shadow = Shadow(leat, file, connect.file).ready()
    db.sql("INSERT INTO t SELECT i, 'seen' FROM generate_series(1, 3) i")
    until(lambda: len(shadow.events("difference")) >= 3, 60, "the differences", every=0.2)
    status, result = shadow.end()
    assert status == 3
    first = shadow.events("difference")[0]
    assert first["path"] == "value.after.v"
    assert (first["leat"], first["debezium"]) == ('"seen"', '"****"')
    assert result["differences"]["content"] == 3
