"""How far a snapshot is, while `leat run` runs: bars on a terminal, lines elsewhere."""

import json
import os
import pty
import re
import struct
import subprocess
import termios
import fcntl
import threading

import pytest
from servers.process import until

HELD = "(SELECT pg_advisory_xact_lock_shared(7)::text) IS NOT NULL"


class Terminal:
    """Runs a command with a terminal as its standard error, and shows what stands there."""

    def __init__(self, *cmd, rows=24, columns=100):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *map(str, cmd)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=slave, start_new_session=True)
        os.close(slave)
        self.bytes = b""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                more = os.read(self.master, 65536)
            except OSError:  # nobody has it open any more
                return
            self.bytes += more

    def lines(self):
        """As they stand there: what moves the cursor and wipes is obeyed."""
        lines, row, column = [""], 0, 0
        text = self.bytes.decode("utf-8", "replace")
        for part in re.findall(r"\x1b\[\d*[A-Z]|\r|\n|[^\x1b\r\n]+", text):
            if part == "\r":
                column = 0
            elif part == "\n":
                row += 1
                if row == len(lines):
                    lines.append("")
            elif part.endswith("A") and part[0] == "\x1b":
                row = max(0, row - int(part[2:-1] or 1))
            elif part == "\x1b[J":
                del lines[row + 1:]
                lines[row] = lines[row][:column]
            else:
                assert part[0] != "\x1b", part
                line = lines[row].ljust(column)
                lines[row] = line[:column] + part + line[column + len(part):]
                column += len(part)
        return lines

    def wait(self):
        status = self.popen.wait(60)
        self.reader.join(60)
        os.close(self.master)
        return status


@pytest.fixture
def held(db):
    """A configuration whose snapshot does not end before held.release(): table u is locked."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY)")
    db.sql("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 1000) g")
    db.sql("INSERT INTO u SELECT generate_series(1, 500); ANALYZE")
    with db.connect() as c:
        c.execute("SELECT pg_advisory_lock(7)")
        yield {"release": lambda: c.execute("SELECT pg_advisory_unlock_all()"),
               "config": db.properties(name="shop") | {
                   "snapshot.select.statement.overrides": "public.u",
                   "snapshot.select.statement.overrides.public.u":
                       f"SELECT * FROM u WHERE {HELD}"}}


def run_of(leat, held, *args):
    config = leat.write("shop.properties", held["config"])
    return [leat.binary, "run", "--data", leat.data, "--once", *args, config]


@pytest.mark.parametrize("streaming", ["beside", "after"])
def test_bars(held, leat, streaming):
    """Below the log's lines, which are whole; when the snapshot is done nothing of it is left."""
    held["config"]["snapshot.streaming"] = streaming
    terminal = Terminal(*run_of(leat, held))

    def bars():
        lines = terminal.lines()
        at = [i for i, line in enumerate(lines) if line.startswith("shop: snapshot: ")]
        return lines[at[0]:] if at else None

    block = until(lambda: (b := bars()) and any("public." in line for line in b) and b, 60, "bars")
    assert re.match(r"shop: snapshot: \d of 2 tables, .* of 1\.5 k rows, ", block[0])
    assert re.match(r"shop:   public\.[tu] \[-{20}\] 0 %, 0 of (500|1.0 k) rows, 0 B", block[1])
    if streaming == "beside":  # else it is done at the next row
        leat.call("pause", "shop")  # says something in the log
        leat.call("resume", "shop")
        until(lambda: any(" connector.resume " in line for line in terminal.lines()), 60, "the log")
        until(lambda: bars() and terminal.lines()[-1].startswith("shop:"), 60, "bars below it")
    held["release"]()
    assert terminal.wait() == 0
    lines = [line for line in terminal.lines() if line]
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (INFO|WARN) ", line) for line in lines), lines
    assert sum(" connector.pause " in line for line in lines) == (streaming == "beside")
    assert sum(" connector.stopped " in line for line in lines) == 1


def test_quiet(held, leat):
    """Standard error stays the terminal."""
    terminal = Terminal(*run_of(leat, held, "--quiet"))
    until(lambda: any("connector.started" in line for line in terminal.lines()), 60, "the start")
    assert os.readlink(f"/proc/{terminal.popen.pid}/fd/2").startswith("/dev/pts/")
    held["release"]()
    assert terminal.wait() == 0
    assert b"\x1b" not in terminal.bytes


def test_lines(held, leat):
    """Where there is no terminal: lines of the log, here as JSON."""
    held["config"]["snapshot.streaming"] = "beside"
    leat.run("--once", "--log-json", leat.write("shop.properties", held["config"]))

    def told(code):
        lines = [json.loads(line) for line in leat.stderr.splitlines() if line.endswith("}")]
        return [line["text"] for line in lines if line["code"] == code]

    until(lambda: leat.alive() or told("snapshot.table"), 60, "a line of progress")
    assert re.match(r"connector=shop tables=2 done=\d rows=\d+ rows_total=1500 bytes=",
                    told("snapshot.progress")[0])
    assert re.match(r'connector=shop table="public.u" rows=0 rows_total=500 bytes=0',
                    told("snapshot.table")[-1])
    held["release"]()
    assert leat.wait() == 0
