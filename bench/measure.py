"""Running a command and finding out what it cost: time, processor time, memory."""

import contextlib
import dataclasses
import glob
import os
import resource
import subprocess
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


@dataclasses.dataclass
class Cost:
    """Of one run of a command with all its children."""

    seconds: float
    cpu: float  # user and system seconds
    server_cpu: float = 0.0  # of the database meanwhile
    out: bytes = b""

    def rate(self, n):
        return n / self.seconds

    def cpu_per_million(self, n):
        return self.cpu / n * 1e6


def run(cmd, keep=False):
    """cmd to its end, which must be status 0; its stdout thrown away unless keep."""
    start = time.monotonic()
    child = subprocess.Popen(
        [str(c) for c in cmd],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if keep else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    errors = []
    reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
    reader.start()
    out = child.stdout.read() if keep else b""
    _, code, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    reader.join()
    child.returncode = os.waitstatus_to_exitcode(code)
    if child.returncode != 0:
        text = errors[0].decode(errors="replace")
        raise RuntimeError(f"{' '.join(map(str, cmd))}: status {child.returncode}\n{text}")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(seconds, cpu, out=out)


def _stat(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return f.read().rpartition(")")[2].split()


def cpu(pid):
    """User and system seconds of a process that runs, without its children."""
    return sum(int(t) for t in _stat(pid)[11:13]) / TICK


def threads_cpu(pid, prefix):
    """Those of its threads whose names begin so."""
    ticks = 0
    for task in glob.glob(f"/proc/{pid}/task/*"):
        with contextlib.suppress(OSError):
            with open(f"{task}/stat", encoding="utf-8", errors="replace") as f:
                name, _, rest = f.read().partition("(")[2].rpartition(")")
            if name.startswith(prefix):
                ticks += sum(int(t) for t in rest.split()[11:13])
    return ticks / TICK


def server_cpu(server):
    """Seconds of the server's processes, those that have ended too."""
    postmaster = server.process.pid
    ticks = sum(int(t) for t in _stat(postmaster)[11:15])  # its own, and those it has reaped
    for pid in children(postmaster)[1:]:
        with contextlib.suppress(OSError):
            ticks += sum(int(t) for t in _stat(pid)[11:13])
    return ticks / TICK


def children(pid):
    """Those of a process and of its children, itself first."""
    found = [pid]
    for one in found:
        for tasks in glob.glob(f"/proc/{one}/task/*/children"):
            with contextlib.suppress(OSError), open(tasks, encoding="ascii") as f:
                found += [int(p) for p in f.read().split()]
    return found


def _sum(path, prefix):
    total = 0
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith(prefix):
                total += int(line.split()[1]) * 1024
    return total


def private_bytes(pid):
    """Memory that only this process has (unique set size); 0 if it has gone."""
    return _sum(f"/proc/{pid}/smaps_rollup", "Private_")


class Memory:
    """Samples the private memory of a command's connector process, every 5 ms, until stopped;
    threads: and what share of its processor time those took whose names begin so."""

    def __init__(self, pid, threads=None):
        self.pid, self.samples, self.done = pid, [], threading.Event()
        self.threads, self.theirs, self.all = threads, 0.0, 0.0
        self.resident = 0.0  # MiB at most, shared libraries too: the kernel's own high-water mark
        self.thread = threading.Thread(target=self._sample)
        self.thread.start()

    def _sample(self):
        while not self.done.wait(0.005):
            for pid in children(self.pid)[1:]:
                if used := private_bytes(pid):
                    self.samples.append(used)
                    self.resident = max(self.resident, _sum(f"/proc/{pid}/status", "VmHWM") / MIB)
                    self._look_at_threads(pid)

    def _look_at_threads(self, pid):
        if self.threads:
            with contextlib.suppress(OSError, IndexError):
                self.theirs = max(self.theirs, threads_cpu(pid, self.threads))
                self.all = max(self.all, cpu(pid))

    def stop(self):
        self.done.set()
        self.thread.join()

    @property
    def share(self):
        """Of the threads, which may have ended before the process."""
        return self.theirs / self.all if self.all else 0.0

    @property
    def peak(self):
        return max(self.samples, default=0) / MIB

    @property
    def usual(self):
        """The median: what it holds while it works."""
        ordered = sorted(self.samples)
        return ordered[len(ordered) // 2] / MIB if ordered else 0.0


class Peak:
    """Samples private memory four times a second: a JVM's takes a while to add up."""

    def __init__(self, pid):
        self.pid, self.most, self.done = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self._sample)
        self.thread.start()

    def _sample(self):
        while not self.done.wait(0.25):
            self.most = max(self.most, private_bytes(self.pid))

    def stop(self):
        self.done.set()
        self.thread.join()
        return self.most / MIB


def many_descriptors(n):
    """This process, and what it starts, may have n open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (n, max(n, most)))


def percentile(values, f):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(f * len(ordered)))]
