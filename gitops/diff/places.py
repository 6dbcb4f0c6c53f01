"""Where in an object is a field, for the program and for people?

Made by the comparison as it walks down.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Step = str | int

_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a live object.

    ``steps`` lead to it; ``name`` is its path in words, in which items are called by their keys;
    ``field`` and ``within`` are the names of the field and of the one it is in, of which items of
    lists have none.
    """

    steps: tuple[Step, ...] = ()
    name: str = ""
    field: str = ""
    within: str = ""

    def inner(self, key: str) -> Place:
        """A field of the mapping at this place."""
        if _PLAIN_NAME.fullmatch(key):
            name = f"{self.name}.{key}" if self.name else key
        else:
            name = f'{self.name}["{key}"]'
        return Place((*self.steps, key), name, key, self.field)

    def item(self, index: int, called: str) -> Place:
        """An item of the list at this place."""
        return Place((*self.steps, index), f"{self.name}{called}", self.field, self.within)

    def is_in(self, name: str) -> bool:
        """Whether it is a top-level field of this name, or within it."""
        return self.steps[:1] == (name,)


ROOT = Place()
