"""What the page computes without a browser: its modules of core/ run in Node."""

import json
import os
import subprocess

import pytest
from leat import ROOT

SCRIPT = """
import * as esbuild from "esbuild";
import { readFileSync } from "node:fs";
const { module, calls } = JSON.parse(readFileSync(0, "utf8"));
const built = await esbuild.build(
  { entryPoints: [`src/core/${module}.ts`], bundle: true, format: "esm", write: false });
const code = Buffer.from(built.outputFiles[0].text).toString("base64");
const own = await import("data:text/javascript;base64," + code);
const out = [];
for (const [name, ...given] of calls) out.push(own[name](...given));
console.log(JSON.stringify(out));
"""


def run(module, *calls):
    """Functions of a module, each with what it is given; what they return."""
    web = os.path.join(ROOT, "build/web")
    if not os.path.exists(os.path.join(web, "node_modules/esbuild")):
        pytest.skip("the page is not in this build")
    done = subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT], cwd=web, text=True, capture_output=True,
        input=json.dumps({"module": module, "calls": calls}),
        timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("written,password", [
    ("ä50%^", "ä50%^"), ("100%sure", "100%sure"), ("a%40b%", "a@b%"), ("%ff%", "%ff%")])
def test_a_percent_sign_of_an_address(written, password):
    """One that begins no code stands for itself, and leaves the others what they are."""
    (told,) = run("address", ("addressOf", f"postgres://me:{written}@db/shop"))
    assert told["options"]["database.password"] == password


def test_a_row_with_a_column_ddl():
    row = {"value": {"id": 1, "ddl": "none"}}
    change = {"value": {"source": {}, "databaseName": "shop", "ddl": "ALTER", "tableChanges": []}}
    told = run("record", *[("changeOf", json.dumps(r)) for r in (row, change)])
    assert [t["word"] for t in told] == ["record", "schema change"]


def test_by_which_name_it_is_set():
    option = {"name": "connection.username", "former": ["connection.user"]}
    assert run("options", ("keyOf", option, {"connection.user": "me"}), ("keyOf", option, {}),
               ("keyOf", option, {"connection.user": "me", "connection.username": "you"})) == [
        "connection.user", "connection.username", "connection.username"]


@pytest.mark.parametrize("option,name,value,secret", [
    ({"secret": True}, "p", "x", True), ({"secret": False}, "password.path", "x", False),
    ({"secret": True}, "p", "***", False), ({"secret": True}, "p", "${env:PW}", False),
    (None, "database.history.sasl.jaas.config", "x", True), (None, "my.own.key", "x", False),
    (None, "ssl.truststore.PASSWORD", "x", True),
    ({"secret": False}, "connection.url", "jdbc:x://h/db?password=x", True)])
def test_what_is_a_secret(option, name, value, secret):
    assert run("options", ("isSecret", option, name, value)) == [secret]
