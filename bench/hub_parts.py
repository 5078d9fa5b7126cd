"""The hub with 200 connectors: how soon all are up, what they cost when nothing happens, how fast
it answers; and what the others notice when one dies again and again."""

import concurrent.futures
import contextlib
import glob
import http.client
import json
import os
import re
import signal
import socket
import time

import measure
from report import progress
from servers.process import until

MIB = 1 << 20
IDLE_S = 10
ASKED = 500
KILLS, HUB_KILLS = 100, 20


class Client:
    """One connection that is kept."""

    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method, path, body=None):
        text = self.text(method, path, body)
        return json.loads(text) if text else None

    def text(self, method, path, body=None):
        """As it was sent."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self.http.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        return text


class Hub:
    """`leat serve` on a free port; its connectors are found by their pids."""

    def __init__(self, leat, *args):
        def ports():
            with contextlib.suppress(OSError):
                return re.findall(r"hub\.listening url=http://127\.0\.0\.1:(\d+)", leat.stderr)
            return []

        before = len(ports())
        self.leat, self.began = leat, time.monotonic()
        leat.start("serve", "--listen", "127.0.0.1:0", *args)
        until(lambda: len(ports()) > before, 60, "the hub to listen", every=0.01)
        self.port = int(ports()[-1])
        self.client = Client(self.port)

    def counters(self):
        return self.client.ask("GET", "/hub/v1/counters")

    def wait_running(self, n):
        """Seconds from the start until n run."""

        def all_run():
            states = [c["state"] for c in self.counters().values()]
            return len(states) == n and all(s == "RUNNING" for s in states)

        until(all_run, 300, f"{n} connectors to run", every=0.02)
        return time.monotonic() - self.began

    def pids(self):
        return {name: c["pid"] for name, c in self.counters().items()}


def _configs(world, n, wal):
    """name -> configuration: most make up a few changes and then have nothing to do; and the
    database of the others."""
    found, db = {}, None
    if wal:
        db = world.postgres.database()
        for i in range(wal):
            db.sql(f"CREATE TABLE t{i} (id int PRIMARY KEY)")
            found[f"wal{i:03}"] = db.properties() | {
                "topic.prefix": f"wal{i:03}",
                "slot.name": f"{db.name}_{i}",
                "publication.name": f"{db.name}_{i}",
                "publication.autocreate.mode": "filtered",
                "table.include.list": f"public.t{i}",
                "snapshot.mode": "no_data",
            }
    for i in range(n - wal):
        found[f"gen{i:03}"] = {
            "connector.class": "datagen",
            "topic.prefix": f"gen{i:03}",
            "datagen.events": 100,
            "datagen.stay": "true",
        }
    return {name: {k: str(v) for k, v in c.items()} for name, c in found.items()}, db


def _create(hub, configs):
    def one(item):
        Client(hub.port).ask("POST", "/connectors", {"name": item[0], "config": item[1]})

    hub.began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, configs.items()))
    return hub.wait_running(len(configs))


def _steady(hub, n):
    """The names of n new connectors of 1,000 changes a second."""
    names = [f"gen{i}" for i in range(n)]
    _create(hub, {n: {"connector.class": "datagen", "topic.prefix": n, "datagen.rate": "1000"}
                  for n in names})
    return names


def _cpu(pids):
    """Processor seconds of their threads, to the nanosecond: ticks miss what wakes up for less."""
    total = 0
    for pid in pids:
        for file in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with contextlib.suppress(OSError), open(file, encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total / 1e9


def _asks(hub, path):
    took = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        hub.client.text("GET", path)  # to its last byte; what a client then does with it is its own
        took.append((time.perf_counter() - begun) * 1000)
    return took


def hub(world, table):
    """200 connectors in one hub."""
    n, wal = max(2, int(200 * world.args.scale)), max(1, int(10 * world.args.scale))
    created, again, idle, each, own, p50, p99 = [], [], [], [], [], [], []
    for i in range(world.runs):
        leat = world.leat()
        configs, db = _configs(world, n, wal)
        it = Hub(leat)
        created.append(_create(it, configs))
        leat.stop(120)
        it = Hub(leat)
        again.append(it.wait_running(n))
        time.sleep(3)  # the starts' own work has ended
        pids = [leat.process.pid, *measure.children(leat.process.pid)[1:]]
        before = _cpu(pids)
        time.sleep(IDLE_S)
        idle.append((_cpu(pids) - before) / IDLE_S * 100)
        used = sorted(measure.private_bytes(pid) / MIB for pid in it.pids().values())
        each.append(used[-1])
        took = _asks(it, "/connectors?expand=status&expand=info")
        p50.append(measure.percentile(took, 0.5))
        p99.append(measure.percentile(took, 0.99))
        own.append(measure.private_bytes(leat.process.pid) / MIB)
        progress(f"   {i + 1}/{world.runs}: made {created[-1]:.2f} s, again {again[-1]:.2f} s,"
                 f" idle {idle[-1]:.1f} %, each {each[-1]:.2f} MiB (median {used[n // 2]:.2f}),"
                 f" hub {own[-1]:.1f} MiB, p50 {p50[-1]:.1f} ms, p99 {p99[-1]:.1f} ms")
        leat.stop(120)
        world.forget(leat)
        db.drop()  # with its slots, of which a server has few
    name = f"{n} connectors"
    table.add("hub", f"{name} made by REST: all run after", created, "s", 5, least=False)
    table.add("hub", f"{name}, hub started again: all run after", again, "s", 5, least=False)
    table.add("hub", f"{name}, idle: processor of all", idle, "% of a core", 5, least=False)
    table.add("hub", "private memory of the largest connector", each, "MiB", 4, least=False)
    table.add("hub", "private memory of the hub", own, "MiB", 16, least=False)
    table.add("hub", "GET /connectors with status and info, p50", p50, "ms")
    table.add("hub", "GET /connectors with status and info, p99", p99, "ms", 10, least=False)


# ---- one dies, the others do not notice


def _rate(hub, names, seconds, meanwhile):
    before, begun = hub.counters(), time.monotonic()
    meanwhile(begun + seconds)
    after, took = hub.counters(), time.monotonic() - begun
    return sum(after[n]["appended"] - before[n]["appended"] for n in names) / took


def _wait(end):
    time.sleep(max(0, end - time.monotonic()))


def _kill_often(hub, name, kills):
    """Starts it again by REST, which waits for no pause; the seconds that took."""
    for _ in range(kills):
        pid = until(lambda: hub.pids()[name], 60, f"{name} to have a process", every=0.005)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until(lambda p=pid: hub.pids()[name] != p, 60, f"the end of {name}", every=0.005)
        hub.client.ask("POST", f"/connectors/{name}/restart")


def _kill_hub(leat):
    leat.process.signal(signal.SIGKILL)
    leat.process.wait()
    leat.process = None


def isolation(world, table):
    """Ten connectors; one is killed 100 times, then the hub 20 times."""
    kept, same = [], []
    kills = max(2, int(KILLS * world.args.scale))
    hub_kills = max(1, int(HUB_KILLS * world.args.scale))
    for _ in range(world.runs):
        leat = world.leat()
        it = Hub(leat)
        names = _steady(it, 10)
        others = names[1:]
        quiet = _rate(it, others, 10, _wait)
        shaken = _rate(it, others, 0, lambda _: _kill_often(it, names[0], kills))
        kept.append(shaken / quiet * 100)
        before = it.pids()
        for _ in range(hub_kills):
            _kill_hub(leat)
            it = Hub(leat)
            it.wait_running(len(names))
        after = it.pids()
        same.append(sum(after[n] == before[n] for n in others))
        leat.stop(120)
        world.forget(leat)
    table.add("isolation", f"rate of the others while one is killed {kills} times", kept,
              "% of undisturbed", 90)
    table.add("isolation", f"of 9 processes, the same after {hub_kills} kills of the hub", same,
              "processes", 9)


# ---- one goes wrong in each of the ways there are

WRONG_S = 10
# What goes wrong: how it is bounded, and what it is then called by the hub.
WRONG = {
    "leak": ({"limits.memory": "16m", "limits.process.memory": "120m"}, "limits.process.memory"),
    "spin": ({"limits.cpu": "20", "stalled.after.ms": "1000"}, "source.hangs"),
    "flood": ({"limits.rate.events": "1000"}, "limits.rate.events"),
    "deadlock": ({"stalled.after.ms": "1000"}, "source.hangs"),
    "crash": ({}, "signal 11"),
}


def _named(hub, name, text):
    """The hub tells what is wrong with it; as its state, or as what holds it."""
    status = hub.client.ask("GET", f"/connectors/{name}/status")["connector"]
    why = hub.client.ask("GET", f"/hub/v1/connectors/{name}/why")["why"]
    return text in status.get("trace", "") + why


def wrong(world, table):
    """Nine connectors beside one that leaks, spins, floods, waits for itself or crashes."""
    kept = {fault: [] for fault in WRONG}
    for _ in range(world.runs):
        leat = world.leat()
        it = Hub(leat)
        names = _steady(it, 9)
        before = it.pids()
        for fault, (bounds, text) in WRONG.items():
            quiet = _rate(it, names, WRONG_S, _wait)
            config = {"connector.class": "datagen", "topic.prefix": fault, "datagen.rate": "1000",
                      "datagen.fault": fault, **bounds}
            it.client.ask("POST", "/connectors", {"name": fault, "config": config})
            until(lambda f=fault, t=text: _named(it, f, t), 120, f"{fault} to be named", every=0.05)
            shaken = _rate(it, names, WRONG_S, _wait)
            kept[fault].append(shaken / quiet * 100)
            pid = it.pids()[fault]
            if pid:  # it may not have one between two starts
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            it.client.ask("DELETE", f"/connectors/{fault}")
        after = it.pids()
        if any(after[n] != before[n] for n in names):
            raise RuntimeError(f"one that is good was started again: {before} {after}")
        leat.stop(120)
        world.forget(leat)
    for fault, values in kept.items():
        table.add("isolation", f"rate of nine beside one that goes wrong: {fault}, named", values,
                  "% of undisturbed", 90)


# ---- many connections

SOCKETS = 10000


def connections(world, table):
    """Connections that say nothing, and those that stop in the middle of a request; then it is
    asked."""
    p99, held = [], []
    n = max(100, int(SOCKETS * world.args.scale))
    measure.many_descriptors(n + 1000)
    for _ in range(world.runs):
        leat = world.leat()
        it = Hub(leat, "--max-connections", str(n + 500), "--request-timeout", "600")
        sockets = []
        for i in range(n):
            one = socket.create_connection(("127.0.0.1", it.port), timeout=60)
            if i % 2:
                one.sendall(b"GET /connectors HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: ")
            sockets.append(one)
        took = _asks(it, "/connectors?expand=status")
        p99.append(measure.percentile(took, 0.99))
        held.append((measure.private_bytes(leat.process.pid) / MIB))
        for one in sockets:
            one.close()
        it.client.ask("GET", "/health")
        leat.stop(120)
        world.forget(leat)
    table.add("hub", f"beside {n} open connections: GET, p99", p99, "ms", 10, least=False)
    table.add("hub", f"private memory of the hub with {n} connections", held, "MiB")


PARTS = {"hub": hub, "isolation": isolation, "wrong": wrong, "connections": connections}
