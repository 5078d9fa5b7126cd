"""The binary, as a user runs it: in the background, in a scratch folder, by its command line."""

import json
import os
import signal
import subprocess

from servers.process import Process, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Leat:
    """One data folder and what runs on it. LEAT_BIN: another binary than build/leat."""

    def __init__(self, folder, binary=None):
        self.binary = str(binary or os.environ.get("LEAT_BIN") or os.path.join(ROOT, "build/leat"))
        self.folder = str(folder)
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "leat.stderr")
        self.out = os.path.join(self.folder, "leat.stdout")
        self.process = None
        os.makedirs(self.folder, exist_ok=True)

    # ---- configuration

    def write(self, name, config):
        """A configuration file in the folder: a dict as .properties (or .json), text as it is."""
        path = os.path.join(self.folder, name)
        if isinstance(config, dict) and name.endswith(".json"):
            config = json.dumps(config)
        elif isinstance(config, dict):
            config = "".join(f"{key}={_escape(value)}\n" for key, value in config.items())
        with open(path, "w", encoding="utf-8") as f:
            f.write(config)
        return path

    # ---- life

    def run(self, *args, env=None):
        """`leat run ARGS` in the background: files, options. env: "LEAT_FAULT" and the like."""
        return self.start("run", *args, env=env)

    def start(self, command, *args, env=None):
        assert self.process is None, "one at a time: stop() or kill() first"
        cmd = [self.binary, command, "--data", self.data, *args]
        self.process = Process(cmd, stderr=self.log, stdout=self.out, env=env, cwd=self.folder)
        return self

    def wait(self, seconds=60):
        """Until it ends by itself (run --once); its exit status."""
        status = self.process.wait(seconds)
        self.process = None
        return status

    def stop(self, seconds=30):
        """SIGTERM, as systemd does; its exit status. Killed if it does not end."""
        if self.process is None:
            return None
        self.process.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        """kill -9 of leat and of the connectors it started."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    # ---- questions

    def call(self, command, *args, ok=(0,), seconds=60, env=None):
        """`leat COMMAND ARGS` to its end: a CompletedProcess. ok: exit statuses that are right."""
        done = subprocess.run(
            [self.binary, command, "--data", self.data, *[str(a) for a in args]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd=self.folder,
            env={**os.environ, **(env or {})},
        )
        if ok is not None and done.returncode not in ok:
            raise AssertionError(
                f"leat {command} {' '.join(map(str, args))}: exit status {done.returncode}\n"
                f"{done.stdout}{done.stderr}"
            )
        return done

    def json(self, command, *args, **options):
        return json.loads(self.call(command, *args, "--json", **options).stdout)

    def read(self, topic, *args, **options):
        """All records of a topic, as `leat read` gives them: a list of dicts."""
        out = self.call("read", topic, *args, **options).stdout
        return [json.loads(line) for line in out.split("\n")[:-1]]

    def read_until(self, topic, n, *args, seconds=30):
        """At least n records; reads again until they are there."""

        def enough():
            self.alive()
            records = self.read(topic, *args, ok=None)  # the topic may not be there yet
            return records if len(records) >= n else None

        return until(enough, seconds, f"{n} records in {topic}", every=0.1)

    def topics(self):
        return self.json("topics")

    def status(self, *name):
        return self.json("status", *name)

    def told(self, name):
        """The status, as long as somebody answers; else nothing."""
        done = self.call("status", name, "--json", ok=None)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def alive(self):
        """Fails with its last words if what run() started has ended."""
        if self.process is not None and self.process.status is not None:
            raise AssertionError(f"leat ended with {self.process.status}:\n{self.stderr[-4000:]}")

    @property
    def stderr(self):
        return _text(self.log)

    @property
    def stdout(self):
        return _text(self.out)


def _text(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def _escape(value):
    """A value of a .properties file."""
    return str(value).replace("\\", "\\\\").replace("\n", "\\n")
