#!/usr/bin/env bash
# inside.sh ROOT COMMAND...: runs a command in a root made by root.sh, with this machine's way to the Internet.
# Its mounts are its own, so that they are gone with it.
set -Eeuo pipefail

if [ "${RIG_MOUNTS-}" != own ]; then
    RIG_MOUNTS=own exec unshare --mount --propagation private "$0" "$@"
fi

root=$1
shift
cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
# Which index, by which certificate; not which builds, for those here are another processor's.
[ ! -e /etc/pip.conf ] || grep -Ev '^ *(constraint|find-links|extra-index-url)' /etc/pip.conf >"$root/etc/pip.conf"
mkdir -p "$root/run/lock" "$root/opt/rig/torch"
mount -t proc none "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs none "$root/dev/shm" # its own
exec chroot "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    QEMU_CPU="${QEMU_CPU:-cortex-a72}" PIP_FIND_LINKS=/opt/rig/torch "$@"
