#!/usr/bin/env python3
"""Writes src/source/mysql/charset_table.c, to standard output, from both servers.

    record_mysql_charsets.py MYSQL_PORT MARIADB_PORT

Both are asked as root on 127.0.0.1 by the client `mariadb`. What they say of a collation's id or of
a byte of an 8-bit set has to be the same; who alone knows it is believed.
"""

import subprocess
import sys

EIGHT = (
    "dec8 cp850 hp8 koi8r latin1 latin2 swe7 ascii hebrew tis620 koi8u greek cp1250 latin5 "
    "armscii8 "
    "cp866 keybcs2 macce macroman cp852 latin7 cp1251 cp1256 cp1257 geostd8"
).split()
WIDE = "utf8mb3 utf8mb4 binary ucs2 utf16 utf16le utf32".split()
EAST = {  # by iconv's names
    "big5": "BIG5",
    "ujis": "EUC-JP",
    "sjis": "SHIFT_JIS",
    "euckr": "EUC-KR",
    "gb2312": "GB2312",
    "gbk": "GBK",
    "cp932": "CP932",
    "eucjpms": "EUC-JP-MS",
    "gb18030": "GB18030",
}
# MariaDB gives the collations by language of UCA 14.0.0 blocks of ids, which later versions fill.
BLOCKS = [
    (2048, 2303, "utf8mb3"),
    (2304, 2559, "utf8mb4"),
    (2560, 2815, "ucs2"),
    (2816, 3071, "utf16"),
    (3072, 3327, "utf32"),
]


def ask(port, sql):
    got = subprocess.run(
        ["mariadb", "-uroot", "-h127.0.0.1", f"-P{port}", "-N", "-B", "-e", sql],
        check=True,
        capture_output=True,
        text=True,
    )
    return [line.split("\t") for line in got.stdout.splitlines()]


def collations(mysql, mariadb):
    ids = {}
    rows = ask(mysql, "select id, character_set_name from information_schema.collations")
    rows += ask(
        mariadb,
        "select id, character_set_name from "
        "information_schema.collation_character_set_applicability",
    )
    for number, name in rows:
        number = int(number)
        name = {"utf8": "utf8mb3"}.get(name, name)
        if any(low <= number <= high for low, high, _ in BLOCKS):
            continue
        assert ids.setdefault(number, name) == name, (number, name, ids[number])
    ranges = []
    for number in sorted(ids):
        if ranges and ranges[-1][1] == number - 1 and ranges[-1][2] == ids[number]:
            ranges[-1][1] = number
        else:
            ranges.append([number, number, ids[number]])
    return [tuple(r) for r in ranges] + BLOCKS


def table(name, mysql, mariadb, first):
    part = "hex(convert(convert(_binary x'{:02x}' using " + name + ") using utf32))"
    sql = "select " + ", ".join(part.format(byte) for byte in range(first, first + 128))
    points = []
    for byte, texts in enumerate(zip(ask(mysql, sql)[0], ask(mariadb, sql)[0]), first):
        found = {int(t, 16) for t in texts if t not in ("NULL", "") and (int(t,
        16) != 63 or byte == 63)}
        assert len(found) <= 1, (name, byte, found)
        points.append(found.pop() if found else 0)
    return points


def put_table(name, points):
    sys.stdout.write(f"static const uint16_t {name}[128] = {{\n")
    for i in range(0, 128, 12):
        sys.stdout.write("    " + " ".join(f"0x{p:04x}," for p in points[i : i + 12]) + "\n")
    sys.stdout.write("};\n")


def main():
    mysql, mariadb = sys.argv[1:]
    names = EIGHT + WIDE + list(EAST)
    put = sys.stdout.write
    put(
        "/* Collations and 8-bit character sets of MySQL and MariaDB: data only, written by\n"
        " * tests/vectors/record_mysql_charsets.py from what the servers say. */\n"
        '#include "source/mysql/charset_part.h"\n\n/* clang-format off */\n'
    )
    other = set()
    for name in EIGHT:
        put_table(name, table(name, mysql, mariadb, 128))
        lower = table(name, mysql, mariadb, 0)
        if lower != list(range(128)):
            put_table(name + "_lower", lower)
            other.add(name)
    put("\nconst leat_charset leat_charsets[] = {\n")
    for name in names:
        if name in EIGHT:
            put(f'    {{"{name}", LEAT_CHARSET_EIGHT, {name}, '
                f'{name + "_lower" if name in other else "NULL"}, NULL}},\n')
        elif name in EAST:
            put(f'    {{"{name}", LEAT_CHARSET_ICONV, NULL, NULL, "{EAST[name]}"}},\n')
        else:
            put(f'    {{"{name}", LEAT_CHARSET_{name.upper()}, NULL, NULL, NULL}},\n')
    put("};\nconst size_t leat_ncharsets = sizeof leat_charsets / sizeof *leat_charsets;\n")
    put("\nconst leat_collations leat_collation_ranges[] = {\n")
    line = ""
    for low, high, name in collations(mysql, mariadb):
        item = f"{{{low}, {high}, {names.index(name)}}}, "
        if len(line) + len(item) > 96:
            put("    " + line.rstrip() + "\n")
            line = ""
        line += item
    put("    " + line.rstrip() + "\n};\n")
    put(
        "const size_t leat_ncollation_ranges =\n"
        "    sizeof leat_collation_ranges / sizeof *leat_collation_ranges;\n/* clang-format on */\n"
    )


main()
