#!/usr/bin/env python3
"""Rewrites an archive of format 1.14 as 1.13 or 1.12: leaves out each entry's table access method.

    downgrade.py MINOR < archive-1.14 > archive-1.MINOR
"""
import sys

source, minor = sys.stdin.buffer.read(), int(sys.argv[1])
assert source[:8] == b"PGDMP\x01\x0e\x00" and source[8:10] == b"\x04\x08", "not an archive of format 1.14"
at, out = 11, bytearray(source[:6] + bytes([minor, 0]) + source[8:11])


def take(length, keep=True):
    global at
    piece = source[at:at + length]
    at += length
    if keep:
        out.extend(piece)
    return piece


def integer(keep=True):
    piece = take(5, keep)
    value = int.from_bytes(piece[1:], "little")
    return -value if piece[0] else value


def text(keep=True):
    length = integer(keep)
    return None if length < 0 else take(length, keep)


for _ in range(8):  # compression, date
    integer()
for _ in range(3):  # database, versions
    text()
for _ in range(integer()):
    integer(), integer()  # id, had data
    for _ in range(4):  # two OIDs, name, kind
        text()
    integer()  # section
    for _ in range(5):  # definition, drop, copy, schema, tablespace
        text()
    text(keep=False)  # table access method
    text(), text()  # owner, with OIDs
    while text() is not None:  # dependencies
        pass
    take(9)  # offset
sys.stdout.buffer.write(out + source[at:])
