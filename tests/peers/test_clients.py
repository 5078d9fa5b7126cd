"""Clients of Kafka Connect and of OpenAPI, as the registry has them, against the hub."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from hub import Hub

PACKAGES = ["kafka-connect-py==1.0.0", "kafkaconnect==1.3.1", "schemathesis==4.32.5"]
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")


@pytest.fixture(scope="session")
def clients():
    """A Python of its own with these packages, kept in the user's cache."""
    folder = os.path.join(CACHE, "leat", "clients")
    python = os.path.join(folder, "bin/python")
    stamp = os.path.join(folder, "packages")
    if not os.path.exists(stamp) or open(stamp, encoding="ascii").read() != str(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        with open(stamp, "w", encoding="ascii") as f:
            f.write(str(PACKAGES))
    return python


KAFKA_CONNECT_PY = """
import json, sys, time
from kafka_connect import KafkaConnect
c = KafkaConnect(url=sys.argv[1])
config = {"connector.class": "datagen", "topic.prefix": "k", "datagen.rate": "100"}
def wait(state):
    for _ in range(600):
        if c.get_connector_status("k")["connector"]["state"] == state: return
        time.sleep(0.1)
    raise SystemExit("it is not " + state)
assert c.get_cluster_info()["version"].startswith("4.")
assert any(p["type"] == "source" for p in c.list_connector_plugins())
c.create_connector({"name": "k", "config": config})
wait("RUNNING")
assert "k" in c.list_connectors()
assert c.get_connector_config("k")["datagen.rate"] == "100"
assert c.list_connector_tasks("k")[0]["id"]["task"] == 0
c.pause_connector("k"); wait("PAUSED")
c.resume_connector("k"); wait("RUNNING")
c.restart_connector("k"); wait("RUNNING")
c.stop_connector("k"); wait("STOPPED")
c.delete_connector("k")
assert "k" not in c.list_connectors()
print("done")
"""

KAFKACONNECT = """
import json, sys, time
from kafkaconnect.connect import Connect
c = Connect(sys.argv[1])
config = {"connector.class": "datagen", "topic.prefix": "q", "datagen.rate": "100", "name": "q"}
c.create_or_update("q", json.dumps(config))
for _ in range(600):
    if json.loads(c.status("q"))["connector"]["state"] == "RUNNING": break
    time.sleep(0.1)
else:
    raise SystemExit("it does not run")
assert "q" in json.loads(c.list())
c.pause("q"); c.resume("q"); c.restart("q")
c.remove("q")
assert "q" not in json.loads(c.list())
print("done")
"""


@pytest.mark.parametrize(
    "script", [KAFKA_CONNECT_PY, KAFKACONNECT], ids=["kafka-connect-py", "kafkaconnect"]
)
def test_a_python_client(leat, clients, script):
    hub = Hub(leat)
    url = f"http://127.0.0.1:{hub.port}"
    done = subprocess.run([clients, "-c", script, url], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "done" in done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="session")
def go_client(tmp_path_factory):
    """A program over github.com/go-kafka/connect, built here; the module is kept in the user's
    cache."""
    if not shutil.which("go"):
        pytest.skip("go is not installed")
    program = str(tmp_path_factory.mktemp("go") / "client")
    env = os.environ | {"GOMODCACHE": os.path.join(CACHE, "leat", "go"), "GOFLAGS": "-mod=readonly"}
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go_client")
    got = subprocess.run(["go", "mod", "download"], cwd=source, env=env, capture_output=True,
                         text=True)
    if got.returncode != 0:
        pytest.skip(f"the module is not to be had: {got.stderr.strip()[-200:]}")
    done = subprocess.run(["go", "build", "-o", program, "."], cwd=source, env=env,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


def test_a_go_client(leat, go_client):
    hub = Hub(leat)
    url = f"http://127.0.0.1:{hub.port}"
    done = subprocess.run([go_client, url], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout == "done\n", done.stdout + done.stderr


def test_nothing_generated_from_the_document_breaks_it(leat, clients, tmp_path):
    """With what there is in the place of most parameters, and with whatever comes to mind."""
    hub = Hub(leat)
    hub.make("gen", topic_prefix="g", datagen_events="100", datagen_stay="true")
    hub.wait_events("gen", 1)
    saved = {"name": "c1", "type": "postgres", "parameters": {"port": 1}}
    assert hub.ask("POST", "/hub/v1/connections?test=false", saved).status == 201
    document = hub.get("/hub/v1/openapi.json")
    known = json.loads(json.dumps(document))
    known["paths"] = {}
    names = {"connector": "gen", "topic": "g.datagen.t1", "plugin": "datagen", "task": "0",
             "connection": "c1", "system": "postgres"}
    for path, operations in document["paths"].items():
        for name, value in names.items():
            path = path.replace("{" + name + "}", value)
        gone = [("delete", "/connectors/gen"), ("delete", "/hub/v1/connections/c1")]
        operations = {m: o for m, o in operations.items() if (m, path) not in gone}
        for operation in operations.values():
            operation["parameters"] = [
                p for p in operation["parameters"]
                if p["in"] != "path" or "{" + p["name"] + "}" in path
            ]
        known["paths"][path] = operations
    checks = "not_a_server_error,content_type_conformance,response_schema_conformance"
    for name, one in (("whole", hub.get("/hub/v1/openapi.json")), ("known", known)):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(one))
        cmd = [clients.replace("python", "schemathesis"), "run", str(file), "--url",
               f"http://127.0.0.1:{hub.port}", "--checks", checks, "--phases", "coverage,fuzzing",
               "--max-examples", "10", "--request-timeout", "120", "--no-color"]
        done = subprocess.run(cmd, capture_output=True, text=True, timeout=1800, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-6000:]
    assert hub.ask("GET", "/health").status == 200
