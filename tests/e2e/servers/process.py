"""A child process that does not outlive the tests, and what starting one needs."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time


def free_port():
    """A port on loopback that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


PATIENCE = 150  # seconds: no wait of 10 s or more ends before, however busy the machine is


def until(condition, seconds=30, what="it", every=0.02):
    """Calls condition until it gives something true, and returns that."""
    seconds = max(seconds, PATIENCE) if seconds >= 10 else seconds
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(every)


def gone(pid):
    """The process has ended, whether or not somebody has taken note of it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # before the open, before the read
        return True


def sh(*cmd):
    """A short command that must do: what it says on stdout."""
    done = subprocess.run(cmd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(cmd)}: {done.stdout}{done.stderr}"
    return done.stdout


class Process:
    """cmd in the background, stdout and stderr to files; killed if the tests die."""

    def __init__(self, cmd, stderr, stdout=None, user=None, env=None, cwd=None):
        # setpriv becomes the program, so pid and signals are the program's own.
        cmd = [*as_user(user), *cmd] if user else ["setpriv", "--pdeathsig", "KILL", "--", *cmd]
        with open(stderr, "ab") as err, open(stdout or stderr, "ab") as out:
            self.popen = subprocess.Popen(
                [str(c) for c in cmd],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                start_new_session=True,  # a Ctrl-C is for the tests, which then end it in order
            )

    @property
    def pid(self):
        return self.popen.pid

    @property
    def status(self):
        """None while it runs, then its exit status; negative: the signal that ended it."""
        return self.popen.poll()

    def signal(self, sig):
        with contextlib.suppress(ProcessLookupError):
            self.popen.send_signal(sig)

    def wait(self, seconds=30):
        return self.popen.wait(seconds)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()


def as_user(user):
    """The start of a command line that runs the rest as user; nothing if we are no root."""
    pdeath = ["--pdeathsig", "KILL"]
    if os.geteuid() != 0:
        return ["setpriv", *pdeath, "--"]
    return ["setpriv", "--reuid", user, "--regid", user, "--init-groups", *pdeath, "--"]


def own(path, user):
    """Gives a folder to user, if we are root and so cannot run the server ourselves."""
    if os.geteuid() == 0:
        shutil.chown(path, user, user)
