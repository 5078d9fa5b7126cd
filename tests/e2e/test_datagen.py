"""The engine, the supervisor and the command line without any database: datagen, leat's own source,
makes change n the same whenever it is asked, so that a missing, doubled or changed one is seen."""

import datetime
import glob
import json
import os
import random
import signal
import socket
import subprocess
import time

import pytest
from datagen import TOPIC, ask, cursor, keys, sink, source, state
from leat import Leat
from servers.process import gone, until

# Signals that are ignored here would be ignored by leat.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def running(leat, name="gen"):
    """The connector's process, once it runs."""
    until(lambda: leat.alive() or state(leat, name)["state"] == "RUNNING", 30, f"{name} runs")
    return state(leat, name)["pid"]


# ---- every change once, whatever ends


def test_once(leat):
    leat.call("run", "--once", source(leat, datagen_events=5000), sink(leat))
    assert keys(leat) == list(range(5000))
    status = state(leat)
    assert status["state"] == "STOPPED" and "error" not in status
    assert status["counts"]["received"] == status["counts"]["appended"] == 5000
    assert cursor(leat) == {"read": 5000, "delivered": 5000, "dead": 0}
    assert state(leat, "out")["counts"] == {"delivered": 5000, "dead": 0}


def test_once_more_makes_nothing_more(leat):
    leat.call("run", "--once", source(leat, datagen_events=1000), sink(leat))
    leat.call("run", "--once", source(leat, datagen_events=1000), sink(leat))
    leat.call("run", "--once", source(leat, datagen_events=1500), sink(leat))
    assert keys(leat) == list(range(1500))
    assert cursor(leat)["delivered"] == 1500


def test_once_without_an_end(leat):
    done = leat.call("run", "--once", source(leat), ok=(2,))
    assert "datagen.events" in done.stderr


def test_a_sink_finds_what_was_made_in_an_instant(leat):
    """The source ends before the sink looks for its topics again."""
    for i in range(5):
        leat.call("run", "--once", sink(leat, f"out{i}", f"g{i}.datagen.t1"),
                  source(leat, f"g{i}", datagen_events=50))
        assert cursor(leat, f"out{i}", f"g{i}")["delivered"] == 50


def test_kills_of_the_connector(leat):
    dice = random.Random(7)
    leat.run(source(leat, datagen_rate=3000), sink(leat))
    for name in ("gen", "out", "gen", "gen", "out"):
        pid = running(leat, name)
        time.sleep(dice.uniform(0.0, 0.3))
        os.kill(pid, signal.SIGKILL)
        until(lambda p=pid: gone(p), 10, "its end")
    running(leat), running(leat, "out")
    assert leat.stop() == 0
    assert leat.stderr.count("supervisor.child_died") == 5
    n = len(keys(leat)) + 1000
    leat.call("run", "--once", source(leat, datagen_events=n), sink(leat))
    assert keys(leat) == list(range(n))
    assert cursor(leat)["read"] == n


def test_kills_with_several_tasks(leat):
    """Four tables shared out; each start has another number of tasks, also one."""
    dice = random.Random(11)
    for tasks in (4, 3, 1, 4, 2):
        leat.run(source(leat, tasks_max=tasks, datagen_tables=4, datagen_rate=4000))
        pid = running(leat)
        assert len(state(leat)["tasks"]) == tasks
        time.sleep(dice.uniform(0.1, 0.4))
        os.kill(pid, signal.SIGKILL)
        until(lambda p=pid: gone(p), 10, "its end")
        leat.stop()
    tables = [f"gen.datagen.t{t}" for t in (1, 2, 3, 4)]
    n = 4 * (max(len(keys(leat, t)) for t in tables) + 1000)
    leat.call("run", "--once", source(leat, tasks_max=4, datagen_tables=4, datagen_events=n))
    for t, topic in enumerate(tables):
        assert keys(leat, topic) == list(range(t, n, 4))
    counts = state(leat)["counts"]
    assert counts["received"] == counts["appended"] == n


def test_kills_of_the_supervisor(leat):
    """Its connectors end with it, and those of the next one wait for that."""
    dice = random.Random(11)
    children = []
    for _ in range(4):
        leat.run(source(leat, datagen_rate=3000), sink(leat))
        children += [running(leat), running(leat, "out")]
        time.sleep(dice.uniform(0.0, 0.3))
        os.kill(leat.process.pid, signal.SIGKILL)
        leat.wait()
    leat.run(source(leat, datagen_rate=3000), sink(leat))
    children += [running(leat), running(leat, "out")]
    assert leat.stop() == 0
    assert all(gone(pid) for pid in children)
    assert "connector.locked" not in leat.stderr
    n = len(keys(leat)) + 1000
    leat.call("run", "--once", source(leat, datagen_events=n), sink(leat))
    assert keys(leat) == list(range(n))
    assert cursor(leat)["read"] == n


def test_killed_is_told(leat):
    leat.run(source(leat, datagen_rate=100))
    pid = running(leat)
    leat.kill()
    until(lambda: gone(pid), 10, "its end")
    status = state(leat)
    assert status["state"] == "STOPPED" and status["error"]["code"] == "process.died"
    assert str(pid) in status["error"]["message"]


def test_signals_at_any_time(leat):
    """SIGTERM, SIGINT and SIGHUP end all in order, also those that come during the start."""

    def handled():
        """Before leat has begun to handle signals, they are not its to handle."""
        with open(f"/proc/{leat.process.pid}/status", encoding="utf-8") as f:
            return int(dict(line.split(":\t") for line in f)["SigBlk"], 16) & 1 << 14

    dice = random.Random(3)
    for i in range(12):
        leat.run(source(leat, datagen_rate=1000), sink(leat))
        until(lambda: handled() or leat.alive(), 30, "the start", every=0.001)
        time.sleep(dice.uniform(0.0, 0.4) if i % 2 else dice.uniform(0.0, 0.02))
        began = time.monotonic()
        leat.process.signal((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[i % 3])
        assert leat.wait(20) == 0, leat.stderr
        assert time.monotonic() - began < 5
        os.remove(leat.log)
    leat.call("run", "--once", source(leat, datagen_events=1), sink(leat))  # at least one
    assert keys(leat) == list(range(len(keys(leat))))


def test_both_get_the_signal(leat):
    """Ctrl-C on a terminal goes to the connectors too."""
    leat.run(source(leat, datagen_rate=1000), sink(leat))
    running(leat), running(leat, "out")
    os.killpg(leat.process.pid, signal.SIGINT)
    assert leat.wait(20) == 0
    assert leat.stderr.count("connector.stopped") == 2


@pytest.mark.parametrize("fault", [
    "source_read:3:ETIMEDOUT", "engine_ack:2:EIO", "stream_append:3:ENOSPC",
    "stream_append:4:kill", "stream_sync:4:EIO", "stream_sync:5:kill", "stream_mark:4:EIO",
    "stream_mark:3:kill", "state_write:3:EIO", "state_write:5:kill", "control_send:1:EIO",
    "source_read:9:kill,stream_sync:3:ENOSPC,state_write:4:ENOSPC",
])
def test_faults(faulty, fault):
    """Every process of the run meets them again, until all is read and delivered."""
    leat = faulty
    files = [
        source(leat, datagen_events=30000, datagen_transaction_size=100,
               errors_retry_delay_initial_ms=10),
        sink(leat, null_reject_every=3000, errors_retry_delay_initial_ms=10),
    ]
    leat.run(*files, env={"LEAT_FAULT": fault})
    until(lambda: leat.alive() or cursor(leat)["read"] == 30000, 60, "all of it")
    leat.stop()
    assert keys(leat) == list(range(30000))
    counts = state(leat)["counts"]
    assert counts["received"] == counts["appended"] == 30000
    assert cursor(leat)["delivered"] + cursor(leat)["dead"] == 30000


@pytest.mark.parametrize("fault", ["stream_sync:2:kill", "stream_sync:2:EIO", "stream_mark:1:kill"])
def test_status_after_an_end_between_frame_and_mark(faulty, fault):
    """The frames are there, readers prove and see them: status tells the same, though the process
    that wrote them never mirrored it to its counters page."""
    faulty.call("run", "--once", source(faulty, datagen_events=1000))
    faulty.run(source(faulty, datagen_events=2000), env={"LEAT_FAULT": fault})
    until(lambda: "restart_in_ms" in faulty.stderr, 30, "its end")
    faulty.kill()
    assert keys(faulty) == list(range(2000))
    counts = state(faulty)["counts"]
    assert (counts["received"], counts["appended"], counts["in_flight"]) == (2000, 2000, 0)
    assert state(faulty)["position"]
    faulty.call("run", "--once", source(faulty, datagen_events=2000))
    assert len(keys(faulty)) == 2000


def test_status_while_it_opens(faulty):
    """It lives, though nobody answers yet."""
    faulty.run(source(faulty), env={"LEAT_FAULT": "stream_segment:1:60000ms"})
    until(lambda: state(faulty)["state"] == "STARTING", 30, "its process")
    assert "error" not in state(faulty)
    os.kill(state(faulty)["pid"], signal.SIGCONT)  # it is there


# ---- several connectors


def test_one_fails_the_other_lives(leat):
    leat.call("run", "--once", source(leat, datagen_events=10))
    thief = leat.write("thief.properties", {"connector.class": "datagen", "topic.prefix": "gen"})
    leat.run(thief, source(leat, datagen_rate=500))
    until(lambda: state(leat, "thief")["state"] == "FAILED", 30, "its failure")
    assert "gen" in state(leat, "thief")["error"]["message"]
    assert state(leat, "thief")["error"]["code"] == "topic.claimed"
    n = leat.read_until(TOPIC, 20)[-1]["offset"]
    leat.read_until(TOPIC, n + 100)
    assert leat.stop() == 1
    assert keys(leat) == list(range(len(keys(leat))))


def test_one_process_a_connector(leat):
    file = source(leat, datagen_rate=100)
    leat.run(file)
    running(leat)
    done = leat.call("run", file, ok=(1,))
    assert "connector.locked" in done.stderr and str(state(leat)["pid"]) in done.stderr
    assert state(leat)["state"] == "RUNNING"
    assert leat.stop() == 0


def test_stop_one(leat):
    leat.run(source(leat, datagen_rate=100), source(leat, "other", datagen_rate=100))
    running(leat), running(leat, "other")
    leat.call("stop", "other")
    assert state(leat, "other")["state"] == "STOPPED"
    assert state(leat)["state"] == "RUNNING"
    assert "control.not_running" in leat.call("stop", "other", ok=(1,)).stderr
    leat.call("stop", "gen")
    assert leat.wait(20) == 0  # nothing is left to run


def test_pause_and_resume(leat):
    leat.run(source(leat, datagen_rate=1000))
    running(leat)
    leat.read_until(TOPIC, 10)
    assert ask(leat, "gen", "pause")["ok"]
    until(lambda: state(leat)["state"] == "PAUSED", 10, "the pause")
    n = int(leat.call("read", TOPIC, "--count").stdout)
    time.sleep(0.5)
    assert int(leat.call("read", TOPIC, "--count").stdout) == n
    assert ask(leat, "gen", "resume")["ok"]
    leat.read_until(TOPIC, n + 10)
    assert leat.stop() == 0


def test_control_requests(leat):
    leat.run(source(leat, datagen_rate=100), sink(leat))
    running(leat), running(leat, "out")
    assert ask(leat, "gen", "status")["name"] == "gen"
    assert ask(leat, "gen", "finish")["error"]["code"] == "control.verb"
    assert ask(leat, "out", "dance")["error"]["code"] == "control.verb"
    assert ask(leat, "gen", "log-level", level="nonsense")["error"]["code"] == "control.request"
    assert ask(leat, "gen", "log-level", level="debug")["ok"]
    assert "connector.started" in ask(leat, "gen", "log")["lines"]
    assert leat.stop() == 0


# ---- sinks


def test_a_sink_that_fails(leat):
    leat.call("run", "--once", source(leat, datagen_events=40000, datagen_transaction_size=100),
              sink(leat, null_fail_every=3, errors_retry_delay_initial_ms=10))
    assert cursor(leat) == {"read": 40000, "delivered": 40000, "dead": 0}


def test_a_sink_that_never_works(leat):
    done = leat.call(
        "run", "--once", source(leat, datagen_events=100),
        sink(leat, null_fail_every=1, errors_max_retries=2, errors_retry_delay_initial_ms=10),
        ok=(1,),
    )
    assert done.stderr.count("null.failed") == 3
    assert cursor(leat) == {"read": 0, "delivered": 0, "dead": 0}
    assert state(leat, "out")["state"] == "FAILED"
    assert state(leat, "out")["error"]["code"] == "null.failed"
    assert len(keys(leat)) == 100


def test_a_sink_that_rejects(leat):
    leat.call("run", "--once", source(leat, datagen_events=1000),
              sink(leat, null_reject_every=100))
    assert cursor(leat) == {"read": 1000, "delivered": 990, "dead": 10}
    letters = leat.call("dead-letters", "out", "list", "--json").stdout.splitlines()
    letters = [json.loads(line) for line in letters]
    places = [json.loads(letter["position"]) for letter in letters]
    assert places == [{"topic": TOPIC, "offset": n} for n in range(99, 1000, 100)]
    assert {letter["code"] for letter in letters} == {"null.rejected"}
    one = leat.call("dead-letters", "out", "show", letters[3]["id"]).stdout
    assert "null.rejected" in one and '"offset":399' in one
    assert TOPIC in leat.call("dead-letters", "out", "list").stdout


def test_a_slow_sink_stops_in_order(leat):
    leat.run(source(leat, datagen_rate=2000), sink(leat, null_delay_ms=300))
    running(leat, "out")
    until(lambda: cursor(leat)["delivered"] > 0, 30, "a batch")
    assert leat.stop() == 0
    before = cursor(leat)
    assert before["read"] == before["delivered"]
    n = len(keys(leat))
    leat.run(sink(leat))
    until(lambda: cursor(leat)["read"] == n, 30, "the rest")
    assert leat.stop() == 0


def test_a_sink_waits_for_its_topics(leat):
    """One topic of a stream, then another of the same, then one of another stream."""
    wanted = f"{TOPIC},gen.datagen.t2,gen.datagen.t3,late.datagen.t1"
    leat.run(sink(leat, topics=wanted))
    until(lambda: "sink.topic_missing" in leat.stderr or leat.alive(), 30, "the waiting")
    few = {"datagen_keys": 3, "datagen_deletes": 0, "datagen_transaction_size": 1}
    leat.call("run", "--once", source(leat, datagen_events=1, datagen_tables=3, **few))
    until(lambda: cursor(leat)["read"] == 1, 30, "the first topic")
    leat.call("run", "--once", source(leat, datagen_events=3000, datagen_tables=3, **few))
    until(lambda: cursor(leat)["read"] == 3000, 30, "the others")
    leat.call("run", "--once", source(leat, "late", datagen_events=100))
    until(lambda: cursor(leat, source="late")["read"] == 100, 30, "the other stream")
    assert leat.stop() == 0


def test_a_topic_added_to_a_sink(leat):
    """What the stream held of it before is delivered too."""
    made = source(leat, datagen_events=900, datagen_tables=3, datagen_keys=3)
    leat.call("run", "--once", made, sink(leat))
    assert cursor(leat)["read"] == 300
    leat.call("run", "--once", made, sink(leat, topics=f"{TOPIC},gen.datagen.t3"))
    assert cursor(leat)["read"] == 600
    more = source(leat, datagen_events=1800, datagen_tables=3, datagen_keys=3)
    leat.call("run", "--once", more, sink(leat, topics=f"{TOPIC},gen.datagen.t3"))
    assert cursor(leat)["read"] == 1200


# ---- reading


@pytest.fixture
def made(leat):
    """1,000 changes; the topic's records are theirs, one each."""
    leat.call("run", "--once", source(leat, datagen_events=1000, datagen_transaction_size=10))
    return leat


def test_read_from(made):
    assert keys(made, TOPIC, "--from", "beginning") == list(range(1000))
    assert keys(made, TOPIC, "--from", "990") == list(range(990, 1000))
    assert [r["offset"] for r in made.read(TOPIC, "--from", "998")] == [998, 999]
    assert made.read(TOPIC, "--from", "end") == []
    assert made.read(TOPIC, "--from", "5000") == []


def test_read_from_a_time(made):
    time.sleep(0.01)
    made.call("run", "--once", source(made, datagen_events=1100, datagen_transaction_size=10))
    second = made.read(TOPIC, "--format", "native", "--from", "1000")[0]["ts_us"]
    at = datetime.datetime.fromtimestamp(second / 1e6, datetime.timezone.utc)
    assert keys(made, TOPIC, "--from", at.isoformat())[-100:] == list(range(1000, 1100))
    assert min(keys(made, TOPIC, "--from", at.isoformat())) > 0
    assert keys(made, TOPIC, "--from", "2020-01-01") == list(range(1100))
    assert keys(made, TOPIC, "--from", "2120-01-01") == []


def test_read_max_and_count(made):
    assert keys(made, TOPIC, "--max", "7") == list(range(7))
    assert keys(made, TOPIC, "--max=7", "--from=3") == list(range(3, 10))
    assert made.call("read", TOPIC, "--count").stdout == "1000\n"
    assert made.call("read", TOPIC, "--count", "--from", "900").stdout == "100\n"
    assert made.call("read", TOPIC, "--count", "--max", "10").stdout == "10\n"
    assert made.json("read", TOPIC, "--count") == {"records": 1000}


def test_read_count_of_changes_with_several_records(leat):
    """A delete is two records; an offset may lie between them."""
    leat.call("run", "--once",
              source(leat, datagen_events=400, datagen_keys=10, datagen_deletes=1000))
    records = leat.read(TOPIC)
    assert len(records) > 400
    assert [r["offset"] for r in records] == list(range(len(records)))
    assert any(r["value"] is None for r in records)
    for first in (0, 7, 11, 12, 13, 14, len(records) - 1):
        rest = leat.read(TOPIC, "--from", first)
        assert [r["offset"] for r in rest] == list(range(first, len(records)))
        count = leat.call("read", TOPIC, "--count", "--from", first).stdout
        assert int(count) == len(rest)


def test_read_follow(leat):
    leat.run(source(leat, datagen_rate=500))
    running(leat)
    done = leat.call("read", TOPIC, "--follow", "--max", "300", "--format", "native")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["after"]["id"] for e in events] == list(range(300))
    assert leat.stop() == 0


def test_read_follow_waits_for_the_topic(leat):
    with subprocess.Popen(
        [leat.binary, "read", "--data", leat.data, TOPIC, "--follow", "--max", "20"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as reader:
        try:
            assert TOPIC in reader.stderr.readline()
            leat.call("run", "--once", source(leat, datagen_events=20))
            out, _ = reader.communicate(timeout=30)
            assert len(out.splitlines()) == 20 and reader.returncode == 0
        finally:
            reader.kill()


def test_read_into_a_closed_pipe(made):
    read = f"{made.binary} read --data {made.data} {TOPIC}"
    done = subprocess.run(["bash", "-c", f"{read} | head -1; exit ${{PIPESTATUS[0]}}"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1


def test_read_onto_a_full_disk(made):
    read = f"{made.binary} read --data {made.data} {TOPIC}"
    done = subprocess.run(["bash", "-c", f"{read} >/dev/full"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and "ENOSPC" in done.stderr


def test_topics(made):
    (topic,) = made.topics()
    assert topic.pop("bytes") > 1000
    assert topic == {"topic": TOPIC, "connector": "gen", "partitions": 1, "first_offset": 0,
                     "next_offset": 1000, "connector_exists": True}
    assert TOPIC in made.call("topics").stdout


def test_read_two_topics(leat):
    few = {"datagen_events": 90, "datagen_tables": 3, "datagen_keys": 3, "datagen_deletes": 0}
    leat.call("run", "--once", source(leat, **few), source(leat, "other", datagen_events=5))
    both = leat.read(TOPIC, "gen.datagen.t3")
    assert [r["topic"] for r in both] == [TOPIC, "gen.datagen.t3"] * 30
    done = leat.call("read", TOPIC, "other.datagen.t1", ok=(1,))
    assert "topic.elsewhere" in done.stderr and done.stdout == ""
    assert "topic.unknown" in leat.call("read", TOPIC, "none", ok=(1,)).stderr


def test_read_follow_interrupted(leat):
    with subprocess.Popen(
        [leat.binary, "read", "--data", leat.data, TOPIC, "--follow"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as reader:
        try:
            assert TOPIC in reader.stderr.readline()
            reader.send_signal(signal.SIGINT)
            out, said = reader.communicate(timeout=30)
            assert (out, said, reader.returncode) == ("", "", 0)
        finally:
            reader.kill()


def test_unknown_things(made):
    assert "topic.unknown" in made.call("read", "gen.datagen.t9", ok=(1,)).stderr
    assert "connector.unknown" in made.call("status", "nobody", ok=(1,)).stderr
    assert "connector.unknown" in made.call("stop", "nobody", ok=(1,)).stderr
    assert "connector.unknown" in made.call("dead-letters", "nobody", "list", ok=(1,)).stderr
    assert "dead_letter.unknown" in made.call("dead-letters", "gen", "show", 5, ok=(1,)).stderr
    assert "config.missing" in made.call("check", "nobody", ok=(2,)).stderr


def test_status_of_all(leat):
    assert leat.status() == []
    assert leat.data in leat.call("status").stderr
    leat.call("run", "--once", source(leat, datagen_events=10), sink(leat))
    assert [(s["name"], s["kind"], s["class"]) for s in leat.status()] == [
        ("gen", "source", "datagen"), ("out", "sink", "null")]
    os.makedirs(f"{leat.data}/connectors/empty")  # none: nothing is known of it
    os.makedirs(f"{leat.data}/connectors/broken")
    with open(f"{leat.data}/connectors/broken/state.db", "w", encoding="utf-8") as f:
        f.write("this is no database, though it is long enough to be taken for one " * 9)
    rows = json.loads(leat.call("status", "--json", ok=(1,)).stdout)
    assert [r["name"] for r in rows] == ["broken", "gen", "out"]
    assert rows[0]["state"] == "UNKNOWN" and rows[0]["error"]["code"] == "state.damaged"


def test_check(made):
    assert "ok" in made.call("check", "gen").stdout
    assert "ok" in made.call("check", source(made)).stdout
    assert made.call("check", sink(made), "--sql").stdout == ""


# ---- wrong usage


@pytest.mark.parametrize("command", [
    "run", "read", "topics", "check", "status", "stop", "dead-letters"])
def test_help(leat, command):
    done = leat.call(command, "--help")
    assert done.stdout.startswith(f"usage: leat {command}") and done.stderr == ""
    assert "--data" in done.stdout


@pytest.mark.parametrize("words", [
    "run", "run --once", "run --no-such-option x", "run --log-level loud x.properties",
    "run no-such-file.properties", "run --once=yes x.properties",
    "read", "read t --from", "read t --from never", "read t --from -1", "read t --max many",
    "read t --max -1", "read t --format xml", "read t u --from 5", "read t -f",
    "topics x", "topics --data", "topics --data=",
    "check", "check a b", "check nothing-of-this-name", "check --sql --undo x.properties",
    "status --bad", "status ..", "status a/b", "status -- -x",
    "stop", "stop ../..", "dead-letters", "dead-letters x", "dead-letters x eat",
    "dead-letters x show", "dead-letters x show one", "dead-letters x show 0",
    "dead-letters a/b list", "connector", "connector x",
])
def test_wrong_usage(leat, words):
    command, *rest = words.split()
    data = [] if "--data" in words else ["--data", leat.data]
    done = subprocess.run([leat.binary, command, *data, *rest], capture_output=True, text=True,
                          timeout=60, cwd=leat.folder, check=False)
    assert done.returncode in ((2,) if command != "connector" else (2, 78)), done.stderr
    assert done.stdout == "" and done.stderr.startswith("leat") or command == "connector"
    assert not os.path.exists(leat.data)


@pytest.mark.parametrize("args", [[], ["nonsense"], [""], ["--nonsense"]])
def test_no_such_command(leat, args):
    done = subprocess.run([leat.binary, *args], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 2 and "leat" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("name", ["../out", "a/b", "..", ".x", "-x", "a\\tb", "x" * 201, "x.tmp"])
def test_names_that_are_no_folder(leat, name):
    file = leat.write("x.json", '{"name":"%s","config":{"connector.class":"datagen"}}' % name)
    done = leat.call("run", file, ok=(2,))
    assert "x.json" in done.stderr and "name" in done.stderr
    assert not os.path.exists(leat.data) and os.listdir(leat.folder) == ["x.json"]


def test_all_that_is_wrong_at_once(leat):
    first = source(leat, datagen_events="many", tasks_max=0, datagen_columns="blob")
    second = leat.write("bad.properties", "name=a/b\nconnector.class=null\n")
    third = leat.write("worse.json", "{")
    done = leat.call("run", first, second, third, "absent.properties", ok=(2,))
    for words in ("datagen.events", "tasks.max", "a/b", "topics", "worse.json", "absent.prop"):
        assert words in done.stderr
    assert "gen.properties:4" in done.stderr  # the line
    assert not os.path.exists(leat.data)


def test_two_of_one_name(leat):
    other = leat.write("other.properties", "name=gen\nconnector.class=datagen\n")
    assert "two connectors" in leat.call("run", source(leat), other, ok=(2,)).stderr


# ---- what others may see


def test_files_are_private(leat):
    os.umask(0o022)
    leat.run(source(leat, datagen_rate=100), sink(leat))
    running(leat), running(leat, "out")
    leat.read_until(TOPIC, 10)
    for folder, folders, files in os.walk(leat.data):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            assert os.lstat(path).st_mode & 0o077 == 0, path
    assert leat.stop() == 0


def test_secrets_are_not_shown(leat):
    secret = "hunter2-correct-horse"
    file = source(leat, datagen_rate=100, some_password=secret, database_password=secret)
    leat.run(file, "--log-level", "trace")
    pid = running(leat)
    shown = leat.call("status").stdout + json.dumps([state(leat), ask(leat, "gen", "log")])
    for path in (f"/proc/{pid}/cmdline", f"/proc/{pid}/environ"):
        with open(path, encoding="utf-8", errors="replace") as f:
            shown += f.read()
    assert leat.stop() == 0
    done = leat.call("run", "--strict", file, ok=(2,))
    shown += leat.stderr + leat.stdout + done.stderr + done.stdout
    assert "some.password" in shown and secret not in shown


def test_nothing_is_left_running(leat):
    """However a run ends, its connectors do not outlive it for long, and leave no socket."""
    leat.run(source(leat, datagen_rate=100), sink(leat))
    pids = [running(leat), running(leat, "out")]
    assert leat.stop() == 0
    assert all(gone(pid) for pid in pids)
    assert glob.glob(f"{leat.data}/connectors/*/control.sock") == []


def test_two_folders_do_not_meet(leat, tmp_path):
    other = Leat(tmp_path / "other")
    leat.call("run", "--once", source(leat, datagen_events=100))
    other.call("run", "--once", source(other, datagen_events=50))
    assert len(keys(leat)) == 100 and len(keys(other)) == 50
