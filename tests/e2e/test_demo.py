"""leat demo: it shows changes, and leaves nothing behind however it ends."""

import contextlib
import fcntl
import glob
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios

import pytest
from leat import Leat
from servers.process import as_user, until


class Demo:
    """`leat demo` with a folder of its own for the scratch folder it makes."""

    def __init__(self, folder, binary):
        self.folder = folder
        self.binary = binary
        self.process = None

    def start(self, *args, user=None, stdout=subprocess.PIPE, **options):
        env = {**os.environ, "TMPDIR": self.folder, "TERM": "xterm", "LEAT_DATA": "/nonexistent"}
        cmd = [*(as_user(user) if user else []), self.binary, "demo", *map(str, args)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                cmd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=log, env=env, **options
            )
        return self

    @property
    def log(self):
        return self.folder + ".log"

    @property
    def stderr(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def lines(self, n):
        """The next n lines of stdout."""
        return [self.process.stdout.readline().decode() for _ in range(n)]

    def finish(self, seconds=60):
        """All that is left of stdout, and the exit status."""
        out, _ = self.process.communicate(timeout=seconds)
        return out.decode(), self.process.returncode

    def processes(self):
        """pid -> command line of everything of this demo that still runs, itself included."""
        found = {}
        for path in glob.glob("/proc/[0-9]*"):
            try:
                with open(path + "/cmdline", "rb") as f:
                    cmd = f.read().replace(b"\0", b" ").decode(errors="replace")
                with open(path + "/environ", "rb") as f:
                    environ = f.read().decode(errors="replace")
            except OSError:
                continue
            if self.folder in cmd or f"TMPDIR={self.folder}" in environ:
                found[int(path[6:])] = cmd
        return found

    def left(self):
        return [*self.processes().values(), *os.listdir(self.folder)]

    def gone(self, seconds=20):
        until(lambda: not self.left(), seconds, f"the end of {self.left()}")


@pytest.fixture
def demo(scratch):
    folder = tempfile.mkdtemp(prefix="demo", dir=scratch)
    os.chmod(folder, 0o755)
    one = Demo(folder, Leat(os.path.join(folder + ".leat")).binary)
    yield one
    for pid in one.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if one.process:
        one.process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def test_json(demo):
    out, status = demo.start("--seconds", 3, "--json").finish()
    assert status == 0, demo.stderr
    assert demo.left() == []
    *records, total = [json.loads(line) for line in out.splitlines()]
    assert total["events"] == len(records) > 20
    assert 3 <= total["seconds"] < 10
    assert total["rate"] == pytest.approx(total["events"] / total["seconds"], rel=0.01)
    assert 0 < total["lag_ms_p50"] <= total["lag_ms_p99"]
    assert {r["topic"] for r in records} >= {"shop.public.customers", "shop.public.orders"}
    assert {r["value"]["op"] for r in records} >= {"r", "c", "u"}
    orders = [r for r in records if r["topic"] == "shop.public.orders"]
    assert [r["offset"] for r in orders] == list(range(len(orders)))
    assert all(isinstance(r["value"]["after"]["total"], float) for r in orders)
    assert not [r for r in records if "traffic" in r["topic"]]


def test_rate(demo):
    out, status = demo.start("--seconds", 3, "--json", "--rate", 200).finish()
    assert status == 0, demo.stderr
    transactions = {
        (r["value"]["source"]["txId"])
        for r in map(json.loads, out.splitlines()[:-1])
        if r["value"]["op"] != "r"
    }
    assert len(transactions) > 150  # slow machines do less than they are asked for
    assert demo.left() == []


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it(demo, sig):
    demo.start("--json")
    demo.lines(3)
    demo.process.send_signal(sig)
    out, status = demo.finish()
    assert status == 0, demo.stderr
    assert json.loads(out.splitlines()[-1])["events"] >= 3
    assert demo.left() == []


def test_a_signal_while_it_starts(demo):
    demo.start()
    until(lambda: os.listdir(demo.folder), 20, "the scratch folder")
    demo.process.send_signal(signal.SIGINT)
    assert demo.finish()[1] == 0, demo.stderr
    assert demo.left() == []


def test_a_second_signal(demo):
    demo.start("--json")
    demo.lines(3)
    demo.process.send_signal(signal.SIGINT)
    demo.process.send_signal(signal.SIGTERM)
    demo.process.send_signal(signal.SIGINT)
    assert demo.finish()[1] == 0, demo.stderr
    assert demo.left() == []


def test_killed(demo):
    demo.start("--json")
    demo.lines(3)
    assert any("postgres" in cmd for cmd in demo.processes().values())
    demo.process.kill()
    demo.finish()
    demo.gone()


def test_its_keeper_killed(demo):
    demo.start("--json")
    demo.lines(3)
    (keeper,) = children(demo.process.pid)
    os.kill(keeper, signal.SIGKILL)
    assert demo.finish()[1] == 1
    assert "was killed" in demo.stderr
    demo.gone()


def test_the_server_killed(demo):
    demo.start("--json")
    demo.lines(3)
    (pid_file,) = glob.glob(demo.folder + "/leat-demo-*/pg/data/postmaster.pid")
    with open(pid_file, encoding="ascii") as f:
        os.kill(int(f.readline()), signal.SIGKILL)
    assert demo.finish()[1] == 1
    assert "[demo.server]" in demo.stderr
    assert "ready to accept connections" in demo.stderr  # of the server's log
    demo.gone()


def test_nobody_reads(demo):
    demo.start()
    demo.lines(1)
    demo.process.stdout.close()
    assert demo.process.wait(60) == 0, demo.stderr
    demo.gone()


def test_an_ordinary_user(demo, scratch):
    if os.geteuid() != 0:
        pytest.skip("the other tests have shown it: this is no root")
    demo.binary = shutil.copy(demo.binary, scratch + "/leat")  # where the user can reach it
    os.chmod(demo.binary, 0o755)
    shutil.chown(demo.folder, "postgres")
    out, status = demo.start("--seconds", 1, "--json", user="postgres", cwd="/").finish()
    assert status == 0, demo.stderr
    assert json.loads(out.splitlines()[-1])["events"] > 0
    assert demo.left() == []


def test_a_terminal(demo):
    """Colours, a status line that is drawn again, and a Ctrl-C that is typed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TMPDIR=demo.folder, TERM="xterm")
        os.execv(demo.binary, [demo.binary, "demo", "--rate", "50"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 150, 0, 0))
    seen = b""
    while seen.count(b"Ctrl-C ends \x1b[0m") < 2:
        seen += os.read(terminal, 65536)
    os.write(terminal, b"\x03")
    try:
        while chunk := os.read(terminal, 65536):
            seen += chunk
    except OSError:
        pass  # nobody has the terminal open any more
    assert os.waitpid(pid, 0)[1] == 0
    os.close(terminal)
    text = seen.decode()
    assert re.search(r"\x1b\[32mc shop\.public\.orders +\x1b\[0mid=\d+ +customer_id=\d+ ", text)
    assert re.search(r"\r\x1b\[K", text)
    assert re.search(r" \d+ events \| \d+/s \| lag p50 [\d.]+ ms \| WAL held ", text)
    assert "leat read" in text or "read shop.public.orders" in text
    assert demo.left() == []


def test_plain_lines(demo):
    out, status = demo.start("--seconds", 2).finish()
    assert status == 0, demo.stderr
    assert "\x1b" not in out
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} u shop\.public\.orders +id=\d+ +status: ", out, re.M)
    assert re.search(r"^leat: \d+ events in [\d.]+ s", demo.stderr, re.M)


def test_others_read_beside_it(demo, tmp_path):
    data = tmp_path / "data"
    leat = Leat(tmp_path)
    demo.start("--data", data, "--json")
    products = leat.read_until("shop.public.products", 12, "--max", 12)
    ops = {r["value"]["op"] for r in products}
    assert "r" in ops and ops <= {"r", "c", "u", "d"}  # changes come beside the rows
    (status,) = leat.status()
    assert status["name"] == "shop" and status["state"] in ("RUNNING", "SNAPSHOT")
    leat.call("stop", "shop")
    assert demo.finish()[1] == 0
    assert "the connector was stopped" in demo.stderr
    assert demo.left() == []
    assert len(leat.read("shop.public.products")) >= 12  # the folder was named, so it stays

    demo.start("--data", data)
    assert demo.finish()[1] == 1
    assert "[demo.data_used]" in demo.stderr
    assert demo.left() == []


@pytest.mark.parametrize("used", ["hub.db", "connectors/warehouse"])
def test_a_folder_in_use(demo, tmp_path, used):
    (tmp_path / used).mkdir(parents=True)
    demo.start("--data", tmp_path)
    assert demo.finish()[1] == 1
    assert "[demo.data_used]" in demo.stderr
    assert demo.left() == []


def test_keep(demo):
    demo.start("--seconds", 1, "--keep")
    assert demo.finish()[1] == 0, demo.stderr
    assert not demo.processes()
    (kept,) = glob.glob(demo.folder + "/leat-demo-*")
    assert f"kept {kept}" in demo.stderr
    assert os.path.exists(kept + "/pg/data/PG_VERSION")
    assert os.path.exists(kept + "/data/connectors/shop")


def test_no_postgres(demo):
    demo.start("--postgres", "/nonexistent")
    assert demo.finish()[1] == 1
    assert "[demo.postgres_missing]" in demo.stderr
    assert demo.left() == []


@pytest.mark.parametrize("args", [["--rate", "0"], ["--seconds", "-1"], ["shop"], ["--rate", "x"]])
def test_wrong_usage(demo, args):
    demo.start(*args)
    assert demo.finish()[1] == 2
    assert demo.left() == []


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]
