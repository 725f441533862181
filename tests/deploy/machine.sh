#!/usr/bin/env bash
# A machine as it is on its first day: a copy of the Debian in TREE, in a mount namespace of its own, gone with it.
#
#   unshare --mount --pid --fork --kill-child machine.sh TREE [FOLDER:INSIDE…] -- COMMAND…
#
# Each FOLDER is seen as INSIDE; COMMAND is run in the copy, with no environment but its own.
set -euo pipefail

# what is mounted here is seen in this namespace alone
tree=$1 place=/mnt
shift
mount -t tmpfs -o mode=755 tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay -o "lowerdir=$tree,upperdir=$place/upper,workdir=$place/work" overlay "$place/root"
mount -t proc proc "$place/root/proc"
mount --rbind /dev "$place/root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$place/root/tmp"
while [ "$1" != -- ]; do
    mkdir -p "$place/root/${1#*:}"
    mount --bind "${1%%:*}" "$place/root/${1#*:}"
    shift
done
shift
# Packages come from its own cache: no test waits for a mirror.
printf '%s\n' 'Acquire::http::Proxy "http://127.0.0.1:1";' 'Acquire::Retries "0";' >"$place/root/etc/apt/apt.conf.d/99offline"
exec env -i "$(command -v chroot)" "$place/root" "$@"
