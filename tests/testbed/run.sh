#!/usr/bin/env bash
# Everything that `make test` checks, with one LocalStack for all test binaries. Arguments go to `cargo test`. With
# --build-only it lints and builds, which needs a compiler alone.
# PGCOFFER_TEST_UNDER is a command under which LocalStack and the tests run; dates.sh sets it.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cargo fmt --check

# Lints and the build of the tests are one: `cargo clippy` would compile every dependency once more. These two variables
# are all that `cargo clippy -- -D warnings` adds to `cargo check`.
export RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
cargo test --no-run --all-targets
[ "${1:-}" != --build-only ] || exit 0

# LocalStack ends when the pipe to its standard input closes: when this script has ended, however it did.
port=$(.testbed/localstack/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
log=$(mktemp)
# shellcheck disable=SC2086
coproc LOCALSTACK { exec ${PGCOFFER_TEST_UNDER:-} localstack/start.sh --until-eof --port "$port" 2>"$log"; }
# Bash forgets a coprocess's numbers when it ends, so they are kept.
# shellcheck disable=SC2153
localstack_pid=$LOCALSTACK_PID
stop_localstack() {
    eval "exec ${LOCALSTACK[1]:-9}>&-"
    wait "$localstack_pid" 2>/dev/null || true
    rm -f "$log"
}
files=
finish() {
    stop_localstack
    [ -z "$files" ] || rm -rf "$files"
}
trap finish EXIT
if ! read -r ready url <&"${LOCALSTACK[0]}" || [ "$ready" != ready ]; then
    cat "$log" >&2
    echo "LocalStack did not start" >&2
    exit 1
fi

# Servers and drills make thousands of small files, which takes a third of the time in memory. All together they take less
# than 4 GiB at any moment.
available_kib() { awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo; }
room_kib() { df --output=avail /dev/shm 2>/dev/null | tail -1; }
if [ -z "${PGCOFFER_TEST_FILES:-}" ] && [ -w /dev/shm ] && [ "$(room_kib)" -gt $((8 << 20)) ] && [ "$(available_kib)" -gt $((12 << 20)) ]; then
    files=$(mktemp -d /dev/shm/pgcoffer-tests-XXXXXX)
    chmod 1777 "$files"
    # some tests run programs that they write
    if cp /bin/true "$files/runs" && "$files/runs" 2>/dev/null; then
        export PGCOFFER_TEST_FILES=$files
    fi
    rm -f "$files/runs"
fi

# Most of a test's time is waiting: for a server, a signal, a pause. Three for each core keep the cores busy.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((3 * $(nproc)))}
PGCOFFER_TEST_LOCALSTACK_URL=$url cargo test "$@"
