"""Logging in to a real Kafka, and TLS to it: each way that works, and each that does not with the
step of `leat check` that says so."""

import contextlib
import glob
import importlib.util
import json
import os
import sqlite3
import subprocess

import pytest
from servers import kafka as kafka_server
from servers.certificates import Authority
from servers.kerberos import REALM, Kerberos
from servers.kerberos import Missing as NoKerberos
from servers.oauth import Tokens
from servers.process import until

HOST = kafka_server.HOST
SECURITY = "org.apache.kafka.common.security"
BEARER = f"{SECURITY}.oauthbearer.OAuthBearerLoginModule required"
DATAGEN = {"connector.class": "datagen", "datagen.events": "10", "topic.prefix": "auth"}


@pytest.fixture(scope="module")
def tokens(scratch):
    os.makedirs(os.path.join(scratch, "tokens"))
    one = Tokens(os.path.join(scratch, "tokens"))
    yield one
    one.close()


@pytest.fixture(autouse=True)
def usual(tokens):
    tokens.answer, tokens.life = None, 300
    tokens.asked.clear()


@pytest.fixture(scope="module")
def kerberos(scratch):
    """None where there is no KDC."""
    try:
        one = Kerberos(os.path.join(scratch, "kerberos"))
    except NoKerberos as e:
        yield str(e)
        return
    yield one
    one.stop()


@pytest.fixture(scope="module")
def secured(scratch, tokens, kerberos):
    """A Kafka with one listener for each way in."""
    options = [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://{tokens.jwks}"]

    def listeners(server):
        handler = f"{SECURITY}.oauthbearer.OAuthBearerValidatorCallbackHandler"
        bearer = {"sasl.enabled.mechanisms": "OAUTHBEARER"}
        jaas = f'{BEARER} unsecuredLoginStringClaim_sub="broker";'
        found = {
            "MTLS": ("SSL", {"ssl.client.auth": "required"}),
            "EXPIRED": ("SSL", {"ssl.keystore.location": server.keystore("old", expired=True)}),
            "OTHER": ("SSL", {"ssl.keystore.location": server.keystore("other", "DNS:no.host")}),
            "UNSIGNED": ("SASL_PLAINTEXT", bearer | {"oauthbearer.sasl.jaas.config": jaas}),
            "SIGNED": ("SASL_PLAINTEXT", bearer | {
                "oauthbearer.sasl.jaas.config": f"{BEARER};",
                "oauthbearer.sasl.server.callback.handler.class": handler,
                "oauthbearer.sasl.oauthbearer.jwks.endpoint.url": f"file://{tokens.jwks}",
            }),
        }
        if isinstance(kerberos, Kerberos):
            keytab = kerberos.principal(f"kafka/{HOST}")
            found["KERBEROS"] = ("SASL_PLAINTEXT", {
                "sasl.enabled.mechanisms": "GSSAPI",
                "sasl.kerberos.service.name": "kafka",
                "gssapi.sasl.jaas.config": "com.sun.security.auth.module.Krb5LoginModule required"
                f' useKeyTab=true storeKey=true keyTab="{keytab}"'
                f' principal="kafka/{HOST}@{REALM}";',
            })
        return found

    if isinstance(kerberos, Kerberos):
        options.append(f"-Djava.security.krb5.conf={kerberos.conf}")
    try:
        server = kafka_server.Kafka(os.path.join(scratch, "secured"), extra=listeners,
                                    options=options)
    except kafka_server.Missing as e:
        pytest.skip(str(e))
    server.start()
    for user in ("alice", "leat-test-client"):
        for operation in ("write", "describe", "create"):
            server.allow(user if user == "alice" else f"CN={user}", operation, "topic", "auth.")
    yield server
    server.kill()


def check(leat, worker, status=0, env=None):
    """step -> what was told of it."""
    made = {"topic.creation.default.partitions": "1",
            "topic.creation.default.replication.factor": "1"}
    file = leat.write("auth.properties", DATAGEN | made)
    worker = leat.write("worker.properties", worker)
    out = leat.call("check", worker, file, "--json", ok=(status,), env=env).stdout
    return {s["step"]: s for s in map(json.loads, out.splitlines())}


def failed(steps):
    """The one step that failed, and its name."""
    bad = [s for s in steps.values() if s["state"] == "FAILED"]
    assert len(bad) == 1, steps
    return bad[0]["step"], bad[0]


def streams(leat, kafka, worker, topic="auth.datagen.t1", env=None):
    """Ten events get there."""
    before = len(kafka.read(topic)) if topic in kafka.topics() else 0
    file = leat.write("auth.properties", DATAGEN | {"name": "auth"})
    leat.start("run", "--once", leat.write("worker.properties", worker), file, env=env)
    assert leat.wait(90) == 0, leat.stderr[-4000:]
    assert len(kafka.read(topic)) >= before + 10


# ---- TLS


def tls(kafka, listener, **more):
    return {"bootstrap.servers": kafka.address(listener), "security.protocol": "SSL",
            "ssl.truststore.location": kafka.authority.ca,
            **{name.replace("_", "."): value for name, value in more.items()}}


def p12(kafka, leat, name, authority=None, **options):
    """A client's key and certificate as Java's tools would hand them over."""
    authority = authority or kafka.authority
    pem, key = authority.issue(name, f"leat-test-{name}", **options)
    out = os.path.join(leat.folder, f"{name}.p12")
    subprocess.run(["openssl", "pkcs12", "-export", "-in", pem, "-inkey", key, "-out", out,
                    "-passout", "pass:changeit"], check=True, capture_output=True)
    return out


def test_client_certificate(secured, leat):
    pem = tls(secured, "MTLS", ssl_keystore_location=secured.keystore("client"))
    steps = check(leat, pem)
    assert "by TLS" in steps["kafka answer"]["detail"]
    streams(leat, secured, pem)
    store = tls(secured, "MTLS", ssl_keystore_location=p12(secured, leat, "client"),
                ssl_keystore_password="changeit")
    assert "by TLS" in check(leat, store)["kafka answer"]["detail"]
    jks = os.path.join(leat.folder, "client.jks")
    subprocess.run(["keytool", "-importkeystore", "-srckeystore", store["ssl.keystore.location"],
                    "-srcstorepass", "changeit", "-destkeystore", jks, "-deststoretype", "JKS",
                    "-deststorepass", "changeit", "-noprompt"], check=True, capture_output=True)
    file = leat.write("auth.properties", DATAGEN)
    worker = leat.write("w.properties", store | {"ssl.keystore.location": jks})
    assert "keytool -importkeystore" in leat.call("check", worker, file, ok=(1,)).stderr


def test_client_certificate_refused(secured, leat, tmp_path):
    """None, of another authority, expired, with a wrong password."""
    name, step = failed(check(leat, tls(secured, "MTLS"), status=3))
    assert name == "kafka TLS" and "ssl.keystore.location" in step["advice"]
    strange = Authority(tmp_path / "strange", "another CA")
    worker = tls(secured, "MTLS",
                 ssl_keystore_location=secured.keystore("client", authority=strange))
    name, step = failed(check(leat, worker, status=3))
    assert name == "kafka TLS" and "ssl.keystore.location" in step["advice"]
    worker = tls(secured, "MTLS", ssl_keystore_location=secured.keystore("client", expired=True))
    name, step = failed(check(leat, worker, status=3))
    assert name == "kafka TLS" and "expired" in step["detail"] + step["advice"]
    store = tls(secured, "MTLS", ssl_keystore_location=p12(secured, leat, "client"),
                ssl_keystore_password="other")
    done = leat.call("check", leat.write("w.properties", store),
                     leat.write("auth.properties", DATAGEN), ok=(1,))
    assert "ssl.keystore" in done.stderr and "other" not in done.stderr.replace("another", "")


def test_broker_certificate_refused(secured, leat, tmp_path):
    name, step = failed(check(leat, tls(secured, "EXPIRED"), status=3))
    assert name == "kafka TLS" and "expired" in step["detail"] + step["advice"]
    name, step = failed(check(leat, tls(secured, "OTHER"), status=3))
    assert name == "kafka TLS"
    assert "ssl.endpoint.identification.algorithm" in step["advice"]
    unnamed = tls(secured, "OTHER") | {"ssl.endpoint.identification.algorithm": ""}
    assert "by TLS" in check(leat, unnamed)["kafka answer"]["detail"]
    strange = Authority(tmp_path / "strange", "another CA")
    worker = tls(secured, "TLS") | {"ssl.truststore.location": strange.ca}
    name, step = failed(check(leat, worker, status=3))
    assert name == "kafka TLS" and "ssl.truststore.location" in step["advice"]


# ---- SCRAM


@pytest.fixture(scope="module")
def newer(scratch):
    """An environment in which leat finds the librdkafka that confluent-kafka's wheel brings."""
    spec = importlib.util.find_spec("confluent_kafka")
    folder = os.path.join(os.path.dirname(os.path.dirname(spec.origin)), "confluent_kafka.libs")
    found = glob.glob(os.path.join(folder, "librdkafka-*.so*"))
    if len(found) != 1:
        pytest.skip(f"there is no one librdkafka in {folder}")
    here = os.path.join(scratch, "rdkafka")
    os.makedirs(here)
    os.symlink(found[0], os.path.join(here, "librdkafka.so.1"))
    return {"LD_LIBRARY_PATH": f"{here}:{folder}"}


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram(secured, leat, newer, mechanism):
    worker = {"bootstrap.servers": secured.sasl_tls, "security.protocol": "SASL_SSL",
              "ssl.truststore.location": secured.authority.ca, **secured.login("alice", mechanism)}
    steps = check(leat, worker, env=newer)
    assert f"logged in by {mechanism}" in steps["kafka answer"]["detail"]
    streams(leat, secured, worker, env=newer)
    wrong = worker | secured.login("alice", mechanism, "no-such-password")
    name, step = failed(check(leat, wrong, status=3, env=newer))
    assert name == "kafka log in" and step["code"] == "kafka.auth"
    assert "2.6.1" not in step["advice"] and "no-such-password" not in str(step)


@pytest.mark.parametrize("mechanism", [None, "PLAIN", "SCRAM-SHA-256"])
def test_a_sink_reads_far(secured, leat, newer, mechanism):
    """Three times what a consumer reads ahead: it is woken on the way, with its own credentials."""
    n, topic = 3000, f"auth.far{mechanism or ''}"
    for operation, resource, name in (("read", "topic", "auth."), ("read", "group", "connect-")):
        secured.allow("alice", operation, resource, name)
    made = leat.write("far.properties", DATAGEN | {
        "name": "far", "topic.prefix": topic, "datagen.events": n,
        "datagen.columns": "int,text(8000)"})
    worker = {"bootstrap.servers": secured.bootstrap}
    if mechanism:
        worker = {"bootstrap.servers": secured.sasl, "security.protocol": "SASL_PLAINTEXT",
                  **secured.login("alice", mechanism)}
    worker = leat.write("worker.properties", worker)
    env = newer if mechanism == "SCRAM-SHA-256" else None
    target = os.path.join(leat.folder, "far.db")
    sink = leat.write("out.properties", {
        "name": f"out-{topic}", "connector.class": "sql", "topics": f"{topic}.datagen.t1",
        "table.name.format": "t1", "connection.url": f"jdbc:sqlite:{target}"})
    for config in made, sink:
        leat.start("run", "--once", worker, config, env=env)
        assert leat.wait(120) == 0, leat.stderr[-4000:]
    with contextlib.closing(sqlite3.connect(target)) as db:
        assert db.execute("SELECT count(DISTINCT id) FROM t1").fetchall() == [(n,)]


# ---- OAUTHBEARER


def bearer(kafka, listener, jaas, **more):
    return {"bootstrap.servers": kafka.address(listener), "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "OAUTHBEARER", "sasl.jaas.config": f"{BEARER} {jaas};",
            **{name.replace("_", "."): value for name, value in more.items()}}


CREDENTIALS = 'clientId="alice" clientSecret="alice-secret" scope="kafka read" extension_trace="7"'


def test_oauth(secured, leat, tokens):
    """Client credentials against a token endpoint; the broker checks the token's signature."""
    worker = bearer(secured, "SIGNED", CREDENTIALS,
                    sasl_oauthbearer_token_endpoint_url=tokens.url)
    steps = check(leat, worker)
    assert "of alice" in steps["kafka token"]["detail"]
    assert "logged in by OAUTHBEARER" in steps["kafka answer"]["detail"]
    assert tokens.asked[0] == {"grant_type": "client_credentials", "scope": "kafka read"}
    streams(leat, secured, worker)
    # As Kafka 4.1 writes it.
    plain = bearer(secured, "SIGNED", "", sasl_oauthbearer_token_endpoint_url=tokens.url) | {
        "sasl.oauthbearer.client.credentials.client.id": "alice",
        "sasl.oauthbearer.client.credentials.client.secret": "alice-secret",
    }
    assert "of alice" in check(leat, plain)["kafka token"]["detail"]


def test_oauth_is_renewed(secured, leat, tokens):
    """A token that lasts some seconds: another one is fetched before, and delivery goes on."""
    tokens.life = 5
    worker = bearer(secured, "SIGNED", CREDENTIALS,
                    sasl_oauthbearer_token_endpoint_url=tokens.url)
    file = leat.write("auth.properties", DATAGEN | {"name": "auth", "datagen.events": "0",
                                                    "datagen.rate": "50"})
    leat.run(leat.write("worker.properties", worker), file)
    until(lambda: len(tokens.asked) >= 5, 120, "five tokens")
    n = len(secured.read("auth.datagen.t1"))
    secured.read_until("auth.datagen.t1", n + 20)
    assert leat.stop() == 0


def test_oauth_refused(secured, leat, tokens):
    def bad(jaas=CREDENTIALS, url=None):
        worker = bearer(secured, "SIGNED", jaas,
                        sasl_oauthbearer_token_endpoint_url=url or tokens.url)
        name, step = failed(check(leat, worker, status=3))
        assert "alice-secret" not in str(step) and "wrong-secret" not in str(step)
        return name, step["code"], step["detail"]

    name, code, text = bad('clientId="alice" clientSecret="wrong-secret"')
    assert (name, code) == ("kafka token", "kafka.token")
    assert "invalid_client: who are you?" in text and "clientSecret" in text
    name, code, text = bad(url="http://127.0.0.1:1/token")
    assert (name, code) == ("kafka token", "kafka.token") and "token.endpoint.url" in text
    tokens.answer = (200, {"token": "x"})
    assert "no token" in bad()[2]
    tokens.answer = (200, {"access_token": "no.such.token", "expires_in": 60})
    name, code, text = bad()
    assert (name, code) == ("kafka log in", "kafka.auth")


def test_oauth_unsecured(secured, leat):
    worker = bearer(secured, "UNSIGNED", 'unsecuredLoginStringClaim_sub="alice"')
    assert "logged in by OAUTHBEARER" in check(leat, worker)["kafka answer"]["detail"]
    streams(leat, secured, worker)


# ---- GSSAPI


def test_kerberos(secured, leat, kerberos):
    if not isinstance(kerberos, Kerberos):
        pytest.skip(kerberos)
    keytab = kerberos.principal("alice")
    module = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true"
    worker = {"bootstrap.servers": secured.address("KERBEROS"), "sasl.mechanism": "GSSAPI",
              "security.protocol": "SASL_PLAINTEXT", "sasl.kerberos.service.name": "kafka",
              "sasl.jaas.config": f'{module} keyTab="{keytab}" principal="alice@{REALM}";'}
    env = {**kerberos.env, "KRB5CCNAME": os.path.join(leat.folder, "tickets")}
    steps = check(leat, worker, env=env)
    assert "logged in by GSSAPI" in steps["kafka answer"]["detail"]
    streams(leat, secured, worker, env=env)
    env["KRB5CCNAME"] += "-others"
    other = worker | {"sasl.jaas.config": f'{module} keyTab="{keytab}" principal="bob@{REALM}";'}
    name, step = failed(check(leat, other, status=3, env=env))
    assert name == "kafka log in" and "sasl.jaas.config" in step["advice"]
    wrong = worker | {"sasl.kerberos.service.name": "nobody"}
    name, step = failed(check(leat, wrong, status=3, env=env))
    assert name == "kafka log in"
