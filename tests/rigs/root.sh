#!/usr/bin/env bash
# root.sh RELEASE ARCHITECTURE FOLDER: makes a system there, as bare as Raspberry Pi OS Lite is to install.sh, with
# this repository in /root/digit-appliance and an archive with stand-ins for what only Raspberry Pi's archive has.
#
# The bare Debian is kept in $DIGIT_RIGS (~/.cache/digit-appliance-rigs): building it takes minutes, unpacking seconds.
set -Eeuo pipefail

here=$(cd "$(dirname "$0")" && pwd -P)
repository=$(cd "$here/../.." && pwd -P)
release=$1 architecture=$2 root=$3
cache=${DIGIT_RIGS:-$HOME/.cache/digit-appliance-rigs}
mirror=${DIGIT_RIGS_MIRROR:-http://deb.debian.org/debian}
export QEMU_CPU=${QEMU_CPU:-cortex-a72} # several times faster than QEMU's usual one, and a Pi 4's

# What Raspberry Pi OS Lite has, as far as install.sh or the service could stumble over its absence.
packages=(ca-certificates passwd python3 procps systemd systemd-sysv udev kmod sudo)
# That one is booted, too; PyTorch's builds without CUDA for it are not on PyPI, so it has Debian's.
[ "$architecture" != amd64 ] || packages+=(linux-image-amd64 initramfs-tools python3-torch)

main() {
    provide mmdebstrap debian-archive-keyring dpkg-dev
    [ "$architecture" != arm64 ] || run_arm64_programs
    mkdir -p "$cache" "$root"
    tar -C "$root" --numeric-owner -xf "$(bare_system)"
    make_archive
    [ "$architecture" != amd64 ] || name_torch
    git -C "$repository" ls-files -z --cached --others --exclude-standard | # as they are now
        tar -C "$repository" --null --files-from - --create --ignore-failed-read 2>/dev/null |
        tar -C "$root" --transform 's,^,root/digit-appliance/,' --no-same-owner --extract
}

provide() { # PACKAGE...
    local missing=() package
    for package; do
        dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] ||
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"; }
}

# The kernel hands arm64 programs to QEMU, in any root.
run_arm64_programs() {
    provide arch-test qemu-user-static binfmt-support
    mountpoint --quiet /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || update-binfmts --enable qemu-aarch64
}

bare_system() {
    local tar
    tar=$cache/$release-$architecture-$(echo "$mirror ${packages[*]}" | cksum | cut -d' ' -f1).tar
    exec 9>"$cache/$release-$architecture.lock"
    flock 9
    if [ ! -e "$tar" ]; then
        echo "Building $release for $architecture, once" >&2
        # shellcheck disable=SC2016 # the hook's own $1
        mmdebstrap --mode=root --format=tar --architectures="$architecture" --variant=minbase --quiet \
            --include="$(IFS=, && echo "${packages[*]}")" \
            --customize-hook='touch "$1/etc/rpi-issue"; echo pi >"$1/etc/hostname"; rm -f "$1/etc/resolv.conf"' \
            "$release" "$tar.partial" "$mirror" >&2
        mv "$tar.partial" "$tar"
    fi
    echo "$tar"
}

# --- Stand-ins for Raspberry Pi's archive ----------------------------------------------------------

make_archive() {
    local archive=$root/opt/rig/archive
    mkdir -p "$archive" "$root/tmp/package"
    stand_in python3-lgpio python3 empty lgpio
    if [ "$release" = trixie ]; then
        stand_in python3-picamera2 "python3-libcamera, libcamera-ipa, python3-numpy, python3-prctl, python3-av, python3-jsonschema, python3-tqdm, python3-libarchive-c, python3-pil, python3-piexif" camera
    else # Debian's libcamera there is without Python
        stand_in python3-picamera2 python3-numpy empty picamera2
    fi
    (cd "$archive" && dpkg-scanpackages --multiversion . 2>/dev/null >Packages)
    # copy: as one from the network would be, and not used where it lies
    echo "deb [trusted=yes] copy:/opt/rig/archive ./" >"$root/etc/apt/sources.list.d/rig.list"
}

stand_in() { # NAME DEPENDS FILLED [ARGUMENT]
    local folder=$root/tmp/package
    rm -rf "$folder"
    mkdir -p "$folder/DEBIAN" "$folder/usr/lib/python3/dist-packages"
    printf 'Package: %s\nVersion: 0.rig\nArchitecture: %s\nMaintainer: rig\nDepends: %s\nDescription: a stand-in\n' \
        "$1" "$architecture" "$2" >"$folder/DEBIAN/control"
    "$3" "$folder" "${4-}"
    dpkg-deb --root-owner-group -Znone --build "$folder" "$root/opt/rig/archive" >/dev/null
    rm -rf "$folder"
}

# What pip finds in place of PyTorch: a name alone, so that Debian's is used.
name_torch() {
    local version
    version=$(sed -n 's/.*whl\/cpu torch==\([^"]*\)".*/\1/p' "$repository/install.sh")
    python3 - "$root/opt/rig/torch" "$version" <<'END'
import sys, zipfile
from pathlib import Path

folder, version = Path(sys.argv[1]), sys.argv[2]
folder.mkdir(parents=True)
with zipfile.ZipFile(folder / f"torch-{version}-py3-none-any.whl", "w") as file:
    info = f"torch-{version}.dist-info"
    file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
    file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    file.writestr(f"{info}/RECORD", "")
END
}

empty() { # FOLDER MODULE
    echo "import sys" >"$1/usr/lib/python3/dist-packages/$2.py"
}

# The real picamera2, and what it needs to work on libcamera's virtual camera (see camera/rig_camera.py).
camera() { # FOLDER
    local modules=$1/usr/lib/python3/dist-packages machine=x86_64 wheel
    [ "$architecture" = amd64 ] || machine=aarch64
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.13 \
        --platform manylinux2014_$machine --platform manylinux_2_28_$machine --dest "$cache/picamera2-$machine" \
        picamera2==0.3.38 simplejpeg==1.9.0 videodev2==0.0.4 openexr==3.5.3
    for wheel in "$cache/picamera2-$machine"/*.whl; do
        python3 -m zipfile --extract "$wheel" "$modules"
    done
    cp "$here"/camera/rig_camera.* "$modules"
    cp -r "$here"/camera/stubs/. "$modules"
    mkdir -p "$1/usr/share/libcamera/pipeline/virtual" "$1/opt/rig/frames"
    cp "$here/camera/virtual.yaml" "$1/usr/share/libcamera/pipeline/virtual"
    play_frames "$1/opt/rig/frames"
}

# Each still lies there forty times: the virtual camera shows a file for four frames, then the next, and over again.
play_frames() { # FOLDER
    local name copy
    for name in 000_ballpoint 024_two-digits 028_four-digits; do
        for copy in $(seq 10 49); do
            ln "$repository/tests/frames/$name.jpg" "$1/${name%%_*}$copy.jpg" 2>/dev/null ||
                cp "$repository/tests/frames/$name.jpg" "$1/${name%%_*}$copy.jpg"
        done
    done
}

main
