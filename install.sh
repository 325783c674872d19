#!/usr/bin/env bash
# The one entry. On a Raspberry Pi it installs the appliance as a service (systemd/service.sh); anywhere it
# runs the demonstration and the tests, in an environment of their own. Plain enough for macOS's bash 3.2.
set -Eeuo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
trial=$repository/.venv
log=/dev/null
doing=""
leftovers=()  # removed at the end, whatever comes
on_failure=:  # run after a failure
pip_options=()
readonly said_why=70 # the status `die` leaves with: its line is printed, nothing is to be added

main() {
    trap finish EXIT
    exec 3>&2 # the person's terminal, even inside a step whose output goes to the log
    # What the person's shell or pip is set to must neither reach into the environment nor ask anything.
    unset PYTHONPATH PYTHONHOME
    export PYTHONNOUSERSITE=1 PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

    # shellcheck source=systemd/service.sh
    source "$repository/systemd/service.sh"
    case ${1-} in
        "") if is_pi && [ "$(id -u)" -eq 0 ]; then service install; else usage; fi ;;
        help | -h | --help) usage ;;
        install | uninstall | wheels | -*) service "$@" ;;
        demo)
            prepare_trial
            exec "$trial/bin/digit-appliance" demo "${@:2}"
            ;;
        test)
            prepare_trial
            provide_programs
            run_tests "${@:2}"
            ;;
        *) die "there is no '$1' here; ./install.sh help says what there is" ;;
    esac
}

usage() {
    cat <<'END'
The digit appliance: reads handwritten digits through a camera and shows them on real hardware.

Anywhere with Python 3.11 or newer, in an environment of its own in .venv (about 1.5 GB, made the first time):
  ./install.sh demo          plays recorded frames through the whole appliance, in this terminal
  ./install.sh demo --once   once through, then a table of what was shown; fails if any of it is wrong
  ./install.sh test          runs the tests

On a Raspberry Pi (64-bit Raspberry Pi OS, Bookworm or Trixie):
  sudo ./install.sh             installs the service, or upgrades it; safe to run again
       --dry-run                only says what would be done
       --unattended             asks nothing
       --light                  without PyTorch, for a Pi with little memory: OpenCV runs the network
       --offline FOLDER         takes everything from a folder, without a network
  sudo ./install.sh wheels FOLDER   fills such a folder, on a Pi that has a network
  sudo ./install.sh uninstall   removes it; keeps configuration and weights
       --purge                  removes those too
END
}

is_pi() {
    [ -e /etc/rpi-issue ] || grep -qs "Raspberry Pi" /proc/device-tree/model
}

# --- Saying what happens ---------------------------------------------------------------------------

die() {
    printf 'install.sh: %s\n' "$*" | tee -a "$log" >&3
    exit $said_why
}

finish() {
    local status=$?
    trap - EXIT
    if [ "$status" -ne 0 ]; then
        if [ "$status" -eq 130 ] || [ "$status" -eq 143 ]; then
            echo "install.sh: interrupted; it can be run again" >&3
        elif [ "$status" -ne $said_why ]; then
            tail -n 15 "$log" | sed 's/^/    /' >&3
            echo "install.sh: failed: ${doing:-see above}. All that was said is in $log" >&3
        fi
        "$on_failure"
        status=1
    fi
    rm -rf ${leftovers[@]+"${leftovers[@]}"}
    exit "$status"
}

# step DOING COMMAND...: the command's output goes to the log, its latest line to the terminal meanwhile.
step() {
    local began=$SECONDS
    doing=$1
    shift
    printf '== %s\n' "$doing" >>"$log"
    "$@" 2>&1 | tee -a "$log" | show_latest
    printf '%s: %d s\n' "$doing" $((SECONDS - began)) >&3
    doing=""
}

show_latest() {
    local line width
    [ -t 3 ] || exec cat >/dev/null
    width=$(tput cols 2>/dev/null || echo 80)
    while IFS= read -r line; do
        printf '\r\033[K%.*s' $((width - 1)) "$doing: $line" >&3
    done
    printf '\r\033[K' >&3
}

# --- The environment of demo and test --------------------------------------------------------------

prepare_trial() {
    local python wanted stamp=$trial/.complete
    python=$(find_python)
    wanted="$(cat "$repository/pyproject.toml" "$repository/install.sh" | cksum) $repository $python $("$python" -V)"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi

    # Whatever is there was never finished, or made for another Python, place or set of packages.
    { rm -rf "$trial" && mkdir "$trial"; } || die "cannot replace $trial: sudo rm -r $trial"
    log=$trial/install.log
    echo "Setting up .venv, once" >&3
    step "making the environment" make_environment "$python" "$trial"
    step "installing PyTorch without CUDA" install_torch "$trial"
    step "installing the appliance and its tests" install_editable
    refuse_cuda "$trial"
    echo "$wanted" >"$stamp"
}

# Prints the first Python that is new enough, 64-bit and can make environments.
find_python() {
    local name found=""
    for name in python3 python3.13 python3.12 python3.11 python3.14; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.maxsize < 2**32)' 2>/dev/null; then
            found=$name
            break
        fi
    done
    if [ -z "$found" ]; then
        provide python3 python3-venv
        found=python3
    elif ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
        provide "$("$found" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    "$found" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11) or sys.maxsize < 2**32)' 2>/dev/null ||
        die "needs a 64-bit Python 3.11 or newer with its venv module, and this system offers none: see https://www.python.org/downloads/"
    command -v "$found"
}

# provide PACKAGE...: from Debian's archive if that is allowed, else says how.
provide() {
    if ! command -v apt-get >/dev/null; then
        die "needs a 64-bit Python 3.11 or newer with its venv module: see https://www.python.org/downloads/"
    elif [ "$(id -u)" -ne 0 ]; then
        die "needs $*: sudo apt-get install --yes $*"
    fi
    echo "Installing $*" >&3
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"; } >&2 ||
        die "apt-get could not install $*: see its words above"
}

# What tests run for real. Where it cannot be had, the tests that need it are skipped, and say so.
provide_programs() {
    local missing
    missing=$(missing_packages "$(sed 's/#.*//' "$repository/tests/packages.txt")")
    if [ -z "$missing" ]; then
        return
    elif command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        # shellcheck disable=SC2086 # one word a package
        provide $missing
    else
        echo "Not all tests can run without Debian's packages $missing" >&3
    fi
}

make_environment() { # PYTHON FOLDER
    local options=()
    # On a Pi the camera's library comes with the system.
    ! has_picamera2 "$1" || options=(--system-site-packages)
    "$1" -m venv ${options[@]+"${options[@]}"} "$2"
}

has_picamera2() { # PYTHON
    "$1" -c 'import sys; from importlib.util import find_spec; sys.exit(find_spec("picamera2") is None)'
}

install_torch() { # ENVIRONMENT
    local which
    which=$(torch_build)
    # shellcheck disable=SC2086 # several words
    pip_install "$1" $which
}

# What pip is told, so that it takes a build without CUDA.
torch_build() {
    case "$(uname -s) $(uname -m)" in
        # A "+cpu" version exists only on PyTorch's own index, so PyPI's CUDA build can never take its place.
        "Linux x86_64") echo "--retries 2 --timeout 15 --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0+cpu" ;;
        # The newest whose wheel on PyPI brings no CUDA; 2.10.0 dies on a Pi 4 with an illegal instruction.
        "Linux aarch64") echo "torch==2.9.1" ;;
        "Darwin arm64") echo "torch" ;;
        *) die "there is no current PyTorch for $(uname -s) on $(uname -m): use 64-bit Linux or a Mac with Apple silicon" ;;
    esac
}

install_editable() {
    pip_install "$trial" --editable "${repository}[train,dev]"
}

pip_install() { # ENVIRONMENT ARGUMENT...
    local environment=$1 numpy
    shift
    # The system's picamera2 is compiled for the system's numpy, so where it is visible that one stays.
    numpy=$(system_numpy "$environment")
    "$environment/bin/python" -m pip install ${pip_options[@]+"${pip_options[@]}"} "$@" ${numpy:+"numpy==$numpy"}
}

system_numpy() { # ENVIRONMENT
    "$1/bin/python" - <<'END'
import importlib.util, sys
from importlib.metadata import version
if importlib.util.find_spec("picamera2") and importlib.util.find_spec("numpy"):
    print(version("numpy"))
END
}

refuse_cuda() { # ENVIRONMENT
    local found
    found=$(find "$1"/lib/python3*/site-packages -maxdepth 1 \( -iname '*nvidia*' -o -iname '*cuda*' -o -iname '*triton*' \))
    [ -z "$found" ] || die "CUDA packages came along, which nothing here needs: $(echo "$found" | sed 's,.*/,,' | tr '\n' ' ')"
}

run_tests() {
    cd "$repository"
    if [ $# -gt 0 ]; then
        exec "$trial/bin/python" -m pytest "$@"
    fi
    # Two at once, for many of them wait; more would need more memory than a small Pi has.
    exec "$trial/bin/python" -m pytest -n 2 --dist loadfile --cov --cov-report=term --cov-fail-under=90
}

main "$@"
