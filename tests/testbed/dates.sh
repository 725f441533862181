#!/usr/bin/env bash
# Runs the tests on other dates than today's: no test may depend on the day or the hour at which it runs.
#
#   tests/testbed/dates.sh                          on each date of the list below
#   tests/testbed/dates.sh '2028-02-29 12:00 UTC'   on this one; what comes after `--` goes to `cargo test`
#
# Tests, the S3 servers and the agent see the other date by libfaketime, which Debian packages. PostgreSQL's servers keep
# today's, since their timeouts don't work under it; clocks that only measure and the times of files stay as they are.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD

dates=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    dates+=("$1")
    shift
done
[ $# -eq 0 ] || shift
# libfaketime fails as another user, and isn't there in the copy of a fresh Debian
[ $# -gt 0 ] || set -- -- --skip backup::memory --skip debian::
if [ ${#dates[@]} -eq 0 ]; then
    dates=(
        '2026-12-06 01:25 UTC' # a Sunday, before the hour of the weekly backup
        '2026-12-31 23:55 UTC' # New Year's Eve
        '2027-01-31 23:55 UTC' # the end of a month
        '2027-03-28 00:55 UTC' # the night in which Europe's clocks go forward
        '2027-10-31 00:55 UTC' # and back
        '2028-02-29 12:00 UTC'
    )
fi

# The package is only unpacked.
install_faketime() {
    local download
    [ -e "$root/.testbed/faketime/libfaketimeMT.so.1" ] && return
    download=$(mktemp -d)
    chmod 755 "$download"
    (cd "$download" && apt-get download -qq -o APT::Sandbox::User=root libfaketime && dpkg -x libfaketime_*.deb .)
    mkdir -p "$root/.testbed/faketime"
    mv "$download"/usr/lib/*/faketime/libfaketimeMT.so.1 "$root/.testbed/faketime/"
    rm -rf "$download"
}

install_faketime
host=$(rustc -vV | sed -n 's/^host: //p')
runner=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$host")_RUNNER
cargo test --no-run
failed=()
for date in "${dates[@]}"; do
    offset=$(($(date -d "$date" +%s) - $(date +%s)))
    under="env LD_PRELOAD=$root/.testbed/faketime/libfaketimeMT.so.1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1"
    under="$under FAKETIME=$(printf '%+d' "$offset")s"
    echo "on $date: $under" >&2
    env "$runner=$under" PGCOFFER_TEST_UNDER="$under" tests/testbed/run.sh --no-fail-fast "$@" || failed+=("$date")
done
if [ ${#failed[@]} -gt 0 ]; then
    printf 'tests failed on %s\n' "${failed[@]}" >&2
    exit 1
fi
