# shellcheck shell=bash disable=SC2034,SC2154 # what is not assigned or used here is so in install.sh
# The appliance as a service of Raspberry Pi OS. Sourced by install.sh, which has the words for it.
#
#   /opt/digit-appliance.d/20261124-071500/   an environment, with the unit that belongs to it
#   /opt/digit-appliance -> the one in use    one rename switches over, or back
#   /usr/local/bin/digit-appliance            the command
#   /etc/digit-appliance/config.toml          the person's; written only if missing
#   /var/lib/digit-appliance/                 the weights, and whatever the service remembers

readonly environments=/opt/digit-appliance.d
readonly in_use=/opt/digit-appliance
readonly command_link=/usr/local/bin/digit-appliance
readonly configuration=/etc/digit-appliance/config.toml
readonly state=/var/lib/digit-appliance
readonly unit=digit-appliance.service
readonly unit_file=/etc/systemd/system/$unit
readonly user=digit-appliance
readonly service_log=/var/log/digit-appliance-install.log
readonly system_python=/usr/bin/python3 # the one that the system's picamera2 belongs to
readonly packages="python3-picamera2 python3-lgpio python3-venv"
readonly groups="video gpio render"
needed_mb=2500 # an environment is about 800 MB, and an upgrade has two for a while

task=install_service dry_run="" unattended="" offline="" purge="" light=""
new="" old=""

service() {
    read_options "$@"
    called_from=$PWD
    cd / # the service's user may not even look into the folder this was called from
    $task
}

install_service() {
    old=$(readlink -e "$in_use" || true)
    new=$environments/$(date +%Y%m%d-%H%M%S)
    check_system
    if [ -z "$dry_run" ]; then
        open_log
        [ -z "$(missing_packages)" ] || [ -n "$offline" ] || step "refreshing apt's lists" refresh_lists
    fi
    check_packages
    print_plan
    [ -z "$dry_run" ] || return 0
    confirm "Install?"

    make_room
    [ -z "$(missing_packages)" ] || step "installing system packages" install_packages
    step "making the system user" make_user
    build_environment
    step "trying it on this machine" self_test
    write_configuration
    switch_over
    step "putting the weights in place" install_weights
    find "$environments" -mindepth 1 -maxdepth 1 ! -path "$new" -exec rm -rf {} +
    report
}

read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
            install | --install) ;;
            uninstall | --uninstall) task=uninstall_service ;;
            wheels)
                [ -n "${2-}" ] || die "wheels needs the folder that it is to fill"
                task=fill_folder
                offline=$2
                shift
                ;;
            --dry-run) dry_run=yes ;;
            --unattended) unattended=yes ;;
            --purge) purge=yes ;;
            --light)
                light=yes
                needed_mb=1000
                ;;
            --offline)
                [ -d "${2-}" ] || die "--offline needs the folder with the wheels: see docs/install.md"
                offline=$(cd "$2" && pwd -P)
                shift
                ;;
            *) die "there is no option '$1' here; ./install.sh help says what there is" ;;
        esac
        shift
    done
}

# --- Checks: nothing is changed until all have passed ----------------------------------------------

check_system() {
    local architecture release free
    [ -n "$dry_run" ] || [ "$(id -u)" -eq 0 ] || die "this changes the system, so it must be run as root: sudo ./install.sh"
    architecture=$(dpkg --print-architecture 2>/dev/null || true)
    release=$(. /etc/os-release 2>/dev/null && echo "${VERSION_ID-}")
    case $architecture in
        arm64 | amd64) ;;
        arm*) die "this is a 32-bit system: flash 'Raspberry Pi OS (64-bit)' with Raspberry Pi Imager (a Pi 3 or newer, or a Zero 2 W)" ;;
        *) die "this is not Raspberry Pi OS; here there are ./install.sh demo and ./install.sh test" ;;
    esac
    [ "${release%%.*}" -ge 12 ] 2>/dev/null ||
        die "this system (release '$release') is too old: flash Raspberry Pi OS Bookworm or Trixie, 64-bit, with Raspberry Pi Imager"
    "$system_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        die "$system_python is missing or older than 3.11: sudo apt-get install --reinstall python3"
    ! grep -Eqs 'boot=overlay|overlayroot=tmpfs' /proc/cmdline ||
        die "the card is read-only (an overlay), so nothing would survive a reboot: switch it off in raspi-config, Performance Options, and reboot"
    { [ -w /opt ] && [ -w /etc ]; } || [ "$(id -u)" -ne 0 ] || die "the system is mounted read-only: sudo mount -o remount,rw /"
    [ ! -e "$in_use" ] || [ -L "$in_use" ] || die "$in_use is in the way: move it elsewhere"
    free=$(df -Pm /opt | awk 'NR == 2 { print $4 }')
    [ "$free" -ge $needed_mb ] || die "only $free MB are free and $needed_mb are needed: remove something ('sudo apt-get clean'), or use a larger card"
    [ -n "$offline" ] || check_network
}

check_network() {
    local index
    index=${PIP_INDEX_URL:-$("$system_python" -m pip config get global.index-url 2>/dev/null || echo https://pypi.org/simple)}
    "$system_python" - "$index" 2>/dev/null <<'END' ||
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1] + "/pip/", timeout=20).close()
except urllib.error.HTTPError:
    pass  # an answer, whatever it says
END
        die "the Python package index cannot be reached: connect this Pi to the network, see whether 'date' is right, or use --offline FOLDER"
}

# The system's own refreshing after its first boot may be under way, and apt does not wait for that.
refresh_lists() {
    local again
    for again in 1 2 3 4 5 6; do
        apt-get update && return
        echo "apt-get update failed; trying again ($again)"
        sleep 5
    done
    return 1
}

# missing_packages [LIST]: those of the list, or else of the appliance's own, that are not installed.
missing_packages() {
    local package
    for package in ${1-$packages}; do
        dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' || printf '%s ' "$package"
    done
}

check_packages() {
    local package
    if [ -n "$offline" ]; then
        [ -n "$light" ] || compgen -G "$offline/torch-*.whl" >/dev/null || die "no wheel of torch in $offline: see docs/install.md"
        [ -z "$(missing_packages)" ] || compgen -G "$offline/*.deb" >/dev/null ||
            die "not installed, and no .deb files in $offline: $(missing_packages)"
        return
    fi
    for package in $(missing_packages); do
        apt-cache show "$package" >/dev/null 2>&1 ||
            die "this system's archives have no $package: is this Raspberry Pi OS, and does 'sudo apt-get update' work?"
    done
    # shellcheck disable=SC2046 # one word a package
    [ -z "$(missing_packages)" ] || apt-get install --simulate --no-install-recommends $(missing_packages) >/dev/null 2>&1 ||
        die "apt cannot install $(missing_packages): mend it with 'sudo apt-get --fix-broken install'"
}

# One run at a time, and from here on everything is kept.
open_log() {
    exec 9>/run/lock/digit-appliance-install
    flock --nonblock 9 || die "another ./install.sh is at work"
    log=$service_log
    printf '\n=== %s: install.sh on %s\n' "$(date)" "$(. /etc/os-release && echo "$PRETTY_NAME")" >>"$log"
}

print_plan() {
    local missing
    missing=$(missing_packages)
    cat <<END
This will
  - install with apt: ${missing:-nothing, all of $packages is there}
  - make an environment in $new $([ -n "$light" ] && echo "without PyTorch (OpenCV runs the network)" || echo "with PyTorch (without CUDA)")${offline:+ from $offline}, and try it
  - make the system user $user (no login; groups $groups)
  - $([ -e "$configuration" ] && echo "keep $configuration" || echo "write $configuration")
  - $(if [ -n "$old" ]; then echo "switch $in_use over from $(basename "$old"), and back if the new one fails"; else echo "link $in_use to it, and the command $command_link"; fi)
  - put the shipped weights into $state, unless you have installed others
  - start $unit, now and at every boot
Nothing under /boot is touched. Everything said is kept in $service_log.
END
}

confirm() { # QUESTION
    local answer
    [ -z "$unattended" ] || return 0
    [ -t 0 ] || die "there is nobody to ask: add --unattended"
    read -r -p "$1 [Y/n] " answer
    case $answer in "" | [Yy]*) ;; *) die "nothing was changed" ;; esac
}

# --- The steps -------------------------------------------------------------------------------------

make_room() {
    umask 022 # the service's user reads what root installs
    mkdir -p "$environments"
    find "$environments" -mindepth 1 -maxdepth 1 ! -path "$old" -exec rm -rf {} + # of a run that was cut off
    leftovers=("$new" "$environments/tmp")
    mkdir "$environments/tmp"
    # On Trixie /tmp lies in memory, of which the smallest Pi has too little for PyTorch.
    export TMPDIR=$environments/tmp
    # What the self-test uses is compiled by it; the rest of PyTorch would take minutes.
    pip_options=(--no-cache-dir --no-compile)
    [ -z "$offline" ] || export PIP_NO_INDEX=1 PIP_FIND_LINKS=$offline
}

install_packages() {
    local from=()
    if [ -n "$offline" ]; then
        # Where apt's lists know the same packages, it would have them downloaded all the same.
        mkdir -p "$TMPDIR/lists/partial"
        from=(-o Dir::State::lists="$TMPDIR/lists" "$offline"/*.deb)
    fi
    # On a fresh card the system's own first update may hold apt's lock for minutes.
    # shellcheck disable=SC2046 # one word a package
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=600 ${from[@]+"${from[@]}"} $(missing_packages)
}

make_user() {
    local group
    id "$user" >/dev/null 2>&1 ||
        useradd --system --user-group --home-dir "$state" --no-create-home --shell /usr/sbin/nologin "$user"
    for group in $groups; do
        ! getent group "$group" >/dev/null || usermod --append --groups "$group" "$user"
    done
}

build_environment() {
    step "making the environment" make_environment "$system_python" "$new"
    [ -n "$light" ] || step "installing PyTorch without CUDA" install_torch "$new"
    step "installing the appliance" install_package
    refuse_cuda "$new"
    cp "$repository/systemd/$unit" "$new/$unit"
}

install_package() {
    local needed
    if [ -z "$light" ]; then
        pip_install "$new" "$repository"
        return
    fi
    mapfile -t needed < <(light_requirements "$new")
    pip_install "$new" "${needed[@]}"
    pip_install "$new" --no-deps "$repository"
}

# All that the package requires but PyTorch, one a line.
light_requirements() { # ENVIRONMENT
    "$1/bin/python" - "$repository/pyproject.toml" <<'END'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    required = tomllib.load(file)["project"]["dependencies"]
print("\n".join(one for one in required if not one.startswith("torch")))
END
}

# In a process of its own, as the service's user, and from the outside: an illegal instruction kills it.
self_test() {
    local status=0 factory=mock
    [ ! -e /dev/gpiochip0 ] || factory=lgpio
    runuser -u "$user" -- env GPIOZERO_PIN_FACTORY="$factory" TMPDIR=/tmp \
        "$new/bin/python" -I - ${light:+light} <"$repository/systemd/selftest.py" || status=$?
    case $status in
        0) ;;
        132) die "this processor lacks an instruction that PyTorch was built with (illegal instruction): $(outcome)" ;;
        *) die "the new environment does not work here (the end of $log tells why): $(outcome)" ;;
    esac
    # As root, so that what Python compiles on the way is there for every start of the service.
    "$new/bin/python" -I -c '
from appliance import shipped, weights
from appliance.config import ReadingSettings
result = weights.self_test(shipped.models() / "digits.pt", ReadingSettings().engine)
print("read right:", result)
raise SystemExit(2 * result.right < result.frames)' ||
        die "the new version cannot read its own frames (the end of $log tells why): $(outcome)"
}

outcome() {
    if [ -n "$old" ]; then echo "the old version goes on running"; else echo "nothing was installed"; fi
}

shipped_folder() { # ENVIRONMENT NAME
    compgen -G "$1/lib/python3*/site-packages/appliance/$2"
}

# The service's user owns the folder, for the page writes a new file beside the old one and renames it.
write_configuration() {
    mkdir -p "$(dirname "$configuration")"
    [ -e "$configuration" ] || install --mode 644 "$repository/systemd/config.toml" "$configuration"
    chown "$user:$user" "$(dirname "$configuration")" "$configuration"
}

switch_over() {
    doing="switching over"
    [ -z "$old" ] || on_failure=go_back
    point_to "$new"
    leftovers=("$environments/tmp")
    ln -sfn "$in_use/bin/digit-appliance" "$command_link"
    systemctl enable --quiet "$unit"
    step "starting the service" start_service
}

# Everything the service is hangs on this one link, so it is renamed into place: never is there none.
point_to() { # ENVIRONMENT
    ln -sfn "$1" "$in_use.new"
    mv --no-target-directory "$in_use.new" "$in_use"
    install --mode 644 "$in_use/$unit" "$unit_file"
}

start_service() {
    # Where an image is being made systemd does not run, and the service starts at its first boot.
    [ -d /run/systemd/system ] || return 0
    systemctl daemon-reload
    systemctl restart "$unit" || { journalctl --unit "$unit" --lines 10 --output cat --no-pager && return 1; }
}

go_back() {
    point_to "$old"
    leftovers+=("$new")
    if start_service >>"$log" 2>&1; then
        echo "install.sh: the old version is back at work" >&3
    else
        echo "install.sh: the old version is back too, but does not start either: digit-appliance doctor" >&3
    fi
}

# The shipped weights, unless the person has put others in place of those shipped before.
install_weights() {
    local shipped now=$state/weights/current/digits.pt
    shipped=$(shipped_folder "$new" models)/digits.pt
    if [ ! -e "$now" ] || { [ -n "$old" ] && cmp --silent "$now" "$(shipped_folder "$old" models)/digits.pt"; }; then
        { cmp --silent "$now" "$shipped" && cmp --silent "${now%.pt}.onnx" "${shipped%.pt}.onnx"; } || "$new/bin/digit-appliance" weights install "$shipped"
    fi
}

report() {
    on_failure=:
    "$command_link" doctor || true
    "$command_link" url 2>/dev/null || true # not where an image is being made: it makes its token at its first boot
    echo "Installed. 'digit-appliance doctor' says what works, 'journalctl -fu digit-appliance' what is read."
}

# --- A folder for --offline ------------------------------------------------------------------------

fill_folder() {
    local folder=$offline
    offline=""
    new=$environments/wheels
    [[ $folder == /* ]] || folder=$called_from/$folder
    check_system
    [ -z "$dry_run" ] || { echo "This will fill $folder with what --offline needs." && return; }
    mkdir -p "$folder/partial" || die "cannot write to $folder"
    open_log
    make_room
    step "refreshing apt's lists" refresh_lists
    check_packages
    step "downloading system packages" download_packages "$folder"
    # That one is needed here too, and a bare system lacks it.
    "$system_python" -c 'import ensurepip, venv' 2>/dev/null || step "installing python3-venv" install_venv
    step "making an environment to download with" make_environment "$system_python" "$new"
    step "downloading Python packages" download_wheels "$folder"
    rm -rf "$folder/partial" "$folder/lock"
    echo "On a Pi like this one, without a network: sudo ./install.sh --offline $folder"
}

download_packages() { # FOLDER
    # shellcheck disable=SC2046 # one word a package
    apt-get install --yes --download-only --no-install-recommends -o Dir::Cache::archives="$1" $(missing_packages)
}

install_venv() {
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=600 python3-venv
}

download_wheels() { # FOLDER
    local which needed
    if [ -n "$light" ]; then
        mapfile -t needed < <(light_requirements "$new")
        "$new/bin/python" -m pip wheel --no-cache-dir --wheel-dir "$1" "${needed[@]}" hatchling
        return
    fi
    which=$(torch_build)
    # Wheels even of what comes as source, and hatchling, which makes one of this repository.
    # shellcheck disable=SC2086 # several words
    "$new/bin/python" -m pip wheel --no-cache-dir --wheel-dir "$1" "$repository" hatchling $which
}

# --- Uninstalling ----------------------------------------------------------------------------------

uninstall_service() {
    local removed=("$unit_file" "$command_link" "$in_use" "$environments" "$service_log" "/var/log/$user")
    local kept=("$(dirname "$configuration")" "$state") place
    [ -z "$purge" ] || { removed+=("${kept[@]}") && kept=(); }
    echo "This will stop $unit and remove the user $user and ${removed[*]}."
    [ ${#kept[@]} -eq 0 ] || echo "It keeps ${kept[*]}; with --purge it removes those too."
    echo "The system's packages stay: others may use them."
    [ -z "$dry_run" ] || return 0
    [ "$(id -u)" -eq 0 ] || die "this changes the system, so it must be run as root: sudo ./install.sh uninstall"
    confirm "Uninstall?"

    systemctl disable --now --quiet "$unit" 2>/dev/null || true # it may be gone already
    rm -rf "${removed[@]}"
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
    ! id "$user" >/dev/null 2>&1 || userdel "$user"
    # The number of the removed user may be another's tomorrow.
    for place in "$state" "$(dirname "$configuration")"; do
        [ ! -e "$place" ] || chown -R root: "$place"
    done
    echo "Uninstalled."
}
