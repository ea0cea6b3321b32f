#!/usr/bin/env bash
# Prints the address of the Debian mirror this machine's own apt is set up with.
set -euo pipefail
. /etc/os-release
apt-get indextargets --format '$(RELEASE) $(SITE)' 'Created-By: Packages' |
    awk -v release="$VERSION_CODENAME" '$1 == release { print $2; exit }'
