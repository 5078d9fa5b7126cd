"""`leat serve` with real processes: what outlives what, who may ask, what is hidden, what is told
to Prometheus and to a browser."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import threading

import pytest
from hub import Hub
from servers.process import gone, until


def pid_of(hub, name):
    return hub.counters(name)["pid"]


def kill_hub(leat):
    """kill -9 of the hub alone."""
    leat.process.signal(signal.SIGKILL)
    leat.process.wait()
    leat.process = None


@pytest.fixture
def orphans(leat):
    """Connectors that outlived their hub are ended with the test."""
    seen = set()
    yield seen
    for pid in seen:
        if not gone(pid):
            os.kill(pid, signal.SIGKILL)


# ---- life and death


def test_a_killed_hub_leaves_its_connectors_and_the_next_adopts_them(leat, orphans):
    hub = Hub(leat)
    hub.make("one", datagen_rate="500")
    hub.make("two", datagen_rate="500")
    hub.make("still", state="STOPPED")
    pids = {}
    for name in ("one", "two"):
        hub.wait_state(name)
        pids[name] = pid_of(hub, name)
    orphans |= set(pids.values())
    kill_hub(leat)
    was = leat.status("one")["counts"]["appended"]
    until(lambda: leat.status("one")["counts"]["appended"] > was + 50, 30, "it to go on alone")

    hub = Hub(leat)
    for name, pid in pids.items():
        hub.wait_state(name)
        assert pid_of(hub, name) == pid, "the same process goes on"
    assert hub.state("still") == "STOPPED"
    assert hub.ask("PUT", "/connectors/one/stop").status == 204
    assert gone(pids["one"])
    assert hub.state("one") == "STOPPED"
    os.kill(pids["two"], signal.SIGKILL)
    until(lambda: pid_of(hub, "two") not in (0, pids["two"]), 30, "it to be started again")
    orphans.add(pid_of(hub, "two"))
    hub.wait_state("two")
    two = pid_of(hub, "two")
    assert leat.stop() == 0
    assert gone(two)


def test_an_adopted_connector_restarts_when_it_is_told_to(leat, orphans):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="500")
    hub.wait_state("gen")
    pid = pid_of(hub, "gen")
    orphans.add(pid)
    kill_hub(leat)
    hub = Hub(leat)
    assert pid_of(hub, "gen") == pid
    leat.call("restart", "gen")
    until(lambda: pid_of(hub, "gen") not in (0, pid), 30, "another process")
    orphans.add(pid_of(hub, "gen"))
    hub.wait_state("gen")
    assert gone(pid)


def processes(hub_pid, title):
    """Children of the hub whose command line begins with this."""
    with open(f"/proc/{hub_pid}/task/{hub_pid}/children", encoding="ascii") as f:
        pids = [int(pid) for pid in f.read().split()]
    found = []
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="ascii") as f:
            if f.read().startswith(title):
                found.append(pid)
    return found


def test_a_hub_that_dies_while_a_connector_starts(leat, orphans):
    """Its process comes up when the hub is gone; the next one takes it over all the same."""
    hub = Hub(leat)
    (nursery,) = processes(leat.process.pid, "leat nursery")
    os.kill(nursery, signal.SIGSTOP)
    try:
        hub.make("gen", datagen_rate="100")
    finally:
        kill_hub(leat)
        os.kill(nursery, signal.SIGCONT)
    hub = Hub(leat)
    hub.wait_state("gen")
    orphans.add(pid_of(hub, "gen"))
    hub.wait_events("gen")
    assert leat.stop() == 0


@pytest.mark.parametrize("ends_first", [True, False])
def test_a_hub_that_dies_while_a_connector_restarts(leat, orphans, ends_first):
    """It was told to end, to be started again; that is the next hub's to do."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100")
    hub.wait_state("gen")
    pid = pid_of(hub, "gen")
    os.kill(pid, signal.SIGSTOP)
    try:
        assert hub.ask("POST", "/connectors/gen/restart").status == 204
        wish = os.path.join(leat.data, "connectors/gen/restart")
        until(lambda: os.path.exists(wish), 60, "the wish to be noted")
        kill_hub(leat)
        if not ends_first:
            hub = Hub(leat)
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: gone(pid), 60, "the end of its process")
    if ends_first:
        hub = Hub(leat)
    until(lambda: pid_of(hub, "gen") not in (0, pid), 60, "another process")
    orphans.add(pid_of(hub, "gen"))
    hub.wait_state("gen")
    assert leat.stop() == 0


def test_bound_connectors_end_with_their_hub(leat, orphans):
    hub = Hub(leat, "--bound")
    hub.make("gen", datagen_rate="500")
    hub.wait_state("gen")
    pid = pid_of(hub, "gen")
    orphans.add(pid)
    kill_hub(leat)
    until(lambda: gone(pid), 30, "the connector to end")


def test_a_process_that_dies_is_started_again_and_loses_nothing(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="2000")
    for _ in range(3):
        hub.wait_state("gen")
        hub.wait_events("gen")
        os.kill(pid_of(hub, "gen"), signal.SIGKILL)
        until(lambda: hub.state("gen") != "RUNNING", 30, "the hub to see it", every=0.005)
    hub.wait_state("gen")
    hub.wait_events("gen")
    assert hub.ask("PUT", "/connectors/gen/stop").status == 204
    keys = [r["key"]["id"] for r in leat.read("gen.datagen.t1", "--format", "json")]
    assert keys == list(range(keys[0], keys[0] + len(keys))) and len(keys) >= 400
    assert leat.stop() == 0


def test_one_hub_a_folder(leat):
    Hub(leat)
    done = leat.call("serve", "--listen", "127.0.0.1:0", ok=(1,))
    assert "hub.locked" in done.stderr


def test_connectors_are_there_again_after_a_restart_of_the_hub(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="500")
    hub.make("out", **{"connector.class": "null", "topics": "gen.datagen.t1"})
    hub.wait_state("gen")
    assert hub.ask("PUT", "/connectors/gen/pause").status == 202
    hub.wait_state("gen", "PAUSED")
    root = hub.get("/")
    assert leat.stop() == 0
    hub = Hub(leat)
    assert hub.get("/") == root
    hub.wait_state("gen", "PAUSED")
    assert hub.get("/connectors/out/status")["type"] == "sink"
    assert hub.ask("PUT", "/connectors/gen/resume").status == 202
    hub.wait_events("gen")
    until(lambda: hub.counters("out")["delivered"] > 100, 30, "the sink to deliver")
    offsets = hub.get("/connectors/out/offsets")["offsets"]
    assert offsets[0]["partition"] == {"kafka_topic": "gen.datagen.t1", "kafka_partition": 0}


def test_the_command_line_and_the_hub_agree(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="500")
    hub.wait_state("gen")
    leat.call("stop", "gen")
    hub.wait_state("gen", "STOPPED")
    assert hub.ask("DELETE", "/connectors/gen/offsets").status == 200
    leat.call("restart", "gen")
    hub.wait_state("gen")
    leat.call("pause", "gen")
    hub.wait_state("gen", "PAUSED")
    leat.call("delete", "gen", "--yes")
    until(lambda: hub.get("/connectors") == [], 30, "the hub to forget it")


def test_what_fails_for_good_is_told_and_mended_by_another_configuration(leat, db):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    hub = Hub(leat)
    config = {**db.properties(), "name": "shop"}
    assert hub.ask("PUT", "/connectors/shop/config", config).status == 201
    hub.wait_state("shop")
    assert hub.ask("PUT", "/connectors/shop/stop").status == 204
    db.server.drop_slots(db.name)
    assert hub.ask("PUT", "/connectors/shop/resume").status == 202
    hub.wait_state("shop", "FAILED")
    status = hub.get("/connectors/shop/status")
    assert "slot" in status["tasks"][0]["trace"]
    assert hub.ask("PUT", "/connectors/shop/stop").status == 204
    assert hub.ask("DELETE", "/connectors/shop/offsets").status == 200
    answer = hub.ask("POST", "/connectors/shop/restart")
    assert answer.status == 204 and hub.state("shop") == "STOPPED"
    assert hub.ask("PUT", "/connectors/shop/resume").status == 202
    hub.wait_state("shop")
    db.sql("INSERT INTO t VALUES (1)")
    leat.read_until("shop.public.t", 1)
    assert leat.stop() == 0


# ---- who may ask


def test_a_web_page_cannot_drive_it(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="10")
    body = json.dumps({"name": "x", "config": {"connector.class": "datagen"}})
    kind = {"Content-Type": "application/json"}
    own = {"Origin": f"http://127.0.0.1:{hub.port}"}
    evil = {"Origin": "http://evil.example"}
    ask = hub.ask
    assert ask("POST", "/connectors", body, {"Content-Type": "text/plain"}).status == 415
    assert ask("POST", "/connectors", body).status == 415
    assert ask("POST", "/connectors", body, kind | evil).status == 403
    assert ask("POST", "/connectors", body, kind | {"Origin": "null"}).status == 403
    assert ask("PUT", "/connectors/gen/stop", headers=evil).status == 403
    assert ask("DELETE", "/connectors/gen", headers=evil).status == 403
    crossing = {"Sec-Fetch-Site": "cross-site"}
    assert ask("POST", "/connectors/gen/restart", headers=crossing).status == 403
    assert ask("DELETE", "/connectors/gen", headers={"Host": "evil.example"}).status == 403
    assert ask("GET", "/connectors", headers={"Host": "127.0.0.1.evil.example"}).status == 403
    assert hub.get("/connectors") == ["gen"]
    assert ask("PUT", "/connectors/gen/pause", headers=own).status == 202
    assert ask("GET", "/connectors", headers={"Host": "localhost:8083"}).status == 200


@pytest.mark.parametrize("listen", ["0.0.0.0:8083", "10.1.2.3:80", "[::]:8083", "example.org:80"])
def test_others_are_not_served(leat, listen):
    done = leat.call("serve", "--listen", listen, ok=(2,))
    assert "TLS" in done.stderr and "config.listen" in done.stderr


@pytest.mark.parametrize("listen", ["8083", "127.0.0.1:x", "127.0.0.1:70000"])
def test_no_address(leat, listen):
    assert "HOST:PORT" in leat.call("serve", "--listen", listen, ok=(2,)).stderr


def test_a_port_that_is_taken(leat):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        done = leat.call("serve", "--listen", f"127.0.0.1:{port}", ok=(1,))
    assert "http.listen" in done.stderr and str(port) in done.stderr


def raw(hub, data, wait=True):
    with socket.create_connection(("127.0.0.1", hub.port), timeout=20) as s:
        s.sendall(data)
        return s.recv(65536) if wait else b""


def test_requests_that_are_none(leat):
    hub = Hub(leat)
    head = f"Host: {hub.worker}\r\nContent-Type: application/json\r\n"
    big = f"POST /connectors HTTP/1.1\r\n{head}Content-Length: 2000000\r\n\r\n"
    assert b" 413 " in raw(hub, big.encode())
    for path in ("/connectors/%", "/connectors/%00", "/connectors/a%2fb", "/connectors/%ff"):
        assert hub.ask("GET", path).status == 400, path
    for path in ("/nope/", "/connectors/a/b/c/d/e/f/g/h/i/j/k", "/connectors/../..", "/CONNECTORS"):
        assert hub.ask("GET", path).status == 404, path
    for body in ("[]", "1", "null", '"x"', '{"name":1,"config":{}}', '{"name":"x","config":[]}'):
        answer = hub.ask("POST", "/connectors", body, {"Content-Type": "application/json"})
        assert answer.status == 400, f"{body}: {answer.status} {answer.text}"
        assert answer.json["error_code"] == 400
    nested = {"connector.class": "datagen", "topic.prefix": {"a": 1}}
    assert hub.ask("PUT", "/connectors/n/config", nested).status == 400
    for name in ("..", ".x", "-x", "a\nb", "x" * 300):
        answer = hub.ask("POST", "/connectors", {"name": name, "config": nested})
        assert answer.status == 400, name
    raw(hub, b"GET / HTT", wait=False)
    raw(hub, b"\0" * 100)
    raw(hub, b"nonsense\r\n\r\n")
    half = f"POST /connectors HTTP/1.1\r\n{head}Content-Length: 50\r\n\r\n{{"
    raw(hub, half.encode(), wait=False)
    assert hub.get("/connectors") == []
    assert leat.stop() == 0


def test_silent_clients_hold_up_nobody(leat):
    hub = Hub(leat)
    silent = [socket.create_connection(("127.0.0.1", hub.port)) for _ in range(300)]
    for s in silent[:150]:
        s.sendall(b"GET /connectors HTTP/1.1\r\nHost: localhost\r\n")
    assert hub.get("/connectors") == []
    for s in silent:
        s.close()


def test_many_at_once(leat):
    hub = Hub(leat)
    statuses = []

    def make(i):
        body = {"name": f"g{i % 5}", "config": {"connector.class": "datagen", "datagen.rate": "10"}}
        statuses.append(hub.ask("POST", "/connectors", body).status)

    threads = [threading.Thread(target=make, args=(i,)) for i in range(25)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(statuses) == [201] * 5 + [409] * 20
    assert hub.get("/connectors") == [f"g{i}" for i in range(5)]
    assert leat.stop() == 0


# ---- secrets


def test_secrets_are_masked_and_kept(leat, db):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    hub = Hub(leat, env={"LEAT_TEST_SECRET": "from-the-environment"})
    config = {
        **db.properties(),
        "database.password": "hunter2-in-the-clear",
        "driver.some.token": "hunter2-unknown",
        "producer.override.sasl.jaas.config": "hunter2-jaas",
        "database.sslpassword": "${env:LEAT_TEST_SECRET}",
    }
    answers = [hub.ask("POST", "/connectors", {"name": "shop", "config": config})]
    assert answers[0].status == 201, answers[0].text
    hub.wait_state("shop")
    for path in ("", "/config", "/tasks", "/status"):
        answers.append(hub.ask("GET", f"/connectors/shop{path}"))
    answers.append(hub.ask("GET", "/connectors?expand=info&expand=status"))
    shown = hub.get("/connectors/shop/config")
    assert shown["database.password"] == shown["driver.some.token"] == "***"
    assert shown["database.sslpassword"] == "${env:LEAT_TEST_SECRET}"
    answers.append(hub.ask("PUT", "/connectors/shop/config", {**shown, "tasks.max": "1"}))
    answers.append(hub.ask("PATCH", "/connectors/shop/config", {"database.password": "***"}))
    plugin = "/connector-plugins/PostgresConnector/config/validate"
    answers.append(hub.ask("PUT", plugin, shown))
    wrong = {**config, "name": "shop2", "database.port": "no"}
    answers.append(hub.ask("POST", "/connectors", {"name": "shop2", "config": wrong}))
    assert answers[-1].status == 400
    for answer in answers:
        assert "hunter2" not in answer.text and "from-the-env" not in answer.text, answer.text
    stored = json.loads(stored_config(leat, "shop"))["config"]
    secrets = ("database.password", "driver.some.token", "producer.override.sasl.jaas.config")
    for name in secrets:
        assert stored.pop(name).startswith("${sealed:")
    clear = {name: value for name, value in config.items() if name not in secrets}
    assert {**stored} == {**clear, "tasks.max": "1", "name": "shop"}
    hub.wait_state("shop")
    assert "hunter2" not in leat.stderr
    assert os.stat(os.path.join(leat.data, "hub.db")).st_mode & 0o777 == 0o600


def stored_config(leat, name):
    with sqlite3.connect(os.path.join(leat.data, "hub.db")) as hub_db:
        return hub_db.execute("SELECT config FROM connectors WHERE name = ?", [name]).fetchone()[0]


# ---- validation, metrics, the page


def test_validation_knows_the_database(leat, db):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY)")
    hub = Hub(leat)
    config = {**db.properties(), "name": "shop"}
    path = "/connector-plugins/PostgresConnector/config/validate"

    def values(config):
        answer = hub.ask("PUT", path, config).json
        return answer, {c["value"]["name"]: c["value"] for c in answer["configs"]}

    answer, found = values(config)
    assert answer["error_count"] == 0
    assert "public.orders" in found["table.include.list"]["recommended_values"]
    answer, found = values({**config, "database.dbname": "not_there"})
    assert answer["error_count"] == 1 and "not_there" in found["database.hostname"]["errors"][0]
    answer, found = values({**config, "snapshot.mode": "sometimes", "tasks.max": "0"})
    assert answer["error_count"] == 2
    assert found["snapshot.mode"]["errors"] and found["tasks.max"]["errors"]
    assert "initial" in found["snapshot.mode"]["recommended_values"]


def test_metrics_and_page(leat):
    hub = Hub(leat)
    hub.make('gen"x\\y', datagen_rate="500", topic_prefix="gen")
    hub.make("off", state="STOPPED")
    name = "gen%22x%5Cy"
    until(lambda: hub.get(f"/connectors/{name}/status")["connector"]["state"] == "RUNNING", 30)
    until(lambda: hub.counters('gen"x\\y')["appended"] > 0, 30, "events")
    answer = hub.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    line = re.compile(r'[a-zA-Z_]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\})? [0-9.e+-]+')
    for one in answer.text.splitlines():
        assert one.startswith(("# HELP ", "# TYPE ")) or line.fullmatch(one), one
    quoted = 'connector="gen\\"x\\\\y"'
    labels = f'{{plugin="datagen",name="gen",context="streaming",{quoted}}} '
    seen = f"debezium_metrics_TotalNumberOfEventsSeen{labels}"
    assert float(answer.text.split(seen)[1].split()[0]) > 0
    assert f'leat_connector_state{{{quoted},type="source",state="RUNNING"}} 1' in answer.text
    assert 'leat_connector_state{connector="off",type="source",state="STOPPED"} 1' in answer.text
    assert re.search(r"leat_process_resident_memory_bytes\{[^}]*\} [1-9]", answer.text)
    page = hub.ask("GET", "/ui")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_log_levels_reach_the_connectors(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="10")
    hub.wait_state("gen")
    assert hub.ask("PUT", "/admin/loggers/gen", {"level": "DEBUG"}).json == ["gen"]
    assert hub.get("/admin/loggers/gen")["level"] == "DEBUG"
    assert hub.ask("PUT", "/admin/loggers/gen", {"level": "LOUD"}).status == 404
    assert hub.ask("PUT", "/admin/loggers/root", {"level": "ERROR"}).status == 200
    before = leat.stderr.count(" INFO ")
    assert hub.ask("PUT", "/connectors/gen/pause").status == 202
    hub.wait_state("gen", "PAUSED")
    assert leat.stderr.count(" INFO ") == before


def test_offsets_are_read_while_it_is_started_again(leat):
    """Whoever opens its stream while it has no process, the hub for one, is not taken for it: else
    the next restart would end the hub itself."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100")
    hub.wait_state("gen")
    done = threading.Event()

    def look():
        while not done.is_set():
            assert hub.ask("GET", "/connectors/gen/offsets").status in (200, 400, 503)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for one in lookers:
        one.start()
    try:
        for _ in range(10):
            assert hub.ask("POST", "/connectors/gen/restart").status == 204
            hub.wait_state("gen", seconds=60)
    finally:
        done.set()
        for one in lookers:
            one.join()
    hub.wait_events("gen", 20)
    assert "supervisor.adopted" not in leat.stderr
    assert leat.stop() == 0


def test_words_that_are_sent_otherwise(leat):
    """As Jackson and Kafka Connect take them: a number for a name, an expansion that is none."""
    hub = Hub(leat)
    config = {"connector.class": "datagen", "topic.prefix": "x", "datagen.rate": 10}
    answer = hub.ask("POST", "/connectors", {"name": 5, "config": {**config, "name": 5}})
    assert answer.status == 201 and answer.json["name"] == "5", answer.text
    shown = hub.get("/connectors/5/config")
    assert shown["name"] == "5" and shown["datagen.rate"] == "10"
    assert hub.get("/connectors?expand=other") == {"5": {}}
    answer = hub.ask("PUT", "/connectors/5/config", {**config, "name": 6})
    assert answer.status == 400 and "doesn't match" in answer.json["message"]
