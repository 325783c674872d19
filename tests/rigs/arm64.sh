#!/usr/bin/env bash
# arm64.sh [RELEASE...]: runs install.sh in bare arm64 systems (trixie, bookworm) under qemu-user, then reads a frame
# with the processors of a Pi 4 and of a Pi 3. Needs root on a Debian. Says what it took; fails in one line.
set -Eeuo pipefail

here=$(cd "$(dirname "$0")" && pwd -P)
readonly limit=3600 # seconds, for all of it
readonly frame=028_four-digits.jpg text=8130

if [ "${1-}" != bounded ]; then
    exec timeout --kill-after=30 $limit "$0" bounded "$@"
fi

main() {
    local release
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/digit-rig.XXXXXX")
    trap 'rm -rf --one-file-system "$work"' EXIT
    trap 'exit 1' INT TERM
    for release; do
        root=$work/$release
        "$here/root.sh" "$release" arm64 "$root"
        try_install "$release"
        try_reading "$release"
        [ "$release" != trixie ] || try_camera
    done
}

fail() {
    echo "arm64 rig: FAILED: $*" >&2
    exit 1
}

inside() {
    "$here/inside.sh" "$root" "$@"
}

try_install() { # RELEASE
    local began=$SECONDS before after environment
    before=$(megabytes /)
    inside /root/digit-appliance/install.sh --unattended >"$work/$1.log" 2>&1 ||
        { tail -n 20 "$work/$1.log" >&2 && fail "$1: install.sh: $(tail -n 1 "$work/$1.log")"; }
    after=$(megabytes /)
    environment=$(megabytes /opt/digit-appliance.d)
    grep -E ': [0-9]+ s$' "$work/$1.log"
    [ -z "$(find "$root/opt/digit-appliance.d" -iname '*nvidia*' -o -iname '*cuda*.so*' -o -iname triton)" ] ||
        fail "$1: CUDA came along"
    [ "$(inside systemctl is-enabled digit-appliance)" = enabled ] || fail "$1: the service is not enabled"
    echo "arm64 rig: $1: installed in $((SECONDS - began)) s; the system grew by $((after - before)) MB, the environment is $environment MB of them; nothing named nvidia, cuda or triton"
}

megabytes() { # PATH
    du --summarize --block-size=1M --one-file-system "$root$1" | cut -f1
}

try_reading() { # RELEASE
    local said cpu
    for cpu in cortex-a53 cortex-a72; do
        said=$(QEMU_CPU=$cpu inside digit-appliance read --json "/root/digit-appliance/tests/frames/$frame" 2>"$work/words") ||
            fail "$1 on $cpu: $(tail -n 1 "$work/words")"
        [[ $said == *"\"text\": \"$text\""* ]] || fail "$1 on $cpu: $frame shows $text and was read: $said"
        echo "arm64 rig: $1 on $cpu reads $text"
    done
}

# The service's own program, through picamera2 and libcamera.
try_camera() {
    local reader
    inside timeout 120 digit-appliance run --pins mock >"$work/shown" 2>&1 &
    reader=$!
    until grep --quiet "reads $text" "$work/shown"; do
        kill -0 $reader 2>/dev/null || fail "through picamera2 it read: $(tail -n 3 "$work/shown" | tr '\n' ' ')"
        sleep 1
    done
    kill $reader 2>/dev/null || true
    wait $reader || true
    echo "arm64 rig: through picamera2 and libcamera it reads $text"
}

shift
[ $# -gt 0 ] || set -- trixie bookworm
main "$@"
