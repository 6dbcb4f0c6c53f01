"""What was used lately?

Made by the reconciler for values that one pass of a loop may take over from the pass before. What
neither of the two has asked for is forgotten, so nothing grows with the number of passes. Nothing
here says when a value still holds: whoever keeps one puts everything it was made from into its key,
or compares it with that.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Lately(Generic[Key, Value]):
    """The values that this pass and the one before have used."""

    def __init__(self) -> None:
        self._before: dict[Key, Value] = {}
        self._now: dict[Key, Value] = {}

    def begin(self) -> None:
        """Begin another pass."""
        self._before, self._now = self._now, {}

    def get(self, key: Key) -> Value | None:
        """A value; None where there is none. What is asked for is kept for the next pass."""
        found = self._now.get(key)
        if found is None and (found := self._before.get(key)) is not None:
            self._now[key] = found
        return found

    def put(self, key: Key, value: Value) -> None:
        """Keep a value, in place of another with that key."""
        self._now[key] = value

    def __len__(self) -> int:
        return len(self._before.keys() | self._now.keys())
