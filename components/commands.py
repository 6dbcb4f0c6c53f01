"""How do an Application's local commands run before and after its sync?

Called by the Application. The Application's digest is the trigger: a command runs when something it
belongs to changes, and never on a run that changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from gitops.application_target import ApplicationTarget
from gitops.command_plugin import command_name


def run_before(target: ApplicationTarget, *, parent: pulumi.Resource) -> list[pulumi.Resource]:
    """Declare the commands before a sync; the objects wait for what is returned."""
    return _declare(target, "before", target.spec.commands.before, parent=parent, after=())


def run_after(
    target: ApplicationTarget, *, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
) -> None:
    """Declare the commands after a sync, which wait for all its objects."""
    _declare(target, "after", target.spec.commands.after, parent=parent, after=after)


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
            command_name(target, moment, number),
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
