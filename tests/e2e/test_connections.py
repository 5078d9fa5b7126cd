"""Saved connections: made, tried, used, altered and dropped, by the command line, REST and SQL."""

import glob
import json
import os
import signal
import subprocess
import threading

from hub import Hub
from servers.process import until

SECRET = "geheim-4711"


def steps(done):
    return {s["step"]: s for s in map(json.loads, done.stdout.splitlines())}


def words(db, **more):
    server = {"type": "postgres", "host": db.server.host, "port": db.server.port,
              "username": db.server.user, "database": db.name}
    return [f"{name}={value}" for name, value in {**server, **more}.items()]


def body(db, name, strategy="wal", **more):
    values = {"host": db.server.host, "port": db.server.port, "username": db.server.user,
              "database": db.name, **{k.replace("_", "."): v for k, v in more.items()}}
    return {"name": name, "type": "postgres", "strategy": strategy, "parameters": values}


def connector(db, **more):
    """Without address and log-in."""
    config = {k: v for k, v in db.properties(**more).items()
              if not k.startswith("database.") and k != "name"}
    return config


def saved(leat, db, name="db1", *more, **values):
    leat.call("connection", "create", name, "strategy=wal", *words(db, **values), *more)


def test_command_line(leat, db):
    """create tries before it saves; show masks; alter and drop; each refusal says why."""
    leat.call("connection", "list")
    done = leat.call("connection", "create", "db1", "strategy=By WAL", *words(db))
    assert "ok      log in" in done.stdout and "is saved" in done.stderr
    again = leat.call("connection", "create", "DB1", *words(db), ok=(1,))
    assert "connection.exists" in again.stderr
    refused = leat.call("connection", "create", "db2", *words(db, database="nowhere"), ok=(3,))
    assert "postgres.database_missing" in refused.stdout and "is not saved" in refused.stderr
    assert [c["name"] for c in leat.json("connection", "list")] == ["db1"]
    for args, word in (
        (["create", "x", "type=kudu"], "one of: mysql, mariadb, postgres, kafka"),
        (["create", "x", *words(db), "strategy=binlog"], "query (By Query)"),
        (["create", "x", *words(db, colour="red")], "is no parameter of PostgreSQL"),
        (["create", "x", *words(db, port="many")], "port"),
        (["create", "a/b", *words(db)], "slash"),
        (["create", "x", *words(db, password=SECRET)], "not given on the command line"),
        (["test", "db1", f"password={SECRET}"], "not given on the command line"),
        (["show", "nobody"], "connection.unknown"),
        (["test", "db1", "--strategy", "binlog"], "no strategy"),
        (["drop", "nobody"], "connection.unknown"),
        (["alter", "db1", "type=mysql"], "cannot change"),
    ):
        told = leat.call("connection", *args, ok=(1, 2))
        assert word in told.stderr and SECRET not in told.stderr, (args, told.stderr)
    file = leat.write("more.properties", f"password={SECRET}\nssl_mode=prefer\n")
    leat.call("connection", "alter", "db1", "--from", file)
    shown = leat.json("connection", "show", "db1")
    assert shown["parameters"]["password"] == "***" and shown["parameters"]["ssl.mode"] == "prefer"
    assert "By WAL" in leat.call("connection", "show", "db1").stdout
    for part in glob.glob(f"{leat.data}/hub.db*"):
        with open(part, "rb") as f:
            assert SECRET.encode() not in f.read()
    leat.call("key", "rotate")
    leat.call("connection", "test", "db1")
    leat.call("connection", "alter", "db1", "password=")
    assert leat.json("connection", "show", "db1")["parameters"]["password"] is None
    leat.call("connection", "drop", "db1")
    assert leat.json("connection", "list") == []


def test_secrets_from_standard_input(leat, db):
    """A password by a pipe; with a role that needs it the test passes by that alone."""
    db.server.password_user(f"cdc_{db.name}", SECRET, "REPLICATION", "SUPERUSER")
    try:
        call = [leat.binary, "connection", "create", "db1", "--data", leat.data, "--from", "-",
                "strategy=wal", *words(db, username=f"cdc_{db.name}")]
        wrong = subprocess.run(call, input="password=other\n", capture_output=True, text=True,
                               timeout=60)
        assert wrong.returncode == 3 and "postgres.auth" in wrong.stdout
        done = subprocess.run(call, input=f"password={SECRET}\n", capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        leat.call("connection", "test", "db1")
    finally:
        db.sql(f"DROP ROLE cdc_{db.name}")


def test_connector_by_a_connection(leat, db):
    """Options come from it at each start, an option of the connector's own goes before, and what
    is stored and shown of the connector has none of them."""
    db.sql("CREATE TABLE orders AS SELECT 1 AS id")
    db.sql("ALTER TABLE orders ADD PRIMARY KEY (id)")
    saved(leat, db)
    file = leat.write("shop.properties", {"name": "shop", "connection": "db1"} | connector(db))
    leat.call("run", "--once", file)
    assert len(leat.read(leat.topics()[0]["topic"])) == 1
    used = leat.call("connection", "drop", "db1", ok=(1,))
    assert "connection.used" in used.stderr and "shop" in used.stderr
    assert leat.json("connection", "show", "db1")["used_by"] == ["shop"]
    with open(file, "a", encoding="utf-8") as f:
        f.write("database.dbname=nowhere\n")
    refused = leat.call("check", file, ok=(3,))
    assert '"nowhere" does not exist' in refused.stdout
    unknown = leat.write("other.properties", {"connection": "nobody"} | connector(db))
    assert 'no connection "nobody"' in leat.call("check", unknown, ok=(2,)).stderr
    other = leat.write("gen.properties", {"connector.class": "datagen", "topic.prefix": "g",
                                          "connection": "db1"})
    assert "nothing for the connector datagen" in leat.call("check", other, ok=(2,)).stderr
    leat.call("delete", "shop", "--forget", "--yes")
    leat.call("connection", "drop", "db1")


def test_sources_by_url(leat, db):
    """Query capture, notifications and the sink make a URL of it; what a URL cannot say is
    refused."""
    db.sql("CREATE TABLE orders (id bigserial PRIMARY KEY, v int)")
    db.sql("INSERT INTO orders (v) VALUES (7), (8)")
    saved(leat, db)
    jdbc = {"connector.class": "io.confluent.connect.jdbc.JdbcSourceConnector",
            "connection": "db1", "mode": "incrementing", "topic.prefix": "q_",
            "table.whitelist": "public.orders"}
    file = leat.write("q.properties", {"name": "q"} | jdbc)
    assert "ok      connect" in leat.call("check", file).stdout
    leat.call("run", "--once", file)
    assert [r["value"]["v"] for r in leat.read("q_orders")] == [7, 8]
    channel = leat.write("n.properties", {"name": "n", "connector.class": "notify",
                                          "connection": "db1", "channels": "orders",
                                          "topic.prefix": "n"})
    assert "ok      listen" in leat.call("check", channel).stdout
    for klass in ("sql", "jdbc-debezium", "jdbc-confluent"):
        sink = leat.write(f"{klass}.properties", {"connector.class": klass, "connection": "db1",
                                                  "topics": "q_orders"})
        assert "ok      connect" in leat.call("check", sink, ok=(0, 3)).stdout
    own = leat.write("own.properties", {
        "name": "own", "connection.url": f"jdbc:postgresql://{db.server.host}:1/x"} | jdbc)
    assert "FAILED  connect" in leat.call("check", own, ok=(3,)).stdout
    file = leat.write("more.properties", "password.file=/dev/null\n")
    leat.call("connection", "create", "db2", "strategy=query", *words(db), "--from", file,
              "--untested")
    other = leat.write("other.properties", {"name": "o"} | jdbc | {"connection": "db2"})
    refused = leat.call("check", other, ok=(2,)).stderr
    assert "db2 has password.file, which the connector jdbc cannot use" in refused


def test_mysql_by_url(leat, binlog):
    """The same of MySQL and MariaDB, each with its own scheme."""
    binlog.sql("CREATE TABLE orders (id bigint AUTO_INCREMENT PRIMARY KEY, v int)", "shop")
    binlog.sql("INSERT INTO orders (v) VALUES (7), (8)", "shop")
    leat.call("connection", "create", "db1", f"type={binlog.kind}", "host=127.0.0.1",
              f"port={binlog.port}", "username=root", "database=shop")
    text = leat.call("plugins", "jdbc", "--template", "--connection", "db1").stdout
    assert "connection=db1" in text and "connection.url" not in text
    for was, to in (("mode=timestamp+incrementing\n", "mode=incrementing\n"),
                    ("timestamp.column.name=updated_at\n", "")):
        assert was in text, text
        text = text.replace(was, to)
    leat.call("run", "--once", leat.write("q.properties", text))
    assert [r["value"]["v"] for r in leat.read("db1_orders")] == [7, 8]


def test_rest(leat, db):
    """The same by /hub/v1: a test refuses, masks come back as what is stored, users are told."""
    db.sql("CREATE TABLE orders AS SELECT 1 AS id")
    db.sql("ALTER TABLE orders ADD PRIMARY KEY (id)")
    hub = Hub(leat)
    path = "/hub/v1/connections"
    systems = {s["name"]: s for s in hub.get("/hub/v1/systems")}
    assert leat.json("connection", "types", "postgres") == [systems["postgres"]]
    form = {p["name"]: (p["label"], p["type"], p["default"])
            for p in systems["postgres"]["parameters"]}
    assert form["connect.to.replica"] == ("Connect To Replica", "boolean", "false")
    assert form["ssl.mode"] == ("SSL Mode", "enum", "disable")
    assert [s["label"] for s in systems["postgres"]["strategies"]] == [
        "By Query", "By Notification Channel", "By WAL", "By Custom Function",
        "By Write Operation"]
    assert hub.ask("GET", "/hub/v1/systems/kudu").status == 404
    failed = hub.ask("POST", path, body(db, "db1", database="nowhere"))
    assert failed.status == 422 and "nowhere" in failed.json["message"]
    assert hub.get(path) == []
    made = hub.ask("POST", path, body(db, "db1", password=SECRET))
    assert made.status == 201 and made.json["parameters"]["password"] == "***"
    assert hub.ask("POST", path, body(db, "DB1")).status == 409
    assert hub.ask("POST", path, body(db, "x", strategy="binlog")).status == 400
    assert hub.ask("POST", path, {"name": "x"}).status == 400
    assert hub.ask("POST", path, {**body(db, "x"), "colour": "red"}).status == 400
    config = {"connection": "db1", **connector(db)}
    answer = hub.ask("POST", "/connectors", {"name": "shop", "config": config})
    assert answer.status == 201 and answer.json["config"] == {"name": "shop", **config}
    hub.wait_state("shop")
    until(lambda: hub.counters("shop")["appended"] >= 1, 60, "the snapshot")
    assert hub.ask("DELETE", f"{path}/db1").status == 409
    listed = [c for c in hub.get(path) if c["name"] == "db1"]
    assert listed[0]["used_by"] == ["shop"] and len(hub.get(path)) == 1
    changed = hub.ask("PATCH", f"{path}/db1", {"parameters": {"password": "***",
                                                              "ssl.mode": "prefer"}})
    assert changed.status == 200 and changed.json["restart_needed"] == ["shop"]
    assert changed.json["connection"]["parameters"]["password"] == "***"
    was = hub.counters("shop")["pid"]
    again = hub.ask("PATCH", f"{path}/db1?restart=true", {"parameters": {"password": None}})
    assert again.json["restarted"] == ["shop"]
    assert again.json["connection"]["parameters"]["password"] is None
    until(lambda: hub.counters("shop")["pid"] not in (0, was), 60, "the restart")
    hub.wait_state("shop")
    bad = hub.ask("PATCH", f"{path}/db1", {"parameters": {"port": 1}})
    assert bad.status == 422 and hub.get(f"{path}/db1")["parameters"]["port"] != "1"
    check = hub.ask("POST", "/hub/v1/checks", {"connection": "db1"})
    assert check.json["ok"] and any(s["step"] == "wal_level" for s in check.json["steps"])
    for strategy, step in (("query", "select"), ("notify", "listen"), ("write", "write"),
                           ("custom", "function")):
        told = hub.ask("POST", "/hub/v1/checks", {"connection": "db1", "strategy": strategy}).json
        assert told["ok"] and any(s["step"] == step for s in told["steps"]), told
    unsaved = {"connection": body(db, "db9", database="nowhere")}
    assert not hub.ask("POST", "/hub/v1/checks", unsaved).json["ok"]
    assert hub.ask("POST", "/hub/v1/checks", {"connection": "nobody"}).status == 404
    assert hub.ask("DELETE", "/connectors/shop?forget=true").status == 204
    assert hub.ask("DELETE", f"{path}/db1").status == 204
    assert hub.ask("DELETE", f"{path}/db1").status == 404


def test_a_worker_uses_a_connection(leat):
    """Those that use it by the hub's worker are told, as they keep it from being dropped."""
    leat.call("connection", "create", "k1", "type=kafka", "bootstrap.servers=127.0.0.1:9",
              "--untested")
    hub = Hub(leat, leat.write("worker.properties", "connection=k1\ngroup.id=g1\n"))
    hub.make("gen", datagen_rate="10", state="STOPPED")
    assert hub.ask("DELETE", "/hub/v1/connections/k1").status == 409
    assert hub.get("/hub/v1/connections/k1")["used_by"] == ["gen"]
    assert leat.stop() == 0


def told_to_stop(pid):
    """A SIGTERM waits for it."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        pending = [line.split()[1] for line in f if line.startswith("ShdPnd:")]
    return int(pending[0], 16) >> (signal.SIGTERM - 1) & 1


def test_a_restart_beside_a_delete(leat, db):
    """The connection is changed and its connectors restarted while one of them is being deleted:
    that one does not begin anew."""
    db.sql("CREATE TABLE orders (id int PRIMARY KEY)")
    hub = Hub(leat)
    assert hub.ask("POST", "/hub/v1/connections", body(db, "db1")).status == 201
    config = {"connection": "db1", **connector(db)}
    assert hub.ask("POST", "/connectors", {"name": "shop", "config": config}).status == 201
    hub.wait_state("shop")
    pid = hub.counters("shop")["pid"]
    answers = {}

    def ask(method, path, *more):
        answers[method] = hub.ask(method, path, *more)

    os.kill(pid, signal.SIGSTOP)
    delete = threading.Thread(target=ask, args=("DELETE", "/connectors/shop?forget=true"))
    delete.start()
    until(lambda: told_to_stop(pid), 30, "it to be told to stop", every=0.05)
    change = {"parameters": {"ssl.mode": "prefer"}}
    patch = threading.Thread(
        target=ask, args=("PATCH", "/hub/v1/connections/db1?test=false&restart=true", change))
    patch.start()
    patch.join(2)  # done too early, or waiting
    os.kill(pid, signal.SIGCONT)
    delete.join()
    patch.join()
    assert answers["DELETE"].status == 204, answers["DELETE"].text
    assert answers["PATCH"].status == 200 and answers["PATCH"].json["restarted"] == []
    assert hub.get("/connectors") == []
    assert leat.stop() == 0


def test_kafka(leat, db, kafka):
    """A connection to Kafka: tried by asking its brokers, and named by a worker's file."""
    db.sql("CREATE TABLE orders AS SELECT 1 AS id")
    db.sql("ALTER TABLE orders ADD PRIMARY KEY (id)")
    refused = leat.call("connection", "create", "k1", "type=kafka",
                        "bootstrap.servers=127.0.0.1:1", ok=(3,))
    assert "kafka.down" in refused.stdout
    assert "is required" in leat.call("connection", "create", "k1", "type=kafka", ok=(2,)).stderr
    leat.call("connection", "create", "k1", "type=kafka", f"bootstrap.servers={kafka.bootstrap}")
    worker = leat.write("worker.properties", "connection=k1\ngroup.id=g1\n")
    shop = leat.write("shop.properties", db.properties(name="shop"))
    assert "kafka" in leat.call("check", worker, shop).stdout
    leat.call("run", "--once", worker, shop, seconds=120)
    assert "shop.public.orders" in [t["topic"] for t in leat.json("topics", "--kafka", worker)]
    assert leat.call("connection", "drop", "k1", ok=(1,)).stderr.count("shop") == 1
    wrong = leat.write("wrong.properties", {"connection": "k1"} | connector(db))
    assert "nothing for the connector postgres" in leat.call("check", wrong, ok=(2,)).stderr


def test_sql(leat, db):
    """The same by SQL, for people too; secrets are not repeated."""
    hub = Hub(leat)

    def ask(text):
        return hub.ask("POST", "/ksql", {"ksql": text})

    values = (f"type='postgres', strategy='wal', host='{db.server.host}', "
              f"port='{db.server.port}', username='postgres', database='{db.name}'")
    made = ask(f"CREATE CONNECTION db1 WITH ({values}, password='{SECRET}');")
    assert made.status == 200 and SECRET not in made.text, made.text
    assert made.json[0]["connection"]["name"] == "DB1"
    assert ask(f"CREATE CONNECTION db1 WITH ({values});").status == 409
    assert ask(f"CREATE CONNECTION IF NOT EXISTS db1 WITH ({values});").json[0]["@type"] == \
        "warning_entity"
    wrong = values.replace(db.name, "nowhere")
    assert ask(f"CREATE CONNECTION db2 WITH ({wrong});").status == 422
    assert ask(f"CREATE CONNECTION db2 WITH ({wrong}) WITHOUT TEST;").status == 200
    listed = ask("SHOW CONNECTIONS;").json[0]["connections"]
    assert [c["name"] for c in listed] == ["DB1", "DB2"]
    tried = ask("TEST CONNECTION db2;").json[0]
    assert not tried["ok"] and tried["steps"][-1]["state"] == "failed"
    told = ask("TEST CONNECTION db1 FOR query WITH ('table.include.list'='public.none');")
    assert told.status == 200, told.text
    told = told.json[0]
    assert told["ok"] and told["steps"][-1]["code"] == "postgres.no_tables"
    assert ask(f"ALTER CONNECTION db2 SET (database='{db.name}');").status == 200
    assert ask("TEST CONNECTION db2;").json[0]["ok"]
    described = ask("DESCRIBE CONNECTION db2;").json[0]["connection"]
    assert described["parameters"]["database"] == db.name
    assert ask("DROP CONNECTION db2;").status == 200
    assert ask("DROP CONNECTION db2;").status == 404
    assert ask("DROP CONNECTION IF EXISTS db2;").json[0]["@type"] == "warning_entity"
    for bad in ("CREATE CONNECTION;", "ALTER CONNECTION db1;", "TEST CONNECTION db1 FOR;",
                "SHOW CONNECTION;"):
        assert ask(bad).status == 400, bad
    url = f"http://127.0.0.1:{hub.port}"
    call = [leat.binary, "sql", "--connect", url, "-e",
            "SHOW CONNECTIONS; DESCRIBE CONNECTION db1;"]
    shown = subprocess.run(call, capture_output=True, text=True, timeout=60, check=True)
    assert "By WAL" in shown.stdout and "PostgreSQL" in shown.stdout and SECRET not in shown.stdout
