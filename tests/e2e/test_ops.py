"""What runs it in production: the Debian package, systemd's units, the Grafana dashboard, logs."""

import json
import os
import re
import shutil
import subprocess

import pytest
from hub import Hub
from leat import ROOT, Leat
from servers.process import until


@pytest.fixture(scope="module")
def deb(tmp_path_factory):
    if not shutil.which("dpkg-shlibdeps"):
        pytest.skip("dpkg-dev is not installed")
    folder = tmp_path_factory.mktemp("deb")
    done = subprocess.run(
        [os.path.join(ROOT, "packaging/deb.sh"), str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def dpkg(root, *args):
    """In a root of its own, whose package list is empty: what the package needs is not there."""
    done = subprocess.run(
        ["dpkg", f"--root={root}", "--force-script-chrootless", "--force-depends",
         "--force-not-root", f"--log={root}/log", *args],
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of(root):
    return {
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
        if "var/lib/dpkg" not in folder and name != "log"
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="dpkg installs as root only")
def test_the_package_is_installed_and_removed(deb, tmp_path):
    root = str(tmp_path / "root")
    for folder in ("info", "updates", "triggers"):
        os.makedirs(f"{root}/var/lib/dpkg/{folder}")
    for name in ("status", "available"):
        open(f"{root}/var/lib/dpkg/{name}", "w", encoding="ascii").close()
    dpkg(root, "-i", deb)
    files = files_of(root)
    assert {"usr/bin/leat", "lib/systemd/system/leat.service", "etc/default/leat",
            "usr/share/leat/grafana/leat.json", "usr/share/doc/leat/rest.md"} <= files
    leat = Leat(str(tmp_path / "leat"), f"{root}/usr/bin/leat")
    hub = Hub(leat)
    hub.make("gen", datagen_rate="200")
    hub.wait_events("gen", 50)
    assert leat.stop() == 0
    with open(f"{root}/etc/default/leat", "a", encoding="ascii") as f:
        f.write("# mine\n")
    dpkg(root, "-r", "leat")
    assert files_of(root) == {"etc/default/leat"}, "what a person changed stays until purge"
    dpkg(root, "-P", "leat")
    assert files_of(root) == set()


def test_the_package_names_its_libraries(deb):
    told = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], capture_output=True, text=True).stdout
    for library in ("libc6", "libpq5", "libsqlite3-0", "libmicrohttpd12", "librdkafka1",
                    "ca-certificates"):
        assert library in told, told


def test_the_health_of_the_image(leat):
    """What the Dockerfile's HEALTHCHECK runs: it asks a hub, and fails without one."""
    with open(os.path.join(ROOT, "packaging/Dockerfile"), encoding="utf-8") as f:
        command = json.loads(re.search(r"^HEALTHCHECK .*? CMD (\[.*\])$", f.read(), re.M).group(1))
    hub = Hub(leat)
    command = [word.replace("/8083", f"/{hub.port}") for word in command]
    assert subprocess.run(command, timeout=60).returncode == 0
    assert leat.stop() == 0
    assert subprocess.run(command, timeout=60, stderr=subprocess.DEVNULL).returncode != 0


def test_the_units(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    with open(os.path.join(ROOT, "packaging/leat.service"), encoding="utf-8") as f:
        text = f.read()
    (tmp_path / "leat.service").write_text(text.replace("/usr/bin/leat", "/bin/true"))
    shutil.copy(os.path.join(ROOT, "packaging/leat.socket"), tmp_path)
    units = [str(tmp_path / "leat.service"), str(tmp_path / "leat.socket")]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "leat" in line]
    assert ours == [], done.stderr
    args = ["systemd-analyze", "security", "--offline=true", units[0]]
    done = subprocess.run(args, capture_output=True, text=True)
    level = re.search(r"exposure level for \S+ (\d+\.\d+)", done.stdout)
    assert level and float(level[1]) < 3, done.stdout[-500:]


def dashboard():
    with open(os.path.join(ROOT, "packaging/grafana/leat.json"), encoding="utf-8") as f:
        return json.load(f)


def test_the_dashboard_shows_metrics_that_there_are(leat, db):
    """Each name that a panel asks for is in /metrics, with the labels it chooses by or shows."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    hub = Hub(leat)
    body = {k: str(v) for k, v in db.properties().items()}
    body |= {"topic.prefix": "t", "snapshot.mode": "no_data"}
    assert hub.ask("POST", "/connectors", {"name": "pg", "config": body}).status == 201
    hub.make("gen", datagen_rate="0", limits_rate_events="500")
    hub.wait_state("pg")
    db.sql("INSERT INTO t VALUES (1)")
    hub.wait_events("gen", 500)
    panels = dashboard()["panels"]
    queries = [(p["title"], t["expr"], t["legendFormat"]) for p in panels for t in p["targets"]]
    assert len(queries) > 15

    def lacking():
        text = hub.ask("GET", "/metrics").text
        found = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, rest = line.partition("{")
                found.setdefault(name.split()[0], set()).update(re.findall(r'(\w+)="', rest))
        missing = []
        for title, expr, legend in queries:
            (name,) = re.findall(r"\b((?:leat|debezium|process)_\w+)", expr)
            labels = set(re.findall(r"(\w+)=~?\"", expr)) | set(re.findall(r"{{(\w+)}}", legend))
            if name == "leat_events_delivered_total":
                continue  # of sinks, which this build has none of
            if name not in found or labels - found[name]:
                missing.append((title, name, labels))
        return missing

    until(lambda: lacking() == [], 60, f"what the dashboard asks for; missing: {lacking()}")


def test_debeziums_names(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="200")
    hub.wait_events("gen", 100)
    text = hub.ask("GET", "/metrics").text
    for name in ("MilliSecondsBehindSource", "MilliSecondsSinceLastEvent",
                 "TotalNumberOfEventsSeen", "NumberOfEventsFiltered", "NumberOfErroneousEvents",
                 "QueueTotalCapacity", "QueueRemainingCapacity", "CurrentQueueSizeInBytes",
                 "MaxQueueSizeInBytes", "Connected"):
        labels = 'plugin="datagen",name="gen",context="streaming",connector="gen"'
        value = re.search(rf"^debezium_metrics_{name}{{{labels}}} (\S+)$", text, re.M)
        assert value, name
        if name == "QueueTotalCapacity":
            total = float(value[1])
        if name == "QueueRemainingCapacity":
            assert 0 <= float(value[1]) <= total


def of_snapshot(hub, plugin, name):
    """Debezium's metrics of a snapshot, as numbers by their names."""
    labels = f'plugin="{plugin}",name="{name}",context="snapshot",connector="{name}"'
    found = re.findall(rf"^debezium_metrics_(\w+){{{labels}}} (\S+)$",
                       hub.ask("GET", "/metrics").text, re.M)
    return {metric: float(value) for metric, value in found}


def test_a_snapshot_in_debeziums_names(leat, db):
    """Of a connector that has none, of one that runs and of one that is done."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
    db.sql("INSERT INTO t SELECT generate_series(1, 10); ANALYZE")
    hub = Hub(leat)
    hub.make("gen", datagen_rate="200")
    hub.wait_events("gen", 100)
    assert of_snapshot(hub, "datagen", "gen") == {"SnapshotRunning": 0, "SnapshotCompleted": 0}
    held = "(SELECT pg_advisory_xact_lock_shared(7)::text) IS NOT NULL"
    body = {k: str(v) for k, v in db.properties().items()} | {
        "topic.prefix": "pg", "snapshot.select.statement.overrides": "public.t",
        "snapshot.select.statement.overrides.public.t": f"SELECT * FROM t WHERE {held}"}
    with db.connect() as c:
        c.execute("SELECT pg_advisory_lock(7)")  # the rows of t are not read before it is let go
        assert hub.ask("POST", "/connectors", {"name": "pg", "config": body}).status == 201
        until(lambda: of_snapshot(hub, "postgres", "pg").get("SnapshotRunning") == 1, 60,
              "the snapshot in the metrics")
        told = of_snapshot(hub, "postgres", "pg")
        assert told["SnapshotCompleted"] == 0 and told["TotalTableCount"] == 2
        assert told["RemainingTableCount"] >= 1
    until(lambda: of_snapshot(hub, "postgres", "pg").get("SnapshotCompleted") == 1, 60, "its end")
    told = of_snapshot(hub, "postgres", "pg")
    assert (told["SnapshotRunning"], told["TotalTableCount"], told["RemainingTableCount"]) == (
        0, 2, 0)


def test_log_lines_as_json(leat):
    leat.start("serve", "--listen", "127.0.0.1:0", "--log-json")

    def lines():
        return [json.loads(line) for line in leat.stderr.splitlines() if line]

    until(lambda: any(line["code"] == "hub.listening" for line in lines()), 60, "the hub")
    assert leat.stop() == 0
    assert all({"time", "level", "code"} <= set(line) for line in lines()), lines()[0]
