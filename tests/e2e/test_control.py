"""Handling a connector from the command line and the control socket, running and stopped: pause,
resume, restart, stop, offsets, delete; and what is answered to requests that are none."""

import json
import os
import shutil
import signal
import socket
import threading
from datetime import datetime, timezone

import datagen
import pytest
from datagen import TOPIC, keys, sink
from leat import Leat
from servers.process import until


def source(leat, name="gen", **more):
    return datagen.source(leat, name, **{"datagen_rate": 2000, **more})


def running(leat, *names, state="RUNNING"):
    until(
        lambda: all(leat.json("status", n, ok=None).get("state") == state for n in names),
        30,
        f"{names} to be {state}",
        every=0.05,
    )


def delivered(leat, name="out"):
    return leat.status(name)["counts"]["delivered"]


def appended(leat, name="gen"):
    return leat.status(name)["counts"]["appended"]


def moves(leat, count, name):
    before = count(leat, name)
    until(lambda: count(leat, name) > before + 100, 30, f"{name} to go on", every=0.05)


def connect(leat, name):
    folder = os.open(os.path.join(leat.data, "connectors", name), os.O_DIRECTORY)
    try:
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"/proc/self/fd/{folder}/control.sock")  # waits when many connect at once
        s.settimeout(10)
        return s
    finally:
        os.close(folder)


def offsets(leat, name="gen"):
    return leat.json("offsets", name)["offsets"]


def position(leat, name="gen"):
    return offsets(leat, name)[0]["offset"]["n"]


def at(n, name="gen"):
    return json.dumps({"offsets": [{"partition": {"datagen": name}, "offset": {"n": n}}]})


def balanced(leat, name="gen"):
    counts = leat.status(name)["counts"]
    rest = ("appended", "filtered", "dead", "deduplicated")
    return counts["in_flight"] == 0 and counts["received"] == sum(counts[k] for k in rest)


# ---- pause, resume, restart, stop


def test_pause_and_resume(leat):
    """Nothing is taken while it is paused; nothing is missing when it goes on; sinks the same."""
    leat.run(source(leat), sink(leat))
    leat.read_until(TOPIC, 100)
    leat.call("pause", "gen")
    assert leat.status("gen")["state"] == "PAUSED"
    n = appended(leat)
    desired = leat.status("gen")["desired"]
    assert desired["state"] == "PAUSED" and desired["by"]
    assert desired["by"] in leat.call("why", "gen").stdout
    leat.call("pause", "out")
    done = delivered(leat)
    assert appended(leat) == n
    leat.call("resume", "gen")
    moves(leat, appended, "gen")
    assert delivered(leat) == done and leat.status("out")["state"] == "PAUSED"
    leat.call("resume", "--all")
    moves(leat, delivered, "out")
    leat.call("stop", "--all")
    leat.wait()
    got = keys(leat)
    assert got == list(range(len(got)))


def test_pause_survives_a_kill(leat):
    files = source(leat), sink(leat)
    leat.run(*files)
    leat.read_until(TOPIC, 100)
    leat.call("pause", "--all")
    n = appended(leat)
    leat.kill()
    leat.run(*files)
    running(leat, "gen", "out", state="PAUSED")
    assert "connector.paused" in leat.stderr
    assert appended(leat) == n
    leat.call("resume", "gen", "out")
    moves(leat, appended, "gen")
    moves(leat, delivered, "out")


def test_pause_of_a_stopped_connector(leat):
    file = source(leat)
    leat.run(file)
    leat.read_until(TOPIC, 100)
    leat.stop()
    assert "not running" in leat.call("pause", "gen").stderr
    assert leat.status("gen")["desired"]["state"] == "PAUSED"
    n = position(leat)
    leat.run(file)
    running(leat, "gen", state="PAUSED")
    assert position(leat) == n
    leat.stop()
    leat.call("resume", "gen")
    leat.run(file)
    running(leat, "gen")
    moves(leat, appended, "gen")


def test_restart_is_no_crash(leat):
    leat.run(source(leat), sink(leat))
    leat.read_until(TOPIC, 100)
    for name in ("gen", "out", "gen", "gen", "out"):
        before = leat.status(name)["pid"]
        leat.call("restart", name)
        assert leat.status(name)["pid"] != before
    assert "child_died" not in leat.stderr and "child_ended" not in leat.stderr
    moves(leat, delivered, "out")
    leat.call("stop", "out")
    moves(leat, appended, "gen")  # the other one is left alone
    assert "STOPPED" in leat.call("status", "out").stdout
    leat.call("restart", "--all")  # those that run
    assert leat.status("out")["state"] == "STOPPED"
    leat.call("restart", "out")  # as the supervisor still runs
    moves(leat, delivered, "out")
    leat.stop()
    assert "control.not_running" in leat.call("restart", "out", ok=(1,)).stderr
    assert not os.path.exists(os.path.join(leat.data, "connectors", "out", "restart"))
    got = keys(leat)
    assert got == list(range(len(got)))


def test_restart_of_one_that_just_died(leat):
    """Its supervisor is about to start it again, soon or, when it died often, late."""
    leat.run(source(leat))
    leat.read_until(TOPIC, 100)
    for _ in range(5):
        before = leat.status("gen")["pid"]
        os.kill(before, signal.SIGKILL)
        leat.call("restart", "gen")
        assert leat.status("gen")["pid"] != before
    moves(leat, appended, "gen")


def test_a_deleted_connector_is_forgotten(leat, tmp_path):
    """By the 'leat run' that started it: another one's of that name is not its own."""
    leat.run(source(leat, datagen_tables=1), sink(leat))
    leat.read_until(TOPIC, 100)
    leat.call("delete", "gen", "--yes")
    other = Leat(tmp_path / "other")
    other.data = leat.data
    try:
        other.run(source(leat, datagen_tables=2), sink(leat, "out2", topics="gen.datagen.t2"))
        other.read_until("gen.datagen.t2", 100)
        for _ in range(5):
            leat.call("stop", "gen")
            leat.call("restart", "gen")
            supervisor = other.process.pid
            with open(f"/proc/{leat.status('gen')['pid']}/stat", encoding="utf-8") as f:
                assert int(f.read().rsplit(")", 1)[1].split()[1]) == supervisor
        leat.call("stop", "gen")
        other.stop()
        said = leat.call("restart", "gen", ok=(1,)).stderr
        assert "control.not_running" in said
    finally:
        other.kill()


def test_names_that_are_none(leat):
    for command in ("pause", "resume", "restart", "stop", "why", "offsets", "delete", "log"):
        assert leat.call(command, ok=(2,)).stderr
        assert "cannot name" in leat.call(command, "a/b", ok=(2,)).stderr
        words = ("--yes",) if command == "delete" else ()
        said = leat.call(command, "nobody", *words, ok=(1,)).stderr
        assert "connector.unknown" in said or "control.not_running" in said
    assert not os.path.exists(os.path.join(leat.data, "connectors", "nobody"))
    leat.call("pause", "x", "--all", ok=(2,))


# ---- offsets


def test_an_edit_that_is_durable_is_told_so(faulty):
    """Wherever state.db cannot be written: who is told that it failed finds the offsets as they
    were."""
    faulty.call("run", "--once", source(faulty, datagen_events=1000, datagen_rate=0))
    told = []
    for k in range(1, 12):
        before = position(faulty)
        to = 10 * k
        done = faulty.call("offsets", "gen", "set", at(to), "--yes", ok=None,
                           env={"LEAT_FAULT": f"state_write:{k}:EIO"})
        assert position(faulty) == (to if done.returncode == 0 else before), (k, done.stderr)
        told.append((done.returncode == 0, "offsets.not_noted" in done.stderr))
    assert (False, False) in told and (True, True) in told and told[-1] == (True, False), told


@pytest.mark.parametrize("runs", [True, False])
def test_offsets_are_set_reset_and_undone(leat, runs):
    """Changes 100, 101 ... come again behind what is there; the books balance."""
    end = 3000
    leat.call("run", "--once", source(leat, datagen_events=end, datagen_rate=0))
    if runs:
        leat.run(source(leat, datagen_rate=1))  # it hardly moves
        running(leat, "gen")
    dry = leat.call("offsets", "gen", "set", at(100), ok=(2,))
    assert "--yes" in dry.stderr and '+ {"n":100}' in dry.stderr and "come again" in dry.stderr
    assert position(leat) >= end
    leat.call("offsets", "gen", "set", at(100), "--yes")
    assert 100 <= position(leat) < 200
    history = leat.json("offsets", "gen", "history")
    edits = [h for h in history if h["noted"] == "edit"]
    assert edits[0]["offset"] == {"n": 100} and "set" in edits[0]["by"]
    leat.call("offsets", "gen", "undo", "--yes")
    assert position(leat) >= end
    leat.call("offsets", "gen", "reset", "--yes")
    leat.call("offsets", "gen", "undo", "--yes")
    leat.call("offsets", "gen", "set", at(100), "--yes")
    leat.stop()
    before = len(keys(leat))
    leat.call("run", "--once", source(leat, datagen_events=5000, datagen_rate=0))
    again = keys(leat)[before:]
    assert again == list(range(again[0], 5000)) and 100 <= again[0] < 200
    assert balanced(leat)
    leat.call("offsets", "gen", "reset", "--yes")
    assert offsets(leat) == []
    leat.call("run", "--once", source(leat, datagen_events=5000, datagen_rate=0))
    assert keys(leat)[before + len(again) :] == list(range(5000))
    assert balanced(leat)


def test_offsets_of_several_partitions(leat):
    """One edit of all is taken back by one undo; a partition has many spellings and one entry."""
    gen = source(leat, datagen_events=2000, datagen_rate=0, datagen_tables=2, tasks_max=2)
    topics = [TOPIC, "gen.datagen.t2"]
    leat.call("run", "--once", gen, sink(leat, topics=",".join(topics)))
    for name in ("gen", "out"):
        was = offsets(leat, name)
        assert len(was) == 2
        leat.call("offsets", name, "reset", "--yes")
        assert offsets(leat, name) != was
        leat.call("offsets", name, "undo", "--yes")
        assert offsets(leat, name) == was
        swapped = dict(reversed(was[0]["partition"].items()))
        for first in (was[0]["offset"], None):
            twice = [{"partition": was[0]["partition"], "offset": first}, was[0]]
            if name == "out":
                twice[0]["partition"] = swapped
            text = json.dumps({"offsets": twice})
            said = leat.call("offsets", name, "set", text, "--yes", ok=(1, 2)).stderr
            assert "twice" in said
        assert offsets(leat, name) == was


def test_the_history_tells_where_an_edit_was(leat):
    """Of a connector that runs: not where it was when the edit was planned."""
    leat.run(source(leat))
    leat.read_until(TOPIC, 1000)
    leat.call("offsets", "gen", "set", at(10**9), "--yes")
    leat.stop()
    history = leat.json("offsets", "gen", "history")
    before = [h["offset"]["n"] for h in history if h["noted"] == "before"]
    assert before == [sum(key < 10**9 for key in keys(leat))]


def test_offsets_of_a_paused_connector(leat):
    leat.run(source(leat))
    leat.read_until(TOPIC, 200)
    leat.call("pause", "gen")
    n = len(keys(leat))
    leat.call("offsets", "gen", "set", "-", "--yes", ok=(1, 2))  # stdin is empty
    leat.call("offsets", "gen", "set", leat.write("to.json", at(50)), "--yes")
    assert leat.status("gen")["state"] == "PAUSED" and position(leat) == 50
    leat.call("resume", "gen")
    moves(leat, appended, "gen")
    leat.stop()
    got = keys(leat)
    assert got[n:] == list(range(50, 50 + len(got) - n))


def test_offsets_survive_a_kill(leat):
    """What was confirmed is durable."""
    file = source(leat)
    leat.run(file)
    leat.read_until(TOPIC, 200)
    leat.call("pause", "gen")
    leat.call("offsets", "gen", "set", at(10), "--yes")
    leat.kill()
    assert position(leat) == 10
    assert leat.json("offsets", "gen", "history")[0]["noted"] == "edit"


def test_offsets_of_a_process_that_was_stopped(leat):
    """By SIGSTOP: nothing waits for it for long, and nothing is changed when it goes on."""
    leat.run(source(leat))
    leat.read_until(TOPIC, 100)
    pid = leat.status("gen")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        for words in ((), ("history",), ("reset", "--yes")):
            said = leat.call("offsets", "gen", *words, ok=(1,), seconds=15).stderr
            assert "control.timeout" in said
        assert "nothing was changed" in said
    finally:
        os.kill(pid, signal.SIGCONT)
    moves(leat, appended, "gen")
    assert not [h for h in leat.json("offsets", "gen", "history") if h["noted"] == "edit"]


def test_an_edit_that_is_not_answered(leat):
    """What is known of it is told: nothing."""
    silent = {"verb": "offsets-reset", "dry": False}
    status_of(leat, "gen", silent=silent, state="RUNNING", changes=[])
    said = leat.call("offsets", "gen", "reset", "--yes", "--wait", 1, ok=(1,), seconds=15).stderr
    assert "control.timeout" in said and "may still be carried out" in said
    leat.call("offsets", "gen", "reset", "--yes", "--wait", 0, ok=(2,))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{}", "offsets.request"),
        ('{"offsets":{}}', "offsets.request"),
        ('{"offsets":[]}', "offsets.request"),
        ('{"offsets":[7]}', "offsets.request"),
        ('{"offsets":[{"partition":{"datagen":"gen"}}]}', "offsets.request"),
        ('{"offsets":[{"partition":"x","offset":{"n":1}}]}', "offsets.request"),
        ('{"offsets":[{"partition":{"server":"gen"},"offset":{"n":10}}]}', '{"datagen":"gen"}'),
        ('{"offsets":[{"partition":{"datagen":"gen"},"offset":{"lsn":10}}]}', '{"n":N}'),
        ('{"offsets":[{"partition":{"datagen":"gen"},"offset":{"n":-10}}]}', '{"n":N}'),
        ('{"offsets":[{"partition":{"datagen":"gen"},"offset":{"n":"10"}}]}', '{"n":N}'),
        ('{"offsets":[{"partition":{"datagen":"gen"},"offset":{"n":7}}]}', "multiple of 10"),
        ('{"offsets"', "json.syntax"),
        ("/nowhere/at.json", "config.offsets"),
    ],
)
def test_offsets_that_are_none(leat, given, says):
    leat.call("run", "--once", source(leat, datagen_events=100, datagen_rate=0))
    assert says in leat.call("offsets", "gen", "set", given, "--yes", ok=(1, 2)).stderr
    assert position(leat) == 100
    assert "no_edit" in leat.call("offsets", "gen", "undo", "--yes", ok=(1,)).stderr


@pytest.mark.parametrize("runs", [True, False])
def test_offsets_of_a_sink(leat, runs):
    leat.call("run", "--once", source(leat, datagen_events=1000, datagen_rate=0), sink(leat))
    assert offsets(leat, "out") == [
        {
            "partition": {"kafka_topic": TOPIC, "kafka_partition": 0},
            "offset": {"kafka_offset": 1000},
        }
    ]
    if runs:
        leat.run(sink(leat))
        running(leat, "out")
    begin = 1000

    def to(n, topic=TOPIC, partition=0):
        part = {"kafka_topic": topic, "kafka_partition": partition}
        offset = None if n is None else {"kafka_offset": n}
        return json.dumps({"offsets": [{"partition": part, "offset": offset}]})

    for wrong in (to(1001), to(-1), to(5, "other"), to(5, TOPIC, 1), at(5)):
        leat.call("offsets", "out", "set", wrong, "--yes", ok=(1,))
    for n, more in ((990, 10), (995, 5), (0, 1000), (1000, 0), (None, 1000), (333, 667)):
        leat.call("offsets", "out", "set", to(n), "--yes")
        if not runs:
            assert offsets(leat, "out")[0]["offset"]["kafka_offset"] == (n or 0)
            gen = source(leat, datagen_events=1000, datagen_rate=0)
            leat.call("run", "--once", gen, sink(leat))
        begin += more
        until(lambda: delivered_stored(leat) == begin, 20, f"{begin} delivered", every=0.05)
    leat.call("offsets", "out", "reset", "--yes")
    if not runs:
        leat.call("offsets", "out", "undo", "--yes")
        assert offsets(leat, "out")[0]["offset"]["kafka_offset"] == 1000


@pytest.mark.parametrize("runs", [True, False])
def test_offsets_of_a_sink_by_time(leat, runs):
    """A time is the first record that was committed then or later."""
    file = sink(leat)
    leat.call("run", "--once", source(leat, datagen_events=100, datagen_rate=100), file)
    moments = [r["value"]["ts_us"] for r in leat.read(TOPIC)]
    assert len(set(moments)) > 3
    if runs:
        leat.run(file)
        running(leat, "out")

    def to(time):
        part = {"kafka_topic": TOPIC, "kafka_partition": 0}
        return json.dumps({"offsets": [{"partition": part, "offset": {"time": time}}]})

    begin = 100
    for us in (moments[50], moments[50] + 1, moments[50] - 1, moments[0] - 10**9, moments[-1],
               moments[-1] + 1):
        n = next((i for i, at in enumerate(moments) if at >= us), 100)
        time = datetime.fromtimestamp(us // 10**6, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        leat.call("offsets", "out", "set", to(f"{time}.{us % 10**6:06}Z"), "--yes")
        if not runs:
            assert offsets(leat, "out")[0]["offset"]["kafka_offset"] == n
            leat.call("run", "--once", source(leat, datagen_events=100, datagen_rate=0), file)
        begin += 100 - n
        until(lambda: delivered_stored(leat) == begin, 20, f"{begin} delivered", every=0.05)
    for wrong in ("yesterday", "", 5, None):
        leat.call("offsets", "out", "set", to(wrong), "--yes", ok=(1,))


def test_offsets_of_a_source_by_time(leat):
    """A time is a place behind which all stands that was committed then or later."""
    file = source(leat, datagen_events=300, datagen_rate=100)
    leat.call("run", "--once", file)
    moments = [r["value"]["ts_us"] for r in leat.read(TOPIC)]
    part = offsets(leat, "gen")[0]["partition"]

    def to(time):
        if isinstance(time, int):
            at = datetime.fromtimestamp(time // 10**6, timezone.utc)
            time = f"{at.strftime('%Y-%m-%dT%H:%M:%S')}.{time % 10**6:06}Z"
        return json.dumps({"offsets": [{"partition": part, "offset": {"time": time}}]})

    def found(us):
        leat.call("offsets", "gen", "set", to(us), "--yes")
        n = offsets(leat, "gen")[0]["offset"]["n"]
        leat.call("offsets", "gen", "undo", "--yes")
        return n

    # Some sources know whole seconds, rounded down: a time may be a second more than it looks.
    times = (moments[-1] + 10**6, moments[-1], moments[200], moments[150])
    places = [found(us) for us in times]
    for us, n in zip(times, places):
        assert 0 < n < sum(at <= us - 10**6 for at in moments), "nothing is passed over"
    assert places == sorted(places, reverse=True) and len(set(places)) > 2
    assert places[0] > 250
    done = leat.call("offsets", "gen", "set", to(moments[0] - 10**6), "--yes", ok=(1,))
    assert "offsets.range" in done.stderr and "not recorded" in done.stderr
    for wrong in ("yesterday", "", 5.5, None):
        assert "is no moment" in leat.call("offsets", "gen", "set", to(wrong), "--yes",
                                           ok=(1,)).stderr
    # What a person skipped counts only behind the next transaction.
    leat.call("offsets", "gen", "set", json.dumps(
        {"offsets": [{"partition": part, "offset": {"n": 350}}]}), "--yes")
    assert found(moments[-1] + 2 * 10**6) == places[0]
    until(lambda: datetime.now().timestamp() > moments[-1] / 10**6 + 3, 30, "a pause")
    leat.call("run", "--once", source(leat, datagen_events=500, datagen_rate=100))
    later = [r["value"]["ts_us"] for r in leat.read(TOPIC)][300:]
    assert len(later) == 150 and found(moments[-1] + 2 * 10**6) == places[0]
    assert found(later[-1] + 10**6) >= 350
    leat.call("offsets", "gen", "set", to(moments[200]), "--yes")
    leat.call("run", "--once", source(leat, datagen_events=500, datagen_rate=0))
    assert len(leat.read(TOPIC)) == 450 + 500 - places[2]
    leat.run(source(leat, datagen_events=500, datagen_stay="true"))
    running(leat, "gen")
    done = leat.call("offsets", "gen", "set", to(moments[200]), "--yes", ok=(1,))
    assert "offsets.time" in done.stderr and "stop the connector" in done.stderr


def delivered_stored(leat, name="out"):
    path = os.path.join(leat.data, "connectors", "gen", "stream", "readers", name)
    with open(path, encoding="utf-8") as f:
        return sum(i["delivered"] for i in json.load(f)["inputs"])


def test_offsets_of_postgres(db, leat):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.sql("INSERT INTO t VALUES (1)")
    file = leat.write("shop.properties", db.properties(name="shop"))
    leat.run(file)
    leat.read_until("shop.public.t", 1)
    running(leat, "shop")
    db.sql("INSERT INTO t VALUES (2)")
    leat.read_until("shop.public.t", 2)
    text = leat.call("offsets", "shop").stdout
    assert '{"server":"shop"}' in text and "committed 20" in text and "0/" in text

    def to(offset, server="shop"):
        part = {"server": server}
        return json.dumps({"offsets": [{"partition": part, "offset": offset}]})

    for wrong, says in (
        (to({"lsn": "16/zz"}), "0/16B3748"),
        (to({"file": "binlog.000001", "pos": 4}), "file"),
        (to({"ts_usec": 1}), "neither lsn"),
        (to({"lsn": 0}), "lsn"),
        (to({"lsn": 1}, "other"), "topic.prefix"),
    ):
        assert says in leat.call("offsets", "shop", "set", wrong, "--yes", ok=(1,)).stderr
    # forward, behind a change that is to be skipped
    leat.call("pause", "shop")
    db.sql("INSERT INTO t VALUES (3)")
    end = db.sql("SELECT pg_current_wal_insert_lsn()::text")[0][0]
    done = leat.call("offsets", "shop", "set", to({"lsn": end}), "--yes")
    assert "never delivered" in done.stderr
    db.sql("INSERT INTO t VALUES (4)")
    leat.call("resume", "shop")
    ids = [r["value"]["after"]["id"] for r in leat.read_until("shop.public.t", 3)]
    assert ids == [1, 2, 4]
    # as a first start: the rows come again
    leat.call("offsets", "shop", "reset", "--yes")
    ids = [r["value"]["after"]["id"] for r in leat.read_until("shop.public.t", 7)]
    assert ids[3:7] == [1, 2, 3, 4]
    # backward, behind what the slot has forgotten: said so, and taken back
    leat.stop()
    leat.call("offsets", "shop", "set", to({"lsn": "0/10"}), "--yes")
    assert "postgres.gap" in leat.call("run", "--once", file, ok=(1,)).stderr
    leat.call("offsets", "shop", "undo", "--yes")
    db.sql("INSERT INTO t VALUES (5)")
    leat.call("run", "--once", file)
    assert leat.read("shop.public.t")[-1]["value"]["after"]["id"] == 5
    # deleted
    said = leat.call("delete", "shop", "--yes").stderr
    assert "bytes of the server's log" in said and "pg_drop_replication_slot" in said
    assert len(db.slots()) == 1 and leat.json("status") == []
    records = leat.read("shop.public.t")
    again = [r for r in records[7:] if r["value"]["after"]["id"] == 4]  # the slot was behind it
    assert len(records) == 8 + len(again) <= 9
    leat.call("run", "--once", file)
    leat.call("delete", "shop", "--forget", "--yes")
    assert not db.slots()
    leat.call("run", "--once", file)  # as a new one
    assert [r["value"]["op"] for r in leat.read("shop.public.t")[len(records):]] == ["r"] * 5


# ---- delete, log, status


def test_delete_without_its_secret(leat):
    """What the configuration refers to is gone: only --forget needs it."""
    secret = leat.write("secret.properties", {"n": 5})
    where = "${file:" + str(secret) + ":n}"
    leat.call("run", "--once", source(leat, datagen_events=where, datagen_rate=0))
    os.unlink(secret)
    said = leat.call("delete", "gen", "--forget", "--yes", ok=(1, 2)).stderr
    assert "secret.properties" in said
    leat.call("delete", "gen", "--yes")
    assert leat.json("status") == [] and len(keys(leat)) == 5


def test_delete_of_running_ones(leat):
    leat.run(source(leat), sink(leat))
    leat.read_until(TOPIC, 100)
    running(leat, "gen", "out")
    leat.call("delete", "out", ok=(2,))
    assert leat.status("out")["state"] == "RUNNING"
    readers = os.path.join(leat.data, "connectors", "gen", "stream", "readers")
    until(lambda: os.path.exists(os.path.join(readers, "out")), 20, "the sink's cursor")
    leat.call("delete", "out", "--yes")
    assert not os.path.exists(os.path.join(readers, "out"))
    assert [c["name"] for c in leat.json("status")] == ["gen"]
    leat.call("delete", "gen", "--yes")
    leat.wait()
    assert leat.json("status") == []
    got = keys(leat)
    assert got == list(range(len(got))) and [t["connector"] for t in leat.topics()] == ["gen"]


def test_log_and_status(leat):
    leat.run(source(leat))
    leat.read_until(TOPIC, 100)
    assert "connector.started" in leat.call("log", "gen").stdout
    leat.call("log", "gen", "--level", "loud", ok=(2,))
    leat.call("log", "gen", "--level", "debug")

    def fast():
        return leat.status("gen")["rates"]["1s"]["events_per_second"] > 500

    until(fast, 20, "a rate", every=0.1)
    status = leat.status("gen")
    assert status["milliseconds_behind_source"] >= 0 and "changes made" in status["position_text"]
    assert "nothing blocks it" in leat.call("why", "gen").stdout
    leat.stop()
    assert "does not run" in leat.call("why", "gen").stdout


def status_of(leat, name, silent=None, **status):
    """A connector that answers every request with this status, but those with silent's members."""
    folder = os.path.join(leat.data, "connectors", name)
    os.makedirs(folder, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    at = os.open(folder, os.O_DIRECTORY)
    listener.bind(f"/proc/self/fd/{at}/control.sock")
    os.close(at)
    listener.listen()
    answer = {"ok": True, "name": name, "kind": "source", "pid": 1, "attempts": 0, **status}

    def serve():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            with s:
                asked = json.loads(s.makefile().readline())
                if silent and silent.items() <= asked.items():
                    s.recv(1)  # until the other side gives up
                else:
                    s.sendall(json.dumps(answer).encode() + b"\n")

    threading.Thread(target=serve, daemon=True).start()


@pytest.mark.parametrize(
    "code, sentence",
    [
        ("os.enospc", "the disk is full"),
        ("os.edquot", "share of the disk"),
        ("stream.retention_held", "still needed by a sink"),
        ("stream.disk_low", "less room than is to stay free"),
    ],
)
def test_why_it_is_stalled(leat, code, sentence):
    error = {"action": "RETRY", "code": code, "where": "out", "message": "made up"}
    status_of(leat, "gen", state="STALLED", error=error)
    said = leat.call("why", "gen").stdout
    assert sentence in said and f"out: made up [{code}]" in said and "by itself" in said


def test_why_it_waits_for_its_source(leat):
    error = {"action": "RETRY", "code": "postgres.slot_waits", "where": "s", "message": "made up"}
    status_of(leat, "gen", state="STARTING", error=error)
    said = leat.call("why", "gen").stdout
    assert "it waits for the source" in said and "[postgres.slot_waits]" in said


def test_why_tells_of_dead_letters(leat):
    status_of(leat, "gen", state="RUNNING", counts={"dead": 2})
    said = leat.call("why", "gen").stdout
    assert "2 changes are in the dead letters: 'leat dead-letters gen list'" in said
    status_of(leat, "out", state="RUNNING", counts={"dead": 0})
    assert "dead" not in leat.call("why", "out").stdout


def test_why_a_sink_has_no_stream(leat):
    """Its folder was removed: it says so for as long as it is, and makes none itself."""
    leat.call("run", "--once", source(leat, datagen_events=100, datagen_rate=0))
    folder = os.path.join(leat.data, "connectors", "gen")
    shutil.rmtree(folder)
    leat.run(sink(leat))
    until(lambda: "stream.missing" in leat.stderr, 30, "its first attempt", every=0.05)
    for _ in range(20):
        assert leat.status("out")["state"] == "RETRYING"
    said = leat.call("why", "out").stdout
    assert "the stream that it reads blocks" in said and "[stream.missing]" in said
    assert "nothing blocks it" not in said and not os.path.exists(folder)


def test_status_of_several_tasks(leat):
    error = {"action": "RETRY", "code": "os.eio", "where": "x", "message": "made up"}
    tasks = [
        {"id": 0, "state": "RUNNING", "waits_for": "the end of it", "error": None},
        {"id": 1, "state": "RETRYING", "waits_for": None, "error": error, "retry_at": "12:00"},
    ]
    status_of(leat, "gen", state="RETRYING", error=error, retry_at="12:00", tasks=tasks)
    lines = leat.call("status", "gen").stdout.splitlines()
    assert "    task 0: RUNNING, waits for the end of it" in lines
    assert "    task 1: RETRYING, tries again at 12:00: made up [os.eio]" in lines
    said = leat.call("why", "gen").stdout
    assert "Task 0 is RUNNING." in said and "Task 0 waits for the end of it." in said


def test_status_shows_real_tasks(leat):
    leat.run(source(leat, tasks_max=2, datagen_tables=2))
    leat.read_until(TOPIC, 100)
    said = leat.call("status", "gen").stdout
    assert "    task 0: RUNNING" in said and "    task 1: RUNNING" in said


# ---- the control socket


def test_requests_that_are_none(leat):
    leat.run(source(leat))
    leat.read_until(TOPIC, 100)
    for line, code in (
        ("", "json.syntax"),
        ("{", "json.syntax"),
        ("[]", "control.request"),
        ('{"verb":7}', "control.request"),
        ('{"verb":"dance"}', "control.verb"),
        ('{"verb":"finish"}', "control.verb"),
        ('{"verb":"offsets-"}', "control.verb"),
        ('{"verb":"offsets-set"}', "offsets.request"),
        ('{"verb":"offsets-set","offsets":[{"partition":{},"offset":1}]}', "offsets.request"),
        ('{"verb":"log-level","level":"loud"}', "control.request"),
    ):
        with connect(leat, "gen") as s:
            s.sendall(line.encode() + b"\n")
            answer = json.loads(s.makefile().readline())
            assert answer["ok"] is False and answer["error"]["code"] == code
    assert leat.status("gen")["state"] == "RUNNING"


def test_silent_and_slow_clients(leat):
    """Those who say nothing, or take no answers, hold nobody up."""
    leat.run(source(leat))
    leat.read_until(TOPIC, 100)
    silent = [connect(leat, "gen") for _ in range(30)]
    slow = connect(leat, "gen")
    slow.settimeout(0.2)
    try:
        for _ in range(2000):
            slow.sendall(b'{"verb":"log"}\n' * 20)
    except (OSError, TimeoutError):
        pass
    for _ in range(5):
        assert leat.call("status", "gen", "--json", seconds=2)
    for s in [*silent, slow]:
        s.close()


def test_a_name_twice_is_told(leat):
    file = leat.write(
        "gen.properties", "connector.class=datagen\ndatagen.events=10\n\ndatagen.events=20\n"
    )
    said = leat.call("run", "--once", file).stderr
    assert "gen.properties:4" in said and "line 2 too" in said
