#!/usr/bin/env python3
"""Stands in for pg_dump in benches/memory.py: writes a whole custom-format archive (1.14, as PostgreSQL 12 to 15 do) of
one table with GENERATED_BYTES bytes of rows that do not compress, and nothing else.

    GENERATED_BYTES=1073741824 generated_dump.py > archive
"""
import base64
import os
import struct
import sys

VERSION = os.environ.get("GENERATED_VERSION", "15.0")


def integer(value):
    return struct.pack("<BI", value < 0, abs(value))


def text(value):
    if value is None:
        return integer(-1)
    data = value.encode()
    return integer(len(data)) + data


def entry(number, tag, description, section, definition, copy, namespace, has_data):
    return (
        integer(number) + integer(has_data) + text("0") + text("0") + text(tag) + text(description) + integer(section)
        + text(definition) + text("") + text(copy) + text(namespace) + text("") + text("") + text("postgres")
        + text("false") + text(None)
        # K_OFFSET_POS_NOT_SET: through a pipe nobody knows yet where data will be
        + bytes([1]) + bytes(8)
    )


def header():
    entries = [
        entry(1, "noise", "TABLE", 2, "CREATE TABLE public.noise (line text);\n", None, "public", 0),
        entry(2, "noise", "TABLE DATA", 3, "", "COPY public.noise (line) FROM stdin;\n", "public", 1),
    ]
    date = b"".join(integer(part) for part in (0, 0, 12, 1, 0, 126, 0))
    return (
        b"PGDMP" + bytes([1, 14, 0, 4, 8, 1]) + integer(0) + date
        + text("generated") + text(VERSION) + text(VERSION) + integer(len(entries)) + b"".join(entries)
    )


def main():
    if "--version" in sys.argv:
        print(f"pg_dump (PostgreSQL) {VERSION}")
        return
    left = int(os.environ["GENERATED_BYTES"])
    out = sys.stdout.buffer
    out.write(header() + bytes([1]) + integer(2))
    # 16 MiB of noise in rows of 1000 characters: longer than any chunk or window of the compressor, so that repeating it
    # is no help
    rows = b"".join(base64.b64encode(os.urandom(750)) + b"\n" for _ in range(16 * 1024))
    block = integer(len(rows)) + rows
    while left >= len(rows):
        out.write(block)
        left -= len(rows)
    # the last row is cut, and still a row
    if left > 0:
        out.write(integer(left) + rows[: left - 1] + b"\n")
    end = b"\\.\n\n\n"
    out.write(integer(len(end)) + end + integer(0))
    out.flush()


main()
