"""What goes wrong at three in the morning: the message must say what failed, why and how to mend
it, the exit status must be right, nothing may be lost, and no password may be printed."""

import glob
import json
import os
import subprocess

import pytest
from servers.postgres import Postgres
from servers.process import free_port, until

PASSWORD = "s3cret-Pa55"


@pytest.fixture
def shop(db):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    db.sql("INSERT INTO orders VALUES (1, 'a')")
    return db


def config(db, **more):
    return db.properties(name="shop", **more)


def fails(leat, db, words, status=1, command="run", **more):
    """Runs to its end; stderr holds all the words, and never the password."""
    file = leat.write("shop.properties", config(db, **more))
    done = leat.call(command, file, *(["--once"] if command == "run" else []), ok=(status,))
    said = done.stdout + done.stderr
    for word in words:
        assert word in said, said
    assert PASSWORD not in said
    return said


def test_wrong_password(shop, leat, postgres):
    postgres.password_user("bob", "another", "REPLICATION")
    fails(
        leat, shop, ["postgres.auth", "bob"], database_user="bob", database_password=PASSWORD
    )
    fails(
        leat, shop, ["FAILED", "log in", "postgres.auth"], status=3, command="check",
        database_user="bob", database_password=PASSWORD,
    )


def test_nobody_listens(shop, leat):
    """A server that is away is waited for; a bound on retries ends that."""
    port = str(free_port())
    fails(leat, shop, ["postgres.connect", port], database_port=port, errors_max_retries=1,
          database_password=PASSWORD)


def test_host_that_does_not_exist(shop, leat):
    said = fails(leat, shop, ["nowhere.invalid"], database_hostname="nowhere.invalid",
                 errors_max_retries=0)
    assert "postgres." in said


def test_database_that_does_not_exist(shop, leat):
    fails(leat, shop, ["postgres.database_missing", "nodb"], database_dbname="nodb")


def test_missing_privileges(shop, leat, postgres):
    postgres.sql("DROP ROLE IF EXISTS eve")
    postgres.password_user("eve", PASSWORD)
    fails(leat, shop, ["postgres.", "REPLICATION"], database_user="eve", database_password=PASSWORD)
    said = fails(
        leat, shop, ["REPLICATION", "GRANT SELECT"], status=3, command="check",
        database_user="eve", database_password=PASSWORD,
    )
    assert "orders" in said


def test_wal_level(tmp_path, leat):
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents[:3]:
        os.chmod(parent, os.stat(parent).st_mode | 0o055)
    server = Postgres(tmp_path / "pg", wal_level="replica").start()
    try:
        db = server.database()
        db.sql("CREATE TABLE orders (id int PRIMARY KEY)")
        fails(leat, db, ["postgres.wal_level", "wal_level", "logical"])
        fails(leat, db, ["FAILED", "ALTER SYSTEM SET wal_level"], status=3, command="check")
    finally:
        server.stop("immediate")


def test_slot_in_use(shop, leat, tmp_path):
    from leat import Leat

    leat.run(leat.write("shop.properties", config(shop)))
    leat.read_until("shop.public.orders", 1)
    until(lambda: any(s["active"] for s in shop.slots().values()), 30, "the slot in use")
    other = Leat(tmp_path / "other")
    fails(other, shop, ["postgres.slot_in_use", shop.name, "leat shop"], errors_max_retries=1,
          slot_max_retries=2, slot_retry_delay_ms=100)


def test_publication_without_the_table(shop, leat):
    shop.sql("CREATE TABLE other (id int PRIMARY KEY)")
    shop.sql(f'CREATE PUBLICATION "{shop.name}" FOR TABLE other')
    fails(
        leat, shop, ["FAILED", "publication", "ADD TABLE"], status=3, command="check",
        publication_autocreate_mode="disabled", table_include_list="public.orders",
    )


def test_publication_missing(shop, leat):
    fails(leat, shop, ["postgres.publication_missing", "CREATE PUBLICATION"],
          publication_autocreate_mode="disabled")


def test_options_all_at_once(shop, leat):
    said = fails(
        leat, shop, ["database.port", "snapshot.mode", "tombstones.on.delete"], status=2,
        database_port="none", snapshot_mode="sometimes", tombstones_on_delete="perhaps",
        database_password=PASSWORD,
    )
    assert len([line for line in said.splitlines() if line.startswith("leat:")]) >= 3


def test_slot_name_that_no_server_takes(shop, leat):
    fails(leat, shop, ["slot.name", "Not Valid"], status=2, slot_name="Not Valid")


def test_unknown_option(shop, leat):
    props = config(shop) | {"table.include.lst": "public.orders"}
    file = leat.write("typo.properties", props)
    done = leat.call("run", "--once", file)
    assert "table.include.lst" in done.stderr and "table.include.list" in done.stderr
    done = leat.call("run", "--once", "--strict", file, ok=(2,))
    assert "table.include.list" in done.stderr


@pytest.mark.parametrize("text", ["{", "[1]", '{"name":"x","config":{"a":{}}}', '{"config":5}'])
def test_malformed_json(leat, text):
    done = leat.call("run", leat.write("bad.json", text), ok=(2,))
    assert "bad.json" in done.stderr


def test_file_that_does_not_exist(leat):
    assert "missing.properties" in leat.call("run", "missing.properties", ok=(1, 2)).stderr


def test_two_processes_on_one_folder(shop, leat):
    file = leat.write("shop.properties", config(shop))
    leat.run(file)
    leat.read_until("shop.public.orders", 1)
    done = leat.call("run", "--once", file, ok=(1,))
    assert "connector.locked" in done.stderr
    shop.sql("INSERT INTO orders VALUES (2, 'b')")
    assert len(leat.read_until("shop.public.orders", 2)) == 2


def test_a_topic_has_one_writer(shop, leat):
    leat.call("run", "--once", leat.write("shop.properties", config(shop)))
    second = config(shop) | {"name": "second", "slot.name": shop.name + "_2"}
    done = leat.call("run", "--once", leat.write("second.properties", second), ok=(1,))
    assert "topic.claimed" in done.stderr and "shop.public.orders" in done.stderr


def segments(leat):
    return sorted(glob.glob(os.path.join(leat.data, "connectors/shop/stream/*.seg")))


def test_damaged_segment(shop, leat):
    """A flipped bit below the mark is told by file and place; reading never shows wrong data."""
    file = leat.write("shop.properties", config(shop))
    shop.sql("INSERT INTO orders SELECT g, 'row ' || g FROM generate_series(2, 500) g")
    leat.call("run", "--once", file)
    shop.sql("INSERT INTO orders SELECT g, 'row ' || g FROM generate_series(501, 900) g")
    leat.call("run", "--once", file)
    assert len(leat.read("shop.public.orders")) == 900
    path = segments(leat)[-1]
    with open(path, "r+b") as f:
        data = f.read()
        at = len(data.rstrip(b"\0")) // 2
        f.seek(at)
        f.write(bytes([data[at] ^ 0x10]))
    done = leat.call("read", "shop.public.orders", ok=(1,))
    assert "stream.damaged" in done.stderr and os.path.basename(path) in done.stderr
    shop.sql("INSERT INTO orders VALUES (1000, 'new')")
    done = leat.call("run", "--once", file, ok=(1,))
    assert "stream.damaged" in done.stderr


def test_full_disk(shop, leat):
    """The disk fills up under load: the source waits, nothing is acknowledged that is not there,
    and when there is room again it goes on."""
    os.makedirs(leat.data)
    mount = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", leat.data]  # a segment has 64
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        leat.run(leat.write("shop.properties", config(shop, stream_free_bytes=0)))
        leat.read_until("shop.public.orders", 1)
        shop.sql("CREATE EXTENSION pgcrypto")
        shop.sql(
            "INSERT INTO orders SELECT g, encode(gen_random_bytes(1000), 'base64')"
            " FROM generate_series(2, 70000) g"
        )
        until(lambda: "os.enospc" in leat.stderr, 60, "word of the full disk")
        assert len(leat.read("shop.public.orders")) == 1  # half a transaction is never seen
        subprocess.run(["mount", "-o", "remount,size=400m", leat.data], check=True)
        until(lambda: count(leat, "shop.public.orders") == 70000, 90, "all rows")
    finally:
        leat.kill()
        subprocess.run(["umount", "-l", leat.data], check=False)


def count(leat, topic):
    return int(leat.call("read", topic, "--count").stdout)


def test_slot_lost_is_a_gap(shop, leat):
    """A slot that somebody dropped: changes may be missing, and leat must not go on as if not."""
    file = leat.write("shop.properties", config(shop))
    leat.call("run", "--once", file)
    shop.server.drop_slots(shop.name)
    shop.sql("INSERT INTO orders VALUES (2, 'lost')")
    done = leat.call("run", "--once", file, ok=(1,))
    assert "postgres.slot_missing" in done.stderr or "postgres.gap" in done.stderr


def test_slot_ahead_is_a_gap(shop, leat):
    file = leat.write("shop.properties", config(shop))
    leat.call("run", "--once", file)
    shop.sql("INSERT INTO orders VALUES (2, 'skipped')")
    shop.sql("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", shop.name)
    done = leat.call("run", "--once", file, ok=(1,))
    assert "postgres.gap" in done.stderr


def test_status_tells_the_last_error(shop, leat):
    leat.call("run", leat.write("shop.properties", config(shop, database_dbname="nodb")), ok=(1,))
    status = json.loads(leat.call("status", "shop", "--json").stdout)
    assert status["state"] == "FAILED" and status["error"]["code"] == "postgres.database_missing"
