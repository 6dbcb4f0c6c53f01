"""What are the stacks called that belong to another: that of its definitions, and its shards?"""

from __future__ import annotations

import re

SUFFIX = "-definitions"
_SHARD = re.compile(r"(?P<main>.+)-shard-(?P<index>[1-9][0-9]*)")


def is_definitions_stack(stack: str) -> bool:
    """Whether a stack holds the definitions of another."""
    return stack.endswith(SUFFIX)


def main_stack(stack: str) -> str:
    """The stack whose definitions a stack holds, or of which it is a shard; any other itself."""
    shard = _SHARD.fullmatch(stack)
    return shard["main"] if shard else stack.removesuffix(SUFFIX)


def shard_stack(stack: str, index: int) -> str:
    """The stack that is a shard of another; the first shard is the stack itself."""
    return f"{stack}-shard-{index}" if index else stack


def shards_memory(stack: str) -> str:
    """The name under which is remembered how the states of a stack's shards are arranged."""
    return f"{main_stack(stack)}-shards"


def shard_index(stack: str) -> int:
    """Which shard of another a stack is."""
    shard = _SHARD.fullmatch(stack)
    return int(shard["index"]) if shard else 0


def definitions_stack(stack: str) -> str:
    """The stack that holds the definitions of a stack."""
    return f"{main_stack(stack)}{SUFFIX}"


def own_name(stack: str) -> str:
    """What a stack's own objects in the cluster are called: its Lease and its memory."""
    return f"home-ops-{stack}".lower().replace("_", "-").replace("/", "-")


def trigger_name(stack: str) -> str:
    """The ConfigMap by which a pass is asked for."""
    return f"{own_name(stack)}-trigger"
