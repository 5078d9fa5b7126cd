"""The PostgreSQL source and tables at the edges of what a server can hold, as far as that is quick;
what is not is in tests/long/test_extremes.py."""

import threading

from servers.process import until


GONE = "__debezium_unavailable_value"


def once(leat, db, **more):
    file = leat.write("shop.properties", db.properties(name="shop", **more))
    return leat.call("run", "--once", file)


def balanced(leat):
    counts = leat.status("shop")["counts"]
    fates = ("appended", "filtered", "dead", "deduplicated")
    assert counts["received"] == sum(counts.get(f, 0) for f in fates), counts
    return counts


def test_1600_columns(db, leat):
    """Of many types, some values outside of the row; snapshot, update, delete."""
    kinds = ["int", "text", "bool", "smallint", "date", "float4", "text"]
    columns = [(f"c{i}", kinds[i % len(kinds)]) for i in range(1599)]
    db.sql("CREATE TABLE t (id int PRIMARY KEY, " + ", ".join(f"{n} {k}" for n, k in columns) + ")")
    large = "repeat(md5('x'), 200)"
    values = {"int": "7", "text": "NULL", "bool": "true", "smallint": "3", "date": "'2024-02-29'"}
    values["float4"] = "0.5"
    row = [large if n in ("c1", "c1595") else values[k] for n, k in columns]
    db.sql(f"INSERT INTO t VALUES (1, {', '.join(row)})")
    once(leat, db)
    db.sql("UPDATE t SET c0 = 8")
    db.sql("DELETE FROM t")
    once(leat, db)
    read, update, delete, _ = leat.read("shop.public.t")
    assert len(read["value"]["after"]) == 1600
    assert len(read["value"]["after"]["c1"]) == 6400
    after = update["value"]["after"]
    assert after == {**read["value"]["after"], "c0": 8, "c1": GONE, "c1595": GONE}
    assert delete["value"]["before"]["id"] == 1


def test_savepoints_rolled_back(db, leat):
    """A transaction of many subtransactions: what was rolled back is not there."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    once(leat, db)
    db.sql(
        "DO $$ BEGIN FOR i IN 1..2000 LOOP BEGIN INSERT INTO t VALUES (i);"
        " IF i % 2 = 0 THEN RAISE 'no'; END IF; EXCEPTION WHEN OTHERS THEN NULL; END;"
        " END LOOP; END $$"
    )
    once(leat, db)
    assert [r["key"]["id"] for r in leat.read("shop.public.t")] == list(range(1, 2001, 2))
    balanced(leat)


def test_tables_that_come_and_go(db, leat):
    """Made, written to and dropped while the stream runs."""
    db.sql("CREATE TABLE last (id int PRIMARY KEY)")
    leat.run(leat.write("shop.properties", db.properties(name="shop")))
    until(lambda: "postgres.streaming" in leat.stderr, 30, "the stream")
    with db.connect() as c:
        for i in range(100):
            c.execute(f"CREATE TABLE come{i} (id int PRIMARY KEY, v text NOT NULL DEFAULT 'x')")
            c.execute(f"INSERT INTO come{i} VALUES ({i})")
            c.execute(f"DROP TABLE come{i}")
        c.execute("INSERT INTO last VALUES (1)")
    leat.read_until("shop.public.last", 1)
    for i in (0, 50, 99):
        (record,) = leat.read(f"shop.public.come{i}")
        assert record["value"]["after"] == {"id": i, "v": "x"}
    assert balanced(leat)["received"] == 101
    assert leat.stop() == 0


def test_truncate_cascade(db, leat):
    """One statement, a hundred tables: an event each, in one transaction."""
    db.sql("CREATE TABLE t0 (id int PRIMARY KEY)")
    with db.connect() as c:
        for i in range(1, 100):
            c.execute(f"CREATE TABLE t{i} (id int PRIMARY KEY REFERENCES t{i - 1})")
    once(leat, db, skipped_operations="none")
    db.sql("TRUNCATE t0 CASCADE")
    once(leat, db, skipped_operations="none")
    records = [leat.read(f"shop.public.t{i}") for i in (0, 1, 50, 99)]
    assert balanced(leat)["appended"] == 100
    assert all(len(r) == 1 and r[0]["value"]["op"] == "t" for r in records)
    assert len({r[0]["value"]["source"]["txId"] for r in records}) == 1


def test_a_table_rewritten_under_load(db, leat):
    """ALTER TYPE writes all rows anew, which are no changes; those before and after have their
    types."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, n int)")
    db.sql("INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g")
    file = leat.write("shop.properties", db.properties(name="shop"))
    leat.run(file)
    leat.read_until("shop.public.t", 1000)
    done = threading.Event()

    def write():
        with db.connect() as c:
            i = 1000
            while not done.is_set():
                i += 1
                c.execute("INSERT INTO t VALUES (%s, 1)", (i,))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for kind in ("bigint", "text", "varchar(20)", "text"):
            db.sql(f"ALTER TABLE t ALTER n TYPE {kind}")
            seen = db.sql("SELECT count(*) FROM t")[0][0]
            leat.read_until("shop.public.t", seen, seconds=60)
    finally:
        done.set()
        writer.join()
    (rows,) = db.sql("SELECT count(*) FROM t")[0]
    leat.read_until("shop.public.t", rows, seconds=60)
    records = leat.read("shop.public.t")
    assert [r["key"]["id"] for r in records] == list(range(1, rows + 1))
    assert {type(r["value"]["after"]["n"]) for r in records} == {int, str}
    assert leat.stop() == 0
