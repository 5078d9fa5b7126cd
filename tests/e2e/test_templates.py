"""Templates: an almost ready configuration in each format runs as it is, or once filled in."""

import json

from hub import Hub


def filled(db, text):
    """What a person fills in."""
    for was, to in (("database.hostname=localhost", f"database.hostname={db.server.host}"),
                    ("database.port=5432", f"database.port={db.server.port}"),
                    ("database.dbname=postgres", f"database.dbname={db.name}")):
        assert was in text, text
        text = text.replace(was, to)
    return text


def connect(leat, db, name="db1"):
    leat.call("connection", "create", name, "type=postgres", "strategy=wal",
              f"host={db.server.host}", f"port={db.server.port}", f"database={db.name}",
              "--untested")


def test_each_format_runs(leat, db):
    """Filled from a connection they are the same in three formats, and `leat run` takes each."""
    db.sql("CREATE TABLE orders AS SELECT 1 AS id")
    db.sql("ALTER TABLE orders ADD PRIMARY KEY (id)")
    connect(leat, db)
    for form in ("properties", "json", "sql"):
        name = f"{db.name}_{form}"
        connect(leat, db, name)
        text = leat.call("plugins", "postgres", "--template", form, "--connection", name).stdout
        assert "database." not in text and "postgres" in text
        file = leat.write(f"{form}.{form}", text)
        leat.call("check", file)
        leat.call("run", "--once", file)
        assert len(leat.read(f"{name}.public.orders")) == 1
        leat.call("delete", name, "--forget", "--yes")
    alone = leat.call("plugins", "postgres", "--template").stdout
    assert "# To be filled in: " in alone and "${env:PASSWORD}" in alone
    done = leat.call("check", leat.write("alone.properties", filled(db, alone)),
                     env={"PASSWORD": "x"})
    assert "ok      log in" in done.stdout


def test_by_query_and_by_channel(leat, db):
    """Of query capture and notifications: in three formats what is filled in runs."""
    db.sql("CREATE TABLE orders AS SELECT 1 AS id, now() AS updated_at")
    db.sql("ALTER TABLE orders ALTER id SET NOT NULL, ALTER updated_at SET NOT NULL")
    for form in ("properties", "json", "sql"):
        name = f"{db.name}_{form}"
        connect(leat, db, name)
        text = leat.call("plugins", "jdbc", "--template", form, "--connection", name).stdout
        assert "connection.url" not in text and "updated_at" in text
        leat.call("run", "--once", leat.write(f"{form}.{form}", text))
        assert len(leat.read(f"{name}_orders")) == 1
        text = leat.call("plugins", "notify", "--template", form, "--connection", name).stdout
        steps = leat.call("check", leat.write(f"n.{form}", text)).stdout
        assert "ok      listen" in steps and "ok      fetch.query" in steps
        leat.call("delete", name, "--yes")
    alone = leat.call("plugins", "notify", "--template").stdout
    address = "connection.url=jdbc:postgresql://localhost:5432/postgres?"
    assert address in alone and "connection.password=${env:PASSWORD}" in alone
    to = f"connection.url=jdbc:postgresql://{db.server.host}:{db.server.port}/{db.name}?"
    done = leat.call("check", leat.write("alone.properties", alone.replace(address, to)),
                     env={"PASSWORD": "x"})
    assert "ok      listen" in done.stdout
    sink = leat.call("plugins", "sql", "--template", "sql", "--connection", name).stdout
    assert sink.startswith("CREATE SINK CONNECTOR") and "'topics'" in sink


def test_refusals(leat, db):
    connect(leat, db)
    for args, word in ((["postgres", "--template", "yaml"], "properties, json or sql"),
                       (["kudu", "--template"], "no connector"),
                       (["datagen", "--template", "--connection", "db1"], "nothing for"),
                       (["postgres", "--template", "--connection", "x"], "connection.unknown"),
                       (["postgres", "--connection", "db1"], "goes with --template")):
        assert word in leat.call("plugins", *args, ok=(1, 2)).stderr, args
    datagen = leat.call("plugins", "datagen", "--template", "json").stdout
    assert json.loads(datagen)["config"]["connector.class"] == "datagen"
    hub = Hub(leat)
    path = "/hub/v1/plugins/postgres/template"
    answer = hub.ask("GET", f"{path}?format=json&connection=db1")
    assert answer.status == 200 and answer.json["config"]["connection"] == "db1"
    assert hub.ask("GET", f"{path}?format=yaml").status == 400
    assert hub.ask("GET", f"{path}?connection=nobody").status == 404
    assert hub.ask("GET", "/hub/v1/plugins/kudu/template").status == 404
