"""The slot and the session that reads it: held by another, hard to make, moved, dropped, killed;
and what the server does to the connection meanwhile."""

import json
import os
import signal
import socket
import time

import pytest
from servers.process import Process, until
from servers.proxy import Proxy


@pytest.fixture
def shop(db):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    db.sql("INSERT INTO orders VALUES (1, 'a')")
    return db


def start(leat, db, **more):
    leat.run(leat.write("shop.properties", db.properties(name="shop", **more)))


def running(leat, db, **more):
    start(leat, db, **more)
    leat.read_until("shop.public.orders", 1)
    until(lambda: walsender(db), 30, "the stream")


def state(leat):
    done = leat.call("status", "shop", "--json", ok=None)
    return json.loads(done.stdout) if done.returncode == 0 else {"state": None, "error": None}


def trouble(leat, code, seconds=30):
    """The status once its error is this one."""

    def found():
        status = state(leat)
        return status if (status.get("error") or {}).get("code") == code else None

    return until(found, seconds, code)


def walsender(db):
    return db.slots().get(db.name, {}).get("active_pid")


def logged(leat, word):
    return until(lambda: word in leat.stderr, 30, word)


def ids(leat, n):
    return [r["value"]["after"]["id"] for r in leat.read_until("shop.public.orders", n)]


def test_a_slot_in_use_is_waited_for(shop, leat, tmp_path):
    """The reader is named, and the slot is taken as soon as it is free."""
    running(leat, shop)
    leat.stop()
    shop.sql("INSERT INTO orders VALUES (2, 'b')")
    reader = Process(
        [os.path.join(shop.server.bin, "pg_recvlogical"), "-h", shop.server.host, "-p",
         shop.server.port, "-U", shop.server.user, "-d", shop.name, "-S", shop.name, "--start",
         "-o", "proto_version=1", "-o", f"publication_names={shop.name}", "-s", "0", "-f",
         "/dev/null"], stderr=tmp_path / "recv")
    try:
        pid = until(lambda: walsender(shop), 30, "the other reader")
        start(leat, shop, slot_retry_delay_ms="1h")
        status = trouble(leat, "postgres.slot_in_use")
        assert status["state"] == "STARTING"
        assert str(pid) in status["error"]["message"]
        assert "pg_recvlogical" in status["error"]["message"]
        logged(leat, "retry=1 of=6")
    finally:
        reader.kill()
    assert ids(leat, 2) == [1, 2]
    assert state(leat)["error"] is None


def test_a_slot_waits_for_transactions(shop, leat):
    """They are named; a stop ends the wait; and the slot is made once they have ended."""
    with shop.connect(autocommit=False, application_name="month end") as other:
        pid = other.execute("SELECT pg_backend_pid(), txid_current()").fetchone()[0]
        start(leat, shop)
        status = trouble(leat, "postgres.slot_blocked")
        assert status["state"] == "STARTING"
        message = status["error"]["message"]
        assert f'process {pid} ("month end") for ' in message, message
        begun = time.monotonic()
        assert leat.stop() == 0 and time.monotonic() - begun < 5
        until(lambda: shop.name not in shop.slots(), 10, "the end of the half-made slot")
        start(leat, shop)
        trouble(leat, "postgres.slot_blocked")
        said = leat.call("offsets", "shop", "reset", "--yes", ok=None, seconds=20)
        assert said.returncode in (0, 1), said  # an answer, whatever it is: nobody is kept waiting
        trouble(leat, "postgres.slot_blocked")
        other.execute("INSERT INTO orders VALUES (2, 'b')")
    assert sorted(ids(leat, 2)) == [1, 2]
    assert state(leat)["error"] is None


def control(leat, verb):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(leat.data, "connectors", "shop", "control.sock"))
        s.sendall(json.dumps({"verb": verb}).encode() + b"\n")
        return s.makefile().readline()


def test_a_pause_longer_than_the_servers_patience(shop, leat):
    shop.sql(f'ALTER DATABASE "{shop.name}" SET wal_sender_timeout = 3000')
    running(leat, shop)
    pid = walsender(shop)
    control(leat, "pause")
    until(lambda: state(leat)["state"] == "PAUSED", 10, "the pause")
    shop.sql("INSERT INTO orders SELECT i, repeat('x', 1000) FROM generate_series(2, 4000) i")
    end = time.monotonic() + 4.5
    while time.monotonic() < end:
        assert walsender(shop) == pid
        time.sleep(0.2)
    control(leat, "resume")
    leat.read_until("shop.public.orders", 4000)
    assert walsender(shop) == pid and "could not read the stream" not in leat.stderr


def test_a_giant_transaction_that_is_filtered(shop, leat):
    """The server decodes for long and sends nothing that is wanted; the connection stays."""
    shop.sql("CREATE TABLE other (id int PRIMARY KEY, what text)")
    shop.sql(f'ALTER DATABASE "{shop.name}" SET wal_sender_timeout = 1000')
    running(leat, shop, table_include_list="public.orders")
    pid = walsender(shop)
    shop.sql("INSERT INTO other SELECT i, repeat('x', 100) FROM generate_series(1, 150000) i")
    shop.sql("INSERT INTO orders VALUES (2, 'b')")
    assert ids(leat, 2) == [1, 2]
    assert walsender(shop) == pid


def test_a_long_row_over_a_slow_line(shop, leat):
    """The server's questions stand behind the row; the answers come all the same."""
    shop.sql(f'ALTER DATABASE "{shop.name}" SET wal_sender_timeout = 2500')
    line = Proxy(shop.server.port)
    running(leat, shop, database_port=str(line.port))
    pid = walsender(shop)
    line.delay(0.008)  # 2 MB/s at most
    shop.sql("INSERT INTO orders VALUES (2, repeat('x', 9 << 20))")
    assert ids(leat, 2) == [1, 2]
    assert walsender(shop) == pid and "could not read the stream" not in leat.stderr
    leat.stop()
    line.close()


def test_the_status_interval(shop, leat):
    def replies(seconds):
        seen, end = set(), time.monotonic() + seconds
        while time.monotonic() < end:
            seen |= {r[0] for r in shop.sql(
                "SELECT reply_time FROM pg_stat_replication WHERE pid = %s", walsender(shop))}
            time.sleep(0.02)
        return len(seen)

    running(leat, shop, status_update_interval_ms="300")
    assert 3 <= replies(2) <= 9
    leat.stop()
    running(leat, shop)
    until(lambda: replies(1) == 1, 20, "a second without an update")


def test_what_is_durable_is_told_at_once(shop, leat):
    """Not with the next interval: a commit may wait for it."""
    running(leat, shop)
    with shop.connect(autocommit=False) as c:
        c.execute("INSERT INTO orders VALUES (2, 'b')")
        c.commit()
        lsn = c.execute("SELECT pg_current_wal_lsn()::text").fetchone()[0]
        until(lambda: shop.sql("SELECT flush_lsn >= %s::pg_lsn FROM pg_stat_replication"
                               " WHERE pid = %s", lsn, walsender(shop))[0][0], 5, "the update",
              every=0.005)


def test_a_killed_walsender(shop, leat):
    running(leat, shop)
    for i in range(2, 5):
        pid = until(lambda: walsender(shop), 30, "the stream")
        shop.sql("SELECT pg_terminate_backend(%s)", pid)
        shop.sql("INSERT INTO orders VALUES (%s, 'x')", i)
        until(lambda p=pid: walsender(shop) not in (None, p), 30, "another walsender")
    assert ids(leat, 4) == [1, 2, 3, 4]


def test_a_slot_dropped_while_running(shop, leat):
    running(leat, shop)
    shop.server.drop_slots(shop.name)
    assert leat.wait() == 1
    status = state(leat)
    assert status["state"] == "FAILED" and status["error"]["code"] == "postgres.slot_missing"
    assert shop.slots() == {}


def moved(shop):
    """The slot is made again by hand, behind a change that nobody has read."""
    shop.sql("INSERT INTO orders VALUES (2, 'lost')")
    shop.server.drop_slots(shop.name)
    shop.sql("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", shop.name)
    shop.sql("INSERT INTO orders VALUES (3, 'c')")


def test_a_slot_that_is_trusted(shop, leat):
    running(leat, shop)
    leat.stop()
    moved(shop)
    start(leat, shop, offset_mismatch_strategy="trust_offset")
    assert leat.wait() == 1 and "postgres.gap" in leat.stderr
    start(leat, shop, offset_mismatch_strategy="trust_slot")
    assert ids(leat, 2) == [1, 3]
    assert "postgres.gap_skipped" in leat.stderr


def test_a_slot_that_is_moved_by_hand(shop, leat):
    running(leat, shop, lsn_flush_mode="manual", status_update_interval_ms="100")
    confirmed = shop.slots()[shop.name]["confirmed_flush_lsn"]
    shop.sql("INSERT INTO orders VALUES (2, 'b')")
    assert ids(leat, 2) == [1, 2]
    sent = shop.sql("SELECT pg_current_wal_lsn()::text")[0][0]
    until(lambda: shop.sql("SELECT write_lsn >= %s::pg_lsn FROM pg_stat_replication WHERE pid = %s",
                           sent, walsender(shop))[0][0], 30, "an update")
    assert shop.slots()[shop.name]["confirmed_flush_lsn"] == confirmed
    leat.stop()
    shop.sql("INSERT INTO orders VALUES (3, 'c')")
    running(leat, shop, flush_lsn_source="false")
    assert ids(leat, 3) == [1, 2, 3]
    assert shop.slots()[shop.name]["confirmed_flush_lsn"] == confirmed


def test_users_limits_and_passwords(shop, leat, postgres):
    """Too many connections pass; a password that was changed does not."""
    name = f"u_{shop.name}"
    postgres.password_user(name, "one", "SUPERUSER", "REPLICATION")
    postgres.sql(f"GRANT password_users TO {name}")
    postgres.sql(f"ALTER ROLE {name} NOSUPERUSER CONNECTION LIMIT 1")
    shop.sql(f'ALTER DATABASE "{shop.name}" OWNER TO {name}')
    shop.sql(f"ALTER TABLE orders OWNER TO {name}")
    start(leat, shop, database_user=name, database_password="one",
          publication_autocreate_mode="filtered")
    message = trouble(leat, "postgres.too_many_connections")["error"]["message"]
    assert "CONNECTION LIMIT" in message
    postgres.sql(f"ALTER ROLE {name} CONNECTION LIMIT 10")
    leat.read_until("shop.public.orders", 1)
    until(lambda: walsender(shop), 30, "the stream")
    postgres.sql(f"ALTER ROLE {name} PASSWORD 'two'")
    shop.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", name)
    assert leat.wait() == 1
    error = state(leat)["error"]
    assert error["code"] == "postgres.auth" and "database.password" in error["message"]
    assert "one" not in error["message"].split()


def waits(holder):
    """Somebody waits for the lock on the catalog. Asked by who holds it: a new connection may need
    that catalog to fill its caches, and wait too."""
    return holder.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND"
                          " relation = 'pg_publication'::regclass").fetchone()[0]


def test_a_catalog_that_is_locked(shop, leat):
    with shop.connect(autocommit=False) as other:
        other.execute("LOCK TABLE pg_catalog.pg_publication IN ACCESS EXCLUSIVE MODE")
        start(leat, shop, database_query_timeout_ms="500")
        assert trouble(leat, "postgres.timeout")["state"] == "RETRYING"
        assert leat.stop() == 0
        start(leat, shop)
        until(lambda: waits(other), 30, "the wait")
        begun = time.monotonic()
        assert leat.stop() == 0 and time.monotonic() - begun < 5
        assert "postgres.stopped" in leat.stderr
    running(leat, shop)


def test_a_catalog_that_is_locked_while_streaming(shop, leat):
    """What is looked at now and then does not hold the stream up for long."""
    running(leat, shop)
    shop.sql("INSERT INTO orders VALUES (2, 'b')")
    assert ids(leat, 2) == [1, 2]
    with shop.connect() as inserts, shop.connect(autocommit=False) as other:
        other.execute("LOCK TABLE pg_catalog.pg_publication IN ACCESS EXCLUSIVE MODE")
        until(lambda: waits(other), 30, "the look")
        inserts.execute("INSERT INTO orders VALUES (3, 'c')")
        assert ids(leat, 3) == [1, 2, 3]


def test_a_server_that_hangs(shop, leat):
    """Nobody takes the request to cancel what leat waits for: a stop does not wait for that."""
    with shop.connect(autocommit=False) as other:
        other.execute("LOCK TABLE pg_catalog.pg_publication IN ACCESS EXCLUSIVE MODE")
        start(leat, shop)
        until(lambda: waits(other), 30, "the wait")
        shop.server.process.signal(signal.SIGSTOP)
        try:
            assert leat.stop() == 0
        finally:
            shop.server.process.signal(signal.SIGCONT)
        assert "postgres.stopped" in leat.stderr
        assert "supervisor.not_in_order" not in leat.stderr
    running(leat, shop)


def test_a_server_that_is_starting(shop, leat, postgres):
    """Clients are turned away while it recovers; leat comes back by itself."""
    running(leat, shop)
    postgres.kill()
    shop.server.start()
    shop.sql("INSERT INTO orders VALUES (2, 'b')")
    assert ids(leat, 2) == [1, 2]


def test_a_failover_slot_of_an_old_server(shop, leat):
    file = leat.write("shop.properties", shop.properties(name="shop", slot_failover="true"))
    said = leat.call("check", file, "--json").stdout
    step = next(s for s in map(json.loads, said.splitlines()) if s["step"] == "slot.failover")
    assert step["state"] == "warn" and "17" in step["detail"]
    leat.call("run", "--once", file)
    assert shop.name in shop.slots()


def test_a_start_that_cannot_be_leaves_no_slot(leat, db):
    """Two tables of one topic are told before a slot is made that would keep the log for nobody.
    One that was there, or has given rows, stays."""
    def fails(**more):
        file = leat.write("shop.properties", db.properties(name="shop", **more))
        said = leat.call("run", "--once", file, ok=(1, 2)).stderr
        assert "capture.topic" in said, said

    for name in ("a b", "a_b"):
        db.sql(f'CREATE TABLE "{name}" (id int PRIMARY KEY)')
        db.sql(f'INSERT INTO "{name}" VALUES (1)')
    fails()
    assert db.slots() == {}
    db.sql("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", db.name)
    fails()
    assert db.name in db.slots()
    one = leat.write("one.properties", db.properties(name="shop", table_include_list="public.a b"))
    leat.call("run", "--once", one)
    for name in ("a b", "a_b"):
        db.sql(f'INSERT INTO "{name}" VALUES (2)')
    fails()
    assert db.name in db.slots()


def test_an_offset_beyond_the_end_of_the_log(shop, leat):
    """It is refused when it is set, while somebody can ask; and the start tells what was done."""
    running(leat, shop)
    partition = {"server": shop.name}

    def at(lsn):
        return json.dumps({"offsets": [{"partition": partition, "offset": {"lsn": lsn}}]})

    was = leat.json("offsets", "shop")["offsets"]
    partition = was[0]["partition"]
    said = leat.call("offsets", "shop", "set", at("FF/0"), "--yes", ok=(1,)).stderr
    assert "FF/0 is not in the server's log yet, which ends at" in said
    assert not [h for h in leat.json("offsets", "shop", "history") if h["noted"] == "edit"]
    assert state(leat)["state"] == "RUNNING"
    assert leat.stop() == 0
    leat.call("offsets", "shop", "set", at("FF/0"), "--yes", ok=(1,))
    old = leat.call("offsets", "shop", "set", at("0/1000"), ok=(2,)).stderr
    assert "the start will fail with postgres.gap" in old
    shop.server.stop()
    try:
        blind = leat.call("offsets", "shop", "set", at("FF/0"), "--yes")
        assert "is not known" in blind.stdout + blind.stderr
    finally:
        shop.server.start()
    start(leat, shop)
    assert "undo" in trouble(leat, "postgres.server_behind")["error"]["message"]
    assert leat.stop() == 1
    leat.call("offsets", "shop", "undo", "--yes")
    shop.sql("INSERT INTO orders VALUES (2, 'b')")
    start(leat, shop)
    assert ids(leat, 2) == [1, 2]


def test_a_server_that_stops_in_the_middle_of_an_answer(shop, leat):
    """It ends the stream and says nothing more: that is not waited for."""
    proxy = Proxy(shop.server.port)
    try:
        running(leat, shop, database_port=proxy.port)
        proxy.hold()
        shop.sql("SELECT pg_terminate_backend(%s)", walsender(shop))
        shop.sql("INSERT INTO orders VALUES (2, 'b')")
        assert ids(leat, 2) == [1, 2]
    finally:
        proxy.mend()
        proxy.close()
