"""Where are the programs a control plane consists of?

Called by ``lifecycle.start``: what the toolchain installed first, then PATH.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from toolchain.controlplane.components import COMPONENTS
from toolchain.controlplane.errors import ControlPlaneError
from toolchain.errors import ToolchainError
from toolchain.store import bin_directory


def find(folders: Sequence[Path], *, names: Sequence[str] = COMPONENTS) -> dict[str, str]:
    """The path of each program.

    Args:
        folders: where to look before PATH.
        names: the programs; by default those of a control plane.

    Raises:
        ControlPlaneError: one is missing; it is named.
    """
    found = {name: _find(name, folders) for name in names}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise ControlPlaneError(
            ", ".join(missing),
            "not installed, and not on PATH",
            remedy="run `python3 -m toolchain install`",
        )
    return {name: path for name, path in found.items() if path is not None}


def installed() -> tuple[Path, ...]:
    """The folder of the tools that the toolchain installed; nothing when it has not."""
    try:
        return (bin_directory(),)
    except ToolchainError:
        return ()


def _find(name: str, folders: Sequence[Path]) -> str | None:
    for folder in folders:
        if path := shutil.which(name, path=str(folder)):
            return path
    return shutil.which(name)
