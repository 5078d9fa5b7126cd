"""The PostgreSQL source and the shapes that tables have: NULLs that a newer catalog forbids,
replica identities, partitions, names."""

import concurrent.futures
import json

import psycopg
import pytest
from servers.process import until


def run_once(leat, db, ok=(0,), **more):
    file = leat.write("shop.properties", db.properties(name="shop", **more))
    return leat.call("run", "--once", file, ok=ok)


def check(leat, db, ok=(0, 3), **more):
    file = leat.write("shop.properties", db.properties(name="shop", **more))
    lines = leat.call("check", file, "--json", ok=ok).stdout.splitlines()
    return {s["step"]: s for s in map(json.loads, lines) if "step" in s}


def told(records):
    """(key, op, before, after) of each; a tombstone has no op."""
    return [
        (r["key"], v and v["op"], v and v["before"], v and v["after"])
        for r in records
        for v in [r["value"]]
    ]


def ops(records):
    return [r["value"] and r["value"]["op"] for r in records]


def optional(record, column):
    """What the schema of a record read as json-schema says of a column."""
    fields = record["value"]["schema"]["fields"]
    (after,) = [f for f in fields if f["field"] == "after"]
    (field,) = [f for f in after["fields"] if f["field"] == column]
    return field


def dead(leat):
    return leat.status("shop")["counts"].get("dead_lettered", 0)


# ---- NULLs that a newer catalog forbids


def test_a_column_that_became_not_null(db, leat):
    """The log still has the NULL: that change is kept, under a version that allows it."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text, w text)")
    run_once(leat, db)
    db.sql("INSERT INTO t VALUES (1, NULL, NULL), (2, 'b', NULL)")
    db.sql("UPDATE t SET v = 'a', w = 'c'")
    db.sql("ALTER TABLE t ALTER v SET NOT NULL, ALTER w SET NOT NULL")
    db.sql("INSERT INTO t VALUES (3, 'c', 'd')")
    run_once(leat, db)
    records = leat.read("shop.public.t", "--format", "json-schema")
    rows = [r["value"]["payload"]["after"] for r in records]
    assert [(r["id"], r["v"], r["w"]) for r in rows] == [
        (1, None, None),
        (2, "b", None),
        (1, "a", "c"),
        (2, "a", "c"),
        (3, "c", "d"),
    ]
    assert optional(records[0], "v")["optional"] and optional(records[0], "w")["optional"]
    assert not optional(records[4], "v")["optional"]
    assert dead(leat) == 0


def test_null_elements_of_enum_arrays(db, leat):
    """Debezium's schema of them has no room for NULL; one that has comes with the first NULL."""
    db.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    db.sql("CREATE TABLE t (id int PRIMARY KEY, m mood[])")
    db.sql("INSERT INTO t VALUES (1, '{sad}'), (2, '{NULL,ok}')")
    run_once(leat, db)
    db.sql("INSERT INTO t VALUES (3, '{ok}'), (4, '{ok,NULL}')")
    run_once(leat, db)
    records = leat.read("shop.public.t", "--format", "json-schema")
    values = [r["value"]["payload"]["after"]["m"] for r in records]
    assert values == [["sad"], [None, "ok"], ["ok"], ["ok", None]]
    items = [optional(r, "m")["items"]["optional"] for r in records]
    assert items == [False, True, False, True]
    assert dead(leat) == 0


def test_a_time_that_no_event_can_hold(db, leat):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, at timestamp)")
    db.sql("INSERT INTO t VALUES (1, '294247-01-10 04:00:54'), (2, '294276-12-31 23:59:59')")
    run_once(leat, db)
    assert [r["key"]["id"] for r in leat.read("shop.public.t")] == [1]
    letter = leat.call("dead-letters", "shop", "list", "--json").stdout
    assert letter.count("\n") == 1 and "a time behind 294247-01-10" in letter


# ---- replica identities


def test_the_identity_by_an_index_beside_the_key(db, leat):
    """Old rows have no key: it shows zeros, as in Debezium, and check warns."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, code int NOT NULL UNIQUE, v text)")
    db.sql("ALTER TABLE t REPLICA IDENTITY USING INDEX t_code_key")
    run_once(leat, db)
    db.sql("INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b')")
    db.sql("UPDATE t SET v = 'c' WHERE id = 1")
    db.sql("UPDATE t SET id = 3 WHERE id = 1")
    db.sql("UPDATE t SET code = 21 WHERE id = 2")
    db.sql("DELETE FROM t WHERE id = 3")
    run_once(leat, db)
    assert told(leat.read("shop.public.t"))[2:] == [
        ({"id": 1}, "u", None, {"id": 1, "code": 10, "v": "c"}),
        ({"id": 3}, "u", None, {"id": 3, "code": 10, "v": "c"}),
        ({"id": 2}, "u", {"id": 0, "code": 20, "v": None}, {"id": 2, "code": 21, "v": "b"}),
        ({"id": 0}, "d", {"id": 0, "code": 10, "v": None}, None),
        ({"id": 0}, None, None, None),
    ]
    step = check(leat, db)["replica identity index"]
    assert step["state"] == "warn" and "public.t" in step["detail"]
    assert 'ALTER TABLE "public"."t" REPLICA IDENTITY DEFAULT;' in step["sql"]


def test_no_identity(db, leat):
    """The server refuses updates and deletes, once published; inserts go through."""
    db.sql("CREATE TABLE bare (id int, v text)")
    db.sql("CREATE TABLE none (id int PRIMARY KEY)")
    db.sql("ALTER TABLE none REPLICA IDENTITY NOTHING")
    run_once(leat, db)
    for table in "bare", "none":
        db.sql(f"INSERT INTO {table} (id) VALUES (1)")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            db.sql(f"DELETE FROM {table}")
    run_once(leat, db)
    assert told(leat.read("shop.public.bare")) == [(None, "c", None, {"id": 1, "v": None})]
    assert told(leat.read("shop.public.none")) == [({"id": 1}, "c", None, {"id": 1})]
    step = check(leat, db)["replica identity"]
    assert step["state"] == "warn"
    assert 'ALTER TABLE "public"."bare" REPLICA IDENTITY FULL;' in step["sql"]
    assert 'ALTER TABLE "public"."none" REPLICA IDENTITY DEFAULT;' in step["sql"]


def test_identities_that_change_under_way(db, leat):
    """In one stream, each followed by an update: what the old row holds."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, code int NOT NULL UNIQUE, v text)")
    db.sql("INSERT INTO t VALUES (1, 10, 'a')")
    leat.run(leat.write("shop.properties", db.properties(name="shop")))
    leat.read_until("shop.public.t", 1)
    for identity in ("FULL", "DEFAULT", "USING INDEX t_code_key", "FULL", "NOTHING"):
        db.sql(f"ALTER TABLE t REPLICA IDENTITY {identity}")
        if identity == "NOTHING":
            db.sql("INSERT INTO t VALUES (9, 9, 'end')")
            break
        db.sql("UPDATE t SET code = code + 1, v = %s", identity)
    records = leat.read_until("shop.public.t", 6)
    befores = [r["value"]["before"] for r in records]
    assert befores == [
        None,
        {"id": 1, "code": 10, "v": "a"},
        None,
        {"id": 0, "code": 12, "v": None},
        {"id": 1, "code": 13, "v": "USING INDEX t_code_key"},
        None,
    ]
    assert leat.stop() == 0


def test_keys_that_change_under_way(db, leat):
    """Dropped, added on another column, renamed: each change has the key of its time or a later
    one."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, code int NOT NULL)")
    leat.run(leat.write("shop.properties", db.properties(name="shop")))
    until(lambda: "postgres.streaming" in leat.stderr, 30, "the stream")
    steps = [
        ("INSERT INTO t VALUES (1, 10)", {"id": 1}),
        ("ALTER TABLE t DROP CONSTRAINT t_pkey; INSERT INTO t VALUES (2, 20)", None),
        ("ALTER TABLE t ADD PRIMARY KEY (code); INSERT INTO t VALUES (3, 30)", {"code": 30}),
        ("ALTER TABLE t RENAME code TO nr; INSERT INTO t VALUES (4, 40)", {"nr": 40}),
        (
            "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (nr, id);"
            " INSERT INTO t VALUES (5, 50)",
            {"nr": 50, "id": 5},
        ),
        ("ALTER TABLE t ALTER nr TYPE bigint; INSERT INTO t VALUES (6, 60)", {"nr": 60, "id": 6}),
    ]
    for n, (statement, _) in enumerate(steps):
        db.sql(statement)
        leat.read_until("shop.public.t", n + 1)
    assert [r["key"] for r in leat.read("shop.public.t")] == [key for _, key in steps]
    assert leat.stop() == 0


def test_a_key_that_is_sent_before_it_is_visible(db, leat):
    """A commit that waits for a standby is sent, and the catalog does not show it yet."""
    db.sql("CREATE TABLE t (id int NOT NULL)")
    leat.run(leat.write("shop.properties", db.properties(name="shop")))
    until(lambda: "postgres.streaming" in leat.stderr, 30, "the stream")
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = %s"
    db.server.set(synchronous_standby_names="nobody")
    try:
        until(lambda: db.sql("SHOW synchronous_standby_names") == [("nobody",)], 30, "the setting")
        change = "ALTER TABLE t ADD PRIMARY KEY (id); INSERT INTO t VALUES (7)"
        with concurrent.futures.ThreadPoolExecutor() as pool:
            done = pool.submit(db.sql, change)
            try:
                until(lambda: db.sql(waits, db.name), 30, "the commit that waits", every=0.01)
            finally:
                db.server.set(synchronous_standby_names="")
            done.result(timeout=30)
    finally:
        db.server.set(synchronous_standby_names="")
    assert [r["key"] for r in leat.read_until("shop.public.t", 1)] == [{"id": 7}]


# ---- partitions


def partitioned(db):
    db.sql(
        "CREATE TABLE pt (id int, d int, v text, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);"
        "CREATE TABLE p1 PARTITION OF pt FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE p2 PARTITION OF pt FOR VALUES FROM (10) TO (20) PARTITION BY LIST (d);"
        "CREATE TABLE p2a PARTITION OF p2 FOR VALUES IN (10, 11);"
        "CREATE TABLE p2b PARTITION OF p2 DEFAULT;"
        "INSERT INTO pt VALUES (1, 1, 'a'), (2, 11, 'b'), (3, 12, 'c')"
    )


def counts(leat):
    return {t["topic"]: len(leat.read(t["topic"])) for t in leat.topics()}


def test_partitions_by_their_root(db, leat):
    """One topic; each row once; partitions come, go and change owner under way."""
    partitioned(db)
    more = {"publish_via_partition_root": "true"}
    run_once(leat, db, **more)
    assert counts(leat) == {"shop.public.pt": 3}
    db.sql("CREATE TABLE p3 PARTITION OF pt FOR VALUES FROM (20) TO (30)")
    db.sql("INSERT INTO pt VALUES (4, 21, 'd')")
    db.sql("INSERT INTO p2b VALUES (5, 15, 'e')")
    db.sql("UPDATE pt SET d = 2 WHERE id = 2")
    db.sql("ALTER TABLE pt DETACH PARTITION p3")
    db.sql("INSERT INTO p3 VALUES (6, 22, 'f')")
    db.sql("ALTER TABLE pt ATTACH PARTITION p3 FOR VALUES FROM (20) TO (30)")
    db.sql("INSERT INTO p3 VALUES (7, 23, 'g')")
    run_once(leat, db, **more)
    records = leat.read("shop.public.pt")
    assert [(r["key"]["id"], r["value"] and r["value"]["op"]) for r in records[3:]] == [
        (4, "c"),
        (5, "c"),
        (2, "d"),
        (2, None),
        (2, "c"),
        (7, "c"),
    ]
    assert [r["key"]["id"] for r in leat.read("shop.public.p3")] == [6]


def test_partitions_by_themselves(db, leat):
    """As Debezium: the snapshot reads the root and the leaves, the log has the leaves. With
    debezium.faults=false each row is read once."""
    partitioned(db)
    run_once(leat, db, debezium_faults="false")
    leaves = {"shop.public.p1": 1, "shop.public.p2a": 1, "shop.public.p2b": 1}
    assert counts(leat) == leaves
    db.sql("INSERT INTO pt VALUES (4, 2, 'd')")
    run_once(leat, db, debezium_faults="false")
    assert counts(leat) == {**leaves, "shop.public.p1": 2}


@pytest.mark.parametrize("include, root", [("public.pt", "false"), ("public.p1", "true")])
def test_partitions_that_would_be_missed(db, leat, include, root):
    """A root is captured and its leaves are published, or the other way round."""
    partitioned(db)
    more = {"table_include_list": include, "publish_via_partition_root": root}
    step = check(leat, db, **more)["partitions"]
    assert step["state"] == "warn" and include in step["detail"]
    assert "publish.via.partition.root" in step["advice"]
    done = run_once(leat, db, **more)
    assert "postgres.partition" in done.stderr


def test_foreign_partitions(db, leat):
    partitioned(db)
    db.sql(
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing;"
        "CREATE TABLE ft (id int) PARTITION BY RANGE (id);"
        "CREATE FOREIGN TABLE far PARTITION OF ft FOR VALUES FROM (0) TO (1) SERVER elsewhere"
    )
    steps = check(leat, db)
    assert steps["foreign partitions"]["state"] == "warn"
    assert steps["foreign partitions"]["detail"] == "far"
    assert "partitions" not in steps


def test_inheritance(db, leat):
    """Old style: to Debezium's snapshot a child's rows are its mother's too; to the log they are
    not, nor to debezium.faults=false."""
    db.sql("CREATE TABLE mother (id int PRIMARY KEY)")
    db.sql("CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (mother)")
    db.sql("INSERT INTO mother VALUES (1); INSERT INTO child VALUES (2, 2)")
    run_once(leat, db, debezium_faults="false")
    db.sql("INSERT INTO mother VALUES (3); INSERT INTO child VALUES (4, 4)")
    run_once(leat, db, debezium_faults="false")
    assert [r["key"]["id"] for r in leat.read("shop.public.mother")] == [1, 3]
    assert [r["key"]["id"] for r in leat.read("shop.public.child")] == [2, 4]


# ---- locks


def test_a_table_that_is_read_is_free(db, leat):
    """DDL does not wait until the whole snapshot is done: here it waits for the table c."""
    for name in "abc":
        db.sql(f"CREATE TABLE {name} (id int PRIMARY KEY); INSERT INTO {name} VALUES (1)")
    db.sql("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", db.name)
    with db.connect(autocommit=False) as other:
        other.execute("LOCK TABLE c IN ACCESS EXCLUSIVE MODE")
        leat.run(leat.write("shop.properties", db.properties(name="shop")))
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'c'::regclass"
        until(lambda: db.sql(waits)[0][0], 30, "the snapshot at c")
        db.sql("SET lock_timeout = '5s'; ALTER TABLE a ADD COLUMN n int")
    assert len(leat.read_until("shop.public.c", 1)) == 1


def test_looking_for_the_last_row_keeps_no_locks(db, leat):
    """It looks at every table behind: with many empty ones their locks would not fit the server."""
    db.sql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)")
    for name in "bcd":
        db.sql(f"CREATE TABLE {name} (id int PRIMARY KEY)")
    db.sql("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", db.name)
    with db.connect(autocommit=False) as other:
        other.execute("LOCK TABLE d IN ACCESS EXCLUSIVE MODE")
        leat.run(leat.write("shop.properties", db.properties(name="shop")))
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'd'::regclass"
        until(lambda: leat.alive() or db.sql(waits)[0][0], 30, "the look at d")
        held = db.sql(
            "SELECT DISTINCT relation::regclass::text FROM pg_locks JOIN pg_stat_activity a"
            " USING (pid) JOIN pg_class c ON c.oid = relation AND c.relkind = 'r'"
            " WHERE granted AND a.application_name = 'leat shop'"
            " AND relation::regclass::text NOT LIKE 'pg_%%'")
        assert held == [("a",)]
    records = leat.read_until("shop.public.a", 1)
    assert records[0]["value"]["source"]["snapshot"] == "last"


# ---- names

NAMES = [
    'quo"te',
    "a.b",
    "line\nbreak",
    "emoji😀",
    "العربية",
    "中文表",
    "e\u0301combining",
    "\u00e9combining",
    "Case",
    "case",
    "after",
    "__op",
    "per%cent",
    "back\\slash",
    "semi;--colon",
    "n" * 63,
    "é" * 31,
]


def ident(name):
    return '"' + name.replace('"', '""') + '"'


def test_names_of_columns(db, leat):
    """Fields have the columns' names, byte for byte; key and value."""
    columns = ", ".join(f"{ident(n)} text DEFAULT 'x'" for n in NAMES)
    db.sql(f"CREATE TABLE t ({ident('i d')} int PRIMARY KEY, {columns})")
    db.sql("INSERT INTO t VALUES (1)")
    run_once(leat, db)
    db.sql("INSERT INTO t VALUES (2)")
    db.sql(f"UPDATE t SET {ident('after')} = 'y' WHERE {ident('i d')} = 1")
    run_once(leat, db)
    records = leat.read("shop.public.t")
    row = dict.fromkeys(NAMES, "x")
    assert [r["value"]["after"] for r in records] == [
        {"i d": 1, **row},
        {"i d": 2, **row},
        {"i d": 1, **row, "after": "y"},
    ]
    assert [r["key"] for r in records] == [{"i d": 1}, {"i d": 2}, {"i d": 1}]


def test_names_of_tables(db, leat):
    """Each is read by snapshot and stream; what a topic's name cannot hold becomes "_"."""
    for schema in ("public", 'sch"ema.x'):
        if schema != "public":
            db.sql(f"CREATE SCHEMA {ident(schema)}")
        for n, name in enumerate(NAMES):
            db.sql(f"CREATE TABLE {ident(schema)}.{ident(name)} (id int PRIMARY KEY)")
            db.sql(f"INSERT INTO {ident(schema)}.{ident(name)} VALUES ({n})")
    many = [n for n in NAMES if n not in ("e\u0301combining", "\u00e9combining")]
    run_once(leat, db, table_exclude_list=".*combining")
    for schema in ("public", 'sch"ema.x'):
        for n, name in enumerate(many):
            db.sql(f"INSERT INTO {ident(schema)}.{ident(name)} VALUES ({n + 100})")
    run_once(leat, db, table_exclude_list=".*combining")
    seen = {}
    for topic in leat.topics():
        for r in leat.read(topic["topic"]):
            source = r["value"]["source"]
            seen.setdefault((source["schema"], source["table"]), []).append(r["value"]["op"])
    assert seen == {(s, n): ["r", "c"] for s in ("public", 'sch"ema.x') for n in many}
