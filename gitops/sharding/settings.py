"""Into how many stacks is a stack divided, and by what?

Read by ``gitops.config`` from ``home-ops:shards``. Without the key a stack is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ShardBy(StrEnum):
    """What decides in which shard an Application is."""

    HASH = "hash"
    """Its name."""
    CATEGORY = "category"
    """Its category, so that a category is never divided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards:
    """The division of a stack: one shard is no division. The first shard is the stack itself."""

    count: int = 1
    by: ShardBy = ShardBy.HASH

    def __str__(self) -> str:
        return f"{self.count} by {self.by}" if self.divided else "1"

    @property
    def divided(self) -> bool:
        """Whether there is more than one."""
        return self.count > 1


ONE = Shards()
"""What is not divided."""


def read(values: Mapping[str, Any]) -> Shards:
    """The settings as the config has them; their schema has been checked."""
    return Shards(count=int(values.get("count", 1)), by=ShardBy(values.get("by", ShardBy.HASH)))
