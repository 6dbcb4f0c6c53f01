"""Which stacks make the passes that a person asks for?

Called by the commands that are such a pass. As a rule it is the stack itself; where it is divided,
each Application is in one shard, and only that one can sync or compare it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.errors import ConfigError
from reconciler.passes.asked import Asked

if TYPE_CHECKING:
    from gitops.application import ApplicationSpec
    from gitops.config import Settings


def by_stack(asked: Asked, stack: str, folder: Path) -> dict[str, Asked]:
    """What each stack is asked for.

    Args:
        asked: what a person wants; nothing means of all shards the same.
        stack: the stack somebody named.
        folder: where the repository is looked for, whose working tree tells which Application is in
            which shard. Without one the config is the repository's that a command names.

    Raises:
        ConfigError: the stack's config is wrong.
    """
    from gitops.deployment.stack_names import main_stack
    from reconciler.commands.project import find_root, stack_settings

    try:
        root = find_root(folder)
    except ConfigError:
        return {stack: asked}
    settings = stack_settings(root, main_stack(stack))
    if not settings.shards.divided or stack != main_stack(stack):
        return {stack: asked}
    from reconciler.sharding.moving import applications

    return divided(asked, stack, settings, applications(root, settings))


def divided(
    asked: Asked, stack: str, settings: Settings, specs: tuple[ApplicationSpec, ...]
) -> dict[str, Asked]:
    """The same of a stack that is divided.

    Args:
        asked: what a person wants.
        stack: the main stack.
        settings: its config.
        specs: the Applications of all shards.
    """
    from gitops.deployment.stack_names import shard_stack
    from gitops.sharding.division import shard_of

    if not asked:
        return {shard_stack(stack, number): asked for number in range(settings.shards.count)}
    given = set(asked.names)
    names: dict[int, list[str]] = defaultdict(list)
    for spec in specs:
        named = given & {spec.name, spec.subject}
        given -= named
        selected = asked.selection is None or asked.selection.accepts_spec(spec)
        if named or (selected and not asked.names):
            names[shard_of(spec, settings.shards)].append(spec.name)
    names[0] += given  # the first shard says that there is none, or removes what has left Git
    return {
        shard_stack(stack, number): replace(asked, names=tuple(several))
        for number, several in sorted(names.items())
        if several
    } or {stack: asked}
