"""snapshot.mode beyond initial: always, when_needed, configuration_based; and what delays."""

import json
import time

import pytest
from servers.process import until


@pytest.fixture
def shop(db):
    db.sql("CREATE TABLE a (id int PRIMARY KEY)")
    db.sql("INSERT INTO a VALUES (1), (2)")
    return db


def file_of(leat, db, **more):
    return leat.write("shop.properties", db.properties(name="shop", **more))


def once(leat, db, ok=(0,), **more):
    return leat.call("run", "--once", file_of(leat, db, **more), ok=ok)


def records(leat):
    """(op, id) of each record."""
    if not any(t["topic"] == "shop.public.a" for t in leat.topics()):
        return []
    return [(r["value"]["op"], r["key"]["id"]) for r in leat.read("shop.public.a")]


BOTH = [("r", 1), ("r", 2)]


def test_always(shop, leat):
    """Each start reads all rows, then the changes since the last one: none is left out."""
    once(leat, shop, snapshot_mode="always")
    shop.sql("INSERT INTO a VALUES (3); DELETE FROM a WHERE id = 1")
    once(leat, shop, snapshot_mode="always", tombstones_on_delete="false")
    assert records(leat) == BOTH + [("r", 2), ("r", 3), ("c", 3), ("d", 1)]
    once(leat, shop)
    assert len(records(leat)) == 6


def test_when_needed(shop, leat):
    """A slot that is gone, or ahead: other modes stop, this one reads all rows again."""
    once(leat, shop, snapshot_mode="when_needed")
    once(leat, shop, snapshot_mode="when_needed")
    assert records(leat) == BOTH
    for loss in ("SELECT pg_drop_replication_slot('{0}')",
                 "SELECT pg_replication_slot_advance('{0}', pg_current_wal_lsn())"):
        before = len(records(leat))
        shop.sql("INSERT INTO a SELECT max(id) + 1 FROM a")
        shop.sql(loss.format(shop.name))
        shop.sql("INSERT INTO a SELECT max(id) + 1 FROM a")
        said = once(leat, shop, snapshot_mode="initial", ok=(1,)).stderr
        assert "postgres.slot_missing" in said or "postgres.gap" in said
        assert "postgres.snapshot_needed" in once(leat, shop, snapshot_mode="when_needed").stderr
        ids = [r[0] for r in shop.sql("SELECT id FROM a ORDER BY id")]
        got = records(leat)[before:]
        assert [r for r in got if r[0] == "r"] == [("r", i) for i in ids]
        shop.sql("INSERT INTO a SELECT max(id) + 1 FROM a")
        once(leat, shop, snapshot_mode="when_needed")
        assert records(leat)[-1] == ("c", ids[-1] + 1)


def test_configuration_based(shop, leat):
    """Rows, changes, both or neither, as its options say."""
    mode = {"snapshot_mode": "configuration_based"}
    data = {"snapshot.mode.configuration.based.snapshot.data": "true"}
    stream = {"snapshot.mode.configuration.based.start.stream": "true"}
    again = {"snapshot.mode.configuration.based.snapshot.on.data.error": "true"}
    said = once(leat, shop, **mode).stderr
    assert "neither rows nor changes" in said and records(leat) == []
    once(leat, shop, **mode, **data)
    assert records(leat) == BOTH and shop.slots() == {}
    once(leat, shop, **mode, **data)
    assert records(leat) == BOTH * 2
    assert "postgres.slot_missing" in once(leat, shop, **mode, **stream, ok=(1,)).stderr
    once(leat, shop, **mode, **stream, **again)
    assert records(leat) == BOTH * 3
    shop.sql("INSERT INTO a VALUES (3)")
    once(leat, shop, **mode, **stream)
    assert records(leat) == BOTH * 3 + [("c", 3)]


def test_always_beside_the_stream(shop, leat):
    """The same rows and changes; in which order is not said."""
    beside = {"snapshot_mode": "always", "snapshot_streaming": "beside"}
    once(leat, shop, **beside)
    shop.sql("INSERT INTO a VALUES (3); DELETE FROM a WHERE id = 1")
    once(leat, shop, **beside, tombstones_on_delete="false")
    got = records(leat)[2:]
    assert sorted(r for r in got if r[0] != "r") == [("c", 3), ("d", 1)]
    assert ("r", 2) in got and ("r", 1) not in got and len(got) <= 4


def test_without_effect(shop, leat):
    """What Debezium reads by, and leat otherwise, is told by name."""
    options = ("snapshot.isolation.mode", "snapshot.locking.mode", "snapshot.fetch.size",
               "snapshot.max.threads.multiplier")
    values = dict(zip(options, ("read_committed", "shared", "10", "4")))
    said = once(leat, shop, **{k.replace(".", "_"): v for k, v in values.items()}).stderr
    for name in options:
        assert name in said, name
    assert records(leat) == BOTH


def test_refused(shop, leat):
    """What is Java's, or of other databases, is told by name."""
    for mode, word in (("custom", "Java class"), ("recovery", "topic of schemas"),
                       ("sometimes", "when_needed")):
        assert word in once(leat, shop, snapshot_mode=mode, ok=(2,)).stderr


def test_delays(shop, leat):
    """snapshot.delay.ms before the rows, streaming.delay.ms behind them; a stop ends the wait."""
    begun = time.monotonic()
    leat.run(file_of(leat, shop, snapshot_delay_ms=700, streaming_delay_ms=800))
    until(lambda: records(leat) == BOTH, 30, "the rows", every=0.02)
    shop.sql("INSERT INTO a VALUES (3)")
    until(lambda: records(leat) == BOTH + [("c", 3)], 30, "the change", every=0.02)
    assert time.monotonic() - begun >= 1.5
    assert leat.stop() == 0
    leat.call("delete", "shop", "--forget", "--yes")
    leat.run(file_of(leat, shop, snapshot_delay_ms="1h"))

    def waits():
        done = leat.call("status", "shop", "--json", ok=None)
        error = json.loads(done.stdout).get("error") if done.returncode == 0 else None
        return error and error["code"] == "snapshot.delay"

    until(waits, 30, "the delay in status")
    assert leat.stop() == 0
