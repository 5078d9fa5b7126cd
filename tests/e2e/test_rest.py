"""What a real Kafka Connect 4.1 answered (tests/golden/rest), asked of `leat serve` in the same
order: the same status, the same members in the same order, the same values; but for the deviations
listed beside it, each with its reason, which docs/rest.md repeats.

The recorded file connector is played by datagen: `file` is its seed, `topic` its topic.prefix."""

import json
import os

import pytest
from hub import Hub

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOLDEN = os.path.join(TESTS, "golden/rest")

PLAYED = [
    ("org.apache.kafka.connect.file.FileStreamSourceConnector", "datagen"),
    ("/connector-plugins/FileStreamSourceConnector", "/connector-plugins/datagen"),
    ("/connector-plugins/FileStreamSource", "/connector-plugins/datagen"),
    ('{"filename": "FILE"}', '{"datagen": "fs-topic"}'),
    ('{"position": 2', '{"n": 20'),  # at the end of a transaction of ten
    ('"FILE"', '"7"'),
    ('"file"', '"datagen.seed"'),
    ('"topic"', '"topic.prefix"'),
    ('configuration \\"topic\\"', 'configuration \\"topic.prefix\\"'),
    ('"WORKER", "version": "4.1.0"', '"WORKER", "version": "1"'),
]


def read(name):
    with open(os.path.join(GOLDEN, name), encoding="utf-8") as f:
        return f.read()


def deviations():
    return json.loads(read("deviations.json"))


def played(value, names):
    """A recorded value as it is when leat's connectors play the parts."""
    text = json.dumps(value)
    for old, new in [*PLAYED, *names]:
        text = text.replace(old, new)
    return json.loads(text)


def body_of(exchange, names):
    """The request's body; what is no JSON stays as it was sent."""
    body = exchange.get("body")
    try:
        return json.dumps(played(json.loads(body), names)) if body is not None else None
    except ValueError:
        return body


def shape(answer, recorded):
    """Answers whose values are the product's: reduced as the recording is."""
    if isinstance(recorded, dict) and "members" in recorded:
        first = answer["configs"][0]
        errors = {c["value"]["name"]: c["value"]["errors"] for c in answer["configs"]}
        return {
            "name": answer["name"],
            "error_count": answer["error_count"],
            "groups": recorded["groups"] if answer["groups"] else 0,
            "definition": list(first["definition"]),
            "value": list(first["value"]),
            "errors": {name: found for name, found in errors.items() if found},
            "members": list(answer),
        }
    if isinstance(recorded, dict) and "definition" in recorded:
        return {"definition": list(answer[0]), "names": [o["name"] for o in answer]}
    if isinstance(recorded, dict) and "plugin" in recorded:
        return {"plugin": list(answer[0]), "types": sorted({p["type"] for p in answer})}
    return answer


def same(got, want, free, path=""):
    """What differs, as lines. Maps of options have no order, objects of the API have."""
    name = path.rsplit("/", 1)[-1]
    if name in free or name == "last_modified":
        return []
    if isinstance(want, dict) and isinstance(got, dict):
        ordered = name not in ("config", "errors") and path != "/" and "connector.class" not in want
        keys = (list(got), list(want)) if ordered else (sorted(got), sorted(want))
        if keys[0] != keys[1]:
            return [f"{path}: members {keys[0]}, not {keys[1]}"]
        return [line for key in want for line in same(got[key], want[key], free, f"{path}/{key}")]
    if isinstance(want, list) and isinstance(got, list) and len(got) == len(want):
        pairs = enumerate(zip(got, want, strict=True))
        return [line for i, (g, w) in pairs for line in same(g, w, free, f"{path}/{i}")]
    return [] if got == want else [f"{path}: {got!r}, not {want!r}"]


def differences(exchange, answer, deviation, names):
    want = deviation.get("status", exchange["status"])
    if answer.status != want:
        return [f"status {answer.status}, not {want}: {answer.text[:300]}"]
    if "location" in exchange:
        where = played(exchange["location"], names)
        if want == 201 and answer.headers.get("location") != where:
            return [f"Location {answer.headers.get('location')}, not {where}"]
    if "allow" in exchange:
        got, allowed = answer.headers.get("allow", ""), exchange["allow"]
        if sorted(got.split(",")) != sorted(allowed.split(",")):
            return [f"Allow {got}, not {allowed}"]
    if "message" in deviation:
        found = answer.json
        if list(found) != ["error_code", "message"] or found["error_code"] != want:
            return [f"no error of {want}: {answer.text}"]
        if deviation["message"] not in found["message"]:
            return [f"the message lacks {deviation['message']!r}: {found['message']}"]
        return []
    free = deviation.get("values", [])
    if "*" in free:
        return []
    if "answer" not in exchange:
        return [f"an answer: {answer.text[:200]}"] if answer.text else []
    recorded = played(exchange["answer"], names)
    return same(shape(answer.json, recorded), recorded, free)


def settles(exchange):
    """What comes to be so a little later, here and there."""
    return exchange["method"] == "GET" and exchange["path"].startswith("/connectors")


def test_the_recorded_exchanges(leat, db):
    db.sql("CREATE TABLE nothing (id int PRIMARY KEY)")
    postgres = db.properties()
    hub = Hub(leat)
    listed = deviations()
    names = [
        ("WORKER", hub.worker),
        ('"127.0.0.1", "database.port": "PGPORT"', f'"{postgres["database.hostname"]}", '
         f'"database.port": "{postgres["database.port"]}"'),
        ('"database.dbname": "bench"', f'"database.dbname": "{postgres["database.dbname"]}"'),
        ("restslot", f"rest_{postgres['database.dbname']}"),
        ('"3.6.0.Final"', json.dumps(postgres_version(hub))),
    ]
    wrong = []
    for line in read("exchanges.jsonl").splitlines():
        exchange = json.loads(line)
        deviation = listed.pop(exchange["name"], {})
        path = played(exchange["path"], names)
        headers = {"Content-Type": exchange["type"]} if "type" in exchange else {}
        answer = hub.ask(exchange["method"], path, body_of(exchange, names), headers)
        if settles(exchange) and differences(exchange, answer, deviation, names):
            answer = hub.wait_answer(
                "GET", path, lambda a: not differences(exchange, a, deviation, names)
            )
        wrong += [
            f"{exchange['name']}: {line}"
            for line in differences(exchange, answer, deviation, names)
        ]
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
