#!/bin/sh
# The browser tests need a Chromium: the system's where there is one, else Debian's (as root), else Playwright's own.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ -d "${PLAYWRIGHT_BROWSERS_PATH:-${HOME:-}/.cache/ms-playwright}" ]; then exit 0; fi
echo "  · bringing Chromium for the browser tests"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium; } \
        >/dev/null 2>&1 && exit 0
fi
.venv/bin/playwright install chromium
