#!/usr/bin/env bash
# Makes the image named in $1 by debootstrap, a stand-in for the slim Debian image where no image registry is reached.
# This machine's own certificates go in, so that builds can download through the same doors as the machine does.
set -euo pipefail
cd "$(dirname "$0")/.."
image=$1
docker image inspect "$image" > /dev/null 2>&1 && exit 0

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$(.ci/mirror.sh)" > build/ci/debootstrap.log 2>&1 ||
    { tail -n 20 build/ci/debootstrap.log; exit 1; }
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
if compgen -G '/usr/local/share/ca-certificates/*.crt' > /dev/null; then
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
    chroot "$root" update-ca-certificates > /dev/null 2>&1
fi
tar -C "$root" -c . | docker import - "$image" > /dev/null
docker image inspect --format 'stand-in base image {{index .RepoTags 0}}: {{.Size}} bytes' "$image"
