"""Connectors that should go on and do not: STALLED, with the stage that blocks, wherever one
looks."""

import json
import os
import re
import signal

import pytest
from hub import Hub
from servers.process import until


def told(leat, name, state="STALLED"):
    """Its status once it is in that state."""

    def look():
        said = leat.call("status", name, "--json", ok=None).stdout  # it may not be there yet
        status = json.loads(said) if said else {}
        return status if status.get("state") == state else None

    return until(look, 90, f"{name} to be {state}", every=0.1)


def stalled_metric(hub, name):
    metrics = hub.ask("GET", "/metrics").text
    line = rf'leat_connector_stalled\{{connector="{name}",.*stage="(\w*)"\}} (\d)'
    found = re.search(line, metrics)
    assert found, metrics
    return found[1], found[2]


def test_a_driver_that_waits_for_itself(leat):
    hub = Hub(leat)
    hub.make("good", datagen_rate="500")
    hub.make("dead", datagen_rate="500", datagen_fault="deadlock", stalled_after_ms="1000")
    status = told(leat, "dead")
    assert status["stage"] == "source" and status["error"]["code"] == "source.hangs", status
    assert status["tasks"][0]["state"] == "STALLED" and status["tasks"][0]["stage"] == "source"
    why = leat.call("why", "dead").stdout
    assert why.startswith("dead is STALLED: the source blocks: ") and "leat restart" in why, why
    assert hub.get("/hub/v1/connectors/dead/why")["stage"] == "the source"
    until(lambda: hub.counters("dead")["condition"] == "STALLED", 60, "the condition")
    assert hub.counters("dead")["stage"] == "source"
    assert stalled_metric(hub, "dead") == ("source", "1")
    assert stalled_metric(hub, "good") == ("", "0")
    shown = hub.get("/connectors/dead/status")["connector"]
    assert shown["state"] == "RUNNING" and "source.hangs" in shown["trace"], shown
    assert "source.hangs" in leat.stderr
    hub.wait_events("good")
    assert leat.status("good")["state"] == "RUNNING" and leat.status("good")["stage"] is None


def test_the_database_moves_and_nothing_comes(leat, db):
    """Its process that sends the log is stopped; changes go on."""
    db.sql("CREATE TABLE t (id serial PRIMARY KEY, v text)")
    config = db.properties() | {"topic.prefix": "d", "stalled.after.ms": "3000"}
    leat.run(leat.write("d.properties", config))
    told(leat, "d", "RUNNING")
    db.sql("INSERT INTO t (v) VALUES ('first')")
    leat.read_until("d.public.t", 1)
    ((sender,),) = db.sql("SELECT active_pid FROM pg_replication_slots"
                          " WHERE database = current_database()")
    sender = int(sender)
    try:
        os.kill(sender, signal.SIGSTOP)
    except PermissionError:
        pytest.skip("the server's processes are another user's")
    try:
        n = 1

        def look():
            nonlocal n
            db.sql("INSERT INTO t (v) VALUES ('more')")
            n += 1
            status = leat.status("d")
            return status if status["state"] == "STALLED" else None

        status = until(look, 90, "it to be STALLED", every=0.2)
    finally:
        os.kill(sender, signal.SIGCONT)
    assert status["stage"] == "source" and status["error"]["code"] == "source.silent", status
    assert status["lag_bytes"] > 0
    told(leat, "d", "RUNNING")
    assert len(leat.read_until("d.public.t", n)) == n
    assert "engine.unstalled" in leat.stderr


def test_a_disk_that_does_not_answer(faulty):
    """The sync of the stream takes long; then it goes on, and says so."""
    config = {"connector.class": "datagen", "topic.prefix": "gen", "datagen.rate": "500",
              "stalled.after.ms": "1000"}
    faulty.run(faulty.write("gen.properties", config), env={"LEAT_FAULT": "stream_sync:20:8000ms"})
    status = told(faulty, "gen")
    assert status["stage"] == "disk" and status["error"]["code"] == "os.hangs", status
    assert "gen is STALLED: the disk blocks" in faulty.call("why", "gen").stdout
    told(faulty, "gen", "RUNNING")
    assert faulty.stop(60) == 0


def test_a_target_that_does_not_answer(faulty):
    gen = {"connector.class": "datagen", "topic.prefix": "gen", "datagen.rate": "500"}
    sink = {"connector.class": "null", "topics": "gen.datagen.t1", "stalled.after.ms": "1000"}
    faulty.run(faulty.write("gen.properties", gen), faulty.write("sink.properties", sink),
               env={"LEAT_FAULT": "sink_write:3:8000ms"})
    status = told(faulty, "sink")
    assert status["stage"] == "target" and status["error"]["code"] == "sink.hangs", status
    assert "the sink blocks" in faulty.call("why", "sink").stdout
    told(faulty, "sink", "RUNNING")
    assert faulty.stop(60) == 0
