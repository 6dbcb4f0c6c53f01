"""Which items of a list are what they were in the list before?

Given to ``list_queries`` by whoever lists the same kinds again and again. An item whose text is the
same, to the byte, is not read again: it is the very same value as before, which must never be
changed, and by its identity others know that nothing about it is different.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from msgspec import Raw, Struct, json

from gitops.lately import Lately

Item = dict[str, Any]
_DIGEST_BYTES = 16


class _Page(Struct):
    metadata: dict[str, Any] | None = None
    items: list[Raw] | None = None


class KnownItems:
    """The items of the lists of this pass and of the one before; several threads may read at once,
    each the pages of another list."""

    def __init__(self) -> None:
        self._items: Lately[tuple[str, bytes], Item] = Lately()

    def begin(self) -> None:
        """Begin another pass."""
        self._items.begin()

    def page(
        self, asked: str, body: bytes, typed: Callable[[Item], Item]
    ) -> tuple[list[Item], dict[str, Any]]:
        """Read one page of a list.

        Args:
            asked: what was listed, and how: the same text means another item in another list.
            body: the answer.
            typed: makes of an item as the list holds it what is kept.

        Returns:
            The items, and the list's own metadata.
        """
        page = json.decode(body, type=_Page)
        found = []
        for raw in page.items or ():
            key = asked, hashlib.blake2b(raw, digest_size=_DIGEST_BYTES).digest()
            item = self._items.get(key)
            if item is None:
                item = typed(json.decode(raw))
                self._items.put(key, item)
            found.append(item)
        return found, page.metadata or {}
