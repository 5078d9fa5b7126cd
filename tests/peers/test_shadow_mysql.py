"""`leat shadow` beside a real Debezium of MySQL and MariaDB, over a workload from a seed: all
records are the same. SHADOW_EVENTS (default 100,000) and SHADOW_SEED as in test_shadow.py."""

import json
import os
import random

import pytest
from servers.process import until
from shadow import Shadow, describe
from test_shadow import converters
from test_takeover_mysql import CLASSES
from workload_mysql import Workload

EVENTS = int(os.environ.get("SHADOW_EVENTS", "100000"))
SEED = int(os.environ.get("SHADOW_SEED", "0")) or random.randrange(1 << 30)


@pytest.fixture(params=CLASSES)
def shop(request, connect, mysql_servers):
    if request.param not in connect.kinds:
        pytest.skip("no Debezium for MariaDB: tools/setup.sh debezium fetches it")
    server = mysql_servers(request.param)
    server.fresh("shop")
    return server


def debezium(server, connect, kafka, name, **more):
    """A connector there, streaming."""
    connect.create(name, server.properties() | {
        "name": name,
        "topic.prefix": name,
        "connector.class": CLASSES[server.kind],
        "database.include.list": "shop",
        "snapshot.mode": "no_data",
        "schema.history.internal.kafka.bootstrap.servers": kafka.bootstrap,
        "schema.history.internal.kafka.topic": f"{name}-history",
        **more,
    })
    until(lambda: any("Binlog Dump" in word for row in server.sql("SHOW PROCESSLIST")
                      for word in row), 120, "Debezium's reader", every=0.2)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("schemas", ["false", "true"])
def test_the_same_records(shop, leat, kafka, connect, gone, schemas):
    events = EVENTS if schemas == "false" else EVENTS // 10
    name = f"load{shop.kind}{schemas}"
    print(f"SHADOW_SEED={SEED}")
    load = Workload(shop, "shop", SEED)
    gone.append(name)
    debezium(shop, connect, kafka, name, **converters(schemas),
             **{"provide.transaction.metadata": schemas, "include.query": schemas})
    shadow = Shadow(leat, "--connect", connect.url, "--wait", "120", name, connect.file).ready()
    while load.changes < events:
        load.round(min(max(1000, events // 8), events - load.changes))
        load.alter()
        shadow.rest()
    status, result = shadow.end(seconds=900)
    found = {d["path"] + d["kind"]: d for d in shadow.events("difference")}
    assert not found, f"SHADOW_SEED={SEED}\n" + "\n".join(map(json.dumps, found.values()))
    assert result and result["finished"], describe(shadow)
    assert status == 0, describe(shadow)
    assert result["equal"] + result["explained"] == result["compared"]
    assert result["compared"] >= events * 0.9
