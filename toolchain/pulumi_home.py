"""How does Pulumi find its plugins without downloading any?

In a PULUMI_HOME of our own, whose plugin folder links to the toolchain's. It also keeps the engine
from writing an automatic log of every property, which cost half to three quarters of the CPU: the
log has no off switch, but cannot start where ``logs`` is a regular file. Called by
``toolchain.install``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from toolchain.store import cache_root
from toolchain.tools import Tool


def directory() -> Path:
    """The folder PULUMI_HOME names."""
    return cache_root() / "pulumi-home"


def plugin(tool: Tool) -> Path:
    """Where the engine looks for a plugin."""
    return directory() / "plugins" / f"resource-{tool.plugin}-v{tool.version}" / tool.name


def is_complete(tools: Mapping[Tool, Path]) -> bool:
    """Whether every plugin is linked to the folder given for it, and the log is off."""
    return (directory() / "logs").is_file() and all(
        os.path.realpath(plugin(tool)) == os.path.realpath(program)
        for tool, program in tools.items()
    )


def install(tools: Mapping[Tool, Path]) -> None:
    """Link plugins to their programs; a link of an earlier set is replaced in one step."""
    for tool, program in tools.items():
        link = plugin(tool)
        link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = link.with_name(f".{link.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(program)
        fresh.replace(link)
    logs = directory() / "logs"
    if logs.is_dir():
        shutil.rmtree(logs)
    logs.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    logs.touch()
