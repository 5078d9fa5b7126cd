"""`leat verify` of a source and its target that both move, kept to a tenth of either database."""

import json
import random
import threading
import time

import measure
from servers.process import until
from target import PostgresTarget, sink

LOAD = 10  # per cent of the time


class Writer:
    """A hundred updates a second at the source, until stopped."""

    def __init__(self, db, n):
        self.db, self.n, self.done = db, n, threading.Event()
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self):
        with self.db.connect() as c:
            while not self.done.wait(0.01):
                c.execute("UPDATE acc SET abalance = abalance + 1 WHERE aid = %s",
                          (random.randint(1, self.n),))
                c.commit()

    def stop(self):
        self.done.set()
        self.thread.join()


class Sessions:
    """Processor seconds of the sessions of a name in a database, sampled until stopped."""

    def __init__(self, db, name):
        self.db, self.name, self.cpu, self.done = db, name, {}, threading.Event()
        self.thread = threading.Thread(target=self._sample)
        self.thread.start()

    def _sample(self):
        with self.db.connect() as c:
            while not self.done.wait(0.1):
                pids = c.execute("SELECT pid FROM pg_stat_activity WHERE datname = "
                                 "current_database() AND application_name = %s", (self.name,))
                for pid, in pids.fetchall():
                    try:
                        self.cpu[pid] = measure.cpu(pid)
                    except FileNotFoundError:
                        pass  # it has ended
                c.rollback()

    def stop(self):
        self.done.set()
        self.thread.join()
        return sum(self.cpu.values())


def verify(world, table):
    """Five million rows, in the source and in another database of the server, under updates."""
    n = world.scaled(5_000_000)
    backlog = world.backlog(0, 1000, before=lambda b: b.db.sql(f"CALL load({n}, 1000)"))
    target, leat = PostgresTarget(world.postgres), world.leat()
    conf = backlog.config(leat, backlog.slot(), **{"snapshot.mode": "initial"})
    leat.run("--log-level", "warn", conf, leat.write("pump.properties", sink(target,
                                                                             ["b.public.acc"])))

    def all_there():
        leat.alive()
        there = target.sql("SELECT to_regclass('acc')") != [(None,)]
        return there and target.sql("SELECT count(*) FROM acc") == [(n,)]

    until(all_there, 120 + n / 5000, "the snapshot in the target", every=2)
    took, busy, cpu = [], {"source": [], "target": []}, {"source": [], "target": []}
    writer = Writer(backlog.db, n)
    for _ in range(world.runs):
        sessions = {"source": Sessions(backlog.db, "leat verify"),
                    "target": Sessions(target.db, "leat verify")}
        began = time.monotonic()
        out = measure.run([leat.binary, "verify", "pump", "--data", leat.data, "--json",
                           "--load", f"{LOAD}%"], keep=True).out
        took.append(time.monotonic() - began)
        result = json.loads(out.splitlines()[-1])
        assert result["equal"] and result["rows"] >= n, result
        for side, sampled in sessions.items():
            busy[side].append(result[f"{side}_percent"])
            cpu[side].append(100 * sampled.stop() / took[-1])
    writer.stop()
    table.add("verify", "all rows proven equal", took, "s")
    for side in busy:
        table.add("verify", f"statements at the {side}", busy[side], "%", LOAD, least=False)
        table.add("verify", f"processor, {side}'s sessions", cpu[side], "%", LOAD, least=False)
    world.forget(leat)
    target.drop()
    backlog.close()


PARTS = {"verify": verify}
