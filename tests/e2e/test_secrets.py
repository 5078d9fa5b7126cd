"""Secrets that are planted, and searched for wherever leat could show one: answers of all routes,
logs, files, the environment and the command lines of its processes, cores."""

import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import urllib.parse

import pytest
import routes
from hub import Hub
from servers.process import until

PLANTED = "Xq7Planted"
ELSEWHERE = "Yk3Planted"  # in variables and files that references name: it stands there
KEY = "5e" * 32


def planted(n):
    """Each has the same beginning, so that one search finds all."""
    return f"{PLANTED}{n}"


def elsewhere(n):
    return f"{ELSEWHERE}{n}"


def found(data):
    """Also as base64 or escaped for a URL it would begin with these."""
    needles = [PLANTED, "WHE3UGxhbnRlZ", urllib.parse.quote(PLANTED), KEY]
    return [n for n in needles if n.encode() in data]


def found_anywhere(data, *more):
    """Where not even what references name has any business."""
    needles = [ELSEWHERE, "WWszUGxhbnRlZ", *more]
    return found(data) + [n for n in needles if n.encode() in data]


def files(folder):
    for at, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(at, name)


def assert_none(folder, but=(), search=found):
    for path in files(folder):
        if path.endswith(but) and but:
            continue
        try:
            with open(path, "rb") as f:
                assert not search(f.read()), path
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
                 "/metrics", "/hub/v1/counters", "/hub/v1/audit", "/ui", "/admin/loggers",
                 "/connectors/shop/tasks/0/status", "/connectors/shop/topics", "/hub/v1/who",
                 "/hub/v1/connectors/shop/status", "/hub/v1/connectors/shop/why",
                 "/hub/v1/connectors/shop/history", "/hub/v1/connectors/shop/dead-letters",
                 "/hub/v1/connections", "/hub/v1/streams", "/hub/v1/topics", "/hub/v1/upgrade",
                 "/hub/v1/plugins/postgres", "/hub/v1/openapi.json", "/info"):
        assert ask("GET", path).status == 200, path
    for body in ({"name": "shop"}, {"name": "shop", "config": good}, {"config": wrong["user"]}):
        for path in ("/hub/v1/checks", "/hub/v1/discover"):
            assert ask("POST", path, body).status < 500, path
    for sql in ("SHOW CONNECTORS;", "DESCRIBE CONNECTOR shop;", "SHOW CONNECTORS EXTENDED;",
                f"CREATE SOURCE CONNECTOR sql WITH ('connector.class'='postgres', "
                f"'database.password'='{planted(10)}', 'topic.prefix'='s' 'x');"):
        assert ask("POST", "/ksql", {"ksql": sql}).status < 500, sql
    ask("PATCH", "/connectors/shop/offsets", {"offsets": [{"partition": {"server": planted(11)},
                                                           "offset": {"lsn": 1}}]})
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


# ---- every route there is


def a_hub_full_of_secrets(leat, db):
    """Connectors, connections, logins: whatever can hold a secret, in each way one can be written.
    The hub, the names that routes have parameters for, a token."""
    root = os.path.join(leat.folder, "root")
    os.makedirs(root)
    for name, text in (("a.properties", f"pw={elsewhere(1)}\n"), ("token", elsewhere(2))):
        with open(os.path.join(root, name), "w", encoding="ascii") as f:
            f.write(text)
    token = leat.call("token", "create", "ci", "--role", "admin").stdout.strip()
    subprocess.run([leat.binary, "user", "set", "anna", "--role", "admin", "--data", leat.data],
                   input=planted(12) + "\n", text=True, check=True, capture_output=True, timeout=60)
    db.sql("CREATE TABLE t (id int PRIMARY KEY, big text)")
    db.sql("INSERT INTO t VALUES (1, 'x')")
    env = {"LEAT_KEY": KEY, "SHOP_PASSWORD": elsewhere(3), "SHOP_OTHER": elsewhere(4)}
    hub = Hub(leat, "--log-level", "trace", "--files-root", root, env=env)
    references = {"database.password": "${env:SHOP_PASSWORD}",
                  "database.sslpassword": f"${{file:{root}/a.properties:pw}}",
                  "some.api.token": f"${{dir:{root}:token}}"}
    return hub, references, token


def good_bodies(db, references):
    """By schema, a body that is right and holds secrets."""
    postgres = {**db.properties(), **CONFIG}
    address = {"host": db.server.host, "port": db.server.port, "username": db.server.user,
               "database": db.name, "password": planted(13)}
    return {
        "NewConnector": {"name": "shop", "config": postgres},
        "Config": {**postgres, "name": "shop"},
        "ConfigPatch": {"database.sslpassword": planted(14), "some.api.token": None},
        "DemoDeed": {"do": "kill"},
        "NewVerification": {"tables": ["public.t"]},
        "Offsets": {"offsets": [{"partition": {"server": "other"}, "offset": {"lsn": 1}}]},
        "LoggerLevel": {"level": "TRACE"},
        "Statements": {"ksql": f"CREATE CONNECTION s1 WITH (type='postgres', host='127.0.0.1', "
                               f"port='1', password='{planted(16)}');"},
        "Trial": {"name": "shop", "config": {**db.properties(), **references,
                                             "database.user": "${env:SHOP_OTHER}"}},
        "NewConnection": {"name": "c2", "type": "postgres", "strategy": "wal",
                          "parameters": address},
        "ConnectionPatch": {"parameters": {"password": planted(17)}},
        "Signal": {"type": "log", "data": {"message": "a signal"}},
    }


def wrong_bodies(good):
    """What a person or a script gets wrong with a secret in it."""
    config = good["Config"]
    for wrong in ({"database.port": "x"}, {"database.port": "1"}, {"slot.name": "Not A Slot"},
                  {"tasks.max": "${env:SHOP_PASSWORD}"}, {"database.port": "${env:SHOP_OTHER}"},
                  {"slot.name": "${env:SHOP_OTHER}"}, {"database.user": "${env:SHOP_OTHER}"},
                  {"database.hostname": "${env:SHOP_OTHER}"},
                  {"table.include.list": "${env:SHOP_OTHER}["},
                  {"database.dbname": "${env:SHOP_OTHER}"}, {"connector.class": "nope"},
                  {"connection": "nobody"}, {"database.password": "${nope:x}"},
                  {"name": "other"}, {"snapshot.mode": "${env:SHOP_OTHER}"}):
        both = {**config, **wrong}
        yield "Config", both
        yield "ConfigPatch", wrong
        yield "Trial", {"config": both}
        yield "NewConnector", {"name": "wrong", "config": {**both, "name": "wrong", **wrong}}
    for wrong in ({"port": "x"}, {"host": "${env:SHOP_OTHER}"}, {"port": "${env:SHOP_OTHER}"},
                  {"colour": planted(19)}, {"username": "${env:SHOP_OTHER}", "port": 1}):
        parameters = {**good["NewConnection"]["parameters"], **wrong}
        yield "NewConnection", {**good["NewConnection"], "parameters": parameters}
        yield "ConnectionPatch", {"parameters": wrong}
        yield "Trial", {"connection": {**good["NewConnection"], "parameters": parameters}}
    kafka = {"bootstrap.servers": "127.0.0.1:1", "security.protocol": "SASL_PLAINTEXT",
             "sasl.mechanism": "PLAIN", "username": "u", "password": planted(20)}
    yield "NewConnection", {"name": "k9", "type": "kafka", "parameters": kafka}
    yield "Trial", {"connection": {"type": "kafka", "parameters": {
        **kafka, "sasl.mechanism": "${env:SHOP_OTHER}"}}}
    for sql in (f"CREATE SOURCE CONNECTOR x WITH ('database.password'='{planted(21)}' oops",
                f"CREATE CONNECTION s2 WITH (type='postgres', password='{planted(22)}', port='x');",
                f"ALTER CONNECTION c1 SET (password='{planted(23)}', colour='red');",
                "DESCRIBE CONNECTION c1; SHOW CONNECTIONS; DESCRIBE CONNECTOR shop;"):
        yield "Statements", {"ksql": sql}


def make_all(ask, good, references):
    made = [ask("POST", "/connectors", good["NewConnector"]),
            ask("POST", "/connectors", {"name": "refs", "initial_state": "STOPPED", "config": {
                **good["Config"], **references, "name": "refs", "slot.name": "refs",
                "publication.name": "refs"}}),
            ask("POST", "/hub/v1/connections?test=false", {**good["NewConnection"], "name": "c1"}),
            ask("POST", "/hub/v1/connections?test=false", {
                "name": "k1", "type": "kafka", "parameters": {
                    "bootstrap.servers": "127.0.0.1:1", "security.protocol": "SASL_SSL",
                    "sasl.mechanism": "PLAIN", "username": "u", "password": planted(24)}}),
            ask("POST", "/connectors", {"name": "saved", "initial_state": "STOPPED", "config": {
                "connector.class": "postgres", "connection": "c1", "topic.prefix": "saved",
                "slot.name": "saved", "publication.name": "saved"}})]
    assert [a.status for a in made] == [201] * 5, [a.text for a in made]


def test_no_route_shows_a_secret(leat, db):
    hub, references, token = a_hub_full_of_secrets(leat, db)
    good = good_bodies(db, references)
    asked = []

    def ask(method, path, body=None, headers=None):
        answer = hub.ask(method, path, body, headers, seconds=180)
        text = (answer.text + json.dumps(answer.headers)).encode()
        assert not found_anywhere(text, token), (method, path, body, answer.text)
        assert answer.status < 500 or answer.status == 503, (method, path, body, answer.text)
        asked.append((method, path))
        return answer

    make_all(ask, good, references)
    hub.wait_state("shop")
    names = {"connector": "shop", "task": 0, "plugin": "postgres", "logger": "root", "id": 1,
             "system": "postgres", "connection": "c1", "topic": "shop.public.t"}
    document = hub.get("/hub/v1/openapi.json")
    all_routes = list(routes.all_of(document, names))
    for schema, body in [*good.items(), *wrong_bodies(good)]:
        for method, path, _, takes in all_routes:
            if takes == schema:
                ask(method, path, body)
    ends = ("/upgrade", "/stop")
    for method, path, query, takes in all_routes:
        if not takes and method != "DELETE" and not path.endswith(ends):
            ask(method, path)
            for name in query:
                ask(method, f"{path}?{name}=1")
                ask(method, f"{path}?{name}=true&connection=c1&expand=info&expand=status")
    stream = {"Accept": "text/event-stream"}
    ask("POST", "/hub/v1/checks", good["Trial"], stream)
    ask("POST", "/hub/v1/checks", {"connection": "c1"}, stream)
    for login in (f"Bearer {token}", f"Bearer {planted(26)}", "Basic YW5uYTpYcTdQbGFudGVkMTI=",
                  "Basic YW5uYTpYcTdQbGFudGVkMTM="):
        ask("GET", "/hub/v1/who", headers={"Authorization": login})
    assert ask("PUT", "/connectors/shop/stop").status == 204
    for method, path, _, takes in sorted(all_routes, key=lambda one: "offsets" not in one[1]):
        if takes == "Offsets" or method == "DELETE":
            ask(method, path, good["Offsets"] if takes else None)
    assert {m for m, _ in asked} == {"GET", "POST", "PUT", "PATCH", "DELETE"} and len(asked) > 200

    assert_none_in_processes(leat.process.pid)
    for command in (["status", "--json"], ["status", "refs", "--json"], ["why", "saved"],
                    ["log", "shop"], ["token", "list"], ["user", "list"], ["connection", "list"],
                    ["connection", "show", "c1"], ["connection", "show", "k1", "--json"],
                    ["connection", "test", "k1"], ["check", "refs"], ["check", "saved", "--sql"],
                    ["plugins", "postgres", "--template", "--connection", "c1"]):
        done = leat.call(*command, ok=(0, 1, 2, 3), env={"LEAT_KEY": KEY})
        text = (done.stdout + done.stderr).encode()
        assert not found_anywhere(text, token), (command, done.stdout + done.stderr)
    assert leat.stop() == 0
    shutil.rmtree(os.path.join(leat.folder, "root"))
    assert_none(leat.folder, search=lambda data: found_anywhere(data, token))


# ---- cores


@pytest.fixture
def cores():
    """Cores of any size are allowed, and would lie where the process is."""
    was = resource.getrlimit(resource.RLIMIT_CORE)
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as f:
        pattern = f.read().strip()
    if was[1] == 0 or "/" in pattern or pattern.startswith("|"):
        pytest.skip(f"cores are not left beside a process here: {pattern}, at most {was[1]}")
    resource.setrlimit(resource.RLIMIT_CORE, (was[1], was[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, was)


def left(leat):
    """What lies in the folder that a crash may have left."""
    return [p for p in files(leat.folder) if os.path.basename(p).startswith("core")]


def crash_all(leat, hub):
    """SIGSEGV for the connector, then for the hub."""
    hub.wait_state("gen")
    connector, pid = hub.counters("gen")["pid"], leat.process.pid
    os.kill(connector, signal.SIGSEGV)
    until(lambda: hub.counters("gen")["pid"] not in (0, connector), 60, "another process")
    others = [one for one in family(pid) if one != pid]
    os.kill(pid, signal.SIGSEGV)
    assert leat.wait() != 0
    for one in others:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            pass


def test_a_crash_leaves_no_core(leat, cores):
    """Hub and connector die of SIGSEGV where cores are allowed. That a core would lie there and
    hold the secret is seen with LEAT_DUMPABLE=1."""
    config = {"datagen_rate": "10", "some_password": planted(1)}
    hub = Hub(leat, "--bound", env={"LEAT_KEY": KEY})
    hub.make("gen", **config)
    crash_all(leat, hub)
    assert left(leat) == []
    assert_none(leat.folder)
    hub = Hub(leat, "--bound", env={"LEAT_KEY": KEY, "LEAT_DUMPABLE": "1"})
    crash_all(leat, hub)
    dumped = left(leat)
    assert dumped, "this test could not see a core"
    seen = set()
    for path in dumped:
        with open(path, "rb") as f:
            seen.update(found(f.read()))
    assert PLANTED in seen or KEY in seen, "nor a secret in one"


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
