"""The Debian package and its units on a whole system: installed with its scripts, started,
reloaded, upgraded, removed and purged, with systemd as process 1."""

import json
import os
import re

import pytest
from servers.container import Container, Missing
from servers.process import until
from test_ops import deb  # noqa: F401

URL = "http://127.0.0.1:8083"


@pytest.fixture
def system(deb, scratch):  # noqa: F811
    folder = os.path.join(scratch, "system")
    try:
        one = Container(folder, deb)
    except Missing as e:
        pytest.skip(str(e))
    one.deb = "/" + os.path.basename(deb)
    yield one
    one.end()


def ask(system, path, *args):
    """What the hub answers, waited for as long as systemd holds the request."""
    done = system.call("curl", "-sS", "--fail-with-body", "-m", "120", *args, URL + path)
    return json.loads(done.stdout) if done.stdout else None


def make(system, name):
    config = {"connector.class": "datagen", "topic.prefix": name, "datagen.rate": "100"}
    ask(system, "/connectors", "-H", "Content-Type: application/json", "-d",
        json.dumps({"name": name, "config": config}))
    wait_running(system, name)


def wait_running(system, name):
    until(lambda: ask(system, f"/connectors/{name}/status")["connector"]["state"] == "RUNNING", 120,
          f"{name} to run", every=0.2)


def pid_of(system, name):
    return ask(system, "/hub/v1/counters")[name]["pid"]


def ours(system):
    """Processes of leat that there are, by pid."""
    told = system.call("ps", "-eo", "pid=,user=,args=").stdout
    return dict(re.findall(r"^\s*(\d+)\s+leat\s+(\S.*)$", told, re.M))


def wait_upgraded(system, after):
    """Until an upgrade later than that one is done; when it began."""

    def done():
        # The hub that is asked may be the one that leaves.
        told = ask(system, "/hub/v1/upgrade", "--retry", "5", "--retry-all-errors")
        assert told["state"] != "FAILED", told
        return told["state"] == "DONE" and told["begun_us"] > after and told["begun_us"]

    return until(done, 120, "the upgrade", every=0.2)


def test_a_life_of_the_package(system):
    system.call("dpkg", "-i", system.deb)
    assert system.property("leat.service", "ActiveState") == "inactive", "nobody asked for it"
    system.call("systemctl", "enable", "leat.socket", "leat.service")
    system.call("systemctl", "start", "leat.socket")
    assert ask(system, "/health")["status"] == "healthy", "the socket starts it"
    until(lambda: system.property("leat.service", "ActiveState") == "active", 60, "the service")
    make(system, "one")
    make(system, "two")
    hub = system.property("leat.service", "MainPID")
    assert ours(system)[hub].startswith("/usr/bin/leat serve") and len(ours(system)) >= 3
    mode = system.call("stat", "-c", "%a %U", "/var/lib/leat", "/var/lib/leat/secret.key",
                       ok=None).stdout.split("\n")[0]
    assert mode == "700 leat"

    # Another program in its place, by hand: a reload is told to take no time.
    system.call("cp", "/usr/bin/leat", "/usr/bin/leat.new")
    system.call("mv", "/usr/bin/leat.new", "/usr/bin/leat")
    was = {name: pid_of(system, name) for name in ("one", "two")}
    system.call("systemctl", "reload", "leat.service")
    begun = wait_upgraded(system, 0)
    assert system.property("leat.service", "MainPID") == hub, "the same process"
    assert all(pid_of(system, name) != pid for name, pid in was.items())

    # The package again, as an upgrade brings it.
    was = {name: pid_of(system, name) for name in ("one", "two")}
    system.call("dpkg", "-i", system.deb)
    wait_upgraded(system, begun)
    assert system.property("leat.service", "MainPID") == hub
    assert system.property("leat.service", "NRestarts") == "0"
    assert all(pid_of(system, name) != pid for name, pid in was.items())

    # A hub that dies is started again, with all it had.
    system.call("kill", "-9", hub)
    until(lambda: system.property("leat.service", "MainPID") not in ("0", hub), 60, "another hub",
          every=0.2)
    wait_running(system, "one")
    system.call("systemctl", "restart", "leat.service")
    wait_running(system, "two")
    assert system.property("leat.service", "Result") == "success"

    # Removed: nothing runs, nobody listens, the data stay and are there again.
    system.call("dpkg", "-r", "leat")
    assert ours(system) == {}
    assert system.call("curl", "-sS", URL + "/health", ok=None).returncode == 7
    assert system.property("leat.service", "LoadState") in ("not-found", "masked")
    assert system.call("test", "-e", "/etc/systemd/system/multi-user.target.wants/leat.service",
                       ok=None).returncode == 1
    system.call("test", "-e", "/var/lib/leat/hub.db")
    system.call("dpkg", "-i", system.deb)
    system.call("systemctl", "start", "leat.socket")
    assert sorted(ask(system, "/connectors")) == ["one", "two"]
    wait_running(system, "one")

    # Purged while it runs: nothing is left but the user, whose files others may have.
    system.call("dpkg", "-P", "leat")
    assert ours(system) == {}
    left = system.call("find", "/", "-xdev", "(", "-path", "/proc", "-o", "-path", "/sys", "-o",
                       "-path", "/tmp", ")", "-prune", "-o", "-name", "leat*",
                       "-path", "/[elu]*/*", "-print",
                       "-o", "-path", "/var/lib/leat", "-print").stdout.split()
    mine = ("/etc/systemd/system/leat.service.d", "/etc/systemd/system/leat-test.target",
            "/usr/local", "/usr/share/doc", "/usr/lib/python")
    assert [p for p in left if not p.startswith(mine)] == []
