"""Publications, what pgoutput is told, heartbeat statements, and topics that two tables share."""

import json

import pytest
from servers.process import until


@pytest.fixture
def shop(db):
    for table in ("a", "b"):
        db.sql(f"CREATE TABLE {table} (id int PRIMARY KEY)")
    return db


# Pairs of tables whose topics have one name.
COLLIDING = [
    ['public."x y"', 'public."x_y"'],
    ['"a.b"."c"', '"a"."b.c"'],
]


def file_of(leat, db, **more):
    more = {"snapshot_mode": "no_data", **more}
    return leat.write("shop.properties", db.properties(name="shop", **more))


def running(leat, db, **more):
    file = file_of(leat, db, **more)
    leat.run(file)
    until(lambda: leat.alive() or db.slots().get(db.name, {}).get("active"), 30, "the stream")
    return file


def steps(leat, file, name, ok=(0,)):
    done = leat.call("check", file, "--json", ok=ok)
    return [s for s in map(json.loads, done.stdout.splitlines()) if s["step"] == name]


def ids(leat, topic, n):
    return [r["value"]["after"]["id"] for r in leat.read_until(topic, n)]


def logged(leat, word):
    return until(lambda: word in leat.stderr, 30, word)


def published(db, name):
    return sorted(r[0] for r in db.sql(
        "SELECT tablename FROM pg_publication_tables WHERE pubname = %s", name))


def test_several_publications(shop, leat):
    """Each sends its tables; one that is missing is named, or made as the mode says."""
    shop.sql("CREATE TABLE c (id int PRIMARY KEY)")
    shop.sql('CREATE PUBLICATION "p 1" FOR TABLE a; CREATE PUBLICATION p2 FOR TABLE b')
    names = {"publication_name": "p 1, p2, p3"}
    file = file_of(leat, shop, publication_autocreate_mode="disabled", **names)
    said = leat.call("run", "--once", file, ok=(1,)).stderr
    assert "postgres.publication_missing" in said and '"p3"' in said
    assert "p3" in steps(leat, file, "publication", ok=(3,))[0]["detail"]
    file = running(leat, shop, publication_autocreate_mode="no_tables", **names)
    logged(leat, 'first="public.c" are captured but not sent')
    assert published(shop, "p3") == []
    step = steps(leat, file, "publication", ok=(3,))[0]
    assert step["code"] == "postgres.publication_table" and "public.c" in step["detail"]
    shop.sql("INSERT INTO a VALUES (1); INSERT INTO c VALUES (1); INSERT INTO b VALUES (1)")
    assert ids(leat, "shop.public.b", 1) == [1] and ids(leat, "shop.public.a", 1) == [1]
    assert not leat.call("read", "shop.public.c", ok=None).stdout


def test_two_that_make_it_at_the_same_moment(shop, leat):
    """The one that comes second takes the other's."""
    file = file_of(leat, shop)
    with shop.connect(autocommit=False) as c:
        c.execute(f"CREATE PUBLICATION {shop.name} FOR ALL TABLES")
        leat.run("--once", file)
        until(lambda: leat.alive() or shop.sql(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = %s AND query LIKE 'CREATE PUBLICATION%%'", shop.name), 60, "the wait")
    assert leat.wait() == 0
    assert "publication_created" not in leat.stderr


def test_a_table_that_appears(shop, leat):
    """In filtered mode it is published within seconds, and a warning says from when on."""
    running(leat, shop, publication_autocreate_mode="filtered",
            table_include_list="public.a,public.new.*")
    assert published(shop, shop.name) == ["a"]
    shop.sql("CREATE TABLE new1 (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)")
    until(lambda: published(shop, shop.name) == ["a", "new1"], 30, "the new table")
    logged(leat, 'added="public.new1"')
    shop.sql("INSERT INTO new1 VALUES (1)")
    assert ids(leat, "shop.public.new1", 1) == [1]


def test_what_a_person_gave_a_filtered_publication_stays(shop, leat):
    """Column lists, row filters and schemas: tables that stay in it are not touched."""
    shop.server.needs(15, "column lists, row filters and schemas in publications")
    shop.sql("ALTER TABLE a ADD COLUMN secret text; CREATE TABLE gone (id int PRIMARY KEY)")
    shop.sql("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY)")
    shop.sql("CREATE TABLE c (id int PRIMARY KEY)")
    shop.sql(f'CREATE PUBLICATION "{shop.name}" FOR TABLE a (id), b WHERE (id > 10), gone')
    file = file_of(leat, shop, publication_autocreate_mode="filtered",
                   table_exclude_list="public.gone")
    seen = ("SELECT tablename::text, cardinality(attnames), rowfilter FROM pg_publication_tables"
            " WHERE pubname = %s ORDER BY 1")
    leat.call("run", "--once", file)
    assert shop.sql(seen, shop.name) == [
        ("a", 1, None), ("b", 1, "(id > 10)"), ("c", 1, None), ("t", 1, None)]
    shop.sql(f'ALTER PUBLICATION "{shop.name}" SET TABLES IN SCHEMA s, TABLE b')
    leat.call("run", "--once", file)
    assert published(shop, shop.name) == ["a", "b", "c", "t"]
    assert shop.sql("SELECT count(*) FROM pg_publication_namespace n JOIN pg_publication p"
                    " ON p.oid = n.pnpubid WHERE pubname = %s", shop.name) == [(1,)]
    assert shop.sql("SELECT count(*) FROM pg_publication_rel r JOIN pg_publication p"
                    " ON p.oid = r.prpubid WHERE pubname = %s", shop.name) == [(3,)]


def test_a_publication_that_is_dropped(shop, leat):
    """It is not made again in silence."""
    running(leat, shop, publication_autocreate_mode="filtered")
    shop.sql(f'DROP PUBLICATION "{shop.name}"')
    assert leat.wait() == 1
    error = leat.status("shop")["error"]
    assert error["code"] == "postgres.publication_missing" and shop.name in error["where"]
    assert published(shop, shop.name) == []


def test_partitions_as_one_table(shop, leat):
    shop.sql("CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);"
             "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)")
    running(leat, shop, publish_via_partition_root="true")
    shop.sql("INSERT INTO p VALUES (1)")
    assert ids(leat, "shop.public.p", 1) == [1]


def test_parameters_of_the_plugin(shop, leat):
    refused = {"binary=true": "text form", "proto_version=4": "protocol 1", "streaming=on": "whole",
               "two_phase=on": "prepared", "add-tables=public.a": "other plugins"}
    for text, why in refused.items():
        file = file_of(leat, shop, slot_stream_params=text)
        said = leat.call("run", "--once", file, ok=(2,)).stderr
        assert "slot.stream.params" in said and why in said
    file = file_of(leat, shop, slot_stream_params="origin=none")
    assert "16" in steps(leat, file, "slot.stream.params", ok=(3,))[0]["detail"]
    assert "postgres.option" in leat.call("run", file, ok=(1,)).stderr
    leat.call("run", "--once", file_of(leat, shop, slot_stream_params="messages=false;"))
    shop.sql("SELECT pg_logical_emit_message(false, 'x', 'y'); INSERT INTO a VALUES (1)")
    leat.call("run", "--once", file_of(leat, shop, slot_stream_params="messages=false;"))
    assert ids(leat, "shop.public.a", 1) == [1]
    assert "shop.message" not in {t["topic"] for t in leat.topics()}


def test_heartbeat_statements(shop, leat):
    """They run at the interval, in a session of their own; failures are told once, and pass."""
    shop.sql("CREATE TABLE beats (id serial PRIMARY KEY)")
    said = leat.call("check", file_of(leat, shop, heartbeat_action_query="SELECT 1")).stderr
    assert "heartbeat.interval.ms is 0" in said
    running(leat, shop, heartbeat_interval_ms="100",
            heartbeat_action_query="INSERT INTO beats DEFAULT VALUES; SELECT 1")
    assert ids(leat, "shop.public.beats", 3)[:3] == [1, 2, 3]
    shop.sql("ALTER TABLE beats RENAME TO gone")
    logged(leat, "postgres.heartbeat")
    shop.sql("INSERT INTO a VALUES (1)")
    assert ids(leat, "shop.public.a", 1) == [1]
    shop.sql("SELECT pg_sleep(1)")
    assert leat.stderr.count("postgres.heartbeat") == 1
    before = shop.sql("SELECT count(*) FROM gone")[0][0]
    shop.sql("ALTER TABLE gone RENAME TO beats")
    until(lambda: shop.sql("SELECT count(*) FROM beats")[0][0] > before, 30, "the next beat")
    with shop.connect(autocommit=False) as other:  # a statement that waits holds nothing up
        other.execute("LOCK TABLE beats IN ACCESS EXCLUSIVE MODE")
        until(lambda: shop.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND"
                               " relation = 'beats'::regclass")[0][0], 30, "the wait")
        shop.sql("INSERT INTO a VALUES (2)")
        assert ids(leat, "shop.public.a", 2) == [1, 2]
        assert leat.stop() == 0


def test_a_heartbeat_statement_that_waits_for_long(shop, leat):
    """It is cancelled before the next one: they do not pile up on the server."""
    shop.sql("CREATE TABLE beats (id serial PRIMARY KEY)")
    running(leat, shop, heartbeat_interval_ms="100", database_query_timeout_ms="500",
            heartbeat_action_query="INSERT INTO beats DEFAULT VALUES")
    begun = set()

    def waiting():
        rows = shop.sql("SELECT pid, query_start FROM pg_stat_activity WHERE"
                        " application_name = 'leat shop' AND wait_event_type = 'Lock'")
        assert len(rows) <= 1
        begun.update(rows)
        return rows

    with shop.connect(autocommit=False) as other:
        other.execute("LOCK TABLE beats IN ACCESS EXCLUSIVE MODE")
        until(lambda: waiting() and len(begun) > 3, 30, "some heartbeats")
        assert leat.stop() == 0
        until(lambda: not waiting(), 10, "the end of the last one")
    assert "heartbeat.action.query within 500 ms" in leat.stderr


def test_first_statements(shop, leat):
    """A doubled semicolon is one inside a statement."""
    running(leat, shop, database_initial_statements=(
        "SET application_name = 'with ;; semicolon';  ; SET work_mem = '1MB'"))
    until(lambda: shop.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name ="
                           " 'with ; semicolon' AND datname = %s", shop.name)[0][0], 30, "the name")


def names_both(leat, tables):
    error = leat.status("shop")["error"]
    assert error["code"] == "capture.topic"
    for table in tables:
        name = table.replace("public.", "").strip('"')
        assert name in error["message"] or table in error["message"], error


@pytest.mark.parametrize("tables", COLLIDING)
def test_two_tables_with_one_topic(shop, leat, tables):
    shop.sql('CREATE SCHEMA "a.b"; CREATE SCHEMA a')
    for table in tables:
        shop.sql(f"CREATE TABLE {table} (id int PRIMARY KEY)")
    file = file_of(leat, shop)
    step = steps(leat, file, "topics", ok=(3,))[0]
    assert step["code"] == "capture.topic" and step["state"] == "FAILED"
    leat.run(file)
    assert leat.wait() == 1
    names_both(leat, tables)
    assert not shop.slots()


@pytest.mark.parametrize("tables", COLLIDING)
def test_a_later_table_with_the_same_topic(shop, leat, tables):
    shop.sql('CREATE SCHEMA "a.b"; CREATE SCHEMA a')
    shop.sql(f"CREATE TABLE {tables[0]} (id int PRIMARY KEY)")
    leat.run(file_of(leat, shop, publication_autocreate_mode="all_tables"))
    until(lambda: leat.alive() or shop.slots().get(shop.name, {}).get("active"), 60, "the stream")
    shop.sql(f"CREATE TABLE {tables[1]} (id int PRIMARY KEY)")
    for table in tables:
        shop.sql(f"INSERT INTO {table} VALUES (1)")
    assert leat.wait() == 1
    names_both(leat, tables)
