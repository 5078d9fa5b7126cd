#!/usr/bin/env python3
"""Records the vectors in pgoutput/ from a real PostgreSQL server (wal_level=logical, superuser).

    record_pgoutput.py HOST PORT USER

Each case below runs its SQL in a database of its own and keeps what a logical slot gives for it:
CASE.hex, one message a line, and CASE.json, the same decoded by the few lines here, which share
nothing with the decoder under test. walframe.hex and walframe.json are frames of a replication
stream. Numbers (LSNs, transaction ids, oids, times) are those of the run.
"""

import json
import os
import socket
import struct
import sys

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pgoutput")

# name: (set-up, recorded, more options of the plugin)
CASES = {
    "transaction": (
        "create table t(id int primary key, v text, n numeric(10,2))",
        "begin; insert into t values (1,'one',1.50),(2,'two',-2.00);"
        "update t set v='uno' where id=1; delete from t where id=2; commit; "
        "insert into t values (3,'three',3)",
        "",
    ),
    "two_tables": (
        "create schema s; create table a(id bigserial primary key, v int); "
        'create table s."B b"(k text primary key, v bytea)',
        "begin; insert into a(v) values (7); insert into s.\"B b\" values ('x','\\xdeadbeef');"
        "update a set v=8; commit",
        "",
    ),
    "identity_default": (
        "create table t(id int primary key, v text)",
        "insert into t values (1,'a'); update t set v='b'; delete from t",
        "",
    ),
    "identity_full": (
        "create table t(id int, v text, w int); alter table t replica identity full",
        "insert into t values (1,'a',null); update t set v='b'; delete from t",
        "",
    ),
    "identity_index": (
        "create table t(id int primary key, a int not null, b text not null, c text);"
        "create unique index i on t(a,b); alter table t replica identity using index i",
        "insert into t values (1,2,'x','c'); update t set c='d'; update t set b='y'; delete from t",
        "",
    ),
    "identity_nothing": (
        "create table t(id int primary key, v text); alter table t replica identity nothing;"
        "alter publication p set (publish = 'insert, truncate')",
        "insert into t values (1,'a'); truncate t",
        "",
    ),
    "key_change": (
        "create table t(a int, b int, v text, primary key(a,b))",
        "insert into t values (1,1,'x'); update t set b=2; update t set a=5, v='y'",
        "",
    ),
    "toast_unchanged": (
        "create table t(id int primary key, big text, v int);"
        "alter table t alter big set storage external",
        "insert into t values (1,repeat('0123456789',300),1); update t set v=2; "
        "update t set big='small'; update t set v=3",
        "",
    ),
    "nulls": (
        "create table t(id int primary key, a text, b int, c bytea, d text[])",
        "insert into t values (1,null,null,null,null),(2,'',0,'','{}'),"
        "(3,'NULL',null,null,'{NULL}')",
        "",
    ),
    "truncate": (
        "create table a(id serial primary key);"
        "create table b(id int primary key, a int references a); create table c(id int)",
        "truncate a, b, c; truncate a restart identity cascade; truncate c",
        "",
    ),
    "messages": (
        "create table t(id int primary key)",
        "begin; select pg_logical_emit_message(true,'pre','in a transaction');"
        "insert into t values (1); select pg_logical_emit_message(true,'',''); commit;"
        "select pg_logical_emit_message(false,'außen',decode('00ff10','hex'));"
        "begin; insert into t values (2);"
        "select pg_logical_emit_message(false,'lost','in a rollback'); rollback; "
        "insert into t values (3)",
        "",
    ),
    "origin": (
        "create table t(id int primary key); select pg_replication_origin_create('elsewhere')",
        "select pg_replication_origin_session_setup('elsewhere'); begin; "
        "select pg_replication_origin_xact_setup('0/ABCDEF01','2020-02-02 02:02:02.020202+00');"
        "insert into t values (1); commit; select pg_replication_origin_session_reset();"
        "select pg_replication_origin_drop('elsewhere')",
        "",
    ),
    "types": (
        "create schema s; create type mood as enum('sad','ok');"
        "create domain s.pos as int check(value>0); create type comp as (a int, b text); "
        "create domain d2 as s.pos;"
        "create table t(id int primary key, m mood, p s.pos, c comp, d d2, ms mood[], ia int[][],"
        " v varchar(9), f char(3), n numeric(8,3), ts timestamp(3), iv interval day to second)",
        "insert into t values (1,'ok',2,row(1,'x,y'),3,'{sad,ok}','{{1,2},{3,4}}','v','f',1.5,"
        "'2024-02-29 13:14:15.123','1 day 2:03:04.5')",
        "",
    ),
    "alter": (
        "create table t(id int primary key, a int)",
        "insert into t values (1,1); alter table t add b text default 'new';"
        "insert into t values (2,2); alter table t drop a; insert into t values (3,'c'); "
        "alter table t rename to u;"
        "alter table u alter b type varchar(20); insert into u values (4,'d')",
        "",
    ),
    "partitions": (
        "create table t(id int, d int, primary key(id,d)) partition by range(d);"
        "create table t1 partition of t for values from (0) to (10);"
        "create table t2 partition of t for values from (10) to (20)",
        "insert into t values (1,1); update t set d=11; delete from t; truncate t",
        "",
    ),
    "partition_root": (
        "create table t(id int, d int, primary key(id,d)) partition by range(d);"
        "create table t1 partition of t for values from (0) to (10);"
        "alter publication p set (publish_via_partition_root = true)",
        "insert into t values (1,1); truncate t",
        "",
    ),
    "column_list": (
        "create table t(id int primary key, a text, secret text,"
        " b int generated always as (id*2) stored); drop publication p; "
        "create publication p for table t (id, a)",
        "insert into t values (1,'a','s'); update t set a='b'; delete from t",
        "",
    ),
    "binary": (
        "create table t(id int primary key, b bigint, f float8, t text, n numeric, u uuid, "
        "x bytea)",
        "insert into t values (1,-2,1.5,'text',12.5,"
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11','\\x0102');"
        "insert into t values (2,null,null,'',null,null,''); delete from t",
        ",'binary','true'",
    ),
    "names": (
        'create schema "схема"; create table "схема"."表 格"("größe €" int primary key, "اسم" text,'
        '"שם" text, "नाम" text, "이름" text, "😀" text, "tab\t" text, "quo""te" text, "a.b" text,'
        '"\\back" text, "{}" text)',
        'insert into "схема"."表 格" values (1,\'значение\',\'ערך\',\'मान\',\'값\',\'😀\',E\'\\t\','
        "'\"','.',E'\\\\','{}')",
        "",
    ),
    "columns_1600": (
        "do $$ begin execute 'create table t(' || (select string_agg('c' || i || ' int', ',')"
        " from generate_series(1,1600) i) || ')'; end $$; alter table t replica identity full",
        "insert into t(c1,c1600) values (1,1600); update t set c800=7",
        "",
    ),
    "big": (
        "create table t(id int primary key, v text)",
        "begin; insert into t select i, 'row ' || i from generate_series(1,300) i; savepoint s;"
        "update t set v = v || '!' where id <= 50; rollback to s; delete from t where id % 3 = 0;"
        "commit; insert into t values (1000, repeat('ü', 20000))",
        "",
    ),
}


class Server:
    """The protocol's few messages that are needed; the server trusts its client."""

    def __init__(self, host, port, user, database, **more):
        self.s = socket.create_connection((host, port))
        settings = {"user": user, "database": database, "client_encoding": "UTF8"} | more
        body = b"".join(f"{k}\0{v}\0".encode() for k, v in settings.items()) + b"\0"
        self.s.sendall(struct.pack("!ii", len(body) + 8, 196608) + body)
        self.until(b"Z")

    def get(self):
        kind, size = struct.unpack("!ci", self.exactly(5))
        body = self.exactly(size - 4)
        if kind == b"E":
            raise SystemExit(body.replace(b"\0", b" ").decode())
        return kind, body

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.s.recv(n - len(data))
            if not more:
                raise SystemExit("the server closed the connection")
            data += more
        return data

    def until(self, end):
        rows = []
        while True:
            kind, body = self.get()
            if kind == b"D":
                rows.append(body)
            if kind == end:
                return rows

    def send(self, sql):
        body = sql.encode() + b"\0"
        self.s.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)

    def sql(self, sql):
        """Rows of the last statement, their first column as bytes."""
        self.send(sql)
        rows = []
        for body in self.until(b"Z"):
            (size,) = struct.unpack("!i", body[2:6])
            rows.append(body[6 : 6 + size])
        return rows


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, fmt):
        out = struct.unpack_from("!" + fmt, self.data, self.at)
        self.at += struct.calcsize("!" + fmt)
        return out[0] if len(out) == 1 else out

    def text(self):
        end = self.data.index(b"\0", self.at)
        out = self.data[self.at : end].decode()
        self.at = end + 1
        return out

    def bytes(self, n):
        self.at += n
        return self.data[self.at - n : self.at]

    def time(self):
        return self.take("q") + 946684800000000

    def lsn(self):
        n = self.take("Q")
        return f"{n >> 32:X}/{n & 0xFFFFFFFF:X}"

    def tuple(self):
        return [self.cell() for _ in range(self.take("H"))]

    def cell(self):
        kind = self.take("c")
        if kind in b"tb":
            data = self.bytes(self.take("i"))
            return data.decode() if kind == b"t" else {"hex": data.hex()}
        return {b"n": None, b"u": False}[kind]


def decode(data):
    """A message as it stands in CASE.json. In a tuple null is NULL and false an unchanged TOAST."""
    r = Reader(data)
    kind = r.take("c")
    m = DECODERS[kind](r)
    assert r.at == len(data), (kind, m)
    return m


def schema(r):
    return r.text() or "pg_catalog"


def relation(r):
    m = {"type": "relation", "id": r.take("I"), "schema": schema(r), "name": r.text()}
    m["identity"] = r.take("c").decode()
    m["columns"] = []
    for _ in range(r.take("H")):
        key = r.take("b")
        name, (oid, typmod) = r.text(), r.take("Ii")
        m["columns"].append({"name": name, "key": key == 1, "type": oid, "typmod": typmod})
    return m


def change(name):
    def read(r):
        m = {"type": name, "relation": r.take("I")}
        while r.at < len(r.data):
            part = r.take("c").decode()
            m[part] = r.tuple()
        return m

    return read


def truncate(r):
    n, options = r.take("Ib")
    return {
        "type": "truncate",
        "cascade": bool(options & 1),
        "restart_identity": bool(options & 2),
        "relations": [r.take("I") for _ in range(n)],
    }


def message(r):
    m = {"type": "message", "transactional": r.take("b") == 1, "lsn": r.lsn(), "prefix": r.text()}
    m["content"] = r.bytes(r.take("i")).hex()
    return m


def commit(r):
    assert r.take("b") == 0
    return {"type": "commit", "lsn": r.lsn(), "end_lsn": r.lsn(), "ts_us": r.time()}


DECODERS = {
    b"B": lambda r: {"type": "begin", "final_lsn": r.lsn(), "ts_us": r.time(), "xid": r.take("I")},
    b"C": commit,
    b"O": lambda r: {"type": "origin", "lsn": r.lsn(), "name": r.text()},
    b"R": relation,
    b"Y": lambda r: {"type": "type", "id": r.take("I"), "schema": schema(r), "name": r.text()},
    b"I": change("insert"),
    b"U": change("update"),
    b"D": change("delete"),
    b"T": truncate,
    b"M": message,
}


def write(name, messages, decoded):
    with open(os.path.join(OUT, name + ".hex"), "w", encoding="ascii") as f:
        f.writelines(m.hex() + "\n" for m in messages)
    with open(os.path.join(OUT, name + ".json"), "w", encoding="utf-8") as f:
        rows = ",\n ".join(json.dumps(d, ensure_ascii=False) for d in decoded)
        f.write(f"[{rows}]\n")


def record(where, name, setup, sql, options):
    admin = Server(*where, "postgres")
    admin.sql("drop database if exists leat_vectors (force)")
    admin.sql("create database leat_vectors")
    db = Server(*where, "leat_vectors")
    db.sql("create publication p for all tables")
    db.sql(setup)
    db.sql("select pg_create_logical_replication_slot('leat_vectors','pgoutput')")
    for statement in sql.split(";"):
        db.sql(statement)
    db.sql("set bytea_output=hex")
    rows = db.sql(
        "select data from pg_logical_slot_get_binary_changes('leat_vectors',null,null,"
        f"'proto_version','1','publication_names','p','messages','true'{options})"
    )
    db.sql("select pg_drop_replication_slot('leat_vectors')")
    messages = [bytes.fromhex(row[2:].decode()) for row in rows]
    write(name, messages, [decode(m) for m in messages])
    print(f"{name}: {len(messages)} messages, {sum(map(len, messages))} bytes")


def frame(data):
    r = Reader(data)
    if r.take("c") == b"k":
        return {"type": "k", "end": r.lsn(), "ts_us": r.time(), "reply": r.take("b") == 1}
    m = {"type": "w", "start": r.lsn(), "end": r.lsn(), "ts_us": r.time()}
    m["data"] = r.data[r.at :].hex()
    return m


def record_frames(where):
    db = Server(*where, "leat_vectors")
    db.sql("create table if not exists framed(id int primary key)")
    wal = Server(*where, "leat_vectors", replication="database")
    wal.sql("CREATE_REPLICATION_SLOT leat_frames TEMPORARY LOGICAL pgoutput")
    wal.send(
        "START_REPLICATION SLOT leat_frames LOGICAL 0/0"
        " (proto_version '1', publication_names 'p', messages 'true')"
    )
    db.sql("insert into framed values (1)")
    db.sql("select pg_logical_emit_message(false,'p','content')")
    frames = []
    while not (frames and frames[-1][:1] == b"w" and frames[-1][25:26] == b"M"):
        kind, body = wal.get()
        if kind == b"d":
            frames.append(body)
    now = struct.pack("!cQQQqb", b"r", 0, 0, 0, 0, 1)  # a status that asks for a keepalive
    wal.s.sendall(b"d" + struct.pack("!i", len(now) + 4) + now)
    while frames[-1][:1] != b"k":
        kind, body = wal.get()
        if kind == b"d":
            frames.append(body)
    write("walframe", frames, [frame(f) for f in frames])
    print(f"walframe: {len(frames)} frames")


def main():
    host, port, user = sys.argv[1:]
    where = (host, int(port), user)
    for name, case in CASES.items():
        record(where, name, *case)
    record_frames(where)
    Server(*where, "postgres").sql("drop database leat_vectors (force)")


if __name__ == "__main__":
    main()
