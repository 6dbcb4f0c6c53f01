"""What did the last run of this stack leave in Pulumi's state?

Called once at the start of a run. `pulumi stack export` works inside a running program and with
every backend, which the files of a backend would not.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitops.errors import ToolError
from gitops.inventory import APPLICATION_TYPE, Inventory, from_export
from gitops.syncing.deletion import DELETION_HOOKS


def read_inventory(stack: str, root: Path) -> Inventory:
    """The Inventory of a stack.

    Args:
        stack: the stack's name, qualified by organization where the backend has those.
        root: the project's folder.

    Raises:
        ToolError: the state cannot be read. Nothing is assumed about what was deployed.
    """
    export = _export(stack, root)
    sealed = [each for each in _applications(export) if _is_sealed(each)]
    if sealed:
        shown = {
            each["urn"]: each for each in _applications(_export(stack, root, "--show-secrets"))
        }
        for each in sealed:
            text = shown[each["urn"]]["inputs"][DELETION_HOOKS]["plaintext"]
            each["inputs"][DELETION_HOOKS] = json.loads(text)
    return from_export(export)


def _export(stack: str, root: Path, *options: str) -> dict[str, Any]:
    command = ["pulumi", "stack", "export", "--stack", stack, "--non-interactive", *options]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ToolError(
            f"stack {stack}", "pulumi is not on PATH", remedy='run eval "$(make env)"'
        ) from error
    if done.returncode != 0:
        raise ToolError(
            f"stack {stack}",
            f"its state cannot be read: {done.stderr.strip()}",
            remedy="run `pulumi stack export` by hand and repair what it reports",
        )
    return dict(json.loads(done.stdout))


def _applications(export: Mapping[str, Any]) -> list[Any]:
    resources = (export.get("deployment") or {}).get("resources") or ()
    return [each for each in resources if each.get("type") == APPLICATION_TYPE]


def _is_sealed(application: Mapping[str, Any]) -> bool:
    # hooks of its deletion among which is a Secret; they have to be known to be run or kept
    return isinstance((application.get("inputs") or {}).get(DELETION_HOOKS), Mapping)
