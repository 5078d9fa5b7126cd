"""A private Kafka Connect: one distributed worker with Debezium's connectors of PostgreSQL and
MySQL, its JDBC sink, and Kafka's of files.

`tools/setup.sh peers` fetches the connectors; Kafka's jars have the worker. That of MariaDB is
published with Debezium Server alone: where `tools/setup.sh debezium` has fetched that, it is there
too. `file` is the worker's properties file, which leat takes too; `kinds` are the servers with
binary logs that it knows. group: its workers' and its topics' names; settings override
what stands here, with "_" for ".".
"""

import glob
import json
import os
import signal
import urllib.error
import urllib.request

from .kafka import Missing
from .postgres import CACHE
from .process import Process, free_port, until

VERSION = "3.6.0.Final"  # as tools/setup.sh has it
JSON = "org.apache.kafka.connect.json.JsonConverter"


def mariadb_plugin(folder):
    """A folder with its connector, made of MySQL's; None: it is not on this machine."""
    lib = os.path.join(CACHE, f"debezium-server-{VERSION}", "lib")
    own = glob.glob(os.path.join(lib, "debezium-connector-mariadb-*.jar"))
    own += glob.glob(os.path.join(lib, "mariadb-java-client-*.jar"))
    if len(own) != 2:
        return None
    to = os.path.join(folder, "plugins", "mariadb")
    os.makedirs(to, exist_ok=True)
    shared = glob.glob(os.path.join(CACHE, f"debezium-connector-mysql-{VERSION}", "*", "*.jar"))
    left_out = ("debezium-connector-mysql-", "mysql-connector-j-")
    for jar in own + [j for j in shared if not os.path.basename(j).startswith(left_out)]:
        os.symlink(jar, os.path.join(to, os.path.basename(jar)))
    return os.path.dirname(to)


class Connect:
    def __init__(self, folder, kafka, group="connect", heap="512m", **settings):
        plugins = [os.path.join(CACHE, f"debezium-connector-{name}-{VERSION}")
                   for name in ("postgres", "mysql", "jdbc")]
        if not all(os.path.isdir(folder) for folder in plugins):
            raise Missing(f"Debezium {VERSION} is not here: tools/setup.sh peers fetches it")
        self.kafka, self.folder, self.heap = kafka, str(folder), heap
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = os.path.join(self.folder, "connect.log")
        self.file = os.path.join(self.folder, "worker.properties")
        os.makedirs(self.folder, exist_ok=True)
        mariadb = mariadb_plugin(self.folder)
        self.kinds = ["mysql", "mariadb"] if mariadb else ["mysql"]
        plugins += [os.path.join(CACHE, "connect-file-4.1.0")] + ([mariadb] if mariadb else [])
        props = {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": f"leat-tests-{group}",
            "key.converter": JSON,
            "value.converter": JSON,
            "value.converter.schemas.enable": "false",
            "offset.storage.topic": f"{group}-offsets",
            "offset.storage.replication.factor": "1",
            "offset.storage.partitions": "1",
            "config.storage.topic": f"{group}-configs",
            "config.storage.replication.factor": "1",
            "status.storage.topic": f"{group}-status",
            "status.storage.replication.factor": "1",
            "status.storage.partitions": "1",
            "offset.flush.interval.ms": "1000",
            "listeners": self.url,
            "rest.advertised.host.name": "127.0.0.1",
            "plugin.path": ",".join(plugins),
            **{name.replace("_", "."): value for name, value in settings.items()},
        }
        with open(self.file, "w", encoding="utf-8") as f:
            f.write("".join(f"{name}={value}\n" for name, value in props.items()))
        self.process = None

    def start(self):
        cmd = self.kafka.java("org.apache.kafka.connect.cli.ConnectDistributed", self.file,
                              heap=self.heap, level="warn")
        self.process = Process(cmd, stderr=self.log, cwd=self.folder)
        until(self._answers, 300, f"Kafka Connect, see {self.log}", every=0.5)
        return self

    def _answers(self):
        if self.process.status is not None:
            raise RuntimeError(f"Kafka Connect ended with {self.process.status}: {self.log}")
        try:
            return self.call("GET", "/connectors") is not None
        except (urllib.error.URLError, ConnectionError, ValueError):
            return False

    def stop(self):
        if self.process is not None:
            self.process.signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=90) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def create(self, name, config):
        """Posts it, and waits until its tasks run."""
        self.call("POST", "/connectors", {"name": name, "config": config})
        until(lambda: self.state(name) == ("RUNNING", ["RUNNING"]), 120, name, every=0.2)

    def state(self, name):
        try:
            status = self.call("GET", f"/connectors/{name}/status")
        except urllib.error.HTTPError:
            return None, []
        return status["connector"]["state"], [task["state"] for task in status["tasks"]]
