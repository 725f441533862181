#!/usr/bin/env python3
"""Shows that memory does not grow with the database: feeds pgcoffer archives of 1 GiB and 20 GiB from a generator in
pg_dump's place and compares the agent's peak resident set.

    make bench-memory                          # its own PostgreSQL and S3 server
    benches/memory.py [GIB …]                  # your own: PGCOFFER_DB_MAIN_URL, PGCOFFER_BUCKET, PGCOFFER_KEY, AWS_…

The size that the agent expects is that of the (small) database, so both runs use the same part size.
"""
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PGCOFFER = os.environ.get("BINARY", "target/release/pgcoffer")
SIZES = [float(size) for size in sys.argv[1:] if not size.startswith("-")] or [1, 20]
# the part size, for instance: --part-size=11 is what 100 GB get
EXTRA = [option for option in sys.argv[1:] if option.startswith("-")]


def fake_clients(folder, gib, version):
    """Puts our pg_dump and stand-ins for its companions into a folder. What they need stands in the scripts: pgcoffer hands
    nothing of its own environment to them."""
    generator = os.path.join(HERE, "generated_dump.py")
    settings = f"GENERATED_BYTES={int(gib * 2**30)} GENERATED_VERSION={version}"
    bodies = {"pg_dump": f'{settings} exec "{sys.executable}" "{generator}" "$@"'}
    for program in ("pg_dump", "pg_restore", "psql"):
        path = os.path.join(folder, program)
        with open(path, "w") as script:
            script.write("#!/bin/sh\n" + bodies.get(program, f'echo "{program} (PostgreSQL) {version}"') + "\n")
        os.chmod(path, 0o755)


def server_version():
    query = ["psql", "-At", "-d", os.environ["PGCOFFER_DB_MAIN_URL"], "-c", "show server_version"]
    return subprocess.run(query, check=True, capture_output=True, text=True).stdout.split()[0]


def peak_rss_mib(pid):
    """The high-water mark that the kernel keeps; None once the process is gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")), None)
    except (FileNotFoundError, ProcessLookupError):
        return None


def run(environment):
    begin = time.monotonic()
    child = subprocess.Popen([PGCOFFER, "--quiet", "backup", "--database", "main", *EXTRA], env=environment, stdout=subprocess.DEVNULL)
    peak = 0.0
    while child.poll() is None:
        peak = max(peak, peak_rss_mib(child.pid) or 0.0)
        time.sleep(0.02)
    if child.returncode:
        sys.exit(f"pgcoffer ended with {child.returncode}")
    return peak, time.monotonic() - begin


def main():
    version = server_version()
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, PGCOFFER_PG_BIN=folder)
        print("| archive from the generator | peak RSS of the agent | seconds |\n|---|---|---|")
        peaks = []
        for gib in SIZES:
            fake_clients(folder, gib, version)
            peak, seconds = run(environment)
            peaks.append(peak)
            print(f"| {gib:g} GiB | {peak:.1f} MiB | {seconds:.0f} |", flush=True)
        print(f"\nlargest difference: {max(peaks) - min(peaks):.1f} MiB")


main()
