"""A private MySQL or MariaDB: a scratch folder, a free port, GTIDs, rows with full metadata.

MariaDB is Debian's; MySQL comes from Debian's unstable branch with the libraries that it wants, by
`tools/setup.sh mysql`, into the user's cache, and is run with those; so does MariaDB 11 from the
branch behind ours, by `tools/setup.sh servers`: MARIADBVERSION=11 takes it instead. Statements are
given by the command line client of MariaDB, which speaks to all.
"""

import os
import shutil
import signal
import subprocess

from .process import Process, free_port, until

CACHE = os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "leat", "servers"
)

SETTINGS = {
    "bind-address": "127.0.0.1",
    "log-bin": "mysql-bin",
    "binlog-format": "ROW",
    "binlog-row-metadata": "FULL",
    "innodb-buffer-pool-size": "32M",
    "innodb-flush-log-at-trx-commit": "2",
    "sync-binlog": "0",
    "character-set-server": "utf8mb4",
    "default-time-zone": "+00:00",
}


class Missing(Exception):
    """A server that is not on this machine; its text is what to do about it."""


class Server:
    """One server. Made but not started; settings override SETTINGS, by names with _ for -."""

    host = "127.0.0.1"
    kind = None  # connector.class

    def __init__(self, folder, server_id, **settings):
        self.folder = str(folder)
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "server.log")
        self.port = free_port()
        self.process = None
        self.server_id = server_id
        self.settings = {
            **SETTINGS,
            **self.own_settings(),
            **{k.replace("_", "-"): v for k, v in settings.items()},
        }
        os.makedirs(self.folder, exist_ok=True)
        self._initialize()

    def own_settings(self):
        return {}

    def _options(self):
        own_ones = {
            "datadir": self.data,
            "port": self.port,
            "socket": os.path.join(self.folder, "s.sock"),
            "pid-file": os.path.join(self.folder, "pid"),
            "server-id": self.server_id,
            "tmpdir": self.folder,  # servers remove what others have left behind in a shared one
        }
        return _as_root() + [f"--{k}={v}" for k, v in {**self.settings, **own_ones}.items()]

    def start(self):
        self.process = Process(
            [*self.program(), "--no-defaults", *self._options()],
            stderr=self.log,
            cwd=self.folder,
        )
        until(self._answers, 120, "the server's start")
        return self

    def _answers(self):
        assert self.process.status is None, self._log_end()
        return self._client("SELECT 1", check=False).returncode == 0

    def _log_end(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    def stop(self):
        if self.process and self.process.status is None:
            self.process.signal(signal.SIGTERM)
            self.process.wait(120)
        self.process = None

    def kill(self):
        if self.process and self.process.status is None:
            self.process.kill()
            self.process.wait(60)
        self.process = None

    # ---- statements

    def client(self, *args):
        """The command line client's arguments."""
        client = shutil.which("mariadb") or shutil.which("mysql")
        if not client:
            raise Missing("no client program: tools/setup.sh mysql installs it")
        cmd = [client, "--no-defaults", "-uroot", "-h127.0.0.1", f"-P{self.port}", "-N", "-B"]
        return [*cmd, "--default-character-set=utf8mb4", "--skip-ssl", *args]

    def _client(self, text, *args, check=True, force=False, encoding="utf-8"):
        cmd = self.client(*(["--force"] if force else []), *args)
        done = subprocess.run(
            cmd, input=text, capture_output=True, encoding=encoding, check=False
        )
        assert not check or done.returncode == 0, f"{text[:500]}: {done.stderr}"
        return done

    def sql(self, text, database="", force=False, encoding="utf-8"):
        """Runs statements; the rows of all as lists of texts. force: goes on after errors.
        encoding: of the text, for one that begins with SET NAMES."""
        args = [database] if database else []
        out = self._client(
            text, *args, check=not force, force=force, encoding=encoding
        ).stdout
        return [line.split("\t") for line in out.splitlines()]

    def fresh(self, name):
        """An empty database of that name, and a log of its own."""
        self.sql(f"DROP DATABASE IF EXISTS `{name}`; CREATE DATABASE `{name}`; FLUSH BINARY LOGS")

    # ---- configuration

    def properties(self, **more):
        return {
            "name": "shop",
            "connector.class": self.kind,
            "database.hostname": self.host,
            "database.port": self.port,
            "database.user": "root",
            "database.server.id": 900000 + self.port,
            "topic.prefix": "shop",
            "snapshot.mode": "no_data",
            **{k.replace("__", "."): v for k, v in more.items()},
        }


class MariaDB(Server):
    kind = "mariadb"

    def own_settings(self):
        return {"loose-innodb-log-file-size": "16M", **(_places(_version()) if _version() else {})}

    @staticmethod
    def program():
        if _version():
            return _program(_version(), "mariadbd")
        found = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        if not os.path.exists(found):
            raise Missing("no MariaDB server: tools/setup.sh mysql installs it")
        return [found]

    def _initialize(self):
        self.program()
        if _version():
            self._bootstrap()
            return
        cmd = ["mariadb-install-db", "--no-defaults", *_as_root(), f"--datadir={self.data}"]
        cmd += [f"--tmpdir={self.folder}", "--auth-root-authentication-method=normal"]
        cmd += ["--skip-test-db"]
        done = subprocess.run(cmd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def _bootstrap(self):
        """As mariadb-install-db does, which would run the server without its own libraries."""
        os.makedirs(os.path.join(self.data, "mysql"))
        text = "USE mysql;\nSET @auth_root_socket = NULL;\n"
        for name in ("system_tables", "performance_tables", "system_tables_data", "sys_schema"):
            file = os.path.join(_share(_version()), f"mariadb_{name}.sql")
            with open(file, encoding="utf-8") as f:
                text += f.read()
        cmd = [*self.program(), "--no-defaults", "--bootstrap", "--log-warnings=0", *_as_root()]
        cmd += [f"--datadir={self.data}", f"--tmpdir={self.folder}"]
        cmd += [f"--{k}={v}" for k, v in _places(_version()).items()]
        done = subprocess.run(cmd, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


class MySQL(Server):
    kind = "mysql"

    def own_settings(self):
        return {
            "gtid-mode": "ON",
            "enforce-gtid-consistency": "ON",
            "mysqlx": "OFF",
            "innodb-redo-log-capacity": "16M",
            "performance-schema": "OFF",
            "secure-file-priv": "",
            "binlog-rows-query-log-events": "ON",
            **_places("mysql-9"),
        }

    @staticmethod
    def program():
        return _program("mysql-9", "mysqld")

    def _initialize(self):
        os.makedirs(self.data)
        cmd = [*self.program(), "--no-defaults", "--initialize-insecure", *_as_root()]
        cmd += [o for o in self._options() if o.startswith(("--datadir", "--basedir", "--lc-"))]
        done = subprocess.run(cmd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _as_root():
    """The servers want to be told that they may."""
    return ["--user=root"] if os.geteuid() == 0 else []


def root(name="mysql-9"):
    """The folder that tools/setup.sh unpacked a server into."""
    found = os.path.join(CACHE, name)
    if not os.path.isdir(found):
        what = "mysql" if name == "mysql-9" else "servers"
        raise Missing(f"{name} is not here: tools/setup.sh {what} fetches it")
    return found


def _version():
    """The folder of the MariaDB that is asked for; None: the system's."""
    version = os.environ.get("MARIADBVERSION")
    return f"mariadb-{version}" if version else None


def _program(name, program):
    """It is run by the loader and with the libraries that it came with."""
    libraries = os.path.join(root(name), "usr/lib/x86_64-linux-gnu")
    loader = os.path.join(libraries, "ld-linux-x86-64.so.2")
    return [loader, "--library-path", libraries, os.path.join(root(name), "usr/sbin", program)]


def _share(name):
    return os.path.join(root(name), "usr/share", name.split("-", maxsplit=1)[0])


def _places(name):
    return {"basedir": os.path.join(root(name), "usr"), "lc-messages-dir": _share(name)}
