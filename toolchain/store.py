"""Where does the toolchain keep what it has, and where do others find it?

Everything lies under one cache folder (``$XDG_CACHE_HOME/home-ops``), shared by all checkouts:

- ``tools/<name>-<digest>/``  one tool, named by what it is made of
- ``bin/<digest>/``           links to one complete set of tools, to be put on PATH
- ``pulumi-home/``            Pulumi's own folder (plugins)
- ``clusters/<name>/``        the embedded control plane of a checkout, or of a test
- ``stacks/<checkout>/<stack>/``  state and passphrase of a local stack

Called by the rest of the toolchain, the embedded control plane, the tests and the benchmarks:
``bin_directory()``, ``tool_path("kubectl")``, ``tool_file("kwok", "stages")`` (a folder of kwok's
stage files, ``<kind>/<set>/*.yaml`` with a ``kustomization.yaml`` in each) and
``cluster_directory()``. Nothing here starts a process or makes a tool.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from toolchain.errors import ToolchainError
from toolchain.pins import TOOLS
from toolchain.tools import Platform, Tool, this_platform

CHECKOUT = Path(__file__).resolve().parent.parent
GO_FOLDERS = Path(__file__).resolve().parent / "go"
INSTALL = "run python3 -m toolchain install"
LAYOUT = b"3"  # of a folder of links; another one makes every folder anew
MANIFEST = "toolchain.json"


def cache_root() -> Path:
    """The cache folder, readable by its owner only; made when missing.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG base directory specification asks.
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    root = (named if named.is_absolute() else Path.home() / ".cache") / "home-ops"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root


def checkout_key(checkout: Path = CHECKOUT) -> str:
    """A name for a checkout that no other one has: its folder's name and a digest of its path."""
    path = checkout.resolve()
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).strip("-.") or "checkout"
    return f"{readable}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def cluster_directory(name: str | None = None) -> Path:
    """The folder of an embedded control plane: this checkout's, or the one of that name."""
    return _made(cache_root() / "clusters" / (name or checkout_key()))


def stack_directory(stack: str) -> Path:
    """The folder of a stack whose state is kept on this machine, one for each checkout."""
    return _made(cache_root() / "stacks" / checkout_key() / stack)


def _made(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def content_directory(tool: Tool, platform: Platform | None = None) -> Path:
    """The folder a tool has or will have, named by everything that decides what is in it: version,
    download, module pins, build settings and platform."""
    made_of = {
        "name": tool.name,
        "version": tool.version,
        "release": dataclasses.asdict(tool.release) if tool.release else None,
        "build": dataclasses.asdict(tool.build) if tool.build else None,
        "platform": dataclasses.asdict(platform or this_platform()),
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode())
    if tool.build:
        folder = GO_FOLDERS / tool.build.folder
        for path in sorted([folder / "go.mod", folder / "go.sum", *folder.glob("*.go")]):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return cache_root() / "tools" / f"{tool.name}-{digest.hexdigest()[:16]}"


def on_path(program: str) -> Path | None:
    """The program of that name on PATH, leaving out what the toolchain itself put there."""
    own = cache_root()
    folders = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if folder and not Path(folder).is_relative_to(own)
    ]
    found = shutil.which(program, path=os.pathsep.join(folders)) if folders else None
    return Path(found) if found else None


def links_directory(tools: Sequence[Tool] = TOOLS) -> Path:
    """The folder of links for these tools, whether it is there yet or not.

    Named by the tools' content and by what PATH offers in their stead: another file on PATH, or
    the same one changed, is another set.
    """
    digest = hashlib.sha256(LAYOUT)
    platform = this_platform()
    for tool in tools:
        digest.update(content_directory(tool, platform).name.encode())
        found = on_path(tool.name) if tool.path_check else None
        if found:
            status = found.stat()
            digest.update(f"{found}\0{status.st_mtime_ns}\0{status.st_size}".encode())
        digest.update(b"\0")
    return cache_root() / "bin" / digest.hexdigest()[:16]


def is_complete(links: Path) -> bool:
    """Whether a folder of links is there and each of them still leads to a file."""
    if not (links / MANIFEST).is_file():
        return False
    return all(entry.exists() for entry in links.rglob("*"))


def link(links: Path, tool: Tool, name: str = "") -> Path:
    """Where a tool is linked; plugins are no programs, and Pulumi warns of those on PATH."""
    return (links / "plugins" if tool.plugin else links) / (name or tool.name)


def bin_directory() -> Path:
    """The folder to put on PATH: a link for every tool.

    Raises:
        ToolchainError: the tools are not installed, or the pins have changed since.
    """
    links = links_directory()
    if not is_complete(links):
        raise ToolchainError("toolchain", "the tools are not installed", remedy=INSTALL)
    return links


def tool_path(name: str) -> Path:
    """The program of that name.

    Raises:
        ToolchainError: the tools are not installed, or this one is optional and was not to be had.
    """
    links = bin_directory()
    for tool in TOOLS:
        if name in tool.links and link(links, tool, name).exists():
            return link(links, tool, name)
    raise ToolchainError(name, "it is none of the installed tools", remedy=INSTALL)


def tool_file(name: str, file: str) -> Path:
    """A file or folder that came with a tool, such as ``("kwok", "stages")``.

    Raises:
        ToolchainError: the tool is not installed, or has no such file.
    """
    for tool in TOOLS:
        path = content_directory(tool) / file
        if tool.name == name and path.exists():
            return path
    raise ToolchainError(f"{name}: {file}", "it is not installed", remedy=INSTALL)
