"""`leat upgrade`: a hub becomes another program and keeps port, pid and children; its connectors
are started again one by one, and not when the first of them does not come back."""

import os
import shutil
import threading

from hub import Hub
from leat import Leat
from servers.process import gone, until


def own_copy(tmp_path):
    """A leat whose program may be replaced."""
    leat = Leat(str(tmp_path / "leat"))
    program = str(tmp_path / "program")
    shutil.copy2(leat.binary, program)
    leat.binary = program
    return leat


def replace(leat, content=None):
    """Another program in its place, as a package does it: an equal one, or what is given."""
    new = leat.binary + ".new"
    if content is None:
        shutil.copy(leat.binary, new)
    else:
        with open(new, "w", encoding="ascii") as f:
            f.write(content)
    os.chmod(new, 0o755)
    os.replace(new, leat.binary)


def pids(hub, names):
    return {name: hub.counters(name)["pid"] for name in names}


def offsets_are_whole(leat, name):
    """No change is missing, none is there twice: datagen's keys are their numbers."""
    keys = [r["key"]["id"] if "id" in r["key"] else list(r["key"].values())[0]
            for r in leat.read(f"{name}.datagen.t1", "--format", "json")]
    assert keys == list(range(len(keys))) or keys == list(range(1, len(keys) + 1)), keys[:5]


class Asker:
    """Asks the hub again and again; an answer may be cut off, but nobody is refused."""

    def __init__(self, hub):
        self.hub, self.ended, self.answers, self.refused = hub, threading.Event(), 0, []
        self.thread = threading.Thread(target=self.ask, daemon=True)
        self.thread.start()

    def ask(self):
        while not self.ended.wait(0.01):
            try:
                self.answers += self.hub.ask("GET", "/connectors").status == 200
            except ConnectionRefusedError as e:
                self.refused.append(e)
            except OSError:
                pass  # a connection that was open

    def end(self):
        self.ended.set()
        self.thread.join()


def test_all_run_the_new_program(tmp_path):
    leat = own_copy(tmp_path)
    try:
        hub = Hub(leat)
        names = ["a", "b", "c"]
        for name in names:
            hub.make(name, datagen_rate="500", datagen_deletes="0")
        hub.make("paused", state="PAUSED", datagen_rate="500")
        hub.make("off", state="STOPPED")
        for name in names:
            hub.wait_events(name, 20)
        hub.wait_state("paused", "PAUSED")
        first, hub_pid = pids(hub, [*names, "paused"]), leat.process.pid
        replace(leat)
        asker = Asker(hub)
        try:
            done = leat.json("upgrade")
        finally:
            asker.end()
        assert done["state"] == "DONE" and done["connectors"] == 4, done
        assert [r["name"] for r in done["restarted"]] == ["a", "b", "c", "paused"]
        assert not asker.refused and asker.answers > 0
        leat.alive()
        assert leat.process.pid == hub_pid
        second = pids(hub, [*names, "paused"])
        assert all(second[n] != first[n] and gone(first[n]) for n in first)
        assert hub.state("paused") == "PAUSED" and hub.state("off") == "STOPPED"
        for name in names:
            hub.wait_events(name, 20)
            offsets_are_whole(leat, name)
        assert hub.get("/hub/v1/upgrade")["state"] == "DONE"
        again = leat.json("upgrade")
        assert again["state"] == "DONE" and again["connectors"] == 0, "there was nothing to do"
        assert pids(hub, names) == {n: second[n] for n in names}
        assert leat.stop() == 0
        assert all(gone(pid) for pid in second.values())
    finally:
        leat.kill()


def test_a_program_that_does_not_take_over_is_left(tmp_path):
    leat = own_copy(tmp_path)
    try:
        hub = Hub(leat)
        hub.make("a", datagen_rate="500")
        hub.wait_events("a", 20)
        before, binary = pids(hub, ["a"]), str(tmp_path / "kept")
        shutil.copy2(leat.binary, binary)
        replace(leat, "#!/bin/sh\necho no such thing: $* >&2\nexit 2\n")
        leat.binary = binary
        failed = leat.call("upgrade", ok=(1,))
        assert "upgrade.program" in failed.stderr, failed.stderr
        assert "no such thing" in failed.stderr, failed.stderr
        assert pids(hub, ["a"]) == before
        hub.wait_events("a", 20)
        assert hub.get("/hub/v1/upgrade")["state"] == "FAILED"
    finally:
        leat.kill()


def test_the_first_that_does_not_come_back_ends_it(tmp_path):
    """Its state is damaged under it: it runs on, and does not start again. Mended, it goes on."""
    leat = own_copy(tmp_path)
    try:
        hub = Hub(leat)
        names = ["a", "b", "c"]
        for name in names:
            hub.make(name, datagen_rate="500")
        for name in names:
            hub.wait_events(name, 20)
        first = pids(hub, names)
        folder = f"{leat.data}/connectors/b/stream"
        segment = sorted(s for s in os.listdir(folder) if s.endswith(".seg"))[-1]
        kept = f"{folder}/../kept"
        os.rename(f"{folder}/{segment}", kept)  # its process has it open
        os.mkdir(f"{folder}/{segment}")
        replace(leat)
        failed = leat.call("upgrade", ok=(1,))
        assert "upgrade.connector" in failed.stderr and "b: " in failed.stderr, failed.stderr
        now = pids(hub, names)
        assert now["a"] != first["a"] and now["c"] == first["c"], "c was left as it was"
        hub.wait_events("a", 20)
        hub.wait_events("c", 20)
        os.rmdir(f"{folder}/{segment}")
        os.rename(kept, f"{folder}/{segment}")
        hub.ask("POST", "/connectors/b/restart")
        hub.wait_state("b")
        done = leat.json("upgrade")
        assert [r["name"] for r in done["restarted"]] == ["c"], done
        until(lambda: pids(hub, ["c"])["c"] != first["c"], 60, "c")
    finally:
        leat.kill()


def test_there_is_no_hub(leat):
    assert "upgrade.no_hub" in leat.call("upgrade", ok=(1,)).stderr
