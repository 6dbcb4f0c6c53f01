"""How do an Application's local commands run before and after its sync?

Called by the Application. The Application's digest is the trigger: a command runs when something it
belongs to changes, and never on a run that changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pulumi

from gitops.application_target import ApplicationTarget
from gitops.errors import ToolError
from gitops.target import Target

PLUGIN = "resource-command-v1.2.1"


def run_before(target: ApplicationTarget, *, parent: pulumi.Resource) -> list[pulumi.Resource]:
    """Declare the commands before a sync; the objects wait for what is returned."""
    return _declare(target, "before", target.spec.commands.before, parent=parent, after=())


def run_after(
    target: ApplicationTarget, *, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
) -> None:
    """Declare the commands after a sync, which wait for all its objects."""
    _declare(target, "after", target.spec.commands.after, parent=parent, after=after)


def with_plugin(target: Target) -> Target:
    """The target without the Applications that want commands where nothing can run them."""
    checked = ((each, check_plugin(each)) for each in target.applications)
    return replace(
        target,
        applications=tuple(each.broken(error) if error else each for each, error in checked),
    )


def check_plugin(target: ApplicationTarget) -> ToolError | None:
    """Why an Application that wants commands cannot have them, None when it can."""
    if not target.spec.commands or plugin_installed():
        return None
    return ToolError(
        target.subject,
        f"it wants local commands, and the plugin {PLUGIN} is not installed",
        remedy="run `pulumi plugin install resource command 1.2.1`, or remove the commands",
    )


def plugin_installed() -> bool:
    """Whether Pulumi can run local commands here."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return (home / "plugins" / PLUGIN).is_dir()


def _declare(
    target: ApplicationTarget,
    moment: str,
    commands: Sequence[str],
    *,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    if not commands or target.error is not None:
        return []
    from pulumi_command import local  # costs start-up time that only these Applications should pay

    previous: list[pulumi.Resource] = []
    for number, command in enumerate(commands, start=1):
        resource = local.Command(
            f"{target.spec.name}-{moment}-{number}",
            create=command,
            triggers=[target.digest],
            environment={"APPLICATION": target.spec.name, "DIGEST": target.digest},
            opts=pulumi.ResourceOptions(
                parent=parent,
                depends_on=[*after, *previous],
                ignore_changes=["*"] if target.stopped else None,
            ),
        )
        previous.append(resource)
    return previous
