#!/usr/bin/env python3
"""Times `pgcoffer copy` to a server beside `sftp` and `rclone copy` of the same archive, on loopback, interleaved.

    make bench-copies                  # its own database of about 2 GB
    benches/copies.py [ROUNDS]         # your own: PGCOFFER_DB_MAIN_URL

Starts an OpenSSH server of its own, with the bucket in a folder beside it. Needs pgcoffer (BINARY or
target/release/pgcoffer), sshd, sftp and ssh-keygen; rclone is measured where it is installed. `pgcoffer copy` checks
every MAC on the way, syncs, and reads the copy back, which the others don't: so the same is shown of `sftp` with a
`get` behind its `put`. Prints medians as ratios to `sftp put` in the same rounds.
"""
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
PGCOFFER = os.path.abspath(os.environ.get("BINARY", "target/release/pgcoffer"))
SSHD = next((path for path in ("/usr/sbin/sshd", ".testbed/openssh/usr/sbin/sshd") if os.path.exists(path)), None)
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


class Server:
    """An OpenSSH server on a port of its own."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("host", "client"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}"], check=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
        self.user = user
        with open(f"{folder}/sshd_config", "w") as settings:
            settings.write(f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
                           f"StrictModes no\nPermitRootLogin yes\nAuthorizedKeysFile {folder}/client.pub\n"
                           "PasswordAuthentication no\nSubsystem sftp internal-sftp\n")
        with open(f"{folder}/known_hosts", "w") as known, open(f"{folder}/host.pub") as public:
            known.write(f"[127.0.0.1]:{self.port} {public.read()}")
        os.makedirs("/run/sshd", exist_ok=True)
        libraries = os.path.join(os.path.dirname(os.path.realpath(SSHD)), "../lib/x86_64-linux-gnu")
        self.process = subprocess.Popen([os.path.realpath(SSHD), "-D", "-f", f"{folder}/sshd_config"],
                                        env={**os.environ, "LD_LIBRARY_PATH": libraries})
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)

    def fingerprint(self):
        shown = subprocess.run(["ssh-keygen", "-lf", f"{self.folder}/host.pub"], check=True, capture_output=True, text=True)
        return next(word for word in shown.stdout.split() if word.startswith("SHA256:"))

    def sftp(self, batch):
        options = [f"UserKnownHostsFile={self.folder}/known_hosts", "BatchMode=yes", "IdentitiesOnly=yes"]
        command = ["sftp", "-q", "-b", "-", "-P", str(self.port), "-i", f"{self.folder}/client"]
        command += [part for option in options for part in ("-o", option)]
        return command + [f"{self.user}@127.0.0.1"], batch


def timed(command, batch=None, env=None):
    """Wall seconds and the largest resident set of the process in MiB."""
    with tempfile.TemporaryFile("w+") as given:
        given.write(batch or "")
        given.seek(0)
        begin = time.monotonic()
        child = subprocess.Popen(command, stdin=given, stdout=subprocess.DEVNULL, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{' '.join(command)}: status {child.returncode}")
        return time.monotonic() - begin, usage.ru_maxrss / 1024


def archive_in(folder):
    files = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if "/archives/" in at)
    return max(files, key=os.path.getsize)


def main():
    if SSHD is None:
        sys.exit("found no sshd: install openssh-server, or run tests/testbed/install.sh")
    with tempfile.TemporaryDirectory() as folder:
        bucket, place, plain = (os.path.join(folder, name) for name in ("bucket", "place", "plain"))
        for path in (bucket, place, plain):
            os.mkdir(path)
        server = Server(folder)
        try:
            results, size = measure(server, bucket, place, plain)
        finally:
            server.process.terminate()
            server.process.wait()
    report(results, size)


def measure(server, bucket, place, plain):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PGCOFFER_COPY_")}
    env |= {"PGCOFFER_BUCKET": f"file://{bucket}", "PGCOFFER_KEY": KEY}
    subprocess.run([PGCOFFER, "--quiet", "backup", "--database", "main"], check=True, env=env, stdout=subprocess.DEVNULL)
    archive = archive_in(bucket)
    env |= {
        "PGCOFFER_COPY_BENCH_URL": f"sftp://{server.user}@127.0.0.1:{server.port}{place}",
        "PGCOFFER_COPY_BENCH_SSH_KEY": f"{server.folder}/client",
        "PGCOFFER_COPY_BENCH_HOST_KEY": server.fingerprint(),
    }
    put = f"put {archive} {plain}/archive\n"
    cases = [
        ("sftp put", *server.sftp(put), None),
        ("sftp put, get", *server.sftp(f"{put}get {plain}/archive {plain}/back\n"), None),
        ("pgcoffer copy", [PGCOFFER, "--quiet", "copy"], None, env),
    ]
    if shutil.which("rclone"):
        remote = (f":sftp,host=127.0.0.1,port={server.port},user={server.user},key_file={server.folder}/client,"
                  f"known_hosts_file={server.folder}/known_hosts:{plain}/rclone")
        cases.append(("rclone copy", ["rclone", "copy", archive, remote], None, None))
    results = {}
    for _ in range(ROUNDS):
        for name, command, batch, variables in cases:
            for path in (place, plain):
                shutil.rmtree(path)
                os.mkdir(path)
            results.setdefault(name, []).append(timed(command, batch, variables))
    return results, os.path.getsize(archive)


def report(results, size):
    reference = results["sftp put"]
    print(f"{ROUNDS} rounds, interleaved; an archive of {size / 1e6:.0f} MB\n")
    print("| | MB/s | wall, ratio to `sftp put` (range) | peak RSS of the client, MiB |")
    print("|---|---|---|---|")
    for name, runs in results.items():
        ratios = [run[0] / base[0] for run, base in zip(runs, reference)]
        speed = size / 1e6 / statistics.median(run[0] for run in runs)
        print(f"| `{name}` | {speed:.0f} | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
              f"| {max(run[1] for run in runs):.0f} |")


main()
