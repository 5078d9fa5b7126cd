"""`leat shadow` beside a real Debezium, over a workload from a seed: all records are the same.

SHADOW_EVENTS: how many changes (default 1,000,000; with schemas SHADOW_SCHEMA_EVENTS, default a
fiftieth of them); SHADOW_SEED: of that workload. What leat does otherwise on purpose
(docs/compatibility.md) the shadow explains by itself.
"""

import os
import random

import pytest
from servers.process import until
from shadow import Shadow, describe
from workload import Workload

EVENTS = int(os.environ.get("SHADOW_EVENTS", "1000000"))
SCHEMA_EVENTS = int(os.environ.get("SHADOW_SCHEMA_EVENTS", max(EVENTS // 50, 2000)))
SEED = int(os.environ.get("SHADOW_SEED", "0")) or random.randrange(1 << 30)


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
    until(lambda: any(s["active"] for s in db.slots().values()), 120, "Debezium's slot", every=0.2)
    return config


def converters(schemas):
    return {
        f"{part}.converter{option}": value
        for part in ("key", "value")
        for option, value in (
            ("", "org.apache.kafka.connect.json.JsonConverter"),
            (".schemas.enable", schemas),
        )
    }


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("schemas", ["false", "true"])
def test_the_same_records(db, leat, kafka, connect, gone, schemas):
    """In rounds; between two of them the tables change, once all was compared."""
    events = EVENTS if schemas == "false" else SCHEMA_EVENTS
    name = f"load{schemas}"
    print(f"SHADOW_SEED={SEED}")
    load = Workload(db, SEED)
    gone.append(name)
    debezium(db, connect, name, **converters(schemas), **{"provide.transaction.metadata": schemas})
    shadow = Shadow(leat, "--connect", connect.url, "--wait", "120", name, connect.file).ready()
    round_of = max(1000, min(50000, events // 8))
    while load.changes < events:
        load.round(min(round_of, events - load.changes))
        shadow.rest()
        load.clear()
        shadow.rest()
        load.alter()
        shadow.rest()
        load.again()
        shadow.rest()
    status, result = shadow.end(seconds=900)
    assert not shadow.events("difference"), f"SHADOW_SEED={SEED}\n{describe(shadow)}"
    assert result and result["finished"], describe(shadow)
    assert status == 0, describe(shadow)
    assert result["equal"] + result["explained"] == result["compared"]
    assert result["compared"] >= events * 0.9
    assert list(db.slots()) == [db.name], "the shadow's slot"


ODD = """
CREATE TABLE m (id int PRIMARY KEY, nm name, u uuid, ip inet, tx text, ta time(6)[], b bit(3)[],
    nu numeric(6,2), big text, short text);
ALTER TABLE m ALTER big SET STORAGE external, ALTER short SET STORAGE external;
CREATE TABLE k (id text PRIMARY KEY, v int);
CREATE TABLE i (id int PRIMARY KEY, v int NOT NULL UNIQUE, w int);
ALTER TABLE i REPLICA IDENTITY USING INDEX i_v_key;
CREATE TABLE far (id int PRIMARY KEY, t timestamp);
"""
MASKS = {
    "column.mask.with.3.chars": "public.m.u",
    "column.mask.hash.SHA-256.with.salt.pepper": "public.m.ip,public.m.tx,public.m.big,public.k.id",
    "column.truncate.to.5.chars": "public.m.nu,public.m.short",
    "column.propagate.source.type": "public.m.tx",
    "decimal.handling.mode": "string",
}
CHANGES = """
INSERT INTO m VALUES (1, 'n', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.1.2.3', 'told',
    '{10:10:10.123456,11:11:11}', ARRAY[b'101'], 1234.56, repeat('big ', 3000),
    repeat('short', 3000));
UPDATE m SET nm = 'm';
INSERT INTO k SELECT 'k' || i, i FROM generate_series(1, 20) i;
DELETE FROM k WHERE v < 5;
UPDATE k SET id = 'other' WHERE v = 6;
INSERT INTO i VALUES (1, 1, 1);
UPDATE i SET v = 2;
INSERT INTO far VALUES (1, '2024-01-01'), (2, '294276-12-31'), (3, '2025-01-01');
UPDATE far SET t = '2026-01-01' WHERE id = 3;
"""


@pytest.mark.parametrize("schemas", ["false", "true"])
def test_what_differs_on_purpose(db, leat, kafka, connect, gone, schemas):
    """docs/compatibility.md has a reason for each, and so has the shadow: no difference is left."""
    name = f"odd{schemas}"
    db.sql(ODD)
    gone.append(name)
    debezium(db, connect, name, **MASKS, **converters(schemas))
    shadow = Shadow(leat, "--connect", connect.url, "--wait", "30", name, connect.file).ready()
    db.sql(CHANGES)
    with db.connect() as c, c.cursor().copy("COPY k FROM STDIN") as copy:
        copy.write("".join(f"c{i}\t{i}\n" for i in range(30)))
    db.sql("INSERT INTO far VALUES (9, '2024-01-01')")
    shadow.rest()
    status, result = shadow.end(seconds=300)
    assert status == 0, describe(shadow)
    assert set(result["on_purpose"]) == {"name", "odd array", "fraction", "masked", "whole",
                                         "placeholder", "propagated", "hashed key"}
    assert result["not_compared"] == {"dead letter": 1, "identity": 3}
    assert result["compared"] == result["equal"] + result["explained"]
    told = [d["kind"] for d in shadow.events("deliberate")]
    assert sorted(told) == sorted(result["on_purpose"]), "each once"


ROWS = """
CREATE TABLE d (id int PRIMARY KEY, d date);
INSERT INTO d VALUES (1, '4713-01-01 BC'), (2, 'infinity'), (3, '-infinity'), (4, '2024-01-01');
CREATE UNLOGGED TABLE u (id int PRIMARY KEY);
INSERT INTO u VALUES (1), (2);
CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
INSERT INTO p VALUES (1), (2), (3);
CREATE TABLE far (id int PRIMARY KEY, t timestamp);
INSERT INTO far VALUES (1, '2024-01-01'), (2, '294276-12-31');
"""


def test_snapshots_that_differ_on_purpose(db, leat, kafka, connect, gone):
    """The rows that Debezium's snapshot reads otherwise."""
    db.sql(ROWS)
    gone.append("oddrows")
    root = {"publish.via.partition.root": "true", "snapshot.mode": "initial"}
    debezium(db, connect, "oddrows", **root, **converters("false"))
    shadow = Shadow(leat, "--connect", connect.url, "--snapshot", "--wait", "30", "oddrows",
                    connect.file).ready()
    db.sql("INSERT INTO d VALUES (5, '0001-01-01 BC'); INSERT INTO p VALUES (4)")

    def all_met():
        """The rows that leat has not wait for the end."""
        shadow.leat.alive()
        last = (shadow.events("progress") or [{"compared": 0}])[-1]
        return last["compared"] >= 10

    until(all_met, 600, "five rows of d, four of p, one of far", every=0.5)
    status, result = shadow.end(seconds=300)
    assert status == 0, describe(shadow)
    assert set(result["on_purpose"]) == {"early date"}
    assert result["not_compared"] == {"dead letter": 1, "partition": 3, "unlogged": 2}


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
