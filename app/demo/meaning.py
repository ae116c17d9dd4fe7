"""Embeddings for the demonstration: words hashed into 384 places, so that texts with the same words lie near each other."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter

from app.demo.world import World

PLACES = 384
_WORD = re.compile(r"[a-z]{3,}")


class Meaning:
    """Makes embeddings in the form this database keeps them: pgvector's, or plain numbers where it is missing."""

    model = "text-embedding-3-small"

    def __init__(self, world: World) -> None:
        kind = world.rows(
            "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'ai_memories'::regclass"
            " AND attname = 'embedding'"
        )[0][0]
        self.as_vector = kind != "real[]"
        self._place: dict[str, tuple[int, int]] = {}

    def of(self, text: str) -> str | list[float]:
        """The embedding of a text, of length one."""
        counts: Counter[int] = Counter()
        for word in _WORD.findall(text.lower()):
            if word not in self._place:
                digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
                self._place[word] = (int.from_bytes(digest[:3]) % PLACES, 1 if digest[3] & 1 else -1)
            place, sign = self._place[word]
            counts[place] += sign
        length = math.sqrt(sum(each * each for each in counts.values())) or 1.0
        numbers = [0.0] * PLACES
        for place, count in counts.items():
            numbers[place] = round(count / length, 5)
        return f"[{','.join(map('{:g}'.format, numbers))}]" if self.as_vector else numbers
