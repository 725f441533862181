#!/usr/bin/env python3
"""What each level of compression costs a whole backup, and what it saves: `make bench-levels`, or on your own database
benches/levels.py [ROUNDS] with PGCOFFER_DB_MAIN_URL, PGCOFFER_BUCKET, PGCOFFER_KEY and AWS_… set.
"""
import json
import os
import statistics
import subprocess
import sys
import time

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
PGCOFFER = os.environ.get("BINARY", "target/release/pgcoffer")
PG_DUMP = os.path.join(os.environ["PGCOFFER_PG_BIN"], "pg_dump") if "PGCOFFER_PG_BIN" in os.environ else "pg_dump"
LEVELS = ["none", "zstd:1", "zstd:2", "zstd:3", "zstd:4", "zstd:5", "zstd:6"]


def run(command):
    begin = time.monotonic()
    child = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command}: status {child.returncode}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, output


def main():
    results = {}
    for _ in range(ROUNDS):
        reference, _, _ = run(f'"{PG_DUMP}" -d "$PGCOFFER_DB_MAIN_URL" -Fc -Z0 >/dev/null')
        for level in LEVELS:
            wall, cpu, output = run(f'"{PGCOFFER}" --quiet --json backup --database main --compression {level}')
            results.setdefault(level, []).append((wall / reference, cpu, json.loads(output)["sealed"]["objects"][0]["bytes"]))
    print("| compression | wall, ratio to `pg_dump -Fc -Z0 >/dev/null` (range) | CPU s with pg_dump | stored, MB |\n|---|---|---|---|")
    for level, runs in results.items():
        ratios = [run[0] for run in runs]
        cpu = statistics.median(run[1] for run in runs)
        print(f"| `{level}` | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {cpu:.1f} | {runs[-1][2] / 1e6:.1f} |")


main()
