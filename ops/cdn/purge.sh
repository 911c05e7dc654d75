#!/bin/sh
# Takes objects out of what nginx keeps: purge.sh KEY... (an object's key is the path of its link after /o/).
# They are gone with the next read; links to them die by themselves within ASSET_URL_SECONDS.
set -eu
for key in "$@"; do
    # Each file of the cache begins with a line that names its slice: its object and the range.
    grep -rlZaF -- "KEY: ${key}bytes=" "${CDN_STATE:-/var/cache/media-cdn}/objects" | xargs -0r rm -f --
done
