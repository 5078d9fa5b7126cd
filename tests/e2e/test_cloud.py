"""PostgreSQL as services have it, by a plain server that is set up to look like one: the roles by
which they are known, passwords that expire, authorities of the system. What the services themselves
do differently beyond that is not tried here."""

import json
import os
import stat

import pytest
from servers.certificates import Authority
from servers.process import until

SERVICES = {
    "rds_superuser": ("Amazon RDS or Aurora", "rds.logical_replication = 1"),
    "cloudsqlsuperuser": ("Google Cloud SQL", "cloudsql.logical_decoding"),
    "alloydbsuperuser": ("Google AlloyDB", "alloydb.logical_decoding"),
    "azure_pg_admin": ("Azure Database for PostgreSQL", "server parameter wal_level"),
}


def steps(leat, file):
    done = leat.call("check", "--json", file, ok=(0, 3))
    return {s["step"]: s for s in map(json.loads, done.stdout.splitlines())}


@pytest.fixture
def roles(db):
    """Makes roles of the server, which are dropped at the end."""
    made = []

    def make(name, *how):
        db.sql(f"CREATE ROLE {name} {' '.join(how)}")
        made.append(name)
        return name

    yield make
    for name in made:
        db.sql(f"DROP OWNED BY {name}")
        db.sql(f"DROP ROLE {name}")


@pytest.mark.parametrize("admins", SERVICES)
def test_a_service_is_known_by_its_roles(db, leat, roles, admins):
    """Who may replicate there, and that the advice names what can be done there."""
    title, _ = SERVICES[admins]
    roles(admins)
    user = roles(f"reader_{admins}", "LOGIN")
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    file = leat.write("shop.properties", db.properties(name="shop") | {"database.user": user})
    found = steps(leat, file)
    assert title in found["service"]["detail"]
    replication = found["replication"]
    assert replication["state"] == "FAILED" and admins in replication["advice"]
    if admins == "rds_superuser":
        roles("rds_replication")
        assert replication["sql"] == f'GRANT rds_replication TO "{user}";'
        db.sql(replication["sql"])
        found = steps(leat, file)
        assert found["replication"]["state"] == "ok"
        # The attribute is what this plain server wants; that is seen, and told.
        assert found["replication session"]["state"] == "FAILED"
        db.sql(replication["undo"])
    else:
        assert replication["sql"] == f'ALTER ROLE "{user}" REPLICATION;'
        db.sql(replication["sql"])
        assert steps(leat, file)["replication session"]["state"] == "ok"


def test_no_service(db, leat):
    assert "service" not in steps(leat, leat.write("s.properties", db.properties(name="s")))


@pytest.mark.parametrize("admins", SERVICES)
def test_settings_of_a_service(scratch, leat, admins):
    """No ALTER SYSTEM there: the parameter, and where it is set."""
    server = little(scratch)
    db = server.database()
    server.sql(f"CREATE ROLE {admins}")
    try:
        found = steps(leat, leat.write("shop.properties", db.properties(name="shop")))
    finally:
        server.sql(f"DROP ROLE {admins}")
        db.drop()
    assert found["wal_level"]["state"] == "FAILED"
    assert SERVICES[admins][1] in found["wal_level"]["advice"]
    assert found["senders"]["state"] == "FAILED" and "max_wal_senders" in found["senders"]["advice"]
    for step in ("wal_level", "senders"):
        assert not found[step]["sql"] and not found[step]["undo"]


_LITTLE = {}


def little(scratch):
    """A server that neither decodes nor sends."""
    from servers.postgres import Postgres

    if scratch not in _LITTLE:
        _LITTLE[scratch] = Postgres(os.path.join(scratch, "little"), wal_level="minimal",
                                    max_wal_senders="0").start()
    return _LITTLE[scratch]


# ---- passwords that expire


def token(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text + "\n")


def expire(db, user, password):
    """The old password ends, and so do its sessions."""
    db.sql(f"ALTER ROLE {user} PASSWORD '{password}'")
    db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", user)


@pytest.mark.parametrize("way", ["file", "command"])
def test_a_password_that_expires(db, leat, tmp_path, way):
    """A new one is asked for at each connect; one that is refused is tried again."""
    user, path = f"{db.name}_{way}", tmp_path / "token"
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.server.password_user(user, "first", "SUPERUSER")
    token(path, "first")
    how = str(path) if way == "file" else f"echo asked >> {tmp_path}/log; cat {path}"
    props = db.properties(name="shop", errors_retry_delay_max_ms="500") | {"database.user": user}
    props.pop("database.password", None)
    try:
        leat.run(leat.write("shop.properties", props | {f"database.password.{way}": how}))
        db.sql("INSERT INTO t VALUES (1)")
        leat.read_until("shop.public.t", 1, seconds=60)
        expire(db, user, "second")
        until(lambda: "postgres.auth" in leat.stderr, 60, "the refusal")
        token(path, "second")
        db.sql("INSERT INTO t VALUES (2)")
        leat.read_until("shop.public.t", 2, seconds=60)
        assert leat.stop() == 0
    finally:
        leat.kill()
        db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", user)
        db.sql(f"REASSIGN OWNED BY {user} TO postgres")
        db.sql(f"DROP ROLE {user}")
    assert "first" not in leat.stderr and "second" not in leat.stderr


@pytest.mark.parametrize("command, said", [
    ("echo oops >&2; exit 7", "ended with status 7: oops"),
    ("true", "gave no password"),
    ("echo a; echo b", "more than one line"),
    ("sleep 100", "took longer than 1500 ms"),
    ("kill -9 $$", "was ended by signal 9"),
    ("/no/such/program", "ended with status 127"),
    ("yes | head -c 100000", "printed more than 65536 bytes"),
])
def test_a_command_that_gives_none(db, leat, command, said):
    props = db.properties(name="shop", connect_timeout_ms="1500")
    props.pop("database.password", None)
    props["database.password.command"] = command
    done = leat.call("check", "--json", leat.write("shop.properties", props), ok=(3,))
    assert "postgres.password" in done.stdout and said in done.stdout


def test_a_file_that_gives_none(db, leat, tmp_path):
    props = db.properties(name="shop")
    props.pop("database.password", None)
    for path, said in ((tmp_path / "none", "ENOENT"), (tmp_path / "empty", "gave no password")):
        if path.name == "empty":
            path.touch()
        file = leat.write("shop.properties", props | {"database.password.file": str(path)})
        assert said in leat.call("check", "--json", file, ok=(3,)).stdout


def test_one_password_is_enough(db, leat):
    props = db.properties(name="shop") | {"database.password.file": "/x", "database.password": "y"}
    done = leat.call("check", leat.write("shop.properties", props), ok=(2,))
    assert "database.password.command" in done.stderr


# ---- authorities


def test_authorities_of_the_system(scratch, leat, db, tmp_path):
    """database.sslrootcert=system: what the machine trusts, here by SSL_CERT_FILE."""
    from servers.postgres import Postgres

    authority = Authority(os.path.join(scratch, "cloud-tls"), "leat test CA of a service")
    server = Postgres(os.path.join(scratch, "cloud"))
    pem, key = authority.issue("server", "localhost", "IP:127.0.0.1,DNS:localhost")
    for name, path in (("server.crt", pem), ("server.key", key)):
        to = os.path.join(server.data, name)
        with open(path, "rb") as f, open(to, "wb") as g:
            g.write(f.read())
        os.chmod(to, stat.S_IRUSR | stat.S_IWUSR)
        from servers.process import own
        own(to, "postgres")
    server.set(ssl="on")
    server.start()
    try:
        one = server.database()
        props = one.properties(name="shop") | {
            "database.sslmode": "verify-full", "database.sslrootcert": "system"}
        file = leat.write("shop.properties", props)
        done = leat.call("check", "--json", file, ok=(0, 3), env={"SSL_CERT_FILE": authority.ca})
        tls = [s for s in map(json.loads, done.stdout.splitlines()) if s["step"] == "tls"]
        assert "certificate and name are verified" in tls[0]["detail"]
        done = leat.call("check", "--json", file, ok=(3,))
        assert "postgres.tls" in done.stdout
    finally:
        server.stop("immediate")
