"""Who may ask the hub: TLS, tokens, passwords, certificates, the Unix socket, roles, the audit; and
which files and programs connectors may name."""

import base64
import http.client
import json
import os
import pwd
import signal
import socket
import ssl
import subprocess
import sys

import pytest
from hub import Answer, Hub
from servers.certificates import Authority
from servers.process import until

NAME = "hub.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue("hub", NAME, san=f"DNS:{NAME},IP:127.0.0.1")


def token(leat, name, role, *args):
    return leat.call("token", "create", name, "--role", role, *args).stdout.strip()


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def set_user(leat, name, role, *args, password=None):
    done = subprocess.run(
        [leat.binary, "user", "set", name, "--role", role, "--data", leat.data, *args],
        input=(password or "") + "\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


class Secure(Hub):
    """The same over TLS, at any address."""

    def __init__(self, leat, authority, certificate, *args, listen="0.0.0.0:0"):
        self.authority = authority
        super().__init__(leat, "--tls-cert", certificate[0], "--tls-key", certificate[1], *args,
                         listen=listen)

    def context(self, client=None):
        context = ssl.create_default_context(cafile=self.authority.ca)
        if client:
            context.load_cert_chain(*client)
        return context

    def connect(self, seconds=60, client=None):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=seconds,
                                           context=self.context(client))

    def ask_as(self, client, method, path):
        connection = self.connect(client=client)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def served(self):
        """The certificate that is served now, in DER."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as s:
            with self.context().wrap_socket(s, server_hostname="127.0.0.1") as tls:
                return tls.getpeercert(binary_form=True)


# ---- other addresses


def test_others_are_served_over_tls_with_a_login_only(leat, authority, certificate):
    tls = ("--tls-cert", certificate[0], "--tls-key", certificate[1])
    done = leat.call("serve", "--listen", "0.0.0.0:0", ok=(2,))
    assert "--tls-cert" in done.stderr
    done = leat.call("serve", "--listen", "0.0.0.0:0", *tls, ok=(2,))
    assert "nobody has one" in done.stderr and "leat token create" in done.stderr
    set_user(leat, "somebody", "admin", "--peer")
    leat.call("serve", "--listen", "0.0.0.0:0", *tls, ok=(2,))

    admin = token(leat, "ops", "admin")
    hub = Secure(leat, authority, certificate)
    answer = hub.ask("GET", "/connectors")
    assert answer.status == 401 and "WWW-Authenticate".lower() in answer.headers
    assert hub.ask("GET", "/nope").status == 401  # which paths there are is nobody's business
    assert hub.ask("GET", "/health").status == 200
    assert hub.ask("GET", "/connectors", headers=bearer(admin)).json == []
    for wrong in (bearer(admin[:-1] + "x"), bearer("x"), {"Authorization": "Negotiate x"}):
        assert hub.ask("GET", "/connectors", headers=wrong).status == 401
    host = {"Host": f"{NAME}:8083"}
    assert hub.ask("GET", "/connectors", headers={**bearer(admin), **host}).status == 200
    evil = {"Host": "evil.example"}
    assert hub.ask("GET", "/connectors", headers={**bearer(admin), **evil}).status == 403
    origin = {"Origin": f"https://127.0.0.1:{hub.port}"}
    body = {"name": "g", "config": {"connector.class": "datagen", "datagen.rate": "10"}}
    answer = hub.ask("POST", "/connectors", body, {**bearer(admin), **origin})
    assert answer.status == 201 and answer.headers["location"].startswith("https://")
    origin = {"Origin": f"http://127.0.0.1:{hub.port}"}
    answer = hub.ask("DELETE", "/connectors/g", headers={**bearer(admin), **origin})
    assert answer.status == 403
    leat.call("token", "revoke", "ops")
    assert hub.ask("GET", "/connectors", headers=bearer(admin)).status == 401
    plain = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/health")
        plain.getresponse()
    assert leat.stop() == 0


def test_a_new_certificate_is_served_without_a_restart(leat, authority, tmp_path):
    files = [str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")]

    def install(name):
        pair = authority.issue(name, NAME, san="IP:127.0.0.1")
        for source, to in zip(pair, files):
            with open(source, "rb") as f, open(to + ".new", "wb") as out:
                out.write(f.read())
            os.rename(to + ".new", to)
        with open(pair[0], encoding="ascii") as f:
            return ssl.PEM_cert_to_DER_cert(f.read())

    first = install("first")
    token(leat, "t", "viewer")
    hub = Secure(leat, authority, files)
    assert hub.served() == first
    second = install("second")
    until(lambda: hub.served() == second, 60, "the second certificate")
    with open(files[0], "w", encoding="ascii") as f:
        f.write("nonsense")
    until(lambda: "tls.certificate" in leat.stderr, 60, "the complaint")
    assert hub.served() == second
    third = install("third")
    leat.process.signal(signal.SIGHUP)
    until(lambda: hub.served() == third, 60, "the third certificate")
    assert leat.stop() == 0


def test_certificates_that_cannot_be_used(leat, authority, certificate):
    other = authority.issue("other", "other.example")
    token(leat, "t", "viewer")
    for cert, key in ((certificate[0], other[1]), (certificate[1], certificate[1]),
                      ("/nonexistent", certificate[1]), (certificate[0], authority.ca)):
        done = leat.call("serve", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key,
                         ok=(1,))
        assert cert in done.stderr or key in done.stderr
    leat.call("serve", "--listen", "127.0.0.1:0", "--tls-cert", certificate[0], ok=(2,))
    leat.call("serve", "--tls-cert", certificate[0], "--tls-key", certificate[1],
              "--tls-min-version", "1.0", ok=(2,))


def test_the_least_version_of_tls(leat, authority, certificate):
    token(leat, "t", "viewer")
    hub = Secure(leat, authority, certificate, "--tls-min-version", "1.3")
    old = hub.context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", hub.port), timeout=60) as s:
        with pytest.raises(ssl.SSLError):
            old.wrap_socket(s, server_hostname="127.0.0.1")
    assert hub.ask("GET", "/health").status == 200


def test_clients_log_in_by_certificates(leat, authority, certificate, tmp_path):
    set_user(leat, "robot", "operator", "--certificate")
    hub = Secure(leat, authority, certificate, "--tls-client-ca", authority.ca)
    robot, other = authority.issue("robot", "robot"), authority.issue("stranger", "stranger")
    foreign = Authority(tmp_path / "foreign").issue("fake", "robot")
    old = authority.issue("old", "robot", expired=True)
    who = hub.ask_as(robot, "GET", "/hub/v1/who").json
    assert (who["name"], who["how"], who["role"]) == ("robot", "certificate", "operator")
    assert hub.ask_as(other, "GET", "/connectors").status == 401
    assert hub.ask_as(None, "GET", "/connectors").status == 401
    assert hub.ask_as(None, "GET", "/health").status == 200
    for bad in (foreign, old):
        try:
            assert hub.ask_as(bad, "GET", "/connectors").status == 401
        except (ssl.SSLError, ConnectionError):
            pass  # refused with the handshake


# ---- logins and roles


def test_roles(leat):
    tokens = {role: token(leat, role, role) for role in ("viewer", "operator", "admin")}
    hub = Hub(leat, "--require-login")

    def ask(role, method, path, body=None):
        return hub.ask(method, path, body, bearer(tokens[role])).status

    config = {"connector.class": "datagen", "datagen.rate": "10"}
    body = {"name": "g", "config": config}
    assert hub.ask("GET", "/connectors").status == 401
    assert ask("viewer", "POST", "/connectors", body) == 403
    assert ask("operator", "POST", "/connectors", body) == 403
    assert ask("admin", "POST", "/connectors", body) == 201
    for role in tokens:
        assert ask(role, "GET", "/connectors/g/config") == 200
    assert ask("viewer", "PUT", "/connectors/g/pause") == 403
    assert ask("operator", "PUT", "/connectors/g/pause") == 202
    assert ask("operator", "PUT", "/connectors/g/resume") == 202
    assert ask("operator", "PUT", "/connectors/g/config", config) == 403
    assert ask("operator", "DELETE", "/connectors/g") == 403
    assert ask("operator", "DELETE", "/connectors/g/offsets") == 403
    assert ask("operator", "GET", "/hub/v1/audit") == 403
    assert ask("viewer", "PUT", "/connector-plugins/datagen/config/validate", config) == 403
    assert ask("viewer", "HEAD", "/connectors") == 200
    deeds = hub.ask("GET", "/hub/v1/audit?limit=1000", headers=bearer(tokens["admin"])).json
    assert ask("admin", "DELETE", "/connectors/g") == 204

    def audited():
        deeds = hub.ask("GET", "/hub/v1/audit", headers=bearer(tokens["admin"])).json["deeds"]
        seen = [(d["who"], d["method"], d["path"], d["status"]) for d in deeds]
        return (
            ("admin", "POST", "/connectors", 201) in seen
            and ("admin", "DELETE", "/connectors/g", 204) in seen
            and ("viewer", "PUT", "/connectors/g/pause", 403) in seen
            and ("anonymous", "GET", "/connectors", 401) in seen
        )

    until(audited, 60, "the audit to have it all")
    assert deeds["deeds"]
    for query in ("limit=0", "limit=x", "before=0"):
        answer = hub.ask("GET", f"/hub/v1/audit?{query}", headers=bearer(tokens["admin"]))
        assert answer.status == 400
    for text in tokens.values():
        assert text not in leat.stderr
        with open(os.path.join(leat.data, "access"), encoding="utf-8") as f:
            assert text not in f.read()


def test_passwords(leat):
    set_user(leat, "anna", "viewer", password="correct horse")
    hub = Hub(leat, "--require-login")
    assert hub.ask("GET", "/connectors", headers=basic("anna", "correct horse")).status == 200
    who = hub.ask("GET", "/hub/v1/who", headers=basic("anna", "correct horse")).json
    assert (who["name"], who["how"], who["role"]) == ("anna", "password", "viewer")
    wrong = [hub.ask("GET", "/connectors", headers=basic("anna", f"wrong {i}")).status
             for i in range(8)]
    assert set(wrong) == {401}
    body = {"name": "g", "config": {"connector.class": "datagen"}}
    assert hub.ask("POST", "/connectors", body, basic("anna", "correct horse")).status == 403
    set_user(leat, "anna", "admin", password="battery staple")
    assert hub.ask("GET", "/connectors", headers=basic("anna", "correct horse")).status == 401
    assert hub.ask("GET", "/nope", headers=basic("anna", "battery staple")).status == 404
    leat.call("user", "remove", "anna")
    assert hub.ask("GET", "/connectors", headers=basic("anna", "battery staple")).status == 401
    files = [os.path.join(leat.data, "access"), leat.log]
    assert all("battery staple" not in open(f, encoding="utf-8").read() for f in files)


def test_the_command_line_of_tokens(leat):
    text = token(leat, "ci", "operator", "--expires", "1d")
    assert text.startswith("leat_") and len(text) == 48
    listed = leat.json("token", "list")
    assert [(t["name"], t["role"]) for t in listed] == [("ci", "operator")]
    assert "already" in leat.call("token", "create", "ci", "--role", "viewer", ok=(1,)).stderr
    for bad in (["create", "x"], ["create", "x", "--role", "god"], ["revoke"], [],
                ["create", "x", "--role", "viewer", "--expires", "soon"]):
        leat.call("token", *bad, ok=(2,))
    leat.call("token", "revoke", "other", ok=(1,))
    leat.call("user", "set", "short", "--role", "viewer", ok=(2,))  # no password on stdin
    assert leat.json("user", "list") == []
    with open(os.path.join(leat.data, "access"), "a", encoding="utf-8") as f:
        f.write("nonsense\n")
    assert "line 2" in leat.call("token", "list", ok=(1,)).stderr
    assert os.stat(os.path.join(leat.data, "access")).st_mode & 0o777 == 0o600


CLIENT = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"GET /hub/v1/who HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
while data := s.recv(65536):
    sys.stdout.write(data.decode())
"""


def test_the_unix_socket_knows_its_peers(leat, scratch):
    path = os.path.join(scratch, "hub.sock")
    Hub(leat, "--require-login", "--socket", path)

    def ask(user=None):
        def become():
            entry = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)

        done = subprocess.run([sys.executable, "-c", CLIENT, path], capture_output=True, text=True,
                              timeout=60, cwd="/", preexec_fn=become if user else None)
        assert done.returncode == 0, done.stderr
        head, _, body = done.stdout.partition("\n\n")
        return int(head.split()[1]), json.loads(body)

    status, who = ask()
    assert status == 200 and who["how"] == "peer" and who["role"] == "admin"
    if os.getuid() == 0:
        assert ask("nobody")[0] == 401
        set_user(leat, "nobody", "viewer", "--peer")
        assert ask("nobody")[1]["role"] == "viewer"
    assert leat.stop() == 0
    assert not os.path.exists(path)
    with open(path, "w", encoding="ascii") as f:
        f.write("not a socket")
    leat.call("serve", "--listen", "127.0.0.1:0", "--socket", path, ok=(1,))
    os.unlink(path)


def test_requests_of_one_address_are_bounded(leat):
    hub = Hub(leat, "--max-rate", "5")
    assert [hub.ask("GET", "/connectors").status for _ in range(10)] == [200] * 10
    refused = next((a for a in (hub.ask("GET", "/") for _ in range(1000)) if a.status != 200), None)
    assert refused and refused.status == 429 and refused.headers["retry-after"] == "2"
    until(lambda: hub.ask("GET", "/").status == 200, 60, "to be let in again")


# ---- files and programs


def test_connectors_name_files_below_the_root_only(leat, tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside.properties"
    root.mkdir()
    (root / "in.properties").write_text("prefix=inside\n")
    outside.write_text("prefix=planted\n")
    (root / "link.properties").symlink_to(outside)
    hub = Hub(leat, "--files-root", str(root))

    def make(name, **config):
        config = {"connector.class": "datagen", "datagen.rate": "10", **config}
        return hub.ask("POST", "/connectors", {"name": name, "config": config})

    assert make("a", **{"topic.prefix": f"${{file:{root}/in.properties:prefix}}"}).status == 201
    refused = [
        {"topic.prefix": f"${{file:{outside}:prefix}}"},
        {"topic.prefix": f"${{file:{root}/link.properties:prefix}}"},
        {"topic.prefix": f"${{file:{root}/../outside.properties:prefix}}"},
        {"topic.prefix": f"${{dir:{tmp_path}:outside.properties}}"},
        {"topic.prefix": f"${{directory:{tmp_path}:outside.properties}}"},
        {"offset.storage.file.filename": "/etc/passwd"},
    ]
    for config in refused:
        answer = make("b", **config)
        assert answer.status == 400 and "--files-root" in answer.text, answer.text
        assert "planted" not in answer.text
    assert hub.get("/connectors") == ["a"]
    shown = hub.get("/connectors/a/config")
    assert shown["topic.prefix"].startswith("${file:")
    assert leat.stop() == 0
    hub = Hub(leat)
    answer = make("c", **{"topic.prefix": f"${{file:{root}/in.properties:prefix}}"})
    assert answer.status == 400 and "--files-root" in answer.text
    leat.stop()
    leat.call("serve", "--files-root", "/nonexistent", ok=(2,))


def test_databases_that_are_files_lie_below_the_root_only(leat, tmp_path):
    """SQLite's file is one as any other, by whichever class it is named; a look makes none."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "out").symlink_to(outside)
    (root / "new.db").symlink_to(outside / "planted.db")
    classes = ("io.confluent.connect.jdbc.JdbcSinkConnector",
               "io.debezium.connector.jdbc.JdbcSinkConnector", "sql")

    def config(klass, path, **more):
        return {"connector.class": klass, "topics": "x", "connection.url": f"jdbc:sqlite:{path}",
                **more}

    def refused(hub, asked, word):
        answer = hub.ask("PUT", "/connectors/ev/config", asked)
        assert answer.status == 400 and word in answer.text, answer.text
        path = f"/connector-plugins/{asked['connector.class']}/config/validate"
        told = hub.ask("PUT", path, {"name": "ev", **asked}).json
        errors = [c["value"]["errors"] for c in told["configs"]
                  if c["value"]["name"] == "connection.url"]
        assert word in str(errors), told

    hub = Hub(leat, "--files-root", str(tmp_path))
    refused(hub, config("sql", f"{leat.data}/hub.db"), "data folder")
    assert leat.stop() == 0
    hub = Hub(leat, "--files-root", str(root))
    for klass in classes:
        for path in (outside / "x.db", root / "../outside/x.db", root / "out/x.db", root / "new.db",
                     "x.db"):
            refused(hub, config(klass, path), "--files-root")
        refused(hub, config(klass, f"file:{root}/x.db"), "must name a file")
    refused(hub, config("sql", "x").copy() | {
        "connection.url": f"jdbc:postgresql://127.0.0.1:9/d?sslrootcert={outside}/ca.pem"},
        "sslrootcert")
    good = config("sql", root / "x.db")
    told = hub.ask("PUT", "/connector-plugins/sql/config/validate", {"name": "ev", **good}).json
    assert told["error_count"] == 0, told
    assert sorted(os.listdir(root)) == ["new.db", "out"] and not os.listdir(outside)
    assert hub.ask("PUT", "/connectors/ev/config", good).status == 201
    assert leat.stop() == 0
    hub = Hub(leat)
    refused(hub, config("sql", outside / "x.db"), "--files-root")
    assert not os.listdir(outside)


def test_connectors_run_programs_only_where_that_is_allowed(leat, tmp_path):
    """The one option that names a program: the command that fetches a Kerberos ticket. It is of the
    stream kafka, which nobody has to serve for that."""
    for args, status in ((["--allow-code"], 201), ([], 400)):
        hub = Hub(leat, "--kafka", "127.0.0.1:9", *args)
        config = {"connector.class": "datagen", "topic.prefix": "x", "datagen.rate": "10",
                  "producer.override.sasl.kerberos.kinit.cmd": "/bin/touch /tmp/planted"}
        answer = hub.ask("POST", "/connectors", {"name": f"c{status}", "config": config})
        assert answer.status == status, answer.text
        assert status == 201 or "--allow-code" in answer.text
        assert leat.stop() == 0
