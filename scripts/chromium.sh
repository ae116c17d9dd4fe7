#!/bin/sh
# A Chromium for the browser tests: what is there, else Debian's where we may install it, else a plain word and a failure.
set -eu
for name in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests ..."
    apt-get update -qq
    # The one without a window is smaller and quicker; an older Debian knows only the other.
    for package in chromium-headless-shell chromium; do
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" >/dev/null || continue
        command -v "$package" >/dev/null && exit 0
    done
fi
echo "The browser tests need Chromium and none was found: install the package chromium (as root: apt-get install chromium)." >&2
exit 1
