"""What is in the image of a reconciler?

One folder with the pinned tools, Pulumi's plugins, the pinned Python packages and this program.
The Dockerfile makes it with ``python3 -m toolchain image`` and adds nothing of ours; tests run what
is in it without a container.
"""

from __future__ import annotations

import compileall
import os
import shutil
import sys
from pathlib import Path
from typing import TextIO

from toolchain import store
from toolchain.errors import ToolchainError
from toolchain.install import install
from toolchain.pins import TOOLS
from toolchain.processes import ProcessError, output_of
from toolchain.tools import Tool

PACKAGES = ("gitops", "cluster", "components", "reconciler")
ENTRYPOINT = "entrypoint.sh"
PYTHON = ("pulumi-python", "installed_packages.py")
_OF_THE_CONTROL_PLANE = frozenset(
    {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok"}
)


def image_tools() -> tuple[Tool, ...]:
    """The tools a pass needs: all but the embedded control plane's."""
    return tuple(tool for tool in TOOLS if tool.name not in _OF_THE_CONTROL_PLANE)


def assemble(into: Path, *, checkout: Path = store.CHECKOUT, progress: TextIO | None) -> None:
    """Make the folder.

    Args:
        into: the folder; it must not be there, or be empty.
        checkout: where this program and its requirements are.
        progress: where to report the steps.

    Raises:
        ToolchainError: the folder is not empty, or a tool or package cannot be had.
    """
    if into.exists() and any(into.iterdir()):
        raise ToolchainError(str(into), "it is not empty", remedy="name another folder")
    tools = image_tools()
    failures = install(tools, progress=progress, checkout=None)
    if failures:
        raise failures[0]
    (into / "bin").mkdir(parents=True)
    for tool in tools:
        _copy_tool(tool, store.links_directory(tools), into)
    _install_packages(into / "python", checkout)
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(checkout / name, into / "python" / name, ignore=ignored)
    compileall.compile_dir(into / "python", quiet=2, workers=os.cpu_count() or 1)
    shutil.copy(checkout / "image" / ENTRYPOINT, into / "bin" / "entrypoint")
    (into / "bin" / "entrypoint").chmod(0o755)
    for name in PYTHON:
        shutil.copy(checkout / "toolchain" / name, into / "bin" / name)
    _open_to_all(into)


def _open_to_all(into: Path) -> None:
    """Let every user read what is there and run what can be run: the cache is its owner's alone."""
    for path in (into, *into.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)


def _copy_tool(tool: Tool, links: Path, into: Path) -> None:
    """Copy a tool's programs; a plugin as a whole, under the name the engine looks for."""
    for name in tool.links:
        program = store.link(links, tool, name)
        if not program.exists():  # an optional one may not have been to be had
            continue
        if tool.plugin:
            folder = into / "plugins" / f"resource-{tool.plugin}-v{tool.version}"
            shutil.copytree(program.resolve().parent, folder)
        else:
            shutil.copy(program.resolve(), into / "bin" / name)


def _install_packages(into: Path, checkout: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    try:
        output_of([*pip, "--target", into, "--requirement", "requirements.txt"], folder=checkout)
    except ProcessError as error:
        remedy = "make sure that pip reaches a package index, then run it again"
        raise ToolchainError("requirements.txt", str(error), remedy=remedy) from error
