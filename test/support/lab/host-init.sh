#!/bin/bash
# host-init.sh FOLDER NAME   the first process of a lab host, inside its own pid, mount and uts namespaces
# It stays pid 1 and reaps: with libvirtd as pid 1, dead QEMUs stay zombies and every stop hangs for 40 s.
set -eu
folder=$1
hostname "$2"
for name in run etc lib log cache; do
  case $name in
    run) target=/run/libvirt ;;
    etc) target=/etc/libvirt ;;
    *) target=/var/$name/libvirt ;;
  esac
  mkdir -p "$folder/$name" "$target"
  mount --bind "$folder/$name" "$target"
done
mount --bind "$folder/hosts" /etc/hosts
rm -rf /run/libvirt/*
trap : TERM
while :; do
  libvirtd --pid-file /run/libvirt/libvirtd.pid &
  wait $! || true
  sleep 1
done
