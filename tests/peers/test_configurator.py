"""`leat sql --connect` drives a real Kafka Connect: statements there do what they do in a hub, and
what is leat's alone is refused by name."""

import json
import subprocess

import pytest
from servers.process import until


class Console:
    def __init__(self, leat, connect):
        self.leat, self.url = leat, connect.url

    def __call__(self, text, ok=0):
        """Entities; or, of one that fails, what is said."""
        done = subprocess.run(
            [self.leat.binary, "sql", "--connect", self.url, "--json"],
            input=text,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == ok, (text, done.stdout, done.stderr)
        entities = [json.loads(line) for line in done.stdout.splitlines()]
        return entities if ok == 0 else entities[-1]["message"]


@pytest.mark.timeout(900)
def test_the_life_of_a_connector(db, leat, connect, gone):
    sql = Console(leat, connect)
    gone.append("Shop")
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')")
    config = db.properties(topic_prefix="conf") | {"publication.autocreate.mode": "all_tables"}
    config.pop("name", None)
    quoted = {k: str(v).replace("'", "''") for k, v in config.items()}
    options = ", ".join(f"'{k}' = '{v}'" for k, v in quoted.items())

    def state():
        (entity,) = sql('DESCRIBE CONNECTOR "Shop";')
        tasks = [t["state"] for t in entity["status"]["tasks"]]
        return entity["status"]["connector"]["state"], *tasks

    (plugins,) = sql("SHOW CONNECTOR PLUGINS;")
    assert config["connector.class"] in [p["class"] for p in plugins["connectorsPlugins"]]
    (made,) = sql(f'CREATE SOURCE CONNECTOR "Shop" WITH ({options});')
    assert made["@type"] == "connector_info" and made["info"]["name"] == "Shop"
    message = sql(f'CREATE SOURCE CONNECTOR "Shop" WITH ({options});', ok=1)
    assert "Shop" in message and "already exists" in message
    (again,) = sql(f'CREATE SOURCE CONNECTOR IF NOT EXISTS "Shop" WITH ({options});')
    assert again["@type"] == "warning_entity"
    until(lambda: state() == ("RUNNING", "RUNNING"), 120, "the connector to run")
    (listed,) = sql("SHOW SOURCE CONNECTORS;")
    assert [c["name"] for c in listed["connectors"] if c["name"] == "Shop"]

    sql('PAUSE CONNECTOR "Shop";')
    until(lambda: set(state()) == {"PAUSED"}, 120, "the pause")
    sql('RESUME CONNECTOR "Shop"; RESTART CONNECTOR "Shop";')
    until(lambda: state() == ("RUNNING", "RUNNING"), 120, "it to go on")
    (offsets,) = until(
        lambda: [o for o in sql('SHOW OFFSETS FOR CONNECTOR "Shop";') if o["offsets"]],
        120,
        "offsets",
    )
    assert offsets["offsets"][0]["partition"] == {"server": "conf"}

    sql("ALTER CONNECTOR \"Shop\" SET ('poll.interval.ms' = '250', 'tombstones.on.delete' = NULL);")
    kept = connect.call("GET", "/connectors/Shop/config")
    assert kept["poll.interval.ms"] == "250" and "tombstones.on.delete" not in kept
    assert kept["connector.class"] == config["connector.class"]

    sql('STOP CONNECTOR "Shop";')
    until(lambda: state() == ("STOPPED",), 120, "the stop")
    text = json.dumps(offsets["offsets"]).replace("'", "''")
    sql(f"ALTER OFFSETS FOR CONNECTOR \"Shop\" SET '{text}';")
    sql('RESET OFFSETS FOR CONNECTOR "Shop";')
    (after,) = sql('SHOW OFFSETS FOR CONNECTOR "Shop";')
    assert after["offsets"] == []
    sql('DROP CONNECTOR "Shop" DELETE OFFSETS;')
    gone.remove("Shop")
    assert "Shop" not in connect.call("GET", "/connectors")
    (warned,) = sql('DROP CONNECTOR IF EXISTS "Shop";')
    assert warned["@type"] == "warning_entity"


@pytest.mark.timeout(600)
def test_what_it_refuses(db, leat, connect):
    """Errors of Kafka Connect come through; what only a hub can do is said to be so."""
    sql = Console(leat, connect)
    assert "nobody" in sql('DROP CONNECTOR "nobody";', ok=1)
    assert "nobody" in sql('PAUSE CONNECTOR "nobody";', ok=1)
    text = "CREATE SOURCE CONNECTOR x WITH ('connector.class' = 'com.Nope');"
    assert "com.Nope" in sql(text, ok=1)
    text = (
        "CREATE SOURCE CONNECTOR x WITH "
        "('connector.class' = 'io.debezium.connector.postgresql.PostgresConnector');"
    )
    assert "topic.prefix" in sql(text, ok=1)
    for statement in (
        "DROP CONNECTOR x FORGET;",
        "SNAPSHOT CONNECTOR x TABLES a.b;",
        "TEST CONNECTOR x;",
        "SHOW CONNECTIONS;",
        "SHOW TOPICS;",
        "SELECT 1;",
    ):
        message = sql(statement, ok=1)
        assert message, statement
    assert "leat's own hub" in sql("SELECT 1;", ok=1)
