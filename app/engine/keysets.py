"""Which records a file held, kept so small that every copy ever taken can be asked for one of them.

Keys are sorted into containers by their upper bits, as in a roaring bitmap: each container says which of its keys were
there, as a list while they are few and as one bit a key when they are many. A whole table of a million customers is then
sixteen rows of a few bytes, and the question "was 417 in it" opens one container of at most 8 KB.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

_LOW_BITS = 16
_BITMAP = 1 << (_LOW_BITS - 3)
_FEW = 4_096
"""So many two-byte keys take as much room as a bit for each key there could be."""
_LISTED, _BITS, _WORDS = b"l", b"b", b"w"
_WORD_BITS = 40
"""Of a key that is no number 48 bits of a digest are kept, eight to find the container: a false answer once in some 10^8."""

Place = tuple[str, int, int]
"""(how keys are told: number or word, the container, what stands in it)"""


def place_of(key: Any) -> Place:
    """Where a key is looked for. A number stands for itself, anything else for its digest."""
    if type(key) is int:
        return "number", key >> _LOW_BITS, key & (1 << _LOW_BITS) - 1
    number = int.from_bytes(hashlib.blake2b(str(key).encode(), digest_size=6).digest())
    return "word", number >> _WORD_BITS, number & (1 << _WORD_BITS) - 1


class KeySet:
    """Keys taken in as rows go by: two bytes each at most for numbers, a bit each where they stand close."""

    def __init__(self) -> None:
        self._numbers: dict[int, array[int] | bytearray] = {}
        self._words: dict[int, array[int]] = {}

    def add(self, keys: Iterable[Any]) -> None:
        """Take in one batch; a key that comes twice is there once or twice, which is the same."""
        numbers = self._numbers
        for key in keys:
            if type(key) is not int:
                _, container, rest = place_of(key)
                self._words.setdefault(container, array("Q")).append(rest)
                continue
            held = numbers.get(key >> 16)
            if type(held) is bytearray:
                held[(key & 65_535) >> 3] |= 1 << (key & 7)
            elif held is None:
                numbers[key >> 16] = array("H", (key & 65_535,))
            else:
                held.append(key & 65_535)  # type: ignore[union-attr]
                if len(held) > _FEW:
                    numbers[key >> 16] = _as_bits(held)

    def containers(self) -> Iterator[tuple[str, int, bytes]]:
        """(how keys are told, container, its contents as they are kept)"""
        for number, held in self._numbers.items():
            kept = _BITS + held if isinstance(held, bytearray) else _LISTED + array("H", sorted(held)).tobytes()
            yield "number", number, zlib.compress(kept, 6)
        for number, words in self._words.items():
            kept = b"".join(each.to_bytes(5) for each in sorted(words))
            yield "word", number, zlib.compress(_WORDS + kept, 1)


def _as_bits(few: Iterable[int]) -> bytearray:
    bits = bytearray(_BITMAP)
    for each in few:
        bits[each >> 3] |= 1 << (each & 7)
    return bits


def holds(kept: bytes, rest: int) -> bool:
    """Whether a container that was kept has this in it."""
    whole = zlib.decompress(kept)
    kind, held = whole[:1], whole[1:]
    if kind == _BITS:
        return bool(held[rest >> 3] >> (rest & 7) & 1)
    if kind == _LISTED:
        return rest in array("H", held)
    wanted = rest.to_bytes(5)
    return any(held[at : at + 5] == wanted for at in range(0, len(held), 5))
