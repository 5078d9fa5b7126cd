"""Secrets that are planted, and searched for wherever leat could show one: answers, logs, files,
the environment and the command lines of its processes, cores."""

import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import urllib.parse

import pytest
from hub import Hub
from servers.process import until

PLANTED = "Xq7Planted"
KEY = "5e" * 32


def planted(n):
    """Each has the same beginning, so that one search finds all."""
    return f"{PLANTED}{n}"


def found(data):
    """Also as base64 or escaped for a URL it would begin with these."""
    needles = [PLANTED, "WHE3UGxhbnRlZ", urllib.parse.quote(PLANTED), KEY]
    return [n for n in needles if n.encode() in data]


def files(folder):
    for at, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(at, name)


def assert_none(folder, but=()):
    for path in files(folder):
        if path.endswith(but) and but:
            continue
        try:
            with open(path, "rb") as f:
                assert not found(f.read()), path
        except OSError as e:  # a socket, or gone between two looks
            assert e.errno in (2, 6), path


def family(pid):
    """The process and all below it."""
    out = [pid]
    for one in out:
        try:
            with open(f"/proc/{one}/task/{one}/children", encoding="ascii") as f:
                out += map(int, f.read().split())
        except OSError:
            pass
    return out


def assert_none_in_processes(pid):
    looked = 0
    for one in family(pid):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{one}/{name}", "rb") as f:
                    data = f.read()
            except OSError:  # gone, or not to be read, which is as well
                continue
            looked += 1
            assert not found(data), f"{name} of {one}"
    assert looked > 0


CONFIG = {
    "database.password": planted(1),
    "database.sslpassword": planted(2),
    "some.api.token": planted(3),
    "producer.override.sasl.jaas.config": f'x.ScramLoginModule required password="{planted(4)}";',
    "registry.url": f"https://user:{planted(5)}@registry.example/",
    "ssl.keystore.key": planted(7),
}


def test_nothing_shows_a_secret(leat, db):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    hub = Hub(leat, env={"LEAT_KEY": KEY, "LEAT_OTHER": "harmless"}, *["--log-level", "trace"])
    answers = []

    def ask(method, path, body=None, headers=None):
        answer = hub.ask(method, path, body, headers)
        answers.append((f"{method} {path}", answer.text + json.dumps(answer.headers)))
        return answer

    good = {**db.properties(), **CONFIG}
    assert ask("POST", "/connectors", {"name": "shop", "config": good}).status == 201
    hub.wait_state("shop")
    # What goes wrong tells what went wrong, and not with what.
    wrong = {
        "user": {**good, "database.user": "nobody_here", "database.hostname": "127.0.0.1"},
        "port": {**good, "database.port": "1"},
        "number": {**good, "database.port": "x"},
        "slot": {**good, "slot.name": "Not A Slot"},
        "reference": {**good, "database.password": "${nope:x}"},
        "files": {**good, "database.sslkey": "/nonexistent", "database.sslcert": "/nonexistent"},
    }
    for name, config in wrong.items():
        ask("POST", "/connectors", {"name": name, "config": config, "initial_state": "STOPPED"})
        ask("PUT", "/connector-plugins/PostgresConnector/config/validate", {**config, "name": name})
    kind = {"Content-Type": "application/json"}
    ask("POST", "/connectors", '{"name":"x","config":{"database.password":"' + planted(9), kind)
    ask("POST", "/connectors", '{"name":"x","config":{"database.password":["' + planted(9) + '"]}}',
        kind)
    ask("PUT", "/connectors/shop/config", {**good, "tasks.max": "1"})
    shown = ask("GET", "/connectors/shop/config").json
    assert ask("PUT", "/connectors/shop/config", shown).status == 200
    ask("PATCH", "/connectors/shop/config", {"heartbeat.interval.ms": "100000"})
    for path in ("/", "/connectors?expand=info&expand=status", "/connectors/shop/status",
                 "/connectors/shop", "/connectors/shop/offsets", "/connectors/shop/tasks",
                 "/metrics", "/hub/v1/counters", "/hub/v1/audit", "/ui", "/admin/loggers"):
        assert ask("GET", path).status == 200, path
    hub.wait_state("shop")
    for what, text in answers:
        assert not found(text.encode()), what
    assert_none_in_processes(leat.process.pid)

    for command in (["status"], ["status", "--json"], ["status", "shop", "--json"], ["why", "shop"],
                    ["log", "shop"], ["topics"], ["key", "list"], ["offsets", "shop"]):
        done = leat.call(*command, ok=(0, 1, 3), env={"LEAT_KEY": KEY})
        assert not found((done.stdout + done.stderr).encode()), command
    assert_none(leat.folder)
    assert leat.stop() == 0
    assert_none(leat.folder)
    # It is there all the same: by its key, and by nothing else.
    done = leat.call("check", "shop", env={"LEAT_KEY": KEY}, ok=(0, 3))
    assert not found((done.stdout + done.stderr).encode())
    done = leat.call("check", "shop", ok=(1, 2, 3))
    assert "seal.key_missing" in done.stderr + done.stdout or "sealed with key" in done.stderr


def test_cores_and_memory_are_nobodys(leat, tmp_path):
    was = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (was[1], was[1]))
    hub = Hub(leat)
    hub.make("gen", datagen_rate="10", some_password=planted(1))
    hub.wait_state("gen")
    pid = hub.counters("gen")["pid"]
    for one in (leat.process.pid, pid):
        with open(f"/proc/{one}/limits", encoding="ascii") as f:
            assert re.search(r"Max core file size +0 +0 ", f.read())
        if os.getuid() != 0:
            with pytest.raises(PermissionError):
                with open(f"/proc/{one}/environ", "rb") as f:
                    f.read()
        assert os.stat(f"/proc/{one}/environ").st_uid == 0  # as of what cannot be dumped
    os.kill(pid, signal.SIGABRT)
    until(lambda: hub.counters("gen")["pid"] not in (0, pid), 60, "another process")
    assert not [p for p in files(leat.folder) if os.path.basename(p).startswith("core")]
    fds = [line for line in hub.ask("GET", "/metrics").text.split("\n")
           if line.startswith("leat_process_open_fds{")]
    assert fds
    resource.setrlimit(resource.RLIMIT_CORE, was)


def stored(leat):
    with sqlite3.connect(os.path.join(leat.data, "connectors/gen/state.db")) as s:
        return s.execute("SELECT json FROM config").fetchone()[0]


def test_run_seals_what_it_keeps(leat):
    config = {"name": "gen", "connector.class": "datagen", "topic.prefix": "gen",
              "datagen.rate": "100", "some.password": planted(1)}
    path = leat.write("gen.properties", config)
    leat.run(path)
    leat.read_until("gen.datagen.t1", 1)
    assert_none_in_processes(leat.process.pid)
    assert leat.stop() == 0
    assert "${sealed:" in stored(leat)
    assert_none(leat.folder, but=("gen.properties",))
    first = stored(leat)
    leat.run(path)
    until(lambda: leat.stderr.count("connector.started") == 2, 60, "the second start")
    assert leat.stop() == 0
    assert stored(leat) == first, "what has not changed is not sealed again"


def test_secrets_of_an_older_leat_are_sealed(leat):
    hub = Hub(leat)
    hub.make("gen", "STOPPED", datagen_rate="10", some_password="x")
    assert leat.stop() == 0
    clear = {"name": "gen", "config": {"name": "gen", "connector.class": "datagen",
                                       "topic.prefix": "gen", "some.password": planted(1)}}
    for file, sql in (("hub.db", "UPDATE connectors SET config = ?"),
                      ("connectors/gen/state.db", "UPDATE config SET json = ?")):
        with sqlite3.connect(os.path.join(leat.data, file)) as s:
            s.execute(sql, [json.dumps(clear)])
    hub = Hub(leat)
    assert "hub.sealed" in leat.stderr
    assert hub.get("/connectors/gen/config")["some.password"] == "***"
    assert leat.stop() == 0
    assert_none(leat.data)
    assert "${sealed:" in stored(leat)


def test_a_key_that_is_lost_and_found(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100", some_password=planted(1))
    hub.make("plain", datagen_rate="100")
    hub.wait_state("gen")
    assert leat.stop() == 0
    key = os.path.join(leat.data, "secret.key")
    os.rename(key, key + ".away")
    hub = Hub(leat)
    hub.wait_state("plain")
    hub.wait_state("gen", "FAILED")
    assert "sealed with key" in leat.stderr
    assert hub.get("/connectors/gen/config")["some.password"] == "***"
    os.rename(key + ".away", key)
    assert hub.ask("POST", "/connectors/gen/restart").status == 204
    hub.wait_state("gen")
    assert leat.stop() == 0
    with open(key, "w", encoding="ascii") as f:
        f.write("nonsense")
    assert "hex digits" in leat.call("key", "list", ok=(1,)).stderr


def test_the_key_is_changed(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100", some_password=planted(1))
    done = leat.call("key", "rotate", ok=(1,))
    assert "hub.locked" in done.stderr
    assert leat.stop() == 0
    old, was = leat.json("key", "list")["keys"][0]["id"], stored(leat)
    leat.call("key", "rotate")
    keys = leat.json("key", "list")["keys"]
    assert len(keys) == 1 and keys[0]["id"] != old
    assert stored(leat) != was and old not in stored(leat)
    with open(os.path.join(leat.data, "hub.db"), "rb") as f:
        assert old.encode() not in f.read()
    hub = Hub(leat)
    hub.wait_state("gen")
    assert leat.stop() == 0
    # From a file to the environment: both at first, the new one first.
    with open(os.path.join(leat.data, "secret.key"), encoding="ascii") as f:
        file_key = f.read().split("\n")[-2]
    both = {"LEAT_KEY": f"{KEY},{file_key}"}
    leat.call("key", "rotate", env=both)
    os.unlink(os.path.join(leat.data, "secret.key"))
    hub = Hub(leat, env={"LEAT_KEY": KEY})
    hub.wait_state("gen")
    assert leat.stop() == 0
    assert not os.path.exists(os.path.join(leat.data, "secret.key"))
    with open(f"{leat.folder}/bad.key", "w", encoding="ascii") as f:
        f.write("00\n")
    done = subprocess.run([leat.binary, "key", "list", "--data", leat.data], capture_output=True,
                          text=True, env={**os.environ, "LEAT_KEY_FILE": f"{leat.folder}/bad.key"})
    assert done.returncode == 1 and "bad.key" in done.stderr
