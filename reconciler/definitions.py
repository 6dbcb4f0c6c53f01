"""How are the definitions run that are kept in a stack of their own?

Called before everything else of a sync, by the pass and by `gitops up`. It is the same program,
with the config of the main stack, so the two cannot disagree.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.comparison import Comparison
from gitops.definitions import is_definition
from gitops.errors import ConfigError
from gitops.stack_names import definitions_stack
from reconciler.events import Event
from reconciler.project import stack_settings

if TYPE_CHECKING:
    from reconciler.engine import Run

CONFIG_FILE = "PULUMI_OPTION_CONFIG_FILE"


def up(
    root: Path,
    stack: str,
    *,
    confirmed: Collection[str] = (),
    on_event: Callable[[Event], None] = lambda _: None,
) -> Run:
    """Apply the definitions of a stack; their stack is made when it does not exist.

    Args:
        root: the project's folder.
        stack: the main stack's name.
        confirmed: tokens of deletions that the prune gate lets through.
        on_event: told of every event as it happens, from another thread.

    Raises:
        ToolError: the environment lacks something.
        EngineError: the program was never run.
    """
    from reconciler import engine

    return engine.up(
        root,
        definitions_stack(stack),
        confirmed=confirmed,
        environment=_environment(root, stack),
        on_event=on_event,
    )


def _environment(root: Path, stack: str) -> dict[str, str]:
    file = root / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    return {CONFIG_FILE: os.environ.get(CONFIG_FILE) or str(file)}


def kept_apart(root: Path, stack: str) -> bool:
    """Whether a stack's config says so; what else is wrong with it, the run itself tells."""
    try:
        return stack_settings(root, stack).separate_definitions
    except ConfigError:
        return False


def concerned(comparison: Comparison) -> bool:
    """Whether an Application differs in its definitions."""
    return any(is_definition(each.key) for each in comparison.drifts)


def only_concerned(comparison: Comparison) -> bool:
    """Whether it differs in nothing else."""
    return bool(comparison.drifts) and all(is_definition(each.key) for each in comparison.drifts)
