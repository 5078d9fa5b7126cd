"""A file of offsets as Kafka Connect's FileOffsetBackingStore writes it by Java's serialization."""

import json
import struct


def offsets_file(path, *entries):
    """entries: (connector, partition, offset); an offset of None was deleted."""
    out = bytes.fromhex("aced00057372") + _text("java.util.HashMap")
    out += bytes.fromhex("0507dac1c31660d1030002")
    out += b"F" + _text("loadFactor") + b"I" + _text("threshold")
    out += bytes.fromhex("78703f4000000000000c7708") + struct.pack(">II", 16, len(entries))
    first = True
    for connector, partition, offset in entries:
        for value in ([connector, partition], offset):
            out += b"\x70" if value is None else _bytes(value, first)
            first = False
    with open(path, "wb") as f:
        f.write(out + b"\x78")
    return str(path)


def _text(z):
    return struct.pack(">H", len(z)) + z.encode()


def _bytes(value, first):
    text = json.dumps(value, separators=(",", ":")).encode()
    kind = b"\x72" + _text("[B") + bytes.fromhex("acf317f8060854e00200007870")
    return b"\x75" + (kind if first else bytes.fromhex("71007e0002")) + struct.pack(
        ">I", len(text)) + text
