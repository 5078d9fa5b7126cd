"""Datagen, whose n-th change creates the key n, into the null sink, which counts: configurations,
what stands in the topic, and how far the sink is."""

import json
import os
import socket

TOPIC = "gen.datagen.t1"


def source(leat, name="gen", **more):
    """A datagen whose n-th change creates the key n."""
    config = {"connector.class": "datagen", "topic.prefix": name, "datagen.rate": 0}
    config |= {key.replace("_", "."): value for key, value in more.items()}
    return leat.write(f"{name}.properties", config)


def sink(leat, name="out", topics=TOPIC, **more):
    config = {"connector.class": "null", "topics": topics}
    config |= {key.replace("_", "."): value for key, value in more.items()}
    return leat.write(f"{name}.properties", config)


def keys(leat, topic=TOPIC, *args):
    return [e["after"]["id"] for e in leat.read(topic, "--format", "native", *args)]


def cursor(leat, sink="out", source="gen"):
    """What the sink has stored about the source's stream: counts summed over its inputs."""
    path = os.path.join(leat.data, "connectors", source, "stream", "readers", sink)
    if not os.path.exists(path):
        return {"read": 0, "delivered": 0, "dead": 0}
    with open(path, encoding="utf-8") as f:
        inputs = json.load(f)["inputs"]
    return {k: sum(i[k] for i in inputs) for k in ("read", "delivered", "dead")}


def ask(leat, name, verb, **more):
    """A request to the control socket. Its path may be too long for a socket's address."""
    folder = os.open(os.path.join(leat.data, "connectors", name), os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(f"/proc/self/fd/{folder}/control.sock")
            s.sendall(json.dumps({"verb": verb, **more}).encode() + b"\n")
            return json.loads(s.makefile().readline())
    finally:
        os.close(folder)


def state(leat, name="gen"):
    done = leat.call("status", name, "--json", ok=None)
    return json.loads(done.stdout) if done.returncode == 0 else {"state": None, "error": None}
