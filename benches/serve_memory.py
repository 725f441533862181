#!/usr/bin/env python3
"""What `serve` takes with its dashboard: at rest, while its pages are loaded, and while a backup runs.

    make bench-serve-memory                    # its own database and its own S3 server
    benches/serve_memory.py                    # your own: PGCOFFER_DB_MAIN_URL, PGCOFFER_BUCKET, PGCOFFER_KEY, AWS_…

Memory is the resident set of pgcoffer itself, as a dyno or a container counts it, and beside it that of all its processes
together, with what they share counted once (proportional set sizes).
"""
import http.cookiejar
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

PGCOFFER = os.environ.get("BINARY", "target/release/pgcoffer")
PORT = int(os.environ.get("PORT", "9187"))
HOME = f"http://localhost:{PORT}"
LOADS = 50


def tree(pid):
    yield pid
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            below = children.read().split()
    except OSError:
        return
    for child in below:
        yield from tree(int(child))


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def together_mib(pid):
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup") as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except OSError:
            pass
    return total / 1024


def state():
    """The text of the overview, as the one who is signed in sees it."""
    with BROWSER.open(HOME + "/") as page:
        return page.read().decode()


def sign_in(environment):
    link = subprocess.run([PGCOFFER, "dashboard", "open"], env=environment, check=True, capture_output=True, text=True).stdout
    url = re.search(r"http\S+", link).group()
    page = BROWSER.open(url)
    text = page.read().decode()
    # the link leads to a form, so that what only previews links doesn't use it up
    form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', text, re.S)
    if form:
        fields = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', form.group(2)))
        BROWSER.open(urllib.parse.urljoin(page.url, form.group(1)), urllib.parse.urlencode(fields).encode()).read()


def up():
    for _ in range(200):
        try:
            with urllib.request.urlopen(HOME + "/healthz") as answer:
                return answer.status
        except OSError:
            time.sleep(0.1)
    sys.exit("serve doesn't answer")


def backups(environment):
    listed = subprocess.run([PGCOFFER, "list", "--json"], env=environment, check=True, capture_output=True, text=True).stdout
    return listed.count('"good"')


def watch(serve, until):
    """The largest resident set and the largest sum, until something is so."""
    most = [0.0, 0.0]
    last = 0.0
    while True:
        most = [max(most[0], resident_mib(serve.pid)), max(most[1], together_mib(serve.pid))]
        if time.monotonic() - last > 1:
            last = time.monotonic()
            if until():
                return most
        time.sleep(0.02)


BROWSER = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


def main():
    environment = dict(
        os.environ,
        PGCOFFER_DASHBOARD_URL=HOME,
        PGCOFFER_LISTEN=f"127.0.0.1:{PORT}",
        PGCOFFER_SCHEDULE="hourly keep 24h",
    )
    before = backups(environment)
    serve = subprocess.Popen([PGCOFFER, "--quiet", "serve"], env=environment)
    try:
        up()
        print("| `serve` with the dashboard | resident, MiB | all its processes, MiB |\n|---|---|---|")
        # everything on the schedule is due at once
        most = watch(serve, lambda: backups(environment) > before)
        print(f"| while its first backup runs | {most[0]:.0f} | {most[1]:.0f} |", flush=True)
        time.sleep(15)
        print(f"| at rest, after a backup | {resident_mib(serve.pid):.0f} | {together_mib(serve.pid):.0f} |", flush=True)
        sign_in(environment)
        if "Sign in" in state():
            sys.exit("not signed in")
        loads = iter(range(LOADS))

        def load():
            state()
            return next(loads, None) is None

        most = watch(serve, load)
        print(f"| while its overview is loaded {LOADS} times | {most[0]:.0f} | {most[1]:.0f} |", flush=True)
        time.sleep(20)
        print(f"| at rest, after that | {resident_mib(serve.pid):.0f} | {together_mib(serve.pid):.0f} |", flush=True)
    finally:
        serve.terminate()
        serve.wait()


main()
