"""How does a machine get from nothing to a complete set of tools, and know that it has one?

``install`` goes through ``.venv`` and the table of tools, goes on when one cannot be had, and makes
the folder of links at the end. When everything is there it starts no process at all. Called by the
command line; the tests call it with tables of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from toolchain import content, pulumi_home, store, venv
from toolchain.acquire import Machine, obtain
from toolchain.acquire.golang import GoFinder
from toolchain.acquire.on_path import fitting
from toolchain.acquire.release import ReleaseHosts
from toolchain.errors import ToolchainError
from toolchain.pins import TOOLS
from toolchain.progress import Progress
from toolchain.tools import Tool, this_platform


def install(
    tools: Sequence[Tool] = TOOLS,
    *,
    progress: TextIO | None,
    checkout: Path | None = store.CHECKOUT,
) -> tuple[ToolchainError, ...]:
    """Get every tool and the virtual environment of a checkout (none without one).

    Args:
        tools: the table of tools.
        progress: where to report the steps.
        checkout: whose ``.venv`` to make.

    Returns:
        What could not be had; the rest is installed. An optional tool is not among them.
    """
    links = store.links_directory(tools)
    needs_venv = checkout is not None and not venv.is_current(checkout)
    needs_tools = not store.is_complete(links)
    failures: list[ToolchainError] = []
    total = int(needs_venv) + (len(tools) if needs_tools else 0)
    report = Progress(total=total, stream=progress)
    if needs_venv and checkout is not None:
        with report.step(".venv") as step:
            try:
                venv.install(step, checkout=checkout)
            except ToolchainError as error:
                failures.append(error)
                step.done("failed")
    if needs_tools:
        programs, refused = _programs(tools, report)
        failures.extend(error for tool, error in refused.items() if not tool.optional)
        if set(programs) >= {tool for tool in tools if not tool.optional}:
            _make_links(links, programs)
    if store.is_complete(links):
        _link_plugins(tools, links)
    return tuple(failures)


def _programs(
    tools: Sequence[Tool], report: Progress
) -> tuple[dict[Tool, Path], dict[Tool, ToolchainError]]:
    """The folder each tool is in, and why one could not be had."""
    platform = this_platform()
    machine = Machine(platform=platform, hosts=ReleaseHosts(tools, platform), go=GoFinder())
    for kept in ("tools", "bin"):
        content.sweep(store.cache_root() / kept)
    found: dict[Tool, Path] = {}
    refused: dict[Tool, ToolchainError] = {}
    for tool in tools:
        with report.step(tool.title) as step:
            if (program := fitting(tool)) is not None:
                found[tool] = program.resolve().parent
                step.done(f"using {program}")
                continue
            try:
                found[tool] = obtain(tool, machine=machine, step=step)
            except ToolchainError as error:
                refused[tool] = error
                step.done(f"not to be had: {error.reason}; {error.remedy}")
    return found, refused


def _make_links(links: Path, programs: Mapping[Tool, Path]) -> None:
    """Make the folder of links; one that has lost its targets is replaced."""
    if links.exists() and not store.is_complete(links):
        shutil.rmtree(links)

    def fill(partial: Path) -> None:
        for tool, folder in programs.items():
            for name in tool.links:
                if (folder / name).exists():
                    link = store.link(partial, tool, name)
                    link.parent.mkdir(exist_ok=True)
                    _link(link, folder / name)
        described = {tool.name: str(folder) for tool, folder in programs.items()}
        text = json.dumps(described, indent=1, sort_keys=True)
        (partial / store.MANIFEST).write_text(f"{text}\n")

    content.make(links, fill)


def _link(link: Path, program: Path) -> None:
    if program.name == "pulumi":
        # Pulumi takes the language host beside its own file for its own and warns of any other, so
        # its file must be in this folder; in the same file system that costs nothing.
        with contextlib.suppress(OSError):
            link.hardlink_to(program)
            return
    link.symlink_to(program)


def _link_plugins(tools: Sequence[Tool], links: Path) -> None:
    plugins = {
        tool: Path(os.path.realpath(store.link(links, tool)))
        for tool in tools
        if tool.plugin and store.link(links, tool).exists()
    }
    if not pulumi_home.is_complete(plugins):
        pulumi_home.install(plugins)
