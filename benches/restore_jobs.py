#!/usr/bin/env python3
"""Times restores by several jobs beside pg_restore from a pipe and pg_restore --jobs from a file on disk, interleaved.

    make bench-restore-jobs                    # its own database of about 2 GB and its own S3 server
    benches/restore_jobs.py [ROUNDS] [JOBS …]  # your own: PGCOFFER_DB_MAIN_URL, PGCOFFER_BUCKET, PGCOFFER_KEY, AWS_…

Each run restores the same backup into a new database of the same server. The file for pg_restore is fetched before, and
that is not counted. Prints medians and their range, as ratios to `pg_restore --jobs N FILE` in the same rounds, and the
largest memory that all processes of a run took together (proportional set sizes, looked at every 50 ms).
"""
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
JOBS = [int(jobs) for jobs in sys.argv[2:]] or [2, 4]
URL = os.environ["PGCOFFER_DB_MAIN_URL"]
PGCOFFER = os.environ.get("BINARY", "target/release/pgcoffer")
BIN = os.environ.get("PGCOFFER_PG_BIN", "")
TARGET = "bench_restore_jobs"


def program(name):
    return os.path.join(BIN, name)


def target_url():
    return urllib.parse.urlsplit(URL)._replace(path=f"/{TARGET}").geturl()


def psql(sql, url=URL):
    subprocess.run([program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql], check=True, stdout=subprocess.DEVNULL)


def cases(dump):
    """Name, command, and what is its standard input."""
    restore = [program("pg_restore"), "--exit-on-error", "--no-owner", "--no-acl", "--dbname", target_url()]
    agent = [PGCOFFER, "--quiet", "restore", "latest", "--to", target_url(), "--confirm", TARGET]
    for jobs in JOBS:
        yield f"pg_restore --jobs {jobs} FILE", [*restore, "--jobs", str(jobs), dump], None
        yield f"pgcoffer restore --jobs {jobs}", [*agent, "--jobs", str(jobs)], None
    yield "cat FILE | pg_restore", restore, dump
    yield "pgcoffer restore", agent, None


def tree(pid):
    """The process and all below it."""
    yield pid
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            below = children.read().split()
    except OSError:
        return
    for child in below:
        yield from tree(int(child))


def memory_kib(pid):
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup") as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except OSError:
            pass
    return total


def run(command, source):
    """Wall seconds, and the most MiB that its processes took."""
    psql(f"drop database if exists {TARGET}")
    psql(f"create database {TARGET} template template0")
    psql("checkpoint")
    feeder = subprocess.Popen(["cat", source], stdout=subprocess.PIPE) if source else None
    begin = time.monotonic()
    child = subprocess.Popen(command, stdin=feeder.stdout if feeder else subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    peak, ended = 0, threading.Event()

    def look():
        nonlocal peak
        while not ended.wait(0.05):
            peak = max(peak, memory_kib(child.pid))

    looker = threading.Thread(target=look)
    looker.start()
    status = child.wait()
    wall = time.monotonic() - begin
    ended.set()
    looker.join()
    if feeder:
        feeder.stdout.close()
        feeder.wait()
    if status:
        sys.exit(f"{' '.join(command[:3])} …: status {status}")
    return wall, peak / 1024


def main():
    with tempfile.TemporaryDirectory() as folder:
        dump = os.path.join(folder, "backup.dump")
        subprocess.run([PGCOFFER, "--quiet", "backup", "--database", "main"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([PGCOFFER, "--quiet", "get", "latest", "-o", dump], check=True, stdout=subprocess.DEVNULL)
        results = {}
        for _ in range(ROUNDS):
            for name, command, source in cases(dump):
                results.setdefault(name, []).append(run(command, source))
        size = os.path.getsize(dump)
    psql(f"drop database if exists {TARGET}")
    report(results, size)


def report(results, size):
    print(f"{ROUNDS} rounds, interleaved; {size / 1e6:.0f} MB as pg_dump wrote them; {os.cpu_count()} cores\n")
    heads = " | ".join(f"ratio to pg_restore --jobs {jobs} FILE (range)" for jobs in JOBS)
    print(f"| restore | wall, s | {heads} | peak memory of all its processes, MiB |")
    print("|---|---|" + "---|" * len(JOBS) + "---|")
    for name, runs in results.items():
        columns = []
        for jobs in JOBS:
            bases = results[f"pg_restore --jobs {jobs} FILE"]
            ratios = [one[0] / base[0] for one, base in zip(runs, bases)]
            columns.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
        wall = statistics.median(one[0] for one in runs)
        print(f"| `{name}` | {wall:.2f} | {' | '.join(columns)} | {max(one[1] for one in runs):.0f} |")


main()
