"""A configuration as JSON, properties and SQL: each text turns into the others and back, and
nothing is lost on the way. The module of the page that does it runs in Node."""

import json
import os
import subprocess

import pytest
from leat import ROOT

PROPERTIES = """\
# Kafka Connect's worker does not care
name=shop

! who asks: ops
connector.class=io.debezium.connector.postgresql.PostgresConnector
database.hostname = db1
database.port: 5432
database.password=${file:/etc/secrets/pg.properties:password}
table.include.list=public.orders,\\
    public.items
# the odd ones
message = it's \\u00e4 "quoted"\\tand \\\\ back
some.unknown.key=kept
\\ leading\\=name=\\ leading value
empty=
# the end
"""
JSON = """\
{"name": "shop", "initial_state": "PAUSED",
 "config": {
  "connector.class": "PostgresConnector", "database.port": 5432, "tasks.max": "1",
  "snapshot.delay.ms": 12345678901234567890, "ratio": 1.50, "flag": true, "gone": null,
  "text": "it's \\u00e4 \\"x\\" \\n y", "secret": "${env:PW}"
 }, "extra": [1, {"a": "b"}]}
"""
SQL = """\
-- made by ops
CREATE SINK CONNECTOR IF NOT EXISTS "ware house" WITH (
  'connector.class' = 'sql', /* by the class */
  -- where to
  "connection.url" = 'jdbc:sqlite:/tmp/it''s.db',

  'batch.size' = 500, 'delete.enabled' = TRUE, 'gone' = NULL,
  'connection.password' = '${file:/x:y}'
  -- the end
);
"""
ALONE = '{"connector.class": "datagen", "name": "gen", "datagen.rate": 10}'

SCRIPT = """
import * as esbuild from "esbuild";
import { readFileSync } from "node:fs";
const built = await esbuild.build(
  { entryPoints: ["src/core/views.ts"], bundle: true, format: "esm", write: false });
const code = Buffer.from(built.outputFiles[0].text).toString("base64");
const { Pad, guess } = await import("data:text/javascript;base64," + code);
const asked = JSON.parse(readFileSync(0, "utf8"));
const out = asked.map((steps) => {
  const pad = new Pad();
  const told = [];
  try {
    for (const [verb, ...rest] of steps) {
      if (verb === "take") pad.take(rest[0] ?? guess(rest[1]), rest[1]);
      else if (verb === "through") pad.take(rest[0], pad.text(rest[0]));
      else if (verb === "replace") pad.take(rest[0], pad.text(rest[0]).replace(rest[1], rest[2]));
      else if (verb === "set") pad.set(...rest);
      else if (verb === "text") told.push(pad.text(rest[0]));
      else if (verb === "doc") told.push(pad.doc);
      else if (verb === "config") told.push(pad.config());
      else if (verb === "hidden") told.push([pad.hidden(rest[0]), pad.nulls(rest[0])]);
      else if (verb === "guess") told.push(guess(rest[0]));
    }
  } catch (e) {
    told.push(String(e.message));
  }
  return told;
});
console.log(JSON.stringify(out));
"""


@pytest.fixture(scope="module")
def pad(request):
    """Runs lists of steps, each with a configuration of its own; what they told."""
    web = os.path.join(ROOT, "build/web")
    if not os.path.exists(os.path.join(web, "node_modules/esbuild")):
        pytest.skip("the page is not in this build")

    def run(*lists):
        done = subprocess.run(
            ["node", "--input-type=module", "-e", SCRIPT], cwd=web, text=True,
            input=json.dumps(lists), capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


SAMPLES = {"properties": PROPERTIES, "json": JSON, "sql": SQL, "alone": ALONE}


@pytest.mark.parametrize("sample", SAMPLES)
def test_there_and_back(pad, sample):
    """Through all pairs of views: the same configuration, and the same text to the byte."""
    text, view = SAMPLES[sample], {"alone": "json"}.get(sample, sample)
    views = ["json", "properties", "sql"]
    lists = [[["take", None, text], ["doc"], ["through", a], ["through", b], ["doc"],
              ["text", view]] for a in views for b in views]
    for (before, after, back), steps in zip(pad(*lists), lists, strict=True):
        assert after == before, steps
        assert back == text, steps


def test_what_is_read(pad):
    properties, wrapped, sql, alone = pad(*[[["take", None, text], ["config"], ["doc"]]
                                            for text in (PROPERTIES, JSON, SQL, ALONE)])
    assert properties[0]["message"] == 'it\'s ä "quoted"\tand \\ back'
    assert properties[0]["table.include.list"] == "public.orders,public.items"
    assert properties[0][" leading=name"] == " leading value" and properties[0]["empty"] == ""
    assert properties[1]["name"] == "shop" and properties[1]["below"] == [" the end"]
    assert wrapped[0]["snapshot.delay.ms"] == "12345678901234567890"
    assert wrapped[0]["ratio"] == "1.50" and "gone" not in wrapped[0]
    assert wrapped[1]["name"] == "shop" and wrapped[1]["wrapped"]
    assert sql[0]["connection.url"] == "jdbc:sqlite:/tmp/it's.db"
    assert sql[1]["name"] == "ware house" and sql[1]["kind"] == "SINK" and sql[1]["unless"]
    assert alone[0] == {"connector.class": "datagen", "datagen.rate": "10"}


def test_blanks_of_properties_are_those_of_java(pad):
    """What other alphabets take for a blank belongs to the value."""
    steps = [["take", "properties", "a=\u00a0x\nb=\u2003y\n\fc\f=\\fz\n"], ["config"],
             ["set", None, None, {"c": "\fw"}], ["text", "properties"]]
    (told,) = pad(steps)
    assert told[0] == {"a": "\u00a0x", "b": "\u2003y", "c": "\fz"}
    assert "c=\\fw" in told[1]


def test_a_form_has_no_names_of_objects(pad):
    (told,) = pad([["take", "properties", "constructor=x\n"], ["set", None, None, {}],
                   ["config"]])
    assert told == [{}]


def test_an_edit_changes_its_line_alone(pad):
    """Edited in one view, seen in another: comments, order and unknown keys are there."""
    told, hidden = pad(
        [["take", "properties", PROPERTIES], ["replace", "json", '"5432"', '"5433"'],
         ["text", "properties"], ["replace", "sql", "'db1'", "'db2'"], ["text", "properties"]],
        [["take", "properties", PROPERTIES], ["hidden", "json"], ["hidden", "sql"],
         ["take", "json", JSON], ["hidden", "properties"]])
    for text, (old, new) in zip(told, (("5432", "5433"), ("db1", "db2")), strict=True):
        assert new in text and old not in text
        for kept in ("# Kafka Connect's worker", "# who asks: ops", "# the odd ones", "# the end",
                     "some.unknown.key=kept", "${file:/etc/secrets/pg.properties:password}"):
            assert kept in text, kept
        assert text.index("name=shop") < text.index("connector.class") < text.index("empty=")
    assert hidden == [[4, 0], [0, 0], [0, 1]]


def test_a_form_changes_values(pad):
    config = {"connector.class": "sql", "connection.url": "jdbc:sqlite:/b", "batch.size": "5",
              "new.one": "x"}
    (told,) = pad([["take", "sql", SQL], ["set", "other", "SINK", config], ["text", "sql"],
                   ["text", "json"]])
    assert "-- where to" in told[0] and "'batch.size' = 5," in told[0] and '"other"' in told[0]
    assert "delete.enabled" not in told[0] and "'new.one' = 'x'" in told[0]
    assert json.loads(told[1])["batch.size"] == 5


@pytest.mark.parametrize("text, said", [
    ('{"a": 1,\n "a": 2}', "Line 2: \"a\" is there twice"),
    ('{"a": {"b": 1}}', "must be a text"),
    ('{"a": "x', "Line 1: expected a text in double quotes, with its end"),
    ('{"a": 1} x', "expected the end"),
    ("a=1\n=x", "Line 2: expected name=value"),
    ("a=\\u12", "four hex digits"),
    ("CREATE SOURCE CONNECTOR x WITH (\n'a' = b);", "Line 2: expected a value in quotes, got b"),
    ("CREATE SOURCE CONNECTOR x WITH ('a' = 'b);", "a quote has no end"),
    ("CREATE SOURCE CONNECTOR x WITH ('a'='b'); SHOW TOPICS;", "one statement is expected"),
    ("CREATE TABLE x", "expected SOURCE or SINK"),
])
def test_what_cannot_be_read(pad, text, said):
    ((told,),) = pad([["take", None, text]])
    assert said in told
