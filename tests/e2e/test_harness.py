"""The harness itself: servers start, stop and are killed; a leat is started, read and ended."""

import psycopg
import pytest
from leat import Leat
from servers.postgres import Postgres

# Stands in for the binary: `run` waits for its end, `read` prints two records.
FAKE = """#!/bin/sh
case "$1" in
run) echo "running $*" >&2; trap 'exit 0' TERM; while :; do sleep 0.05; done ;;
read) echo '{"offset":0,"value":{"op":"c"}}'; echo '{"offset":1,"value":null}' ;;
status) echo '[{"name":"shop","state":"RUNNING"}]' ;;
*) echo "no such command" >&2; exit 2 ;;
esac
"""


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "fake"
    path.write_text(FAKE)
    path.chmod(0o755)
    leat = Leat(tmp_path / "leat", binary=path)
    yield leat
    leat.kill()


def test_a_slot_decodes(db):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.sql("CREATE PUBLICATION p FOR TABLE t")
    db.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
    assert db.slots()["s"]["plugin"] == "pgoutput"
    get = "SELECT pg_logical_slot_get_binary_changes('s', NULL, NULL, 'proto_version', '1',"
    get += " 'publication_names', 'p')"
    assert db.sql(get) == []
    db.sql("INSERT INTO t VALUES (1)")
    assert len(db.sql(get)) == 4  # begin, relation, insert, commit


def test_a_database_takes_its_slots_with_it(postgres):
    database = postgres.database()
    database.sql("SELECT pg_create_logical_replication_slot('left_over', 'pgoutput')")
    database.drop()
    assert "left_over" not in postgres.slots()


def test_settings(db):
    got = dict(db.sql("SELECT name, setting FROM pg_settings"))
    assert got["wal_level"] == "logical"
    assert got["TimeZone"] == "UTC"
    assert got["fsync"] == "on"


def test_a_password_user_needs_the_password(postgres):
    postgres.password_user("scram_user", "open sesame", "REPLICATION")
    with postgres.connect(user="scram_user", password="open sesame") as c:
        assert c.execute("SELECT current_user").fetchone() == ("scram_user",)
    for wrong in ("closed", None):
        with pytest.raises(psycopg.OperationalError):
            postgres.connect(user="scram_user", password=wrong)
    postgres.sql("DROP ROLE scram_user")


def test_a_server_survives_what_is_done_to_it(scratch):
    server = Postgres(f"{scratch}/own", max_replication_slots="3").start()
    server.sql("CREATE TABLE t AS SELECT 1 AS id")
    server.restart()
    server.restart("immediate")
    server.kill()
    with pytest.raises(psycopg.OperationalError):
        server.connect()
    server.start()
    assert server.sql("SELECT id FROM t") == [(1,)]
    assert server.sql("SHOW max_replication_slots") == [("3",)]
    server.stop()


def test_leat_runs_and_stops(fake):
    fake.run(fake.write("shop.properties", {"topic.prefix": "shop", "path": "a\\b"}))
    assert fake.read_until("shop.public.t", 2)[0]["value"]["op"] == "c"
    assert fake.status()[0]["state"] == "RUNNING"
    assert fake.stop() == 0
    assert "running run --data" in fake.stderr


def test_leat_killed(fake):
    fake.run()
    fake.alive()
    fake.kill()
    assert fake.process is None
    with pytest.raises(AssertionError, match="exit status 2.*\n.*no such command"):
        fake.call("nonsense")
