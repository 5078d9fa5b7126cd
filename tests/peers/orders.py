"""A load whose records are known beforehand, and what must hold of them whoever wrote them.

Small transactions insert, update, change a key and delete; each tenth inserts many rows. What a row
holds follows from its id, so records of the same kind differ only in what tells their place and
time: `form` checks that and takes it out.
"""

import collections
import json
import re
import threading

from servers.process import until

CLASSES = 5  # of rows with the same content
COLUMNS = {
    "what": ("text", "'row ' || i % 5"),
    "amount": ("numeric(12,3)", "(i % 5) * 1234.567"),
    "at": ("timestamptz", "timestamptz '2024-03-01 12:00:00.123456+00' + i % 5 * interval '1 day'"),
    "wall": ("timestamp(3)", "timestamp '1999-12-31 23:59:59.999' + i % 5 * interval '1 hour'"),
    "day": ("date", "date '2024-02-28' + (i % 5)::int"),
    "clock": ("time", "time '12:00:00.5' + i % 5 * interval '1 second'"),
    "flag": ("bool", "CASE i % 5 WHEN 0 THEN true WHEN 1 THEN false END"),
    "doc": ("jsonb", "jsonb_build_object('k', i % 5)"),
    "raw": ("bytea", "decode(lpad(to_hex(i % 5), 4, 'f'), 'hex')"),
    "tags": ("int[]", "ARRAY[(i % 5)::int, NULL, 7]"),
    "uid": ("uuid", "('00000000-0000-0000-0000-00000000000' || i % 5)::uuid"),
    "ratio": ("float8", "(i % 5) / 3.0"),
    "small": ("smallint", "i % 5"),
    "nothing": ("text", "NULL"),
}
CREATE = "CREATE TABLE orders (id bigint PRIMARY KEY, " + ", ".join(
    f"{name} {kind}" for name, (kind, _) in COLUMNS.items()) + ")"
FILL = "INSERT INTO orders SELECT i, " + ", ".join(
    text for _, text in COLUMNS.values()) + " FROM generate_series({}::bigint, {}::bigint) i"
BIG, EACH = 1000, 10
ID = re.compile(r"\b[0-9]{3,}\b")  # in a header, whose text is what the converter makes of a key
RUN = "__debezium.context.runId"  # another one at each start of a task
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

# Of a small transaction: operation, id behind the first, number among its changes (a key change is
# two); a tombstone has none.
SMALL = [("c", 0, 1), ("c", 1, 2), ("c", 2, 3), ("u", 1, 4), ("d", 2, 5), (None, 2, None),
         ("c", 3, 6), ("d", 0, 7), (None, 0, None)]


class Load(threading.Thread):
    """Transactions one after the other until it is told to stop. `done`: of each the first id, and
    how many rows it inserted."""

    def __init__(self, db, rest_s=0.05):
        super().__init__(daemon=True)
        self.db, self.rest_s = db, rest_s
        self.done, self.halt = [], threading.Event()
        self.start()

    def run(self):
        first = 100
        with self.db.connect(autocommit=False) as c:
            while not self.halt.wait(self.rest_s):
                rows = BIG if len(self.done) % EACH == EACH - 1 else 3
                c.execute(FILL.format(first, first + rows - 1))
                if rows == 3:
                    c.execute("UPDATE orders SET what = 'changed' WHERE id = %s", (first + 1,))
                    c.execute("UPDATE orders SET id = id + 1 WHERE id = %s", (first + 2,))
                    c.execute("DELETE FROM orders WHERE id = %s", (first,))
                c.commit()
                self.done.append((first, rows))
                first += rows + 1

    def grows(self, transactions):
        """Until so many more are committed."""
        goal = len(self.done) + transactions
        until(lambda: len(self.done) >= goal or not self.is_alive(), 240, "the load")
        assert self.is_alive()

    def stop(self):
        self.halt.set()
        self.join()
        return self.done


def expected(transaction):
    """Of one of the load's: (operation, id, number) of its records."""
    first, rows = transaction
    if rows == BIG:
        return [("c", first + i, i + 1) for i in range(BIG)]
    return [(op, first + i, n) for op, i, n in SMALL]


def payload(part):
    whole = isinstance(part, dict) and set(part) == {"schema", "payload"}
    return part["payload"] if whole else part


class Record:
    """Of the topic: what it says, and where it belongs."""

    def __init__(self, raw):
        self.key, self.value = json.loads(raw.key), raw.value and json.loads(raw.value)
        self.headers = [(name, text.decode()) for name, text in raw.headers]
        self.body = self.value and payload(self.value)
        self.id = payload(self.key)["id"]
        self.op = self.body and self.body["op"]
        self.source = self.body and self.body["source"]
        transaction = self.body and self.body["transaction"]
        self.number = transaction and transaction["total_order"]

    @property
    def is_row(self):
        """Of the snapshot."""
        return self.op == "r"

    @property
    def what(self):
        return self.op, self.id, self.number


def check_places(record):
    """What tells place and time is as Debezium makes it."""
    source, body = record.source, record.body
    assert [type(source[k]) for k in ("txId", "lsn", "ts_ms", "ts_us", "ts_ns")] == [int] * 5
    assert source["ts_us"] // 1000 == source["ts_ms"] and source["ts_ns"] == source["ts_us"] * 1000
    assert body["ts_us"] // 1000 == body["ts_ms"] and body["ts_ns"] // 1000 == body["ts_us"]
    before, own = json.loads(source["sequence"])
    assert own == str(source["lsn"]), source
    assert before is None or 0 < int(before) <= source["lsn"], source  # a start: null
    number, _, at = body["transaction"]["id"].partition(":")
    assert number == str(source["txId"]) and int(at) > 0, body["transaction"]


def form(record, first, big):
    """The whole record as text, members in their order, without its place and time; ids as
    distances from the first of its transaction."""
    def near(key):
        return 0 if big else key - first

    def blank(part, names):
        return {k: type(v).__name__ if k in names else v for k, v in part.items()}

    def keyed(part):
        inside = payload(part)
        inside = {**inside, "id": near(inside["id"])}
        return {**part, "payload": inside} if inside.keys() != part.keys() else inside

    def header(name, text):
        if name == RUN:
            assert UUID.fullmatch(text), text
            return name, "a run"
        return name, ID.sub(lambda m: str(near(int(m[0]))), text)

    headers = [header(*h) for h in record.headers]
    if record.value is None:
        return json.dumps([keyed(record.key), None, headers])
    check_places(record)
    times = ("ts_ms", "ts_us", "ts_ns")
    body = blank(record.body, times)
    body["source"] = blank(record.source, (*times, "lsn", "txId", "sequence"))
    for side in ("before", "after"):
        if body[side]:
            body[side] = {**body[side], "id": near(body[side]["id"])}
    names = ("id", "total_order", "data_collection_order") if big else ("id",)
    body["transaction"] = blank(body["transaction"], names)
    value = {**record.value, "payload": body} if "payload" in record.value else body
    return json.dumps([keyed(record.key), value, headers])


def forms(transactions, records):
    """What the records of these transactions look like: kind -> its forms. records: by `of`."""
    found = collections.defaultdict(set)
    for first, rows in transactions:
        for i, record in enumerate(records[first]):
            role = "big" if rows == BIG else i
            found[role, record.id % CLASSES].add(form(record, first, rows == BIG))
    return found


def of(transactions, records):
    """First id -> the records of its transaction, in their order."""
    firsts = {row: first for first, rows in transactions for row in range(first, first + rows + 1)}
    found = collections.defaultdict(list)
    for record in records:
        found[firsts[record.id]].append(record)
    return found


def check_chain(transactions, records):
    """The transactions of the source follow each other: each names the end of the one before."""
    last = 0
    for first, _ in transactions:
        mine = [r for r in records[first] if r.source]
        assert len({r.source["txId"] for r in mine}) == 1
        (before,) = {json.loads(r.source["sequence"])[0] for r in mine}
        assert before is None or int(before) > last, f"{first} is behind {before}, not {last}"
        last = max(r.source["lsn"] for r in mine)


def check_ends(transactions, raw):
    """BEGIN and END of each, once and in order, with its number of changes."""
    told = [payload(json.loads(r.value)) for r in raw]
    wanted = [n for t in transactions for n in (None, max(x[2] or 0 for x in expected(t)))]
    assert [t["status"] for t in told] == ["BEGIN", "END"] * len(transactions)
    assert [t["event_count"] for t in told] == wanted
    for begin, end in zip(told[::2], told[1::2]):
        assert begin["id"].partition(":")[0] == end["id"].partition(":")[0]
        assert list(begin) == list(end)
        (table,) = end["data_collections"]
        assert table == {"data_collection": "public.orders", "event_count": end["event_count"]}
