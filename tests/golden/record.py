#!/usr/bin/env python3
"""Records what a real Debezium in a real Kafka Connect makes of a case.

    record.py CASE...                  (with the Python that make test made)

postgres/CASE.sql is there: set-up, "-- stream", what is streamed. postgres/CASE.json may be
there: options of the connector in "connector_config", the server's version in "server". Both
record files and the .json are written. Needs `tools/setup.sh peers`, and `servers` or
`extensions` for some cases.
"""

import json
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from servers.connect import JSON, VERSION, Connect  # noqa: E402
from servers.kafka import VERSION as KAFKA_VERSION  # noqa: E402
from servers.kafka import Kafka  # noqa: E402
from servers.postgres import Postgres  # noqa: E402
from servers.process import until  # noqa: E402
from test_golden import run_sql, statements  # noqa: E402

OUT = os.path.join(HERE, "postgres")
END = "CREATE TABLE zz_end (id int PRIMARY KEY)"


def options(case):
    path = os.path.join(OUT, f"{case}.json")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def ends(kafka, prefix):
    """How many of the rows came that end a part."""
    topic = f"{prefix}.public.zz_end"
    return len(kafka.read(topic)) if topic in kafka.topics() else 0


def run(case, mode, config, server, kafka, connect):
    """The records of one run, without those of the row that ends it."""
    setup, stream = statements(case)
    server.sql('DROP DATABASE IF EXISTS golden WITH (FORCE)')
    server.sql("CREATE DATABASE golden")
    db = type("Golden", (), {"connect": lambda self: server.connect("golden")})()
    run_sql(db, setup)
    for part in ("key", "value"):
        config[f"{part}.converter"] = JSON
        config[f"{part}.converter.schemas.enable"] = str(mode == "schema").lower()
    name = f"{case}-{mode}"
    connect.create(name, config)
    slot = "SELECT active FROM pg_replication_slots WHERE slot_name = 'golden'"
    until(lambda: server.sql(slot) == [(True,)], 120, "the stream", every=0.1)
    prefix = config["topic.prefix"]
    server.sql(END, db="golden")
    for i, part in enumerate(re.split(r"^-- wait .*$", stream, flags=re.M)):
        run_sql(db, part)
        server.sql(f"INSERT INTO zz_end VALUES ({i})", db="golden")
        until(lambda n=i + 1: ends(kafka, prefix) >= n, 120, "the last row", every=0.2)
    connect.call("DELETE", f"/connectors/{name}")
    until(lambda: server.sql(slot) == [(False,)], 60, "the end", every=0.1)
    server.drop_slots()
    topics = [t for t in kafka.topics() if t.startswith(f"{prefix}.")]
    records = [r for t in sorted(topics) if "zz_end" not in t for r in kafka.read(t)]
    for topic in topics:
        kafka.delete(topic)
    return records


def text(part):
    return None if part is None else part.decode("utf-8", "backslashreplace")


def record(case, kafka, connect, scratch):
    asked = options(case)
    version = asked.get("server")
    server = Postgres(os.path.join(scratch, f"pg-{case}"), version).start()
    config = {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": server.host,
        "database.port": str(server.port),
        "database.user": server.user,
        "database.password": "",
        "database.dbname": "golden",
        "topic.prefix": case,
        "plugin.name": "pgoutput",
        "slot.name": "golden",
        "slot.drop.on.stop": "false",
        "poll.interval.ms": "50",
        "snapshot.mode": "initial",
        **{k: v for k, v in asked.get("connector_config", {}).items() if "database." not in k},
    }
    for mode in ("schema", "noschema"):
        records = run(case, mode, config, server, kafka, connect)
        with open(os.path.join(OUT, f"{case}.{mode}.jsonl"), "w", encoding="utf-8") as f:
            for r in records:
                headers = [[name, text(value)] for name, value in r.headers]
                line = {"topic": r.topic, "partition": r.partition, "offset": r.offset,
                        "key": text(r.key), "value": text(r.value), "headers": headers}
                f.write(json.dumps(line, ensure_ascii=False) + "\n")
        print(f"{case} {mode}: {len(records)} records")
    about = {
        "case": case,
        **({"server": version} if version else {}),
        "connector_config": {k: v for k, v in config.items() if "password" not in k},
        "versions": {"server": server.sql("SHOW server_version")[0][0], "debezium": VERSION,
                     "kafka_connect": KAFKA_VERSION},
        "records": len(records),
    }
    with open(os.path.join(OUT, f"{case}.json"), "w", encoding="utf-8") as f:
        json.dump(about, f, indent=1, ensure_ascii=False)
        f.write("\n")
    server.stop("immediate")


def main():
    with tempfile.TemporaryDirectory(prefix="leat-", dir="/var/tmp") as scratch:
        os.chmod(scratch, 0o755)
        kafka = Kafka(os.path.join(scratch, "kafka"))
        kafka.start()
        connect = Connect(os.path.join(scratch, "connect"), kafka)
        connect.start()
        try:
            for case in sys.argv[1:]:
                record(case, kafka, connect, scratch)
        finally:
            connect.stop()
            kafka.kill()


if __name__ == "__main__":
    main()
