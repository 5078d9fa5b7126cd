"""Query capture, deletes.interval.ms, with Kafka as the stream: what the topics and an SQL sink out
of them end with is the table, whatever is killed."""

import json

import pytest
from query import MODES, Deleters, config
from servers.process import until
from target import sink
from test_intake import QUICK

TABLE = "CREATE TABLE t (id bigserial PRIMARY KEY, v int, at timestamptz NOT NULL DEFAULT now())"
ONCE = {"exactly.once.support": "required"}
SCHEMAS = {f"{part}.converter.schemas.enable": "true" for part in ("key", "value")}


class Shop:
    """A table that is read in each mode, and a sink that writes each topic to a table of its
    name."""

    def __init__(self, db, kafka, leat, copy, more):
        self.db, self.kafka, self.leat, self.copy = db, kafka, leat, copy
        db.sql(TABLE)
        db.sql("CREATE INDEX ON t (at, id)")
        self.topics = {mode: f"{db.name}_{i}_t" for i, mode in enumerate(MODES)}
        options = {"deletes.interval.ms": 100, "spool.after.ms": 500} | SCHEMAS | more
        self.sources = [leat.write("worker.properties", {"bootstrap.servers": kafka.bootstrap})]
        for i, mode in enumerate(MODES):
            props = config(db, mode, prefix=f"{db.name}_{i}_") | options
            if mode == "bulk":  # each poll tells all rows
                props["poll.interval.ms"] = 1000
            self.sources.append(leat.write(f"{db.name}m{i}.properties", props))
        pump = sink(copy, self.topics.values(), delete_enabled="true", insert_mode="upsert",
                    primary_key_mode="record_key", schema_evolution="basic",
                    table_name_format="${topic}", **QUICK)
        self.files = [*self.sources, leat.write("pump.properties", pump)]

    def run(self):
        self.leat.run(*self.files)

    def settle(self):
        """All that the table has, and has not, is in Kafka and in the copies."""
        self.leat.stop(60)
        self.leat.call("run", "--once", *self.sources, seconds=180)
        self.leat.call("run", "--once", *self.sources, seconds=180)
        self.leat.call("run", "--once", *self.files, seconds=180)

    def folded(self, topic):
        """id -> v, of the last record of each key."""
        rows = {}
        for record in self.kafka.read(topic):
            key = json.loads(record.key)["payload"]["id"]
            rows[key] = json.loads(record.value)["payload"]["v"] if record.value else None
        return {key: v for key, v in rows.items() if v is not None}

    def check(self):
        final = dict(self.db.sql("SELECT id, v FROM t"))
        for mode, topic in self.topics.items():
            for found in (self.folded(topic), dict(self.copy.rows(topic, "id, v"))):
                assert (mode, sorted(found)) == (mode, sorted(final))
                assert mode == "incrementing" or found == final
        return final

    def deleted(self):
        return {json.loads(r.key)["payload"]["id"]
                for r in self.kafka.read(self.topics["timestamp"]) if r.value is None}


@pytest.mark.parametrize("more", [{}, ONCE], ids=["at-least-once", "exactly-once"])
def test_eight_writers(db, kafka, leat, copy, more):
    """Beside them all is killed, again and again; then Kafka is away while rows are deleted, which
    the spool takes, and leat is killed in there too."""
    shop = Shop(db, kafka, leat, copy, more)
    db.sql("INSERT INTO t (v) SELECT g FROM generate_series(1, 50) g")
    shop.run()
    with Deleters(db):
        for topic in shop.topics.values():
            kafka.read_until(topic, 60)
            leat.kill()
            shop.run()
    shop.settle()
    before = shop.check()
    assert len(before) > 20 and len(shop.deleted() - set(before)) > 20

    shop.run()
    name = f"{db.name}m2"
    until(lambda: leat.told(name).get("state") == "RUNNING", 60, "the source")
    kafka.kill()
    gone = [id for id, in db.sql("DELETE FROM t WHERE id % 3 = 0 RETURNING id")]
    until(lambda: leat.told(name).get("delivery", {}).get("spool_events", 0) >= len(gone), 60,
          "the deletes in the spool")
    leat.kill()
    shop.run()
    db.sql("INSERT INTO t (id, v) SELECT unnest(%s::bigint[]), 7", gone[:3])
    kafka.start()
    shop.settle()
    assert len(shop.check()) == len(before) - len(gone) + 3
    assert set(gone[3:]) <= shop.deleted()
