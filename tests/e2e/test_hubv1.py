"""/hub/v1 and its OpenAPI document: what the hub has beside Kafka Connect's API."""

import contextlib
import glob
import http.client
import json
import os
import re
import signal
import socket
import subprocess

import pytest
from hub import Hub
from servers.process import gone, until

ROOT = os.path.join(os.path.dirname(__file__), "../..")


class Feed:
    """Server-sent events of one request."""

    def __init__(self, hub, method, path, body=None, headers=None):
        self.http = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
        headers = {"Accept": "text/event-stream", **(headers or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.http.request(method, path, json.dumps(body) if body is not None else None, headers)
        self.answer = self.http.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.getheader("Content-Type") == "text/event-stream"

    def event(self):
        """(event, id, data) of the next one; None at the end."""
        found = {}
        while line := self.answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name and not line.startswith(":"):
                found[name] = value
            elif found:
                return found["event"], found.get("id"), json.loads(found["data"])
        return None

    def close(self):
        self.http.close()


def path_of(template):
    return re.sub(r"\{\w+\}", "*", template)


# ---- the document


def test_each_route_is_in_the_document(leat):
    """Routes are read out of their table in the source; a row without a description is missing."""
    with open(os.path.join(ROOT, "src/hub/routes.c"), encoding="utf-8") as f:
        routes = set(re.findall(r'\{"([A-Z]+)", "(/[^"]*)"', f.read().replace("**", "*")))
    hub = Hub(leat)
    document = hub.get("/hub/v1/openapi.json")
    told = {
        (method.upper(), path_of(path))
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert len(routes) > 40
    assert routes - told == set(), "routes that the document lacks"
    assert told - routes == set(), "what the document makes up"


def test_the_document_is_whole(leat):
    hub = Hub(leat)
    document = hub.get("/hub/v1/openapi.json")
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    assert document["openapi"].startswith("3.0")
    assert document["servers"] == [{"url": f"http://127.0.0.1:{hub.port}"}]
    used = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert used <= set(schemas) and len(used) > 25
    for path, operations in document["paths"].items():
        names = set(re.findall(r"\{(\w+)\}", path))
        for operation in operations.values():
            given = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert given == names, path
            assert operation["summary"] and "default" in operation["responses"]


# ---- plugins, checks, discover


def test_plugins_have_forms(leat):
    hub = Hub(leat)
    plugins = {p["name"]: p for p in hub.get("/hub/v1/plugins")}
    assert plugins["datagen"]["type"] == "source" and plugins["postgres"]["discovers"]
    form = hub.get("/hub/v1/plugins/PostgresConnector")
    options = {o["name"]: o for o in form["options"]}
    assert options["database.password"]["secret"] and options["database.hostname"]["required"]
    assert options["limits.rate.events"]["group"] == "Limits"
    answer = hub.ask("GET", "/hub/v1/plugins/nope")
    assert answer.status == 404 and "nope" in answer.json["message"]


def test_a_check_tells_its_steps(leat, db):
    hub = Hub(leat)
    config = {k: str(v) for k, v in db.properties().items()} | {"topic.prefix": "t"}
    whole = hub.ask("POST", "/hub/v1/checks", {"config": config}).json
    assert whole["ok"] and whole["problems"] == [] and len(whole["steps"]) > 3
    feed = Feed(hub, "POST", "/hub/v1/checks", {"config": config})
    events = []
    while event := feed.event():
        events.append(event)
    assert [e[0] for e in events] == ["step"] * len(whole["steps"]) + ["done"]
    assert events[-1][2]["ok"]
    wrong = hub.ask("POST", "/hub/v1/checks", {"config": config | {"database.port": "1"}}).json
    assert not wrong["ok"] and wrong["failed"] >= 1
    bad = hub.ask("POST", "/hub/v1/checks", {"config": {"connector.class": "datagen", "x": "1"}})
    assert bad.json["ok"] and bad.json["problems"][0]["option"] == "x"
    assert hub.ask("POST", "/hub/v1/checks", {"name": "nobody"}).status == 404
    assert hub.ask("POST", "/hub/v1/checks", {}).status == 400


def test_what_could_be_captured(leat, db):
    db.sql("CREATE TABLE a (id int PRIMARY KEY)")
    db.sql("CREATE TABLE b (id int PRIMARY KEY)")
    hub = Hub(leat)
    config = {k: str(v) for k, v in db.properties().items()}
    config |= {"topic.prefix": "t", "table.include.list": "public.a"}
    answer = hub.ask("POST", "/hub/v1/discover", {"config": config})
    tables = {t["name"]: t for t in answer.json["tables"]}
    assert tables["a"]["captured"] and tables["a"]["topic"] == "t.public.a"
    assert not tables["b"]["captured"] and tables["b"]["topic"] is None
    away = hub.ask("POST", "/hub/v1/discover", {"config": config | {"database.port": "1"}})
    assert away.status == 422 and "127.0.0.1" in away.json["message"]
    bare = {"config": {"connector.class": "postgres"}}
    assert hub.ask("POST", "/hub/v1/discover", bare).status == 400


def test_large_bodies_of_unknown_length(leat):
    """Chunks do not say how many come: what is too much is told at their end."""
    hub = Hub(leat)
    connection = hub.connect()
    chunks = iter([b" " * 0x8000] * 40)
    connection.request("POST", "/connectors", chunks, {"Content-Type": "application/json"},
                       encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413 and b"at most" in answer.read()
    connection.close()
    assert hub.get("/connectors") == []


def test_names_that_references_bring_in(leat):
    """What a reference stands for is in no answer, also as a part of an option's name."""
    hub = Hub(leat, env={**os.environ, "LEAT_TEST_NAME": "planted"})
    config = {"connector.class": "datagen", "topic.prefix": "g",
              "transforms": "${env:LEAT_TEST_NAME}"}
    answer = hub.ask("PUT", "/connectors/g/config", config)
    assert answer.status == 400 and "planted" not in answer.text, answer.text
    assert "transforms.${env:LEAT_TEST_NAME}.type" in answer.text
    path = "/connector-plugins/datagen/config/validate"
    assert "planted" not in hub.ask("PUT", path, {"name": "g", **config}).text


def test_a_damaged_hub_db_has_an_advice_of_its_own(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_events="5")
    hub.wait_state("gen", "STOPPED")
    assert leat.stop() == 0
    path = os.path.join(leat.data, "hub.db")
    with open(path, "wb") as f:
        f.write(b"this is no database" * 1000)
    said = leat.call("serve", "--listen", "127.0.0.1:0", ok=(1, 2, 3)).stderr
    assert "state.damaged" in said and "backup" in said, said
    assert "move the file away" not in said


# ---- topics and their events


def test_events_of_a_topic(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_events="50", datagen_keys="10", topic_prefix="g")
    hub.wait_state("gen", "STOPPED")
    path = "/hub/v1/topics/g.datagen.t1/events"
    first = hub.get(path + "?max=20")
    assert [e["offset"] for e in first["events"]] == list(range(20))
    assert first["next_offset"] == 20 and not first["at_end"]
    rest = hub.get(f"{path}?from=20&max=10000")
    assert rest["events"][0]["offset"] == 20 and rest["at_end"]
    assert leat.read("g.datagen.t1")[:20] == first["events"]
    deletes = hub.get(path + "?op=d&max=10000")["events"]
    assert all(e["value"]["op"] == "d" for e in deletes if e["value"])
    one = hub.get(path + '?contains="id":7&max=10000')["events"]
    assert one and all('"id":7' in json.dumps(e, separators=(",", ":")) for e in one)
    nothing = hub.get(path + "?from=end")
    assert nothing["events"] == [] and nothing["next_offset"] == rest["next_offset"]
    assert hub.get(f"{path}?from={rest['next_offset']}")["next_offset"] == rest["next_offset"]
    for wrong in ("from=yesterday", "max=0", "max=x", "max=10001", "op=x", "op=cD",
                  "schemas=maybe"):
        assert hub.ask("GET", f"{path}?{wrong}").status == 400, wrong
    assert hub.ask("GET", "/hub/v1/topics/nope/events").status == 404
    topics = {t["topic"]: t for t in hub.get("/hub/v1/topics")}
    assert topics["g.datagen.t1"]["connector"] == "gen"
    (stream,) = hub.get("/hub/v1/streams")
    assert stream["topics"] == ["g.datagen.t1"] and stream["records"] >= 50


def test_a_feed_goes_on_and_goes_on_where_it_was_cut(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="200", topic_prefix="g")
    hub.wait_events("gen", 10)
    path = "/hub/v1/topics/g.datagen.t1/events"
    feed = Feed(hub, "GET", path)
    offsets = [int(feed.event()[1]) for _ in range(100)]
    assert offsets == list(range(100)), "beyond what was there when it began"
    feed.close()
    feed = Feed(hub, "GET", path, headers={"Last-Event-ID": "41"})
    assert feed.event()[1] == "42"
    assert leat.stop() == 0, "a hub with an open feed stops in order"


def test_a_client_that_leaves_frees_its_feed(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="1000", topic_prefix="g")
    hub.wait_events("gen", 10)
    for _ in range(80):  # there may be 64 at a time
        feed = None

        def taken():
            nonlocal feed
            try:
                feed = Feed(hub, "GET", "/hub/v1/topics/g.datagen.t1/events")
            except AssertionError:
                return False
            return True

        until(taken, 60, "room for another feed")
        feed.event()
        feed.close()


# ---- states


def test_why_and_status(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="500")
    hub.wait_state("gen")
    assert hub.get("/hub/v1/connectors/gen/status")["counts"]["appended"] >= 0
    assert hub.get("/hub/v1/connectors/gen/why")["stage"] is None
    hub.ask("PUT", "/connectors/gen/pause")
    hub.wait_state("gen", "PAUSED")
    why = hub.get("/hub/v1/connectors/gen/why")
    assert why["state"] == "PAUSED" and why["stage"] == "a person"
    assert why["why"] == leat.call("why", "gen").stdout.strip()
    assert hub.ask("GET", "/hub/v1/connectors/nope/why").status == 404


def test_history_outlives_the_hub(leat):
    hub = Hub(leat, "--history", "1")
    hub.make("gen", datagen_rate="500")

    def points():
        told = hub.get("/hub/v1/connectors/gen/history")
        assert told["columns"][:2] == ["at", "events"]
        return told["points"]

    until(lambda: len(points()) >= 3, 60, "three points")
    known = points()
    assert [p[1] for p in known] == sorted(p[1] for p in known) and known[-1][1] > 0
    leat.stop()
    hub = Hub(leat, "--history", "1")
    assert points()[: len(known)] == known
    assert hub.get("/hub/v1/connectors/gen/history?step=86400")["points"] == known[:1]
    assert hub.ask("GET", "/hub/v1/connectors/gen/history?seconds=0").status == 400


def test_connections_group_connectors(leat, db):
    hub = Hub(leat)
    hub.make("gen")
    for name in ("a", "b"):
        body = {"connector.class": "postgres", "topic.prefix": name, "slot.name": name}
        body |= {k: str(v) for k, v in db.properties().items()}
        new = {"name": name, "config": body, "initial_state": "STOPPED"}
        answer = hub.ask("POST", "/connectors", new)
        assert answer.status == 201, answer.text
    found = {c["system"]: c for c in hub.get("/hub/v1/connections")}
    assert [k["name"] for k in found["postgres"]["connectors"]] == ["a", "b"]
    assert found["postgres"]["database"] == db.name


def test_dead_letters(leat, db):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, big text)")
    hub = Hub(leat)
    body = {k: str(v) for k, v in db.properties().items()}
    body |= {"topic.prefix": "d", "max.event.bytes": "65536", "snapshot.mode": "no_data"}
    assert hub.ask("POST", "/connectors", {"name": "d", "config": body}).status == 201
    hub.wait_state("d")
    db.sql("INSERT INTO t VALUES (1, repeat('x', 200000))")
    path = "/hub/v1/connectors/d/dead-letters"
    (letter,) = until(lambda: hub.get(path), 60, "a dead letter")
    assert letter["code"] == "event.too_large" and letter["table"] == "public.t"
    whole = hub.get(f"{path}/{letter['id']}")
    assert whole["bytes_hex"].startswith("") and whole["size"] == letter["size"] > 0
    assert len(whole["bytes_hex"]) == 2 * whole["size"]
    assert hub.get(f"{path}?after={letter['id']}") == []
    assert hub.ask("GET", f"{path}/99").status == 404
    assert hub.ask("GET", f"{path}/x").status == 404
    assert hub.ask("GET", f"{path}?max=0").status == 400


# ---- limits


def test_a_limit_of_events_holds_it_and_is_told(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="0", limits_rate_events="200")
    hub.wait_events("gen", 200)
    until(lambda: "limits.rate.events" in hub.get("/hub/v1/connectors/gen/why")["why"], 60, "why")
    begun = hub.counters("gen")
    until(lambda: hub.counters("gen")["appended"] > begun["appended"] + 400, 60, "400 more")
    metrics = hub.ask("GET", "/metrics").text
    was = re.search(r'leat_throttled_seconds_total\{.*limit="limits.rate.events"\} (\S+)', metrics)
    assert was and float(was[1]) > 0
    assert 'leat_limit{connector="gen",type="source",limit="limits.rate.events"} 200' in metrics
    hub.ask("PATCH", "/connectors/gen/config", {"limits.rate.events": None})
    until(lambda: hub.counters("gen")["appended"] > 20000, 60, "it without a limit")


# ---- the nursery


def nursery_of(leat):
    for path in glob.glob("/proc/[0-9]*"):
        with contextlib.suppress(OSError):
            with open(f"{path}/stat", encoding="utf-8", errors="replace") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
            with open(f"{path}/cmdline", "rb") as f:
                if parent == leat.process.pid and f.read().startswith(b"leat nursery"):
                    return int(path[6:])
    return None


def test_a_hub_without_its_nursery_goes_on(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="200")
    hub.wait_state("gen")
    nursery = nursery_of(leat)
    os.kill(nursery, signal.SIGKILL)
    until(lambda: gone(nursery), 60, "the end of the nursery")
    hub.make("other", datagen_rate="200")
    hub.wait_state("other", seconds=60)
    assert "nursery.gone" in leat.stderr
    os.kill(hub.counters("gen")["pid"], signal.SIGKILL)
    hub.wait_events("gen", 50)
    assert leat.stop() == 0


def test_processes_from_the_nursery_are_the_hubs_children(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="200")
    hub.wait_state("gen")
    pid = hub.counters("gen")["pid"]
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        assert int(f.read().rpartition(")")[2].split()[1]) == leat.process.pid
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        assert f.read().startswith(b"leat connector gen --data ")
    fds = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    assert not [f for f in fds if "hub.db" in f or "hub.lock" in f or "memfd" in f], fds


@pytest.mark.parametrize("way", ["READY", "socket"])
def test_a_service_manager(leat, way):
    """systemd's two protocols, by hand."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    at = os.path.join("/var/tmp", f"leat-notify-{os.getpid()}")
    notify.bind(at)
    notify.settimeout(60)
    ours = socket.socket()
    ours.bind(("127.0.0.1", 0))
    ours.listen()
    port = ours.getsockname()[1]
    env = {**os.environ, "NOTIFY_SOCKET": at}
    try:
        if way == "READY":
            leat.start("serve", "--listen", "127.0.0.1:0", env={"NOTIFY_SOCKET": at})
            assert notify.recv(100) == b"READY=1"
            return
        script = f'exec 3<&{ours.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"'
        child = subprocess.Popen(
            ["bash", "-c", script, leat.binary, "serve", "--data", leat.data],
            pass_fds=[ours.fileno()], env=env, stderr=subprocess.DEVNULL,
        )
        assert notify.recv(100) == b"READY=1"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        child.terminate()
        assert child.wait(60) == 0
    finally:
        os.unlink(at)
        notify.close()
        ours.close()
