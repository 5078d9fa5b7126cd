"""SQL in its faces: POST /ksql by itself and by a public client library of ksqlDB, `leat sql`, and
.sql files of `leat run`. The same statements, the same entities."""

import json
import os
import pty
import select
import subprocess
import time

import pytest
from hub import Hub
from ksql import KSQLAPI
from ksql.errors import KSQLError

# As seeds of users have it, but for the address.
JDBC = """
CREATE SOURCE CONNECTOR JDBC_SOURCE_POSTGRES_01 WITH (
    'connector.class'= 'io.confluent.connect.jdbc.JdbcSourceConnector',
    'connection.url'= 'jdbc:postgresql://127.0.0.1:{port}/{name}',
    'connection.user'= 'postgres',
    'connection.password'= 'postgres',
    'mode'= 'incrementing',
    'incrementing.column.name'= 'city_id',
    'topic.prefix'= 'postgres_'
);
"""
NOT_BUILT = "Failed to find any class that implements Connector and which name matches io.confluent"


def statement(name, properties, kind="SOURCE", more=""):
    """A CREATE of these properties, quoted as SQL wants it."""
    quoted = ", ".join("'%s'='%s'" % (k, str(v).replace("'", "''")) for k, v in properties.items())
    return f"CREATE {kind} CONNECTOR {more}{name} WITH ({quoted});"


def postgres(db, **more):
    config = db.properties(**more)
    config.pop("name", None)
    return config


class Sql:
    """POST /ksql."""

    def __init__(self, hub):
        self.hub = hub

    def ask(self, text, **variables):
        return self.hub.ask("POST", "/ksql", {"ksql": text, "sessionVariables": variables})

    def run(self, text, **variables):
        answer = self.ask(text, **variables)
        assert answer.status == 200, answer.text
        return answer.json

    def fails(self, text, status, code):
        answer = self.ask(text)
        assert (answer.status, answer.json["error_code"]) == (status, code), answer.text
        return answer.json


@pytest.fixture
def hub(leat):
    return Hub(leat)


@pytest.fixture
def sql(hub):
    return Sql(hub)


def console(hub, *args, ok=(0,), text=None):
    """`leat sql`, asked to do what args say, or what it reads."""
    done = subprocess.run(
        [hub.leat.binary, "sql", "--connect", f"http://127.0.0.1:{hub.port}", *args],
        input=text if text is not None else "",
        capture_output=True,
        text=True,
        timeout=120,
        cwd=hub.leat.folder,
    )
    assert done.returncode in ok, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done


def test_life_of_a_connector(db, hub, sql):
    db.sql("CREATE TABLE city (city_id int PRIMARY KEY, name text)")
    db.sql("INSERT INTO city VALUES (1, 'Ulm')")
    config = postgres(db, **{"database.password": "hunter2"})
    made = sql.run(statement("towns", config))
    assert [e["@type"] for e in made] == ["connector_info"]
    info = made[0]["info"]
    assert (info["name"], info["type"]) == ("TOWNS", "source")
    assert info["config"]["name"] == "TOWNS" and "hunter2" not in json.dumps(made)
    shown = made[0]["statementText"]
    assert shown.startswith("CREATE SOURCE CONNECTOR towns WITH ('connector.class'='io.debezium")
    assert "'database.hostname'='[string]'" in shown
    hub.wait_state("TOWNS")
    hub.leat.read_until(f"{config['topic.prefix']}.public.city", 1)

    listed = sql.run("show connectors; LIST SINK CONNECTORS;")
    assert listed[0]["connectors"] == [
        {
            "name": "TOWNS",
            "type": "source",
            "className": config["connector.class"],
            "state": "RUNNING (1/1 tasks RUNNING)",
        }
    ]
    assert listed[1]["connectors"] == []
    described = sql.run("DESCRIBE CONNECTOR `TOWNS`;")[0]
    assert described["connectorClass"] == config["connector.class"]
    assert described["status"]["connector"]["state"] == "RUNNING"
    assert described["sources"] == [] and described["warnings"] == []
    assert f"{config['topic.prefix']}.public.city" in described["topics"]

    again = statement("towns", config)
    assert sql.fails(again, 409, 40900)["message"] == "Connector TOWNS already exists"
    warned = sql.run(statement("towns", config, more="IF NOT EXISTS "))[0]
    assert (warned["@type"], warned["message"]) == (
        "warning_entity",
        "Connector TOWNS already exists",
    )
    dropped = sql.run("DROP CONNECTOR towns; DROP CONNECTOR IF EXISTS towns;")
    assert (dropped[0]["@type"], dropped[0]["connectorName"]) == ("drop_connector", "TOWNS")
    assert dropped[1]["message"] == "Connector 'TOWNS' does not exist."
    error = sql.fails("DROP CONNECTOR towns;", 404, 40400)
    assert error["@type"] == "generic_error"
    assert error["message"].startswith('Failed to drop connector: {"error_code":404')
    error = sql.fails("DESCRIBE CONNECTOR towns;", 404, 40400)
    assert error["message"].startswith("Failed to query connector status: ")


def test_what_is_refused(db, hub, sql):
    error = sql.fails("SHOW CONECTORS;", 400, 40001)
    assert error["@type"] == "statement_error"
    assert error["message"].startswith("line 1:6: Syntax Error\nExpecting 'CONNECTORS'")
    assert (error["statementText"], error["entities"]) == ("SHOW CONECTORS;", [])
    error = sql.fails("CREATE SOURCE CONNECTOR x WITH ('password'='hunter2' 'a'='b');", 400, 40001)
    assert "hunter2" not in json.dumps(error)
    wrong = postgres(db, **{"database.password": "x", "database.user": "nobody_of_that_name"})
    error = sql.fails(statement("wrong", wrong), 400, 40000)
    assert error["message"].startswith("Validation error: database.hostname - ")
    error = sql.fails("CREATE SOURCE CONNECTOR x WITH ('a'='b');", 400, 40000)
    assert "contains no connector type" in error["message"]
    # One that is wrong, and nothing is done of the others.
    both = statement("good", postgres(db)) + statement("wrong", wrong)
    sql.fails(both, 400, 40000)
    assert hub.get("/connectors") == []
    assert sql.fails("PRINT 'x';", 400, 40002)["@type"] == "statement_error"
    assert hub.ask("POST", "/ksql", []).status == 400
    assert hub.ask("POST", "/ksql", {}).json == []
    assert hub.ask("POST", "/ksql", '{"ksql":1', {"Content-Type": "application/json"}).status == 400
    deep = "(" * 100000
    assert sql.ask(f"CREATE SOURCE CONNECTOR x WITH {deep};").status == 400
    text = hub.ask("POST", "/ksql", '{"ksql":"SHOW CONNECTORS;"}', {"Content-Type": "text/plain"})
    assert text.status == 415  # what a page of another origin could send


def test_jdbc_statement_in_each_face(db, hub, sql):
    """By POST /ksql as it is printed; by a client library, the console and a file with other
    names."""
    db.sql("CREATE TABLE city (city_id serial PRIMARY KEY, name text)")
    db.sql("INSERT INTO city (name) VALUES ('Bern'), ('Rom')")

    def text(face):
        named = JDBC.format(port=db.server.port, name=db.name)
        other = named.replace("JDBC_SOURCE_POSTGRES_01", face)
        return other.replace("'postgres_'", f"'{face}_'") if face else named

    (made,) = sql.run(JDBC.format(port=db.server.port, name=db.name))
    assert made["info"]["name"] == "JDBC_SOURCE_POSTGRES_01"
    assert made["info"]["type"] == "source"
    assert made["info"]["config"]["tasks.max"] == "1"
    KSQLAPI(f"http://127.0.0.1:{hub.port}").ksql(text("client"))
    console(hub, "-e", text("console"))
    for topic in ["postgres_city", "client_city", "console_city"]:
        records = hub.leat.read_until(topic, 2, seconds=60)
        assert [r["value"]["city_id"] for r in records] == [1, 2]
    path = hub.leat.write("jdbc.sql", text("file"))
    hub.leat.call("run", "--once", path)
    assert len(hub.leat.read("file_city")) == 2


def test_a_class_that_is_not_in_the_build(sql):
    """What Kafka Connect says of a class it does not have."""
    text = JDBC.format(port=1, name="x").replace("jdbc.JdbcSource", "s3.S3Source")
    assert NOT_BUILT in sql.fails(text, 400, 40000)["message"]


def test_variables(hub, sql):
    text = (
        "DEFINE rows='100'; CREATE SOURCE CONNECTOR ${name} WITH ('connector.class'='datagen',"
        "'topic.prefix'='${PREFIX}x', 'datagen.rate'=${rows}); SHOW VARIABLES;"
    )
    made, shown = sql.run(text, name="v1", prefix="p_")
    assert made["info"]["name"] == "V1"
    assert made["info"]["config"]["topic.prefix"] == "p_x"
    assert made["info"]["config"]["datagen.rate"] == "100"
    assert {v["name"]: v["value"] for v in shown["variables"]} == {
        "name": "v1",
        "prefix": "p_",
        "rows": "100",
    }
    error = sql.ask("DROP CONNECTOR ${name};", name="x; DROP CONNECTOR V1").json
    assert "Identifier names cannot start with '@'" in error["message"]
    assert hub.get("/connectors") == ["V1"]


def test_handling(hub, sql):
    hub.make("orders")
    hub.wait_state("orders")
    assert sql.run('PAUSE CONNECTOR "orders";')[0]["action"] == "PAUSE"
    hub.wait_state("orders", "PAUSED")
    sql.run("RESUME CONNECTOR `orders`; RESTART CONNECTOR `orders`;")
    hub.wait_state("orders")
    hub.wait_events("orders")
    changed = sql.run("ALTER CONNECTOR `orders` SET ('datagen.seed'='8', 'tasks.max'=NULL);")[0]
    assert changed["info"]["config"]["datagen.seed"] == "8"
    assert "tasks.max" not in changed["info"]["config"]
    sql.fails("RESET OFFSETS FOR CONNECTOR `orders`;", 400, 40000)  # it runs
    sql.run("STOP CONNECTOR `orders`;")
    offsets = sql.run("SHOW OFFSETS FOR CONNECTOR `orders`;")[0]["offsets"]
    assert offsets[0]["offset"]
    text = json.dumps(offsets).replace("'", "''")
    assert sql.run(f"ALTER OFFSETS FOR CONNECTOR `orders` SET '{text}';")[0]["action"]
    sql.run("RESET OFFSETS FOR CONNECTOR `orders`;")
    assert sql.run("SHOW OFFSETS FOR CONNECTOR `orders`;")[0]["offsets"] == []
    topics = sql.run("SHOW TOPICS;")[0]["topics"]
    assert topics and all(t["replicaInfo"] == [1] for t in topics)
    classes = [p["class"] for p in sql.run("SHOW CONNECTOR PLUGINS;")[0]["connectorsPlugins"]]
    assert "datagen" in classes and "io.debezium.connector.postgresql.PostgresConnector" in classes
    dropped = sql.run("DROP CONNECTOR `orders` DELETE OFFSETS FORGET;")
    assert dropped[0]["@type"] == "drop_connector"


def test_snapshot_and_test(db, hub, sql):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.sql("INSERT INTO t VALUES (1), (2)")
    config = postgres(db)
    topic = f"{config['topic.prefix']}.public.t"
    sql.run(statement("s", config))
    hub.leat.read_until(topic, 2)
    tested = sql.run("TEST CONNECTOR s;")[0]
    assert tested["ok"] and {"connect", "log in"} <= {s["step"] for s in tested["steps"]}
    assert sql.run("SNAPSHOT CONNECTOR s TABLES public.t WHERE 'id = 2';")[0]["id"]
    rows = hub.leat.read_until(topic, 3)
    assert rows[-1]["value"]["after"] == {"id": 2}
    sql.run("STOP CONNECTOR s;")
    error = sql.fails("SNAPSHOT CONNECTOR s TABLES public.t;", 409, 40900)
    assert "does not run" in error["message"]


def test_roles(leat):
    """A viewer looks; what else a statement does needs what REST needs. The audit has both."""
    roles = ("viewer", "operator", "admin")
    tokens = {r: leat.call("token", "create", r, "--role", r).stdout.strip() for r in roles}
    hub = Hub(leat, "--require-login")

    def ask(role, text):
        headers = {"Authorization": f"Bearer {tokens[role]}"}
        return hub.ask("POST", "/ksql", {"ksql": text}, headers)

    make = "CREATE SOURCE CONNECTOR a WITH ('connector.class'='datagen', 'topic.prefix'='a');"
    assert hub.ask("POST", "/ksql", {"ksql": "SHOW CONNECTORS;"}).status == 401
    assert ask("viewer", "SHOW CONNECTORS;").status == 200
    refused = ask("viewer", make)
    assert refused.status == 403 and "needs the role admin" in refused.json["message"]
    assert ask("admin", make).status == 200
    assert ask("viewer", "PAUSE CONNECTOR a;").status == 403
    assert ask("operator", "PAUSE CONNECTOR a;").status == 200
    assert ask("operator", "DROP CONNECTOR a;").status == 403
    headers = {"Authorization": f"Bearer {tokens['admin']}"}
    deeds = hub.ask("GET", "/hub/v1/audit", headers=headers).json["deeds"]
    done = {(d["who"], d["method"], d["path"], d["status"]) for d in deeds}
    assert ("admin", "POST", "/connectors", 201) in done
    assert ("operator", "DELETE", "/connectors/A", 403) in done


def test_client_library(hub):
    """A public client of ksqlDB, over HTTP/1.1."""
    client = KSQLAPI(f"http://127.0.0.1:{hub.port}")
    assert client.get_ksql_version()
    assert client.get_properties() == []
    made = client.ksql(
        "CREATE SOURCE CONNECTOR IF NOT EXISTS lib WITH ('connector.class'='datagen',"
        "'topic.prefix'='lib')"
        ";"
    )
    assert made[0]["info"]["name"] == "LIB"
    hub.wait_state("LIB")
    assert client.ksql("show connectors;")[0]["connectors"][0]["name"] == "LIB"
    with pytest.raises(KSQLError) as caught:
        client.ksql("CREATE SOURCE CONNECTOR lib WITH ('connector.class'='datagen');")
    assert "Connector LIB already exists" in str(caught.value)
    assert client.ksql("DROP CONNECTOR lib;")[0]["connectorName"] == "LIB"
    accept = "application/vnd.ksql.v1+json"
    answer = hub.ask("POST", "/ksql", {"ksql": ""}, {"Accept": accept})
    assert (answer.json, answer.headers["content-type"]) == ([], accept)
    assert hub.get("/healthcheck")["isHealthy"] is True


def test_console(hub):
    make = "CREATE SOURCE CONNECTOR c WITH ('connector.class'='datagen','topic.prefix'='c')"
    assert console(hub, "-e", make).stdout == "Created connector C\n"
    hub.wait_state("C")
    hub.wait_events("C")
    assert "Related Topics" in console(hub, "-e", "DESCRIBE CONNECTOR c").stdout
    out = console(hub, "-e", "show connectors").stdout.splitlines()
    assert out[0].split(" | ")[0].strip() == "Connector Name" and set(out[1]) == {"-"}
    assert "RUNNING (1/1 tasks RUNNING)" in out[2]
    entity = json.loads(console(hub, "--json", "-e", "SHOW CONNECTORS;").stdout)
    assert entity["@type"] == "connector_list"
    done = console(hub, "-e", make, ok=(1,))
    assert "Connector C already exists" in done.stderr
    done = console(hub, "-e", "DROP CONNECTOR c; SHWO x;", ok=(2,))  # nothing of it is done
    assert "line 1:19: Syntax Error" in done.stderr and "Did you mean 'SHOW'?" in done.stderr
    assert hub.get("/connectors") == ["C"]
    path = hub.leat.write("two.sql", "-- file\nPAUSE CONNECTOR ${x};\nRESUME CONNECTOR ${x};\n")
    assert console(hub, "--define", "x=c", "-f", path).stdout.count("is done") == 2
    assert "C" in console(hub, text="SHOW CONNECTORS;\n").stdout
    topic = json.loads(console(hub, "--json", "-e", "SHOW TOPICS").stdout)["topics"][0]["name"]
    printed = console(hub, "-e", f"PRINT '{topic}' FROM BEGINNING LIMIT 3").stdout.splitlines()
    assert len(printed) == 3 and all(line.startswith("rowtime: 20") for line in printed)
    records = console(hub, "--json", "-e", f"PRINT '{topic}' LIMIT 2").stdout.splitlines()
    assert len(records) == 2 and json.loads(records[0])["topic"] == topic
    assert "Failed to print topic" in console(hub, "-e", "PRINT none LIMIT 1", ok=(1,)).stderr
    assert "does not answer" in console(hub, "--connect", "http://127.0.0.1:1", "-e",
                                        "SHOW TOPICS", ok=(1,)).stderr
    assert console(hub, "-e", "x", "-f", "y", ok=(2,)).returncode == 2
    assert console(hub, "-f", "/none.sql", ok=(1, 2)).stderr


class Terminal:
    """`leat sql` on a terminal of its own."""

    def __init__(self, hub):
        env = {**os.environ, "HOME": hub.leat.folder, "TERM": "xterm"}
        cmd = [hub.leat.binary, "sql", "--connect", f"http://127.0.0.1:{hub.port}"]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(cmd[0], cmd, env)
        self.seen = b""

    def until(self, text, seconds=60):
        """Reads on until text has come, and forgets what came up to it."""
        end = time.monotonic() + seconds
        while text.encode() not in self.seen:
            assert time.monotonic() < end, f"{text} did not come: {self.seen[-2000:]}"
            if select.select([self.terminal], [], [], 0.2)[0]:
                self.seen += os.read(self.terminal, 4096)
        self.seen = self.seen[self.seen.index(text.encode()) + len(text) :]

    def type(self, text, answer):
        os.write(self.terminal, text.encode())
        self.until(answer)

    def end(self):
        """Its exit status."""
        os.write(self.terminal, b"exit\r")
        try:
            while os.read(self.terminal, 4096):
                pass
        except OSError:  # it is gone
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_terminal(hub):
    """Several lines, completion, Ctrl-C, and a history without values of options."""
    ldd = subprocess.run(["ldd", hub.leat.binary], capture_output=True, text=True)
    if "libedit" not in ldd.stdout:
        pytest.skip("this build has no libedit")
    one = Terminal(hub)
    one.until("leat> ")
    one.type("CREATE SOURCE CONNECTOR abc\r", "    > ")
    one.type("WITH ('connector.class'='datagen',\r", "    > ")
    one.type("'topic.prefix'='hidden');\r", "Created connector ABC")
    one.type("SHO\tCONNECTORS;\r", "Connector Name")
    hub.wait_events("ABC")
    one.type("DROP CONNECTOR A", "DROP CONNECTOR A")
    one.type("\x03", "^C")  # what was typed is forgotten
    one.type("DESCRIBE CONNECTOR A\t;\r", "WorkerId")
    one.type("PRINT 'hidden.datagen.t1';\r", "rowtime: ")
    one.type("\x03", "leat> ")
    one.type("SHWO;\r", "Did you mean 'SHOW'?")
    one.type("SELECT 4711 AS n FROM topics WHERE topic = 'x';\r", "0 rows")
    one.type("help\r", "Statements end with ;")
    assert hub.get("/connectors") == ["ABC"]
    assert one.end() == 0 or "build-san" in hub.leat.binary  # libedit keeps a few names
    with open(os.path.join(hub.leat.folder, ".leat_sql_history"), encoding="utf-8") as f:
        history = f.read()
    assert "SHOW CONNECTORS;" in history and "hidden')" not in history
    assert "SELECT" in history and "4711" in history
    assert os.stat(f.name).st_mode & 0o777 == 0o600


def test_file_of_run(db, leat):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.sql("INSERT INTO t VALUES (1)")
    config = postgres(db)
    text = f"DEFINE n='`shop`';\n{statement('${n}', config)}\n" + statement(
        "sink", {"connector.class": "null", "topics": f"{config['topic.prefix']}.public.t"}, "SINK"
    )
    path = leat.write("two.sql", text)
    assert leat.call("check", path).stdout
    leat.run("--once", path)
    assert leat.wait() == 0
    assert len(leat.read(f"{config['topic.prefix']}.public.t")) == 1
    assert {c["name"] for c in leat.status()} == {"shop", "SINK"}
    done = leat.call("run", leat.write("bad.sql", "\nSHOW CONNECTORS;"), ok=(2,))
    assert "bad.sql:2" in done.stderr and "leat sql -f" in done.stderr
    done = leat.call("run", leat.write("wrong.sql", "CREATE SOURCE x;"), ok=(2,))
    assert "line 1:15" in done.stderr


# The example of ksqlDB's reference, but for the server's address.
DOCUMENTED = """
CREATE SOURCE CONNECTOR `jdbc-connector` WITH(
    "connector.class"='io.confluent.connect.jdbc.JdbcSourceConnector',
    "connection.url"='jdbc:postgresql://{host}:{port}/{db}?user=postgres',
    "mode"='bulk',
    "topic.prefix"='jdbc-',
    "table.whitelist"='users',
    "key"='username');
"""


def test_the_example_of_the_reference(sql, db):
    """Names in back quotes, properties in double ones."""
    db.sql("CREATE TABLE users (username text PRIMARY KEY, age int)")
    text = DOCUMENTED.format(host=db.server.host, port=db.server.port, db=db.name)
    made = sql.run(text)[0]
    assert made["@type"] == "connector_info" and made["info"]["name"] == "jdbc-connector"
    again = sql.run(text.replace("CONNECTOR `", "CONNECTOR IF NOT EXISTS `", 1))[0]
    assert again["@type"] == "warning_entity"
    assert sql.run("DESCRIBE CONNECTOR `jdbc-connector`;")[0]["@type"] == "connector_description"
    for words in ("SHOW CONNECTORS", "LIST SOURCE CONNECTORS"):
        (listed,) = sql.run(f"{words};")[0]["connectors"]
        assert listed["name"] == "jdbc-connector"
    assert sql.run("DROP CONNECTOR `jdbc-connector`;")[0]["@type"] == "drop_connector"
    assert sql.run("DROP CONNECTOR IF EXISTS `jdbc-connector`;")[0]["@type"] == "warning_entity"


# The statements about connectors in ksqlDB's documentation and README, as they are
# printed, one by one in this order: where it is found, what it says, and what it gives, an entity
# or the code of an error and a part of its message. The server's address
# stands for theirs.
ABSENT = "Failed to find any class that implements Connector and which name matches "
IN_THE_DOCUMENTATION = [
    ("create-connector, concepts/connectors", """
CREATE SOURCE CONNECTOR `jdbc-connector` WITH (
    'connector.class'='io.confluent.connect.jdbc.JdbcSourceConnector',
    'connection.url'='jdbc:postgresql://{pg_host}:{pg_port}/{pg_name}?user=postgres',
    'mode'='bulk',
    'topic.prefix'='jdbc-',
    'table.whitelist'='users',
    'key'='username');
""", "connector_info"),
    ("java-client: createConnector", """
CREATE SOURCE CONNECTOR IF NOT EXISTS `jdbc-connector` WITH (
    'connector.class'='io.confluent.connect.jdbc.JdbcSourceConnector',
    'connection.url'='jdbc:postgresql://{pg_host}:{pg_port}/{pg_name}?user=postgres',
    'mode'='bulk', 'topic.prefix'='jdbc-', 'table.whitelist'='users', 'key'='username');
""", "warning_entity"),
    ("describe-connector", 'DESCRIBE CONNECTOR "my-jdbc-connector";', (40400, "No status found")),
    ("java-client: describeConnector", "DESCRIBE CONNECTOR `jdbc-connector`;",
     "connector_description"),
    ("show-connectors", "SHOW CONNECTORS;", "connector_list"),
    ("show-connectors", "LIST CONNECTORS;", "connector_list"),
    ("show-connectors", "SHOW SOURCE CONNECTORS;", "connector_list"),
    ("show-connectors", "LIST SOURCE CONNECTORS;", "connector_list"),
    ("show-connectors", "SHOW SINK CONNECTORS;", "connector_list"),
    ("show-connectors", "LIST SINK CONNECTORS;", "connector_list"),
    ("drop-connector", "DROP CONNECTOR `jdbc-connector`;", "drop_connector"),
    ("java-client: dropConnector", "DROP CONNECTOR IF EXISTS `jdbc-connector`;",
     "warning_entity"),
    ("use-connector-management", """
CREATE SOURCE CONNECTOR s WITH (
  'connector.class' = 'io.mdrogalis.voluble.VolubleSourceConnector',

  'genkp.people.with' = '#{{Internet.uuid}}',
  'genv.people.name.with' = '#{{Name.full_name}}',
  'genv.people.creditCardNumber.with' = '#{{Finance.credit_card}}',

  'global.throttle.ms' = '500'
);
""", (40000, ABSENT + "io.mdrogalis.voluble.VolubleSourceConnector")),
    ("use-connector-management", "PRINT 'people' FROM BEGINNING;", (40002, "")),
    ("use-connector-management", "DROP CONNECTOR s;", (40400, "not found")),
    # Names of Debezium before 2.0, which Debezium itself does not take any more.
    ("tutorials/etl", """
CREATE SOURCE CONNECTOR customers_reader WITH (
    'connector.class' = 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname' = '{pg_host}',
    'database.port' = '{pg_port}',
    'database.user' = 'postgres',
    'database.password' = 'postgres-pw',
    'database.dbname' = '{pg_name}',
    'database.server.name' = 'customers',
    'table.whitelist' = 'public.customers',
    'transforms' = 'unwrap',
    'transforms.unwrap.type' = 'io.debezium.transforms.ExtractNewRecordState',
    'transforms.unwrap.drop.tombstones' = 'false',
    'transforms.unwrap.delete.handling.mode' = 'rewrite'
);
""", (40000, "topic.prefix")),
    ("tutorials/etl", """
CREATE SOURCE CONNECTOR logistics_reader WITH (
    'connector.class' = 'io.debezium.connector.mongodb.MongoDbConnector',
    'mongodb.hosts' = 'mongo:27017',
    'mongodb.name' = 'my-replica-set',
    'mongodb.authsource' = 'admin',
    'mongodb.user' = 'dbz-user',
    'mongodb.password' = 'dbz-pw',
    'collection.whitelist' = 'logistics.*',
    'transforms' = 'unwrap',
    'transforms.unwrap.type' = 'io.debezium.connector.mongodb.transforms.ExtractNewDocumentState',
    'transforms.unwrap.drop.tombstones' = 'false',
    'transforms.unwrap.delete.handling.mode' = 'drop',
    'transforms.unwrap.operation.header' = 'true'
);
""", (40000, ABSENT + "io.debezium.connector.mongodb.MongoDbConnector")),
    ("tutorials/etl", """
CREATE SINK CONNECTOR enriched_writer WITH (
    'connector.class' = 'io.confluent.connect.elasticsearch.ElasticsearchSinkConnector',
    'connection.url' = 'http://elastic:9200',
    'type.name' = 'kafka-connect',
    'topics' = 'shipped_orders'
);
""", (40000, ABSENT + "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector")),
    ("README", """
 CREATE SINK CONNECTOR es_sink WITH (
  'connector.class' = 'io.confluent.connect.elasticsearch.ElasticsearchSinkConnector',
  'key.converter'   = 'org.apache.kafka.connect.storage.StringConverter',
  'topics'          = 'clicks_transformed',
  'key.ignore'      = 'true',
  'schema.ignore'   = 'true',
  'type.name'       = '',
  'connection.url'  = 'http://elasticsearch:9200');
""", (40000, ABSENT + "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector")),
    ("tutorials/materialized", """
CREATE SOURCE CONNECTOR calls_reader WITH (
    'connector.class' = 'io.debezium.connector.mysql.MySqlConnector',
    'database.hostname' = 'mysql',
    'database.port' = '3306',
    'database.user' = 'example-user',
    'database.password' = 'example-pw',
    'database.allowPublicKeyRetrieval' = 'true',
    'database.server.id' = '184054',
    'database.server.name' = 'call-center-db',
    'database.whitelist' = 'call-center',
    'database.history.kafka.bootstrap.servers' = 'broker:9092',
    'database.history.kafka.topic' = 'call-center',
    'table.whitelist' = 'call-center.calls',
    'include.schema.changes' = 'false'
);
""", (40000, "topic.prefix")),
    ("tutorials/materialized", "SHOW TOPICS;", "kafka_topics"),
    ("tutorials/materialized", "PRINT 'call-center-db.call-center.calls' FROM BEGINNING;",
     (40002, "")),
    ("tutorials/materialized", "DESCRIBE CONNECTOR calls_reader;", (40400, "No status found")),
]


def test_statements_of_the_documentation(sql, db):
    """Each gives the entity that ksqlDB gives, or its error where the class is not in the build."""
    db.sql("CREATE TABLE users (username text PRIMARY KEY, age int)")
    for where, text, wanted in IN_THE_DOCUMENTATION:
        text = text.format(pg_host=db.server.host, pg_port=db.server.port, pg_name=db.name)
        answer = sql.ask(text)
        if isinstance(wanted, str):
            assert answer.status == 200, (where, answer.text)
            assert [e["@type"] for e in answer.json] == [wanted], where
        else:
            code, part = wanted
            found = answer.json["error_code"], answer.status
            assert found == (code, code // 100), (where, answer.text)
            assert part in answer.json["message"], (where, answer.text)
