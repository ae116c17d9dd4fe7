#!/bin/sh
# A virtual environment in .venv with exactly the pinned packages, each checked by its hash, and the `console` command.
# usage: scripts/python.sh REQUIREMENTS
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

command -v "$python" >/dev/null || { echo "The console needs Python 3.11 or newer; no $python was found." >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "The console needs Python 3.11 or newer; $("$python" --version) is too old. Name another with: make PYTHON=python3.12 ..." >&2
    exit 1
}

# Debian ships Python without the part that makes environments.
if ! "$python" -c 'import ensurepip' 2>/dev/null && ! [ -x .venv/bin/pip ]; then
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$version" >/dev/null
    else
        echo "This Python cannot make virtual environments; install the package $version first." >&2
        exit 1
    fi
fi

[ -x .venv/bin/pip ] || "$python" -m venv .venv
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --root-user-action=ignore \
    --require-hashes --only-binary :all: --no-deps -r "$1"

# The project itself is not copied anywhere: the environment points back at this checkout.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
pwd > "$site/brainops-console.pth"
cat > .venv/bin/console <<END
#!$(pwd)/.venv/bin/python
import sys

from app.cli import main

sys.exit(main())
END
chmod +x .venv/bin/console
