"""Under whose account the embedded PostgreSQL runs: it refuses root, so a console started by root lends it another one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Where files go that the lent account cannot reach in the checkout, as under /root.
FALLBACK = Path("/var/lib/brainops-console")
# PostgreSQL gets no more of our environment than it needs: not our keys, and no PG* variable that would bend it.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """A system account to start programs under. `uid` None: our own, and nothing needs to change hands."""

    uid: int | None = None
    gid: int | None = None

    @property
    def process(self) -> dict[str, Any]:
        """Arguments for `subprocess` that start a program under this account, with a private umask."""
        lent: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.uid is not None else {}
        return {"cwd": "/", "env": _ENVIRONMENT, "umask": 0o077, "stdin": subprocess.DEVNULL, **lent}

    def own(self, path: Path) -> None:
        """Hand a file or directory to this account."""
        if self.uid is not None:
            os.chown(path, self.uid, self.gid or 0)

    def reaches(self, directory: Path) -> bool:
        """Whether this account can pass through every parent of `directory` and into it."""
        if self.uid is None:
            return True
        enter = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)]
        tried = subprocess.run(enter, check=False, capture_output=True, **self.process)
        return tried.returncode == 0


def account_for(cluster: Path) -> Account:
    """The owner of an existing cluster; else `postgres`, else `nobody`; our own account where we are not root."""
    if os.geteuid() != 0:
        return Account()
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise LookupError("PostgreSQL does not run as root and this machine has neither an account postgres nor nobody.")


def reachable_programs(account: Account, programs: Path) -> Path:
    """`programs` (a bin directory), or a copy of the whole installation where `account` cannot enter the original."""
    works = subprocess.run([programs / "postgres", "--version"], check=False, capture_output=True, **account.process)
    if works.returncode == 0:
        return programs
    package = programs.parent.parent
    stamp = f"{int((programs / 'postgres').stat().st_mtime)}-{(programs / 'postgres').stat().st_size}"
    copy = FALLBACK / "programs" / stamp
    if not copy.exists():
        draft = copy.with_name(f".{stamp}.{os.getpid()}")
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(programs.parent, draft / package.name / programs.parent.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in (FALLBACK, FALLBACK / "programs", draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        draft.rename(copy)
    return copy / package.name / programs.parent.name / programs.name
