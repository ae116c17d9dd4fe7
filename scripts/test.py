"""Run the tests as `make test` does: all of them on the embedded PostgreSQL 18, then those marked `any_server` on 15.

usage: scripts/test.py [PYTEST ARGUMENTS]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def processes() -> int:
    """One more than there are processors, for a test waits for its browser or its database a third of the time; but at
    most three, for some machines name more processors than they lend."""
    return min((os.cpu_count() or 1) + 1, 3)


def run(postgres: str, *arguments: str) -> int:
    print(f"== tests on PostgreSQL {postgres}", flush=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        str(processes()),
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        *arguments,
    ]
    environment = {**os.environ, "TEST_POSTGRES": postgres, "KEEP_SPENT": "1"}  # see tests.servers.Server.clear
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> None:
    from tests.servers import Server, programs_of

    ran, statuses = [18], [run("18", *sys.argv[1:])]
    if programs_of(15) is None:
        print("== no PostgreSQL 15 is installed here; the tests marked any_server ran on 18 alone")
    elif not sys.argv[1:]:
        # Whole files by name: to collect all the others, only to leave them out, takes as long as a third of these tests.
        marked = [str(each) for each in sorted((ROOT / "tests").rglob("test_*.py")) if "any_server" in each.read_text()]
        ran.append(15)
        statuses.append(run("15", "-m", "any_server", *marked))
    for version in ran:
        server = Server(version)
        server.clear()
        server.stop()
    sys.exit(next((status for status in statuses if status), 0))


if __name__ == "__main__":
    main()
