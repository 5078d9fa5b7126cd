#!/usr/bin/env python3
"""Random load and random faults for a given time, and then the books.

    tests/long/soak.py --minutes 60 [--seed N] [--keep]

PostgreSQL, a proxy before it, a source, a null sink. The load inserts, updates, deletes, changes
keys, truncates, alters, rolls back, writes big transactions and values stored apart. The faults
kill leat and the server, break the network, pause, stop the sink, fill the disk (as root). A line a
minute says how it goes: events, lag, memory, descriptors, threads. The verdict at the end: the
stream folded is the tables, each change is there once, the ledger balances, the sink has delivered
all of it, memory is flat.
Exit status 0 if all of that holds. A seed repeats load and faults, as far as time lets it.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from leat import Leat  # noqa: E402
from load import CREATE, TOPICS, Load, check, properties  # noqa: E402
from servers.postgres import Postgres  # noqa: E402
from servers.process import sh, until  # noqa: E402
from servers.proxy import Proxy  # noqa: E402

MB = 1 << 20
DISK_MB = 2048
FLAT_MB = 8  # what a process may have grown from its first third to its last
NAMES = ("shop", "out")


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Soak:
    def __init__(self, folder, seed):
        self.dice = random.Random(seed)
        self.folder = folder
        self.server = Postgres(os.path.join(folder, "pg"), max_slot_wal_keep_size="4GB").start()
        self.db = self.server.database()
        self.db.sql(CREATE)
        self.proxy = Proxy(self.server.port)
        self.leat = Leat(os.path.join(folder, "leat"))
        self.disk = self._mount()
        retry = {"errors_retry_delay_initial_ms": 50, "errors_retry_delay_max_ms": 2000}
        self.files = [
            self.leat.write("shop.properties", properties(
                self.db, database_port=self.proxy.port, heartbeat_interval_ms=1000, **retry)),
            self.leat.write("out.properties", {
                "name": "out", "connector.class": "null", "topics": ",".join(TOPICS),
                "errors.retry.delay.initial.ms": 50, "errors.retry.delay.max.ms": 2000}),
        ]
        self.samples = {}  # (name, pid) -> [(second, USS in bytes, descriptors, threads)]
        self.counts = {}  # fault -> how often
        self.leat.run(*self.files)
        self.load = Load(self.db, seed, wild=True, rest_s=0.03, big=0.002)

    def _mount(self):
        """The data folder on a disk of its own, which can be full. False without root."""
        if os.geteuid() != 0:
            return False
        os.makedirs(self.leat.data)
        sh("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "tmpfs", self.leat.data)
        return True

    # ---- looking

    def status(self, name):
        done = self.leat.call("status", name, "--json", ok=None)
        with contextlib.suppress(ValueError):
            return json.loads(done.stdout)
        return {}

    def sample(self, second):
        for name in NAMES:
            pid = self.status(name).get("pid")
            with contextlib.suppress(OSError, TypeError):
                uss = 0
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                    for line in f:
                        if line.startswith(("Private_Clean", "Private_Dirty")):
                            uss += int(line.split()[1]) * 1024
                fds = len(os.listdir(f"/proc/{pid}/fd"))
                threads = len(os.listdir(f"/proc/{pid}/task"))
                self.samples.setdefault((name, pid), []).append((second, uss, fds, threads))

    def line(self, second):
        source, sink = self.status("shop"), self.status("out")
        counts = source.get("counts", {})
        parts = [f"{second // 60} min", f"commits {self.load.commits}",
                 f"appended {counts.get('appended')}",
                 f"delivered {sink.get('counts', {}).get('delivered')}",
                 f"state {source.get('state')}/{sink.get('state')}",
                 f"lag {source.get('lag_bytes')}"]
        for name in NAMES:
            mine = [s[-1] for (n, _), s in self.samples.items() if n == name]
            if mine:
                _, uss, fds, threads = max(mine)
                parts.append(f"{name} {uss / MB:.1f} MB {fds} fds {threads} threads")
        say(", ".join(parts))

    # ---- faults: each leaves everything as it was

    def kill_connector(self):
        pid = self.status(self.dice.choice(NAMES)).get("pid")
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_leat(self):
        self.leat.kill()
        self.leat.run(*self.files)

    def stop_leat(self):
        self.leat.stop(60)
        self.leat.run(*self.files)

    def kill_server(self):
        self.server.kill()
        time.sleep(self.dice.uniform(0, 2))
        self.server.start()

    def restart_server(self):
        self.server.restart(self.dice.choice(["fast", "immediate"]))

    def network(self):
        what = self.dice.choice(["cut", "reset", "drop", "stall", "swallow", "delay"])
        {"cut": self.proxy.cut, "reset": self.proxy.reset, "stall": self.proxy.stall,
         "drop": lambda: self.proxy.drop_after(self.dice.randrange(1, 100000)),
         "swallow": self.proxy.swallow, "delay": lambda: self.proxy.delay(0.05)}[what]()
        time.sleep(self.dice.uniform(0.1, 5))
        self.proxy.mend()

    def pause(self):
        self.leat.call("pause", "shop", ok=None)
        time.sleep(self.dice.uniform(0.1, 5))
        done = self.leat.call("resume", "shop", ok=None)
        if done.returncode != 0:  # its process was just starting
            until(lambda: self.leat.call("resume", "shop", ok=None).returncode == 0, 60, "resume")

    def sleeping_sink(self):
        pid = self.status("out").get("pid")
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(self.dice.uniform(0.1, 5))
                os.kill(pid, signal.SIGCONT)

    def full_disk(self):
        """Nothing can be written to it for a while; what is in blocks already taken, can."""
        if not self.disk:
            return
        ballast = os.path.join(self.leat.data, "ballast")
        with contextlib.suppress(OSError), open(ballast, "wb") as f:
            free = os.statvfs(self.leat.data)
            os.posix_fallocate(f.fileno(), 0, free.f_bavail * free.f_bsize)
        time.sleep(self.dice.uniform(0.5, 5))
        os.unlink(ballast)

    FAULTS = (kill_connector, kill_leat, stop_leat, kill_server, restart_server, network, network,
              pause, sleeping_sink, full_disk)

    # ---- the whole

    def run(self, minutes):
        began = time.monotonic()
        told = 0
        calm_until = 0.0
        while (second := int(time.monotonic() - began)) < minutes * 60:
            self.leat.alive()
            if self.load.error:
                raise self.load.error
            if second >= calm_until:
                fault = self.dice.choice(self.FAULTS)
                fault(self)
                self.counts[fault.__name__] = self.counts.get(fault.__name__, 0) + 1
                # mostly one after the other, sometimes a while for memory to be looked at
                calm_until = second + self.dice.choice([1, 3, 5, 10, 60 if minutes > 5 else 20])
            self.sample(second)
            if second // 60 > told:
                told = second // 60
                self.line(second)
            time.sleep(1)

    def delivered_all(self, n):
        def reached():
            counts = self.status("out").get("counts", {})
            return counts if counts.get("delivered", 0) + counts.get("dead", 0) >= n else None

        counts = until(reached, 120, f"the sink's {n} events", every=0.3)
        assert counts["delivered"] == n and counts["dead"] == 0, f"{counts}, {n} in its topics"
        return counts

    def grown(self):
        """Of each process that lived long enough: how much more memory it had in the end."""
        for (name, pid), samples in self.samples.items():
            if len(samples) < 30:
                continue
            third = len(samples) // 3
            median = [sorted(s[i] for s in part)[third // 2]
                      for part in (samples[third:2 * third], samples[-third:]) for i in (1, 2, 3)]
            yield name, pid, len(samples), median[3] - median[0], median[4] - median[1], \
                median[5] - median[2]

    def verdict(self):
        self.proxy.mend()
        self.load.stop()
        events = check(self.db, self.leat)
        say(f"tables equal, each change once, ledger balanced: {events} events")
        self.delivered_all(events)
        say(f"sink: {events} delivered")
        for name, pid, n, uss, fds, threads in self.grown():
            say(f"{name} {pid}: {n} samples, memory {uss / MB:+.1f} MB, descriptors {fds:+d},"
                f" threads {threads:+d}")
            assert uss < FLAT_MB * MB and fds <= 2 and threads <= 0, f"{name} grows"
        assert self.leat.stop(60) == 0, self.leat.stderr[-3000:]

    def close(self):
        self.load.going = False
        self.leat.kill()
        self.proxy.close()
        self.server.stop("immediate")
        if self.disk:
            sh("umount", "-l", self.leat.data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 1 << 30))
    parser.add_argument("--keep", action="store_true", help="leave the folder as it is")
    args = parser.parse_args()
    if os.geteuid() == 0 and not os.environ.get("SOAK_ALONE"):  # mounts that nobody else sees
        os.environ["SOAK_ALONE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              "-B", *sys.argv])
    folder = tempfile.mkdtemp(prefix="leat-soak-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    say(f"seed {args.seed}, {args.minutes:g} minutes, {folder}")
    soak = Soak(folder, args.seed)
    good = False
    try:
        soak.run(args.minutes)
        say("faults: " + ", ".join(f"{n} {name}" for name, n in sorted(soak.counts.items())))
        soak.verdict()
        good = True
    except (AssertionError, TimeoutError, RuntimeError, OSError, subprocess.SubprocessError) as e:
        say(f"{type(e).__name__}: {e}")
        print(soak.leat.stderr[-8000:], file=sys.stderr)
    finally:
        soak.close()
        if good and not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    kept = "" if good else f"; see {folder}"
    say(f"{'passed' if good else 'FAILED'} (seed {args.seed}){kept}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
