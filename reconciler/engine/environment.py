"""Which variables does the engine need, and which does a run of ours set?

Called by ``engine`` and by everything else that starts the command. It imports nothing of Pulumi's,
which takes a sixth of a second that a pass with nothing to do has no use for.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from gitops.deployment.stack_names import main_stack
from gitops.errors import ToolError

ENVIRONMENT = ("PULUMI_HOME", "PULUMI_BACKEND_URL")
PROGRAMS = ("pulumi", "pulumi-language-python")
REMEDY = 'run eval "$(make env)" first'
CONFIG_FILE = "PULUMI_OPTION_CONFIG_FILE"
_GARBAGE = "GOGC"
# The engine's garbage collector goes over the whole state again and again: 2 of 9 s of processor
# time for 6,000 objects, which this saves for a quarter more memory. Whoever has set it means it.
# A file backend keeps two copies of each state; the one in its history is enough.
_SPARED: Mapping[str, str] = {
    _GARBAGE: "400",
    "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
}


def check_environment(environment: Mapping[str, str]) -> None:
    """Refuse to start without what the engine needs.

    Raises:
        ToolError: a variable or a program is missing; all of them are named.
    """
    missing = [name for name in ENVIRONMENT if not environment.get(name)]
    path = environment.get("PATH")
    missing += [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        raise ToolError("environment", f"lacks {', '.join(missing)}", remedy=REMEDY)


def collecting(percent: int) -> dict[str, str]:
    """The variable with which a run collects garbage more often than others do: what is small gains
    nothing by waiting, and of what is large there is too much.

    Args:
        percent: how much of what is in use may be garbage (GOGC); whoever has set it means it.
    """
    return {_GARBAGE: os.environ.get(_GARBAGE, str(percent))}


def spared() -> dict[str, str]:
    """The variables with which the engine does less, unless somebody has set them otherwise."""
    return {name: os.environ.get(name, value) for name, value in _SPARED.items()}


def shared_config(root: Path, stack: str) -> dict[str, str]:
    """The variable with which a stack that belongs to another has that one's config.

    Args:
        root: the project's folder.
        stack: the stack's name.
    """
    main = main_stack(stack)
    if main == stack:
        return {}
    file = root / f"Pulumi.{main.rpartition('/')[2]}.yaml"
    return {CONFIG_FILE: os.environ.get(CONFIG_FILE) or str(file)}
