"""The recorded exchanges with a real Kafka Connect 4.1, asked of `leat serve`: the same status, the
same members in the same order, the same values; but for the deviations listed beside them, each
with its reason, which docs/rest.md repeats."""

import json
import os

import pytest
from hub import Hub
from rest_script import BY_DATAGEN, TESTS, deviations, play


def test_the_recorded_exchanges(leat, db):
    db.sql("CREATE TABLE nothing (id int PRIMARY KEY)")
    postgres = db.properties()
    hub = Hub(leat)
    listed = deviations()
    names = [
        *BY_DATAGEN,
        ("WORKER", hub.worker),
        ('"127.0.0.1", "database.port": "PGPORT"', f'"{postgres["database.hostname"]}", '
         f'"database.port": "{postgres["database.port"]}"'),
        ('"database.dbname": "bench"', f'"database.dbname": "{postgres["database.dbname"]}"'),
        ("restslot", f"rest_{postgres['database.dbname']}"),
        ('"3.6.0.Final"', json.dumps(postgres_version(hub))),
    ]
    wrong = play(hub, names, listed)
    assert not wrong, "\n".join(wrong)
    assert not listed, f"deviations of exchanges that are not there: {list(listed)}"
    hub.ask("DELETE", "/connectors/pgc")
    assert leat.stop() == 0


def postgres_version(hub):
    plugins = hub.get("/connector-plugins")
    return next(p["version"] for p in plugins if p["class"].endswith("PostgresConnector"))


@pytest.mark.parametrize("name", deviations())
def test_each_deviation_is_documented(name):
    with open(os.path.join(os.path.dirname(TESTS), "docs/rest.md"), encoding="utf-8") as f:
        text = " ".join(f.read().split())
    assert deviations()[name]["why"] in text, f"docs/rest.md does not say why {name} differs"
