#!/usr/bin/env bash
# LocalStack's S3 on this machine, without Docker.
#
#   localstack/start.sh                 runs in the foreground on port 4566 until interrupted
#   localstack/start.sh --port 4599     on another port
#   localstack/start.sh --install-only  makes the Python environment and stops there
#   localstack/start.sh --until-eof     stops by itself when standard input closes (for test programs)
#
# It says "ready http://127.0.0.1:PORT" on standard output once it answers. Its own log goes to standard error.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
env_dir=$(dirname "$here")/.testbed/localstack
port=4566 install_only=no until_eof=no
while [ $# -gt 0 ]; do
    case $1 in
        --port) port=${2:?--port needs a number}; shift 2 ;;
        --install-only) install_only=yes; shift ;;
        --until-eof) until_eof=yes; shift ;;
        *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done

# A name on the PATH proves little: pyenv puts stand-ins there for versions that are not chosen.
find_python() {
    local candidate
    for candidate in python3.13 python3.12 python3 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
            >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "localstack/start.sh: needs Python 3.11, 3.12 or 3.13 with venv: run tests/testbed/install.sh" >&2
    return 1
}

# The stamp is written last, so an installation that was cut short is done again.
install() {
    local stamp=$env_dir/installed wanted python
    wanted=$(cat "$here/requirements.txt" "$here/constraints.txt" | cksum)
    if [ -x "$env_dir/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    python=$(find_python)
    echo "installing LocalStack into .testbed/localstack ($("$python" --version), about half a minute)" >&2
    rm -rf "$env_dir"
    mkdir -p "$(dirname "$env_dir")"
    "$python" -m venv "$env_dir"
    "$env_dir/bin/python" -m pip install --quiet --disable-pip-version-check \
        -r "$here/requirements.txt" -c "$here/constraints.txt" >&2
    echo "$wanted" >"$stamp"
}

install
if [ "$install_only" = yes ]; then
    exit 0
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/pgcoffer-localstack-XXXXXX")
server=
stop() {
    trap - EXIT INT TERM HUP
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Only S3, nothing sent home, no certificate fetched, no name server: what is left needs no network.
DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0 SERVICES=s3 STRICT_SERVICE_LOADING=1 \
    LOCALSTACK_HOST=127.0.0.1:$port GATEWAY_LISTEN=127.0.0.1:$port TMPDIR=$work HOME=$work \
    "$env_dir/bin/python" -m localstack.runtime.main </dev/null >&2 &
server=$!

# The first call loads the service, which takes seconds; listing buckets does that before anyone waits for it.
for _ in $(seq 1 600); do
    if ! kill -0 "$server" 2>/dev/null; then
        echo "localstack/start.sh: LocalStack ended at its start (its log is above)" >&2
        exit 1
    fi
    if curl --silent --fail --max-time 60 --output /dev/null "http://127.0.0.1:$port/_localstack/health" &&
        curl --silent --max-time 60 --output /dev/null "http://127.0.0.1:$port/"; then
        break
    fi
    sleep 0.1
done
echo "ready http://127.0.0.1:$port"

if [ "$until_eof" = yes ]; then
    # A shell gives a background command an empty standard input, so ours is handed over by number.
    exec 3<&0
    cat <&3 >/dev/null &
    wait -n "$server" $!
else
    wait "$server"
fi
