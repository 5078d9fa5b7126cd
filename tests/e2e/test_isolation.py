"""Connectors that go wrong on purpose beside one that does not: each is held, and named; the good
one notices nothing."""

import glob
import os
import re
import time

from hub import Hub
from servers.process import until

MIB = 1 << 20


def start(leat):
    hub = Hub(leat)
    hub.make("good", datagen_rate="500")
    hub.wait_state("good")
    return hub, hub.counters("good")["pid"]


def goes_on(hub, pid):
    hub.wait_events("good", 200)
    assert hub.counters("good")["pid"] == pid


def wait_trace(hub, name, text):
    """The status, once its trace tells that."""

    def look():
        status = hub.get(f"/connectors/{name}/status")["connector"]
        return status if text in status.get("trace", "") else None

    return until(look, 90, f"{name} to tell {text}", every=0.02)


def cpu_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_one_that_leaks(leat):
    hub, pid = start(leat)
    hub.make("bad", datagen_rate="2000", datagen_fault="leak", limits_memory="16m",
             limits_process_memory="120m")
    most = 0

    def look():
        nonlocal most
        most = max(most, hub.counters("bad")["resident_bytes"])
        shown = hub.get("/connectors/bad/status")["connector"]
        return "limits.process.memory" in shown.get("trace", "")

    until(look, 90, "its end", every=0.02)
    assert most < 200 * MIB, "what it has is bounded"
    assert hub.state("bad") in ("RESTARTING", "RUNNING", "UNASSIGNED")
    assert re.search(r"ERROR .*limits.process.memory connector=bad", leat.stderr)
    assert "leat: out of memory" in leat.stderr
    goes_on(hub, pid)


def test_one_that_leaks_is_told_by_why_when_it_is_gone(leat):
    hub, _ = start(leat)
    hub.make("bad", datagen_fault="leak", limits_memory="16m", limits_process_memory="120m")
    wait_trace(hub, "bad", "limits.process.memory")
    leat.kill()
    assert "limits.process.memory" in leat.call("why", "bad").stdout


def test_one_that_crashes(leat):
    """By a signal that would leave a core."""
    hub, pid = start(leat)
    hub.make("bad", datagen_rate="2000", datagen_fault="crash")
    shown = wait_trace(hub, "bad", "process.died")
    assert "signal 11 (SEGV)" in shown["trace"], shown
    assert shown["state"] in ("RESTARTING", "UNASSIGNED"), shown
    assert re.search(r"supervisor.child_died connector=bad signal=11", leat.stderr)
    assert not glob.glob(f"{leat.folder}/**/core*", recursive=True)
    goes_on(hub, pid)


def test_one_that_spins(leat):
    hub, pid = start(leat)
    hub.make("bad", datagen_rate="2000", datagen_fault="spin", limits_cpu="20",
             stalled_after_ms="1000")
    until(lambda: hub.counters("bad")["condition"] == "STALLED", 90, "it to be STALLED")
    bad = hub.counters("bad")["pid"]
    used, begun = cpu_of(bad), time.monotonic()
    until(lambda: time.monotonic() - begun > 4, 60, "some time", every=0.2)
    share = (cpu_of(bad) - used) / (time.monotonic() - begun)
    assert share < 0.4, f"it takes {share:.2f} of a core, and may take 0.2"
    assert hub.get("/hub/v1/connectors/bad/why")["stage"] == "the source"
    goes_on(hub, pid)


def test_one_that_floods(leat):
    hub, pid = start(leat)
    hub.make("bad", datagen_rate="100", datagen_fault="flood", datagen_fault_events="100",
             limits_rate_events="1000")
    until(lambda: hub.counters("bad")["condition"] == "THROTTLED", 90, "it to be THROTTLED")
    was, begun = hub.counters("bad")["appended"], time.monotonic()
    goes_on(hub, pid)
    more = hub.counters("bad")["appended"] - was
    assert more < 1000 * (time.monotonic() - begun + 2), "a thousand a second and a little"
    assert "limits.rate.events" in hub.get("/hub/v1/connectors/bad/why")["why"]


def test_bounds_that_leave_no_room(leat):
    hub = Hub(leat)
    config = {"connector.class": "datagen", "topic.prefix": "x", "limits.memory": "64m",
              "limits.process.memory": "100m"}
    answer = hub.ask("POST", "/connectors", {"name": "x", "config": config})
    assert answer.status == 400 and "set it to 128m or more" in answer.text, answer.text
