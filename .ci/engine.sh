#!/usr/bin/env bash
# Installs and starts a Docker engine with Compose v2 on a bare Debian 12 machine, with a stand-in `nvidia` runtime.
# Does nothing that is already done.  Compose v2 and buildx come from Debian 13: Debian 12 has Compose v1 only.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/build/ci
mkdir -p "$work"

packages=(docker.io iptables debootstrap chromium fonts-liberation)
if ! dpkg -s "${packages[@]}" > /dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" \
        > "$work/apt.log" 2>&1 || { tail -n 20 "$work/apt.log"; exit 1; }
fi

if ! docker compose version > /dev/null 2>&1; then
    suite=trixie
    mkdir -p "$work/$suite/lists/partial" "$work/$suite/sources" "$work/$suite/archives/partial"
    cat > "$work/$suite/sources/$suite.sources" <<SOURCES
Types: deb
URIs: $(.ci/mirror.sh)
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
    options=(-qq -o "Dir::State::Lists=$work/$suite/lists" -o Dir::Etc::sourcelist=/dev/null
        -o "Dir::Etc::sourceparts=$work/$suite/sources" -o "Dir::Cache::archives=$work/$suite/archives")
    apt-get "${options[@]}" update
    (cd "$work/$suite" && apt-get "${options[@]}" -o APT::Sandbox::User=root download docker-compose docker-buildx)
    for package in "$work/$suite"/docker-*.deb; do dpkg -x "$package" "$work/$suite/files"; done
    install -D -t /usr/local/lib/docker/cli-plugins "$work/$suite"/files/usr/libexec/docker/cli-plugins/*
fi

if ! docker info > /dev/null 2>&1; then
    setsid nohup dockerd --add-runtime "nvidia=$PWD/tests/stack/nvidia_stand_in.sh" \
        > "$work/dockerd.log" 2>&1 < /dev/null &
    for _ in $(seq 60); do
        docker info > /dev/null 2>&1 && break
        sleep 1
    done
fi
docker info --format 'Docker engine {{.ServerVersion}}, runtimes {{range $name, $_ := .Runtimes}}{{$name}} {{end}}' \
    || { tail -n 20 "$work/dockerd.log"; exit 1; }
docker compose version
