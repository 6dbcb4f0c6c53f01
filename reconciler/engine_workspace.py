"""What does a run of ours leave out of what the Automation API does, and what does it set?

Called by ``engine``. Seconds count here: a run that changes one object is dominated by what is done
around it. Figures are of 1,500 objects on two cores.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pulumi.automation import LocalWorkspace, OutputMap, PulumiCommand, Stack, UpdateSummary
from semver import VersionInfo

from gitops.stores import cache_root

# The engine's garbage collector goes over the whole state again and again: 2 of 9 s of processor
# time for 6,000 objects, which this saves for a quarter more memory. Whoever has set it means it.
# A file backend keeps two copies of each state; the one in its history is enough.
_SPARED: Mapping[str, str] = {
    "GOGC": "400",
    "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
}
# The first version that tells its events over a connection; the toolchain has none that is older.
_PULUMI_VERSION = "3.259.0"
_NO_PACKAGES = '"""Tells the language host that there are no packages."""\n\nprint("[]")\n'


class Workspace(LocalWorkspace):
    """A workspace that leaves out what a run of our own does not need.

    Every command names its stack, so none is selected, and nobody reads the stack's outputs or asks
    the command its version: that is five processes less per run.

    Args:
        root: the project's folder.
        environment: variables for the engine and the program.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(
            work_dir=str(root),
            env_vars=spared() | dict(environment or {}),
            pulumi_command=_Command(),
        )

    def select_stack(self, stack_name: str) -> None:
        """Do nothing."""

    def stack_outputs(self, stack_name: str) -> OutputMap:  # noqa: ARG002 - the interface's name
        """Nothing."""
        return {}


class _Command(PulumiCommand):
    def __init__(self) -> None:
        self.command = "pulumi"
        self.version = VersionInfo.parse(_PULUMI_VERSION)


class QuickStack(Stack):
    """A stack whose history nobody reads after a run; that is one more process."""

    def info(self, show_secrets: bool = True) -> UpdateSummary:  # noqa: ARG002, FBT001
        """A summary nobody reads."""
        now = datetime.now(UTC)
        return UpdateSummary("update", now, "", {}, {}, "", now)


def spared() -> dict[str, str]:
    """The variables with which the engine does less, unless somebody has set them otherwise."""
    return {name: os.environ.get(name, value) for name, value in _SPARED.items()}


def without_packages() -> dict[str, str]:
    """The variables with which the language host does not list the installed Python packages.

    It asks pip, to find out which plugins they need, and waits a second for it. A program that is
    handed what it declares names the version of its provider itself.
    """
    folder = cache_root() / "no-packages"
    module = folder / "pip" / "__main__.py"
    if not module.is_file() or module.read_text(encoding="utf-8") != _NO_PACKAGES:
        module.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        module.write_text(_NO_PACKAGES, encoding="utf-8")
    path = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), path)))}
