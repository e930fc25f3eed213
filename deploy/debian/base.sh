#!/bin/sh
# Makes the image sparky-debian:bookworm from Debian's packages, without any registry.
# Needs root and debootstrap. The mirror can be named: deploy/debian/base.sh http://mirror/debian
set -eu
mirror=${1:-http://deb.debian.org/debian}
root=$(mktemp --directory)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase bookworm "$root" "$mirror"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
tar --create --directory "$root" . | docker import - sparky-debian:bookworm
