"""Join our scripts and our sheets into one file each, static/vendor/console/console.{js,css}: a page then asks for two
files where it asked for sixty, and is there in half the time.

Run by make when one of them has changed. What was joined is named by the hash of its sources; the console serves it only
while they are still the same, else the files themselves, so nobody who edits them has to wait for this or think of it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.web.joined import JOINED, NAMED, sources_hash  # noqa: E402


def esbuild() -> Path | None:
    """The program itself, of whichever platform npm brought; it needs no Node."""
    return next(iter(sorted((ROOT / "node_modules" / "@esbuild").glob("*/bin/esbuild"))), None)


def main() -> None:
    static = ROOT / "static"
    folder = static / NAMED.parent
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    named = sources_hash(static)
    program = esbuild()
    if program is None:
        print("There is no esbuild for this machine; the console serves its scripts and sheets one by one.")
    else:
        for source, made in JOINED.items():
            subprocess.run(
                [program, source, "--bundle", "--format=esm", "--minify", "--log-level=warning", f"--outfile={made}"],
                cwd=static,
                check=True,
            )
    (static / NAMED).write_text(f"{named}\n")


if __name__ == "__main__":
    main()
