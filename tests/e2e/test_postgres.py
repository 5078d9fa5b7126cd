"""The PostgreSQL source beyond what the recorded cases show: slots, publications, interrupted
snapshots, tables that change under way, idle databases."""

import json
import time

import pytest
from servers.process import until


def run_once(leat, db, ok=(0,), **more):
    file = leat.write("shop.properties", db.properties(name="shop", **more))
    return leat.call("run", "--once", file, ok=ok)


def keys(records):
    return [r["key"]["id"] for r in records]


def lsn(text):
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


@pytest.fixture
def shop(db):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    db.sql("INSERT INTO orders VALUES (1, 'a')")
    return db


def test_restarts_go_on_where_they_were(shop, leat):
    for i in range(2, 6):
        run_once(leat, shop)
        shop.sql("INSERT INTO orders VALUES (%s, 'x')", i)
    run_once(leat, shop)
    records = leat.read("shop.public.orders")
    assert keys(records) == [1, 2, 3, 4, 5]
    assert [r["value"]["op"] for r in records] == ["r", "c", "c", "c", "c"]
    # The half of the sequence that tells the commit before goes on across restarts.
    assert json.loads(records[2]["value"]["source"]["sequence"])[0] is not None


def test_a_killed_snapshot_begins_again(shop, leat):
    """Rows may repeat; changes made meanwhile come once, behind them."""
    many = "INSERT INTO orders SELECT g, repeat(md5(g::text), 1000) FROM generate_series(2, 3000) g"
    shop.sql(many)
    file = leat.write("shop.properties", shop.properties(name="shop"))
    leat.run(file)
    leat.read_until("shop.public.orders", 1, "--max", "1")
    leat.kill()
    assert leat.status("shop").get("snapshot", {}).get("state") != "done"
    shop.sql("UPDATE orders SET what = 'changed' WHERE id = 7")
    shop.sql("DELETE FROM orders WHERE id = 3000")
    leat.call("run", "--once", file)
    records = leat.read("shop.public.orders")
    assert {r["key"]["id"] for r in records} >= set(range(1, 3000))
    changes = [r for r in records if r["value"] and r["value"]["op"] in "ud"]
    assert [(r["value"]["op"], r["key"]["id"]) for r in changes] == [("u", 7), ("d", 3000)]
    last = {}
    for r in records:
        last[r["key"]["id"]] = r["value"] and r["value"]["after"]
    rows = dict(shop.sql("SELECT id, what FROM orders"))
    assert {k: v["what"] for k, v in last.items() if v} == rows


def test_initial_only(shop, leat):
    run_once(leat, shop, snapshot_mode="initial_only")
    shop.sql("INSERT INTO orders VALUES (2, 'later')")
    run_once(leat, shop, snapshot_mode="initial_only")
    assert keys(leat.read("shop.public.orders")) == [1]
    assert shop.slots() == {}


def test_a_filtered_publication_follows_the_filters(shop, leat):
    shop.sql("CREATE TABLE bills (id int PRIMARY KEY)")
    shop.sql("CREATE TABLE notes (id int PRIMARY KEY)")

    def published():
        rows = shop.sql(
            "SELECT tablename FROM pg_publication_tables WHERE pubname = %s ORDER BY 1", shop.name
        )
        return [name for (name,) in rows]

    more = {"publication_autocreate_mode": "filtered"}
    run_once(leat, shop, table_include_list="public.orders,public.bills", **more)
    assert published() == ["bills", "orders"]
    run_once(leat, shop, table_include_list="public.orders,public.notes", **more)
    assert published() == ["notes", "orders"]


def test_an_idle_table_does_not_hold_the_log(shop, leat):
    """Changes of tables that are not captured move the slot all the same."""
    shop.sql("CREATE TABLE busy (id int PRIMARY KEY)")
    file = leat.write(
        "shop.properties", shop.properties(name="shop", table_include_list="public.orders")
    )
    leat.run(file)
    leat.read_until("shop.public.orders", 1)
    shop.sql("INSERT INTO busy SELECT generate_series(1, 20000)")
    end = lsn(shop.sql("SELECT pg_current_wal_lsn()")[0][0])

    def confirmed():
        leat.alive()
        return lsn(shop.slots()[shop.name]["confirmed_flush_lsn"]) >= end

    until(confirmed, 20, "the slot to move")
    counts = leat.status("shop")["counts"]
    assert counts["received"] == counts["filtered"] == 20000


def test_a_prepared_transaction_is_named(shop, leat):
    with shop.connect(autocommit=False) as c:
        c.execute("INSERT INTO orders VALUES (2, 'b')")
        c.execute("PREPARE TRANSACTION 'it''s stuck'")
    try:
        done = run_once(leat, shop, ok=(1,))
        assert "postgres.prepared_transaction" in done.stderr
        assert "ROLLBACK PREPARED 'it''s stuck'" in done.stderr
        assert shop.slots() == {}
        file = leat.write("shop.properties", shop.properties(name="shop"))
        assert "ROLLBACK PREPARED" in leat.call("check", file, ok=(3,)).stdout
    finally:
        shop.sql("COMMIT PREPARED 'it''s stuck'")
    run_once(leat, shop)
    assert keys(leat.read("shop.public.orders")) == [1, 2]


def test_the_slot_dropped_on_stop(shop, leat):
    run_once(leat, shop, slot_drop_on_stop="true")
    assert shop.slots() == {}
    assert "postgres.slot_missing" in run_once(leat, shop, ok=(1,), slot_drop_on_stop="true").stderr


def test_tables_renamed_and_dropped_while_leat_is_away(shop, leat):
    shop.sql("CREATE TABLE old (id int PRIMARY KEY, v text)")
    run_once(leat, shop)
    shop.sql("INSERT INTO old VALUES (1, 'a')")
    shop.sql("ALTER TABLE old RENAME TO new")
    shop.sql("INSERT INTO new VALUES (2, 'b')")
    shop.sql("CREATE TABLE gone (id int PRIMARY KEY)")
    shop.sql("INSERT INTO gone VALUES (1)")
    shop.sql("DROP TABLE gone")
    run_once(leat, shop, debezium_faults="false")
    assert keys(leat.read("shop.public.old")) == [1]
    assert keys(leat.read("shop.public.new")) == [2]
    assert keys(leat.read("shop.public.gone")) == [1]


def test_the_identity_by_an_index(shop, leat):
    """The old row holds the index's columns; without a primary key they are the key too."""
    shop.sql("CREATE TABLE t (a int, id int NOT NULL, CONSTRAINT t_id UNIQUE (id))")
    shop.sql("ALTER TABLE t REPLICA IDENTITY USING INDEX t_id")
    run_once(leat, shop)
    shop.sql("INSERT INTO t VALUES (1, 1)")
    shop.sql("UPDATE t SET a = 2")
    shop.sql("UPDATE t SET id = 5")
    shop.sql("DELETE FROM t")
    run_once(leat, shop)
    got = [(r["key"]["id"], r["value"] and r["value"]["op"]) for r in leat.read("shop.public.t")]
    deleted = [(5, "d"), (5, None)]
    assert got == [(1, "c"), (1, "u"), (1, "d"), (1, None), (5, "c"), *deleted]


def test_an_enum_that_grew(shop, leat):
    shop.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    shop.sql("CREATE TABLE t (id int PRIMARY KEY, m mood)")
    leat.run(leat.write("shop.properties", shop.properties(name="shop")))
    leat.read_until("shop.public.orders", 1)
    shop.sql("INSERT INTO t VALUES (1, 'ok')")
    leat.read_until("shop.public.t", 1)
    shop.sql("ALTER TYPE mood ADD VALUE 'happy'")
    shop.sql("ALTER TABLE t ADD COLUMN n int")
    shop.sql("INSERT INTO t VALUES (2, 'happy', 7)")
    records = leat.read_until("shop.public.t", 2, "--format", "json-schema")
    schema = json.dumps(records[1]["value"]["schema"])
    assert '"allowed": "sad,ok,happy"' in schema


def test_a_slot_whose_log_is_gone(shop, leat, postgres):
    postgres.needs(13, "max_slot_wal_keep_size")
    run_once(leat, shop)
    postgres.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    try:
        postgres.sql("SELECT pg_reload_conf()")
        shop.sql("INSERT INTO orders SELECT g, repeat('x', 500) FROM generate_series(2, 60000) g")
        for _ in range(3):
            shop.sql("SELECT pg_switch_wal()")
            shop.sql("CHECKPOINT")
            time.sleep(0.2)
        assert shop.slots()[shop.name]["wal_status"] == "lost"
        done = run_once(leat, shop, ok=(1,))
        assert "postgres.wal_removed" in done.stderr
        assert "max_slot_wal_keep_size" in done.stderr
    finally:
        postgres.sql("ALTER SYSTEM RESET max_slot_wal_keep_size")
        postgres.sql("SELECT pg_reload_conf()")
