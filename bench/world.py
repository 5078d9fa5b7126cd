"""What the parts measure in: a scratch folder, a private PostgreSQL, loads, and leat."""

import os
import shutil
import subprocess
import tempfile

import measure
from leat import ROOT, Leat
from report import progress
from servers.postgres import Postgres
from servers.process import until

# Room for the log of a whole load, and nothing that works beside the bench.
SETTINGS = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "16GB",
    "shared_buffers": "256MB",
}

SCHEMA = """
CREATE TABLE acc (aid int PRIMARY KEY, bid int, abalance int, filler text);
CREATE PUBLICATION bench FOR TABLE acc;
CREATE FUNCTION filler_repeat(g int) RETURNS text LANGUAGE sql
    AS $$ SELECT repeat(chr(97 + g % 26), 84) $$;
CREATE FUNCTION filler_random(g int) RETURNS text LANGUAGE sql
    AS $$ SELECT left(md5(g::text) || md5((-g)::text) || md5(g || 'x'), 84) $$;
CREATE PROCEDURE load(n int, per int) LANGUAGE plpgsql AS $$
BEGIN
    SET synchronous_commit = off;
    FOR t IN 0 .. n / per - 1 LOOP
        INSERT INTO acc SELECT g, g % 100, g * 7 % 100000, FILLER(g)
            FROM generate_series(t * per + 1, (t + 1) * per) g;
        COMMIT;
    END LOOP;
END $$;
"""


class World:
    """Made for one bench run; all of it is removed at the end."""

    def __init__(self, args):
        self.args, self.runs, self._pg, self._n = args, args.runs, None, 0
        self._at_end = []
        self.reader = os.path.join(ROOT, "build/bench/reader")

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="leat-", dir="/var/tmp")
        os.chmod(self.folder, 0o755)
        return self

    def at_end(self, fn):
        self._at_end.append(fn)

    def __exit__(self, *exc):
        for fn in self._at_end:
            fn()
        if self._pg:
            self._pg.stop("immediate")
        if not self.args.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def scaled(self, n):
        return max(1000, int(n * self.args.scale) // 1000 * 1000)

    @property
    def postgres(self):
        """Started when a part asks for it first; the yardstick is built then too."""
        if not self._pg:
            ninja = ["ninja", "-C", os.path.join(ROOT, "build"), "bench/reader"]
            subprocess.run(ninja, check=True, stdout=subprocess.DEVNULL)
            self._pg = Postgres(os.path.join(self.folder, "pg"), **SETTINGS).start()
        return self._pg

    def leat(self):
        """With a data folder of its own."""
        self._n += 1
        return Leat(os.path.join(self.folder, f"leat{self._n}"))

    def forget(self, leat):
        leat.kill()
        shutil.rmtree(leat.folder, ignore_errors=True)

    def backlog(self, changes, per=None, before=None):
        """A load of inserts in transactions of so many (None: a single one)."""
        progress(f"   loading {changes} rows")
        return Backlog(self, changes, per or changes, before=before)


class Backlog:
    """Log that every run reads from its beginning, through a slot of its own."""

    def __init__(self, world, changes, per=0, sql=None, before=None):
        """before: called with this one once its table is there and nothing in its log."""
        self.world, self.server, self.changes, self._n = world, world.postgres, changes, 0
        self._next = 100_000_000
        self.db = self.server.database()
        self.db.sql(SCHEMA.replace("FILLER", f"filler_{world.args.text}"))
        if before:
            before(self)
        self.db.sql("SELECT pg_create_logical_replication_slot('base', 'pgoutput')")
        if sql:
            self.db.sql(sql)
        else:
            self.db.sql(f"CALL load({changes}, {per})")
        self.db.sql("CHECKPOINT")
        self.end = self.db.sql("SELECT pg_current_wal_lsn()::text")[0][0]

    def close(self):
        self.db.drop()

    def keys(self, n):
        """The first of n keys that nobody has used yet."""
        self._next += n
        return self._next - n

    def slot(self, of="base"):
        self._n += 1
        name = f"{self.db.name}_{self._n}"
        self.db.sql("SELECT pg_copy_logical_replication_slot(%s, %s)", of, name)
        return name

    def drop_slot(self, name):
        """Once nobody uses it any more; one that is not there is no mistake."""
        if name in self.db.slots():
            until(lambda: not self.db.slots()[name]["active"], 60, "the walsender's end")
            self.db.sql("SELECT pg_drop_replication_slot(%s)", name)

    def with_slot(self, fn):
        name = self.slot()
        before = measure.server_cpu(self.server)
        cost = fn(name)
        until(lambda: not self.db.slots()[name]["active"], 60, "the walsender's end")
        cost.server_cpu = measure.server_cpu(self.server) - before
        self.drop_slot(name)
        return cost

    def host(self, unix):
        return self.server.folder if unix else self.server.host

    def recvlogical(self, unix):
        """pg_recvlogical to /dev/null."""
        cmd = [os.path.join(self.server.bin, "pg_recvlogical"), "-h", self.host(unix)]
        cmd += ["-p", self.server.port, "-U", "postgres", "-d", self.db.name, "--start", "-n"]
        cmd += ["-o", "proto_version=1", "-o", "publication_names=bench", "-P", "pgoutput"]
        cmd += ["--endpos", self.end, "-F", "0", "-f", "/dev/null", "-S"]
        return self.with_slot(lambda slot: measure.run([*cmd, slot]))

    def bare(self, unix):
        """The tuned bare reader, bench/reader.c."""
        info = f"host={self.host(unix)} port={self.server.port} user=postgres"
        info += f" dbname={self.db.name} replication=database sslmode=disable"
        cmd = [self.world.reader, info]
        cost = self.with_slot(lambda s: measure.run([*cmd, s, "bench", self.end], keep=True))
        self._same(int(cost.out), "the bare reader")
        return cost

    def config(self, leat, slot, unix=False, **more):
        """A connector's file; its name is the slot's."""
        props = self.db.properties() | {
            "database.hostname": self.host(unix),
            "database.sslmode": "disable",
            "slot.name": slot,
            "publication.name": "bench",
            "publication.autocreate.mode": "disabled",
            "snapshot.mode": "no_data",
            "topic.prefix": "b",
        }
        return leat.write(f"{slot}.properties", props | more)

    def leat(self, unix):
        """`leat run --once`: from exec to exit, all of it durable in the embedded stream."""
        leat = self.world.leat()

        def one(slot):
            cmd = [leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn"]
            return measure.run([*cmd, self.config(leat, slot, unix)])

        cost = self.with_slot(one)
        self._same(int(leat.call("read", "b.public.acc", "--count").stdout), "leat")
        self.world.forget(leat)
        return cost

    def _same(self, got, who):
        if got != self.changes:
            raise RuntimeError(f"{who} read {got} changes, {self.changes} were made")
