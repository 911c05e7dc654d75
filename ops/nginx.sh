#!/bin/sh
# The test of the CDN's configuration needs an nginx: the system's where there is one, else Debian's (as root).
set -eu
if command -v nginx >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "  · bringing nginx for the test of the CDN"
    # In runlevel 1 Debian starts no service it installs.
    { apt-get -qq update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends nginx; } \
        >/dev/null 2>&1 || true
fi
