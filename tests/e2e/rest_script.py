"""What a real Kafka Connect 4.1 answered (tests/golden/rest), asked again in the same order: of
leat (test_rest.py), and of a Kafka Connect that runs (tests/peers/test_rest_live.py)."""

import json
import os

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOLDEN = os.path.join(TESTS, "golden/rest")

# The recorded file connector is played by datagen: `file` is its seed, `topic` its topic.prefix.
BY_DATAGEN = [
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
    """A recorded value as it is with these names: pairs of what was recorded and what is here."""
    text = json.dumps(value)
    for old, new in names:
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


def play(rest, names, listed):
    """What differs, as lines. rest: a hub.Rest. listed: the deviations that may be; those that were
    of an exchange are taken out."""
    wrong = []
    for line in read("exchanges.jsonl").splitlines():
        exchange = json.loads(line)
        deviation = listed.pop(exchange["name"], {})
        path = played(exchange["path"], names)
        headers = {"Content-Type": exchange["type"]} if "type" in exchange else {}
        answer = rest.ask(exchange["method"], path, body_of(exchange, names), headers)
        if settles(exchange) and differences(exchange, answer, deviation, names):
            answer = rest.wait_answer(
                "GET", path, lambda a: not differences(exchange, a, deviation, names)
            )
        wrong += [
            f"{exchange['name']}: {line}"
            for line in differences(exchange, answer, deviation, names)
        ]
    return wrong
