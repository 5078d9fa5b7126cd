"""TLS to PostgreSQL: each sslmode, certificates and their faults, in `leat check` and `leat run`,
for the ordinary and the replication session."""

import json
import os
import shutil
import socket
import ssl
import struct

import pytest
from servers.certificates import Authority
from servers.postgres import Postgres
from servers.process import own, until

HBA = """\
local     all all trust
hostnossl all postgres 127.0.0.1/32 trust
hostssl   all postgres 127.0.0.1/32 trust
hostssl   all tlsonly  127.0.0.1/32 trust
hostssl   all cert     127.0.0.1/32 trust clientcert=verify-full
hostnossl all plain    127.0.0.1/32 trust
"""


class World:
    """A server with TLS, its database, and the files of two authorities."""

    def __init__(self, folder):
        self.ca = Authority(os.path.join(folder, "ca"))
        self.other = Authority(os.path.join(folder, "other"), "another CA")
        self.server = Postgres(os.path.join(folder, "pg"), ssl="on", ssl_cert_file="server.pem",
                               ssl_key_file="server.key", ssl_ca_file="ca.pem",
                               hba_file=self._hba(folder))
        self.names = self.ca.issue("server", "db.example", "DNS:localhost")
        self.use(self.names)
        self.server.start()
        for user in ("tlsonly", "cert", "plain"):
            self.server.sql(f"CREATE ROLE {user} LOGIN SUPERUSER REPLICATION")
        self.db = self.server.database()
        self.db.sql("CREATE TABLE orders (id int PRIMARY KEY)")
        self.db.sql("INSERT INTO orders VALUES (1)")
        self.client = self.ca.issue("client", "cert")

    def _hba(self, folder):
        path = os.path.join(folder, "hba.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(HBA)
        return path

    def use(self, pair):
        """The server's certificate and key, taken up by a reload."""
        for source, name in ((pair[0], "server.pem"), (pair[1], "server.key"),
                             (self.ca.ca, "ca.pem")):
            target = os.path.join(self.server.data, name)
            shutil.copy(source, target)
            os.chmod(target, 0o600)
            own(target, "postgres")
        if self.server.process:
            self.server.sql("SELECT pg_reload_conf()")
            pem = open(pair[0], encoding="ascii").read()
            until(lambda: self._served() == pem, 10, "the reload of the certificate")

    def _served(self):
        """The certificate that the server shows now, as PEM text."""
        with socket.create_connection((self.server.host, self.server.port)) as raw:
            raw.sendall(struct.pack("!ii", 8, 80877103))  # SSLRequest
            assert raw.recv(1) == b"S"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with context.wrap_socket(raw) as wrapped:
                return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(True))


@pytest.fixture(scope="module")
def world(scratch):
    one = World(os.path.join(scratch, "tls"))
    yield one
    one.server.stop("immediate")


@pytest.fixture
def connect(world, leat):
    """Runs `leat check --json` with options of TLS: its steps by name. run: also `leat run --once`,
    which must agree with it."""

    def go(run=False, **more):
        name = f"s{os.urandom(4).hex()}"
        config = world.db.properties(name="shop", slot_name=name, publication_name="pub",
                                     topic_prefix=name, errors_max_retries="0", **more)
        file = leat.write("shop.properties", config)
        done = leat.call("check", file, "--json", ok=(0, 3))
        steps = {s["step"]: s for s in map(json.loads, done.stdout.splitlines())}
        failed = [s for s in steps.values() if s["state"] == "FAILED"]
        if run:
            done = leat.call("run", file, "--once", ok=(1,) if failed else (0,))
            for step in failed:
                assert step["code"] in done.stderr, done.stderr
            if not failed:
                assert len(leat.read(f"{name}.public.orders")) == 1
            shutil.rmtree(leat.data, ignore_errors=True)
            world.server.drop_slots(world.db.name)
        return steps

    return go


def tls(steps):
    step = steps["tls"]
    assert step["state"] == "ok", step
    return step["detail"]


def fault(steps, *words, step="tls", code="postgres.tls"):
    assert steps[step]["state"] == "FAILED", steps
    assert steps[step]["code"] == code, steps[step]
    for word in words:
        assert word in steps[step]["detail"], steps[step]
    assert "log in" not in steps or step == "log in", "steps behind a failure"


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_encrypted_and_not_verified(connect, mode):
    got = connect(run=True, database_sslmode=mode)
    assert tls(got).startswith("TLSv1.3, TLS_") and "not verified" in tls(got)
    assert "with TLS" in got["replication session"]["detail"]


@pytest.mark.parametrize("mode", ["disable", "allow"])
def test_in_the_clear(connect, mode):
    got = connect(run=True, database_sslmode=mode)
    assert tls(got) == f"none (database.sslmode={mode})"
    assert "without TLS" in got["replication session"]["detail"]


@pytest.mark.parametrize("mode", ["verify-ca", "verify_ca"])
def test_the_authority_is_verified(connect, world, mode):
    got = connect(run=True, database_sslmode=mode, database_sslrootcert=world.ca.ca)
    assert "certificate is verified" in tls(got)


def test_name_and_authority_are_verified(connect, world):
    got = connect(run=True, database_sslmode="verify-full", database_sslrootcert=world.ca.ca,
                  database_hostname="localhost")
    assert "certificate and name are verified" in tls(got)


def test_another_name(connect, world):
    fault(connect(run=True, database_sslmode="verify_full", database_sslrootcert=world.ca.ca),
          "127.0.0.1", "localhost", "database.hostname", "verify-ca")


def test_another_authority(connect, world):
    for mode in ("verify-ca", "require"):  # a root certificate makes require verify, as libpq says
        fault(connect(run=mode == "verify-ca", database_sslmode=mode,
                      database_sslrootcert=world.other.ca),
              "self-signed", "leat test CA", "database.sslrootcert")


def test_expired(connect, world):
    world.use(world.ca.issue("old", "db.example", "DNS:localhost", expired=True))
    try:
        fault(connect(run=True, database_sslmode="verify-ca", database_sslrootcert=world.ca.ca),
              "expired", "valid from", "renewed")
        assert "not verified" in tls(connect(database_sslmode="require"))
    finally:
        world.use(world.names)


def test_no_authority(connect, tmp_path):
    nothing = str(tmp_path / "nothing.pem")
    fault(connect(run=True, database_sslmode="verify-full", database_sslrootcert=nothing),
          nothing, "database.sslrootcert")
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    fault(connect(database_sslmode="verify-ca", database_sslrootcert=str(empty)),
          str(empty), "database.sslrootcert")


def test_a_server_without_tls(leat, db):
    def step(mode):
        file = leat.write("shop.properties", db.properties(name="shop", database_sslmode=mode,
                                                           errors_max_retries="0"))
        done = leat.call("check", file, "--json", ok=(0, 3))
        return file, {s["step"]: s for s in map(json.loads, done.stdout.splitlines())}["tls"]

    file, got = step("require")
    assert got["code"] == "postgres.tls" and "database.sslmode" in got["detail"]
    assert "ssl = on" in leat.call("run", "--once", file, ok=(1,)).stderr
    assert "offers none" in step("prefer")[1]["detail"]


def test_a_server_that_demands_tls(connect):
    got = connect(run=True, database_user="tlsonly", database_sslmode="disable")
    fault(got, "database.sslmode=require", step="log in", code="postgres.auth")
    for mode in ("allow", "prefer", "require"):
        assert "TLSv1" in tls(connect(database_user="tlsonly", database_sslmode=mode))


def test_a_server_that_refuses_tls(connect):
    fault(connect(database_user="plain", database_sslmode="require"),
          "database.sslmode=disable", step="log in", code="postgres.auth")
    assert "none" in tls(connect(database_user="plain", database_sslmode="prefer"))


def test_a_client_certificate(connect, world):
    pem, key = world.client
    got = connect(run=True, database_user="cert", database_sslmode="require",
                  database_sslcert=pem, database_sslkey=key)
    assert "TLSv1.3" in tls(got) and "with TLS" in got["replication session"]["detail"]


def test_no_client_certificate(connect):
    fault(connect(run=True, database_user="cert", database_sslmode="require"),
          "database.sslcert", "database.sslkey")


def test_a_client_certificate_of_another(connect, world):
    name = {"database_user": "cert", "database_sslmode": "require"}
    pem, key = world.ca.issue("bob", "bob")
    fault(connect(database_sslcert=pem, database_sslkey=key, **name), "database.sslcert", "(CN)")
    pem, key = world.other.issue("cert", "cert")
    fault(connect(run=True, database_sslcert=pem, database_sslkey=key, **name),
          "database.sslcert", "ssl_ca_file")
    pem, key = world.ca.issue("cert_old", "cert", expired=True)
    fault(connect(database_sslcert=pem, database_sslkey=key, **name),
          "database.sslcert", "expired")


def test_keys_that_cannot_be_read(connect, world, tmp_path):
    pem, key = world.client
    name = {"database_user": "cert", "database_sslmode": "require", "database_sslcert": pem}
    fault(connect(**name), "database.sslkey")
    fault(connect(database_sslkey=str(tmp_path / "none.key"), **name), "none.key",
          "database.sslkey")
    loose = shutil.copy(key, tmp_path / "loose.key")
    os.chmod(loose, 0o644)
    fault(connect(run=True, database_sslkey=str(loose), **name), "loose.key", "chmod 600")
    fault(connect(database_sslkey=world.ca.issue("else", "cert")[1], **name),
          "database.sslkey is not the key")
    name["database_sslcert"] = str(tmp_path / "none.pem")
    fault(connect(database_sslkey=key, **name), "database.sslcert")


def test_a_key_with_a_password(connect, world):
    pem, key = world.client
    locked = world.ca.convert(key, "locked.key", "ec", "-aes256", "-passout", "pass:Opqua-9")
    name = {"database_user": "cert", "database_sslmode": "require", "database_sslcert": pem,
            "database_sslkey": locked}
    got = connect(run=True, database_sslpassword="Opqua-9", **name)
    assert "TLSv1.3" in tls(got)
    for more in ({}, {"database_sslpassword": "wrong-Opqua"}):
        got = connect(**more, **name)
        fault(got, "locked.key", "database.sslpassword")
        assert "wrong-Opqua" not in json.dumps(got)


def test_keys_as_java_has_them(connect, world):
    pem, key = world.client
    name = {"database_user": "cert", "database_sslmode": "require", "database_sslcert": pem}
    der = world.ca.convert(key, "client.pk8", "pkcs8", "-topk8", "-nocrypt", "-outform", "DER")
    assert "TLSv1.3" in tls(connect(run=True, database_sslkey=der, **name))
    locked = world.ca.convert(key, "locked.pk8", "pkcs8", "-topk8", "-outform", "DER",
                              "-passout", "pass:x")
    fault(connect(database_sslkey=locked, database_sslpassword="x", **name), "openssl pkcs8")


def test_a_factory_is_a_class_of_java(leat, world):
    file = leat.write("shop.properties", world.db.properties(
        name="shop", database_sslfactory="org.postgresql.ssl.NonValidatingFactory"))
    said = leat.call("check", file).stderr
    assert "database.sslfactory" in said and "require" in said
