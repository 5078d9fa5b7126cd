"""What a connection to MySQL or MariaDB can fail of: the step that failed is named; what a
statement mends the script mends, run as an administrator, and its undo restores what was; the rest
is told in words."""

import socket

import pytest
from doctor import Tried, bad
from servers.certificates import Authority

TABLES = 10
VARIABLES = ("binlog_format", "binlog_row_image", "binlog_row_metadata", "gtid_strict_mode",
             "binlog_expire_logs_seconds", "binlog_annotate_row_events",
             "binlog_rows_query_log_events", "read_only")
LOG = {"mysql": "REPLICATION CLIENT", "mariadb": "BINLOG MONITOR"}


class Ward:
    """A database of ten tables, and an account that may do all that a connector needs, but from
    this host only."""

    def __init__(self, server):
        self.server, self.sql = server, server.sql
        self.kind = server.kind
        for i in range(TABLES):
            self.sql(f"CREATE TABLE t{i} (id int PRIMARY KEY, v text)", "shop")
        self.sql("CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32), data text)",
                 "shop")
        self.sql("DROP USER IF EXISTS cdc@localhost;"
                 "CREATE USER cdc@localhost IDENTIFIED BY 'secret';"
                 "GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO cdc@localhost;"
                 f"GRANT REPLICATION SLAVE, {LOG[self.kind]} ON *.* TO cdc@localhost")
        if self.kind == "mariadb":
            self.sql("SET GLOBAL gtid_strict_mode = ON; SET GLOBAL binlog_expire_logs_seconds = 0")

    def dump(self):
        """Accounts, rights, settings, tables."""
        out = [self.sql("SHOW GRANTS FOR cdc@localhost"),
               self.sql("SELECT user, host FROM mysql.user")]
        names = ", ".join(f"'{v}'" for v in VARIABLES)
        out.append(self.sql(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))
        for (table,) in self.sql("SHOW TABLES", "shop"):
            out.append(self.sql(f"SHOW CREATE TABLE `{table}`", "shop"))
        return out


@pytest.fixture
def ward(binlog):
    one = Ward(binlog)
    before = one.sql("SHOW GLOBAL VARIABLES WHERE Variable_name IN "
                     f"({', '.join(repr(v) for v in VARIABLES)})")
    yield one
    for name, value in before:
        one.sql(f"SET GLOBAL {name} = {value if value.isdigit() else repr(value)}", force=True)
    one.sql("DROP USER IF EXISTS cdc@localhost")


class Patient(Tried):
    """A connection to the ward, tried by the command line without being saved."""

    def __init__(self, leat, ward, **values):
        super().__init__(leat)
        self.ward = ward
        given = {"type": ward.kind, "strategy": "binlog", "host": ward.server.host,
                 "port": ward.server.port, "username": "cdc", "database": "shop",
                 "server.id": 900000 + ward.server.port,
                 **{k.replace("_", "."): v for k, v in values.items()}}
        password = leat.write("password", f"password={given.pop('password', 'secret')}\n")
        words = [f"{k}={v}" for k, v in given.items()]
        leat.call("connection", "create", "ward", "--untested", *words, "--from", password)


STATEMENTS = {"mysql": "binlog_rows_query_log_events", "mariadb": "binlog_annotate_row_events"}
SIGNALS = ["signal.data.collection=shop.signals"]

# name: the steps that fail, the strategy, options beside it, what breaks it
BREAKS = {
    "replication": ({"replication"}, "binlog", [],
                    ["REVOKE REPLICATION SLAVE ON *.* FROM cdc@localhost"]),
    "log status": ({"log status"}, "binlog", [], ["REVOKE {log} ON *.* FROM cdc@localhost"]),
    "binlog_format": ({"binlog_format"}, "binlog", [], ["SET GLOBAL binlog_format = 'STATEMENT'"]),
    "row image": ({"binlog_row_image"}, "binlog", [], ["SET GLOBAL binlog_row_image = 'MINIMAL'"]),
    "row metadata": ({"binlog_row_metadata"}, "binlog", [],
                     ["SET GLOBAL binlog_row_metadata = 'MINIMAL'"]),
    "expiry": ({"expiry"}, "binlog", [], ["SET GLOBAL binlog_expire_logs_seconds = 3600"]),
    "statements": ({"{statements}"}, "binlog", ["include.query=true"],
                   ["SET GLOBAL {statements} = OFF"]),
    "select on one": ({"select"}, "binlog", [],
                      ["REVOKE SELECT ON shop.* FROM cdc@localhost",
                       *(f"GRANT SELECT ON shop.t{i} TO cdc@localhost" for i in range(9)),
                       "GRANT SELECT ON shop.signals TO cdc@localhost"]),
    "query select": ({"select"}, "query", [], ["REVOKE SELECT ON shop.* FROM cdc@localhost"]),
    "write": ({"write"}, "write", [], ["REVOKE UPDATE, DELETE ON shop.* FROM cdc@localhost"]),
    "no signal table": ({"signal table"}, "binlog", SIGNALS, ["DROP TABLE shop.signals"]),
    "signal insert": ({"signal table"}, "binlog", SIGNALS,
                      ["REVOKE INSERT ON shop.* FROM cdc@localhost"]),
    "strict": ({"gtid_strict_mode"}, "binlog", [], ["SET GLOBAL gtid_strict_mode = OFF"]),
    "several": ({"replication", "binlog_format", "signal table"}, "binlog", SIGNALS,
                ["REVOKE REPLICATION SLAVE ON *.* FROM cdc@localhost",
                 "SET GLOBAL binlog_format = 'MIXED'",
                 "REVOKE INSERT ON shop.* FROM cdc@localhost"]),
}


@pytest.mark.parametrize("case", BREAKS)
def test_mended_by_a_script(leat, ward, case):
    """It fails, is mended by the script, and is as it was after the undo."""
    expected, strategy, more, breaks = BREAKS[case]
    if case == "strict" and ward.kind == "mysql":
        pytest.skip("MySQL's numbers grow always")
    words = {"log": LOG[ward.kind], "statements": STATEMENTS[ward.kind]}
    expected = {step.format(**words) for step in expected}
    if "statements" in case:
        ward.sql(f"SET GLOBAL {words['statements']} = ON")
    patient = Patient(leat, ward, strategy=strategy)
    assert bad(patient.test(*more, ok=(0,))) == set()
    for statement in breaks:
        ward.sql(statement.format(**words))
    steps = patient.test(*more)
    assert bad(steps) == expected, steps
    before = ward.dump()
    script, undo = patient.script("--sql", *more), patient.script("--undo", *more)
    ward.sql(script)
    assert bad(patient.test(*more, ok=(0,))) == set()
    assert patient.script("--sql", *more) == "" and patient.script("--undo", *more) == ""
    assert ward.dump() != before
    ward.sql(undo)
    assert ward.dump() == before
    assert bad(patient.test(*more)) == expected


def words_only(patient, step, code, *more):
    """The step that failed; there is no statement for it."""
    steps = patient.test(*more, ok=(3,))
    assert step in bad(steps), steps
    assert steps[step]["code"] == code and not steps[step].get("sql"), steps[step]


def test_the_way_there(leat, ward):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    words_only(Patient(leat, ward, port=port), "connect", "mysql.connect")


def test_a_name_that_is_none(leat, ward):
    words_only(Patient(leat, ward, host="nowhere.invalid"), "resolve", "mysql.resolve")


def test_a_server_that_does_not_answer(leat, ward):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        patient = Patient(leat, ward, port=silent.getsockname()[1], connect_timeout_ms=1000)
        assert "connect" in bad(patient.test(ok=(3,)))


def test_a_wrong_password(leat, ward):
    words_only(Patient(leat, ward, password="other"), "log in", "mysql.auth")


def test_no_such_account(leat, ward):
    words_only(Patient(leat, ward, username="nobody"), "log in", "mysql.auth")


def test_an_account_that_is_locked(leat, ward):
    ward.sql("ALTER USER cdc@localhost ACCOUNT LOCK")
    assert "log in" in bad(Patient(leat, ward).test(ok=(3,)))


def test_the_other_kind(leat, ward):
    other = {"mysql": "mariadb", "mariadb": "mysql"}[ward.kind]
    words_only(Patient(leat, ward, type=other), "version", "mysql.other_kind")


def test_a_replica(leat, ward):
    ward.sql("SET GLOBAL read_only = ON")
    words_only(Patient(leat, ward, strategy="write"), "primary", "mysql.read_only")


def test_no_tables(leat, ward):
    steps = Patient(leat, ward, database="none").test()
    assert "tables" in bad(steps), steps


def test_a_number_that_is_taken(leat, ward):
    patient = Patient(leat, ward, server_id=ward.server.server_id)
    assert "server id" in bad(patient.test())


def test_a_table_without_a_key(leat, ward):
    ward.sql("CREATE TABLE keyless (v int)", "shop")
    assert "keys" in bad(Patient(leat, ward).test())


def test_keys_are_seen_with_select_alone(leat, ward):
    ward.sql("REVOKE INSERT, UPDATE, DELETE ON shop.* FROM cdc@localhost")
    steps = Patient(leat, ward).test()
    assert bad(steps) == set(), steps


def test_an_engine_without_transactions(leat, ward):
    engines = ["MyISAM", "MEMORY"] + ["Aria"] * (ward.kind == "mariadb")
    for engine in engines:
        ward.sql(f"CREATE TABLE of_{engine} (id int PRIMARY KEY) ENGINE={engine}", "shop")
    patient = Patient(leat, ward)
    steps = patient.test()
    assert "engine" in bad(steps)
    assert steps["engine"]["code"] == "mysql.no_transactions"
    names = ", ".join(sorted(f"shop.of_{engine}" for engine in engines))
    assert steps["engine"]["detail"].lower().endswith(f": {names}".lower())
    for engine in engines:
        ward.sql(f"ALTER TABLE of_{engine} ENGINE=InnoDB", "shop")
    assert "engine" not in bad(patient.test())


def test_tls_each_way(leat, scratch, ward):
    """A certificate by an authority that is not trusted; encryption that the server lacks."""
    folder = f"{scratch}/ca-{ward.kind}"
    ca = Authority(folder)
    encrypts = ward.sql("SHOW STATUS LIKE 'Ssl_server_not_after'")[0][1] != ""
    mode = "verify_ca" if encrypts else "required"
    more = {"ssl_ca": ca.ca} if encrypts else {}
    words_only(Patient(leat, ward, ssl_mode=mode, **more), "tls", "mysql.tls")
