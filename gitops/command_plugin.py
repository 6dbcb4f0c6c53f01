"""Can local commands of Applications be run here?

Called by composition's callers: what is missing is the machine's, so composition itself, which
renders the same everywhere, does not ask.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gitops.application_target import ApplicationTarget
from gitops.errors import ToolError

PLUGIN = "resource-command-v1.2.1"
COMMAND_TYPE = "command:local:Command"


def with_plugin(targets: Iterable[ApplicationTarget]) -> tuple[ApplicationTarget, ...]:
    """The Applications, those broken that want commands where nothing can run them."""
    return tuple(_checked(each) for each in targets)


def plugin_installed() -> bool:
    """Whether Pulumi can run local commands here."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return (home / "plugins" / PLUGIN).is_dir()


def command_names(target: ApplicationTarget) -> list[str]:
    """The logical names of an Application's commands."""
    commands = target.spec.commands
    moments = {"before": commands.before, "after": commands.after}
    return [
        command_name(target, moment, number)
        for moment, each in moments.items()
        for number in range(1, len(each) + 1)
    ]


def command_name(target: ApplicationTarget, moment: str, number: int) -> str:
    """The logical name of one command, the first of a moment being 1."""
    return f"{target.spec.name}-{moment}-{number}"


def _checked(target: ApplicationTarget) -> ApplicationTarget:
    if not target.spec.commands or plugin_installed():
        return target
    return target.broken(
        ToolError(
            target.subject,
            f"it wants local commands, and the plugin {PLUGIN} is not installed",
            remedy="run `pulumi plugin install resource command 1.2.1`, or remove the commands",
        )
    )
