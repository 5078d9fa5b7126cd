"""leat built with the thread sanitizer: source and sink run while others ask, pause, resume and
stop them without a pause. A race that the sanitizer sees in any of the processes fails the test."""

import glob
import itertools
import os
import threading

import pytest
from datagen import ask, cursor, keys, sink, source, state
from leat import ROOT
from servers.process import until

HAMMERS = 4
VERBS = [
    ("gen", "status"), ("out", "status"), ("gen", "pause"), ("gen", "log"), ("gen", "status"),
    ("gen", "resume"), ("out", "log"), ("gen", "nonsense"), ("out", "pause"), ("gen", "resume"),
    ("out", "resume"), ("gen", "status"),
]


@pytest.fixture
def watched(leat):
    """build-tsan/leat. The sanitizer wants addresses that are not random (setarch -R)."""
    program = os.path.join(ROOT, "build-tsan/leat")
    leat.binary = leat.write("leat-tsan", f'#!/bin/sh\nexec setarch -R {program} "$@"\n')
    os.chmod(leat.binary, 0o755)
    options = f"log_path={leat.folder}/race exitcode=66 second_deadlock_stack=1"
    leat.races = {"TSAN_OPTIONS": options}
    return leat


def races(leat):
    found = ""
    for path in glob.glob(f"{leat.folder}/race.*"):
        with open(path, encoding="utf-8", errors="replace") as f:
            found += f.read()
    return found


def hammer(leat, going, asked, errors):
    for i, (name, verb) in enumerate(itertools.cycle(VERBS)):
        if not going.is_set():
            return
        try:
            ask(leat, name, verb)
            asked.append(verb)
        except (OSError, ValueError) as e:  # it is just starting, or drops whom it cannot serve
            errors.append((i, verb, str(e)))


@pytest.mark.parametrize("fault", [None, "source_read:40:EIO,cursor_store:20:EIO"])
def test_hammered(watched, fault):
    env = watched.races | ({"LEAT_FAULT": fault} if fault else {})
    again = {"errors_retry_delay_initial_ms": 10}
    files = [source(watched, datagen_rate=10000, datagen_transaction_size=10, **again),
             sink(watched, **again)]
    watched.run(*files, env=env)
    until(lambda: watched.alive() or state(watched)["state"] == "RUNNING", 60, "the source")
    going, asked, errors = threading.Event(), [], []
    going.set()
    hands = [threading.Thread(target=hammer, args=(watched, going, asked, errors), daemon=True)
             for _ in range(HAMMERS)]
    for hand in hands:
        hand.start()
    until(lambda: watched.alive() or cursor(watched)["read"] >= 10000, 120, "a part of it")
    going.clear()
    for hand in hands:
        hand.join(20)
    ask(watched, "gen", "resume")
    ask(watched, "out", "resume")
    ask(watched, "gen", "stop")  # by the verb, and at the same time by the signal
    assert watched.stop() == 0
    assert races(watched) == ""
    assert len(asked) > 100, errors[:10]
    made = keys(watched)
    assert made == list(range(len(made))) and len(made) >= 10000
