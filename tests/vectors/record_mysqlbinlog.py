#!/usr/bin/env python3
"""Records tests/vectors/mysqlbinlog/CASE.bin (a binary log) and CASE.json (what it says).

    record_mysqlbinlog.py MYSQL_PORT MYSQL_DATA MARIADB_PORT MARIADB_DATA [CASE...]

The servers run on 127.0.0.1, root has no password, DATA is their data folder. After each step of a
case the whole table is selected: what differs are the changes that the log has to say. SHOW BINLOG
EVENTS says which events it has.
"""

import json
import os
import re
import subprocess
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mysqlbinlog")

NUMBERS = """id int primary key, ti tinyint, tiu tinyint unsigned, y year, si smallint,
 siu smallint unsigned, mi mediumint, miu mediumint unsigned, i int, iu int unsigned, bi bigint,
 biu bigint unsigned, d decimal(10,2), d65 decimal(65,30), d0 decimal(20,0), df decimal(9,9),
 f float,
 db double, b1 bit(1), b10 bit(10), b64 bit(64)"""
TIMES = """id int primary key, d date, t time, t1 time(1), t3 time(3), t6 time(6), dt datetime,
 dt2 datetime(2), dt3 datetime(3), dt6 datetime(6), ts timestamp null, ts1 timestamp(1) null,
 ts4 timestamp(4) null, ts6 timestamp(6) null"""
TEXTS = """id int primary key, c5 char(5), c255 char(255), vc varchar(10), vl varchar(300),
 tt tinytext,
 tx text, mt mediumtext, lt longtext, l1 varchar(20) character set latin1,
 l2 char(20) character set latin2,
 u2 varchar(20) character set ucs2, u16 varchar(20) character set utf16,
 u16l varchar(20) character set utf16le, u32 varchar(20) character set utf32,
 u3 varchar(20) character set utf8mb3, va varchar(20) character set ascii,
 sj varchar(20) character set sjis, gb varchar(20) character set gbk,
 uj varchar(20) character set ujis,
 kr varchar(20) character set euckr, cp varchar(20) character set cp1251,
 b5 binary(5), vb varbinary(300), bl blob, lb longblob, en enum('a','b,c','d''e','é'),
 st set('x','y','z','é'), enl enum('a','é') character set latin1"""
TEXT_ROWS = [
    """insert into t values(1,'ab',repeat('é',255),'abc',repeat('y',300),'tt',
 'line1\\nline2\\t"q" é € 😀','m','l',
 'é€','ář','é','é😀','a😀','€😀','é','a','あ','中','あ','가','Жы',x'010200',repeat(x'00ff',150),x'00',
 x'ff','b,c',
 'x,z','é')""",
    "insert into t(id) values(2)",
    """insert into t values(3,'','','','','','','','','','','','','','','','','','','','','',x'',
 x'',x'',x'',
 'a','','a')""",
    "update t set tx='x', st='y,z,é', b5=x'0102030405', c5='z ' where id=1",
    "delete from t where id=2",
]
TIME_ROWS = [
    """insert into t values(1,'2024-02-29','13:14:15','13:14:15.1','13:14:15.123','13:14:15.123456',
 '2024-02-29 13:14:15','2024-02-29 13:14:15.12','2024-02-29 13:14:15.123',
 '2024-02-29 13:14:15.123456',
 '2024-02-29 13:14:15','2024-02-29 13:14:15.1','2024-02-29 13:14:15.1234',
 '2024-02-29 13:14:15.123456')""",
    "insert into t(id) values(2)",
    """insert into t values(3,'1000-01-01','-838:59:59','-00:00:00.1','-00:00:00.001',
 '-00:00:00.000001',
 '1000-01-01','9999-12-31 23:59:59.99','0001-01-01','1969-12-31 23:59:59.999999',
 '1970-01-01 00:00:01',
 '2038-01-19 03:14:07','2000-01-01','1970-01-01 00:00:00.000001')""",
    "insert into t(id,t,t1,t3,t6) values(4,'838:59:59','-1:00:00.5','-12:34:56.999',"
    "'-838:59:58.999999')",
    """insert into t values(5,'0000-00-00','00:00:00','0','0','0','0000-00-00','2024-00-00',
 '2024-02-00',
 '2024-02-31 01:02:03.5','0000-00-00','0000-00-00','0000-00-00','0000-00-00')""",
    "insert into t(id,d) values(6,'2024-00-15'),(7,'2024-02-31')",
    "update t set d='2000-01-01' where id=3",
]
NUMBER_ROWS = [
    """insert into t values(1,-128,255,1901,-32768,65535,-8388608,16777215,-2147483648,4294967295,
 -9223372036854775808,18446744073709551615,-12345678.99,repeat('9',35),-99999999999999999999,
 0.123456789,
 -1.5e-10,-1.7976931348623157e308,b'1',b'1010101010',
 b'1000000000000000000000000000000000000000000000000000000000000001')""",
    "insert into t(id) values(2)",
    """insert into t values(3,127,0,2155,32767,0,8388607,0,2147483647,0,9223372036854775807,0,0.10,
 -0.000000000000000000000000000001,-1,-0.5,3.402823e38,0.1,b'0',b'1',b'1')""",
    "insert into t values(4,0,1,0,0,1,-1,1,-1,1,-1,1,-0.01,12345.678,1234567890,0,0.1,0,null,"
    "null,null)",
    "update t set d=100.50,f=-0.0,biu=9223372036854775808 where id=3",
    "delete from t where id=1",
]
JSONS = [
    r"""insert into t values(1,'{"a": 1,  "b":[1,2.50,null,true,false,"é\\n\\"\\\\"], "c":{},
 "long key":[], "":""}')""",
    "insert into t values(2,'[]'),(3,'\"str\"'),(4,'null'),(5,'1.25'),(6,null),(7,'-5'),(8,'true')",
    """insert into t values(9,'{"i16":[32767,-32768,32768],"i32":[2147483647,-2147483648,
 2147483648],
 "u64":18446744073709551615,"i64":-9223372036854775808,"n":{"x":[1,[2,[3]]]}}')""",
    "insert into t values(10,json_object('d',cast('2024-02-29' as date),'t',cast('-12:34:56.5' "
    "as time(6)),"
    "'dt',cast('2024-02-29 01:02:03.000456' as datetime(6)),'x',cast(-12.50 as decimal(10,2)),"
    "'b',cast('abc' as binary)))",
    "insert into t values(11,json_object('s',repeat('x',70000),'k',json_array(1,70000,-70000)))",
    "update t set j=json_set(j,'$.a',2,'$.b[1]','two') where id=1",
    "update t set j=json_remove(j,'$.c') where id=1",
    "update t set j=json_set(j,'$.\"long key\"[0]',7) where id=1",
    "delete from t where id in (2,3)",
]
PARTIAL = [
    """insert into t values(1,'{"a":1,"b":"%s","arr":[1,2,3],"o":{"k":{"z":0}}}','{"q":"%s"}',1)"""
    % ("x" * 60, "y" * 60),
    """insert into t values(2,null,'{"a":1,"s":"%s"}',1)""" % ("x" * 60),
    "update t set j=json_set(j,'$.a',2) where id=1",
    "update t set j=json_set(j,'$.\"new key\"',json_object('x',1)) where id=1",
    "update t set j=json_insert(j,'$.bb',1.5), n=2 where id=1",
    "update t set j=json_remove(j,'$.arr[1]'), k=json_set(k,'$.q','y') where id=1",
    "update t set j=json_array_insert(j,'$.arr[0]','first') where id=1",
    "update t set j=json_array_append(j,'$.arr',json_array(true,null)) where id=1",
    "update t set j=json_replace(j,'$.o.k.z',json_object('deep',-1)) where id=1",
    "update t set k=json_set(k,'$.a','two'), n=3 where id=2",
    "update t set j='{\"whole\":true}', n=4 where id in (1,2)",
    "update t set n=5 where id=1",
    "update t set j=json_set(j,'$.whole',false) where id=1",
]
GEO = [
    """insert into t values(1,st_geomfromtext('POINT(1 2)'),st_geomfromtext('LINESTRING(0 0,1 1)'),
 st_geomfromtext('POLYGON((0 0,1 0,1 1,0 0))'),st_geomfromtext('POINT(3 4)',4326))""",
    "insert into t(id) values(2)",
    "update t set p=st_geomfromtext('POINT(-1.5 1e100)') where id=1",
]
PLAIN = "id int primary key, a int unsigned, b varchar(20), c text, d int"
PLAIN_ROWS = [
    "insert into t values(1,1,'one','c1',11),(2,2,'two','c2',22),(3,4294967295,null,null,null)",
    "update t set b='drei' where id=3",
    "update t set c='x', d=null where id < 3",
    "delete from t where id=2",
    "begin; insert into t(id) values(10); savepoint s; insert into t(id) values(11); rollback to s",
    "update t set a=7 where id=10; commit",
]
XA = ["xa start 'x1','b'; insert into t(id) values(1); xa end 'x1','b'; xa prepare 'x1','b'; xa "
    "commit 'x1','b'",
      "xa start 'x2'; insert into t(id) values(2); xa end 'x2'; xa commit 'x2' one phase"]
MINI = ["set session binlog_row_image=minimal"]
NOBLOB = ["set session binlog_row_image=noblob"]
UUIDS = """00000000-0000-0000-0000-000000000000 ffffffff-ffff-ffff-ffff-ffffffffffff
 2ec757f5-e589-11f1-a599-02fc00000001 000003e8-1b9d-21ec-8000-325096b39f47
 5df41881-3aed-3515-88a7-2f4a814cf09e 0f0d0c0b-0a09-4807-8605-040302010000
 74738ff5-5367-5958-9aee-98fffdcd1876 1ec9414c-232a-6b00-b3c8-9f6bdeced846
 017f22e2-79b0-7cc3-98c4-dc0c0c07398f 320c3d4d-cc00-875b-8ec9-32d5f69181c0
 11111111-2222-1333-4444-555555555555 11111111-2222-8333-4444-555555555555""".split()
INETS = ["::", "::1", "2001:db8::ff00:42:8329", "::ffff:1.2.3.4", "fe80::1:0:0:1", "1::",
    "::1.2.3.4",
         "1:2:3:4:5:6:7:8", "::ffff:0:1.2.3.4", "0:0:1::", "1:0:0:2::3", "::2:3:4:5:6:7"]

CASES = {
    # name: server, settings (global), session, columns, steps
    "my_numbers": ("mysql", [], [], NUMBERS, NUMBER_ROWS),
    "my_times": ("mysql", [], ["set sql_mode='ALLOW_INVALID_DATES'"], TIMES, TIME_ROWS),
    "my_texts": ("mysql", [], [], TEXTS + ", gb18 varchar(20) character set gb18030",
                 [s.replace("'x,z','é')", "'x,z','é','中é')").replace(" 'a','','a')",
                 " 'a','','a','')")
                  for s in TEXT_ROWS]),
    "my_json": ("mysql", [], [], "id int primary key, j json", JSONS),
    "my_partial": ("mysql", [], ["set session binlog_row_value_options=PARTIAL_JSON"],
                   "id int primary key, j json, k json, n int", PARTIAL),
    "my_partial_minimal": ("mysql", [], ["set session binlog_row_value_options=PARTIAL_JSON",
        *MINI],
                           "id int primary key, j json, k json, n int", PARTIAL),
    "my_geo": ("mysql", [], [], "id int primary key, p point, l linestring, g polygon, s "
    "geometry", GEO),
    "my_vector": ("mysql", [], [], "id int primary key, v vector(3)",
                  ["insert into t values(1,string_to_vector('[1,-2.5,3e10]')),(2,null)"]),
    "my_minimal": ("mysql", [], MINI, PLAIN, PLAIN_ROWS),
    "my_noblob": ("mysql", [], NOBLOB, PLAIN, PLAIN_ROWS),
    "my_nochecksum": ("mysql", ["set global binlog_checksum=NONE"], [], PLAIN, PLAIN_ROWS),
    "my_meta_minimal": ("mysql", ["set global binlog_row_metadata=MINIMAL"], [], TEXTS, TEXT_ROWS),
    "my_compressed": ("mysql", [], ["set session binlog_transaction_compression=ON"], PLAIN,
                      [*PLAIN_ROWS, "insert into t(id,c) values(20,repeat('abc',20000))"]),
    "my_tagged": ("mysql", [], ["set session gtid_next='AUTOMATIC:shop_1'"], PLAIN, PLAIN_ROWS),
    "my_query": ("mysql", [], ["set session binlog_rows_query_log_events=ON"], PLAIN, PLAIN_ROWS),
    "my_xa": ("mysql", [], [], PLAIN, XA),
    "my_anonymous": ("mysql", ["set global gtid_mode=ON_PERMISSIVE",
        "set global gtid_mode=OFF_PERMISSIVE"],
                     [], PLAIN, PLAIN_ROWS),
    "my_wide": ("mysql", [], [], "id int primary key," + ",".join(f"c{i} int" for i in range(260)),
                ["insert into t(id,c0,c259) values(1,2,3)", "update t set c100=5 where id=1"]),
    "ma_numbers": ("mariadb", [], [], NUMBERS, NUMBER_ROWS),
    "ma_times": ("mariadb", [], ["set sql_mode='ALLOW_INVALID_DATES'"], TIMES, TIME_ROWS),
    "ma_times_old": ("mariadb", ["set global mysql56_temporal_format=OFF"],
                     ["set sql_mode='ALLOW_INVALID_DATES'"],
                     "id int primary key, d date, t time, dt datetime, ts timestamp null",
                     ["insert into t values(1,'2024-02-29','-12:34:56','9999-12-31 23:59:59',"
                     "'2038-01-19 03:14:07')",
                      "insert into t values(2,'2024-02-00','838:59:59','2024-00-01 01:02:03',"
                      "'0000-00-00')"]),
    "ma_texts": ("mariadb", [], [], TEXTS, TEXT_ROWS),
    "ma_geo": ("mariadb", [], [], "id int primary key, p point, l linestring, g polygon, s "
    "geometry", GEO),
    "ma_types": ("mariadb", [], [], "id int primary key, u uuid, i6 inet6, i4 inet4, j json",
                 ["insert into t values" + ",".join(
                     f"({i},'{u}','{n}','{a}','{{\"a\": {i}}}')"
                     for i, (u, n, a) in enumerate(zip(UUIDS, INETS, ["0.0.0.0",
                     "1.2.3.0"] * 6)))]),
    "ma_columns": ("mariadb", [], [], """id int primary key, b blob compressed, t text compressed,
 v varchar(100) compressed, w varchar(1000) character set latin1 compressed,
 z varbinary(300) compressed""",
                   ["insert into t values(1,repeat('ab',5000),repeat('é',5000),'short','é',"
                   "x'00ff')",
                    "insert into t values(2,'','','','',''),(3,null,null,null,null,null)",
                    "update t set v=repeat('v',100),w=repeat('é',1000),z=repeat(x'ff',300) where "
                    "id=1"]),
    "ma_minimal": ("mariadb", [], MINI, PLAIN, PLAIN_ROWS),
    "ma_noblob": ("mariadb", [], NOBLOB, PLAIN, PLAIN_ROWS),
    "ma_nochecksum": ("mariadb", ["set global binlog_checksum=NONE"], [], PLAIN, PLAIN_ROWS),
    "ma_meta_none": ("mariadb", ["set global binlog_row_metadata=NO_LOG"], [], TEXTS, TEXT_ROWS),
    "ma_meta_minimal": ("mariadb", ["set global binlog_row_metadata=MINIMAL"], [], NUMBERS,
        NUMBER_ROWS),
    "ma_compressed": ("mariadb", ["set global log_bin_compress=ON",
        "set global log_bin_compress_min_len=10"],
                      [], PLAIN, [*PLAIN_ROWS,
                      "insert into t(id,c) values(20,repeat('abc',20000))"]),
    "ma_xa": ("mariadb", [], [], PLAIN, XA),
    "ma_annotate": ("mariadb", [], ["set session binlog_annotate_row_events=ON"], PLAIN,
        PLAIN_ROWS),
}
DEFAULTS = {
    "mysql": ["set global binlog_checksum=CRC32", "set global binlog_row_metadata=FULL",
              "set global gtid_mode=ON_PERMISSIVE", "set global gtid_mode=ON"],
    "mariadb": ["set global binlog_checksum=CRC32", "set global binlog_row_metadata=FULL",
                "set global log_bin_compress=OFF", "set global log_bin_compress_min_len=256",
                "set global mysql56_temporal_format=ON"],
}


def run(port, sql):
    got = subprocess.run(
        ["mariadb", "-uroot", "-h127.0.0.1", f"-P{port}", "-N", "-B",
        "--default-character-set=utf8mb4"],
        input=sql, capture_output=True, text=True, timeout=120,
    )
    if got.returncode:
        raise SystemExit(f"{sql[:2000]}\n{got.stderr}")
    return [[plain(x) for x in line.split("\t")] for line in got.stdout.split("\n")[:-1]]


def plain(text):
    """Without the client's escapes."""
    names = {"n": "\n", "t": "\t", "0": "\0"}
    return re.sub(r"\\(.)", lambda m: names.get(m[1], m[1]), text)


def columns(port, mariadb):
    table = "collation_character_set_applicability" if mariadb else "collations"
    name = "full_collation_name" if mariadb else "collation_name"
    ids = {r[1]: int(r[0]) for r in run(port, f"select id, {name} from information_schema.{table}")}
    if mariadb:  # short names too
        for number, short in run(port, f"select id, collation_name from "
        f"information_schema.{table}"):
            ids.setdefault(short, int(number))
    rows = run(port, "select column_name, data_type, column_type, ifnull(collation_name,'') from "
               "information_schema.columns where table_schema='vec' and table_name='t' order by "
               "ordinal_position")
    out = []
    for name, data_type, column_type, collation in rows:
        labels = re.findall(r"'((?:[^']|'')*)'", column_type) if data_type in ("enum",
        "set") else []
        digits = re.search(r"\((\d+)\)", column_type)
        binary = data_type in ("binary", "varbinary") or data_type.endswith("blob")
        text = data_type.endswith(("char", "text")) or data_type in ("enum", "set")
        if mariadb and data_type == "longtext":
            text = True
        out.append({
            "name": name, "type": data_type, "unsigned": "unsigned" in column_type,
            "digits": int(digits[1]) if digits and data_type in ("time", "datetime", "timestamp",
            "bit") else 0,
            "collation": 63 if binary else ids[collation] if text else 0,
            "labels": [x.replace("''", "'") for x in labels],
        })
    return out


def expression(c):
    name, kind = c["name"], c["type"]
    if kind in ("binary", "varbinary", "vector") or kind.endswith("blob"):
        return f"hex({name})"
    if kind in ("point", "linestring", "polygon", "geometry"):
        return f"hex({name})"
    if kind == "bit":
        return f"lpad(hex({name}), {(max(c['digits'], 1) + 7) // 8 * 2}, '0')"
    if kind == "float":
        return f"cast({name} as double)"
    return name


def json_text(text):
    """As Debezium prints what MySQL shows: no white space, plain base64, trimmed fractions."""
    out, i = "", 0
    for m in re.finditer(r'"(?:[^"\\]|\\.)*"|[^"]+', text):
        part = m[0]
        if part[0] != '"':
            part = re.sub(r"\s+", "", part)
        part = re.sub(r'^"base64:type\d+:', '"', part)
        if re.fullmatch(r'"(\d{4}-\d\d-\d\d |-?)\d\d:\d\d:\d\d\.\d{6}"', part):
            part = part[:-1].rstrip("0").rstrip(".") + '"'
        out += part
    return out


def snapshot_sql(cols):
    one = "ifnull(hex(convert(cast({} as char) using utf8mb4)),'~')"
    parts = ", ".join(one.format(expression(c)) for c in cols)
    return f"select '-rows-'; select {parts} from t order by id; select '-end-';\n"


def text(c, cell, mariadb):
    if cell == "~":
        return None
    value = bytes.fromhex(cell).decode()
    return json_text(value) if c["type"] == "json" and not mariadb else value


def changes(cols, snapshots, mariadb):
    out, before = [], {}
    for rows in snapshots:
        after = {r[0]: [text(c, v, mariadb) for c, v in zip(cols, r)] for r in rows}
        for key in sorted(before.keys() | after.keys(), key=lambda k: int(bytes.fromhex(k))):
            old, new = before.get(key), after.get(key)
            if old != new:
                out.append({"op": "c" if old is None else "d" if new is None else "u",
                            "before": old, "after": new})
        before = after
    return out


def member(item):
    """A member of the file: of a list, an element a line."""
    name, value = item
    line = json.dumps
    if not isinstance(value, list):
        return f"{line(name)}: {line(value)}"
    lines = ",\n  ".join(line(v, ensure_ascii=False) for v in value)
    return f"{line(name)}: [\n  {lines}]"


def record(name, ports):
    server, settings, session, table, steps = CASES[name]
    port, data = ports[server]
    mariadb = server == "mariadb"
    tagged = any("AUTOMATIC:" in s for s in session)
    reset = "drop database if exists vec; create database vec collate utf8mb4_bin;"
    run(port, ";".join(DEFAULTS[server] + settings) + f"; {reset} use vec; create table "
    f"t({table});")
    cols = columns(port, mariadb)
    run(port, "flush binary logs;")
    status = "show master status" if mariadb else "show binary log status"
    sql = f"{status}; use vec; set names utf8mb4; set time_zone='+00:00'; set sql_mode='';\n"
    sql += "".join(f"{s};\n" for s in session)
    body = "select '-begin-';\n" + snapshot_sql(cols)
    for step in steps:
        body += f"{step};\n" + snapshot_sql(cols)
    if tagged:
        body += "set session gtid_next='AUTOMATIC';\n"
    got = run(port, sql + body + "create table other(x int); alter table other add y int; drop "
    "table other;\n")
    file, snapshots, rows = got[0][0], [], None
    for row in got:
        if row == ["-rows-"]:
            rows = []
        elif row == ["-end-"]:
            snapshots.append(rows)
            rows = None
        elif rows is not None:
            rows.append(row)
    run(port, ";".join(["flush binary logs", *DEFAULTS[server]]) + ";")
    events = run(port, f"show binlog events in '{file}'")
    events = [
        {"pos": int(e[1]), "type": e[2], "end": int(e[4]), "info": e[5][:300]} for e in events
    ]
    with open(os.path.join(data, file), "rb") as f:
        log = f.read()
    with open(os.path.join(FOLDER, name + ".bin"), "wb") as f:
        f.write(log)
    said = changes(cols, snapshots, mariadb)
    found = {"server": server, "columns": cols, "changes": said, "events": events}
    with open(os.path.join(FOLDER, name + ".json"), "w", encoding="utf-8") as f:
        f.write("{" + ",\n ".join(map(member, found.items())) + "}\n")
    print(f"{name}: {len(log)} bytes, {len(said)} changes, {len(events)} events")


def main():
    mysql, mysql_data, mariadb, mariadb_data, *names = sys.argv[1:]
    os.makedirs(FOLDER, exist_ok=True)
    ports = {"mysql": (mysql, mysql_data), "mariadb": (mariadb, mariadb_data)}
    for name in names or CASES:
        record(name, ports)


main()
