"""What did the last run of this stack leave in Pulumi's state?

Called once at the start of a run. `pulumi stack export` works inside a running program and with
every backend, which the files of a backend would not.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from gitops.argocd.set_policy import Made, Recall, recalled
from gitops.deployment.inventory import Inventory, from_export
from gitops.deployment.stack_names import main_stack, shard_stack
from gitops.errors import ToolError
from gitops.syncing.deletion import sealed_hooks, with_sealed_hooks


def read_inventory(stack: str, root: Path) -> Inventory:
    """The Inventory of a stack.

    Args:
        stack: the stack's name, qualified by organization where the backend has those.
        root: the project's folder.

    Raises:
        ToolError: the state cannot be read. Nothing is assumed about what was deployed.
    """
    export = _export(stack, root)
    if sealed_hooks(export):
        export = with_sealed_hooks(export, _export(stack, root, "--show-secrets"))
    return from_export(export)


def made_by_sets(stack: str, root: Path, *, shards: int) -> Recall:
    """What ApplicationSets have made, for the stack with the definitions: the main stack and its
    shards know it.

    Where that has no state yet, or none that can be read, sets are read as if they had made
    nothing: this stack applies definitions alone, and deletes none.

    Args:
        stack: the stack with the definitions.
        root: the project's folder.
        shards: how many the main stack has.
    """

    @cache
    def made() -> dict[str, Made]:
        found: dict[str, Made] = {}
        for index in range(shards):
            with suppress(ToolError):
                found |= recalled(read_inventory(shard_stack(main_stack(stack), index), root))
        return found

    return lambda _: made()


def _export(stack: str, root: Path, *options: str) -> dict[str, Any]:
    command = ["pulumi", "stack", "export", "--stack", stack, "--non-interactive", *options]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ToolError(
            f"stack {stack}", "pulumi is not on PATH", remedy='run eval "$(make env)"'
        ) from error
    if done.returncode != 0 and "no stack named" in done.stderr:
        return {}  # a shard that was never run
    if done.returncode != 0:
        raise ToolError(
            f"stack {stack}",
            f"its state cannot be read: {done.stderr.strip()}",
            remedy="run `pulumi stack export` by hand and repair what it reports",
        )
    return dict(json.loads(done.stdout))
