"""The table at the end, and the file with everything in it."""

import json
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def progress(text):
    print(text, file=sys.stderr, flush=True)


def number(v):
    if v is None:
        return ""
    if abs(v) >= 1e6:
        return f"{v / 1e6:.2f}M"
    if abs(v) >= 1e4:
        return f"{v / 1e3:.0f}k"
    return f"{v:.2f}" if abs(v) < 10 else f"{v:.1f}"


def _git(*args):
    cmd = ["git", "-c", "safe.directory=*", "-C", ROOT, *args]
    return subprocess.run(cmd, capture_output=True, text=True).stdout.strip()


def machine():
    """One line: what this ran on, and how busy that was before."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        models = [line.split(":")[1].strip() for line in f if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0))
    model = models[0] if models else "unknown processor"
    load = os.getloadavg()[0]
    kernel = os.uname().release
    return f"{cores} cores ({model}), Linux {kernel}, load before {load:.2f}"


def commit():
    return _git("rev-parse", "--short=12", "HEAD") + (
        " with changes" if _git("status", "--porcelain") else ""
    )


class Report:
    """Rows of figures. A figure is a list of what each run gave; its median counts."""

    def __init__(self, args):
        self.args, self.rows, self.missed, self.notes = args, [], 0, []
        self.begun = time.monotonic()
        self.machine, self.commit = machine(), commit()

    def add(self, part, name, values, unit, target=None, least=True, cpu=None, server=None,
            recorded=None):
        """target: a bound that the median must reach (least) or not pass. cpu: seconds a million
        events, ours and the server's. recorded: Debezium's figure, of another run."""
        values = list(values)
        median = statistics.median(values)
        good = target is None or (median >= target if least else median <= target)
        self.missed += not good
        self.rows.append(
            {
                "part": part,
                "figure": name,
                "unit": unit,
                "median": median,
                "min": min(values),
                "max": max(values),
                "runs": values,
                "target": target,
                "at_least": least,
                "verdict": None if target is None else "pass" if good else "MISS",
                "cpu_s_per_million": cpu and statistics.median(cpu),
                "server_cpu_s_per_million": server and statistics.median(server),
                "debezium_recorded": recorded,
            }
        )
        progress(f"   {name}: {number(median)} {unit}")

    def note(self, text):
        """What the reader of the table has to know."""
        if text not in self.notes:
            self.notes.append(text)
            progress(f"   {text}")

    def _cells(self, r):
        bound = ""
        if r["target"] is not None:
            bound = f"{'>=' if r['at_least'] else '<='} {number(r['target'])}"
        return [
            r["part"],
            r["figure"],
            number(r["median"]),
            r["unit"],
            f"{number(r['min'])}-{number(r['max'])}" if len(r["runs"]) > 1 else "",
            bound,
            r["verdict"] or "",
            number(r["cpu_s_per_million"]),
            number(r["server_cpu_s_per_million"]),
            r["debezium_recorded"] or "",
        ]

    def show(self):
        head = ["part", "figure", "median", "unit", "min-max", "target", "", "CPU s/M", "server's",
                "Debezium*"]
        lines = [head] + [self._cells(r) for r in self.rows]
        wide = [max(len(line[i]) for line in lines) for i in range(len(head))]
        right = {2, 4, 7, 8}
        print()
        for line in lines:
            cells = (c.rjust(w) if i in right else c.ljust(w)
                     for i, (c, w) in enumerate(zip(line, wide)))
            print("  ".join(cells).rstrip())
        print("\nCPU s/M: processor seconds for a million events; server's: PostgreSQL's meanwhile")
        print("* recorded, other run: Debezium Server 3.6 with Kafka, docs/performance.md")
        for note in self.notes:
            print(f"note: {note}")
        minutes = (time.monotonic() - self.begun) / 60
        print(f"{self.machine}\ncommit {self.commit}, {self.args.runs} runs,"
              f" scale {self.args.scale:g}, texts: {self.args.text}, {minutes:.1f} minutes")
        if self.args.json:
            with open(self.args.json, "w", encoding="utf-8") as f:
                about = {"machine": self.machine, "commit": self.commit, "args": vars(self.args)}
                json.dump({**about, "rows": self.rows}, f, indent=1)
                f.write("\n")
