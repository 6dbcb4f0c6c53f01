"""How are the definitions run that are kept in a stack of their own?

Called before everything else of a sync, by the pass and by `gitops up`. It is the same program,
with the config of the main stack, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.comparison import Comparison
from gitops.deployment.definitions import is_definition
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import definitions_stack
from gitops.deployment.unchanged import unchanged
from gitops.errors import ConfigError
from gitops.target import Target
from reconciler.commands.project import stack_settings
from reconciler.engine.environment import collecting
from reconciler.engine.events import Event

if TYPE_CHECKING:
    from reconciler.engine.automation import Run
    from reconciler.passes.stopping import Stop

_GARBAGE_PERCENT = 100


def up(
    root: Path,
    stack: str,
    *,
    confirmed: Collection[str] = (),
    stop: Stop | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Run:
    """Apply the definitions of a stack; their stack is made when it does not exist.

    Args:
        root: the project's folder.
        stack: the main stack's name.
        confirmed: tokens of deletions that the prune gate lets through.
        stop: ends the run before it is done.
        on_event: told of every event as it happens, from another thread.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the program was never run.
    """
    from reconciler.engine import automation

    return automation.up(
        root,
        definitions_stack(stack),
        confirmed=confirmed,
        environment=collecting(_GARBAGE_PERCENT),
        stop=stop,
        on_event=on_event,
    )


def kept_apart(root: Path, stack: str) -> bool:
    """Whether a stack's config says so; what else is wrong with it, the run itself tells."""
    try:
        return stack_settings(root, stack).separate_definitions
    except ConfigError:
        return False


def settled(target: Target, deployed: Inventory) -> bool:
    """Whether the last deployment has the definitions as Git has them, and no others.

    Args:
        target: all Applications.
        deployed: the last deployment of their stack.
    """
    definitions = {
        each.key: each
        for application in target.applications
        for each in application.manifests
        if is_definition(each.key)
    }
    return definitions.keys() == deployed.objects.keys() and all(
        unchanged(each, deployed.objects[key].body) for key, each in definitions.items()
    )


def concerned(comparison: Comparison) -> bool:
    """Whether an Application differs in its definitions."""
    return any(is_definition(each.key) for each in comparison.drifts)


def only_concerned(comparison: Comparison) -> bool:
    """Whether it differs in nothing else."""
    return bool(comparison.drifts) and all(is_definition(each.key) for each in comparison.drifts)
