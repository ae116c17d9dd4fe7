"""Files as they were sent, a ZIP of them opened: with limits, because what is small when packed need not be small."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from app.domains.crm.centerpoint.sheets import Unusable

MOST_FILES = 100
MOST_BYTES = 512 * 1024 * 1024
"""Unpacked, all files together."""


def unpack(files: Iterable[tuple[str, Path]], folder: Path) -> Iterator[tuple[str, Path]]:
    """The files themselves, as (name, path); what stood in a ZIP is written into `folder`.

    Raises Unusable for a ZIP that holds too much, is broken or locked.
    """
    left = MOST_BYTES
    for name, path in files:
        if not _is_bundle(path):
            yield name, path
            continue
        try:
            with zipfile.ZipFile(path) as bundle:
                members = [each for each in bundle.infolist() if _counts(each)]
                if len(members) > MOST_FILES:
                    raise Unusable(f"{name} holds {len(members):,} files; an export has eight.")
                for place, member in enumerate(members):
                    inner = PurePosixPath(member.filename).name
                    out = folder / f"{path.name}-{place}"
                    with bundle.open(member) as packed, out.open("wb") as stream:
                        while piece := packed.read(1 << 20):
                            left -= len(piece)
                            if left < 0:
                                raise Unusable(
                                    f"{name} holds more than {MOST_BYTES // 1024**2} MB when unpacked. Nothing was read."
                                )
                            stream.write(piece)
                    yield inner, out
        except RuntimeError:
            raise Unusable(
                f"{name} is locked with a password, or packed in an unusual way. Pack it anew as a plain ZIP."
            ) from None
        except (zipfile.BadZipFile, EOFError, OSError):
            raise Unusable(f"{name} is a broken ZIP; pack it again.") from None


def _is_bundle(path: Path) -> bool:
    """Whether it is a ZIP of files, rather than an Excel workbook, which is a ZIP as well."""
    with path.open("rb") as stream:
        if not stream.read(4).startswith(b"PK"):
            return False
    try:
        with zipfile.ZipFile(path) as bundle:
            return "[Content_Types].xml" not in bundle.namelist()
    except (zipfile.BadZipFile, OSError):
        return True


def _counts(member: zipfile.ZipInfo) -> bool:
    """Whether it is a file a person put there; other computers leave their own notes beside."""
    place = PurePosixPath(member.filename)
    return not member.is_dir() and not place.name.startswith(".") and "__MACOSX" not in place.parts
