"""What a connection can fail of: the step that failed is named; what a statement mends the script
mends, run as an administrator, and its undo restores what was; the rest is told in words."""

import os
import re
import socket
import subprocess

import pytest
from doctor import Tried, bad
from servers.certificates import Authority
from servers.postgres import Postgres
from servers.process import own, until

TABLES = 10


class Ward:
    """A server of its own, with a database of ten tables and a role that may do all that a
    connector by log needs."""

    def __init__(self, folder):
        self.server = Postgres(os.path.join(folder, "pg"))
        self.server.start()
        self.db = self.server.database()
        self.sql = self.db.sql
        self.sql("CREATE SCHEMA s")
        for i in range(TABLES):
            self.sql(f"CREATE TABLE {'s.' if i % 2 else ''}t{i} (id int PRIMARY KEY, v text)")
        self.admit("cdc")
        self.sql("CREATE PUBLICATION leat_ward FOR ALL TABLES")

    def admit(self, role, schema=True):
        self.sql(f"CREATE ROLE {role} LOGIN REPLICATION")
        if schema:
            self.sql(f"GRANT USAGE ON SCHEMA s TO {role}")
        self.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, s"
                 f" TO {role}")

    def dump(self):
        """Roles, settings of roles and databases, schema, rights; and the server's own settings."""
        env = {**os.environ, "PGHOST": self.server.host, "PGPORT": str(self.server.port),
               "PGUSER": "postgres"}
        roles = subprocess.run([f"{self.server.bin}/pg_dumpall", "--globals-only",
                                "--no-role-passwords"], env=env, capture_output=True, text=True,
                               check=True, timeout=120).stdout
        schema = subprocess.run([f"{self.server.bin}/pg_dump", "--create", "--schema-only",
                                 self.db.name], env=env, capture_output=True, text=True,
                                check=True, timeout=120).stdout
        text = "\n".join(line for line in (roles + schema).splitlines()
                         if line and not line.startswith(("--", "\\restrict", "\\unrestrict")))
        with open(os.path.join(self.server.data, "postgresql.auto.conf"), encoding="ascii") as f:
            auto = sorted(line for line in f if not line.startswith("#"))
        return text, auto

    def run(self, script):
        """As an administrator, statement by statement."""
        done = subprocess.run([f"{self.server.bin}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h",
                               self.server.host, "-p", str(self.server.port), "-U", "postgres",
                               self.db.name], input=script, capture_output=True, text=True,
                              timeout=120)
        assert done.returncode == 0, f"{done.stderr}\n{script}"
        if "ALTER SYSTEM" in "".join(x for x in script.splitlines() if not x.startswith("--")):
            self.server.restart()

    def hba(self, text):
        path = os.path.join(self.server.data, "pg_hba.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        own(path, "postgres")
        (before,) = self.server.sql("SELECT pg_conf_load_time()::text")[0]
        self.server.sql("SELECT pg_reload_conf()")
        until(lambda: self.server.sql("SELECT pg_conf_load_time()::text")[0][0] != before, 60,
              "the reload")


@pytest.fixture(scope="module")
def ward(scratch):
    one = Ward(os.path.join(scratch, "ward"))
    yield one
    one.server.stop("immediate")


class Patient(Tried):
    """A connection to the ward, tried by the command line without being saved."""

    def __init__(self, leat, ward, **values):
        super().__init__(leat)
        self.ward = ward
        self.values = {"type": "postgres", "strategy": "wal", "host": ward.server.host,
                       "port": ward.server.port, "username": "cdc", "database": ward.db.name,
                       **{k.replace("_", "."): v for k, v in values.items()}}
        words = [f"{k}={v}" for k, v in self.values.items()]
        leat.call("connection", "create", "ward", "--untested", *words)

    def alter(self, *words):
        self.leat.call("connection", "alter", "ward", "--untested", *words)

# name: the steps that fail, the strategy, options beside it, what breaks it and what heals the ward
BREAKS = {
    "replication": ({"replication"}, "wal", [], ["ALTER ROLE cdc NOREPLICATION"],
                    ["ALTER ROLE cdc REPLICATION"]),
    "select": ({"select"}, "wal", [], ["REVOKE SELECT ON t4 FROM cdc"],
               ["GRANT SELECT ON t4 TO cdc"]),
    "usage": ({"select"}, "wal", [], ["REVOKE USAGE ON SCHEMA s FROM cdc"],
              ["GRANT USAGE ON SCHEMA s TO cdc"]),
    "query select": ({"select"}, "query", [], ["REVOKE SELECT ON s.t5 FROM cdc"],
                     ["GRANT SELECT ON s.t5 TO cdc"]),
    "nologin": ({"log in"}, "wal", [], ["ALTER ROLE cdc NOLOGIN"], ["ALTER ROLE cdc LOGIN"]),
    "connect": ({"log in"}, "wal", [], ["REVOKE CONNECT ON DATABASE {db} FROM PUBLIC"],
                ["GRANT CONNECT ON DATABASE {db} TO PUBLIC"]),
    "publication": ({"publication"}, "wal", [], ["DROP PUBLICATION leat_ward"],
                    ["CREATE PUBLICATION leat_ward FOR ALL TABLES"]),
    "published tables": ({"publication"}, "wal", ["publication.autocreate.mode=disabled"],
                         ["DROP PUBLICATION leat_ward",
                          "CREATE PUBLICATION leat_ward FOR TABLE t0, t2"],
                         ["DROP PUBLICATION leat_ward",
                          "CREATE PUBLICATION leat_ward FOR ALL TABLES"]),
    "published operations": ({"publication operations"}, "wal", [],
                             ["ALTER PUBLICATION leat_ward SET (publish = 'insert, update')"],
                             ["ALTER PUBLICATION leat_ward SET (publish = 'insert, update, delete,"
                              " truncate')"]),
    "no identity": ({"replica identity"}, "wal", [], ["ALTER TABLE t2 REPLICA IDENTITY NOTHING"],
                    ["ALTER TABLE t2 REPLICA IDENTITY DEFAULT"]),
    "no key": ({"replica identity"}, "wal", [], ["ALTER TABLE t6 DROP CONSTRAINT t6_pkey"],
               ["ALTER TABLE t6 ADD PRIMARY KEY (id)"]),
    "write": ({"write"}, "write", [], ["REVOKE UPDATE, DELETE ON s.t1 FROM cdc"],
              ["GRANT UPDATE, DELETE ON s.t1 TO cdc"]),
    "read only": ({"read only"}, "write", [],
                  ["ALTER ROLE cdc SET default_transaction_read_only = on"],
                  ["ALTER ROLE cdc RESET default_transaction_read_only"]),
    "several": ({"replication", "select", "publication", "replica identity"}, "wal", [],
                ["ALTER ROLE cdc NOREPLICATION", "REVOKE SELECT ON t4, s.t3 FROM cdc",
                 "DROP PUBLICATION leat_ward", "ALTER TABLE s.t7 REPLICA IDENTITY NOTHING"],
                ["ALTER ROLE cdc REPLICATION", "GRANT SELECT ON t4, s.t3 TO cdc",
                 "CREATE PUBLICATION leat_ward FOR ALL TABLES",
                 "ALTER TABLE s.t7 REPLICA IDENTITY DEFAULT"]),
}


def mended(patient, expected, *more):
    """Fails as expected, is mended by the script, and as it was after the undo."""
    ward = patient.ward
    assert bad(patient.test(*more)) >= expected
    before = ward.dump()
    script, undo = patient.script("--sql", *more), patient.script("--undo", *more)
    for line in undo.splitlines():
        assert line.startswith("--") or f"-- {line}" in script
    ward.run(script)
    assert bad(patient.test(*more, ok=(0,))) == set()
    assert patient.script("--sql", *more) == "" and patient.script("--undo", *more) == ""
    assert ward.dump() != before
    ward.run(undo)
    assert ward.dump() == before
    assert bad(patient.test(*more)) >= expected


@pytest.mark.parametrize("case", BREAKS)
def test_mended_by_a_script(leat, ward, case):
    expected, strategy, more, breaks, heals = BREAKS[case]
    patient = Patient(leat, ward, strategy=strategy)
    assert bad(patient.test(*more, ok=(0,))) == set()
    for statement in breaks:
        ward.sql(statement.replace("{db}", ward.db.name))
    try:
        steps = patient.test(*more)
        assert bad(steps) == expected, steps
        mended(patient, expected, *more)
    finally:
        for statement in heals:
            ward.sql(statement.replace("{db}", ward.db.name))


def test_a_role_that_is_not_there(leat, ward):
    """One script makes it with all that it needs; the undo leaves nothing of it."""
    ward.sql("DROP PUBLICATION leat_ward")
    try:
        patient = Patient(leat, ward, username="new role")
        steps = patient.test()
        assert bad(steps) == {"log in"} and steps["log in"]["code"] == "postgres.role_missing"
        mended(patient, {"log in"})
        patient.alter("strategy=write")
        mended(patient, {"log in"})
    finally:
        ward.sql("CREATE PUBLICATION leat_ward FOR ALL TABLES")


@pytest.mark.parametrize("own_line", [False, True], ids=["file", "alter system"])
@pytest.mark.parametrize("step,setting", [
    ("wal_level", "wal_level = 'replica'"),
    ("slots", "max_replication_slots = 0"),
    ("senders", "max_wal_senders = 0"),
])
def test_settings_of_the_server(leat, ward, step, setting, own_line):
    """Mended by a restart with another setting; the undo gives back the old one, and where it stood
    as far as the role may see that."""
    name = setting.split()[0]
    if own_line:
        ward.sql(f"ALTER SYSTEM SET {setting}")
        ward.sql("GRANT pg_read_all_settings TO cdc")
        ward.server.restart()
    else:
        ward.server.set(**{name: setting.split("= ")[1].strip("'")})
        ward.server.restart()
    try:
        patient = Patient(leat, ward)
        assert step in bad(patient.test())
        mended(patient, {step})
    finally:
        ward.server.set(wal_level="logical", max_replication_slots="20", max_wal_senders="20")
        ward.sql(f"ALTER SYSTEM RESET {name}")
        ward.sql("REVOKE pg_read_all_settings FROM cdc")
        ward.server.restart()


# ---- what no statement mends


def words(patient, step, code, advice, *more):
    """The step that failed, with the advice; the script says it in words and has no statement."""
    steps = patient.test(*more, ok=(3,))
    assert steps[step]["state"] == "FAILED" and steps[step]["code"] == code, steps
    told = steps[step]
    assert re.search(advice, f"{told['detail']} {told['advice']} {told['sql']}"), told
    script = patient.script("--sql", *more)
    assert script and all(line.startswith("--") for line in script.splitlines()), script
    assert re.search(advice, script.replace("\n-- ", " ")), script
    return steps[step]


def test_the_way_there(leat, ward):
    """Names, ports, time-outs, passwords, databases."""
    patient = Patient(leat, ward)
    patient.alter("host=db1.invalid")
    words(patient, "resolve", "postgres.resolve", "check host and this machine's DNS")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        patient.alter("host=127.0.0.1", f"port={closed.getsockname()[1]}")
        words(patient, "connect", "postgres.connect", "[Cc]heck host and port")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        patient.alter(f"port={silent.getsockname()[1]}", "connect.timeout.ms=500")
        words(patient, "connect", "postgres.connect", "500 ms|did not answer|time")
    patient.alter(f"port={ward.server.port}", "connect.timeout.ms=", "database=nowhere")
    words(patient, "log in", "postgres.database_missing", 'CREATE DATABASE "nowhere"')
    ward.server.password_user("locked", "right", "REPLICATION")
    try:
        file = leat.write("wrong", "password=wrong\n")
        patient.alter("username=locked", f"database={ward.db.name}", "--from", file)
        told = words(patient, "log in", "postgres.auth", "[Cc]heck username and password")
        assert "wrong" not in str(told["advice"])
    finally:
        ward.sql("DROP ROLE locked")


def test_pg_hba(leat, ward):
    """The line that is told, added as it stands, lets the connection in."""
    path = os.path.join(ward.server.data, "pg_hba.conf")
    with open(path, encoding="ascii") as f:
        was = f.read()
    closed = ("local all all trust\nhost all postgres 127.0.0.1/32 trust\n")
    ward.hba(closed)
    try:
        patient = Patient(leat, ward)
        step = words(patient, "log in", "postgres.auth", r"add this line to pg_hba.conf")
        line = step["advice"].rsplit(": ", 1)[1]
        assert line == f'host "{ward.db.name}" "cdc" 127.0.0.1/32 scram-sha-256'
        ward.hba(closed + line.replace("scram-sha-256", "trust") + "\n")
        assert bad(patient.test(ok=(0,))) == set()
    finally:
        ward.hba(was)


def test_decisions_of_a_person(leat, ward):
    """What nothing takes back is in the script, but as a comment."""
    patient = Patient(leat, ward)
    ward.run("BEGIN; INSERT INTO t0 VALUES (1); PREPARE TRANSACTION 'p1';")
    try:
        words(patient, "prepared transactions", "postgres.prepared_transaction",
              "ROLLBACK PREPARED 'p1'")
    finally:
        ward.sql("ROLLBACK PREPARED 'p1'")
    ward.sql("ALTER ROLE cdc CONNECTION LIMIT 0")
    try:
        words(patient, "log in", "postgres.too_many_connections", "CONNECTION LIMIT -1")
    finally:
        ward.sql("ALTER ROLE cdc CONNECTION LIMIT -1")
    assert bad(patient.test(ok=(0,))) == set()


def test_tls_each_way(leat, scratch, ward):
    """A server without TLS, one that insists, and certificates of others."""
    patient = Patient(leat, ward, ssl_mode="require")
    words(patient, "tls", "postgres.tls", "does not support SSL")
    ca, other = (Authority(os.path.join(scratch, "doctor", name)) for name in ("ca", "other"))
    pair = ca.issue("server", "db.example", "DNS:db.example")
    for source, name in zip(pair, ("server.pem", "server.key")):
        target = os.path.join(ward.server.data, name)
        with open(source, "rb") as f, open(target, "wb") as to:
            to.write(f.read())
        os.chmod(target, 0o600)
        own(target, "postgres")
    ward.server.set(ssl="on", ssl_cert_file="server.pem", ssl_key_file="server.key")
    ward.server.restart()
    path = os.path.join(ward.server.data, "pg_hba.conf")
    with open(path, encoding="ascii") as f:
        was = f.read()
    ward.hba("local all all trust\nhost all postgres 127.0.0.1/32 trust\n"
             "hostssl all cdc 127.0.0.1/32 trust\n")
    try:
        patient.alter("ssl.mode=disable")
        words(patient, "log in", "postgres.auth", "ssl.mode=require|sslmode=require|pg_hba.conf")
        patient.alter("ssl.mode=require")
        assert bad(patient.test(ok=(0,))) == set()
        patient.alter("ssl.mode=verify-full", f"ssl.root.cert={other.ca}")
        words(patient, "tls", "postgres.tls", "certificate verify failed")
        patient.alter(f"ssl.root.cert={ca.ca}")
        words(patient, "tls", "postgres.tls", "does not match host name")
        patient.alter("ssl.mode=verify-ca")
        assert bad(patient.test(ok=(0,))) == set()
    finally:
        ward.hba(was)
        ward.server.set(ssl="off")
        ward.server.restart()


def test_a_replica(leat, scratch, ward):
    """Too old to decode, and no place to LISTEN or to write."""
    ward.server.needs(12, "a standby by a file")
    ward.server.stop()
    standby = Postgres(os.path.join(scratch, "doctor-standby"), copy_of=ward.server,
                       primary_conninfo=f"host=127.0.0.1 port={ward.server.port} user=postgres")
    open(os.path.join(standby.data, "standby.signal"), "w", encoding="ascii").close()
    ward.server.start()
    standby.start()
    try:
        patient = Patient(leat, ward, port=standby.port)
        if ward.server.version < 16:
            words(patient, "standby", "postgres.standby", "no logical decoding there")
        for strategy in ("notify", "write"):
            patient.alter(f"strategy={strategy}")
            words(patient, "primary", "postgres.standby", "point host at the primary")
        patient.alter("strategy=query", "connect.to.replica=true")
        assert bad(patient.test(ok=(0,))) == set()
    finally:
        standby.stop("immediate")
