#!/bin/bash
# guest.sh BUILD - system mode on a whole machine: a small Debian with systemd and cgroup v2 in a virtual machine, eoul
# installed in it, inside.py run in it as root.  Its TAP goes to standard output; the last line is `N passed, N failed`.
#
# The machine is emulated (no KVM is asked for), so a boot takes a minute or two.  Its parts, all below BUILD/guest/:
#
#     base.ext4   Debian, made once by debootstrap and mke2fs -d (nothing is mounted); again when this file's recipe
#                 below changes
#     vmlinuz, initrd
#     run/        of this run: payload.ext4 (what `make install` installs, and the test), disk.qcow2 (what the guest
#                 wrote over base.ext4), console.log
#
# The guest has no network.  Its first serial port is its console, the second the test's words.  When it reboots, qemu
# ends and is begun again, GUEST_BOOTS times at most.  GUEST_ONLY=NAME,NAME: only these tests.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
at=$build/guest
boots=${GUEST_BOOTS:-6} minutes=${GUEST_MINUTES:-40}
users="anna bora oper"

skip() {
    echo "1..0 # SKIP $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
[ "$(id -u)" -eq 0 ] || skip "a Debian for the guest is made by root only; run this as root"
for program in qemu-system-x86_64 qemu-img debootstrap mke2fs; do
    command -v $program >/dev/null || skip "$program is not here (tools/deps.sh guest installs it)"
done
suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME") ||
    skip "what is built here runs in a Debian of the same release, and this is no Debian"

# --- the base ------------------------------------------------------------------------------------------------
packages=systemd-sysv,dbus,udev,kmod,linux-image-cloud-amd64,python3,git,procps,tzdata,login,passwd,e2fsprogs
packages+=,libjansson4,libsqlite3-0,libmicrohttpd12,libcyaml1,libyaml-0-2,libcurl4,libexpat1,zlib1g
# Nothing here asks for these, and an emulated machine takes its time over them (udev alone half a minute).
needless="serial-getty@ttyS0.service getty@tty1.service systemd-pstore.service e2scrub_reap.service apt-daily.timer
    apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-udevd.service
    systemd-udev-trigger.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-logind.service
    systemd-timesyncd.service systemd-binfmt.service systemd-random-seed.service systemd-update-utmp.service
    systemd-update-utmp-runlevel.service modprobe@.service kmod-static-nodes.service systemd-modules-load.service"

make_base() {
    local root=$at/root user unit
    rm -rf "$root" && mkdir -p "$root" || return 1
    DEBIAN_FRONTEND=noninteractive debootstrap --variant=minbase --include=$packages "$suite" "$root" \
        >"$at/debootstrap.log" 2>&1 || { tail -5 "$at/debootstrap.log" >&2; return 1; }
    cp "$root"/boot/vmlinuz-* "$at/vmlinuz" && cp "$root"/boot/initrd.img-* "$at/initrd" || return 1
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/man/* \
        "$root"/usr/share/locale/* "${root:?}"/boot/*
    echo guest >"$root/etc/hostname"
    echo "127.0.0.1 localhost guest" >"$root/etc/hosts"
    echo "/dev/vda / ext4 rw 0 1" >"$root/etc/fstab"
    for user in $users; do
        chroot "$root" useradd --create-home --shell /bin/sh "$user" || return 1
        chmod 0700 "$root/home/$user"
    done
    cat >"$root/etc/systemd/system/guest-test.service" <<'UNIT'
[Unit]
Description=The test of this guest
After=multi-user.target

[Service]
Type=exec
ExecStartPre=/bin/mount -o ro /dev/vdb /payload
ExecStart=/usr/bin/python3 /payload/test/inside.py
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS0
TimeoutStopSec=20

[Install]
WantedBy=multi-user.target
UNIT
    mkdir -p "$root/payload" "$root/etc/systemd/system/multi-user.target.wants"
    ln -s ../guest-test.service "$root/etc/systemd/system/multi-user.target.wants/"
    for unit in $needless; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id" # else the first boot sets up every unit there is
    mke2fs -q -t ext4 -E lazy_itable_init=1 -d "$root" "$at/base.new" 4G && mv "$at/base.new" "$at/base.ext4" || return 1
    rm -rf "$root"
}

mkdir -p "$at"
recipe=$(sed -n '/^# --- the base/,/^# --- this run/p' "$0" | sha256sum | cut -d' ' -f1)-$suite
if [ "$(cat "$at/recipe" 2>/dev/null)" != "$recipe" ] || [ ! -e "$at/base.ext4" ]; then
    echo "# making a Debian for the guest; this is done once" >&2
    make_base || { echo "no Debian could be made for the guest; $at/debootstrap.log says why" >&2; exit 1; }
    echo "$recipe" >"$at/recipe"
fi

# --- this run ------------------------------------------------------------------------------------------------
run=$at/run
rm -rf "$run" && mkdir -p "$run/payload/test" || exit 1
DESTDIR=$run/payload/system meson install -C "$build" --no-rebuild --quiet || exit 1
cp "$here"/*.py "$here/../api/world.py" "$build/test/lib/libfake_nvml_v3.so" "$run/payload/test/" || exit 1
cp "$build/test/guest/forks" "$run/payload/test/" || exit 1
[ -z "${GUEST_ONLY:-}" ] || echo "$GUEST_ONLY" >"$run/payload/test/only"
mke2fs -q -t ext4 -d "$run/payload" "$run/payload.ext4" 256M || exit 1
qemu-img create -q -f qcow2 -F raw -b "$at/base.ext4" "$run/disk.qcow2" || exit 1
rm -rf "$run/payload"

boot() {
    nice -n "${GUEST_NICE:-10}" timeout --foreground $((minutes * 60)) qemu-system-x86_64 -accel tcg,thread=multi -cpu qemu64 -m 3G -smp 2 \
        -display none -monitor none -nic none -no-reboot -kernel "$at/vmlinuz" -initrd "$at/initrd" \
        -append "root=/dev/vda rw console=ttyS0 loglevel=4 mitigations=off panic=-1 systemd.show_status=false" \
        -drive file="$run/disk.qcow2",if=virtio,cache=unsafe -drive file="$run/payload.ext4",if=virtio,format=raw,readonly=on \
        -serial file:"$run/console.$1.log" -serial stdio </dev/null
}
# What the guest says: TAP line by line, and at the end of a boot whether another is wanted.
tap=$run/tap
: >"$tap"
for i in $(seq "$boots"); do
    boot "$i" | sed -u 's/\r$//' | tee -a "$tap"
    tail -1 "$tap" | grep -q '^# boot again' || break
done
passed=$(grep -c '^ok ' "$tap") failed=$(grep -c '^not ok ' "$tap") skipped=$(grep -c '^ok .*# SKIP' "$tap")
if ! grep -q '^1\.\.' "$tap"; then
    echo "not ok - the guest ended before its test did; $run/console.*.log has its last words"
    tail -5 "$run"/console.*.log
    failed=$((failed + 1))
fi
echo "$((passed - skipped)) passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
