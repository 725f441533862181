#!/usr/bin/env bash
# Installs the client programs of a major version of PostgreSQL, from PostgreSQL's own repository on Debian and Ubuntu.
#
#   postgresql.sh MAJOR
set -euo pipefail

major=$1
[[ $major =~ ^[0-9]+$ ]] || { echo "error: postgresql: ${major@Q} is no major version, such as 17" >&2; exit 2; }
if [ "$(uname -s)" = Darwin ]; then
    exec brew install "postgresql@$major"
fi
[ ! -x "/usr/lib/postgresql/$major/bin/pg_dump" ] || exit 0
sudo apt-get update -qq
sudo apt-get install -y -qq --no-install-recommends postgresql-common ca-certificates
sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y
sudo apt-get install -y -qq --no-install-recommends "postgresql-client-$major"
