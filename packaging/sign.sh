#!/usr/bin/env bash
# Signs a release, on a machine of a maintainer. The private key is on that machine alone: no workflow, no release and no repository
# holds it, so that whoever gets hold of those can't sign.
#
#   packaging/sign.sh --new-key PRIVATE     makes the key, once; asks for a passphrase; its public half is packaging/release-key.pem
#   packaging/sign.sh FOLDER PRIVATE [PUBLIC]
# signs FOLDER/SHA256SUMS of the files that lie beside it, after it has compared each of them with it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
public=$root/packaging/release-key.pem

new_key() {
    local private=$1
    if [ -e "$private" ] || [ -e "$public" ]; then
        echo "there is a key already: $private or $public" >&2
        exit 1
    fi
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-256-cbc -out "$private")
    openssl pkey -in "$private" -pubout -out "$public"
    echo "$public is the public half: commit it. Keep $private where no network reaches it, and a copy of it."
}

sign() {
    local folder=$1 private=$2 public=$3
    cd "$folder"
    sha256sum --check --strict --quiet SHA256SUMS
    openssl dgst -sha256 -sign "$private" -out SHA256SUMS.sig.part SHA256SUMS
    openssl dgst -sha256 -verify "$public" -signature SHA256SUMS.sig.part SHA256SUMS >&2 ||
        { rm -f SHA256SUMS.sig.part; echo "$private is not the key of which $public is the public half" >&2; exit 1; }
    mv SHA256SUMS.sig.part SHA256SUMS.sig
}

case ${1:-} in
    --new-key) new_key "${2:?PRIVATE}" ;;
    "" | -*) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) sign "$1" "$(realpath "${2:?PRIVATE}")" "$(realpath "${3:-$public}")" ;;
esac
