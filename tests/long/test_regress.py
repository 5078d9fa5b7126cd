"""The database that PostgreSQL's own regression tests leave, captured whole: the stream gives of
each row what the snapshot gives. And a connector that reads while these tests run."""

import pytest
from regress import Regress
from servers.postgres import Postgres
from servers.process import until
from whole import rows, snapshot_of, stream_of, without


@pytest.fixture(scope="module")
def regress(scratch):
    """A server of their own: they make and drop roles."""
    server = Postgres(f"{scratch}/regress-pg", max_locks_per_transaction="256", fsync="off").start()
    yield Regress(server, scratch)
    server.stop("immediate")


@pytest.fixture
def empty(regress):
    database = regress.server.database()
    yield database
    database.drop()


def generated(db):
    """topic -> generated columns, which the log does not have before version 18."""
    found = {}
    for topic, column in db.sql(
        "SELECT n.nspname || '.' || c.relname, a.attname FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE a.attgenerated <> '' AND NOT a.attisdropped"
    ):
        found.setdefault(topic, []).append(column)
    return found


def balanced(leat, name):
    counts = leat.status(name)["counts"]
    fates = ("appended", "filtered", "dead_lettered", "deduplicated")
    assert counts["received"] == sum(counts.get(f, 0) for f in fates), counts
    return counts


def test_snapshot_and_stream_are_equal(regress, empty, leat):
    first = regress.server.database()
    regress.run(first.name)
    file = regress.dump(first.name)
    stream = stream_of(empty, leat, lambda: regress.restore(file, empty.name), 600)
    snapshot = snapshot_of(empty, leat)
    for topic, columns in generated(empty).items():
        for side in (stream, snapshot):
            if topic in side:
                without(side, topic, columns)
    assert sorted(stream) == sorted(snapshot)
    for topic in stream:
        assert stream[topic] == snapshot[topic], topic
    total = sum(sum(c.values()) for c in rows(leat, "snap").values())
    print(f"{len(stream)} tables, {total} rows")
    assert len(stream) > 100 and total > 50_000


def test_read_while_they_run(regress, empty, leat):
    """Tables of all kinds that come, change and go. Only rows that are new are published, since
    most tables have no key."""
    empty.sql(f"CREATE PUBLICATION {empty.name} FOR ALL TABLES WITH (publish = 'insert, truncate')")
    props = empty.properties(name="shop", publication_autocreate_mode="disabled")
    leat.run(leat.write("shop.properties", props | {"snapshot.mode": "no_data"}))
    until(lambda: "postgres.streaming" in leat.stderr, 60, "the stream")
    regress.run(empty.name)
    high, low = empty.sql("SELECT pg_current_wal_lsn()")[0][0].split("/")
    end = (int(high, 16) << 32) + int(low, 16)

    def passed():
        leat.alive()
        position = leat.status("shop").get("position") or {}
        return max(position.get("lsn_proc") or 0, position.get("lsn") or 0) >= end

    until(passed, 1200, "the end of the stream", every=1)
    counts = balanced(leat, "shop")
    print(counts)
    assert counts["appended"] > 50_000
    assert leat.stop() == 0
