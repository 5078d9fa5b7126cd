"""Going on where Debezium Server or connect-standalone stood: their file of offsets, read once, and
a real slot. Where Debezium stops is mostly inside a transaction."""

import json
import struct

import pytest
from javafile import offsets_file


def lsn(text):
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


@pytest.fixture
def shop(db):
    """Two transactions of three rows behind a slot."""
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    db.sql(f"CREATE PUBLICATION {db.name} FOR ALL TABLES")
    db.sql(f"SELECT pg_create_logical_replication_slot('{db.name}', 'pgoutput')")
    db.sql("INSERT INTO orders SELECT i, 'first' FROM generate_series(1, 3) i")
    db.sql("INSERT INTO orders SELECT i, 'second' FROM generate_series(4, 6) i")
    return db


def changes(db):
    """What the slot would send: (lsn, xid, letter, bytes)."""
    rows = db.sql(
        "SELECT lsn::text, xid::text, data FROM pg_logical_slot_peek_binary_changes"
        f"('{db.name}', NULL, NULL, 'proto_version', '1', 'publication_names', '{db.name}')")
    return [(lsn(at), int(xid), bytes(data[:1]), bytes(data)) for at, xid, data in rows]


def offset_at(db, n, kind="INSERT"):
    """Debezium's offset behind the n-th insert: the last commit, and the change itself."""
    commit, inserts = None, 0
    for at, xid, letter, data in changes(db):
        if letter == b"C":
            commit = struct.unpack(">xxQQ", data[:18])[1]
        if letter != b"I":
            continue
        inserts += 1
        if inserts == n:
            offset = {"lsn_proc": at, "messageType": kind, "lsn": at, "txId": xid, "ts_usec": 1}
            return {**offset, **({"lsn_commit": commit} if commit else {})}
    raise AssertionError(f"no insert number {n}")


def start(leat, db, *entries, **more):
    path = offsets_file(f"{leat.folder}/offsets.dat", *entries)
    more = {"offset.storage.file.filename": path, **more}
    config = leat.write("shop.properties", {**db.properties(name="shop"), **more})
    leat.run("--once", config)
    return leat.wait()


def ids(leat, topic="shop.public.orders"):
    return [r["value"]["after"]["id"] for r in leat.read(topic, ok=None)]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_no_gap_and_nothing_twice(shop, leat, n):
    """Wherever in a transaction it stopped."""
    assert start(leat, shop, ("kafka", {"server": "shop"}, offset_at(shop, n))) == 0
    shop.sql("INSERT INTO orders VALUES (7, 'later')")
    leat.run("--once", leat.folder + "/shop.properties")
    assert leat.wait() == 0
    assert ids(leat) == list(range(n + 1, 8))
    assert "adopt.offsets" in leat.stderr
    assert leat.stderr.count("adopt.offsets") == 1


def test_behind_a_begin_nothing_was_delivered(shop, leat):
    """Its LSN is that of the first change."""
    assert start(leat, shop, ("kafka", {"server": "shop"}, offset_at(shop, 4, "BEGIN"))) == 0
    assert ids(leat) == [4, 5, 6]


def test_another_transaction_comes_first(shop, leat):
    """What the offset says cannot be found: repeats, and a warning, but no gap."""
    offset = {**offset_at(shop, 5), "txId": 4000000}
    assert start(leat, shop, ("kafka", {"server": "shop"}, offset)) == 0
    assert ids(leat) == [4, 5, 6]
    assert "postgres.resume" in leat.stderr


def test_transactions_go_on_counting(shop, leat):
    """Numbers and totals are those of the whole transaction, the begin is not written again."""
    entry = ("kafka", {"server": "shop"}, offset_at(shop, 5))
    assert start(leat, shop, entry, **{"provide.transaction.metadata": "true"}) == 0
    (row,) = leat.read("shop.public.orders")
    assert row["value"]["transaction"]["total_order"] == 3
    (end,) = leat.read("shop.transaction")
    assert (end["value"]["status"], end["value"]["event_count"]) == ("END", 3)


def test_the_history_tells(shop, leat):
    start(leat, shop, ("kafka", {"server": "shop"}, offset_at(shop, 2)))
    notes = leat.json("offsets", "shop", "history")
    notes = notes.get("history", notes) if isinstance(notes, dict) else notes
    assert any("adopted from" in (note.get("by") or "") for note in notes)


def test_only_at_the_first_start(shop, leat):
    """Afterwards leat's own offsets count, and no offsets are offsets too."""
    assert start(leat, shop, ("kafka", {"server": "shop"}, offset_at(shop, 6))) == 0
    leat.call("offsets", "shop", "reset", "--yes", ok=None)
    leat.run("--once", leat.folder + "/shop.properties")
    assert leat.wait() == 0
    rows = [r["value"] for r in leat.read("shop.public.orders") if r["value"]["op"] == "r"]
    assert sorted(row["after"]["id"] for row in rows) == [1, 2, 3, 4, 5, 6]
    assert leat.stderr.count("adopt.offsets") == 1


def test_a_file_of_several_connectors(shop, leat):
    """The partition decides."""
    entries = [("x", "bank", {"lsn": 5}), ("y", "shop", offset_at(shop, 5)), ("z", "shop", None)]
    assert start(leat, shop, *[(name, {"server": s}, at) for name, s, at in entries]) == 0
    assert ids(leat) == [6]


def test_a_file_with_two_of_them(shop, leat):
    """The name decides, or nothing does."""
    server, mine, other = {"server": "shop"}, offset_at(shop, 5), offset_at(shop, 1)
    assert start(leat, shop, ("y", server, mine), ("z", server, other)) == 1
    assert "adopt.ambiguous" in leat.stderr
    assert start(leat, shop, ("y", server, other), ("shop", server, mine)) == 0
    assert ids(leat) == [6]


@pytest.mark.parametrize("entries", [(), (("x", {"server": "bank"}, {"lsn": 5}),)])
def test_a_file_without_it(shop, leat, entries):
    assert start(leat, shop, *entries) == 0
    assert "adopt.none" in leat.stderr
    assert sorted(set(ids(leat))) == [1, 2, 3, 4, 5, 6]


def test_a_snapshot_that_had_not_ended(shop, leat):
    offset = {"lsn": 500, "snapshot": "INITIAL", "last_snapshot_record": False}
    assert start(leat, shop, ("kafka", {"server": "shop"}, offset)) == 0
    assert "adopt.snapshot" in leat.stderr
    assert sorted(set(ids(leat))) == [1, 2, 3, 4, 5, 6]


def test_no_file(shop, leat):
    config = leat.write("shop.properties", {
        **shop.properties(name="shop"), "offset.storage.file.filename": "data/offsets.dat"})
    leat.run("--once", config)
    assert leat.wait() == 0
    assert "adopt.none" in leat.stderr and "there is no such file" in leat.stderr


def test_other_stores_and_broken_files(shop, leat):
    """Named errors; the way out that they name is one."""
    redis = "io.debezium.storage.redis.offset.RedisOffsetBackingStore"
    assert start(leat, shop, **{"offset.storage": redis}) == 1
    assert "adopt.store" in leat.stderr and redis in leat.stderr
    offsets = {"offsets": [{"partition": {"server": "shop"}, "offset": offset_at(shop, 5)}]}
    leat.call("offsets", "shop", "set", json.dumps(offsets), "--yes")
    assert start(leat, shop, **{"offset.storage": redis}) == 0
    assert ids(leat) == [6]
    leat.data += "2"
    path = leat.write("offsets.json", "{}")
    config = leat.write("shop.properties", {**shop.properties(name="shop"),
                                            "offset.storage.file.filename": path})
    leat.run("--once", config)
    assert leat.wait() == 1
    assert "offsets.file" in leat.stderr and "nothing was taken" in leat.stderr
