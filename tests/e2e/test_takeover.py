"""leat takeover: what is told, checked and undone. The other side is a stand-in, with the faults of
one; tests/peers has the real Kafka Connect."""

import base64
import json
import os
import stat

import pytest
from servers.certificates import Authority
from servers.connect_fake import FakeConnect
from servers.process import until


@pytest.fixture
def connect():
    one = FakeConnect()
    yield one
    one.close()


@pytest.fixture
def shop(db, connect):
    """Debezium has read the first transaction: its slot is there, and where it stands."""
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    db.sql(f"CREATE PUBLICATION {db.name} FOR ALL TABLES")
    db.sql(f"SELECT pg_create_logical_replication_slot('{db.name}', 'pgoutput')")
    db.sql("INSERT INTO orders SELECT i, 'first' FROM generate_series(1, 3) i")
    ((end,),) = db.sql("SELECT pg_current_wal_lsn() - '0/0'")
    db.sql("INSERT INTO orders SELECT i, 'second' FROM generate_series(4, 6) i")
    offset = {"lsn_proc": int(end), "messageType": "COMMIT", "lsn_commit": int(end),
              "lsn": int(end), "txId": 7, "ts_usec": 1}
    connect.add("shop", db.properties(), [{"partition": {"server": "shop"}, "offset": offset}])
    return db


def takeover(leat, connect, *args, **options):
    return leat.call("takeover", "--connect", connect.url, *args, **options)


def take(leat, connect, *args, **options):
    return takeover(leat, connect, "shop", "--embedded", *args, **options)


def steps(done):
    return {step["step"]: step for step in map(json.loads, done.stdout.splitlines())}


def ids(leat):
    return [r["value"]["after"]["id"] for r in leat.read("shop.public.orders", ok=None)]


def run_once(leat):
    leat.run("--once", leat.folder + "/shop.json")
    assert leat.wait() == 0


def nothing_changed(leat, connect):
    one = connect.connectors.get("shop")
    assert one is None or one["state"] == "RUNNING"
    assert not [asked for asked in connect.asked if not asked.startswith("GET")]
    assert not os.path.exists(os.path.join(leat.data, "connectors", "shop"))


def test_there_and_back(shop, leat, connect):
    """Each step is told; the rows go on behind the offset; the offsets go back."""
    told = steps(take(leat, connect, "--json"))
    assert [told[name]["state"] for name in ("connect", "offsets", "stop", "store", "file")] == (
        ["ok"] * 5)
    assert connect.connectors["shop"]["state"] == "STOPPED"
    assert stat.S_IMODE(os.stat(leat.folder + "/shop.json").st_mode) == 0o600
    run_once(leat)
    assert ids(leat) == [4, 5, 6]
    shop.sql("INSERT INTO orders VALUES (7, 'third')")
    leat.run(leat.folder + "/shop.json")
    leat.read_until("shop.public.orders", 4)
    told = steps(takeover(leat, connect, "shop", "--back", "--json"))
    assert told["stop"]["state"] == "ok" and told["resume"]["state"] == "ok"
    assert leat.process.wait(30) == 0
    leat.process = None
    one = connect.connectors["shop"]
    assert one["state"] == "RUNNING"
    ((end,),) = shop.sql("SELECT pg_current_wal_flush_lsn() - '0/0'")
    (entry,) = one["offsets"]
    assert entry["partition"] == {"server": "shop"}
    assert entry["offset"]["messageType"] == "COMMIT" and entry["offset"]["lsn"] <= int(end)
    assert leat.status("shop")["desired"]["state"] == "PAUSED"
    # And again: what was given back may be taken over once more.
    take(leat, connect)
    run_once(leat)
    assert ids(leat) == [4, 5, 6, 7]


def test_a_dry_run_changes_nothing(shop, leat, connect):
    told = steps(take(leat, connect, "--dry-run", "--json"))
    assert set(told) == {"connect", "configuration", "offsets"}
    nothing_changed(leat, connect)
    assert not os.path.exists(leat.folder + "/shop.json")


@pytest.mark.parametrize("args, code, status", [
    (("shop",), "config.stream", 2),
    (("shop", "--embedded", "--kafka", "k:1"), "config.stream", 2),
    (("shop", "--kafka", "k:1"), "config.converter", 2),
    (("shops", "--embedded"), "connect.unknown", 1),
])
def test_what_is_missing_is_told(shop, leat, connect, args, code, status):
    done = takeover(leat, connect, *args, ok=(status,))
    assert code in done.stderr
    nothing_changed(leat, connect)


@pytest.mark.parametrize("change, code", [
    ({"connector.class": "io.debezium.connector.db2.Db2Connector"}, "config.invalid"),
    ({"transforms": "unwrap"}, "config.invalid"),
    ({"topic.prefix": "other"}, "postgres.position"),
    ({"connector.class": "null", "topics": "a"}, "takeover.sink"),
])
def test_configurations_that_cannot_go_on(shop, leat, connect, change, code):
    connect.connectors["shop"]["config"].update(change)
    done = take(leat, connect, ok=(1, 2))
    assert code in done.stderr
    nothing_changed(leat, connect)


@pytest.mark.parametrize("offsets, code", [
    ([], "takeover.no_offsets"),
    ([{"partition": {"server": "shop"}, "offset": None}], "connect.answer"),
    ([{"partition": {"server": "shop"}, "offset": {"lsn": 5, "snapshot": "INITIAL"}}],
     "had not ended"),
])
def test_offsets_that_are_none(shop, leat, connect, offsets, code):
    connect.connectors["shop"]["offsets"] = offsets
    assert code in take(leat, connect, ok=(1, 2)).stderr
    nothing_changed(leat, connect)


def test_a_connector_of_the_name_is_here(shop, leat, connect):
    leat.run("--once", leat.write("shop.properties", shop.properties(name="shop")))
    leat.wait()
    assert "takeover.exists" in take(leat, connect, ok=(1,)).stderr
    assert connect.connectors["shop"]["state"] == "RUNNING"


@pytest.mark.parametrize("fault", [
    ("PUT /connectors/shop/stop", (500, {"error_code": 500, "message": "stop failed"})),
    ("GET /connectors/shop/status", (500, {"message": "status failed"})),
])
def test_a_stop_that_fails_is_undone(shop, leat, connect, fault):
    """It runs again there, and nothing is left here."""
    connect.faults.update([fault])
    done = take(leat, connect, "--json", ok=(1,))
    assert "failed" in done.stderr
    assert steps(done)["undo"]["state"] == "undone"
    assert connect.connectors["shop"]["state"] == "RUNNING"
    assert not os.path.exists(os.path.join(leat.data, "connectors", "shop", "state.db"))


def test_what_fails_after_the_stop_is_undone(shop, leat, connect):
    """The file cannot be written: what was stored here is removed, it runs again there."""
    done = take(leat, connect, "--json", "--file", "/nowhere/shop.json", ok=(1,))
    assert "os.enoent" in done.stderr
    assert steps(done)["undo"]["state"] == "undone"
    assert connect.connectors["shop"]["state"] == "RUNNING"
    take(leat, connect)  # and the next attempt goes through
    run_once(leat)
    assert ids(leat) == [4, 5, 6]


def test_an_undo_that_fails_is_told(shop, leat, connect):
    connect.faults["PUT /connectors/shop/resume"] = (500, {"message": "no"})
    done = take(leat, connect, "--json", "--file", "/nowhere/x", ok=(1,))
    undo = steps(done)["undo"]
    assert undo["state"] == "FAILED" and "resume it there" in undo["detail"]


def test_offsets_move_until_it_has_stopped(shop, leat, connect):
    """Those behind the stop count, not those of the look before."""
    one = connect.connectors["shop"]
    final = one["offsets"]
    one["offsets"] = [{"partition": {"server": "shop"}, "offset": {"lsn": 100}}]

    def stop():
        one["offsets"] = final

    connect.faults["PUT /connectors/shop/stop"] = stop
    take(leat, connect)
    run_once(leat)
    assert ids(leat) == [4, 5, 6]


def test_tasks_that_stay(shop, leat, connect):
    connect.faults["PUT /connectors/shop/stop"] = (204, None)
    done = take(leat, connect, "--wait", "1", ok=(1,))
    assert "takeover.waiting" in done.stderr


def test_rebalances_are_waited_for(shop, leat, connect):
    left = [2]

    def rebalancing():
        left[0] -= 1
        return (409, {"error_code": 409, "message": "rebalance"}) if left[0] >= 0 else None

    connect.faults["GET /connectors/shop/config"] = rebalancing
    take(leat, connect)
    assert left[0] < 0


def test_something_else_answers(shop, leat, connect):
    connect.faults["GET /"] = (200, b"<html>hello</html>")
    assert "connect.answer" in take(leat, connect, ok=(1,)).stderr
    done = leat.call("takeover", "--connect", "http://u:geheim@127.0.0.1:9", "shop", "--embedded",
                     ok=(1,))
    assert "connect.unreachable" in done.stderr and "geheim" not in done.stderr
    done = leat.call("takeover", "--connect", "127.0.0.1:9", "shop", "--embedded", ok=None)
    assert "connect.url" in done.stderr


# ---- back


@pytest.fixture
def here(shop, leat, connect):
    take(leat, connect)
    run_once(leat)
    return connect.connectors["shop"]


def back(leat, connect, *args, **options):
    return takeover(leat, connect, "shop", "--back", "--json", *args, **options)


def test_back_is_refused(here, leat, connect):
    """It runs there, or is not known; a dry run."""
    back(leat, connect, "--dry-run")
    assert here["state"] == "STOPPED"
    here["state"] = "RUNNING"
    assert "takeover.running" in back(leat, connect, ok=(1,)).stderr
    del connect.connectors["shop"]
    assert "connect.unknown" in back(leat, connect, ok=(1,)).stderr
    assert leat.status("shop")["desired"]["state"] == "RUNNING"


@pytest.mark.parametrize("fault", [
    ("PATCH /connectors/shop/offsets", (400, {"message": "not these"})),
    ("PUT /connectors/shop/resume", (500, {"message": "not these"})),
])
def test_back_is_undone(here, leat, connect, fault):
    connect.faults.update([fault])
    done = back(leat, connect, ok=(1,))
    assert "not these" in done.stderr
    assert steps(done)["undo"]["state"] == "undone"
    assert here["state"] == "STOPPED"
    assert leat.status("shop")["desired"]["state"] == "RUNNING"


def test_back_compares_what_it_wrote(here, leat, connect):
    connect.faults["PATCH /connectors/shop/offsets"] = (200, {"message": "altered"})
    assert "takeover.offsets" in back(leat, connect, ok=(1,)).stderr


def test_it_fails_there(here, leat, connect):
    """What Kafka Connect says is shown, and it can go on here."""
    connect.faults["PUT /connectors/shop/resume"] = lambda: (
        here.update(state="RUNNING", tasks=["FAILED"]) or (202, None))
    connect.faults["GET /connectors/shop/status"] = lambda: (
        (200, {"connector": {"state": "RUNNING"}, "tasks": [
            {"id": 0, "state": "FAILED", "trace": "org.Oops: slot is gone\n\tat x"}]})
        if here["tasks"] == ["FAILED"] else None)
    done = back(leat, connect, ok=(1,))
    assert "org.Oops: slot is gone" in done.stderr
    assert steps(done)["undo"]["state"] == "undone"
    connect.faults.clear()
    run_once(leat)
    until(lambda: here["state"] == "STOPPED", 5)


def test_back_with_a_spool_is_refused(shop, leat, connect, kafka):
    """What Kafka does not have yet would be lost to it."""
    config = connect.connectors["shop"]["config"]
    converter = "org.apache.kafka.connect.json.JsonConverter"
    config.update({"key.converter": converter, "value.converter": converter,
                   "spool.after.ms": "200"})
    takeover(leat, connect, "shop", "--kafka", kafka.bootstrap)
    leat.run(leat.folder + "/shop.json")
    kafka.read_until("shop.public.orders", 3)
    kafka.kill()
    shop.sql("INSERT INTO orders VALUES (7, 'spooled')")
    ((end,),) = shop.sql("SELECT pg_current_wal_insert_lsn() - '0/0'")

    def acknowledged():
        slot = shop.sql("SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots")
        return int(slot[0][0]) >= int(end)

    until(acknowledged, 60, "the change in the spool")
    leat.stop()
    done = back(leat, connect, ok=(1,))
    assert "takeover.spool" in done.stderr and "1 changes" in done.stderr
    assert connect.connectors["shop"]["state"] == "STOPPED"
    assert leat.status("shop")["desired"]["state"] == "RUNNING"
    kafka.start()
    run_once(leat)
    back(leat, connect)
    assert connect.connectors["shop"]["state"] == "RUNNING"
    assert len(kafka.read("shop.public.orders")) == 4


# ---- a Kafka Connect that is secured


def secured(tmp_path, login):
    authority = Authority(tmp_path / "ca")
    crt, key = authority.issue("connect", "127.0.0.1", san="IP:127.0.0.1")
    return FakeConnect((crt, key), login), authority.ca


@pytest.mark.parametrize("way", ["password", "token"])
def test_by_tls_and_a_login(shop, leat, connect, tmp_path, way):
    """Without the authority or the login it is told which option is missing; nothing was asked."""
    password = base64.b64encode(b"alice:let me in").decode()
    login = f"Basic {password}" if way == "password" else "Bearer t0ken"
    there, ca = secured(tmp_path, login)
    there.connectors = connect.connectors
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    args = ["--user", "alice"] if way == "password" else ["--token-file", str(token)]
    env = {"LEAT_PASSWORD": "let me in"}
    try:
        done = take(leat, there, *args, env=env, ok=(1,))
        assert "connect.tls" in done.stderr and "--ca FILE" in done.stderr, done.stderr
        done = take(leat, there, "--ca", ca, ok=(1,))
        assert "connect.login" in done.stderr and "--user NAME" in done.stderr, done.stderr
        assert there.connectors["shop"]["state"] == "RUNNING"
        told = steps(take(leat, there, "--ca", ca, *args, "--json", env=env))
        assert told["store"]["state"] == "ok"
        assert there.connectors["shop"]["state"] == "STOPPED"
        run_once(leat)
        assert ids(leat) == [4, 5, 6]
        takeover(leat, there, "shop", "--back", "--ca", ca, *args, env=env)
        assert there.connectors["shop"]["state"] == "RUNNING"
    finally:
        there.close()


def test_logins_that_do_not_fit_together(leat, connect, tmp_path):
    for args, what in (
        (["--user", "alice"], "LEAT_PASSWORD"),
        (["--user", "alice", "--token-file", "x"], "not both"),
        (["--cert", "x"], "belong together"),
        (["--token-file", str(tmp_path / "none")], "read the token"),
    ):
        done = take(leat, connect, *args, ok=(1, 2))
        assert what in done.stderr, done.stderr
    assert not connect.asked
