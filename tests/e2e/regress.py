"""PostgreSQL's own regression tests, as Debian's source package has them: run by psql one after the
other, they leave a database that has what the server's authors thought of.

`tools/setup.sh regress` fetches the source. What needs the library of C functions that the
package's build makes fails, as do tests that need another setting; the rest goes on.
"""

import os
import re
import shutil
import subprocess

import pytest
from leat import ROOT
from servers.postgres import CACHE
from servers.process import as_user, own

FOLDER = os.path.join(CACHE, "postgresql-regress")
# Tests that wait for other sessions of a harness, or look at the whole server.
LEFT_OUT = {"stats", "tablespace", "maintain_every"}
SETTINGS = "-c lc_messages=C -c timezone_abbreviations=Default -c bytea_output=hex"


def tests():
    """The names in their order. Skips where the source cannot be had."""
    if not os.path.isdir(FOLDER):
        done = subprocess.run(["tools/setup.sh", "regress"], cwd=ROOT, capture_output=True,
                              text=True, timeout=1200)
        if not os.path.isdir(FOLDER):
            reason = (done.stderr.strip().splitlines() or ["apt has no source packages here"])[-1]
            pytest.skip(f"PostgreSQL's source could not be fetched: {reason}")
    with open(os.path.join(FOLDER, "parallel_schedule"), encoding="utf-8") as f:
        lists = re.findall(r"^test: (.*)$", f.read(), re.M)
    return [name for names in lists for name in names.split() if name not in LEFT_OUT]


class Regress:
    def __init__(self, server, scratch):
        self.server, self.folder = server, os.path.join(scratch, "regress")
        self.names = tests()
        shutil.copytree(FOLDER, self.folder)
        os.makedirs(os.path.join(self.folder, "results"))
        for path, _, files in os.walk(self.folder):
            for name in (path, *(os.path.join(path, f) for f in files)):
                own(name, "postgres")

    def psql(self, db, *args, **more):
        return subprocess.run(
            [*as_user("postgres"), os.path.join(self.server.bin, "psql"), "-X", "-q", "-h",
             self.server.folder, "-p", str(self.server.port), "-U", "postgres", "-d", db, *args],
            stdin=subprocess.DEVNULL, cwd=self.folder, check=True, **more,
        )

    def run(self, db):
        """All of them in that database, whose errors are part of most."""
        env = {**os.environ, "PG_ABS_SRCDIR": self.folder, "PG_ABS_BUILDDIR": self.folder,
               "PG_LIBDIR": self.folder, "PG_DLSUFFIX": ".so", "PGOPTIONS": SETTINGS,
               "PGTZ": "PST8PDT", "PGDATESTYLE": "Postgres, MDY"}
        for name in self.names:
            self.psql(db, "-f", f"sql/{name}.sql", env=env, timeout=900,
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def dump(self, db):
        """The database as SQL, in a file."""
        file = os.path.join(self.folder, f"{db}.sql")
        with open(file, "wb") as f:
            subprocess.run(
                [*as_user("postgres"), os.path.join(self.server.bin, "pg_dump"), "-h",
                 self.server.folder, "-p", str(self.server.port), "-U", "postgres",
                 "--no-publications", "--no-subscriptions", db],
                stdout=f, check=True, cwd="/", timeout=900)
        own(file, "postgres")
        return file

    def restore(self, file, db):
        self.psql(db, "-f", file, timeout=900, stdout=subprocess.DEVNULL,
                  stderr=subprocess.DEVNULL)
