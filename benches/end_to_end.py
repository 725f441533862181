#!/usr/bin/env python3
"""Times a whole backup against the scripts that people use, on the same database and S3 server, interleaved.

    make bench-end-to-end                      # its own database of about 2 GB and its own S3 server
    benches/end_to_end.py [ROUNDS]             # your own: PGCOFFER_DB_MAIN_URL, PGCOFFER_BUCKET, PGCOFFER_KEY, AWS_…

Needs pgcoffer (BINARY or target/release/pgcoffer), pg_dump, gpg, age, zstd and the AWS CLI. Prints medians and
their range, as ratios to `pg_dump -Fc -Z0 >/dev/null` in the same rounds: absolute times say more about a machine.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
URL = os.environ["PGCOFFER_DB_MAIN_URL"]
BUCKET = os.environ["PGCOFFER_BUCKET"].rstrip("/")
PGCOFFER = os.environ.get("BINARY", "target/release/pgcoffer")
PG_DUMP = os.path.join(os.environ["PGCOFFER_PG_BIN"], "pg_dump") if "PGCOFFER_PG_BIN" in os.environ else "pg_dump"


def cases(folder):
    """Name, shell command, and the S3 object it makes."""
    identity = os.path.join(folder, "age.key")
    subprocess.run(["age-keygen", "-o", identity], check=True, stderr=subprocess.DEVNULL)
    recipient = next(l.split()[-1] for l in open(identity) if "public key" in l)
    dump = f'"{PG_DUMP}" -d "$PGCOFFER_DB_MAIN_URL"'
    gpg = "gpg --batch --quiet --symmetric --cipher-algo AES256 --passphrase secret --pinentry-mode loopback -o -"
    there = f"{BUCKET}/peers"
    return [
        ("pg_dump -Fc -Z0 >/dev/null", f"{dump} -Fc -Z0 >/dev/null", None),
        ("pgcoffer backup", f'"{PGCOFFER}" --quiet --json backup --database main', "pgcoffer"),
        ("pg_dump -Fc | gpg | aws", f"{dump} -Fc | {gpg} | aws s3 cp --quiet - {there}/gpg", f"{there}/gpg"),
        ("pg_dump -Z0 | zstd -3 | age | aws",
         f"{dump} -Fc -Z0 | zstd -q -3 | age -r {recipient} | aws s3 cp --quiet - {there}/age", f"{there}/age"),
    ]


def run(command):
    """Wall seconds, CPU seconds of all its processes, largest resident set of any of them in MiB, stdout."""
    with tempfile.TemporaryFile() as output:
        begin = time.monotonic()
        child = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], stdout=output)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{command}: status {child.returncode}")
        output.seek(0)
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.read()


def stored(where, output):
    if where is None:
        return 0
    if where == "pgcoffer":
        return json.loads(output)["sealed"]["objects"][0]["bytes"]
    bucket, _, key = where.removeprefix("s3://").partition("/")
    head = subprocess.run(["aws", "s3api", "head-object", "--bucket", bucket, "--key", key], check=True, capture_output=True)
    return json.loads(head.stdout)["ContentLength"]


def main():
    for tool in ("gpg", "age", "zstd", "aws"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed (apt-get install gnupg age zstd; pip install awscli)")
    with tempfile.TemporaryDirectory() as folder:
        results = {}
        for _ in range(ROUNDS):
            for name, command, where in cases(folder):
                wall, cpu, rss, output = run(command)
                results.setdefault(name, []).append((wall, cpu, rss, stored(where, output)))
            os.remove(os.path.join(folder, "age.key"))
    report(results)


def report(results):
    names = list(results)
    reference = results[names[0]]
    dump_cpu = statistics.median(r[1] for r in reference)
    print(f"{ROUNDS} rounds, interleaved; reference {statistics.median(r[0] for r in reference):.2f} s wall, {dump_cpu:.2f} s CPU\n")
    print("| pipeline | wall, ratio to the first (range) | CPU s of all its processes | CPU s beyond pg_dump -Z0 | peak RSS of one process, MiB | stored, MB |")
    print("|---|---|---|---|---|---|")
    for name in names:
        runs = results[name]
        ratios = [run[0] / base[0] for run, base in zip(runs, reference)]
        cpu = statistics.median(run[1] for run in runs)
        print(f"| `{name}` | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {cpu:.2f} "
              f"| {cpu - dump_cpu:.2f} | {max(run[2] for run in runs):.0f} | {runs[-1][3] / 1e6:.1f} |")


main()
