#!/usr/bin/env python3
"""Runs the tests: builds what they need, runs suites side by side, counts every single test.

    tests/run.py            all but the peers
    tests/run.py NAME       one suite (check, unit, vectors, sim, fuzz, tsan, e2e), or the tests of
                            a name
    tests/run.py --peers    the comparisons with real Debezium and Kafka
    tests/run.py --long     what takes hours: see DEVELOPING.md

What passes takes a line a suite, what fails is shown in full. The last line is
"N passed, N failed", with ", N skipped" when tests were skipped: those are listed before it, each
with its reason. The exit status is 0 only if something ran and nothing failed.

A test is one cmocka test, one pytest test, one fuzz target or one static check.
"""

import argparse
import concurrent.futures
import dataclasses
import glob
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "check"))
import checks  # noqa: E402
import selftest  # noqa: E402

C_SUITES = ["unit", "vectors", "sim"]
SUITES = ["check", *C_SUITES, "fuzz", "tsan", "e2e"]
# Unit tests that have several threads or processes: run with the thread sanitizer too.
THREADED = ["control", "embedded", "engine", "fault", "follow", "log", "os", "pull", "readers",
            "sinkrun", "supervisor", "tasks"]
FUZZ_SECONDS = os.environ.get("FUZZ_SECONDS", "5")
FUZZ_SEED = os.environ.get("FUZZ_SEED", "1")  # 0: another one each time
PYTEST_SECONDS = 2400
PARTS = 6  # of the end-to-end tests: each starts servers of its own
HOURS = float(os.environ.get("HOURS", "1"))  # of --long: the soak; the rest takes what it takes
AGAIN_MOST = 3  # tests of a part that may be run again, alone, because they failed among others
AGAIN_TIMES = 3  # as often one has to pass then
SIM_SEEDS = int(os.environ.get("SIM_SEEDS", "1000000"))  # of --long, in two processes


@dataclasses.dataclass
class Result:
    """What one job (a test program, a pytest run, a check) found out about its tests."""

    suite: str
    name: str
    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)  # names
    skipped: list = dataclasses.field(default_factory=list)  # (name, reason)
    shaky: list = dataclasses.field(default_factory=list)  # names: failed once, then passed alone
    output: str = ""  # shown if something failed, or did once
    notes: list = dataclasses.field(default_factory=list)  # shown in any case


def say(text=""):
    print(text, flush=True)


def execute(cmd, timeout=None, env=None, cwd=ROOT):
    """Runs cmd with nothing on stdin; (status, stdout, stderr), status None after the time-out."""
    proc = subprocess.Popen(
        cmd,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # so that a time-out ends its children too
    )
    try:
        out, err = proc.communicate(timeout=timeout)
        return proc.returncode, out, err
    except BaseException as e:
        os.killpg(proc.pid, signal.SIGKILL)
        out, err = proc.communicate()
        if isinstance(e, subprocess.TimeoutExpired):
            return None, out, err
        raise


def ended(status, timeout):
    if status is None:
        return f"no end after {timeout} s"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


# ---- C: cmocka programs that print TAP


def c_tests(suite, folder="build-san"):
    """The programs of a suite, as the build knows them."""
    _, out, _ = execute(["meson", "introspect", folder, "--tests"])
    return [t for t in json.loads(out) if any(s.split(":")[-1] == suite for s in t["suite"])]


def run_c(suite, test, before=()):
    """before: a command that runs the test's."""
    result = Result(suite, test["name"])
    status, out, err = execute([*before, *test["cmd"]], test["timeout"], test["env"])
    planned, seen, reason = None, 0, "no reason given"
    for line in out.splitlines():
        if m := re.match(r"1\.\.(\d+)", line):
            planned = int(m[1])
        elif m := re.match(r"# skip: (.*)", line):  # SKIP of tests/test.h
            reason = m[1]
        elif m := re.match(r"(not )?ok \d+ (?:# SKIP |- )?(.*)", line):
            seen += 1
            name = f"{suite}/{test['name']}: {m[2]}"
            if "# SKIP" in line:  # cmocka says "not ok 3 # SKIP name"
                result.skipped.append((name, reason))
            elif m[1]:
                result.failed.append(name)
            else:
                result.passed += 1
    if (status != 0 and not result.failed) or planned is None or seen < planned:
        why = f"{ended(status, test['timeout'])}, {seen} of {planned} tests told"
        result.failed.append(f"{suite}/{test['name']}: {why}")
    result.output = out + err
    return result


# ---- fuzz targets: their corpus first, then some seconds of looking for more


def fuzz_targets():
    found = glob.glob(os.path.join(ROOT, "build-fuzz", "tests", "fuzz_*"))
    return sorted(os.path.basename(f)[5:] for f in found if os.path.isfile(f))


def run_fuzz(name):
    result = Result("fuzz", name)
    corpus = os.path.join(ROOT, "tests", "fuzz", "corpus", name)
    with tempfile.TemporaryDirectory() as found:
        status, out, err = execute(
            [
                os.path.join(ROOT, "build-fuzz", "tests", "fuzz_" + name),
                f"-max_total_time={FUZZ_SECONDS}",
                f"-seed={FUZZ_SEED}",
                "-timeout=10",
                "-rss_limit_mb=1024",
                "-print_final_stats=1",
                f"-artifact_prefix=build-fuzz/{name}-",
                found,
                *([corpus] if os.path.isdir(corpus) else []),
            ],
            timeout=int(FUZZ_SECONDS) + 120,
        )
    if status == 0:
        result.passed = 1
    else:
        result.failed.append(f"fuzz/{name}: {ended(status, int(FUZZ_SECONDS) + 120)}")
        result.output = "\n".join((out + err).splitlines()[-80:]) + "\n"
    return result


# ---- Python: pytest against real servers


VENV = threading.Lock()  # suites run side by side, and several want it


def venv():
    """build/venv with what tests/e2e/requirements.txt pins; the path of its python."""
    with VENV:
        return make_venv()


def make_venv():
    folder = os.path.join(ROOT, "build", "venv")
    wanted = os.path.join(ROOT, "tests", "e2e", "requirements.txt")
    stamp = os.path.join(folder, "made-from")
    with open(wanted, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    python = os.path.join(folder, "bin", "python")
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == digest:
        return python
    base = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    for cmd in (
        [base, "-m", "venv", "--clear", folder],
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", wanted],
    ):
        status, out, err = execute(cmd, timeout=600)
        if status != 0:
            raise RuntimeError(f"{' '.join(cmd)}: {ended(status, 600)}\n{out}{err}")
    with open(stamp, "w", encoding="utf-8") as f:
        f.write(digest)
    return python


def fetch(what):
    """Kafka or MySQL into the user's cache, where it can be had; its tests skip where it cannot."""
    with VENV:
        status, out, err = execute(["tools/setup.sh", what], timeout=1800)
    if status != 0:
        raise RuntimeError(f"tools/setup.sh {what}: {ended(status, 1800)}\n{out}{err}")


def pytest_cases(cmd, seconds, env):
    """Runs pytest; its exit status, what it printed, and its cases as junit has them."""
    with tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "report.xml")
        status, out, err = execute([*cmd, "--junitxml", report], timeout=seconds, env=env)
        cases = []
        if os.path.exists(report):
            cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
        return status, out + err, cases


def trouble(case):
    """The failure of a case, or the error of its fixtures, or None."""
    failure = case.find("failure")
    return case.find("error") if failure is None else failure


def node(folder, case):
    name = case.get("classname", "").split(".")[-1]
    return f"{folder}/{name}.py::{case.get('name')}"


def parts(folder):
    """The files of a folder's tests in parts of about the same size, those that use Kafka together:
    a part starts one at most."""
    def uses_kafka(path):
        with open(path, encoding="utf-8") as f:
            return re.search(r"def \w+\(.*\bkafka\b", f.read()) is not None

    files = sorted(glob.glob(os.path.join(ROOT, folder, "test_*.py")))
    files.sort(key=uses_kafka, reverse=True)
    n = -(-len(files) // PARTS)
    return [[os.path.relpath(f, ROOT) for f in files[i:i + n]] for i in range(0, len(files), n)]


def run_pytest(suite, folder, name=None, seconds=PYTEST_SECONDS, before=(), env=None, files=()):
    """before: a command that runs pytest's. files: these of the folder, not all. Tests that failed,
    if they are few and not asked for by a name, are run again without the others, and told: one
    that then passes each time was disturbed, one that does not has failed."""
    result = Result(suite, "pytest")
    try:
        python = venv()
        if suite != "tsan":
            fetch("kafka")
            fetch("mysql")
    except RuntimeError as e:
        result.failed.append(f"{suite}: what the tests need could not be fetched")
        result.output = str(e) + "\n"
        return result
    cmd = [*before, python, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    only = ["-k", name] if name else []
    what = files or [folder]
    status, result.output, cases = pytest_cases([*cmd, *what, *only], seconds, env)
    shaky = {node(folder, c) for c in cases if trouble(c) is not None}
    if 0 < len(shaky) <= AGAIN_MOST and not name and suite != "long":
        for _ in range(AGAIN_TIMES):
            status, output, again = pytest_cases([*cmd, *sorted(shaky)], seconds, env)
            result.output += output
            if status != 0:
                break
        else:
            cases = [c for c in cases if trouble(c) is None] + again
            # Of tests that have passed nothing is to say the opposite but what they said.
            result.output = re.sub(r"(?m)^(FAILED|ERROR) .*\n", "", result.output)
    for case in cases:
        test = f"{suite}/{case.get('classname', '').split('.')[-1]}: {case.get('name')}"
        skip = case.find("skipped")
        if trouble(case) is not None:
            if test not in result.failed:
                result.failed.append(test)
        elif skip is not None:
            result.skipped.append((test, skip.get("message", "no reason given")))
        else:
            result.passed += 1
            if node(folder, case) in shaky:
                result.shaky.append(test)
    if status not in (0, 5) and not result.failed:  # 5: no test of that name
        result.failed.append(f"{suite}: pytest, {ended(status, seconds)}")
    return result


# ---- what takes hours


def run_program(suite, name, cmd, seconds):
    """A program that says by its exit status whether it passed; what it printed last is shown."""
    result = Result(suite, name)
    status, out, err = execute(cmd, timeout=seconds)
    last = out.splitlines()[-3:]
    result.notes = [f"{name}: {line}" for line in last]
    if status == 0:
        result.passed = 1
    else:
        result.failed.append(f"{suite}/{name}: {ended(status, seconds)}")
        result.output = "\n".join((out + err).splitlines()[-200:]) + "\n"
    return result


def long_jobs():
    """Mounts of the tests are seen by nobody else; the soak runs when they have ended, since it
    measures. The simulator's seeds begin elsewhere each time, or with SEED."""
    seed = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(3), "big") + 1
    say(f"seed {seed}: SEED={seed} make test-long")
    env = {"KILLS": os.environ.get("KILLS", "50"), "KILL_SEED": str(seed), "NETWORK_ROUNDS": "10"}
    env |= {"FAULT_ACTIONS": "all", "SNAP_KILLS": "30", "SNAP_ROWS": "5000000"}
    env |= {"SNAP_STANDBY_KILLS": "30", "SNAP_STANDBY_ROWS": "5000000"}
    env |= {"SNAP_KAFKA_ROWS": "1000000"}
    alone = ["unshare", "--mount", "--propagation", "private"] if os.geteuid() == 0 else []
    first = 100_000_000 + seed * 10
    half = max(1, SIM_SEEDS // 2)
    minutes = HOURS * 60

    def tests():
        return run_pytest("long", "tests/long", None, 6 * 3600, alone, env)

    def soak():
        cmd = [venv(), "-B", "tests/long/soak.py", "--minutes", str(minutes), "--seed", str(seed)]
        return run_program("long", "soak", cmd, minutes * 60 + 1800)

    def sim(n, *stream):
        each = half // 10 if stream else half
        seeds = f"{first + n * each}-{first + (n + 1) * each - 1}"
        cmd = ["nice", "-n", "10", "build-long/tests/sim_sim", *stream, "--seeds", seeds]
        return run_program("sim", " ".join([*stream, "seeds", seeds]), cmd, 24 * 3600)

    def beside():
        cmd = ["env", f"FROM={first}", f"SEEDS={first + 2 * half - 1}", "nice", "-n", "10"]
        return run_program("sim", "beside", [*cmd, "build-long/tests/sim_beside"], 24 * 3600)

    return [("long", tests, soak), ("sim", lambda: sim(0), lambda: sim(0, "--kafka")),
            ("sim", lambda: sim(1), lambda: sim(0, "--once"), beside)]


# ---- static checks


def run_check(name):
    result = Result("check", name)
    try:
        problems, result.notes = checks.run(name, checks.Tree(ROOT))
    except checks.Skip as e:
        result.skipped.append((f"check/{name}", str(e)))
        return result
    if problems:
        result.failed.append(f"check/{name}: {len(problems)} found")
        result.output = "".join(p + "\n" for p in problems)
    else:
        result.passed = 1
    return result


def run_selftest(name):
    problem = selftest.run(name)
    if problem:
        failed = [f"check/{name} (on bad samples)"]
        return Result("check", name + " on bad samples", failed=failed, output=problem + "\n")
    return Result("check", name + " on bad samples", passed=1)


# ---- what runs


def build(folder):
    started = time.monotonic()
    status, out, err = execute(["tools/build.sh", folder])
    if status != 0:
        return Result("build", folder, failed=[f"{folder} does not build"], output=out + err)
    say(f"{folder:<12} built ({time.monotonic() - started:.0f} s)")
    return None


def wanted(name, peers):
    """suite -> the test asked for, None for all of it."""
    if peers:
        return {"peers": None}
    if not name:
        return dict.fromkeys(SUITES)
    if name in SUITES:
        return {name: None}
    chosen = {}
    for suite in C_SUITES:
        if os.path.exists(os.path.join(ROOT, "tests", suite, f"test_{name}.c")):
            chosen[suite] = name
    if os.path.exists(os.path.join(ROOT, "tests", "fuzz", f"fuzz_{name}.c")):
        chosen["fuzz"] = name
    if name in checks.ALL:
        chosen["check"] = name
    for path in glob.glob(os.path.join(ROOT, "tests", "*", "test_*.py")):
        suite = os.path.basename(os.path.dirname(path))
        with open(path, encoding="utf-8") as f:
            if suite in SUITES and (name in os.path.basename(path)
                                    or re.search(rf"def \w*{re.escape(name)}", f.read())):
                chosen[suite] = name
    return chosen


def plan(chosen):
    """(suite, job) for all that was asked for, the long ones first; and what did not build."""
    needs = {"fuzz": "build-fuzz", "e2e": "build", "peers": "build", "check": "build",
             "tsan": "build-tsan"}
    folders = {needs.get(suite, "build-san") for suite in chosen}
    broken = [r for r in map(build, sorted(folders)) if r]
    lost = {r.name for r in broken}
    jobs = []
    for suite, name in chosen.items():
        if needs.get(suite, "build-san") in lost and suite != "check":
            continue
        if suite in ("e2e", "peers"):
            if not os.path.isdir(os.path.join(ROOT, "tests", suite)):
                continue
            folder = "tests/" + suite
            each = [()] if name or suite == "peers" else parts(folder)
            jobs[:0] = [(suite, lambda s=suite, d=folder, n=name, f=files:
                         run_pytest(s, d, n, files=f)) for files in each]
        elif suite == "tsan":
            jobs.insert(0, (suite, lambda n=name: run_pytest("tsan", "tests/tsan", n)))
            for test in c_tests("unit", "build-tsan"):
                if name is None and test["name"] in THREADED:
                    straight = ["setarch", "-R"]  # the sanitizer wants addresses as they are
                    jobs.append((suite, lambda t=test, s=straight: run_c("tsan", t, s)))
        elif suite == "fuzz":
            for target in fuzz_targets():
                if name in (None, target):
                    jobs.append((suite, lambda t=target: run_fuzz(t)))
        elif suite == "check":
            for check in checks.ALL:
                if name in (None, check):
                    jobs.append((suite, lambda c=check: run_check(c)))
                    jobs.append((suite, lambda c=check: run_selftest(c)))
        else:
            for test in c_tests(suite):
                if name in (None, test["name"]):
                    jobs.append((suite, lambda s=suite, t=test: run_c(s, t)))
    return jobs, broken


class Report:
    """Prints results as they come: a failure at once, a suite when its last job has ended."""

    def __init__(self, jobs):
        self.lock = threading.Lock()
        self.left = {}
        for suite, _ in jobs:
            self.left[suite] = self.left.get(suite, 0) + 1
        self.results = []
        self.started = time.monotonic()

    def add(self, result):
        with self.lock:
            self.results.append(result)
            if result.failed or result.shaky:
                word = "failed" if result.failed else "failed once"
                say(f"\n---- {result.suite}/{result.name} {word}")
                say(result.output.rstrip("\n"))
                say(f"---- end of {result.suite}/{result.name}\n")
            for note in result.notes:
                say(f"             {note}")
            left = self.left.get(result.suite, 1) - 1
            self.left[result.suite] = left
            if left == 0:
                self.suite(result.suite)

    def suite(self, suite):
        mine = [r for r in self.results if r.suite == suite]
        counts = self.counts(mine)
        say(f"{suite:<12} {counts} (after {time.monotonic() - self.started:.0f} s)")

    @staticmethod
    def counts(results):
        passed = sum(r.passed for r in results)
        failed = sum(len(r.failed) for r in results)
        skipped = sum(len(r.skipped) for r in results)
        return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")

    def end(self):
        """The lists and the last line; the exit status."""
        skipped = [s for r in self.results for s in r.skipped]
        failed = [f for r in self.results for f in r.failed]
        shaky = [f for r in self.results for f in r.shaky]
        for title, lines in (
            (f"failed once among others, passed alone {AGAIN_TIMES} times:",
             [f"  {name}" for name in shaky]),
            ("skipped:", [f"  {name}: {reason}" for name, reason in skipped]),
            ("failed:", [f"  {name}" for name in failed]),
        ):
            if lines:
                say("\n".join(["", title, *lines]))
        ran = any(r.passed for r in self.results)
        if not ran and not failed:
            say("\nnothing ran")
        say(f"\n{self.counts(self.results)}")
        return 0 if ran and not failed else 1


def run_long():
    broken = [r for r in map(build, ("build", "build-san", "build-long")) if r]
    jobs = [] if broken else long_jobs()
    report = Report([(suite, one) for suite, *each in jobs for one in each])
    for result in broken:
        report.add(result)

    def one_after_the_other(each):
        for one in each:
            report.add(one())

    with concurrent.futures.ThreadPoolExecutor(max(1, len(jobs))) as pool:
        for done in [pool.submit(one_after_the_other, each) for _, *each in jobs]:
            done.result()
    return report.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", help="a suite or a test")
    parser.add_argument("--peers", action="store_true", help="the comparisons with other products")
    parser.add_argument("--long", action="store_true", help="what takes hours")
    args = parser.parse_args()
    if args.long:
        return run_long()
    chosen = wanted(args.name, args.peers)
    if not chosen:
        say(f"no suite and no test is called {args.name}; suites: {', '.join(SUITES)}")
    jobs, broken = plan(chosen)
    report = Report(jobs)
    for result in broken:
        report.add(result)
    with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        for done in concurrent.futures.as_completed([pool.submit(job) for _, job in jobs]):
            report.add(done.result())
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
