#!/bin/sh
# The tests of ops/cdn/ run nginx: the system's where there is one, else Debian's (as root), whose service is not started.
set -eu
if command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "  · bringing nginx for the tests of the CDN"
    { apt-get -qq update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        nginx-core; } >/dev/null 2>&1 && exit 0
fi
echo "  · no nginx was found: the tests of ops/cdn/ are skipped (with CI set they fail)" >&2
