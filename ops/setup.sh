#!/bin/sh
# Brings uv into .tools and the locked packages into .venv. Needs a Python 3 with pip, of any version.
set -eu
cd "$(dirname "$0")/.."
wanted=$(cat .python-version)

# first_that_runs CODE INTERPRETER...: pyenv's shims are on the PATH even for versions they then refuse to run.
first_that_runs() {
    code=$1
    shift
    for candidate in "$@"; do
        if "$candidate" -c "$code" >/dev/null 2>&1; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
}

versions=${PYENV_ROOT:-${HOME:-}/.pyenv}/versions

if ! .tools/bin/uv --version 2>/dev/null | grep -q "^uv $UV_VERSION "; then
    python=$(first_that_runs "import pip" python3 /usr/bin/python3 python3.13 python3.12 python3.11 "$versions"/3.*/bin/python3)
    if [ -z "$python" ]; then
        echo "No Python 3 with pip was found: install python3 and python3-pip." >&2
        exit 1
    fi
    echo "  · bringing uv $UV_VERSION"
    # Into a folder rather than a virtual environment: that needs no python3-venv, and no activation.
    rm -rf .tools
    PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location --target .tools "uv==$UV_VERSION"
fi

# An interpreter that is here is named to uv by its path; where there is none, uv downloads one.
interpreter=$(first_that_runs "import sys, ssl; sys.exit('%d.%d' % sys.version_info[:2] != '$wanted')" \
    "python$wanted" "$versions/$wanted"*/bin/"python$wanted" python3)
if [ -n "$interpreter" ]; then
    export UV_PYTHON="$interpreter"
fi
# Whoever has no home (nobody, many CI users) keeps uv's cache here.
if [ ! -w "${HOME:-/nonexistent}" ]; then
    export UV_CACHE_DIR="$PWD/.tools/cache"
fi
echo "  · bringing the packages and servers that uv.lock names"
.tools/bin/uv sync --locked --quiet
touch .venv/synced
