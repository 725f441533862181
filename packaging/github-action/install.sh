#!/usr/bin/env bash
# Downloads a release of pgcoffer for this machine, and installs what the release key has signed.
#
#   install.sh URL PUBLIC-KEY VERSION FOLDER
set -euo pipefail

url=$1 key=$2 version=$3 folder=$4
case $(uname -s)-$(uname -m) in
    Linux-x86_64 | Linux-aarch64) platform=$(uname -m)-linux ;;
    Darwin-arm64) platform=aarch64-macos ;;
    Darwin-x86_64) platform=x86_64-macos ;;
    *) echo "error: there is no release for $(uname -s) on $(uname -m)" >&2; exit 1 ;;
esac
name=pgcoffer-$version-$platform
download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
for file in "$name.tar.gz" SHA256SUMS SHA256SUMS.sig; do
    curl --silent --show-error --fail --location --retry 3 --output "$download/$file" "$url/$file"
done
# The checksums come from where the file comes from: it is their signature that counts.
openssl dgst -sha256 -verify "$key" -signature "$download/SHA256SUMS.sig" "$download/SHA256SUMS" >&2
wanted=$(awk -v name="$name.tar.gz" '$2 == name {print $1}' "$download/SHA256SUMS")
got=$(openssl dgst -sha256 -r "$download/$name.tar.gz" | cut -d' ' -f1)
if [ -z "$wanted" ] || [ "$wanted" != "$got" ]; then
    echo "error: $name.tar.gz is not the file whose checksum was signed" >&2
    exit 1
fi
tar -xzf "$download/$name.tar.gz" -C "$download"
mkdir -p "$folder"
install -m 755 "$download/$name/pgcoffer" "$folder/pgcoffer"
