#!/usr/bin/env bash
# Packs a built binary as it is released: an archive and a Debian package; and the buildpack that installs the archive.
#
#   packaging/package.sh BINARY FOLDER [OPTION-OF-CARGO-DEB…]
#
# FOLDER then holds, for the machine that BINARY runs on,
#   pgcoffer-VERSION-MACHINE-SYSTEM.tar.gz   the binary, man pages, completions, licences; SYSTEM is linux or macos
#   pgcoffer_VERSION-1_ARCHITECTURE.deb      the same with systemd's units, on Linux, where cargo-deb is installed
# With the files of all machines in FOLDER,
#   packaging/package.sh --formula FOLDER
# adds pgcoffer.rb, the Homebrew formula that installs these archives, and
#   packaging/package.sh --finish FOLDER
# adds SHA256SUMS, which packaging/sign.sh then signs, on another machine.
#
#   packaging/package.sh --buildpack FOLDER URL [PUBLIC-KEY]
# makes FOLDER the buildpack that downloads this version from below URL and believes what that key has signed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -1)

# Of this machine, as in x86_64-linux or aarch64-macos.
platform() {
    case $(uname -s)-$(uname -m) in
        Darwin-arm64) echo aarch64-macos ;;
        Darwin-*) echo "$(uname -m)-macos" ;;
        *) echo "$(uname -m)-linux" ;;
    esac
}

# The same bytes for the same files, whoever packs them and when.
archive() {
    # macOS has a tar with fewer options; GNU's is called gtar there
    "$(command -v gtar || echo tar)" --create --gzip --file "$1" --sort=name --owner=0 --group=0 --numeric-owner \
        --mtime="@${SOURCE_DATE_EPOCH:-0}" --mode=go=rX,u=rwX --directory "$2" "$3"
}

pack() {
    local binary=$1 folder=$2 name staged
    shift 2
    staged=$root/target/package
    rm -rf "$staged"
    mkdir -p "$staged/completions" "$folder"
    install -m 755 "$binary" "$staged/pgcoffer"
    "$binary" man --dir "$staged/man"
    "$binary" completions bash >"$staged/completions/pgcoffer.bash"
    "$binary" completions zsh >"$staged/completions/_pgcoffer"
    "$binary" completions fish >"$staged/completions/pgcoffer.fish"

    name=pgcoffer-$version-$(platform)
    mkdir "$staged/$name"
    cp -r "$staged/pgcoffer" "$staged/man" "$staged/completions" \
        "$root/LICENSE-APACHE" "$root/LICENSE-MIT" "$root/README.md" "$staged/$name"
    archive "$folder/$name.tar.gz" "$staged" "$name"

    case $(platform) in *-macos) return ;; esac
    if cargo deb --version >/dev/null 2>&1; then
        (cd "$root" && cargo deb --no-build --no-strip --output "$folder/" "$@")
    else
        echo "no cargo-deb here, so no Debian package: cargo install --locked cargo-deb" >&2
    fi
}

formula() {
    local folder=$1 text platform archive sum
    text=$(sed '/^#/d' "$root/packaging/homebrew/pgcoffer.rb")
    for platform in aarch64-macos x86_64-macos aarch64-linux x86_64-linux; do
        archive=$folder/pgcoffer-$version-$platform.tar.gz
        [ -f "$archive" ] || { echo "there is no $archive" >&2; exit 1; }
        sum=$(sha256sum "$archive" | cut -d' ' -f1)
        text=${text//@SHA256:$platform@/$sum}
    done
    printf '%s\n' "${text//@VERSION@/$version}" >"$folder/pgcoffer.rb"
}

finish() {
    (cd "$1" && rm -f SHA256SUMS SHA256SUMS.sig && sha256sum -- * >SHA256SUMS.part && mv SHA256SUMS.part SHA256SUMS)
}

buildpack() {
    local folder=$1 url=$2 key=${3:-$root/packaging/release-key.pem}
    openssl pkey -pubin -in "$key" -noout || { echo "no release key in $key: packaging/sign.sh makes one" >&2; exit 1; }
    mkdir -p "$folder"
    cp -r "$root/packaging/heroku/buildpack/bin" "$folder"
    cp "$key" "$folder/release-key.pem"
    printf 'version=%s\nurl=%s\n' "$version" "$url" >"$folder/release"
}

case ${1:-} in
    --formula) formula "${2:?FOLDER}" ;;
    --finish) finish "${2:?FOLDER}" ;;
    --buildpack) buildpack "${2:?FOLDER}" "${3:?URL}" "${@:4}" ;;
    "" | -*) sed -n '2,16s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) pack "$1" "${2:?FOLDER}" "${@:3}" ;;
esac
