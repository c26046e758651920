#!/bin/bash
# Installs what the real tests need, from Debian: libvirt, QEMU, binutils (the guest is assembled). Needs root; idempotent.
# No systemd, dbus or KVM is needed afterwards: test/support/lab/host.sh starts the daemons itself, in namespaces.
set -euo pipefail
packages=(libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils binutils iproute2 util-linux procps)
if dpkg-query -W -f='${db:Status-Status}\n' "${packages[@]}" 2> /dev/null | sort -u | grep -qx installed \
  && [ "$(dpkg-query -W -f='${db:Status-Status}\n' "${packages[@]}" 2> /dev/null | grep -cx installed)" = "${#packages[@]}" ]; then
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "installing ${packages[*]} needs root" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
