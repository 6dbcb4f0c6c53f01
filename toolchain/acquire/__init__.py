"""How does a tool get onto this machine?

Three ways, in this order: a program on PATH whose version fits (``on_path``), the official
release with its published SHA-256 checked (``release``), a build from pinned Go modules
(``build``, with ``golang`` to find Go). Called by ``toolchain.install``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolchain import content, store
from toolchain.acquire import build, release
from toolchain.acquire.golang import GoFinder
from toolchain.acquire.release import ReleaseHosts
from toolchain.errors import NotAvailableError, ToolchainError
from toolchain.progress import Step
from toolchain.tools import Platform, Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What this machine can reach; each question is answered at most once in a run."""

    platform: Platform
    hosts: ReleaseHosts
    go: GoFinder


def obtain(tool: Tool, *, machine: Machine, step: Step) -> Path:
    """Get a tool into the cache, by download or by build.

    Returns:
        Its folder in the cache.

    Raises:
        ToolchainError: no way leads to it; every way tried is in the message.
    """
    folder = store.content_directory(tool, machine.platform)
    outcome: list[str] = []
    made = content.make(
        folder,
        lambda partial: outcome.append(_fill(tool, partial, machine=machine, step=step)),
        waiting=lambda: step.doing("waiting for another run that is getting it"),
    )
    step.done(outcome[0] if made else "in the cache")
    return folder


def _fill(tool: Tool, partial: Path, *, machine: Machine, step: Step) -> str:
    refusals = []
    if tool.release:
        try:
            release.download(tool, partial, machine.platform, hosts=machine.hosts, step=step)
        except NotAvailableError as error:
            refusals.append(str(error))
        else:
            return "downloaded, SHA-256 as published"
    if tool.build:
        try:
            build.build(tool, partial, machine.platform, go=machine.go, step=step)
        except NotAvailableError as error:
            refusals.append(str(error))
        else:
            return "built from Go modules"
    remedy = _remedy(tool, has_go=machine.go.found)
    raise ToolchainError(tool.title, " and ".join(refusals), remedy=remedy)


def _remedy(tool: Tool, *, has_go: bool) -> str:
    if tool.optional:
        return f"without it {tool.without}"
    remedies = []
    if tool.build and has_go:
        remedies.append("make sure that Go reaches a module proxy (go env GOPROXY)")
    elif tool.build:
        remedies.append("install Go 1.26")
    if tool.path_check or not tool.build:
        remedies.append(f"put {tool.name} on PATH")
    return " or ".join(remedies)
