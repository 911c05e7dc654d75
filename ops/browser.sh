#!/bin/sh
# The browser tests need a Chromium: the system's where there is one, else Debian's (as root), else Playwright's own;
# and what Playwright's driver links to, which the smallest systems lack.
set -eu
wanted=""
if ! .venv/bin/playwright --version >/dev/null 2>&1; then wanted="libatomic1"; fi
has_browser=""
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then has_browser=1; fi
done
if [ -d "${PLAYWRIGHT_BROWSERS_PATH:-${HOME:-}/.cache/ms-playwright}" ]; then has_browser=1; fi
if [ -z "$has_browser" ]; then wanted="$wanted chromium"; fi
if [ -z "$wanted" ]; then exit 0; fi
echo "  · bringing what the browser tests need:$(printf ' %s' $wanted)"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    # shellcheck disable=SC2086  # several packages
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $wanted; } \
        >/dev/null 2>&1 && exit 0
fi
if [ -z "$has_browser" ]; then .venv/bin/playwright install chromium; fi
