#!/bin/sh
# deps.sh build|test|bench|lint|guest - install what is missing for that step, and only that.
#
# Says what it installs.  Where it may not (no root, no apt) it names what is missing in one sentence
# and fails.  Packages are Debian's; Ubuntu 22.04 and 24.04 have them under the same names.
set -u

build="gcc libc6-dev meson ninja-build pkg-config libjansson-dev libsqlite3-dev libmicrohttpd-dev libcyaml-dev libyaml-dev libcurl4-openssl-dev libexpat1-dev zlib1g-dev tzdata"
test="$build libcmocka-dev bats python3 python3-yaml curl jq tmux git procps util-linux locales-all radicale xandikos nginx-light openssl khal vdirsyncer systemd"
bench="$test task-spooler nq strace"
lint="$test clang clang-tidy clang-format libclang-rt-14-dev llvm-14 scdoc libical-dev valgrind spin"
guest="$test qemu-system-x86 qemu-utils debootstrap e2fsprogs"

case "${1:-}" in
build) wanted=$build ;;
test) wanted=$test ;;
bench) wanted=$bench ;;
lint) wanted=$lint ;;
guest) wanted=$guest ;;
*) echo "usage: tools/deps.sh build|test|bench|lint|guest" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    # Another distribution: let meson say which library it does not find.
    exit 0
fi
missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
        missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "eoul needs these packages and may not install them here; please run: sudo apt-get install$missing" >&2
    exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
install_missing() {
    # shellcheck disable=SC2086 # both lists are words
    $as_root apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1
}
if ! install_missing; then
    $as_root apt-get update -q >>"$log" 2>&1
    if ! install_missing; then
        tail -5 "$log" >&2
        echo "installing failed; the lines above are apt's, the packages were:$missing" >&2
        rm -f "$log"
        exit 1
    fi
fi
rm -f "$log"
